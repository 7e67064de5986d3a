//! Games with two second-stage outcomes: which one is chosen depends on one number only, what the second is worth more
//! than the first to everybody together, less what it costs more. That is a sum of independent numbers.
//!
//! The players are parted into two halves, and the law of each half's sum is a sorted list, in which equal sums are one
//! entry. For a sum of one half, the sums of the other with which the second outcome is chosen are the end of its list:
//! expectations follow from running totals in one pass over both lists. So m^(n/2) sums stand in for m^n profiles, and
//! where all values are multiples of one unit there are no more sums than the numbers between the smallest and the largest.

use super::TIE;
use super::alike::{Alike, Counts, multisets};
use crate::numeric::sum::Sum;
use crate::two_stage::model::Game;

/// Most sums that a half may have: lists of them, their totals and what they are made from take a gigabyte or two.
pub(super) const MOST_SUMS: f64 = 2e6;
/// An entry of a list that is looked at, and one that is sorted, take as long as so many steps of a walk over profiles
/// (measured).
const LOOK: f64 = 0.1;
const SORT: f64 = 0.6;
/// Values are tried as multiples of one over these, and of one over powers of ten up to [`FINEST`].
const PARTS: usize = 1000;
const FINEST: i32 = 9;
/// Whole numbers up to here are exact, sums included.
const WHOLE: f64 = (1_u64 << 52) as f64;

/// A sum of some players' numbers, or one player's own.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// What the second outcome is worth more than the first; in units of the grid if there is one.
    excess: f64,
    chance: f64,
    /// What the outcomes are worth, on average over what has this excess.
    worth: [f64; 2],
}

const NOTHING: Entry = Entry { excess: 0.0, chance: 1.0, worth: [0.0; 2] };

impl Entry {
    fn plus(&self, other: &Self) -> Self {
        Self {
            excess: self.excess + other.excess,
            chance: self.chance * other.chance,
            worth: [0, 1].map(|o| self.worth[o] + other.worth[o]),
        }
    }
}

/// A game after a first-stage outcome.
pub(super) struct Sums<'a> {
    game: &'a Game,
    groups: &'a [Alike<'a>],
    first: usize,
    /// All values are multiples of one over this.
    grid: Option<f64>,
    /// Up to the first excess the first outcome is chosen, beyond the second one the second; between them, what an excess
    /// is relative to decides.
    cuts: [f64; 2],
    halves: [Half; 2],
}

/// Members of groups in one of the two halves.
#[derive(Clone, Debug, Default)]
struct Half {
    /// Group and number of its members.
    blocks: Vec<(usize, usize)>,
    /// Logarithm of the number of ways in which they have types.
    ways: f64,
    /// Steps of the grid from the smallest to the largest sum.
    range: f64,
}

impl Half {
    fn sums(&self) -> f64 {
        libm::exp(self.ways).min(1.0 + self.range)
    }
}

/// What can be expected: everybody together, and by group without one of its members (none: nothing is available then).
pub(super) struct Stage {
    pub welfare: f64,
    pub without: Vec<Option<f64>>,
}

/// By outcome: the chance that it is chosen, and what it is worth then times that chance.
#[derive(Clone, Copy, Debug, Default)]
struct Chosen {
    chance: [Sum; 2],
    worth: [Sum; 2],
}

impl Chosen {
    /// `outcome` is chosen with a sum that is worth `own` and has this chance, and others of this chance and worth.
    fn add(&mut self, outcome: usize, chance: f64, own: f64, [others, worth]: [f64; 2]) {
        self.chance[outcome].add(chance * others);
        self.worth[outcome].add(chance * (own * others + worth));
    }

    fn welfare(&self) -> f64 {
        let [mut all, other] = self.worth;
        all.add(other.get());
        all.get()
    }
}

/// A sorted list with running totals of chance, and of chance times worth of an outcome.
struct List {
    entries: Vec<Entry>,
    /// Of the entries before one, with the first outcome.
    below: Vec<[f64; 2]>,
    /// Of the entries from one on, with the second outcome.
    above: Vec<[f64; 2]>,
}

impl List {
    fn new(entries: Vec<Entry>) -> Self {
        let term = |e: &Entry, o: usize| [e.chance, e.chance * e.worth[o]];
        let below = totals(entries.iter().map(|e| term(e, 0)));
        let mut above = totals(entries.iter().rev().map(|e| term(e, 1)));
        above.reverse();
        Self { entries, below, above }
    }
}

