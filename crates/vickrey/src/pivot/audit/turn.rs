//! One period of an audit: what follows for a player from every report, in every state, with what comes next given.

use crate::audit::Worst;
use crate::mechanism::AgentId;
use crate::pivot::mode::PaymentTime;
use crate::pivot::solve::problem::{Futures, Problem, Slab};
use crate::pivot::solve::space::{Space, State};

/// What a mechanism does in one period: decisions and payments in all states, in the order of the product's states.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rules {
    /// Decision by outcome and state.
    pub decision: Vec<Vec<u16>>,
    /// Payment by player and state if it is fixed before the outcome.
    pub payment: Vec<Vec<f64>>,
    /// Payment by player, outcome and state if it waits for the outcome.
    pub contingent: Vec<Vec<Vec<f64>>>,
}

/// A case, before it is put into words.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot {
    pub value: f64,
    pub state: usize,
    pub report: Option<usize>,
    pub outcome: Option<usize>,
    pub tries: u64,
}

impl Default for Spot {
    fn default() -> Self {
        Self { value: f64::NEG_INFINITY, state: 0, report: None, outcome: None, tries: 0 }
    }
}

impl Spot {
    pub fn see(&mut self, value: f64, state: usize, report: Option<usize>, outcome: Option<usize>) {
        self.tries += 1;
        // No minus before a zero.
        let value = value + 0.0;
        // What is no number speaks against the mechanism.
        if value > self.value || value.is_nan() && !self.value.is_nan() {
            *self = Self { value, state, report, outcome, tries: self.tries };
        }
    }

    /// Among equals the earlier one stays.
    pub fn join(self, other: Self) -> Self {
        let tries = self.tries + other.tries;
        let later = other.value > self.value || other.value.is_nan() && !self.value.is_nan();
        Self { tries, ..if later { other } else { self } }
    }

    /// Enters it into a search over periods or players.
    pub fn tell(self, worst: &mut Worst, words: impl FnOnce(&Self) -> String) {
        if self.tries > 0 {
            let value = if self.value.is_nan() { f64::INFINITY } else { self.value };
            worst.see(value, || words(&self));
            worst.tries += self.tries - 1;
        }
    }
}

/// How the states of all players are numbered along the axis of one of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    types: usize,
    inner: usize,
}

impl Axis {
    pub fn new(space: &Space, player: AgentId) -> Self {
        Self { types: space.types[player], inner: space.types[player + 1..].iter().product() }
    }

    /// Her type in a state.
    pub fn own(self, state: usize) -> usize {
        state / self.inner % self.types
    }

    /// The number of the state without her.
    pub fn others(self, state: usize) -> usize {
        state / (self.types * self.inner) * self.inner + state % self.inner
    }

    /// The state that the others see if she, whose type is `own`, reports another.
    pub fn told(self, state: usize, own: usize, report: usize) -> usize {
        state + report * self.inner - own * self.inner
    }
}

/// What the lies of one player were found to bring.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lies {
    /// One lie, then the truth.
    pub once: Spot,
    /// The same if the outcome is known before the report, by time of payment.
    pub leak: [Spot; 2],
}

/// One period, seen by one player.
pub(super) struct Turn<'a> {
    /// The true dynamics: what really happens.
    pub world: &'a Problem,
    pub rules: &'a Rules,
    pub period: usize,
    pub player: AgentId,
    pub time: PaymentTime,
}

/// One state of a turn: what every report brings there.
pub(super) struct Case<'a> {
    turn: &'a Turn<'a>,
    mu: &'a [f64],
    /// Utility of the period and what follows, by decision and state of the slab.
    worth: &'a [Vec<f64>],
    local: usize,
    pub state: usize,
    pub own: usize,
    axis: Axis,
}

