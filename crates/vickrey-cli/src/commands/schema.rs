//! `vickrey schema`: the JSON Schema of scenario files.

use std::io::Write;

use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::failure::Failure;

/// Print the JSON Schema of scenario files
///
/// Editors use it to complete and check scenarios while they are written. With a mechanism, only that one's schema.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  vickrey schema > vickrey.schema.json
  vickrey schema market")]
pub struct Schema {
    /// The mechanism [default: all]
    #[arg(value_parser = PossibleValuesParser::new(vickrey_scenario::MECHANISMS))]
    mechanism: Option<String>,
}

/// Runs the command.
pub fn run(args: &Schema, out: &mut dyn Write) -> Result<(), Failure> {
    let schema = vickrey_scenario::schema(args.mechanism.as_deref())?;
    serde_json::to_writer_pretty(&mut *out, &schema)?;
    writeln!(out)?;
    Ok(())
}
