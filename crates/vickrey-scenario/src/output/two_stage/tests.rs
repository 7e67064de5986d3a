//! Seasons by hand.

use vickrey::two_stage::demand::{Condition, Day, Lottery, Shortage};
use vickrey::two_stage::simulate::Calendar;
use vickrey::two_stage::strategies::Bidding;
use vickrey::two_stage::{Demand, Finite, Game, Law, Supertypes, Terms};

use super::*;
use crate::input::{DemandScenario, SeasonScenario, System, TwoStageScenario};
use crate::output::kinds::Pictured;
use crate::output::table::Cell;
use crate::{Scenario, Units};

/// Two players of a demand-response market, and a reserve.
pub fn demand() -> DemandScenario {
    let types = vec![vec![1.0, 3.0], vec![2.0, 5.0]];
    let reserve = Lottery::new(vec![1.0, 4.0], vec![0.5, 0.5]).unwrap();
    let conditions = vec![Condition { shortage: Shortage::Certain(3.0), reserve: Some(reserve) }];
    let laws = vec![Law::uniform(2), Law::new(vec![0.25, 0.75]).unwrap()];
    DemandScenario {
        season: season(vec![2, 2], laws, 200),
        market: Demand::new(types, None, conditions, None).unwrap(),
        calendar: Calendar::Listed(vec![Day { signal: 0, shortage: None }]),
    }
}

/// Three types, two first and three second outcomes.
pub fn game() -> TwoStageScenario {
    let v1 = [0., 4., 1., -0.5, 3.5, 0.5, 0., 1., 3., -0.5, 0.5, 2.5, 0., -1., 6., -0.5, -1.5, 5.5];
    let v2 = [0., 2., 2., 0.3, 1., 2.6, 0., 5., 0., 0.3, 4., 0.6, 0., -2., 3., 0.3, -3., 3.6];
    let cost = vec![0., 2., 3., 0.2, 1., 3.5];
    let game = Game::new(vec![3, 3], [2, 3], vec![v1.into(), v2.into()], cost, None).unwrap();
    let laws = vec![Law::new(vec![0.5, 0.3, 0.2]).unwrap(), Law::new(vec![0.3, 0.4, 0.3]).unwrap()];
    TwoStageScenario {
        season: season(vec![3, 3], laws, 300),
        market: Finite::new(game),
        first: ["no", "yes"].map(String::from).into(),
        second: ["none", "small", "large"].map(String::from).into(),
        calendar: Calendar::Listed(vec![0]),
    }
}

fn season(types: Vec<usize>, laws: Vec<Law>, days: u64) -> SeasonScenario {
    let reports = Supertypes::constant(laws);
    SeasonScenario {
        players: (0..types.len()).map(|i| format!("P{i}")).collect(),
        types: types.iter().map(|m| (0..*m).map(|t| format!("t{t}")).collect()).collect(),
        signals: vec!["any".into()],
        truth: reports.clone(),
        reports,
        bidding: vec![Bidding::Honest; types.len()],
        terms: Terms::default(),
        days,
        sealed: true,
        defaults: vec![0; types.len()],
        discretised: Vec::new(),
    }
}

/// The head of a scenario about this instance.
pub fn head(system: System) -> Scenario {
    let units = Units { quantity: "MW".into(), price: "EUR/MW".into(), money: "EUR".into() };
    let (title, hash, path) = (Some("By hand".to_owned()), String::new(), "hand.toml".into());
    Scenario { title, seed: 7, units, hash, path, warnings: Vec::new(), system }
}

fn near(a: f64, b: f64) {
    assert!((a - b).abs() < 1e-9 * (1.0 + b.abs()), "{a} is not {b}");
}

