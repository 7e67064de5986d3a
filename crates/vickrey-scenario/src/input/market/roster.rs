//! The agents as they are collected from the scenario file and its tables.

use std::collections::BTreeMap;

use vickrey::market::Utility;

use super::family::{self, FAMILIES};
use crate::diagnostic::shorten;
use crate::input::names::Names;
use crate::input::sheet::{Desk, Span};
use crate::input::table::Table;

/// Everybody so far, in the order: written in the scenario, rows of the table, created by blocks.
#[derive(Default)]
pub(super) struct Roster {
    pub names: Names,
    /// None if it could not be made (which has been reported), or if its blocks are still to come.
    pub utilities: Vec<Option<Utility>>,
    families: Vec<u8>,
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
        let name = self.add(entry);
        self.names.add_inline(name, at);
    }

    pub fn add_row(&mut self, entry: Entry, row: u64) {
        let name = self.add(entry);
        self.names.add_row(name, row);
    }

    /// An agent that is only known by its blocks.
    pub fn add_created(&mut self, entry: Entry) {
        let name = self.add(entry);
        self.names.list.push(name);
    }

    /// Adds all but the name, and hands that back.
    fn add(&mut self, entry: Entry) -> Box<str> {
        if let Some(idle_value) = entry.waiting {
            self.waiting.insert(self.len(), idle_value);
        }
        self.utilities.push(entry.utility);
        self.families.push(entry.family.and_then(|family| u8::try_from(family).ok()).unwrap_or(UNKNOWN));
        entry.name
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

    /// Reports agents that are made of blocks and have none.
    pub fn check_blocks(&self, table: Option<&Table>, desk: &mut Desk) {
        let source = desk.source.clone();
        for &agent in self.waiting.keys() {
            desk.problems.push_with(|| {
                let message = format!(
                    "agent `{}` has utility `blocks` and no blocks",
                    shorten(&self.names.list[agent])
                );
                self.names.problem(agent, message, "no blocks", table, &source).with_help(
                    "accepted: `bids` or `offers` here, or rows with this agent in the table of blocks",
                )
            });
        }
    }
}
