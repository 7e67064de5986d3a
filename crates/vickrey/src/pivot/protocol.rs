//! The mechanism as a protocol: sealed reports, payments before the outcome, decisions after it.
//!
//! A period has three stages (two if reports are not sealed):
//!
//! 1. **seal**: everybody commits to a report, nature to the outcome (that it was drawn by its law, no seal can show);
//! 2. **report**: reports are opened; [`close`](Mechanism::close) fixes the payments, then the outcome is opened and the
//!    decision follows;
//! 3. **observe**: nothing is reported; the next public state is seen.
//!
//! **Who does not report has left, for good.** A type is never guessed. The others go on with the decisions that are
//! possible without her, by the mechanism for those who are left: their problems are solved when they are needed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::mode::{PaymentTime, Without};
use super::model::{Model, ModelError, Place};
use super::solve::ruling::Ruling;
use super::solve::{Options, Solution, SolveError, State, StateError, solve};
use crate::mechanism::{AgentId, Arrival, Mechanism, Next, Rejection};
use crate::seal::seal;
pub use crate::seal::{Salt, Seal};

/// The commitment of a player to a report.
pub fn seal_report(period: usize, agent: AgentId, own: usize, salt: &Salt) -> Seal {
    seal(b"vickrey pivot report", &[period as u64, agent as u64, own as u64], salt)
}

/// The commitment of nature to an outcome.
pub fn seal_outcome(period: usize, outcome: usize, salt: &Salt) -> Seal {
    seal(b"vickrey pivot outcome", &[period as u64, outcome as u64], salt)
}

/// How the mechanism is run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Terms {
    /// When payments are known.
    pub payment: PaymentTime,
    /// Whether reports are committed to before any is opened.
    pub sealed: bool,
    /// How many periods are played; not more than the game has.
    pub periods: usize,
}

/// The mechanism of an instance.
#[derive(Clone, Debug)]
pub struct PivotMechanism {
    solution: Arc<Solution>,
    options: Options,
    terms: Terms,
    /// Solutions for those who are left; they follow from the instance alone, so sharing them changes nothing.
    known: Arc<Mutex<BTreeMap<Vec<AgentId>, Arc<Solution>>>>,
}

/// What is asked for in a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Commitments.
    Seal,
    /// Reports.
    Report,
    /// The next public state, from nature.
    Observe,
}

/// What the coordinator remembers.
#[derive(Clone, Debug)]
pub struct PivotState {
    period: usize,
    phase: Phase,
    public: usize,
    members: Vec<AgentId>,
    solution: Arc<Solution>,
    seals: Vec<Option<Seal>>,
    outcome_seal: Option<Seal>,
    reports: Vec<Option<usize>>,
    left: Vec<AgentId>,
    ruling: Option<Ruling>,
    decision: Option<usize>,
}

/// What a player is told before she reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The period.
    pub period: usize,
    /// What is asked for.
    pub phase: Phase,
    /// The public state.
    pub public: usize,
    /// Who is still there.
    pub members: Vec<AgentId>,
    /// Nature's commitment to the outcome, if it has made one.
    pub outcome: Option<Seal>,
}

/// What a player sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// A commitment.
    Seal(Seal),
    /// A type, and the salt of its commitment if reports are sealed.
    Type {
        /// The reported type.
        own: usize,
        /// What the commitment was made with.
        salt: Option<Salt>,
    },
}

/// What nature says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Draw {
    /// In the seal stage: a commitment to the outcome.
    Seal(Seal),
    /// In the report stage: the outcome, and the salt if there is a commitment.
    Outcome {
        /// Its number.
        outcome: usize,
        /// What the commitment was made with.
        salt: Option<Salt>,
    },
    /// In the observe stage: the next public state.
    Public(usize),
}

