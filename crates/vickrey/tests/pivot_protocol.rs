//! The dynamic pivot mechanism as a protocol: sealed and open reports, what is fixed when, who leaves and what follows.

mod pivot_cases;

use std::sync::Arc;

use pivot_cases::{goods, item, model, player, storage};
use vickrey::mechanism::{Arrival, Inbox, Mechanism, Next, Strategy, Turn};
use vickrey::numeric::sample::Moments;
use vickrey::pivot::protocol::{
    Draw, Notice, Phase, PivotError, PivotState, Report, Salt, seal_outcome, seal_report,
};
use vickrey::pivot::simulate::{Game, Run, informed};
use vickrey::pivot::solve::State;
use vickrey::pivot::solve::ruling::Ruling;
use vickrey::pivot::strategies::{Lie, PivotWorld, Player as Liar, Sight};
use vickrey::pivot::{
    Horizon, Labels, Model, Moves, Options, Outcomes, Parts, PivotMechanism, Public, Solution, Terms,
    Varying, Without, mode::PaymentTime, solve,
};
use vickrey::simulate::{Profile, Totals, paired, run, run_seed, truthful};

const SALT: Salt = [7; 32];

fn solved(model: &Model, mode: Without) -> Arc<Solution> {
    Arc::new(solve(model, &Options { mode, ..Options::default() }, &|_| {}).expect("solvable"))
}

fn with(model: &Model, mode: Without, payment: PaymentTime, sealed: bool) -> PivotMechanism {
    let periods = model.periods().unwrap_or(6);
    let options = Options { mode, ..Options::default() };
    PivotMechanism::new(solved(model, mode), options, Terms { payment, sealed, periods }).expect("terms")
}

fn mechanism(parts: Parts, mode: Without, sealed: bool) -> PivotMechanism {
    with(&model(parts), mode, PaymentTime::BeforeOutcome, sealed)
}

fn storage_for_three_hours(sealed: bool) -> PivotMechanism {
    mechanism(storage(Horizon::Finite(3), 1.0, 10.0), Without::Own, sealed)
}

/// Any number of storage providers: idle, use one of them, curtail.
fn providers(count: usize) -> Parts {
    let decisions = count + 2;
    let rest = vec![0.9, 0.1, 0.6, 0.4];
    let used = vec![0.3, 0.7, 0.1, 0.9];
    let provider = |i: usize| {
        let cost = vec![-1.0 - 0.3 * i as f64, -4.0];
        let utility = (0..decisions).map(|a| if a == i + 1 { cost.clone() } else { vec![0.0; 2] });
        let kernels = (0..decisions).map(|a| if a == i + 1 { used.clone() } else { rest.clone() });
        let mut player = player(utility.collect(), kernels.collect(), Some(vec![0.0, -1.0]));
        player.prior = vec![0.6, 0.4];
        player.absent = Some(vec![vec![0], (1..decisions).filter(|a| *a != i + 1).collect()]);
        player
    };
    let curtailed = (0..decisions).map(|a| if a == count + 1 { -10.0 } else { 0.0 });
    Parts {
        horizon: Horizon::Finite(3),
        discount: 1.0,
        decisions,
        outcomes: Outcomes {
            feasible: vec![vec![0], (1..decisions).collect()],
            probability: Varying::constant(vec![0.4, 0.6]),
        },
        public: Public { utility: Varying::by_decision(curtailed.collect()), ..Public::nothing() },
        players: (0..count).map(provider).collect(),
        labels: Labels::default(),
    }
}

fn honest(_: usize) -> Box<dyn Strategy<PivotMechanism, Sight>> {
    Box::new(Liar::default())
}

/// Truthful players, but for one.
fn profile(players: usize, liar: usize, lie: &Lie) -> Profile<PivotMechanism, Sight> {
    let lie = |i| if i == liar { lie.clone() } else { Lie::default() };
    (0..players).map(|i| Box::new(Liar::new(lie(i))) as _).collect()
}

