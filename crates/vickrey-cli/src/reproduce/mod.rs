//! The numbers that papers print, recomputed.

use serde::Serialize;
use vickrey_scenario::plot::{Picture, PlotError};

use crate::failure::Failure;

mod paper_000;
mod paper_001;
mod paper_002;
mod paper_003;

/// The papers whose numbers can be recomputed.
pub const KEYS: &[&str] = &["000", "001", "002", "003"];

/// One number or figure of a paper.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The paper.
    pub key: &'static str,
    /// What it is, and where it is printed.
    pub what: String,
    /// The printed value.
    pub printed: Option<f64>,
    /// Ours.
    pub ours: Option<f64>,
    /// How far they may differ (the print's last digit).
    pub tolerance: Option<f64>,
    /// Whether they agree.
    pub verdict: Verdict,
    /// What a reader should know.
    pub note: String,
}

/// Whether a printed value was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Within the tolerance.
    Reproduced,
    /// Not within the tolerance, and we know why; the note says it.
    PrintIsWrong,
    /// Does not come out under any reading that was tried; the note says which, and what does.
    NotReproduced,
    /// Not printed: what we find.
    NotPrinted,
    /// Not within the tolerance, although it used to be: something broke.
    Broken,
}

impl Verdict {
    /// The verdict in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Reproduced => "reproduced",
            Self::PrintIsWrong => "print is wrong",
            Self::NotReproduced => "not reproduced",
            Self::NotPrinted => "not printed",
            Self::Broken => "broken",
        }
    }
}

/// A picture or table that belongs to a paper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its name.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

impl Row {
    /// A printed number and ours; `otherwise` is the verdict if they differ and `note` says what is known about it.
    fn compared(
        key: &'static str,
        what: &str,
        (printed, ours): (f64, f64),
        tolerance: f64,
        otherwise: Verdict,
        note: &str,
    ) -> Self {
        let verdict = match ((printed - ours).abs() <= tolerance, note.is_empty()) {
            (true, _) => Verdict::Reproduced,
            (false, false) => otherwise,
            (false, true) => Verdict::Broken,
        };
        let (printed, tolerance) = (Some(printed), Some(tolerance));
        Self { key, what: what.into(), printed, ours: Some(ours), tolerance, verdict, note: note.into() }
    }
}

/// Draws a figure in both formats.
fn draw(files: &mut Vec<File>, name: &str, picture: &Picture) -> Result<(), Failure> {
    let failed = |error: PlotError| Failure::run(format!("figure {name}: {error}"));
    files.push(File { name: format!("{name}.svg"), bytes: picture.svg().map_err(failed)?.into_bytes() });
    files.push(File { name: format!("{name}.png"), bytes: picture.png().map_err(failed)? });
    Ok(())
}

/// Recomputes one paper. `with_figures` draws its figures as well.
pub fn recompute(key: &str, with_figures: bool) -> Result<(Vec<Row>, Vec<File>), Failure> {
    match key {
        "000" => paper_000::recompute(with_figures),
        "001" => paper_001::recompute(with_figures),
        "002" => paper_002::recompute(with_figures),
        "003" => paper_003::recompute(with_figures),
        _ => {
            Err(Failure::run(format!("paper {key} cannot be recomputed yet; there are: {}", KEYS.join(", "))))
        }
    }
}
