//! Laws with infinitely many types, brought onto finitely many: equal-probability bins, each represented by its
//! conditional mean. The mean is kept, the variance shrinks.
//!
//! The mean of a bin follows from the size-biased law, whose distribution function F* is known in closed form for all
//! families here: `m M (F*(q_{k+1}) - F*(q_k))` with the quantiles q of the law.
//!
//! Special functions are those of Cephes. They stand on the platform's logarithm and exponential, so that the last digits
//! of types may differ between machines; a scenario that must not depend on that lists its types.

use spec_math::cephes64::{igam, igami, incbet, incbi, ndtr, ndtri};

use super::law::Law;
use crate::numeric::sum::compensated;

/// More types than this are a mistake: tests would need longer than anybody waits to see anything.
pub const MOST_BINS: usize = 1000;

/// A family of laws of positive numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Family {
    /// Beta of the second kind: b = 2 + M (M + 1)/V, a = M (b - 1). Exists for every mean M and variance V.
    BetaPrime,
    /// Beta on the interval from 0 to `top`. Exists if M (top - M) > V.
    ScaledBeta {
        /// The largest number.
        top: f64,
    },
    /// The logarithm is normal with variance ln(1 + V/M²).
    Lognormal,
    /// Shape M²/V, scale V/M.
    Gamma,
}

/// Types and their probabilities.
#[derive(Clone, Debug, PartialEq)]
pub struct Bins {
    /// Types, ascending and different.
    pub points: Vec<f64>,
    /// Their probabilities; all the same, unless bins of data have the same mean, which make one type then.
    pub law: Law,
    /// Mean and variance that were asked for.
    pub asked: [f64; 2],
}

/// Why a law cannot be brought onto bins.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{field}: found {found}, accepted is {accepted}")]
pub struct BinsError {
    /// Which parameter.
    pub field: &'static str,
    /// What was found.
    pub found: String,
    /// What is accepted.
    pub accepted: String,
}

impl Bins {
    /// Mean and variance of the types.
    pub fn obtained(&self) -> [f64; 2] {
        let mean = self.law.mean(|t| self.points[t]);
        [mean, self.law.mean(|t| (self.points[t] - mean).powi(2))]
    }
}

impl Family {
    /// Quantile and size-biased distribution function of the law with this mean and variance. Shapes so extreme that
    /// they are not finite make bins that cannot be told apart, which [`family`] reports.
    fn functions(self, mean: f64, variance: f64) -> (Function, Function) {
        match self {
            Self::BetaPrime => {
                let b = 2.0 + mean * (mean + 1.0) / variance;
                let a = mean * (b - 1.0);
                (Box::new(move |p| incbi(a, b, p)), Box::new(move |y| incbet(a + 1.0, b - 1.0, y)))
            }
            Self::ScaledBeta { top } => {
                let size = mean * (top - mean) / variance - 1.0;
                let (a, b) = (size * mean / top, size * (1.0 - mean / top));
                (Box::new(move |p| incbi(a, b, p)), Box::new(move |y| incbet(a + 1.0, b, y)))
            }
            Self::Lognormal => {
                let sigma = (variance / mean / mean).ln_1p().sqrt();
                (Box::new(ndtri), Box::new(move |z| ndtr(z - sigma)))
            }
            Self::Gamma => {
                let shape = mean * mean / variance;
                (Box::new(move |p| igami(shape, p)), Box::new(move |x| igam(shape + 1.0, x)))
            }
        }
    }

    fn check(self, mean: f64, variance: f64) -> Result<(), BinsError> {
        for (field, x) in [("mean", mean), ("variance", variance)] {
            if !(x > 0.0 && x.is_finite()) {
                return Err(wrong(field, x.to_string(), "a finite number above 0"));
            }
        }
        let Self::ScaledBeta { top } = self else { return Ok(()) };
        if !(top > mean && top.is_finite()) {
            return Err(wrong("top", top.to_string(), format!("a finite number above the mean, {mean}")));
        }
        let bound = mean * (top - mean);
        if variance < bound {
            return Ok(());
        }
        let accepted = format!(
            "less than mean (top - mean) = {bound}, which no law on [0, {top}] with mean {mean} exceeds (or a top above {})",
            mean + variance / mean
        );
        Err(wrong("variance", variance.to_string(), accepted))
    }
}

