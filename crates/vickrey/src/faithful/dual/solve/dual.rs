//! Any strongly convex costs: Newton's method on the prices, of the whole and of every problem without a follower.

use std::sync::Arc;

use rayon::prelude::*;

use super::super::cost::Cost;
use super::super::follower::Faithful;
use super::super::model::Problem;
use super::super::projection;
use super::super::tax::clearing;
use super::{Exact, Route, SolveError, moved};
use crate::audit::Progress;
use crate::mechanism::AgentId;
use crate::numeric::cholesky::dot;
use crate::numeric::dense;
use crate::numeric::sum::Sum;

/// Newton steps. Costs with kinks and limits take a few dozen.
const STEPS: usize = 300;

/// Halvings of a step that does not help.
const HALVINGS: usize = 40;

/// What answers yield is computed anew after a step that did not divide the residual by this.
const BRISK: f64 = 10.0;

/// One problem at one price.
pub(super) struct Point {
    pub price: Vec<f64>,
    /// Answers of all followers; absent ones have what the caller gave them.
    pub z: Vec<f64>,
    pub dual: f64,
    /// sum R z - c.
    pub residual: Vec<f64>,
    /// Rounding of the residual.
    noise: f64,
}

/// A problem in which one follower (or nobody) stands still at an allocation.
pub(super) struct Held<'a> {
    pub problem: &'a Problem,
    pub costs: &'a [Arc<Cost>],
    pub still: Option<(AgentId, &'a [f64])>,
}

impl Held<'_> {
    fn members(&self) -> impl Iterator<Item = AgentId> {
        let still = self.still.map(|s| s.0);
        (0..self.problem.len()).filter(move |i| Some(*i) != still)
    }

    fn faithful(&self, agent: AgentId) -> Faithful<'_> {
        Faithful { agent, public: self.problem.follower(agent), cost: &self.costs[agent] }
    }

    pub fn at(&self, price: Vec<f64>) -> Point {
        let mut z = self.problem.absence();
        let mut residual: Vec<f64> = self.problem.total().iter().map(|c| -c).collect();
        let mut size = residual.iter().fold(0.0_f64, |s, c| s.max(c.abs()));
        if let Some((agent, held)) = self.still {
            self.problem.follower(agent).add_use(held, 1.0, &mut residual);
            z[self.problem.range(agent)].copy_from_slice(held);
        }
        let mut value = Sum::default();
        for i in self.members() {
            let own = self.faithful(i).respond(&price, None);
            value.add(self.costs[i].value(&own));
            self.problem.follower(i).add_use(&own, 1.0, &mut residual);
            size = residual.iter().fold(size, |s, c| s.max(c.abs()));
            z[self.problem.range(i)].copy_from_slice(&own);
        }
        let dual = value.get() + dot(&price, &residual);
        Point { price, z, dual, residual, noise: 1e-15 * size * (1.0 + self.problem.len() as f64).sqrt() }
    }

    /// Which smooth piece of their answers the members are on.
    pub fn branches(&self, z: &[f64]) -> Vec<usize> {
        let mut all = Vec::with_capacity(z.len());
        for i in self.members() {
            let public = self.problem.follower(i);
            self.costs[i].branches(&z[self.problem.range(i)], &public.low, &public.high, &mut all);
        }
        all
    }

    /// sum R J R' over the members.
    fn yielding(&self, z: &[f64]) -> Vec<f64> {
        let m = self.problem.couplings();
        let mut sum = vec![0.0; m * m];
        for i in self.members() {
            self.add_yielding(i, z, 1.0, &mut sum);
        }
        sum
    }

    /// Adds `factor` R J R' of one follower.
    fn add_yielding(&self, agent: AgentId, z: &[f64], factor: f64, sum: &mut [f64]) {
        let m = self.problem.couplings();
        let packed = self.faithful(agent).sensitivity(&z[self.problem.range(agent)]);
        for r in 0..m {
            for c in 0..m {
                sum[r * m + c] += factor * packed[r.max(c) * (r.max(c) + 1) / 2 + r.min(c)];
            }
        }
    }

    /// The price that clears, from a first guess; `matrix` is what answers yield near it, if that is known.
    ///
    /// Answers cost less than what they yield, which a step needs only roughly: it is computed anew after a step that did not
    /// divide the residual by [`BRISK`].
    pub fn clear(&self, start: Vec<f64>, steepness: f64, mut matrix: Option<Vec<f64>>) -> Point {
        let mut point = self.at(start);
        for _ in 0..STEPS {
            if norm(&point.residual) <= point.noise || !point.dual.is_finite() {
                break;
            }
            let known = matrix.as_ref().map(|known| direction(known, &point.residual, steepness));
            let next = known.and_then(|known| self.better(&point, &known, 1)).or_else(|| {
                let fresh = self.yielding(&point.z);
                let next = self.better(&point, &direction(&fresh, &point.residual, steepness), HALVINGS);
                matrix = Some(fresh);
                next.or_else(|| self.better(&point, &scaled(&point.residual, 1.0 / steepness), HALVINGS))
            });
            let Some(next) = next else { break };
            if norm(&next.residual) * BRISK > norm(&point.residual) {
                matrix = None;
            }
            point = next;
        }
        point
    }

    /// A point along a direction that has a higher dual value, or where values are equal to rounding a smaller residual.
    fn better(&self, point: &Point, direction: &[f64], halvings: usize) -> Option<Point> {
        let rise = dot(&point.residual, direction);
        let (reach, size) = (norm(direction), norm(&point.price));
        let mut share = 1.0;
        for _ in 0..halvings {
            let next = self.at(point.price.iter().zip(direction).map(|(p, d)| p + share * d).collect());
            let rounding = 1e-14 * (point.dual.abs() + dot(&point.price, &point.residual).abs());
            let smaller = norm(&next.residual) < norm(&point.residual);
            if next.dual >= point.dual + 1e-4 * share * rise && (next.dual > point.dual + rounding || smaller)
                || (smaller && next.dual >= point.dual - rounding)
            {
                return Some(next);
            }
            share *= 0.5;
            if share * reach <= f64::EPSILON * size {
                break;
            }
        }
        None
    }
}

