//! Names of agents: where they are read, and where each stands.

use std::collections::HashMap;

use super::keys::{Key, NAME};
use super::sheet::{Desk, Sheet, Span};
use super::table::{Row, Table};
use crate::diagnostic::{Problem, Problems, Source, shorten};

/// The names of all agents: first those of the scenario, then rows of the table, then others.
#[derive(Default)]
pub(super) struct Names {
    /// An empty name is one that has been refused.
    pub list: Vec<Box<str>>,
    /// Where the name stands, for agents of the scenario.
    inline: Vec<Span>,
    /// The row, for agents of the table.
    rows: Vec<u64>,
}

impl Names {
    pub fn len(&self) -> usize {
        self.list.len()
    }

    pub fn add_inline(&mut self, name: Box<str>, at: Span) {
        self.inline.push(at);
        self.list.push(name);
    }

    pub fn add_row(&mut self, name: Box<str>, row: u64) {
        self.rows.push(row);
        self.list.push(name);
    }

    /// The row of an agent of the table.
    pub fn row(&self, agent: usize) -> Option<u64> {
        self.rows.get(agent.checked_sub(self.inline.len())?).copied()
    }

    /// Reports names that two agents share.
    pub fn check(&self, table: Option<&Table>, desk: &mut Desk) {
        let mut seen: HashMap<&str, usize> = HashMap::with_capacity(self.len());
        for (agent, name) in self.list.iter().enumerate() {
            if name.is_empty() {
                continue; // reported already
            }
            let first = *seen.entry(name).or_insert(agent);
            if first != agent {
                let source = desk.source.clone();
                desk.problems.push_with(|| self.used_twice(first, agent, table, &source));
            }
        }
    }

    fn used_twice(&self, first: usize, agent: usize, table: Option<&Table>, source: &Source) -> Problem {
        let message = format!("two agents have the name `{}`", shorten(&self.list[agent]));
        let problem = self.problem(agent, message, "used again here", table, source);
        match (self.inline.get(first), self.inline.get(agent)) {
            (Some(at), Some(_)) => problem.at(source, at.clone(), "first used here"),
            _ => problem.with_note(self.problem(first, "first used here".into(), "here", table, source)),
        }
        .with_help("accepted: every name once, counting the scenario and its tables together")
    }

    /// A problem at the place where the agent is introduced.
    pub fn problem(
        &self,
        agent: usize,
        message: String,
        label: &str,
        table: Option<&Table>,
        source: &Source,
    ) -> Problem {
        if let Some(at) = self.inline.get(agent) {
            return Problem::new(message).at(source, at.clone(), label);
        }
        match (table, self.row(agent)) {
            (Some(table), Some(row)) => table.problem(row, Some(NAME.name), message, ""),
            _ => Problem::new(message),
        }
    }
}

/// The name of an agent of the scenario, empty if it has none that can be used; messages call the agent by it.
pub(super) fn inline(agent: &mut Sheet<'_, '_>, index: usize, desk: &mut Desk) -> Box<str> {
    let key: &Key = &NAME;
    agent.title = format!("agent number {}", index + 1);
    if agent.value(key.name).is_none() {
        agent.missing(key, key.about, desk);
    }
    let name = agent.text(key, desk).unwrap_or_default();
    if name.is_empty() && !matches!(agent.value(key.name), Some(value) if value.get_ref().is_str()) {
        return "".into(); // missing or no text: reported
    }
    if let Some(accepted) = refused(name) {
        let message = format!("{}: `name` is \"{}\"", agent.title, shorten(name));
        desk.at(agent.place(key.name), message, "not a name", format!("accepted: {accepted}"));
        return "".into();
    }
    agent.title = format!("agent `{}`", shorten(name));
    name.into()
}

/// The name in a cell, if it can be used.
pub(super) fn listed<'r>(
    table: &Table,
    row: &'r Row<'_>,
    column: usize,
    title: &str,
    problems: &mut Problems,
) -> Option<&'r str> {
    match row.text(column) {
        Ok(Some(name)) => match refused(name) {
            None => return Some(name),
            Some(accepted) => problems.push_with(|| {
                table.problem(row.key, Some(title), format!("found `{}`", shorten(name)), accepted)
            }),
        },
        Ok(None) => {
            problems.push_with(|| table.problem(row.key, Some(title), "empty", "the name of an agent"))
        }
        Err(found) => {
            problems.push_with(|| {
                table.problem(row.key, Some(title), format!("found {}", found.0), "a name in UTF-8")
            });
        }
    }
    None
}

/// Why a name cannot be used, as what is accepted instead.
pub(super) fn refused(name: &str) -> Option<&'static str> {
    const LONGEST: usize = 200;
    if name.is_empty() || name.len() > LONGEST {
        Some("a name of 1 to 200 bytes")
    } else if name.trim().len() != name.len() || name.chars().any(char::is_control) {
        Some("a name without blanks around it and without control characters")
    } else {
        None
    }
}
