//! The driver: a mechanism, a world, and one strategy per agent, in process and reproducible.
//!
//! [`run`] plays one game and never looks inside a mechanism. [`truthful`] is the same with everybody honest.
//! [`paired`] plays a profile and the truthful one on the same random numbers, so that the difference is the
//! strategies' doing alone. Nature, every strategy and every stage draw from streams of their own.

use rand::RngExt;

use crate::mechanism::{AgentId, Arrival, Mechanism, Next, Strategy, Turn, World};
use crate::numeric::random::{self, Purpose};

/// One strategy per agent.
pub type Profile<M, Signal> = Vec<Box<dyn Strategy<M, Signal>>>;

/// One stage as an observer sees it.
#[derive(Debug)]
pub struct Stage<'a, Outcome> {
    /// Counted from 0; peer rounds count but are not shown.
    pub index: usize,
    /// What was decided.
    pub outcome: &'a Outcome,
    /// Payment of every agent in this stage.
    pub payment: &'a [f64],
    /// What the outcome is truly worth to every agent.
    pub valuation: &'a [f64],
}

/// Sums over all stages, by agent.
#[derive(Clone, Debug, PartialEq)]
pub struct Totals {
    /// Stages played, peer rounds included.
    pub stages: usize,
    /// Sum of valuations.
    pub valuation: Vec<f64>,
    /// Sum of payments.
    pub payment: Vec<f64>,
    /// How often the agent was asked and stayed silent.
    pub silent: Vec<u32>,
    /// How often a report was refused.
    pub refused: Vec<u32>,
}

impl Totals {
    fn new(agents: usize) -> Self {
        Self {
            stages: 0,
            valuation: vec![0.0; agents],
            payment: vec![0.0; agents],
            silent: vec![0; agents],
            refused: vec![0; agents],
        }
    }

    /// Valuation minus payment.
    pub fn utility(&self, agent: AgentId) -> f64 {
        self.valuation[agent] - self.payment[agent]
    }

    /// What the coordinator keeps.
    pub fn budget(&self) -> f64 {
        self.payment.iter().sum()
    }

    /// Sum of valuations.
    pub fn welfare(&self) -> f64 {
        self.valuation.iter().sum()
    }
}

/// Why a game ended early.
#[derive(Debug, thiserror::Error)]
pub enum RunError<E: std::error::Error + 'static> {
    /// One strategy per agent is needed.
    #[error("found {found} strategies, accepted is one for each of the {agents} agents")]
    Strategies {
        /// How many were given.
        found: usize,
        /// How many agents there are.
        agents: usize,
    },
    /// The mechanism could not settle a stage.
    #[error("stage {stage}: {source}")]
    Stage {
        /// The stage, from 0.
        stage: usize,
        /// The mechanism's reason.
        source: E,
    },
    /// The mechanism does not come to an end.
    #[error("not finished after {0} stages")]
    Endless(usize),
}

/// No game in this library is longer; a mechanism that is not finished by then never will be.
const LONGEST: usize = 1 << 32;

