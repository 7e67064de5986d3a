//! What the dynamic pivot mechanism promises, and the search for violations on the instance at hand (paper 002).
//!
//! | promise | condition | how it is checked |
//! |---|---|---|
//! | efficiency | truthful reports | the decisions evaluated afresh against the values; every other feasible decision, in every state and outcome; expectations by summing over joint states |
//! | truth is best, ex post, after every history | types independent; kernels and outcome probabilities common knowledge; outcome unknown at the report | every single lie; a program for the best strategy of every player |
//! | participation against the opt-out | without a player only feasible decisions are possible | value of the decisions without her, in every state |
//! | participation against zero, stated values | opt-out worth at least 0; mode tight | in every state |
//! | no negative payment | the efficient decision is always possible without her | in every state |
//! | accounts add up | none | payments of all periods against values, in every state |
//!
//! What is not promised is computed as well and reported for what it is: what lies gain if the outcome is known early.
//! Instances that are too large for all states are looked at in states drawn at random, and every row says so.
//!
//! Solutions without a table of joint states ([`audit_solution`]) are looked at as a player sees them: her own type, and how
//! many of the others who are alike have which. Where even those states are too many, states met in truthful runs and
//! states drawn at random take their place, with what the structure makes exact there: for indices every lie of every
//! player, the best lies of the next few periods, and what she has if the others decide without her; for decisions that
//! move nothing, every period as a mechanism of its own.

mod ahead;
mod alike;
mod compare;
mod crowd;
mod dense;
mod dependence;
mod measure;
mod met;
mod misspecified;
mod rows;
mod sample;
mod structured;
mod turn;
mod words;

pub use compare::{Low, ModeSummary, Outlook, compare, outlook, summary};
pub use dependence::{Dependent, JointError, JointModel, dependence};
pub use misspecified::{Misspecified, MisspecifiedError, misspecified};
pub use structured::{Rule, audit_solution, audit_solution_of};
pub use turn::Rules;

use self::measure::whole;
use self::rows::Facts;
use super::mode::{PaymentTime, Without};
use super::model::Horizon;
use super::solve::product::Product;
use super::solve::{Options, solve_product};
use crate::audit::{AuditOptions, Progress};
use crate::guarantee::Audit;

/// Bytes that tables of an audit may take.
const MOST_BYTES: f64 = (2_u64 << 30) as f64;

/// What the parts of an audit share.
struct Subject<'a> {
    product: &'a Product,
    /// Decisions and payments of a period.
    rules: &'a (dyn Fn(usize) -> Rules + 'a),
    time: PaymentTime,
    options: AuditOptions,
    /// Mode tight: the same instance in mode own, for the decisions without a player.
    left: Option<Product>,
}

/// Audits a solution with truthful players.
///
/// Positive gains, payments and values are money; tolerances are the certificate of the solution and rounding.
pub fn audit(product: &Product, options: &AuditOptions, time: PaymentTime, progress: Progress<'_>) -> Audit {
    match too_large(product, options) {
        None => audit_of(product, &|period| rules(product, period), options, time, progress),
        Some(why) => {
            let rules = |_| Rules::default();
            let subject = Subject { product, rules: &rules, time, options: *options, left: None };
            let found = sample::sample(&subject, why, progress);
            rows::audit(&Facts::of(&subject), &found)
        }
    }
}

/// Audits any decisions and payments (by period) on the instance of a solution, against what its mode promises.
///
/// All states are looked at, whatever the effort.
///
/// # Panics
/// Tables are not as long as there are players, outcomes and states; a decision does not exist; the solution does not
/// keep the values of all periods.
pub fn audit_of(
    product: &Product,
    rules: &dyn Fn(usize) -> Rules,
    options: &AuditOptions,
    time: PaymentTime,
    progress: Progress<'_>,
) -> Audit {
    let left = left(product);
    progress(0.1);
    let subject = Subject { product, rules, time, options: *options, left };
    let found = whole(&subject, &mut |_, _| (), &|done| progress(0.1 + 0.9 * done));
    rows::audit(&Facts::of(&subject), &found)
}

/// What a solution does in a period, in all states.
///
/// # Panics
/// The values of the next period were not kept.
pub fn rules(product: &Product, period: usize) -> Rules {
    let tables = product.tables(period);
    let players = product.model().players();
    let contingent = (0..players).map(|i| product.contingent(i, period, &tables.decision)).collect();
    Rules { decision: tables.decision, payment: tables.payment, contingent }
}

/// Mode tight says nothing about decisions without a player: those of mode own, if they can be computed.
fn left(product: &Product) -> Option<Product> {
    let tight = product.mode() == Without::Tight;
    let options = Options { mode: Without::Own, ..Options::default() };
    tight.then(|| solve_product(product.model(), &options, &|_| ()).ok()).flatten()
}

/// Why not all states are looked at, if so.
fn too_large(product: &Product, options: &AuditOptions) -> Option<String> {
    let (model, space) = (product.model(), product.space());
    let periods = model.periods().unwrap_or(1);
    if product.periods() < periods {
        return Some("only the values of the first periods were kept".into());
    }
    let (players, states) = (model.players() as f64, space.size() as f64);
    let outcomes = model.outcomes() as f64;
    let bytes =
        states * (8.0 * 2.0 * (3.0 * players + 3.0) + players * 8.0 * (1.0 + outcomes) + 2.0 * outcomes);
    let sweeps = match model.horizon() {
        Horizon::Finite(periods) => periods as f64,
        Horizon::Infinite => 2.0 * product.convergence().iter().map(|c| c.sweeps).max().unwrap_or(1) as f64,
    };
    let axes = space.types.iter().sum::<usize>() as f64;
    let each = model.decisions() as f64 * (axes + 2.0) + outcomes * axes;
    let work = sweeps * (3.0 * players + 3.0) * states * each;
    let most = options.effort.pick(5e9, 5e10, 5e12);
    if bytes > MOST_BYTES {
        return Some(format!("all {states:.3e} states would take {:.1} GiB", bytes / f64::from(1 << 30)));
    }
    (work > most)
        .then(|| format!("all {states:.3e} states would take {:.0} times the effort", (work / most).ceil()))
}

#[cfg(test)]
mod tests;
