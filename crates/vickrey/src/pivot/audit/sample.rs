//! Instances whose states are too many: single states drawn at random, with what follows taken from the solution.

use rand::RngExt;

use super::Subject;
use super::dense;
use super::measure::{Measures, Scope};
use super::turn::Spot;
use super::words;
use crate::audit::Progress;
use crate::mechanism::AgentId;
use crate::numeric::random::{Purpose, stream};
use crate::pivot::mode::PaymentTime;
use crate::pivot::solve::problem::Futures;
use crate::pivot::solve::ruling::Ruling;
use crate::pivot::solve::space::State;

/// States that are looked at in any case; if the effort does not pay for all lies in each, some are tried.
const ENOUGH: usize = 8;

/// Looks at as many states as the effort pays for.
pub(super) fn sample(subject: &Subject<'_>, why: String, progress: Progress<'_>) -> Measures {
    let product = subject.product;
    let (model, space) = (product.model(), product.space());
    let lies: Vec<(AgentId, usize)> =
        (0..model.players()).flat_map(|i| (0..space.types[i]).map(move |r| (i, r))).collect();
    // One contraction per decision over all types, for everybody together and without each.
    let one = 2.0 * space.block() as f64 * (model.decisions() * (model.players() + 1)) as f64;
    let rulings = (subject.options.effort.pick(5e9, 5e10, 5e12) / one) as usize;
    let drawn = (rulings / (lies.len() + 1)).clamp(ENOUGH, 2_000);
    let tried = (rulings / drawn).saturating_sub(1).clamp(1, lies.len());
    let scope = Scope::Sample { drawn, why };
    let mut run = Run { subject, found: Measures::new(model, scope) };
    for k in 0..drawn {
        let mut random = stream(subject.options.seed, Purpose::Audit, k as u64);
        let period = random.random_range(0..product.periods());
        let state = space.state(random.random_range(0..space.size()), model.players());
        let first = random.random_range(0..lies.len());
        let chosen = (0..tried).map(|l| lies[(first + l) % lies.len()]).collect();
        run.state(period, &state, chosen, k < ENOUGH);
        progress((k + 1) as f64 / drawn as f64);
    }
    run.found
}

struct Run<'a> {
    subject: &'a Subject<'a>,
    found: Measures,
}

