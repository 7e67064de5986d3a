//! The commands on dual decomposition.

mod support;

use std::fs;
use std::path::Path;

use serde_json::Value;
use support::{Desk, has};

/// The worked case with one coupling, five rounds.
const THREE: &str = r#"mechanism = "dual-decomposition"
title = "Three followers"
seed = 4
[units]
quantity = "MW"
price = "EUR/MW"
money = "EUR"
[resource]
total = 3
[rules]
method = "ascent"
step = 0.4
rounds = 5
[[followers]]
name = "Ann"
curvature = [1, 1]
cost = { matrix = 1, linear = -2 }
[[followers]]
name = "Bob"
curvature = [2, 2]
cost = { matrix = 2, linear = -1 }
[[followers]]
name = "Cyd"
coupling = 2
curvature = [4, 4]
cost = { matrix = 4, linear = -8 }
"#;

/// Section II of paper 003: two followers alike.
const TWO: &str = r#"mechanism = "dual-decomposition"
[resource]
total = 1
[rules]
method = "ascent"
rounds = 60
mode = "MODE"
[[followers]]
name = "East"
curvature = 2
cost = { matrix = 2, linear = -2, constant = 1 }
[[followers]]
name = "West"
curvature = 2
cost = { matrix = 2, linear = -2, constant = 1 }
"#;

fn desk() -> Desk {
    let desk = Desk::new();
    desk.write("three.toml", THREE);
    desk.write("six.toml", &THREE.replace("rounds = 5", "rounds = 6"));
    desk.write("exact.toml", &THREE.replace("rounds = 5", "epsilon = 1e-9"));
    for mode in ["vcg", "clearing-price"] {
        desk.write(&format!("{mode}.toml"), &TWO.replace("MODE", mode));
    }
    let template = desk.out(&["new", "dual-decomposition"]);
    desk.write("template.toml", &template);
    desk
}

fn near(value: &Value, wanted: f64) {
    let found = value.as_f64().unwrap();
    assert!((found - wanted).abs() < 1e-8, "{found} is not {wanted}");
}

#[test]
fn run_shows_decisions_payments_and_epsilon() {
    let out = desk().out(&["run", "three.toml"]);
    has(
        &out,
        &[
            "Three followers",
            "dual decomposition, 3 followers with 3 decisions, 1 coupling, payments vcg",
            "ascent, step 0.4; exactly 5 rounds",
            "0.71996",
            "-0.29000",
            "1.38666",
            "epsilon",
            "a fixed number of rounds",
            "5 for 4 problems side by side, 5 of them for the main one",
            "certificate",
        ],
    );
}

#[test]
fn the_document_holds_the_known_numbers() {
    let json = desk().json(&["run", "three.toml", "--json"]);
    let tax = [0.719_960_678_4, -0.290_002_073_6, 1.386_659_84];
    for (row, wanted) in json["followers"].as_array().unwrap().iter().zip(tax) {
        near(&row["payment"], wanted);
        let (cost, payment) = (row["cost"].as_f64().unwrap(), row["payment"].as_f64().unwrap());
        near(&row["utility"], -cost - payment);
    }
    assert_eq!(json["mechanism"], "dual-decomposition");
    assert_eq!(json["summary"]["status"], "fixed-rounds");
    assert_eq!(json["rounds"].as_array().unwrap().len(), 5);
    assert_eq!(json["summary"]["messages"], 36);
    let exact = desk().json(&["run", "exact.toml", "--json"]);
    near(&exact["summary"]["cost"], -7.8);
    near(&exact["couplings"][0]["price"].as_f64().map(|p| (p * 1e4).round() / 1e4).into(), 1.4);
    for (row, wanted) in exact["followers"].as_array().unwrap().iter().zip([0.84, -0.28, 3.64]) {
        assert!((row["clearing_payment"].as_f64().unwrap() - wanted).abs() < 1e-3);
    }
    assert_eq!(exact["summary"]["status"], "converged");
    // What every round would be certified to be worth falls to what the run ends with.
    let rounds = exact["rounds"].as_array().unwrap();
    let certificate = |k: usize| rounds[k]["certificate"].as_f64().unwrap();
    assert!(certificate(0) > 0.1 && certificate(rounds.len() - 1) <= 1e-9);
    let stated = exact["summary"]["certificate"].as_f64().unwrap();
    assert!((0..rounds.len()).any(|k| certificate(k) == stated), "{stated}");
}

