//! The clearing price: where total demand meets the total, for any mixture of utilities.
//!
//! Demand falls with the price; it jumps at block prices and bends at limits. All those prices are known, so the
//! search first finds the two neighbouring ones between which demand crosses the total (bisection over sorted prices,
//! one pass over the agents each), then runs Newton's method between them, where demand is smooth.

use rayon::prelude::*;

use super::{Clearing, Market, MarketError};
use crate::numeric::root::{self, NoRoot};
use crate::numeric::sum::{self, CHUNK};

/// Total demand minus the total at one price.
#[derive(Clone, Copy, Debug)]
struct Probe {
    /// Just above the price.
    above: f64,
    /// Just below the price.
    below: f64,
    slope_above: f64,
    slope_below: f64,
    /// Sum of all |quantities|: what the rounding of the sums is relative to.
    size: f64,
}

impl Probe {
    /// What rounding may leave of a sum that is zero.
    fn noise(&self) -> f64 {
        16.0 * f64::EPSILON * self.size
    }
}

fn probe(market: &Market, price: f64) -> Result<Probe, MarketError> {
    let [above, below, slope_above, slope_below, size] = sum::parallel(market.len(), |i| {
        let utility = market.utility(i);
        let (low, high) = utility.demand(price);
        [low, high, utility.demand_slope(price, true), utility.demand_slope(price, false), low.abs().max(high.abs())]
    });
    if above.is_nan() || below.is_nan() {
        return Err(not_a_number(market, price));
    }
    let total = market.total();
    Ok(Probe { above: above - total, below: below - total, slope_above, slope_below, size: size + total.abs() })
}

fn not_a_number(market: &Market, price: f64) -> MarketError {
    let agent = (0..market.len()).find(|&i| market.utility(i).demand(price).0.is_nan());
    let who = agent.map_or_else(|| "the sum of demands".into(), |i| format!("demand of `{}`", market.name(i)));
    MarketError::NoPrice { price, reason: format!("{who} is not a number") }
}

/// See [`super::clear`].
pub fn clear(market: &Market) -> Result<Clearing, MarketError> {
    check_feasible(market)?;
    let floor = (0..market.len()).map(|i| market.utility(i).price_floor()).fold(f64::NEG_INFINITY, f64::max);
    let kinks = kinks(market, floor);
    let (price_low, price_high) = search(market, &kinks, floor)?;
    let price = match (price_low.is_finite(), price_high.is_finite()) {
        (true, true) => 0.5 * (price_low + price_high),
        (false, true) => price_high,
        (true, false) => price_low,
        (false, false) => 0.0,
    };
    let (allocation, imbalance) = allocate(market, price)?;
    Ok(Clearing { price, price_low, price_high, allocation, imbalance })
}

fn check_feasible(market: &Market) -> Result<(), MarketError> {
    let reach = market.reach(None);
    let size = [reach.low, reach.high, market.total()].into_iter().filter(|x| x.is_finite());
    let slack = 1e-12 * size.fold(0.0, |a: f64, x| a.max(x.abs()));
    if reach.holds(market.total(), slack) {
        return Ok(());
    }
    Err(MarketError::Infeasible { total: market.total(), lowest: reach.low, highest: reach.high })
}

/// All prices at which demand jumps or bends, ascending, without repetition.
fn kinks(market: &Market, floor: f64) -> Vec<f64> {
    let mut kinks: Vec<f64> = market
        .utilities()
        .par_chunks(CHUNK)
        .map(|chunk| {
            let mut found = Vec::new();
            chunk.iter().for_each(|utility| utility.push_kinks(&mut found));
            found.retain(|&p| p > floor);
            found
        })
        .collect::<Vec<_>>()
        .concat();
    kinks.par_sort_unstable_by(f64::total_cmp);
    kinks.dedup();
    kinks
}