fn silent_from(period: usize) -> Lie {
    Lie { silent_from: Some(period), ..Lie::default() }
}

fn open(own: usize) -> Report {
    Report::Type { own, salt: None }
}

/// Everybody opens these types; answers the state after the reports are closed.
fn reported(mechanism: &PivotMechanism, types: &[usize]) -> PivotState {
    let mut state = mechanism.start();
    let reports = types.iter().map(|&own| Arrival::Admitted(open(own)));
    mechanism.close(&mut state, reports.collect()).expect("reports");
    state
}

fn draw(outcome: usize) -> Draw {
    Draw::Outcome { outcome, salt: None }
}

// ---------------------------------------------------------------- what is fixed when

#[test]
fn payments_are_fixed_before_the_outcome() {
    let mechanism = storage_for_three_hours(false);
    let closed = reported(&mechanism, &[1, 0]);
    let settled = [0, 1].map(|z| mechanism.settle(&mut closed.clone(), draw(z)).expect("an outcome"));
    // One closed state, two outcomes: another decision, the same payments, bit for bit.
    assert_ne!(settled[0].decision, settled[1].decision);
    assert_eq!(settled[0].payment, settled[1].payment);
    assert_eq!(settled[0].ruling, settled[1].ruling);
    let ruling = settled[0].ruling.as_ref().expect("a ruling");
    assert_eq!(settled[0].payment, ruling.payment);
    let exact = mechanism.solution().ruling(0, &State { public: 0, types: vec![1, 0] }).unwrap();
    assert_eq!(*ruling, exact);
    assert!((ruling.payment[1] + 3.08688).abs() < 1e-12, "worked case E4, state 10");
}

#[test]
fn payments_may_wait_for_the_outcome() {
    let model = model(storage(Horizon::Finite(3), 1.0, 10.0));
    let mechanism = with(&model, Without::Own, PaymentTime::OutcomeContingent, false);
    let closed = reported(&mechanism, &[1, 0]);
    let paid = [0, 1].map(|z| mechanism.settle(&mut closed.clone(), draw(z)).expect("an outcome").payment);
    assert_ne!(paid[0], paid[1]);
    let fixed = mechanism.solution().ruling(0, &State { public: 0, types: vec![1, 0] }).unwrap().payment;
    for (i, fixed) in fixed.iter().enumerate() {
        assert!((0.4 * paid[0][i] + 0.6 * paid[1][i] - fixed).abs() < 1e-13);
    }
}

#[test]
fn nature_keeps_to_its_commitment() {
    let mechanism = storage_for_three_hours(true);
    let mut state = mechanism.start();
    let seals = (0..2).map(|i| Arrival::Admitted(Report::Seal(seal_report(0, i, 0, &SALT))));
    mechanism.close(&mut state, seals.collect()).unwrap();
    mechanism.settle(&mut state, Draw::Seal(seal_outcome(0, 1, &SALT))).unwrap();
    assert_eq!(mechanism.announce(&state, 0).unwrap().outcome, Some(seal_outcome(0, 1, &SALT)));
    let report = || Arrival::Admitted(Report::Type { own: 0, salt: Some(SALT) });
    mechanism.close(&mut state, vec![report(), report()]).unwrap();
    let refused = |outcome, salt| match mechanism.settle(&mut state.clone(), Draw::Outcome { outcome, salt })
    {
        Err(PivotError::Nature { found, .. }) => found,
        other => panic!("{other:?}"),
    };
    assert!(refused(0, Some(SALT)).contains("another seal"), "a changed outcome");
    assert!(refused(1, Some([8; 32])).contains("another seal"), "another salt");
    assert!(refused(1, None).contains("another seal"), "no salt");
    assert!(refused(2, Some(SALT)).contains("outcome 2"), "an outcome that does not exist");
    let settled = mechanism.settle(&mut state, Draw::Outcome { outcome: 1, salt: Some(SALT) }).unwrap();
    assert_eq!(settled.decision, Some((1, 1)));
}

