//! `vickrey completions`: completion scripts.

use std::io::Write;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::args::Cli;
use crate::failure::Failure;

/// Print a completion script for a shell
///
/// The script goes to standard output; put it where your shell looks for completions.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  vickrey completions bash > ~/.local/share/bash-completion/completions/vickrey
  vickrey completions fish > ~/.config/fish/completions/vickrey.fish")]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Runs the command.
pub fn run(args: &Completions, out: &mut dyn Write) -> Result<(), Failure> {
    // Into memory first: the generator panics when a pipe closes.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "vickrey", &mut script);
    out.write_all(&script)?;
    Ok(())
}
