//! From N + 1 problems to a settlement, and the check that the full problem was solved.

use rayon::prelude::*;

use super::super::model::{DynamicError, Market};
use super::super::sweep;
use super::concavity;
use super::group::{Fault, Group};
use super::local::{Ended, climb};
use super::settlement::{Globality, Settlement, Tried};
use super::{Options, Solution, Stop};
use crate::mechanism::AgentId;

/// Settles with the default options.
///
/// # Errors
/// As [`settle_with`].
pub fn settle(market: &Market) -> Result<Settlement, DynamicError> {
    settle_with(market, &Options::default())
}

/// Solves the full problem and the N leave-one-out problems.
///
/// "i idle, the others at their leave-one-out optimum" is a plan for everybody, so F >= H_i + o_i at a global
/// optimum. Where the numbers found violate this, the full problem is started again from that plan.
///
/// # Errors
/// An option, a utility that is not finite at any start, an unbounded problem, a refuted declaration of concavity, or
/// a full solution that is still refuted by a leave-one-out value after all restarts.
pub fn settle_with(market: &Market, options: &Options) -> Result<Settlement, DynamicError> {
    options.check()?;
    concavity::at_random(market, options)?;
    let outside: Vec<Option<f64>> =
        (0..market.len()).map(|i| outside_option(market, i)).collect::<Result<_, _>>()?;
    let (mut full, bends) = solve(market, None, None, options)?;
    let mut without = leave_one_out(market, &full, &bends, options)?;
    let mut restarts = 0;
    while let Some((agent, possible)) = refuted(&full, &without, &outside) {
        let start = without[agent].as_ref().map(|s| s.controls.concat()).unwrap_or_default();
        let found = (restarts < options.restarts)
            .then(|| resume(market, &full, start, options))
            .transpose()?
            .flatten();
        let Some(better) = found else {
            let agent = market.name(agent).into_owned();
            return Err(DynamicError::NotGlobal { agent, welfare: full.welfare, possible });
        };
        full = better;
        restarts += 1;
        if options.warm {
            without = improved(market, &full, without, options)?;
        }
    }
    for solution in std::iter::once(&full).chain(without.iter().flatten()) {
        concavity::near(market, solution, options)?;
    }
    let globality = judge(market, &full, &without, restarts);
    Ok(Settlement::new(full, without, outside, globality))
}

/// o_i = J_i(0); none if u = 0 breaks the bounds or has utility minus infinity.
///
/// # Errors
/// The utility of being idle is no number or plus infinity.
pub fn outside_option(market: &Market, agent: AgentId) -> Result<Option<f64>, DynamicError> {
    if market.bounds(agent).iter().any(|&(low, high)| low > 0.0 || high < 0.0) {
        return Ok(None);
    }
    match sweep::value(market.plant(agent), &vec![0.0; market.periods()]) {
        Ok(value) => Ok(Some(value)),
        Err(fault) if fault.found == f64::NEG_INFINITY => Ok(None),
        Err(fault) => {
            let agent = market.name(agent).into_owned();
            Err(DynamicError::Idle { agent, place: fault.place, found: fault.found })
        }
    }
}

fn not_finite(market: &Market, agents: &[AgentId], (k, fault): Fault) -> DynamicError {
    let agent = market.name(agents[k]).into_owned();
    DynamicError::NotFinite { agent, place: fault.place, found: fault.found }
}

/// Where a problem may start besides its own starts: controls of the whole group, and second derivatives there.
struct Warm {
    controls: Vec<f64>,
    bends: Option<Vec<Vec<f64>>>,
}

