//! What a sample says: mean and its error, quantiles, shares with their confidence.

/// Two-sided 95 % quantile of the normal law.
pub const SURE: f64 = 1.959_963_984_540_054;

/// Count, mean, spread and extremes of a sample, one value after the other (Welford's recursion).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moments {
    /// How many values.
    pub count: u64,
    /// Their mean; 0 before the first.
    pub mean: f64,
    /// The least; infinity before the first.
    pub least: f64,
    /// The largest; minus infinity before the first.
    pub largest: f64,
    /// Sum of squared distances from the mean.
    squares: f64,
}

impl Default for Moments {
    fn default() -> Self {
        Self { count: 0, mean: 0.0, least: f64::INFINITY, largest: f64::NEG_INFINITY, squares: 0.0 }
    }
}

impl Moments {
    /// The moments of these values.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut moments = Self::default();
        for x in values {
            moments.add(x);
        }
        moments
    }

    /// Takes in one value.
    pub fn add(&mut self, x: f64) {
        self.count += 1;
        let away = x - self.mean;
        self.mean += away / self.count as f64;
        self.squares += away * (x - self.mean);
        self.least = self.least.min(x);
        self.largest = self.largest.max(x);
    }

    /// Standard deviation of the values around their mean; none for fewer than two.
    pub fn deviation(&self) -> Option<f64> {
        (self.count > 1).then(|| (self.squares / (self.count - 1) as f64).sqrt())
    }

    /// Standard error of the mean; none for fewer than two values.
    pub fn error(&self) -> Option<f64> {
        self.deviation().map(|deviation| deviation / (self.count as f64).sqrt())
    }

    /// How many standard errors the mean is away from what was expected. Differences below `rounding` are none.
    /// Infinite if the values do not vary and the mean is off all the same; none for fewer than two values.
    pub fn score(&self, expected: f64, rounding: f64) -> Option<f64> {
        let error = self.error()?;
        let off = self.mean - expected;
        Some(if off.abs() <= rounding { 0.0 } else { off / error })
    }

    /// About how many values make the sign of the mean sure (95 %), if it is what it looks like; none if there is no
    /// mean to tell the sign of, or fewer than two values.
    pub fn needed(&self) -> Option<f64> {
        let deviation = self.deviation()?;
        let needed = (SURE * deviation / self.mean).powi(2);
        needed.is_finite().then(|| needed.ceil().max(1.0))
    }
}

/// Quantiles of values in rising order, between the two nearest of them; none if there are no values.
///
/// The p-quantile of n values stands at place p (n - 1), counted from 0.
pub fn quantiles<const K: usize>(sorted: &[f64], at: [f64; K]) -> Option<[f64; K]> {
    let last = sorted.len().checked_sub(1)?;
    Some(at.map(|p| {
        let place = p.clamp(0.0, 1.0) * last as f64;
        let low = (place.floor() as usize).min(last);
        let (x, y) = (sorted[low], sorted[(low + 1).min(last)]);
        if x == y { x } else { x + (place - low as f64) * (y - x) }
    }))
}

/// How often something happened, with a 95 % confidence interval (Wilson's).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share {
    /// How often it happened.
    pub count: u64,
    /// Out of how many.
    pub of: u64,
    /// The share, 0 to 1.
    pub share: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

impl Share {
    /// The share of `count` out of `of`; 0 to 1 is as much as is known from none.
    pub fn new(count: u64, of: u64) -> Self {
        if of == 0 {
            return Self { count, of, share: 0.0, low: 0.0, high: 1.0 };
        }
        let n = of as f64;
        let share = count as f64 / n;
        let square = SURE * SURE;
        let centre = (share + square / (2.0 * n)) / (1.0 + square / n);
        let half = SURE / (1.0 + square / n) * (share * (1.0 - share) / n + square / (4.0 * n * n)).sqrt();
        let low = if count == 0 { 0.0 } else { (centre - half).max(0.0) };
        let high = if count == of { 1.0 } else { (centre + half).min(1.0) };
        Self { count, of, share, low, high }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_of_few_values() {
        let moments = Moments::of([1.0, 2.0, 4.0, 5.0]);
        assert_eq!((moments.mean, moments.least, moments.largest), (3.0, 1.0, 5.0));
        assert!((moments.deviation().unwrap() - (10.0_f64 / 3.0).sqrt()).abs() < 1e-15);
        assert!((moments.error().unwrap() - (10.0_f64 / 12.0).sqrt()).abs() < 1e-15);
        assert_eq!(Moments::of([1.0]).error(), None);
        assert_eq!(Moments::of([2.0, 2.0]).score(1.0, 0.0), Some(f64::INFINITY));
        assert_eq!(Moments::of([2.0, 2.0]).score(2.0 + 1e-12, 1e-11), Some(0.0));
        assert_eq!(Moments::of([0.0, 0.0]).needed(), None);
        assert_eq!(Moments::of([-1.0, 1.0, 1.5]).needed(), Some(27.0));
    }

    #[test]
    fn large_means_keep_their_spread() {
        let moments = Moments::of((0..1000).map(|k| 1e9 + f64::from(k % 2)));
        assert!((moments.deviation().unwrap() - 0.500_25).abs() < 1e-5);
    }

    #[test]
    fn quantiles_between_values() {
        assert_eq!(quantiles(&[1.0, 2.0, 3.0], [0.0, 0.25, 0.5, 1.0]), Some([1.0, 1.5, 2.0, 3.0]));
        assert_eq!(quantiles(&[7.0], [0.05, 0.95]), Some([7.0, 7.0]));
        assert_eq!(quantiles(&[], [0.5]), None);
    }

    #[test]
    fn shares_have_wilsons_interval() {
        let share = Share::new(10, 50);
        assert!((share.low - 0.112_437).abs() < 1e-5 && (share.high - 0.330_371).abs() < 1e-5, "{share:?}");
        let none = Share::new(0, 100);
        assert!(none.low == 0.0 && (none.high - 0.036_995).abs() < 1e-5, "{none:?}");
        assert_eq!(Share::new(3, 3).high, 1.0);
        assert_eq!(Share::new(0, 0).high, 1.0);
    }
}
