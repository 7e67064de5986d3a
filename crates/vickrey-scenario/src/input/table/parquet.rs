//! Parquet tables: numbers of any width, texts plain or as dictionaries, null for what is not given.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, LargeStringArray, PrimitiveArray, RecordBatch, StringArray, StringViewArray};
use arrow_schema::DataType;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::{Advice, Column, Row, Table, find_columns};
use crate::diagnostic::Problems;

const BATCH: usize = 8192;

/// The cells of a row.
pub(crate) struct Cells<'a> {
    columns: &'a [Values<'a>],
    row: usize,
}

/// A column of one batch.
enum Values<'a> {
    Absent,
    Numbers(Vec<Option<f64>>),
    Texts(Texts<'a>),
    /// Texts by index into a dictionary.
    Dictionary(&'a dyn Array, Vec<usize>, Texts<'a>),
    /// Whole numbers where a text is asked for, such as names 1, 2, 3.
    Digits(Vec<Option<String>>),
}

enum Texts<'a> {
    Plain(&'a StringArray),
    Large(&'a LargeStringArray),
    View(&'a StringViewArray),
}

impl Texts<'_> {
    fn get(&self, row: usize) -> Option<&str> {
        match self {
            Self::Plain(texts) => texts.is_valid(row).then(|| texts.value(row)),
            Self::Large(texts) => texts.is_valid(row).then(|| texts.value(row)),
            Self::View(texts) => texts.is_valid(row).then(|| texts.value(row)),
        }
    }

    fn of(array: &dyn Array) -> Option<Texts<'_>> {
        let plain = array.as_string_opt::<i32>().map(Texts::Plain);
        let large = || array.as_string_opt::<i64>().map(Texts::Large);
        plain.or_else(large).or_else(|| array.as_string_view_opt().map(Texts::View))
    }
}

impl Cells<'_> {
    pub fn text(&self, column: usize) -> Option<&str> {
        let text = match &self.columns[column] {
            Values::Texts(texts) => texts.get(self.row),
            Values::Dictionary(array, keys, texts) if array.is_valid(self.row) => texts.get(keys[self.row]),
            Values::Digits(digits) => digits[self.row].as_deref(),
            _ => None,
        };
        text.map(str::trim).filter(|text| !text.is_empty())
    }

    pub fn number(&self, column: usize) -> Option<f64> {
        match &self.columns[column] {
            Values::Numbers(numbers) => numbers[self.row],
            _ => None,
        }
    }
}

