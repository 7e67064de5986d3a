//! What every player can expect, and the three modes side by side.

use serde::Serialize;

use super::measure::{Levels, Measures, Scope, Seat, whole};
use super::rows::{self, Facts, over_seats};
use super::{Subject, left, rules, sample, too_large};
use crate::audit::{AuditOptions, Worst};
use crate::guarantee::{Balance, Baseline, Property, SolutionConcept, Verdict};
use crate::pivot::mode::{PaymentTime, Without};
use crate::pivot::model::Model;
use crate::pivot::solve::product::Product;
use crate::pivot::solve::{Options, Progress, SolveError, solve_product};

/// The smallest value of something, and where.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Low {
    /// The value, in money.
    pub value: f64,
    /// Period, state and player in words.
    pub at: String,
}

/// What holds in one mode, and how far from failing it is.
///
/// Minima are over all states and all periods with decisions, one for each player; a list is empty if it was not
/// computed (instances too large for all states).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModeSummary {
    /// The reading of "without player i".
    pub mode: Without,
    /// When payments are known. If they wait for the outcome, each of them counts, and not their mean.
    pub time: PaymentTime,
    /// Whether truth is best, ex post.
    pub truth: Verdict,
    /// Whether nobody is worse off than if the others decide without her.
    pub against_opt_out: Verdict,
    /// Whether nobody is worse off than with utility 0.
    pub against_zero: Verdict,
    /// Whether nobody is ever paid.
    pub no_negative_payment: Verdict,
    /// Most that a lie was found to gain.
    pub gain: f64,
    /// No lie gains more than this.
    pub certificate: f64,
    /// What players can expect.
    pub truthful: Vec<Low>,
    /// What they have if the others decide without them.
    pub opt_out: Vec<Low>,
    /// What they can expect minus that.
    pub over_opt_out: Vec<Low>,
    /// What they can expect minus the outside value stated for them (0 if none is).
    pub over_stated: Vec<Low>,
    /// Payments.
    pub payment: Vec<Low>,
    /// Most that a lie gains if the outcome is known before the reports, by time of payment (fixed before, waiting).
    pub leak: [f64; 2],
    /// Expected payments of all players from the start, discounted; none if not computed.
    pub expected_payments: Option<f64>,
    /// States that were looked at, if not all.
    pub drawn: Option<usize>,
}

/// Solves and audits an instance in all three modes, with payments at the time given.
///
/// # Errors
/// It cannot be solved.
pub fn compare(
    model: &Model,
    options: &Options,
    effort: &AuditOptions,
    time: PaymentTime,
    progress: Progress<'_>,
) -> Result<Vec<ModeSummary>, SolveError> {
    let mut all = Vec::new();
    for mode in Without::ALL {
        let product = solve_product(model, &Options { mode, ..*options }, &|_| ())?;
        all.push(summary(&product, effort, time));
        progress(all.len() as f64 / 3.0);
    }
    Ok(all)
}

/// What holds for one solution, with payments at the time given.
pub fn summary(product: &Product, options: &AuditOptions, time: PaymentTime) -> ModeSummary {
    let exact = |period| rules(product, period);
    let why = too_large(product, options);
    let left = if why.is_none() { left(product) } else { None };
    let subject = Subject { product, rules: &exact, time, options: *options, left };
    let found = match why {
        None => whole(&subject, &mut |_, _| (), &|_| ()),
        Some(why) => sample::sample(&subject, why, &|_| ()),
    };
    let audit = rows::audit(&Facts::of(&subject), &found);
    let verdict = |property| audit.find(property).map_or(Verdict::NotChecked, |row| row.verdict);
    let gain = over_seats(&found, |seat| &seat.best).join(over_seats(&found, |seat| &seat.once));
    ModeSummary {
        mode: product.mode(),
        time,
        truth: verdict(Property::IncentiveCompatibility(SolutionConcept::ExPost)),
        against_opt_out: verdict(Property::IndividualRationality(Baseline::Autarky)),
        against_zero: verdict(Property::IndividualRationality(Baseline::Zero)),
        no_negative_payment: verdict(Property::BudgetBalance(Balance::Weak)),
        gain: gain.value.max(0.0),
        certificate: product.certificate().bound,
        truthful: lows(&found, |seat| &seat.zero),
        opt_out: lows(&found, |seat| &seat.alone),
        over_opt_out: lows(&found, |seat| &seat.over_alone),
        over_stated: lows(&found, |seat| &seat.over_stated),
        payment: lows(&found, |seat| &seat.payment),
        leak: [0, 1].map(|k| found.leak[k].value.max(0.0)),
        expected_payments: found.receipts,
        drawn: match found.scope {
            Scope::Sample { drawn, .. } | Scope::Met { states: drawn, .. } => Some(drawn),
            Scope::Whole | Scope::Alike { .. } => None,
        },
    }
}

fn lows(found: &Measures, of: impl Fn(&Seat) -> &Worst) -> Vec<Low> {
    let known = found.seats.iter().map(of).filter(|worst| worst.tries > 0);
    // Plus 0, so that no minus stands before a zero.
    known.map(|worst| Low { value: 0.0 - worst.value, at: worst.at.clone() }).collect()
}

/// What everybody can expect from the beginning of a period on, by state.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outlook {
    /// If everybody is truthful, payments taken off; by player and state.
    pub truthful: Vec<Vec<f64>>,
    /// By the best strategy against truthful others; by player and state.
    pub best_response: Vec<Vec<f64>>,
    /// If the others decide without the player, without payments; by player and state. Empty if that cannot be solved.
    pub opt_out: Vec<Vec<f64>>,
    /// Payments of all players.
    pub payments: Vec<f64>,
    /// Utility of the public.
    pub public: Vec<f64>,
    /// Utility of the public and all players.
    pub welfare: Vec<f64>,
}

/// What everybody can expect in all states, by period (one entry if the horizon is infinite), evaluated under the
/// decisions and payments themselves.
///
/// # Panics
/// The solution does not keep the values of all periods.
pub fn outlook(product: &Product, time: PaymentTime) -> Vec<Outlook> {
    let exact = |period| rules(product, period);
    let options = AuditOptions { seed: 0, effort: crate::audit::Effort::Quick };
    let subject = Subject { product, rules: &exact, time, options, left: left(product) };
    let mut all = Vec::new();
    whole(&subject, &mut |t, levels| all.push(shifted(product, t, levels)), &|_| ());
    all.reverse();
    all
}

/// With constants.
fn shifted(product: &Product, t: usize, levels: &Levels) -> Outlook {
    let plus = |list: &[f64], constant: f64| list.iter().map(|x| x + constant).collect::<Vec<f64>>();
    let own = |lists: &[Vec<f64>]| {
        lists.iter().enumerate().map(|(i, list)| plus(list, product.own_constant(i, t))).collect()
    };
    Outlook {
        truthful: own(&levels.truthful),
        best_response: own(&levels.best),
        opt_out: own(&levels.alone),
        payments: levels.receipts.clone(),
        public: plus(&levels.public, product.whole().public_constant(t)),
        welfare: plus(&levels.welfare, product.constant(t)),
    }
}