/// Solves one problem from its own starts and from a warm one; also the last second derivatives, if any.
fn solve(
    market: &Market,
    without: Option<AgentId>,
    warm: Option<Warm>,
    options: &Options,
) -> Result<(Solution, Vec<Vec<f64>>), DynamicError> {
    let group = Group::new(market, without);
    let concave = group.plants.iter().all(|p| p.concave());
    // One start is enough for a concave problem; further ones only replace a start that is not finite.
    let own = (0..options.starts).map(|s| Warm { controls: group.start(s, options), bends: None });
    let warm = warm.map(|mut warm| {
        group.balance(&mut warm.controls);
        warm
    });
    let starts: Vec<Warm> = warm.into_iter().chain(own).collect();
    let ends: Vec<Result<Ended, Fault>> = if concave {
        let mut ends = Vec::new();
        for Warm { controls, bends } in starts {
            ends.push(climb(&group, controls, bends, options));
            if ends.last().is_some_and(|e| e.as_ref().is_ok_and(|e| e.stop == Stop::Converged)) {
                break;
            }
        }
        ends
    } else {
        let search = |Warm { controls, bends }| climb(&group, controls, bends, options);
        starts.into_par_iter().map(search).collect()
    };
    best(market, &group, without, ends)
}

/// The best end of all searches.
fn best(
    market: &Market,
    group: &Group<'_>,
    without: Option<AgentId>,
    ends: Vec<Result<Ended, Fault>>,
) -> Result<(Solution, Vec<Vec<f64>>), DynamicError> {
    let starts = ends.len();
    let mut fault = None;
    let mut found: Vec<Ended> = Vec::with_capacity(starts);
    for end in ends {
        match end {
            Ok(end) => found.push(end),
            Err(f) => fault = fault.or(Some(f)),
        }
    }
    if let Some(end) = found.iter().find(|e| e.stop == Stop::Unbounded) {
        return Err(unbounded(market, group, end));
    }
    let levels = distinct(found.iter().filter(|e| settled(e.stop)).map(Ended::welfare).collect());
    // Among equals the first: the order of the starts decides, not that of the threads.
    let best = found.into_iter().reduce(|a, b| if b.welfare() > a.welfare() { b } else { a });
    match (best, fault) {
        (Some(mut end), _) => {
            let bends = std::mem::take(&mut end.bends);
            Ok((solution(market, group, without, end, starts, levels), bends))
        }
        (None, Some(fault)) => Err(not_finite(market, &group.agents, fault)),
        (None, None) => {
            Err(DynamicError::Option { field: "starts", found: "0".into(), accepted: "at least 1" })
        }
    }
}

/// Whether an end can be called a local optimum when they are counted.
fn settled(stop: Stop) -> bool {
    matches!(stop, Stop::Converged | Stop::Stalled)
}

fn unbounded(market: &Market, group: &Group<'_>, end: &Ended) -> DynamicError {
    let (mut j, mut control) = (0, 0.0_f64);
    for (at, &u) in end.u.iter().enumerate() {
        if u.abs() > control.abs() {
            (j, control) = (at, u);
        }
    }
    let agent = market.name(group.agents[j / group.periods()]).into_owned();
    DynamicError::Unbounded { agent, period: j % group.periods(), control }
}

/// How many different levels there are.
fn distinct(mut levels: Vec<f64>) -> usize {
    levels.sort_by(f64::total_cmp);
    levels.dedup_by(|b, a| (*b - *a).abs() <= 1e-6 * (1.0 + a.abs()));
    levels.len()
}

fn solution(
    market: &Market,
    group: &Group<'_>,
    absent: Option<AgentId>,
    end: Ended,
    starts: usize,
    optima: usize,
) -> Solution {
    let periods = group.periods();
    let (mut controls, mut own) = (vec![vec![0.0; periods]; market.len()], vec![0.0; market.len()]);
    for (k, &i) in group.agents.iter().enumerate() {
        controls[i].copy_from_slice(&end.u[k * periods..(k + 1) * periods]);
        own[i] = end.own[k];
    }
    Solution {
        absent,
        welfare: end.welfare(),
        price: end.support.iter().map(|s| s.price()).collect(),
        price_range: end.support.iter().map(|s| (s.rise.min(s.fall), s.fall.max(s.rise))).collect(),
        imbalance: group.imbalance(&end.u),
        controls,
        own,
        stop: end.stop,
        residual: end.residual,
        iterations: end.iterations,
        starts,
        optima,
    }
}

/// The controls of everybody but `without`, one after the other.
fn paths(solution: &Solution, without: AgentId) -> Vec<f64> {
    let others = solution.controls.iter().enumerate().filter(|&(j, _)| j != without);
    others.flat_map(|(_, path)| path.iter().copied()).collect()
}

