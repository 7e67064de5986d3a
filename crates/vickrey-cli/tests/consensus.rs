//! The commands on consensus.

mod support;

use std::fs;
use std::path::Path;

use serde_json::Value;
use support::{Desk, has};

/// Three in a row: the worked case.
const THREE: &str = r#"mechanism = "consensus"
title = "Three in a row"
seed = 2
[units]
quantity = "km"
money = "EUR"
[graph]
shape = "path"
[rules]
rounds = 10
step = 0.3
[[followers]]
name = "Ann"
range = [0, 1]
wish = 0
[[followers]]
name = "Bob"
range = [0, 1]
wish = 1
[[followers]]
name = "Cyd"
range = [0, 1]
wish = 0.25
"#;

fn desk() -> Desk {
    let desk = Desk::new();
    desk.write("three.toml", THREE);
    desk.write("believed.toml", &THREE.replace("step = 0.3", "watch = \"reported\""));
    // Faithful followers fail the test as it is printed.
    let printed = THREE.replace("rounds = 10\nstep = 0.3", "rounds = 20\nstep = 0.2\ntest = \"printed\"");
    let printed = printed.replace("wish = 0\n", "wish = 0.9\n").replace("wish = 1\n", "wish = 0.5\n");
    desk.write("printed.toml", &printed.replace("wish = 0.25", "wish = 0"));
    let template = desk.out(&["new", "consensus"]);
    desk.write("template.toml", &template);
    desk
}

/// What a follower gains.
fn gain(json: &Value, name: &str) -> f64 {
    let agents = json["agents"].as_array().unwrap();
    agents.iter().find(|agent| agent["name"] == name).unwrap()["gain"]["mean"].as_f64().unwrap()
}

#[test]
fn the_document_holds_the_known_numbers() {
    let desk = desk();
    let json = desk.json(&["run", "three.toml", "--json"]);
    let tax = [0.369_245_003_223, 0.199_648_353_632, 0.510_958_905_828];
    for (row, wanted) in json["followers"].as_array().unwrap().iter().zip(tax) {
        assert!((row["payment"].as_f64().unwrap() - wanted).abs() < 1e-11);
        assert!((row["utility"].as_f64().unwrap() + 0.539_926_131_342).abs() < 1e-11);
    }
    let s = &json["summary"];
    assert!((s["disagreement"].as_f64().unwrap() - 0.004_993_504_102).abs() < 1e-11);
    assert!((s["fine"].as_f64().unwrap() - 3.0).abs() < 1e-12);
    assert_eq!((&s["passed"], &s["test"], &s["messages"]), (&true.into(), &"corrected".into(), &46.into()));
    let rounds = json["rounds"].as_array().unwrap();
    assert_eq!(rounds.len(), 11);
    assert_eq!(rounds[10]["disagreement"], s["disagreement"]);
    assert!(rounds[0]["beta"].is_null());
    let out = desk.out(&["run", "three.toml"]);
    has(
        &out,
        &[
            "Three in a row",
            "consensus, 3 followers, 2 edges, 10 rounds, step 0.3",
            "0.41314",
            "passed",
            "epsilon",
        ],
    );
}

#[test]
fn the_printed_test_fines_the_faithful() {
    let out = desk().out(&["run", "printed.toml"]);
    has(&out, &["FAILED: everybody pays the fine", "warning: faithful followers fail the test"]);
}

