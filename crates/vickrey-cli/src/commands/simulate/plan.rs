//! Plans: lies are reports of other parameters and another state at the start.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use vickrey::audit::search::{Space, maximise};
use vickrey::lq::protocol::PlanError;
use vickrey::lq::strategies::{Lie, PlanWorld, Reporter};
use vickrey::lq::{Agent, Aggregate, Market, Parameters, Plan as Planned, PlanMechanism};
use vickrey::mechanism::{AgentId, Strategy, Turn};
use vickrey::numeric::random::{Purpose, stream};
use vickrey::simulate::{Pair, Profile, RunError, Totals, run as play, run_seed};
use vickrey_scenario::output::{LqCharge, LqError, Outlook, Pairs};
use vickrey_scenario::{LinearQuadraticScenario, Problem, Scenario};

use super::{Simulate, Target, pairs};
use crate::failure::Failure;
use crate::lies::by_agent;
use crate::lies::linear_quadratic::{Bids, Factors, Plan, lots};
use crate::progress;

/// Lies that a search for the best one tries at random, and steps from the best of them.
const RANDOM: usize = 60;
const LOCAL: usize = 240;

/// What an agent reports.
#[derive(Clone, Debug)]
enum Report {
    /// Itself, or somebody else.
    Agent(Box<Agent>),
    /// Nothing.
    Silence,
}

/// Plays all runs: they differ in lies that are drawn, and in nothing else.
pub fn run(
    scenario: &Scenario,
    lq: &LinearQuadraticScenario,
    args: &Simulate,
    to: &Target<'_>,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let market = &lq.market;
    let plans = by_agent(&args.liars, market, market.len(), Plan::parse)?;
    if let Some((&agent, plan)) = plans.iter().find(|(_, plan)| plan.needs_periods()) {
        let message =
            format!("--liars `{}={plan}`: a plan has one report, before the start", market.name(agent));
        let help = "accepted in a plan: scale:X and bias:X of the state at the start, q:X, r:X, a:X, b:X, silent, random, best";
        return Err(Failure::input(Problem::new(message).with_help(help)));
    }
    let table = Table { lq, truth: Arc::new(market.clone()) };
    let honest = table.play(&BTreeMap::new(), scenario.seed)?;
    let runs = args.runs.unwrap_or(1);
    let bar = progress::bar(to.common, "playing");
    let (mut said, best) = table.search(&plans, &honest, scenario.seed)?;
    for (&agent, plan) in &plans {
        said.entry(agent).or_insert_with(|| plan.to_string());
    }
    let mut all = Pairs::new(scenario, "linear-quadratic", (market, market.len()), said, runs);
    for k in 0..runs {
        let seed = run_seed(scenario.seed, u64::from(k));
        let mut reports = best.clone();
        for (&agent, plan) in plans.iter().filter(|(agent, _)| !best.contains_key(agent)) {
            reports.insert(agent, table.report(agent, plan, seed)?);
        }
        match table.play(&reports, seed) {
            Ok(strategic) => all.add(seed, &Pair { truthful: honest.clone(), strategic }),
            Err(error) if runs == 1 => return Err(error.into()),
            Err(error) => all.fail(format!("run {}: {error}", k + 1)),
        }
        progress::at(&bar, f64::from(k + 1) / f64::from(runs));
    }
    bar.finish_and_clear();
    remark(&mut all, &plans, lq);
    pairs::finish(&all, to, out)
}

fn remark(all: &mut Pairs<'_>, plans: &BTreeMap<AgentId, Plan>, lq: &LinearQuadraticScenario) {
    if all.runs > 1 && !plans.values().any(|plan| plan.bids == Bids::Random) {
        all.notes.push("nothing in a plan is left to chance: all runs are the same".into());
    }
    if plans.values().any(|plan| plan.bids == Bids::Best) {
        all.notes.push(
            "the best report of those that were tried: factors on q, r, a, b and the state at the start, and a shift of \
             that state"
                .into(),
        );
    }
    if matches!(lq.scaling, vickrey_scenario::Scaling::Fixed(_)) {
        return;
    }
    all.warnings.push("c is computed from the reports: lies move it, and may pay".into());
}

