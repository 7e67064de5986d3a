//! Tables with one row per agent and period: series of parameters, and recorded disturbances.

use std::collections::{BTreeMap, HashMap};

use super::Terms;
use super::roster::{Paths, REFUSED, Roster};
use crate::diagnostic::{Problem, Problems, nearest, shorten, written};
use crate::input::keys::Range;
use crate::input::keys::linear_quadratic::{self as keys, NUMBERS, number};
use crate::input::names;
use crate::input::sheet::Desk;
use crate::input::table::{Column, Row, Table};

const AGENT: usize = 0;
const PERIOD: usize = 1;
const FIRST_VALUE: usize = 2;

/// Numbers that can change over time.
pub(super) fn over_time() -> impl Iterator<Item = usize> {
    (0..number::COUNT).filter(|&k| keys::of(k).over_time)
}

/// Reads the table of series into the roster.
pub(super) fn read_series(
    table: &Table,
    terms: &Terms,
    periods: usize,
    desk: &mut Desk,
    roster: &mut Roster,
) {
    let numbers: Vec<usize> = over_time().collect();
    let columns: Vec<Asked> = numbers
        .iter()
        .map(|&k| Asked { name: NUMBERS[k].name, range: terms.range(k), required: false })
        .collect();
    let read = Reader::read(table, &columns, periods, roster, desk);
    let mut series = BTreeMap::new();
    for (agent, entry) in read {
        let mut paths = Paths::default();
        for (&k, values) in numbers.iter().zip(entry.columns) {
            if !values.is_empty() {
                refuse_second(table, entry.first, agent, k, roster, desk);
                paths[k] = values.into_iter().map(|x| terms.value(k, x)).collect();
            }
        }
        series.insert(agent, paths);
    }
    roster.series = series;
}

/// Reads the table of recorded disturbances.
pub(super) fn read_path(table: &Table, periods: usize, roster: &Roster, desk: &mut Desk) -> super::Replay {
    let columns = [Asked { name: "disturbance", range: keys::of(number::START).range, required: true }];
    let mut replay = vec![None; roster.len()];
    for (agent, entry) in Reader::read(table, &columns, periods, roster, desk) {
        replay[agent] = entry.columns.into_iter().next();
    }
    replay
}

/// Reports a column of a series for a number that the agent has as a list already.
fn refuse_second(table: &Table, row: u64, agent: usize, k: usize, roster: &Roster, desk: &mut Desk) {
    let given = roster.drafts.get(agent).and_then(|draft| draft.values[k].as_ref());
    let Some(given) = given.filter(|given| given.over_time) else { return };
    let (name, key) = (shorten(&roster.names.list[agent]), NUMBERS[k].name);
    let source = desk.source.clone();
    desk.problems.push_with(|| {
        let what = format!("agent `{name}` has a list for `{key}` in the scenario as well");
        let note = Problem::new("the list is here").at(&source, given.place(None), "");
        table
            .problem(row, Some(key), what, "")
            .with_help("accepted: one of the two; a single number in the scenario gives way to the series")
            .with_note(note)
    });
}

/// A column of values.
struct Asked {
    name: &'static str,
    range: &'static Range,
    required: bool,
}

/// What the table says about one agent.
struct Entry {
    /// Its first row.
    first: u64,
    /// The row of each period, or [`UNSEEN`].
    rows: Vec<u64>,
    /// Column by column one value per period; NaN for an empty cell; no values for a column that is never filled.
    columns: Vec<Vec<f64>>,
}

const UNSEEN: u64 = u64::MAX;

struct Reader<'a> {
    table: &'a Table,
    asked: &'a [Asked],
    periods: usize,
    roster: &'a Roster,
    known: HashMap<&'a str, usize>,
    /// The agent of the row before: rows of one agent usually follow each other.
    last: Option<usize>,
    entries: BTreeMap<usize, Entry>,
}

impl<'a> Reader<'a> {
    /// Everything that the table says, complete for every agent and column that it says something about.
    fn read(
        table: &'a Table,
        asked: &'a [Asked],
        periods: usize,
        roster: &'a Roster,
        desk: &mut Desk,
    ) -> BTreeMap<usize, Entry> {
        let columns: Vec<Column> = [("agent", false), ("period", true)]
            .into_iter()
            .map(|(name, number)| Column { name, number, required: true })
            .chain(asked.iter().map(|a| Column { name: a.name, number: true, required: a.required }))
            .collect();
        let known = roster.names.list.iter().enumerate().map(|(agent, name)| (&**name, agent)).collect();
        let mut reader =
            Reader { table, asked, periods, roster, known, last: None, entries: BTreeMap::new() };
        table.read(&columns, advice, &mut desk.problems, &mut |row, problems| reader.add(row, problems));
        reader.check_gaps(&mut desk.problems);
        reader.entries
    }

    fn add(&mut self, row: &Row<'_>, problems: &mut Problems) {
        let table = self.table;
        let Some(name) = names::listed(table, row, AGENT, "agent", problems) else { return };
        let agent = match self.agent(name) {
            Ok(agent) => agent,
            Err(refused) => return problems.push_with(|| refused.at_row(table, row.key)),
        };
        let period = self.period(row, problems);
        let mut values = Vec::with_capacity(self.asked.len());
        for (k, asked) in self.asked.iter().enumerate() {
            values.push(self.value(row, FIRST_VALUE + k, asked, name, period, problems));
        }
        let (Some(agent), Some(period)) = (agent, period) else { return };
        let entry = self.entries.entry(agent).or_insert_with(|| Entry {
            first: row.key,
            rows: vec![UNSEEN; self.periods],
            columns: vec![Vec::new(); self.asked.len()],
        });
        if entry.rows[period] != UNSEEN {
            let first = entry.rows[period];
            let what = format!("agent `{}` has period {period} twice", shorten(name));
            return problems.push_with(|| {
                table
                    .problem(row.key, Some("period"), what, "")
                    .with_help("accepted: one row for each agent and period")
                    .with_note(table.problem(first, Some("period"), "first given here", ""))
            });
        }
        entry.rows[period] = row.key;
        for (column, value) in entry.columns.iter_mut().zip(values) {
            let Some(value) = value else { continue };
            if column.is_empty() {
                column.resize(self.periods, f64::NAN);
            }
            column[period] = value;
        }
    }

