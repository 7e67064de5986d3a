//! What lands on the disk: whole or not at all, bit for bit.

mod support;

use std::fs;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;
use support::Desk;

fn names(desk: &Desk, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(desk.path(folder)).unwrap();
    let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn the_folder_holds_document_table_and_pictures() {
    let desk = Desk::new();
    desk.vickrey(&["run", "four.toml", "--audit", "--out", "results/today"]).assert().success();
    let expected = [
        "agents.csv",
        "payments.png",
        "payments.svg",
        "result.json",
        "scaling.png",
        "scaling.svg",
        "supply-demand.png",
        "supply-demand.svg",
    ];
    assert_eq!(names(&desk, "results/today"), expected);
    assert_eq!(names(&desk, "results"), ["today"]);
    let document: Value =
        serde_json::from_slice(&fs::read(desk.path("results/today/result.json")).unwrap()).unwrap();
    assert_eq!(document["tables"][0]["file"], "agents.csv");
    assert_eq!(document["pictures"].as_array().unwrap().len(), 6);
    assert_eq!(document["audit"]["passed"], true);
}

#[test]
fn the_document_has_its_fields() {
    let desk = Desk::new();
    let json = desk.json(&["run", "four.toml", "--json"]);
    for field in [
        "version",
        "tool",
        "mechanism",
        "title",
        "seed",
        "scenario",
        "units",
        "summary",
        "scaling",
        "agents",
        "tables",
        "pictures",
        "notes",
        "audit",
        "warnings",
    ] {
        assert!(json.get(field).is_some(), "{field}");
    }
    for field in [
        "agents",
        "welfare",
        "price",
        "price_low",
        "price_high",
        "budget",
        "payment_rule",
        "c",
        "c_origin",
        "imbalance",
        "volume",
        "pivotal",
        "forced",
        "effort",
    ] {
        assert!(json["summary"].get(field).is_some(), "summary.{field}");
    }
    for field in ["name", "allocation", "value", "payment", "lagrange", "vcg", "gap", "utility", "without"] {
        assert!(json["agents"][0].get(field).is_some(), "agents.{field}");
    }
    assert_eq!(json["scenario"]["path"], "four.toml");
}

#[test]
fn json_and_csv_agree_bit_for_bit() {
    let desk = Desk::new();
    desk.vickrey(&["run", "four.toml", "--out", "r"]).assert().success();
    let printed = desk.json(&["run", "four.toml", "--json"]);
    let mut table = csv::Reader::from_path(desk.path("r/agents.csv")).unwrap();
    let heads = table.headers().unwrap().clone();
    for (i, record) in table.records().enumerate() {
        let record = record.unwrap();
        for (head, cell) in heads.iter().zip(&record).skip(1) {
            let number: f64 = cell.parse().unwrap();
            assert_eq!(printed["agents"][i][head].as_f64().unwrap().to_bits(), number.to_bits(), "{head}");
        }
    }
}

#[test]
fn large_markets_keep_their_table_beside() {
    let desk = Desk::new();
    desk.write_agents("many.toml", 10_001);
    let json = desk.json(&["run", "many.toml", "--out", "r", "--json"]);
    assert_eq!(json["agents"], Value::Null);
    assert!(json["notes"].to_string().contains("agents.parquet"));
    assert!(desk.path("r/agents.parquet").exists() && !desk.path("r/agents.csv").exists());
}

#[test]
fn an_existing_folder_is_left_alone() {
    let desk = Desk::new();
    fs::create_dir(desk.path("r")).unwrap();
    let (code, error) = desk.fails(&["run", "four.toml", "--out", "r"]);
    assert_eq!(code, 2);
    assert!(error.contains("exists already") && error.contains("--force"), "{error}");
    desk.vickrey(&["run", "four.toml", "--out", "r", "--force"]).assert().success();
    desk.vickrey(&["run", "four.toml", "--out", "r", "--force"]).assert().success();
    assert_eq!(names(&desk, "."), ["four.toml", "r"]);
    desk.write("r/notes.txt", "mine");
    let (code, error) = desk.fails(&["run", "four.toml", "--out", "r", "--force"]);
    assert_eq!(code, 2);
    assert!(error.contains("notes.txt"), "{error}");
    let (code, error) = desk.fails(&["run", "four.toml", "--out", "four.toml"]);
    assert_eq!(code, 2);
    assert!(error.contains("four.toml"), "{error}");
}

#[cfg(unix)]
#[test]
fn unwritable_places_are_named() {
    let desk = Desk::new();
    // Not a folder, not a place, and (unless root runs the tests) not allowed.
    for place in ["four.toml/r", "/proc/vickrey/r", "/"] {
        for args in [["run", "four.toml", "--out", place], ["plot", "four.toml", "--out", place]] {
            let (code, error) = desk.fails(&args);
            assert_eq!(code, 2, "{place}: {error}");
            // Long paths wrap; their first part is enough.
            assert!(error.contains(place.split_at(place.len().min(5)).0), "{place}: {error}");
        }
    }
}

#[test]
fn a_killed_run_leaves_no_half_folder() {
    let desk = Desk::new();
    desk.write_agents("many.toml", 20_000);
    let program = assert_cmd::cargo::cargo_bin("vickrey");
    for milliseconds in [5, 60, 150, 300, 500] {
        let mut child = Command::new(&program)
            .current_dir(desk.dir.path())
            .args(["run", "many.toml", "--out", "r"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        sleep(Duration::from_millis(milliseconds));
        child.kill().unwrap();
        child.wait().unwrap();
        if desk.path("r").exists() {
            let document: Value =
                serde_json::from_slice(&fs::read(desk.path("r/result.json")).unwrap()).unwrap();
            assert_eq!(names(&desk, "r").len(), 2 + document["pictures"].as_array().unwrap().len());
            fs::remove_dir_all(desk.path("r")).unwrap();
        }
        let known = ["agents.csv", "four.toml", "many.toml"];
        for left in names(&desk, ".").into_iter().filter(|name| !known.contains(&name.as_str())) {
            assert!(left.starts_with("r.vickrey-unfinished-"), "{left}");
        }
    }
}
