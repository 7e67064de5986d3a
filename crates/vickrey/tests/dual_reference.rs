//! Dual decomposition (paper 003, Algorithm 1) against an independent program in 200-bit arithmetic.

mod dual_cases;

use dual_cases::{Case, apart, count, drive, flat, honest, limits, list, number, problems, read, size};
use serde_json::Value;
use vickrey::faithful::dual::leader::{Leader, Letter, Report, State};
use vickrey::faithful::dual::letters::{Answer, Prices};
use vickrey::faithful::dual::model::{Follower, Problem, ProblemError};
use vickrey::faithful::dual::projection;
use vickrey::faithful::dual::rules::{Bound, Marginals, Method, Mode, Moduli, Plan, PlanError, Rules, Stop};
use vickrey::faithful::dual::tax::{self, Settled, Status};
use vickrey::mechanism::AgentId;

fn settled(state: &State) -> &Settled {
    state.settled().expect("the run is over")
}

#[test]
fn nearest_points() {
    let mut worst = 0.0_f64;
    for case in read("projection") {
        let what = format!("projection {} ({})", case["id"], case["kind"]);
        let n = count(&case["n"]);
        let mut follower = Follower::new(flat(&case["R"]), n);
        follower.low = limits(&case["lo"], f64::NEG_INFINITY);
        follower.high = limits(&case["hi"], f64::INFINITY);
        follower.absent = (0..n).map(|k| 0.0_f64.clamp(follower.low[k], follower.high[k])).collect();
        let problem = Problem::new(flat(&case["c"]), vec![follower]);
        if case["y"].is_null() {
            assert!(matches!(problem, Err(ProblemError::Infeasible(_))), "{what}: {problem:?}");
            continue;
        }
        let problem = problem.unwrap_or_else(|why| panic!("{what}: {why}"));
        let start = flat(&case["zhat"]);
        let found = projection::project(&problem, &[], &start).unwrap_or_else(|why| panic!("{what}: {why}"));
        let far = apart(&found, &flat(&case["y"]), size(&start));
        // Sums of a dozen products of the size of the point; rows of any length are scaled first.
        assert!(far < 1e-13, "{what}: {far:e}");
        worst = worst.max(far);
    }
    println!("worst {worst:e}");
}

/// How far a problem that was solved to `epsilon` may be from its answers, all from theory: no part of it is measured.
fn check_solution(case: &Case, state: &State, epsilon: f64, what: &str) {
    let optimum = number(&case.value["V"]);
    let rounding = 1e-12 * (1.0 + optimum.abs());
    let found = settled(state);
    let (z, exact) = (&found.allocation, flat(&case.value["z"]));
    let gap = case.social(z) - optimum;
    assert!(gap >= -rounding && gap <= epsilon + rounding, "{what}: gap {gap:e}");
    assert!(found.certificate.expect("certified") >= gap - rounding, "{what}: {found:?}");
    if case.value["z_unique"] == true {
        // A strongly convex cost grows by m/2 times the square of the distance from its minimiser on a convex set.
        let grown: f64 = (0..case.costs.len())
            .map(|i| {
                let far = case.problem.range(i).map(|k| (z[k] - exact[k]).powi(2)).sum::<f64>();
                0.5 * case.problem.follower(i).curvature.0 * far
            })
            .sum();
        assert!(grown <= gap + rounding, "{what}: distance {grown:e}, gap {gap:e}");
    }
    for solved in state.solved_problems() {
        let [j] = solved.absent[..] else { continue };
        let without = number(&case.value["Vminus"][j]);
        let own = case.costs[j].value(&solved.finish.allocation[case.problem.range(j)]);
        let gap = case.social(&solved.finish.allocation) - own - without;
        let epsilon = if solved.finish.certified { epsilon } else { f64::INFINITY };
        // Absent, the follower's cost is added and taken away again.
        let rounding = 1e-12 * (1.0 + without.abs() + own.abs());
        assert!(gap >= -rounding && gap <= epsilon + rounding, "{what}, without {j}: gap {gap:e}");
        assert!(solved.finish.lower.expect("a bound") <= without + rounding, "{what}, without {j}");
    }
}

