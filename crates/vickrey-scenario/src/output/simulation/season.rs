//! Many seasons of a market that repeats every day: what is known of them, and their document.

use std::collections::BTreeMap;

use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::Serialize;
use vickrey::mechanism::AgentId;
use vickrey::two_stage::market::Unusable;
use vickrey::two_stage::season::{OpenError, Season};
use vickrey::two_stage::simulate::{Nature, PlayError, Played, Setting, play};
use vickrey::two_stage::strategies::Bidding;
use vickrey::two_stage::{Market, Settled, Supertypes};

use super::document::{Both, Gain, Often, Spread};
use super::pivot::{gain, spread};
use crate::Scenario;
use crate::output::document::{Document, Head};
use crate::output::table::MOST_INLINE;
use crate::output::two_stage::{DayOf, Promise, Repeated, SeasonError, TermsRow, kinds, promises};

/// Differences below this part of their size are rounding.
const ROUNDING: f64 = 1e-12;

/// What players report and how they bid.
#[derive(Clone, Debug, PartialEq)]
pub struct SeasonPlan {
    /// Reported laws.
    pub reports: Supertypes,
    /// Bids.
    pub bidding: Vec<Bidding>,
}

/// What came out of one season, money per day.
#[derive(Clone, Debug, PartialEq)]
pub struct SeasonRun {
    /// By player: true value of decisions less payments, without penalties.
    pub before_penalties: Vec<f64>,
    /// By player: payment without penalties; negative: she receives.
    pub payment: Vec<f64>,
    /// By player: penalty.
    pub penalty: Vec<f64>,
    /// By player: days on which she was flagged.
    pub flagged: Vec<u64>,
    /// By player: the first of them, from 1.
    pub first_flagged: Vec<Option<u64>>,
    /// True values less the planner's cost.
    pub welfare: f64,
    /// The planner's own cost.
    pub cost: f64,
}

impl SeasonRun {
    fn of<M: Market>(played: &Played<M>) -> Self {
        let (totals, days) = (played.totals(), played.days as f64);
        let mean = |sums: &[f64]| sums.iter().map(|sum| sum / days).collect();
        Self {
            before_penalties: (0..played.valuation.len()).map(|i| played.before_penalties(i)).collect(),
            payment: mean(&totals.payment),
            penalty: mean(&totals.penalty),
            flagged: totals.flagged.clone(),
            first_flagged: totals.first_flagged.clone(),
            welfare: played.welfare(),
            cost: totals.cost / days,
        }
    }

    /// Utility of a player, penalties taken off.
    pub fn utility(&self, player: AgentId) -> f64 {
        self.before_penalties[player] - self.penalty[player]
    }

    /// What the planner keeps: payments and penalties less its cost.
    pub fn budget(&self) -> f64 {
        self.payment.iter().chain(&self.penalty).sum::<f64>() - self.cost
    }
}

/// A market that was solved already: seasons with the same reports need not solve it again.
struct Planned<'a, M: Market> {
    market: &'a M,
    plan: M::Plan,
}

impl<M: Market> Market for Planned<'_, M> {
    type Day = M::Day;
    type Draw = M::Draw;
    type Decision = M::Decision;
    type Plan = M::Plan;
    type Error = M::Error;

    fn types(&self) -> &[usize] {
        self.market.types()
    }

    fn signals(&self) -> usize {
        self.market.signals()
    }

    fn plan(&self, _: &Supertypes) -> Result<M::Plan, M::Error> {
        Ok(self.plan.clone())
    }

    fn signal(&self, day: &M::Day) -> usize {
        self.market.signal(day)
    }

    fn check(&self, day: &M::Day, draw: Option<&M::Draw>) -> Result<(), Unusable> {
        self.market.check(day, draw)
    }

    fn draw(&self, day: &M::Day, rng: &mut ChaCha8Rng) -> M::Draw {
        self.market.draw(day, rng)
    }

    fn settle(
        &self,
        plan: &M::Plan,
        day: &M::Day,
        draw: &M::Draw,
        bids: &[usize],
        settled: &mut Settled<M::Decision>,
    ) {
        self.market.settle(plan, day, draw, bids, settled);
    }

    fn frequencies(&self) -> Option<&[f64]> {
        self.market.frequencies()
    }

    fn value(&self, day: &M::Day, player: AgentId, own: usize, decision: &M::Decision) -> f64 {
        self.market.value(day, player, own, decision)
    }

    fn score(&self, player: AgentId, own: usize) -> f64 {
        self.market.score(player, own)
    }

    fn spread(&self) -> Option<f64> {
        self.market.spread()
    }

    fn default_type(&self, player: AgentId) -> usize {
        self.market.default_type(player)
    }
}

