//! A season: the mechanism day after day, as plain steps. The protocol and the simulations both stand on it.

use super::law::{SupertypeError, Supertypes};
use super::market::{Market, Settled, Unusable};
use super::test::{Flags, MOST_DAYS, MOST_TYPES, Record, Statistics, Terms, TermsError, Tests};
use crate::mechanism::AgentId;

/// A market with the laws that were reported, and everything that has happened since.
#[derive(Debug)]
pub struct Season<'a, M: Market> {
    market: &'a M,
    books: Books<M>,
}

/// What a season remembers: a value, so that it can be kept and gone on with.
#[derive(Debug)]
pub struct Books<M: Market> {
    plan: M::Plan,
    tests: Tests,
    settled: Settled<M::Decision>,
    payment: Vec<f64>,
    penalty: Vec<f64>,
    totals: Totals,
}

impl<M: Market> Clone for Books<M> {
    fn clone(&self) -> Self {
        Self {
            plan: self.plan.clone(),
            tests: self.tests.clone(),
            settled: self.settled.clone(),
            payment: self.payment.clone(),
            penalty: self.penalty.clone(),
            totals: self.totals.clone(),
        }
    }
}

/// Sums over the days so far, by player.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Totals {
    /// Payments without penalties; positive: the player pays.
    pub payment: Vec<f64>,
    /// Of which first-stage payments.
    pub first_payment: Vec<f64>,
    /// Penalties.
    pub penalty: Vec<f64>,
    /// Days on which the player was flagged.
    pub flagged: Vec<u64>,
    /// The first of these days, from 1.
    pub first_flagged: Vec<Option<u64>>,
    /// What the decisions were worth by the bids.
    pub reported: Vec<f64>,
    /// The planner's cost.
    pub cost: f64,
}

/// One day as it was settled.
#[derive(Debug)]
pub struct DayView<'a, M: Market> {
    /// Counted from 1.
    pub day: u64,
    /// The decision and what follows from it before penalties.
    pub settled: &'a Settled<M::Decision>,
    /// What everybody pays, with penalties; positive: the player pays.
    pub payment: &'a [f64],
    /// Of which penalties.
    pub penalty: &'a [f64],
    /// The tests, this day included.
    pub tests: &'a Tests,
}

