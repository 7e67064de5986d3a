//! The two-stage mechanism against an independent program that enumerates everything, in exact rationals where it can.

use serde_json::Value;
use vickrey::mechanism::AgentId;
use vickrey::two_stage::demand::{Condition, Day, Draw, Lottery, Outlook, Plan, Shortage, posted};
use vickrey::two_stage::discretise::{self, Family};
use vickrey::two_stage::solve::solve;
use vickrey::two_stage::test::Window;
use vickrey::two_stage::{Demand, Finite, Game, Law, Market, Settled, Supertypes, Terms, Tests};

fn read(name: &str) -> Value {
    let path = format!("{}/tests/data/two_stage/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).expect("the file is there");
    serde_json::from_str(&text).expect("it is JSON")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

fn numbers(value: &Value) -> Vec<f64> {
    list(value).iter().map(number).collect()
}

fn count(value: &Value) -> usize {
    value.as_u64().expect("a count") as usize
}

fn counts(value: &Value) -> Vec<usize> {
    list(value).iter().map(count).collect()
}

fn flat(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(items) => items.iter().flat_map(flat).collect(),
        other => vec![number(other)],
    }
}

fn laws(value: &Value) -> Vec<Law> {
    list(value).iter().map(|p| Law::new(numbers(p)).expect("a law")).collect()
}

fn near(found: f64, answer: f64, relative: f64, scale: f64, what: &str) {
    // The reference adds with 900 binary digits behind the point.
    let tolerance = (relative * answer.abs().max(scale)).max(1e-265);
    assert!((found - answer).abs() <= tolerance, "{what}: found {found:e}, the reference has {answer:e}");
}

fn game(case: &Value) -> Game {
    let outcomes = [count(&case["n_o1"]), count(&case["n_o2"])];
    let masks = list(&case["avail"])
        .iter()
        .map(|mask| list(mask).iter().flat_map(list).map(|b| b.as_bool().expect("yes or no")).collect());
    let values = list(&case["v"]).iter().map(flat).collect();
    Game::new(counts(&case["m"]), outcomes, values, flat(&case["c"]), Some(masks.collect())).expect("a game")
}

/// Sums of some hundred terms of size up to ten.
const ROUNDING: f64 = 1e-13;

#[test]
fn finite_games() {
    let cases = read("games");
    for case in list(&cases["instances"]) {
        let name = case["name"].as_str().expect("a name");
        let (game, laws) = (game(case), laws(&case["th"]));
        let answers = &case["answers"];
        let solved = solve(&game, &laws.iter().collect::<Vec<_>>()).expect("small");
        assert_eq!(solved.first, count(&answers["o1"]), "{name}");
        near(solved.welfare, number(&answers["W"]), ROUNDING, 1.0, name);
        near(solved.surplus(), number(&answers["surplus"]), 10.0 * ROUNDING, 1.0, name);
        for i in 0..game.players() {
            near(solved.without[i], number(&answers["W_minus"][i]), ROUNDING, 1.0, name);
            near(solved.expected[i], number(&answers["nu"][i]), ROUNDING, 1.0, name);
            near(solved.first_payment(i), number(&answers["pF"][i]), 3.0 * ROUNDING, 1.0, name);
        }
        let market = Finite::new(game);
        let plan = market.plan(&Supertypes::constant(laws)).expect("small");
        let mut settled = Settled::new(market.types().len());
        for day in list(&answers["days"]) {
            let bids = counts(&day["bids"]);
            market.settle(&plan, &0, &(), &bids, &mut settled);
            assert_eq!(settled.decision.second, count(&day["o2"]), "{name}");
            for i in 0..bids.len() {
                near(settled.payment(i), number(&day["payments"][i]), 3.0 * ROUNDING, 1.0, name);
                near(settled.second_payment(i), number(&day["pS"][i]), 3.0 * ROUNDING, 1.0, name);
                let parts = settled.first_payment(i) + settled.second_payment(i);
                near(parts, settled.payment(i), ROUNDING, 10.0, name);
            }
        }
    }
}

/// The second-stage outcome of every profile.
#[test]
fn decision_rules_of_finite_games() {
    for case in list(&read("games")["instances"]) {
        let game = game(case);
        let (types, first) = (game.types().to_vec(), count(&case["answers"]["o1"]));
        for (number, answer) in counts(&case["answers"]["g2"]).into_iter().enumerate() {
            let mut rest = number;
            let mut bids = vec![0; types.len()];
            for (bid, m) in bids.iter_mut().zip(&types).rev() {
                *bid = rest % m;
                rest /= m;
            }
            let ours = vickrey::two_stage::solve::second(&game, first, &bids);
            assert_eq!(ours, answer, "{} {bids:?}", case["name"]);
        }
    }
}

/// A market of the reference, all its days under one signal.
struct Case<'a> {
    case: &'a Value,
    types: Vec<Vec<f64>>,
    laws: Vec<Law>,
    reserve: Option<Lottery>,
    d: f64,
}

