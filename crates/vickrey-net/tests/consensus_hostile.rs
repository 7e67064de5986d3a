//! Neighbours, strangers and leaders of consensus who say anything: the first position counts, nothing makes anything panic,
//! and no stranger's word counts.

mod support;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use support::meeting::{Meeting, PATIENT, agreement, numbers, over_sockets, played};
use vickrey::faithful::consensus::{Graph, Rules, Terms as Chosen, Test, Watch};
use vickrey_net::announce::{self, Announced, NotAnnounceable, Terms};
use vickrey_net::canonical;
use vickrey_net::consensus::announce::{read, write};
use vickrey_net::consensus::walk::{Heard, Walk};
use vickrey_net::course::{Course, Incident, Stage, Verdict};
use vickrey_net::desk::{Desk, DeskError, replay};
use vickrey_net::follow::{Clerk, FollowError, Reply, Sight};
use vickrey_net::frame;
use vickrey_net::keys::Key;
use vickrey_net::line::{Badge, Line};
use vickrey_net::message::{Kind, Message, Party};

/// Three in a row, all of whom have joined.
fn joined(meeting: &Meeting, folder: &std::path::Path) -> (Desk, Vec<Clerk>) {
    let mut desk = Desk::open(meeting.intent(PATIENT, None), &folder.join("record")).unwrap().0;
    let mut clerks = meeting.clerks();
    meeting.join(&mut desk, &mut clerks);
    (desk, clerks)
}

/// STATE of follower 1 for follower 0 in round `k`.
fn state(course: &Course, k: u64, body: Value) -> Message {
    let (run, inst) = (course.begun().run.clone(), course.inst().to_owned());
    Message {
        run,
        inst,
        kind: Kind::State,
        from: Party::Follower(1),
        to: Party::Follower(0),
        k,
        seq: 0,
        body,
    }
}

