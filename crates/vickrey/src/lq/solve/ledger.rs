//! Who gets what from a plan or, in expectation, from all layers together.

use crate::accounts::Accounts;
use crate::lq::group::Group;
use crate::lq::model::Market;
use crate::mechanism::AgentId;
use crate::numeric::sum::compensated;

/// Every agent's share; see [`Accounts`] for the sums and payments that follow from it.
#[derive(Clone, Debug, PartialEq)]
pub struct Ledger {
    surplus: Vec<f64>,
    outside: Vec<f64>,
    lagrange: Vec<f64>,
    gap: Vec<f64>,
    surplus_total: f64,
    outside_total: f64,
    lagrange_total: f64,
    turnover: f64,
}

impl Ledger {
    /// From every agent's numbers and what the Lagrange payments add up to.
    pub(in crate::lq) fn new(
        surplus: Vec<f64>,
        outside: Vec<f64>,
        lagrange: Vec<f64>,
        gap: Vec<f64>,
        lagrange_total: f64,
    ) -> Self {
        Self {
            surplus_total: compensated(surplus.iter().copied()),
            outside_total: compensated(outside.iter().copied()),
            turnover: compensated(lagrange.iter().map(|x| x.abs())),
            lagrange_total,
            surplus,
            outside,
            lagrange,
            gap,
        }
    }

    /// Both together: what two independent parts add up to.
    pub(in crate::lq) fn plus(&self, other: &Self) -> Self {
        let add = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x + y).collect();
        Self::new(
            add(&self.surplus, &other.surplus),
            add(&self.outside, &other.outside),
            add(&self.lagrange, &other.lagrange),
            add(&self.gap, &other.gap),
            self.lagrange_total + other.lagrange_total,
        )
    }

    /// Whether every number is finite.
    pub(in crate::lq) fn is_finite(&self) -> bool {
        [self.surplus_total, self.outside_total, self.turnover].iter().all(|x| x.is_finite())
            && self.gap.iter().all(|x| x.is_finite())
    }
}

impl Accounts for Ledger {
    fn agents(&self) -> usize {
        self.gap.len()
    }

    fn surplus(&self, agent: AgentId) -> f64 {
        self.surplus[agent]
    }

    fn outside(&self, agent: AgentId) -> f64 {
        self.outside[agent]
    }

    fn gap(&self, agent: AgentId) -> f64 {
        self.gap[agent]
    }

    fn lagrange(&self, agent: AgentId) -> f64 {
        self.lagrange[agent]
    }

    fn surplus_total(&self) -> f64 {
        self.surplus_total
    }

    fn outside_total(&self) -> f64 {
        self.outside_total
    }

    fn lagrange_total(&self) -> f64 {
        self.lagrange_total
    }

    fn turnover(&self) -> f64 {
        self.turnover
    }

    fn pivotal(&self) -> &[AgentId] {
        &[]
    }
}

/// One agent's dynamics and utility, period by period, in plain numbers.
pub(in crate::lq) struct Member<'a> {
    group: &'a Group,
    index: usize,
    periods: usize,
}

impl<'a> Member<'a> {
    pub fn new(market: &'a Market, agent: AgentId) -> Self {
        let (g, index) = market.place(agent);
        Self::at(&market.groups()[g], index, market.periods())
    }

    pub fn at(group: &'a Group, index: usize, periods: usize) -> Self {
        Self { group, index, periods }
    }

    pub fn states(&self) -> usize {
        self.group.states()
    }

    /// a x + b u.
    pub fn step(&self, t: usize, x: &[f64], u: f64) -> Vec<f64> {
        let d = self.states();
        let moved =
            |i: usize| -> f64 { (0..d).map(|j| self.group.a.get(t, i * d + j, self.index) * x[j]).sum() };
        (0..d).map(|i| moved(i) + self.group.b.get(t, i, self.index) * u).collect()
    }

    /// The state becomes a x + b u.
    pub fn step_in_place(&self, t: usize, x: &mut [f64], u: f64) {
        if let [x] = x {
            *x = self.group.a.get(t, 0, self.index) * *x + self.group.b.get(t, 0, self.index) * u;
        } else {
            let moved = self.step(t, x, u);
            x.copy_from_slice(&moved);
        }
    }

    /// Utility of a period in a state, with this trade; offsets included.
    pub fn stage(&self, t: usize, x: &[f64], u: f64) -> f64 {
        let linear = self.group.linear.get(t, 0, self.index);
        self.state_worth(t, x) + self.group.r.get(t, 0, self.index) * u * u + linear * u
    }

    /// Utility of a state in a period (T: at the end), offsets included.
    pub fn state_worth(&self, t: usize, x: &[f64]) -> f64 {
        let g = self.group;
        let (q, pull, offset) = if t == self.periods {
            (&g.terminal_q, &g.terminal_pull, &g.terminal_offset)
        } else {
            (&g.q, &g.pull, &g.offset)
        };
        let linear: f64 = x.iter().enumerate().map(|(i, x)| pull.get(t, i, self.index) * x).sum();
        self.form(|e| q.get(t, e, self.index), x) + linear + offset.get(t, 0, self.index)
    }

    fn form(&self, q: impl Fn(usize) -> f64, x: &[f64]) -> f64 {
        let d = self.states();
        (0..d * d).map(|e| q(e) * x[e / d] * x[e % d]).sum()
    }

    /// Utility of a path of trade from a state at the start, without noise.
    pub fn worth(&self, start: &[f64], path: &[f64]) -> f64 {
        let mut x = start.to_vec();
        let mut sum = 0.0;
        for (t, &u) in path.iter().enumerate() {
            sum += self.stage(t, &x, u);
            x = self.step(t, &x, u);
        }
        sum + self.state_worth(self.periods, &x)
    }

    /// Utility of never trading, from a state at the start.
    pub fn idle(&self, start: &[f64]) -> f64 {
        self.worth(start, &vec![0.0; self.periods])
    }

    /// U'W U <= 0, the curved part of what a path of trade from period `from` on is worth: what the path alone does to
    /// a state of zero, without linear terms.
    pub fn curvature(&self, from: usize, path: &[f64]) -> f64 {
        let (g, k) = (self.group, self.index);
        let mut x = vec![0.0; self.states()];
        let mut sum = 0.0;
        for (t, &u) in (from..).zip(path) {
            sum += self.form(|e| g.q.get(t, e, k), &x) + g.r.get(t, 0, k) * u * u;
            x = self.step(t, &x, u);
        }
        sum + self.form(|e| g.terminal_q.get(0, e, k), &x)
    }

    /// Mean of x(0).
    pub fn start(&self) -> Vec<f64> {
        (0..self.states()).map(|c| self.group.start.get(0, c, self.index)).collect()
    }
}
