//! A market that was cleared.

use std::io::{self, Write};

use vickrey_scenario::output::{AuditReport, Document, MarketPart, MarketResult, NoFactor, Table};
use vickrey_scenario::{MarketScenario, Scenario};

use super::Outcome;
use crate::args::Common;
use crate::auditing::{self, Effort};
use crate::failure::Failure;
use crate::{progress, report};

/// Clears a market.
pub fn solve<'a>(
    scenario: &'a Scenario,
    market: &'a MarketScenario,
    common: &Common,
) -> Result<MarketResult<'a>, Failure> {
    let spinner = progress::spinner(common, market.market.len(), "clearing");
    let result = MarketResult::solve(scenario, market);
    spinner.finish_and_clear();
    Ok(result?)
}

/// Searches for violated promises.
pub fn audit(result: &MarketResult<'_>, effort: Effort, common: &Common) -> Result<AuditReport, Failure> {
    auditing::search(effort, result.scenario.seed, common, |options, progress| {
        vickrey::market::audit::audit(result.market, result.charge.asked, options, progress)
    })
}

impl Outcome for MarketResult<'_> {
    type Part = MarketPart;

    fn size(&self) -> usize {
        self.market.len()
    }

    fn tables(&self) -> Vec<Box<dyn Table + '_>> {
        vec![Box::new(self.table())]
    }

    fn missing(&self) -> Option<&NoFactor> {
        self.charge.missing.as_ref()
    }

    fn head(&self, out: &mut dyn Write, document: &Document<MarketPart>) -> io::Result<()> {
        report::head(out, document)
    }

    fn numbers(&self, out: &mut dyn Write, document: &Document<MarketPart>) -> io::Result<()> {
        report::numbers(out, self, document)
    }
}
