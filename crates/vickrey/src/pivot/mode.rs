//! Readings of "without player i".

/// What "without player i" means; it decides who bears what, never whether truth is the best report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Without {
    /// Every decision stays possible without her (the paper's equation 10). No payment is negative, but she may be
    /// worse off than if she could walk away.
    Same,
    /// Only the decisions listed for her stay possible without her (the paper's assumption 4). She is never worse off
    /// than left alone, but payments may be negative.
    Own,
    /// In place of the value without her, the largest amount that leaves her at least her outside value at each of
    /// her types: the most that can be collected from players who may walk away.
    Tight,
}

impl Without {
    /// The word that users write.
    pub fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Own => "own",
            Self::Tight => "tight",
        }
    }
}
