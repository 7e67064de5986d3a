//! From a linear-quadratic scenario to everything that is reported about it: what can be expected, and what happened.
//!
//! A plan is settled at the start, and what happens is what was planned. In a layered or filtered market the expected
//! numbers are exact, and one run with truthful agents (on the recorded path where there is one, drawn from the
//! scenario's seed otherwise) shows a course that the market may take.

mod charge;
mod course;
mod document;
mod notes;
mod pictures;
mod tables;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use vickrey::accounts::Accounts;
use vickrey::audit::Progress;
use vickrey::lq::strategies::Replay;
use vickrey::lq::{Aggregate, Expected, Ledger, Market, PaymentError, Plan, SolveError};

pub use charge::{LqCharge, Outlook};
pub use course::{Course, Layer, MOST_TRADES, Stage, Sums};
pub use document::{Discounts, ExpectedSummary, LqAgentRow, LqPart, LqSummary, StageRow};
pub use tables::{AGENT_COLUMNS, STAGE_COLUMNS};

use self::course::Run;
use super::scaling::ScalingAnalysis;
use crate::{LinearQuadraticScenario, MarketKind, Scenario};

/// A linear-quadratic scenario: what can be expected of it, and one course that it takes.
#[derive(Clone, Debug)]
pub struct LqResult<'a> {
    /// The file's head.
    pub scenario: &'a Scenario,
    /// Its market as it was read.
    pub lq: &'a LinearQuadraticScenario,
    /// The agents.
    pub market: Arc<Market>,
    /// Their set-up.
    pub aggregate: Arc<Aggregate>,
    /// What can be said before anything has happened.
    pub outlook: Outlook,
    /// The payment rule with its factor.
    pub charge: LqCharge,
    /// Which factors are feasible in expectation, for both baselines.
    pub scaling: ScalingAnalysis,
    /// What happened.
    pub course: Course,
}

/// Why a linear-quadratic market cannot be run.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LqError {
    /// It cannot be solved.
    #[error(transparent)]
    Solve(#[from] SolveError),
    /// Without this agent it cannot be solved, which the payment needs.
    #[error("without `{agent}`: {source}")]
    Without {
        /// The agent.
        agent: String,
        /// Why.
        source: SolveError,
    },
    /// Its payments cannot be computed.
    #[error("{0}")]
    Payment(PaymentError),
}

impl LqError {
    pub(in crate::output) fn of(error: PaymentError, market: &Market) -> Self {
        match error {
            PaymentError::Solve(source) => Self::Solve(source),
            PaymentError::Shadow { agent, source } => {
                Self::Without { agent: market.name(agent).into_owned(), source }
            }
            other => Self::Payment(other),
        }
    }
}

impl<'a> LqResult<'a> {
    /// Solves the market, resolves the factor c, and plays one run with the scenario's seed.
    ///
    /// # Errors
    /// The parameters lead out of the range of numbers, or the payment cannot be had with this many agents. (A c that
    /// the expected values do not give is no error: see [`LqCharge::missing`].)
    pub fn solve(
        scenario: &'a Scenario,
        lq: &'a LinearQuadraticScenario,
        progress: Progress<'_>,
    ) -> Result<Self, LqError> {
        let market = Arc::new(lq.market.clone());
        let aggregate = Arc::new(Aggregate::new(&market)?);
        progress(0.2);
        let outlook = match lq.kind {
            MarketKind::Plan => Outlook::Certain(Box::new(Plan::new(&market, &aggregate)?)),
            _ => Outlook::Expected(Box::new(Expected::new(&market, &aggregate, false)?)),
        };
        progress(0.5);
        let charge = LqCharge::resolve(lq, &market, &outlook);
        let balanced = market.net_demand().iter().all(|&d| d == 0.0);
        let scaling = ScalingAnalysis::of(&*market, outlook.ledger(), balanced);
        let course = match &outlook {
            Outlook::Certain(plan) => course::planned(&market, plan, &charge),
            Outlook::Expected(_) => {
                let replay = Replay::new(lq.replay.clone().unwrap_or_default());
                let run = Run::new(&market, &aggregate, &charge, replay, scenario.seed)
                    .map_err(|error| LqError::of(error, &market))?;
                run.play(&|share| progress(0.6 + 0.4 * share))
            }
        };
        progress(1.0);
        Ok(Self { scenario, lq, market, aggregate, outlook, charge, scaling, course })
    }

    /// Every agent's share: certain in a plan, otherwise expected.
    pub fn ledger(&self) -> &Ledger {
        self.outlook.ledger()
    }

    /// Number of agents.
    pub fn agents(&self) -> usize {
        self.ledger().agents()
    }

    /// Whether everything is known at the start.
    pub fn is_plan(&self) -> bool {
        self.lq.kind == MarketKind::Plan
    }

    /// What the operator keeps after the whole course (negative: pays); none if nothing can be charged.
    pub fn budget(&self) -> Option<f64> {
        if self.is_plan() {
            return self.charge.expected_budget(&self.outlook);
        }
        let paid = self.course.sums.payment.as_ref()?;
        Some(vickrey::numeric::sum::parallel(paid.len(), |i| [paid[i]])[0])
    }

    /// All agents' utilities of states and trades, over the whole course.
    pub fn welfare(&self) -> f64 {
        let value = &self.course.sums.value;
        vickrey::numeric::sum::parallel(value.len(), |i| [value[i]])[0]
    }

    /// How many agents follow a recorded path of disturbances.
    pub fn replayed(&self) -> usize {
        self.lq.replay.iter().flatten().flatten().count()
    }
}
