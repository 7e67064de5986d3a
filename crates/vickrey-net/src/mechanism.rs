//! What a room has to have: the leader's side of a run and the follower's. All else is written once.

use std::borrow::Cow;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::announce::{Announced, Terms};
use crate::course::{CourseError, Stage};
use crate::follow::{FollowError, Sight};
use crate::message::{Kind, Message};
use crate::{consensus, dual};

/// What the leader says to a follower in a stage.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Of which kind.
    pub kind: Kind,
    /// In which round; 0 outside of rounds.
    pub k: u64,
    /// The number among the leader's letters to her; ANNOUNCE is 1.
    pub seq: u64,
    /// The content.
    pub body: Value,
}

/// The leader's side between joining and receipts, moved by records alone.
pub trait LeaderSide: Debug {
    /// Number of followers.
    fn followers(&self) -> usize;

    /// A follower's name.
    fn name(&self, follower: usize) -> Cow<'_, str>;

    /// How long a message of a follower can be, bytes.
    fn longest_report(&self) -> usize;

    /// The stage that is open once all have joined.
    fn stage(&self) -> Stage;

    /// The open round; 0 outside of rounds.
    fn k(&self) -> u64;

    /// In which stage followers answer with this kind, if they do at all.
    fn stage_of(&self, answer: Kind) -> Option<Stage>;

    /// Whether a follower is out of the run for good, or was never in it.
    fn dropped(&self, follower: usize) -> bool;

    /// What a follower is to answer in the open stage.
    fn letter(&self, follower: usize) -> Option<Letter>;

    /// The body that the leader signs for the archive in the open stage: a decision, or all taxes. `absent`: who did not
    /// join.
    fn archived(&self, absent: &[usize]) -> Option<(Kind, Value)>;

    /// Everybody has joined but these.
    ///
    /// # Errors
    /// The run cannot do without them.
    fn start(&mut self, absent: &[usize]) -> Result<(), CourseError>;

    /// Takes the content of an answer that counts.
    fn take(&mut self, follower: usize, body: &Value);

    /// Closes the open stage with what was taken.
    ///
    /// # Errors
    /// The mechanism cannot go on.
    fn close(&mut self) -> Result<(), CourseError>;

    /// Whether a run begins only if all have joined.
    fn needs_all(&self) -> bool {
        false
    }

    /// How long the open stage waits for answers; none: until all are there.
    fn limit(&self, terms: Terms) -> Option<Duration> {
        Some(Duration::from_millis(if self.stage() == Stage::Rounds {
            terms.round_ms
        } else {
            terms.value_ms
        }))
    }

    /// How often those who are silent are asked again: after a third and two thirds of the time.
    fn pause(&self, terms: Terms) -> Duration {
        self.limit(terms).unwrap_or(Duration::from_millis(terms.value_ms)) / 3
    }

    /// Whether an acknowledgement says that a follower is reached elsewhere than before.
    fn elsewhere(&self, follower: usize, body: &Value) -> bool {
        let _ = (follower, body);
        false
    }

    /// Takes where a follower can be reached from her acknowledgement. That decides nothing, so it is in no record but as
    /// part of the first acknowledgement.
    fn moves(&mut self, follower: usize, body: &Value) {
        let _ = (follower, body);
    }

    /// Whether an acknowledgement says all that is needed.
    fn joins(&self, body: &Value) -> bool {
        let _ = body;
        true
    }

    /// Who has to hear that a follower is reached elsewhere.
    fn concerned(&self, follower: usize) -> Vec<usize> {
        let _ = follower;
        Vec::new()
    }

    /// Whether the open stage waits for positions that nobody has seen so far.
    fn blind(&self) -> bool {
        false
    }

    /// Takes positions as they were seen.
    ///
    /// # Errors
    /// Nobody looks, or not for so many.
    fn observe(&mut self, positions: &[f64]) -> Result<(), CourseError> {
        let _ = positions;
        Err(CourseError::Unfounded("positions that nobody waits for"))
    }
}

/// The leader's side by mechanism.
#[derive(Clone, Debug)]
pub enum Mechanism {
    /// Dual decomposition.
    Dual(Box<dual::lead::Side>),
    /// Average consensus.
    Consensus(Box<consensus::lead::Side>),
}

impl Mechanism {
    /// Before anybody has joined.
    pub fn new(announced: Announced) -> Self {
        match announced {
            Announced::Dual(plan) => Self::Dual(Box::new(dual::lead::Side::new(plan))),
            Announced::Consensus(rules) => Self::Consensus(Box::new(consensus::lead::Side::new(rules))),
        }
    }

    /// What is the same for all.
    pub fn side(&self) -> &dyn LeaderSide {
        match self {
            Self::Dual(side) => &**side,
            Self::Consensus(side) => &**side,
        }
    }

    /// The same, to be moved by records.
    pub(crate) fn side_mut(&mut self) -> &mut dyn LeaderSide {
        match self {
            Self::Dual(side) => &mut **side,
            Self::Consensus(side) => &mut **side,
        }
    }
}

/// An answer: its kind and its content.
pub type Answer = (Kind, Value);

/// A follower's side, once she takes part.
pub trait FollowerSide: Debug + Send {
    /// What her acknowledgement says beside the announcement's hash.
    fn acknowledgement(&self) -> serde_json::Map<String, Value> {
        serde_json::Map::new()
    }

    /// Answers a letter that comes once: prices, a decision.
    ///
    /// # Errors
    /// The letter cannot be understood.
    fn answer(&mut self, letter: &Message) -> Result<Option<Answer>, FollowError>;

    /// Whether a letter of this kind may come again with other contents, and is no question that is answered once.
    fn is_notice(&self, kind: Kind) -> bool {
        let _ = kind;
        false
    }

    /// Takes such a letter.
    ///
    /// # Errors
    /// It cannot be understood.
    fn notice(&mut self, letter: &Message) -> Result<(), FollowError> {
        let _ = letter;
        Ok(())
    }

    /// What she says without being asked, once it is so far. It may be said again and stays the same.
    ///
    /// # Errors
    /// Something that runs beside the connection to the leader has failed.
    fn unasked(&mut self) -> Result<Option<(u64, Answer)>, FollowError> {
        Ok(None)
    }

    /// Where she ended, as far as she knows.
    fn decision(&self) -> Option<Vec<f64>>;

    /// What has failed beside the connection to the leader, once: she cannot go on then.
    fn failed(&mut self) -> Option<FollowError> {
        None
    }

    /// What there is to see beside the connection to the leader, since the last time.
    fn sights(&mut self) -> Vec<Sight> {
        Vec::new()
    }

    /// What she has to remember with every answer; none: her side remembers by itself.
    fn remembers(&self) -> Option<Value>;

    /// Recalls it.
    ///
    /// # Errors
    /// It is something else.
    fn recall(&mut self, value: &Value) -> Result<(), String>;

    /// What runs beside the connection to the leader.
    fn post(&self) -> Option<Arc<consensus::post::Post>> {
        None
    }
}