#[test]
fn what_does_not_belong_to_a_stage_is_refused() {
    let mechanism = storage_for_three_hours(true);
    let mut state = mechanism.start();
    let error = mechanism.admit(&state, 0, &open(0)).unwrap_err();
    assert!(error.to_string().contains("an open report"), "{error}");
    assert!(matches!(mechanism.settle(&mut state, draw(0)), Err(PivotError::Nature { .. })));
    assert!(matches!(mechanism.settle(&mut state, Draw::Public(0)), Err(PivotError::Nature { .. })));

    let mechanism = storage_for_three_hours(false);
    let mut state = mechanism.start();
    let sealed = Report::Seal(seal_report(0, 0, 0, &SALT));
    assert!(mechanism.admit(&state, 0, &sealed).unwrap_err().to_string().contains("a sealed report"));
    // An outcome before the reports are closed.
    assert!(mechanism.settle(&mut state, draw(0)).is_err());
    let mut state = reported(&mechanism, &[0, 0]);
    mechanism.settle(&mut state, draw(1)).unwrap();
    let error = mechanism.settle(&mut state, Draw::Public(3)).unwrap_err();
    assert!(error.to_string().contains("can follow"), "{error}");
    assert!(mechanism.announce(&state, 0).is_none(), "nobody is asked when nature moves");
    assert_eq!(mechanism.settle(&mut state, Draw::Public(0)).unwrap().phase, Phase::Observe);
}

#[test]
fn an_outcome_without_a_chance_is_refused() {
    let mut parts = storage(Horizon::Finite(3), 1.0, 10.0);
    parts.outcomes.probability = Varying::constant(vec![1.0, 0.0]);
    let mechanism = mechanism(parts, Without::Same, false);
    let mut state = reported(&mechanism, &[0, 0]);
    assert!(mechanism.settle(&mut state, draw(1)).is_err());
}

#[test]
fn so_many_periods_there_are() {
    let three = storage_for_three_hours(false);
    for periods in [0, 4] {
        let terms = Terms { periods, ..three.terms() };
        let wrong = PivotMechanism::new(three.solution().clone(), Options::default(), terms);
        assert!(matches!(wrong, Err(PivotError::Periods { found, .. }) if found == periods));
    }
    let two = Terms { periods: 2, ..three.terms() };
    let mechanism = PivotMechanism::new(three.solution().clone(), Options::default(), two).unwrap();
    let totals = truthful(&mechanism, &mut PivotWorld::new(&mechanism, 1), honest, 1).unwrap();
    assert_eq!(totals.stages, 4);
    // The game is not over: the end is worth nothing yet, and what it leads to is known.
    let run = Game::new(mechanism, false).play(&[], 1).unwrap();
    assert_eq!(run.valuation, totals.valuation);
    assert_eq!(run.ahead.expect("not over").utility.len(), 2);
}

// ---------------------------------------------------------------- reports that do not count

#[test]
fn a_changed_report_is_refused_and_its_player_has_left() {
    let mechanism = storage_for_three_hours(true);
    let mut state = mechanism.start();
    let seals = (0..2).map(|i| Arrival::Admitted(Report::Seal(seal_report(0, i, 0, &SALT))));
    mechanism.close(&mut state, seals.collect()).unwrap();
    mechanism.settle(&mut state, Draw::Seal(seal_outcome(0, 1, &SALT))).unwrap();
    let mut inbox = Inbox::new(&mechanism, &state);
    let changed = Report::Type { own: 1, salt: Some(SALT) };
    assert!(inbox.offer(0, changed).unwrap_err().to_string().contains("another report"));
    let other_salt = Report::Type { own: 0, salt: Some([1; 32]) };
    assert!(inbox.offer(0, other_salt).is_err());
    assert!(inbox.offer(0, open(0)).is_err(), "no salt");
    inbox.offer(1, Report::Type { own: 0, salt: Some(SALT) }).unwrap();
    let arrivals = inbox.close();
    mechanism.close(&mut state, arrivals).unwrap();
    let settled = mechanism.settle(&mut state, draw(1)).unwrap();
    assert_eq!((settled.left.as_slice(), settled.reports.as_slice()), (&[0][..], &[None, Some(0)][..]));
    // She is not asked again, and is charged nothing.
    assert_eq!(settled.payment[0], 0.0);
    mechanism.settle(&mut state, Draw::Public(0)).unwrap();
    assert!(mechanism.announce(&state, 0).is_none());
    assert_eq!(mechanism.announce(&state, 1).unwrap().members, [1]);
}

