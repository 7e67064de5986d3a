//! -x'Gamma_i x with Gamma_i = (S - W_i^-1)^-1: the market-power discount of agent i, the gap between its Lagrange and
//! its VCG payment.
//!
//! In large markets W_i^-1 is small beside S, and the series x'Z x + x'Z V Z x + … (Z = (-S)^-1, V = -W_i^-1) has terms
//! that fall by O(1/N); every product with Z gives two of them. All terms are positive. With rho the largest eigenvalue
//! of V Z the rest after a term t is at most t rho/(1 - rho), and rho <= max 1/|r| times the norm of Z. The series ends
//! when that bound is a small part of the sum; where it would be long, or its ratio is not below 1/2, the n x n system is
//! solved. At most 2 n agents can have a ratio of 1/2 or more, because the V_i Z add up to the identity.

use super::aggregate::Layer;
use crate::lq::group::{LANES, Lane};
use crate::lq::model::Market;
use crate::lq::regulator::{Block, Dim, ZERO, add_product, lanes, length_of, shared_product, with_states};
use crate::mechanism::AgentId;
use crate::numeric::cholesky::Cholesky;

/// The series may leave out this part of its sum. Below it is the rounding of the n x n systems themselves.
pub const TOLERANCE: f64 = 1e-12;
/// A pivot of S - W_i^-1 smaller than this part of S's diagonal entry has lost that many digits: then the others' S is
/// added up without agent i.
const LOST: f64 = 1e-4;
/// Where rounding of the others' S grows by more than this on the way to prices, S is not formed at all.
const HELD: f64 = 1e7;

/// How many discounts were computed in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effort {
    /// By the series.
    pub series: usize,
    /// By solving an n x n system.
    pub exact: usize,
    /// Of these, with the others' matrix added up anew, because the agent is nearly all of the market.
    pub added_up: usize,
}

impl Effort {
    /// Both together.
    pub fn join(self, other: Self) -> Self {
        Self {
            series: self.series + other.series,
            exact: self.exact + other.exact,
            added_up: self.added_up + other.added_up,
        }
    }
}

/// Memory for discounts.
pub(in crate::lq) struct Discount<'a> {
    market: &'a Market,
    layer: &'a Layer,
    from: usize,
    y: Vec<Lane>,
    z: Vec<Lane>,
    v: Vec<Lane>,
    state: Vec<Lane>,
    /// Factors of the others' -S, for the agents of the block at hand that needed them.
    solved: [Option<Option<Cholesky>>; LANES],
    own: Vec<Lane>,
    /// How they were computed so far.
    pub effort: Effort,
}

/// Where a block's series stands.
struct Series {
    sum: Lane,
    /// The last term.
    last: Lane,
    /// Bound of the ratio of later terms.
    rho: Lane,
}

impl Series {
    /// Whether the rest of a lane's series is below the tolerance.
    #[inline(always)]
    fn is_enough(&self, k: usize) -> bool {
        self.last[k] * self.rho[k] <= TOLERANCE * self.sum[k] * (1.0 - self.rho[k])
    }
}

impl<'a> Discount<'a> {
    pub fn new(market: &'a Market, layer: &'a Layer, states: usize) -> Self {
        let n = layer.length;
        Self {
            market,
            layer,
            from: market.periods() - n,
            y: vec![ZERO; n],
            z: vec![ZERO; n],
            v: vec![ZERO; n],
            state: vec![ZERO; states],
            solved: [const { None }; LANES],
            own: Vec::new(),
            effort: Effort::default(),
        }
    }

    /// Turns to another block: what was kept for the last one is forgotten.
    #[inline(always)]
    pub fn begin(&mut self) {
        if !self.own.is_empty() {
            self.own.clear();
            self.solved = [const { None }; LANES];
        }
    }

