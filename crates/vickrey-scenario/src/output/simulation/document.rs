//! The document of many runs of a layered or filtered market.

use serde::Serialize;
use vickrey::lq::simulate::Tally;
use vickrey::mechanism::AgentId;
use vickrey::numeric::sample::{self, Moments, Share};

use super::Runs;
use crate::output::document::{Document, Head};
use crate::output::number::finite;
use crate::output::table::MOST_INLINE;

/// Differences from expected numbers below this part of their size are rounding.
const ROUNDING: f64 = 1e-9;
/// The quantiles that are reported.
pub(super) const QUANTILES: [f64; 5] = [0.05, 0.25, 0.5, 0.75, 0.95];

/// What a simulation's document holds besides what all documents do.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunsPart {
    /// What was played.
    pub summary: RunsSummary,
    /// How many runs were asked for.
    pub runs: u64,
    /// Runs that left the range of numbers, and are in none of the others' numbers.
    pub unusable: u64,
    /// The seed of the first of them.
    pub first_unusable: Option<u64>,
    /// What the operator keeps (negative: pays).
    pub budget: Both<Spread>,
    /// Sum of utilities before payment.
    pub welfare: Both<Spread>,
    /// In how many runs the operator pays more than it gets.
    pub deficit: Both<Often>,
    /// One row per agent; null if there are more than 1000 (see `tables`).
    pub agents: Option<Vec<AgentRuns>>,
}

/// What was played.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunsSummary {
    /// `layered` or `filtered`.
    pub market: &'static str,
    /// Number of agents.
    pub agents: usize,
    /// Number of periods.
    pub periods: usize,
    /// The payment, as in scenarios.
    pub payment_rule: &'static str,
    /// `autarky` or `zero`.
    pub baseline: vickrey::guarantee::Baseline,
    /// The factor c.
    pub c: Option<f64>,
    /// The factor with the lies: another one if it is computed from parameters that are misreported.
    pub c_with_lies: Option<f64>,
    /// How many agents' disturbances are recorded.
    pub replayed: usize,
    /// Truthful numbers compared with what is expected, the largest difference in standard errors.
    pub largest_z: Option<f64>,
    /// How many numbers were compared.
    pub compared: usize,
}

/// Truthful and with the lies.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Both<T> {
    /// Everybody truthful.
    pub truthful: T,
    /// With the lies; null without any.
    pub strategic: Option<T>,
}

/// A sample in numbers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// Its mean.
    pub mean: Option<f64>,
    /// Standard error of the mean.
    pub standard_error: Option<f64>,
    /// Standard deviation of the values.
    pub deviation: Option<f64>,
    /// The least value.
    pub least: Option<f64>,
    /// The largest value.
    pub largest: Option<f64>,
    /// Quantiles; null if the values were not kept.
    pub quantiles: Option<Quantiles>,
    /// What the mean should be, if it is known.
    pub expected: Option<f64>,
    /// By how many standard errors the mean is away from that.
    pub z: Option<f64>,
}

/// Quantiles of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Quantiles {
    /// 5 %.
    pub p5: f64,
    /// 25 %.
    pub p25: f64,
    /// 50 %: the median.
    pub p50: f64,
    /// 75 %.
    pub p75: f64,
    /// 95 %.
    pub p95: f64,
}

/// How often something happened.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Often {
    /// In how many runs.
    pub runs: u64,
    /// In which share of the runs.
    pub share: f64,
    /// Lower end of its 95 % confidence interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// What lies are worth to an agent: net utility with them minus without, on the same noise.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Gain {
    /// Its mean.
    pub mean: Option<f64>,
    /// Standard error of the mean.
    pub standard_error: Option<f64>,
    /// The least of all runs.
    pub least: Option<f64>,
    /// The largest.
    pub largest: Option<f64>,
    /// About how many runs it takes to be sure of its sign (95 %).
    pub runs_needed: Option<f64>,
}

/// A lie that was found by search.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Found {
    /// The lie.
    pub lie: String,
    /// What it gained in the runs in which it was found.
    pub in_sample: Gain,
    /// How many runs those were.
    pub runs: u64,
    /// How many lies were tried.
    pub tries: u64,
}

