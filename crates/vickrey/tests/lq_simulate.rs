//! Many runs of the layered market: against the driver, exact standard deviations by enumeration, the closed-form
//! expectations under every law and rule, and on any number of threads.

use std::sync::Arc;

use vickrey::guarantee::Baseline;
use vickrey::lq::simulate::{Distribution, Expectation, Game, Lies, Maker, best_lie, simulate};
use vickrey::lq::strategies::{Lie, LqWorld, Player, Quiet, Replay};
use vickrey::lq::{
    Agent, Expected, LayerRule, LayeredMechanism, Market, Observation, Parameters, Pivot, Series,
};
use vickrey::numeric::law::Law;
use vickrey::numeric::sample::{Moments, Share};
use vickrey::simulate::{Profile, paired};

fn groves(pivot: Pivot, c: f64) -> LayerRule {
    LayerRule::Groves { pivot, c, baseline: Baseline::Autarky }
}

/// Worked Case A under a law.
fn case_a(law: &Law) -> Market {
    let rows = [
        (1.0, 1.0, -1.0, -1.0, 0.5, 0.1),
        (0.9, 1.0, -0.5, -2.0, 0.4, 0.2),
        (0.8, 0.5, -2.0, -1.0, 0.3, 0.1),
    ];
    let agent = |(a, b, q, r, start, noise): (f64, f64, f64, f64, f64, f64)| {
        let made = Agent::scalar(a, b, q, r).unwrap();
        made.with(|p| (p.start_noise, p.noise, p.law) = (vec![start], noise.into(), law.clone())).unwrap()
    };
    Market::new(3, Vec::new(), rows.into_iter().map(agent).collect()).unwrap()
}

/// Everything that a market can have: several states, measurements, a common factor, references, linear terms, terminal
/// utility, net demand, parameters that vary.
fn rich(law: &Law, observed: bool) -> Market {
    let measured = |gain: Vec<f64>| observed.then_some(Observation { gain, noise: 0.2 });
    let two = Parameters {
        states: 2,
        a: Series::constant(vec![0.9, 0.2, 0.0, 0.7]),
        b: Series::constant(vec![1.0, 0.3]),
        q: Series::constant(vec![-1.0, 0.1, 0.1, -0.4]),
        r: (-1.5).into(),
        reference: Series::constant(vec![0.3, 0.0]),
        terminal_q: vec![-0.5, 0.0, 0.0, -0.1],
        start: vec![0.5, -0.2],
        start_noise: vec![0.4, 0.1, 0.1, 0.3],
        noise: Series::constant(vec![0.2, 0.05, 0.05, 0.1]),
        law: law.clone(),
        observation: measured(vec![1.0, 0.5]),
        ..Parameters::default()
    };
    let varying = Parameters {
        a: Series::numbers([1.0, 0.8, 1.1, 0.9]),
        b: 0.8.into(),
        q: (-0.7).into(),
        r: Series::numbers([-1.0, -2.0, -1.0, -0.5]),
        linear: Series::numbers([0.2, -0.1, 0.3, 0.0]),
        state_linear: 0.1.into(),
        start_noise: vec![0.5],
        noise: Series::numbers([0.0, 0.3, 0.1, 0.2]),
        terminal_q: vec![-1.0],
        terminal_reference: vec![0.4],
        law: law.clone(),
        observation: measured(vec![0.8]),
        ..Parameters::default()
    };
    let plain = Parameters {
        a: 0.9.into(),
        b: 1.0.into(),
        q: (-1.2).into(),
        r: (-0.8).into(),
        start: vec![0.3],
        noise: 0.2.into(),
        loadings: if observed { Vec::new() } else { vec![0.3] },
        law: law.clone(),
        ..Parameters::default()
    };
    let fourth = Parameters { q: (-0.3).into(), ..plain.clone() };
    let agents = [two, varying, plain, fourth].map(|p| Agent::new(p).unwrap());
    Market::new(4, vec![0.3, -0.2, 0.1, 0.4], agents.into()).unwrap()
}

