//! One player alone: what an arm is worth per period, and how long it is worth being played.

use super::super::model::Kernel;

/// A player whose type moves, and who is paid, only when she is chosen.
#[derive(Clone, Debug)]
pub(super) struct Arm {
    /// Utility when chosen, by type.
    pub values: Vec<f64>,
    /// How the type moves when chosen.
    pub kernel: Kernel,
    /// Gittins index by type: the constant payment per period that is as good as the arm.
    pub indices: Vec<f64>,
    /// Types from the highest index to the lowest.
    pub order: Vec<usize>,
    /// E[delta^tau], row by row: tau is the first time outside the `row` best types; row 0 is 1, the last row is 0.
    stops: Vec<f64>,
}

impl Arm {
    /// Indices and stopping factors of an arm. Its leaks, 1 - delta (sum of row), must be positive.
    pub fn new(values: Vec<f64>, kernel: Kernel, discount: f64) -> Self {
        let n = values.len();
        let mut left = Elimination::new(&values, &kernel, discount);
        let mut indices = vec![0.0; n];
        let mut order = Vec::with_capacity(n);
        let mut pivots = Vec::with_capacity(n);
        let mut lowest = f64::INFINITY;
        for _ in 0..n {
            let (best, index) = left.best(1.0 - discount);
            // Later indices are never higher; rounding may say otherwise. Adding 0 turns -0 into 0.
            lowest = index.min(lowest) + 0.0;
            indices[best] = lowest;
            order.push(best);
            pivots.push(left.remove(best));
        }
        let stops = stops(&left, &order, &pivots);
        Self { values, kernel, indices, order, stops }
    }

    /// Bytes that an arm with so many types takes, and those needed while it is made.
    pub fn bytes(types: usize) -> (u128, u128) {
        let n = types as u128;
        (8 * (n * (n + 1) + n * n + 4 * n), 8 * (n * n + 4 * n))
    }

    /// E[delta^tau] until the arm leaves its `best` best types, by type.
    pub fn stop(&self, best: usize) -> &[f64] {
        let n = self.values.len();
        &self.stops[best * n..(best + 1) * n]
    }
}

/// The arm watched only outside the types already removed (state elimination, Sonin 2008).
///
/// For the types that are left: discounted probabilities of the next one, what is earned until then, and the leak,
/// 1 minus the sum of the probabilities. Leaks are carried along, so nothing is subtracted on the way and no digits
/// are lost however near to 1 the discount factor is.
struct Elimination {
    n: usize,
    flow: Vec<f64>,
    earned: Vec<f64>,
    leak: Vec<f64>,
    rest: Vec<usize>,
}

impl Elimination {
    fn new(values: &[f64], kernel: &Kernel, discount: f64) -> Self {
        let n = values.len();
        let flow = (0..n).flat_map(|x| kernel.row(x).iter().map(|p| discount * p)).collect();
        let leak = (0..n).map(|x| leak(kernel, x, discount)).collect();
        Self { n, flow, earned: values.to_vec(), leak, rest: (0..n).collect() }
    }

    /// The type that earns most per discounted time among those left: the next largest index (Varaiya, Walrand and
    /// Buyukkoc 1985).
    fn best(&self, unit: f64) -> (usize, f64) {
        let index = |x: usize| unit * self.earned[x] / self.leak[x];
        let first = (self.rest[0], index(self.rest[0]));
        self.rest[1..].iter().fold(first, |best, &x| if index(x) > best.1 { (x, index(x)) } else { best })
    }

    /// Removes a type; returns 1 minus the probability that it follows itself.
    fn remove(&mut self, z: usize) -> f64 {
        let n = self.n;
        self.rest.retain(|x| *x != z);
        let pivot = self.leak[z] + self.rest.iter().map(|y| self.flow[z * n + y]).sum::<f64>();
        for &x in &self.rest {
            let visits = self.flow[x * n + z] / pivot;
            if visits == 0.0 {
                continue;
            }
            for &y in &self.rest {
                self.flow[x * n + y] += visits * self.flow[z * n + y];
            }
            self.earned[x] += visits * self.earned[z];
            self.leak[x] += visits * self.leak[z];
        }
        pivot
    }
}

