//! Closing a round: answers into sums, sums into steps of every problem, and what follows from it: who is missing, which
//! problems end, who is dropped.

use std::sync::Arc;

use rayon::prelude::*;

use super::{Event, Glance, Leader, LeaderError, Marginal, Phase, Report, Solved, State};
use crate::faithful::dual::iterate::{Candidate, Finish, Iteration, Part, Sums};
use crate::faithful::dual::letters::Answer;
use crate::faithful::dual::projection::{self, Infeasible};
use crate::faithful::dual::round::{Held, pass, sized};
use crate::faithful::dual::rules::{Bound, Marginals, Method, Stop};
use crate::faithful::dual::tax;
use crate::mechanism::AgentId;

/// Followers from which on the answers of a round are given back on another thread.
const LARGE: usize = 256;

/// How a problem ended, and by follower the least that her part can cost.
type Ended = (Finish, Vec<f64>);

impl Leader {
    pub(super) fn close_round(
        &self,
        state: &mut State,
        reports: Vec<Option<Report>>,
    ) -> Result<(), LeaderError> {
        let mut answers = self.sized_answers(state, reports);
        let held = state.held.clone();
        let found = pass(
            self.plan.problem(),
            &self.columns,
            (&state.round, &state.places),
            &mut answers,
            held.as_deref(),
        );
        drop(held);
        state.k += 1;
        let main_pure = state.running.iter().find(|it| it.number == state.main).map(|it| it.pure);
        self.note_missing(state, &found.missing, main_pure);
        self.advance(state, &found.sums, answers)?;
        self.drop_silent(state);
        self.warm_start(state)?;
        if state.running.is_empty() {
            state.phase = Phase::Values;
            state.traffic.messages += 2 * (self.agents() - state.dropped.len()) as u64;
            for agent in (0..self.agents()).filter(|i| !state.dropped.contains(i)) {
                let decision = self.decision(state, agent);
                let parts = 1 + decision.without.len();
                state.traffic.down += (parts * decision.z.len()) as u64;
                state.traffic.up += parts as u64;
            }
        } else {
            self.pose(state);
        }
        Ok(())
    }

    fn sized_answers(&self, state: &mut State, reports: Vec<Option<Report>>) -> Vec<Answer> {
        let m = self.plan.problem().couplings();
        let packed = if state.round.sensitivities { m * (m + 1) / 2 } else { 0 };
        let prices = state.round.prices.len() as u64;
        let mut answers = Vec::with_capacity(reports.len());
        state.traffic.rounds += 1;
        for (agent, report) in reports.into_iter().enumerate() {
            let n = self.plan.problem().follower(agent).decisions();
            let size = state.places.size(agent);
            if !state.dropped.contains(&agent) {
                // Prices of all problems but her own; shares and candidates are hers.
                let own = (state.round.questions.len() * m) as u64;
                let shared = if state.round.rho > 0.0 { own } else { 0 };
                state.traffic.messages += 2;
                state.traffic.down += prices.min(m as u64 * size.0 as u64) + shared + (size.1 * n) as u64;
                state.traffic.up += (size.0 * (n + 1 + packed) + size.1) as u64;
            }
            let answer = match report {
                Some(Report::Answer(answer)) => Some(answer),
                _ => None,
            };
            answers.push(sized(answer, size, n, packed));
        }
        answers
    }

    fn note_missing(&self, state: &mut State, missing: &[(usize, AgentId)], main_pure: Option<bool>) {
        let mut problems = vec![0_usize; self.agents()];
        let mut struck = vec![false; self.agents()];
        let main = state.round.questions.iter().position(|q| q.problem == state.main);
        for (q, agent) in missing {
            problems[*agent] += 1;
            struck[*agent] |= Some(*q) == main;
        }
        for (follower, count) in problems.into_iter().enumerate() {
            if count > 0 {
                state.events.push(Event::Missing { round: state.k, follower, problems: count });
            }
            // Without the quadratic term a convex cost may have no answer: no strike for that.
            if main_pure == Some(false) {
                state.strikes[follower] = if struck[follower] { state.strikes[follower] + 1 } else { 0 };
            }
        }
    }

