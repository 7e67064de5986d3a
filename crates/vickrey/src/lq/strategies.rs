//! What agents do: the truthful bid, the lies that the theory is about; and the world that they live in.

use std::sync::Arc;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::model::{Agent, Market, Parameters};
use super::protocol::{Bid, Forecast, LayerOutcome, LayeredMechanism, PlanMechanism, PlanOutcome};
use super::solve::kalman::Filter;
use super::solve::ledger::Member;
use crate::mechanism::{AgentId, Strategy, Turn, World};
use crate::numeric::law::Law;
use crate::numeric::random::{Purpose, stream_at};

/// What an agent sees of its own state before it bids.
#[derive(Clone, Debug, PartialEq)]
pub enum Sight {
    /// The state itself.
    State(Vec<f64>),
    /// A measurement of it.
    Measurement(f64),
}

/// How an agent departs from the truth. The truth is [`Lie::TRUTH`].
///
/// The truthful bid is the agent's state (or its Kalman estimate) minus the recorded forecast; after a lie of its own
/// that is the catch-up bid, the best continuation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lie {
    /// Factor on the bid.
    pub scale: f64,
    /// Added to every component of the bid.
    pub bias: f64,
    /// Standard deviation of noise added to every component.
    pub noise: f64,
    /// Bid in every period what the truth would have been one period earlier (nothing in the first).
    pub delayed: bool,
    /// Bid only what happened since the last period, w_i(s-1), instead of catching up with what was said before.
    pub forgetful: bool,
    /// Lie in these periods only, first and last; otherwise in all.
    pub only: Option<(usize, usize)>,
}

impl Lie {
    /// No lie.
    pub const TRUTH: Self =
        Self { scale: 1.0, bias: 0.0, noise: 0.0, delayed: false, forgetful: false, only: None };

    fn applies(&self, period: usize) -> bool {
        self.only.is_none_or(|(first, last)| (first..=last).contains(&period))
    }
}

/// An agent that follows its state, or its Kalman filter, and bids by a [`Lie`].
#[derive(Clone, Debug)]
pub struct Player {
    parameters: Arc<Parameters>,
    lie: Lie,
    filter: Option<Filter>,
    /// Its best estimate of its state before this period's measurement; none before the first.
    predicted: Option<Vec<f64>>,
    /// What the truthful bid was in the last period.
    last: Vec<f64>,
}

impl Player {
    /// A player that knows its own parameters.
    pub fn new(parameters: Arc<Parameters>, lie: Lie) -> Self {
        let filter = Filter::of(&parameters);
        let last = vec![0.0; parameters.states];
        Self { parameters, lie, filter, predicted: None, last }
    }

    /// The truthful player.
    pub fn truthful(parameters: Arc<Parameters>) -> Self {
        Self::new(parameters, Lie::TRUTH)
    }

    /// Its best estimate of the state now, with this period's observation.
    fn estimate(&mut self, sight: &Sight, predicted: &[f64]) -> Vec<f64> {
        match (sight, &mut self.filter) {
            (Sight::State(x), _) => x.clone(),
            (Sight::Measurement(y), Some(filter)) => {
                let mut gain = vec![0.0; predicted.len()];
                filter.measure(&mut gain);
                let seen = self.parameters.observation.iter().flat_map(|o| &o.gain);
                let innovation = y - seen.zip(predicted).map(|(c, x)| c * x).sum::<f64>();
                predicted.iter().zip(&gain).map(|(x, l)| x + l * innovation).collect()
            }
            // A measurement without a filter tells nothing.
            (Sight::Measurement(_), None) => predicted.to_vec(),
        }
    }

    /// Moves the estimate to the next period.
    fn predict(&mut self, period: usize, estimate: &[f64], received: f64) -> Vec<f64> {
        let p = &self.parameters;
        let d = p.states;
        let entry = |series: &super::model::Series, t: usize, e: usize| {
            series.at(t).and_then(|row| row.get(e).copied()).unwrap_or(0.0)
        };
        if let Some(filter) = &mut self.filter {
            filter.predict(
                |i, j| entry(&p.a, period, i * d + j),
                |i, j| entry(&p.noise, period + 1, i * d + j),
            );
        }
        let moved = |i: usize| -> f64 { (0..d).map(|j| entry(&p.a, period, i * d + j) * estimate[j]).sum() };
        (0..d).map(|i| moved(i) + entry(&p.b, period, i) * received).collect()
    }

    fn start(&self) -> Vec<f64> {
        if self.parameters.start.is_empty() {
            vec![0.0; self.parameters.states]
        } else {
            self.parameters.start.clone()
        }
    }

