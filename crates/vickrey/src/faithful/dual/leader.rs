//! The leader's side as a state machine without input or output: letters out, reports in, in the end the decision and the
//! taxes.
//!
//! All N + 1 problems run in the same rounds. The fault rule is part of the mechanism: what is missing or no number is
//! held from before, who misses the main problem several rounds in a row is dropped, and the problem without her, which
//! ran beside the main one all along, takes its place.
//!
//! Live runs need limits on all decisions. Without them whatever one follower sends still leaves a decision that meets
//! the couplings, finite taxes, and nobody else dropped; but her numbers are not clipped to anything, and can make what
//! the others are paid as large as what she is taxed.

mod closing;

use std::sync::Arc;

use super::iterate::{Finish, Iteration};
use super::letters::{Answer, Decision, Prices, Question, Round, Values};
use super::model::Follower;
use super::projection::{self, Infeasible};
use super::round::{Columns, Held, Places};
use super::rules::{Marginals, Method, Moduli, Plan};
use super::tax::{self, Settled};
use crate::mechanism::AgentId;

/// What a follower is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Letter {
    /// Say how strongly your cost bends at least (only where [`Moduli::Announced`]).
    Modulus,
    /// Answer these prices.
    Prices(Prices),
    /// This is decided; say what it costs.
    Decision(Decision),
}

/// What a follower says.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Report {
    /// The least second derivative of her cost.
    Modulus(f64),
    /// Her answers to prices.
    Answer(Answer),
    /// What the decision costs her.
    Values(Values),
}

/// Something that went other than the protocol asks, or that the leader had to make up for.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
pub enum Event {
    /// Parts of an answer were missing or no number; what was held before counts.
    Missing {
        /// The round, from 1.
        round: usize,
        /// Whose.
        follower: AgentId,
        /// In how many of the problems.
        problems: usize,
    },
    /// Dropped for good.
    Dropped {
        /// The round, from 1.
        round: usize,
        /// Who.
        follower: AgentId,
        /// Whether somebody was dropped before: outside of what the theory covers.
        again: bool,
    },
    /// Would have been dropped, but the couplings cannot be met without her: her last part is held to the end.
    Kept {
        /// The round, from 1.
        round: usize,
        /// Who.
        follower: AgentId,
    },
    /// Answers were beyond all sense, and so were the prices that follow from them: these begin anew at lam^0.
    Anew {
        /// The round, from 1.
        round: usize,
        /// In how many of the problems.
        problems: usize,
        /// Whether the main problem is one of them.
        main: bool,
    },
    /// The last answers to a problem were so large that nothing of the couplings was left in them: what comes nearest to
    /// everybody's absence is taken instead.
    Fallback {
        /// The round, from 1.
        round: usize,
        /// Who is absent in this problem (ascending); nobody: it is the decision of all.
        absent: Vec<AgentId>,
    },
    /// After a drop the couplings cannot be met without this follower as well: her tax is zero.
    NoTax {
        /// Who.
        follower: AgentId,
    },
    /// Final values are missing: they are left out of everybody else's tax, on both sides.
    NoValues {
        /// Whose.
        follower: AgentId,
    },
    /// A final value is below what her last answer to the same problem leaves possible: one of the two is not what the
    /// protocol asks. Nothing is replaced.
    Doubtful {
        /// Whose.
        follower: AgentId,
    },
}

/// What the rounds cost in messages; numbers are 8 bytes each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Traffic {
    /// Rounds of prices and answers.
    pub rounds: usize,
    /// Messages, both ways, in rounds and at the end.
    pub messages: u64,
    /// Numbers from the leader to followers.
    pub down: u64,
    /// Numbers from followers to the leader.
    pub up: u64,
}

/// Where a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Followers announce curvatures.
    Moduli,
    /// Prices and answers.
    Rounds,
    /// The decision stands; final values are collected.
    Values,
    /// Taxes stand.
    Finished,
}

/// Which problem a follower's tax compares with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marginal {
    /// None in this mode, or the follower is dropped.
    None,
    /// A problem, by number.
    Problem(usize),
    /// The couplings cannot be met without her.
    Infeasible,
}

/// A problem that has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Solved {
    /// Its number: 0 is the first main problem.
    pub number: usize,
    /// Who is absent (ascending).
    pub absent: Arc<[AgentId]>,
    /// How it ended.
    pub finish: Finish,
    /// By follower, the least that her part of the allocation can cost if her last answer was what the protocol asks
    /// (money). No number where nothing is known: she is absent, or the answer or its cost was missing. Empty if the
    /// problem had no round of its own.
    pub least: Vec<f64>,
}