/// Runs until everything is certified; without the followers who cannot be left out no taxes are compared.
fn certified(case: &Case, method: Method, (share, cap): (f64, usize)) -> (State, f64) {
    let epsilon = share * (1.0 + number(&case.value["V"]).abs());
    let mode = if case.essential().is_empty() { Mode::Vcg } else { Mode::Zero };
    let rules = Rules { method, stop: Stop::Gap { epsilon, cap }, mode, ..Rules::default() };
    let plan = case.plan(rules).unwrap_or_else(|why| panic!("{}: {why}", case.name()));
    (honest(&Leader::new(plan), &case.costs), epsilon)
}

/// Where a method is not expected to get there: only what holds in any case.
fn check_bounds(case: &Case, state: &State, what: &str) {
    let optimum = number(&case.value["V"]);
    let rounding = 1e-12 * (1.0 + optimum.abs());
    let found = settled(state);
    let gap = case.social(&found.allocation) - optimum;
    assert!(gap >= -rounding, "{what}: {gap:e}");
    assert!(found.certificate.expect("limits, or bent costs") >= gap - rounding, "{what}: {found:?}");
}

#[test]
fn newton_reaches_every_optimum() {
    for case in problems().iter().filter(|case| !case.value["Lbar"].is_null()) {
        let what = case.name();
        let (state, epsilon) = certified(case, Method::Newton, (1e-11, 40));
        check_solution(case, &state, epsilon, &what);
        let found = settled(&state);
        let essential = case.essential();
        println!("{what}: {} rounds, certificate {:?}", state.traffic().rounds, found.certificate);
        // A price and a tax are off by the distance, whose square is the gap.
        let near = |found: &[f64], exact: &[f64], of: &str| {
            let far = apart(found, exact, size(exact));
            assert!(far < 1e-6, "{what}, {of}: {far:e}");
        };
        if case.value["lam"].is_array() {
            near(&found.price, &flat(&case.value["lam"]), "price");
        }
        if case.value["clearing"].is_array() {
            let ours = tax::clearing(&case.problem, &found.price, &found.allocation);
            near(&ours, &flat(&case.value["clearing"]), "clearing payments");
        }
        if essential.is_empty() {
            near(&found.payment, &flat(&case.value["tax"]), "taxes");
        }
    }
}

#[test]
fn accelerated_ascent_reaches_optima() {
    for case in problems().iter().filter(|case| !case.value["Lbar"].is_null()) {
        let what = case.name();
        let (state, epsilon) = certified(case, Method::Accelerated { step: None }, (1e-9, 3_000));
        // Rows of very different lengths make prices of very different sizes: slow for any one step.
        if settled(&state).status == Status::Converged {
            check_solution(case, &state, epsilon, &what);
        } else {
            assert!(case.tag.starts_with("bad row scale"), "{what}");
            check_bounds(case, &state, &what);
        }
    }
}

#[test]
fn multipliers_reach_optima() {
    let mut slow = 0;
    for case in &problems() {
        let what = case.name();
        let rho = case.value["Lbar"].as_f64().map_or(1.0, |l| case.costs.len() as f64 / l);
        let (state, epsilon) = certified(case, Method::Multipliers { rho, relaxation: 1.6 }, (1e-9, 3_000));
        if settled(&state).status == Status::Converged {
            check_solution(case, &state, epsilon, &what);
        } else {
            slow += 1;
            check_bounds(case, &state, &what);
        }
    }
    // Nobody tuned the weight.
    assert!(slow <= 6, "{slow}");
}

#[test]
fn whoever_cannot_be_missed_is_named() {
    let mut refused = 0;
    for case in problems() {
        let method = Method::Multipliers { rho: 1.0, relaxation: 1.0 };
        let plan = Plan::new(case.problem.clone(), Rules { method, ..Rules::default() });
        match (&case.essential()[..], plan) {
            ([], Ok(plan)) => assert!(plan.essential().is_empty()),
            (missed, Err(PlanError::Essential { who })) => {
                let named: Vec<&str> = who.iter().map(|(name, _)| &name[..]).collect();
                let wanted: Vec<_> = missed.iter().map(|&j| case.problem.name(j)).collect();
                assert_eq!(named, wanted, "{}", case.name());
                refused += 1;
                let rules = Rules { method, mode: Mode::Zero, ..Rules::default() };
                let plan = Plan::new(case.problem.clone(), rules).expect("nobody is left out");
                assert_eq!(plan.essential(), case.essential());
            }
            (essential, plan) => panic!("{}: {essential:?} but {plan:?}", case.name()),
        }
    }
    assert!(refused > 4);
}

