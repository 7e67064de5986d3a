//! The fast algorithms of linear-quadratic markets against a brute-force twin (`lq_dense`) on random markets.
//!
//! The twin computes in double-double, about 30 digits, so that deviations are the library's rounding. Tolerances are
//! relative to what numbers are made of: prices, trades and payments to the largest of their kind in the layer, sums
//! of utilities to |F| and the sum of the sizes of everybody's own (where utilities cancel, no f64 computation can know
//! more). 1e-11 leaves room for states that grow to 2^8 and for cancellation in the regulators of several states.

mod lq_dense;

use lq_dense::{Double, Real, Run, Twin, plain, sum, zero};
use proptest::prelude::*;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use vickrey::accounts::Accounts;
use vickrey::guarantee::Baseline::{Autarky, Zero};
use vickrey::lq::model::{Agent, Market, Observation, Parameters, Series};
use vickrey::lq::solve::aggregate::Aggregate;
use vickrey::lq::solve::expected::Expected;
use vickrey::lq::solve::plan::Plan;
use vickrey::lq::solve::trade::{Bids, Record};
use vickrey::numeric::random::{Purpose, stream};

const TOLERANCE: f64 = 1e-11;
/// H_i comes back as zero when it is below 1e-11 of what it is made of, by design.
const SNAP: f64 = 3e-11;

/// What kinds of agents a market has.
#[derive(Clone, Copy, Debug)]
struct Kind {
    agents: usize,
    periods: usize,
    seed: u64,
    /// Most components of a state.
    states: usize,
    /// Largest size of the dynamics.
    growth: f64,
    varying: bool,
    observed: bool,
    factors: usize,
    terms: bool,
    demand: bool,
}

fn kinds() -> impl Strategy<Value = Kind> {
    let growth = prop_oneof![Just(1.1), Just(2.0)];
    let flags = (any::<bool>(), any::<bool>(), 0..3_usize, any::<bool>(), any::<bool>());
    (2..7_usize, 1..9_usize, any::<u64>(), 1..4_usize, growth, flags).prop_map(
        |(agents, periods, seed, states, growth, (varying, observed, factors, terms, demand))| Kind {
            agents,
            periods,
            seed,
            states,
            growth,
            varying,
            observed,
            factors,
            terms,
            demand,
        },
    )
}

struct Maker {
    kind: Kind,
    rng: ChaCha8Rng,
}

impl Maker {
    fn new(kind: Kind) -> Self {
        Self { kind, rng: stream(kind.seed, Purpose::Nature, 0) }
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.rng.random::<f64>()
    }

    fn chance(&mut self, p: f64) -> bool {
        self.rng.random::<f64>() < p
    }

    fn numbers(&mut self, count: usize, size: f64) -> Vec<f64> {
        (0..count).map(|_| self.between(-size, size)).collect()
    }

    /// A series of rows, varying or not.
    fn series(&mut self, make: impl Fn(&mut Self) -> Vec<f64>) -> Series {
        if self.kind.varying && self.chance(0.6) {
            let periods = self.kind.periods;
            return Series::varying((0..periods).map(|_| make(self)).collect());
        }
        Series::constant(make(self))
    }

    /// L L' of a random rank, exactly symmetric.
    fn square(&mut self, d: usize, size: f64) -> Vec<f64> {
        let rank = 1 + (self.between(0.0, d as f64) as usize).min(d - 1);
        let l = self.numbers(d * rank, (size / rank as f64).sqrt());
        let entry = |i: usize, j: usize| (0..rank).map(|k| l[i * rank + k] * l[j * rank + k]).sum::<f64>();
        (0..d * d).map(|e| entry(e / d, e % d)).collect()
    }

    fn negative_square(&mut self, d: usize, size: f64) -> Vec<f64> {
        self.square(d, size).into_iter().map(|x| -x).collect()
    }

    fn dynamics(&mut self, d: usize) -> Vec<f64> {
        let m = self.numbers(d * d, 1.0);
        let size = m.chunks(d).map(|row| row.iter().map(|x| x.abs()).sum()).fold(0.0, f64::max);
        let to = self.between(0.2, self.kind.growth);
        m.into_iter().map(|x| x / size * to).collect()
    }