fn totals(terms: impl ExactSizeIterator<Item = [f64; 2]>) -> Vec<[f64; 2]> {
    let mut running = [Sum::default(); 2];
    let mut all = Vec::with_capacity(terms.len() + 1);
    all.push([0.0; 2]);
    for [chance, worth] in terms {
        running[0].add(chance);
        running[1].add(worth);
        all.push(running.map(Sum::get));
    }
    all
}

impl<'a> Sums<'a> {
    /// Of a game with two second-stage outcomes.
    pub fn new(game: &'a Game, groups: &'a [Alike<'a>], first: usize) -> Self {
        let largest = |group: &Alike<'_>| {
            let rows = group.likely.iter().flat_map(|&t| game.row(group.members[0], t, first));
            group.members.len() as f64 * rows.fold(0.0_f64, |most, v| most.max(v.abs()))
        };
        let cost = game.cost(first).iter().fold(0.0_f64, |most, c| most.max(c.abs()));
        let size = cost + groups.iter().map(largest).sum::<f64>();
        // Differences below the rounding of values are ties like those below the tolerance.
        let low = TIE.max(4.0 * f64::EPSILON * size);
        let high = low.max(TIE * (1.0 + size));
        let grid =
            grid(game, groups, first).filter(|parts| 4.0 * high * parts < 1.0 && 2.0 * size * parts < WHOLE);
        let cuts = if grid.is_some() { [0.5; 2] } else { [low, high] };
        let mut sums = Self { game, groups, first, grid, cuts, halves: Default::default() };
        sums.halves = sums.part();
        sums
    }

    /// Sums of the larger half, and steps that everything takes.
    pub fn size(&self) -> (f64, f64) {
        let [one, other] = [0, 1].map(|h| self.halves[h].sums());
        let of = |half: &Half| {
            let count = half.blocks.len() as f64;
            let types = |(group, _): &(usize, usize)| self.groups[*group].likely.len() as f64;
            // Looked at once without a member and once with each of her types.
            let looks: f64 = half.blocks.iter().map(|block| 1.0 + types(block)).sum();
            // The last of the levels on which players are added to the others takes most, unless sums coincide.
            let added: f64 = match self.grid {
                Some(_) => {
                    half.blocks.iter().map(|b| types(b) * b.1 as f64).sum::<f64>()
                        * (1.0 + libm::log2(count.max(1.0)))
                }
                None => 2.0 * count,
            };
            LOOK * looks * (one + other) + 2.0 * SORT * added * half.sums()
        };
        (one.max(other), of(&self.halves[0]) + of(&self.halves[1]))
    }

    /// What can be expected of the best second stage.
    pub fn stage(&self) -> Stage {
        let mut without = vec![None; self.groups.len()];
        let lists = self.lists();
        let absent = |group: usize, own: &[Entry], rest: &List| match self
            .game
            .available(self.groups[group].members[0], self.first)
        {
            [true, true] => Some(self.chosen(own, &NOTHING, rest).welfare()),
            [true, false] => Some(always(0, own, rest)),
            [false, true] => Some(always(1, own, rest)),
            _ => None,
        };
        for (group, worth) in self.each(&lists, &absent) {
            without[group] = worth;
        }
        Stage { welfare: self.chosen(&lists[0].entries, &NOTHING, &lists[1]).welfare(), without }
    }

    /// By group: what one member can expect the outcomes to be worth to her.
    pub fn expected(&self) -> Vec<f64> {
        let own = |group: usize, own: &[Entry], rest: &List| {
            let mut sum = Sum::default();
            for member in self.member(group) {
                let others = self.chosen(own, &member, rest).chance;
                (0..2).for_each(|o| sum.add(member.chance * others[o].get() * member.worth[o]));
            }
            sum.get()
        };
        let mut expected = vec![0.0; self.groups.len()];
        for (group, worth) in self.each(&self.lists(), &own) {
            expected[group] = worth;
        }
        expected
    }

    /// What is chosen over all pairs of sums of `own` and `rest`, with `more` added to all of them.
    fn chosen(&self, own: &[Entry], more: &Entry, rest: &List) -> Chosen {
        let [low, high] = self.cuts;
        let mut chosen = Chosen::default();
        // From here on the excess is beyond the cut; both only move down as the own sum grows.
        let mut from = [rest.entries.len(); 2];
        for entry in own {
            let base = entry.excess + more.excess;
            for (from, cut) in from.iter_mut().zip([low, high]) {
                while *from > 0 && base + rest.entries[*from - 1].excess > cut {
                    *from -= 1;
                }
            }
            let worth = [0, 1].map(|o| entry.worth[o] + more.worth[o]);
            chosen.add(0, entry.chance, worth[0], rest.below[from[0]]);
            chosen.add(1, entry.chance, worth[1], rest.above[from[1]]);
            for other in &rest.entries[from[0]..from[1]] {
                let first = worth[0] + other.worth[0];
                let outcome = usize::from(base + other.excess > TIE * (1.0 + first.abs()));
                let others = [other.chance, other.chance * other.worth[outcome]];
                chosen.add(outcome, entry.chance, worth[outcome], others);
            }
        }
        chosen
    }

