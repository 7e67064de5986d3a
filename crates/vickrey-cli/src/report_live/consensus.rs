//! Live runs of consensus.

use std::io::Write;

use serde_json::{Value, json};
use vickrey::faithful::consensus::{Rules, Watch};
use vickrey_net::consensus::lead::Side;
use vickrey_net::course::Course;
use vickrey_scenario::output::number::short;

use super::{run_pairs, status_of};
use crate::failure::Failure;
use crate::format::{NONE, amount, column, columns, name};
use crate::tables::{self, Column};

/// What a leader should know before a run.
pub fn cautions(rules: &Rules) -> Vec<String> {
    let fine = short(rules.fine());
    let mut lines = vec![format!(
        "one follower who is silent, or does not move, can make everybody pay the fine of {fine}: nobody is dropped here"
    )];
    if rules.watch() == Watch::Reported {
        lines.push(
            "no --observe: positions are believed as followers report them; who stays and names the common point gains, and \
             epsilon is none"
                .into(),
        );
    }
    lines
}

/// What a run has come to.
pub fn numbers(out: &mut dyn Write, course: &Course, side: &Side, money: &str) -> Result<(), Failure> {
    let (rules, agreement) = (side.rules(), side.agreement());
    let epsilon = match (rules.epsilon(), rules.watch()) {
        (Some(epsilon), _) => amount(epsilon, money),
        (None, Watch::Reported) => {
            "none: positions are only reported, who stays and names the common point gains".into()
        }
        (None, Watch::Observed) => NONE.into(),
    };
    let test = agreement.map_or_else(
        || NONE.into(),
        |a| format!("distance {}, limit {}", short(a.settlement.disagreement), short(a.settlement.limit)),
    );
    let pairs = [
        ("status", status_of(course, side.status())),
        ("epsilon", epsilon),
        ("rounds", rules.rounds().to_string()),
        ("positions", watch(rules).to_owned()),
        ("test", test),
        ("fine", format!("{} each, if the test fails", amount(rules.fine(), money))),
    ];
    tables::pairs(out, &run_pairs(course).into_iter().chain(pairs).collect::<Vec<_>>())?;
    followers(out, course, side, money)
}

fn watch(rules: &Rules) -> &'static str {
    match rules.watch() {
        Watch::Observed => "observed",
        Watch::Reported => "reported",
    }
}

fn followers(out: &mut dyn Write, course: &Course, side: &Side, money: &str) -> Result<(), Failure> {
    let Some(agreement) = side.agreement() else { return Ok(()) };
    let payments = agreement.settlement.payment.iter().map(|x| Some(*x)).collect();
    let ends = column(&agreement.positions);
    let amounts = columns(&[agreement.values.clone(), payments]);
    let unit = if money.is_empty() { String::new() } else { format!("\n{money}") };
    let heads = [
        Column::Words("follower".into()),
        Column::Numbers("ends at".into()),
        Column::Numbers(format!("reported cost{unit}")),
        Column::Numbers(format!("payment{unit}")),
    ];
    let row =
        |i: usize| vec![name(&course.name(i)), ends[i].clone(), amounts[0][i].clone(), amounts[1][i].clone()];
    writeln!(out)?;
    tables::print(out, &heads, (0..course.followers()).map(row).collect())?;
    Ok(())
}

/// What went other than it should.
pub fn troubles(side: &Side, who: &dyn Fn(usize) -> String) -> Vec<String> {
    let Some(agreement) = side.agreement() else { return Vec::new() };
    let mut lines = Vec::new();
    for (i, (position, value)) in agreement.positions.iter().zip(&agreement.values).enumerate() {
        if position.is_none() {
            lines.push(format!("{} did not say where she is, so the test is failed", who(i)));
        }
        if value.is_none() {
            lines.push(format!(
                "{} did not say what her position costs her; it is left out of the others' payments",
                who(i)
            ));
        }
    }
    lines.extend(agreement.doubtful.iter().map(|&i| {
        format!(
            "{} says a cost that nobody with a wish in her range has at her position; it counts all the same",
            who(i)
        )
    }));
    lines
}

/// The same for machines.
pub fn document(course: &Course, side: &Side) -> Value {
    let (rules, agreement) = (side.rules(), side.agreement());
    let settlement = agreement.map(|a| &a.settlement);
    let followers: Vec<Value> = (0..course.followers())
        .map(|i| {
            json!({
                "name": course.name(i),
                "allocation": agreement.map(|a| a.positions[i]),
                "reported_cost": agreement.map(|a| a.values[i]),
                "payment": settlement.map(|s| s.payment[i]),
                "doubtful": agreement.is_some_and(|a| a.doubtful.contains(&i)),
            })
        })
        .collect();
    json!({
        "run": course.begun().run,
        "announce_hash": course.inst(),
        "stage": course.stage().word(),
        "status": side.status(),
        "epsilon": rules.epsilon(),
        "watch": watch(rules),
        "rounds": rules.rounds(),
        "disagreement": settlement.map(|s| s.disagreement),
        "limit": rules.limit(),
        "fine": rules.fine(),
        "passed": settlement.map(|s| s.passed),
        "followers": followers,
        "incidents": course.incidents(),
    })
}
