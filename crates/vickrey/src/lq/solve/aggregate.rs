//! What all agents together look like in every layer.
//!
//! Agents meet only in the path of prices. Layer s needs the n x n matrices S_s = sum_i W_{i,s}^-1 and Omega_s, the
//! covariance of sum_i beta_i(., s) x_i(s,s), whatever the number of agents is; n = T - s. Both are sums of outer
//! products of paths, made 64 agents at a time. S_s is S_{s+1} with a zero first row and column plus
//! sum_i Beta_i(., s) Beta_i(., s)'/m_{i,s}.

use multiversion::multiversion;

use super::kalman::BidCovariance;
use super::passes::{self, TILE, Task};
use crate::lq::group::{LANES, Lane};
use crate::lq::model::Market;
use crate::lq::regulator::{Block, Dim, ZERO, with_states};
use crate::numeric::cholesky::Cholesky;

/// Why a market cannot be solved.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SolveError {
    /// The parameters lead out of the range of numbers.
    #[error(
        "the market leaves the range of numbers in period {period} ({reason}); accepted are parameters whose squared \
         effects over the horizon stay below 1e300, so smaller or more stable dynamics"
    )]
    Range {
        /// The first period of the layer in question.
        period: usize,
        /// What was met.
        reason: String,
    },
    /// Prices would have fewer than five correct digits.
    #[error(
        "the prices of period {period} and later would keep fewer than five digits: the agents' states grow alike, and \
         what grows in all of them no trade can hold; accepted are fewer periods or more stable dynamics"
    )]
    Digits {
        /// The first period of the layer in question.
        period: usize,
    },
}

/// Rounding of S may grow by this factor on the way to prices.
const MOST_AMPLIFIED: f64 = 1e11;

/// One layer's view of all agents.
#[derive(Clone, Debug)]
pub struct Layer {
    /// n = T - s: periods from s to the end.
    pub(in crate::lq) length: usize,
    /// -S_s, n x n.
    pub(in crate::lq) negative: Vec<f64>,
    /// Its Cholesky factor.
    pub(in crate::lq) factor: Cholesky,
    /// (-S_s)^-1, n x n.
    pub(in crate::lq) inverse: Vec<f64>,
    /// Largest row sum of |inverse|: no eigenvalue of it is larger.
    pub(in crate::lq) norm: f64,
    /// From this distance to the diagonal on, the entries of `inverse` are below 1e-9 of the diagonal's; their squares
    /// are rounding.
    pub(in crate::lq) reach: usize,
    /// Omega_s, n x n, without what common factors add.
    pub(in crate::lq) covariance: Vec<f64>,
    /// sum_i beta_i(., s) L_i for every common factor, n x K.
    pub(in crate::lq) factor_paths: Vec<f64>,
}

/// The set-up of a market: all layers.
#[derive(Clone, Debug)]
pub struct Aggregate {
    layers: Vec<Layer>,
}

impl Aggregate {
    /// Builds all layers, from the last to the first.
    ///
    /// # Errors
    /// The parameters lead out of the range of numbers.
    pub fn new(market: &Market) -> Result<Self, SolveError> {
        let mut layers: Vec<Layer> = Vec::with_capacity(market.periods());
        for s in (0..market.periods()).rev() {
            let parts = passes::map(market, |task| sums_of(market, task, s));
            let layer = Layer::new(market, s, &parts, layers.last())?;
            layers.push(layer);
        }
        layers.reverse();
        Ok(Self { layers })
    }

    /// The layer that begins at period s.
    pub fn layer(&self, s: usize) -> &Layer {
        &self.layers[s]
    }
}

impl Layer {
    fn new(market: &Market, s: usize, parts: &[Sums], later: Option<&Self>) -> Result<Self, SolveError> {
        let n = market.periods() - s;
        let mut negative = vec![0.0; n * n];
        if let Some(later) = later {
            for i in 1..n {
                let from = (i - 1) * (n - 1);
                negative[i * n + 1..i * n + n].copy_from_slice(&later.negative[from..from + n - 1]);
            }
        }
        let (mut covariance, mut factor_paths) = (vec![0.0; n * n], vec![0.0; n * market.factors()]);
        for part in parts {
            add(&mut negative, &part.inverse, -1.0);
            add(&mut covariance, &part.covariance, 1.0);
            add(&mut factor_paths, &part.factor_paths, 1.0);
        }
        mirror(&mut negative, n);
        mirror(&mut covariance, n);
        let range = |reason: String| SolveError::Range { period: s, reason };
        let all = negative.iter().chain(&covariance);
        if let Some(x) = all.into_iter().find(|x| !x.is_finite() || x.abs() >= 1e300) {
            return Err(range(format!("a sum over the agents is {x}")));
        }
        let factor = Cholesky::new(n, &negative).map_err(|e| range(e.to_string()))?;
        let inverse = factor.inverse();
        let norm = inverse.chunks(n).map(|row| row.iter().map(|x| x.abs()).sum()).fold(0.0, f64::max);
        let reach = reach(n, &inverse);
        if amplification(n, &negative, &inverse) > MOST_AMPLIFIED {
            return Err(SolveError::Digits { period: s });
        }
        Ok(Self { length: n, negative, factor, inverse, norm, reach, covariance, factor_paths })
    }

