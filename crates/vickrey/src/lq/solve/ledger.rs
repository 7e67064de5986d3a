//! Who gets what from a plan or, in expectation, from all layers together.

use super::trade::Path;
use crate::accounts::Accounts;
use crate::guarantee::Baseline;
use crate::lq::group::Group;
use crate::lq::model::Market;
use crate::mechanism::AgentId;
use crate::numeric::sum::compensated;

/// Every agent's share; see [`Accounts`] for the sums and payments that follow from it.
#[derive(Clone, Debug, PartialEq)]
pub struct Ledger {
    /// Kept beside its parts: where states grow, the outside option and the surplus over it are far larger than it.
    own: Vec<f64>,
    surplus: Vec<f64>,
    outside: Vec<f64>,
    lagrange: Vec<f64>,
    gap: Vec<f64>,
    /// Sum of own utilities minus Lagrange payments: to first order it does not depend on errors of the prices.
    at_prices_total: f64,
    surplus_total: f64,
    outside_total: f64,
    lagrange_total: f64,
    turnover: f64,
}

impl Ledger {
    /// From every agent's numbers and what the Lagrange payments add up to.
    pub(in crate::lq) fn new(shares: Shares, lagrange_total: f64) -> Self {
        let Shares { own, surplus, outside, lagrange, gap } = shares;
        Self {
            at_prices_total: compensated(own.iter().zip(&lagrange).flat_map(|(own, lag)| [*own, -lag])),
            surplus_total: compensated(surplus.iter().copied()),
            outside_total: compensated(outside.iter().copied()),
            turnover: compensated(lagrange.iter().map(|x| x.abs())),
            lagrange_total,
            own,
            surplus,
            outside,
            lagrange,
            gap,
        }
    }

    /// Both together: what two independent parts add up to.
    pub(in crate::lq) fn plus(&self, other: &Self) -> Self {
        let add = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x + y).collect();
        let shares = Shares {
            own: add(&self.own, &other.own),
            surplus: add(&self.surplus, &other.surplus),
            outside: add(&self.outside, &other.outside),
            lagrange: add(&self.lagrange, &other.lagrange),
            gap: add(&self.gap, &other.gap),
        };
        Self::new(shares, self.lagrange_total + other.lagrange_total)
    }

    /// Whether every number is finite.
    pub(in crate::lq) fn is_finite(&self) -> bool {
        [self.at_prices_total, self.surplus_total, self.outside_total, self.turnover]
            .iter()
            .all(|x| x.is_finite())
            && self.gap.iter().all(|x| x.is_finite())
    }
}

/// Every agent's numbers.
pub(in crate::lq) struct Shares {
    pub own: Vec<f64>,
    pub surplus: Vec<f64>,
    pub outside: Vec<f64>,
    pub lagrange: Vec<f64>,
    pub gap: Vec<f64>,
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

    fn welfare(&self) -> f64 {
        self.at_prices_total + self.lagrange_total
    }

    fn own_utility(&self, agent: AgentId) -> f64 {
        self.own[agent]
    }

    fn net(&self, agent: AgentId, baseline: Baseline) -> f64 {
        match baseline {
            Baseline::Zero => self.own[agent] - self.lagrange[agent] + self.gap[agent],
            Baseline::Autarky => self.surplus[agent] + self.gap[agent],
        }
    }

    fn without(&self, agent: AgentId, baseline: Baseline) -> f64 {
        let h = self.welfare_over(baseline) - self.net(agent, baseline);
        match baseline {
            // Outside options are no part of it, so that their size does not say what rounding is.
            Baseline::Zero if h.abs() >= 1e-11 * (self.turnover.min(1.0) + self.welfare().abs()) => h,
            _ => self.snap(h),
        }
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

    /// Utility of a path from the start to the end.
    pub fn along(&self, path: &Path) -> f64 {
        let stages = path.allocation.iter().zip(&path.states).enumerate();
        let sum: f64 = stages.map(|(t, (&u, x))| self.stage(t, x, u)).sum();
        sum + path.states.last().map_or(0.0, |x| self.state_worth(self.periods, x))
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
