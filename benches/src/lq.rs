//! Linear-quadratic markets drawn at random, and what their agents bid.

use rayon::prelude::*;
use vickrey::lq::solve::discount::Effort;
use vickrey::lq::{Aggregate, Bids, Market, Record, ScalarColumns, Trade};
use vickrey::numeric::law::Law;
use vickrey::numeric::random::{Purpose, stream_at};

use crate::{Failure, draw};

/// Agents whose disturbances come from one random stream.
const STRETCH: usize = 4096;

/// Scalar agents: a in [0.6, 1.1], b in [0.5, 1.5], q in -[0.2, 2], r in -[0.5, 2], mean of x(0) in [-1, 1], its
/// variance in [0.1, 1], variance of every disturbance in [0.05, 0.5].
pub fn columns(agents: usize, seed: u64) -> ScalarColumns {
    let drawn: Vec<[f64; 7]> = draw(agents, seed, |_, random| {
        use rand::RngExt;
        let mut within = |low: f64, high: f64| random.random_range(low..high);
        [
            within(0.6, 1.1),
            within(0.5, 1.5),
            -within(0.2, 2.0),
            -within(0.5, 2.0),
            within(-1.0, 1.0),
            within(0.1, 1.0),
            within(0.05, 0.5),
        ]
    });
    let [a, b, q, r, start, start_noise, noise] =
        std::array::from_fn(|k| drawn.iter().map(|agent| agent[k]).collect());
    ScalarColumns { a, b, q, r, start, start_noise, noise, linear: Vec::new() }
}

/// A drawn market and nature beside it.
#[derive(Clone, Debug)]
pub struct Drawn {
    /// The market.
    pub market: Market,
    seed: u64,
    start: Vec<f64>,
    /// Standard deviations of x(0), and of what arrives later.
    deviations: [Vec<f64>; 2],
}

impl Drawn {
    /// The market of [`columns`].
    ///
    /// # Errors
    /// Fewer than two agents, or no periods.
    pub fn new(agents: usize, periods: usize, seed: u64) -> Result<Self, Failure> {
        let columns = columns(agents, seed);
        let roots = |variances: &[f64]| variances.iter().map(|v| v.sqrt()).collect();
        let (start, deviations) =
            (columns.start.clone(), [roots(&columns.start_noise), roots(&columns.noise)]);
        Ok(Self { market: Market::from_columns(periods, Vec::new(), columns)?, seed, start, deviations })
    }

    /// What truthful agents bid in a period: x(0), later what has just arrived; normally distributed.
    pub fn bids(&self, period: usize) -> Vec<f64> {
        let mut bids = vec![0.0; self.start.len()];
        bids.par_chunks_mut(STRETCH).enumerate().for_each(|(k, bids)| {
            let mut random = stream_at(self.seed, Purpose::Nature, k as u64, period as u64);
            for (i, bid) in (k * STRETCH..).zip(bids) {
                let unexpected = self.deviations[period.min(1)][i] * Law::Gaussian.draw(&mut random);
                *bid = if period == 0 { self.start[i] + unexpected } else { unexpected };
            }
        });
        bids
    }

    /// Trades all periods, period by period; `seen` gets every trade.
    pub fn play(&self, aggregate: &Aggregate, mut seen: impl FnMut(&Trade)) {
        let mut record = Record::new(&self.market);
        for period in 0..self.market.periods() {
            let bids = Bids::scalar(&self.market, &self.bids(period));
            seen(&record.trade(&self.market, aggregate, &bids));
        }
    }
}

/// Incremental payments of a layer at c = 1.
pub fn payments(trade: &Trade) -> Vec<f64> {
    trade.lagrange.iter().zip(&trade.gap).map(|(value, gap)| value - gap).collect()
}

/// What a run through all periods comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Depends on every bit of every price, allocation and payment.
    pub fingerprint: u64,
    /// Largest |sum of the allocation|.
    pub imbalance: f64,
    /// How the discounts were computed.
    pub effort: Effort,
}

impl Outcome {
    /// Counts one layer in.
    pub fn add(&mut self, trade: &Trade, payments: &[f64]) {
        self.imbalance = self.imbalance.max(trade.imbalance.abs());
        self.effort = self.effort.join(trade.effort);
        for numbers in [&trade.prices, &trade.allocation, payments] {
            self.fingerprint = fingerprint(self.fingerprint, numbers);
        }
    }
}

/// Mixes the bits of some numbers into `before`: other bits give another result, but for chances of 2^-64.
pub fn fingerprint(before: u64, numbers: &[f64]) -> u64 {
    numbers
        .iter()
        .fold(before, |mixed, x| (mixed.rotate_left(5) ^ x.to_bits()).wrapping_mul(0x517c_c1b7_2722_0a95))
}

#[cfg(test)]
mod tests {
    use super::*;
    use vickrey::lq::Plan;

    #[test]
    fn small_markets_are_the_beginning_of_large_ones() {
        let (few, many) = (columns(10, 3), columns(100, 3));
        assert_eq!((&few.a[..], &few.noise[..]), (&many.a[..10], &many.noise[..10]));
    }

    #[test]
    fn everybody_trades_and_threads_do_not_matter() {
        let drawn = Drawn::new(60, 6, 1).unwrap();
        let aggregate = Aggregate::new(&drawn.market).unwrap();
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut outcome = Outcome::default();
            pool.install(|| drawn.play(&aggregate, |trade| outcome.add(trade, &payments(trade))));
            outcome
        };
        assert_eq!(run(1), run(2));
        assert!(run(1).imbalance < 1e-12);
        let plan = Plan::new(&drawn.market, &aggregate).unwrap();
        assert!(plan.trade.allocation.iter().all(|&u| u != 0.0));
    }

    #[test]
    fn every_bit_counts() {
        assert_ne!(fingerprint(0, &[1.0, 2.0]), fingerprint(0, &[2.0, 1.0]));
        assert_ne!(fingerprint(0, &[0.0]), fingerprint(0, &[-0.0]));
    }
}