    /// -x'Gamma_i x of the agents of a block; `agent` tells their numbers.
    #[inline(always)]
    pub fn of<D: Dim>(
        &mut self,
        dim: D,
        block: &Block,
        x: &[Lane],
        agent: impl Fn(usize) -> AgentId,
    ) -> Lane {
        let n = self.layer.length;
        let rho = lanes(|k| block.flattest[k] * self.layer.norm);
        let mut series = Series { sum: ZERO, last: ZERO, rho };
        self.z[..n].copy_from_slice(&x[..n]);
        // Where the path has faded long before the end, the products are as small as what is left of it.
        let mut columns = length_of(&self.z);
        for product in 0.. {
            let rows = n.min(columns + self.layer.reach);
            shared_product((rows, columns), n, &self.layer.inverse, &self.z, &mut self.y);
            self.y[rows..].fill(ZERO);
            let mut even = ZERO;
            for (z, y) in self.z[..columns].iter().zip(&self.y) {
                add_product(&mut even, z, y);
            }
            columns = n;
            let odd = block.backward(dim, self.from, &self.y, None, &mut self.state, &mut self.v);
            series.last = lanes(|k| -odd[k]);
            series.sum = lanes(|k| series.sum[k] + even[k] - odd[k]);
            if (0..block.count).all(|k| series.is_enough(k)) {
                self.effort.series += block.count;
                return series.sum;
            }
            let falls = |k: usize| series.is_enough(k) || (series.last[k] < 0.5 * even[k] && rho[k] < 1.0);
            if product > n / 6 || (product == 0 && !(0..block.count).all(falls)) {
                break;
            }
            // z = V y: minus the path that belongs to v.
            self.state.fill(ZERO);
            let (z, v) = (&mut self.z, &self.v);
            block.forward(dim, self.from, v, &mut self.state, |t, _, u| z[t - self.from] = lanes(|k| -u[k]));
        }
        self.exactly(dim, block, x, &series, agent)
    }

    /// Solves the n x n systems of those lanes whose series is not good enough.
    #[cold]
    fn exactly<D: Dim>(
        &mut self,
        dim: D,
        block: &Block,
        x: &[Lane],
        series: &Series,
        agent: impl Fn(usize) -> AgentId,
    ) -> Lane {
        let n = self.layer.length;
        if self.own.is_empty() {
            self.own = self.own_matrices(dim, block);
        }
        let own = std::mem::take(&mut self.own);
        let mut found = series.sum;
        for k in 0..block.count {
            if series.is_enough(k) {
                self.effort.series += 1;
                continue;
            }
            self.effort.exact += 1;
            let mut x: Vec<f64> = x[..n].iter().map(|lane| lane[k]).collect();
            let others = match self.solved[k].take() {
                Some(known) => known,
                None => self.others(&own, k, agent(k)),
            };
            found[k] = others.as_ref().map_or(f64::INFINITY, |factor| factor.quadratic_form(&mut x));
            self.solved[k] = Some(others);
        }
        self.own = own;
        found
    }

    /// V = -W_i^-1 of a block, n x n (the lower triangle).
    pub fn own_matrices<D: Dim>(&mut self, dim: D, block: &Block) -> Vec<Lane> {
        let n = self.layer.length;
        let mut own = vec![ZERO; n * n];
        for j in 0..n {
            self.y.fill(ZERO);
            self.y[j] = [1.0; LANES];
            block.backward(dim, self.from, &self.y, None, &mut self.state, &mut self.v);
            self.state.fill(ZERO);
            block.forward(dim, self.from, &self.v, &mut self.state, |t, _, u| {
                own[(t - self.from) * n + j] = lanes(|k| -u[k]);
            });
        }
        own
    }

    /// The factor of -S of the others of one agent; none if they are nobody (rounding at the end of the numbers).
    pub fn others(&mut self, own: &[Lane], k: usize, agent: AgentId) -> Option<Cholesky> {
        let n = self.layer.length;
        let rest: Vec<f64> = self.layer.negative.iter().zip(own).map(|(all, own)| all - own[k]).collect();
        if let Ok(factor) = Cholesky::new(n, &rest) {
            let kept = |i: usize| factor.lower(i, i).powi(2) > LOST * self.layer.negative[i * n + i];
            if (0..n).all(kept) {
                return if is_held(n, &factor, &rest) { Some(factor) } else { self.without_sums(agent) };
            }
        }
        self.effort.added_up += 1;
        let rest = self.added_up(agent);
        let factor = Cholesky::new(n, &rest).ok().filter(|factor| is_held(n, factor, &rest));
        factor.or_else(|| self.without_sums(agent))
    }

