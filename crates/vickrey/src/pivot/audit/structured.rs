//! Solutions by indices, on multisets, and period by period: the audit that needs no table of joint states.

use std::sync::Arc;

use super::crowd::extent;
use super::measure::Measures;
use super::rows::{self, Facts};
use super::{MOST_BYTES, alike, audit, met};
use crate::audit::{AuditOptions, Progress};
use crate::guarantee::Audit;
use crate::mechanism::AgentId;
use crate::pivot::exchangeable::groups;
use crate::pivot::mode::{PaymentTime, Without};
use crate::pivot::model::Horizon;
use crate::pivot::solve::problem::Problem;
use crate::pivot::solve::ruling::Ruling;
use crate::pivot::solve::space::State;
use crate::pivot::solve::{Options, Solution, Structure, solve, solve_as};

/// What a mechanism decides and charges, by period and reported state.
pub type Rule<'a> = dyn Fn(usize, &State) -> Ruling + Sync + 'a;

/// A solution, and the rules under audit.
pub(super) struct Case<'a> {
    pub solution: &'a Solution,
    pub rule: &'a Rule<'a>,
    pub time: PaymentTime,
    pub options: AuditOptions,
    pub world: Problem,
}

/// Audits a solution with truthful players, whichever structure it was found by.
///
/// Positive gains, payments and values are money; tolerances are the certificate of the solution and rounding.
pub fn audit_solution(
    solution: &Solution,
    options: &AuditOptions,
    time: PaymentTime,
    progress: Progress<'_>,
) -> Audit {
    if let Some(product) = solution.product() {
        return audit(product, options, time, progress);
    }
    let rule = |period: usize, state: &State| ruling(solution, period, state);
    audit_solution_of(solution, &rule, options, time, progress)
}

/// Audits any decisions and payments on the instance of a solution, against what its mode promises. Values and references
/// of rulings are compared with what is evaluated, where they are given.
///
/// # Panics
/// A ruling has not as many decisions and payments as there are outcomes and players, or a decision does not exist.
pub fn audit_solution_of(
    solution: &Solution,
    rule: &Rule<'_>,
    options: &AuditOptions,
    time: PaymentTime,
    progress: Progress<'_>,
) -> Audit {
    let world = Problem::whole(Arc::new(solution.model().clone()));
    let case = Case { solution, rule, time, options: *options, world };
    let found = case.measure(progress);
    rows::audit(&case.facts(), &found)
}

/// States of a truthful run or a crowd belong to the instance, and periods are those of its horizon.
fn ruling(solution: &Solution, period: usize, state: &State) -> Ruling {
    let nothing = |error| panic!("a state of the instance: {error}");
    solution.ruling(period, state).unwrap_or_else(nothing)
}

impl Case<'_> {
    fn measure(&self, progress: Progress<'_>) -> Measures {
        let model = self.solution.model();
        if self.solution.periods() != model.periods() {
            let why = "only the values of the first periods were kept";
            return met::look(self, why.into(), progress);
        }
        let groups = groups(model);
        let firsts: Vec<AgentId> = groups.iter().map(|group| group[0]).collect();
        let everybody: Vec<AgentId> = (0..model.players()).collect();
        let most = self.options.effort.pick(5e9, 5e10, 5e12);
        let mut why = String::new();
        for seats in [everybody, firsts] {
            let (work, bytes, states) = self.cost(&groups, &seats);
            if work <= most && bytes <= MOST_BYTES {
                return alike::all(self, &groups, &seats, progress);
            }
            why = if bytes > MOST_BYTES {
                format!("all {states:.1e} states would take {:.1e} GiB", bytes / f64::from(1 << 30))
            } else {
                format!("all {states:.1e} states would take {:.0e} times the effort", (work / most).ceil())
            };
        }
        met::look(self, why, progress)
    }

    /// Operations and bytes to look at all states of some players, and the number of states of one of them.
    fn cost(&self, groups: &[Vec<AgentId>], seats: &[AgentId]) -> (f64, f64, f64) {
        let model = self.solution.model();
        let sweeps = match model.horizon() {
            Horizon::Finite(periods) => periods as f64,
            // Programs start where they ought to end, but for three of them.
            Horizon::Infinite => 100.0,
        };
        let one = self.cost_of_a_ruling();
        let (mut work, mut bytes, mut most) = (0.0, 0.0_f64, 0.0_f64);
        for &i in seats {
            let (states, successors) = extent(model, groups, i);
            let own = model.player(i).types as f64;
            let each =
                successors + states * (own + model.outcomes() as f64) * (model.decisions() as f64 + own);
            let rulings = model.periods().unwrap_or(1) as f64 * states * one;
            work += 5.0 * sweeps * each + rulings;
            let wide = 12.0 + 2.0 * model.outcomes() as f64 + model.decisions() as f64;
            bytes = bytes.max(16.0 * successors / own + 8.0 * states * wide);
            most = most.max(states);
        }
        (work, bytes, most)
    }

    /// About so many operations.
    pub fn cost_of_a_ruling(&self) -> f64 {
        let model = self.solution.model();
        let (players, decisions) = (model.players() as f64, model.decisions() as f64);
        let types: f64 = (0..model.players()).map(|i| model.player(i).types as f64).sum();
        match self.solution.exchangeable() {
            // Whittle's sums, or one utility for each decision and player.
            None => 4.0 * players * types.max(decisions),
            // One expectation for each distinct future of everybody, and without each.
            Some(found) => decisions * (1.0 + players) * (players + found.states() as f64),
        }
    }

    /// The game that the others play without a player; none if there is nobody left or it cannot be solved.
    pub fn left(&self, player: AgentId) -> Option<Solution> {
        let model = self.solution.model();
        if model.players() == 1 {
            return None;
        }
        let own = self.solution.mode() != Without::Same;
        let left = model.left_by(player, own).ok()?;
        let tolerance = self.solution.exchangeable().map(|found| found.error()).filter(|error| *error > 0.0);
        let options = Options { tolerance, ..Options::default() };
        // What the others pay does not matter, so any mode will do; the structure may be lost with her.
        let structure = self.solution.structure();
        solve_as(structure, &left, &options, &|_| ()).or_else(|_| solve(&left, &options, &|_| ())).ok()
    }

    /// What has to be added to the values of everybody.
    pub fn constant(&self, period: usize) -> f64 {
        let own = |i| self.world.own_constant(i, period);
        self.world.public_constant(period) + (0..self.solution.model().players()).map(own).sum::<f64>()
    }

    fn facts(&self) -> Facts<'_> {
        let model = self.solution.model();
        let constants = (0..model.players()).map(|i| self.world.own_constant(i, 0).abs());
        Facts {
            model,
            mode: self.solution.mode(),
            time: self.time,
            bound: self.solution.certificate().bound,
            error: self.solution.exchangeable().map_or(0.0, |found| found.error()),
            constants: constants.fold(0.0, f64::max),
            tables: 0.0,
        }
    }

    /// Whether what follows is the same whatever is decided.
    pub fn is_static(&self) -> bool {
        self.solution.structure() == Structure::Static
    }
}
