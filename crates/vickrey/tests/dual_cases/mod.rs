//! Problems, runs and faults of dual decomposition from files, and a driver whose letters can be tampered with.
#![allow(dead_code, reason = "every test file uses a part of it")]

use std::sync::Arc;

use serde_json::Value;
use vickrey::faithful::dual::cost::Cost;
use vickrey::faithful::dual::curve::Curve;
use vickrey::faithful::dual::follower::Faithful;
use vickrey::faithful::dual::leader::{Event, Leader, LeaderError, Letter, Phase, Report, State};
use vickrey::faithful::dual::model::{Follower, Problem};
use vickrey::faithful::dual::rules::{Plan, PlanError, Rules};
use vickrey::mechanism::AgentId;

/// A list of cases, computed by an independent program in 200-bit arithmetic unless a test says otherwise.
pub fn read(name: &str) -> Vec<Value> {
    let path = format!("{}/tests/data/faithful/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).expect("the file is there");
    serde_json::from_str(&text).expect("it is JSON")
}

pub fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

pub fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

pub fn count(value: &Value) -> usize {
    value.as_u64().expect("a count") as usize
}

/// All numbers of a list of lists, in order.
pub fn flat(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(items) => items.iter().flat_map(flat).collect(),
        other => vec![number(other)],
    }
}

/// Limits, where nothing stands for an infinite one.
pub fn limits(value: &Value, infinite: f64) -> Vec<f64> {
    list(value).iter().map(|x| x.as_f64().unwrap_or(infinite)).collect()
}

fn cost(value: &Value) -> Cost {
    let entries = |field: &str| flat(&value[field]);
    let curves: Vec<Curve> = match value["type"].as_str().expect("a type") {
        "quad" => {
            return Cost::quadratic(entries("Q"), entries("q"), number(&value["k"])).expect("a quadratic");
        }
        "log" => {
            let (w, s, b) = (entries("w"), entries("s"), entries("b"));
            (0..w.len()).map(|k| Curve::log(w[k], s[k], b[k]).expect("a logarithm")).collect()
        }
        "power" => {
            let (w, t, p, bend) = (entries("w"), entries("t"), entries("p"), entries("eps"));
            (0..w.len()).map(|k| Curve::power(w[k], t[k], p[k], bend[k]).expect("a power")).collect()
        }
        _ => {
            let pieces = |(bend, lines): (f64, &Value)| {
                let lines: Vec<(f64, f64)> =
                    list(lines).iter().map(|l| (number(&l[0]), number(&l[1]))).collect();
                Curve::pieces(bend, &lines).expect("pieces")
            };
            entries("h").into_iter().zip(list(&value["lines"])).map(pieces).collect()
        }
    };
    Cost::separable(curves, 0.0).expect("curves")
}

/// A problem with the private costs.
pub struct Case {
    pub id: usize,
    pub tag: String,
    pub problem: Problem,
    pub costs: Vec<Arc<Cost>>,
    /// The answers.
    pub value: Value,
}

impl Case {
    pub fn new(value: Value) -> Self {
        let mut costs = Vec::new();
        let mut followers = Vec::new();
        for given in list(&value["followers"]) {
            let own = cost(&given["cost"]);
            let low = limits(&given["lo"], f64::NEG_INFINITY);
            let high = limits(&given["hi"], f64::INFINITY);
            let modulus = match given.get("m_i") {
                Some(known) => known.as_f64().unwrap_or(0.0),
                None => own.curvature(&low, &high).0,
            };
            let (coupling, absent) = (flat(&given["R"]), flat(&given["a"]));
            followers.push(Follower { coupling, low, high, absent, curvature: (modulus, f64::INFINITY) });
            costs.push(Arc::new(own));
        }
        let problem = Problem::new(flat(&value["c"]), followers).expect("a problem");
        let tag = value["tag"].as_str().expect("a tag").to_string();
        Self { id: count(&value["id"]), tag, problem, costs, value }
    }

