//! Laws of noise with mean 0 and variance 1: only these two moments enter mechanisms, the shape is nature's.

use std::f64::consts::SQRT_2;
use std::sync::Arc;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal, StudentT};

/// A law with mean 0 and variance 1.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Law {
    /// Normal.
    #[default]
    Gaussian,
    /// Even between two ends.
    Uniform,
    /// Double exponential.
    Laplace,
    /// One of two values with equal chances.
    TwoPoint,
    /// Student's t, scaled to variance 1; build it with [`Law::student_t`].
    StudentT(Degrees),
    /// One of the listed values with equal chances; build it with [`Law::empirical`].
    Empirical(Arc<[f64]>),
}

/// Degrees of freedom above 2, so that the variance exists.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Degrees(f64);

/// Why a law cannot be built.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{field}: found {found}, accepted is {accepted}")]
pub struct LawError {
    /// Which parameter.
    pub field: &'static str,
    /// What was found.
    pub found: String,
    /// What is accepted.
    pub accepted: &'static str,
}

impl Law {
    /// Student's t with this many degrees of freedom.
    ///
    /// # Errors
    /// The variance does not exist for 2 or fewer.
    pub fn student_t(degrees: f64) -> Result<Self, LawError> {
        if degrees.is_finite() && degrees > 2.0 {
            return Ok(Self::StudentT(Degrees(degrees)));
        }
        let accepted = "a finite number above 2 (the variance must exist)";
        Err(LawError { field: "degrees", found: degrees.to_string(), accepted })
    }

    /// The law of these samples, moved to mean 0 and scaled to variance 1.
    ///
    /// # Errors
    /// Fewer than two different finite samples.
    pub fn empirical(samples: &[f64]) -> Result<Self, LawError> {
        let wrong = |found: String| LawError {
            field: "samples",
            found,
            accepted: "at least two different finite numbers of size at most 1e100",
        };
        if let Some(at) = samples.iter().position(|x| !x.is_finite() || x.abs() > 1e100) {
            return Err(wrong(format!("{} at position {at}", samples[at])));
        }
        let count = samples.len() as f64;
        let mean = super::sum::compensated(samples.iter().map(|x| x / count));
        let size = samples.iter().map(|x| (x - mean).abs()).fold(0.0, f64::max);
        if samples.len() < 2 || size <= 1e-14 * mean.abs() || size == 0.0 {
            return Err(wrong(format!("{} samples without spread", samples.len())));
        }
        // In units of the largest deviation nothing over- or underflows.
        let unit = |x: &f64| (x - mean) / size;
        let spread = super::sum::compensated(samples.iter().map(|x| unit(x).powi(2) / count)).sqrt();
        Ok(Self::Empirical(samples.iter().map(|x| unit(x) / spread).collect()))
    }

    /// A draw with mean 0 and variance 1.
    pub fn draw(&self, rng: &mut ChaCha8Rng) -> f64 {
        match self {
            Self::Gaussian => StandardNormal.sample(rng),
            Self::Uniform => 3.0_f64.sqrt() * (2.0 * rng.random::<f64>() - 1.0),
            Self::Laplace => {
                let sign = if rng.random::<bool>() { 1.0 } else { -1.0 };
                // 1 - random is never 0.
                -sign * (1.0 - rng.random::<f64>()).ln() / SQRT_2
            }
            Self::TwoPoint => {
                if rng.random::<bool>() {
                    1.0
                } else {
                    -1.0
                }
            }
            Self::StudentT(Degrees(degrees)) => match StudentT::new(*degrees) {
                Ok(t) => t.sample(rng) * ((degrees - 2.0) / degrees).sqrt(),
                // Degrees are checked when they are made.
                Err(_) => 0.0,
            },
            Self::Empirical(values) => values[rng.random_range(0..values.len())],
        }
    }

    /// The law in a word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Gaussian => "gaussian",
            Self::Uniform => "uniform",
            Self::Laplace => "laplace",
            Self::TwoPoint => "two-point",
            Self::StudentT(_) => "student-t",
            Self::Empirical(_) => "empirical",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::random::{Purpose, stream};

    fn laws() -> Vec<Law> {
        vec![
            Law::Gaussian,
            Law::Uniform,
            Law::Laplace,
            Law::TwoPoint,
            Law::student_t(8.0).unwrap(),
            Law::empirical(&[1.0, 2.0, 2.0, 10.0]).unwrap(),
        ]
    }

    #[test]
    fn mean_zero_and_variance_one() {
        for law in laws() {
            let mut rng = stream(1, Purpose::Nature, 0);
            let count = 200_000;
            let draws: Vec<f64> = (0..count).map(|_| law.draw(&mut rng)).collect();
            let mean = draws.iter().sum::<f64>() / f64::from(count);
            let square = draws.iter().map(|x| x * x).sum::<f64>() / f64::from(count);
            // Four standard errors; the fourth moment of all these laws is below 10.
            assert!(mean.abs() < 4.0 / f64::from(count).sqrt(), "{law:?}: mean {mean}");
            assert!((square - 1.0).abs() < 12.0 / f64::from(count).sqrt(), "{law:?}: variance {square}");
        }
    }

    #[test]
    fn empirical_laws_are_standardised_exactly() {
        let Law::Empirical(values) = Law::empirical(&[1e9 + 1.0, 1e9 + 2.0, 1e9 + 6.0]).unwrap() else {
            unreachable!()
        };
        let mean = values.iter().sum::<f64>() / 3.0;
        let square = values.iter().map(|x| x * x).sum::<f64>() / 3.0;
        assert!(mean.abs() < 1e-15 && (square - 1.0).abs() < 1e-14);
    }

    #[test]
    fn impossible_laws_are_refused() {
        for degrees in [2.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(Law::student_t(degrees).is_err());
        }
        for samples in [&[][..], &[1.0], &[2.0, 2.0], &[1.0, f64::NAN], &[0.0, 1e200]] {
            assert!(Law::empirical(samples).is_err(), "{samples:?}");
        }
    }

    /// Draws are part of published results: a change of the sampling library must be noticed.
    #[test]
    fn golden_draws() {
        let draw = |law: &Law| law.draw(&mut stream(42, Purpose::Nature, 7));
        let drawn: Vec<f64> = laws().iter().map(draw).collect();
        assert_eq!(drawn, GOLDEN);
    }

    const GOLDEN: [f64; 6] = [
        0.559_700_777_226_929_8,
        0.814_561_296_796_022_8,
        -0.132_481_394_784_520_6,
        -1.0,
        0.891_598_927_961_248_6,
        -0.481_899_873_575_060_03,
    ];
}
