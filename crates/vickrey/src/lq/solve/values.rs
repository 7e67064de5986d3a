//! Layer values: what a layer's change of plan is worth to every agent, l_j(s), and what the others could have made of
//! their bids without agent i.
//!
//! l_j(s) is the utility of j's new plan minus that of its old one, t >= s; at s = 0 there is no old plan. Added up over
//! layers and agents it is the realised welfare of the recorded system, path by path.

use multiversion::multiversion;

use super::aggregate::Layer;
use super::discount::Discount;
use super::passes::{self, Columns, Task};
use super::trade::{Bids, Record, Trade, half_margins, load};
use crate::lq::group::{Group, LANES, Lane};
use crate::lq::model::Market;
use crate::lq::regulator::{Block, Dim, Pull, ZERO, add_product, lanes, quadratic_form, with_states};
use crate::numeric::sum::compensated;

/// l_j(s) of every agent, for a layer that was traded from this record with these bids.
pub fn layer_values(market: &Market, before: &Record, bids: &Bids, trade: &Trade) -> Vec<f64> {
    let mut values = Columns::per_agent(market);
    let from = Inputs { market, before, bids, trade };
    passes::map_with(market, [&mut values], |task, [values]| values_of(&from, task, values));
    values.into_agents(market)
}

/// h_i of rule `pure`: what the others could make of their bids of this layer alone, without agent i, if nothing had been
/// planned before: w'P^(i) w with w their bids (at s = 0 with linear terms and net demand: their whole plan).
pub fn pure_values(market: &Market, layer: &Layer, s: usize, bids: &Bids) -> Vec<f64> {
    let mut levels = Columns::per_agent(market);
    let parts =
        passes::map_with(market, [&mut levels], |task, [levels]| alone(market, bids, task, s, levels));
    let n = layer.length;
    let all = |t: usize| compensated(parts.iter().map(|part| part[t]));
    let demand = |t: usize| if s == 0 { market.net_demand()[t] } else { 0.0 };
    let omega: Vec<f64> = (0..n).map(|t| all(t) - demand(t)).collect();
    let mut discounts = Columns::per_agent(market);
    passes::map_with(market, [&mut discounts], |task, [out]| others(market, layer, bids, &omega, task, out));
    let (levels, discounts) = (levels.into_agents(market), discounts.into_agents(market));
    let sum = compensated(levels.iter().copied());
    levels.iter().zip(discounts).map(|(level, discount)| sum - level - discount).collect()
}

struct Inputs<'a> {
    market: &'a Market,
    before: &'a Record,
    bids: &'a Bids,
    trade: &'a Trade,
}

#[multiversion(targets("x86_64+avx2+fma"))]
fn values_of(from: &Inputs<'_>, task: Task<'_>, out: &mut [f64]) {
    with_states!(task.group.states(), dim => values(dim, from, task, out));
}

#[inline(always)]
fn values<D: Dim>(dim: D, from: &Inputs<'_>, task: Task<'_>, out: &mut [f64]) {
    let (d, s, group) = (dim.get(), from.trade.period, task.group);
    let n = from.market.periods() - s;
    let mut block = Block::new(d, from.market.periods());
    let (mut y, mut v) = (vec![ZERO; n], vec![ZERO; n]);
    let (mut state, mut eta) = (vec![ZERO; d], vec![ZERO; d]);
    // The old plan: trades and states.
    let (mut old_u, mut old_x) = (vec![ZERO; n], vec![ZERO; (n + 1) * d]);
    for first in (task.first..task.first + task.count).step_by(LANES) {
        let pull = Some(Pull { group, first });
        block.fill(dim, group, first, s);
        if s > 0 {
            half_margins(&mut y, group, first, s, from.before.prices());
            block.backward(dim, s, &y, pull, &mut eta, &mut v);
            load(dim, &from.before.forecast.parts[task.index], first, block.count, &mut state);
            block.forward(dim, s, &v, &mut state, |t, x, u| {
                old_u[t - s] = *u;
                for i in 0..d {
                    old_x[(t - s) * d + i] = x[i];
                }
            });
            old_x[n * d..].copy_from_slice(&state);
            for (y, change) in y.iter_mut().zip(&from.trade.change) {
                *y = [0.5 * change; LANES];
            }
        } else {
            half_margins(&mut y, group, first, s, &from.trade.change);
        }
        block.backward(dim, s, &y, if s == 0 { pull } else { None }, &mut eta, &mut v);
        load(dim, &from.bids.0.parts[task.index], first, block.count, &mut state);
        let mut worth = ZERO;
        block.forward(dim, s, &v, &mut state, |t, x, u| {
            let old = &old_x[(t - s) * d..(t - s + 1) * d];
            let here = |e: usize| group.q.lane(t, e, first, 0.0);
            let pull = |i: usize| group.pull.lane(t, i, first, 0.0);
            add_change(dim, &mut worth, here, pull, |i| x[i], old);
            let (r, linear) = (group.r.lane(t, 0, first, 0.0), group.linear.lane(t, 0, first, 0.0));
            let old = &old_u[t - s];
            for k in 0..LANES {
                worth[k] += u[k] * (r[k] * (2.0 * old[k] + u[k]) + linear[k]);
            }
        });
        let last = |e: usize| group.terminal_q.lane(0, e, first, 0.0);
        let pull = |i: usize| group.terminal_pull.lane(0, i, first, 0.0);
        add_change(dim, &mut worth, last, pull, |i| state[i], &old_x[n * d..]);
        for k in 0..block.count {
            let offset = if s == 0 { group.offsets(first + k, from.market.periods()) } else { 0.0 };
            out[first - task.first + k] = worth[k] + offset;
        }
    }
}

