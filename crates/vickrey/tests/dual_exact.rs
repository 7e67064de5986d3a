//! The exact decision and taxes: three routes against each other, worked numbers, the area under the others' price.

use std::sync::Arc;

use proptest::prelude::*;
use vickrey::faithful::dual::cost::Cost;
use vickrey::faithful::dual::curve::Curve;
use vickrey::faithful::dual::model::{Follower, Problem};
use vickrey::faithful::dual::solve::{Route, SolveError, exact, one_by_one, path};

fn quadratic(matrix: &[f64], linear: &[f64]) -> Arc<Cost> {
    Arc::new(Cost::quadratic(matrix.to_vec(), linear.to_vec(), 0.3).unwrap())
}

fn case_a() -> (Problem, Vec<Arc<Cost>>) {
    let costs = vec![quadratic(&[1.0], &[-2.0]), quadratic(&[2.0], &[-1.0]), quadratic(&[4.0], &[-8.0])];
    let followers = [1.0, 1.0, 2.0].map(|r| Follower::new(vec![r], 1)).to_vec();
    (Problem::new(vec![3.0], followers).unwrap(), costs)
}

#[test]
fn case_a_in_every_way() {
    let (problem, costs) = case_a();
    let closed = exact(&problem, &costs, &|_| ()).unwrap();
    assert_eq!(closed.route, Route::ClosedForm);
    let newton = one_by_one(&problem, &costs, &|_| ()).unwrap();
    for all in [&closed, &newton] {
        for (i, (tax, clearing)) in
            [(0.72, 0.84), (-0.29, -0.28), (1.386_666_666_666_667, 3.64)].iter().enumerate()
        {
            assert!((all.payment(i) - tax).abs() < 1e-13, "{all:?}");
            assert!((all.clearing[i] - clearing).abs() < 1e-13, "{all:?}");
        }
        assert!((all.optimum - (-7.8 + 0.9)).abs() < 1e-13);
    }
}

#[test]
fn two_followers_of_one_good() {
    // v = (z - 1)^2 twice, c = 1: tax 1/4, clearing-price payment 1/2; the price of the other is 2x.
    let cost = || Arc::new(Cost::quadratic(vec![2.0], vec![-2.0], 1.0).unwrap());
    let problem = Problem::new(vec![1.0], vec![Follower::new(vec![1.0], 1); 2]).unwrap();
    let costs = [cost(), cost()];
    let all = exact(&problem, &costs, &|_| ()).unwrap();
    let way = path(&problem, &costs, &all, 0, 11).unwrap();
    assert!(
        (way.tax - 0.25).abs() < 1e-15
            && (way.integral - 0.25).abs() < 1e-12
            && (way.clearing - 0.5).abs() < 1e-15
    );
    for (t, p) in way.share.iter().zip(&way.marginal) {
        // The way is half a unit long: price times length.
        assert!((p - 0.5 * t).abs() < 1e-14);
    }
}

#[test]
fn ten_followers_of_one_good() {
    let cost = || Arc::new(Cost::quadratic(vec![2.0], vec![-2.0], 1.0).unwrap());
    let costs: Vec<_> = (0..10).map(|_| cost()).collect();
    let problem = Problem::new(vec![5.0], vec![Follower::new(vec![1.0], 1); 10]).unwrap();
    let all = exact(&problem, &costs, &|_| ()).unwrap();
    let way = path(&problem, &costs, &all, 3, 3).unwrap();
    assert!((way.integral - 0.472_222_222_222_222_2).abs() < 1e-12);
    assert!((way.marginal[0] / 0.5 - 8.0 / 9.0).abs() < 1e-12);
    let fewer = Problem::new(vec![5.0], vec![Follower::new(vec![1.0], 1); 9]).unwrap();
    let error = path(&fewer, &costs[..9], &all, 3, 3).unwrap_err();
    assert_eq!(error, SolveError::Another { found: 10, wanted: 9 });
}

