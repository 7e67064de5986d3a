//! The agents as they are collected from the scenario file and its tables.

use std::collections::{BTreeMap, HashMap};

use vickrey::market::Utility;

use super::family::{self, FAMILIES};
use crate::diagnostic::{Problem, shorten};
use crate::input::sheet::{Desk, Span};
use crate::input::table::Table;

/// Everybody so far, in the order: written in the scenario, rows of the table, created by blocks.
#[derive(Default)]
pub(super) struct Roster {
    pub names: Vec<Box<str>>,
    /// None if it could not be made (which has been reported), or if its blocks are still to come.
    pub utilities: Vec<Option<Utility>>,
    families: Vec<u8>,
    /// Where the name stands, for agents of the scenario.
    inline: Vec<Span>,
    /// The row, for agents of the table.
    rows: Vec<u64>,
    /// Agents whose blocks are in the table of blocks, with their value of being idle.
    pub waiting: BTreeMap<usize, f64>,
}

/// What is known of one agent.
pub(super) struct Entry {
    pub name: Box<str>,
    pub family: Option<usize>,
    pub utility: Option<Utility>,
    /// The value of being idle, if the blocks are in the table of blocks.
    pub waiting: Option<f64>,
}

/// Stands for the family of an agent whose family is not known.
const UNKNOWN: u8 = u8::MAX;

impl Roster {
    pub fn len(&self) -> usize {
        self.names.len()
    }

    pub fn add_inline(&mut self, entry: Entry, at: Span) {
        self.inline.push(at);
        self.add(entry);
    }

    pub fn add_row(&mut self, entry: Entry, row: u64) {
        self.rows.push(row);
        self.add(entry);
    }

    pub fn add(&mut self, entry: Entry) {
        if let Some(idle_value) = entry.waiting {
            self.waiting.insert(self.len(), idle_value);
        }
        self.names.push(entry.name);
        self.utilities.push(entry.utility);
        self.families.push(entry.family.and_then(|family| u8::try_from(family).ok()).unwrap_or(UNKNOWN));
    }

    /// The family of an agent, if it is known.
    pub fn family(&self, agent: usize) -> Option<&'static str> {
        FAMILIES.get(usize::from(self.families[agent])).map(|family| family.name)
    }

    /// How many agents there are of each family that occurs.
    pub fn families(&self) -> Vec<(&'static str, usize)> {
        let mut counts = [0_usize; FAMILIES.len()];
        for &family in &self.families {
            if let Some(count) = counts.get_mut(usize::from(family)) {
                *count += 1;
            }
        }
        family::names().zip(counts).filter(|(_, count)| *count > 0).collect()
    }

    /// Reports names that two agents share.
    pub fn check_names(&self, table: Option<&Table>, desk: &mut Desk) {
        let mut seen: HashMap<&str, usize> = HashMap::with_capacity(self.len());
        for (agent, name) in self.names.iter().enumerate() {
            if name.is_empty() {
                continue; // reported already
            }
            let first = *seen.entry(name).or_insert(agent);
            if first != agent {
                let source = desk.source.clone();
                desk.problems.push_with(|| {
                    let message = format!("two agents have the name `{}`", shorten(name));
                    let problem = self.problem(agent, message, "used again here", table, &source);
                    match (self.inline.get(first), self.inline.get(agent)) {
                        (Some(at), Some(_)) => problem.at(&source, at.clone(), "first used here"),
                        _ => problem.with_note(self.problem(
                            first,
                            "first used here".into(),
                            "here",
                            table,
                            &source,
                        )),
                    }
                    .with_help("accepted: every name once, counting the scenario and its tables together")
                });
            }
        }
    }

    /// Reports agents that are made of blocks and have none.
    pub fn check_blocks(&self, table: Option<&Table>, desk: &mut Desk) {
        let source = desk.source.clone();
        for &agent in self.waiting.keys() {
            desk.problems.push_with(|| {
                let message =
                    format!("agent `{}` has utility `blocks` and no blocks", shorten(&self.names[agent]));
                self.problem(agent, message, "no blocks", table, &source).with_help(
                    "accepted: `bids` or `offers` here, or rows with this agent in the table of blocks",
                )
            });
        }
    }

    /// A problem at the place where the agent is introduced.
    fn problem(
        &self,
        agent: usize,
        message: String,
        label: &str,
        table: Option<&Table>,
        source: &crate::diagnostic::Source,
    ) -> Problem {
        if let Some(at) = self.inline.get(agent) {
            return Problem::new(message).at(source, at.clone(), label);
        }
        match (table, self.rows.get(agent - self.inline.len())) {
            (Some(table), Some(&row)) => table.problem(row, Some("name"), message, ""),
            _ => Problem::new(message),
        }
    }
}
