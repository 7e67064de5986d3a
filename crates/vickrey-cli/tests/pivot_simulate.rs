//! `vickrey simulate` of dynamic pivot mechanisms, and `vickrey reproduce 002`.

mod support;

use serde_json::Value;
use support::Desk;

/// Worked case E4, as `vickrey reproduce 002` has it.
const STORAGE: &str = include_str!("../src/reproduce/paper_002/worked/storage.toml");
/// Worked case E1: an item that may not come.
const ITEM: &str = include_str!("../src/reproduce/paper_002/worked/item.toml");

fn storage(head: &str, end: &str) -> String {
    let providers = STORAGE.replace("\nEND", &format!("\n{end}")).replace("= COST", "= 10.0");
    let providers = providers.replace("\"1\"", "\"Harbour\"").replace("\"2\"", "\"Quarry\"");
    let units = "[units]\nmoney = \"EUR\"\n";
    format!(
        "mechanism = \"pivot\"\ntitle = \"Two storage providers\"\nseed = 5\n{units}[pivot]\nfamily = \"storage\"\n\
         {head}\n{providers}"
    )
}

/// Nobody can be given the item without her.
fn item(head: &str) -> String {
    let mut players = ITEM.replace("\"1\"", "\"one\"").replace("\"2\"", "\"two\"");
    for own in ["{ \"to 1\" = [0, 5] }", "{ \"to 2\" = 3 }"] {
        let decision = own.split('"').nth(1).unwrap();
        players = players.replace(own, &format!("{own}\nneeds = [\"{decision}\"]"));
    }
    format!("mechanism = \"pivot\"\n[pivot]\nhorizon = 1\n{head}\n{players}")
}

fn desk() -> Desk {
    let desk = Desk::new();
    for mode in ["same", "own", "tight"] {
        let head = format!("horizon = 3\nwithout = \"{mode}\"");
        desk.write(&format!("{mode}.toml"), &storage(&head, "terminal = [0.0, -1.0]"));
    }
    let head = "horizon = \"infinite\"\ndiscount = 0.9\nwithout = \"own\"\nperiods = 20";
    desk.write("endless.toml", &storage(head, ""));
    desk.write("item.toml", &item(""));
    desk.write("waiting.toml", &item("payment = \"outcome-contingent\""));
    desk.write("own.item.toml", &item("without = \"own\""));
    desk
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn player<'a>(json: &'a Value, name: &str) -> &'a Value {
    json["players"].as_array().unwrap().iter().find(|row| row["name"] == name).unwrap()
}

#[test]
fn means_are_what_the_solution_says() {
    let desk = desk();
    // By mode: expected payments of both, and what the first can expect (worked case E4 at state 00).
    let cases = [
        ("same", 2.593_517_52, -2.732_517_52),
        ("own", -5.631_714_48, 1.380_098_48),
        ("tight", -3.541_251_44, 0.334_866_96),
    ];
    for (mode, budget, first) in cases {
        let json = desk.json(&["simulate", &format!("{mode}.toml"), "--runs", "4000", "--json"]);
        assert!((number(&json["budget"]["truthful"]["expected"]) - budget).abs() < 1e-12, "{mode}");
        assert!((number(&json["welfare"]["truthful"]["expected"]) + 2.871_517_52).abs() < 1e-12, "{mode}");
        let utility = &player(&json, "Harbour")["utility"]["truthful"];
        assert!((number(&utility["expected"]) - first).abs() < 1e-12, "{mode} {utility}");
        assert!(number(&json["summary"]["largest_z"]).abs() < 4.5, "{mode} {}", json["summary"]);
        assert_eq!(json["summary"]["compared"], 4);
        assert_eq!(json["summary"]["without"], mode);
        assert_eq!(json["budget"]["strategic"], Value::Null);
        assert_eq!(json["effect"], Value::Null);
        let deficit = number(&json["deficit"]["truthful"]["share"]);
        // Nobody is ever paid in mode same; in the others the operator pays in every game.
        assert_eq!(deficit, if mode == "same" { 0.0 } else { 1.0 }, "{mode}");
    }
}