/// What agents report; who is not in it is truthful.
type Reports = BTreeMap<AgentId, Report>;
/// The same in words.
type Said = BTreeMap<AgentId, String>;

/// Why a plan cannot be played.
#[derive(Debug, thiserror::Error)]
enum PlayError {
    #[error(transparent)]
    Market(#[from] LqError),
    #[error("{0}")]
    Model(String),
    #[error("{0}")]
    NoFactor(String),
    #[error("the reports cannot be planned: {0}")]
    Run(#[from] RunError<PlanError>),
}

impl From<PlayError> for Failure {
    fn from(error: PlayError) -> Self {
        match error {
            PlayError::Market(error) => error.into(),
            other => Self::run(other.to_string()),
        }
    }
}

/// The plan to be played.
struct Table<'a> {
    lq: &'a LinearQuadraticScenario,
    truth: Arc<Market>,
}

impl Strategy<PlanMechanism, ()> for Report {
    fn report(&mut self, _: Turn<'_, (), Arc<[f64]>>) -> Option<Agent> {
        match self {
            Self::Agent(agent) => Some((**agent).clone()),
            Self::Silence => None,
        }
    }
}

impl Table<'_> {
    /// What an agent reports in a run.
    fn report(&self, agent: AgentId, plan: &Plan, seed: u64) -> Result<Report, Failure> {
        let true_one = self.truth.parameters(agent);
        let made = match plan.bids {
            Bids::Silent(_) => return Ok(Report::Silence),
            Bids::Fixed(lie) => misreport(&true_one, plan.factors, lie),
            Bids::Random | Bids::Best => random(&true_one, &mut lots(agent, seed)),
        };
        made.map(|agent| Report::Agent(Box::new(agent))).map_err(|error| {
            Failure::input(Problem::new(format!("--liars `{}={plan}`: {error}", self.truth.name(agent))))
        })
    }

    /// One play; who is not among the reports is truthful.
    fn play(&self, reports: &Reports, seed: u64) -> Result<Totals, PlayError> {
        let mechanism = self.mechanism(reports)?;
        let profile = (0..self.truth.len()).map(|i| match reports.get(&i) {
            Some(report) => Box::new(report.clone()) as Box<dyn Strategy<PlanMechanism, ()>>,
            None => Box::new(Reporter(self.true_agent(i))) as _,
        });
        let mut profile: Profile<PlanMechanism, ()> = profile.collect();
        Ok(play(&mechanism, &mut PlanWorld(Arc::clone(&self.truth)), &mut profile, seed, |_| ())?)
    }

    fn true_agent(&self, agent: AgentId) -> Agent {
        // It was an agent before it was put into the market.
        Agent::new(self.truth.parameters(agent)).unwrap_or_else(|errors| unreachable!("{errors:?}"))
    }

    /// The rule for these reports: c may follow from them.
    fn mechanism(&self, reports: &Reports) -> Result<PlanMechanism, PlayError> {
        let net_demand = self.truth.net_demand().to_vec();
        let fixed = matches!(self.lq.scaling, vickrey_scenario::Scaling::Fixed(_));
        let reported =
            if fixed || reports.is_empty() { (*self.truth).clone() } else { self.reported(reports)? };
        let aggregate = Aggregate::new(&reported).map_err(LqError::from)?;
        let plan = Planned::new(&reported, &aggregate).map_err(LqError::from)?;
        let charge = LqCharge::resolve(self.lq, &reported, &Outlook::Certain(Box::new(plan)));
        match &charge.missing {
            Some(missing) => Err(PlayError::NoFactor(missing.to_string())),
            None => Ok(PlanMechanism::new(self.truth.len(), net_demand, charge.plan_rule())),
        }
    }

    /// The market as it is reported, without those who are silent.
    fn reported(&self, reports: &Reports) -> Result<Market, PlayError> {
        let agents = (0..self.truth.len()).filter_map(|i| match reports.get(&i) {
            Some(Report::Silence) => None,
            Some(Report::Agent(agent)) => Some((**agent).clone()),
            None => Some(self.true_agent(i)),
        });
        Market::new(self.truth.periods(), self.truth.net_demand().to_vec(), agents.collect())
            .map_err(|error| PlayError::Model(error.to_string()))
    }

