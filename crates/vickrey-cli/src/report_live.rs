//! Live runs for people and for machines.

use std::io::Write;

use serde_json::{Value, json};
use vickrey::faithful::dual::leader::Event;
use vickrey_net::course::{Course, Incident, status};

use crate::args::Common;
use crate::failure::Failure;
use crate::format::{NONE, amount, column, columns, counted, name};
use crate::tables::{self, Column};

/// Of what went wrong, so many lines are shown.
const MOST: usize = 20;

/// What a run has come to.
pub fn course(out: &mut dyn Write, course: &Course, money: &str, common: &Common) -> Result<(), Failure> {
    if common.json {
        writeln!(out, "{:#}", document(course))?;
        return Ok(());
    }
    let state = course.state();
    let begun = course.begun();
    let settled = state.settled();
    let number = |x: Option<f64>| x.map_or_else(|| NONE.into(), |x| amount(x, money));
    let status = settled.map_or_else(
        || format!("not finished: {}", course.stage().word()),
        |s| status_words(status(s)).into(),
    );
    let pairs = [
        ("run", begun.run.clone()),
        ("announced", course.inst().to_owned()),
        ("status", status),
        ("epsilon", number(settled.and_then(|s| s.epsilon))),
        ("rounds", state.traffic().rounds.to_string()),
    ];
    tables::pairs(out, &pairs)?;
    followers(out, course, money)?;
    troubles(out, course)
}

fn followers(out: &mut dyn Write, course: &Course, money: &str) -> Result<(), Failure> {
    let Some(settled) = course.state().settled() else { return Ok(()) };
    let problem = course.leader().plan().problem();
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
            standing(course, i).unwrap_or_default().replace('-', " "),
        ]
    });
    writeln!(out)?;
    tables::print(out, &heads, rows.collect())?;
    Ok(())
}

/// What is special about a follower.
fn standing(course: &Course, i: usize) -> Option<String> {
    let dropped = course.state().dropped().contains(&i);
    let undefined = course.state().settled().is_some_and(|s| s.undefined.contains(&i));
    let word = match (course.absent().contains(&i), dropped, undefined) {
        (true, ..) => "did-not-join",
        (_, true, _) => "dropped",
        (.., true) => "tax-not-defined",
        _ => return None,
    };
    Some(word.into())
}

fn troubles(out: &mut dyn Write, course: &Course) -> Result<(), Failure> {
    let problem = course.leader().plan().problem();
    let who = |i: usize| name(&problem.name(i));
    let events = course.state().events().iter().map(|event| event_words(event, &who));
    let incidents = course.incidents().iter().map(|incident| incident_words(incident, &who));
    let all: Vec<String> = events.chain(incidents).collect();
    if all.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    for line in all.iter().take(MOST) {
        writeln!(out, "{line}")?;
    }
    if all.len() > MOST {
        writeln!(out, "and {} more (--json shows all)", all.len() - MOST)?;
    }
    Ok(())
}

fn event_words(event: &Event, who: &dyn Fn(usize) -> String) -> String {
    match event {
        Event::Missing { round, follower, problems } => {
            format!(
                "round {round}: {} gave no usable answer in {}; what was held before counts",
                who(*follower),
                counted(*problems, "problem")
            )
        }
        Event::Dropped { round, follower, again } => {
            let again = if *again { ", after another: beyond what the theory covers" } else { "" };
            format!("round {round}: {} was dropped{again}", who(*follower))
        }
        Event::Kept { round, follower } => {
            format!("round {round}: {} would have been dropped, but nothing goes without her", who(*follower))
        }
        Event::Anew { round, problems, .. } => {
            format!(
                "round {round}: answers were beyond all sense; prices of {} began anew",
                counted(*problems, "problem")
            )
        }
        Event::Fallback { round, absent } => {
            let absent: Vec<String> = absent.iter().map(|i| who(*i)).collect();
            let whose = match absent[..] {
                [] => String::new(),
                _ => format!(", in the problem without {}", absent.join(" and ")),
            };
            format!(
                "round {round}: what comes nearest to everybody's absence was taken, for want of usable answers{whose}"
            )
        }
        Event::NoTax { follower } => {
            format!(
                "{} pays nothing: after the drop the couplings cannot be met without her as well",
                who(*follower)
            )
        }
        Event::NoValues { follower } => {
            format!(
                "{} did not say what the decision costs her; her costs are left out of the others' payments",
                who(*follower)
            )
        }
    }
}

fn incident_words(incident: &Incident, who: &dyn Fn(usize) -> String) -> String {
    match incident {
        Incident::Absent { follower, why: Some(why) } => {
            format!("{} refused to take part: {why}", who(*follower))
        }
        Incident::Absent { follower, why: None } => format!("{} did not join in time", who(*follower)),
        Incident::Late { follower, k: 0 } => format!("{}'s final values came too late", who(*follower)),
        Incident::Late { follower, k } => format!("round {k}: {}'s answer came too late", who(*follower)),
        Incident::Equivocation { follower, .. } => {
            format!(
                "{} signed two different answers; the first counts, both are in the record",
                who(*follower)
            )
        }
        Incident::Left { follower, why } => format!("{} left: {why}", who(*follower)),
        Incident::NoReceipt { follower } => format!("{} sent no receipt for her tax", who(*follower)),
    }
}

fn document(course: &Course) -> Value {
    let state = course.state();
    let problem = course.leader().plan().problem();
    let settled = state.settled();
    let followers: Vec<Value> = (0..problem.len())
        .map(|i| {
            let absent = course.absent().contains(&i);
            json!({
                "name": problem.name(i),
                "allocation": settled.map(|s| &s.allocation[problem.range(i)]),
                "reported_cost": settled.map(|s| s.value[i]),
                "payment": settled.filter(|_| !absent).map(|s| s.payment[i]),
                "standing": standing(course, i).unwrap_or_else(|| "member".into()),
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

/// The word of the wire in plain words.
pub fn status_words(status: &str) -> &str {
    match status {
        "converged" => "converged: nobody can gain more than epsilon by anything she might send",
        "not_converged" => "not converged: the rounds ran out before the gap was certified",
        "fixed_rounds" => "as many rounds as were announced",
        "dropped" => "dropped: too many rounds without a usable answer",
        other => other,
    }
}
