//! How players bid: honestly, and in the ways that the theory is about.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::law::{Law, Supertypes};
use super::test::{Record, Threshold};
use crate::mechanism::AgentId;

/// What a bidder sees. More than the mechanism shows it: the others' earlier bids are here, which a player could learn
/// only from decisions and payments, so that strategies in simulations are stronger than real ones.
#[derive(Debug)]
pub struct Sight<'a> {
    /// Whose bid it is.
    pub player: AgentId,
    /// The day, from 1.
    pub day: u64,
    /// The public signal of the day.
    pub signal: usize,
    /// Her type of the day.
    pub own: usize,
    /// What she reported.
    pub reports: &'a Supertypes,
    /// Everybody's bids of the days before.
    pub record: &'a Record,
    /// How far her counts may be from the reported law.
    pub threshold: Threshold,
    /// A number from 0 to 1 that everybody sees on this day and the mechanism does not.
    pub coin: f64,
    /// The bids of the players before her on the same day: nothing that sealed bids would show.
    pub before: &'a [usize],
    /// Her own random numbers.
    pub rng: &'a mut ChaCha8Rng,
}

impl Sight<'_> {
    /// Her reported law under the signal of the day.
    pub fn law(&self) -> &Law {
        self.reports.law(self.player, self.signal)
    }
}

/// A way of bidding, by name and numbers: what scenarios and command lines choose from.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Bidding {
    /// [`Honest`].
    #[default]
    Honest,
    /// [`Exaggerate`].
    Exaggerate(isize),
    /// [`Mimic`].
    Mimic,
    /// [`Coupled`]: by signal, one law of bids for each type.
    Coupled(Vec<Vec<Law>>),
    /// [`Follow`].
    Follow {
        /// Whom.
        rival: AgentId,
        /// On which share of the days.
        share: f64,
    },
    /// [`CommonCoin`].
    CommonCoin,
    /// [`CopyRival`].
    Copy {
        /// Whom; a player with a lower number.
        rival: AgentId,
    },
    /// [`RideWindow`].
    RideWindow {
        /// The true type that is hidden.
        hidden: usize,
        /// The type that is bid for it.
        shown: usize,
        /// Share of the window that is used.
        share: f64,
    },
    /// [`BySignal`].
    BySignal(Vec<usize>),
}

/// Why a way of bidding is none for a player.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("bidding of player {player}, {field}: found {found}, accepted is {accepted}")]
pub struct BiddingError {
    /// Whose.
    pub player: AgentId,
    /// Which part.
    pub field: &'static str,
    /// What was found.
    pub found: String,
    /// What is accepted.
    pub accepted: String,
}

impl Bidding {
    /// Whether a player can bid so, given all players' numbers of types and the number of public signals.
    ///
    /// # Errors
    /// A rival, a type or a share does not exist, or there are not as many laws or bids as types or signals.
    pub fn check(&self, player: AgentId, types: &[usize], signals: usize) -> Result<(), BiddingError> {
        let wrong =
            |field, found: String, accepted: String| Err(BiddingError { player, field, found, accepted });
        let own = types[player];
        let share = |share: f64| match (0.0..=1.0).contains(&share) {
            true => Ok(()),
            false => wrong("share", share.to_string(), "a number from 0 to 1".into()),
        };
        let type_of = |field, t: usize| match t < own {
            true => Ok(()),
            false => wrong(field, t.to_string(), format!("a type below {own}")),
        };
        match self {
            Self::Honest | Self::Exaggerate(_) | Self::Mimic | Self::CommonCoin => Ok(()),
            Self::Coupled(laws) => {
                let fits = |rows: &Vec<Law>| rows.len() == own && rows.iter().all(|law| law.types() == own);
                let sound = (laws.len() == 1 || laws.len() == signals) && laws.iter().all(fits);
                let accepted =
                    format!("{own} laws over {own} types, once or for each of the {signals} signals");
                if sound { Ok(()) } else { wrong("laws", "others".into(), accepted) }
            }
            Self::Follow { rival, share: s } => match *rival < types.len() && *rival != player {
                true => share(*s),
                false => wrong("rival", rival.to_string(), format!("another player below {}", types.len())),
            },
            Self::Copy { rival } => match *rival < player {
                true => Ok(()),
                false => wrong("rival", rival.to_string(), format!("a player before her, below {player}")),
            },
            Self::RideWindow { hidden, shown, share: s } => {
                type_of("hidden", *hidden).and_then(|()| type_of("shown", *shown)).and_then(|()| share(*s))
            }
            Self::BySignal(bids) if bids.len() != signals => wrong(
                "bids",
                format!("{} bids", bids.len()),
                format!("one for each of the {signals} signals"),
            ),
            Self::BySignal(bids) => bids.iter().try_for_each(|bid| type_of("bids", *bid)),
        }
    }

