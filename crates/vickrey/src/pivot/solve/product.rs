//! The solution on the product space: values of all joint states, of everybody and without each player.

use std::sync::Arc;

use rayon::prelude::*;

use super::certificate::Certificate;
use super::infinite::Convergence;
use super::problem::Problem;
use super::ruling::{Question, Ruling};
use super::space::{Space, State};
use super::sweep::{Sets, Swept, Wants, sweep};
use crate::mechanism::AgentId;
use crate::pivot::mode::Without;
use crate::pivot::model::{Horizon, Model};

/// Below this many states one thread is faster than handing out work.
const SMALL: usize = 1 << 14;

/// Values of all joint states. Stationary games keep one slice, finite ones one for every period that is kept and the
/// end.
#[derive(Clone, Debug)]
pub struct Product {
    pub(super) mode: Without,
    pub(super) whole: Problem,
    pub(super) rest: Vec<Problem>,
    /// Values of everybody together by period, without constants.
    pub(super) values: Vec<Vec<f64>>,
    /// What the others are measured against by player and period, without constants.
    pub(super) references: Vec<Vec<Vec<f64>>>,
    /// What the values are known to; 0 if they are exact.
    pub(super) error: f64,
    pub(super) certificate: Certificate,
    pub(super) convergence: Vec<Convergence>,
}

/// Decisions and payments in all states of one period.
#[derive(Clone, Debug, Default)]
pub struct Tables {
    /// Decision by outcome and state.
    pub decision: Vec<Vec<u16>>,
    /// Payment by player and state, fixed before the outcome.
    pub payment: Vec<Vec<f64>>,
    /// Most that the tie rule gives away in a state.
    pub loss: f64,
}

impl Product {
    /// The instance.
    pub fn model(&self) -> &Model {
        &self.whole.model
    }

    /// Which reading of "without player i".
    pub fn mode(&self) -> Without {
        self.mode
    }

    /// The dynamic program of everybody together.
    pub fn whole(&self) -> &Problem {
        &self.whole
    }

    /// The dynamic program without a player.
    pub fn rest(&self, player: AgentId) -> &Problem {
        &self.rest[player]
    }

    /// All joint states.
    pub fn space(&self) -> &Space {
        self.whole.space()
    }

    /// The periods in which rulings can be given: all, or those whose next values were kept.
    pub fn periods(&self) -> usize {
        match self.model().horizon() {
            Horizon::Infinite => 1,
            Horizon::Finite(_) => self.values.len() - 1,
        }
    }

    /// How the fixed points were found: of everybody together, then without each player (not in mode tight). Empty for
    /// finite games.
    pub fn convergence(&self) -> &[Convergence] {
        &self.convergence
    }

    /// What no lie gains more than.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    fn slice(&self, period: usize) -> usize {
        match self.model().horizon() {
            Horizon::Infinite => 0,
            Horizon::Finite(_) => period,
        }
    }

    /// Values by state without constants, at the beginning of a period (also at the end).
    pub fn values(&self, period: usize) -> &[f64] {
        &self.values[self.slice(period)]
    }

    /// What the others of a player are measured against, by state without her, without constants.
    pub fn references(&self, player: AgentId, period: usize) -> &[f64] {
        &self.references[player][self.slice(period)]
    }

    /// What has to be added to [`values`](Self::values).
    pub fn constant(&self, period: usize) -> f64 {
        self.whole.stage.constant(self.model(), &self.whole.space.members, period)
    }

    /// What has to be added to [`references`](Self::references).
    pub fn reference_constant(&self, player: AgentId, period: usize) -> f64 {
        self.whole.stage.constant(self.model(), &self.rest[player].space.members, period)
    }

    /// What has to be added to the difference of the two: a player's own constants.
    pub fn own_constant(&self, player: AgentId, period: usize) -> f64 {
        self.whole.stage.constant_of(self.model(), player, period)
    }

    /// The sets that are possible without a player.
    fn sets(&self, player: AgentId) -> Sets {
        Sets::without(self.mode, player)
    }

    /// Decisions and payments at one state. Bit for bit what [`tables`](Self::tables) has there.
    pub fn ruling(&self, period: usize, state: &State) -> Ruling {
        let mut rest = self.choices(period, self.slice(period + 1), state);
        let whole = rest.remove(0);
        let level = self.model().discount() * self.values[self.slice(period + 1)][0];
        let tight = (self.mode == Without::Tight).then(|| {
            let of = |(i, rest): (usize, &Problem)| self.references(i, period)[rest.space.index(state)];
            self.rest.iter().enumerate().map(of).collect::<Vec<f64>>()
        });
        Question {
            model: self.model(),
            mode: self.mode,
            period,
            public: state.public,
            band: &|best| self.whole.stage.band(best, level, self.error),
            whole: &whole,
            rest: &rest,
            tight: tight.as_deref(),
        }
        .ruling(Some(self.value(period, state)), Some(self.reference(period, state)))
    }

    /// What every decision is worth at one state, with what follows: to everybody, then to the others of every player.
    /// Without constants, which do not depend on the decision.
    pub fn worth_of_decisions(&self, period: usize, state: &State) -> Vec<Vec<f64>> {
        self.choices(period, self.slice(period + 1), state)
    }

    /// Value of every decision at one state: to everybody, then to the others of every player.
    fn choices(&self, period: usize, next: usize, state: &State) -> Vec<Vec<f64>> {
        let of = |k: usize| match k.checked_sub(1) {
            None => choices_at(&self.whole, period, &self.values[next], state),
            Some(i) => choices_at(&self.rest[i], period, &self.references[i][next], state),
        };
        if self.space().block() < SMALL {
            (0..=self.rest.len()).map(of).collect()
        } else {
            (0..self.rest.len() + 1).into_par_iter().with_max_len(1).map(of).collect()
        }
    }

    /// What everybody together can expect from a state.
    pub fn value(&self, period: usize, state: &State) -> f64 {
        self.values(period)[self.whole.space.index(state)] + self.constant(period)
    }

    /// What the others are measured against, for every player.
    pub fn reference(&self, period: usize, state: &State) -> Vec<f64> {
        let of = |i: usize| {
            let centred = self.references(i, period)[self.rest[i].space.index(state)];
            centred + self.reference_constant(i, period)
        };
        (0..self.rest.len()).map(of).collect()
    }

    /// Decisions and payments in all states of a period.
    pub fn tables(&self, period: usize) -> Tables {
        let next = self.slice(period + 1);
        let wants = Wants { policy: true, choices: false };
        let whole = sweep(&self.whole, period, &self.values[next], Sets::Feasible, self.error, wants);
        let payment = (0..self.rest.len()).map(|i| {
            let rest = self.sweep_without(i, period);
            self.payments(i, period, &whole.policy, &rest)
        });
        Tables { payment: payment.collect(), decision: whole.policy, loss: whole.loss }
    }

    /// One step of the problem without a player, with the value of every decision.
    pub(super) fn sweep_without(&self, i: AgentId, period: usize) -> Swept {
        let next = &self.references[i][self.slice(period + 1)];
        let wants = Wants { policy: false, choices: true };
        sweep(&self.rest[i], period, next, self.sets(i), self.error, wants)
    }

    /// Payments of one player in all states: what the best decision is worth to the others minus what the efficient one
    /// is, averaged over outcomes; paper 002, (21). In mode tight the first term is the reference itself.
    pub(super) fn payments(&self, i: AgentId, period: usize, policy: &[Vec<u16>], rest: &Swept) -> Vec<f64> {
        let tight = (self.mode == Without::Tight).then(|| self.references(i, period));
        let with = (policy, rest, tight);
        pay(&self.whole, i, period, with)
    }

    /// Decisions that would be taken without a player, by outcome and state without her.
    pub fn decisions_without(&self, i: AgentId, period: usize) -> Vec<Vec<u16>> {
        let next = &self.references[i][self.slice(period + 1)];
        let wants = Wants { policy: true, choices: false };
        sweep(&self.rest[i], period, next, self.sets(i), self.error, wants).policy
    }
}