    /// The bid, given what was seen.
    pub fn bid(&mut self, sight: &Sight, told: &Forecast, rng: &mut ChaCha8Rng) -> Bid {
        let predicted = match self.predicted.take() {
            // The last estimate is held until it is known what was received since.
            Some(estimate) => self.predict(told.period - 1, &estimate, told.received),
            None => self.start(),
        };
        let estimate = self.estimate(sight, &predicted);
        let catch_up: Vec<f64> = estimate.iter().zip(&told.state).map(|(x, f)| x - f).collect();
        let news: Vec<f64> = if told.period == 0 {
            estimate.clone()
        } else {
            estimate.iter().zip(&predicted).map(|(x, p)| x - p).collect()
        };
        let lying = self.lie.applies(told.period);
        let basis = if self.lie.forgetful { &news } else { &catch_up };
        let basis = if self.lie.delayed && lying { &self.last } else { basis };
        let change = if lying {
            let mut noise =
                || if self.lie.noise > 0.0 { self.lie.noise * Law::Gaussian.draw(rng) } else { 0.0 };
            basis.iter().map(|x| self.lie.scale * x + self.lie.bias + noise()).collect()
        } else {
            basis.clone()
        };
        self.last = if self.lie.delayed { news } else { catch_up };
        self.predicted = Some(estimate);
        Bid { period: told.period, change }
    }
}

impl Strategy<LayeredMechanism, Sight> for Player {
    fn report(&mut self, turn: Turn<'_, Sight, Forecast>) -> Option<Bid> {
        Some(self.bid(turn.signal, turn.announcement, turn.rng))
    }
}

/// Says nothing, in every period or with this probability.
#[derive(Clone, Debug)]
pub struct Quiet {
    player: Player,
    probability: f64,
}

impl Quiet {
    /// Never says anything.
    pub fn always(parameters: Arc<Parameters>) -> Self {
        Self::sometimes(parameters, 1.0)
    }

    /// Stays silent with this probability, and is truthful otherwise.
    pub fn sometimes(parameters: Arc<Parameters>, probability: f64) -> Self {
        Self { player: Player::truthful(parameters), probability }
    }
}

impl Strategy<LayeredMechanism, Sight> for Quiet {
    fn report(&mut self, turn: Turn<'_, Sight, Forecast>) -> Option<Bid> {
        let silent = turn.rng.random::<f64>() < self.probability;
        let bid = self.player.bid(turn.signal, turn.announcement, turn.rng);
        (!silent).then_some(bid)
    }
}

/// Recorded disturbances of some agents, instead of drawn ones: what arrives at s (at 0: the start minus its mean).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Replay(Vec<Option<Vec<f64>>>);

impl Replay {
    /// One path of T numbers per agent, or none for those that draw.
    pub fn new(paths: Vec<Option<Vec<f64>>>) -> Self {
        Self(paths)
    }

    fn at(&self, agent: AgentId, s: usize) -> Option<f64> {
        self.0.get(agent)?.as_ref()?.get(s).copied()
    }
}

/// True states, drawn noise, and what the trades are truly worth.
#[derive(Clone, Debug)]
pub struct LqWorld {
    market: Arc<Market>,
    seed: u64,
    replay: Arc<Replay>,
    states: Vec<Vec<f64>>,
}

/// Index of the first stream of common factors; agents have the lower ones.
const FACTORS: u64 = 1 << 40;
/// Index of the first stream of measurement errors.
const ERRORS: u64 = 1 << 41;

impl LqWorld {
    /// The world of this market (the true one, whatever the operator was told).
    pub fn new(market: Arc<Market>, seed: u64, replay: Arc<Replay>) -> Self {
        let states = (0..market.len()).map(|agent| vec![0.0; market.states(agent)]).collect();
        Self { market, seed, replay, states }
    }

    /// The true state of an agent.
    pub fn state(&self, agent: AgentId) -> &[f64] {
        &self.states[agent]
    }

    /// What arrives at s: x(0) at s = 0, a disturbance later.
    fn arrival(&self, agent: AgentId, s: usize) -> Vec<f64> {
        let (g, index) = self.market.place(agent);
        let group = &self.market.groups()[g];
        let d = group.states();
        let mean = |c: usize| if s == 0 { group.start.get(0, c, index) } else { 0.0 };
        if let Some(x) = self.replay.at(agent, s) {
            return (0..d).map(|c| if c == 0 { mean(c) + x } else { mean(c) }).collect();
        }
        let mut rng = stream_at(self.seed, Purpose::Nature, agent as u64, s as u64);
        let law = group.law(index);
        let draws: Vec<f64> = (0..d).map(|_| law.draw(&mut rng)).collect();
        let column = if s == 0 { &group.start_noise } else { &group.noise };
        let root = square_root(d, |e| column.get(s, e, index));
        let own = |c: usize| -> f64 { (0..=c).map(|f| root[c * d + f] * draws[f]).sum() };
        let factors = if s == 0 { 0 } else { group.factors() };
        let common = |c: usize| -> f64 {
            (0..factors).map(|f| group.loadings.get(0, c * factors + f, index) * self.factor(f, s)).sum()
        };
        (0..d).map(|c| mean(c) + own(c) + common(c)).collect()
    }

