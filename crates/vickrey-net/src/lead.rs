//! The leader's side of the wire: connections, clocks, resends. What counts is decided at the [`Desk`].
//!
//! Every connection has a thread that reads and one that writes, so that a slow or hostile one holds up nobody else; each
//! has at most one message that was not taken yet, and a connection that does not take its letters is closed.

use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::thread::{self, Scope};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::course::{Course, CourseError, Stage, Verdict};
use crate::desk::{Desk, DeskError};
use crate::frame::{self, FrameError};
use crate::keys::Enrolment;
use crate::line::{Badge, Line};
use crate::message::{Kind, Message, Party, Sealed};

/// How often threads look up from waiting, to see whether the run is over.
const TICK: Duration = Duration::from_millis(50);
/// A stranger has so long to say who she is.
const INTRODUCTION: Duration = Duration::from_secs(5);
/// Longest HELLO, bytes.
const LONGEST_HELLO: usize = 4096;
/// A letter that a connection does not take within this time ends it.
const PATIENCE: Duration = Duration::from_secs(10);
/// Letters that wait for one connection.
const OUTBOX: usize = 4;
/// Between two looks at what a sensor writes: what is being written has changed by then.
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);
/// Followers who have lost their leader dial again at least once in this time.
const REDIAL: Duration = Duration::from_secs(3);
/// Lines with one follower at a time.
const LINES: usize = 4;
/// A follower who is found elsewhere more often is not told of at once.
const LEAST_MOVE: Duration = Duration::from_secs(1);
/// Connections of strangers at a time, beside those of followers.
const STRANGERS: usize = 64;

/// Something that the person who runs the leader may want to see.
#[derive(Clone, Debug)]
pub enum Notice {
    /// A stage or round is open.
    Opened,
    /// A message of a follower arrived.
    Heard {
        /// Whose.
        follower: usize,
        /// What it is worth.
        verdict: Verdict,
    },
    /// Letters were sent again to those who are silent.
    Resent,
    /// What a sensor has written cannot be used so far.
    Unseen(String),
    /// The stage is about to be closed; who is silent now stays so.
    Closing,
}

