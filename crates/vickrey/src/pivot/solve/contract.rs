//! Expectations over one component at a time: small matrices applied along an axis of a large table.
//!
//! Every number is the sum over the old state in ascending order, whatever the shape of the table, so that a single
//! state and a whole table give the same bits. There are no fused multiply-adds, so processors with and without AVX2
//! agree as well.

use multiversion::multiversion;

/// Neighbouring results computed side by side.
const LANES: usize = 8;
/// Rows of the kernel that share what they read.
const ROWS: usize = 4;

/// `out[s] = sum_l row[l] x[l][s]`, where x has `row.len()` stretches as long as `out`.
#[multiversion(targets("x86_64+avx2+fma"))]
pub(super) fn fold(x: &[f64], row: &[f64], out: &mut [f64]) {
    let inner = out.len();
    assert_eq!(x.len(), row.len() * inner, "a table of {} stretches", row.len());
    if inner == 1 {
        let mut sum = 0.0;
        for (p, v) in row.iter().zip(x) {
            sum += p * v;
        }
        out[0] = sum;
        return;
    }
    // Stretches that stay in the first cache while all rows are added.
    const TILE: usize = 1024;
    for start in (0..inner).step_by(TILE) {
        let end = (start + TILE).min(inner);
        let part = &mut out[start..end];
        part.fill(0.0);
        for (l, p) in row.iter().enumerate() {
            for (o, v) in part.iter_mut().zip(&x[l * inner + start..l * inner + end]) {
                *o += p * v;
            }
        }
    }
}

/// A kernel, also by columns.
#[derive(Clone, Debug)]
pub(super) struct Matrix {
    pub n: usize,
    pub rows: Vec<f64>,
    columns: Vec<f64>,
    identity: bool,
}

impl Matrix {
    pub fn new(n: usize, rows: &[f64]) -> Self {
        let columns = (0..n * n).map(|k| rows[k % n * n + k / n]).collect();
        let identity = (0..n * n).all(|k| rows[k] == if k / n == k % n { 1.0 } else { 0.0 });
        Self { n, rows: rows.to_vec(), columns, identity }
    }

    /// Whether nothing moves. Averaging would then copy, bit for bit (except that 0 * infinity has no place here).
    pub fn is_identity(&self) -> bool {
        self.identity
    }

    pub fn row(&self, from: usize) -> &[f64] {
        &self.rows[from * self.n..(from + 1) * self.n]
    }
}

/// `out[o][k][s] = sum_l kernel[k][l] x[o][l][s]`, with `inner` values of s.
#[multiversion(targets("x86_64+avx2+fma"))]
pub(super) fn apply(x: &[f64], kernel: &Matrix, inner: usize, out: &mut [f64]) {
    let n = kernel.n;
    assert_eq!(x.len(), out.len(), "as many results as numbers");
    assert_eq!(x.len() % (n * inner), 0, "whole stretches of {n} times {inner}");
    for (x, out) in x.chunks_exact(n * inner).zip(out.chunks_exact_mut(n * inner)) {
        if inner == 1 {
            by_columns(x, kernel, out);
        } else {
            by_rows(x, kernel, inner, out);
        }
    }
}

/// One stretch of `apply` with neighbouring numbers of the same old state.
#[inline(always)]
fn by_rows(x: &[f64], kernel: &Matrix, inner: usize, out: &mut [f64]) {
    let n = kernel.n;
    let whole = inner / LANES * LANES;
    let mut k = 0;
    while k + ROWS <= n {
        for s in (0..whole).step_by(LANES) {
            let mut sums = [[0.0; LANES]; ROWS];
            for l in 0..n {
                let v: &[f64] = &x[l * inner + s..l * inner + s + LANES];
                for (r, sums) in sums.iter_mut().enumerate() {
                    let p = kernel.rows[(k + r) * n + l];
                    for (sum, v) in sums.iter_mut().zip(v) {
                        *sum += p * v;
                    }
                }
            }
            for (r, sums) in sums.iter().enumerate() {
                out[(k + r) * inner + s..(k + r) * inner + s + LANES].copy_from_slice(sums);
            }
        }
        k += ROWS;
    }
    for k in k..n {
        let row = &kernel.rows[k * n..(k + 1) * n];
        for s in (0..whole).step_by(LANES) {
            let mut sums = [0.0; LANES];
            for (l, p) in row.iter().enumerate() {
                for (sum, v) in sums.iter_mut().zip(&x[l * inner + s..l * inner + s + LANES]) {
                    *sum += p * v;
                }
            }
            out[k * inner + s..k * inner + s + LANES].copy_from_slice(&sums);
        }
    }
    for k in 0..n {
        let row = &kernel.rows[k * n..(k + 1) * n];
        for s in whole..inner {
            let mut sum = 0.0;
            for (l, p) in row.iter().enumerate() {
                sum += p * x[l * inner + s];
            }
            out[k * inner + s] = sum;
        }
    }
}

/// One stretch of `apply` along the innermost axis.
#[inline(always)]
fn by_columns(x: &[f64], kernel: &Matrix, out: &mut [f64]) {
    let n = kernel.n;
    let whole = n / LANES * LANES;
    for k in (0..whole).step_by(LANES) {
        let mut sums = [0.0; LANES];
        for (l, v) in x.iter().enumerate() {
            let column: &[f64] = &kernel.columns[l * n + k..l * n + k + LANES];
            for (sum, p) in sums.iter_mut().zip(column) {
                *sum += p * v;
            }
        }
        out[k..k + LANES].copy_from_slice(&sums);
    }
    for (out, row) in out[whole..].iter_mut().zip(kernel.rows[whole * n..].chunks_exact(n)) {
        let mut sum = 0.0;
        for (p, v) in row.iter().zip(x) {
            sum += p * v;
        }
        *out = sum;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_and_single_states_give_the_same_bits() {
        for n in [1, 2, 3, 5, 8, 11] {
            for inner in [1, 2, 7, 8, 9, 24] {
                let number = |k: usize| ((k * 37 + 11) % 101) as f64 / 7.0 - 3.0;
                let rows: Vec<f64> = (0..n * n).map(|k| number(k + 5) / 13.0).collect();
                let x: Vec<f64> = (0..3 * n * inner).map(number).collect();
                let kernel = Matrix::new(n, &rows);
                let mut out = vec![0.0; x.len()];
                apply(&x, &kernel, inner, &mut out);
                let mut one = vec![0.0; inner];
                for o in 0..3 {
                    for k in 0..n {
                        fold(&x[o * n * inner..(o + 1) * n * inner], kernel.row(k), &mut one);
                        assert_eq!(one, out[(o * n + k) * inner..(o * n + k + 1) * inner]);
                    }
                }
            }
        }
    }
}