/// One round of the main problem.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Glance {
    /// The round, from 1.
    pub round: usize,
    /// The prices that were answered; of several trials those that were kept.
    pub price: Vec<f64>,
    /// How far the answers miss the couplings: the length of sum R_i z_i - c.
    pub residual: f64,
    /// A lower bound on the optimum from these answers, if the method has one.
    pub lower: Option<f64>,
    /// Whether the accelerated method gave up its momentum after this round: it led downhill.
    pub slowed: bool,
}

/// All that the leader remembers.
#[derive(Clone, Debug)]
pub struct State {
    pub(super) phase: Phase,
    k: usize,
    running: Vec<Iteration>,
    pub(super) done: Vec<Solved>,
    pub(super) main: usize,
    pub(super) marginal: Vec<Marginal>,
    pub(super) dropped: Vec<AgentId>,
    strikes: Vec<usize>,
    /// The coming round and where answers to it stand.
    round: Arc<Round>,
    places: Arc<Places>,
    /// Whether letters differ between followers.
    personal: bool,
    held: Option<Arc<Held>>,
    created: usize,
    /// The step in use, and the bound on how steeply the uses of couplings answer.
    step: f64,
    steepness: Option<Arc<[f64]>>,
    history: Vec<Glance>,
    pub(super) events: Vec<Event>,
    pub(super) traffic: Traffic,
    pub(super) settled: Option<Settled>,
}

/// Why a run cannot go on.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LeaderError {
    /// The nearest allocation that meets the couplings was not found.
    #[error("round {round}, problem without {absent:?}: {source}")]
    Projection {
        /// The round, from 1.
        round: usize,
        /// Who is absent.
        absent: Vec<AgentId>,
        /// What is missed.
        source: Infeasible,
    },
    /// Too few followers take part from the beginning.
    #[error("found {left} followers who take part, accepted are at least 2 where taxes compare, else 1")]
    TooFew {
        /// How many.
        left: usize,
    },
    /// The couplings cannot be met without those who do not take part (and, where taxes compare, one more).
    #[error("the couplings cannot be met without {absent:?}: {source}")]
    Absent {
        /// Who is absent.
        absent: Vec<AgentId>,
        /// What is missed.
        source: Infeasible,
    },
    /// The number of reports is wrong.
    #[error("found {found} reports, accepted is one slot for each of the {wanted} followers")]
    Reports {
        /// How many.
        found: usize,
        /// How many are needed.
        wanted: usize,
    },
    /// The run is over.
    #[error("the run is finished: no more reports are taken")]
    Finished,
}

/// The leader of a plan.
#[derive(Clone, Debug)]
pub struct Leader {
    plan: Arc<Plan>,
    columns: Arc<Columns>,
    boxes: bool,
}

impl Leader {
    /// Ready to lead.
    pub fn new(plan: Arc<Plan>) -> Self {
        let columns = Arc::new(Columns::new(plan.problem()));
        let boxes = plan.problem().followers().iter().all(Follower::bounded);
        Self { plan, columns, boxes }
    }

