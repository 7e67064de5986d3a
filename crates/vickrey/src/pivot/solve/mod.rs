//! Efficient decisions and payments: plain functions from the instance to numbers.

pub mod approximate;
mod axes;
pub mod certificate;
mod contract;
pub mod infinite;
pub(in crate::pivot) mod inspect;
pub mod memory;
pub mod multiset;
pub mod plan;
pub mod problem;
pub mod product;
pub mod ruling;
pub mod solution;
pub mod space;
pub(super) mod stage;
pub mod static_case;
mod sweep;

use serde::Serialize;

use self::certificate::{Certificate, Residuals};
use self::infinite::{Convergence, Iteration, Target, fixed_point, range};
use self::memory::{Memory, bytes};
use self::problem::Problem;
use self::product::{Product, Tables, pay_into};
use self::sweep::{Sets, Swept, Wants, sweep, sweep_into};
use super::mode::Without;
use super::model::{Horizon, Model, ModelError};

pub use self::plan::{Plan, Reason, plan};
pub use self::solution::{Solution, StateError, Structure, solve, solve_as};
use self::space::Space;
pub use self::space::State;

/// What a solution keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keep {
    /// Values of all periods.
    All,
    /// Values of the first two: enough to decide now, in the least memory.
    First,
}

/// How to solve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Which reading of "without player i".
    pub mode: Without,
    /// What is kept.
    pub keep: Keep,
    /// Certified error of the values of an infinite horizon, in money; none: 1e-9 of the size of the utilities.
    pub tolerance: Option<f64>,
    /// How the fixed point of an infinite horizon is looked for.
    pub iteration: Iteration,
    /// Most sweeps of each problem of an infinite horizon.
    pub most_sweeps: usize,
    /// Bytes that may be used.
    pub memory: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            mode: Without::Same,
            keep: Keep::All,
            tolerance: None,
            iteration: Iteration::Anderson,
            most_sweeps: 100_000,
            memory: 8 << 30,
        }
    }
}

