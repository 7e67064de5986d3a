//! Solutions whose states are too many even as one player sees them: states met in truthful runs and states drawn at
//! random.

use std::collections::{BTreeSet, HashMap};

use rand::RngExt;

use super::ahead::{Ahead, Arms, Known};
use super::measure::{Measures, Scope};
use super::structured::Case;
use super::turn::Spot;
use super::words;
use crate::audit::{Progress, Worst};
use crate::mechanism::AgentId;
use crate::numeric::random::{Purpose, stream};
use crate::pivot::mode::{PaymentTime, Without};
use crate::pivot::model::{Horizon, Model};
use crate::pivot::solve::Structure;
use crate::pivot::solve::ruling::{Ruling, pick};
use crate::pivot::solve::space::{Space, State};
use crate::pivot::strategies::Nature;

/// States that are looked at in any case; if the effort does not pay for all lies in each, those of some players are
/// tried.
const ENOUGH: usize = 8;
/// And at most.
const MOST: usize = 500;
/// Periods of a truthful run without end.
const RUN: usize = 16;
/// Periods that are looked ahead at most.
const FARTHEST: usize = 6;

/// Looks at as many states as the effort pays for.
pub(super) fn look(case: &Case<'_>, why: String, progress: Progress<'_>) -> Measures {
    let model = case.solution.model();
    let players = model.players();
    let types: f64 = (0..players).map(|i| model.player(i).types as f64).sum();
    let mean = types / players as f64;
    let most = case.options.effort.pick(1e9, 1e10, 1e12);
    // A ruling for every report, and values of what may follow.
    let one = 4.0 * mean * case.cost_of_a_ruling();
    let states = ((most / (one * players as f64)) as usize).clamp(ENOUGH, MOST);
    let seats = ((most / (one * states as f64)) as usize).clamp(1, players);
    let arms = case.solution.index().map(|index| Arms::new(index, model, case.solution.mode()));
    let (periods, far) = match case.solution.index() {
        None => (1, 0),
        Some(_) => distance(most / seats as f64, mean, case.cost_of_a_ruling()),
    };
    let searched = words_of_the_search(case, seats, (periods, far));
    let scope = Scope::Met { states, searched, single: case.is_static(), why };
    let mut run = Run { case, arms, known: HashMap::new(), found: Measures::new(model, scope) };
    run.end();
    for (k, (t, state)) in drawn(case, states).into_iter().enumerate() {
        let mut random = stream(case.options.seed, Purpose::Audit, k as u64);
        let first = random.random_range(0..players);
        let who: Vec<AgentId> = (0..seats).map(|s| (first + s) % players).collect();
        run.state(t, &state, &who, if k < far { periods } else { 1 });
        progress((k + 1) as f64 / states as f64);
    }
    run.found
}

/// How many periods can be looked ahead for so many operations, and in how many states: in each period she is chosen or
/// not, and the one who is chosen moves.
fn distance(most: f64, types: f64, ruling: f64) -> (usize, usize) {
    let cost = |periods: usize| {
        let reached: f64 = (0..periods).map(|k| (2.0 * types).powi(k as i32)).sum();
        reached * 2.0 * types * ruling
    };
    let far = (2..=FARTHEST).rev().find(|periods| cost(*periods) * ENOUGH as f64 <= most);
    // Rather two periods in fewer states than one.
    let near = || match (most / cost(2)) as usize {
        0 => (1, 0),
        states => (2, states),
    };
    far.map_or_else(near, |periods| (periods, ENOUGH))
}

fn words_of_the_search(case: &Case<'_>, seats: usize, (periods, far): (usize, usize)) -> String {
    let players = case.solution.model().players();
    let who = if seats < players { format!("{seats} of {players} players") } else { "every player".into() };
    let lies = format!("every single lie of {who} in every such state");
    match case.solution.structure() {
        Structure::Static => format!(
            "{lies}; what follows is the same whatever she reports, so that nothing beats the best report of every period"
        ),
        Structure::Index if periods > 1 => format!(
            "{lies}, what follows taken as value minus reference; in {far} of them the best lies of {periods} periods \
             in a row, then the truth"
        ),
        _ => format!("{lies}, what follows taken as value minus reference"),
    }
}

