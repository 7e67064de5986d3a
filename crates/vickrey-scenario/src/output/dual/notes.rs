//! What a reader should know about a run, in sentences.

use std::collections::BTreeSet;

use vickrey::faithful::dual::leader::Event;
use vickrey::faithful::dual::rules::{Method, Mode, Rules, Unproved};
use vickrey::faithful::dual::strategies::Play;
use vickrey::faithful::dual::tax::Status;
use vickrey::mechanism::AgentId;

use super::DualResult;
use crate::output::number::{amount, list};

/// Followers without whom the totals cannot be met are named, as all that follows depends on them.
const MOST_ESSENTIAL: usize = 40;
/// Names in a sentence about everybody it holds for.
const MOST_NAMES: usize = 4;

/// What went other than the protocol asks, in order, in words. What happens round after round is told once, where it happens
/// first, with how often.
pub fn told(events: &[Event], name: &dyn Fn(AgentId) -> String) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut all = Vec::new();
    for event in events {
        let first = match event {
            Event::Missing { follower, .. } => seen.insert((0, *follower)),
            Event::Kept { follower, .. } => seen.insert((1, *follower)),
            Event::Anew { .. } => seen.insert((2, 0)),
            Event::Fallback { absent, .. } => absent.is_empty() || seen.insert((3, 0)),
            Event::Dropped { .. } | Event::NoTax { .. } | Event::NoValues { .. } | Event::Doubtful { .. } => {
                true
            }
        };
        if first {
            all.push(words(event, events, name));
        }
    }
    all
}

/// An event and, of those that repeat, all that are like it.
fn words(event: &Event, events: &[Event], name: &dyn Fn(AgentId) -> String) -> String {
    match event {
        Event::Missing { follower: who, .. } => format!(
            "{} has no usable answer in {}, to some problems at least; what was held before counts",
            name(*who),
            rounds(events, |e| match e {
                Event::Missing { round, follower, .. } if follower == who => Some(*round),
                _ => None,
            })
        ),
        Event::Dropped { round, follower, again } => format!(
            "round {round}: {} is dropped{}",
            name(*follower),
            if *again { ", and is not the first: the theory covers one" } else { "" }
        ),
        Event::Kept { follower: who, .. } => format!(
            "{} would be dropped, but the totals cannot be met without her: her last part is held ({})",
            name(*who),
            rounds(events, |e| match e {
                Event::Kept { round, follower } if follower == who => Some(*round),
                _ => None,
            })
        ),
        Event::Anew { .. } => {
            let main = events.iter().filter(|e| matches!(e, Event::Anew { main: true, .. })).count();
            format!(
                "answers are beyond all sense in {}: prices of some problems begin anew, those of the main one {}",
                rounds(events, |e| if let Event::Anew { round, .. } = e { Some(*round) } else { None }),
                match main {
                    0 => "never".to_owned(),
                    1 => "once".to_owned(),
                    n => format!("{n} times"),
                }
            )
        }
        Event::Fallback { round, absent } => fallback(*round, absent, events, name),
        Event::NoTax { follower } => format!(
            "after the drop the totals cannot be met without {} as well: her tax is zero",
            name(*follower)
        ),
        Event::NoValues { follower } => {
            format!(
                "{} does not say what the decision costs her: her costs count in nobody's tax",
                name(*follower)
            )
        }
        Event::Doubtful { follower } => {
            format!(
                "{} says that a decision costs her less than her last answer leaves possible; it counts all the same",
                name(*follower)
            )
        }
    }
}

/// In which rounds something happened.
fn rounds(events: &[Event], round: impl Fn(&Event) -> Option<usize>) -> String {
    let all: Vec<usize> = events.iter().filter_map(round).collect();
    match all[..] {
        [] => "no round".to_owned(),
        [one] => format!("round {one}"),
        [first, .., last] => format!("{} rounds from {first} to {last}", all.len()),
    }
}

