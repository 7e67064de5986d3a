//! Payments of a layer: p_i(s) = h_i(s) - sum_{j != i} l_j(s) + (c - 1) E h_i(s), with five choices of h_i.
//!
//! All five have the same expectation if the others are truthful, and keep truth optimal, because none depends on what i
//! says in a way that i could use; they differ in variance and cost. The factor c acts on the expectation of h_i, which
//! adds no variance and is fixed before any bid. (Paper 000, (32)-(35).)

use super::aggregate::{Aggregate, SolveError};
use super::expected::Expected;
use super::trade::{Bids, Record, Trade};
use super::values::{layer_values, pure_values};
use crate::guarantee::Baseline;
use crate::lq::model::{Market, ModelError};
use crate::mechanism::AgentId;
use crate::numeric::sum::compensated;

/// Markets with more agents have too many shadow markets for [`Pivot::Worlds`].
pub const MOST_WORLDS: usize = 200;

/// h_i: what an agent's payment takes as the others' welfare without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pivot {
    /// 0: plain Groves payments, a large subsidy. The factor c has nothing to act on.
    None,
    /// What the others could expect from the layer.
    Constant,
    /// What the others could make of their bids of this layer alone.
    Pure,
    /// What the others could change in their actual plan. In closed form: the change of schedule at the new prices, minus
    /// the market-power discount.
    Incremental,
    /// What the others make of their bids in a market of their own, with its own past. N shadow markets.
    Worlds,
}

/// How a layer is paid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LayerRule {
    /// VCG by layers, scaled by c.
    Groves {
        /// h_i.
        pivot: Pivot,
        /// The factor c.
        c: f64,
        /// Whether E h_i counts the outside options of the others.
        baseline: Baseline,
    },
    /// Change of schedule at the new prices. Not incentive compatible; the comparison.
    Lagrange,
}

/// Why payments cannot be computed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PaymentError {
    /// Too many shadow markets.
    #[error(
        "payment worlds runs one shadow market per agent: found {found} agents, accepted are at most {MOST_WORLDS}"
    )]
    TooManyWorlds {
        /// Number of agents.
        found: usize,
    },
    /// Without one of two agents there is no market left to shadow.
    #[error("payment worlds needs a market among the others: found {found} agents, accepted are at least 3")]
    TooFewWorlds {
        /// Number of agents.
        found: usize,
    },
    /// A market without an agent cannot be solved.
    #[error("without agent {agent}: {source}")]
    Shadow {
        /// The agent.
        agent: AgentId,
        /// The reason.
        source: SolveError,
    },
    /// The factor is not a number.
    #[error("factor c: found {found}, accepted is a finite number of size at most 1e12")]
    Factor {
        /// What was given.
        found: f64,
    },
    /// The market cannot be solved.
    #[error(transparent)]
    Solve(#[from] SolveError),
}

/// What a rule needs besides the market: made once.
#[derive(Clone, Debug)]
pub struct Cashier {
    rule: LayerRule,
    expected: Option<Expected>,
    worlds: Vec<World>,
}

/// The market of the others.
#[derive(Clone, Debug)]
struct World {
    market: Market,
    aggregate: Aggregate,
}

/// The records of the shadow markets; none unless the rule needs them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shadows(Vec<Record>);

/// One layer as the cashier sees it.
#[derive(Clone, Copy, Debug)]
pub struct Paid<'a> {
    /// The record before the layer.
    pub before: &'a Record,
    /// The bids.
    pub bids: &'a Bids,
    /// The layer.
    pub trade: &'a Trade,
}

impl Cashier {
    /// Prepares a rule.
    ///
    /// # Errors
    /// Too many or too few agents for shadow markets, c not finite, or numbers out of range.
    pub fn new(market: &Market, aggregate: &Aggregate, rule: LayerRule) -> Result<Self, PaymentError> {
        let mut cashier = Self { rule, expected: None, worlds: Vec::new() };
        let LayerRule::Groves { pivot, c, .. } = rule else { return Ok(cashier) };
        if !c.is_finite() || c.abs() > 1e12 {
            return Err(PaymentError::Factor { found: c });
        }
        if pivot == Pivot::Constant || (pivot != Pivot::None && c != 1.0) {
            cashier.expected = Some(Expected::new(market, aggregate, true)?);
        }
        if pivot == Pivot::Worlds {
            cashier.worlds = worlds(market)?;
        }
        Ok(cashier)
    }

