//! The first-stage decision: how much to buy the day before (an extension of paper 001; source: minimise
//! `q G + kappa E(d - G)² / 2` over G).

/// The shortage as the first stage knows it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outlook {
    /// E d, in units.
    pub mean: f64,
    /// E (d - E d)², in units squared; not a difference of E d² and (E d)².
    pub variance: f64,
}

impl Outlook {
    /// A shortage that is known.
    pub fn certain(d: f64) -> Self {
        Self { mean: d, variance: 0.0 }
    }

    /// E d².
    pub fn square(self) -> f64 {
        self.variance + self.mean * self.mean
    }
}

/// Units bought at price `q`: nothing that would have to be sold again on average, none if the market is cheaper.
pub fn bought(q: f64, kappa: f64, mean: f64) -> f64 {
    (mean - q / kappa).max(0.0)
}

/// Expected cost of a day, `q G + kappa E(d - G)² / 2` at the best G; without purchases (`q` none) `kappa E d² / 2`.
pub fn cost(q: Option<f64>, kappa: f64, outlook: Outlook) -> f64 {
    let Some(q) = q else { return kappa * outlook.square() / 2.0 };
    q * bought(q, kappa, outlook.mean) + kappa * left(Some(q), kappa, outlook) / 2.0
}

/// E (d - G)²: what is left to be covered on the day. Where something is bought, d - G is q / kappa on average, which is
/// taken as it is and not as a difference.
pub fn left(q: Option<f64>, kappa: f64, outlook: Outlook) -> f64 {
    let Some(q) = q else { return outlook.square() };
    let mean = if bought(q, kappa, outlook.mean) > 0.0 { q / kappa } else { outlook.mean };
    outlook.variance + mean * mean
}

/// `cost(kappa + marginal) - cost(kappa)` with the relative accuracy of `marginal`.
pub fn difference(q: Option<f64>, kappa: f64, marginal: f64, outlook: Outlook) -> f64 {
    let Some(q) = q else { return marginal * outlook.square() / 2.0 };
    let Outlook { mean, variance } = outlook;
    let without = kappa + marginal;
    // The part that the purchase can save: q m - q²/(2 k) where something is bought, k m²/2 where not.
    let saved = match (bought(q, kappa, mean) > 0.0, bought(q, without, mean) > 0.0) {
        (true, _) => marginal / kappa * q / without * q / 2.0,
        (false, false) => marginal * mean * mean / 2.0,
        (false, true) => {
            // kappa <= q / mean < without. Written so that nothing cancels: for a small player what lies behind q / mean
            // is a small correction of what it would cost without purchases, for a large one the two parts are added.
            let (end, excess) = (q / mean, without - q / mean);
            let rise = match marginal < kappa {
                true => marginal - excess * (excess / without),
                false => (end - kappa) + end * (excess / without),
            };
            rise * mean * mean / 2.0
        }
    };
    marginal * variance / 2.0 + saved
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_those_of_the_costs() {
        for q in [None, Some(0.0), Some(0.3), Some(0.9), Some(5.0)] {
            for (kappa, marginal) in [(0.7, 0.7), (0.7, 0.05), (0.2, 3.0), (2.0, 1.0)] {
                for outlook in
                    [Outlook::certain(0.0), Outlook::certain(1.2), Outlook { mean: 1.0, variance: 2.0 }]
                {
                    let known = cost(q, kappa + marginal, outlook) - cost(q, kappa, outlook);
                    let ours = difference(q, kappa, marginal, outlook);
                    assert!(
                        (ours - known).abs() < 1e-14 * (1.0 + known),
                        "{q:?} {kappa} {marginal} {outlook:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_is_bought_is_the_cheapest() {
        for q in [0.0, 0.2, 0.9, 3.0] {
            let outlook = Outlook { mean: 1.5, variance: 0.75 };
            let of = |g: f64| q * g + 0.8 * (outlook.square() - 2.0 * g * outlook.mean + g * g) / 2.0;
            let least = (0..=2000).map(|k| of(f64::from(k) * 1e-3)).fold(f64::INFINITY, f64::min);
            let ours = cost(Some(q), 0.8, outlook);
            assert!(ours <= least + 1e-12 && ours >= least - 1e-6, "{q}: {ours} is not {least}");
            assert!((of(bought(q, 0.8, 1.5)) - ours).abs() < 1e-12);
        }
    }
}
