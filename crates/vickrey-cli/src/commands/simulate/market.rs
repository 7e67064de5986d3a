//! Markets.

use std::io::Write;

use vickrey::market::protocol::ProtocolError;
use vickrey::market::strategies::{MarketWorld, Truthful};
use vickrey::market::{Market, MarketMechanism, Utility, settle};
use vickrey::simulate::{Profile, RunError, paired, run_seed};
use vickrey_scenario::output::{Charge, Pairs};
use vickrey_scenario::{MarketScenario, Scenario};

use super::{Simulate, Target, pairs};
use crate::failure::Failure;
use crate::lies::{by_agent, market::Plan};
use crate::progress;

/// Plays all runs, each truthfully and with the lies.
pub fn run(
    scenario: &Scenario,
    market: &MarketScenario,
    args: &Simulate,
    to: &Target<'_>,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let truth = &market.market;
    let plans = by_agent(&args.liars, truth, truth.len(), Plan::parse)?;
    let settlement = settle(truth)?;
    let charge = Charge::resolve(&market.payment, market.baseline, truth, &settlement);
    if let Some(missing) = &charge.missing {
        return Err(missing.into());
    }
    let mechanism = MarketMechanism::new(truth.len(), truth.total(), charge.asked);
    let bar = progress::bar(to.common, "playing");
    let runs = args.runs.unwrap_or(1);
    let said = plans.iter().map(|(&agent, plan)| (agent, plan.to_string())).collect();
    let mut all = Pairs::new(scenario, "market", (truth, truth.len()), said, runs);
    for k in 0..runs {
        let profile: Profile<MarketMechanism, Utility> = (0..truth.len())
            .map(|i| plans.get(&i).map_or_else(|| Box::new(Truthful) as _, Plan::strategy))
            .collect();
        let world = |_| MarketWorld::new(truth.clone());
        let seed = run_seed(scenario.seed, u64::from(k));
        match paired(&mechanism, world, |_| Box::new(Truthful), profile, seed) {
            Ok(pair) => all.add(seed, &pair),
            Err(error) => all.fail(format!("run {}: {}", k + 1, failed(error, truth))),
        }
        progress::at(&bar, f64::from(k + 1) / f64::from(runs));
    }
    bar.finish_and_clear();
    pairs::finish(&all, to, out)
}

/// Why a game ended early, with the agent's name.
fn failed(error: RunError<ProtocolError>, market: &Market) -> String {
    match error {
        RunError::Stage { source: ProtocolError::Pivotal { agent }, .. } => format!(
            "`{}` is pivotal: without it the quantities cannot add up to the total, so its payment does not exist",
            market.name(agent)
        ),
        RunError::Stage { source, .. } => format!("the reports cannot be settled: {source}"),
        other => other.to_string(),
    }
}
