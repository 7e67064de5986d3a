//! `vickrey check`: read a scenario and report what it holds.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueHint};
use serde_json::{Map, Value, json};
use vickrey::faithful::consensus::Conduct;
use vickrey::faithful::dual::strategies::Play;
use vickrey::market::clear;
use vickrey::pivot::solve::memory::bytes;
use vickrey::pivot::solve::solution::memory;
use vickrey::pivot::solve::{SolveError, Structure};
use vickrey::pivot::{Plan, plan};
use vickrey::two_stage::Market;
use vickrey_scenario::output::Repeated;
use vickrey_scenario::output::consensus::test_name;
use vickrey_scenario::output::dual::{method_words, mode_name};
use vickrey_scenario::output::number::short;
use vickrey_scenario::output::two_stage::{TermsRow, is_honest};
use vickrey_scenario::{
    ConsensusScenario, DualScenario, LayerPayment, LinearQuadraticScenario, MarketKind, MarketScenario,
    PivotScenario, Scaling, Scenario, System,
};

use crate::args::Common;
use crate::failure::Failure;
use crate::format::{amount, count, counted};
use crate::lies::consensus::words as conduct_words;
use crate::lies::dual::words;
use crate::{loading, tables};

/// Read a scenario, report what it holds or what is wrong with it
///
/// Reads the file and every table it names, and checks every number; a market that is cleared once is cleared, to be
/// sure that it can be. All problems found are shown with their places.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  vickrey check market.toml
  vickrey check market.toml --json

Exit code 2: the scenario cannot be used.")]
pub struct Check {
    /// The scenario file
    #[arg(value_hint = ValueHint::FilePath)]
    scenario: PathBuf,
}

/// Runs the command.
pub fn run(args: &Check, common: &Common, out: &mut dyn Write) -> Result<(), Failure> {
    let scenario = loading::scenario(&args.scenario, common)?;
    let told = match &scenario.system {
        System::Market(market) => of_market(&scenario, market)?,
        System::LinearQuadratic(market) => of_linear_quadratic(&scenario, market),
        System::Pivot(instance) => of_pivot(instance),
        System::TwoStage(of) => of_season(&**of),
        System::DemandResponse(of) => of_season(&**of),
        System::Dual(of) => of_dual(of),
        System::Consensus(of) => of_consensus(of),
        _ => return Err(loading::unknown()),
    };
    if common.json {
        let mut text = json!({
            "ok": true,
            "scenario": { "path": scenario.path.display().to_string(), "hash": scenario.hash },
            "mechanism": told.mechanism,
            "title": scenario.title,
            "seed": scenario.seed,
            "warnings": scenario.warnings,
        });
        if let (Some(text), Value::Object(more)) = (text.as_object_mut(), told.json) {
            text.extend(more);
        }
        writeln!(out, "{text:#}")?;
        return Ok(());
    }
    let mut pairs = vec![
        ("scenario", scenario.path.display().to_string()),
        ("title", scenario.title.clone().unwrap_or_else(|| "none".into())),
        ("mechanism", told.mechanism.into()),
    ];
    pairs.extend(told.pairs);
    pairs.push(("seed", scenario.seed.to_string()));
    pairs.push(("hash", scenario.hash.clone()));
    tables::pairs(out, &pairs)?;
    if let System::Pivot(instance) = &scenario.system {
        for note in &instance.notes {
            writeln!(out, "note: {note}")?;
        }
    }
    for warning in &scenario.warnings {
        writeln!(out, "warning: {warning}")?;
    }
    writeln!(out, "the scenario can be used")?;
    Ok(())
}

