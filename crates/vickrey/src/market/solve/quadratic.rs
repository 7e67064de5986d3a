//! Quadratic utilities without limits, in closed form: F_i = a_i u² + b_i u.
//!
//! With S = sum 1/a_j (negative) and B = sum b_j/a_j: lambda = (B + 2 total)/S, u_i = (lambda - b_i)/(2 a_i),
//! gap_i = -u_i²/(S - 1/a_i), surplus_i = -a_i u_i² (paper 000, (5)-(8), misprints corrected).
//!
//! Two passes over the agents, and two divisions for each of them: the first pass leaves 1/a_i where u_i will be. What
//! decides MinMax is found from the extremes of small boxes of agents, which the second pass collects on its way.

use rayon::prelude::*;

use super::{Clearing, Effort, Market, Settlement};
use crate::mechanism::AgentId;
use crate::numeric::lines::{Line, Lowest, lowest_envelope};
use crate::numeric::sum::{CHUNK, Sum, compensated};

/// Agents treated side by side, each with partial sums and extremes of its own, so that the inner loops are plain
/// element by element and become vector instructions. Divides [`CHUNK`]; a box is what one lane meets in a chunk.
const LANES: usize = 64;

/// What the closed form needs of all agents.
#[derive(Clone, Copy, Debug)]
struct Aggregate {
    price: f64,
    /// sum 1/a_j.
    s: f64,
    /// An agent with more than half of S, whose share is computed on its own: nearly all of S - 1/a_k cancels, and so
    /// does lambda - b_k, for it sets the price.
    dominant: Option<(AgentId, Share)>,
}

/// One agent's share of the optimum.
#[derive(Clone, Copy, Debug)]
struct Share {
    quantity: f64,
    gap: f64,
    surplus: f64,
}

/// Sums of 1/a and b/a over a chunk, and the largest 1/a.
#[derive(Clone, Copy, Debug)]
struct ChunkSums {
    s: f64,
    weighted: f64,
    flattest: f64,
}

impl Aggregate {
    /// `None` unless all 1/a are negative and all sums finite.
    fn of(sums: &[ChunkSums], inverse: &[f64], b: &[f64], total: f64) -> Option<Self> {
        let s = compensated(sums.iter().map(|c| c.s));
        let weighted = compensated(sums.iter().map(|c| c.weighted));
        let flattest = sums.iter().map(|c| c.flattest).fold(f64::NEG_INFINITY, f64::max);
        let mut all = Self { price: (weighted + 2.0 * total) / s, s, dominant: None };
        // All 1/a are negative: an agent with more than half of S is in a chunk with more than half of S.
        let chunks = sums.iter().zip(inverse.chunks(CHUNK)).enumerate().filter(|(_, (c, _))| c.s < 0.5 * s);
        let mut steep =
            chunks.flat_map(|(c, (_, xs))| xs.iter().enumerate().map(move |(k, &x)| (c * CHUNK + k, x)));
        if let Some((k, steepest)) = steep.find(|&(_, x)| x < 0.5 * s) {
            let others = || inverse.iter().zip(b).enumerate().filter(|&(j, _)| j != k).map(|(_, x)| x);
            let above = (compensated(others().map(|(x, b_j)| (b_j - b[k]) * x)) + 2.0 * total) / s;
            all.price = b[k] + above;
            all.dominant = Some((k, share(0.5 * above, steepest, compensated(others().map(|(x, _)| *x)))));
        }
        (all.price.is_finite() && s.is_finite() && flattest < 0.0).then_some(all)
    }

    /// The share of an agent that is not dominant.
    #[inline(always)]
    fn common_share(&self, inverse: f64, b: f64) -> Share {
        share(0.5 * (self.price - b), inverse, self.s - inverse)
    }

    /// The share of any agent.
    #[inline(always)]
    fn share(&self, agent: AgentId, inverse: f64, b: f64) -> Share {
        match self.dominant {
            Some((k, share)) if k == agent => share,
            _ => self.common_share(inverse, b),
        }
    }
}

/// From (lambda - b)/2, 1/a and S without the agent.
#[inline(always)]
fn share(half: f64, inverse: f64, others: f64) -> Share {
    let quantity = half * inverse;
    // a u² = (lambda - b)/2 u.
    Share { quantity, gap: -(quantity * quantity) / others, surplus: -half * quantity }
}

