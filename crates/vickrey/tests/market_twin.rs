//! The fast path against its brute-force twin on random markets: every leave-one-out problem built and solved as a
//! market of its own, welfare summed from values.

use proptest::prelude::*;
use vickrey::accounts::Accounts;
use vickrey::guarantee::Baseline::{self, Autarky, Zero};
use vickrey::market::scaling::{Range, interval};
use vickrey::market::solve::gap_one_by_one;
use vickrey::market::{Clearing, Market, MarketError, Settlement, Utility, clear, settle};

/// One utility of any family. Ranges are those in which people trade with each other.
fn utility() -> impl Strategy<Value = Utility> {
    prop_oneof![
        quadratic(),
        (quadratic(), 0.0..3.0_f64, 0.1..3.0_f64)
            .prop_map(|(u, below, above)| u.limited(-below, above).unwrap()),
        (0.5..4.0_f64, 0.3..3.0_f64, 0.0..1.0_f64).prop_map(|(w, s, d)| Utility::log(w, s, d).unwrap()),
        (0.5..4.0_f64, 0.3..3.0_f64, 0.0..1.0_f64, 0.0..2.0_f64, 0.1..3.0_f64).prop_map(
            |(w, s, d, below, above)| {
                Utility::log(w, s, d).unwrap().limited(-(below.min(0.9 * s)), above).unwrap()
            }
        ),
        (0.5..4.0_f64, 0.3..3.0_f64, 0.2..0.8_f64, 0.0..1.0_f64)
            .prop_map(|(w, s, g, d)| Utility::power(w, s, g, d).unwrap()),
        (0.5..4.0_f64, 0.3..2.0_f64).prop_map(|(a, k)| Utility::exponential(a, k).unwrap()),
        blocks(),
        blocks(),
        points(),
        (-1.0..1.0_f64).prop_map(|q| Utility::fixed(q).unwrap()),
    ]
}

fn quadratic() -> impl Strategy<Value = Utility> {
    (0.2..3.0_f64, 0.5..4.0_f64).prop_map(|(a, b)| Utility::quadratic(-a, b).unwrap())
}

/// Prices on a coarse grid, so that ties between agents are common.
fn blocks() -> impl Strategy<Value = Utility> {
    let block = || (1..8_u8, 1..9_u8).prop_map(|(q, p)| (f64::from(q) * 0.25, f64::from(p) * 0.5));
    (prop::collection::vec(block(), 1..4), any::<bool>()).prop_map(|(blocks, sell)| {
        if sell { Utility::blocks(&[], &blocks).unwrap() } else { Utility::blocks(&blocks, &[]).unwrap() }
    })
}

fn points() -> impl Strategy<Value = Utility> {
    (prop::collection::vec((0.05..1.0_f64, 0.05..1.0_f64), 2..5), -2.0..0.0_f64, 1.0..4.0_f64).prop_map(
        |(steps, mut u, mut m)| {
            let mut knots = vec![(u, m)];
            for (du, dm) in steps {
                u += du;
                m -= dm;
                knots.push((u, m));
            }
            Utility::points(&knots).unwrap()
        },
    )
}

fn markets(sizes: std::ops::Range<usize>) -> impl Strategy<Value = Market> {
    (prop::collection::vec(utility(), sizes), -0.5..0.5_f64, any::<bool>())
        .prop_map(|(all, total, zero)| Market::new(all, if zero { 0.0 } else { total }).unwrap())
}

fn welfare(market: &Market, clearing: &Clearing) -> f64 {
    (0..market.len()).map(|i| market.utility(i).value(clearing.allocation[i])).sum()
}

/// H_i by brute force; minus infinity if the others cannot reach the total.
fn without(market: &Market, agent: usize) -> f64 {
    let others: Vec<Utility> =
        (0..market.len()).filter(|&j| j != agent).map(|j| market.utility(j).clone()).collect();
    if others.len() == 1 {
        return others[0].value(market.total());
    }
    let market = Market::new(others, market.total()).unwrap();
    match clear(&market) {
        Ok(clearing) => welfare(&market, &clearing),
        Err(MarketError::Infeasible { .. }) => f64::NEG_INFINITY,
        Err(other) => panic!("{other}"),
    }
}

/// Everything in money is compared relative to the money that moves in the market.
fn scale(market: &Market, s: &Settlement) -> f64 {
    1.0 + (0..market.len()).map(|i| s.own_utility(i).abs() + s.lagrange(i).abs()).sum::<f64>()
}

