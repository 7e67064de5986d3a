//! The whole instance: programs over all states and periods that find what everybody can expect, and what lies bring.

use rand::RngExt;

use super::Subject;
use super::dense;
use super::turn::{Axis, Evaluation, Rules, Spot, Turn};
use super::words;
use crate::audit::Worst;
use crate::mechanism::AgentId;
use crate::numeric::random::{Purpose, stream};
use crate::pivot::mode::{PaymentTime, Without};
use crate::pivot::model::{Horizon, Model};
use crate::pivot::solve::inspect::settle;
use crate::pivot::solve::problem::Slab;
use crate::pivot::solve::product::Product;
use crate::pivot::solve::space::State;

/// Values from the beginning of a period on, by state, without constants.
#[derive(Clone, Debug, Default)]
pub(super) struct Levels {
    /// What a player has if everybody is truthful, by player.
    pub truthful: Vec<Vec<f64>>,
    /// What she has by her best strategy against truthful others.
    pub best: Vec<Vec<f64>>,
    /// What she has, without payments, if everybody else decides as if she were not there; empty if not computed.
    pub alone: Vec<Vec<f64>>,
    /// Everybody's utility under the decisions.
    pub welfare: Vec<f64>,
    /// Payments of all players.
    pub receipts: Vec<f64>,
    /// Utility of the public.
    pub public: Vec<f64>,
}

/// What was found about one player. Numbers speak against the mechanism.
#[derive(Clone, Debug, Default)]
pub(super) struct Seat {
    /// Gain of one lie, followed by truth.
    pub once: Worst,
    /// Gain of the best strategy.
    pub best: Worst,
    /// Minus what she can expect.
    pub zero: Worst,
    /// Minus the opt-out value.
    pub alone: Worst,
    /// Opt-out value minus what she can expect.
    pub over_alone: Worst,
    /// Stated outside value minus what she can expect.
    pub over_stated: Worst,
    /// Minus her payment.
    pub payment: Worst,
}

/// How much of an instance was looked at.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scope {
    /// All states of all periods.
    Whole,
    /// The same, players who can change places taken together: so many states of one player and the groups of the others,
    /// most of all players; of every player, or of the first of every group.
    Alike { states: usize, everyone: bool },
    /// So many states drawn at random, and why not all.
    Sample { drawn: usize, why: String },
    /// So many states met in truthful runs or drawn at random, the lies that were searched for in them, in words, whether
    /// values are those of a single period, and why not all states.
    Met { states: usize, searched: String, single: bool, why: String },
}

/// What was found.
#[derive(Clone, Debug)]
pub(super) struct Measures {
    pub scope: Scope,
    pub seats: Vec<Seat>,
    /// Gain of a lie of somebody who knows the outcome, by time of payment.
    pub leak: [Worst; 2],
    /// Decisions that are not feasible: 1 each.
    pub infeasible: Worst,
    /// Distance between the welfare of the decisions and the values.
    pub difference: Worst,
    /// Gain of another decision.
    pub better: Worst,
    /// Distance between factored and dense expectations.
    pub dense: Worst,
    /// Miss of the budget identity.
    pub accounts: Worst,
    /// Distance between a payment and the expectation of those that wait for the outcome.
    pub averaged: Worst,
    /// Whether what is decided is always possible without her, by player.
    pub available: Vec<bool>,
    /// Whether the instance states outside values.
    pub stated: bool,
    /// Whether all outside values are at least 0.
    pub stated_positive: bool,
    /// Expected payments of all players from the start; none if not computed.
    pub receipts: Option<f64>,
    /// Largest number met.
    pub size: f64,
    /// Certified error of the programs of infinite horizons.
    pub error: f64,
    /// What the tie rule loses in the decisions without a player, discounted, for the worst of them.
    pub loss_alone: f64,
}

