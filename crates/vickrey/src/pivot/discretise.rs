//! Types that move on the real line, brought onto a grid: x' = rho x + e with normal e and |rho| < 1.
//!
//! The standard deviation asked for is the unconditional one, sd; that of e is sd sqrt(1 - rho²).

use std::f64::consts::SQRT_2;

use super::model::Kernel;
use crate::numeric::sum::compensated;

/// More nodes are a mistake: no solver could use such a kernel.
const MOST_NODES: usize = 1000;

/// A Markov chain on a grid.
#[derive(Clone, Debug, PartialEq)]
pub struct Chain {
    /// Values of x, ascending; symmetric around 0.
    pub nodes: Vec<f64>,
    /// From node to node.
    pub kernel: Kernel,
    /// Probabilities of the nodes in the long run.
    pub stationary: Vec<f64>,
}

/// Moments of a chain, to be compared with what was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Moments {
    /// Mean in the long run; asked for was 0.
    pub mean: f64,
    /// Standard deviation in the long run; asked for was sd.
    pub sd: f64,
    /// Correlation of x and x' in the long run; asked for was rho. 0 if x does not vary.
    pub correlation: f64,
    /// Mean of x' at each node; asked for was rho x.
    pub conditional_mean: Vec<f64>,
    /// Standard deviation of x' at each node; asked for was sd sqrt(1 - rho²) everywhere.
    pub conditional_sd: Vec<f64>,
}

/// Why a process cannot be brought onto a grid.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{field}: found {found}, accepted is {accepted}")]
pub struct ChainError {
    /// Which parameter.
    pub field: &'static str,
    /// What was found.
    pub found: String,
    /// What is accepted.
    pub accepted: &'static str,
}

impl Chain {
    /// The moments that the chain has.
    pub fn moments(&self) -> Moments {
        let n = self.nodes.len();
        let of_row = |weights: &[f64]| {
            let mean = compensated(weights.iter().zip(&self.nodes).map(|(p, x)| p * x));
            let square = compensated(weights.iter().zip(&self.nodes).map(|(p, x)| p * (x - mean).powi(2)));
            (mean, square.sqrt())
        };
        let (conditional_mean, conditional_sd): (Vec<_>, _) =
            (0..n).map(|k| of_row(self.kernel.row(k))).unzip();
        let (mean, sd) = of_row(&self.stationary);
        let product = |k: usize| self.stationary[k] * (self.nodes[k] - mean) * (conditional_mean[k] - mean);
        let correlation = if sd > 0.0 { compensated((0..n).map(product)) / (sd * sd) } else { 0.0 };
        Moments { mean, sd, correlation, conditional_mean, conditional_sd }
    }
}

/// Rouwenhorst's chain: conditional means and variances are exact, whatever the number of nodes (Kopecky and Suen 2010).
/// The better choice for persistent types.
///
/// `n` nodes (1 to 1000) at equal distances on ±sd sqrt(n - 1); one node is the constant 0.
///
/// # Errors
/// A number of nodes out of range, `rho` outside (-1, 1), `sd` that is not positive and finite.
pub fn rouwenhorst(n: usize, rho: f64, sd: f64) -> Result<Chain, ChainError> {
    check(n, rho, sd)?;
    let q = 0.5 * (1.0 + rho);
    let mut rows = vec![1.0];
    let mut stationary = vec![1.0];
    for size in 1..n {
        rows = grown(&rows, size, q);
        // Where a fair coin is thrown once more: the binomial law.
        let half = |k: usize| stationary.get(k).map_or(0.0, |p| 0.5 * p);
        stationary = (0..=size).map(|k| half(k) + k.checked_sub(1).map_or(0.0, half)).collect();
    }
    let nodes = spaced(n, sd * ((n - 1) as f64).sqrt());
    Ok(Chain { nodes, kernel: Kernel::new(n, rows), stationary })
}

/// The matrix with one node more: four copies in the corners, inner rows halved.
fn grown(old: &[f64], size: usize, q: f64) -> Vec<f64> {
    let wide = size + 1;
    let mut new = vec![0.0; wide * wide];
    for i in 0..size {
        for j in 0..size {
            let p = old[i * size + j];
            new[i * wide + j] += q * p;
            new[i * wide + j + 1] += (1.0 - q) * p;
            new[(i + 1) * wide + j] += (1.0 - q) * p;
            new[(i + 1) * wide + j + 1] += q * p;
        }
    }
    for p in &mut new[wide..wide * size] {
        *p *= 0.5;
    }
    new
}

