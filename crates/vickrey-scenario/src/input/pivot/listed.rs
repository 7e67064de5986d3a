//! Utilities and transitions in tables, one number per row.

use std::collections::{BTreeMap, HashMap};

use vickrey::pivot::{Kernel, Moves, Varying};

use super::build::Laws;
use super::list::List;
use super::persons::Person;
use super::tables::Frame;
use super::tree::{ROW_SUM, Time, rounded};
use crate::diagnostic::{Problem, Problems, shorten, written};
use crate::input::keys::Key;
use crate::input::names;
use crate::input::sheet::{Desk, Sheet};
use crate::input::table::{Column, Row, Table};

/// What a row is about: decision, public state, period, type. None: all of them.
type Place = [Option<usize>; 4];

const PLAYER: usize = 0;
const VALUE: usize = 1;
const DECISION: usize = 2;
const PUBLIC: usize = 3;
const PERIOD: usize = 4;
const OWN: usize = 5;
const TO: usize = 6;

/// What a table says, by player.
#[derive(Default)]
pub(super) struct Listed {
    players: BTreeMap<usize, Rows>,
    /// Something in the table has been refused: who is not in it may have been meant to be.
    pub is_refused: bool,
}

impl Listed {
    pub fn get(&self, player: usize) -> Option<&Rows> {
        self.players.get(&player)
    }
}

/// What a table says about one player.
pub(super) struct Rows {
    /// Numbers by place; those of a transition by next type.
    cells: HashMap<Place, Cell>,
    /// Which of decision, public state, period and type are named together, as bits, most telling first.
    patterns: Vec<u8>,
    /// How the table is called, and the player's first row.
    first: Problem,
}

struct Cell {
    /// One utility, or the probabilities of all types.
    numbers: Vec<f64>,
    /// The row of each number, or `UNSEEN`.
    rows: Vec<u64>,
}

/// A number of a cell.
struct Number {
    value: f64,
    /// Which of how many the cell has.
    index: usize,
    of: usize,
    row: u64,
}

const UNSEEN: u64 = u64::MAX;

impl Rows {
    /// What holds at a place: of the rows that fit the one that names the decision, then the public state, the period,
    /// the type.
    fn at(&self, place: [usize; 4]) -> Option<(&Place, &Cell)> {
        self.patterns.iter().find_map(|pattern| {
            let masked = mask(place.map(Some), *pattern);
            self.cells.get_key_value(&masked)
        })
    }

    /// Axes on which something depends.
    fn shape(&self, full: [usize; 3]) -> [usize; 3] {
        let uses = self.patterns.iter().fold(0, |all, pattern| all | pattern);
        let axis = |bit: u8, full: usize| if uses & bit == 0 { 1 } else { full };
        [axis(2, full[0]), axis(8, full[1]), axis(4, full[2])]
    }

    /// Utilities; 0 where no row fits.
    pub fn utility(&self, full: [usize; 3], types: usize) -> Varying<Vec<f64>> {
        Varying::from_fn(self.shape(full), |t, a, s| {
            (0..types).map(|k| self.at([a, s, t, k]).map_or(0.0, |(_, cell)| cell.numbers[0])).collect()
        })
    }

    /// Transitions; a type without a row is reported.
    pub fn moves(&self, frame: &Frame<'_>, types: &List, desk: &mut Desk) -> Option<Moves<Kernel>> {
        let shape = self.shape(frame.full());
        let mut laws = Laws::default();
        let mut known: HashMap<Vec<Place>, usize> = HashMap::new();
        let mut gap = None;
        let which = Varying::from_fn(shape, |t, a, s| {
            let rows: Option<Vec<_>> = (0..types.len())
                .map(|k| {
                    let found = self.at([a, s, t, k]);
                    if found.is_none() && gap.is_none() {
                        gap = Some((k, a, s));
                    }
                    found
                })
                .collect();
            let Some(rows) = rows else { return 0 };
            let chosen: Vec<Place> = rows.iter().map(|(place, _)| **place).collect();
            *known.entry(chosen).or_insert_with(|| {
                let entries = rows.iter().flat_map(|(_, cell)| cell.numbers.iter().copied()).collect();
                laws.kernel(&Kernel::new(types.len(), entries))
            })
        });
        if let Some((k, a, s)) = gap {
            let what = format!("no transition from type `{}`", shorten(&types.names[k]));
            let what = frame.words(&what, (shape[1] > 1).then_some(a), (shape[2] > 1).then_some(s));
            let help =
                "accepted: rows for every type; without a decision, public state or period they hold for all";
            desk.problems.push(self.first.clone().with_note(Problem::new(what)).with_help(help));
            return None;
        }
        Some(Moves::of(laws.laws, which))
    }

    /// Reports that a player has what the table says in the scenario as well.
    pub fn refuse_second<T>(&self, sheet: &Sheet<'_, '_>, key: &Key, desk: &mut Desk) -> Option<T> {
        let message = format!("{}: `{}` is given here and in a table", sheet.title, key.name);
        let problem = Problem::new(message)
            .at(&desk.source, sheet.key_place(key.name), "given here")
            .with_help("accepted: one of the two")
            .with_note(self.first.clone());
        desk.problems.push(problem);
        None
    }
}

