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
    /// The area under it, by quadrature: the VCG tax. A bend right behind the last node of a panel costs up to 1e-6.
    pub integral: f64,
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
    let at = |t: f64| {
        let still: Vec<f64> = goal.iter().zip(&follower.absent).map(|(z, a)| a + t * (z - a)).collect();
        let held = Held { problem, costs, still: Some((agent, &still)) };
        dot(&held.clear(whole.price.clone(), steep).price, &delta)
    };
    let share: Vec<f64> = (0..points.max(2)).map(|k| k as f64 / (points.max(2) - 1) as f64).collect();
    let marginal: Vec<f64> = share.iter().map(|t| at(*t)).collect();
    // Where the others have no choice left their price is not unique, and jumps.
    let size = marginal.iter().fold(0.0_f64, |s, x| s.max(x.abs()));
    Ok(Path {
        integral: area(&at, 1e-12 * size),
        tax: whole.payment(agent),
        clearing: whole.clearing[agent],
        share,
        marginal,
    })
}

/// The area over the whole way, in panels that shrink towards both ends: the others' price often bends just before the way is
/// over, where the nodes of one panel would not see it.
fn area(f: &dyn Fn(f64) -> f64, change: f64) -> f64 {
    let mut ends: Vec<f64> = (1..=12).map(|k| 0.5_f64.powi(k)).collect();
    ends.extend((2..=12).map(|k| 1.0 - 0.5_f64.powi(k)));
    ends.extend([0.0, 1.0]);
    ends.sort_by(f64::total_cmp);
    ends.windows(2).map(|w| gauss::jumping(w[0], w[1], change, f)).sum()
}