impl Measures {
    pub fn new(model: &Model, scope: Scope) -> Self {
        let players = model.players();
        let tables = || (0..players).filter_map(|i| model.player(i).outside.as_ref());
        Self {
            scope,
            seats: vec![Seat::default(); players],
            leak: <[Worst; 2]>::default(),
            infeasible: Worst::default(),
            difference: Worst::default(),
            better: Worst::default(),
            dense: Worst::default(),
            accounts: Worst::default(),
            averaged: Worst::default(),
            available: vec![true; players],
            stated: tables().next().is_some(),
            stated_positive: tables().all(|u| u.entries().iter().flatten().all(|x| *x >= 0.0)),
            receipts: None,
            size: 0.0,
            error: 0.0,
            loss_alone: 0.0,
        }
    }
}

/// Sweeps of a stationary program at most; its certified error says what was reached.
const MOST_SWEEPS: usize = 10_000;

/// Walks backward through all periods. `keep` sees the values of every period, latest first.
pub(super) fn whole(
    subject: &Subject<'_>,
    keep: &mut dyn FnMut(usize, &Levels),
    progress: &dyn Fn(f64),
) -> Measures {
    let mut run = Run { subject, found: Measures::new(subject.product.model(), Scope::Whole) };
    match subject.product.model().horizon() {
        Horizon::Finite(periods) => {
            let mut next = run.end();
            for t in (0..periods).rev() {
                let rules = (subject.rules)(t);
                let levels = run.period(t, &rules, &next);
                run.look(t, &rules, &levels, &next);
                keep(t, &levels);
                next = levels;
                progress((periods - t) as f64 / periods as f64);
            }
            run.start(&next);
        }
        Horizon::Infinite => {
            let rules = (subject.rules)(0);
            let start = run.guess();
            let levels = run.period(0, &rules, &start);
            progress(0.8);
            run.look(0, &rules, &levels, &levels);
            keep(0, &levels);
            run.start(&levels);
        }
    }
    progress(1.0);
    run.found
}

struct Run<'a> {
    subject: &'a Subject<'a>,
    found: Measures,
}

