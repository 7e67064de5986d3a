//! `vickrey simulate`: truthful and strategic agents on the same random numbers.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueHint};
use rand::RngExt;
use serde_json::{Value, json};
use vickrey::market::protocol::ProtocolError;
use vickrey::market::strategies::{MarketWorld, Truthful};
use vickrey::market::{Market, MarketMechanism, Utility, settle};
use vickrey::mechanism::AgentId;
use vickrey::numeric::random::{self, Purpose};
use vickrey::simulate::{Pair, Profile, RunError, paired};
use vickrey_scenario::output::number::finite;
use vickrey_scenario::output::{Charge, Tool};
use vickrey_scenario::{MarketScenario, Problem, Scenario};

use crate::args::Common;
use crate::failure::Failure;
use crate::format::{amount, columns, count, counted, name};
use crate::lies::Plan;
use crate::tables::{self, Column};
use crate::{loading, progress};

/// Honest agents that are listed beside the liars.
const MOST_HONEST: usize = 30;

/// Play a scenario with some agents lying, beside the truthful run
///
/// Runs the protocol twice on the same random numbers, once with everybody truthful and once with the given lies, and
/// prints what every liar and everybody else gains or loses. Under an incentive compatible rule no single liar gains;
/// several liars together may.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  vickrey simulate market.toml --liars Hydro=scale:1.2
  vickrey simulate market.toml --liars Hydro=scale:1.2,cap:40 Smelter=shift:-3
  vickrey simulate market.toml --liars Hydro=random --runs 100 --seed 7

Lies: `scale:X` reports X times the true utility (a producer with X > 1 exaggerates its costs), `shift:X` adds X to the
marginal utility, `cap:X` admits to trade no more than X; they can be joined by commas. `random` draws scale, shift and
cap in every run. `silent` reports nothing, and so does a lie that leaves nothing to trade.")]
pub struct Simulate {
    /// The scenario file
    #[arg(value_hint = ValueHint::FilePath)]
    scenario: PathBuf,
    /// Agents and their lies
    #[arg(long, value_name = "NAME=LIE", num_args = 1..)]
    liars: Vec<String>,
    /// How often to play, each time with the next seed
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    runs: u32,
}

/// Runs the command.
pub fn run(args: &Simulate, common: &Common, out: &mut dyn Write) -> Result<(), Failure> {
    let scenario = loading::scenario(&args.scenario, common)?;
    let market = loading::market(&scenario)?;
    let plans = plans(&args.liars, &market.market)?;
    let tally = play(market, &plans, (scenario.seed, args.runs), common)?;
    let report =
        Report { scenario: &scenario, market: &market.market, plans: &plans, runs: args.runs, tally: &tally };
    if common.json { report.json(out) } else { report.print(out) }
}

/// The lies by agent.
fn plans(liars: &[String], market: &Market) -> Result<BTreeMap<AgentId, Plan>, Failure> {
    let mut plans = BTreeMap::new();
    for text in liars {
        let wrong = |message: String| {
            Failure::input(Problem::new(message).with_help(
                "accepted: NAME=LIE, for example Hydro=scale:1.2; the scenario comes before --liars",
            ))
        };
        let (who, lie) =
            text.rsplit_once('=').ok_or_else(|| wrong(format!("--liars `{text}` has no `=`")))?;
        let agent = (0..market.len()).find(|&i| market.name(i) == who).ok_or_else(|| {
            let near = nearest_name(market, who)
                .map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            wrong(format!("--liars: there is no agent `{who}` in the scenario{near}"))
        })?;
        let plan = Plan::parse(lie).map_err(|message| wrong(format!("--liars `{text}`: {message}")))?;
        if plans.insert(agent, plan).is_some() {
            return Err(wrong(format!("--liars: `{who}` is given twice; join lies by commas")));
        }
    }
    Ok(plans)
}

/// The agent's name that is written most alike, if any is near.
fn nearest_name(market: &Market, who: &str) -> Option<String> {
    let alike = |i: AgentId| strsim::jaro_winkler(&market.name(i).to_lowercase(), &who.to_lowercase());
    let best = (0..market.len()).max_by(|&i, &j| alike(i).total_cmp(&alike(j)))?;
    (alike(best) > 0.7).then(|| market.name(best).into_owned())
}

