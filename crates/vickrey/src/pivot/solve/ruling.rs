//! The decision for every outcome, and what everybody pays, at one state.

use serde::Serialize;

use crate::mechanism::AgentId;
use crate::pivot::mode::Without;
use crate::pivot::model::Model;

/// What follows from the reports of one period.
///
/// Payments are positive if the player pays. They follow from the reports alone, before the outcome is drawn.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ruling {
    /// The decision for every outcome.
    pub decision: Vec<usize>,
    /// Payment of every player, whatever the outcome (paper 002, (21)).
    pub payment: Vec<f64>,
    /// Payment by outcome and player of the variant in which payments wait for the outcome. Its expectation is
    /// `payment`.
    pub contingent: Vec<Vec<f64>>,
    /// What everybody together can expect from here; none where that number is not computed.
    pub value: Option<f64>,
    /// What the others' expectation is measured against, for every player: their value without her, or in mode tight
    /// the most that can be asked for.
    pub reference: Option<Vec<f64>>,
}

impl Ruling {
    /// What a player can expect from here if everybody tells the truth: `value - reference`.
    pub fn truthful(&self, player: AgentId) -> Option<f64> {
        Some(self.value? - self.reference.as_ref()?[player])
    }
}

/// The first decision of a set that is within the tie band of the best, and the best value.
pub(in crate::pivot) fn pick(set: &[usize], choices: &[f64], band: impl Fn(f64) -> f64) -> (usize, f64) {
    let best = set.iter().map(|&a| choices[a]).fold(f64::NEG_INFINITY, f64::max);
    let limit = best - band(best);
    let taken = set.iter().copied().find(|&a| choices[a] >= limit).unwrap_or(set[0]);
    (taken, best)
}

/// What a ruling follows from: the value of every decision at one state, to everybody and to the others of each player.
pub(super) struct Question<'a> {
    pub model: &'a Model,
    pub mode: Without,
    pub period: usize,
    pub public: usize,
    /// Values within this of the best are ties.
    pub band: &'a dyn Fn(f64) -> f64,
    /// By decision.
    pub whole: &'a [f64],
    /// By player and decision.
    pub rest: &'a [Vec<f64>],
    /// In mode tight: what the others are measured against, by player.
    pub tight: Option<&'a [f64]>,
}

impl Question<'_> {
    pub fn ruling(&self, value: Option<f64>, reference: Option<Vec<f64>>) -> Ruling {
        let model = self.model;
        let sets = |i: AgentId, z: usize| match self.mode {
            Without::Own => model.absent(i, z),
            Without::Same | Without::Tight => model.feasible(z),
        };
        let outcomes = 0..model.outcomes();
        let decision: Vec<usize> =
            outcomes.map(|z| pick(model.feasible(z), self.whole, self.band).0).collect();
        let probabilities = model.probabilities(self.period, self.public);
        let mut payment = Vec::with_capacity(model.players());
        let mut contingent = vec![vec![0.0; model.players()]; decision.len()];
        for (i, choices) in self.rest.iter().enumerate() {
            let mut mean = 0.0;
            for (z, (mu, &a)) in probabilities.iter().zip(&decision).enumerate() {
                let against = match self.tight {
                    Some(tight) => tight[i],
                    None => pick(sets(i, z), choices, self.band).1,
                };
                contingent[z][i] = against - choices[a];
                mean += mu * contingent[z][i];
            }
            payment.push(mean);
        }
        Ruling { decision, payment, contingent, value, reference }
    }
}
