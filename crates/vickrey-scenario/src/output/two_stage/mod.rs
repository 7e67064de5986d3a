//! From a scenario of a repeated market to everything that is reported about it: what can be expected of a day, how long
//! lies stay unseen, and one season as the scenario says that it is played.
//!
//! Finite games and demand response differ in what [`Repeated`] says; everything else is the same for both.

mod course;
mod demand;
mod document;
mod finite;
mod notes;
mod pictures;
mod repeated;
mod tables;
#[cfg(test)]
pub(super) mod tests;

use vickrey::audit::Progress;
use vickrey::mechanism::AgentId;
use vickrey::two_stage::Market;
use vickrey::two_stage::season::{OpenError, Season};
use vickrey::two_stage::simulate::{Nature, PlayError, Setting, play};
use vickrey::two_stage::strategies::Bidding;

pub use course::{Checkpoint, Course, DayFacts, FlagCounts, MOST_DETAILS, PlayerFacts};
pub use demand::{Costs, Dispatched};
pub use document::{
    DayRow, Detection, DiscretisedRow, LawRow, PartOf, SeasonPart, SeasonPlayerRow, SeasonSummary,
    SeasonTotals, SignalRow, TermsRow, WindowRow,
};
pub use finite::FirstStage;
pub use notes::{bidding_words, mechanism_words};
pub use repeated::{DayOf, PlanOf, Promise, Quantities, Repeated, kinds};

use crate::Scenario;

/// So many players are watched: their averages and statistics are kept over the days, and they have colours.
pub const MOST_WATCHED: usize = crate::plot::Course::MOST_PLAYERS;

/// A scenario of a repeated market: what can be expected of it, and one season.
#[derive(Debug)]
pub struct SeasonResult<'a, R: Repeated> {
    /// The file's head.
    pub scenario: &'a Scenario,
    /// Its instance as it was read.
    pub of: &'a R,
    /// The season after its last day: plan, tests, totals.
    pub season: Season<'a, R::Market>,
    /// What can be expected of a day, averaged over the season's kinds of days.
    pub promise: Promise,
    /// The same by signal, with the share of days.
    pub by_signal: Vec<(f64, Promise)>,
    /// The season as it was played.
    pub course: Course<R::Facts>,
    /// By player: what the decisions were truly worth, summed.
    pub valuation: Vec<f64>,
    /// By player: days on which she bid something else than her type.
    pub lies: Vec<u64>,
    /// The kinds of days and their weights.
    days: Vec<(DayOf<R>, f64)>,
}

/// Why a scenario of a repeated market cannot be run: what it says, in words. `input`: the scenario asks for something that
/// is not possible.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct SeasonError {
    /// What is wrong.
    pub message: String,
    /// Whether the scenario is what is wrong.
    pub input: bool,
}

impl SeasonError {
    /// From what playing a season answers.
    pub fn of<E: std::error::Error + 'static>(error: &PlayError<E>) -> Self {
        let input = matches!(error, PlayError::Open(OpenError::Plan(_) | OpenError::Types { .. }));
        Self { message: error.to_string(), input }
    }
}

impl<'a, R: Repeated> SeasonResult<'a, R> {
    /// Solves the first stage, plays one season with the scenario's seed and bidding, and works out what can be expected.
    ///
    /// # Errors
    /// The market is too large to be solved, or nature says something that cannot be.
    pub fn solve(scenario: &'a Scenario, of: &'a R, progress: Progress<'_>) -> Result<Self, SeasonError> {
        let spec = of.season();
        let mut course = Course::new(spec.players.len(), spec.days, watched(of));
        let mut nature = Nature::new(spec.truth.clone(), of.calendar().clone(), scenario.seed);
        let mut bidders: Vec<_> = spec.bidding.iter().map(Bidding::bidder).collect();
        let setting = Setting {
            market: of.market(),
            reports: spec.reports.clone(),
            terms: spec.terms,
            days: spec.days,
            seed: scenario.seed,
        };
        let often = (spec.days / 200).max(1);
        let played = play(setting, &mut nature, &mut bidders, |step| {
            course.see(of, &step);
            if step.view.day.is_multiple_of(often) {
                progress(step.view.day as f64 / spec.days as f64);
            }
            true
        })
        .map_err(|error| SeasonError::of(&error))?;
        let season = Season::resume(of.market(), played.books);
        let days = kinds(of.calendar(), spec.days);
        let (promise, by_signal) = promises(of, season.plan(), &days);
        progress(1.0);
        let (valuation, lies) = (played.valuation, played.lies);
        Ok(Self { scenario, of, season, promise, by_signal, course, valuation, lies, days })
    }

    /// Number of players.
    pub fn players(&self) -> usize {
        self.of.season().players.len()
    }

    /// What the market says about days: all of them, or those with a signal.
    pub fn condition(&self, signal: Option<usize>) -> Option<R::Condition> {
        let market = self.of.market();
        let meant = |day: &DayOf<R>| signal.is_none_or(|w| market.signal(day) == w);
        let days: Vec<(&DayOf<R>, f64)> =
            self.days.iter().filter(|(day, _)| meant(day)).map(|(day, weight)| (day, *weight)).collect();
        let sum: f64 = days.iter().map(|(_, weight)| weight).sum();
        let days: Vec<(&DayOf<R>, f64)> = days.into_iter().map(|(day, weight)| (day, weight / sum)).collect();
        (!days.is_empty()).then(|| self.of.condition(self.season.plan(), &days))
    }
}

/// What can be expected: over all days, and by signal.
pub(crate) fn promises<R: Repeated>(
    of: &R,
    plan: &PlanOf<R>,
    days: &[(DayOf<R>, f64)],
) -> (Promise, Vec<(f64, Promise)>) {
    let players = of.season().players.len();
    let mut by_signal = vec![(0.0, Promise::zero(players)); of.market().signals()];
    let mut all = Promise::zero(players);
    for (day, weight) in days {
        let promise = of.promise(plan, day);
        all.add(*weight, &promise);
        let (share, sum) = &mut by_signal[of.market().signal(day)];
        *share += weight;
        sum.add(*weight, &promise);
    }
    for (share, promise) in by_signal.iter_mut().filter(|(share, _)| *share > 0.0) {
        let sums = std::mem::replace(promise, Promise::zero(players));
        promise.add(1.0 / *share, &sums);
    }
    (all, by_signal)
}

/// Whether a player of the scenario reports a law or bids otherwise than honestly.
pub fn is_honest<R: Repeated + ?Sized>(of: &R, player: AgentId) -> bool {
    let spec = of.season();
    let signals = 0..spec.signals.len().max(1);
    let mut laws = signals.map(|w| (spec.reports.law(player, w), spec.truth.law(player, w)));
    spec.bidding[player] == Bidding::Honest && laws.all(|(report, truth)| report == truth)
}

/// Players with colours: those who are not honest, then the first ones; in their order.
fn watched<R: Repeated>(of: &R) -> Vec<AgentId> {
    let players = of.season().players.len();
    let (mut first, honest): (Vec<AgentId>, Vec<AgentId>) = (0..players).partition(|&i| !is_honest(of, i));
    first.extend(honest);
    first.truncate(MOST_WATCHED);
    first.sort_unstable();
    first
}
