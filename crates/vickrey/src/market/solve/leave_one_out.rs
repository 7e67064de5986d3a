//! All N leave-one-out problems: the gap between Lagrange and VCG payment of every agent.
//!
//! gap_i is the area between the price lambda and the residual demand of the others as the price moves until they have
//! absorbed u_i (envelope theorem; paper 000, section III.A). Nothing is subtracted from a welfare, so
//! the gap keeps its digits however many agents there are.
//!
//! The agents share one curve per side (see [`super::excess`]). An agent is taken out of it and solved one by one over
//! all others if the shared curve is not accurate enough *for this agent*: the test compares the interpolation error
//! with what is left of the area after agent i's own part is taken out.

use rayon::prelude::*;

use super::excess::Side;
use super::local::Local;
use super::{Clearing, Effort, Market};
use crate::mechanism::AgentId;
use crate::numeric::root;
use crate::numeric::sum::{self, CHUNK};

/// Relative error of a gap that the shared curve must stay below.
const WANTED: f64 = 1e-11;
/// The shared curve costs about this many evaluations per agent; one by one costs about 20 N.
const SHARED_COST: usize = 600;

/// The gaps and how they were found.
pub struct Gaps {
    /// lambda u_i - vcg_i; infinite if the others cannot reach the total.
    pub gap: Vec<f64>,
    pub effort: Effort,
}

/// See the module.
pub fn gaps(market: &Market, clearing: &Clearing) -> Gaps {
    let n = market.len();
    let alone = Alone::new(market);
    let smooth = market.utilities().iter().any(|u| !u.is_piecewise_linear());
    let mut gap = vec![0.0; n];
    let mut rest: Vec<AgentId> = Vec::new();
    let one_by_one_is_cheaper = smooth && 20 * n <= SHARED_COST;
    for up in [true, false] {
        let mut agents: Vec<AgentId> = Vec::new();
        for i in (0..n).filter(|&i| (clearing.allocation[i] < 0.0) == up && clearing.allocation[i] != 0.0) {
            if alone.can_do_without(market, i) { agents.push(i) } else { gap[i] = f64::INFINITY }
        }
        if one_by_one_is_cheaper {
            rest.extend(agents);
        } else {
            rest.extend(on_one_side(market, clearing, up, agents, &mut gap));
        }
    }
    let solved: Vec<f64> = if rest.len() >= 8 {
        rest.par_iter().map(|&i| one(market, clearing, i)).collect()
    } else {
        rest.iter().map(|&i| one(market, clearing, i)).collect()
    };
    for (&i, found) in rest.iter().zip(solved) {
        gap[i] = found;
    }
    Gaps { gap, effort: Effort { closed_form: 0, shared: n - rest.len(), one_by_one: rest.len() } }
}

/// Who can be missing: the others' limits must reach the total.
struct Alone {
    low: f64,
    high: f64,
    low_missing: f64,
    high_missing: f64,
    open: f64,
    slack: f64,
}

impl Alone {
    fn new(market: &Market) -> Self {
        let finite = |x: f64| if x.is_finite() { [x, 0.0] } else { [0.0, 1.0] };
        let [low, low_missing, high, high_missing, open, size] = sum::parallel(market.len(), |i| {
            let u = market.utility(i);
            let ([low, low_missing], [high, high_missing]) = (finite(u.low()), finite(u.high()));
            let open = if u.is_low_open() { 1.0 } else { 0.0 };
            [low, low_missing, high, high_missing, open, low.abs().max(high.abs())]
        });
        let slack = 16.0 * f64::EPSILON * (size + market.total().abs());
        Self { low, high, low_missing, high_missing, open, slack }
    }

    fn can_do_without(&self, market: &Market, agent: AgentId) -> bool {
        let (u, total) = (market.utility(agent), market.total());
        let (low, high) = (u.low(), u.high());
        let others_low_missing = self.low_missing - if low.is_finite() { 0.0 } else { 1.0 };
        let others_high_missing = self.high_missing - if high.is_finite() { 0.0 } else { 1.0 };
        let others_open = self.open - if u.is_low_open() { 1.0 } else { 0.0 };
        let others_low = self.low - if low.is_finite() { low } else { 0.0 };
        let others_high = self.high - if high.is_finite() { high } else { 0.0 };
        let low_ok = others_low_missing > 0.0
            || if others_open > 0.0 {
                others_low + self.slack < total
            } else {
                others_low <= total + self.slack
            };
        low_ok && (others_high_missing > 0.0 || others_high >= total - self.slack)
    }
}