/// The same seal for two players or two periods would tell that they report the same.
#[test]
fn seals_fit_one_content_only() {
    let seal = seal_report(2, 1, 0, &SALT);
    assert_ne!(seal, seal_report(2, 1, 1, &SALT));
    assert_ne!(seal, seal_report(2, 0, 0, &SALT));
    assert_ne!(seal, seal_report(1, 1, 0, &SALT));
    assert_ne!(seal, seal_report(2, 1, 0, &[8; 32]));
    assert_ne!(seal_outcome(2, 1, &SALT), seal_outcome(2, 0, &SALT));
    // Nor can a report of one player be shown as an outcome.
    assert_ne!(seal_outcome(2, 1, &SALT), seal_report(2, 1, 0, &SALT));
}

#[test]
fn missing_late_and_impossible_reports() {
    let mechanism = mechanism(providers(3), Without::Own, false);
    let mut state = mechanism.start();
    let mut inbox = Inbox::new(&mechanism, &state);
    inbox.offer(0, open(1)).unwrap();
    let late = inbox.offer(0, open(0)).unwrap_err();
    assert!(late.to_string().contains("a second report"), "{late}");
    let beyond = inbox.offer(1, open(2)).unwrap_err();
    assert!(beyond.to_string().contains("accepted is 0 to 1"), "{beyond}");
    assert!(inbox.offer(3, open(0)).unwrap_err().to_string().contains("unknown agent"));
    // A refused report can be mended in time; player 2 stays silent.
    inbox.offer(1, open(0)).unwrap();
    let arrivals = inbox.close();
    mechanism.close(&mut state, arrivals).unwrap();
    let settled = mechanism.settle(&mut state, draw(1)).unwrap();
    assert_eq!(settled.reports, [Some(1), Some(0), None]);
    assert_eq!(settled.left, [2]);
    mechanism.settle(&mut state, Draw::Public(0)).unwrap();
    let mut inbox = Inbox::new(&mechanism, &state);
    let back = inbox.offer(2, open(0)).unwrap_err();
    assert!(back.to_string().contains("not asked for"), "who has left does not come back: {back}");
}

// ---------------------------------------------------------------- who leaves

/// The ruling of a mechanism for the game that these players have left.
fn ruling_without(parts: Parts, mode: Without, gone: &[usize], period: usize, types: &[usize]) -> Ruling {
    let mut left = model(parts);
    for &i in gone {
        left = left.left_by(i, mode != Without::Same).unwrap();
    }
    solved(&left, mode).ruling(period, &State { public: 0, types: types.to_vec() }).unwrap()
}

#[test]
fn the_rest_pay_as_in_the_game_without_who_left() {
    for mode in Without::ALL {
        let mechanism = mechanism(providers(3), mode, false);
        let game = Game::new(mechanism.clone(), false);
        let lies = [Lie::default(), silent_from(1), Lie::default()];
        for seed in 0..20 {
            let steps = game.trace(&lies, seed).unwrap();
            let whole = game.trace(&[], seed).unwrap();
            assert_eq!(steps[0], whole[0], "before she leaves nothing is different");
            for step in &steps[1..] {
                let types = [step.state.types[0], step.state.types[2]];
                let ruling = ruling_without(providers(3), mode, &[1], step.period, &types);
                assert_eq!(step.reports, [Some(types[0]), None, Some(types[1])]);
                assert_eq!(step.payment, [ruling.payment[0], 0.0, ruling.payment[1]]);
                assert_eq!(step.decision, ruling.decision[step.outcome]);
                assert!(mode == Without::Same || step.decision != 2, "she is used all the same");
                assert_eq!(step.truthful[1], None);
                assert_eq!(step.truthful[2], ruling.truthful(1));
            }
        }
    }
}

