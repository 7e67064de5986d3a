//! Many runs, put together in the order of their seeds.

use rayon::prelude::*;

use super::play::{Run, Side};
use super::{Game, Lies};
use crate::mechanism::AgentId;
use crate::numeric::sample::Moments;
use crate::simulate::run_seed;

/// Most samples that are kept of any quantity by agent (or by period); beyond that only moments.
pub const MOST_SAMPLES: usize = 10_000_000;
/// Numbers of all agents that runs in flight hold together.
const IN_FLIGHT: usize = 4_000_000;

/// Many runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Distribution {
    /// Seed of every run; `vickrey::lq::strategies::LqWorld` with this seed draws the same noise.
    pub seeds: Vec<u64>,
    /// Everybody truthful.
    pub honest: Tally,
    /// With the lies.
    pub lying: Option<Tally>,
    /// What every agent gains by the lies (net utility with them minus without, on the same noise).
    pub gain: Option<Vec<Moments>>,
    /// Utility of never trading.
    pub outside: Vec<Moments>,
    /// Agents whose samples are kept: liars first, then the others, as many as fit.
    pub kept: Vec<AgentId>,
    /// How many liars lead `kept`.
    liars: usize,
    /// Runs that left the range of numbers, and are in none of the others' numbers.
    pub unusable: u64,
    /// The seed of the first of them.
    pub first_unusable: Option<u64>,
}

/// Many runs with one profile.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    /// What the operator keeps, run by run.
    pub budget: Vec<f64>,
    /// Sum of utilities before payment, run by run.
    pub welfare: Vec<f64>,
    /// Net utility of every agent.
    pub utility: Vec<Moments>,
    /// Payment of every agent.
    pub payment: Vec<Moments>,
    /// Net utility minus what the agent would have had without ever trading, by agent.
    pub advantage: Vec<Moments>,
    /// In how many runs an agent was worse off than without ever trading.
    pub worse_off: Vec<u64>,
    /// In how many runs the operator paid more than it got.
    pub deficits: u64,
    /// Net utilities of the kept agents, run by run.
    pub utilities: Vec<Vec<f64>>,
    /// Advantages of the kept agents, run by run.
    pub advantages: Vec<Vec<f64>>,
    /// What the operator has kept up to and including each period, of the first runs (at most [`MOST_SAMPLES`] / T).
    pub running: Vec<Vec<f64>>,
    /// Bids that could not be used, in all runs.
    pub refused: u64,
    /// Bids that were not made, in all runs.
    pub silent: u64,
}

impl Distribution {
    /// Runs that count.
    pub fn runs(&self) -> u64 {
        self.seeds.len() as u64
    }

    /// The place of an agent's samples in [`Tally::utilities`] and [`Tally::advantages`], if they were kept.
    pub fn place(&self, agent: AgentId) -> Option<usize> {
        let (liars, others) = self.kept.split_at(self.liars);
        let among_liars = liars.iter().position(|&kept| kept == agent);
        among_liars.or_else(|| others.binary_search(&agent).ok().map(|place| self.liars + place))
    }

    fn new(game: &Game, lies: Option<&Lies>, runs: u64) -> Self {
        let (agents, periods) = (game.market().len(), game.market().periods());
        let first: Vec<AgentId> = lies.iter().flat_map(|l| l.liars.iter().map(|liar| liar.0)).collect();
        let most = MOST_SAMPLES / usize::try_from(runs.max(1)).unwrap_or(usize::MAX);
        let others = (0..agents).filter(|agent| !first.contains(agent));
        let kept: Vec<AgentId> = first.iter().copied().chain(others).take(most).collect();
        Self {
            seeds: Vec::new(),
            honest: Tally::new(agents, periods, kept.len()),
            lying: lies.map(|_| Tally::new(agents, periods, kept.len())),
            gain: lies.map(|_| vec![Moments::default(); agents]),
            outside: vec![Moments::default(); agents],
            liars: first.len().min(kept.len()),
            kept,
            unusable: 0,
            first_unusable: None,
        }
    }

    fn add(&mut self, run: &Run) {
        let finite = run.honest.is_finite() && run.lying.as_ref().is_none_or(Side::is_finite);
        if !(finite && run.outside.iter().all(|x| x.is_finite())) {
            self.unusable += 1;
            self.first_unusable.get_or_insert(run.seed);
            return;
        }
        self.seeds.push(run.seed);
        self.honest.add(&run.honest, &run.outside, &self.kept);
        for (moments, outside) in self.outside.iter_mut().zip(&run.outside) {
            moments.add(*outside);
        }
        if let (Some(tally), Some(gain), Some(side)) = (&mut self.lying, &mut self.gain, &run.lying) {
            tally.add(side, &run.outside, &self.kept);
            for (agent, gain) in gain.iter_mut().enumerate() {
                gain.add(side.utility(agent) - run.honest.utility(agent));
            }
        }
    }
}

impl Tally {
    fn new(agents: usize, periods: usize, kept: usize) -> Self {
        let moments = vec![Moments::default(); agents];
        Self {
            utility: moments.clone(),
            payment: moments.clone(),
            advantage: moments,
            worse_off: vec![0; agents],
            utilities: vec![Vec::new(); kept],
            advantages: vec![Vec::new(); kept],
            running: vec![Vec::new(); periods],
            ..Self::default()
        }
    }

    fn add(&mut self, side: &Side, outside: &[f64], kept: &[AgentId]) {
        self.budget.push(side.budget());
        self.welfare.push(side.welfare());
        self.deficits += u64::from(side.is_deficit());
        self.refused += side.refused;
        self.silent += side.silent;
        for (agent, &outside) in outside.iter().enumerate() {
            let utility = side.utility(agent);
            self.utility[agent].add(utility);
            self.payment[agent].add(side.payment[agent]);
            self.advantage[agent].add(utility - outside);
            self.worse_off[agent] += u64::from(side.is_worse_off(agent, outside));
        }
        for (&agent, (utilities, advantages)) in
            kept.iter().zip(self.utilities.iter_mut().zip(&mut self.advantages))
        {
            utilities.push(side.utility(agent));
            advantages.push(side.utility(agent) - outside[agent]);
        }
        if self.budget.len() <= MOST_SAMPLES / self.running.len().max(1) {
            for (samples, x) in self.running.iter_mut().zip(&side.running) {
                samples.push(*x);
            }
        }
    }
}

/// Plays `runs` runs, each truthfully and with the lies, with the seeds that follow from `seed`
/// ([`run_seed`]). In parallel; the result does not depend on the number of threads.
///
/// `progress` is told the share of the work that is done.
pub fn simulate(
    game: &Game,
    lies: Option<&Lies>,
    seed: u64,
    runs: u64,
    progress: &(dyn Fn(f64) + Sync),
) -> Distribution {
    let mut distribution = Distribution::new(game, lies, runs);
    let wave = (IN_FLIGHT / game.market().len()).clamp(8, 512) as u64;
    let mut first = 0;
    while first < runs {
        let end = (first + wave).min(runs);
        let played: Vec<Run> =
            (first..end).into_par_iter().map(|k| game.play(lies, run_seed(seed, k))).collect();
        for run in &played {
            distribution.add(run);
        }
        progress(end as f64 / runs as f64);
        first = end;
    }
    distribution
}