fn norm(x: &[f64]) -> f64 {
    dot(x, x).sqrt()
}

fn scaled(x: &[f64], factor: f64) -> Vec<f64> {
    x.iter().map(|x| x * factor).collect()
}

/// The Newton direction; where members cannot yield it is shifted by a small part of the steepness.
fn direction(matrix: &[f64], residual: &[f64], steepness: f64) -> Vec<f64> {
    let m = residual.len();
    let mut shifted = matrix.to_vec();
    let mut direction = residual.to_vec();
    for shift in [0.0, 1e-9, 1e-5, 1e-2] {
        (0..m).for_each(|r| shifted[r * m + r] = matrix[r * m + r] + shift * steepness);
        if let Some(lower) = dense::cholesky(&shifted, m, 1e-13 * steepness) {
            dense::substitute(&lower, m, &mut direction);
            return direction;
        }
    }
    scaled(residual, 1.0 / steepness)
}

/// The whole and all N problems.
pub(super) fn exact(
    problem: &Problem,
    costs: &[Arc<Cost>],
    progress: Progress<'_>,
) -> Result<Exact, SolveError> {
    let steepness = steepness(problem, costs);
    let whole = Held { problem, costs, still: None };
    let point = whole.clear(vec![0.0; problem.couplings()], steepness, None);
    let yielding = whole.yielding(&point.z);
    let allocation = projection::project(problem, &[], &point.z)?;
    let optimum = crate::numeric::sum::compensated(
        (0..problem.len()).map(|i| costs[i].value(&allocation[problem.range(i)])),
    );
    let accuracy = optimum - point.dual;
    let size: f64 = (0..problem.len()).map(|i| costs[i].value(&allocation[problem.range(i)]).abs()).sum();
    // With limits the gap is as large as the residual, not its square.
    if accuracy.is_nan() || accuracy > 1e-8 * (1.0 + size) {
        return Err(SolveError::Unsettled("all followers".into(), STEPS, accuracy));
    }
    let done = std::sync::atomic::AtomicUsize::new(0);
    let gap = (0..problem.len())
        .into_par_iter()
        .map(|j| {
            let gap = gap(problem, costs, (&point, &yielding), j, steepness);
            let count = 1 + done.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            progress(count as f64 / problem.len() as f64);
            gap
        })
        .collect::<Result<_, _>>()?;
    Ok(Exact {
        clearing: clearing(problem, &point.price, &allocation),
        allocation,
        price: point.price,
        optimum,
        accuracy: accuracy.max(0.0),
        gap,
        route: Route::OneByOne,
    })
}