/// What a stage decides.
#[derive(Clone, Debug, PartialEq)]
pub struct PivotOutcome {
    /// The period.
    pub period: usize,
    /// The stage.
    pub phase: Phase,
    /// The public state of the period; after an observe stage the next one.
    pub public: usize,
    /// The reports that counted, by player; none for those who have left.
    pub reports: Vec<Option<usize>>,
    /// Who has left in this stage.
    pub left: Vec<AgentId>,
    /// What follows from the reports for those who are there, in their order.
    pub ruling: Option<Ruling>,
    /// The outcome and the decision, in the report stage.
    pub decision: Option<(usize, usize)>,
    /// Payment of every player; 0 except in the report stage, and for those who have left.
    pub payment: Vec<f64>,
}

/// Why a stage cannot be settled.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PivotError {
    /// Nature said something that does not belong to the stage.
    #[error("nature: found {found}, accepted is {accepted}")]
    Nature {
        /// What it said.
        found: String,
        /// What is expected.
        accepted: String,
    },
    /// The game cannot go on without a player.
    #[error("player {player} has left, and the game cannot go on: {source}")]
    Alone {
        /// Who has left.
        player: AgentId,
        /// Why it cannot.
        source: ModelError,
    },
    /// The game without those who have left cannot be solved.
    #[error("without those who have left: {0}")]
    Solve(#[from] SolveError),
    /// A state that is none, or a period that was not kept.
    #[error(transparent)]
    State(#[from] StateError),
    /// The games that players have left would be solved in another mode.
    #[error("mode: found {} in the options, accepted is that of the solution, {}", .found.name(), .solved.name())]
    Mode {
        /// In the options.
        found: Without,
        /// Of the solution.
        solved: Without,
    },
    /// More periods than the game has, or none.
    #[error("periods: found {found}, accepted is {accepted}")]
    Periods {
        /// How many were asked for.
        found: usize,
        /// How many there may be.
        accepted: String,
    },
}

impl PivotMechanism {
    /// The mechanism of a solved instance. `options` are used again for games that players have left.
    ///
    /// # Errors
    /// The terms ask for more periods than there are.
    pub fn new(solution: Arc<Solution>, options: Options, terms: Terms) -> Result<Self, PivotError> {
        if options.mode != solution.mode() {
            return Err(PivotError::Mode { found: options.mode, solved: solution.mode() });
        }
        let most = solution.periods().unwrap_or(usize::MAX);
        if terms.periods == 0 || terms.periods > most {
            let accepted = if most == usize::MAX { "at least 1".into() } else { format!("1 to {most}") };
            return Err(PivotError::Periods { found: terms.periods, accepted });
        }
        Ok(Self { solution, options, terms, known: Arc::default() })
    }

    /// The solution with everybody.
    pub fn solution(&self) -> &Arc<Solution> {
        &self.solution
    }

    /// How it is run.
    pub fn terms(&self) -> Terms {
        self.terms
    }

    fn model(&self) -> &Model {
        self.solution.model()
    }

    fn first(&self) -> Phase {
        if self.terms.sealed { Phase::Seal } else { Phase::Report }
    }

    /// The mechanism for those who are left: solved when it is first needed, and kept.
    ///
    /// # Errors
    /// The game cannot go on without the others, or cannot be solved.
    pub fn reduced(&self, members: &[AgentId]) -> Result<Arc<Solution>, PivotError> {
        if members.len() == self.agents() {
            return Ok(self.solution.clone());
        }
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(solution) = known().get(members) {
            return Ok(solution.clone());
        }
        // Not under the lock: solving takes threads, and they may want to come by here themselves.
        let own = self.options.mode != Without::Same;
        let mut model = self.model().clone();
        let mut there: Vec<AgentId> = (0..self.agents()).collect();
        for player in (0..self.agents()).rev().filter(|i| !members.contains(i)) {
            there.retain(|&i| i != player);
            let cannot = |source| PivotError::Alone { player, source: numbered(source, &there) };
            model = model.left_by(player, own).map_err(cannot)?;
        }
        let solution = Arc::new(solve(&model, &self.options, &|_| {})?);
        Ok(known().entry(members.to_vec()).or_insert(solution).clone())
    }

    /// Players leave for good.
    fn leave(&self, state: &mut PivotState, players: Vec<AgentId>) -> Result<(), PivotError> {
        if players.is_empty() {
            return Ok(());
        }
        state.members.retain(|i| !players.contains(i));
        state.solution = self.reduced(&state.members)?;
        players.iter().for_each(|&i| state.reports[i] = None);
        state.left.extend(players);
        Ok(())
    }

    /// Takes commitments or reports; who has sent none has left.
    fn collect(&self, state: &mut PivotState, arrivals: Vec<Arrival<Report>>) -> Result<(), PivotError> {
        let mut gone = Vec::new();
        for (agent, arrival) in arrivals.into_iter().enumerate() {
            match arrival {
                Arrival::NotAsked => {}
                Arrival::Admitted(Report::Seal(seal)) => state.seals[agent] = Some(seal),
                Arrival::Admitted(Report::Type { own, .. }) => state.reports[agent] = Some(own),
                Arrival::Silent | Arrival::Refused(_) => gone.push(agent),
            }
        }
        self.leave(state, gone)
    }

    /// What follows from the reports of those who are there.
    fn rule(&self, state: &mut PivotState) -> Result<(), PivotError> {
        let types = state.members.iter().filter_map(|&i| state.reports[i]).collect();
        let joint = State { public: state.public, types };
        state.ruling = Some(state.solution.ruling(state.period, &joint)?);
        Ok(())
    }

    fn decide(
        &self,
        state: &mut PivotState,
        outcome: usize,
        salt: Option<Salt>,
    ) -> Result<Vec<f64>, PivotError> {
        let model = self.model();
        let impossible =
            |found: String, accepted: &str| PivotError::Nature { found, accepted: accepted.into() };
        let probability = model.probabilities(state.period, state.public).get(outcome).copied();
        if !probability.is_some_and(|p| p > 0.0) {
            let accepted = "an outcome with a positive probability";
            return Err(impossible(format!("outcome {outcome}"), accepted));
        }
        if let Some(seal) = state.outcome_seal {
            let fits = salt.is_some_and(|salt| seal_outcome(state.period, outcome, &salt) == seal);
            if !fits {
                return Err(impossible(
                    format!("outcome {outcome} with another seal"),
                    "the outcome that was committed to, with its salt",
                ));
            }
        }
        let mut payment = vec![0.0; model.players()];
        let Some(ruling) = &state.ruling else {
            return Err(impossible("an outcome before the reports".into(), "the outcome after them"));
        };
        let paid = match self.terms.payment {
            PaymentTime::BeforeOutcome => &ruling.payment,
            PaymentTime::OutcomeContingent => &ruling.contingent[outcome],
        };
        state.members.iter().zip(paid).for_each(|(&i, p)| payment[i] = *p);
        state.decision = Some(ruling.decision[outcome]);
        Ok(payment)
    }

    fn observe(&self, state: &mut PivotState, public: usize) -> Result<(), PivotError> {
        let decision = state.decision.unwrap_or_default();
        let law = self.model().public().moves.at(state.period, decision, state.public);
        if !law.iter().any(|(next, p)| *next == public && *p > 0.0) {
            return Err(PivotError::Nature {
                found: format!("public state {public}"),
                accepted: "a public state that can follow the decision".into(),
            });
        }
        state.public = public;
        state.period += 1;
        state.phase = self.first();
        state.seals.fill(None);
        state.outcome_seal = None;
        state.reports.fill(None);
        state.ruling = None;
        state.decision = None;
        Ok(())
    }
}

/// Flaws of a game that players have left, with the numbers that players had in the whole game.
fn numbered(mut error: ModelError, there: &[AgentId]) -> ModelError {
    for flaw in &mut error.flaws {
        if let Place::Player(i) = &mut flaw.place {
            *i = there.get(*i).copied().unwrap_or(*i);
        }
    }
    error
}

impl Mechanism for PivotMechanism {
    type State = PivotState;
    type Announcement = Notice;
    type Report = Report;
    type Message = std::convert::Infallible;
    type Shock = Draw;
    type Outcome = PivotOutcome;
    type Error = PivotError;

    fn agents(&self) -> usize {
        self.model().players()
    }

    fn start(&self) -> PivotState {
        let players = self.agents();
        PivotState {
            period: 0,
            phase: self.first(),
            public: self.model().public().start,
            members: (0..players).collect(),
            solution: self.solution.clone(),
            seals: vec![None; players],
            outcome_seal: None,
            reports: vec![None; players],
            left: Vec::new(),
            ruling: None,
            decision: None,
        }
    }

    fn next(&self, state: &PivotState) -> Next {
        if state.period == self.terms.periods { Next::Finished } else { Next::Collect }
    }

    fn announce(&self, state: &PivotState, agent: AgentId) -> Option<Notice> {
        let asked = state.phase != Phase::Observe && state.members.contains(&agent);
        asked.then(|| Notice {
            period: state.period,
            phase: state.phase,
            public: state.public,
            members: state.members.clone(),
            outcome: state.outcome_seal,
        })
    }

    fn admit(&self, state: &PivotState, agent: AgentId, report: &Report) -> Result<(), Rejection> {
        let refuse = |field: &str, found: String, accepted: String| {
            Err(Rejection { agent, field: field.into(), found, accepted })
        };
        match (state.phase, report) {
            (Phase::Seal, Report::Seal(_)) => Ok(()),
            (Phase::Report, Report::Type { own, salt }) => {
                let types = self.model().player(agent).types;
                if *own >= types {
                    return refuse("type", own.to_string(), format!("0 to {}", types - 1));
                }
                let Some(seal) = state.seals[agent] else { return Ok(()) };
                let fits = salt.is_some_and(|salt| seal_report(state.period, agent, *own, &salt) == seal);
                if fits {
                    return Ok(());
                }
                refuse(
                    "seal",
                    "another report than the sealed one".into(),
                    "the sealed report and salt".into(),
                )
            }
            (Phase::Seal, _) => refuse("report", "an open report".into(), "a sealed report".into()),
            (_, _) => refuse("report", "a sealed report".into(), "a type".into()),
        }
    }

    fn close(&self, state: &mut PivotState, arrivals: Vec<Arrival<Report>>) -> Result<(), PivotError> {
        state.left.clear();
        self.collect(state, arrivals)?;
        if state.phase == Phase::Report {
            self.rule(state)?;
        }
        Ok(())
    }

    fn settle(&self, state: &mut PivotState, shock: Draw) -> Result<PivotOutcome, PivotError> {
        let mut outcome = PivotOutcome {
            period: state.period,
            phase: state.phase,
            public: state.public,
            reports: state.reports.clone(),
            left: state.left.clone(),
            ruling: state.ruling.clone(),
            decision: None,
            payment: vec![0.0; self.agents()],
        };
        match (state.phase, shock) {
            (Phase::Seal, Draw::Seal(seal)) => {
                state.outcome_seal = Some(seal);
                state.phase = Phase::Report;
            }
            (Phase::Report, Draw::Outcome { outcome: z, salt }) => {
                outcome.payment = self.decide(state, z, salt)?;
                outcome.decision = state.decision.map(|a| (z, a));
                state.phase = Phase::Observe;
            }
            (Phase::Observe, Draw::Public(public)) => {
                self.observe(state, public)?;
                outcome.public = public;
            }
            (phase, draw) => {
                let accepted = match phase {
                    Phase::Seal => "a seal",
                    Phase::Report => "an outcome",
                    Phase::Observe => "a public state",
                };
                return Err(PivotError::Nature { found: format!("{draw:?}"), accepted: accepted.into() });
            }
        }
        Ok(outcome)
    }

    fn payments<'a>(&self, outcome: &'a PivotOutcome) -> &'a [f64] {
        &outcome.payment
    }
}