/// Tauchen's chain: each node stands for the cell up to the midpoints, the outer cells are open (Tauchen 1986).
///
/// `n` nodes (1 to 1000) at equal distances on ±`width` standard deviations; one node is the constant 0.
///
/// # Errors
/// A number of nodes out of range, `rho` outside (-1, 1), `sd` or `width` that are not positive and finite, and a grid
/// so coarse that the process cannot leave a cell.
pub fn tauchen(n: usize, rho: f64, sd: f64, width: f64) -> Result<Chain, ChainError> {
    check(n, rho, sd)?;
    if !(width > 0.0 && (width * sd).is_finite()) {
        return Err(wrong("width", width, "a positive, finite number of standard deviations"));
    }
    let nodes = spaced(n, width * sd);
    let noise = sd * ((1.0 - rho) * (1.0 + rho)).sqrt();
    let border = |k: usize| 0.5 * (nodes[k] + nodes[k + 1]);
    let mut rows = Vec::with_capacity(n * n);
    for x in &nodes {
        let z = |k: usize| (border(k) - rho * x) / noise;
        for to in 0..n {
            let low = if to == 0 { f64::NEG_INFINITY } else { z(to - 1) };
            let high = if to == n - 1 { f64::INFINITY } else { z(to) };
            rows.push(normal_between(low, high));
        }
    }
    let stationary = long_run(n, &rows).ok_or_else(|| {
        let accepted = "more nodes, or Rouwenhorst's chain: the process cannot leave a cell of this grid";
        wrong("nodes", n as f64, accepted)
    })?;
    Ok(Chain { nodes, kernel: Kernel::new(n, rows), stationary })
}

/// Probability that a standard normal number lies between two bounds, accurate in both tails.
fn normal_between(low: f64, high: f64) -> f64 {
    let above = |z: f64| 0.5 * libm::erfc(z / SQRT_2);
    if low > 0.0 { above(low) - above(high) } else { above(-high) - above(-low) }
}

/// Probabilities in the long run, without a single subtraction (Grassmann, Taksar and Heyman 1985). None if some node
/// cannot be left towards lower ones.
fn long_run(n: usize, rows: &[f64]) -> Option<Vec<f64>> {
    let mut p = rows.to_vec();
    for last in (1..n).rev() {
        let leaves: f64 = p[last * n..last * n + last].iter().sum();
        if leaves <= 0.0 {
            return None;
        }
        for i in 0..last {
            p[i * n + last] /= leaves;
            let into = p[i * n + last];
            for j in 0..last {
                p[i * n + j] += into * p[last * n + j];
            }
        }
    }
    let mut law = vec![1.0];
    for j in 1..n {
        let mass = (0..j).map(|i| law[i] * p[i * n + j]).sum();
        law.push(mass);
    }
    let total: f64 = law.iter().sum();
    Some(law.iter().map(|mass| mass / total).collect())
}

/// Points at equal distances from -end to end, the middle one exactly 0.
fn spaced(n: usize, end: f64) -> Vec<f64> {
    let steps = (n - 1).max(1) as f64;
    (0..n).map(|k| end * ((2 * k) as f64 - (n - 1) as f64) / steps).collect()
}

fn check(n: usize, rho: f64, sd: f64) -> Result<(), ChainError> {
    if !(1..=MOST_NODES).contains(&n) {
        return Err(wrong("nodes", n as f64, "1 to 1000 nodes"));
    }
    if !(rho > -1.0 && rho < 1.0) {
        return Err(wrong("persistence", rho, "a number above -1 and below 1"));
    }
    if !(sd > 0.0 && sd.is_finite()) {
        return Err(wrong("standard deviation", sd, "a positive, finite number"));
    }
    Ok(())
}

fn wrong(field: &'static str, found: f64, accepted: &'static str) -> ChainError {
    ChainError { field, found: found.to_string(), accepted }
}

#[cfg(test)]
mod tests;
