//! Many games of the dynamic pivot mechanism: what is known of them, and their document.

use std::collections::BTreeMap;

use serde::Serialize;
use vickrey::mechanism::AgentId;
use vickrey::numeric::sample::Moments;
use vickrey::pivot::audit::outlook;
use vickrey::pivot::simulate::Run;
use vickrey::pivot::solve::{Solution, State, Structure};
use vickrey::pivot::{Model, Without, mode::PaymentTime};

use super::document::{Both, Gain, Often, Spread};
use crate::output::document::{Document, Head};
use crate::output::pivot::start::all;
use crate::output::table::MOST_INLINE;
use crate::{PivotScenario, Scenario};

/// Up to so many combinations of types at the start what players can expect is averaged over all of them.
const MOST_STARTS: usize = 20_000;
/// Up to so many joint states the expected budget is computed from what everybody can expect in all of them.
const MOST_STATES: usize = 100_000;
/// A game that loses less than this part of its size has no deficit: rounding.
const ROUNDING: f64 = 1e-11;

/// What games give on average if everybody is truthful, discounted to the start.
#[derive(Clone, Debug, PartialEq)]
pub struct PivotExpectation {
    /// Net utility of every player; of a game without end: in all its periods.
    pub utility: Vec<f64>,
    /// Utility of everybody, the public included.
    pub welfare: f64,
    /// Payments of all players; none if it takes too much to compute.
    pub budget: Option<f64>,
}

impl PivotExpectation {
    /// Exact: what the solution says at the start, averaged over the laws of the types there. None if it has no values, or
    /// if too many combinations of types are possible at the start.
    pub fn new(solution: &Solution, time: PaymentTime) -> Option<Self> {
        let model = solution.model();
        let starts = all(model, MOST_STARTS)?;
        let mut utility = vec![0.0; model.players()];
        let mut welfare = 0.0;
        for (state, chance) in &starts {
            let ruling = solution.ruling(0, state).ok()?;
            welfare += chance * ruling.value?;
            for (i, sum) in utility.iter_mut().enumerate() {
                *sum += chance * ruling.truthful(i)?;
            }
        }
        let budget = budget(solution, time, &starts, welfare - utility.iter().sum::<f64>());
        Some(Self { utility, welfare, budget })
    }
}

/// Expected payments: `rest`, what players and public do not have of the welfare together with what the public has, if
/// the public has nothing; otherwise from the outlook of all joint states.
fn budget(solution: &Solution, time: PaymentTime, starts: &[(State, f64)], rest: f64) -> Option<f64> {
    let public = solution.model().public();
    let nothing = public.utility.entries().iter().chain(&public.terminal).all(|w| *w == 0.0);
    if nothing {
        return Some(rest);
    }
    let product = solution.product().filter(|product| product.space().size() <= MOST_STATES)?;
    let outlook = outlook(product, time);
    let first = outlook.first()?;
    Some(starts.iter().map(|(state, chance)| chance * first.payments[product.space().index(state)]).sum())
}

/// Many games of a scenario.
#[derive(Debug)]
pub struct PivotRuns<'a> {
    /// The file's head.
    pub scenario: &'a Scenario,
    /// The mechanism as it was read.
    pub pivot: &'a PivotScenario,
    /// Its solution.
    pub solution: &'a Solution,
    /// How many periods are played.
    pub periods: usize,
    /// Whether players know the outcome before they report.
    pub leak: bool,
    /// What liars do, in words.
    pub said: BTreeMap<AgentId, String>,
    /// What a reader should know about the lies.
    pub remarks: Vec<String>,
    /// The seed of every game.
    pub seeds: Vec<u64>,
    /// Every game with everybody truthful.
    pub honest: Vec<Run>,
    /// Every game with the lies; none without any.
    pub lying: Option<Vec<Run>>,
    /// What games give on average.
    pub expectation: Option<PivotExpectation>,
}

/// What a document of games holds besides what all documents do. Money is discounted to the start.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PivotRunsPart {
    /// What was played.
    pub summary: PivotRunsSummary,
    /// How many games.
    pub runs: usize,
    /// Payments of all players in the periods played (negative: the operator pays).
    pub budget: Both<Spread>,
    /// Utility before payments of everybody, the public included, in the periods played.
    pub welfare: Both<Spread>,
    /// In how many games the operator pays more than it gets.
    pub deficit: Both<Often>,
    /// What the lies do to whom; null without any.
    pub effect: Option<PivotEffect>,
    /// One row per player; null if there are more than 1000 (see `tables`).
    pub players: Option<Vec<PlayerRuns>>,
}

/// What was played.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PivotRunsSummary {
    /// Number of players.
    pub players: usize,
    /// Periods that are played.
    pub periods: usize,
    /// Whether the game goes on after them.
    pub without_end: bool,
    /// Discount factor per period.
    pub discount: f64,
    /// Weight of the periods played, as a part of the weight of all.
    pub share_played: f64,
    /// The reading of "without a player".
    pub without: Without,
    /// When payments are known.
    pub payment: PaymentTime,
    /// Whether players know the outcome before they report.
    pub leak: bool,
    /// By which structure the instance is solved.
    pub solved_by: Structure,
    /// What no lie gains more than on average, if the others are truthful and nobody knows the outcome.
    pub certificate: f64,
    /// Truthful numbers compared with what is expected, the largest difference in standard errors.
    pub largest_z: Option<f64>,
    /// How many numbers were compared.
    pub compared: usize,
}