#[test]
fn a_demand_response_day_has_the_known_accounts() {
    let of = demand();
    let head = head(System::DemandResponse(Box::new(of.clone())));
    let result = SeasonResult::solve(&head, &of, &|_| ()).unwrap();
    let document = result.document(None);
    let costs = document.part.expected.clone().unwrap();
    near(costs.cost, 3.279_057_438_941);
    near(costs.operator_cost, 1.188_840_636_319);
    near(costs.outlay, 7.237_013_989_631);
    near(costs.reserve_only.unwrap(), 11.25);
    near(costs.posted_price.unwrap(), 2.030_345_378_319);
    near(costs.posted_cost.unwrap(), 4.080_342_882_811);
    let players = document.part.players.as_ref().unwrap();
    for (row, [marginal, received]) in
        players.iter().zip([[3.002_192_561_059, 4.400_416_480_323], [0.955_763_989_631, 1.647_756_872_988]])
    {
        near(row.contribution, marginal);
        near(-row.first_payment, received);
        // Honest players who are not flagged have the same utility every day.
        near(row.utility, marginal);
        near(row.honest_utility, marginal);
        assert!(row.honest && row.flagged == 0 && row.individually_rational);
    }
    near(players[0].law.mean.unwrap(), 2.0);
    near(players[0].law.variance.unwrap(), 1.0);
    near(document.part.summary.welfare, -costs.cost);
}

#[test]
fn days_and_players_add_up_in_every_table() {
    let mut of = demand();
    of.season.bidding[0] = Bidding::Exaggerate(1);
    let head = head(System::DemandResponse(Box::new(of.clone())));
    let result = SeasonResult::solve(&head, &of, &|_| ()).unwrap();
    let document = result.document(None);
    let part = &document.part;
    let players = part.players.as_ref().unwrap();
    let days = part.days.as_ref().unwrap();
    let count = days.len() as f64;
    let penalties: f64 = players.iter().map(|row| row.penalty).sum();
    near(days.iter().map(|day| day.penalty).sum::<f64>() / count, penalties);
    let payments: f64 = players.iter().map(|row| row.payment).sum();
    near(days.iter().map(|day| day.payment).sum::<f64>() / count, payments);
    near(part.summary.season.budget, payments + penalties - part.summary.season.cost);
    assert!(penalties > 0.0 && players[0].lies > 0 && players[0].first_flagged.is_some());
    for day in days {
        near(day.facts.curtailed + day.facts.reserve, day.facts.shortage);
    }
    let tables = result.tables();
    let names: Vec<&str> = tables.iter().map(|table| table.stem()).collect();
    assert_eq!(names, ["players", "days", "bids"]);
    for table in &tables {
        let mut cells: Vec<Cell<'_>> = Vec::new();
        table.put(table.rows() - 1, &mut cells);
        assert_eq!(cells.len(), table.columns().len(), "{}", table.stem());
    }
    assert!(result.document(None).to_json().unwrap().contains("\"first_flagged\""));
}

#[test]
fn a_game_has_the_known_numbers_and_names_its_outcomes() {
    let of = game();
    let head = head(System::TwoStage(Box::new(of.clone())));
    let result = SeasonResult::solve(&head, &of, &|_| ()).unwrap();
    let document = result.document(None);
    let summary = &document.part.summary;
    near(summary.welfare, 3.98);
    near(summary.surplus, -1.12);
    let players = document.part.players.as_ref().unwrap();
    for (row, [contribution, first, value]) in players.iter().zip([[2.72, 0.69, 3.41], [2.38, 0.72, 3.10]]) {
        near(row.contribution, contribution);
        near(row.first_payment, first);
        near(row.expected_value, value);
        near(row.utility, contribution);
        assert_eq!(row.law.mean, None);
    }
    assert_eq!(document.part.expected.as_ref().unwrap().first.as_deref(), Some("no"));
}

#[test]
fn every_picture_is_drawn() {
    let mut of = game();
    of.season.bidding[1] = Bidding::Mimic;
    of.season.bidding[0] = Bidding::Exaggerate(2);
    let head = head(System::TwoStage(Box::new(of.clone())));
    let result = SeasonResult::solve(&head, &of, &|_| ()).unwrap();
    for kind in result.kinds() {
        let picture = result.picture(*kind).unwrap().svg().unwrap();
        assert!(picture.contains("P0") && picture.contains("By hand"), "{}", kind.name());
    }
}

#[test]
fn weights_of_days_are_those_of_the_season() {
    let listed = Calendar::Listed(vec!['a', 'b', 'c']);
    assert_eq!(kinds(&listed, 4), [('a', 0.5), ('b', 0.25), ('c', 0.25)]);
    assert_eq!(kinds(&listed, 2), [('a', 0.5), ('b', 0.5)]);
    let drawn = Calendar::Drawn { days: vec!['a', 'b'], law: Law::new(vec![0.25, 0.75]).unwrap() };
    assert_eq!(kinds(&drawn, 2), [('a', 0.25), ('b', 0.75)]);
}
