//! Forecast errors: their bias, how they persist, and the news that each period brings.
//!
//! The error of a plant is persistent: an hour with too much wind is followed by another one. The mechanism needs
//! disturbances that nobody can foresee, so the errors themselves cannot be the noise. What cannot be foreseen is how
//! the *expected energy of the whole day* moves. With errors e(t) in MW, their mean over the days taken out, and
//! e(t) = f(t) e(t-1) + n(t), f(t) from the regression over all days at that time of day,
//!
//! ```text
//! G(T-1) = 1,  G(t) = 1 + f(t+1) G(t+1),     w(t) = G(t) n(t) hours,     w(0) = G(0) e(0) hours
//! ```
//!
//! is the news of period t about that energy: n(t) and all that it lets expect later. The sum of w over the day is the
//! energy of the day's errors, exactly.

/// The errors of one plant or area, seen from the account on which they are settled (a surplus is positive).
#[derive(Clone, Debug, PartialEq)]
pub(super) struct News {
    /// Energy by which the forecast is off on an average day, taken out of everything else, MWh.
    pub bias: f64,
    /// Standard deviation of an error, over all days and periods, MW.
    pub deviation: f64,
    /// Average of f over the periods.
    pub persistence: f64,
    /// Correlation of n(t) with n(t-1): 0 if the errors are exactly as assumed.
    pub leftover: f64,
    /// Variance of w in each period, MWh².
    pub variance: Vec<f64>,
    /// w on the chosen day, MWh.
    pub path: Vec<f64>,
    /// Energy of the errors of each day, without the bias, MWh.
    pub energy: Vec<f64>,
}

impl News {
    /// Standard deviation of the energy of a day's errors, MWh.
    pub fn spread(&self) -> f64 {
        self.variance.iter().sum::<f64>().sqrt()
    }

    /// Correlation of the energies of a day's errors with those of another account on the same days.
    pub fn correlation(&self, other: &Self) -> f64 {
        let product = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
        let scale = (product(&self.energy, &self.energy) * product(&other.energy, &other.energy)).sqrt();
        if scale > 0.0 { product(&self.energy, &other.energy) / scale } else { 0.0 }
    }
}

/// Fewest days from which variances are estimated.
pub(super) const FEWEST_DAYS: usize = 3;

/// The news of errors (MW; one row a day, at least [`FEWEST_DAYS`]) in periods of so many hours; `chosen` is a row.
pub(super) fn news(mut errors: Vec<Vec<f64>>, chosen: usize, hours: f64) -> News {
    let (days, periods) = (errors.len(), errors[chosen].len());
    let mut bias = 0.0;
    for t in 0..periods {
        let mean = errors.iter().map(|e| e[t]).sum::<f64>() / days as f64;
        errors.iter_mut().for_each(|e| e[t] -= mean);
        bias += mean * hours;
    }
    let squares = errors.iter().flatten().map(|e| e * e).sum::<f64>();
    let f = persistence(&errors);
    let innovations: Vec<Vec<f64>> = errors.iter().map(|e| innovations(e, &f)).collect();
    let mut gain = vec![1.0; periods];
    for t in (0..periods - 1).rev() {
        gain[t] = 1.0 + f[t + 1] * gain[t + 1];
    }
    let variance = (0..periods).map(|t| {
        // The mean has cost one degree of freedom, the regression another one.
        let free = if t == 0 { days - 1 } else { days - 2 };
        let sum = innovations.iter().map(|n| n[t] * n[t]).sum::<f64>();
        (gain[t] * hours).powi(2) * sum / free as f64
    });
    News {
        bias,
        deviation: (squares / ((days - 1) * periods) as f64).sqrt(),
        persistence: f[1..].iter().sum::<f64>() / (periods - 1) as f64,
        leftover: leftover(&innovations),
        variance: variance.collect(),
        energy: errors.iter().map(|e| hours * e.iter().sum::<f64>()).collect(),
        path: innovations[chosen].iter().zip(&gain).map(|(n, g)| g * n * hours).collect(),
    }
}

/// f: regression of each period's error on that of the period before; 0 in the first one.
fn persistence(errors: &[Vec<f64>]) -> Vec<f64> {
    let periods = errors[0].len();
    let slope = |t: usize| {
        let products = errors.iter().map(|e| e[t] * e[t - 1]).sum::<f64>();
        let squares = errors.iter().map(|e| e[t - 1] * e[t - 1]).sum::<f64>();
        if squares > 0.0 { products / squares } else { 0.0 }
    };
    (0..periods).map(|t| if t == 0 { 0.0 } else { slope(t) }).collect()
}

fn innovations(errors: &[f64], f: &[f64]) -> Vec<f64> {
    (0..errors.len()).map(|t| if t == 0 { errors[0] } else { errors[t] - f[t] * errors[t - 1] }).collect()
}

fn leftover(innovations: &[Vec<f64>]) -> f64 {
    let (mut products, mut squares) = (0.0, 0.0);
    for n in innovations {
        products += n.windows(2).skip(1).map(|w| w[0] * w[1]).sum::<f64>();
        squares += n.iter().skip(1).map(|n| n * n).sum::<f64>();
    }
    if squares > 0.0 { products / squares } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_news_of_a_day_is_its_energy_and_the_bias_is_taken_out() {
        let errors =
            vec![vec![3.0, 5.0, 1.0], vec![-1.0, 0.0, 4.0], vec![4.0, 4.0, 4.0], vec![0.0, -1.0, 1.0]];
        let means = [1.5, 2.0, 2.5];
        for chosen in 0..4 {
            let news = news(errors.clone(), chosen, 0.5);
            let energy: f64 = errors[chosen].iter().zip(means).map(|(e, m)| 0.5 * (e - m)).sum();
            assert!((news.path.iter().sum::<f64>() - energy).abs() < 1e-12);
            assert!((news.energy[chosen] - energy).abs() < 1e-12);
            assert!((news.bias - 3.0).abs() < 1e-12);
            assert!((news.correlation(&news) - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn a_known_process_is_found() {
        // Two independent shocks of ±1 on four days: e(0) = a, e(1) = a/2 + b.
        let errors = [(1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)].map(|(a, b)| vec![a, a / 2.0 + b]);
        let news = news(errors.to_vec(), 0, 1.0);
        assert_eq!(news.persistence, 0.5);
        assert_eq!(news.path, [1.5, 1.0]);
        assert!((news.variance[0] - 2.25 * 4.0 / 3.0).abs() < 1e-12);
        assert!((news.variance[1] - 4.0 / 2.0).abs() < 1e-12);
    }

    #[test]
    fn no_errors_are_no_news() {
        let news = news(vec![vec![0.0; 4]; 3], 1, 1.0);
        assert_eq!((news.deviation, news.persistence, news.leftover), (0.0, 0.0, 0.0));
        assert!(news.variance.iter().chain(&news.path).all(|x| *x == 0.0));
    }
}
