//! Feasibility and efficiency, checked by means that the solver does not use.

use clarabel::algebra::CscMatrix;
use clarabel::solver::{
    DefaultSettingsBuilder, DefaultSolver, IPSolver, SolverStatus, SupportedConeT, ZeroConeT,
};
use rand::RngExt;
use rayon::prelude::*;

use super::play::bid_covariances;
use crate::accounts::Accounts;
use crate::audit::{AuditOptions, Worst, judge, row};
use crate::guarantee::{Guarantee, Property, Verdict};
use crate::lq::model::{Agent, Market, Parameters};
use crate::lq::solve::aggregate::Aggregate;
use crate::lq::solve::plan::Plan;
use crate::lq::solve::trade::{Bids, Record, Trade};
use crate::mechanism::AgentId;
use crate::numeric::law::Law;
use crate::numeric::random::{Purpose, stream, stream_at};

/// Variables above which the interior-point solver takes too long for an audit.
const LARGEST_PROGRAM: usize = 6_000;
/// Agents whose marginal utilities are looked at.
const MOST_AGENTS: usize = 2_000;

/// Trades of the audit's own paths: bids drawn at random.
pub(super) struct Paths<'a> {
    pub market: &'a Market,
    pub aggregate: &'a Aggregate,
    pub options: AuditOptions,
}

impl Paths<'_> {
    /// Bids of one period with the covariances of truthful ones (of size 1 if there is no noise); `missing`: the part of
    /// the agents whose bids do not arrive.
    fn bids(&self, path: u64, s: usize, missing: f64) -> Bids {
        let mut bids = Bids::none(self.market);
        for agent in 0..self.market.len() {
            let mut rng = stream_at(
                self.options.seed,
                Purpose::Audit,
                (1 << 42) + path * 1024 + s as u64,
                agent as u64,
            );
            if rng.random::<f64>() < missing {
                continue;
            }
            let d = self.market.states(agent);
            let (g, index) = self.market.place(agent);
            let group = &self.market.groups()[g];
            let column = if s == 0 { &group.start_noise } else { &group.noise };
            let size = |c: usize| column.get(s, c * d + c, index).sqrt();
            let bid: Vec<f64> = (0..d)
                .map(|c| {
                    let mean = if s == 0 { group.start.get(0, c, index) } else { 0.0 };
                    let spread = if size(c) > 0.0 { size(c) } else { 1.0 };
                    mean + spread * Law::Gaussian.draw(&mut rng)
                })
                .collect();
            bids.set(self.market, agent, &bid);
        }
        bids
    }

    /// Plays a path and shows every trade.
    fn play(&self, path: u64, missing: f64, mut see: impl FnMut(&Trade)) {
        let mut record = Record::new(self.market);
        for s in 0..self.market.periods() {
            see(&record.trade(self.market, self.aggregate, &self.bids(path, s, missing)));
        }
    }
}

/// Quantities add up to net demand in every period, whatever arrives.
pub(super) fn feasibility(paths: &Paths<'_>) -> Guarantee {
    let runs = match paths.market.len() {
        0..1_000 => paths.options.effort.pick(10, 50, 500),
        1_000..50_000 => paths.options.effort.pick(2, 4, 20),
        _ => 1,
    };
    let mut worst = Worst::default();
    for path in 0..runs {
        // No bid missing, some, all.
        let missing = [0.0, 0.3, 1.0][path as usize % 3];
        paths.play(path, missing, |trade| {
            let turnover: f64 = trade.allocation.iter().map(|u| u.abs()).sum();
            let size = turnover + paths.market.net_demand()[trade.period].abs();
            let miss = if size > 0.0 { trade.imbalance.abs() / size } else { trade.imbalance.abs() };
            worst.see(miss, || format!("period {}, path {path}", trade.period));
        });
    }
    let tolerance = 1e-10;
    let verdict = judge(&worst, tolerance, true);
    let mut row = row(
        Property::Feasibility,
        true,
        verdict,
        "none: whatever is bid, and whoever is silent",
        worst,
        tolerance,
    );
    relative(&mut row);
    row.note = format!(
        "quantities add up to net demand in every period of {runs} paths of random bids, some of them missing"
    );
    row
}

