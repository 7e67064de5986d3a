//! What a sensitivity S_i = R_i J_i R_i' can be if the cost bends as publicly announced: symmetric, 0 <= S_i <= R_i R_i'/m_i
//! in the order of matrices, because 0 <= J_i <= I/m_i.
//!
//! Both sides are one test, whether a matrix A is positive semidefinite. It is put as A + t D with D = diag(R_i R_i')/m_i and
//! t = 1e-9, and tried by elimination: A + t D is positive definite if and only if all pivots are positive. The shift is the
//! tolerance. Without it matrices of less than full rank (fewer decisions than couplings, decisions at limits) would fail by
//! rounding; elimination rounds by less than m² 1e-16 of D, so that the answer is certain outside of (1 +- 1e-5) t. A matrix
//! that passes is as good as one that is semidefinite: it errs by 1e-9 of what the follower could have reported truthfully.

use multiversion::multiversion;

use super::model::{Follower, add_gram};

/// t above: what a truthful report may be off by, for an inverse of second derivatives with a condition up to 1e6.
const TOLERANCE: f64 = 1e-9;

/// Reports that are tested at a time, one in every lane.
const LANES: usize = 8;

type Lanes = [f64; LANES];

/// What is public of one follower's sensitivities, and room for the test.
pub(super) struct Class {
    couplings: usize,
    /// R R'/m, the lower triangle row by row; none if m = 0 (no bound from above).
    most: Option<Vec<f64>>,
    reports: Vec<Lanes>,
    work: Vec<Lanes>,
    column: Vec<Lanes>,
}

impl Class {
    pub fn new(follower: &Follower) -> Self {
        let m = follower.coupling.len() / follower.decisions();
        let least = follower.curvature.0;
        let most = (least > 0.0).then(|| {
            let mut square = vec![0.0; m * m];
            add_gram(follower, 1.0 / least, &mut square);
            (0..m).flat_map(|r| square[r * m..=r * m + r].to_vec()).collect()
        });
        let lanes = |count: usize| vec![[0.0; LANES]; count];
        let packed = m * (m + 1) / 2;
        Self { couplings: m, most, reports: lanes(packed), work: lanes(packed), column: lanes(m) }
    }

    /// Sets all sensitivities of a list (packed, one after the other) that no cost of the class has to zero: to none.
    pub fn tame(&mut self, all: &mut [f64]) {
        let packed = self.work.len();
        for group in all.chunks_mut(packed * LANES) {
            for (lane, s) in group.chunks_exact(packed).enumerate() {
                self.reports.iter_mut().zip(s).for_each(|(slot, x)| slot[lane] = *x);
            }
            let good = self.good();
            for (s, good) in group.chunks_exact_mut(packed).zip(good) {
                if !good {
                    s.fill(0.0);
                }
            }
        }
    }

    /// Which of the eight sensitivities in the lanes can be.
    fn good(&mut self) -> [bool; LANES] {
        let diagonal = |r: usize| r * (r + 1) / 2 + r;
        self.work.copy_from_slice(&self.reports);
        for k in (0..self.couplings).map(diagonal) {
            for l in 0..LANES {
                // Without a bound the shift is a part of S itself.
                let own = self.reports[k][l];
                self.work[k][l] = own + TOLERANCE * self.most.as_ref().map_or(own, |most| most[k]);
            }
        }
        let mut good = definite(&mut self.work, &mut self.column);
        if let Some(most) = &self.most {
            for (work, (s, most)) in self.work.iter_mut().zip(self.reports.iter().zip(most)) {
                for l in 0..LANES {
                    work[l] = most - s[l];
                }
            }
            for k in (0..self.couplings).map(diagonal) {
                self.work[k].iter_mut().for_each(|x| *x += TOLERANCE * most[k]);
            }
            let below = definite(&mut self.work, &mut self.column);
            good.iter_mut().zip(below).for_each(|(g, b)| *g &= b);
        }
        good
    }
}

