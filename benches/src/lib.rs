//! What the benchmarks share: random markets of any size from one seed, and a stopwatch for a noisy machine.
//!
//! Every agent is drawn from a random stream of its own, so the first agents of a large market are the agents of a
//! small one with the same seed.

pub mod dual;
pub mod lq;
pub mod pivot;
pub mod two_stage;

use std::error::Error;
use std::time::Instant;

use rand::{Rng, RngExt};
use rayon::prelude::*;
use vickrey::market::{Market, Utility, UtilityError};
use vickrey::numeric::random::{Purpose, stream};

/// Whatever can go wrong in a program of this crate; the message says what.
pub type Failure = Box<dyn Error + Send + Sync>;

/// Blocks of every agent in [`blocks`].
pub const BLOCKS: usize = 10;

/// A kind of market that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Quadratic utilities without limits.
    Quadratic,
    /// Quadratic, logarithmic, power and exponential utilities, a third of the agents with limits.
    Mixed,
    /// Ten blocks per agent.
    Blocks,
}

impl Family {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Quadratic, Self::Mixed, Self::Blocks];

    /// The name in tables and arguments.
    pub fn name(self) -> &'static str {
        match self {
            Self::Quadratic => "quadratic",
            Self::Mixed => "mixed",
            Self::Blocks => "blocks",
        }
    }

    /// The family with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|family| family.name() == name)
    }

    /// Largest market that is measured.
    pub fn largest(self) -> usize {
        if self == Self::Blocks { 100_000 } else { 1_000_000 }
    }

    /// A random market.
    ///
    /// # Errors
    /// Fewer than two agents.
    pub fn market(self, agents: usize, seed: u64) -> Result<Market, Failure> {
        match self {
            Self::Quadratic => quadratic(agents, seed),
            Self::Mixed => mixed(agents, seed),
            Self::Blocks => blocks(agents, seed),
        }
    }
}

/// Runs `make` with a random stream for every agent.
pub(crate) fn draw<T: Send>(
    agents: usize,
    seed: u64,
    make: impl Fn(usize, &mut dyn Rng) -> T + Sync,
) -> Vec<T> {
    (0..agents).into_par_iter().map(|i| make(i, &mut stream(seed, Purpose::Instance, i as u64))).collect()
}

/// Coefficients (a, b) of a two-sided market: a uniform in -[0.5, 2]; b in [0.5, 1] for the even agents, who sell, and
/// in [3, 4] for the odd ones, who buy.
pub fn quadratic_arrays(agents: usize, seed: u64) -> (Vec<f64>, Vec<f64>) {
    draw(agents, seed, |i, random| {
        let a = -random.random_range(0.5..2.0);
        let b =
            if i.is_multiple_of(2) { random.random_range(0.5..1.0) } else { random.random_range(3.0..4.0) };
        (a, b)
    })
    .into_iter()
    .unzip()
}

/// The market of [`quadratic_arrays`].
///
/// # Errors
/// Fewer than two agents.
pub fn quadratic(agents: usize, seed: u64) -> Result<Market, Failure> {
    let (a, b) = quadratic_arrays(agents, seed);
    let all: Result<Vec<Utility>, _> = a.into_iter().zip(b).map(|(a, b)| Utility::quadratic(a, b)).collect();
    Ok(Market::new(all?, 0.0)?)
}

/// Six families in turn: quadratic, quadratic with limits, logarithmic, power, exponential, logarithmic with limits.
///
/// # Errors
/// Fewer than two agents.
pub fn mixed(agents: usize, seed: u64) -> Result<Market, Failure> {
    let all: Result<Vec<Utility>, UtilityError> = draw(agents, seed, one_of_six).into_iter().collect();
    Ok(Market::new(all?, 0.0)?)
}

