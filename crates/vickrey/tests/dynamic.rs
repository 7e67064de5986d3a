//! General dynamics: published numbers, independent solvers, local optima, bounds, errors, and the protocol.

use std::sync::Arc;

use clarabel::algebra::CscMatrix;
use clarabel::solver::{DefaultSettings, DefaultSolver, IPSolver, NonnegativeConeT, ZeroConeT};
use proptest::prelude::*;
use vickrey::accounts::Accounts;
use vickrey::dynamic::strategies::{DynamicWorld, Impostor, Liar, Lie, Silent, Truthful};
use vickrey::dynamic::{
    DynamicError, DynamicMechanism, Globality, Market, Options, PaymentRule, Place, Plant, Settlement,
    Solution, Stop, audit, settle, settle_with,
};
use vickrey::guarantee::{Baseline, Property, SolutionConcept, Verdict};
use vickrey::mechanism::{Mechanism, Strategy as Acts};
use vickrey::names::NamesError;
use vickrey::scaling::interval;
use vickrey::simulate::{self, Profile, RunError};

/// x+ = a x + b u, utility q x² + r u² + l u, scalar. `exact` uses derivatives by formula, otherwise differences.
#[derive(Clone, Copy, Debug)]
struct Lq {
    a: f64,
    b: f64,
    q: f64,
    r: f64,
    l: f64,
    start: f64,
    bounds: (f64, f64),
    exact: bool,
}

const OPEN: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);

impl Plant for Lq {
    fn states(&self) -> usize {
        1
    }
    fn initial(&self) -> Vec<f64> {
        vec![self.start]
    }
    fn step(&self, _: usize, x: &[f64], u: f64, next: &mut [f64]) {
        next[0] = self.a * x[0] + self.b * u;
    }
    fn stage(&self, _: usize, x: &[f64], u: f64) -> f64 {
        self.q * x[0] * x[0] + self.r * u * u + self.l * u
    }
    fn bounds(&self, _: usize) -> (f64, f64) {
        self.bounds
    }
    fn concave(&self) -> bool {
        true
    }
    fn step_derivative(&self, t: usize, x: &[f64], u: f64, by_state: &mut [f64], by_control: &mut [f64]) {
        if self.exact {
            (by_state[0], by_control[0]) = (self.a, self.b);
        } else {
            Differences(self).step_derivative(t, x, u, by_state, by_control);
        }
    }
    fn stage_derivative(&self, t: usize, x: &[f64], u: f64, by_state: &mut [f64]) -> f64 {
        if !self.exact {
            return Differences(self).stage_derivative(t, x, u, by_state);
        }
        by_state[0] = 2.0 * self.q * x[0];
        2.0 * self.r * u + self.l
    }
}

/// The same plant with the default derivatives.
#[derive(Debug)]
struct Differences<'a>(&'a Lq);

impl Plant for Differences<'_> {
    fn states(&self) -> usize {
        1
    }
    fn initial(&self) -> Vec<f64> {
        self.0.initial()
    }
    fn step(&self, t: usize, x: &[f64], u: f64, next: &mut [f64]) {
        self.0.step(t, x, u, next);
    }
    fn stage(&self, t: usize, x: &[f64], u: f64) -> f64 {
        self.0.stage(t, x, u)
    }
    fn bounds(&self, t: usize) -> (f64, f64) {
        self.0.bounds(t)
    }
}

/// A function of one control and nothing else, for one period.
#[derive(Clone, Copy)]
struct Static {
    utility: Utility,
    bounds: (f64, f64),
    concave: bool,
}

impl std::fmt::Debug for Static {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Static")
    }
}

impl Plant for Static {
    fn states(&self) -> usize {
        0
    }
    fn initial(&self) -> Vec<f64> {
        Vec::new()
    }
    fn step(&self, _: usize, _: &[f64], _: f64, _: &mut [f64]) {}
    fn stage(&self, _: usize, _: &[f64], u: f64) -> f64 {
        (self.utility)(u)
    }
    fn bounds(&self, _: usize) -> (f64, f64) {
        self.bounds
    }
    fn concave(&self) -> bool {
        self.concave
    }
}

type Utility = fn(f64) -> f64;

fn once(parts: &[(Utility, f64, f64)]) -> Market {
    let plant = |&(utility, low, high): &(Utility, f64, f64)| {
        Arc::new(Static { utility, bounds: (low, high), concave: true }) as Arc<dyn Plant>
    };
    Market::new(1, vec![0.0], parts.iter().map(plant).collect()).unwrap()
}

fn market<P: Plant + 'static>(demand: &[f64], plants: impl IntoIterator<Item = P>) -> Market {
    let plants = plants.into_iter().map(|p| Arc::new(p) as Arc<dyn Plant>).collect();
    Market::new(demand.len(), demand.to_vec(), plants).unwrap()
}

fn case_c(linear: [f64; 3], exact: bool) -> Market {
    let rows = [(1.0, 1.0, -1.0, -1.0, 1.0), (0.9, 1.0, -0.5, -2.0, -0.5), (0.8, 0.5, -2.0, -1.0, 0.2)];
    let plants = rows.into_iter().zip(linear).map(|((a, b, q, r, start), l)| Lq {
        a,
        b,
        q,
        r,
        l,
        start,
        bounds: OPEN,
        exact,
    });
    market(&[0.0; 3], plants)
}

#[track_caller]
fn near(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "found {found}, expected {expected}");
}

#[track_caller]
fn all_near(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    found.iter().zip(expected).for_each(|(&f, &e)| near(f, e, tolerance));
}

fn each(s: &Settlement, f: impl Fn(usize) -> Option<f64>) -> Vec<f64> {
    (0..s.agents()).map(|i| f(i).unwrap()).collect()
}

