//! Values between nodes by interpolation, and what that costs: the residual certificate on the fine grid.
//!
//! For types that lie on a line (a discretised AR(1), a state of charge) values need not be computed at every node, or can
//! be taken over from a solution on a coarser grid. The mechanism with such values is incentive compatible up to the
//! certificate, which compares them with one exact step in every state of the fine model. It is a proof for players whose
//! types are the nodes of the fine model; for a continuum behind them it is an estimate.

use super::certificate::{Certificate, Residuals};
use super::infinite::{Iteration, Target, iterate, range};
use super::problem::Problem;
use super::product::{Product, shared};
use super::space::Space;
use super::sweep::{Sets, Wants, sweep};
use super::{Options, SolveError, fits, largest};
use crate::mechanism::AgentId;
use crate::pivot::mode::Without;
use crate::pivot::model::{Horizon, Model};

/// Interpolation along one player's types: every node of the fine grid between two neighbouring coarse ones.
#[derive(Clone, Debug, PartialEq)]
pub struct Interpolation {
    coarse: usize,
    /// The coarse node below, and the weight of the one above, by fine node.
    places: Vec<(usize, f64)>,
}

/// Why values or nodes cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{what}: found {found}, accepted is {accepted}")]
pub struct ValuesError {
    /// Which.
    pub what: String,
    /// What was found.
    pub found: String,
    /// What is accepted.
    pub accepted: String,
}

impl ValuesError {
    fn nodes(player: AgentId, found: String, accepted: &str) -> Self {
        Self { what: format!("nodes of player {player}"), found, accepted: accepted.into() }
    }
}

impl Interpolation {
    /// Linear between the coarse nodes, constant beyond them; both lists ascending. None if they are not, or empty.
    pub fn linear(coarse: &[f64], fine: &[f64]) -> Option<Self> {
        let rising = |list: &[f64]| !list.is_empty() && list.windows(2).all(|pair| pair[0] < pair[1]);
        if !rising(coarse) || !rising(fine) {
            return None;
        }
        let place = |x: &f64| {
            let above = coarse.partition_point(|node| node <= x);
            if above == 0 || coarse.len() == 1 {
                return (0, 0.0);
            }
            let below = (above - 1).min(coarse.len() - 2);
            let weight = (x - coarse[below]) / (coarse[below + 1] - coarse[below]);
            (below, weight.clamp(0.0, 1.0))
        };
        Some(Self { coarse: coarse.len(), places: fine.iter().map(place).collect() })
    }

    /// Every node is a node.
    pub fn none(types: usize) -> Self {
        Self { coarse: types, places: (0..types).map(|k| (k, 0.0)).collect() }
    }

    /// `out[o][k][s]` from `x[o][coarse node][s]`.
    fn stretch(&self, x: &[f64], inner: usize) -> Vec<f64> {
        let mut out = Vec::with_capacity(x.len() / self.coarse * self.places.len());
        for x in x.chunks_exact(self.coarse * inner) {
            for &(below, weight) in &self.places {
                let low = &x[below * inner..(below + 1) * inner];
                if weight == 0.0 {
                    out.extend_from_slice(low);
                    continue;
                }
                let high = &x[(below + 1) * inner..(below + 2) * inner];
                out.extend(low.iter().zip(high).map(|(l, h)| l + weight * (h - l)));
            }
        }
        out
    }
}

/// Values over the members' fine types from values over their coarse ones.
fn interpolate(space: &Space, along: &[Interpolation], coarse: &[f64]) -> Vec<f64> {
    let mut values = coarse.to_vec();
    // From the last member on, so that what is behind an axis is fine already.
    let mut inner = 1;
    for (&member, &n) in space.members.iter().zip(&space.types).rev() {
        values = along[member].stretch(&values, inner);
        inner *= n;
    }
    values
}

