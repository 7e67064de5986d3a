//! `vickrey run`: clear a scenario, everybody truthful.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use vickrey_scenario::output::{Existing, Folder};

use crate::args::Common;
use crate::auditing::Effort;
use crate::failure::Failure;
use crate::outcome::{self, Show};

/// Clear a scenario, everybody truthful
///
/// Finds the efficient trade and its price, computes what every agent pays under the scenario's payment rule, and
/// says which factors c would balance the budget and keep every agent. A market over several periods is played through
/// once, on the recorded path of disturbances or on one drawn from the seed, beside what everybody can expect. Of a pivot
/// mechanism it says what is decided and paid, what every player can expect with and without it, what is promised in the
/// scenario's mode, and shows one run. Of a market that repeats every day it says what a day is expected to bring whom, how
/// long lies stay unseen, and plays one season as the scenario says that players bid. Of dual decomposition and of
/// consensus it plays one run with everybody faithful: what is decided and paid, what the rounds were like, and epsilon, what
/// nobody can gain more than.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  vickrey run examples/ieee30.toml
  vickrey run examples/ieee30.toml --audit --out results/ieee30
  vickrey run examples/ieee30.toml --json | jq .summary.price
  vickrey run examples/hidden-states.toml --seed 7
  vickrey run examples/storage.toml
  vickrey run examples/power-and-reserve.toml
  vickrey run season.toml --out results/season")]
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
    let effort = args.audit.then_some(Effort::Quick);
    outcome::run(&args.scenario, effort, Show::Everything, &args.out, common, out)
}
