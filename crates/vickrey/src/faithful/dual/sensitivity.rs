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
    work: Vec<Lanes>,
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
        Self { couplings: m, most, work: vec![[0.0; LANES]; m * (m + 1) / 2] }
    }

    /// Sets all sensitivities of a list (packed, one after the other) that no cost of the class has to zero: to none.
    pub fn tame(&mut self, all: &mut [f64]) {
        let packed = self.work.len();
        for group in all.chunks_mut(packed * LANES) {
            let good = self.good(group);
            for (s, good) in group.chunks_exact_mut(packed).zip(good) {
                if !good {
                    s.fill(0.0);
                }
            }
        }
    }

    /// Which of up to eight sensitivities can be.
    fn good(&mut self, group: &[f64]) -> [bool; LANES] {
        self.load(group, 1.0);
        let mut good = definite(&mut self.work, self.couplings);
        if self.most.is_some() {
            self.load(group, -1.0);
            let below = definite(&mut self.work, self.couplings);
            good.iter_mut().zip(below).for_each(|(g, b)| *g &= b);
        }
        good
    }

    /// Into the lanes: S (sign 1) or R R'/m - S (sign -1), with the shift. Without a bound the shift is a part of S itself.
    fn load(&mut self, group: &[f64], sign: f64) {
        let packed = self.work.len();
        for (lane, s) in group.chunks_exact(packed).enumerate() {
            for (k, x) in s.iter().enumerate() {
                let most = self.most.as_ref().map_or(0.0, |most| most[k]);
                self.work[k][lane] = if sign > 0.0 { *x } else { most - x };
            }
            for r in 0..self.couplings {
                let k = r * (r + 1) / 2 + r;
                self.work[k][lane] += TOLERANCE * self.most.as_ref().map_or(s[k], |most| most[k]);
            }
        }
    }
}

/// Whether elimination of the lower triangles finds positive pivots only, lane by lane. A row of zeros alone has none and is
/// left out: nobody's use of that coupling moves.
#[multiversion(targets("x86_64+avx2+fma"))]
fn definite(a: &mut [Lanes], m: usize) -> [bool; LANES] {
    let at = |r: usize, c: usize| r * (r + 1) / 2 + c;
    let mut good = [true; LANES];
    for k in 0..m {
        let pivot = a[at(k, k)];
        let mut inverse = [0.0; LANES];
        for l in 0..LANES {
            // False for what is no number, too.
            good[l] &= pivot[l] >= 0.0;
            inverse[l] = if pivot[l] > 0.0 { 1.0 / pivot[l] } else { 0.0 };
        }
        for i in k + 1..m {
            let own = a[at(i, k)];
            let mut factor = [0.0; LANES];
            for l in 0..LANES {
                good[l] &= pivot[l] > 0.0 || own[l] == 0.0;
                factor[l] = own[l] * inverse[l];
            }
            for j in k + 1..=i {
                let other = a[at(j, k)];
                let entry = &mut a[at(i, j)];
                for l in 0..LANES {
                    entry[l] -= factor[l] * other[l];
                }
            }
        }
    }
    good
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