    /// (-S_s)^-1 x, with one step of refinement, so that what the trades add up to is exact to rounding.
    pub(in crate::lq) fn solve(&self, x: &[f64]) -> Vec<f64> {
        let n = self.length;
        let mut y = x.to_vec();
        self.factor.solve(&mut y);
        let mut residual = x.to_vec();
        for (i, rest) in residual.iter_mut().enumerate() {
            let row = &self.negative[i * n..(i + 1) * n];
            *rest -= crate::numeric::sum::compensated(row.iter().zip(&y).map(|(a, y)| a * y));
        }
        self.factor.solve(&mut residual);
        for (y, step) in y.iter_mut().zip(residual) {
            *y += step;
        }
        y
    }
}

/// By how much rounding of S grows on the way to prices: the largest row sum of |S^-1|, in units in which the diagonal
/// of S is 1.
fn amplification(n: usize, negative: &[f64], inverse: &[f64]) -> f64 {
    let units: Vec<f64> = (0..n).map(|i| negative[i * n + i].sqrt()).collect();
    let row = |i: usize| -> f64 {
        inverse[i * n..(i + 1) * n].iter().zip(&units).map(|(x, unit)| x.abs() * unit).sum::<f64>() * units[i]
    };
    (0..n).map(row).fold(0.0, f64::max)
}

/// The least distance from the diagonal beyond which all entries are small beside their row's diagonal entry.
fn reach(n: usize, matrix: &[f64]) -> usize {
    let far = |i: usize| {
        let row = &matrix[i * n..(i + 1) * n];
        let counts = |x: &f64| x.abs() > 1e-9 * row[i];
        let (first, last) = (row.iter().position(counts), row.iter().rposition(counts));
        i.abs_diff(first.unwrap_or(i)).max(i.abs_diff(last.unwrap_or(i)))
    };
    (0..n).map(far).max().unwrap_or(0) + 1
}

fn add(to: &mut [f64], from: &[f64], factor: f64) {
    for (to, from) in to.iter_mut().zip(from) {
        *to += factor * from;
    }
}

/// Copies the lower triangle to the upper one.
fn mirror(matrix: &mut [f64], n: usize) {
    for i in 0..n {
        for j in 0..i {
            matrix[j * n + i] = matrix[i * n + j];
        }
    }
}

/// What the agents of a task add to a layer; lower triangles.
struct Sums {
    /// sum Beta(., s) Beta(., s)'/m_s.
    inverse: Vec<f64>,
    /// sum beta var beta'.
    covariance: Vec<f64>,
    factor_paths: Vec<f64>,
}

#[multiversion(targets("x86_64+avx2+fma"))]
fn sums_of(market: &Market, task: Task<'_>, s: usize) -> Sums {
    with_states!(task.group.states(), dim => sums(dim, market, task, s))
}

#[inline(always)]
fn sums<D: Dim>(dim: D, market: &Market, task: Task<'_>, s: usize) -> Sums {
    let (d, n, factors) = (dim.get(), market.periods() - s, market.factors());
    let mut all = Sums {
        inverse: vec![0.0; n * n],
        covariance: vec![0.0; n * n],
        factor_paths: vec![0.0; n * factors],
    };
    let mut tile = Tile::new(d, n);
    let mut block = Block::new(d, market.periods());
    let (mut path, mut beta) = (vec![ZERO; n], vec![ZERO; n * d]);
    let mut noise = BidCovariance::new(d);
    let end = task.first + task.count;
    let mut first = task.first;
    while first < end {
        let here = TILE.min(end - first);
        let mut length = 0;
        for slot in (0..here).step_by(LANES) {
            block.fill(dim, task.group, first + slot, s);
            let (responses, impulse) =
                (block.unit_responses(dim, s, &mut beta), block.impulse(dim, s, &mut path));
            length = length.max(responses).max(impulse);
            noise.at(dim, task.group, first + slot, s);
            tile.put(dim, &block, (s, slot), &path, &beta, &noise);
            add_loadings(dim, task, first + slot, s, &beta, &mut all.factor_paths);
        }
        tile.clear(d, n, here.next_multiple_of(LANES));
        gram((length, n), TILE, &tile.weighted, &tile.path, &mut all.inverse);
        gram((length, n), TILE * d, &tile.spread, &tile.beta, &mut all.covariance);
        first += here;
    }
    all
}

