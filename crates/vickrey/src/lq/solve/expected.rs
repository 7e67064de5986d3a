//! Ex-ante numbers: what everybody can expect before anything has happened, if all are truthful.
//!
//! The mean path is a deterministic plan; every layer adds the quadratic part of its disturbances. With Z = (-S_s)^-1,
//! a bid w = f e (e of unit variance, var = sum f f') and the other agents' sum omega_-i, an agent's change of schedule is
//! U = (beta + W^-1 Z beta) w + W^-1 Z omega_-i, so
//!
//! ```text
//! own  = tr(ric var) + tr(W^-1 Z Omega Z)
//! lag  = 2 f'beta'Z beta f + 2 tr(W^-1 Z Omega Z)
//! gap  = d(y f) + sum_k d(W^-1 r_k) - d(W^-1 Z beta f),   y = beta + W^-1 Z beta,  Z Omega Z = sum_k r_k r_k'
//! ```
//!
//! with d(x) = -x'Gamma_i x. Z Omega Z has few numerically independent columns r_k, whatever N is. Common factors add one
//! column each.

use multiversion::multiversion;

use super::aggregate::{Aggregate, Layer, SolveError};
use super::discount::Discount;
use super::kalman::{BidCovariance, cost_of_ignorance};
use super::ledger::{Ledger, Shares};
use super::passes::{self, Columns, Task};
use super::plan::Plan;
use crate::accounts::Accounts;
use crate::guarantee::Baseline;
use crate::lq::group::{LANES, Lane};
use crate::lq::model::Market;
use crate::lq::regulator::{Block, Dim, ZERO, add_product, lanes, shared_product, with_states};
use crate::mechanism::AgentId;
use crate::numeric::cholesky::dot;
use crate::numeric::sum::compensated;

/// Columns of Z Omega Z below this part of its trace are rounding.
const INDEPENDENT: f64 = 1e-16;

/// What everybody can expect, by layer and in all.
#[derive(Clone, Debug)]
pub struct Expected {
    /// All layers together, what is never known (partial observation, noise at the end) included.
    pub ledger: Ledger,
    /// The mean path alone.
    pub plan: Plan,
    layers: Vec<LayerExpectation>,
    /// Utility that is lost to not knowing the state, whatever is traded.
    ignorance: Vec<f64>,
    ignorance_total: f64,
}

/// One layer's expectations, for both baselines: their difference is lost where outside options are huge.
#[derive(Clone, Debug)]
struct LayerExpectation {
    welfare: [f64; 2],
    /// F - H_i of the layer, by agent.
    net: [Vec<f64>; 2],
}

impl Expected {
    /// Computes everything. `keep_layers` keeps two numbers per agent and layer, which
    /// [`without_in_layer`](Self::without_in_layer) needs.
    ///
    /// # Errors
    /// The parameters lead out of the range of numbers.
    pub fn new(market: &Market, aggregate: &Aggregate, keep_layers: bool) -> Result<Self, SolveError> {
        let plan = Plan::new(market, aggregate)?;
        let mut ledger = plan.ledger.clone();
        let mut layers = Vec::new();
        for s in 0..market.periods() {
            let part = layer(market, aggregate.layer(s), s);
            if keep_layers {
                layers.push(LayerExpectation::of(&if s == 0 {
                    plan.ledger.plus(&part)
                } else {
                    part.clone()
                }));
            }
            ledger = ledger.plus(&part);
        }
        let ignorance = ignorance(market);
        let none = vec![0.0; market.len()];
        let lost = Shares {
            own: ignorance.clone(),
            surplus: none.clone(),
            outside: ignorance.clone(),
            lagrange: none.clone(),
            gap: none,
        };
        let lost = Ledger::new(lost, 0.0);
        ledger = ledger.plus(&lost);
        if !ledger.is_finite() {
            return Err(SolveError::Range { period: 0, reason: "an expected welfare is not finite".into() });
        }
        let ignorance_total = compensated(ignorance.iter().copied());
        Ok(Self { ledger, plan, layers, ignorance, ignorance_total })
    }

    /// E h_i(s): what the others can expect from layer s without the agent; over autarky minus what they would have in
    /// it without trading. The layers add up to [`Accounts::without`], less what the others never know
    /// ([`ignorance_of_others`](Self::ignorance_of_others)).
    ///
    /// # Panics
    /// The layers were not kept.
    pub fn without_in_layer(&self, s: usize, agent: AgentId, baseline: Baseline) -> f64 {
        let layer = &self.layers[s];
        let which = usize::from(baseline == Baseline::Autarky);
        layer.welfare[which] - layer.net[which][agent]
    }

