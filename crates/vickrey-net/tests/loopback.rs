//! A leader and followers over sockets decide and charge what one process does, bit for bit; and silence means the same.

mod support;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use support::{always, ascent, bits, case_a, drive, mixed, over_sockets, settled};
use vickrey::faithful::dual::follower::Faithful;
use vickrey::faithful::dual::leader::{Event, Leader, Letter, Phase, Report};
use vickrey::faithful::dual::rules::{Bound, Marginals, Method, Mode, Moduli, Plan, Rules, Stop};
use vickrey_net::announce::{NotAnnounceable, Terms};
use vickrey_net::course::{Incident, Stage, Verdict};
use vickrey_net::desk::{Desk, DeskError, What, replay};
use vickrey_net::follow::{Clerk, FollowError, Private, Reply};
use vickrey_net::lead::{LeadError, lead};
use vickrey_net::line::{Badge, Line};
use vickrey_net::message::{Kind, Message, Party};

/// Nobody is late here, however slow the machine is.
const PATIENT: Terms = Terms { round_ms: 60_000, value_ms: 60_000, deposit: 0.0 };

#[test]
fn all_methods_and_modes_agree_with_one_process() {
    let methods = [
        Method::Ascent { step: None, fading: false },
        Method::Accelerated { step: None },
        Method::Multipliers { rho: 0.5, relaxation: 1.6 },
        Method::Newton,
    ];
    for (k, method) in methods.into_iter().enumerate() {
        let mode = [Mode::Vcg, Mode::Dual, Mode::Vcg, Mode::Zero][k];
        let game = mixed(method, mode);
        let folder = tempfile::tempdir().unwrap();
        let record = folder.path().join("record");
        let (desk, taxes) = over_sockets(&game, PATIENT, &record);
        let expected = game.expected();
        let expected = expected.settled().unwrap();
        assert_eq!(bits(settled(desk.course())), bits(expected), "{method:?}");
        for (i, tax) in taxes.iter().enumerate() {
            assert_eq!(tax.payment, expected.payment[i]);
            assert_eq!(tax.decision.as_deref(), Some(&expected.allocation[game.plan.problem().range(i)]));
        }
        assert_eq!(desk.course().incidents(), []);
        drop(desk);
        assert_eq!(bits(settled(&replay(&record).unwrap())), bits(expected));
    }
}

/// The same arrivals, handed to the state machine alone.
fn without_messages(game: &support::Game, speaks: &dyn Fn(usize, usize) -> bool) -> (Vec<u64>, Vec<Event>) {
    let leader = Leader::new(game.plan.clone());
    let mut state = leader.start();
    while state.phase() != Phase::Finished {
        let round = if state.phase() == Phase::Rounds { state.round() } else { 0 };
        let reports = (0..game.costs.len()).map(|agent| {
            let public = game.plan.problem().follower(agent);
            let faithful = Faithful { agent, public, cost: &game.costs[agent] };
            let letter = leader.letter(&state, agent).filter(|_| speaks(agent, round))?;
            Some(match letter {
                Letter::Prices(letter) => Report::Answer(faithful.answer(&letter)),
                Letter::Decision(decision) => Report::Values(faithful.values(&decision)),
                Letter::Modulus => unreachable!("not in live runs"),
            })
        });
        let reports = reports.collect();
        leader.close(&mut state, reports).unwrap();
    }
    (bits(state.settled().unwrap()), state.events().to_vec())
}

#[test]
fn silence_is_held_struck_and_dropped_as_the_state_machine_says() {
    let folder = tempfile::tempdir().unwrap();
    type Script<'a> = (&'a str, &'a dyn Fn(usize, usize) -> bool);
    let scripts: [Script<'_>; 4] = [
        ("one round", &|i, k| !(i == 1 && k == 3)),
        ("from the second", &|i, k| !(i == 1 && k >= 2)),
        ("values", &|i, k| !(i == 2 && k == 0)),
        ("two of them", &|i, k| !((i == 0 && k >= 4) || (i == 2 && k == 1))),
    ];
    for (name, speaks) in scripts {
        let game = case_a(ascent(0.4), Stop::Rounds(6), Mode::Vcg);
        let record = folder.path().join(name);
        let mut desk = Desk::open(game.intent(PATIENT), &record).unwrap().0;
        drive(&game, &mut desk, &mut game.clerks(), &|i, stage, k| match stage {
            Stage::Joining | Stage::Taxes => true,
            _ => speaks(i, k as usize),
        });
        let (expected, events) = without_messages(&game, speaks);
        assert!(!events.is_empty());
        assert_eq!(support::state(desk.course()).events(), events, "{name}");
        assert_eq!(bits(settled(desk.course())), expected, "{name}");
    }
}