fn game(market: Market, rule: LayerRule) -> Game {
    Game::new(LayeredMechanism::new(Arc::new(market), rule).unwrap(), Arc::default())
}

fn liar(market: &Market, agent: usize, lie: Lie) -> (usize, Maker) {
    let parameters = Arc::new(market.parameters(agent));
    (agent, Arc::new(move |_| Box::new(Player::new(Arc::clone(&parameters), lie))))
}

fn laws() -> [Law; 6] {
    let samples = Law::empirical(&[0.0, 0.1, 0.3, 4.0]).unwrap();
    [Law::Gaussian, Law::Uniform, Law::Laplace, Law::TwoPoint, Law::student_t(6.0).unwrap(), samples]
}

/// Truthful agents computed side by side, and liars among them, come out as the driver plays them one by one.
#[test]
fn runs_are_those_of_the_driver() {
    for observed in [false, true] {
        let game = game(rich(&Law::Laplace, observed), groves(Pivot::Pure, 1.2));
        let market = game.market();
        let lie = Lie { scale: 1.4, bias: 0.1, noise: 0.2, ..Lie::TRUTH };
        let quiet = Arc::new(market.parameters(2));
        let lies = Lies {
            reported: None,
            liars: vec![
                liar(market, 0, lie),
                (2, Arc::new(move |_| Box::new(Quiet::sometimes(Arc::clone(&quiet), 0.5)))),
            ],
        };
        for seed in 0..5 {
            let run = game.play(Some(&lies), seed);
            let parameters = |i: usize| Arc::new(market.parameters(i));
            let profile: Profile<_, _> = (0..4)
                .map(|i| match i {
                    0 => Box::new(Player::new(parameters(0), lie)) as _,
                    2 => Box::new(Quiet::sometimes(parameters(2), 0.5)) as _,
                    _ => Box::new(Player::truthful(parameters(i))) as _,
                })
                .collect();
            let world = |seed| LqWorld::new(Arc::clone(market), seed, Arc::default());
            let honest = |i: usize| Box::new(Player::truthful(parameters(i))) as _;
            let pair = paired(game.mechanism(), world, honest, profile, seed).unwrap();
            let lying = run.lying.unwrap();
            assert_eq!(lying.silent, u64::from(pair.strategic.silent[2]));
            for (side, totals) in [(&run.honest, &pair.truthful), (&lying, &pair.strategic)] {
                for i in 0..4 {
                    assert!((side.payment[i] - totals.payment[i]).abs() < 1e-12, "{observed} {seed} {i}");
                    assert!((side.valuation[i] - totals.valuation[i]).abs() < 1e-12, "{observed} {seed} {i}");
                }
                assert!((side.budget() - totals.budget()).abs() < 1e-12);
            }
        }
    }
}

fn near(found: &Moments, deviation: f64, kurtosis_room: f64) {
    let n = found.count as f64;
    let off = found.deviation().unwrap() / deviation - 1.0;
    assert!(off.abs() < 4.0 * kurtosis_room / (2.0 * n).sqrt(), "{found:?}, expected {deviation}");
}

/// Exact standard deviations under two-point noise, by enumeration of all its paths.
#[test]
fn spreads_are_the_exact_ones() {
    let agents = |pivot: Pivot| match pivot {
        Pivot::Incremental => [0.279_80, 0.268_10, 0.274_85],
        Pivot::Worlds => [0.417_46, 0.360_56, 0.402_49],
        Pivot::Pure => [0.958_32, 0.988_49, 0.714_33],
        Pivot::Constant | Pivot::None => [0.959_85, 0.989_08, 0.693_94],
    };
    // Reference values for the budgets of incremental, worlds, pure and constant, in this order.
    let budgets = [
        (Pivot::Incremental, 0.208_76),
        (Pivot::Worlds, 0.426_91),
        (Pivot::Pure, 2.153_96),
        (Pivot::Constant, 2.272_28),
    ];
    for (pivot, budget) in budgets {
        let days = simulate(&game(case_a(&Law::TwoPoint), groves(pivot, 1.0)), None, 5, 4_000, &|_| ());
        for (i, sd) in agents(pivot).into_iter().enumerate() {
            near(&days.honest.payment[i], sd, 1.5);
        }
        let found = Moments::of(days.honest.budget.iter().copied());
        near(&found, budget, 1.5);
        assert!(found.score(-0.401_334, 0.0).unwrap().abs() < 4.0, "{pivot:?} {found:?}");
    }
}

