//! The market as a protocol: drivers, silent agents, garbage, and that every path charges the same.

use std::sync::Arc;
use vickrey::accounts::Accounts;

use vickrey::guarantee::Baseline;
use vickrey::market::strategies::{Liar, Lie, MarketWorld, Silent, Truthful};
use vickrey::market::{ConcaveUtility, Market, MarketMechanism, PaymentRule, Utility, settle};
use vickrey::mechanism::{Mechanism, Strategy, Turn};
use vickrey::simulate::{self, Profile, RunError};

fn market() -> Market {
    Market::new(
        vec![
            Utility::quadratic(-0.5, 1.0).unwrap(),
            Utility::blocks(&[], &[(2.0, 1.5), (2.0, 3.0)]).unwrap(),
            Utility::log(4.0, 1.0, 0.0).unwrap(),
            Utility::quadratic(-1.0, 6.0).unwrap().limited(0.0, 3.0).unwrap(),
        ],
        0.0,
    )
    .unwrap()
}

const RULES: [PaymentRule; 4] = [
    PaymentRule::Vcg,
    PaymentRule::Groves,
    PaymentRule::ScaledVcg { c: 1.1, baseline: Baseline::Autarky },
    PaymentRule::Lagrange,
];

fn honest(_: usize) -> Box<dyn Strategy<MarketMechanism, Utility>> {
    Box::new(Truthful)
}

fn profile() -> Profile<MarketMechanism, Utility> {
    (0..4).map(honest).collect()
}

#[test]
fn the_protocol_charges_what_the_functions_say() {
    for rule in RULES {
        let market = market();
        let mechanism = MarketMechanism::new(4, 0.0, rule);
        let totals =
            simulate::truthful(&mechanism, &mut MarketWorld::new(market.clone()), honest, 1).unwrap();
        let s = settle(&market).unwrap();
        for i in 0..4 {
            assert_eq!(totals.payment[i], rule.payment(&s, i).unwrap());
            let own = market.utility(i).value(s.allocation(i));
            assert!((totals.valuation[i] - own).abs() < 1e-12);
            // One agent's payment on its own path is the one of the full settlement.
            let (quantity, payment) = vickrey::market::protocol::payment_of(&market, rule, i).unwrap();
            assert_eq!(quantity, s.allocation(i));
            assert!(
                (payment - totals.payment[i]).abs() < 1e-10,
                "{rule:?} {i}: {payment} {}",
                totals.payment[i]
            );
        }
    }
}

#[test]
fn no_liar_gains_and_the_pair_uses_the_same_world() {
    let mechanism = MarketMechanism::new(4, 0.0, PaymentRule::Vcg);
    for agent in 0..4 {
        for lie in [
            Lie { scale: 1.3, shift: 0.0, cap: f64::INFINITY },
            Lie { scale: 1.0, shift: -0.4, cap: f64::INFINITY },
            Lie { scale: 1.0, shift: 0.0, cap: 0.5 },
        ] {
            let mut lying = profile();
            lying[agent] = Box::new(Liar(lie));
            let world = |_| MarketWorld::new(market());
            let pair = simulate::paired(&mechanism, world, honest, lying, 9).unwrap();
            assert!(pair.gain(agent) <= 1e-12, "{agent} {lie:?} {}", pair.gain(agent));
        }
    }
}

#[test]
fn a_silent_agent_is_absent() {
    let mechanism = MarketMechanism::new(4, 0.0, PaymentRule::Vcg);
    let mut with_silent = profile();
    with_silent[2] = Box::new(Silent);
    let totals =
        simulate::run(&mechanism, &mut MarketWorld::new(market()), &mut with_silent, 1, |_| ()).unwrap();
    assert_eq!((totals.silent[2], totals.payment[2], totals.valuation[2]), (1, 0.0, 0.0));
    let others = [0, 1, 3].map(|i| market().utility(i).clone()).to_vec();
    let s = settle(&Market::new(others, 0.0).unwrap()).unwrap();
    assert_eq!(totals.payment[3], s.vcg(2));
}

/// A utility whose value is no number.
#[derive(Debug)]
struct Garbage;

impl ConcaveUtility for Garbage {
    fn value(&self, _: f64) -> f64 {
        f64::NAN
    }
    fn demand(&self, _: f64) -> f64 {
        f64::NAN
    }
}

struct SendsGarbage;

impl Strategy<MarketMechanism, Utility> for SendsGarbage {
    fn report(&mut self, _: Turn<'_, Utility, f64>) -> Option<Utility> {
        Utility::custom(Arc::new(Garbage)).ok()
    }
}

#[test]
fn garbage_is_refused_and_treated_as_absence() {
    let mechanism = MarketMechanism::new(4, 0.0, PaymentRule::Vcg);
    let mut profile = profile();
    profile[0] = Box::new(SendsGarbage);
    let totals = simulate::run(&mechanism, &mut MarketWorld::new(market()), &mut profile, 1, |_| ()).unwrap();
    assert_eq!((totals.refused[0], totals.payment[0]), (1, 0.0));
    assert!(totals.payment.iter().all(|p| p.is_finite()));
    let garbage = Utility::custom(Arc::new(Garbage)).unwrap();
    let rejection = mechanism.admit(&mechanism.start(), 0, &garbage).unwrap_err();
    assert!(rejection.to_string().contains("agent 0"), "{rejection}");
}

#[test]
fn too_few_reports_end_the_run_with_a_reason() {
    let mechanism = MarketMechanism::new(4, 0.0, PaymentRule::Vcg);
    let mut silent: Profile<MarketMechanism, Utility> =
        (0..4).map(|_| Box::new(Silent) as Box<dyn Strategy<_, _>>).collect();
    let error =
        simulate::run(&mechanism, &mut MarketWorld::new(market()), &mut silent, 1, |_| ()).unwrap_err();
    assert!(matches!(error, RunError::Stage { stage: 0, .. }));
    assert!(error.to_string().contains("at least 2 agents, found 0"), "{error}");
    let error =
        simulate::run(&mechanism, &mut MarketWorld::new(market()), &mut Vec::new(), 1, |_| ()).unwrap_err();
    assert!(matches!(error, RunError::Strategies { found: 0, agents: 4 }));
}

#[test]
fn custom_utilities_settle_like_the_family_they_imitate() {
    #[derive(Debug)]
    struct LikeLog;
    impl ConcaveUtility for LikeLog {
        fn value(&self, u: f64) -> f64 {
            if u > -1.0 { 4.0 * (1.0 + u).ln() } else { f64::NEG_INFINITY }
        }
        fn demand(&self, price: f64) -> f64 {
            4.0 / price - 1.0
        }
        fn price_floor(&self) -> f64 {
            0.0
        }
    }
    let custom = market().with_utility(2, Utility::custom(Arc::new(LikeLog)).unwrap());
    let (a, b) = (settle(&market()).unwrap(), settle(&custom).unwrap());
    assert!((a.price() - b.price()).abs() < 1e-12);
    for i in 0..4 {
        assert!((a.vcg(i) - b.vcg(i)).abs() < 1e-10, "{i}: {} {}", a.vcg(i), b.vcg(i));
    }
}

#[test]
fn a_custom_utility_that_returns_no_number_is_named() {
    let market = market().with_utility(1, Utility::custom(Arc::new(Garbage)).unwrap());
    let error = settle(&market).unwrap_err();
    assert!(error.to_string().contains("agent 1"), "{error}");
}
