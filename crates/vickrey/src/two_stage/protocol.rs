//! The mechanism as a protocol: laws once, then sealed bids every day.
//!
//! The first stage asks for laws. Every day after it has two stages (one if bids are not sealed):
//!
//! 1. **seal**: everybody commits to a bid;
//! 2. **bid**: bids are opened; the decision follows, and nature says what comes after the bids and what is publicly known
//!    of the next day.
//!
//! **A bid that does not arrive** (silent, refused, or not what was sealed) counts as the player's declared default type,
//! is on record as missing, and is tested like any other bid: who bids too seldom is flagged as who bids falsely. Openings
//! must therefore reach the operator unseen by the other players, or at the same moment: who saw another's bid before she
//! decides whether to open her own could make her default follow it, and tests of the honest one would see that. For the
//! same reason bids that are not sealed are safe only if nobody can see one before sending hers. **A law
//! that does not arrive** leaves the season unopened: nothing can be decided without it, and the error says whose it is.

use super::law::{Law, Supertypes};
use super::market::{Market, Settled};
use super::season::{Books, DayError, OpenError, Season};
use super::test::{Flags, MOST_DAYS, Terms};
use crate::mechanism::{AgentId, Arrival, Mechanism, Next, Rejection};
use crate::seal::seal;
pub use crate::seal::{Salt, Seal};

/// The commitment of a player to a bid.
pub fn seal_bid(day: u64, agent: AgentId, bid: usize, salt: &Salt) -> Seal {
    seal(b"vickrey two-stage bid", &[day, agent as u64, bid as u64], salt)
}

/// The two-stage mechanism around a market.
#[derive(Clone, Debug)]
pub struct TwoStage<M> {
    market: M,
    terms: Terms,
    sealed: bool,
    days: u64,
    defaults: Vec<usize>,
}

/// What is asked for in a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Laws, once.
    Laws,
    /// Commitments to the bids of a day.
    Seal,
    /// The bids of a day.
    Bid,
}

/// What the coordinator remembers.
#[derive(Debug)]
pub struct TwoStageState<M: Market> {
    phase: Phase,
    /// The season; none before laws are in and the first day is announced.
    books: Option<Books<M>>,
    /// A season whose first day is not announced yet.
    opened: Option<Books<M>>,
    /// What is publicly known of the day.
    today: Option<M::Day>,
    seals: Vec<Option<Seal>>,
    bids: Vec<usize>,
    missing: Vec<AgentId>,
    missed: Vec<u64>,
}

impl<M: Market> Clone for TwoStageState<M> {
    fn clone(&self) -> Self {
        Self {
            phase: self.phase,
            books: self.books.clone(),
            opened: self.opened.clone(),
            today: self.today.clone(),
            seals: self.seals.clone(),
            bids: self.bids.clone(),
            missing: self.missing.clone(),
            missed: self.missed.clone(),
        }
    }
}

/// What a player is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice<Day, Decision> {
    /// What is asked for.
    pub phase: Phase,
    /// The day, from 1; 0 before the season.
    pub day: u64,
    /// What is publicly known of it.
    pub today: Option<Day>,
    /// What was decided on the day before.
    pub decided: Option<Decision>,
    /// What she paid for the day before, with penalties.
    pub paid: f64,
    /// Which of her tests failed the day before.
    pub flags: Flags,
}

/// What a player sends.
#[derive(Clone, Debug, PartialEq)]
pub enum Report {
    /// Her law, or one for every public signal.
    Laws(Vec<Law>),
    /// A commitment.
    Seal(Seal),
    /// A type, and the salt of its commitment if bids are sealed.
    Bid {
        /// The type.
        own: usize,
        /// What the commitment was made with.
        salt: Option<Salt>,
    },
}

/// What nature says at the end of a stage.
#[derive(Clone, Debug, PartialEq)]
pub struct Said<Day, Draw> {
    /// After bids: what it adds to the day.
    pub draw: Option<Draw>,
    /// After laws and after bids: what is publicly known of the next day.
    pub next: Option<Day>,
}

/// What a stage decides.
#[derive(Clone, Debug, PartialEq)]
pub struct TwoStageOutcome<D> {
    /// Which stage it was.
    pub phase: Phase,
    /// The day, from 1; 0 before the season.
    pub day: u64,
    /// Bids that counted, by player; empty except after bids.
    pub bids: Vec<usize>,
    /// Whose bid was missing.
    pub missing: Vec<AgentId>,
    /// The day before penalties; none except after bids.
    pub settled: Option<Settled<D>>,
    /// What everybody pays, with penalties; 0 except after bids.
    pub payment: Vec<f64>,
    /// Which tests everybody fails.
    pub flags: Vec<Flags>,
}

