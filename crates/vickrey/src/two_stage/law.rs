//! Laws of types: what a player reports once, and what a test compares her bids with.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::mechanism::AgentId;

/// A law is accepted if its probabilities add up to 1 within this.
pub const SUM: f64 = 1e-9;
/// Beyond this distance from 1 a sum is worth a warning: values are off by as much.
pub const WARN: f64 = 1e-12;

/// Probabilities of the types of one player. Used as given, never renormalised.
#[derive(Clone, Debug, PartialEq)]
pub struct Law(Vec<f64>);

/// Why a law is none.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LawError {
    /// No types at all.
    #[error("found no probabilities, accepted is one for each type, at least one")]
    Empty,
    /// A number that is no probability.
    #[error("type {at}: found {found}, accepted is a number from 0 to 1")]
    Probability {
        /// Number of the type, from 0.
        at: usize,
        /// What was found.
        found: f64,
    },
    /// They do not add up to 1.
    #[error("the probabilities add up to {0}, accepted is 1 within {SUM:e} (nothing is renormalised)")]
    Sum(f64),
}

impl Law {
    /// From probabilities by type.
    ///
    /// # Errors
    /// There are none, one of them is no probability, or they do not add up to 1 within [`SUM`].
    pub fn new(probabilities: Vec<f64>) -> Result<Self, LawError> {
        if probabilities.is_empty() {
            return Err(LawError::Empty);
        }
        let wrong = |p: &f64| !(0.0..=1.0 + SUM).contains(p);
        if let Some(at) = probabilities.iter().position(wrong) {
            return Err(LawError::Probability { at, found: probabilities[at] });
        }
        let law = Self(probabilities);
        let sum = law.sum();
        if (sum - 1.0).abs() > SUM { Err(LawError::Sum(sum)) } else { Ok(law) }
    }

    /// All types equally likely.
    ///
    /// # Panics
    /// There are none.
    pub fn uniform(types: usize) -> Self {
        assert!(types > 0, "at least one type");
        Self(vec![1.0 / types as f64; types])
    }

    /// One type for certain.
    ///
    /// # Panics
    /// There is no such type.
    pub fn point(types: usize, at: usize) -> Self {
        assert!(at < types, "type {at} of {types}");
        Self((0..types).map(|t| if t == at { 1.0 } else { 0.0 }).collect())
    }

    /// Number of types.
    pub fn types(&self) -> usize {
        self.0.len()
    }

    /// Probability of every type.
    pub fn probabilities(&self) -> &[f64] {
        &self.0
    }

    /// What the probabilities add up to: 1, within [`SUM`].
    pub fn sum(&self) -> f64 {
        crate::numeric::sum::compensated(self.0.iter().copied())
    }

    /// Expectation of a number that depends on the type.
    pub fn mean(&self, of: impl Fn(usize) -> f64) -> f64 {
        let likely = self.0.iter().enumerate().filter(|(_, p)| **p > 0.0);
        crate::numeric::sum::compensated(likely.map(|(t, p)| p * of(t)))
    }

    /// The type at a point of the unit interval: the inverse of the distribution function.
    pub fn at(&self, point: f64) -> usize {
        let mut left = point;
        for (t, p) in self.0.iter().enumerate() {
            if left < *p {
                return t;
            }
            left -= p;
        }
        // What rounding leaves belongs to the last type that occurs.
        self.0.iter().rposition(|p| *p > 0.0).unwrap_or(0)
    }

    /// A draw.
    pub fn draw(&self, rng: &mut ChaCha8Rng) -> usize {
        self.at(rng.random())
    }
}

/// What the players report once: a law for every public signal, or one for all.
#[derive(Clone, Debug, PartialEq)]
pub struct Supertypes {
    signals: usize,
    /// By player; one for all signals or one for each.
    laws: Vec<Vec<Law>>,
}

/// Why reports of laws do not fit a market.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SupertypeError {
    /// Not one report for each player.
    #[error("found reports of {found} players, accepted is one of each of the {accepted}")]
    Players {
        /// How many there are.
        found: usize,
        /// How many players.
        accepted: usize,
    },
    /// A player reports laws for some signals only.
    #[error(
        "player {player}: found {found} laws, accepted is 1 or one for each of the {signals} public signals"
    )]
    Signals {
        /// Who.
        player: AgentId,
        /// How many.
        found: usize,
        /// How many signals there are.
        signals: usize,
    },
    /// A law over other types than the player's.
    #[error(
        "player {player}, signal {signal}: found {found} probabilities, accepted is one for each of the {accepted} types"
    )]
    Types {
        /// Who.
        player: AgentId,
        /// For which signal.
        signal: usize,
        /// How many.
        found: usize,
        /// How many types she has.
        accepted: usize,
    },
}

