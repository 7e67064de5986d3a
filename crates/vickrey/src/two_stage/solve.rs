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
/// exact ties would otherwise be decided by rounding, and with them the money paid that day. (Where values a million times
/// larger than their sum cancel, rounding is larger than this.)
pub const TIE: f64 = 1e-12;
/// Most steps (profiles times outcomes, of all problems together) that a game may take.
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
    "the game has {profiles:.3e} distinct type profiles, {steps:.3e} steps with its outcomes and without each player; accepted are {MOST_STEPS:e} \
     steps (fewer players or types, or players that are alike)"
)]
pub struct TooLarge {
    /// Type profiles that have to be told apart.
    pub profiles: f64,
    /// With those without each player, times outcomes.
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
    let (mut profiles, mut all) = (0.0, 0.0);
    for scene in scenes {
        let groups = alike(scene, &everybody);
        let ways = |members: usize, g: &Alike<'_>| multisets(members, g.likely.len());
        let whole: f64 = groups.iter().map(|g| ways(g.members.len(), g)).product();
        let apart = |g: &Alike<'_>| if scenes.len() == 1 { 1 } else { g.members.len() } as f64;
        let without = |g: &Alike<'_>| apart(g) * ways(g.members.len() - 1, g) / ways(g.members.len(), g);
        profiles += whole;
        all += whole * (1.0 + groups.iter().map(without).sum::<f64>());
    }
    let steps = all * (game.first() * game.second()) as f64;
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
        let groups: Vec<Vec<Alike<'_>>> = groups.iter().map(|groups| without_one(groups, out)).collect();
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
#[derive(Clone)]
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

/// The same groups without one player.
fn without_one<'a>(groups: &[Alike<'a>], out: AgentId) -> Vec<Alike<'a>> {
    let rest = |group: &Alike<'a>| {
        let members: Vec<AgentId> = group.members.iter().copied().filter(|i| *i != out).collect();
        (!members.is_empty()).then(|| Alike { members, law: group.law, likely: group.likely.clone() })
    };
    groups.iter().filter_map(rest).collect()
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

/// What is done at a profile: its probability, the second-stage outcome and its value, and by group how many members have
/// which of the likely types (those that nobody has are left out).
type Visit<'a> = dyn FnMut(f64, usize, f64, &[Vec<(usize, usize)>]) + 'a;

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
                chance *= group.chance(&held[at]);
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
            let here = chance * group.chance(&held[at]);
            self.group(open, here, &mut sums[second..], held, visit);
            if !counts.next() {
                return;
            }
        }
    }
}

/// Up to so many members factorials and powers are products; above, their logarithms are added.
const PRODUCTS: usize = 40;

impl Alike<'_> {
    /// Probability that so many members have these types, whoever has which.
    fn chance(&self, held: &[(usize, usize)]) -> f64 {
        let members = self.members.len();
        let p = |k: usize| self.law.probabilities()[self.likely[k]];
        if members <= PRODUCTS {
            let mut left = members;
            return held.iter().fold(1.0, |chance, &(k, count)| {
                // One binomial coefficient for each type, one factor at a time.
                let one = (0..count).fold(chance, |c, j| c * p(k) * (left - j) as f64 / (j + 1) as f64);
                left -= count;
                one
            });
        }
        let factorial = |n: usize| libm::lgamma(n as f64 + 1.0);
        let each = held.iter().map(|&(k, count)| count as f64 * libm::log(p(k)) - factorial(count));
        libm::exp(factorial(members) + each.sum::<f64>())
    }
}

/// All ways to give members types, by how many have which.
struct Counts {
    counts: Vec<usize>,
    members: usize,
    /// The first type that somebody has.
    low: usize,
}

impl Counts {
    fn new(members: usize, types: usize) -> Self {
        let mut counts = vec![0; types];
        counts[0] = members;
        Self { counts, members, low: 0 }
    }

    fn held(&self, into: &mut Vec<(usize, usize)>) {
        into.clear();
        let mut given = 0;
        for (k, &count) in self.counts.iter().enumerate().skip(self.low) {
            if given == self.members {
                break;
            }
            if count > 0 {
                into.push((k, count));
                given += count;
            }
        }
    }

    /// The next way, if there is one.
    fn next(&mut self) -> bool {
        let low = self.low;
        if low + 1 == self.counts.len() {
            return false;
        }
        let many = self.counts[low];
        self.counts[low] = 0;
        self.counts[low + 1] += 1;
        self.counts[0] = many - 1;
        self.low = if many > 1 { 0 } else { low + 1 };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_occurs_once() {
        for (members, types) in [(1, 1), (1, 5), (3, 2), (4, 3), (2, 4)] {
            let mut counts = Counts::new(members, types);
            let mut seen = std::collections::BTreeSet::new();
            let mut held = Vec::new();
            loop {
                counts.held(&mut held);
                assert_eq!(held.iter().map(|(_, c)| c).sum::<usize>(), members);
                assert!(seen.insert(held.clone()), "{held:?} twice");
                if !counts.next() {
                    break;
                }
            }
            assert_eq!(seen.len() as f64, multisets(members, types));
        }
    }

    /// One outcome that is worth the number of the type to everybody: the mean is known.
    #[test]
    fn many_players_and_many_types() {
        for (players, types, p) in
            [(1200, 2, 0.1), (1800, 2, 0.5), (3000, 1, 1.0), (1, 20_000, 0.5), (41, 3, 0.2)]
        {
            let values: Vec<f64> = (0..types).map(|t| t as f64).collect();
            let game =
                Game::new(vec![types; players], [1, 1], vec![values; players], vec![0.0], None).unwrap();
            let mut law = vec![0.0; types];
            law[types - 1] = p;
            law[0] += 1.0 - p;
            let law = Law::new(law).unwrap();
            let solved = solve(&game, &vec![&law; players]).unwrap();
            let known = players as f64 * (types - 1) as f64 * p;
            assert!((solved.welfare - known).abs() <= 1e-10 * known, "{} is not {known}", solved.welfare);
            // A difference of two welfares, each known to some units in its twelfth digit.
            let off = (solved.contribution(0) * players as f64 - known).abs();
            assert!(off <= 1e-11 * players as f64 * known, "{players} players: off by {off}");
        }
        // As many different players as there may be: each has one type.
        let players = 1000;
        let values: Vec<Vec<f64>> = (0..players).map(|i| vec![i as f64]).collect();
        let game = Game::new(vec![1; players], [1, 1], values, vec![0.0], None).unwrap();
        let one = Law::uniform(1);
        assert_eq!(solve(&game, &vec![&one; players]).unwrap().welfare, 499_500.0);
    }
}
