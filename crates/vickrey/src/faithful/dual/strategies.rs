//! Followers: faithful ones, and those that the theory is about.

use std::sync::Arc;

use rand::RngExt;

use super::cost::Cost;
use super::follower::Faithful;
use super::leader::{Letter, Report};
use super::letters::{Answer, Values};
use super::protocol::{DualDecomposition, Stage};
use super::rules::Plan;
use crate::mechanism::{AgentId, Strategy, Turn, World};

/// What a follower does with the letters that she gets.
#[derive(Clone, Debug)]
pub enum Play {
    /// As the protocol asks.
    Faithful,
    /// As it would ask if her cost were another; final values are those of the pretended cost as well.
    Pretend(Arc<Cost>),
    /// As it would ask if her cost were scale v(z) + shift'z, in every problem.
    Tilt {
        /// Factor of the cost, > 0.
        scale: f64,
        /// Added per unit of each decision, money.
        shift: Vec<f64>,
        /// Whether final values are those of the true cost all the same.
        true_values: bool,
    },
    /// Always the same allocation in the main problem, whatever the price; faithful in all others.
    Constant(Vec<f64>),
    /// These allocations in the main problem, round by round (the last is repeated); faithful in all others.
    Script(Vec<Vec<f64>>),
    /// Faithful answers, final values times a factor.
    Values(f64),
    /// Nothing in the rounds `from..to` (from 1), faithful outside.
    Silent {
        /// The first silent round.
        from: usize,
        /// The first round after.
        to: usize,
    },
    /// Numbers without meaning: infinities, no numbers, huge ones, wrong lengths.
    Garbage,
    /// Announces this curvature where curvatures are announced, and goes on with something else.
    Announce {
        /// The least second derivative that she claims.
        modulus: f64,
        /// What she does afterwards.
        then: Box<Play>,
    },
}

/// A follower with her true cost and what she does.
#[derive(Clone, Debug)]
pub struct Player {
    /// The plan, for what is public.
    pub plan: Arc<Plan>,
    /// What she does.
    pub play: Play,
}

impl Player {
    /// What she does once rounds begin.
    fn play(&self) -> &Play {
        let mut play = &self.play;
        while let Play::Announce { then, .. } = play {
            play = then;
        }
        play
    }

    /// What she sends in answer to a letter; `None`: nothing.
    pub fn respond(
        &self,
        agent: AgentId,
        own: &Arc<Cost>,
        letter: &Letter,
        rng: &mut rand_chacha::ChaCha8Rng,
    ) -> Option<Report> {
        let public = self.plan.problem().follower(agent);
        let cost = match self.play() {
            Play::Pretend(cost) => cost.clone(),
            Play::Tilt { scale, shift, .. } => {
                Arc::new(Cost::Tilted { cost: own.clone(), scale: *scale, shift: shift.clone() })
            }
            _ => own.clone(),
        };
        let report = match letter {
            Letter::Modulus => Report::Modulus(match self.play {
                Play::Announce { modulus, .. } => modulus,
                _ => cost.curvature(&public.low, &public.high).0,
            }),
            Letter::Prices(letter) => {
                if let Play::Silent { from, to } = self.play()
                    && (*from..*to).contains(&letter.round.k)
                {
                    return None;
                }
                Report::Answer(self.answer(agent, &cost, letter))
            }
            Letter::Decision(decision) => {
                let valued = if let Play::Tilt { true_values: true, .. } = self.play() { own } else { &cost };
                let mut values = Faithful { agent, public, cost: valued }.values(decision);
                if let Play::Values(factor) = self.play() {
                    values.value *= factor;
                    values.without.iter_mut().for_each(|v| *v *= factor);
                }
                Report::Values(values)
            }
        };
        Some(if matches!(self.play(), Play::Garbage) { spoil(report, rng) } else { report })
    }

