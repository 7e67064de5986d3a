//! The nearest allocation that meets the couplings within the limits: projection on {Rz = c, l <= z <= u}.
//!
//! Without limits it is z - R'(RR')^+ (Rz - c). With limits the point is clip(z - R'mu) for multipliers mu that make
//! R clip(z - R'mu) = c: m unknowns, the maximum of a concave function whose gradient is piecewise linear. Rows are
//! scaled to length one, the Newton direction is regularised by the residual, and the search along it is exact, by its
//! breakpoints: plain Newton steps with halving fail on badly scaled rows. What is left at the end is checked; an
//! interior-point program is the last resort.

use clarabel::algebra::CscMatrix;
use clarabel::solver::{
    DefaultSettingsBuilder, DefaultSolver, IPSolver, NonnegativeConeT, SolverStatus, SupportedConeT,
    ZeroConeT,
};

use super::model::{Problem, add_gram};
use crate::mechanism::AgentId;
use crate::numeric::cholesky::dot;
use crate::numeric::dense;

/// No point meets the couplings within the limits (or none was found).
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error(
    "coupling {coupling} misses its total by {residual:e} at the nearest point found (relative to the length of its row)"
)]
pub struct Infeasible {
    /// The coupling that is missed most.
    pub coupling: usize,
    /// By how much, relative to the length of its row.
    pub residual: f64,
}

/// What the residual of a row of length one may be, relative to 1 + |c|.
const ACCEPTED: f64 = 1e-9;
/// Eigenvalues of RR' that are rounding, relative to the largest and to the number of couplings.
const NOTHING: f64 = 1e-13;
/// Newton steps; nine are needed on average.
const STEPS: usize = 100;

/// The point of {sum R_i z_i = c, limits} nearest to `z` when the followers in `absent` (ascending) take their absent
/// allocations. `z` and the result hold all followers' decisions; the absent ones' entries of `z` are not read.
///
/// # Errors
/// There is no such point.
pub fn project(problem: &Problem, absent: &[AgentId], z: &[f64]) -> Result<Vec<f64>, Infeasible> {
    let scaled = Scaled::new(problem, absent, z);
    let mut y = z.to_vec();
    for &j in absent {
        y[problem.range(j)].copy_from_slice(&problem.follower(j).absent);
    }
    let found = if scaled.limited { scaled.within_limits() } else { scaled.on_the_plane() };
    let accepted = ACCEPTED * (1.0 + norm(&scaled.right));
    let found = if scaled.miss(&found) <= accepted { found } else { scaled.program().unwrap_or(found) };
    let miss = scaled.residual(&found);
    // A residual that is small by luck, between numbers so large that it says nothing, is not accepted either.
    let (coupling, residual) = largest(&miss);
    let sure = norm(&miss).max(scaled.rounding(&found));
    if sure.is_nan() || sure > accepted {
        return Err(Infeasible { coupling, residual: residual.max(sure) });
    }
    let mut next = found.chunks(1);
    for i in (0..problem.len()).filter(|i| !absent.contains(i)) {
        for x in &mut y[problem.range(i)] {
            *x = next.next().map_or(0.0, |x| x[0]);
        }
    }
    Ok(y)
}

/// Whether some allocation meets the couplings when the followers in `absent` (ascending) are away.
///
/// # Errors
/// None does.
pub fn feasible(problem: &Problem, absent: &[AgentId]) -> Result<(), Infeasible> {
    if problem.couplings() == 1 {
        return one_row(problem, absent);
    }
    project(problem, absent, &problem.absence()).map(|_| ())
}

/// One coupling: what the members can use at least and at most.
fn one_row(problem: &Problem, absent: &[AgentId]) -> Result<(), Infeasible> {
    let (mut least, mut most, mut length) = (0.0, 0.0, 0.0);
    for (i, follower) in problem.followers().iter().enumerate() {
        if absent.contains(&i) {
            continue;
        }
        for ((r, low), high) in follower.coupling.iter().zip(&follower.low).zip(&follower.high) {
            if *r != 0.0 {
                least += if *r > 0.0 { r * low } else { r * high };
                most += if *r > 0.0 { r * high } else { r * low };
                length += r * r;
            }
        }
    }
    let c = problem.left(absent)[0];
    let miss: f64 = (least - c).max(c - most).max(0.0) / if length > 0.0 { f64::sqrt(length) } else { 1.0 };
    let size = c.abs() / if length > 0.0 { f64::sqrt(length) } else { 1.0 };
    if miss <= ACCEPTED * (1.0 + size) { Ok(()) } else { Err(Infeasible { coupling: 0, residual: miss }) }
}

