//! The instance in which every group of exchangeable players is one player.

use std::collections::HashMap;

use super::super::model::{Kernel, Labels, Model, ModelError, Moves, Outcomes, Parts, Player, Public};
use super::super::solve::space::{Space, State};
use super::super::varying::Varying;
use super::Effects;
use super::images::{Image, Images};
use crate::mechanism::AgentId;

/// An instance with one player for each group of exchangeable ones.
///
/// Her type is the multiset of the types of the group, the lowest type belonging to the first member and so on; her
/// utility is the sum over the group. Decisions that differ only in whom of a group they concern are one for each type if
/// that is less (if nobody has the type, it concerns whoever has the lowest); all others are the same. Values W of all
/// are those of the original instance. It is of no use for payments: what is possible without single members, and their
/// outside utilities, are left out.
#[derive(Clone, Debug, PartialEq)]
pub struct Lumped {
    model: Model,
    groups: Vec<Vec<AgentId>>,
    multisets: Vec<Multisets>,
}

/// Why groups cannot be lumped.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LumpError {
    /// Tables would be too large.
    #[error("the lumped tables need {needed} bytes, {allowed} are allowed")]
    TooLarge {
        /// Bytes that are needed (the largest countable number if there are more).
        needed: u128,
        /// Bytes that are allowed.
        allowed: u64,
    },
    /// The lumped instance is not accepted.
    #[error("the lumped instance: {0}")]
    Refused(#[from] ModelError),
}

impl Lumped {
    /// Finds the exchangeable players and puts them together.
    ///
    /// # Errors
    /// Tables need more than `allowed` bytes. Sums and products over a group are accepted if those of the original
    /// instance were: rows of m players may miss 1 by m times as much, and the certificate of a solution counts that.
    pub fn new(model: &Model, allowed: u64) -> Result<Self, LumpError> {
        let effects = Effects::new(model);
        Self::of(model, super::groups_of(model, &effects), &effects, allowed)
    }

    /// Puts players together who are known to be exchangeable.
    pub(in crate::pivot) fn of_groups(
        model: &Model,
        groups: Vec<Vec<AgentId>>,
        allowed: u64,
    ) -> Result<Self, LumpError> {
        Self::of(model, groups, &Effects::new(model), allowed)
    }

    fn of(
        model: &Model,
        groups: Vec<Vec<AgentId>>,
        effects: &Effects,
        allowed: u64,
    ) -> Result<Self, LumpError> {
        let types: Vec<usize> = groups.iter().map(|group| model.player(group[0]).types).collect();
        let images = Images::new(effects, &groups, &types);
        needs(model, &groups, images.len(), allowed)?;
        let multisets: Vec<Multisets> =
            groups.iter().zip(types).map(|(group, n)| Multisets::new(n, group.len())).collect();
        let parts = parts(model, &groups, &multisets, &images);
        // Twice: without constants numbers may be twice as large.
        let members = 2 * groups.iter().map(Vec::len).max().unwrap_or(1);
        Ok(Self { model: Model::of_groups(parts, members)?, groups, multisets })
    }

    /// The joint states that the lumped instance would have, and the bytes of its tables; nothing is made.
    ///
    /// # Errors
    /// Tables need more than `allowed` bytes.
    pub fn needs(model: &Model, allowed: u64) -> Result<(Space, u128), LumpError> {
        let effects = Effects::new(model);
        let groups = super::groups_of(model, &effects);
        let own: Vec<usize> = groups.iter().map(|group| model.player(group[0]).types).collect();
        let needed = needs(model, &groups, Images::new(&effects, &groups, &own).len(), allowed)?;
        // Lists of all multisets are among the tables, so their number is one that a machine can count.
        let types = groups.iter().map(|group| {
            let sets = multisets(model.player(group[0]).types as u128, group.len() as u128);
            usize::try_from(sets).unwrap_or(usize::MAX)
        });
        let types = types.collect();
        Ok((Space { publics: model.public().states, members: (0..groups.len()).collect(), types }, needed))
    }

    /// The instance with one player for each group.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The groups, in the order of the players of the lumped instance.
    pub fn groups(&self) -> &[Vec<AgentId>] {
        &self.groups
    }

