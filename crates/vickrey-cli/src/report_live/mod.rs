//! Live runs for people and for machines.

mod consensus;
mod dual;

use std::io::Write;

use vickrey_net::course::{Course, Incident};
use vickrey_net::mechanism::Mechanism;

use crate::args::Common;
use crate::failure::Failure;
use crate::format::name;

/// Of what went wrong, so many lines are shown.
const MOST: usize = 20;

/// What a run has come to.
pub fn course(out: &mut dyn Write, course: &Course, money: &str, common: &Common) -> Result<(), Failure> {
    if common.json {
        let document = match course.mechanism() {
            Mechanism::Dual(side) => dual::document(course, side),
            Mechanism::Consensus(side) => consensus::document(course, side),
        };
        writeln!(out, "{document:#}")?;
        return Ok(());
    }
    let who = |i: usize| name(&course.name(i));
    let mut lines = match course.mechanism() {
        Mechanism::Dual(side) => {
            dual::numbers(out, course, side, money)?;
            dual::troubles(side, &who)
        }
        Mechanism::Consensus(side) => {
            consensus::numbers(out, course, side, money)?;
            consensus::troubles(side, &who)
        }
    };
    lines.extend(course.incidents().iter().map(|incident| incident_words(incident, &who)));
    troubles(out, &lines)
}

/// What a leader should know before a run.
pub fn cautions(mechanism: &Mechanism) -> Vec<String> {
    match mechanism {
        Mechanism::Dual(_) => Vec::new(),
        Mechanism::Consensus(side) => consensus::cautions(side.rules()),
    }
}

/// Which run it is.
fn run_pairs(course: &Course) -> [(&'static str, String); 2] {
    [("run", course.begun().run.clone()), ("announced", course.inst().to_owned())]
}

fn status_of(course: &Course, word: Option<&str>) -> String {
    word.map_or_else(|| format!("not finished: {}", course.stage().word()), |word| status_words(word).into())
}

fn troubles(out: &mut dyn Write, all: &[String]) -> Result<(), Failure> {
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

/// The word of the wire in plain words.
pub fn status_words(status: &str) -> &str {
    match status {
        "converged" => "converged: nobody can gain more than epsilon by anything she might send",
        "not_converged" => "not converged: the rounds ran out before the gap was certified",
        "fixed_rounds" => "as many rounds as were announced",
        "agreed" => "agreed: the positions are as near to each other as faithful followers leave them",
        "fined" => {
            "FINED: the positions are farther apart than faithful followers leave them; everybody pays the fine"
        }
        "dropped" => "dropped: too many rounds without a usable answer",
        other => other,
    }
}