#[test]
fn a_deterministic_lq_market_comes_out_as_published() {
    for exact in [true, false] {
        let s = settle(&case_c([0.0; 3], exact)).unwrap();
        all_near(s.price(), &[-1.0503674736, -0.4799740280, 0.0], 1e-8);
        all_near(s.allocation(0), &[-0.4379239081, -0.1610445390, 0.0], 1e-8);
        all_near(s.allocation(1), &[0.3019780716, 0.1226387527, 0.0], 1e-8);
        all_near(s.allocation(2), &[0.1359458364, 0.0384057863, 0.0], 1e-8);
        near(s.welfare(), -2.3281113559, 1e-8);
        all_near(&each(&s, |i| Some(s.own_utility(i))), &[-1.6944685324, -0.3484732631, -0.2851695605], 1e-8);
        all_near(&each(&s, |i| s.outside[i]), &[-3.0, -0.3082625, -0.163968], 1e-8);
        all_near(&each(&s, |i| s.leave_one_out(i)), &[-0.3658575351, -2.4939535882, -2.2367128116], 1e-8);
        all_near(&each(&s, |i| Some(s.lagrange(i))), &[0.5372782250, -0.3760513603, -0.1612268647], 1e-8);
        all_near(&each(&s, |i| Some(s.vcg(i))), &[0.2677852884, -0.5143154953, -0.1937710162], 1e-8);
        assert!(interval(&s, Baseline::Autarky).feasible().is_none());
        assert_eq!(s.globality, Globality::Concave);
        assert!(s.full.imbalance < 1e-15);
    }
}

#[test]
fn linear_terms_come_out_as_published() {
    for exact in [true, false] {
        let s = settle(&case_c([1.0, 0.0, -0.5], exact)).unwrap();
        all_near(s.price(), &[-1.0372808072, -0.4048284217, 0.2], 1e-8);
        all_near(s.allocation(0), &[-0.3330266807, 0.0177204458, 0.4], 1e-8);
        near(s.welfare(), -2.5177502819, 1e-8);
        all_near(&each(&s, |i| s.leave_one_out(i)), &[-0.2276205434, -2.6715768276, -2.5956761681], 1e-8);
        all_near(&each(&s, |i| Some(s.vcg(i))), &[0.1899437587, -0.5007259432, -0.1485907909], 1e-8);
        let range = interval(&s, Baseline::Autarky).feasible().unwrap();
        near(range.low, 1.3168991094, 1e-8);
        near(range.high, 1.3394590597, 1e-8);
        let budget = |c| (0..3).map(|i| s.scaled_vcg(i, c, Baseline::Autarky)).sum::<f64>();
        near(budget(1.3168991094), 0.0, 1e-8);
        assert!(budget(1.0) < 0.0);
    }
}

#[test]
fn static_families_come_out_as_published() {
    let s = settle(&once(&[
        (|u| -u * u + 2.0 * u, OPEN.0, OPEN.1),
        (|u| if u > -1.0 { 2.0 * (1.0 + u).ln() } else { f64::NEG_INFINITY }, OPEN.0, OPEN.1),
        (|u| 3.0 * (1.0 - (-u).exp()), OPEN.0, OPEN.1),
    ]))
    .unwrap();
    near(s.price()[0], 2.2888037677, 1e-8);
    all_near(
        &[s.allocation(0)[0], s.allocation(1)[0], s.allocation(2)[0]],
        &[-0.1444018839, -0.1261810959, 0.2705829798],
        1e-8,
    );
    near(s.welfare(), 0.1317763038, 1e-9);
    all_near(&each(&s, |i| s.leave_one_out(i)), &[0.0976929945, 0.1041628534, 0.0], 1e-9);
    all_near(&each(&s, |i| Some(s.vcg(i))), &[-0.3437389811, -0.2973777071, 0.5794199285], 1e-8);
}

#[test]
fn boxes_come_out_as_published() {
    let s = settle(&once(&[
        (|u| -u * u + u, -0.5, 0.5),
        (|u| -u * u + 3.0 * u, -0.2, 0.2),
        (|u| -0.5 * u * u + 4.0 * u, 0.0, 0.4),
    ]))
    .unwrap();
    near(s.price()[0], 2.8, 1e-9);
    assert_eq!((s.allocation(0)[0], s.allocation(2)[0]), (-0.5, 0.4));
    near(s.allocation(1)[0], 0.1, 1e-12);
    near(s.welfare(), 1.06, 1e-12);
    all_near(&each(&s, |i| s.leave_one_out(i)), &[0.14, 0.96, 0.32], 1e-11);
    all_near(&each(&s, |i| Some(s.vcg(i))), &[-1.67, 0.19, 0.78], 1e-11);
    all_near(&each(&s, |i| Some(s.gap(i))), &[0.27, 0.09, 0.34], 1e-9);
    all_near(&each(&s, |i| Some(s.without[i].as_ref()?.price[0])), &[3.8, 1.8, 1.4], 1e-9);

    // Everybody at a bound: a range of prices, its middle is reported.
    let s = settle(&once(&[(|u| -u * u + u, -0.2, 0.2), (|u| -u * u + 3.0 * u, -0.2, 0.2)])).unwrap();
    assert_eq!((s.allocation(0)[0], s.allocation(1)[0]), (-0.2, 0.2));
    near(s.price()[0], 2.0, 1e-9);
    let (low, high) = s.full.price_range[0];
    near(low, 1.4, 1e-9);
    near(high, 2.6, 1e-9);
    assert_eq!(s.leave_one_out(0), Some(0.0));
}

/// Linear plants are linear programs: all at bounds but one.
#[test]
fn linear_utilities_end_at_bounds() {
    let s = settle(&once(&[(|u| u, -1.0, 1.0), (|u| 2.0 * u, -1.0, 1.0), (|u| 3.0 * u, -0.5, 0.5)])).unwrap();
    all_near(&[s.allocation(0)[0], s.allocation(1)[0], s.allocation(2)[0]], &[-1.0, 0.5, 0.5], 1e-12);
    near(s.price()[0], 2.0, 1e-9);
    near(s.welfare(), 1.5, 1e-12);
    assert_eq!(s.globality, Globality::Concave);
}

/// A battery with a leak, losses that grow with power, comfort that saturates. Concave: next state is concave in
/// (x, u) and increasing in x, and the utilities are concave and increasing in x.
#[derive(Clone, Copy, Debug)]
struct Battery {
    start: f64,
    loss: f64,
    wear: f64,
    value: f64,
    power: f64,
}

