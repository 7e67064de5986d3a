//! All states of a solution that has no table of joint states: programs over what one player sees.

use rayon::prelude::*;

use super::crowd::{Branches, Crowd, Told};
use super::measure::{Measures, Scope, compare, largest, settled};
use super::structured::Case;
use super::turn::Spot;
use super::words;
use crate::audit::{Progress, Worst};
use crate::mechanism::AgentId;
use crate::pivot::mode::PaymentTime;
use crate::pivot::model::{Horizon, Model};
use crate::pivot::solve::Solution;
use crate::pivot::solve::space::State;

/// Joint successors that an expectation by plain sums may have.
const MOST_SUCCESSORS: f64 = 1e5;

/// How many states get such an expectation, by period.
const DENSE: usize = 8;

/// Walks through all states of the players in `seats`.
pub(super) fn all(
    case: &Case<'_>,
    groups: &[Vec<AgentId>],
    seats: &[AgentId],
    progress: Progress<'_>,
) -> Measures {
    let model = case.solution.model();
    let mut found = Measures::new(model, Scope::Whole);
    let mut states = 0;
    for (k, &i) in seats.iter().enumerate() {
        let crowd = Crowd::new(model, groups, i);
        states = states.max(crowd.size());
        let first = groups.iter().any(|group| group[0] == i);
        let left = if first { case.left(i) } else { None };
        if let Some(left) = &left {
            found.loss_alone = found.loss_alone.max(left.certificate().ties);
        }
        let mut run = Run { case, crowd, left, everybody: k == 0, found };
        run.all();
        found = run.found;
        progress((k + 1) as f64 / seats.len() as f64);
    }
    found.scope = Scope::Alike { states, everyone: seats.len() == model.players() };
    found
}

/// Values from the beginning of a period on, by state of one player, without constants.
#[derive(Clone, Default)]
struct Levels {
    truthful: Vec<f64>,
    best: Vec<f64>,
    /// If the others decide without her; empty if unknown.
    alone: Vec<f64>,
    /// Of everybody, payments of all and utility of the public; empty but for one player.
    welfare: Vec<f64>,
    receipts: Vec<f64>,
}

struct Run<'a> {
    case: &'a Case<'a>,
    crowd: Crowd<'a>,
    /// The game without her.
    left: Option<Solution>,
    /// Whether what concerns everybody is looked at too.
    everybody: bool,
    found: Measures,
}

/// One period.
struct Period {
    t: usize,
    told: Vec<Told>,
    branches: Vec<Branches>,
    /// Decisions without her by block and outcome; empty if unknown.
    alone: Vec<Vec<usize>>,
}

/// One state, with what every decision brings there.
struct Here<'a> {
    mu: &'a [f64],
    /// By decision and own type.
    worth: &'a [Vec<f64>],
    /// What follows from every report.
    told: &'a [Told],
    own: usize,
    block: usize,
    time: PaymentTime,
}

impl Here<'_> {
    fn likely(&self) -> impl Iterator<Item = (usize, f64)> + '_ {
        self.mu.iter().copied().enumerate().filter(|(_, mu)| *mu > 0.0)
    }

    fn in_outcome(&self, z: usize, report: usize, time: PaymentTime) -> f64 {
        let told = &self.told[report];
        self.worth[told.decision[z]][self.own]
            - match time {
                PaymentTime::BeforeOutcome => told.payment,
                PaymentTime::OutcomeContingent => told.contingent[z],
            }
    }

    fn by(&self, report: usize) -> f64 {
        self.likely().map(|(z, mu)| mu * self.in_outcome(z, report, self.time)).sum()
    }

    /// The first of the reports that bring most, and what it brings.
    fn best(&self) -> (usize, f64) {
        let all = (0..self.told.len()).map(|r| (r, self.by(r)));
        all.fold((0, f64::NEG_INFINITY), |best, one| if one.1 > best.1 { one } else { best })
    }

    /// Without payments, under decisions by outcome.
    fn under(&self, decision: &[usize]) -> f64 {
        self.likely().map(|(z, mu)| mu * self.worth[decision[z]][self.own]).sum()
    }
}

