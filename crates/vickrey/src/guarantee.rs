//! One vocabulary of promises and of the evidence for them, used by every mechanism.

use serde::Serialize;

/// What a mechanism can promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "property", content = "concept")]
pub enum Property {
    /// The allocation maximises total utility.
    Efficiency,
    /// No agent gains by reporting something else.
    IncentiveCompatibility(SolutionConcept),
    /// No agent is worse off than with its outside option.
    IndividualRationality(Baseline),
    /// No agent is worse off than with the outside value that the instance states for it.
    StatedOutside,
    /// The coordinator's net receipts.
    BudgetBalance(Balance),
    /// What is paid and what everybody has add up.
    Accounts,
    /// Every constraint holds.
    Feasibility,
    /// Payments are near the competitive (Lagrange) payments.
    LagrangeNearness,
    /// An iteration reaches its limit.
    Convergence,
    /// No group gains by bidding together, what its members report of their laws being true.
    TruthfulGroups,
    /// Statistical tests do not flag honest players more often than stated.
    HonestPass,
    /// Statistical tests flag lies that they can see by the end of the season.
    Detection,
    /// What the operator pays in all is at most what the reserve alone would cost.
    Outlay,
    /// What a follower's tax compares with is free of her own doing.
    Independence,
    /// The certificate is at least what the decision falls short of the optimum.
    Certificate,
}

/// In which sense truth is optimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SolutionConcept {
    /// Whatever the others report.
    DominantStrategy,
    /// Whatever the others' types are, as long as they are truthful, after every history.
    ExPost,
    /// Whatever the others report now, in expectation over what comes later, as long as their later reports have
    /// conditional mean zero (as truthful ones have).
    CurrentReports,
    /// In expectation over the others' types, as long as they are truthful.
    Bayesian,
    /// No unilateral gain from this profile.
    Nash,
    /// Up to a stated amount.
    Approximate,
}

/// What an agent has if it does not trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Baseline {
    /// Utility 0.
    Zero,
    /// Its own utility of being idle.
    Autarky,
}

/// Kind of budget balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Balance {
    /// The coordinator does not pay on balance.
    Weak,
    /// Payments add up to zero.
    Strong,
}

/// What was found about a property on this instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// No violation found; see the evidence for how hard it was searched.
    Holds,
    /// A promise is broken; the evidence names the case.
    Violated,
    /// The property fails here, and nothing promised it: the theory's condition is not met on this instance, or the
    /// rule never promises it. The evidence says by how much it fails.
    ConditionNotMet,
    /// Not looked at.
    NotChecked,
}

impl Verdict {
    /// The verdict in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Violated => "violated",
            Self::ConditionNotMet => "condition not met",
            Self::NotChecked => "not checked",
        }
    }
}

/// What a verdict rests on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evidence {
    /// The worst case found: a gain, a loss, a residual. Positive values speak against the property.
    pub worst: f64,
    /// Unit of `worst` in words ("money", "relative").
    pub unit: &'static str,
    /// Where the worst case was found: agent, lie, pair.
    pub at: String,
    /// How many cases were tried.
    pub tries: u64,
    /// `worst` up to this is rounding.
    pub tolerance: f64,
}

/// One row of the table of guarantees.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Guarantee {
    /// What is promised, or not.
    #[serde(flatten)]
    pub property: Property,
    /// Whether the mechanism promises it (under the condition). A violated promise fails the audit.
    pub promised: bool,
    /// What was found.
    pub verdict: Verdict,
    /// The condition under which the theory promises it.
    pub condition: String,
    /// What the verdict rests on; none if it was not checked.
    pub evidence: Option<Evidence>,
    /// One sentence for a reader.
    pub note: String,
}

/// Something found that no promise speaks about (gains of colluders, of split identities).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// What was searched for.
    pub title: String,
    /// What it rests on.
    pub evidence: Evidence,
    /// One sentence for a reader.
    pub note: String,
}

/// The table of guarantees of one instance, and what else was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Audit {
    /// One row per property.
    pub guarantees: Vec<Guarantee>,
    /// Information beyond the promises.
    pub findings: Vec<Finding>,
}

impl Audit {
    /// Whether nothing that is promised was found violated.
    pub fn passed(&self) -> bool {
        self.guarantees.iter().all(|g| !(g.promised && g.verdict == Verdict::Violated))
    }

    /// The row of a property.
    pub fn find(&self, property: Property) -> Option<&Guarantee> {
        self.guarantees.iter().find(|g| g.property == property)
    }
}

impl Property {
    /// The property in words.
    pub fn words(self) -> String {
        match self {
            Self::Efficiency => "efficiency".into(),
            Self::IncentiveCompatibility(c) => format!("incentive compatibility ({})", c.words()),
            Self::IndividualRationality(b) => format!("individual rationality (against {})", b.words()),
            Self::StatedOutside => "individual rationality (against the stated outside values)".into(),
            Self::Accounts => "accounts add up".into(),
            Self::BudgetBalance(Balance::Weak) => "weak budget balance".into(),
            Self::BudgetBalance(Balance::Strong) => "strong budget balance".into(),
            Self::Feasibility => "feasibility".into(),
            Self::LagrangeNearness => "nearness to Lagrange payments".into(),
            Self::Convergence => "convergence".into(),
            Self::TruthfulGroups => "groups with true laws do not gain by bidding together".into(),
            Self::HonestPass => "honest players pass the tests".into(),
            Self::Detection => "lies that the tests can see are flagged".into(),
            Self::Outlay => "outlay at most the cost of the reserve alone".into(),
            Self::Independence => "what taxes compare with is free of one's own doing".into(),
            Self::Certificate => "certificate covers the gap to the optimum".into(),
        }
    }
}

impl SolutionConcept {
    /// The concept in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::DominantStrategy => "dominant strategy",
            Self::ExPost => "ex post",
            Self::CurrentReports => {
                "whatever the others bid now, if their later bids have conditional mean zero"
            }
            Self::Bayesian => "Bayesian",
            Self::Nash => "Nash",
            Self::Approximate => "approximate",
        }
    }
}

impl Baseline {
    /// The baseline in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Zero => "zero",
            Self::Autarky => "autarky",
        }
    }
}
