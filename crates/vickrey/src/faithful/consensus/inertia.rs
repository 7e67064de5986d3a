//! The second eigenvalue of a Laplacian from both sides by counting signs (Sylvester): for graphs with cycles that elimination
//! does not fill up.
//!
//! **Why it is a bound.** Elimination writes L - sI + E = G D G' with a diagonal D; by Sylvester's law as many eigenvalues of
//! the left side are negative as entries of D. One always is: that of the constant vector is -s. If no other is, the second
//! eigenvalue of L + E is at least s, and by Weyl's inequality that of L at least s - ||E||. The rounding E is bounded after
//! the fact: every entry of L - sI is a sum of at most r + 1 products g d g' of two roundings each (r: the most entries in a
//! row of G), so |E| <= (2 r + 6) eps |G||D||G'| entry by entry (Higham, "Accuracy and stability of numerical algorithms",
//! theorem 9.3, whose proof holds for any order of elimination), and ||E|| is at most the largest row sum of that. Pivots may
//! be small or of either sign; if that spoils the digits, the bound shows it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rand::RngExt;

use super::model::Graph;
use crate::numeric::random::{Purpose, stream};
use crate::numeric::sum::compensated;

/// The order of elimination and where G has entries: by positions in the order, ascending in every column.
pub(super) struct Elimination {
    /// Who is where.
    place: Vec<usize>,
    order: Vec<usize>,
    /// Below the diagonal, column by column.
    rows: Vec<Vec<usize>>,
    /// For every row: columns with an entry there, and which of the column's entries it is.
    across: Vec<Vec<(usize, usize)>>,
}

impl Elimination {
    /// Eliminates who has the fewest neighbours left, again and again; all its neighbours become neighbours of each other.
    /// Among equals the order is scattered: one after the other along a cycle, all would add to the same row, whose sum would
    /// round as often. None if that takes more than `most` products.
    pub fn plan(graph: &Graph, most: usize) -> Option<Self> {
        let n = graph.len();
        let mut near: Vec<Vec<usize>> = (0..n).map(|i| graph.neighbours(i).to_vec()).collect();
        // Odd multipliers permute: Knuth's golden ratio.
        let scatter = |i: usize| (i as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut queue: BinaryHeap<Reverse<(usize, u64, usize)>> =
            (0..n).map(|i| Reverse((near[i].len(), scatter(i), i))).collect();
        let (mut place, mut order, mut left) = (vec![usize::MAX; n], Vec::with_capacity(n), most);
        let mut columns = Vec::with_capacity(n);
        while let Some(Reverse((degree, _, i))) = queue.pop() {
            if place[i] != usize::MAX || near[i].len() != degree {
                continue;
            }
            left = left.checked_sub(degree * degree)?;
            place[i] = order.len();
            order.push(i);
            let own = std::mem::take(&mut near[i]);
            for &j in &own {
                near[j] = merged(&near[j], &own, (i, j));
                queue.push(Reverse((near[j].len(), scatter(j), j)));
            }
            columns.push(own);
        }
        let mut across: Vec<Vec<(usize, usize)>> = vec![Vec::new(); n];
        let rows: Vec<Vec<usize>> = columns
            .into_iter()
            .enumerate()
            .map(|(k, own)| {
                let mut rows: Vec<usize> = own.into_iter().map(|j| place[j]).collect();
                rows.sort_unstable();
                rows.iter().enumerate().for_each(|(e, &r)| across[r].push((k, e)));
                rows
            })
            .collect();
        Some(Self { place, order, rows, across })
    }

    /// G and D of L - sI; none if a pivot is zero or no number.
    fn factor(&self, graph: &Graph, s: f64) -> Option<Factor<'_>> {
        let n = self.order.len();
        let mut all = Factor { plan: self, pivots: Vec::with_capacity(n), entries: Vec::with_capacity(n) };
        let mut sum = vec![0.0; n];
        for k in 0..n {
            let i = self.order[k];
            sum[k] = graph.degree(i) as f64 - s;
            for &j in graph.neighbours(i) {
                if self.place[j] > k {
                    sum[self.place[j]] = -1.0;
                }
            }
            for &(before, e) in &self.across[k] {
                let column = &all.entries[before];
                let factor = column[e] * all.pivots[before];
                for (r, g) in self.rows[before][e..].iter().zip(&column[e..]) {
                    sum[*r] -= factor * g;
                }
            }
            let pivot = sum[k];
            if pivot == 0.0 || !pivot.is_finite() {
                return None;
            }
            sum[k] = 0.0;
            let column = self.rows[k].iter().map(|&r| std::mem::take(&mut sum[r]) / pivot).collect();
            all.entries.push(column);
            all.pivots.push(pivot);
        }
        Some(all)
    }
}

/// The union of two ascending lists without two members.
fn merged(a: &[usize], b: &[usize], without: (usize, usize)) -> Vec<usize> {
    let mut all = Vec::with_capacity(a.len() + b.len());
    let (mut x, mut y) = (0, 0);
    while x < a.len() || y < b.len() {
        let next = match (a.get(x), b.get(y)) {
            (Some(p), Some(q)) => *p.min(q),
            (Some(p), None) | (None, Some(p)) => *p,
            (None, None) => break,
        };
        x += usize::from(a.get(x) == Some(&next));
        y += usize::from(b.get(y) == Some(&next));
        if next != without.0 && next != without.1 {
            all.push(next);
        }
    }
    all
}

