//! Tables of agents and of blocks, in CSV or Parquet, read row by row.

mod csv;
mod parquet;

use std::fs::File;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};

use super::Context;
use super::keys::Key;
use super::sheet::{Desk, Sheet};
use crate::diagnostic::{Problem, Problems, list, nearest, shorten};

/// What a table is asked for.
#[derive(Clone, Copy)]
pub(crate) struct Column<'n> {
    pub name: &'n str,
    pub number: bool,
    pub required: bool,
}

/// Why a word that looks like a column is none, where there is more to say than "unknown".
pub(crate) type Advice = fn(&str) -> Option<&'static str>;

/// A table file.
pub(crate) struct Table {
    /// How messages call it.
    pub name: String,
    path: PathBuf,
    data: Data,
    /// Whether it may have columns that are not asked for.
    wide: bool,
}

enum Data {
    /// The whole text: it is parsed in place, and its lines are shown when something is wrong.
    Csv(Vec<u8>),
    Parquet(File),
}

/// One row of a table.
pub(crate) struct Row<'a> {
    /// Where the row is: its first byte (CSV) or its number from 0 (Parquet). For [`Table::problem`].
    pub key: u64,
    cells: Cells<'a>,
}

enum Cells<'a> {
    Csv(csv::Cells<'a>),
    Parquet(parquet::Cells<'a>),
}

/// What stands in a cell that cannot be used, in words.
pub(crate) struct Unusable(pub String);

impl Row<'_> {
    /// The text of a cell; none if it is empty.
    pub fn text(&self, column: usize) -> Result<Option<&str>, Unusable> {
        match &self.cells {
            Cells::Csv(cells) => cells.text(column),
            Cells::Parquet(cells) => Ok(cells.text(column)),
        }
    }

    /// The number of a cell; none if it is empty.
    pub fn number(&self, column: usize) -> Result<Option<f64>, Unusable> {
        let number = match &self.cells {
            Cells::Csv(cells) => cells.number(column)?,
            Cells::Parquet(cells) => cells.number(column),
        };
        match number {
            Some(number) if !number.is_finite() => Err(Unusable(number.to_string())),
            number => Ok(number),
        }
    }
}

impl Table {
    /// Opens the table that a key of `[tables]` names; what is wrong with it is reported there.
    pub fn asked(
        section: &Sheet<'_, '_>,
        key: &Key,
        desk: &mut Desk,
        context: &mut Context<'_>,
    ) -> Option<Self> {
        let path = context.folder.join(section.text(key, desk)?);
        context.hash.update(key.name.as_bytes());
        let asked = |problem: Problem| problem.at(&desk.source, section.place(key.name), "asked for here");
        Self::open(&path, &mut context.hash).map_err(|problem| desk.problems.push(asked(problem))).ok()
    }

    /// Opens a table and adds all its bytes to the hash of the scenario.
    pub fn open(path: &Path, hash: &mut blake3::Hasher) -> Result<Self, Problem> {
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
        let name = path.display().to_string();
        let unreadable = |error: std::io::Error| {
            Problem::new(format!("cannot read `{name}`: {error}"))
                .in_file(path)
                .with_help("the path is relative to the folder of the scenario file")
        };
        let data = match extension.as_str() {
            "csv" => {
                let mut bytes = std::fs::read(path).map_err(unreadable)?;
                hash.update(&(bytes.len() as u64).to_le_bytes());
                hash.update(&bytes);
                if bytes.starts_with(b"\xef\xbb\xbf") {
                    bytes.drain(..3); // the mark that some spreadsheets put before UTF-8
                }
                Data::Csv(bytes)
            }
            "parquet" | "pq" => {
                let mut file = File::open(path).map_err(unreadable)?;
                hash.update(&file.metadata().map_err(unreadable)?.len().to_le_bytes());
                hash.update_reader(file.by_ref()).map_err(unreadable)?;
                file.rewind().map_err(unreadable)?;
                Data::Parquet(file)
            }
            _ => {
                let message = format!("`{name}` is not a table that can be read");
                return Err(Problem::new(message)
                    .in_file(path)
                    .with_help("accepted: names that end in .csv or .parquet"));
            }
        };
        Ok(Self { name, path: path.to_owned(), data, wide: false })
    }

