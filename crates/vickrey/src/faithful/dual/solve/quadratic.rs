//! Quadratic costs without limits: everything in closed form.
//!
//! With A = sum R_i Q_i^-1 R_i' the price is A^-1 (R z(0) - c), and gap_j = delta_j'A_-j^-1 delta_j/2. Every A_-j is a sum
//! from both ends: one small solve for each follower, nothing is subtracted.

use std::sync::Arc;

use rayon::prelude::*;

use super::super::cost::{Cost, Quadratic};
use super::super::model::Problem;
use super::super::rules::without_each;
use super::super::tax::clearing;
use super::{Exact, Route, moved};
use crate::numeric::cholesky::dot;
use crate::numeric::dense;
use crate::numeric::sum::compensated;

/// None if some cost is of another kind, not strictly convex, or somebody has limits.
pub(super) fn exact(problem: &Problem, costs: &[Arc<Cost>]) -> Option<Exact> {
    let costs: Vec<&Quadratic> = costs
        .iter()
        .map(|cost| match &**cost {
            Cost::Quadratic(cost) => Some(cost),
            _ => None,
        })
        .collect::<Option<_>>()?;
    if problem.followers().iter().any(super::super::model::Follower::limited) {
        return None;
    }
    let m = problem.couplings();
    let own: Vec<(Vec<f64>, Vec<f64>)> =
        (0..problem.len()).into_par_iter().map(|i| yielding(problem, i, costs[i])).collect::<Option<_>>()?;
    let mut whole = vec![0.0; m * m];
    let mut residual: Vec<f64> = problem.total().iter().map(|c| -c).collect();
    for (i, (free, bend)) in own.iter().enumerate() {
        problem.follower(i).add_use(free, 1.0, &mut residual);
        whole.iter_mut().zip(bend).for_each(|(a, b)| *a += b);
    }
    let price = Solver::new(whole, m).solve(&residual)?;
    let allocation: Vec<f64> =
        (0..problem.len()).into_par_iter().flat_map_iter(|i| answer(problem, i, costs[i], &price)).collect();
    let value = |i: usize| {
        let z = &allocation[problem.range(i)];
        let bent: f64 = costs[i].matrix().chunks_exact(z.len()).zip(z).map(|(row, x)| dot(row, z) * x).sum();
        0.5 * bent + dot(costs[i].linear(), z) + costs[i].constant()
    };
    let without = without_each(
        problem.len(),
        vec![0.0; m * m],
        |i, sum| sum.iter_mut().zip(&own[i].1).for_each(|(a, b)| *a += b),
        |a, b| a.iter().zip(b).map(|(x, y)| x + y).collect(),
    );
    let gap = without
        .into_par_iter()
        .enumerate()
        .map(|(j, matrix)| {
            let delta = moved(problem, &allocation, j);
            let shift = Solver::new(matrix, m).solve(&delta);
            shift.map_or(f64::INFINITY, |u| 0.5 * dot(&u, &delta))
        })
        .collect();
    Some(Exact {
        clearing: clearing(problem, &price, &allocation),
        optimum: compensated((0..problem.len()).map(value)),
        accuracy: 0.0,
        allocation,
        price,
        gap,
        route: Route::ClosedForm,
    })
}

/// The answer to the price 0, and R Q^-1 R'.
fn yielding(problem: &Problem, agent: usize, cost: &Quadratic) -> Option<(Vec<f64>, Vec<f64>)> {
    let follower = problem.follower(agent);
    let (n, m) = (follower.decisions(), problem.couplings());
    let factor = cost.factor()?;
    let mut free: Vec<f64> = cost.linear().iter().map(|q| -q).collect();
    factor.solve(&mut free);
    // Rows of L^-1 R': the product of two of them is an entry.
    let halves: Vec<Vec<f64>> = follower
        .coupling
        .chunks_exact(n)
        .map(|row| {
            let mut half = row.to_vec();
            factor.solve_lower(&mut half);
            half
        })
        .collect();
    let bend = (0..m * m).map(|k| dot(&halves[k / m], &halves[k % m])).collect();
    Some((free, bend))
}

fn answer(problem: &Problem, agent: usize, cost: &Quadratic, price: &[f64]) -> Vec<f64> {
    let charge = problem.follower(agent).charge(price);
    let mut z: Vec<f64> = cost.linear().iter().zip(&charge).map(|(q, g)| -(q + g)).collect();
    if let Some(factor) = cost.factor() {
        factor.solve(&mut z);
    }
    z
}

/// Solves symmetric positive semidefinite systems; directions without curvature are solvable only where the right-hand
/// side has no part in them.
struct Solver {
    matrix: Vec<f64>,
    lower: Option<Vec<f64>>,
    m: usize,
    scale: Vec<f64>,
}

/// Scaled pivots below this part of the diagonal count as a loss of rank.
const RANK: f64 = 1e-11;

impl Solver {
    fn new(matrix: Vec<f64>, m: usize) -> Self {
        let scale: Vec<f64> =
            (0..m).map(|r| matrix[r * m + r]).map(|x| if x > 0.0 { 1.0 / x.sqrt() } else { 1.0 }).collect();
        let scaled: Vec<f64> = (0..m * m).map(|k| matrix[k] * scale[k / m] * scale[k % m]).collect();
        let lower = dense::cholesky(&scaled, m, RANK);
        Self { matrix: scaled, lower, m, scale }
    }

    fn solve(&self, right: &[f64]) -> Option<Vec<f64>> {
        let m = self.m;
        let mut x: Vec<f64> = right.iter().zip(&self.scale).map(|(b, s)| b * s).collect();
        match &self.lower {
            Some(lower) => dense::substitute(lower, m, &mut x),
            None => x = self.shortest(&x)?,
        }
        Some(x.iter().zip(&self.scale).map(|(x, s)| x * s).collect())
    }

    /// The shortest solution; none if the right-hand side is out of reach.
    fn shortest(&self, right: &[f64]) -> Option<Vec<f64>> {
        let m = self.m;
        let (values, vectors) = dense::eigen(&self.matrix, m);
        let most = values.iter().fold(0.0_f64, |a, x| a.max(*x));
        let size = right.iter().fold(0.0_f64, |a, x| a.max(x.abs()));
        let mut x = vec![0.0; m];
        for e in 0..m {
            let along: f64 = (0..m).map(|r| vectors[r * m + e] * right[r]).sum();
            if values[e] > RANK * most {
                (0..m).for_each(|r| x[r] += vectors[r * m + e] * along / values[e]);
            } else if along.abs() > 1e-9 * size {
                return None;
            }
        }
        Some(x)
    }
}