#[test]
fn steepness_of_public_bounds() {
    for case in problems() {
        match (case.value["Lbar"].as_f64(), case.problem.steepness()) {
            // The reference takes the eigenvalue in doubles as well.
            (Some(exact), Some(found)) => {
                assert!((found / exact - 1.0).abs() < 1e-12, "{}: {found}", case.name());
            }
            (None, None) => {}
            other => panic!("{}: {other:?}", case.name()),
        }
    }
}

fn step(case: &Value) -> Method {
    Method::Ascent { step: Some(number(&case["gamma"])), fading: false }
}

/// Entries that are not defined (followers who cannot be left out) are skipped on both sides.
fn defined(found: &[f64], expected: &Value) -> (Vec<f64>, Vec<f64>) {
    let expected = list(expected);
    assert_eq!(found.len(), expected.len());
    found.iter().zip(expected).filter_map(|(x, e)| e.as_f64().map(|e| (*x, e))).unzip()
}

/// Rounding of a run: every round adds that of one residual and one answer, relative to the largest of these numbers,
/// and safe steps shrink what earlier rounds left.
const RUN: f64 = 1e-13;

#[test]
fn algorithm_1_round_by_round() {
    let cases = problems();
    let mut worst = 0.0_f64;
    for given in read("algorithm1") {
        let case = &cases[count(&given["problem"])];
        let essential = case.essential();
        for run in list(&given["runs"]) {
            let what = format!("{}, n = {}", case.name(), run["n"]);
            for (mode, taxes) in [(Mode::Zero, "tax_zero"), (Mode::Vcg, "tax_vcg"), (Mode::Dual, "tax_dual")]
            {
                if mode != Mode::Zero && !essential.is_empty() {
                    continue;
                }
                let rules = Rules {
                    method: step(&given),
                    stop: Stop::Rounds(count(&run["n"])),
                    mode,
                    start: flat(&given["lam0"]),
                    ..Rules::default()
                };
                let plan = case.plan(rules).unwrap_or_else(|why| panic!("{what}: {why}"));
                let state = honest(&Leader::new(plan), &case.costs);
                let found = settled(&state);
                let price = flat(&run["lam_used"]);
                let z = flat(&run["z"]);
                let far = [
                    apart(&found.price, &price, size(&price)),
                    apart(&found.allocation, &z, size(&z)),
                    apart(
                        &[found.certificate.unwrap()],
                        &[number(&run["certificate"])],
                        size(&[number(&run["social"])]),
                    ),
                    {
                        let (ours, exact) = defined(&found.payment, &run[taxes]);
                        apart(&ours, &exact, size(&exact))
                    },
                ];
                assert!(far.iter().all(|x| *x < RUN), "{what} {mode:?}: {far:?}");
                worst = far.iter().fold(worst, |a, b| a.max(*b));
                worst = worst.max(marginals(case, &state, run, &what));
            }
        }
    }
    println!("worst {worst:e}");
}

/// The allocations and bounds of the problems without a follower.
fn marginals(case: &Case, state: &State, run: &Value, what: &str) -> f64 {
    let mut worst = 0.0_f64;
    for solved in state.solved_problems() {
        let [j] = solved.absent[..] else { continue };
        for i in (0..case.costs.len()).filter(|&i| i != j) {
            let exact = flat(&run["zminus"][j][i]);
            let ours = &solved.finish.allocation[case.problem.range(i)];
            let far = apart(ours, &exact, size(&exact));
            assert!(far < RUN, "{what}, {i} without {j}: {far:e}");
            worst = worst.max(far);
        }
        let bound = number(&run["marg_d"][j]);
        let far = apart(&[solved.finish.lower.expect("a bound")], &[bound], size(&[bound]));
        assert!(far < RUN, "{what}, without {j}: {far:e}");
        worst = worst.max(far);
    }
    worst
}

/// What a script of one follower does to her report.
struct Fault<'a> {
    case: &'a Case,
    script: &'a [Value],
}