/// The interval of clearing prices.
fn search(market: &Market, kinks: &[f64], floor: f64) -> Result<(f64, f64), MarketError> {
    // The first kink above which demand no longer exceeds the total.
    let (mut first, mut end) = (0, kinks.len());
    while first < end {
        let mid = first + (end - first) / 2;
        let at = probe(market, kinks[mid])?;
        if at.above > at.noise() { first = mid + 1 } else { end = mid }
    }
    let left = if first == 0 { floor } else { kinks[first - 1] };
    let Some(&kink) = kinks.get(first) else {
        return inside(market, left, f64::INFINITY);
    };
    let at = probe(market, kink)?;
    if at.below < -at.noise() {
        return inside(market, left, kink);
    }
    // Demand meets the total at the kink. It may stay there on one side: then every price of that side clears.
    let next = kinks.get(first + 1).copied().unwrap_or(f64::INFINITY);
    let flat_above = at.above.abs() <= at.noise() && at.slope_above == 0.0;
    let flat_below = at.below.abs() <= at.noise() && at.slope_below == 0.0;
    Ok((if flat_below { left } else { kink }, if flat_above { next } else { kink }))
}

/// The price strictly between two neighbouring kinks, where demand is smooth.
fn inside(market: &Market, low: f64, high: f64) -> Result<(f64, f64), MarketError> {
    let start = match (low.is_finite(), high.is_finite()) {
        (true, true) => 0.5 * (low + high),
        _ => guess(market, low, high),
    };
    let excess = |price: f64| match probe(market, price) {
        Ok(at) => (at.above, at.slope_above),
        Err(_) => (f64::NAN, 0.0),
    };
    match root::decreasing(excess, start, low, high) {
        Ok(price) => Ok((price, price)),
        Err(NoRoot::NotANumber(price)) => Err(not_a_number(market, price)),
        Err(NoRoot::NoSignChange(price)) => Err(MarketError::NoPrice {
            price,
            reason: "total demand does not reach the total at any price".into(),
        }),
    }
}

/// A first price: mean of the prices at which the agents would not trade, weighted by how strongly they answer.
fn guess(market: &Market, low: f64, high: f64) -> f64 {
    let [weighted, weight] = sum::parallel(market.len(), |i| {
        let utility = market.utility(i);
        let still = 0.0_f64.clamp(utility.low(), utility.high());
        let price = utility.marginal(still, true);
        let slope = utility.demand_slope(price, false).abs();
        if price.is_finite() && slope.is_finite() { [price * slope, slope] } else { [0.0; 2] }
    });
    let mean = if weight > 0.0 { weighted / weight } else { 0.0 };
    if mean > low && mean < high {
        return mean;
    }
    let reach = low.abs().min(high.abs()).max(1.0);
    if low.is_finite() { low + reach } else { high - reach }
}

/// Quantities at the price. Agents that are indifferent on a flat piece share what is left in proportion to the
/// widths of their pieces; then the rounding of the price is taken out along the slopes.
fn allocate(market: &Market, price: f64) -> Result<(Vec<f64>, f64), MarketError> {
    let at = probe(market, price)?;
    let width = at.below - at.above;
    let share = if width > at.noise() { (-at.above / width).clamp(0.0, 1.0) } else { 0.0 };
    let rest = at.above + share * width;
    let step = if rest.abs() > 0.0 && at.slope_above < 0.0 { -rest / at.slope_above } else { 0.0 };
    let allocation: Vec<f64> = market
        .utilities()
        .par_iter()
        .with_min_len(CHUNK)
        .map(|utility| {
            let (low, high) = utility.demand(price);
            let moved = if step == 0.0 { 0.0 } else { step * utility.demand_slope(price, true) };
            let quantity = if low == high { low } else { low + share * (high - low) };
            if moved == 0.0 { quantity } else { (quantity + moved).clamp(utility.low(), utility.high()) }
        })
        .collect();
    let [sum] = sum::parallel(allocation.len(), |i| [allocation[i]]);
    Ok((allocation, sum - market.total()))
}
