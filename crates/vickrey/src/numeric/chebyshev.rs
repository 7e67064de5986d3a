//! Interpolation by a short Chebyshev series on an interval, with a test of its accuracy.

use std::f64::consts::PI;

use super::gauss;

/// Number of interpolation nodes.
pub const NODES: usize = 12;
/// Number of points between the nodes at which the interpolant is tested.
pub const TESTS: usize = 3;
/// Test points in [-1, 1], away from the nodes and near both ends, where interpolation is worst.
const TEST_POINTS: [f64; TESTS] = [-0.96, 0.07, 0.965];

/// A polynomial of degree at most `NODES - 1` on `low..=high`.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    coefficients: [f64; NODES],
    /// How many coefficients are more than rounding.
    terms: usize,
}

/// Last coefficients below this part of the largest one are rounding of the values: leaving them out saves time.
const NEGLIGIBLE: f64 = 2e-16;

/// The points at which a function must be known to build and test a series on `low..=high`: nodes, then tests.
pub fn points(low: f64, high: f64) -> [f64; NODES + TESTS] {
    let (mid, half) = (0.5 * (low + high), 0.5 * (high - low));
    std::array::from_fn(|k| {
        let x = if k < NODES { node(k) } else { TEST_POINTS[k - NODES] };
        mid + half * x
    })
}

fn node(k: usize) -> f64 {
    (PI * (k as f64 + 0.5) / NODES as f64).cos()
}

impl Series {
    /// Interpolates the values at the nodes; returns the series and its largest relative error at the test points.
    pub fn fit(low: f64, high: f64, values: &[f64; NODES + TESTS]) -> (Self, f64) {
        let series = Self::through(low, high, &values[..NODES]);
        let at = points(low, high);
        let error = (NODES..NODES + TESTS)
            .map(|k| {
                let miss = (series.at(at[k]) - values[k]).abs();
                if miss == 0.0 { 0.0 } else { miss / values[k].abs() }
            })
            .fold(0.0, |a: f64, b| if b > a || b.is_nan() { b } else { a });
        (series, error)
    }

    /// The series through the values at the nodes.
    fn through(low: f64, high: f64, values: &[f64]) -> Self {
        let coefficients: [f64; NODES] = std::array::from_fn(|j| {
            let at_node = |k: usize| (PI * j as f64 * (k as f64 + 0.5) / NODES as f64).cos();
            let sum: f64 = values.iter().enumerate().map(|(k, value)| value * at_node(k)).sum();
            sum * if j == 0 { 1.0 } else { 2.0 } / NODES as f64
        });
        let largest = coefficients.iter().fold(0.0, |a: f64, c| a.max(c.abs()));
        let terms = coefficients.iter().rposition(|c| c.abs() > NEGLIGIBLE * largest).map_or(1, |k| k + 1);
        Self { low, high, coefficients, terms }
    }

    /// The mean over `low..=t` of this series, and the mean of (x - low) / (t - low) times this series, both as
    /// functions of t: with them every integral over a part of the interval costs two evaluations.
    pub fn running_means(&self) -> (Self, Self) {
        let ends = points(self.low, self.high);
        // Both are polynomials of the same degree as the series, and the rule is exact for them.
        let through = |weight: fn(f64) -> f64| {
            let values: [f64; NODES] = std::array::from_fn(|k| {
                let reach = ends[k] - self.low;
                gauss::fixed(0.0, 1.0, |share| weight(share) * self.at(self.low + share * reach))
            });
            Self::through(self.low, self.high, &values)
        };
        (through(|_| 1.0), through(|share| share))
    }

    /// Value at a point.
    #[inline]
    pub fn at(&self, point: f64) -> f64 {
        let x = (2.0 * point - self.low - self.high) / (self.high - self.low);
        let (mut b1, mut b2) = (0.0, 0.0);
        for &c in self.coefficients[1..self.terms].iter().rev() {
            (b1, b2) = (2.0 * x * b1 - b2 + c, b1);
        }
        x * b1 - b2 + self.coefficients[0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smooth_functions_to_rounding() {
        for (low, high) in [(0.0, 0.3), (1.0, 1.5), (-0.2, 0.2)] {
            let values = points(low, high).map(|x| 1.0 / (2.0 + x));
            let (series, error) = Series::fit(low, high, &values);
            assert!(error < 1e-13, "{error}");
            for k in 0..=100 {
                let x = low + (high - low) * f64::from(k) / 100.0;
                assert!((series.at(x) * (2.0 + x) - 1.0).abs() < 1e-13);
            }
        }
    }

    #[test]
    fn integrals_by_running_means() {
        // x / (2 + x) has the antiderivative x - 2 ln(2 + x).
        for (low, high) in [(0.0, 0.3), (1e-6, 0.3), (1.0, 1.5)] {
            let (series, _) = Series::fit(low, high, &points(low, high).map(|x| 1.0 / (2.0 + x)));
            let (mean, moment) = series.running_means();
            for k in 1..=10 {
                let (t, d) = (low + (high - low) * f64::from(k) / 10.0, (high - low) * f64::from(k) / 10.0);
                let found = d * (low * mean.at(t) + d * moment.at(t));
                let exact = (t - low) - 2.0 * ((t - low) / (2.0 + low)).ln_1p();
                assert!((found - exact).abs() < 2e-15, "{low} {t}: {found} {exact}");
            }
        }
    }

    #[test]
    fn the_test_notices_a_kink_and_nan() {
        let (_, error) = Series::fit(0.0, 1.0, &points(0.0, 1.0).map(|x| 1.0 + (x - 0.4).max(0.0)));
        assert!(error > 1e-4);
        let (_, error) = Series::fit(0.0, 1.0, &points(0.0, 1.0).map(|_| f64::NAN));
        assert!(error.is_nan());
    }
}