    fn agent(&mut self) -> Parameters {
        let d = 1 + (self.between(0.0, self.kind.states as f64) as usize).min(self.kind.states - 1);
        let odd = self.between(0.0, 1.0);
        let mut p = Parameters {
            states: d,
            a: if odd < 0.07 { Series::constant(vec![0.0; d * d]) } else { self.series(|m| m.dynamics(d)) },
            b: if (0.07..0.14).contains(&odd) {
                Series::default()
            } else {
                self.series(|m| m.numbers(d, 1.5))
            },
            q: if (0.14..0.21).contains(&odd) {
                Series::default()
            } else {
                self.series(|m| m.negative_square(d, 2.0))
            },
            r: self.series(|m| vec![m.between(-2.0, -0.3)]),
            ..Parameters::default()
        };
        if !self.chance(0.1) {
            p.start_noise = self.square(d, 1.0);
        }
        if !self.chance(0.1) {
            p.noise = self.series(|m| m.square(d, 0.5));
        }
        if self.kind.terms {
            self.add_terms(&mut p);
        }
        if self.kind.observed && self.chance(0.6) {
            let gain = if self.chance(0.1) { vec![0.0; d] } else { self.numbers(d, 2.0) };
            p.observation = Some(Observation { gain, noise: self.between(0.02, 0.5) });
        } else if self.kind.factors > 0 && self.chance(0.8) {
            p.loadings = self.numbers(d * self.kind.factors, 0.5);
        }
        p
    }

    fn add_terms(&mut self, p: &mut Parameters) {
        let d = p.states;
        if self.chance(0.6) {
            p.linear = self.series(|m| m.numbers(1, 2.0));
        }
        if self.chance(0.5) {
            p.state_linear = self.series(|m| m.numbers(d, 1.0));
        }
        if self.chance(0.5) {
            p.reference = self.series(|m| m.numbers(d, 2.0));
        }
        if self.chance(0.5) {
            p.terminal_q = self.negative_square(d, 2.0);
        }
        if self.chance(0.5) {
            p.terminal_reference = self.numbers(d, 2.0);
        }
        if self.chance(0.8) {
            p.start = self.numbers(d, 2.0);
        }
    }

    fn market(&mut self) -> (Market, Twin<Double>) {
        let mut agents: Vec<Parameters> = (0..self.kind.agents).map(|_| self.agent()).collect();
        // The number of factors is the same for all that have any.
        if self.kind.factors > 0 && agents.iter().all(|p| p.loadings.is_empty() && p.observation.is_some()) {
            agents[0].observation = None;
        }
        let demand = if self.kind.demand { self.numbers(self.kind.periods, 1.5) } else { Vec::new() };
        let checked = agents.iter().map(|p| Agent::new(p.clone()).unwrap()).collect();
        let market = Market::new(self.kind.periods, demand.clone(), checked).unwrap();
        (market, Twin::new(self.kind.periods, &demand, &agents))
    }
}

fn largest(x: &[f64]) -> f64 {
    x.iter().fold(0.0, |m, x| m.max(x.abs()))
}

/// Compares numbers relative to `scale`, or absolutely if it is zero.
fn check(what: &str, ours: &[f64], theirs: &[f64], scale: f64, tolerance: f64) -> Result<(), TestCaseError> {
    prop_assert_eq!(ours.len(), theirs.len(), "{}", what);
    for (k, (x, y)) in ours.iter().zip(theirs).enumerate() {
        let deviation = (x - y).abs();
        prop_assert!(
            deviation <= tolerance * scale.max(1e-9),
            "{}, entry {}: {} against {}, off by {:e} of {}",
            what,
            k,
            x,
            y,
            deviation / scale,
            scale
        );
    }
    Ok(())
}