impl Fault<'_> {
    /// The event that counts for a problem in a round.
    fn hit(&self, agent: AgentId, round: usize, absent: &[AgentId]) -> Option<&Value> {
        self.script.iter().find(|event| {
            let to = event["to"].as_u64().map_or(usize::MAX, |to| to as usize);
            count(&event["follower"]) == agent
                && event["kind"] != "value_missing"
                && (count(&event["from"])..=to).contains(&round)
                && match event["problems"].as_str().expect("which") {
                    "main" => absent.is_empty(),
                    "marginals" => !absent.is_empty(),
                    _ => true,
                }
        })
    }

    fn tamper(&self, agent: AgentId, letter: &Letter, report: Report) -> Option<Report> {
        match (letter, report) {
            (Letter::Prices(letter), Report::Answer(answer)) => {
                self.answer(agent, letter, answer).map(Report::Answer)
            }
            (Letter::Decision(_), report) => {
                let missing = |e: &Value| e["kind"] == "value_missing" && count(&e["follower"]) == agent;
                (!self.script.iter().any(missing)).then_some(report)
            }
            (_, report) => Some(report),
        }
    }

    /// Wrong lengths spoil whole answers only, since an answer is one list; in one problem they are no numbers.
    fn answer(&self, agent: AgentId, letter: &Prices, mut answer: Answer) -> Option<Answer> {
        let follower = self.case.problem.follower(agent);
        let mut cut = false;
        for (q, (question, _)) in letter.round.asked(agent).enumerate() {
            let Some(event) = self.hit(agent, letter.round.k, &question.absent) else { continue };
            let own = q * follower.decisions()..(q + 1) * follower.decisions();
            let fill = match event["kind"].as_str().expect("a kind") {
                "missing" if event["problems"] == "all" => return None,
                "length" if event["problems"] == "all" => {
                    cut = true;
                    continue;
                }
                "inf" => f64::INFINITY,
                "value" => number(&event["value"]),
                _ => f64::NAN,
            };
            answer.z[own.clone()].fill(fill);
            // She tells the true cost of what is used, which is within the limits.
            let used: Vec<f64> = own
                .clone()
                .map(|k| answer.z[k].clamp(follower.low[k - own.start], follower.high[k - own.start]))
                .collect();
            answer.value[q] = self.case.costs[agent].value(&used);
        }
        if cut {
            answer.z.pop();
        }
        Some(answer)
    }
}

#[test]
fn faults_of_one_follower() {
    let cases = problems();
    let (mut worst, mut dropped, mut held) = (0.0_f64, 0, 0);
    for given in read("faults") {
        let case = &cases[count(&given["problem"])];
        for (k, fault) in list(&given["cases"]).iter().enumerate() {
            let what = format!("{}, fault {k}", case.name());
            let mode = match fault["mode"].as_str().expect("a mode") {
                "vcg" => Mode::Vcg,
                "dual" => Mode::Dual,
                _ => Mode::Zero,
            };
            let n = count(&given["n"]);
            let rules = Rules { method: step(&given), stop: Stop::Rounds(n), mode, ..Rules::default() };
            let plan = case.plan(rules).unwrap_or_else(|why| panic!("{what}: {why}"));
            let script = Fault { case, script: list(&fault["script"]) };
            let (state, _) = drive(&Leader::new(plan), &case.costs, |_, agent, letter, report| {
                script.tamper(agent, letter, report)
            })
            .unwrap_or_else(|why| panic!("{what}: {why}"));
            let found = settled(&state);
            let gone: Vec<AgentId> = fault["dropped"].as_u64().map(|i| i as usize).into_iter().collect();
            assert_eq!(state.dropped(), gone, "{what}");
            // In the mode `zero` nobody is left out beforehand: the problem without her begins when she is dropped.
            let rounds = match (mode, fault["drop_round"].as_u64()) {
                (Mode::Zero, Some(round)) => round as usize + n,
                _ => count(&fault["rounds"]),
            };
            assert_eq!(state.traffic().rounds, rounds, "{what}");
            // The certificate needs the values of the decision as well.
            let silent = script.script.iter().any(|event| event["kind"] == "value_missing");
            let void = silent || fault["certificate_void"] == true;
            assert_eq!(found.certificate.is_none(), void, "{what}: {found:?}");
            let z = flat(&fault["z"]);
            let mut far = apart(&found.allocation, &z, size(&z));
            let taxes = flat(&fault["tax"]);
            let scale = size(&taxes);
            for j in 0..taxes.len() {
                // The reference values what is held as if its owner had; here the last bound that all values are known
                // for counts, which is never above the optimum without j.
                let stale = mode == Mode::Dual
                    && gone.is_empty()
                    && (0..taxes.len()).any(|i| {
                        i != j && script.hit(i, n, &[j]).is_some_and(|event| event["kind"] != "value")
                    });
                if stale {
                    held += 1;
                    let own = case.costs[j].value(&found.allocation[case.problem.range(j)]);
                    let without = number(&case.value["Vminus"][j]);
                    let exact = case.social(&found.allocation) - own - without;
                    let unbounded = found.undefined.contains(&j) && found.payment[j] == 0.0;
                    assert!(unbounded || found.payment[j] > exact - 1e-11 * scale, "{what}: {found:?}");
                    continue;
                }
                assert_eq!(found.undefined.contains(&j), fault["flags"][j] == "no marginal", "{what}");
                far = far.max((found.payment[j] - taxes[j]).abs() / scale);
            }
            // A component of 1e6 costs 1e12; taxes are differences of such costs.
            assert!(far < 1e-11, "{what}: {far:e}");
            worst = worst.max(far);
            dropped += gone.len();
        }
    }
    println!("worst {worst:e}, {dropped} dropped, {held} held");
    assert!(dropped > 300 && held > 10);
}

