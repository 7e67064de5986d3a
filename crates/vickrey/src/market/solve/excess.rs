//! How much of a quantity all agents together absorb when the price moves away from the clearing price.
//!
//! Without agent i the others must absorb its u_i, so the price moves: up if it produced, down if it consumed. With
//! t >= 0 the distance of the price from lambda and A(t) the quantity that *all* agents give up (price up) or take
//! (price down), agent i's leave-one-out price is where A(t) - a_i(t) = |u_i|, and
//! gap_i = |u_i| t - integral of (A - a_i) from 0 to t.
//! A is shared by all agents: it is built once per side. Piecewise-linear demand enters exactly (sorted events,
//! compensated running sums); smooth demand enters by Chebyshev interpolation of A(t)/t, which is accurate relative to
//! A itself, however small t is. Every panel passes a test between its nodes, or is halved.

use rayon::prelude::*;

use super::local::Local;
use super::{Clearing, Market};
use crate::market::utility::{Shape, Utility};
use crate::mechanism::AgentId;
use crate::numeric::chebyshev::{self, NODES, Series, TESTS};
use crate::numeric::sum::{CHUNK, Sum};

/// Relative error that a panel may show at its test points.
const ACCEPTED: f64 = 1e-12;
/// Relative error above which a panel is halved once or twice more, if it is only accepted: a gap needs better.
const GOOD: f64 = 1e-13;
/// A panel is halved at most this often.
const HALVINGS: u32 = 24;
/// Agents whose slopes are added up plainly before they enter a compensated sum (they have one sign).
const RUN: usize = 32;

/// One direction of the price, away from the clearing price.
pub struct Side<'a> {
    market: &'a Market,
    clearing: &'a Clearing,
    /// +1: the price rises; -1: it falls.
    sign: f64,
    events: Vec<Event>,
    panels: Vec<Panel>,
    smooth: Vec<AgentId>,
    /// Distances up to here are covered.
    pub reach: f64,
    /// Distances from here on are outside somebody's domain.
    limit: f64,
    /// Events beyond this distance are left out.
    horizon: f64,
}

/// The piecewise-linear part from `at` on: value, slope and integral just behind the event.
#[derive(Clone, Copy, Debug)]
struct Event {
    /// Distance from the clearing price.
    at: f64,
    /// The price itself: `at` is rounded, and a jump must be on one side of it for everybody.
    price: f64,
    value: f64,
    slope: f64,
    integral: f64,
}

/// The smooth part divided by the distance, on one panel.
#[derive(Clone, Debug)]
struct Panel {
    series: Series,
    /// Running means of the series: see [`Series::running_means`].
    mean: Series,
    moment: Series,
    /// Integral of the smooth part from 0 to the panel's lower end.
    integral: f64,
    /// Largest relative error seen at a test point of this panel or an earlier one.
    error: f64,
}

impl Panel {
    /// Integral of the smooth part from 0 to t. All terms are positive: nothing cancels.
    fn integral_to(&self, t: f64) -> f64 {
        let low = self.series.low;
        let moment = (t - low) * self.moment.at(t);
        self.integral + (t - low) * if low == 0.0 { moment } else { low * self.mean.at(t) + moment }
    }
}

/// An agent and the distances at which it bends.
type Kinked = (AgentId, Vec<f64>);

/// A(t), its slope and nothing else: what one evaluation returns.
#[derive(Clone, Copy, Debug)]
pub struct Absorbed {
    pub quantity: f64,
    pub slope: f64,
}

impl<'a> Side<'a> {
    /// The side on which the price rises (`up`) or falls, with the piecewise-linear part complete and no panel yet.
    pub fn new(market: &'a Market, clearing: &'a Clearing, up: bool) -> Self {
        let utilities = market.utilities();
        let smooth: Vec<AgentId> =
            (0..market.len()).into_par_iter().filter(|&i| !utilities[i].is_piecewise_linear()).collect();
        let floor = price_floor(market);
        let limit = if up { f64::INFINITY } else { clearing.price - floor };
        let sign = if up { 1.0 } else { -1.0 };
        // With smooth agents distances are covered bit by bit, and events are only needed as far as that.
        let (reach, horizon) = if smooth.is_empty() { (f64::INFINITY, f64::INFINITY) } else { (0.0, 0.0) };
        let events = linear_part(market, clearing, up, horizon);
        Self { market, clearing, sign, events, panels: Vec::new(), smooth, reach, limit, horizon }
    }

