//! Agents and blocks in tables.

use std::collections::HashMap;

use super::family::{self, BLOCKS, FAMILIES, POINTS, Parameters, Spot};
use super::family_of;
use super::roster::{Entry, Roster};
use crate::diagnostic::{Problem, Problems, list, shorten, suggest};
use crate::input::keys::NAME;
use crate::input::keys::market::{LISTS, PARAMETERS, UTILITY, pairs, parameter};
use crate::input::names;
use crate::input::sheet::{Desk, FINITE};
use crate::input::table::{Column, Row, Table};

const NAME_COLUMN: usize = 0;
const UTILITY_COLUMN: usize = 1;
const FIRST_PARAMETER: usize = 2;

/// Reads one agent per row.
pub(super) fn read_agents(table: &Table, desk: &mut Desk, roster: &mut Roster, has_blocks_table: bool) {
    let text = |name| Column { name, number: false, required: true };
    let number = |name| Column { name, number: true, required: false };
    let columns: Vec<Column> = [text(NAME.name), text(UTILITY.name)]
        .into_iter()
        .chain(PARAMETERS.iter().map(|key| number(key.name)))
        .collect();
    table.read(&columns, advice, &mut desk.problems, &mut |row, problems| {
        let before = problems.count();
        let entry = agent(table, row, has_blocks_table, problems);
        debug_assert!(entry.utility.is_some() || entry.waiting.is_some() || problems.count() > before);
        roster.add_row(entry, row.key);
    });
}

fn advice(column: &str) -> Option<&'static str> {
    match column {
        "bids" | "offers" | "side" | "price" => {
            Some("blocks go into a table of their own, `blocks` in [tables]")
        }
        "points" | "marginal" => Some("points are accepted in [[agents]] of the scenario file only"),
        _ => None,
    }
}

fn agent(table: &Table, row: &Row<'_>, has_blocks_table: bool, problems: &mut Problems) -> Entry {
    let name = names::listed(table, row, NAME_COLUMN, NAME.name, problems).unwrap_or_default();
    let mut entry = Entry { name: name.into(), family: None, utility: None, waiting: None };
    let Some(index) = family(table, row, has_blocks_table, problems) else { return entry };
    entry.family = Some(index);
    let before = problems.count();
    let with = parameters(table, row, index, problems);
    if index == BLOCKS {
        entry.waiting = Some(with.get(parameter::IDLE_VALUE).unwrap_or(0.0));
    } else if problems.count() == before
        && let Ok(utility) = family::utility(index, &with)
    {
        entry.utility = Some(utility);
    } else {
        for error in family::errors(index, &with) {
            let what = format!("found {}", error.found);
            problems.push_with(|| table.problem(row.key, Some(error.field), what, error.accepted));
        }
    }
    entry
}

/// The numbers of a row; reports what the family needs and does not find, and what it finds and does not take.
fn parameters(table: &Table, row: &Row<'_>, index: usize, problems: &mut Problems) -> Parameters {
    let family = &FAMILIES[index];
    let problem = |p: usize, what: String, accepted: &str| {
        table.problem(row.key, Some(PARAMETERS[p].name), what, accepted)
    };
    let mut with = Parameters::default();
    for p in 0..parameter::COUNT {
        match row.number(FIRST_PARAMETER + p) {
            Ok(None) => {}
            Ok(Some(value)) => with.set(p, value),
            Err(found) => {
                with.refuse(p);
                problems.push_with(|| problem(p, format!("found {}", found.0), FINITE));
            }
        }
    }
    for p in with.missing(family) {
        let what = || format!("empty, but utility `{}` needs it", family.name);
        problems.push_with(|| problem(p, what(), FINITE).with_help(needs(index)));
    }
    for p in with.foreign(family) {
        let what = || format!("a value, but utility `{}` does not take it", family.name);
        problems.push_with(|| {
            let takes = list(family.parameters().map(|p| PARAMETERS[p].name));
            problem(p, what(), "an empty cell").with_help(format!("`{}` takes {takes}", family.name))
        });
    }
    with
}

fn needs(family: usize) -> String {
    let family = &FAMILIES[family];
    format!("`{}` needs {}", family.name, list(family.required.iter().map(|&p| PARAMETERS[p].name)))
}

