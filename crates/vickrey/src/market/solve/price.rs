//! The clearing price: where total demand meets the total, for any mixture of utilities.
//!
//! Demand falls with the price; it jumps at block prices and bends at limits. All those prices are known, so the
//! search finds the two neighbouring ones between which demand crosses the total (bisection over sorted prices, one
//! pass over the agents each), then runs Newton's method between them, where demand is smooth. In a large market there
//! are too many of them: there the crossing is bracketed first, as if demand were smooth (see [`bracket`]), and only
//! the prices inside the bracket are looked at.

use rayon::prelude::*;

use super::excess::price_floor;
use super::local::respond;
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
    /// Sums of all |quantities| just above and just below: what the rounding of the sums is relative to. A block of
    /// practically unlimited size is on one side only.
    size_above: f64,
    size_below: f64,
}

/// What rounding may leave of a sum of quantities that is zero, relative to the sum of their sizes.
const ROUNDING: f64 = 16.0 * f64::EPSILON;

impl Probe {
    /// Demand exceeds the total, also just above the price.
    fn is_short(&self) -> bool {
        self.above > ROUNDING * self.size_above
    }

    /// Demand is less than the total, also just below the price.
    fn is_long(&self) -> bool {
        self.below < -ROUNDING * self.size_below
    }

    /// Every price just above clears as well.
    fn is_flat_above(&self) -> bool {
        self.above.abs() <= ROUNDING * self.size_above && self.slope_above == 0.0
    }

    /// Every price just below clears as well.
    fn is_flat_below(&self) -> bool {
        self.below.abs() <= ROUNDING * self.size_below && self.slope_below == 0.0
    }

    fn size(&self) -> f64 {
        self.size_above.max(self.size_below)
    }
}

/// From this many agents on the crossing is bracketed before the kinks are sorted.
const MANY: usize = 256;
/// Evaluations of total demand that the bracketing may take.
const PROBES: usize = 40;

/// Where demand crosses the total: above it at and below `low`, below it at and above `high` (or never asked there).
#[derive(Clone, Copy, Debug)]
struct Bracket {
    low: f64,
    high: f64,
    /// A good first price inside.
    start: Option<f64>,
}

impl Bracket {
    fn all(floor: f64) -> Self {
        Self { low: floor, high: f64::INFINITY, start: None }
    }
}

fn probe(market: &Market, price: f64) -> Result<Probe, MarketError> {
    let [above, below, slope_above, slope_below, size_above, size_below] = sum::parallel(market.len(), |i| {
        let [low, high, slope_above, slope_below] = respond(market.utility(i), price);
        [low, high, slope_above, slope_below, low.abs(), high.abs()]
    });
    if above.is_nan() || below.is_nan() {
        return Err(not_a_number(market, price));
    }
    let total = market.total();
    Ok(Probe {
        above: above - total,
        below: below - total,
        slope_above,
        slope_below,
        size_above: size_above + total.abs(),
        size_below: size_below + total.abs(),
    })
}

fn not_a_number(market: &Market, price: f64) -> MarketError {
    let agent = (0..market.len()).find(|&i| market.utility(i).demand(price).0.is_nan());
    let who =
        agent.map_or_else(|| "the sum of demands".into(), |i| format!("demand of `{}`", market.name(i)));
    MarketError::NoPrice { price, reason: format!("{who} is not a number") }
}

