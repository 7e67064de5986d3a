//! The table of agents: inline, as CSV, as Parquet.

use std::io::Write;
use std::sync::Arc;
use vickrey::accounts::Accounts;

use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use serde::Serialize;
use vickrey::guarantee::Baseline;
use vickrey::market::{Market, Settlement};
use vickrey::mechanism::AgentId;

use super::charge::Charge;
use super::folder::{Folder, WriteError};
use super::number::finite;

/// Up to this many agents the table is part of the document.
pub const MOST_INLINE: usize = 1_000;
/// Up to this many agents the table beside the document is CSV, above it is Parquet.
pub const MOST_CSV: usize = 10_000;
/// Rows that are held in memory at once while writing Parquet.
const BATCH: usize = 65_536;

/// The columns of numbers, in the order of the files.
pub const COLUMNS: [&str; 9] =
    ["allocation", "value", "payment", "lagrange", "vcg", "gap", "utility", "outside", "without"];

/// One agent's row. Null: the number does not exist, because the market is infeasible without this agent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AgentRow {
    /// The agent.
    pub name: String,
    /// Quantity received; negative: produced.
    pub allocation: f64,
    /// Its own utility of the allocation, before payment.
    pub value: Option<f64>,
    /// What it pays under the rule; negative: it is paid.
    pub payment: Option<f64>,
    /// What it would pay at the price.
    pub lagrange: Option<f64>,
    /// What it would pay under plain VCG.
    pub vcg: Option<f64>,
    /// `lagrange` minus `vcg`, at least 0.
    pub gap: Option<f64>,
    /// `value` minus `payment`.
    pub utility: Option<f64>,
    /// What it has if it does not take part.
    pub outside: Option<f64>,
    /// What the others can reach without it, H_i (baseline zero).
    pub without: Option<f64>,
}

/// The table of agents, computed row by row from a settlement.
#[derive(Clone, Copy, Debug)]
pub struct AgentTable<'a> {
    market: &'a Market,
    settlement: &'a Settlement,
    charge: &'a Charge,
}

/// A table that stands beside the document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TableFile {
    /// Its name in the folder of the document.
    pub file: &'static str,
    /// How many rows.
    pub rows: usize,
    /// Its columns.
    pub columns: Vec<&'static str>,
}

impl<'a> AgentTable<'a> {
    /// The table of this settlement under this rule.
    pub fn new(market: &'a Market, settlement: &'a Settlement, charge: &'a Charge) -> Self {
        Self { market, settlement, charge }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.settlement.agents()
    }

    /// Whether there are no rows (never: a market has two agents).
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One row.
    pub fn row(&self, agent: AgentId) -> AgentRow {
        let [allocation, value, payment, lagrange, vcg, gap, utility, outside, without] = self.numbers(agent);
        AgentRow {
            name: self.market.name(agent).into_owned(),
            allocation: allocation.unwrap_or(0.0),
            value,
            payment,
            lagrange,
            vcg,
            gap,
            utility,
            outside,
            without,
        }
    }

    /// The numbers of one row in the order of [`COLUMNS`].
    fn numbers(&self, agent: AgentId) -> [Option<f64>; COLUMNS.len()] {
        let (s, i) = (self.settlement, agent);
        [
            finite(s.allocation(i)),
            finite(s.own_utility(i)),
            self.charge.payment(s, i),
            finite(s.lagrange(i)),
            finite(s.vcg(i)),
            finite(s.gap(i)),
            self.charge.utility(s, i),
            finite(s.outside[i]),
            finite(s.without(i, Baseline::Zero)),
        ]
    }

    /// All rows, if the table is small enough to be part of a document.
    pub fn inline(&self) -> Option<Vec<AgentRow>> {
        (self.len() <= MOST_INLINE).then(|| (0..self.len()).map(|i| self.row(i)).collect())
    }

    /// The file that holds the table beside a document.
    pub fn file(&self) -> TableFile {
        let file = if self.len() <= MOST_CSV { "agents.csv" } else { "agents.parquet" };
        TableFile { file, rows: self.len(), columns: std::iter::once("name").chain(COLUMNS).collect() }
    }

    /// Writes the table into a folder of results.
    ///
    /// # Errors
    /// The file system refused.
    pub fn write(&self, folder: &Folder) -> Result<(), WriteError> {
        let name = self.file().file;
        folder.file(name, |out| {
            let written = if name.ends_with(".csv") { self.csv(out) } else { self.parquet(out) };
            written.map_err(|reason| WriteError::Table { file: name.to_owned(), reason })
        })
    }

    /// CSV with a header; numbers in the shortest form that reads back bit for bit, nothing where there is none.
    fn csv(&self, out: impl Write) -> Result<(), String> {
        let mut writer = csv::Writer::from_writer(out);
        let fail = |error: csv::Error| error.to_string();
        writer.write_record(std::iter::once("name").chain(COLUMNS)).map_err(fail)?;
        for i in 0..self.len() {
            writer.write_field(self.market.name(i).as_ref()).map_err(fail)?;
            for number in self.numbers(i) {
                // `{:?}` switches to an exponent for very large and very small numbers, `{}` never does.
                writer.write_field(number.map(|x| format!("{x:?}")).unwrap_or_default()).map_err(fail)?;
            }
            writer.write_record(None::<&[u8]>).map_err(fail)?;
        }
        writer.flush().map_err(|error| error.to_string())
    }

    /// Parquet with the same columns; null where there is no number.
    fn parquet(&self, out: impl Write + Send) -> Result<(), String> {
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let first = self.batch(0..self.len().min(BATCH))?;
        let mut writer =
            ArrowWriter::try_new(out, first.schema(), Some(properties)).map_err(|e| e.to_string())?;
        writer.write(&first).map_err(|e| e.to_string())?;
        for start in (BATCH..self.len()).step_by(BATCH) {
            let batch = self.batch(start..(start + BATCH).min(self.len()))?;
            writer.write(&batch).map_err(|e| e.to_string())?;
        }
        // The footer is written here; a file without it cannot be read.
        writer.close().map(drop).map_err(|e| e.to_string())
    }

    fn batch(&self, rows: std::ops::Range<usize>) -> Result<RecordBatch, String> {
        let mut columns: [Vec<Option<f64>>; COLUMNS.len()] =
            std::array::from_fn(|_| Vec::with_capacity(rows.len()));
        for i in rows.clone() {
            for (column, number) in columns.iter_mut().zip(self.numbers(i)) {
                column.push(number);
            }
        }
        let names: StringArray = rows.map(|i| Some(self.market.name(i))).collect();
        let names = std::iter::once(("name", Arc::new(names) as ArrayRef, false));
        let numbers = COLUMNS
            .into_iter()
            .zip(columns)
            .map(|(name, column)| (name, Arc::new(Float64Array::from(column)) as ArrayRef, true));
        RecordBatch::try_from_iter_with_nullable(names.chain(numbers)).map_err(|e| e.to_string())
    }
}