/// Value of every decision at one state, without constants.
fn choices_at(problem: &Problem, period: usize, next: &[f64], state: &State) -> Vec<f64> {
    let delta = problem.model.discount();
    problem.at(period, next, state, |futures| {
        let value = |a| problem.stage_at(period, state, a) + delta * futures.after(a)[0];
        (0..problem.model.decisions()).map(value).collect()
    })
}

/// Payments of player `i`: policy by outcome and state, the others' step, and what stands in place of their best value
/// in mode tight.
pub(super) fn pay(
    whole: &Problem,
    i: AgentId,
    period: usize,
    with: (&[Vec<u16>], &Swept, Option<&[f64]>),
) -> Vec<f64> {
    let mut out = Vec::new();
    pay_into(whole, i, period, with, &mut out);
    out
}

/// As [`pay`], into memory that is there.
pub(super) fn pay_into(
    whole: &Problem,
    i: AgentId,
    period: usize,
    (policy, rest, tight): (&[Vec<u16>], &Swept, Option<&[f64]>),
    out: &mut Vec<f64>,
) {
    let (model, space) = (&whole.model, &whole.space);
    let n = space.types[i];
    let inner: usize = space.types[i + 1..].iter().product();
    let stretch = n * inner;
    let (block, others_size) = (space.block(), space.size() / n);
    out.resize(space.size(), 0.0);
    // Stretches over her own type and those of the later players: the others' states are numbered in the same order.
    let fill = |(number, out): (usize, &mut [f64])| {
        let (start, others) = (number * stretch, number * inner);
        out.fill(0.0);
        for (z, mu) in model.probabilities(period, start / block).iter().enumerate() {
            let against = match tight {
                Some(reference) => &reference[others..others + inner],
                None => &rest.best[z][others..others + inner],
            };
            let taken = policy[z][start..start + stretch].chunks_exact(inner);
            for (out, taken) in out.chunks_exact_mut(inner).zip(taken) {
                for (s, ((out, best), a)) in out.iter_mut().zip(against).zip(taken).enumerate() {
                    *out += mu * (best - rest.choices[usize::from(*a) * others_size + others + s]);
                }
            }
        }
    };
    if space.size() < SMALL {
        out.chunks_mut(stretch).enumerate().for_each(fill);
    } else {
        out.par_chunks_mut(stretch).with_min_len((4096 / stretch).max(1)).enumerate().for_each(fill);
    }
}

/// The payments of several players at once, and their problems.
pub(super) fn shared(model: Model) -> (Problem, Vec<Problem>) {
    let whole = Problem::whole(Arc::new(model));
    let rest = (0..whole.model.players()).map(|i| whole.without(i)).collect();
    (whole, rest)
}
