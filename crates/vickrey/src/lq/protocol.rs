//! The markets as protocols: the layered one, stage by stage, and the plan, settled at once.

use std::convert::Infallible;
use std::sync::Arc;

use super::model::{Agent, LARGEST, Market, ModelError};
use super::solve::aggregate::{Aggregate, SolveError};
use super::solve::payments::{Cashier, LayerRule, Paid, PaymentError, Shadows};
use super::solve::plan::Plan;
use super::solve::trade::{Bids, Path, Record, Trade};
use crate::accounts::Accounts;
use crate::guarantee::Baseline;
use crate::mechanism::{AgentId, Arrival, Mechanism, Next, Rejection};

/// The layered market: every period each agent bids how its state moved away from the forecast.
///
/// Parameters are public; the private information is the states. **An agent whose bid does not arrive, or cannot be used
/// (not finite, of the wrong size, for another period), counts as if it had bid zero**: its state is taken to be what was
/// forecast, the trade goes on among all, and it balances. Its next truthful bid catches up.
#[derive(Clone, Debug)]
pub struct LayeredMechanism {
    market: Arc<Market>,
    aggregate: Arc<Aggregate>,
    cashier: Arc<Cashier>,
}

/// What the operator remembers between periods.
#[derive(Clone, Debug)]
pub struct LayeredState {
    record: Record,
    shadows: Shadows,
    /// What was executed in the last period, by agent.
    executed: Arc<[f64]>,
    prices: Arc<[f64]>,
    outcome: Option<LayerOutcome>,
}

/// What an agent is told before it bids.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecast {
    /// The period.
    pub period: usize,
    /// What the operator expects the agent's state to be.
    pub state: Vec<f64>,
    /// Planned prices of this and all later periods.
    pub prices: Arc<[f64]>,
    /// What the agent received in the last period; 0 before the first.
    pub received: f64,
}

/// A bid: by how much the agent's state has moved away from the forecast.
#[derive(Clone, Debug, PartialEq)]
pub struct Bid {
    /// The period it is for.
    pub period: usize,
    /// x_i(s,s), one number per component of the state.
    pub change: Vec<f64>,
}

/// One period.
#[derive(Clone, Debug)]
pub struct LayerOutcome {
    /// The trade: prices of all periods to come, allocations, and [`Trade::plan`].
    pub trade: Arc<Trade>,
    /// The bids that counted.
    pub bids: Arc<Bids>,
    /// Payment of every agent for this layer.
    pub payment: Vec<f64>,
}

impl LayeredMechanism {
    /// Prepares the market and its rule of payment.
    ///
    /// # Errors
    /// Numbers out of range, or a rule that this market cannot have.
    pub fn new(market: Arc<Market>, rule: LayerRule) -> Result<Self, PaymentError> {
        let aggregate = Arc::new(Aggregate::new(&market)?);
        Self::prepared(market, aggregate, rule)
    }

    /// As [`new`](Self::new), for a market that is set up already.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn prepared(
        market: Arc<Market>,
        aggregate: Arc<Aggregate>,
        rule: LayerRule,
    ) -> Result<Self, PaymentError> {
        let cashier = Arc::new(Cashier::new(&market, &aggregate, rule)?);
        Ok(Self { market, aggregate, cashier })
    }

    /// The market.
    pub fn market(&self) -> &Arc<Market> {
        &self.market
    }

    /// Its set-up.
    pub fn aggregate(&self) -> &Arc<Aggregate> {
        &self.aggregate
    }

    /// How it pays.
    pub fn rule(&self) -> LayerRule {
        self.cashier.rule()
    }

    /// Trades and charges one layer, without the ceremony of a protocol: for very many agents.
    ///
    /// # Panics
    /// All periods are over.
    pub fn step(&self, state: &mut LayeredState, bids: Bids) -> LayerOutcome {
        let before = state.record.clone();
        let trade = state.record.trade(&self.market, &self.aggregate, &bids);
        let paid = Paid { before: &before, bids: &bids, trade: &trade };
        let payment = self.cashier.charge(&self.market, &self.aggregate, paid, &mut state.shadows);
        state.executed = trade.allocation.as_slice().into();
        state.prices = state.record.prices().into();
        LayerOutcome { trade: Arc::new(trade), bids: Arc::new(bids), payment }
    }
}