/// All layers with arbitrary bids; payments of the agents `pay`.
fn check_run(
    market: &Market,
    twin: &Twin<Double>,
    maker: &mut Maker,
    pay: &[usize],
) -> Result<(), TestCaseError> {
    let aggregate = Aggregate::new(market).unwrap();
    let (mut record, mut run) = (Record::new(market), Run::new(twin));
    for _ in 0..market.periods() {
        let mut bids = Bids::none(market);
        let mut told = Vec::new();
        for i in 0..market.len() {
            let bid = if maker.chance(0.2) {
                vec![0.0; market.states(i)]
            } else {
                maker.numbers(market.states(i), 1.0)
            };
            bids.set(market, i, &bid);
            told.push(bid);
        }
        let ours = record.trade(market, &aggregate, &bids);
        let theirs = run.trade(&told, pay);
        let trades: Vec<f64> = theirs.plans.iter().flat_map(|plan| plain(plan)).collect();
        let (price, quantity) = (largest(&plain(&theirs.prices)), largest(&trades).max(1.0));
        check("prices", &ours.prices, &plain(&theirs.prices), price.max(1.0), TOLERANCE)?;
        check("trades", &ours.allocation, &plain(&theirs.allocation), quantity, TOLERANCE)?;
        check("balance", &[ours.imbalance], &[0.0], quantity, TOLERANCE)?;
        let value = price.max(1.0) * quantity;
        check("lagrange", &ours.lagrange, &plain(&theirs.lagrange), value, TOLERANCE)?;
        for &i in pay {
            let payment = theirs.payments[i].unwrap();
            let gap = (theirs.lagrange[i] - payment).get();
            // What brute force loses by subtracting welfares, beside what the library loses.
            let scale = gap.abs().max(value);
            check("payment", &[ours.lagrange[i] - ours.gap[i]], &[payment.get()], scale, TOLERANCE)?;
            check("gap", &[ours.gap[i]], &[gap], gap.abs().max(1e-3 * value), TOLERANCE)?;
            prop_assert!(ours.gap[i] >= 0.0);
        }
        for i in 0..market.len() {
            let states = plain(&theirs.states[i]);
            check("state", ours.state(market, i), &states, largest(&states).max(quantity), TOLERANCE)?;
            let path = ours.plan(market, i);
            check("plan", &path.allocation, &plain(&theirs.plans[i]), quantity, TOLERANCE)?;
        }
    }
    Ok(())
}

/// The mean plan: welfare, everybody's share, every market without one agent.
fn check_plan(market: &Market, twin: &Twin<Double>) -> Result<(), TestCaseError> {
    let plan = Plan::new(market, &Aggregate::new(market).unwrap()).unwrap();
    let starts: Vec<Vec<Double>> = twin.everybody().into_iter().map(|i| twin.start(i)).collect();
    let best = twin.best(&twin.everybody(), 0, &starts, &twin.demand, true);
    let own = plain(&best.values);
    let idle: Vec<f64> = (0..own.len()).map(|i| twin.quadratic(i, 0, &starts[i], true).k.get()).collect();
    let scale = own.iter().chain(&idle).map(|x| x.abs()).sum::<f64>().max(1e-6);
    let ledger = &plan.ledger;
    let each = |f: &dyn Fn(usize) -> f64| (0..own.len()).map(f).collect::<Vec<f64>>();
    check("plan F", &[ledger.welfare()], &[best.total().get()], scale, TOLERANCE)?;
    check("plan own", &each(&|i| ledger.own_utility(i)), &own, scale, TOLERANCE)?;
    check("plan idle", &each(&|i| ledger.outside(i)), &idle, scale, TOLERANCE)?;
    let without: Vec<f64> =
        each(&|i| twin.best(&twin.without(i), 0, &starts, &twin.demand, true).total().get());
    check("plan H", &each(&|i| ledger.without(i, Zero)), &without, scale, SNAP)?;
    let total: f64 = idle.iter().sum();
    let over = each(&|i| without[i] - (total - idle[i]));
    check("plan H over autarky", &each(&|i| ledger.without(i, Autarky)), &over, scale, SNAP)?;
    check(
        "plan prices",
        plan.prices(),
        &plain(&best.prices),
        largest(&plain(&best.prices)).max(1.0),
        TOLERANCE,
    )
}

