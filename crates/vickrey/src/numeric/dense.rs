//! Small dense matrices, row-major.

/// The inverse of a symmetric positive definite matrix restricted to the rows and columns in `free`, zero elsewhere.
/// `None` if a pivot is not above `floor`.
pub(crate) fn inverse_on(a: &[f64], n: usize, free: &[bool], floor: f64) -> Option<Vec<f64>> {
    let rows: Vec<usize> = (0..n).filter(|&t| free[t]).collect();
    let k = rows.len();
    let part: Vec<f64> = rows.iter().flat_map(|&r| rows.iter().map(move |&c| a[r * n + c])).collect();
    let lower = cholesky(&part, k, floor)?;
    let mut inverse = vec![0.0; n * n];
    let mut column = vec![0.0; k];
    for c in 0..k {
        column.fill(0.0);
        column[c] = 1.0;
        substitute(&lower, k, &mut column);
        for r in 0..k {
            inverse[rows[r] * n + rows[c]] = column[r];
        }
    }
    Some(inverse)
}

/// The lower factor of a symmetric positive definite matrix; `None` if a pivot is not above `floor`.
pub(crate) fn cholesky(a: &[f64], n: usize, floor: f64) -> Option<Vec<f64>> {
    let mut lower = vec![0.0; n * n];
    for r in 0..n {
        for c in 0..=r {
            let dot: f64 = (0..c).map(|k| lower[r * n + k] * lower[c * n + k]).sum();
            let rest = a[r * n + c] - dot;
            if r > c {
                lower[r * n + c] = rest / lower[c * n + c];
            } else if rest > floor {
                lower[r * n + r] = rest.sqrt();
            } else {
                return None;
            }
        }
    }
    Some(lower)
}

/// Solves L L' x = b in place.
pub(crate) fn substitute(lower: &[f64], n: usize, b: &mut [f64]) {
    for r in 0..n {
        let dot: f64 = (0..r).map(|k| lower[r * n + k] * b[k]).sum();
        b[r] = (b[r] - dot) / lower[r * n + r];
    }
    for r in (0..n).rev() {
        let dot: f64 = (r + 1..n).map(|k| lower[k * n + r] * b[k]).sum();
        b[r] = (b[r] - dot) / lower[r * n + r];
    }
}

/// Solves A x = b for several right-hand sides (columns of `b`, n x m) by elimination with pivots; `None` if singular.
pub(crate) fn eliminate(mut a: Vec<f64>, n: usize, mut b: Vec<f64>, m: usize) -> Option<Vec<f64>> {
    let size = a.iter().fold(0.0_f64, |s, x| s.max(x.abs()));
    for k in 0..n {
        let pivot = (k..n).max_by(|&p, &q| a[p * n + k].abs().total_cmp(&a[q * n + k].abs()))?;
        let size_here = a[pivot * n + k].abs();
        if size_here.is_nan() || size_here <= 1e-14 * size {
            return None;
        }
        for c in 0..n {
            a.swap(k * n + c, pivot * n + c);
        }
        for c in 0..m {
            b.swap(k * m + c, pivot * m + c);
        }
        for r in 0..n {
            let factor = a[r * n + k] / a[k * n + k];
            if r == k || factor == 0.0 {
                continue;
            }
            for c in k..n {
                a[r * n + c] -= factor * a[k * n + c];
            }
            for c in 0..m {
                b[r * m + c] -= factor * b[k * m + c];
            }
        }
    }
    for r in 0..n {
        for c in 0..m {
            b[r * m + c] /= a[r * n + r];
        }
    }
    Some(b)
}

/// Eigenvalues and eigenvectors (columns) of a symmetric matrix by cyclic Jacobi rotations.
pub(crate) fn eigen(a: &[f64], n: usize) -> (Vec<f64>, Vec<f64>) {
    let mut a = a.to_vec();
    let mut vectors = vec![0.0; n * n];
    (0..n).for_each(|i| vectors[i * n + i] = 1.0);
    for _ in 0..60 {
        let off: f64 =
            (0..n).flat_map(|r| (0..r).map(move |c| (r, c))).map(|(r, c)| a[r * n + c].powi(2)).sum();
        let all: f64 = a.iter().map(|x| x * x).sum();
        if off <= 1e-30 * all {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                rotate(&mut a, &mut vectors, n, p, q);
            }
        }
    }
    ((0..n).map(|i| a[i * n + i]).collect(), vectors)
}