impl Plant for Battery {
    fn states(&self) -> usize {
        1
    }
    fn initial(&self) -> Vec<f64> {
        vec![self.start]
    }
    fn step(&self, _: usize, x: &[f64], u: f64, next: &mut [f64]) {
        next[0] = 0.95 * x[0] + u - self.loss * u * u;
    }
    fn stage(&self, t: usize, x: &[f64], u: f64) -> f64 {
        let wish = 1.0 + 0.5 * t as f64;
        wish * self.value * (1.0 - (-x[0]).exp()) - self.wear * u.powi(4)
    }
    fn terminal(&self, x: &[f64]) -> f64 {
        self.value * (1.0 - (-x[0]).exp())
    }
    fn bounds(&self, _: usize) -> (f64, f64) {
        (-self.power, self.power)
    }
    fn concave(&self) -> bool {
        true
    }
}

const BATTERIES: [Battery; 3] = [
    Battery { start: 2.0, loss: 0.10, wear: 0.1, value: 1.0, power: 0.6 },
    Battery { start: 0.5, loss: 0.20, wear: 0.3, value: 2.0, power: 0.5 },
    Battery { start: 1.0, loss: 0.05, wear: 0.0, value: 0.5, power: 1.0 },
];

fn total(plants: &[Battery], u: &[Vec<f64>]) -> f64 {
    let value = |p: &Battery, path: &[f64]| {
        let (mut x, mut sum, mut next) = (p.initial(), 0.0, [0.0]);
        for (t, &u) in path.iter().enumerate() {
            sum += p.stage(t, &x, u);
            p.step(t, &x, u, &mut next);
            x[0] = next[0];
        }
        sum + p.terminal(&x)
    };
    plants.iter().zip(u).map(|(p, path)| value(p, path)).sum()
}

/// Moves amounts between pairs of agents within a period as long as it helps, with ever smaller amounts: no
/// derivative, no model, nothing shared with the solver. Exact in the limit for concave smooth welfare.
fn exchange(plants: &[Battery], demand: &[f64]) -> f64 {
    let n = plants.len();
    let mut u = vec![demand.iter().map(|d| d / n as f64).collect::<Vec<f64>>(); n];
    let mut best = total(plants, &u);
    let mut amount = 0.25_f64;
    while amount > 1e-8 {
        let mut moved = false;
        for t in 0..demand.len() {
            for (i, j) in (0..n).flat_map(|i| (0..n).map(move |j| (i, j))).filter(|(i, j)| i != j) {
                let amount = amount.min(plants[i].power - u[i][t]).min(u[j][t] + plants[j].power);
                if amount <= 0.0 {
                    continue;
                }
                u[i][t] += amount;
                u[j][t] -= amount;
                let now = total(plants, &u);
                if now > best {
                    (best, moved) = (now, true);
                } else {
                    u[i][t] -= amount;
                    u[j][t] += amount;
                }
            }
        }
        if !moved {
            amount *= 0.5;
        }
    }
    best
}

#[test]
fn nonlinear_concave_storage_agrees_with_an_exchange_search() {
    let demand = [0.3, -0.5, 0.0, 0.2];
    let s = settle(&market(&demand, BATTERIES)).unwrap();
    assert_eq!(s.globality, Globality::Concave);
    near(s.welfare(), exchange(&BATTERIES, &demand), 1e-9);
    for i in 0..3 {
        let others: Vec<Battery> = (0..3).filter(|&j| j != i).map(|j| BATTERIES[j]).collect();
        near(s.leave_one_out(i).unwrap(), exchange(&others, &demand), 1e-9);
        assert!(s.gap(i) >= -1e-9 && s.net(i, Baseline::Autarky) >= -1e-9);
    }
    // Some bound binds, and random starts change nothing.
    assert!((0..3).any(|i| s.allocation(i).iter().any(|u| u.abs() == BATTERIES[i].power)));
    let other =
        settle_with(&market(&demand, BATTERIES), &Options { warm: false, ..Options::default() }).unwrap();
    near(other.welfare(), s.welfare(), 1e-12);
}

/// A store with two comfortable levels, 1 and -1, and a liking for the upper one; or a supplier with quadratic cost.
#[derive(Clone, Copy, Debug)]
enum Hilly {
    Well { start: f64, depth: f64, tilt: f64 },
    Supplier { cost: f64 },
}

impl Plant for Hilly {
    fn states(&self) -> usize {
        1
    }
    fn initial(&self) -> Vec<f64> {
        vec![if let Self::Well { start, .. } = self { *start } else { 0.0 }]
    }
    fn step(&self, _: usize, x: &[f64], u: f64, next: &mut [f64]) {
        next[0] = x[0] + u;
    }
    fn stage(&self, _: usize, _: &[f64], u: f64) -> f64 {
        if let Self::Supplier { cost } = self { -cost * u * u } else { -0.01 * u * u }
    }
    fn terminal(&self, x: &[f64]) -> f64 {
        match self {
            Self::Well { depth, tilt, .. } => -depth * (x[0] * x[0] - 1.0).powi(2) + tilt * x[0],
            Self::Supplier { .. } => 0.0,
        }
    }
}

fn hilly() -> Market {
    let well = Hilly::Well { start: -0.9, depth: 2.0, tilt: 0.5 };
    market(&[1.6, 0.0], [well, Hilly::Supplier { cost: 0.1 }, Hilly::Supplier { cost: 0.1 }])
}

#[test]
fn a_leave_one_out_value_finds_a_local_optimum_out() {
    let one = Options { starts: 1, ..Options::default() };
    let s = settle_with(&hilly(), &one).unwrap();
    let Globality::Local(tried) = s.globality else { panic!("{}", s.globality) };
    assert!(tried.restarts > 0 && tried.optima > 1, "{tried:?}");
    for i in 0..3 {
        assert!(s.welfare() >= s.leave_one_out(i).unwrap() + s.outside(i) - 1e-9);
    }
    // Many starts find the same without the check.
    let many = settle(&hilly()).unwrap();
    near(s.welfare(), many.welfare(), 1e-9);
    let Globality::Local(tried) = many.globality else { panic!("{}", many.globality) };
    assert!(tried.starts == 8 && tried.optima == 2 && tried.unconverged == 0, "{tried:?}");
    assert!(many.globality.to_string().contains("not proved to be global"));
    // The same start in the same market: the seed is the only chance.
    assert_eq!(many.full.controls, settle(&hilly()).unwrap().full.controls);
}

#[test]
fn without_restarts_the_agent_that_refutes_the_plan_is_named() {
    let options = Options { starts: 1, restarts: 0, ..Options::default() };
    let error = settle_with(&hilly(), &options).unwrap_err();
    let DynamicError::NotGlobal { agent, welfare, possible } = &error else { panic!("{error}") };
    assert!(agent.starts_with("agent ") && possible > welfare, "{error}");
}

