//! Markets at the edge: ties, flat prices, agents without whom nothing clears, agents that do not trade.

use vickrey::accounts::Accounts;
use vickrey::guarantee::Baseline::{Autarky, Zero};
use vickrey::market::scaling::{Distance, FactorChoice, IntervalVerdict, Range, interval, min_max};
use vickrey::market::{Market, MarketError, PaymentRule, Settlement, Utility, UtilityError, clear, settle};
use vickrey::names::NamesError;

fn sell(blocks: &[(f64, f64)]) -> Utility {
    Utility::blocks(&[], blocks).unwrap()
}

fn buy(blocks: &[(f64, f64)]) -> Utility {
    Utility::blocks(blocks, &[]).unwrap()
}

fn settled(utilities: Vec<Utility>, total: f64) -> Settlement {
    settle(&Market::new(utilities, total).unwrap()).unwrap()
}

#[test]
fn tied_agents_share_in_proportion_to_their_pieces() {
    // 9 are wanted; 4 and 8 are offered at the same price 10.
    let s = settled(vec![sell(&[(4.0, 10.0)]), sell(&[(8.0, 10.0)]), buy(&[(9.0, 30.0)])], 0.0);
    assert_eq!(s.price(), 10.0);
    assert!((s.allocation(0) + 3.0).abs() < 1e-12 && (s.allocation(1) + 6.0).abs() < 1e-12);
    // Without the second seller only 4 can be bought: H = 4 * 20. Payments do not depend on the tie rule through F.
    assert!((s.without(1, Zero) - 80.0).abs() < 1e-12);
    assert!((s.welfare() - 180.0).abs() < 1e-12);
    // Without the first, the second serves 8 of the 9 at the same price.
    assert!((s.gap(0) - (180.0 - 160.0)).abs() < 1e-12);
}

#[test]
fn a_price_that_nothing_pins_down_is_an_interval() {
    // One unit at cost 10, one unit worth 30: any price between clears.
    let s = settled(vec![sell(&[(1.0, 10.0)]), buy(&[(1.0, 30.0)])], 0.0);
    assert_eq!((s.clearing.price_low, s.clearing.price_high, s.price()), (10.0, 30.0, 20.0));
    // VCG does not see the choice: the seller gets 30, the buyer pays 10, the operator loses 20.
    assert_eq!((s.vcg(0), s.vcg(1)), (-30.0, 10.0));
}

#[test]
fn an_open_interval_uses_its_finite_end() {
    // The load takes everything that can be produced: every price above 12 clears.
    let s = settled(vec![sell(&[(5.0, 12.0)]), sell(&[(5.0, 8.0)]), Utility::fixed(10.0).unwrap()], 0.0);
    assert_eq!((s.price(), s.clearing.price_low, s.clearing.price_high), (12.0, 12.0, f64::INFINITY));
    assert_eq!(s.pivotal, [0, 1]);
    assert_eq!(s.forced, [2]);
    // What can still be said: the allocation, Lagrange and Groves payments, and the payment of the others.
    assert_eq!(s.lagrange(0), -60.0);
    assert!(s.groves(0).is_finite() && s.vcg(2).is_finite());
    assert!(PaymentRule::Vcg.payment(&s, 0).unwrap_err().to_string().contains("agent 0 is pivotal"));
    assert_eq!(interval(&s, Zero).verdict, IntervalVerdict::Pivotal(vec![0, 1]));
    assert_eq!(
        min_max(&s, Zero, Distance { ratio: false, one_sided: false }, Range { low: 1.0, high: 2.0 }),
        None
    );
    assert_eq!(FactorChoice::LowEnd.factor(&s, Zero), None);
    // A pivotal agent has no payment at any c, also not a NaN.
    assert_eq!(s.scaled_vcg(0, 0.5, Zero), f64::NEG_INFINITY);
}