/// The family that a row names, if a table can describe its agents.
fn family(table: &Table, row: &Row<'_>, has_blocks_table: bool, problems: &mut Problems) -> Option<usize> {
    let listed = || family::names().filter(|name| *name != FAMILIES[POINTS].name);
    let accepted = || format!("one of {}", list(listed()));
    let problem = |what: String| table.problem(row.key, Some(UTILITY.name), what, &accepted());
    match row.text(UTILITY_COLUMN) {
        Ok(Some(word)) => match family_of(word) {
            Some(POINTS) => problems.push_with(|| {
                problem("found `points`".to_owned())
                    .with_help("points are accepted in [[agents]] of the scenario only")
            }),
            Some(BLOCKS) if !has_blocks_table => problems.push_with(|| {
                let help = "blocks come in a table of their own: add `blocks` to [tables]";
                table
                    .problem(
                        row.key,
                        Some(UTILITY.name),
                        "found `blocks`, but there is no table of blocks",
                        "",
                    )
                    .with_help(help)
            }),
            Some(family) => return Some(family),
            None => problems.push_with(|| {
                problem(format!("found `{}`", shorten(word))).with_help(suggest(word, listed()))
            }),
        },
        Ok(None) => problems.push_with(|| problem("empty".to_owned())),
        Err(found) => problems.push_with(|| problem(format!("found {}", found.0))),
    }
    None
}

/// A row of the table of blocks.
struct Block {
    agent: u32,
    buy: bool,
    size_and_price: (f64, f64),
    row: u64,
}

const SIDES: [&str; 2] = ["buy", "sell"];
const BLOCK_COLUMNS: [Column; 4] = [
    Column { name: "agent", number: false, required: true },
    Column { name: "side", number: false, required: true },
    Column { name: "quantity", number: true, required: true },
    Column { name: "price", number: true, required: true },
];

/// Reads the blocks and makes the utilities of their agents; creates agents that were not known.
pub(super) fn read_blocks(table: &Table, desk: &mut Desk, roster: &mut Roster) {
    let (mut blocks, created) = {
        let known: HashMap<&str, usize> =
            roster.names.list.iter().enumerate().map(|(i, name)| (&**name, i)).collect();
        let mut reader =
            BlockReader { table, roster, known, created: HashMap::new(), last: None, blocks: Vec::new() };
        table.read(&BLOCK_COLUMNS, |_| None, &mut desk.problems, &mut |row, problems| {
            reader.add(row, problems)
        });
        (reader.blocks, reader.created)
    };
    let mut created: Vec<(Box<str>, u32)> = created.into_iter().collect();
    created.sort_unstable_by_key(|(_, agent)| *agent);
    for (name, _) in created {
        roster.add_created(Entry { name, family: Some(BLOCKS), utility: None, waiting: Some(0.0) });
    }
    // Stable: an agent's blocks keep the order of the file, so that messages find the first that is wrong.
    blocks.sort_by_key(|block| block.agent);
    let (mut bids, mut offers) = (Vec::new(), Vec::new());
    for blocks in blocks.chunk_by(|x, y| x.agent == y.agent) {
        let agent = blocks[0].agent as usize;
        let side = |buy: bool| blocks.iter().filter(move |block| block.buy == buy);
        bids.clear();
        bids.extend(side(true).map(|block| block.size_and_price));
        offers.clear();
        offers.extend(side(false).map(|block| block.size_and_price));
        let idle_value = roster.waiting.remove(&agent).unwrap_or(0.0);
        match family::from_blocks(&bids, &offers, idle_value) {
            Ok(utility) => roster.utilities[agent] = Some(utility),
            Err((spot, error)) => desk.problems.push_with(|| {
                let (row, column) = match spot {
                    Spot::Pair { list, index, second } => {
                        let wrong = side(list == pairs::BIDS).nth(index).unwrap_or(&blocks[0]);
                        (wrong.row, Some(if second { "price" } else { "quantity" }))
                    }
                    _ => (blocks[0].row, None),
                };
                let name = shorten(&roster.names.list[agent]);
                table.problem(row, column, format!("agent `{name}`: found {}", error.found), error.accepted)
            }),
        }
    }
}

