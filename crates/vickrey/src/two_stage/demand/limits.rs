//! Expected costs with curtailment limits: there is no closed transform. All type profiles are enumerated where that is
//! possible, and costs are [bracketed](super::bracket) where it is not.

use rayon::prelude::*;

use super::bracket::{Accuracy, Bracket, Setting, Task, Unreached, likely, own_costs, solved};
use super::dispatch::limited_price;
use super::least::purchases;
use super::model::Lottery;
use crate::numeric::sum::Sum;
use crate::two_stage::law::Law;

/// Most profiles (types of all players, reserve, shortage) that are enumerated.
pub const MOST_PROFILES: f64 = 2e7;

/// Expected costs with limits, money a day.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Limited {
    /// The announced shortage that this holds for; none where the shortage is not announced.
    pub shortage: Option<f64>,
    /// Bought the day before, units.
    pub bought: f64,
    /// Of everybody and the reserve, at the cheapest dispatch, and of what is bought.
    pub cost: f64,
    /// By player: what the day would cost more without her.
    pub marginal: Vec<f64>,
    /// By player: her own cost.
    pub own: Vec<f64>,
    /// How exact these numbers are; none where they are exact but for rounding.
    pub doubt: Option<Doubt>,
}

/// How far the middles of brackets may be from what they stand for, money a day.
///
/// A player's contribution, what the day would cost without her less what it costs, is off by `cost` and her entry of
/// `without` at most. The latter does not depend on her own law; so no lie about it gains more than twice `cost` a day,
/// where it could gain nothing if all costs were exact. `own` moves money between the two parts of a payment only.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Doubt {
    /// Of the cost with everybody.
    pub cost: f64,
    /// By player: of the cost without her.
    pub without: Vec<f64>,
    /// By player: of her own cost.
    pub own: Vec<f64>,
}

impl Doubt {
    /// What a player's contribution may be off by.
    pub fn contribution(&self, player: usize) -> f64 {
        self.cost + self.without[player]
    }
}

/// Expected costs of a shortage, of what is left of it after the best purchase at a price if there is one.
///
/// Which way they are found follows from public data, not from reports: how many types everybody may have.
///
/// # Errors
/// There is too much to enumerate, and the work is done before the brackets are narrow enough.
pub(super) fn expected(
    setting: &Setting<'_>,
    shortage: &Lottery,
    purchase: Option<f64>,
    accuracy: Accuracy,
) -> Result<Limited, Unreached> {
    let few = profiles(setting.types, setting.reserve, shortage) <= MOST_PROFILES;
    let listed = |shortage| limited(setting.types, setting.laws, setting.limits, setting.reserve, shortage);
    let mut work = 0.0;
    let Some(q) = purchase else {
        if few {
            return Ok(listed(shortage));
        }
        let shortages: Vec<_> = likely(shortage.values(), shortage.law()).filter(|(y, _)| *y > 0.0).collect();
        let who = std::iter::once(None).chain((0..setting.types.len()).map(Some));
        let tasks: Vec<Task> = who.map(|without| Task { without, shortages: shortages.clone() }).collect();
        let all = solved(setting, &tasks, accuracy, &mut work)?;
        let own = own_costs(setting, &all[0], &mut work);
        let costs: Vec<_> = all.iter().map(|one| (one.found.middle(), one.found.half())).collect();
        return Ok(bracketed(&costs, &own));
    };
    let bought = purchases(setting, shortage, q, accuracy, &mut work)?;
    let costs: Vec<_> = bought.iter().map(|best| (best.cost, best.doubt)).collect();
    let left = shortage.less(bought[0].bought);
    let mut found = if few {
        let own = listed(&left).own.into_iter().map(|x| Bracket { low: x, high: x }).collect::<Vec<_>>();
        bracketed(&costs, &own)
    } else {
        let shortages: Vec<_> = likely(left.values(), left.law()).filter(|(y, _)| *y > 0.0).collect();
        let task = [Task { without: None, shortages }];
        let all = solved(setting, &task, accuracy, &mut work)?;
        bracketed(&costs, &own_costs(setting, &all[0], &mut work))
    };
    found.bought = bought[0].bought;
    Ok(found)
}

/// From costs and their doubts (with everybody, then without each player) and own costs.
fn bracketed(costs: &[(f64, f64)], own: &[Bracket]) -> Limited {
    let [(cost, doubt), without @ ..] = costs else { return Limited::default() };
    let halves = own.iter().map(Bracket::half).collect();
    let without_doubt = without.iter().map(|(_, doubt)| *doubt).collect();
    Limited {
        cost: *cost,
        marginal: without.iter().map(|(other, _)| other - cost).collect(),
        own: own.iter().map(Bracket::middle).collect(),
        doubt: Some(Doubt { cost: *doubt, without: without_doubt, own: halves }),
        ..Limited::default()
    }
}

