//! The commands on markets that repeat every day.

mod support;

use std::fs;
use std::path::Path;

use serde_json::Value;
use support::{Desk, has};

/// Demand response B: two providers and a reserve.
const B: &str = r#"mechanism = "demand-response"
title = "Two providers"
seed = 7
[units]
quantity = "MWh"
price = "EUR/MWh"
money = "EUR"
[season]
days = 120
[market]
shortage = 3
reserve = { values = [1, 4], law = [0.5, 0.5] }
[[players]]
name = "Harbour"
types = [1, 3]
law = [0.5, 0.5]
[[players]]
name = "Quarry"
types = [2, 5]
law = [0.25, 0.75]
"#;

/// Game A.
const A: &str = r#"mechanism = "two-stage"
title = "Game A"
seed = 3
[season]
days = 200
[tests]
window = "printed"
burn-in = 30
pairwise = false
penalty-scale = 1
[game]
first = ["no", "yes"]
second = ["none", "small", "large"]
cost = { no = [0, 2, 3], yes = [0.2, 1, 3.5] }
[[players]]
name = "One"
types = ["a", "b", "c"]
law = [0.5, 0.3, 0.2]
values = [[[0, 4, 1], [-0.5, 3.5, 0.5]], [[0, 1, 3], [-0.5, 0.5, 2.5]], [[0, -1, 6], [-0.5, -1.5, 5.5]]]
[[players]]
name = "Two"
types = ["a", "b", "c"]
law = [0.3, 0.4, 0.3]
values = [[[0, 2, 2], [0.3, 1, 2.6]], [[0, 5, 0], [0.3, 4, 0.6]], [[0, -2, 3], [0.3, -3, 3.6]]]
"#;

fn desk() -> Desk {
    let desk = Desk::new();
    desk.write("b.toml", B);
    desk.write("a.toml", A);
    // A frequency that is off by a quarter is seen within 130 days.
    let liar = B.replace("types = [2, 5]", "bidding = \"exaggerate\"\nby = 1\ntypes = [2, 5]");
    desk.write("liar.toml", &liar.replace("days = 120", "days = 400"));
    for name in ["two-stage", "demand-response"] {
        let template = desk.out(&["new", name]);
        desk.write(&format!("{name}.toml"), &template);
    }
    desk
}

fn near(value: &Value, wanted: f64) {
    let found = value.as_f64().unwrap();
    assert!((found - wanted).abs() < 1e-8, "{found} is not {wanted}");
}

#[test]
fn run_says_what_is_expected_unseen_and_played() {
    let out = desk().out(&["run", "b.toml"]);
    has(
        &out,
        &[
            "Two providers",
            "demand-response market, 2 players with 2 types, 120 days, sealed bids",
            "an honest player is ever flagged with probability at most 0.01",
            "outlay of the operator  7.23701 EUR",
            "11.25 EUR",
            "2.03035 EUR/MWh",
            "4.40042",
            "gladly",
            "off by",
            "one season, seed 7",
            "Harbour",
        ],
    );
}

#[test]
fn the_document_holds_the_known_numbers() {
    let desk = desk();
    let json = desk.json(&["run", "b.toml", "--json"]);
    assert_eq!((json["mechanism"].as_str(), json["seed"].as_u64()), (Some("demand-response"), Some(7)));
    assert_eq!(json["scenario"]["hash"].as_str().unwrap().len(), 64);
    near(&json["expected"]["cost"], 3.279_057_438_941);
    near(&json["expected"]["outlay"], 7.237_013_989_631);
    near(&json["players"][0]["contribution"], 3.002_192_561_059);
    near(&json["players"][0]["utility"], 3.002_192_561_059);
    near(&json["players"][1]["first_payment"], -1.647_756_872_988);
    assert_eq!(json["days"].as_array().unwrap().len(), 120);
    assert_eq!(json["summary"]["season"]["flagged_players"], 0);
    let game = desk.json(&["run", "a.toml", "--json"]);
    assert_eq!(game["expected"]["first"], "no");
    near(&game["summary"]["welfare"], 3.98);
    near(&game["summary"]["surplus"], -1.12);
    for (i, (contribution, first)) in [(2.72, 0.69), (2.38, 0.72)].into_iter().enumerate() {
        near(&game["players"][i]["contribution"], contribution);
        near(&game["players"][i]["first_payment"], first);
        near(&game["players"][i]["utility"], contribution);
    }
    let seeded = desk.json(&["run", "a.toml", "--json", "--seed", "9"]);
    assert_eq!(seeded["seed"], 9);
    assert_ne!(seeded["days"], game["days"]);
    assert_eq!(game, desk.json(&["run", "a.toml", "--json", "--threads", "1"]));
}

#[test]
fn a_liar_is_flagged_and_pays() {
    let desk = desk();
    let json = desk.json(&["run", "liar.toml", "--json"]);
    let liar = &json["players"][1];
    assert!(liar["lies"].as_u64().unwrap() > 0 && liar["flagged"].as_u64().unwrap() > 0, "{liar}");
    assert!(liar["penalty"].as_f64().unwrap() > 0.0 && !liar["honest"].as_bool().unwrap());
    assert_eq!(liar["bidding"], "exaggerate:1");
    assert!(liar["flagged_by"]["frequency"].as_u64().unwrap() > 0);
    near(&json["players"][0]["penalty"], 0.0);
    has(&desk.out(&["run", "liar.toml"]), &["exaggerate:1", "own", "penalties"]);
}

