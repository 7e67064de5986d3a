//! Results on real markets: documents, tables, folders.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use vickrey::accounts::Accounts;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use vickrey::market::PaymentRule;

use super::*;
use crate::{MarketScenario, Scenario, System, parse};

const FOUR: &str = "
[[agents]]
name = \"one\"
utility = \"quadratic\"
a = -1.0
b = 1.0
[[agents]]
name = \"two\"
utility = \"quadratic\"
a = -1.1
b = 1.2
[[agents]]
name = \"three\"
utility = \"quadratic\"
a = -1.2
b = 4.0
[[agents]]
name = \"four\"
utility = \"quadratic\"
a = -1.1
b = 5.0
";

fn scenario(market: &str, agents: &str) -> Scenario {
    let text = format!("mechanism = \"market\"\nseed = 7\n[market]\n{market}\n{agents}");
    parse(&text, Path::new("folder/test.toml")).unwrap()
}

fn agents(n: usize) -> String {
    let mut text = String::new();
    for i in 0..n {
        let b = if i % 2 == 0 { 0.5 + 0.3 * (i as f64).sin() } else { 3.5 + 0.3 * (i as f64).cos() };
        write!(text, "[[agents]]\nname = \"a{i}\"\nutility = \"quadratic\"\na = -1.0\nb = {b}\n").unwrap();
    }
    text
}

fn market(scenario: &Scenario) -> &MarketScenario {
    let System::Market(market) = &scenario.system else { panic!("another mechanism") };
    market
}

/// The result, and its document as any reader sees it.
fn solved(scenario: &Scenario) -> (MarketResult<'_>, Value) {
    let result = MarketResult::solve(scenario, market(scenario)).unwrap();
    let document = result.document(scenario.seed, None);
    let json = serde_json::from_str(&document.to_json().unwrap()).unwrap();
    (result, json)
}

fn text(json: &Value) -> &str {
    json.as_str().unwrap()
}

#[test]
fn the_document_holds_what_was_promised() {
    let scenario = scenario("payment = \"scaled-vcg\"\nscaling = 1.14\nbaseline = \"zero\"", FOUR);
    let (_, json) = solved(&scenario);
    assert_eq!(json["version"], 1);
    assert_eq!(json["tool"]["name"], "vickrey");
    assert_eq!(json["mechanism"], "market");
    assert_eq!(json["seed"], 7);
    assert_eq!(json["scenario"]["path"], "folder/test.toml");
    assert_eq!(text(&json["scenario"]["hash"]).len(), 64);
    let summary = &json["summary"];
    assert!((summary["price"].as_f64().unwrap() - 2.730_290_456_4).abs() < 1e-9);
    assert!((summary["welfare"].as_f64().unwrap() - 2.787_382_12).abs() < 1e-9);
    assert_eq!(summary["c"], 1.14);
    assert_eq!(summary["c_origin"], "fixed in advance");
    assert_eq!(summary["pivotal"]["count"], 0);
    assert_eq!(summary["effort"]["closed_form"], 4);
    assert_eq!(json["warnings"].as_array().unwrap().len(), 0);
    let row = &json["agents"][3];
    for column in COLUMNS {
        assert!(row[column].is_f64(), "{column}");
    }
    assert!((row["without"].as_f64().unwrap() - 1.228_453_038_7).abs() < 1e-9);
}

#[test]
fn both_baselines_stand_side_by_side() {
    let scenario = scenario("", FOUR);
    let (_, json) = solved(&scenario);
    for baseline in ["zero", "autarky"] {
        let analysis = &json["scaling"][baseline];
        assert_eq!(analysis["verdict"], "feasible");
        let near = |value: &Value, printed: f64| (value.as_f64().unwrap() - printed).abs() < 1e-9;
        assert!(near(&analysis["interval"]["low"], 1.127_580_986_7));
        assert!(near(&analysis["interval"]["high"], 1.185_010_974_8));
        assert_eq!(analysis["budget"]["high"], Value::Null);
        assert_eq!(analysis["participation_high_set_by"], "three");
        assert_eq!(analysis["market_power_balance"]["holds"], true);
        let nearest = analysis["min_max"].as_array().unwrap();
        assert_eq!(nearest.len(), 4);
        assert!(near(&nearest[0]["c"], 1.136_129_011_7) && near(&nearest[0]["value"], 0.220_887_026));
        assert!(near(&nearest[2]["c"], 1.127_580_986_7) && near(&nearest[2]["value"], 0.139_001_424_1));
        assert_eq!(analysis["recommended"]["c"], analysis["interval"]["low"]);
    }
}

