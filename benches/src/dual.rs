//! Shared resources among followers with random quadratic costs.

use std::sync::Arc;

use rand::RngExt;
use vickrey::faithful::dual::cost::Cost;
use vickrey::faithful::dual::model::{Follower, Problem};
use vickrey::numeric::random::{Purpose, stream};

use crate::Failure;

/// A problem and the costs of its followers.
pub type Instance = (Problem, Vec<Arc<Cost>>);

/// Followers with `decisions` decisions each, second derivatives between 1 and about 4 and couplings between -1 and 1;
/// the first followers of a large problem are those of a small one.
///
/// # Errors
/// The numbers do not make a problem.
pub fn quadratics(
    followers: usize,
    couplings: usize,
    decisions: usize,
    seed: u64,
) -> Result<Instance, Failure> {
    instance(followers, couplings, decisions, seed, None)
}

/// The same with every decision between -1 and 1.
///
/// # Errors
/// The numbers do not make a problem.
pub fn limited(followers: usize, couplings: usize, decisions: usize, seed: u64) -> Result<Instance, Failure> {
    instance(followers, couplings, decisions, seed, Some(1.0))
}

fn instance(count: usize, m: usize, n: usize, seed: u64, limit: Option<f64>) -> Result<Instance, Failure> {
    let mut total = vec![0.0; m];
    let (mut followers, mut costs) = (Vec::with_capacity(count), Vec::with_capacity(count));
    for i in 0..count {
        let rng = &mut stream(seed, Purpose::Instance, i as u64);
        let mut numbers = |k: usize| (0..k).map(|_| 2.0 * rng.random::<f64>() - 1.0).collect::<Vec<f64>>();
        let (root, linear, inner) = (numbers(n * n), numbers(n), numbers(n));
        let mut follower = Follower::new(numbers(m * n), n);
        // I + BB' with small B: symmetric and positive definite.
        let entry = |r: usize, c: usize| -> f64 {
            let product: f64 = (0..n).map(|k| root[r * n + k] * root[c * n + k]).sum();
            product / n as f64 * 3.0 + f64::from(u8::from(r == c))
        };
        let matrix = (0..n * n).map(|k| entry(k / n, k % n)).collect();
        let cost = Cost::quadratic(matrix, linear.iter().map(|q| 3.0 * q).collect(), 0.0)?;
        if let Some(limit) = limit {
            (follower.low, follower.high) = (vec![-limit; n], vec![limit; n]);
        }
        follower.curvature = cost.curvature(&follower.low, &follower.high);
        follower.add_use(&inner, 0.5, &mut total);
        followers.push(follower);
        costs.push(Arc::new(cost));
    }
    Ok((Problem::new(total, followers)?, costs))
}
