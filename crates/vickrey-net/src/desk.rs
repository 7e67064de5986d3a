//! The leader's desk: a course, its record on disk, and the letters of the open stage, signed.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use vickrey::faithful::consensus::{Rules, Watch};
use vickrey::faithful::dual::rules::Plan;

use crate::announce::{NotAnnounceable, Terms};
use crate::canonical;
use crate::consensus::sensor::{NotYet, Sensor};
use crate::course::{Course, CourseError, Verdict};
use crate::keys::{Enrolment, Key, KeyError};
use crate::line::Badge;
use crate::log::{self, Contents, Log, LogError};
use crate::message::{LONGEST_RUN, Message, Sealed};
use crate::record::{BadRecord, Begin, Record};
use crate::{consensus, dual};

/// What is to be played.
#[derive(Clone, Debug)]
pub enum What {
    /// Dual decomposition.
    Dual {
        /// The plan.
        plan: Arc<Plan>,
        /// Whether followers without limits on their decisions are accepted.
        unlimited: bool,
    },
    /// Average consensus.
    Consensus {
        /// The rules.
        rules: Arc<Rules>,
        /// Where a sensor writes final positions; none: they are reported, and so say the rules.
        observe: Option<PathBuf>,
    },
}

impl What {
    fn announced(&self, terms: &Terms) -> Result<serde_json::Value, NotAnnounceable> {
        match self {
            Self::Dual { plan, unlimited } => dual::announce::write(plan, terms, *unlimited),
            Self::Consensus { rules, observe } => {
                let (found, accepted) = match (rules.watch(), observe) {
                    (Watch::Observed, None) => {
                        ("observed positions", "reported ones, or a file in which a sensor writes")
                    }
                    (Watch::Reported, Some(_)) => {
                        ("reported positions", "observed ones, as a sensor writes them")
                    }
                    _ => return consensus::announce::write(rules, terms),
                };
                Err(NotAnnounceable::NoSensor { found, accepted })
            }
        }
    }

    fn sensor(&self) -> Option<Sensor> {
        let Self::Consensus { rules, observe: Some(path) } = self else { return None };
        let names = (0..rules.len()).map(|i| rules.instance().name(i).into_owned());
        Some(Sensor::new(path.clone(), names.collect()))
    }
}

/// What a run is to be.
#[derive(Clone, Debug)]
pub struct Intent {
    /// What is played.
    pub what: What,
    /// Times and sums.
    pub terms: Terms,
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
    /// There are positions before there is a run.
    #[error(
        "{0}: found a file before the run has begun, accepted is none: positions of another run would be taken for this one's"
    )]
    OldPositions(String),
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
    sensor: Option<Sensor>,
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
        let announce = intent.what.announced(&intent.terms)?;
        let sensor = intent.what.sensor();
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
            if let Some(old) = sensor.as_ref().filter(|sensor| sensor.path().exists()) {
                return Err(DeskError::OldPositions(old.path().display().to_string()));
            }
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
        let mut desk = Self { course, log, key: intent.key, letters, sensor };
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

    /// The leader's side of lines to the followers.
    ///
    /// # Errors
    /// See [`Badge::new`].
    pub fn badge(&self) -> io::Result<Badge> {
        let followers = &self.course.begun().enrolment.followers;
        Badge::new(&self.key, &followers.iter().map(|(_, key)| *key).collect::<Vec<_>>())
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

    /// Takes that somebody is reached elsewhere now; who has to hear of it.
    pub fn moves(&mut self, sealed: &Sealed) -> Vec<usize> {
        let concerned = self.course.moves(sealed);
        for &i in &concerned {
            self.letters[i] = None;
        }
        concerned
    }

    /// Looks whether a sensor has written where everybody stands, if that is what the run waits for: positions are on the
    /// disk before anything rests on them. Whether the run need not wait.
    ///
    /// # Errors
    /// The record cannot be written.
    pub fn look(&mut self) -> Result<Result<bool, NotYet>, DeskError> {
        if !self.course.blind() {
            return Ok(Ok(true));
        }
        // A record in which positions are observed is only led with a sensor.
        let Some(sensor) = &mut self.sensor else { return Ok(Ok(false)) };
        let positions = match sensor.look() {
            Ok(Some(positions)) => positions,
            Ok(None) => return Ok(Ok(false)),
            Err(not_yet) => return Ok(Err(not_yet)),
        };
        self.observe(positions)?;
        Ok(Ok(true))
    }

    /// Takes where everybody stands, as it was seen.
    ///
    /// # Errors
    /// Nobody waits for it, or the record cannot be written.
    pub fn observe(&mut self, positions: Vec<f64>) -> Result<(), DeskError> {
        let record = Record::Observed { positions };
        // Played before it is written: what does not go with the course is not in the record.
        self.course.apply(&record)?;
        Ok(self.log.append(&record.value())?)
    }

    /// Closes the open stage with what has arrived: on the disk first, then in the course.
    ///
    /// # Errors
    /// Somebody is missing without whom there is no run (the stage stays open), the record cannot be written, or the
    /// leader's state machine cannot go on.
    pub fn close(&mut self) -> Result<(), DeskError> {
        self.course.may_close()?;
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
