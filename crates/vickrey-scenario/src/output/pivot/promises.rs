//! What a run shows of the promises of an instance that has no table of all its joint states; audits search further.

use serde::Serialize;
use vickrey::pivot::audit::Low;
use vickrey::pivot::protocol::PivotError;
use vickrey::pivot::simulate::{Game, Step};
use vickrey::pivot::{Model, Solution};

use super::tables::state_words;

/// So many truthful runs are looked at.
const RUNS: u64 = 20;

/// What was seen in a few runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Unchecked {
    /// Why not all states were looked at.
    pub why: String,
    /// States that were met in truthful runs.
    pub states: u64,
    /// The smallest payment there.
    pub payment: Low,
    /// The least that a player could expect there; none without values.
    pub truthful: Option<Low>,
}

impl Unchecked {
    /// Plays a few truthful games and looks at the states they meet.
    pub(super) fn of(game: &Game, seed: u64) -> Result<Self, PivotError> {
        let solution = game.mechanism().solution();
        let model = solution.model();
        let nothing = || Low { value: f64::INFINITY, at: String::new() };
        let (mut payment, mut truthful, mut states) = (nothing(), nothing(), 0);
        for k in 0..RUNS {
            for step in game.trace(&[], seed.wrapping_add(k))? {
                states += 1;
                for i in 0..model.players() {
                    lower(&mut payment, step.payment[i], model, &step, i);
                    if let Some(value) = step.truthful[i] {
                        lower(&mut truthful, value, model, &step, i);
                    }
                }
            }
        }
        let truthful = truthful.value.is_finite().then_some(truthful);
        Ok(Self { why: why(solution), states, payment, truthful })
    }
}

fn lower(low: &mut Low, value: f64, model: &Model, step: &Step, player: usize) {
    if value < low.value {
        let name = &model.labels().players[player];
        let state = state_words(model, &step.state);
        *low = Low { value, at: format!("period {}, {state}: `{name}`", step.period) };
    }
}

fn why(solution: &Solution) -> String {
    format!(
        "the instance is solved {} and has no table of all joint states to search",
        match solution.structure() {
            vickrey::pivot::solve::Structure::Index => "by Gittins indices",
            vickrey::pivot::solve::Structure::Exchangeable => "on multisets of types",
            vickrey::pivot::solve::Structure::Static => "period by period",
            vickrey::pivot::solve::Structure::Product => "on all joint states",
        }
    )
}