/// Only what a pattern names.
fn mask(place: Place, pattern: u8) -> Place {
    let keep = |k: usize, bit: u8| place[k].filter(|_| pattern & bit != 0);
    [keep(0, 8), keep(1, 4), keep(2, 2), keep(3, 1)]
}

/// Reads the table of utilities.
pub(super) fn utilities(
    table: &Table,
    frame: &Frame<'_>,
    names: &List,
    persons: &[Person<'_, '_>],
    desk: &mut Desk,
) -> Listed {
    let mut reader =
        Reader { table, frame, names, persons, own: "type", value: "utility", listed: Listed::default() };
    let columns = columns("utility", "type", false);
    let before = desk.problems.count();
    table.read(&columns, advice, &mut desk.problems, &mut |row, problems| {
        let _ = reader.utility(row, problems);
    });
    reader.listed.sorted(desk.problems.count() > before)
}

/// Reads the table of transitions.
pub(super) fn transitions(
    table: &Table,
    frame: &Frame<'_>,
    names: &List,
    persons: &[Person<'_, '_>],
    desk: &mut Desk,
) -> Listed {
    let mut reader =
        Reader { table, frame, names, persons, own: "from", value: "probability", listed: Listed::default() };
    let mut columns = columns("probability", "from", true);
    columns.push(Column { name: "to", number: false, required: true });
    let before = desk.problems.count();
    table.read(&columns, advice, &mut desk.problems, &mut |row, problems| {
        let _ = reader.transition(row, problems);
    });
    if desk.problems.count() == before {
        reader.check_sums(&mut desk.problems);
    }
    reader.listed.sorted(desk.problems.count() > before)
}

/// In the order of the indices above.
fn columns(value: &'static str, own: &'static str, own_required: bool) -> Vec<Column<'static>> {
    [
        ("player", false, true),
        (value, true, true),
        ("decision", false, false),
        ("public", false, false),
        ("period", true, false),
        (own, false, own_required),
    ]
    .map(|(name, number, required)| Column { name, number, required })
    .to_vec()
}

fn advice(column: &str) -> Option<&'static str> {
    match column {
        "name" | "agent" => Some("the column with the players' names is `player`"),
        "state" => {
            Some("the column with public states is `public`, that with types `type` or `from` and `to`")
        }
        "time" | "t" => Some("the column with the periods is `period`"),
        _ => None,
    }
}

impl Listed {
    fn sorted(mut self, is_refused: bool) -> Self {
        self.is_refused = is_refused;
        for rows in self.players.values_mut() {
            rows.patterns.sort_unstable_by(|a, b| b.cmp(a));
        }
        self
    }
}

struct Reader<'r, 'a, 'i> {
    table: &'r Table,
    frame: &'r Frame<'r>,
    names: &'r List,
    persons: &'r [Person<'a, 'i>],
    /// Columns of the type and of the number.
    own: &'static str,
    value: &'static str,
    listed: Listed,
}

