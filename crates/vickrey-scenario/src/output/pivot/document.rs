//! What a document says about a pivot mechanism.

use serde::Serialize;
use vickrey::audit::{AuditOptions, Effort};
use vickrey::mechanism::AgentId;
use vickrey::pivot::Horizon;
use vickrey::pivot::audit::ModeSummary;
use vickrey::pivot::audit::summary;
use vickrey::pivot::solve::certificate::Certificate;
use vickrey::pivot::solve::infinite::Convergence;
use vickrey::pivot::solve::{State, Structure};

use super::tables::Rulings;
use super::{PivotResult, Unchecked, notes};
use crate::output::document::{AuditReport, Document, Head};
use crate::output::number::finite;
use crate::output::table::Table;

/// Up to so many rulings are part of the document.
const MOST_RULINGS: usize = 200;

/// What a pivot mechanism's document holds besides what all documents do.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PivotPart {
    /// The main numbers.
    pub summary: PivotSummary,
    /// The beginning.
    pub start: StartRow,
    /// One row per player.
    pub players: Vec<PlayerRow>,
    /// What holds in the scenario's mode; null if not all states could be looked at (see `seen`).
    pub promises: Option<ModeSummary>,
    /// What was seen in a few runs, if there is no table of all states.
    pub seen: Option<Unchecked>,
    /// The same in all three modes; null unless the document is that of an audit.
    pub modes: Option<Vec<ModeSummary>>,
    /// One row per period and joint state; null if there are more than 200 (see `tables`).
    pub rulings: Option<Vec<RulingRow>>,
    /// One run with truthful players.
    pub trace: Vec<TraceRow>,
}

/// What the solution is worth if types lie on finer grids than it was made for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FinerGrids {
    /// How many times as fine.
    pub times: usize,
    /// Number of joint states there.
    pub joint_states: f64,
    /// No lie gains more than `bound` there.
    pub certificate: Certificate,
    /// Most that a lie was found to gain there; null if that was not searched.
    pub gain: Option<f64>,
}

/// Up to so many joint states of finer grids lies are searched for.
const MOST_SEARCHED: f64 = 1e4;

/// The main numbers of a pivot mechanism.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PivotSummary {
    /// `tables`, `goods`, `storage` or `licence`.
    pub family: &'static str,
    /// Number of players.
    pub players: usize,
    /// Number of types of every player.
    pub types: Vec<usize>,
    /// Number of public states.
    pub public_states: usize,
    /// Number of decisions.
    pub decisions: usize,
    /// Number of outcomes.
    pub outcomes: usize,
    /// Number of periods; null if there is no end.
    pub periods: Option<usize>,
    /// Discount factor per period.
    pub discount: f64,
    /// What "without a player" means: `same`, `own` or `tight`.
    pub without: &'static str,
    /// When payments are known: `before-outcome` or `outcome-contingent`.
    pub payment_rule: &'static str,
    /// Whether reports are committed to before any is opened.
    pub sealed: bool,
    /// How it was solved.
    pub structure: Structure,
    /// Number of joint states.
    pub joint_states: f64,
    /// Bytes that the values of all joint states take; null if they are not what was solved for.
    pub memory: Option<f64>,
    /// No lie gains more than `bound`.
    pub certificate: Certificate,
    /// The same on finer grids of types, if the scenario asks for it.
    pub finer: Option<FinerGrids>,
    /// How the fixed points of a game without end were found: all players together, then without each of them.
    pub convergence: Vec<Convergence>,
    /// What everybody together, the public included, can expect at the start.
    pub welfare: Option<f64>,
    /// What the coordinator can expect to keep (negative: to pay), discounted.
    pub budget: Option<f64>,
    /// The parts of both.
    pub accounts: Option<Accounts>,
}

/// What is expected in all, discounted, and whether it adds up.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Accounts {
    /// What decisions and the end are worth to the players.
    pub players: f64,
    /// What they are worth to the public.
    pub public: f64,
    /// Payments.
    pub payments: f64,
    /// The same from values: what the others could have without each player, minus (N - 1) times what everybody has,
    /// minus what the public has.
    pub payments_from_values: f64,
}

/// The beginning of the game.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StartRow {
    /// States in which it may begin.
    pub states: usize,
    /// Whether these are all (otherwise they were drawn).
    pub complete: bool,
    /// The state that is shown: the only one, or the most likely.
    pub public: String,
    /// Everybody's type in it.
    pub types: Vec<String>,
    /// The decision in it, by outcome.
    pub decision: Vec<Expectation>,
}