    pub fn name(&self) -> String {
        format!("problem {} ({})", self.id, self.tag)
    }

    /// The plan, once every cost is found to be of the public class.
    pub fn plan(&self, rules: Rules) -> Result<Arc<Plan>, PlanError> {
        let plan = Plan::new(self.problem.clone(), rules)?;
        for (agent, cost) in self.costs.iter().enumerate() {
            plan.fits(agent, cost).unwrap_or_else(|why| panic!("{}, follower {agent}: {why}", self.name()));
        }
        Ok(Arc::new(plan))
    }

    /// Whoever the couplings cannot be met without.
    pub fn essential(&self) -> Vec<AgentId> {
        let without = list(&self.value["Vminus"]);
        (0..without.len()).filter(|&j| without[j].is_null()).collect()
    }

    /// What an allocation costs everybody.
    pub fn social(&self, allocation: &[f64]) -> f64 {
        (0..self.costs.len()).map(|i| self.costs[i].value(&allocation[self.problem.range(i)])).sum()
    }
}

/// All problems, by number.
pub fn problems() -> Vec<Case> {
    let all: Vec<Case> = read("problems").into_iter().map(Case::new).collect();
    all.iter().enumerate().for_each(|(k, case)| assert_eq!(case.id, k));
    all
}

/// What was reported in every stage.
pub type Record = Vec<Vec<Option<Report>>>;

/// What the protocol asks a follower to say to a letter.
pub fn faithful(plan: &Plan, costs: &[Arc<Cost>], agent: AgentId, letter: &Letter) -> Report {
    let public = plan.problem().follower(agent);
    let own = Faithful { agent, public, cost: &costs[agent] };
    match letter {
        Letter::Modulus => Report::Modulus(costs[agent].curvature(&public.low, &public.high).0),
        Letter::Prices(letter) => Report::Answer(own.answer(letter)),
        Letter::Decision(decision) => Report::Values(own.values(decision)),
    }
}

/// A run in which `tamper` may replace what a faithful follower would say.
pub fn drive(
    leader: &Leader,
    costs: &[Arc<Cost>],
    mut tamper: impl FnMut(&State, AgentId, &Letter, Report) -> Option<Report>,
) -> Result<(State, Record), LeaderError> {
    let mut state = leader.start();
    let mut record = Vec::new();
    while state.phase() != Phase::Finished {
        let reports: Vec<Option<Report>> = (0..costs.len())
            .map(|agent| {
                let letter = leader.letter(&state, agent)?;
                let honest = faithful(leader.plan(), costs, agent, &letter);
                tamper(&state, agent, &letter, honest)
            })
            .collect();
        record.push(reports.clone());
        leader.close(&mut state, reports)?;
    }
    Ok((state, record))
}

/// Everybody faithful; nobody's values are ever in doubt then.
pub fn honest(leader: &Leader, costs: &[Arc<Cost>]) -> State {
    let state = drive(leader, costs, |_, _, _, report| Some(report)).expect("a run").0;
    let doubted = doubted(&state);
    assert!(doubted.is_empty(), "{doubted:?}");
    state
}

/// Whose final values are in doubt.
pub fn doubted(state: &State) -> Vec<AgentId> {
    let doubtful = |event: &Event| match event {
        Event::Doubtful { follower } => Some(*follower),
        _ => None,
    };
    state.events().iter().filter_map(doubtful).collect()
}

/// The largest distance, relative to `scale`.
pub fn apart(found: &[f64], expected: &[f64], scale: f64) -> f64 {
    assert_eq!(found.len(), expected.len());
    let far = found.iter().zip(expected).map(|(a, b)| (a - b).abs());
    // What is no number is as far as can be.
    far.fold(0.0, |worst: f64, x| if x.is_nan() { f64::INFINITY } else { worst.max(x) }) / scale
}

/// 1 + the largest of some numbers.
pub fn size(xs: &[f64]) -> f64 {
    1.0 + xs.iter().fold(0.0_f64, |a, x| a.max(x.abs()))
}
