//! Rows: a number of a paper beside ours.

use serde::Serialize;

use crate::failure::Failure;

/// One number or figure of a paper.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The paper; who makes a row leaves it empty.
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

impl Row {
    /// A printed number and ours; `otherwise` is the verdict if they differ and `note` says what is known about it.
    pub fn compared(
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
        Self::beside(what, printed, ours, tolerance, verdict, note)
    }

    /// A printed number and ours, with a verdict that was found otherwise.
    pub fn beside(what: &str, printed: f64, ours: f64, tolerance: f64, verdict: Verdict, note: &str) -> Self {
        Self {
            key: "",
            what: what.into(),
            printed: Some(printed),
            ours: Some(ours),
            tolerance: Some(tolerance),
            verdict,
            note: note.into(),
        }
    }

    /// A number that is not printed; `good`: whether it is what it has to be.
    pub fn not_printed(
        what: &str,
        ours: f64,
        tolerance: Option<f64>,
        good: bool,
        note: impl Into<String>,
    ) -> Self {
        Self {
            key: "",
            what: what.into(),
            printed: None,
            ours: Some(ours),
            tolerance,
            verdict: if good { Verdict::NotPrinted } else { Verdict::Broken },
            note: note.into(),
        }
    }
}

/// A claim of a paper: a number that it says is 0 (how far an inequality fails, or two sides of an equation differ).
pub fn claim(what: &str, ours: f64, tolerance: f64, note: &str) -> Row {
    // No minus before a zero.
    Row::compared(what, (0.0, ours + 0.0), tolerance, Verdict::Broken, note)
}

/// Something a paper says that does not hold; `known` says why.
pub fn wrong(what: &str, printed: f64, ours: f64, known: &str) -> Row {
    Row::compared(what, (printed, ours), 1e-9, Verdict::PrintIsWrong, known)
}

/// A misprint or an omission that is no number.
pub fn misprint(what: &str, note: &str) -> Row {
    Row {
        key: "",
        what: what.into(),
        printed: None,
        ours: None,
        tolerance: None,
        verdict: Verdict::PrintIsWrong,
        note: note.into(),
    }
}

/// A number of a worked instance, beside the one of an independent calculation.
pub fn worked(what: &str, reference: f64, ours: f64, tolerance: f64) -> Row {
    noted(what, reference, ours, tolerance, "")
}

/// The same with a remark.
pub fn noted(what: &str, reference: f64, ours: f64, tolerance: f64, note: &str) -> Row {
    let near = (reference - ours).abs() <= tolerance;
    let known = format!("calculated independently: {reference}");
    let note = if note.is_empty() { known } else { format!("{known}; {note}") };
    Row::not_printed(what, ours, Some(tolerance), near, note)
}

/// A number cannot be computed.
pub fn failed(error: &dyn std::fmt::Display) -> Failure {
    Failure::run(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_follow_from_numbers() {
        let verdict = |row: Row| row.verdict;
        assert_eq!(verdict(claim("", 1e-13, 1e-12, "")), Verdict::Reproduced);
        assert_eq!(verdict(claim("", 1e-11, 1e-12, "a note is no excuse")), Verdict::Broken);
        assert_eq!(verdict(wrong("", 1.0, 2.0, "why")), Verdict::PrintIsWrong);
        assert_eq!(verdict(wrong("", 1.0, 2.0, "")), Verdict::Broken);
        assert_eq!(verdict(worked("", 1.0, 1.5, 0.5)), Verdict::NotPrinted);
        assert_eq!(verdict(worked("", 1.0, 1.6, 0.5)), Verdict::Broken);
        assert_eq!(verdict(worked("", 1.0, f64::NAN, 0.5)), Verdict::Broken);
        assert_eq!(noted("", 1.0, 1.0, 0.5, "more").note, "calculated independently: 1; more");
    }
}