/// Solves the agents of one side on the shared curve; returns those that must be solved one by one.
fn on_one_side(
    market: &Market,
    clearing: &Clearing,
    up: bool,
    agents: Vec<AgentId>,
    gap: &mut [f64],
) -> Vec<AgentId> {
    let mut side = Side::new(market, clearing, up);
    let mut open = agents;
    let mut inaccurate = Vec::new();
    if !side.is_linear() && !open.is_empty() {
        let first = first_reach(market, clearing, &open);
        side.grow(first);
    }
    for _ in 0..16 {
        let found: Vec<Answer> =
            open.par_iter().with_min_len(64).map(|&i| on_shared_curve(&side, clearing, i)).collect();
        let mut unresolved = Vec::new();
        for (&i, answer) in open.iter().zip(found) {
            match answer {
                Answer::Gap(value) => gap[i] = value,
                Answer::TooFar => unresolved.push(i),
                Answer::Inaccurate => inaccurate.push(i),
            }
        }
        open = unresolved;
        // A panel costs about as much as one agent solved alone.
        if open.len() < 2 || !side.grow(4.0 * side.reach) {
            break;
        }
    }
    inaccurate.extend(open);
    inaccurate
}

/// Twice the largest first-order estimate |u_i| / (others' slope): where the others' price is looked for first.
fn first_reach(market: &Market, clearing: &Clearing, agents: &[AgentId]) -> f64 {
    let slope = |i: AgentId| {
        let utility = market.utility(i);
        -0.5 * (utility.demand_slope(clearing.price, true) + utility.demand_slope(clearing.price, false))
    };
    let [all] = sum::parallel(market.len(), |i| [slope(i)]);
    let farthest = agents
        .par_iter()
        .with_min_len(CHUNK)
        .map(|&i| {
            let others = all - slope(i);
            if others > 0.05 * all { clearing.allocation[i].abs() / others } else { 0.0 }
        })
        .reduce(|| 0.0, f64::max);
    if farthest > 0.0 { 2.0 * farthest } else { 0.1 * clearing.price.abs().max(1e-6) }
}

enum Answer {
    Gap(f64),
    /// The price without this agent lies beyond the covered distance.
    TooFar,
    /// The shared curve is not accurate enough for this agent.
    Inaccurate,
}

/// One agent on the shared curve.
fn on_shared_curve(side: &Side<'_>, clearing: &Clearing, agent: AgentId) -> Answer {
    let quantity = clearing.allocation[agent].abs();
    let local = side.local(agent);
    let Some(t) = distance(side, agent, &local, quantity) else {
        return Answer::TooFar;
    };
    let (all, own) = (side.integral(t), local.integral(t));
    let gap = (quantity * t - (all - own)).max(0.0);
    let at_stake = quantity * t + all + own;
    let error = 4.0 * side.error(t).max(f64::EPSILON);
    if !side.is_linear() && at_stake * error > WANTED * gap {
        return Answer::Inaccurate;
    }
    // Nothing is interpolated, but what the others do drowns in the agent's own part.
    if side.is_linear() && own > 1e3 * (quantity * t + (all - own).abs()) {
        return Answer::Inaccurate;
    }
    Answer::Gap(gap)
}

/// How far the price moves without the agent; `None` if farther than the side covers.
fn distance(side: &Side<'_>, agent: AgentId, local: &Local<'_>, quantity: f64) -> Option<f64> {
    // What the others have not yet absorbed: just behind event k, just before it, and between two events.
    let behind = |k: usize| {
        quantity - (side.at_event(k, side.event(k)).quantity - side.own_at_event(agent, local, k, true))
    };
    let before = |k: usize| {
        quantity - (side.at_event(k - 1, side.event(k)).quantity - side.own_at_event(agent, local, k, false))
    };
    let inside = |k: usize, t: f64| quantity - (side.at_event(k - 1, t).quantity - local.given(t));
    // Rounding of the running sums must not push the price along a flat piece.
    let noise = 1e-13 * quantity;
    let k = first_event(side, |k| behind(k) <= noise);
    if k == 0 {
        return Some(0.0);
    }
    let low = side.event(k - 1);
    let high = if k < side.events() { side.event(k) } else { f64::INFINITY };
    if high <= side.reach && high.is_finite() && before(k) > noise {
        return Some(high);
    }
    if side.is_linear() {
        let slope = side.at(low).slope - side.own_slope_at_event(agent, k - 1);
        let t = low + behind(k - 1).max(0.0) / slope;
        return Some(if t.is_finite() { t.clamp(low, high) } else { high }).filter(|t| t.is_finite());
    }
    let high = high.min(side.reach);
    if inside(k, high) > noise {
        return None;
    }
    let f = |t: f64| {
        let all = side.at_event(k - 1, t);
        let slope = (all.slope - local.slope(t)).max(f64::MIN_POSITIVE);
        (quantity - (all.quantity - local.given(t)), -slope)
    };
    let first = (behind(k - 1), f(low).1);
    newton(f, low, high, first).or_else(|| root::between(f, low, high, (low, first)).ok())
}