/// Everything that can be expected.
fn check_expected(market: &Market, twin: &Twin<Double>, leave_out: &[usize]) -> Result<(), TestCaseError> {
    let ours = Expected::new(market, &Aggregate::new(market).unwrap(), true).unwrap();
    let ledger = &ours.ledger;
    let all = twin.moments(&twin.everybody());
    let n = market.len();
    let each = |f: &dyn Fn(usize) -> f64| (0..n).map(f).collect::<Vec<f64>>();
    let own = plain(&all.own);
    let idle: Vec<Double> = (0..n).map(|i| twin.idle(i)).collect();
    let scale = own.iter().chain(&plain(&idle)).map(|x| x.abs()).sum::<f64>().max(1e-6);
    check("F", &[ledger.welfare()], &[all.total.get()], scale, TOLERANCE)?;
    check("F as a sum", &[all.total.get()], &[sum(all.own.iter().copied()).get()], scale, 1e-20)?;
    check("own", &each(&|i| ledger.own_utility(i)), &own, scale, TOLERANCE)?;
    check("o", &each(&|i| ledger.outside(i)), &plain(&idle), scale, TOLERANCE)?;
    check("ignorance", &each(&|i| ours.ignorance(i)), &each(&|i| twin.ignorance(i).get()), scale, TOLERANCE)?;
    let lagrange = plain(&all.lagrange);
    let turnover = largest(&lagrange).max(1e-4 * scale);
    check("lag", &each(&|i| ledger.lagrange(i)), &lagrange, turnover, TOLERANCE)?;
    let (idle_total, unknown): (Double, Double) =
        (sum(idle.iter().copied()), sum((0..n).map(|i| twin.ignorance(i))));
    let idle_layers: Vec<Vec<Double>> =
        (0..market.periods()).map(|s| (0..n).map(|i| twin.idle_in_layer(i, s)).collect()).collect();
    for &i in leave_out {
        let rest = twin.moments(&twin.without(i));
        let h = rest.total;
        let gap = all.lagrange[i] - (h - (all.total - all.own[i]));
        // Rounding to 1e-11 of the gap, or of a thousandth of the welfare at stake where it is next to nothing.
        let tight = gap.get().abs().max(1e-3 * turnover);
        check("gap", &[ledger.gap(i)], &[gap.get()], tight, TOLERANCE)?;
        check("H", &[ledger.without(i, Zero)], &[h.get()], scale, SNAP)?;
        let over = h - (idle_total - idle[i]);
        check("H over autarky", &[ledger.without(i, Autarky)], &[over.get()], scale, SNAP)?;
        for (s, (&layer, idle)) in rest.layers.iter().zip(&idle_layers).enumerate() {
            let extra = if s == 0 { unknown - twin.ignorance(i) } else { zero() };
            let value = (layer + extra).get();
            check("H of a layer", &[ours.without_in_layer(s, i, Zero)], &[value], scale, TOLERANCE)?;
            let over = (layer - sum(twin.without(i).into_iter().map(|j| idle[j]))).get();
            check(
                "H of a layer over autarky",
                &[ours.without_in_layer(s, i, Autarky)],
                &[over],
                scale,
                TOLERANCE,
            )?;
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn layers_with_any_bids(kind in kinds()) {
        let mut maker = Maker::new(kind);
        let (market, twin) = maker.market();
        check_run(&market, &twin, &mut maker, &twin.everybody())?;
    }

    #[test]
    fn plans(kind in kinds()) {
        let (market, twin) = Maker::new(kind).market();
        check_plan(&market, &twin)?;
    }

    #[test]
    fn expectations(kind in kinds()) {
        let (market, twin) = Maker::new(kind).market();
        check_expected(&market, &twin, &twin.everybody())?;
    }
}

/// A component of the noise that is a sum of another and a tiny share of a third: what it has in common with the third
/// is far larger than the variance that the third adds.
#[test]
fn components_that_nearly_depend_on_each_other() {
    let share = 9e-8;
    let covariance = vec![1.0, 1.0, 0.0, 1.0, 1.0 + share * share, share, 0.0, share, 1.0];
    let several = Parameters {
        states: 3,
        a: Series::constant(vec![0.9, 0.0, 0.3, 0.2, 0.8, -0.4, 0.1, 0.5, 0.7]),
        b: Series::constant(vec![1.0, -0.5, 0.8]),
        q: Series::constant(vec![-1.0, 0.0, 0.0, 0.0, -2.0, 0.0, 0.0, 0.0, -0.5]),
        r: (-1.0).into(),
        start_noise: covariance.clone(),
        noise: Series::constant(covariance),
        ..Parameters::default()
    };
    let one = Agent::scalar(0.9, 1.0, -1.0, -2.0).unwrap().parameters().clone();
    let agents = [several, one.clone(), one];
    let checked = agents.iter().map(|p| Agent::new(p.clone()).unwrap()).collect();
    let market = Market::new(5, Vec::new(), checked).unwrap();
    let twin = Twin::new(5, &[], &agents);
    check_expected(&market, &twin, &twin.everybody()).unwrap();
}
