//! The course of a run without clock, connections and files: which message counts, what the stage is, what is to be said.
//!
//! All that changes a course is a [`Record`], so that a course is its records played again: that is how a run is taken up
//! after a crash, and how anybody checks one afterwards.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use vickrey::faithful::consensus::ConsensusError;
use vickrey::faithful::dual::leader::LeaderError;

use crate::announce::{self, Terms, Unacceptable};
use crate::canonical;
use crate::mechanism::{LeaderSide, Letter, Mechanism};
use crate::message::{Kind, Message, Party, Sealed};
use crate::record::{Begin, Record};

/// Where a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Followers acknowledge what is announced.
    Joining,
    /// Prices and answers; in consensus rounds between neighbours, until they say what they have come to.
    Rounds,
    /// The decision stands, its costs are collected.
    Values,
    /// Consensus: where everybody stands is waited for.
    Observing,
    /// The taxes stand, receipts are collected.
    Taxes,
    /// Nothing is left to do.
    Over,
}

impl Stage {
    /// As records name it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Joining => "joining",
            Self::Rounds => "rounds",
            Self::Values => "values",
            Self::Observing => "observing",
            Self::Taxes => "taxes",
            Self::Over => "over",
        }
    }
}

/// What a message is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It counts.
    Counts,
    /// It is the one that counted already, once more.
    Repeat,
    /// The same acknowledgement, but she is reached elsewhere now.
    Moved,
    /// It differs from the one that counted.
    Equivocation,
    /// Its round is closed.
    Late,
    /// It is for another run, another time or somebody else.
    Ignored(&'static str),
}

/// Something on the wire that went other than the protocol asks, and did not count.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(rename_all = "kebab-case", tag = "incident")]
pub enum Incident {
    /// Did not take part: no acknowledgement, or a refusal.
    Absent {
        /// Who.
        follower: usize,
        /// What she said, if anything.
        why: Option<String>,
    },
    /// An answer came after its round was closed.
    Late {
        /// Whose.
        follower: usize,
        /// The round.
        k: u64,
    },
    /// Two different messages for one round: the first counts, the second is in the record as evidence.
    Equivocation {
        /// Whose.
        follower: usize,
        /// The round; 0 outside of rounds.
        k: u64,
    },
    /// A follower left the run.
    Left {
        /// Who.
        follower: usize,
        /// What she said.
        why: String,
    },
    /// No receipt for the tax.
    NoReceipt {
        /// Whose.
        follower: usize,
    },
}

