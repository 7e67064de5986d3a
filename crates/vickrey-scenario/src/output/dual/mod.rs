//! From a scenario of dual decomposition to everything that is reported about it: one run with everybody faithful.

mod document;
mod notes;
mod pictures;
mod tables;

use vickrey::audit::Progress;
use vickrey::faithful::dual::audit::AuditError;
use vickrey::faithful::dual::leader::{Event, Glance, Leader, LeaderError, State};
use vickrey::faithful::dual::projection;
use vickrey::faithful::dual::rules::{Stop, Unproved};
use vickrey::faithful::dual::strategies::faithful_rounds;
use vickrey::faithful::dual::tax::{Settled, clearing};
use vickrey::mechanism::AgentId;

pub use document::{
    CouplingRow, DecisionRow, DualFollowerRow, DualPart, DualSummary, RoundRow, method_words, mode_name,
    status_words,
};
pub use notes::{lies_pay, told};

use crate::{DualScenario, Scenario};

/// Up to so many rounds each has a certificate; of longer runs every second, third, ... has one.
const MOST_CERTIFIED: usize = 200;

/// One run with everybody faithful.
#[derive(Debug)]
pub struct DualResult<'a> {
    /// The file's head.
    pub scenario: &'a Scenario,
    /// Its instance as it was read.
    pub of: &'a DualScenario,
    /// The leader at the end.
    pub state: State,
    /// Decision and taxes.
    pub settled: Settled,
    /// Clearing-price payments of the same decision, for comparison.
    pub clearing: Vec<f64>,
    /// By round: the cost of the decision that these answers would lead to; none where it was not computed.
    pub cost_by_round: Vec<Option<f64>>,
}

/// Why a run could not be finished.
#[derive(Debug, thiserror::Error)]
pub enum DualError {
    /// The leader could not go on.
    #[error(transparent)]
    Leader(#[from] LeaderError),
    /// The audit could not be done.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// A run of faithful followers ended without a decision.
    #[error("the run ended without a decision")]
    Unsettled,
}

impl<'a> DualResult<'a> {
    /// Plays one run.
    ///
    /// # Errors
    /// No decision that meets the couplings was found.
    pub fn solve(
        scenario: &'a Scenario,
        of: &'a DualScenario,
        progress: Progress<'_>,
    ) -> Result<Self, DualError> {
        let leader = Leader::new(of.plan.clone());
        let rounds = of.plan.rules().stop.rounds();
        let mut costs: Vec<Option<f64>> = Vec::new();
        let mut every = 1;
        let state = faithful_rounds(&leader, &of.costs, |state| {
            let seen = state.history().len();
            if seen > costs.len() {
                let due = seen.is_multiple_of(every);
                costs.push(if due { decision_cost(&leader, state, of) } else { None });
                if costs.iter().flatten().count() >= MOST_CERTIFIED {
                    every *= 2;
                    thin(&mut costs, every);
                }
            }
            progress(share(of, state, rounds));
        })?;
        progress(1.0);
        let settled = state.settled().cloned().ok_or(DualError::Unsettled)?;
        let clearing = clearing(of.plan.problem(), &settled.price, &settled.allocation);
        Ok(Self { scenario, of, state, settled, clearing, cost_by_round: costs })
    }

    /// Number of followers.
    pub fn followers(&self) -> usize {
        self.of.costs.len()
    }

    /// v_i of the decision.
    pub fn cost(&self, agent: AgentId) -> f64 {
        self.of.costs[agent].value(self.allocation(agent))
    }

    /// v_i of being absent.
    pub fn absent_cost(&self, agent: AgentId) -> f64 {
        self.of.costs[agent].value(&self.of.plan.problem().follower(agent).absent)
    }

    /// Her part of the decision.
    pub fn allocation(&self, agent: AgentId) -> &[f64] {
        &self.settled.allocation[self.of.plan.problem().range(agent)]
    }

    /// What of each coupling a follower's part of the decision uses.
    pub fn usage(&self, agent: AgentId) -> Vec<f64> {
        let mut sum = vec![0.0; self.of.couplings.len()];
        self.of.plan.problem().follower(agent).add_use(self.allocation(agent), 1.0, &mut sum);
        sum
    }

    /// What of each coupling the decision uses.
    pub fn used(&self) -> Vec<f64> {
        let mut sum = vec![0.0; self.of.couplings.len()];
        for agent in 0..self.followers() {
            self.usage(agent).iter().zip(&mut sum).for_each(|(u, s)| *s += u);
        }
        sum
    }

    /// The rounds of the main problem.
    pub fn rounds(&self) -> &[Glance] {
        self.state.history()
    }

    /// What a round's answers would be certified to be worth: the cost of the decision that they lead to, less the lower
    /// bound.
    pub fn certificate(&self, round: usize) -> Option<f64> {
        let lower = self.rounds().get(round)?.lower?;
        let cost = (*self.cost_by_round.get(round)?)?;
        Some(cost - lower).filter(|gap| gap.is_finite() && self.bounds_hold())
    }

    /// Whether what is called a lower bound is one.
    pub fn bounds_hold(&self) -> bool {
        self.of.plan.rules().unproved() != Some(Unproved::UnsoundBound)
    }

    /// What went other than the protocol asks.
    pub fn events(&self) -> &[Event] {
        self.state.events()
    }
}

/// How far a run is: by its certificate where it stops by that, otherwise by its rounds.
fn share(of: &DualScenario, state: &State, rounds: usize) -> f64 {
    let by_rounds = state.round() as f64 / rounds.max(1) as f64;
    let residuals = state.history();
    let (Stop::Gap { .. }, Some(first), Some(last)) =
        (of.plan.rules().stop, residuals.first(), residuals.last())
    else {
        return by_rounds;
    };
    // Twelve digits of the residual are about what a certificate needs.
    let digits = (first.residual / last.residual.max(f64::MIN_POSITIVE)).log10() / 12.0;
    by_rounds.max(digits.clamp(0.0, 1.0))
}

/// Cost of the decision that the last answers lead to.
fn decision_cost(leader: &Leader, state: &State, of: &DualScenario) -> Option<f64> {
    let decided = projection::project(of.plan.problem(), state.dropped(), &leader.answers(state)?).ok()?;
    Some(total_cost(of, &decided)).filter(|cost| cost.is_finite())
}

fn total_cost(of: &DualScenario, allocation: &[f64]) -> f64 {
    let problem = of.plan.problem();
    (0..of.costs.len()).map(|i| of.costs[i].value(&allocation[problem.range(i)])).sum()
}

/// Keeps every so many.
fn thin(costs: &mut [Option<f64>], every: usize) {
    for (k, cost) in costs.iter_mut().enumerate() {
        if !(k + 1).is_multiple_of(every) {
            *cost = None;
        }
    }
}