impl<'a> Case<'a> {
    fn new(case: &'a Value) -> Self {
        let reserve = match &case["reserve"] {
            Value::Null => None,
            reserve => {
                Some(Lottery::new(numbers(&reserve["types"]), numbers(&reserve["law"])).expect("a lottery"))
            }
        };
        let types = list(&case["types"]).iter().map(numbers).collect();
        Self { case, types, laws: laws(&case["th"]), reserve, d: number(&case["d"]) }
    }

    fn market(&self, limits: Option<Vec<f64>>, q: Option<f64>) -> Demand {
        let condition = Condition { shortage: Shortage::Certain(self.d), reserve: self.reserve.clone() };
        Demand::new(self.types.clone(), limits, vec![condition], q).expect("a market")
    }

    fn plan(&self, market: &Demand) -> Plan {
        market.plan(&Supertypes::constant(self.laws.clone())).expect("small").remove(0)
    }

    fn days(&self, market: &Demand, q: Option<f64>) {
        let plan = market.plan(&Supertypes::constant(self.laws.clone())).expect("small");
        let mut settled = Settled::new(self.types.len());
        for day in list(&self.case["answers"]["days"]) {
            let what = format!("{} {}", self.case["name"], day["bids"]);
            let reserve = match (&self.reserve, &day["reserve_index"]) {
                (Some(lottery), Value::Number(_)) => Some(lottery.values()[count(&day["reserve_index"])]),
                _ => None,
            };
            let draw = Draw { shortage: None, reserve };
            let today = Day { signal: 0, shortage: None };
            assert_eq!(market.check(&today, Some(&draw)), Ok(()), "{what}");
            market.settle(&plan, &today, &draw, &counts(&day["bids"]), &mut settled);
            assert!(q.is_none(), "the reference's days have no purchases");
            let dispatch = &settled.decision.dispatch;
            near(dispatch.price, number(&day["lambda"]), ROUNDING, 0.0, &what);
            near(dispatch.reserve, number(&day["g"]), ROUNDING, 0.0, &what);
            let cost = settled.cost - settled.reported.iter().sum::<f64>();
            near(cost, number(&day["cost"]), ROUNDING, 0.0, &what);
            for i in 0..self.types.len() {
                near(dispatch.curtailed[i], number(&day["x"][i]), ROUNDING, 0.0, &what);
                near(-settled.payment(i), number(&day["received"][i]), ROUNDING, 0.0, &what);
            }
        }
    }
}

/// What the digits of the closed integrals are good for, relative: types are up to e^60 apart.
const INTEGRALS: f64 = 2e-14;