    fn answer(&self, agent: AgentId, cost: &Cost, letter: &super::letters::Prices) -> Answer {
        let public = self.plan.problem().follower(agent);
        let mut answer = Faithful { agent, public, cost }.answer(letter);
        let scripted = match self.play() {
            Play::Constant(z) => Some(z),
            Play::Script(all) => all.get(letter.round.k - 1).or(all.last()),
            _ => None,
        };
        // The main problem is the one from which nobody is absent; after a drop there is none and she is faithful.
        if let (Some(z), Some(0)) =
            (scripted, letter.round.asked(agent).position(|(q, _)| q.absent.is_empty()))
        {
            let trials = letter.round.questions[0].trials;
            for row in answer.z.chunks_mut(public.decisions()).take(trials) {
                row.copy_from_slice(z);
            }
            for value in answer.value.iter_mut().take(trials) {
                *value = cost.value(z);
            }
        }
        answer
    }
}

impl Strategy<DualDecomposition, Arc<Cost>> for Player {
    fn report(&mut self, turn: Turn<'_, Arc<Cost>, Letter>) -> Option<Report> {
        self.respond(turn.agent, turn.signal, turn.announcement, turn.rng)
    }
}

/// Replaces numbers by such as a broken or hostile program would send.
fn spoil(report: Report, rng: &mut rand_chacha::ChaCha8Rng) -> Report {
    const BAD: [f64; 6] = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e20, 1e6];
    let mut bad = |x: &mut Vec<f64>| {
        if rng.random::<f64>() < 0.1 {
            x.pop();
        }
        for x in x.iter_mut() {
            if rng.random::<f64>() < 0.5 {
                *x = BAD[rng.random_range(0..BAD.len())];
            }
        }
    };
    match report {
        Report::Modulus(_) => Report::Modulus(f64::NAN),
        Report::Answer(mut answer) => {
            bad(&mut answer.z);
            bad(&mut answer.value);
            bad(&mut answer.sensitivity);
            bad(&mut answer.probed);
            Report::Answer(answer)
        }
        Report::Values(Values { value, without }) => {
            let mut all = vec![value];
            all.extend(without);
            bad(&mut all);
            let mut all = all.into_iter();
            Report::Values(Values { value: all.next().unwrap_or(f64::NAN), without: all.collect() })
        }
    }
}

/// The true costs.
#[derive(Clone, Debug)]
pub struct DualWorld {
    /// What is public.
    pub plan: Arc<Plan>,
    /// v_i of every follower.
    pub costs: Vec<Arc<Cost>>,
}

impl World<DualDecomposition> for DualWorld {
    type Signal = Arc<Cost>;

    fn signal(&mut self, _stage: usize, agent: AgentId) -> Arc<Cost> {
        self.costs[agent].clone()
    }

    fn shock(&mut self, _stage: usize) {}

    /// -v_i(z_i) once it is decided.
    fn valuations(&mut self, _stage: usize, outcome: &Stage) -> Vec<f64> {
        let own = |i: AgentId, z: &[f64]| -self.costs[i].value(&z[self.plan.problem().range(i)]);
        match &outcome.settled {
            Some(settled) => (0..self.costs.len()).map(|i| own(i, &settled.allocation)).collect(),
            None => vec![0.0; self.costs.len()],
        }
    }
}

/// A run with everybody faithful: in process, without the driver.
///
/// # Errors
/// The leader's.
pub fn faithful_run(
    leader: &super::leader::Leader,
    costs: &[Arc<Cost>],
) -> Result<super::leader::State, super::leader::LeaderError> {
    faithful_rounds(leader, costs, |_| ())
}

/// The same, with a look at the leader after everything that she takes in.
///
/// # Errors
/// The leader's.
pub fn faithful_rounds(
    leader: &super::leader::Leader,
    costs: &[Arc<Cost>],
    mut see: impl FnMut(&super::leader::State),
) -> Result<super::leader::State, super::leader::LeaderError> {
    use rayon::prelude::*;
    let mut state = leader.start();
    while state.phase() != super::leader::Phase::Finished {
        let reports = (0..costs.len())
            .into_par_iter()
            .map(|agent| {
                let public = leader.plan().problem().follower(agent);
                let cost = &*costs[agent];
                let faithful = Faithful { agent, public, cost };
                leader.letter(&state, agent).map(|letter| match letter {
                    Letter::Modulus => Report::Modulus(cost.curvature(&public.low, &public.high).0),
                    Letter::Prices(letter) => Report::Answer(faithful.answer(&letter)),
                    Letter::Decision(decision) => Report::Values(faithful.values(&decision)),
                })
            })
            .collect();
        leader.close(&mut state, reports)?;
        see(&state);
    }
    Ok(state)
}
