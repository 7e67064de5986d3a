//! Paper 002: it prints no numbers. What it claims is checked on instances, its misprints are shown, and the numbers of
//! worked instances stand beside those of independent calculations.

mod cases;
mod claims;
mod figures;
mod numbers;

use super::rows::{claim, failed, misprint, worked, wrong};
use super::{Figure, Row};
use crate::failure::Failure;

/// Recomputes claims and numbers; draws figures 1 to 5 if asked.
pub fn recompute(with_figures: bool) -> Result<(Vec<Row>, Vec<Figure>), Failure> {
    let mut rows = claims::rows()?;
    rows.extend(claims::misprints()?);
    rows.extend(numbers::rows()?);
    let figures = if with_figures { figures::all()? } else { Vec::new() };
    Ok((rows, figures))
}
