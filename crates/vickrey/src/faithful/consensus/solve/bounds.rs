//! Bounds over all types that the public ranges allow: how far apart neighbours, and everybody, can be to begin with.

use crate::faithful::consensus::model::Instance;
use crate::numeric::sum::{Sum, compensated};

/// At most this many followers have all 2^N corners of their ranges looked at.
const MOST_LISTED: usize = 16;

/// The distance ||z - mean(z)||_2 of positions from agreement.
pub fn disagreement(positions: &[f64]) -> f64 {
    let mean = mean(positions);
    compensated(positions.iter().map(|z| (z - mean).powi(2))).sqrt()
}

/// The mean of positions.
pub fn mean(positions: &[f64]) -> f64 {
    compensated(positions.iter().copied()) / positions.len() as f64
}

/// A bound over all types, and types that come near it.
#[derive(Clone, Debug, PartialEq)]
pub struct Extreme {
    /// No types give more.
    pub bound: f64,
    /// What these types give; equal to `bound` where that is exact.
    pub reached: f64,
    /// Types at ends of their ranges.
    pub types: Vec<f64>,
}

/// S = sup over types q of ||B'q||_2, the root of the sum of squared differences along the edges of a tree; exact, O(N).
///
/// A convex function is largest at a corner. What a subtree can contribute depends on its top's end alone.
pub(super) fn edges(instance: &Instance) -> Extreme {
    assert!(instance.graph().is_tree(), "a tree");
    let ends = |i: usize| [instance.low()[i], instance.high()[i]];
    let tree = instance.graph().rooted(0);
    let n = instance.len();
    let (mut best, mut choice) = (vec![[0.0_f64; 2]; n], vec![[0_usize; 2]; n]);
    for &i in tree.order[1..].iter().rev() {
        let parent = tree.parent[i];
        for (s, from) in ends(parent).into_iter().enumerate() {
            let with = |t: usize| best[i][t] + (from - ends(i)[t]).powi(2);
            let t = usize::from(with(1) > with(0));
            choice[i][s] = t;
            best[parent][s] += with(t);
        }
    }
    let mut end = vec![0_usize; n];
    end[0] = usize::from(best[0][1] > best[0][0]);
    for &i in &tree.order[1..] {
        end[i] = choice[i][end[tree.parent[i]]];
    }
    let bound = best[0][end[0]].sqrt();
    Extreme { bound, reached: bound, types: (0..n).map(|i| ends(i)[end[i]]).collect() }
}

/// U = sqrt(min over t of sum_i max((A_i - t)², (B_i - t)²)), a bound on sup ||q - mean(q)|| over all types; O(N log N).
///
/// For t between two midpoints of ranges everybody's far end is known, and the sum is smallest at the mean of these far
/// ends. Any t gives a bound, so rounding in the choice of t does no harm.
fn radius(instance: &Instance) -> f64 {
    let (low, high) = (instance.low(), instance.high());
    let order = by_midpoint(instance);
    let n = instance.len() as f64;
    // Everybody's midpoint is above t at first: the far end is the upper one.
    let mut sum = Sum::default();
    high.iter().for_each(|&b| sum.add(b));
    let mut t = sum.get() / n;
    for &i in &order {
        if t <= 0.5 * (low[i] + high[i]) {
            break;
        }
        // t is beyond i's midpoint: i's far end is the lower one, unless that pulls t back over the midpoint.
        sum.add(low[i] - high[i]);
        t = (sum.get() / n).max(0.5 * (low[i] + high[i]));
    }
    compensated(low.iter().zip(high).map(|(a, b)| (a - t).powi(2).max((b - t).powi(2)))).sqrt()
}

fn by_midpoint(instance: &Instance) -> Vec<usize> {
    let middle = |i: usize| 0.5 * (instance.low()[i] + instance.high()[i]);
    let mut order: Vec<usize> = (0..instance.len()).collect();
    order.sort_by(|&i, &j| middle(i).total_cmp(&middle(j)));
    order
}

/// sup over types of ||q - mean(q)||: exact for few followers and where U is reached, bounded by U otherwise.
pub(super) fn spread(instance: &Instance) -> Extreme {
    let n = instance.len();
    let bound = radius(instance);
    let types = if n <= MOST_LISTED { listed(instance) } else { split(instance) };
    let reached = disagreement(&types);
    let bound = if n <= MOST_LISTED { reached * (1.0 + 8.0 * f64::EPSILON) } else { bound };
    Extreme { bound, reached, types }
}

/// [`radius`], for the test on a general graph.
pub(super) fn reach(instance: &Instance) -> f64 {
    radius(instance)
}

/// The corner with the largest disagreement among all 2^N.
fn listed(instance: &Instance) -> Vec<f64> {
    let corner = |mask: usize| -> Vec<f64> {
        let end = |i: usize| if mask >> i & 1 == 1 { instance.high()[i] } else { instance.low()[i] };
        (0..instance.len()).map(end).collect()
    };
    let best = (0..1_usize << instance.len())
        .map(|mask| (disagreement(&corner(mask)), mask))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    corner(best.map_or(0, |b| b.1))
}

