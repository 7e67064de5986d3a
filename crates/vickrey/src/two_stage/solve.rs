//! A finite game solved for reported laws: the decision rules, what everybody together can expect, and what everybody but
//! one player.
//!
//! Expectations are sums over all type profiles, walked depth first with partial sums of values. Where players are alike
//! (same values, masks and laws) only the numbers of players of each type matter, and profiles that differ by who is who
//! are walked once.

use rayon::prelude::*;

use super::law::Law;
use super::model::Game;
use crate::mechanism::AgentId;

/// A second-stage outcome replaces an earlier one only if it is better by more than this, relative to 1 + its value:
/// exact ties would otherwise be decided by rounding, and with them the money paid that day.
pub const TIE: f64 = 1e-12;
/// Most steps (profiles times outcomes) that a problem may take.
pub const MOST_STEPS: f64 = 2e10;

/// The first of the best choices: a later one replaces the incumbent only if it is better by more than [`TIE`].
pub fn choose(values: impl IntoIterator<Item = (usize, f64)>) -> Option<(usize, f64)> {
    values.into_iter().fold(None, |incumbent: Option<(usize, f64)>, (at, value)| match incumbent {
        Some((_, best)) if value <= best + TIE * (1.0 + best.abs()) => incumbent,
        _ => Some((at, value)),
    })
}

/// A game solved for reported laws.
#[derive(Clone, Debug, PartialEq)]
pub struct Solved {
    /// The first-stage outcome, g1*.
    pub first: usize,
    /// W*: the largest expectation of values less cost, money a day.
    pub welfare: f64,
    /// W*_{-i} by player: the same without her.
    pub without: Vec<f64>,
    /// nu_i by player: what she can expect the outcomes to be worth by the reported laws.
    pub expected: Vec<f64>,
}

/// Why a game is not solved.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error(
    "the game has {profiles:.3e} distinct type profiles, {steps:.3e} steps with its outcomes; accepted are {MOST_STEPS:e} \
     steps (fewer players or types, or players that are alike)"
)]
pub struct TooLarge {
    /// Type profiles that have to be told apart.
    pub profiles: f64,
    /// Times outcomes.
    pub steps: f64,
}

impl Solved {
    /// W* - W*_{-i}: what a player adds, and what she has every day if she is honest and not flagged.
    pub fn contribution(&self, player: AgentId) -> f64 {
        self.welfare - self.without[player]
    }

    /// First-stage payment (paper 001, (5)), positive if the player pays.
    pub fn first_payment(&self, player: AgentId) -> f64 {
        self.expected[player] - self.contribution(player)
    }

    /// What the planner keeps on average if everybody is honest; any sign.
    pub fn surplus(&self) -> f64 {
        let given: f64 = (0..self.without.len()).map(|i| self.contribution(i)).sum();
        self.welfare - given
    }
}

/// A game that is played on some of the days: how often, and by which laws.
#[derive(Clone, Debug)]
pub struct Scene<'a> {
    /// Share of the days.
    pub weight: f64,
    /// What is played.
    pub game: &'a Game,
    /// Laws of all players on these days.
    pub laws: Vec<&'a Law>,
}

/// Solves a game for the laws of all players.
///
/// # Errors
/// There are too many type profiles.
///
/// # Panics
/// The laws do not fit the players' types.
pub fn solve(game: &Game, laws: &[&Law]) -> Result<Solved, TooLarge> {
    solve_scenes(&[Scene { weight: 1.0, game, laws: laws.to_vec() }])
}

/// Whether games that share one first-stage decision are small enough to be solved.
///
/// # Errors
/// There are too many type profiles.
///
/// # Panics
/// There are no scenes, or laws do not fit types.
pub fn check_size(scenes: &[Scene<'_>]) -> Result<(), TooLarge> {
    let game = scenes[0].game;
    let everybody: Vec<AgentId> = (0..game.players()).collect();
    let count = |scene: &Scene<'_>| -> f64 {
        alike(scene, &everybody).iter().map(|g| multisets(g.members.len(), g.likely.len())).product()
    };
    let profiles: f64 = scenes.iter().map(count).sum();
    let steps = profiles * (game.first() * game.second()) as f64;
    if steps > MOST_STEPS { Err(TooLarge { profiles, steps }) } else { Ok(()) }
}

