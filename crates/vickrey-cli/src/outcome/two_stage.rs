//! A market that repeats every day: what can be expected, and one season.

use std::io::{self, Write};

use vickrey::two_stage::audit::{self, Audited, Subject};
use vickrey_scenario::Scenario;
use vickrey_scenario::output::two_stage::PartOf;
use vickrey_scenario::output::{AuditReport, Document, NoFactor, Repeated, SeasonError, SeasonResult, Table};

use super::Outcome;
use crate::args::Common;
use crate::auditing::{self, Effort};
use crate::failure::Failure;
use crate::progress;
use crate::report_two_stage::{self, Told};

/// Days times players beyond which progress is shown.
const LONG: u64 = 200_000;

/// Solves a scenario and plays a season.
pub fn solve<'a, R: Repeated>(
    scenario: &'a Scenario,
    of: &'a R,
    common: &Common,
) -> Result<SeasonResult<'a, R>, Failure> {
    let spec = of.season();
    let work = spec.days.saturating_mul(spec.players.len() as u64);
    let bar = if work > LONG { progress::bar(common, "playing the season") } else { progress::none() };
    let result = SeasonResult::solve(scenario, of, &|share| progress::at(&bar, share));
    bar.finish_and_clear();
    Ok(result?)
}

/// Searches for violated promises: of the reported laws, against the true ones.
pub fn audit<R: Repeated>(
    result: &SeasonResult<'_, R>,
    effort: Effort,
    common: &Common,
) -> Result<AuditReport, Failure>
where
    R::Market: Audited,
{
    let (of, spec) = (result.of, result.of.season());
    let subject = Subject {
        market: of.market(),
        reports: &spec.reports,
        truth: &spec.truth,
        terms: spec.terms,
        calendar: of.calendar(),
        days: spec.days,
        groups: &[],
        names: &spec.players,
    };
    auditing::search(effort, result.scenario.seed, common, |options, progress| {
        audit::audit(&subject, options, progress)
            .map_err(|error| SeasonError { message: error.to_string(), input: true })
    })
}

impl<R: Repeated> Outcome for SeasonResult<'_, R>
where
    R::Condition: Told,
{
    type Part = PartOf<R>;

    fn size(&self) -> usize {
        self.course.days.len().saturating_mul(self.players())
    }

    fn tables(&self) -> Vec<Box<dyn Table + '_>> {
        self.tables()
    }

    fn missing(&self) -> Option<&NoFactor> {
        None
    }

    fn head(&self, out: &mut dyn Write, document: &Document<PartOf<R>>) -> io::Result<()> {
        report_two_stage::head(out, document)
    }

    fn numbers(&self, out: &mut dyn Write, document: &Document<PartOf<R>>) -> io::Result<()> {
        let rows: Vec<_> = (0..self.players()).map(|i| self.player_row(i)).collect();
        report_two_stage::numbers(out, &rows, document)?;
        report_two_stage::days(out, self, &document.head.units.money)
    }
}
