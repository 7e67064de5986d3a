//! Instances with answers from an independent dense program, read from files.
#![allow(dead_code)]

use serde_json::Value;
use vickrey::pivot::{Horizon, Kernel, Labels, Moves, Outcomes, Parts, Player, Public, Varying, Without};

/// One instance and its answers.
pub struct Instance {
    pub name: String,
    pub parts: Parts,
    pub mode: Without,
    /// Whether decisions are tied somewhere, so that answers hold for one choice among equals.
    pub ties: bool,
    /// Smallest difference between the best decision and the next.
    pub gap: f64,
    pub answers: Value,
}

/// All instances of `pivot_instances.json`.
pub fn instances() -> Vec<Instance> {
    read(include_str!("../data/pivot_instances.json")).iter().map(instance).collect()
}

/// A file that is a list.
pub fn read(text: &str) -> Vec<Value> {
    serde_json::from_str(text).expect("a list of instances")
}

/// An instance as it stands in such a list.
pub fn instance(entry: &Value) -> Instance {
    let mode = entry["mode"].as_str().expect("a mode");
    Instance {
        name: entry["name"].as_str().expect("a name").to_owned(),
        parts: parts(entry),
        mode: Without::ALL.into_iter().find(|m| m.name() == mode).expect("a mode"),
        ties: entry["ties"].as_bool().unwrap_or(false),
        gap: entry["gap"].as_f64().unwrap_or(f64::INFINITY),
        answers: entry["answers"].clone(),
    }
}

fn parts(entry: &Value) -> Parts {
    let public = &entry["public"];
    Parts {
        horizon: entry["horizon"].as_u64().map_or(Horizon::Infinite, |t| Horizon::Finite(t as usize)),
        discount: number(&entry["discount"]),
        decisions: count(&entry["decisions"]),
        outcomes: Outcomes {
            feasible: sets(&entry["feasible"]),
            probability: varying(&entry["probability"], numbers),
        },
        public: Public {
            states: count(&public["states"]),
            start: count(&public["start"]),
            utility: varying(&public["utility"], number),
            moves: Moves::new(varying(&public["moves"], law)),
            terminal: numbers(&public["terminal"]),
        },
        players: list(&entry["players"]).iter().map(player).collect(),
        labels: Labels::default(),
    }
}

fn player(entry: &Value) -> Player {
    let types = count(&entry["types"]);
    let table = |key: &str| (!entry[key].is_null()).then(|| varying(&entry[key], numbers));
    Player {
        types,
        utility: varying(&entry["utility"], numbers),
        moves: Moves::new(varying(&entry["moves"], |rows| Kernel::new(types, numbers(rows)))),
        terminal: table("terminal"),
        prior: numbers(&entry["prior"]),
        absent: (!entry["absent"].is_null()).then(|| sets(&entry["absent"])),
        outside: table("outside"),
    }
}

fn law(entry: &Value) -> Vec<(usize, f64)> {
    list(entry).iter().map(|pair| (count(&pair[0]), number(&pair[1]))).collect()
}

fn varying<T>(entry: &Value, of: impl Fn(&Value) -> T) -> Varying<T> {
    let shape: Vec<usize> = list(&entry["shape"]).iter().map(count).collect();
    let mut entries = list(&entry["entries"]).iter();
    Varying::from_fn([shape[0], shape[1], shape[2]], |_, _, _| of(entries.next().expect("as many entries")))
}

fn sets(entry: &Value) -> Vec<Vec<usize>> {
    list(entry).iter().map(|set| list(set).iter().map(count).collect()).collect()
}

/// A list of anything.
pub fn list(entry: &Value) -> &Vec<Value> {
    entry.as_array().expect("a list")
}

/// A list of numbers.
pub fn numbers(entry: &Value) -> Vec<f64> {
    list(entry).iter().map(number).collect()
}

/// A number.
pub fn number(entry: &Value) -> f64 {
    entry.as_f64().expect("a number")
}

/// A number to count with.
pub fn count(entry: &Value) -> usize {
    entry.as_u64().expect("a whole number") as usize
}
