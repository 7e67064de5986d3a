//! What the market promises, and the search for violations on the instance at hand.
//!
//! | promise | condition | how it is checked |
//! |---|---|---|
//! | feasibility | none | balance and limits of the allocation |
//! | efficiency | truthful reports | independent solver, or marginal utilities against the price |
//! | truth is dominant | VCG, Groves, or scaled VCG with a c fixed in advance | lies of every agent, against honest and lying others |
//! | participation | VCG: agents can be idle; scaled: c in the interval | net utility against the outside option |
//! | weak budget balance | scaled VCG with c in the interval | sum of payments |
//! | nearness to Lagrange payments | in the limit of many agents | the market copied four times |
//!
//! What no VCG mechanism promises is searched as well and reported for what it is: pairs that collude, agents that
//! split into two identities.

mod beyond;
mod efficiency;
mod incentives;

use super::model::{Market, MarketError};
use super::protocol::{PaymentRule, ProtocolError};
use super::scaling::{self, FactorChoice, IntervalVerdict, factor_words};
use super::solve::{Settlement, settle};
use crate::accounts::Accounts;
use crate::audit::{AuditOptions, Progress, Worst, judge, money, row};
use crate::guarantee::{Audit, Balance, Baseline, Guarantee, Property, SolutionConcept, Verdict};

/// Everything the parts of the audit share.
struct Subject<'a> {
    market: &'a Market,
    settlement: &'a Settlement,
    /// The rule as given: it may compute c from the reports.
    rule: PaymentRule,
    /// The rule with a number for c.
    resolved: PaymentRule,
    options: AuditOptions,
    /// Money that moves in the market: what rounding is relative to.
    scale: f64,
}

/// Audits the market with truthful reports under a payment rule.
///
/// # Errors
/// The market cannot be cleared.
pub fn audit(
    market: &Market,
    rule: PaymentRule,
    options: &AuditOptions,
    progress: Progress<'_>,
) -> Result<Audit, MarketError> {
    let settlement = settle(market)?;
    let scale = 1.0
        + (0..market.len())
            .map(|i| settlement.own_utility(i).abs().max(settlement.lagrange(i).abs()))
            .fold(0.0, f64::max);
    let resolved = rule.resolve(&settlement);
    let usable = resolved.clone().unwrap_or(PaymentRule::Vcg);
    let subject =
        Subject { market, settlement: &settlement, rule, resolved: usable, options: *options, scale };
    let mut guarantees = vec![efficiency::feasibility(&subject), efficiency::efficiency(&subject)];
    progress(0.05);
    guarantees.push(incentives::incentive_compatibility(&subject, &|done| progress(0.05 + 0.65 * done)));
    for baseline in [Baseline::Autarky, Baseline::Zero] {
        guarantees.push(participation(&subject, baseline));
    }
    guarantees.extend([weak_balance(&subject), strong_balance(&subject), nearness(&subject)]);
    if let Err(error) = resolved {
        no_payment_rule(&mut guarantees, &error);
    }
    progress(0.75);
    let findings = vec![
        beyond::collusion(&subject, &|done| progress(0.75 + 0.15 * done)),
        beyond::split_identities(&subject, &|done| progress(0.9 + 0.1 * done)),
    ];
    Ok(Audit { guarantees, findings: findings.into_iter().flatten().collect() })
}

/// Where the rule itself is undefined, nothing is promised about payments.
fn no_payment_rule(guarantees: &mut [Guarantee], error: &ProtocolError) {
    for row in guarantees {
        if !matches!(row.property, Property::Efficiency | Property::Feasibility) {
            row.promised = false;
            row.verdict = Verdict::ConditionNotMet;
            row.evidence = None;
            row.note = error.to_string();
        }
    }
}

impl Subject<'_> {
    fn money(&self, x: f64) -> String {
        money(x)
    }

    /// How many of `wanted` cases the effort pays for, at so many clearings a case; at least 2. One clearing looks at
    /// every agent about 20 times.
    fn affordable(&self, wanted: usize, clearings: usize) -> usize {
        (self.payable(clearings) as usize).clamp(2, wanted.max(2))
    }

    fn payable(&self, clearings: usize) -> f64 {
        let looks = self.options.effort.pick(1e8, 3e9, 1e12);
        looks / (20.0 * self.market.len() as f64 * clearings as f64)
    }

    /// What is left of the random and local search of a case if the effort does not even pay for two of them.
    fn share(&self, clearings: usize) -> f64 {
        (0.5 * self.payable(clearings)).min(1.0)
    }

    /// The names of some agents, the first few in full.
    fn names(&self, agents: &[usize]) -> String {
        let mut text: Vec<String> =
            agents.iter().take(5).map(|&i| format!("`{}`", self.market.name(i))).collect();
        if agents.len() > 5 {
            text.push(format!("and {} more", agents.len() - 5));
        }
        text.join(", ")
    }

    fn payment(&self, agent: usize) -> Option<f64> {
        self.resolved.payment(self.settlement, agent).ok()
    }

    /// The factor of the payments: 1 for VCG.
    fn factor(&self) -> Option<f64> {
        match self.resolved {
            PaymentRule::Vcg => Some(1.0),
            PaymentRule::ScaledVcg { c, .. } => Some(c),
            _ => None,
        }
    }
}