struct BlockReader<'a> {
    table: &'a Table,
    roster: &'a Roster,
    known: HashMap<&'a str, usize>,
    created: HashMap<Box<str>, u32>,
    /// The agent of the row before: blocks of one agent usually follow each other.
    last: Option<(Box<str>, u32)>,
    blocks: Vec<Block>,
}

impl BlockReader<'_> {
    fn add(&mut self, row: &Row<'_>, problems: &mut Problems) {
        let table = self.table;
        let before = problems.count();
        let name = names::listed(table, row, 0, "agent", problems).unwrap_or_default();
        let side = side(table, row, problems);
        let mut numbers = [0.0; 2];
        for (k, number) in numbers.iter_mut().enumerate() {
            let column = Some(BLOCK_COLUMNS[2 + k].name);
            match row.number(2 + k) {
                Ok(Some(value)) => *number = value,
                Ok(None) => problems.push_with(|| table.problem(row.key, column, "empty", FINITE)),
                Err(found) => problems
                    .push_with(|| table.problem(row.key, column, format!("found {}", found.0), FINITE)),
            }
        }
        if problems.count() > before {
            return;
        }
        match self.agent(name) {
            Ok(None) => {}
            Ok(Some(agent)) => {
                let size_and_price = (numbers[0], numbers[1]);
                self.blocks.push(Block { agent, buy: side == Some(0), size_and_price, row: row.key });
            }
            Err(what) => problems.push_with(|| what.at_row(table, row.key)),
        }
    }

    /// The agent of this name, if it can have blocks; none if it has been refused before.
    fn agent(&mut self, name: &str) -> Result<Option<u32>, NoBlocks> {
        if let Some((last, agent)) = &self.last
            && **last == *name
        {
            return Ok(Some(*agent));
        }
        let agent = match self.known.get(name) {
            Some(&agent) if self.roster.waiting.contains_key(&agent) => {
                u32::try_from(agent).map_err(|_| NoBlocks::TooMany)?
            }
            Some(&agent) => {
                let Some(family) = self.roster.family(agent) else { return Ok(None) };
                let other = (family != FAMILIES[BLOCKS].name).then_some(family);
                return Err(NoBlocks::Has { name: shorten(name), other });
            }
            None => match self.created.get(name) {
                Some(&agent) => agent,
                None => {
                    let agent = self.roster.len() + self.created.len();
                    let agent = u32::try_from(agent).map_err(|_| NoBlocks::TooMany)?;
                    self.created.insert(name.into(), agent);
                    agent
                }
            },
        };
        self.last = Some((name.into(), agent));
        Ok(Some(agent))
    }
}

/// Why a block cannot be given to its agent.
enum NoBlocks {
    /// Its utility is of another family, or its blocks are given already.
    Has {
        name: String,
        other: Option<&'static str>,
    },
    TooMany,
}

impl NoBlocks {
    fn at_row(self, table: &Table, row: u64) -> Problem {
        let what = match self {
            Self::Has { name, other: Some(family) } => {
                format!("agent `{name}` has utility `{family}`, not `blocks`")
            }
            Self::Has { name, other: None } => format!("agent `{name}` has its blocks in the scenario file"),
            Self::TooMany => "more agents than can be counted".to_owned(),
        };
        let help = format!(
            "accepted: an agent with utility `blocks` and without {}, or a new one",
            list(LISTS[..2].iter().map(|l| l.name))
        );
        table.problem(row, Some("agent"), what, "").with_help(help)
    }
}

fn side(table: &Table, row: &Row<'_>, problems: &mut Problems) -> Option<usize> {
    let found = match row.text(1) {
        Ok(Some(word)) => match SIDES.iter().position(|side| *side == word) {
            Some(side) => return Some(side),
            None => format!("found `{}`", shorten(word)),
        },
        Ok(None) => "empty".to_owned(),
        Err(found) => format!("found {}", found.0),
    };
    problems.push_with(|| table.problem(row.key, Some("side"), found, &format!("one of {}", list(SIDES))));
    None
}
