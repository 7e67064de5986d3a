//! Running an audit with a progress bar, and what its verdict means for the exit code.

use clap::ValueEnum;
use vickrey::audit::{AuditOptions, Progress};
use vickrey::guarantee::Audit;
use vickrey_scenario::output::{AuditReport, Document, NoFactor};

use crate::args::Common;
use crate::failure::Failure;
use crate::progress;

/// How hard an audit searches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Effort {
    /// Seconds
    Quick,
    /// Enough for confidence
    Normal,
    /// As long as it takes
    Deep,
}

impl Effort {
    fn name(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Normal => "normal",
            Self::Deep => "deep",
        }
    }
}

impl From<Effort> for vickrey::audit::Effort {
    fn from(effort: Effort) -> Self {
        match effort {
            Effort::Quick => Self::Quick,
            Effort::Normal => Self::Normal,
            Effort::Deep => Self::Deep,
        }
    }
}

/// Runs a search under a progress bar.
pub fn search<E>(
    effort: Effort,
    seed: u64,
    common: &Common,
    audit: impl FnOnce(&AuditOptions, Progress<'_>) -> Result<Audit, E>,
) -> Result<AuditReport, Failure>
where
    Failure: From<E>,
{
    let bar = progress::bar(common, "auditing");
    let options = AuditOptions { seed, effort: effort.into() };
    let found = audit(&options, &|share| progress::at(&bar, share));
    bar.finish_and_clear();
    Ok(AuditReport::new(found?, effort.name()))
}

/// Fails if a promise was found violated (the report says which) or nothing could be charged.
pub fn verdict<P>(missing: Option<&NoFactor>, document: &Document<P>) -> Result<(), Failure> {
    match (missing, &document.audit) {
        (Some(missing), _) => Err(missing.into()),
        (None, Some(report)) if !report.passed => Err(Failure::violated()),
        _ => Ok(()),
    }
}
