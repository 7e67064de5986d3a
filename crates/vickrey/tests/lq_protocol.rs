//! The layered market as a protocol: its rules of payment on the path of worked Case A, bids that do not arrive or cannot be used,
//! and the drivers.

use std::sync::Arc;

use vickrey::guarantee::Baseline;
use vickrey::lq::protocol::Bid;
use vickrey::lq::strategies::{Lie, LqWorld, Player, Replay, Sight};
use vickrey::lq::{Agent, Bids, LayerRule, LayeredMechanism, Market, Pivot};
use vickrey::mechanism::{Arrival, Inbox, Mechanism, Next};
use vickrey::simulate::{Profile, paired, run};

/// Worked Case A.
fn case_a() -> Market {
    let rows = [
        (1.0, 1.0, -1.0, -1.0, 0.5, 0.1),
        (0.9, 1.0, -0.5, -2.0, 0.4, 0.2),
        (0.8, 0.5, -2.0, -1.0, 0.3, 0.1),
    ];
    let agent = |(a, b, q, r, start, noise): (f64, f64, f64, f64, f64, f64)| {
        let made = Agent::scalar(a, b, q, r).unwrap();
        made.with(|p| (p.start_noise, p.noise) = (vec![start], noise.into())).unwrap()
    };
    Market::new(3, Vec::new(), rows.into_iter().map(agent).collect()).unwrap()
}

const PATH: [[f64; 3]; 3] = [[1.0, -0.5, 0.2], [0.1, 0.0, -0.2], [-0.1, 0.3, 0.0]];

fn groves(pivot: Pivot, c: f64) -> LayerRule {
    LayerRule::Groves { pivot, c, baseline: Baseline::Autarky }
}

fn payments(pivot: Pivot) -> Vec<Vec<f64>> {
    let market = Arc::new(case_a());
    let mechanism = LayeredMechanism::new(Arc::clone(&market), groves(pivot, 1.0)).unwrap();
    let mut state = mechanism.start();
    let mut layer = |bids: &[f64]| mechanism.step(&mut state, Bids::scalar(&market, bids)).payment;
    PATH.iter().map(|bids| layer(bids)).collect()
}

fn assert_near(found: &[f64], expected: &[f64]) {
    for (x, y) in found.iter().zip(expected) {
        // The reference values have ten decimals.
        assert!((x - y).abs() < 1e-10, "{found:?} {expected:?}");
    }
}

#[test]
fn payments_of_the_worked_path() {
    let first = [0.267_785_288_4, -0.514_315_495_3, -0.193_771_016_2];
    let incremental = payments(Pivot::Incremental);
    assert_near(&incremental[0], &first);
    assert_near(&incremental[1], &[0.023_407_919_3, 0.005_718_255_8, -0.041_223_709_8]);
    assert_near(&incremental[2], &[0.0; 3]);
    let worlds = payments(Pivot::Worlds);
    assert_near(&worlds[0], &first);
    assert_near(&worlds[1], &[-0.182_061_630_8, 0.102_879_712_6, -0.070_520_856_7]);
    assert_near(&worlds[2], &[0.073_992_692_7, 0.029_603_869_6, -0.012_058_194_0]);
    let pure = payments(Pivot::Pure);
    assert_near(&pure[0], &first);
}

/// Players with these lies (none: truthful), and what they gain against the truth on the same noise.
fn gains(rule: LayerRule, lies: [Lie; 3], seed: u64) -> Vec<f64> {
    let market = Arc::new(case_a());
    let mechanism = LayeredMechanism::new(Arc::clone(&market), rule).unwrap();
    let parameters = |i: usize| Arc::new(market.parameters(i));
    let profile: Profile<LayeredMechanism, Sight> =
        (0..3).map(|i| Box::new(Player::new(parameters(i), lies[i])) as _).collect();
    let world = |seed| LqWorld::new(Arc::clone(&market), seed, Arc::default());
    let honest = |i: usize| Box::new(Player::truthful(parameters(i))) as _;
    let pair = paired(&mechanism, world, honest, profile, seed).unwrap();
    (0..3).map(|i| pair.gain(i)).collect()
}