fn norm(x: &[f64]) -> f64 {
    dot(x, x).sqrt()
}

/// Takes the parts along unit vectors out of `x`.
fn remove(units: &[Vec<f64>], x: &mut [f64]) {
    for unit in units {
        let along = dot(unit, x);
        x.iter_mut().zip(unit).for_each(|(x, u)| *x -= along * u);
    }
}

fn largest(miss: &[f64]) -> (usize, f64) {
    miss.iter()
        .enumerate()
        .map(|(k, x)| (k, x.abs()))
        .fold((0, 0.0), |a, b| if b.1 > a.1 || b.1.is_nan() { b } else { a })
}

/// The members' columns with rows of length one.
struct Scaled {
    m: usize,
    /// Column after column, m numbers each.
    columns: Vec<f64>,
    right: Vec<f64>,
    low: Vec<f64>,
    high: Vec<f64>,
    point: Vec<f64>,
    limited: bool,
}

impl Scaled {
    fn new(problem: &Problem, absent: &[AgentId], z: &[f64]) -> Self {
        let m = problem.couplings();
        let members: Vec<AgentId> = (0..problem.len()).filter(|i| !absent.contains(i)).collect();
        let mut gram = vec![0.0; m * m];
        members.iter().for_each(|&i| add_gram(problem.follower(i), 1.0, &mut gram));
        let scale: Vec<f64> =
            (0..m).map(|r| gram[r * m + r]).map(|x| if x > 0.0 { 1.0 / x.sqrt() } else { 1.0 }).collect();
        let mut all = Self {
            m,
            columns: Vec::new(),
            right: problem.left(absent).iter().zip(&scale).map(|(c, s)| c * s).collect(),
            low: Vec::new(),
            high: Vec::new(),
            point: Vec::new(),
            limited: false,
        };
        for i in members {
            let follower = problem.follower(i);
            let n = follower.decisions();
            for k in 0..n {
                all.columns.extend((0..m).map(|r| follower.coupling[r * n + k] * scale[r]));
            }
            all.low.extend(&follower.low);
            all.high.extend(&follower.high);
            all.point.extend(&z[problem.range(i)]);
            all.limited |= follower.limited();
        }
        all
    }

    fn column(&self, k: usize) -> &[f64] {
        &self.columns[k * self.m..(k + 1) * self.m]
    }

    fn residual(&self, y: &[f64]) -> Vec<f64> {
        let mut r: Vec<f64> = self.right.iter().map(|c| -c).collect();
        for (column, x) in self.columns.chunks_exact(self.m).zip(y) {
            r.iter_mut().zip(column).for_each(|(r, a)| *r += a * x);
        }
        r
    }

    fn miss(&self, y: &[f64]) -> f64 {
        let miss = norm(&self.residual(y));
        // What is no number meets no coupling.
        if miss.is_nan() { f64::INFINITY } else { miss }
    }

    /// Rounding of a residual: sums of this size were taken.
    fn rounding(&self, y: &[f64]) -> f64 {
        let mut size: Vec<f64> = self.right.iter().map(|c| c.abs()).collect();
        for (column, x) in self.columns.chunks_exact(self.m).zip(y) {
            size.iter_mut().zip(column).for_each(|(s, a)| *s += (a * x).abs());
        }
        4.0 * f64::EPSILON * norm(&size)
    }

    /// RR' over the columns in `used`.
    fn gram(&self, used: impl Fn(usize) -> bool) -> Vec<f64> {
        let m = self.m;
        let mut gram = vec![0.0; m * m];
        for k in (0..self.point.len()).filter(|&k| used(k)) {
            let column = self.column(k);
            for r in 0..m {
                (0..=r).for_each(|c| gram[r * m + c] += column[r] * column[c]);
            }
        }
        for r in 0..m {
            (0..r).for_each(|c| gram[c * m + r] = gram[r * m + c]);
        }
        gram
    }

