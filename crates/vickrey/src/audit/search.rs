//! Derivative-free maximisation inside a box: given starts, random points, then Nelder-Mead from the best.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// What to search.
#[derive(Clone, Debug)]
pub struct Space<'a> {
    /// Lower corner of the box.
    pub low: &'a [f64],
    /// Upper corner of the box.
    pub high: &'a [f64],
    /// Points to try first.
    pub starts: &'a [Vec<f64>],
    /// Number of random points.
    pub random: usize,
    /// Evaluations of the local search.
    pub local: usize,
}

/// The best point found.
#[derive(Clone, Debug, PartialEq)]
pub struct Best {
    /// The largest value; minus infinity if no point was usable.
    pub value: f64,
    /// Where.
    pub at: Vec<f64>,
    /// Evaluations.
    pub tries: u64,
}

/// Searches for the maximum of `f`, which returns minus infinity where it is not defined.
pub fn maximise(space: &Space<'_>, rng: &mut ChaCha8Rng, mut f: impl FnMut(&[f64]) -> f64) -> Best {
    let dim = space.low.len();
    let mut best = Best { value: f64::NEG_INFINITY, at: space.low.to_vec(), tries: 0 };
    let mut look = |x: &[f64], best: &mut Best| {
        let value = f(x);
        best.tries += 1;
        if value > best.value {
            best.value = value;
            best.at = x.to_vec();
        }
        value
    };
    for start in space.starts {
        look(start, &mut best);
    }
    for _ in 0..space.random {
        let x: Vec<f64> =
            (0..dim).map(|k| space.low[k] + (space.high[k] - space.low[k]) * rng.random::<f64>()).collect();
        look(&x, &mut best);
    }
    if space.local > dim && best.value > f64::NEG_INFINITY {
        nelder_mead(space, &mut best, &mut look);
    }
    best
}

/// The simplex method of Nelder and Mead, with points clamped to the box.
fn nelder_mead(space: &Space<'_>, best: &mut Best, look: &mut impl FnMut(&[f64], &mut Best) -> f64) {
    let dim = space.low.len();
    let clamp = |x: Vec<f64>| -> Vec<f64> {
        x.iter().enumerate().map(|(k, v)| v.clamp(space.low[k], space.high[k])).collect()
    };
    let end = best.tries + space.local as u64;
    let mut simplex = vec![(best.value, best.at.clone())];
    for k in 0..dim {
        let mut x = best.at.clone();
        let step = 0.1 * (space.high[k] - space.low[k]);
        x[k] += if x[k] + step <= space.high[k] { step } else { -step };
        simplex.push((look(&x, best), x));
    }
    while best.tries < end {
        simplex.sort_by(|a, b| b.0.total_cmp(&a.0));
        let worst = simplex[dim].1.clone();
        let centre: Vec<f64> =
            (0..dim).map(|k| simplex[..dim].iter().map(|p| p.1[k]).sum::<f64>() / dim as f64).collect();
        let along = |by: f64| clamp((0..dim).map(|k| centre[k] + by * (worst[k] - centre[k])).collect());
        let reflected = along(-1.0);
        let value = look(&reflected, best);
        if value > simplex[0].0 {
            let expanded = along(-2.0);
            let far = look(&expanded, best);
            simplex[dim] = if far > value { (far, expanded) } else { (value, reflected) };
        } else if value > simplex[dim - 1].0 {
            simplex[dim] = (value, reflected);
        } else {
            let inner = along(if value > simplex[dim].0 { -0.5 } else { 0.5 });
            let near = look(&inner, best);
            if near > simplex[dim].0.max(value) {
                simplex[dim] = (near, inner);
            } else {
                shrink(&mut simplex, best, look);
            }
        }
        if simplex[0].1 == simplex[dim].1 {
            return;
        }
    }
}

fn shrink(simplex: &mut [(f64, Vec<f64>)], best: &mut Best, look: &mut impl FnMut(&[f64], &mut Best) -> f64) {
    let top = simplex[0].1.clone();
    for point in &mut simplex[1..] {
        for (x, t) in point.1.iter_mut().zip(&top) {
            *x = 0.5 * (*x + t);
        }
        point.0 = look(&point.1, best);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::random::{Purpose, stream};

    fn search(f: impl FnMut(&[f64]) -> f64) -> Best {
        let space = Space {
            low: &[-2.0, -2.0],
            high: &[3.0, 3.0],
            starts: &[vec![0.0, 0.0]],
            random: 20,
            local: 200,
        };
        maximise(&space, &mut stream(1, Purpose::Audit, 0), f)
    }

    #[test]
    fn finds_inner_and_border_maxima() {
        let best = search(|x| -(x[0] - 1.3).powi(2) - 10.0 * (x[1] - x[0] * x[0]).powi(2));
        assert!(best.value > -1e-6, "{best:?}");
        let best = search(|x| x[0] - 2.0 * x[1]);
        assert!(best.value > 7.0 - 1e-3, "{best:?}");
    }

    #[test]
    fn survives_undefined_points() {
        assert_eq!(search(|_| f64::NEG_INFINITY).value, f64::NEG_INFINITY);
        let best = search(|x| if x[0] > 1.0 { f64::NEG_INFINITY } else { x[0] });
        assert!(best.value > 0.99);
    }
}