/// Every mean against its expectation; the largest z-score of the sample.
fn worst_score(days: &Distribution, expected: &Expectation) -> f64 {
    let tally = &days.honest;
    let of = |values: &[f64]| Moments::of(values.iter().copied());
    let mut scores = vec![
        of(&tally.budget).score(expected.budget, 1e-10).unwrap(),
        of(&tally.welfare).score(expected.welfare, 1e-10).unwrap(),
    ];
    for i in 0..expected.payment.len() {
        scores.push(tally.payment[i].score(expected.payment[i], 1e-10).unwrap());
        scores.push(tally.utility[i].score(expected.utility[i], 1e-10).unwrap());
        scores.push(days.outside[i].score(expected.outside[i], 1e-10).unwrap());
    }
    scores.into_iter().map(f64::abs).fold(0.0, f64::max)
}

fn score(market: Market, rule: LayerRule) -> f64 {
    let game = game(market, rule);
    let expected = Expected::new(game.market(), game.mechanism().aggregate(), false).unwrap();
    worst_score(&simulate(&game, None, 11, 1_000, &|_| ()), &Expectation::new(rule, &expected))
}

#[test]
fn means_are_the_expected_numbers_for_all_laws() {
    for law in laws() {
        for observed in [false, true] {
            let z = score(rich(&law, observed), groves(Pivot::Incremental, 1.1));
            assert!(z < 4.0, "{law:?}, observed {observed}: {z} standard errors");
        }
    }
}

#[test]
fn means_are_the_expected_numbers_for_all_rules() {
    let zero = |pivot| LayerRule::Groves { pivot, c: 1.3, baseline: Baseline::Zero };
    let rules = [
        LayerRule::Lagrange,
        groves(Pivot::None, 1.0),
        groves(Pivot::Constant, 1.3),
        groves(Pivot::Pure, 1.0),
        groves(Pivot::Worlds, 1.2),
        zero(Pivot::Constant),
        zero(Pivot::Pure),
        zero(Pivot::Incremental),
    ];
    for rule in rules {
        for observed in [false, true] {
            let z = score(rich(&Law::Uniform, observed), rule);
            assert!(z < 4.0, "{rule:?}, observed {observed}: {z} standard errors");
        }
    }
}

/// Losses of lies in Case A, known exactly.
#[test]
fn lies_lose_what_enumeration_says() {
    let game = game(case_a(&Law::TwoPoint), groves(Pivot::Incremental, 1.0));
    let market = game.market();
    let reported = {
        let other = Agent::scalar(1.0, 1.0, -1.6, -1.0).unwrap();
        let other = other.with(|p| (p.start_noise, p.noise) = (vec![0.5], 0.1.into())).unwrap();
        let market = Arc::new(market.with_agent(0, other).unwrap());
        LayeredMechanism::new(market, groves(Pivot::Incremental, 1.0)).unwrap()
    };
    let scale = |scale| Lie { scale, ..Lie::TRUTH };
    let cases = [
        (None, scale(1.3), -0.035_746),
        (None, scale(0.5), -0.106_103),
        (None, Lie { bias: 0.2, ..Lie::TRUTH }, -0.041_442),
        (None, scale(0.0), -0.552_071),
        (None, Lie { bias: 0.3, only: Some((0, 0)), ..Lie::TRUTH }, -0.062_607),
        (None, Lie { bias: 0.3, only: Some((0, 0)), forgetful: true, ..Lie::TRUTH }, -0.093_245),
        (Some(reported), Lie::TRUTH, -0.031_771),
    ];
    for (reported, lie, loss) in cases {
        let lies = Lies { reported, liars: vec![liar(market, 0, lie)] };
        let days = simulate(&game, Some(&lies), 3, 2_000, &|_| ());
        let gain = &days.gain.as_ref().unwrap()[0];
        assert!(gain.score(loss, 1e-6).unwrap().abs() < 4.0, "{lie:?}: {gain:?}, expected {loss}");
        assert_eq!(days.kept[0], 0);
    }
}

