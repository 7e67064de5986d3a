//! One layer: from bids to a new plan, its prices, trades, and what payments are made of.
//!
//! Layer s is the change that the bids x_i(s,s) make to the plan. With omega = sum_i beta_i bid_i (at s = 0 also what
//! linear terms make everybody trade at price zero), the prices of all periods to come change by
//! 2 (-S_s)^-1 (omega - net demand at s = 0), and U_i(s) = beta_i bid_i + W_i^-1 (change of prices)/2. Two passes over the
//! agents: one for omega, one for everything else. (Paper 000, (27)-(31).)

use multiversion::multiversion;

use super::aggregate::{Aggregate, Layer};
use super::discount::{Discount, Effort};
use super::passes::{self, Columns, Task};
use crate::lq::group::{Group, LANES, Lane};
use crate::lq::model::Market;
use crate::lq::regulator::{Block, Dim, Pull, ZERO, add_product, lanes, with_states};
use crate::mechanism::AgentId;
use crate::numeric::sum::compensated;

/// What the operator keeps between periods.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The next period to trade.
    period: usize,
    /// Forecast of every state at that period.
    pub(in crate::lq) forecast: Columns,
    /// Prices of that and all later periods, as planned.
    prices: Vec<f64>,
}

/// Bids of all agents in one layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Bids(pub(in crate::lq) Columns);

impl Bids {
    /// Nobody moved away from the forecast.
    pub fn none(market: &Market) -> Self {
        Self(Columns::per_state(market))
    }

    /// One number for each agent of a market in which all states are scalar.
    ///
    /// # Panics
    /// Some state has several components, or the number of bids is wrong.
    pub fn scalar(market: &Market, bids: &[f64]) -> Self {
        let mut columns = Columns::per_state(market);
        assert!(market.groups().len() == 1 && market.groups()[0].states() == 1, "scalar states");
        columns.parts[0].copy_from_slice(bids);
        Self(columns)
    }

    /// An agent's bid.
    pub fn get(&self, market: &Market, agent: AgentId) -> &[f64] {
        self.0.state(market, agent)
    }

    /// Sets an agent's bid.
    pub fn set(&mut self, market: &Market, agent: AgentId, bid: &[f64]) {
        self.0.state_mut(market, agent).copy_from_slice(bid);
    }
}

/// One layer, traded.
#[derive(Clone, Debug, PartialEq)]
pub struct Trade {
    /// The layer s: the period that is executed.
    pub period: usize,
    /// Prices lambda(t) of the new plan, t = s..T-1.
    pub prices: Vec<f64>,
    /// By how much the bids changed them.
    pub change: Vec<f64>,
    /// Quantity received by every agent in period s.
    pub allocation: Vec<f64>,
    /// Value of the change of every agent's schedule at the new prices, lambda(s)'U_i(s).
    pub lagrange: Vec<f64>,
    /// Its market-power discount -U_i(s)'Gamma_i U_i(s) >= 0; the incremental payment at c = 1 is `lagrange - gap`.
    pub gap: Vec<f64>,
    /// Sum of the allocation minus net demand: what rounding left over.
    pub imbalance: f64,
    /// How the discounts were computed.
    pub effort: Effort,
    /// Recorded states at s, bids included.
    pub(in crate::lq) states: Columns,
}

/// A path of one agent, as planned or as executed.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    /// Quantity received in every period.
    pub allocation: Vec<f64>,
    /// State before the trade of every period, and at the end.
    pub states: Vec<Vec<f64>>,
}

impl Record {
    /// Before the first layer: nothing is planned, all recorded states are zero.
    pub fn new(market: &Market) -> Self {
        let prices = vec![0.0; market.periods()];
        Self { period: 0, forecast: Columns::per_state(market), prices }
    }

    /// The next period to trade; T at the end.
    pub fn period(&self) -> usize {
        self.period
    }

    /// Prices of the coming periods, as planned.
    pub fn prices(&self) -> &[f64] {
        &self.prices
    }

    /// The forecast of an agent's state.
    pub fn forecast(&self, market: &Market, agent: AgentId) -> &[f64] {
        self.forecast.state(market, agent)
    }