    /// What is led.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    fn agents(&self) -> usize {
        self.plan.problem().len()
    }

    /// Before the first letter.
    pub fn start(&self) -> State {
        let mut state = self.fresh();
        if state.phase == Phase::Rounds {
            self.begin(&mut state);
        }
        state
    }

    fn fresh(&self) -> State {
        let agents = self.agents();
        let announced = self.plan.rules().moduli == Moduli::Announced;
        State {
            phase: if announced { Phase::Moduli } else { Phase::Rounds },
            k: 0,
            running: Vec::new(),
            done: Vec::new(),
            main: 0,
            marginal: vec![Marginal::None; agents],
            dropped: Vec::new(),
            strikes: vec![0; agents],
            round: Arc::new(Round {
                k: 0,
                questions: Vec::new(),
                prices: Vec::new(),
                rho: 0.0,
                sensitivities: false,
                couplings: self.plan.problem().couplings(),
            }),
            places: Arc::new(Places::new(&empty_round(), agents)),
            personal: false,
            held: None,
            created: 0,
            step: self.plan.step(),
            steepness: self.plan.bounds().map(Into::into),
            history: Vec::new(),
            events: Vec::new(),
            traffic: Traffic::default(),
            settled: None,
        }
    }

    /// Before the first letter, when some followers (ascending) do not take part: their absent allocations count, and the
    /// others play the problem without them.
    ///
    /// # Errors
    /// The couplings cannot be met without them or, where taxes compare, without one more; or too few are left.
    pub fn start_without(&self, absent: &[AgentId]) -> Result<State, LeaderError> {
        let left = self.agents().saturating_sub(absent.len());
        let compared = self.plan.rules().mode.has_marginals();
        if left < 1 + usize::from(compared) {
            return Err(LeaderError::TooFew { left });
        }
        let feasible = |absent: Vec<AgentId>| {
            projection::feasible(self.plan.problem(), &absent)
                .map_err(|source| LeaderError::Absent { absent, source })
        };
        feasible(absent.to_vec())?;
        for j in (0..self.agents()).filter(|j| compared && !absent.contains(j)) {
            let mut more = absent.to_vec();
            more.push(j);
            more.sort_unstable();
            feasible(more)?;
        }
        let mut state = self.fresh();
        state.dropped = absent.to_vec();
        if state.phase == Phase::Rounds {
            self.begin(&mut state);
        }
        Ok(state)
    }

    fn begin(&self, state: &mut State) {
        let start = self.plan.start_price();
        state.phase = Phase::Rounds;
        state.main = self.create(state, state.dropped.clone(), &start);
        if self.plan.rules().marginals == Marginals::Cold {
            self.create_marginals(state, &start);
        }
        self.pose(state);
    }

    fn create(&self, state: &mut State, absent: Vec<AgentId>, start: &[f64]) -> usize {
        let number = state.created;
        state.created += 1;
        let rules = self.plan.rules();
        state.running.push(Iteration::new(self.plan.problem(), rules, number, absent, start));
        number
    }

    /// A problem without each follower who is left, where the mode compares with one.
    fn create_marginals(&self, state: &mut State, start: &[f64]) {
        if !self.plan.rules().mode.has_marginals() {
            return;
        }
        let agents = self.agents();
        state.marginal = vec![Marginal::None; agents];
        for j in (0..agents).filter(|j| !state.dropped.contains(j)).collect::<Vec<_>>() {
            let mut absent = state.dropped.clone();
            absent.push(j);
            absent.sort_unstable();
            // Alone, everybody was found to be dispensable when the plan was made.
            let possible = state.dropped.is_empty()
                || (absent.len() < agents && projection::feasible(self.plan.problem(), &absent).is_ok());
            state.marginal[j] = if possible {
                Marginal::Problem(self.create(state, absent, start))
            } else {
                state.events.push(Event::NoTax { follower: j });
                Marginal::Infeasible
            };
        }
    }

    /// Writes the questions of the coming round.
    fn pose(&self, state: &mut State) {
        let question = |it: &Iteration| Question {
            problem: it.number,
            absent: it.absent.clone(),
            trials: it.trials(),
            shared: matches!(self.plan.rules().method, Method::Multipliers { .. }) && !it.pure,
            probed: it.candidate.is_some(),
        };
        let rho = match self.plan.rules().method {
            Method::Multipliers { rho, .. } => rho,
            _ => 0.0,
        };
        let questions: Vec<Question> = state.running.iter().map(question).collect();
        let placed = Places::same(&state.round.questions, &questions);
        state.round = Arc::new(Round {
            k: state.k + 1,
            questions,
            prices: state.running.iter().flat_map(|it| it.prices.iter().copied()).collect(),
            rho,
            sensitivities: self.plan.rules().method == Method::Newton,
            couplings: self.plan.problem().couplings(),
        });
        if !placed {
            state.places = Arc::new(Places::new(&state.round, self.agents()));
        }
        state.personal = state.round.questions.iter().any(|q| q.shared || q.probed);
    }

    /// What a follower is told now; `None`: nothing is asked of her.
    pub fn letter(&self, state: &State, agent: AgentId) -> Option<Letter> {
        match state.phase {
            Phase::Finished => None,
            Phase::Moduli => Some(Letter::Modulus),
            _ if state.dropped.contains(&agent) => None,
            Phase::Values => Some(Letter::Decision(self.decision(state, agent))),
            Phase::Rounds => {
                let mut prices =
                    Prices { round: state.round.clone(), shares: Vec::new(), probes: Vec::new() };
                if !state.personal {
                    return Some(Letter::Prices(prices));
                }
                let range = self.plan.problem().range(agent);
                for (it, question) in state.running.iter().zip(&state.round.questions) {
                    if it.absent.contains(&agent) {
                        continue;
                    }
                    if question.shared {
                        prices.shares.extend(it.share(agent).into_iter().flatten());
                    }
                    if let Some(candidate) = &it.candidate {
                        prices.probes.extend(&candidate.allocation[range.clone()]);
                    }
                }
                Some(Letter::Prices(prices))
            }
        }
    }

    fn decision(&self, state: &State, agent: AgentId) -> Decision {
        let range = self.plan.problem().range(agent);
        let part = |number: usize| {
            state.solved(number).map(|s| (s.absent.clone(), s.finish.allocation[range.clone()].to_vec()))
        };
        let z = part(state.main).map_or_else(Vec::new, |p| p.1);
        let without = tax::valued(&self.plan, state, agent).filter_map(part).collect();
        Decision { z, without }
    }

    /// Takes what arrived in this stage: one slot for each follower, `None` for silence.
    ///
    /// # Errors
    /// The run is over, the number of slots is wrong, or a decision that meets the couplings was not found.
    pub fn close(&self, state: &mut State, reports: Vec<Option<Report>>) -> Result<(), LeaderError> {
        if reports.len() != self.agents() {
            return Err(LeaderError::Reports { found: reports.len(), wanted: self.agents() });
        }
        match state.phase {
            Phase::Finished => Err(LeaderError::Finished),
            Phase::Moduli => {
                self.take_moduli(state, &reports);
                self.begin(state);
                Ok(())
            }
            Phase::Rounds => self.close_round(state, reports),
            Phase::Values => {
                let values = reports
                    .into_iter()
                    .map(|r| match r {
                        Some(Report::Values(values)) => values,
                        _ => Values { value: f64::NAN, without: Vec::new() },
                    })
                    .collect();
                tax::settle(&self.plan, state, values);
                Ok(())
            }
        }
    }

    /// The step from what followers announce; who announces nothing usable counts as the public bound says.
    fn take_moduli(&self, state: &mut State, reports: &[Option<Report>]) {
        let announced = |(follower, report): (&Follower, &Option<Report>)| match report {
            Some(Report::Modulus(x)) if *x > 0.0 && x.is_finite() => *x,
            _ => follower.curvature.0.max(1e-12),
        };
        let followers = self.plan.problem().followers().iter();
        let moduli: Vec<f64> = followers.zip(reports).map(announced).collect();
        let steepness = self.plan.problem().steepness_of(&moduli);
        state.step = 1.0 / steepness.largest;
        state.steepness = Some(steepness.rows.into());
    }

    /// What the followers answered to the main problem in its last round, in one list: what the couplings still have to be
    /// met from. Absent ones have their absent allocation. None before the first round.
    pub fn answers(&self, state: &State) -> Option<Vec<f64>> {
        let held = state.held.as_deref()?;
        let mut z = self.plan.problem().absence();
        for agent in (0..self.agents()).filter(|agent| !state.dropped.contains(agent)) {
            let range = self.plan.problem().range(agent);
            z[range.clone()].copy_from_slice(held.z(agent, state.main, range.len())?);
        }
        Some(z)
    }
}