#[test]
fn no_linear_lie_is_worth_anything_in_other_runs() {
    let game = game(case_a(&Law::Gaussian), groves(Pivot::Incremental, 1.0));
    let best = best_lie(&game, 1, &Lies::default(), 9);
    assert!(best.gain.mean >= 0.0 && best.tries > 20, "{best:?}");
    let lies = Lies { reported: None, liars: vec![liar(game.market(), 1, best.lie)] };
    let days = simulate(&game, Some(&lies), 9, 2_000, &|_| ());
    let gain = &days.gain.unwrap()[1];
    assert!(gain.mean < 2.0 * gain.error().unwrap(), "{best:?} {gain:?}");
}

#[test]
fn threads_do_not_matter() {
    let with = |threads: usize| {
        let game = game(rich(&Law::Gaussian, true), groves(Pivot::Incremental, 1.0));
        let lies =
            Lies { reported: None, liars: vec![liar(game.market(), 3, Lie { bias: 0.2, ..Lie::TRUTH })] };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| simulate(&game, Some(&lies), 2, 700, &|_| ()))
    };
    assert_eq!(with(1), with(3));
}

/// With every disturbance recorded all runs are the same one, and its budget is certain.
#[test]
fn recorded_noise_is_replayed_in_every_run() {
    let paths = [[1.0, 0.1, -0.1], [-0.5, 0.0, 0.3], [0.2, -0.2, 0.0]];
    let replay = Replay::new(paths.iter().map(|path| Some(path.to_vec())).collect());
    let mechanism =
        LayeredMechanism::new(Arc::new(case_a(&Law::Gaussian)), groves(Pivot::Incremental, 1.0)).unwrap();
    let days = simulate(&Game::new(mechanism, Arc::new(replay)), None, 1, 20, &|_| ());
    let first = [0.267_785_288_4 + 0.023_407_919_3, -0.514_315_495_3 + 0.005_718_255_8];
    for (i, payment) in first.into_iter().enumerate() {
        let found = &days.honest.payment[i];
        assert!((found.mean - payment).abs() < 1e-9 && found.deviation() == Some(0.0), "{found:?}");
    }
    assert_eq!(Share::new(days.honest.deficits, days.runs()).share, 1.0);
}

/// States that run away are refused as bids, and a run that leaves the numbers is counted, not averaged.
#[test]
fn runs_that_explode_are_left_out() {
    let agent = |q: f64| {
        let made = Agent::scalar(1.0, 1.0, q, -1.0).unwrap();
        made.with(|p| (p.start_noise, p.noise) = (vec![0.5], 0.1.into())).unwrap()
    };
    let market = Market::new(40, Vec::new(), vec![agent(-1.0), agent(-0.5)]).unwrap();
    let game = game(market, groves(Pivot::Incremental, 1.0));
    let lie = Lie { scale: 1e11, ..Lie::TRUTH };
    let lies = Lies { reported: None, liars: vec![liar(game.market(), 0, lie)] };
    let days = simulate(&game, Some(&lies), 1, 8, &|_| ());
    assert_eq!(days.runs() + days.unusable, 8);
    let tally = days.lying.unwrap();
    assert!(tally.budget.iter().chain(&tally.welfare).all(|x| x.is_finite()));
    assert!(tally.refused > 0 || days.unusable > 0);
}