    /// The factor of -S of everybody but one agent, by rotations of the paths themselves: where the others' states grow
    /// alike, their sum has lost the direction in which no trade among them holds the states, and with it the price of
    /// it. This keeps half of the digits that the sum loses.
    fn without_sums(&self, agent: AgentId) -> Option<Cholesky> {
        let n = self.layer.length;
        let mut lower = vec![0.0; n * n];
        for group in self.market.groups() {
            let mut block = Block::new(group.states(), self.market.periods());
            for first in (0..group.size()).step_by(LANES) {
                let keep = |k: usize| group.agent(first + k) != agent;
                with_states!(group.states(), dim => {
                    block.fill(dim, group, first, self.from);
                    rotate_in(dim, &block, self.from, keep, &mut lower);
                });
            }
        }
        Cholesky::from_lower(n, lower)
    }

    /// -S of everybody but one agent, added up.
    fn added_up(&self, agent: AgentId) -> Vec<f64> {
        let n = self.layer.length;
        let mut sum = vec![0.0; n * n];
        for group in self.market.groups() {
            let d = group.states();
            let mut block = Block::new(d, self.market.periods());
            let mut matrices = Discount::new(self.market, self.layer, d);
            for first in (0..group.size()).step_by(LANES) {
                let own = with_states!(d, dim => {
                    block.fill(dim, group, first, self.from);
                    matrices.own_matrices(dim, &block)
                });
                for k in (0..block.count).filter(|&k| group.agent(first + k) != agent) {
                    for (sum, own) in sum.iter_mut().zip(&own) {
                        *sum += own[k];
                    }
                }
            }
        }
        sum
    }
}

/// Whether the inverse is not large, in units in which the diagonal of the matrix is 1. Where it is, one direction rules
/// it, which three products find.
fn is_held(n: usize, factor: &Cholesky, matrix: &[f64]) -> bool {
    let units: Vec<f64> = (0..n).map(|i| matrix[i * n + i].sqrt()).collect();
    let scaled = |x: &mut [f64]| x.iter_mut().zip(&units).for_each(|(x, unit)| *x *= unit);
    let mut x = vec![1.0; n];
    let mut size = 1.0;
    for _ in 0..3 {
        scaled(&mut x);
        factor.solve(&mut x);
        scaled(&mut x);
        size = x.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
        x.iter_mut().for_each(|x| *x /= size);
    }
    size < HELD
}

/// Adds sum_tau Beta_tau Beta_tau'/|m_tau| of the agents of a block to L L', row by row of L' by Givens rotations.
fn rotate_in<D: Dim>(dim: D, block: &Block, from: usize, keep: impl Fn(usize) -> bool, lower: &mut [f64]) {
    let n = block.end - from;
    let mut path = vec![ZERO; n];
    for tau in 0..n {
        block.impulse(dim, from + tau, &mut path[..n - tau]);
        for k in (0..block.count).filter(|&k| keep(k)) {
            let weight = (-block.inverse[from + tau][k]).sqrt();
            let mut row: Vec<f64> = path[..n - tau].iter().map(|lane| lane[k] * weight).collect();
            for i in tau..n {
                let (old, new) = (lower[i * n + i], row[i - tau]);
                let size = old.hypot(new);
                if new == 0.0 || size == 0.0 {
                    continue;
                }
                let (cos, sin) = (old / size, new / size);
                for j in i..n {
                    let (x, y) = (lower[j * n + i], row[j - tau]);
                    lower[j * n + i] = cos * x + sin * y;
                    row[j - tau] = cos * y - sin * x;
                }
            }
        }
    }
}