#[test]
fn agents_that_do_not_trade_pay_nothing() {
    let s = settled(
        vec![sell(&[(5.0, 12.0)]), buy(&[(3.0, 40.0)]), sell(&[(5.0, 50.0)]), buy(&[(3.0, 1.0)])],
        0.0,
    );
    for i in [2, 3] {
        assert_eq!((s.allocation(i), s.vcg(i), s.gap(i), s.surplus[i]), (0.0, 0.0, 0.0, 0.0));
        assert!((s.without(i, Zero) - s.welfare()).abs() < 1e-12);
    }
}

#[test]
fn two_agents_that_trade_have_no_feasible_factor() {
    let s =
        settled(vec![Utility::quadratic(-1.0, 1.0).unwrap(), Utility::quadratic(-1.0, 3.0).unwrap()], 0.0);
    for baseline in [Zero, Autarky] {
        let set = interval(&s, baseline);
        assert_eq!(s.without(0, baseline), 0.0);
        assert!(set.budget.is_empty());
        let IntervalVerdict::Empty { violated, .. } = set.verdict else { panic!("{set:?}") };
        assert!(violated.contains("budget cannot be balanced"), "{violated}");
    }
}

#[test]
fn a_fixed_total_is_procured() {
    // The operator needs 6 for somebody outside; the receipts of VCG can be positive or negative.
    let s = settled(vec![sell(&[(4.0, 10.0)]), sell(&[(4.0, 20.0)]), sell(&[(4.0, 30.0)])], -6.0);
    assert_eq!(s.price(), 20.0);
    assert_eq!(s.clearing.allocation, [-4.0, -2.0, 0.0]);
    assert_eq!(s.welfare(), -80.0);
    // Without the first: 4 at 20 and 2 at 30 = 140, so it is paid 140 - 40 = 100.
    assert_eq!(s.vcg(0), -100.0);
    let set = interval(&s, Zero);
    assert!((set.sum_vcg - s.vcg(0) - s.vcg(1) - s.vcg(2)).abs() < 1e-12);
}

#[test]
fn outside_options_separate_the_baselines() {
    let with_cost =
        |a: f64, b: f64, cost: f64| Utility::quadratic(a, b).unwrap().with_idle_value(-cost).unwrap();
    let agents = vec![
        with_cost(-1.0, 1.0, 0.3),
        with_cost(-1.1, 1.2, 0.1),
        with_cost(-1.2, 4.0, 0.0),
        with_cost(-1.1, 5.0, 0.2),
    ];
    let s = settled(agents, 0.0);
    let plain = [(-1.0, 1.0), (-1.1, 1.2), (-1.2, 4.0), (-1.1, 5.0)];
    let plain = settled(plain.iter().map(|&(a, b)| Utility::quadratic(a, b).unwrap()).collect(), 0.0);
    for i in 0..4 {
        assert!((s.without(i, Autarky) - plain.without(i, Autarky)).abs() < 1e-12);
        assert!((s.vcg(i) - plain.vcg(i)).abs() < 1e-12);
    }
    let (a, b) = (interval(&s, Autarky).feasible().unwrap(), interval(&plain, Autarky).feasible().unwrap());
    assert!((a.low - b.low).abs() < 1e-12 && (a.high - b.high).abs() < 1e-12);
    assert!(interval(&s, Zero).feasible() != interval(&s, Autarky).feasible());
    assert!((s.welfare() - (plain.welfare() - 0.6)).abs() < 1e-12);
}

#[test]
fn one_agent_may_dominate_all_others() {
    let mut agents = vec![Utility::quadratic(-1e-9, 2.0).unwrap()];
    agents.extend((0..50).map(|k| Utility::quadratic(-1.0, 1.0 + 0.05 * f64::from(k)).unwrap()));
    let s = settled(agents.clone(), 0.0);
    let others = settled(agents[1..].to_vec(), 0.0);
    assert!((s.without(0, Zero) - others.welfare()).abs() < 1e-9 * others.welfare());
    let u0 = s.allocation(0);
    assert!((s.gap(0) - u0 * u0 / 50.0).abs() < 1e-10 * s.gap(0));
}

