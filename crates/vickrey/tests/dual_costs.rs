//! Costs and answers to prices against brute force: golden section for one decision, optimality conditions for several.

use std::sync::Arc;

use proptest::prelude::*;
use vickrey::faithful::dual::cost::{ConvexCost, Cost, Local};
use vickrey::faithful::dual::curve::Curve;

/// The minimum of a convex function between two limits, by golden section and at the given points.
fn lowest(f: impl Fn(f64) -> f64, (low, high): (f64, f64), also: &[f64]) -> f64 {
    let golden = 0.5 * (5.0_f64.sqrt() - 1.0);
    let (mut a, mut b) = (low, high);
    let mut best =
        also.iter().filter(|x| (low..=high).contains(*x)).map(|x| f(*x)).fold(f64::INFINITY, f64::min);
    for _ in 0..200 {
        let (c, d) = (b - golden * (b - a), a + golden * (b - a));
        let (at_c, at_d) = (f(c), f(d));
        best = best.min(at_c).min(at_d);
        if at_c <= at_d { b = d } else { a = c }
    }
    best.min(f(low)).min(f(high))
}

/// An answer costs no more than the best of many points, is within the limits, and moves as its sensitivity says.
fn check_curve(curve: &Curve, (slope, bend): (f64, f64), (low, high): (f64, f64), kinks: &[f64]) {
    let total = |z: f64| curve.value(z) + slope * z + 0.5 * bend * z * z;
    let z = curve.answer(slope, bend, low, high).expect("limits");
    assert!((low..=high).contains(&z), "{curve:?} {slope} {bend}: {z}");
    let best = lowest(total, (low, high), kinks);
    let size = 1.0 + curve.value(z).abs() + (slope * z).abs() + bend * z * z;
    assert!(
        total(z) <= best + 1e-14 * size,
        "{curve:?} {slope} {bend} in {low}..{high}: {z} costs {}, {best}",
        total(z)
    );
}

fn limits() -> impl Strategy<Value = (f64, f64)> {
    (-3.0..3.0_f64, 0.0..4.0_f64).prop_map(|(low, width)| (low, low + width))
}

fn slopes() -> impl Strategy<Value = (f64, f64)> {
    (prop_oneof![-20.0..20.0_f64, Just(0.0)], prop_oneof![Just(0.0), 0.0..5.0_f64])
}