/// Why there is no solution.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SolveError {
    /// The values do not fit.
    #[error(
        "memory: found {states:.6e} joint states, {} for their values and {} to compute them, accepted is {} in all",
        bytes(.memory.kept), bytes(.memory.working), bytes(*.limit as f64)
    )]
    Memory {
        /// Number of joint states.
        states: f64,
        /// What they take.
        memory: Memory,
        /// What may be used.
        limit: u64,
    },
    /// The certified error of an infinite horizon stayed above the tolerance.
    #[error("values: found a certified error of {error:e} after {sweeps} sweeps, accepted is {tolerance:e}")]
    Tolerance {
        /// What was reached.
        error: f64,
        /// In how many sweeps.
        sweeps: usize,
        /// What was wanted.
        tolerance: f64,
    },
    /// The instance does not have the structure that was asked for.
    #[error("structure: the instance cannot be solved {}", .0.words())]
    Structure(Structure),
    /// It is not an index case.
    #[error("indices: {0}")]
    Index(String),
    /// Multisets do not fit.
    #[error("multisets: {0}")]
    Lump(String),
    /// A player cannot be left out.
    #[error("without a player: {0}")]
    Without(#[from] ModelError),
    /// Values from elsewhere, or nodes to interpolate between, that do not belong to the instance.
    #[error(transparent)]
    Values(#[from] approximate::ValuesError),
    /// The tolerance is no positive number.
    #[error("tolerance: found {0}, accepted is a positive number")]
    BadTolerance(f64),
}

/// Told how far the work is, from 0 to 1.
pub type Progress<'a> = &'a dyn Fn(f64);

/// Solves an instance on the product space of all types: everybody together, and without each player.
///
/// # Errors
/// It does not fit the memory, or an infinite horizon cannot be solved to the tolerance.
pub fn solve_product(
    model: &Model,
    options: &Options,
    progress: Progress<'_>,
) -> Result<Product, SolveError> {
    solve_with(model, options, progress, None)
}

/// As [`solve_product`], and hands out decisions and payments of every period of a finite horizon as it passes, the last
/// period first: they cost little more than the values.
///
/// # Errors
/// As for [`solve_product`].
pub fn solve_tables(
    model: &Model,
    options: &Options,
    progress: Progress<'_>,
    mut each: impl FnMut(usize, &Tables),
) -> Result<Product, SolveError> {
    solve_with(model, options, progress, Some(&mut each))
}

/// Values of everybody together alone, without those that payments need, for an instance that is free of constants and
/// stands for another, whose utilities are given. Losses by ties are those of the decisions in any order.
fn solve_whole(
    model: &Model,
    like: &stage::Stage,
    options: &Options,
    progress: Progress<'_>,
) -> Result<Product, SolveError> {
    let options = Options { mode: Without::Tight, ..*options };
    let memory = Memory::of_whole(model, &Space::of(model), &options);
    within(model, memory, &options)?;
    let mut whole = Problem::whole(std::sync::Arc::new(model.clone()));
    whole.stage = std::sync::Arc::new(stage::Stage::of_centred(model, like));
    run(Solver { options: &options, progress, whole, rest: Vec::new(), done: 0, all: Sets::Unordered }, None)
}

/// What hears the tables of every period.
type Each<'a> = Option<&'a mut dyn FnMut(usize, &Tables)>;

fn solve_with(
    model: &Model,
    options: &Options,
    progress: Progress<'_>,
    each: Each<'_>,
) -> Result<Product, SolveError> {
    let values = solution::memory(model, options);
    within(model, if each.is_some() { values.with_tables(model) } else { values }, options)?;
    let (whole, rest) = product::shared(model.clone());
    run(Solver { options, progress, whole, rest, done: 0, all: Sets::Feasible }, each)
}

fn fits(model: &Model, options: &Options) -> Result<(), SolveError> {
    within(model, solution::memory(model, options), options)
}

fn within(model: &Model, memory: Memory, options: &Options) -> Result<(), SolveError> {
    if memory.least() > options.memory as f64 {
        let states = Space::of(model).size_in_words();
        return Err(SolveError::Memory { states, memory, limit: options.memory });
    }
    Ok(())
}

fn run(mut solver: Solver<'_>, each: Each<'_>) -> Result<Product, SolveError> {
    let (model, options) = (solver.whole.model.clone(), solver.options);
    match model.horizon() {
        Horizon::Finite(periods) => Ok(solver.finite(periods, each)),
        Horizon::Infinite => {
            let memory = solution::memory(&model, options);
            let roomy = memory.least() + memory.history <= options.memory as f64;
            let iteration = match options.iteration {
                Iteration::Anderson if !roomy => Iteration::Span,
                chosen => chosen,
            };
            solver.infinite(iteration)
        }
    }
}

struct Solver<'a> {
    options: &'a Options,
    progress: Progress<'a>,
    whole: Problem,
    rest: Vec<Problem>,
    done: usize,
    /// What is possible for everybody together.
    all: Sets,
}

