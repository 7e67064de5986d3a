//! The commands, one file each.

pub mod audit;
pub mod check;
pub mod completions;
pub mod follow;
pub mod import;
pub mod keys;
pub mod lead;
pub mod new;
pub mod plot;
pub mod reproduce;
pub mod run;
pub mod schema;
pub mod simulate;
pub mod verify;

use std::io::Write;

use crate::args::{Command, Common};
use crate::failure::Failure;

/// Runs one command.
pub fn run(command: Command, common: &Common, out: &mut dyn Write) -> Result<(), Failure> {
    match command {
        Command::Run(args) => run::run(&args, common, out),
        Command::Audit(args) => audit::run(&args, common, out),
        Command::Simulate(args) => simulate::run(&args, common, out),
        Command::Check(args) => check::run(&args, common, out),
        Command::Plot(args) => plot::run(&args, common, out),
        Command::New(args) => new::run(&args, common, out),
        Command::Schema(args) => schema::run(&args, out),
        Command::Import(args) => import::run(&args, common, out),
        Command::Reproduce(args) => reproduce::run(&args, common, out),
        Command::Lead(args) => lead::run(&args, common, out),
        Command::Follow(args) => follow::run(&args, common, out),
        Command::Keys(args) => keys::run(&args, common, out),
        Command::Verify(args) => verify::run(&args, common, out),
        Command::Completions(args) => completions::run(&args, out),
    }
}
