//! Gauss-Legendre quadrature.

/// Nodes in (0, 1] and weights of the 10-point rule on [-1, 1]; each node stands for itself and its mirror image.
const NODES: [(f64, f64); 5] = [
    (0.148_874_338_981_631_22, 0.295_524_224_714_752_87),
    (0.433_395_394_129_247_2, 0.269_266_719_309_996_35),
    (0.679_409_568_299_024_4, 0.219_086_362_515_982_04),
    (0.865_063_366_688_984_5, 0.149_451_349_150_580_6),
    (0.973_906_528_517_171_7, 0.066_671_344_308_688_14),
];

/// Integral of `f` from `a` to `b` by the 10-point rule (exact for polynomials up to degree 19).
pub fn fixed(a: f64, b: f64, f: impl Fn(f64) -> f64) -> f64 {
    let (half, mid) = (0.5 * (b - a), 0.5 * (a + b));
    let sum: f64 = NODES.iter().map(|&(x, w)| w * (f(mid - half * x) + f(mid + half * x))).sum();
    half * sum
}

/// Integral over t from 0 to `step` of f(start + t), split at the kinks that lie inside, halved until the two halves
/// agree with the whole to 1e-13 (at most 2^12 pieces: a function with unknown kinks gets what is reached by then).
pub fn adaptive(kinks: &[f64], start: f64, step: f64, f: &dyn Fn(f64) -> f64) -> f64 {
    let end = start + step;
    let mut cuts: Vec<f64> = kinks.iter().copied().filter(|k| (k - start) * (k - end) < 0.0).collect();
    cuts.sort_by(f64::total_cmp);
    if step < 0.0 {
        cuts.reverse();
    }
    cuts.push(end);
    let (mut at, mut sum) = (start, 0.0);
    for cut in cuts {
        sum += halve((at, cut), fixed(at, cut, f), (0.0, 12), f);
        at = cut;
    }
    sum
}

/// Integral of `f` from `a` to `b`, halved until what halving changes is at most `change`: a jump in an unknown place costs
/// as many halvings as it takes digits, at most 50.
pub fn jumping(a: f64, b: f64, change: f64, f: &dyn Fn(f64) -> f64) -> f64 {
    halve((a, b), fixed(a, b, f), (change, 50), f)
}

fn halve((a, b): (f64, f64), whole: f64, (change, depth): (f64, u32), f: &dyn Fn(f64) -> f64) -> f64 {
    let mid = 0.5 * (a + b);
    let (left, right) = (fixed(a, mid, f), fixed(mid, b, f));
    let enough = change.max(1e-13 * (left.abs() + right.abs()));
    if depth == 0 || (left + right - whole).abs() <= enough {
        return left + right;
    }
    halve((a, mid), left, (change, depth - 1), f) + halve((mid, b), right, (change, depth - 1), f)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_on_polynomials() {
        for degree in 0..20 {
            let exact = (2.0_f64.powi(degree + 1) - (-1.0_f64).powi(degree + 1)) / f64::from(degree + 1);
            assert!(
                (fixed(-1.0, 2.0, |x| x.powi(degree)) - exact).abs() < 1e-11 * exact.abs().max(1.0),
                "{degree}"
            );
        }
    }

    #[test]
    fn finds_its_way_around_kinks() {
        let f = |x: f64| (x - 1.0).max(0.0);
        assert!((adaptive(&[1.0], 0.0, 3.0, &f) - 2.0).abs() < 1e-14);
        assert!((adaptive(&[], 0.0, 3.0, &f) - 2.0).abs() < 1e-6);
        assert!((adaptive(&[1.0], 3.0, -3.0, &f) + 2.0).abs() < 1e-14);
        let step = |x: f64| if x < 0.7 { 1.0 } else { 3.0 };
        assert!((jumping(0.0, 1.0, 1e-13, &step) - 1.6).abs() < 1e-12);
    }
}