/// Why a course cannot go on.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CourseError {
    /// The leader's state machine.
    #[error(transparent)]
    Leader(#[from] LeaderError),
    /// The state machine of consensus.
    #[error(transparent)]
    Consensus(#[from] ConsensusError),
    /// Somebody is missing without whom there is no run.
    #[error(
        "the run cannot begin without {0}: the graph is fixed, accepted is a run in which every follower takes part"
    )]
    Incomplete(String),
    /// A record that does not follow from those before.
    #[error("found a record that does not follow from those before it: {0}")]
    Unfounded(&'static str),
    /// What was announced is refused.
    #[error(transparent)]
    Announce(#[from] Unacceptable),
    /// The enrolment names others than the scenario.
    #[error("enrolment: found the followers {found:?}, accepted are {accepted:?}, in this order")]
    Enrolment {
        /// Of the enrolment.
        found: Vec<String>,
        /// Of the scenario.
        accepted: Vec<String>,
    },
}

/// How a follower stands to the run.
#[derive(Clone, Debug, PartialEq)]
enum Standing {
    Unheard,
    Member,
    Refused(String),
    Left,
}

/// A message that counted in the open stage.
#[derive(Clone, Debug)]
struct Counted {
    bytes: Arc<[u8]>,
}

/// A run.
#[derive(Clone, Debug)]
pub struct Course {
    begin: Begin,
    inst: String,
    terms: Terms,
    mechanism: Mechanism,
    stage: Stage,
    standing: Vec<Standing>,
    absent: Vec<usize>,
    counted: Vec<Option<Counted>>,
    /// Whether each follower's answer counted, round by round, final values last.
    answered: Vec<Vec<bool>>,
    /// Up to which round late messages and contradictions of each follower are on record.
    noted: Vec<[Option<u64>; 2]>,
    /// Whether the archive has what is said in this stage.
    said: bool,
    incidents: Vec<Incident>,
}

impl Course {
    /// A run before anybody has acknowledged.
    ///
    /// # Errors
    /// What is announced is refused, or does not go with the enrolment.
    pub fn new(begin: Begin) -> Result<Self, CourseError> {
        let (announced, terms) = announce::read(&begin.announce)?;
        let mechanism = Mechanism::new(announced);
        let n = mechanism.side().followers();
        let accepted: Vec<String> = (0..n).map(|i| mechanism.side().name(i).into_owned()).collect();
        let found: Vec<String> = begin.enrolment.followers.iter().map(|(name, _)| name.clone()).collect();
        if found != accepted {
            return Err(CourseError::Enrolment { found, accepted });
        }
        Ok(Self {
            inst: canonical::hash(canonical::text(&begin.announce).as_bytes()),
            begin,
            terms,
            mechanism,
            stage: Stage::Joining,
            standing: vec![Standing::Unheard; n],
            absent: Vec::new(),
            counted: vec![None; n],
            answered: vec![Vec::new(); n],
            noted: vec![[None; 2]; n],
            said: false,
            incidents: Vec::new(),
        })
    }

    /// How it began.
    pub fn begun(&self) -> &Begin {
        &self.begin
    }

    /// SHA-256 of the canonical body of ANNOUNCE.
    pub fn inst(&self) -> &str {
        &self.inst
    }

    /// Times and sums.
    pub fn terms(&self) -> Terms {
        self.terms
    }

    /// The leader's side of the mechanism.
    pub fn mechanism(&self) -> &Mechanism {
        &self.mechanism
    }

    fn side(&self) -> &dyn LeaderSide {
        self.mechanism.side()
    }

    /// A follower's name.
    pub fn name(&self, follower: usize) -> String {
        self.side().name(follower).into_owned()
    }

    /// Where the run is.
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// The open round; 0 outside of rounds.
    pub fn k(&self) -> u64 {
        if self.stage == Stage::Rounds { self.side().k() } else { 0 }
    }

    /// Who did not take part from the beginning (ascending).
    pub fn absent(&self) -> &[usize] {
        &self.absent
    }

    /// What went wrong on the wire.
    pub fn incidents(&self) -> &[Incident] {
        &self.incidents
    }

    /// Number of followers.
    pub fn followers(&self) -> usize {
        self.standing.len()
    }

    /// How long a message of a follower can be, bytes: what is longer need not be read.
    pub fn longest_report(&self) -> usize {
        self.side().longest_report()
    }

    /// How long the open stage waits for answers; none: as long as it takes. `join`: how long for acknowledgements.
    pub fn limit(&self, join: Duration) -> Option<Duration> {
        match self.stage {
            Stage::Joining => Some(join),
            Stage::Taxes | Stage::Over => Some(Duration::from_millis(self.terms.value_ms)),
            _ => self.side().limit(self.terms),
        }
    }

    /// How often those who are silent are asked again.
    pub fn pause(&self, join: Duration) -> Duration {
        match self.stage {
            Stage::Joining => join / 3,
            Stage::Taxes | Stage::Over => Duration::from_millis(self.terms.value_ms) / 3,
            _ => self.side().pause(self.terms),
        }
    }

    /// Whether a follower is asked something now that she is expected to answer.
    fn asked(&self, i: usize) -> bool {
        match self.stage {
            Stage::Joining => true,
            Stage::Rounds | Stage::Values => !self.side().dropped(i),
            Stage::Taxes => !self.absent.contains(&i),
            Stage::Observing | Stage::Over => false,
        }
    }

    /// Who was asked and has not answered (ascending).
    pub fn silent(&self) -> Vec<usize> {
        let answered = |i: usize| match self.stage {
            Stage::Joining => self.standing[i] == Standing::Member,
            _ => self.counted[i].is_some(),
        };
        (0..self.followers()).filter(|&i| self.asked(i) && !answered(i)).collect()
    }

    /// For whom the stage waits: who is silent, has not left, and (for receipts) was not dropped.
    pub fn awaited(&self) -> Vec<usize> {
        let waits = |i: &usize| match self.standing[*i] {
            Standing::Left | Standing::Refused(_) => false,
            _ => self.stage != Stage::Taxes || !self.side().dropped(*i),
        };
        self.silent().into_iter().filter(waits).collect()
    }

    /// What is to be said to a follower now, if anything.
    pub fn says(&self, i: usize) -> Option<Message> {
        if self.stage == Stage::Joining {
            return Some(self.announcement(i));
        }
        if self.absent.contains(&i) {
            return None;
        }
        let Letter { kind, k, seq, body } = self.side().letter(i)?;
        Some(self.message(Party::Follower(i), kind, (k, seq), body))
    }

    /// ANNOUNCE, which opens every connection.
    pub fn announcement(&self, i: usize) -> Message {
        self.message(Party::Follower(i), Kind::Announce, (0, 1), self.begin.announce.clone())
    }

    /// ABORT, to everybody.
    pub fn abort(&self, i: usize, reason: &str) -> Message {
        self.message(Party::Follower(i), Kind::Abort, (0, 0), json!({ "reason": reason }))
    }

    fn message(&self, to: Party, kind: Kind, (k, seq): (u64, u64), body: Value) -> Message {
        let (run, inst) = (self.begin.run.clone(), self.inst.clone());
        Message { run, inst, kind, from: Party::Leader, to, k, seq, body }
    }

    /// What the leader still has to sign for the archive in this stage: the whole announcement, decision, or taxes.
    pub fn to_archive(&self) -> Option<Message> {
        if self.said { None } else { self.archived() }
    }

    fn archived(&self) -> Option<Message> {
        let (kind, body) = match self.stage {
            Stage::Joining => (Kind::Announce, self.begin.announce.clone()),
            Stage::Over => return None,
            _ => self.side().archived(&self.absent)?,
        };
        Some(self.message(Party::Leader, kind, (0, 0), body))
    }

    /// What an authentic message is worth now. Signatures were checked when it was opened.
    pub fn judge(&self, sealed: &Sealed) -> Verdict {
        let message = &sealed.message;
        let Party::Follower(i) = message.from else { return Verdict::Ignored("it is the leader's own") };
        if i >= self.followers() || message.to != Party::Leader {
            return Verdict::Ignored("it is for somebody else");
        }
        if message.run != self.begin.run || message.inst != self.inst {
            return Verdict::Ignored("it is for another run");
        }
        let stage = match message.kind {
            Kind::Ack | Kind::Refuse => Stage::Joining,
            Kind::Receipt => Stage::Taxes,
            Kind::Abort if self.standing[i] == Standing::Left => return Verdict::Repeat,
            Kind::Abort => return Verdict::Counts,
            kind => match self.side().stage_of(kind) {
                Some(stage) => stage,
                None => return Verdict::Ignored("followers do not say that here"),
            },
        };
        // Before the bytes are compared: who moves there and back again sends the same ones.
        if message.kind == Kind::Ack && self.standing[i] == Standing::Member && self.acknowledges(message, i)
        {
            let elsewhere = self.side().elsewhere(i, &message.body);
            return if elsewhere { Verdict::Moved } else { Verdict::Repeat };
        }
        if self.counted[i].as_ref().is_some_and(|c| c.bytes == sealed.bytes) {
            return Verdict::Repeat;
        }
        let (now, then) = ((self.stage as u8, self.k()), (stage as u8, message.k));
        if then > now {
            return Verdict::Ignored("it is for a time that has not come");
        }
        if then < now {
            // Acknowledgements come again with every connection, receipts with every tax, and networks repeat old answers.
            let answer = matches!(message.kind, Kind::Report | Kind::Value);
            return if answer && self.missed(i, message.k) { Verdict::Late } else { Verdict::Repeat };
        }
        match (&self.counted[i], self.asked(i)) {
            (_, false) => Verdict::Ignored("she is not asked"),
            (Some(_), true) => Verdict::Equivocation,
            (None, true) if !self.acknowledges(message, i) => {
                Verdict::Ignored("it acknowledges something else")
            }
            (None, true) => Verdict::Counts,
        }
    }

    /// Whether somebody refused to take part.
    pub fn refused(&self) -> bool {
        self.standing.iter().any(|standing| matches!(standing, Standing::Refused(_)))
    }

    /// Whether a follower's answer of a round that is over is missing; round 0 is that of final values, which come last.
    fn missed(&self, follower: usize, k: u64) -> bool {
        let Some(answered) = self.answered.get(follower) else { return false };
        let place = if k == 0 { answered.len() } else { k as usize };
        place.checked_sub(1).is_some_and(|place| answered.get(place) == Some(&false))
    }

    /// Whether an acknowledgement or a receipt is for what was said (all else is).
    fn acknowledges(&self, message: &Message, i: usize) -> bool {
        let hash = |key: &str| message.body.get(key).and_then(Value::as_str);
        match message.kind {
            Kind::Ack => {
                hash("announce_hash") == Some(&self.inst)
                    && message.body.get("accept").and_then(Value::as_bool) == Some(true)
                    && self.side().joins(&message.body)
            }
            Kind::Receipt => {
                let tax = self.side().letter(i);
                let tax = tax.map(|letter| canonical::hash(canonical::text(&letter.body).as_bytes()));
                tax.as_deref() == hash("tax_hash")
            }
            _ => true,
        }
    }

    /// What goes on record about a message with this verdict: nothing of repeats, and of what does not count once for each
    /// follower and round, so that nobody can fill the disk.
    pub fn record(&self, verdict: Verdict, sealed: Sealed) -> Option<Record> {
        let Party::Follower(follower) = sealed.message.from else { return None };
        let k = sealed.message.k;
        let fresh = |which: usize| self.noted[follower][which].is_none_or(|noted| order(k) > order(noted));
        match verdict {
            Verdict::Counts => Some(Record::Message(sealed)),
            Verdict::Late if fresh(0) => Some(Record::Late { follower, k }),
            Verdict::Equivocation if fresh(1) => Some(Record::Equivocation(sealed)),
            _ => None,
        }
    }

    /// The record that closes the open stage.
    pub fn closing(&self) -> Record {
        Record::Closed { stage: self.stage.word().into(), silent: self.silent() }
    }

    /// Goes on by one record.
    ///
    /// # Errors
    /// It does not follow from those before, or the leader's state machine cannot go on.
    pub fn apply(&mut self, record: &Record) -> Result<(), CourseError> {
        let unfounded = |what| Err(CourseError::Unfounded(what));
        match record {
            Record::Begin(_) => return unfounded("a second beginning"),
            Record::Message(sealed) if self.judge(sealed) != Verdict::Counts => {
                return unfounded("a message that does not count");
            }
            Record::Message(sealed) => self.count(sealed),
            Record::Closed { stage, silent } => {
                if stage != self.stage.word() || *silent != self.silent() {
                    return unfounded("a stage that closes otherwise");
                }
                return self.close(silent);
            }
            Record::Said(sealed) => {
                // As texts: a number is the same however it is held.
                let text = |m: &Message| canonical::text(&m.body);
                let heads = |m: &Message| Message { body: Value::Null, ..m.clone() };
                let same =
                    |m: Message| heads(&m) == heads(&sealed.message) && text(&m) == text(&sealed.message);
                if self.said || !self.archived().is_some_and(same) {
                    return unfounded("a decision or tax that differs from what follows");
                }
                self.said = true;
            }
            Record::Observed { positions } if self.stage == Stage::Observing => {
                return self.mechanism.side_mut().observe(positions);
            }
            Record::Observed { .. } => return unfounded("positions that nobody waits for"),
            Record::Late { follower, k } if !self.missed(*follower, *k) => {
                return unfounded("an answer that is late and was not missing");
            }
            Record::Late { follower, k } => {
                let Some(noted) = self.noted.get_mut(*follower) else {
                    return unfounded("a follower who is none");
                };
                noted[0] = Some(*k);
                self.incidents.push(Incident::Late { follower: *follower, k: *k });
            }
            Record::Equivocation(sealed) if self.judge(sealed) != Verdict::Equivocation => {
                return unfounded("a contradiction that is none");
            }
            Record::Equivocation(sealed) => {
                let Party::Follower(follower) = sealed.message.from else {
                    return unfounded("a follower who is none");
                };
                self.noted[follower][1] = Some(sealed.message.k);
                self.incidents.push(Incident::Equivocation { follower, k: sealed.message.k });
            }
        }
        Ok(())
    }

    fn count(&mut self, sealed: &Sealed) {
        let Party::Follower(i) = sealed.message.from else { return };
        let body = &sealed.message.body;
        match sealed.message.kind {
            Kind::Abort => {
                self.standing[i] = Standing::Left;
                self.incidents.push(Incident::Left { follower: i, why: brief(body.get("reason")) });
                return;
            }
            Kind::Ack => {
                self.standing[i] = Standing::Member;
                self.mechanism.side_mut().moves(i, body);
            }
            Kind::Refuse => {
                let part = |key| brief(body.get(key));
                let why = format!(
                    "{}, {}: found {}, accepted is {}",
                    part("code"),
                    part("field"),
                    part("found"),
                    part("accepted")
                );
                self.standing[i] = Standing::Refused(why);
            }
            Kind::Receipt => {}
            _ => self.mechanism.side_mut().take(i, body),
        }
        self.counted[i] = Some(Counted { bytes: sealed.bytes.clone() });
    }

    fn close(&mut self, silent: &[usize]) -> Result<(), CourseError> {
        self.said = false;
        for (counted, answered) in self.counted.iter_mut().zip(&mut self.answered) {
            if matches!(self.stage, Stage::Rounds | Stage::Values) {
                answered.push(counted.is_some());
            }
            *counted = None;
        }
        match self.stage {
            Stage::Joining => {
                self.absent = silent.to_vec();
                for &follower in silent {
                    let why = self.refusal(follower);
                    self.incidents.push(Incident::Absent { follower, why });
                }
                self.mechanism.side_mut().start(silent)?;
            }
            Stage::Rounds | Stage::Values | Stage::Observing => self.mechanism.side_mut().close()?,
            Stage::Taxes => {
                self.incidents.extend(silent.iter().map(|&follower| Incident::NoReceipt { follower }));
                self.stage = Stage::Over;
                return Ok(());
            }
            Stage::Over => return Err(CourseError::Unfounded("a stage after the last")),
        }
        self.stage = self.side().stage();
        Ok(())
    }

    fn refusal(&self, follower: usize) -> Option<String> {
        match &self.standing[follower] {
            Standing::Refused(why) => Some(why.clone()),
            _ => None,
        }
    }

    /// Whether the run waits for positions that nobody has seen so far.
    pub fn blind(&self) -> bool {
        self.stage == Stage::Observing && self.side().blind()
    }

    /// Whether the open stage may be closed now: some mechanisms begin with everybody or not at all, or tax only what was
    /// seen.
    ///
    /// # Errors
    /// Who is missing, and what she said; or that nobody has looked.
    pub fn may_close(&self) -> Result<(), CourseError> {
        if self.blind() {
            return Err(CourseError::Unfounded("taxes before anybody has seen where the followers stand"));
        }
        let missing = self.silent();
        if self.stage != Stage::Joining || missing.is_empty() || !self.side().needs_all() {
            return Ok(());
        }
        let who = missing.iter().map(|&i| match self.refusal(i) {
            Some(why) => format!("{}, who refuses ({why})", self.name(i)),
            None => format!("{}, who did not join in time", self.name(i)),
        });
        Err(CourseError::Incomplete(who.collect::<Vec<_>>().join("; ")))
    }

    /// Takes the new address of somebody who has moved; who has to hear of it.
    pub fn moves(&mut self, sealed: &Sealed) -> Vec<usize> {
        let Party::Follower(i) = sealed.message.from else { return Vec::new() };
        self.mechanism.side_mut().moves(i, &sealed.message.body);
        self.side().concerned(i)
    }
}

/// Messages outside of rounds that can be late or contradict come after all rounds.
fn order(k: u64) -> u64 {
    if k == 0 { u64::MAX } else { k }
}

/// What a stranger says, short and without anything that could upset a terminal.
fn brief(value: Option<&Value>) -> String {
    let text = match value {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    text.chars().take(200).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