    /// Types of the lumped instance for types of the original one.
    ///
    /// # Panics
    /// Not one type for each player, or a type out of range.
    pub fn state(&self, types: &[usize]) -> Vec<usize> {
        self.state_of(&self.groups, types)
    }

    /// The same if other lists of as many players stand in the places of the groups.
    pub(in crate::pivot) fn state_of(&self, groups: &[Vec<AgentId>], types: &[usize]) -> Vec<usize> {
        let of = |(group, sets): (&Vec<AgentId>, &Multisets)| {
            let mut own: Vec<usize> = group.iter().map(|i| types[*i]).collect();
            own.sort_unstable();
            sets.place(&own)
        };
        groups.iter().zip(&self.multisets).map(of).collect()
    }

    /// Law of the next multiset of every group, from a state of `model` under one of its decisions; the groups are lists
    /// of its players, as many as those of this instance.
    pub(in crate::pivot) fn laws(
        &self,
        groups: &[Vec<AgentId>],
        model: &Model,
        period: usize,
        decision: usize,
        state: &State,
    ) -> Vec<Vec<f64>> {
        let row = |i: &AgentId| {
            let kernel = model.player(*i).moves.at(period, decision, state.public);
            kernel.row(state.types[*i])
        };
        let of = |(group, sets): (&Vec<AgentId>, &Multisets)| sets.law(group.iter().map(row));
        groups.iter().zip(&self.multisets).map(of).collect()
    }

    /// Types of the original instance that stand for types of the lumped one: ascending within each group.
    ///
    /// # Panics
    /// Not one type for each group, or a type out of range.
    pub fn representative(&self, state: &[usize]) -> Vec<usize> {
        assert_eq!(state.len(), self.groups.len(), "one type for each group");
        let mut types = vec![0; self.groups.iter().map(Vec::len).sum()];
        for ((group, sets), own) in self.groups.iter().zip(&self.multisets).zip(state) {
            for (i, x) in group.iter().zip(&sets.all()[*own]) {
                types[*i] = *x;
            }
        }
        types
    }
}

/// Multisets of types of 0, 1, .. members, as ascending lists in lexicographic order.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::pivot) struct Multisets {
    types: usize,
    by_size: Vec<Vec<Vec<usize>>>,
    /// For each size, where a multiset goes when a type joins.
    joined: Vec<Vec<usize>>,
}

impl Multisets {
    pub(in crate::pivot) fn new(types: usize, members: usize) -> Self {
        let mut by_size: Vec<Vec<Vec<usize>>> = vec![vec![Vec::new()]];
        let mut joined = Vec::new();
        for size in 0..members {
            // One more at the end, so that lists stay ascending and in order.
            let longer = |set: &Vec<usize>| {
                let set = set.clone();
                (set.last().copied().unwrap_or(0)..types).map(move |x| [set.as_slice(), &[x]].concat())
            };
            let next: Vec<Vec<usize>> = by_size[size].iter().flat_map(longer).collect();
            let join = |set: &Vec<usize>, x: usize| {
                let mut set = set.clone();
                set.insert(set.partition_point(|y| *y < x), x);
                find(&next, &set)
            };
            joined.push(by_size[size].iter().flat_map(|set| (0..types).map(move |x| join(set, x))).collect());
            by_size.push(next);
        }
        Self { types, by_size, joined }
    }

    pub(in crate::pivot) fn all(&self) -> &[Vec<usize>] {
        &self.by_size[self.joined.len()]
    }

    pub(in crate::pivot) fn place(&self, set: &[usize]) -> usize {
        find(self.all(), set)
    }

    /// Law of the multiset of independent types.
    pub(in crate::pivot) fn law<'a>(&self, members: impl Iterator<Item = &'a [f64]>) -> Vec<f64> {
        let mut law = vec![1.0];
        for (size, own) in members.enumerate() {
            let mut next = vec![0.0; self.by_size[size + 1].len()];
            for (set, p) in law.iter().enumerate().filter(|(_, p)| **p > 0.0) {
                let to = &self.joined[size][set * self.types..(set + 1) * self.types];
                for (to, q) in to.iter().zip(own) {
                    next[*to] += p * q;
                }
            }
            law = next;
        }
        law
    }
}

fn find(sets: &[Vec<usize>], set: &[usize]) -> usize {
    let found = sets.binary_search_by(|other| other.as_slice().cmp(set));
    assert!(found.is_ok(), "types out of range: {set:?}");
    found.unwrap_or_default()
}

