//! Agents in a table, one per row: agents with one state.

use vickrey::numeric::law::Law;

use super::Terms;
use super::roster::{Listed, REFUSED, Roster};
use super::samples::Named;
use crate::diagnostic::{Problems, list, shorten, suggest, written};
use crate::input::keys::NAME;
use crate::input::keys::linear_quadratic::{self as keys, LAW, NUMBERS, number};
use crate::input::names;
use crate::input::sheet::Desk;
use crate::input::table::{Column, Row, Table};

const NAME_COLUMN: usize = 0;
const LAW_COLUMN: usize = 1;
const FIRST_NUMBER: usize = 2;
/// Loadings are lists: all numbers but these have a column.
const COLUMNS: usize = number::LOADINGS;

/// Reads one agent per row. What an agent needs can also come from a table of series, if there is one.
pub(super) fn read(table: &Table, terms: &Terms, has_series: bool, desk: &mut Desk, roster: &mut Roster) {
    let columns: Vec<Column> = [(NAME.name, true), (LAW.name, false)]
        .into_iter()
        .map(|(name, required)| Column { name, number: false, required })
        .chain(NUMBERS[..COLUMNS].iter().map(|key| Column {
            name: key.name,
            number: true,
            required: key.required && !has_series,
        }))
        .collect();
    table.read(&columns, advice, &mut desk.problems, &mut |row, problems| {
        let name = names::listed(table, row, NAME_COLUMN, NAME.name, problems).unwrap_or_default();
        roster.names.add_row(name.into(), row.key);
        let listed = &mut roster.listed;
        for k in 0..COLUMNS {
            if let Some(x) = number(table, row, k, terms, problems) {
                listed.set(k, x);
            }
        }
        law(table, row, terms, listed, problems);
        if is_unobserved(row) {
            problems.push_with(|| {
                let key = NUMBERS[number::OBSERVATION_NOISE].name;
                table.problem(row.key, Some(key), "a value, but `observation` is empty", "an empty cell")
            });
        }
        listed.rows += 1;
    });
}

fn advice(column: &str) -> Option<&'static str> {
    match column {
        "states" | "loadings" => Some(
            "agents with several states or with loadings are accepted in [[agents]] of the scenario only",
        ),
        "period" => Some("numbers that change over time go into a table of their own, `series` in [tables]"),
        "agent" => Some("the column with the agents' names is `name` here"),
        _ => None,
    }
}

/// The number of a cell; none if it is empty.
fn number(table: &Table, row: &Row<'_>, k: usize, terms: &Terms, problems: &mut Problems) -> Option<f64> {
    let found = match row.number(FIRST_NUMBER + k) {
        Ok(None) => return None,
        Ok(Some(x)) if terms.range(k).takes(x) => return Some(terms.value(k, x)),
        Ok(Some(x)) => format!("found {}", written(x)),
        Err(found) => format!("found {}", found.0),
    };
    problems.push_with(|| table.problem(row.key, Some(NUMBERS[k].name), found, terms.range(k).words));
    Some(REFUSED)
}

/// Whether a row has an error of a measurement, and no measurement.
fn is_unobserved(row: &Row<'_>) -> bool {
    matches!(row.number(FIRST_NUMBER + number::OBSERVATION), Ok(None))
        && matches!(row.number(FIRST_NUMBER + number::OBSERVATION_NOISE), Ok(Some(_)))
}

fn law(table: &Table, row: &Row<'_>, terms: &Terms, listed: &mut Listed, problems: &mut Problems) {
    let key = NUMBERS[number::DEGREES].name;
    let degrees = listed.get(number::DEGREES, listed.rows);
    let word = match row.text(LAW_COLUMN) {
        Ok(word) => word.unwrap_or("gaussian"),
        Err(found) => {
            let what = format!("found {}", found.0);
            return problems.push_with(|| table.problem(row.key, Some(LAW.name), what, "a name in UTF-8"));
        }
    };
    match (terms.laws.named(word), degrees) {
        (Named::StudentT, None) => problems.push_with(|| {
            let what = "empty, but law `student-t` needs it";
            table.problem(row.key, Some(key), what, keys::of(number::DEGREES).range.words)
        }),
        // Degrees that make no law have been refused already.
        (Named::StudentT, Some(degrees)) => listed.set_law(Law::student_t(degrees).unwrap_or_default()),
        (Named::Unknown, _) => problems.push_with(|| {
            let accepted = format!("one of {}", list(terms.laws.words()));
            table
                .problem(row.key, Some(LAW.name), format!("found `{}`", shorten(word)), &accepted)
                .with_help(suggest(word, terms.laws.words()))
        }),
        (Named::Law(_), Some(_)) => problems.push_with(|| {
            let what = format!("a value, but law `{}` does not take it", shorten(word));
            table.problem(row.key, Some(key), what, "an empty cell")
        }),
        (Named::Law(law), None) => listed.set_law(law.unwrap_or_default()),
    }
}
