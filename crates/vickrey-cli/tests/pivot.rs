//! The commands on pivot mechanisms.

mod support;

use std::fs;
use std::path::Path;

use serde_json::Value;
use support::Desk;

/// The text of an example.
fn example(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name);
    fs::read_to_string(path).unwrap()
}

/// With the examples in it.
fn desk() -> Desk {
    let desk = Desk::new();
    for name in ["storage.toml", "storage-park.toml", "licence.toml", "licence-many.toml", "licence-many.csv"]
    {
        desk.write(name, &example(name));
    }
    for mode in ["same", "tight"] {
        let text = example("storage.toml").replace("without = \"own\"", &format!("without = \"{mode}\""));
        desk.write(&format!("{mode}.toml"), &text);
    }
    desk
}

fn row<'a>(json: &'a Value, property: &str, concept: &str) -> &'a Value {
    let rows = json["audit"]["guarantees"].as_array().unwrap();
    rows.iter().find(|row| row["property"] == property && row["concept"] == concept).unwrap()
}

#[test]
fn run_says_what_is_decided_paid_expected_and_promised() {
    let out = desk().out(&["run", "storage.toml"]);
    for part in [
        "Two storage providers",
        "mode own (without a player only what does not need her is possible)",
        "4 joint states",
        "start: Harbour charged, Quarry charged",
        "first decision: none (0.4): nothing; shortage (0.6): Harbour",
        "-5.63171 EUR (the coordinator pays)",
        "accounts",
        "no lie gains more than",
        "truth is best (IC)",
        "fails, not promised",
        "least V: -0.4 EUR",
        "least p: -3.08688 EUR",
        "one run, seed 1",
    ] {
        assert!(out.contains(part), "`{part}` is missing in\n{out}");
    }
    assert!(!out.contains('\u{1b}') && !out.contains("NaN"), "{out}");
}

#[test]
fn every_example_runs() {
    let desk = desk();
    desk.write("brewers.toml", &example("brewers.toml"));
    desk.write("spare-parts.toml", &example("spare-parts.toml"));
    let names = ["storage", "storage-park", "licence", "licence-many", "brewers", "spare-parts"];
    for name in names {
        let json = desk.json(&["run", &format!("{name}.toml"), "--json"]);
        assert_eq!(json["mechanism"], "pivot", "{name}");
        for key in ["family", "players", "without", "payment_rule", "structure", "welfare", "certificate"] {
            assert!(!json["summary"][key].is_null(), "{name}: {key}");
        }
        assert!(!json["trace"].as_array().unwrap().is_empty(), "{name}");
        let out = desk.out(&["run", &format!("{name}.toml"), "--seed", "5"]);
        assert!(out.contains("one run, seed 5") && out.contains("no lie gains more than"), "{out}");
    }
    let many = desk.json(&["run", "licence-many.toml", "--json"]);
    assert_eq!(many["summary"]["structure"], "index");
    assert!(many["promises"].is_null() && many["seen"]["states"].as_u64().unwrap() > 0);
    assert!((many["summary"]["welfare"].as_f64().unwrap() - 37.068_818_011_4).abs() < 1e-8);
    assert!((many["players"][1]["first_payment"].as_f64().unwrap() - 1.843_275_906_1).abs() < 1e-8);
}

#[test]
fn audit_finds_what_each_mode_promises() {
    let desk = desk();
    let zero = |json: &Value| row(json, "individual-rationality", "zero").clone();
    let weak = |json: &Value| row(json, "budget-balance", "weak").clone();
    let verdicts = [
        ("same.toml", "condition-not-met", "holds"),
        ("storage.toml", "condition-not-met", "condition-not-met"),
        ("tight.toml", "holds", "condition-not-met"),
    ];
    for (file, participation, budget) in verdicts {
        let json = desk.json(&["audit", file, "--effort", "quick", "--json"]);
        assert_eq!(json["audit"]["passed"], true, "{file}");
        assert_eq!(row(&json, "incentive-compatibility", "ex-post")["verdict"], "holds", "{file}");
        assert_eq!(row(&json, "individual-rationality", "autarky")["verdict"], "holds", "{file}");
        assert_eq!(zero(&json)["verdict"], participation, "{file}");
        assert_eq!(weak(&json)["verdict"], budget, "{file}");
        let modes = json["modes"].as_array().unwrap();
        let names: Vec<&str> = modes.iter().map(|found| found["mode"].as_str().unwrap()).collect();
        assert_eq!(names, ["same", "own", "tight"]);
        for (found, wanted) in modes.iter().zip([2.593_517_52, -5.631_714_48, -3.541_251_44]) {
            assert!((found["expected_payments"].as_f64().unwrap() - wanted).abs() < 1e-8);
        }
    }
    let out = desk.out(&["audit", "storage.toml", "--effort", "quick"]);
    for part in
        ["The three modes side by side", "own *", "Verdict: nothing that is promised was found violated"]
    {
        assert!(out.contains(part), "`{part}` is missing in\n{out}");
    }
}