fn parts(model: &Model, groups: &[Vec<AgentId>], multisets: &[Multisets], images: &Images) -> Parts {
    let Parts { horizon, discount, outcomes, public, .. } = model.parts();
    let player = |g: usize| {
        let members: Vec<&Player> = groups[g].iter().map(|i| model.player(*i)).collect();
        let of: Vec<&Image> = images.of.iter().map(|of| &of[g]).collect();
        together(&members, &multisets[g], &of)
    };
    let feasible = |set: &Vec<usize>| {
        (0..images.len()).filter(|a| set.binary_search(&images.sample[*a]).is_ok()).collect()
    };
    Parts {
        horizon: *horizon,
        discount: *discount,
        decisions: images.len(),
        outcomes: Outcomes {
            feasible: outcomes.feasible.iter().map(feasible).collect(),
            probability: outcomes.probability.clone(),
        },
        public: Public {
            utility: picked(&public.utility, &images.sample),
            moves: Moves::of(public.moves.laws.clone(), picked(&public.moves.which, &images.sample)),
            ..public.clone()
        },
        players: (0..groups.len()).map(player).collect(),
        labels: labels(model, groups, multisets, images),
    }
}

/// A table with the decisions that are listed.
fn picked<T: Clone>(table: &Varying<T>, sample: &[usize]) -> Varying<T> {
    Varying::from_fn(reshaped(table.shape(), sample.len()), |t, a, s| table.at(t, sample[a], s).clone())
}

/// A shape with another number of decisions, if it has that axis.
fn reshaped([periods, decisions, publics]: [usize; 3], count: usize) -> [usize; 3] {
    [periods, if decisions == 1 { 1 } else { count }, publics]
}

/// One player in place of a group.
fn together(members: &[&Player], sets: &Multisets, of: &[&Image]) -> Player {
    let utilities: Vec<&Varying<Vec<f64>>> = members.iter().map(|m| &m.utility).collect();
    let terminals: Option<Vec<&Varying<Vec<f64>>>> = members.iter().map(|m| m.terminal.as_ref()).collect();
    Player {
        types: sets.all().len(),
        utility: sums(&utilities, sets, of),
        moves: moves(members, sets, of),
        terminal: terminals.map(|tables| sums(&tables, sets, of)),
        prior: sets.law(members.iter().map(|m| m.prior.as_slice())),
        absent: None,
        outside: None,
    }
}

/// A table of the group: the sum over its members, the k-th of whom has the k-th type of the multiset.
fn sums(tables: &[&Varying<Vec<f64>>], sets: &Multisets, of: &[&Image]) -> Varying<Vec<f64>> {
    let sum = |t: usize, a: usize, s: usize, set: &Vec<usize>| -> f64 {
        let decision = of[a].at(set);
        tables.iter().zip(set).map(|(table, x)| table.at(t, decision, s)[*x]).sum()
    };
    let shape = reshaped(common(tables.iter().map(|table| table.shape())), of.len());
    Varying::from_fn(shape, |t, a, s| sets.all().iter().map(|set| sum(t, a, s, set)).collect())
}

fn moves(members: &[&Player], sets: &Multisets, of: &[&Image]) -> Moves<Kernel> {
    let mut known: HashMap<(Option<usize>, Vec<usize>), usize> = HashMap::new();
    let mut laws = Vec::new();
    let shape = reshaped(common(members.iter().map(|m| m.moves.which.shape())), of.len());
    let which = Varying::from_fn(shape, |t, a, s| {
        let ids = |decision: usize| members.iter().map(|m| m.moves.id(t, decision, s)).collect::<Vec<_>>();
        let key = match of[a] {
            Image::Same(decision) => (None, ids(*decision)),
            // Who is concerned may move as everybody else.
            Image::Chosen { kind, by_rank } => {
                let first = ids(by_rank[0]);
                let told = by_rank[1..].iter().any(|decision| ids(*decision) != first);
                (told.then_some(*kind), first)
            }
        };
        *known.entry(key).or_insert_with(|| {
            laws.push(kernel(members, sets, |set| (t, of[a].at(set), s)));
            laws.len() - 1
        })
    });
    Moves::of(laws, which)
}