/// One agent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AgentRuns {
    /// The agent.
    pub name: String,
    /// What it does; null: it is truthful.
    pub lie: Option<String>,
    /// The lie that was found, if one was searched for. What it is worth is `gain`: that is measured in other runs.
    pub found: Option<Found>,
    /// Net utility.
    pub utility: Both<Spread>,
    /// Payment.
    pub payment: Both<Spread>,
    /// What it would have without ever trading.
    pub outside: Spread,
    /// Net utility minus that.
    pub advantage: Both<Spread>,
    /// In how many runs it is worse off than without ever trading.
    pub worse_off: Both<Often>,
    /// What it gains by the lies.
    pub gain: Option<Gain>,
}

impl Quantiles {
    /// Of these values.
    pub fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let [p5, p25, p50, p75, p95] = sample::quantiles(&sorted, QUANTILES)?;
        Some(Self { p5, p25, p50, p75, p95 })
    }
}

impl Spread {
    /// From moments, the values if they were kept, and what is expected.
    pub(super) fn new(moments: &Moments, values: Option<&[f64]>, expected: Option<f64>) -> Self {
        let score = |x: f64| moments.score(x, ROUNDING * x.abs().max(moments.mean.abs()));
        Self {
            mean: (moments.count > 0).then_some(moments.mean),
            standard_error: moments.error(),
            deviation: moments.deviation(),
            least: finite(moments.least),
            largest: finite(moments.largest),
            quantiles: values.and_then(Quantiles::of),
            expected,
            z: expected.and_then(score).and_then(finite),
        }
    }

    fn of(values: &[f64], expected: Option<f64>) -> Self {
        Self::new(&Moments::of(values.iter().copied()), Some(values), expected)
    }
}

impl Often {
    pub(super) fn new(runs: u64, of: u64) -> Self {
        let Share { share, low, high, .. } = Share::new(runs, of);
        Self { runs, share, low, high }
    }
}

impl Gain {
    /// From its moments.
    pub fn of(moments: &Moments) -> Self {
        Self {
            mean: (moments.count > 0).then_some(moments.mean),
            standard_error: moments.error(),
            least: finite(moments.least),
            largest: finite(moments.largest),
            runs_needed: moments.needed(),
        }
    }
}

impl<T> Both<T> {
    fn of(runs: &Runs<'_>, pick: impl Fn(&Tally, bool) -> T) -> Self {
        Self {
            truthful: pick(&runs.days.honest, true),
            strategic: runs.days.lying.as_ref().map(|tally| pick(tally, false)),
        }
    }
}

