//! How much of a derivative is noise: measured, not promised, because plants may compute their derivatives in any way.
//!
//! A smooth function on equally spaced points has third differences of the order of spacing³, which is below rounding for
//! the spacing used here. Independent errors of standard deviation s have third differences of s times the root of
//! 1 + 9 + 9 + 1. So third differences along a short way show the errors alone (Hamming's table of differences; Moré and
//! Wild, "Estimating computational noise", 2011). The median is used: a kink on the way spoils fewer than half of them.

use super::group::Group;

/// Points on the way; a kink that differences have smeared over two steps of them spoils 6 of 13 third differences.
const POINTS: usize = 16;

/// Spacing relative to max(1, |u|): a third of the step of the default differences, so that no two points share an
/// evaluation, and far above what one rounding of the argument does.
const SPACING: f64 = 0.37 * super::super::model::DIFFERENCE_STEP;

/// The standard deviation of the noisiest marginal utility near a point, money per unit; none if some is not finite there.
pub(super) fn of_gradient(group: &Group<'_>, u: &[f64]) -> Option<f64> {
    let step: Vec<f64> = (0..u.len())
        .map(|j| {
            let step = SPACING * u[j].abs().max(1.0);
            let reach = step * POINTS as f64;
            if u[j] + reach <= group.high[j] {
                step
            } else if u[j] - reach >= group.low[j] {
                -step
            } else {
                0.0
            }
        })
        .collect();
    let along: Vec<Vec<f64>> = (0..POINTS)
        .map(|k| {
            let at: Vec<f64> = u.iter().zip(&step).map(|(u, d)| u + k as f64 * d).collect();
            group.gradient(&at).ok()
        })
        .collect::<Option<_>>()?;
    let mut most = 0.0_f64;
    for j in 0..u.len() {
        let entry: Vec<f64> = along.iter().map(|g| g[j]).collect();
        most = most.max(deviation(&entry));
    }
    Some(most)
}

/// The standard deviation of the errors of numbers that would otherwise lie on a smooth curve.
fn deviation(values: &[f64]) -> f64 {
    let mut third: Vec<f64> =
        values.windows(4).map(|w| (w[3] - 3.0 * w[2] + 3.0 * w[1] - w[0]).abs()).collect();
    third.sort_by(f64::total_cmp);
    // The median size of a normal number is 0.6745 standard deviations.
    third[third.len() / 2] / (0.6745 * 20.0_f64.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::random::{Purpose, stream};
    use rand::RngExt;

    #[test]
    fn finds_the_size_of_errors_on_a_curve() {
        for (seed, size) in [1e-12, 1e-9, 1e-3].into_iter().enumerate() {
            let mut found = Vec::new();
            for trial in 0..200 {
                let mut rng = stream(seed as u64, Purpose::Instance, trial);
                // Uniform on an interval of length sqrt(12): standard deviation 1.
                let mut error = || size * 12.0_f64.sqrt() * (rng.random::<f64>() - 0.5);
                let values: Vec<f64> = (0..POINTS)
                    .map(|k| {
                        let x = 0.3 + SPACING * k as f64;
                        x.sin() + error() + if k > 7 { (x - 0.3) * 3.0 } else { 0.0 }
                    })
                    .collect();
                found.push(deviation(&values) / size);
            }
            found.sort_by(f64::total_cmp);
            assert!(found[2] > 0.2 && found[100] > 0.6 && found[100] < 1.6 && found[197] < 4.0, "{found:?}");
        }
    }
}