impl LayeredState {
    /// The operator's record.
    pub fn record(&self) -> &Record {
        &self.record
    }
}

impl Mechanism for LayeredMechanism {
    type State = LayeredState;
    type Announcement = Forecast;
    type Report = Bid;
    type Message = Infallible;
    type Shock = ();
    type Outcome = LayerOutcome;
    type Error = Infallible;

    fn agents(&self) -> usize {
        self.market.len()
    }

    fn start(&self) -> LayeredState {
        let record = Record::new(&self.market);
        let prices = record.prices().into();
        let executed = vec![0.0; self.market.len()].into();
        LayeredState { record, shadows: self.cashier.shadows(), executed, prices, outcome: None }
    }

    fn next(&self, state: &LayeredState) -> Next {
        if state.record.period() < self.market.periods() { Next::Collect } else { Next::Finished }
    }

    fn announce(&self, state: &LayeredState, agent: AgentId) -> Option<Forecast> {
        Some(Forecast {
            period: state.record.period(),
            state: state.record.forecast(&self.market, agent).to_vec(),
            prices: Arc::clone(&state.prices),
            received: state.executed[agent],
        })
    }

    fn admit(&self, state: &LayeredState, agent: AgentId, bid: &Bid) -> Result<(), Rejection> {
        let refuse = |field: &str, found: String, accepted: String| {
            Err(Rejection { agent, field: field.into(), found, accepted })
        };
        let (period, states) = (state.record.period(), self.market.states(agent));
        if bid.period != period {
            let late = if bid.period < period { "late" } else { "early" };
            return refuse(
                "period",
                format!("{} ({late})", bid.period),
                format!("the current period {period}"),
            );
        }
        if bid.change.len() != states {
            return refuse(
                "change",
                format!("{} numbers", bid.change.len()),
                format!("{states}, one per state"),
            );
        }
        if let Some(x) = bid.change.iter().find(|x| !x.is_finite() || x.abs() > LARGEST) {
            return refuse("change", x.to_string(), "finite numbers of size at most 1e12".into());
        }
        Ok(())
    }

    fn close(&self, state: &mut LayeredState, arrivals: Vec<Arrival<Bid>>) -> Result<(), Infallible> {
        let mut bids = Bids::none(&self.market);
        for (agent, arrival) in arrivals.iter().enumerate() {
            if let Some(bid) = arrival.report() {
                bids.set(&self.market, agent, &bid.change);
            }
        }
        let outcome = self.step(state, bids);
        state.outcome = Some(outcome);
        Ok(())
    }

    fn settle(&self, state: &mut LayeredState, (): ()) -> Result<LayerOutcome, Infallible> {
        // The driver closes every stage before it settles it.
        let outcome = state.outcome.take();
        Ok(outcome.unwrap_or_else(|| self.step(state, Bids::none(&self.market))))
    }

    fn payments<'a>(&self, outcome: &'a LayerOutcome) -> &'a [f64] {
        &outcome.payment
    }
}

/// How a plan is paid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PlanRule {
    /// vcg_i + (c - 1) H_i with a constant c; c = 1 is plain VCG.
    ScaledVcg {
        /// The factor.
        c: f64,
        /// Whether H_i counts the outside options of the others.
        baseline: Baseline,
    },
    /// The agent is handed the utility of all others.
    Groves,
    /// Prices times quantities. Not incentive compatible; the comparison.
    Lagrange,
}

impl PlanRule {
    /// The payment of one agent.
    pub fn payment(self, accounts: &impl Accounts, agent: AgentId) -> f64 {
        match self {
            Self::ScaledVcg { c, baseline } => accounts.scaled_vcg(agent, c, baseline),
            Self::Groves => accounts.groves(agent),
            Self::Lagrange => accounts.lagrange(agent),
        }
    }
}

