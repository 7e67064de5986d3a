//! What is reported about worked cases, as any reader sees it.

use std::path::Path;

use serde_json::Value;
use vickrey::pivot::solve::State;

use super::*;
use crate::output::kinds::{Format, Kind, Pictured};
use crate::{Scenario, System, parse};

/// Worked case E4 in a mode.
fn storage(mode: &str) -> Scenario {
    let player = |name: &str| {
        format!(
            "[[players]]\nname = \"{name}\"\nlevels = [\"charged\", \"depleted\"]\nstart = \"charged\"\ncost = [1.0, 4.0]\n\
             used = [[0.3, 0.7], [0.1, 0.9]]\nunused = [[0.9, 0.1], [0.6, 0.4]]\nterminal = [0.0, -1.0]\n"
        )
    };
    let text = format!(
        "mechanism = \"pivot\"\nseed = 1\n[pivot]\nfamily = \"storage\"\nhorizon = 3\nwithout = \"{mode}\"\n\
         [[imbalances]]\nname = \"shortage\"\nprobability = 0.6\ncurtailment = 10.0\n{}{}",
        player("one"),
        player("two")
    );
    parse(&text, Path::new("storage.toml")).unwrap()
}

fn solved(scenario: &Scenario) -> PivotResult<'_> {
    let System::Pivot(pivot) = &scenario.system else { panic!("another mechanism") };
    PivotResult::solve(scenario, pivot, &|_| ()).unwrap()
}

fn near(value: &Value, wanted: f64) {
    let found = value.as_f64().unwrap();
    assert!((found - wanted).abs() < 1e-8, "{found} instead of {wanted}");
}

#[test]
fn the_document_has_the_numbers_of_the_worked_case() {
    let scenario = storage("own");
    let json: Value = serde_json::from_str(&solved(&scenario).document(None).to_json().unwrap()).unwrap();
    near(&json["summary"]["welfare"], -2.871_517_52);
    near(&json["summary"]["budget"], -5.631_714_48);
    near(&json["summary"]["accounts"]["payments_from_values"], -5.631_714_48);
    let one = &json["players"][0];
    near(&one["first_payment"], -1.424_256);
    near(&one["utility"], 1.380_098_48);
    near(&one["opt_out"], -0.139);
    let accounts = one["value"].as_f64().unwrap() - one["payment"].as_f64().unwrap();
    near(&one["utility"], accounts);
    assert_eq!(json["rulings"].as_array().unwrap().len(), 12);
    near(&json["rulings"][1]["payment"][0], -3.086_88);
    assert_eq!(json["trace"].as_array().unwrap().len(), 3);
    assert_eq!(json["promises"]["truth"], "holds");
}

#[test]
fn expected_payments_are_those_of_the_worked_case_in_every_mode() {
    for (mode, wanted) in [("same", 2.593_517_52), ("own", -5.631_714_48), ("tight", -3.541_251_44)] {
        let scenario = storage(mode);
        let budget = solved(&scenario).budget().unwrap();
        assert!((budget - wanted).abs() < 1e-8, "{mode}: {budget}");
    }
}

#[test]
fn truth_is_the_best_report_and_brings_what_is_expected() {
    for mode in ["same", "own", "tight"] {
        let scenario = storage(mode);
        let result = solved(&scenario);
        let product = result.solution.product().unwrap();
        for types in [[0, 0], [0, 1], [1, 0], [1, 1]] {
            let state = State { public: 0, types: types.to_vec() };
            for (period, player) in [(0, 0), (1, 1), (2, 0)] {
                let table = utilities(product, player, period, &state).unwrap().unwrap();
                let own = types[player];
                let truth = product.ruling(period, &state).truthful(player).unwrap();
                assert!((table[own][own] - truth).abs() < 1e-12, "{mode} {period} {types:?}");
                assert!(table[own].iter().all(|lie| *lie <= truth + 1e-12));
            }
        }
        let beyond = State { public: 0, types: vec![0, 2] };
        assert!(
            utilities(product, 0, 0, &beyond).is_err()
                && utilities(product, 0, 3, &State { public: 0, types: vec![0, 0] }).is_err()
        );
    }
}

#[test]
fn every_picture_is_drawn() {
    let scenario = storage("tight");
    let (files, missing) = solved(&scenario).picture_files(&Kind::PIVOT, &[Format::Svg]).unwrap();
    assert_eq!((files.len(), missing.len()), (3, 0));
}

#[test]
fn uncertain_starts_are_averaged() {
    let scenario = storage("same");
    let System::Pivot(pivot) = &scenario.system else { panic!("another mechanism") };
    let mut parts = pivot.model.parts().clone();
    parts.players[0].prior = vec![0.5, 0.5];
    let mut pivot = pivot.clone();
    pivot.model = Model::new(parts).unwrap();
    let result = PivotResult::solve(&scenario, &pivot, &|_| ()).unwrap();
    assert_eq!(result.start.states.len(), 2);
    assert!(result.start.certain().is_none());
    let mean = 0.5 * (-2.871_517_52 - 3.206_384_48);
    assert!((result.outlook.value.unwrap() - mean).abs() < 1e-8);
    let mean = 0.5 * (2.593_517_52 + 2.901_384_48);
    assert!((result.budget().unwrap() - mean).abs() < 1e-8);
}
