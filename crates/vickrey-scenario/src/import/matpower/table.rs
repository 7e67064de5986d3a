//! A number table in brackets, cell by cell with its place in the file.

use super::lexer::{Kind, Token};
use super::{LARGEST, MatpowerError};

/// The tables that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    Bus,
    Gen,
    Gencost,
}

const BUS_COLUMNS: [&str; 13] =
    ["bus_i", "type", "Pd", "Qd", "Gs", "Bs", "area", "Vm", "Va", "baseKV", "zone", "Vmax", "Vmin"];
const GEN_COLUMNS: [&str; 21] = [
    "bus", "Pg", "Qg", "Qmax", "Qmin", "Vg", "mBase", "status", "Pmax", "Pmin", "Pc1", "Pc2", "Qc1min",
    "Qc1max", "Qc2min", "Qc2max", "ramp_agc", "ramp_10", "ramp_30", "ramp_q", "apf",
];
const GENCOST_COLUMNS: [&str; 4] = ["model", "startup", "shutdown", "n"];

impl Name {
    pub fn text(self) -> &'static str {
        match self {
            Name::Bus => "bus",
            Name::Gen => "gen",
            Name::Gencost => "gencost",
        }
    }

    /// Fewest columns that hold what is read.
    pub fn fewest_columns(self) -> usize {
        match self {
            Name::Bus => BUS_COLUMNS.len(),
            Name::Gen => 10,
            Name::Gencost => 5,
        }
    }

    /// Name of a column (from 0), with a blank before it, or nothing.
    fn column(self, index: usize) -> String {
        let names: &[&str] = match self {
            Name::Bus => &BUS_COLUMNS,
            Name::Gen => &GEN_COLUMNS,
            Name::Gencost => &GENCOST_COLUMNS,
        };
        names.get(index).map_or_else(String::new, |name| format!(" ({name})"))
    }
}

/// A table with rows of numbers, each with at least the fewest columns.
#[derive(Debug)]
pub(super) struct Table<'a> {
    pub name: Name,
    /// Where the table was opened.
    pub line: usize,
    pub rows: Vec<Row<'a>>,
}

#[derive(Debug)]
pub(super) struct Row<'a> {
    table: Name,
    /// From 1.
    pub number: usize,
    cells: Vec<Cell<'a>>,
}

#[derive(Debug)]
struct Cell<'a> {
    value: f64,
    token: Token<'a>,
}

impl<'a> Table<'a> {
    /// Reads the right side of an assignment, which must be one matrix.
    pub fn read(name: Name, at: &Token<'a>, tokens: &[Token<'a>]) -> Result<Self, MatpowerError> {
        let help = "a matrix of numbers in `[` and `]` and nothing else is accepted";
        let text = name.text();
        let Some((open, inner)) = tokens.split_first() else {
            return Err(at.error(format!("table {text} has no value"), help));
        };
        if !open.is('[') {
            let message = format!("table {text} begins with {}", open.shown());
            return Err(open.error(message, help));
        }
        // Brackets match, so the first one that closes ends the matrix unless
        // another was opened before, and that one is no number.
        let length = inner.iter().position(Token::closes).unwrap_or(inner.len());
        let mut table = Table { name, line: open.line, rows: Vec::new() };
        table.read_rows(&inner[..length])?;
        if let Some(extra) = inner.get(length + 1) {
            let message = format!("found {} after the matrix of table {text}", extra.shown());
            return Err(extra.error(message, help));
        }
        table.check_columns()?;
        Ok(table)
    }

    fn read_rows(&mut self, tokens: &[Token<'a>]) -> Result<(), MatpowerError> {
        let mut cells: Vec<Cell<'a>> = Vec::new();
        // MATLAB allows one comma between values and one after the last.
        let mut comma = true;
        for token in tokens {
            let number = self.rows.len() + 1;
            let place = || cell_place(self.name, number, cells.len());
            match token.kind {
                Kind::Word(word) => {
                    let Some(value) = number_in(word) else {
                        let message = format!("{}: found {}", place(), token.shown());
                        return Err(token.error(message, "a number is accepted"));
                    };
                    comma = false;
                    cells.push(Cell { value, token: *token });
                }
                Kind::Mark(',') if !comma => comma = true,
                Kind::Mark(';') | Kind::Newline => {
                    self.end_row(&mut cells);
                    comma = true;
                }
                _ => {
                    let message = format!("{}: found {}", place(), token.shown());
                    return Err(token.error(message, "a number is accepted"));
                }
            }
        }
        self.end_row(&mut cells);
        Ok(())
    }

    fn end_row(&mut self, cells: &mut Vec<Cell<'a>>) {
        if !cells.is_empty() {
            self.rows.push(Row {
                table: self.name,
                number: self.rows.len() + 1,
                cells: std::mem::take(cells),
            });
        }
    }

    /// Rows of one length are what MATLAB accepts, and a row with a lost
    /// value would otherwise be read one column off. Only cost rows may
    /// differ: they say themselves how many of their values count.
    fn check_columns(&self) -> Result<(), MatpowerError> {
        let first = self.rows.first().map_or(0, |row| row.cells.len());
        let fewest = self.name.fewest_columns();
        let text = self.name.text();
        for row in &self.rows {
            let count = row.cells.len();
            let message = format!("{text} row {}: found {count} columns", row.number);
            if count < fewest {
                let help = format!("{fewest} columns or more are accepted");
                return Err(row.error_at(count - 1, message, help));
            }
            if self.name != Name::Gencost && count != first {
                let help = format!("{first} columns as in the first row are accepted");
                return Err(row.error_at(count - 1, message, help));
            }
        }
        Ok(())
    }
}