/// What is decided in an outcome.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Expectation {
    /// The outcome.
    pub outcome: String,
    /// Its probability.
    pub probability: f64,
    /// The decision.
    pub decision: String,
}

/// One player's row: expectations at the start, over the whole game and discounted, if everybody is truthful.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlayerRow {
    /// The player.
    pub name: String,
    /// Number of her types.
    pub types: usize,
    /// Her type at the start; null if it is not certain.
    #[serde(rename = "type")]
    pub own: Option<String>,
    /// What decisions and the end are worth to her.
    pub value: Option<f64>,
    /// What she pays; negative: she is paid.
    pub payment: Option<f64>,
    /// `value` minus `payment`.
    pub utility: Option<f64>,
    /// What she has if the others decide without her.
    pub opt_out: Option<f64>,
    /// What it is stated that she has if she walks away.
    pub outside: f64,
    /// What she pays in the first period.
    pub first_payment: Option<f64>,
    /// What the others' expectation is measured against.
    pub reference: Option<f64>,
}

/// Decisions and payments in one state.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RulingRow {
    /// The period; 0 stands for all if there is no end.
    pub period: usize,
    /// The public state.
    pub public: String,
    /// Everybody's type.
    pub types: Vec<String>,
    /// The decision for every outcome.
    pub decision: Vec<String>,
    /// What everybody pays in this period.
    pub payment: Vec<f64>,
    /// What everybody together can expect from here on.
    pub value: f64,
    /// What every player can expect from here on.
    pub utility: Vec<f64>,
}

/// One period of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TraceRow {
    /// The period.
    pub period: usize,
    /// The public state.
    pub public: String,
    /// Everybody's type, reported truthfully.
    pub types: Vec<String>,
    /// What turned out.
    pub outcome: String,
    /// What was decided.
    pub decision: String,
    /// What everybody pays.
    pub payment: Vec<f64>,
    /// What the decision is worth to everybody.
    pub valuation: Vec<f64>,
    /// What it is worth to the public.
    pub public_utility: f64,
    /// What everybody together can expect from here on.
    pub value: Option<f64>,
    /// What every player can expect from here on.
    pub utility: Vec<Option<f64>>,
}

