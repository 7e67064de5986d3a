//! A scenario that was run, whatever its mechanism: how it is shown, and how it reaches the disk.

pub mod consensus;
pub mod dual;
pub mod linear_quadratic;
pub mod market;
pub mod pivot;
pub mod two_stage;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use vickrey_scenario::System;
use vickrey_scenario::output::{ConsensusResult, Document, Format, NoFactor, Pictured, Table};

use crate::args::Common;
use crate::auditing::{self, Effort};
use crate::commands::run::OutFolder;
use crate::failure::Failure;
use crate::{loading, progress, report};

/// What every mechanism's result can do.
pub trait Outcome: Pictured {
    /// The mechanism's part of the document.
    type Part: Clone + Serialize;

    /// How large it is, for whether to show progress.
    fn size(&self) -> usize;

    /// The tables that stand beside the document.
    fn tables(&self) -> Vec<Box<dyn Table + '_>>;

    /// Why nothing can be charged.
    fn missing(&self) -> Option<&NoFactor>;

    /// What was run, in a few lines.
    fn head(&self, out: &mut dyn Write, document: &Document<Self::Part>) -> io::Result<()>;

    /// What came out, for people.
    fn numbers(&self, out: &mut dyn Write, document: &Document<Self::Part>) -> io::Result<()>;

    /// What else there is to say if there was an audit.
    fn after_audit(&self, _: &mut dyn Write, _: &Document<Self::Part>) -> io::Result<()> {
        Ok(())
    }
}

/// How much of a result is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    /// All of it.
    Everything,
    /// What the audit found.
    Audit,
}

/// Runs a scenario, audits it if an effort is given, shows and writes what came out.
pub fn run(
    path: &Path,
    effort: Option<Effort>,
    show: Show,
    to: &OutFolder,
    common: &Common,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let scenario = loading::scenario(path, common)?;
    let to = Target { show, folder: to.checked()?, out: to };
    match &scenario.system {
        System::Market(market) => {
            let result = market::solve(&scenario, market, common)?;
            let audit = effort.map(|effort| market::audit(&result, effort, common)).transpose()?;
            to.finish(&result, &result.document(scenario.seed, audit), common, out)
        }
        System::LinearQuadratic(lq) => {
            let result = linear_quadratic::solve(&scenario, lq, common)?;
            let audit = effort.map(|effort| linear_quadratic::audit(&result, effort, common)).transpose()?;
            to.finish(&result, &result.document(audit.flatten()), common, out)
        }
        System::Pivot(instance) => {
            let result = pivot::solve(&scenario, instance, common)?;
            let audit = effort.map(|effort| pivot::audit(&result, effort, common)).transpose()?;
            to.finish(&result, &result.document(audit), common, out)
        }
        System::TwoStage(of) => {
            let result = two_stage::solve(&scenario, &**of, common)?;
            let audit = effort.map(|effort| two_stage::audit(&result, effort, common)).transpose()?;
            to.finish(&result, &result.document(audit), common, out)
        }
        System::DemandResponse(of) => {
            let result = two_stage::solve(&scenario, &**of, common)?;
            let audit = effort.map(|effort| two_stage::audit(&result, effort, common)).transpose()?;
            to.finish(&result, &result.document(audit), common, out)
        }
        System::Dual(of) => {
            let result = dual::solve(&scenario, of, common)?;
            let audit = effort.map(|effort| dual::audit(&result, effort, common)).transpose()?;
            to.finish(&result, &result.document(audit), common, out)
        }
        System::Consensus(of) => {
            let result = ConsensusResult::solve(&scenario, of);
            let audit = effort.map(|effort| consensus::audit(&result, effort, common)).transpose()?;
            to.finish(&result, &result.document(audit), common, out)
        }
        _ => Err(loading::unknown()),
    }
}

/// Where a result goes.
struct Target<'a> {
    show: Show,
    folder: Option<&'a Path>,
    out: &'a OutFolder,
}

impl Target<'_> {
    fn finish<O: Outcome>(
        &self,
        result: &O,
        document: &Document<O::Part>,
        common: &Common,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let written = self.folder.map(|path| self.write(result, document, path, common)).transpose()?;
        if common.json {
            out.write_all(document.to_json()?.as_bytes())?;
        } else {
            self.print(result, document, out)?;
            if let Some(path) = written {
                writeln!(out, "\nwritten to {}", path.display())?;
            }
        }
        auditing::verdict(result.missing(), document)
    }

    fn print<O: Outcome>(
        &self,
        result: &O,
        document: &Document<O::Part>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        result.head(out, document)?;
        if self.show == Show::Everything {
            result.numbers(out, document)?;
        }
        report::audit(out, document)?;
        result.after_audit(out, document)?;
        report::remarks(out, document)
    }

    /// Writes document, tables and pictures, and answers where they are.
    fn write<O: Outcome>(
        &self,
        result: &O,
        document: &Document<O::Part>,
        path: &Path,
        common: &Common,
    ) -> Result<PathBuf, Failure> {
        let spinner = progress::spinner(common, result.size(), "drawing and writing");
        let (pictures, _) = result
            .picture_files(result.kinds(), &Format::ALL)
            .map_err(|error| Failure::run(format!("cannot draw: {error}")))?;
        let tables = result.tables();
        let tables: Vec<&dyn Table> = tables.iter().map(|table| &**table as &dyn Table).collect();
        let written = document.write(&tables, &pictures, path, self.out.existing());
        spinner.finish_and_clear();
        Ok(written?)
    }
}
