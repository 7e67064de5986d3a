//! Reader for MATPOWER case files, version 2 (`*.m`).
//!
//! A case file is a small MATLAB function that fills in a struct with number
//! tables. This reader understands the part of the language that such tables
//! are written in, and nothing else: it does not run MATLAB. Statements that
//! cannot change the tables are skipped and listed in [`Case::notes`]; a
//! statement that could change them without being a plain table is an error,
//! because the numbers in the file would then not be the numbers of the case.
//!
//! Only real power is read: loads, generator limits and generation costs.

mod build;
mod cost;
mod lexer;
mod reader;
mod table;
#[cfg(test)]
mod tests;

pub use cost::{Convexity, Cost};

/// The largest size of a number that is accepted, in the file's own units.
///
/// No grid, price or bus number comes near; a larger number is a slip of the
/// keyboard or a damaged file, and would spoil every sum it takes part in.
pub const LARGEST: f64 = 1e12;

/// What a MATPOWER case says about real power.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// Name of the case: that of the function in the file.
    pub name: String,
    /// System base in MVA. Loads, limits and costs do not depend on it.
    pub base_mva: f64,
    /// Buses in the order of the file.
    pub buses: Vec<Bus>,
    /// All generators in the order of the file, also those out of service.
    pub generators: Vec<Generator>,
    /// What the file holds and the case leaves out or does not use, in words.
    pub notes: Vec<String>,
}

/// A row of the `bus` table.
#[derive(Debug, Clone, PartialEq)]
pub struct Bus {
    /// Number of the bus, unique in the case.
    pub number: u64,
    /// Real power load in MW (column 3, Pd); may be negative.
    pub load: f64,
    /// Line of the file, from 1.
    pub line: usize,
    /// The bus is cut off from the grid (type 4).
    pub isolated: bool,
}

/// A row of the `gen` table with its row of the `gencost` table.
///
/// A dispatchable load is a generator with `p_min < 0` and `p_max = 0`.
#[derive(Debug, Clone, PartialEq)]
pub struct Generator {
    /// Row in the `gen` table, from 1.
    pub index: usize,
    /// Number of its bus, which is in the case.
    pub bus: u64,
    /// Least output in MW (column 10, Pmin).
    pub p_min: f64,
    /// Largest output in MW (column 9, Pmax), at least `p_min`.
    pub p_max: f64,
    /// Cost of the output.
    pub cost: Cost,
    /// Cost of a start in $; kept, but not used for a market.
    pub startup: f64,
    /// Cost of a shutdown in $; kept, but not used for a market.
    pub shutdown: f64,
    /// Line of the file, from 1.
    pub line: usize,
    /// In service (column 8, GEN_STATUS, above 0).
    pub in_service: bool,
}

/// Why a text is not accepted as a case, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}, {help}")]
pub struct MatpowerError {
    /// Line of the text, from 1.
    pub line: usize,
    /// Position in the line, in characters from 1, where one place is meant.
    pub column: Option<usize>,
    /// What was found.
    pub message: String,
    /// What is accepted instead.
    pub help: String,
}

impl MatpowerError {
    fn new(line: usize, column: Option<usize>, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { line, column, message: message.into(), help: help.into() }
    }
}

/// Reads a MATPOWER case file of version 2.
///
/// # Errors
///
/// When the text is not such a file, is cut short or damaged, holds numbers
/// that make no sense, or computes its tables instead of listing them.
pub fn parse(text: &str) -> Result<Case, MatpowerError> {
    let tokens = lexer::tokens(text)?;
    let raw = reader::read(&tokens, lexer::line_count(text))?;
    build::case(raw)
}