    /// Whether everything is piecewise linear, so that nothing is interpolated.
    pub fn is_linear(&self) -> bool {
        self.smooth.is_empty()
    }

    /// Agent i's own part of A, valid up to the covered distance.
    #[inline]
    pub fn local(&self, agent: AgentId) -> Local<'a> {
        Local::new(self.market.utility(agent), self.clearing, agent, self.sign, self.reach)
    }

    /// a_i just behind (`behind`) or just before event `k`; the two differ where agent i itself jumps.
    #[inline]
    pub fn own_at_event(&self, agent: AgentId, local: &Local<'_>, k: usize, behind: bool) -> f64 {
        let event = self.events[k];
        let Shape::Curve(curve) = self.market.utility(agent).shape() else {
            return local.given(event.at);
        };
        if k == 0 && !behind {
            return 0.0;
        }
        let (low, high) = curve.demand(event.price);
        let quantity = if (self.sign > 0.0) == behind { low } else { high };
        -self.sign * (quantity - self.clearing.allocation[agent])
    }

    /// Slope of a_i just behind event `k`.
    #[inline]
    pub fn own_slope_at_event(&self, agent: AgentId, k: usize) -> f64 {
        -self.market.utility(agent).demand_slope(self.events[k].price, self.sign > 0.0)
    }

    /// A and its slope just behind t.
    #[inline]
    pub fn at(&self, t: f64) -> Absorbed {
        self.at_event(self.event_before(t), t)
    }

    /// As [`at`](Self::at), with the linear part extended from event `k` (for its value just before the next one).
    #[inline]
    pub fn at_event(&self, k: usize, t: f64) -> Absorbed {
        let event = self.events[k];
        let mut sum = Absorbed { quantity: event.value + event.slope * (t - event.at), slope: event.slope };
        if let Some(panel) = self.panel_at(t) {
            let q = panel.series.at(t);
            sum.quantity += t * q;
            // The smooth part is nearly straight over a panel; its mean slope serves Newton's method.
            sum.slope += q;
        }
        sum
    }

    /// Integral of A from 0 to t.
    pub fn integral(&self, t: f64) -> f64 {
        let event = self.events[self.event_before(t)];
        let dt = t - event.at;
        let linear = event.integral + dt * (event.value + 0.5 * event.slope * dt);
        linear + self.panel_at(t).map_or(0.0, |panel| panel.integral_to(t))
    }

    /// Relative error of the smooth part up to t, as far as the tests saw.
    pub fn error(&self, t: f64) -> f64 {
        self.panel_at(t).map_or(0.0, |panel| panel.error)
    }

    fn event_before(&self, t: f64) -> usize {
        self.events.partition_point(|e| e.at <= t).max(1) - 1
    }

    fn panel_at(&self, t: f64) -> Option<&Panel> {
        let k = self.panels.partition_point(|p| p.series.high < t);
        self.panels.get(k.min(self.panels.len().saturating_sub(1)))
    }

    /// Number of events of the piecewise-linear part; the first is at t = 0.
    pub fn events(&self) -> usize {
        self.events.len()
    }

    /// Number of events within the covered distance.
    pub fn events_within_reach(&self) -> usize {
        self.events.partition_point(|e| e.at <= self.reach)
    }

    /// Where event k is.
    pub fn event(&self, k: usize) -> f64 {
        self.events[k].at
    }

    /// Extends the covered distance to at least `to`, as far as the domain and the accuracy test allow. Returns
    /// whether anything was gained.
    pub fn grow(&mut self, to: f64) -> bool {
        let to = to.min(0.5 * (self.reach + self.limit));
        if self.is_linear() || to.is_nan() || to <= self.reach {
            return false;
        }
        if to > self.horizon {
            self.horizon = to;
            self.events = linear_part(self.market, self.clearing, self.sign > 0.0, to);
        }
        let before = self.reach;
        self.cover(before, to, HALVINGS);
        self.reach > before
    }

    /// Adds panels for `low..high`, halving until each passes its test; stops at the first that never does.
    fn cover(&mut self, low: f64, high: f64, halvings: u32) -> bool {
        let (kinked, plain) = self.partition(low, high);
        let points = chebyshev::points(low, high);
        let (series, error) = Series::fit(low, high, &self.mean_slopes(&plain, high, &points));
        if error <= enough(halvings) && self.add_pieces(&series, error, &kinked) {
            return true;
        }
        // Towards 0 and towards a limit of the domain demand bends more and more.
        let mid = if low == 0.0 { 0.25 * high } else { 0.5 * (low + high) };
        halvings > 0 && mid > low && mid < high && self.cover(low, mid, halvings - 1) && {
            self.cover(mid, high, halvings - 1)
        }
    }

    /// Splits the smooth agents into those that bend inside the interval (with the places), and the rest.
    fn partition(&self, low: f64, high: f64) -> (Vec<Kinked>, Vec<AgentId>) {
        let price = self.clearing.price;
        let bends = |agent: AgentId, kinks: &mut Vec<f64>| {
            kinks.clear();
            self.market.utility(agent).push_kinks(kinks);
            kinks.iter_mut().for_each(|k| *k = (*k - price) * self.sign);
            kinks.retain(|&t| t > low && t < high);
            !kinks.is_empty()
        };
        let parts: Vec<(Vec<Kinked>, Vec<AgentId>)> = self
            .smooth
            .par_chunks(CHUNK)
            .map(|chunk| {
                let (mut kinked, mut plain) = (Vec::new(), Vec::with_capacity(chunk.len()));
                let mut kinks = Vec::new();
                for &agent in chunk {
                    if bends(agent, &mut kinks) {
                        kinked.push((agent, kinks.clone()))
                    } else {
                        plain.push(agent)
                    }
                }
                (kinked, plain)
            })
            .collect();
        let (kinked, plain): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
        (kinked.concat(), plain.concat())
    }

    /// Sum of a_i(t)/t over some agents at the points of a panel that ends at `high`.
    fn mean_slopes(
        &self,
        agents: &[AgentId],
        high: f64,
        points: &[f64; NODES + TESTS],
    ) -> [f64; NODES + TESTS] {
        let logs = points.map(|t| self.sign * (self.sign * t / self.clearing.price).ln_1p() / t);
        let parts: Vec<[Sum; NODES + TESTS]> = agents
            .par_chunks(CHUNK)
            .map(|chunk| {
                let mut sums = [Sum::default(); NODES + TESTS];
                for run in chunk.chunks(RUN) {
                    let mut plain = [0.0; NODES + TESTS];
                    for &agent in run {
                        Local::new(self.market.utility(agent), self.clearing, agent, self.sign, high)
                            .add_mean_slopes(points, &logs, &mut plain);
                    }
                    sums.iter_mut().zip(plain).for_each(|(sum, x)| sum.add(x));
                }
                sums
            })
            .collect();
        let mut total = [Sum::default(); NODES + TESTS];
        for part in parts {
            for (sum, x) in total.iter_mut().zip(part) {
                sum.add(x.get());
            }
        }
        total.map(Sum::get)
    }

    /// Adds the panel; where agents bend inside it, one piece between every two bends.
    fn add_pieces(&mut self, series: &Series, error: f64, kinked: &[Kinked]) -> bool {
        let mut cuts: Vec<f64> = kinked.iter().flat_map(|k| k.1.iter().copied()).collect();
        cuts.push(series.high);
        cuts.sort_by(f64::total_cmp);
        cuts.dedup_by(|b, a| *b - *a <= 1e-13 * *a);
        let agents: Vec<AgentId> = kinked.iter().map(|k| k.0).collect();
        let (panels, reach) = (self.panels.len(), self.reach);
        let mut low = series.low;
        for cut in cuts {
            if !self.add_piece((series, error), &agents, low, cut, HALVINGS) {
                self.panels.truncate(panels);
                self.reach = reach;
                return false;
            }
            low = cut;
        }
        true
    }

    fn add_piece(
        &mut self,
        (outer, outer_error): (&Series, f64),
        kinked: &[AgentId],
        low: f64,
        high: f64,
        halvings: u32,
    ) -> bool {
        let (series, error) = if kinked.is_empty() && (low, high) == (outer.low, outer.high) {
            (outer.clone(), 0.0)
        } else {
            let points = chebyshev::points(low, high);
            let mut values = self.mean_slopes(kinked, high, &points);
            values.iter_mut().zip(points).for_each(|(v, t)| *v += outer.at(t));
            Series::fit(low, high, &values)
        };
        if error > enough(halvings) || error.is_nan() {
            let mid = 0.5 * (low + high);
            return halvings > 0
                && self.add_piece((outer, outer_error), kinked, low, mid, halvings - 1)
                && self.add_piece((outer, outer_error), kinked, mid, high, halvings - 1);
        }
        let last = self.panels.last();
        let error = last.map_or(0.0, |p| p.error).max(error).max(outer_error);
        let integral = last.map_or(0.0, |p| p.integral_to(p.series.high));
        let (mean, moment) = series.running_means();
        self.panels.push(Panel { series, mean, moment, integral, error });
        self.reach = high;
        true
    }
}

