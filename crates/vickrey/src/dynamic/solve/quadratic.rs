//! One step of the search: the best move in a concave quadratic model, within balance and bounds.
//!
//! maximise sum_i g_i'd_i - d_i'M_i d_i / 2 over moves d with sum_i d_i(t) = 0 and low <= u + d <= high, M_i positive
//! definite. Agents meet only in the T balance rows, so with K_i the inverse of M_i on i's free periods a step costs
//! one T x T system, S mu = sum_i K_i g_i with S = sum_i K_i, and d_i = K_i (g_i - mu). Bounds by the primal
//! active-set method: it starts at d = 0, never leaves the feasible set, never loses value, and one change of the
//! active set renews one K_i only. At least one agent stays free in every period; then S is positive definite.

use super::group::Group;
use crate::numeric::dense;

/// After so many steps of length zero in a row, the first candidate is taken instead of the best (no cycling).
const PATIENCE: usize = 20;

/// Which controls are held at a bound.
#[derive(Clone, Debug)]
pub(super) struct Working {
    pub free: Vec<bool>,
}

impl Working {
    /// Holds the controls that are at a bound and whose marginal utility does not pull them inside.
    pub fn at(group: &Group<'_>, u: &[f64], gradient: &[f64], price: &[f64]) -> Self {
        let periods = group.periods();
        let free = (0..u.len()).map(|j| {
            let pull = gradient[j] - price[j % periods];
            let held = u[j] <= group.low[j] && (pull <= 0.0 || group.low[j] == group.high[j])
                || u[j] >= group.high[j] && pull >= 0.0;
            !held
        });
        let mut working = Self { free: free.collect() };
        for t in 0..periods {
            working.keep_one(group, t);
        }
        working
    }

    /// Frees one agent of a period in which none is free.
    fn keep_one(&mut self, group: &Group<'_>, t: usize) {
        let periods = group.periods();
        let places = || (0..group.len()).map(|k| k * periods + t);
        if places().any(|j| self.free[j]) {
            return;
        }
        let wide = places().find(|&j| group.low[j] < group.high[j]);
        self.free[wide.unwrap_or(t)] = true;
    }

    /// How many agents are free, by period.
    fn counts(&self, periods: usize) -> Vec<usize> {
        let mut counts = vec![0; periods];
        self.free.iter().enumerate().filter(|(_, free)| **free).for_each(|(j, _)| counts[j % periods] += 1);
        counts
    }
}

/// The move, and the controls that ended at a bound exactly.
pub(super) struct Move {
    pub step: Vec<f64>,
    pub free: Vec<bool>,
}

struct Program<'a> {
    group: &'a Group<'a>,
    u: &'a [f64],
    gradient: &'a [f64],
    curvature: &'a [Vec<f64>],
    working: Working,
    inverses: Vec<Vec<f64>>,
    step: Vec<f64>,
}

/// The best move from `u`; `None` if the arithmetic fails (a matrix that is not definite in floating point).
pub(super) fn best_move(
    group: &Group<'_>,
    u: &[f64],
    gradient: &[f64],
    curvature: &[Vec<f64>],
    working: Working,
) -> Option<Move> {
    let periods = group.periods();
    let invert = |k: usize, working: &Working| {
        let free = &working.free[k * periods..(k + 1) * periods];
        dense::inverse_on(&curvature[k], periods, free, 0.0)
    };
    let inverses = (0..group.len()).map(|k| invert(k, &working)).collect::<Option<Vec<_>>>()?;
    let mut program = Program { group, u, gradient, curvature, working, inverses, step: vec![0.0; u.len()] };
    let mut idle_steps = 0;
    for _ in 0..4 * u.len() + 100 {
        let slope = program.slope();
        let (direction, mu) = program.direction(&slope)?;
        let (length, blocking) = program.length(&direction);
        for (d, p) in program.step.iter_mut().zip(&direction) {
            *d += length * p;
        }
        idle_steps = if length > 0.0 { 0 } else { idle_steps + 1 };
        let changed = match blocking {
            Some((j, bound)) => {
                program.step[j] = bound - u[j];
                program.working.free[j] = false;
                j
            }
            None => match program.release(&mu, idle_steps > PATIENCE) {
                Some(j) => {
                    program.working.free[j] = true;
                    j
                }
                None => break,
            },
        };
        program.inverses[changed / periods] = invert(changed / periods, &program.working)?;
    }
    Some(Move { step: program.step, free: program.working.free })
}

impl Program<'_> {
    /// Gradient of the model at the present step.
    fn slope(&self) -> Vec<f64> {
        let periods = self.group.periods();
        let mut slope = self.gradient.to_vec();
        for (k, m) in self.curvature.iter().enumerate() {
            let range = k * periods..(k + 1) * periods;
            for (s, md) in slope[range.clone()].iter_mut().zip(dense::times(m, &self.step[range])) {
                *s -= md;
            }
        }
        slope
    }

    /// From here to the best point with the same controls held, and the prices there.
    fn direction(&self, slope: &[f64]) -> Option<(Vec<f64>, Vec<f64>)> {
        let periods = self.group.periods();
        let (mut s, mut mu) = (vec![0.0; periods * periods], vec![0.0; periods]);
        for (k, inverse) in self.inverses.iter().enumerate() {
            s.iter_mut().zip(inverse).for_each(|(s, x)| *s += x);
            let wish = dense::times(inverse, &slope[k * periods..(k + 1) * periods]);
            mu.iter_mut().zip(wish).for_each(|(m, w)| *m += w);
        }
        let lower = dense::cholesky(&s, periods, 0.0)?;
        dense::substitute(&lower, periods, &mut mu);
        let mut direction = Vec::with_capacity(slope.len());
        for (k, inverse) in self.inverses.iter().enumerate() {
            let pull: Vec<f64> = (0..periods).map(|t| slope[k * periods + t] - mu[t]).collect();
            direction.extend(dense::times(inverse, &pull));
        }
        direction.iter().all(|d| d.is_finite()).then_some((direction, mu))
    }

    /// How far to go, at most 1, and the control that stops it with its bound.
    fn length(&self, direction: &[f64]) -> (f64, Option<(usize, f64)>) {
        let (mut length, mut blocking) = (1.0, None);
        let counts = self.working.counts(self.group.periods());
        for (j, &p) in direction.iter().enumerate() {
            // The balance holds the last free agent of a period still; what it moves by is rounding.
            if p == 0.0 || !self.working.free[j] || counts[j % counts.len()] == 1 {
                continue;
            }
            let bound = if p > 0.0 { self.group.high[j] } else { self.group.low[j] };
            let reach = ((bound - self.u[j] - self.step[j]) / p).max(0.0);
            if reach < length {
                (length, blocking) = (reach, Some((j, bound)));
            }
        }
        (length, blocking)
    }

    /// A held control that its marginal utility pulls inside: the strongest pull, or the first.
    fn release(&self, mu: &[f64], first: bool) -> Option<usize> {
        let periods = self.group.periods();
        let slope = self.slope();
        let size = self.gradient.iter().fold(0.0_f64, |s, g| s.max(g.abs()));
        let pull = |j: usize| {
            let pull = slope[j] - mu[j % periods];
            let at_low = self.u[j] + self.step[j] <= self.group.low[j];
            if at_low { pull } else { -pull }
        };
        let held = (0..slope.len()).filter(|&j| {
            !self.working.free[j] && self.group.low[j] < self.group.high[j] && pull(j) > 1e-12 * (1.0 + size)
        });
        let mut held = held;
        if first { held.next() } else { held.max_by(|&a, &b| pull(a).total_cmp(&pull(b))) }
    }
}
