//! Searching for violations: what every mechanism's audit shares.

pub mod search;

use serde::Serialize;

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
