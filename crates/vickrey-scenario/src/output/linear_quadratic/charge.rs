//! From the payment that a linear-quadratic scenario asks for to a rule of the library, and what it can be expected to
//! charge.

use vickrey::accounts::Accounts;
use vickrey::guarantee::Baseline;
use vickrey::lq::{Expected, LayerRule, Ledger, Market, Pivot, Plan, PlanRule};
use vickrey::mechanism::AgentId;
use vickrey::numeric::sum;
use vickrey::scaling::{self, FactorChoice};

use crate::output::charge::{NoFactor, Origin, computed, why_empty};
use crate::output::number::finite;
use crate::{LayerPayment, LinearQuadraticScenario, MarketKind};

/// What can be said before anything has happened: in a plan all of it, in the other markets what is expected.
#[derive(Clone, Debug)]
pub enum Outlook {
    /// Everything is known.
    Certain(Box<Plan>),
    /// Expectations over the noise.
    Expected(Box<Expected>),
}

impl Outlook {
    /// Every agent's share.
    pub fn ledger(&self) -> &Ledger {
        match self {
            Self::Certain(plan) => &plan.ledger,
            Self::Expected(expected) => &expected.ledger,
        }
    }

    /// What all others lose by not knowing their states. Layer values do not hold it, so Groves payments do not either.
    fn ignorance_of_others(&self, agent: AgentId) -> f64 {
        match self {
            Self::Certain(_) => 0.0,
            Self::Expected(expected) => expected.ignorance_of_others(agent),
        }
    }

    /// What all lose by it.
    fn ignorance(&self) -> f64 {
        match self {
            Self::Certain(_) => 0.0,
            Self::Expected(expected) => {
                sum::compensated((0..expected.ledger.agents()).map(|i| expected.ignorance(i)))
            }
        }
    }
}

/// A payment rule with its factor, ready to charge.
#[derive(Clone, Debug, PartialEq)]
pub struct LqCharge {
    /// What the scenario asks for.
    pub payment: LayerPayment,
    /// What an agent has if it stays out.
    pub baseline: Baseline,
    /// The factor c; none for rules that have none, or if the outlook gives none (then `missing` says why).
    pub c: Option<f64>,
    /// Where c came from, for rules that have one.
    pub origin: Option<Origin>,
    /// Whether everything is known at the start, so that a computed c follows from bids.
    pub from_bids: bool,
    /// Why nothing can be charged.
    pub missing: Option<NoFactor>,
}

impl LqCharge {
    /// The rule of a scenario; a c that is to be computed follows from this outlook.
    pub fn resolve(lq: &LinearQuadraticScenario, market: &Market, outlook: &Outlook) -> Self {
        let (payment, baseline) = (lq.payment, lq.baseline);
        let from_bids = lq.kind == MarketKind::Plan;
        let none = Self { payment, baseline, c: None, origin: None, from_bids, missing: None };
        if matches!(payment, LayerPayment::None | LayerPayment::Lagrange) {
            return none;
        }
        match computed(lq.scaling) {
            Err(c) => Self { c: Some(c), origin: Some(Origin::FixedInAdvance), ..none },
            Ok((choice, origin)) => {
                let c = choice.factor(outlook.ledger(), baseline);
                let missing = c.is_none().then(|| NoFactor {
                    from: if from_bids { "these bids" } else { "the expected values" },
                    wanted: origin.wanted(),
                    reason: why_empty(market, &scaling::interval(outlook.ledger(), baseline)),
                });
                Self { c, origin: Some(origin), missing, ..none }
            }
        }
    }

    /// Where c came from, in words.
    pub fn origin_words(&self) -> Option<&'static str> {
        self.origin.map(|origin| if self.from_bids { origin.words() } else { origin.words_ahead() })
    }

    /// Whether c follows from bids, so that agents can move it.
    pub fn is_moved_by_bids(&self) -> bool {
        self.from_bids && self.origin.is_some_and(Origin::is_computed)
    }

    /// How c follows from the outlook; none if it is a number, or there is none.
    pub fn choice(&self) -> Option<FactorChoice> {
        Some(match self.origin? {
            Origin::FixedInAdvance => return None,
            Origin::LowEnd => FactorChoice::LowEnd,
            Origin::HighEnd => FactorChoice::HighEnd,
            Origin::MinMax => FactorChoice::MinMax,
            Origin::MinMaxRatio => FactorChoice::MinMaxRatio,
        })
    }

    /// The rule of a plan; c is 1 if there is none.
    pub fn plan_rule(&self) -> PlanRule {
        match self.payment {
            LayerPayment::None => PlanRule::Groves,
            LayerPayment::Lagrange => PlanRule::Lagrange,
            _ => PlanRule::ScaledVcg { c: self.c.unwrap_or(1.0), baseline: self.baseline },
        }
    }

    /// The rule of a layer; c is 1 if there is none.
    pub fn layer_rule(&self) -> LayerRule {
        let pivot = match self.payment {
            LayerPayment::None => Pivot::None,
            LayerPayment::Constant => Pivot::Constant,
            LayerPayment::Pure => Pivot::Pure,
            LayerPayment::Incremental => Pivot::Incremental,
            LayerPayment::Worlds => Pivot::Worlds,
            LayerPayment::Lagrange => return LayerRule::Lagrange,
        };
        LayerRule::Groves { pivot, c: self.c.unwrap_or(1.0), baseline: self.baseline }
    }

    /// What an agent can expect to pay in all; none if nothing can be charged.
    pub fn expected_payment(&self, outlook: &Outlook, agent: AgentId) -> Option<f64> {
        if self.missing.is_some() {
            return None;
        }
        let all = self.plan_rule().payment(outlook.ledger(), agent);
        let unknown =
            if self.payment == LayerPayment::None { outlook.ignorance_of_others(agent) } else { 0.0 };
        finite(all + unknown)
    }

    /// What an agent can expect to have after paying, in the form in which nothing cancels.
    pub fn expected_utility(&self, outlook: &Outlook, agent: AgentId) -> Option<f64> {
        if self.missing.is_some() {
            return None;
        }
        let ledger = outlook.ledger();
        finite(match self.plan_rule() {
            PlanRule::Groves => ledger.welfare() - outlook.ignorance_of_others(agent),
            PlanRule::Lagrange => ledger.surplus(agent) + ledger.outside(agent),
            PlanRule::ScaledVcg { c, baseline } => {
                let plain = ledger.net(agent, Baseline::Zero);
                // No factor acts at c = 1, and nothing is added to what does not cancel.
                if c == 1.0 { plain } else { plain - (c - 1.0) * ledger.without(agent, baseline) }
            }
        })
    }

    /// What the operator can expect to keep (negative: to pay); none if nothing can be charged.
    pub fn expected_budget(&self, outlook: &Outlook) -> Option<f64> {
        if self.missing.is_some() {
            return None;
        }
        let ledger = outlook.ledger();
        let others = (ledger.agents() - 1) as f64;
        let budget = match self.plan_rule() {
            PlanRule::Groves => others * (outlook.ignorance() - ledger.welfare()),
            PlanRule::Lagrange => ledger.lagrange_total(),
            PlanRule::ScaledVcg { c, baseline } => scaling::budget(&scaling::interval(ledger, baseline), c),
        };
        finite(ledger.snap(budget))
    }
}
