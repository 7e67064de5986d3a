//! A pivot mechanism that was solved, looked ahead in, and played once.

use std::io::{self, Write};

use vickrey::audit::AuditOptions;
use vickrey::guarantee::Audit;
use vickrey::pivot::audit;
use vickrey::pivot::solve::{SolveError, solve_product};
use vickrey_scenario::output::{
    AuditReport, Document, NoFactor, PivotPart, PivotResult, PivotRunError, Table,
};
use vickrey_scenario::{PivotScenario, Scenario};

use super::Outcome;
use crate::args::Common;
use crate::auditing::{self, Effort};
use crate::failure::Failure;
use crate::{progress, report_pivot};

/// Joint states times periods beyond which progress is shown; a game without end counts as many.
const LONG: f64 = 20_000.0;
const ENDLESS: usize = 100;

/// Solves an instance and plays it once.
pub fn solve<'a>(
    scenario: &'a Scenario,
    instance: &'a PivotScenario,
    common: &Common,
) -> Result<PivotResult<'a>, Failure> {
    let periods = instance.model.periods().unwrap_or(ENDLESS);
    let long = instance.joint_states() * periods as f64 > LONG;
    let bar = if long { progress::bar(common, "solving and looking ahead") } else { progress::none() };
    let result = PivotResult::solve(scenario, instance, &|share| progress::at(&bar, share));
    bar.finish_and_clear();
    Ok(result?)
}

/// Searches for violated promises, in all three modes.
pub fn audit(result: &PivotResult<'_>, effort: Effort, common: &Common) -> Result<AuditReport, Failure> {
    auditing::search(effort, result.scenario.seed, common, |options, progress| {
        let audit = of_mode(result, options, &|share| progress(0.5 * share))?;
        result.modes_with(options.effort, &|share| progress(0.5 + 0.5 * share));
        Ok::<_, PivotRunError>(audit)
    })
}

/// In the scenario's own mode.
fn of_mode(
    result: &PivotResult<'_>,
    options: &AuditOptions,
    progress: vickrey::audit::Progress<'_>,
) -> Result<Audit, SolveError> {
    let time = result.pivot.payment;
    if let Some(product) = result.solution.product() {
        return Ok(audit::audit(product, options, time, progress));
    }
    // All joint states, even if the result did not need them.
    if result.joint_states() <= PivotResult::MOST_COMPARED {
        let product = solve_product(result.model(), &result.pivot.options(), &|_| ())?;
        return Ok(audit::audit(&product, options, time, progress));
    }
    Ok(audit::audit_solution(&result.solution, options, time, progress))
}

impl Outcome for PivotResult<'_> {
    type Part = PivotPart;

    fn size(&self) -> usize {
        self.joint_states().min(1e9) as usize
    }

    fn tables(&self) -> Vec<Box<dyn Table + '_>> {
        self.tables()
    }

    fn missing(&self) -> Option<&NoFactor> {
        None
    }

    fn head(&self, out: &mut dyn Write, document: &Document<PivotPart>) -> io::Result<()> {
        report_pivot::head(out, self, document)
    }

    fn numbers(&self, out: &mut dyn Write, document: &Document<PivotPart>) -> io::Result<()> {
        report_pivot::numbers(out, document)
    }

    fn after_audit(&self, out: &mut dyn Write, document: &Document<PivotPart>) -> io::Result<()> {
        report_pivot::modes(out, document)
    }
}
