//! The leader's desk: a course, its record on disk, and the letters of the open stage, signed.

use std::path::Path;
use std::sync::Arc;

use vickrey::faithful::dual::rules::Plan;

use crate::announce::{self, NotAnnounceable, Terms};
use crate::canonical;
use crate::course::{Course, CourseError, Verdict};
use crate::keys::{Enrolment, Key, KeyError};
use crate::log::{self, Contents, Log, LogError};
use crate::message::{LONGEST_RUN, Message, Sealed};
use crate::record::{BadRecord, Begin, Record};

/// What a run is to be.
#[derive(Clone, Debug)]
pub struct Intent {
    /// The plan.
    pub plan: Arc<Plan>,
    /// Times and sums.
    pub terms: Terms,
    /// Whether followers without limits on their decisions are accepted.
    pub unlimited: bool,
    /// The run's name; `None`: a new one at random, or the record's.
    pub run: Option<String>,
    /// The leader's key.
    pub key: Key,
    /// Who takes part.
    pub enrolment: Enrolment,
}

/// Why a desk cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// The plan is not for live runs.
    #[error(transparent)]
    Intent(#[from] NotAnnounceable),
    /// The record cannot be written or read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The run cannot go on.
    #[error(transparent)]
    Course(#[from] CourseError),
    /// The record is of another run.
    #[error(
        "{path}: found the record of another run ({field} differs), accepted is one of this scenario, or no file"
    )]
    OtherRun {
        /// The file.
        path: String,
        /// What differs.
        field: &'static str,
    },
    /// The record does not play.
    #[error("{path}, byte {offset}: {why}")]
    Record {
        /// The file.
        path: String,
        /// Where.
        offset: u64,
        /// Why.
        why: String,
    },
    /// The key is not the enrolled one.
    #[error("key: found {found}, accepted is the leader's of the enrolment, {accepted}")]
    Key {
        /// The public half of the key.
        found: String,
        /// The enrolled one.
        accepted: String,
    },
    /// The run's name is none.
    #[error(
        "run: found {0:?}, accepted are 1 to {LONGEST_RUN} letters, digits, dots, dashes and underscores"
    )]
    Name(String),
    /// No random numbers for a name.
    #[error(transparent)]
    Random(#[from] KeyError),
}

/// A run with its record.
#[derive(Debug)]
pub struct Desk {
    course: Course,
    log: Log,
    key: Key,
    letters: Vec<Option<Arc<[u8]>>>,
}

/// What was found on the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Records of a run that is taken up again; 0: a new run.
    pub records: usize,
    /// Where a record that was never finished was cut off.
    pub torn: Option<u64>,
}

impl Desk {
    /// Begins a run, or takes it up where its record ends.
    ///
    /// # Errors
    /// The plan is not for live runs, or the record cannot be used, is of another run, or does not play.
    pub fn open(intent: Intent, path: &Path) -> Result<(Self, Found), DeskError> {
        let announce = announce::write(&intent.plan, &intent.terms, intent.unlimited)?;
        let (found, accepted) = (intent.key.public(), intent.enrolment.leader);
        if found != accepted {
            return Err(DeskError::Key { found: found.to_string(), accepted: accepted.to_string() });
        }
        if let Some(run) = intent.run.as_ref().filter(|run| !is_name(run)) {
            return Err(DeskError::Name(run.clone()));
        }
        let begin = Begin { run: String::new(), announce, enrolment: intent.enrolment };
        // Before a file is made.
        Course::new(begin.clone())?;
        let (mut log, contents) = Log::open(path)?;
        let found = Found { records: contents.records.len(), torn: contents.torn };
        let course = if contents.records.is_empty() {
            let run = intent.run.map_or_else(random_name, Ok)?;
            let begin = Begin { run, ..begin };
            log.append(&Record::Begin(begin.clone()).value())?;
            Course::new(begin)?
        } else {
            let course = play(&contents, path)?;
            same(&course, &begin, intent.run.as_deref(), path)?;
            course
        };
        let letters = vec![None; course.followers()];
        let mut desk = Self { course, log, key: intent.key, letters };
        desk.archive()?;
        Ok((desk, found))
    }

