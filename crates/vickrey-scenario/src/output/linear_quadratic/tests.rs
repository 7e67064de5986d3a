//! Results of linear-quadratic markets: reference values of worked cases, every rule of payment, tables and pictures.

use std::fs;
use std::path::Path;

use serde_json::Value;
use vickrey::accounts::Accounts;

use super::*;
use crate::output::{Existing, Format, Kind, Pictured, Table};
use crate::plot::Picture;
use crate::{System, parse};

/// The agents of the worked Cases A, C and D.
const THREE: &str = "
[[agents]]
name = \"one\"
a = 1.0
b = 1.0
q = -1.0
r = -1.0
start = 1.0
start-noise = 0.5
noise = 0.1
observation = 1.0
observation-noise = 0.1
[[agents]]
name = \"two\"
a = 0.9
b = 1.0
q = -0.5
r = -2.0
start = -0.5
start-noise = 0.4
noise = 0.2
observation = 1.0
observation-noise = 0.2
[[agents]]
name = \"three\"
a = 0.8
b = 0.5
q = -2.0
r = -1.0
start = 0.2
start-noise = 0.3
noise = 0.1
observation = 2.0
observation-noise = 0.05
";

fn text(rules: &str, agents: &str) -> String {
    format!(
        "mechanism = \"linear-quadratic\"\nseed = 5\n[linear-quadratic]\nperiods = 3\nnoise-as = \"variance\"\n{rules}\n{agents}"
    )
}

fn scenario(rules: &str, agents: &str) -> Scenario {
    parse(&text(rules, agents), Path::new("folder/test.toml")).unwrap()
}

/// Case A and D: as [`THREE`], with starts of mean zero.
fn centred() -> String {
    THREE.lines().filter(|line| !line.starts_with("start = ")).collect::<Vec<_>>().join("\n")
}

fn many(n: usize) -> String {
    let agent = |i: usize| {
        let (q, noise) = (0.5 + 0.1 * (i % 7) as f64, 0.1 + 0.05 * (i % 5) as f64);
        format!(
            "[[agents]]\nname = \"a{i}\"\na = 0.9\nb = 1.0\nq = -{q}\nr = -1.0\nstart-noise = 1.0\nnoise = {noise}\n"
        )
    };
    (0..n).map(agent).collect()
}

fn lq(scenario: &Scenario) -> &LinearQuadraticScenario {
    let System::LinearQuadratic(lq) = &scenario.system else { panic!("another mechanism") };
    lq
}

fn solve(scenario: &Scenario) -> LqResult<'_> {
    LqResult::solve(scenario, lq(scenario), &|_| ()).unwrap()
}

fn json(result: &LqResult<'_>) -> Value {
    serde_json::from_str(&result.document(None).to_json().unwrap()).unwrap()
}

fn assert_near(found: &Value, expected: f64) {
    // The reference values have ten decimals.
    let x = found.as_f64().unwrap();
    assert!((x - expected).abs() < 2e-10, "{x} {expected}");
}

#[test]
fn a_plan_has_the_numbers_of_the_worked_case() {
    let scenario = scenario("market = \"plan\"", THREE);
    let json = json(&solve(&scenario));
    assert_eq!((&json["version"], &json["mechanism"]), (&1.into(), &"linear-quadratic".into()));
    assert_eq!(json["summary"]["market"], "plan");
    assert_near(&json["summary"]["welfare"], -2.328_111_355_9);
    assert_near(&json["stages"][0]["price"], -1.050_367_473_6);
    assert_near(&json["stages"][1]["price"], -0.479_974_028_0);
    let rows = [
        ("one", -0.598_968_447_1, -1.694_468_532_4, 0.267_785_288_4, 0.537_278_225_0, -3.0),
        ("two", 0.424_616_824_3, -0.348_473_263_1, -0.514_315_495_3, -0.376_051_360_3, -0.308_262_5),
    ];
    for (i, (name, allocation, value, payment, lagrange, outside)) in rows.into_iter().enumerate() {
        let row = &json["agents"][i];
        assert_eq!(row["name"], name);
        let numbers = [allocation, value, payment, lagrange, outside];
        for (column, number) in ["allocation", "value", "payment", "lagrange", "outside"].iter().zip(numbers)
        {
            assert_near(&row[column], number);
        }
        assert_eq!(row["payment"], row["expected_payment"]);
    }
    assert_near(&json["agents"][2]["without"], -2.236_712_811_6);
    assert_eq!(json["stages"][0]["payment"], Value::Null);
}

