//! The fast algorithms of linear-quadratic markets against a brute-force twin (`lq_dense`) on random markets.
//!
//! The twin computes in double-double, about 30 digits, so that deviations are the library's rounding (in plain doubles
//! where that takes too long; then most of a deviation is the twin's). Tolerances are relative to what numbers are made
//! of: prices, trades and payments to the largest of their kind in the layer, sums of utilities to the sizes of
//! everybody's own and idle utility (where utilities cancel, no f64 computation can know more). 1e-11 leaves room for
//! states that grow to 2^8 and for cancellation in the regulators of several states.

mod lq_dense;

use lq_dense::{Double, Eliminated, Matrix, Real, Run, Twin, dot, plain, sum, zero};
use proptest::prelude::*;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use vickrey::accounts::Accounts;
use vickrey::guarantee::Baseline::{Autarky, Zero};
use vickrey::lq::model::{Agent, Market, Observation, Parameters, Series};
use vickrey::lq::solve::aggregate::Aggregate;
use vickrey::lq::solve::expected::Expected;
use vickrey::lq::solve::plan::Plan;
use vickrey::lq::solve::trade::{Bids, Record, Trade};
use vickrey::numeric::random::{Purpose, stream};

/// What a twin's numbers are good for.
trait Checked: Real {
    const TOLERANCE: f64;
    /// How well two ways of the twin itself agree.
    const EXACT: f64;
    /// H_i comes back as zero when it is below 1e-11 of what it is made of, by design.
    const SNAP: f64 = 2e-11 + Self::TOLERANCE;
}

impl Checked for Double {
    const TOLERANCE: f64 = 1e-11;
    const EXACT: f64 = 1e-20;
}

impl Checked for f64 {
    const TOLERANCE: f64 = 1e-9;
    const EXACT: f64 = 1e-9;
}

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

    fn market<R: Real>(&mut self) -> (Market, Twin<R>) {
        let mut agents: Vec<Parameters> = (0..self.kind.agents).map(|_| self.agent()).collect();
        // Agents that see their state through a measurement have no loadings; somebody has some.
        if self.kind.factors > 0 && agents.iter().all(|p| p.loadings.is_empty()) {
            agents[0].observation = None;
            agents[0].loadings = self.numbers(agents[0].states * self.kind.factors, 0.5);
        }
        let demand = if self.kind.demand { self.numbers(self.kind.periods, 1.5) } else { Vec::new() };
        build(self.kind.periods, &demand, &agents)
    }
}

fn build<R: Real>(periods: usize, demand: &[f64], agents: &[Parameters]) -> (Market, Twin<R>) {
    let checked = agents.iter().map(|p| Agent::new(p.clone()).unwrap()).collect();
    let market = Market::new(periods, demand.to_vec(), checked).unwrap();
    (market, Twin::new(periods, demand, agents))
}

fn largest(x: &[f64]) -> f64 {
    x.iter().fold(0.0, |m, x| m.max(x.abs()))
}