#[test]
fn a_sole_supplier_is_not_pivotal_if_the_others_can_take_nothing() {
    // The buyer's demand comes from a formula with a large shift; at its limit it must be exactly 0.
    let seller = Utility::quadratic(-1.0, 5.0).unwrap().limited(-100.0, 0.0).unwrap();
    for buyer in [
        Utility::log(150_000.0, 5_000.0, 0.0).unwrap(),
        Utility::power(90_000.0, 7_000.0, 0.5, 0.0).unwrap(),
        Utility::exponential(1e7, 3e-6).unwrap(),
    ] {
        let s = settled(vec![seller.clone(), buyer.limited(0.0, f64::INFINITY).unwrap()], 0.0);
        assert_eq!(s.pivotal, [0_usize; 0]);
        assert_eq!(s.without(0, Zero), 0.0);
        assert!((s.vcg(0) - (s.own_utility(0) - s.welfare())).abs() < 1e-9 * s.welfare());
    }
}

#[test]
fn a_practically_unlimited_block_does_not_drown_the_others() {
    for size in [1e3, 1e9, 1e12, 1e15] {
        let grid = Utility::blocks(&[(size, 30.0)], &[(size, 35.0)]).unwrap();
        let s = settled(vec![buy(&[(3.0, 40.0)]), sell(&[(5.0, 20.0)]), grid], 0.0);
        assert_eq!((s.price(), s.clearing.price_low, s.clearing.price_high), (30.0, 30.0, 30.0), "{size}");
        assert!((s.allocation(2) - 2.0).abs() < 1e-12 && s.clearing.imbalance.abs() < 1e-12, "{size}");
        assert!((s.welfare() - 80.0).abs() < 1e-9, "{size}: {}", s.welfare());
        // Without the grid A buys 3 from B: H = 3 * 20.
        assert!((s.without(2, Zero) - 60.0).abs() < 1e-9, "{size}: {}", s.without(2, Zero));
        assert!((s.gap(0)).abs() < 1e-9, "{size}: {}", s.gap(0));
    }
}

#[test]
fn the_price_interval_passes_prices_at_which_nothing_moves() {
    let still = Utility::quadratic(-1.0, 30.0).unwrap().limited(0.0, 0.0).unwrap();
    let s = settled(vec![buy(&[(3.0, 40.0)]), sell(&[(3.0, 20.0)]), still], 0.0);
    assert_eq!((s.clearing.price_low, s.clearing.price_high, s.price()), (20.0, 40.0, 30.0));
    let points = |p: &[(f64, f64)]| Utility::points(p).unwrap();
    let s = settled(
        vec![
            points(&[(-4.0, 23.0), (-4.0, 21.0), (2.0, 15.0)]),
            points(&[(0.0, 60.0), (4.0, 40.0), (4.0, 25.0)]),
            points(&[(0.0, 2.0), (1.0, 1.0)]),
        ],
        0.0,
    );
    assert_eq!((s.clearing.price_low, s.clearing.price_high, s.price()), (21.0, 40.0, 30.5));
    let fixed = |q: f64| Utility::quadratic(-1.0, 9.0).unwrap().limited(q, q).unwrap();
    let s = settled(vec![fixed(2.0), fixed(-2.0)], 0.0);
    assert_eq!((s.clearing.price_low, s.clearing.price_high), (f64::NEG_INFINITY, f64::INFINITY));
}

#[test]
fn small_units_do_not_hide_gains_from_trade() {
    let agents =
        |unit: f64| [1.0, 3.0, 5.0, 2.0].map(|b| Utility::quadratic(-unit, b * unit).unwrap()).to_vec();
    let (small, plain) = (settled(agents(1e-12), 0.0), settled(agents(1.0), 0.0));
    let verdict = |s: &Settlement| interval(s, Zero).feasible().is_some();
    assert_eq!(verdict(&small), verdict(&plain));
    assert_ne!(interval(&small, Zero).verdict, IntervalVerdict::EveryC);
}