#[test]
fn a_recorded_path_is_charged_as_in_the_worked_case() {
    let dir = tempfile::tempdir().unwrap();
    let path = "agent,period,disturbance\none,0,1\none,1,0.1\none,2,-0.1\ntwo,0,-0.5\ntwo,1,0\ntwo,2,0.3\n\
                three,0,0.2\nthree,1,-0.2\nthree,2,0\n";
    fs::write(dir.path().join("path.csv"), path).unwrap();
    let text = text("", &format!("[tables]\npath = \"path.csv\"\n{}", centred()));
    let scenario = parse(&text, &dir.path().join("test.toml")).unwrap();
    let result = solve(&scenario);
    let json = json(&result);
    let layers = result.course.layers.as_ref().unwrap();
    let first = [0.267_785_288_4, -0.514_315_495_3, -0.193_771_016_2];
    let second = [0.023_407_919_3, 0.005_718_255_8, -0.041_223_709_8];
    for (layer, expected) in layers.iter().zip([first, second, [0.0; 3]]) {
        for (paid, expected) in layer.payment.iter().zip(expected) {
            assert!((paid - expected).abs() < 1e-10, "{paid} {expected}");
        }
    }
    assert_near(&json["stages"][1]["price"], -0.407_633_602_4);
    assert_near(&json["stages"][1]["price_planned"], -0.479_974_028_0);
    assert_near(&json["stages"][2]["budget"], first.iter().chain(&second).sum());
    // What is expected is about the laws, not the path.
    assert_near(&json["summary"]["expected"]["welfare"], -3.498_695_566_6);
    assert_near(&json["agents"][0]["expected_value"], -1.153_627_090_3);
    assert_near(&json["agents"][0]["expected_payment"], 0.024_339_833_1);
    assert_near(&json["agents"][1]["expected_lagrange"], -0.155_167_086_5);
    assert_near(&json["agents"][2]["expected_gap"], 0.170_999_215_6);
    assert_near(&json["agents"][0]["outside"], -1.8);
    assert_near(&json["scaling"]["autarky"]["interval"]["low"], 1.317_201_415_6);
    assert_near(&json["scaling"]["autarky"]["interval"]["high"], 1.380_014_294_6);
    assert_eq!(json["scaling"]["zero"]["verdict"], "empty");
    assert_eq!(json["summary"]["replayed"], 3);
    let notes = json["notes"].to_string();
    assert!(notes.contains("all agents follow a recorded path"), "{notes}");
    assert!(notes.contains("nobody trades in the last period (2)"), "{notes}");
}

#[test]
fn partial_observation_has_the_numbers_of_the_worked_case() {
    let agents = centred();
    let scenario = scenario("market = \"filtered\"", &agents);
    let json = json(&solve(&scenario));
    assert_near(&json["summary"]["expected"]["welfare"], -3.611_771_860_4);
    assert_near(&json["agents"][0]["expected_value"], -1.249_665_972_8);
    assert_near(&json["agents"][2]["expected_payment"], -0.159_932_892_8);
    assert_near(&json["agents"][1]["without"], -3.027_691_801_1);
}

#[test]
fn payments_utilities_and_budget_add_up_under_every_rule() {
    let rules = ["none", "constant", "pure", "incremental", "worlds", "lagrange"];
    for market in ["plan", "layered", "filtered"] {
        for rule in rules {
            for more in ["", "scaling = 1.2\nbaseline = \"zero\""] {
                let rules = format!("market = \"{market}\"\npayment = \"{rule}\"\nnet-demand = 0.3\n{more}");
                let scenario = scenario(&rules, THREE);
                let result = solve(&scenario);
                let mut sum = 0.0;
                for i in 0..3 {
                    let row = result.agent_row(i);
                    let left = row.expected_value.unwrap() - row.expected_payment.unwrap();
                    assert!((left - row.expected_utility.unwrap()).abs() < 1e-12, "{market} {rule}");
                    let left = row.value.unwrap() - row.payment.unwrap();
                    assert!((left - row.utility.unwrap()).abs() < 1e-12, "{market} {rule}");
                    sum += row.expected_payment.unwrap();
                }
                let expected = result.charge.expected_budget(&result.outlook).unwrap();
                assert!((sum - expected).abs() < 1e-12, "{market} {rule}: {sum} {expected}");
                if market != "plan" {
                    let last = result.stage_rows().pop().unwrap().budget.unwrap();
                    assert!((last - result.budget().unwrap()).abs() < 1e-12);
                    let welfare: f64 = result.course.stages.iter().filter_map(|s| s.welfare).sum();
                    assert!((welfare - result.welfare()).abs() < 1e-12);
                }
            }
        }
    }
}

