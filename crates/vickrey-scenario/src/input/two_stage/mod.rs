//! Scenarios with `mechanism = "two-stage"` and `mechanism = "demand-response"`: the same market every day.

use vickrey::two_stage::demand;
use vickrey::two_stage::simulate::Calendar;
use vickrey::two_stage::strategies::Bidding;
use vickrey::two_stage::{Demand, Finite, Supertypes, Terms};

/// What all repeated markets have: players with laws, tests, days.
#[derive(Clone, Debug)]
pub struct SeasonScenario {
    /// Names of the players.
    pub players: Vec<String>,
    /// By player: labels of her types.
    pub types: Vec<Vec<String>>,
    /// Names of the public signals; one if there is only one.
    pub signals: Vec<String>,
    /// What the players report.
    pub reports: Supertypes,
    /// The laws that nature draws types by.
    pub truth: Supertypes,
    /// How the players bid in `run` and `simulate` if nothing else is said.
    pub bidding: Vec<Bidding>,
    /// The tests and penalties.
    pub terms: Terms,
    /// Days of a season.
    pub days: u64,
    /// Whether bids are committed to before any is opened.
    pub sealed: bool,
    /// By player: the type that counts if her bid is missing.
    pub defaults: Vec<usize>,
    /// Laws that were made from a named family: what was asked for and what the types have.
    pub discretised: Vec<Discretised>,
}

/// A law made from a named family.
#[derive(Clone, Debug, PartialEq)]
pub struct Discretised {
    /// Whose: a player's name, or "reserve", "shortage".
    pub whose: String,
    /// The family and its parameters in words.
    pub family: String,
    /// Number of types.
    pub types: usize,
    /// Mean and variance of the family.
    pub asked: [f64; 2],
    /// Mean and variance of the types.
    pub obtained: [f64; 2],
}

/// A finite game, every day.
#[derive(Clone, Debug)]
pub struct TwoStageScenario {
    /// Players, laws, tests, days.
    pub season: SeasonScenario,
    /// The game of a day, by public signal.
    pub market: Finite,
    /// Names of the first-stage outcomes.
    pub first: Vec<String>,
    /// Names of the second-stage outcomes.
    pub second: Vec<String>,
    /// Which signal a day has.
    pub calendar: Calendar<usize>,
}

/// The demand-response market, every day.
#[derive(Clone, Debug)]
pub struct DemandScenario {
    /// Players (providers), laws, tests, days.
    pub season: SeasonScenario,
    /// The market of a day.
    pub market: Demand,
    /// Signal and announced shortage of the days.
    pub calendar: Calendar<demand::Day>,
}
