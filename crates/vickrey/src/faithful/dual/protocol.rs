//! Algorithm 1 as a [`Mechanism`]: rounds of prices and answers, then the decision and final values.

use std::sync::Arc;

use super::leader::{Event, Leader, LeaderError, Letter, Phase, Report, State};
use super::rules::Plan;
use super::tax::Settled;
use crate::mechanism::{AgentId, Arrival, Mechanism, Next, Rejection};

/// Distributed VCG on dual decomposition (paper 003, Algorithm 1).
#[derive(Clone, Debug)]
pub struct DualDecomposition {
    leader: Leader,
    nothing: Vec<f64>,
}

/// What a stage decides: nothing until the last.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// Payments of this stage: zeros until the last.
    payment: Vec<f64>,
    /// Decision and taxes, in the last stage.
    pub settled: Option<Arc<Settled>>,
    /// What went other than asked in the whole run, in the last stage.
    pub events: Vec<Event>,
}

impl DualDecomposition {
    /// The mechanism of a plan.
    pub fn new(plan: Arc<Plan>) -> Self {
        let nothing = vec![0.0; plan.problem().len()];
        Self { leader: Leader::new(plan), nothing }
    }

    /// The leader's state machine.
    pub fn leader(&self) -> &Leader {
        &self.leader
    }
}

impl Mechanism for DualDecomposition {
    type State = State;
    type Announcement = Letter;
    type Report = Report;
    type Message = std::convert::Infallible;
    type Shock = ();
    type Outcome = Stage;
    type Error = LeaderError;

    fn agents(&self) -> usize {
        self.nothing.len()
    }

    fn start(&self) -> State {
        self.leader.start()
    }

    fn next(&self, state: &State) -> Next {
        if state.phase() == Phase::Finished { Next::Finished } else { Next::Collect }
    }

    fn announce(&self, state: &State, agent: AgentId) -> Option<Letter> {
        self.leader.letter(state, agent)
    }

    /// Only the kind of report is looked at here: parts of an answer are usable or not one by one, by the fault rule.
    fn admit(&self, state: &State, agent: AgentId, report: &Report) -> Result<(), Rejection> {
        let (found, wanted) = (kind(report), wanted(state.phase()));
        if found == wanted {
            return Ok(());
        }
        Err(Rejection { agent, field: "report".into(), found: found.into(), accepted: wanted.into() })
    }

    fn close(&self, state: &mut State, arrivals: Vec<Arrival<Report>>) -> Result<(), LeaderError> {
        let reports = arrivals
            .into_iter()
            .map(|arrival| match arrival {
                Arrival::Admitted(report) => Some(report),
                _ => None,
            })
            .collect();
        self.leader.close(state, reports)
    }

    fn settle(&self, state: &mut State, _shock: ()) -> Result<Stage, LeaderError> {
        let settled = state.settled().cloned().map(Arc::new);
        let payment = settled.as_ref().map_or_else(|| self.nothing.clone(), |s| s.payment.clone());
        let events = if settled.is_some() { state.events().to_vec() } else { Vec::new() };
        Ok(Stage { payment, settled, events })
    }

    fn payments<'a>(&self, outcome: &'a Stage) -> &'a [f64] {
        &outcome.payment
    }
}

fn kind(report: &Report) -> &'static str {
    match report {
        Report::Modulus(_) => "a curvature",
        Report::Answer(_) => "answers to prices",
        Report::Values(_) => "values of the decision",
    }
}

fn wanted(phase: Phase) -> &'static str {
    match phase {
        Phase::Moduli => "a curvature",
        Phase::Rounds => "answers to prices",
        Phase::Values => "values of the decision",
        Phase::Finished => "nothing: the run is over",
    }
}