#[test]
fn two_leave_one_after_the_other() {
    for mode in Without::ALL {
        let mechanism = mechanism(providers(4), mode, false);
        let lies = [silent_from(2), Lie::default(), silent_from(1), Lie::default()];
        let steps = Game::new(mechanism.clone(), false).trace(&lies, 3).unwrap();
        let last = &steps[2];
        let types = [last.state.types[1], last.state.types[3]];
        let ruling = ruling_without(providers(4), mode, &[2, 0], 2, &types);
        assert_eq!(last.payment, [0.0, ruling.payment[0], 0.0, ruling.payment[1]]);
        assert_eq!(last.decision, ruling.decision[last.outcome]);
        // In whichever order they left.
        let other = ruling_without(providers(4), mode, &[0, 1], 2, &types);
        assert_eq!(ruling, other);
        // Without two of them, decisions of either are impossible, also in what those who stay are compared with.
        let own = mechanism.reduced(&[1, 3]).unwrap();
        let expected: &[usize] = if mode == Without::Same { &[1, 2, 3, 4, 5] } else { &[2, 4, 5] };
        assert_eq!(own.model().feasible(1), expected);
    }
}

#[test]
fn everybody_leaves() {
    for sealed in [false, true] {
        for mode in Without::ALL {
            let mechanism = mechanism(providers(3), mode, sealed);
            let mut profile: Profile<PivotMechanism, Sight> =
                (0..3).map(|_| Box::new(Liar::new(silent_from(1))) as _).collect();
            let mut decisions = Vec::new();
            let mut world = PivotWorld::new(&mechanism, 5);
            let totals = run(&mechanism, &mut world, &mut profile, 5, |stage| {
                decisions.extend(stage.outcome.decision);
            })
            .unwrap();
            assert_eq!(decisions.len(), 3);
            assert_eq!(totals.silent, [1, 1, 1], "asked once more, then no longer");
            // The public goes on alone: load is curtailed when nobody can help. (In mode same her storage stays usable.)
            let alone = |&(z, a): &(usize, usize)| match (mode, z) {
                (_, 0) => a == 0,
                (Without::Same, _) => (1..=3).contains(&a),
                _ => a == 4,
            };
            assert!(decisions[1..].iter().all(alone), "{mode:?} {decisions:?}");
            let direct = Game::new(mechanism, false).play(&vec![silent_from(1); 3], 5).unwrap();
            assert_eq!((direct.valuation, direct.payment), (totals.valuation, totals.payment));
        }
    }
}

#[test]
fn a_game_that_cannot_go_on_says_so() {
    let mut parts = item();
    // The item must go to one of the two; each needs to be there to get it.
    parts.players[0].absent = Some(vec![vec![0], vec![2]]);
    parts.players[1].absent = Some(vec![vec![0], vec![1]]);
    let mechanism = mechanism(parts, Without::Own, false);
    let close = |arrivals| mechanism.close(&mut mechanism.start(), arrivals).unwrap_err();
    // Who is left alone has nobody whose loss she could pay for: without both there is no decision.
    let error = close(vec![Arrival::Silent, Arrival::Admitted(open(0))]);
    assert!(matches!(error, PivotError::Alone { player: 0, .. }), "{error}");
    assert!(error.to_string().contains("cannot go on: player 1, decisions without her"), "{error}");
    let error = close(vec![Arrival::Silent, Arrival::Silent]);
    assert!(matches!(error, PivotError::Alone { .. }), "{error}");
}

// ---------------------------------------------------------------- drivers

fn totals(mechanism: &PivotMechanism, lies: &[Lie], seed: u64) -> Totals {
    let players = mechanism.agents();
    let lie = |i: usize| lies.get(i).cloned().unwrap_or_default();
    let mut profile: Profile<PivotMechanism, Sight> =
        (0..players).map(|i| Box::new(Liar::new(lie(i))) as _).collect();
    run(mechanism, &mut PivotWorld::new(mechanism, seed), &mut profile, seed, |_| ()).unwrap()
}

