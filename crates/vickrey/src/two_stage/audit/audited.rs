//! What an audit has to know of a market beyond what the mechanism needs: by other means than the solver's, where
//! something is checked.

use crate::mechanism::AgentId;
use crate::numeric::sum::{Sum, compensated};
use crate::two_stage::demand::{
    Condition, Day, Demand, Doubt, Draw, Lottery, Operation, Plan, Shortage, expectations,
};
use crate::two_stage::finite::{Finite, Outcomes, Timing};
use crate::two_stage::law::{Law, Supertypes};
use crate::two_stage::market::Market;
use crate::two_stage::model::Game;

/// What a day brings a player on average over the others' bids and what nature adds, by true type and bid.
#[derive(Clone, Debug, PartialEq)]
pub struct Stake {
    /// Number of types.
    pub types: usize,
    /// Value less payment (without penalties), by true type and, within it, bid; money.
    pub utility: Vec<f64>,
}

/// A market that can be audited.
pub trait Audited: Market {
    /// What of a [`Stake`] does not depend on what the player herself reported, where expectations have a closed form.
    type Closed: Send + Sync;

    /// Everything that nature may add to a day, and how likely it is.
    fn draws(&self, day: &Self::Day) -> Vec<(f64, Self::Draw)>;

    /// Whether two players differ by their number only.
    fn alike(&self, one: AgentId, other: AgentId) -> bool;

    /// The closed form for a player under a signal, others bidding by these laws; none if expectations must be enumerated.
    fn closed(&self, _: &Supertypes, _: usize, _: AgentId) -> Option<Self::Closed> {
        None
    }

    /// A stake from the closed form; only asked for where there is one.
    fn stake(&self, closed: &Self::Closed, plan: &Self::Plan, day: &Self::Day, player: AgentId) -> Stake;

    /// An order of a player's types such that carrying true types to bids in this order is the best transport, if there is
    /// one whatever the laws.
    fn order(&self, _: AgentId) -> Option<Vec<usize>> {
        None
    }

    /// How much better another second-stage decision would have been for these bids, money; 0 if none would. What is
    /// not feasible counts as infinitely bad.
    fn regret(&self, day: &Self::Day, draw: &Self::Draw, bids: &[usize], decision: &Self::Decision) -> f64;

    /// Welfare of a day on average if everything is decided in the best way, found without the solver: W*, or W*_{-i} if a
    /// player is absent. None if that would be more than `most` steps.
    fn optimum(
        &self,
        reports: &Supertypes,
        days: &[(f64, Self::Day)],
        absent: Option<AgentId>,
        most: f64,
    ) -> Option<f64>;

    /// Whether nobody can be worse off for taking part, whatever the laws.
    fn shelters(&self, player: AgentId) -> bool;

    /// R: the largest difference that a type makes to any player on one of these days, money, if it is known.
    fn largest(&self, _: &[(f64, Self::Day)]) -> Option<f64> {
        self.spread()
    }

    /// The operator's expected outlay a day and what the reserve alone would cost, where it is promised that the first does
    /// not exceed the second.
    fn outlay(&self, _: &Self::Plan, _: &[(f64, Self::Day)]) -> Option<(f64, f64)> {
        None
    }

    /// What welfare and contributions of a plan may be off by on these days, money; 0 where they are exact but for rounding.
    fn doubt(&self, _: &Self::Plan, _: &[(f64, Self::Day)]) -> f64 {
        0.0
    }

    /// What the market takes for granted about the days and does not hold for these, in words.
    fn departs(&self, _: &[(f64, Self::Day)]) -> Option<String> {
        None
    }
}

/// All profiles of the likely types of some players, with their probabilities. `visit` gets a type for every player; those
/// who have no law stay at 0.
fn profiles(laws: &[Option<&Law>], visit: &mut dyn FnMut(f64, &[usize])) {
    let mut types = vec![0; laws.len()];
    fn walk(
        laws: &[Option<&Law>],
        at: usize,
        p: f64,
        types: &mut [usize],
        visit: &mut dyn FnMut(f64, &[usize]),
    ) {
        match laws.get(at) {
            None => visit(p, types),
            Some(None) => walk(laws, at + 1, p, types, visit),
            Some(Some(law)) => {
                for (t, q) in law.probabilities().iter().enumerate().filter(|(_, q)| **q > 0.0) {
                    types[at] = t;
                    walk(laws, at + 1, p * q, types, visit);
                }
            }
        }
    }
    walk(laws, 0, 1.0, &mut types, visit);
}

