//! Decisions that move nothing: every period is a static pivot mechanism of its own.
//!
//! If no kernel depends on the decision, what follows is the same under all of them. The best decision is the one with
//! the largest utility now, the differences in (21) are differences of utilities of this period, and neither needs a
//! value on the joint state space, however many players there are.

use std::sync::Arc;

use super::certificate::Certificate;
use super::problem::Problem;
use super::ruling::{Question, Ruling};
use super::space::State;
use super::stage::used;
use crate::pivot::mode::Without;
use crate::pivot::model::{Horizon, Model};
use crate::pivot::varying::Varying;

/// Decisions and payments without values.
#[derive(Clone, Debug)]
pub struct Static {
    mode: Without,
    whole: Problem,
    rest: Vec<Problem>,
    certificate: Certificate,
}

impl Static {
    /// Whether it serves: not if a decision moves something, nor in mode tight, which is defined by values.
    pub(super) fn serves(model: &Model, mode: Without) -> bool {
        mode != Without::Tight && moves_nothing(model)
    }

    /// None if it does not serve.
    pub(super) fn new(model: &Model, mode: Without) -> Option<Self> {
        if !Self::serves(model, mode) {
            return None;
        }
        let whole = Problem::whole(Arc::new(model.clone()));
        let rest = (0..model.players()).map(|i| whole.without(i)).collect();
        let delta = model.discount();
        let ties = match model.horizon() {
            Horizon::Infinite => loss(&whole, 0) / (1.0 - delta),
            // The largest over the periods of what can be lost from then on.
            Horizon::Finite(periods) => {
                let later = |(most, sum): (f64, f64), t| {
                    let sum = loss(&whole, t) + delta * sum;
                    (f64::max(most, sum), sum)
                };
                (0..periods).rev().fold((0.0, 0.0), later).0
            }
        };
        let certificate = Certificate { bound: ties, ties, ..Certificate::default() };
        Some(Self { mode, whole, rest, certificate })
    }

    /// What no lie gains more than: what ties can give away at most.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Decisions and payments at one state.
    pub fn ruling(&self, period: usize, state: &State) -> Ruling {
        let model = &self.whole.model;
        let now = |problem: &Problem| -> Vec<f64> {
            (0..model.decisions()).map(|a| problem.stage_at(period, state, a)).collect()
        };
        let rest: Vec<Vec<f64>> = self.rest.iter().map(now).collect();
        Question {
            model,
            mode: self.mode,
            period,
            public: state.public,
            band: &|best| self.whole.stage.band(best, 0.0, 0.0),
            whole: &now(&self.whole),
            rest: &rest,
            tight: None,
        }
        .ruling(None, None)
    }
}

/// Most that the tie rule can give away in a period: the band of the best value, at the largest size that this can have,
/// averaged over outcomes.
fn loss(whole: &Problem, period: usize) -> f64 {
    let (model, stage) = (&whole.model, &whole.stage);
    let sum = |public: usize, a: usize, pick: fn(f64, f64) -> f64, from: f64| -> f64 {
        let own = |i: usize| whole.own(i, period, a, public).iter().copied().fold(from, pick);
        whole.public(period, a, public) + (0..model.players()).map(own).sum::<f64>()
    };
    let of = |public: usize, z: usize| {
        let all = |pick: fn(f64, f64) -> f64, from: f64| {
            let sums = model.feasible(z).iter().map(|&a| sum(public, a, pick, from));
            sums.fold(f64::NEG_INFINITY, f64::max)
        };
        // With everybody's best type for each decision, and with her worst: the best value lies between.
        let (high, low) = (all(f64::max, f64::NEG_INFINITY), all(f64::min, f64::INFINITY));
        if model.feasible(z).len() == 1 { 0.0 } else { stage.band(high.abs().max(low.abs()), 0.0, 0.0) }
    };
    let mean = |public: usize| {
        let mu = model.probabilities(period, public).iter().enumerate();
        mu.filter(|(_, mu)| **mu > 0.0).map(|(z, mu)| mu * of(public, z)).sum::<f64>()
    };
    (0..model.public().states).map(mean).fold(0.0, f64::max)
}

/// Whether no kernel depends on the decision, as far as it can be taken.
pub fn moves_nothing(model: &Model) -> bool {
    let used = used(model);
    let same = |which: &Varying<usize>| {
        let [periods, decisions, publics] = which.shape();
        let one = |t: usize, s: usize| {
            let mut laws = (0..decisions).filter(|a| decisions == 1 || used[*a]).map(|a| which.at(t, a, s));
            let first = laws.next();
            laws.all(|law| Some(law) == first)
        };
        (0..periods).all(|t| (0..publics).all(|s| one(t, s)))
    };
    same(model.public().moves.which()) && (0..model.players()).all(|i| same(model.player(i).moves.which()))
}
