//! Cholesky factors of small symmetric positive definite matrices, row by row.
//!
//! Plain loops in a fixed order: the bits are the same on every processor, which payments rely on. (Tuned libraries
//! choose their instructions at run time.)

/// A = L L' with a lower triangular L.
#[derive(Clone, Debug, PartialEq)]
pub struct Cholesky {
    n: usize,
    /// L, row by row; what is above the diagonal is zero.
    lower: Vec<f64>,
}

/// A pivot is not positive: the matrix is not positive definite (or not finite).
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("not positive definite: pivot {index} is {value}")]
pub struct NotPositive {
    /// Which pivot.
    pub index: usize,
    /// Its value.
    pub value: f64,
}

impl Cholesky {
    /// Factors an n x n matrix, of which the lower triangle is read.
    ///
    /// # Errors
    /// It is not positive definite.
    pub fn new(n: usize, matrix: &[f64]) -> Result<Self, NotPositive> {
        assert_eq!(matrix.len(), n * n, "an n x n matrix");
        let mut lower = vec![0.0; n * n];
        for i in 0..n {
            for j in 0..=i {
                let (row_i, row_j) = (&lower[i * n..i * n + j], &lower[j * n..j * n + j]);
                let rest = matrix[i * n + j] - dot(row_i, row_j);
                if i == j {
                    if !(rest > 0.0 && rest.is_finite()) {
                        return Err(NotPositive { index: i, value: rest });
                    }
                    lower[i * n + i] = rest.sqrt();
                } else {
                    lower[i * n + j] = rest / lower[j * n + j];
                }
            }
        }
        Ok(Self { n, lower })
    }

    /// From L itself, row by row; none if a diagonal entry is not positive.
    pub(crate) fn from_lower(n: usize, lower: Vec<f64>) -> Option<Self> {
        assert_eq!(lower.len(), n * n, "an n x n matrix");
        let positive = (0..n).all(|i| lower[i * (n + 1)] > 0.0 && lower[i * (n + 1)].is_finite());
        positive.then_some(Self { n, lower })
    }

    /// Number of rows.
    pub fn size(&self) -> usize {
        self.n
    }

    /// The entry L_ij, j <= i.
    pub fn lower(&self, i: usize, j: usize) -> f64 {
        self.lower[i * self.n + j]
    }

    /// Solves A x = b in place.
    pub fn solve(&self, b: &mut [f64]) {
        self.solve_lower(b);
        let n = self.n;
        for i in (0..n).rev() {
            b[i] /= self.lower[i * n + i];
            let x = b[i];
            for (j, other) in b[..i].iter_mut().enumerate() {
                *other -= self.lower[i * n + j] * x;
            }
        }
    }

    /// Solves L x = b in place; then x'x = b'A^-1 b.
    pub fn solve_lower(&self, b: &mut [f64]) {
        assert_eq!(b.len(), self.n, "one number per row");
        let n = self.n;
        for i in 0..n {
            b[i] = (b[i] - dot(&self.lower[i * n..i * n + i], &b[..i])) / self.lower[i * n + i];
        }
    }

    /// b'A^-1 b, as a sum of squares.
    pub fn quadratic_form(&self, b: &mut [f64]) -> f64 {
        self.solve_lower(b);
        dot(b, b)
    }

    /// A^-1, row by row, exactly symmetric.
    pub fn inverse(&self) -> Vec<f64> {
        let n = self.n;
        // L^-1 column by column, then A^-1 = L^-T L^-1.
        let mut inverse_lower = vec![0.0; n * n];
        for j in 0..n {
            inverse_lower[j * n + j] = 1.0 / self.lower[j * n + j];
            for i in j + 1..n {
                let mut sum = 0.0;
                for k in j..i {
                    sum += self.lower[i * n + k] * inverse_lower[k * n + j];
                }
                inverse_lower[i * n + j] = -sum / self.lower[i * n + i];
            }
        }
        let mut inverse = vec![0.0; n * n];
        for k in 0..n {
            let row = &inverse_lower[k * n..k * n + k + 1];
            for (i, &x) in row.iter().enumerate() {
                for (j, &y) in row[..=i].iter().enumerate() {
                    inverse[i * n + j] += x * y;
                }
            }
        }
        for i in 0..n {
            for j in 0..i {
                inverse[j * n + i] = inverse[i * n + j];
            }
        }
        inverse
    }
}

/// Four running sums: a fixed order that vector registers can follow.
pub fn dot(x: &[f64], y: &[f64]) -> f64 {
    let mut sums = [0.0; 4];
    let ((x4, x_rest), (y4, y_rest)) = (x.as_chunks::<4>(), y.as_chunks::<4>());
    for (x, y) in x4.iter().zip(y4) {
        for k in 0..4 {
            sums[k] += x[k] * y[k];
        }
    }
    let rest: f64 = x_rest.iter().zip(y_rest).map(|(x, y)| x * y).sum();
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn product(n: usize, a: &[f64], x: &[f64]) -> Vec<f64> {
        (0..n).map(|i| (0..n).map(|j| a[i * n + j] * x[j]).sum()).collect()
    }

    proptest! {
        #[test]
        fn solves_and_inverts(
            n in 1..12_usize,
            raw in prop::collection::vec(-1.0..1.0_f64, 144),
            x in prop::collection::vec(-1.0..1.0_f64, 12),
        ) {
            let x = &x[..n];
            let mut a = vec![0.0; n * n];
            for i in 0..n {
                for j in 0..n {
                    a[i * n + j] = (0..n).map(|k| raw[i * 12 + k] * raw[j * 12 + k]).sum::<f64>()
                        + if i == j { 0.5 } else { 0.0 };
                }
            }
            let factor = Cholesky::new(n, &a).unwrap();
            let b = product(n, &a, x);
            let mut solved = b.clone();
            factor.solve(&mut solved);
            let inverted = product(n, &factor.inverse(), &b);
            for i in 0..n {
                prop_assert!((solved[i] - x[i]).abs() < 1e-12);
                prop_assert!((inverted[i] - x[i]).abs() < 1e-12);
            }
            let form = factor.quadratic_form(&mut b.clone());
            let expected: f64 = x.iter().zip(&b).map(|(x, b)| x * b).sum();
            prop_assert!((form - expected).abs() < 1e-12 * (1.0 + expected));
        }
    }

    #[test]
    fn refuses_what_is_not_positive_definite() {
        assert_eq!(Cholesky::new(2, &[1.0, 0.0, 2.0, 1.0]), Err(NotPositive { index: 1, value: -3.0 }));
        assert!(Cholesky::new(1, &[f64::NAN]).is_err());
        assert!(Cholesky::new(1, &[f64::INFINITY]).is_err());
    }
}
