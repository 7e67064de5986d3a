//! `vickrey plot`: the pictures of a scenario's result.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};
use serde_json::json;
use vickrey_scenario::output::{Existing, Folder, Format, Kind, WriteError};

use super::run::solve;
use crate::args::Common;
use crate::failure::Failure;
use crate::loading;

/// Draw a scenario's result as SVG and PNG
///
/// Clears the scenario and draws supply and demand with the clearing point, payments against Lagrange payments, and
/// budget and net utilities against the factor c with the feasible interval shaded.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  vickrey plot examples/ieee30.toml --out pictures
  vickrey plot examples/ieee30.toml --out pictures --kind scaling --format svg")]
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
    /// Aggregate supply and demand with the clearing point
    SupplyDemand,
    /// Payments against Lagrange payments
    Payments,
    /// Budget and net utilities against c
    Scaling,
    /// All of them
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
    fn kinds(self) -> &'static [Kind] {
        match self {
            Self::SupplyDemand => &[Kind::SupplyDemand],
            Self::Payments => &[Kind::Payments],
            Self::Scaling => &[Kind::Scaling],
            Self::All => &Kind::ALL,
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
    let (result, _) = solve(&scenario, None, common)?;
    let (files, missing) = result
        .picture_files(args.kind.kinds(), args.format.formats())
        .map_err(|error| Failure::run(format!("cannot draw: {error}")))?;
    let missing: Vec<&str> = missing.into_iter().map(Kind::name).collect();
    if files.is_empty() {
        let kinds = missing.join(", ");
        return Err(Failure::run(format!(
            "nothing to draw ({kinds}): a payment does not exist, see `vickrey run`"
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
        writeln!(out, "{kind} is not drawn: a payment does not exist, see `vickrey run`")?;
    }
    Ok(())
}