/// Why a stage cannot be settled.
#[derive(Debug, thiserror::Error)]
pub enum TwoStageError<E: std::error::Error + Send + Sync + 'static> {
    /// A player's law is missing or was refused.
    #[error("player {player}: found no usable law, accepted is one before the season opens ({why})")]
    Law {
        /// Who.
        player: AgentId,
        /// What arrived.
        why: String,
    },
    /// The season cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError<E>),
    /// The day cannot be settled.
    #[error(transparent)]
    Day(#[from] DayError),
    /// Nature said something that does not belong to the stage.
    #[error("day {day}, nature: found {found}, accepted is {accepted}")]
    Nature {
        /// Counted from 1.
        day: u64,
        /// What it said.
        found: &'static str,
        /// What is expected.
        accepted: &'static str,
    },
}

/// Why a mechanism cannot be set up.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{field}: found {found}, accepted is {accepted}")]
pub struct SetUpError {
    /// Which part.
    pub field: String,
    /// What was found.
    pub found: String,
    /// What is accepted.
    pub accepted: String,
}

impl<M: Market> TwoStage<M> {
    /// A mechanism for so many days. `defaults`: the types that count if bids are missing (none given: the market's).
    ///
    /// # Errors
    /// There are no days or too many, terms are not acceptable or flag nobody on any day, or a default is no type.
    pub fn new(
        market: M,
        terms: Terms,
        sealed: bool,
        days: u64,
        defaults: Option<Vec<usize>>,
    ) -> Result<Self, SetUpError> {
        let wrong = |field: &str, found: String, accepted: String| SetUpError {
            field: field.into(),
            found,
            accepted,
        };
        terms.check().map_err(|e| wrong(e.field, e.found, e.accepted.into()))?;
        if days == 0 || days > MOST_DAYS / 2 {
            return Err(wrong("days", days.to_string(), format!("1 to {}", MOST_DAYS / 2)));
        }
        if terms.burn_in >= days {
            let accepted = format!("fewer than the {days} days (or nobody would ever be flagged)");
            return Err(wrong("burn_in", terms.burn_in.to_string(), accepted));
        }
        let own = |i: AgentId| market.default_type(i);
        let types = market.types();
        let defaults = defaults.unwrap_or_else(|| (0..types.len()).map(own).collect());
        if defaults.len() != types.len() {
            let accepted = format!("one type for each of the {} players", types.len());
            return Err(wrong("defaults", defaults.len().to_string(), accepted));
        }
        if let Some(i) = (0..types.len()).find(|i| defaults[*i] >= types[*i]) {
            let accepted = format!("a number below {}", types[i]);
            return Err(wrong(&format!("default of player {i}"), defaults[i].to_string(), accepted));
        }
        Ok(Self { market, terms, sealed, days, defaults })
    }

    /// The market.
    pub fn market(&self) -> &M {
        &self.market
    }

    /// Days of the season.
    pub fn days(&self) -> u64 {
        self.days
    }

    /// Whether bids are committed to before any is opened.
    pub fn sealed(&self) -> bool {
        self.sealed
    }

