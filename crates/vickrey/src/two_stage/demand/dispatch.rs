//! One day: who curtails how much for these bids and this reserve.

/// What a day's bids lead to. Money and units as in the market.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dispatch {
    /// Price of a unit: marginal cost of everybody who is not at a limit.
    pub price: f64,
    /// Curtailment by player.
    pub curtailed: Vec<f64>,
    /// Taken from the reserve.
    pub reserve: f64,
}

/// Splits `shortage` between providers (`deltas`: what they bid) and the reserve at equal marginal cost: the cheapest way.
pub fn dispatch(deltas: &[f64], reserve: Option<f64>, shortage: f64) -> Dispatch {
    let strength =
        deltas.iter().map(|delta| 1.0 / delta).sum::<f64>() + reserve.map_or(0.0, |delta| 1.0 / delta);
    let price = shortage / strength;
    Dispatch {
        price,
        curtailed: deltas.iter().map(|delta| price / delta).collect(),
        reserve: reserve.map_or(0.0, |delta| price / delta),
    }
}

/// The same with `0 <= curtailed <= limit`, for a shortage of at least 0 and a reserve. The price is found by walking the
/// prices at which somebody reaches her limit.
pub fn dispatch_limited(deltas: &[f64], limits: &[f64], reserve: f64, shortage: f64) -> Dispatch {
    let price = limited_price(deltas, limits, reserve, shortage, &mut Vec::new());
    let curtailed = deltas.iter().zip(limits).map(|(delta, limit)| (price / delta).min(*limit)).collect();
    Dispatch { price, curtailed, reserve: price / reserve }
}

/// The price of [`dispatch_limited`]. `breaks` is memory to sort in.
pub(super) fn limited_price(
    deltas: &[f64],
    limits: &[f64],
    reserve: f64,
    shortage: f64,
    breaks: &mut Vec<(f64, f64, f64)>,
) -> f64 {
    breaks.clear();
    breaks.extend(deltas.iter().zip(limits).map(|(delta, limit)| (delta * limit, 1.0 / delta, *limit)));
    breaks.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    // Behind the k-th break the first k are at their limits; strengths of the others are added from the back, so that
    // nothing is subtracted.
    let mut best = shortage * reserve;
    let mut strength = 1.0 / reserve;
    let mut full: Vec<f64> = Vec::with_capacity(breaks.len() + 1);
    full.push(0.0);
    for (_, _, limit) in breaks.iter() {
        full.push(full[full.len() - 1] + limit);
    }
    for k in (0..=breaks.len()).rev() {
        if k < breaks.len() {
            strength += breaks[k].1;
        }
        let left = (shortage - full[k]).max(0.0);
        let price = left / strength;
        let above = k == 0 || price >= breaks[k - 1].0;
        let below = k == breaks.len() || price <= breaks[k].0;
        if above && below {
            return price;
        }
        best = price;
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_bind_where_they_should() {
        let free = dispatch(&[1.0, 2.0], Some(4.0), 7.0);
        assert_eq!(free, Dispatch { price: 4.0, curtailed: vec![4.0, 2.0], reserve: 1.0 });
        let loose = dispatch_limited(&[1.0, 2.0], &[9.0, f64::INFINITY], 4.0, 7.0);
        assert_eq!(free, loose);
        let bound = dispatch_limited(&[1.0, 2.0], &[1.0, 9.0], 4.0, 7.0);
        assert_eq!(bound, Dispatch { price: 8.0, curtailed: vec![1.0, 4.0], reserve: 2.0 });
        let closed = dispatch_limited(&[1.0, 2.0], &[0.0, 0.0], 4.0, 7.0);
        assert_eq!(closed, Dispatch { price: 28.0, curtailed: vec![0.0, 0.0], reserve: 7.0 });
        assert_eq!(dispatch_limited(&[1.0], &[1.0], 4.0, 0.0).price, 0.0);
    }
}
