//! One run of the layered market with linear strategies: what every path of noise is worth to whom.
//!
//! An agent that departs from the truth is followed through its true state, whatever the operator was told; of all
//! others only the bids count. Everything that is paid or enjoyed is a quadratic function of the noise, which
//! [`super::enumerate`] uses.

use crate::lq::model::{Market, Parameters, Series};
use crate::lq::protocol::LayeredMechanism;
use crate::lq::solve::kalman::Filter;
use crate::lq::solve::ledger::Member;
use crate::lq::solve::trade::Bids;
use crate::lq::strategies::Lie;
use crate::mechanism::{AgentId, Mechanism};
use crate::numeric::sum::compensated;

/// A strategy that is linear in what the agent knows: how it bids in every period.
#[derive(Clone, Debug, PartialEq)]
pub struct LinearLie(Vec<Step>);

/// The bid of one period:
/// `catch_up (state - forecast) + news w(s) + late w(s - 1) + bias + noise`.
///
/// `w` is what moved the state since the last trade (for an agent that measures: its filter's update), at s = 0 the whole
/// state. The truth is `catch_up = 1`, everything else 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Step {
    /// Factor on the state's distance from the recorded forecast.
    pub catch_up: f64,
    /// Factor on what happened since the last trade.
    pub news: f64,
    /// Factor on what happened one period before.
    pub late: f64,
    /// Added to every component.
    pub bias: f64,
    /// Standard deviation of independent noise added to every component.
    pub noise: f64,
}

impl Step {
    /// The truthful bid.
    pub const TRUTH: Self = Self { catch_up: 1.0, news: 0.0, late: 0.0, bias: 0.0, noise: 0.0 };
}

impl LinearLie {
    /// One step per period.
    pub fn new(steps: Vec<Step>) -> Self {
        Self(steps)
    }

    /// The truth over so many periods.
    pub fn truth(periods: usize) -> Self {
        Self(vec![Step::TRUTH; periods])
    }

    /// The same [`Lie`], period by period.
    pub fn of(lie: Lie, periods: usize) -> Self {
        let step = |period: usize| {
            let lying = lie.only.is_none_or(|(first, last)| (first..=last).contains(&period));
            let scale = if lying { lie.scale } else { 1.0 };
            let mut step = Step::default();
            if lie.delayed && lying {
                step.late = scale;
            } else if lie.forgetful {
                step.news = scale;
            } else {
                step.catch_up = scale;
            }
            if lying {
                (step.bias, step.noise) = (lie.bias, lie.noise);
            }
            step
        };
        Self((0..periods).map(step).collect())
    }

    /// Another bias in every period.
    #[must_use]
    pub fn biased(mut self, bias: &[f64]) -> Self {
        for (step, &bias) in self.0.iter_mut().zip(bias) {
            step.bias = bias;
        }
        self
    }

    /// The steps.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }
}

/// Where the state of every agent stands in one long row.
#[derive(Clone, Debug)]
pub(super) struct Layout(Vec<usize>);

impl Layout {
    pub fn new(market: &Market) -> Self {
        let mut at = vec![0];
        for agent in 0..market.len() {
            at.push(at[agent] + market.states(agent));
        }
        Self(at)
    }

    pub fn range(&self, agent: AgentId) -> std::ops::Range<usize> {
        self.0[agent]..self.0[agent + 1]
    }

    pub fn size(&self) -> usize {
        self.0.last().copied().unwrap_or(0)
    }
}

/// Numbers for every state component in every period; a row that is left empty is zero.
pub(super) type Rows = Vec<Vec<f64>>;

/// One source of noise with variance 1.
#[derive(Clone, Debug)]
pub(super) struct Shock {
    /// When it arrives.
    pub period: usize,
    /// Which states it moves, per unit.
    pub moves: Vec<(AgentId, Vec<f64>)>,
    /// Whether it only enters what is said, not the state.
    pub spoken: bool,
}

impl Shock {
    pub fn moves(&self, agent: AgentId) -> bool {
        self.moves.iter().any(|(i, _)| *i == agent)
    }
}