/// Nobody is worse off than with the outside option.
fn participation(subject: &Subject<'_>, baseline: Baseline) -> Guarantee {
    let s = subject.settlement;
    let mut worst = Worst::default();
    for i in 0..s.agents() {
        if let Some(payment) = subject.payment(i) {
            let outside = if baseline == Baseline::Autarky { s.outside[i] } else { 0.0 };
            worst.see(outside - (s.own_utility(i) - payment), || subject.market.name(i).into_owned());
        }
    }
    let tolerance = 1e-9 * subject.scale;
    let met = participation_condition(subject, baseline);
    let verdict = judge(&worst, tolerance, met.is_ok());
    let condition =
        "VCG: every agent can be idle, baseline autarky; scaled VCG: c within the range of participation";
    let (loss, who) = (worst.value, worst.at.clone());
    let mut row =
        row(Property::IndividualRationality(baseline), met.is_ok(), verdict, condition, worst, tolerance);
    let why = met.err().unwrap_or_default();
    row.note = match verdict {
        Verdict::Holds => format!("the least gain over the outside option is {}", subject.money(-loss)),
        Verdict::NotChecked => "no agent has a payment under this rule".into(),
        _ => format!("`{who}` loses {}{}{why}", subject.money(loss), if why.is_empty() { "" } else { "; " }),
    };
    row
}

/// Whether the theory promises participation here; otherwise why not.
fn participation_condition(subject: &Subject<'_>, baseline: Baseline) -> Result<(), String> {
    let s = subject.settlement;
    let same = s.outside.iter().all(|&o| o == 0.0);
    if let PaymentRule::ScaledVcg { c, baseline: own } = subject.resolved
        && (own == baseline || same)
    {
        let allowed = scaling::interval(s, baseline).participation;
        return match (s.pivotal.is_empty(), allowed.contains(c), allowed.is_empty()) {
            (false, ..) => Err(format!("not promised: {} pivotal", subject.names(&s.pivotal))),
            (_, true, _) => Ok(()),
            (_, _, true) => Err("not promised: no c keeps everybody".into()),
            _ => Err(format!("not promised: c = {c} is not among the factors that keep everybody")),
        };
    }
    if baseline == Baseline::Zero && s.outside.iter().any(|&o| o < 0.0) {
        return Err(
            "not promised against the baseline zero: some are worse off than that by being idle".into()
        );
    }
    if !s.forced.is_empty() {
        return Err(format!("not promised: {} cannot be idle", subject.names(&s.forced)));
    }
    match subject.resolved {
        PaymentRule::Vcg | PaymentRule::Lagrange => Ok(()),
        // Everybody's net utility is F, which is at least the sum of all outside options if the total is 0.
        PaymentRule::Groves if s.total == 0.0 && s.outside.iter().all(|&o| o >= 0.0) => Ok(()),
        PaymentRule::Groves => {
            Err("not promised: net utility is F, which may be below an outside option".into())
        }
        _ => Err("not promised: c was made for another baseline".into()),
    }
}

/// The operator does not pay on balance.
fn weak_balance(subject: &Subject<'_>) -> Guarantee {
    let (worst, tolerance) = balance(subject, |sum| -sum);
    let sum = -worst.value;
    let promised = match subject.resolved {
        PaymentRule::ScaledVcg { c, baseline } => {
            let set = scaling::interval(subject.settlement, baseline);
            subject.settlement.pivotal.is_empty() && set.budget.contains(c)
        }
        PaymentRule::Lagrange => subject.settlement.total == 0.0,
        _ => false,
    };
    let verdict = judge(&worst, tolerance, promised);
    let condition = "scaled VCG with c within the range of budget balance";
    let mut row = row(Property::BudgetBalance(Balance::Weak), promised, verdict, condition, worst, tolerance);
    row.note = weak_balance_note(subject, verdict, sum);
    row
}

fn weak_balance_note(subject: &Subject<'_>, verdict: Verdict, sum: f64) -> String {
    let s = subject.settlement;
    let deficit = match verdict {
        Verdict::NotChecked => {
            return format!("no sum: {} pivotal", subject.names(&s.pivotal));
        }
        Verdict::Holds => return format!("the operator keeps {}{}", subject.money(sum), plain_vcg(subject)),
        _ => format!("the operator pays {}", subject.money(-sum)),
    };
    let set = scaling::interval(s, subject.resolved.baseline());
    let remedy = match &set.verdict {
        IntervalVerdict::Feasible(range) => {
            format!(
                "c from {} to {} balances the budget and keeps everybody",
                factor_words(range.low),
                factor_words(range.high)
            )
        }
        IntervalVerdict::Empty { violated, .. } => format!("no c is feasible: {violated}"),
        IntervalVerdict::EveryC => "nobody trades".into(),
        IntervalVerdict::Pivotal(agents) => format!("no c: {} pivotal", subject.names(agents)),
    };
    if subject.factor() == Some(1.0) && s.total == 0.0 {
        format!("{deficit}; plain VCG always pays as soon as anybody trades; {remedy}")
    } else {
        format!("{deficit}; {remedy}")
    }
}