impl Row<'_> {
    /// Line of the first value.
    pub fn line(&self) -> usize {
        self.cells.first().map_or(1, |cell| cell.token.line)
    }

    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// An error at a cell (from 0) that says in its own words what is wrong.
    fn error_at(&self, column: usize, message: impl Into<String>, help: impl Into<String>) -> MatpowerError {
        let token = self.cells.get(column).map(|cell| cell.token);
        MatpowerError::new(
            token.map_or(self.line(), |token| token.line),
            token.map(|token| token.column),
            message,
            help,
        )
    }

    /// An error at a cell (from 0) whose value is not accepted.
    pub fn error(&self, column: usize, help: impl Into<String>) -> MatpowerError {
        let place = cell_place(self.table, self.number, column);
        let found = match self.cells.get(column) {
            Some(cell) => format!("found {}", cell.token.shown()),
            None => "found no value".to_string(),
        };
        self.error_at(column, format!("{place}: {found}"), help)
    }

    /// The number in a column (from 0), which must be finite.
    pub fn finite(&self, column: usize) -> Result<f64, MatpowerError> {
        match self.cells.get(column) {
            Some(cell) if cell.value.abs() <= LARGEST => Ok(cell.value),
            Some(cell) if cell.value.is_finite() => {
                Err(self.error(column, format!("a number of at most {LARGEST:e} is accepted")))
            }
            _ => Err(self.error(column, "a finite number is accepted")),
        }
    }

    /// The whole number in a column (from 0), which must be in the range.
    pub fn whole(&self, column: usize, least: u64, largest: Option<u64>) -> Result<u64, MatpowerError> {
        let value = self.finite(column)?;
        let top = largest.map_or(LARGEST, |largest| largest as f64);
        if value.fract() != 0.0 || value < least as f64 || value > top {
            let range = match largest {
                Some(largest) => format!("from {least} to {largest}"),
                None => format!("of {least} or more"),
            };
            return Err(self.error(column, format!("a whole number {range} is accepted")));
        }
        // In the range of exact whole numbers, as it is at most LARGEST.
        Ok(value as u64)
    }
}

/// "gen row 3, column 9 (Pmax)"; row from 1, column from 0.
fn cell_place(table: Name, row: usize, column: usize) -> String {
    let name = table.column(column);
    format!("{} row {row}, column {}{name}", table.text(), column + 1)
}

/// A number as MATLAB writes it. The standard library alone would also take
/// words that are no numbers in MATLAB, such as `infinity`.
pub(super) fn number_in(word: &str) -> Option<f64> {
    let body = word.strip_prefix(['+', '-']).unwrap_or(word);
    let size = match body {
        "Inf" | "inf" => f64::INFINITY,
        "NaN" | "nan" => f64::NAN,
        _ if body.starts_with(|c: char| c.is_ascii_digit() || c == '.')
            && body.chars().all(|c| c.is_ascii_digit() || "+-.eEdD".contains(c)) =>
        {
            body.replace(['d', 'D'], "e").parse().ok()?
        }
        _ => return None,
    };
    Some(if word.starts_with('-') { -size } else { size })
}
