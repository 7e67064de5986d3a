//! Tables beside a document: as CSV, or as Parquet where there are many rows.

use std::borrow::Cow;
use std::io::Write;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use serde::Serialize;

use super::folder::{Folder, WriteError};

/// Up to this many agents the table is part of the document.
pub const MOST_INLINE: usize = 1_000;
/// Up to this many rows a table of agents is CSV, above it is Parquet.
pub const MOST_CSV: usize = 10_000;
/// Rows that are held in memory at once while writing Parquet.
const BATCH: usize = 65_536;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Text.
    Words,
    /// Whole numbers.
    Whole,
    /// Numbers, some of which may not exist.
    Numbers,
}

/// One entry of a table, of the kind that its column holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell<'a> {
    /// Text.
    Words(Cow<'a, str>),
    /// A whole number.
    Whole(usize),
    /// A number; none if it does not exist.
    Number(Option<f64>),
}

/// A table that stands beside the document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TableFile {
    /// Its name in the folder of the document.
    pub file: String,
    /// How many rows.
    pub rows: usize,
    /// Its columns.
    pub columns: Vec<Cow<'static, str>>,
}

/// Rows that are computed one by one.
pub trait Table {
    /// Its name without the ending.
    fn stem(&self) -> &'static str;

    /// Its columns: their names, and what they hold.
    fn columns(&self) -> Vec<(Cow<'static, str>, Holds)>;

    /// Number of rows.
    fn rows(&self) -> usize;

    /// Appends one row, an entry for each column.
    fn put<'a>(&'a self, row: usize, cells: &mut Vec<Cell<'a>>);

    /// Up to this many rows it is CSV.
    fn most_csv(&self) -> usize {
        MOST_CSV
    }

    /// The file that holds it beside a document.
    fn file(&self) -> TableFile {
        let ending = if self.rows() <= self.most_csv() { "csv" } else { "parquet" };
        let columns = self.columns().into_iter().map(|(name, _)| name).collect();
        TableFile { file: format!("{}.{ending}", self.stem()), rows: self.rows(), columns }
    }

    /// Writes it into a folder of results.
    ///
    /// # Errors
    /// The file system refused.
    fn write(&self, folder: &Folder) -> Result<(), WriteError> {
        let name = self.file().file;
        folder.file(&name, |out| {
            let written = if name.ends_with(".csv") { csv(self, out) } else { parquet(self, out) };
            written.map_err(|reason| WriteError::Table { file: name.clone(), reason })
        })
    }
}

/// CSV with a header; numbers in the shortest form that reads back bit for bit, nothing where there is none.
fn csv<T: Table + ?Sized>(table: &T, out: impl Write) -> Result<(), String> {
    let mut writer = csv::Writer::from_writer(out);
    let fail = |error: csv::Error| error.to_string();
    writer.write_record(table.columns().iter().map(|(name, _)| name.as_ref())).map_err(fail)?;
    let mut cells = Vec::new();
    for row in 0..table.rows() {
        cells.clear();
        table.put(row, &mut cells);
        for cell in &cells {
            match cell {
                Cell::Words(text) => writer.write_field(text.as_ref()),
                Cell::Whole(n) => writer.write_field(n.to_string()),
                // `{:?}` switches to an exponent for very large and very small numbers, `{}` never does.
                Cell::Number(x) => writer.write_field(x.map(|x| format!("{x:?}")).unwrap_or_default()),
            }
            .map_err(fail)?;
        }
        writer.write_record(None::<&[u8]>).map_err(fail)?;
    }
    writer.flush().map_err(|error| error.to_string())
}

/// Parquet with the same columns; null where there is no number.
fn parquet<T: Table + ?Sized>(table: &T, out: impl Write + Send) -> Result<(), String> {
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let rows = table.rows();
    let first = batch(table, 0..rows.min(BATCH))?;
    let mut writer =
        ArrowWriter::try_new(out, first.schema(), Some(properties)).map_err(|e| e.to_string())?;
    writer.write(&first).map_err(|e| e.to_string())?;
    for start in (BATCH..rows).step_by(BATCH) {
        let batch = batch(table, start..(start + BATCH).min(rows))?;
        writer.write(&batch).map_err(|e| e.to_string())?;
    }
    // The footer is written here; a file without it cannot be read.
    writer.close().map(drop).map_err(|e| e.to_string())
}

/// The entries of one column, as they are collected.
enum Gathered {
    Words(Vec<String>),
    Whole(Vec<i64>),
    Numbers(Vec<Option<f64>>),
}

impl Gathered {
    fn push(&mut self, cell: Cell<'_>) {
        match (self, cell) {
            (Self::Words(all), Cell::Words(text)) => all.push(text.into_owned()),
            // A count that is too large for the format would have exhausted memory before.
            (Self::Whole(all), Cell::Whole(n)) => all.push(i64::try_from(n).unwrap_or(i64::MAX)),
            (Self::Numbers(all), Cell::Number(x)) => all.push(x),
            _ => unreachable!("an entry is of the kind of its column"),
        }
    }

    /// The column, and whether entries may be missing.
    fn finish(self) -> (ArrayRef, bool) {
        match self {
            Self::Words(all) => (Arc::new(StringArray::from(all)), false),
            Self::Whole(all) => (Arc::new(Int64Array::from(all)), false),
            Self::Numbers(all) => (Arc::new(Float64Array::from(all)), true),
        }
    }
}

fn batch<T: Table + ?Sized>(table: &T, rows: Range<usize>) -> Result<RecordBatch, String> {
    let heads = table.columns();
    let mut columns: Vec<Gathered> = heads
        .iter()
        .map(|(_, holds)| match holds {
            Holds::Words => Gathered::Words(Vec::with_capacity(rows.len())),
            Holds::Whole => Gathered::Whole(Vec::with_capacity(rows.len())),
            Holds::Numbers => Gathered::Numbers(Vec::with_capacity(rows.len())),
        })
        .collect();
    let mut cells = Vec::new();
    for row in rows {
        table.put(row, &mut cells);
        for (column, cell) in columns.iter_mut().zip(cells.drain(..)) {
            column.push(cell);
        }
    }
    let columns = heads.into_iter().zip(columns).map(|((name, _), column)| {
        let (array, nullable) = column.finish();
        (name, array, nullable)
    });
    RecordBatch::try_from_iter_with_nullable(columns).map_err(|e| e.to_string())
}