impl Run<'_> {
    fn product(&self) -> &Product {
        self.subject.product
    }

    fn players(&self) -> usize {
        self.product().model().players()
    }

    /// Whose decisions without a player are taken as her opt-out.
    fn left(&self) -> Option<&Product> {
        match self.product().mode() {
            Without::Tight => self.subject.left.as_ref(),
            Without::Same | Without::Own => Some(self.product()),
        }
    }

    /// A table over all states.
    fn table(&self, of: impl Fn(&State) -> f64) -> Vec<f64> {
        let space = self.product().space();
        (0..space.size()).map(|k| of(&space.state(k, self.players()))).collect()
    }

    fn end(&self) -> Levels {
        let world = self.product().whole();
        let own: Vec<Vec<f64>> = (0..self.players())
            .map(|i| self.table(|state| world.own_terminal(i, state.public, state.types[i])))
            .collect();
        let public = self.table(|state| world.public_terminal(state.public));
        let mut welfare = public.clone();
        for one in &own {
            welfare.iter_mut().zip(one).for_each(|(w, g)| *w += g);
        }
        let receipts = vec![0.0; public.len()];
        let alone = if self.left().is_some() { own.clone() } else { Vec::new() };
        Levels { truthful: own.clone(), best: own, alone, welfare, receipts, public }
    }

    /// Where the programs of an infinite horizon begin: at the values that ought to come out, where they are known.
    fn guess(&self) -> Levels {
        let product = self.product();
        let own: Vec<Vec<f64>> = (0..self.players())
            .map(|i| {
                let (axis, references) = (Axis::new(product.space(), i), product.references(i, 0));
                let values = product.values(0).iter().enumerate();
                values.map(|(k, value)| value - references[axis.others(k)]).collect()
            })
            .collect();
        let zero = vec![0.0; product.space().size()];
        Levels {
            truthful: own.clone(),
            best: own,
            alone: if self.left().is_some() { vec![zero.clone(); self.players()] } else { Vec::new() },
            welfare: product.values(0).to_vec(),
            receipts: zero.clone(),
            public: zero,
        }
    }

    /// One step from the next period's values, or the fixed point of the step.
    fn settle(&mut self, next: &[f64], step: &dyn Fn(&[f64]) -> Vec<f64>) -> Vec<f64> {
        let (values, error) = settled(self.subject.product.model(), next, step);
        self.found.error = self.found.error.max(error);
        self.found.size = self.found.size.max(largest(&values));
        values
    }

    fn turn<'t>(&'t self, period: usize, player: AgentId, rules: &'t Rules) -> Turn<'t> {
        Turn { world: self.subject.product.whole(), rules, period, player, time: self.subject.time }
    }

    fn period(&mut self, t: usize, rules: &Rules, next: &Levels) -> Levels {
        let product = self.subject.product;
        let mut levels = Levels::default();
        for i in 0..self.players() {
            let turn = Turn { world: product.whole(), rules, period: t, player: i, time: self.subject.time };
            levels.truthful.push(self.settle(&next.truthful[i], &|x| turn.truthful(x)));
            levels.best.push(self.settle(&next.best[i], &|x| turn.best(x)));
            if let Some(alone) = next.alone.get(i) {
                levels.alone.push(self.alone(t, i, alone));
            }
        }
        let (world, choice) = (product.whole(), |z: usize, k: usize| usize::from(rules.decision[z][k]));
        let welfare = Evaluation { world, period: t, choice, flow: everybody(product, t) };
        levels.welfare = self.settle(&next.welfare, &|x| welfare.step(x));
        let paid = paid(product, t, rules, self.subject.time);
        let slab = world.space().slab();
        let flow = |at: Slab, _: usize, out: &mut Vec<f64>| {
            out.extend_from_slice(&paid[at.number * slab..(at.number + 1) * slab]);
        };
        let receipts = Evaluation { world, period: t, choice, flow };
        levels.receipts = self.settle(&next.receipts, &|x| receipts.step(x));
        let flow = |at: Slab, a: usize, out: &mut Vec<f64>| out.resize(slab, world.public(t, a, at.public));
        let public = Evaluation { world, period: t, choice, flow };
        levels.public = self.settle(&next.public, &|x| public.step(x));
        levels
    }

    /// Her utility if the decisions are those without her.
    fn alone(&mut self, t: usize, i: AgentId, next: &[f64]) -> Vec<f64> {
        let product = self.subject.product;
        let Some(left) = self.left() else { return Vec::new() };
        let (policy, loss) = left.alone(i, t);
        let delta = product.model().discount();
        let horizon = product.model().periods().map_or(1.0 / (1.0 - delta), |n| n as f64);
        self.found.loss_alone = self.found.loss_alone.max(loss * horizon);
        let (world, space) = (product.whole(), product.space());
        let (axis, slab) = (Axis::new(space, i), space.slab());
        let choice = |z: usize, k: usize| usize::from(policy[z][axis.others(k)]);
        let flow = |at: Slab, a: usize, out: &mut Vec<f64>| {
            let table = world.own(i, t, a, at.public);
            let first = at.number * slab;
            out.extend((first..first + slab).map(|k| table[axis.own(k)]));
        };
        let evaluation = Evaluation { world, period: t, choice, flow };
        self.settle(next, &|x| evaluation.step(x))
    }

    /// Compares what was computed for a period.
    fn look(&mut self, t: usize, rules: &Rules, levels: &Levels, next: &Levels) {
        let product = self.subject.product;
        let (model, space) = (product.model(), product.space());
        let place = |spot: &Spot, who| words::spot(model, space, t, spot, who);
        for i in 0..self.players() {
            let lies = self.turn(t, i, rules).lies(&next.truthful[i]);
            lies.once.tell(&mut self.found.seats[i].once, |spot| place(spot, Some(i)));
            for (worst, leak) in self.found.leak.iter_mut().zip(lies.leak) {
                leak.tell(worst, |spot| place(spot, Some(i)));
            }
            let mut gain = compare(&levels.best[i], &levels.truthful[i], |best, truth| best - truth);
            let state = space.state(gain.state, model.players());
            gain.report = Some(self.turn(t, i, rules).best_report(&next.best[i], &state));
            gain.tell(&mut self.found.seats[i].best, |spot| place(spot, Some(i)));
            self.participation(t, i, levels);
            self.payments(t, i, rules);
        }
        self.decisions(t, rules, levels, next);
        self.accounts(t, levels);
    }

    fn participation(&mut self, t: usize, i: AgentId, levels: &Levels) {
        let product = self.subject.product;
        let (model, space) = (product.model(), product.space());
        let place = |spot: &Spot| words::spot(model, space, t, spot, Some(i));
        let constant = product.own_constant(i, t);
        let seat = &mut self.found.seats[i];
        let truthful = &levels.truthful[i];
        compare(truthful, truthful, |v, _| -(v + constant)).tell(&mut seat.zero, place);
        if let Some(alone) = levels.alone.get(i) {
            compare(truthful, alone, |v, o| o - v).tell(&mut seat.over_alone, place);
            compare(alone, alone, |o, _| -(o + constant)).tell(&mut seat.alone, place);
        }
        let (axis, mut stated) = (Axis::new(space, i), Spot::default());
        for (k, v) in truthful.iter().enumerate() {
            let outside = model.outside(i, t, k / space.block(), axis.own(k)) - constant;
            stated.see(outside - v, k, None, None);
        }
        stated.tell(&mut seat.over_stated, place);
    }

    fn payments(&mut self, t: usize, i: AgentId, rules: &Rules) {
        let product = self.subject.product;
        let (model, space) = (product.model(), product.space());
        let (mut low, mut averaged) = (Spot::default(), Spot::default());
        for (k, p) in rules.payment[i].iter().enumerate() {
            let mu = model.probabilities(t, k / space.block());
            let mut mean = 0.0;
            for (z, mu) in mu.iter().enumerate().filter(|(_, mu)| **mu > 0.0) {
                let pz = rules.contingent[i][z][k];
                mean += mu * pz;
                if self.subject.time == PaymentTime::OutcomeContingent {
                    low.see(-pz, k, None, Some(z));
                }
                let decided = usize::from(rules.decision[z][k]);
                self.found.available[i] &= model.absent(i, z).contains(&decided);
                self.found.size = self.found.size.max(pz.abs());
            }
            averaged.see((mean - p).abs(), k, None, None);
            self.found.size = self.found.size.max(p.abs());
            if self.subject.time == PaymentTime::BeforeOutcome {
                low.see(-p, k, None, None);
            }
        }
        let place = |spot: &Spot| words::spot(model, space, t, spot, Some(i));
        low.tell(&mut self.found.seats[i].payment, place);
        averaged.tell(&mut self.found.averaged, place);
    }

    fn decisions(&mut self, t: usize, rules: &Rules, levels: &Levels, next: &Levels) {
        let product = self.subject.product;
        let (model, space, world) = (product.model(), product.space(), product.whole());
        let place = |spot: &Spot| words::spot(model, space, t, spot, None);
        let mut wrong = Spot::default();
        for (z, taken) in rules.decision.iter().enumerate() {
            let feasible = model.feasible(z);
            for (k, a) in taken.iter().enumerate() {
                let miss = if feasible.contains(&usize::from(*a)) { 0.0 } else { 1.0 };
                wrong.see(miss, k, None, Some(z));
            }
        }
        wrong.tell(&mut self.found.infeasible, place);
        let choice = |z: usize, k: usize| usize::from(rules.decision[z][k]);
        let welfare = Evaluation { world, period: t, choice, flow: everybody(product, t) };
        welfare.better(&next.welfare).tell(&mut self.found.better, place);
        compare(&levels.welfare, product.values(t), |a, b| (a - b).abs())
            .tell(&mut self.found.difference, place);
        let mut dense = Spot::default();
        for k in self.subject.dense_states(t) {
            let state = space.state(k, model.players());
            let decisions: Vec<usize> = (0..model.outcomes()).map(|z| choice(z, k)).collect();
            let slow = dense::welfare(world, t, &state, &decisions, &next.welfare);
            dense.see((slow - levels.welfare[k]).abs(), k, None, None);
        }
        dense.tell(&mut self.found.dense, place);
    }

    /// Payments = sum of the references - (N - 1) values - utility of the public, in every state; constants cancel.
    fn accounts(&mut self, t: usize, levels: &Levels) {
        let product = self.subject.product;
        let (model, space) = (product.model(), product.space());
        let others = (self.players() - 1) as f64;
        let axes: Vec<Axis> = (0..self.players()).map(|i| Axis::new(space, i)).collect();
        let mut miss = Spot::default();
        for k in 0..space.size() {
            let reference = |i: usize| product.references(i, t)[axes[i].others(k)];
            let references: f64 = (0..self.players()).map(reference).sum();
            let due = references - others * product.values(t)[k] - levels.public[k];
            self.found.size = self.found.size.max(references.abs());
            miss.see((levels.receipts[k] - due).abs(), k, None, None);
        }
        miss.tell(&mut self.found.accounts, |spot| words::spot(model, space, t, spot, None));
    }

    /// Expected receipts from the start.
    fn start(&mut self, levels: &Levels) {
        self.found.receipts = Some(from_start(self.subject.product, &levels.receipts));
    }
}