/// Solves games that share one first-stage decision: it is made before it is known which of them a day brings.
///
/// # Errors
/// There are too many type profiles.
///
/// # Panics
/// There are no scenes, their games have different players or outcomes, or laws do not fit types.
pub fn solve_scenes(scenes: &[Scene<'_>]) -> Result<Solved, TooLarge> {
    check_size(scenes)?;
    let game = scenes[0].game;
    let everybody: Vec<AgentId> = (0..game.players()).collect();
    let groups: Vec<Vec<Alike<'_>>> = scenes.iter().map(|s| alike(s, &everybody)).collect();
    // Players who are alike in the only scene are worth the same; with several scenes everybody is computed.
    let represent = |i: AgentId| match &groups[..] {
        [one] => one.iter().find(|g| g.members.contains(&i)).map_or(i, |g| g.members[0]),
        _ => i,
    };
    let rest = |out: AgentId| {
        let rest: Vec<AgentId> = everybody.iter().copied().filter(|j| *j != out).collect();
        let groups: Vec<Vec<Alike<'_>>> = scenes.iter().map(|s| alike(s, &rest)).collect();
        best_first(scenes, &groups, Some(out)).1
    };
    let mut without: Vec<f64> =
        everybody.par_iter().map(|&i| if represent(i) == i { rest(i) } else { 0.0 }).collect();
    for i in 0..without.len() {
        without[i] = without[represent(i)];
    }
    let (first, welfare) = best_first(scenes, &groups, None);
    let mut expected = vec![0.0; game.players()];
    for (scene, groups) in scenes.iter().zip(&groups) {
        let each = Walk { game: scene.game, groups, first, absent: None }.expected();
        for (group, nu) in groups.iter().zip(each) {
            group.members.iter().for_each(|&i| expected[i] += scene.weight * nu);
        }
    }
    Ok(Solved { first, welfare, without, expected })
}

/// The second-stage outcome for these bids, g2*.
pub fn second(game: &Game, first: usize, bids: &[usize]) -> usize {
    let total = |o: usize| {
        let values = bids.iter().enumerate().map(|(i, &b)| game.value(i, b, first, o));
        values.sum::<f64>() - game.cost(first)[o]
    };
    // There is at least one outcome.
    choose((0..game.second()).map(|o| (o, total(o)))).map_or(0, |best| best.0)
}

/// Players with the same values, masks and laws.
struct Alike<'a> {
    members: Vec<AgentId>,
    law: &'a Law,
    /// Types that occur.
    likely: Vec<usize>,
}

fn alike<'a>(scene: &Scene<'a>, players: &[AgentId]) -> Vec<Alike<'a>> {
    let mut groups: Vec<Alike<'a>> = Vec::new();
    for &i in players {
        let law = scene.laws[i];
        match groups.iter_mut().find(|g| scene.game.same(g.members[0], i) && g.law == law) {
            Some(group) => group.members.push(i),
            None => {
                let likely = (0..law.types()).filter(|t| law.probabilities()[*t] > 0.0).collect();
                groups.push(Alike { members: vec![i], law, likely });
            }
        }
    }
    groups
}

/// Number of ways in which players who are alike can have types, if it does not matter who has which.
fn multisets(players: usize, types: usize) -> f64 {
    (1..types).fold(1.0, |ways, k| ways * (players + k) as f64 / k as f64)
}

/// The best first-stage outcome and what can be expected from it; outcomes that are not available without `absent` are
/// left out.
fn best_first(scenes: &[Scene<'_>], groups: &[Vec<Alike<'_>>], absent: Option<AgentId>) -> (usize, f64) {
    let possible = |first: &usize| {
        scenes.iter().all(|s| absent.is_none_or(|i| s.game.available(i, *first).contains(&true)))
    };
    let worth = |first: usize| {
        let of = |(scene, groups): (&Scene<'_>, &Vec<Alike<'_>>)| {
            scene.weight * Walk { game: scene.game, groups, first, absent }.welfare()
        };
        (first, scenes.iter().zip(groups).map(of).sum::<f64>())
    };
    let all: Vec<(usize, f64)> =
        (0..scenes[0].game.first()).into_par_iter().filter(possible).map(worth).collect();
    // A game has an outcome; markets see to it that there is one without each player.
    choose(all).unwrap_or((0, 0.0))
}

