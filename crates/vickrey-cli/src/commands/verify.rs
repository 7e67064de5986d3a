//! `vickrey verify`: check the record of a live run.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueHint};
use vickrey_net::desk::replay;

use crate::args::Common;
use crate::failure::Failure;
use crate::report_live;

/// Check the record of a live run, and show what came out
///
/// Plays the record again: every signature, every sum, and the decision and taxes that follow from the signed messages by
/// the rules. Needs no secret key.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  vickrey verify run.record
  vickrey verify run.record --json

Exit code 2: the record was changed, or does not lead to what it says.")]
pub struct Verify {
    /// The record
    #[arg(value_hint = ValueHint::FilePath)]
    record: PathBuf,
}

/// Runs the command.
pub fn run(args: &Verify, common: &Common, out: &mut dyn Write) -> Result<(), Failure> {
    report_live::course(out, &replay(&args.record)?, "", common)
}