#[test]
fn the_protocol_and_the_game_agree_bit_for_bit() {
    let swap = Lie { report: vec![1, 0], ..Lie::default() };
    let once = Lie { only: Some((1, 1)), ..swap.clone() };
    let profiles = [vec![], vec![swap.clone()], vec![Lie::default(), once], vec![silent_from(2), swap]];
    for parts in [providers(3), goods(4, 2), goods(3, 3), storage(Horizon::Finite(3), 1.0, 10.0)] {
        let model = model(parts);
        for mode in Without::ALL {
            for payment in PaymentTime::ALL {
                let open = with(&model, mode, payment, false);
                let sealed = with(&model, mode, payment, true);
                let game = Game::new(open.clone(), false);
                for (k, lies) in profiles.iter().enumerate() {
                    let seed = run_seed(11, k as u64);
                    let direct = game.play(lies, seed).unwrap();
                    let played = totals(&open, lies, seed);
                    assert_eq!(direct.valuation, played.valuation);
                    assert_eq!(direct.payment, played.payment);
                    assert_eq!(direct.budget().to_bits(), played.budget().to_bits());
                    // Seals change nothing but the number of stages.
                    let closed = totals(&sealed, lies, seed);
                    assert_eq!((closed.valuation, closed.payment), (played.valuation, played.payment));
                    assert_eq!((played.stages, closed.stages), (played.stages, played.stages / 2 * 3));
                }
            }
        }
    }
}

#[test]
fn a_trace_adds_up_to_its_game() {
    let mechanism = mechanism(providers(3), Without::Tight, false);
    let game = Game::new(mechanism.clone(), false);
    let run = game.play(&[], 9).unwrap();
    let steps = game.trace(&[], 9).unwrap();
    for i in 0..3 {
        let paid: f64 = steps.iter().map(|step| step.payment[i]).sum();
        assert_eq!(paid, run.payment[i]);
    }
    let spent: f64 = steps.iter().map(|step| step.public).sum();
    assert_eq!(spent, run.public);
    let first = mechanism.solution().ruling(0, &steps[0].state).unwrap();
    assert_eq!(steps[0].value, first.value);
}

#[test]
fn the_same_seed_is_the_same_game() {
    let mechanism = storage_for_three_hours(true);
    let play = |seed| truthful(&mechanism, &mut PivotWorld::new(&mechanism, seed), honest, seed).unwrap();
    assert_eq!(play(4), play(4));
    assert!((0..20).any(|seed| play(seed) != play(4)));
    let game = Game::new(mechanism.clone(), false);
    let seeds: Vec<u64> = (0..40).collect();
    let at_once = game.play_many(&[], &seeds, &|| ()).unwrap();
    for (run, &seed) in at_once.iter().zip(&seeds) {
        assert_eq!(*run, game.play(&[], seed).unwrap());
    }
}

/// Lies do not shift what nature draws: until a lie changes a decision, both games are the same.
#[test]
fn lies_are_played_on_the_same_noise() {
    let game = Game::new(mechanism(goods(4, 2), Without::Same, false), false);
    let lie = [Lie { report: vec![1, 0], ..Lie::default() }];
    for seed in 0..30 {
        let (truth, lying) = (game.trace(&[], seed).unwrap(), game.trace(&lie, seed).unwrap());
        for (a, b) in truth.iter().zip(&lying) {
            // Types of goods move whatever is decided, and outcomes fall from the sky.
            assert_eq!((a.outcome, &a.state.types), (b.outcome, &b.state.types));
        }
    }
}