/// Paths of 64 agents, period by period.
struct Tile {
    /// Beta(., s), and the same over m_s.
    path: Vec<f64>,
    weighted: Vec<f64>,
    /// beta(., s), and beta var.
    beta: Vec<f64>,
    spread: Vec<f64>,
}

impl Tile {
    fn new(d: usize, n: usize) -> Self {
        let rows = n.next_multiple_of(4);
        let (one, all) = (vec![0.0; rows * TILE], vec![0.0; rows * TILE * d]);
        Self { path: one.clone(), weighted: one, beta: all.clone(), spread: all }
    }

    /// Puts a block's paths into their places.
    #[inline(always)]
    fn put<D: Dim>(
        &mut self,
        dim: D,
        block: &Block,
        (s, slot): (usize, usize),
        path: &[Lane],
        beta: &[Lane],
        noise: &BidCovariance,
    ) {
        let (d, n) = (dim.get(), block.end - s);
        let inverse = &block.inverse[s];
        for t in 0..n {
            let at = t * TILE + slot;
            for k in 0..LANES {
                self.path[at + k] = path[t][k];
                self.weighted[at + k] = path[t][k] * inverse[k];
            }
            for c in 0..d {
                let at = t * TILE * d + c * TILE + slot;
                let mut spread = ZERO;
                for e in 0..d {
                    for k in 0..LANES {
                        spread[k] += beta[e * n + t][k] * noise.covariance[e * d + c][k];
                    }
                }
                // Lanes beyond the agents have a covariance of zero.
                self.beta[at..at + LANES].copy_from_slice(&beta[c * n + t]);
                self.spread[at..at + LANES].copy_from_slice(&spread);
            }
        }
    }

    /// Empties the places that the last tile of a task does not fill.
    fn clear(&mut self, d: usize, n: usize, filled: usize) {
        if filled == TILE {
            return;
        }
        for t in 0..n {
            self.weighted[t * TILE + filled..(t + 1) * TILE].fill(0.0);
            for c in 0..d {
                let row = t * TILE * d + c * TILE;
                self.spread[row + filled..row + TILE].fill(0.0);
            }
        }
    }
}

#[inline(always)]
fn add_loadings<D: Dim>(dim: D, task: Task<'_>, first: usize, s: usize, beta: &[Lane], paths: &mut [f64]) {
    // Common factors arrive with disturbances, not with x(0).
    let factors = task.group.factors();
    if factors == 0 || s == 0 || task.group.loadings.is_absent() {
        return;
    }
    let d = dim.get();
    let n = paths.len() / factors;
    for f in 0..factors {
        for c in 0..d {
            let loading = task.group.loadings.lane(0, c * factors + f, first, 0.0);
            for t in 0..n {
                let beta = &beta[c * n + t];
                paths[t * factors + f] += (0..LANES).map(|k| loading[k] * beta[k]).sum::<f64>();
            }
        }
    }
}

/// c_ij += sum_k x_ik y_jk for j <= i < rows, four rows by two at a time; rows are padded to a multiple of four.
#[inline(always)]
fn gram((rows, n): (usize, usize), width: usize, x: &[f64], y: &[f64], c: &mut [f64]) {
    for i in (0..rows).step_by(4) {
        for j in (0..(i + 4).min(rows)).step_by(2) {
            let mut sums = [[[0.0; 4]; 2]; 4];
            let rows_x: [&[f64]; 4] = std::array::from_fn(|r| &x[(i + r) * width..(i + r + 1) * width]);
            let rows_y: [&[f64]; 2] = std::array::from_fn(|r| &y[(j + r) * width..(j + r + 1) * width]);
            for k in (0..width).step_by(4) {
                for a in 0..4 {
                    for b in 0..2 {
                        for l in 0..4 {
                            sums[a][b][l] += rows_x[a][k + l] * rows_y[b][k + l];
                        }
                    }
                }
            }
            for a in 0..4 {
                for b in 0..2 {
                    if i + a < rows && j + b <= i + a {
                        let s = sums[a][b];
                        c[(i + a) * n + j + b] += (s[0] + s[1]) + (s[2] + s[3]);
                    }
                }
            }
        }
    }
}