/// Fitted value iteration: an exact step in every state, of which only every coarse node counts; values between coarse
/// nodes are interpolated. `kept` lists the coarse nodes of every player, `nodes` where all her types lie.
///
/// # Errors
/// It does not fit the memory, an infinite horizon cannot be solved to the tolerance, or nodes cannot be used.
pub fn fitted(
    model: &Model,
    options: &Options,
    nodes: &[Vec<f64>],
    kept: &[Vec<usize>],
) -> Result<Product, SolveError> {
    let along = (0..model.players())
        .map(|i| {
            let wrong = |found: String, accepted| ValuesError::nodes(i, found, accepted);
            let (Some(nodes), Some(kept)) = (nodes.get(i), kept.get(i)) else {
                return Err(wrong("none".into(), "the place of every type, and which of them are kept"));
            };
            if nodes.len() != model.player(i).types || kept.iter().any(|k| *k >= nodes.len()) {
                let accepted = "one place for each type, and numbers of types";
                return Err(wrong(format!("{} places, {kept:?} kept", nodes.len()), accepted));
            }
            let coarse: Vec<f64> = kept.iter().map(|&k| nodes[k]).collect();
            Interpolation::linear(&coarse, nodes)
                .ok_or_else(|| wrong(format!("{kept:?} of {nodes:?}"), "places in rising order"))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let project = |space: &Space, values: Vec<f64>| interpolate(space, &along, &coarse(space, kept, &values));
    approximated(model, options, &project)
}

/// The values at the kept nodes alone.
fn coarse(space: &Space, kept: &[Vec<usize>], values: &[f64]) -> Vec<f64> {
    let mut values = values.to_vec();
    let mut inner = 1;
    for (&member, &n) in space.members.iter().zip(&space.types).rev() {
        let nodes = &kept[member];
        let mut less = Vec::with_capacity(values.len() / n * nodes.len());
        for stretch in values.chunks_exact(n * inner) {
            nodes.iter().for_each(|k| less.extend_from_slice(&stretch[k * inner..(k + 1) * inner]));
        }
        values = less;
        inner *= nodes.len();
    }
    values
}

/// The solution of a coarse model used on a fine one, whose types lie between the coarse ones. Everything but types,
/// utilities and kernels of players has to be the same; values at the end are exact.
///
/// # Errors
/// It does not fit the memory, or the interpolation does not belong to the two models.
pub fn refined(coarse: &Product, fine: &Model, along: &[Interpolation]) -> Result<Product, SolveError> {
    let options = Options { mode: coarse.mode, ..Options::default() };
    fits(fine, &options)?;
    let outline = |model: &Model| {
        (model.horizon(), model.players(), model.public().states, model.decisions(), model.outcomes())
    };
    let whole_game = fine.periods().map_or(1, |periods| periods + 1);
    if outline(coarse.model()) != outline(fine) || coarse.values.len() != whole_game {
        return Err(ValuesError {
            what: "coarse solution".into(),
            found: format!("{:?}, {} slices of values", outline(coarse.model()), coarse.values.len()),
            accepted: format!(
                "horizon, players, public states, decisions and outcomes {:?}, all values kept",
                outline(fine)
            ),
        }
        .into());
    }
    for i in 0..fine.players() {
        let types = (coarse.model().player(i).types, fine.player(i).types);
        if along.get(i).map(|one| (one.coarse, one.places.len())) != Some(types) {
            let found =
                along.get(i).map_or("none".into(), |one| format!("{} to {}", one.coarse, one.places.len()));
            let accepted = "an interpolation from the coarse to the fine types";
            return Err(ValuesError::nodes(i, found, accepted).into());
        }
    }
    let (whole, rest) = shared(fine.clone());
    let end = fine.periods();
    let lift = |problem: &Problem, values: &[f64], constant: f64, t: usize| match end {
        Some(end) if t == end => problem.terminal(),
        _ => {
            let mut lifted = interpolate(&problem.space, along, values);
            let own = problem.stage.constant(fine, &problem.space.members, t);
            lifted.iter_mut().for_each(|v| *v += constant - own);
            lifted
        }
    };
    let slices = 0..coarse.values.len();
    let values: Vec<Vec<f64>> =
        slices.clone().map(|t| lift(&whole, coarse.values(t), coarse.constant(t), t)).collect();
    let references = (0..fine.players()).map(|i| {
        let of = |t: usize| match coarse.mode {
            Without::Tight => super::tight(&whole, &rest[i], i, t, &values[t]),
            _ => lift(&rest[i], coarse.references(i, t), coarse.reference_constant(i, t), t),
        };
        slices.clone().map(of).collect()
    });
    let references: Vec<Vec<Vec<f64>>> = references.collect();
    Ok(certified(coarse.mode, whole, rest, values, references))
}

/// The mechanism with values from anywhere (a heuristic, a rolling horizon): decisions are the best under them, and the
/// certificate says what that is worth. `values` by period and state (one entry for an infinite horizon, T + 1 for a
/// finite one); `references` by player, period and state without her: what the others have without her. In mode tight
/// they follow from the values, and the list has to be empty.
///
/// # Errors
/// It does not fit the memory, or there are more or fewer lists, they do not have these lengths or hold numbers that are not finite.
pub fn of_values(
    model: &Model,
    options: &Options,
    mut values: Vec<Vec<f64>>,
    mut references: Vec<Vec<Vec<f64>>>,
) -> Result<Product, SolveError> {
    fits(model, options)?;
    let (whole, rest) = shared(model.clone());
    let slices = model.periods().map_or(1, |periods| periods + 1);
    let take = |problem: &Problem, list: &mut [Vec<f64>], what: &str| {
        let size = problem.space.size();
        let fine = list.len() == slices
            && list.iter().all(|slice| slice.len() == size && slice.iter().all(|v| v.is_finite()));
        if !fine {
            let lengths: Vec<usize> = list.iter().map(Vec::len).collect();
            let accepted = format!("{slices} lists of {size} finite numbers");
            let found = format!("lists of {lengths:?} numbers");
            return Err(ValuesError { what: what.into(), found, accepted });
        }
        for (t, slice) in list.iter_mut().enumerate() {
            let constant = problem.stage.constant(model, &problem.space.members, t);
            slice.iter_mut().for_each(|v| *v -= constant);
        }
        Ok(())
    };
    take(&whole, &mut values, "values")?;
    let (lists, accepted) = match options.mode {
        Without::Tight => (0, "none, since they follow from the values in mode tight".to_owned()),
        _ => (rest.len(), format!("{}, one for each player", rest.len())),
    };
    if references.len() != lists {
        let found = format!("{} lists", references.len());
        return Err(ValuesError { what: "values without each player".into(), found, accepted }.into());
    }
    if options.mode == Without::Tight {
        let of = |i: AgentId| {
            (0..slices).map(|t| super::tight(&whole, &rest[i], i, t, &values[t])).collect::<Vec<_>>()
        };
        references = (0..rest.len()).map(of).collect();
    } else {
        for (i, list) in references.iter_mut().enumerate() {
            take(&rest[i], list, &format!("values without player {i}"))?;
        }
    }
    Ok(certified(options.mode, whole, rest, values, references))
}

/// Solves with values that are replaced by something simpler after every step.
fn approximated(
    model: &Model,
    options: &Options,
    project: &dyn Fn(&Space, Vec<f64>) -> Vec<f64>,
) -> Result<Product, SolveError> {
    fits(model, options)?;
    let (whole, rest) = shared(model.clone());
    let sets = |i: AgentId| Sets::without(options.mode, i);
    let step = |problem: &Problem, t: usize, next: &[f64], sets: Sets| {
        project(&problem.space, sweep(problem, t, next, sets, 0.0, Wants::default()).value)
    };
    let tolerance = options.tolerance.unwrap_or(1e-9 * whole.stage.scale_of_money());
    let solve = |problem: &Problem, sets: Sets| -> Result<Vec<Vec<f64>>, SolveError> {
        match model.horizon() {
            Horizon::Finite(periods) => {
                let mut all = vec![problem.terminal()];
                for t in (0..periods).rev() {
                    all.push(step(problem, t, &all[all.len() - 1], sets));
                }
                all.reverse();
                Ok(all)
            }
            Horizon::Infinite => {
                let target = Target { tolerance, most: options.most_sweeps, iteration: Iteration::Anderson };
                let once = |x: &[f64]| step(problem, 0, x, sets);
                let start = vec![0.0; problem.space.size()];
                let (values, went) = iterate(model.discount(), start, &once, target, &mut |_| {});
                if went.stop == super::infinite::Stop::Limit {
                    let (error, sweeps) = (went.error, went.sweeps);
                    return Err(SolveError::Tolerance { error, sweeps, tolerance });
                }
                Ok(vec![values])
            }
        }
    };
    let values = solve(&whole, Sets::Feasible)?;
    let references = (0..rest.len())
        .map(|i| match options.mode {
            Without::Tight => {
                Ok((0..values.len()).map(|t| super::tight(&whole, &rest[i], i, t, &values[t])).collect())
            }
            _ => solve(&rest[i], sets(i)),
        })
        .collect::<Result<Vec<_>, SolveError>>()?;
    Ok(certified(options.mode, whole, rest, values, references))
}

/// A solution with any values: one exact step from each shows what they are worth.
fn certified(
    mode: Without,
    whole: Problem,
    rest: Vec<Problem>,
    values: Vec<Vec<f64>>,
    references: Vec<Vec<Vec<f64>>>,
) -> Product {
    let model = whole.model.clone();
    let residuals = |problem: &Problem, values: &[Vec<f64>], sets: Sets| {
        let mut found = Residuals::default();
        let steps = values.len() - usize::from(model.periods().is_some());
        for t in 0..steps {
            let next = &values[if model.periods().is_some() { t + 1 } else { 0 }];
            let swept = sweep(problem, t, next, sets, 0.0, Wants::default());
            let (low, high) = range(&swept.value, &values[t]);
            found.spans.push(high - low);
            found.losses.push(swept.loss);
        }
        if let Some(end) = model.periods() {
            let (low, high) = range(&problem.terminal(), &values[end]);
            found.spans.push(high - low);
        }
        found
    };
    let of_all = residuals(&whole, &values, Sets::Feasible);
    let of_rest: Vec<Residuals> = match mode {
        Without::Tight => Vec::new(),
        _ => (0..rest.len()).map(|i| residuals(&rest[i], &references[i], Sets::without(mode, i))).collect(),
    };
    let sizes = values.iter().chain(references.iter().flatten()).map(|x| largest(x));
    let size = sizes.fold(whole.stage.largest(), f64::max);
    let rounding = super::rounding(&whole, size);
    let certificate = match model.horizon() {
        Horizon::Infinite => Certificate::stationary(model.discount(), &of_all, &of_rest, rounding),
        Horizon::Finite(_) => Certificate::finite(model.discount(), &of_all, &of_rest, rounding),
    };
    Product { mode, whole, rest, values, references, error: 0.0, certificate, convergence: Vec::new() }
}
