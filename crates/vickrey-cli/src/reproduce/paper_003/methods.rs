//! Rounds and messages until a decision is certified, by method.

use vickrey::faithful::dual::curve::Curve;
use vickrey::faithful::dual::leader::Traffic;
use vickrey::faithful::dual::rules::{Method, Rules, Stop};
use vickrey::faithful::dual::tax::Status;

use super::cases::{Case, curve, even, quadratic};
use super::found;
use crate::failure::Failure;
use crate::reproduce::Row;

/// Of the least cost: the certificate that every run ends with.
const ACCURACY: f64 = 1e-8;
const CAP: usize = 5_000;

/// The methods, in the order of the table.
pub const NAMES: [&str; 5] =
    ["price steps", "accelerated", "multipliers, a = 1", "multipliers, a = 1.6", "Newton"];

/// One instance, by method.
pub struct Instance {
    pub name: &'static str,
    pub runs: Vec<Run>,
}

/// What a run took, with all problems without a follower.
#[derive(Clone, Copy)]
pub struct Run {
    pub traffic: Traffic,
    pub converged: bool,
}

impl Run {
    /// Numbers of eight bytes, both ways.
    pub fn bytes(&self) -> u64 {
        8 * (self.traffic.down + self.traffic.up)
    }
}

/// All instances.
pub fn table() -> Result<Vec<Instance>, Failure> {
    [
        ("quadratic, 4 couplings", quadratics()?),
        ("logarithmic, limits, 2 couplings", logarithms()?),
        ("piecewise quadratic, limits, 2 couplings", pieces()?),
    ]
    .into_iter()
    .map(|(name, case)| of_case(name, &case))
    .collect()
}

fn of_case(name: &'static str, case: &Case) -> Result<Instance, Failure> {
    let epsilon = ACCURACY * (1.0 + case.exact()?.optimum.abs());
    let run = |method| -> Result<Run, Failure> {
        let state = case.run(Rules { method, stop: Stop::Gap { epsilon, cap: CAP }, ..Rules::default() })?;
        let converged = state.settled().is_some_and(|s| s.status == Status::Converged);
        Ok(Run { traffic: state.traffic(), converged })
    };
    let steepness = case.problem.steepness().unwrap_or(1.0);
    // The best of a few weights around N/L: nobody knows the best one beforehand.
    let tuned = |relaxation| -> Result<Run, Failure> {
        let all = [0.03, 0.1, 0.3, 1.0, 3.0, 10.0].map(|factor| {
            run(Method::Multipliers { rho: factor * case.costs.len() as f64 / steepness, relaxation })
        });
        let mut best: Option<Run> = None;
        for run in all {
            let run = run?;
            if best.is_none_or(|b| (run.converged, b.traffic.rounds) > (b.converged, run.traffic.rounds)) {
                best = Some(run);
            }
        }
        best.ok_or_else(|| super::failed(&"no run"))
    };
    let runs = vec![
        run(Method::Ascent { step: None, fading: false })?,
        run(Method::Accelerated { step: None })?,
        tuned(1.0)?,
        tuned(1.6)?,
        run(Method::Newton)?,
    ];
    Ok(Instance { name, runs })
}

/// A row for every run.
pub fn rows(table: &[Instance]) -> Vec<Row> {
    let mut rows = Vec::new();
    for instance in table {
        for (name, run) in NAMES.iter().zip(&instance.runs) {
            let what = format!("rounds to a certificate of {ACCURACY:e}, {}: {name}", instance.name);
            let note = format!(
                "all problems together: {} messages, {} bytes of numbers{}",
                run.traffic.messages,
                run.bytes(),
                if name.starts_with("multipliers") { "; the best of six weights" } else { "" }
            );
            let most = if run.converged { CAP as f64 } else { 0.0 };
            rows.push(found(&what, (1.0, most), run.traffic.rounds as f64, &note));
        }
    }
    rows
}

/// Couplings between -1 and 1, the first of them between 0 and 1.
fn couplings(i: usize, m: usize) -> Vec<f64> {
    (0..m).map(|r| if r == 0 { even(40 * i) } else { 2.0 * even(40 * i + r) - 1.0 }).collect()
}

fn total(all: &[Vec<f64>], used: f64) -> Vec<f64> {
    (0..all[0].len()).map(|r| all.iter().map(|row| used * row[r]).sum()).collect()
}

/// Ten followers with two decisions, second derivatives from 1 to 10.
fn quadratics() -> Result<Case, Failure> {
    let mut followers = Vec::new();
    for i in 0..10 {
        let coupling = (0..8).map(|k| 2.0 * even(40 * i + k) - 1.0).collect();
        let x = |k: usize| even(40 * i + 10 + k);
        let matrix = [1.0 + 9.0 * x(0), 0.5, 0.5, 1.5 + 8.0 * x(1)];
        followers.push((coupling, quadratic(&matrix, &[4.0 * x(2) - 2.0, 4.0 * x(3) - 2.0], 0.0)?));
    }
    Case::new(&[1.0, -0.5, 0.25, 0.5], followers, None)
}

fn logarithms() -> Result<Case, Failure> {
    let all: Vec<Vec<f64>> = (0..12).map(|i| couplings(i, 2)).collect();
    let total = total(&all, 0.7);
    let one = |i: usize| curve(Curve::log(0.2 + 2.0 * even(40 * i + 10), 0.5, 0.0));
    let followers = all.into_iter().enumerate().map(|(i, row)| Ok((row, one(i)?)));
    Case::new(&total, followers.collect::<Result<_, Failure>>()?, Some((0.0, 2.0)))
}

fn pieces() -> Result<Case, Failure> {
    let all: Vec<Vec<f64>> = (0..12).map(|i| couplings(i, 2)).collect();
    let total = total(&all, 0.7);
    let one = |i: usize| {
        let x = |k: usize| even(40 * i + 10 + k);
        curve(Curve::pieces(0.1 + 2.0 * x(0), &[(-2.0 - x(1), 0.0), (-0.5, -0.8 - x(2))]))
    };
    let followers = all.into_iter().enumerate().map(|(i, row)| Ok((row, one(i)?)));
    Case::new(&total, followers.collect::<Result<_, Failure>>()?, Some((0.0, 2.0)))
}