/// The best corner of those that put everybody with a midpoint below some point at the lower end, the others at the upper.
fn split(instance: &Instance) -> Vec<f64> {
    let (low, high) = (instance.low(), instance.high());
    let order = by_midpoint(instance);
    // Measured from one point inside, so that the squares keep their digits.
    let origin = 0.5 * (instance.span().0 + instance.span().1);
    let (mut sum, mut squares) = (Sum::default(), Sum::default());
    for &b in high {
        sum.add(b - origin);
        squares.add((b - origin).powi(2));
    }
    let n = instance.len() as f64;
    let mut best = (squares.get() - sum.get().powi(2) / n, 0);
    for (k, &i) in order.iter().enumerate() {
        sum.add(low[i] - high[i]);
        squares.add((low[i] - origin).powi(2) - (high[i] - origin).powi(2));
        let value = squares.get() - sum.get().powi(2) / n;
        if value > best.0 {
            best = (value, k + 1);
        }
    }
    let mut types = high.to_vec();
    for &i in &order[..best.1] {
        types[i] = low[i];
    }
    types
}

/// C = sum_j max(Ymax - A_j, B_j - Ymin)²: what the followers can cost together at most while everybody stays within
/// [Ymin, Ymax], and at least what failing the test costs each of them.
pub(super) fn fine(instance: &Instance) -> f64 {
    let (least, most) = instance.span();
    let ranges = instance.low().iter().zip(instance.high());
    compensated(ranges.map(|(a, b)| (most - a).max(b - least).powi(2)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faithful::consensus::Graph;
    use proptest::prelude::*;

    fn instance(parents: &[usize], ranges: &[(f64, f64)]) -> Instance {
        let edges = (1..ranges.len()).map(|i| (parents[i] % i, i)).collect();
        Instance::new(Graph::new(ranges.len(), edges).unwrap(), ranges).unwrap()
    }

    fn along_edges(instance: &Instance, q: &[f64]) -> f64 {
        instance.graph().edges().iter().map(|&(a, b)| (q[a] - q[b]).powi(2)).sum::<f64>().sqrt()
    }

    proptest! {
        /// S, U and the spread against all corners.
        #[test]
        fn against_all_corners(
            n in 2..9_usize,
            parents in prop::collection::vec(0..8_usize, 9),
            raw in prop::collection::vec((-2.0..2.0_f64, 0.0..3.0_f64), 9),
        ) {
            let ranges: Vec<(f64, f64)> = raw[..n].iter().map(|&(a, w)| (a, a + w)).collect();
            let instance = instance(&parents, &ranges);
            let (mut s, mut d) = (0.0_f64, 0.0_f64);
            for mask in 0..1 << n {
                let q: Vec<f64> =
                    (0..n).map(|i| if mask >> i & 1 == 1 { ranges[i].1 } else { ranges[i].0 }).collect();
                s = s.max(along_edges(&instance, &q));
                d = d.max(disagreement(&q));
            }
            let found = edges(&instance);
            prop_assert!((found.bound - s).abs() <= 1e-14 * (1.0 + s));
            prop_assert!((along_edges(&instance, &found.types) - s).abs() <= 1e-14 * (1.0 + s));
            prop_assert!((spread(&instance).bound - d).abs() <= 1e-14 * (1.0 + d));
            prop_assert!(reach(&instance) >= d * (1.0 - 1e-14));
            // U is the smallest over a fine grid of t, and the best split is near what all corners give.
            let at = |t: f64| ranges.iter().map(|(a, b)| (a - t).powi(2).max((b - t).powi(2))).sum::<f64>().sqrt();
            let grid = (0..=2000).map(|k| at(-2.0 + 7.0 * f64::from(k) / 2000.0)).fold(f64::INFINITY, f64::min);
            prop_assert!(reach(&instance) <= grid * (1.0 + 1e-14));
            prop_assert!(disagreement(&split(&instance)) <= d * (1.0 + 1e-14));
        }
    }

    #[test]
    fn common_ranges_have_closed_forms() {
        for n in [2_usize, 3, 8, 40, 41] {
            let graph = Graph::path(n).unwrap();
            let instance = Instance::new(graph, &vec![(-1.0, 2.0); n]).unwrap();
            let found = edges(&instance);
            assert!((found.bound - 3.0 * (n as f64 - 1.0).sqrt()).abs() < 1e-12);
            assert!((reach(&instance) - 1.5 * (n as f64).sqrt()).abs() < 1e-12);
            assert!((fine(&instance) - 9.0 * n as f64).abs() < 1e-12);
            let half = (n / 2) as f64;
            let spread = spread(&instance);
            assert!((spread.reached - 3.0 * (half * (n as f64 - half) / n as f64).sqrt()).abs() < 1e-12);
        }
    }
}