impl Solver<'_> {
    fn sets(&self, i: usize) -> Sets {
        Sets::without(self.options.mode, i)
    }

    fn told(&mut self, of: usize) {
        self.done += 1;
        (self.progress)(self.done as f64 / of as f64);
    }

    fn finite(&mut self, periods: usize, mut each: Each<'_>) -> Product {
        let players = self.rest.len();
        let is_tight = self.options.mode == Without::Tight;
        let keeps = |t: usize| self.options.keep == Keep::All || t <= 1;
        let mut values = vec![Vec::new(); periods + 1];
        let mut references = vec![vec![Vec::new(); periods + 1]; players];
        values[periods] = self.whole.terminal();
        for (list, rest) in references.iter_mut().zip(&self.rest) {
            list[periods] = rest.terminal();
        }
        let mut losses = vec![0.0; periods];
        let mut size = largest(&values[periods]).max(self.whole.stage.largest());
        let (mut swept, mut rest) = (Swept::default(), Swept::default());
        let mut tables = Tables { payment: vec![Vec::new(); players], ..Tables::default() };
        for t in (0..periods).rev() {
            if t + 2 <= periods && !keeps(t + 2) {
                values[t + 2] = Vec::new();
                references.iter_mut().for_each(|list| list[t + 2] = Vec::new());
            }
            let wants = Wants { policy: each.is_some(), choices: false };
            sweep_into(&self.whole, t, &values[t + 1], self.all, 0.0, wants, &mut swept);
            losses[t] = swept.loss;
            size = size.max(largest(&swept.value));
            values[t] = std::mem::take(&mut swept.value);
            self.told(periods * (players + 1));
            for (i, list) in references.iter_mut().enumerate() {
                let wants = Wants { policy: false, choices: each.is_some() };
                if !is_tight || each.is_some() {
                    sweep_into(&self.rest[i], t, &list[t + 1], self.sets(i), 0.0, wants, &mut rest);
                }
                list[t] = match is_tight {
                    true => tight(&self.whole, &self.rest[i], i, t, &values[t]),
                    false => std::mem::take(&mut rest.value),
                };
                size = size.max(largest(&list[t]));
                if each.is_some() {
                    let with = (&swept.policy[..], &rest, is_tight.then_some(&list[t][..]));
                    pay_into(&self.whole, i, t, with, &mut tables.payment[i]);
                }
                self.told(periods * (players + 1));
            }
            if let Some(each) = &mut each {
                std::mem::swap(&mut tables.decision, &mut swept.policy);
                tables.loss = swept.loss;
                each(t, &tables);
            }
        }
        let spans = vec![0.0; periods + 1];
        let exact = Residuals { spans: spans.clone(), losses };
        let rest = vec![Residuals { spans, losses: vec![0.0; periods] }; if is_tight { 0 } else { players }];
        let rounding = rounding(&self.whole, size);
        let certificate = Certificate::finite(self.whole.model.discount(), &exact, &rest, rounding);
        let kept = if self.options.keep == Keep::All { periods + 1 } else { 2 };
        values.truncate(kept);
        references.iter_mut().for_each(|list| list.truncate(kept));
        self.product(values, references, 0.0, certificate, Vec::new())
    }

    fn infinite(&mut self, iteration: Iteration) -> Result<Product, SolveError> {
        let delta = self.whole.model.discount();
        let wanted = self.options.tolerance.unwrap_or(1e-9 * self.whole.stage.scale_of_money());
        if wanted.is_nan() || wanted <= 0.0 {
            return Err(SolveError::BadTolerance(wanted));
        }
        let target = Target { tolerance: wanted, most: self.options.most_sweeps, iteration };
        let is_tight = self.options.mode == Without::Tight;
        let problems = if is_tight { 1 } else { 1 + self.rest.len() };
        let (mut convergence, mut errors): (Vec<Convergence>, Vec<f64>) = (Vec::new(), Vec::new());
        let mut found = Vec::new();
        for k in 0..problems {
            let problem = if k == 0 { &self.whole } else { &self.rest[k - 1] };
            let sets = if k == 0 { self.all } else { self.sets(k - 1) };
            let mut first = None;
            let progress = self.progress;
            let mut tell = |span: f64| {
                let start = *first.get_or_insert(span);
                let goal = 2.0 * wanted * (1.0 - delta) / delta;
                let part = if span > goal { (start / span).ln() / (start / goal).ln() } else { 1.0 };
                progress((k as f64 + part.clamp(0.0, 1.0)) / problems as f64);
            };
            let (values, went) = fixed_point(problem, sets, target, &mut tell);
            if went.error > wanted && went.stop == infinite::Stop::Limit {
                return Err(SolveError::Tolerance {
                    error: went.error,
                    sweeps: went.sweeps,
                    tolerance: wanted,
                });
            }
            // Rows that add up to 1 only nearly, and rounding: what the bounds of the iteration do not know.
            let slack = rounding(problem, largest(&values)) / (1.0 - delta);
            found.push(values);
            errors.push(went.error);
            convergence.push(Convergence { error: went.error + slack, ..went });
        }
        let values = found.remove(0);
        let error = errors.into_iter().fold(0.0, f64::max);
        let references: Vec<Vec<f64>> = match is_tight {
            true => (0..self.rest.len()).map(|i| tight(&self.whole, &self.rest[i], i, 0, &values)).collect(),
            false => found,
        };
        let certificate = self.stationary(&values, &references, error, is_tight);
        let references = references.into_iter().map(|slice| vec![slice]).collect();
        Ok(self.product(vec![values], references, error, certificate, convergence))
    }

    /// One more step of every problem: the residuals of what is handed out.
    fn stationary(&self, values: &[f64], references: &[Vec<f64>], error: f64, is_tight: bool) -> Certificate {
        let residual = |problem: &Problem, x: &[f64], sets: Sets| {
            let swept = sweep(problem, 0, x, sets, error, Wants::default());
            let (low, high) = range(&swept.value, x);
            Residuals { spans: vec![high - low], losses: vec![swept.loss] }
        };
        let whole = residual(&self.whole, values, self.all);
        let rest: Vec<Residuals> = match is_tight {
            true => Vec::new(),
            false => {
                (0..self.rest.len()).map(|i| residual(&self.rest[i], &references[i], self.sets(i))).collect()
            }
        };
        let size = references.iter().map(|x| largest(x)).fold(largest(values), f64::max);
        let size = size.max(self.whole.stage.largest());
        Certificate::stationary(self.whole.model.discount(), &whole, &rest, rounding(&self.whole, size))
    }

    fn product(
        &self,
        values: Vec<Vec<f64>>,
        references: Vec<Vec<Vec<f64>>>,
        error: f64,
        certificate: Certificate,
        convergence: Vec<Convergence>,
    ) -> Product {
        let (whole, rest, mode) = (self.whole.clone(), self.rest.clone(), self.options.mode);
        Product { mode, whole, rest, values, references, error, certificate, convergence }
    }
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |m, v| m.max(v.abs()))
}