    /// Allows columns that are not asked for.
    pub fn wide(mut self) -> Self {
        self.wide = true;
        self
    }

    /// Calls `visit` for every row; cells are asked for by the index of their column in `columns`.
    pub fn read(
        &self,
        columns: &[Column<'_>],
        advice: Advice,
        problems: &mut Problems,
        visit: &mut dyn FnMut(&Row<'_>, &mut Problems),
    ) {
        match &self.data {
            Data::Csv(bytes) => csv::read(self, bytes, columns, advice, problems, visit),
            Data::Parquet(file) => parquet::read(self, file, columns, advice, problems, visit),
        }
    }

    /// A problem in a row, and in a column of it if one is to blame.
    pub fn problem(
        &self,
        row: u64,
        column: Option<&str>,
        what: impl Into<String>,
        accepted: &str,
    ) -> Problem {
        let what = what.into();
        let (place, problem): (String, Box<dyn FnOnce(Problem) -> Problem>) = match &self.data {
            Data::Csv(bytes) => {
                let shown = csv::show(&self.name, bytes, row, column);
                let label =
                    if accepted.is_empty() { String::new() } else { format!("accepted is {accepted}") };
                let place = format!("line {}", shown.line);
                (place, Box::new(move |problem: Problem| problem.at(&shown.source, shown.span, label)))
            }
            Data::Parquet(_) => {
                let path = self.path.clone();
                (format!("row {}", row + 1), Box::new(move |p: Problem| p.in_file(&path).in_row(row + 1)))
            }
        };
        let column = column.map_or_else(String::new, |column| format!(", column `{column}`"));
        let accepted = if accepted.is_empty() { String::new() } else { format!(", accepted is {accepted}") };
        problem(Problem::new(format!("{}, {place}{column}: {what}{accepted}", self.name)))
    }

    /// A problem with the columns.
    fn problem_in_header(&self, column: Option<&str>, what: String, help: String) -> Problem {
        let problem = Problem::new(format!("{}: {what}", self.name)).with_help(help);
        match &self.data {
            Data::Csv(bytes) => {
                let shown = csv::show(&self.name, bytes, 0, column);
                problem.at(&shown.source, shown.span, "")
            }
            Data::Parquet(_) => problem.in_file(&self.path),
        }
    }

    /// A problem with the file as a whole.
    fn problem_in_file(&self, what: String, help: &str) -> Problem {
        Problem::new(format!("{}: {what}", self.name)).in_file(&self.path).with_help(help)
    }
}

/// Finds each asked column among those of the file; reports missing, unknown and doubled ones.
fn find_columns(
    table: &Table,
    columns: &[Column<'_>],
    found: &[&str],
    advice: Advice,
    problems: &mut Problems,
) -> Option<Vec<Option<usize>>> {
    let before = problems.count();
    let accepted = || list(columns.iter().map(|column| column.name));
    for (index, name) in found.iter().enumerate() {
        if found[..index].contains(name) {
            let what = format!("column `{}` appears twice", shorten(name));
            problems.push(table.problem_in_header(Some(name), what, "accepted: each column once".to_owned()));
        } else if !table.wide && !columns.iter().any(|column| column.name == *name) {
            let what = format!("column `{}` is not expected", shorten(name));
            let near =
                nearest(name, columns.iter().map(|column| column.name).filter(|near| !found.contains(near)));
            let help = match (advice(name), near) {
                (Some(advice), _) => format!("{advice}; accepted: {}", accepted()),
                (None, Some(near)) => format!("did you mean `{near}`? accepted: {}", accepted()),
                (None, None) => format!("accepted: {}", accepted()),
            };
            problems.push(table.problem_in_header(Some(name), what, help));
        }
    }
    for column in columns.iter().filter(|column| column.required && !found.contains(&column.name)) {
        let help = format!("found: {}; accepted: {}", list(found.iter().map(|name| &**name)), accepted());
        problems.push(table.problem_in_header(None, format!("column `{}` is missing", column.name), help));
    }
    let index = |column: &Column<'_>| found.iter().position(|name| *name == column.name);
    (problems.count() == before).then(|| columns.iter().map(index).collect())
}
