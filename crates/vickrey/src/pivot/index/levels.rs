//! Values of many arms together, from products over levels (Whittle's formula).
//!
//! Suppose that one could retire for m per period for ever. What all arms are then worth, as a function of m, has the
//! slope prod_j E[delta^tau_j], where arm j is played until its index is at most m. The slope is constant between
//! neighbouring indices, so the value without retirement is a sum over these intervals. All values are per period,
//! that is (1 - delta) W.

use super::arm::Arm;
use crate::mechanism::AgentId;
use crate::numeric::sum::Sum;

/// Intervals that are worked on together: rows of this length for every arm stay in the cache.
const CHUNK: usize = 512;

/// The indices of all arms and 0, in ascending order, and where each arm's indices stand among them.
#[derive(Clone, Debug)]
pub(super) struct Levels {
    edges: Vec<f64>,
    /// Where 0 stands.
    zero: usize,
    /// For each arm, positions of its indices in `edges` from the highest to the lowest.
    positions: Vec<Vec<usize>>,
}

impl Levels {
    pub fn new(arms: &[Arm]) -> Self {
        let mut edges: Vec<f64> = arms.iter().flat_map(|arm| arm.indices.iter().copied()).collect();
        edges.push(0.0);
        edges.sort_unstable_by(f64::total_cmp);
        edges.dedup();
        let place = |index: f64| edges.partition_point(|edge| *edge < index);
        let of = |arm: &Arm| arm.order.iter().map(|x| place(arm.indices[*x])).collect();
        let positions = arms.iter().map(of).collect();
        let zero = place(0.0);
        Self { edges, zero, positions }
    }

    /// Bytes for so many indices altogether.
    pub fn bytes(indices: u128) -> u128 {
        8 * (2 * indices + 1)
    }

    /// Bytes that a question takes.
    pub fn scratch(arms: u128) -> u128 {
        8 * (arms + 3) * CHUNK as u128
    }

    /// Bytes that a question about so many pairs of types takes besides.
    pub fn scratch_of_pairs(pairs: u128) -> u128 {
        (8 + size_of::<Sum>() as u128) * pairs
    }

    fn intervals(&self) -> usize {
        self.edges.len() - 1
    }

    fn width(&self, interval: usize) -> f64 {
        self.edges[interval + 1] - self.edges[interval]
    }

    /// What lies below the first interval that counts, and that interval: with `zero`, retiring for 0 is possible.
    fn base(&self, zero: bool) -> (f64, usize) {
        if zero { (0.0, self.zero) } else { (self.edges[0], 0) }
    }

    fn chunks(&self) -> impl Iterator<Item = (usize, usize)> {
        let count = self.intervals();
        (0..count).step_by(CHUNK).map(move |from| (from, (from + CHUNK).min(count)))
    }

    /// Pieces of the intervals from `from` to `to` on which the factor of an arm is constant: number of its best types
    /// that are played on, and the intervals.
    fn pieces(&self, arm: AgentId, from: usize, to: usize) -> impl Iterator<Item = (usize, usize, usize)> {
        let at = &self.positions[arm];
        (0..=at.len()).rev().filter_map(move |best| {
            let low = at.get(best).copied().unwrap_or(0).max(from);
            let high = if best == 0 { to } else { at[best - 1].min(to) };
            (low < high).then_some((best, low, high))
        })
    }

    /// Multiplies a row over the intervals from `from` on by the factors of an arm in state x.
    fn multiply(&self, arm: AgentId, table: &Arm, x: usize, from: usize, row: &mut [f64]) {
        for (best, low, high) in self.pieces(arm, from, from + row.len()) {
            let factor = table.stop(best)[x];
            for p in &mut row[low - from..high - from] {
                *p *= factor;
            }
        }
    }

    /// Adds up width (1 - product) over the intervals that count.
    fn add(&self, sum: &mut Sum, first: usize, from: usize, product: impl Iterator<Item = f64>) {
        for (k, p) in (from..).zip(product) {
            if k >= first {
                sum.add(self.width(k) * (1.0 - p));
            }
        }
    }

    /// Value per period of all arms but perhaps one.
    pub fn value(&self, arms: &[Arm], x: &[usize], but: Option<AgentId>, zero: bool) -> f64 {
        let (base, first) = self.base(zero);
        let mut sum = Sum::from(base);
        let mut row = [0.0; CHUNK];
        for (from, to) in self.chunks() {
            let row = &mut row[..to - from];
            row.fill(1.0);
            for j in (0..arms.len()).filter(|j| Some(*j) != but) {
                self.multiply(j, &arms[j], x[j], from, row);
            }
            self.add(&mut sum, first, from, row.iter().copied());
        }
        sum.get()
    }

