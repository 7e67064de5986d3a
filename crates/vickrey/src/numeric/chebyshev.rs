//! Interpolation by a short Chebyshev series on an interval, with a test of its accuracy.

use std::f64::consts::PI;

/// Number of interpolation nodes.
pub const NODES: usize = 12;
/// Number of points between the nodes at which the interpolant is tested.
pub const TESTS: usize = 3;
/// Test points in [-1, 1], away from the nodes and near both ends, where interpolation is worst.
const TEST_POINTS: [f64; TESTS] = [-0.96, 0.07, 0.965];

/// A polynomial of degree `NODES - 1` on `low..=high`.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    coefficients: [f64; NODES],
}

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
        let coefficients = std::array::from_fn(|j| {
            let sum: f64 = (0..NODES)
                .map(|k| values[k] * (PI * j as f64 * (k as f64 + 0.5) / NODES as f64).cos())
                .sum();
            sum * if j == 0 { 1.0 } else { 2.0 } / NODES as f64
        });
        let series = Self { low, high, coefficients };
        let at = points(low, high);
        let error = (NODES..NODES + TESTS)
            .map(|k| {
                let miss = (series.at(at[k]) - values[k]).abs();
                if miss == 0.0 { 0.0 } else { miss / values[k].abs() }
            })
            .fold(0.0, |a: f64, b| if b > a || b.is_nan() { b } else { a });
        (series, error)
    }

    /// Value at a point.
    #[inline]
    pub fn at(&self, point: f64) -> f64 {
        let x = (2.0 * point - self.low - self.high) / (self.high - self.low);
        let (mut b1, mut b2) = (0.0, 0.0);
        for &c in self.coefficients[1..].iter().rev() {
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
    fn the_test_notices_a_kink_and_nan() {
        let (_, error) = Series::fit(0.0, 1.0, &points(0.0, 1.0).map(|x| 1.0 + (x - 0.4).max(0.0)));
        assert!(error > 1e-4);
        let (_, error) = Series::fit(0.0, 1.0, &points(0.0, 1.0).map(|_| f64::NAN));
        assert!(error.is_nan());
    }
}
