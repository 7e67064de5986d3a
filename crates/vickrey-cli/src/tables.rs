//! Tables for people: no colours, numbers to the right, as wide as the terminal.

use std::io::{self, IsTerminal, Write};

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};

/// How wide a table with sentences becomes where there is no terminal to ask.
const WIDTH: u16 = 110;

/// What a column holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Column {
    /// Words, to the left.
    Words(String),
    /// Numbers, to the right.
    Numbers(String),
}

/// Prints rows under a header; sentences wrap.
pub fn print(out: &mut dyn Write, columns: &[Column], rows: Vec<Vec<String>>) -> io::Result<()> {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    if !io::stdout().is_terminal() {
        table.force_no_tty().set_width(WIDTH);
    }
    table.set_header(columns.iter().map(|column| match column {
        Column::Words(text) => Cell::new(text),
        Column::Numbers(text) => Cell::new(text).set_alignment(CellAlignment::Right),
    }));
    table.add_rows(rows);
    for (column, kind) in table.column_iter_mut().zip(columns) {
        if matches!(kind, Column::Numbers(_)) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for line in table.lines() {
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// Prints name and value pairs, the values under each other.
pub fn pairs(out: &mut dyn Write, pairs: &[(&str, String)]) -> io::Result<()> {
    let width = pairs.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    for (name, value) in pairs {
        writeln!(out, "{name:<width$}  {value}")?;
    }
    Ok(())
}
