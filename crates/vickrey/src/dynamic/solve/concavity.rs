//! Tests of declared concavity: halfway between two control paths a concave utility is at least the mean, and nowhere is
//! it above a tangent. What refutes the declaration is an error; what does not is no proof.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::super::model::{DynamicError, Market};
use super::super::sweep;
use super::group::reach;
use super::{Options, Solution};
use crate::mechanism::AgentId;
use crate::numeric::random::{self, Purpose};

/// Random paths per agent and test.
const PAIRS: usize = 8;

/// Streams of these tests, far from those of starts.
fn stream(options: &Options, agent: AgentId, absent: Option<AgentId>) -> ChaCha8Rng {
    let problem = absent.map_or(0, |i| i as u64 + 1);
    random::stream(options.seed, Purpose::Instance, 1 << 63 | (agent as u64) << 31 | problem)
}

fn declared(market: &Market) -> impl Iterator<Item = AgentId> {
    (0..market.len()).filter(|&i| market.plant(i).concave())
}

/// Pairs from the range of random starts.
pub(super) fn at_random(market: &Market, options: &Options) -> Result<(), DynamicError> {
    for agent in declared(market) {
        let mut rng = stream(options, agent, Some(agent));
        let mut path = || -> Vec<f64> {
            let bounds = market.bounds(agent).iter();
            let ranges = bounds.map(|&(low, high)| reach(low, high, options.spread));
            ranges.map(|(low, high)| low + (high - low) * rng.random::<f64>()).collect()
        };
        for _ in 0..PAIRS {
            let (a, b) = (path(), path());
            test(market, agent, &a, &b)?;
        }
    }
    Ok(())
}

/// From a solution, where money is decided: no path may be worth more than the tangent there allows. Paths with one
/// control at an end of its range (what is concave in one direction can hide what is not in another), and random ones.
pub(super) fn near(market: &Market, solution: &Solution, options: &Options) -> Result<(), DynamicError> {
    for agent in declared(market).filter(|&i| solution.absent != Some(i)) {
        let (plant, at) = (market.plant(agent), &solution.controls[agent]);
        let (mut states, mut slopes) = (Vec::new(), vec![0.0; at.len()]);
        let Ok(value) = sweep::roll(plant, at, &mut states) else { continue };
        if sweep::gradient(plant, at, &states, 0, &mut slopes).is_err() {
            continue;
        }
        let tangent = |path: &[f64]| {
            let Ok(found) = sweep::value(plant, path) else { return Ok(()) };
            let rise: f64 = (0..at.len()).map(|t| slopes[t] * (path[t] - at[t])).sum();
            let size: f64 = (0..at.len()).map(|t| (slopes[t] * (path[t] - at[t])).abs()).sum();
            // Slopes by differences are good to about 1e-8 of their size and of the utility.
            refute(market, agent, found - value - rise, 1e-7 * (1.0 + value.abs() + found.abs() + size))
        };
        let range = |t: usize| {
            let (low, high) = market.bounds(agent)[t];
            let (from, to) = reach(low, high, options.spread);
            [from, to]
        };
        let mut path = at.clone();
        for t in 0..at.len() {
            for end in range(t) {
                path[t] = end;
                tangent(&path)?;
            }
            path[t] = at[t];
        }
        let mut rng = stream(options, agent, solution.absent);
        for _ in 0..PAIRS {
            for (t, u) in path.iter_mut().enumerate() {
                let [from, to] = range(t);
                *u = from + (to - from) * rng.random::<f64>();
            }
            tangent(&path)?;
        }
    }
    Ok(())
}

fn test(market: &Market, agent: AgentId, a: &[f64], b: &[f64]) -> Result<(), DynamicError> {
    let middle: Vec<f64> = a.iter().zip(b).map(|(x, y)| 0.5 * (x + y)).collect();
    let value = |u: &[f64]| sweep::value(market.plant(agent), u);
    // Points where the plant cannot be say nothing.
    if let (Ok(x), Ok(y), Ok(m)) = (value(a), value(b), value(&middle)) {
        return refute(market, agent, 0.5 * (x + y) - m, 1e-9 * (1.0 + x.abs() + y.abs()));
    }
    Ok(())
}

fn refute(market: &Market, agent: AgentId, excess: f64, tolerance: f64) -> Result<(), DynamicError> {
    if excess > tolerance {
        return Err(DynamicError::NotConcave { agent: market.name(agent).into_owned(), excess });
    }
    Ok(())
}