    /// A bidder of this kind, before its first day.
    pub fn bidder(&self) -> Box<dyn Bidder> {
        match self {
            Self::Honest => Box::new(Honest),
            Self::Exaggerate(by) => Box::new(Exaggerate(*by)),
            Self::Mimic => Box::new(Mimic),
            Self::Coupled(laws) => Box::new(Coupled(laws.clone())),
            Self::Follow { rival, share } => Box::new(Follow { rival: *rival, share: *share }),
            Self::CommonCoin => Box::new(CommonCoin),
            Self::Copy { rival } => Box::new(CopyRival { rival: *rival }),
            Self::RideWindow { hidden, shown, share } => Box::new(RideWindow::new(*hidden, *shown, *share)),
            Self::BySignal(types) => Box::new(BySignal(types.clone())),
        }
    }
}

/// A way of bidding.
pub trait Bidder: Send {
    /// The bid of a day.
    fn bid(&mut self, sight: Sight<'_>) -> usize;
}

/// Bids the type of the day.
#[derive(Clone, Copy, Debug)]
pub struct Honest;

/// Bids so many types away from the truth, as far as there are types.
#[derive(Clone, Copy, Debug)]
pub struct Exaggerate(pub isize);

/// Bids by the reported law, whatever the type: the counts look right, the day's value is lost.
#[derive(Clone, Copy, Debug)]
pub struct Mimic;

/// Bids by a law that depends on the type: row = type, one row for each bid; the best undetected lie is of this kind. By
/// signal; one for all if there is only one.
#[derive(Clone, Debug)]
pub struct Coupled(pub Vec<Vec<Law>>);

/// Bids by the reported law, driven by a rival's bid of the day before on a share of the days: the marginal is right, and
/// nothing depends on the rival's bid of the same day.
#[derive(Clone, Copy, Debug)]
pub struct Follow {
    /// Whom.
    pub rival: AgentId,
    /// On which share of the days; honest on the others.
    pub share: f64,
}

/// Bids where a common coin falls in the reported law: with others who do the same all marginals are right.
#[derive(Clone, Copy, Debug)]
pub struct CommonCoin;

/// Bids what a player before her has just bid: possible only if bids are not sealed.
#[derive(Clone, Copy, Debug)]
pub struct CopyRival {
    /// Whom.
    pub rival: AgentId,
}

/// Bids one type in place of another while that keeps the count of the first within a share of the window, honestly
/// otherwise.
#[derive(Clone, Copy, Debug)]
pub struct RideWindow {
    /// The true type that is hidden.
    pub hidden: usize,
    /// The type that is bid for it.
    pub shown: usize,
    /// Share of the window that is used.
    pub share: f64,
    /// How often `shown` was bid so far.
    count: u64,
    /// How often it should have been by the reported laws.
    expected: f64,
}

impl RideWindow {
    /// Before the first day.
    pub fn new(hidden: usize, shown: usize, share: f64) -> Self {
        Self { hidden, shown, share, count: 0, expected: 0.0 }
    }
}

/// Bids a type for every public signal, whatever her own: an answer to what is publicly known.
#[derive(Clone, Debug)]
pub struct BySignal(pub Vec<usize>);

impl Bidder for Honest {
    fn bid(&mut self, sight: Sight<'_>) -> usize {
        sight.own
    }
}

impl Bidder for Exaggerate {
    fn bid(&mut self, sight: Sight<'_>) -> usize {
        sight.own.saturating_add_signed(self.0).min(sight.law().types() - 1)
    }
}

impl Bidder for Mimic {
    fn bid(&mut self, sight: Sight<'_>) -> usize {
        let point = sight.rng.random();
        sight.law().at(point)
    }
}

impl Bidder for Coupled {
    fn bid(&mut self, sight: Sight<'_>) -> usize {
        let rows = if self.0.len() == 1 { &self.0[0] } else { &self.0[sight.signal] };
        rows[sight.own].draw(sight.rng)
    }
}

impl Bidder for Follow {
    fn bid(&mut self, sight: Sight<'_>) -> usize {
        let days = sight.record.days();
        if days == 0 || sight.rng.random::<f64>() >= self.share {
            return sight.own;
        }
        let (before, signal) = (days - 1, sight.record.signal(days - 1));
        // A random point of the stretch that the rival's bid has in its law is even over the unit interval.
        let bid = usize::from(sight.record.bids(before)[self.rival]);
        let law = sight.reports.law(self.rival, signal).probabilities();
        let below: f64 = law[..bid].iter().sum();
        let point = below + law[bid] * sight.rng.random::<f64>();
        sight.law().at(point)
    }
}

impl Bidder for CommonCoin {
    fn bid(&mut self, sight: Sight<'_>) -> usize {
        sight.law().at(sight.coin)
    }
}

impl Bidder for CopyRival {
    fn bid(&mut self, sight: Sight<'_>) -> usize {
        let bid = sight.before.get(self.rival).copied().unwrap_or(sight.own);
        bid.min(sight.law().types() - 1)
    }
}

impl Bidder for RideWindow {
    fn bid(&mut self, sight: Sight<'_>) -> usize {
        self.expected += sight.law().probabilities()[self.shown];
        // A count at the window is flagged.
        let room = (self.count + 1) as f64 - self.expected < self.share * sight.threshold.at(sight.day);
        let bid = if sight.own == self.hidden && room { self.shown } else { sight.own };
        self.count += u64::from(bid == self.shown);
        bid
    }
}

impl Bidder for BySignal {
    fn bid(&mut self, sight: Sight<'_>) -> usize {
        self.0[sight.signal]
    }
}
