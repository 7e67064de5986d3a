//! `vickrey import`: data of other programs into a scenario.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum, ValueHint};
use vickrey_scenario::Problem;
use vickrey_scenario::import::{
    CaseOptions, Date, Resolution, RtsOptions, load_case, market_from_case, rts_market, rts_shortages,
};
use vickrey_scenario::output::{Existing, Folder, WriteError};

use super::new::{say_written, write_or_print};
use crate::args::Common;
use crate::failure::Failure;

/// Turn data of other programs into a scenario
///
/// Reads what another program wrote and makes a scenario with the same agents, which `vickrey run` takes as it is.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  vickrey import matpower case30.m --out case30.toml
  vickrey import matpower case30.m --elasticity -0.3 --reference-price 40 > case30.toml
  vickrey import rts-gmlc RTS-GMLC --day 2020-07-15 --out july")]
pub struct Import {
    #[command(subcommand)]
    from: From,
}

/// The programs.
#[derive(Debug, Subcommand)]
enum From {
    /// A MATPOWER case, version 2: generators with limits and costs, loads with an elasticity
    Matpower(Matpower),
    /// A day of the RTS-GMLC system: units, storage, forecast errors of wind and load
    RtsGmlc(RtsGmlc),
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

/// A day of the RTS-GMLC system into a balancing market, or all its days into demand response
///
/// Units that the merit order has on for the day, reservoirs and storage answer to what wind and load turn out to be.
/// Variances come from all days of the files; the errors of the chosen day are replayed. The comments at the top of
/// the scenario say what was chosen and why.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  vickrey import rts-gmlc RTS-GMLC --day 2020-07-15 --out july
  vickrey import rts-gmlc RTS-GMLC --day 2020-07-15 --periods 288 --out july-5min
  vickrey import rts-gmlc RTS-GMLC --shortages --out worst-hours")]
struct RtsGmlc {
    /// The repository of RTS-GMLC, or a folder with its files
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    folder: PathBuf,
    /// The day, as in 2020-07-15
    #[arg(long, value_name = "DATE", required_unless_present = "shortages")]
    day: Option<Date>,
    /// Instead of a day: the worst hour of every day, for a demand-response scenario
    #[arg(long, conflicts_with_all = ["day", "periods"])]
    shortages: bool,
    /// Periods of the day: hours, or five minutes each
    #[arg(long, value_enum, default_value = "24")]
    periods: Periods,
    /// The new folder for the scenario and its tables
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    out: PathBuf,
}

/// Periods of a day.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Periods {
    /// Hours
    #[value(name = "24")]
    Hours,
    /// Five minutes each
    #[value(name = "288")]
    FiveMinutes,
}

/// Runs the command.
pub fn run(args: &Import, common: &Common, out: &mut dyn Write) -> Result<(), Failure> {
    match &args.from {
        From::Matpower(args) => matpower(args, common, out),
        From::RtsGmlc(args) => rts_gmlc(args, common, out),
    }
}

fn matpower(args: &Matpower, common: &Common, out: &mut dyn Write) -> Result<(), Failure> {
    let case = load_case(&args.file)?;
    let options = CaseOptions { elasticity: args.elasticity, reference_price: args.reference_price };
    let source = args.file.display().to_string();
    let text = market_from_case(&case, &options, &source)
        .map_err(|error| Failure::input(Problem::new(error.to_string()).in_file(&args.file)))?;
    write_or_print(&args.out, &text, common, out)
}

fn rts_gmlc(args: &RtsGmlc, common: &Common, out: &mut dyn Write) -> Result<(), Failure> {
    Folder::check(&args.out, Existing::Refuse).map_err(not_replaced)?;
    let resolution = match args.periods {
        Periods::Hours => Resolution::Hourly,
        Periods::FiveMinutes => Resolution::FiveMinutes,
    };
    let scenario = match args.day {
        Some(day) => rts_market(&args.folder, &RtsOptions { day, resolution })?.write(&args.out),
        None => rts_shortages(&args.folder)?.write(&args.out),
    }
    .map_err(not_replaced)?;
    say_written(&scenario, common, out)
}

/// An imported folder is never replaced, so the advice to force it would lead nowhere.
fn not_replaced(error: WriteError) -> Failure {
    match error {
        WriteError::Exists { path } => Failure::place(&WriteError::FileExists { path }),
        error => error.into(),
    }
}