    /// Trades the next layer.
    ///
    /// # Panics
    /// All periods are over.
    pub fn trade(&mut self, market: &Market, aggregate: &Aggregate, bids: &Bids) -> Trade {
        let s = self.period;
        let layer = aggregate.layer(s);
        let mut moved = response(market, bids, s);
        if s == 0 {
            for (x, d) in moved.iter_mut().zip(market.net_demand()) {
                *x -= d;
            }
        }
        let change: Vec<f64> = layer.solve(&moved).into_iter().map(|x| 2.0 * x).collect();
        let prices: Vec<f64> = self.prices.iter().zip(&change).map(|(old, by)| old + by).collect();
        let mut states = self.forecast.clone();
        for (state, bid) in states.parts.iter_mut().flatten().zip(bids.0.parts.iter().flatten()) {
            *state += bid;
        }
        let mut columns = [0, 1, 2].map(|_| Columns::per_agent(market));
        let [allocation, lagrange, gap] = &mut columns;
        let (bids, held) = (&bids.0, &states);
        let job = |task: Task<'_>, [next, allocation, lagrange, gap]: [&mut [f64]; 4]| {
            let from = Inputs { market, layer, s, change: &change, prices: &prices, bids, states: held };
            execute_task(&from, task, next, [allocation, lagrange, gap])
        };
        let parts = passes::map_with(market, [&mut self.forecast, allocation, lagrange, gap], job);
        let sum = compensated(parts.iter().map(|p| p.0));
        let effort = parts.into_iter().fold(Effort::default(), |e, p| e.join(p.1));
        let [allocation, lagrange, gap] = columns.map(|column| column.into_agents(market));
        self.period += 1;
        self.prices = prices[1..].to_vec();
        let imbalance = sum - market.net_demand()[s];
        Trade { period: s, prices, change, allocation, lagrange, gap, imbalance, effort, states }
    }
}

impl Trade {
    /// The recorded state of an agent at s, its bid included.
    pub fn state(&self, market: &Market, agent: AgentId) -> &[f64] {
        self.states.state(market, agent)
    }

    /// The new plan of one agent from s on.
    pub fn plan(&self, market: &Market, agent: AgentId) -> Path {
        let (g, index) = market.place(agent);
        let group = &market.groups()[g];
        let d = group.states();
        let mut answer = Answer::new(group, market.periods(), self.period);
        answer.answer_prices(group, index / LANES * LANES, &self.prices);
        let lane = index % LANES;
        let mut state = vec![ZERO; d];
        for (to, x) in state.iter_mut().zip(self.state(market, agent)) {
            to[lane] = *x;
        }
        let mut path = Path { allocation: Vec::new(), states: Vec::new() };
        with_states!(d, dim => answer.block.forward(dim, self.period, &answer.v, &mut state, |_, x, u| {
            path.allocation.push(u[lane]);
            path.states.push(x[..d].iter().map(|x| x[lane]).collect());
        }));
        path.states.push(state[..d].iter().map(|x| x[lane]).collect());
        path
    }
}

/// Up to eight agents' answers to a path of prices, linear terms included.
pub(in crate::lq) struct Answer {
    pub block: Block,
    from: usize,
    y: Vec<Lane>,
    pub v: Vec<Lane>,
    /// The gradient: -2 eta is the worth of a unit of state at `from` besides 2 ric x.
    pub eta: Vec<Lane>,
    /// sum (y + b'eta)²/m.
    pub sum: Lane,
}

impl Answer {
    pub fn new(group: &Group, periods: usize, from: usize) -> Self {
        let (d, n) = (group.states(), periods - from);
        Self {
            block: Block::new(d, periods),
            from,
            y: vec![ZERO; n],
            v: vec![ZERO; n],
            eta: vec![ZERO; d],
            sum: ZERO,
        }
    }

    /// Fills everything in for the agents from `first` on.
    pub fn answer_prices(&mut self, group: &Group, first: usize, prices: &[f64]) {
        half_margins(&mut self.y, group, first, self.from, prices);
        let (from, y, pull) = (self.from, &self.y, Some(Pull { group, first }));
        let (block, eta, v) = (&mut self.block, &mut self.eta, &mut self.v);
        self.sum = with_states!(group.states(), dim => {
            block.fill(dim, group, first, from);
            block.backward(dim, from, y, pull, eta, v)
        });
    }
}

/// y = (lambda - l)/2.
#[inline(always)]
pub(in crate::lq) fn half_margins(y: &mut [Lane], group: &Group, first: usize, from: usize, prices: &[f64]) {
    for (k, (y, price)) in y.iter_mut().zip(prices).enumerate() {
        let linear = group.linear.lane(from + k, 0, first, 0.0);
        *y = lanes(|k| 0.5 * (price - linear[k]));
    }
}

/// The states of a block, component by component.
#[inline(always)]
pub(in crate::lq) fn load<D: Dim>(dim: D, states: &[f64], at: usize, count: usize, x: &mut [Lane]) {
    let d = dim.get();
    for (c, x) in x.iter_mut().enumerate().take(d) {
        *x = ZERO;
        for k in 0..count {
            x[k] = states[(at + k) * d + c];
        }
    }
}

/// omega: what everybody would trade because of its bid if no price changed; at s = 0 because of linear terms, too.
fn response(market: &Market, bids: &Bids, s: usize) -> Vec<f64> {
    let parts = passes::map(market, |task| response_of(market, bids, task, s));
    (0..market.periods() - s).map(|t| compensated(parts.iter().map(|part| part[t]))).collect()
}

