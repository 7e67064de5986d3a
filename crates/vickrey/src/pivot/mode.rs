//! The three readings of "without player i", and when payments are fixed.

use serde::Serialize;

/// Which problem of the others a player's payment is measured against. Incentive compatibility is exact in all three;
/// they differ in who bears a loss, the players or the coordinator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Without {
    /// Every feasible decision stays possible without her, also one that uses what is hers. No payment is negative, but
    /// she may be worse off than at home.
    Same,
    /// Only decisions on her own list are possible without her. She is at least as well off as when she is left alone,
    /// but the coordinator may pay.
    Own,
    /// The most that can be collected while every player has at least her outside value in every state.
    Tight,
}

impl Without {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Same, Self::Own, Self::Tight];

    /// The word for it in scenario files and results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Own => "own",
            Self::Tight => "tight",
        }
    }
}

/// When a payment is known. Both have the same expectation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PaymentTime {
    /// After the reports, before the outcome: the outcome moves no payment. Truth is best as long as nobody knows the
    /// outcome when she reports.
    #[default]
    BeforeOutcome,
    /// With the outcome: payments vary more, but truth is best even for those who know the outcome when they report.
    OutcomeContingent,
}

impl PaymentTime {
    /// Both.
    pub const ALL: [Self; 2] = [Self::BeforeOutcome, Self::OutcomeContingent];

    /// The word for it in scenario files and results.
    pub fn name(self) -> &'static str {
        match self {
            Self::BeforeOutcome => "before-outcome",
            Self::OutcomeContingent => "outcome-contingent",
        }
    }
}
