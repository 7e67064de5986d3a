//! Sums over all type profiles, walked depth first with partial sums of values.

use super::alike::{Alike, Counts};
use super::choose;
use crate::mechanism::AgentId;
use crate::two_stage::model::Game;

/// Sums over all type profiles after a first-stage outcome.
pub(super) struct Walk<'a> {
    pub game: &'a Game,
    pub groups: &'a [Alike<'a>],
    pub first: usize,
    /// Outcomes that are not available without this player are left out.
    pub absent: Option<AgentId>,
}

/// What is done at a profile: its probability, the second-stage outcome and its value, and by group how many members have
/// which of the likely types (those that nobody has are left out).
type Visit<'a> = dyn FnMut(f64, usize, f64, &[Vec<(usize, usize)>]) + 'a;

impl Walk<'_> {
    /// Expectation of the best second stage.
    pub fn welfare(&self) -> f64 {
        let mut sum = crate::numeric::sum::Sum::from(0.0);
        self.profiles(&mut |p, _, value, _| sum.add(p * value));
        sum.get()
    }

    /// What one member of each group can expect the outcomes to be worth to her.
    pub fn expected(&self) -> Vec<f64> {
        // By group: the chance of a member's type with an outcome.
        let second = self.game.second();
        let mut chances: Vec<Vec<f64>> =
            self.groups.iter().map(|g| vec![0.0; g.likely.len() * second]).collect();
        self.profiles(&mut |p, outcome, _, held| {
            for ((chances, held), group) in chances.iter_mut().zip(held).zip(self.groups) {
                let members = group.members.len() as f64;
                for (k, count) in held {
                    chances[k * second + outcome] += p * *count as f64 / members;
                }
            }
        });
        let of = |(group, chances): (&Alike<'_>, Vec<f64>)| {
            let terms = chances.iter().enumerate().map(|(k, p)| {
                let own = group.likely[k / second];
                p * self.game.value(group.members[0], own, self.first, k % second)
            });
            crate::numeric::sum::compensated(terms)
        };
        self.groups.iter().zip(chances).map(of).collect()
    }

    fn profiles(&self, visit: &mut Visit<'_>) {
        let second = self.game.second();
        let mut start: Vec<f64> = self.game.cost(self.first).iter().map(|c| -c).collect();
        let mut held: Vec<Vec<(usize, usize)>> = vec![Vec::new(); self.groups.len()];
        let (mut chance, mut open) = (1.0, Vec::new());
        for (at, group) in self.groups.iter().enumerate() {
            // Who has one type only is added once, whatever the others have.
            if let [_] = group.likely[..] {
                held[at] = vec![(0, group.members.len())];
                chance *= group.chance(group.members.len(), &held[at]);
                self.add(group, &held[at], &mut start);
            } else {
                open.push(at);
            }
        }
        let mut sums = vec![0.0; (open.len() + 1) * second];
        sums[..second].copy_from_slice(&start);
        self.group(&open, chance, &mut sums, &mut held, visit);
    }

    /// Adds what second-stage outcomes are worth to a group.
    fn add(&self, group: &Alike<'_>, held: &[(usize, usize)], sums: &mut [f64]) {
        for &(k, count) in held {
            let row = self.game.row(group.members[0], group.likely[k], self.first);
            sums.iter_mut().zip(row).for_each(|(sum, v)| *sum += count as f64 * v);
        }
    }

    /// All profiles of these groups. The first part of `sums` are the values so far, the rest is memory. Groups with
    /// several types are few, or there would be too many profiles: that bounds the depth.
    fn group(
        &self,
        open: &[usize],
        chance: f64,
        sums: &mut [f64],
        held: &mut [Vec<(usize, usize)>],
        visit: &mut Visit<'_>,
    ) {
        let second = self.game.second();
        let Some((&at, open)) = open.split_first() else {
            let available = |o: &usize| self.absent.is_none_or(|i| self.game.available(i, self.first)[*o]);
            let values = (0..second).filter(available).map(|o| (o, sums[o]));
            if let Some((outcome, value)) = choose(values) {
                visit(chance, outcome, value, held);
            }
            return;
        };
        let group = &self.groups[at];
        let mut counts = Counts::new(group.members.len(), group.likely.len());
        loop {
            counts.held(&mut held[at]);
            sums.copy_within(..second, second);
            self.add(group, &held[at], &mut sums[second..2 * second]);
            let here = chance * group.chance(group.members.len(), &held[at]);
            self.group(open, here, &mut sums[second..], held, visit);
            if !counts.next() {
                return;
            }
        }
    }
}