/// Why a run ended early.
#[derive(Debug, thiserror::Error)]
pub enum LeadError {
    /// The desk's.
    #[error(transparent)]
    Desk(#[from] DeskError),
    /// The port.
    #[error("cannot take connections: {0}")]
    Port(#[from] std::io::Error),
    /// Told to stop; the record allows to go on.
    #[error("stopped; the same command takes the run up again from its record")]
    Stopped,
}

/// What connection threads send to the desk.
enum Incoming {
    Hello { follower: usize, run: Option<String>, door: Door },
    Message(Sealed),
}

/// A follower's line; a new one takes the place of the one before.
struct Door {
    outbox: SyncSender<Arc<[u8]>>,
    line: Arc<Line>,
}

impl Drop for Door {
    fn drop(&mut self) {
        // What is queued is still written; the writer closes the other direction.
        self.line.stop_reading();
    }
}

/// What connection threads share.
struct Hall {
    enrolment: Enrolment,
    badge: Badge,
    longest: usize,
    over: AtomicBool,
    strangers: AtomicUsize,
    /// Lines with each follower.
    guests: Vec<AtomicUsize>,
}

/// Leads a run to its end, or takes it up again. Followers have `join` to acknowledge; who has not by then takes no part.
///
/// # Errors
/// The record cannot be written, the run cannot go on (everybody is told), the port fails, or `stop` was set.
pub fn lead(
    desk: &mut Desk,
    listener: &TcpListener,
    join: Duration,
    watch: &mut dyn FnMut(&Course, Notice),
    stop: &AtomicBool,
) -> Result<(), LeadError> {
    listener.set_nonblocking(true)?;
    let hall = Hall {
        enrolment: desk.course().begun().enrolment.clone(),
        badge: desk.badge()?,
        longest: desk.course().longest_report(),
        over: AtomicBool::new(false),
        strangers: AtomicUsize::new(0),
        guests: (0..desk.course().followers()).map(|_| AtomicUsize::new(0)).collect(),
    };
    // No room in between: every connection has one message in hand at most.
    let (inbox, incoming) = mpsc::sync_channel(0);
    thread::scope(|scope| {
        let hall = &hall;
        spawn(scope, move || receive_guests(scope, listener, hall, &inbox))?;
        let n = desk.course().followers();
        let doors = (0..n).map(|_| None).collect();
        let (announced, moved) = (vec![None; n], vec![None; n]);
        let redial = if desk.course().stage() == Stage::Joining { Duration::ZERO } else { REDIAL };
        let mut chair =
            Chair { desk, doors, announced, moved, redial, looked: None, incoming, join, watch, stop };
        let ended = chair.run();
        // What the record cannot take, or who is late, ends this leader and not the run: it can be taken up again.
        if let Err(LeadError::Desk(DeskError::Course(error))) = &ended
            && (!matches!(error, CourseError::Incomplete(_)) || chair.desk.course().refused())
        {
            chair.abort(&error.to_string());
        }
        hall.over.store(true, Ordering::Relaxed);
        ended
    })
}

fn receive_guests<'s>(
    scope: &'s Scope<'s, '_>,
    listener: &TcpListener,
    hall: &'s Hall,
    inbox: &SyncSender<Incoming>,
) {
    while !hall.over.load(Ordering::Relaxed) {
        let Ok((stream, _)) = listener.accept() else {
            // Nobody there, or an error that only concerns one caller.
            thread::sleep(Duration::from_millis(5));
            continue;
        };
        if hall.strangers.fetch_add(1, Ordering::Relaxed) >= STRANGERS {
            hall.strangers.fetch_sub(1, Ordering::Relaxed);
            continue;
        }
        let inbox = inbox.clone();
        if spawn(scope, move || attend(scope, stream, hall, &inbox)).is_err() {
            hall.strangers.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// A thread, if the system has one left. Without it a connection is as good as broken.
fn spawn<'s>(scope: &'s Scope<'s, '_>, work: impl FnOnce() + Send + 's) -> std::io::Result<()> {
    thread::Builder::new().spawn_scoped(scope, work).map(drop)
}

/// One connection from its beginning to its end.
fn attend<'s>(scope: &'s Scope<'s, '_>, stream: TcpStream, hall: &'s Hall, inbox: &SyncSender<Incoming>) {
    let introduced = introduce(stream, hall);
    hall.strangers.fetch_sub(1, Ordering::Relaxed);
    let Some((line, follower, run)) = introduced else { return };
    // She has one line in use and may have others that are not known to be broken yet.
    if hall.guests[follower].fetch_add(1, Ordering::Relaxed) < LINES {
        serve(scope, &line, (follower, run), hall, inbox);
    }
    hall.guests[follower].fetch_sub(1, Ordering::Relaxed);
}

fn serve<'s>(
    scope: &'s Scope<'s, '_>,
    line: &Arc<Line>,
    (follower, run): (usize, Option<String>),
    hall: &'s Hall,
    inbox: &SyncSender<Incoming>,
) {
    let (outbox, letters) = mpsc::sync_channel(OUTBOX);
    let writing = line.clone();
    if spawn(scope, move || write_letters(&writing, &letters)).is_err() {
        return;
    }
    let door = Door { outbox, line: line.clone() };
    if inbox.send(Incoming::Hello { follower, run, door }).is_err() {
        return;
    }
    let key_of = |party: Party| hall.enrolment.key(party).copied();
    let mut wait = || !hall.over.load(Ordering::Relaxed);
    loop {
        let sealed = match frame::read(&mut &**line, hall.longest, &mut wait) {
            Ok(bytes) => Sealed::open(&bytes, &key_of).ok(),
            // What is still to be written to her is; the writer ends the line.
            Err(FrameError::Closed) => return,
            Err(_) => None,
        };
        // After a frame that is broken the next one cannot be trusted to begin where it seems to: she dials again.
        let Some(sealed) = sealed.filter(|s| s.message.from == Party::Follower(follower)) else { break };
        if inbox.send(Incoming::Message(sealed)).is_err() {
            break;
        }
    }
    line.cut();
}

/// Makes a line and reads HELLO: who it is and which run she thinks this is.
fn introduce(stream: TcpStream, hall: &Hall) -> Option<(Arc<Line>, usize, Option<String>)> {
    stream.set_nonblocking(false).ok()?;
    stream.set_nodelay(true).ok()?;
    stream.set_read_timeout(Some(TICK)).ok()?;
    stream.set_write_timeout(Some(PATIENCE)).ok()?;
    let until = Instant::now() + INTRODUCTION;
    let mut wait = || !hall.over.load(Ordering::Relaxed) && Instant::now() < until;
    let line = Line::answer(stream, &hall.badge, &mut wait).ok()?;
    let bytes = frame::read(&mut &line, LONGEST_HELLO, &mut wait).ok()?;
    let message = Sealed::open(&bytes, &|party| hall.enrolment.key(party).copied()).ok()?.message;
    let Party::Follower(follower) = message.from else { return None };
    let same = message.body.get("follower").and_then(Value::as_u64) == Some(follower as u64);
    let herself = hall.enrolment.key(message.from) == Some(&line.peer());
    if message.kind != Kind::Hello || message.to != Party::Leader || !same || !herself {
        return None;
    }
    Some((line.into(), follower, message.body.get("run").and_then(Value::as_str).map(String::from)))
}

fn write_letters(line: &Line, letters: &Receiver<Arc<[u8]>>) {
    for letter in letters {
        if frame::write(&mut &*line, &letter).is_err() {
            return line.cut();
        }
    }
    line.stop_writing();
}

/// The thread that does everything in order.
struct Chair<'a> {
    desk: &'a mut Desk,
    doors: Vec<Option<Door>>,
    /// ANNOUNCE for each follower, signed once.
    announced: Vec<Option<Arc<[u8]>>>,
    /// What the first stage of this leader lasts longer than others.
    redial: Duration,
    /// When it was last looked where everybody stands.
    looked: Option<Instant>,
    /// When each follower was last found elsewhere and her neighbours told so at once.
    moved: Vec<Option<Instant>>,
    incoming: Receiver<Incoming>,
    join: Duration,
    watch: &'a mut dyn FnMut(&Course, Notice),
    stop: &'a AtomicBool,
}

