//! What the linear-quadratic markets promise, and the search for violations on the instance at hand.
//!
//! | promise | condition | how it is checked |
//! |---|---|---|
//! | feasibility | none | balance on random bids, some of them missing |
//! | efficiency | truthful | marginal utilities against prices; an interior-point solver |
//! | layers: truth is best whatever the others bid now | their later bids have conditional mean zero | second moments of the liar's states for every linear lie; lies played through the payments, exactly |
//! | plan: truth is dominant | VCG, Groves, or a c fixed in advance | misreports of everything, against honest and lying others |
//! | participation, weak budget balance | c in the interval; in expectation if there is noise | shares in closed form |
//! | nearness to Lagrange payments | never; in the limit of many agents | the market copied four times |
//!
//! What is not promised is searched as well and reported for what it is: later bids of others that are biased, private
//! parameters, a better filter than Kalman's, payments by state bids, single paths instead of expectations.

mod beyond;
mod chance;
pub mod covariance;
mod efficiency;
pub mod enumerate;
mod filters;
mod incentives;
mod plan;
mod play;
mod shares;
mod state_bids;

pub use beyond::{WrongParameters, best_shift, gain_by_wrong_parameters};
pub use filters::gain_by_conditional_mean;
pub use plan::{audit_plan, audit_plan_from_reports};
pub use play::{LinearLie, Step};
pub use state_bids::gain_with_state_bids;

use self::efficiency::Paths;
use self::play::{Layout, Rows};
use self::shares::{Shares, nearness};
use super::model::Market;
use super::protocol::{LayeredMechanism, PlanRule};
use super::solve::aggregate::Aggregate;
use super::solve::expected::Expected;
use super::solve::ledger::Ledger;
use super::solve::payments::{LayerRule, Pivot};
use crate::accounts::Accounts;
use crate::audit::{AuditOptions, Progress, Worst, money, row};
use crate::guarantee::{
    Audit, Balance, Baseline, Evidence, Finding, Guarantee, Property, SolutionConcept, Verdict,
};
use crate::numeric::sum::compensated;

/// What the parts of the audit of a layered market share.
struct Subject<'a> {
    mechanism: &'a LayeredMechanism,
    /// Expected shares.
    ledger: &'a Ledger,
    layout: Layout,
    /// What arrives for certain.
    base: Rows,
    options: AuditOptions,
    /// Money that moves per agent: what rounding is relative to.
    scale: f64,
    /// Expected receipts of the operator.
    expected_budget: f64,
}

impl Subject<'_> {
    /// How many runs through all periods this share of the effort pays for.
    fn runs(&self, share: f64) -> usize {
        let market = self.mechanism.market();
        let (n, t) = (market.len() as f64, market.periods() as f64);
        let payments = match self.mechanism.rule() {
            LayerRule::Groves { pivot: Pivot::Worlds, .. } => 2.0 + n,
            LayerRule::Groves { pivot: Pivot::Incremental, .. } | LayerRule::Lagrange => 1.0,
            LayerRule::Groves { .. } => 3.0,
        };
        // Seconds, as measured: what a period costs whatever the market, and by agent and period to come.
        let one = payments * t * (4e-5 + n * (1e-7 + t * 8e-9));
        (self.options.effort.pick(4.0, 40.0, 1000.0) * share / one) as usize
    }
}