    /// The lists of both halves. The planner's cost is in the first.
    fn lists(&self) -> [List; 2] {
        let whole = |half: usize| List::new(self.with(vec![self.start(half)], &self.halves[half].blocks));
        let (one, other) = rayon::join(|| whole(0), || whole(1));
        [one, other]
    }

    fn start(&self, half: usize) -> Entry {
        if half == 1 {
            return NOTHING;
        }
        let cost = self.game.cost(self.first);
        self.entry(1.0, [-cost[0], -cost[1]])
    }

    /// For one member of every group: what `job` makes of the sums of her half without her, and of the other half.
    fn each<T: Send>(&self, lists: &[List; 2], job: &Job<'_, T>) -> Vec<(usize, T)> {
        let of = |half: usize| {
            // A group in both halves is asked once.
            let asked = |(group, _): &(usize, usize)| {
                half == 0 || self.halves[0].blocks.iter().all(|b| b.0 != *group)
            };
            let (asked, fixed): (Vec<_>, Vec<_>) = self.halves[half].blocks.iter().copied().partition(asked);
            self.leave(&asked, self.with(vec![self.start(half)], &fixed), &lists[1 - half], job)
        };
        let (mut all, more) = (of(0), of(1));
        all.extend(more);
        all
    }

    /// `outside`: the sums of all others of the half.
    fn leave<T: Send>(
        &self,
        blocks: &[(usize, usize)],
        outside: Vec<Entry>,
        rest: &List,
        job: &Job<'_, T>,
    ) -> Vec<(usize, T)> {
        match blocks {
            [] => Vec::new(),
            [(group, members)] => {
                let own = self.with(outside, &[(*group, members - 1)]);
                vec![(*group, job(*group, &own, rest))]
            }
            _ => {
                let (one, other) = blocks.split_at(blocks.len() / 2);
                let go = |these: &[(usize, usize)], those: &[(usize, usize)]| {
                    self.leave(these, self.with(outside.clone(), those), rest, job)
                };
                let (mut all, more) = rayon::join(|| go(one, other), || go(other, one));
                all.extend(more);
                all
            }
        }
    }

    /// Sums with those of more members of groups.
    fn with(&self, sums: Vec<Entry>, blocks: &[(usize, usize)]) -> Vec<Entry> {
        blocks.iter().fold(sums, |sums, &(group, members)| match (self.grid, members) {
            (_, 0) => sums,
            // On a grid sums coincide: one member after the other. Else the members' types are counted.
            (Some(_), _) => (0..members).fold(sums, |sums, _| self.spread(&sums, &self.member(group))),
            (None, _) => self.spread(&sums, &self.counted(group, members)),
        })
    }

    fn spread(&self, sums: &[Entry], own: &[Entry]) -> Vec<Entry> {
        let (few, many) = if own.len() < sums.len() { (own, sums) } else { (sums, own) };
        let mut all: Vec<Entry> = Vec::with_capacity(few.len() * many.len());
        few.iter().for_each(|one| all.extend(many.iter().map(|other| one.plus(other))));
        all.retain(|e| e.chance > 0.0);
        // Stable, and fast on the sorted runs that these are.
        all.sort_by(|a, b| a.excess.total_cmp(&b.excess));
        let grid = self.grid.is_some();
        all.dedup_by(|next, kept| {
            // Off the grid, ties are relative to what the first outcome is worth.
            let same = next.excess == kept.excess && (grid || next.worth == kept.worth);
            if same {
                let chance = kept.chance + next.chance;
                let share = next.chance / chance;
                (0..2).for_each(|o| kept.worth[o] += share * (next.worth[o] - kept.worth[o]));
                kept.chance = chance;
            }
            same
        });
        all
    }

    fn entry(&self, chance: f64, worth: [f64; 2]) -> Entry {
        let [first, second] = worth.map(|v| self.grid.map_or(v, |parts| (v * parts).round()));
        Entry { excess: second - first, chance, worth }
    }