/// The plan as a protocol: one stage; everybody reports its dynamics, utility and state, all at once. Truth is a dominant
/// strategy under VCG with a fixed c. An agent that is silent or refused takes no part.
#[derive(Clone, Debug)]
pub struct PlanMechanism {
    agents: usize,
    periods: usize,
    net_demand: Vec<f64>,
    rule: PlanRule,
}

/// What a plan decides.
#[derive(Clone, Debug)]
pub struct PlanOutcome {
    /// Who took part (the agents of `plan`, in its order).
    pub present: Vec<AgentId>,
    /// The market as reported.
    pub market: Market,
    /// The plan.
    pub plan: Plan,
    /// Payment of every agent; 0 for absent ones.
    pub payment: Vec<f64>,
}

impl PlanOutcome {
    /// The planned trades of an agent; none if it takes no part.
    pub fn path(&self, agent: AgentId) -> Option<Path> {
        let index = self.present.binary_search(&agent).ok()?;
        Some(self.plan.path(&self.market, index))
    }
}

/// Why a plan cannot be settled.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// The reports do not make a market.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The market cannot be solved.
    #[error(transparent)]
    Solve(#[from] SolveError),
}

/// What has happened so far.
#[derive(Clone, Debug, Default)]
pub struct PlanState {
    outcome: Option<PlanOutcome>,
    finished: bool,
}

impl PlanMechanism {
    /// A plan for `agents` agents over as many periods as `net_demand` has numbers.
    pub fn new(agents: usize, net_demand: Vec<f64>, rule: PlanRule) -> Self {
        Self { agents, periods: net_demand.len(), net_demand, rule }
    }
}

impl Mechanism for PlanMechanism {
    type State = PlanState;
    type Announcement = Arc<[f64]>;
    type Report = Agent;
    type Message = Infallible;
    type Shock = ();
    type Outcome = PlanOutcome;
    type Error = PlanError;

    fn agents(&self) -> usize {
        self.agents
    }

    fn start(&self) -> PlanState {
        PlanState::default()
    }

    fn next(&self, state: &PlanState) -> Next {
        if state.finished { Next::Finished } else { Next::Collect }
    }

    /// The net demand of every period.
    fn announce(&self, _: &PlanState, _: AgentId) -> Option<Arc<[f64]>> {
        Some(self.net_demand.as_slice().into())
    }

    /// Every [`Agent`] was checked when it was built; its rows must fit the periods.
    fn admit(&self, _: &PlanState, agent: AgentId, report: &Agent) -> Result<(), Rejection> {
        match super::check::rows_problem(report.parameters(), self.periods) {
            None => Ok(()),
            Some(error) => Err(Rejection {
                agent,
                field: error.field.into(),
                found: error.found,
                accepted: error.accepted,
            }),
        }
    }

    fn close(&self, state: &mut PlanState, arrivals: Vec<Arrival<Agent>>) -> Result<(), PlanError> {
        let (mut present, mut agents) = (Vec::new(), Vec::new());
        for (agent, arrival) in arrivals.into_iter().enumerate() {
            if let Arrival::Admitted(report) = arrival {
                present.push(agent);
                agents.push(report);
            }
        }
        let market = Market::new(self.periods, self.net_demand.clone(), agents)?;
        let plan = Plan::new(&market, &Aggregate::new(&market)?)?;
        let mut payment = vec![0.0; self.agents];
        for (index, &agent) in present.iter().enumerate() {
            payment[agent] = self.rule.payment(&plan.ledger, index);
        }
        state.outcome = Some(PlanOutcome { present, market, plan, payment });
        Ok(())
    }

    fn settle(&self, state: &mut PlanState, (): ()) -> Result<PlanOutcome, PlanError> {
        state.finished = true;
        state.outcome.take().ok_or(PlanError::Model(ModelError::TooFewAgents { found: 0 }))
    }

    fn payments<'a>(&self, outcome: &'a PlanOutcome) -> &'a [f64] {
        &outcome.payment
    }
}