/// One step from the next period's values, or the fixed point of the step from there on, and its certified error.
pub(super) fn settled(model: &Model, next: &[f64], step: &dyn Fn(&[f64]) -> Vec<f64>) -> (Vec<f64>, f64) {
    let first = step(next);
    if model.horizon() != Horizon::Infinite {
        return (first, 0.0);
    }
    let delta = model.discount();
    let size = largest(&first).max(largest(next)).max(f64::MIN_POSITIVE);
    let tolerance = 1e-11 * size * (0.01 / (1.0 - delta)).max(1.0);
    let (values, went) = settle(delta, first, tolerance, MOST_SWEEPS, step);
    (values, went.error)
}

/// Expectation over the first types, in the public state of the start.
pub(super) fn from_start(product: &Product, values: &[f64]) -> f64 {
    let (model, space) = (product.model(), product.space());
    let first = model.public().start * space.block();
    let likelihood = |k: usize| {
        let state = space.state(k, model.players());
        state.types.iter().enumerate().map(|(i, &own)| model.player(i).prior[own]).product::<f64>()
    };
    (first..first + space.block()).map(|k| likelihood(k) * values[k]).sum()
}

/// Utility of the public and all players.
fn everybody(product: &Product, t: usize) -> impl Fn(Slab, usize, &mut Vec<f64>) + Sync + '_ {
    move |at, a, out| product.whole().everybody(t, at, a, out)
}

