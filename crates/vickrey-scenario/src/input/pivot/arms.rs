//! Projects in a table, one row per state.

use vickrey::pivot::Kernel;

use super::licence::Project;
use super::list::List;
use super::tree::{ROW_SUM, rounded};
use crate::diagnostic::{Problems, shorten, written};
use crate::input::names;
use crate::input::sheet::Desk;
use crate::input::table::{Column, Row, Table};

const PLAYER: usize = 0;
const STATE: usize = 1;
const VALUE: usize = 2;
const PRIOR: usize = 3;
const TO: usize = 4;

/// Columns to-1, to-2, …: projects in tables have at most so many states.
const COLUMNS: [&str; 32] = [
    "to-1", "to-2", "to-3", "to-4", "to-5", "to-6", "to-7", "to-8", "to-9", "to-10", "to-11", "to-12",
    "to-13", "to-14", "to-15", "to-16", "to-17", "to-18", "to-19", "to-20", "to-21", "to-22", "to-23",
    "to-24", "to-25", "to-26", "to-27", "to-28", "to-29", "to-30", "to-31", "to-32",
];

/// A project as its rows come in.
struct Draft {
    first: u64,
    states: Vec<String>,
    rows: Vec<u64>,
    value: Vec<f64>,
    prior: Vec<f64>,
    to: Vec<Vec<f64>>,
}

/// The projects of a table; their names are added to those of the scenario.
pub(super) fn read(table: &Table, names: &mut List, desk: &mut Desk) -> Vec<Option<Project>> {
    let columns: Vec<Column> = [("player", false), ("state", false), ("value", true), ("prior", true)]
        .into_iter()
        .map(|(name, number)| Column { name, number, required: true })
        .chain(COLUMNS.iter().map(|&name| Column { name, number: true, required: name == COLUMNS[0] }))
        .collect();
    let mut drafts: Vec<(String, Draft)> = Vec::new();
    let before = desk.problems.count();
    table.read(&columns, advice, &mut desk.problems, &mut |row, problems| {
        let _ = add(table, row, names, &mut drafts, problems);
    });
    if desk.problems.count() > before {
        return Vec::new();
    }
    drafts
        .into_iter()
        .map(|(name, draft)| {
            names.append(name.clone());
            draft.finish(table, &name, &mut desk.problems)
        })
        .collect()
}

fn advice(column: &str) -> Option<&'static str> {
    match column {
        "name" | "project" | "agent" => Some("the column with the projects' names is `player`"),
        "type" => Some("the column with the states is `state`"),
        "to-0" => Some("states are counted from 1: to-1 is the first"),
        _ => None,
    }
}

fn add(
    table: &Table,
    row: &Row<'_>,
    names: &List,
    drafts: &mut Vec<(String, Draft)>,
    problems: &mut Problems,
) -> Option<()> {
    let name = names::listed(table, row, PLAYER, "player", problems);
    let state = names::listed(table, row, STATE, "state", problems);
    let value = number(table, row, VALUE, "value", problems);
    let prior = number(table, row, PRIOR, "prior", problems);
    let to: Option<Vec<f64>> = (0..COLUMNS.len())
        .map(|k| match row.number(TO + k) {
            Ok(None) => Some(0.0),
            _ => number(table, row, TO + k, COLUMNS[k], problems),
        })
        .collect();
    let (name, state, value, prior, to) = (name?, state?, value?, prior?, to?);
    if names.index(name).is_some() {
        let what = format!("player `{}` is in the scenario as well", shorten(name));
        problems.push_with(|| {
            table.problem(row.key, Some("player"), what, "").with_help("accepted: every name once")
        });
        return None;
    }
    // Rows of one project usually follow each other.
    let known = drafts.iter().rposition(|(known, _)| known == name).unwrap_or_else(|| {
        let draft = Draft {
            first: row.key,
            states: Vec::new(),
            rows: Vec::new(),
            value: Vec::new(),
            prior: Vec::new(),
            to: Vec::new(),
        };
        drafts.push((name.to_owned(), draft));
        drafts.len() - 1
    });
    let draft = &mut drafts[known].1;
    if draft.states.iter().any(|known| known == state) {
        let what = format!("player `{}` has state `{}` twice", shorten(name), shorten(state));
        problems.push_with(|| {
            table.problem(row.key, Some("state"), what, "").with_help("accepted: one row for each state")
        });
        return None;
    }
    draft.states.push(state.to_owned());
    draft.rows.push(row.key);
    draft.value.push(value);
    draft.prior.push(prior);
    draft.to.push(to);
    Some(())
}

fn number(table: &Table, row: &Row<'_>, column: usize, title: &str, problems: &mut Problems) -> Option<f64> {
    let (low, high, accepted) = match column {
        VALUE => (-1e12, 1e12, "a finite number of size at most 1e12"),
        _ => (0.0, 1.0, "a probability from 0 to 1"),
    };
    let found = match row.number(column) {
        Ok(Some(x)) if (low..=high).contains(&x) => return Some(x),
        Ok(Some(x)) => format!("found {}", written(x)),
        Ok(None) => "empty".to_owned(),
        Err(found) => format!("found {}", found.0),
    };
    problems.push_with(|| table.problem(row.key, Some(title), found, accepted));
    None
}

impl Draft {
    /// The project, if its probabilities are such.
    fn finish(self, table: &Table, name: &str, problems: &mut Problems) -> Option<Project> {
        let n = self.states.len();
        let before = problems.count();
        let name = shorten(name);
        for ((to, row), state) in self.to.iter().zip(&self.rows).zip(&self.states) {
            if let Some(k) = to.iter().skip(n).position(|p| *p != 0.0) {
                let title = COLUMNS[n + k];
                let what = format!("a probability, but player `{name}` has {n} states");
                problems.push_with(|| table.problem(*row, Some(title), what, "an empty cell"));
            }
            let sum: f64 = to.iter().take(n).sum();
            if (sum - 1.0).abs() > ROW_SUM {
                let what = format!(
                    "player `{name}`, state `{}`: probabilities that add up to {}",
                    shorten(state),
                    rounded(sum)
                );
                problems.push_with(|| table.problem(*row, Some(COLUMNS[0]), what, "a sum of 1"));
            }
        }
        let sum: f64 = self.prior.iter().sum();
        if (sum - 1.0).abs() > ROW_SUM {
            let what = format!("player `{name}`: priors that add up to {}", rounded(sum));
            problems
                .push_with(|| table.problem(self.first, Some("prior"), what, "a sum of 1 over her states"));
        }
        let rows = self.to.iter().flat_map(|to| to.iter().copied().take(n)).collect();
        (problems.count() == before).then(|| Project {
            kernel: Kernel::new(n, rows),
            states: self.states,
            value: self.value,
            prior: self.prior,
        })
    }
}
