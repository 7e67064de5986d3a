//! A follower's post: her walk, what goes to her neighbours and comes from them, signed; what she remembers, and where she
//! goes. Shared by the threads of [`super::lines`]; without them the clock stands still.

use std::io;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vickrey::faithful::consensus::protocol::Report;

use super::follow::Wish;
use super::letters;
use super::walk::{Heard, Walk};
use crate::follow::{FollowError, Sight};
use crate::keys::{Enrolment, Key};
use crate::line::{Badge, Line};
use crate::memory::{Memory, write_whole};
use crate::message::{Kind, Message, Party, Sealed};

/// A neighbour who is behind is told what was said since no more often: signing takes time, and she may ask on purpose.
const ASKS: Duration = Duration::from_millis(10);
/// The first round begins so much later than a follower is told where her neighbours are: lines have to be made first.
pub(super) const GRACE: Duration = Duration::from_secs(2);
/// Of what is to be seen, so much is kept until somebody looks.
const SIGHTS: usize = 1000;

/// Who stands at a post, in which run.
#[derive(Debug)]
pub struct Who {
    /// Her number.
    pub follower: usize,
    /// Her key.
    pub key: Key,
    /// The run.
    pub run: String,
    /// SHA-256 of the canonical body of ANNOUNCE.
    pub inst: String,
    /// How long a round waits for neighbours.
    pub round: Duration,
}

/// A line to a neighbour, by a number of its own; a new one takes the place of the one before.
#[derive(Debug)]
struct Door {
    number: u64,
    outbox: SyncSender<Arc<[u8]>>,
}

/// What changes.
#[derive(Debug)]
struct Inner {
    walk: Walk,
    /// Where neighbours are reached; none: she has not been told, and the first round has not begun.
    addresses: Option<Vec<String>>,
    /// Since when the open round is open, and how often it was said in it where she is.
    opened: (Instant, u32),
    doors: Vec<Option<Door>>,
    /// When each neighbour was last told what was said since.
    told: Vec<Option<Instant>>,
    /// The last round in which each neighbour was seen to contradict herself.
    two_faced: Vec<u64>,
    number: u64,
    sights: Vec<Sight>,
    failed: Option<FollowError>,
}

/// A follower's post.
#[derive(Debug)]
pub struct Post {
    who: Who,
    neighbours: Vec<usize>,
    enrolment: Arc<Enrolment>,
    badge: Badge,
    listener: Option<Arc<TcpListener>>,
    address: String,
    /// Where she writes where she goes.
    goes: Option<PathBuf>,
    memory: Arc<Memory>,
    inner: Mutex<Inner>,
    changed: Condvar,
    over: AtomicBool,
}

impl Post {
    /// Before the first round.
    ///
    /// # Errors
    /// See [`Badge::new`].
    pub fn new(who: Who, wish: Wish, walk: Walk, memory: Arc<Memory>) -> io::Result<Self> {
        let neighbours = walk.neighbours().to_vec();
        let inner = Inner {
            walk,
            addresses: None,
            opened: (Instant::now(), 0),
            doors: neighbours.iter().map(|_| None).collect(),
            told: vec![None; neighbours.len()],
            two_faced: vec![0; neighbours.len()],
            number: 0,
            sights: Vec::new(),
            failed: None,
        };
        let Wish { enrolment, listener, address, place: goes, .. } = wish;
        let keys = neighbours.iter().filter_map(|j| enrolment.key(Party::Follower(*j)).copied());
        let badge = Badge::new(&who.key, &keys.collect::<Vec<_>>())?;
        Ok(Self {
            who,
            neighbours,
            enrolment,
            badge,
            listener,
            address,
            goes,
            memory,
            inner: Mutex::new(inner),
            changed: Condvar::new(),
            over: AtomicBool::new(false),
        })
    }

    /// Her side of lines to neighbours.
    pub(super) fn badge(&self) -> &Badge {
        &self.badge
    }

