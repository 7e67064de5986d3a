//! Consensus: followers who send, or do, something else than the protocol asks.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Write;

use vickrey::faithful::consensus::{Conduct, Consensus, Field};
use vickrey::mechanism::AgentId;
use vickrey::simulate::{Pair, Totals, run as play, run_seed};
use vickrey_scenario::output::number::short;
use vickrey_scenario::output::{Named, Pairs};
use vickrey_scenario::{ConsensusScenario, Scenario};

use super::{Simulate, Target, pairs};
use crate::failure::Failure;
use crate::lies::by_agent;
use crate::lies::consensus::{Plan, words};
use crate::progress;

struct Names<'a>(&'a ConsensusScenario);

impl Named for Names<'_> {
    fn name(&self, agent: AgentId) -> Cow<'_, str> {
        self.0.rules.instance().name(agent)
    }
}

/// Plays all runs; nothing in them is left to chance.
pub fn run(
    scenario: &Scenario,
    of: &ConsensusScenario,
    args: &Simulate,
    to: &Target<'_>,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let names = Names(of);
    let plans = by_agent(&args.liars, &names, of.wishes.len(), Plan::parse)?;
    let (conducts, said) = conducts(of, &plans);
    let runs = args.runs.unwrap_or(1);
    let bar = progress::bar(to.common, "playing");
    let (honest, _) = played(of, &vec![Conduct::Faithful; of.wishes.len()], scenario.seed)?;
    let (lying, passed) = played(of, &conducts, scenario.seed)?;
    let mut all = Pairs::new(scenario, "consensus", (&names, of.wishes.len()), said, runs);
    let pair = Pair { truthful: honest, strategic: lying };
    for k in 0..runs {
        all.add(run_seed(scenario.seed, u64::from(k)), &pair);
    }
    bar.finish_and_clear();
    remark(&mut all, passed, of);
    pairs::finish(&all, to, out)
}

/// What everybody does: as the scenario says, and as the command line says; and in words, for those who are not faithful.
fn conducts(
    of: &ConsensusScenario,
    plans: &BTreeMap<AgentId, Plan>,
) -> (Vec<Conduct>, BTreeMap<AgentId, String>) {
    let mut conducts = of.conducts.clone();
    for (&agent, plan) in plans {
        conducts[agent] = plan.conduct(of.rules.instance().graph(), agent);
    }
    let said = conducts
        .iter()
        .enumerate()
        .filter(|(agent, conduct)| **conduct != Conduct::Faithful || plans.contains_key(agent))
        .map(|(agent, conduct)| (agent, words(conduct)))
        .collect();
    (conducts, said)
}

/// One run, and whether the test was passed.
fn played(of: &ConsensusScenario, conducts: &[Conduct], seed: u64) -> Result<(Totals, bool), Failure> {
    let mechanism = Consensus::new(of.rules.clone());
    let mut world = Field::new(of.wishes.clone());
    let each = conducts.iter().enumerate();
    let mut profile = each.map(|(agent, conduct)| conduct.clone().follower(&of.rules, agent)).collect();
    let mut passed = false;
    let totals = play(&mechanism, &mut world, &mut profile, seed, |stage| {
        passed = stage.outcome.settlement.passed;
    })
    .map_err(|error| Failure::run(error.to_string()))?;
    Ok((totals, passed))
}

fn remark(all: &mut Pairs<'_>, passed: bool, of: &ConsensusScenario) {
    let money = &all.scenario.units.money;
    let amount = |x: f64| format!("{} {money}", short(x)).trim_end().to_owned();
    match of.rules.epsilon() {
        Some(epsilon) => all.notes.push(format!(
            "no single follower gains more than {} by any messages or moves, while the others are faithful",
            amount(epsilon)
        )),
        None => all.warnings.push("nothing is promised under these rules: lies may pay".into()),
    }
    if !passed {
        let fine = amount(of.rules.fine());
        all.notes.push(format!("with lies the positions fail the test: everybody pays the fine of {fine}"));
    }
    if all.said.len() > 1 {
        all.notes.push("several followers are not faithful at once: nothing is promised about that".into());
    }
    if all.runs > 1 {
        all.notes.push("nothing here is left to chance: all runs are the same".into());
    }
}