#[test]
fn the_first_position_counts_and_two_are_evidence() {
    let meeting = Meeting::three(40, Watch::Reported);
    let folder = tempfile::tempdir().unwrap();
    let (desk, clerks) = joined(&meeting, folder.path());
    let post = clerks[0].post().unwrap();
    let says = |k: u64, z: Value| {
        let sealed = state(desk.course(), k, json!({ "k": k, "z": z })).seal(&meeting.keys[1]);
        (post.hear(0, &sealed), sealed.bytes)
    };
    let (heard, first) = says(1, json!(0.75));
    assert_eq!(heard, Heard::Counts);
    assert_eq!(says(1, json!(0.75)).0, Heard::Repeat);
    let (heard, second) = says(1, json!(0.25));
    assert_eq!(heard, Heard::Equivocation { first: first.clone() });
    match &post.sights()[..] {
        [Sight::TwoStates { neighbour: 1, k: 1, first: a, second: b }] => {
            assert_eq!((a, b), (&first, &second))
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(says(3, json!(0.5)).0, Heard::Counts, "kept for its time");
    for k in [0, 18, 41, u64::MAX] {
        assert_eq!(says(k, json!(0.5)).0, Heard::Ignored, "round {k}");
    }
    post.step();
    let step = meeting.rules.step();
    assert_eq!(post.position(), step * 0.75);
    // The second round: no number, so she counts as where she was; far away counts as the end of the span.
    assert_eq!(says(2, Value::Null).0, Heard::Counts);
    post.step();
    let second = step * 0.75 + step * (0.75 - step * 0.75);
    assert_eq!(post.position(), second);
    post.step();
    assert_eq!(says(4, json!(1e300)).0, Heard::Counts);
    let before = post.position();
    post.step();
    assert_eq!(post.position(), before + step * (1.0 - before));
    // She has signed something for round 18, so she is not behind, whatever she says now.
    assert_eq!(says(4, json!(0.5)).0, Heard::Old { behind: false });
    let other = state(desk.course(), 5, json!({ "k": 6, "z": 0.5 })).seal(&meeting.keys[1]);
    assert_eq!(post.hear(0, &other), Heard::Counts, "an answer, but no position: it says another round");
    let before = post.position();
    post.step();
    assert_eq!(post.position(), before + step * (1.0 - before), "as in the round before");
}

#[test]
fn who_is_behind_is_told_no_more_than_is_kept() {
    let meeting = Meeting::three(100, Watch::Reported);
    let mut walk = Walk::new(meeting.rules.clone(), 0, 0.0);
    (0..50).for_each(|_| walk.step());
    let said: Vec<u64> = walk.said(1).map(|(k, _)| k).collect();
    assert_eq!(said, (36..=51).rev().collect::<Vec<_>>());
    assert_eq!(walk.said(51).count(), 1);
    // Her newest word asks for ours; older ones, as a network repeats them, do not.
    let word: std::sync::Arc<[u8]> = vec![1].into();
    assert_eq!(walk.hear(0, 30, Some(0.5), &word), Heard::Old { behind: true });
    assert_eq!(walk.hear(0, 30, Some(0.5), &word), Heard::Old { behind: true });
    assert_eq!(walk.hear(0, 29, Some(0.5), &word), Heard::Old { behind: false });
    assert_eq!(walk.hear(0, 51, Some(0.5), &word), Heard::Counts);
    assert_eq!(walk.hear(0, 30, Some(0.5), &word), Heard::Old { behind: false });
    (0..60).for_each(|_| walk.step());
    assert!(walk.arrived() && walk.k() == 101 && walk.silent().is_empty());
    assert_eq!(walk.said(1).next().map(|(k, _)| k), Some(100), "those who are behind still hear");
}

/// Strangers at the followers' ports, and an earlier run's messages: the run is the same as without them.
#[test]
fn strangers_at_neighbours_ports_change_nothing() {
    let meeting = Meeting::three(10, Watch::Observed);
    let folder = tempfile::tempdir().unwrap();
    let earlier = Meeting::three(9, Watch::Reported);
    let (old, _) = joined(&earlier, folder.path());
    let hello = |from: usize, to: usize, key: &Key, run: &str| {
        let message = Message {
            run: run.into(),
            inst: old.course().inst().into(),
            kind: Kind::Hello,
            from: Party::Follower(from),
            to: Party::Follower(to),
            k: 0,
            seq: 0,
            body: json!({ "follower": from, "run": run, "last_k": 1 }),
        };
        message.seal(key).bytes
    };
    let stranger = Key::from_seed(&[77; 32]);
    let folder = tempfile::tempdir().unwrap();
    let held = std::sync::Mutex::new(Vec::new());
    let guests = |ports: &[SocketAddr]| {
        for (j, port) in ports.iter().enumerate() {
            let mut all = [(); 3].map(|()| TcpStream::connect(port).unwrap());
            all[0].write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
            all[1].write_all(&[0xff; 64]).unwrap();
            held.lock().unwrap().extend(all);
            // Nobody answers before the run begins.
            let (i, port) = (if j == 1 { 0 } else { 1 }, *port);
            let told = [
                hello(i, j, &meeting.keys[i], &old.course().begun().run),
                state(old.course(), 1, json!({ "k": 1, "z": 1 })).seal(&meeting.keys[1]).bytes,
            ];
            let by_stranger = [hello(i, j, &stranger, &old.course().begun().run)];
            for (key, said) in [(&meeting.keys[i], &told[..]), (&stranger, &by_stranger)] {
                let badge = Badge::new(key, &[meeting.keys[j].public()]).unwrap();
                let said = said.to_vec();
                std::thread::spawn(move || {
                    let Ok(line) = Line::dial(TcpStream::connect(port).unwrap(), &badge, &mut || true) else {
                        return;
                    };
                    // Whether she still listens or not.
                    said.iter().for_each(|bytes| drop(frame::write(&mut &line, bytes)));
                    let _ = (&line).read_to_end(&mut Vec::new());
                });
            }
        }
    };
    let (desk, _, sights) = over_sockets(&meeting, PATIENT, folder.path(), &guests);
    assert_eq!(numbers(agreement(desk.course())), played(&meeting.expected()));
    assert!(!sights.iter().any(|s| matches!(s, Sight::Missed { .. } | Sight::TwoStates { .. })));
    assert_eq!(desk.course().incidents(), []);
}

#[test]
fn messages_of_another_run_or_for_others_do_not_count() {
    let meeting = Meeting::three(10, Watch::Reported);
    let folder = tempfile::tempdir().unwrap();
    let (mut desk, mut clerks) = joined(&meeting, folder.path());
    meeting.walk(&clerks, &|_, _, _| true);
    let value = meeting.open(&clerks[0].unasked().unwrap().unwrap()).message;
    let mut foreign = value.clone();
    foreign.run = "another".into();
    assert!(matches!(desk.take(foreign.seal(&meeting.keys[0])).unwrap(), Verdict::Ignored(_)));
    let mut state = value.clone();
    state.kind = Kind::State;
    assert!(
        matches!(desk.take(state.seal(&meeting.keys[0])).unwrap(), Verdict::Ignored(_)),
        "not the leader's"
    );
    assert_eq!(desk.take(value.clone().seal(&meeting.keys[0])).unwrap(), Verdict::Counts);
    let mut other = value;
    other.body["v"] = 0.into();
    assert_eq!(desk.take(other.seal(&meeting.keys[0])).unwrap(), Verdict::Equivocation);
    assert_eq!(desk.course().incidents(), [Incident::Equivocation { follower: 0, k: 0 }]);
    // The others' come after the leader has closed: late, once each.
    desk.close().unwrap();
    let late = meeting.open(&clerks[1].unasked().unwrap().unwrap());
    assert_eq!(desk.take(late.clone()).unwrap(), Verdict::Late);
    assert_eq!(desk.take(late).unwrap(), Verdict::Late);
    assert_eq!(desk.course().incidents().len(), 2);
    assert_eq!(agreement(desk.course()).values[1], None);
}

#[test]
fn a_leader_with_two_faces_is_left_with_both_as_evidence() {
    let meeting = Meeting::three(10, Watch::Reported);
    let folder = tempfile::tempdir().unwrap();
    let (mut desk, mut clerks) = joined(&meeting, folder.path());
    meeting.walk(&clerks, &|_, _, _| true);
    for clerk in &mut clerks {
        desk.take(meeting.open(&clerk.unasked().unwrap().unwrap())).unwrap();
    }
    desk.close().unwrap();
    let honest = desk.course().says(0).unwrap();
    let mut other = honest.clone();
    other.body["payment"] = 0.into();
    assert!(matches!(clerks[0].handle(&honest.seal(&meeting.leader).bytes).unwrap(), Reply::Taxed(..)));
    let reply = clerks[0].handle(&other.seal(&meeting.leader).bytes).unwrap();
    assert!(matches!(reply, Reply::Ended(_, FollowError::TwoFaced { .. })), "{reply:?}");
}

#[test]
fn announcements_come_back_and_those_that_do_not_follow_are_refused() {
    let terms = Terms { round_ms: 100, value_ms: 200, deposit: 1.0 };
    let star = Graph::star(3).unwrap();
    for meeting in [
        Meeting::three(10, Watch::Observed),
        Meeting::new(star, &[0.0; 3], 7, Test::Spectral, Watch::Reported),
    ] {
        let body = write(&meeting.rules, &terms).unwrap();
        // Through the text, as it goes over the wire.
        let body = canonical::read(canonical::text(&body).as_bytes()).unwrap();
        let (rules, again) = read(&body).unwrap();
        assert_eq!(
            (rules.limit(), rules.fine(), again),
            (meeting.rules.limit(), meeting.rules.fine(), terms)
        );
        assert_eq!(rules.step(), meeting.rules.step());
        assert!(matches!(announce::read(&body), Ok((Announced::Consensus(_), _))));
        for (key, value) in [
            ("N", json!(2)),
            ("N", json!(1_000_000_000_000_000_u64)),
            ("edges", json!([[0, 1]])),
            ("edges", json!([[0, 0], [1, 2]])),
            ("edges", json!([[0, 1], [1, 7]])),
            ("ranges", json!([[0, 1], [0, 1]])),
            ("ranges", json!([[0, 1], [0, 1], [1, 0]])),
            ("ranges", json!([[0, 1], [0, 1], [0, 1e300]])),
            ("ranges", json!([[0, 1], [0, 1], [0, 2]])),
            ("alpha", json!(2.0)),
            ("alpha", json!(0.01)),
            ("n", json!(0)),
            ("n", json!(11)),
            ("test", json!("printed")),
            ("watch", json!("guessed")),
            ("limit", json!(1e9)),
            ("fine", json!(0.5)),
            ("names", json!(["a", "b"])),
            ("round_ms", json!(0)),
            ("surprise", json!(1)),
        ] {
            let mut body = body.clone();
            body[key] = value.clone();
            let error = read(&body).unwrap_err().to_string();
            assert!(error.contains("found"), "{key} = {value}: {error}");
        }
    }
    let three = Meeting::three(10, Watch::Observed);
    let printed = Chosen { step: None, rounds: 10, test: Test::Printed, watch: Watch::Observed };
    let printed = Rules::new(three.rules.instance().clone(), printed).unwrap();
    assert!(matches!(write(&printed, &terms), Err(NotAnnounceable::NotProved { .. })));
}

/// Names under which nobody's key is enrolled: she would take a stranger for a neighbour.
#[test]
fn other_names_than_the_enrolment_are_refused() {
    let meeting = Meeting::three(10, Watch::Reported);
    let mut body = write(&meeting.rules, &PATIENT).unwrap();
    body["names"] = json!(["agent 0", "agent 2", "agent 1"]);
    let inst = canonical::hash(canonical::text(&body).as_bytes());
    let (from, to) = (Party::Leader, Party::Follower(0));
    let letter = Message { run: "r".into(), inst, kind: Kind::Announce, from, to, k: 0, seq: 1, body };
    let mut clerks = meeting.clerks();
    let Reply::Ended(_, error) = clerks[0].handle(&letter.seal(&meeting.leader).bytes).unwrap() else {
        panic!()
    };
    assert!(error.to_string().contains("the names of the enrolment"), "{error}");
}

#[test]
fn every_beginning_of_a_record_leads_to_the_same_end() {
    let meeting = Meeting::three(6, Watch::Observed);
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    let intent = || meeting.intent(PATIENT, Some(folder.path().join("seen.csv")));
    let play = |record: &std::path::Path| {
        let mut desk = Desk::open(intent(), record).unwrap().0;
        let mut clerks = meeting.clerks();
        meeting.join(&mut desk, &mut clerks);
        meeting.walk(&clerks, &|_, _, _| true);
        meeting.settle(&mut desk, &mut clerks, &|i| i != 1);
        numbers(agreement(desk.course()))
    };
    let expected = play(&whole);
    let bytes = std::fs::read(&whole).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    for cut in (0..40).map(|_| rng.random_range(0..bytes.len())).chain([0, 5, 16, bytes.len()]) {
        let path = folder.path().join(format!("cut-{cut}"));
        std::fs::write(&path, &bytes[..cut]).unwrap();
        assert_eq!(play(&path), expected, "cut at {cut}");
        assert_eq!(numbers(agreement(&replay(&path).unwrap())), expected);
    }
    // Other positions, with sums that are right, do not lead to the tax that is signed there.
    let records = vickrey_net::log::read(&whole).unwrap().records;
    let forged = folder.path().join("forged");
    let mut log = vickrey_net::log::Log::open(&forged).unwrap().0;
    for (_, mut value) in records {
        if value["record"] == "observed" {
            value["positions"][0] = 0.5.into();
        }
        log.append(&value).unwrap();
    }
    drop(log);
    assert!(matches!(replay(&forged), Err(DeskError::Record { .. })));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (0_u64..5).prop_map(Value::from),
        "[a-z:0-9.]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let keys = prop_oneof![
            Just("k"),
            Just("z"),
            Just("v"),
            Just("position"),
            Just("neighbours"),
            Just("follower"),
            Just("address"),
            Just("payment")
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((keys, inner), 0..5)
                .prop_map(|pairs| pairs.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()),
        ]
    })
}

