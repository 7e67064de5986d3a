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

/// The same with `0 <= curtailed <= limit` and a reserve, which alone takes a surplus (a shortage below 0). The price is
/// found by walking the prices at which somebody reaches her limit.
pub fn dispatch_limited(deltas: &[f64], limits: &[f64], reserve: f64, shortage: f64) -> Dispatch {
    let price = limited_price(deltas, limits, reserve, shortage, &mut Vec::new());
    let of = |(delta, limit): (&f64, &f64)| (price / delta).min(*limit).max(0.0);
    let curtailed = deltas.iter().zip(limits).map(of).collect();
    Dispatch { price, curtailed, reserve: price / reserve }
}

/// The price of [`dispatch_limited`]. `breaks` is memory to sort in.
pub(super) fn limited_price(
    deltas: &[f64],
    limits: &[f64],
    reserve: f64,
    shortage: f64,
    breaks: &mut Vec<Break>,
) -> f64 {
    if shortage < 0.0 {
        return shortage * reserve;
    }
    breaks.clear();
    let of =
        |(delta, limit): (&f64, &f64)| Break { price: delta * limit, strength: 1.0 / delta, limit: *limit };
    breaks.extend(deltas.iter().zip(limits).map(of));
    breaks.sort_unstable_by(|a, b| a.price.total_cmp(&b.price));
    // Strengths of those who are not yet at their limits, from the back, so that nothing is subtracted.
    let mut strength = 1.0 / reserve;
    for one in breaks.iter_mut().rev() {
        strength += one.strength;
        one.strength = strength;
    }
    // The first price at which the next one to reach her limit need not reach it. At a kink both sides give the same
    // price, so rounding cannot leave the walk without one.
    let mut full = 0.0;
    for one in breaks.iter() {
        let left = shortage - full;
        if left <= one.price * one.strength {
            return left.max(0.0) / one.strength;
        }
        full += one.limit;
    }
    (shortage - full).max(0.0) * reserve
}

/// Where a provider reaches her limit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Break {
    price: f64,
    /// Of her, then of her and all who reach theirs later, and the reserve.
    strength: f64,
    limit: f64,
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::numeric::random::{Purpose, stream};

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
        let surplus = dispatch_limited(&[1.0], &[1.0], 4.0, -2.0);
        assert_eq!(surplus, Dispatch { price: -8.0, curtailed: vec![0.0], reserve: -2.0 });
    }

    /// Data with one decimal, half of them right on a kink: what is covered is the shortage.
    #[test]
    fn the_shortage_is_covered() {
        let known = dispatch_limited(&[2.4, 2.6, 1.0, 2.9], &[1.0, 2.0, 1.0, 0.4], 4.0, 5.7);
        assert!((known.price - 5.2).abs() < 1e-14);
        let rng = &mut stream(5, Purpose::Instance, 0);
        for case in 0..200_000 {
            let mut tenths = |low: u32, high: u32| f64::from(rng.random_range(low..high)) / 10.0;
            let deltas: Vec<f64> = (0..4).map(|_| tenths(1, 50)).collect();
            let limits: Vec<f64> = (0..4).map(|_| tenths(0, 30)).collect();
            let (reserve, mut shortage) = (tenths(1, 50), tenths(0, 99));
            if case % 2 == 0 {
                let kink = deltas[1] * limits[1];
                let at = |(delta, limit): (&f64, &f64)| (kink / delta).min(*limit);
                shortage = deltas.iter().zip(&limits).map(at).sum::<f64>() + kink / reserve;
            }
            let Dispatch { price, curtailed, reserve: taken } =
                dispatch_limited(&deltas, &limits, reserve, shortage);
            let covered = curtailed.iter().sum::<f64>() + taken;
            assert!(
                (covered - shortage).abs() <= 1e-13 * (1.0 + shortage),
                "{deltas:?} {limits:?} {reserve} {shortage}"
            );
            assert!(price >= 0.0);
        }
    }
}