/// What a day may bring: every combination, and its probability.
struct Lists<'a> {
    /// By player, then reserve and shortage: values that occur, and their probabilities.
    lists: Vec<Vec<(f64, f64)>>,
    limits: &'a [f64],
}

/// How many profiles there are, whatever is reported.
fn profiles(types: &[&[f64]], reserve: &Lottery, shortage: &Lottery) -> f64 {
    let players: f64 = types.iter().map(|own| own.len() as f64).product();
    players * (reserve.values().len() * shortage.values().len()) as f64
}

/// Expectations over all profiles.
pub(super) fn limited(
    types: &[&[f64]],
    laws: &[&Law],
    limits: &[f64],
    reserve: &Lottery,
    shortage: &Lottery,
) -> Limited {
    let list = |values: &[f64], law: &Law| likely(values, law).collect();
    let mut lists: Vec<Vec<(f64, f64)>> = types.iter().zip(laws).map(|(t, law)| list(t, law)).collect();
    lists.push(list(reserve.values(), reserve.law()));
    lists.push(list(shortage.values(), shortage.law()));
    let all = Lists { lists, limits };
    let count: usize = all.lists.iter().map(Vec::len).product();
    // Chunks of a fixed size, added in their order: no result depends on the number of threads.
    const CHUNK: usize = 1 << 14;
    let parts: Vec<Vec<f64>> = (0..count.div_ceil(CHUNK))
        .into_par_iter()
        .map(|c| all.sums(c * CHUNK..((c + 1) * CHUNK).min(count)))
        .collect();
    let players = types.len();
    let total = |k: usize| crate::numeric::sum::compensated(parts.iter().map(|part| part[k]));
    Limited {
        cost: total(0),
        marginal: (0..players).map(|i| total(1 + i)).collect(),
        own: (0..players).map(|i| total(1 + players + i)).collect(),
        ..Limited::default()
    }
}

impl Lists<'_> {
    /// Cost, marginals and own costs, weighted by the probabilities of these profiles.
    fn sums(&self, range: std::ops::Range<usize>) -> Vec<f64> {
        let players = self.limits.len();
        let mut sums = vec![Sum::from(0.0); 1 + 2 * players];
        let mut deltas = vec![0.0; players];
        let mut breaks = Vec::new();
        for number in range {
            let (mut rest, mut chance) = (number, 1.0);
            let mut next = |list: &[(f64, f64)]| {
                let (value, p) = list[rest % list.len()];
                rest /= list.len();
                chance *= p;
                value
            };
            for (delta, list) in deltas.iter_mut().zip(&self.lists) {
                *delta = next(list);
            }
            let (reserve, shortage) = (next(&self.lists[players]), next(&self.lists[players + 1]));
            let price = limited_price(&deltas, self.limits, reserve, shortage, &mut breaks);
            let mut cost = price * (price / reserve) / 2.0;
            for i in 0..players {
                let x = (price / deltas[i]).min(self.limits[i]).max(0.0);
                let own = deltas[i] * x * x / 2.0;
                cost += own;
                sums[1 + players + i].add(chance * own);
                sums[1 + i].add(chance * self.added(i, (&deltas, reserve), price, x));
            }
            sums[0].add(chance * cost);
        }
        sums.into_iter().map(Sum::get).collect()
    }

    /// What the others would have to pay more for covering the `x` of player `i`, less what it costs her: a sum of
    /// positive terms, walked over the prices at which others reach their limits.
    fn added(&self, i: usize, (deltas, reserve): (&[f64], f64), price: f64, x: f64) -> f64 {
        let ends =
            || (0..deltas.len()).filter(move |j| *j != i).map(|j| (deltas[j] * self.limits[j], deltas[j]));
        let (mut at, mut left) = (price, x);
        // Her margin, price * x - delta x²/2, and then what the price rises above that.
        let mut sum = (price - deltas[i] * x / 2.0) * x;
        while left > 0.0 {
            let free = ends().filter(|(end, _)| *end > at);
            let (mut strength, mut next) = (1.0 / reserve, f64::INFINITY);
            for (end, delta) in free {
                strength += 1.0 / delta;
                next = next.min(end);
            }
            let reach = (next - at) * strength;
            let (covered, rise) = if reach >= left { (left, left / strength) } else { (reach, next - at) };
            sum += covered * ((at - price) + rise / 2.0);
            left -= covered;
            at += rise;
            if reach >= left + covered {
                break;
            }
        }
        sum
    }
}
