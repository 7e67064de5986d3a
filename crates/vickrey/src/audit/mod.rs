//! Searching for violations: what every mechanism's audit shares.

pub mod search;

use serde::Serialize;

use crate::guarantee::{Evidence, Guarantee, Property, Verdict};

/// How hard an audit searches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effort {
    /// Seconds: for a first look and for every run.
    Quick,
    /// The default.
    Normal,
    /// As long as it takes.
    Deep,
}

impl Effort {
    /// One of three numbers.
    pub fn pick<T>(self, quick: T, normal: T, deep: T) -> T {
        match self {
            Self::Quick => quick,
            Self::Normal => normal,
            Self::Deep => deep,
        }
    }
}

/// What an audit needs besides the instance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AuditOptions {
    /// Seed of all random search directions.
    pub seed: u64,
    /// How hard to search.
    pub effort: Effort,
}

/// Told how much of the work is done, from 0 to 1; called from several threads.
pub type Progress<'a> = &'a (dyn Fn(f64) + Sync);

/// The worst case met so far: the largest number, where it was, and how many were tried.
#[derive(Clone, Debug, PartialEq)]
pub struct Worst {
    /// The largest value, minus infinity before the first.
    pub value: f64,
    /// Where it was met.
    pub at: String,
    /// How many cases were looked at.
    pub tries: u64,
}

impl Default for Worst {
    fn default() -> Self {
        Self { value: f64::NEG_INFINITY, at: String::new(), tries: 0 }
    }
}

impl Worst {
    /// Looks at one case; `at` is only evaluated for a new worst.
    pub fn see(&mut self, value: f64, at: impl FnOnce() -> String) {
        self.tries += 1;
        if value > self.value {
            self.value = value;
            self.at = at();
        }
    }

    /// Takes in another search; among equals the earlier one stays.
    pub fn join(mut self, other: Self) -> Self {
        let tries = self.tries + other.tries;
        if other.value > self.value {
            self = other;
        }
        Self { tries, ..self }
    }
}

/// A row of the table whose worst case is an amount of money.
pub(crate) fn row(
    property: Property,
    promised: bool,
    verdict: Verdict,
    condition: &str,
    worst: Worst,
    tolerance: f64,
) -> Guarantee {
    let evidence = (worst.tries > 0).then_some(Evidence {
        worst: worst.value,
        unit: "money",
        at: worst.at,
        tries: worst.tries,
        tolerance,
    });
    Guarantee { property, promised, verdict, condition: condition.to_owned(), evidence, note: String::new() }
}

/// The verdict on a property: a case against it breaks a promise, or shows what was never promised here.
pub(crate) fn judge(worst: &Worst, tolerance: f64, promised: bool) -> Verdict {
    match (worst.tries > 0, worst.value <= tolerance, promised) {
        (false, ..) => Verdict::NotChecked,
        (_, true, _) => Verdict::Holds,
        (_, false, true) => Verdict::Violated,
        (_, false, false) => Verdict::ConditionNotMet,
    }
}

/// An amount of money with six significant digits, without an exponent where people expect none.
pub(crate) fn money(x: f64) -> String {
    if x == 0.0 || !x.is_finite() {
        return "0".into();
    }
    let digits = (5 - x.abs().log10().floor() as i64).clamp(0, 12) as usize;
    if x.abs() < 1e-6 { format!("{x:.2e}") } else { format!("{x:.digits$}") }
}