/// How many profiles there are at most.
fn size(laws: &[Option<&Law>]) -> f64 {
    laws.iter().flatten().map(|law| law.types() as f64).product()
}

fn present(reports: &Supertypes, signal: usize, absent: Option<AgentId>) -> Vec<Option<&Law>> {
    (0..reports.players()).map(|i| (Some(i) != absent).then(|| reports.law(i, signal))).collect()
}

impl Audited for Finite {
    type Closed = std::convert::Infallible;

    fn draws(&self, _: &usize) -> Vec<(f64, ())> {
        vec![(1.0, ())]
    }

    fn alike(&self, one: AgentId, other: AgentId) -> bool {
        (0..self.signals()).all(|w| self.game(w).same(one, other))
    }

    fn stake(&self, closed: &Self::Closed, _: &Self::Plan, _: &usize, _: AgentId) -> Stake {
        match *closed {}
    }

    fn regret(&self, day: &usize, _: &(), bids: &[usize], decision: &Outcomes) -> f64 {
        let game = self.game(*day);
        let total = |o: usize| total(game, None, bids, decision.first, o);
        let best = (0..game.second()).map(total).fold(f64::NEG_INFINITY, f64::max);
        best - total(decision.second)
    }

    fn optimum(
        &self,
        reports: &Supertypes,
        days: &[(f64, usize)],
        absent: Option<AgentId>,
        most: f64,
    ) -> Option<f64> {
        let steps = |w: usize| {
            let outcomes = (self.game(w).first() * self.game(w).second()) as f64;
            size(&present(reports, w, absent)) * outcomes * reports.players() as f64
        };
        if days.iter().map(|(_, w)| steps(*w)).sum::<f64>() > most {
            return None;
        }
        let of =
            |w: usize, first: usize| best_second(self.game(w), &present(reports, w, absent), first, absent);
        let firsts = || 0..self.game(0).first();
        let largest = |values: &mut dyn Iterator<Item = f64>| values.fold(f64::NEG_INFINITY, f64::max);
        Some(match self.timing() {
            Timing::BeforeFirstStage => {
                let each = days.iter().map(|(p, w)| p * largest(&mut firsts().map(|a| of(*w, a))));
                compensated(each)
            }
            Timing::BeforeBids(_) => {
                let each = |a: usize| compensated(days.iter().map(|(p, w)| p * of(*w, a)));
                largest(&mut firsts().map(each))
            }
        })
    }

    fn shelters(&self, player: AgentId) -> bool {
        let kind = |game: &Game, first: usize, second: usize| {
            let open = game.available(player, first)[second];
            !open || (0..game.types()[player]).all(|t| game.value(player, t, first, second) >= 0.0)
        };
        (0..self.signals()).map(|w| self.game(w)).all(|game| {
            (0..game.first()).all(|first| (0..game.second()).all(|second| kind(game, first, second)))
        })
    }

    fn departs(&self, days: &[(f64, usize)]) -> Option<String> {
        let Timing::BeforeBids(stated) = self.timing() else { return None };
        let met = |w: usize| days.iter().filter(|(_, day)| *day == w).map(|(p, _)| p).sum::<f64>();
        let (signal, stated) = stated.iter().enumerate().find(|(w, p)| (met(*w) - **p).abs() > 1e-9)?;
        let found = met(signal);
        Some(format!(
            "the first stage counts on signal {signal} on {stated} of the days, it comes on {found} of them"
        ))
    }
}

/// Values of those who are present, less the planner's cost.
fn total(game: &Game, absent: Option<AgentId>, types: &[usize], first: usize, second: usize) -> f64 {
    let own = |(i, t): (usize, &usize)| game.value(i, *t, first, second);
    let values = types.iter().enumerate().filter(|(i, _)| Some(*i) != absent).map(own);
    values.sum::<f64>() - game.cost(first)[second]
}

