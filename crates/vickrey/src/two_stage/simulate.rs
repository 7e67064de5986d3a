//! Seasons played day after day with any mixture of bidders, without the protocol's ceremony: the same numbers.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::law::{Law, SupertypeError, Supertypes};
use super::market::Market;
use super::season::{Books, DayError, DayView, OpenError, Season, Totals};
use super::strategies::{Bidder, Sight};
use super::test::Terms;
use crate::mechanism::AgentId;
use crate::numeric::random::{Purpose, stream};

/// What is publicly known day by day.
#[derive(Clone, Debug, PartialEq)]
pub enum Calendar<Day> {
    /// These days in turn, again and again.
    Listed(Vec<Day>),
    /// Drawn every day.
    Drawn {
        /// What a day may be.
        days: Vec<Day>,
        /// How likely each is.
        law: Law,
    },
}

impl<Day: Clone> Calendar<Day> {
    /// The day with this number, from 1.
    ///
    /// # Panics
    /// There are no days.
    pub fn at(&self, number: u64, rng: &mut ChaCha8Rng) -> Day {
        match self {
            Self::Listed(days) => days[((number - 1) % days.len() as u64) as usize].clone(),
            Self::Drawn { days, law } => days[law.draw(rng)].clone(),
        }
    }
}

/// Nature: types by the true laws, days by the calendar, draws by the market's public laws. Streams of its own for every
/// player, for days and for coins, so that other bids or one more player reshuffle nothing.
#[derive(Clone, Debug)]
pub struct Nature<Day> {
    truth: Supertypes,
    calendar: Calendar<Day>,
    types: Vec<ChaCha8Rng>,
    days: ChaCha8Rng,
    draws: ChaCha8Rng,
    coins: ChaCha8Rng,
}

/// Everything that nature decides about a day.
#[derive(Clone, Debug, PartialEq)]
pub struct Natural<Day, Draw> {
    /// What is publicly known before the bids.
    pub day: Day,
    /// The true types.
    pub types: Vec<usize>,
    /// What comes after the bids.
    pub draw: Draw,
    /// A number from 0 to 1 that players may agree on.
    pub coin: f64,
}

impl<Day: Clone> Nature<Day> {
    /// From the true laws, a calendar and a seed.
    pub fn new(truth: Supertypes, calendar: Calendar<Day>, seed: u64) -> Self {
        let players = truth.players() as u64;
        let of = |k: u64| stream(seed, Purpose::Nature, k);
        let apart = |k: u64| stream(seed, Purpose::Instance, k);
        Self {
            types: (0..players).map(of).collect(),
            days: apart(0),
            draws: apart(1),
            coins: apart(2),
            truth,
            calendar,
        }
    }

    /// Whether days and types can be drawn for a market.
    ///
    /// # Errors
    /// The true laws do not fit the players, there are no days, or one of them cannot be.
    pub fn check<M: Market<Day = Day>>(&self, market: &M) -> Result<(), PlayError<M::Error>> {
        self.truth.fit(market.types(), market.signals())?;
        let days = match &self.calendar {
            Calendar::Listed(days) => days,
            Calendar::Drawn { days, law } if law.types() != days.len() => {
                let (found, accepted) = (law.types(), days.len());
                let words =
                    format!("found {found} probabilities, accepted is one for each of the {accepted} days");
                return Err(PlayError::Calendar(words));
            }
            Calendar::Drawn { days, .. } => days,
        };
        if days.is_empty() {
            return Err(PlayError::Calendar("found no days, accepted is at least one".into()));
        }
        let wrong = |(at, day): (usize, &Day)| Some((at, market.check(day, None).err()?));
        match days.iter().enumerate().find_map(wrong) {
            Some((at, error)) => Err(PlayError::Calendar(format!("day {at} of the list, {error}"))),
            None => Ok(()),
        }
    }

    /// The next day, with its number from 1.
    ///
    /// # Panics
    /// Days or types cannot be drawn for this market, see [`check`](Self::check).
    pub fn next<M: Market<Day = Day>>(&mut self, market: &M, number: u64) -> Natural<Day, M::Draw> {
        let day = self.calendar.at(number, &mut self.days);
        let signal = market.signal(&day);
        let truth = &self.truth;
        let types =
            self.types.iter_mut().enumerate().map(|(i, rng)| truth.law(i, signal).draw(rng)).collect();
        let draw = market.draw(&day, &mut self.draws);
        Natural { day, types, draw, coin: self.coins.random() }
    }
}

/// A season as it was played.
#[derive(Debug)]
pub struct Played<M: Market> {
    /// Days played.
    pub days: u64,
    /// What the decisions were truly worth to every player, summed, money.
    pub valuation: Vec<f64>,
    /// On how many days each player bid something else than her type.
    pub lies: Vec<u64>,
    /// Payments, penalties, flags; the record.
    pub books: Books<M>,
}

impl<M: Market> Played<M> {
    /// Average utility of a player a day, without penalties, money.
    pub fn before_penalties(&self, player: AgentId) -> f64 {
        (self.valuation[player] - self.totals().payment[player]) / self.days as f64
    }

