//! The posted price, for comparison: a price for curtailment is announced, everybody answers it, the reserve does the rest
//! (paper 001, section IV).

use super::model::Lottery;
use super::purchase::Outlook;
use crate::two_stage::law::Law;

/// Expected social cost of a price p: `a p² + b p + c`, money a day.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Posted {
    /// Coefficient of p².
    pub square: f64,
    /// Coefficient of p.
    pub slope: f64,
    /// Without curtailment.
    pub constant: f64,
    /// The cheapest price, -b / (2 a).
    pub price: f64,
    /// Expected social cost at the cheapest price, c - b² / (4 a).
    pub cost: f64,
}

impl Posted {
    /// Expected social cost at a price.
    pub fn at(&self, price: f64) -> f64 {
        (self.square * price + self.slope) * price + self.constant
    }
}

/// The parabola of a market without limits. Everybody curtails p / delta, the reserve is what is left (also if that is
/// negative). Purchases the day before are no part of it.
pub fn posted(types: &[&[f64]], laws: &[&Law], reserve: &Lottery, outlook: Outlook) -> Posted {
    let dear = reserve.mean(|delta| delta);
    let (mut mean, mut variance) = (0.0, 0.0);
    for (deltas, law) in types.iter().zip(laws) {
        let own = law.mean(|t| 1.0 / deltas[t]);
        mean += own;
        variance += law.mean(|t| (1.0 / deltas[t] - own).powi(2));
    }
    let twice = mean + dear * (variance + mean * mean);
    let (square, slope) = (twice / 2.0, -outlook.mean * dear * mean);
    // c - b²/(4 a) without the subtraction.
    let spread = outlook.variance;
    let kept = outlook.mean * outlook.mean * (mean + dear * variance) / twice;
    Posted {
        square,
        slope,
        constant: dear * outlook.square() / 2.0,
        price: outlook.mean * dear * mean / twice,
        cost: dear * (spread + kept) / 2.0,
    }
}
