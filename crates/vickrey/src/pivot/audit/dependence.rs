//! What independence of types is needed for: the same payments where a player's type moves another's.

use super::measure::settled;
use std::sync::Arc;

use crate::mechanism::AgentId;
use crate::pivot::model::{Horizon, Model};
use crate::pivot::solve::problem::Problem;
use crate::pivot::solve::space::Space;

/// An instance whose joint state moves by kernels of its own; those of its players and the public are not used.
#[derive(Clone, Debug, PartialEq)]
pub struct JointModel {
    model: Model,
    /// Probability of the next joint state by decision, joint state and next joint state.
    kernels: Vec<Vec<f64>>,
}

/// Kernels do not fit.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("joint kernel, {at}: found {found}, accepted is {accepted}")]
pub struct JointError {
    /// Which decision, which row.
    pub at: String,
    /// What was found.
    pub found: String,
    /// What is accepted.
    pub accepted: String,
}

/// What dependence lets a player gain.
#[derive(Clone, Debug, PartialEq)]
pub struct Dependent {
    /// Most that the best strategy of a player gains over truth, from any period and state on, in money; by player.
    pub gain: Vec<f64>,
    /// Period and state of that, by player.
    pub at: Vec<String>,
}

impl JointModel {
    /// From an instance and one kernel for each decision: rows of joint states in C order, the public state outermost.
    ///
    /// # Errors
    /// There are not as many numbers as joint states squared, or a row is no distribution.
    pub fn new(model: Model, kernels: Vec<Vec<f64>>) -> Result<Self, JointError> {
        let size = Space::of(&model).size();
        let error = |at: String, found: String, accepted: String| Err(JointError { at, found, accepted });
        if kernels.len() != model.decisions() {
            let (found, accepted) = (kernels.len(), model.decisions());
            return error("decisions".into(), found.to_string(), accepted.to_string());
        }
        for (a, kernel) in kernels.iter().enumerate() {
            if kernel.len() != size * size {
                let accepted = format!("{size} rows of {size} probabilities");
                return error(format!("decision {a}"), format!("{} numbers", kernel.len()), accepted);
            }
            for (k, row) in kernel.chunks(size).enumerate() {
                let sum: f64 = row.iter().sum();
                let fine = row.iter().all(|p| *p >= 0.0) && (sum - 1.0).abs() <= 1e-9;
                if !fine {
                    let accepted = "probabilities that add up to 1".into();
                    return error(format!("decision {a}, row {k}"), format!("a sum of {sum}"), accepted);
                }
            }
        }
        Ok(Self { model, kernels })
    }
}

/// The gain of every player's best strategy against truthful others under efficient decisions and the pivot payments of
/// mode same, (21) of the paper, all solved on the joint kernel. Payments are computed as if types were independent: the
/// others' values are those at the reported state. Constants in utilities change nothing: values are compared without.
pub fn dependence(joint: &JointModel) -> Dependent {
    let model = &joint.model;
    let players = model.players();
    let space = Space::of(model);
    let dense = Dense { joint, space: &space, problem: Problem::whole(Arc::new(model.clone())) };
    let end = |members: &[AgentId], public: bool| -> Vec<f64> {
        (0..space.size()).map(|k| dense.terminal(k, members, public)).collect()
    };
    let everybody: Vec<AgentId> = (0..players).collect();
    let others = |i: AgentId| -> Vec<AgentId> { (0..players).filter(|j| *j != i).collect() };
    let mut value = end(&everybody, true);
    let mut seats: Vec<(Vec<f64>, Vec<f64>, Vec<f64>)> =
        (0..players).map(|i| (end(&others(i), true), end(&[i], false), end(&[i], false))).collect();
    let mut found = Dependent { gain: vec![f64::NEG_INFINITY; players], at: vec![String::new(); players] };
    for t in (0..model.periods().unwrap_or(1)).rev() {
        let now = settled(model, &value, &|x| dense.best(t, &everybody, true, x)).0;
        let next = dense.after(&now, &value);
        let decision = dense.policy(t, &everybody, next);
        for (i, (rest, truth, best)) in seats.iter_mut().enumerate() {
            let members = others(i);
            let reference = settled(model, rest, &|x| dense.best(t, &members, true, x)).0;
            let payment = dense.payments(t, &members, dense.after(&reference, rest), &decision);
            let lie = |x: &[f64], all: bool| dense.response(t, i, (&decision, &payment), x, all);
            let honest = settled(model, truth, &|x| lie(x, false)).0;
            let most = settled(model, best, &|x| lie(x, true)).0;
            for (k, (v, b)) in honest.iter().zip(&most).enumerate() {
                if b - v > found.gain[i] {
                    found.gain[i] = b - v;
                    let state = super::words::state(model, &space.state(k, players));
                    found.at[i] = format!("{}{state}", super::words::period(model, t));
                }
            }
            (*rest, *truth, *best) = (reference, honest, most);
        }
        value = now;
    }
    found
}