fn relative(row: &mut Guarantee) {
    if let Some(evidence) = &mut row.evidence {
        evidence.unit = "relative";
    }
}

/// Plans and re-plans against the conditions of an optimum, and against another solver where that is affordable.
pub(super) fn efficiency(paths: &Paths<'_>, plan: Option<&Plan>) -> Guarantee {
    let mut worst = Worst::default();
    if let Some(plan) = plan {
        marginals(paths.market, &plan.trade, &mut worst);
    } else {
        paths.play(1 << 20, 0.0, |trade| marginals(paths.market, trade, &mut worst));
    }
    let (programs, unsolved) = by_another_solver(paths, plan, &mut worst);
    let tolerance = 1e-6;
    let verdict = judge(&worst, tolerance, true);
    let condition = if plan.is_some() {
        "truthful reports"
    } else {
        "truthful bids; then every re-plan is optimal for what is known"
    };
    let mut row = row(Property::Efficiency, true, verdict, condition, worst, tolerance);
    relative(&mut row);
    let solver = match (programs, unsolved) {
        (0, 0) => "; too large for another solver".to_owned(),
        (solved, 0) => format!(
            "; welfare equal to that of an interior-point solver ({solved} programs, with all agents and without one)"
        ),
        (solved, left) => {
            format!("; an interior-point solver agrees on {solved} programs and gave up on {left}")
        }
    };
    let differs = if row.verdict == Verdict::Holds { "" } else { " (they differ)" };
    row.note = format!("marginal utilities of all agents along the plan against the prices{solver}{differs}");
    row
}

/// What one more unit in every period is worth to an agent along a path, from the adjoint of its dynamics; and the size of
/// what it is made of.
fn marginal_utilities(market: &Market, agent: AgentId, trade: &Trade) -> Vec<(f64, f64)> {
    let (g, index) = market.place(agent);
    let (group, d) = (&market.groups()[g], market.states(agent));
    let path = trade.plan(market, agent);
    let gradient = |q: &dyn Fn(usize) -> f64, pull: &dyn Fn(usize) -> f64, x: &[f64], i: usize| {
        2.0 * (0..d).map(|j| q(i * d + j) * x[j]).sum::<f64>() + pull(i)
    };
    let last = path.states.last().cloned().unwrap_or_default();
    let terminal = |e: usize| group.terminal_q.get(0, e, index);
    let mut adjoint: Vec<f64> =
        (0..d).map(|i| gradient(&terminal, &|i| group.terminal_pull.get(0, i, index), &last, i)).collect();
    let mut found = vec![(0.0, 0.0); path.allocation.len()];
    for k in (0..path.allocation.len()).rev() {
        let t = trade.period + k;
        let direct = 2.0 * group.r.get(t, 0, index) * path.allocation[k];
        let linear = group.linear.get(t, 0, index);
        let later: Vec<f64> = (0..d).map(|i| group.b.get(t, i, index) * adjoint[i]).collect();
        let size = direct.abs() + linear.abs() + later.iter().map(|x| x.abs()).sum::<f64>();
        found[k] = (direct + linear + later.iter().sum::<f64>(), size);
        let moved = |i: usize| (0..d).map(|j| group.a.get(t, j * d + i, index) * adjoint[j]).sum::<f64>();
        let q = |e: usize| group.q.get(t, e, index);
        adjoint = (0..d)
            .map(|i| gradient(&q, &|i| group.pull.get(t, i, index), &path.states[k], i) + moved(i))
            .collect();
    }
    found
}

/// At the optimum every marginal utility is the price.
fn marginals(market: &Market, trade: &Trade, worst: &mut Worst) {
    let stride = market.len().div_ceil(MOST_AGENTS);
    let agents: Vec<AgentId> = (0..market.len()).step_by(stride).collect();
    let found: Vec<(f64, usize)> = agents
        .par_iter()
        .map(|&agent| {
            let misses = marginal_utilities(market, agent, trade).into_iter().zip(&trade.prices);
            let miss = |((x, size), price): ((f64, f64), &f64)| {
                let size = size + price.abs();
                if size > 0.0 { (x - price).abs() / size } else { 0.0 }
            };
            let all = misses.map(miss).enumerate().map(|(k, x)| (x, k));
            all.fold((f64::NEG_INFINITY, 0), |best, x| if x.0 > best.0 { x } else { best })
        })
        .collect();
    for (agent, (miss, k)) in agents.into_iter().zip(found) {
        worst.see(miss, || {
            format!("`{}` in period {} as planned in {}", market.name(agent), trade.period + k, trade.period)
        });
    }
}