/// First pass over a chunk: leaves 1/a in `inverse`.
// Twice as many divisions at a time where the processor can; the bits are the same (no fused operations).
#[multiversion::multiversion(targets("x86_64+avx2+fma"))]
fn invert(a: &[f64], b: &[f64], inverse: &mut [f64]) -> ChunkSums {
    let (mut s, mut weighted, mut most) = ([0.0; LANES], [0.0; LANES], [f64::NEG_INFINITY; LANES]);
    let mut add = |k: usize, a: f64, b: f64| {
        let x = 1.0 / a;
        s[k] += x;
        weighted[k] += b * x;
        most[k] = most[k].max(x);
        x
    };
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let (inverse, inverse_rest) = inverse.as_chunks_mut::<LANES>();
    for ((a, b), inverse) in a.iter().zip(b).zip(inverse) {
        for k in 0..LANES {
            inverse[k] = add(k, a[k], b[k]);
        }
    }
    for (k, ((a, b), inverse)) in a_rest.iter().zip(b_rest).zip(inverse_rest).enumerate() {
        *inverse = add(k, *a, *b);
    }
    let flattest = most.into_iter().fold(f64::NEG_INFINITY, f64::max);
    ChunkSums { s: s.iter().sum(), weighted: weighted.iter().sum(), flattest }
}

/// The four numbers of every agent, on the way: 1/a and b become quantity and surplus.
struct Columns {
    allocation: Vec<f64>,
    surplus: Vec<f64>,
    outside: Vec<f64>,
}

impl Columns {
    /// 1/a, b and the outside options; `None` for another market than this module's.
    fn of(market: &Market) -> Option<(Self, Aggregate)> {
        let n = market.len();
        let (mut allocation, mut surplus, mut outside) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
        let sums: Option<Vec<ChunkSums>> = market
            .utilities()
            .par_chunks(CHUNK)
            .zip(allocation.par_chunks_mut(CHUNK))
            .zip(surplus.par_chunks_mut(CHUNK).zip(outside.par_chunks_mut(CHUNK)))
            .map(|((utilities, inverse), (b, outside))| {
                let mut a = [0.0; CHUNK];
                for (k, utility) in utilities.iter().enumerate() {
                    (a[k], b[k]) = utility.as_plain_quadratic()?;
                    outside[k] = utility.outside_option();
                }
                Some(invert(&a[..utilities.len()], b, inverse))
            })
            .collect();
        let all = Aggregate::of(&sums?, &allocation, &surplus, market.total())?;
        Some((Self { allocation, surplus, outside }, all))
    }
}

/// The settlement of a market in which every utility is quadratic without limits; `None` for any other market.
pub fn settle_market(market: &Market) -> Option<Settlement> {
    let n = market.len();
    let (Columns { mut allocation, mut surplus, outside }, all) = Columns::of(market)?;
    let mut gap = vec![0.0; n];
    let sum: Vec<f64> = allocation
        .par_chunks_mut(CHUNK)
        .zip(gap.par_chunks_mut(CHUNK))
        .zip(surplus.par_chunks_mut(CHUNK))
        .enumerate()
        .map(|(c, ((u, gap), surplus))| {
            for k in 0..u.len() {
                let share = all.share(c * CHUNK + k, u[k], surplus[k]);
                (u[k], gap[k], surplus[k]) = (share.quantity, share.gap, share.surplus);
            }
            compensated(u.iter().copied())
        })
        .collect();
    let clearing = clearing(all.price, allocation, compensated(sum) - market.total());
    let effort = Effort { closed_form: n, ..Effort::default() };
    Some(Settlement::from_parts(clearing, surplus, outside, gap, market.total(), Vec::new(), effort))
}

/// The clearing of a market in which every utility is quadratic without limits; `None` for any other market.
pub fn clear_market(market: &Market) -> Option<Clearing> {
    let (Columns { mut allocation, surplus, .. }, all) = Columns::of(market)?;
    let sum: Vec<f64> = allocation
        .par_chunks_mut(CHUNK)
        .zip(surplus.par_chunks(CHUNK))
        .enumerate()
        .map(|(c, (u, b))| {
            for k in 0..u.len() {
                u[k] = all.share(c * CHUNK + k, u[k], b[k]).quantity;
            }
            compensated(u.iter().copied())
        })
        .collect();
    Some(clearing(all.price, allocation, compensated(sum) - market.total()))
}

fn clearing(price: f64, allocation: Vec<f64>, imbalance: f64) -> Clearing {
    Clearing { price, price_low: price, price_high: price, allocation, imbalance }
}

/// Everything about a balanced quadratic market (total 0), from arrays to arrays.
#[derive(Clone, Debug, Default, PartialEq)]
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