/// Truth is worth on average what the solution says, and no lie gains.
#[test]
fn means_are_what_the_solution_says() {
    for parts in [providers(3), storage(Horizon::Infinite, 0.9, 10.0)] {
        let mechanism = mechanism(parts, Without::Own, false);
        let game = Game::new(mechanism.clone(), false);
        let seeds: Vec<u64> = (0..4000).map(|k| run_seed(2, k)).collect();
        let truth = game.play_many(&[], &seeds, &|| ()).unwrap();
        let lie = [Lie { report: vec![1, 1], ..Lie::default() }];
        let lying = game.play_many(&lie, &seeds, &|| ()).unwrap();
        let expected = expected(&mechanism);
        let whole = |run: &Run, i: usize| {
            run.utility(i) + run.ahead.as_ref().map_or(0.0, |ahead| ahead.utility[i].unwrap())
        };
        for (i, expected) in expected.iter().enumerate() {
            let mean = Moments::of(truth.iter().map(|run| whole(run, i)));
            let off = mean.score(*expected, 1e-9).unwrap();
            assert!(off.abs() < 4.5, "player {i}: {} not {expected}", mean.mean);
        }
        let gain = truth.iter().zip(&lying).map(|(a, b)| whole(b, 0) - whole(a, 0));
        let gain = Moments::of(gain);
        assert!(gain.mean < 4.0 * gain.error().unwrap(), "she gains {}", gain.mean);
    }
}

/// V of every player at the start, averaged over the priors.
fn expected(mechanism: &PivotMechanism) -> Vec<f64> {
    let model = mechanism.solution().model();
    let players = model.players();
    let mut sums = vec![0.0; players];
    let counts: Vec<usize> = (0..players).map(|i| model.player(i).types).collect();
    for k in 0..counts.iter().product() {
        let mut rest = k;
        let types: Vec<usize> = counts.iter().map(|n| (rest % n, rest /= n).0).collect();
        let chance: f64 = types.iter().enumerate().map(|(i, &own)| model.player(i).prior[own]).product();
        let ruling = mechanism.solution().ruling(0, &State { public: 0, types }).unwrap();
        sums.iter_mut().enumerate().for_each(|(i, sum)| *sum += chance * ruling.truthful(i).unwrap());
    }
    sums
}

// ---------------------------------------------------------------- worked cases E1 and E2

/// E1: who knows that no item comes reports nothing and saves 1.2.
#[test]
fn e1_a_leak_pays_unless_payments_wait() {
    let informed =
        Lie { informed: Some(Varying::by_decision(vec![vec![0, 0], vec![0, 1]])), ..Lie::default() };
    for (payment, gain) in [(PaymentTime::BeforeOutcome, 1.2), (PaymentTime::OutcomeContingent, 0.0)] {
        let mechanism = with(&model(item()), Without::Same, payment, true);
        let mut seen = [false; 2];
        for seed in 0..30 {
            let world = |seed| PivotWorld::new(&mechanism, seed).from_types(vec![1, 0]).leaking();
            let pair = paired(&mechanism, world, honest, profile(2, 0, &informed), seed).unwrap();
            let comes = pair.truthful.valuation[0] > 0.0;
            seen[usize::from(comes)] = true;
            let expected = if comes { 0.0 } else { gain };
            assert!((pair.gain(0) - expected).abs() < 1e-14, "{payment:?} {}", pair.gain(0));
            // Without the leak she does not know, and tells the truth.
            let world = |seed| PivotWorld::new(&mechanism, seed).from_types(vec![1, 0]);
            let pair = paired(&mechanism, world, honest, profile(2, 0, &informed), seed).unwrap();
            assert_eq!(pair.gain(0), 0.0);
        }
        assert_eq!(seen, [true, true]);
    }
}

