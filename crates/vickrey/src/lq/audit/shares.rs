//! Participation, budget and nearness to Lagrange payments: what follows from every agent's share.

use crate::accounts::Accounts;
use crate::audit::{Worst, judge, money, row};
use crate::guarantee::{Balance, Baseline, Guarantee, Property, Verdict};
use crate::lq::model::{Agent, Market};
use crate::lq::protocol::PlanRule;
use crate::lq::solve::ledger::Ledger;
use crate::numeric::sum::compensated;
use crate::scaling::{self, FactorChoice, IntervalVerdict, factor_words};

/// Every agent's share and payment, planned or expected.
pub(super) struct Shares<'a> {
    pub market: &'a Market,
    pub ledger: &'a Ledger,
    pub rule: PlanRule,
    /// Payment of every agent, in expectation if there is noise.
    pub payment: Vec<f64>,
    /// Whether numbers are expectations.
    pub expected: bool,
    /// What rounding is relative to.
    pub scale: f64,
}

/// The largest utility or Lagrange payment of an agent: what rounding is relative to.
pub(super) fn scale(ledger: &Ledger) -> f64 {
    (0..ledger.agents())
        .map(|i| ledger.own_utility(i).abs().max(ledger.lagrange(i).abs()).max(ledger.outside(i).abs()))
        .fold(0.0, f64::max)
}

impl Shares<'_> {
    /// All rows about shares.
    pub fn rows(&self, nearness: Guarantee) -> Vec<Guarantee> {
        let mut rows: Vec<Guarantee> =
            [Baseline::Autarky, Baseline::Zero].into_iter().map(|b| self.participation(b)).collect();
        rows.extend([self.weak_balance(), self.strong_balance(), nearness]);
        rows
    }

    fn in_expectation(&self) -> &'static str {
        if self.expected { " in expectation" } else { "" }
    }

    fn participation(&self, baseline: Baseline) -> Guarantee {
        let mut worst = Worst::default();
        for i in 0..self.ledger.agents() {
            let outside = if baseline == Baseline::Autarky { self.ledger.outside(i) } else { 0.0 };
            worst.see(outside - (self.ledger.own_utility(i) - self.payment[i]), || {
                self.market.name(i).into_owned()
            });
        }
        let tolerance = 1e-9 * self.scale;
        let met = self.participation_condition(baseline);
        let verdict = judge(&worst, tolerance, met.is_ok());
        let condition = match baseline {
            Baseline::Autarky => "c = 1, or c within the range of participation, made for this baseline",
            Baseline::Zero => "c within the range of participation, made for this baseline",
        };
        let (loss, who) = (worst.value, worst.at.clone());
        let property = Property::IndividualRationality(baseline);
        let mut row = row(property, met.is_ok(), verdict, condition, worst, tolerance);
        let why = met.err().map_or_else(String::new, |why| format!("; not promised: {why}"));
        row.note = match verdict {
            Verdict::Holds => {
                let least = money(-loss);
                format!("the least gain over the outside option{} is {least}{why}", self.in_expectation())
            }
            _ => format!("`{who}` loses {}{}{why}", money(loss), self.in_expectation()),
        };
        row
    }

    /// Whether the theory promises participation here; otherwise why not.
    fn participation_condition(&self, baseline: Baseline) -> Result<(), String> {
        let idle_is_zero = (0..self.ledger.agents()).all(|i| self.ledger.outside(i) == 0.0);
        match self.rule {
            PlanRule::ScaledVcg { c, baseline: own } => {
                if own != baseline && !idle_is_zero && c != 1.0 {
                    return Err(format!("c was made for the baseline {}", own.words()));
                }
                let allowed = scaling::interval(self.ledger, baseline).participation;
                match (allowed.contains(c), allowed.is_empty()) {
                    (true, _) => Ok(()),
                    (_, true) => Err("no c keeps everybody".into()),
                    _ => Err(format!("c = {} is not among the factors that keep everybody", factor_words(c))),
                }
            }
            PlanRule::Groves => Err("everybody's net utility is the welfare of all, whatever is that".into()),
            PlanRule::Lagrange if baseline == Baseline::Autarky || idle_is_zero => Ok(()),
            PlanRule::Lagrange => Err("some have less than 0 when they are idle".into()),
        }
    }

    fn sum(&self) -> f64 {
        compensated(self.payment.iter().copied())
    }

    /// Rounding of a sum over all agents.
    fn sum_tolerance(&self) -> f64 {
        1e-12 * self.scale * self.ledger.agents() as f64
    }

    fn weak_balance(&self) -> Guarantee {
        let mut worst = Worst::default();
        worst.see(-self.sum(), String::new);
        let promised = match self.rule {
            PlanRule::ScaledVcg { c, baseline } => {
                scaling::interval(self.ledger, baseline).budget.contains(c)
            }
            PlanRule::Lagrange => self.no_demand(),
            PlanRule::Groves => false,
        };
        let tolerance = self.sum_tolerance();
        let verdict = judge(&worst, tolerance, promised);
        let condition = "c within the range of budget balance; Lagrange payments: net demand 0";
        let mut row =
            row(Property::BudgetBalance(Balance::Weak), promised, verdict, condition, worst, tolerance);
        row.note = self.balance_note(verdict);
        row
    }

    fn balance_note(&self, verdict: Verdict) -> String {
        let sum = self.sum();
        let result = if verdict == Verdict::Holds {
            format!("the operator keeps {}{}", money(sum), self.in_expectation())
        } else {
            format!("the operator pays {}{}", money(-sum), self.in_expectation())
        };
        let PlanRule::ScaledVcg { c, baseline } = self.rule else { return result };
        let set = scaling::interval(self.ledger, baseline);
        let interval = match &set.verdict {
            IntervalVerdict::Feasible(range) => format!(
                "c from {} to {} balances the budget and keeps everybody, c here is {}",
                factor_words(range.low),
                factor_words(range.high),
                factor_words(c)
            ),
            IntervalVerdict::Empty { violated, .. } => format!("no c is feasible: {violated}"),
            IntervalVerdict::EveryC => "nobody gains by trading".into(),
            IntervalVerdict::Pivotal(_) => "no c is feasible".into(),
        };
        format!("{result}; baseline {}: {interval}", baseline.words())
    }

    fn no_demand(&self) -> bool {
        self.market.net_demand().iter().all(|&d| d == 0.0)
    }

    fn strong_balance(&self) -> Guarantee {
        let mut worst = Worst::default();
        worst.see(self.sum().abs(), String::new);
        let promised = self.rule == PlanRule::Lagrange && self.no_demand();
        let tolerance = self.sum_tolerance();
        let verdict = judge(&worst, tolerance, promised);
        let condition = "Lagrange payments with net demand 0; no VCG mechanism promises it";
        let mut row =
            row(Property::BudgetBalance(Balance::Strong), promised, verdict, condition, worst, tolerance);
        row.note = format!("payments add up to {}{}", money(self.sum()), self.in_expectation());
        row
    }
}