    /// The rule.
    pub fn rule(&self) -> LayerRule {
        self.rule
    }

    /// Records of the shadow markets before the first layer.
    pub fn shadows(&self) -> Shadows {
        Shadows(self.worlds.iter().map(|world| Record::new(&world.market)).collect())
    }

    /// Payments of one layer; the shadow markets move along.
    pub fn charge(
        &self,
        market: &Market,
        aggregate: &Aggregate,
        paid: Paid<'_>,
        shadows: &mut Shadows,
    ) -> Vec<f64> {
        let s = paid.trade.period;
        let (lagrange, gap) = (&paid.trade.lagrange, &paid.trade.gap);
        let LayerRule::Groves { pivot, c, baseline } = self.rule else { return lagrange.clone() };
        let mut payment: Vec<f64> = if pivot == Pivot::Incremental {
            lagrange.iter().zip(gap).map(|(value, gap)| value - gap).collect()
        } else {
            let values = layer_values(market, paid.before, paid.bids, paid.trade);
            let sum = compensated(values.iter().copied());
            let pivots = self.pivots(pivot, market, aggregate, paid, shadows);
            values.iter().zip(pivots).map(|(own, h)| h - (sum - own)).collect()
        };
        if let (Some(expected), true) = (&self.expected, c != 1.0 && pivot != Pivot::None) {
            for (agent, payment) in payment.iter_mut().enumerate() {
                let unknown = if s == 0 && baseline == Baseline::Zero {
                    expected.ignorance_of_others(agent)
                } else {
                    0.0
                };
                *payment += (c - 1.0) * (expected.without_in_layer(s, agent, baseline) + unknown);
            }
        }
        payment
    }

    /// h_i of every agent at c = 1.
    fn pivots(
        &self,
        pivot: Pivot,
        market: &Market,
        aggregate: &Aggregate,
        paid: Paid<'_>,
        shadows: &mut Shadows,
    ) -> Vec<f64> {
        let s = paid.trade.period;
        match (pivot, &self.expected) {
            (Pivot::Constant, Some(expected)) => {
                (0..market.len()).map(|agent| expected.without_in_layer(s, agent, Baseline::Zero)).collect()
            }
            (Pivot::Pure, _) => pure_values(market, aggregate.layer(s), s, paid.bids),
            (Pivot::Worlds, _) => self.shadow_values(market, paid.bids, shadows),
            _ => vec![0.0; market.len()],
        }
    }

    /// Layer values of the shadow markets, which trade the others' bids.
    fn shadow_values(&self, market: &Market, bids: &Bids, shadows: &mut Shadows) -> Vec<f64> {
        let mut all = Vec::with_capacity(self.worlds.len());
        for ((absent, world), record) in self.worlds.iter().enumerate().zip(&mut shadows.0) {
            let mut theirs = Bids::none(&world.market);
            for agent in 0..world.market.len() {
                let same = agent + usize::from(agent >= absent);
                theirs.set(&world.market, agent, bids.get(market, same));
            }
            let before = record.clone();
            let trade = record.trade(&world.market, &world.aggregate, &theirs);
            all.push(compensated(layer_values(&world.market, &before, &theirs, &trade)));
        }
        all
    }
}

fn worlds(market: &Market) -> Result<Vec<World>, PaymentError> {
    let found = market.len();
    if found > MOST_WORLDS {
        return Err(PaymentError::TooManyWorlds { found });
    }
    let world = |agent: AgentId| {
        let market = market.without(agent).map_err(|error: ModelError| match error {
            ModelError::TooFewAgents { .. } => PaymentError::TooFewWorlds { found },
            other => unreachable!("a market without an agent: {other}"),
        })?;
        let aggregate = Aggregate::new(&market).map_err(|source| PaymentError::Shadow { agent, source })?;
        Ok(World { market, aggregate })
    };
    (0..found).map(world).collect()
}