    /// The tests and penalties.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// The books of a season under way.
    pub fn books<'s>(&self, state: &'s TwoStageState<M>) -> Option<&'s Books<M>> {
        state.books.as_ref()
    }

    /// On how many days each player's bid was missing. To be read with her flags: missing bids count as defaults.
    pub fn missed<'s>(&self, state: &'s TwoStageState<M>) -> &'s [u64] {
        &state.missed
    }

    fn day(state: &TwoStageState<M>) -> u64 {
        state.books.as_ref().map_or(0, |books| books.record().days() as u64 + 1)
    }

    fn refuse<T>(agent: AgentId, field: &str, found: String, accepted: String) -> Result<T, Rejection> {
        Err(Rejection { agent, field: field.into(), found, accepted })
    }

    fn admit_laws(&self, agent: AgentId, laws: &[Law]) -> Result<(), Rejection> {
        let (types, signals) = (self.market.types()[agent], self.market.signals());
        if laws.len() != 1 && laws.len() != signals {
            let accepted = format!("1 or one for each of the {signals} public signals");
            return Self::refuse(agent, "number of laws", laws.len().to_string(), accepted);
        }
        match laws.iter().position(|law| law.types() != types) {
            Some(w) => {
                let field = format!("law for signal {w}");
                let found = format!("{} probabilities", laws[w].types());
                Self::refuse(agent, &field, found, format!("one for each of the {types} types"))
            }
            None => Ok(()),
        }
    }

    /// The bid that counts, and whether it is the player's.
    fn counted(&self, state: &TwoStageState<M>, agent: AgentId, arrival: &Arrival<Report>) -> Option<usize> {
        match arrival.report() {
            Some(Report::Bid { own, .. }) if !self.sealed || state.seals[agent].is_some() => Some(*own),
            _ => None,
        }
    }

    /// Opens the season with these laws.
    fn open(&self, arrivals: Vec<Arrival<Report>>) -> Result<Books<M>, TwoStageError<M::Error>> {
        let mut laws = Vec::with_capacity(arrivals.len());
        for (player, arrival) in arrivals.into_iter().enumerate() {
            laws.push(match arrival {
                Arrival::Admitted(Report::Laws(laws)) => laws,
                Arrival::Refused(rejection) => {
                    return Err(TwoStageError::Law { player, why: rejection.to_string() });
                }
                _ => return Err(TwoStageError::Law { player, why: "nothing arrived".into() }),
            });
        }
        let reports = Supertypes::new(self.market.signals(), laws).map_err(OpenError::Reports)?;
        Ok(Season::open(&self.market, reports, self.terms)?.into_books())
    }

    /// What is publicly known of the next day, if there is one.
    fn tomorrow(&self, day: u64, said: Option<M::Day>) -> Result<Option<M::Day>, TwoStageError<M::Error>> {
        if day > self.days {
            return Ok(None);
        }
        let Some(next) = said else {
            let accepted = "what is publicly known of the next day";
            return Err(TwoStageError::Nature { day, found: "nothing", accepted });
        };
        self.market.check(&next, None).map_err(|source| DayError::Nature { day, source })?;
        Ok(Some(next))
    }

    fn first_phase(&self) -> Phase {
        if self.sealed { Phase::Seal } else { Phase::Bid }
    }
}

impl<M: Market> Mechanism for TwoStage<M> {
    type State = TwoStageState<M>;
    type Announcement = Notice<M::Day, M::Decision>;
    type Report = Report;
    type Message = std::convert::Infallible;
    type Shock = Said<M::Day, M::Draw>;
    type Outcome = TwoStageOutcome<M::Decision>;
    type Error = TwoStageError<M::Error>;

    fn agents(&self) -> usize {
        self.market.types().len()
    }

    fn start(&self) -> TwoStageState<M> {
        let players = self.agents();
        TwoStageState {
            phase: Phase::Laws,
            books: None,
            opened: None,
            today: None,
            seals: vec![None; players],
            bids: Vec::new(),
            missing: Vec::new(),
            missed: vec![0; players],
        }
    }

    fn next(&self, state: &TwoStageState<M>) -> Next {
        if Self::day(state) > self.days { Next::Finished } else { Next::Collect }
    }

    fn announce(&self, state: &TwoStageState<M>, agent: AgentId) -> Option<Self::Announcement> {
        let (paid, flags) = match &state.books {
            Some(books) => (books.payment()[agent], books.flags(agent)),
            None => (0.0, Flags::default()),
        };
        let last = state.books.as_ref().filter(|books| books.record().days() > 0);
        let decided = last.map(|books| books.settled().decision.clone());
        let today = state.today.clone();
        Some(Notice { phase: state.phase, day: Self::day(state), today, decided, paid, flags })
    }

    fn admit(&self, state: &TwoStageState<M>, agent: AgentId, report: &Report) -> Result<(), Rejection> {
        match (state.phase, report) {
            (Phase::Laws, Report::Laws(laws)) => self.admit_laws(agent, laws),
            (Phase::Seal, Report::Seal(_)) => Ok(()),
            (Phase::Bid, Report::Bid { own, salt }) => {
                let types = self.market.types()[agent];
                if *own >= types {
                    return Self::refuse(agent, "bid", own.to_string(), format!("a number below {types}"));
                }
                if !self.sealed {
                    return Ok(());
                }
                let day = Self::day(state);
                let opened = salt.map(|salt| seal_bid(day, agent, *own, &salt));
                match (state.seals[agent], opened) {
                    (Some(seal), Some(opened)) if seal == opened => Ok(()),
                    (None, _) => Self::refuse(
                        agent,
                        "bid",
                        "a bid without a commitment".into(),
                        "bids that were committed to".into(),
                    ),
                    _ => Self::refuse(
                        agent,
                        "salt",
                        "one that does not open the commitment".into(),
                        "the bid and the salt that the commitment was made with".into(),
                    ),
                }
            }
            (phase, _) => {
                let accepted = match phase {
                    Phase::Laws => "laws",
                    Phase::Seal => "a commitment",
                    Phase::Bid => "a bid",
                };
                Self::refuse(agent, "kind of report", "another kind".into(), accepted.into())
            }
        }
    }

