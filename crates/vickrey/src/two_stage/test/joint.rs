//! The joint test: a player's bid must be independent of everything that the others do (paper 001, (8)).
//!
//! There are as many cells as type profiles, so nothing is kept for cells that were never seen, and groups (profiles of
//! the others) are told apart by a key that takes one subtraction a player. The first groups that occur are counted one
//! by one. When a player has seen too many for that, the further ones are counted in a sketch of fixed size that never
//! undercounts. A group matters only when it was seen at least `l r(l)` times; a group that the sketch thinks may have
//! been is counted exactly, from the record of all bids, and leaves the sketch. So the flags are those of the full
//! enumeration, and memory is the record, a key of 16 bytes a day, a fixed amount for each player, and the groups that
//! were counted from the record (at most 1 / r(l) of them can matter at a time).

use std::collections::HashMap;

use rand::Rng;

use super::groups::{Groups, Yardstick};
use super::record::Record;
use crate::numeric::random::{Purpose, stream};

/// Groups of a player that are counted exactly from their first day on.
pub(super) const KEPT: usize = 1024;
/// Counters in a row of a sketch.
const WIDTH: usize = 4096;
/// Rows of a sketch.
const ROWS: usize = 2;

#[derive(Clone, Debug)]
pub(super) struct Joint {
    /// By player: where the parts of her types begin in `parts`.
    starts: Vec<usize>,
    /// What every player's types and, behind them, the signals add to the key of a day.
    parts: Vec<u128>,
    /// Keys are mixed radix numbers: no two profiles share one.
    exact: bool,
    kept: usize,
    /// By day: the sum of all parts, modulo 2^128.
    keys: Vec<u128>,
    players: Vec<Seen>,
}

/// What one player's test has seen.
#[derive(Clone, Debug)]
struct Seen {
    groups: Groups,
    /// Groups by key; those of one key, should two profiles ever share it, are told apart by `days`.
    known: HashMap<u128, Vec<u32>>,
    /// By group: a day on which it was seen.
    days: Vec<u32>,
    sketch: Vec<u32>,
}

impl Joint {
    /// `kept`: groups that are counted exactly from their first day on. `exact`: mixed radix keys, if they fit.
    pub fn new(types: &[usize], signals: usize, kept: usize, exact: bool) -> Self {
        let starts: Vec<usize> = types
            .iter()
            .scan(0, |next, m| {
                *next += m;
                Some(*next - m)
            })
            .collect();
        let sizes: Vec<usize> = types.iter().copied().chain([signals]).collect();
        let fits = sizes.iter().try_fold(1_u128, |all, m| all.checked_mul(*m as u128)).is_some();
        let exact = exact && fits;
        let parts = if exact { radix(&sizes) } else { random(sizes.iter().sum()) };
        let seen = |m: &usize| Seen {
            groups: Groups::new(*m),
            known: HashMap::new(),
            days: Vec::new(),
            sketch: Vec::new(),
        };
        let players = types.iter().map(seen).collect();
        Self { starts, parts, exact, kept, keys: Vec::new(), players }
    }

    fn part(&self, player: usize, bid: usize) -> u128 {
        self.parts[self.starts[player] + bid]
    }

    /// The key of a day; to be called once a day, before the players see it.
    pub fn open(&mut self, types: usize, bids: &[usize], signal: usize) {
        let sum = bids.iter().enumerate().map(|(i, &b)| self.part(i, b));
        let all = sum.fold(self.parts[types + signal], u128::wrapping_add);
        self.keys.push(all);
    }

    /// Counts the last day of the record for one player.
    pub fn see(&mut self, record: &Record, bid: usize, yardstick: Yardstick<'_>) {
        let (player, day) = (yardstick.player, record.days() - 1);
        let key = self.keys[day].wrapping_sub(self.part(player, bid));
        let seen = &mut self.players[player];
        if let Some(group) = seen.find(key, |first| self.exact || record.same_rest(player, first, day)) {
            return seen.groups.see(group, bid, yardstick);
        }
        if seen.groups.len() < self.kept {
            let group = seen.add(key, day, record.signal(day));
            return seen.groups.see(group, bid, yardstick);
        }
        // On a day a group that may matter was seen at least as often as its numerators are large.
        if f64::from(seen.estimate(key)) < yardstick.threshold {
            return;
        }
        let counts = self.recount(record, player, key);
        let seen = &mut self.players[player];
        seen.forget(key, counts.iter().sum());
        let group = seen.add(key, day, record.signal(day));
        seen.groups.enter(group, &counts, yardstick);
    }

    /// How often a player made each of her bids on days like the last one.
    fn recount(&self, record: &Record, player: usize, key: u128) -> Vec<u32> {
        let own = self.starts[player];
        let last = record.days() - 1;
        let types = self.players[player].groups.types();
        let mut counts = vec![0; types];
        for (day, all) in self.keys.iter().enumerate() {
            let bid = usize::from(record.bids(day)[player]);
            let same = all.wrapping_sub(self.parts[own + bid]) == key;
            if same && (self.exact || record.same_rest(player, day, last)) {
                counts[bid] += 1;
            }
        }
        counts
    }

    pub fn flagged(&mut self, yardstick: Yardstick<'_>) -> bool {
        self.players[yardstick.player].groups.flagged(yardstick)
    }

    /// The largest numerator of all cells; none if some groups were only sketched.
    pub fn largest(&self, yardstick: Yardstick<'_>) -> Option<f64> {
        let seen = &self.players[yardstick.player];
        seen.sketch.is_empty().then(|| seen.groups.largest(yardstick))
    }
}

impl Seen {
    fn find(&self, key: u128, same: impl Fn(usize) -> bool) -> Option<usize> {
        let groups = self.known.get(&key)?;
        groups.iter().map(|g| *g as usize).find(|&g| same(self.days[g] as usize))
    }

    fn add(&mut self, key: u128, day: usize, signal: usize) -> usize {
        let group = self.groups.add(signal);
        self.days.push(day as u32);
        self.known.entry(key).or_default().push(group as u32);
        group
    }

    /// Counts a day in the sketch, and gives a number of days that is never below the truth.
    fn estimate(&mut self, key: u128) -> u32 {
        if self.sketch.is_empty() {
            self.sketch = vec![0; WIDTH * ROWS];
        }
        places(key).into_iter().fold(u32::MAX, |least, place| {
            self.sketch[place] += 1;
            least.min(self.sketch[place])
        })
    }

    /// Takes a group that is counted exactly from now on out of the sketch: all its days are in there.
    fn forget(&mut self, key: u128, days: u32) {
        places(key).into_iter().for_each(|place| self.sketch[place] -= days);
    }
}

/// Where a key is counted in a sketch. Mixed radix keys are neighbours: they are stirred first.
fn places(key: u128) -> [usize; ROWS] {
    let stirred = (key ^ (key >> 64)).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    [(stirred >> 64) as usize % WIDTH, WIDTH + (stirred >> 96) as usize % WIDTH]
}

/// Weights of a mixed radix number with these digits.
fn radix(sizes: &[usize]) -> Vec<u128> {
    let mut weight = 1;
    let mut parts = Vec::new();
    for &m in sizes {
        parts.extend((0..m as u128).map(|b| b * weight));
        weight *= m as u128;
    }
    parts
}

/// Random parts: two different profiles have the same sum with probability 2^-128, and are told apart even then.
fn random(count: usize) -> Vec<u128> {
    let mut rng = stream(0, Purpose::Audit, u64::MAX);
    (0..count).map(|_| u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64())).collect()
}
