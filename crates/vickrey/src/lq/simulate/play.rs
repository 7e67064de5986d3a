//! One run: the truthful one and one with lies, period by period, on the same noise.

use super::{Game, Lies};
use crate::lq::group::Group;
use crate::lq::model::{LARGEST, Market};
use crate::lq::nature::Nature;
use crate::lq::protocol::{LayerOutcome, LayeredMechanism, LayeredState};
use crate::lq::solve::ledger::Member;
use crate::lq::solve::passes::Columns;
use crate::lq::solve::trade::Bids;
use crate::lq::strategies::Sight;
use crate::mechanism::{AgentId, Mechanism, Strategy, Turn};
use crate::numeric::random::{Purpose, stream_at};
use crate::numeric::sum::{Sum, compensated};

/// One run.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Seed of its noise.
    pub seed: u64,
    /// Everybody truthful.
    pub honest: Side,
    /// With the lies, on the same noise.
    pub lying: Option<Side>,
    /// What every agent would have had without ever trading, on the same noise.
    pub outside: Vec<f64>,
}

/// One run with one profile.
#[derive(Clone, Debug, PartialEq)]
pub struct Side {
    /// True utility of every agent's states and trades, before payment.
    pub valuation: Vec<f64>,
    /// Sum of every agent's payments; positive: it pays.
    pub payment: Vec<f64>,
    /// What the operator has kept up to and including each period; negative: it has paid.
    pub running: Vec<f64>,
    /// Sum of the sizes of all payments: what rounding of the budget is relative to.
    pub turnover: f64,
    /// Bids that could not be used and counted as zero.
    pub refused: u64,
    /// Bids that were not made and counted as zero.
    pub silent: u64,
}

impl Side {
    fn new(market: &Market) -> Self {
        Self {
            valuation: vec![0.0; market.len()],
            payment: vec![0.0; market.len()],
            running: Vec::with_capacity(market.periods()),
            turnover: 0.0,
            refused: 0,
            silent: 0,
        }
    }

    /// Valuation minus payments.
    pub fn utility(&self, agent: AgentId) -> f64 {
        self.valuation[agent] - self.payment[agent]
    }

    /// What the operator keeps; negative: pays.
    pub fn budget(&self) -> f64 {
        self.running.last().copied().unwrap_or(0.0)
    }

    /// Sum of valuations.
    pub fn welfare(&self) -> f64 {
        compensated(self.valuation.iter().copied())
    }

    /// Whether the operator pays more than rounding explains.
    pub fn is_deficit(&self) -> bool {
        self.budget() < -1e-11 * self.turnover
    }

    /// Whether an agent has less than `outside`, by more than rounding explains.
    pub fn is_worse_off(&self, agent: AgentId, outside: f64) -> bool {
        let size = self.valuation[agent].abs() + self.payment[agent].abs() + outside.abs();
        self.utility(agent) < outside - 1e-11 * size
    }

    pub(super) fn is_finite(&self) -> bool {
        let mut all = self.valuation.iter().chain(&self.payment).chain(&self.running);
        all.all(|x| x.is_finite())
    }
}

impl Game {
    /// Plays one run.
    pub fn play(&self, lies: Option<&Lies>, seed: u64) -> Run {
        let mut seats = vec![Seat::new(self, None, seed)];
        seats.extend(lies.map(|lies| Seat::new(self, Some(lies), seed)));
        let mut idle = Idle::new(self.market());
        self.run(&mut seats, Some(&mut idle), seed);
        let lying = if lies.is_some() { seats.pop() } else { None }.map(|seat| seat.side);
        let mut sides = seats.into_iter().map(|seat| seat.side);
        let honest = sides.next().unwrap_or_else(|| Side::new(self.market()));
        Run { seed, honest, lying, outside: idle.valuation }
    }

    /// Plays one profile alone.
    pub(super) fn side(&self, lies: &Lies, seed: u64) -> Side {
        let mut seats = [Seat::new(self, Some(lies), seed)];
        self.run(&mut seats, None, seed);
        let [seat] = seats;
        seat.side
    }