/// `at`: the period, decision and public state whose laws the members move by, from a multiset.
fn kernel(members: &[&Player], sets: &Multisets, at: impl Fn(&[usize]) -> (usize, usize, usize)) -> Kernel {
    let row = |set: &Vec<usize>| {
        let (t, a, s) = at(set);
        sets.law(members.iter().zip(set).map(|(member, x)| member.moves.at(t, a, s).row(*x)))
    };
    Kernel::new(sets.all().len(), sets.all().iter().flat_map(row).collect())
}

/// The shape that covers all.
fn common(shapes: impl Iterator<Item = [usize; 3]>) -> [usize; 3] {
    shapes.fold([1; 3], |all, one| std::array::from_fn(|axis| all[axis].max(one[axis])))
}

/// Names for people: members side by side, their types from the lowest on.
fn labels(model: &Model, groups: &[Vec<AgentId>], multisets: &[Multisets], images: &Images) -> Labels {
    let old = model.labels();
    let list = |names: Vec<&str>| names.join(", ");
    let players = groups.iter().map(|group| list(group.iter().map(|i| old.players[*i].as_str()).collect()));
    let types = groups.iter().zip(multisets).map(|(group, sets)| {
        let words = &old.types[group[0]];
        sets.all().iter().map(|set| list(set.iter().map(|x| words[*x].as_str()).collect())).collect()
    });
    let decision = |(sample, of): (&usize, &Vec<Image>)| {
        let one = |(g, image): (usize, &Image)| match image {
            Image::Same(_) => None,
            Image::Chosen { kind, .. } => Some(old.types[groups[g][0]][*kind].as_str()),
        };
        let kinds: Vec<&str> = of.iter().enumerate().filter_map(one).collect();
        let name = &old.decisions[*sample];
        if kinds.is_empty() { name.clone() } else { format!("{name} or alike ({})", kinds.join(", ")) }
    };
    let decisions = images.sample.iter().zip(&images.of).map(decision).collect();
    Labels { players: players.collect(), types: types.collect(), decisions, ..old.clone() }
}

/// Bytes of the lumped tables, if so many are allowed.
fn needs(model: &Model, groups: &[Vec<AgentId>], decisions: usize, allowed: u64) -> Result<u128, LumpError> {
    let needed = bytes(model, groups, decisions);
    if needed > u128::from(allowed) { Err(LumpError::TooLarge { needed, allowed }) } else { Ok(needed) }
}

/// Bytes of the lumped tables, counted before any is made.
fn bytes(model: &Model, groups: &[Vec<AgentId>], decisions: usize) -> u128 {
    let of = |group: &Vec<AgentId>| {
        let members: Vec<&Player> = group.iter().map(|i| model.player(*i)).collect();
        let (types, size) = (members[0].types as u128, group.len() as u128);
        let sets = multisets(types, size);
        let cells =
            |shape: [usize; 3]| reshaped(shape, decisions).iter().map(|k| *k as u128).product::<u128>();
        let utility = cells(common(members.iter().map(|m| m.utility.shape()))).saturating_mul(sets);
        let moves = cells(common(members.iter().map(|m| m.moves.which.shape())));
        // No more laws than combinations of the members' laws.
        let combinations = members.iter().map(|m| m.moves.laws.len() as u128);
        let laws = combinations.fold(1, u128::saturating_mul).min(moves);
        // Five times: in the instance, once more in the solver, and there by rows, by columns and in bundles.
        let kernels = laws.saturating_mul(sets.saturating_mul(sets)).saturating_mul(5);
        // Lists of all smaller multisets stand beside.
        let lists = multisets(types + 1, size).saturating_mul(types + size + 3);
        utility.saturating_add(kernels).saturating_add(lists).saturating_add(moves)
    };
    groups.iter().map(of).fold(0, u128::saturating_add).saturating_mul(8)
}

/// Number of multisets: (types + size - 1)! / (size! (types - 1)!), capped.
fn multisets(types: u128, size: u128) -> u128 {
    let step = |count: u128, k: u128| count.checked_mul(types - 1 + k).map_or(u128::MAX, |c| c / k);
    (1..=size).try_fold(1, |count, k| Some(step(count, k)).filter(|c| *c < u128::MAX)).unwrap_or(u128::MAX)
}