/// A few plain Newton steps from `low`, where `first` is known, inside `low..=high`; `None` if they do not settle.
///
/// The gap is stationary in the distance (its derivative is the residual), so a relative error of 1e-9 in the distance
/// is one of 1e-18 in the gap.
fn newton(f: impl Fn(f64) -> (f64, f64), low: f64, high: f64, first: (f64, f64)) -> Option<f64> {
    let (mut t, (mut value, mut slope)) = (low, first);
    let mut before = f64::INFINITY;
    for _ in 0..8 {
        let next = t - value / slope;
        if !(low..=high).contains(&next) {
            return None;
        }
        let step = (next - t).abs();
        t = next;
        // Steps shrink by a steady ratio or faster: what is left is at most about the next step.
        if before.is_finite() && step < 0.1 * before && step * (step / before) <= 1e-10 * t {
            return Some(t);
        }
        before = step;
        (value, slope) = f(t);
    }
    None
}

/// The first event (by galloping, since most are near) at which a condition holds that stays true from there on.
fn first_event(side: &Side<'_>, holds: impl Fn(usize) -> bool) -> usize {
    // Events beyond the covered distance cannot be judged.
    let end = side.events_within_reach();
    let (mut low, mut step) = (0, 1);
    while low < end && !holds(low) {
        let next = (low + step).min(end);
        if next == end || holds(next) {
            let (mut a, mut b) = (low + 1, next);
            while a < b {
                let mid = a + (b - a) / 2;
                if holds(mid) { b = mid } else { a = mid + 1 }
            }
            return a;
        }
        low = next;
        step *= 2;
    }
    low
}

/// See [`super::gap_one_by_one`].
pub fn one(market: &Market, clearing: &Clearing, agent: AgentId) -> f64 {
    let quantity = clearing.allocation[agent].abs();
    if quantity == 0.0 {
        return 0.0;
    }
    if !Alone::new(market).can_do_without(market, agent) {
        return f64::INFINITY;
    }
    let sign = if clearing.allocation[agent] < 0.0 { 1.0 } else { -1.0 };
    let others = |f: &(dyn Fn(AgentId) -> f64 + Sync)| {
        let [total] = sum::parallel(market.len(), |j| [if j == agent { 0.0 } else { f(j) }]);
        total
    };
    let change =
        |j: AgentId, t: f64| market.utility(j).change(clearing.price, clearing.allocation[j], sign * t);
    let left_over = |t: f64| {
        let [absorbed, moved, slope] = sum::parallel(market.len(), |j| {
            if j == agent {
                return [0.0; 3];
            }
            let given = -sign * change(j, t);
            [given, given.abs(), market.utility(j).demand_slope(clearing.price + sign * t, sign > 0.0)]
        });
        let rest = quantity - absorbed;
        // Rounding of what the others do must not push the price on along a flat piece.
        let noise = 1e-14 * quantity + 4.0 * f64::EPSILON * moved;
        (if rest <= noise { rest.min(0.0) } else { rest }, slope)
    };
    let floor = (0..market.len())
        .filter(|&j| j != agent)
        .map(|j| market.utility(j).price_floor())
        .fold(f64::NEG_INFINITY, f64::max);
    let limit = if sign > 0.0 { f64::INFINITY } else { clearing.price - floor };
    // The smallest distance at which the price can be told from lambda: ties at lambda absorb everything there.
    let nearest = (f64::EPSILON * clearing.price.abs()).max(f64::MIN_POSITIVE);
    let (rest, slope) = left_over(nearest);
    if rest <= 0.0 {
        return 0.0;
    }
    let first = if slope < 0.0 { -rest / slope } else { 1e-3 * clearing.price.abs().max(1e-3) };
    let start = first.clamp(nearest, if limit.is_finite() { 0.5 * limit } else { f64::MAX });
    let Ok(t) = root::decreasing(left_over, start, 0.0, limit) else {
        // An agent that only trades what rounding left of zero need not be absorbed.
        let slope = market.utility(agent).demand_slope(clearing.price, sign > 0.0);
        let rounding = 4.0 * f64::EPSILON * (clearing.price * slope).abs();
        return if quantity <= rounding { 0.0 } else { f64::INFINITY };
    };
    let absorbed =
        others(&|j| market.utility(j).change_integral(clearing.price, clearing.allocation[j], sign * t));
    (quantity * t + absorbed).max(0.0)
}
