//! Live runs of dual decomposition.

use std::io::Write;

use serde_json::{Value, json};
use vickrey_net::course::Course;
use vickrey_net::dual::lead::{Side, status};
use vickrey_scenario::output::dual::told;

use super::{run_pairs, status_of};
use crate::failure::Failure;
use crate::format::{NONE, amount, column, columns, name};
use crate::tables::{self, Column};

/// What a run has come to.
pub fn numbers(out: &mut dyn Write, course: &Course, side: &Side, money: &str) -> Result<(), Failure> {
    let settled = side.state().settled();
    let number = |x: Option<f64>| x.map_or_else(|| NONE.into(), |x| amount(x, money));
    let word = settled.map(status);
    let pairs = [
        ("status", status_of(course, word)),
        ("epsilon", number(settled.and_then(|s| s.epsilon))),
        ("rounds", side.state().traffic().rounds.to_string()),
    ];
    tables::pairs(out, &run_pairs(course).into_iter().chain(pairs).collect::<Vec<_>>())?;
    followers(out, course, side, money)
}

fn followers(out: &mut dyn Write, course: &Course, side: &Side, money: &str) -> Result<(), Failure> {
    let Some(settled) = side.state().settled() else { return Ok(()) };
    let problem = side.plan().problem();
    let n = problem.len();
    let member = |i: usize| !course.absent().contains(&i);
    let amounts = columns(&[
        (0..n).map(|i| Some(settled.value[i]).filter(|x| x.is_finite())).collect::<Vec<_>>(),
        (0..n).map(|i| Some(settled.payment[i]).filter(|_| member(i))).collect::<Vec<_>>(),
    ]);
    let unit = if money.is_empty() { String::new() } else { format!("\n{money}") };
    let heads = [
        Column::Words("follower".into()),
        Column::Numbers("decision".into()),
        Column::Numbers(format!("reported cost{unit}")),
        Column::Numbers(format!("payment{unit}")),
        Column::Words(String::new()),
    ];
    let rows = (0..n).map(|i| {
        let own: Vec<Option<f64>> = settled.allocation[problem.range(i)].iter().map(|x| Some(*x)).collect();
        vec![
            name(&problem.name(i)),
            column(&own).join(", "),
            amounts[0][i].clone(),
            amounts[1][i].clone(),
            standing(course, side, i).unwrap_or_default().replace('-', " "),
        ]
    });
    writeln!(out)?;
    tables::print(out, &heads, rows.collect())?;
    Ok(())
}

/// What is special about a follower.
fn standing(course: &Course, side: &Side, i: usize) -> Option<String> {
    let dropped = side.state().dropped().contains(&i);
    let undefined = side.state().settled().is_some_and(|s| s.undefined.contains(&i));
    let word = match (course.absent().contains(&i), dropped, undefined) {
        (true, ..) => "did-not-join",
        (_, true, _) => "dropped",
        (.., true) => "tax-not-defined",
        _ => return None,
    };
    Some(word.into())
}

/// What went other than it should.
pub fn troubles(side: &Side, who: &dyn Fn(usize) -> String) -> Vec<String> {
    told(side.state().events(), who)
}

/// The same for machines.
pub fn document(course: &Course, side: &Side) -> Value {
    let state = side.state();
    let problem = side.plan().problem();
    let settled = state.settled();
    let followers: Vec<Value> = (0..problem.len())
        .map(|i| {
            let absent = course.absent().contains(&i);
            json!({
                "name": problem.name(i),
                "allocation": settled.map(|s| &s.allocation[problem.range(i)]),
                "reported_cost": settled.map(|s| s.value[i]),
                "payment": settled.filter(|_| !absent).map(|s| s.payment[i]),
                "standing": standing(course, side, i).unwrap_or_else(|| "member".into()),
            })
        })
        .collect();
    json!({
        "run": course.begun().run,
        "announce_hash": course.inst(),
        "stage": course.stage().word(),
        "status": settled.map(status),
        "epsilon": settled.and_then(|s| s.epsilon),
        "certificate": settled.and_then(|s| s.certificate),
        "price": settled.map(|s| &s.price),
        "followers": followers,
        "traffic": state.traffic(),
        "events": state.events(),
        "incidents": course.incidents(),
    })
}
