//! The gap to the optimum and the certificate, checked by means that the mechanism does not use.

use clarabel::algebra::CscMatrix;
use clarabel::solver::{
    DefaultSettingsBuilder, DefaultSolver, IPSolver, NonnegativeConeT, SolverStatus, SupportedConeT,
    ZeroConeT,
};

use super::{Honest, Subject, sound, unchecked};
use crate::audit::{Worst, judge, row};
use crate::faithful::dual::cost::Cost;
use crate::faithful::dual::rules::Stop;
use crate::faithful::dual::tax::Status;
use crate::guarantee::{Guarantee, Property};

/// Decisions above which the interior-point program takes too long for an audit.
const LARGEST: usize = 20_000;

/// What the faithful decision costs above the optimum; none if no optimum is known.
pub(super) fn gap(subject: &Subject<'_>, honest: &Honest) -> Option<f64> {
    let (optimum, _) = optimum(subject, honest)?;
    Some(subject.table.social_cost(&honest.settled) - optimum)
}

/// V* and how far off it may be.
fn optimum(subject: &Subject<'_>, honest: &Honest) -> Option<(f64, f64)> {
    if let Some(exact) = &honest.exact {
        return Some((exact.optimum, exact.accuracy));
    }
    program(subject)
}

/// Efficiency: the gap against the epsilon that was asked for; the optimum also by an interior-point program where costs
/// are quadratic.
pub(super) fn row_of(subject: &Subject<'_>, honest: &Honest) -> Guarantee {
    let promised = honest.settled.status == Status::Converged && sound(subject);
    let condition = "the certificate was reached";
    let Some((optimum, off)) = optimum(subject, honest) else {
        return unchecked(Property::Efficiency, condition, "no optimum was found by other means".into());
    };
    let mut worst = Worst::default();
    let cost = subject.table.social_cost(&honest.settled);
    worst.see(cost - optimum, || "cost of the decision above the optimum by Newton's method".into());
    let independent = program(subject);
    // The interior-point solver stops at 1e-9 of the value.
    let mut slack = honest.rounding + off;
    if let Some((other, tolerance)) = independent {
        worst.see(cost - other, || {
            "cost of the decision above the optimum by an interior-point program".into()
        });
        slack += tolerance;
    }
    let wanted = match subject.table.plan.rules().stop {
        Stop::Gap { epsilon, .. } => epsilon,
        Stop::Rounds(_) => 0.0,
    };
    let verdict = judge(&worst, wanted + slack, promised);
    let mut row = row(Property::Efficiency, promised, verdict, condition, worst, wanted + slack);
    row.note = match subject.table.plan.rules().stop {
        Stop::Rounds(n) => format!("{n} rounds were fixed beforehand: the gap is what it is"),
        Stop::Gap { .. } => "against the epsilon asked for".into(),
    };
    row
}

/// The certificate against the true gap, after every number of rounds up to the honest one.
pub(super) fn certificates(subject: &Subject<'_>, honest: &Honest) -> Guarantee {
    let condition = "a lower bound that holds for every price";
    let Some((optimum, off)) = optimum(subject, honest) else {
        return unchecked(Property::Certificate, condition, "no optimum was found by other means".into());
    };
    let mut worst = Worst::default();
    let mut none = 0;
    let lengths = lengths(honest.rounds, subject.options.effort.pick(6, 15, 60));
    // A bound has to hold wherever prices begin.
    let starts: Vec<(f64, Vec<f64>)> =
        [0.0, -1.0, 2.0, 5.0].map(|f| (f, honest.settled.price.iter().map(|p| f * p).collect())).to_vec();
    for (n, (factor, start)) in lengths.iter().flat_map(|n| starts.iter().map(move |s| (*n, s))) {
        let Some(table) = subject.table.with(|rules| {
            rules.stop = Stop::Rounds(n);
            if *factor != 0.0 {
                rules.start.clone_from(start);
            }
            rules.mode = crate::faithful::dual::rules::Mode::Zero;
        }) else {
            continue;
        };
        let Ok(state) = table.run(&[]) else { continue };
        let Some(settled) = state.settled() else { continue };
        match settled.certificate {
            Some(certificate) => {
                let gap = table.social_cost(settled) - optimum;
                worst.see(gap - certificate, || {
                    format!("after {n} rounds: gap {gap:.3e}, certificate {certificate:.3e}")
                });
            }
            None => none += 1,
        }
    }
    let tolerance = honest.rounding + off;
    let verdict = judge(&worst, tolerance, sound(subject));
    let mut row = row(Property::Certificate, sound(subject), verdict, condition, worst, tolerance);
    row.note = if none > 0 {
        format!("{none} of the runs have no certificate: epsilon is none there")
    } else {
        "how much the true gap exceeds the certificate (negative: it is covered)".into()
    };
    row
}

