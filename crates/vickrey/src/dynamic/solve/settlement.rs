//! The result: plans, payments, and what is known about their optimality.

use super::Solution;
use crate::guarantee::Baseline;
use crate::mechanism::AgentId;
use crate::numeric::sum::compensated;

/// What is known about the optima behind a settlement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Globality {
    /// Every plant declares itself concave, random tests did not refute it, and every search converged: local optima
    /// are global.
    Proved,
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
            Self::Proved => write!(f, "global: every plant is declared concave and every search converged"),
            Self::Local(tried) => write!(
                f,
                "best of those found, global optimality is not proved: {} searches of the full problem met {} \
                 optima of different welfare, leave-one-out problems up to {}; {} restarts by the check \
                 F >= H_i + o_i; {} solutions did not converge",
                tried.starts, tried.optima, tried.optima_without, tried.restarts, tried.unconverged
            ),
        }
    }
}

/// The efficient plan, what everybody's absence does to it, and every payment.
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
}

impl Settlement {
    /// Number of agents.
    pub fn agents(&self) -> usize {
        self.outside.len()
    }

    /// F, the welfare with everybody.
    pub fn welfare(&self) -> f64 {
        self.full.welfare
    }

    /// Prices lambda(t).
    pub fn price(&self) -> &[f64] {
        &self.full.price
    }

    /// The control path of one agent.
    pub fn allocation(&self, agent: AgentId) -> &[f64] {
        &self.full.controls[agent]
    }

    /// J_i in the plan.
    pub fn own(&self, agent: AgentId) -> f64 {
        self.full.own[agent]
    }

    /// H_i, the welfare of the others without i; none for a pivotal agent.
    pub fn leave_one_out(&self, agent: AgentId) -> Option<f64> {
        self.without[agent].as_ref().map(|s| s.welfare)
    }

    /// o_i, the utility of being idle; 0 for a forced agent.
    pub fn outside_option(&self, agent: AgentId) -> f64 {
        self.outside[agent].unwrap_or(0.0)
    }

    /// Agents that cannot be idle.
    pub fn forced(&self) -> Vec<AgentId> {
        (0..self.agents()).filter(|&i| self.outside[i].is_none()).collect()
    }

    /// Agents without whom the net demand cannot be met.
    pub fn pivotal(&self) -> Vec<AgentId> {
        (0..self.agents()).filter(|&i| self.without[i].is_none()).collect()
    }

    /// Lagrange payment: sum_t lambda(t) u_i(t).
    pub fn lagrange(&self, agent: AgentId) -> f64 {
        compensated(self.price().iter().zip(self.allocation(agent)).map(|(l, u)| l * u))
    }

    /// VCG payment H_i - (F - J_i); none for a pivotal agent. A difference of welfares: rounding of about 1e-16 times
    /// the sum of all |J_j|.
    pub fn vcg(&self, agent: AgentId) -> Option<f64> {
        let others = (0..self.agents()).filter(|&j| j != agent).map(|j| self.own(j));
        let without = self.without[agent].as_ref()?;
        let absent = without.own.iter().enumerate().filter(|&(j, _)| j != agent).map(|(_, &v)| v);
        Some(compensated(absent.chain(others.map(|v| -v))))
    }

    /// Lagrange payment minus VCG payment; not negative for concave plants.
    pub fn gap(&self, agent: AgentId) -> Option<f64> {
        Some(self.lagrange(agent) - self.vcg(agent)?)
    }

    /// vcg_i + (c - 1) H_i, with H_i counted from the outside options of the others under the baseline autarky.
    pub fn scaled_vcg(&self, agent: AgentId, c: f64, baseline: Baseline) -> Option<f64> {
        let others = (0..self.agents()).filter(|&j| j != agent);
        let idle = match baseline {
            Baseline::Zero => 0.0,
            Baseline::Autarky => compensated(others.map(|j| self.outside_option(j))),
        };
        Some(self.vcg(agent)? + (c - 1.0) * (self.leave_one_out(agent)? - idle))
    }

    /// Net utility under VCG, J_i - vcg_i = F - H_i, minus the outside option under the baseline autarky.
    pub fn net(&self, agent: AgentId, baseline: Baseline) -> Option<f64> {
        let idle = match baseline {
            Baseline::Zero => 0.0,
            Baseline::Autarky => self.outside_option(agent),
        };
        Some(self.own(agent) - self.vcg(agent)? - idle)
    }

    /// What the operator keeps under VCG; none if an agent is pivotal.
    pub fn budget(&self) -> Option<f64> {
        (0..self.agents()).map(|i| self.vcg(i)).sum()
    }
}