/// Two wells over two periods have two free controls: a grid sees every optimum.
#[test]
fn the_best_of_several_optima_is_the_one_of_a_grid() {
    for k in 0..8 {
        let k = f64::from(k);
        let tilts = [0.6 * (1.7 * k).sin(), 0.6 * (2.3 * k + 1.0).cos()];
        let wells = [
            Hilly::Well { start: (0.9 * k).sin(), depth: 1.0 + 0.2 * k, tilt: tilts[0] },
            Hilly::Well { start: (1.3 * k).cos(), depth: 2.0 - 0.2 * k, tilt: tilts[1] },
        ];
        let demand = [0.1 * k - 0.3, 0.2];
        let value = |well: &Hilly, u: [f64; 2]| {
            let x = well.initial()[0];
            well.stage(0, &[x], u[0]) + well.stage(1, &[x + u[0]], u[1]) + well.terminal(&[x + u[0] + u[1]])
        };
        let total =
            |u: [f64; 2]| value(&wells[0], u) + value(&wells[1], [demand[0] - u[0], demand[1] - u[1]]);
        let grid = || (-150..=150).map(|j| f64::from(j) * 0.02);
        let best = grid().flat_map(|a| grid().map(move |b| [a, b])).map(total).fold(f64::MIN, f64::max);
        let s = settle(&market(&demand, wells)).unwrap();
        assert!(s.welfare() >= best && s.welfare() <= best + 0.02, "{k}: {} {best}", s.welfare());
    }
}

/// Where optima are local, a warm start can carry i's report into H_i; without warm starts nothing of it gets there.
#[test]
fn without_warm_starts_h_does_not_depend_on_the_own_report() {
    let options = Options { starts: 2, warm: false, ..Options::default() };
    let well = Hilly::Well { start: -0.9, depth: 2.0, tilt: 0.5 };
    let h = |cost| {
        let plants = [well, Hilly::Supplier { cost: 0.1 }, Hilly::Supplier { cost }];
        let s = settle_with(&market(&[1.6, 0.0], plants), &options).unwrap();
        s.leave_one_out(2).unwrap().to_bits()
    };
    assert!([0.05, 0.5, 3.0].into_iter().all(|cost| h(cost) == h(0.1)));
}

/// Start 0 sits on the top between two wells, where the slope is zero: it must not be taken for a maximum.
#[test]
fn a_saddle_is_left() {
    let well = |start| Hilly::Well { start, depth: 2.0, tilt: 0.0 };
    let market = market(&[0.0], [well(0.0), well(0.0), Hilly::Supplier { cost: 0.01 }]);
    let s = settle_with(&market, &Options { starts: 1, ..Options::default() }).unwrap();
    assert_eq!(s.full.stop, Stop::Converged);
    near(s.welfare(), -0.02, 2e-3);
}

/// A maximum at which one agent is convex: the others hold it.
#[test]
fn a_maximum_with_a_convex_agent_is_reached_fast() {
    let convex = Static { utility: |u| 0.9 * u * u + u, bounds: (-3.0, 3.0), concave: false };
    let firm = Static { utility: |u| -u * u - 0.01 * u.powi(4), bounds: (-3.0, 3.0), concave: false };
    let s = settle(&market(&[0.0], [convex, firm])).unwrap();
    assert_eq!(s.full.stop, Stop::Converged);
    assert!(s.full.iterations < 30, "{}", s.full.iterations);
    // Welfare 0.9 u² + u - u² - 0.01 u⁴ in the first agent's u: 1 = 0.2 u + 0.04 u³.
    let u = s.allocation(0)[0];
    near(1.0 - 0.2 * u - 0.04 * u.powi(3), 0.0, 1e-8);
}

#[test]
fn forced_and_pivotal_agents_are_said() {
    let s = settle(&once(&[
        (|u| -u * u, 0.2, 0.5),
        (|u| -u * u + u, -1.0, 1.0),
        (|u| -2.0 * u * u + u, -1.0, 1.0),
    ]))
    .unwrap();
    assert_eq!((s.forced(), s.pivotal()), (vec![0], &[][..]));
    assert_eq!(s.outside(0), 0.0);
    let s = settle(&once(&[(|u| -u * u, 0.2, 0.5), (|u| -u * u + u, -1.0, 1.0)])).unwrap();
    assert_eq!(s.pivotal(), [1]);
    assert_eq!((s.vcg(1), PaymentRule::Vcg.payment(&s, 1)), (f64::NEG_INFINITY, None));
    let rows = audit::guarantees(
        &once(&[(|u| -u * u, 0.2, 0.5), (|u| -u * u + u, -1.0, 1.0)]),
        &s,
        PaymentRule::Vcg,
    );
    assert!(rows.iter().all(|row| !(row.promised && row.verdict == Verdict::Violated)));
}

#[test]
fn errors_say_who_and_when() {
    let build = |plants: Vec<Arc<dyn Plant>>, demand: Vec<f64>| Market::new(2, demand, plants).unwrap_err();
    let lq =
        |bounds| Arc::new(Lq { a: 1.0, b: 1.0, q: -1.0, r: -1.0, l: 0.0, start: 1.0, bounds, exact: true });
    assert_eq!(build(vec![lq(OPEN)], vec![0.0; 2]), DynamicError::TooFewAgents { found: 1 });
    assert_eq!(build(vec![lq(OPEN), lq(OPEN)], vec![0.0]), DynamicError::Periods { periods: 2, found: 1 });
    assert!(matches!(
        build(vec![lq(OPEN), lq(OPEN)], vec![0.0, f64::NAN]),
        DynamicError::Demand { period: 1, .. }
    ));
    assert!(build(vec![lq(OPEN), lq((1.0, -1.0))], vec![0.0; 2]).to_string().contains("agent 1, bounds"));
    assert_eq!(
        build(vec![lq((0.0, 1.0)), lq((0.0, 1.0))], vec![1.0, 3.0]),
        DynamicError::Infeasible { period: 1, demand: 3.0, lowest: 0.0, highest: 2.0 }
    );
    let bad = Arc::new(Lq { start: f64::NAN, ..*lq(OPEN) });
    assert!(matches!(build(vec![lq(OPEN), bad], vec![0.0; 2]), DynamicError::Initial { index: 0, .. }));

    #[derive(Debug)]
    struct Wrong;
    impl Plant for Wrong {
        fn states(&self) -> usize {
            2
        }
        fn initial(&self) -> Vec<f64> {
            vec![0.0]
        }
        fn step(&self, _: usize, _: &[f64], _: f64, _: &mut [f64]) {}
        fn stage(&self, _: usize, _: &[f64], _: f64) -> f64 {
            0.0
        }
    }
    let error = build(vec![lq(OPEN), Arc::new(Wrong)], vec![0.0; 2]);
    assert_eq!(error, DynamicError::States { agent: "agent 1".into(), found: 1, states: 2 });
    let names = |names: &[&str]| names.iter().map(|n| Box::from(*n)).collect();
    let two = || Market::new(1, vec![0.0], vec![lq(OPEN), lq(OPEN)]).unwrap();
    assert!(matches!(
        two().with_names(names(&["a"])),
        Err(DynamicError::Names(NamesError::Count { found: 1, agents: 2 }))
    ));
    assert!(matches!(
        two().with_names(names(&["a", "a"])),
        Err(DynamicError::Names(NamesError::Duplicate { .. }))
    ));
    let options = Options { starts: 0, ..Options::default() };
    assert!(matches!(settle_with(&two(), &options), Err(DynamicError::Option { field: "starts", .. })));
}

