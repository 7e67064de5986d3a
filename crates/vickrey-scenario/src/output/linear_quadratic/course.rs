//! How the market goes: one run with truthful agents, stage by stage; or the plan, which is its own course.

use std::sync::Arc;

use rayon::prelude::*;
use vickrey::accounts::Accounts;
use vickrey::audit::Progress;
use vickrey::lq::protocol::{Forecast, LayeredState};
use vickrey::lq::solve::discount::Effort;
use vickrey::lq::strategies::{LqWorld, Player, Replay, Sight};
use vickrey::lq::{Aggregate, Bids, LayeredMechanism, Market, PaymentError, Plan};
use vickrey::mechanism::{AgentId, Mechanism};
use vickrey::numeric::random::{Purpose, stream_at};
use vickrey::numeric::sum;

use super::charge::LqCharge;

/// Up to this many trades (agents times periods) every one of them is kept for the table of trades.
pub const MOST_TRADES: usize = 5_000_000;

/// What happened, period by period and agent by agent.
#[derive(Clone, Debug)]
pub struct Course {
    /// The periods.
    pub stages: Vec<Stage>,
    /// Sums over the periods.
    pub sums: Sums,
    /// Every trade; none if there are more than [`MOST_TRADES`].
    pub layers: Option<Vec<Layer>>,
    /// How the market-power discounts were computed.
    pub effort: Effort,
}

/// One period.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// Prices of this and all later periods, as planned in it.
    pub prices: Vec<f64>,
    /// Quantity that agents receive.
    pub received: f64,
    /// Quantity that agents deliver.
    pub delivered: f64,
    /// Sum of the payments that fall due; none where nothing is charged, or all at once.
    pub payment: Option<f64>,
    /// Sum of the agents' utilities of states and trades; none in a plan.
    pub welfare: Option<f64>,
    /// Sum of the trades minus net demand: what rounding left over.
    pub imbalance: f64,
}

/// Sums over the periods, by agent.
#[derive(Clone, Debug, PartialEq)]
pub struct Sums {
    /// Quantity received minus quantity delivered.
    pub allocation: Vec<f64>,
    /// Quantity that changed hands, whatever the direction.
    pub volume: Vec<f64>,
    /// Utility of states and trades, before payments.
    pub value: Vec<f64>,
    /// Payments; none if nothing can be charged.
    pub payment: Option<Vec<f64>>,
    /// What the changes of schedule are worth at the prices.
    pub lagrange: Vec<f64>,
    /// Market-power discounts.
    pub gap: Vec<f64>,
}

/// Every trade of one period, agent by agent. Vectors of states hold [`Layer::width`] numbers for every agent; those
/// that an agent does not have are not finite.
#[derive(Clone, Debug)]
pub struct Layer {
    /// Components of the largest state.
    pub width: usize,
    /// Quantity received.
    pub allocation: Vec<f64>,
    /// Payment for the layer; empty in a plan, or if nothing can be charged.
    pub payment: Vec<f64>,
    /// The true state before the trade.
    pub state: Vec<f64>,
    /// The forecast of it; empty in a plan.
    pub forecast: Vec<f64>,
    /// The bid; empty in a plan.
    pub bid: Vec<f64>,
}

impl Layer {
    fn new(width: usize) -> Self {
        let none = Vec::new;
        Self { width, allocation: none(), payment: none(), state: none(), forecast: none(), bid: none() }
    }
}

impl Stage {
    /// The price of the period's own trade.
    pub fn price(&self) -> f64 {
        self.prices.first().copied().unwrap_or(0.0)
    }

    /// Quantity that changes hands.
    pub fn volume(&self) -> f64 {
        self.received.max(self.delivered)
    }

    fn of(prices: Vec<f64>, allocation: &[f64], imbalance: f64) -> Self {
        let [received, delivered] =
            sum::parallel(allocation.len(), |i| [allocation[i].max(0.0), (-allocation[i]).max(0.0)]);
        Self { prices, received, delivered, payment: None, welfare: None, imbalance }
    }
}

