//! One coupling, one decision each, quadratic costs with limits: the static market of this library in other words. Its
//! shared curve of residual demand answers all N problems without a follower at once.

use std::sync::Arc;

use super::super::cost::Cost;
use super::super::model::Problem;
use super::{Exact, Route};
use crate::market::model::Market;
use crate::market::solve::settle;
use crate::market::utility::Utility;
use crate::numeric::sum::compensated;

/// None if the problem is of another kind, or the market refuses it.
pub(super) fn exact(problem: &Problem, costs: &[Arc<Cost>]) -> Option<Exact> {
    if problem.couplings() != 1 {
        return None;
    }
    let mut total = problem.total()[0];
    let mut utilities = Vec::with_capacity(costs.len());
    for (follower, cost) in problem.followers().iter().zip(costs) {
        let (Cost::Quadratic(cost), [r], [a]) = (&**cost, &follower.coupling[..], &follower.absent[..])
        else {
            return None;
        };
        // In u = R (z - a) the cost is Q u^2/(2 R^2) + (Q a + q) u/R and a constant.
        let (bend, slope) = (cost.matrix()[0] / (r * r), (cost.matrix()[0] * a + cost.linear()[0]) / r);
        let mut ends = [r * (follower.low[0] - a), r * (follower.high[0] - a)];
        ends.sort_unstable_by(f64::total_cmp);
        let utility = Utility::quadratic(-0.5 * bend, -slope).ok()?;
        let limited = follower.limited();
        utilities.push(if limited { utility.limited(ends[0], ends[1]).ok()? } else { utility });
        total -= r * a;
    }
    let market = Market::new(utilities, total).ok()?;
    let settled = settle(&market).ok()?;
    let price = settled.price();
    let allocation: Vec<f64> = problem
        .followers()
        .iter()
        .enumerate()
        .map(|(i, f)| {
            let z = f.absent[0] + settled.allocation(i) / f.coupling[0];
            z.clamp(f.low[0], f.high[0])
        })
        .collect();
    let optimum = compensated(costs.iter().zip(&allocation).map(|(cost, z)| cost.value(&[*z])));
    Some(Exact {
        clearing: (0..problem.len()).map(|i| price * settled.allocation(i)).collect(),
        gap: settled.gap.clone(),
        price: vec![price],
        optimum,
        accuracy: 0.0,
        allocation,
        route: Route::SharedCurve,
    })
}