#[test]
fn lies_do_not_pay_where_positions_are_seen() {
    let desk = desk();
    let json = desk.json(&["run", "three.toml", "--json"]);
    let epsilon = json["summary"]["epsilon"].as_f64().unwrap();
    for lie in ["stand", "start:0.5", "mislead:0.3", "silent:4", "garbage", "value:1", "pretend"] {
        let json = desk.json(&["simulate", "three.toml", "--liars", &format!("Ann={lie}"), "--json"]);
        assert!(gain(&json, "Ann") <= epsilon, "{lie}: {}", gain(&json, "Ann"));
    }
    let believed = desk.json(&["simulate", "believed.toml", "--liars", "Ann=pretend", "--json"]);
    assert!(gain(&believed, "Ann") > 0.1, "{believed}");
    let out = desk.out(&["simulate", "three.toml", "--liars", "Ann=stand"]);
    has(&out, &["stand", "fail the test: everybody pays the fine of 3 EUR"]);
    let (code, said) = desk.fails(&["simulate", "three.toml", "--liars", "Ann=flee"]);
    assert!(code == 2 && said.contains("accepted is faithful, stand"), "{said}");
}

#[test]
fn the_best_lie_is_found_and_the_faithful_are_no_liars() {
    let desk = desk();
    let audit = desk.json(&["run", "three.toml", "--json"]);
    let epsilon = audit["summary"]["epsilon"].as_f64().unwrap();
    let json = desk.json(&["simulate", "three.toml", "--liars", "Bob=best", "--json"]);
    let best = gain(&json, "Bob");
    assert!(best > 1e-4 && best <= epsilon, "{best} {epsilon}");
    assert_eq!(json["agents"][1]["lie"], "best");
    assert!(json["notes"].to_string().contains("against faithful others, and none gain more than"), "{json}");
    for lie in ["stand", "start:0.5", "mislead:0.02", "mislead:-0.02", "silent:9"] {
        let json = desk.json(&["simulate", "three.toml", "--liars", &format!("Bob={lie}"), "--json"]);
        assert!(gain(&json, "Bob") <= best, "{lie}");
    }
    desk.write("play.toml", &THREE.replace("wish = 0.25", "wish = 0.25\nconduct = \"stand\""));
    let json = desk.json(&["simulate", "play.toml", "--liars", "Cyd=faithful", "--json"]);
    assert!(json["agents"].as_array().unwrap().iter().all(|agent| agent["lie"].is_null()), "{json}");
    has(&desk.out(&["simulate", "play.toml", "--liars", "Cyd=faithful"]), &["0 liars"]);
}

#[test]
fn what_the_scenario_says_is_simulated() {
    let desk = desk();
    desk.write("play.toml", &THREE.replace("wish = 0.25", "wish = 0.25\nconduct = { mislead = 0.1 }"));
    let json = desk.json(&["simulate", "play.toml", "--json"]);
    assert_eq!(json["agents"][2]["lie"], "mislead:0.1");
    has(&desk.out(&["run", "play.toml"]), &["here everybody is faithful"]);
    has(
        &desk.out(&["check", "play.toml"]),
        &["Cyd (mislead:0.1)", "2 edges, a tree", "the scenario can be used"],
    );
}

#[test]
fn the_audit_finds_nothing_and_says_how() {
    let desk = desk();
    let json = desk.json(&["audit", "three.toml", "--effort", "quick", "--json"]);
    assert_eq!(json["audit"]["passed"], true);
    let out = desk.out(&["audit", "three.toml", "--effort", "quick"]);
    has(&out, &["Verdict: nothing that is promised was found violated"]);
}

#[test]
fn results_are_written_with_tables_and_pictures() {
    let desk = desk();
    desk.out(&["run", "template.toml", "--out", "result"]);
    let folder = desk.path("result");
    let rounds = fs::read_to_string(folder.join("rounds.csv")).unwrap();
    assert!(rounds.starts_with("round,disagreement,beta,position_Ada,"), "{rounds}");
    assert_eq!(fs::read_to_string(folder.join("followers.csv")).unwrap().lines().count(), 5);
    for picture in ["rounds", "payments"] {
        assert!(folder.join(format!("{picture}.png")).exists(), "{picture}");
    }
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/rendezvous.toml");
    let json = desk.json(&["run", example.to_str().unwrap(), "--json"]);
    assert!(json["summary"]["passed"] == true && json["summary"]["epsilon"].as_f64().unwrap() <= 0.01);
}
