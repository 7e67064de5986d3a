//! Eigenvalues of symmetric matrices: Householder's reduction to three diagonals, then counting signs.
//!
//! Counts are those of a matrix that differs from the given one by rounding ([`Tridiagonal::margin`]), so that an
//! eigenvalue can be bounded from either side.

/// A symmetric matrix with three diagonals that has the eigenvalues of a given one, up to [`margin`](Self::margin).
#[derive(Clone, Debug, PartialEq)]
pub struct Tridiagonal {
    diagonal: Vec<f64>,
    /// Squares of the entries beside the diagonal; the first is not used.
    beside: Vec<f64>,
    norm: f64,
}

impl Tridiagonal {
    /// Reduces a symmetric n x n matrix, n >= 1, of which the lower triangle is read. About 4 n³/3 operations.
    pub fn new(n: usize, mut matrix: Vec<f64>) -> Self {
        assert!(n > 0 && matrix.len() == n * n, "an n x n matrix");
        for i in 0..n {
            for j in 0..i {
                matrix[j * n + i] = matrix[i * n + j];
            }
        }
        let row_sum = |row: &[f64]| row.iter().map(|x| x.abs()).sum::<f64>();
        let norm = matrix.chunks(n).map(row_sum).fold(0.0, f64::max);
        let (mut diagonal, mut beside) = (vec![0.0; n], vec![0.0; n]);
        for k in 0..n {
            diagonal[k] = matrix[k * n + k];
            if k + 1 < n {
                beside[k + 1] = reflect(n, k, &mut matrix);
            }
        }
        Self { diagonal, beside, norm }
    }

    /// How far the eigenvalues of the given matrix may be from those that are counted: the backward error of n
    /// reflections and of a count, each a few roundings of sums of n terms of the size of the norm.
    pub fn margin(&self) -> f64 {
        16.0 * self.diagonal.len() as f64 * f64::EPSILON * self.norm
    }

    /// How many eigenvalues lie below `bound`.
    pub fn below(&self, bound: f64) -> usize {
        let mut pivot = 1.0;
        let mut count = 0;
        for (k, (d, b)) in self.diagonal.iter().zip(&self.beside).enumerate() {
            pivot = d - bound - if k == 0 { 0.0 } else { b / pivot };
            if pivot.abs() < f64::MIN_POSITIVE {
                pivot = -f64::MIN_POSITIVE;
            }
            count += usize::from(pivot < 0.0);
        }
        count
    }

    /// The eigenvalue with `index` smaller ones (0: the smallest): an interval that contains it, margin included.
    pub fn eigenvalue(&self, index: usize) -> (f64, f64) {
        assert!(index < self.diagonal.len(), "one of the eigenvalues");
        let (mut low, mut high) = (-self.norm, self.norm);
        loop {
            let middle = 0.5 * (low + high);
            if middle <= low || middle >= high || high - low < 0.01 * self.margin() {
                return (low - self.margin(), high + self.margin());
            }
            if self.below(middle) > index { high = middle } else { low = middle }
        }
    }
}

/// Clears column k below the entry beside the diagonal by a reflection from both sides; the square of that entry.
fn reflect(n: usize, k: usize, a: &mut [f64]) -> f64 {
    let size = (k + 1..n).map(|i| a[i * n + k].abs()).fold(0.0, f64::max);
    if size == 0.0 {
        return 0.0;
    }
    let mut v: Vec<f64> = (k + 1..n).map(|i| a[i * n + k] / size).collect();
    let length = v.iter().map(|x| x * x).sum::<f64>().sqrt();
    let beside = (length * size).powi(2);
    v[0] += length.copysign(v[0]);
    let square: f64 = v.iter().map(|x| x * x).sum();
    // p = 2 A v / v'v, w = p - (p'v / v'v) v; then A - v w' - w v'.
    let mut w: Vec<f64> = (k + 1..n)
        .map(|i| {
            let row = &a[i * n + k + 1..(i + 1) * n];
            2.0 * row.iter().zip(&v).map(|(a, v)| a * v).sum::<f64>() / square
        })
        .collect();
    let along = w.iter().zip(&v).map(|(w, v)| w * v).sum::<f64>() / square;
    for (w, v) in w.iter_mut().zip(&v) {
        *w -= along * v;
    }
    for i in k + 1..n {
        let (vi, wi) = (v[i - k - 1], w[i - k - 1]);
        let row = &mut a[i * n + k + 1..(i + 1) * n];
        for ((a, v), w) in row.iter_mut().zip(&v).zip(&w) {
            *a -= vi * w + wi * v;
        }
    }
    beside
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cycles_and_stars_have_known_eigenvalues() {
        for n in [3, 4, 7, 40] {
            let mut a = vec![0.0; n * n];
            for i in 0..n {
                let j = (i + 1) % n;
                a[i * n + i] = 2.0;
                a[i * n + j] = -1.0;
                a[j * n + i] = -1.0;
            }
            let three = Tridiagonal::new(n, a);
            let mut known: Vec<f64> =
                (0..n).map(|k| 2.0 - 2.0 * (std::f64::consts::TAU * k as f64 / n as f64).cos()).collect();
            known.sort_by(f64::total_cmp);
            for (k, known) in known.iter().enumerate() {
                let (low, high) = three.eigenvalue(k);
                assert!(
                    low <= *known && *known <= high && high - low < 1e-11,
                    "{n} {k}: {low} {known} {high}"
                );
            }
        }
        assert_eq!(Tridiagonal::new(1, vec![3.0]).below(3.5), 1);
    }

    proptest! {
        /// Sum and sum of squares of the eigenvalues are trace and squared norm.
        #[test]
        fn trace_and_norm(n in 1..9_usize, raw in prop::collection::vec(-1.0..1.0_f64, 64)) {
            let at = |i: usize, j: usize| raw[i.max(j) * 8 + i.min(j)];
            let a: Vec<f64> = (0..n * n).map(|k| at(k / n, k % n)).collect();
            let three = Tridiagonal::new(n, a.clone());
            let values: Vec<f64> = (0..n).map(|k| { let (l, h) = three.eigenvalue(k); 0.5 * (l + h) }).collect();
            let trace: f64 = (0..n).map(|i| at(i, i)).sum();
            let squares: f64 = a.iter().map(|x| x * x).sum();
            prop_assert!((values.iter().sum::<f64>() - trace).abs() < 1e-12);
            prop_assert!((values.iter().map(|x| x * x).sum::<f64>() - squares).abs() < 1e-12);
        }
    }
}