    /// What one member may have.
    fn member(&self, group: usize) -> Vec<Entry> {
        let group = &self.groups[group];
        let entry = |(k, &own): (usize, &usize)| {
            let row = self.game.row(group.members[0], own, self.first);
            self.entry(group.probability(k), [row[0], row[1]])
        };
        group.likely.iter().enumerate().map(entry).collect()
    }

    /// What several members may have together.
    fn counted(&self, group: usize, members: usize) -> Vec<Entry> {
        let (own, group) = (self.member(group), &self.groups[group]);
        let (mut counts, mut held, mut all) = (Counts::new(members, own.len()), Vec::new(), Vec::new());
        loop {
            counts.held(&mut held);
            let worth = |o: usize| held.iter().map(|&(k, count)| count as f64 * own[k].worth[o]).sum();
            all.push(self.entry(group.chance(members, &held), [0, 1].map(worth)));
            if !counts.next() {
                return all;
            }
        }
    }

    /// Two halves with few sums.
    fn part(&self) -> [Half; 2] {
        let ranges = self.ranges();
        let mut order: Vec<usize> = (0..self.groups.len()).collect();
        let ways = |g: usize, members: usize| libm::log(multisets(members, self.groups[g].likely.len()));
        let all = |g: usize| ways(g, self.groups[g].members.len());
        order.sort_by(|a, b| all(*b).total_cmp(&all(*a)));
        let deal = |together: bool| {
            let mut halves: [Half; 2] = Default::default();
            for &g in &order {
                let members = self.groups[g].members.len();
                let (steps, size) = if together { (1, members) } else { (members, 1) };
                for _ in 0..steps {
                    let half = usize::from(halves[1].ways < halves[0].ways);
                    let half = &mut halves[half];
                    half.range += size as f64 * ranges[g];
                    match half.blocks.last_mut().filter(|b| b.0 == g) {
                        Some(block) => {
                            half.ways += ways(g, block.1 + size) - ways(g, block.1);
                            block.1 += size;
                        }
                        None => {
                            half.ways += ways(g, size);
                            half.blocks.push((g, size));
                        }
                    }
                }
            }
            halves
        };
        let [whole, split] = [deal(true), deal(false)];
        let sums = |halves: &[Half; 2]| halves[0].sums() + halves[1].sums();
        if sums(&split) < sums(&whole) { split } else { whole }
    }

    /// By group: steps of the grid from a member's smallest to her largest excess.
    fn ranges(&self) -> Vec<f64> {
        if self.grid.is_none() {
            return vec![f64::INFINITY; self.groups.len()];
        }
        let own: Vec<Vec<u64>> = (0..self.groups.len())
            .map(|g| {
                let excess: Vec<f64> = self.member(g).iter().map(|e| e.excess).collect();
                let least = excess.iter().copied().fold(f64::INFINITY, f64::min);
                excess.iter().map(|e| (e - least) as u64).collect()
            })
            .collect();
        let step = own.iter().flatten().fold(0, |step, more| divisor(step, *more)).max(1);
        own.iter().map(|own| (own.iter().max().unwrap_or(&0) / step) as f64).collect()
    }
}

/// What is asked about a group: its number, the sums of a member's half without her, the other half.
type Job<'a, T> = dyn Fn(usize, &[Entry], &List) -> T + Sync + 'a;

/// What an outcome is worth if it is always chosen.
fn always(outcome: usize, own: &[Entry], rest: &List) -> f64 {
    let whole = if outcome == 0 { rest.below[rest.entries.len()] } else { rest.above[0] };
    let mut chosen = Chosen::default();
    own.iter().for_each(|e| chosen.add(outcome, e.chance, e.worth[outcome], whole));
    chosen.welfare()
}

/// Greatest common divisor.
fn divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { divisor(b, a % b) }
}

/// The smallest number of parts of which all values and costs are multiples, as nearest floating-point numbers of these.
fn grid(game: &Game, groups: &[Alike<'_>], first: usize) -> Option<f64> {
    let row = |(group, own): (&Alike<'_>, usize)| game.row(group.members[0], own, first);
    let rows = || groups.iter().flat_map(|g| g.likely.iter().map(move |t| (g, *t))).map(row);
    let multiple = |v: &f64, parts: f64| {
        let whole = (v * parts).round();
        whole.abs() < WHOLE && whole / parts == *v
    };
    let fits = |parts: &f64| rows().chain([game.cost(first)]).flatten().all(|v| multiple(v, *parts));
    let tens = (0..=FINEST).map(|k| 10.0_f64.powi(k)).filter(|parts| *parts > PARTS as f64);
    (1..=PARTS).map(|parts| parts as f64).chain(tens).find(fits)
}
