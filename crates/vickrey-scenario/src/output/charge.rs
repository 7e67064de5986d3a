//! From the payment rule that a scenario asks for to the amounts on one settlement.

use serde::Serialize;
use vickrey::accounts::Accounts;
use vickrey::guarantee::Baseline;
use vickrey::market::scaling::{self, FactorChoice, Interval, IntervalVerdict};
use vickrey::market::{Market, PaymentRule, Settlement};
use vickrey::mechanism::AgentId;

use super::number::{finite, list, short};
use super::scaling::Named;
use crate::{PaymentChoice, Scaling};

/// A payment rule with its factor, ready to charge.
#[derive(Clone, Debug, PartialEq)]
pub struct Charge {
    /// The rule with a number for c; as asked for if these bids give none.
    pub rule: PaymentRule,
    /// The rule that the scenario asks for: c may still follow from the bids.
    pub asked: PaymentRule,
    /// Where the factor c came from, for rules that have one.
    pub origin: Option<Origin>,
    /// Why nothing can be charged: c was to come from the bids, and these bids give none.
    pub missing: Option<NoFactor>,
}

/// Where the factor c of scaled VCG came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// It stands in the scenario.
    FixedInAdvance,
    /// The low end of the feasible interval of these bids.
    LowEnd,
    /// The high end of the feasible interval of these bids.
    HighEnd,
    /// Nearest to Lagrange payments in money, for these bids.
    MinMax,
    /// Nearest to Lagrange payments relative to them, for these bids.
    MinMaxRatio,
}

/// The numbers at hand do not give the factor that the scenario asks for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the factor c cannot be taken from {from} ({wanted}): {reason}")]
pub struct NoFactor {
    /// What it was to be taken from.
    pub from: &'static str,
    /// What the scenario asks for.
    pub wanted: &'static str,
    /// Why there is none.
    pub reason: String,
}

impl Origin {
    /// Whether c depends on the bids; then truth is no longer a dominant strategy.
    pub fn is_computed(self) -> bool {
        self != Self::FixedInAdvance
    }

    /// The origin in words, where c was computed from what is expected before anybody bids.
    pub fn words_ahead(self) -> &'static str {
        match self {
            Self::FixedInAdvance => "fixed in advance",
            Self::LowEnd => "low end of the interval of the expected values; fixed before any bid of a state",
            Self::HighEnd => {
                "high end of the interval of the expected values; fixed before any bid of a state"
            }
            Self::MinMax => "MinMax of the expected values; fixed before any bid of a state",
            Self::MinMaxRatio => "MinMax ratio of the expected values; fixed before any bid of a state",
        }
    }

    /// The origin in words, where c was computed from the bids.
    pub fn words(self) -> &'static str {
        match self {
            Self::FixedInAdvance => "fixed in advance",
            Self::LowEnd => "low end of the interval; computed from these bids: not incentive compatible",
            Self::HighEnd => "high end of the interval; computed from these bids: not incentive compatible",
            Self::MinMax => "MinMax; computed from these bids: not incentive compatible",
            Self::MinMaxRatio => "MinMax ratio; computed from these bids: not incentive compatible",
        }
    }

    pub(super) fn wanted(self) -> &'static str {
        match self {
            Self::FixedInAdvance => "fixed",
            Self::LowEnd => "the low end of the interval",
            Self::HighEnd => "the high end of the interval",
            Self::MinMax => "MinMax",
            Self::MinMaxRatio => "MinMax ratio",
        }
    }
}

impl Charge {
    /// The rule that a scenario asks for, with c computed from the settlement if it says so.
    pub fn resolve(
        choice: &PaymentChoice,
        baseline: Baseline,
        market: &Market,
        settlement: &Settlement,
    ) -> Self {
        let (asked, origin) = asked(choice, baseline);
        let (rule, missing) = match asked.resolve(settlement) {
            Ok(rule) => (rule, None),
            Err(_) => {
                let wanted = origin.map_or("fixed", Origin::wanted);
                let reason = why_empty(market, &scaling::interval(settlement, baseline));
                (asked, Some(NoFactor { from: "these bids", wanted, reason }))
            }
        };
        Self { rule, asked, origin, missing }
    }