struct Factor<'a> {
    plan: &'a Elimination,
    pivots: Vec<f64>,
    entries: Vec<Vec<f64>>,
}

impl Factor<'_> {
    fn negative(&self) -> usize {
        self.pivots.iter().filter(|d| **d < 0.0).count()
    }

    /// The bound on ||E||.
    fn error(&self) -> f64 {
        let most = self.plan.across.iter().map(Vec::len).max().unwrap_or(0);
        let mut sums = vec![0.0; self.pivots.len()];
        for (k, (column, rows)) in self.entries.iter().zip(&self.plan.rows).enumerate() {
            let part = self.pivots[k].abs() * (1.0 + column.iter().map(|g| g.abs()).sum::<f64>());
            sums[k] += part;
            rows.iter().zip(column).for_each(|(r, g)| sums[*r] += g.abs() * part);
        }
        // Twice: the sums themselves are rounded.
        2.0 * (2 * most + 6) as f64 * f64::EPSILON * sums.into_iter().fold(0.0, f64::max)
    }

    /// x with (L - sI) x = b, both by follower.
    fn solve(&self, b: &[f64]) -> Vec<f64> {
        let Elimination { order, rows, .. } = self.plan;
        let mut x: Vec<f64> = order.iter().map(|&i| b[i]).collect();
        for k in 0..x.len() {
            for (r, g) in rows[k].iter().zip(&self.entries[k]) {
                x[*r] -= g * x[k];
            }
        }
        for k in (0..x.len()).rev() {
            let above: f64 = rows[k].iter().zip(&self.entries[k]).map(|(r, g)| g * x[*r]).sum();
            x[k] = x[k] / self.pivots[k] - above;
        }
        (0..x.len()).map(|i| x[self.plan.place[i]]).collect()
    }
}

/// Shares below an upper bound on the second eigenvalue at which it is tried to count, one after the other, until the
/// rounding is below the share as well. The nearer, the smaller some pivots are, and the larger what the next ones round; so
/// about the root of the rounding unit is what can be had, with several equal eigenvalues.
const TRIES: [f64; 7] = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-2, 1e-1];

/// Each pass starts from the lower bound of the one before, near which inverse iteration is fast.
const PASSES: usize = 3;

/// The second eigenvalue within `known`, two positive bounds on it.
pub(super) fn second(graph: &Graph, plan: &Elimination, known: (f64, f64)) -> (f64, f64) {
    let mut rng = stream(0, Purpose::Instance, 0);
    let mut x: Vec<f64> = (0..graph.len()).map(|_| rng.random::<f64>() - 0.5).collect();
    let (mut low, mut high) = known;
    let mut shift = 0.5 * low;
    for _ in 0..PASSES {
        if let Some(factor) = plan.factor(graph, shift) {
            high = high.min(quotient(graph, &factor, &mut x)).max(low);
        }
        let top = high;
        for share in TRIES {
            let s = top * (1.0 - share);
            let Some(factor) = plan.factor(graph, s).filter(|_| s > low) else { continue };
            let error = factor.error();
            if factor.negative() > 1 {
                high = high.min((s + error) * (1.0 + f64::EPSILON)).max(low);
                continue;
            }
            low = low.max((s - error) * (1.0 - f64::EPSILON)).min(high);
            if error <= share * top {
                break;
            }
        }
        if low <= known.0 {
            // The quotient is far off: halve on the scale of sizes.
            let middle = (low * high).sqrt();
            if let Some(factor) = plan.factor(graph, middle).filter(|f| f.negative() <= 1) {
                low = low.max((middle - factor.error()) * (1.0 - f64::EPSILON)).min(high);
            }
        }
        if high <= low * (1.0 + 2.0 * TRIES[2]) {
            break;
        }
        shift = low;
    }
    (low, high)
}

/// An upper bound: the Rayleigh quotient of a vector without mean, by inverse iteration, with its rounding.
fn quotient(graph: &Graph, factor: &Factor<'_>, x: &mut Vec<f64>) -> f64 {
    let n = graph.len() as f64;
    let mut best = f64::INFINITY;
    for _ in 0..60 {
        *x = factor.solve(x);
        let mean = compensated(x.iter().copied()) / n;
        let size = x.iter().fold(0.0_f64, |s, x| s.max((x - mean).abs()));
        x.iter_mut().for_each(|x| *x = (*x - mean) / size);
        let mean = compensated(x.iter().copied()) / n;
        let square = compensated(x.iter().map(|x| (x - mean).powi(2)));
        let value = compensated(graph.edges().iter().map(|&(a, b)| (x[a] - x[b]).powi(2))) / square;
        if !value.is_finite() || value >= best * (1.0 - 1e-13) {
            break;
        }
        best = value;
    }
    best * (1.0 + 1e-13)
}
