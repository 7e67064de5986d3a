//! The comma-separated files of the system: where they are, their columns, and problems that show their place.

use std::path::{Path, PathBuf};

use ::csv::{ByteRecord, ReaderBuilder};

use super::super::matpower::LARGEST;
use crate::diagnostic::{Problem, Source, list, nearest, shorten};

/// Longer lines are shown up to here.
const WIDEST: usize = 300;

/// One file with its header.
pub(super) struct File {
    /// How messages call it.
    pub name: String,
    path: PathBuf,
    bytes: Vec<u8>,
    /// Names of the columns, as they stand in the first line.
    pub columns: Vec<String>,
}

/// One row of a file.
pub(super) struct Row<'a> {
    file: &'a File,
    record: &'a ByteRecord,
}

impl File {
    /// Reads a file that may have one of these names in the folder; the first that is there counts.
    pub fn open(folder: &Path, names: &[String]) -> Result<Self, Problem> {
        let accepted =
            || format!("accepted in {}: {}", folder.display(), list(names.iter().map(String::as_str)));
        let Some(path) = names.iter().map(|name| folder.join(name)).find(|path| path.is_file()) else {
            let what = format!("`{}` is missing", folder.join(&names[0]).display());
            return Err(Problem::new(what).in_file(folder).with_help(accepted()));
        };
        let name = path.display().to_string();
        let mut bytes = std::fs::read(&path).map_err(|error| {
            Problem::new(format!("cannot read `{name}`: {error}")).in_file(&path).with_help(accepted())
        })?;
        if bytes.starts_with(b"\xef\xbb\xbf") {
            bytes.drain(..3); // the mark that some spreadsheets put before UTF-8
        }
        let mut file = Self { name, path, bytes, columns: Vec::new() };
        file.columns = file.header()?;
        Ok(file)
    }

    fn header(&self) -> Result<Vec<String>, Problem> {
        let mut reader = ReaderBuilder::new().flexible(true).from_reader(&self.bytes[..]);
        let header = reader.byte_headers().map_err(|error| self.unreadable(&error))?;
        let columns: Vec<String> =
            header.iter().map(|cell| String::from_utf8_lossy(cell.trim_ascii()).into_owned()).collect();
        if columns.iter().all(String::is_empty) {
            let help = "accepted: a first line with the names of the columns, then rows";
            return Err(self.problem("the file is empty").with_help(help));
        }
        if let Some(twice) = (1..columns.len()).find(|&at| columns[..at].contains(&columns[at])) {
            let what = format!("column `{}` appears twice", shorten(&columns[twice]));
            return Err(self.problem_in_header(&what, "accepted: each column once"));
        }
        Ok(columns)
    }

    /// The index of a column.
    pub fn column(&self, name: &str) -> Result<usize, Problem> {
        self.columns.iter().position(|column| column == name).ok_or_else(|| {
            let near = nearest(name, self.columns.iter().map(String::as_str));
            let near = near.map_or(String::new(), |near| format!("is it `{}`? ", shorten(near)));
            let found: Vec<String> = self.columns.iter().take(12).map(|column| shorten(column)).collect();
            let more = if self.columns.len() > 12 { ", …" } else { "" };
            let help = format!("{near}found: {}{more}", list(found.iter().map(String::as_str)));
            self.problem_in_header(&format!("column `{name}` is missing"), &help)
        })
    }