impl Runs<'_> {
    /// The document.
    pub fn document(&self) -> Document<RunsPart> {
        let scenario = self.prepared.scenario;
        let agents = self.prepared.lq.market.len();
        Document {
            head: Head::of(scenario, "linear-quadratic", scenario.seed),
            part: RunsPart {
                summary: self.summary(),
                runs: self.asked,
                unusable: self.days.unusable,
                first_unusable: self.days.first_unusable,
                budget: self.budget(),
                welfare: self.welfare(),
                deficit: Both::of(self, |tally, _| Often::new(tally.deficits, self.days.runs())),
                agents: (agents <= MOST_INLINE).then(|| (0..agents).map(|i| self.agent(i)).collect()),
            },
            tables: Vec::new(),
            pictures: Vec::new(),
            notes: self.notes(),
            audit: None,
            warnings: self.warnings(),
        }
    }

    fn budget(&self) -> Both<Spread> {
        let expected = self.expectation().map(|e| e.budget);
        Both::of(self, |tally, honest| Spread::of(&tally.budget, expected.filter(|_| honest)))
    }

    fn welfare(&self) -> Both<Spread> {
        let expected = self.expectation().map(|e| e.welfare);
        Both::of(self, |tally, honest| Spread::of(&tally.welfare, expected.filter(|_| honest)))
    }

    fn summary(&self) -> RunsSummary {
        let Self { prepared, .. } = self;
        let market = &prepared.lq.market;
        let scores = self.scores();
        RunsSummary {
            market: prepared.lq.kind.name(),
            agents: market.len(),
            periods: market.periods(),
            payment_rule: prepared.lq.payment.name(),
            baseline: prepared.lq.baseline,
            c: prepared.charge.c,
            c_with_lies: self.reported.map_or(prepared.charge.c, |reported| reported.charge.c),
            replayed: prepared.replayed(),
            largest_z: scores.iter().copied().max_by(|x, y| x.abs().total_cmp(&y.abs())),
            compared: scores.len(),
        }
    }

    /// How far truthful means are from what is expected, in standard errors: budget, welfare, and the payment and net
    /// utility of every agent.
    fn scores(&self) -> Vec<f64> {
        let mut all = vec![self.budget().truthful.z, self.welfare().truthful.z];
        if let Some(expected) = self.expectation() {
            let tally = &self.days.honest;
            for agent in 0..expected.payment.len() {
                let z = |moments: &Moments, x: f64| Spread::new(moments, None, Some(x)).z;
                all.push(z(&tally.payment[agent], expected.payment[agent]));
                all.push(z(&tally.utility[agent], expected.utility[agent]));
            }
        }
        all.into_iter().flatten().collect()
    }

    /// One agent.
    pub fn agent(&self, agent: AgentId) -> AgentRuns {
        let (expected, kept) = (self.expectation(), self.days.place(agent));
        let utility = |tally: &Tally, honest: bool| {
            let expected = expected.filter(|_| honest).map(|e| e.utility[agent]);
            Spread::new(&tally.utility[agent], kept.map(|k| tally.utilities[k].as_slice()), expected)
        };
        let payment = |tally: &Tally, honest: bool| {
            let expected = expected.filter(|_| honest).map(|e| e.payment[agent]);
            Spread::new(&tally.payment[agent], None, expected)
        };
        let advantage = |tally: &Tally, honest: bool| {
            let expected = expected.filter(|_| honest).map(|e| e.utility[agent] - e.outside[agent]);
            Spread::new(&tally.advantage[agent], kept.map(|k| tally.advantages[k].as_slice()), expected)
        };
        AgentRuns {
            name: self.prepared.lq.market.name(agent).into_owned(),
            lie: self.said.get(&agent).cloned(),
            found: self.found.get(&agent).cloned(),
            utility: Both::of(self, utility),
            payment: Both::of(self, payment),
            outside: Spread::new(&self.days.outside[agent], None, expected.map(|e| e.outside[agent])),
            advantage: Both::of(self, advantage),
            worse_off: Both::of(self, |tally, _| Often::new(tally.worse_off[agent], self.days.runs())),
            gain: self.days.gain.as_ref().map(|gain| Gain::of(&gain[agent])),
        }
    }

    /// What a reader should know, in sentences.
    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let (replayed, agents) = (self.prepared.replayed(), self.prepared.lq.market.len());
        if self.prepared.is_certain() {
            notes
                .push("all noise is recorded or zero: if everybody is truthful all runs are the same".into());
        } else if replayed > 0 {
            notes.push(format!(
                "{replayed} of {agents} agents follow recorded disturbances: runs differ only in what is not recorded, \
                 and means need not be the expected ones"
            ));
        }
        if self.said.len() > 1 {
            notes.push(
                "several agents lie at once: truth is a best reply to truth, which promises nothing against other lies"
                    .into(),
            );
        }
        if self.days.kept.len() < agents {
            notes.push(format!(
                "quantiles are those of {} of {agents} agents: the runs of more are not kept",
                self.days.kept.len()
            ));
        }
        if self.days.honest.refused > 0 {
            notes.push(format!(
                "{} truthful bids were too large for the market and counted as zero",
                self.days.honest.refused
            ));
        }
        notes
    }

    /// What may not be meant that way.
    fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if let Some(seed) = self.days.first_unusable {
            warnings.push(format!(
                "{} of {} runs left the range of numbers and are in none of these numbers; the first has seed {seed}",
                self.days.unusable, self.asked
            ));
        }
        let moved = self.reported.is_some_and(|reported| reported.charge.c != self.prepared.charge.c);
        if moved {
            warnings.push(
                "c is computed from parameters that an agent misreports: it is another one with the lies"
                    .into(),
            );
        }
        if self.prepared.lq.payment == crate::LayerPayment::Lagrange {
            warnings.push(
                "Lagrange payments are not incentive compatible; they are offered for comparison".to_owned(),
            );
        }
        warnings
    }
}