/// What lies do: with them minus without, on the same random numbers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PivotEffect {
    /// To the liars together.
    pub liars: Gain,
    /// To all other players together.
    pub others: Gain,
    /// To what the operator keeps, in the periods played.
    pub operator: Gain,
    /// To the public, in the periods played.
    pub public: Gain,
    /// To welfare.
    pub welfare: Gain,
}

/// One player.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlayerRuns {
    /// The player.
    pub name: String,
    /// What she does; null: she is truthful.
    pub lie: Option<String>,
    /// Net utility in the periods played.
    pub utility: Both<Spread>,
    /// The same with what she can expect afterwards; null if the game is over, or if that is not known.
    pub with_what_follows: Option<Both<Spread>>,
    /// Payment in the periods played.
    pub payment: Both<Spread>,
    /// In how many games her net utility in the periods played is below 0.
    pub below_zero: Both<Often>,
    /// What she gains by the lies, with what follows where it is known.
    pub gain: Option<Gain>,
}

impl PivotRuns<'_> {
    fn model(&self) -> &Model {
        &self.pivot.model
    }

    /// Number of players.
    pub fn players(&self) -> usize {
        self.model().players()
    }

    /// A player's name.
    pub fn name(&self, player: AgentId) -> &str {
        &self.model().labels().players[player]
    }

    /// Whether the game goes on after the periods that are played.
    pub fn goes_on(&self) -> bool {
        self.model().periods() != Some(self.periods)
    }

    /// Truthful games, and those with the lies.
    fn both<T>(&self, pick: impl Fn(&[Run], bool) -> T) -> Both<T> {
        Both {
            truthful: pick(&self.honest, true),
            strategic: self.lying.as_ref().map(|runs| pick(runs, false)),
        }
    }

    /// What is expected of the periods played: all that is expected, if the game is over then.
    fn expected(&self, of: impl Fn(&PivotExpectation) -> Option<f64>) -> Option<f64> {
        if self.goes_on() { None } else { self.expectation.as_ref().and_then(of) }
    }

    fn spread(&self, of: impl Fn(&Run) -> f64, expected: Option<f64>) -> Both<Spread> {
        self.both(|runs, honest| spread(runs.iter().map(&of).collect(), expected.filter(|_| honest)))
    }

    /// What the operator keeps.
    pub fn budget(&self) -> Both<Spread> {
        self.spread(Run::budget, self.expected(|e| e.budget))
    }

    /// What everybody has.
    pub fn welfare(&self) -> Both<Spread> {
        self.spread(Run::welfare, self.expected(|e| Some(e.welfare)))
    }

    /// How often players pay less than they get.
    fn deficit(&self) -> Both<Often> {
        let size = |run: &Run| run.payment.iter().map(|p| p.abs()).sum::<f64>();
        self.often(|run| run.budget() < -ROUNDING * size(run))
    }

    fn often(&self, happened: impl Fn(&Run) -> bool) -> Both<Often> {
        self.both(|runs, _| {
            let count = runs.iter().filter(|run| happened(run)).count();
            Often::new(count as u64, runs.len() as u64)
        })
    }

    /// Net utility of a player with what follows, in every game; none if that is not known in one of them.
    fn whole(&self, runs: &[Run], player: AgentId) -> Option<Vec<f64>> {
        let all = |run: &Run| Some(run.utility(player) + run.ahead.as_ref()?.utility[player]?);
        runs.iter().map(all).collect()
    }

    fn with_what_follows(&self, player: AgentId) -> Option<Both<Spread>> {
        let expected = self.expectation.as_ref().map(|e| e.utility[player]);
        let of = |runs: &[Run], expected| Some(spread(self.whole(runs, player)?, expected));
        let truthful = of(&self.honest, expected).filter(|_| self.goes_on())?;
        Some(Both { truthful, strategic: self.lying.as_ref().and_then(|runs| of(runs, None)) })
    }

    /// What a player gains by the lies in every game.
    pub fn gains(&self, player: AgentId) -> Option<Vec<f64>> {
        let lying = self.lying.as_ref()?;
        if let (Some(truth), Some(lies)) = (self.whole(&self.honest, player), self.whole(lying, player)) {
            return Some(truth.iter().zip(&lies).map(|(x, y)| y - x).collect());
        }
        Some(self.honest.iter().zip(lying).map(|(x, y)| y.utility(player) - x.utility(player)).collect())
    }

    /// What lies do to whom.
    pub fn effect(&self) -> Option<PivotEffect> {
        let lying = self.lying.as_ref()?;
        let gains: Vec<Vec<f64>> = (0..self.players()).filter_map(|i| self.gains(i)).collect();
        let sum = |liars: bool| {
            let among = |i: &usize| self.said.contains_key(i) == liars;
            let in_game = |k: usize| (0..gains.len()).filter(among).map(|i| gains[i][k]).sum::<f64>();
            gain(&(0..lying.len()).map(in_game).collect::<Vec<f64>>())
        };
        let difference = |of: &dyn Fn(&Run) -> f64| {
            gain(&self.honest.iter().zip(lying).map(|(x, y)| of(y) - of(x)).collect::<Vec<f64>>())
        };
        let after = |run: &Run| run.ahead.as_ref().map_or(0.0, |ahead| ahead.welfare);
        Some(PivotEffect {
            liars: sum(true),
            others: sum(false),
            operator: difference(&Run::budget),
            public: difference(&|run| run.public),
            welfare: difference(&|run| run.welfare() + after(run)),
        })
    }

    /// One player.
    pub fn player(&self, player: AgentId) -> PlayerRuns {
        PlayerRuns {
            name: self.name(player).to_owned(),
            lie: self.said.get(&player).cloned(),
            utility: self.spread(|run| run.utility(player), self.expected(|e| Some(e.utility[player]))),
            with_what_follows: self.with_what_follows(player),
            payment: self.spread(|run| run.payment[player], None),
            below_zero: self.often(|run| {
                let size = run.valuation[player].abs() + run.payment[player].abs();
                run.utility(player) < -ROUNDING * size
            }),
            gain: self.gains(player).map(|gains| gain(&gains)),
        }
    }

    /// The document.
    pub fn document(&self) -> Document<PivotRunsPart> {
        let players = self.players();
        Document {
            head: Head::of(self.scenario, "pivot", self.scenario.seed),
            part: PivotRunsPart {
                summary: self.summary(),
                runs: self.honest.len(),
                budget: self.budget(),
                welfare: self.welfare(),
                deficit: self.deficit(),
                effect: self.effect(),
                players: (players <= MOST_INLINE).then(|| (0..players).map(|i| self.player(i)).collect()),
            },
            tables: Vec::new(),
            pictures: Vec::new(),
            notes: self.notes(),
            audit: None,
            warnings: self.warnings(),
        }
    }

    fn summary(&self) -> PivotRunsSummary {
        let model = self.model();
        let scores = self.scores();
        PivotRunsSummary {
            players: model.players(),
            periods: self.periods,
            without_end: model.periods().is_none(),
            discount: model.discount(),
            share_played: self.share_played(),
            without: self.solution.mode(),
            payment: self.pivot.payment,
            leak: self.leak,
            solved_by: self.solution.structure(),
            certificate: self.solution.certificate().bound,
            largest_z: scores.iter().copied().max_by(|x, y| x.abs().total_cmp(&y.abs())),
            compared: scores.len(),
        }
    }

    /// Weight of the periods played as a part of the weight of all: 1 - delta^periods if there is no end.
    fn share_played(&self) -> f64 {
        if self.model().periods().is_some() {
            return 1.0;
        }
        1.0 - self.model().discount().powf(self.periods as f64)
    }

    /// How far truthful means are from what is expected, in standard errors.
    fn scores(&self) -> Vec<f64> {
        let mut all = vec![self.budget().truthful.z, self.welfare().truthful.z];
        for i in 0..self.players() {
            let whole = self.with_what_follows(i).map(|both| both.truthful);
            all.push(match whole {
                Some(spread) => spread.z,
                None => {
                    let expected = self.expected(|e| Some(e.utility[i]));
                    spread(self.honest.iter().map(|run| run.utility(i)).collect(), expected).z
                }
            });
        }
        all.into_iter().flatten().collect()
    }

    /// What a reader should know, in sentences.
    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.model().periods().is_none() {
            notes.push(format!(
                "the game has no end; {} periods are played, which have {:.1} % of the weight of all. Payments, budget and \
                 welfare are those of the periods played",
                self.periods,
                100.0 * self.share_played()
            ));
        }
        if self.solution.structure() != Structure::Product {
            notes.push(format!("solved by {}", self.solution.structure().words()));
        }
        if self.expectation.is_none() {
            notes.push(
                "no expected numbers stand beside the means: the instance is solved without values, or too many types are \
                 possible at the start"
                    .into(),
            );
        }
        if self.said.len() > 1 {
            notes.push(
                "several players lie at once: truth is a best reply to truth, which promises nothing against other lies"
                    .into(),
            );
        }
        notes.extend(self.remarks.iter().cloned());
        notes
    }

    /// What may not be meant that way.
    fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.leak && self.pivot.payment == PaymentTime::BeforeOutcome {
            warnings.push(
                "players know the outcome when they report, and payments are fixed before it: truth need not be best. \
                 With payment = \"outcome-contingent\" it is"
                    .into(),
            );
        }
        warnings
    }
}

pub(super) fn spread(values: Vec<f64>, expected: Option<f64>) -> Spread {
    Spread::new(&Moments::of(values.iter().copied()), Some(&values), expected)
}

pub(super) fn gain(values: &[f64]) -> Gain {
    Gain::of(&Moments::of(values.iter().copied()))
}