/// 1 minus the discounted sum of a row.
pub(super) fn leak(kernel: &Kernel, row: usize, discount: f64) -> f64 {
    1.0 - discount * kernel.row(row).iter().sum::<f64>()
}

/// Back substitution for every set of best types: 1 - E[delta^tau] is the leak gathered before the set is left.
fn stops(done: &Elimination, order: &[usize], pivots: &[f64]) -> Vec<f64> {
    let n = done.n;
    let mut stops = vec![1.0; (n + 1) * n];
    let mut gathered = vec![0.0; n];
    for best in 1..n {
        for r in (0..best).rev() {
            let z = order[r];
            let later: f64 = order[r + 1..best].iter().map(|&y| done.flow[z * n + y] * gathered[y]).sum();
            gathered[z] = (done.leak[z] + later) / pivots[r];
            stops[best * n + z] = (1.0 - gathered[z]).max(0.0);
        }
    }
    stops[n * n..].fill(0.0);
    stops
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The index as the best ratio over all sets of types in which to go on, by brute force.
    fn by_sets(values: &[f64], kernel: &Kernel, discount: f64) -> Vec<f64> {
        let n = values.len();
        let within = |set: usize, x: usize| set >> x & 1 == 1;
        let ratio = |set: usize, start: usize| {
            let (mut earned, mut time) = (vec![0.0; n], vec![0.0; n]);
            for _ in 0..2000 {
                let next = |now: &[f64], x: usize| -> f64 {
                    (0..n).filter(|y| within(set, *y)).map(|y| discount * kernel.row(x)[y] * now[y]).sum()
                };
                earned = (0..n).map(|x| values[x] + next(&earned, x)).collect();
                time = (0..n).map(|x| 1.0 + next(&time, x)).collect();
            }
            earned[start] / time[start]
        };
        (0..n).map(|x| (0..1 << n).map(|set| ratio(set, x)).fold(f64::NEG_INFINITY, f64::max)).collect()
    }

    fn kernel() -> Kernel {
        Kernel::new(3, vec![0.2, 0.5, 0.3, 0.1, 0.6, 0.3, 0.0, 0.2, 0.8])
    }

    #[test]
    fn indices_are_the_best_ratios() {
        for values in [[1.0, 3.0, 0.5], [-1.0, -3.0, -0.5], [2.0, 2.0, 2.0], [0.0, -1.0, 4.0]] {
            let arm = Arm::new(values.to_vec(), kernel(), 0.9);
            for (x, index) in by_sets(&values, &kernel(), 0.9).into_iter().enumerate() {
                assert!((arm.indices[x] - index).abs() < 1e-12, "{values:?}, type {x}");
            }
        }
    }

    #[test]
    fn stopping_factors_solve_their_equations() {
        let arm = Arm::new(vec![1.0, 3.0, 0.5], kernel(), 0.9);
        for best in 0..=3 {
            let stop = arm.stop(best);
            for x in 0..3 {
                let inside = arm.order[..best].contains(&x);
                let next: f64 = (0..3).map(|y| 0.9 * kernel().row(x)[y] * stop[y]).sum();
                let expected = if inside { next } else { 1.0 };
                assert!((stop[x] - expected).abs() < 1e-15, "{best} best, type {x}");
            }
        }
    }

    #[test]
    fn digits_survive_a_discount_near_one() {
        // All numbers are powers of two, so that the leaks are exact.
        let (rare, gap) = (2.0_f64.powi(-20), 2.0_f64.powi(-40));
        let discount = 1.0 - gap;
        let slow = Kernel::new(2, vec![1.0 - rare, rare, 0.5, 0.5]);
        let arm = Arm::new(vec![0.0, 1.0], slow, discount);
        // From type 0: one period, and then, rarely, a stay in type 1.
        let stay = discount * rare / (1.0 - 0.5 * discount);
        assert_eq!(arm.indices[1], 1.0);
        assert!((arm.indices[0] / (stay / (1.0 + stay)) - 1.0).abs() < 1e-15);
    }
}
