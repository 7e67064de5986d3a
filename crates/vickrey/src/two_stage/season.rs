//! A season: the mechanism day after day, as plain steps. The protocol and the simulations both stand on it.

use super::law::{SupertypeError, Supertypes, WARN};
use super::market::{Market, Settled, Unusable};
use super::test::{Flags, MOST_DAYS, MOST_TYPES, Penalty, Record, Statistics, Terms, TermsError, Tests};
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

/// What is accepted and may not be meant, or is not as the promises take it to be.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Warning {
    /// On the first days a penalty is less than a false type can bring.
    #[error(
        "penalty scale: found {scale}, with which the penalty outweighs what a false type can bring (at most {spread} a day) \
         from day {from} on; twice that much would from the first day"
    )]
    Penalty {
        /// What a flagged day costs on day 1, money.
        scale: f64,
        /// R: the largest difference that a type makes to any player on a day, money.
        spread: f64,
        /// The first day l with `J(l)/l >= 2 R`.
        from: f64,
    },
    /// Laws are used as given.
    #[error(
        "laws: found probabilities that add up to 1 only within {off:.1e}; results are off by about as much"
    )]
    Sums {
        /// How far the sum of a law is from 1 at most.
        off: f64,
    },
    /// Promises count on other frequencies of the signals.
    #[error(
        "signal {signal}: found on {seen} of {days} days, which is not plausible by the share {share} that the first stage \
         counts on"
    )]
    Signal {
        /// Which.
        signal: usize,
        /// On so many days.
        seen: u64,
        /// Days so far.
        days: u64,
        /// Its stated frequency.
        share: f64,
    },
}

/// Warnings about a season of this market on these terms, before its first day.
pub fn warnings<M: Market>(market: &M, reports: &Supertypes, terms: &Terms) -> Vec<Warning> {
    let mut all = Vec::new();
    let Penalty { scale, power } = terms.penalty;
    if let Some(spread) = market.spread()
        && scale < 2.0 * spread
    {
        let from = libm::pow(2.0 * spread / scale, 1.0 / (power - 1.0)).ceil();
        all.push(Warning::Penalty { scale, spread, from });
    }
    let off = reports.deviation();
    if off > WARN {
        all.push(Warning::Sums { off });
    }
    all
}

impl<'a, M: Market> Season<'a, M> {
    /// Begins a season: the first stage is decided by the reported laws. What is accepted and may not be meant, such as a
    /// small penalty, is in its [`warnings`](Self::warnings).
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

    /// What is accepted and may not be meant, and signals whose frequencies so far are beyond the window of the tests (with
    /// as many cells as there are signals) of those that promises count on.
    pub fn warnings(&self) -> Vec<Warning> {
        let tests = self.tests();
        let mut all = warnings(self.market, tests.reports(), tests.terms());
        let (days, window) = (self.days(), tests.terms().window);
        let Some(shares) = self.market.frequencies() else { return all };
        if days <= tests.terms().burn_in || days < window.first_day() {
            return all;
        }
        let limit = window.threshold(libm::log(shares.len() as f64)).at(days);
        let mut seen = vec![0_u64; shares.len()];
        (0..days as usize).for_each(|day| seen[tests.record().signal(day)] += 1);
        let odd =
            |(_, (seen, share)): &(usize, (u64, &f64))| (*seen as f64 - *share * days as f64).abs() >= limit;
        let each = seen.into_iter().zip(shares).enumerate().filter(odd);
        all.extend(each.map(|(signal, (seen, share))| Warning::Signal { signal, seen, days, share: *share }));
        all
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::two_stage::finite::{Finite, Timing};
    use crate::two_stage::law::Law;
    use crate::two_stage::model::Game;

    fn game() -> Game {
        Game::new(vec![2], [1, 1], vec![vec![0.0, 9.0]], vec![0.0], None).unwrap()
    }

    fn terms(scale: f64) -> Terms {
        Terms { penalty: Penalty { scale, power: 1.5 }, ..Terms::default() }
    }

    #[test]
    fn small_penalties_and_rough_laws_are_said() {
        let market = Finite::new(game());
        let open = |law: Vec<f64>, scale: f64| {
            let laws = Supertypes::constant(vec![Law::new(law).unwrap()]);
            Season::open(&market, laws, terms(scale)).unwrap().warnings()
        };
        assert_eq!(open(vec![0.5; 2], 18.0), []);
        // 6 sqrt(l) >= 18 from day 9 on.
        assert_eq!(open(vec![0.5; 2], 6.0), [Warning::Penalty { scale: 6.0, spread: 9.0, from: 9.0 }]);
        let rough = open(vec![0.5, 0.5 + 1e-10], 18.0);
        assert!(matches!(rough[..], [Warning::Sums { off }] if (off - 1e-10).abs() < 1e-15), "{rough:?}");
    }

    #[test]
    fn signals_that_come_too_often_are_said() {
        let timing = Timing::BeforeBids(vec![0.5, 0.5]);
        let market = Finite::by_signal(vec![game(), game()], timing).unwrap();
        let laws = Supertypes::constant(vec![Law::uniform(2)]);
        let played = |days: &mut dyn Iterator<Item = usize>| {
            let mut season = Season::open(&market, laws.clone(), terms(18.0)).unwrap();
            days.for_each(|day| {
                season.day(&day, &[day], &()).unwrap();
            });
            season.warnings()
        };
        assert_eq!(played(&mut std::iter::empty()), []);
        assert_eq!(played(&mut (0..400).map(|l| l % 2)), []);
        // Three days of four: 300 is 100 from 200, beyond sqrt(400 ln(2 * 2 * zeta(1.5) * 400^1.5 / .01) / 2).
        let odd = played(&mut (0..400).map(|l| usize::from(l % 4 > 0)));
        let signal = |signal, seen| Warning::Signal { signal, seen, days: 400, share: 0.5 };
        assert_eq!(odd, [signal(0, 100), signal(1, 300)]);
    }
}
