//! Paper 000: Examples 1 to 3, and what its convergence theorems look like in numbers.

mod layered;
mod market;

use vickrey_scenario::plot::{Picture, PlotError};

use super::{File, Row, Verdict};
use crate::failure::Failure;

/// Recomputes the paper's numbers; draws figures (a) to (d) if asked.
pub fn recompute(with_figures: bool) -> Result<(Vec<Row>, Vec<File>), Failure> {
    let mut rows = market::rows()?;
    rows.extend(layered::rows()?);
    let mut files = Vec::new();
    if with_figures {
        for (name, picture) in market::figures()?.into_iter().chain(layered::figures()?) {
            draw(&mut files, name, &picture)?;
        }
    }
    Ok((rows, files))
}

fn draw(files: &mut Vec<File>, name: &str, picture: &Picture) -> Result<(), Failure> {
    let failed = |error: PlotError| Failure::run(format!("figure {name}: {error}"));
    files.push(File { name: format!("{name}.svg"), bytes: picture.svg().map_err(failed)?.into_bytes() });
    files.push(File { name: format!("{name}.png"), bytes: picture.png().map_err(failed)? });
    Ok(())
}

/// A printed number beside ours; `known` says why they differ, if they do.
fn row(what: &str, printed: f64, ours: f64, tolerance: f64, known: &str) -> Row {
    compare(what, printed, ours, tolerance, known, Verdict::PrintIsWrong)
}

/// A printed number that no reading gives; `tried` says what was tried.
fn unexplained(what: &str, printed: f64, ours: f64, tolerance: f64, tried: &str) -> Row {
    compare(what, printed, ours, tolerance, tried, Verdict::NotReproduced)
}

fn compare(what: &str, printed: f64, ours: f64, tolerance: f64, note: &str, otherwise: Verdict) -> Row {
    let verdict = match ((printed - ours).abs() <= tolerance, note.is_empty()) {
        (true, _) => Verdict::Reproduced,
        (false, false) => otherwise,
        (false, true) => Verdict::Broken,
    };
    let (printed, tolerance) = (Some(printed), Some(tolerance));
    Row { key: "000", what: what.into(), printed, ours: Some(ours), tolerance, verdict, note: note.into() }
}

/// A number that is not printed and belongs beside those that are.
fn ours(what: &str, ours: f64, note: &str) -> Row {
    Row {
        key: "000",
        what: what.into(),
        printed: None,
        ours: Some(ours),
        tolerance: None,
        verdict: Verdict::NotPrinted,
        note: note.into(),
    }
}
