//! Paper 000: Examples 1 to 3, and what its convergence theorems look like in numbers.

mod layered;
mod market;

use super::rows::failed;
use super::{Figure, Row, Verdict};
use crate::failure::Failure;

/// Recomputes the paper's numbers; draws figures (a) to (d) if asked.
pub fn recompute(with_figures: bool) -> Result<(Vec<Row>, Vec<Figure>), Failure> {
    let mut rows = market::rows()?;
    rows.extend(layered::rows()?);
    let figures = if with_figures { [market::figures()?, layered::figures()?].concat() } else { Vec::new() };
    Ok((rows, figures))
}

/// A printed number beside ours; `known` says why they differ, if they do.
fn row(what: &str, printed: f64, ours: f64, tolerance: f64, known: &str) -> Row {
    Row::compared(what, (printed, ours), tolerance, Verdict::PrintIsWrong, known)
}

/// A printed number that no reading gives; `tried` says what was tried.
fn unexplained(what: &str, printed: f64, ours: f64, tolerance: f64, tried: &str) -> Row {
    Row::compared(what, (printed, ours), tolerance, Verdict::NotReproduced, tried)
}

/// A number that is not printed and belongs beside those that are.
fn ours(what: &str, ours: f64, note: &str) -> Row {
    Row::not_printed(what, ours, None, true, note)
}