    /// A common factor of the disturbances that arrive at s.
    fn factor(&self, f: usize, s: usize) -> f64 {
        Law::Gaussian.draw(&mut stream_at(self.seed, Purpose::Nature, FACTORS + f as u64, s as u64))
    }

    /// Lets the noise of a period arrive, for all agents; the period's signals follow from it.
    pub fn arrive(&mut self, s: usize) {
        self.each_state(|world, agent, state| world.add_arrival(agent, s, state));
    }

    fn arrive_at(&mut self, agent: AgentId, s: usize) {
        let mut state = std::mem::take(&mut self.states[agent]);
        self.add_arrival(agent, s, &mut state);
        self.states[agent] = state;
    }

    fn add_arrival(&self, agent: AgentId, s: usize, state: &mut [f64]) {
        for (x, w) in state.iter_mut().zip(self.arrival(agent, s)) {
            *x += w;
        }
    }

    /// Moves every agent's state, in parallel: agents draw from streams of their own.
    fn each_state<T: Send>(&mut self, job: impl Fn(&Self, AgentId, &mut Vec<f64>) -> T + Sync) -> Vec<T> {
        let mut states = std::mem::take(&mut self.states);
        let world = &*self;
        let moved = states.par_iter_mut().with_min_len(256).enumerate();
        let all = moved.map(|(agent, state)| job(world, agent, state)).collect();
        self.states = states;
        all
    }

    /// What an agent sees in period s, once its noise has arrived.
    pub fn sight(&self, agent: AgentId, s: usize) -> Sight {
        let (g, index) = self.market.place(agent);
        let group = &self.market.groups()[g];
        let Some(observation) = group.observation(index) else {
            return Sight::State(self.states[agent].clone());
        };
        let mut rng = stream_at(self.seed, Purpose::Nature, ERRORS + agent as u64, s as u64);
        let error = observation.noise.sqrt() * group.law(index).draw(&mut rng);
        let seen: f64 = observation.gain.iter().zip(&self.states[agent]).map(|(c, x)| c * x).sum();
        Sight::Measurement(seen + error)
    }

    /// True utilities of a period, in which everybody receives `allocation`; the states move on.
    pub fn live(&mut self, s: usize, allocation: &[f64]) -> Vec<f64> {
        let market = Arc::clone(&self.market);
        self.each_state(|world, agent, state| {
            let member = Member::new(&market, agent);
            let worth = member.stage(s, state, allocation[agent]);
            *state = member.step(s, state, allocation[agent]);
            if s + 1 < market.periods() {
                return worth;
            }
            world.add_arrival(agent, s + 1, state);
            worth + member.state_worth(s + 1, state)
        })
    }
}

/// A lower triangular root of a covariance; directions without noise stay zero.
pub(super) fn square_root(d: usize, covariance: impl Fn(usize) -> f64) -> Vec<f64> {
    let mut root = vec![0.0; d * d];
    for j in 0..d {
        for i in j..d {
            let rest = covariance(i * d + j) - (0..j).map(|l| root[i * d + l] * root[j * d + l]).sum::<f64>();
            root[i * d + j] = if i == j {
                if rest > 1e-14 * covariance(j * d + j) { rest.sqrt() } else { 0.0 }
            } else if root[j * d + j] > 0.0 {
                rest / root[j * d + j]
            } else {
                0.0
            };
        }
    }
    root
}

impl World<LayeredMechanism> for LqWorld {
    type Signal = Sight;

    fn signal(&mut self, stage: usize, agent: AgentId) -> Sight {
        self.arrive_at(agent, stage);
        self.sight(agent, stage)
    }

    fn shock(&mut self, _: usize) {}

    fn valuations(&mut self, stage: usize, outcome: &LayerOutcome) -> Vec<f64> {
        self.live(stage, &outcome.trade.allocation)
    }
}

/// Reports itself as it is, or as somebody else.
#[derive(Clone, Debug)]
pub struct Reporter(pub Agent);

impl Strategy<PlanMechanism, ()> for Reporter {
    fn report(&mut self, _: Turn<'_, (), Arc<[f64]>>) -> Option<Agent> {
        Some(self.0.clone())
    }
}

/// What plans are truly worth: no noise, mean starts.
#[derive(Clone, Debug)]
pub struct PlanWorld(pub Arc<Market>);

impl World<PlanMechanism> for PlanWorld {
    type Signal = ();

    fn signal(&mut self, _: usize, _: AgentId) {}

    fn shock(&mut self, _: usize) {}

    fn valuations(&mut self, _: usize, outcome: &PlanOutcome) -> Vec<f64> {
        let worth = |agent: AgentId| {
            let member = Member::new(&self.0, agent);
            let start = member.start();
            let Some(path) = outcome.path(agent) else { return member.idle(&start) };
            member.worth(&start, &path.allocation)
        };
        (0..self.0.len()).map(worth).collect()
    }
}