fn check_against_brute_force(market: &Market) -> Result<(), TestCaseError> {
    let Ok(s) = settle(market) else {
        return Ok(());
    };
    let scale = scale(market, &s);
    let total = welfare(market, &s.clearing);
    prop_assert!((s.welfare() - total).abs() <= 1e-9 * scale, "welfare {} {total}", s.welfare());
    prop_assert!(s.clearing.imbalance.abs() <= 1e-12 * scale, "imbalance {}", s.clearing.imbalance);
    for i in 0..market.len() {
        let h = without(market, i);
        prop_assert_eq!(h.is_finite(), s.gap(i).is_finite(), "agent {}: {} {}", i, h, s.gap(i));
        if !h.is_finite() {
            continue;
        }
        let own = market.utility(i).value(s.allocation(i));
        let payment = h - (total - own);
        prop_assert!((s.vcg(i) - payment).abs() <= 1e-9 * scale, "agent {i}: {} {payment}", s.vcg(i));
        prop_assert!((s.without(i, Zero) - h).abs() <= 1e-9 * scale, "agent {i}: {} {h}", s.without(i, Zero));
        prop_assert!((s.own_utility(i) - own).abs() <= 1e-9 * scale, "agent {i}: {} {own}", s.own_utility(i));
        prop_assert!(s.gap(i) >= 0.0);
        if s.forced.is_empty() {
            prop_assert!(s.net(i, Autarky) >= 0.0, "agent {i}: net {}", s.net(i, Autarky));
        }
        let alone = gap_one_by_one(market, &s.clearing, i);
        prop_assert!(
            (s.gap(i) - alone).abs() <= 1e-10 * alone + 1e-12 * scale,
            "agent {i}: {} {alone}",
            s.gap(i)
        );
    }
    for baseline in [Zero, Autarky] {
        check_interval(market, &s, baseline, scale)?;
    }
    Ok(())
}

/// The interval against a scan of c with payments added up one by one.
fn check_interval(
    market: &Market,
    s: &Settlement,
    baseline: Baseline,
    scale: f64,
) -> Result<(), TestCaseError> {
    if !s.pivotal.is_empty() {
        return Ok(());
    }
    let set = interval(s, baseline);
    let feasible = set.feasible().unwrap_or(Range { low: f64::INFINITY, high: f64::NEG_INFINITY });
    for k in -40..=60 {
        let c = 1.0 + f64::from(k) * 0.05;
        let payments: Vec<f64> = (0..market.len()).map(|i| s.scaled_vcg(i, c, baseline)).collect();
        let worst_net = (0..market.len())
            .map(|i| {
                let floor = if baseline == Autarky { s.outside[i] } else { 0.0 };
                s.own_utility(i) - payments[i] - floor
            })
            .fold(f64::INFINITY, f64::min);
        let slack = payments.iter().sum::<f64>().min(worst_net);
        // Near a boundary rounding decides; everywhere else the two must agree.
        if slack.abs() > 1e-8 * scale {
            prop_assert_eq!(
                slack > 0.0,
                feasible.contains(c),
                "c {} slack {} set {:?}",
                c,
                slack,
                set.clone()
            );
        }
    }
    Ok(())
}

/// Agents whose sizes differ by up to six decades: dominant ones next to dust.
fn spread() -> impl Strategy<Value = Market> {
    let size = || (-3.0..3.0_f64).prop_map(|e| 10.0_f64.powf(e));
    let agent = prop_oneof![
        (size(), 0.5..4.0_f64).prop_map(|(s, b)| Utility::quadratic(-1.0 / s, b).unwrap()),
        (size(), 0.3..3.0_f64).prop_map(|(s, m)| Utility::log(m * s, s, 0.0).unwrap()),
        (size(), 0.3..3.0_f64, 0.2..0.8_f64)
            .prop_map(|(s, m, g)| { Utility::power(m * s.powf(1.0 - g), s, g, 0.1).unwrap() }),
        (size(), 0.3..3.0_f64).prop_map(|(s, m)| Utility::exponential(m * s, 1.0 / s).unwrap()),
        (size(), 0.5..4.0_f64, 0.1..1.0_f64).prop_map(|(s, b, l)| {
            Utility::quadratic(-1.0 / s, b).unwrap().limited(-l * s, l * s).unwrap()
        }),
        (size(), 0.5..4.0_f64, any::<bool>()).prop_map(|(s, p, sell)| {
            let blocks = [(s, p), (s, if sell { p + 1.0 } else { 0.5 * p })];
            if sell { Utility::blocks(&[], &blocks).unwrap() } else { Utility::blocks(&blocks, &[]).unwrap() }
        }),
    ];
    prop::collection::vec(agent, 40..150).prop_map(|all| Market::new(all, 0.0).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Every gap keeps its relative accuracy, whatever the size of the agent.
    #[test]
    fn gaps_of_large_and_small_agents(market in spread()) {
        let Ok(s) = settle(&market) else { return Ok(()) };
        for i in 0..market.len() {
            let alone = gap_one_by_one(&market, &s.clearing, i);
            let noise = 1e-13 * s.lagrange(i).abs();
            prop_assert!((s.gap(i) - alone).abs() <= 1e-9 * alone + noise, "agent {i}: {} {alone} u {} {:?}", s.gap(i), s.allocation(i), s.effort);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn small_markets(market in markets(2..9)) {
        check_against_brute_force(&market)?;
    }

    #[test]
    fn thread_count_does_not_matter(market in markets(2..60)) {
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| settle(&market))
        };
        prop_assert_eq!(with(1).ok(), with(3).ok());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Large enough for the shared residual-demand curve.
    #[test]
    fn middling_markets(market in markets(60..120)) {
        check_against_brute_force(&market)?;
    }
}
