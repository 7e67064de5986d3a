//! A mechanism that looks alike and fails: agents bid whole states, and the Groves payment of the value to go is collected
//! in every period.
//!
//! p_i(t) = h_i(x_{-i}(t)) - x(t)'V^i_t x(t), V^i the others' value to go. Collected in every period, the others' utility of
//! period t is counted t + 1 times, and truth is not even a best reply to truthful others, whether h_i is 0 or the others'
//! optimum without i. (Paper 000, section IV.) Dense matrices: this is a comparison for small markets.

use super::Subject;
use super::play::bid_covariances;
use crate::audit::{Worst, money};
use crate::guarantee::{Evidence, Finding};
use crate::lq::model::{Market, Parameters};
use crate::mechanism::AgentId;
use crate::numeric::cholesky::Cholesky;

/// Components of all states together beyond which dense matrices are too large.
const MOST_STATES: usize = 30;
/// Periods beyond which they are too many.
const MOST_PERIODS: usize = 12;

/// A dense matrix, row by row.
#[derive(Clone, Debug)]
struct Matrix {
    rows: usize,
    columns: usize,
    data: Vec<f64>,
}

impl Matrix {
    fn zeros(rows: usize, columns: usize) -> Self {
        Self { rows, columns, data: vec![0.0; rows * columns] }
    }

    fn at(&self, i: usize, j: usize) -> f64 {
        self.data[i * self.columns + j]
    }

    fn add_at(&mut self, i: usize, j: usize, x: f64) {
        self.data[i * self.columns + j] += x;
    }

    fn times(&self, other: &Self) -> Self {
        let mut product = Self::zeros(self.rows, other.columns);
        for i in 0..self.rows {
            for l in 0..self.columns {
                let x = self.at(i, l);
                if x != 0.0 {
                    for j in 0..other.columns {
                        product.add_at(i, j, x * other.at(l, j));
                    }
                }
            }
        }
        product
    }

    fn transposed(&self) -> Self {
        let mut flipped = Self::zeros(self.columns, self.rows);
        for i in 0..self.rows {
            for j in 0..self.columns {
                flipped.add_at(j, i, self.at(i, j));
            }
        }
        flipped
    }

    fn plus(mut self, other: &Self, factor: f64) -> Self {
        for (x, y) in self.data.iter_mut().zip(&other.data) {
            *x += factor * y;
        }
        self
    }

    /// other' self other.
    fn between(&self, other: &Self) -> Self {
        other.transposed().times(&self.times(other))
    }
}

/// Some agents of a market with their states in one row.
struct Dense {
    agents: Vec<(AgentId, Parameters)>,
    periods: usize,
    offsets: Vec<usize>,
}

/// Optimal trades u = K x by period, and the value matrices P.
struct Solved {
    gains: Vec<Matrix>,
    values: Vec<Matrix>,
}

impl Dense {
    fn new(market: &Market, agents: impl Iterator<Item = AgentId>) -> Self {
        let agents: Vec<(AgentId, Parameters)> = agents.map(|i| (i, market.parameters(i))).collect();
        let mut offsets = vec![0];
        for (k, (_, p)) in agents.iter().enumerate() {
            offsets.push(offsets[k] + p.states);
        }
        Self { agents, periods: market.periods(), offsets }
    }

    fn size(&self) -> usize {
        self.offsets.last().copied().unwrap_or(0)
    }

    /// A block diagonal matrix of the agents that `pick` has numbers for.
    fn blocks<'a>(&'a self, pick: impl Fn(AgentId, &'a Parameters) -> Option<&'a [f64]>) -> Matrix {
        let mut all = Matrix::zeros(self.size(), self.size());
        for (k, (agent, p)) in self.agents.iter().enumerate() {
            for (e, x) in pick(*agent, p).unwrap_or_default().iter().enumerate() {
                all.add_at(self.offsets[k] + e / p.states, self.offsets[k] + e % p.states, *x);
            }
        }
        all
    }

    fn a(&self, t: usize) -> Matrix {
        self.blocks(|_, p| p.a.at(t))
    }

    fn b(&self, t: usize) -> Matrix {
        let mut all = Matrix::zeros(self.size(), self.agents.len());
        for (k, (_, p)) in self.agents.iter().enumerate() {
            for (c, x) in p.b.at(t).unwrap_or_default().iter().enumerate() {
                all.add_at(self.offsets[k] + c, k, *x);
            }
        }
        all
    }

