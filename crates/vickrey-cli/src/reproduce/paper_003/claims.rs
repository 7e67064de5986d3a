//! What the paper claims of Algorithm 1, checked on instances: Propositions 1, 3 and 4 and what follows from them.

use vickrey::audit::{AuditOptions, Effort};
use vickrey::faithful::dual::audit::audit;
use vickrey::faithful::dual::rules::{Mode, Rules};
use vickrey::faithful::dual::solve::path;
use vickrey::guarantee::{Property, SolutionConcept};

use super::cases::{Case, alike, ascent, case_a, case_b, case_d, even, example, quadratic};
use super::figures::{course, six, steepness};
use super::{claim, failed, noted};
use crate::failure::Failure;
use crate::reproduce::Row;

/// Rounding, and what a price between two limits leaves of the digits.
const NOTHING: f64 = 1e-9;

/// All of them.
pub fn rows() -> Result<Vec<Row>, Failure> {
    let mut rows = incentives()?;
    rows.extend(efficiency()?);
    rows.extend(rates()?);
    rows.extend(prices()?);
    Ok(rows)
}

/// Propositions 1 and 3: nobody gains more than the cost of the decision above the optimum.
fn incentives() -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    for (name, case, n) in [("case A", case_a()?, 1), ("case A", case_a()?, 3), ("case D", case_d()?, 3)] {
        let plan = case.plan(ascent(None, n))?;
        let options = AuditOptions { seed: 1, effort: Effort::Normal };
        let found = audit(&plan, &case.costs, options, &|_| ()).map_err(|error| failed(&error))?;
        let row = found.find(Property::IncentiveCompatibility(SolutionConcept::Approximate));
        let most = row.and_then(|row| row.evidence.as_ref()).map_or(f64::NAN, |e| e.worst);
        let gap = case.social(&case.settled(ascent(None, n))?) - case.exact()?.optimum;
        let note = format!("most that a deviation gains: {most:.3e}; cost above the optimum: {gap:.3e}");
        rows.push(claim(
            &format!("Propositions 1 and 3, {name}, n = {n}: gain above epsilon"),
            (most - gap).max(0.0),
            NOTHING,
            &note,
        ));
    }
    Ok(rows)
}

/// Proposition 3: the cost of the decision tends to the optimum.
fn efficiency() -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    for (name, case) in [("case A", case_a()?), ("case B", case_b()?), ("case D", case_d()?)] {
        let gap = case.social(&case.settled(ascent(None, 2000))?) - case.exact()?.optimum;
        rows.push(claim(
            &format!("Proposition 3, {name}: cost above the optimum after 2000 rounds"),
            gap,
            NOTHING,
            "strongly convex costs",
        ));
    }
    Ok(rows)
}

/// How fast the gap of the figure shrinks: by the square of what the distance of prices shrinks by.
fn rates() -> Result<Vec<Row>, Failure> {
    let case = six()?;
    let (large, small) = steepness(&case)?;
    let named = [0.25, 0.5, 1.0, 1.9, 2.05].map(|share| (format!("{share}/L"), share / large));
    let best = ("2/(L + mu)".to_owned(), 2.0 / (large + small));
    let mut rows = Vec::new();
    for (name, step) in named.into_iter().chain([best]) {
        let points = course(&case, step, 60)?;
        // Above what rounding of a difference of costs blurs; two rounds, as errors may change sign in each.
        let clear: Vec<f64> = points.iter().map(|p| p.1).filter(|gap| *gap > 1e-9).collect();
        let [.., before, _, last] = clear[..] else { return Err(failed(&"too few rounds")) };
        let rate = (1.0 - step * large).abs().max((1.0 - step * small).abs());
        rows.push(noted(
            &format!("figure 3, step {name}: factor of the gap a round"),
            rate * rate,
            (last / before).sqrt(),
            0.02,
            if rate < 1.0 { "the square of the rate of prices" } else { "diverges: such a step is refused" },
        ));
    }
    Ok(rows)
}

