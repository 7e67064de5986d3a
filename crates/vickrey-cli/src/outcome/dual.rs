//! Dual decomposition: one run with everybody faithful.

use std::io::{self, Write};

use vickrey::faithful::dual::audit;
use vickrey_scenario::output::{AuditReport, Document, DualError, DualPart, DualResult, NoFactor, Table};
use vickrey_scenario::{DualScenario, Scenario};

use super::Outcome;
use crate::args::Common;
use crate::auditing::{self, Effort};
use crate::failure::Failure;
use crate::{progress, report_dual};

/// Plays a run.
pub fn solve<'a>(
    scenario: &'a Scenario,
    of: &'a DualScenario,
    common: &Common,
) -> Result<DualResult<'a>, Failure> {
    let bar = progress::bar(common, "exchanging prices and answers");
    let result = DualResult::solve(scenario, of, &|share| progress::at(&bar, share));
    bar.finish_and_clear();
    Ok(result?)
}

/// Searches for violated promises.
pub fn audit(result: &DualResult<'_>, effort: Effort, common: &Common) -> Result<AuditReport, Failure> {
    auditing::search(effort, result.scenario.seed, common, |options, progress| {
        audit::audit(&result.of.plan, &result.of.costs, *options, progress).map_err(DualError::from)
    })
}

impl Outcome for DualResult<'_> {
    type Part = DualPart;

    fn size(&self) -> usize {
        self.of.plan.problem().decisions()
    }

    fn tables(&self) -> Vec<Box<dyn Table + '_>> {
        self.tables()
    }

    fn missing(&self) -> Option<&NoFactor> {
        None
    }

    fn head(&self, out: &mut dyn Write, document: &Document<DualPart>) -> io::Result<()> {
        report_dual::head(out, self, document)
    }

    fn numbers(&self, out: &mut dyn Write, document: &Document<DualPart>) -> io::Result<()> {
        report_dual::numbers(out, self, document)
    }
}