/// Small whole numbers, so that flat pieces, equal lines and kinks at limits occur.
fn lines() -> impl Strategy<Value = Vec<(f64, f64)>> {
    proptest::collection::vec((-3..4_i32, -3..4_i32).prop_map(|(a, b)| (f64::from(a), f64::from(b))), 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn logarithms(
        weight in 0.01..10.0_f64,
        own in -3.0..3.0_f64,
        ask in slopes(),
        range in limits(),
        far in 0.001..3.0_f64,
    ) {
        let shift = far - range.0;
        check_curve(&Curve::log(weight, shift, own).unwrap(), ask, range, &[]);
    }

    #[test]
    fn powers(
        weight in 0.01..10.0_f64,
        target in -3.0..3.0_f64,
        exponent in prop_oneof![1.1..6.0_f64, Just(1.1), Just(1.5), Just(2.0), Just(3.0), Just(4.0)],
        own in prop_oneof![Just(0.0), 0.0..2.0_f64],
        ask in slopes(),
        range in limits(),
    ) {
        check_curve(&Curve::power(weight, target, exponent, own).unwrap(), ask, range, &[target]);
    }

    #[test]
    fn pieces(
        own in prop_oneof![Just(0.0), 0.1..2.0_f64],
        lines in lines(),
        slope in (-4..5_i32).prop_map(f64::from),
        bend in prop_oneof![Just(0.0), 0.1..2.0_f64],
        low in (-3..3_i32).prop_map(f64::from),
        width in (0..4_i32).prop_map(f64::from),
    ) {
        let curve = Curve::pieces(own, &lines).unwrap();
        let largest = |z: f64| lines.iter().map(|(a, b)| a * z + b).fold(f64::NEG_INFINITY, f64::max);
        for k in -40..=40 {
            let z = f64::from(k) / 8.0;
            prop_assert!((curve.value(z) - largest(z) - 0.5 * own * z * z).abs() < 1e-12, "{curve:?} at {z}");
        }
        let crossings: Vec<f64> = lines
            .iter()
            .flat_map(|(a, b)| lines.iter().filter(move |(c, _)| c != a).map(move |(c, d)| (d - b) / (a - c)))
            .collect();
        check_curve(&curve, (slope, bend), (low, low + width), &crossings);
        // Where several points are best it is the one nearest to zero.
        if own + bend == 0.0 {
            let z = curve.answer(slope, 0.0, low, low + width).unwrap();
            let total = |z: f64| curve.value(z) + slope * z;
            for x in [0.0, 0.5 * z, 0.99 * z] {
                let nearer = (low..=low + width).contains(&x) && (x - z).abs() > 1e-6;
                prop_assert!(!nearer || total(x) > total(z) + 1e-12, "{curve:?} {slope}: {z} and {x}");
            }
        }
    }

    #[test]
    fn bounds_on_second_derivatives(
        weight in 0.1..5.0_f64,
        exponent in 1.1..6.0_f64,
        target in -3.0..3.0_f64,
        range in limits(),
        log in any::<bool>(),
    ) {
        prop_assume!(range.1 - range.0 > 0.1);
        let power = Curve::power(weight, target, exponent, 0.1).unwrap();
        let curve = if log { Curve::log(weight, 0.5 - range.0, 0.0).unwrap() } else { power };
        let (least, most) = curve.curvature(range.0, range.1);
        let answer = |slope: f64| curve.answer(slope, 0.0, range.0, range.1).unwrap();
        let slope = |z: f64, h: f64| (curve.value(z + h) - curve.value(z - h)) / (2.0 * h);
        // The mean second derivative over an interval lies between the bounds.
        for k in 0..10 {
            let at = |j: i32| range.0 + (range.1 - range.0) * (0.05 + 0.09 * f64::from(j));
            let (a, b, h) = (at(k), at(k + 1), 1e-5);
            let mean = (slope(b, h) - slope(a, h)) / (b - a);
            let within = mean > least * (1.0 - 1e-3) - 1e-3 && mean < most * (1.0 + 1e-3) + 1e-3;
            prop_assert!(within, "{curve:?}: {mean}, {least}..{most}");
        }
        // One over the second derivative is how an answer moves.
        let z = answer(0.3);
        if z > range.0 + 1e-3 && z < range.1 - 1e-3 && (z - target).abs() > 1e-2 {
            let found = (answer(0.3 - 1e-6) - answer(0.3 + 1e-6)) / 2e-6;
            let told = curve.sensitivity(z);
            prop_assert!((found - told).abs() < 1e-3 * (1.0 + told), "{curve:?} at {z}: {found} and {told}");
        }
    }
}

/// The largest violation of the optimality conditions of z'Hz/2 + slope'z over a box, relative to the terms of each.
fn violation(matrix: &[f64], slope: &[f64], (low, high): (&[f64], &[f64]), z: &[f64]) -> f64 {
    let n = z.len();
    let mut worst = 0.0_f64;
    for k in 0..n {
        assert!((low[k]..=high[k]).contains(&z[k]));
        let terms = (0..n).map(|j| matrix[k * n + j] * z[j]);
        let gradient: f64 = slope[k] + terms.clone().sum::<f64>();
        let size = 1.0 + slope[k].abs() + terms.map(f64::abs).sum::<f64>();
        worst = worst.max(wrong(gradient, z[k], (low[k], high[k])) / size);
    }
    worst
}

/// What is wrong with a derivative: zero between the limits, and pushing against one of them at it.
fn wrong(gradient: f64, z: f64, (low, high): (f64, f64)) -> f64 {
    match (z == low, z == high) {
        (true, true) => 0.0,
        (true, false) => (-gradient).max(0.0),
        (false, true) => gradient.max(0.0),
        (false, false) => gradient.abs(),
    }
}

/// B'B (+ a bit) from whole numbers: degenerate cases occur.
fn matrices(n: usize) -> impl Strategy<Value = Vec<f64>> {
    (proptest::collection::vec(-2..3_i32, n * n), prop_oneof![Just(0.01), Just(1.0)]).prop_map(
        move |(b, more)| {
            let entry = |r: usize, c: usize| (0..n).map(|k| b[k * n + r] * b[k * n + c]).sum::<i32>();
            (0..n * n)
                .map(|k| f64::from(entry(k / n, k % n)) + if k / n == k % n { more } else { 0.0 })
                .collect()
        },
    )
}

fn integers(n: usize, from: i32, to: i32) -> impl Strategy<Value = Vec<f64>> {
    proptest::collection::vec((from..to).prop_map(f64::from), n)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn quadratic_programs(
        (n, matrix, linear, price, corner, width) in (1..6_usize).prop_flat_map(|n| {
            (Just(n), matrices(n), integers(n, -5, 6), integers(n, -5, 6), integers(n, -3, 3), integers(n, 0, 4))
        }),
        open in any::<u8>(),
    ) {
        let least = |k: usize| if open >> k & 1 == 1 { f64::NEG_INFINITY } else { corner[k] };
        let most = |k: usize| if open >> (7 - k) & 1 == 1 { f64::INFINITY } else { corner[k] + width[k] };
        let (low, high): (Vec<f64>, Vec<f64>) = (0..n).map(|k| (least(k), most(k))).unzip();
        let cost = Cost::quadratic(matrix.clone(), linear.clone(), 0.0).unwrap();
        let ask = Local { slope: &price, curvature: None, low: &low, high: &high };
        let z = cost.answer(ask).unwrap();
        let slope: Vec<f64> = linear.iter().zip(&price).map(|(a, b)| a + b).collect();
        let far = violation(&matrix, &slope, (&low, &high), &z);
        // Least second derivative 0.01: an answer loses two digits.
        prop_assert!(far < 1e-13, "{far:e}: {matrix:?} {slope:?} {low:?} {high:?} {z:?}");
        // The same with the quadratic term of the multiplier method, all in it.
        let flat = Cost::quadratic(vec![0.0; n * n], linear, 0.0).unwrap();
        let z = flat.answer(Local { curvature: Some(&matrix), ..ask }).unwrap();
        prop_assert!(violation(&matrix, &slope, (&low, &high), &z) < 1e-13);
    }

    #[test]
    fn curves_coupled_by_a_quadratic_term(
        matrix in matrices(3),
        price in integers(3, -5, 6),
        corner in integers(3, -2, 2),
        width in integers(3, 0, 4),
    ) {
        let high: Vec<f64> = corner.iter().zip(&width).map(|(a, b)| a + b).collect();
        let curves = vec![
            Curve::log(1.0, 3.0, 0.5).unwrap(),
            Curve::power(0.5, 0.5, 3.0, 0.1).unwrap(),
            Curve::pieces(0.2, &[(-1.0, 0.0), (1.0, 0.0), (2.0, -1.0)]).unwrap(),
        ];
        let cost = Cost::separable(curves.clone(), 0.0).unwrap();
        let z = cost.answer(Local { slope: &price, curvature: Some(&matrix), low: &corner, high: &high }).unwrap();
        // No decision alone can do better, which suffices: what couples them is smooth.
        let row = |k: usize, z: &[f64]| (0..3).filter(|j| *j != k).map(|j| matrix[k * 3 + j] * z[j]).sum::<f64>();
        for k in 0..3 {
            let ask = (price[k] + row(k, &z), matrix[k * 4]);
            let total = |x: f64| curves[k].value(x) + ask.0 * x + 0.5 * ask.1 * x * x;
            let best = lowest(total, (corner[k], high[k]), &[0.0, 1.0]);
            prop_assert!(total(z[k]) <= best + 1e-12 * (1.0 + best.abs()), "{k}: {z:?}");
        }
    }
}

/// ln(sum exp(z_k)) + |z|^2/2 + a pull.
#[derive(Debug)]
struct Smooth(Vec<f64>);

impl ConvexCost for Smooth {
    fn decisions(&self) -> usize {
        self.0.len()
    }

    fn value(&self, z: &[f64]) -> f64 {
        let pulled: f64 = z.iter().zip(&self.0).map(|(x, q)| 0.5 * x * x + q * x).sum();
        z.iter().map(|x| x.exp()).sum::<f64>().ln() + pulled
    }

    fn gradient(&self, z: &[f64], gradient: &mut [f64]) {
        let sum: f64 = z.iter().map(|x| x.exp()).sum();
        (0..z.len()).for_each(|k| gradient[k] = z[k].exp() / sum + z[k] + self.0[k]);
    }

    fn hessian(&self, z: &[f64], hessian: &mut [f64]) {
        let n = z.len();
        let sum: f64 = z.iter().map(|x| x.exp()).sum();
        let share = |k: usize| z[k].exp() / sum;
        for k in 0..n * n {
            let own = if k / n == k % n { share(k / n) + 1.0 } else { 0.0 };
            hessian[k] = own - share(k / n) * share(k % n);
        }
    }

    fn curvature(&self, _low: &[f64], _high: &[f64]) -> (f64, f64) {
        (1.0, 2.0)
    }

    fn start(&self, low: &[f64], high: &[f64]) -> Vec<f64> {
        low.iter().zip(high).map(|(l, h)| 0.0_f64.clamp(*l, *h)).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn smooth_costs(
        pull in integers(3, -3, 4),
        price in proptest::collection::vec(-30.0..30.0_f64, 3),
        matrix in prop_oneof![Just(None), matrices(3).prop_map(Some)],
        corner in integers(3, -3, 2),
        width in integers(3, 0, 4),
        open in any::<bool>(),
    ) {
        let end = |(a, b): (&f64, &f64)| if open { f64::INFINITY } else { a + b };
        let high: Vec<f64> = corner.iter().zip(&width).map(end).collect();
        let smooth = Smooth(pull);
        let cost = Cost::Custom(Arc::new(Smooth(smooth.0.clone())));
        let z = cost.answer(Local { slope: &price, curvature: matrix.as_deref(), low: &corner, high: &high }).unwrap();
        let mut gradient = vec![0.0; 3];
        smooth.gradient(&z, &mut gradient);
        for k in 0..3 {
            let bent: f64 = matrix.as_ref().map_or(0.0, |h| (0..3).map(|j| h[k * 3 + j] * z[j]).sum());
            let g = gradient[k] + price[k] + bent;
            let far = wrong(g, z[k], (corner[k], high[k]));
            prop_assert!(far < 1e-12 * (1.0 + price[k].abs() + bent.abs()), "{k}: {far:e} at {z:?}");
        }
    }
}

#[test]
fn without_end() {
    let none = |curve: Curve, slope: f64| curve.answer(slope, 0.0, -1.0, f64::INFINITY).is_err();
    assert!(none(Curve::log(1.0, 2.0, 0.5).unwrap(), -0.5));
    assert!(none(Curve::log(1.0, 2.0, 0.5).unwrap(), -3.0));
    assert!(!none(Curve::log(1.0, 2.0, 0.5).unwrap(), -0.49));
    assert!(none(Curve::pieces(0.0, &[(1.0, 0.0), (2.0, 0.0)]).unwrap(), -2.5));
    assert!(!none(Curve::pieces(0.0, &[(1.0, 0.0), (2.0, 0.0)]).unwrap(), -1.5));
    assert!(!none(Curve::power(1.0, 0.0, 1.1, 0.0).unwrap(), -5.0));
    let free = (&[f64::NEG_INFINITY; 2][..], &[f64::INFINITY; 2][..]);
    let ask = |slope: &'static [f64]| Local { slope, curvature: None, low: free.0, high: free.1 };
    let flat = Cost::quadratic(vec![1.0, 1.0, 1.0, 1.0], vec![0.0; 2], 0.0).unwrap();
    assert!(flat.answer(ask(&[1.0, 0.0])).is_err());
}
