//! What a player has for each of her reports.

use vickrey::mechanism::AgentId;
use vickrey::pivot::solve::product::Product;
use vickrey::pivot::solve::{State, StateError};

/// Up to so many joint states times decisions times types.
const MOST_WORK: f64 = 1e9;

/// What a player can expect by true type and report, in a period in which the public state and the others' types are
/// those of `state`: the decision's value, minus the payment, plus what truth brings from the next period on.
///
/// None if the instance is too large.
///
/// # Errors
/// The state is not one of the instance, or the period is not one in which rulings can be given.
pub fn utilities(
    product: &Product,
    player: AgentId,
    period: usize,
    state: &State,
) -> Result<Option<Vec<Vec<f64>>>, StateError> {
    let (model, space) = (product.model(), product.space());
    vickrey::pivot::solve::solution::check_state(model, state)?;
    if period >= model.periods().map_or(usize::MAX, |_| product.periods()) {
        return Err(StateError::Period { found: period, periods: product.periods() });
    }
    let types = model.player(player).types;
    let work = space.size_in_words() * (model.decisions() * types * types * (model.players() + 1)) as f64;
    if work > MOST_WORK {
        return Ok(None);
    }
    let later = truthful(product, player, period + 1);
    let with = |own: usize| {
        let mut state = state.clone();
        state.types[player] = own;
        state
    };
    let probabilities = model.probabilities(period, state.public);
    let rulings: Vec<_> = (0..types).map(|report| product.ruling(period, &with(report))).collect();
    let all = (0..types).map(|own| {
        let next: Vec<f64> =
            (0..model.decisions()).map(|a| follows(product, period, a, &with(own), &later)).collect();
        let of = |ruling: &vickrey::pivot::solve::ruling::Ruling| {
            let worth = |(mu, &a): (&f64, &usize)| {
                let now = model.player(player).utility.at(period, a, state.public)[own];
                mu * (now + model.discount() * next[a])
            };
            probabilities.iter().zip(&ruling.decision).map(worth).sum::<f64>() - ruling.payment[player]
        };
        rulings.iter().map(of).collect()
    });
    Ok(Some(all.collect()))
}

/// What a player can expect in all states from the beginning of a period on, if everybody is truthful.
fn truthful(product: &Product, player: AgentId, period: usize) -> Vec<f64> {
    let (space, references) = (product.space(), product.references(player, period));
    let (n, inner): (usize, usize) = (space.types[player], space.types[player + 1..].iter().product());
    let constant = product.own_constant(player, period);
    let of = |(at, value): (usize, &f64)| {
        let others = at / (n * inner) * inner + at % inner;
        value - references[others] + constant
    };
    product.values(period).iter().enumerate().map(of).collect()
}

/// Expectation over the next state, given the present one and the decision.
fn follows(product: &Product, period: usize, decision: usize, state: &State, later: &[f64]) -> f64 {
    let (model, space) = (product.model(), product.space());
    let block = space.block();
    let mut total = 0.0;
    for &(to, q) in model.public().moves.at(period, decision, state.public) {
        // One player's type after the other is averaged over, the last one first.
        let mut values = later[to * block..(to + 1) * block].to_vec();
        for (i, &own) in state.types.iter().enumerate().rev() {
            let row = model.player(i).moves.at(period, decision, state.public).row(own);
            let mean = |chunk: &[f64]| chunk.iter().zip(row).map(|(x, p)| x * p).sum();
            values = values.chunks(row.len()).map(mean).collect();
        }
        total += q * values[0];
    }
    total
}