    fn run(&self, seats: &mut [Seat<'_>], mut idle: Option<&mut Idle>, seed: u64) {
        let market = self.market().as_ref();
        let mut noise = Noise::new(market, Nature::new(seed, self.replay.clone()));
        for s in 0..market.periods() {
            noise.draw(market, s);
            for seat in &mut *seats {
                add(&mut seat.states, &noise.arrivals);
                let bids = seat.bids(&noise.errors, s, seed);
                let outcome = seat.mechanism.step(&mut seat.state, bids);
                seat.live(&outcome, s);
            }
            if let Some(idle) = &mut idle {
                add(&mut idle.states, &noise.arrivals);
                idle.live(market, s);
            }
        }
        if !market.groups().iter().any(has_end) {
            return;
        }
        let end = market.periods();
        noise.draw(market, end);
        for seat in &mut *seats {
            add(&mut seat.states, &noise.arrivals);
            worth_at_end(market, &seat.states, &mut seat.side.valuation);
        }
        if let Some(idle) = idle {
            add(&mut idle.states, &noise.arrivals);
            worth_at_end(market, &idle.states, &mut idle.valuation);
        }
    }
}

/// Whether the states at the end are worth anything.
fn has_end(group: &Group) -> bool {
    !(group.terminal_q.is_absent() && group.terminal_pull.is_absent() && group.terminal_offset.is_absent())
}

fn add(states: &mut Columns, arrivals: &Columns) {
    for (x, w) in states.parts.iter_mut().flatten().zip(arrivals.parts.iter().flatten()) {
        *x += w;
    }
}

fn worth_at_end(market: &Market, states: &Columns, valuation: &mut [f64]) {
    for_members(market, |group, g, index| {
        let d = group.states();
        let member = Member::at(group, index, market.periods());
        let state = &states.parts[g][index * d..(index + 1) * d];
        valuation[group.agent(index)] += member.state_worth(market.periods(), state);
    });
}

/// Calls with every group, its number, and the index of every member.
fn for_members<'a>(market: &'a Market, mut call: impl FnMut(&'a Group, usize, usize)) {
    for (g, group) in market.groups().iter().enumerate() {
        for index in 0..group.size() {
            call(group, g, index);
        }
    }
}

/// The noise of one period, the same for everybody who plays this run.
struct Noise {
    nature: Nature,
    arrivals: Columns,
    /// Errors of the measurements, of variance 1; none if everybody sees its state.
    errors: Columns,
}

impl Noise {
    fn new(market: &Market, nature: Nature) -> Self {
        let errors = if market.is_observed() { Columns::per_agent(market) } else { Columns::default() };
        Self { nature, arrivals: Columns::per_state(market), errors }
    }

    fn draw(&mut self, market: &Market, s: usize) {
        let factors = self.nature.factors(market, s);
        for_members(market, |group, g, index| {
            let d = group.states();
            let to = &mut self.arrivals.parts[g][index * d..(index + 1) * d];
            self.nature.arrival(group, index, s, &factors, to);
            if group.sees_measurement(index) && s < market.periods() {
                self.errors.parts[g][index] = self.nature.error(group, index, s);
            }
        });
    }
}

/// Everybody's life without a trade.
struct Idle {
    states: Columns,
    valuation: Vec<f64>,
}

impl Idle {
    fn new(market: &Market) -> Self {
        Self { states: Columns::per_state(market), valuation: vec![0.0; market.len()] }
    }

    fn live(&mut self, market: &Market, s: usize) {
        for_members(market, |group, g, index| {
            let d = group.states();
            let member = Member::at(group, index, market.periods());
            let state = &mut self.states.parts[g][index * d..(index + 1) * d];
            self.valuation[group.agent(index)] += member.state_worth(s, state);
            member.step_in_place(s, state, 0.0);
        });
    }
}

/// One profile in play.
struct Seat<'a> {
    game: &'a Game,
    mechanism: &'a LayeredMechanism,
    liars: Vec<(AgentId, Box<dyn Strategy<LayeredMechanism, Sight>>)>,
    state: LayeredState,
    /// True states.
    states: Columns,
    /// What agents that see a measurement believe; unused where everybody sees its state.
    beliefs: Columns,
    side: Side,
}

impl<'a> Seat<'a> {
    fn new(game: &'a Game, lies: Option<&'a Lies>, seed: u64) -> Self {
        let mechanism = lies.and_then(|lies| lies.reported.as_ref()).unwrap_or(&game.mechanism);
        let market = game.market();
        let liars = lies.iter().flat_map(|lies| &lies.liars);
        let mut seat = Self {
            game,
            mechanism,
            liars: liars.map(|(agent, maker)| (*agent, maker(seed))).collect(),
            state: mechanism.start(),
            states: Columns::per_state(market),
            beliefs: Columns::default(),
            side: Side::new(market),
        };
        if !game.gains.is_empty() {
            seat.beliefs = Columns::per_state(market);
            for_members(market, |group, g, index| {
                for c in 0..group.states() {
                    seat.beliefs.parts[g][index * group.states() + c] = group.start.get(0, c, index);
                }
            });
        }
        seat
    }

