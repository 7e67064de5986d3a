//! The leader's side of dual decomposition: the state machine of the library, its letters as bodies of messages.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::{Value, json};
use vickrey::faithful::dual::leader::{self, Leader, Phase, Report, State};
use vickrey::faithful::dual::model::Follower;
use vickrey::faithful::dual::rules::{Method, Plan};
use vickrey::faithful::dual::tax::{Settled, Status};

use super::letters;
use crate::course::{CourseError, Stage};
use crate::frame::LONGEST;
use crate::mechanism::{LeaderSide, Letter};
use crate::message::Kind;

/// The leader's side.
#[derive(Clone, Debug)]
pub struct Side {
    leader: Leader,
    state: State,
    reports: Vec<Option<Report>>,
}

impl Side {
    /// Before the first round.
    pub fn new(plan: Arc<Plan>) -> Self {
        let reports = vec![None; plan.problem().len()];
        let leader = Leader::new(plan);
        Self { state: leader.start(), leader, reports }
    }

    /// The plan.
    pub fn plan(&self) -> &Arc<Plan> {
        self.leader.plan()
    }

    /// The state of the leader's state machine.
    pub fn state(&self) -> &State {
        &self.state
    }

    fn tax(&self, i: usize) -> Option<Value> {
        let settled = self.state.settled()?;
        let dropped = self.state.dropped().contains(&i);
        Some(json!({
            "payment": settled.payment[i],
            "epsilon": settled.epsilon,
            "certificate": settled.certificate,
            "status": if dropped { "dropped" } else { status(settled) },
        }))
    }
}

impl LeaderSide for Side {
    fn followers(&self) -> usize {
        self.plan().problem().len()
    }

    fn name(&self, follower: usize) -> Cow<'_, str> {
        self.plan().problem().name(follower)
    }

    fn longest_report(&self) -> usize {
        let problem = self.plan().problem();
        let m = problem.couplings();
        let trials = if self.plan().rules().method == Method::Newton { 8 } else { 1 };
        let most = problem.followers().iter().map(Follower::decisions).max().unwrap_or(1);
        let numbers = trials * (most + m * (m + 1) / 2 + 2) + problem.len() + 2;
        // A double takes 24 characters at most, and a comma; brackets and the frame's other fields are few.
        (numbers * 26 * (problem.len() + 1) + (1 << 12)).clamp(1 << 16, LONGEST)
    }

    fn stage(&self) -> Stage {
        match self.state.phase() {
            Phase::Moduli | Phase::Rounds => Stage::Rounds,
            Phase::Values => Stage::Values,
            Phase::Finished => Stage::Taxes,
        }
    }

    fn k(&self) -> u64 {
        if self.stage() == Stage::Rounds { self.state.round() as u64 } else { 0 }
    }

    fn stage_of(&self, answer: Kind) -> Option<Stage> {
        match answer {
            Kind::Report => Some(Stage::Rounds),
            Kind::Value => Some(Stage::Values),
            _ => None,
        }
    }

    fn dropped(&self, follower: usize) -> bool {
        self.state.dropped().contains(&follower)
    }

    fn letter(&self, i: usize) -> Option<Letter> {
        let rounds = self.state.traffic().rounds as u64;
        let letter = |kind, k, seq, body| Some(Letter { kind, k, seq, body });
        if self.stage() == Stage::Taxes {
            return letter(Kind::Tax, 0, 3 + rounds, self.tax(i)?);
        }
        match self.leader.letter(&self.state, i)? {
            leader::Letter::Prices(prices) => {
                let n = self.plan().problem().follower(i).decisions();
                letter(Kind::Price, self.k(), 1 + self.k(), letters::price(&prices, i, n))
            }
            leader::Letter::Decision(decision) => {
                letter(Kind::Decision, 0, 2 + rounds, letters::decision(&decision))
            }
            leader::Letter::Modulus => None,
        }
    }

    fn archived(&self, absent: &[usize]) -> Option<(Kind, Value)> {
        match self.stage() {
            Stage::Values => {
                let main = self.state.solved(self.state.main_problem())?;
                Some((Kind::Decision, json!({ "z": main.finish.allocation })))
            }
            Stage::Taxes => {
                let settled = self.state.settled()?;
                let body = json!({
                    "payment": settled.payment,
                    "absent": absent,
                    "dropped": self.state.dropped(),
                    "epsilon": settled.epsilon,
                    "certificate": settled.certificate,
                    "status": status(settled),
                });
                Some((Kind::Tax, body))
            }
            _ => None,
        }
    }

    fn start(&mut self, absent: &[usize]) -> Result<(), CourseError> {
        if !absent.is_empty() {
            self.state = self.leader.start_without(absent)?;
        }
        Ok(())
    }

    fn take(&mut self, i: usize, body: &Value) {
        self.reports[i] = match self.leader.letter(&self.state, i) {
            Some(leader::Letter::Prices(letter)) => {
                let n = self.plan().problem().follower(i).decisions();
                Some(Report::Answer(letters::read_report(body, &letter, i, n)))
            }
            Some(leader::Letter::Decision(decision)) => {
                Some(Report::Values(letters::read_values(body, &decision)))
            }
            _ => None,
        };
    }

    fn close(&mut self) -> Result<(), CourseError> {
        let reports = self.reports.iter_mut().map(Option::take).collect();
        Ok(self.leader.close(&mut self.state, reports)?)
    }
}

/// The word of the wire for how a run ended.
pub fn status(settled: &Settled) -> &'static str {
    match settled.status {
        Status::Converged => "converged",
        Status::NotConverged => "not_converged",
        Status::FixedRounds => "fixed_rounds",
    }
}
