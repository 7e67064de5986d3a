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

use super::{File, Row, Verdict, draw};
use crate::failure::Failure;

const KEY: &str = "001";

/// Recomputes numbers; draws figures 2 to 4 and two more if asked.
pub fn recompute(with_figures: bool) -> Result<(Vec<Row>, Vec<File>), Failure> {
    let mut rows = misprints::rows()?;
    rows.extend(numbers::rows()?);
    rows.extend(curves::rows()?);
    rows.extend(continuous::rows());
    rows.extend(seasons::rows()?);
    let mut files = Vec::new();
    if with_figures {
        for (name, picture) in figures::all()? {
            draw(&mut files, name, &picture)?;
        }
    }
    Ok((rows, files))
}

fn failed(error: &dyn std::fmt::Display) -> Failure {
    Failure::run(format!("paper 001: {error}"))
}

/// A number of a worked instance, beside the one of an independent calculation.
fn worked(what: &str, reference: f64, ours: f64, tolerance: f64) -> Row {
    let near = (reference - ours).abs() <= tolerance;
    Row {
        key: KEY,
        what: what.into(),
        printed: None,
        ours: Some(ours),
        tolerance: Some(tolerance),
        verdict: if near { Verdict::NotPrinted } else { Verdict::Broken },
        note: format!("calculated independently: {reference}"),
    }
}

/// A number that depends on random draws, beside the range in which independent simulations saw it.
fn simulated(what: &str, (low, high): (f64, f64), ours: f64, note: &str) -> Row {
    let inside = (low..=high).contains(&ours);
    Row {
        key: KEY,
        what: what.into(),
        printed: None,
        ours: Some(ours),
        tolerance: Some((high - low) / 2.0),
        verdict: if inside { Verdict::NotPrinted } else { Verdict::Broken },
        note: format!("expected from {low} to {high}: {note}"),
    }
}

/// Something the paper says that does not hold; `known` says why.
fn wrong(what: &str, printed: f64, ours: f64, known: &str) -> Row {
    Row::compared(KEY, what, (printed, ours), 1e-9, Verdict::PrintIsWrong, known)
}

/// A misprint or an omission that is no number.
fn misprint(what: &str, note: &str) -> Row {
    Row {
        key: KEY,
        what: what.into(),
        printed: None,
        ours: None,
        tolerance: None,
        verdict: Verdict::PrintIsWrong,
        note: note.into(),
    }
}
