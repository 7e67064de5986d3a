//! Scenarios with `mechanism = "two-stage"` and `mechanism = "demand-response"`: the same market every day.

mod demand_response;
mod game;
mod market;
mod players;
mod providers;
mod season;
mod series;
mod warn;

use vickrey::two_stage::demand;
use vickrey::two_stage::simulate::Calendar;
use vickrey::two_stage::strategies::Bidding;
use vickrey::two_stage::{Demand, Finite, Market, Penalty, Supertypes, Terms};

use self::season::TestTerms;
use super::sheet::{Desk, Sheet};

pub(super) use self::demand_response::read as demand_response;
pub(super) use self::game::read as game;

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

/// The season with the scale of its penalties: as the file says, or twice the largest difference that a type makes, so that
/// a flag costs more than a lie can bring from day 1 on.
fn finish<M: Market>(
    mut season: SeasonScenario,
    tests: &TestTerms,
    market: &M,
    spread: Option<f64>,
    desk: &mut Desk,
) -> Option<SeasonScenario> {
    let automatic = || {
        let spread = spread.or_else(|| market.spread())?;
        // Where types make no difference there is nothing to lie about, and any penalty does.
        Some(if spread > 0.0 { 2.0 * spread } else { 1.0 })
    };
    let Some(scale) = tests.scale.or_else(automatic) else {
        let message = "[tests]: `penalty-scale` is missing".to_owned();
        let help =
            "accepted: a number above 0; it cannot be found automatically where shortages have no bound";
        desk.at(tests.at.clone(), message, "`penalty-scale` is missing", help.to_owned());
        return None;
    };
    season.terms.penalty = Penalty { scale, ..season.terms.penalty };
    match season.terms.check() {
        Ok(()) => Some(season),
        Err(error) => {
            desk.at(tests.at.clone(), format!("[tests]: {error}"), "", String::new());
            None
        }
    }
}

/// Reports that there is nobody.
fn check_somebody(sheet: &Sheet<'_, '_>, count: usize, desk: &mut Desk) {
    if count == 0 && sheet.value("players").is_none_or(|value| value.get_ref().is_array()) {
        let help = "accepted: at least one, each in [[players]]".to_owned();
        desk.at(sheet.place("players"), "there are no players".to_owned(), "", help);
    }
}

/// Reports that something cannot be solved because it is too large.
fn check_size<E: std::error::Error>(
    fits: Result<(), E>,
    sheet: &Sheet<'_, '_>,
    desk: &mut Desk,
) -> Option<()> {
    fits.map_err(|error| {
        let help = "types that have probability 0 under all laws do not count".to_owned();
        desk.at(sheet.place("players"), error.to_string(), "too many types together", help);
    })
    .ok()
}
