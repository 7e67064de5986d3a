//! Integrals of demand functions, accurate for small and for large arguments.
//!
//! The closed forms lose their digits near 0 (differences of nearly equal numbers); there the defining integral is
//! taken by Gauss-Legendre quadrature, whose error is below rounding because the nearest singularity, -1, is far.
//! Very near 0, where large markets are, six terms of the power series are as exact and much cheaper.

use super::gauss;

/// Below this size the quadrature is used.
const SMALL: f64 = 0.3;
/// Below this size [`TERMS`] terms of the power series are used: the first one left out is below 1e-18 of the sum.
const TINY: f64 = 1e-3;
const TERMS: usize = 6;

/// ln(1 + x) - x.
pub fn ln_1p_minus(x: f64) -> f64 {
    if x.abs() < TINY {
        return -x * x * horner(-x, |k| 1.0 / (k + 2.0));
    }
    if x.abs() < SMALL { gauss::fixed(0.0, x, |t| -t / (1.0 + t)) } else { x.ln_1p() - x }
}

/// Integral of ln(1 + t) from 0 to x: (1 + x) ln(1 + x) - x.
pub fn ln_1p_integral(x: f64) -> f64 {
    if x.abs() < TINY {
        return x * x * horner(-x, |k| 1.0 / ((k + 1.0) * (k + 2.0)));
    }
    if x.abs() < SMALL { gauss::fixed(0.0, x, f64::ln_1p) } else { (1.0 + x) * x.ln_1p() - x }
}

/// (1 + x)^p - 1, accurate for small x.
#[inline]
pub fn power_minus_one(p: f64, x: f64) -> f64 {
    if x.abs() * p.abs().max(1.0) < TINY { p * x * binomial(p, x, 2.0) } else { (p * x.ln_1p()).exp_m1() }
}

/// Integral of (1 + t)^p - 1 from 0 to x, p < -1.
pub fn power_minus_one_integral(p: f64, x: f64) -> f64 {
    // |p| stretches the function: the argument of the exponential must stay small.
    let stretched = x.abs() * p.abs().max(1.0);
    if stretched < TINY {
        return 0.5 * p * x * x * binomial(p, x, 3.0);
    }
    if stretched < SMALL {
        gauss::fixed(0.0, x, |t| (p * t.ln_1p()).exp_m1())
    } else {
        ((p + 1.0) * x.ln_1p()).exp_m1() / (p + 1.0) - x
    }
}

/// Sum of coefficient(k) x^k, k = 0 to [`TERMS`] - 1.
#[inline]
fn horner(x: f64, coefficient: impl Fn(f64) -> f64) -> f64 {
    (0..TERMS).rev().fold(0.0, |sum, k| sum * x + coefficient(k as f64))
}

/// 1 + (p-1)x/d (1 + (p-2)x/(d+1) (1 + ...)): the binomial series after its first term (d = 2), or its integral
/// (d = 3).
#[inline]
fn binomial(p: f64, x: f64, d: f64) -> f64 {
    (1..TERMS).rev().fold(1.0, |sum, k| {
        let k = k as f64;
        1.0 + sum * ((p - k) * x / (d + k - 1.0))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Taylor sums, independent of the quadrature.
    fn series(x: f64, term: impl Fn(f64) -> f64) -> f64 {
        (1..60).map(|k| term(k as f64) * x.powi(k + 1)).rev().sum()
    }

    #[test]
    fn agree_with_series() {
        for x in [1e-9, -1e-9, 9e-4, -9.9e-4, 1e-3, -0.1, 0.1, 0.25, -0.25, 0.29] {
            let sign = |k: f64| if k as i64 % 2 == 0 { 1.0 } else { -1.0 };
            let a = series(x, |k| sign(k) / (k + 1.0));
            assert!((ln_1p_minus(x) / a - 1.0).abs() < 2e-15, "{x}");
            let b = series(x, |k| -sign(k) / (k * (k + 1.0)));
            assert!((ln_1p_integral(x) / b - 1.0).abs() < 2e-15, "{x}");
        }
    }

    #[test]
    fn both_branches_meet() {
        for x in [0.3, -0.3] {
            assert!((ln_1p_minus(x * 0.999_999_999) / ln_1p_minus(x) - 1.0).abs() < 1e-8);
        }
        for p in [-1.5, -2.0, -40.0] {
            let x = SMALL / f64::abs(p);
            let low = power_minus_one_integral(p, x * (1.0 - 1e-12));
            assert!((low / power_minus_one_integral(p, x) - 1.0).abs() < 1e-11, "{p}");
        }
        // p = -2: the integral is -x²/(1+x).
        for x in [1e-8, 0.01, 0.2, 3.0, -0.4] {
            let exact = -x * x / (1.0 + x);
            assert!((power_minus_one_integral(-2.0, x) / exact - 1.0).abs() < 1e-14, "{x}");
        }
    }

    #[test]
    fn powers_on_both_sides_of_the_series() {
        for p in [-1.5, -2.0, -40.0, -1e6] {
            let x = TINY / f64::abs(p);
            for x in [0.5 * x, x * (1.0 - 1e-9), x, 100.0 * x, -0.9 * x, -x] {
                let direct = (p * f64::ln_1p(x)).exp_m1();
                assert!((power_minus_one(p, x) / direct - 1.0).abs() < 1e-14, "{p} {x}");
            }
            let low = power_minus_one_integral(p, x * (1.0 - 1e-12));
            assert!((low / power_minus_one_integral(p, x) - 1.0).abs() < 1e-11, "{p}");
        }
    }
}