    /// The best reports of those who look for them, one by one, against truthful others; and what they are, in words.
    fn search(
        &self,
        plans: &BTreeMap<AgentId, Plan>,
        honest: &Totals,
        seed: u64,
    ) -> Result<(Said, Reports), Failure> {
        let (mut said, mut reports) = (BTreeMap::new(), BTreeMap::new());
        for &agent in plans.iter().filter(|(_, plan)| plan.bids == Bids::Best).map(|(agent, _)| agent) {
            let true_one = self.truth.parameters(agent);
            let spread = true_one.start.iter().map(|x| x.abs()).fold(0.0, f64::max);
            let reach = if spread > 0.0 { 2.0 * spread } else { 1.0 };
            // Logarithms of the factors on q, r and b; factors on a and on the start; a shift of the start.
            let (low, high) = ([-1.0, -1.0, -1.0, 0.5, -1.0, -reach], [1.0, 1.0, 1.0, 1.5, 3.0, reach]);
            let starts = [vec![0.0, 0.0, 0.0, 1.0, 1.0, 0.0]];
            let space = Space { low: &low, high: &high, starts: &starts, random: RANDOM, local: LOCAL };
            let made = |x: &[f64]| {
                let factors = Factors { q: x[0].exp(), r: x[1].exp(), b: x[2].exp(), a: x[3] };
                (factors, Lie { scale: x[4], bias: x[5], ..Lie::TRUTH })
            };
            let value = |x: &[f64]| {
                let (factors, lie) = made(x);
                let Ok(other) = misreport(&true_one, factors, lie) else { return f64::NEG_INFINITY };
                let one = BTreeMap::from([(agent, Report::Agent(Box::new(other)))]);
                let gain = self.play(&one, seed).map(|totals| totals.utility(agent) - honest.utility(agent));
                gain.ok().filter(|gain| gain.is_finite()).unwrap_or(f64::NEG_INFINITY)
            };
            let best = maximise(&space, &mut stream(seed, Purpose::Audit, agent as u64), value);
            let (factors, lie) = made(&best.at);
            let plan = Plan { bids: Bids::Fixed(lie), factors };
            said.insert(agent, format!("best: {}", rounded(plan)));
            reports.insert(agent, self.report(agent, &plan, seed)?);
        }
        Ok((said, reports))
    }
}

/// Four digits are enough to read.
fn rounded(plan: Plan) -> Plan {
    let round = |x: f64| (x * 1e4).round() / 1e4;
    let Factors { q, r, a, b } = plan.factors;
    let bids = match plan.bids {
        Bids::Fixed(lie) => Bids::Fixed(Lie { scale: round(lie.scale), bias: round(lie.bias), ..lie }),
        other => other,
    };
    Plan { bids, factors: Factors { q: round(q), r: round(r), a: round(a), b: round(b) } }
}

/// An agent with other parameters and another state at the start.
fn misreport(true_one: &Parameters, factors: Factors, lie: Lie) -> Result<Agent, String> {
    let words = |errors: Vec<vickrey::lq::FieldError>| {
        errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    };
    let made = factors.apply(true_one).map_err(words)?;
    made.with(|p| {
        if p.start.is_empty() {
            p.start = vec![0.0; p.states];
        }
        for x in &mut p.start {
            *x = lie.scale * *x + lie.bias;
        }
    })
    .map_err(words)
}

/// Parameters from half to twice the truth, evenly on a logarithmic scale, and another state at the start.
fn random(true_one: &Parameters, rng: &mut ChaCha8Rng) -> Result<Agent, String> {
    let mut factor = || 2.0_f64.powf(rng.random_range(-1.0..1.0));
    let factors = Factors { q: factor(), r: factor(), a: 1.0, b: factor() };
    misreport(true_one, factors, Lie { scale: factor(), ..Lie::TRUTH })
}