impl Run<'_> {
    fn model(&self) -> &Model {
        self.case.solution.model()
    }

    fn all(&mut self) {
        match self.model().horizon() {
            Horizon::Finite(periods) => {
                let mut next = self.end();
                for t in (0..periods).rev() {
                    let period = self.period(t);
                    let levels = self.levels(&period, &next);
                    self.look(&period, &levels, &next);
                    next = levels;
                }
                self.start(&next);
            }
            Horizon::Infinite => {
                let period = self.period(0);
                let levels = self.levels(&period, &self.guess(&period));
                self.look(&period, &levels, &levels);
                self.start(&levels);
            }
        }
    }

    fn period(&self, t: usize) -> Period {
        let (crowd, i) = (&self.crowd, self.crowd.player);
        let rule = |k: usize| Told::of(self.model(), self.case.rule, t, &crowd.state(k), i);
        let told = (0..crowd.size()).into_par_iter().map(rule).collect();
        let branches = (0..crowd.blocks()).into_par_iter().map(|b| crowd.branches(t, b)).collect();
        let without = |left: &Solution| {
            let one = |b: usize| decisions_without(left, t, &crowd.state(b * crowd.types()), i);
            (0..crowd.blocks()).into_par_iter().map(one).collect::<Option<Vec<_>>>().unwrap_or_default()
        };
        Period { t, told, branches, alone: self.left.as_ref().map(without).unwrap_or_default() }
    }

    /// A table over all states.
    fn table(&self, of: impl Fn(&State) -> f64) -> Vec<f64> {
        (0..self.crowd.size()).map(|k| of(&self.crowd.state(k))).collect()
    }

    fn end(&self) -> Levels {
        let (world, i) = (&self.case.world, self.crowd.player);
        let own = self.table(|s| world.own_terminal(i, s.public, s.types[i]));
        let all = |s: &State| {
            let of = |i: usize| world.own_terminal(i, s.public, s.types[i]);
            world.public_terminal(s.public) + (0..s.types.len()).map(of).sum::<f64>()
        };
        let welfare = if self.everybody { self.table(all) } else { Vec::new() };
        let receipts = vec![0.0; welfare.len()];
        let alone = if self.left.is_some() { own.clone() } else { Vec::new() };
        Levels { truthful: own.clone(), best: own, alone, welfare, receipts }
    }

    /// Where the programs of an infinite horizon begin: at the values that ought to come out, where they are known.
    fn guess(&self, period: &Period) -> Levels {
        let zero = vec![0.0; self.crowd.size()];
        let constant = self.case.world.own_constant(self.crowd.player, 0);
        let own: Option<Vec<f64>> = period.told.iter().map(|told| Some(told.truthful? - constant)).collect();
        let own = own.unwrap_or_else(|| zero.clone());
        let all = if self.everybody { zero.clone() } else { Vec::new() };
        let alone = if self.left.is_some() { zero } else { Vec::new() };
        Levels { truthful: own.clone(), best: own, alone, welfare: all.clone(), receipts: all }
    }

    /// What decisions bring in a block: `flow` by decision and own type, and what follows.
    fn worth(
        &self,
        period: &Period,
        block: usize,
        next: &[f64],
        flow: impl Fn(usize, usize) -> f64,
    ) -> Vec<Vec<f64>> {
        let (model, n) = (self.model(), self.crowd.types());
        let public = self.crowd.state(block * n).public;
        let branches = &period.branches[block];
        let after = |branch: &super::crowd::Branch| -> Vec<f64> {
            (0..n).map(|x| branch.iter().map(|(b, p)| p * next[b * n + x]).sum()).collect()
        };
        let after: Vec<Vec<f64>> = branches.distinct.iter().map(after).collect();
        let moves = &model.player(self.crowd.player).moves;
        let of = |a: usize| {
            let (kernel, after) = (moves.at(period.t, a, public), &after[branches.of[a]]);
            let later = |x: usize| kernel.row(x).iter().zip(after).map(|(q, v)| q * v).sum::<f64>();
            (0..n).map(|x| flow(a, x) + model.discount() * later(x)).collect()
        };
        (0..model.decisions()).map(of).collect()
    }

    /// One number for each state.
    fn sweep<T: Send>(
        &self,
        period: &Period,
        next: &[f64],
        flow: impl Fn(&State, usize) -> f64 + Sync,
        look: impl Fn(&Here<'_>) -> T + Sync,
    ) -> Vec<T> {
        let (model, crowd, n) = (self.model(), &self.crowd, self.crowd.types());
        let block = |block: usize| {
            let states: Vec<State> = (0..n).map(|x| crowd.state(block * n + x)).collect();
            let worth = self.worth(period, block, next, |a, x| flow(&states[x], a));
            let mu = model.probabilities(period.t, states[0].public);
            let told = &period.told[block * n..(block + 1) * n];
            let one = |own| look(&Here { mu, worth: &worth, told, own, block, time: self.case.time });
            (0..n).map(one).collect::<Vec<T>>()
        };
        let all: Vec<Vec<T>> = (0..crowd.blocks()).into_par_iter().map(block).collect();
        all.into_iter().flatten().collect()
    }

    fn own(&self, t: usize) -> impl Fn(&State, usize) -> f64 + Sync + '_ {
        let (world, i) = (&self.case.world, self.crowd.player);
        move |s, a| world.own(i, t, a, s.public)[s.types[i]]
    }

    fn levels(&mut self, period: &Period, next: &Levels) -> Levels {
        let model = self.case.solution.model();
        let mut error = 0.0_f64;
        let mut settle = |next: &[f64], step: &dyn Fn(&[f64]) -> Vec<f64>| {
            let (values, missed) = settled(model, next, step);
            error = error.max(missed);
            values
        };
        let own = self.own(period.t);
        let mut levels = Levels {
            truthful: settle(&next.truthful, &|x| self.sweep(period, x, &own, |here| here.by(here.own))),
            best: settle(&next.best, &|x| self.sweep(period, x, &own, |here| here.best().1)),
            ..Levels::default()
        };
        if !period.alone.is_empty() && !next.alone.is_empty() {
            let alone = |here: &Here<'_>| here.under(&period.alone[here.block]);
            levels.alone = settle(&next.alone, &|x| self.sweep(period, x, &own, alone));
        }
        if self.everybody {
            let honest = |here: &Here<'_>| here.under(&here.told[here.own].decision);
            let all = |s: &State, a: usize| self.case.world.stage_at(period.t, s, a);
            levels.welfare = settle(&next.welfare, &|x| self.sweep(period, x, all, honest));
            let paid = |here: &Here<'_>| {
                let told = &here.told[here.own];
                let now = match here.time {
                    PaymentTime::BeforeOutcome => told.paid,
                    PaymentTime::OutcomeContingent => {
                        here.likely().map(|(z, mu)| mu * told.paid_by_outcome[z]).sum()
                    }
                };
                now + here.under(&told.decision)
            };
            levels.receipts = settle(&next.receipts, &|x| self.sweep(period, x, |_, _| 0.0, paid));
        }
        let lists = [&levels.truthful, &levels.best, &levels.alone, &levels.welfare, &levels.receipts];
        let size = lists.into_iter().map(|values| largest(values)).fold(self.found.size, f64::max);
        drop(own);
        self.found.size = size;
        self.found.error = self.found.error.max(error);
        levels
    }

    /// Enters a spot, put into words, into a search.
    fn tell(&self, t: usize, spot: Spot, who: Option<AgentId>, worst: &mut Worst) {
        spot.tell(worst, |spot| words::case(self.model(), t, &self.crowd.state(spot.state), spot, who));
    }

    fn look(&mut self, period: &Period, levels: &Levels, next: &Levels) {
        let empty = Measures::new(self.model(), Scope::Whole);
        let mut found = std::mem::replace(&mut self.found, empty);
        self.lies(period, levels, next, &mut found);
        self.participation(period.t, levels, &mut found);
        self.payments(period, levels, &mut found);
        if self.everybody {
            self.decisions(period, levels, next, &mut found);
        }
        self.found = found;
    }

    fn lies(&self, period: &Period, levels: &Levels, next: &Levels, found: &mut Measures) {
        let (i, n) = (self.crowd.player, self.crowd.types());
        let single = |here: &Here<'_>| {
            let (mut once, mut leak) = (Spot::default(), [Spot::default(); 2]);
            let state = here.block * n + here.own;
            for r in (0..n).filter(|r| *r != here.own) {
                once.see(here.by(r) - here.by(here.own), state, Some(r), None);
                for (z, _) in here.likely() {
                    for (leak, time) in leak.iter_mut().zip(PaymentTime::ALL) {
                        let gain = here.in_outcome(z, r, time) - here.in_outcome(z, here.own, time);
                        leak.see(gain, state, Some(r), Some(z));
                    }
                }
            }
            (once, leak)
        };
        let own = self.own(period.t);
        for (once, leak) in self.sweep(period, &next.truthful, &own, single) {
            self.tell(period.t, once, Some(i), &mut found.seats[i].once);
            for (spot, worst) in leak.into_iter().zip(&mut found.leak) {
                self.tell(period.t, spot, Some(i), worst);
            }
        }
        let mut gain = compare(&levels.best, &levels.truthful, |best, truth| best - truth);
        let reports = self.sweep(period, &next.best, &own, |here| here.best().0);
        gain.report = Some(reports[gain.state]);
        self.tell(period.t, gain, Some(i), &mut found.seats[i].best);
    }

    fn participation(&self, t: usize, levels: &Levels, found: &mut Measures) {
        let i = self.crowd.player;
        let constant = self.case.world.own_constant(i, t);
        let truthful = &levels.truthful;
        let seat = &mut found.seats[i];
        self.tell(t, compare(truthful, truthful, |v, _| -(v + constant)), Some(i), &mut seat.zero);
        self.tell(t, compare(truthful, &levels.alone, |v, o| o - v), Some(i), &mut seat.over_alone);
        let alone = &levels.alone;
        self.tell(t, compare(alone, alone, |o, _| -(o + constant)), Some(i), &mut seat.alone);
        let outside = self.table(|s| self.model().outside(i, t, s.public, s.types[i]) - constant);
        self.tell(t, compare(&outside, truthful, |u, v| u - v), Some(i), &mut seat.over_stated);
    }

    fn payments(&self, period: &Period, levels: &Levels, found: &mut Measures) {
        let i = self.crowd.player;
        let (mut low, mut averaged, mut accounts) = (Spot::default(), Spot::default(), Spot::default());
        let constant = self.case.world.own_constant(i, period.t);
        for (k, told) in period.told.iter().enumerate() {
            let mu = self.model().probabilities(period.t, self.crowd.state(k).public);
            let mut mean = 0.0;
            for (z, mu) in mu.iter().enumerate().filter(|(_, mu)| **mu > 0.0) {
                let pz = told.contingent[z];
                mean += mu * pz;
                if self.case.time == PaymentTime::OutcomeContingent {
                    low.see(-pz, k, None, Some(z));
                }
            }
            averaged.see((mean - told.payment).abs(), k, None, None);
            if self.case.time == PaymentTime::BeforeOutcome {
                low.see(-told.payment, k, None, None);
            }
            if let Some(due) = told.truthful {
                accounts.see((levels.truthful[k] + constant - due).abs(), k, None, None);
                found.size = found.size.max(due.abs());
            }
            found.available.iter_mut().zip(&told.needed).for_each(|(all, needed)| *all &= !needed);
            found.size = found.size.max(told.payment.abs());
        }
        self.tell(period.t, low, Some(i), &mut found.seats[i].payment);
        self.tell(period.t, averaged, Some(i), &mut found.averaged);
        self.tell(period.t, accounts, Some(i), &mut found.accounts);
    }

    fn decisions(&self, period: &Period, levels: &Levels, next: &Levels, found: &mut Measures) {
        let (model, t, n) = (self.model(), period.t, self.crowd.types());
        let look = |here: &Here<'_>| {
            let (mut wrong, mut better) = (Spot::default(), Spot::default());
            let state = here.block * n + here.own;
            for (z, _) in here.likely() {
                let (taken, set) = (here.told[here.own].decision[z], model.feasible(z));
                let best = set.iter().map(|&a| here.worth[a][here.own]).fold(f64::NEG_INFINITY, f64::max);
                better.see(best - here.worth[taken][here.own], state, None, Some(z));
                wrong.see(if set.contains(&taken) { 0.0 } else { 1.0 }, state, None, Some(z));
            }
            (wrong, better)
        };
        let all = |s: &State, a: usize| self.case.world.stage_at(t, s, a);
        for (wrong, better) in self.sweep(period, &next.welfare, all, look) {
            self.tell(t, wrong, None, &mut found.infeasible);
            self.tell(t, better, None, &mut found.better);
        }
        let constant = self.case.constant(t);
        let mut difference = Spot::default();
        for (k, told) in period.told.iter().enumerate() {
            if let Some(value) = told.value {
                difference.see((levels.welfare[k] + constant - value).abs(), k, None, None);
                found.size = found.size.max(value.abs());
            }
        }
        self.tell(t, difference, None, &mut found.difference);
        let size = self.crowd.size();
        let mut dense = Spot::default();
        for k in (0..size).step_by(size.div_ceil(DENSE)) {
            if let Some(slow) = self.dense(period, k, &next.welfare) {
                dense.see((slow - levels.welfare[k]).abs(), k, None, None);
            }
        }
        self.tell(t, dense, None, &mut found.dense);
    }

    /// Welfare in a state by summing over all joint successors one after the other; none if they are too many.
    fn dense(&self, period: &Period, k: usize, next: &[f64]) -> Option<f64> {
        let (model, state) = (self.model(), self.crowd.state(k));
        let mu = model.probabilities(period.t, state.public);
        let mut sum = 0.0;
        for (z, mu) in mu.iter().enumerate().filter(|(_, mu)| **mu > 0.0) {
            let a = period.told[k].decision[z];
            let row = |(i, x): (AgentId, &usize)| model.player(i).moves.at(period.t, a, state.public).row(*x);
            let rows: Vec<&[f64]> = state.types.iter().enumerate().map(row).collect();
            let law = model.public().moves.at(period.t, a, state.public);
            let count = |row: &&[f64]| row.iter().filter(|p| **p > 0.0).count() as f64;
            if rows.iter().map(count).product::<f64>() * law.len() as f64 > MOST_SUCCESSORS {
                return None;
            }
            let mut to = state.clone();
            let later: f64 = law
                .iter()
                .map(|&(public, p)| {
                    to.public = public;
                    self.plain_sum(&rows, 0, p, &mut to, next)
                })
                .sum();
            sum += mu * (self.case.world.stage_at(period.t, &state, a) + model.discount() * later);
        }
        Some(sum)
    }

    /// Sum over the next types of the players from `i` on.
    fn plain_sum(&self, rows: &[&[f64]], i: AgentId, p: f64, to: &mut State, next: &[f64]) -> f64 {
        let Some(row) = rows.get(i) else { return p * next[self.crowd.index(to)] };
        let mut sum = 0.0;
        for (x, q) in row.iter().enumerate().filter(|(_, q)| **q > 0.0) {
            to.types[i] = x;
            sum += self.plain_sum(rows, i + 1, p * q, to, next);
        }
        sum
    }

    /// Expected receipts from the start.
    fn start(&mut self, levels: &Levels) {
        if self.everybody {
            let all = self.crowd.start();
            self.found.receipts = Some(all.iter().map(|(k, p)| p * levels.receipts[*k]).sum());
        }
    }
}

/// Decisions of the game without a player, by outcome.
pub(super) fn decisions_without(
    left: &Solution,
    t: usize,
    state: &State,
    player: AgentId,
) -> Option<Vec<usize>> {
    let mut rest = state.clone();
    rest.types.remove(player);
    Some(left.ruling(t, &rest).ok()?.decision)
}