/// Breaks in a given period, with a given number.
#[derive(Debug)]
struct Breaks(usize, f64);

impl Plant for Breaks {
    fn states(&self) -> usize {
        1
    }
    fn initial(&self) -> Vec<f64> {
        vec![0.0]
    }
    fn step(&self, _: usize, x: &[f64], u: f64, next: &mut [f64]) {
        next[0] = x[0] + u;
    }
    fn stage(&self, t: usize, x: &[f64], _: f64) -> f64 {
        if t == self.0 { self.1 } else { -x[0] * x[0] }
    }
}

#[test]
fn numbers_that_are_not_finite_are_named() {
    let error = |found| {
        let plants: Vec<Arc<dyn Plant>> = vec![Arc::new(BATTERIES[0]), Arc::new(Breaks(2, found))];
        let market = Market::new(3, vec![0.0; 3], plants).unwrap();
        settle(&market.with_names(vec!["tank".into(), "heater".into()]).unwrap()).unwrap_err()
    };
    let no_number = error(f64::NAN);
    let DynamicError::Idle { agent, place, found } = &no_number else { panic!("{no_number}") };
    assert!(agent == "heater" && *place == Place::Stage(2) && found.is_nan());
    // Minus infinity says "it cannot be there"; nowhere is too little.
    let nowhere = error(f64::NEG_INFINITY);
    let DynamicError::NotFinite { agent, place, .. } = &nowhere else { panic!("{nowhere}") };
    assert!(agent == "heater" && *place == Place::Stage(2));
    assert!(nowhere.to_string().contains("stage utility of period 2"), "{nowhere}");
}

#[test]
fn unbounded_and_falsely_concave_plants_are_refused() {
    let open = |utility, concave| Static { utility, bounds: OPEN, concave };
    let error = settle(&market(&[0.0], [open(|u| u, true), open(|u| 2.0 * u, true)])).unwrap_err();
    assert!(matches!(error, DynamicError::Unbounded { period: 0, .. }), "{error}");
    let error = settle(&market(&[0.0], [open(|u| u * u, true), open(|u| -4.0 * u * u, true)])).unwrap_err();
    assert!(matches!(&error, DynamicError::NotConcave { agent, .. } if agent == "agent 0"), "{error}");
}

/// Says it is concave; a floor under its terminal utility makes it flat, then steep.
#[derive(Debug)]
struct Floored;

impl Plant for Floored {
    fn states(&self) -> usize {
        1
    }
    fn initial(&self) -> Vec<f64> {
        vec![1.0]
    }
    fn step(&self, _: usize, x: &[f64], u: f64, next: &mut [f64]) {
        next[0] = x[0] + u;
    }
    fn stage(&self, _: usize, x: &[f64], u: f64) -> f64 {
        -0.2 * u * u - 20.0 * (-2.0 * x[0]).exp()
    }
    fn terminal(&self, x: &[f64]) -> f64 {
        30.0 * (1.0 + x[0].max(-0.9)).ln()
    }
    fn bounds(&self, _: usize) -> (f64, f64) {
        (-2.0, 2.0)
    }
    fn concave(&self) -> bool {
        true
    }
}

/// The stage utility bends far more than the floor, so that halfway tests hardly see it; tangents do.
#[test]
fn a_hidden_floor_is_found_by_a_tangent() {
    let buyer = Static { utility: |u| 90.0 * (1.0 + u).ln(), bounds: (0.0, 10.0), concave: true };
    let plants: Vec<Arc<dyn Plant>> = vec![Arc::new(Floored), Arc::new(Floored), Arc::new(buyer)];
    let error = settle(&Market::new(24, vec![0.0; 24], plants).unwrap()).unwrap_err();
    assert!(matches!(error, DynamicError::NotConcave { .. }), "{error}");
}

// ---- random linear-quadratic plants against dense linear algebra -------------------------------------------------