    /// Q of the agents that are `wanted`; at T the terminal one.
    fn q(&self, t: usize, wanted: impl Fn(AgentId) -> bool) -> Matrix {
        let terminal = t == self.periods;
        self.blocks(|i, p| {
            if !wanted(i) {
                None
            } else if terminal {
                Some(&p.terminal_q)
            } else {
                p.q.at(t)
            }
        })
    }

    /// K'R K of the agents that are `wanted`.
    fn effort(&self, t: usize, gain: &Matrix, wanted: impl Fn(AgentId) -> bool) -> Matrix {
        let mut r = Matrix::zeros(self.agents.len(), self.agents.len());
        for (k, (agent, p)) in self.agents.iter().enumerate() {
            if wanted(*agent) {
                r.add_at(k, k, p.r.at(t).and_then(|row| row.first().copied()).unwrap_or(0.0));
            }
        }
        r.between(gain)
    }

    /// The Riccati recursion with the balance constraint.
    fn solve(&self) -> Option<Solved> {
        let mut values = vec![self.q(self.periods, |_| true)];
        let mut gains = Vec::new();
        for t in (0..self.periods).rev() {
            let next = values.last()?;
            let (a, b) = (self.a(t), self.b(t));
            let gain = self.gain(t, &b, &b.transposed().times(&next.times(&a)), next)?;
            let closed = a.plus(&b.times(&gain), 1.0);
            let value = self
                .q(t, |_| true)
                .plus(&self.effort(t, &gain, |_| true), 1.0)
                .plus(&next.between(&closed), 1.0);
            values.push(value);
            gains.push(gain);
        }
        values.reverse();
        gains.reverse();
        Some(Solved { gains, values })
    }

    /// K = M^-1 (1 phi - B'P A) with phi such that the trades add up to zero.
    fn gain(&self, t: usize, b: &Matrix, drive: &Matrix, next: &Matrix) -> Option<Matrix> {
        let n = self.agents.len();
        let mut negative = next.between(b).data;
        for (k, (_, p)) in self.agents.iter().enumerate() {
            negative[k * n + k] += p.r.at(t)?.first()?;
        }
        negative.iter_mut().for_each(|x| *x = -*x);
        let factor = Cholesky::new(n, &negative).ok()?;
        let mut ones = vec![1.0; n];
        factor.solve(&mut ones);
        let total: f64 = ones.iter().sum();
        let mut gain = Matrix::zeros(n, drive.columns);
        for j in 0..drive.columns {
            let mut column: Vec<f64> = (0..n).map(|i| drive.at(i, j)).collect();
            factor.solve(&mut column);
            let sum: f64 = column.iter().sum();
            for i in 0..n {
                gain.add_at(i, j, column[i] - ones[i] * sum / total);
            }
        }
        Some(gain)
    }
}

/// The best factor 1 + k on an agent's bid of its first state if states are bid and a Groves payment is collected in every
/// period, and what it gains: (k, gain). `pivotal`: h_i is the others' optimum without i, otherwise 0.
///
/// Linear terms, references and net demand are left out. None if nothing is uncertain about the starts, or the market is
/// too large for dense matrices.
pub fn gain_with_state_bids(market: &Market, agent: AgentId, pivotal: bool) -> Option<(f64, f64)> {
    if market.len() > MOST_STATES || market.periods() > MOST_PERIODS {
        return None;
    }
    let all = Dense::new(market, 0..market.len());
    if all.size() > MOST_STATES {
        return None;
    }
    let solved = all.solve()?;
    let others = if pivotal {
        Some(Dense::new(market, (0..market.len()).filter(|&j| j != agent)).solve()?)
    } else {
        None
    };
    let position = all.offsets[agent]..all.offsets[agent + 1];
    let mut later = all.q(all.periods, |i| i == agent);
    let mut theirs = all.q(all.periods, |i| i != agent);
    let mut first = None;
    for t in (0..all.periods).rev() {
        let gain = &solved.gains[t];
        let closed = all.a(t).plus(&all.b(t).times(gain), 1.0);
        theirs = all
            .q(t, |i| i != agent)
            .plus(&all.effort(t, gain, |i| i != agent), 1.0)
            .plus(&theirs.between(&closed), 1.0);
        if t == 0 {
            first = Some(theirs.clone());
            break;
        }
        // Own utility of this and all later periods, less what is paid in them.
        later = all
            .q(t, |i| i == agent)
            .plus(&all.effort(t, gain, |i| i == agent), 1.0)
            .plus(&theirs, 1.0)
            .plus(&later.between(&closed), 1.0);
        if let Some(others) = &others {
            later = later.plus(&padded(&others.values[t], &position, all.size()), -1.0);
        }
    }
    best_factor(market, &all, (agent, position), &solved.gains[0], &first?, &later)
}