/// Sums over all runs.
struct Tally {
    /// Runs that were played to the end.
    settled: u32,
    /// Runs whose reports could not be settled, and why the first of them could not.
    unsettled: u32,
    first_failure: Option<String>,
    honest: Totals,
    lying: Totals,
    /// Mean, least and largest gain of every agent.
    gain: Vec<[f64; 3]>,
}

#[derive(Default)]
struct Totals {
    utility: Vec<f64>,
    welfare: f64,
    budget: f64,
}

impl Totals {
    fn add(&mut self, game: &vickrey::simulate::Totals, weight: f64) {
        self.utility.resize(game.payment.len(), 0.0);
        for (agent, sum) in self.utility.iter_mut().enumerate() {
            *sum += weight * (game.utility(agent) - *sum);
        }
        self.welfare += weight * (game.welfare() - self.welfare);
        self.budget += weight * (game.budget() - self.budget);
    }
}

impl Tally {
    fn new(agents: usize) -> Self {
        let gain = vec![[0.0, f64::INFINITY, f64::NEG_INFINITY]; agents];
        let (honest, lying) = (Totals::default(), Totals::default());
        Self { settled: 0, unsettled: 0, first_failure: None, honest, lying, gain }
    }

    fn add(&mut self, pair: &Pair) {
        self.settled += 1;
        // Running means: the weight of what is there shrinks as runs are added.
        let weight = 1.0 / f64::from(self.settled);
        self.honest.add(&pair.truthful, weight);
        self.lying.add(&pair.strategic, weight);
        for (agent, [mean, least, most]) in self.gain.iter_mut().enumerate() {
            let gain = pair.gain(agent);
            *mean += weight * (gain - *mean);
            (*least, *most) = (least.min(gain), most.max(gain));
        }
    }
}

/// Plays all runs, each truthfully and with the lies.
fn play(
    market: &MarketScenario,
    plans: &BTreeMap<AgentId, Plan>,
    (seed, runs): (u64, u32),
    common: &Common,
) -> Result<Tally, Failure> {
    let truth = &market.market;
    let settlement = settle(truth)?;
    let charge = Charge::resolve(&market.payment, market.baseline, truth, &settlement);
    if let Some(missing) = &charge.missing {
        return Err(missing.into());
    }
    let mechanism = MarketMechanism::new(truth.len(), truth.total(), charge.asked);
    let bar = progress::bar(common, "playing");
    let mut tally = Tally::new(truth.len());
    for k in 0..runs {
        let profile: Profile<MarketMechanism, Utility> = (0..truth.len())
            .map(|i| plans.get(&i).map_or_else(|| Box::new(Truthful) as _, Plan::strategy))
            .collect();
        let world = |_| MarketWorld::new(truth.clone());
        match paired(&mechanism, world, |_| Box::new(Truthful), profile, seed_of(seed, k)) {
            Ok(pair) => tally.add(&pair),
            Err(error) => {
                tally.unsettled += 1;
                tally.first_failure.get_or_insert_with(|| format!("run {}: {}", k + 1, failed(error, truth)));
            }
        }
        progress::at(&bar, f64::from(k + 1) / f64::from(runs));
    }
    bar.finish_and_clear();
    match &tally.first_failure {
        Some(failure) if tally.settled == 0 => Err(Failure::run(failure.clone())),
        _ => Ok(tally),
    }
}

/// Every run has a seed of its own; runs of two different seeds have none in common.
fn seed_of(seed: u64, run: u32) -> u64 {
    random::stream(seed, Purpose::Instance, u64::from(run)).random()
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

/// What is printed.
struct Report<'a> {
    scenario: &'a Scenario,
    market: &'a Market,
    plans: &'a BTreeMap<AgentId, Plan>,
    runs: u32,
    tally: &'a Tally,
}

