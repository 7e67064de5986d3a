//! Where noise comes from: drawn from streams of their own, or recorded.

use std::sync::Arc;

use super::group::Group;
use super::model::Market;
use crate::mechanism::AgentId;
use crate::numeric::law::Law;
use crate::numeric::random::{Purpose, stream_at};

/// Recorded disturbances of some agents, instead of drawn ones: what arrives at s (at 0: the start minus its mean).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Replay(Vec<Option<Vec<f64>>>);

impl Replay {
    /// One path of T numbers per agent, or none for those that draw.
    pub fn new(paths: Vec<Option<Vec<f64>>>) -> Self {
        Self(paths)
    }

    /// Whether nothing is recorded.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    /// Whether the agent's disturbances are recorded.
    pub fn has(&self, agent: AgentId) -> bool {
        self.0.get(agent).is_some_and(Option::is_some)
    }

    fn at(&self, agent: AgentId, s: usize) -> Option<f64> {
        self.0.get(agent)?.as_ref()?.get(s).copied()
    }
}

/// All noise of one run: the same seed gives the same noise, whatever anybody does.
#[derive(Clone, Debug)]
pub(super) struct Nature {
    seed: u64,
    replay: Arc<Replay>,
}

/// Index of the first stream of common factors; agents have the lower ones.
const FACTORS: u64 = 1 << 40;
/// Index of the first stream of measurement errors.
const ERRORS: u64 = 1 << 41;

impl Nature {
    pub fn new(seed: u64, replay: Arc<Replay>) -> Self {
        Self { seed, replay }
    }

    /// The common factors of the disturbances that arrive at s; none at 0.
    pub fn factors(&self, market: &Market, s: usize) -> Vec<f64> {
        let count = if s == 0 { 0 } else { market.factors() as u64 };
        let draw = |f| Law::Gaussian.draw(&mut stream_at(self.seed, Purpose::Nature, FACTORS + f, s as u64));
        (0..count).map(draw).collect()
    }

    /// What arrives at s: x(0) at s = 0, a disturbance later; one number per component of the state.
    pub fn arrival(&self, group: &Group, index: usize, s: usize, factors: &[f64], to: &mut [f64]) {
        for (c, to) in to.iter_mut().enumerate() {
            *to = if s == 0 { group.start.get(0, c, index) } else { 0.0 };
        }
        let agent = group.agent(index);
        if let Some(recorded) = self.replay.at(agent, s) {
            to[0] += recorded;
            return;
        }
        let column = if s == 0 { &group.start_noise } else { &group.noise };
        let draws = || stream_at(self.seed, Purpose::Nature, agent as u64, s as u64);
        if let [to] = to {
            let variance = column.get(s, 0, index);
            if variance > 0.0 {
                *to += variance.sqrt() * group.law(index).draw(&mut draws());
            }
        } else {
            correlated(group, index, |e| column.get(s, e, index), &mut draws(), to);
        }
        let all = group.factors();
        for (c, to) in to.iter_mut().enumerate() {
            for (f, factor) in factors.iter().enumerate() {
                *to += group.loadings.get(0, c * all + f, index) * factor;
            }
        }
    }

    /// The error of an agent's measurement in period s, of variance 1.
    pub fn error(&self, group: &Group, index: usize, s: usize) -> f64 {
        let agent = group.agent(index) as u64;
        group.law(index).draw(&mut stream_at(self.seed, Purpose::Nature, ERRORS + agent, s as u64))
    }
}

/// Adds a draw with this covariance to a state of several components.
fn correlated(
    group: &Group,
    index: usize,
    covariance: impl Fn(usize) -> f64,
    rng: &mut rand_chacha::ChaCha8Rng,
    to: &mut [f64],
) {
    let d = to.len();
    let draws: Vec<f64> = (0..d).map(|_| group.law(index).draw(rng)).collect();
    let root = square_root(d, covariance);
    for (c, to) in to.iter_mut().enumerate() {
        *to += (0..=c).map(|f| root[c * d + f] * draws[f]).sum::<f64>();
    }
}

/// A lower triangular root of a covariance; directions without noise stay zero.
pub(super) fn square_root(d: usize, covariance: impl Fn(usize) -> f64) -> Vec<f64> {
    let mut root = vec![0.0; d * d];
    for j in 0..d {
        for i in j..d {
            let rest = covariance(i * d + j) - (0..j).map(|l| root[i * d + l] * root[j * d + l]).sum::<f64>();
            root[i * d + j] = if i == j {
                if rest > 1e-14 * covariance(j * d + j) { rest.sqrt() } else { 0.0 }
            } else if root[j * d + j] > 0.0 {
                rest / root[j * d + j]
            } else {
                0.0
            };
        }
    }
    root
}