/// Who knows that no item comes understates it; the truth is kept where a lie is worth nothing.
#[test]
fn what_an_informed_player_reports() {
    let mut parts = item();
    parts.players[0].prior = vec![0.5, 0.5];
    for (payment, without_item) in
        [(PaymentTime::BeforeOutcome, [0, 0]), (PaymentTime::OutcomeContingent, [0, 1])]
    {
        let game = Game::new(with(&model(parts.clone()), Without::Same, payment, false), true);
        let lie = informed(&game, 0, 1).expect("a small instance");
        let table = lie.informed.expect("a table");
        assert_eq!((table.at(0, 0, 0), table.at(0, 1, 0)), (&without_item.to_vec(), &vec![0, 1]));
    }
    // With storage it gains, and the more the better it is: no other table does better on average over many games.
    let game = Game::new(mechanism(storage(Horizon::Finite(3), 1.0, 10.0), Without::Own, false), true);
    let seeds: Vec<u64> = (0..2000).map(|k| run_seed(8, k)).collect();
    let worth = |lie: Lie| {
        let runs = game.play_many(&[lie], &seeds, &|| ()).unwrap();
        Moments::of(runs.iter().map(|run| run.utility(0))).mean
    };
    let (truth, best) = (worth(Lie::default()), worth(informed(&game, 0, 1).expect("a small instance")));
    assert!(best > truth + 0.5, "{best} {truth}");
    for report in 0..16_usize {
        let by_outcome = (0..2).map(|z| (0..2).map(|own| report >> (2 * z + own) & 1).collect());
        let same_always = Varying::by_decision(by_outcome.collect());
        let other = worth(Lie { informed: Some(same_always), ..Lie::default() });
        assert!(other < best + 0.1, "{report}: {other} {best}");
    }
}

/// E2: one item in each of two periods, second price; the public state says who got the last one.
fn two_items() -> Parts {
    let values = [vec![0.0, 2.0, 5.0], vec![0.0, 1.0, 4.0]];
    let stay = vec![1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
    let grows = vec![1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0];
    let bidder = |i: usize| {
        let utility = (0..2).map(|a| if a == i { values[i].clone() } else { vec![0.0; 3] });
        let kernel = if i == 0 { grows.clone() } else { stay.clone() };
        let mut player = player(utility.collect(), vec![kernel; 2], Some(vec![0.0; 3]));
        player.prior = if i == 0 { vec![0.0, 1.0, 0.0] } else { vec![1.0, 0.0, 0.0] };
        player
    };
    let law = |_: usize, a: usize, _: usize| vec![(a + 1, 1.0)];
    Parts {
        horizon: Horizon::Finite(2),
        discount: 1.0,
        decisions: 2,
        outcomes: Outcomes { feasible: vec![vec![0, 1]], probability: Varying::constant(vec![1.0]) },
        public: Public {
            states: 3,
            moves: Moves::new(Varying::from_fn([1, 2, 1], law)),
            ..Public::nothing()
        },
        players: vec![bidder(0), bidder(1)],
        labels: Labels::default(),
    }
}

/// Reports 1, then 4 if the first player has got the first item, else 0.
struct Grudge;

impl Strategy<PivotMechanism, Sight> for Grudge {
    fn report(&mut self, turn: Turn<'_, Sight, Notice>) -> Option<Report> {
        let own = match (turn.announcement.period, turn.announcement.public) {
            (0, _) => 1,
            (_, 1) => 2,
            _ => 0,
        };
        Some(open(own))
    }
}

/// Truth is a best reply to truth only: against a player who answers to what she sees, a lie may gain.
#[test]
fn e2_truth_is_not_dominant() {
    let mechanism = mechanism(two_items(), Without::Same, false);
    let against = |lie: Lie| {
        let mut profile: Profile<PivotMechanism, Sight> = vec![Box::new(Liar::new(lie)), Box::new(Grudge)];
        run(&mechanism, &mut PivotWorld::new(&mechanism, 1), &mut profile, 1, |_| ()).unwrap().utility(0)
    };
    assert_eq!(against(Lie::default()), 2.0);
    let low_first = Lie { report: vec![0, 0, 0], only: Some((0, 0)), ..Lie::default() };
    assert_eq!(against(low_first), 5.0);
}

#[test]
fn it_ends() {
    let mechanism = storage_for_three_hours(false);
    assert_eq!(mechanism.next(&mechanism.start()), Next::Collect);
    let game = totals(&mechanism, &[], 1);
    assert_eq!(game.stages, 6);
}
