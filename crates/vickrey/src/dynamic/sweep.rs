//! Utility of a control path, its gradient by one backward sweep, its second derivatives by differences of sweeps.

use super::difference;
use super::model::{Place, Plant};

/// Step of the differences of gradients, relative to max(1, |u|). Second derivatives only steer the search: with
/// gradients good to 1e-10 they come out good to about 1e-6, and what the search stops at depends on gradients alone.
const SECOND_STEP: f64 = 1e-4;

/// Something that is not a finite number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct NotFinite {
    pub place: Place,
    pub found: f64,
}

fn finite(found: f64, place: Place) -> Result<f64, NotFinite> {
    if found.is_finite() { Ok(found) } else { Err(NotFinite { place, found }) }
}

/// J(U).
pub(super) fn value(plant: &dyn Plant, controls: &[f64]) -> Result<f64, NotFinite> {
    let mut states = Vec::new();
    roll(plant, controls, &mut states)
}

/// J(U), and the states x(0), ..., x(T), one after the other.
pub(super) fn roll(plant: &dyn Plant, controls: &[f64], states: &mut Vec<f64>) -> Result<f64, NotFinite> {
    let d = plant.states();
    *states = plant.initial();
    states.resize((controls.len() + 1) * d, 0.0);
    let mut total = 0.0;
    for (t, &u) in controls.iter().enumerate() {
        let (past, future) = states.split_at_mut((t + 1) * d);
        let x = &past[t * d..];
        total += finite(plant.stage(t, x, u), Place::Stage(t))?;
        plant.step(t, x, u, &mut future[..d]);
        for &next in &future[..d] {
            finite(next, Place::Step(t))?;
        }
    }
    total += finite(plant.terminal(&states[controls.len() * d..]), Place::Terminal)?;
    Ok(total)
}

/// dJ/du(t) for t >= `from`, written to `gradient[t]`: the costate runs backwards, p(T) = d terminal,
/// p(t) = d stage/dx + (d step/dx)' p(t+1), dJ/du(t) = d stage/du + (d step/du)' p(t+1).
pub(super) fn gradient(
    plant: &dyn Plant,
    controls: &[f64],
    states: &[f64],
    from: usize,
    gradient: &mut [f64],
) -> Result<(), NotFinite> {
    let (d, periods) = (plant.states(), controls.len());
    let (mut costate, mut before) = (vec![0.0; d], vec![0.0; d]);
    let (mut by_state, mut by_control) = (vec![0.0; d * d], vec![0.0; d]);
    plant.terminal_derivative(&states[periods * d..], &mut costate);
    for &p in &costate {
        finite(p, Place::Derivative(periods))?;
    }
    for t in (from..periods).rev() {
        let (x, u) = (&states[t * d..(t + 1) * d], controls[t]);
        plant.step_derivative(t, x, u, &mut by_state, &mut by_control);
        let direct = plant.stage_derivative(t, x, u, &mut before);
        let through: f64 = by_control.iter().zip(&costate).map(|(b, p)| b * p).sum();
        gradient[t] = finite(direct + through, Place::Derivative(t))?;
        for (c, slot) in before.iter_mut().enumerate() {
            let carried: f64 = (0..d).map(|r| by_state[r * d + c] * costate[r]).sum();
            *slot = finite(*slot + carried, Place::Derivative(t))?;
        }
        std::mem::swap(&mut costate, &mut before);
    }
    Ok(())
}

/// Second derivatives of J, T x T, row-major, symmetric by construction: column t from gradients at u(t) +- h, of
/// which only the entries from t on are computed, because earlier states do not feel u(t).
pub(super) fn hessian(plant: &dyn Plant, controls: &[f64]) -> Result<Vec<f64>, NotFinite> {
    let periods = controls.len();
    let mut second = vec![0.0; periods * periods];
    let (mut at, mut slopes, mut states) = (controls.to_vec(), vec![0.0; periods], Vec::new());
    for t in 0..periods {
        for (point, weight) in difference::within(controls[t], SECOND_STEP, plant.bounds(t)) {
            if weight == 0.0 {
                continue;
            }
            at[t] = point;
            roll(plant, &at, &mut states)?;
            gradient(plant, &at, &states, t, &mut slopes)?;
            for s in t..periods {
                second[s * periods + t] += weight * slopes[s];
            }
        }
        at[t] = controls[t];
        for s in t + 1..periods {
            second[t * periods + s] = second[s * periods + t];
        }
    }
    Ok(second)
}