type Function = Box<dyn Fn(f64) -> f64>;

/// The law of a family with this mean and variance on `bins` types of equal probability.
///
/// # Errors
/// The number of bins is out of range, no law of the family has this mean and variance, or its bins cannot be told apart
/// in floating-point numbers.
pub fn family(family: Family, mean: f64, variance: f64, bins: usize) -> Result<Bins, BinsError> {
    check_bins(bins)?;
    family.check(mean, variance)?;
    let (quantile, biased) = family.functions(mean, variance);
    let m = bins as f64;
    let mut below = 0.0;
    let mut points = Vec::with_capacity(bins);
    for k in 1..=bins {
        let above = if k == bins { 1.0 } else { biased(quantile(k as f64 / m)) };
        points.push(m * mean * (above - below));
        below = above;
    }
    let apart = points.windows(2).all(|pair| pair[0] < pair[1]);
    let is_law = apart && points[0] > 0.0 && points.iter().all(|x| x.is_finite());
    if !is_law {
        let found = format!("{variance} (with mean {mean} and {bins} types)");
        let accepted = "one with which types differ in floating-point numbers: neither a speck beside the squared mean, \
                        nor so large that the smallest types vanish; or fewer types";
        return Err(wrong("variance", found, accepted));
    }
    Ok(Bins { points, law: Law::uniform(bins), asked: [mean, variance] })
}

/// Data on `bins` types of equal probability: the quantile function of the data, averaged over each bin. Bins with the
/// same average make one type.
///
/// # Errors
/// The number of bins is out of range, there are fewer data than bins, or one of them is not finite.
pub fn empirical(data: &[f64], bins: usize) -> Result<Bins, BinsError> {
    check_bins(bins)?;
    if data.len() < bins {
        let accepted = format!("at least as many as types, {bins}");
        return Err(wrong("samples", format!("{} numbers", data.len()), accepted));
    }
    if let Some(at) = data.iter().position(|x| !x.is_finite()) {
        let found = format!("{} as number {}", data[at], at + 1);
        return Err(wrong("samples", found, "finite numbers"));
    }
    let mut sorted = data.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = data.len();
    let mean = compensated(sorted.iter().copied()) / n as f64;
    let variance = compensated(sorted.iter().map(|x| (x - mean).powi(2))) / n as f64;
    let (mut points, mut weights): (Vec<f64>, Vec<f64>) = (Vec::new(), Vec::new());
    for k in 0..bins {
        let point = average(&sorted, k, bins);
        match (points.last(), weights.last_mut()) {
            (Some(last), Some(weight)) if *last >= point => *weight += 1.0,
            _ => {
                points.push(point);
                weights.push(1.0);
            }
        }
    }
    let law = Law::new(weights.iter().map(|count| count / bins as f64).collect());
    let law = law.map_err(|error| wrong("samples", error.to_string(), "numbers that make a law"))?;
    Ok(Bins { points, law, asked: [mean, variance] })
}

/// Average of the quantile function over [k/m, (k+1)/m]: in units of 1/(n m) every datum has m, every bin n, so that
/// shares of data are whole numbers.
fn average(sorted: &[f64], k: usize, m: usize) -> f64 {
    let n = sorted.len();
    let (from, to) = (k * n, (k + 1) * n);
    let (first, last) = (from / m, (to - 1) / m);
    let share = |at: usize| to.min((at + 1) * m) - from.max(at * m);
    let sum = compensated((first..=last).map(|at| sorted[at] * share(at) as f64));
    // A bin within equal data has that value, which rounding must not change.
    (sum / n as f64).clamp(sorted[first], sorted[last])
}

/// The same data in `classes` groups of about equal size, by rank: the class of every datum, and the largest number of
/// each class. Equal data are in one class, so that there may be fewer.
///
/// # Errors
/// There are no classes or fewer data than classes.
pub fn classes(data: &[f64], classes: usize) -> Result<(Vec<usize>, Vec<f64>), BinsError> {
    if classes == 0 || data.len() < classes {
        let accepted = format!("a number from 1 to {} (as many as there are numbers)", data.len());
        return Err(wrong("classes", classes.to_string(), accepted));
    }
    let mut sorted = data.to_vec();
    sorted.sort_by(f64::total_cmp);
    let mut ends: Vec<f64> = (1..=classes).map(|k| sorted[k * data.len() / classes - 1]).collect();
    ends.dedup();
    let class = |x: &f64| ends.partition_point(|end| end < x);
    Ok((data.iter().map(class).collect(), ends))
}

