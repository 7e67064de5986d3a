//! A market that repeats every day: what can be expected, and one season.

use std::io::{self, Write};

use vickrey_scenario::Scenario;
use vickrey_scenario::output::two_stage::PartOf;
use vickrey_scenario::output::{Document, NoFactor, Repeated, SeasonResult, Table};

use super::Outcome;
use crate::args::Common;
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
