//! Paper 000: Examples 1 to 3, and what its convergence theorems look like in numbers.

mod layered;
mod market;

use super::{File, Row, Verdict, draw};
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

/// A printed number beside ours; `known` says why they differ, if they do.
fn row(what: &str, printed: f64, ours: f64, tolerance: f64, known: &str) -> Row {
    Row::compared("000", what, (printed, ours), tolerance, Verdict::PrintIsWrong, known)
}

/// A printed number that no reading gives; `tried` says what was tried.
fn unexplained(what: &str, printed: f64, ours: f64, tolerance: f64, tried: &str) -> Row {
    Row::compared("000", what, (printed, ours), tolerance, Verdict::NotReproduced, tried)
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
