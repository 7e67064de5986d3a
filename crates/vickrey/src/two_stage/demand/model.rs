//! The market: providers who can curtail, a shortage to be covered, a reserve (paper 001, section IV).

use rand_chacha::ChaCha8Rng;

use crate::mechanism::AgentId;
use crate::two_stage::law::{Law, LawError};

/// A number that nature draws by a public law.
#[derive(Clone, Debug, PartialEq)]
pub struct Lottery {
    values: Vec<f64>,
    law: Law,
}

impl Lottery {
    /// From values and their probabilities.
    ///
    /// # Errors
    /// A value is not finite, or the probabilities are no law over them.
    pub fn new(values: Vec<f64>, probabilities: Vec<f64>) -> Result<Self, LotteryError> {
        if let Some(at) = values.iter().position(|v| !v.is_finite()) {
            return Err(LotteryError::Value { at, found: values[at] });
        }
        if values.len() != probabilities.len() {
            return Err(LotteryError::Length { values: values.len(), probabilities: probabilities.len() });
        }
        Ok(Self { law: Law::new(probabilities)?, values })
    }

    /// One value for certain.
    pub fn certain(value: f64) -> Self {
        Self { values: vec![value], law: Law::uniform(1) }
    }

    /// The values.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Their law.
    pub fn law(&self) -> &Law {
        &self.law
    }

    /// A draw.
    pub fn draw(&self, rng: &mut ChaCha8Rng) -> f64 {
        if let [one] = self.values[..] { one } else { self.values[self.law.draw(rng)] }
    }

    /// The same with every value less by a number.
    pub(super) fn less(&self, number: f64) -> Self {
        Self { values: self.values.iter().map(|v| v - number).collect(), law: self.law.clone() }
    }

    /// Expectation of a function of the value.
    pub fn mean(&self, of: impl Fn(f64) -> f64) -> f64 {
        self.law.mean(|k| of(self.values[k]))
    }
}

/// Why a lottery is none.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LotteryError {
    /// A value that is no number.
    #[error("value {at}: found {found}, accepted is a finite number")]
    Value {
        /// Its place, from 0.
        at: usize,
        /// What was found.
        found: f64,
    },
    /// Values and probabilities do not match.
    #[error(
        "found {values} values and {probabilities} probabilities, accepted is one probability for each value"
    )]
    Length {
        /// How many values.
        values: usize,
        /// How many probabilities.
        probabilities: usize,
    },
    /// The probabilities are no law.
    #[error(transparent)]
    Law(#[from] LawError),
}

/// The shortage of a day, and when it is known. Positive: demand that must be covered; negative: surplus.
#[derive(Clone, Debug, PartialEq)]
pub enum Shortage {
    /// The same every day that has this signal.
    Certain(f64),
    /// Drawn every day by a public law, after the bids.
    AfterBids(Lottery),
    /// Told every day, as a number, before anything is decided (before a day-ahead purchase, too). The tests see the signal
    /// and not the number: days of like size should share a signal. Bids that answer to the number within a signal are not
    /// seen, so with wide signals honesty is the best policy only nearly. Not with limits, which need [`Listed`](Self::Listed).
    Announced,
    /// Told every day, like [`Announced`](Self::Announced), and always one of these numbers.
    Listed(Vec<f64>),
}

impl Shortage {
    /// What is known of it before the bids by the signal alone; none where a number is told every day.
    pub fn before_bids(&self) -> Option<Lottery> {
        match self {
            Self::Certain(d) => Some(Lottery::certain(*d)),
            Self::AfterBids(lottery) => Some(lottery.clone()),
            Self::Announced | Self::Listed(_) => None,
        }
    }

    /// Whether a number is told every day.
    pub fn is_announced(&self) -> bool {
        matches!(self, Self::Announced | Self::Listed(_))
    }

    /// All numbers that it may be; none where it may be any.
    pub fn values(&self) -> Option<&[f64]> {
        match self {
            Self::Certain(d) => Some(std::slice::from_ref(d)),
            Self::AfterBids(lottery) => Some(lottery.values()),
            Self::Listed(values) => Some(values),
            Self::Announced => None,
        }
    }
}

/// What holds on days with one public signal.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// What has to be covered.
    pub shortage: Shortage,
    /// Marginal cost of a unit of reserve per unit, drawn after the bids; none: there is no reserve.
    pub reserve: Option<Lottery>,
}

/// The market of one day.
#[derive(Clone, Debug, PartialEq)]
pub struct Demand {
    /// By player: delta by type, money per unit squared; curtailing x costs delta x² / 2.
    types: Vec<Vec<f64>>,
    /// By player: number of types.
    counts: Vec<usize>,
    /// By player: most that she can curtail, if there is a limit; with limits nobody curtails less than nothing.
    limits: Option<Vec<f64>>,
    /// By public signal.
    conditions: Vec<Condition>,
    /// Price of a unit bought the day before, if that is possible.
    purchase: Option<f64>,
}

/// Why a market is none.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum DemandError {
    /// Nobody, no types, no signals.
    #[error("{what}: found none, accepted is at least one")]
    Nothing {
        /// Of what.
        what: String,
    },
    /// A number that cannot be.
    #[error("{what}: found {found}, accepted is {accepted}")]
    Number {
        /// Where.
        what: String,
        /// What was found.
        found: f64,
        /// What is accepted.
        accepted: &'static str,
    },
    /// A type occurs twice.
    #[error(
        "player {player}: types {one} and {other} are the same number {value}, accepted are different types"
    )]
    Twice {
        /// Who.
        player: AgentId,
        /// The first of the two.
        one: usize,
        /// The second.
        other: usize,
        /// The number.
        value: f64,
    },
    /// Without the only provider and without a reserve nobody is left.
    #[error(
        "signal {signal}: found one provider and no reserve, accepted is a reserve or at least two providers (without her nothing could cover the shortage)"
    )]
    Alone {
        /// Which signal.
        signal: usize,
    },
    /// With limits every shortage is solved for by itself.
    #[error(
        "signal {signal}: found curtailment limits and an announced shortage that may be any number, accepted is a list of the numbers that may be announced"
    )]
    Unlisted {
        /// Which signal.
        signal: usize,
    },
    /// With limits, somebody must always be able to cover what is left.
    #[error(
        "signal {signal}: found curtailment limits and no reserve, accepted is a reserve (limits could leave a part of the shortage uncovered)"
    )]
    Uncovered {
        /// Which signal.
        signal: usize,
    },
}