    /// Whether the other end of a line is this neighbour.
    pub(super) fn is_neighbour(&self, at: usize, line: &Line) -> bool {
        self.enrolment.key(Party::Follower(self.neighbours[at])) == Some(&line.peer())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A thread that panicked has left numbers that are whole all the same.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Her number.
    pub fn follower(&self) -> usize {
        self.who.follower
    }

    /// Her neighbours, ascending.
    pub fn neighbours(&self) -> &[usize] {
        &self.neighbours
    }

    /// Where she is reached.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Where neighbours dial.
    pub(super) fn listener(&self) -> Option<&TcpListener> {
        self.listener.as_deref()
    }

    /// Ends everything that runs here.
    pub fn close(&self) {
        self.over.store(true, Ordering::Relaxed);
        self.changed.notify_all();
    }

    /// Whether it is ended.
    pub fn over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// How long a round waits for neighbours.
    pub(super) fn round(&self) -> Duration {
        self.who.round
    }

    /// The open round, from 1; one more than there are rounds once she has arrived.
    pub fn k(&self) -> u64 {
        self.lock().walk.k()
    }

    /// Where she is.
    pub fn position(&self) -> f64 {
        self.lock().walk.position()
    }

    /// Whether all rounds are over.
    pub fn arrived(&self) -> bool {
        self.lock().walk.arrived()
    }

    /// What there was to see since the last time.
    pub fn sights(&self) -> Vec<Sight> {
        std::mem::take(&mut self.lock().sights)
    }

    /// Where her neighbours are reached; the first time the first round begins.
    pub fn begin(&self, addresses: Vec<String>) {
        let mut inner = self.lock();
        let first = inner.addresses.is_none();
        inner.addresses = Some(addresses);
        if first {
            inner.opened = (Instant::now() + GRACE, 0);
            match self.memory.put([("own", self.remembers(&inner))]) {
                Ok(()) => self.say(&mut inner, None),
                Err(failed) => inner.failed = Some(failed),
            }
        }
        drop(inner);
        self.changed.notify_all();
    }

    /// Where a neighbour is reached, once it is known.
    pub(super) fn address_of(&self, at: usize) -> Option<String> {
        self.lock().addresses.as_ref().map(|all| all[at].clone())
    }

    /// What she tells the leader, once she has arrived.
    ///
    /// # Errors
    /// What she remembers, or where she goes, could not be written.
    pub fn report(&self) -> Result<Option<Report>, FollowError> {
        let mut inner = self.lock();
        match inner.failed.take() {
            Some(failed) => Err(failed),
            None => Ok(inner.walk.arrived().then(|| inner.walk.report())),
        }
    }

    /// What has failed here, once: she cannot go on then.
    pub fn failed(&self) -> Option<FollowError> {
        self.lock().failed.take()
    }

    /// Goes on from what she remembered.
    ///
    /// # Errors
    /// It is something else.
    pub fn recall(&self, value: &Value) -> Result<(), String> {
        let mut inner = self.lock();
        inner.walk.recall(value)?;
        let reached = value.get("reached").and_then(Value::as_array);
        let text = |value: &Value| value.as_str().filter(|text| letters::is_address(text)).map(String::from);
        let reached: Option<Vec<String>> = reached.and_then(|list| list.iter().map(text).collect());
        inner.addresses = reached.filter(|reached| reached.len() == self.neighbours.len());
        inner.opened = (Instant::now(), 0);
        // She may have been stopped between remembering and going.
        self.go(inner.walk.k() - 1, &inner.walk).map_err(|e| e.to_string())
    }

    /// Her rounds, and where neighbours are reached: with both she can go on while nobody leads.
    fn remembers(&self, inner: &Inner) -> Value {
        let mut own = inner.walk.remembers();
        own["reached"] = json!(inner.addresses);
        own
    }

    fn seal(&self, at: usize, kind: Kind, k: u64, body: Value) -> Sealed {
        let (run, inst) = (self.who.run.clone(), self.who.inst.clone());
        let (from, to) = (Party::Follower(self.who.follower), Party::Follower(self.neighbours[at]));
        Message { run, inst, kind, from, to, k, seq: 0, body }.seal(&self.who.key)
    }

    /// HELLO to a neighbour.
    pub(super) fn hello(&self, at: usize) -> Arc<[u8]> {
        let body = json!({ "follower": self.who.follower, "run": self.who.run, "last_k": self.k() });
        self.seal(at, Kind::Hello, 0, body).bytes
    }

    /// Opens a message that is for her, of this run, and of a neighbour, and says of which one.
    pub(super) fn open(&self, bytes: &[u8]) -> Option<(usize, Sealed)> {
        let sealed = Sealed::open(bytes, &|party| self.enrolment.key(party).copied()).ok()?;
        let message = &sealed.message;
        let Party::Follower(from) = message.from else { return None };
        let at = self.neighbours.binary_search(&from).ok()?;
        let ours = (&message.run, &message.inst) == (&self.who.run, &self.who.inst);
        (ours && message.to == Party::Follower(self.who.follower)).then_some((at, sealed))
    }

    /// STATE of a round for a neighbour.
    fn state(&self, at: usize, (k, z): (u64, f64)) -> Arc<[u8]> {
        self.seal(at, Kind::State, k, letters::state(k, z)).bytes
    }

    /// What a neighbour who is in round `from` needs to hear, newest first.
    pub fn states(&self, at: usize, from: u64) -> Vec<Arc<[u8]>> {
        let said: Vec<(u64, f64)> = self.lock().walk.said(from).collect();
        said.into_iter().map(|said| self.state(at, said)).collect()
    }

    /// Takes a message of a neighbour. What she needs to hear in return goes to all connections with her.
    pub fn hear(&self, at: usize, sealed: &Sealed) -> Heard {
        let message = &sealed.message;
        if message.kind != Kind::State {
            return Heard::Ignored;
        }
        let z = letters::read_state(&message.body, message.k);
        let mut inner = self.lock();
        let heard = inner.walk.hear(at, message.k, z, &sealed.bytes);
        match &heard {
            Heard::Counts => self.changed.notify_all(),
            Heard::Old { behind: true } if inner.told[at].is_none_or(|told| told.elapsed() >= ASKS) => {
                inner.told[at] = Some(Instant::now());
                let said: Vec<(u64, f64)> = inner.walk.said(message.k).collect();
                for said in said {
                    let state = self.state(at, said);
                    send(&mut inner.doors[at], &state);
                }
            }
            // Once for each round: she could contradict herself without end.
            Heard::Equivocation { first } if message.k > inner.two_faced[at] => {
                inner.two_faced[at] = message.k;
                let (neighbour, first) = (self.neighbours[at], first.clone());
                let second = sealed.bytes.clone();
                see(&mut inner, Sight::TwoStates { neighbour, k: message.k, first, second });
            }
            _ => {}
        }
        heard
    }

    /// Closes the open round: remembered first, then gone, then said.
    pub fn step(&self) {
        let mut inner = self.lock();
        self.step_in(&mut inner, Instant::now());
    }

    /// `next`: when the next round is open.
    fn step_in(&self, inner: &mut Inner, next: Instant) {
        let (k, silent) = (inner.walk.k(), inner.walk.silent());
        for at in silent {
            see(inner, Sight::Missed { neighbour: self.neighbours[at], k });
        }
        let before = inner.walk.clone();
        inner.walk.step();
        let kept = self.memory.put([("own", self.remembers(inner))]).and_then(|()| self.go(k, &inner.walk));
        if let Err(failed) = kept {
            // What is not remembered is not said, to nobody: after a restart she might say something else.
            inner.walk = before;
            inner.failed = Some(failed);
            return;
        }
        see(inner, Sight::Walked(k));
        inner.opened = (next, 0);
        self.say(inner, None);
    }

    /// Writes where she goes, for whatever moves her.
    fn go(&self, k: u64, walk: &Walk) -> Result<(), FollowError> {
        let Some(path) = &self.goes else { return Ok(()) };
        let text = format!("round,position\n{k},{}\n", walk.position());
        write_whole(path, &text, false)
            .map_err(|e| FollowError::Memory { path: path.display().to_string(), why: e.to_string() })
    }

    /// Says where she is to all neighbours, or to some.
    fn say(&self, inner: &mut Inner, to: Option<&[usize]>) {
        let Some(now) = inner.walk.said(inner.walk.k()).next() else { return };
        for at in 0..self.neighbours.len() {
            if to.is_none_or(|to| to.contains(&at)) && inner.doors[at].is_some() {
                let state = self.state(at, now);
                send(&mut inner.doors[at], &state);
            }
        }
        inner.opened.1 += 1;
    }

    /// A new connection with a neighbour, who hears what is said from round `from` on; its number.
    pub(super) fn enter(&self, at: usize, outbox: SyncSender<Arc<[u8]>>, from: Option<u64>) -> u64 {
        let mut inner = self.lock();
        inner.number += 1;
        let number = inner.number;
        let newest = inner.walk.said(0).next().map_or(0, |(k, _)| k);
        // If it is we who are behind, our newest word asks for hers.
        let from = from.map_or(newest, |from| from.min(newest));
        let said: Vec<(u64, f64)> = inner.walk.said(from).collect();
        inner.doors[at] = Some(Door { number, outbox });
        for said in said {
            let state = self.state(at, said);
            send(&mut inner.doors[at], &state);
        }
        number
    }

    /// A connection has ended.
    pub(super) fn leave(&self, at: usize, number: u64) {
        self.lock().doors[at].take_if(|door| door.number == number);
    }

    /// The clock: closes rounds when all neighbours have said where they are, or when time is up; says it again to those
    /// who are silent after a third and two thirds of it. Returns when everything is ended.
    pub(super) fn keep_time(&self, tick: Duration) {
        let mut inner = self.lock();
        while !self.over() {
            let round = self.who.round;
            let mut wait = tick;
            if inner.addresses.is_some() && !inner.walk.arrived() && inner.failed.is_none() {
                let silent = inner.walk.silent();
                let (opened, said) = inner.opened;
                let elapsed = opened.elapsed();
                if silent.is_empty() {
                    self.step_in(&mut inner, Instant::now());
                    continue;
                }
                if elapsed >= round {
                    // By the clock, so that rounds do not get longer by what writing takes; unless she slept.
                    let due = opened + round;
                    self.step_in(&mut inner, if due.elapsed() < round { due } else { Instant::now() });
                    continue;
                }
                let again = round * said.clamp(1, 3) / 3;
                if said < 3 && elapsed >= again {
                    self.say(&mut inner, Some(&silent));
                }
                wait = again.min(round).saturating_sub(elapsed).clamp(Duration::from_millis(1), tick);
            }
            let woken = self.changed.wait_timeout(inner, wait);
            inner = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// A connection that is closed, or does not read, is given up.
fn send(door: &mut Option<Door>, letter: &Arc<[u8]>) {
    door.take_if(|door| door.outbox.try_send(letter.clone()).is_err());
}

fn see(inner: &mut Inner, sight: Sight) {
    if inner.sights.len() < SIGHTS {
        inner.sights.push(sight);
    }
}
