//! Paper 003: the numbers of its examples, what its propositions claim, where its print is wrong (Algorithm 2 above all),
//! and the numbers of worked instances beside those of independent calculations.

mod algorithm1;
mod cases;
mod claims;
mod consensus;
mod corrections;
mod figures;
mod methods;
mod motivation;

use super::{File, Row, Verdict, draw};
use crate::failure::Failure;

const KEY: &str = "003";

/// Half a unit of the tenth decimal, and rounding.
const TEN: f64 = 1e-10;
/// Half a unit of the twelfth decimal, and rounding.
const TWELVE: f64 = 1e-12;

/// Recomputes examples, claims and worked numbers; draws figure 2 and four more if asked.
pub fn recompute(with_figures: bool) -> Result<(Vec<Row>, Vec<File>), Failure> {
    let mut rows = motivation::rows()?;
    rows.extend(claims::rows()?);
    rows.extend(corrections::rows()?);
    rows.extend(consensus::rows()?);
    rows.extend(algorithm1::rows()?);
    let rounds = methods::table()?;
    rows.extend(methods::rows(&rounds));
    let mut files = Vec::new();
    if with_figures {
        for (name, picture) in figures::all(&rounds)? {
            draw(&mut files, name, &picture)?;
        }
    }
    Ok((rows, files))
}

fn failed(error: &dyn std::fmt::Display) -> Failure {
    Failure::run(format!("paper 003: {error}"))
}

/// A number that the paper prints.
fn printed(what: &str, printed: f64, ours: f64, tolerance: f64) -> Row {
    Row::compared(KEY, what, (printed, ours), tolerance, Verdict::Broken, "")
}

/// A claim of the paper: a number that it says is 0 (how far an inequality fails, or two sides of an equation differ).
fn claim(what: &str, ours: f64, tolerance: f64, note: &str) -> Row {
    // No minus before a zero.
    Row::compared(KEY, what, (0.0, ours + 0.0), tolerance, Verdict::Broken, note)
}

/// Something the paper says that does not hold: `print` is what follows from it, `known` what does hold and why. It is
/// broken if ours is not what an independent calculation found either.
fn wrong(what: &str, print: f64, (reference, ours): (f64, f64), tolerance: f64, known: &str) -> Row {
    let verdict = if (reference - ours).abs() <= tolerance { Verdict::PrintIsWrong } else { Verdict::Broken };
    Row {
        key: KEY,
        what: what.into(),
        printed: Some(print),
        ours: Some(ours),
        tolerance: Some(tolerance),
        verdict,
        note: known.into(),
    }
}

/// A number of a worked instance, beside the one of an independent calculation.
fn worked(what: &str, reference: f64, ours: f64, tolerance: f64) -> Row {
    noted(what, reference, ours, tolerance, "")
}

/// The same with a remark.
fn noted(what: &str, reference: f64, ours: f64, tolerance: f64, note: &str) -> Row {
    let near = (reference - ours).abs() <= tolerance;
    let known = format!("calculated independently: {reference}");
    Row {
        key: KEY,
        what: what.into(),
        printed: None,
        ours: Some(ours),
        tolerance: Some(tolerance),
        verdict: if near { Verdict::NotPrinted } else { Verdict::Broken },
        note: if note.is_empty() { known } else { format!("{known}; {note}") },
    }
}

/// Several numbers of one kind: `what` and the place, from 1.
fn listed(what: &str, reference: &[f64], ours: &[f64], tolerance: f64) -> Vec<Row> {
    let pairs = reference.iter().zip(ours).enumerate();
    let rows = pairs.map(|(i, (r, o))| worked(&format!("{what} {}", i + 1), *r, *o, tolerance));
    let missing = || worked(&format!("{what}: how many"), reference.len() as f64, ours.len() as f64, 0.0);
    if reference.len() == ours.len() { rows.collect() } else { vec![missing()] }
}

/// A number without a counterpart, to be inside a range.
fn found(what: &str, (low, high): (f64, f64), ours: f64, note: &str) -> Row {
    let inside = (low..=high).contains(&ours);
    Row {
        key: KEY,
        what: what.into(),
        printed: None,
        ours: Some(ours),
        tolerance: None,
        verdict: if inside { Verdict::NotPrinted } else { Verdict::Broken },
        note: note.into(),
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