#[test]
fn lies_do_not_gain_on_average() {
    let desk = desk();
    let lies = [
        "report:depleted",
        "report:0",
        "swap",
        "shift:1",
        "shift:-1,only:1-2",
        "map:charged>depleted",
        "map:charged>depleted,depleted>charged,only:0-0",
    ];
    for mode in ["same", "own", "tight"] {
        for lie in lies {
            let liar = format!("Harbour={lie}");
            let file = format!("{mode}.toml");
            let json = desk.json(&["simulate", &file, "--runs", "1500", "--liars", &liar, "--json"]);
            let row = player(&json, "Harbour");
            assert_eq!(row["lie"], lie);
            let gain = &row["gain"];
            let error = gain["standard_error"].as_f64().unwrap_or(0.0);
            assert!(number(&gain["mean"]) < 4.0 * error + 1e-9, "{mode} {lie}: {gain}");
            // What the lies do to everybody is what they do to each.
            let effect = &json["effect"];
            let parts = ["liars", "others", "operator", "public"].map(|who| number(&effect[who]["mean"]));
            let all = number(&effect["welfare"]["mean"]);
            assert!((parts.iter().sum::<f64>() - all).abs() < 1e-9, "{mode} {lie}: {effect}");
            assert!(all < 4.0 * number(&effect["welfare"]["standard_error"]) + 1e-9, "{mode} {lie}");
        }
    }
}

/// Both games of a run have the same random numbers: a lie that changes nothing gains exactly nothing.
#[test]
fn a_lie_that_is_none_gains_nothing() {
    let json = desk().json(&["simulate", "own.toml", "--liars", "Harbour=map:charged>charged", "--json"]);
    for name in ["Harbour", "Quarry"] {
        let gain = &player(&json, name)["gain"];
        assert_eq!((number(&gain["least"]), number(&gain["largest"])), (0.0, 0.0));
    }
    assert_eq!(json["budget"]["truthful"]["mean"], json["budget"]["strategic"]["mean"]);
}

#[test]
fn who_is_silent_has_left() {
    let desk = desk();
    let json = desk.json(&["simulate", "own.toml", "--runs", "2000", "--liars", "Harbour=silent", "--json"]);
    let harbour = player(&json, "Harbour");
    // Never used, never paid: only her storage may be empty in the end (worked case E4: O = -0.139).
    let payment = &harbour["payment"]["strategic"];
    assert_eq!((number(&payment["least"]), number(&payment["largest"])), (0.0, 0.0));
    let utility = &harbour["utility"]["strategic"];
    let off = (number(&utility["mean"]) + 0.139) / number(&utility["standard_error"]);
    assert!(off.abs() < 4.5, "{utility}");
    // The other one alone: the operator's loss is the worth of what she saves.
    assert!(json["notes"].to_string().contains("left for good"), "{}", json["notes"]);
    let out = desk.out(&["simulate", "own.toml", "--liars", "Harbour=silent:1", "Quarry=swap,only:0-1"]);
    assert!(out.contains("2 liars, 200 runs") && out.contains("several players lie at once"), "{out}");
    let all = desk.json(&["simulate", "own.toml", "--liars", "Harbour=silent", "Quarry=silent", "--json"]);
    assert!(number(&all["effect"]["public"]["mean"]) < -10.0, "load is curtailed: {}", all["effect"]);
}

