//! The command `vickrey`: clear markets, pay, audit, draw.

mod args;
mod auditing;
mod commands;
mod failure;
mod format;
mod lies;
mod loading;
mod outcome;
mod progress;
mod report;
mod report_consensus;
mod report_dual;
mod report_live;
mod report_lq;
mod report_pivot;
mod report_two_stage;
mod reproduce;
mod tables;

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use clap::Parser;

use crate::args::{Cli, Common};
use crate::failure::Failure;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return failure::usage(&error),
    };
    let common = cli.common.clone();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(&common),
    }
}

/// Runs the command with as many threads as asked for, and sees to it that everything printed arrives.
fn run(cli: Cli) -> Result<(), Failure> {
    start_threads(&cli.common)?;
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let result = commands::run(cli.command, &cli.common, &mut out);
    // What a failed command has printed (an audit's table) is wanted as well.
    let flushed = out.flush().map_err(Failure::from);
    result.and(flushed)
}

fn start_threads(common: &Common) -> Result<(), Failure> {
    let Some(threads) = common.threads else { return Ok(()) };
    rayon::ThreadPoolBuilder::new()
        .num_threads(usize::from(threads))
        .build_global()
        .map_err(|error| Failure::run(format!("cannot start {threads} threads: {error}")))
}