#[test]
fn a_cap_that_is_too_low_is_said() {
    let desk = desk();
    desk.write(
        "short.toml",
        &THREE.replace("step = 0.4\nrounds = 5", "step = 0.1\nrounds = 2\nepsilon = 1e-12"),
    );
    let out = desk.out(&["run", "short.toml"]);
    has(&out, &["NOT converged", "warning: epsilon was not reached in 2 rounds"]);
}

/// What a follower gains on average.
fn gain_of(json: &Value, name: &str) -> f64 {
    let agents = json["agents"].as_array().unwrap();
    agents.iter().find(|agent| agent["name"] == name).unwrap()["gain"]["mean"].as_f64().unwrap()
}

#[test]
fn lies_pay_at_the_clearing_price_and_not_under_vcg() {
    let desk = desk();
    let gain = |file: &str, liar: &str| {
        let json = desk.json(&["simulate", file, "--liars", liar, "--json"]);
        gain_of(&json, "East")
    };
    // Sec. II: 3/4 for the faithful, 2/3 for who always answers 1/3.
    let third = format!("East=constant:{}", 1.0 / 3.0);
    assert!((gain("clearing-price.toml", &third) - 1.0 / 12.0).abs() < 1e-9);
    for lie in [
        third.as_str(),
        "East=constant:0.7",
        "East=scale:2",
        "East=script:1;0.4;0.5",
        "East=silent",
        "East=values:3",
    ] {
        assert!(gain("vcg.toml", lie) <= 1e-9, "{lie}");
    }
    let out = desk.out(&["simulate", "clearing-price.toml", "--liars", &third]);
    has(&out, &["constant:0.333", "lies pay"]);
}

#[test]
fn who_is_faithful_is_no_liar() {
    let desk = desk();
    let json = desk.json(&["simulate", "three.toml", "--liars", "Bob=faithful", "--json"]);
    assert_eq!(json["agents"][1]["lie"], Value::Null, "{json}");
    assert!(!json["notes"].to_string().contains("several"), "{json}");
    has(&desk.out(&["simulate", "three.toml", "--liars", "Bob=faithful", "Ann=scale:2"]), &["1 liar, 1 run"]);
    let text = THREE.replace("linear = -8 }", "linear = -8 }\nplay = { script = [9, 1.3] }");
    desk.write("play.toml", &text);
    has(&desk.out(&["simulate", "play.toml", "--liars", "Cyd=faithful"]), &["0 liars"]);
}

#[test]
fn the_best_lie_gains_the_gap() {
    let desk = desk();
    // Two rounds of a step that is not the exact one: the decision costs more than -7.8, and that is what can be gained.
    desk.write("slow.toml", &THREE.replace("step = 0.4\nrounds = 5", "step = 0.3\nrounds = 2"));
    let cost = desk.json(&["run", "slow.toml", "--json"])["summary"]["cost"].as_f64().unwrap();
    let json = desk.json(&["simulate", "slow.toml", "--liars", "Cyd=best", "--json"]);
    let gain = gain_of(&json, "Cyd");
    assert!(cost + 7.8 > 1e-4 && (gain - (cost + 7.8)).abs() < 1e-8, "{cost} {gain}");
    let lie = json["agents"][2]["lie"].as_str().unwrap();
    assert!(lie.starts_with("best"), "{lie}");
    let notes = json["notes"].to_string();
    assert!(
        notes.contains("best against faithful others") && notes.contains("there is no better one"),
        "{notes}"
    );
    let third = desk.json(&["simulate", "clearing-price.toml", "--liars", "East=best", "--json"]);
    // The best constant answer gains 1/12; answers round by round, more.
    assert!(gain_of(&third, "East") > 1.0 / 12.0 - 1e-9, "{third}");
    // Where prices have settled, nothing is left to gain.
    let out = desk.out(&["simulate", "exact.toml", "--liars", "Bob=best"]);
    has(&out, &["0 liars", "`Bob`: none of", "gains more than rounding"]);
}

