//! The instance of a finite game: types, outcomes of the two stages, what they are worth and cost.

use crate::mechanism::AgentId;

/// One day's game: players with finitely many types, a decision on laws (first stage), one on types (second stage).
#[derive(Clone, Debug, PartialEq)]
pub struct Game {
    types: Vec<usize>,
    first: usize,
    second: usize,
    /// By player: type, first outcome, second outcome in C order; money, negative for a cost.
    values: Vec<Vec<f64>>,
    /// By first and second outcome, money.
    cost: Vec<f64>,
    /// By player: outcomes that remain available without her.
    available: Vec<Vec<bool>>,
}

/// Why a game is none.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum GameError {
    /// There are no players, types or outcomes.
    #[error("{what}: found none, accepted is at least one")]
    Nothing {
        /// Of what.
        what: String,
    },
    /// A table of the wrong length.
    #[error("{what}: found {found} numbers, accepted is {accepted}")]
    Shape {
        /// Which table.
        what: String,
        /// How many numbers.
        found: usize,
        /// How many it must have.
        accepted: usize,
    },
    /// A number that is not finite, or too large to compute with.
    #[error("{what}: found {found}, accepted is a finite number of size at most 1e100")]
    Number {
        /// Where.
        what: String,
        /// What was found.
        found: f64,
    },
    /// Without a player nothing is possible.
    #[error(
        "outcomes without player {player}: found none, accepted is at least one pair of outcomes that does not use her"
    )]
    Absent {
        /// Who.
        player: AgentId,
    },
}

impl Game {
    /// From tables: `values` by player (type, first, second outcome in C order), `cost` by first and second outcome,
    /// and by player which outcomes remain `available` without her (none given: all).
    ///
    /// # Errors
    /// A table has the wrong length, a number is not finite, or nothing is possible without a player.
    pub fn new(
        types: Vec<usize>,
        outcomes: [usize; 2],
        values: Vec<Vec<f64>>,
        cost: Vec<f64>,
        available: Option<Vec<Vec<bool>>>,
    ) -> Result<Self, GameError> {
        let [first, second] = outcomes;
        let most = || GameError::Shape { what: "tables".into(), found: usize::MAX, accepted: 1 << 40 };
        let pairs = first.checked_mul(second).filter(|n| *n <= 1 << 40).ok_or_else(most)?;
        for (what, count) in
            [("players", types.len()), ("first-stage outcomes", first), ("second-stage outcomes", second)]
        {
            if count == 0 {
                return Err(GameError::Nothing { what: what.into() });
            }
        }
        if let Some(i) = types.iter().position(|m| *m == 0) {
            return Err(GameError::Nothing { what: format!("types of player {i}") });
        }
        let shape = |what: String, found: usize, accepted: usize| {
            if found == accepted { Ok(()) } else { Err(GameError::Shape { what, found, accepted }) }
        };
        shape("values (one table for each player)".into(), values.len(), types.len())?;
        shape("planner's cost".into(), cost.len(), pairs)?;
        for (i, (table, m)) in values.iter().zip(&types).enumerate() {
            shape(format!("values of player {i}"), table.len(), m.checked_mul(pairs).ok_or_else(most)?)?;
            let place = |k: usize| {
                let [t, a, b] = [k / pairs, k / second % first, k % second];
                format!("value of player {i}, type {t}, outcomes {a} and {b}")
            };
            finite(table, place)?;
        }
        finite(&cost, |k| format!("planner's cost, outcomes {} and {}", k / second, k % second))?;
        let available = available.unwrap_or_else(|| vec![vec![true; pairs]; types.len()]);
        shape("availability (one mask for each player)".into(), available.len(), types.len())?;
        for (player, mask) in available.iter().enumerate() {
            shape(format!("outcomes without player {player}"), mask.len(), pairs)?;
            if !mask.contains(&true) {
                return Err(GameError::Absent { player });
            }
        }
        Ok(Self { types, first, second, values, cost, available })
    }

    /// Number of players.
    pub fn players(&self) -> usize {
        self.types.len()
    }

    /// Number of types by player.
    pub fn types(&self) -> &[usize] {
        &self.types
    }

    /// Number of first-stage outcomes.
    pub fn first(&self) -> usize {
        self.first
    }

    /// Number of second-stage outcomes.
    pub fn second(&self) -> usize {
        self.second
    }

    /// What the second-stage outcomes are worth to a player of some type after a first-stage outcome.
    pub fn row(&self, player: AgentId, own: usize, first: usize) -> &[f64] {
        let from = (own * self.first + first) * self.second;
        &self.values[player][from..from + self.second]
    }

    /// What a pair of outcomes is worth to a player of some type.
    pub fn value(&self, player: AgentId, own: usize, first: usize, second: usize) -> f64 {
        self.row(player, own, first)[second]
    }

    /// What the second-stage outcomes cost the planner after a first-stage outcome.
    pub fn cost(&self, first: usize) -> &[f64] {
        &self.cost[first * self.second..(first + 1) * self.second]
    }

    /// Which second-stage outcomes remain available without a player after a first-stage outcome.
    pub fn available(&self, player: AgentId, first: usize) -> &[bool] {
        &self.available[player][first * self.second..(first + 1) * self.second]
    }

    /// Whether two players differ by their number only.
    pub fn same(&self, one: AgentId, other: AgentId) -> bool {
        one == other
            || self.types[one] == self.types[other]
                && self.values[one] == self.values[other]
                && self.available[one] == self.available[other]
    }

    /// The largest difference that a type makes to any player in any outcome: R, money.
    pub fn spread(&self) -> f64 {
        let pairs = self.first * self.second;
        let of = |table: &Vec<f64>| {
            (0..pairs).fold(0.0_f64, |most, k| {
                let (low, high) = ends(table.iter().skip(k).step_by(pairs));
                most.max(high - low)
            })
        };
        self.values.iter().map(of).fold(0.0, f64::max)
    }
}

/// Least and largest of some numbers.
pub(super) fn ends<'a>(numbers: impl Iterator<Item = &'a f64>) -> (f64, f64) {
    numbers.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(*x), high.max(*x)))
}

fn finite(table: &[f64], place: impl Fn(usize) -> String) -> Result<(), GameError> {
    match table.iter().position(|x| !(x.is_finite() && x.abs() <= 1e100)) {
        Some(k) => Err(GameError::Number { what: place(k), found: table[k] }),
        None => Ok(()),
    }
}
