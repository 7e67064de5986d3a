//! A linear-quadratic market that was planned, or played through.

use std::io::{self, Write};

use vickrey_scenario::output::{AuditReport, Document, LqPart, LqResult, NoFactor, Table};
use vickrey_scenario::{LinearQuadraticScenario, Scenario};

use super::Outcome;
use crate::args::Common;
use crate::auditing::Effort;
use crate::failure::Failure;
use crate::{progress, report_lq};

/// Agents times periods beyond which progress is shown.
const LONG: usize = 200_000;

/// Solves a market and plays it through.
pub fn solve<'a>(
    scenario: &'a Scenario,
    lq: &'a LinearQuadraticScenario,
    common: &Common,
) -> Result<LqResult<'a>, Failure> {
    let work = lq.market.len().saturating_mul(lq.market.periods());
    let bar = if work > LONG { progress::bar(common, "planning and trading") } else { progress::none() };
    let result = LqResult::solve(scenario, lq, &|share| progress::at(&bar, share));
    bar.finish_and_clear();
    Ok(result?)
}

/// Searches for violated promises.
pub fn audit(_: &LqResult<'_>, _: Effort, _: &Common) -> Result<AuditReport, Failure> {
    Err(Failure::run(
        "audits of linear-quadratic markets are not there yet; `vickrey simulate` plays single lies",
    ))
}

impl Outcome for LqResult<'_> {
    type Part = LqPart;

    fn size(&self) -> usize {
        self.agents()
    }

    fn tables(&self) -> Vec<Box<dyn Table + '_>> {
        self.tables()
    }

    fn missing(&self) -> Option<&NoFactor> {
        self.charge.missing.as_ref()
    }

    fn head(&self, out: &mut dyn Write, document: &Document<LqPart>) -> io::Result<()> {
        report_lq::head(out, document)
    }

    fn numbers(&self, out: &mut dyn Write, document: &Document<LqPart>) -> io::Result<()> {
        report_lq::numbers(out, self, document)
    }
}