/// The means of what arrives: the mean starts.
pub(super) fn means(market: &Market, layout: &Layout) -> Rows {
    let mut rows = vec![Vec::new(); market.periods()];
    if market.groups().iter().any(|g| g.has_start()) {
        rows[0] = (0..market.len()).flat_map(|agent| Member::new(market, agent).start()).collect();
    }
    debug_assert!(rows[0].is_empty() || rows[0].len() == layout.size());
    rows
}

/// Covariances of what an agent's truthful bids are made of, by period (common factors left out).
pub(super) fn bid_covariances(parameters: &Parameters, periods: usize) -> Vec<Vec<f64>> {
    let d = parameters.states;
    let entry = |series: &Series, t: usize, e: usize| {
        series.at(t.min(series.rows().len().max(1) - 1)).and_then(|row| row.get(e).copied()).unwrap_or(0.0)
    };
    let Some(mut filter) = Filter::of(parameters) else {
        let of = |s: usize, e: usize| match s {
            0 => parameters.start_noise.get(e).copied().unwrap_or(0.0),
            _ => entry(&parameters.noise, s, e),
        };
        return (0..periods).map(|s| (0..d * d).map(|e| of(s, e)).collect()).collect();
    };
    let mut gain = vec![0.0; d];
    let mut all = Vec::with_capacity(periods);
    for s in 0..periods {
        let variance = filter.measure(&mut gain);
        all.push((0..d * d).map(|e| gain[e / d] * gain[e % d] * variance).collect());
        filter.predict(
            |i, j| entry(&parameters.a, s, i * d + j),
            |i, j| entry(&parameters.noise, s + 1, i * d + j),
        );
    }
    all
}

/// The sources of noise in the bids of these agents; with common factors that move one of them.
pub(super) fn shocks(market: &Market, agents: &[AgentId]) -> Vec<Shock> {
    let mut all = Vec::new();
    for &agent in agents {
        let parameters = market.parameters(agent);
        let d = parameters.states;
        for (period, covariance) in bid_covariances(&parameters, market.periods()).iter().enumerate() {
            let root = crate::lq::nature::square_root(d, |e| covariance[e]);
            for f in 0..d {
                let column: Vec<f64> = (0..d).map(|c| root[c * d + f]).collect();
                if column.iter().any(|&x| x != 0.0) {
                    all.push(Shock { period, moves: vec![(agent, column)], spoken: false });
                }
            }
        }
    }
    all.extend(factor_shocks(market).into_iter().filter(|shock| agents.iter().any(|&i| shock.moves(i))));
    all
}

/// The common factors, which move many agents at once from s = 1 on.
fn factor_shocks(market: &Market) -> Vec<Shock> {
    let k = market.factors();
    if k == 0 {
        return Vec::new();
    }
    let loadings: Vec<(AgentId, Vec<f64>)> =
        (0..market.len()).map(|i| (i, market.parameters(i).loadings)).collect();
    let mut all = Vec::new();
    for f in 0..k {
        let column = |row: &[f64]| -> Vec<f64> { row.chunks(k).map(|r| r[f]).collect() };
        let moves: Vec<(AgentId, Vec<f64>)> =
            loadings.iter().filter(|(_, row)| !row.is_empty()).map(|(i, row)| (*i, column(row))).collect();
        for period in 1..market.periods() {
            all.push(Shock { period, moves: moves.clone(), spoken: false });
        }
    }
    all
}

/// Independent noise that a lie adds to its own bids.
pub(super) fn spoken_shocks(agent: AgentId, states: usize, lie: &LinearLie) -> Vec<Shock> {
    let mut all = Vec::new();
    for (period, step) in lie.steps().iter().enumerate().filter(|(_, step)| step.noise != 0.0) {
        for c in 0..states {
            let mut column = vec![0.0; states];
            column[c] = step.noise;
            all.push(Shock { period, moves: vec![(agent, column)], spoken: true });
        }
    }
    all
}

/// Who plays what: the mechanism with the parameters as reported, the true ones, and the agents that are followed.
pub(super) struct Play<'a> {
    pub mechanism: &'a LayeredMechanism,
    pub truth: &'a Market,
    pub layout: &'a Layout,
    pub players: Vec<(AgentId, LinearLie)>,
}