#[test]
fn leaks_pay_unless_payments_wait() {
    let desk = desk();
    let leaked = |file: &str| {
        let args = ["simulate", file, "--leak", "--liars", "one=informed", "--runs", "400", "--json"];
        desk.json(&args)
    };
    let json = leaked("item.toml");
    let gain = &player(&json, "one")["gain"];
    // 1.2 where no item comes, nothing where it does (worked case E1).
    assert!((number(&gain["largest"]) - 1.2).abs() < 1e-12 && number(&gain["least"]) == 0.0, "{gain}");
    let off = (number(&gain["mean"]) - 0.72) / number(&gain["standard_error"]);
    assert!(off.abs() < 4.5, "{gain}");
    assert!(json["warnings"][0].as_str().unwrap().contains("outcome-contingent"));
    let json = leaked("waiting.toml");
    assert_eq!(number(&player(&json, "one")["gain"]["largest"]), 0.0);
    assert_eq!(json["warnings"].as_array().map(Vec::len), Some(0));
    // A leak changes nothing as long as everybody is truthful.
    let open = desk.json(&["simulate", "own.toml", "--leak", "--json"]);
    let closed = desk.json(&["simulate", "own.toml", "--json"]);
    assert_eq!(open["budget"], closed["budget"]);
    let out = desk.out(&["simulate", "own.toml", "--leak", "--liars", "Quarry=informed", "--runs", "500"]);
    assert!(out.contains("outcomes leak before the reports") && !out.contains("promise"), "{out}");
}

#[test]
fn games_without_end() {
    let desk = desk();
    let json = desk.json(&["simulate", "endless.toml", "--runs", "3000", "--json"]);
    let summary = &json["summary"];
    assert_eq!((&summary["without_end"], &summary["periods"]), (&Value::Bool(true), &Value::from(20)));
    assert!((number(&summary["share_played"]) - (1.0 - 0.9_f64.powi(20))).abs() < 1e-12);
    assert!(number(&summary["largest_z"]).abs() < 4.5, "{summary}");
    let harbour = player(&json, "Harbour");
    let whole = &harbour["with_what_follows"]["truthful"];
    // Worked case E4 for ever, mode own, at state 00.
    assert!((number(&whole["expected"]) - 7.319_132_328_4).abs() < 1e-8, "{whole}");
    assert!(number(&whole["mean"]) > number(&harbour["utility"]["truthful"]["mean"]));
    assert_eq!(harbour["utility"]["truthful"]["expected"], Value::Null);
    let out = desk.out(&["simulate", "endless.toml", "--liars", "Harbour=swap"]);
    assert!(out.contains("with the rest") && out.contains("have 87.8 % of the weight"), "{out}");
}

#[test]
fn a_folder_holds_runs_players_and_pictures() {
    let desk = desk();
    let args = ["simulate", "own.toml", "--runs", "40", "--liars", "Harbour=swap", "--out", "games"];
    desk.vickrey(&args).assert().success();
    let read = |file: &str| std::fs::read_to_string(desk.path("games").join(file)).unwrap();
    let runs = read("runs.csv");
    assert_eq!(runs.lines().count(), 41);
    assert!(runs.starts_with("run,seed,budget,welfare,public,strategic_budget"), "{runs}");
    assert!(read("players.csv").contains("Harbour,swap,"));
    let json: Value = serde_json::from_str(&read("result.json")).unwrap();
    assert_eq!(json["mechanism"], "pivot");
    assert_eq!(json["pictures"].as_array().unwrap().len(), 6);
    for picture in ["budget-distribution", "net-utilities", "gains"] {
        assert!(desk.path("games").join(format!("{picture}.svg")).exists(), "{picture}");
        assert!(desk.path("games").join(format!("{picture}.png")).exists(), "{picture}");
    }
    // The rows are the runs that the means are of.
    let column = |k: usize| {
        runs.lines().skip(1).map(move |row| row.split(',').nth(k).unwrap().parse::<f64>().unwrap())
    };
    let mean = column(2).sum::<f64>() / 40.0;
    assert!((mean - number(&json["budget"]["truthful"]["mean"])).abs() < 1e-12);
    // One of the games again, period by period.
    let row: Vec<&str> = runs.lines().nth(7).unwrap().split(',').collect();
    let run = desk.json(&["run", "own.toml", "--seed", row[1], "--json"]);
    let steps = run["trace"].as_array().unwrap().iter();
    let paid = steps.flat_map(|step| step["payment"].as_array().unwrap()).map(number).sum::<f64>();
    assert!((paid - row[2].parse::<f64>().unwrap()).abs() < 1e-12, "{paid} {row:?}");
    let (code, error) = desk.fails(&args);
    assert!(code == 2 && error.contains("--force"), "{error}");
    desk.vickrey(&[&args[..], &["--force"]].concat()).assert().success();
}

