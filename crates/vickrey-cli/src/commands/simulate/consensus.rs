//! Consensus: followers who send, or do, something else than the protocol asks.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Write;

use vickrey::faithful::consensus::audit::{Case, Deviation, best};
use vickrey::faithful::consensus::{Conduct, Consensus, Field, Watch};
use vickrey::mechanism::AgentId;
use vickrey::simulate::{Pair, Totals, run as play, run_seed};
use vickrey_scenario::output::{Named, Pairs};
use vickrey_scenario::{ConsensusScenario, Scenario};

use super::{Simulate, Target, pairs};
use crate::failure::Failure;
use crate::format::amount;
use crate::lies::by_agent;
use crate::lies::consensus::{Plan, words};
use crate::progress;

/// Programs of a best deviation above so many numbers are not solved: they would take minutes.
const MOST_NUMBERS: usize = 1_000_000;

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
    let best = search(of, &plans);
    let (conducts, said) = conducts(of, &plans, &best);
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
    for deviation in best.values() {
        all.notes.push(best_note(&all, deviation, of));
    }
    pairs::finish(&all, to, out)
}

/// The best deviations of those who look for them, each against faithful others.
fn search(of: &ConsensusScenario, plans: &BTreeMap<AgentId, Plan>) -> BTreeMap<AgentId, Deviation> {
    let searching = plans.iter().filter(|(_, plan)| **plan == Plan::Best);
    let faithful = of.rules.play(&of.wishes);
    let case = Case { rules: &of.rules, types: &of.wishes, faithful: &faithful };
    searching.map(|(&agent, _)| (agent, best(case, agent, MOST_NUMBERS))).collect()
}

/// Whether a deviation gains more than rounding of the positions' squares.
fn pays(deviation: &Deviation, of: &ConsensusScenario) -> bool {
    deviation.found > 1e-12 * (1.0 + of.rules.fine())
}

fn best_note(all: &Pairs<'_>, deviation: &Deviation, of: &ConsensusScenario) -> String {
    let money = &all.scenario.units.money;
    let name = all.names.name(deviation.follower);
    let found = match pays(deviation, of) {
        true => format!("the best messages and final position gain {}", amount(deviation.found, money)),
        false => "no messages and final position that were found gain more than rounding".to_owned(),
    };
    let how = if deviation.exact { "" } else { "; only simple ones were tried" };
    let watch = match of.rules.watch() {
        Watch::Observed => "",
        Watch::Reported => "; as reported positions count, `pretend` may gain more",
    };
    let most = amount(deviation.certified, money);
    format!("`{name}`: {found} against faithful others, and none gain more than {most}{how}{watch}")
}

/// What everybody does: as the scenario says, and as the command line says; and in words, for those who are not faithful.
fn conducts(
    of: &ConsensusScenario,
    plans: &BTreeMap<AgentId, Plan>,
    best: &BTreeMap<AgentId, Deviation>,
) -> (Vec<Conduct>, BTreeMap<AgentId, String>) {
    let mut conducts = of.conducts.clone();
    for (&agent, plan) in plans {
        conducts[agent] = match (plan.conduct(of.rules.instance().graph(), agent), best.get(&agent)) {
            (Some(conduct), _) => conduct,
            (None, Some(found)) if pays(found, of) => {
                Conduct::Script { messages: found.messages.clone(), finish: found.finish }
            }
            (None, _) => Conduct::Faithful,
        };
    }
    let told = |agent: &AgentId, conduct: &Conduct| match plans.get(agent) {
        Some(Plan::Best) => Plan::Best.to_string(),
        _ => words(conduct),
    };
    let liars = conducts.iter().enumerate().filter(|(_, conduct)| **conduct != Conduct::Faithful);
    let said = liars.map(|(agent, conduct)| (agent, told(&agent, conduct))).collect();
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
    let amount = |x: f64| amount(x, money);
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
