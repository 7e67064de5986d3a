//! What a follower computes: small convex programs over a box, to rounding.

use super::cost::{ConvexCost, Local, Unbounded};
use super::curve::Curve;
use crate::numeric::cholesky::dot;
use crate::numeric::dense;

/// Minimises z'Hz/2 + slope'z over a box by an active-set method.
///
/// # Errors
/// H is singular on decisions without limits: the minimum is not attained or not unique.
pub(super) fn quadratic(
    matrix: &[f64],
    slope: &[f64],
    low: &[f64],
    high: &[f64],
) -> Result<Vec<f64>, Unbounded> {
    let n = slope.len();
    if n == 1 {
        return one(matrix[0], slope[0], low[0], high[0]).map(|z| vec![z]);
    }
    let mut z: Vec<f64> = (0..n).map(|k| 0.0_f64.clamp(low[k], high[k])).collect();
    let mut free: Vec<bool> = (0..n).map(|k| z[k] > low[k] && z[k] < high[k]).collect();
    // Every step lowers the objective or changes the working set; far fewer are needed.
    for _ in 0..100 * (n + 1) {
        let wish = newton_point(matrix, slope, &z, &free)?;
        if let Some((share, k, limit)) = blocked(&z, &wish, &free, low, high) {
            (0..n).filter(|&j| free[j]).for_each(|j| z[j] += share * (wish[j] - z[j]));
            z[k] = limit;
            free[k] = false;
            continue;
        }
        (0..n).filter(|&j| free[j]).for_each(|j| z[j] = wish[j]);
        match pulled(matrix, slope, &z, &free, low, high) {
            Some(k) => free[k] = true,
            None => return Ok(z),
        }
    }
    Ok(z)
}

/// The one-dimensional case, also without curvature.
fn one(bend: f64, slope: f64, low: f64, high: f64) -> Result<f64, Unbounded> {
    let inner = match (bend > 0.0, slope == 0.0) {
        (true, _) => -slope / bend,
        (false, true) => 0.0,
        (false, false) => -slope * f64::INFINITY,
    };
    let z = inner.clamp(low, high);
    if z.is_finite() { Ok(z) } else { Err(Unbounded) }
}

/// Where the objective is lowest over the free decisions, the others held.
fn newton_point(matrix: &[f64], slope: &[f64], z: &[f64], free: &[bool]) -> Result<Vec<f64>, Unbounded> {
    let n = z.len();
    let rows: Vec<usize> = (0..n).filter(|&k| free[k]).collect();
    let part: Vec<f64> = rows.iter().flat_map(|&r| rows.iter().map(move |&c| matrix[r * n + c])).collect();
    let lower = dense::cholesky(&part, rows.len(), 0.0).ok_or(Unbounded)?;
    let mut right: Vec<f64> = rows
        .iter()
        .map(|&r| {
            let held: f64 = (0..n).filter(|&c| !free[c]).map(|c| matrix[r * n + c] * z[c]).sum();
            -slope[r] - held
        })
        .collect();
    dense::substitute(&lower, rows.len(), &mut right);
    let mut wish = z.to_vec();
    rows.iter().zip(right).for_each(|(&r, x)| wish[r] = x);
    Ok(wish)
}

/// The first limit met on the way from `z` to `wish`: the share of the way, the decision, the limit.
fn blocked(z: &[f64], wish: &[f64], free: &[bool], low: &[f64], high: &[f64]) -> Option<(f64, usize, f64)> {
    let mut first: Option<(f64, usize, f64)> = None;
    for k in (0..z.len()).filter(|&k| free[k]) {
        let limit = if wish[k] < low[k] {
            low[k]
        } else if wish[k] > high[k] {
            high[k]
        } else {
            continue;
        };
        let share = ((limit - z[k]) / (wish[k] - z[k])).clamp(0.0, 1.0);
        if first.is_none_or(|(s, ..)| share < s) {
            first = Some((share, k, limit));
        }
    }
    first
}

/// The decision at a limit that would gain most by leaving it.
fn pulled(
    matrix: &[f64],
    slope: &[f64],
    z: &[f64],
    free: &[bool],
    low: &[f64],
    high: &[f64],
) -> Option<usize> {
    let n = z.len();
    let mut most = (0.0, None);
    for k in (0..n).filter(|&k| !free[k] && low[k] < high[k]) {
        let row = &matrix[k * n..(k + 1) * n];
        let gradient = slope[k] + dot(row, z);
        // Signs below rounding would send the method in circles.
        let rounding = 4.0
            * f64::EPSILON
            * (slope[k].abs() + row.iter().zip(z).map(|(h, x)| (h * x).abs()).sum::<f64>());
        let gain = if z[k] <= low[k] { -gradient } else { gradient };
        if gain > rounding && gain > most.0 {
            most = (gain, Some(k));
        }
    }
    most.1
}

/// Sweeps over the decisions after which a program that has not settled is left as it is.
const SWEEPS: usize = 100_000;

