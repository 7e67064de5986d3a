//! What agents do: the truthful bid, the lies that the theory is about; and the world that they live in.

use std::sync::Arc;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::model::{Agent, Market, Parameters};
use super::nature::Nature;
pub use super::nature::Replay;
use super::protocol::{Bid, Forecast, LayerOutcome, LayeredMechanism, PlanMechanism, PlanOutcome};
use super::solve::kalman::Filter;
use super::solve::ledger::Member;
use crate::mechanism::{AgentId, Strategy, Turn, World};
use crate::numeric::law::Law;

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
            filter.predict_with(p, period);
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

/// True states, drawn noise, and what the trades are truly worth.
#[derive(Clone, Debug)]
pub struct LqWorld {
    market: Arc<Market>,
    nature: Nature,
    /// The period whose noise arrives, and its common factors.
    factors: (Option<usize>, Vec<f64>),
    states: Vec<Vec<f64>>,
}

impl LqWorld {
    /// The world of this market (the true one, whatever the operator was told).
    pub fn new(market: Arc<Market>, seed: u64, replay: Arc<Replay>) -> Self {
        let states = (0..market.len()).map(|agent| vec![0.0; market.states(agent)]).collect();
        Self { market, nature: Nature::new(seed, replay), factors: (None, Vec::new()), states }
    }

    /// The true state of an agent.
    pub fn state(&self, agent: AgentId) -> &[f64] {
        &self.states[agent]
    }

    /// Lets the noise of a period arrive, for all agents; the period's signals follow from it.
    pub fn arrive(&mut self, s: usize) {
        self.draw_factors(s);
        self.each_state(|world, agent, state| world.add_arrival(agent, s, state));
    }

    fn arrive_at(&mut self, agent: AgentId, s: usize) {
        self.draw_factors(s);
        let mut state = std::mem::take(&mut self.states[agent]);
        self.add_arrival(agent, s, &mut state);
        self.states[agent] = state;
    }

    fn draw_factors(&mut self, s: usize) {
        if self.factors.0 != Some(s) {
            self.factors = (Some(s), self.nature.factors(&self.market, s));
        }
    }

    /// Adds what arrives at the period whose common factors are drawn.
    fn add_arrival(&self, agent: AgentId, s: usize, state: &mut [f64]) {
        let (g, index) = self.market.place(agent);
        let mut arrival = vec![0.0; state.len()];
        self.nature.arrival(&self.market.groups()[g], index, s, &self.factors.1, &mut arrival);
        for (x, w) in state.iter_mut().zip(arrival) {
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
        let state = &self.states[agent];
        if !group.sees_measurement(index) {
            return Sight::State(state.clone());
        }
        let error = self.nature.error(group, index, s);
        Sight::Measurement(group.measurement(index, state, error))
    }

    /// True utilities of a period, in which everybody receives `allocation`; the states move on.
    pub fn live(&mut self, s: usize, allocation: &[f64]) -> Vec<f64> {
        let market = Arc::clone(&self.market);
        if s + 1 == market.periods() {
            self.draw_factors(s + 1);
        }
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
