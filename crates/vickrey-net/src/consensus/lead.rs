//! The leader's side of consensus: it says where neighbours are reached, takes their values, sees where they stand, taxes.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use vickrey::faithful::consensus::protocol::{Agreement, Report};
use vickrey::faithful::consensus::{Consensus, Rules, Watch};
use vickrey::mechanism::{Arrival, Mechanism};

use super::letters;
use super::post::GRACE;
use crate::announce::Terms;
use crate::course::{CourseError, Stage};
use crate::mechanism::{LeaderSide, Letter};
use crate::message::Kind;

/// Addresses are said again no more often.
const LEAST_PAUSE: Duration = Duration::from_millis(250);
/// What signing and writing may take in each round, beside the waiting for neighbours.
const BETWEEN_ROUNDS_MS: u64 = 20;
/// A value is a few numbers.
const LONGEST_REPORT: usize = 1 << 16;

/// The leader's side.
#[derive(Clone, Debug)]
pub struct Side {
    consensus: Consensus,
    stage: Stage,
    addresses: Vec<Option<String>>,
    reports: Vec<Option<Report>>,
    seen: Option<Vec<f64>>,
    agreement: Option<Agreement>,
}

impl Side {
    /// Before anybody has joined.
    pub fn new(rules: Arc<Rules>) -> Self {
        let n = rules.len();
        Self {
            consensus: Consensus::new(rules),
            stage: Stage::Rounds,
            addresses: vec![None; n],
            reports: vec![None; n],
            seen: None,
            agreement: None,
        }
    }

    /// The rules.
    pub fn rules(&self) -> &Arc<Rules> {
        self.consensus.rules()
    }

    /// What was decided, once it is.
    pub fn agreement(&self) -> Option<&Agreement> {
        self.agreement.as_ref()
    }

    /// `agreed`, or `fined` if the test was failed.
    pub fn status(&self) -> Option<&'static str> {
        self.agreement().map(|a| if a.settlement.passed { "agreed" } else { "fined" })
    }

    fn tax(&self, i: usize) -> Option<Value> {
        let agreement = self.agreement()?;
        Some(json!({
            "payment": agreement.settlement.payment[i],
            "position": agreement.positions[i],
            // Null if a position is missing: there is no distance then.
            "disagreement": finite(agreement.settlement.disagreement),
            "limit": agreement.settlement.limit,
            "epsilon": self.rules().epsilon(),
            "status": self.status(),
        }))
    }

    /// Test and taxes, by the library.
    fn settle(&mut self) -> Result<(), CourseError> {
        let mut progress = self.consensus.start();
        let arrival = |(agent, report): (usize, &Option<Report>)| match report {
            None => Arrival::Silent,
            Some(report) => match self.consensus.admit(&progress, agent, report) {
                Ok(()) => Arrival::Admitted(*report),
                Err(rejection) => Arrival::Refused(rejection),
            },
        };
        let arrivals = self.reports.iter().enumerate().map(arrival).collect();
        self.consensus.close(&mut progress, arrivals)?;
        // Where positions are reported nobody looks, and the library does not read this.
        let seen = self.seen.clone().unwrap_or_else(|| vec![0.0; self.reports.len()]);
        self.agreement = Some(self.consensus.settle(&mut progress, seen)?);
        self.stage = Stage::Taxes;
        Ok(())
    }
}

fn finite(x: f64) -> Option<f64> {
    Some(x).filter(|x| x.is_finite())
}

impl LeaderSide for Side {
    fn followers(&self) -> usize {
        self.rules().len()
    }