/// Adds x'Q (2 old + x) + m'x.
#[inline(always)]
fn add_change<D: Dim>(
    dim: D,
    worth: &mut Lane,
    q: impl Fn(usize) -> Lane,
    pull: impl Fn(usize) -> Lane,
    x: impl Fn(usize) -> Lane,
    old: &[Lane],
) {
    let d = dim.get();
    for i in 0..d {
        let mut row = pull(i);
        for (j, old) in old.iter().enumerate().take(d) {
            let (q, x) = (q(i * d + j), x(j));
            for k in 0..LANES {
                row[k] += q[k] * (2.0 * old[k] + x[k]);
            }
        }
        add_product(worth, &row, &x(i));
    }
}

/// An agent's own path at zero prices, from its bid; at s = 0 with its linear terms. Also the largest utility there.
#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "scratch memory of a pass")]
fn free<D: Dim>(
    dim: D,
    block: &mut Block,
    group: &Group,
    first: usize,
    s: usize,
    bids: &[f64],
    y: &mut [Lane],
    path: &mut [Lane],
) -> Lane {
    let d = dim.get();
    let (mut state, mut eta) = (vec![ZERO; d], vec![ZERO; d]);
    let mut v = vec![ZERO; y.len()];
    block.fill(dim, group, first, s);
    let mut level = ZERO;
    if s == 0 {
        let zero = vec![0.0; y.len()];
        half_margins(y, group, first, s, &zero);
        let sum = block.backward(dim, s, y, Some(Pull { group, first }), &mut eta, &mut v);
        level = lanes(|k| -sum[k]);
    }
    load(dim, bids, first, block.count, &mut state);
    let curved = quadratic_form(dim, &block.ric[s * d * d..], &state);
    for k in 0..LANES {
        level[k] += curved[k];
    }
    for i in 0..d {
        for k in 0..LANES {
            level[k] -= 2.0 * eta[i][k] * state[i][k];
        }
    }
    block.forward(dim, s, &v, &mut state, |t, _, u| path[t - s] = *u);
    level
}

/// Levels of a task's agents, and the sum of their paths at zero prices.
fn alone(market: &Market, bids: &Bids, task: Task<'_>, s: usize, levels: &mut [f64]) -> Vec<f64> {
    let (d, n) = (task.group.states(), market.periods() - s);
    let mut block = Block::new(d, market.periods());
    let (mut y, mut path, mut sums) = (vec![ZERO; n], vec![ZERO; n], vec![ZERO; n]);
    let bids = &bids.0.parts[task.index];
    for first in (task.first..task.first + task.count).step_by(LANES) {
        let level =
            with_states!(d, dim => free(dim, &mut block, task.group, first, s, bids, &mut y, &mut path));
        for k in 0..block.count {
            let offset = if s == 0 { task.group.offsets(first + k, market.periods()) } else { 0.0 };
            levels[first - task.first + k] = level[k] + offset;
        }
        for (sum, u) in sums.iter_mut().zip(&path) {
            for k in 0..LANES {
                sum[k] += u[k];
            }
        }
    }
    sums.iter().map(|lane| compensated(lane.iter().copied())).collect()
}

/// -x'Gamma_i x with x what the others would trade at zero prices.
fn others(market: &Market, layer: &Layer, bids: &Bids, omega: &[f64], task: Task<'_>, out: &mut [f64]) {
    let (d, n) = (task.group.states(), layer.length);
    let s = market.periods() - n;
    let mut block = Block::new(d, market.periods());
    let mut discount = Discount::new(market, layer, d);
    let (mut y, mut path) = (vec![ZERO; n], vec![ZERO; n]);
    let bids = &bids.0.parts[task.index];
    for first in (task.first..task.first + task.count).step_by(LANES) {
        with_states!(d, dim => free(dim, &mut block, task.group, first, s, bids, &mut y, &mut path));
        for (path, all) in path.iter_mut().zip(omega) {
            *path = lanes(|k| all - path[k]);
        }
        discount.begin();
        let agent = |k| task.group.agent(first + k);
        let found = with_states!(d, dim => discount.of(dim, &block, &path, agent));
        out[first - task.first..][..block.count].copy_from_slice(&found[..block.count]);
    }
}