fn compare(plan: &Plan, case: &Value, players: usize) {
    let (answers, name) = (&case["answers"], case["name"].as_str().unwrap_or(""));
    let expected = plan.on(None).expect("nothing is announced");
    near(expected.cost(), number(&answers["ESC"]), INTEGRALS, 0.0, name);
    // With limits the reserve's cost is what the others leave of the total.
    let scale = if plan.limited.is_empty() { 0.0 } else { number(&answers["ESC"]) };
    near(expected.reserve_cost(), number(&answers["Ecs"]), INTEGRALS, scale, name);
    for i in 0..players as AgentId {
        near(expected.marginal(i), number(&answers["marginal"][i]), INTEGRALS, 0.0, name);
        near(expected.own_cost(i), number(&answers["Ec"][i]), INTEGRALS, 0.0, name);
        let received = expected.marginal(i) + expected.own_cost(i);
        near(received, number(&answers["honest_received"][i]), INTEGRALS, 0.0, name);
    }
}

#[test]
fn demand_response() {
    for value in list(&read("demand")["instances"]) {
        let case = Case::new(value);
        let market = case.market(None, None);
        compare(&case.plan(&market), value, case.types.len());
        case.days(&market, None);
    }
}

#[test]
fn day_ahead_purchases() {
    let mut seen = 0;
    for value in list(&read("demand")["instances"]) {
        let (case, answers) = (Case::new(value), &value["answers"]["day_ahead"]);
        if answers.is_null() {
            continue;
        }
        let (q, name) = (number(&answers["q"]), value["name"].as_str().unwrap_or(""));
        let market = case.market(None, Some(q));
        let plan = case.plan(&market);
        near(plan.expectations.inverse, number(&answers["kappa"]), INTEGRALS, 0.0, name);
        let expected = plan.on(None).expect("nothing is announced");
        near(expected.bought(), number(&answers["G"]), INTEGRALS, case.d, name);
        let cost = expected.cost();
        near(cost, number(&answers["cost"]), INTEGRALS, 0.0, name);
        for i in 0..case.types.len() {
            near(
                plan.expectations.inverse_without(i),
                number(&answers["kappa_minus"][i]),
                INTEGRALS,
                0.0,
                name,
            );
            let without = cost + expected.marginal(i);
            near(without, number(&answers["cost_minus"][i]), INTEGRALS, 0.0, name);
        }
        seen += 1;
    }
    assert!(seen > 20);
}

#[test]
fn curtailment_limits() {
    for value in list(&read("demand")["curtailment"]) {
        let case = Case::new(value);
        let limit = |x: &Value| x.as_f64().unwrap_or(f64::INFINITY);
        let market = case.market(Some(list(&value["xmax"]).iter().map(limit).collect()), None);
        compare(&case.plan(&market), value, case.types.len());
        case.days(&market, None);
    }
}

#[test]
fn posted_prices() {
    for value in list(&read("demand")["instances"]) {
        let (case, answers) = (Case::new(value), &value["answers"]["posted"]);
        let Some(reserve) = &case.reserve else { continue };
        let types: Vec<&[f64]> = case.types.iter().map(Vec::as_slice).collect();
        let ours = posted(&types, &case.laws.iter().collect::<Vec<_>>(), reserve, Outlook::certain(case.d));
        let name = value["name"].as_str().unwrap_or("");
        near(ours.square, number(&answers["A"]), ROUNDING, 0.0, name);
        near(ours.slope, number(&answers["B"]), ROUNDING, 0.0, name);
        near(ours.constant, number(&answers["C"]), ROUNDING, 0.0, name);
        near(ours.price, number(&answers["p_star"]), ROUNDING, 0.0, name);
        near(ours.cost, number(&answers["SC_star"]), ROUNDING, 0.0, name);
    }
}