/// Sizes of costs, shortages and prices: a cost times a shortage squared stays finite.
const SIZES: (f64, f64) = (1e-70, 1e70);

impl Demand {
    /// Checks and builds. `types` by player, `conditions` by public signal.
    ///
    /// # Errors
    /// A list is empty, a number is out of range, a type occurs twice, or nobody can cover the shortage without a player.
    pub fn new(
        types: Vec<Vec<f64>>,
        limits: Option<Vec<f64>>,
        conditions: Vec<Condition>,
        purchase: Option<f64>,
    ) -> Result<Self, DemandError> {
        let nothing = |what: String| Err(DemandError::Nothing { what });
        if types.is_empty() {
            return nothing("players".into());
        }
        if conditions.is_empty() {
            return nothing("public signals".into());
        }
        for (player, own) in types.iter().enumerate() {
            if own.is_empty() {
                return nothing(format!("types of player {player}"));
            }
            for (t, delta) in own.iter().enumerate() {
                positive(*delta, || format!("player {player}, type {t}"))?;
                if let Some(one) = own[..t].iter().position(|other| other == delta) {
                    return Err(DemandError::Twice { player, one, other: t, value: *delta });
                }
            }
        }
        if let Some(limits) = &limits {
            if limits.len() != types.len() {
                let (what, found) = ("curtailment limits".into(), limits.len() as f64);
                return Err(DemandError::Number { what, found, accepted: "one limit for each player" });
            }
            for (player, limit) in limits.iter().enumerate() {
                if limit.is_nan() || *limit < 0.0 {
                    let what = format!("player {player}, limit");
                    return Err(DemandError::Number {
                        what,
                        found: *limit,
                        accepted: "a number from 0 on, or infinity",
                    });
                }
            }
        }
        if let Some(q) = purchase
            && !(q >= 0.0 && q <= SIZES.1)
        {
            let what = "price of a day-ahead purchase".into();
            return Err(DemandError::Number { what, found: q, accepted: "a finite number from 0 on" });
        }
        let counts = types.iter().map(Vec::len).collect();
        let market = Self { types, counts, limits, conditions, purchase };
        for (signal, condition) in market.conditions.iter().enumerate() {
            market.check_condition(signal, condition)?;
        }
        Ok(market)
    }

    fn check_condition(&self, signal: usize, condition: &Condition) -> Result<(), DemandError> {
        match condition.shortage.values() {
            Some([d]) => self.check_shortage(*d, || format!("signal {signal}, shortage"))?,
            Some([]) => {
                return Err(DemandError::Nothing { what: format!("shortages under signal {signal}") });
            }
            Some(all) => {
                for (k, d) in all.iter().enumerate() {
                    self.check_shortage(*d, || format!("signal {signal}, shortage {k}"))?;
                }
            }
            None if self.limits.is_some() => return Err(DemandError::Unlisted { signal }),
            None => (),
        }
        match &condition.reserve {
            Some(lottery) => {
                for (k, delta) in lottery.values().iter().enumerate() {
                    positive(*delta, || format!("signal {signal}, reserve {k}"))?;
                }
                Ok(())
            }
            None if self.limits.is_some() => Err(DemandError::Uncovered { signal }),
            None if self.types.len() == 1 => Err(DemandError::Alone { signal }),
            None => Ok(()),
        }
    }

    /// Whether a shortage can be treated by this market.
    ///
    /// # Errors
    /// It is not finite, or negative where there are limits or day-ahead purchases.
    pub fn check_shortage(&self, found: f64, what: impl Fn() -> String) -> Result<(), DemandError> {
        let signed = self.limits.is_none() && self.purchase.is_none();
        let accepted = match signed {
            true => "a finite number (negative: surplus)",
            false => "a finite number from 0 on (with limits or day-ahead purchases)",
        };
        let fine = found.abs() <= SIZES.1 && (signed || found >= 0.0);
        if fine { Ok(()) } else { Err(DemandError::Number { what: what(), found, accepted }) }
    }

    /// Number of players.
    pub fn players(&self) -> usize {
        self.types.len()
    }

    /// Number of types by player.
    pub fn counts(&self) -> &[usize] {
        &self.counts
    }

    /// delta by type of a player.
    pub fn types(&self, player: AgentId) -> &[f64] {
        &self.types[player]
    }

    /// Most that each player can curtail, if there are limits.
    pub fn limits(&self) -> Option<&[f64]> {
        self.limits.as_deref()
    }

    /// What holds under each public signal.
    pub fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    /// Price of a unit bought the day before, if that is possible.
    pub fn purchase(&self) -> Option<f64> {
        self.purchase
    }
}

fn positive(found: f64, what: impl Fn() -> String) -> Result<(), DemandError> {
    let accepted = "a finite number above 0 (from 1e-70 to 1e70)";
    let fine = (SIZES.0..=SIZES.1).contains(&found);
    if fine { Ok(()) } else { Err(DemandError::Number { what: what(), found, accepted }) }
}
