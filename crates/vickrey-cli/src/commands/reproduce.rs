//! `vickrey reproduce`: the numbers and figures that papers print.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::builder::PossibleValuesParser;
use clap::{Args, ValueHint};
use vickrey_scenario::output::number::short;
use vickrey_scenario::output::{Existing, Folder};

use crate::args::Common;
use crate::failure::Failure;
use crate::format::NONE;
use crate::progress;
use crate::reproduce::{self, File, Row, Verdict};
use crate::tables::{self, Column};

/// Recompute the numbers and figures that papers print
///
/// Prints one row per printed number: what it is, the printed value, ours, whether they agree within the print's last
/// digit, and what is known where they do not. With --out the figures are drawn as well.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  vickrey reproduce 000
  vickrey reproduce all --json
  vickrey reproduce 001 --out figures

Exit code 1: a number that was reproduced before is not any more.")]
pub struct Reproduce {
    /// The paper
    #[arg(value_parser = PossibleValuesParser::new(reproduce::KEYS.iter().copied().chain(["all"])))]
    key: String,
    /// Draw the figures into this new folder
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    out: Option<PathBuf>,
    /// Replace the folder if it holds an earlier result
    #[arg(long, requires = "out")]
    force: bool,
}

/// Runs the command.
pub fn run(args: &Reproduce, common: &Common, out: &mut dyn Write) -> Result<(), Failure> {
    let existing = if args.force { Existing::Replace } else { Existing::Refuse };
    if let Some(path) = &args.out {
        Folder::check(path, existing).map_err(|error| Failure::place(&error))?;
    }
    let keys = reproduce::KEYS.iter().copied().filter(|key| args.key == "all" || args.key == *key);
    let spinner = progress::spinner(common, usize::MAX, "recomputing");
    let (mut rows, mut files) = (Vec::new(), Vec::new());
    for key in keys {
        let (found, drawn) = reproduce::recompute(key, args.out.is_some())?;
        rows.extend(found);
        files.extend(drawn);
    }
    spinner.finish_and_clear();
    if let Some(path) = &args.out {
        write(path, existing, &rows, &files)?;
    }
    if common.json {
        serde_json::to_writer_pretty(&mut *out, &rows)?;
        writeln!(out)?;
    } else {
        print(out, &rows)?;
    }
    if rows.iter().any(|row| row.verdict == Verdict::Broken) { Err(Failure::violated()) } else { Ok(()) }
}

fn write(path: &Path, existing: Existing, rows: &[Row], files: &[File]) -> Result<(), Failure> {
    let folder = Folder::create(path, existing)?;
    for file in files {
        folder.bytes(&file.name, &file.bytes)?;
    }
    folder.bytes("reproduce.json", serde_json::to_string_pretty(rows)?.as_bytes())?;
    folder.finish()?;
    Ok(())
}

fn print(out: &mut dyn Write, rows: &[Row]) -> Result<(), Failure> {
    let number = |x: Option<f64>| x.map_or_else(|| NONE.into(), short);
    let lines = rows.iter().map(|row| {
        vec![
            row.key.to_owned(),
            row.what.clone(),
            number(row.printed),
            number(row.ours),
            row.verdict.words().to_owned(),
            row.note.clone(),
        ]
    });
    let heads = [
        Column::Words("paper".into()),
        Column::Words("number".into()),
        Column::Numbers("printed".into()),
        Column::Numbers("ours".into()),
        Column::Words("verdict".into()),
        Column::Words("note".into()),
    ];
    tables::print(out, &heads, lines.collect())?;
    Ok(())
}