/// The error that a panel may show: at first one that suits every gap, later whatever is accepted.
fn enough(halvings: u32) -> f64 {
    if halvings + 2 > HALVINGS { GOOD } else { ACCEPTED }
}

/// The highest price at and below which somebody's demand is infinite.
pub fn price_floor(market: &Market) -> f64 {
    market
        .utilities()
        .par_iter()
        .with_min_len(CHUNK)
        .map(Utility::price_floor)
        .reduce(|| f64::NEG_INFINITY, f64::max)
}

/// A change of the piecewise-linear part at a price: its slope and a jump.
#[derive(Clone, Copy, Debug)]
struct Change {
    price: f64,
    slope: f64,
    jump: f64,
}

/// The piecewise-linear part of A up to a distance: sorted events with running sums.
fn linear_part(market: &Market, clearing: &Clearing, up: bool, horizon: f64) -> Vec<Event> {
    let mut changes: Vec<Change> = (0..market.len().div_ceil(CHUNK))
        .into_par_iter()
        .map(|c| {
            let mut found = Vec::new();
            for i in c * CHUNK..((c + 1) * CHUNK).min(market.len()) {
                push_changes(market.utility(i), clearing.price, clearing.allocation[i], up, &mut found);
            }
            found.retain(|change| (change.price - clearing.price).abs() <= horizon);
            found
        })
        .collect::<Vec<_>>()
        .concat();
    // Stable, so that equal prices keep the order of the agents and the sums their rounding.
    if up {
        changes.par_sort_by(|x, y| x.price.total_cmp(&y.price));
    } else {
        changes.par_sort_by(|x, y| y.price.total_cmp(&x.price));
    }
    let (mut value, mut slope, mut integral) = (Sum::default(), Sum::default(), Sum::default());
    let mut events: Vec<Event> = Vec::with_capacity(changes.len() + 1);
    events.push(Event { at: 0.0, price: clearing.price, value: 0.0, slope: 0.0, integral: 0.0 });
    for change in changes {
        let last = events.len() - 1;
        let dt = (change.price - events[last].price).abs();
        if dt > 0.0 {
            let moved = slope.get().max(0.0) * dt;
            integral.add(dt * (value.get() + 0.5 * moved));
            value.add(moved);
        }
        value.add(change.jump);
        slope.add(change.slope);
        let event = Event {
            at: (change.price - clearing.price).abs(),
            price: change.price,
            value: value.get(),
            slope: slope.get().max(0.0),
            integral: integral.get(),
        };
        if dt > 0.0 { events.push(event) } else { events[last] = event }
    }
    events
}

