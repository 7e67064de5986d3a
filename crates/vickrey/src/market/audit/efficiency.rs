//! Feasibility and efficiency, checked by means that the solver does not use.

use crate::accounts::Accounts;
use clarabel::algebra::CscMatrix;
use clarabel::solver::{
    DefaultSettingsBuilder, DefaultSolver, IPSolver, NonnegativeConeT, SolverStatus, SupportedConeT,
    ZeroConeT,
};

use super::Subject;
use crate::audit::{Worst, row};
use crate::guarantee::{Guarantee, Property, Verdict};
use crate::market::utility::{Shape, Utility};

/// Above this many pieces the interior-point solver takes too long for an audit.
const LARGEST_PROGRAM: usize = 20_000;

/// Balance and limits.
pub fn feasibility(subject: &Subject<'_>) -> Guarantee {
    let s = subject.settlement;
    let mut worst = Worst::default();
    worst.see(s.clearing.imbalance.abs(), String::new);
    let mut size = s.total.abs();
    for (i, &u) in s.clearing.allocation.iter().enumerate() {
        let utility = subject.market.utility(i);
        size += u.abs();
        worst.see((utility.low() - u).max(u - utility.high()), || {
            format!("limits of `{}`", subject.market.name(i))
        });
    }
    let tolerance = 1e-12 * (1.0 + size);
    let verdict = if worst.value <= tolerance { Verdict::Holds } else { Verdict::Violated };
    let mut row = row(Property::Feasibility, true, verdict, "none", worst, tolerance);
    if let Some(evidence) = &mut row.evidence {
        evidence.unit = "quantity";
    }
    row.note = "quantities add up to the total and stay within the limits".into();
    row
}

/// The allocation against an independent solver where the market is piecewise linear, otherwise marginal utilities
/// against the price.
pub fn efficiency(subject: &Subject<'_>) -> Guarantee {
    let all: Vec<&Utility> = subject.market.utilities().iter().collect();
    let pieces: usize = all.iter().map(|u| count_pieces(u)).sum();
    if all.iter().all(|u| u.is_piecewise_linear()) && pieces <= LARGEST_PROGRAM {
        by_interior_point(subject, &all, pieces)
    } else {
        by_stationarity(subject)
    }
}

/// Welfare with all agents, and without each of a few, against clarabel.
fn by_interior_point(subject: &Subject<'_>, all: &[&Utility], pieces: usize) -> Guarantee {
    let s = subject.settlement;
    let mut worst = Worst::default();
    let mut unsolved = 0;
    let mut compare = |ours: f64, others: Option<f64>, at: &dyn Fn() -> String| match others {
        Some(found) => worst.see((ours - found).abs(), at),
        None => unsolved += 1,
    };
    compare(s.welfare(), optimum(all, s.total), &|| "all agents".into());
    let budget = subject.options.effort.pick(10, 100, 1000).min(2_000_000 / pieces.max(1));
    let stride = s.agents().div_ceil(budget.max(1)).max(1);
    for i in (0..s.agents()).step_by(stride).filter(|&i| s.gap(i).is_finite()) {
        let others: Vec<&Utility> =
            all.iter().enumerate().filter(|&(j, _)| j != i).map(|(_, u)| *u).collect();
        let ours = s.welfare() - s.net(i, crate::guarantee::Baseline::Zero);
        compare(ours, optimum(&others, s.total), &|| format!("without `{}`", subject.market.name(i)));
    }
    // The interior-point method stops at a relative gap of 1e-9 of the objective; welfare is a sum over all agents.
    let tolerance = 1e-7 * (subject.scale + s.welfare().abs());
    let verdict = match (worst.tries, worst.value <= tolerance) {
        (0, _) => Verdict::NotChecked,
        (_, true) => Verdict::Holds,
        _ => Verdict::Violated,
    };
    let mut row = row(Property::Efficiency, true, verdict, "truthful reports", worst, tolerance);
    row.note =
        format!("welfare compared with an interior-point solver ({pieces} pieces, {unsolved} unsolved)");
    row
}