impl Sums {
    fn zero(agents: usize, charged: bool) -> Self {
        let zero = || vec![0.0; agents];
        Self {
            allocation: zero(),
            volume: zero(),
            value: zero(),
            payment: charged.then(zero),
            lagrange: zero(),
            gap: zero(),
        }
    }
}

/// Components of the largest state.
fn width(market: &Market) -> usize {
    (0..market.len()).map(|agent| market.states(agent)).max().unwrap_or(1)
}

/// Whether all trades are kept.
fn keeps(market: &Market) -> bool {
    market.len().saturating_mul(market.periods()) <= MOST_TRADES
}

fn add(sums: &mut [f64], more: &[f64]) {
    for (sum, x) in sums.iter_mut().zip(more) {
        *sum += x;
    }
}

/// The course of a plan, on which everything goes as planned.
pub(super) fn planned(market: &Market, plan: &Plan, charge: &LqCharge) -> Course {
    let (n, periods) = (market.len(), market.periods());
    let paths: Vec<_> = (0..n).into_par_iter().map(|agent| plan.path(market, agent)).collect();
    let stage = |t: usize| {
        let allocation: Vec<f64> = paths.iter().map(|path| path.allocation[t]).collect();
        let imbalance = sum::compensated(allocation.iter().copied()) - market.net_demand()[t];
        Stage::of(plan.prices()[t..].to_vec(), &allocation, imbalance)
    };
    let width = width(market);
    let layer = |t: usize| {
        let mut layer = Layer::new(width);
        for path in &paths {
            layer.allocation.push(path.allocation[t]);
            push_state(&mut layer.state, &path.states[t], width);
        }
        layer
    };
    let over_time = |of: fn(f64) -> f64| -> Vec<f64> {
        paths.iter().map(|path| sum::compensated(path.allocation.iter().map(|&u| of(u)))).collect()
    };
    let ledger = &plan.ledger;
    let rule = charge.plan_rule();
    let each = |of: &dyn Fn(AgentId) -> f64| -> Vec<f64> { (0..n).map(of).collect() };
    let sums = Sums {
        allocation: over_time(|u| u),
        volume: over_time(f64::abs),
        value: each(&|i| ledger.own_utility(i)),
        payment: charge.missing.is_none().then(|| each(&|i| rule.payment(ledger, i))),
        lagrange: each(&|i| ledger.lagrange(i)),
        gap: each(&|i| ledger.gap(i)),
    };
    Course {
        stages: (0..periods).map(stage).collect(),
        sums,
        layers: keeps(market).then(|| (0..periods).map(layer).collect()),
        effort: plan.trade.effort,
    }
}

/// A state with room for the largest.
fn push_state(to: &mut Vec<f64>, state: &[f64], width: usize) {
    to.extend_from_slice(state);
    to.extend(std::iter::repeat_n(f64::NAN, width - state.len()));
}

/// One run of a layered market with truthful agents.
pub(super) struct Run<'a> {
    market: &'a Arc<Market>,
    mechanism: LayeredMechanism,
    world: LqWorld,
    /// Only who filters measurements has anything to remember: who sees its state bids state minus forecast.
    players: Vec<Player>,
    seed: u64,
    charged: bool,
    course: Course,
}

impl<'a> Run<'a> {
    /// Prepares the market, its payments and its agents.
    pub fn new(
        market: &'a Arc<Market>,
        aggregate: &Arc<Aggregate>,
        charge: &LqCharge,
        replay: Replay,
        seed: u64,
    ) -> Result<Self, PaymentError> {
        let mechanism =
            LayeredMechanism::prepared(Arc::clone(market), Arc::clone(aggregate), charge.layer_rule())?;
        let player = |agent: AgentId| Player::truthful(Arc::new(market.parameters(agent)));
        let players = if market.is_observed() { (0..market.len()).map(player).collect() } else { Vec::new() };
        let charged = charge.missing.is_none();
        let course = Course {
            stages: Vec::with_capacity(market.periods()),
            sums: Sums::zero(market.len(), charged),
            layers: keeps(market).then(Vec::new),
            effort: Effort::default(),
        };
        let world = LqWorld::new(Arc::clone(market), seed, Arc::new(replay));
        Ok(Self { market, mechanism, world, players, seed, charged, course })
    }