/// Compares numbers relative to `scale`.
fn check(what: &str, ours: &[f64], theirs: &[f64], scale: f64, tolerance: f64) -> Result<(), TestCaseError> {
    prop_assert_eq!(ours.len(), theirs.len(), "{}", what);
    for (k, (x, y)) in ours.iter().zip(theirs).enumerate() {
        let deviation = (x - y).abs();
        prop_assert!(
            deviation <= tolerance * scale.max(1e-200),
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
fn check_run<R: Checked>(
    market: &Market,
    twin: &Twin<R>,
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
        check("prices", &ours.prices, &plain(&theirs.prices), price.max(1.0), R::TOLERANCE)?;
        check("trades", &ours.allocation, &plain(&theirs.allocation), quantity, R::TOLERANCE)?;
        check("balance", &[ours.imbalance], &[0.0], quantity, R::TOLERANCE)?;
        let value = price.max(1.0) * quantity;
        check("lagrange", &ours.lagrange, &plain(&theirs.lagrange), value, R::TOLERANCE)?;
        for &i in pay {
            let payment = theirs.payments[i].unwrap();
            let gap = (theirs.lagrange[i] - payment).get();
            // What brute force loses by subtracting welfares, beside what the library loses.
            let scale = gap.abs().max(value);
            check("payment", &[ours.lagrange[i] - ours.gap[i]], &[payment.get()], scale, R::TOLERANCE)?;
            check("gap", &[ours.gap[i]], &[gap], gap.abs().max(1e-3 * value), R::TOLERANCE)?;
            prop_assert!(ours.gap[i] >= 0.0);
        }
        for i in 0..market.len() {
            let states = plain(&theirs.states[i]);
            check("state", ours.state(market, i), &states, largest(&states).max(quantity), R::TOLERANCE)?;
            let path = ours.plan(market, i);
            check("plan", &path.allocation, &plain(&theirs.plans[i]), quantity, R::TOLERANCE)?;
        }
    }
    Ok(())
}

/// The mean plan: welfare, everybody's share, every market without one agent.
fn check_plan<R: Checked>(market: &Market, twin: &Twin<R>) -> Result<(), TestCaseError> {
    let plan = Plan::new(market, &Aggregate::new(market).unwrap()).unwrap();
    let starts: Vec<Vec<R>> = twin.everybody().into_iter().map(|i| twin.start(i)).collect();
    let best = twin.best(&twin.everybody(), 0, &starts, &twin.demand, true);
    let own = plain(&best.values);
    let idle: Vec<f64> = (0..own.len()).map(|i| twin.quadratic(i, 0, &starts[i], true).k.get()).collect();
    let scale = own.iter().chain(&idle).map(|x| x.abs()).sum::<f64>().max(1e-6);
    let ledger = &plan.ledger;
    let each = |f: &dyn Fn(usize) -> f64| (0..own.len()).map(f).collect::<Vec<f64>>();
    check("plan F", &[ledger.welfare()], &[best.total().get()], scale, R::TOLERANCE)?;
    check("plan own", &each(&|i| ledger.own_utility(i)), &own, scale, R::TOLERANCE)?;
    check("plan idle", &each(&|i| ledger.outside(i)), &idle, scale, R::TOLERANCE)?;
    let without: Vec<f64> =
        each(&|i| twin.best(&twin.without(i), 0, &starts, &twin.demand, true).total().get());
    // One agent that has to meet the demand alone loses far more than all together: H_i rounds at its own size.
    let alone = scale.max(largest(&without));
    check("plan H", &each(&|i| ledger.without(i, Zero)), &without, alone, R::SNAP)?;
    let total: f64 = idle.iter().sum();
    let over = each(&|i| without[i] - (total - idle[i]));
    check("plan H over autarky", &each(&|i| ledger.without(i, Autarky)), &over, alone, R::SNAP)?;
    check(
        "plan prices",
        plan.prices(),
        &plain(&best.prices),
        largest(&plain(&best.prices)).max(1.0),
        R::TOLERANCE,
    )
}

/// Everything that can be expected.
fn check_expected<R: Checked>(
    market: &Market,
    twin: &Twin<R>,
    leave_out: &[usize],
) -> Result<(), TestCaseError> {
    let ours = Expected::new(market, &Aggregate::new(market).unwrap(), true).unwrap();
    let ledger = &ours.ledger;
    let all = twin.moments(&twin.everybody());
    let n = market.len();
    let each = |f: &dyn Fn(usize) -> f64| (0..n).map(f).collect::<Vec<f64>>();
    let own = plain(&all.own);
    let idle: Vec<R> = (0..n).map(|i| twin.idle(i)).collect();
    let scale = own.iter().chain(&plain(&idle)).map(|x| x.abs()).sum::<f64>().max(1e-6);
    check("F", &[ledger.welfare()], &[all.total.get()], scale, R::TOLERANCE)?;
    check("F as a sum", &[all.total.get()], &[sum(all.own.iter().copied()).get()], scale, R::EXACT)?;
    check("own", &each(&|i| ledger.own_utility(i)), &own, scale, R::TOLERANCE)?;
    check("o", &each(&|i| ledger.outside(i)), &plain(&idle), scale, R::TOLERANCE)?;
    check(
        "ignorance",
        &each(&|i| ours.ignorance(i)),
        &each(&|i| twin.ignorance(i).get()),
        scale,
        R::TOLERANCE,
    )?;
    let lagrange = plain(&all.lagrange);
    let turnover = largest(&lagrange).max(1e-4 * scale);
    check("lag", &each(&|i| ledger.lagrange(i)), &lagrange, turnover, R::TOLERANCE)?;
    let idle_total = sum(idle.iter().copied());
    let idle_layers: Vec<Vec<R>> =
        (0..market.periods()).map(|s| (0..n).map(|i| twin.idle_in_layer(i, s)).collect()).collect();
    for &i in leave_out {
        let rest = twin.moments(&twin.without(i));
        let h = rest.total;
        let gap = all.lagrange[i] - (h - (all.total - all.own[i]));
        // Rounding to 1e-11 of the gap, or of a thousandth of the welfare at stake where it is next to nothing.
        let tight = gap.get().abs().max(1e-3 * turnover);
        check("gap", &[ledger.gap(i)], &[gap.get()], tight, R::TOLERANCE)?;
        let alone = scale.max(h.get().abs());
        check("H", &[ledger.without(i, Zero)], &[h.get()], alone, R::SNAP)?;
        let over = h - (idle_total - idle[i]);
        check("H over autarky", &[ledger.without(i, Autarky)], &[over.get()], alone, R::SNAP)?;
        for (s, (&layer, idle)) in rest.layers.iter().zip(&idle_layers).enumerate() {
            let alone = scale.max(layer.get().abs());
            check("H of a layer", &[ours.without_in_layer(s, i, Zero)], &[layer.get()], alone, R::TOLERANCE)?;
            let over = (layer - sum(twin.without(i).into_iter().map(|j| idle[j]))).get();
            check(
                "H of a layer over autarky",
                &[ours.without_in_layer(s, i, Autarky)],
                &[over],
                alone,
                R::TOLERANCE,
            )?;
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn layers_with_any_bids(kind in kinds()) {
        let mut maker = Maker::new(kind);
        let (market, twin) = maker.market::<Double>();
        check_run(&market, &twin, &mut maker, &twin.everybody())?;
    }

    #[test]
    fn plans(kind in kinds()) {
        let (market, twin) = Maker::new(kind).market::<Double>();
        check_plan(&market, &twin)?;
    }

    #[test]
    fn expectations(kind in kinds()) {
        let (market, twin) = Maker::new(kind).market::<Double>();
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
    let (market, twin) = build::<Double>(5, &[], &agents);
    check_expected(&market, &twin, &twin.everybody()).unwrap();
}

const SCALARS: Kind = Kind {
    agents: 30,
    periods: 12,
    seed: 1,
    states: 1,
    growth: 1.1,
    varying: true,
    observed: true,
    factors: 1,
    terms: true,
    demand: true,
};

/// Thirty scalar agents, twelve periods; some of them are left out.
#[test]
fn thirty_agents() {
    for seed in [1, 2] {
        let mut maker = Maker::new(Kind { seed, varying: seed == 1, ..SCALARS });
        let (market, twin) = maker.market::<f64>();
        check_expected(&market, &twin, &[0, 13, 29]).unwrap();
        check_run(&market, &twin, &mut maker, &[7, 22]).unwrap();
    }
}

/// Paths fade long before the end.
#[test]
fn long_horizons() {
    for (seed, states) in [(1, 1), (2, 1), (3, 2)] {
        let kind = Kind { seed, agents: 3, periods: 48, states, growth: 0.9, varying: seed == 2, ..SCALARS };
        let mut maker = Maker::new(kind);
        let (market, twin) = maker.market::<f64>();
        check_expected(&market, &twin, &[0, 2]).unwrap();
        check_run(&market, &twin, &mut maker, &[1]).unwrap();
    }
}

/// Hundreds of agents: what each layer's trades are, and the market of the others of every agent, from the sum of
/// dense inverses. The worth of a market is quadratic in what it receives, so that the discount is half of (prices -
/// prices without the agent) times its trade, without a difference of welfares.
#[test]
fn hundreds_of_agents() {
    for (agents, periods) in [(200, 48), (200, 7), (64, 24)] {
        let kind =
            Kind { agents, periods, growth: 1.02, observed: false, factors: 0, varying: false, ..SCALARS };
        let mut maker = Maker::new(kind);
        let (market, twin) = maker.market::<Double>();
        let aggregate = Aggregate::new(&market).unwrap();
        let mut record = Record::new(&market);
        for s in 0..periods {
            let told: Vec<f64> = if s == 0 {
                (0..agents).map(|i| twin.start(i).first().map_or(0.0, |x| x.get())).collect()
            } else {
                maker.numbers(agents, 1.0)
            };
            let ours = record.trade(&market, &aggregate, &Bids::scalar(&market, &told));
            if s == 0 || s == 1 || s == periods / 2 {
                check_layer(&twin, s, &told, &ours).unwrap();
            }
        }
    }
}

fn check_layer(twin: &Twin<Double>, s: usize, told: &[f64], ours: &Trade) -> Result<(), TestCaseError> {
    let n = twin.periods - s;
    let half = Double::of(0.5);
    // Minus W^-1 and W^-1 V of everybody.
    let own: Vec<(Matrix<Double>, Vec<Double>)> = (0..told.len())
        .map(|i| {
            let quadratic = twin.quadratic(i, s, &[Double::of(told[i])], s == 0);
            let inverse = Eliminated::new(quadratic.w).inverse();
            let moved = inverse.apply(&quadratic.v);
            (inverse, moved)
        })
        .collect();
    let demand: Vec<Double> = if s == 0 { twin.demand.clone() } else { vec![zero(); n] };
    let zero_prices = || demand.iter().map(|d| *d + *d).collect::<Vec<Double>>();
    let mut all = Matrix::zeros(n, n);
    let mut right = zero_prices();
    for (inverse, moved) in &own {
        all = all.plus(inverse);
        right.iter_mut().zip(moved).for_each(|(x, y)| *x = *x + *y);
    }
    let change = Eliminated::new(all.clone()).solve(&right);
    check("change of prices", &ours.change, &plain(&change), largest(&plain(&change)), 1e-11)?;
    let prices: Vec<Double> = ours.prices.iter().map(|&x| Double::of(x)).collect();
    for (i, (inverse, moved)) in own.iter().enumerate() {
        let trade: Vec<Double> =
            inverse.apply(&change).iter().zip(moved).map(|(x, y)| half * (*x - *y)).collect();
        let others = Matrix {
            data: all.data.iter().zip(&inverse.data).map(|(x, y)| *x - *y).collect(),
            ..all.clone()
        };
        let right: Vec<Double> = right.iter().zip(moved).map(|(x, y)| *x - *y).collect();
        let without = Eliminated::new(others).solve(&right);
        let gap = half * sum(change.iter().zip(&without).zip(&trade).map(|((x, y), u)| (*x - *y) * *u));
        check("gap", &[ours.gap[i]], &[gap.get()], gap.get(), 1e-10)?;
        let lagrange = dot(&prices, &trade);
        let size = prices.iter().zip(&trade).map(|(x, y)| (*x * *y).size().get()).sum();
        check("lagrange", &[ours.lagrange[i]], &[lagrange.get()], size, 1e-11)?;
    }
    Ok(())
}
