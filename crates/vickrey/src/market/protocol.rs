//! The market as a protocol: one stage, sealed reports of utilities, allocations and payments.

use super::model::{Market, MarketError};
use super::scaling::FactorChoice;
use super::solve::{self, Settlement, settle};
use super::utility::Utility;
use crate::accounts::Accounts;
use crate::guarantee::Baseline;
use crate::mechanism::{AgentId, Arrival, Mechanism, Next, Rejection};

/// How an agent's payment follows from the reports.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PaymentRule {
    /// H_i - (F - F_i(u_i)): what the agent's presence costs the others.
    Vcg,
    /// -(F - F_i(u_i)): the agent is handed the utility of all others.
    Groves,
    /// vcg_i + (c - 1) H_i with a constant c that does not depend on the reports.
    ScaledVcg {
        /// The factor.
        c: f64,
        /// Whether H_i counts the outside options of the others.
        baseline: Baseline,
    },
    /// Scaled VCG with c computed from the reports themselves. Not incentive compatible; for diagnosis.
    ScaledVcgFromReports {
        /// How c follows from the reports.
        choice: FactorChoice,
        /// Whether H_i counts the outside options of the others.
        baseline: Baseline,
    },
    /// lambda u_i. Not incentive compatible; the comparison.
    Lagrange,
}

/// The market run as a protocol.
///
/// A silent agent and one whose report is refused are treated alike: absent, no trade and no payment.
#[derive(Clone, Debug)]
pub struct MarketMechanism {
    agents: usize,
    total: f64,
    rule: PaymentRule,
}

/// What the market decided.
#[derive(Clone, Debug)]
pub struct MarketOutcome {
    /// Quantity received by every agent; 0 for absent ones.
    pub allocation: Vec<f64>,
    /// Payment of every agent; 0 for absent ones.
    pub payment: Vec<f64>,
    /// The settlement among those who took part.
    pub settlement: Settlement,
    /// Who took part (the agents of `settlement`, in its order).
    pub present: Vec<AgentId>,
}

/// What has happened so far.
#[derive(Clone, Debug, Default)]
pub struct MarketState {
    outcome: Option<MarketOutcome>,
    finished: bool,
}

impl MarketMechanism {
    /// A market for `agents` agents whose quantities add up to `total`.
    pub fn new(agents: usize, total: f64, rule: PaymentRule) -> Self {
        Self { agents, total, rule }
    }

    /// The rule by which it charges.
    pub fn rule(&self) -> PaymentRule {
        self.rule
    }
}

impl PaymentRule {
    /// The rule with a number for c: what is computed from the reports is computed here, once for all agents.
    ///
    /// # Errors
    /// No c is feasible for these reports.
    pub fn resolve(self, s: &Settlement) -> Result<Self, ProtocolError> {
        let Self::ScaledVcgFromReports { choice, baseline } = self else {
            return Ok(self);
        };
        if let Some(&agent) = s.pivotal.first() {
            return Err(ProtocolError::Pivotal { agent });
        }
        match choice.factor(s, baseline) {
            Some(c) => Ok(Self::ScaledVcg { c, baseline }),
            None => Err(ProtocolError::NoFactor { baseline }),
        }
    }

    /// The payment of one agent.
    ///
    /// # Errors
    /// A pivotal agent has no VCG payment (the market is infeasible without it), or no c is feasible.
    pub fn payment(self, s: &Settlement, agent: AgentId) -> Result<f64, ProtocolError> {
        let payment = match self.resolve(s)? {
            Self::Groves => s.groves(agent),
            Self::ScaledVcg { c, baseline } => s.scaled_vcg(agent, c, baseline),
            Self::Lagrange => s.lagrange(agent),
            Self::Vcg | Self::ScaledVcgFromReports { .. } => s.vcg(agent),
        };
        if payment.is_finite() { Ok(payment) } else { Err(ProtocolError::Pivotal { agent }) }
    }

    /// What agents compare with: the rule's baseline, autarky for rules without one.
    pub fn baseline(self) -> Baseline {
        match self {
            Self::ScaledVcg { baseline, .. } | Self::ScaledVcgFromReports { baseline, .. } => baseline,
            _ => Baseline::Autarky,
        }
    }
}