/// Sums over all type profiles after a first-stage outcome.
struct Walk<'a> {
    game: &'a Game,
    groups: &'a [Alike<'a>],
    first: usize,
    absent: Option<AgentId>,
}

/// What is done at a profile: its probability, the second-stage outcome and its value, the members' types.
type Visit<'a> = dyn FnMut(f64, usize, f64, &[Vec<usize>]) + 'a;

impl Walk<'_> {
    /// Expectation of the best second stage.
    fn welfare(&self) -> f64 {
        let mut sum = crate::numeric::sum::Sum::from(0.0);
        self.profiles(&mut |p, _, value, _| sum.add(p * value));
        sum.get()
    }

    /// What one member of each group can expect the outcomes to be worth to her.
    fn expected(&self) -> Vec<f64> {
        // By group: the chance of a member's type with an outcome.
        let second = self.game.second();
        let mut chances: Vec<Vec<f64>> =
            self.groups.iter().map(|g| vec![0.0; g.likely.len() * second]).collect();
        self.profiles(&mut |p, outcome, _, counts| {
            for (chances, counts) in chances.iter_mut().zip(counts) {
                let members = counts.iter().sum::<usize>() as f64;
                for (k, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
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
        // Sums of values before each choice of a number of members, one behind the other.
        let levels: usize = self.groups.iter().map(|g| g.likely.len()).sum();
        let second = self.game.second();
        let mut sums = vec![0.0; (levels + 1) * second];
        sums.iter_mut().zip(self.game.cost(self.first)).for_each(|(sum, cost)| *sum = -cost);
        let mut counts: Vec<Vec<usize>> = self.groups.iter().map(|g| vec![0; g.likely.len()]).collect();
        self.group(0, 1.0, &mut sums, &mut counts, visit);
    }

    /// All profiles of the groups from number `at` on. The first part of `sums` are the values so far, the rest is memory.
    fn group(
        &self,
        at: usize,
        chance: f64,
        sums: &mut [f64],
        counts: &mut [Vec<usize>],
        visit: &mut Visit<'_>,
    ) {
        match self.groups.get(at) {
            Some(group) => self.member((at, 0, group.members.len()), chance, sums, counts, visit),
            None => {
                let open = |o: &usize| self.absent.is_none_or(|i| self.game.available(i, self.first)[*o]);
                let values = (0..self.game.second()).filter(open).map(|o| (o, sums[o]));
                if let Some((outcome, value)) = choose(values) {
                    visit(chance, outcome, value, counts);
                }
            }
        }
    }

    /// Of group `at`, `left` members still have no type; they get types from number `from` of the likely ones on.
    fn member(
        &self,
        (at, from, left): (usize, usize, usize),
        chance: f64,
        sums: &mut [f64],
        counts: &mut [Vec<usize>],
        visit: &mut Visit<'_>,
    ) {
        if left == 0 {
            return self.group(at + 1, chance, sums, counts, visit);
        }
        let group = &self.groups[at];
        let Some(&own) = group.likely.get(from) else { return };
        let p = group.law.probabilities()[own];
        let row = self.game.row(group.members[0], own, self.first);
        let last = from + 1 == group.likely.len();
        let mut chance = chance;
        let second = self.game.second();
        sums.copy_within(..second, second);
        for count in 0..=left {
            if count > 0 {
                // So many of those who are left have this type: binomial coefficients, one factor at a time.
                chance *= p * (left + 1 - count) as f64 / count as f64;
                sums[second..2 * second].iter_mut().zip(row).for_each(|(sum, v)| *sum += v);
            }
            counts[at][from] = count;
            if !last || count == left {
                self.member((at, from + 1, left - count), chance, &mut sums[second..], counts, visit);
            }
        }
        counts[at][from] = 0;
    }
}