impl Reader<'_, '_, '_> {
    fn utility(&mut self, row: &Row<'_>, problems: &mut Problems) -> Option<()> {
        let (player, place) = self.place(row, problems)?;
        let value = self.number(row, 1e12, "a finite number of size at most 1e12", problems)?;
        self.set(player, place, Number { value, index: 0, of: 1, row: row.key }, problems);
        Some(())
    }

    fn transition(&mut self, row: &Row<'_>, problems: &mut Problems) -> Option<()> {
        let (player, place) = self.place(row, problems)?;
        let types = self.persons[player].types.as_ref()?;
        if place[3].is_none() {
            problems.push_with(|| self.table.problem(row.key, Some("from"), "empty", "the name of a type"));
            return None;
        }
        let Some(to) = self.named(row, TO, "to", types, problems)? else {
            problems.push_with(|| self.table.problem(row.key, Some("to"), "empty", "the name of a type"));
            return None;
        };
        let value = self.number(row, 1.0, "a probability from 0 to 1", problems).filter(|p| {
            if *p < 0.0 {
                let accepted = "a probability from 0 to 1";
                let what = format!("found {}", written(*p));
                problems.push_with(|| self.table.problem(row.key, Some(self.value), what, accepted));
            }
            *p >= 0.0
        })?;
        let n = types.len();
        self.set(player, place, Number { value, index: to, of: n, row: row.key }, problems);
        Some(())
    }

    /// The player and the place that a row is about.
    fn place(&self, row: &Row<'_>, problems: &mut Problems) -> Option<(usize, Place)> {
        let name = names::listed(self.table, row, PLAYER, "player", problems)?;
        let Some(player) = self.names.index(name) else {
            problems.push_with(|| self.unknown(row, "player", name, self.names));
            return None;
        };
        let types = self.persons[player].types.as_ref()?;
        let decision = self.named(row, DECISION, "decision", &self.frame.decisions, problems)?;
        let public = self.named(row, PUBLIC, "public", &self.frame.publics, problems)?;
        let period = self.period(row, problems)?;
        let own = self.named(row, OWN, self.own, types, problems)?;
        Some((player, [decision, public, period, own]))
    }

    /// The thing that a cell names, if it is not empty.
    fn named(
        &self,
        row: &Row<'_>,
        column: usize,
        title: &str,
        list: &List,
        problems: &mut Problems,
    ) -> Option<Option<usize>> {
        match row.text(column) {
            Ok(None) => Some(None),
            Ok(Some(name)) => {
                let found = list.index(name);
                if found.is_none() {
                    problems.push_with(|| self.unknown(row, title, name, list));
                }
                found.map(Some)
            }
            Err(found) => {
                let what = format!("found {}", found.0);
                problems.push_with(|| self.table.problem(row.key, Some(title), what, "a name in UTF-8"));
                None
            }
        }
    }

    fn unknown(&self, row: &Row<'_>, title: &str, name: &str, list: &List) -> Problem {
        let what = format!("there is no {} `{}`", list.what, shorten(name));
        self.table.problem(row.key, Some(title), what, "").with_help(list.suggest(name))
    }

    fn period(&self, row: &Row<'_>, problems: &mut Problems) -> Option<Option<usize>> {
        let periods = match self.frame.terms.time() {
            Time::Periods(periods) => Some(periods),
            Time::Unknown => return Some(None),
            _ => None,
        };
        let found = match row.number(PERIOD) {
            Ok(None) => return Some(None),
            Ok(Some(t)) if t.fract() == 0.0 && t >= 0.0 && periods.is_some_and(|n| t < n as f64) => {
                return Some(Some(t as usize));
            }
            Ok(Some(t)) => format!("found {}", written(t)),
            Err(found) => format!("found {}", found.0),
        };
        let accepted = match periods {
            Some(periods) => format!("a whole number from 0 to {}", periods - 1),
            None => "an empty cell, as the horizon is infinite".to_owned(),
        };
        problems.push_with(|| self.table.problem(row.key, Some("period"), found, &accepted));
        None
    }

    fn number(&self, row: &Row<'_>, largest: f64, accepted: &str, problems: &mut Problems) -> Option<f64> {
        let found = match row.number(VALUE) {
            Ok(Some(x)) if x.abs() <= largest => return Some(x),
            Ok(Some(x)) => format!("found {}", written(x)),
            Ok(None) => "empty".to_owned(),
            Err(found) => format!("found {}", found.0),
        };
        problems.push_with(|| self.table.problem(row.key, Some(self.value), found, accepted));
        None
    }

    /// Keeps a number, and reports a second one for the same place.
    fn set(&mut self, player: usize, place: Place, number: Number, problems: &mut Problems) {
        let Number { value, index, of: length, row } = number;
        let table = self.table;
        let first = || table.problem(row, Some("player"), "rows of this player begin here", "");
        let rows = self.listed.players.entry(player).or_insert_with(|| Rows {
            cells: HashMap::new(),
            patterns: Vec::new(),
            first: first(),
        });
        let bit = |k: usize| u8::from(place[k].is_some()) << (3 - k);
        let pattern = (0..4).fold(0, |all, k| all | bit(k));
        if !rows.patterns.contains(&pattern) {
            rows.patterns.push(pattern);
        }
        let cell = rows
            .cells
            .entry(place)
            .or_insert_with(|| Cell { numbers: vec![0.0; length], rows: vec![UNSEEN; length] });
        if cell.rows[index] != UNSEEN {
            let (seen, value) = (cell.rows[index], self.value);
            let name = shorten(&self.names.names[player]);
            return problems.push_with(|| {
                table
                    .problem(row, Some(value), format!("player `{name}` has this {value} twice"), "")
                    .with_help("accepted: one row for each")
                    .with_note(table.problem(seen, Some(value), "first given here", ""))
            });
        }
        cell.numbers[index] = value;
        cell.rows[index] = row;
    }

    /// Reports transitions that do not add up to 1.
    fn check_sums(&self, problems: &mut Problems) {
        for (player, rows) in &self.listed.players {
            let Some(types) = &self.persons[*player].types else { continue };
            let mut wrong: Vec<(u64, f64, usize)> = Vec::new();
            for (place, cell) in &rows.cells {
                let sum: f64 = cell.numbers.iter().sum();
                if (sum - 1.0).abs() > ROW_SUM {
                    wrong.push((cell.rows.iter().copied().min().unwrap_or(0), sum, place[3].unwrap_or(0)));
                }
            }
            wrong.sort_by_key(|(row, ..)| *row);
            for (row, sum, from) in wrong {
                let name = shorten(&self.names.names[*player]);
                let what = format!(
                    "player `{name}`, from `{}`: probabilities that add up to {}",
                    shorten(&types.names[from]),
                    rounded(sum)
                );
                problems.push_with(|| self.table.problem(row, Some(self.value), what, "a sum of 1"));
            }
        }
    }
}