    /// The agent of this name; none if it cannot be judged.
    fn agent(&mut self, name: &str) -> Result<Option<usize>, Refused> {
        if let Some(last) = self.last.filter(|&last| *self.roster.names.list[last] == *name) {
            return Ok(Some(last));
        }
        let Some(&agent) = self.known.get(name) else {
            let candidates = self.roster.names.list.iter().take(MOST_CANDIDATES).map(|name| &**name);
            return Err(Refused::Unknown {
                name: shorten(name),
                near: nearest(name, candidates).map(shorten),
            });
        };
        match self.roster.states(agent) {
            Some(1) => self.last = Some(agent),
            Some(states) => return Err(Refused::States { name: shorten(name), states }),
            None => return Ok(None),
        }
        Ok(Some(agent))
    }

    fn period(&self, row: &Row<'_>, problems: &mut Problems) -> Option<usize> {
        let found = match row.number(PERIOD) {
            Ok(Some(t)) if t.fract() == 0.0 && t >= 0.0 && t < self.periods as f64 => {
                return Some(t as usize);
            }
            Ok(Some(t)) => format!("found {}", written(t)),
            Ok(None) => "empty".to_owned(),
            Err(found) => format!("found {}", found.0),
        };
        let accepted = format!("a whole number from 0 to {}", self.periods - 1);
        problems.push_with(|| self.table.problem(row.key, Some("period"), found, &accepted));
        None
    }

    fn value(
        &self,
        row: &Row<'_>,
        column: usize,
        asked: &Asked,
        name: &str,
        period: Option<usize>,
        problems: &mut Problems,
    ) -> Option<f64> {
        let found = match row.number(column) {
            Ok(None) => return None,
            Ok(Some(x)) if asked.range.takes(x) => return Some(x),
            Ok(Some(x)) => format!("found {}", written(x)),
            Err(found) => format!("found {}", found.0),
        };
        problems.push_with(|| {
            let when = period.map_or_else(String::new, |t| format!(", period {t}"));
            let what = format!("agent `{}`{when}: {found}", shorten(name));
            self.table.problem(row.key, Some(asked.name), what, asked.range.words)
        });
        Some(REFUSED)
    }

    /// Reports columns that an agent fills for some periods only.
    fn check_gaps(&self, problems: &mut Problems) {
        for (&agent, entry) in &self.entries {
            for (asked, column) in self.asked.iter().zip(&entry.columns) {
                // A required column that is all empty is one gap.
                if column.is_empty() && !asked.required {
                    continue;
                }
                let is_gap = |t: &usize| column.get(*t).is_none_or(|x| x.is_nan());
                let mut gaps = (0..self.periods).filter(is_gap);
                if let Some(first) = gaps.next() {
                    let more = gaps.count();
                    problems.push_with(|| self.gap(agent, entry, asked, first, more));
                }
            }
        }
    }

    fn gap(&self, agent: usize, entry: &Entry, asked: &Asked, period: usize, more: usize) -> Problem {
        let more = match more {
            0 => String::new(),
            1 => " (and for one more)".to_owned(),
            n => format!(" (and for {n} more)"),
        };
        let name = shorten(&self.roster.names.list[agent]);
        let what = format!("agent `{name}` has no value for period {period}{more}");
        let row = if entry.rows[period] == UNSEEN { entry.first } else { entry.rows[period] };
        let help = format!(
            "accepted: a value for each of the periods 0 to {}{}",
            self.periods - 1,
            if asked.required { "" } else { ", or for none of them" }
        );
        self.table.problem(row, Some(asked.name), what, "").with_help(help)
    }
}

/// Among so many names the nearest is looked for.
const MOST_CANDIDATES: usize = 10_000;

fn advice(column: &str) -> Option<&'static str> {
    match column {
        "name" => Some("the column with the agents' names is `agent` here"),
        "time" | "t" | "s" | "hour" => Some("the column with the periods is `period`"),
        _ => NUMBERS
            .iter()
            .any(|key| key.name == column)
            .then_some("this number does not change over time; it belongs to the agent"),
    }
}

/// Why a row cannot be given to its agent.
enum Refused {
    Unknown { name: String, near: Option<String> },
    States { name: String, states: usize },
}

impl Refused {
    fn at_row(self, table: &Table, row: u64) -> Problem {
        match self {
            Self::Unknown { name, near } => {
                let help = "accepted: names of agents of the scenario or of its table of agents";
                let help = match near {
                    Some(near) => format!("did you mean `{near}`? {help}"),
                    None => help.to_owned(),
                };
                table.problem(row, Some("agent"), format!("there is no agent `{name}`"), "").with_help(help)
            }
            Self::States { name, states } => table
                .problem(row, Some("agent"), format!("agent `{name}` has {states} states"), "")
                .with_help("accepted: agents with one state; for others, write lists into the scenario"),
        }
    }
}
