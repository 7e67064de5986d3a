//! A finite game solved for reported laws: the decision rules, what everybody together can expect, and what everybody but
//! one player.
//!
//! Expectations are sums over all type profiles, walked depth first with partial sums of values. Where players are alike
//! (same values, masks and laws) only the numbers of players of each type matter, and profiles that differ by who is who
//! are walked once. With two second-stage outcomes the law of one sum is enough, and is used where it takes less.

mod alike;
mod profiles;
mod sums;

use rayon::prelude::*;

use self::alike::{Alike, alike, multisets, without_one};
use self::profiles::Walk;
use self::sums::{MOST_SUMS, Stage, Sums};
use super::law::Law;
use super::model::Game;
use crate::mechanism::AgentId;

/// A second-stage outcome replaces an earlier one only if it is better by more than this, relative to 1 + its value:
/// exact ties would otherwise be decided by rounding, and with them the money paid that day. (Where values a million times
/// larger than their sum cancel, rounding is larger than this.)
pub const TIE: f64 = 1e-12;
/// Most steps (profiles times outcomes, of all problems together) that a game may take.
pub const MOST_STEPS: f64 = 2e10;
/// Up to here other ways are not looked for.
const EASY: f64 = 1e4;

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

/// How the expectations of a game are computed. Both ways give the same numbers, to rounding, and the same decisions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Way {
    /// All type profiles, of which so many have to be told apart.
    Profiles(f64),
    /// The law of what one of two second-stage outcomes is worth more than the other, from sums over two halves of the
    /// players, of which each has at most so many different ones.
    Sums(f64),
}

impl std::fmt::Display for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let written =
            |count: &f64| if *count < 1e6 { count.round().to_string() } else { format!("{count:.3e}") };
        match self {
            Self::Profiles(count) => write!(f, "type profiles, {} to be told apart", written(count)),
            Self::Sums(count) => {
                write!(f, "sums over two halves of the players, up to {} in one", written(count))
            }
        }
    }
}

/// Why a game is not solved.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error(
    "the game has {profiles:.3e} distinct type profiles, {steps:.3e} steps with its outcomes and without each player{}; accepted \
     are {MOST_STEPS:e} steps (fewer players or types, or players that are alike)", sums.map_or(String::new(), beside)
)]
pub struct TooLarge {
    /// Type profiles that have to be told apart.
    pub profiles: f64,
    /// With those without each player, times outcomes.
    pub steps: f64,
    /// With two second-stage outcomes: different sums of half of the players, and steps.
    pub sums: Option<[f64; 2]>,
}