    /// Moves the columns in `used` by the shortest way that removes the residual, as far as they reach.
    fn shortest(&self, y: &[f64], used: impl Fn(usize) -> bool + Copy) -> Vec<f64> {
        let m = self.m;
        let (values, vectors) = dense::eigen(&self.gram(used), m);
        // Directions that are nothing but rounding of the products above.
        let floor = NOTHING * m as f64 * values.iter().fold(0.0_f64, |a, x| a.max(*x));
        let residual = self.residual(y);
        let mut mu = vec![0.0; m];
        for e in (0..m).filter(|&e| values[e] > floor) {
            let along: f64 = (0..m).map(|r| vectors[r * m + e] * residual[r]).sum::<f64>() / values[e];
            (0..m).for_each(|r| mu[r] += vectors[r * m + e] * along);
        }
        (0..y.len()).map(|k| if used(k) { y[k] - dot(self.column(k), &mu) } else { y[k] }).collect()
    }

    /// Without limits. A second and third pass remove what rounding of the first left.
    fn on_the_plane(&self) -> Vec<f64> {
        (0..3).fold(self.point.clone(), |y, _| self.shortest(&y, |_| true))
    }

    fn clipped(&self, mu: &[f64]) -> Vec<f64> {
        (0..self.point.len())
            .map(|k| (self.point[k] - dot(self.column(k), mu)).clamp(self.low[k], self.high[k]))
            .collect()
    }

    /// Combinations of the couplings that no column moves, as unit vectors: repeated couplings, or sums of others.
    fn idle(&self) -> Vec<Vec<f64>> {
        let m = self.m;
        let (values, vectors) = dense::eigen(&self.gram(|_| true), m);
        let floor = NOTHING * m as f64 * values.iter().fold(0.0_f64, |a, x| a.max(*x));
        let column = |e: usize| (0..m).map(|r| vectors[r * m + e]).collect();
        (0..m).filter(|&e| values[e] <= floor).map(column).collect()
    }

    fn within_limits(&self) -> Vec<f64> {
        let idle = self.idle();
        let mut mu = vec![0.0; self.m];
        let mut y = self.clipped(&mu);
        for _ in 0..STEPS {
            let residual = self.residual(&y);
            let miss = norm(&residual);
            if miss <= self.rounding(&y) || miss.is_nan() {
                break;
            }
            let Some(direction) = self.direction(&y, &residual, &idle) else { break };
            let Some(step) = self.along(&mu, &direction) else { break };
            mu.iter_mut().zip(&direction).for_each(|(x, d)| *x += step * d);
            y = self.clipped(&mu);
        }
        let free = |k: usize| y[k] > self.low[k] && y[k] < self.high[k];
        let polished: Vec<f64> = self
            .shortest(&y, free)
            .iter()
            .enumerate()
            .map(|(k, x)| x.clamp(self.low[k], self.high[k]))
            .collect();
        if self.miss(&polished) < self.miss(&y) { polished } else { y }
    }

    /// (R_F R_F' + shift)^-1 residual over the columns F that are between their limits.
    fn direction(&self, y: &[f64], residual: &[f64], idle: &[Vec<f64>]) -> Option<Vec<f64>> {
        let m = self.m;
        let miss = norm(residual);
        let mut gram = self.gram(|k| y[k] > self.low[k] && y[k] < self.high[k]);
        // Keeps the direction defined where the free columns lose rank, and vanishes with the residual down to what
        // rows of length one can still resolve.
        (0..m).for_each(|r| gram[r * m + r] += (1e-8 * miss.min(1.0)).max(1e-13));
        let lower = dense::cholesky(&gram, m, 0.0)?;
        let mut direction = residual.to_vec();
        // Nothing can be done along idle combinations; what rounding leaves there would be blown up by the small shift.
        remove(idle, &mut direction);
        dense::substitute(&lower, m, &mut direction);
        remove(idle, &mut direction);
        direction.iter().all(|x| x.is_finite()).then_some(direction)
    }