/// Prices, trades, VCG payments, interval and absolute MinMax of a balanced market, in two passes over the agents.
///
/// All a_i must be negative and both arrays of the same length >= 2 and finite; anything else gives `None`.
pub fn settle_arrays(a: &[f64], b: &[f64]) -> Option<QuadraticSettlement> {
    settle_arrays_into(a, b, QuadraticSettlement::default())
}

/// As [`settle_arrays`], in the memory of an earlier settlement: for many markets of a size one after the other (the
/// first touch of fresh memory can cost more than the settlement).
pub fn settle_arrays_into(a: &[f64], b: &[f64], reused: QuadraticSettlement) -> Option<QuadraticSettlement> {
    let n = a.len();
    if n < 2 || b.len() != n {
        return None;
    }
    let QuadraticSettlement { mut allocation, mut payment, .. } = reused;
    resize(&mut allocation, n);
    resize(&mut payment, n);
    let sums: Vec<ChunkSums> = allocation
        .par_chunks_mut(CHUNK)
        .zip(a.par_chunks(CHUNK).zip(b.par_chunks(CHUNK)))
        .map(|(inverse, (a, b))| invert(a, b, inverse))
        .collect();
    let all = Aggregate::of(&sums, &allocation, b, 0.0)?;
    let mut boxes = vec![Extremes::NONE; n.div_ceil(CHUNK) * LANES];
    let parts: Vec<[f64; 2]> = allocation
        .par_chunks_mut(CHUNK)
        .zip(payment.par_chunks_mut(CHUNK))
        .zip(b.par_chunks(CHUNK).zip(boxes.par_chunks_mut(LANES)))
        .enumerate()
        .map(|(c, ((u, p), (b, boxes)))| trade(&all, c * CHUNK, b, u, p, boxes))
        .collect();
    let (mut gaps, mut surplus) = (Sum::default(), Sum::default());
    for part in parts {
        gaps.add(part[0]);
        surplus.add(part[1]);
    }
    let (sum_gap, welfare) = (gaps.get(), surplus.get());
    if !(sum_gap.is_finite() && welfare.is_finite()) {
        return None;
    }
    let least = boxes.iter().map(|b| b.net.0).fold(f64::INFINITY, f64::min);
    // H_i = F - net_i with net_i = surplus_i + gap_i, so all conditions follow from the sums and the least net_i.
    let sum_without = (n - 1) as f64 * welfare - sum_gap;
    let (x_low, x_high) =
        if n == 2 { (0.0, -1.0) } else { (sum_gap / sum_without, least / (welfare - least)) };
    let nearest = || Payments { all: &all, a, b, welfare }.nearest_to_lagrange(&boxes, x_low, x_high);
    let min_max = (x_low <= x_high).then(nearest).flatten().map(|at| (1.0 + at.x, at.value));
    let (price, low, high) = (all.price, 1.0 + x_low, 1.0 + x_high);
    Some(QuadraticSettlement {
        price,
        allocation,
        payment,
        welfare,
        sum_gap,
        sum_without,
        low,
        high,
        min_max,
    })
}

/// Every entry will be written: fresh memory comes zeroed from the system without being touched here.
fn resize(column: &mut Vec<f64>, n: usize) {
    if column.capacity() < n { *column = vec![0.0; n] } else { column.resize(n, 0.0) }
}

/// Smallest and largest gap and net utility (surplus + gap) of some agents.
#[derive(Clone, Copy, Debug)]
struct Extremes {
    gap: (f64, f64),
    net: (f64, f64),
}

impl Extremes {
    const NONE: Self =
        Self { gap: (f64::INFINITY, f64::NEG_INFINITY), net: (f64::INFINITY, f64::NEG_INFINITY) };

    fn is_empty(&self) -> bool {
        self.gap.0 > self.gap.1
    }
}

/// One number per lane.
type Lanes = [f64; LANES];

/// Running sums and extremes of the second pass over a chunk.
struct Trading {
    gaps: Lanes,
    surpluses: Lanes,
    gap_low: Lanes,
    gap_high: Lanes,
    net_low: Lanes,
    net_high: Lanes,
}

impl Trading {
    fn new() -> Self {
        let (zero, low, high) = ([0.0; LANES], [f64::INFINITY; LANES], [f64::NEG_INFINITY; LANES]);
        Self { gaps: zero, surpluses: zero, gap_low: low, gap_high: high, net_low: low, net_high: high }
    }

