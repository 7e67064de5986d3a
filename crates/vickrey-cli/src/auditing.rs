//! Running an audit with a progress bar, and what its verdict means for the exit code.

use clap::ValueEnum;
use vickrey::audit::AuditOptions;
use vickrey::market;
use vickrey_scenario::output::{AuditReport, Document, MarketResult};

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

/// Audits a result.
pub fn audit(
    result: &MarketResult<'_>,
    effort: Effort,
    seed: u64,
    common: &Common,
) -> Result<AuditReport, Failure> {
    let bar = progress::bar(common, "auditing");
    let options = AuditOptions { seed, effort: effort.into() };
    let found = market::audit::audit(result.market, result.charge.asked, &options, &|share| {
        progress::at(&bar, share)
    });
    bar.finish_and_clear();
    Ok(AuditReport::new(found?, effort.name()))
}

/// Fails if a promise was found violated (the report says which) or nothing could be charged.
pub fn verdict(result: &MarketResult<'_>, document: &Document) -> Result<(), Failure> {
    match (&result.charge.missing, &document.audit) {
        (Some(missing), _) => Err(missing.into()),
        (None, Some(report)) if !report.passed => Err(Failure::violated()),
        _ => Ok(()),
    }
}
