//! `vickrey plot`: the pictures of a scenario's result.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};
use serde_json::json;
use vickrey_scenario::output::{ConsensusResult, Existing, Folder, Format, Kind, Pictured, WriteError};
use vickrey_scenario::{Problem, System};

use crate::args::Common;
use crate::failure::Failure;
use crate::{loading, outcome};

/// Draw a scenario's result as SVG and PNG
///
/// Clears the scenario and draws what its mechanism has to show: of a market supply and demand with the clearing point;
/// of a market over several periods prices, trades and the budget over time; of both payments beside Lagrange payments,
/// and budget and net utilities against the factor c with the feasible interval shaded; of a pivot mechanism one run, what
/// a player has by her report, and payments and participation in all three modes; of a market that repeats every day one
/// season, average utilities, and test statistics against the window; of dual decomposition rounds, allocations, and payments beside
/// those at the clearing price.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  vickrey plot examples/ieee30.toml --out pictures
  vickrey plot examples/ieee30.toml --out pictures --kind scaling --format svg
  vickrey plot examples/hidden-states.toml --out pictures --kind prices --seed 7
  vickrey plot examples/storage.toml --out pictures --kind modes")]
pub struct Plot {
    /// The scenario file
    #[arg(value_hint = ValueHint::FilePath)]
    scenario: PathBuf,
    /// The new folder for the pictures
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    out: PathBuf,
    /// Replace the folder if it holds an earlier result
    #[arg(long)]
    force: bool,
    /// Which picture
    #[arg(long, value_enum, default_value_t = Which::All)]
    kind: Which,
    /// Which file format
    #[arg(long, value_enum, default_value_t = Files::Both)]
    format: Files,
}

/// Which pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Which {
    /// Aggregate supply and demand with the clearing point (market)
    SupplyDemand,
    /// Prices as executed and as planned (linear-quadratic)
    Prices,
    /// Who trades, period by period (linear-quadratic)
    Trades,
    /// Payments beside Lagrange payments (all mechanisms)
    Payments,
    /// What the operator has so far (linear-quadratic, not in a plan)
    Budget,
    /// Budget and net utilities against c (all mechanisms)
    Scaling,
    /// One run: outcomes and decisions, payments, values (pivot)
    Run,
    /// What a player has by her report (pivot)
    Reports,
    /// Payments and participation in all three modes (pivot)
    Modes,
    /// One season: quantities, payments, who is flagged (two-stage, demand-response)
    Season,
    /// Average utilities over the days (two-stage, demand-response)
    Utilities,
    /// Test statistics against the window (two-stage, demand-response)
    Tests,
    /// Round by round: prices and certificate, or positions and distance (dual-decomposition, consensus)
    Rounds,
    /// What everybody is allotted (dual-decomposition)
    Allocations,
    /// Taxes as areas under the others' price (dual-decomposition)
    TaxAreas,
    /// All that the mechanism has
    All,
}

/// Which file formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Files {
    /// Scalable, for documents and the web
    Svg,
    /// Pixels
    Png,
    /// Both
    Both,
}

impl Which {
    /// One picture; none for all of them.
    fn kind(self) -> Option<Kind> {
        Some(match self {
            Self::SupplyDemand => Kind::SupplyDemand,
            Self::Prices => Kind::Prices,
            Self::Trades => Kind::Trades,
            Self::Payments => Kind::Payments,
            Self::Budget => Kind::Budget,
            Self::Scaling => Kind::Scaling,
            Self::Run => Kind::Run,
            Self::Reports => Kind::Reports,
            Self::Modes => Kind::Modes,
            Self::Season => Kind::Season,
            Self::Utilities => Kind::Utilities,
            Self::Tests => Kind::Tests,
            Self::Rounds => Kind::Rounds,
            Self::Allocations => Kind::Allocations,
            Self::TaxAreas => Kind::TaxAreas,
            Self::All => return None,
        })
    }

    /// The pictures of this result that are meant.
    fn of(self, result: &dyn Pictured) -> Result<Vec<Kind>, Failure> {
        let known = result.kinds();
        match self.kind() {
            None => Ok(known.to_vec()),
            Some(kind) if known.contains(&kind) => Ok(vec![kind]),
            Some(kind) => {
                let names: Vec<&str> = known.iter().map(|kind| kind.name()).collect();
                let message = format!("this scenario has no picture `{}`", kind.name());
                let help = format!("accepted: {}, or all", names.join(", "));
                Err(Failure::input(Problem::new(message).with_help(help)))
            }
        }
    }
}

impl Files {
    fn formats(self) -> &'static [Format] {
        match self {
            Self::Svg => &[Format::Svg],
            Self::Png => &[Format::Png],
            Self::Both => &Format::ALL,
        }
    }
}

/// Runs the command.
pub fn run(args: &Plot, common: &Common, out: &mut dyn Write) -> Result<(), Failure> {
    let scenario = loading::scenario(&args.scenario, common)?;
    let existing = if args.force { Existing::Replace } else { Existing::Refuse };
    Folder::check(&args.out, existing).map_err(|error| Failure::place(&error))?;
    match &scenario.system {
        System::Market(market) => {
            draw(args, &outcome::market::solve(&scenario, market, common)?, existing, common, out)
        }
        System::LinearQuadratic(lq) => {
            draw(args, &outcome::linear_quadratic::solve(&scenario, lq, common)?, existing, common, out)
        }
        System::Pivot(instance) => {
            draw(args, &outcome::pivot::solve(&scenario, instance, common)?, existing, common, out)
        }
        System::TwoStage(of) => {
            draw(args, &outcome::two_stage::solve(&scenario, &**of, common)?, existing, common, out)
        }
        System::DemandResponse(of) => {
            draw(args, &outcome::two_stage::solve(&scenario, &**of, common)?, existing, common, out)
        }
        System::Consensus(of) => draw(args, &ConsensusResult::solve(&scenario, of), existing, common, out),
        System::Dual(of) => draw(args, &outcome::dual::solve(&scenario, of, common)?, existing, common, out),
        _ => Err(loading::unknown()),
    }
}

fn draw(
    args: &Plot,
    result: &dyn Pictured,
    existing: Existing,
    common: &Common,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let (files, missing) = result
        .picture_files(&args.kind.of(result)?, args.format.formats())
        .map_err(|error| Failure::run(format!("cannot draw: {error}")))?;
    let missing: Vec<&str> = missing.into_iter().map(Kind::name).collect();
    if files.is_empty() {
        let kinds = missing.join(", ");
        return Err(Failure::run(format!(
            "nothing to draw ({kinds}): what it shows does not exist here, see `vickrey run`"
        )));
    }
    let write = || -> Result<PathBuf, WriteError> {
        let folder = Folder::create(&args.out, existing)?;
        for file in &files {
            folder.bytes(&file.name, &file.bytes)?;
        }
        folder.finish()
    };
    let path = write()?;
    let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    if common.json {
        let text = json!({ "folder": path.display().to_string(), "pictures": names, "not_drawn": missing });
        writeln!(out, "{text:#}")?;
        return Ok(());
    }
    for name in names {
        writeln!(out, "{}", path.join(name).display())?;
    }
    for kind in missing {
        writeln!(out, "{kind} is not drawn: what it shows does not exist here, see `vickrey run`")?;
    }
    Ok(())
}