/// Plays a season for every seed, side by side; results do not depend on the number of threads. Also answers what can be
/// expected of a day by the reported laws.
///
/// # Errors
/// The market cannot be solved for these reports, or nature says something that cannot be.
pub fn play_seasons<R: Repeated>(
    of: &R,
    with: &SeasonPlan,
    seeds: &[u64],
    told: &(dyn Fn() + Sync),
) -> Result<(Vec<SeasonRun>, Promise), SeasonError> {
    let (spec, market) = (of.season(), of.market());
    type Failed<R> = PlayError<<<R as Repeated>::Market as Market>::Error>;
    let open = Season::open(market, with.reports.clone(), spec.terms);
    let season = open.map_err(|error: OpenError<_>| SeasonError::of(&Failed::<R>::from(error)))?;
    let days: Vec<(DayOf<R>, f64)> = kinds(of.calendar(), spec.days);
    let (promise, _) = promises(of, season.plan(), &days);
    let planned = Planned { market, plan: season.plan().clone() };
    let one = |&seed: &u64| {
        let mut nature = Nature::new(spec.truth.clone(), of.calendar().clone(), seed);
        let mut bidders: Vec<_> = with.bidding.iter().map(Bidding::bidder).collect();
        let setting = Setting {
            market: &planned,
            reports: with.reports.clone(),
            terms: spec.terms,
            days: spec.days,
            seed,
        };
        let played = play(setting, &mut nature, &mut bidders, |_| true);
        told();
        played.map(|played| SeasonRun::of(&played)).map_err(|error| SeasonError::of(&error))
    };
    let runs: Result<Vec<SeasonRun>, SeasonError> = seeds.par_iter().map(one).collect();
    Ok((runs?, promise))
}

/// Many seasons of a scenario.
#[derive(Debug)]
pub struct SeasonRuns<'a, R: Repeated> {
    /// The file's head.
    pub scenario: &'a Scenario,
    /// The instance as it was read.
    pub of: &'a R,
    /// What those who are not honest do, in words.
    pub said: BTreeMap<AgentId, String>,
    /// The seed of every season.
    pub seeds: Vec<u64>,
    /// Every season with everybody honest about laws and types.
    pub honest: Vec<SeasonRun>,
    /// Every season with the lies; none without any.
    pub lying: Option<Vec<SeasonRun>>,
    /// What can be expected of a day, everybody honest.
    pub promise: Promise,
}

/// What a document of seasons holds besides what all documents do. Money is per day.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SeasonRunsPart {
    /// What was played.
    pub summary: SeasonRunsSummary,
    /// How many seasons.
    pub runs: usize,
    /// What the planner keeps: payments and penalties less its cost (negative: it pays).
    pub budget: Both<Spread>,
    /// True values less the planner's cost.
    pub welfare: Both<Spread>,
    /// What the lies do to whom; null without any.
    pub effect: Option<SeasonEffect>,
    /// One row per player; null if there are more than 1000 (see `tables`).
    pub players: Option<Vec<SeasonPlayerRuns>>,
}

/// What was played.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SeasonRunsSummary {
    /// Number of players.
    pub players: usize,
    /// Days of a season.
    pub days: u64,
    /// The tests and penalties.
    pub terms: TermsRow,
    /// Honest numbers compared with what is expected, the largest difference in standard errors.
    pub largest_z: Option<f64>,
    /// How many numbers were compared.
    pub compared: usize,
}

/// What lies do: with them minus without, on the same random numbers; money per day.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SeasonEffect {
    /// To the liars together, penalties taken off.
    pub liars: Gain,
    /// The same without penalties.
    pub liars_before_penalties: Gain,
    /// To all other players together.
    pub others: Gain,
    /// To what the planner keeps.
    pub operator: Gain,
    /// To welfare.
    pub welfare: Gain,
}

/// One player; money per day.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SeasonPlayerRuns {
    /// The player.
    pub name: String,
    /// What she does; null: she is honest.
    pub lie: Option<String>,
    /// Utility, penalties taken off.
    pub utility: Both<Spread>,
    /// The same without penalties.
    pub before_penalties: Both<Spread>,
    /// Payment without penalties; negative: she receives.
    pub payment: Both<Spread>,
    /// Flagged days of a season.
    pub flagged: Both<Spread>,
    /// In how many seasons she is ever flagged.
    pub ever_flagged: Both<Often>,
    /// Mean of the first flagged day over the seasons in which she is flagged; null if there is none.
    pub first_flagged: Both<Option<f64>>,
    /// What she gains by the lies, penalties taken off.
    pub gain: Option<Gain>,
    /// The same without penalties.
    pub gain_before_penalties: Option<Gain>,
}