/// What there is to say about the instance itself, for people and for machines.
struct Told {
    mechanism: &'static str,
    pairs: Vec<(&'static str, String)>,
    json: Value,
}

fn of_market(scenario: &Scenario, market: &MarketScenario) -> Result<Told, Failure> {
    let clearing = clear(&market.market)?;
    let agents = market.market.len();
    let families: Map<String, Value> =
        market.families.iter().map(|(name, n)| ((*name).to_owned(), json!(n))).collect();
    let json = json!({
        "agents": agents,
        "families": families,
        "total": market.market.total(),
        "baseline": market.baseline.words(),
        "price": clearing.price,
    });
    let families: Vec<String> =
        market.families.iter().map(|(name, n)| format!("{} {name}", count(*n))).collect();
    let units = &scenario.units;
    let pairs = vec![
        ("agents", format!("{}: {}", counted(agents, "agent"), families.join(", "))),
        ("total", amount(market.market.total(), &units.quantity)),
        ("payment", crate::report::rule(&market.payment, market.baseline)),
        ("price", amount(clearing.price, &units.price)),
    ];
    Ok(Told { mechanism: "market", pairs, json })
}

fn of_linear_quadratic(scenario: &Scenario, of: &LinearQuadraticScenario) -> Told {
    let (market, census) = (&of.market, &of.census);
    let recorded = of.replay.as_ref().map_or(0, |replay| replay.iter().flatten().count());
    let laws: Map<String, Value> =
        census.laws.iter().map(|(name, n)| ((*name).to_owned(), json!(n))).collect();
    let states: Map<String, Value> =
        census.states.iter().map(|(states, n)| (states.to_string(), json!(n))).collect();
    let c = match of.scaling {
        Scaling::Fixed(c) => json!(c),
        rule => json!(rule.name()),
    };
    let json = json!({
        "agents": market.len(),
        "states": states,
        "periods": market.periods(),
        "market": of.kind.name(),
        "net_demand": market.net_demand(),
        "noise": { "laws": laws, "factors": market.factors(), "observed": census.observed, "recorded": recorded },
        "payment": of.payment.name(),
        "scaling": c,
        "baseline": of.baseline.words(),
    });
    let states: Vec<String> = census
        .states
        .iter()
        .map(|(states, n)| format!("{} with {}", count(*n), counted(*states, "state")))
        .collect();
    let pairs = vec![
        ("agents", format!("{}: {}", counted(market.len(), "agent"), states.join(", "))),
        ("periods", market.periods().to_string()),
        ("market", kind_words(of.kind).into()),
        ("net demand", net_demand(market.net_demand(), &scenario.units.quantity)),
        ("noise", noise(of, recorded)),
        ("payment", layer_payment(of)),
    ];
    Told { mechanism: "linear-quadratic", pairs, json }
}

fn of_pivot(of: &PivotScenario) -> Told {
    let model = &of.model;
    let plan = plan(model, &of.options());
    let types: Vec<usize> = (0..model.players()).map(|i| model.player(i).types).collect();
    let json = json!({
        "family": of.family.name(),
        "players": model.players(),
        "types": types,
        "public_states": model.public().states,
        "decisions": model.decisions(),
        "outcomes": model.outcomes(),
        "periods": model.periods(),
        "discount": model.discount(),
        "without": of.without.name(),
        "payment": of.payment.name(),
        "sealed": of.sealed,
        "joint_states": of.joint_states(),
        "memory": plan.as_ref().ok().map(|plan| plan.memory.least()),
        "structure": plan.as_ref().ok().map(|plan| plan.structure),
        "reason": plan.as_ref().ok().map(|plan| plan.reason),
        "solvable": plan.is_ok(),
        "notes": of.notes,
    });
    let most = types.iter().max().copied().unwrap_or(1);
    let horizon = match model.periods() {
        Some(periods) => format!("{periods} with decisions"),
        None => format!("no end, discount {}", short(model.discount())),
    };
    let sealed = if of.sealed { ", reports sealed" } else { "" };
    let mut pairs = vec![
        ("family", of.family.name().into()),
        ("players", format!("{} with up to {}", count(model.players()), counted(most, "type"))),
        ("public states", count(model.public().states)),
        ("decisions", format!("{} in {}", count(model.decisions()), counted(model.outcomes(), "outcome"))),
        ("periods", horizon),
        ("mode", format!("{}, payments {}{sealed}", of.without.name(), of.payment.name())),
        ("joint states", many(of.joint_states())),
    ];
    pairs.extend(solving(&plan, memory(model, &of.options()).least()));
    Told { mechanism: "pivot", pairs, json }
}

/// A market that repeats every day.
fn of_season<R: Repeated>(of: &R) -> Told {
    let (spec, market) = (of.season(), of.market());
    let types = market.types();
    let terms = TermsRow::of(&spec.terms);
    let liars: Vec<&String> =
        (0..types.len()).filter(|&i| !is_honest(of, i)).map(|i| &spec.players[i]).collect();
    let profiles: f64 = types.iter().map(|m| *m as f64).product();
    let json = json!({
        "players": types.len(),
        "types": types,
        "signals": spec.signals,
        "days": spec.days,
        "sealed": spec.sealed,
        "terms": terms,
        "type_profiles": profiles,
        "solved_by": of.ways(),
        "not_honest": liars,
        "spread": market.spread(),
    });
    let most = types.iter().max().copied().unwrap_or(1);
    let sealed = if spec.sealed { "sealed" } else { "not sealed" };
    let mut pairs = vec![
        ("players", format!("{} with up to {}", count(types.len()), counted(most, "type"))),
        ("type profiles", many(profiles)),
    ];
    pairs.extend(
        of.ways().into_iter().enumerate().map(|(k, way)| (if k == 0 { "solved by" } else { "" }, way)),
    );
    pairs.extend([
        ("public signals", if spec.signals.len() > 1 { spec.signals.join(", ") } else { "none".into() }),
        ("days", format!("{}, bids {sealed}", count(spec.days as usize))),
    ]);
    let words = crate::report_two_stage::terms(&terms, "");
    let mut lines = words.lines();
    pairs.push(("tests", lines.next().unwrap_or_default().trim_start_matches("tests: ").to_owned()));
    pairs.extend(lines.map(|line| ("", line.to_owned())));
    if !liars.is_empty() {
        let names: Vec<&str> = liars.iter().take(8).map(|name| name.as_str()).collect();
        let more = if liars.len() > 8 { ", ..." } else { "" };
        pairs.push(("not honest", format!("{}{more}", names.join(", "))));
    }
    Told { mechanism: R::MECHANISM, pairs, json }
}

/// Rounds after which the cost is within epsilon of the best for sure, where that can be said beforehand.
fn sure_rounds(of: &DualScenario) -> Option<usize> {
    use vickrey::faithful::dual::rules::{Moduli, Stop};
    let rules = of.plan.rules();
    let (Stop::Gap { epsilon, .. }, Moduli::Public) = (rules.stop, rules.moduli) else { return None };
    // Whether there is such a number does not depend on the distance.
    of.plan.rounds_for(epsilon, 0.0)?;
    let best = vickrey::faithful::dual::solve::exact(of.plan.problem(), &of.costs, &|_| ()).ok()?;
    let from = of.plan.start_price();
    let distance = from.iter().zip(&best.price).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt();
    // The clearing price is exact to rounding.
    of.plan.rounds_for(epsilon, distance * (1.0 + 1e-9))
}

/// Dual decomposition.
fn of_dual(of: &DualScenario) -> Told {
    use vickrey::faithful::dual::cost::Cost;
    let (plan, problem) = (&of.plan, of.plan.problem());
    let quadratic = of.costs.iter().filter(|cost| matches!(***cost, Cost::Quadratic(_))).count();
    let limited = problem.followers().iter().filter(|follower| follower.bounded()).count();
    let unfaithful: Vec<String> = (0..of.plays.len())
        .filter(|&i| !matches!(of.plays[i], Play::Faithful))
        .map(|i| format!("{} ({})", problem.name(i), words(&of.plays[i])))
        .collect();
    let sure = sure_rounds(of);
    let essential: Vec<_> = plan.essential().iter().map(|&i| problem.name(i).into_owned()).collect();
    let json = json!({
        "followers": problem.len(),
        "decisions": problem.decisions(),
        "couplings": of.couplings,
        "total": problem.total(),
        "mode": mode_name(plan.rules().mode),
        "steepness": plan.steepness(),
        "step": plan.step(),
        "quadratic": quadratic,
        "limited": limited,
        "essential": essential,
        "rounds": plan.rules().stop.rounds(),
        "rounds_at_most": sure,
        "not_faithful": unfaithful,
        "round_ms": of.timing.round_ms,
        "value_ms": of.timing.value_ms,
    });
    let totals: Vec<String> =
        of.couplings.iter().zip(problem.total()).map(|(name, c)| format!("{name} {}", short(*c))).collect();
    let mut pairs = vec![
        ("followers", format!("{} with {}", count(problem.len()), counted(problem.decisions(), "decision"))),
        ("couplings", totals.join(", ")),
        (
            "costs",
            format!("{} quadratic, {} of other kinds", count(quadratic), count(problem.len() - quadratic)),
        ),
        ("limits", format!("on all decisions of {}", counted(limited, "follower"))),
        ("method", method_words(plan.rules(), plan.step())),
        ("mode", mode_name(plan.rules().mode).into()),
    ];
    if let Some(steepness) = plan.steepness() {
        pairs.push((
            "steepness",
            format!("{}, safe steps are below {}", short(steepness), short(2.0 / steepness)),
        ));
    }
    if let Some(rounds) = sure {
        let cap = count(plan.rules().stop.rounds());
        pairs.push((
            "rounds at most",
            format!("{} bring the cost within epsilon of the best for sure; the cap is {cap}", count(rounds)),
        ));
    }
    if !unfaithful.is_empty() {
        pairs.push(("not faithful", unfaithful.join(", ")));
    }
    Told { mechanism: "dual-decomposition", pairs, json }
}

/// Consensus.
fn of_consensus(of: &ConsensusScenario) -> Told {
    let (rules, instance) = (&of.rules, of.rules.instance());
    let unfaithful: Vec<String> = (0..of.conducts.len())
        .filter(|&i| of.conducts[i] != Conduct::Faithful)
        .map(|i| format!("{} ({})", instance.name(i), conduct_words(&of.conducts[i])))
        .collect();
    let graph = instance.graph();
    let json = json!({
        "followers": rules.len(),
        "edges": graph.edges().len(),
        "tree": graph.is_tree(),
        "rounds": rules.rounds(),
        "step": rules.step(),
        "rate": rules.rate(),
        "test": test_name(rules.test()),
        "limit": rules.limit(),
        "fine": rules.fine(),
        "epsilon": rules.epsilon(),
        "not_faithful": unfaithful,
    });
    let shape = if graph.is_tree() { "a tree" } else { "with cycles" };
    let because = match of.by_epsilon {
        Some(epsilon) => format!(", what epsilon {} takes", short(epsilon)),
        None => String::new(),
    };
    let mut pairs = vec![
        ("followers", count(rules.len())),
        ("graph", format!("{}, {shape}", counted(graph.edges().len(), "edge"))),
        ("rounds", format!("{}{because}", count(rules.rounds()))),
        (
            "step",
            format!(
                "{}; disagreement falls by {} a round at least",
                short(rules.step()),
                short(rules.rate())
            ),
        ),
        ("test", format!("{}: a distance of {} at most", test_name(rules.test()), short(rules.limit()))),
        ("fine", short(rules.fine())),
        ("epsilon", rules.epsilon().map_or_else(|| "not proved".into(), short)),
    ];
    if !unfaithful.is_empty() {
        pairs.push(("not faithful", unfaithful.join(", ")));
    }
    Told { mechanism: "consensus", pairs, json }
}

/// How a run will solve the instance, why so, and what it takes; or what is lacking.
fn solving(plan: &Result<Plan, SolveError>, all: f64) -> Vec<(&'static str, String)> {
    let plan = match plan {
        Ok(plan) => plan,
        Err(error) => return vec![("solved by", format!("nothing that fits: {error}"))],
    };
    let mut pairs = vec![("solved by", plan.structure.words().into()), ("", plan.reason.words().into())];
    let lacks = |(structure, error): &(Structure, SolveError)| match error {
        SolveError::Structure(_) => None,
        error => Some(("", format!("not by {}: {error}", structure.words()))),
    };
    pairs.extend(plan.refused.iter().filter_map(lacks));
    let mut memory = match (plan.structure, plan.memory.least()) {
        (Structure::Exchangeable, taken) => {
            format!("{} for {} joint multisets", bytes(taken), many(plan.states))
        }
        (Structure::Static, _) => "no values to keep".into(),
        (_, taken) => bytes(taken),
    };
    if plan.structure != Structure::Product {
        memory.push_str(&format!(", not for all joint states, which would take {}", bytes(all)));
    }
    pairs.push(("memory", memory));
    pairs
}

/// A whole number that may be very large.
fn many(x: f64) -> String {
    if x < 1e9 { count(x as usize) } else { format!("{x:.1e}") }
}

fn kind_words(kind: MarketKind) -> &'static str {
    match kind {
        MarketKind::Plan => "plan: everything is known at the start, one settlement",
        MarketKind::Layered => {
            "layered: in every period each agent bids how its state moved from the forecast"
        }
        MarketKind::Filtered => "filtered: as layered, agents see their states through measurements",
    }
}