/// The prices and shares of the main problem in the first rounds, without those that only bound the optimum.
fn asked(leader: &Leader, case: &Case, rounds: usize) -> Vec<(Vec<f64>, Vec<f64>)> {
    let mut all: Vec<(Vec<f64>, Vec<f64>)> = Vec::new();
    let multipliers = matches!(leader.plan().rules().method, Method::Multipliers { .. });
    drive(leader, &case.costs, |_, agent, letter, report| {
        if let Letter::Prices(letter) = letter
            && (letter.round.questions[0].shared || !multipliers)
        {
            if agent == 0 {
                all.push((letter.round.prices.clone(), Vec::new()));
            }
            let last = all.last_mut().expect("the first follower's came first");
            last.1.extend(&letter.shares);
        }
        Some(report)
    })
    .expect("a run");
    all.truncate(rounds);
    all
}

/// The reference iterates in doubles too.
const TRACE: f64 = 1e-11;

fn check_trace(leader: &Leader, case: &Case, trace: &[Value], what: &str) {
    let multipliers = matches!(leader.plan().rules().method, Method::Multipliers { .. });
    let mut shares: Option<Vec<f64>> = None;
    for (k, ((price, sent), exact)) in asked(leader, case, trace.len()).iter().zip(trace).enumerate() {
        let lam = flat(&exact[if multipliers { "lam_sent" } else { "lam" }]);
        let far = apart(price, &lam, size(&lam));
        assert!(far < TRACE, "{what}, round {k}: {far:e}");
        if let Some(exact) = shares {
            assert!(apart(sent, &exact, size(&exact)) < TRACE, "{what}, round {k}");
        }
        shares = multipliers.then(|| flat(&exact["s_next"]));
    }
}