#[test]
fn who_does_not_join_is_absent_from_everything() {
    let game = case_a(ascent(0.4), Stop::Rounds(40), Mode::Zero);
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::open(game.intent(PATIENT), &folder.path().join("record")).unwrap().0;
    let mut clerks = game.clerks();
    drive(&game, &mut desk, &mut clerks, &|i, stage, _| !(i == 1 && stage == Stage::Joining));
    assert_eq!(desk.course().absent(), [1]);
    assert_eq!(desk.course().incidents(), [Incident::Absent { follower: 1, why: None }]);
    // Without the second: z_1 + 2 z_3 = 3 with v_1' = z_1 - 2 and v_3' = 4 z_3 - 8, so z = (1/2, 5/4).
    let settled = settled(desk.course());
    for (x, y) in settled.allocation.iter().zip([0.5, 0.0, 1.25]) {
        assert!((x - y).abs() < 1e-9, "{settled:?}");
    }
    assert!(desk.letter(1).is_none());
    // With taxes that compare, two are left and each is compared with the other alone: fine. With one left it is not.
    let game = case_a(ascent(0.4), Stop::Rounds(5), Mode::Vcg);
    let mut desk = Desk::open(game.intent(PATIENT), &folder.path().join("alone")).unwrap().0;
    support::drive_stage(&game, &mut desk, &mut game.clerks(), &|i, _, _| i == 0);
    assert!(desk.close().unwrap_err().to_string().contains("found 1 followers who take part"));
}