    /// Average utility of a player a day, with penalties, money.
    pub fn utility(&self, player: AgentId) -> f64 {
        self.before_penalties(player) - self.totals().penalty[player] / self.days as f64
    }

    /// Average welfare a day: values less the planner's cost, money.
    pub fn welfare(&self) -> f64 {
        (self.valuation.iter().sum::<f64>() - self.totals().cost) / self.days as f64
    }

    /// Sums over the days.
    pub fn totals(&self) -> &Totals {
        self.books.totals()
    }
}

/// What an observer of a simulation sees of a day.
#[derive(Debug)]
pub struct Step<'a, M: Market> {
    /// What nature decided.
    pub natural: &'a Natural<M::Day, M::Draw>,
    /// The bids.
    pub bids: &'a [usize],
    /// What the decision is truly worth to every player.
    pub valuation: &'a [f64],
    /// Decision and payments.
    pub view: DayView<'a, M>,
}

/// Why a season could not be played.
#[derive(Debug, thiserror::Error)]
pub enum PlayError<E: std::error::Error + 'static> {
    /// It could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError<E>),
    /// A day could not be settled.
    #[error(transparent)]
    Day(#[from] DayError),
    /// The true laws do not fit the players.
    #[error("true laws: {0}")]
    Truth(#[from] SupertypeError),
    /// A calendar that has no day, or one that cannot be.
    #[error("calendar: {0}")]
    Calendar(String),
    /// Nothing to play.
    #[error("days: found 0, accepted is at least 1")]
    Days,
    /// Not one bidder for each player.
    #[error("found {found} bidders, accepted is one for each of the {players} players")]
    Bidders {
        /// How many.
        found: usize,
        /// How many players.
        players: usize,
    },
}

/// What a season is played with.
pub struct Setting<'a, M: Market> {
    /// The market.
    pub market: &'a M,
    /// What players report.
    pub reports: Supertypes,
    /// The tests.
    pub terms: Terms,
    /// Days to play.
    pub days: u64,
    /// Seed of what bidders randomise.
    pub seed: u64,
}

/// Plays a season. `observe` sees every day; it returns whether to go on.
///
/// # Errors
/// The season cannot be opened, a day cannot be settled, nature does not fit the market, or the number of bidders is
/// wrong.
pub fn play<M: Market>(
    setting: Setting<'_, M>,
    nature: &mut Nature<M::Day>,
    bidders: &mut [Box<dyn Bidder>],
    mut observe: impl FnMut(Step<'_, M>) -> bool,
) -> Result<Played<M>, PlayError<M::Error>> {
    let Setting { market, reports, terms, days, seed } = setting;
    let players = market.types().len();
    if bidders.len() != players {
        return Err(PlayError::Bidders { found: bidders.len(), players });
    }
    if days == 0 {
        return Err(PlayError::Days);
    }
    nature.check(market)?;
    let mut season = Season::open(market, reports, terms)?;
    let mut rngs: Vec<ChaCha8Rng> = (0..players as u64).map(|i| stream(seed, Purpose::Strategy, i)).collect();
    let (mut bids, mut values) = (Vec::with_capacity(players), vec![0.0; players]);
    let (mut valuation, mut lies) = (vec![0.0; players], vec![0_u64; players]);
    let mut played = 0;
    for number in 1..=days {
        let natural = nature.next(market, number);
        bids.clear();
        for (player, bidder) in bidders.iter_mut().enumerate() {
            let tests = season.tests();
            let bid = bidder.bid(Sight {
                player,
                day: number,
                signal: market.signal(&natural.day),
                own: natural.types[player],
                reports: tests.reports(),
                record: tests.record(),
                threshold: tests.threshold(player),
                coin: natural.coin,
                before: &bids,
                rng: &mut rngs[player],
            });
            lies[player] += u64::from(bid != natural.types[player]);
            bids.push(bid);
        }
        let view = season.day(&natural.day, &bids, &natural.draw)?;
        for i in 0..players {
            values[i] = market.value(&natural.day, i, natural.types[i], &view.settled.decision);
            valuation[i] += values[i];
        }
        played = number;
        if !observe(Step { natural: &natural, bids: &bids, valuation: &values, view }) {
            break;
        }
    }
    Ok(Played { days: played, valuation, lies, books: season.into_books() })
}

/// Settles recorded days again: the same payments and flags, bit for bit.
///
/// # Errors
/// The season cannot be opened, or a day of the record cannot be settled.
pub fn replay<'d, M: Market>(
    market: &M,
    reports: Supertypes,
    terms: Terms,
    days: impl IntoIterator<Item = (&'d M::Day, &'d [usize], &'d M::Draw)>,
) -> Result<Books<M>, PlayError<M::Error>>
where
    M::Day: 'd,
    M::Draw: 'd,
{
    let mut season = Season::open(market, reports, terms)?;
    for (day, bids, draw) in days {
        season.day(day, bids, draw)?;
    }
    Ok(season.into_books())
}