/// Solves A x = b by elimination with row pivots.
fn gauss(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Vec<f64> {
    let n = b.len();
    for k in 0..n {
        let pivot = (k..n).max_by(|&p, &q| a[p][k].abs().total_cmp(&a[q][k].abs())).unwrap();
        a.swap(k, pivot);
        b.swap(k, pivot);
        for r in k + 1..n {
            let factor = a[r][k] / a[k][k];
            let above = a[k].clone();
            a[r].iter_mut().zip(above).skip(k).for_each(|(x, y)| *x -= factor * y);
            b[r] -= factor * b[k];
        }
    }
    for r in (0..n).rev() {
        b[r] = (b[r] - (r + 1..n).map(|c| a[r][c] * b[c]).sum::<f64>()) / a[r][r];
    }
    b
}

/// J(U) = U'WU + V'U + k of one plant: W, V, k.
fn quadratic(p: &Lq, periods: usize) -> Form {
    let path = |s: usize, t: usize| if t > s { p.a.powi((t - 1 - s) as i32) * p.b } else { 0.0 };
    let free: Vec<f64> = (0..periods).map(|t| p.a.powi(t as i32) * p.start).collect();
    let entry = |r: usize, c: usize| {
        let through: f64 = (0..periods).map(|t| path(r, t) * path(c, t)).sum();
        p.q * through + if r == c { p.r } else { 0.0 }
    };
    let w = (0..periods).map(|r| (0..periods).map(|c| entry(r, c)).collect()).collect();
    let v = (0..periods)
        .map(|s| 2.0 * p.q * (0..periods).map(|t| path(s, t) * free[t]).sum::<f64>() + p.l)
        .collect();
    (w, v, p.q * free.iter().map(|f| f * f).sum::<f64>())
}

/// Optimal controls, prices and welfare from the whole system of first-order conditions.
fn dense(plants: &[Lq], demand: &[f64]) -> (Vec<f64>, Vec<f64>, f64) {
    first_order(&plants.iter().map(|p| quadratic(p, demand.len())).collect::<Vec<_>>(), demand)
}

type Form = (Vec<Vec<f64>>, Vec<f64>, f64);

fn first_order(parts: &[Form], demand: &[f64]) -> (Vec<f64>, Vec<f64>, f64) {
    let (n, periods) = (parts.len(), demand.len());
    let size = n * periods + periods;
    let (mut a, mut b) = (vec![vec![0.0; size]; size], vec![0.0; size]);
    for (i, (w, v, _)) in parts.iter().enumerate() {
        for t in 0..periods {
            for s in 0..periods {
                a[i * periods + t][i * periods + s] = 2.0 * w[t][s];
            }
            b[i * periods + t] = -v[t];
            a[i * periods + t][n * periods + t] = -1.0;
            a[n * periods + t][i * periods + t] = 1.0;
        }
    }
    b[n * periods..].copy_from_slice(demand);
    let x = gauss(a, b);
    let (u, price) = x.split_at(n * periods);
    let worth = |i: usize| {
        let (w, v, k) = &parts[i];
        let path = &u[i * periods..(i + 1) * periods];
        let bent: f64 =
            (0..periods).map(|t| path[t] * (0..periods).map(|s| w[t][s] * path[s]).sum::<f64>()).sum();
        bent + v.iter().zip(path).map(|(v, u)| v * u).sum::<f64>() + k
    };
    (u.to_vec(), price.to_vec(), (0..n).map(worth).sum())
}

/// The same with bounds by an interior-point solver: the welfare.
fn interior(plants: &[Lq], demand: &[f64]) -> f64 {
    let (n, periods) = (plants.len(), demand.len());
    let size = n * periods;
    let parts: Vec<_> = plants.iter().map(|p| quadratic(p, periods)).collect();
    let mut p = vec![vec![0.0; size]; size];
    let mut q = vec![0.0; size];
    let (mut a, mut b) = (vec![vec![0.0; size]; periods + 2 * size], demand.to_vec());
    for (i, (w, v, _)) in parts.iter().enumerate() {
        for t in 0..periods {
            let j = i * periods + t;
            // clarabel reads the upper triangle.
            (t..periods).for_each(|s| p[j][i * periods + s] = -2.0 * w[t][s]);
            q[j] = -v[t];
            a[t][j] = 1.0;
            a[periods + j][j] = 1.0;
            a[periods + size + j][j] = -1.0;
        }
    }
    b.extend(plants.iter().flat_map(|p| vec![p.bounds.1; periods]));
    b.extend(plants.iter().flat_map(|p| vec![-p.bounds.0; periods]));
    let cones = [ZeroConeT(periods), NonnegativeConeT(2 * size)];
    let settings =
        DefaultSettings { verbose: false, tol_gap_abs: 1e-12, tol_gap_rel: 1e-12, ..Default::default() };
    let (p, a) = (CscMatrix::from(&p), CscMatrix::from(&a));
    let mut solver = DefaultSolver::new(&p, &q, &a, &b, &cones, settings).unwrap();
    solver.solve();
    parts.iter().map(|part| part.2).sum::<f64>() - solver.solution.obj_val
}

fn plant(bounds: BoxedStrategy<(f64, f64)>) -> impl Strategy<Value = Lq> {
    let numbers = (-1.1..1.1_f64, -1.5..1.5_f64, 0.0..2.0_f64, 0.2..2.0_f64, -1.0..1.0_f64, -1.0..1.0_f64);
    (numbers, bounds, any::<bool>()).prop_map(|((a, b, q, r, l, start), bounds, exact)| Lq {
        a,
        b,
        q: -q,
        r: -r,
        l,
        start,
        bounds,
        exact,
    })
}

fn without(plants: &[Lq], i: usize) -> Vec<Lq> {
    plants.iter().enumerate().filter(|&(j, _)| j != i).map(|(_, p)| *p).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn random_lq_plants_agree_with_dense_linear_algebra(
        plants in prop::collection::vec(plant(Just(OPEN).boxed()), 2..5),
        demand in prop::collection::vec(-0.5..0.5_f64, 1..6),
    ) {
        let s = settle(&market(&demand, plants.clone())).unwrap();
        let (u, price, welfare) = dense(&plants, &demand);
        let found: Vec<f64> = (0..plants.len()).flat_map(|i| s.allocation(i).to_vec()).collect();
        all_near(&found, &u, 1e-7);
        all_near(s.price(), &price, 1e-7);
        near(s.welfare(), welfare, 1e-10 * (1.0 + welfare.abs()));
        for i in 0..plants.len() {
            let (_, _, h) = dense(&without(&plants, i), &demand);
            near(s.leave_one_out(i).unwrap(), h, 1e-10 * (1.0 + h.abs()));
        }
        prop_assert_eq!(s.globality, Globality::Concave);
    }

    #[test]
    fn random_lq_plants_with_bounds_agree_with_an_interior_point_solver(
        plants in prop::collection::vec(plant((-1.0..-0.05_f64, 0.05..1.0_f64).boxed()), 2..5),
        demand in prop::collection::vec(-0.04..0.04_f64, 1..6),
    ) {
        let s = settle(&market(&demand, plants.clone())).unwrap();
        let welfare = interior(&plants, &demand);
        near(s.welfare(), welfare, 1e-7 * (1.0 + welfare.abs()));
        for i in 0..plants.len() {
            let h = interior(&without(&plants, i), &demand);
            near(s.leave_one_out(i).unwrap(), h, 1e-7 * (1.0 + h.abs()));
            prop_assert!(s.net(i, Baseline::Autarky) >= -1e-9);
        }
        prop_assert_eq!(s.globality, Globality::Concave);
        prop_assert!(s.full.imbalance < 1e-14);
    }
}

/// A concave plant whose utility carries a large constant, which differences turn into noise; or a kink, which is none.
#[derive(Debug)]
struct Rough {
    constant: f64,
    kink: f64,
    wish: f64,
}

impl Plant for Rough {
    fn states(&self) -> usize {
        0
    }
    fn initial(&self) -> Vec<f64> {
        Vec::new()
    }
    fn step(&self, _: usize, _: &[f64], _: f64, _: &mut [f64]) {}
    fn stage(&self, _: usize, _: &[f64], u: f64) -> f64 {
        self.constant - (u - self.wish).powi(2) - 0.1 * u.powi(4) - self.kink * (u - 0.1234).abs()
    }
    fn concave(&self) -> bool {
        true
    }
}

fn rough(constant: f64, kink: f64) -> Solution {
    let plants =
        [0.7, -0.2, 0.4].map(|wish| Rough { constant, kink: if wish > 0.5 { kink } else { 0.0 }, wish });
    settle(&market(&[0.1, -0.3], plants)).unwrap().full
}

/// Rounding of utilities of 1e6 leaves marginal utilities good to 1e-5 by differences: that level is found, reached, and
/// called converged. A kink of the size of the utilities is not.
#[test]
fn noise_of_derivatives_is_told_from_kinks() {
    let smooth = rough(0.0, 0.0);
    assert!(smooth.stop == Stop::Converged && smooth.residual < 1e-8);
    for (constant, level) in [(1e4, 1e-6), (1e6, 1e-4)] {
        let noisy = rough(constant, 0.0);
        assert_eq!(noisy.stop, Stop::Converged, "{noisy:?}");
        assert!(noisy.residual < level, "{noisy:?}");
        for (a, b) in noisy.controls.iter().zip(&smooth.controls) {
            all_near(a, b, level);
        }
    }
    // At the kink the difference quotient is in between; within its two steps the gradient falls by 2 kink.
    let kinked = rough(0.0, 1.0);
    assert!(
        kinked.stop == Stop::Converged && kinked.residual < 1e-8 || kinked.stop == Stop::Stalled,
        "{kinked:?}"
    );
}

fn hill() -> impl Strategy<Value = Hilly> {
    prop_oneof![
        (-1.2..1.2_f64, 0.1..2.0_f64, -1.0..1.0_f64).prop_map(|(start, depth, tilt)| Hilly::Well {
            start,
            depth,
            tilt
        }),
        (0.01..1.0_f64).prop_map(|cost| Hilly::Supplier { cost }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn hilly_markets_settle_with_all_that_can_be_checked(
        plants in prop::collection::vec(hill(), 2..5),
        demand in prop::collection::vec(-0.5..0.5_f64, 1..5),
        starts in 1_usize..4,
    ) {
        let options = Options { starts, ..Options::default() };
        let s = settle_with(&market(&demand, plants.clone()), &options).unwrap();
        for solution in std::iter::once(&s.full).chain(s.without.iter().flatten()) {
            prop_assert_eq!(solution.stop, Stop::Converged);
            prop_assert!(solution.imbalance < 1e-13 && solution.residual < 1e-7);
        }
        for i in 0..plants.len() {
            prop_assert!(s.net(i, Baseline::Autarky) >= -1e-8, "{} {}", i, s.net(i, Baseline::Autarky));
        }
    }
}

/// Two states: the last control (ramps cost) and a stock that leaks into what is remembered.
#[derive(Debug)]
struct Ramp(f64);

impl Plant for Ramp {
    fn states(&self) -> usize {
        2
    }
    fn initial(&self) -> Vec<f64> {
        vec![0.1, self.0]
    }
    fn step(&self, t: usize, x: &[f64], u: f64, next: &mut [f64]) {
        next[0] = u + 0.3 * x[1];
        next[1] = 0.9 * x[1] + 0.2 * x[0] + (1.0 + 0.1 * t as f64) * u;
    }
    fn stage(&self, _: usize, x: &[f64], u: f64) -> f64 {
        -(u - x[0]).powi(2) - 0.5 * u * u - x[0] * x[1] * 0.2 - x[1] * x[1] + self.0 * u
    }
    fn terminal(&self, x: &[f64]) -> f64 {
        -2.0 * (x[1] - 1.0).powi(2) - x[0] * x[0]
    }
}

/// The quadratic form of a plant that is one, from values: exact up to rounding, no derivative involved.
fn form(plant: &dyn Plant, periods: usize) -> Form {
    let value = |ones: &[usize]| {
        let (mut x, mut next, mut sum) = (plant.initial(), vec![0.0; plant.states()], 0.0);
        for t in 0..periods {
            let u = ones.iter().filter(|&&s| s == t).count() as f64;
            sum += plant.stage(t, &x, u);
            plant.step(t, &x, u, &mut next);
            x.copy_from_slice(&next);
        }
        sum + plant.terminal(&x)
    };
    let k = value(&[]);
    let bend = |r: usize, c: usize| 0.5 * (value(&[r, c]) - value(&[r]) - value(&[c]) + k);
    let w: Vec<Vec<f64>> = (0..periods).map(|r| (0..periods).map(|c| bend(r, c)).collect()).collect();
    let v = (0..periods).map(|t| value(&[t]) - k - w[t][t]).collect();
    (w, v, k)
}

#[test]
fn plants_with_several_states_agree_with_dense_linear_algebra() {
    let demand = [0.5, -0.2, 0.0, 0.3, 0.1];
    let plants = [Ramp(1.0), Ramp(-0.5), Ramp(0.2)];
    let forms: Vec<Form> = plants.iter().map(|p| form(p, 5)).collect();
    let (u, price, welfare) = first_order(&forms, &demand);
    let s = settle(&market(&demand, plants)).unwrap();
    all_near(&(0..3).flat_map(|i| s.allocation(i).to_vec()).collect::<Vec<_>>(), &u, 1e-8);
    all_near(s.price(), &price, 1e-8);
    near(s.welfare(), welfare, 1e-11);
    let (_, _, h) = first_order(&forms[1..], &demand);
    near(s.leave_one_out(0).unwrap(), h, 1e-11);
    // Not declared concave: one optimum was met, which is not a proof.
    assert!(
        matches!(s.globality, Globality::Local(t) if t.optima == 1 && t.unconverged == 0),
        "{}",
        s.globality
    );
}

// ---- the protocol ------------------------------------------------------------------------------------------------

type Told = Arc<dyn Plant>;

fn honest(_: usize) -> Box<dyn Acts<DynamicMechanism, Told>> {
    Box::new(Truthful)
}

const DEMAND: [f64; 3] = [0.2, -0.3, 0.0];

fn mechanism(rule: PaymentRule) -> DynamicMechanism {
    DynamicMechanism::new(3, DEMAND.to_vec(), rule, Options::default()).unwrap()
}

fn world(_: u64) -> DynamicWorld {
    DynamicWorld::new(market(&DEMAND, BATTERIES)).unwrap()
}

#[test]
fn the_protocol_charges_what_the_functions_say() {
    let s = settle(&market(&DEMAND, BATTERIES)).unwrap();
    let rules = [
        PaymentRule::Vcg,
        PaymentRule::ScaledVcg { c: 1.05, baseline: Baseline::Autarky },
        PaymentRule::ScaledVcg { c: 0.9, baseline: Baseline::Zero },
        PaymentRule::Lagrange,
    ];
    for rule in rules {
        let totals = simulate::truthful(&mechanism(rule), &mut world(0), honest, 1).unwrap();
        for i in 0..3 {
            assert_eq!(totals.payment[i], rule.payment(&s, i).unwrap());
            near(totals.valuation[i], s.own_utility(i), 1e-12);
        }
    }
    let wrong = PaymentRule::ScaledVcg { c: f64::NAN, baseline: Baseline::Zero };
    assert!(DynamicMechanism::new(3, vec![0.0], wrong, Options::default()).is_err());
}

#[test]
fn no_lie_of_a_searched_set_gains_among_concave_plants() {
    let lies = [0.5, 0.8, 1.25, 3.0]
        .map(|scale| Lie { scale, ..Lie::TRUTH })
        .into_iter()
        .chain([-0.5, -0.1, 0.1, 0.5].map(|shift| Lie { shift, ..Lie::TRUTH }))
        .chain([-0.4, 0.4].map(|start| Lie { start, ..Lie::TRUTH }))
        .chain([0.0, 0.1, 0.3].map(|cap| Lie { cap, ..Lie::TRUTH }));
    let rules = [PaymentRule::Vcg, PaymentRule::ScaledVcg { c: 1.1, baseline: Baseline::Autarky }];
    let mut worst = f64::NEG_INFINITY;
    for (lie, rule) in lies.flat_map(|lie| rules.map(|rule| (lie, rule))) {
        for agent in 0..3 {
            let mut profile: Profile<DynamicMechanism, Told> = (0..3).map(honest).collect();
            profile[agent] = Box::new(Liar(lie));
            let pair = simulate::paired(&mechanism(rule), world, honest, profile, 1).unwrap();
            assert!(pair.gain(agent) <= 1e-9, "{agent} {lie:?} {rule:?}: {}", pair.gain(agent));
            worst = worst.max(pair.gain(agent));
        }
    }
    // The lies are not idle: some come close, and under Lagrange payments one of them pays.
    assert!(worst < 1e-9);
    let pays = |agent: usize| {
        [0.5, 0.8, 1.25].into_iter().any(|scale| {
            let mut profile: Profile<DynamicMechanism, Told> = (0..3).map(honest).collect();
            profile[agent] = Box::new(Liar(Lie { scale, ..Lie::TRUTH }));
            let pair =
                simulate::paired(&mechanism(PaymentRule::Lagrange), world, honest, profile, 1).unwrap();
            pair.gain(agent) > 1e-4
        })
    };
    assert!((0..3).any(pays));
}

#[test]
fn silent_and_refused_agents_are_absent() {
    let run = |absent: Box<dyn Acts<DynamicMechanism, Told>>| {
        let mut profile: Profile<DynamicMechanism, Told> = (0..3).map(honest).collect();
        profile[1] = absent;
        simulate::run(&mechanism(PaymentRule::Vcg), &mut world(0), &mut profile, 1, |_| ()).unwrap()
    };
    let s = settle(&market(&DEMAND, [BATTERIES[0], BATTERIES[2]])).unwrap();
    let idle = settle(&market(&DEMAND, BATTERIES)).unwrap().outside(1);
    let silent = run(Box::new(Silent));
    assert_eq!((silent.silent[1], silent.payment[1], silent.valuation[1]), (1, 0.0, idle));
    assert_eq!(silent.payment[2], s.vcg(1));
    let refused = run(Box::new(Impostor(Arc::new(Breaks(0, f64::NAN)))));
    assert_eq!((refused.refused[1], refused.payment), (1, silent.payment));
    let m = mechanism(PaymentRule::Vcg);
    let bad: Arc<dyn Plant> = Arc::new(Breaks(1, f64::NAN));
    let rejection = m.admit(&m.start(), 2, &bad).unwrap_err();
    assert!(rejection.to_string().contains("agent 2, stage utility of period 1"), "{rejection}");

    let mut nobody: Profile<DynamicMechanism, Told> =
        (0..3).map(|_| Box::new(Silent) as Box<dyn Acts<_, _>>).collect();
    let error = simulate::run(&m, &mut world(0), &mut nobody, 1, |_| ()).unwrap_err();
    assert!(matches!(error, RunError::Stage { stage: 0, .. }));
    assert!(error.to_string().contains("at least 2 agents, found 0"), "{error}");
}

#[test]
fn guarantees_are_exact_only_at_global_optima() {
    let ic = Property::IncentiveCompatibility(SolutionConcept::DominantStrategy);
    let find = |market: &Market| {
        let s = settle(market).unwrap();
        let rows = audit::guarantees(market, &s, PaymentRule::Vcg);
        assert!(rows.iter().all(|r| r.verdict != Verdict::Violated), "{rows:?}");
        rows.into_iter().find(|r| r.property == ic).unwrap()
    };
    assert!(find(&market(&DEMAND, BATTERIES)).promised);
    let local = find(&hilly());
    assert!(!local.promised && local.note.contains("exact at global optima only"), "{}", local.note);
}