    /// The name of the rule in scenario files.
    pub fn name(&self) -> &'static str {
        match self.rule {
            PaymentRule::Vcg => "vcg",
            PaymentRule::Groves => "groves",
            PaymentRule::ScaledVcg { .. } | PaymentRule::ScaledVcgFromReports { .. } => "scaled-vcg",
            PaymentRule::Lagrange => "lagrange",
        }
    }

    /// The factor c, for scaled VCG.
    pub fn factor(&self) -> Option<f64> {
        match self.rule {
            PaymentRule::ScaledVcg { c, .. } => Some(c),
            _ => None,
        }
    }

    /// Whether truth is a dominant strategy under this rule as it is used here.
    pub fn is_truthful(&self) -> bool {
        !matches!(self.rule, PaymentRule::Lagrange) && !self.origin.is_some_and(Origin::is_computed)
    }

    /// What an agent pays; none if there is no c, or it is pivotal and the rule needs the market without it.
    pub fn payment(&self, s: &Settlement, agent: AgentId) -> Option<f64> {
        if self.missing.is_some() { None } else { self.rule.payment(s, agent).ok() }
    }

    /// An agent's utility minus its payment, in the form in which nothing cancels.
    pub fn utility(&self, s: &Settlement, agent: AgentId) -> Option<f64> {
        if self.missing.is_some() {
            return None;
        }
        let plain = s.net(agent, Baseline::Zero);
        finite(match self.rule {
            PaymentRule::Groves => s.welfare(),
            PaymentRule::Lagrange => s.surplus[agent] + s.outside[agent],
            PaymentRule::ScaledVcg { c, baseline } if c != 1.0 => {
                plain - (c - 1.0) * s.without(agent, baseline)
            }
            _ => plain,
        })
    }

    /// What the operator keeps (negative: pays); none if a payment does not exist.
    pub fn budget(&self, s: &Settlement) -> Option<f64> {
        let c = match self.rule {
            PaymentRule::Groves => return finite(-((s.agents() - 1) as f64) * s.welfare()),
            PaymentRule::Lagrange => return finite(s.price() * s.total),
            PaymentRule::ScaledVcg { c, .. } => c,
            _ => 1.0,
        };
        let exists = s.pivotal.is_empty() && self.missing.is_none();
        let interval = exists.then(|| scaling::interval(s, self.rule.baseline()))?;
        finite(scaling::budget(&interval, c))
    }
}

/// The rule that a scenario asks for, and where its c comes from.
fn asked(choice: &PaymentChoice, baseline: Baseline) -> (PaymentRule, Option<Origin>) {
    let scaling = match *choice {
        PaymentChoice::Vcg => return (PaymentRule::Vcg, None),
        PaymentChoice::Groves => return (PaymentRule::Groves, None),
        PaymentChoice::Lagrange => return (PaymentRule::Lagrange, None),
        PaymentChoice::ScaledVcg(scaling) => scaling,
    };
    match computed(scaling) {
        Err(c) => (PaymentRule::ScaledVcg { c, baseline }, Some(Origin::FixedInAdvance)),
        Ok((choice, origin)) => (PaymentRule::ScaledVcgFromReports { choice, baseline }, Some(origin)),
    }
}

/// How c is to be computed; or the number that it is.
pub(super) fn computed(scaling: Scaling) -> Result<(FactorChoice, Origin), f64> {
    Ok(match scaling {
        Scaling::Fixed(c) => return Err(c),
        Scaling::LowEnd => (FactorChoice::LowEnd, Origin::LowEnd),
        Scaling::HighEnd => (FactorChoice::HighEnd, Origin::HighEnd),
        Scaling::MinMax => (FactorChoice::MinMax, Origin::MinMax),
        Scaling::MinMaxRatio => (FactorChoice::MinMaxRatio, Origin::MinMaxRatio),
    })
}

/// Why no c is feasible, with the agents that cause it by name.
pub(super) fn why_empty(market: &dyn Named, interval: &Interval) -> String {
    let names = |agents: &[AgentId]| agents.iter().map(|&i| market.name(i).into_owned()).collect::<Vec<_>>();
    match &interval.verdict {
        IntervalVerdict::Empty { violated, agents, agents_in_all: 0 } => {
            debug_assert!(agents.is_empty());
            violated.clone()
        }
        IntervalVerdict::Empty { violated, agents, agents_in_all } => {
            format!("{violated}; it is caused by {}", list(&names(agents), *agents_in_all, 5))
        }
        IntervalVerdict::Pivotal(agents) => {
            format!(
                "without {} the quantities cannot add up to the total",
                list(&names(agents), agents.len(), 5)
            )
        }
        IntervalVerdict::EveryC => "every c is feasible".into(),
        IntervalVerdict::Feasible(range) => {
            format!("feasible from {} to {}", short(range.low), short(range.high))
        }
    }
}