/// Runs have the expected numbers on average, also where some of the utility is never known.
#[test]
fn runs_are_what_is_expected_on_average() {
    let agents = format!("{THREE}terminal-q = -0.5\n");
    for rule in ["none", "constant", "incremental"] {
        let rules =
            format!("market = \"filtered\"\npayment = \"{rule}\"\nscaling = 1.2\nbaseline = \"zero\"");
        let mut scenario = scenario(&rules, &agents);
        let runs = 600;
        // Sum and sum of squares of what each agent pays and has beyond expectation.
        let mut sums = [[[0.0; 2]; 2]; 3];
        for seed in 0..runs {
            scenario.seed = seed;
            let result = solve(&scenario);
            for (i, sum) in sums.iter_mut().enumerate() {
                let row = result.agent_row(i);
                let more = [
                    row.payment.unwrap() - row.expected_payment.unwrap(),
                    row.value.unwrap() - row.expected_value.unwrap(),
                ];
                for (sum, x) in sum.iter_mut().zip(more) {
                    *sum = [sum[0] + x, sum[1] + x * x];
                }
            }
        }
        for [mean, square] in sums.into_iter().flatten() {
            let n = runs as f64;
            let (mean, deviation) = (mean / n, (square / n / n).sqrt());
            assert!(mean.abs() < 4.5 * deviation, "{rule}: {mean} against {deviation}");
        }
    }
}

#[test]
fn a_computed_c_is_flagged_in_a_plan_and_explained_elsewhere() {
    for market in ["plan", "layered"] {
        let scenario = scenario(
            &format!("market = \"{market}\"\nscaling = \"low-end\""),
            &centred().replace("q = -0.5", "q = -0.5\nstart = 1.0"),
        );
        let result = solve(&scenario);
        let json = json(&result);
        let flagged = json["warnings"].to_string().contains("not a dominant strategy");
        assert_eq!(flagged, market == "plan");
        assert_eq!(result.charge.is_moved_by_bids(), market == "plan");
        let origin = json["summary"]["c_origin"].as_str().unwrap();
        assert_eq!(origin.contains("fixed before any bid of a state"), market == "layered", "{origin}");
        if market == "layered" {
            assert_near(&json["summary"]["expected"]["budget"], 0.0);
        }
    }
}

#[test]
fn no_feasible_c_charges_nothing_and_says_so() {
    let two = many(2);
    let scenario = scenario("scaling = \"low-end\"", &two);
    let result = solve(&scenario);
    let json = json(&result);
    assert!(result.charge.missing.is_some());
    assert_eq!(json["summary"]["c"], Value::Null);
    assert_eq!(json["summary"]["budget"], Value::Null);
    assert_eq!(json["agents"][0]["payment"], Value::Null);
    assert_eq!(json["stages"][0]["payment"], Value::Null);
    assert!(json["agents"][0]["value"].is_f64());
    let notes = json["notes"].to_string();
    assert!(notes.contains("nothing is charged") && notes.contains("two agents that trade"), "{notes}");
    assert!(result.picture(Kind::Budget).is_none());
    let (files, missing) = result.picture_files(result.kinds(), &[Format::Svg]).unwrap();
    assert_eq!((files.len(), missing), (4, vec![Kind::Budget]));
}

#[test]
fn a_payment_that_two_agents_cannot_have_is_an_error() {
    let scenario = scenario("payment = \"worlds\"", &many(2));
    let error = LqResult::solve(&scenario, lq(&scenario), &|_| ()).unwrap_err().to_string();
    assert!(error.contains("at least 3"), "{error}");
}

#[test]
fn a_c_outside_the_interval_is_a_warning() {
    let agents = centred();
    for (c, what) in [("1.2", "the operator pays on balance in expectation"), ("1.5", "worse off")] {
        let scenario = scenario(&format!("scaling = {c}"), &agents);
        let warnings = json(&solve(&scenario))["warnings"].to_string();
        assert!(warnings.contains(what), "{c}: {warnings}");
    }
}