/// Whether elimination of the lower triangles finds positive pivots only, lane by lane. A row of zeros alone has none and is
/// left out: nobody's use of that coupling moves. `column` is scratch, one entry for each row.
#[multiversion(targets("x86_64+avx2+fma"))]
fn definite(a: &mut [Lanes], column: &mut [Lanes]) -> [bool; LANES] {
    let m = column.len();
    // The smallest pivot; what stands below a pivot of zero; not zero if some pivot is no number.
    let (mut least, mut left, mut lost) = ([0.0_f64; LANES], [0.0_f64; LANES], [0.0_f64; LANES]);
    for k in 0..m {
        for i in k..m {
            column[i] = a[i * (i + 1) / 2 + k];
        }
        let pivot = column[k];
        let (mut inverse, mut zero) = ([0.0; LANES], [0.0; LANES]);
        for l in 0..LANES {
            least[l] = if pivot[l] < least[l] { pivot[l] } else { least[l] };
            lost[l] += 0.0 * pivot[l];
            inverse[l] = if pivot[l] > 0.0 { 1.0 / pivot[l] } else { 0.0 };
            zero[l] = if pivot[l] > 0.0 { 0.0 } else { 1.0 };
        }
        for i in k + 1..m {
            let start = i * (i + 1) / 2;
            let mut factor = [0.0; LANES];
            for l in 0..LANES {
                left[l] += zero[l] * column[i][l].abs();
                factor[l] = column[i][l] * inverse[l];
            }
            for (entry, other) in a[start + k + 1..=start + i].iter_mut().zip(&column[k + 1..=i]) {
                for l in 0..LANES {
                    entry[l] -= factor[l] * other[l];
                }
            }
        }
    }
    std::array::from_fn(|l| least[l] == 0.0 && left[l] == 0.0 && lost[l] == 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::dense;
    use proptest::prelude::*;

    fn follower(coupling: &[f64], n: usize, least: f64) -> Follower {
        let mut follower = Follower::new(coupling.to_vec(), n);
        follower.curvature = (least, f64::INFINITY);
        follower
    }

    fn passes(follower: &Follower, s: &[f64]) -> bool {
        // Surrounded by others, which must not matter.
        let zero = vec![0.0; s.len()];
        let mut all = [&zero[..], s, &zero].concat();
        Class::new(follower).tame(&mut all);
        assert!(all[..s.len()].iter().chain(&all[2 * s.len()..]).all(|x| *x == 0.0));
        let kept = all[s.len()..2 * s.len()] == *s;
        assert!(kept || all.iter().all(|x| *x == 0.0));
        kept
    }

    /// Each breaks one condition while all pairs of rows and the diagonal look right.
    #[test]
    fn what_pairs_of_rows_let_through() {
        let free = follower(&[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0], 3, 0.5);
        // Three uses that each move against both others: pairs are fine, all three together are not.
        assert!(!passes(&free, &[1.0, -0.9, 1.0, -0.9, -0.9, 1.0]));
        assert!(passes(&free, &[1.0, -0.49, 1.0, -0.49, -0.49, 1.0]));
        // Semidefinite with a small diagonal, but more than R R'/m in the direction (1, 1, 1): 2.7 above 2.
        assert!(!passes(&free, &[0.9, 0.9, 0.9, 0.9, 0.9, 0.9]));
        assert!(passes(&free, &[0.6, 0.6, 0.6, 0.6, 0.6, 0.6]));
        // One decision uses two couplings alike; here they move on their own: rank two above rank one.
        let one = follower(&[1.0, 1.0], 1, 1.0);
        assert!(!passes(&one, &[0.9, 0.0, 0.9]));
        assert!(passes(&one, &[0.9, 0.9, 0.9]) && passes(&one, &[1.0, 1.0, 1.0]));
        // Nothing is known of the cost: no bound from above, but the order of zero remains.
        let unknown = follower(&[1.0, 1.0, 0.0], 1, 0.0);
        assert!(passes(&unknown, &[9.0, 9.0, 9.0, 0.0, 0.0, 0.0]));
        assert!(!passes(&unknown, &[1.0, 0.0, 1.0, 0.1, 0.0, 0.0]));
        assert!(!passes(&unknown, &[1.0, -0.9, 1.0, -0.9, -0.9, 1.0]));
        // What overflows is refused, and what is refused by pairs still is.
        for bad in [[-1e-3, 0.0, 0.5], [1e200, 1e200, 1e200], [0.5, 0.6, 0.5], [1.1, 0.0, 0.0]] {
            assert!(!passes(&one, &bad), "{bad:?}");
        }
    }

    proptest! {
        /// Truthful sensitivities pass, whatever the ranks; others by their eigenvalues.
        #[test]
        fn the_order_of_matrices(
            (m, n, entries) in (1..7_usize, 1..5_usize)
                .prop_flat_map(|(m, n)| (Just(m), Just(n), prop::collection::vec(-1.0..1.0_f64, m * n + 3 * n + m * m))),
            least in 0.1..10.0_f64,
            wrong in -2.0..2.0_f64,
        ) {
            let (coupling, rest) = entries.split_at(m * n);
            let (kept, noise) = rest.split_at(3 * n);
            let follower = follower(coupling, n, least);
            // J diagonal in between, some entries at their ends.
            let inverse: Vec<f64> = kept[..n].iter().map(|x| (1.5 * x).clamp(0.0, 1.0) / least).collect();
            let honest = |r: usize, c: usize| -> f64 { (0..n).map(|k| coupling[r * n + k] * inverse[k] * coupling[c * n + k]).sum() };
            let pack = |f: &dyn Fn(usize, usize) -> f64| -> Vec<f64> {
                (0..m).flat_map(|r| (0..=r).map(move |c| (r, c))).map(|(r, c)| f(r, c)).collect()
            };
            prop_assert!(passes(&follower, &pack(&honest)));
            let size = 10.0_f64.powf(4.0 * wrong - 4.0);
            let bent = |r: usize, c: usize| honest(r, c) + size * (noise[r * m + c] + noise[c * m + r]);
            let square = |r: usize, c: usize| (0..n).map(|k| coupling[r * n + k] * coupling[c * n + k]).sum::<f64>() / least;
            let smallest = |f: &dyn Fn(usize, usize) -> f64| {
                let unit: Vec<f64> = (0..m).map(|r| square(r, r).sqrt()).collect();
                let matrix: Vec<f64> = (0..m * m).map(|k| f(k / m, k % m) / (unit[k / m] * unit[k % m])).collect();
                dense::eigen(&matrix, m).0.into_iter().fold(f64::INFINITY, f64::min)
            };
            let worst = smallest(&bent).min(smallest(&|r, c| square(r, c) - bent(r, c)));
            if (worst + TOLERANCE).abs() > 0.1 * TOLERANCE {
                prop_assert_eq!(passes(&follower, &pack(&bent)), worst > -TOLERANCE, "{}", worst);
            }
        }
    }
}