    /// Moves the prices of all problems, and ends those that are done.
    fn advance(&self, state: &mut State, sums: &[Sums], answers: Vec<Answer>) -> Result<(), LeaderError> {
        let mut held = Held {
            round: state.round.clone(),
            places: state.places.clone(),
            choice: vec![0; sums.len()],
            answers,
        };
        let (k, step, steepness) = (state.k, state.step, state.steepness.clone());
        let mut running = std::mem::take(&mut state.running);
        held.choice = running
            .par_iter_mut()
            .zip(sums)
            .map(|(it, sums)| {
                let parts = self.parts(it, &held);
                it.step(self.plan.rules(), step, steepness.as_deref(), sums, &parts)
            })
            .collect();
        let anew = || running.iter().filter(|it| it.turn.anew);
        if let problems @ 1.. = anew().count() {
            let main = anew().any(|it| it.number == state.main);
            state.events.push(Event::Anew { round: k, problems, main });
        }
        if let Some(q) = running.iter().position(|it| it.number == state.main) {
            state.history.push(glance(k, &running[q], held.choice[q], &sums[q]));
        }
        let ended: Vec<Result<Option<Ended>, LeaderError>> = running
            .par_iter_mut()
            .zip(sums)
            .zip(&held.choice)
            .map(|((it, sums), choice)| {
                let ended = self.judge(it, *choice, sums, &held).map_err(|source| {
                    LeaderError::Projection { round: k, absent: it.absent.to_vec(), source }
                })?;
                Ok(ended.map(|finish| {
                    let least = self.least(it, &held, &finish.allocation);
                    (finish, least)
                }))
            })
            .collect();
        let before = state.held.replace(Arc::new(held));
        if self.agents() > LARGE {
            // Giving megabytes back takes as long as a part of the sums; followers compute meanwhile.
            rayon::spawn(move || drop(before));
        }
        let mut ended = ended.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter();
        running.retain(|it| {
            let Some(finish) = ended.next().flatten() else { return true };
            end(state, (it.number, it.absent.clone()), finish);
            false
        });
        state.running = running;
        Ok(())
    }
    /// Everybody's answer to one problem, where the method needs them one by one.
    fn parts<'a>(&'a self, it: &Iteration, held: &'a Held) -> Vec<Part<'a>> {
        if !matches!(self.plan.rules().method, Method::Multipliers { .. }) || it.pure {
            return Vec::new();
        }
        self.members(it)
            .filter_map(|agent| {
                let follower = self.plan.problem().follower(agent);
                held.z(agent, it.number, follower.decisions()).map(|z| Part { agent, follower, z })
            })
            .collect()
    }

    fn members(&self, it: &Iteration) -> impl Iterator<Item = AgentId> {
        let absent = it.absent.clone();
        (0..self.agents()).filter(move |i| !absent.contains(i))
    }

    /// How a problem ends, if it ends with this round.
    fn judge(
        &self,
        it: &mut Iteration,
        choice: usize,
        sums: &Sums,
        held: &Held,
    ) -> Result<Option<Finish>, Infeasible> {
        let stop = self.plan.rules().stop;
        let pure = std::mem::replace(&mut it.pure, false);
        if let Some(mut candidate) = it.candidate.take() {
            if pure {
                candidate.lower = it.lower;
            }
            let epsilon = if let Stop::Gap { epsilon, .. } = stop { epsilon } else { 0.0 };
            let certified = candidate.lower.is_some_and(|lower| sums.probed - lower <= epsilon);
            if certified || (pure && it.k >= it.cap) {
                return Ok(Some(finish(it, candidate, certified)));
            }
        }
        let last = it.k >= it.cap;
        if pure && !last {
            return Ok(None);
        }
        if last || it.promising(stop, sums, choice) {
            let (allocation, fallback) = self.nearest(&it.absent, &self.gather(it, held))?;
            let sound = self.plan.rules().bound == Bound::Naive || it.bounds(self.boxes);
            let candidate = Candidate { allocation, fallback, lower: if sound { it.lower } else { None } };
            if last && (sound || pure) {
                return Ok(Some(finish(it, candidate, false)));
            }
            it.pure = !sound;
            it.candidate = Some(candidate);
        }
        Ok(None)
    }

    /// The allocation nearest to the answers; to everybody's absence if the answers are so large that rounding leaves
    /// nothing of the couplings (without limits one follower can do that). Any allocation that meets the couplings
    /// keeps every promise to the others; only the certificate is worse. Says whether it is the second one.
    fn nearest(&self, absent: &[AgentId], z: &[f64]) -> Result<(Vec<f64>, bool), Infeasible> {
        let problem = self.plan.problem();
        match projection::project(problem, absent, z) {
            Ok(allocation) => Ok((allocation, false)),
            Err(why) => projection::project(problem, absent, &problem.absence())
                .map(|allocation| (allocation, true))
                .map_err(|_| why),
        }
    }

