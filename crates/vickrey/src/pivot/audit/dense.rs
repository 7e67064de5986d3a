//! Expectations by summing over joint states one after the other: slow, and nothing in common with the solver.

use crate::mechanism::AgentId;
use crate::pivot::model::{Horizon, Model};
use crate::pivot::solve::problem::Problem;
use crate::pivot::solve::product::Product;
use crate::pivot::solve::space::{Space, State};

/// Expected value of `next` after a decision in a state.
pub(super) fn expectation(
    model: &Model,
    space: &Space,
    (period, decision): (usize, usize),
    state: &State,
    next: &[f64],
) -> f64 {
    let law = model.public().moves.at(period, decision, state.public);
    let rows: Vec<&[f64]> = state
        .types
        .iter()
        .enumerate()
        .map(|(i, &own)| model.player(i).moves.at(period, decision, state.public).row(own))
        .collect();
    law.iter().map(|&(public, p)| sum(&rows, &space.types, p, public, next)).sum()
}

/// Sum over the types of the players that are left; `at` numbers what is fixed.
fn sum(rows: &[&[f64]], types: &[usize], p: f64, at: usize, next: &[f64]) -> f64 {
    if p == 0.0 {
        return 0.0;
    }
    match (rows.split_first(), types.split_first()) {
        (Some((row, rows)), Some((n, types))) => {
            row.iter().enumerate().map(|(own, q)| sum(rows, types, p * q, at * n + own, next)).sum()
        }
        _ => p * next[at],
    }
}

/// What everybody together gets in a period and afterwards under given decisions (one for each outcome), without
/// constants.
pub(super) fn welfare(
    world: &Problem,
    period: usize,
    state: &State,
    decisions: &[usize],
    next: &[f64],
) -> f64 {
    let model = world.model();
    let mu = model.probabilities(period, state.public);
    let likely = decisions.iter().zip(mu).filter(|(_, mu)| **mu > 0.0);
    likely
        .map(|(&a, mu)| {
            let own = |i: usize| world.own(i, period, a, state.public)[state.types[i]];
            let now = world.public(period, a, state.public) + (0..model.players()).map(own).sum::<f64>();
            let later = expectation(model, world.space(), (period, a), state, next);
            mu * (now + model.discount() * later)
        })
        .sum()
}

/// By how much the tables that were worked with, constants added, miss those of the instance: the largest relative
/// difference of a utility of the public or a player, and of what is said to be the sum of the constants.
pub(super) fn tables(product: &Product) -> f64 {
    let model = product.model();
    let mut worst = 0.0_f64;
    for i in 0..model.players() {
        worst = worst.max(own_tables(product, i));
    }
    let (world, public) = (product.whole(), model.public());
    for t in 0..model.periods().unwrap_or(1) {
        let first = public.utility.at(t, 0, 0) - world.public(t, 0, 0);
        for (a, s) in places(model) {
            worst = worst.max(miss(*public.utility.at(t, a, s), world.public(t, a, s), first));
        }
        worst = worst.max(step(model, first, t, |t| world.public_constant(t)));
    }
    worst
}

fn own_tables(product: &Product, i: AgentId) -> f64 {
    let (model, world) = (product.model(), product.whole());
    let player = model.player(i);
    let mut worst = 0.0_f64;
    for t in 0..model.periods().unwrap_or(1) {
        let first = player.utility.at(t, 0, 0)[0] - world.own(i, t, 0, 0)[0];
        for (a, s) in places(model) {
            let pairs = player.utility.at(t, a, s).iter().zip(world.own(i, t, a, s));
            worst = pairs.fold(worst, |worst, (raw, centred)| worst.max(miss(*raw, *centred, first)));
        }
        worst = worst.max(step(model, first, t, |t| product.own_constant(i, t)));
    }
    if let (Some(terminal), Some(periods)) = (&player.terminal, model.periods()) {
        let constant = product.own_constant(i, periods);
        for s in 0..model.public().states {
            for (own, raw) in terminal.at(0, 0, s).iter().enumerate() {
                worst = worst.max(miss(*raw, world.own_terminal(i, s, own), constant));
            }
        }
    }
    worst
}

/// All decisions and public states.
fn places(model: &Model) -> impl Iterator<Item = (usize, usize)> {
    let (decisions, publics) = (model.decisions(), model.public().states);
    (0..decisions).flat_map(move |a| (0..publics).map(move |s| (a, s)))
}

/// How far `raw` is from what it was split into, relative to the larger part.
fn miss(raw: f64, centred: f64, constant: f64) -> f64 {
    (raw - (centred + constant)).abs()
        / raw.abs().max(constant.abs()).max(centred.abs()).max(f64::MIN_POSITIVE)
}

/// The same for the sum of constants from a period on: that of the period, and the later ones discounted.
fn step(model: &Model, first: f64, t: usize, sum: impl Fn(usize) -> f64) -> f64 {
    let later = match model.horizon() {
        Horizon::Infinite => sum(t),
        Horizon::Finite(_) => sum(t + 1),
    };
    miss(sum(t), model.discount() * later, first)
}