    fn name(&self, follower: usize) -> Cow<'_, str> {
        self.rules().instance().name(follower)
    }

    fn longest_report(&self) -> usize {
        LONGEST_REPORT
    }

    fn stage(&self) -> Stage {
        self.stage
    }

    fn k(&self) -> u64 {
        0
    }

    fn stage_of(&self, answer: Kind) -> Option<Stage> {
        (answer == Kind::Value).then_some(Stage::Rounds)
    }

    fn dropped(&self, _: usize) -> bool {
        false
    }

    fn letter(&self, i: usize) -> Option<Letter> {
        match self.stage {
            Stage::Rounds => {
                let neighbours = self.rules().instance().graph().neighbours(i);
                let reached = neighbours.iter().map(|&j| Some((j, self.addresses[j].clone()?)));
                let reached: Vec<(usize, String)> = reached.collect::<Option<_>>()?;
                let body = letters::neighbours(reached.into_iter());
                Some(Letter { kind: Kind::Neighbours, k: 0, seq: 2, body })
            }
            Stage::Taxes => Some(Letter { kind: Kind::Tax, k: 0, seq: 3, body: self.tax(i)? }),
            _ => None,
        }
    }

    fn archived(&self, _: &[usize]) -> Option<(Kind, Value)> {
        let agreement = self.agreement()?;
        let body = json!({
            "payment": agreement.settlement.payment,
            "z": agreement.positions,
            "disagreement": finite(agreement.settlement.disagreement),
            "limit": agreement.settlement.limit,
            "epsilon": self.rules().epsilon(),
            "status": self.status(),
        });
        Some((Kind::Tax, body))
    }

    fn start(&mut self, absent: &[usize]) -> Result<(), CourseError> {
        if absent.is_empty() {
            return Ok(());
        }
        let who = absent.iter().map(|&i| self.name(i).into_owned());
        Err(CourseError::Incomplete(who.collect::<Vec<_>>().join(", ")))
    }

    fn take(&mut self, follower: usize, body: &Value) {
        self.reports[follower] = Some(letters::read_value(body));
    }

    fn close(&mut self) -> Result<(), CourseError> {
        match (self.stage, self.rules().watch()) {
            (Stage::Rounds, Watch::Observed) => {
                self.stage = Stage::Observing;
                Ok(())
            }
            (Stage::Observing, _) if self.seen.is_none() => {
                Err(CourseError::Unfounded("taxes before anybody has seen where the followers stand"))
            }
            _ => self.settle(),
        }
    }

    fn needs_all(&self) -> bool {
        true
    }

    /// All rounds may take their time, and the values theirs. For a sensor the leader waits as long as it takes: without
    /// positions everybody would be fined.
    fn limit(&self, terms: Terms) -> Option<Duration> {
        let round = terms.round_ms.saturating_add(BETWEEN_ROUNDS_MS);
        let rounds = (self.rules().rounds() as u64).saturating_mul(round);
        let limit = Duration::from_millis(rounds.saturating_add(terms.value_ms)) + 2 * GRACE;
        (self.stage == Stage::Rounds).then_some(limit)
    }

    /// A third of a round: until she knows where her neighbours are a follower stands still.
    fn pause(&self, terms: Terms) -> Duration {
        (Duration::from_millis(terms.round_ms) / 3).max(LEAST_PAUSE)
    }

    fn joins(&self, body: &Value) -> bool {
        letters::address(body).is_some()
    }

    fn elsewhere(&self, follower: usize, body: &Value) -> bool {
        letters::address(body) != self.addresses[follower]
    }

    fn moves(&mut self, follower: usize, body: &Value) {
        self.addresses[follower] = letters::address(body);
    }

    fn concerned(&self, follower: usize) -> Vec<usize> {
        self.rules().instance().graph().neighbours(follower).to_vec()
    }

    fn blind(&self) -> bool {
        self.stage == Stage::Observing && self.seen.is_none()
    }

    fn observe(&mut self, positions: &[f64]) -> Result<(), CourseError> {
        if !self.blind() || positions.len() != self.followers() {
            return Err(CourseError::Unfounded("positions a second time, or of others than the followers"));
        }
        self.seen = Some(positions.to_vec());
        Ok(())
    }
}