/// See [`super::clear`].
pub fn clear(market: &Market) -> Result<Clearing, MarketError> {
    check_feasible(market)?;
    let floor = price_floor(market);
    let around = if market.len() < MANY {
        Bracket::all(floor)
    } else {
        // Whatever hinders the bracketing (demand at the edge of its domain), the search over all prices copes with.
        bracket(market, floor)?.unwrap_or(Bracket::all(floor))
    };
    let (price_low, price_high) = search(market, &kinks(market, floor, around), around)?;
    let price = match (price_low.is_finite(), price_high.is_finite()) {
        (true, true) => 0.5 * (price_low + price_high),
        (false, true) => price_high,
        (true, false) => price_low,
        (false, false) => 0.0,
    };
    let (allocation, imbalance, rounding) = allocate(market, price)?;
    let volume: f64 = allocation.iter().map(|u| u.abs()).sum();
    if imbalance.abs() > 1e-9 * (volume + market.total().abs()) + rounding {
        let reason = format!(
            "the quantities miss the total by {imbalance}: their sizes differ too much to be added up"
        );
        return Err(MarketError::NoPrice { price, reason });
    }
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

/// Narrows the clearing price down until demand changes by a few agents' worth inside the bracket, so that few kinks are
/// left. `None` if that does not work out; any answer is only as good as the signs seen, never a guess.
///
/// A step goes where a straight line through what is known meets the total, and a little beyond, so that the crossing
/// is soon seen from both sides; if that does not shrink the bracket fast enough, it is halved.
fn bracket(market: &Market, floor: f64) -> Result<Option<Bracket>, MarketError> {
    let mut found = Bracket::all(floor);
    let (mut at_low, mut at_high) = (f64::INFINITY, f64::NEG_INFINITY);
    let mut price = guess(market, floor, f64::INFINITY);
    let (mut width, mut stride) = (f64::INFINITY, 1e-2 * price.abs().max(1e-2));
    for _ in 0..PROBES {
        let at = probe(market, price)?;
        let value = if at.is_short() {
            (found.low, at_low) = (price, at.above);
            at.above
        } else if at.is_long() {
            (found.high, at_high) = (price, at.below);
            at.below
        } else {
            return Ok(found.high.is_finite().then_some(found).filter(|b| b.low.is_finite()));
        };
        let slope = 0.5 * (at.slope_above + at.slope_below);
        let newton = if slope < 0.0 { -value / slope } else { f64::INFINITY };
        if at_low.is_infinite() || at_high.is_infinite() {
            // Only one side is known: onwards, ever faster.
            let step = if newton.is_finite() { (1.2 * newton.abs()).min(1e3 * stride) } else { stride };
            let next = price + step * value.signum();
            stride *= 4.0;
            price = if next > floor { next } else { 0.5 * (price + floor) };
        } else {
            if at_low - at_high <= 4.0 * at.size() / market.len() as f64 {
                found.start = Some(found.low + (found.high - found.low) * (at_low / (at_low - at_high)));
                return Ok(Some(found));
            }
            let slow = found.high - found.low > 0.5 * width;
            width = found.high - found.low;
            price = next_inside(&found, (at_low, at_high), price + newton, slow);
        }
        if !price.is_finite() || price <= found.low || price >= found.high {
            return Ok(None);
        }
    }
    Ok(None)
}

/// The next price to ask inside a bracket with both ends known.
fn next_inside(found: &Bracket, (at_low, at_high): (f64, f64), newton: f64, slow: bool) -> f64 {
    let (low, high) = (found.low, found.high);
    if slow {
        return 0.5 * (low + high);
    }
    let chord = low + (high - low) * (at_low / (at_low - at_high));
    let root = if newton > low && newton < high { newton } else { chord };
    // Beyond the root as seen from the nearer end, by a tenth of the distance to it.
    let beyond =
        if root - low < high - root { root + 0.1 * (root - low) } else { root - 0.1 * (high - root) };
    if beyond > low && beyond < high { beyond } else { root }
}

/// The prices in the bracket at which demand jumps or bends, ascending, without repetition.
fn kinks(market: &Market, floor: f64, around: Bracket) -> Vec<f64> {
    let mut kinks: Vec<f64> = market
        .utilities()
        .par_chunks(CHUNK)
        .map(|chunk| {
            let mut found = Vec::new();
            chunk.iter().for_each(|utility| utility.push_kinks(&mut found));
            found.retain(|&p| p > floor && p >= around.low && p <= around.high);
            found
        })
        .collect::<Vec<_>>()
        .concat();
    kinks.par_sort_unstable_by(f64::total_cmp);
    kinks.dedup();
    kinks
}

/// The interval of clearing prices, from the kinks in the bracket.
fn search(market: &Market, kinks: &[f64], around: Bracket) -> Result<(f64, f64), MarketError> {
    // The first kink above which demand no longer exceeds the total.
    let (mut first, mut end) = (0, kinks.len());
    while first < end {
        let mid = first + (end - first) / 2;
        let at = probe(market, kinks[mid])?;
        if at.is_short() { first = mid + 1 } else { end = mid }
    }
    let left = if first == 0 { around.low } else { kinks[first - 1] };
    let Some(&kink) = kinks.get(first) else {
        return inside(market, left, around.high, around.start);
    };
    let at = probe(market, kink)?;
    if at.is_long() {
        return inside(market, left, kink, around.start);
    }
    // Demand meets the total at the kink, and perhaps at further ones: up to the last one just below which it still does.
    let (mut last, mut end) = (first, kinks.len());
    while last + 1 < end {
        let mid = last + (end - last) / 2;
        if probe(market, kinks[mid])?.is_long() { end = mid } else { last = mid }
    }
    let low = if first == 0 && at.is_flat_below() { left } else { kink };
    let to_the_end = last + 1 == kinks.len() && probe(market, kinks[last])?.is_flat_above();
    Ok((low, if to_the_end { around.high } else { kinks[last] }))
}

/// The price strictly between two neighbouring kinks, where demand is smooth.
fn inside(market: &Market, low: f64, high: f64, start: Option<f64>) -> Result<(f64, f64), MarketError> {
    let start =
        start.filter(|&x| x > low && x < high).unwrap_or_else(|| match (low.is_finite(), high.is_finite()) {
            (true, true) => 0.5 * (low + high),
            _ => guess(market, low, high),
        });
    let rounding =
        |at: &Probe, price: f64| f64::EPSILON * at.size().max((2.0 * price * at.slope_above).abs());
    let excess = |price: f64| match probe(market, price) {
        // What is left of zero is rounding, of the sums or of the price; the allocation takes it out along the slopes.
        // The search over the last bits would cost a large market as much as all the steps before.
        Ok(at) if market.len() >= MANY && at.above.abs() <= rounding(&at, price) => (0.0, at.slope_above),
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

/// A first price: mean of the prices at which the agents would not trade, weighted by how strongly they answer; if
/// nobody answers but in jumps, the plain mean of the prices at which they begin to buy or to sell.
fn guess(market: &Market, low: f64, high: f64) -> f64 {
    let [weighted, weight, sum, count] = sum::parallel(market.len(), |i| {
        let utility = market.utility(i);
        let still = 0.0_f64.clamp(utility.low(), utility.high());
        let (buys, sells) = (utility.marginal(still, true), utility.marginal(still, false));
        let slope = utility.demand_slope(buys, false).abs();
        let (weighted, weight) =
            if buys.is_finite() && slope.is_finite() { (buys * slope, slope) } else { (0.0, 0.0) };
        let begins = if buys.is_finite() { buys } else { sells };
        let [sum, count] = if begins.is_finite() { [begins, 1.0] } else { [0.0; 2] };
        [weighted, weight, sum, count]
    });
    let mean = if weight > 0.0 { weighted / weight } else { sum / f64::max(count, 1.0) };
    if mean > low && mean < high {
        return mean;
    }
    let reach = low.abs().min(high.abs()).max(1.0);
    if low.is_finite() { low + reach } else { high - reach }
}

/// Quantities at the price. Agents that are indifferent on a flat piece share what is left in proportion to the
/// widths of their pieces; then the rounding of the price is taken out along the slopes. Returns the quantities, what
/// they miss the total by, and how much of that the rounding of the price explains (where nobody trades, all of it).
fn allocate(market: &Market, price: f64) -> Result<(Vec<f64>, f64, f64), MarketError> {
    let at = probe(market, price)?;
    let width = at.below - at.above;
    let share = if width > ROUNDING * at.size_above.min(at.size_below) {
        (-at.above / width).clamp(0.0, 1.0)
    } else {
        0.0
    };
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
    let rounding = 1e-12 * (price * at.slope_above).abs();
    Ok((allocation, sum - market.total(), rounding))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::Utility;
    use crate::numeric::random::{Purpose, stream};
    use rand::{Rng, RngExt};

    /// Agents of all kinds; block prices and quantities on a grid, so that ties are common.
    fn agent(kind: u8, random: &mut impl Rng) -> Utility {
        let mut within = |low: f64, high: f64| random.random_range(low..high);
        let (weight, shift) = (within(0.5, 4.0), within(0.3, 3.0));
        match kind {
            0 => Utility::quadratic(-within(0.5, 2.0), within(0.5, 4.0)).unwrap(),
            1 => {
                Utility::quadratic(-within(0.5, 2.0), within(0.5, 4.0)).unwrap().limited(-1.0, shift).unwrap()
            }
            2 => Utility::log(weight, shift, 0.2).unwrap(),
            3 => Utility::log(weight, shift, 0.0).unwrap().limited(-0.5 * shift, 1.0).unwrap(),
            4 => Utility::power(weight, shift, within(0.2, 0.8), 0.1).unwrap(),
            5 => Utility::exponential(weight, within(0.3, 2.0)).unwrap(),
            6 => Utility::blocks(&[(within(1.0, 4.0).round(), within(1.0, 9.0).round())], &[]).unwrap(),
            7 => Utility::blocks(&[], &[(within(1.0, 4.0).round(), within(1.0, 9.0).round())]).unwrap(),
            8 => Utility::points(&[(-shift, weight + 1.0), (shift, 0.5)]).unwrap(),
            _ => Utility::fixed(within(-1.0, 1.0)).unwrap(),
        }
    }

    /// The bracket leaves out kinks, never an answer: large markets of every mixture of kinds, against the search over
    /// all kinks.
    #[test]
    fn bracketing_changes_nothing() {
        let mut bracketed = 0;
        for seed in 0..300 {
            let mut random = stream(seed, Purpose::Instance, 0);
            let n = random.random_range(2..900);
            let kinds: Vec<u8> = (0..random.random_range(1..5)).map(|_| random.random_range(0..10)).collect();
            let agents = (0..n).map(|k| agent(kinds[k % kinds.len()], &mut random)).collect();
            let market = Market::new(agents, if seed % 2 == 0 { 0.0 } else { 0.1 * n as f64 }).unwrap();
            if check_feasible(&market).is_err() {
                continue;
            }
            let floor = price_floor(&market);
            let all = Bracket::all(floor);
            let slow = search(&market, &kinks(&market, floor, all), all);
            let Some(around) = bracket(&market, floor).unwrap() else {
                continue;
            };
            bracketed += 1;
            let fast = search(&market, &kinks(&market, floor, around), around);
            let ((low, high), (slow_low, slow_high)) = (fast.unwrap(), slow.unwrap());
            let close = |x: f64, y: f64| x == y || (x - y).abs() <= 4e-15 * y.abs();
            assert!(
                close(low, slow_low) && close(high, slow_high),
                "{seed} {kinds:?}: {low} {high} {slow_low} {slow_high}"
            );
        }
        assert!(bracketed > 150, "{bracketed}");
    }
}