impl Case<'_> {
    /// Number of types to report.
    fn reports(&self) -> usize {
        self.axis.types
    }

    /// Utility and future less payment in one outcome.
    pub fn in_outcome(&self, outcome: usize, report: usize, time: PaymentTime) -> f64 {
        let (rules, i) = (self.turn.rules, self.turn.player);
        let told = self.axis.told(self.state, self.own, report);
        let gross = self.worth[usize::from(rules.decision[outcome][told])][self.local];
        gross
            - match time {
                PaymentTime::BeforeOutcome => rules.payment[i][told],
                PaymentTime::OutcomeContingent => rules.contingent[i][outcome][told],
            }
    }

    /// The same in expectation over the outcome.
    pub fn by(&self, report: usize) -> f64 {
        let likely = self.mu.iter().enumerate().filter(|(_, mu)| **mu > 0.0);
        likely.fold(0.0, |sum, (z, mu)| sum + mu * self.in_outcome(z, report, self.turn.time))
    }

    /// The first of the reports that bring most, and what it brings.
    pub fn best(&self) -> (usize, f64) {
        let all = (0..self.reports()).map(|r| (r, self.by(r)));
        all.fold((0, f64::NEG_INFINITY), |best, one| if one.1 > best.1 { one } else { best })
    }

    fn lies(&self, lies: &mut Lies) {
        let truth = self.by(self.own);
        for r in (0..self.reports()).filter(|r| *r != self.own) {
            lies.once.see(self.by(r) - truth, self.state, Some(r), None);
            for (z, _) in self.mu.iter().enumerate().filter(|(_, mu)| **mu > 0.0) {
                for (leak, time) in lies.leak.iter_mut().zip(PaymentTime::ALL) {
                    let gain = self.in_outcome(z, r, time) - self.in_outcome(z, self.own, time);
                    leak.see(gain, self.state, Some(r), Some(z));
                }
            }
        }
    }
}

impl Turn<'_> {
    /// What she can expect from the truth, given what she expects afterwards.
    pub fn truthful(&self, next: &[f64]) -> Vec<f64> {
        self.values(next, |case, (): &mut ()| case.by(case.own)).0
    }

    /// What she can expect from the best report, given what she expects afterwards.
    pub fn best(&self, next: &[f64]) -> Vec<f64> {
        self.values(next, |case, (): &mut ()| case.best().1).0
    }

    /// What single lies bring if she is truthful afterwards.
    pub fn lies(&self, next: &[f64]) -> Lies {
        let look = |case: &Case<'_>, lies: &mut Lies| {
            case.lies(lies);
            0.0
        };
        let (_, found) = self.values(next, look);
        found.into_iter().fold(Lies::default(), |all, one| {
            let [a, b] = all.leak;
            let [c, d] = one.leak;
            Lies { once: all.once.join(one.once), leak: [a.join(c), b.join(d)] }
        })
    }

    /// The best report in one state.
    pub fn best_report(&self, next: &[f64], state: &State) -> usize {
        self.world.at(self.period, next, state, |futures| {
            let (space, i) = (self.world.space(), self.player);
            let delta = self.world.model().discount();
            let own = state.types[i];
            let worth = |a: usize| {
                let now = self.world.own(i, self.period, a, state.public)[own];
                vec![now + delta * futures.after(a)[0]]
            };
            let worth: Vec<Vec<f64>> = (0..self.world.model().decisions()).map(worth).collect();
            let mu = self.world.model().probabilities(self.period, state.public);
            let axis = Axis::new(space, i);
            let case = Case { turn: self, mu, worth: &worth, local: 0, state: space.index(state), own, axis };
            case.best().0
        })
    }

    /// One number for each state, and what was noted on the way, slab by slab.
    fn values<N: Default + Send>(
        &self,
        next: &[f64],
        look: impl Fn(&Case<'_>, &mut N) -> f64 + Sync,
    ) -> (Vec<f64>, Vec<N>) {
        let (space, i) = (self.world.space(), self.player);
        let (slab_length, axis) = (space.slab(), Axis::new(space, i));
        let model = self.world.model();
        let mut values = vec![0.0; space.size()];
        let mut notes: Vec<N> = (0..self.world.slabs()).map(|_| N::default()).collect();
        let outputs = values.chunks_mut(slab_length).zip(&mut notes).collect();
        self.world.pass(self.period, next, outputs, |slab, futures, (out, note): (&mut [f64], &mut N)| {
            let first = slab.number * slab_length;
            let fill = |a: usize, out: &mut Vec<f64>| {
                let table = self.world.own(i, self.period, a, slab.public);
                out.extend((first..first + slab_length).map(|k| table[axis.own(k)]));
            };
            let worth = worth(self.world, futures, fill);
            let mu = model.probabilities(self.period, slab.public);
            for (s, out) in out.iter_mut().enumerate() {
                let state = first + s;
                let case =
                    Case { turn: self, mu, worth: &worth, local: s, state, own: axis.own(state), axis };
                *out = look(&case, note);
            }
        });
        (values, notes)
    }
}

