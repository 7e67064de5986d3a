//! Linear-quadratic markets at the ends of what can be asked: results do not depend on the number of threads, and
//! parameters that differ by many orders of magnitude give finite numbers or a clear error.

use rand::RngExt;
use vickrey::accounts::Accounts;
use vickrey::guarantee::Baseline::{Autarky, Zero};
use vickrey::lq::model::{Agent, Market, Observation, Parameters, Series};
use vickrey::lq::solve::aggregate::{Aggregate, SolveError};
use vickrey::lq::solve::expected::Expected;
use vickrey::lq::solve::trade::{Bids, Record};
use vickrey::numeric::random::{Purpose, stream};
use vickrey::scaling::interval;

/// Agents with one to three states, with all that agents can have.
fn mixed(agents: usize, periods: usize) -> Market {
    let agent = |i: usize| {
        let mut rng = stream(5, Purpose::Instance, i as u64);
        let mut between = |low: f64, high: f64| low + (high - low) * rng.random::<f64>();
        let d = 1 + i % 3;
        let diagonal =
            |x: f64| (0..d * d).map(|e| if e % (d + 1) == 0 { x } else { 0.0 }).collect::<Vec<f64>>();
        let mut parameters = Parameters {
            states: d,
            a: Series::constant((0..d * d).map(|_| between(-0.5, 0.5)).collect()),
            b: Series::constant((0..d).map(|_| between(-1.5, 1.5)).collect()),
            q: Series::constant(diagonal(between(-2.0, 0.0))),
            r: between(-2.0, -0.3).into(),
            linear: Series::numbers((0..periods).map(|_| between(-1.0, 1.0))),
            reference: Series::constant((0..d).map(|_| between(-1.0, 1.0)).collect()),
            terminal_q: diagonal(-0.3),
            start: (0..d).map(|_| between(-1.0, 1.0)).collect(),
            start_noise: diagonal(between(0.0, 1.0)),
            noise: Series::constant(diagonal(between(0.0, 0.3))),
            ..Parameters::default()
        };
        if i.is_multiple_of(5) {
            parameters.observation = Some(Observation { gain: vec![1.0; d], noise: 0.2 });
        } else if i.is_multiple_of(2) {
            parameters.loadings = (0..d).map(|_| between(-0.3, 0.3)).collect();
        }
        Agent::new(parameters).unwrap()
    };
    Market::new(periods, vec![0.5; periods], (0..agents).map(agent).collect()).unwrap()
}

/// All results, bit by bit.
fn bits(market: &Market) -> Vec<u64> {
    let aggregate = Aggregate::new(market).unwrap();
    let expected = Expected::new(market, &aggregate, true).unwrap();
    let ledger = &expected.ledger;
    let mut all = vec![ledger.welfare(), ledger.surplus_total(), ledger.outside_total()];
    for i in 0..market.len() {
        all.extend([ledger.own_utility(i), ledger.lagrange(i), ledger.gap(i), ledger.outside(i)]);
        all.extend([ledger.without(i, Zero), ledger.without(i, Autarky)]);
        all.extend((0..market.periods()).map(|s| expected.without_in_layer(s, i, Zero)));
    }
    let mut record = Record::new(market);
    let mut rng = stream(6, Purpose::Nature, 0);
    for _ in 0..market.periods() {
        let mut bids = Bids::none(market);
        for i in 0..market.len() {
            let bid: Vec<f64> = (0..market.states(i)).map(|_| rng.random::<f64>() - 0.5).collect();
            bids.set(market, i, &bid);
        }
        let trade = record.trade(market, &aggregate, &bids);
        assert!(trade.imbalance.abs() < 1e-10, "{}", trade.imbalance);
        all.extend([&trade.prices, &trade.allocation, &trade.lagrange, &trade.gap].into_iter().flatten());
    }
    assert!(all.iter().all(|x| x.is_finite()));
    all.into_iter().map(f64::to_bits).collect()
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let market = mixed(3000, 12);
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| bits(&market))
    };
    let one = with(1);
    assert!(one == with(2) && one == with(3));
}

fn scalar(a: f64, b: f64, q: f64, r: f64) -> Agent {
    Agent::scalar(a, b, q, r).unwrap().with(|p| (p.start_noise, p.noise) = (vec![0.5], 0.2.into())).unwrap()
}