/// Plays one game. `observe` sees every settled stage.
///
/// # Errors
/// The number of strategies is wrong, or the mechanism cannot settle a stage.
pub fn run<M: Mechanism, W: World<M>>(
    mechanism: &M,
    world: &mut W,
    profile: &mut Profile<M, W::Signal>,
    seed: u64,
    mut observe: impl FnMut(Stage<'_, M::Outcome>),
) -> Result<Totals, RunError<M::Error>> {
    let agents = mechanism.agents();
    if profile.len() != agents {
        return Err(RunError::Strategies { found: profile.len(), agents });
    }
    let mut totals = Totals::new(agents);
    let mut state = mechanism.start();
    for stage in 0..LONGEST {
        let failed = |source| RunError::Stage { stage, source };
        match mechanism.next(&state) {
            Next::Finished => return Ok(totals),
            Next::Exchange => exchange(mechanism, world, profile, &mut state, (seed, stage)),
            Next::Collect => {
                let arrivals = collect(mechanism, world, profile, &state, (seed, stage), &mut totals);
                mechanism.close(&mut state, arrivals).map_err(failed)?;
                let outcome = mechanism.settle(&mut state, world.shock(stage)).map_err(failed)?;
                let valuation = world.valuations(stage, &outcome);
                let payment = mechanism.payments(&outcome);
                for agent in 0..agents {
                    totals.valuation[agent] += valuation[agent];
                    totals.payment[agent] += payment[agent];
                }
                observe(Stage { index: stage, outcome: &outcome, payment, valuation: &valuation });
            }
        }
        totals.stages = stage + 1;
    }
    Err(RunError::Endless(LONGEST))
}

/// Asks every agent that the mechanism wants to hear, and checks what comes.
fn collect<M: Mechanism, W: World<M>>(
    mechanism: &M,
    world: &mut W,
    profile: &mut Profile<M, W::Signal>,
    state: &M::State,
    (seed, stage): (u64, usize),
    totals: &mut Totals,
) -> Vec<Arrival<M::Report>> {
    let mut arrivals = Vec::with_capacity(profile.len());
    for (agent, strategy) in profile.iter_mut().enumerate() {
        let Some(announcement) = mechanism.announce(state, agent) else {
            arrivals.push(Arrival::NotAsked);
            continue;
        };
        let signal = world.signal(stage, agent);
        let rng = &mut random::stream_at(seed, Purpose::Strategy, agent as u64, stage as u64);
        let turn = Turn { agent, stage, signal: &signal, announcement: &announcement, rng };
        arrivals.push(match strategy.report(turn) {
            None => {
                totals.silent[agent] += 1;
                Arrival::Silent
            }
            Some(report) => match mechanism.admit(state, agent, &report) {
                Ok(()) => Arrival::Admitted(report),
                Err(rejection) => {
                    totals.refused[agent] += 1;
                    Arrival::Refused(rejection)
                }
            },
        });
    }
    arrivals
}

/// One synchronous peer round: everybody writes before anybody reads.
fn exchange<M: Mechanism, W: World<M>>(
    mechanism: &M,
    world: &mut W,
    profile: &mut Profile<M, W::Signal>,
    state: &mut M::State,
    (seed, stage): (u64, usize),
) {
    let mut post: Vec<(AgentId, AgentId, Option<M::Message>)> = Vec::new();
    for (agent, strategy) in profile.iter_mut().enumerate() {
        let signal = world.signal(stage, agent);
        let mut rng = random::stream_at(seed, Purpose::Strategy, agent as u64, stage as u64);
        for &to in mechanism.neighbours(state, agent) {
            post.push((agent, to, strategy.write(to, &signal, &mut rng)));
        }
    }
    for (from, to, message) in &post {
        profile[*to].read(*from, message.as_ref());
    }
    mechanism.relay(state);
}

/// Plays one game in which everybody uses the strategy that `honest` builds.
///
/// # Errors
/// As [`run`].
pub fn truthful<M: Mechanism, W: World<M>>(
    mechanism: &M,
    world: &mut W,
    honest: impl Fn(AgentId) -> Box<dyn Strategy<M, W::Signal>>,
    seed: u64,
) -> Result<Totals, RunError<M::Error>> {
    let mut profile: Profile<M, W::Signal> = (0..mechanism.agents()).map(honest).collect();
    run(mechanism, world, &mut profile, seed, |_| ())
}

/// The seed of one of many runs, from the seed of all: runs of two different seeds have none in common.
pub fn run_seed(seed: u64, run: u64) -> u64 {
    random::stream(seed, Purpose::Instance, run).random()
}

/// The same game twice on the same random numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// Everybody honest.
    pub truthful: Totals,
    /// The profile under test.
    pub strategic: Totals,
}

impl Pair {
    /// What an agent gains by the profile.
    pub fn gain(&self, agent: AgentId) -> f64 {
        self.strategic.utility(agent) - self.truthful.utility(agent)
    }
}

/// Plays the truthful profile and another one; `world` and both profiles are built afresh from the seed.
///
/// # Errors
/// As [`run`].
pub fn paired<M: Mechanism, W: World<M>>(
    mechanism: &M,
    world: impl Fn(u64) -> W,
    honest: impl Fn(AgentId) -> Box<dyn Strategy<M, W::Signal>>,
    mut profile: Profile<M, W::Signal>,
    seed: u64,
) -> Result<Pair, RunError<M::Error>> {
    let truthful = truthful(mechanism, &mut world(seed), honest, seed)?;
    let strategic = run(mechanism, &mut world(seed), &mut profile, seed, |_| ())?;
    Ok(Pair { truthful, strategic })
}
