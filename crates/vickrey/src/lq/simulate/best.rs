//! The linear lie that gains most in a sample of runs.

use std::sync::Arc;

use rayon::prelude::*;

use super::{Game, Lies, Maker};
use crate::audit::search::{Space, maximise};
use crate::lq::model::Parameters;
use crate::lq::strategies::{Lie, Player};
use crate::mechanism::AgentId;
use crate::numeric::random::{Purpose, stream};
use crate::numeric::sample::Moments;
use rand::RngExt;

/// Agents times periods times runs times lies that a search may cost.
const WORK: usize = 100_000_000;
/// Least and most runs of the sample.
const RUNS: (usize, usize) = (16, 400);
/// Random lies, and steps from the best of them.
const RANDOM: usize = 16;
const LOCAL: usize = 40;

/// What a search found.
#[derive(Clone, Debug, PartialEq)]
pub struct BestLie {
    /// The lie; the truth if nothing was better.
    pub lie: Lie,
    /// What it gains in the sample in which it was found: never negative on average, because the truth is among what was
    /// tried. Only other runs say what it is worth.
    pub gain: Moments,
    /// Lies that were tried.
    pub tries: u64,
}

/// Searches for the factor and the shift of one agent's bids that gain it most on average, against `others` (which may not
/// name the agent), in a sample of runs of its own (not those of [`simulate`](super::simulate)).
///
/// Factors from -1 to 3, shifts up to three standard deviations of the agent's noise.
pub fn best_lie(game: &Game, agent: AgentId, others: &Lies, seed: u64) -> BestLie {
    let market = game.market();
    let parameters = Arc::new(market.parameters(agent));
    let seeds = sample(market.len() * market.periods(), seed);
    let truth = utilities(game, agent, None, others, &parameters, &seeds);
    let gains = |lie: Lie| -> Moments {
        let with = utilities(game, agent, Some(lie), others, &parameters, &seeds);
        Moments::of(with.iter().zip(&truth).map(|(with, truth)| with - truth))
    };
    let reach = 3.0 * spread(&parameters, market.periods());
    let made = |x: &[f64]| Lie { scale: rounded(x[0], 1.0), bias: rounded(x[1], reach), ..Lie::TRUTH };
    let starts = [1.0, 0.0, 0.8, 1.2, 1.5].map(|scale| vec![scale, 0.0]);
    let (low, high) = ([-1.0, -reach], [3.0, reach]);
    let space = Space { low: &low, high: &high, starts: &starts, random: RANDOM, local: LOCAL };
    let value = |x: &[f64]| {
        let mean = gains(made(x)).mean;
        if mean.is_finite() { mean } else { f64::NEG_INFINITY }
    };
    let best = maximise(&space, &mut stream(seed, Purpose::Audit, agent as u64), value);
    let lie = made(&best.at);
    BestLie { lie, gain: gains(lie), tries: best.tries }
}

/// Four digits of what is of this size: more of a lie cannot be told apart, and nobody wants to read them.
fn rounded(x: f64, size: f64) -> f64 {
    let digits = (3.0 - size.log10().floor()).clamp(-12.0, 15.0) as i32;
    let unit = 10.0_f64.powi(digits.abs());
    if digits >= 0 { (x * unit).round() / unit } else { (x / unit).round() * unit }
}

/// Seeds of a sample that can be afforded.
fn sample(size: usize, seed: u64) -> Vec<u64> {
    let runs = (WORK / (size * (RANDOM + LOCAL))).clamp(RUNS.0, RUNS.1) as u64;
    // Agents' searches use the lower streams.
    (0..runs).map(|k| stream(seed, Purpose::Audit, (1 << 40) + k).random()).collect()
}

/// The agent's net utility in every run.
fn utilities(
    game: &Game,
    agent: AgentId,
    lie: Option<Lie>,
    others: &Lies,
    parameters: &Arc<Parameters>,
    seeds: &[u64],
) -> Vec<f64> {
    let mut lies = others.clone();
    if let Some(lie) = lie {
        let parameters = Arc::clone(parameters);
        let maker: Maker = Arc::new(move |_| Box::new(Player::new(Arc::clone(&parameters), lie)));
        lies.liars.push((agent, maker));
    }
    seeds.par_iter().map(|&seed| game.side(&lies, seed).utility(agent)).collect()
}

/// A standard deviation of the agent's noise: the largest of its components and periods; 1 if it has none.
fn spread(parameters: &Parameters, periods: usize) -> f64 {
    let d = parameters.states;
    let start = parameters.start_noise.iter().step_by(d + 1);
    let later = (1..periods).flat_map(|s| parameters.noise.at(s).unwrap_or_default().iter().step_by(d + 1));
    let common = parameters.loadings.iter().map(|x| x * x);
    let largest = start.chain(later).copied().chain(common).fold(0.0, f64::max);
    if largest > 0.0 { largest.sqrt() } else { 1.0 }
}
