//! Numbers of worked instances of Algorithm 1, beside those of an independent calculation.

use vickrey::faithful::dual::follower::Faithful;
use vickrey::faithful::dual::projection::project;
use vickrey::faithful::dual::rules::{Method, Mode, Rules, Stop};
use vickrey::faithful::dual::strategies::Play;

use super::cases::{Case, ascent, case_a, case_b, case_d, limited_logs};
use super::{TEN, TWELVE, failed, listed, worked};
use crate::failure::Failure;
use crate::reproduce::Row;

/// All of them.
pub fn rows() -> Result<Vec<Row>, Failure> {
    let mut rows = exact()?;
    rows.extend(rounds()?);
    rows.extend(faults()?);
    rows.extend(newton()?);
    rows.extend(near_a_limit()?);
    Ok(rows)
}

/// Optimum, optima without a follower, taxes and net costs.
struct Known<'a> {
    name: &'a str,
    case: Case,
    allocation: &'a [f64],
    price: &'a [f64],
    optimum: f64,
    without: &'a [f64],
    tax: &'a [f64],
    tolerance: f64,
}

fn exact() -> Result<Vec<Row>, Failure> {
    let known = [
        Known {
            name: "case A",
            case: case_a()?,
            allocation: &[0.6, -0.2, 1.3],
            price: &[1.4],
            optimum: -7.8,
            without: &[-7.5, -7.75, -13.0 / 6.0],
            tax: &[0.72, -0.29, 1.386_666_666_666_67],
            tolerance: TWELVE,
        },
        Known {
            name: "case B (limits, logarithms, a kink)",
            case: case_b()?,
            allocation: &[1.0 / 3.0, 7.0 / 6.0, 0.5],
            price: &[1.2],
            optimum: -1.714_329_690_7,
            without: &[-2.261_294_361_1, -1.568_147_180_6, -1.386_294_361_1],
            tax: &[0.364_643_113_6, 0.875_468_737_4, 0.546_964_670_4],
            tolerance: TEN,
        },
        Known {
            name: "case D (two couplings)",
            case: case_d()?,
            allocation: &[
                0.417_475_728_155,
                0.754_045_307_443,
                0.211_974_110_032,
                0.058_252_427_184,
                0.312_297_734_628,
            ],
            price: &[-0.211_974_110_032, -0.962_783_171_521],
            optimum: -0.145_226_537_217,
            without: &[0.988_636_363_636, -0.046_875, 0.110_169_491_525],
            tax: &[-1.332_363_126_029, -0.184_160_493_973, 0.174_139_690_406],
            tolerance: TWELVE,
        },
    ];
    let mut rows = Vec::new();
    for Known { name, case, allocation, price, optimum, without, tax, tolerance } in known {
        let ours = case.exact()?;
        let payment: Vec<f64> = (0..case.costs.len()).map(|i| ours.payment(i)).collect();
        // V_-j = sum over the others of v(z*) - p_j.
        let others = |j: usize| ours.optimum - case.own(&ours.allocation, j) - payment[j];
        let others: Vec<f64> = (0..case.costs.len()).map(others).collect();
        rows.extend(listed(&format!("{name}, z*"), allocation, &ours.allocation, tolerance));
        rows.extend(listed(&format!("{name}, lambda*"), price, &ours.price, tolerance));
        rows.push(worked(&format!("{name}, least cost"), optimum, ours.optimum, tolerance));
        rows.extend(listed(&format!("{name}, least cost without"), without, &others, tolerance));
        rows.extend(listed(&format!("{name}, VCG tax of"), tax, &payment, tolerance));
    }
    let case_a = case_a()?;
    let ours = case_a.exact()?;
    rows.extend(listed("case A, clearing-price payment of", &[0.84, -0.28, 3.64], &ours.clearing, TWELVE));
    let net: Vec<f64> = (0..3).map(|i| case_a.own(&ours.allocation, i) + ours.payment(i)).collect();
    rows.extend(listed("case A, net cost of", &[-0.3, -0.05, -5.633_333_333_333_3], &net, TWELVE));
    Ok(rows)
}