#[test]
fn infeasible_totals_and_bad_markets_are_errors() {
    let error = |utilities, total| settle(&Market::new(utilities, total).unwrap()).unwrap_err();
    let infeasible = error(vec![sell(&[(5.0, 12.0)]), Utility::fixed(10.0).unwrap()], 0.0);
    assert_eq!(infeasible, MarketError::Infeasible { total: 0.0, lowest: 5.0, highest: 10.0 });
    // The limit of a logarithm is only approached.
    let open = error(vec![Utility::log(1.0, 1.0, 0.0).unwrap(), Utility::fixed(1.0).unwrap()], 0.0);
    assert!(matches!(open, MarketError::Infeasible { .. }), "{open}");
    assert_eq!(Market::new(vec![], 0.0).unwrap_err(), MarketError::TooFewAgents { found: 0 });
    assert!(matches!(
        Market::new(vec![sell(&[(1.0, 1.0)]), buy(&[(1.0, 1.0)])], f64::NAN).unwrap_err(),
        MarketError::Total { .. }
    ));
    let two = || Market::new(vec![sell(&[(1.0, 1.0)]), buy(&[(1.0, 1.0)])], 0.0).unwrap();
    let named = |names: &[&str]| two().with_names(names.iter().map(|&n| n.into()).collect());
    assert!(matches!(
        named(&["a"]).unwrap_err(),
        MarketError::Names(NamesError::Count { found: 1, agents: 2 })
    ));
    assert!(matches!(
        named(&["a", "a"]).unwrap_err(),
        MarketError::Names(NamesError::Duplicate { first: 0, second: 1, .. })
    ));
}

#[test]
fn parameters_are_refused_with_field_and_reason() {
    let refused = |result: Result<Utility, UtilityError>, field: &str| {
        let error = result.unwrap_err();
        assert_eq!(error.field, field, "{error}");
        assert!(!error.accepted.is_empty());
    };
    refused(Utility::quadratic(0.0, 1.0), "a");
    refused(Utility::quadratic(1.0, 1.0), "a");
    refused(Utility::quadratic(f64::NAN, 1.0), "a");
    refused(Utility::quadratic(-1.0, f64::INFINITY), "b");
    refused(Utility::quadratic(-1.0, 1e16), "b");
    refused(Utility::log(0.0, 1.0, 0.0), "weight");
    refused(Utility::log(1.0, -1.0, 0.0), "shift");
    refused(Utility::log(1.0, 1.0, -0.1), "linear");
    refused(Utility::power(1.0, 1.0, 1.0, 0.0), "exponent");
    refused(Utility::exponential(1.0, 0.0), "rate");
    refused(Utility::fixed(f64::NAN), "quantity");
    refused(Utility::quadratic(-1.0, 1.0).unwrap().limited(2.0, 1.0), "low");
    refused(Utility::log(1.0, 1.0, 0.0).unwrap().limited(-1.0, 1.0), "low");
    refused(Utility::log(1.0, 1.0, 0.0).unwrap().limited(f64::NEG_INFINITY, -2.0), "high");
    refused(Utility::fixed(1.0).unwrap().limited(0.0, 1.0), "low");
    refused(Utility::fixed(1.0).unwrap().with_idle_value(f64::NAN), "idle-value");
}

#[test]
fn clearing_alone_agrees_with_settling() {
    let market =
        Market::new(vec![sell(&[(5.0, 12.0)]), buy(&[(3.0, 40.0)]), buy(&[(4.0, 20.0)])], 0.0).unwrap();
    assert_eq!(clear(&market).unwrap(), settle(&market).unwrap().clearing);
}
