//! What an agent that sees its state through a measurement knows: its Kalman filter, and the covariance of its bids.
//!
//! y = C x + v is measured before every trade. The bid of layer s is the filter's update at s, L (y - C x_predicted), with
//! covariance L L' (C P C' + var v); what stays unknown costs q P_plus in every period, whatever is traded.

use crate::lq::group::{Group, LANES, Lane};
use crate::lq::model::{Observation, Parameters, Series};
use crate::lq::regulator::{Dim, ZERO};

/// The covariance of a Kalman filter with one measurement per period.
#[derive(Clone, Debug)]
pub struct Filter {
    states: usize,
    observation: Observation,
    /// Covariance of the state given everything seen so far, D x D.
    covariance: Vec<f64>,
    spread: Vec<f64>,
}

impl Filter {
    /// Before the first measurement, from the covariance of x(0).
    pub fn new(states: usize, observation: Observation, start_noise: Vec<f64>) -> Self {
        let covariance = if start_noise.is_empty() { vec![0.0; states * states] } else { start_noise };
        Self { states, observation, covariance, spread: vec![0.0; states] }
    }

    /// Takes a measurement: fills in L, by which innovations move the estimate, and returns their variance.
    pub fn measure(&mut self, gain: &mut [f64]) -> f64 {
        let d = self.states;
        let c = &self.observation.gain;
        for i in 0..d {
            self.spread[i] = (0..d).map(|j| self.covariance[i * d + j] * c[j]).sum();
        }
        let variance = self.observation.noise + (0..d).map(|i| c[i] * self.spread[i]).sum::<f64>();
        for (gain, spread) in gain.iter_mut().zip(&self.spread) {
            *gain = if variance > 0.0 { spread / variance } else { 0.0 };
        }
        if d == 1 {
            // P rho / (c² P + rho), without the difference.
            let rest = if variance > 0.0 { self.observation.noise / variance } else { 1.0 };
            self.covariance[0] *= rest;
            return variance;
        }
        for (i, gain) in gain.iter().enumerate() {
            for j in 0..=i {
                let x = self.covariance[i * d + j] - gain * self.spread[j];
                self.covariance[i * d + j] = x;
                self.covariance[j * d + i] = x;
            }
        }
        variance
    }

    /// Moves on by a period: a D x D, and the covariance of the disturbance.
    pub fn predict(&mut self, a: impl Fn(usize, usize) -> f64, noise: impl Fn(usize, usize) -> f64) {
        let d = self.states;
        let moved: Vec<f64> =
            (0..d * d).map(|e| (0..d).map(|k| a(e / d, k) * self.covariance[k * d + e % d]).sum()).collect();
        for i in 0..d {
            for j in 0..=i {
                let x = noise(i, j) + (0..d).map(|k| moved[i * d + k] * a(j, k)).sum::<f64>();
                self.covariance[i * d + j] = x;
                self.covariance[j * d + i] = x;
            }
        }
    }

    /// Moves on from period t to t + 1 as the agent's parameters say.
    pub fn predict_with(&mut self, parameters: &Parameters, t: usize) {
        let d = self.states;
        let entry = |series: &Series, t: usize, e: usize| {
            series.at(t).and_then(|row| row.get(e).copied()).unwrap_or(0.0)
        };
        self.predict(
            |i, j| entry(&parameters.a, t, i * d + j),
            |i, j| entry(&parameters.noise, t + 1, i * d + j),
        );
    }

    /// What is not known: the covariance of the state.
    pub fn covariance(&self) -> &[f64] {
        &self.covariance
    }

    /// The filter of an agent, if it needs one.
    pub fn of(parameters: &Parameters) -> Option<Self> {
        let observation = parameters.observation.clone()?;
        Some(Self::new(parameters.states, observation, parameters.start_noise.clone()))
    }

    fn of_member(group: &Group, index: usize) -> Option<Self> {
        let d = group.states();
        let start = (0..d * d).map(|e| group.start_noise.get(0, e, index)).collect();
        group.observation(index).map(|observation| Self::new(d, observation, start))
    }

    fn predict_member(&mut self, group: &Group, index: usize, t: usize) {
        let d = self.states;
        self.predict(
            |i, j| group.a.get(t, i * d + j, index),
            |i, j| group.noise.get(t + 1, i * d + j, index),
        );
    }
}

/// Covariances of the bids of a layer, agent by agent.
pub(in crate::lq) struct BidCovariance {
    /// D x D; zero beyond the agents.
    pub covariance: Vec<Lane>,
}

impl BidCovariance {
    pub fn new(states: usize) -> Self {
        Self { covariance: vec![ZERO; states * states] }
    }

    /// Fills in the covariances of the bids x_i(s,s) of the agents from `first` on; common factors are not in them.
    #[inline(always)]
    pub fn at<D: Dim>(&mut self, dim: D, group: &Group, first: usize, s: usize) {
        let d = dim.get();
        for (e, lane) in self.covariance.iter_mut().enumerate().take(d * d) {
            *lane = if s == 0 {
                group.start_noise.lane(0, e, first, 0.0)
            } else {
                group.noise.lane(s, e, first, 0.0)
            };
        }
        if group.is_observed() {
            self.filter(group, first, s);
        }
    }

    fn filter(&mut self, group: &Group, first: usize, s: usize) {
        let d = group.states();
        let mut gain = vec![0.0; d];
        for k in 0..LANES.min(group.size() - first) {
            let Some(mut filter) = Filter::of_member(group, first + k) else { continue };
            let mut variance = filter.measure(&mut gain);
            for t in 0..s {
                filter.predict_member(group, first + k, t);
                variance = filter.measure(&mut gain);
            }
            for e in 0..d * d {
                self.covariance[e][k] = gain[e / d] * gain[e % d] * variance;
            }
        }
    }
}

/// What an agent's lack of knowledge costs it, whatever is traded: sum_t tr(Q P_plus(t)), and at the end.
pub(in crate::lq) fn cost_of_ignorance(group: &Group, index: usize, periods: usize) -> f64 {
    let d = group.states();
    let trace = |m: &dyn Fn(usize) -> f64, p: &[f64]| -> f64 { (0..d * d).map(|e| m(e) * p[e]).sum() };
    let terminal = |e: usize| group.terminal_q.get(0, e, index);
    let Some(mut filter) = Filter::of_member(group, index) else {
        // What arrives after the last trade is never known in time.
        let last: Vec<f64> =
            (0..d * d).map(|e| group.noise.get(periods, e, index) + common(group, index, e)).collect();
        return trace(&terminal, &last);
    };
    let mut cost = 0.0;
    let mut gain = vec![0.0; d];
    for t in 0..periods {
        filter.measure(&mut gain);
        cost += trace(&|e| group.q.get(t, e, index), filter.covariance());
        filter.predict_member(group, index, t);
    }
    cost + trace(&terminal, filter.covariance())
}

/// Entry e of L L'.
fn common(group: &Group, index: usize, e: usize) -> f64 {
    let (d, k) = (group.states(), group.factors());
    let loading = |c: usize, f: usize| group.loadings.get(0, c * k + f, index);
    (0..k).map(|f| loading(e / d, f) * loading(e % d, f)).sum()
}