/// Flow of the period and the discounted future, by decision and state of a slab. Decisions that are never feasible
/// are worked out as well: a mechanism under audit may take them.
fn worth(world: &Problem, futures: &Futures<'_>, flow: impl Fn(usize, &mut Vec<f64>)) -> Vec<Vec<f64>> {
    let delta = world.model().discount();
    let of = |a: usize| {
        let mut out = Vec::new();
        flow(a, &mut out);
        out.iter_mut().zip(futures.after(a)).for_each(|(now, next)| *now += delta * next);
        out
    };
    (0..world.model().decisions()).map(of).collect()
}

/// One period of a program without choices: which decision is taken, and what flows.
pub(super) struct Evaluation<'a, C, F> {
    pub world: &'a Problem,
    pub period: usize,
    /// The decision, by outcome and state.
    pub choice: C,
    /// What flows under a decision in all states of a slab.
    pub flow: F,
}

impl<C: Fn(usize, usize) -> usize + Sync, F: Fn(Slab, usize, &mut Vec<f64>) + Sync> Evaluation<'_, C, F> {
    /// Expected flow and discounted future.
    pub fn step(&self, next: &[f64]) -> Vec<f64> {
        self.visit(next, |mu, worth, state, s, (): &mut ()| {
            let likely = mu.iter().enumerate().filter(|(_, mu)| **mu > 0.0);
            likely.fold(0.0, |sum, (z, mu)| sum + mu * worth[(self.choice)(z, state)][s])
        })
        .0
    }

    /// The most by which another decision that is feasible in an outcome would be better than the one taken.
    pub fn better(&self, next: &[f64]) -> Spot {
        let model = self.world.model();
        let (_, found) = self.visit(next, |mu, worth, state, s, spot: &mut Spot| {
            for (z, _) in mu.iter().enumerate().filter(|(_, mu)| **mu > 0.0) {
                let taken = worth[(self.choice)(z, state)][s];
                let best = model.feasible(z).iter().map(|&a| worth[a][s]).fold(f64::NEG_INFINITY, f64::max);
                spot.see(best - taken, state, None, Some(z));
            }
            0.0
        });
        found.into_iter().fold(Spot::default(), Spot::join)
    }

    fn visit<N: Default + Send>(
        &self,
        next: &[f64],
        look: impl Fn(&[f64], &[Vec<f64>], usize, usize, &mut N) -> f64 + Sync,
    ) -> (Vec<f64>, Vec<N>) {
        let slab_length = self.world.space().slab();
        let mut values = vec![0.0; self.world.space().size()];
        let mut notes: Vec<N> = (0..self.world.slabs()).map(|_| N::default()).collect();
        let outputs = values.chunks_mut(slab_length).zip(&mut notes).collect();
        self.world.pass(self.period, next, outputs, |slab, futures, (out, note): (&mut [f64], &mut N)| {
            let first = slab.number * slab_length;
            let worth = worth(self.world, futures, |a, out| (self.flow)(slab, a, out));
            let mu = self.world.model().probabilities(self.period, slab.public);
            for (s, out) in out.iter_mut().enumerate() {
                *out = look(mu, &worth, first + s, s, note);
            }
        });
        (values, notes)
    }
}