/// Followers with drawn quadratic costs who exchange: c = 0.
fn exchange(couplings: usize, seed: usize) -> Result<Case, Failure> {
    let n = 2;
    let follower = |i: usize| {
        let x = |k: usize| even(1000 * seed + 20 * i + k);
        let coupling = (0..couplings * n).map(|k| 2.0 * x(k) - 1.0).collect();
        let matrix = [1.0 + x(10), x(11) - 0.5, x(11) - 0.5, 1.0 + x(12)];
        Ok((coupling, quadratic(&matrix, &[4.0 * x(13) - 2.0, 4.0 * x(14) - 2.0], 0.0)?))
    };
    Case::new(&vec![0.0; couplings], (0..5).map(follower).collect::<Result<_, Failure>>()?, None)
}

/// Proposition 4, and what follows from it.
fn prices() -> Result<Vec<Row>, Failure> {
    let mut cases = vec![
        ("section II".to_owned(), alike(2)?),
        ("Example 1".to_owned(), example()?),
        ("case A".to_owned(), case_a()?),
        ("case B (limits, a kink)".to_owned(), case_b()?),
        ("case D".to_owned(), case_d()?),
    ];
    for (couplings, seed) in [(1, 1), (2, 2), (3, 3)] {
        cases.push((format!("exchange, {couplings} couplings"), exchange(couplings, seed)?));
    }
    let mut rows = Vec::new();
    for (name, case) in &cases {
        rows.extend(of_case(name, case)?);
    }
    Ok(rows)
}

fn of_case(name: &str, case: &Case) -> Result<Vec<Row>, Failure> {
    let exact = case.exact()?;
    let agents = 0..case.costs.len();
    let mut apart = 0.0_f64;
    for i in agents.clone() {
        let way = path(&case.problem, &case.costs, &exact, i, 2).map_err(|error| failed(&error))?;
        apart = apart.max((way.integral - way.tax).abs());
    }
    let over = agents.clone().map(|i| exact.payment(i) - exact.clearing[i]).fold(0.0, f64::max);
    let total: f64 = agents.clone().map(|i| exact.payment(i)).sum();
    let value: f64 = exact.price.iter().zip(case.problem.total()).map(|(p, c)| p * c).sum();
    let absent = |i: usize| case.costs[i].value(&case.problem.follower(i).absent);
    let worse = |i: usize| case.own(&exact.allocation, i) + exact.payment(i) - absent(i);
    let worse = agents.clone().map(worse).fold(0.0, f64::max);
    let what = |of: &str| format!("Proposition 4, {name}: {of}");
    let mut rows = vec![
        claim(
            &what("area less VCG tax"),
            apart,
            NOTHING,
            "the area under the price of the others, largest difference",
        ),
        claim(
            &what("VCG tax above the clearing-price payment"),
            over,
            NOTHING,
            "follows: prices rise with x",
        ),
        claim(
            &what("sum of taxes above lambda'c"),
            (total - value).max(0.0),
            NOTHING,
            &format!("sum {total:.6}, lambda'c {value:.6}; with c = 0 the leader never has a surplus"),
        ),
        claim(&what("net cost above that of being absent"), worse, NOTHING, "voluntary participation"),
    ];
    if case.problem.followers().iter().all(|f| !f.limited()) {
        rows.push(claim(
            &what("tax with k_i from the dual value at lambda* less clearing-price payment"),
            identity(case)?,
            1e-8,
            "the clearing price is VCG without rounds for the problems without a follower",
        ));
    }
    Ok(rows)
}

/// One round at the optimal price, in mode `dual`, against the clearing-price payment.
fn identity(case: &Case) -> Result<f64, Failure> {
    let exact = case.exact()?;
    let rules = Rules { mode: Mode::Dual, start: exact.price.clone(), ..ascent(None, 1) };
    let settled = case.settled(rules)?;
    let pairs = settled.payment.iter().zip(&exact.clearing);
    Ok(pairs.map(|(p, c)| (p - c).abs()).fold(0.0, f64::max))
}