/// Periods and states: the first from truthful runs, one in two drawn at random.
fn drawn(case: &Case<'_>, states: usize) -> Vec<(usize, State)> {
    let (model, solution) = (case.solution.model(), case.solution);
    let space = Space::of(model);
    let periods = solution.periods().unwrap_or(1);
    let length = if model.horizon() == Horizon::Infinite { RUN } else { periods };
    let mut met = Vec::new();
    let mut run = 0;
    while 2 * met.len() < states {
        let mut nature = Nature::new(model, case.options.seed.wrapping_add(run));
        for _ in 0..length {
            let t = if model.horizon() == Horizon::Infinite { 0 } else { nature.period };
            let state = State { public: nature.public, types: nature.types.clone() };
            let decision = (case.rule)(t, &state).decision[nature.outcome(model)];
            met.push((t, state));
            nature.advance(model, decision);
        }
        run += 1;
    }
    let mut all = Vec::with_capacity(states);
    let mut met = met.into_iter();
    for k in 0..states {
        let mut random = stream(case.options.seed, Purpose::Audit, (MOST + k) as u64);
        let period = random.random_range(0..periods);
        let types = space.types.iter().map(|n| random.random_range(0..*n)).collect();
        let other = (period, State { public: random.random_range(0..space.publics), types });
        all.push(if k % 2 == 0 { met.next().unwrap_or(other) } else { other });
    }
    all
}

struct Run<'a> {
    case: &'a Case<'a>,
    arms: Option<Arms<'a>>,
    /// Values of everybody together and of every player, by joint state.
    known: Known,
    found: Measures,
}

/// What the decisions bring to a player at one state: utility and what follows.
type Worth = HashMap<usize, f64>;

