//! Comma-separated tables: a header, then one row per line; `#` starts a comment line; blanks around cells do not count.

use std::ops::Range;
use std::str;

use ::csv::{ByteRecord, ReaderBuilder};

use super::{Advice, Column, Row, Table, Unusable, find_columns};
use crate::diagnostic::{Problems, Source, shorten};

const COMMENT: u8 = b'#';

/// The cells of a row.
pub(crate) struct Cells<'a> {
    record: &'a ByteRecord,
    /// For each asked column its place in the record.
    places: &'a [Option<usize>],
}

impl Cells<'_> {
    fn cell(&self, column: usize) -> Option<&[u8]> {
        let cell = self.record.get(self.places[column]?)?.trim_ascii();
        (!cell.is_empty()).then_some(cell)
    }

    pub fn text(&self, column: usize) -> Result<Option<&str>, Unusable> {
        let Some(cell) = self.cell(column) else { return Ok(None) };
        match str::from_utf8(cell) {
            Ok(text) => Ok(Some(text)),
            Err(_) => {
                Err(Unusable(format!("`{}`, which is not UTF-8", shorten(&String::from_utf8_lossy(cell)))))
            }
        }
    }

    pub fn number(&self, column: usize) -> Result<Option<f64>, Unusable> {
        let Some(cell) = self.cell(column) else { return Ok(None) };
        let number = str::from_utf8(cell).ok().and_then(|text| text.parse::<f64>().ok());
        match number {
            // `1e999` parses as infinity; the words `inf` and `nan` parse, too.
            Some(number) if number.is_finite() => Ok(Some(number)),
            _ => Err(Unusable(format!("`{}`", shorten(&String::from_utf8_lossy(cell))))),
        }
    }
}