/// All leave-one-out problems.
fn leave_one_out(
    market: &Market,
    full: &Solution,
    bends: &[Vec<f64>],
    options: &Options,
) -> Result<Vec<Option<Solution>>, DynamicError> {
    let one = |i: AgentId| {
        if market.infeasible(Some(i)).is_some() {
            return Ok(None);
        }
        let others = || bends.iter().enumerate().filter(|&(j, _)| j != i).map(|(_, b)| b.clone());
        let warm = options.warm.then(|| Warm {
            controls: paths(full, i),
            bends: (!bends.is_empty()).then(|| others().collect()),
        });
        solve(market, Some(i), warm, options).map(|(solution, _)| Some(solution))
    };
    (0..market.len()).into_par_iter().map(one).collect()
}

/// The leave-one-out problems once more, from a better full solution only; what was better before stays.
fn improved(
    market: &Market,
    full: &Solution,
    without: Vec<Option<Solution>>,
    options: &Options,
) -> Result<Vec<Option<Solution>>, DynamicError> {
    let one = |(i, old): (AgentId, Option<Solution>)| {
        let Some(old) = old else { return Ok(None) };
        let group = Group::new(market, Some(i));
        let mut start = paths(full, i);
        group.balance(&mut start);
        let Ok(end) = climb(&group, start, None, options) else { return Ok(Some(old)) };
        merge(market, &group, old, end).map(Some)
    };
    without.into_par_iter().enumerate().map(one).collect()
}

/// The better of a solution and one more search.
fn merge(market: &Market, group: &Group<'_>, old: Solution, end: Ended) -> Result<Solution, DynamicError> {
    if end.stop == Stop::Unbounded {
        return Err(unbounded(market, group, &end));
    }
    let (starts, same) = (old.starts + 1, distinct(vec![old.welfare, end.welfare()]) == 1);
    // Whether the new end equals one of the worse old ones is not known: only an end above all is surely new.
    let optima = old.optima + usize::from(!same && end.welfare() > old.welfare && settled(end.stop));
    if end.welfare() > old.welfare {
        return Ok(solution(market, group, old.absent, end, starts, optima));
    }
    Ok(Solution { starts, optima, ..old })
}

/// The full problem once more, from a plan that is better than its solution; none if that does not help.
fn resume(
    market: &Market,
    full: &Solution,
    mut start: Vec<f64>,
    options: &Options,
) -> Result<Option<Solution>, DynamicError> {
    let group = Group::new(market, None);
    group.balance(&mut start);
    let Ok(end) = climb(&group, start, None, options) else { return Ok(None) };
    let better = merge(market, &group, full.clone(), end)?;
    Ok((better.welfare > full.welfare).then_some(better))
}

/// The agent whose leave-one-out value most exceeds what the full solution allows, with that value.
fn refuted(full: &Solution, without: &[Option<Solution>], outside: &[Option<f64>]) -> Option<(AgentId, f64)> {
    let size = 1.0 + full.own.iter().map(|v| v.abs()).sum::<f64>();
    let possible = without.iter().zip(outside).enumerate();
    let possible = possible.filter_map(|(i, (h, o))| Some((i, h.as_ref()?.welfare + (*o)?)));
    let worst = possible.reduce(|a, b| if b.1 > a.1 { b } else { a })?;
    (worst.1 > full.welfare + 1e-9 * size).then_some(worst)
}

fn judge(market: &Market, full: &Solution, without: &[Option<Solution>], restarts: usize) -> Globality {
    let all = || std::iter::once(full).chain(without.iter().flatten());
    let unconverged = all().filter(|s| s.stop != Stop::Converged).count();
    if unconverged == 0 && market.plants().iter().all(|p| p.concave()) {
        return Globality::Concave;
    }
    Globality::Local(Tried {
        starts: full.starts,
        optima: full.optima,
        optima_without: without.iter().flatten().map(|s| s.optima).max().unwrap_or(0),
        restarts,
        unconverged,
    })
}