fn object(value: Value) -> Value {
    if value.is_object() { value } else { json!({ "z": value.clone(), "v": value }) }
}

proptest! {
    // Each case is a whole run on disk.
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// A neighbour may sign anything: the run ends, positions stay in the span, taxes are numbers.
    #[test]
    fn signed_garbage_never_stops_a_run(bodies in prop::collection::vec(any_json(), 8), k in 0_u64..12) {
        let meeting = Meeting::three(6, Watch::Reported);
        let folder = tempfile::tempdir().unwrap();
        let (mut desk, mut clerks) = joined(&meeting, folder.path());
        let post = clerks[0].post().unwrap();
        for body in &bodies {
            let message = state(desk.course(), k, object(body.clone()));
            post.hear(0, &message.seal(&meeting.keys[1]));
        }
        meeting.walk(&clerks, &|_, i, j| (i, j) != (1, 0));
        prop_assert!((0.0..=1.0).contains(&post.position()));
        let (run, inst) = (desk.course().begun().run.clone(), desk.course().inst().to_owned());
        let (from, to) = (Party::Follower(1), Party::Leader);
        let body = object(bodies[0].clone());
        let value = Message { run, inst, kind: Kind::Value, from, to, k: 0, seq: 2, body };
        desk.take(value.seal(&meeting.keys[1])).unwrap();
        let taxes = meeting.settle(&mut desk, &mut clerks, &|i| i != 1);
        prop_assert!(taxes.iter().all(|tax| tax.payment.is_finite()));
        prop_assert_eq!(desk.course().stage(), Stage::Over);
    }

    /// A leader may sign anything: a follower notes, answers, ignores, or ends with a reason.
    #[test]
    fn a_leaders_garbage_does_not_upset_a_follower(body in any_json(), kind in 0_usize..5, seq in 0_u64..4) {
        let meeting = Meeting::three(6, Watch::Reported);
        let folder = tempfile::tempdir().unwrap();
        let (desk, mut clerks) = joined(&meeting, folder.path());
        let kind = [Kind::Neighbours, Kind::Tax, Kind::Price, Kind::Decision, Kind::Announce][kind];
        let letter = Message { kind, seq, body: object(body), ..desk.course().announcement(0) };
        match clerks[0].handle(&letter.seal(&meeting.leader).bytes) {
            Ok(Reply::Send(_) | Reply::Taxed(..) | Reply::Noted | Reply::Ignored(_) | Reply::Ended(..)) | Err(_) => {}
            Ok(other) => prop_assert!(false, "{:?}", other),
        }
    }
}