    /// What all others lose by not knowing their states, whatever is traded.
    pub fn ignorance_of_others(&self, agent: AgentId) -> f64 {
        self.ignorance_total - self.ignorance[agent]
    }

    /// Utility that an agent loses by not knowing its state (and by noise after the last trade), whatever is traded.
    pub fn ignorance(&self, agent: AgentId) -> f64 {
        self.ignorance[agent]
    }
}

impl LayerExpectation {
    fn of(ledger: &Ledger) -> Self {
        let both = [Baseline::Zero, Baseline::Autarky];
        Self {
            welfare: both.map(|baseline| ledger.welfare_over(baseline)),
            net: both.map(|baseline| (0..ledger.agents()).map(|i| ledger.net(i, baseline)).collect()),
        }
    }
}

fn ignorance(market: &Market) -> Vec<f64> {
    let part = |g: &crate::lq::group::Group| -> Vec<f64> {
        if !g.is_observed() && g.terminal_q.is_absent() {
            return vec![0.0; g.size()];
        }
        (0..g.size()).map(|index| cost_of_ignorance(g, index, market.periods())).collect()
    };
    market.gather(market.groups().iter().map(part).collect())
}

/// The quadratic part of one layer.
fn layer(market: &Market, layer: &Layer, s: usize) -> Ledger {
    let shared = Shared::new(market, layer, s);
    let mut columns = [0, 1, 2, 3].map(|_| Columns::per_agent(market));
    let [own, lagrange, gap, outside] = &mut columns;
    passes::map_with(market, [own, lagrange, gap, outside], |task, out| expect_task(&shared, task, out));
    let [own, lagrange, gap, outside] = columns.map(|column| column.into_agents(market));
    let surplus = own.iter().zip(&lagrange).zip(&outside).map(|((own, lag), out)| own - lag - out).collect();
    // The Lagrange payments of a layer add up to nothing: its trades do.
    Ledger::new(Shares { own, surplus, outside, lagrange, gap }, 0.0)
}

/// What all agents of a layer share.
struct Shared<'a> {
    market: &'a Market,
    layer: &'a Layer,
    s: usize,
    /// Columns r_k of Z Omega Z, one after the other.
    columns: Vec<Vec<f64>>,
    /// Z times the paths of the common factors.
    factors: Vec<Vec<f64>>,
}

impl<'a> Shared<'a> {
    fn new(market: &'a Market, layer: &'a Layer, s: usize) -> Self {
        let n = layer.length;
        let times = |x: &[f64]| -> Vec<f64> { layer.inverse.chunks(n).map(|row| dot(row, x)).collect() };
        let columns = independent(n, &layer.covariance).iter().map(|x| times(x)).collect();
        let k = market.factors();
        let path = |f: usize| -> Vec<f64> { (0..n).map(|t| layer.factor_paths[t * k + f]).collect() };
        let factors = if s == 0 { Vec::new() } else { (0..k).map(|f| times(&path(f))).collect() };
        Self { market, layer, s, columns, factors }
    }
}

/// Columns whose outer products add up to a positive semidefinite matrix, by elimination with the largest remaining
/// diagonal entry as pivot.
fn independent(n: usize, matrix: &[f64]) -> Vec<Vec<f64>> {
    let mut diagonal: Vec<f64> = (0..n).map(|i| matrix[i * n + i]).collect();
    let least = INDEPENDENT * diagonal.iter().sum::<f64>();
    let mut columns: Vec<Vec<f64>> = Vec::new();
    while columns.len() < n {
        let Some((p, &pivot)) = diagonal.iter().enumerate().max_by(|x, y| x.1.total_cmp(y.1)) else { break };
        if pivot <= least || pivot.is_nan() {
            break;
        }
        let root = pivot.sqrt();
        let entry = |i: usize| (matrix[i * n + p] - columns.iter().map(|c| c[i] * c[p]).sum::<f64>()) / root;
        let column: Vec<f64> = (0..n).map(entry).collect();
        for (d, x) in diagonal.iter_mut().zip(&column) {
            *d -= x * x;
        }
        diagonal[p] = 0.0;
        columns.push(column);
    }
    columns
}

#[multiversion(targets("x86_64+avx2+fma"))]
fn expect_task(shared: &Shared<'_>, task: Task<'_>, out: [&mut [f64]; 4]) {
    with_states!(task.group.states(), dim => expect(dim, shared, task, out));
}