/// Audits a layered market with truthful bids under its rule of payment.
///
/// A market whose expectations leave the range of numbers gives a table in which nothing was checked.
pub fn audit(subject: &LayeredMechanism, options: AuditOptions, progress: Progress<'_>) -> Audit {
    let (market, aggregate) = (&**subject.market(), &**subject.aggregate());
    let expected = match Expected::new(market, aggregate, false) {
        Ok(expected) => expected,
        Err(error) => {
            let truth = Property::IncentiveCompatibility(SolutionConcept::CurrentReports);
            return unsolved(truth, &error.to_string());
        }
    };
    progress(0.05);
    let (rule, payment) = expected_payments(subject, &expected);
    let layout = Layout::new(market);
    let base = play::means(market, &layout);
    let scale = shares::scale(&expected.ledger);
    let expected_budget = compensated(payment.iter().copied());
    let all = Subject {
        mechanism: subject,
        ledger: &expected.ledger,
        layout,
        base,
        options,
        scale,
        expected_budget,
    };
    let paths = Paths { market, aggregate, options };
    let mut guarantees = vec![efficiency::feasibility(&paths), efficiency::efficiency(&paths, None)];
    progress(0.15);
    guarantees.push(incentives::incentive_compatibility(&all, &|done| progress(0.15 + 0.5 * done)));
    let shares = Shares { market, ledger: &expected.ledger, rule, payment, expected: true, scale };
    let affordable = market.len() * market.periods() <= 50_000;
    guarantees.extend(shares.rows(nearness(&shares, affordable, expected_ledger)));
    progress(0.7);
    let mut findings = chance::single_paths(&all, &|done| progress(0.7 + 0.15 * done));
    findings.extend(every_path(&all, &shares));
    findings.extend(beyond::biased_future(&all));
    progress(0.9);
    findings.extend(beyond::private_parameters(&all));
    findings.extend(filters::better_filter(&all));
    findings.extend(state_bids::state_bids(&all));
    progress(1.0);
    Audit { guarantees, findings }
}

fn expected_ledger(market: &Market) -> Option<Ledger> {
    let aggregate = Aggregate::new(market).ok()?;
    Some(Expected::new(market, &aggregate, false).ok()?.ledger)
}

/// The rule of the shares that a rule of layers comes to in expectation, and every agent's expected payment.
fn expected_payments(subject: &LayeredMechanism, expected: &Expected) -> (PlanRule, Vec<f64>) {
    let rule = match subject.rule() {
        LayerRule::Lagrange => PlanRule::Lagrange,
        LayerRule::Groves { pivot: Pivot::None, .. } => PlanRule::Groves,
        LayerRule::Groves { c, baseline, .. } => PlanRule::ScaledVcg { c, baseline },
    };
    let payment = |agent: usize| {
        let payment = rule.payment(&expected.ledger, agent);
        // Layers never see what the others do not know about their states.
        if rule == PlanRule::Groves { payment + expected.ignorance_of_others(agent) } else { payment }
    };
    (rule, (0..expected.ledger.agents()).map(payment).collect())
}

/// The expected payments once more: by playing every path of two-point noise, where that is affordable.
fn every_path(subject: &Subject<'_>, shares: &Shares<'_>) -> Option<Finding> {
    let market = subject.mechanism.market();
    let small = market.len() * market.periods() <= enumerate::MOST_COINS;
    let coins =
        if small { play::shocks(market, &(0..market.len()).collect::<Vec<_>>()).len() } else { usize::MAX };
    if coins == 0 || coins > enumerate::MOST_COINS || 1 << coins > subject.runs(0.2) {
        return None;
    }
    let found = enumerate::enumerate(subject.mechanism, market, &[])?;
    let mut worst = Worst::default();
    for (agent, (played, expected)) in found.payment.iter().zip(&shares.payment).enumerate() {
        worst.see((played - expected).abs(), || market.name(agent).into_owned());
    }
    let note = format!(
        "the mean payments of all {} paths of two-point noise differ from the expected ones by at most {:.1e}; the \
         operator's receipts have mean {} and standard deviation {} over these paths",
        found.paths,
        worst.value,
        money(found.budget),
        money(found.budget_deviation)
    );
    let tolerance = 1e-9 * subject.scale;
    let evidence =
        Evidence { worst: worst.value, unit: "money", at: worst.at, tries: found.paths, tolerance };
    Some(Finding { title: "expected payments by playing every path".into(), evidence, note })
}

/// The table of a market in which nothing can be checked.
fn unsolved(truth: Property, why: &str) -> Audit {
    let properties = [
        Property::Feasibility,
        Property::Efficiency,
        truth,
        Property::IndividualRationality(Baseline::Autarky),
        Property::IndividualRationality(Baseline::Zero),
        Property::BudgetBalance(Balance::Weak),
        Property::BudgetBalance(Balance::Strong),
        Property::LagrangeNearness,
    ];
    let unchecked = |property| -> Guarantee {
        let mut row =
            row(property, false, Verdict::NotChecked, "a market that can be solved", Worst::default(), 0.0);
        row.note = why.to_owned();
        row
    };
    Audit { guarantees: properties.map(unchecked).into(), findings: Vec::new() }
}
