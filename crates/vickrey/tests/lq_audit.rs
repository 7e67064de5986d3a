//! Audits of linear-quadratic markets: the digest's Case A by exact enumeration, by second moments and through the table.

use std::sync::Arc;

use vickrey::guarantee::Baseline;
use vickrey::lq::audit::LinearLie;
use vickrey::lq::audit::covariance::Regret;
use vickrey::lq::audit::enumerate::{enumerate, expected_gain};
use vickrey::lq::strategies::Lie;
use vickrey::lq::{Agent, LayerRule, LayeredMechanism, Market, Pivot};

const PIVOTS: [Pivot; 5] = [Pivot::None, Pivot::Constant, Pivot::Pure, Pivot::Incremental, Pivot::Worlds];

/// Case A of the digest.
fn case_a() -> Arc<Market> {
    let rows = [
        (1.0, 1.0, -1.0, -1.0, 0.5, 0.1),
        (0.9, 1.0, -0.5, -2.0, 0.4, 0.2),
        (0.8, 0.5, -2.0, -1.0, 0.3, 0.1),
    ];
    let agent = |(a, b, q, r, start, noise): (f64, f64, f64, f64, f64, f64)| {
        let made = Agent::scalar(a, b, q, r).unwrap();
        made.with(|p| (p.start_noise, p.noise) = (vec![start], noise.into())).unwrap()
    };
    Arc::new(Market::new(3, Vec::new(), rows.into_iter().map(agent).collect()).unwrap())
}

fn groves(pivot: Pivot, c: f64, baseline: Baseline) -> LayerRule {
    LayerRule::Groves { pivot, c, baseline }
}

fn mechanism(market: &Arc<Market>, pivot: Pivot) -> LayeredMechanism {
    LayeredMechanism::new(Arc::clone(market), groves(pivot, 1.0, Baseline::Autarky)).unwrap()
}

/// Lies of the digest and what agent 0 loses by them.
fn digest_lies() -> Vec<(LinearLie, f64)> {
    let lie = |lie: Lie| LinearLie::of(lie, 3);
    let once = Lie { bias: 0.3, only: Some((0, 0)), ..Lie::TRUTH };
    vec![
        (lie(Lie { scale: 1.3, ..Lie::TRUTH }), -0.035_746),
        (lie(Lie { scale: 0.5, ..Lie::TRUTH }), -0.106_103),
        (lie(Lie { bias: 0.2, ..Lie::TRUTH }), -0.041_442),
        (lie(Lie { scale: 0.0, ..Lie::TRUTH }), -0.552_071),
        (lie(once), -0.062_607),
        (lie(Lie { forgetful: true, ..once }), -0.093_245),
    ]
}

#[test]
fn losses_of_the_digests_lies_by_enumeration_by_differences_and_by_second_moments() {
    let market = case_a();
    let truth = LinearLie::truth(3);
    for pivot in PIVOTS {
        let mechanism = mechanism(&market, pivot);
        let regret = Regret::new(&market, mechanism.aggregate(), 0);
        let net = |lie: &LinearLie| {
            let found = enumerate(&mechanism, &market, &[(0, lie.clone())]).unwrap();
            assert_eq!(found.paths, 512);
            found.utility[0] - found.payment[0]
        };
        let honest = net(&truth);
        for (lie, expected) in digest_lies() {
            let by_paths = net(&lie) - honest;
            let by_differences = expected_gain(&mechanism, 0, &lie);
            let by_moments = -regret.loss(&lie);
            println!("{pivot:?} {expected} {by_paths} {by_differences} {by_moments}");
            assert!((by_paths - expected).abs() < 5e-7, "{pivot:?}: {by_paths} {expected}");
            assert!((by_differences - by_paths).abs() < 1e-13, "{by_differences} {by_paths}");
            assert!((by_moments - by_paths).abs() < 1e-13, "{by_moments} {by_paths}");
        }
    }
}

#[test]
fn deviations_of_payments_and_budget() {
    let market = case_a();
    let expected = [
        (Pivot::Incremental, [0.27980, 0.26810, 0.27485], 0.20876),
        (Pivot::Worlds, [0.41746, 0.36056, 0.40249], 0.42691),
        (Pivot::Pure, [0.95832, 0.98849, 0.71433], 2.15396),
        (Pivot::Constant, [0.95985, 0.98908, 0.69394], 2.27228),
        (Pivot::None, [0.95985, 0.98908, 0.69394], 2.27228),
    ];
    let vcg = [0.024_339_833_1, -0.221_237_769_1, -0.204_436_284_8];
    for (pivot, deviations, budget) in expected {
        let found = enumerate(&mechanism(&market, pivot), &market, &[]).unwrap();
        println!("{pivot:?} {found:?}");
        for i in 0..3 {
            assert!((found.payment_deviation[i] - deviations[i]).abs() < 5.1e-6, "{pivot:?} {found:?}");
            if pivot != Pivot::None {
                assert!((found.payment[i] - vcg[i]).abs() < 1e-10, "{pivot:?} {found:?}");
            }
        }
        assert!((found.budget_deviation - budget).abs() < 5.1e-6, "{pivot:?} {found:?}");
        if pivot != Pivot::None {
            assert!((found.budget + 0.401_334).abs() < 5.1e-7, "{pivot:?} {found:?}");
        }
    }
}