#[test]
fn audit_without_a_table_of_all_states_says_so() {
    let out = desk().out(&["audit", "licence-many.toml", "--effort", "quick"]);
    let parts = [
        "certificate: no lie gains more than",
        "every single lie of every player in every such state",
        "periods in a row",
        "nobody is worse off than if the others decide without her",
        "states, met in truthful runs or drawn at random (all ",
        "Verdict: nothing that is promised was found violated",
    ];
    for part in parts {
        assert!(out.contains(part), "`{part}` is missing in\n{out}");
    }
}

#[test]
fn results_reach_the_disk() {
    let desk = desk();
    desk.out(&["run", "storage.toml", "--out", "today"]);
    let mut names: Vec<String> = fs::read_dir(desk.path("today"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let wanted = [
        "modes.png",
        "modes.svg",
        "players.csv",
        "reports.png",
        "reports.svg",
        "result.json",
        "rulings.csv",
        "run.png",
        "run.svg",
        "trace.csv",
    ];
    assert_eq!(names, wanted);
    let rulings = fs::read_to_string(desk.path("today/rulings.csv")).unwrap();
    assert_eq!(rulings.lines().count(), 13);
    // A folder of results may be replaced.
    desk.out(&["run", "storage.toml", "--out", "today", "--force"]);
    desk.out(&["plot", "storage.toml", "--out", "pictures", "--kind", "modes", "--format", "svg"]);
    assert!(desk.path("pictures/modes.svg").exists());
    let (code, error) = desk.fails(&["plot", "storage.toml", "--out", "other", "--kind", "prices"]);
    assert_eq!(code, 2);
    assert!(error.contains("run, reports, modes"), "{error}");
}

#[test]
fn check_says_how_large_it_is_and_how_it_will_be_solved() {
    let desk = desk();
    let json = desk.json(&["check", "storage.toml", "--json"]);
    assert_eq!((&json["structure"], &json["joint_states"]), (&Value::from("product"), &Value::from(4.0)));
    assert!(json["memory"].as_f64().unwrap() > 0.0);
    let out = desk.out(&["check", "licence-many.toml"]);
    for part in
        ["Gittins indices", "1.3e30", "not for all joint states", "which needs less than all joint states"]
    {
        assert!(out.contains(part), "`{part}` is missing in\n{out}");
    }
    let many = desk.json(&["check", "licence-many.toml", "--json"]);
    assert_eq!((&many["structure"], &many["reason"]), (&Value::from("index"), &Value::from("smaller")));
    assert!(many["memory"].as_f64().unwrap() < 1e9, "{many}");
}

/// Thirty players whom no decision moves: 2^30 joint states, none of which is ever built.
#[test]
fn periods_that_are_settled_by_themselves_need_no_joint_states() {
    let desk = desk();
    let mut text = String::from("mechanism = \"pivot\"\n[pivot]\nhorizon = 3\nmemory = 64\n");
    for k in 0..30 {
        text.push_str(&format!("[[decisions]]\nname = \"to {k}\"\n"));
    }
    let all: Vec<String> = (0..30).map(|k| format!("\"to {k}\"")).collect();
    text.push_str(&format!(
        "[[outcomes]]\nname = \"item\"\nprobability = 1\ndecisions = [{}]\n",
        all.join(", ")
    ));
    for k in 0..30 {
        text.push_str(&format!(
            "[[players]]\nname = \"p{k}\"\ntypes = [\"low\", \"high\"]\nstart = \"low\"\n\
             transition = [[0.5, 0.5], [0.25, 0.75]]\nutility = {{ \"to {k}\" = [{k}, {}] }}\n",
            2 * k
        ));
    }
    desk.write("static.toml", &text);
    let out = desk.out(&["check", "static.toml"]);
    assert!(out.contains("period by period") && out.contains("no values to keep"), "{out}");
    let json = desk.json(&["run", "static.toml", "--json"]);
    assert_eq!(json["summary"]["structure"], "static");
    // At the start all are low: the last is worth most, and pays what the one before her is worth.
    let first = &json["players"][29]["first_payment"];
    assert_eq!(first, &Value::from(28.0));
    assert_eq!(json["players"][28]["first_payment"], Value::from(0.0));
    desk.out(&["audit", "static.toml", "--effort", "quick"]);
    desk.out(&["simulate", "static.toml", "--runs", "5"]);
}

/// A trade that needs the seller, or a night in which she may be loud.
const NEIGHBOURS: &str = r#"mechanism = "pivot"
[pivot]
horizon = 1
without = "own"
[[decisions]]
name = "no"
[[decisions]]
name = "trade"
[[decisions]]
name = "quiet"
[[decisions]]
name = "loud"
[[outcomes]]
name = "day"
probability = 0.5
decisions = ["no", "trade"]
[[outcomes]]
name = "night"
probability = 0.5
decisions = ["quiet", "loud"]
[[players]]
name = "seller"
utility = { trade = -1, loud = 10 }
needs = ["trade"]
[[players]]
name = "buyer"
utility = { trade = 3, loud = -8 }
"#;

/// What is said about payments is about those that the scenario makes.
#[test]
fn promises_follow_the_time_of_payment() {
    let desk = desk();
    desk.write("fixed.toml", NEIGHBOURS);
    let waiting = NEIGHBOURS.replace("horizon = 1", "horizon = 1\npayment = \"outcome-contingent\"");
    desk.write("waiting.toml", &waiting);
    // She pays 8 at night and is paid 3 by day: 2.5 on average.
    let cases = [
        ("fixed.toml", "before-outcome", "holds", 2.5),
        ("waiting.toml", "outcome-contingent", "condition-not-met", -3.0),
    ];
    for (file, time, verdict, least) in cases {
        let json = desk.json(&["audit", file, "--effort", "quick", "--json"]);
        for found in [&json["promises"], &json["modes"][1]] {
            assert_eq!((&found["mode"], &found["time"]), (&Value::from("own"), &Value::from(time)));
            assert_eq!(found["no_negative_payment"], verdict, "{file}");
            assert_eq!(found["payment"][0]["value"], Value::from(least), "{file}");
        }
        assert_eq!(row(&json, "budget-balance", "weak")["verdict"], verdict, "{file}");
    }
    let out = desk.out(&["audit", "waiting.toml", "--effort", "quick"]);
    assert!(out.contains("side by side, payments that wait for the outcome"), "{out}");
    let out = desk.out(&["run", "waiting.toml"]);
    for part in ["payments in every outcome that is possible", "least p: -3"] {
        assert!(out.contains(part), "`{part}` is missing in\n{out}");
    }
}

/// A file that is no text is refused without showing what is in it.
#[test]
fn bytes_that_are_no_text_stay_off_the_terminal() {
    let desk = Desk::new();
    for head in ["mechanism = \"market\"", "mechanism = \"linear-quadratic\"", NEIGHBOURS] {
        let bytes = [head.as_bytes(), b"\ntitle = \"\x1b[31m\xff\xfe\"\n"].concat();
        fs::write(desk.path("bytes.toml"), bytes).unwrap();
        let (code, error) = desk.fails(&["check", "bytes.toml"]);
        let text: String = error.split_whitespace().collect::<Vec<_>>().join(" ");
        let line = head.lines().count() + 1 + usize::from(head.ends_with('\n'));
        let place = format!("0xff in line {line}, column 15, {} bytes from the", head.len() + 15);
        assert!(code == 2 && text.contains(&place), "{place}: {error}");
        assert!(!error.contains('\u{1b}') && !error.contains('\u{fffd}'), "{error:?}");
    }
    // Text with control characters is shown without them.
    desk.write("control.toml", "mechanism = \"market\"\n# \u{1b}[31m\u{9b}31m\ntitle = \"x\"\n");
    let (code, error) = desk.fails(&["check", "control.toml"]);
    assert_eq!(code, 2, "{error}");
    assert!(!error.contains('\u{1b}') && !error.contains('\u{9b}'), "{error:?}");
}

#[test]
fn too_little_memory_is_refused_in_bytes() {
    let desk = desk();
    // Twelve different providers with four levels: 16.8 million joint states, 256 MiB for two numbers each.
    let mut text = String::from(
        "mechanism = \"pivot\"\n[pivot]\nfamily = \"storage\"\nhorizon = 2\nmemory = 300\n\
         [[imbalances]]\nname = \"shortage\"\nprobability = 0.5\ncurtailment = 10.0\ncharge = -1\n",
    );
    for i in 0..12 {
        text.push_str(&format!(
            "[[players]]\nname = \"p{i}\"\nlevels = 4\nstart = \"0 %\"\ncost = [1, 2, 3, {}]\ndrift = 0.1\nrest = \"0 %\"\n",
            4 + i
        ));
    }
    desk.write("large.toml", &text);
    let (code, error) = desk.fails(&["run", "large.toml"]);
    assert_eq!(code, 2, "{error}");
    for part in ["joint states", "MiB", "memory"] {
        assert!(error.contains(part), "`{part}` is missing in\n{error}");
    }
}