#[test]
fn numbers_read_back_bit_for_bit() {
    let scenario = scenario("", FOUR);
    let (result, json) = solved(&scenario);
    for i in 0..4 {
        let row = result.table().row(i);
        let numbers =
            [Some(row.allocation), row.value, row.payment, row.lagrange, row.vcg, row.gap, row.utility];
        for (column, number) in COLUMNS.iter().zip(numbers) {
            assert_eq!(
                json["agents"][i][column].as_f64().unwrap().to_bits(),
                number.unwrap().to_bits(),
                "{column}"
            );
        }
    }
}

#[test]
fn two_traders_are_told_why_no_c_is_feasible() {
    let two = FOUR.split("[[agents]]").take(1).chain(FOUR.split("[[agents]]").skip(3)).collect::<Vec<_>>();
    let scenario = scenario("", &two.join("[[agents]]"));
    let (_, json) = solved(&scenario);
    assert_eq!(json["summary"]["agents"], 2);
    assert_eq!(json["scaling"]["autarky"]["verdict"], "empty");
    assert!(json["scaling"]["autarky"]["violated"].is_string());
    let notes = json["notes"].to_string();
    assert!(notes.contains("two agents that trade never have a feasible c: H_i = 0"), "{notes}");
}

#[test]
fn pivotal_agents_are_null_and_named() {
    let scenario = scenario(
        "",
        "[[agents]]\nname = \"city\"\nutility = \"fixed\"\nquantity = 10\n\
         [[agents]]\nname = \"big\"\nutility = \"blocks\"\noffers = [[9, 2]]\n\
         [[agents]]\nname = \"small\"\nutility = \"blocks\"\noffers = [[4, 5]]\n",
    );
    let (result, json) = solved(&scenario);
    assert_eq!(json["summary"]["pivotal"]["names"], serde_json::json!(["big", "small"]));
    assert_eq!(json["summary"]["budget"], Value::Null);
    assert_eq!(json["agents"][1]["payment"], Value::Null);
    assert_eq!(json["agents"][1]["vcg"], Value::Null);
    assert!(json["agents"][1]["lagrange"].is_f64());
    assert_eq!(json["scaling"]["zero"]["verdict"], "pivotal");
    assert!(json["notes"].to_string().contains("without `big` and `small`"), "{}", json["notes"]);
    assert!(result.picture(Kind::Scaling).is_none());
    let (files, missing) = result.picture_files(&Kind::MARKET, &[Format::Svg]).unwrap();
    assert_eq!((files.len(), missing), (2, vec![Kind::Scaling]));
}

#[test]
fn a_computed_c_is_flagged() {
    for (word, printed) in
        [("low-end", 1.127_580_986_7), ("high-end", 1.185_010_974_8), ("min-max", 1.136_129_011_7)]
    {
        let scenario = scenario(&format!("payment = \"scaled-vcg\"\nscaling = \"{word}\""), FOUR);
        let (result, json) = solved(&scenario);
        assert!((json["summary"]["c"].as_f64().unwrap() - printed).abs() < 1e-9, "{word}");
        assert!(text(&json["summary"]["c_origin"]).contains("not incentive compatible"));
        assert!(json["warnings"].to_string().contains("not a dominant strategy"));
        assert!(!result.charge.is_truthful());
    }
}

#[test]
fn no_feasible_c_charges_nothing_and_says_so() {
    let scenario = scenario("payment = \"scaled-vcg\"\nscaling = \"low-end\"", &agents(2));
    let (result, json) = solved(&scenario);
    assert!(result.charge.missing.is_some());
    assert_eq!(json["summary"]["c"], Value::Null);
    assert_eq!(json["agents"][0]["payment"], Value::Null);
    assert!(json["agents"][0]["vcg"].is_f64());
    assert!(json["notes"].to_string().contains("nothing is charged"));
}

#[test]
fn a_factor_outside_the_interval_is_a_warning() {
    for (c, what) in [("1.0", "the operator pays"), ("1.3", "worse off")] {
        let scenario = scenario(&format!("payment = \"scaled-vcg\"\nscaling = {c}"), FOUR);
        let (_, json) = solved(&scenario);
        assert!(json["warnings"].to_string().contains(what), "{c}");
    }
}