    /// Values per period without each arm, by prefix and suffix products; `zero` says for each whether 0 is possible.
    pub fn without_each(&self, arms: &[Arm], x: &[usize], zero: &[bool], out: &mut [f64]) {
        let base: Vec<(f64, usize)> = zero.iter().map(|zero| self.base(*zero)).collect();
        let mut sums: Vec<Sum> = base.iter().map(|(base, _)| Sum::from(*base)).collect();
        self.leave_one_out(arms, x, None, |i, from, rest| {
            self.add(&mut sums[i], base[i].1, from, rest.iter().copied());
        });
        for (out, sum) in out.iter_mut().zip(sums) {
            *out = sum.get();
        }
    }

    /// For each arm the values per period of all arms, by the type of this one; the others stay in their states.
    pub fn by_own_type(&self, arms: &[Arm], x: &[usize], zero: bool) -> Vec<Vec<f64>> {
        let (base, first) = self.base(zero);
        let mut sums: Vec<Vec<Sum>> =
            arms.iter().map(|arm| vec![Sum::from(base); arm.values.len()]).collect();
        self.leave_one_out(arms, x, None, |i, from, rest| {
            for (best, low, high) in self.pieces(i, from.max(first), from + rest.len()) {
                let (width, kept) = self.kept(low, high, &rest[low - from..]);
                for (sum, stop) in sums[i].iter_mut().zip(arms[i].stop(best)) {
                    sum.add(width - stop * kept);
                }
            }
        });
        sums.into_iter().map(|own| own.into_iter().map(Sum::get).collect()).collect()
    }

    /// The same for every arm but one, by the type of that one (rows) and her own (columns).
    pub fn by_two_types(&self, arms: &[Arm], x: &[usize], mover: AgentId, zero: bool) -> Vec<Vec<f64>> {
        let (base, first) = self.base(zero);
        let rows = arms[mover].values.len();
        let mut sums: Vec<Vec<Sum>> =
            arms.iter().map(|arm| vec![Sum::from(base); rows * arm.values.len()]).collect();
        self.leave_one_out(arms, x, Some(mover), |i, from, rest| {
            for (best, low, high) in self.pieces(i, from.max(first), from + rest.len()) {
                let own = arms[i].stop(best);
                for (best, low, high) in self.pieces(mover, low, high) {
                    let (width, kept) = self.kept(low, high, &rest[low - from..]);
                    let rows = sums[i].chunks_exact_mut(own.len()).zip(arms[mover].stop(best));
                    for (row, stop) in rows {
                        let kept = stop * kept;
                        row.iter_mut().zip(own).for_each(|(sum, own)| sum.add(width - own * kept));
                    }
                }
            }
        });
        sums.into_iter().map(|own| own.into_iter().map(Sum::get).collect()).collect()
    }

    /// Sums of widths, and of widths times products, over intervals.
    fn kept(&self, low: usize, high: usize, products: &[f64]) -> (f64, f64) {
        let (mut width, mut kept) = (Sum::default(), Sum::default());
        for (k, p) in (low..high).zip(products) {
            width.add(self.width(k));
            kept.add(self.width(k) * p);
        }
        (width.get(), kept.get())
    }

    /// Hands over, chunk by chunk and arm by arm, the products of all other arms.
    /// One arm may be left out from the start.
    fn leave_one_out(
        &self,
        arms: &[Arm],
        x: &[usize],
        but: Option<AgentId>,
        mut each: impl FnMut(AgentId, usize, &[f64]),
    ) {
        let count = arms.len();
        let mut before = vec![1.0; (count + 1) * CHUNK];
        let mut after = vec![1.0; CHUNK];
        for (from, to) in self.chunks() {
            let wide = to - from;
            for j in 0..count {
                let (done, next) = before.split_at_mut((j + 1) * CHUNK);
                next[..wide].copy_from_slice(&done[j * CHUNK..j * CHUNK + wide]);
                if Some(j) != but {
                    self.multiply(j, &arms[j], x[j], from, &mut next[..wide]);
                }
            }
            after[..wide].fill(1.0);
            for i in (0..count).rev().filter(|i| Some(*i) != but) {
                let rest = &mut before[i * CHUNK..i * CHUNK + wide];
                for (rest, after) in rest.iter_mut().zip(&after) {
                    *rest *= after;
                }
                each(i, from, rest);
                self.multiply(i, &arms[i], x[i], from, &mut after[..wide]);
            }
            before[..CHUNK].fill(1.0);
        }
    }
}