/// Everything is finite and consistent, or an error is returned.
fn check(market: &Market) -> Result<(), SolveError> {
    let aggregate = Aggregate::new(market)?;
    let expected = Expected::new(market, &aggregate, true)?;
    let ledger = &expected.ledger;
    assert!(ledger.welfare().is_finite());
    let all = market.len();
    for i in 0..all {
        let numbers =
            [ledger.own_utility(i), ledger.lagrange(i), ledger.gap(i), ledger.vcg(i), ledger.outside(i)];
        assert!(numbers.iter().all(|x| x.is_finite()), "agent {i}: {numbers:?}");
        assert!(ledger.gap(i) >= 0.0 && ledger.without(i, Zero).is_finite());
        // Nobody is worse off at c = 1 than alone, and nobody else's autarky beats H_i: up to rounding of the total.
        let size = ledger.welfare().abs() + ledger.outside_total().abs();
        let (net, without) = (ledger.net(i, Autarky), ledger.without(i, Autarky));
        assert!(net >= -1e-12 * size && without >= -1e-12 * size, "agent {i}: {net}, {without} of {size}");
    }
    for baseline in [Zero, Autarky] {
        let found = interval(ledger, baseline);
        assert!(!found.sum_vcg.is_nan() && !found.sum_without.is_nan());
    }
    let mut record = Record::new(market);
    for s in 0..market.periods() {
        let mut bids = Bids::none(market);
        (0..all).for_each(|i| bids.set(market, i, &vec![0.3 * ((i + s) % 3) as f64 - 0.2; market.states(i)]));
        let trade = record.trade(market, &aggregate, &bids);
        let size = trade.allocation.iter().fold(1e-9, |m: f64, x| m.max(x.abs()));
        assert!(trade.imbalance.abs() <= 1e-9 * size * all as f64, "{} of {size}", trade.imbalance);
        for numbers in [&trade.prices, &trade.allocation, &trade.lagrange, &trade.gap] {
            assert!(numbers.iter().all(|x| x.is_finite()), "{numbers:?}");
        }
    }
    Ok(())
}

fn of(periods: usize, agents: Vec<Agent>) -> Market {
    Market::new(periods, Vec::new(), agents).unwrap()
}

#[test]
fn parameters_over_twelve_decades() {
    for seed in 0..60 {
        let mut rng = stream(seed, Purpose::Instance, 0);
        let mut decades = |low: f64, high: f64| 10_f64.powf(low + (high - low) * rng.random::<f64>());
        let agents = (0..2 + seed as usize % 7)
            .map(|_| scalar(decades(-6.0, 0.0), decades(-6.0, 6.0), -decades(-6.0, 6.0), -decades(-6.0, 6.0)))
            .collect();
        check(&of(1 + seed as usize % 12, agents)).unwrap();
    }
}

#[test]
fn a_giant_among_dwarfs() {
    let dwarfs = |count: usize| vec![scalar(0.9, 1.0, -1.0, -1.0); count];
    for giant in [1e2, 1e3, 1e6, 1e9, 1e12] {
        // One that is nearly all of the market.
        let flat = scalar(0.9, 1.0, -1.0 / giant, -1.0 / giant);
        for others in [1, 2, 39] {
            let mut all = dwarfs(others);
            all.push(flat.clone());
            check(&of(6, all)).unwrap();
        }
        // Of two agents neither can trade alone: H_i over autarky is zero, not nearly zero.
        let pair = of(6, vec![scalar(0.9, 1.0, -1.0, -1.0), flat]);
        let found = Expected::new(&pair, &Aggregate::new(&pair).unwrap(), true).unwrap();
        assert!((0..2).all(|i| found.ledger.without(i, Autarky) == 0.0), "{giant}");
        // One that needs next to nothing of the market. (Alone with one other, the expected discount of that other is
        // a difference of numbers giant² times as large, and only good for small giants.)
        let strong = scalar(0.9, giant, -1.0, -1.0);
        for others in [if giant < 1e3 { 1 } else { 2 }, 2, 39] {
            let mut all = dwarfs(others);
            all.insert(0, strong.clone());
            check(&of(6, all)).unwrap();
        }
    }
}

