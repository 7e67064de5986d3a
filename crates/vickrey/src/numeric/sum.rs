//! Sums that do not depend on the number of threads and keep their last digits.

use rayon::prelude::*;

/// Agents per chunk of a parallel pass. Fixed: the chunking decides the rounding, the thread count must not.
pub const CHUNK: usize = 4096;

/// A running sum that keeps its rounding errors: they are summed beside it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sum {
    total: f64,
    lost: f64,
}

impl Sum {
    /// Starts from a number.
    pub fn from(start: f64) -> Self {
        Self { total: start, lost: 0.0 }
    }

    /// Adds a number.
    #[inline]
    pub fn add(&mut self, x: f64) {
        // The exact rounding error without asking which of the two is larger: no branch, so vector registers can be
        // used (Knuth's two-sum).
        let next = self.total + x;
        let added = next - self.total;
        self.lost += (self.total - (next - added)) + (x - added);
        self.total = next;
    }

    /// The sum so far.
    pub fn get(self) -> f64 {
        self.total + self.lost
    }
}

/// Compensated sum of a sequence.
pub fn compensated(xs: impl IntoIterator<Item = f64>) -> f64 {
    let mut sum = Sum::default();
    for x in xs {
        sum.add(x);
    }
    sum.get()
}

/// Sums `K` quantities per item over fixed chunks in parallel; the result does not depend on the thread count.
pub fn parallel<const K: usize>(len: usize, item: impl Fn(usize) -> [f64; K] + Sync) -> [f64; K] {
    let chunk = |c: usize| {
        let mut sums = [Sum::default(); K];
        for i in c * CHUNK..((c + 1) * CHUNK).min(len) {
            for (sum, x) in sums.iter_mut().zip(item(i)) {
                sum.add(x);
            }
        }
        sums.map(Sum::get)
    };
    let chunks = len.div_ceil(CHUNK);
    let parts: Vec<[f64; K]> = if chunks > 1 {
        (0..chunks).into_par_iter().map(chunk).collect()
    } else {
        (0..chunks).map(chunk).collect()
    };
    std::array::from_fn(|k| compensated(parts.iter().map(|p| p[k])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_small_terms_between_large_ones() {
        assert_eq!(compensated([1e16, 1.0, -1e16]), 1.0);
        let [s, n] = parallel(10_001, |i| [if i % 2 == 0 { 1e10 } else { -1e10 }, 1.0]);
        assert_eq!((s, n), (1e10, 10_001.0));
    }

    #[test]
    fn thread_count_does_not_matter() {
        let f = |i: usize| [((i * 7919) as f64).sin(), (i as f64).sqrt()];
        let with = |t: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(t).build().unwrap();
            pool.install(|| parallel(50_000, f))
        };
        assert_eq!(with(1), with(3));
    }
}
