//! Expectations over one component at a time: small matrices applied along an axis of a large table.
//!
//! Every number is the sum over the old state in ascending order, whatever the shape of the table, so that a single
//! state and a whole table give the same bits. There are no fused multiply-adds, so processors with and without AVX2
//! agree as well.

use multiversion::multiversion;

/// Neighbouring results computed side by side.
const LANES: usize = 8;
/// Rows of the kernel, or stretches of the table, that share what they read.
const ROWS: usize = 4;
/// Neighbouring results of a weighted sum.
const WIDE: usize = 32;

/// `out[s] = sum of weight * x[offset + s]` over the terms (offset, weight), in their order.
#[multiversion(targets("x86_64+avx2+fma"))]
pub(super) fn combine(x: &[f64], terms: &[(usize, f64)], out: &mut [f64]) {
    let whole = out.len() / WIDE * WIDE;
    for s in (0..whole).step_by(WIDE) {
        let mut sums = [0.0; WIDE];
        for (offset, weight) in terms {
            for (sum, v) in sums.iter_mut().zip(&x[offset + s..offset + s + WIDE]) {
                *sum += weight * v;
            }
        }
        out[s..s + WIDE].copy_from_slice(&sums);
    }
    for (s, out) in out.iter_mut().enumerate().skip(whole) {
        let mut sum = 0.0;
        for (offset, weight) in terms {
            sum += weight * x[offset + s];
        }
        *out = sum;
    }
}

/// Two weighted sums, one inside the other: the terms of the inner and of the outer one.
pub(super) type Nested = (Vec<(usize, f64)>, Vec<(usize, f64)>);

/// Neighbouring results of nested sums whose numbers are gathered together.
const GATHERED: usize = 64;
/// Of these, how many are summed side by side.
const TILE: usize = 16;

/// `combine` twice in a row, for several pairs of sums at once: `outs[pair][s] = sum over outer of weight * (sum over
/// inner of weight * x[from + outer + inner + s])`. Nothing is kept between the two, and x is read once for all pairs.
///
/// The rows of x that are added are often a power of two apart, which a cache keeps in one and the same place: they are
/// gathered in a small table first, so that they do not throw each other out.
#[multiversion(targets("x86_64+avx2+fma"))]
pub(super) fn combine_twice(x: &[f64], from: usize, pairs: &[Nested], outs: &mut [&mut [f64]]) {
    let length = outs.first().map_or(0, |out| out.len());
    let (rows, places) = gather_plan(pairs);
    let mut table = vec![0.0; rows.len() * GATHERED];
    for s in (0..length).step_by(GATHERED) {
        let width = GATHERED.min(length - s);
        for (row, kept) in rows.iter().zip(table.chunks_exact_mut(GATHERED)) {
            kept[..width].copy_from_slice(&x[from + row + s..from + row + s + width]);
        }
        for ((pair, places), out) in pairs.iter().zip(&places).zip(outs.iter_mut()) {
            for t in (0..width).step_by(TILE) {
                let sums = nested_tile(&table[t..], pair, places);
                let wanted = TILE.min(width - t);
                out[s + t..s + t + wanted].copy_from_slice(&sums[..wanted]);
            }
        }
    }
}

/// The distinct rows that the pairs add, and for every pair the places of its rows, the inner ones of each outer one
/// side by side.
fn gather_plan(pairs: &[Nested]) -> (Vec<usize>, Vec<Vec<usize>>) {
    let of = |(inner, outer): &Nested| -> Vec<usize> {
        outer.iter().flat_map(|(row, _)| inner.iter().map(move |(offset, _)| row + offset)).collect()
    };
    let mut places: Vec<Vec<usize>> = pairs.iter().map(of).collect();
    let mut rows = places.concat();
    rows.sort_unstable();
    rows.dedup();
    for place in places.iter_mut().flatten() {
        *place = rows.partition_point(|row| row < place) * GATHERED;
    }
    (rows, places)
}

/// One tile of the nested sums of a pair.
#[inline(always)]
fn nested_tile(table: &[f64], (inner, outer): &Nested, places: &[usize]) -> [f64; TILE] {
    let mut sums = [0.0; TILE];
    for ((_, weight), places) in outer.iter().zip(places.chunks_exact(inner.len())) {
        let mut part = [0.0; TILE];
        for ((_, weight), place) in inner.iter().zip(places) {
            for (sum, v) in part.iter_mut().zip(&table[*place..place + TILE]) {
                *sum += weight * v;
            }
        }
        for (sum, v) in sums.iter_mut().zip(&part) {
            *sum += weight * v;
        }
    }
    sums
}

/// `out[s] = sum_l row[l] x[l][s]`, where x has `row.len()` stretches as long as `out`.
pub(super) fn fold(x: &[f64], row: &[f64], out: &mut [f64]) {
    assert_eq!(x.len(), row.len() * out.len(), "a table of {} stretches", row.len());
    combine(x, &stretches(row, out.len()), out);
}

/// The terms of a row over stretches of length `inner`.
pub(super) fn stretches(row: &[f64], inner: usize) -> Vec<(usize, f64)> {
    row.iter().enumerate().map(|(l, p)| (l * inner, *p)).collect()
}