    /// A row of agents, one per lane.
    #[inline(always)]
    fn row(&mut self, all: &Aggregate, b: &Lanes, u: &mut Lanes, p: &mut Lanes) {
        for k in 0..LANES {
            let share = all.common_share(u[k], b[k]);
            self.one(k, share);
            (u[k], p[k]) = (share.quantity, all.price * share.quantity - share.gap);
        }
    }

    /// A single agent. The extremes are taken by `min` and `max`: a comparison becomes a conditional store, which is slow.
    #[inline(always)]
    fn one(&mut self, k: usize, share: Share) {
        let (gap, net) = (share.gap, share.surplus + share.gap);
        self.gaps[k] += gap;
        self.surpluses[k] += share.surplus;
        (self.gap_low[k], self.gap_high[k]) = (self.gap_low[k].min(gap), self.gap_high[k].max(gap));
        (self.net_low[k], self.net_high[k]) = (self.net_low[k].min(net), self.net_high[k].max(net));
    }
}

/// Second pass over a chunk: 1/a becomes the quantity; returns the sums of gap and surplus.
#[multiversion::multiversion(targets("x86_64+avx2+fma"))]
fn trade(
    all: &Aggregate,
    first: usize,
    b: &[f64],
    u: &mut [f64],
    p: &mut [f64],
    boxes: &mut [Extremes],
) -> [f64; 2] {
    let mut sums = Trading::new();
    let is_special = all.dominant.is_some_and(|(k, _)| (first..first + b.len()).contains(&k));
    let rows = if is_special { 0 } else { b.len() / LANES };
    let (b_rows, u_rows, p_rows) = (b.as_chunks().0, u.as_chunks_mut().0, p.as_chunks_mut().0);
    for ((b, u), p) in b_rows[..rows].iter().zip(u_rows).zip(p_rows) {
        sums.row(all, b, u, p);
    }
    // What is left of the last chunk, or the whole chunk of the dominant agent.
    for i in rows * LANES..b.len() {
        let share = all.share(first + i, u[i], b[i]);
        sums.one(i % LANES, share);
        (u[i], p[i]) = (share.quantity, all.price * share.quantity - share.gap);
    }
    for (k, extremes) in boxes.iter_mut().enumerate() {
        *extremes =
            Extremes { gap: (sums.gap_low[k], sums.gap_high[k]), net: (sums.net_low[k], sums.net_high[k]) };
    }
    [sums.gaps.iter().sum(), sums.surpluses.iter().sum()]
}

/// What the distances d_i(x) = gap_i - x H_i, x = c - 1 >= 0, are made of.
struct Payments<'a> {
    all: &'a Aggregate,
    a: &'a [f64],
    b: &'a [f64],
    welfare: f64,
}

