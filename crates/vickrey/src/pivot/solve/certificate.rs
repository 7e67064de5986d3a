//! What no lie gains more than, computed from the residuals of the values that were used.
//!
//! From any period on, in any state, whatever a player does while the others are truthful, she gains at most the sum of
//! the spans of the Bellman residuals of everybody's values, of what the tie rule gives away, and (payments being
//! differences within one sweep) of the spans of the residuals of the others' values.

use serde::Serialize;

/// The bound and what it consists of, in money.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Certificate {
    /// No lie gains more than this, from any period and state on.
    pub bound: f64,
    /// Part of it from the residuals of everybody's values.
    pub values: f64,
    /// Part of it from the residuals of the others' values, for the worst player.
    pub references: f64,
    /// Part of it from the tie rule.
    pub ties: f64,
    /// Part of it from rounding in the residuals themselves, and in the probabilities as they were given: what they miss 1
    /// by.
    pub rounding: f64,
}

/// Residuals of one problem by period: span of (one step from the next values) - (the values).
#[derive(Clone, Debug, Default)]
pub(super) struct Residuals {
    /// Stationary: one entry; finite: periods 0 to T (the last is that of the end).
    pub spans: Vec<f64>,
    /// Most that the tie rule loses, by period; one entry if stationary.
    pub losses: Vec<f64>,
}

impl Certificate {
    /// For indices, of which the one that is taken falls short of the highest by `band` at most.
    ///
    /// Let a be taken in state x. If its first play paid d more, its index would grow by d over the discounted time until
    /// it falls below, which is 1/(1 - delta) at most; with d = band/(1 - delta) it would be the highest, and taking it
    /// efficient. So taking it once loses no more than d, and every period may lose that.
    pub(super) fn of_indices(discount: f64, band: f64) -> Self {
        let ties = band / (1.0 - discount).powi(2);
        Self { bound: ties, ties, ..Self::default() }
    }

    /// For stationary values: (delta (span B + max span B_-i) + max L) / (1 - delta).
    pub(super) fn stationary(delta: f64, whole: &Residuals, rest: &[Residuals], rounding: f64) -> Self {
        let factor = delta / (1.0 - delta);
        let largest = rest.iter().map(|r| r.spans[0]).fold(0.0, f64::max);
        let (values, references) = (factor * whole.spans[0], factor * largest);
        Self::of(values, references, whole.losses[0] / (1.0 - delta), rounding * 4.0 / (1.0 - delta))
    }

    /// For a finite horizon: the largest over the periods t of the discounted sums from t on.
    pub(super) fn finite(delta: f64, whole: &Residuals, rest: &[Residuals], rounding: f64) -> Self {
        let periods = whole.losses.len();
        let mut worst = Self::default();
        // Sums from t + 1 on, discounted to t: of everybody's residuals, of those of the others (differences within one
        // sweep cost the residuals of t+1..T-1; the end counts in either form of payment), and of ties from t on.
        let mut values = delta * whole.spans[periods];
        let mut others: Vec<f64> = rest.iter().map(|r| delta * r.spans[periods]).collect();
        let mut ties = 0.0;
        for t in (0..periods).rev() {
            ties = whole.losses[t] + delta * ties;
            let references = others.iter().copied().fold(0.0, f64::max);
            let here = Self::of(values, references, ties, rounding * 4.0 * (periods - t) as f64);
            if here.bound >= worst.bound {
                worst = here;
            }
            values = delta * (whole.spans[t] + values);
            others.iter_mut().zip(rest).for_each(|(sum, r)| *sum = delta * (r.spans[t] + *sum));
        }
        worst
    }

    fn of(values: f64, references: f64, ties: f64, rounding: f64) -> Self {
        Self { bound: values + references + ties + rounding, values, references, ties, rounding }
    }
}