    /// Plays all periods.
    pub fn play(mut self, progress: Progress<'_>) -> Course {
        let mut state = self.mechanism.start();
        let periods = self.market.periods();
        for s in 0..periods {
            self.stage(s, &mut state);
            progress((s + 1) as f64 / periods as f64);
        }
        self.course
    }

    fn stage(&mut self, s: usize, state: &mut LayeredState) {
        self.world.arrive(s);
        let told = self.bids(s, state);
        let mut bids = Bids::none(self.market);
        for (agent, (_, bid)) in told.iter().enumerate() {
            bids.set(self.market, agent, bid);
        }
        let mut layer = self.course.layers.is_some().then(|| self.kept(&told));
        let outcome = self.mechanism.step(state, bids);
        let trade = &outcome.trade;
        let value = self.world.live(s, &trade.allocation);
        let sums = &mut self.course.sums;
        add(&mut sums.allocation, &trade.allocation);
        for (volume, u) in sums.volume.iter_mut().zip(&trade.allocation) {
            *volume += u.abs();
        }
        add(&mut sums.value, &value);
        add(&mut sums.lagrange, &trade.lagrange);
        add(&mut sums.gap, &trade.gap);
        let total = |xs: &[f64]| sum::parallel(xs.len(), |i| [xs[i]])[0];
        let mut stage = Stage::of(trade.prices.clone(), &trade.allocation, trade.imbalance);
        stage.welfare = Some(total(&value));
        if let Some(payment) = &mut sums.payment {
            add(payment, &outcome.payment);
            stage.payment = Some(total(&outcome.payment));
        }
        self.course.effort = self.course.effort.join(trade.effort);
        self.course.stages.push(stage);
        if let (Some(layer), Some(layers)) = (&mut layer, &mut self.course.layers) {
            layer.allocation.clone_from(&trade.allocation);
            if self.charged {
                layer.payment = outcome.payment;
            }
            layers.push(layer.clone());
        }
    }

    /// Forecast and truthful bid of every agent.
    fn bids(&mut self, s: usize, state: &LayeredState) -> Vec<(Vec<f64>, Vec<f64>)> {
        let (world, market, seed) = (&self.world, self.market, self.seed);
        let forecast = |agent: AgentId| state.record().forecast(market, agent).to_vec();
        if self.players.is_empty() {
            let told = |agent: AgentId| {
                let forecast = forecast(agent);
                let bid = world.state(agent).iter().zip(&forecast).map(|(x, f)| x - f).collect();
                (forecast, bid)
            };
            return (0..market.len()).into_par_iter().with_min_len(1024).map(told).collect();
        }
        let mechanism = &self.mechanism;
        let told = |(agent, player): (AgentId, &mut Player)| {
            let sight: Sight = world.sight(agent, s);
            let Some(told): Option<Forecast> = mechanism.announce(state, agent) else {
                return (forecast(agent), vec![0.0; market.states(agent)]);
            };
            let mut rng = stream_at(seed, Purpose::Strategy, agent as u64, s as u64);
            let bid = player.bid(&sight, &told, &mut rng).change;
            (told.state, bid)
        };
        self.players.par_iter_mut().with_min_len(64).enumerate().map(told).collect()
    }

    /// What is kept of a period before its trade.
    fn kept(&self, told: &[(Vec<f64>, Vec<f64>)]) -> Layer {
        let mut layer = Layer::new(width(self.market));
        for (agent, (forecast, bid)) in told.iter().enumerate() {
            push_state(&mut layer.state, self.world.state(agent), layer.width);
            push_state(&mut layer.forecast, forecast, layer.width);
            push_state(&mut layer.bid, bid, layer.width);
        }
        layer
    }
}
