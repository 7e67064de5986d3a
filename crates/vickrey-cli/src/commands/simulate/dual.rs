//! Dual decomposition: followers who send other messages than the protocol asks.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use vickrey::audit::{AuditOptions, Effort};
use vickrey::faithful::dual::audit::{BestPlay, best_play};
use vickrey::faithful::dual::cost::Cost;
use vickrey::faithful::dual::protocol::{DualDecomposition, Stage};
use vickrey::faithful::dual::strategies::{DualWorld, Play, Player};
use vickrey::faithful::dual::tax::Settled;
use vickrey::mechanism::{AgentId, Strategy};
use vickrey::simulate::{Pair, Profile, Totals, run as play, run_seed};
use vickrey_scenario::output::dual::{lies_pay, told};
use vickrey_scenario::output::{Named, Pairs};
use vickrey_scenario::{DualScenario, Problem, Scenario};

use super::{Simulate, Target, pairs};
use crate::failure::Failure;
use crate::format::amount;
use crate::lies::by_agent;
use crate::lies::dual::{Plan, words};
use crate::progress;

/// So many events of a run with lies are told.
const MOST_EVENTS: usize = 8;

struct Names<'a>(&'a DualScenario);

impl Named for Names<'_> {
    fn name(&self, agent: AgentId) -> Cow<'_, str> {
        self.0.plan.problem().name(agent)
    }
}

/// One run and what it came to.
struct Played {
    totals: Totals,
    settled: Option<Arc<Settled>>,
    events: Vec<String>,
}

/// Plays all runs: they differ in garbage, and in nothing else.
pub fn run(
    scenario: &Scenario,
    of: &DualScenario,
    args: &Simulate,
    to: &Target<'_>,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let names = Names(of);
    let plans = by_agent(&args.liars, &names, of.costs.len(), Plan::parse)?;
    let (mut plays, mut said) = plays(of, &plans)?;
    let found = search(of, &plans, scenario, to)?;
    for (&agent, best) in &found {
        plays[agent] = best.play.clone();
        if !matches!(best.play, Play::Faithful) {
            said.insert(agent, best_words(best));
        }
    }
    let honest = played(of, &vec![Play::Faithful; of.costs.len()], scenario.seed)?;
    let runs = args.runs.unwrap_or(1);
    let random = plays.iter().any(|play| matches!(play, Play::Garbage));
    let bar = progress::bar(to.common, "playing");
    let mut all = Pairs::new(scenario, "dual-decomposition", (&names, of.costs.len()), said, runs);
    for k in 0..runs {
        let seed = run_seed(scenario.seed, u64::from(k));
        match played(of, &plays, seed) {
            Ok(lying) => {
                if k == 0 {
                    remark(&mut all, &honest, &lying, of);
                }
                all.add(seed, &Pair { truthful: honest.totals.clone(), strategic: lying.totals });
            }
            Err(error) if runs == 1 => return Err(error),
            Err(_) => all.fail(format!("run {}: no decision that meets the totals was found", k + 1)),
        }
        progress::at(&bar, f64::from(k + 1) / f64::from(runs));
    }
    bar.finish_and_clear();
    for (&agent, best) in &found {
        all.notes.push(best_note(&all, agent, best));
    }
    if runs > 1 && !random {
        all.notes.push("nothing here is left to chance: all runs are the same".into());
    }
    pairs::finish(&all, to, out)
}

/// The best plays of those who look for them, each against faithful others.
fn search(
    of: &DualScenario,
    plans: &BTreeMap<AgentId, Plan>,
    scenario: &Scenario,
    to: &Target<'_>,
) -> Result<BTreeMap<AgentId, BestPlay>, Failure> {
    let searching: Vec<AgentId> =
        plans.iter().filter(|(_, plan)| **plan == Plan::Best).map(|(agent, _)| *agent).collect();
    let options = AuditOptions { seed: scenario.seed, effort: Effort::Normal };
    let bar = progress::bar(to.common, "searching");
    let mut found = BTreeMap::new();
    for (k, &agent) in searching.iter().enumerate() {
        let best = best_play(&of.plan, &of.costs, agent, options)
            .map_err(|error| Failure::run(error.to_string()))?;
        found.insert(agent, best);
        progress::at(&bar, (k + 1) as f64 / searching.len() as f64);
    }
    bar.finish_and_clear();
    Ok(found)
}

