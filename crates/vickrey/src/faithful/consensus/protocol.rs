//! Consensus as a protocol: n rounds between neighbours, then one report to the leader, who sees where everybody is.
//!
//! The leader must *see* the final positions, so nature supplies them as the draw of the last stage; what a follower
//! reports is what its position costs it. A leader that believes reported positions instead is [`Watch::Reported`].

use std::sync::Arc;

use super::model::{ConsensusError, Place, refuse};
use super::solve::{Rules, Settlement, Watch};
use crate::mechanism::{AgentId, Arrival, Mechanism, Next, Rejection};

/// Algorithm 2 as a [`Mechanism`].
///
/// A value that is missing or no finite number is left out of the others' taxes, and the sender's own tax does not depend
/// on it. Messages that are missing or invalid are the receiver's business: it goes on with the last valid one, and
/// before any it skips the edge.
#[derive(Clone, Debug)]
pub struct Consensus {
    rules: Arc<Rules>,
}

/// What a follower is told before it reports.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Notice {
    /// Rounds that have been played.
    pub rounds: usize,
    /// Whether the position is asked for.
    pub watch: Watch,
}

/// What a follower tells the leader.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Report {
    /// vhat_i: what its final position costs it.
    pub value: f64,
    /// Where it is; read only where the leader does not see it.
    pub position: Option<f64>,
}

/// What the leader remembers.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    round: usize,
    reports: Vec<Option<Report>>,
    finished: bool,
}

/// What was decided.
#[derive(Clone, Debug, PartialEq)]
pub struct Agreement {
    /// Final positions as the leader knows them; none: not reported.
    pub positions: Vec<Option<f64>>,
    /// Reported values; none: missing or refused.
    pub values: Vec<Option<f64>>,
    /// Test and taxes.
    pub settlement: Settlement,
    /// Followers whose value no type in their range has at their position. On record; nothing is replaced.
    pub doubtful: Vec<AgentId>,
}

impl Consensus {
    /// The protocol under these rules.
    pub fn new(rules: Arc<Rules>) -> Self {
        Self { rules }
    }

    /// The rules.
    pub fn rules(&self) -> &Arc<Rules> {
        &self.rules
    }
}

impl Mechanism for Consensus {
    type State = Progress;
    type Announcement = Notice;
    type Report = Report;
    type Message = f64;
    /// Where everybody is in the end.
    type Shock = Vec<f64>;
    type Outcome = Agreement;
    type Error = ConsensusError;

    fn agents(&self) -> usize {
        self.rules.len()
    }

    fn start(&self) -> Progress {
        Progress { round: 0, reports: vec![None; self.agents()], finished: false }
    }

    fn next(&self, state: &Progress) -> Next {
        match state {
            Progress { finished: true, .. } => Next::Finished,
            Progress { round, .. } if *round < self.rules.rounds() => Next::Exchange,
            _ => Next::Collect,
        }
    }

    fn announce(&self, state: &Progress, _: AgentId) -> Option<Notice> {
        Some(Notice { rounds: state.round, watch: self.rules.watch() })
    }

    fn admit(&self, _: &Progress, agent: AgentId, report: &Report) -> Result<(), Rejection> {
        let refuse = |field: &str, found: String| {
            let accepted = "a finite number".into();
            Err(Rejection { agent, field: field.into(), found, accepted })
        };
        if !report.value.is_finite() {
            return refuse("value", report.value.to_string());
        }
        if self.rules.watch() == Watch::Reported && !report.position.is_some_and(f64::is_finite) {
            let found = report.position.map_or("nothing".into(), |z| z.to_string());
            return refuse("position", found);
        }
        Ok(())
    }

    fn close(&self, state: &mut Progress, arrivals: Vec<Arrival<Report>>) -> Result<(), ConsensusError> {
        state.reports = arrivals.iter().map(|arrival| arrival.report().copied()).collect();
        Ok(())
    }

    fn settle(&self, state: &mut Progress, seen: Vec<f64>) -> Result<Agreement, ConsensusError> {
        if seen.len() != self.agents() {
            let accepted = format!("one for each of the {} followers", self.agents());
            return refuse("final positions", Place::Whole, format!("{} positions", seen.len()), accepted);
        }
        let positions: Vec<Option<f64>> = match self.rules.watch() {
            Watch::Observed => seen.into_iter().map(Some).collect(),
            Watch::Reported => state.reports.iter().map(|report| report.and_then(|r| r.position)).collect(),
        };
        if let Some(i) = positions.iter().position(|z| z.is_some_and(|z| !z.is_finite())) {
            let found = positions[i].unwrap_or(f64::NAN);
            return refuse("final position", Place::Follower(i), found, "a finite number");
        }
        let values: Vec<Option<f64>> = state.reports.iter().map(|report| report.map(|r| r.value)).collect();
        let settlement = self.rules.settle(&positions, &values);
        let doubtful = (0..self.agents()).filter(|&i| self.doubts(i, positions[i], values[i])).collect();
        state.finished = true;
        Ok(Agreement { positions, values, settlement, doubtful })
    }

    fn payments<'a>(&self, outcome: &'a Agreement) -> &'a [f64] {
        &outcome.settlement.payment
    }

    fn neighbours(&self, _: &Progress, agent: AgentId) -> &[AgentId] {
        self.rules.instance().graph().neighbours(agent)
    }

    fn relay(&self, state: &mut Progress) {
        state.round += 1;
    }
}

impl Consensus {
    /// Whether no type has this value here, up to rounding.
    fn doubts(&self, follower: AgentId, position: Option<f64>, value: Option<f64>) -> bool {
        let (Some(position), Some(value)) = (position, value) else { return false };
        let (low, high) = self.rules.value_range(follower, position);
        let slack = 1e-12 * (1.0 + high);
        value < low - slack || value > high + slack
    }
}