#[multiversion(targets("x86_64+avx2+fma"))]
fn response_of(market: &Market, bids: &Bids, task: Task<'_>, s: usize) -> Vec<f64> {
    with_states!(task.group.states(), dim => respond(dim, market, bids, task, s))
}

#[inline(always)]
fn respond<D: Dim>(dim: D, market: &Market, bids: &Bids, task: Task<'_>, s: usize) -> Vec<f64> {
    let (d, n) = (dim.get(), market.periods() - s);
    let bids = &bids.0.parts[task.index];
    let mut block = Block::new(d, market.periods());
    let (mut sums, mut v, mut y) = (vec![ZERO; n], vec![ZERO; n], vec![ZERO; n]);
    let (mut state, mut eta) = (vec![ZERO; d], vec![ZERO; d]);
    let zero = vec![0.0; n];
    for first in (task.first..task.first + task.count).step_by(LANES) {
        block.fill(dim, task.group, first, s);
        if s == 0 && task.group.has_linear_terms() {
            half_margins(&mut y, task.group, first, s, &zero);
            let pull = Some(Pull { group: task.group, first });
            block.backward(dim, s, &y, pull, &mut eta, &mut v);
        }
        load(dim, bids, first, block.count, &mut state);
        block.forward(dim, s, &v, &mut state, |t, _, u| {
            for k in 0..LANES {
                sums[t - s][k] += u[k];
            }
        });
    }
    sums.iter().map(|lane| compensated(lane.iter().copied())).collect()
}

/// What a task of the second pass reads.
struct Inputs<'a> {
    market: &'a Market,
    layer: &'a Layer,
    s: usize,
    change: &'a [f64],
    prices: &'a [f64],
    bids: &'a Columns,
    states: &'a Columns,
}

#[multiversion(targets("x86_64+avx2+fma"))]
fn execute_task(from: &Inputs<'_>, task: Task<'_>, next: &mut [f64], out: [&mut [f64]; 3]) -> (f64, Effort) {
    with_states!(task.group.states(), dim => execute(dim, from, task, next, out))
}

/// Trades, Lagrange payments and discounts of the agents of a task; returns the sum of the trades.
#[inline(always)]
fn execute<D: Dim>(
    dim: D,
    from: &Inputs<'_>,
    task: Task<'_>,
    next: &mut [f64],
    [allocation, lagrange, gap]: [&mut [f64]; 3],
) -> (f64, Effort) {
    let (d, n, s) = (dim.get(), from.layer.length, from.s);
    let (bids, states) = (&from.bids.parts[task.index], &from.states.parts[task.index]);
    let mut block = Block::new(d, from.market.periods());
    let mut discount = Discount::new(from.market, from.layer, d);
    let (mut y, mut v, mut path) = (vec![ZERO; n], vec![ZERO; n], vec![ZERO; n]);
    let (mut state, mut eta) = (vec![ZERO; d], vec![ZERO; d]);
    for first in (task.first..task.first + task.count).step_by(LANES) {
        let (group, at) = (task.group, first - task.first);
        block.fill(dim, group, first, s);
        let pull = Some(Pull { group, first });
        // The change of the schedule: at s = 0 it is the whole plan.
        if s == 0 {
            half_margins(&mut y, group, first, s, from.change);
        } else {
            for (y, change) in y.iter_mut().zip(from.change) {
                *y = [0.5 * change; LANES];
            }
        }
        block.backward(dim, s, &y, if s == 0 { pull } else { None }, &mut eta, &mut v);
        load(dim, bids, first, block.count, &mut state);
        let mut value = ZERO;
        block.forward(dim, s, &v, &mut state, |t, _, u| {
            path[t - s] = *u;
            add_product(&mut value, u, &[from.prices[t - s]; LANES]);
        });
        discount.begin();
        let gaps = discount.of(dim, &block, &path, |k| group.agent(first + k));
        // The first trade of the new plan, and where it leads.
        half_margins(&mut y, group, first, s, from.prices);
        block.backward(dim, s, &y, pull, &mut eta, &mut v);
        load(dim, states, first, block.count, &mut state);
        let x = &state;
        let mut traded = v[0];
        for (x, kappa) in x.iter().zip(&block.kappa[s * d..]) {
            add_product(&mut traded, kappa, x);
        }
        for k in 0..block.count {
            (allocation[at + k], lagrange[at + k], gap[at + k]) = (traded[k], value[k], gaps[k]);
            for i in 0..d {
                let moved: f64 = (0..d).map(|j| block.alpha[(s * d + i) * d + j][k] * x[j][k]).sum();
                next[(at + k) * d + i] = moved + block.input[s * d + i][k] * v[0][k];
            }
        }
    }
    (compensated(allocation.iter().copied()), discount.effort)
}