impl Report<'_> {
    /// The liars, then as many honest agents as fit.
    fn shown(&self) -> Vec<AgentId> {
        let honest = (0..self.market.len()).filter(|i| !self.plans.contains_key(i)).take(MOST_HONEST);
        self.plans.keys().copied().chain(honest).collect()
    }

    fn json(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let row = |i: AgentId| {
            let [mean, least, most] = self.tally.gain[i].map(finite);
            json!({
                "name": self.market.name(i),
                "lie": self.plans.get(&i).map(ToString::to_string),
                "utility": { "truthful": finite(self.tally.honest.utility[i]), "strategic": finite(self.tally.lying.utility[i]) },
                "gain": { "mean": mean, "least": least, "largest": most },
            })
        };
        // Beyond a thousand agents only those that are listed for people.
        let agents = if self.market.len() <= 1000 { (0..self.market.len()).collect() } else { self.shown() };
        let both = |pick: fn(&Totals) -> f64| json!({ "truthful": finite(pick(&self.tally.honest)), "strategic": finite(pick(&self.tally.lying)) });
        let text = json!({
            "version": 1,
            "tool": Tool::this(),
            "mechanism": "market",
            "title": self.scenario.title,
            "seed": self.scenario.seed,
            "runs": self.runs,
            "unsettled": { "runs": self.tally.unsettled, "first": self.tally.first_failure },
            "scenario": { "path": self.scenario.path.display().to_string(), "hash": self.scenario.hash },
            "welfare": both(|totals| totals.welfare),
            "budget": both(|totals| totals.budget),
            "agents": agents.into_iter().map(row).collect::<Vec<Value>>(),
        });
        writeln!(out, "{text:#}")?;
        Ok(())
    }

    fn print(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let money = &self.scenario.units.money;
        let title = self.scenario.title.clone().unwrap_or_else(|| self.scenario.path.display().to_string());
        writeln!(
            out,
            "{title}\n{}, {}, seed {}\n",
            counted(self.plans.len(), "liar"),
            counted(self.runs as usize, "run"),
            self.scenario.seed
        )?;
        let shown = self.shown();
        let numbers =
            |pick: &dyn Fn(AgentId) -> f64| shown.iter().map(|&i| Some(self.rounded(pick(i)))).collect();
        let mut values = vec![
            numbers(&|i| self.tally.honest.utility[i]),
            numbers(&|i| self.tally.lying.utility[i]),
            numbers(&|i| self.tally.gain[i][0]),
        ];
        let mut heads = vec!["truthful utility", "utility with lies", "gain"];
        if self.runs > 1 {
            heads[2] = "mean gain";
            heads.push("largest gain");
            values.push(numbers(&|i| self.tally.gain[i][2]));
        }
        let columns = columns(&values);
        let rows = shown.iter().enumerate().map(|(k, i)| {
            let lie = self.plans.get(i).map_or_else(|| "truth".to_owned(), ToString::to_string);
            [name(&self.market.name(*i)), lie]
                .into_iter()
                .chain(columns.iter().map(|column| column[k].clone()))
                .collect()
        });
        let words = ["agent", "reports"].map(|head| Column::Words(head.into()));
        let heads = words.into_iter().chain(heads.into_iter().map(|head| Column::Numbers(head.into())));
        tables::print(out, &heads.collect::<Vec<_>>(), rows.collect())?;
        let hidden = self.market.len() - shown.len();
        if hidden > 0 {
            writeln!(out, "{} more honest agents are not shown", count(hidden))?;
        }
        let both = |honest: f64, lying: f64| {
            format!("{} truthful, {} with lies", amount(honest, money), amount(lying, money))
        };
        let (honest, lying) = (&self.tally.honest, &self.tally.lying);
        tables::pairs(
            out,
            &[
                ("welfare", both(honest.welfare, lying.welfare)),
                ("budget", both(honest.budget, lying.budget)),
            ],
        )?;
        if let Some(failure) = &self.tally.first_failure {
            writeln!(
                out,
                "\nnot settled, and not in these numbers: {} of {}; the first was {failure}",
                counted(self.tally.unsettled as usize, "run"),
                self.runs
            )?;
        }
        Ok(())
    }

    /// Rounding of the welfares is not shown as a gain.
    fn rounded(&self, x: f64) -> f64 {
        if x.abs() < 1e-11 * (1.0 + self.tally.honest.welfare.abs()) { 0.0 } else { x }
    }
}
