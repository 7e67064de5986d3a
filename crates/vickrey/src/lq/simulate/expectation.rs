//! What runs give on average if everybody is truthful, in closed form: the check of every sample.

use crate::accounts::Accounts;
use crate::lq::solve::expected::Expected;
use crate::lq::solve::payments::{LayerRule, Pivot};
use crate::numeric::sum::compensated;

/// Expected numbers under a rule of payment. They hold for any law of the noise, not for recorded noise.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// Expected payment of every agent.
    pub payment: Vec<f64>,
    /// Expected net utility of every agent.
    pub utility: Vec<f64>,
    /// Expected utility of never trading.
    pub outside: Vec<f64>,
    /// Expected sum of utilities before payment.
    pub welfare: f64,
    /// Expected sum of payments.
    pub budget: f64,
}

impl Expectation {
    /// Under this rule.
    ///
    /// All choices of h_i have the same expectation but [`Pivot::None`], which hands every agent the others' utility: as
    /// far as it is known to the operator, that is, without what filters never see.
    pub fn new(rule: LayerRule, expected: &Expected) -> Self {
        let ledger = &expected.ledger;
        let agents = 0..ledger.agents();
        let pay = |agent| match rule {
            LayerRule::Lagrange => ledger.lagrange(agent),
            LayerRule::Groves { pivot: Pivot::None, .. } => {
                ledger.groves(agent) + expected.ignorance_of_others(agent)
            }
            LayerRule::Groves { c, baseline, .. } => ledger.scaled_vcg(agent, c, baseline),
        };
        let payment: Vec<f64> = agents.clone().map(pay).collect();
        let budget = compensated(payment.iter().copied());
        let turnover: f64 = payment.iter().map(|x| x.abs()).sum();
        Self {
            utility: agents.clone().map(|agent| ledger.own_utility(agent) - payment[agent]).collect(),
            outside: agents.map(|agent| ledger.outside(agent)).collect(),
            welfare: ledger.welfare(),
            // A factor c at the end of its interval balances the budget up to rounding.
            budget: if budget.abs() < 1e-12 * turnover { 0.0 } else { budget },
            payment,
        }
    }
}