/// One Jacobi rotation that makes a[p][q] zero.
fn rotate(a: &mut [f64], vectors: &mut [f64], n: usize, p: usize, q: usize) {
    let apq = a[p * n + q];
    if apq == 0.0 {
        return;
    }
    let theta = (a[q * n + q] - a[p * n + p]) / (2.0 * apq);
    let tangent = theta.signum() / (theta.abs() + libm::hypot(theta, 1.0));
    let cosine = 1.0 / libm::hypot(tangent, 1.0);
    let sine = tangent * cosine;
    for k in 0..n {
        let (x, y) = (a[k * n + p], a[k * n + q]);
        (a[k * n + p], a[k * n + q]) = (cosine * x - sine * y, sine * x + cosine * y);
    }
    for k in 0..n {
        let (x, y) = (a[p * n + k], a[q * n + k]);
        (a[p * n + k], a[q * n + k]) = (cosine * x - sine * y, sine * x + cosine * y);
        let (x, y) = (vectors[k * n + p], vectors[k * n + q]);
        (vectors[k * n + p], vectors[k * n + q]) = (cosine * x - sine * y, sine * x + cosine * y);
    }
}

/// A positive definite stand-in for `a`: itself if its pivots are above `floor`, otherwise with every eigenvalue
/// replaced by its size, at least `floor`. Says which.
pub(crate) fn definite(a: Vec<f64>, n: usize, floor: f64) -> (Vec<f64>, bool) {
    if cholesky(&a, n, floor).is_some() {
        return (a, true);
    }
    let (values, vectors) = eigen(&a, n);
    let sizes: Vec<f64> = values.iter().map(|v| v.abs().max(floor)).collect();
    let mut b = vec![0.0; n * n];
    for r in 0..n {
        for c in 0..=r {
            let entry = (0..n).map(|k| vectors[r * n + k] * sizes[k] * vectors[c * n + k]).sum();
            (b[r * n + c], b[c * n + r]) = (entry, entry);
        }
    }
    (b, false)
}

/// y = A x.
pub(crate) fn times(a: &[f64], x: &[f64]) -> Vec<f64> {
    a.chunks_exact(x.len()).map(|row| row.iter().zip(x).map(|(a, x)| a * x).sum()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inverse_elimination_and_eigenvalues_agree() {
        let a = [4.0, 1.0, 0.5, 1.0, 3.0, -0.2, 0.5, -0.2, 2.0];
        let inverse = inverse_on(&a, 3, &[true; 3], 0.0).unwrap();
        let mut unit = vec![0.0; 9];
        (0..3).for_each(|i| unit[i * 4] = 1.0);
        let other = eliminate(a.to_vec(), 3, unit, 3).unwrap();
        assert!(inverse.iter().zip(&other).all(|(x, y)| (x - y).abs() < 1e-14));
        let (values, vectors) = eigen(&a, 3);
        for k in 0..3 {
            let v: Vec<f64> = (0..3).map(|r| vectors[r * 3 + k]).collect();
            let av = times(&a, &v);
            assert!((0..3).all(|r| (av[r] - values[k] * v[r]).abs() < 1e-13));
        }
        let part = inverse_on(&a, 3, &[true, false, true], 0.0).unwrap();
        assert_eq!((part[1], part[4], part[7]), (0.0, 0.0, 0.0));
        assert!((part[0] - 2.0 / 7.75).abs() < 1e-15);
    }

    #[test]
    fn an_indefinite_matrix_is_replaced_by_its_size() {
        let (b, was) = definite(vec![1.0, 0.0, 0.0, -2.0], 2, 1e-8);
        assert!(!was && (b[0] - 1.0).abs() < 1e-15 && (b[3] - 2.0).abs() < 1e-15);
        assert!(eliminate(vec![1.0, 1.0, 1.0, 1.0], 2, vec![1.0, 2.0], 1).is_none());
    }
}