fn beside([count, steps]: [f64; 2]) -> String {
    format!(
        ", or {count:.3e} sums of half of the players, {steps:.3e} steps, of which at most {MOST_SUMS:e} are accepted"
    )
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

/// How games that share one first-stage decision are solved: by which way, and that they are small enough.
///
/// # Errors
/// There are too many type profiles, and sums.
///
/// # Panics
/// There are no scenes, or laws do not fit types.
pub fn way(scenes: &[Scene<'_>]) -> Result<Way, TooLarge> {
    let groups: Vec<Vec<Alike<'_>>> = scenes.iter().map(alike).collect();
    choose_way(scenes, &groups)
}

fn choose_way(scenes: &[Scene<'_>], groups: &[Vec<Alike<'_>>]) -> Result<Way, TooLarge> {
    let game = scenes[0].game;
    let (mut profiles, mut all) = (0.0, 0.0);
    for groups in groups {
        let ways = |members: usize, g: &Alike<'_>| multisets(members, g.likely.len());
        let whole: f64 = groups.iter().map(|g| ways(g.members.len(), g)).product();
        let without = |g: &Alike<'_>| ways(g.members.len() - 1, g) / ways(g.members.len(), g);
        profiles += whole;
        all += whole * (1.0 + groups.iter().map(without).sum::<f64>());
    }
    let steps = all * (game.first() * game.second()) as f64;
    let sums = (game.second() == 2 && steps > EASY).then(|| {
        let each = scenes.iter().zip(groups).flat_map(|(scene, groups)| {
            (0..game.first()).map(|first| Sums::new(scene.game, groups, first).size())
        });
        each.fold([0.0_f64, 0.0], |[most, all], (count, steps)| [most.max(count), all + steps])
    });
    match sums {
        Some([count, less]) if count <= MOST_SUMS && less <= MOST_STEPS.min(steps) => Ok(Way::Sums(count)),
        _ if steps <= MOST_STEPS => Ok(Way::Profiles(profiles)),
        _ => Err(TooLarge { profiles, steps, sums }),
    }
}

/// Solves games that share one first-stage decision: it is made before it is known which of them a day brings.
///
/// # Errors
/// There are too many type profiles, and sums.
///
/// # Panics
/// There are no scenes, their games have different players or outcomes, or laws do not fit types.
pub fn solve_scenes(scenes: &[Scene<'_>]) -> Result<Solved, TooLarge> {
    let groups: Vec<Vec<Alike<'_>>> = scenes.iter().map(alike).collect();
    Ok(solve_by(scenes, &groups, choose_way(scenes, &groups)?))
}

fn solve_by(scenes: &[Scene<'_>], groups: &[Vec<Alike<'_>>], way: Way) -> Solved {
    let game = scenes[0].game;
    let of = |s: usize| scenes[s].game;
    // By scene and first-stage outcome.
    let stages: Vec<Vec<Stage>> = (0..scenes.len())
        .map(|s| {
            let stage = |first: usize| match way {
                Way::Profiles(_) => enumerated(of(s), &groups[s], first),
                Way::Sums(_) => Sums::new(of(s), &groups[s], first).stage(),
            };
            (0..game.first()).into_par_iter().map(stage).collect()
        })
        .collect();
    // The best first-stage outcome by what is expected in each scene; what is not available in one is left out.
    let best = |worth: &dyn Fn(usize, &Stage) -> Option<f64>| {
        let total = |first: usize| {
            let each =
                scenes.iter().enumerate().map(|(s, scene)| Some(scene.weight * worth(s, &stages[s][first])?));
            each.sum::<Option<f64>>().map(|sum| (first, sum))
        };
        // A game has an outcome; markets see to it that there is one without each player.
        choose((0..game.first()).filter_map(total)).unwrap_or((0, 0.0))
    };
    let (first, welfare) = best(&|_, stage| Some(stage.welfare));
    // By scene, the group of every player.
    let member = |groups: &Vec<Alike<'_>>| {
        let mut of = vec![0; game.players()];
        groups.iter().enumerate().for_each(|(g, group)| group.members.iter().for_each(|&i| of[i] = g));
        of
    };
    let member: Vec<Vec<usize>> = groups.iter().map(member).collect();
    let without = (0..game.players()).map(|i| best(&|s, stage| stage.without[member[s][i]]).1).collect();
    let mut expected = vec![0.0; game.players()];
    for (s, scene) in scenes.iter().enumerate() {
        let each = match way {
            Way::Profiles(_) => Walk { game: scene.game, groups: &groups[s], first, absent: None }.expected(),
            Way::Sums(_) => Sums::new(scene.game, &groups[s], first).expected(),
        };
        expected.iter_mut().zip(&member[s]).for_each(|(sum, g)| *sum += scene.weight * each[*g]);
    }
    Solved { first, welfare, without, expected }
}

/// What can be expected after a first-stage outcome, by all profiles.
fn enumerated(game: &Game, groups: &[Alike<'_>], first: usize) -> Stage {
    let rest = |g: usize| {
        let absent = groups[g].members[0];
        let groups = without_one(groups, g);
        let possible = game.available(absent, first).contains(&true);
        possible.then(|| Walk { game, groups: &groups, first, absent: Some(absent) }.welfare())
    };
    let welfare = || Walk { game, groups, first, absent: None }.welfare();
    let (welfare, without) = rayon::join(welfare, || (0..groups.len()).into_par_iter().map(rest).collect());
    Stage { welfare, without }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Both ways on the same scenes, whatever they take.
    fn both(scenes: &[Scene<'_>]) -> [Solved; 2] {
        let groups: Vec<Vec<Alike<'_>>> = scenes.iter().map(alike).collect();
        [Way::Profiles(0.0), Way::Sums(0.0)].map(|way| solve_by(scenes, &groups, way))
    }

    /// Rounding of sums of some hundred terms of size up to a hundred; prices that rule an outcome out must not add to it.
    const ROUNDING: f64 = 1e-12;

    fn compare(scenes: &[Scene<'_>]) -> Result<(), TestCaseError> {
        let [one, other] = both(scenes);
        prop_assert_eq!(one.first, other.first);
        let pairs = |s: &Solved| [vec![s.welfare], s.without.clone(), s.expected.clone()].concat();
        for (at, (a, b)) in pairs(&one).into_iter().zip(pairs(&other)).enumerate() {
            prop_assert!(
                (a - b).abs() <= ROUNDING * (1.0 + a.abs()),
                "number {at}: {a} by profiles, {b} by sums"
            );
        }
        Ok(())
    }

    /// What values are made from: a whole number, and what is done with it.
    fn values(kind: u8, whole: i32) -> f64 {
        let x = f64::from(whole);
        match kind {
            0 => x,
            1 => x / 10.0,
            2 => x / 3.0,
            // No common unit; exact ties nearly never.
            3 => libm::sin(x),
            // No unit that is found, many sums that are equal but for rounding.
            4 => x * std::f64::consts::PI,
            // One outcome is ruled out by its price; the rest are decimals.
            _ => {
                if whole % 5 == 0 {
                    -1e9
                } else {
                    x / 100.0
                }
            }
        }
    }

    /// A game of two second-stage outcomes with some players alike, masks, and a law for each.
    fn games() -> impl Strategy<Value = (Game, Vec<Law>)> {
        let shape = (0_u8..6, proptest::collection::vec((1_usize..4, 1_usize..4), 1..4), 1_usize..3);
        shape.prop_flat_map(|(kind, kinds, first)| {
            let tables: Vec<_> =
                kinds.iter().map(|(types, _)| proptest::collection::vec(-9..10, types * first * 2)).collect();
            let masks = vec![proptest::collection::vec(any::<bool>(), first * 2); kinds.len()];
            let laws: Vec<_> =
                kinds.iter().map(|(types, _)| proptest::collection::vec(0_u32..4, *types)).collect();
            let cost = proptest::collection::vec(-9..10, first * 2);
            (Just((kind, kinds, first)), tables, masks, laws, cost).prop_map(
                |((kind, kinds, first), tables, masks, laws, cost)| {
                    let who: Vec<usize> =
                        kinds.iter().enumerate().flat_map(|(k, (_, many))| vec![k; *many]).collect();
                    let number = |whole: &i32| values(kind, *whole);
                    // A price that rules an outcome out is not paid back by another one.
                    let price =
                        |whole: &i32| if kind == 5 { f64::from(*whole) / 100.0 } else { number(whole) };
                    let table = |k: &usize| tables[*k].iter().map(number).collect();
                    let mask = |k: &usize| {
                        let mask = &masks[*k];
                        if mask.contains(&true) { mask.clone() } else { vec![true; first * 2] }
                    };
                    let law = |k: &usize| {
                        let sum: u32 = laws[*k].iter().sum();
                        let types = laws[*k].len();
                        if sum == 0 {
                            Law::uniform(types)
                        } else {
                            Law::new(laws[*k].iter().map(|w| f64::from(*w) / f64::from(sum)).collect())
                                .unwrap()
                        }
                    };
                    let types = who.iter().map(|k| kinds[*k].0).collect();
                    let masks = Some(who.iter().map(mask).collect());
                    let tables = who.iter().map(table).collect();
                    let game = Game::new(types, [first, 2], tables, cost.iter().map(price).collect(), masks)
                        .unwrap();
                    (game, who.iter().map(law).collect())
                },
            )
        })
    }

    proptest! {
        #[test]
        fn sums_and_profiles_agree((game, laws) in games()) {
            compare(&[Scene { weight: 1.0, game: &game, laws: laws.iter().collect() }])?;
        }

        /// Another law on some days, by which other players are alike.
        #[test]
        fn sums_and_profiles_agree_over_scenes((game, laws) in games(), share in 0.0..1.0_f64) {
            let other: Vec<Law> = laws.iter().enumerate().map(|(i, law)| Law::point(law.types(), i % law.types())).collect();
            compare(&[
                Scene { weight: share, game: &game, laws: laws.iter().collect() },
                Scene { weight: 1.0 - share, game: &game, laws: other.iter().collect() },
            ])?;
        }
    }

    /// Ties go to the first outcome also where rounding would have it otherwise: three tenths against a price of 0.3.
    #[test]
    fn ties_are_ties_by_both_ways() {
        let table = || vec![0.0, 0.1, 0.0, 0.2];
        for price in [0.3, 0.1 + 0.2, 0.3 - 1e-11, 0.3 + 1e-11] {
            let game = Game::new(vec![2; 2], [1, 2], vec![table(); 2], vec![0.0, price], None).unwrap();
            let law = Law::uniform(2);
            let [one, other] = both(&[Scene { weight: 1.0, game: &game, laws: vec![&law; 2] }]);
            let buys =
                if price < 0.3 - 1e-12 { [0.25 * (0.1 + 0.2) + 0.25 * 0.2; 2] } else { [0.25 * 0.2; 2] };
            for (found, answer) in one.expected.iter().chain(&other.expected).zip(buys.iter().chain(&buys)) {
                assert!((found - answer).abs() < 1e-15, "price {price}: {found}, not {answer}");
            }
        }
    }

    /// A public good at a price: nothing, or what it is worth to everybody.
    fn good(worth: &[Vec<f64>], price: f64) -> (Game, Vec<Law>) {
        let tables = worth.iter().map(|own| own.iter().flat_map(|v| [0.0, *v]).collect()).collect();
        let types: Vec<usize> = worth.iter().map(Vec::len).collect();
        let laws = types.iter().map(|m| Law::uniform(*m)).collect();
        (Game::new(types, [1, 2], tables, vec![0.0, price], None).unwrap(), laws)
    }

    /// Whole numbers: expectations from the chances of all sums, in one table.
    #[test]
    fn many_different_players_with_whole_numbers() {
        let worth: Vec<Vec<f64>> = (0..60_u32)
            .map(|i| (0..4_u32).map(|t| f64::from((i * 37 + t * t * 11) % 53) - 20.0).collect())
            .collect();
        let (game, laws) = good(&worth, 90.0);
        let laws: Vec<&Law> = laws.iter().collect();
        assert!(matches!(way(&[Scene { weight: 1.0, game: &game, laws: laws.clone() }]), Ok(Way::Sums(_))));
        let solved = solve(&game, &laws).unwrap();
        let table = |out: Option<usize>| {
            let mut chances = std::collections::BTreeMap::from([(-90_i64, 1.0)]);
            for (_, own) in worth.iter().enumerate().filter(|(i, _)| Some(*i) != out) {
                let mut next = std::collections::BTreeMap::new();
                for (sum, p) in &chances {
                    own.iter().for_each(|v| *next.entry(sum + *v as i64).or_insert(0.0) += p * 0.25);
                }
                chances = next;
            }
            chances
        };
        let best = |out| table(out).iter().map(|(sum, p)| p * (*sum).max(0) as f64).sum::<f64>();
        let near = |a: f64, b: f64| (a - b).abs() <= 1e-12 * (1.0 + b.abs());
        assert!(near(solved.welfare, best(None)));
        for i in [0, 17, 59] {
            assert!(near(solved.without[i], best(Some(i))));
            let rest = table(Some(i));
            let buy =
                |v: f64| rest.iter().filter(|(sum, _)| **sum + v as i64 > 0).map(|(_, p)| p).sum::<f64>();
            let expected: f64 = worth[i].iter().map(|v| 0.25 * v * buy(*v)).sum();
            assert!(near(solved.expected[i], expected), "{} is not {expected}", solved.expected[i]);
        }
    }

    /// Numbers without a unit: sums of halves instead of a million profiles.
    #[test]
    fn different_players_without_a_unit() {
        let worth: Vec<Vec<f64>> =
            (0..18).map(|i| (0..2).map(|t| libm::sin(f64::from(7 * i + 3 * t))).collect()).collect();
        let (game, laws) = good(&worth, 0.25);
        let scenes = [Scene { weight: 1.0, game: &game, laws: laws.iter().collect() }];
        assert!(matches!(way(&scenes), Ok(Way::Sums(count)) if count < 513.0));
        compare(&scenes).unwrap();
    }

    /// Too many both ways.
    #[test]
    fn what_is_too_large_says_so_for_both_ways() {
        let worth: Vec<Vec<f64>> =
            (0..60).map(|i| (0..2).map(|t| libm::sin(f64::from(7 * i + 3 * t))).collect()).collect();
        let (game, laws) = good(&worth, 0.25);
        let refused = solve(&game, &laws.iter().collect::<Vec<_>>()).unwrap_err();
        assert!(refused.sums.is_some_and(|[count, _]| (count / 2.0_f64.powi(30) - 1.0).abs() < 1e-9));
        assert!(refused.to_string().contains("or 1.074e9 sums of half of the players"), "{refused}");
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
