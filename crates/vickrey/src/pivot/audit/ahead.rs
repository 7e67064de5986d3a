//! Index cases: what follows a decision, what a player has if the others decide without her, and the best lies of a few
//! periods in a row.

use std::collections::HashMap;

use super::structured::Case;
use crate::mechanism::AgentId;
use crate::pivot::index::IndexSolution;
use crate::pivot::mode::{PaymentTime, Without};
use crate::pivot::model::Model;

/// Values of everybody together and of every player, by joint state.
pub(super) type Known = HashMap<Vec<usize>, (f64, Vec<f64>)>;

/// An index case as an audit sees it: whom decisions serve, and who goes on without whom.
pub(super) struct Arms<'a> {
    index: &'a IndexSolution,
    model: &'a Model,
    /// Whom every decision serves.
    served: Vec<Option<AgentId>>,
    /// The decision that the others take without a player once it is not worth serving any of them; and whether it
    /// serves her.
    rest: Vec<(usize, bool)>,
    /// What a player has if she is served for ever, by type.
    for_ever: Vec<Vec<f64>>,
    /// Expected discount until a player is no longer chosen before a decision that serves nobody, by player and type: if
    /// that one wins ties, and if she does.
    waits: [Vec<Vec<f64>>; 2],
}

/// Squarings after which nothing is left of a discounted kernel, at most.
const SQUARINGS: usize = 64;

impl<'a> Arms<'a> {
    pub fn new(index: &'a IndexSolution, model: &'a Model, mode: Without) -> Self {
        let mut served = vec![None; model.decisions()];
        (0..model.players()).for_each(|i| served[index.decision_for(i)] = Some(i));
        let z = model.probabilities(0, 0).iter().position(|mu| *mu > 0.0).unwrap_or(0);
        let rest = |i: AgentId| {
            let set = if mode == Without::Same { model.feasible(z) } else { model.absent(i, z) };
            let idle = set.iter().copied().find(|a| served[*a].is_none_or(|j| j == i));
            idle.map_or((usize::MAX, false), |a| (a, served[a] == Some(i)))
        };
        let rest = (0..model.players()).map(rest).collect();
        let for_ever = (0..model.players()).map(|i| for_ever(index, model, i)).collect();
        let waits =
            [false, true].map(|ties| (0..model.players()).map(|j| wait(index, model, j, ties)).collect());
        Self { index, model, served, rest, for_ever, waits }
    }

    pub fn decision_for(&self, player: AgentId) -> usize {
        self.index.decision_for(player)
    }

    /// Those of some decisions that serve nobody.
    pub fn idle<'d>(&'d self, decisions: &'d [usize]) -> impl Iterator<Item = usize> + 'd {
        decisions.iter().copied().filter(|a| self.served[*a].is_none())
    }

    /// Value of everybody together, and value minus reference of every player.
    fn values<'k>(&self, known: &'k mut Known, types: &[usize]) -> &'k (f64, Vec<f64>) {
        if !known.contains_key(types) {
            let value = self.index.value(types);
            let mut own = vec![0.0; types.len()];
            self.index.values_without(types, &mut own);
            own.iter_mut().for_each(|without| *without = value - *without);
            known.insert(types.to_vec(), (value, own));
        }
        &known[types]
    }

    /// The next types under a decision, and their probabilities.
    fn next(&self, types: &[usize], decision: usize) -> Vec<(Vec<usize>, f64)> {
        let Some(j) = self.served[decision] else { return vec![(types.to_vec(), 1.0)] };
        let law = self.model.player(j).moves.at(0, decision, 0).row(types[j]);
        let to = |(x, p): (usize, &f64)| {
            let mut moved = types.to_vec();
            moved[j] = x;
            (moved, *p)
        };
        law.iter().enumerate().filter(|(_, p)| **p > 0.0).map(to).collect()
    }

    /// Expectation of something about the next state after a decision.
    pub fn after(
        &self,
        known: &mut Known,
        types: &[usize],
        decision: usize,
        of: impl Fn(&(f64, Vec<f64>)) -> f64,
    ) -> f64 {
        let next = self.next(types, decision);
        next.iter().map(|(types, p)| p * of(self.values(known, types))).sum()
    }

    /// What a player has, without payments, if the others decide as if she were not there: they serve each other as long
    /// as that is worth it, and her for ever afterwards if that is then their first choice.
    ///
    /// Each of them is served until her index falls to that of serving none of them, whatever the order, and time passes
    /// for one at a time: the discount is the product over all.
    pub fn alone(&self, types: &[usize], i: AgentId) -> f64 {
        let (idle, serves_her) = self.rest[i];
        if !serves_her {
            return 0.0;
        }
        let others = (0..types.len()).filter(|j| *j != i);
        // Among equals the lowest decision is taken.
        let ties = |j: AgentId| usize::from(self.index.decision_for(j) < idle);
        let wait: f64 = others.map(|j| self.waits[ties(j)][j][types[j]]).product();
        wait * self.for_ever[i][types[i]]
    }
}

/// Expected discount until a player's index is that of serving nobody, by type; with `ties`, until it is below.
fn wait(index: &IndexSolution, model: &Model, j: AgentId, ties: bool) -> Vec<f64> {
    let band = index.band_at(0.0);
    let goes_on = |index: &f64| if ties { *index >= -band } else { *index > band };
    let on: Vec<bool> = index.indices(j).iter().map(goes_on).collect();
    let stops = on.iter().map(|on| if *on { 0.0 } else { 1.0 }).collect();
    discounted(index, model, j, stops, |x| on[x])
}