/// Newton's method differs from the reference in what it tries beside the full step, and the multiplier method spends
/// rounds on bounds, at most as many as on answers, or bounds the optimum a little worse without them.
#[test]
fn methods_take_the_rounds_of_the_reference() {
    let cases = problems();
    let mut traces = 0;
    for given in read("methods") {
        let case = &cases[count(&given["problem"])];
        // The reference rounds its step; accelerated ascent is refused a step above the proven one.
        let proven = case.problem.steepness().is_some_and(|l| number(&given["gamma"]) <= 1.0 / l);
        let accelerated = Method::Accelerated { step: proven.then_some(number(&given["gamma"])) };
        let multipliers =
            |relaxation| Method::Multipliers { rho: given["rho"].as_f64().unwrap_or(1.0), relaxation };
        for (name, method, factor) in [
            ("gd", step(&given), 1),
            ("fista", accelerated, 1),
            ("newton", Method::Newton, 2),
            ("admm_1", multipliers(1.0), 2),
            ("admm_1.6", multipliers(1.6), 2),
        ] {
            // Some responses of the multiplier method are not separable, which the reference leaves out.
            if given[name].is_null() {
                continue;
            }
            let what = format!("{}, {name}", case.name());
            let epsilon = 1e-8 * (1.0 + number(&case.value["V"]).abs());
            let cap = 1_500;
            let stop = Stop::Gap { epsilon, cap };
            let plan = case
                .plan(Rules { method, stop, mode: Mode::Zero, ..Rules::default() })
                .unwrap_or_else(|why| panic!("{what}: {why}"));
            let leader = Leader::new(plan);
            let ours = honest(&leader, &case.costs).traffic().rounds;
            let theirs = given[name]["rounds"].as_u64().map_or(cap, |k| k as usize);
            // A candidate is looked at in every eighth round at least, and its cost comes a round later.
            assert!(
                (ours + 2 >= theirs || name == "newton") && ours <= factor * theirs + 10,
                "{what}: {ours} and {theirs}"
            );
            let exact = !(name == "newton" || name == "fista" && !proven);
            if let (Some(trace), true) = (given[name]["trace"].as_array(), exact) {
                check_trace(&leader, case, trace, &what);
                traces += 1;
            }
        }
    }
    assert!(traces > 40, "{traces}");
}

/// The bound that a run of so many rounds ends with.
fn bound_after(case: &Case, (method, bound): (Method, Bound), rounds: usize) -> Option<f64> {
    let stop = Stop::Rounds(rounds);
    let plan =
        case.plan(Rules { method, stop, mode: Mode::Zero, bound, ..Rules::default() }).expect("a plan");
    honest(&Leader::new(plan), &case.costs).solved_problems()[0].finish.lower
}

#[test]
fn bounds_of_the_multiplier_method() {
    let cases = problems();
    let (mut compared, mut naive) = (0, 0);
    for given in read("methods") {
        let case = &cases[count(&given["problem"])];
        let optimum = number(&case.value["V"]);
        let rounding = 1e-12 * (1.0 + optimum.abs());
        let rho = given["rho"].as_f64().unwrap_or(1.0);
        for (name, relaxation) in [("admm_1", 1.0), ("admm_1.6", 1.6)] {
            let method = Method::Multipliers { rho, relaxation };
            for k in [1, 2, 3, 4, 7, 12, 30] {
                let lower = bound_after(case, (method, Bound::Sound), k).expect("limits, or bent costs");
                assert!(lower <= optimum + rounding, "{}, {name}, round {k}: {lower}", case.name());
                let false_bound = bound_after(case, (method, Bound::Naive), k).expect("all values are known");
                naive += usize::from(false_bound > optimum + rounding);
                let Some(trace) = given[name]["trace"].get(k - 1) else { continue };
                let known = |field: &str| trace[field].as_f64();
                // With limits from the personal prices, else from answers to the new price.
                let exact = match (known("LB_mean"), known("LB_new")) {
                    (Some(a), Some(b)) => a.max(b),
                    _ => known("d_new").expect("bent costs"),
                };
                let scale = size(&[exact, optimum]);
                assert!(apart(&[lower], &[exact], scale) < TRACE, "{}, {name}, round {k}", case.name());
                assert!(apart(&[false_bound], &[known("naive").expect("a number")], scale) < TRACE);
                compared += 1;
            }
        }
    }
    assert!(compared > 50 && naive > 10, "{compared} compared, {naive} naive ones are false");
}

/// A run in which one follower sends these allocations in the main problem and is faithful otherwise; what she nets.
fn deviate(case: &Case, rules: Rules, agent: AgentId, messages: Option<&[Vec<f64>]>) -> f64 {
    let leader = Leader::new(case.plan(rules).unwrap_or_else(|why| panic!("{}: {why}", case.name())));
    let n = case.problem.follower(agent).decisions();
    let tamper = |_: &State, who: AgentId, letter: &Letter, mut report: Report| {
        if let (true, Letter::Prices(letter), Report::Answer(answer), Some(messages)) =
            (who == agent, letter, &mut report, messages)
            && letter.round.questions[0].absent.is_empty()
        {
            answer.z[..n].copy_from_slice(&messages[letter.round.k - 1]);
        }
        Some(report)
    };
    let (state, _) = drive(&leader, &case.costs, tamper).expect("a run");
    let found = settled(&state);
    case.costs[agent].value(&found.allocation[case.problem.range(agent)]) + found.payment[agent]
}