/// By how much the probabilities of a joint move may miss 1.
fn row_error(model: &Model) -> f64 {
    let miss = |sum: f64| (sum - 1.0).abs();
    let laws = model.public().moves.laws().iter();
    let public = laws.map(|law| miss(law.iter().map(|(_, p)| p).sum())).fold(0.0, f64::max);
    let player = |i: usize| {
        let kernels = model.player(i).moves.laws().iter();
        let rows = kernels.flat_map(|kernel| (0..kernel.types()).map(|k| kernel.row(k)));
        rows.map(|row| miss(row.iter().sum())).fold(0.0, f64::max)
    };
    public + (0..model.players()).map(player).sum::<f64>()
}

/// What rounding does to one step at most: as many operations as one expectation has, at the size of the values; and
/// probabilities that were rounded when they were typed, so that they miss 1.
fn rounding(whole: &Problem, size: f64) -> f64 {
    let laws = whole.model.public().moves.laws();
    let publics = laws.iter().map(Vec::len).max().unwrap_or(1);
    // Products of kernels of neighbours with few types are rounded once more for each.
    let types: usize = whole.space.types.iter().map(|n| n + 2).sum();
    let arithmetic = (publics + types + whole.model.outcomes()) as f64 * f64::EPSILON;
    (arithmetic + whole.model.discount() * row_error(&whole.model)) * size
}

/// h: what is left of everybody's value when player `i` gets her outside value in her least favourable type; at the end
/// what the others have.
fn tight(whole: &Problem, rest: &Problem, i: usize, period: usize, values: &[f64]) -> Vec<f64> {
    let (model, space) = (&whole.model, &whole.space);
    if model.periods() == Some(period) {
        return rest.terminal();
    }
    let n = space.types[i];
    let inner: usize = space.types[i + 1..].iter().product();
    let constant = whole.stage.constant_of(model, i, period);
    let outside = |public: usize, own: usize| model.outside(i, period, public, own) - constant;
    let block = space.block();
    let least = |at: usize| {
        let (high, low) = (at / inner, at % inner);
        let left = |own: usize| {
            let index = (high * n + own) * inner + low;
            values[index] - outside(index / block, own)
        };
        (0..n).map(left).fold(f64::INFINITY, f64::min)
    };
    use rayon::prelude::*;
    (0..rest.space.size()).into_par_iter().with_min_len(4096).map(least).collect()
}

#[cfg(test)]
mod tests;