impl Chair<'_> {
    fn run(&mut self) -> Result<(), LeadError> {
        while self.desk.course().stage() != Stage::Over {
            self.hold_stage()?;
            (self.watch)(self.desk.course(), Notice::Closing);
            self.desk.close()?;
        }
        Ok(())
    }

    /// Sends what is to be said and takes what comes, until all have answered or time is up.
    fn hold_stage(&mut self) -> Result<(), LeadError> {
        // Without a limit the stage lasts until it has what it waits for.
        let limit = self.desk.course().limit(self.join).unwrap_or(Duration::MAX);
        // A leader who takes a run up again waits until followers can have dialled again: they did nothing wrong.
        let limit = limit.saturating_add(std::mem::take(&mut self.redial));
        let pause = self.desk.course().pause(self.join);
        (self.watch)(self.desk.course(), Notice::Opened);
        self.send_to_silent();
        // Signing many long letters takes its time, which is not the followers'.
        let opened = Instant::now();
        let mut again = pause;
        while self.waits()? {
            let elapsed = opened.elapsed();
            if elapsed >= limit {
                self.take_waiting()?;
                break;
            }
            if elapsed >= again {
                again = elapsed.max(again) + pause;
                (self.watch)(self.desk.course(), Notice::Resent);
                self.send_to_silent();
            }
            if self.stop.load(Ordering::Relaxed) {
                return Err(LeadError::Stopped);
            }
            match self.incoming.recv_timeout(again.min(limit).saturating_sub(elapsed).min(TICK)) {
                Ok(incoming) => self.take(incoming)?,
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
        }
        Ok(())
    }

    /// Whether there is something to wait for: answers, or a sensor's positions.
    fn waits(&mut self) -> Result<bool, LeadError> {
        if self.desk.course().blind() {
            if self.looked.is_some_and(|looked| looked.elapsed() < BETWEEN_LOOKS) {
                return Ok(true);
            }
            self.looked = Some(Instant::now());
        }
        match self.desk.look()? {
            Ok(seen) => Ok(!seen || !self.desk.course().awaited().is_empty()),
            Err(why) => {
                (self.watch)(self.desk.course(), Notice::Unseen(why.to_string()));
                Ok(true)
            }
        }
    }

    /// What was there before the limit and nobody had time for: at most one message of each connection.
    fn take_waiting(&mut self) -> Result<(), LeadError> {
        for _ in 0..LINES * self.doors.len() {
            let Ok(incoming) = self.incoming.try_recv() else { return Ok(()) };
            self.take(incoming)?;
        }
        Ok(())
    }

    fn take(&mut self, incoming: Incoming) -> Result<(), LeadError> {
        match incoming {
            Incoming::Hello { follower, run, door } => self.welcome(follower, run.as_deref(), door),
            Incoming::Message(sealed) => {
                let Party::Follower(follower) = sealed.message.from else { return Ok(()) };
                // Only acknowledgements say where somebody is reached; they are short.
                let acknowledged = (sealed.message.kind == Kind::Ack).then(|| sealed.clone());
                let verdict = self.desk.take(sealed)?;
                if let (Verdict::Moved, Some(sealed)) = (verdict, acknowledged) {
                    let concerned = self.desk.moves(&sealed);
                    // At once now and then; otherwise with the next letters to the silent.
                    let often = self.moved[follower].is_some_and(|moved| moved.elapsed() < LEAST_MOVE);
                    if self.desk.course().stage() != Stage::Joining && !often {
                        self.moved[follower] = Some(Instant::now());
                        concerned.into_iter().for_each(|other| self.send_current(other));
                    }
                }
                (self.watch)(self.desk.course(), Notice::Heard { follower, verdict });
            }
        }
        Ok(())
    }

    /// A new connection hears what is announced and what is asked now.
    fn welcome(&mut self, follower: usize, run: Option<&str>, door: Door) {
        let course = self.desk.course();
        let ours = &course.begun().run;
        let refused = if run.is_some_and(|run| run != ours) {
            Some(json!({ "code": "run", "field": "run", "found": run, "accepted": ours }))
        } else if course.absent().contains(&follower) {
            let accepted = "those who acknowledged in time";
            Some(json!({ "code": "absent", "field": "follower", "found": follower, "accepted": accepted }))
        } else {
            None
        };
        let announcement = course.announcement(follower);
        let stage = course.stage();
        self.doors[follower] = Some(door);
        if let Some(body) = refused {
            let letter = self.desk.seal(Message { kind: Kind::Refuse, seq: 0, body, ..announcement });
            self.send(follower, &letter);
            self.doors[follower] = None;
            return;
        }
        let desk = &self.desk;
        let letter = self.announced[follower].get_or_insert_with(|| desk.seal(announcement)).clone();
        self.send(follower, &letter);
        if stage != Stage::Joining {
            self.send_current(follower);
        }
    }

    fn send_to_silent(&mut self) {
        for follower in self.desk.course().silent() {
            self.send_current(follower);
        }
    }

    fn send_current(&mut self, follower: usize) {
        if self.doors[follower].is_none() {
            return;
        }
        if let Some(letter) = self.desk.letter(follower) {
            self.send(follower, &letter);
        }
    }

    fn send(&mut self, follower: usize, letter: &Arc<[u8]>) {
        // A line that is closed is given up. One that is slow is not told everything: what matters is said again, and the
        // writer's patience ends it if it does not read at all.
        let closed = |door: &mut Door| {
            matches!(door.outbox.try_send(letter.clone()), Err(TrySendError::Disconnected(_)))
        };
        self.doors[follower].take_if(closed);
    }

    fn abort(&mut self, reason: &str) {
        for follower in 0..self.doors.len() {
            let letter = self.desk.seal(self.desk.course().abort(follower, reason));
            self.send(follower, &letter);
        }
    }
}