/// The most that any sequence of messages gains is the gap, and there are such sequences.
#[test]
fn best_deviations() {
    let mut tight = 0;
    for given in read("deviations") {
        let case = Case::new(given.clone());
        for run in list(&given["runs"]) {
            let rules = Rules {
                method: step(&given),
                stop: Stop::Rounds(count(&run["n"])),
                mode: Mode::Zero,
                start: flat(&given["lam0"]),
                ..Rules::default()
            };
            let gap = number(&run["gap"]);
            for (agent, best) in list(&run["dev"]).iter().enumerate() {
                let messages: Vec<Vec<f64>> = list(&best["messages"]).iter().map(flat).collect();
                let faithful = deviate(&case, rules.clone(), agent, None);
                let gain = faithful - deviate(&case, rules.clone(), agent, Some(&messages));
                let what =
                    format!("{}, n = {}, follower {agent}: gains {gain}, {best}", case.name(), run["n"]);
                let rounding = 1e-11 * (1.0 + gap + faithful.abs() + size(&messages.concat()));
                assert!((gain - number(&best["gain_messages"])).abs() < rounding, "{what}");
                assert!(gain <= gap + rounding, "{what}");
                tight += usize::from(gap > 1e3 * rounding && gain > 0.999_999 * gap);
            }
        }
    }
    println!("{tight} equal the gap");
    assert!(tight > 20);
}

/// v_1 = z^2/2 - 2z, v_2 = z^2 - z, v_3 = 2z^2 - 8z, R = (1, 1, 2), c = 3.
fn three() -> Case {
    problems().swap_remove(0)
}

#[test]
fn warm_starts_can_be_exploited() {
    let rules = Rules {
        method: Method::Ascent { step: Some(0.4), fading: false },
        stop: Stop::Rounds(2),
        marginals: Marginals::Warm { rounds: 0 },
        ..Rules::default()
    };
    let net = |messages: Option<&[Vec<f64>]>| deviate(&three(), rules.clone(), 1, messages);
    assert!((net(None) + 0.0536).abs() < 1e-14);
    for (first, second, exact) in
        [(100.0, -9.704_477_468, -35.488_668_656_716_41), (1000.0, -95.674_627, -3_836.057_026_865_672)]
    {
        let found = net(Some(&[vec![first], vec![second]]));
        assert!((found - exact).abs() < 1e-9, "{found}");
    }
    // Started at the announced price the same messages do not pay.
    let rules = Rules { marginals: Marginals::Cold, ..rules };
    let messages = [vec![100.0], vec![-9.704_477_468]];
    assert!(deviate(&three(), rules.clone(), 1, Some(&messages)) > deviate(&three(), rules, 1, None));
}

/// The first follower announces a modulus: hers decides on the step of the problem without her.
#[test]
fn announced_moduli_can_be_exploited() {
    let case = three();
    let run = |modulus: f64| {
        let rules = Rules {
            method: Method::Ascent { step: None, fading: false },
            stop: Stop::Rounds(5),
            moduli: Moduli::Announced,
            ..Rules::default()
        };
        let leader = Leader::new(case.plan(rules).expect("a plan"));
        let tamper = |_: &State, agent: AgentId, letter: &Letter, report: Report| match letter {
            Letter::Modulus if agent == 0 => Some(Report::Modulus(modulus)),
            _ => Some(report),
        };
        let (state, _) = drive(&leader, &case.costs, tamper).expect("a run");
        let without = state.solved_problems().iter().find(|s| s.absent[..] == [0]).expect("solved").clone();
        case.costs
            .iter()
            .enumerate()
            .skip(1)
            .map(|(i, c)| c.value(&without.finish.allocation[case.problem.range(i)]))
            .sum::<f64>()
    };
    // Steps 0.4 and 0.01: 1/m_1 + 1/2 + 4/4 is one over the step.
    assert!((run(1.0) + 7.499_960_678_4).abs() < 1e-10);
    assert!((run(1.0 / 98.5) + 7.446_833_129_907_446).abs() < 1e-10);
}