fn one_of_six(agent: usize, random: &mut dyn Rng) -> Result<Utility, UtilityError> {
    let mut within = |low: f64, high: f64| random.random_range(low..high);
    let (weight, shift, linear) = (within(0.5, 4.0), within(0.3, 3.0), within(0.0, 0.5));
    let (below, above) = (within(0.0, 2.0), within(0.1, 3.0));
    match agent % 6 {
        0 => Utility::quadratic(-within(0.5, 2.0), within(0.5, 4.0)),
        1 => Utility::quadratic(-within(0.5, 2.0), within(0.5, 4.0))?.limited(-below, above),
        2 => Utility::log(weight, shift, linear),
        3 => Utility::power(weight, shift, within(0.2, 0.8), linear),
        4 => Utility::exponential(weight, within(0.3, 2.0)),
        _ => Utility::log(weight, shift, linear)?.limited(-below.min(0.9 * shift), above),
    }
}

/// An agent that sells or buys in blocks.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockAgent {
    /// Whether the blocks are offers (otherwise bids).
    pub sells: bool,
    /// (quantity, price): prices ascend for a seller and descend for a buyer.
    pub blocks: Vec<(f64, f64)>,
}

/// Sellers (even) with prices in [10, 60] and buyers (odd) with prices in [40, 90]; quantities in [0.5, 1.5].
pub fn block_agents(agents: usize, seed: u64) -> Vec<BlockAgent> {
    draw(agents, seed, |i, random| {
        let sells = i.is_multiple_of(2);
        let (low, high) = if sells { (10.0, 60.0) } else { (40.0, 90.0) };
        let mut blocks: Vec<(f64, f64)> =
            (0..BLOCKS).map(|_| (random.random_range(0.5..1.5), random.random_range(low..high))).collect();
        blocks.sort_by(|x, y| if sells { x.1.total_cmp(&y.1) } else { y.1.total_cmp(&x.1) });
        BlockAgent { sells, blocks }
    })
}

/// The market of [`block_agents`].
///
/// # Errors
/// Fewer than two agents.
pub fn blocks(agents: usize, seed: u64) -> Result<Market, Failure> {
    let all: Result<Vec<Utility>, UtilityError> = block_agents(agents, seed)
        .iter()
        .map(|agent| {
            if agent.sells {
                Utility::blocks(&[], &agent.blocks)
            } else {
                Utility::blocks(&agent.blocks, &[])
            }
        })
        .collect();
    Ok(Market::new(all?, 0.0)?)
}

/// The fastest of several runs in seconds: on a shared machine everything else only adds to it.
///
/// Runs at least `repeats` times, and on until `seconds` have gone by (never more than 10000 times). What `run`
/// returns is dropped outside the measurement.
pub fn fastest<T>(repeats: usize, seconds: f64, mut run: impl FnMut() -> T) -> f64 {
    let begin = Instant::now();
    let mut best = f64::INFINITY;
    for k in 0..10_000 {
        if k >= repeats && begin.elapsed().as_secs_f64() >= seconds {
            break;
        }
        let start = Instant::now();
        let result = std::hint::black_box(run());
        best = best.min(start.elapsed().as_secs_f64());
        drop(result);
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use vickrey::market::settle;

    #[test]
    fn small_markets_are_the_beginning_of_large_ones() {
        let (few, many) = (quadratic_arrays(10, 3), quadratic_arrays(1000, 3));
        assert_eq!((&few.0[..], &few.1[..]), (&many.0[..10], &many.1[..10]));
        assert_eq!(block_agents(10, 3)[..], block_agents(50, 3)[..10]);
    }

    #[test]
    fn every_family_trades() {
        for family in Family::ALL {
            let market = family.market(60, 1).unwrap();
            let s = settle(&market).unwrap();
            let trading = (0..60).filter(|&i| s.allocation(i) != 0.0).count();
            assert!(trading > 30 && s.pivotal.is_empty(), "{}: {trading}", family.name());
            assert_eq!(Family::named(family.name()), Some(family));
        }
    }
}