fn check_bins(bins: usize) -> Result<(), BinsError> {
    let fine = (1..=MOST_BINS).contains(&bins);
    let error = || wrong("types", bins.to_string(), format!("a whole number from 1 to {MOST_BINS}"));
    if fine { Ok(()) } else { Err(error()) }
}

fn wrong(field: &'static str, found: String, accepted: impl Into<String>) -> BinsError {
    BinsError { field, found, accepted: accepted.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_variance_of_twenty_bins() {
        let bins = family(Family::BetaPrime, 1.0, 2.0, 20).unwrap();
        let [mean, variance] = bins.obtained();
        assert!((mean - 1.0).abs() < 1e-14, "{mean}");
        assert!((variance - 1.2967).abs() < 5e-5, "{variance}");
    }

    #[test]
    fn one_bin_is_the_mean() {
        for of in [Family::BetaPrime, Family::ScaledBeta { top: 9.0 }, Family::Lognormal, Family::Gamma] {
            assert_eq!(family(of, 2.5, 0.75, 1).unwrap().points, [2.5]);
        }
        assert_eq!(empirical(&[1.0, 2.0, 6.0], 1).unwrap().points, [3.0]);
    }

    #[test]
    fn impossible_pairs_are_refused_with_the_bound() {
        let says = |of, mean, variance, bins| family(of, mean, variance, bins).unwrap_err().to_string();
        let beta = says(Family::ScaledBeta { top: 3.0 }, 1.0, 2.0, 20);
        assert!(beta.contains("less than mean (top - mean) = 2") && beta.contains("a top above 3"), "{beta}");
        assert!(family(Family::ScaledBeta { top: 3.01 }, 1.0, 2.0, 5).is_ok());
        assert!(says(Family::ScaledBeta { top: 1.0 }, 1.0, 2.0, 20).starts_with("top: found 1"));
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(says(Family::Gamma, bad, 1.0, 5).starts_with("mean: found"));
            assert!(says(Family::BetaPrime, 1.0, bad, 5).starts_with("variance: found"));
        }
        assert!(says(Family::Gamma, 1.0, 1.0, 0).starts_with("types: found 0"));
        assert!(says(Family::Gamma, 1.0, 1e9, 20).contains("so large that the smallest types vanish"));
        assert!(says(Family::Lognormal, 1.0, 1e-40, 20).contains("a speck"));
    }

    #[test]
    fn data_keep_their_mean_and_share_what_lies_between_bins() {
        let bins = empirical(&[4.0, 1.0, 2.0], 2).unwrap();
        // The middle datum belongs to both bins by halves.
        assert_eq!(bins.points, [(1.0 + 2.0 / 2.0) / 1.5, (4.0 + 2.0 / 2.0) / 1.5]);
        let [mean, _] = bins.obtained();
        assert!((mean - 7.0 / 3.0).abs() < 1e-15 && (bins.asked[0] - 7.0 / 3.0).abs() < 1e-15);
        let same = empirical(&[0.1, 0.1, 0.1, 0.1, 0.1, 7.0], 3).unwrap();
        assert_eq!(same.points.len(), 2);
        assert_eq!(same.points[0], 0.1);
        assert_eq!(same.law.probabilities(), [2.0 / 3.0, 1.0 / 3.0]);
        assert!(empirical(&[1.0], 2).is_err() && empirical(&[1.0, f64::NAN], 2).is_err());
    }

    #[test]
    fn classes_are_of_equal_size_and_keep_equal_data_together() {
        let (of, ends) = classes(&[5.0, 1.0, 3.0, 2.0, 4.0, 6.0], 3).unwrap();
        assert_eq!((of, ends), (vec![2, 0, 1, 0, 1, 2], vec![2.0, 4.0, 6.0]));
        let (of, ends) = classes(&[1.0, 1.0, 1.0, 2.0], 4).unwrap();
        assert_eq!((of, ends), (vec![0, 0, 0, 1], vec![1.0, 2.0]));
        assert!(classes(&[1.0], 2).is_err() && classes(&[1.0], 0).is_err());
    }
}
