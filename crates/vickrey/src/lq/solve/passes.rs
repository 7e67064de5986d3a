//! Passes over all agents: tasks that do not depend on the number of threads, put together in order.

use rayon::prelude::*;

use crate::lq::group::Group;
use crate::lq::model::Market;
use crate::mechanism::AgentId;

/// Agents computed at a time inside a task; a multiple of the lanes.
pub(in crate::lq) const TILE: usize = 64;
/// Least agents of a task.
const SMALLEST: usize = 512;
/// Most tasks: each may return an n x n matrix.
const MOST: usize = 64;

/// Some neighbouring agents of one group.
#[derive(Clone, Copy, Debug)]
pub(in crate::lq) struct Task<'a> {
    /// Which group.
    pub index: usize,
    /// The group.
    pub group: &'a Group,
    /// The first agent's place in the group.
    pub first: usize,
    /// How many agents.
    pub count: usize,
}

/// The tasks of a market. They depend on its size alone: they decide how sums are rounded.
pub(in crate::lq) fn tasks(market: &Market) -> Vec<Task<'_>> {
    let size = market.len().div_ceil(MOST).div_ceil(SMALLEST) * SMALLEST;
    let mut tasks = Vec::new();
    for (index, group) in market.groups().iter().enumerate() {
        let mut first = 0;
        while first < group.size() {
            let count = size.min(group.size() - first);
            tasks.push(Task { index, group, first, count });
            first += count;
        }
    }
    tasks
}

/// Runs all tasks and hands back their results in order.
pub(in crate::lq) fn map<R: Send>(market: &Market, task: impl Fn(Task<'_>) -> R + Sync + Send) -> Vec<R> {
    tasks(market).into_par_iter().map(task).collect()
}

/// As [`map`], and every task gets the part of the columns that belongs to its agents. All columns have one number (or
/// `width` of them) per agent, group by group.
pub(in crate::lq) fn map_with<R: Send, const K: usize>(
    market: &Market,
    columns: [&mut Columns; K],
    task: impl Fn(Task<'_>, [&mut [f64]; K]) -> R + Sync + Send,
) -> Vec<R> {
    let tasks = tasks(market);
    let mut parts: Vec<[Option<&mut [f64]>; K]> = tasks.iter().map(|_| [const { None }; K]).collect();
    for (k, column) in columns.into_iter().enumerate() {
        let mut rest: Vec<&mut [f64]> = column.parts.iter_mut().map(Vec::as_mut_slice).collect();
        for (task, part) in tasks.iter().zip(&mut parts) {
            let width = if column.by_state { task.group.states() } else { 1 };
            let (head, tail) = std::mem::take(&mut rest[task.index]).split_at_mut(task.count * width);
            rest[task.index] = tail;
            part[k] = Some(head);
        }
    }
    let work: Vec<_> = tasks.into_iter().zip(parts).collect();
    work.into_par_iter().map(|(t, part)| task(t, part.map(Option::unwrap_or_default))).collect()
}

/// Numbers of all agents, group by group: one per agent, or one per state component (`[agent][component]`).
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::lq) struct Columns {
    pub parts: Vec<Vec<f64>>,
    by_state: bool,
}

impl Columns {
    /// One number per agent.
    pub fn per_agent(market: &Market) -> Self {
        let parts = market.groups().iter().map(|g| vec![0.0; g.size()]).collect();
        Self { parts, by_state: false }
    }

    /// One number per state component.
    pub fn per_state(market: &Market) -> Self {
        let parts = market.groups().iter().map(|g| vec![0.0; g.size() * g.states()]).collect();
        Self { parts, by_state: true }
    }

    /// The state of one agent.
    pub fn state(&self, market: &Market, agent: AgentId) -> &[f64] {
        let (g, index) = market.place(agent);
        let d = market.groups()[g].states();
        &self.parts[g][index * d..(index + 1) * d]
    }

    /// As [`state`](Self::state), to be written.
    pub fn state_mut(&mut self, market: &Market, agent: AgentId) -> &mut [f64] {
        let (g, index) = market.place(agent);
        let d = market.groups()[g].states();
        &mut self.parts[g][index * d..(index + 1) * d]
    }

    /// The numbers of one per agent, in the order of the agents.
    pub fn into_agents(self, market: &Market) -> Vec<f64> {
        market.gather(self.parts)
    }
}
