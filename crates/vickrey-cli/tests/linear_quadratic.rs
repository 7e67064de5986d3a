//! The commands on linear-quadratic markets.

mod support;

use std::fs;
use std::path::Path;

use predicates::str::contains;
use serde_json::Value;
use support::Desk;

const AGENTS: &str = r#"
[[agents]]
name = "Battery"
a = 1.0
b = 1.0
q = -1.0
r = -1.0
start = 1.0
start-noise = 0.5
noise = 0.1
[[agents]]
name = "Tank"
a = 0.9
b = 1.0
q = -0.5
r = -2.0
start-noise = 0.4
noise = 0.2
[[agents]]
name = "Cold store"
a = 0.8
b = 0.5
q = -2.0
r = -1.0
start-noise = 0.3
noise = 0.1
"#;

/// A scenario with these rules.
fn with(desk: &Desk, file: &str, rules: &str) {
    let head = "mechanism = \"linear-quadratic\"\ntitle = \"Three stores\"\nseed = 3\n\
                [units]\nquantity = \"kWh\"\nprice = \"ct/kWh\"\nmoney = \"ct\"\n";
    let text = format!("{head}[linear-quadratic]\nperiods = 4\nnoise-as = \"variance\"\n{rules}\n{AGENTS}");
    desk.write(file, &text);
}

fn names(desk: &Desk, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(desk.path(folder)).unwrap();
    let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn run_shows_what_is_expected_beside_the_run() {
    let desk = Desk::new();
    with(&desk, "lq.toml", "scaling = \"low-end\"");
    // Where one agent has most of what is traded, no c is feasible.
    let text = fs::read_to_string(desk.path("lq.toml")).unwrap().replace("start = 1.0\n", "");
    desk.write("lq.toml", &text);
    let out = desk.out(&["run", "lq.toml"]);
    for part in [
        "Three stores",
        "layered market, 3 agents, 4 periods, payment rule incremental with c = 1.",
        "Cold store",
        "this run",
        "expected",
        "planned",
        "budget (negative: the operator pays)",
        "fixed before any bid of a state",
        "keep every agent in expectation",
        "note: the run is one draw of all noise (seed 3)",
        "nobody trades in the last period (3)",
    ] {
        assert!(out.contains(part), "`{part}` is missing in\n{out}");
    }
    assert!(!out.contains('\u{1b}') && !out.contains("NaN"), "{out}");
    let widest =
        out.lines().filter(|line| line.starts_with(['│', '┌'])).map(|line| line.chars().count()).max();
    assert!(widest.unwrap() <= 112, "{out}");
}

#[test]
fn run_shows_a_plan() {
    let desk = Desk::new();
    with(&desk, "plan.toml", "market = \"plan\"\nnet-demand = [-1.0, 0.5, 0.0, 0.0]");
    let out = desk.out(&["run", "plan.toml"]);
    for part in ["plan market", "Lagrange payment", "net demand", "paid at the start", "the operator"] {
        assert!(out.contains(part), "`{part}` is missing in\n{out}");
    }
    // Noise is ignored, and that is said.
    assert!(out.contains("warning:") && out.contains("ignores"), "{out}");
    assert!(!out.contains("this run"), "{out}");
}

#[test]
fn the_document_has_the_fields_of_all_documents_and_its_own() {
    let desk = Desk::new();
    with(&desk, "lq.toml", "");
    let (json, market) =
        (desk.json(&["run", "lq.toml", "--json"]), desk.json(&["run", "four.toml", "--json"]));
    let keys = |json: &Value| json.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    for key in keys(&market) {
        assert!(json.get(&key).is_some(), "{key}");
    }
    for key in
        ["agents", "welfare", "budget", "payment_rule", "baseline", "c", "c_origin", "volume", "imbalance"]
    {
        assert!(json["summary"].get(key).is_some() && market["summary"].get(key).is_some(), "{key}");
    }
    assert_eq!(json["stages"].as_array().unwrap().len(), 4);
    for key in ["period", "price", "price_planned", "volume", "payment", "budget", "welfare", "imbalance"] {
        assert!(json["stages"][0][key].is_number(), "{key}");
    }
    for key in
        ["allocation", "value", "payment", "utility", "expected_payment", "expected_utility", "outside"]
    {
        assert!(json["agents"][0][key].is_number(), "{key}");
    }
}

#[test]
fn the_seed_decides_the_run_and_threads_do_not() {
    let desk = Desk::new();
    with(&desk, "lq.toml", "payment = \"pure\"\nscaling = 1.1");
    let run = |args: &[&str]| desk.out(&[&["run", "lq.toml", "--json"], args].concat());
    assert_eq!(run(&["--threads", "1"]), run(&["--threads", "3"]));
    let (one, two): (Value, Value) =
        (serde_json::from_str(&run(&[])).unwrap(), serde_json::from_str(&run(&["--seed", "4"])).unwrap());
    assert_eq!(two["seed"], 4);
    assert_ne!(one["summary"]["welfare"], two["summary"]["welfare"]);
    assert_eq!(one["summary"]["expected"], two["summary"]["expected"]);
}

#[test]
fn the_folder_holds_document_tables_and_pictures() {
    let desk = Desk::new();
    with(&desk, "lq.toml", "");
    with(&desk, "plan.toml", "market = \"plan\"");
    desk.vickrey(&["run", "lq.toml", "--out", "r"]).assert().success();
    let pictures = |kinds: &[&str]| {
        kinds.iter().flat_map(|k| [format!("{k}.png"), format!("{k}.svg")]).collect::<Vec<_>>()
    };
    let mut expected = pictures(&["budget", "payments", "prices", "scaling", "trades"]);
    expected.extend(["agents.csv", "plans.csv", "result.json", "stages.csv", "trades.csv"].map(String::from));
    expected.sort();
    assert_eq!(names(&desk, "r"), expected);
    let document: Value = serde_json::from_slice(&fs::read(desk.path("r/result.json")).unwrap()).unwrap();
    assert_eq!(document["tables"].as_array().unwrap().len(), 4);
    assert_eq!(document["pictures"].as_array().unwrap().len(), 10);
    // A result of one kind is replaced by one of another.
    desk.vickrey(&["run", "plan.toml", "--out", "r", "--force"]).assert().success();
    assert!(!desk.path("r/plans.csv").exists() && !desk.path("r/budget.svg").exists());
    desk.vickrey(&["run", "four.toml", "--out", "r", "--force"]).assert().success();
}

#[test]
fn plot_knows_the_pictures_of_each_mechanism() {
    let desk = Desk::new();
    with(&desk, "lq.toml", "");
    with(&desk, "plan.toml", "market = \"plan\"");
    desk.vickrey(&["plot", "lq.toml", "--out", "p", "--kind", "budget", "--format", "svg"])
        .assert()
        .success();
    assert_eq!(names(&desk, "p"), ["budget.svg"]);
    let json = desk.json(&["plot", "plan.toml", "--out", "all", "--format", "svg", "--json"]);
    assert_eq!(
        json["pictures"],
        serde_json::json!(["prices.svg", "trades.svg", "payments.svg", "scaling.svg"])
    );
    let cases = [
        ("lq.toml", "supply-demand", "prices, trades, payments, budget, scaling, or all"),
        ("plan.toml", "budget", "prices, trades, payments, scaling, or all"),
        ("four.toml", "prices", "supply-demand, payments, scaling, or all"),
    ];
    for (file, kind, accepted) in cases {
        let (code, error) = desk.fails(&["plot", file, "--out", "no", "--kind", kind]);
        assert_eq!(code, 2, "{error}");
        let words = error.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(accepted), "{error}");
        assert!(!desk.path("no").exists());
    }
}

