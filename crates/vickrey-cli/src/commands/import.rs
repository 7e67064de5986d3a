//! `vickrey import`: data of other programs into a scenario.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};
use vickrey_scenario::Problem;
use vickrey_scenario::import::{CaseOptions, load_case, market_from_case};

use super::new::write_or_print;
use crate::args::Common;
use crate::failure::Failure;

/// Turn data of other programs into a scenario
///
/// Reads what another program wrote and prints a scenario with the same agents, which `vickrey run` takes as it is.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  vickrey import matpower case30.m --out case30.toml
  vickrey import matpower case30.m --elasticity -0.3 --reference-price 40 > case30.toml")]
pub struct Import {
    #[command(subcommand)]
    from: From,
}

/// The programs.
#[derive(Debug, Subcommand)]
enum From {
    /// A MATPOWER case, version 2: generators with limits and costs, loads with an elasticity
    Matpower(Matpower),
}

/// A MATPOWER case into a market scenario
///
/// Generators become producers with their limits and costs. Loads become consumers that take their MW at the
/// reference price and answer to the price with the elasticity.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  vickrey import matpower case30.m --out case30.toml
  vickrey import matpower case30.m --elasticity -0.3 --reference-price 40 > case30.toml")]
struct Matpower {
    /// The case file (*.m)
    #[arg(value_hint = ValueHint::FilePath)]
    file: PathBuf,
    /// Percent change of a load's demand per percent of price, at the reference price
    #[arg(long, value_name = "E", allow_negative_numbers = true, default_value_t = CaseOptions::default().elasticity)]
    elasticity: f64,
    /// The price ($/MWh) at which loads take their MW of the file [default: the price that clears the market with inelastic loads]
    #[arg(long, value_name = "PRICE", allow_negative_numbers = true)]
    reference_price: Option<f64>,
    /// The new scenario file; `-` is standard output
    #[arg(long, value_name = "FILE", default_value = "-", value_hint = ValueHint::FilePath)]
    out: PathBuf,
}

/// Runs the command.
pub fn run(args: &Import, common: &Common, out: &mut dyn Write) -> Result<(), Failure> {
    let From::Matpower(args) = &args.from;
    let case = load_case(&args.file)?;
    let options = CaseOptions { elasticity: args.elasticity, reference_price: args.reference_price };
    let source = args.file.display().to_string();
    let text = market_from_case(&case, &options, &source)
        .map_err(|error| Failure::input(Problem::new(error.to_string()).in_file(&args.file)))?;
    write_or_print(&args.out, &text, common, out)
}