#[test]
fn tests_of_bid_streams() {
    for case in list(&read("streams")["instances"]) {
        let (types, name) = (counts(&case["m"]), case["name"].as_str().expect("a name"));
        let signals = count(&case["m_w"]).max(1);
        let (gamma, burn_in) = (number(&case["gamma"]), count(&case["burn_in"]) as u64);
        let reports = Supertypes::constant(laws(&case["th"]));
        let new =
            |terms| Tests::new(reports.clone(), &types, signals, terms, &|_, t| t as f64).expect("terms");
        let mut tests = new(Terms::printed(gamma, burn_in));
        let mut paired = new(Terms { pairwise: true, ..Terms::printed(gamma, burn_in) });
        let window = Window::Printed { gamma }.threshold(0.0);
        let [mut f, mut h, mut p] = [0, 1, 2].map(|_| vec![Vec::new(); types.len()]);
        let answers = &case["answers"];
        let mut points = list(&answers["checkpoints"]).iter().peekable();
        for (l, bids) in (1_u64..).zip(list(&case["bids"])) {
            let signal = case["signals"].get(l as usize - 1).map_or(0, count);
            tests.see(&counts(bids), signal);
            paired.see(&counts(bids), signal);
            for i in 0..types.len() {
                let flags = tests.flags(i);
                for (flag, days) in [(flags.frequency, &mut f), (flags.joint, &mut h)] {
                    if flag {
                        days[i].push(l);
                    }
                }
                if paired.flags(i).pairwise {
                    p[i].push(l);
                }
            }
            let Some(point) = points.next_if(|point| count(&point["day"]) as u64 == l) else { continue };
            near(window.at(l), number(&point["l_times_r"]), 1e-15, 0.0, name);
            for i in 0..types.len() {
                let ours = paired.statistics(i);
                // With signals, the frequency statistic also looks at every signal by itself; the reference does not.
                if signals == 1 {
                    assert_eq!(ours.frequency, number(&point["max_f_num"][i]), "{name} day {l} player {i}");
                }
                assert_eq!(ours.joint, Some(number(&point["max_h_num"][i])), "{name} day {l} player {i}");
            }
        }
        let days = |of: &Value| -> Vec<u64> { counts(of).into_iter().map(|d| d as u64).collect() };
        for i in 0..types.len() {
            if signals == 1 {
                assert_eq!(f[i], days(&answers["flagged_f"][i]), "{name} frequency of player {i}");
                // With signals a pair is tested under every signal; the reference tests a pair on all days.
                assert_eq!(p[i], days(&answers["flagged_pair"][i]), "{name} pairs of player {i}");
            }
            assert_eq!(h[i], days(&answers["flagged_h"][i]), "{name} joint of player {i}");
        }
    }
}

/// Points agree to 1e-11 of their size or of the mean, whichever is larger, and so do variances: the incomplete beta function
/// loses some digits at large parameters (296 and 38 here), and points are differences of its values times their number.
#[test]
fn discretised_laws() {
    let data = read("laws");
    let cases = list(&data["instances"]);
    assert!(cases.len() > 50);
    for case in cases {
        let (mean, variance) = (number(&case["mean"]), number(&case["variance"]));
        let family = match case["family"].as_str().expect("a family") {
            "beta_prime" => Family::BetaPrime,
            "scaled_beta" => Family::ScaledBeta { top: number(&case["top"]) },
            "lognormal" => Family::Lognormal,
            "gamma" => Family::Gamma,
            other => panic!("{other}"),
        };
        let what = format!("{family:?}, mean {mean}, variance {variance}, {} types", case["m"]);
        let bins = discretise::family(family, mean, variance, count(&case["m"])).expect(&what);
        let answers = numbers(&case["points"]);
        assert_eq!(bins.points.len(), answers.len(), "{what}");
        for (found, answer) in bins.points.iter().zip(answers) {
            near(*found, answer, 1e-11, mean, &what);
        }
        let [obtained, spread] = bins.obtained();
        near(obtained, number(&case["obtained_mean"]), 1e-14, mean, &what);
        near(spread, number(&case["obtained_variance"]), 1e-11, variance, &what);
    }
}