/// A kernel, also by columns.
#[derive(Clone, Debug)]
pub(super) struct Matrix {
    pub n: usize,
    pub rows: Vec<f64>,
    columns: Vec<f64>,
    /// Whole bundles of `ROWS` rows, each bundle by columns.
    bundles: Vec<f64>,
    identity: bool,
}

impl Matrix {
    pub fn new(n: usize, rows: &[f64]) -> Self {
        let columns = (0..n * n).map(|k| rows[k % n * n + k / n]).collect();
        let bundle = |b: usize| (0..n * ROWS).map(move |k| rows[(b * ROWS + k % ROWS) * n + k / ROWS]);
        let bundles = (0..n / ROWS).flat_map(bundle).collect();
        let identity = (0..n * n).all(|k| rows[k] == if k / n == k % n { 1.0 } else { 0.0 });
        Self { n, rows: rows.to_vec(), columns, bundles, identity }
    }

    /// Whether nothing moves: averaging would copy.
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
    if inner == 1 {
        let whole = x.len() / (n * ROWS) * n * ROWS;
        for (x, out) in x[..whole].chunks_exact(n * ROWS).zip(out.chunks_exact_mut(n * ROWS)) {
            by_columns::<ROWS>(x, kernel, out);
        }
        for (x, out) in x[whole..].chunks_exact(n).zip(out[whole..].chunks_exact_mut(n)) {
            by_columns::<1>(x, kernel, out);
        }
    } else {
        for (x, out) in x.chunks_exact(n * inner).zip(out.chunks_exact_mut(n * inner)) {
            by_rows(x, kernel, inner, out);
        }
    }
}

/// One stretch of `apply` with neighbouring numbers of the same old state.
#[inline(always)]
fn by_rows(x: &[f64], kernel: &Matrix, inner: usize, out: &mut [f64]) {
    let n = kernel.n;
    let bundled = n / ROWS * ROWS;
    let whole = inner / LANES * LANES;
    let bundles = kernel.bundles.chunks_exact(n * ROWS);
    for (bundle, out) in bundles.zip(out.chunks_exact_mut(ROWS * inner)) {
        for s in (0..whole).step_by(LANES) {
            let mut sums = [[0.0; LANES]; ROWS];
            for (p, x) in bundle.chunks_exact(ROWS).zip(x.chunks_exact(inner)) {
                let v = &x[s..s + LANES];
                for (sums, p) in sums.iter_mut().zip(p) {
                    for (sum, v) in sums.iter_mut().zip(v) {
                        *sum += p * v;
                    }
                }
            }
            for (r, sums) in sums.iter().enumerate() {
                out[r * inner + s..r * inner + s + LANES].copy_from_slice(sums);
            }
        }
    }
    for (k, out) in out.chunks_exact_mut(inner).enumerate() {
        let row = &kernel.rows[k * n..(k + 1) * n];
        if k >= bundled {
            for s in (0..whole).step_by(LANES) {
                let mut sums = [0.0; LANES];
                for (p, x) in row.iter().zip(x.chunks_exact(inner)) {
                    for (sum, v) in sums.iter_mut().zip(&x[s..s + LANES]) {
                        *sum += p * v;
                    }
                }
                out[s..s + LANES].copy_from_slice(&sums);
            }
        }
        for (s, out) in out.iter_mut().enumerate().skip(whole) {
            let mut sum = 0.0;
            for (l, p) in row.iter().enumerate() {
                sum += p * x[l * inner + s];
            }
            *out = sum;
        }
    }
}

/// `M` stretches of `apply` along the innermost axis.
#[inline(always)]
fn by_columns<const M: usize>(x: &[f64], kernel: &Matrix, out: &mut [f64]) {
    let n = kernel.n;
    let whole = n / LANES * LANES;
    for k in (0..whole).step_by(LANES) {
        let mut sums = [[0.0; LANES]; M];
        for (l, column) in kernel.columns.chunks_exact(n).enumerate() {
            let column = &column[k..k + LANES];
            for (m, sums) in sums.iter_mut().enumerate() {
                let v = x[m * n + l];
                for (sum, p) in sums.iter_mut().zip(column) {
                    *sum += p * v;
                }
            }
        }
        for (out, sums) in out.chunks_exact_mut(n).zip(&sums) {
            out[k..k + LANES].copy_from_slice(sums);
        }
    }
    for (x, out) in x.chunks_exact(n).zip(out.chunks_exact_mut(n)) {
        for (out, row) in out[whole..].iter_mut().zip(kernel.rows[whole * n..].chunks_exact(n)) {
            let mut sum = 0.0;
            for (p, v) in row.iter().zip(x) {
                sum += p * v;
            }
            *out = sum;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_and_single_states_give_the_same_bits() {
        for n in [1, 2, 3, 5, 8, 11] {
            for inner in [1, 2, 7, 8, 9, 24, 70] {
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
                        let part = &x[o * n * inner..(o + 1) * n * inner];
                        let pair = (vec![(0, 1.0)], stretches(kernel.row(k), inner));
                        let (mut first, mut second) = (vec![0.0; inner], vec![0.0; inner]);
                        combine_twice(part, 0, &[pair.clone(), pair], &mut [&mut first, &mut second]);
                        assert_eq!(first, out[(o * n + k) * inner..(o * n + k + 1) * inner]);
                        assert_eq!(first, second);
                    }
                }
            }
        }
    }
}
