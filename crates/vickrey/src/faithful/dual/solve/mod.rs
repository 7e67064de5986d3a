//! The exact decision and all exact taxes, from costs that are known: for tests, audits and comparisons.
//!
//! With delta_j = R_j (z_j - a_j) the tax is the clearing-price payment minus a gap,
//!
//! p_j = sum over i != j of v_i(z*) - V_-j = lam*'delta_j - gap_j, gap_j >= 0,
//!
//! which is how it is computed here: nothing of the size of all costs is subtracted. All N problems without a follower
//! start at the price of the whole, and each is a small correction of it.

mod dual;
mod many;
mod path;
mod quadratic;

use std::sync::Arc;

pub use path::{Path, path};

use super::cost::Cost;
use super::model::Problem;
use super::projection::Infeasible;
use crate::audit::Progress;

/// What a leader who knew everything would decide and charge.
#[derive(Clone, Debug, PartialEq)]
pub struct Exact {
    /// z*, all decisions in one list.
    pub allocation: Vec<f64>,
    /// lam*: a price that clears, of the shortest kind where several do.
    pub price: Vec<f64>,
    /// V*, money.
    pub optimum: f64,
    /// V* is at most this above the true optimum (cost minus dual value).
    pub accuracy: f64,
    /// lam*'R_j (z_j - a_j).
    pub clearing: Vec<f64>,
    /// Clearing-price payment minus tax, >= 0; infinite for a follower without whom the couplings cannot be met.
    pub gap: Vec<f64>,
    /// How the problems without a follower were solved.
    pub route: Route,
}

/// How all N problems were solved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Route {
    /// Quadratic costs without limits: in closed form.
    ClosedForm,
    /// One coupling and one decision each, quadratic costs with limits: on the shared curve of residual demand.
    SharedCurve,
    /// One by one, by Newton's method from the price of the whole.
    OneByOne,
}

/// Why there is no exact answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SolveError {
    /// One cost for each follower.
    #[error("found {found} costs, accepted is one for each of the {wanted} followers")]
    Costs {
        /// How many.
        found: usize,
        /// How many are needed.
        wanted: usize,
    },
    /// What is known belongs to another problem.
    #[error(
        "found the exact decision of another problem ({found} followers), accepted is that of this one ({wanted} followers)"
    )]
    Another {
        /// Its followers.
        found: usize,
        /// The followers of this problem.
        wanted: usize,
    },
    /// Prices do not settle.
    #[error(
        "{0}: prices did not settle within {1} steps, the gap is {2:e} (costs that are not strongly convex need the method of \
         multipliers)"
    )]
    Unsettled(String, usize, f64),
    /// The couplings cannot be met.
    #[error(transparent)]
    Infeasible(#[from] Infeasible),
}

impl Exact {
    /// p_j = sum over the others of v(z*) - V_-j, positive: the follower pays. Minus infinity without whom the couplings
    /// cannot be met.
    pub fn payment(&self, agent: usize) -> f64 {
        self.clearing[agent] - self.gap[agent]
    }
}

/// Solves the problem and all N without a follower.
///
/// # Errors
/// The number of costs is wrong, or prices do not settle.
pub fn exact(problem: &Problem, costs: &[Arc<Cost>], progress: Progress<'_>) -> Result<Exact, SolveError> {
    if costs.len() != problem.len() {
        return Err(SolveError::Costs { found: costs.len(), wanted: problem.len() });
    }
    if let Some(exact) = quadratic::exact(problem, costs) {
        return Ok(exact);
    }
    if let Some(exact) = many::exact(problem, costs) {
        return Ok(exact);
    }
    one_by_one(problem, costs, progress)
}

/// The same by Newton's method for every problem, whatever the costs.
///
/// # Errors
/// As [`exact`].
pub fn one_by_one(
    problem: &Problem,
    costs: &[Arc<Cost>],
    progress: Progress<'_>,
) -> Result<Exact, SolveError> {
    dual::exact(problem, costs, progress)
}

/// delta_j = R_j (z_j - a_j).
fn moved(problem: &Problem, allocation: &[f64], agent: usize) -> Vec<f64> {
    let follower = problem.follower(agent);
    let away: Vec<f64> =
        allocation[problem.range(agent)].iter().zip(&follower.absent).map(|(z, a)| z - a).collect();
    let mut delta = vec![0.0; problem.couplings()];
    follower.add_use(&away, 1.0, &mut delta);
    delta
}
