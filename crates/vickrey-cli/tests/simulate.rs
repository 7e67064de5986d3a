//! `vickrey simulate` of linear-quadratic markets, and what it writes.

mod support;

use serde_json::Value;
use support::Desk;

/// Worked Case A of the layered market, with two-point noise.
const STORES: &str = r#"mechanism = "linear-quadratic"
title = "Three stores"
seed = 5
[units]
money = "EUR"
[linear-quadratic]
periods = 3
noise-as = "variance"
[[agents]]
name = "Battery"
a = 1.0
b = 1.0
q = -1.0
r = -1.0
start-noise = 0.5
noise = 0.1
law = "two-point"
[[agents]]
name = "Building"
a = 0.9
b = 1.0
q = -0.5
r = -2.0
start-noise = 0.4
noise = 0.2
law = "two-point"
[[agents]]
name = "Plant"
a = 0.8
b = 0.5
q = -2.0
r = -1.0
start-noise = 0.3
noise = 0.1
law = "two-point"
"#;

fn desk() -> Desk {
    let desk = Desk::new();
    desk.write("stores.toml", STORES);
    let plan = STORES.replace("periods = 3", "periods = 3\nmarket = \"plan\"");
    let plan = plan.replace("name = \"Battery\"", "name = \"Battery\"\nstart = 1.0");
    desk.write("plan.toml", &plan.replace("name = \"Plant\"", "name = \"Plant\"\nstart = 0.2"));
    desk
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn agent<'a>(json: &'a Value, name: &str) -> &'a Value {
    json["agents"].as_array().unwrap().iter().find(|row| row["name"] == name).unwrap()
}

#[test]
fn budget_and_payments_have_the_reference_distribution() {
    let json = desk().json(&["simulate", "stores.toml", "--runs", "4000", "--json"]);
    let budget = &json["budget"]["truthful"];
    assert!(number(&budget["z"]).abs() < 4.0, "{budget}");
    assert!((number(&budget["expected"]) + 0.401_334).abs() < 1e-6, "{budget}");
    // Exact standard deviations; those of a sample of 4000 are within a few per cent.
    assert!((number(&budget["deviation"]) / 0.208_76 - 1.0).abs() < 0.05, "{budget}");
    for (name, deviation) in [("Battery", 0.279_80), ("Building", 0.268_10), ("Plant", 0.274_85)] {
        let payment = &agent(&json, name)["payment"]["truthful"];
        assert!((number(&payment["deviation"]) / deviation - 1.0).abs() < 0.05, "{name} {payment}");
        let worse = &agent(&json, name)["worse_off"]["truthful"];
        assert!(number(&worse["low"]) < number(&worse["share"]), "{worse}");
    }
    assert_eq!(json["deficit"]["truthful"]["share"], 1.0);
    assert_eq!(json["budget"]["strategic"], Value::Null);
    assert_eq!(json["summary"]["market"], "layered");
    assert!(number(&json["summary"]["largest_z"]).abs() < 4.5);
}

#[test]
fn lies_lose_on_average() {
    let desk = desk();
    let cases = [
        ("scale:1.3", -0.035_746),
        ("bias:0.2", -0.041_442),
        ("silent", -0.552_071),
        ("bias:0.3,only:0-0,forgetful", -0.093_245),
        ("q:1.6", -0.031_771),
    ];
    for (lie, loss) in cases {
        let liar = format!("Battery={lie}");
        let json = desk.json(&["simulate", "stores.toml", "--runs", "1500", "--liars", &liar, "--json"]);
        let row = agent(&json, "Battery");
        assert_eq!(row["lie"].as_str().map(str::len), Some(lie.len()), "{row}");
        let gain = &row["gain"];
        let off = (number(&gain["mean"]) - loss) / number(&gain["standard_error"]);
        assert!(off.abs() < 4.0, "{lie}: {gain}, expected {loss}");
        assert!(number(&gain["runs_needed"]) >= 1.0);
        assert_ne!(json["budget"]["strategic"], Value::Null);
    }
    let out = desk.out(&["simulate", "stores.toml", "--liars", "Plant=best", "--runs", "50"]);
    assert!(out.contains("linear lies is") && out.contains("in the runs above"), "{out}");
    let out = desk.out(&["simulate", "stores.toml", "--liars", "Plant=random", "Battery=delay,noise:0.1"]);
    assert!(out.contains("2 liars, 200 runs") && out.contains("several agents lie at once"), "{out}");
}

