//! Quadratic utilities without limits, in closed form: F_i = a_i u² + b_i u.
//!
//! With S = sum 1/a_j (negative) and B = sum b_j/a_j: lambda = (B + 2 total)/S, u_i = (lambda - b_i)/(2 a_i),
//! gap_i = -u_i²/(S - 1/a_i), surplus_i = -a_i u_i² (paper 000, (5)-(8), with the digest's corrections).
//!
//! [`settle_arrays`] works on plain arrays and reads them four times: sums; trades and payments; the ends of the
//! envelope; its corner.

use rayon::prelude::*;

use super::{Clearing, Effort, Market, Settlement};
use crate::mechanism::AgentId;
use crate::numeric::lines::{Line, Lowest, lowest_envelope};
use crate::numeric::sum::{CHUNK, Sum, compensated};

/// Independent partial sums per chunk, so that the compiler can use vector registers.
const LANES: usize = 8;

/// What the closed form needs of all agents.
#[derive(Clone, Copy, Debug)]
struct Aggregate {
    price: f64,
    /// sum 1/a_j.
    s: f64,
    /// An agent with more than half of S, and the sum of the others without subtraction.
    dominant: Option<(AgentId, f64)>,
}

/// One agent's share of the optimum.
#[derive(Clone, Copy, Debug)]
struct Share {
    quantity: f64,
    gap: f64,
    surplus: f64,
}

impl Aggregate {
    fn of(a: &[f64], b: &[f64], total: f64) -> Self {
        let sums: Vec<(f64, f64, f64)> =
            a.par_chunks(CHUNK).zip(b.par_chunks(CHUNK)).map(|(a, b)| chunk_sums(a, b)).collect();
        let s = compensated(sums.iter().map(|c| c.0));
        let weighted = compensated(sums.iter().map(|c| c.1));
        let steepest = sums.iter().map(|c| c.2).fold(f64::INFINITY, f64::min);
        let dominant = (steepest < 0.5 * s)
            .then(|| a.iter().position(|x| 1.0 / x == steepest))
            .flatten()
            .map(|k| (k, compensated(a.iter().enumerate().filter(|&(j, _)| j != k).map(|(_, x)| 1.0 / x))));
        Self { price: (weighted + 2.0 * total) / s, s, dominant }
    }

    #[inline]
    fn share(&self, agent: AgentId, a: f64, b: f64) -> Share {
        let inverse = 1.0 / a;
        let quantity = 0.5 * (self.price - b) * inverse;
        let others = match self.dominant {
            Some((k, others)) if k == agent => others,
            _ => self.s - inverse,
        };
        let square = quantity * quantity;
        Share { quantity, gap: -square / others, surplus: -a * square }
    }
}

/// Sums of 1/a and b/a over a chunk, and the most negative 1/a.
fn chunk_sums(a: &[f64], b: &[f64]) -> (f64, f64, f64) {
    let (mut s, mut w, mut least) = ([0.0; LANES], [0.0; LANES], [0.0_f64; LANES]);
    let (a_lanes, b_lanes) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest = a_lanes.remainder().iter().zip(b_lanes.remainder());
    for (a, b) in a_lanes.zip(b_lanes) {
        for k in 0..LANES {
            let inverse = 1.0 / a[k];
            s[k] += inverse;
            w[k] += b[k] * inverse;
            least[k] = if inverse < least[k] { inverse } else { least[k] };
        }
    }
    for (k, (a, b)) in rest.enumerate() {
        let inverse = 1.0 / a;
        s[k] += inverse;
        w[k] += b * inverse;
        least[k] = least[k].min(inverse);
    }
    (s.iter().sum(), w.iter().sum(), least.iter().copied().fold(0.0, f64::min))
}

/// The settlement of a market in which every utility is quadratic without limits; `None` for any other market.
pub fn settle_market(market: &Market) -> Option<Settlement> {
    let n = market.len();
    let (mut a, mut b) = (Vec::with_capacity(n), Vec::with_capacity(n));
    for utility in market.utilities() {
        let (a_i, b_i) = utility.as_plain_quadratic()?;
        a.push(a_i);
        b.push(b_i);
    }
    let all = Aggregate::of(&a, &b, market.total());
    let (mut allocation, mut gap, mut surplus) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
    allocation
        .par_chunks_mut(CHUNK)
        .zip(gap.par_chunks_mut(CHUNK))
        .zip(surplus.par_chunks_mut(CHUNK))
        .enumerate()
        .for_each(|(c, ((u, gap), surplus))| {
            for k in 0..u.len() {
                let i = c * CHUNK + k;
                let share = all.share(i, a[i], b[i]);
                (u[k], gap[k], surplus[k]) = (share.quantity, share.gap, share.surplus);
            }
        });
    let sum: Vec<f64> = allocation.par_chunks(CHUNK).map(|c| compensated(c.iter().copied())).collect();
    let imbalance = compensated(sum) - market.total();
    let clearing =
        Clearing { price: all.price, price_low: all.price, price_high: all.price, allocation, imbalance };
    let outside = market.utilities().iter().map(super::Utility::outside_option).collect();
    let effort = Effort { closed_form: n, ..Effort::default() };
    Some(Settlement::from_parts(clearing, surplus, outside, gap, market.total(), Vec::new(), effort))
}