    /// What everybody bids in period s.
    fn bids(&mut self, errors: &Columns, s: usize, seed: u64) -> Bids {
        let market = self.game.market();
        if let Some(gains) = self.game.gains.get(s) {
            self.believe(gains, errors);
        }
        let known = if self.game.gains.is_empty() { &self.states } else { &self.beliefs };
        let mut bids = Bids::none(market);
        let forecast = &self.state.record().forecast;
        for ((bids, known), forecast) in bids.0.parts.iter_mut().zip(&known.parts).zip(&forecast.parts) {
            for ((bid, x), forecast) in bids.iter_mut().zip(known).zip(forecast) {
                *bid = x - forecast;
            }
        }
        self.refuse(&mut bids);
        self.lie(&mut bids, errors, s, seed);
        bids
    }

    /// Bids that cannot be used count as zero.
    fn refuse(&mut self, bids: &mut Bids) {
        for (group, bids) in self.game.market().groups().iter().zip(&mut bids.0.parts) {
            for bid in bids.chunks_mut(group.states()) {
                if !bid.iter().all(|x| x.abs() <= LARGEST) {
                    bid.fill(0.0);
                    self.side.refused += 1;
                }
            }
        }
    }

    /// Beliefs after this period's measurement.
    fn believe(&mut self, gains: &Columns, errors: &Columns) {
        for_members(self.game.market(), |group, g, index| {
            let d = group.states();
            let place = index * d..(index + 1) * d;
            let (state, belief) =
                (&self.states.parts[g][place.clone()], &mut self.beliefs.parts[g][place.clone()]);
            if !group.sees_measurement(index) {
                belief.copy_from_slice(state);
                return;
            }
            let expected = group.measured(index, belief);
            let innovation = group.measurement(index, state, errors.parts[g][index]) - expected;
            for (x, gain) in belief.iter_mut().zip(&gains.parts[g][place]) {
                *x += gain * innovation;
            }
        });
    }

    /// The liars' bids instead of the truth.
    fn lie(&mut self, bids: &mut Bids, errors: &Columns, s: usize, seed: u64) {
        let market = self.game.market();
        for (agent, strategy) in &mut self.liars {
            let agent = *agent;
            let (g, index) = market.place(agent);
            let group = &market.groups()[g];
            let state = self.states.state(market, agent);
            let signal = if group.sees_measurement(index) {
                Sight::Measurement(group.measurement(index, state, errors.parts[g][index]))
            } else {
                Sight::State(state.to_vec())
            };
            let Some(announcement) = self.mechanism.announce(&self.state, agent) else { continue };
            let rng = &mut stream_at(seed, Purpose::Strategy, agent as u64, s as u64);
            let turn = Turn { agent, stage: s, signal: &signal, announcement: &announcement, rng };
            let nothing = vec![0.0; group.states()];
            let bid = match strategy.report(turn) {
                None => {
                    self.side.silent += 1;
                    nothing
                }
                Some(bid) if self.mechanism.admit(&self.state, agent, &bid).is_ok() => bid.change,
                Some(_) => {
                    self.side.refused += 1;
                    nothing
                }
            };
            bids.set(market, agent, &bid);
        }
    }

    /// True utilities of a period; states and beliefs move on.
    fn live(&mut self, outcome: &LayerOutcome, s: usize) {
        let market = self.game.market();
        let allocation = &outcome.trade.allocation;
        for_members(market, |group, g, index| {
            let d = group.states();
            let place = index * d..(index + 1) * d;
            let (agent, member) = (group.agent(index), Member::at(group, index, market.periods()));
            let state = &mut self.states.parts[g][place.clone()];
            self.side.valuation[agent] += member.stage(s, state, allocation[agent]);
            member.step_in_place(s, state, allocation[agent]);
            if let Some(beliefs) = self.beliefs.parts.get_mut(g) {
                member.step_in_place(s, &mut beliefs[place], allocation[agent]);
            }
        });
        let mut budget = Sum::from(self.side.budget());
        for (sum, payment) in self.side.payment.iter_mut().zip(&outcome.payment) {
            *sum += payment;
            budget.add(*payment);
            self.side.turnover += payment.abs();
        }
        self.side.running.push(budget.get());
    }
}