#[test]
fn payments_and_utilities_add_up_under_every_rule() {
    for rule in ["vcg", "groves", "lagrange", "scaled-vcg\"\nscaling = 1.15\nbaseline = \"zero"] {
        let scenario = scenario(&format!("payment = \"{rule}\""), FOUR);
        let (result, _) = solved(&scenario);
        let (s, charge) = (&result.settlement, &result.charge);
        let sum: f64 = (0..4).map(|i| charge.payment(s, i).unwrap()).sum();
        assert!((sum - charge.budget(s).unwrap()).abs() < 1e-12, "{rule}");
        for i in 0..4 {
            let left = s.own_utility(i) - charge.payment(s, i).unwrap();
            assert!((left - charge.utility(s, i).unwrap()).abs() < 1e-12, "{rule}");
        }
        assert_eq!(charge.is_truthful(), !matches!(charge.rule, PaymentRule::Lagrange));
    }
}

#[test]
fn csv_and_parquet_hold_the_same_numbers() {
    let dir = tempfile::tempdir().unwrap();
    let small = scenario("", &agents(1200));
    let (result, json) = solved(&small);
    assert_eq!(json["agents"], Value::Null);
    assert!(json["notes"].to_string().contains("agents.csv"));
    let written = result
        .document(7, None)
        .write(&[&result.table()], &[], &dir.path().join("small"), Existing::Refuse)
        .unwrap();
    let mut reader = csv::Reader::from_path(written.join("agents.csv")).unwrap();
    assert_eq!(reader.headers().unwrap().get(3), Some("payment"));
    for (i, record) in reader.records().enumerate() {
        let record = record.unwrap();
        let payment: f64 = record[3].parse().unwrap();
        assert_eq!(payment.to_bits(), result.table().row(i).payment.unwrap().to_bits());
    }
    let document: Value = serde_json::from_slice(&fs::read(written.join("result.json")).unwrap()).unwrap();
    assert_eq!(document["tables"][0]["file"], "agents.csv");
    assert_eq!(document["tables"][0]["rows"], 1200);
}

#[test]
fn large_tables_are_parquet() {
    let dir = tempfile::tempdir().unwrap();
    let large = scenario("", &agents(MOST_CSV + 1));
    let (result, _) = solved(&large);
    let written = result
        .document(7, None)
        .write(&[&result.table()], &[], &dir.path().join("large"), Existing::Refuse)
        .unwrap();
    let file = fs::File::open(written.join("agents.parquet")).unwrap();
    let mut row = 0;
    for batch in ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap() {
        let batch = batch.unwrap();
        let payments = batch.column_by_name("payment").unwrap().as_primitive::<Float64Type>();
        let names = batch.column_by_name("name").unwrap().as_string::<i32>();
        for k in 0..batch.num_rows() {
            assert_eq!(names.value(k), format!("a{row}"));
            assert_eq!(payments.value(k).to_bits(), result.table().row(row).payment.unwrap().to_bits());
            row += 1;
        }
        assert_eq!(payments.null_count(), 0);
    }
    assert_eq!(row, MOST_CSV + 1);
}

#[test]
fn curves_cross_at_the_clearing_point() {
    let scenario = scenario(
        "total = -2",
        "[[agents]]\nname = \"a\"\nutility = \"blocks\"\noffers = [[5, 2], [5, 4]]\n\
         [[agents]]\nname = \"b\"\nutility = \"blocks\"\nbids = [[4, 9], [4, 3]]\n\
         [[agents]]\nname = \"c\"\nutility = \"quadratic\"\na = -1.0\nb = 6.0\nlow = -3\nhigh = 3\n",
    );
    let (result, _) = solved(&scenario);
    let Some(crate::plot::Picture::SupplyDemand(chart)) = result.picture(Kind::SupplyDemand) else {
        panic!("no chart")
    };
    let (quantity, price) = chart.clearing;
    for (curve, rising) in [(&chart.supply, true), (&chart.demand, false)] {
        let prices_move = curve.windows(2).all(|w| if rising { w[0].1 <= w[1].1 } else { w[0].1 >= w[1].1 });
        let quantities_grow = curve.windows(2).all(|w| w[0].0 <= w[1].0 + 1e-12);
        assert!(prices_move && quantities_grow);
        let at: Vec<f64> = curve.iter().filter(|p| p.1 == price).map(|p| p.0).collect();
        let (low, high) = (at[0] - 1e-9, at[at.len() - 1] + 1e-9);
        assert!((low..=high).contains(&quantity), "{quantity} not in {at:?}");
    }
}

#[test]
fn pictures_of_large_markets_stay_small() {
    let scenario = scenario("", &agents(3000));
    let (result, _) = solved(&scenario);
    let Some(crate::plot::Picture::Scaling(chart)) = result.picture(Kind::Scaling) else {
        panic!("no chart")
    };
    assert!(chart.net_utilities.len() <= 200);
    let Some(crate::plot::Picture::Payments(chart)) = result.picture(Kind::Payments) else {
        panic!("no chart")
    };
    assert!(chart.payment.len() <= 2000);
}