#[test]
fn templates_run_and_are_checked() {
    let desk = desk();
    for name in ["two-stage", "demand-response"] {
        let file = format!("{name}.toml");
        let json = desk.json(&["run", &file, "--json"]);
        assert_eq!(json["mechanism"], name);
        let check = desk.json(&["check", &file, "--json"]);
        assert_eq!((check["ok"].as_bool(), check["mechanism"].as_str()), (Some(true), Some(name)));
        assert_eq!(check["days"], json["summary"]["days"]);
        has(&desk.out(&["check", &file]), &["type profiles", "tests", "the scenario can be used"]);
    }
    let out = desk.out(&["run", "demand-response.toml"]);
    has(&out, &["mild", "hot", "Bakery 3", "beta", "without"]);
}

#[test]
fn examples_run() {
    let desk = desk();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    for name in ["curtailment", "curtailment-limits", "lying-bidders", "weather", "two-stage-game"] {
        let file = format!("{name}.toml");
        desk.write(&file, &fs::read_to_string(folder.join(&file)).unwrap());
        let json = desk.json(&["run", &file, "--json"]);
        let season = &json["summary"]["season"];
        assert!(season["welfare"].is_f64() && season["budget"].is_f64(), "{name}: {season}");
        for player in json["players"].as_array().unwrap() {
            // Whoever is honest has what honesty brings, whatever the others do.
            let [utility, honest] = ["utility", "honest_utility"].map(|key| player[key].as_f64().unwrap());
            let unharmed = player["flagged"].as_u64() == Some(0);
            let near = (utility - honest).abs() < 1e-9 * (1.0 + honest.abs());
            assert!(!(player["honest"] == true && unharmed) || near, "{name}: {player}");
        }
    }
    let lying = desk.out(&["simulate", "lying-bidders.toml", "--runs", "3"]);
    has(&lying, &["Overstates", "exaggerate:1", "another law", "ride:2:6:0.9", "coin", "3 seasons"]);
}

#[test]
fn folders_hold_tables_and_pictures() {
    let desk = desk();
    desk.out(&["run", "b.toml", "--out", "result"]);
    let lines = |name: &str| fs::read_to_string(desk.path("result").join(name)).unwrap().lines().count();
    assert_eq!((lines("players.csv"), lines("days.csv"), lines("bids.csv")), (3, 121, 241));
    let bids = fs::read_to_string(desk.path("result/bids.csv")).unwrap();
    assert!(
        bids.starts_with("day,player,type,bid,allocation,valuation,payment,penalty,flags\n1,Harbour,"),
        "{bids}"
    );
    for name in ["season", "utilities", "tests"] {
        let svg = fs::read_to_string(desk.path("result").join(format!("{name}.svg"))).unwrap();
        assert!(svg.contains("Harbour") && svg.contains("day"), "{name}");
        assert!(desk.path("result").join(format!("{name}.png")).exists());
    }
    let json: Value =
        serde_json::from_str(&fs::read_to_string(desk.path("result/result.json")).unwrap()).unwrap();
    let files: Vec<&str> =
        json["tables"].as_array().unwrap().iter().map(|t| t["file"].as_str().unwrap()).collect();
    assert_eq!(files, ["players.csv", "days.csv", "bids.csv"]);
    assert_eq!(desk.fails(&["run", "b.toml", "--out", "result"]).0, 2);
    desk.out(&["run", "a.toml", "--out", "result", "--force"]);
}

#[test]
fn audit_finds_no_violated_promise() {
    let desk = desk();
    for file in ["a.toml", "b.toml", "liar.toml"] {
        let json = desk.json(&["audit", file, "--effort", "quick", "--json"]);
        assert_eq!(json["audit"]["passed"], true, "{file}: {}", json["audit"]);
        let rows = json["audit"]["guarantees"].as_array().unwrap();
        let of = |property: &str| rows.iter().any(|row| row["property"] == property);
        assert!(of("incentive-compatibility") && of("individual-rationality"), "{file}: {rows:?}");
    }
    let out = desk.out(&["audit", "a.toml", "--effort", "quick"]);
    has(&out, &["Game A", "Verdict: nothing that is promised was found violated"]);
    let out = desk.out(&["run", "b.toml", "--audit"]);
    has(&out, &["one season, seed 7", "Verdict"]);
}

#[test]
fn plot_draws_what_there_is() {
    let desk = desk();
    let json = desk.json(&["plot", "liar.toml", "--out", "p", "--format", "svg", "--json"]);
    assert_eq!(json["pictures"], serde_json::json!(["season.svg", "utilities.svg", "tests.svg"]));
    let (code, error) = desk.fails(&["plot", "b.toml", "--out", "q", "--kind", "modes"]);
    assert!(code == 2 && error.contains("season, utilities, tests"), "{error}");
}

#[test]
fn wrong_input_is_refused_with_its_place() {
    let desk = desk();
    for (from, to, part) in [
        ("law = [0.5, 0.5]\n[[", "law = [0.5, 0.6]\n[[", "Harbour"),
        ("types = [1, 3]", "types = [1, -3]", "types"),
        ("days = 120", "days = 0", "days"),
        ("shortage = 3", "shortages = 3", "shortage"),
    ] {
        assert!(B.contains(from), "{from}");
        desk.write("wrong.toml", &B.replace(from, to));
        for command in ["run", "check"] {
            let (code, error) = desk.fails(&[command, "wrong.toml"]);
            assert!(code == 2 && error.contains(part), "{command} {to}: {error}");
        }
    }
    let (code, error) = desk.fails(&["simulate", "b.toml", "--leak"]);
    assert!(code == 2 && error.contains("--leak"), "{error}");
}
