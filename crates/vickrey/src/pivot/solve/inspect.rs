//! What an audit reads and does beside what a solution hands out.

use super::infinite::{Convergence, Iteration, Target, iterate};
use super::problem::{Problem, Slab};
use super::product::Product;
use super::ruling::pick;
use super::sweep::{Sets, Wants, sweep};
use crate::mechanism::AgentId;
use crate::pivot::mode::Without;
use crate::pivot::model::Model;

impl Problem {
    /// The instance.
    pub(in crate::pivot) fn model(&self) -> &Model {
        &self.model
    }

    /// A player's utility by type, without constants.
    pub(in crate::pivot) fn own(&self, i: AgentId, period: usize, decision: usize, public: usize) -> &[f64] {
        self.stage.players[i].at(period, decision, public)
    }

    /// The public's utility, without constants.
    pub(in crate::pivot) fn public(&self, period: usize, decision: usize, public: usize) -> f64 {
        *self.stage.public.at(period, decision, public)
    }

    /// A player's terminal utility, without constants; 0 if the game has no end.
    pub(in crate::pivot) fn own_terminal(&self, i: AgentId, public: usize, own: usize) -> f64 {
        self.stage.terminals[i].as_ref().map_or(0.0, |g| g.at(0, 0, public)[own])
    }

    /// The public's terminal utility, without constants; 0 if there is none.
    pub(in crate::pivot) fn public_terminal(&self, public: usize) -> f64 {
        self.stage.terminal_public.get(public).copied().unwrap_or(0.0)
    }

    /// Utility of the public and all members under a decision, without constants, for every state of a slab.
    pub(in crate::pivot) fn everybody(&self, period: usize, slab: Slab, decision: usize, out: &mut Vec<f64>) {
        let (members, public) = (&self.space.members, slab.public);
        let mut base = self.public(period, decision, public);
        if let Some(&first) = members.first() {
            base += self.own(first, period, decision, public)[slab.first];
        }
        out.clear();
        out.push(base);
        for &i in members.iter().skip(1) {
            let own = self.own(i, period, decision, public);
            *out = out.iter().flat_map(|so_far| own.iter().map(move |v| so_far + v)).collect();
        }
    }

    /// Utilities of one period within this of the largest are ties, where nothing else matters.
    pub(in crate::pivot) fn band_now(&self, best: f64) -> f64 {
        self.stage.band(best, 0.0, 0.0)
    }

    /// What has to be added to what a player can expect.
    pub(in crate::pivot) fn own_constant(&self, i: AgentId, period: usize) -> f64 {
        self.stage.constant_of(&self.model, i, period)
    }

    /// The first decision of a set within the tie band of the best, and the best value, if values are exact; `level`: what
    /// all of them have in common, about.
    pub(in crate::pivot) fn first_of_best(&self, set: &[usize], choices: &[f64], level: f64) -> (usize, f64) {
        pick(set, choices, |best| self.stage.band(best, level, 0.0))
    }

    /// What has to be added to what the public can expect.
    pub(in crate::pivot) fn public_constant(&self, period: usize) -> f64 {
        self.stage.constant(&self.model, &[], period)
    }
}

impl Product {
    /// Certified error of the values of an infinite horizon; 0 for finite games.
    pub(in crate::pivot) fn error(&self) -> f64 {
        self.error
    }

    /// Payments of one player that wait for the outcome, by outcome and state: what the best decision is worth to the
    /// others in this outcome minus what the efficient one is. Their expectation is what [`tables`](Self::tables) has.
    pub(in crate::pivot) fn contingent(
        &self,
        i: AgentId,
        period: usize,
        policy: &[Vec<u16>],
    ) -> Vec<Vec<f64>> {
        let rest = self.sweep_without(i, period);
        let space = self.space();
        let n = space.types[i];
        let inner: usize = space.types[i + 1..].iter().product();
        let size = space.size() / n;
        let tight = (self.mode == Without::Tight).then(|| self.references(i, period));
        let of = |(z, taken): (usize, &Vec<u16>)| {
            let against = tight.unwrap_or(&rest.best[z]);
            let pay = |(state, a): (usize, &u16)| {
                let others = state / (n * inner) * inner + state % inner;
                against[others] - rest.choices[usize::from(*a) * size + others]
            };
            taken.iter().enumerate().map(pay).collect()
        };
        policy.iter().enumerate().map(of).collect()
    }

    /// Decisions without a player by outcome and state without her, and the most that the tie rule loses by them.
    pub(in crate::pivot) fn alone(&self, i: AgentId, period: usize) -> (Vec<Vec<u16>>, f64) {
        let next = &self.references(i, period + 1);
        let sets = Sets::without(self.mode, i);
        let wants = Wants { policy: true, choices: false };
        let swept = sweep(&self.rest[i], period, next, sets, self.error, wants);
        (swept.policy, swept.loss)
    }
}

/// The fixed point of any step that is monotone and discounts constants, from `start` on: until its certified error is
/// within `tolerance`, or rounding keeps it from falling.
pub(in crate::pivot) fn settle(
    delta: f64,
    start: Vec<f64>,
    tolerance: f64,
    most: usize,
    step: &dyn Fn(&[f64]) -> Vec<f64>,
) -> (Vec<f64>, Convergence) {
    let target = Target { tolerance, most, iteration: Iteration::Anderson };
    iterate(delta, start, step, target, &mut |_| ())
}