/// Expected payments of all players together, by state.
fn paid(product: &Product, t: usize, rules: &Rules, time: PaymentTime) -> Vec<f64> {
    let (model, space) = (product.model(), product.space());
    let sum = |k: usize| -> f64 {
        let of = |i: usize| match time {
            PaymentTime::BeforeOutcome => rules.payment[i][k],
            PaymentTime::OutcomeContingent => {
                let mu = model.probabilities(t, k / space.block());
                mu.iter().enumerate().map(|(z, mu)| mu * rules.contingent[i][z][k]).sum()
            }
        };
        (0..model.players()).map(of).sum()
    };
    (0..space.size()).map(sum).collect()
}

/// The largest of what speaks against, over all states.
pub(super) fn compare(a: &[f64], b: &[f64], against: impl Fn(f64, f64) -> f64) -> Spot {
    let mut worst = Spot::default();
    for (k, (a, b)) in a.iter().zip(b).enumerate() {
        worst.see(against(*a, *b), k, None, None);
    }
    worst
}

pub(super) fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |m, v| m.max(v.abs()))
}

impl Subject<'_> {
    /// States in which expectations are taken once more by summing over joint states: all, or as many as affordable.
    fn dense_states(&self, t: usize) -> Vec<usize> {
        let model = self.product.model();
        let size = self.product.space().size();
        let periods = model.periods().unwrap_or(1) as f64;
        let each = size as f64 * model.outcomes() as f64 * periods;
        let most = self.options.effort.pick(3e6, 1e8, 1e10) / each;
        if most >= size as f64 {
            return (0..size).collect();
        }
        let mut random = stream(self.options.seed, Purpose::Audit, t as u64);
        (0..most.max(1.0) as usize).map(|_| random.random_range(0..size)).collect()
    }
}