pub(super) fn read(
    table: &Table,
    file: &File,
    columns: &[Column<'_>],
    advice: Advice,
    problems: &mut Problems,
    visit: &mut dyn FnMut(&Row<'_>, &mut Problems),
) {
    let damaged = |error: String| {
        let what = format!("not a Parquet file, or cut short or damaged ({error})");
        table.problem_in_file(what, "accepted: a complete Parquet file, with snappy, zstd or no compression")
    };
    let opened = contained(|| ParquetRecordBatchReaderBuilder::try_new(file.try_clone()?));
    let builder = match opened {
        Ok(builder) => builder.with_batch_size(BATCH),
        Err(error) => return problems.push(damaged(error)),
    };
    let schema = builder.schema().clone();
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let Some(places) = find_columns(table, columns, &names, advice, problems) else { return };
    let before = problems.count();
    for (column, place) in columns.iter().zip(&places) {
        let Some(place) = place else { continue };
        check_type(table, column, schema.field(*place).data_type(), problems);
    }
    if problems.count() > before {
        return;
    }
    let mut batches = match contained(|| builder.build()) {
        Ok(batches) => batches,
        Err(error) => return problems.push(damaged(error)),
    };
    let mut first = 0;
    loop {
        match contained(|| batches.next().transpose()) {
            Ok(Some(batch)) => {
                visit_batch(&batch, columns, &places, first, problems, visit);
                first += batch.num_rows() as u64;
            }
            Ok(None) => return,
            Err(error) => return problems.push(damaged(error)),
        }
    }
}

/// The crate `parquet` checks much, but panics on some damaged files (a negative offset, for one); such a file is a
/// mistake of the input like any other.
fn contained<T, E: std::fmt::Display>(read: impl FnOnce() -> Result<T, E>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("its parts contradict each other".to_owned()),
    }
}

fn visit_batch(
    batch: &RecordBatch,
    columns: &[Column<'_>],
    places: &[Option<usize>],
    first: u64,
    problems: &mut Problems,
    visit: &mut dyn FnMut(&Row<'_>, &mut Problems),
) {
    let read = |(column, place): (&Column, &Option<usize>)| match place {
        Some(place) => values(batch.column(*place).as_ref(), column.number),
        None => Values::Absent,
    };
    let values: Vec<Values<'_>> = columns.iter().zip(places).map(read).collect();
    for row in 0..batch.num_rows() {
        let cells = super::Cells::Parquet(Cells { columns: &values, row });
        visit(&Row { key: first + row as u64, cells }, problems);
    }
}

fn check_type(table: &Table, column: &Column<'_>, found: &DataType, problems: &mut Problems) {
    let text = |found: &DataType| matches!(found, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    let fits = match found {
        DataType::Null => true,
        found if column.number => {
            found.is_integer() || matches!(found, DataType::Float32 | DataType::Float64)
        }
        DataType::Dictionary(_, values) => text(values),
        found => text(found) || found.is_integer(),
    };
    if !fits {
        let accepted = if column.number { "numbers (Float64, Float32 or integers)" } else { "text (Utf8)" };
        let what = format!("column `{}` holds {found}, accepted is {accepted}", column.name);
        problems.push(table.problem_in_header(
            None,
            what,
            "null is accepted for what is not given".to_owned(),
        ));
    }
}

/// The cells of a column whose type has been checked.
fn values(array: &dyn Array, number: bool) -> Values<'_> {
    if let Some(dictionary) = array.as_any_dictionary_opt() {
        let texts = Texts::of(dictionary.values().as_ref());
        return texts
            .map_or(Values::Absent, |texts| Values::Dictionary(array, dictionary.normalized_keys(), texts));
    }
    if let Some(texts) = Texts::of(array) {
        return Values::Texts(texts);
    }
    match array.data_type() {
        DataType::Int64 if !number => digits(array.as_primitive_opt::<Int64Type>()),
        DataType::UInt64 if !number => digits(array.as_primitive_opt::<UInt64Type>()),
        _ => match (numbers(array), number) {
            (Some(numbers), true) => Values::Numbers(numbers),
            (Some(numbers), false) => {
                Values::Digits(numbers.iter().map(|n| n.map(|n| n.to_string())).collect())
            }
            (None, _) => Values::Absent,
        },
    }
}

fn digits<T>(array: Option<&PrimitiveArray<T>>) -> Values<'static>
where
    T: ArrowPrimitiveType,
    T::Native: ToString,
{
    array.map_or(Values::Absent, |array| {
        Values::Digits(array.iter().map(|value| value.map(|value| value.to_string())).collect())
    })
}

fn numbers(array: &dyn Array) -> Option<Vec<Option<f64>>> {
    fn all<T: ArrowPrimitiveType>(
        array: &dyn Array,
        convert: impl Fn(T::Native) -> f64,
    ) -> Option<Vec<Option<f64>>> {
        Some(array.as_primitive_opt::<T>()?.iter().map(|value| value.map(&convert)).collect())
    }
    match array.data_type() {
        DataType::Float64 => all::<Float64Type>(array, |v| v),
        DataType::Float32 => all::<Float32Type>(array, f64::from),
        DataType::Int8 => all::<Int8Type>(array, f64::from),
        DataType::Int16 => all::<Int16Type>(array, f64::from),
        DataType::Int32 => all::<Int32Type>(array, f64::from),
        DataType::UInt8 => all::<UInt8Type>(array, f64::from),
        DataType::UInt16 => all::<UInt16Type>(array, f64::from),
        DataType::UInt32 => all::<UInt32Type>(array, f64::from),
        // Above 2^53 these round; nothing of that size is accepted anywhere.
        DataType::Int64 => all::<Int64Type>(array, |v| v as f64),
        DataType::UInt64 => all::<UInt64Type>(array, |v| v as f64),
        _ => None,
    }
}