/// What a player has if she is served for ever, by type.
fn for_ever(index: &IndexSolution, model: &Model, i: AgentId) -> Vec<f64> {
    let now = model.player(i).utility.at(0, index.decision_for(i), 0).clone();
    discounted(index, model, i, now, |_| true)
}

/// Expected discounted sum of what flows by type while a player is served, and last in the first type in which she does
/// not go on: the sum of the powers of the kernel, twice as many of them in each round.
fn discounted(
    index: &IndexSolution,
    model: &Model,
    i: AgentId,
    flow: Vec<f64>,
    goes_on: impl Fn(usize) -> bool,
) -> Vec<f64> {
    let kernel = model.player(i).moves.at(0, index.decision_for(i), 0);
    let n = flow.len();
    let row = |x: usize| kernel.row(x).iter().map(move |p| (x, p));
    let entry = |(x, p): (usize, &f64)| if goes_on(x) { model.discount() * p } else { 0.0 };
    let mut power: Vec<f64> = (0..n).flat_map(row).map(entry).collect();
    let mut sum = flow;
    for _ in 0..SQUARINGS {
        if power.iter().all(|p| *p < f64::MIN_POSITIVE) {
            break;
        }
        let dot = |row: &[f64], column: &dyn Fn(usize) -> f64| -> f64 {
            row.iter().enumerate().map(|(k, p)| p * column(k)).sum()
        };
        let later: Vec<f64> = power.chunks(n).map(|row| dot(row, &|k| sum[k])).collect();
        sum.iter_mut().zip(later).for_each(|(sum, later)| *sum += later);
        let square = |row: &[f64]| (0..n).map(|y| dot(row, &|k| power[k * n + y])).collect::<Vec<f64>>();
        power = power.chunks(n).flat_map(square).collect();
    }
    sum
}

/// One player against truthful others, a few periods ahead; then she is truthful too.
pub(super) struct Ahead<'a> {
    case: &'a Case<'a>,
    arms: &'a Arms<'a>,
    player: AgentId,
    values: &'a mut Known,
    best: HashMap<(usize, Vec<usize>), (usize, f64)>,
    honest: HashMap<(usize, Vec<usize>), f64>,
}

impl<'a> Ahead<'a> {
    pub fn new(case: &'a Case<'a>, arms: &'a Arms<'a>, player: AgentId, values: &'a mut Known) -> Self {
        Self { case, arms, player, values, best: HashMap::new(), honest: HashMap::new() }
    }

    /// Decision and payment that follow from a report.
    fn told(&self, types: &[usize], report: usize) -> (usize, f64) {
        let mut types = types.to_vec();
        types[self.player] = report;
        let model = self.arms.model;
        let z = model.probabilities(0, 0).iter().position(|mu| *mu > 0.0).unwrap_or(0);
        let ruling = (self.case.rule)(0, &crate::pivot::solve::space::State { public: 0, types });
        let payment = match self.case.time {
            PaymentTime::BeforeOutcome => ruling.payment[self.player],
            PaymentTime::OutcomeContingent => ruling.contingent[z][self.player],
        };
        (ruling.decision[z], payment)
    }

    fn now(&self, types: &[usize], decision: usize) -> f64 {
        self.arms.model.player(self.player).utility.at(0, decision, 0)[types[self.player]]
    }

    fn expected(&mut self, types: &[usize], decision: usize, of: impl Fn(&mut Self, &[usize]) -> f64) -> f64 {
        let next = self.arms.next(types, decision);
        self.arms.model.discount() * next.iter().map(|(types, p)| p * of(self, types)).sum::<f64>()
    }

    /// The best first report and what she has by the best reports of so many periods.
    pub fn best(&mut self, periods: usize, types: &[usize]) -> (usize, f64) {
        if periods == 0 {
            return (types[self.player], self.arms.values(self.values, types).1[self.player]);
        }
        let key = (periods, types.to_vec());
        if let Some(known) = self.best.get(&key) {
            return *known;
        }
        let mut later: HashMap<usize, f64> = HashMap::new();
        let mut best = (0, f64::NEG_INFINITY);
        for r in 0..self.arms.model.player(self.player).types {
            let (a, payment) = self.told(types, r);
            let known = later.get(&a).copied();
            let after =
                known.unwrap_or_else(|| self.expected(types, a, |this, next| this.best(periods - 1, next).1));
            later.insert(a, after);
            let value = self.now(types, a) - payment + after;
            // What is no number speaks against the mechanism.
            if value > best.1 || value.is_nan() {
                best = (r, value);
            }
        }
        self.best.insert(key, best);
        best
    }

    /// What she has by the truth.
    pub fn honest(&mut self, periods: usize, types: &[usize]) -> f64 {
        if periods == 0 {
            return self.best(0, types).1;
        }
        let key = (periods, types.to_vec());
        if let Some(known) = self.honest.get(&key) {
            return *known;
        }
        let (a, payment) = self.told(types, types[self.player]);
        let later = self.expected(types, a, |this, next| this.honest(periods - 1, next));
        let value = self.now(types, a) - payment + later;
        self.honest.insert(key, value);
        value
    }
}
