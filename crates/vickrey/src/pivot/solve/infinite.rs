//! Infinite horizon: the fixed point of the one-period step, with bounds that hold wherever the iteration stops.
//!
//! With B = T X - X for any X, the fixed point lies between T X + delta/(1-delta) min B and T X + delta/(1-delta) max B. The
//! middle of that is returned; its error is known. Only the span of B matters, so iterates are kept free of constants, and
//! what remains may be extrapolated as one likes (Anderson's method): a step is kept if the span falls, so that the
//! bounds keep their meaning.

use serde::Serialize;

use super::problem::Problem;
use super::sweep::{Sets, Wants, sweep};

/// Iterates and residuals that Anderson's method remembers, and slices in its history.
const DEPTH: usize = 5;
/// With what an extrapolation makes of it: a basis of twice as many directions, and four more.
pub(super) const HISTORY: usize = 4 * (DEPTH + 1) + 4;
/// A direction that is this small beside what it was is none.
const DROP: f64 = 1e-12;

/// How the fixed point is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Iteration {
    /// Value iteration until the largest change bounds the error: what textbooks do, for comparison.
    Plain,
    /// Value iteration, stopped by the span.
    Span,
    /// Anderson's extrapolation over the last five differences, safeguarded by the span.
    Anderson,
}

/// Why an iteration stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stop {
    /// The certified error is within the tolerance.
    Converged,
    /// Rounding: the span no longer falls. The certified error says what was reached.
    Rounding,
    /// The limit of sweeps was reached.
    Limit,
}

/// How an iteration went.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Convergence {
    /// Which method.
    pub iteration: Iteration,
    /// Why it stopped.
    pub stop: Stop,
    /// Applications of the one-period step.
    pub sweeps: usize,
    /// Extrapolations that were thrown away.
    pub rejected: usize,
    /// Certified largest error of the values, in money.
    pub error: f64,
    /// Span of the residual after every sweep.
    pub spans: Vec<f64>,
}

/// What an iteration is to reach.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target {
    pub tolerance: f64,
    pub most: usize,
    pub iteration: Iteration,
}

/// The fixed point and how it was found. `tell` hears the span after every sweep.
pub(super) fn fixed_point(
    problem: &Problem,
    sets: Sets,
    target: Target,
    tell: &mut dyn FnMut(f64),
) -> (Vec<f64>, Convergence) {
    let step = |x: &[f64]| sweep(problem, 0, x, sets, 0.0, Wants::default()).value;
    iterate(problem.model.discount(), vec![0.0; problem.space().size()], &step, target, tell)
}

/// The fixed point of any step that is monotone and discounts constants by `delta`, from `x` on.
pub(super) fn iterate(
    delta: f64,
    mut x: Vec<f64>,
    step: &dyn Fn(&[f64]) -> Vec<f64>,
    target: Target,
    tell: &mut dyn FnMut(f64),
) -> (Vec<f64>, Convergence) {
    let mut run = Run { step, spans: Vec::new() };
    let mut image = run.step(&x, tell);
    let mut past = Past::default();
    let (mut rejected, mut stale) = (0, 0);
    let mut lowest = f64::INFINITY;
    let stop = loop {
        let (low, high) = range(&image, &x);
        let error = match target.iteration {
            Iteration::Plain => delta / (1.0 - delta) * low.abs().max(high.abs()),
            _ => delta / (1.0 - delta) * (high - low) / 2.0,
        };
        // Three sweeps in a row without a new lowest span, below what rounding of these numbers makes.
        stale = if high - low < lowest { 0 } else { stale + 1 };
        lowest = lowest.min(high - low);
        let size = image.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
        if error <= target.tolerance {
            break Stop::Converged;
        }
        if stale >= 3 && high - low <= 64.0 * f64::EPSILON * size {
            break Stop::Rounding;
        }
        if run.spans.len() >= target.most {
            break Stop::Limit;
        }
        if target.iteration == Iteration::Plain {
            x = image;
            image = run.step(&x, tell);
            continue;
        }
        let middle = (high + low) / 2.0;
        past.push(&x, &image, middle, target.iteration);
        if let Some(guess) = past.extrapolate() {
            let there = run.step(&guess, tell);
            let (a, b) = range(&there, &guess);
            if b - a < high - low {
                x = guess;
                image = there;
                continue;
            }
            rejected += 1;
            past = Past::default();
        }
        image.iter_mut().for_each(|v| *v -= middle);
        x = image;
        image = run.step(&x, tell);
    };
    let (low, high) = range(&image, &x);
    let half = delta / (1.0 - delta) * (high - low) / 2.0;
    let shift = delta / (1.0 - delta) * (high + low) / 2.0;
    image.iter_mut().for_each(|v| *v += shift);
    let sweeps = run.spans.len();
    (
        image,
        Convergence { iteration: target.iteration, stop, sweeps, rejected, error: half, spans: run.spans },
    )
}

