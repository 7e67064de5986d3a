//! Consensus: one run with everybody faithful.

use std::convert::Infallible;
use std::io::{self, Write};

use vickrey_scenario::output::{AuditReport, ConsensusPart, ConsensusResult, Document, NoFactor, Table};

use super::Outcome;
use crate::args::Common;
use crate::auditing::{self, Effort};
use crate::failure::Failure;
use crate::report_consensus;

/// Searches for violated promises.
pub fn audit(result: &ConsensusResult<'_>, effort: Effort, common: &Common) -> Result<AuditReport, Failure> {
    auditing::search(effort, result.scenario.seed, common, |options, progress| {
        let (rules, wishes) = (&result.of.rules, &result.of.wishes);
        let audited = vickrey::faithful::consensus::audit::audit(rules, wishes, options, progress);
        Ok::<_, Infallible>(audited.audit)
    })
}

impl Outcome for ConsensusResult<'_> {
    type Part = ConsensusPart;

    fn size(&self) -> usize {
        self.followers()
    }

    fn tables(&self) -> Vec<Box<dyn Table + '_>> {
        self.tables()
    }

    fn missing(&self) -> Option<&NoFactor> {
        None
    }

    fn head(&self, out: &mut dyn Write, document: &Document<ConsensusPart>) -> io::Result<()> {
        report_consensus::head(out, document)
    }

    fn numbers(&self, out: &mut dyn Write, document: &Document<ConsensusPart>) -> io::Result<()> {
        report_consensus::numbers(out, self, document)
    }
}