#[test]
fn a_folder_holds_runs_agents_and_pictures() {
    let desk = desk();
    let args = ["simulate", "stores.toml", "--runs", "40", "--liars", "Plant=silent:0.5", "--out", "days"];
    desk.vickrey(&args).assert().success();
    let read = |file: &str| std::fs::read_to_string(desk.path("days").join(file)).unwrap();
    let runs = read("runs.csv");
    assert_eq!(runs.lines().count(), 41);
    assert!(runs.starts_with("run,seed,budget,welfare,strategic_budget,strategic_welfare"), "{runs}");
    assert!(read("agents.csv").contains("Plant,silent:0.5,"));
    let json: Value = serde_json::from_str(&read("result.json")).unwrap();
    assert_eq!(json["pictures"].as_array().unwrap().len(), 6);
    assert_eq!(json["tables"][0]["file"], "runs.csv");
    for picture in ["budget-distribution", "budget-over-time", "net-utilities"] {
        assert!(desk.path("days").join(format!("{picture}.svg")).exists(), "{picture}");
        assert!(desk.path("days").join(format!("{picture}.png")).exists(), "{picture}");
    }
    // One of the runs again: the same noise, and so the same budget.
    let row: Vec<&str> = runs.lines().nth(7).unwrap().split(',').collect();
    let run = desk.json(&["run", "stores.toml", "--seed", row[1], "--json"]);
    let budget: f64 = row[2].parse().unwrap();
    assert!((number(&run["summary"]["budget"]) - budget).abs() < 1e-12, "{} {budget}", run["summary"]);
    let (code, error) = desk.fails(&args);
    assert!(code == 2 && error.contains("--force"), "{error}");
    desk.vickrey(&[&args[..], &["--force"]].concat()).assert().success();
}

#[test]
fn markets_write_their_folder_too() {
    let desk = desk();
    desk.vickrey(&["simulate", "four.toml", "--liars", "one=random", "--runs", "3", "--out", "games"])
        .assert()
        .success();
    let read = |file: &str| std::fs::read_to_string(desk.path("games").join(file)).unwrap();
    assert_eq!(read("runs.csv").lines().count(), 4);
    assert!(read("agents.csv").contains("one,random,"));
    assert!(read("result.json").contains("\"unsettled\""));
}

#[test]
fn threads_and_seeds() {
    let desk = desk();
    let with = |more: &[&str]| {
        let args = ["simulate", "stores.toml", "--runs", "60", "--liars", "Plant=random", "--json"];
        desk.out(&[&args[..], more].concat())
    };
    assert_eq!(with(&["--threads", "1"]), with(&["--threads", "3"]));
    assert_ne!(with(&["--seed", "1"]), with(&["--seed", "2"]));
}

#[test]
fn recorded_noise_is_said() {
    let desk = desk();
    let tables = "[tables]\npath = \"path.csv\"\n[[agents]]";
    desk.write("recorded.toml", &STORES.replacen("[[agents]]", tables, 1));
    let rows = |names: &[&str]| {
        let row = |name: &&str| (0..3).map(|s| format!("{name},{s},0.1\n")).collect::<String>();
        format!("agent,period,disturbance\n{}", names.iter().map(row).collect::<String>())
    };
    desk.write("path.csv", &rows(&["Battery"]));
    let out = desk.out(&["simulate", "recorded.toml", "--runs", "20"]);
    assert!(out.contains("1 of 3 agents follow recorded disturbances"), "{out}");
    desk.write("path.csv", &rows(&["Battery", "Building", "Plant"]));
    let json = desk.json(&["simulate", "recorded.toml", "--runs", "20", "--json"]);
    assert_eq!(json["budget"]["truthful"]["deviation"], 0.0);
    assert!(json["notes"][0].as_str().unwrap().contains("all runs are the same"), "{}", json["notes"]);
    assert_eq!(json["budget"]["truthful"]["expected"], Value::Null);
}

#[test]
fn lies_in_plans_are_reports() {
    let desk = desk();
    for lie in ["scale:1.2", "q:1.5", "r:0.5,b:1.1", "bias:-0.3", "a:1.05"] {
        let liar = format!("Battery={lie}");
        let json = desk.json(&["simulate", "plan.toml", "--liars", &liar, "--json"]);
        let gain = number(&agent(&json, "Battery")["gain"]["mean"]);
        assert!(gain < 0.0, "{lie} gains {gain}");
    }
    let json = desk.json(&["simulate", "plan.toml", "--liars", "Battery=best", "--json"]);
    let gain = number(&agent(&json, "Battery")["gain"]["mean"]);
    assert!(gain.abs() < 1e-9, "the best lie is the truth: {gain}");
    let out =
        desk.out(&["simulate", "plan.toml", "--liars", "Battery=random", "Plant=silent", "--runs", "4"]);
    assert!(out.contains("largest gain"), "{out}");
    let (code, error) = desk.fails(&["simulate", "plan.toml", "--liars", "Battery=delay"]);
    assert!(code == 2 && error.contains("one report"), "{error}");
}

#[test]
fn impossible_lies_are_refused() {
    let desk = desk();
    for (liar, message) in [
        ("Battery", "no `=`"),
        ("Batery=scale:2", "did you mean `Battery`"),
        ("Battery=grab:2", "accepted is scale:X"),
        ("Battery=only:0-3", "accepted are 0 to 2"),
        ("Battery=r:-1", "above 0"),
        ("Battery=best,scale:2", "stand alone"),
        ("Battery=r:1e13", "r"),
    ] {
        let (code, error) = desk.fails(&["simulate", "stores.toml", "--liars", liar]);
        assert_eq!(code, 2, "{liar}: {error}");
        assert!(error.contains(message), "{liar}: {error}");
    }
}