    /// The step t >= 0 at which direction'(R clip(point - R'(mu + t direction)) - c) falls to zero: it is piecewise
    /// linear and never rises in t. None if it does not fall at all.
    fn along(&self, mu: &[f64], direction: &[f64]) -> Option<f64> {
        let moves: Vec<(f64, f64, usize)> = (0..self.point.len())
            .map(|k| (self.point[k] - dot(self.column(k), mu), dot(self.column(k), direction), k))
            .filter(|(_, speed, _)| *speed != 0.0)
            .collect();
        let still: f64 = {
            let idle = self.clipped(mu);
            let moving: f64 = moves.iter().map(|(_, speed, k)| speed * idle[*k]).sum();
            dot(direction, &self.residual(&idle)) - moving
        };
        let height = |t: f64| {
            let part = |(at, speed, k): &(f64, f64, usize)| {
                speed * (at - t * speed).clamp(self.low[*k], self.high[*k])
            };
            still + moves.iter().map(part).sum::<f64>()
        };
        let mut ends: Vec<f64> = moves
            .iter()
            .flat_map(|(at, speed, k)| [(at - self.low[*k]) / speed, (at - self.high[*k]) / speed])
            .filter(|t| *t > 0.0 && t.is_finite())
            .collect();
        ends.sort_unstable_by(f64::total_cmp);
        let beyond = ends.partition_point(|t| height(*t) > 0.0);
        let a = if beyond == 0 { 0.0 } else { ends[beyond - 1] };
        let top = height(a);
        let step = match ends.get(beyond) {
            Some(&b) => {
                let bottom = height(b);
                if top > bottom { a + (b - a) * (top / (top - bottom)) } else { b }
            }
            None => {
                // Beyond the last breakpoint everything that still moves does so without end.
                let slope: f64 = moves
                    .iter()
                    .filter(|(_, speed, k)| {
                        let end = if *speed > 0.0 { self.low[*k] } else { self.high[*k] };
                        end.is_infinite()
                    })
                    .map(|(_, speed, _)| speed * speed)
                    .sum();
                if slope > 0.0 { a + top / slope } else { a }
            }
        };
        (step > 0.0 && step.is_finite()).then_some(step)
    }

    /// The same point as a quadratic program.
    fn program(&self) -> Option<Vec<f64>> {
        let n = self.point.len();
        let p = CscMatrix::identity(n);
        let q: Vec<f64> = self.point.iter().map(|x| -x).collect();
        let mut entries: Vec<(usize, usize, f64)> = Vec::new();
        for k in 0..n {
            entries
                .extend(self.column(k).iter().enumerate().filter(|x| *x.1 != 0.0).map(|(r, x)| (r, k, *x)));
        }
        let mut b = self.right.clone();
        for (k, (low, high)) in self.low.iter().zip(&self.high).enumerate() {
            for (sign, limit) in [(-1.0, -low), (1.0, *high)] {
                if limit.is_finite() {
                    entries.push((b.len(), k, sign));
                    b.push(limit);
                }
            }
        }
        let a = CscMatrix::new_from_triplets(
            b.len(),
            n,
            entries.iter().map(|e| e.0).collect(),
            entries.iter().map(|e| e.1).collect(),
            entries.iter().map(|e| e.2).collect(),
        );
        let cones: [SupportedConeT<f64>; 2] = [ZeroConeT(self.m), NonnegativeConeT(b.len() - self.m)];
        let settings = DefaultSettingsBuilder::default()
            .verbose(false)
            .tol_gap_abs(1e-12)
            .tol_gap_rel(1e-12)
            .tol_feas(1e-12)
            .build()
            .ok()?;
        let mut solver = DefaultSolver::new(&p, &q, &a, &b, &cones, settings).ok()?;
        solver.solve();
        let good = matches!(solver.solution.status, SolverStatus::Solved | SolverStatus::AlmostSolved);
        good.then(|| (0..n).map(|k| solver.solution.x[k].clamp(self.low[k], self.high[k])).collect())
    }
}