struct Dense<'a> {
    joint: &'a JointModel,
    space: &'a Space,
    /// Its utilities without constants.
    problem: Problem,
}

impl Dense<'_> {
    /// What the next values are: those of the next period, or the same in a game without end.
    fn after<'v>(&self, now: &'v [f64], next: &'v [f64]) -> &'v [f64] {
        if self.joint.model.horizon() == Horizon::Infinite { now } else { next }
    }

    fn state(&self, k: usize) -> crate::pivot::solve::space::State {
        self.space.state(k, self.joint.model.players())
    }

    fn terminal(&self, k: usize, members: &[AgentId], public: bool) -> f64 {
        let state = self.state(k);
        let own = |i: &AgentId| self.problem.own_terminal(*i, state.public, state.types[*i]);
        let first = if public { self.problem.public_terminal(state.public) } else { 0.0 };
        members.iter().fold(first, |sum, i| sum + own(i))
    }

    /// Utility of `members` (and the public) and discounted future of every decision in a state, without constants.
    fn choices(&self, t: usize, k: usize, members: &[AgentId], public: bool, next: &[f64]) -> Vec<f64> {
        let (model, state, size) = (&self.joint.model, self.state(k), self.space.size());
        let worth = |a: usize| {
            let own = |i: &AgentId| self.problem.own(*i, t, a, state.public)[state.types[*i]];
            let first = if public { self.problem.public(t, a, state.public) } else { 0.0 };
            let row = &self.joint.kernels[a][k * size..(k + 1) * size];
            let later: f64 = row.iter().zip(next).map(|(p, v)| p * v).sum();
            members.iter().fold(first, |sum, i| sum + own(i)) + model.discount() * later
        };
        (0..model.decisions()).map(worth).collect()
    }

    fn mean(&self, t: usize, k: usize, of: impl Fn(usize) -> f64) -> f64 {
        let mu = self.joint.model.probabilities(t, k / self.space.block());
        mu.iter().enumerate().filter(|(_, mu)| **mu > 0.0).fold(0.0, |sum, (z, mu)| sum + mu * of(z))
    }

    fn best(&self, t: usize, members: &[AgentId], public: bool, next: &[f64]) -> Vec<f64> {
        let value = |k| {
            let choices = self.choices(t, k, members, public, next);
            self.mean(t, k, |z| self.most(z, &choices, next).1)
        };
        (0..self.space.size()).map(value).collect()
    }

    /// The first decision within the tie band of the best, and the best value; by the rule of all solvers.
    fn most(&self, z: usize, choices: &[f64], next: &[f64]) -> (usize, f64) {
        let level = self.joint.model.discount() * next[0];
        self.problem.first_of_best(self.joint.model.feasible(z), choices, level)
    }

    /// Decisions by state and outcome.
    fn policy(&self, t: usize, members: &[AgentId], next: &[f64]) -> Vec<Vec<usize>> {
        let of = |k| {
            let choices = self.choices(t, k, members, true, next);
            (0..self.joint.model.outcomes()).map(|z| self.most(z, &choices, next).0).collect()
        };
        (0..self.space.size()).map(of).collect()
    }

    /// What the decisions cost the others.
    fn payments(&self, t: usize, others: &[AgentId], next: &[f64], decision: &[Vec<usize>]) -> Vec<f64> {
        let of = |k: usize| {
            let choices = self.choices(t, k, others, true, next);
            self.mean(t, k, |z| self.most(z, &choices, next).1 - choices[decision[k][z]])
        };
        (0..self.space.size()).map(of).collect()
    }

    /// What the truth, or the best of all reports, brings a player.
    fn response(
        &self,
        t: usize,
        i: AgentId,
        (decision, payment): (&[Vec<usize>], &[f64]),
        next: &[f64],
        all: bool,
    ) -> Vec<f64> {
        let value = |k: usize| {
            let choices = self.choices(t, k, &[i], false, next);
            let state = self.state(k);
            let report = |r: usize| {
                let mut told = state.clone();
                told.types[i] = r;
                let told = self.space.index(&told);
                self.mean(t, k, |z| choices[decision[told][z]]) - payment[told]
            };
            let own = state.types[i];
            if all {
                (0..self.space.types[i]).map(report).fold(f64::NEG_INFINITY, f64::max)
            } else {
                report(own)
            }
        };
        (0..self.space.size()).map(value).collect()
    }
}
