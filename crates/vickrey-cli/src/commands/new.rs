//! `vickrey new`: a commented scenario to start from.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::builder::PossibleValuesParser;
use clap::{Args, ValueHint};
use serde_json::json;
use vickrey_scenario::output::{Existing, write_file};

use crate::args::Common;
use crate::failure::Failure;

/// Print a commented scenario to start from
///
/// The scenario runs as it is. It goes to standard output, or to a new file; an existing file is never overwritten.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  vickrey new market > market.toml
  vickrey new market --out market.toml")]
pub struct New {
    /// The mechanism
    #[arg(value_parser = PossibleValuesParser::new(vickrey_scenario::MECHANISMS))]
    mechanism: String,
    /// The new file; `-` is standard output
    #[arg(long, value_name = "FILE", default_value = "-", value_hint = ValueHint::FilePath)]
    out: PathBuf,
}

/// Runs the command.
pub fn run(args: &New, common: &Common, out: &mut dyn Write) -> Result<(), Failure> {
    let text = vickrey_scenario::template(&args.mechanism)?;
    write_or_print(&args.out, text, common, out)
}

/// Puts a scenario where the user wants it: a new file, or standard output for `-`.
pub fn write_or_print(
    target: &Path,
    text: &str,
    common: &Common,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    if target.as_os_str() == "-" {
        out.write_all(text.as_bytes())?;
        return Ok(());
    }
    write_file(target, text.as_bytes(), Existing::Refuse).map_err(|error| Failure::place(&error))?;
    say_written(target, common, out)
}

/// Says where a new scenario is.
pub fn say_written(target: &Path, common: &Common, out: &mut dyn Write) -> Result<(), Failure> {
    let path = target.display();
    if common.json {
        writeln!(out, "{}", json!({ "file": path.to_string() }))?;
    } else {
        writeln!(out, "written to {path}; next: vickrey run {path}")?;
    }
    Ok(())
}