/// Why the market cannot be settled.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ProtocolError {
    /// The reports do not make a market.
    #[error(transparent)]
    Market(#[from] MarketError),
    /// The factor was to be computed from the reports, and no factor is feasible.
    #[error("no factor c balances the budget and keeps everybody (baseline {}): give c as a number", baseline.words())]
    NoFactor {
        /// The baseline of the interval.
        baseline: Baseline,
    },
    /// An agent without whom the market is infeasible has no pivotal payment.
    #[error(
        "agent {agent} is pivotal: without it the quantities cannot add up to the total, so its VCG payment does not \
         exist; the allocation, the price, Lagrange and plain Groves payments do"
    )]
    Pivotal {
        /// The agent.
        agent: AgentId,
    },
}

/// Quantity and payment of one agent, at the cost of one clearing and one leave-one-out problem.
///
/// # Errors
/// As for a whole settlement.
pub fn payment_of(market: &Market, rule: PaymentRule, agent: AgentId) -> Result<(f64, f64), ProtocolError> {
    if let PaymentRule::ScaledVcgFromReports { .. } = rule {
        let settlement = settle(market)?;
        return Ok((settlement.allocation(agent), rule.payment(&settlement, agent)?));
    }
    let settlement = solve::settle_one(market, agent)?;
    Ok((settlement.allocation(agent), rule.payment(&settlement, agent)?))
}

impl Mechanism for MarketMechanism {
    type State = MarketState;
    type Announcement = f64;
    type Report = Utility;
    type Message = std::convert::Infallible;
    type Shock = ();
    type Outcome = MarketOutcome;
    type Error = ProtocolError;

    fn agents(&self) -> usize {
        self.agents
    }

    fn start(&self) -> MarketState {
        MarketState::default()
    }

    fn next(&self, state: &MarketState) -> Next {
        if state.finished { Next::Finished } else { Next::Collect }
    }

    /// The total that the quantities must add up to.
    fn announce(&self, _: &MarketState, _: AgentId) -> Option<f64> {
        Some(self.total)
    }

    /// Every [`Utility`] was checked when it was built; a custom one must have a value at a finite demand.
    fn admit(&self, _: &MarketState, agent: AgentId, report: &Utility) -> Result<(), Rejection> {
        let (low, _) = report.demand(1.0_f64.max(report.price_floor() + 1.0));
        if low.is_finite() && report.value(low).is_finite() {
            return Ok(());
        }
        Err(Rejection {
            agent,
            field: "utility".into(),
            found: format!("demand {low} with utility {} at price 1", report.value(low)),
            accepted: "finite numbers".into(),
        })
    }

    fn close(&self, state: &mut MarketState, arrivals: Vec<Arrival<Utility>>) -> Result<(), ProtocolError> {
        let mut present = Vec::with_capacity(arrivals.len());
        let mut utilities = Vec::with_capacity(arrivals.len());
        for (agent, arrival) in arrivals.into_iter().enumerate() {
            if let Arrival::Admitted(report) = arrival {
                present.push(agent);
                utilities.push(report);
            }
        }
        let settlement = settle(&Market::new(utilities, self.total)?)?;
        let rule = self.rule.resolve(&settlement)?;
        let mut outcome = MarketOutcome {
            allocation: vec![0.0; self.agents],
            payment: vec![0.0; self.agents],
            settlement,
            present,
        };
        for (k, &agent) in outcome.present.iter().enumerate() {
            outcome.allocation[agent] = outcome.settlement.allocation(k);
            outcome.payment[agent] = rule.payment(&outcome.settlement, k).map_err(|error| match error {
                ProtocolError::Pivotal { .. } => ProtocolError::Pivotal { agent },
                other => other,
            })?;
        }
        state.outcome = Some(outcome);
        Ok(())
    }

    fn settle(&self, state: &mut MarketState, _: ()) -> Result<MarketOutcome, ProtocolError> {
        state.finished = true;
        state.outcome.take().ok_or(ProtocolError::Market(MarketError::TooFewAgents { found: 0 }))
    }

    fn payments<'a>(&self, outcome: &'a MarketOutcome) -> &'a [f64] {
        &outcome.payment
    }
}