    fn close(
        &self,
        state: &mut TwoStageState<M>,
        arrivals: Vec<Arrival<Report>>,
    ) -> Result<(), TwoStageError<M::Error>> {
        match state.phase {
            Phase::Laws => state.opened = Some(self.open(arrivals)?),
            Phase::Seal => {
                for (seal, arrival) in state.seals.iter_mut().zip(&arrivals) {
                    *seal = match arrival.report() {
                        Some(Report::Seal(found)) => Some(*found),
                        _ => None,
                    };
                }
            }
            Phase::Bid => {
                let bids: Vec<Option<usize>> =
                    arrivals.iter().enumerate().map(|(i, arrival)| self.counted(state, i, arrival)).collect();
                state.missing = (0..bids.len()).filter(|i| bids[*i].is_none()).collect();
                state.bids =
                    bids.iter().zip(&self.defaults).map(|(bid, default)| bid.unwrap_or(*default)).collect();
            }
        }
        Ok(())
    }

    fn settle(
        &self,
        state: &mut TwoStageState<M>,
        shock: Said<M::Day, M::Draw>,
    ) -> Result<TwoStageOutcome<M::Decision>, TwoStageError<M::Error>> {
        let (phase, day) = (state.phase, Self::day(state));
        let players = self.agents();
        let mut outcome = TwoStageOutcome {
            phase,
            day,
            bids: Vec::new(),
            missing: Vec::new(),
            settled: None,
            payment: vec![0.0; players],
            flags: vec![Flags::default(); players],
        };
        if day > self.days {
            return Err(TwoStageError::Nature {
                day,
                found: "a day",
                accepted: "nothing: the season is over",
            });
        }
        if shock.draw.is_some() && phase != Phase::Bid {
            let (found, accepted) = ("what comes after bids", "nothing: there are no bids yet");
            return Err(TwoStageError::Nature { day, found, accepted });
        }
        match phase {
            Phase::Laws => {
                outcome.day = 0;
                let next = self.tomorrow(1, shock.next)?;
                if state.opened.is_none() {
                    let (found, accepted) = ("a day", "laws before it");
                    return Err(TwoStageError::Nature { day, found, accepted });
                }
                (state.books, state.today) = (state.opened.take(), next);
                state.phase = self.first_phase();
            }
            Phase::Seal => state.phase = Phase::Bid,
            Phase::Bid => {
                let Some(draw) = shock.draw else {
                    return Err(TwoStageError::Nature {
                        day,
                        found: "nothing",
                        accepted: "what comes after the bids",
                    });
                };
                let next = self.tomorrow(day + 1, shock.next)?;
                // Both are there in this phase; nothing is taken before that is seen.
                if state.books.is_none() || state.today.is_none() {
                    return Err(TwoStageError::Nature { day, found: "no day", accepted: "an announced day" });
                }
                let (Some(books), Some(today)) = (state.books.take(), state.today.take()) else {
                    unreachable!("looked at just now")
                };
                let mut season = Season::resume(&self.market, books);
                let settled = season.day(&today, &state.bids, &draw).map(|_| ());
                let books = season.into_books();
                if let Err(error) = settled {
                    (state.books, state.today) = (Some(books), Some(today));
                    return Err(error.into());
                }
                outcome.settled = Some(books.settled().clone());
                outcome.payment = books.payment().to_vec();
                outcome.flags = (0..players).map(|i| books.flags(i)).collect();
                outcome.bids = std::mem::take(&mut state.bids);
                outcome.missing = std::mem::take(&mut state.missing);
                outcome.missing.iter().for_each(|&i| state.missed[i] += 1);
                (state.books, state.today) = (Some(books), next);
                state.phase = self.first_phase();
                state.seals.iter_mut().for_each(|seal| *seal = None);
            }
        }
        Ok(outcome)
    }

    fn payments<'a>(&self, outcome: &'a TwoStageOutcome<M::Decision>) -> &'a [f64] {
        &outcome.payment
    }
}
