//! Where the promise ends with measurements: noise that is not Gaussian, and an agent with a better filter.
//!
//! With two-point disturbances and measurement errors an agent's data leave finitely many states possible. It can bid the
//! change of its true conditional mean instead of the Kalman filter's. Against truthful others its expected net utility is
//! the expected welfare that results (minus what it cannot influence), which misses the optimum under full knowledge by
//! sum_s G_s E(recorded - true state)²; so it gains sum_s G_s (MSE of the Kalman filter - MSE of the conditional mean).

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::Subject;
use super::covariance::Regret;
use super::incentives::suspects;
use crate::audit::{Worst, money};
use crate::guarantee::{Evidence, Finding};
use crate::lq::model::{Market, Parameters};
use crate::lq::solve::aggregate::Aggregate;
use crate::lq::solve::kalman::Filter;
use crate::mechanism::AgentId;

/// Periods with two coins each that are enumerated, by effort.
const PERIODS: (usize, usize, usize) = (6, 8, 9);

/// What an agent gains by bidding the change of its conditional mean in the first `periods` periods (then the Kalman bid),
/// if all disturbances and measurement errors of its own are two-point. None if the agent sees its state, or has more than
/// one state.
pub fn gain_by_conditional_mean(
    market: &Market,
    aggregate: &Aggregate,
    agent: AgentId,
    periods: usize,
) -> Option<f64> {
    let parameters = market.parameters(agent);
    if parameters.states != 1 || parameters.observation.is_none() {
        return None;
    }
    let regret = Regret::new(market, aggregate, agent);
    let errors = mean_squared_errors(&parameters, periods.min(market.periods()));
    Some(errors.iter().enumerate().map(|(s, (linear, best))| regret.weight(s)[0] * (linear - best)).sum())
}

/// One path of the agent's own noise, up to some period.
#[derive(Clone)]
struct Branch {
    /// State without trade, minus its mean.
    state: f64,
    /// The Kalman filter's estimate of it.
    estimate: f64,
    /// Which data it has produced.
    data: usize,
}

/// Mean squared errors of the Kalman filter and of the conditional mean, by period.
fn mean_squared_errors(parameters: &Parameters, periods: usize) -> Vec<(f64, f64)> {
    let (Some(observation), Some(mut filter)) = (&parameters.observation, Filter::of(parameters)) else {
        return Vec::new();
    };
    let entry = |series: &crate::lq::model::Series, t: usize| {
        series.at(t).and_then(|row| row.first().copied()).unwrap_or(0.0)
    };
    let (c, error) = (observation.gain[0], observation.noise.sqrt());
    let mut branches = vec![Branch { state: 0.0, estimate: 0.0, data: 0 }];
    let mut found = Vec::new();
    for s in 0..periods {
        let a = if s == 0 { 1.0 } else { entry(&parameters.a, s - 1) };
        let noise = match s {
            0 => parameters.start_noise.first().copied().unwrap_or(0.0),
            _ => entry(&parameters.noise, s),
        };
        let mut gain = [0.0];
        filter.measure(&mut gain);
        let mut next = Vec::with_capacity(4 * branches.len());
        for branch in &branches {
            for (w, v) in [(1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)] {
                let state = a * branch.state + w * noise.sqrt();
                let (seen, predicted) = (c * state + v * error, a * branch.estimate);
                let estimate = predicted + gain[0] * (seen - c * predicted);
                next.push((seen, Branch { state, estimate, data: branch.data }));
            }
        }
        let means = condition(&mut next);
        branches = next.into_iter().map(|(_, branch)| branch).collect();
        let count = branches.len() as f64;
        let linear = branches.iter().map(|b| (b.estimate - b.state).powi(2)).sum::<f64>() / count;
        let best = branches.iter().map(|b| (means[b.data] - b.state).powi(2)).sum::<f64>() / count;
        found.push((linear, best));
        filter.predict(|_, _| entry(&parameters.a, s), |_, _| entry(&parameters.noise, s + 1));
    }
    found
}

/// Gives branches with the same data the same number, and returns the mean state of each number.
fn condition(branches: &mut [(f64, Branch)]) -> Vec<f64> {
    let size = branches.iter().map(|(seen, _)| seen.abs()).fold(0.0, f64::max);
    // Equal measurements along different paths differ by rounding.
    let unit = 1e-9 * if size > 0.0 { size } else { 1.0 };
    let mut numbers: BTreeMap<(usize, i64), usize> = BTreeMap::new();
    let mut sums: Vec<(f64, f64)> = Vec::new();
    for (seen, branch) in branches {
        let key = (branch.data, (*seen / unit).round() as i64);
        let number = *numbers.entry(key).or_insert_with(|| {
            sums.push((0.0, 0.0));
            sums.len() - 1
        });
        sums[number].0 += branch.state;
        sums[number].1 += 1.0;
        branch.data = number;
    }
    sums.into_iter().map(|(sum, count)| sum / count).collect()
}

/// The finding; none if nobody measures a scalar state.
pub(super) fn better_filter(subject: &Subject<'_>) -> Option<Finding> {
    let market = subject.mechanism.market();
    if !market.is_observed() {
        return None;
    }
    let effort = subject.options.effort;
    let periods = effort.pick(PERIODS.0, PERIODS.1, PERIODS.2).min(market.periods());
    let agents = suspects(subject, effort.pick(10, 30, 200));
    let gains: Vec<(AgentId, Option<f64>)> = agents
        .into_par_iter()
        .map(|i| (i, gain_by_conditional_mean(market, subject.mechanism.aggregate(), i, periods)))
        .collect();
    let mut worst = Worst::default();
    for (agent, gain) in gains {
        if let Some(gain) = gain {
            worst.see(gain, || market.name(agent).into_owned());
        }
    }
    if worst.tries == 0 {
        return None;
    }
    let note = format!(
        "if disturbances and measurement errors took two values instead of being Gaussian, `{}` would gain {} by bidding the \
         change of its true conditional mean in the first {periods} periods instead of the Kalman bid: the guarantee needs \
         Gaussian noise when states are measured",
        worst.at,
        money(worst.value)
    );
    let tolerance = 1e-9 * subject.scale;
    let evidence =
        Evidence { worst: worst.value, unit: "money", at: worst.at, tries: worst.tries, tolerance };
    Some(Finding { title: "a better filter than the Kalman filter".into(), evidence, note })
}