impl Run<'_> {
    fn state(&mut self, t: usize, state: &State, lies: Vec<(AgentId, usize)>, slow: bool) {
        let ruling = self.subject.product.ruling(t, state);
        self.decisions(t, state, &ruling, slow);
        for i in 0..self.found.seats.len() {
            let worth = self.worth(t, state, i);
            self.truth(t, state, i, &ruling, &worth);
            for &(_, r) in lies.iter().filter(|(j, r)| *j == i && *r != state.types[i]) {
                self.lie(t, state, (i, r), &ruling, &worth);
            }
        }
    }

    /// Utility and what follows for a player by decision, what follows being value minus reference.
    fn worth(&self, t: usize, state: &State, i: AgentId) -> Vec<f64> {
        let product = self.subject.product;
        let (world, delta) = (product.whole(), product.model().discount());
        let decisions = product.model().decisions();
        let after = |f: &Futures<'_>| -> Vec<f64> { (0..decisions).map(|a| f.after(a)[0]).collect() };
        let all = world.at(t, product.values(t + 1), state, after);
        let rest = product.rest(i).at(t, product.references(i, t + 1), state, after);
        let own = |a| world.own(i, t, a, state.public)[state.types[i]];
        (0..decisions).map(|a| own(a) + delta * (all[a] - rest[a])).collect()
    }

    fn place(&self, t: usize, state: &State, spot: &Spot, player: Option<AgentId>) -> String {
        let product = self.subject.product;
        let spot = Spot { state: product.space().index(state), ..*spot };
        words::spot(product.model(), product.space(), t, &spot, player)
    }

    fn likely<'m>(&'m self, t: usize, state: &State) -> impl Iterator<Item = (usize, f64)> + use<'m> {
        let mu = self.subject.product.model().probabilities(t, state.public);
        mu.iter().copied().enumerate().filter(|(_, mu)| *mu > 0.0)
    }

    /// What a ruling brings in one outcome.
    fn in_outcome(&self, ruling: &Ruling, i: AgentId, z: usize, worth: &[f64], time: PaymentTime) -> f64 {
        worth[ruling.decision[z]]
            - match time {
                PaymentTime::BeforeOutcome => ruling.payment[i],
                PaymentTime::OutcomeContingent => ruling.contingent[z][i],
            }
    }

    fn expected(&self, t: usize, state: &State, ruling: &Ruling, i: AgentId, worth: &[f64]) -> f64 {
        let time = self.subject.time;
        self.likely(t, state).map(|(z, mu)| mu * self.in_outcome(ruling, i, z, worth, time)).sum()
    }

    fn decisions(&mut self, t: usize, state: &State, ruling: &Ruling, slow: bool) {
        let product = self.subject.product;
        let (model, world) = (product.model(), product.whole());
        let next = product.values(t + 1);
        let delta = model.discount();
        let worth: Vec<f64> = world.at(t, next, state, |futures| {
            let value = |a| world.stage_at(t, state, a) + delta * futures.after(a)[0];
            (0..model.decisions()).map(value).collect()
        });
        let (mut infeasible, mut better) = (Spot::default(), Spot::default());
        let (mut best_mean, mut mean) = (0.0, 0.0);
        for (z, mu) in self.likely(t, state).collect::<Vec<_>>() {
            let taken = ruling.decision[z];
            let best = model.feasible(z).iter().map(|&a| worth[a]).fold(f64::NEG_INFINITY, f64::max);
            let miss = if model.feasible(z).contains(&taken) { 0.0 } else { 1.0 };
            infeasible.see(miss, 0, None, Some(z));
            better.see(best - worth[taken], 0, None, Some(z));
            best_mean += mu * best;
            mean += mu * worth[taken];
        }
        let here = product.values(t)[product.space().index(state)];
        let mut found = std::mem::take(&mut self.found.infeasible);
        infeasible.tell(&mut found, |spot| self.place(t, state, spot, None));
        self.found.infeasible = found;
        let mut found = std::mem::take(&mut self.found.better);
        better.tell(&mut found, |spot| self.place(t, state, spot, None));
        self.found.better = found;
        let at = self.place(t, state, &Spot::default(), None);
        self.found.difference.see((best_mean - here).abs(), || at.clone());
        if slow {
            let dense = dense::welfare(world, t, state, &ruling.decision, next);
            self.found.dense.see((dense - mean).abs(), || at.clone());
        }
        self.found.size = self.found.size.max(here.abs()).max(best_mean.abs());
    }

    fn truth(&mut self, t: usize, state: &State, i: AgentId, ruling: &Ruling, worth: &[f64]) {
        let product = self.subject.product;
        let reference = product.references(i, t)[product.rest(i).space().index(state)];
        let value = product.values(t)[product.space().index(state)] - reference;
        let expected = self.expected(t, state, ruling, i, worth);
        let constant = product.own_constant(i, t);
        let outside = product.model().outside(i, t, state.public, state.types[i]);
        let likely: Vec<(usize, f64)> = self.likely(t, state).collect();
        let mean: f64 = likely.iter().map(|(z, mu)| mu * ruling.contingent[*z][i]).sum();
        let least = match self.subject.time {
            PaymentTime::BeforeOutcome => ruling.payment[i],
            PaymentTime::OutcomeContingent => {
                likely.iter().map(|(z, _)| ruling.contingent[*z][i]).fold(f64::INFINITY, f64::min)
            }
        };
        let at = self.place(t, state, &Spot::default(), Some(i));
        let found = &mut self.found;
        found.accounts.see((expected - value).abs(), || at.clone());
        found.averaged.see((mean - ruling.payment[i]).abs(), || at.clone());
        let seat = &mut found.seats[i];
        seat.zero.see(-(value + constant), || at.clone());
        seat.over_stated.see(outside - constant - value, || at.clone());
        seat.payment.see(-least, || at.clone());
        found.size = found.size.max(reference.abs()).max(ruling.payment[i].abs());
    }

    fn lie(&mut self, t: usize, state: &State, (i, r): (AgentId, usize), truth: &Ruling, worth: &[f64]) {
        let mut told = state.clone();
        told.types[i] = r;
        let lie = self.subject.product.ruling(t, &told);
        let gain = self.expected(t, state, &lie, i, worth) - self.expected(t, state, truth, i, worth);
        let at =
            |outcome| self.place(t, state, &Spot { report: Some(r), outcome, ..Spot::default() }, Some(i));
        let words = at(None);
        let mut leaks = Vec::new();
        for (z, _) in self.likely(t, state) {
            let gain =
                |time| self.in_outcome(&lie, i, z, worth, time) - self.in_outcome(truth, i, z, worth, time);
            leaks.push((PaymentTime::ALL.map(gain), at(Some(z))));
        }
        self.found.seats[i].once.see(gain, || words);
        for (gains, words) in leaks {
            for (worst, gain) in self.found.leak.iter_mut().zip(gains) {
                worst.see(gain, || words.clone());
            }
        }
    }
}