/// Expectation of the best second stage; minus infinity if nothing is possible.
fn best_second(game: &Game, laws: &[Option<&Law>], first: usize, absent: Option<AgentId>) -> f64 {
    let open = |o: &usize| absent.is_none_or(|i| game.available(i, first)[*o]);
    let outcomes: Vec<usize> = (0..game.second()).filter(open).collect();
    if outcomes.is_empty() {
        return f64::NEG_INFINITY;
    }
    let mut sum = Sum::default();
    profiles(laws, &mut |p, types| {
        let values = outcomes.iter().map(|o| total(game, absent, types, first, *o));
        sum.add(p * values.fold(f64::NEG_INFINITY, f64::max));
    });
    sum.get()
}

/// E[a_b² / S²] by bid b, a_b = 1 / delta_b: what curtailments, squared, are on average at a shortage of 1.
#[derive(Clone, Debug)]
pub struct Squares(Vec<f64>);

impl Audited for Demand {
    type Closed = Squares;

    fn draws(&self, day: &Day) -> Vec<(f64, Draw)> {
        let condition = &self.conditions()[day.signal];
        let shortages = match &condition.shortage {
            Shortage::AfterBids(lottery) => listed(Some(lottery)),
            Shortage::Certain(_) | Shortage::Announced | Shortage::Listed(_) => listed(None),
        };
        let reserves = listed(condition.reserve.as_ref());
        let pair = |(p, shortage): &(f64, Option<f64>)| {
            let (p, shortage) = (*p, *shortage);
            reserves.iter().map(move |(q, reserve)| (p * q, Draw { shortage, reserve: *reserve }))
        };
        shortages.iter().flat_map(pair).collect()
    }

    fn alike(&self, one: AgentId, other: AgentId) -> bool {
        self.types(one) == self.types(other) && self.limits().is_none_or(|l| l[one] == l[other])
    }

    fn closed(&self, reports: &Supertypes, signal: usize, player: AgentId) -> Option<Squares> {
        if self.limits().is_some() {
            return None;
        }
        let reserve = self.conditions()[signal].reserve.as_ref();
        let certain = Law::uniform(1);
        let of = |delta: &f64| {
            let one = std::slice::from_ref(delta);
            let types: Vec<&[f64]> =
                (0..self.players()).map(|j| if j == player { one } else { self.types(j) }).collect();
            let laws: Vec<&Law> = (0..self.players())
                .map(|j| if j == player { &certain } else { reports.law(j, signal) })
                .collect();
            expectations(&types, &laws, reserve).own[player] / delta
        };
        Some(Squares(self.types(player).iter().map(of).collect()))
    }

    fn stake(&self, closed: &Squares, plan: &Vec<Plan>, day: &Day, player: AgentId) -> Stake {
        let (expected, plan) = (self.expected(plan, day), &plan[day.signal]);
        let left =
            crate::two_stage::demand::left(self.purchase(), plan.expectations.inverse, expected.outlook());
        let marginal = expected.marginal(player);
        let deltas = self.types(player);
        let utility = |own: &f64| {
            let own = *own;
            let bids = deltas.iter().zip(&closed.0);
            bids.map(move |(bid, square)| (bid - own) / 2.0 * square * left + marginal)
        };
        Stake { types: deltas.len(), utility: deltas.iter().flat_map(utility).collect() }
    }

    /// A bid's curtailment, squared, falls in the bid, and what it costs is linear in the true type: the dearest type is
    /// best carried to the dearest bid.
    fn order(&self, player: AgentId) -> Option<Vec<usize>> {
        let deltas = self.types(player);
        let mut order: Vec<usize> = (0..deltas.len()).collect();
        order.sort_by(|a, b| deltas[*a].total_cmp(&deltas[*b]));
        Some(order)
    }