/// Answers to a price that is off by 1e-4 to either side: a limit that binds makes the error cost in its first power.
fn near_a_limit() -> Result<Vec<Row>, Failure> {
    let case = limited_logs()?;
    let best = case.exact()?;
    let mut rows = listed("three logarithms, z*", &[1.0 / 6.0, 5.0 / 6.0, 0.0], &best.allocation, TEN);
    rows.extend(listed("three logarithms, lambda*", &[1.5], &best.price, TEN));
    // Half a unit of the last digit.
    for (side, price, reference, tolerance) in
        [("above", 1.5 + 1e-4, 4.888_75e-5, 5e-11), ("below", 1.5 - 1e-4, 8.33e-10, 5e-13)]
    {
        let answer = |agent: usize| {
            let public = case.problem.follower(agent);
            Faithful { agent, public, cost: &case.costs[agent] }.respond(&[price], None)
        };
        let answers: Vec<f64> = (0..case.costs.len()).flat_map(answer).collect();
        let z = project(&case.problem, &[], &answers).map_err(|error| failed(&error))?;
        let cost: f64 = (0..case.costs.len()).map(|i| case.own(&z, i)).sum();
        let what = format!("three logarithms, price 1e-4 {side} lambda*, cost above the optimum");
        rows.push(worked(&what, reference, cost - best.optimum, tolerance));
    }
    Ok(rows)
}

/// Algorithm 1 on case A with step 0.4, round by round.
fn rounds() -> Result<Vec<Row>, Failure> {
    let case = case_a()?;
    let mut rows = Vec::new();
    let twelfth = [17.0 / 12.0, -1.0 / 12.0, 10.0 / 12.0];
    for (n, allocation, tax) in [
        (1, twelfth, [2.2525, -0.167_638_888_888_9, 0.416_666_666_666_7]),
        (2, [0.6, -0.2, 1.3], [0.7104, -0.3224, 1.385]),
        (5, [0.6, -0.2, 1.3], [0.719_960_678_4, -0.290_002_073_6, 1.386_659_84]),
    ] {
        let settled = case.settled(ascent(Some(0.4), n))?;
        let what = |of: &str| format!("Algorithm 1, case A, n = {n}, {of}");
        rows.extend(listed(&what("z"), &allocation, &settled.allocation, TWELVE));
        rows.extend(listed(&what("tax of"), &tax, &settled.payment, TWELVE));
    }
    let first = case.settled(ascent(Some(0.4), 1))?;
    let gap = case.social(&first) + 7.8;
    rows.push(worked("Algorithm 1, case A, n = 1, cost above the optimum", 0.782_638_888_888_9, gap, TWELVE));
    let settled = case.settled(Rules { mode: Mode::Dual, ..ascent(Some(0.4), 5) })?;
    let tax = [0.720_491_52, -0.289_994_24, 1.386_721_28];
    rows.extend(listed(
        "case A, n = 5, k_i from the dual value without i, tax of",
        &tax,
        &settled.payment,
        TWELVE,
    ));
    Ok(rows)
}

/// What the fault rule makes of a follower who falls silent.
fn faults() -> Result<Vec<Row>, Failure> {
    let case = case_a()?;
    let silent = |from, to| case.play(ascent(Some(0.4), 6), &[(1, Play::Silent { from, to })]);
    let missed = silent(3, 4)?;
    let gone = silent(2, usize::MAX)?;
    let mut rows = Vec::new();
    for (name, settled, allocation, tax) in [
        (
            "player 2 misses round 3",
            missed,
            [0.6, -0.2, 1.3],
            [0.719_999_606_784, -0.290_000_082_944, 1.386_666_598_4],
        ),
        (
            "player 2 is silent from round 2 on",
            gone,
            [0.500_288, 0.0, 1.249_856],
            [0.625_432_041_472, 0.0, 0.624_568_041_472],
        ),
    ] {
        rows.extend(listed(&format!("case A, n = 6, {name}, z"), &allocation, &settled.allocation, TWELVE));
        rows.extend(listed(&format!("case A, n = 6, {name}, tax of"), &tax, &settled.payment, TWELVE));
    }
    Ok(rows)
}

/// The protocol against the exact taxes, by another method.
fn newton() -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    for (name, case) in [("case B", case_b()?), ("case D", case_d()?)] {
        let rules = Rules {
            method: Method::Newton,
            stop: Stop::Gap { epsilon: 1e-12, cap: 100 },
            ..Rules::default()
        };
        let (settled, exact) = (case.settled(rules)?, case.exact()?);
        let pairs = settled.payment.iter().enumerate();
        let apart = pairs.map(|(i, p)| (p - exact.payment(i)).abs()).fold(0.0, f64::max);
        // The gap grows with the square of the distance, a single tax with the distance itself.
        rows.push(super::claim(
            &format!("Algorithm 1 with Newton steps against the exact taxes, {name}"),
            apart,
            1e-6,
            "the certificate asked for is 1e-12",
        ));
    }
    Ok(rows)
}