/// Everything about a balanced quadratic market (total 0), from arrays to arrays.
#[derive(Clone, Debug, PartialEq)]
pub struct QuadraticSettlement {
    /// The price lambda.
    pub price: f64,
    /// Quantities received.
    pub allocation: Vec<f64>,
    /// VCG payments.
    pub payment: Vec<f64>,
    /// F.
    pub welfare: f64,
    /// Sum of lambda u_i - vcg_i: the operator's deficit at c = 1.
    pub sum_gap: f64,
    /// Sum of H_i.
    pub sum_without: f64,
    /// Lowest c that balances the budget.
    pub low: f64,
    /// Highest c that keeps everybody; the interval is empty if below `low`.
    pub high: f64,
    /// The c in the interval with the smallest largest |lambda u_i - p_i(c)|, and that distance.
    pub min_max: Option<(f64, f64)>,
}

/// Prices, trades, VCG payments, interval and absolute MinMax of a balanced market, in four passes over `a` and `b`.
///
/// All a_i must be negative and both arrays of the same length >= 2 and finite; anything else gives `None`.
pub fn settle_arrays(a: &[f64], b: &[f64]) -> Option<QuadraticSettlement> {
    let n = a.len();
    if n < 2 || b.len() != n {
        return None;
    }
    let all = Aggregate::of(a, b, 0.0);
    if !(all.price.is_finite() && all.s.is_finite() && all.s < 0.0) {
        return None;
    }
    let (mut allocation, mut payment) = (vec![0.0; n], vec![0.0; n]);
    let parts: Vec<Option<[f64; 3]>> = allocation
        .par_chunks_mut(CHUNK)
        .zip(payment.par_chunks_mut(CHUNK))
        .zip(a.par_chunks(CHUNK).zip(b.par_chunks(CHUNK)))
        .enumerate()
        .map(|(c, ((u, p), (a, b)))| trade(&all, c * CHUNK, a, b, u, p))
        .collect();
    let parts: Vec<[f64; 3]> = parts.into_iter().collect::<Option<_>>()?;
    let (mut gaps, mut surplus, mut least) = (Sum::default(), Sum::default(), f64::INFINITY);
    for part in parts {
        gaps.add(part[0]);
        surplus.add(part[1]);
        least = least.min(part[2]);
    }
    let (sum_gap, welfare) = (gaps.get(), surplus.get());
    // H_i = F - net_i with net_i = surplus_i + gap_i, so all conditions follow from the sums and the least net_i.
    let sum_without = (n - 1) as f64 * welfare - sum_gap;
    let (x_low, x_high) = if n == 2 { (0.0, -1.0) } else { (sum_gap / sum_without, least / (welfare - least)) };
    let min_max = (x_low <= x_high).then(|| nearest_to_lagrange(&all, a, b, welfare, (x_low, x_high))).flatten();
    let (low, high) = (1.0 + x_low, 1.0 + x_high);
    let min_max = min_max.map(|at| (1.0 + at.x, at.value));
    let price = all.price;
    Some(QuadraticSettlement { price, allocation, payment, welfare, sum_gap, sum_without, low, high, min_max })
}

/// Second pass: trades and payments of a chunk; returns the sums of gap and surplus and the least of their sums.
fn trade(all: &Aggregate, first: usize, a: &[f64], b: &[f64], u: &mut [f64], p: &mut [f64]) -> Option<[f64; 3]> {
    let (mut gaps, mut surplus, mut least) = ([0.0; LANES], [0.0; LANES], [f64::INFINITY; LANES]);
    let mut worst = f64::NEG_INFINITY;
    for k in 0..a.len() {
        let share = all.share(first + k, a[k], b[k]);
        u[k] = share.quantity;
        p[k] = all.price * share.quantity - share.gap;
        let net = share.surplus + share.gap;
        gaps[k % LANES] += share.gap;
        surplus[k % LANES] += share.surplus;
        least[k % LANES] = if net < least[k % LANES] { net } else { least[k % LANES] };
        worst = if a[k] > worst { a[k] } else { worst };
    }
    let sums = [gaps.iter().sum(), surplus.iter().sum(), least.iter().copied().fold(f64::INFINITY, f64::min)];
    (worst < 0.0 && sums.iter().all(|x: &f64| x.is_finite())).then_some(sums)
}

/// Third and fourth pass: MinMax over the interval.
fn nearest_to_lagrange(all: &Aggregate, a: &[f64], b: &[f64], welfare: f64, x: (f64, f64)) -> Option<Lowest> {
    let line = |k: usize| {
        let (i, sign) = (k / 2, if k.is_multiple_of(2) { 1.0 } else { -1.0 });
        let share = all.share(i, a[i], b[i]);
        let without = welfare - share.surplus - share.gap;
        Some(Line { at_zero: sign * share.gap, slope: -sign * without })
    };
    lowest_envelope(2 * a.len(), line, x.0, x.1)
}
