//! The efficient plan, all leave-one-out plans, and the payments.
//!
//! **Method.** Each of the N + 1 problems is: maximise sum_i J_i(U_i) over control paths with sum_i u_i(t) = d(t) and
//! bounds. Gradients come from one backward (adjoint) sweep per agent, second derivatives (T x T per agent) from
//! differences of such sweeps. A step is the exact optimum of the quadratic model within balance and bounds (primal
//! active set, structure of the balance used: one T x T system, never one of size N T), followed by a backtracking
//! line search. Where an agent is not concave, its eigenvalues are replaced by their sizes, which keeps every step a
//! climb; near the end the step with the true second derivatives is tried first, so that the end is fast. A
//! stationary point is checked for upward curvature along feasible moves (power iteration) and left if there is some.
//! Several starts: next to idle, then random ones; the best end counts.
//!
//! **Cost.** A step: N times T sweeps for the second derivatives, O(N T³) arithmetic, and per change of the active set
//! O(N T² + T³). All problems: N + 1 times that; leave-one-out problems start at the full solution too, and run in
//! parallel.

mod concavity;
mod group;
mod local;
mod noise;
mod quadratic;
mod settle;
mod settlement;

pub use settle::{outside_option, settle, settle_with};
pub use settlement::{Globality, Settlement, Tried};

use super::model::DynamicError;
use crate::mechanism::AgentId;

/// How hard to solve.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Starts per problem, at least 1: one next to idle, the others random. One is used if every plant is concave.
    pub starts: usize,
    /// Seed of the random starts.
    pub seed: u64,
    /// Random starts draw controls from within the bounds; on a side without bound this far from zero, some three
    /// times as far (units of the control). Choose it as large as controls may well get: optima that lie farther away
    /// are easily missed.
    pub spread: f64,
    /// A search has converged if no unit moved between two agents in a period gains more than twice this, relative
    /// to the largest marginal utility (at least 1). Where derivatives are noisier than that (differences of large
    /// utilities), their noise is measured, and a search that reaches it has converged as well.
    pub tolerance: f64,
    /// Steps per search.
    pub iterations: usize,
    /// Whether leave-one-out problems also start at the solution with everybody. It finds better optima; but where
    /// plants are not concave, it can make H_i depend on what i reports, through the start. Without it H_i depends on
    /// the reports of the others and the seed alone.
    pub warm: bool,
    /// How often the full problem may be restarted because a leave-one-out value shows it was not solved globally.
    pub restarts: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { starts: 8, seed: 0, spread: 1.0, tolerance: 1e-9, iterations: 200, warm: true, restarts: 10 }
    }
}

impl Options {
    /// Refuses what cannot be used.
    ///
    /// # Errors
    /// No start, no iteration, or a tolerance or spread that is not a positive number.
    pub fn check(&self) -> Result<(), DynamicError> {
        let wrong = |field, found: String, accepted| Err(DynamicError::Option { field, found, accepted });
        if self.starts == 0 {
            return wrong("starts", "0".into(), "at least 1");
        }
        if self.iterations == 0 {
            return wrong("iterations", "0".into(), "at least 1");
        }
        if !(self.tolerance > 0.0 && self.tolerance < 1.0) {
            return wrong("tolerance", self.tolerance.to_string(), "a number between 0 and 1");
        }
        if !(self.spread > 0.0 && self.spread <= 1e9) {
            return wrong("spread", self.spread.to_string(), "a positive number up to 1e9");
        }
        Ok(())
    }
}

/// Why a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stop {
    /// Stationary within the tolerance or within the noise of the derivatives, whichever is larger, and no feasible direction
    /// of upward curvature was found.
    Converged,
    /// No step improves any more, but the residual is above tolerance and noise: kinks, or derivatives that are wrong.
    Stalled,
    /// Stationary, with upward curvature, but no step along it helps.
    Saddle,
    /// The limit of steps was reached.
    IterationLimit,
    /// A derivative is not finite here.
    NotFinite,
    /// Controls grew beyond 1e12.
    Unbounded,
}

impl Stop {
    /// The reason in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Converged => "converged",
            Self::Stalled => "stalled",
            Self::Saddle => "saddle",
            Self::IterationLimit => "iteration limit",
            Self::NotFinite => "derivative not finite",
            Self::Unbounded => "unbounded",
        }
    }
}

/// The best plan found for everybody, or for everybody but one.
#[derive(Clone, Debug)]
pub struct Solution {
    /// Who is not there.
    pub absent: Option<AgentId>,
    /// u_i(t), by agent; zeros for the absent one.
    pub controls: Vec<Vec<f64>>,
    /// J_i(U_i), by agent; 0 for the absent one.
    pub own: Vec<f64>,
    /// Sum of all J_i: F with everybody, H_i without i.
    pub welfare: f64,
    /// lambda(t), the multiplier of the balance in period t: money per unit, what one more unit of net demand met by
    /// the agents is worth. The middle of `price_range`, or its finite end; 0 if every price will do.
    pub price: Vec<f64>,
    /// Prices that support the plan, by period: more than one if everybody is at a bound in that period.
    pub price_range: Vec<(f64, f64)>,
    /// Why the search that found it ended.
    pub stop: Stop,
    /// Largest gain per unit moved between two agents in one period, halved; 0 at an exact optimum. Money per unit.
    pub residual: f64,
    /// Largest amount by which sum_i u_i(t) misses d(t): rounding.
    pub imbalance: f64,
    /// Steps of the search that found it.
    pub iterations: usize,
    /// Searches made.
    pub starts: usize,
    /// In how many local optima of different welfare (by more than 1e-6 relative) these searches ended. Mirror images
    /// of equal welfare count once.
    pub optima: usize,
}
