//! The decision for every outcome, and what everybody pays, at one state.

use serde::Serialize;

use crate::mechanism::AgentId;

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
pub(super) fn pick(set: &[usize], choices: &[f64], band: impl Fn(f64) -> f64) -> (usize, f64) {
    let best = set.iter().map(|&a| choices[a]).fold(f64::NEG_INFINITY, f64::max);
    let limit = best - band(best);
    let taken = set.iter().copied().find(|&a| choices[a] >= limit).unwrap_or(set[0]);
    (taken, best)
}

/// Payments of one player: for every outcome the others' best value (`against`) minus what the decision leaves them,
/// and the average.
pub(super) fn payments(
    probabilities: &[f64],
    decision: &[usize],
    against: impl Fn(usize) -> f64,
    choices: &[f64],
) -> (f64, Vec<f64>) {
    let contingent: Vec<f64> = decision.iter().enumerate().map(|(z, &a)| against(z) - choices[a]).collect();
    let mean = probabilities.iter().zip(&contingent).fold(0.0, |sum, (mu, p)| sum + mu * p);
    (mean, contingent)
}