    /// The course.
    pub fn course(&self) -> &Course {
        &self.course
    }

    /// The signed letter that a follower is to answer now.
    pub fn letter(&mut self, i: usize) -> Option<Arc<[u8]>> {
        if self.letters.get(i)?.is_none() {
            self.letters[i] = self.course.says(i).map(|message| self.seal(message));
        }
        self.letters[i].clone()
    }

    /// Signs something outside of stages.
    pub fn seal(&self, message: Message) -> Arc<[u8]> {
        message.seal(&self.key).bytes
    }

    /// Takes a message whose signature was checked.
    ///
    /// # Errors
    /// The record cannot be written.
    pub fn take(&mut self, sealed: Sealed) -> Result<Verdict, DeskError> {
        let verdict = self.course.judge(&sealed);
        if let Some(record) = self.course.record(verdict, sealed) {
            self.log.append(&record.value())?;
            self.course.apply(&record)?;
        }
        Ok(verdict)
    }

    /// Closes the open stage with what has arrived: on the disk first, then in the course.
    ///
    /// # Errors
    /// The record cannot be written, or the leader's state machine cannot go on.
    pub fn close(&mut self) -> Result<(), DeskError> {
        let record = self.course.closing();
        self.log.append(&record.value())?;
        self.log.sync()?;
        self.letters.iter_mut().for_each(|letter| *letter = None);
        self.course.apply(&record)?;
        self.archive()
    }

    /// What is said in the end is on the disk, signed, before anybody hears it.
    fn archive(&mut self) -> Result<(), DeskError> {
        if let Some(message) = self.course.to_archive() {
            let record = Record::Said(message.seal(&self.key));
            self.log.append(&record.value())?;
            self.log.sync()?;
            self.course.apply(&record)?;
        }
        Ok(())
    }
}

fn is_name(run: &str) -> bool {
    let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    (1..=LONGEST_RUN).contains(&run.len()) && run.bytes().all(good)
}

fn random_name() -> Result<String, KeyError> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|e| KeyError::Random(e.to_string()))?;
    Ok(canonical::hex(&bytes))
}

/// Plays a record from its beginning.
fn play(contents: &Contents, path: &Path) -> Result<Course, DeskError> {
    let wrong =
        |offset: u64, why: String| DeskError::Record { path: path.display().to_string(), offset, why };
    let mut records = contents.records.iter();
    let mut course = match records.next().map(|(at, value)| (at, Record::read(value, None))) {
        Some((_, Ok(Record::Begin(begin)))) => Course::new(begin)?,
        Some((at, Err(BadRecord::Announce(why)))) => return Err(wrong(*at, why.to_string())),
        first => return Err(wrong(first.map_or(0, |(at, _)| *at), "found no beginning of a run".into())),
    };
    for (at, value) in records {
        let record = Record::read(value, Some(&course.begun().enrolment));
        let record = record.map_err(|e| wrong(*at, e.to_string()))?;
        course.apply(&record).map_err(|e| match e {
            CourseError::Unfounded(_) => wrong(*at, e.to_string()),
            other => DeskError::Course(other),
        })?;
    }
    Ok(course)
}

fn same(course: &Course, begin: &Begin, run: Option<&str>, path: &Path) -> Result<(), DeskError> {
    let theirs = course.begun();
    let field = if canonical::text(&theirs.announce) != canonical::text(&begin.announce) {
        "what is announced"
    } else if theirs.enrolment != begin.enrolment {
        "the enrolment"
    } else if run.is_some_and(|run| run != theirs.run) {
        "the name of the run"
    } else {
        return Ok(());
    };
    Err(DeskError::OtherRun { path: path.display().to_string(), field })
}

/// Plays the record of a run, checking every signature and every decision and tax in it against what follows from the
/// messages by the rules. Needs no secret key.
///
/// # Errors
/// The record cannot be read, was changed, or does not play.
pub fn replay(path: &Path) -> Result<Course, DeskError> {
    play(&log::read(path)?, path)
}