impl Payments<'_> {
    /// d_i and -d_i from gap and net utility. Rounding is monotone, so the extremes of a box bound its lines exactly.
    fn lines(&self, gap: (f64, f64), net: (f64, f64)) -> [Line; 2] {
        let (least, most) = (self.welfare - net.1, self.welfare - net.0);
        [Line { at_zero: gap.1, slope: -least }, Line { at_zero: -gap.0, slope: most }]
    }

    /// d_i and -d_i of all agents of a box.
    fn lines_of(&self, index: usize) -> impl Iterator<Item = Line> + '_ {
        let (chunk, lane) = (index / LANES * CHUNK, index % LANES);
        (chunk + lane..(chunk + CHUNK).min(self.a.len())).step_by(LANES).flat_map(|i| {
            let share = self.all.share(i, 1.0 / self.a[i], self.b[i]);
            let net = share.surplus + share.gap;
            self.lines((share.gap, share.gap), (net, net))
        })
    }

    /// MinMax over the interval. Only boxes that reach the envelope are opened: the lines that are highest at both
    /// ends of the interval lie below the envelope, and a box whose bound lies below them at the ends and at their
    /// crossing lies below them throughout.
    fn nearest_to_lagrange(&self, boxes: &[Extremes], low: f64, high: f64) -> Option<Lowest> {
        let bound = |k: usize, x: f64| {
            let [up, down] = self.lines(boxes[k].gap, boxes[k].net);
            up.at(x).max(down.at(x))
        };
        let full = || (0..boxes.len()).filter(|&k| !boxes[k].is_empty());
        let highest_in_best_box = |x: f64| {
            let best = full().max_by(|&j, &k| bound(j, x).total_cmp(&bound(k, x)))?;
            self.lines_of(best).max_by(|l, m| l.at(x).total_cmp(&m.at(x)))
        };
        let (left, right) = (highest_in_best_box(low)?, highest_in_best_box(high)?);
        let cross = (left.at_zero - right.at_zero) / (right.slope - left.slope);
        let cross = if cross.is_finite() { cross.clamp(low, high) } else { low };
        let known = [low, cross, high].map(|x| (x, left.at(x).max(right.at(x))));
        let open = full().filter(|&k| known.iter().any(|&(x, value)| bound(k, x) >= value));
        let lines: Vec<Line> = open.flat_map(|k| self.lines_of(k)).collect();
        lowest_envelope(lines.len(), |k| Some(lines[k]), low, high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::Accounts;
    use crate::guarantee::Baseline;
    use crate::market::scaling::{Distance, interval, min_max};
    use crate::market::{Utility, settle};
    use crate::numeric::random::{Purpose, stream};
    use rand::RngExt;

    fn arrays(n: usize, seed: u64, dominant: bool) -> (Vec<f64>, Vec<f64>) {
        let mut random = stream(seed, Purpose::Instance, 0);
        let mut a: Vec<f64> = (0..n).map(|_| -random.random_range(0.5..2.0)).collect();
        let b = (0..n).map(|i| random.random_range(0.5..1.0) + if i % 2 == 0 { 0.0 } else { 3.0 }).collect();
        if dominant {
            a[n / 2] = -1e-6;
        }
        (a, b)
    }

    /// Arrays against the market of the same agents, interval and MinMax against the general rules.
    fn check(n: usize, seed: u64, dominant: bool) {
        let (a, b) = arrays(n, seed, dominant);
        let found = settle_arrays(&a, &b).unwrap();
        let all = a.iter().zip(&b).map(|(&a, &b)| Utility::quadratic(a, b).unwrap()).collect();
        let market = Market::new(all, 0.0).unwrap();
        let s = settle(&market).unwrap();
        assert_eq!((found.price, &found.allocation), (s.price(), &s.clearing.allocation));
        assert_eq!(crate::market::clear(&market).as_ref(), Ok(&s.clearing));
        let close = |x: f64, y: f64| (x - y).abs() <= 1e-13 * y.abs();
        assert!((0..n).all(|i| found.payment[i] == s.vcg(i)));
        assert!(close(found.welfare, s.welfare()));
        let set = interval(&s, Baseline::Zero);
        if n == 2 {
            // Without either nobody trades: no c balances the budget (the general rules see it up to rounding).
            assert!(found.low > found.high);
            return;
        }
        assert!(close(found.low, set.budget.low) && close(found.high, set.participation.high), "{n} {seed}");
        let distance = Distance { ratio: false, one_sided: false };
        let wanted = set.feasible().and_then(|range| min_max(&s, Baseline::Zero, distance, range));
        assert_eq!(found.min_max.is_some(), wanted.is_some());
        if let (Some((c, value)), Some(wanted)) = (found.min_max, wanted) {
            assert!(
                close(c, wanted.c) && (value / wanted.value - 1.0).abs() < 1e-9,
                "{n} {seed}: {value} {wanted:?}"
            );
        }
    }

    #[test]
    fn arrays_and_market_agree() {
        for n in [2, 3, 5, 63, 64, 65, 200, 4096, 4097, 12_345] {
            for seed in 0..5 {
                check(n, seed, false);
                check(n, seed, true);
            }
        }
    }

    #[test]
    fn memory_can_be_used_again() {
        let (a, b) = arrays(1000, 1, false);
        let fresh = settle_arrays(&a, &b).unwrap();
        let (larger, other) = arrays(5000, 2, true);
        let reused = settle_arrays(&larger, &other).unwrap();
        assert_eq!(settle_arrays_into(&a, &b, reused), Some(fresh));
    }

    #[test]
    fn bad_numbers_give_nothing() {
        for (k, bad) in
            [(0, f64::NAN), (1, 0.0), (2, 1.0), (3, f64::NEG_INFINITY), (4, -1e-320), (5, f64::INFINITY)]
        {
            let (mut a, b) = arrays(20, 1, false);
            a[k] = bad;
            assert_eq!(settle_arrays(&a, &b), None, "{bad}");
            let (a, mut b) = arrays(20, 1, false);
            b[k] = if bad.is_finite() { f64::NAN } else { bad };
            assert_eq!(settle_arrays(&a, &b), None, "b {bad}");
        }
        assert_eq!(settle_arrays(&[-1.0], &[1.0]), None);
        assert_eq!(settle_arrays(&[-1.0, -1.0], &[1.0]), None);
    }
}