/// Numbers between 0 and 1.
fn uniform(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Random problems: couplings, costs by number, limits.
fn problems(limits: bool, single: bool) -> impl Strategy<Value = (Problem, Vec<Arc<Cost>>)> {
    let m = if single { 1..=1_usize } else { 1..=3 };
    (m, 4..9_usize, any::<u64>()).prop_map(move |(m, count, seed)| {
        let mut next = uniform(seed);
        let mut followers = Vec::new();
        let mut costs = Vec::new();
        let mut total = vec![0.0; m];
        for _ in 0..count {
            let n = if single { 1 } else { 1 + (next() * 2.0) as usize };
            let mut follower = Follower::new((0..m * n).map(|_| 2.0 * next() - 1.0).collect(), n);
            if single {
                follower.coupling[0] = 0.2 + next();
            }
            if limits {
                follower.low = (0..n).map(|_| -1.0 - next()).collect();
                follower.high = (0..n).map(|_| 1.0 + next()).collect();
            }
            let inner: Vec<f64> = (0..n).map(|_| 1.6 * next() - 0.8).collect();
            follower.add_use(&inner, 1.0, &mut total);
            follower.absent = (0..n).map(|_| if next() < 0.5 { 0.0 } else { next() - 0.5 }).collect();
            let mut matrix = vec![0.0; n * n];
            for k in 0..n {
                matrix[k * n + k] = 0.2 + 3.0 * next();
            }
            if n == 2 {
                let bent = 0.9 * (2.0 * next() - 1.0) * (matrix[0] * matrix[3]).sqrt();
                (matrix[1], matrix[2]) = (bent, bent);
            }
            costs.push(quadratic(&matrix, &(0..n).map(|_| 4.0 * next() - 2.0).collect::<Vec<_>>()));
            followers.push(follower);
        }
        let total = if limits { total.iter().map(|c| 0.3 * c).collect() } else { total };
        (Problem::new(total, followers).unwrap(), costs)
    })
}

fn same(problem: &Problem, costs: &[Arc<Cost>], route: Route) -> Result<(), TestCaseError> {
    let fast = exact(problem, costs, &|_| ()).unwrap();
    prop_assert_eq!(fast.route, route);
    let slow = one_by_one(problem, costs, &|_| ()).unwrap();
    let size = costs.len() as f64 + fast.clearing.iter().map(|x| x.abs()).sum::<f64>();
    for i in 0..problem.len() {
        prop_assert!((fast.clearing[i] - slow.clearing[i]).abs() < 1e-9 * size, "{:?} {:?}", fast, slow);
        if fast.gap[i].is_finite() {
            // Without somebody who hardly can be spared a gap is far larger than all that is paid.
            let size = size + slow.gap[i].abs();
            prop_assert!((fast.gap[i] - slow.gap[i]).abs() < 1e-9 * size, "{} {:?} {:?}", i, fast, slow);
        }
        prop_assert_eq!(fast.gap[i].is_finite(), slow.gap[i].is_finite());
    }
    prop_assert!((fast.optimum - slow.optimum).abs() < 1e-9 * size);
    Ok(())
}

proptest! {
    #[test]
    fn closed_form_and_newton_agree((problem, costs) in problems(false, false)) {
        same(&problem, &costs, Route::ClosedForm)?;
    }

    #[test]
    fn shared_curve_and_newton_agree((problem, costs) in problems(true, true)) {
        same(&problem, &costs, Route::SharedCurve)?;
    }

    /// The tax is the area under the price of the others, with limits as well, and never above the clearing price.
    #[test]
    fn tax_is_an_area((problem, costs) in problems(true, false)) {
        area(&problem, &costs)?;
    }

    #[test]
    fn tax_is_an_area_of_other_costs((problem, costs) in mixed()) {
        area(&problem, &costs)?;
    }
}

fn area(problem: &Problem, costs: &[Arc<Cost>]) -> Result<(), TestCaseError> {
    let all = exact(problem, costs, &|_| ()).unwrap();
    if all.gap[0].is_finite() {
        let way = path(problem, costs, &all, 0, 5).unwrap();
        // Of the clearing-price payment and the marginal prices, of which tax and area are differences and sums.
        let size = way.marginal.iter().fold(way.clearing.abs(), |s, x| s.max(x.abs()));
        prop_assert!((way.integral - way.tax).abs() < 1e-8 * size, "{:?}", way);
        prop_assert!(way.tax <= way.clearing + 1e-12 * size);
        prop_assert!(way.marginal.windows(2).all(|w| w[0] <= w[1] + 1e-9 * size), "{:?}", way);
    }
    Ok(())
}

/// Random problems with limits whose costs are logarithms, powers, pieces and quadratic; one or two couplings.
fn mixed() -> impl Strategy<Value = (Problem, Vec<Arc<Cost>>)> {
    (1..=2_usize, 3..8_usize, any::<u64>()).prop_map(|(m, count, seed)| {
        let mut next = uniform(seed);
        let (mut followers, mut costs, mut total) = (Vec::new(), Vec::new(), vec![0.0; m]);
        for _ in 0..count {
            let n = 1 + (next() * 2.0) as usize;
            let mut follower = Follower::new((0..m * n).map(|_| 2.0 * next() - 1.0).collect(), n);
            follower.low = (0..n).map(|_| -0.2 - next()).collect();
            follower.high = (0..n).map(|_| 0.2 + next()).collect();
            let inner: Vec<f64> = (0..n).map(|_| 0.8 * next() - 0.4).collect();
            follower.add_use(&inner, 0.5, &mut total);
            follower.absent = (0..n).map(|_| if next() < 0.5 { 0.0 } else { 0.4 * next() - 0.2 }).collect();
            costs.push(if next() < 0.25 {
                let (a, b, bent) = (0.3 + next(), 0.3 + next(), 0.5 * next() - 0.25);
                let matrix: Vec<f64> = [a, bent, bent, b][..n * n].to_vec();
                quadratic(&matrix, &(0..n).map(|_| 2.0 * next() - 1.0).collect::<Vec<_>>())
            } else {
                Arc::new(Cost::separable((0..n).map(|_| curve(&mut next)).collect(), 0.0).unwrap())
            });
            followers.push(follower);
        }
        (Problem::new(total, followers).unwrap(), costs)
    })
}

fn curve(next: &mut impl FnMut() -> f64) -> Curve {
    match (next() * 3.0) as usize {
        0 => Curve::log(0.3 + next(), 1.4 + next(), 2.0 * next() - 1.0).unwrap(),
        1 => Curve::power(0.3 + next(), next() - 0.5, 1.5 + 2.0 * next(), 0.2 + next()).unwrap(),
        _ => {
            let lines = [(-next(), 0.0), (next(), -0.2 * next()), (1.0 + next(), -0.5)];
            Curve::pieces(0.2 + next(), &lines).unwrap()
        }
    }
}

/// Logarithms, kinks and powers: against the definition, all N + 1 values by Newton on a problem made anew.
#[test]
fn other_costs_against_the_definition() {
    let costs = vec![
        Arc::new(Cost::separable(vec![Curve::log(1.0, 0.5, 0.0).unwrap()], 0.0).unwrap()),
        Arc::new(Cost::separable(vec![Curve::log(2.0, 0.5, 0.0).unwrap()], 0.0).unwrap()),
        Arc::new(
            Cost::separable(vec![Curve::pieces(1.0, &[(-2.0, 0.0), (0.0, -1.0)]).unwrap()], 0.0).unwrap(),
        ),
        Arc::new(Cost::separable(vec![Curve::power(0.7, 0.4, 3.0, 0.5).unwrap()], 0.0).unwrap()),
    ];
    let mut follower = Follower::new(vec![1.0], 1);
    (follower.low, follower.high) = (vec![0.0], vec![2.0]);
    let make = |count| Problem::new(vec![2.0], vec![follower.clone(); count]).unwrap();
    let all = exact(&make(4), &costs, &|_| ()).unwrap();
    for j in 0..4 {
        let others: Vec<_> = (0..4).filter(|i| *i != j).map(|i| costs[i].clone()).collect();
        let rest = exact(&make(3), &others, &|_| ()).unwrap();
        let paid: f64 = (0..4).filter(|i| *i != j).map(|i| costs[i].value(&all.allocation[i..=i])).sum();
        assert!((all.payment(j) - (paid - rest.optimum)).abs() < 1e-11, "{j}: {all:?}");
    }
    // Without the fourth these are the worked numbers of three followers.
    let three = exact(&make(3), &costs[..3], &|_| ()).unwrap();
    for (j, tax) in [0.364_643_113_6, 0.875_468_737_4, 0.546_964_670_4].into_iter().enumerate() {
        assert!((three.payment(j) - tax).abs() < 1e-10);
    }
}