#[test]
fn tables_hold_the_numbers_of_the_document_bit_for_bit() {
    let dir = tempfile::tempdir().unwrap();
    let two_states = "[[agents]]\nname = \"house\"\nstates = 2\na = [[0.6, 0.3], [0.1, 0.9]]\nb = [1.0, 0.1]\n\
                      q = [[-1.0, 0.0], [0.0, -1.0]]\nr = -1.0\nstart-noise = [0.2, 0.1]\nnoise = [0.1, 0.1]\n";
    let scenario = scenario("", &format!("{THREE}{two_states}"));
    let result = solve(&scenario);
    let json = json(&result);
    let tables = result.tables();
    let tables: Vec<&dyn Table> = tables.iter().map(|table| &**table as &dyn Table).collect();
    let written = result.document(None).write(&tables, &[], &dir.path().join("r"), Existing::Refuse).unwrap();
    for (file, rows) in [("agents", 4), ("stages", 3)] {
        let mut reader = csv::Reader::from_path(written.join(format!("{file}.csv"))).unwrap();
        let heads = reader.headers().unwrap().clone();
        let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        assert_eq!(records.len(), rows);
        for (i, record) in records.iter().enumerate() {
            for (head, cell) in heads.iter().zip(record).skip(1) {
                let number: f64 = cell.parse().unwrap();
                assert_eq!(
                    json[file][i][head].as_f64().unwrap().to_bits(),
                    number.to_bits(),
                    "{file} {head}"
                );
            }
        }
    }
    let mut reader = csv::Reader::from_path(written.join("trades.csv")).unwrap();
    let heads = reader.headers().unwrap().iter().collect::<Vec<_>>().join(",");
    assert_eq!(heads, "agent,period,allocation,payment,state_0,state_1,forecast_0,forecast_1,bid_0,bid_1");
    let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(records.len(), 12);
    // A scalar agent has no second component; the house bids the whole state at the start.
    assert_eq!((&records[0][5], &records[9][0], &records[9][1]), ("", "house", "0"));
    assert_eq!((&records[9][4], &records[9][5]), (&records[9][8], &records[9][9]));
    let plans = fs::read_to_string(written.join("plans.csv")).unwrap();
    let stages: Vec<&str> = plans.lines().skip(1).map(|line| &line[..3]).collect();
    assert_eq!(stages, ["0,0", "0,1", "0,2", "1,1", "1,2", "2,2"]);
    let document: Value = serde_json::from_slice(&fs::read(written.join("result.json")).unwrap()).unwrap();
    assert_eq!(document["tables"].as_array().unwrap().len(), 4);
    assert_eq!(document["tables"][2]["rows"], 12);
}

#[test]
fn many_trades_are_parquet() {
    let scenario = scenario("", &many(6_700));
    let result = solve(&scenario);
    let files: Vec<String> = result.tables().iter().map(|table| table.file().file).collect();
    assert_eq!(files, ["agents.csv", "stages.csv", "trades.parquet", "plans.csv"]);
    let json = json(&result);
    assert_eq!(json["agents"], Value::Null);
    let dir = tempfile::tempdir().unwrap();
    let folder = crate::output::Folder::create(&dir.path().join("r"), Existing::Refuse).unwrap();
    for table in result.tables() {
        table.write(&folder).unwrap();
    }
    assert!(folder.finish().unwrap().join("trades.parquet").exists());
}

#[test]
fn pictures_show_who_trades_and_stay_small() {
    for n in [3, 8, 9, 60] {
        let scenario = scenario("", &many(n));
        let result = solve(&scenario);
        assert_eq!(result.kinds(), Kind::LINEAR_QUADRATIC);
        let Some(Picture::Stacked(chart)) = result.picture(Kind::Trades) else { panic!("no chart") };
        assert_eq!(chart.series.len(), n.min(8));
        for t in 0..3 {
            let sum: f64 = chart.series.iter().map(|series| series.values[t]).sum();
            let size: f64 = chart.series.iter().map(|series| series.values[t].abs()).sum();
            assert!(sum.abs() < 1e-12);
            assert!((size - 2.0 * result.course.stages[t].volume()).abs() < 1e-12);
        }
        let Some(Picture::Bars(chart)) = result.picture(Kind::Payments) else { panic!("no chart") };
        assert_eq!(chart.agents.len(), n.min(24));
        assert!(result.picture(Kind::SupplyDemand).is_none());
        result.picture_files(result.kinds(), &[Format::Svg]).unwrap();
    }
    let scenario = scenario("market = \"plan\"", THREE);
    let result = solve(&scenario);
    assert_eq!(result.kinds(), Kind::PLAN);
    assert!(result.picture_files(result.kinds(), &[Format::Svg]).unwrap().1.is_empty());
}

#[test]
fn what_is_expected_and_what_happens_is_the_same_without_noise() {
    let quiet: String = THREE.lines().filter(|l| !l.contains("noise")).flat_map(|l| [l, "\n"]).collect();
    let quiet = quiet.replace("observation = 1.0\n", "").replace("observation = 2.0\n", "");
    let scenario = scenario("scaling = 1.1", &quiet);
    let result = solve(&scenario);
    for i in 0..3 {
        let row = result.agent_row(i);
        assert!((row.payment.unwrap() - row.expected_payment.unwrap()).abs() < 1e-12);
        assert!((row.value.unwrap() - row.expected_value.unwrap()).abs() < 1e-12);
    }
    assert!(json(&result)["notes"].to_string().contains("no agent has any noise"));
    assert!((result.ledger().welfare() - result.welfare()).abs() < 1e-12);
}