fn answer(clerk: &mut Clerk, desk: &mut Desk, i: usize) -> std::sync::Arc<[u8]> {
    let letter = desk.letter(i).unwrap();
    match clerk.handle(&letter).unwrap() {
        Reply::Send(bytes) => bytes,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_first_message_counts_and_others_are_repeats_lies_or_late() {
    let game = case_a(ascent(0.4), Stop::Rounds(3), Mode::Vcg);
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::open(game.intent(PATIENT), &folder.path().join("record")).unwrap().0;
    let mut clerks = game.clerks();
    support::drive_stage(&game, &mut desk, &mut clerks, &always);
    desk.close().unwrap();
    let first = answer(&mut clerks[0], &mut desk, 0);
    assert_eq!(first, answer(&mut clerks[0], &mut desk, 0), "the same letter gets the same bytes");
    assert_eq!(desk.take(game.open(&first)).unwrap(), Verdict::Counts);
    assert_eq!(desk.take(game.open(&first)).unwrap(), Verdict::Repeat);
    let mut other = game.open(&first).message;
    other.body["v"][0][0] = 7.into();
    let other = other.seal(&game.keys[0]);
    for _ in 0..3 {
        assert_eq!(desk.take(other.clone()).unwrap(), Verdict::Equivocation);
    }
    let late = answer(&mut clerks[1], &mut desk, 1);
    let mut early = game.open(&late).message;
    early.k = 2;
    early.seq = 3;
    let early = early.seal(&game.keys[1]);
    assert!(matches!(desk.take(early).unwrap(), Verdict::Ignored(_)));
    let mut foreign = game.open(&late).message;
    foreign.run = "another".into();
    assert!(matches!(desk.take(foreign.seal(&game.keys[1])).unwrap(), Verdict::Ignored(_)));
    desk.close().unwrap();
    for _ in 0..3 {
        assert_eq!(desk.take(game.open(&late)).unwrap(), Verdict::Late);
    }
    assert_eq!(desk.take(game.open(&first)).unwrap(), Verdict::Repeat);
    let incidents = [Incident::Equivocation { follower: 0, k: 1 }, Incident::Late { follower: 1, k: 1 }];
    assert_eq!(desk.course().incidents(), incidents);
    assert_eq!(
        support::state(desk.course()).events(),
        [
            Event::Missing { round: 1, follower: 1, problems: 3 },
            Event::Missing { round: 1, follower: 2, problems: 3 }
        ]
    );
}

#[test]
fn a_leader_with_two_faces_is_left_with_both_as_evidence() {
    let game = case_a(ascent(0.4), Stop::Rounds(3), Mode::Vcg);
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::open(game.intent(PATIENT), &folder.path().join("record")).unwrap().0;
    let mut clerks = game.clerks();
    support::drive_stage(&game, &mut desk, &mut clerks, &always);
    desk.close().unwrap();
    answer(&mut clerks[0], &mut desk, 0);
    let honest = desk.course().says(0).unwrap();
    let mut other = honest.clone();
    other.body["lam"][0][0][0] = 0.125.into();
    let other = other.seal(&game.leader).bytes;
    match clerks[0].handle(&other).unwrap() {
        Reply::Ended(abort, FollowError::TwoFaced { first, second }) => {
            assert_eq!(first, honest.seal(&game.leader).bytes);
            assert_eq!(second, other);
            let abort = game.open(&abort);
            assert_eq!(abort.message.kind, Kind::Abort);
            assert_eq!(desk.take(abort).unwrap(), Verdict::Counts);
        }
        other => panic!("{other:?}"),
    }
    // Nobody waits for her any more; the fault rule takes its course.
    assert_eq!(desk.course().awaited(), [1, 2]);
    assert_eq!(desk.course().silent(), [0, 1, 2]);
}

#[test]
fn a_follower_refuses_what_does_not_go_with_her_cost_and_does_not_say_how() {
    let game = case_a(ascent(0.4), Stop::Rounds(3), Mode::Vcg);
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::open(game.intent(PATIENT), &folder.path().join("record")).unwrap().0;
    let mut identity = game.identity(0);
    identity.private = Private::Cost(game.costs[2].clone());
    let mut clerk = Clerk::new(identity, None).unwrap();
    let letter = desk.letter(0).unwrap();
    let Reply::Ended(refusal, error) = clerk.handle(&letter).unwrap() else { panic!("she takes part") };
    assert!(error.to_string().contains("second derivatives from 4 to 4"), "{error}");
    let text = String::from_utf8(refusal.to_vec()).unwrap();
    assert!(text.contains("\"found\":null"), "{text}");
    assert_eq!(desk.take(game.open(&refusal)).unwrap(), Verdict::Counts);
    assert_eq!(desk.course().awaited(), [1, 2]);
}

#[test]
fn rules_for_audits_and_missing_limits_are_not_played_live() {
    let game = case_a(ascent(0.4), Stop::Rounds(3), Mode::Vcg);
    let folder = tempfile::tempdir().unwrap();
    let record = folder.path().join("record");
    let multipliers = Method::Multipliers { rho: 1.0, relaxation: 1.0 };
    let usual = || game.plan.rules().clone();
    for (wrong, rules) in [
        ("marginals", Rules { marginals: Marginals::Warm { rounds: 1 }, ..usual() }),
        (
            "moduli",
            Rules { moduli: Moduli::Announced, method: Method::Accelerated { step: None }, ..usual() },
        ),
        ("bound", Rules { bound: Bound::Naive, method: multipliers, ..usual() }),
        ("mode", Rules { mode: Mode::ClearingPrice, ..usual() }),
    ] {
        let mut intent = game.intent(PATIENT);
        let plan = Arc::new(Plan::new(game.plan.problem().clone(), rules).unwrap());
        assert!(plan.rules().unproved().is_some());
        intent.what = What::Dual { plan, unlimited: false };
        let error = Desk::open(intent, &record).unwrap_err();
        assert!(
            matches!(error, DeskError::Intent(NotAnnounceable::AuditOnly { field, .. }) if field == wrong),
            "{wrong}: {error}"
        );
    }
    // And no follower plays with a leader who announces it.
    let mut body = vickrey_net::dual::announce::write(&game.plan, &PATIENT, false).unwrap();
    body["mode"] = "clearing-price".into();
    let error = vickrey_net::dual::announce::read(&body).unwrap_err().to_string();
    assert!(error.contains("clearing-price"), "{error}");
    let open = case_a(ascent(0.4), Stop::Rounds(3), Mode::Vcg);
    let mut followers = open.plan.problem().followers().to_vec();
    followers[1].high[0] = f64::INFINITY;
    let problem = vickrey::faithful::dual::model::Problem::new(vec![3.0], followers).unwrap();
    let plan = Arc::new(Plan::new(problem, open.plan.rules().clone()).unwrap());
    let mut intent = game.intent(PATIENT);
    intent.what = What::Dual { plan: plan.clone(), unlimited: false };
    let error = Desk::open(intent, &record).unwrap_err();
    assert!(matches!(error, DeskError::Intent(NotAnnounceable::NoLimits(_))), "{error}");
    assert!(!record.exists());
    let mut intent = game.intent(PATIENT);
    intent.what = What::Dual { plan, unlimited: true };
    Desk::open(intent, &record).unwrap();
}

#[test]
fn strangers_and_slow_talkers_hold_up_nobody() {
    let game = &case_a(ascent(0.4), Stop::Rounds(5), Mode::Vcg);
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut desk = Desk::open(game.intent(PATIENT), &folder.path().join("record")).unwrap().0;
    // They are in line before anybody else.
    let mut guests: Vec<_> = (0..4).map(|_| TcpStream::connect(address).unwrap()).collect();
    guests[0].write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    guests[1].write_all(&[0xff; 64]).unwrap();
    guests[2].write_all(&[22, 3, 1, 2, 0, 1]).unwrap();
    // Somebody who is enrolled but claims to be another.
    let hello = |from: usize, claimed: usize| Message {
        run: String::new(),
        inst: String::new(),
        kind: Kind::Hello,
        from: Party::Follower(from),
        to: Party::Leader,
        k: 0,
        seq: 0,
        body: serde_json::json!({ "follower": claimed, "run": null, "last_k": 0 }),
    };
    let dial = |first: &[u8], then: &[u8]| {
        let badge = Badge::new(&game.keys[0], &[game.leader.public()]).unwrap();
        let line = Line::dial(TcpStream::connect(address).unwrap(), &badge, &mut || true).unwrap();
        vickrey_net::frame::write(&mut &line, first).unwrap();
        (&line).write_all(then).unwrap();
        line
    };
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let claimed = dial(&hello(0, 1).seal(&game.keys[0]).bytes, &[]);
            let forged = dial(&hello(1, 1).seal(&game.keys[0]).bytes, &[]);
            // She shows one key, and says hello with another's recorded message.
            let played = dial(&hello(1, 1).seal(&game.keys[1]).bytes, &[]);
            // One who is who she says, then sends garbage and never reads.
            let rude = dial(&hello(0, 0).seal(&game.keys[0]).bytes, &[0, 0, 0, 3, 1, 2, 3]);
            for line in [claimed, forged, played, rude] {
                let mut rest = Vec::new();
                // ANNOUNCE for the last at most; all are ended by the leader.
                let _ = (&line).read_to_end(&mut rest);
            }
        });
        for i in 0..3 {
            let stop = &stop;
            scope.spawn(move || {
                let mut clerk = Clerk::new(game.identity(i), None).unwrap();
                let dial = || TcpStream::connect(address);
                vickrey_net::follow::follow(&mut clerk, &dial, Duration::from_secs(60), &mut |_| {}, stop)
                    .unwrap();
            });
        }
        lead(&mut desk, &listener, Duration::from_secs(60), &mut |_, _| {}, &stop).unwrap();
    });
    let expected = game.expected();
    assert_eq!(bits(settled(desk.course())), bits(expected.settled().unwrap()));
    assert_eq!(desk.course().incidents(), []);
}

#[test]
fn a_stopped_leader_says_that_the_run_can_go_on() {
    let game = case_a(ascent(0.4), Stop::Rounds(5), Mode::Vcg);
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut desk = Desk::open(game.intent(PATIENT), &folder.path().join("record")).unwrap().0;
    let stop = AtomicBool::new(true);
    let error = lead(&mut desk, &listener, Duration::from_secs(60), &mut |_, _| {}, &stop).unwrap_err();
    assert!(matches!(error, LeadError::Stopped));
}