/// Numbers of rounds to look at: all small ones, then spread.
fn lengths(rounds: usize, most: usize) -> Vec<usize> {
    if rounds <= most {
        return (1..=rounds).collect();
    }
    let mut all: Vec<usize> = (1..=most / 2).collect();
    let spread = most - most / 2;
    all.extend((1..=spread).map(|k| most / 2 + k * (rounds - most / 2) / spread));
    all.dedup();
    all
}

/// V* of quadratic costs with limits, as one program; none for other costs.
fn program(subject: &Subject<'_>) -> Option<(f64, f64)> {
    let problem = subject.table.plan.problem();
    let n = problem.decisions();
    if n > LARGEST {
        return None;
    }
    let mut bend: Vec<(usize, usize, f64)> = Vec::new();
    let mut q = vec![0.0; n];
    let mut constant = 0.0;
    let mut rows: Vec<(usize, usize, f64)> = Vec::new();
    let mut b = problem.total().to_vec();
    for (i, follower) in problem.followers().iter().enumerate() {
        let Cost::Quadratic(cost) = &*subject.table.costs[i] else { return None };
        let range = problem.range(i);
        let own = range.len();
        constant += cost.constant();
        for r in 0..own {
            q[range.start + r] = cost.linear()[r];
            for c in r..own {
                bend.push((range.start + r, range.start + c, cost.matrix()[r * own + c]));
            }
            for (k, row) in follower.coupling.chunks_exact(own).enumerate() {
                rows.push((k, range.start + r, row[r]));
            }
        }
    }
    for (i, follower) in problem.followers().iter().enumerate() {
        for (k, (low, high)) in follower.low.iter().zip(&follower.high).enumerate() {
            for (sign, limit) in [(-1.0, -low), (1.0, *high)] {
                if limit.is_finite() {
                    rows.push((b.len(), problem.range(i).start + k, sign));
                    b.push(limit);
                }
            }
        }
    }
    let matrix = |entries: &[(usize, usize, f64)], count: usize| {
        CscMatrix::new_from_triplets(
            count,
            n,
            entries.iter().map(|e| e.0).collect(),
            entries.iter().map(|e| e.1).collect(),
            entries.iter().map(|e| e.2).collect(),
        )
    };
    let m = problem.couplings();
    let cones: [SupportedConeT<f64>; 2] = [ZeroConeT(m), NonnegativeConeT(b.len() - m)];
    let settings = DefaultSettingsBuilder::default()
        .verbose(false)
        .tol_gap_abs(1e-11)
        .tol_gap_rel(1e-11)
        .tol_feas(1e-11)
        .build()
        .ok()?;
    let (p, a) = (matrix(&bend, n), matrix(&rows, b.len()));
    let mut solver = DefaultSolver::new(&p, &q, &a, &b, &cones, settings).ok()?;
    solver.solve();
    let good = matches!(solver.solution.status, SolverStatus::Solved | SolverStatus::AlmostSolved);
    let value = solver.solution.obj_val + constant;
    good.then_some((value, 1e-8 * (1.0 + value.abs())))
}