fn net_demand(demand: &[f64], unit: &str) -> String {
    let low = demand.iter().copied().fold(f64::INFINITY, f64::min);
    let high = demand.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if low >= high {
        return amount(high, unit);
    }
    format!("{} to {}, {} in all", short(low), amount(high, unit), amount(demand.iter().sum(), unit))
}

/// Who has noise, and of which law.
fn noise(of: &LinearQuadraticScenario, recorded: usize) -> String {
    let laws: Vec<String> = of.census.laws.iter().map(|(name, n)| format!("{} {name}", count(*n))).collect();
    let noisy: usize = of.census.laws.iter().map(|(_, n)| n).sum();
    let mut parts = match noisy {
        0 => vec!["none".to_owned()],
        n => vec![format!("{}: {}", counted(n, "agent"), laws.join(", "))],
    };
    if of.market.factors() > 0 {
        parts.push(counted(of.market.factors(), "common factor"));
    }
    if of.census.observed > 0 {
        parts.push(format!("{} behind a measurement", counted(of.census.observed, "agent")));
    }
    if recorded > 0 {
        parts.push(format!("recorded for {}", counted(recorded, "agent")));
    }
    parts.join("; ")
}

fn layer_payment(of: &LinearQuadraticScenario) -> String {
    if of.payment == LayerPayment::Lagrange {
        return "lagrange: price times quantity".into();
    }
    let c = match of.scaling {
        Scaling::Fixed(c) => short(c),
        rule => format!("from what is expected ({})", rule.name().unwrap_or_default()),
    };
    format!("{} with c = {c}, baseline {}", of.payment.name(), of.baseline.words())
}