/// Minimises a sum of curves + slope'z + z'Hz/2 over a box: decision by decision, each exactly. The curves may have
/// kinks, since what couples the decisions is smooth.
///
/// # Errors
/// It falls without end.
pub(super) fn separable(curves: &[Curve], ask: Local<'_>) -> Result<Vec<f64>, Unbounded> {
    let n = curves.len();
    let own = |k: usize, slope: f64, bend: f64| curves[k].answer(slope, bend, ask.low[k], ask.high[k]);
    let Some(bend) = ask.curvature else {
        return (0..n).map(|k| own(k, ask.slope[k], 0.0)).collect();
    };
    let mut z: Vec<f64> = (0..n).map(|k| 0.0_f64.clamp(ask.low[k], ask.high[k])).collect();
    for _ in 0..SWEEPS {
        let mut moved = false;
        for k in 0..n {
            let row = &bend[k * n..(k + 1) * n];
            let others: f64 = (0..n).filter(|&j| j != k).map(|j| row[j] * z[j]).sum();
            let next = own(k, ask.slope[k] + others, row[k])?;
            moved |= (next - z[k]).abs() > f64::EPSILON * (next.abs() + z[k].abs());
            z[k] = next;
        }
        if !moved {
            break;
        }
    }
    Ok(z)
}

/// Newton steps that are taken when values no longer tell points apart: each doubles the digits of the gradient.
const POLISH: usize = 3;

/// Minimises a smooth cost + slope'z + z'Hz/2 over a box by projected Newton steps.
///
/// # Errors
/// It falls without end.
pub(super) fn smooth(cost: &dyn ConvexCost, ask: Local<'_>) -> Result<Vec<f64>, Unbounded> {
    let n = cost.decisions();
    let mut z = cost.start(ask.low, ask.high);
    let clip = |k: usize, x: f64| x.clamp(ask.low[k], ask.high[k]);
    (0..n).for_each(|k| z[k] = clip(k, z[k]));
    let total = |z: &[f64]| cost.value(z) + dot(ask.slope, z) + 0.5 * bent(ask.curvature, z);
    let mut value = total(&z);
    let (mut gradient, mut hessian) = (vec![0.0; n], vec![0.0; n * n]);
    let mut polish = POLISH;
    for _ in 0..500 {
        cost.gradient(&z, &mut gradient);
        cost.hessian(&z, &mut hessian);
        for k in 0..n {
            gradient[k] += ask.slope[k] + ask.curvature.map_or(0.0, |h| dot(&h[k * n..(k + 1) * n], &z));
        }
        if let Some(h) = ask.curvature {
            hessian.iter_mut().zip(h).for_each(|(x, h)| *x += h);
        }
        let step = newton_step(&gradient, &hessian, &z, ask);
        let linear: f64 = ask.slope.iter().zip(&z).map(|(g, x)| (g * x).abs()).sum();
        let size = 1.0 + cost.value(&z).abs() + linear + bent(ask.curvature, &z);
        let rounding = 16.0 * f64::EPSILON * size;
        let Some((next, lower, blind)) = walk(&z, &step, &gradient, (value, rounding), clip, total) else {
            break;
        };
        if next.iter().any(|x| x.is_nan() || x.abs() > 1e150) {
            return Err(Unbounded);
        }
        let still = next.iter().zip(&z).all(|(a, b)| (a - b).abs() <= f64::EPSILON * (a.abs() + b.abs()));
        (z, value) = (next, lower);
        polish -= usize::from(blind);
        if still || polish == 0 {
            break;
        }
    }
    if value.is_finite() { Ok(z) } else { Err(Unbounded) }
}

fn bent(curvature: Option<&[f64]>, z: &[f64]) -> f64 {
    curvature.map_or(0.0, |h| h.chunks_exact(z.len()).zip(z).map(|(row, x)| dot(row, z) * x).sum())
}

/// The Newton direction over decisions that are not held by a limit, the negative gradient for the others.
fn newton_step(gradient: &[f64], hessian: &[f64], z: &[f64], ask: Local<'_>) -> Vec<f64> {
    let n = z.len();
    let held =
        |k: usize| (z[k] <= ask.low[k] && gradient[k] > 0.0) || (z[k] >= ask.high[k] && gradient[k] < 0.0);
    let free: Vec<bool> = (0..n).map(|k| !held(k)).collect();
    let size = (0..n).fold(0.0_f64, |s, k| s.max(hessian[k * n + k].abs()));
    let inverse = dense::inverse_on(hessian, n, &free, 1e-15 * size);
    (0..n)
        .map(|k| match &inverse {
            Some(inverse) if free[k] => {
                -(0..n).filter(|&j| free[j]).map(|j| inverse[k * n + j] * gradient[j]).sum::<f64>()
            }
            _ => -gradient[k],
        })
        .collect()
}

/// Halves the step until the projected point is lower; none if it never is. Near the minimum values are equal to
/// rounding: then the full step is taken if it does not raise the value, and the last answer is true.
fn walk(
    z: &[f64],
    step: &[f64],
    gradient: &[f64],
    (value, rounding): (f64, f64),
    clip: impl Fn(usize, f64) -> f64,
    total: impl Fn(&[f64]) -> f64,
) -> Option<(Vec<f64>, f64, bool)> {
    let mut share = 1.0;
    for _ in 0..80 {
        let next: Vec<f64> =
            z.iter().zip(step).enumerate().map(|(k, (x, d))| clip(k, x + share * d)).collect();
        let fall: f64 = (0..z.len()).map(|k| gradient[k] * (z[k] - next[k])).sum();
        let lower = total(&next);
        let blind = fall <= rounding && lower <= value + rounding;
        if blind || lower <= value - 1e-4 * fall {
            return (next != z).then_some((next, lower, blind));
        }
        share *= 0.5;
    }
    None
}
