//! ANNOUNCE: everything that is public, fixed before any follower sends a byte. What mechanisms have in common; their own
//! parts are in their rooms.

use std::sync::Arc;

use serde_json::Value;
use vickrey::faithful::consensus::Rules;
use vickrey::faithful::dual::rules::Plan;

use crate::{consensus, dual};

/// Times and money of a run beside the plan's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Terms {
    /// A round waits so long for answers, milliseconds of the leader's clock. It closes earlier when all are in.
    pub round_ms: u64,
    /// The same for acknowledgements, final values and receipts.
    pub value_ms: u64,
    /// What followers have deposited against a tax that they do not pay, money; for the record only.
    pub deposit: f64,
}

/// What is announced beside the terms, by mechanism.
#[derive(Clone, Debug)]
pub enum Announced {
    /// Dual decomposition.
    Dual(Arc<Plan>),
    /// Average consensus.
    Consensus(Arc<Rules>),
}

/// Why a plan cannot be announced.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum NotAnnounceable {
    /// A rule that is for audits.
    #[error(
        "{field}: found {found}, accepted in a live run is {accepted}: otherwise nothing bounds what a follower can gain by lying"
    )]
    AuditOnly {
        /// Which rule.
        field: &'static str,
        /// What was found.
        found: &'static str,
        /// What is accepted.
        accepted: &'static str,
    },
    /// No limits.
    #[error(
        "{0}: found no limits on her decisions, accepted in a live run are finite limits on both sides (one follower's garbage could \
         otherwise blow up everybody's taxes), or the explicit wish to do without"
    )]
    NoLimits(String),
    /// A rule without a proof.
    #[error(
        "{field}: found {found}, accepted in a live run is {accepted}: faithful followers would be fined"
    )]
    NotProved {
        /// Which rule.
        field: &'static str,
        /// What was found.
        found: &'static str,
        /// What is accepted.
        accepted: &'static str,
    },
    /// Positions are to be seen, and nobody looks, or the other way round.
    #[error("watch: found {found}, accepted is {accepted}")]
    NoSensor {
        /// What the rules say.
        found: &'static str,
        /// What would go.
        accepted: &'static str,
    },
    /// A time or a sum is out of range.
    #[error("{field}: found {found}, accepted is {accepted}")]
    Number {
        /// Which.
        field: &'static str,
        /// What was found.
        found: f64,
        /// What is accepted.
        accepted: &'static str,
    },
}

/// Why an announcement cannot be accepted; what REFUSE says.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{field}: found {found}, accepted is {accepted}")]
pub struct Unacceptable {
    /// A stable word: `announce` or `plan`.
    pub code: &'static str,
    /// Where.
    pub field: String,
    /// What stands there.
    pub found: String,
    /// What is accepted.
    pub accepted: String,
}

/// The longest time limit, a day.
const LONGEST_MS: u64 = 86_400_000;

pub(crate) fn check_terms(terms: &Terms) -> Result<(), NotAnnounceable> {
    for (field, ms) in [("round_ms", terms.round_ms), ("value_ms", terms.value_ms)] {
        if !(1..=LONGEST_MS).contains(&ms) {
            return Err(NotAnnounceable::Number {
                field,
                found: ms as f64,
                accepted: "1 to 86400000 milliseconds (a day)",
            });
        }
    }
    if !(terms.deposit >= 0.0 && terms.deposit.is_finite()) {
        let accepted = "a finite number of at least 0";
        return Err(NotAnnounceable::Number { field: "deposit", found: terms.deposit, accepted });
    }
    Ok(())
}

/// What a body announces, checked as if it were one's own. The bodies of consensus say so in `algorithm`.
///
/// # Errors
/// The body has another shape, or what it announces is refused.
pub fn read(body: &Value) -> Result<(Announced, Terms), Unacceptable> {
    if body.get("algorithm").and_then(Value::as_str) == Some(consensus::announce::ALGORITHM) {
        let (rules, terms) = consensus::announce::read(body)?;
        return Ok((Announced::Consensus(Arc::new(rules)), terms));
    }
    let (plan, terms) = dual::announce::read(body)?;
    Ok((Announced::Dual(Arc::new(plan)), terms))
}

pub(crate) fn wrong(code: &'static str, field: &str, found: impl ToString, accepted: &str) -> Unacceptable {
    Unacceptable { code, field: field.into(), found: found.to_string(), accepted: accepted.into() }
}