/// An upper bound on how steeply what is used answers the price, from the costs themselves.
pub(super) fn steepness(problem: &Problem, costs: &[Arc<Cost>]) -> f64 {
    let mut sum = 0.0;
    for (follower, cost) in problem.followers().iter().zip(costs) {
        let (least, _) = cost.curvature(&follower.low, &follower.high);
        let size: f64 = follower.coupling.iter().map(|r| r * r).sum();
        sum += size / if least > 0.0 { least } else { 1.0 };
    }
    if sum > 0.0 { sum } else { 1.0 }
}

/// lam*'delta - tax of one follower: how far the price of the problem without her moves, and what that costs.
///
/// Between the two prices the others' dual values differ by sums of terms that are each of second order:
/// tax = lam_j'delta + sum over others of [v_i(z_i*) + lam_j'R_i z_i* - v_i(z_i^j) - lam_j'R_i z_i^j].
fn gap(
    problem: &Problem,
    costs: &[Arc<Cost>],
    (whole, yielding): (&Point, &[f64]),
    agent: AgentId,
    steepness: f64,
) -> Result<f64, SolveError> {
    if projection::feasible(problem, &[agent]).is_err() {
        return Ok(f64::INFINITY);
    }
    let follower = problem.follower(agent);
    let held = Held { problem, costs, still: Some((agent, &follower.absent)) };
    let mut matrix = yielding.to_vec();
    held.add_yielding(agent, &whole.z, -1.0, &mut matrix);
    let point = held.clear(whole.price.clone(), steepness, Some(matrix));
    // Prices that run away have no clearing point; feasibility was checked above, so this is a failure to settle.
    let size: f64 = held.members().map(|i| costs[i].value(&point.z[problem.range(i)]).abs()).sum();
    let missed = dot(&point.residual, &point.price).abs() + norm(&point.residual);
    if missed.is_nan() || missed > 1e-6 * (1.0 + size) {
        return Err(SolveError::Unsettled(format!("without {}", problem.name(agent)), STEPS, missed));
    }
    // What the answers to the price of the whole still miss is not hers.
    let mut delta = moved(problem, &whole.z, agent);
    delta.iter_mut().zip(&whole.residual).for_each(|(d, r)| *d -= r);
    let mut sum = Sum::default();
    for (w, p) in whole.price.iter().zip(&point.price).zip(&delta).map(|((w, p), d)| (w * d, p * d)) {
        sum.add(w);
        sum.add(-p);
    }
    for i in held.members() {
        let (before, after) = (&whole.z[problem.range(i)], &point.z[problem.range(i)]);
        let charge = problem.follower(i).charge(&point.price);
        sum.add(costs[i].value(after) - costs[i].value(before));
        sum.add(charge.iter().zip(after.iter().zip(before)).map(|(g, (a, b))| g * (a - b)).sum());
    }
    Ok(sum.get().max(0.0))
}