struct Run<'a> {
    step: &'a dyn Fn(&[f64]) -> Vec<f64>,
    spans: Vec<f64>,
}

impl Run<'_> {
    fn step(&mut self, x: &[f64], tell: &mut dyn FnMut(f64)) -> Vec<f64> {
        let image = (self.step)(x);
        let (low, high) = range(&image, x);
        self.spans.push(high - low);
        tell(high - low);
        image
    }
}

/// Least and largest difference.
pub(super) fn range(image: &[f64], x: &[f64]) -> (f64, f64) {
    let seen = (f64::INFINITY, f64::NEG_INFINITY);
    image.iter().zip(x).fold(seen, |(low, high), (a, b)| (low.min(a - b), high.max(a - b)))
}

/// The last iterates and their residuals, both without constants.
#[derive(Default)]
struct Past {
    points: Vec<Vec<f64>>,
    residuals: Vec<Vec<f64>>,
}

impl Past {
    fn push(&mut self, x: &[f64], image: &[f64], middle: f64, iteration: Iteration) {
        if iteration != Iteration::Anderson {
            return;
        }
        if self.points.len() > DEPTH {
            self.points.remove(0);
            self.residuals.remove(0);
        }
        self.points.push(x.to_vec());
        let mut residual: Vec<f64> = image.iter().zip(x).map(|(a, b)| a - b - middle).collect();
        let mean = residual.iter().sum::<f64>() / residual.len() as f64;
        residual.iter_mut().for_each(|r| *r -= mean);
        self.residuals.push(residual);
    }

    /// The point whose residual, were the step linear, would be the shortest: least squares over differences by
    /// Gram-Schmidt, applied twice, without directions that have become rounding.
    fn extrapolate(&self) -> Option<Vec<f64>> {
        let count = self.points.len().checked_sub(1)?;
        let last = &self.residuals[count];
        let mut rest = last.clone();
        let mut guess: Vec<f64> = self.points[count].iter().zip(last).map(|(x, r)| x + r).collect();
        let mut basis: Vec<(Vec<f64>, Vec<f64>)> = Vec::new();
        for k in (0..count).rev() {
            let mut turn = difference(&self.residuals[k + 1], &self.residuals[k]);
            let mut walk: Vec<f64> = self.points[k + 1]
                .iter()
                .zip(&self.points[k])
                .zip(&turn)
                .map(|((a, b), t)| a - b + t)
                .collect();
            let before = dot(&turn, &turn).sqrt();
            for _ in 0..2 {
                for (direction, along) in &basis {
                    let c = dot(direction, &turn);
                    subtract(&mut turn, c, direction);
                    subtract(&mut walk, c, along);
                }
            }
            let length = dot(&turn, &turn).sqrt();
            if length <= DROP * before || length == 0.0 {
                continue;
            }
            turn.iter_mut().for_each(|t| *t /= length);
            walk.iter_mut().for_each(|w| *w /= length);
            let c = dot(&turn, &rest);
            subtract(&mut rest, c, &turn);
            subtract(&mut guess, c, &walk);
            basis.push((turn, walk));
        }
        (!basis.is_empty()).then_some(guess)
    }
}

fn difference(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

fn subtract(from: &mut [f64], times: f64, what: &[f64]) {
    from.iter_mut().zip(what).for_each(|(f, w)| *f -= times * w);
}

/// In one order, whatever the number of threads.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0; 8];
    let (a8, b8) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f64 = a8.remainder().iter().zip(b8.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a8.zip(b8) {
        for k in 0..8 {
            lanes[k] += a[k] * b[k];
        }
    }
    lanes.iter().sum::<f64>() + rest
}
