//! From a market to prices, allocations and every payment: plain functions, no protocol.

mod excess;
mod leave_one_out;
mod local;
mod price;
pub mod quadratic;

use rayon::prelude::*;

use super::model::{Market, MarketError};
use crate::accounts::Accounts;
use crate::mechanism::AgentId;
use crate::numeric::sum;

/// The efficient trade at one price.
#[derive(Clone, Debug, PartialEq)]
pub struct Clearing {
    /// The price lambda, F_i'(u_i) = lambda: the middle of `price_low..=price_high`, or its finite end.
    pub price: f64,
    /// Lowest clearing price; minus infinity if every lower price clears as well.
    pub price_low: f64,
    /// Highest clearing price; infinity if every higher price clears as well.
    pub price_high: f64,
    /// Quantity received by every agent (negative: produced).
    pub allocation: Vec<f64>,
    /// Sum of the allocation minus the total: what rounding left over.
    pub imbalance: f64,
}

/// The efficient trade and what every payment rule needs, by agent.
///
/// All numbers are kept in the form in which nothing cancels: the surplus at the price, the outside option and the
/// gap to the Lagrange payment. Welfares and payments are assembled from them on demand.
#[derive(Clone, Debug, PartialEq)]
pub struct Settlement {
    /// The trade.
    pub clearing: Clearing,
    /// max_u F_i(u) - price * u, minus the outside option.
    pub surplus: Vec<f64>,
    /// F_i(0), or 0 for an agent that cannot be idle.
    pub outside: Vec<f64>,
    /// lambda u_i - vcg_i >= 0; infinite for an agent without whom the market is infeasible.
    pub gap: Vec<f64>,
    /// What the quantities add up to.
    pub total: f64,
    /// Agents without whom the market is infeasible (ascending): their pivotal payment does not exist.
    pub pivotal: Vec<AgentId>,
    /// Agents that cannot be idle (must-run units, inelastic loads; ascending).
    pub forced: Vec<AgentId>,
    /// How the leave-one-out problems were solved.
    pub effort: Effort,
    surplus_sum: f64,
    outside_sum: f64,
    /// Sum of all |Lagrange payments|.
    turnover: f64,
}

/// How the N leave-one-out problems were solved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effort {
    /// In closed form (quadratic utilities without limits).
    pub closed_form: usize,
    /// On the shared residual-demand curve, which met its accuracy test.
    pub shared: usize,
    /// One by one over all other agents.
    pub one_by_one: usize,
}

/// The efficient trade and its price.
///
/// # Errors
/// The limits do not reach the total, or a custom utility returns something that is not a number.
pub fn clear(market: &Market) -> Result<Clearing, MarketError> {
    quadratic::clear_market(market).map_or_else(|| price::clear(market), Ok)
}

/// The efficient trade and, for every agent, what VCG, scaled VCG, Groves and Lagrange payments need.
///
/// All N leave-one-out problems together cost about as much as a few clearings: without agent i the market is the
/// same residual demand minus one curve, and its price is within O(1/N) of the common one.
///
/// # Errors
/// As [`clear`].
pub fn settle(market: &Market) -> Result<Settlement, MarketError> {
    if let Some(settlement) = quadratic::settle_market(market) {
        return Ok(settlement);
    }
    let clearing = price::clear(market)?;
    Ok(settle_cleared(market, clearing))
}

/// As [`settle`], for a market that is already cleared.
pub fn settle_cleared(market: &Market, clearing: Clearing) -> Settlement {
    let gaps = leave_one_out::gaps(market, &clearing);
    Settlement::assemble(market, clearing, gaps.gap, gaps.effort)
}

/// A settlement in which only `agent`'s gap is computed; those of the others are 0. For one agent's payment.
pub(crate) fn settle_one(market: &Market, agent: AgentId) -> Result<Settlement, MarketError> {
    let clearing = clear(market)?;
    let mut gap = vec![0.0; market.len()];
    gap[agent] = leave_one_out::one(market, &clearing, agent);
    Ok(Settlement::assemble(market, clearing, gap, Effort { one_by_one: 1, ..Effort::default() }))
}

/// The gap lambda u_i - vcg_i of one agent, by solving its leave-one-out problem over all other agents.
///
/// Infinite if the others cannot reach the total. The slow and simple twin of what [`settle`] does for all agents.
pub fn gap_one_by_one(market: &Market, clearing: &Clearing, agent: AgentId) -> f64 {
    leave_one_out::one(market, clearing, agent)
}

impl Settlement {
    fn assemble(market: &Market, clearing: Clearing, gap: Vec<f64>, effort: Effort) -> Self {
        let n = market.len();
        let per_agent = |f: &(dyn Fn(usize) -> f64 + Sync)| -> Vec<f64> {
            (0..n).into_par_iter().with_min_len(sum::CHUNK).map(f).collect()
        };
        let surplus = per_agent(&|i| market.utility(i).surplus(clearing.price, clearing.allocation[i]));
        let outside = per_agent(&|i| market.utility(i).outside_option());
        let forced = (0..n).into_par_iter().filter(|&i| !market.utility(i).can_idle()).collect();
        Self::from_parts(clearing, surplus, outside, gap, market.total(), forced, effort)
    }

    fn from_parts(
        clearing: Clearing,
        surplus: Vec<f64>,
        outside: Vec<f64>,
        gap: Vec<f64>,
        total: f64,
        forced: Vec<AgentId>,
        effort: Effort,
    ) -> Self {
        let price = clearing.price;
        let [surplus_sum, outside_sum, turnover] = sum::parallel(surplus.len(), |i| {
            [surplus[i], outside[i], (price * clearing.allocation[i]).abs()]
        });
        let pivotal = (0..gap.len()).filter(|&i| gap[i] == f64::INFINITY).collect();
        Self {
            clearing,
            surplus,
            outside,
            gap,
            total,
            pivotal,
            forced,
            effort,
            surplus_sum,
            outside_sum,
            turnover,
        }
    }

    /// The price lambda.
    pub fn price(&self) -> f64 {
        self.clearing.price
    }

    /// Quantity received by an agent.
    pub fn allocation(&self, agent: AgentId) -> f64 {
        self.clearing.allocation[agent]
    }
}

impl Accounts for Settlement {
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
        self.price() * self.allocation(agent)
    }

    fn surplus_total(&self) -> f64 {
        self.surplus_sum
    }

    fn outside_total(&self) -> f64 {
        self.outside_sum
    }

    fn lagrange_total(&self) -> f64 {
        self.price() * self.total
    }

    fn turnover(&self) -> f64 {
        self.turnover
    }

    fn pivotal(&self) -> &[AgentId] {
        &self.pivotal
    }
}
