//! Many seasons on the command line, and paper 001 recomputed.

mod support;

use std::fs;

use serde_json::Value;
use support::Desk;

/// Two providers alike, types 1 and 3, reserve 1; honest utility 0.0886905 a day.
const PAIR: &str = r#"mechanism = "demand-response"
title = "A pair"
seed = 5
[season]
days = 365
[tests]
pairwise = true
[market]
shortage = 1
reserve = 1
[[players]]
name = "East"
types = [1, 3]
law = "uniform"
[[players]]
name = "West"
types = [1, 3]
law = "uniform"
"#;

fn desk() -> Desk {
    let desk = Desk::new();
    desk.write("pair.toml", PAIR);
    desk.write("open.toml", &PAIR.replace("days = 365", "days = 365\nsealed = false"));
    desk
}

fn mean(of: &Value) -> f64 {
    of["mean"].as_f64().unwrap()
}

#[test]
fn honest_seasons_bring_what_is_expected() {
    let json = desk().json(&["simulate", "pair.toml", "--runs", "20", "--json"]);
    assert_eq!(json["runs"], 20);
    assert!(json["effect"].is_null());
    for player in json["players"].as_array().unwrap() {
        let found = &player["before_penalties"]["truthful"];
        assert!((mean(found) - 0.088_690_5).abs() < 1e-6, "{found}");
        assert!(found["standard_error"].as_f64().unwrap() < 1e-12);
        assert_eq!(player["ever_flagged"]["truthful"]["runs"], 0);
    }
    assert!(json["summary"]["largest_z"].as_f64().unwrap().abs() < 5.0);
}

#[test]
fn lies_do_not_pay() {
    let desk = desk();
    for lie in ["exaggerate:1", "coin", "mimic", "follow:West:0.7", "law:0.2/0.8,mimic", "law:0.2/0.8"] {
        let liar = format!("East={lie}");
        let json = desk.json(&["simulate", "pair.toml", "--runs", "10", "--liars", &liar, "--json"]);
        let player = &json["players"][0];
        assert_eq!(player["lie"], lie);
        // A lie within the window may gain up to .04 r(365), about .005 a day; none of these tries to.
        assert!(mean(&player["gain"]) < 0.0, "{lie}: {player}");
        let honest = &json["players"][1];
        assert!(honest["lie"].is_null());
        assert_eq!(honest["ever_flagged"]["strategic"]["runs"], 0, "{lie}");
    }
    let out = desk.out(&["simulate", "pair.toml", "--runs", "5", "--liars", "East=exaggerate:1"]);
    for part in ["A pair", "1 liar, 5 seasons", "penalties taken off", "East", "exaggerate:1", "the planner"]
    {
        assert!(out.contains(part), "`{part}` is missing in\n{out}");
    }
    assert!(!out.contains("NaN"), "{out}");
}

#[test]
fn riding_the_window_gains_within_its_bound() {
    let args = ["simulate", "pair.toml", "--runs", "20", "--liars", "East=ride:1:3:0.5", "--json"];
    let json = desk().json(&args);
    let player = &json["players"][0];
    let gain = mean(&player["gain_before_penalties"]);
    // The window of this scenario is wider than the printed one: at most .04 of it, a day.
    assert!(gain > 0.0 && gain < 0.04 * 0.25, "{gain}");
    assert_eq!(player["ever_flagged"]["strategic"]["runs"], 0);
}

#[test]
fn copying_needs_open_bids_and_hurts_the_honest() {
    let desk = desk();
    let (code, error) = desk.fails(&["simulate", "pair.toml", "--liars", "West=copy:East"]);
    assert!(code == 2 && error.contains("sealed"), "{error}");
    let json = desk.json(&["simulate", "open.toml", "--runs", "4", "--liars", "West=copy:East", "--json"]);
    assert_eq!(json["players"][0]["ever_flagged"]["strategic"]["runs"], 4);
    assert!(mean(&json["effect"]["others"]) < 0.0);
}

#[test]
fn folders_and_threads() {
    let desk = desk();
    let args = ["simulate", "pair.toml", "--runs", "6", "--liars", "East=mimic", "--json"];
    let with = |more: &[&str]| desk.json(&[&args[..], more].concat());
    assert_eq!(with(&["--threads", "1"]), with(&["--threads", "2"]));
    desk.out(&[&args[..], &["--out", "runs"]].concat());
    let table = fs::read_to_string(desk.path("runs/runs.csv")).unwrap();
    assert_eq!(table.lines().count(), 7);
    for file in ["players.csv", "budget-distribution.svg", "gains.png", "result.json"] {
        assert!(desk.path("runs").join(file).exists(), "{file}");
    }
}

#[test]
fn wrong_lies_are_refused() {
    let desk = desk();
    for (lie, part) in [
        ("East=scale:2", "accepted is exaggerate:K"),
        ("Eest=mimic", "did you mean `East`"),
        ("East=follow:Nobody:1", "no player `Nobody`"),
        ("East=follow:East:1", "herself"),
        ("East=law:0.5/0.6", "add up to"),
        ("East=law:1", "one for each of the 2 types"),
        ("East=ride:1:7:0.5", "no type `7`"),
        ("East=ride:3:3:0.5", "two different ones"),
        ("East=by-signal:0/1", "public signals"),
    ] {
        let (code, error) = desk.fails(&["simulate", "pair.toml", "--liars", lie]);
        assert!(code == 2 && error.contains(part), "{lie}: {error}");
    }
}

#[test]
fn paper_001_is_recomputed() {
    let desk = Desk::new();
    let json = desk.json(&["reproduce", "001", "--json", "--out", "figures"]);
    let rows = json.as_array().unwrap();
    assert!(rows.len() > 150, "{}", rows.len());
    for row in rows {
        assert_ne!(row["verdict"], "broken", "{row}");
        assert!(!row["note"].as_str().unwrap().is_empty(), "{row}");
    }
    for name in
        ["2-social-cost", "3-payment-against-mean", "4-posted-price", "5-utilities", "6-test-statistics"]
    {
        assert!(desk.path("figures").join(format!("{name}.png")).exists(), "{name}");
    }
    let four = fs::read_to_string(desk.path("figures/4-posted-price.svg")).unwrap();
    assert!(four.contains("m = 20") && four.contains("n = 10") && four.contains("d = 1"), "adopted readings");
}
