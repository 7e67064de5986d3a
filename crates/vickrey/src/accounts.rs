//! What VCG, scaled VCG, Groves and Lagrange payments have in common: every agent's share of an efficient decision.
//!
//! All numbers are kept in the form in which nothing cancels: the surplus at the prices, the outside option, and the gap
//! between Lagrange and VCG payment. Welfares and payments are assembled from them on demand. One period or many,
//! realised or expected: the sums are the same.

use crate::guarantee::Baseline;
use crate::mechanism::AgentId;

/// An efficient decision, agent by agent.
pub trait Accounts: Sync {
    /// Number of agents.
    fn agents(&self) -> usize;

    /// Own utility minus Lagrange payment minus outside option: what trading at the prices is worth, >= 0.
    fn surplus(&self, agent: AgentId) -> f64;

    /// Utility of being idle; 0 for an agent that cannot be.
    fn outside(&self, agent: AgentId) -> f64;

    /// Lagrange minus VCG payment, >= 0; infinite for an agent without whom the problem is infeasible.
    fn gap(&self, agent: AgentId) -> f64;

    /// Lagrange payment: prices times quantities received.
    fn lagrange(&self, agent: AgentId) -> f64;

    /// Sum of all surpluses.
    fn surplus_total(&self) -> f64;

    /// Sum of all outside options.
    fn outside_total(&self) -> f64;

    /// Sum of all Lagrange payments: prices times what all quantities add up to.
    fn lagrange_total(&self) -> f64;

    /// Sum of all |Lagrange payments|.
    fn turnover(&self) -> f64;

    /// Agents without whom the problem is infeasible (ascending): their pivotal payment does not exist.
    fn pivotal(&self) -> &[AgentId];

    /// F: total utility at the optimum.
    fn welfare(&self) -> f64 {
        self.surplus_total() + self.outside_total() + self.lagrange_total()
    }

    /// F minus the outside options (baseline autarky), or F itself (baseline zero).
    fn welfare_over(&self, baseline: Baseline) -> f64 {
        match baseline {
            Baseline::Zero => self.welfare(),
            Baseline::Autarky => self.surplus_total() + self.lagrange_total(),
        }
    }

    /// The agent's own utility at the optimum, before payment.
    fn own_utility(&self, agent: AgentId) -> f64 {
        self.outside(agent) + self.surplus(agent) + self.lagrange(agent)
    }

    /// VCG payment H_i - (F - F_i); minus infinity if the agent is pivotal.
    fn vcg(&self, agent: AgentId) -> f64 {
        self.lagrange(agent) - self.gap(agent)
    }

    /// Plain Groves payment -(F - F_i): the agent is handed the utility of all others.
    fn groves(&self, agent: AgentId) -> f64 {
        self.own_utility(agent) - self.welfare()
    }

    /// Net utility at c = 1 over the baseline: F - H_i, minus the outside option under autarky.
    fn net(&self, agent: AgentId, baseline: Baseline) -> f64 {
        let over_autarky = self.surplus(agent) + self.gap(agent);
        match baseline {
            Baseline::Zero => over_autarky + self.outside(agent),
            Baseline::Autarky => over_autarky,
        }
    }

    /// H_i, the optimum without the agent; under autarky minus the outside options of the others. Minus infinity if
    /// the agent is pivotal. Values below 1e-11 (min(1, turnover) + |F| + sum |o|) are rounding and come back as 0.
    fn without(&self, agent: AgentId, baseline: Baseline) -> f64 {
        self.snap(self.welfare_over(baseline) - self.net(agent, baseline))
    }

    /// Scaled VCG payment vcg_i + (c - 1) H_i, with H_i over the baseline.
    fn scaled_vcg(&self, agent: AgentId, c: f64, baseline: Baseline) -> f64 {
        let vcg = self.vcg(agent);
        // A pivotal agent has no payment at any c (and minus infinity times a negative factor is no number).
        if c == 1.0 || !vcg.is_finite() { vcg } else { vcg + (c - 1.0) * self.without(agent, baseline) }
    }

    /// Rounds to zero what is zero up to the rounding of welfares.
    fn snap(&self, x: f64) -> f64 {
        let size = self.turnover().min(1.0) + self.welfare().abs() + self.outside_total().abs();
        if x.abs() < 1e-11 * size { 0.0 } else { x }
    }
}