/// What one agent changes on this side: nothing behind the clearing price, infinite prices never.
fn push_changes(utility: &Utility, price: f64, quantity: f64, up: bool, into: &mut Vec<Change>) {
    // A sloping piece between two prices is passed from the near end to the far one.
    let mut piece = |p_low: f64, p_high: f64, slope: f64| {
        let (near, far) = if up { (p_low.max(price), p_high) } else { (p_high.min(price), p_low) };
        if near != far && (far > near) == up {
            into.push(Change { price: near, slope, jump: 0.0 });
            if far.is_finite() {
                into.push(Change { price: far, slope: -slope, jump: 0.0 });
            }
        }
    };
    match utility.shape() {
        Shape::Quadratic { a, .. } => {
            let (low, high) = utility.active_prices();
            piece(low, high, -0.5 / a);
        }
        Shape::Curve(curve) => {
            let pieces = || curve.knots().zip(curve.knots().skip(1)).filter(|((u0, _), (u1, _))| u0 < u1);
            for ((u0, m0), (u1, m1)) in pieces().filter(|((_, m0), (_, m1))| m0 > m1) {
                piece(m1, m0, (u1 - u0) / (m0 - m1));
            }
            let (low, high) = curve.demand(price);
            let now = if up { quantity - low } else { high - quantity };
            if now > 0.0 {
                into.push(Change { price, slope: 0.0, jump: now });
            }
            for ((u0, m0), (u1, m1)) in pieces() {
                if m0 == m1 && m0 != price && (m0 > price) == up {
                    into.push(Change { price: m0, slope: 0.0, jump: u1 - u0 });
                }
            }
        }
        _ => {}
    }
}
