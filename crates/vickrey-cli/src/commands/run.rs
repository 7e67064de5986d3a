//! `vickrey run`: clear a scenario, everybody truthful.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use vickrey_scenario::Scenario;
use vickrey_scenario::output::{Document, Existing, Folder, Format, Kind, MarketResult};

use crate::args::Common;
use crate::auditing::{self, Effort};
use crate::failure::Failure;
use crate::{loading, progress, report};

/// Clear a scenario, everybody truthful
///
/// Finds the efficient trade and its price, computes what every agent pays under the scenario's payment rule, and
/// says which factors c would balance the budget and keep every agent.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  vickrey run examples/ieee30.toml
  vickrey run examples/ieee30.toml --audit --out results/ieee30
  vickrey run examples/ieee30.toml --json | jq .summary.price")]
pub struct Run {
    /// The scenario file
    #[arg(value_hint = ValueHint::FilePath)]
    scenario: PathBuf,
    /// Search for violated promises as well, quickly (see `vickrey audit`); exit code 1 if there is one
    #[arg(long)]
    audit: bool,
    #[command(flatten)]
    out: OutFolder,
}

/// Where results go.
#[derive(Args, Debug)]
pub struct OutFolder {
    /// Write the result, its tables and pictures into this new folder
    #[arg(long = "out", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub path: Option<PathBuf>,
    /// Replace the folder if it holds an earlier result
    #[arg(long, requires = "path")]
    pub force: bool,
}

impl OutFolder {
    /// The folder, if one is wanted, checked before any work is done.
    pub fn checked(&self) -> Result<Option<&Path>, Failure> {
        let Some(path) = self.path.as_deref() else { return Ok(None) };
        Folder::check(path, self.existing()).map_err(|error| Failure::place(&error))?;
        Ok(Some(path))
    }

    /// What happens to a folder that is there already.
    pub fn existing(&self) -> Existing {
        if self.force { Existing::Replace } else { Existing::Refuse }
    }
}

/// Runs the command.
pub fn run(args: &Run, common: &Common, out: &mut dyn Write) -> Result<(), Failure> {
    let scenario = loading::scenario(&args.scenario, common)?;
    let folder = args.out.checked()?;
    let effort = args.audit.then_some(Effort::Quick);
    let (result, document) = solve(&scenario, effort, common)?;
    let written = match folder {
        Some(path) => Some(write(&result, &document, path, args.out.existing(), common)?),
        None => None,
    };
    if common.json {
        out.write_all(document.to_json()?.as_bytes())?;
    } else {
        report::result(out, &result, &document)?;
        if let Some(path) = written {
            writeln!(out, "\nwritten to {}", path.display())?;
        }
    }
    auditing::verdict(&result, &document)
}

/// Clears, and audits if an effort is given.
pub fn solve<'a>(
    scenario: &'a Scenario,
    effort: Option<Effort>,
    common: &Common,
) -> Result<(MarketResult<'a>, Document), Failure> {
    let market = loading::market(scenario)?;
    let spinner = progress::spinner(common, market.market.len(), "clearing");
    let result = MarketResult::solve(scenario, market);
    spinner.finish_and_clear();
    let result = result?;
    let audit = effort.map(|effort| auditing::audit(&result, effort, scenario.seed, common)).transpose()?;
    let document = result.document(scenario.seed, audit);
    Ok((result, document))
}

/// Writes document, table and pictures, and answers where they are.
pub fn write(
    result: &MarketResult<'_>,
    document: &Document,
    path: &Path,
    existing: Existing,
    common: &Common,
) -> Result<PathBuf, Failure> {
    let spinner = progress::spinner(common, result.market.len(), "drawing and writing");
    let (pictures, _) = result
        .picture_files(&Kind::ALL, &Format::ALL)
        .map_err(|error| Failure::run(format!("cannot draw: {error}")))?;
    let written = document.write(&result.table(), &pictures, path, existing);
    spinner.finish_and_clear();
    Ok(written?)
}
