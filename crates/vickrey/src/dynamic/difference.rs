//! Derivatives of a plant by differences: the defaults of [`Plant`].

use super::model::Plant;

/// Points and weights of a difference quotient: sum of weight * f(point).
type Stencil = [(f64, f64); 3];

/// Central differences at `z` with a step relative to max(1, |z|).
fn central(z: f64, relative: f64) -> Stencil {
    let h = relative * z.abs().max(1.0);
    let (up, down) = (z + h, z - h);
    // The points as rounded, not as meant.
    let weight = 1.0 / (up - down);
    [(up, weight), (down, -weight), (z, 0.0)]
}

/// Differences within `low..=high`: central where there is room, one-sided of second order where there is not.
pub(super) fn within(z: f64, relative: f64, (low, high): (f64, f64)) -> Stencil {
    let stencil = central(z, relative);
    let room = |a: f64| low <= a && a <= high;
    if room(stencil[0].0) && room(stencil[1].0) {
        return stencil;
    }
    let h = (relative * z.abs().max(1.0)).min(0.5 * (high - low));
    if h <= 0.0 {
        // A fixed control: nothing depends on this derivative.
        return [(z, 0.0); 3];
    }
    let h = if z - low > high - z { -h } else { h };
    [(z, -1.5 / h), (z + h, 2.0 / h), (z + 2.0 * h, -0.5 / h)]
}

/// Adds weight * f(point) over the stencil.
fn quotient(stencil: Stencil, mut f: impl FnMut(f64) -> f64) -> f64 {
    stencil.into_iter().filter(|s| s.1 != 0.0).map(|(point, weight)| weight * f(point)).sum()
}

pub(super) fn step<P: Plant + ?Sized>(
    plant: &P,
    t: usize,
    x: &[f64],
    u: f64,
    by_state: &mut [f64],
    by_control: &mut [f64],
) {
    let states = x.len();
    let (mut at, mut next) = (x.to_vec(), vec![0.0; states]);
    by_state.fill(0.0);
    by_control.fill(0.0);
    for c in 0..states {
        for (point, weight) in central(x[c], plant.difference_step()).into_iter().take(2) {
            at[c] = point;
            plant.step(t, &at, u, &mut next);
            for r in 0..states {
                by_state[r * states + c] += weight * next[r];
            }
        }
        at[c] = x[c];
    }
    for (point, weight) in within(u, plant.difference_step(), plant.bounds(t)) {
        if weight != 0.0 {
            plant.step(t, x, point, &mut next);
            for (slot, value) in by_control.iter_mut().zip(&next) {
                *slot += weight * value;
            }
        }
    }
}

pub(super) fn stage<P: Plant + ?Sized>(plant: &P, t: usize, x: &[f64], u: f64, by_state: &mut [f64]) -> f64 {
    let mut at = x.to_vec();
    for c in 0..x.len() {
        by_state[c] = quotient(central(x[c], plant.difference_step()), |point| {
            at[c] = point;
            plant.stage(t, &at, u)
        });
        at[c] = x[c];
    }
    quotient(within(u, plant.difference_step(), plant.bounds(t)), |point| plant.stage(t, x, point))
}

pub(super) fn terminal<P: Plant + ?Sized>(plant: &P, x: &[f64], by_state: &mut [f64]) {
    let mut at = x.to_vec();
    for c in 0..x.len() {
        by_state[c] = quotient(central(x[c], plant.difference_step()), |point| {
            at[c] = point;
            plant.terminal(&at)
        });
        at[c] = x[c];
    }
}