/// At the optimum the price lies between the right and left marginal utility of everybody.
fn by_stationarity(subject: &Subject<'_>) -> Guarantee {
    let s = subject.settlement;
    let price = s.price();
    let mut worst = Worst::default();
    for (i, utility) in subject.market.utilities().iter().enumerate() {
        let u = s.allocation(i);
        let miss = (utility.marginal(u, true) - price).max(price - utility.marginal(u, false)).max(0.0);
        worst.see(miss, || subject.market.name(i).into_owned());
    }
    // Custom utilities are differentiated numerically (1e-6 steps); formulas are exact up to rounding.
    let custom = subject.market.utilities().iter().any(|u| matches!(u.shape(), Shape::Custom(_)));
    let tolerance = if custom { 1e-4 } else { 1e-9 } * (1.0 + price.abs());
    let verdict = if worst.value <= tolerance { Verdict::Holds } else { Verdict::Violated };
    let mut row = row(Property::Efficiency, true, verdict, "truthful reports", worst, tolerance);
    if let Some(evidence) = &mut row.evidence {
        evidence.unit = "price";
    }
    row.note =
        "largest distance of a marginal utility from the price (sufficient for concave utilities)".into();
    row
}

fn count_pieces(utility: &Utility) -> usize {
    match utility.shape() {
        Shape::Curve(curve) => curve.knots().count(),
        _ => 1,
    }
}

/// One variable of the quadratic program: utility `slope * x + bend * x²` on `low..=high`.
struct Piece {
    slope: f64,
    bend: f64,
    low: f64,
    high: f64,
}

/// Maximal welfare of a piecewise-linear market by clarabel; `None` if it does not solve it.
pub fn optimum(utilities: &[&Utility], total: f64) -> Option<f64> {
    let mut pieces = Vec::new();
    let (mut base, mut welfare) = (0.0, 0.0);
    for utility in utilities {
        match utility.shape() {
            Shape::Quadratic { a, b } => {
                pieces.push(Piece { slope: *b, bend: *a, low: utility.low(), high: utility.high() });
                welfare += utility.idle_value();
            }
            Shape::Curve(curve) => {
                base += curve.low();
                welfare += utility.value(curve.low());
                for ((u0, m0), (u1, m1)) in
                    curve.knots().zip(curve.knots().skip(1)).filter(|((u0, _), (u1, _))| u0 < u1)
                {
                    let bend = 0.5 * (m1 - m0) / (u1 - u0);
                    pieces.push(Piece { slope: m0, bend, low: 0.0, high: u1 - u0 });
                }
            }
            _ => return None,
        }
    }
    if pieces.is_empty() {
        return ((base - total).abs() <= 1e-9).then_some(welfare);
    }
    Some(welfare - solve(&pieces, total - base)?)
}

/// Minimises -sum (slope x + bend x²) subject to sum x = total and the limits; returns the minimum.
fn solve(pieces: &[Piece], total: f64) -> Option<f64> {
    let n = pieces.len();
    let diagonal: Vec<f64> = pieces.iter().map(|p| -2.0 * p.bend).collect();
    let p = CscMatrix::new(n, n, (0..=n).collect(), (0..n).collect(), diagonal);
    let q: Vec<f64> = pieces.iter().map(|p| -p.slope).collect();
    let (mut colptr, mut rowval, mut nzval, mut b) = (vec![0], Vec::new(), Vec::new(), vec![total]);
    for piece in pieces {
        rowval.push(0);
        nzval.push(1.0);
        for (sign, limit) in [(1.0, piece.high), (-1.0, -piece.low)] {
            if limit.is_finite() {
                rowval.push(b.len());
                nzval.push(sign);
                b.push(limit);
            }
        }
        colptr.push(rowval.len());
    }
    let a = CscMatrix::new(b.len(), n, colptr, rowval, nzval);
    let cones: Vec<SupportedConeT<f64>> = vec![ZeroConeT(1), NonnegativeConeT(b.len() - 1)];
    let settings = DefaultSettingsBuilder::default()
        .verbose(false)
        .tol_gap_rel(1e-9)
        .tol_gap_abs(1e-9)
        .tol_feas(1e-9)
        .max_iter(200)
        .build()
        .ok()?;
    let mut solver = DefaultSolver::new(&p, &q, &a, &b, &cones, settings).ok()?;
    solver.solve();
    match solver.solution.status {
        SolverStatus::Solved | SolverStatus::AlmostSolved => Some(solver.solution.obj_val),
        _ => None,
    }
}
