//! What a reader should know about a run, in sentences.

use std::collections::BTreeSet;

use vickrey::faithful::dual::leader::Event;
use vickrey::faithful::dual::rules::{Marginals, Method, Mode, Moduli};
use vickrey::faithful::dual::strategies::Play;
use vickrey::faithful::dual::tax::Status;
use vickrey::mechanism::AgentId;

use super::DualResult;
use crate::DualScenario;
use crate::output::number::{list, short};

/// What went other than the protocol asks, in order, in words: rounds in which one follower misses something are told once,
/// where the first of them stands.
pub fn told(events: &[Event], of: &DualScenario) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut all = Vec::new();
    for event in events {
        match event {
            Event::Missing { follower, .. } if seen.insert(*follower) => {
                all.push(missed(events, *follower, of));
            }
            Event::Missing { .. } => {}
            other => all.push(once(other, of)),
        }
    }
    all
}

/// In which rounds a follower has no usable answer.
fn missed(events: &[Event], agent: AgentId, of: &DualScenario) -> String {
    let rounds: Vec<usize> = events
        .iter()
        .filter_map(|event| match event {
            Event::Missing { round, follower, .. } if *follower == agent => Some(*round),
            _ => None,
        })
        .collect();
    let (first, last) = (rounds.first().unwrap_or(&0), rounds.last().unwrap_or(&0));
    let which = match rounds.len() {
        1 => format!("round {first}"),
        n => format!("{n} rounds from {first} to {last}"),
    };
    format!(
        "{} has no usable answer in {which}, to some problems at least; what was held before counts",
        name(agent, of)
    )
}

fn name(agent: AgentId, of: &DualScenario) -> String {
    format!("`{}`", of.plan.problem().name(agent))
}

fn once(event: &Event, of: &DualScenario) -> String {
    let name = |agent: &AgentId| name(*agent, of);
    match event {
        Event::Missing { follower, .. } => missed(std::slice::from_ref(event), *follower, of),
        Event::Dropped { round, follower, again } => format!(
            "round {round}: {} is dropped{}",
            name(follower),
            if *again { ", and is not the first: the theory covers one" } else { "" }
        ),
        Event::Kept { round, follower } => format!(
            "round {round}: {} would be dropped, but the totals cannot be met without her: her last part is held",
            name(follower)
        ),
        Event::NoTax { follower } => format!(
            "after the drop the totals cannot be met without {} as well: her tax is zero",
            name(follower)
        ),
        Event::NoValues { follower } => {
            format!(
                "{} does not say what the decision costs her: her costs count in nobody's tax",
                name(follower)
            )
        }
    }
}

/// Facts about the result that the numbers do not say by themselves.
pub(super) fn sentences(result: &DualResult<'_>) -> Vec<String> {
    [epsilon(result), deficit(result), plays(result), decisions(result)].into_iter().flatten().collect()
}

fn epsilon(result: &DualResult<'_>) -> Option<String> {
    let (mode, epsilon) = (result.of.plan.rules().mode, result.settled.epsilon?);
    (mode != Mode::ClearingPrice && lies_pay(result).is_none()).then(|| {
        let most = if epsilon > 0.0 { short(epsilon) } else { "rounding".to_owned() };
        format!(
            "epsilon is certified: no follower gains more than {most} by any messages, or by silence, while the others are \
             faithful"
        )
    })
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
        essential.iter().take(4).map(|&i| result.of.plan.problem().name(i).into_owned()).collect();
    Some(format!("the totals cannot be met without {}", list(&names, essential.len(), 4)))
}

/// Why lies may pay under the rules, whatever epsilon says.
fn lies_pay(result: &DualResult<'_>) -> Option<String> {
    let rules = result.of.plan.rules();
    if rules.mode == Mode::ClearingPrice {
        return Some("clearing-price payments are not incentive compatible: lies pay".into());
    }
    if matches!(rules.marginals, Marginals::Warm { .. }) && rules.mode.has_marginals() {
        return Some(
            "marginals are warm: what is computed without a follower depends on her, and lies may pay more than epsilon"
                .into(),
        );
    }
    if rules.moduli == Moduli::Announced && rules.mode.has_marginals() {
        return Some(
            "curvatures are announced: a follower decides on the steps of the problem without her, and lies may pay more than \
             epsilon"
                .into(),
        );
    }
    None
}

/// What may not be meant that way.
pub(super) fn warnings(result: &DualResult<'_>) -> Vec<String> {
    let mut all = result.scenario.warnings.clone();
    all.extend(lies_pay(result));
    let (plan, settled) = (&result.of.plan, &result.settled);
    if settled.status == Status::NotConverged {
        let reached = match settled.certificate {
            Some(gap) => format!("the certificate is {}", short(gap)),
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
            settled.undefined.iter().take(4).map(|&i| plan.problem().name(i).into_owned()).collect();
        all.push(format!("no tax can be computed for {}: it is 0", list(&names, settled.undefined.len(), 4)));
    }
    all
}