/// What is decided when the last answers leave nothing of the totals: in the main problem, or in those that taxes compare with,
/// which are told together.
fn fallback(round: usize, absent: &[AgentId], events: &[Event], name: &dyn Fn(AgentId) -> String) -> String {
    const WHAT: &str =
        "the last answers leave nothing of the totals, so that what comes nearest to everybody's absence";
    if absent.is_empty() {
        return format!("round {round}: {WHAT} is decided");
    }
    let all: Vec<&[AgentId]> = events
        .iter()
        .filter_map(|event| match event {
            Event::Fallback { absent, .. } if !absent.is_empty() => Some(&absent[..]),
            _ => None,
        })
        .collect();
    let together = |without: &&[AgentId]| without.iter().map(|&i| name(i)).collect::<Vec<_>>().join(" and ");
    let names: Vec<String> = all.iter().take(MOST_NAMES).map(together).collect();
    let more = match all.len() - names.len() {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    format!("{WHAT} is what taxes compare with in the problems without {}{more}", names.join(", without "))
}

/// Facts about the result that the numbers do not say by themselves.
pub(super) fn sentences(result: &DualResult<'_>) -> Vec<String> {
    [epsilon(result), deficit(result), plays(result), decisions(result)].into_iter().flatten().collect()
}

fn epsilon(result: &DualResult<'_>) -> Option<String> {
    let epsilon = result.settled.epsilon?;
    let most = match epsilon > 0.0 {
        true => amount(epsilon, &result.scenario.units.money),
        false => "rounding".to_owned(),
    };
    Some(format!(
        "epsilon is certified: no follower gains more than {most} by any messages, or by silence, while the others are faithful"
    ))
}

fn deficit(result: &DualResult<'_>) -> Option<String> {
    let balanced = result.of.plan.problem().total().iter().all(|c| *c == 0.0);
    let paid: f64 = result.settled.payment.iter().sum();
    (balanced && result.of.plan.rules().mode == Mode::Vcg && paid < 0.0).then(|| {
        "all totals are 0: in pure exchange a leader who charges vcg runs a deficit or breaks even, never a surplus"
            .into()
    })
}

fn plays(result: &DualResult<'_>) -> Option<String> {
    let unfaithful = result.of.plays.iter().filter(|play| !matches!(play, Play::Faithful)).count();
    (unfaithful > 0).then(|| {
        format!(
            "here everybody is faithful; `vickrey simulate` plays what the scenario says of {unfaithful} follower{}",
            if unfaithful == 1 { "" } else { "s" }
        )
    })
}

fn decisions(result: &DualResult<'_>) -> Option<String> {
    let essential = result.of.plan.essential();
    if essential.is_empty() {
        return None;
    }
    let names: Vec<String> =
        essential.iter().map(|&i| result.of.plan.problem().name(i).into_owned()).collect();
    Some(format!("the totals cannot be met without {}", list(&names, names.len(), MOST_ESSENTIAL)))
}

/// Why lies may pay under the rules, whatever the certificate says.
pub fn lies_pay(rules: &Rules) -> Option<String> {
    let why = match rules.unproved()? {
        Unproved::ClearingPrice => "clearing-price payments are not incentive compatible: lies pay",
        Unproved::UnsoundBound => {
            "the bound is naive: what is called a certificate is none, and there is no epsilon"
        }
        Unproved::WarmMarginals => {
            "marginals are warm: what is computed without a follower depends on her, lies may pay, and there is no epsilon"
        }
        Unproved::AnnouncedModuli => {
            "curvatures are announced: a follower decides on the steps of the problem without her, lies may pay, and there is \
             no epsilon"
        }
    };
    Some(why.into())
}

/// What may not be meant that way.
pub(super) fn warnings(result: &DualResult<'_>) -> Vec<String> {
    let mut all = result.scenario.warnings.clone();
    all.extend(lies_pay(result.of.plan.rules()));
    let (plan, settled) = (&result.of.plan, &result.settled);
    if settled.status == Status::NotConverged {
        let reached = match settled.certificate {
            Some(gap) => format!("the certificate is {}", amount(gap, &result.scenario.units.money)),
            None => "there is no certificate".to_owned(),
        };
        all.push(format!(
            "epsilon was not reached in {} rounds: {reached}; the decision meets the totals, and epsilon is what it says",
            plan.rules().stop.rounds()
        ));
    } else if settled.certificate.is_none() {
        let help = match plan.rules().method {
            Method::Multipliers { .. } => ": the method of multipliers has one with limits on all decisions",
            _ => "",
        };
        all.push(format!("there is no certificate, and so no epsilon{help}"));
    }
    if !settled.undefined.is_empty() {
        let names: Vec<String> =
            settled.undefined.iter().map(|&i| plan.problem().name(i).into_owned()).collect();
        all.push(format!("no tax can be computed for {}: it is 0", list(&names, names.len(), MOST_NAMES)));
    }
    all
}
