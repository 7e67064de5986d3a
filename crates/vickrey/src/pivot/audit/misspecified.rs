//! What lies gain if the mechanism works with another model than the true one.

use super::measure::settled;
use super::rules;
use super::turn::{Spot, Turn};
use super::words;
use crate::audit::Worst;
use crate::mechanism::AgentId;
use crate::pivot::mode::PaymentTime;
use crate::pivot::model::{Horizon, Model};
use crate::pivot::solve::problem::Problem;
use crate::pivot::solve::product::Product;
use std::sync::Arc;

/// What the best strategy of a player gains over truth, at the worst state of any period.
#[derive(Clone, Debug, PartialEq)]
pub struct Misspecified {
    /// The gain, in money.
    pub gain: f64,
    /// Period, state and first report in words.
    pub at: String,
}

/// The true model has other players, types, public states, decisions, outcomes or periods than the mechanism's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("true model: found {found}, accepted is {accepted}")]
pub struct MisspecifiedError {
    /// What the true model has.
    pub found: String,
    /// What the mechanism has.
    pub accepted: String,
}

/// What every player gains by her best strategy against truthful others, if types and the public state move and outcomes
/// fall as in `truth` while decisions and payments (fixed before the outcome) are those of the solution.
///
/// # Errors
/// The true model does not have the same states, decisions, outcomes and periods.
pub fn misspecified(product: &Product, truth: &Model) -> Result<Vec<Misspecified>, MisspecifiedError> {
    let (found, accepted) = (shape(truth), shape(product.model()));
    if found != accepted {
        return Err(MisspecifiedError { found, accepted });
    }
    if truth.periods().is_some_and(|periods| periods != product.periods()) {
        let found = format!("values of {} periods", product.periods());
        return Err(MisspecifiedError { found, accepted: "a solution that kept all".into() });
    }
    let world = Problem::whole(Arc::new(truth.clone()));
    let all: Vec<_> = (0..product.periods()).map(|t| rules(product, t)).collect();
    let gain = |i: AgentId| {
        let turn = |t: usize| {
            let time = PaymentTime::BeforeOutcome;
            Turn { world: &world, rules: &all[t], period: t, player: i, time }
        };
        let mut honest = end(&world, i);
        let mut best = honest.clone();
        let mut worst = Worst::default();
        for t in (0..all.len()).rev() {
            let turn = turn(t);
            let (one, other) = (
                settled(truth, &honest, &|x| turn.truthful(x)).0,
                settled(truth, &best, &|x| turn.best(x)).0,
            );
            let next = if truth.horizon() == Horizon::Infinite { &other } else { &best };
            let mut spot = Spot::default();
            one.iter().zip(&other).enumerate().for_each(|(k, (v, b))| spot.see(b - v, k, None, None));
            let state = world.space().state(spot.state, truth.players());
            spot.report = Some(turn.best_report(next, &state));
            spot.tell(&mut worst, |spot| words::spot(truth, world.space(), t, spot, Some(i)));
            (honest, best) = (one, other);
        }
        Misspecified { gain: worst.value, at: worst.at }
    };
    Ok((0..truth.players()).map(gain).collect())
}

fn end(world: &Problem, i: AgentId) -> Vec<f64> {
    let space = world.space();
    let value = |k| {
        let state = space.state(k, world.model().players());
        world.own_terminal(i, state.public, state.types[i])
    };
    (0..space.size()).map(value).collect()
}

fn shape(model: &Model) -> String {
    let types: Vec<usize> = (0..model.players()).map(|i| model.player(i).types).collect();
    let periods = model.periods().map_or("infinitely many".into(), |n| n.to_string());
    format!(
        "{} public states, types {types:?}, {} decisions, {} outcomes, {periods} periods",
        model.public().states,
        model.decisions(),
        model.outcomes()
    )
}