/// Compares welfares with an interior-point solver; returns how many programs it solved, and how many it gave up on.
fn by_another_solver(paths: &Paths<'_>, plan: Option<&Plan>, worst: &mut Worst) -> (usize, usize) {
    let market = paths.market;
    let size: usize = (0..market.len()).map(|i| (market.states(i) + 1) * market.periods()).sum();
    if size > LARGEST_PROGRAM {
        return (0, 0);
    }
    // A layered market is planned from states that are drawn, the plan from its own.
    let drawn = if plan.is_some() { Some(market.clone()) } else { drawn_start(paths) };
    let Some(drawn) = drawn else { return (0, 0) };
    let Ok(found) = Plan::new(&drawn, paths.aggregate) else { return (0, 0) };
    let most = 200_000 / size.max(1);
    let others = paths.options.effort.pick(3, 10, usize::MAX).min(most.max(1)).min(market.len());
    let stride = market.len().div_ceil(others.max(1));
    let absent: Vec<Option<AgentId>> =
        std::iter::once(None).chain((0..market.len()).step_by(stride).map(Some)).collect();
    let solved: Vec<Option<f64>> = absent.par_iter().map(|&absent| optimum(&drawn, absent)).collect();
    let (mut good, mut bad) = (0, 0);
    // What an interior-point method stops at is relative to the welfare of all.
    let unit = found.ledger.welfare().abs() + found.ledger.outside_total().abs() + found.ledger.turnover();
    for (absent, theirs) in absent.into_iter().zip(solved) {
        let ours = match absent {
            None => found.ledger.welfare(),
            Some(i) => found.ledger.without(i, crate::guarantee::Baseline::Zero),
        };
        match theirs {
            Some(theirs) => {
                good += 1;
                let miss = (ours - theirs).abs() / if unit > 0.0 { unit } else { 1.0 };
                worst.see(miss, || {
                    absent
                        .map_or("welfare of all".into(), |i| format!("welfare without `{}`", market.name(i)))
                });
            }
            None => bad += 1,
        }
    }
    (good, bad)
}

/// The market at one drawn start, as the truthful bids of the first period would make it.
fn drawn_start(paths: &Paths<'_>) -> Option<Market> {
    let market = paths.market;
    let agents: Option<Vec<Agent>> = (0..market.len())
        .map(|agent| {
            let mut parameters = market.parameters(agent);
            let d = parameters.states;
            let first = bid_covariances(&parameters, 1).swap_remove(0);
            let mut rng = stream(paths.options.seed, Purpose::Audit, (1 << 43) + agent as u64);
            let spread = |c: usize| if first[c * d + c] > 0.0 { first[c * d + c].sqrt() } else { 1.0 };
            let mean = |c: usize| parameters.start.get(c).copied().unwrap_or(0.0);
            let start = (0..d).map(|c| mean(c) + spread(c) * Law::Gaussian.draw(&mut rng)).collect();
            parameters.start = start;
            Agent::new(parameters).ok()
        })
        .collect();
    Market::new(market.periods(), market.net_demand().to_vec(), agents?).ok()
}

/// A quadratic program in columns: minimise ½ z'P z + q'z subject to A z = b.
#[derive(Default)]
struct Program {
    /// Entries (row, value) of the upper triangle of P, by column.
    p: Vec<Vec<(usize, f64)>>,
    q: Vec<f64>,
    a: Vec<Vec<(usize, f64)>>,
    b: Vec<f64>,
    constant: f64,
}

impl Program {
    fn variables(&mut self, count: usize) -> usize {
        let first = self.q.len();
        self.p.resize(first + count, Vec::new());
        self.a.resize(first + count, Vec::new());
        self.q.resize(first + count, 0.0);
        first
    }