/// Memory for one block.
struct Work {
    beta: Vec<Lane>,
    path: Vec<Lane>,
    moved: Vec<Lane>,
    v: Vec<Lane>,
    state: Vec<Lane>,
    /// Changes of schedule whose discounts add up to the gap, or are to be taken off it.
    responses: Vec<(f64, Vec<Lane>)>,
}

#[inline(always)]
fn expect<D: Dim>(
    dim: D,
    shared: &Shared<'_>,
    task: Task<'_>,
    [own_out, lagrange_out, gap_out, outside_out]: [&mut [f64]; 4],
) {
    let (d, n, s) = (dim.get(), shared.layer.length, shared.s);
    let mut block = Block::new(d, shared.market.periods());
    let mut discount = Discount::new(shared.market, shared.layer, d);
    let mut noise = BidCovariance::new(d);
    let one = vec![ZERO; n];
    let (state, responses) = (vec![ZERO; d], Vec::new());
    let mut work =
        Work { beta: vec![ZERO; n * d], path: one.clone(), moved: one.clone(), v: one, state, responses };
    for first in (task.first..task.first + task.count).step_by(LANES) {
        block.fill(dim, task.group, first, s);
        noise.at(dim, task.group, first, s);
        block.unit_responses(dim, s, &mut work.beta);
        work.responses.clear();
        let (mut lagrange, mut shared_part) = (ZERO, ZERO);
        let root = square_root(dim, &noise.covariance);
        for f in 0..d {
            add(&mut lagrange, &own_noise(dim, shared, &block, &mut work, |c| root[c * d + f]));
        }
        for column in &shared.columns {
            add(&mut shared_part, &shared_noise(dim, s, column, &block, &mut work));
        }
        for (f, column) in shared.factors.iter().enumerate() {
            let loading = |c: usize| task.group.loadings.lane(0, c * shared.factors.len() + f, first, 0.0);
            let (worth, by_prices) = common_noise(dim, s, column, &block, &mut work, loading);
            add(&mut shared_part, &worth);
            add(&mut lagrange, &by_prices);
        }
        discount.begin();
        let mut gap = ZERO;
        for (sign, response) in &work.responses {
            let found = discount.of(dim, &block, response, |k| task.group.agent(first + k));
            add_product(&mut gap, &found, &[*sign; LANES]);
        }
        let all = with_factors(dim, task, first, s, &noise.covariance);
        let mut own = shared_part;
        let mut outside = ZERO;
        let idle = block.idle_curvature(dim, task.group, first, s);
        for e in 0..d * d {
            add_product(&mut own, &block.ric[s * d * d + e], &all[e]);
            add_product(&mut outside, &idle[e], &all[e]);
        }
        for k in 0..block.count {
            let at = first - task.first + k;
            own_out[at] = own[k];
            lagrange_out[at] = 2.0 * (lagrange[k] + shared_part[k]);
            gap_out[at] = gap[k];
            outside_out[at] = outside[k];
        }
    }
}

fn add(sum: &mut Lane, x: &Lane) {
    for k in 0..LANES {
        sum[k] += x[k];
    }
}

/// F with F F' = the covariances; columns of directions without noise are zero.
#[inline(always)]
fn square_root<D: Dim>(dim: D, covariance: &[Lane]) -> D::Matrix {
    let d = dim.get();
    let mut root = D::NO_MATRIX;
    if d == 1 {
        root[0] = lanes(|k| covariance[0][k].sqrt());
        return root;
    }
    for k in 0..LANES {
        let entries: Vec<f64> = covariance.iter().take(d * d).map(|lane| lane[k]).collect();
        for (f, column) in pivoted(d, &entries).iter().enumerate() {
            (0..d).for_each(|c| root[c * d + f][k] = column[c]);
        }
    }
    root
}

/// Columns whose outer products add up to a covariance. The component of which the largest share is left comes next:
/// what is dropped in the end is then a small share of all components that are left, and of what they have in common.
/// (In another order a component could be dropped that is nearly a sum of earlier ones, and with it the square root of
/// its share in what it has in common with later ones.)
fn pivoted(d: usize, covariance: &[f64]) -> Vec<Vec<f64>> {
    let mut left: Vec<usize> = (0..d).filter(|&i| covariance[i * (d + 1)] > 0.0).collect();
    let mut columns: Vec<Vec<f64>> = Vec::new();
    while !left.is_empty() {
        let rest = |i: usize, j: usize, columns: &[Vec<f64>]| {
            covariance[i * d + j] - columns.iter().map(|c| c[i] * c[j]).sum::<f64>()
        };
        let share = |i: usize| rest(i, i, &columns) / covariance[i * (d + 1)];
        let Some(place) = (0..left.len()).max_by(|&x, &y| share(left[x]).total_cmp(&share(left[y]))) else {
            break;
        };
        if share(left[place]) <= 1e-15 {
            break;
        }
        let p = left.swap_remove(place);
        let size = rest(p, p, &columns).sqrt();
        let mut column = vec![0.0; d];
        column[p] = size;
        left.iter().for_each(|&i| column[i] = rest(i, p, &columns) / size);
        columns.push(column);
    }
    columns
}

