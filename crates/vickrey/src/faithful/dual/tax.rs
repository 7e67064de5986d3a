//! Taxes from final values: what the others pay for the decision, plus a part that is free of one's own doing.
//!
//! A follower's own values never enter her tax, and no sum is ever "the total minus her own": she could erase her tax by
//! reporting a number so large that the rest is rounded away.

use super::iterate::LARGEST;
use super::leader::{Event, Marginal, Phase, State};
use super::letters::Values;
use super::model::{Follower, Problem};
use super::rules::{Mode, Plan, Stop, without_each};
use crate::mechanism::AgentId;
use crate::numeric::sum::Sum;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// The gap is certified to be what was wanted.
    Converged,
    /// It is not: the rounds ran out.
    NotConverged,
    /// The rounds were fixed beforehand; the certificate says how good the decision is.
    FixedRounds,
}

/// Decision and taxes.
#[derive(Clone, Debug, PartialEq)]
pub struct Settled {
    /// z of all followers, in one list.
    pub allocation: Vec<f64>,
    /// pi_i: positive, the follower pays.
    pub payment: Vec<f64>,
    /// v_i(z_i) as reported; no number where missing or dropped.
    pub value: Vec<f64>,
    /// The price that the last answers belong to.
    pub price: Vec<f64>,
    /// Cost minus lower bound, from what was reported: may be slightly negative by rounding. None if some value or bound is
    /// missing.
    pub certificate: Option<f64>,
    /// What nobody gains more than by any deviation: the certificate, at least 0. None without a certificate, and none if a
    /// tax has nothing to compare with (mode `dual` without a bound for some problem): that follower's net cost does not
    /// follow the social cost, and what she gains by deviating has no bound.
    pub epsilon: Option<f64>,
    /// How the run ended.
    pub status: Status,
    /// Followers whose tax is not defined by the theory and is 0 (and the penalty, if any): after a drop, or where the mode
    /// `dual` has no bound for the problem without them.
    pub undefined: Vec<AgentId>,
}

/// The numbers of the problems whose allocations a follower values at the end, beside the main one.
pub(super) fn valued<'a>(
    plan: &'a Plan,
    state: &'a State,
    agent: AgentId,
) -> impl Iterator<Item = usize> + 'a {
    let needed = plan.rules().mode == Mode::Vcg;
    state.marginal.iter().enumerate().filter_map(move |(j, marginal)| match marginal {
        Marginal::Problem(number) if needed && j != agent => Some(*number),
        _ => None,
    })
}

/// Everything reported at the end, made whole: what is missing is no number.
struct Reported {
    main: Vec<f64>,
    /// By follower, then by the follower left out; empty for dropped ones.
    without: Vec<Vec<f64>>,
}

impl Reported {
    fn new(plan: &Plan, state: &State, values: Vec<Values>) -> Self {
        let agents = plan.problem().len();
        let mut all = Self { main: Vec::with_capacity(agents), without: Vec::with_capacity(agents) };
        for (agent, own) in values.into_iter().enumerate() {
            let present = !state.dropped.contains(&agent);
            all.main.push(if present { usable(own.value) } else { f64::NAN });
            let mut row = Vec::new();
            if present && plan.rules().mode == Mode::Vcg {
                row = vec![f64::NAN; agents];
                let mut given = own.without.into_iter();
                for (j, marginal) in state.marginal.iter().enumerate() {
                    if matches!(marginal, Marginal::Problem(_)) && j != agent {
                        row[j] = given.next().map_or(f64::NAN, usable);
                    }
                }
            }
            all.without.push(row);
        }
        all
    }

    /// sum over others of v - v without j, leaving out who misses either.
    fn difference(&self, j: AgentId) -> f64 {
        let (mut with, mut without) = (Sum::default(), Sum::default());
        for (l, row) in self.without.iter().enumerate() {
            if l == j || row.is_empty() {
                continue;
            }
            if self.main[l].is_finite() && row[j].is_finite() {
                with.add(self.main[l]);
                without.add(row[j]);
            }
        }
        with.get() - without.get()
    }

    /// Everybody some of whose values are below what her last answers leave possible: of the decision, and in the mode `vcg`
    /// also of the problems that others' taxes compare with.
    fn doubtful(&self, state: &State) -> Vec<AgentId> {
        let least = |number: usize| state.solved(number).map_or(&[][..], |solved| &solved.least);
        let main = least(state.main);
        let without: Vec<&[f64]> = (state.marginal.iter())
            .map(|marginal| match marginal {
                Marginal::Problem(number) => least(*number),
                _ => &[],
            })
            .collect();
        // False where either is no number.
        let below = |value: f64, least: &[f64], i: AgentId| least.get(i).is_some_and(|least| value < *least);
        let doubted = |i: &AgentId| {
            below(self.main[*i], main, *i)
                || self.without[*i].iter().zip(&without).any(|(value, least)| below(*value, least, *i))
        };
        (0..self.main.len()).filter(doubted).collect()
    }

    /// sum over others of v, for everybody.
    fn others(&self) -> Vec<f64> {
        let add = |i: AgentId, sum: &mut f64| {
            if self.main[i].is_finite() {
                *sum += self.main[i];
            }
        };
        without_each(self.main.len(), 0.0, add, |a, b| a + b)
    }
}

