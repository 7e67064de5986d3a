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

use super::rows::{claim, failed, misprint, noted, worked};
use super::{Figure, Row, Verdict};
use crate::failure::Failure;

/// Half a unit of the tenth decimal, and rounding.
const TEN: f64 = 1e-10;
/// Half a unit of the twelfth decimal, and rounding.
const TWELVE: f64 = 1e-12;

/// Recomputes examples, claims and worked numbers; draws figure 2 and five of our own (3, 4, 4b, 5, 6) if asked.
pub fn recompute(with_figures: bool) -> Result<(Vec<Row>, Vec<Figure>), Failure> {
    let mut rows = motivation::rows()?;
    rows.extend(claims::rows()?);
    rows.extend(corrections::rows()?);
    rows.extend(consensus::rows()?);
    rows.extend(algorithm1::rows()?);
    let rounds = methods::table()?;
    rows.extend(methods::rows(&rounds));
    let figures = if with_figures { figures::all(&rounds)? } else { Vec::new() };
    Ok((rows, figures))
}

/// A number that the paper prints.
fn printed(what: &str, printed: f64, ours: f64, tolerance: f64) -> Row {
    Row::compared(what, (printed, ours), tolerance, Verdict::Broken, "")
}

/// Something the paper says that does not hold: `print` is what follows from it, `known` what does hold and why. It is
/// broken if ours is not what an independent calculation found either.
fn wrong(what: &str, print: f64, (reference, ours): (f64, f64), tolerance: f64, known: &str) -> Row {
    let verdict = if (reference - ours).abs() <= tolerance { Verdict::PrintIsWrong } else { Verdict::Broken };
    Row::beside(what, print, ours, tolerance, verdict, known)
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
    Row::not_printed(what, ours, None, (low..=high).contains(&ours), note)
}
