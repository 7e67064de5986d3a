//! From a pivot scenario to everything that is reported about it: what can be expected, what is promised, and one run.
//!
//! Everything that can be expected is exact where all joint states were solved; where there are too many of them it is
//! left out, and a note says so. The run is one draw of all types and outcomes with truthful players.

mod document;
mod expected;
mod notes;
mod pictures;
mod promises;
mod reports;
pub(super) mod start;
mod tables;
#[cfg(test)]
mod tests;

use std::sync::{Arc, OnceLock};

use vickrey::audit::{AuditOptions, Effort, Progress};
use vickrey::pivot::audit::{ModeSummary, compare, outlook, summary};
use vickrey::pivot::protocol::PivotError;
use vickrey::pivot::simulate::{Game, Step};
use vickrey::pivot::solve::product::Tables;
use vickrey::pivot::solve::{SolveError, solve};
use vickrey::pivot::{Model, PaymentTime, PivotMechanism, Solution};

pub use document::{
    Accounts, Expectation, FinerGrids, PivotPart, PivotSummary, PlayerRow, RulingRow, StartRow, TraceRow,
};
pub use expected::Forecast;
pub use promises::Unchecked;
pub use reports::utilities;
pub use start::Start;

use crate::{PivotScenario, Scenario};

/// Up to so many numbers tables of all rulings are kept.
const MOST_ENTRIES: usize = 1 << 24;
/// Up to so many states times periods the value of deciding without a player is computed in all of them.
const MOST_ALONE: f64 = 2e6;

/// A pivot scenario: its solution, what can be expected of it, and one run.
#[derive(Debug)]
pub struct PivotResult<'a> {
    /// The file's head.
    pub scenario: &'a Scenario,
    /// Its instance as it was read.
    pub pivot: &'a PivotScenario,
    /// Decisions, payments and values.
    pub solution: Arc<Solution>,
    /// Who may have which type at the start.
    pub start: Start,
    /// What can be expected at the start: of everybody together, and of every player.
    pub outlook: Outlook,
    /// Payments and utilities by period in expectation; none if that takes too long.
    pub forecast: Option<Forecast>,
    /// What is promised and whether it holds; or why that was not looked at.
    pub promises: Result<ModeSummary, Unchecked>,
    /// One run with truthful players.
    pub run: Vec<Step>,
    /// Decisions and payments of every period in all joint states; empty if they are too many.
    rulings: Vec<Tables>,
    modes: OnceLock<Option<Vec<ModeSummary>>>,
}

/// What can be expected at the start, averaged over the types there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outlook {
    /// Everybody together.
    pub value: Option<f64>,
    /// What the others are measured against, by player.
    pub reference: Vec<Option<f64>>,
    /// Every player, payments taken off.
    pub truthful: Vec<Option<f64>>,
    /// Payments of the first period.
    pub first_payment: Vec<f64>,
    /// Every player, if the others decide without her.
    pub opt_out: Vec<Option<f64>>,
    /// What is stated that every player has if she walks away.
    pub outside: Vec<f64>,
}