impl PivotResult<'_> {
    /// The document, with what an audit found if one was run.
    pub fn document(&self, audit: Option<AuditReport>) -> Document<PivotPart> {
        let rulings = self.rulings_table();
        let inline = rulings.as_ref().filter(|table| table.rows() <= MOST_RULINGS);
        let part = PivotPart {
            summary: self.summary(),
            start: self.start_row(),
            players: (0..self.model().players()).map(|i| self.player_row(i)).collect(),
            promises: self.promises.as_ref().ok().cloned(),
            seen: self.promises.as_ref().err().cloned(),
            modes: audit.as_ref().and_then(|_| self.modes().map(<[_]>::to_vec)),
            rulings: inline.map(Rulings::all),
            trace: self.run.iter().map(|step| self.trace_row(step)).collect(),
        };
        Document {
            head: Head::of(self.scenario, "pivot", self.scenario.seed),
            part,
            tables: Vec::new(),
            pictures: Vec::new(),
            notes: notes::sentences(self),
            audit,
            warnings: self.scenario.warnings.clone(),
        }
    }

    /// The main numbers.
    pub fn summary(&self) -> PivotSummary {
        let (model, solution) = (self.model(), &self.solution);
        let options = self.pivot.options();
        let kept = |_: &_| vickrey::pivot::solve::solution::memory(model, &options).least();
        let accounts = self.accounts();
        PivotSummary {
            family: self.pivot.family.name(),
            players: model.players(),
            types: (0..model.players()).map(|i| model.player(i).types).collect(),
            public_states: model.public().states,
            decisions: model.decisions(),
            outcomes: model.outcomes(),
            periods: model.periods(),
            discount: model.discount(),
            without: solution.mode().name(),
            payment_rule: self.pivot.payment.name(),
            sealed: self.pivot.sealed,
            structure: solution.structure(),
            joint_states: self.joint_states(),
            memory: solution.product().map(kept),
            certificate: solution.certificate().clone(),
            finer: self.finer(),
            convergence: solution.convergence().to_vec(),
            welfare: self.outlook.value.and_then(finite),
            budget: self.budget(),
            accounts,
        }
    }

    /// The solution tried on finer grids: values between the nodes are interpolated, kernels are those of the finer grids.
    fn finer(&self) -> Option<FinerGrids> {
        let finer = self.pivot.finer.as_ref()?;
        // Refused for want of memory: then there is nothing to say about it.
        let fine = finer.solution(self.solution.product()?).ok()?;
        let joint_states = fine.space().size_in_words();
        // The bound is often far from what lies do gain, so that is searched for where all states can be looked at.
        let quick = AuditOptions { seed: self.scenario.seed, effort: Effort::Quick };
        let gain = (joint_states <= MOST_SEARCHED).then(|| summary(&fine, &quick, self.pivot.payment).gain);
        let certificate = fine.certificate().clone();
        Some(FinerGrids { times: finer.times, joint_states, certificate, gain })
    }

    /// What the coordinator can expect to keep: added up over the game, or from values where the public has no stake.
    pub fn budget(&self) -> Option<f64> {
        let added = self.forecast.as_ref().map(|forecast| forecast.payment.iter().sum());
        added.or_else(|| if self.public_is_indifferent() { self.payments_from_values(0.0) } else { None })
    }

    fn public_is_indifferent(&self) -> bool {
        let public = self.model().public();
        public.utility.entries().iter().chain(&public.terminal).all(|w| *w == 0.0)
    }

    /// Expected payments of all players, by what the others could have without each of them.
    fn payments_from_values(&self, public: f64) -> Option<f64> {
        let value = self.outlook.value?;
        let references: f64 = self.outlook.reference.iter().copied().sum::<Option<f64>>()?;
        Some(references - (self.model().players() as f64 - 1.0) * value - public)
    }

    fn accounts(&self) -> Option<Accounts> {
        let forecast = self.forecast.as_ref()?;
        Some(Accounts {
            players: forecast.valuation.iter().sum(),
            public: forecast.public,
            payments: forecast.payment.iter().sum(),
            payments_from_values: self.payments_from_values(forecast.public)?,
        })
    }

    fn start_row(&self) -> StartRow {
        let state = self.start.likeliest();
        let (model, labels) = (self.model(), self.model().labels());
        let decisions = self.solution.ruling(0, state).map(|ruling| ruling.decision).unwrap_or_default();
        let row = |(z, &a): (usize, &usize)| Expectation {
            outcome: labels.outcomes[z].clone(),
            probability: model.probabilities(0, state.public)[z],
            decision: labels.decisions[a].clone(),
        };
        StartRow {
            states: self.start.states.len(),
            complete: self.start.complete,
            public: labels.publics[state.public].clone(),
            types: self.types(state),
            decision: decisions.iter().enumerate().map(row).collect(),
        }
    }

    /// Everybody's type in words.
    pub(super) fn types(&self, state: &State) -> Vec<String> {
        let words = &self.model().labels().types;
        state.types.iter().zip(words).map(|(&own, words)| words[own].clone()).collect()
    }

    /// One player's row.
    pub fn player_row(&self, player: AgentId) -> PlayerRow {
        let (labels, i) = (self.model().labels(), player);
        let forecast = self.forecast.as_ref();
        PlayerRow {
            name: labels.players[i].clone(),
            types: self.model().player(i).types,
            own: self.start.certain().map(|state| labels.types[i][state.types[i]].clone()),
            value: forecast.and_then(|forecast| finite(forecast.valuation[i])),
            payment: forecast.and_then(|forecast| finite(forecast.payment[i])),
            utility: self.outlook.truthful[i].and_then(finite),
            opt_out: self.outlook.opt_out[i].and_then(finite),
            outside: self.outlook.outside[i],
            first_payment: finite(self.outlook.first_payment[i]),
            reference: self.outlook.reference[i].and_then(finite),
        }
    }

    fn trace_row(&self, step: &vickrey::pivot::simulate::Step) -> TraceRow {
        let labels = self.model().labels();
        TraceRow {
            period: step.period,
            public: labels.publics[step.state.public].clone(),
            types: self.types(&step.state),
            outcome: labels.outcomes[step.outcome].clone(),
            decision: labels.decisions[step.decision].clone(),
            payment: step.payment.clone(),
            valuation: step.valuation.clone(),
            public_utility: step.public,
            value: step.value,
            utility: step.truthful.clone(),
        }
    }

    /// How long the game lasts, in words.
    pub fn horizon(&self) -> String {
        match self.model().horizon() {
            Horizon::Finite(1) => "1 period".into(),
            Horizon::Finite(periods) => format!("{periods} periods"),
            Horizon::Infinite => "no end".into(),
        }
    }
}