/// A matrix of the others with zero rows and columns where the agent's states are.
fn padded(matrix: &Matrix, position: &std::ops::Range<usize>, size: usize) -> Matrix {
    let mut all = Matrix::zeros(size, size);
    let place = |k: usize| if k < position.start { k } else { k + position.len() };
    for i in 0..matrix.rows {
        for j in 0..matrix.columns {
            all.add_at(place(i), place(j), matrix.at(i, j));
        }
    }
    all
}

fn best_factor(
    market: &Market,
    all: &Dense,
    (agent, position): (AgentId, std::ops::Range<usize>),
    gain: &Matrix,
    theirs: &Matrix,
    later: &Matrix,
) -> Option<(f64, f64)> {
    let (a, b) = (all.a(0), all.b(0));
    let moments = start_moments(market, all);
    if moments.data.iter().all(|&x| x == 0.0) {
        return None;
    }
    let value = |k: f64| {
        let mut said = Matrix::zeros(all.size(), all.size());
        for i in 0..all.size() {
            said.add_at(i, i, if position.contains(&i) { 1.0 + k } else { 1.0 });
        }
        let now = all.effort(0, gain, |i| i == agent).plus(theirs, 1.0).between(&said);
        let moved = a.clone().plus(&b.times(&gain.times(&said)), 1.0);
        let form = now.plus(&later.between(&moved), 1.0);
        form.data.iter().zip(&moments.data).map(|(x, y)| x * y).sum::<f64>()
    };
    let (left, still, right) = (value(-1.0), value(0.0), value(1.0));
    let (slope, bend) = (0.5 * (right - left), 0.5 * (right + left) - still);
    (bend < 0.0).then(|| (-0.5 * slope / bend, -0.25 * slope * slope / bend))
}

/// Second moments of the first bids.
fn start_moments(market: &Market, all: &Dense) -> Matrix {
    let mut moments = Matrix::zeros(all.size(), all.size());
    let mut mean = Vec::new();
    for (k, (_, p)) in all.agents.iter().enumerate() {
        let d = p.states;
        let covariance = bid_covariances(p, market.periods()).swap_remove(0);
        for (e, x) in covariance.iter().enumerate() {
            moments.add_at(all.offsets[k] + e / d, all.offsets[k] + e % d, *x);
        }
        mean.extend((0..d).map(|c| p.start.get(c).copied().unwrap_or(0.0)));
    }
    for (i, x) in mean.iter().enumerate() {
        for (j, y) in mean.iter().enumerate() {
            moments.add_at(i, j, x * y);
        }
    }
    moments
}

/// The finding; none for large markets.
pub(super) fn state_bids(subject: &Subject<'_>) -> Option<Finding> {
    let market = subject.mechanism.market();
    if market.len() > MOST_STATES {
        return None;
    }
    let mut worst = Worst::default();
    let mut gainers = [0, 0];
    for agent in 0..market.len() {
        for (kind, pivotal) in [false, true].into_iter().enumerate() {
            let Some((k, gain)) = gain_with_state_bids(market, agent, pivotal) else { continue };
            gainers[kind] += usize::from(gain > 1e-9 * subject.scale);
            let h = if pivotal { "the others' optimum" } else { "0" };
            worst.see(gain, || {
                format!("`{}` bids {:.4} of its first state, h_i = {h}", market.name(agent), 1.0 + k)
            });
        }
    }
    if worst.tries == 0 {
        return None;
    }
    let note = format!(
        "if whole states were bid and Groves payments of the value to go collected in every period, {} of {} agents would gain \
         with h_i = 0 and {} with h_i = the others' optimum, up to {}, against truthful others; this market pays by layers",
        gainers[0],
        market.len(),
        gainers[1],
        money(worst.value)
    );
    let tolerance = 1e-9 * subject.scale;
    let evidence =
        Evidence { worst: worst.value, unit: "money", at: worst.at, tries: worst.tries, tolerance };
    Some(Finding { title: "payments by state bids instead of by layers".into(), evidence, note })
}