#[test]
fn threads_and_seeds() {
    let desk = desk();
    let with = |more: &[&str]| {
        let args = ["simulate", "own.toml", "--runs", "60", "--liars", "Quarry=swap", "--json"];
        desk.out(&[&args[..], more].concat())
    };
    assert_eq!(with(&["--threads", "1"]), with(&["--threads", "3"]));
    assert_ne!(with(&["--seed", "1"]), with(&["--seed", "2"]));
}

#[test]
fn impossible_lies_are_refused() {
    let desk = desk();
    for (liar, message) in [
        ("Harbour", "no `=`"),
        ("Harbor=swap", "did you mean `Harbour`"),
        ("Harbour=scale:2", "accepted is report:TYPE"),
        ("Harbour=report:empty", "accepted: `charged`, `depleted`, or a number from 0 to 1"),
        ("Harbour=report:2", "no type `2`"),
        ("Harbour=map:charged", "TYPE>TYPE"),
        ("Harbour=swap,only:0-3", "accepted are 0 to 2"),
        ("Harbour=silent:3", "accepted are 0 to 2"),
        ("Harbour=swap,shift:1", "one of them"),
        ("Harbour=informed", "add --leak"),
    ] {
        let (code, error) = desk.fails(&["simulate", "own.toml", "--liars", liar]);
        assert_eq!(code, 2, "{liar}: {error}");
        assert!(error.contains(message), "{liar}: {error}");
    }
    let (code, error) = desk.fails(&["simulate", "four.toml", "--leak"]);
    assert!(code == 2 && error.contains("dynamic pivot"), "{error}");
}

#[test]
fn a_game_that_cannot_go_on_says_so() {
    let desk = desk();
    let (code, error) = desk.fails(&["simulate", "own.item.toml", "--liars", "one=silent"]);
    assert_eq!(code, 1, "{error}");
    let text: String = error.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("`one` has left") && text.contains("for `two`"), "{error}");
    assert!(text.contains("let a game go on"), "{error}");
}

#[test]
fn large_instances() {
    let desk = Desk::new();
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/licence-many.toml");
    let json = desk.json(&["simulate", example, "--runs", "30", "--json"]);
    assert_eq!(json["summary"]["solved_by"], "index");
    assert!(number(&json["summary"]["largest_z"]).abs() < 4.5, "{}", json["summary"]);
    let name = json["players"][0]["name"].as_str().unwrap();
    let (code, error) =
        desk.fails(&["simulate", example, "--leak", "--liars", &format!("{name}=informed"), "--runs", "2"]);
    assert!(code == 1 && error.contains("too large"), "{error}");
}

#[test]
fn paper_002_is_recomputed() {
    let desk = Desk::new();
    let json = desk.json(&["reproduce", "002", "--out", "figures", "--json"]);
    let rows = json.as_array().unwrap();
    let count = |verdict: &str| rows.iter().filter(|row| row["verdict"] == verdict).count();
    assert_eq!((count("broken"), count("not-reproduced")), (0, 0));
    assert!(count("reproduced") >= 20 && count("not-printed") >= 100, "{} rows", rows.len());
    let wrong: Vec<&str> = rows
        .iter()
        .filter(|row| row["verdict"] == "print-is-wrong")
        .map(|row| row["what"].as_str().unwrap())
        .collect();
    assert!(wrong.iter().any(|what| what.starts_with("Lemma 1, sum of payments below 0: E3")), "{wrong:?}");
    for figure in ["1-timing", "2-goods-path", "3-utility-against-report", "4-curtailment-cost", "4b-modes"] {
        for ending in ["svg", "png"] {
            assert!(desk.path("figures").join(format!("{figure}.{ending}")).exists(), "{figure}");
        }
    }
}
