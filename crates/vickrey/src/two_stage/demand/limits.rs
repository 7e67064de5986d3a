//! Expectations with curtailment limits: there is no closed transform, so all type profiles are enumerated, exactly.

use rayon::prelude::*;

use super::dispatch::limited_price;
use super::model::Lottery;
use crate::numeric::sum::Sum;
use crate::two_stage::law::Law;

/// Most profiles (types of all players, reserve, shortage) that are enumerated.
pub const MOST_PROFILES: f64 = 2e7;

/// Expected costs with limits, money a day.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Limited {
    /// Of everybody and the reserve, at the cheapest dispatch.
    pub cost: f64,
    /// By player: what the day would cost more without her.
    pub marginal: Vec<f64>,
    /// By player: her own cost.
    pub own: Vec<f64>,
}

/// What a day may bring: every combination, and its probability.
struct Lists<'a> {
    /// By player, then reserve and shortage: values that occur, and their probabilities.
    lists: Vec<Vec<(f64, f64)>>,
    limits: &'a [f64],
}

/// How many profiles [`limited`] would look at.
pub fn profiles(laws: &[&Law], reserve: &Lottery, shortage: &Lottery) -> f64 {
    let likely = |law: &Law| law.probabilities().iter().filter(|p| **p > 0.0).count() as f64;
    let players: f64 = laws.iter().map(|law| likely(law)).product();
    players * likely(reserve.law()) * likely(shortage.law())
}

/// Expectations over all profiles.
pub fn limited(
    types: &[&[f64]],
    laws: &[&Law],
    limits: &[f64],
    reserve: &Lottery,
    shortage: &Lottery,
) -> Limited {
    let list = |values: &[f64], law: &Law| -> Vec<(f64, f64)> {
        let all = values.iter().copied().zip(law.probabilities().iter().copied());
        all.filter(|(_, p)| *p > 0.0).collect()
    };
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
                let x = (price / deltas[i]).min(self.limits[i]);
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
