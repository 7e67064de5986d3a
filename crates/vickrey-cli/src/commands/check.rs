//! `vickrey check`: read a scenario and report what it holds.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueHint};
use serde_json::{Map, Value, json};
use vickrey::market::clear;

use crate::args::Common;
use crate::failure::Failure;
use crate::format::{amount, count, counted};
use crate::{loading, tables};

/// Read a scenario, report what it holds or what is wrong with it
///
/// Reads the file and every table it names, checks every number, and clears the market once to be sure that it can be
/// cleared. All problems found are shown with their places.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  vickrey check market.toml
  vickrey check market.toml --json

Exit code 2: the scenario cannot be used.")]
pub struct Check {
    /// The scenario file
    #[arg(value_hint = ValueHint::FilePath)]
    scenario: PathBuf,
}

/// Runs the command.
pub fn run(args: &Check, common: &Common, out: &mut dyn Write) -> Result<(), Failure> {
    let scenario = loading::scenario(&args.scenario, common)?;
    let market = loading::market(&scenario)?;
    let clearing = clear(&market.market)?;
    let agents = market.market.len();
    if common.json {
        let families: Map<String, Value> =
            market.families.iter().map(|(name, n)| ((*name).to_owned(), json!(n))).collect();
        let text = json!({
            "ok": true,
            "scenario": { "path": scenario.path.display().to_string(), "hash": scenario.hash },
            "mechanism": "market",
            "title": scenario.title,
            "seed": scenario.seed,
            "agents": agents,
            "families": families,
            "total": market.market.total(),
            "baseline": market.baseline.words(),
            "price": clearing.price,
            "warnings": scenario.warnings,
        });
        writeln!(out, "{text:#}")?;
        return Ok(());
    }
    let families: Vec<String> =
        market.families.iter().map(|(name, n)| format!("{} {name}", count(*n))).collect();
    let units = &scenario.units;
    tables::pairs(
        out,
        &[
            ("scenario", scenario.path.display().to_string()),
            ("title", scenario.title.clone().unwrap_or_else(|| "none".into())),
            ("mechanism", "market".into()),
            ("agents", format!("{}: {}", counted(agents, "agent"), families.join(", "))),
            ("total", amount(market.market.total(), &units.quantity)),
            ("payment", crate::report::rule(&market.payment, market.baseline)),
            ("price", amount(clearing.price, &units.price)),
            ("seed", scenario.seed.to_string()),
            ("hash", scenario.hash.clone()),
        ],
    )?;
    for warning in &scenario.warnings {
        writeln!(out, "warning: {warning}")?;
    }
    writeln!(out, "the scenario can be used")?;
    Ok(())
}