#[test]
fn no_feasible_c_is_a_failed_run() {
    let desk = Desk::new();
    with(&desk, "three.toml", "scaling = \"low-end\"");
    let text = fs::read_to_string(desk.path("three.toml")).unwrap();
    let two = text.rsplit_once("[[agents]]").unwrap().0;
    desk.write("two.toml", two);
    desk.vickrey(&["run", "two.toml"])
        .assert()
        .code(1)
        .stdout(contains("two agents that trade never have a feasible c"))
        .stderr(contains("cannot be taken from the expected values"))
        .stderr(contains("give `scaling` a number"));
    desk.write("worlds.toml", &two.replace("scaling = \"low-end\"", "payment = \"worlds\""));
    let (code, error) = desk.fails(&["run", "worlds.toml"]);
    assert_eq!(code, 2);
    assert!(error.contains("at least 3") && error.contains("incremental"), "{error}");
}

#[test]
fn what_leaves_the_numbers_is_bad_input() {
    let desk = Desk::new();
    with(&desk, "wild.toml", "");
    let text = fs::read_to_string(desk.path("wild.toml")).unwrap();
    desk.write("wild.toml", &text.replace("a = 0.9", "a = 1e9").replace("periods = 4", "periods = 40"));
    for args in [&["run", "wild.toml"][..], &["audit", "wild.toml"], &["plot", "wild.toml", "--out", "p"]] {
        let (code, error) = desk.fails(args);
        assert!(error.contains("range of numbers") && !error.contains("panicked"), "{error}");
        assert_eq!(code, 2, "{args:?}: {error}");
    }
}

#[test]
fn audits_pass_what_holds() {
    let desk = Desk::new();
    with(&desk, "lq.toml", "");
    with(&desk, "plan.toml", "market = \"plan\"");
    for file in ["lq.toml", "plan.toml"] {
        desk.vickrey(&["audit", file, "--effort", "quick"])
            .assert()
            .success()
            .stdout(contains("incentive compatibility"))
            .stdout(contains("nothing that is promised was found violated"));
    }
    let json = desk.json(&["run", "lq.toml", "--audit", "--json"]);
    assert_eq!((&json["audit"]["passed"], &json["audit"]["effort"]), (&true.into(), &"quick".into()));
    // Nothing is audited where nothing can be charged, and the command fails for that reason.
    with(&desk, "none.toml", "scaling = \"low-end\"");
    let (code, error) = desk.fails(&["audit", "none.toml"]);
    assert_eq!(code, 1);
    assert!(error.contains("give `scaling` a number"), "{error}");
}

#[test]
fn long_tables_are_cut_in_the_middle() {
    let desk = Desk::new();
    let agent = |i: usize| {
        format!("[[agents]]\nname = \"a{i}\"\na = 0.9\nb = 1.0\nq = -1.0\nr = -1.0\nnoise = 0.1\n")
    };
    let agents: String = (0..31).map(agent).collect();
    let head =
        "mechanism = \"linear-quadratic\"\n[linear-quadratic]\nperiods = 31\nnoise-as = \"variance\"\n";
    desk.write("many.toml", &format!("{head}{agents}"));
    let out = desk.out(&["run", "many.toml"]);
    assert_eq!(out.matches("… 5 more").count(), 2, "{out}");
    assert!(out.contains(" a19 ") && !out.contains(" a20 ") && out.contains(" a30 "), "{out}");
}

#[test]
fn every_example_runs() {
    let desk = Desk::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    for file in ["day-ahead-plan.toml", "hidden-states.toml"] {
        let path = folder.join(file);
        let out = desk.out(&["run", path.to_str().unwrap()]);
        assert!(!out.contains("warning:"), "{file}\n{out}");
        desk.vickrey(&["check", path.to_str().unwrap()]).assert().success();
    }
}