/// Why a pivot scenario cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum PivotRunError {
    /// It cannot be solved.
    #[error(transparent)]
    Solve(#[from] SolveError),
    /// It cannot be played.
    #[error(transparent)]
    Play(#[from] PivotError),
}

impl<'a> PivotResult<'a> {
    /// Solves the instance, works out what can be expected, and plays one run with the scenario's seed.
    ///
    /// # Errors
    /// The values do not fit the memory that is allowed, or an infinite horizon cannot be solved to the tolerance.
    pub fn solve(
        scenario: &'a Scenario,
        pivot: &'a PivotScenario,
        progress: Progress<'_>,
    ) -> Result<Self, PivotRunError> {
        let solution = Arc::new(solve(&pivot.model, &pivot.options(), &|share| progress(0.5 * share))?);
        let start = Start::of(&pivot.model, scenario.seed);
        let rulings = rulings(&solution);
        progress(0.6);
        let forecast = solution.product().and_then(|product| Forecast::of(product, &start));
        progress(0.7);
        let mechanism = PivotMechanism::new(solution.clone(), pivot.options(), pivot.terms())?;
        let game = Game::new(mechanism, false);
        let run = game.trace(&[], scenario.seed)?;
        let promises = promised(&game, pivot.payment, scenario.seed)?;
        progress(0.9);
        let outlook = Outlook::of(&solution, pivot, &start, &promises);
        progress(1.0);
        let modes = OnceLock::new();
        Ok(Self { scenario, pivot, solution, start, outlook, forecast, promises, run, rulings, modes })
    }

    /// The instance.
    pub fn model(&self) -> &Model {
        self.solution.model()
    }

    /// Up to so many joint states all of them are solved to compare the modes, however the instance itself is solved.
    pub const MOST_COMPARED: f64 = 1e6;

    /// What holds in each of the three modes; none if there are too many joint states.
    pub fn modes(&self) -> Option<&[ModeSummary]> {
        self.modes_with(Effort::Quick, &|_| ())
    }

    /// The same with another effort; computed once.
    pub fn modes_with(&self, effort: Effort, progress: Progress<'_>) -> Option<&[ModeSummary]> {
        let found = self.modes.get_or_init(|| {
            if self.joint_states() > Self::MOST_COMPARED {
                return None;
            }
            let options = AuditOptions { seed: self.scenario.seed, effort };
            compare(self.model(), &self.pivot.options(), &options, self.pivot.payment, progress).ok()
        });
        found.as_deref()
    }

    /// Number of joint states, possibly more than can be counted.
    pub fn joint_states(&self) -> f64 {
        self.pivot.joint_states()
    }
}

/// Decisions and payments in all states and periods, if they are not too many.
fn rulings(solution: &Solution) -> Vec<Tables> {
    let Some(product) = solution.product() else { return Vec::new() };
    let (model, periods) = (product.model(), product.periods());
    let width = model.players() + model.outcomes();
    let entries = product.space().size().saturating_mul(width).saturating_mul(periods);
    if entries > MOST_ENTRIES { Vec::new() } else { (0..periods).map(|t| product.tables(t)).collect() }
}

fn promised(game: &Game, time: PaymentTime, seed: u64) -> Result<Result<ModeSummary, Unchecked>, PivotError> {
    Ok(match game.mechanism().solution().product() {
        Some(product) => Ok(summary(product, &AuditOptions { seed, effort: Effort::Quick }, time)),
        None => Err(Unchecked::of(game, seed)?),
    })
}

impl Outlook {
    fn of(
        solution: &Solution,
        pivot: &PivotScenario,
        start: &Start,
        promises: &Result<ModeSummary, Unchecked>,
    ) -> Self {
        let model = solution.model();
        let players = 0..model.players();
        let none = vec![Some(0.0); model.players()];
        let mut found = Self {
            value: Some(0.0),
            reference: none.clone(),
            truthful: none,
            first_payment: vec![0.0; model.players()],
            opt_out: vec![None; model.players()],
            outside: vec![0.0; model.players()],
        };
        let plus = |sum: &mut Option<f64>, weight: f64, x: Option<f64>| {
            *sum = sum.and_then(|sum| Some(sum + weight * x?));
        };
        for (state, weight) in &start.states {
            // States of the start belong to the instance, and the first period can always be ruled in.
            let Ok(ruling) = solution.ruling(0, state) else { continue };
            plus(&mut found.value, *weight, ruling.value);
            for i in players.clone() {
                let reference = ruling.reference.as_ref().map(|of| of[i]);
                plus(&mut found.reference[i], *weight, reference);
                plus(&mut found.truthful[i], *weight, ruling.truthful(i));
                found.first_payment[i] += weight * ruling.payment[i];
                found.outside[i] += weight * model.outside(i, 0, state.public, state.types[i]);
            }
        }
        found.opt_outs(solution, pivot, start, promises);
        found
    }

    /// What players have if the others decide without them, where that was looked at in all states.
    fn opt_outs(
        &mut self,
        solution: &Solution,
        pivot: &PivotScenario,
        start: &Start,
        promises: &Result<ModeSummary, Unchecked>,
    ) {
        let Some(product) = solution.product() else { return };
        let whole = promises.as_ref().is_ok_and(|found| found.drawn.is_none() && !found.opt_out.is_empty());
        if !whole || product.space().size_in_words() * product.periods() as f64 > MOST_ALONE {
            return;
        }
        let all = outlook(product, pivot.payment);
        let Some(first) = all.first() else { return };
        for (mean, values) in self.opt_out.iter_mut().zip(&first.opt_out) {
            let of = |(state, weight): &(_, f64)| weight * values[product.space().index(state)];
            *mean = Some(start.states.iter().map(of).sum());
        }
    }
}
