//! A linear-quadratic market that was planned, or played through.

use std::io::{self, Write};
use std::sync::Arc;

use vickrey::lq::{LayeredMechanism, audit};
use vickrey_scenario::output::{AuditReport, Document, LqError, LqPart, LqResult, NoFactor, Table};
use vickrey_scenario::{LinearQuadraticScenario, Scenario};

use super::Outcome;
use crate::args::Common;
use crate::auditing::{self, Effort};
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

/// Searches for violated promises; there is nothing to search where layers cannot be charged for want of a c.
pub fn audit(result: &LqResult<'_>, effort: Effort, common: &Common) -> Result<Option<AuditReport>, Failure> {
    let (market, charge) = (&result.market, &result.charge);
    if charge.missing.is_some() && !result.is_plan() {
        return Ok(None);
    }
    auditing::search(effort, result.scenario.seed, common, |&options, progress| {
        if !result.is_plan() {
            let aggregate = Arc::clone(&result.aggregate);
            let mechanism = LayeredMechanism::prepared(Arc::clone(market), aggregate, charge.layer_rule());
            let mechanism = mechanism.map_err(|error| LqError::of(error, market))?;
            return Ok(audit::audit(&mechanism, options, progress));
        }
        Ok::<_, LqError>(match charge.choice().filter(|_| charge.is_moved_by_bids()) {
            Some(choice) => {
                audit::audit_plan_from_reports(market, choice, charge.baseline, options, progress)
            }
            None => audit::audit_plan(market, charge.plan_rule(), options, progress),
        })
    })
    .map(Some)
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