/// What the same market costs the operator without scaling, where that is another number.
fn plain_vcg(subject: &Subject<'_>) -> String {
    let s = subject.settlement;
    if !matches!(subject.resolved, PaymentRule::ScaledVcg { .. }) || s.total != 0.0 {
        return String::new();
    }
    let deficit = s.snap(crate::numeric::sum::compensated(s.gap.iter().copied()));
    if deficit == 0.0 {
        return String::new();
    }
    format!("; plain VCG (c = 1) would pay {}, as it does whenever anybody trades", subject.money(deficit))
}

/// Payments add up to exactly zero.
fn strong_balance(subject: &Subject<'_>) -> Guarantee {
    let (worst, tolerance) = balance(subject, f64::abs);
    let promised = subject.resolved == PaymentRule::Lagrange && subject.settlement.total == 0.0;
    let verdict = judge(&worst, tolerance, promised);
    let condition = "Lagrange payments with total 0; no VCG mechanism promises it";
    row(Property::BudgetBalance(Balance::Strong), promised, verdict, condition, worst, tolerance)
}

fn balance(subject: &Subject<'_>, speaks_against: impl Fn(f64) -> f64) -> (Worst, f64) {
    let mut worst = Worst::default();
    let payments: Option<Vec<f64>> = (0..subject.settlement.agents()).map(|i| subject.payment(i)).collect();
    if let Some(payments) = payments {
        worst.see(speaks_against(crate::numeric::sum::compensated(payments)), String::new);
    }
    // Payments are differences of welfares at most: their rounding adds up over the agents.
    (worst, 1e-12 * subject.scale * (subject.settlement.agents() as f64))
}

/// Payments tend to the Lagrange payments in larger markets: the instance copied four times.
fn nearness(subject: &Subject<'_>) -> Guarantee {
    let condition =
        "in the limit of many agents of bounded size, total 0; c = 1 or the low end of the interval";
    let property = Property::LagrangeNearness;
    let here = largest_difference(subject.settlement, subject.resolved);
    let (Some(here), true) = (here, subject.market.len() <= 50_000) else {
        let mut row = row(property, false, Verdict::NotChecked, condition, Worst::default(), 0.0);
        row.note = "a pivotal agent, or more than 50000 agents".into();
        return row;
    };
    let copies: Vec<_> = (0..4).flat_map(|_| subject.market.utilities().iter().cloned()).collect();
    let larger = Market::new(copies, 4.0 * subject.market.total()).and_then(|m| settle(&m));
    // A constant c belongs to one size of market: the larger market has its own, the low end of its interval.
    let (rule, with) = match subject.rule {
        PaymentRule::ScaledVcg { baseline, .. } => (
            PaymentRule::ScaledVcgFromReports { choice: FactorChoice::LowEnd, baseline },
            " with c at the low end there",
        ),
        rule => (rule, ""),
    };
    let there = larger.ok().and_then(|s| largest_difference(&s, rule.resolve(&s).ok()?));
    let mut worst = Worst::default();
    worst.see(here, String::new);
    let verdict = match there {
        Some(there) if there <= 0.5 * here + 1e-9 * subject.scale => Verdict::Holds,
        Some(_) => Verdict::ConditionNotMet,
        None => Verdict::NotChecked,
    };
    let mut row = row(property, false, verdict, condition, worst, 0.0);
    row.note = match there {
        Some(there) => format!(
            "largest difference {} here, {} in the market copied four times{with}",
            subject.money(here),
            subject.money(there)
        ),
        None => "the copied market has no payments under this rule".into(),
    };
    row
}

fn largest_difference(s: &Settlement, rule: PaymentRule) -> Option<f64> {
    (0..s.agents())
        .try_fold(0.0_f64, |largest, i| Some(largest.max((s.lagrange(i) - rule.payment(s, i).ok()?).abs())))
}

/// Whether truth is dominant by theory under a rule.
fn dominant_by_theory(rule: PaymentRule) -> Result<(), &'static str> {
    match rule {
        PaymentRule::Vcg | PaymentRule::Groves | PaymentRule::ScaledVcg { .. } => Ok(()),
        PaymentRule::ScaledVcgFromReports { .. } => {
            Err("c is computed from these reports, so reports move it")
        }
        PaymentRule::Lagrange => Err("Lagrange payments move with the report"),
    }
}

/// The property that the incentive search speaks about.
const TRUTH: Property = Property::IncentiveCompatibility(SolutionConcept::DominantStrategy);