/// A play that was found, short enough for a table.
fn best_words(best: &BestPlay) -> String {
    const LONGEST: usize = 40;
    let found = words(&best.play);
    if found.len() > LONGEST { Plan::Best.to_string() } else { format!("{}: {found}", Plan::Best) }
}

fn best_note(all: &Pairs<'_>, agent: AgentId, best: &BestPlay) -> String {
    let name = all.names.name(agent);
    let how = match (best.exact, best.unbounded) {
        (_, true) => ", and gains have no bound: it is one of ever better ones",
        (true, _) => ", and there is no better one",
        _ => "",
    };
    if matches!(best.play, Play::Faithful) {
        return format!(
            "`{name}`: none of {} deviations gains more than rounding against faithful others{how}",
            best.tries
        );
    }
    format!(
        "`{name}`: of {} deviations the best against faithful others: {}; it gains {}{how}",
        best.tries,
        best.words,
        amount(best.gain, &all.scenario.units.money)
    )
}

/// What everybody does: as the scenario says, and as the command line says; and in words, for those who are not faithful.
/// Whose best play is not found yet is faithful so far.
fn plays(
    of: &DualScenario,
    plans: &BTreeMap<AgentId, Plan>,
) -> Result<(Vec<Play>, BTreeMap<AgentId, String>), Failure> {
    let mut plays = of.plays.clone();
    let mut said = BTreeMap::new();
    for (agent, play) in plays.iter_mut().enumerate() {
        if let Some(plan) = plans.get(&agent) {
            let own = plan.play(&of.costs[agent]).map_err(|message| {
                let name = of.plan.problem().name(agent);
                Failure::input(Problem::new(format!("--liars `{name}={plan}`: {message}")))
            })?;
            *play = own.unwrap_or(Play::Faithful);
        }
        if !matches!(play, Play::Faithful) {
            said.insert(agent, words(play));
        }
    }
    Ok((plays, said))
}

fn played(of: &DualScenario, plays: &[Play], seed: u64) -> Result<Played, Failure> {
    let mechanism = DualDecomposition::new(of.plan.clone());
    let mut world = DualWorld { plan: of.plan.clone(), costs: of.costs.clone() };
    let player = |play: &Play| {
        Box::new(Player { plan: of.plan.clone(), play: play.clone() })
            as Box<dyn Strategy<DualDecomposition, Arc<Cost>>>
    };
    let mut profile: Profile<DualDecomposition, Arc<Cost>> = plays.iter().map(player).collect();
    let (mut settled, mut events) = (None, Vec::new());
    let totals = play(&mechanism, &mut world, &mut profile, seed, |step| {
        let outcome: &Stage = step.outcome;
        if let Some(end) = &outcome.settled {
            settled = Some(end.clone());
            events = told(&outcome.events, &of.named());
        }
    })
    .map_err(|error| Failure::run(error.to_string()))?;
    Ok(Played { totals, settled, events })
}

/// Epsilon, what went wrong in the run with lies, and whether lies can pay here at all.
fn remark(all: &mut Pairs<'_>, honest: &Played, lying: &Played, of: &DualScenario) {
    let money = &all.scenario.units.money;
    let epsilon = honest.settled.as_ref().and_then(|settled| settled.epsilon);
    let pays = lies_pay(of.plan.rules());
    match epsilon {
        _ if pays.is_some() => all.warnings.extend(pays),
        Some(epsilon) => all.notes.push(format!(
            "epsilon of the faithful run is {}: no single follower gains more while the others are faithful",
            amount(epsilon, money)
        )),
        None => all.warnings.push("the faithful run has no certificate, and so no epsilon".into()),
    }
    if all.said.len() > 1 {
        all.notes.push("several followers are not faithful at once: nothing is promised about that".into());
    }
    let more = lying.events.len().saturating_sub(MOST_EVENTS);
    all.notes.extend(lying.events.iter().take(MOST_EVENTS).map(|event| format!("with lies, {event}")));
    if more > 0 {
        all.notes.push(format!("… {more} more of that kind"));
    }
}