pub(super) fn read(
    table: &Table,
    bytes: &[u8],
    columns: &[Column<'_>],
    advice: Advice,
    problems: &mut Problems,
    visit: &mut dyn FnMut(&Row<'_>, &mut Problems),
) {
    // Lengths are compared below, with a better message; trimming in the reader would allocate for every row.
    let mut reader = ReaderBuilder::new().comment(Some(COMMENT)).flexible(true).from_reader(bytes);
    let Some((places, width)) = header(table, &mut reader, columns, advice, problems) else { return };
    let mut record = ByteRecord::new();
    loop {
        match reader.read_byte_record(&mut record) {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                let what = format!("cannot be read on: {error}");
                return problems.push(table.problem_in_file(what, "accepted: comma-separated values"));
            }
        }
        let key = record.position().map_or(0, ::csv::Position::byte);
        if record.len() != width {
            if record.len() != 1 || !record[0].trim_ascii().is_empty() {
                problems.push_with(|| ragged(table, key, &record, width));
            }
            continue;
        }
        let cells = super::Cells::Csv(Cells { record: &record, places: &places });
        visit(&Row { key, cells }, problems);
    }
}

/// Where the asked columns are, and how many cells a row has.
fn header(
    table: &Table,
    reader: &mut ::csv::Reader<&[u8]>,
    columns: &[Column<'_>],
    advice: Advice,
    problems: &mut Problems,
) -> Option<(Vec<Option<usize>>, usize)> {
    let required = columns.iter().filter(|c| c.required).map(|c| c.name).collect::<Vec<_>>().join(",");
    let record = match reader.byte_headers() {
        // A comment that ends with the file comes as one empty cell.
        Ok(record) if record.iter().any(|cell| !cell.trim_ascii().is_empty()) => record,
        _ => {
            let help = format!("accepted: a first line with the names of the columns, at least {required}");
            problems.push(table.problem_in_file("the file is empty".to_owned(), &help));
            return None;
        }
    };
    let mut names = Vec::with_capacity(record.len());
    for cell in record {
        match str::from_utf8(cell.trim_ascii()) {
            Ok(name) if !name.contains('\0') => names.push(name),
            _ => {
                let what = "the first line is not UTF-8 text".to_owned();
                problems.push(table.problem_in_file(what, "accepted: comma-separated values in UTF-8"));
                return None;
            }
        }
    }
    if let ([only], Some(separator)) = (&names[..], names[0].chars().find(|c| matches!(c, ';' | '\t' | '|')))
    {
        let what = format!("the columns are separated by {separator:?}");
        let help = format!("accepted: commas, for example {required}");
        problems.push(table.problem_in_header(Some(only), what, help));
        return None;
    }
    let places = find_columns(table, columns, &names, advice, problems)?;
    Some((places, record.len()))
}

fn ragged(table: &Table, key: u64, record: &ByteRecord, width: usize) -> crate::Problem {
    let cells = if record.len() == 1 { "1 cell".to_owned() } else { format!("{} cells", record.len()) };
    let problem = table.problem(key, None, cells, &format!("{width} cells, one for each column"));
    if record.iter().any(|cell| cell.contains(&b'\n')) {
        return problem
            .with_help("a cell of this row goes over several lines: is a quotation mark not closed?");
    }
    problem
}

/// A line of the file with its neighbours, and a place in it.
pub(super) struct Shown {
    pub source: Source,
    /// Number of the line, from 1.
    pub line: usize,
    pub span: Range<usize>,
}

/// The row that the reader began to read at `key`, and in it a column.
pub(super) fn show(name: &str, bytes: &[u8], key: u64, column: Option<&str>) -> Shown {
    /// Longer lines are shown up to here.
    const WIDEST: usize = 300;
    let start = first_row(bytes, usize::try_from(key).unwrap_or(usize::MAX).min(bytes.len()));
    let line = bytes[..start].iter().filter(|&&byte| byte == b'\n').count() + 1;
    let row = line_at(bytes, start);
    let cell = column.and_then(|column| place_of(column, bytes)).and_then(|index| cell_range(row, index));
    let before = start.checked_sub(1).filter(|&end| bytes[end] == b'\n').map(|end| {
        let from = bytes[..end].iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
        &bytes[from..end]
    });
    let after =
        bytes.get(start + row.len() + 1..).filter(|rest| !rest.is_empty()).map(|rest| line_at(rest, 0));
    let mut text = String::new();
    let mut span = 0..0;
    for (part, is_row) in [(before, false), (Some(row), true), (after, false)] {
        let Some(part) = part else { continue };
        let shown = String::from_utf8_lossy(&part[..part.len().min(WIDEST)]).replace('\r', "");
        if is_row {
            let at = text.len();
            // Replaced or cut characters move the cell; then the line as a whole is marked.
            let exact =
                cell.clone().filter(|cell| cell.end <= shown.len() && row.starts_with(shown.as_bytes()));
            span = exact.map_or(at..at + shown.len(), |cell| at + cell.start..at + cell.end);
        }
        text.push_str(&shown);
        text.push('\n');
    }
    let first_line = line - 1 - usize::from(before.is_some());
    Shown { source: Source::excerpt(name, text, first_line), line, span }
}

/// Skips what the reader skips before a row: rests of line ends, blank lines, comments.
fn first_row(bytes: &[u8], mut at: usize) -> usize {
    loop {
        match bytes.get(at) {
            Some(b'\n' | b'\r') => at += 1,
            Some(&COMMENT) => at += line_at(bytes, at).len(),
            _ => return at,
        }
    }
}

/// The line that starts here, without its end.
fn line_at(bytes: &[u8], start: usize) -> &[u8] {
    let rest = &bytes[start.min(bytes.len())..];
    let end = rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
    &rest[..end]
}

/// Which column of the header has this name.
fn place_of(column: &str, bytes: &[u8]) -> Option<usize> {
    let header = line_at(bytes, first_row(bytes, 0));
    let named = |index: &usize| {
        cell_range(header, *index).is_some_and(|range| header[range].trim_ascii() == column.as_bytes())
    };
    (0..=header.iter().filter(|&&byte| byte == b',').count()).find(named)
}

/// Where a cell stands in its line, without the blanks and quotation marks around it.
fn cell_range(line: &[u8], index: usize) -> Option<Range<usize>> {
    let (mut start, mut column, mut quoted) = (0, 0, false);
    for at in 0..=line.len() {
        match line.get(at) {
            Some(b'"') => quoted = !quoted,
            Some(b',') if quoted => {}
            Some(b',') | None if column == index => {
                let outside = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'"';
                let cell = &line[start..at];
                let first = cell.iter().position(|byte| !outside(byte)).unwrap_or(0);
                let last = cell.iter().rposition(|byte| !outside(byte)).map_or(cell.len(), |last| last + 1);
                return Some(start + first..start + last);
            }
            Some(b',') => (start, column) = (at + 1, column + 1),
            _ => {}
        }
    }
    None
}