impl Supertypes {
    /// From one law for each player, whatever the signal.
    pub fn constant(laws: Vec<Law>) -> Self {
        Self { signals: 1, laws: laws.into_iter().map(|law| vec![law]).collect() }
    }

    /// From laws by player and signal; a player with one law has it under every signal.
    ///
    /// # Errors
    /// A player's number of laws is neither 1 nor `signals`.
    pub fn new(signals: usize, laws: Vec<Vec<Law>>) -> Result<Self, SupertypeError> {
        for (player, own) in laws.iter().enumerate() {
            if own.len() != 1 && own.len() != signals {
                return Err(SupertypeError::Signals { player, found: own.len(), signals });
            }
        }
        Ok(Self { signals, laws })
    }

    /// Number of players.
    pub fn players(&self) -> usize {
        self.laws.len()
    }

    /// Number of signals that are told apart; 1 if no player does.
    pub fn signals(&self) -> usize {
        self.signals
    }

    /// The law of a player under a signal.
    pub fn law(&self, player: AgentId, signal: usize) -> &Law {
        let own = &self.laws[player];
        if own.len() == 1 { &own[0] } else { &own[signal] }
    }

    /// The laws of all players under a signal.
    pub fn under(&self, signal: usize) -> Vec<&Law> {
        (0..self.players()).map(|i| self.law(i, signal)).collect()
    }

    /// The same with other laws of one player.
    #[must_use]
    pub fn with(&self, player: AgentId, laws: Vec<Law>) -> Self {
        let mut other = self.clone();
        other.laws[player] = laws;
        other
    }

    /// Whether the reports fit players with these numbers of types, and `signals` signals.
    ///
    /// # Errors
    /// They do not.
    pub fn fit(&self, types: &[usize], signals: usize) -> Result<(), SupertypeError> {
        if self.players() != types.len() {
            return Err(SupertypeError::Players { found: self.players(), accepted: types.len() });
        }
        for (player, (own, accepted)) in self.laws.iter().zip(types).enumerate() {
            if own.len() != 1 && own.len() != signals {
                return Err(SupertypeError::Signals { player, found: own.len(), signals });
            }
            if let Some(signal) = own.iter().position(|law| law.types() != *accepted) {
                let (found, accepted) = (own[signal].types(), *accepted);
                return Err(SupertypeError::Types { player, signal, found, accepted });
            }
        }
        Ok(())
    }

    /// How far a sum of probabilities is from 1 at most.
    pub fn deviation(&self) -> f64 {
        let each = self.laws.iter().flatten().map(|law| (law.sum() - 1.0).abs());
        each.fold(0.0, f64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn laws_are_refused_with_their_place() {
        assert_eq!(Law::new(vec![]), Err(LawError::Empty));
        for p in [f64::NAN, f64::INFINITY, -0.1, 1.1] {
            let Err(LawError::Probability { at: 1, .. }) = Law::new(vec![0.5, p]) else {
                panic!("{p} is no probability")
            };
        }
        assert!(matches!(Law::new(vec![0.5, 0.4]), Err(LawError::Sum(_))));
        assert!(Law::new(vec![0.5, 0.5 + 0.9e-9]).is_ok() && Law::new(vec![0.5, 0.5 + 1.1e-9]).is_err());
    }

    #[test]
    fn draws_follow_the_distribution_function() {
        let law = Law::new(vec![0.25, 0.0, 0.75]).unwrap();
        assert_eq!([0.0, 0.2499, 0.25, 0.99].map(|u| law.at(u)), [0, 0, 2, 2]);
        assert_eq!(law.at(1.0), 2);
        assert_eq!(law.mean(|t| t as f64), 1.5);
    }

    #[test]
    fn reports_must_fit_the_players() {
        let two = Supertypes::constant(vec![Law::uniform(2), Law::uniform(3)]);
        assert!(two.fit(&[2, 3], 4).is_ok());
        assert!(matches!(two.fit(&[2, 2], 1), Err(SupertypeError::Types { player: 1, .. })));
        assert!(matches!(two.fit(&[2], 1), Err(SupertypeError::Players { .. })));
        let by_signal =
            Supertypes::new(2, vec![vec![Law::point(2, 0), Law::point(2, 1)], vec![Law::uniform(2)]]);
        let by_signal = by_signal.unwrap();
        assert_eq!(by_signal.law(0, 1), &Law::point(2, 1));
        assert_eq!(by_signal.law(1, 1), &Law::uniform(2));
        assert!(by_signal.fit(&[2, 2], 2).is_ok() && by_signal.fit(&[2, 2], 3).is_err());
    }
}