impl Run<'_> {
    fn model(&self) -> &Model {
        self.case.solution.model()
    }

    fn state(&mut self, t: usize, state: &State, who: &[AgentId], periods: usize) {
        self.known.clear();
        let truth = (self.case.rule)(t, state);
        self.decisions(t, state, &truth, who);
        for &i in who {
            let lies: Vec<(usize, Ruling)> = (0..self.model().player(i).types)
                .filter(|r| *r != state.types[i])
                .map(|r| {
                    let mut told = state.clone();
                    told.types[i] = r;
                    (r, (self.case.rule)(t, &told))
                })
                .collect();
            let rulings = lies.iter().map(|(_, ruling)| ruling).chain([&truth]);
            let decisions: Vec<usize> = rulings.flat_map(|ruling| ruling.decision.iter().copied()).collect();
            let worth = self.worth(t, state, i, &decisions);
            self.truth(t, state, i, &truth, &worth);
            for (r, lie) in &lies {
                self.lie(t, state, (i, *r), (&truth, lie), &worth);
            }
            if periods > 1 {
                self.ahead(t, state, i, periods);
            }
        }
    }

    fn worth(&mut self, t: usize, state: &State, i: AgentId, decisions: &[usize]) -> Worth {
        if let Some(found) = self.case.solution.exchangeable() {
            return found.worth(t, state, Some(i)).into_iter().enumerate().collect();
        }
        let mut worth = Worth::new();
        for &a in decisions.iter().collect::<BTreeSet<_>>() {
            let now = self.model().player(i).utility.at(t, a, state.public)[state.types[i]];
            let arms = self.arms.as_ref();
            let later = arms.map_or(0.0, |arms| arms.after(&mut self.known, &state.types, a, |v| v.1[i]));
            worth.insert(a, now + self.model().discount() * later);
        }
        worth
    }

    fn likely(&self, t: usize, state: &State) -> Vec<(usize, f64)> {
        let mu = self.model().probabilities(t, state.public);
        mu.iter().copied().enumerate().filter(|(_, mu)| *mu > 0.0).collect()
    }

    fn tell(&self, t: usize, state: &State, spot: Spot, who: Option<AgentId>, worst: &mut Worst) {
        spot.tell(worst, |spot| words::case(self.model(), t, state, spot, who));
    }

    /// Enters one number.
    fn see(&self, t: usize, state: &State, value: f64, who: Option<AgentId>, worst: &mut Worst) {
        let mut spot = Spot::default();
        spot.see(value, 0, None, None);
        self.tell(t, state, spot, who, worst);
    }

    fn take(&mut self) -> Measures {
        let empty = Measures::new(self.model(), Scope::Whole);
        std::mem::replace(&mut self.found, empty)
    }

    /// Whether decisions are feasible and the best of those that can be taken.
    fn decisions(&mut self, t: usize, state: &State, truth: &Ruling, who: &[AgentId]) {
        let worth = self.everybody(t, state, truth, who);
        let (mut wrong, mut better, mut mean) = (Spot::default(), Spot::default(), 0.0);
        for (z, mu) in self.likely(t, state) {
            let (taken, set) = (truth.decision[z], self.model().feasible(z));
            wrong.see(if set.contains(&taken) { 0.0 } else { 1.0 }, 0, None, Some(z));
            let best = set.iter().filter_map(|a| worth.get(a)).copied().fold(f64::NEG_INFINITY, f64::max);
            better.see(best - worth[&taken], 0, None, Some(z));
            mean += mu * best;
        }
        let mut found = self.take();
        self.tell(t, state, wrong, None, &mut found.infeasible);
        self.tell(t, state, better, None, &mut found.better);
        if let (Some(value), Some(_)) = (truth.value, &self.arms) {
            self.see(t, state, (mean - value).abs(), None, &mut found.difference);
        }
        found.size = worth.values().fold(found.size, |m, v| m.max(v.abs()));
        self.found = found;
    }

    /// What decisions bring to everybody, up to one number: all, or of indices those that are taken, serve
    /// somebody in `who`, or nobody.
    fn everybody(&mut self, t: usize, state: &State, truth: &Ruling, who: &[AgentId]) -> Worth {
        if let Some(found) = self.case.solution.exchangeable() {
            return found.worth(t, state, None).into_iter().enumerate().collect();
        }
        let world = &self.case.world;
        let Some(arms) = &self.arms else {
            return (0..self.model().decisions()).map(|a| (a, world.stage_at(t, state, a))).collect();
        };
        let (model, delta) = (self.case.solution.model(), self.case.solution.model().discount());
        let mut worth = Worth::new();
        let possible = self.likely(t, state).first().map_or(&[][..], |(z, _)| model.feasible(*z));
        let served = who.iter().map(|i| arms.decision_for(*i));
        let all: BTreeSet<usize> =
            served.chain(arms.idle(possible).take(1)).chain(truth.decision.iter().copied()).collect();
        for a in all {
            let own = |i: AgentId| model.player(i).utility.at(t, a, state.public)[state.types[i]];
            let now =
                model.public().utility.at(t, a, state.public) + (0..model.players()).map(own).sum::<f64>();
            worth.insert(a, now + delta * arms.after(&mut self.known, &state.types, a, |v| v.0));
        }
        worth
    }

    fn truth(&mut self, t: usize, state: &State, i: AgentId, ruling: &Ruling, worth: &Worth) {
        let likely = self.likely(t, state);
        let mut found = self.take();
        let who = Some(i);
        let mean: f64 = likely.iter().map(|(z, mu)| mu * ruling.contingent[*z][i]).sum();
        self.see(t, state, (mean - ruling.payment[i]).abs(), who, &mut found.averaged);
        let mut low = Spot::default();
        match self.case.time {
            PaymentTime::BeforeOutcome => low.see(-ruling.payment[i], 0, None, None),
            PaymentTime::OutcomeContingent => {
                likely.iter().for_each(|(z, _)| low.see(-ruling.contingent[*z][i], 0, None, Some(*z)));
            }
        }
        self.tell(t, state, low, who, &mut found.seats[i].payment);
        let expected: f64 =
            likely.iter().map(|(z, mu)| mu * self.in_outcome(ruling, i, *z, worth, self.case.time)).sum();
        let value = if self.case.is_static() { Some(expected) } else { ruling.truthful(i) };
        let alone = self.alone(t, state, i);
        let seat = &mut found.seats[i];
        if let Some(value) = value {
            self.see(t, state, -value, who, &mut seat.zero);
            if !self.case.is_static() {
                let outside = self.model().outside(i, t, state.public, state.types[i]);
                self.see(t, state, outside - value, who, &mut seat.over_stated);
            }
            if let Some(alone) = alone {
                self.see(t, state, alone - value, who, &mut seat.over_alone);
                self.see(t, state, -alone, who, &mut seat.alone);
            }
            if self.arms.is_some() {
                self.see(t, state, (expected - value).abs(), who, &mut found.accounts);
            }
            found.size = found.size.max(value.abs());
        }
        found.size = found.size.max(ruling.payment[i].abs());
        self.found = found;
    }

    /// What she has if the others decide without her: for ever, or in this period if periods have nothing to do with each
    /// other; none if that would take a program over all states.
    fn alone(&self, t: usize, state: &State, i: AgentId) -> Option<f64> {
        if let Some(arms) = &self.arms {
            return Some(arms.alone(&state.types, i));
        }
        if !self.case.is_static() {
            return None;
        }
        let (model, world) = (self.model(), &self.case.world);
        let own = |a: usize| world.own(i, t, a, state.public)[state.types[i]];
        let rest: Vec<f64> = (0..model.decisions()).map(|a| world.stage_at(t, state, a) - own(a)).collect();
        let of = |(z, mu): &(usize, f64)| {
            let set = if self.case.solution.mode() == Without::Own {
                model.absent(i, *z)
            } else {
                model.feasible(*z)
            };
            let a = pick(set, &rest, |best| world.band_now(best)).0;
            mu * model.player(i).utility.at(t, a, state.public)[state.types[i]]
        };
        Some(self.likely(t, state).iter().map(of).sum())
    }

    fn in_outcome(&self, ruling: &Ruling, i: AgentId, z: usize, worth: &Worth, time: PaymentTime) -> f64 {
        worth[&ruling.decision[z]]
            - match time {
                PaymentTime::BeforeOutcome => ruling.payment[i],
                PaymentTime::OutcomeContingent => ruling.contingent[z][i],
            }
    }

    fn lie(
        &mut self,
        t: usize,
        state: &State,
        (i, r): (AgentId, usize),
        (truth, lie): (&Ruling, &Ruling),
        worth: &Worth,
    ) {
        let (likely, time) = (self.likely(t, state), self.case.time);
        let gain = |z: usize, time| {
            self.in_outcome(lie, i, z, worth, time) - self.in_outcome(truth, i, z, worth, time)
        };
        let mut once = Spot::default();
        once.see(likely.iter().map(|(z, mu)| mu * gain(*z, time)).sum(), 0, Some(r), None);
        let mut leak = [Spot::default(); 2];
        for (z, _) in &likely {
            let pairs = leak.iter_mut().zip(PaymentTime::ALL);
            pairs.for_each(|(spot, time)| spot.see(gain(*z, time), 0, Some(r), Some(*z)));
        }
        let mut found = self.take();
        self.tell(t, state, once, Some(i), &mut found.seats[i].once);
        if self.case.is_static() {
            self.tell(t, state, once, Some(i), &mut found.seats[i].best);
        }
        for (spot, worst) in leak.into_iter().zip(&mut found.leak) {
            self.tell(t, state, spot, Some(i), worst);
        }
        self.found = found;
    }

    /// The best lies of a few periods in a row.
    fn ahead(&mut self, t: usize, state: &State, i: AgentId, periods: usize) {
        let Some(arms) = &self.arms else { return };
        let mut ahead = Ahead::new(self.case, arms, i, &mut self.known);
        let (report, best) = ahead.best(periods, &state.types);
        let mut spot = Spot::default();
        spot.see(best - ahead.honest(periods, &state.types), 0, Some(report), None);
        let mut found = self.take();
        self.tell(t, state, spot, Some(i), &mut found.seats[i].best);
        self.found = found;
    }

    /// What the end is worth to everybody, where periods are looked at one by one.
    fn end(&mut self) {
        let (Some(end), true) = (self.model().periods(), self.case.is_static()) else { return };
        let mut found = self.take();
        let model = self.model();
        for i in 0..model.players() {
            let Some(terminal) = &model.player(i).terminal else { continue };
            for public in 0..model.public().states {
                for (own, g) in terminal.at(0, 0, public).iter().enumerate() {
                    let labels = model.labels();
                    let at = || format!("period {end}, `{}` {}", labels.players[i], labels.types[i][own]);
                    found.seats[i].zero.see(-g, at);
                    found.seats[i].alone.see(-g, at);
                }
            }
        }
        self.found = found;
    }
}
