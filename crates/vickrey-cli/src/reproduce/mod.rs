//! The numbers that papers print, recomputed.

use vickrey_scenario::plot::{Picture, PlotError};

use crate::failure::Failure;

mod paper_000;
mod paper_001;
mod paper_002;
mod paper_003;
mod rows;

pub use rows::{Row, Verdict};

/// The papers whose numbers can be recomputed.
pub const KEYS: &[&str] = &["000", "001", "002", "003"];

/// A picture or table that belongs to a paper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its name.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// A figure and the name of its files.
type Figure = (&'static str, Picture);

/// Draws figures in both formats.
fn draw(figures: Vec<Figure>) -> Result<Vec<File>, Failure> {
    let mut files = Vec::new();
    for (name, picture) in figures {
        let failed = |error: PlotError| Failure::run(format!("figure {name}: {error}"));
        files.push(File { name: format!("{name}.svg"), bytes: picture.svg().map_err(failed)?.into_bytes() });
        files.push(File { name: format!("{name}.png"), bytes: picture.png().map_err(failed)? });
    }
    Ok(files)
}

/// Recomputes one paper. `with_figures` draws its figures as well.
pub fn recompute(key: &'static str, with_figures: bool) -> Result<(Vec<Row>, Vec<File>), Failure> {
    let recomputed = match key {
        "000" => paper_000::recompute(with_figures),
        "001" => paper_001::recompute(with_figures),
        "002" => paper_002::recompute(with_figures),
        "003" => paper_003::recompute(with_figures),
        _ => {
            let there = KEYS.join(", ");
            return Err(Failure::run(format!("paper {key} cannot be recomputed yet; there are: {there}")));
        }
    };
    let (mut rows, figures) = recomputed.map_err(|failure| failure.within(&format!("paper {key}")))?;
    rows.iter_mut().for_each(|row| row.key = key);
    Ok((rows, draw(figures)?))
}