/// Of what repeats, one line; and of who holds the others up, all names.
#[test]
fn what_was_made_up_for_is_told_once() {
    let desk = desk();
    let limited = TWO.replace("MODE", "zero").replace("curvature = 2", "curvature = 2\nlow = 0\nhigh = 0.6");
    desk.write("limited.toml", &limited);
    let json = desk.json(&["simulate", "limited.toml", "--liars", "East=silent", "--json"]);
    let notes = json["notes"].as_array().unwrap();
    let kept: Vec<&str> = notes
        .iter()
        .filter_map(|note| note.as_str())
        .filter(|note| note.contains("would be dropped"))
        .collect();
    assert_eq!(kept.len(), 1, "{notes:?}");
    assert!(kept[0].contains("20 rounds from 3 to 60"), "{kept:?}");
    let run = desk.out(&["run", "limited.toml"]);
    has(&run, &["cannot be met without `East` and `West`"]);
    let script = "Bob=script:0.5;1e14;0.3;0.3;1e14";
    let json = desk.json(&["simulate", "three.toml", "--liars", script, "--json"]);
    let notes = json["notes"].to_string();
    assert!(notes.contains("round 5: the last answers leave nothing of the totals"), "{notes}");
}

#[test]
fn rounds_that_gave_up_momentum_are_counted() {
    let desk = desk();
    let text = THREE.replace("method = \"ascent\"\nstep = 0.4\nrounds = 5", "step = 0.05\nrounds = 40");
    desk.write("fast.toml", &text);
    let json = desk.json(&["run", "fast.toml", "--json"]);
    let marked = |row: &&Value| row["momentum_restart"].as_bool().unwrap();
    let count = json["rounds"].as_array().unwrap().iter().filter(marked).count();
    assert!(count > 1);
    assert_eq!(json["summary"]["momentum_restarts"], count);
    has(&desk.out(&["run", "fast.toml"]), &[&format!("which gave up momentum {count} times")]);
    let json = desk.json(&["run", "three.toml", "--json"]);
    assert_eq!(json["summary"]["momentum_restarts"], 0);
}

#[test]
fn faults_have_their_known_consequences() {
    let desk = desk();
    let out = desk.out(&["simulate", "six.toml", "--liars", "Bob=silent:3-3"]);
    has(&out, &["with lies, `Bob` has no usable answer in round 3"]);
    let dropped = desk.json(&["simulate", "six.toml", "--liars", "Bob=silent:2", "--json"]);
    let notes = dropped["notes"].to_string();
    assert!(notes.contains("`Bob` is dropped"), "{notes}");
    let garbage =
        desk.json(&["simulate", "template.toml", "--liars", "Gas=garbage", "--runs", "3", "--json"]);
    assert_eq!(garbage["runs"], 3);
    assert!(gain_of(&garbage, "Gas") <= 1e-5);
    // However many rounds she misses, that is told once.
    let notes = garbage["notes"].as_array().unwrap();
    assert_eq!(
        notes.iter().filter(|note| note.as_str().unwrap().contains("usable answer")).count(),
        1,
        "{notes:?}"
    );
}

#[test]
fn what_the_scenario_says_of_plays_is_simulated() {
    let desk = desk();
    let text = THREE.replace("linear = -8 }", "linear = -8 }\nplay = { script = [9, 1.3] }");
    desk.write("play.toml", &text);
    let json = desk.json(&["simulate", "play.toml", "--json"]);
    assert_eq!(json["agents"][2]["lie"], "script:9;1.3");
    let out = desk.out(&["run", "play.toml"]);
    has(&out, &["here everybody is faithful"]);
    let out = desk.out(&["check", "play.toml"]);
    has(&out, &["Cyd (script:9;1.3)", "3 with 3 decisions", "the scenario can be used"]);
}

/// Plain ascent on costs that bend between public bounds, without limits: the number of rounds is bounded beforehand.
#[test]
fn check_says_how_many_rounds_suffice() {
    let desk = desk();
    let json = desk.json(&["check", "exact.toml", "--json"]);
    let rounds = json["rounds_at_most"].as_u64().unwrap();
    let cap = json["rounds"].as_u64().unwrap();
    has(&desk.out(&["check", "exact.toml"]), &["rounds at most", &rounds.to_string(), "the cap is 10"]);
    assert!(rounds > 1 && rounds < cap, "{json}");
    // They do suffice: the best cost is -7.8.
    desk.write("sure.toml", &THREE.replace("rounds = 5", &format!("rounds = {rounds}")));
    let cost = desk.json(&["run", "sure.toml", "--json"])["summary"]["cost"].as_f64().unwrap();
    assert!(cost + 7.8 <= 1e-9, "{cost}");
    // With a fixed number of rounds or another method there is nothing to say.
    for text in
        [THREE.to_owned(), THREE.replace("method = \"ascent\"\nstep = 0.4\nrounds = 5", "epsilon = 1e-9")]
    {
        desk.write("other.toml", &text);
        assert_eq!(desk.json(&["check", "other.toml", "--json"])["rounds_at_most"], Value::Null);
    }
}

