//! Players who can change places: found, and replaced by one player whose type is a multiset.
//!
//! m exchangeable players with n types have n^m joint types, but the value does not care who has which: the number of
//! multisets, (n + m - 1)! / (m! (n - 1)!), is what counts.

mod images;
mod lump;

pub(super) use lump::Multisets;
pub use lump::{LumpError, Lumped};

use std::collections::HashMap;

use super::model::Model;
use super::varying::Varying;
use crate::mechanism::AgentId;

/// Groups of exchangeable players, each ascending, in the order of their first members; who is like nobody is a group
/// of one.
///
/// Two players are exchangeable if decisions can be renamed so that the two change places and nothing else changes:
/// utilities, moves, terminal and outside utilities, feasible sets, decisions possible without each player, and the
/// public. Numbers are compared exactly. Priors and names do not count. What decisions do to the others is the same
/// before and after, so being exchangeable is an equivalence, and a group may be permuted in any way.
pub fn groups(model: &Model) -> Vec<Vec<AgentId>> {
    groups_of(model, &Effects::new(model))
}

fn groups_of(model: &Model, effects: &Effects) -> Vec<Vec<AgentId>> {
    let mut groups: Vec<Vec<AgentId>> = Vec::new();
    let mut alike: HashMap<Vec<usize>, Vec<usize>> = HashMap::new();
    for player in 0..model.players() {
        let candidates = alike.entry(effects.marks(player)).or_default();
        let found = candidates.iter().copied().find(|g| effects.exchangeable(groups[*g][0], player));
        match found {
            Some(group) => groups[group].push(player),
            None => {
                candidates.push(groups.len());
                groups.push(vec![player]);
            }
        }
    }
    groups
}

/// What every decision does to everybody, as numbers: equal numbers are equal effects, also between players.
struct Effects {
    /// To the public: utility, move, in which outcomes it is feasible. By decision.
    public: Vec<usize>,
    /// To a player: utility, move, in which outcomes it is possible without her. By player and decision.
    players: Vec<Vec<usize>>,
    /// Types, terminal and outside utilities of a player.
    standing: Vec<usize>,
}

impl Effects {
    fn new(model: &Model) -> Self {
        let span = span(model);
        let mut names = Names::default();
        let public = (0..model.decisions()).map(|a| names.public(model, a, span)).collect();
        let players = (0..model.players()).map(|i| names.player(model, i, span)).collect();
        let standing = (0..model.players()).map(|i| names.standing(model, i, span)).collect();
        Self { public, players, standing }
    }

    /// What exchangeable players have in common, whatever the others: a first sieve.
    fn marks(&self, player: AgentId) -> Vec<usize> {
        let mut marks = self.players[player].clone();
        marks.sort_unstable();
        marks.push(self.standing[player]);
        marks
    }

    /// Whether the decisions, with two players in each other's place, are the same decisions again.
    fn exchangeable(&self, i: AgentId, j: AgentId) -> bool {
        let (own, other) = (&self.players[i], &self.players[j]);
        // Decisions that do the same to both are their own images.
        let touched = (0..own.len()).filter(|a| own[*a] != other[*a]);
        let (mut before, mut after): (Vec<_>, Vec<_>) =
            touched.map(|a| (self.seen(a, i, j), self.seen(a, j, i))).unzip();
        before.sort_unstable();
        after.sort_unstable();
        self.standing[i] == self.standing[j] && before == after
    }

    /// What a decision does to one player, to another, to the public and to the rest.
    fn seen(&self, decision: usize, first: AgentId, second: AgentId) -> Vec<usize> {
        let rest = (0..self.players.len()).filter(|k| *k != first && *k != second);
        let to = |k: AgentId| self.players[k][decision];
        [to(first), to(second), self.public[decision]].into_iter().chain(rest.map(to)).collect()
    }
}

/// Lengths of the axes of periods and public states that cover all tables.
fn span(model: &Model) -> [usize; 2] {
    [model.periods().unwrap_or(1), model.public().states]
}

/// Numbers for things, equal things once.
#[derive(Default)]
struct Names {
    known: HashMap<Vec<u64>, usize>,
}

impl Names {
    fn of(&mut self, key: Vec<u64>) -> usize {
        let next = self.known.len();
        *self.known.entry(key).or_insert(next)
    }

    fn numbers<'a>(&mut self, numbers: impl IntoIterator<Item = &'a f64>) -> usize {
        // Adding 0 turns -0 into 0.
        self.of(numbers.into_iter().map(|x| (x + 0.0).to_bits()).collect())
    }

    /// A table as seen by one decision.
    fn table<T>(
        &mut self,
        table: &Varying<T>,
        decision: usize,
        span: [usize; 2],
        mut name: impl FnMut(&mut Self, &T) -> usize,
    ) -> Vec<u64> {
        let [periods, publics] = span;
        let places = (0..periods).flat_map(|t| (0..publics).map(move |s| (t, s)));
        places.map(|(t, s)| name(self, table.at(t, decision, s)) as u64).collect()
    }

    fn public(&mut self, model: &Model, decision: usize, span: [usize; 2]) -> usize {
        let public = model.public();
        let mut key = self.table(&public.utility, decision, span, |names, w| names.numbers([w]));
        key.extend(self.table(&public.moves.which, decision, span, |_, law| *law));
        key.extend(
            (0..model.outcomes()).map(|z| u64::from(model.feasible(z).binary_search(&decision).is_ok())),
        );
        self.of(key)
    }

    /// What every decision does to a player.
    fn player(&mut self, model: &Model, i: AgentId, span: [usize; 2]) -> Vec<usize> {
        let player = model.player(i);
        let laws: Vec<usize> = player.moves.laws.iter().map(|law| self.numbers(&law.rows)).collect();
        let possible = |z: usize, a: usize| model.absent(i, z).binary_search(&a).is_ok();
        let mut of = |a: usize| {
            let mut key = self.table(&player.utility, a, span, |names, v| names.numbers(v));
            key.extend(self.table(&player.moves.which, a, span, |_, law| laws[*law]));
            key.extend((0..model.outcomes()).map(|z| u64::from(possible(z, a))));
            self.of(key)
        };
        (0..model.decisions()).map(&mut of).collect()
    }

    fn standing(&mut self, model: &Model, i: AgentId, span: [usize; 2]) -> usize {
        let player = model.player(i);
        let zeros = Varying::constant(vec![0.0; player.types]);
        let terminal = player.terminal.as_ref().unwrap_or(&zeros);
        let outside = player.outside.as_ref().unwrap_or(&zeros);
        let mut key = vec![player.types as u64];
        key.extend(self.table(terminal, 0, [1, span[1]], |names, v| names.numbers(v)));
        key.extend(self.table(outside, 0, span, |names, v| names.numbers(v)));
        self.of(key)
    }
}

#[cfg(test)]
mod tests;
