//! The deterministic market: everything is known at the start and settled at once. It is layer 0 with the states
//! themselves as bids (paper 000, (11)-(20)).

use rayon::prelude::*;

use super::aggregate::{Aggregate, SolveError};
use super::ledger::{Ledger, Member, Shares};
use super::trade::{Bids, Path, Record, Trade};
use crate::lq::model::Market;
use crate::mechanism::AgentId;

/// The efficient trade over all periods from the mean starting states, and what payments need.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Prices, trades of the first period, and what payments are made of.
    pub trade: Trade,
    /// Every agent's share.
    pub ledger: Ledger,
}

impl Plan {
    /// Plans from the mean starting states.
    ///
    /// # Errors
    /// The parameters lead out of the range of numbers.
    pub fn new(market: &Market, aggregate: &Aggregate) -> Result<Self, SolveError> {
        let bids = Bids::starts(market);
        let trade = Record::new(market).trade(market, aggregate, &bids);
        let share = |agent: AgentId| {
            let member = Member::new(market, agent);
            let path = trade.plan(market, agent);
            let surplus = -member.curvature(0, &path.allocation);
            [member.along(&path), surplus, member.idle(bids.get(market, agent))]
        };
        let all: Vec<[f64; 3]> = if trade.lagrange.iter().all(|&x| x == 0.0) && !has_terms(market) {
            vec![[0.0; 3]; market.len()]
        } else {
            (0..market.len()).into_par_iter().with_min_len(256).map(share).collect()
        };
        let column = |k: usize| all.iter().map(|share| share[k]).collect();
        let paid = trade.prices.iter().zip(market.net_demand()).map(|(price, d)| price * d);
        let paid = crate::numeric::sum::compensated(paid);
        let (lagrange, gap) = (trade.lagrange.clone(), trade.gap.clone());
        let shares = Shares { own: column(0), surplus: column(1), outside: column(2), lagrange, gap };
        let ledger = Ledger::new(shares, paid);
        if !ledger.is_finite() {
            return Err(SolveError::Range { period: 0, reason: "a welfare is not finite".into() });
        }
        Ok(Self { trade, ledger })
    }

    /// Prices lambda(t), t = 0..T-1.
    pub fn prices(&self) -> &[f64] {
        &self.trade.prices
    }

    /// The planned trades and states of one agent.
    pub fn path(&self, market: &Market, agent: AgentId) -> Path {
        self.trade.plan(market, agent)
    }
}

impl Bids {
    /// The mean starting states: the bids that make the plan.
    pub(in crate::lq) fn starts(market: &Market) -> Self {
        let mut bids = Bids::none(market);
        for (part, group) in bids.0.parts.iter_mut().zip(market.groups()) {
            if group.has_start() {
                let start = |index: usize| Member::at(group, index, market.periods()).start();
                part.par_chunks_mut(group.states())
                    .enumerate()
                    .for_each(|(k, x)| x.copy_from_slice(&start(k)));
            }
        }
        bids
    }
}

/// Whether anything but noise makes anybody's utility differ from zero.
fn has_terms(market: &Market) -> bool {
    market.net_demand().iter().any(|&d| d != 0.0)
        || market.groups().iter().any(|g| g.has_start() || g.has_linear_terms() || g.has_offsets())
}