impl<R: Repeated> SeasonRuns<'_, R> {
    /// Number of players.
    pub fn players(&self) -> usize {
        self.of.season().players.len()
    }

    /// A player's name.
    pub fn name(&self, player: AgentId) -> &str {
        &self.of.season().players[player]
    }

    fn both<T>(&self, pick: impl Fn(&[SeasonRun], bool) -> T) -> Both<T> {
        Both {
            truthful: pick(&self.honest, true),
            strategic: self.lying.as_ref().map(|runs| pick(runs, false)),
        }
    }

    fn spread(&self, of: impl Fn(&SeasonRun) -> f64, expected: Option<f64>) -> Both<Spread> {
        self.both(|runs, honest| spread(runs.iter().map(&of).collect(), expected.filter(|_| honest)))
    }

    fn difference(&self, of: impl Fn(&SeasonRun) -> f64) -> Option<Vec<f64>> {
        let lying = self.lying.as_ref()?;
        // What rounding leaves is no difference.
        let apart =
            |x: f64, y: f64| if (y - x).abs() <= ROUNDING * x.abs().max(y.abs()) { 0.0 } else { y - x };
        Some(self.honest.iter().zip(lying).map(|(x, y)| apart(of(x), of(y))).collect())
    }

    /// What a player gains by the lies in every season, penalties taken off or not.
    pub fn gains(&self, player: AgentId, penalties: bool) -> Option<Vec<f64>> {
        self.difference(|run| if penalties { run.utility(player) } else { run.before_penalties[player] })
    }

    /// What the planner keeps.
    pub fn budget(&self) -> Both<Spread> {
        self.spread(SeasonRun::budget, None)
    }

    /// Values less the planner's cost.
    pub fn welfare(&self) -> Both<Spread> {
        self.spread(|run| run.welfare, Some(self.promise.welfare))
    }

    /// What lies do to whom.
    fn effect(&self) -> Option<SeasonEffect> {
        let sum = |liars: bool, run: &SeasonRun, penalties: bool| -> f64 {
            let among = (0..self.players()).filter(|i| self.said.contains_key(i) == liars);
            among.map(|i| if penalties { run.utility(i) } else { run.before_penalties[i] }).sum()
        };
        Some(SeasonEffect {
            liars: gain(&self.difference(|run| sum(true, run, true))?),
            liars_before_penalties: gain(&self.difference(|run| sum(true, run, false))?),
            others: gain(&self.difference(|run| sum(false, run, true))?),
            operator: gain(&self.difference(SeasonRun::budget)?),
            welfare: gain(&self.difference(|run| run.welfare)?),
        })
    }

    /// One player.
    pub fn player(&self, player: AgentId) -> SeasonPlayerRuns {
        let i = player;
        let first = |runs: &[SeasonRun]| {
            let days: Vec<f64> =
                runs.iter().filter_map(|run| run.first_flagged[i]).map(|d| d as f64).collect();
            (!days.is_empty()).then(|| days.iter().sum::<f64>() / days.len() as f64)
        };
        let ever = |runs: &[SeasonRun]| {
            let flagged = runs.iter().filter(|run| run.flagged[i] > 0).count();
            Often::new(flagged as u64, runs.len() as u64)
        };
        SeasonPlayerRuns {
            name: self.name(i).to_owned(),
            lie: self.said.get(&i).cloned(),
            utility: self.spread(|run| run.utility(i), None),
            before_penalties: self.spread(|run| run.before_penalties[i], Some(self.promise.contribution[i])),
            payment: self.spread(|run| run.payment[i], None),
            flagged: self.spread(|run| run.flagged[i] as f64, None),
            ever_flagged: self.both(|runs, _| ever(runs)),
            first_flagged: self.both(|runs, _| first(runs)),
            gain: self.gains(i, true).map(|gains| gain(&gains)),
            gain_before_penalties: self.gains(i, false).map(|gains| gain(&gains)),
        }
    }

    /// The document.
    pub fn document(&self) -> Document<SeasonRunsPart> {
        let players = self.players();
        Document {
            head: Head::of(self.scenario, R::MECHANISM, self.scenario.seed),
            part: SeasonRunsPart {
                summary: self.summary(),
                runs: self.honest.len(),
                budget: self.budget(),
                welfare: self.welfare(),
                effect: self.effect(),
                players: (players <= MOST_INLINE).then(|| (0..players).map(|i| self.player(i)).collect()),
            },
            tables: Vec::new(),
            pictures: Vec::new(),
            notes: self.notes(),
            audit: None,
            warnings: self.scenario.warnings.clone(),
        }
    }

    fn summary(&self) -> SeasonRunsSummary {
        let spec = self.of.season();
        let players = (0..self.players()).map(|i| self.player(i).before_penalties.truthful.z);
        let scores: Vec<f64> = players.chain([self.welfare().truthful.z]).flatten().collect();
        SeasonRunsSummary {
            players: self.players(),
            days: spec.days,
            terms: TermsRow::of(&spec.terms),
            largest_z: scores.iter().copied().max_by(|x, y| x.abs().total_cmp(&y.abs())),
            compared: scores.len(),
        }
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let spec = self.of.season();
        if self.said.len() > 1 {
            notes.push(
                "several players lie at once: honesty is best against whatever the others do, and yet several liars together \
                 may gain as a group"
                    .into(),
            );
        }
        if self.lying.is_some() {
            notes.push(format!(
                "penalties grow with the days (a flagged day l costs {} l^{}): what lies gain is told with and without them",
                crate::output::number::short(spec.terms.penalty.scale),
                spec.terms.penalty.power
            ));
            notes.push(
                "the promise is one about averages over very many days: in a season of this length a lie within the window may \
                 gain a little"
                    .into(),
            );
        }
        if spec.reports != spec.truth {
            notes.push(
                "the honest seasons are honest about laws as well: true-law is reported in them".into(),
            );
        }
        notes
    }
}
