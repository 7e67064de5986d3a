//! Paper 002: it prints no numbers. What it claims is checked on instances, its misprints are shown, and the numbers of
//! worked instances stand beside those of independent calculations.

mod cases;
mod claims;
mod figures;
mod numbers;

use super::{File, Row, Verdict, draw};
use crate::failure::Failure;

const KEY: &str = "002";

/// Recomputes claims and numbers; draws figures 1 to 5 if asked.
pub fn recompute(with_figures: bool) -> Result<(Vec<Row>, Vec<File>), Failure> {
    let mut rows = claims::rows()?;
    rows.extend(claims::misprints()?);
    rows.extend(numbers::rows()?);
    let mut files = Vec::new();
    if with_figures {
        for (name, picture) in figures::all()? {
            draw(&mut files, name, &picture)?;
        }
    }
    Ok((rows, files))
}

fn failed(error: &dyn std::fmt::Display) -> Failure {
    Failure::run(format!("paper 002: {error}"))
}

/// A claim of the paper: a number that it says is 0 (how far an inequality fails, or two sides of an equation differ).
fn claim(what: &str, ours: f64, tolerance: f64, note: &str) -> Row {
    // No minus before a zero.
    Row::compared(KEY, what, (0.0, ours + 0.0), tolerance, Verdict::Broken, note)
}

/// Something the paper says that does not hold; `known` says why.
fn wrong(what: &str, printed: f64, ours: f64, known: &str) -> Row {
    Row::compared(KEY, what, (printed, ours), 1e-9, Verdict::PrintIsWrong, known)
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

/// A misprint that is no number.
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
