//! The VCG tax as the area under the clearing price of the others (paper 003, Proposition 4 and figure 2).

use std::sync::Arc;

use super::super::cost::Cost;
use super::super::model::Problem;
use super::dual::{Held, steepness};
use super::{Exact, SolveError, moved};
use crate::mechanism::AgentId;
use crate::numeric::cholesky::dot;
use crate::numeric::gauss;

/// What the price does as one follower goes from absence to her allocation.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    /// Share of the way t, from 0 (absent) to 1 (her allocation).
    pub share: Vec<f64>,
    /// lam^-i(a + t (z - a))'R_i (z - a): what the next bit of the way costs the others, money per t.
    pub marginal: Vec<f64>,
    /// The area under it, by quadrature between the bends: the VCG tax, to some 1e-12 of its largest term for every bend.
    pub integral: f64,
    /// Problems without her that were solved for the area.
    pub solves: usize,
    /// The tax from the problems with and without her.
    pub tax: f64,
    /// The price at the end times the whole way.
    pub clearing: f64,
}

/// The way of one follower, drawn at `points` shares. `whole` is what [`exact`](super::exact) found for this problem and
/// these costs.
///
/// # Errors
/// The number of costs or the length of `whole` is wrong, or the follower cannot be absent.
pub fn path(
    problem: &Problem,
    costs: &[Arc<Cost>],
    whole: &Exact,
    agent: AgentId,
    points: usize,
) -> Result<Path, SolveError> {
    let wanted = problem.len();
    if costs.len() != wanted {
        return Err(SolveError::Costs { found: costs.len(), wanted });
    }
    if whole.clearing.len() != wanted || whole.allocation.len() != problem.absence().len() {
        return Err(SolveError::Another { found: whole.clearing.len(), wanted });
    }
    super::super::projection::feasible(problem, &[agent])?;
    let follower = problem.follower(agent);
    let goal = whole.allocation[problem.range(agent)].to_vec();
    let delta = moved(problem, &whole.allocation, agent);
    let steep = steepness(problem, costs);
    // Each problem starts at the price of the one before: the way is taken in order, and neighbours are near.
    let mut price = whole.price.clone();
    let mut solves = 0;
    let mut at = |t: f64| {
        let still: Vec<f64> = goal.iter().zip(&follower.absent).map(|(z, a)| a + t * (z - a)).collect();
        let held = Held { problem, costs, still: Some((agent, &still)) };
        let point = held.clear(std::mem::take(&mut price), steep, None);
        price.clone_from(&point.price);
        solves += 1;
        (dot(&point.price, &delta), held.branches(&point.z))
    };
    let share: Vec<f64> = (0..points.max(2)).map(|k| k as f64 / (points.max(2) - 1) as f64).collect();
    let marginal: Vec<f64> = share.iter().map(|t| at(*t).0).collect();
    // Where the others have no choice left their price is not unique, and jumps.
    let size = marginal.iter().fold(0.0_f64, |s, x| s.max(x.abs()));
    // On a straight way every limit and kink is met twice at most where couplings are one; more is taken for rounding.
    let bends = 16 + 4 * problem.decisions();
    let integral = gauss::branching((0.0, 1.0), 1e-12 * size, bends, &mut at);
    let solves = solves - share.len();
    Ok(Path { integral, solves, tax: whole.payment(agent), clearing: whole.clearing[agent], share, marginal })
}
