//! Paper 001: it prints figures without numbers to read off. Its figures are drawn with the readings that were adopted
//! written on them, their numbers and those of worked instances stand beside independent calculations, and what the print
//! says wrongly or leaves open is listed.

mod cases;
mod continuous;
mod curves;
mod figures;
mod misprints;
mod numbers;
mod seasons;

use super::rows::{failed, misprint, worked, wrong};
use super::{Figure, Row};
use crate::failure::Failure;

/// Recomputes numbers; draws figures 2 to 4 and two more if asked.
pub fn recompute(with_figures: bool) -> Result<(Vec<Row>, Vec<Figure>), Failure> {
    let mut rows = misprints::rows()?;
    rows.extend(numbers::rows()?);
    rows.extend(curves::rows()?);
    rows.extend(continuous::rows());
    rows.extend(seasons::rows()?);
    let figures = if with_figures { figures::all()? } else { Vec::new() };
    Ok((rows, figures))
}

/// A number that depends on random draws, beside the range in which independent simulations saw it.
fn simulated(what: &str, (low, high): (f64, f64), ours: f64, note: &str) -> Row {
    let inside = (low..=high).contains(&ours);
    let note = format!("expected from {low} to {high}: {note}");
    Row::not_printed(what, ours, Some((high - low) / 2.0), inside, note)
}