    /// The cost of the dispatch against what no dispatch is below at its price (weak duality).
    fn regret(&self, _: &Day, draw: &Draw, bids: &[usize], decision: &Operation) -> f64 {
        let (dispatch, needed) = (&decision.dispatch, decision.shortage - decision.bought);
        let price = dispatch.price;
        let (mut cost, mut bound, mut covered) = (0.0, price * needed, 0.0);
        let mut add = |delta: f64, x: f64, low: f64, high: f64| {
            let best = (price / delta).clamp(low, high);
            cost += delta * x * x / 2.0;
            bound -= (price - delta * best / 2.0) * best;
            covered += x;
            let beyond = 1e-12 * (1.0 + needed.abs());
            x >= low - beyond && x <= high + beyond
        };
        let mut fine = true;
        for (i, (&bid, &x)) in bids.iter().zip(&dispatch.curtailed).enumerate() {
            let (low, high) = self.limits().map_or((f64::NEG_INFINITY, f64::INFINITY), |l| (0.0, l[i]));
            fine &= add(self.types(i)[bid], x, low, high);
        }
        if let Some(reserve) = draw.reserve {
            fine &= add(reserve, dispatch.reserve, f64::NEG_INFINITY, f64::INFINITY);
        }
        fine &= (covered - needed).abs() <= 1e-12 * (1.0 + needed.abs());
        if fine { cost - bound } else { f64::INFINITY }
    }

    fn optimum(
        &self,
        reports: &Supertypes,
        days: &[(f64, Day)],
        absent: Option<AgentId>,
        most: f64,
    ) -> Option<f64> {
        let steps = |day: &Day| {
            let condition = &self.conditions()[day.signal];
            let shortage = self.shortage(day).values().len();
            let reserve = condition.reserve.as_ref().map_or(1, |r| r.values().len());
            let each = match (self.limits(), self.purchase()) {
                (None, _) => 1.0,
                (Some(_), None) => 60.0 * shortage as f64,
                (Some(_), Some(_)) => 60.0 * (2.0 * GOLDEN_STEPS as f64) * shortage as f64,
            };
            size(&present(reports, day.signal, absent)) * each * (reserve * reports.players()) as f64
        };
        if days.iter().map(|(_, day)| steps(day)).sum::<f64>() > most {
            return None;
        }
        let each = days.iter().map(|(p, day)| {
            -p * match self.limits() {
                Some(limits) => {
                    self.bought_cost(day, |g| self.limited_cost(limits, reports, (day, g), absent))
                }
                None => self.free_cost(reports, day, absent),
            }
        });
        Some(compensated(each))
    }

    fn shelters(&self, _: AgentId) -> bool {
        true
    }

    fn largest(&self, days: &[(f64, Day)]) -> Option<f64> {
        let shortage = |day: &Day| self.shortage(day).values().iter().fold(0.0, |m: f64, d| m.max(d.abs()));
        let square = days.iter().map(|(_, day)| shortage(day).powi(2)).fold(0.0, f64::max);
        let of = |i: AgentId| {
            let (low, high) = crate::two_stage::model::ends(self.types(i).iter());
            (high - low) / 2.0
        };
        Some((0..self.players()).map(of).fold(0.0, f64::max) * square)
    }

    fn doubt(&self, plan: &Vec<Plan>, days: &[(f64, Day)]) -> f64 {
        let of = |day: &Day| {
            let expected = self.expected(plan, day);
            let each = |doubt: &Doubt| {
                doubt.cost + (0..self.players()).map(|i| doubt.contribution(i)).fold(0.0, f64::max)
            };
            expected.doubt().map_or(0.0, each)
        };
        days.iter().map(|(_, day)| of(day)).fold(0.0, f64::max)
    }

    /// Proved without limits and purchases, where there is a reserve under every signal.
    fn outlay(&self, plan: &Vec<Plan>, days: &[(f64, Day)]) -> Option<(f64, f64)> {
        if self.limits().is_some() || self.purchase().is_some() {
            return None;
        }
        let (mut outlay, mut alone) = (Sum::default(), Sum::default());
        for (p, day) in days {
            let (expected, reserve) =
                (self.expected(plan, day), self.conditions()[day.signal].reserve.as_ref()?);
            let given: f64 = (0..self.players()).map(|i| expected.marginal(i)).sum();
            outlay.add(p * (expected.cost() + given));
            alone.add(p * reserve.mean(|delta| delta) * expected.outlook().square() / 2.0);
        }
        Some((outlay.get(), alone.get()))
    }
}

fn listed(lottery: Option<&Lottery>) -> Vec<(f64, Option<f64>)> {
    let Some(lottery) = lottery else { return vec![(1.0, None)] };
    let all = lottery.values().iter().zip(lottery.law().probabilities());
    all.filter(|(_, p)| **p > 0.0).map(|(x, p)| (*p, Some(*x))).collect()
}

