//! Decisions that differ only in which member of a group they concern, made into one for each type.
//!
//! A group of m players has m decisions that serve one of them, but whom they serve does not count, only which type she
//! has. So one decision for each of the n types is enough, and the tables of all others are never made.

use std::collections::HashMap;

use super::Effects;
use crate::mechanism::AgentId;

/// The decisions of a lumped instance, and what they are in the original one.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Images {
    /// By decision: one of the original instance that does the same to the public and is feasible when it is.
    pub sample: Vec<usize>,
    /// By decision and group: what it does to the members.
    pub of: Vec<Vec<Image>>,
}

/// What a decision does to the members of a group: the same as a decision of the original instance.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Image {
    /// As this one, whatever the types.
    Same(usize),
    /// As the one that concerns a member of this type; if nobody has it, the member with the lowest type.
    Chosen {
        /// The type.
        kind: usize,
        /// The decisions by the member whom they concern.
        by_rank: Vec<usize>,
    },
}

impl Image {
    /// The decision of the original instance in a state of the group.
    pub fn at(&self, set: &[usize]) -> usize {
        match self {
            Self::Same(decision) => *decision,
            Self::Chosen { kind, by_rank } => by_rank[set.iter().position(|x| x == kind).unwrap_or(0)],
        }
    }
}

/// Decisions that do the same to the public and to groups, whoever the members are whom they concern.
struct Orbit {
    /// A decision.
    sample: usize,
    /// By group: none if members are not told apart by the orbit; else a decision for each member.
    by_rank: Vec<Option<Vec<Option<usize>>>>,
}

impl Images {
    /// Decisions as they are.
    fn unchanged(decisions: usize, groups: usize) -> Self {
        Self {
            sample: (0..decisions).collect(),
            of: (0..decisions).map(|a| vec![Image::Same(a); groups]).collect(),
        }
    }

    /// As few decisions as members of the same type allow. `types`: how many there are in each group.
    pub fn new(effects: &Effects, groups: &[Vec<AgentId>], types: &[usize]) -> Self {
        let decisions = effects.public.len();
        let orbits = orbits(effects, groups, types);
        let kinds = |orbit: &Orbit| {
            let told = orbit.by_rank.iter().zip(types).filter(|(ranks, _)| ranks.is_some());
            told.fold(1_usize, |count, (_, n)| count.saturating_mul(*n))
        };
        let few = orbits.iter().map(kinds).fold(0_usize, usize::saturating_add);
        // Members who can change places have their own decision each.
        let whole = |orbit: &Orbit| orbit.by_rank.iter().flatten().flatten().all(Option::is_some);
        if few >= decisions || !orbits.iter().all(whole) {
            return Self::unchanged(decisions, groups.len());
        }
        let mut images = Self { sample: Vec::with_capacity(few), of: Vec::with_capacity(few) };
        for orbit in &orbits {
            for number in 0..kinds(orbit) {
                images.sample.push(orbit.sample);
                images.of.push(orbit.image(number, types));
            }
        }
        images
    }

    /// Number of decisions.
    pub fn len(&self) -> usize {
        self.sample.len()
    }
}

impl Orbit {
    /// What the decision with a number does: the number says which type is concerned in every group, in C order.
    fn image(&self, mut number: usize, types: &[usize]) -> Vec<Image> {
        let mut of = |(ranks, n): (&Option<Vec<Option<usize>>>, &usize)| match ranks {
            None => Image::Same(self.sample),
            Some(ranks) => {
                let kind = number % n;
                number /= n;
                Image::Chosen { kind, by_rank: ranks.iter().map(|a| a.unwrap_or(self.sample)).collect() }
            }
        };
        let mut images: Vec<Image> = self.by_rank.iter().zip(types).rev().map(&mut of).collect();
        images.reverse();
        images
    }
}

fn orbits(effects: &Effects, groups: &[Vec<AgentId>], types: &[usize]) -> Vec<Orbit> {
    let mut known: HashMap<Vec<usize>, usize> = HashMap::new();
    let mut orbits: Vec<Orbit> = Vec::new();
    for decision in 0..effects.public.len() {
        let mut key = vec![effects.public[decision]];
        let mut concerned = Vec::with_capacity(groups.len());
        for (group, n) in groups.iter().zip(types) {
            let on: Vec<usize> = group.iter().map(|i| effects.players[*i][decision]).collect();
            // With as many types as members there is nothing to gain.
            let one = if *n < group.len() { odd_one_out(&on) } else { None };
            match one {
                Some(rank) => key.extend([1, on[rank], on[usize::from(rank == 0)]]),
                None => key.extend(std::iter::once(0).chain(on)),
            }
            concerned.push(one);
        }
        let number = *known.entry(key).or_insert_with(|| {
            let ranks = concerned.iter().zip(groups).map(|(one, group)| one.map(|_| vec![None; group.len()]));
            orbits.push(Orbit { sample: decision, by_rank: ranks.collect() });
            orbits.len() - 1
        });
        for (ranks, one) in orbits[number].by_rank.iter_mut().zip(concerned) {
            if let (Some(ranks), Some(rank)) = (ranks, one) {
                ranks[rank].get_or_insert(decision);
            }
        }
    }
    orbits
}

/// The only one of at least three that differs from all others, which are alike.
fn odd_one_out(on: &[usize]) -> Option<usize> {
    let [first, second, third, ..] = on else { return None };
    let common = if first == second || first == third { first } else { second };
    let mut differ = (0..on.len()).filter(|k| on[*k] != *common);
    let one = differ.next()?;
    differ.next().is_none().then_some(one)
}
