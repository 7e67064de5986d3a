//! `vickrey audit`: search for violated promises.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::run::OutFolder;
use crate::args::Common;
use crate::auditing::Effort;
use crate::failure::Failure;
use crate::outcome::{self, Show};

/// Search for violated promises
///
/// Checks every promise of the mechanism on this scenario: whether the trade is efficient, whether any agent gains by
/// any lie that a search finds, whether anybody is worse off than without taking part, whether the budget is
/// balanced. Prints what was tried and the worst case found. What nobody promises (gains of colluders, of agents that
/// split in two, of players who know an outcome early) is shown as well, and does not fail the audit. Of a pivot mechanism
/// the three modes are compared: who is worse off, and who pays.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  vickrey audit examples/ieee30.toml
  vickrey audit examples/ieee30.toml --effort deep --seed 7 --out results/audit
  vickrey audit examples/storage.toml

Exit code 1: a promised guarantee was found violated.")]
pub struct Audit {
    /// The scenario file
    #[arg(value_hint = ValueHint::FilePath)]
    scenario: PathBuf,
    /// How hard to search
    #[arg(long, value_enum, default_value_t = Effort::Normal)]
    effort: Effort,
    #[command(flatten)]
    out: OutFolder,
}

/// Runs the command.
pub fn run(args: &Audit, common: &Common, out: &mut dyn Write) -> Result<(), Failure> {
    outcome::run(&args.scenario, Some(args.effort), Show::Audit, &args.out, common, out)
}