#[test]
fn small_and_equal_markets() {
    // In one period nothing can be gained by trading.
    let market = of(1, vec![scalar(1.0, 1.0, -1.0, -1.0), scalar(0.5, 2.0, -2.0, -1.0)]);
    check(&market).unwrap();
    let found = Expected::new(&market, &Aggregate::new(&market).unwrap(), true).unwrap();
    assert!((0..2).all(|i| found.ledger.gap(i) == 0.0 && found.ledger.lagrange(i) == 0.0));
    // Equal agents do trade, as their noise differs; for any two the gaps are the same.
    let market = of(5, vec![scalar(1.0, 1.0, -1.0, -1.0); 9]);
    check(&market).unwrap();
    let found = Expected::new(&market, &Aggregate::new(&market).unwrap(), true).unwrap();
    assert!((1..9).all(|i| found.ledger.gap(i) == found.ledger.gap(0)) && found.ledger.gap(0) > 0.0);
    // Without noise nothing moves.
    let quiet = |a| Agent::scalar(a, 1.0, -1.0, -1.0).unwrap();
    let market = of(4, vec![quiet(1.0), quiet(0.5), quiet(2.0)]);
    check(&market).unwrap();
    let found = Expected::new(&market, &Aggregate::new(&market).unwrap(), true).unwrap();
    assert!(found.ledger.welfare() == 0.0 && (0..3).all(|i| found.ledger.gap(i) == 0.0));
    // No use for trade at all.
    check(&of(4, vec![scalar(1.0, 1.0, 0.0, -1.0); 2])).unwrap();
    check(&of(4, vec![scalar(0.0, 0.0, -1.0, -1.0); 3])).unwrap();
}

/// The agents' flatness, and what they want, differ by ten orders over the periods.
#[test]
fn periods_that_differ_by_orders() {
    let periods = 60;
    let agent = |i: usize| {
        let waves = |low: f64, high: f64, shift: usize| {
            let at = move |t: usize| ((t + shift) as f64 * 0.7).sin() * 0.5 + 0.5;
            Series::numbers((0..periods).map(move |t| 10_f64.powf(low + (high - low) * at(t))))
        };
        let negative = |s: Series| Series::numbers(s.rows().iter().map(|row| -row[0]).collect::<Vec<f64>>());
        let parameters = Parameters {
            a: waves(-1.0, 0.2, i),
            b: 1.0.into(),
            q: negative(waves(-3.0, 3.0, 2 * i)),
            r: negative(waves(-5.0, 5.0, 3 * i)),
            start_noise: vec![1.0],
            noise: 0.1.into(),
            ..Parameters::default()
        };
        Agent::new(parameters).unwrap()
    };
    check(&of(periods, (0..5).map(agent).collect())).unwrap();
}

#[test]
fn what_leaves_the_range_of_numbers_is_an_error() {
    for (a, b, q, periods) in [
        (1e12, 1.0, -1.0, 20),
        (1e12, 0.0, -1e12, 30),
        (1e3, 0.0, -1.0, 60),
        (1e6, 1e6, -1e12, 60),
        (30.0, 1e-12, -1e12, 100),
    ] {
        let market =
            of(periods, vec![scalar(a, b, q, -1.0), scalar(0.9 * a, b, q, -2.0), scalar(a, b, q, -1.0)]);
        if let Err(error) = check(&market) {
            assert!(error.to_string().contains("accepted"), "{error}");
        }
    }
}

/// Nearly exact measurements of some, none of others.
#[test]
fn measurements_at_the_ends() {
    let seen = |gain: f64, noise: f64| {
        let agent = scalar(0.9, 1.0, -1.0, -1.0);
        agent.with(|p| p.observation = Some(Observation { gain: vec![gain], noise })).unwrap()
    };
    let several = |noise: f64| {
        Agent::new(Parameters {
            states: 2,
            a: Series::constant(vec![1.0, 0.3, -0.2, 0.9]),
            b: Series::constant(vec![1.0, -1.0]),
            q: Series::constant(vec![-1.0, 0.0, 0.0, -2.0]),
            r: (-1.0).into(),
            start_noise: vec![1.0, 0.0, 0.0, 1.0],
            noise: Series::constant(vec![0.1, 0.0, 0.0, 0.1]),
            observation: Some(Observation { gain: vec![1.0, -2.0], noise }),
            ..Parameters::default()
        })
        .unwrap()
    };
    let agents = vec![
        seen(1.0, 0.0),
        seen(1e12, 1e-12),
        seen(0.0, 1.0),
        seen(1e-12, 1e12),
        several(1e-14),
        several(1e-300),
        several(1e12),
        scalar(0.9, 1.0, -1.0, -1.0),
    ];
    let market = of(8, agents);
    check(&market).unwrap();
    let found = Expected::new(&market, &Aggregate::new(&market).unwrap(), true).unwrap();
    // An exact measurement is as good as seeing the state.
    let (exact, direct) = (found.ledger.own_utility(0), found.ledger.own_utility(7));
    assert!((exact - direct).abs() < 1e-13 * direct.abs(), "{exact}, {direct}");
    assert!((0..8).all(|i| found.ignorance(i) <= 0.0));
}
