//! The result: plans, payments, and what is known about their optimality.

use super::Solution;
use crate::accounts::Accounts;
use crate::mechanism::AgentId;
use crate::numeric::sum::compensated;

/// What is known about the optima behind a settlement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Globality {
    /// Every plant declares itself concave, tests at random points and around every solution did not refute it, and
    /// every search converged: local optima are global. As true as the declarations are.
    Concave,
    /// The optima are the best of those found.
    Local(Tried),
}

/// How hard global optima were searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Tried {
    /// Searches for the full problem.
    pub starts: usize,
    /// Different local optima of the full problem that were met.
    pub optima: usize,
    /// The largest number of different local optima met in one leave-one-out problem.
    pub optima_without: usize,
    /// How often a leave-one-out value refuted the full solution and restarted it.
    pub restarts: usize,
    /// How many of the N + 1 accepted solutions did not converge to a stationary point.
    pub unconverged: usize,
}

impl std::fmt::Display for Globality {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Concave => write!(
                f,
                "global if the plants are as concave as they declare (tests did not refute it); every search converged"
            ),
            Self::Local(tried) => write!(
                f,
                "best of those found, not proved to be global; {} searches of the full problem ended at {} different \
                 welfares, those of a leave-one-out problem at up to {}; restarts by the check F >= H_i + o_i: {}; \
                 solutions that did not converge: {}",
                tried.starts, tried.optima, tried.optima_without, tried.restarts, tried.unconverged
            ),
        }
    }
}

/// The efficient plan, what everybody's absence does to it, and (as [`Accounts`]) every payment.
///
/// VCG payments are differences of welfares here: rounding of about 1e-16 times the sum of all |J_j|. Surplus and gap
/// are not negative for concave plants; for others only their sum F - H_i - o_i is sure not to be.
#[derive(Clone, Debug)]
pub struct Settlement {
    /// The plan with everybody.
    pub full: Solution,
    /// The plan without each agent; none if the others cannot meet the net demand (the agent is pivotal).
    pub without: Vec<Option<Solution>>,
    /// Utility of being idle (u = 0); none if the agent cannot be idle (it is forced).
    pub outside: Vec<Option<f64>>,
    /// What is known about global optimality. Incentive properties are exact at global optima only.
    pub globality: Globality,
    books: Books,
}

/// What [`Accounts`] asks for again and again.
#[derive(Clone, Debug)]
struct Books {
    lagrange: Vec<f64>,
    vcg: Vec<f64>,
    pivotal: Vec<AgentId>,
    outside_total: f64,
    lagrange_total: f64,
    turnover: f64,
}

impl Settlement {
    pub(super) fn new(
        full: Solution,
        without: Vec<Option<Solution>>,
        outside: Vec<Option<f64>>,
        globality: Globality,
    ) -> Self {
        let value = |path: &Vec<f64>| compensated(full.price.iter().zip(path).map(|(l, u)| l * u));
        let lagrange: Vec<f64> = full.controls.iter().map(value).collect();
        let books = Books {
            vcg: without.iter().enumerate().map(|(i, h)| vcg(&full, h.as_ref(), i)).collect(),
            pivotal: (0..without.len()).filter(|&i| without[i].is_none()).collect(),
            outside_total: compensated(outside.iter().flatten().copied()),
            lagrange_total: compensated(lagrange.iter().copied()),
            turnover: compensated(lagrange.iter().map(|x| x.abs())),
            lagrange,
        };
        Self { full, without, outside, globality, books }
    }

    /// Prices lambda(t).
    pub fn price(&self) -> &[f64] {
        &self.full.price
    }

    /// The control path of one agent.
    pub fn allocation(&self, agent: AgentId) -> &[f64] {
        &self.full.controls[agent]
    }

    /// H_i, the welfare of the others without i; none for a pivotal agent.
    pub fn leave_one_out(&self, agent: AgentId) -> Option<f64> {
        self.without[agent].as_ref().map(|s| s.welfare)
    }

    /// Agents that cannot be idle.
    pub fn forced(&self) -> Vec<AgentId> {
        (0..self.outside.len()).filter(|&i| self.outside[i].is_none()).collect()
    }
}

/// H_i - (F - J_i), summed agent by agent; minus infinity for a pivotal agent.
fn vcg(full: &Solution, without: Option<&Solution>, agent: AgentId) -> f64 {
    let Some(without) = without else { return f64::NEG_INFINITY };
    let change = without.own.iter().zip(&full.own).enumerate().filter(|&(j, _)| j != agent);
    compensated(change.flat_map(|(_, (absent, present))| [*absent, -present]))
}

impl Accounts for Settlement {
    fn agents(&self) -> usize {
        self.outside.len()
    }

    fn surplus(&self, agent: AgentId) -> f64 {
        self.full.own[agent] - self.lagrange(agent) - self.outside(agent)
    }

    fn outside(&self, agent: AgentId) -> f64 {
        self.outside[agent].unwrap_or(0.0)
    }

    fn gap(&self, agent: AgentId) -> f64 {
        self.lagrange(agent) - self.vcg(agent)
    }

    fn lagrange(&self, agent: AgentId) -> f64 {
        self.books.lagrange[agent]
    }

    fn surplus_total(&self) -> f64 {
        self.full.welfare - self.books.lagrange_total - self.books.outside_total
    }

    fn outside_total(&self) -> f64 {
        self.books.outside_total
    }

    fn lagrange_total(&self) -> f64 {
        self.books.lagrange_total
    }

    fn turnover(&self) -> f64 {
        self.books.turnover
    }

    fn pivotal(&self) -> &[AgentId] {
        &self.books.pivotal
    }

    fn welfare(&self) -> f64 {
        self.full.welfare
    }

    fn own_utility(&self, agent: AgentId) -> f64 {
        self.full.own[agent]
    }

    fn vcg(&self, agent: AgentId) -> f64 {
        self.books.vcg[agent]
    }
}