impl Demand {
    fn shortage(&self, day: &Day) -> Lottery {
        match &self.conditions()[day.signal].shortage {
            Shortage::Certain(d) => Lottery::certain(*d),
            Shortage::AfterBids(lottery) => lottery.clone(),
            Shortage::Announced | Shortage::Listed(_) => Lottery::certain(day.shortage.unwrap_or(0.0)),
        }
    }

    /// Expected cost without limits: E[1/S] by enumeration, and the purchase by a search.
    fn free_cost(&self, reports: &Supertypes, day: &Day, absent: Option<AgentId>) -> f64 {
        let Condition { reserve, .. } = &self.conditions()[day.signal];
        let mut inverse = Sum::default();
        profiles(&present(reports, day.signal, absent), &mut |p, types| {
            let present = types.iter().enumerate().filter(|(i, _)| Some(*i) != absent);
            let strength: f64 = present.map(|(i, t)| 1.0 / self.types(i)[*t]).sum();
            for (q, delta) in listed(reserve.as_ref()) {
                inverse.add(p * q / (strength + delta.map_or(0.0, |delta| 1.0 / delta)));
            }
        });
        let (inverse, shortage) = (inverse.get(), self.shortage(day));
        self.bought_cost(day, |bought| inverse * shortage.mean(|d| (d - bought) * (d - bought)) / 2.0)
    }

    /// A cost that depends on what is bought, with what that costs, at the best purchase if there are any.
    fn bought_cost(&self, day: &Day, cost: impl Fn(f64) -> f64) -> f64 {
        let Some(q) = self.purchase() else { return cost(0.0) };
        let top = self.shortage(day).values().iter().copied().fold(0.0, f64::max);
        least(0.0, top, |bought| q * bought + cost(bought))
    }

    /// Expected cost with limits: at every profile the price at which everything is covered, by halving.
    fn limited_cost(
        &self,
        limits: &[f64],
        reports: &Supertypes,
        (day, bought): (&Day, f64),
        absent: Option<AgentId>,
    ) -> f64 {
        let condition = &self.conditions()[day.signal];
        let mut sum = Sum::default();
        profiles(&present(reports, day.signal, absent), &mut |p, types| {
            let present = || types.iter().enumerate().filter(|(i, _)| Some(*i) != absent);
            let own = |price: f64, i: usize, t: usize| (price / self.types(i)[t]).min(limits[i]);
            for (q, reserve) in listed(condition.reserve.as_ref()) {
                let reserve = reserve.unwrap_or(f64::INFINITY);
                for (r, d) in listed(Some(&self.shortage(day))) {
                    let d = d.unwrap_or(0.0) - bought;
                    if d <= 0.0 {
                        // Nobody curtails less than nothing: a surplus is the reserve's.
                        sum.add(p * q * r * reserve * d * d / 2.0);
                        continue;
                    }
                    let covered =
                        |price: f64| price / reserve + present().map(|(i, t)| own(price, i, *t)).sum::<f64>();
                    let (mut low, mut high) = (0.0, d * reserve);
                    for _ in 0..60 {
                        let middle = low + (high - low) / 2.0;
                        *(if covered(middle) < d { &mut low } else { &mut high }) = middle;
                    }
                    let curtailed = present().map(|(i, t)| {
                        let x = own(high, i, *t);
                        self.types(i)[*t] * x * x / 2.0
                    });
                    sum.add(p * q * r * (curtailed.sum::<f64>() + high * high / reserve / 2.0));
                }
            }
        });
        sum.get()
    }
}

/// Golden sections: what is left of a stretch after them is below rounding.
const GOLDEN_STEPS: usize = 100;

/// The least value of a convex function on a stretch, by golden sections.
fn least(mut low: f64, mut high: f64, of: impl Fn(f64) -> f64) -> f64 {
    const GOLDEN: f64 = 0.618_033_988_749_894_8;
    for _ in 0..GOLDEN_STEPS {
        let (a, b) = (high - GOLDEN * (high - low), low + GOLDEN * (high - low));
        if of(a) <= of(b) { high = b } else { low = a }
    }
    of(low).min(of(high))
}