    /// Adds -(x'Q x + pull'x) in the variables from `at` on.
    fn utility(&mut self, at: usize, d: usize, q: impl Fn(usize) -> f64, pull: impl Fn(usize) -> f64) {
        for j in 0..d {
            for i in 0..=j {
                let x = -(q(i * d + j) + q(j * d + i));
                if x != 0.0 || i == j {
                    self.p[at + j].push((at + i, x));
                }
            }
            self.q[at + j] -= pull(j);
        }
    }

    fn solve(&self) -> Option<f64> {
        let n = self.q.len();
        let columns = |rows: usize, columns: &[Vec<(usize, f64)>]| {
            let (mut start, mut row, mut value) = (vec![0], Vec::new(), Vec::new());
            for column in columns {
                let mut column = column.clone();
                column.sort_by_key(|x| x.0);
                row.extend(column.iter().map(|x| x.0));
                value.extend(column.iter().map(|x| x.1));
                start.push(row.len());
            }
            CscMatrix::new(rows, columns.len(), start, row, value)
        };
        let cones: Vec<SupportedConeT<f64>> = vec![ZeroConeT(self.b.len())];
        let settings = DefaultSettingsBuilder::default()
            .verbose(false)
            .tol_gap_rel(1e-10)
            .tol_gap_abs(1e-10)
            .tol_feas(1e-10)
            .max_iter(200)
            .build()
            .ok()?;
        let (p, a) = (columns(n, &self.p), columns(self.b.len(), &self.a));
        let mut solver = DefaultSolver::new(&p, &self.q, &a, &self.b, &cones, settings).ok()?;
        solver.solve();
        match solver.solution.status {
            SolverStatus::Solved | SolverStatus::AlmostSolved => {
                Some(self.constant - solver.solution.obj_val)
            }
            _ => None,
        }
    }
}

/// The largest welfare of the market's plan from the mean starts, without one agent, by clarabel; `None` if it does not
/// solve it.
fn optimum(market: &Market, absent: Option<AgentId>) -> Option<f64> {
    let mut program = Program { b: market.net_demand().to_vec(), ..Program::default() };
    for agent in (0..market.len()).filter(|&i| Some(i) != absent) {
        add_agent(&mut program, market, agent);
    }
    program.solve()
}

/// One agent: trades and the states after them, its utility, its dynamics.
fn add_agent(program: &mut Program, market: &Market, agent: AgentId) {
    let (g, index) = market.place(agent);
    let (group, periods) = (&market.groups()[g], market.periods());
    let d = group.states();
    let parameters: Parameters = group.parameters(index);
    let start: Vec<f64> = (0..d).map(|c| parameters.start.get(c).copied().unwrap_or(0.0)).collect();
    let member = crate::lq::solve::ledger::Member::new(market, agent);
    program.constant += group.offsets(index, periods);
    // The first state is no variable; its utility is a constant (offsets are counted already).
    program.constant += member.state_worth(0, &start) - group.offset.get(0, 0, index);
    let mut before: Option<usize> = None;
    for t in 0..periods {
        let u = program.variables(1);
        program.utility(u, 1, |_| group.r.get(t, 0, index), |_| group.linear.get(t, 0, index));
        program.a[u].push((t, 1.0));
        let x = program.variables(d);
        if t + 1 < periods {
            program.utility(x, d, |e| group.q.get(t + 1, e, index), |c| group.pull.get(t + 1, c, index));
        } else {
            program.utility(
                x,
                d,
                |e| group.terminal_q.get(0, e, index),
                |c| group.terminal_pull.get(0, c, index),
            );
        }
        for i in 0..d {
            let row = program.b.len();
            let a = |j: usize| group.a.get(t, i * d + j, index);
            program.a[x + i].push((row, 1.0));
            program.a[u].push((row, -group.b.get(t, i, index)));
            match before {
                None => program.b.push((0..d).map(|j| a(j) * start[j]).sum()),
                Some(last) => {
                    program.b.push(0.0);
                    for j in 0..d {
                        program.a[last + j].push((row, -a(j)));
                    }
                }
            }
        }
        before = Some(x);
    }
}