/// Covariances with what common factors add.
#[inline(always)]
fn with_factors<D: Dim>(dim: D, task: Task<'_>, first: usize, s: usize, idiosyncratic: &[Lane]) -> D::Matrix {
    let d = dim.get();
    let mut all = D::NO_MATRIX;
    for e in 0..d * d {
        all[e] = idiosyncratic[e];
        if s > 0 {
            let factors = task.group.factors();
            for f in 0..factors {
                let loading = |c: usize| task.group.loadings.lane(0, c * factors + f, first, 0.0);
                add_product(&mut all[e], &loading(e / d), &loading(e % d));
            }
        }
    }
    all
}

/// path = sum_c beta_c f_c.
#[inline(always)]
fn combine<D: Dim>(dim: D, beta: &[Lane], factor: impl Fn(usize) -> Lane, path: &mut [Lane]) {
    let n = path.len();
    path.fill(ZERO);
    for c in 0..dim.get() {
        let factor = factor(c);
        for (path, beta) in path.iter_mut().zip(&beta[c * n..(c + 1) * n]) {
            add_product(path, beta, &factor);
        }
    }
}

/// work.moved = W^-1 y, and y'W^-1 y.
#[inline(always)]
fn apply<D: Dim>(dim: D, s: usize, y: &[Lane], block: &Block, work: &mut Work) -> Lane {
    let worth = block.backward(dim, s, y, None, &mut work.state, &mut work.v);
    work.state.fill(ZERO);
    let moved = &mut work.moved;
    block.forward(dim, s, &work.v, &mut work.state, |t, _, u| moved[t - s] = *u);
    worth
}

/// One direction of an agent's own noise: beta'Z beta. Its response counts, and what the others' prices alone would make
/// of it does not.
#[inline(always)]
fn own_noise<D: Dim>(
    dim: D,
    shared: &Shared<'_>,
    block: &Block,
    work: &mut Work,
    factor: impl Fn(usize) -> Lane,
) -> Lane {
    let n = shared.layer.length;
    let mut path = std::mem::take(&mut work.path);
    combine(dim, &work.beta, factor, &mut path);
    let mut prices = vec![ZERO; n];
    shared_product((n, n), n, &shared.layer.inverse, &path, &mut prices);
    let mut by_prices = ZERO;
    for (x, y) in path.iter().zip(&prices) {
        add_product(&mut by_prices, x, y);
    }
    apply(dim, shared.s, &prices, block, work);
    for (path, moved) in path.iter_mut().zip(&work.moved) {
        add(path, moved);
    }
    work.responses.push((-1.0, work.moved.clone()));
    work.responses.push((1.0, path.clone()));
    work.path = path;
    by_prices
}

/// One column of everybody's noise: r'W^-1 r.
#[inline(always)]
fn shared_noise<D: Dim>(dim: D, s: usize, column: &[f64], block: &Block, work: &mut Work) -> Lane {
    let path: Vec<Lane> = column.iter().map(|x| [*x; LANES]).collect();
    let worth = apply(dim, s, &path, block, work);
    work.responses.push((1.0, work.moved.clone()));
    worth
}

/// One common factor: r'W^-1 r and (beta L)'r.
#[inline(always)]
fn common_noise<D: Dim>(
    dim: D,
    s: usize,
    column: &[f64],
    block: &Block,
    work: &mut Work,
    loading: impl Fn(usize) -> Lane,
) -> (Lane, Lane) {
    let mut path: Vec<Lane> = column.iter().map(|x| [*x; LANES]).collect();
    let worth = apply(dim, s, &path, block, work);
    combine(dim, &work.beta, loading, &mut path);
    let mut by_prices = ZERO;
    for (path, x) in path.iter().zip(column) {
        add_product(&mut by_prices, path, &[*x; LANES]);
    }
    for (path, moved) in path.iter_mut().zip(&work.moved) {
        add(path, moved);
    }
    work.responses.push((1.0, path));
    (worth, by_prices)
}