#[test]
fn bad_lies_are_refused() {
    let desk = desk();
    for (liar, part) in [
        ("Ann=constant:1/2", "found 2 decisions, accepted are 1"),
        ("Ann=lazy", "accepted is faithful, scale:X"),
        ("Anne=garbage", "did you mean `Ann`?"),
    ] {
        let (code, said) = desk.fails(&["simulate", "three.toml", "--liars", liar]);
        let said = said.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ");
        assert!(code == 2 && said.contains(part), "{said}");
    }
}

#[test]
fn results_are_written_with_tables_and_pictures() {
    let desk = desk();
    desk.out(&["run", "template.toml", "--out", "result"]);
    let folder = desk.path("result");
    let json: Value = serde_json::from_slice(&fs::read(folder.join("result.json")).unwrap()).unwrap();
    let files: Vec<&str> =
        json["tables"].as_array().unwrap().iter().map(|table| table["file"].as_str().unwrap()).collect();
    assert_eq!(files, ["followers.csv", "decisions.csv", "rounds.csv"]);
    let rounds = fs::read_to_string(folder.join("rounds.csv")).unwrap();
    assert!(
        rounds.starts_with("round,price_power,price_reserve,residual,lower,certificate,momentum_restart\n"),
        "{rounds}"
    );
    let followers = fs::read_to_string(folder.join("followers.csv")).unwrap();
    assert_eq!(followers.lines().count(), 5);
    for picture in ["rounds", "allocations", "payments"] {
        for ending in ["svg", "png"] {
            assert!(folder.join(format!("{picture}.{ending}")).exists(), "{picture}.{ending}");
        }
    }
}

#[test]
fn examples_run_and_converge() {
    let desk = desk();
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    for name in ["power-and-reserve", "water-network", "shared-cluster"] {
        let path = examples.join(format!("{name}.toml"));
        let json = desk.json(&["run", path.to_str().unwrap(), "--json"]);
        assert_eq!(json["summary"]["status"], "converged", "{name}");
        assert!(json["summary"]["imbalance"].as_f64().unwrap() < 1e-6, "{name}");
        assert_eq!(json["summary"]["individually_rational"], true, "{name}");
    }
    let json = desk.json(&["run", "template.toml", "--json"]);
    assert_eq!(json["summary"]["status"], "converged");
}

#[test]
fn audits_pass() {
    let desk = desk();
    for file in ["exact.toml", "template.toml"] {
        let json = desk.json(&["audit", file, "--effort", "quick", "--json"]);
        assert_eq!(json["audit"]["passed"], true, "{file}");
    }
    let out = desk.out(&["audit", "exact.toml", "--effort", "quick"]);
    has(&out, &["Verdict: nothing that is promised was found violated"]);
}

/// What a certificate says of the decision bounds nothing that lies gain, where the theory does not apply.
#[test]
fn rules_that_promise_nothing_state_no_epsilon() {
    let desk = desk();
    let ascent = "method = \"ascent\"\nstep = 0.4\nrounds = 5";
    let limited = THREE.replace("curvature", "low = -20\nhigh = 20\ncurvature");
    for (rules, said) in [
        (format!("{ascent}\nmode = \"clearing-price\""), "not incentive compatible"),
        (format!("{ascent}\nmarginals = \"warm\"\nmarginal-rounds = 1"), "marginals are warm"),
        ("method = \"ascent\"\nrounds = 5\nmoduli = \"announced\"".into(), "curvatures are announced"),
        ("method = \"multipliers\"\nrho = 1\nrounds = 8\nbound = \"naive\"".into(), "the bound is naive"),
    ] {
        desk.write("broken.toml", &limited.replace(ascent, &rules));
        let json = desk.json(&["run", "broken.toml", "--json"]);
        assert_eq!(json["summary"]["epsilon"], Value::Null, "{rules}");
        // A bound that is none bounds the decision neither.
        assert_eq!(json["summary"]["certificate"].is_null(), rules.contains("naive"), "{json:#}");
        let out = desk.out(&["run", "broken.toml"]);
        assert!(!out.contains("epsilon is certified") && out.contains(said), "{out}");
        let json = desk.json(&["simulate", "broken.toml", "--liars", "Bob=script:1;2", "--json"]);
        let text = json.to_string();
        assert!(text.contains(said) && !text.contains("no single follower gains more"), "{json:#}");
        let audit = desk.json(&["audit", "broken.toml", "--effort", "quick", "--json"]);
        assert!(audit.to_string().contains("these rules promise none"), "{rules}");
    }
}
