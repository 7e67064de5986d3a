//! The market as a protocol: one stage, sealed reports of whole plants, plans and payments.

use std::sync::Arc;

use super::model::{DynamicError, Market, Plant, check_plant};
use super::solve::{Options, Settlement, settle_with};
use super::sweep;
use crate::accounts::Accounts;
use crate::guarantee::Baseline;
use crate::mechanism::{AgentId, Arrival, Mechanism, Next, Rejection};

/// How an agent's payment follows from the reports.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PaymentRule {
    /// H_i - (F - J_i): what the agent's presence costs the others.
    Vcg,
    /// vcg_i + (c - 1) H_i with a constant c that does not depend on the reports.
    ScaledVcg {
        /// The factor.
        c: f64,
        /// Whether H_i is counted from the outside options of the others.
        baseline: Baseline,
    },
    /// sum_t lambda(t) u_i(t). Not incentive compatible; the comparison.
    Lagrange,
}

impl PaymentRule {
    /// The payment of one agent; none for a pivotal one.
    pub fn payment(self, s: &Settlement, agent: AgentId) -> Option<f64> {
        let payment = match self {
            Self::Vcg => s.vcg(agent),
            Self::ScaledVcg { c, baseline } => s.scaled_vcg(agent, c, baseline),
            Self::Lagrange => s.lagrange(agent),
        };
        payment.is_finite().then_some(payment)
    }

    /// What agents compare with: the rule's baseline, autarky for rules without one.
    pub fn baseline(self) -> Baseline {
        match self {
            Self::ScaledVcg { baseline, .. } => baseline,
            _ => Baseline::Autarky,
        }
    }
}

/// The market run as a protocol.
///
/// A silent agent and one whose report is refused are treated alike: absent, no trade and no payment.
#[derive(Clone, Debug)]
pub struct DynamicMechanism {
    agents: usize,
    demand: Arc<[f64]>,
    rule: PaymentRule,
    options: Options,
}

/// What the market decided.
#[derive(Clone, Debug)]
pub struct DynamicOutcome {
    /// Control path of every agent; zeros for absent ones.
    pub allocation: Vec<Vec<f64>>,
    /// Payment of every agent; 0 for absent ones.
    pub payment: Vec<f64>,
    /// The settlement among those who took part.
    pub settlement: Settlement,
    /// Who took part (the agents of `settlement`, in its order).
    pub present: Vec<AgentId>,
}

/// What has happened so far.
#[derive(Clone, Debug, Default)]
pub struct DynamicState {
    outcome: Option<DynamicOutcome>,
    finished: bool,
}

/// Why the market cannot be settled.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ProtocolError {
    /// The reports do not make a market, or it cannot be solved. Agents are numbered as in the protocol.
    #[error(transparent)]
    Market(#[from] DynamicError),
    /// The factor is not usable.
    #[error("factor c: found {found}, accepted is a finite number")]
    Factor {
        /// What was given.
        found: f64,
    },
    /// An agent without whom the net demand cannot be met has no VCG payment.
    #[error(
        "agent {agent} is pivotal: without it the net demand cannot be met, so its VCG payment does not exist"
    )]
    Pivotal {
        /// The agent.
        agent: AgentId,
    },
    /// `settle` was called before the reports were closed.
    #[error("no reports were closed before the stage was settled")]
    NotClosed,
}

impl DynamicMechanism {
    /// A market for `agents` agents whose controls add up to `net_demand`, one number per period.
    ///
    /// # Errors
    /// An option or the factor of a scaled rule is not usable.
    pub fn new(
        agents: usize,
        net_demand: Vec<f64>,
        rule: PaymentRule,
        options: Options,
    ) -> Result<Self, ProtocolError> {
        options.check()?;
        match rule {
            PaymentRule::ScaledVcg { c, .. } if !c.is_finite() => Err(ProtocolError::Factor { found: c }),
            _ => Ok(Self { agents, demand: net_demand.into(), rule, options }),
        }
    }

    /// The rule by which it charges.
    pub fn rule(&self) -> PaymentRule {
        self.rule
    }

    fn outcome(
        &self,
        present: Vec<AgentId>,
        plants: Vec<Arc<dyn Plant>>,
    ) -> Result<DynamicOutcome, ProtocolError> {
        let names = present.iter().map(|i| format!("agent {i}").into_boxed_str()).collect();
        let market = Market::new(self.demand.len(), self.demand.to_vec(), plants)?.with_names(names)?;
        let settlement = settle_with(&market, &self.options)?;
        let mut allocation = vec![vec![0.0; self.demand.len()]; self.agents];
        let mut payment = vec![0.0; self.agents];
        for (k, &agent) in present.iter().enumerate() {
            allocation[agent] = settlement.allocation(k).to_vec();
            payment[agent] = self.rule.payment(&settlement, k).ok_or(ProtocolError::Pivotal { agent })?;
        }
        Ok(DynamicOutcome { allocation, payment, settlement, present })
    }
}

impl Mechanism for DynamicMechanism {
    type State = DynamicState;
    type Announcement = Arc<[f64]>;
    type Report = Arc<dyn Plant>;
    type Message = std::convert::Infallible;
    type Shock = ();
    type Outcome = DynamicOutcome;
    type Error = ProtocolError;

    fn agents(&self) -> usize {
        self.agents
    }

    fn start(&self) -> DynamicState {
        DynamicState::default()
    }

    fn next(&self, state: &DynamicState) -> Next {
        if state.finished { Next::Finished } else { Next::Collect }
    }

    /// The net demand, one number per period.
    fn announce(&self, _: &DynamicState, _: AgentId) -> Option<Arc<[f64]>> {
        Some(self.demand.clone())
    }

    /// The plant must have a usable initial state and bounds, and a finite utility as near to idle as its bounds
    /// allow.
    fn admit(&self, _: &DynamicState, agent: AgentId, report: &Arc<dyn Plant>) -> Result<(), Rejection> {
        let refuse = |field: &str, found: String, accepted: &str| {
            Err(Rejection { agent, field: field.into(), found, accepted: accepted.into() })
        };
        let bounds = match check_plant(&format!("agent {agent}"), report.as_ref(), self.demand.len()) {
            Ok(bounds) => bounds,
            Err(error) => return refuse("plant", error.to_string(), "a usable plant"),
        };
        let nearest: Vec<f64> = bounds.iter().map(|&(low, high)| 0.0_f64.clamp(low, high)).collect();
        match sweep::value(report.as_ref(), &nearest) {
            Ok(_) => Ok(()),
            Err(fault) => {
                refuse(&fault.place.to_string(), fault.found.to_string(), "a finite number near idle")
            }
        }
    }

    fn close(
        &self,
        state: &mut DynamicState,
        arrivals: Vec<Arrival<Arc<dyn Plant>>>,
    ) -> Result<(), ProtocolError> {
        let mut present = Vec::with_capacity(arrivals.len());
        let mut plants = Vec::with_capacity(arrivals.len());
        for (agent, arrival) in arrivals.into_iter().enumerate() {
            if let Arrival::Admitted(report) = arrival {
                present.push(agent);
                plants.push(report);
            }
        }
        state.outcome = Some(self.outcome(present, plants)?);
        Ok(())
    }

    fn settle(&self, state: &mut DynamicState, _: ()) -> Result<DynamicOutcome, ProtocolError> {
        let outcome = state.outcome.take().ok_or(ProtocolError::NotClosed)?;
        state.finished = true;
        Ok(outcome)
    }

    fn payments<'a>(&self, outcome: &'a DynamicOutcome) -> &'a [f64] {
        &outcome.payment
    }
}
