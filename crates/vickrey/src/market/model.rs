//! The instance: who takes part, with which utility, and what the quantities add up to.

use std::borrow::Cow;

use super::utility::{LARGEST, Utility, UtilityError};
use crate::mechanism::AgentId;
use crate::names::{Names, NamesError};
use crate::numeric::sum;

/// A market: N >= 2 utilities and the total that the quantities received must add up to.
#[derive(Clone, Debug)]
pub struct Market {
    utilities: Vec<Utility>,
    names: Names,
    total: f64,
}

/// Why a market cannot be built or cleared.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum MarketError {
    /// A market needs at least two agents.
    #[error("a market needs at least 2 agents, found {found}")]
    TooFewAgents {
        /// How many there are.
        found: usize,
    },
    /// The fixed total is not a usable number.
    #[error("total: found {found}, accepted is a finite number of size at most 1e15")]
    Total {
        /// What was given.
        found: f64,
    },
    /// The names cannot be used.
    #[error(transparent)]
    Names(#[from] NamesError),
    /// A parameter of one agent cannot be used.
    #[error("agent `{name}`: {source}")]
    Agent {
        /// The agent's name.
        name: String,
        /// What is wrong.
        source: UtilityError,
    },
    /// The limits leave no way to reach the total.
    #[error(
        "the quantities cannot add up to {total}: the agents' limits allow {lowest} to {highest} \
         (an open end is not reached)"
    )]
    Infeasible {
        /// What the quantities should add up to.
        total: f64,
        /// Sum of the lower limits.
        lowest: f64,
        /// Sum of the upper limits.
        highest: f64,
    },
    /// A custom utility returned something that is not a number, or no price clears the market.
    #[error("no clearing price found near {price}: {reason}")]
    NoPrice {
        /// Where the search ended.
        price: f64,
        /// What happened there.
        reason: String,
    },
}

impl Market {
    /// A market in which the quantities received add up to `total` (0: the agents trade among themselves; negative:
    /// they must produce for somebody outside).
    ///
    /// # Errors
    /// Fewer than two agents, or a total that is not finite or too large.
    pub fn new(utilities: Vec<Utility>, total: f64) -> Result<Self, MarketError> {
        if utilities.len() < 2 {
            return Err(MarketError::TooFewAgents { found: utilities.len() });
        }
        if !(total.is_finite() && total.abs() <= LARGEST) {
            return Err(MarketError::Total { found: total });
        }
        Ok(Self { utilities, names: Names::default(), total })
    }

    /// Gives the agents names, used in reports and errors.
    ///
    /// # Errors
    /// The number of names is wrong, or two are equal.
    pub fn with_names(mut self, names: Vec<Box<str>>) -> Result<Self, MarketError> {
        self.names = Names::new(names, self.len())?;
        Ok(self)
    }

    /// Number of agents.
    pub fn len(&self) -> usize {
        self.utilities.len()
    }

    /// Never: a market has at least two agents.
    pub fn is_empty(&self) -> bool {
        self.utilities.is_empty()
    }

    /// What the quantities add up to.
    pub fn total(&self) -> f64 {
        self.total
    }

    /// The utilities in the order of the agents.
    pub fn utilities(&self) -> &[Utility] {
        &self.utilities
    }

    /// The utility of one agent.
    pub fn utility(&self, agent: AgentId) -> &Utility {
        &self.utilities[agent]
    }

    /// The agent's name, or "agent 7" if there are no names.
    pub fn name(&self, agent: AgentId) -> Cow<'_, str> {
        self.names.get(agent)
    }

    /// The same market in which one agent has another utility (reports something else).
    pub fn with_utility(&self, agent: AgentId, utility: Utility) -> Self {
        // Names are for people; a deviation is only computed with.
        let unnamed = Self { utilities: self.utilities.clone(), names: Names::default(), total: self.total };
        unnamed.into_with_utility(agent, utility)
    }

    /// As [`with_utility`](Self::with_utility), in place.
    pub fn into_with_utility(mut self, agent: AgentId, utility: Utility) -> Self {
        self.utilities[agent] = utility;
        self
    }

    /// Sums of the lower and of the upper limits of everybody but `without`, and whether the lower sum is only
    /// approached.
    pub(crate) fn reach(&self, without: Option<AgentId>) -> Reach {
        let [low, high, low_missing, high_missing, open] = sum::parallel(self.len(), |i| {
            let utility = &self.utilities[i];
            if without == Some(i) {
                return [0.0; 5];
            }
            let (low, high) = (utility.low(), utility.high());
            [
                if low.is_finite() { low } else { 0.0 },
                if high.is_finite() { high } else { 0.0 },
                f64::from(u8::from(low.is_infinite())),
                f64::from(u8::from(high.is_infinite())),
                f64::from(u8::from(utility.is_low_open())),
            ]
        });
        Reach {
            low: if low_missing > 0.0 { f64::NEG_INFINITY } else { low },
            high: if high_missing > 0.0 { f64::INFINITY } else { high },
            low_open: open > 0.0,
        }
    }
}

/// Which totals a group of agents can take together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reach {
    pub low: f64,
    pub high: f64,
    pub low_open: bool,
}

impl Reach {
    /// Whether `total` can be met, up to `slack` of rounding.
    pub fn holds(&self, total: f64, slack: f64) -> bool {
        let low_ok = if self.low_open { self.low + slack < total } else { self.low <= total + slack };
        low_ok && total - slack <= self.high
    }
}