#[test]
fn lies_lose_on_average() {
    let lies = [
        Lie { scale: 1.3, ..Lie::TRUTH },
        Lie { bias: 0.2, ..Lie::TRUTH },
        Lie { noise: 0.5, ..Lie::TRUTH },
        Lie { delayed: true, ..Lie::TRUTH },
        Lie { scale: 0.0, ..Lie::TRUTH },
        Lie { bias: 0.3, only: Some((0, 0)), forgetful: true, ..Lie::TRUTH },
    ];
    for rule in [groves(Pivot::Incremental, 1.0), groves(Pivot::Constant, 1.3)] {
        for lie in lies {
            let runs = 400;
            let mean: f64 =
                (0..runs).map(|seed| gains(rule, [lie, Lie::TRUTH, Lie::TRUTH], seed)[0]).sum::<f64>()
                    / f64::from(u32::try_from(runs).unwrap());
            assert!(mean < -0.005, "{lie:?} gains {mean}");
        }
    }
}

#[test]
fn truth_gains_nothing() {
    assert_eq!(gains(groves(Pivot::Pure, 1.0), [Lie::TRUTH; 3], 7), [0.0; 3]);
}

#[test]
fn missing_and_unusable_bids_count_as_zero_and_the_trade_balances() {
    let market = Arc::new(case_a());
    let mechanism = LayeredMechanism::new(Arc::clone(&market), groves(Pivot::Incremental, 1.0)).unwrap();
    let mut state = mechanism.start();
    let play = |state: &mut _, arrivals| {
        mechanism.close(state, arrivals).unwrap();
        mechanism.settle(state, ()).unwrap()
    };
    let bid = |period: usize, x: f64| Bid { period, change: vec![x] };
    let first = {
        let mut inbox = Inbox::new(&mechanism, &state);
        inbox.offer(0, bid(0, 1.0)).unwrap();
        let error = inbox.offer(0, bid(0, 2.0)).unwrap_err();
        assert!(error.to_string().contains("second report"), "{error}");
        for (bad, word) in [
            (Bid { period: 1, change: vec![1.0] }, "early"),
            (Bid { period: 0, change: vec![f64::NAN] }, "NaN"),
            (Bid { period: 0, change: vec![f64::INFINITY] }, "inf"),
            (Bid { period: 0, change: vec![1.0, 2.0] }, "2 numbers"),
        ] {
            let error = inbox.offer(1, bad).unwrap_err();
            assert!(error.to_string().contains(word), "{error}");
        }
        assert!(inbox.offer(9, bid(0, 0.0)).unwrap_err().to_string().contains("unknown agent"));
        inbox.close()
    };
    assert!(matches!(first[1], Arrival::Refused(_)) && first[2] == Arrival::Silent);
    let outcome = play(&mut state, first);
    assert!(outcome.trade.imbalance.abs() < 1e-15);
    assert_eq!(outcome.bids.get(&market, 1), [0.0]);
    assert!(outcome.payment.iter().all(|p| p.is_finite()));
    // A late bid for a period that is over is refused; the agent catches up with its next one.
    let mut inbox = Inbox::new(&mechanism, &state);
    assert!(inbox.offer(1, bid(0, -0.5)).unwrap_err().to_string().contains("late"));
    inbox.offer(1, bid(1, -0.45)).unwrap();
    let arrivals = inbox.close();
    let outcome = play(&mut state, arrivals);
    assert!(outcome.trade.imbalance.abs() < 1e-15);
    assert_ne!(outcome.trade.allocation[1], 0.0);
    let last = Inbox::new(&mechanism, &state).close();
    play(&mut state, last);
    assert_eq!(mechanism.next(&state), Next::Finished);
}

#[test]
fn recorded_disturbances_are_replayed() {
    let market = Arc::new(case_a());
    let mechanism = LayeredMechanism::new(Arc::clone(&market), groves(Pivot::Incremental, 1.0)).unwrap();
    let paths = (0..3).map(|i| Some(PATH.iter().map(|row| row[i]).collect())).collect();
    let mut world = LqWorld::new(Arc::clone(&market), 3, Arc::new(Replay::new(paths)));
    let mut profile: Profile<LayeredMechanism, Sight> =
        (0..3).map(|i| Box::new(Player::truthful(Arc::new(market.parameters(i)))) as _).collect();
    let mut paid = Vec::new();
    run(&mechanism, &mut world, &mut profile, 3, |stage| paid.push(stage.payment.to_vec())).unwrap();
    for (found, expected) in paid.iter().zip(payments(Pivot::Incremental)) {
        assert_near(found, &expected);
    }
}