/// The market, everybody and net demand four times.
fn copied(market: &Market) -> Option<Market> {
    let agents: Option<Vec<Agent>> =
        (0..market.len()).map(|i| Agent::new(market.parameters(i)).ok()).collect();
    let agents = agents?;
    let all = (0..4).flat_map(|_| agents.iter().cloned()).collect();
    let demand = market.net_demand().iter().map(|d| 4.0 * d).collect();
    Market::new(market.periods(), demand, all).ok()
}

fn largest_difference(ledger: &Ledger, rule: PlanRule) -> f64 {
    (0..ledger.agents()).map(|i| (ledger.lagrange(i) - rule.payment(ledger, i)).abs()).fold(0.0, f64::max)
}

/// How far payments are from Lagrange payments here, and in the market copied four times; `solve` gives its shares.
pub(super) fn nearness(
    shares: &Shares<'_>,
    affordable: bool,
    solve: impl Fn(&Market) -> Option<Ledger>,
) -> Guarantee {
    let condition = "in the limit of many agents of bounded size; c = 1 or the low end of the interval";
    let mut worst = Worst::default();
    let here = largest_difference(shares.ledger, shares.rule);
    worst.see(here, String::new);
    let there = if affordable { copied(shares.market).and_then(|market| solve(&market)) } else { None };
    // A constant c belongs to one size of market: the larger one has its own, the low end of its interval.
    let there = there.and_then(|ledger| match shares.rule {
        PlanRule::ScaledVcg { c, baseline } if c != 1.0 => {
            let c = FactorChoice::LowEnd.factor(&ledger, baseline)?;
            Some(largest_difference(&ledger, PlanRule::ScaledVcg { c, baseline }))
        }
        rule => Some(largest_difference(&ledger, rule)),
    });
    let verdict = match there {
        Some(there) if there <= 0.5 * here + 1e-9 * shares.scale => Verdict::Holds,
        Some(_) => Verdict::ConditionNotMet,
        None => Verdict::NotChecked,
    };
    let mut row = row(Property::LagrangeNearness, false, verdict, condition, worst, 0.0);
    let noise = if shares.expected {
        "; with zero-mean noise both shrink with the number of agents, so that the ratio need not"
    } else {
        ""
    };
    row.note = match there {
        Some(there) => format!(
            "largest difference{} {} here, {} in the market copied four times{noise}",
            shares.in_expectation(),
            money(here),
            money(there)
        ),
        None => format!(
            "largest difference{} {} here; the copied market was not solved",
            shares.in_expectation(),
            money(here)
        ),
    };
    row
}