    /// Calls `visit` for every row until it fails.
    pub fn rows(&self, mut visit: impl FnMut(&Row<'_>) -> Result<(), Problem>) -> Result<(), Problem> {
        let mut reader = ReaderBuilder::new().flexible(true).from_reader(&self.bytes[..]);
        let mut record = ByteRecord::new();
        while reader.read_byte_record(&mut record).map_err(|error| self.unreadable(&error))? {
            let row = Row { file: self, record: &record };
            if record.len() != self.columns.len() {
                if record.len() == 1 && record[0].trim_ascii().is_empty() {
                    continue;
                }
                let found = format!("{} cells", record.len());
                return Err(row.problem(
                    None,
                    &found,
                    &format!("{} cells, one for each column", self.columns.len()),
                ));
            }
            visit(&row)?;
        }
        Ok(())
    }

    /// A problem with the file as a whole.
    pub fn problem(&self, what: &str) -> Problem {
        Problem::new(format!("{}: {what}", self.name)).in_file(&self.path)
    }

    /// A problem with the first line.
    pub fn problem_in_header(&self, what: &str, help: &str) -> Problem {
        let (source, line, _) = self.excerpt(0);
        Problem::new(format!("{}: {what}", self.name)).at(&source, 0..line.len(), "").with_help(help)
    }

    fn unreadable(&self, error: &::csv::Error) -> Problem {
        self.problem(&format!("cannot be read on: {error}")).with_help("accepted: comma-separated values")
    }

    /// The line that begins at or just after a byte, as it is shown, and its number from 1.
    fn excerpt(&self, at: usize) -> (Source, String, usize) {
        let skipped =
            self.bytes[at.min(self.bytes.len())..].iter().take_while(|b| matches!(b, b'\n' | b'\r'));
        let start = at.min(self.bytes.len()) + skipped.count();
        let number = self.bytes[..start].iter().filter(|&&byte| byte == b'\n').count();
        let rest = &self.bytes[start..];
        let end = rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
        let line = String::from_utf8_lossy(&rest[..end.min(WIDEST)]).replace('\r', "");
        (Source::excerpt(&*self.name, &*line, number), line, number + 1)
    }
}

impl Row<'_> {
    /// The text of a cell without the blanks around it.
    pub fn text(&self, column: usize) -> Result<&str, Problem> {
        std::str::from_utf8(self.record[column].trim_ascii())
            .map_err(|_| self.wrong(column, "a text in UTF-8"))
    }

    /// The number of a cell.
    pub fn number(&self, column: usize) -> Result<f64, Problem> {
        self.optional(column)?.ok_or_else(|| self.wrong(column, "a number"))
    }

    /// The number of a cell, none if it is empty or says `NA`.
    pub fn optional(&self, column: usize) -> Result<Option<f64>, Problem> {
        let text = self.text(column)?;
        if text.is_empty() || text == "NA" {
            return Ok(None);
        }
        match text.parse::<f64>() {
            // `nan` and `inf` parse, and no quantity of a grid is so large.
            Ok(number) if number.abs() <= LARGEST => Ok(Some(number)),
            _ => Err(self.wrong(column, &format!("a number up to {LARGEST:e}"))),
        }
    }

    /// The number of a cell, which must be in a range.
    pub fn within(&self, column: usize, low: f64, high: f64, accepted: &str) -> Result<f64, Problem> {
        let number = self.number(column)?;
        if (low..=high).contains(&number) { Ok(number) } else { Err(self.wrong(column, accepted)) }
    }

    /// The whole number of a cell, which must be in a range.
    pub fn whole(&self, column: usize, low: u16, high: u16) -> Result<u16, Problem> {
        let number = self.text(column)?.parse::<u16>().ok().filter(|number| (low..=high).contains(number));
        number.ok_or_else(|| self.wrong(column, &format!("a whole number from {low} to {high}")))
    }

    /// A problem with what stands in a cell.
    pub fn wrong(&self, column: usize, accepted: &str) -> Problem {
        let found = format!("`{}`", shorten(&String::from_utf8_lossy(self.record[column].trim_ascii())));
        self.problem(Some(column), &found, accepted)
    }

    /// A problem with the row, and with a cell of it if one is to blame.
    pub fn problem(&self, column: Option<usize>, found: &str, accepted: &str) -> Problem {
        let at = self.record.position().map_or(0, ::csv::Position::byte);
        let (source, line, number) = self.file.excerpt(usize::try_from(at).unwrap_or(usize::MAX));
        let span = column.and_then(|column| cell(&line, column)).unwrap_or(0..line.len());
        let column =
            column.map_or_else(String::new, |c| format!(", column `{}`", shorten(&self.file.columns[c])));
        let name = &self.file.name;
        Problem::new(format!("{name}, line {number}{column}: found {found}, accepted is {accepted}")).at(
            &source,
            span,
            format!("accepted is {accepted}"),
        )
    }
}

/// Where a cell stands in its line; none if quotation marks make that unclear.
fn cell(line: &str, column: usize) -> Option<std::ops::Range<usize>> {
    if line.contains('"') {
        return None;
    }
    let start = line.split(',').take(column).map(|cell| cell.len() + 1).sum::<usize>();
    let length = line.get(start..)?.split(',').next()?.len();
    Some(start..start + length)
}