/// Why a season cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum OpenError<E: std::error::Error + 'static> {
    /// Reports that do not fit the players.
    #[error(transparent)]
    Reports(#[from] SupertypeError),
    /// Terms that are not acceptable.
    #[error(transparent)]
    Terms(#[from] TermsError),
    /// Too many types for a record.
    #[error("player {player}: found {found} types, accepted are at most {MOST_TYPES}")]
    Types {
        /// Who.
        player: AgentId,
        /// How many.
        found: usize,
    },
    /// The market cannot be solved for these laws.
    #[error("{0}")]
    Plan(#[source] E),
}

/// Why a day cannot be settled.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum DayError {
    /// Nature said something that cannot be.
    #[error("day {day}, {source}")]
    Nature {
        /// Counted from 1.
        day: u64,
        /// What is wrong.
        source: Unusable,
    },
    /// Not one bid for each player.
    #[error("day {day}: found {found} bids, accepted is one of each of the {players} players")]
    Bids {
        /// Counted from 1.
        day: u64,
        /// How many.
        found: usize,
        /// How many there should be.
        players: usize,
    },
    /// A type that does not exist.
    #[error("day {day}, player {player}, bid: found type {found}, accepted is a number below {types}")]
    Bid {
        /// Counted from 1.
        day: u64,
        /// Who.
        player: AgentId,
        /// What was bid.
        found: usize,
        /// How many types she has.
        types: usize,
    },
    /// Days are counted in 32 bits.
    #[error("day {day}: accepted are at most {MOST_DAYS} days")]
    Long {
        /// Counted from 1.
        day: u64,
    },
}

impl<'a, M: Market> Season<'a, M> {
    /// Begins a season: the first stage is decided by the reported laws.
    ///
    /// # Errors
    /// Reports do not fit the players, terms are not acceptable, or the market cannot be solved.
    pub fn open(market: &'a M, reports: Supertypes, terms: Terms) -> Result<Self, OpenError<M::Error>> {
        reports.fit(market.types(), market.signals())?;
        if let Some(player) = market.types().iter().position(|m| *m > MOST_TYPES) {
            return Err(OpenError::Types { player, found: market.types()[player] });
        }
        let plan = market.plan(&reports).map_err(OpenError::Plan)?;
        let tests = Tests::new(reports, market.types(), market.signals(), terms, &|i, t| market.score(i, t))?;
        let players = market.types().len();
        let books = Books {
            plan,
            tests,
            settled: Settled::new(players),
            payment: vec![0.0; players],
            penalty: vec![0.0; players],
            totals: Totals::new(players),
        };
        Ok(Self { market, books })
    }

    /// Goes on with a season that was kept.
    pub fn resume(market: &'a M, books: Books<M>) -> Self {
        Self { market, books }
    }

    /// What has to be kept.
    pub fn into_books(self) -> Books<M> {
        self.books
    }

    /// Settles a day: what was known, what was bid, what nature added.
    ///
    /// # Errors
    /// Something of it cannot be; nothing is changed then.
    pub fn day(&mut self, day: &M::Day, bids: &[usize], draw: &M::Draw) -> Result<DayView<'_, M>, DayError> {
        self.check(day, bids, draw)?;
        let Books { plan, tests, settled, payment, penalty, totals } = &mut self.books;
        self.market.settle(plan, day, draw, bids, settled);
        tests.see(bids, self.market.signal(day));
        let number = tests.record().days() as u64;
        for i in 0..bids.len() {
            penalty[i] = tests.penalty(i);
            payment[i] = settled.payment(i) + penalty[i];
            totals.add(i, number, settled, penalty[i], tests.flags(i));
        }
        totals.cost += settled.cost;
        Ok(DayView { day: number, settled, payment, penalty, tests })
    }

    fn check(&self, day: &M::Day, bids: &[usize], draw: &M::Draw) -> Result<(), DayError> {
        let number = self.days() + 1;
        if number > MOST_DAYS {
            return Err(DayError::Long { day: number });
        }
        self.market.check(day, Some(draw)).map_err(|source| DayError::Nature { day: number, source })?;
        let types = self.market.types();
        if bids.len() != types.len() {
            return Err(DayError::Bids { day: number, found: bids.len(), players: types.len() });
        }
        match bids.iter().zip(types).position(|(bid, m)| bid >= m) {
            Some(player) => {
                let (found, types) = (bids[player], types[player]);
                Err(DayError::Bid { day: number, player, found, types })
            }
            None => Ok(()),
        }
    }

    /// The market.
    pub fn market(&self) -> &'a M {
        self.market
    }

    /// Days settled so far.
    pub fn days(&self) -> u64 {
        self.books.tests.record().days() as u64
    }

    /// The market solved for the reported laws.
    pub fn plan(&self) -> &M::Plan {
        &self.books.plan
    }

    /// The tests.
    pub fn tests(&self) -> &Tests {
        &self.books.tests
    }

    /// Sums so far.
    pub fn totals(&self) -> &Totals {
        &self.books.totals
    }
}

impl<M: Market> Books<M> {
    /// All bids and signals so far.
    pub fn record(&self) -> &Record {
        self.tests.record()
    }

    /// Sums so far.
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Which tests a player fails after the last day.
    pub fn flags(&self, player: AgentId) -> Flags {
        self.tests.flags(player)
    }

    /// The largest numerators of a player.
    pub fn statistics(&self, player: AgentId) -> Statistics {
        self.tests.statistics(player)
    }

    /// What everybody pays for the last day, with penalties.
    pub fn payment(&self) -> &[f64] {
        &self.payment
    }

    /// The last day before penalties.
    pub fn settled(&self) -> &Settled<M::Decision> {
        &self.settled
    }
}

impl Totals {
    fn new(players: usize) -> Self {
        let zero = || vec![0.0; players];
        Self {
            payment: zero(),
            first_payment: zero(),
            penalty: zero(),
            flagged: vec![0; players],
            first_flagged: vec![None; players],
            reported: zero(),
            cost: 0.0,
        }
    }

    fn add<D: Default>(&mut self, i: AgentId, day: u64, settled: &Settled<D>, penalty: f64, flags: Flags) {
        self.payment[i] += settled.payment(i);
        self.first_payment[i] += settled.first_payment(i);
        self.penalty[i] += penalty;
        self.reported[i] += settled.reported[i];
        if flags.any() {
            self.flagged[i] += 1;
            self.first_flagged[i].get_or_insert(day);
        }
    }
}