fn empty_round() -> Round {
    Round { k: 0, questions: Vec::new(), prices: Vec::new(), rho: 0.0, sensitivities: false, couplings: 1 }
}

impl State {
    /// Where the run is.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// The round that is open or was closed last, from 1; 0 before the first.
    pub fn round(&self) -> usize {
        if self.phase == Phase::Rounds { self.k + 1 } else { self.k }
    }

    /// The rounds of the main problem so far.
    pub fn history(&self) -> &[Glance] {
        &self.history
    }

    /// What went other than asked, in order.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Who was dropped (ascending).
    pub fn dropped(&self) -> &[AgentId] {
        &self.dropped
    }

    /// Messages so far.
    pub fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// Problems that have ended.
    pub fn solved_problems(&self) -> &[Solved] {
        &self.done
    }

    /// The number of the main problem.
    pub fn main_problem(&self) -> usize {
        self.main
    }

    /// One of them by number.
    pub fn solved(&self, number: usize) -> Option<&Solved> {
        self.done.iter().find(|s| s.number == number)
    }

    /// How the problem without this follower alone ended, which her tax compares with; none if there was none.
    pub fn compared_with(&self, agent: AgentId) -> Option<&Finish> {
        self.done.iter().find(|s| *s.absent == [agent]).map(|s| &s.finish)
    }

    /// Decision and taxes, when they stand.
    pub fn settled(&self) -> Option<&Settled> {
        self.settled.as_ref()
    }
}