    /// The least values of an allocation that go with everybody's last answers to a problem, by follower.
    fn least(&self, it: &Iteration, held: &Held, allocation: &[f64]) -> Vec<f64> {
        let mut least = vec![f64::NAN; self.agents()];
        for (at, agent) in self.members(it).enumerate() {
            let follower = self.plan.problem().follower(agent);
            if let Some(answer) = held.priced(agent, it.number, follower.decisions()) {
                let price = it.personal.get(at).unwrap_or(&it.price);
                let z = &allocation[self.plan.problem().range(agent)];
                least[agent] = tax::least_value(follower, price, answer, z);
            }
        }
        least
    }

    /// All answers to one problem in one list.
    fn gather(&self, it: &Iteration, held: &Held) -> Vec<f64> {
        let mut z = self.plan.problem().absence();
        for agent in self.members(it) {
            let range = self.plan.problem().range(agent);
            if let Some(own) = held.z(agent, it.number, range.len()) {
                z[range].copy_from_slice(own);
            }
        }
        z
    }

    /// Drops who missed the main problem too often; the problem without her takes its place.
    fn drop_silent(&self, state: &mut State) {
        for agent in 0..self.agents() {
            if state.strikes[agent] < self.plan.rules().strikes || state.dropped.contains(&agent) {
                continue;
            }
            state.strikes[agent] = 0;
            let mut absent = state.dropped.clone();
            absent.push(agent);
            absent.sort_unstable();
            let standby = match state.marginal[agent] {
                Marginal::Problem(number) => Some(number),
                Marginal::Infeasible => None,
                Marginal::None => {
                    let possible = absent.len() < self.agents()
                        && projection::feasible(self.plan.problem(), &absent).is_ok();
                    possible.then(|| self.create(state, absent.clone(), &self.plan.start_price()))
                }
            };
            let Some(main) = standby else {
                state.events.push(Event::Kept { round: state.k, follower: agent });
                continue;
            };
            let again = !state.dropped.is_empty();
            state.events.push(Event::Dropped { round: state.k, follower: agent, again });
            state.dropped = absent;
            state.main = main;
            state.running.retain(|it| it.number == main);
            if self.plan.rules().marginals == Marginals::Cold {
                self.create_marginals(state, &self.plan.start_price());
            }
        }
    }

    /// Starts the marginal problems at the end of the main one, where the rules say so.
    fn warm_start(&self, state: &mut State) -> Result<(), LeaderError> {
        let Marginals::Warm { rounds } = self.plan.rules().marginals else { return Ok(()) };
        let fresh = state.marginal.iter().all(|m| *m == Marginal::None);
        if !state.running.is_empty() || !fresh || !self.plan.rules().mode.has_marginals() {
            return Ok(());
        }
        let Some(main) = state.solved(state.main).cloned() else { return Ok(()) };
        self.create_marginals(state, &main.finish.price);
        if rounds > 0 {
            state.running.iter_mut().for_each(|it| it.cap = rounds);
            return Ok(());
        }
        let Some(held) = state.held.clone() else { return Ok(()) };
        for it in std::mem::take(&mut state.running) {
            let mut z = self.plan.problem().absence();
            for agent in self.members(&it) {
                let range = self.plan.problem().range(agent);
                if let Some(own) = held.z(agent, main.number, range.len()) {
                    z[range].copy_from_slice(own);
                }
            }
            let absent = it.absent.to_vec();
            let (allocation, fallback) = self
                .nearest(&absent, &z)
                .map_err(|source| LeaderError::Projection { round: state.k, absent, source })?;
            let finish = Finish {
                allocation,
                lower: None,
                held: None,
                price: main.finish.price.clone(),
                rounds: 0,
                certified: false,
                fallback,
            };
            end(state, (it.number, it.absent), (finish, Vec::new()));
        }
        Ok(())
    }
}

fn glance(round: usize, it: &Iteration, choice: usize, sums: &Sums) -> Glance {
    let m = it.price.len();
    let residual = sums.residual[choice * m..(choice + 1) * m].iter().map(|r| r * r).sum::<f64>().sqrt();
    Glance { round, price: it.price.clone(), residual, lower: it.lower, slowed: it.turn.slowed }
}

/// A problem has ended.
fn end(state: &mut State, (number, absent): (usize, Arc<[AgentId]>), (finish, least): Ended) {
    if finish.fallback {
        state.events.push(Event::Fallback { round: state.k, absent: absent.to_vec() });
    }
    state.done.push(Solved { number, absent, finish, least });
}

fn finish(it: &Iteration, candidate: Candidate, certified: bool) -> Finish {
    Finish {
        allocation: candidate.allocation,
        lower: candidate.lower,
        held: candidate.lower.or(it.held),
        price: it.price.clone(),
        rounds: it.k,
        certified,
        fallback: candidate.fallback,
    }
}