/// A value, no number if it is none or beyond what sums and differences of values can hold.
fn usable(value: f64) -> f64 {
    if value.abs() <= LARGEST { value } else { f64::NAN }
}

/// By how much a value may lie below its bound, as a part of the numbers that are compared. Honest ones do: answers are best
/// only as far as a follower's own program finds them, for which 1e-10 of their size is asked, and differences of costs lose
/// digits. A hundred times that; lies worth telling are larger. Values near 0 are a part of one unit of money.
const DOUBT: f64 = 1e-8;

/// The least that z can cost a follower whose answer to `price` is (z^, v(z^)): z^ makes v(z) + price'R z least within
/// her limits, so that v(z) >= v(z^) - price'R (z - z^) for all z there, less [`DOUBT`] (paper 003: -R'price is a
/// subgradient of v at z^). No number if it is none or infinite.
///
/// It shows values that are too low, not those that are too high: these need not contradict any convex cost. Where all answer
/// the same price, what everybody's value lies above its bound adds up to the certificate, so that a value shows that is too
/// low by more. Answers that lie in the same way as values go unseen.
pub(super) fn least_value(
    follower: &Follower,
    price: &[f64],
    (answer, value): (&[f64], f64),
    z: &[f64],
) -> f64 {
    let (mut least, mut size) = (value, 1.0 + value.abs());
    for ((slope, x), best) in follower.charge(price).iter().zip(z).zip(answer) {
        least -= slope * (x - best);
        size += slope.abs() * (x.abs() + best.abs());
    }
    let least = least - DOUBT * size;
    if least.is_finite() { least } else { f64::NAN }
}

/// Computes the taxes and ends the run.
pub(super) fn settle(plan: &Plan, state: &mut State, values: Vec<Values>) {
    let reported = Reported::new(plan, state, values);
    for (follower, value) in reported.main.iter().enumerate() {
        if !value.is_finite() && !state.dropped.contains(&follower) {
            state.events.push(Event::NoValues { follower });
        }
    }
    let doubtful = reported.doubtful(state);
    state.events.extend(doubtful.into_iter().map(|follower| Event::Doubtful { follower }));
    let Some(main) = state.solved(state.main).cloned() else { return };
    let mut undefined = Vec::new();
    let mut payment = match plan.rules().mode {
        Mode::Zero => reported.others(),
        Mode::ClearingPrice => clearing(plan.problem(), &main.finish.price, &main.finish.allocation),
        Mode::Vcg | Mode::Dual => compared(plan, state, &reported, &mut undefined),
    };
    for (i, tax) in payment.iter_mut().enumerate() {
        if state.dropped.contains(&i) || !reported.main[i].is_finite() {
            *tax += plan.rules().penalty;
        }
    }
    let present = (0..plan.problem().len()).filter(|i| !state.dropped.contains(i));
    let cost = present.map(|i| reported.main[i]).fold(Sum::default(), |mut s, v| {
        s.add(v);
        s
    });
    let certificate = main.finish.lower.map(|lower| cost.get() - lower).filter(|c| c.is_finite());
    let bounded = undefined.iter().all(|&j| !matches!(state.marginal[j], Marginal::Problem(_)));
    let status = match (plan.rules().stop, certificate) {
        (Stop::Rounds(_), _) => Status::FixedRounds,
        (Stop::Gap { epsilon, .. }, Some(gap)) if gap <= epsilon => Status::Converged,
        _ => Status::NotConverged,
    };
    state.settled = Some(Settled {
        allocation: main.finish.allocation,
        payment,
        value: reported.main,
        price: main.finish.price,
        certificate,
        epsilon: certificate.filter(|_| bounded && plan.rules().unproved().is_none()).map(|c| c.max(0.0)),
        status,
        undefined,
    });
    state.phase = Phase::Finished;
}

/// Taxes that compare with the problem without the follower.
fn compared(plan: &Plan, state: &State, reported: &Reported, undefined: &mut Vec<AgentId>) -> Vec<f64> {
    let others = reported.others();
    let mode = plan.rules().mode;
    // Where the last round has no bound, an earlier one is as free of the follower and no higher than the optimum.
    let lower = |number: usize| state.solved(number).and_then(|s| s.finish.held);
    (0..plan.problem().len())
        .map(|j| {
            if state.dropped.contains(&j) {
                // The decision is that of the problem without her.
                return match (mode, lower(state.main)) {
                    (Mode::Vcg, _) => 0.0,
                    (_, Some(d)) => others[j] - d,
                    (_, None) => {
                        undefined.push(j);
                        0.0
                    }
                };
            }
            match state.marginal[j] {
                Marginal::Problem(_) if mode == Mode::Vcg => reported.difference(j),
                Marginal::Problem(number) if lower(number).is_some() => {
                    lower(number).map_or(0.0, |d| others[j] - d)
                }
                _ => {
                    undefined.push(j);
                    0.0
                }
            }
        })
        .collect()
}

/// price'R_i (z_i - a_i).
pub fn clearing(problem: &Problem, price: &[f64], allocation: &[f64]) -> Vec<f64> {
    (0..problem.len())
        .map(|i| {
            let follower = problem.follower(i);
            let charge = follower.charge(price);
            let own = &allocation[problem.range(i)];
            charge.iter().zip(own.iter().zip(&follower.absent)).map(|(g, (z, a))| g * (z - a)).sum()
        })
        .collect()
}