/// What one path came to.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    /// Utilities of the players, in their order.
    pub utility: Vec<f64>,
    /// Payments of all agents.
    pub payment: Vec<f64>,
}

impl Outcome {
    /// Utility minus payment of the k-th player.
    pub fn net(&self, play: &Play<'_>, k: usize) -> f64 {
        self.utility[k] - self.payment[play.players[k].0]
    }
}

/// A player on its way.
struct Walker<'a> {
    agent: AgentId,
    lie: &'a LinearLie,
    member: Member<'a>,
    state: Vec<f64>,
    late: Vec<f64>,
    utility: f64,
}

impl Play<'_> {
    /// Plays the path `base` plus these multiples of these shocks.
    pub fn run(&self, base: &Rows, shocks: &[Shock], active: &[(usize, f64)]) -> Outcome {
        let market = self.mechanism.market();
        let mut walkers: Vec<Walker<'_>> =
            self.players.iter().map(|(agent, lie)| Walker::new(self.truth, *agent, lie)).collect();
        let mut state = self.mechanism.start();
        let mut payments: Vec<Vec<f64>> = Vec::with_capacity(market.periods());
        for (s, certain) in base.iter().enumerate() {
            let mut arrivals = vec![0.0; self.layout.size()];
            for (to, x) in arrivals.iter_mut().zip(certain) {
                *to = *x;
            }
            let here = |spoken: bool| {
                active.iter().filter(move |(k, _)| shocks[*k].period == s && shocks[*k].spoken == spoken)
            };
            for &(k, factor) in here(false) {
                self.add(&mut arrivals, &shocks[k], factor);
            }
            let mut said = arrivals.clone();
            for walker in &mut walkers {
                let range = self.layout.range(walker.agent);
                let forecast = state.record().forecast(market, walker.agent);
                said[range.clone()].copy_from_slice(&walker.bid(s, &arrivals[range], forecast));
            }
            for &(k, factor) in here(true) {
                self.add(&mut said, &shocks[k], factor);
            }
            let mut bids = Bids::none(market);
            for agent in 0..market.len() {
                bids.set(market, agent, &said[self.layout.range(agent)]);
            }
            let outcome = self.mechanism.step(&mut state, bids);
            for walker in &mut walkers {
                walker.live(s, outcome.trade.allocation[walker.agent]);
            }
            payments.push(outcome.payment);
        }
        let total = |agent: usize| compensated(payments.iter().map(|row| row[agent]));
        Outcome {
            utility: walkers.iter().map(Walker::total).collect(),
            payment: (0..market.len()).map(total).collect(),
        }
    }

    fn add(&self, row: &mut [f64], shock: &Shock, factor: f64) {
        for (agent, column) in &shock.moves {
            for (to, x) in row[self.layout.range(*agent)].iter_mut().zip(column) {
                *to += factor * x;
            }
        }
    }
}

impl<'a> Walker<'a> {
    fn new(truth: &'a Market, agent: AgentId, lie: &'a LinearLie) -> Self {
        let member = Member::new(truth, agent);
        let zero = vec![0.0; member.states()];
        Self { agent, lie, member, state: zero.clone(), late: zero, utility: 0.0 }
    }

    /// Lets the news arrive and bids.
    fn bid(&mut self, s: usize, news: &[f64], forecast: &[f64]) -> Vec<f64> {
        for (x, w) in self.state.iter_mut().zip(news) {
            *x += w;
        }
        let step = self.lie.steps()[s];
        let bid = (0..news.len())
            .map(|c| {
                step.catch_up * (self.state[c] - forecast[c])
                    + step.news * news[c]
                    + step.late * self.late[c]
                    + step.bias
            })
            .collect();
        self.late = news.to_vec();
        bid
    }

    fn live(&mut self, s: usize, received: f64) {
        self.utility += self.member.stage(s, &self.state, received);
        self.state = self.member.step(s, &self.state, received);
    }

    fn total(&self) -> f64 {
        self.utility + self.member.state_worth(self.lie.steps().len(), &self.state)
    }
}
