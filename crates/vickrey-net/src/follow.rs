//! The follower's side: a clerk who answers the leader's letters by the rules, and the connection.

use std::io;
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vickrey::faithful::dual::cost::Cost;
use vickrey::faithful::dual::rules::Unfit;

use crate::announce::{self, Announced, Terms, Unacceptable};
use crate::canonical;
use crate::consensus::follow::{Outside, Wish, fits, same_names};
use crate::consensus::lines;
use crate::consensus::post::{Post, Who};
use crate::consensus::walk::Walk;
use crate::dual::letters::BadBody;
use crate::frame::{self, FrameError};
use crate::keys::{Key, PublicKey};
use crate::line::{Badge, Line};
use crate::mechanism::FollowerSide;
use crate::memory::Memory;
use crate::message::{Kind, Message, Party, Sealed};
use crate::{consensus, dual};

/// How often a waiting follower looks up.
const TICK: Duration = Duration::from_millis(50);
/// A connection on which nothing is heard for so long after HELLO is tried again, with twice the time at every try.
const FIRST_WORD: Duration = Duration::from_secs(1);
const LONGEST_FIRST_WORD: Duration = Duration::from_secs(60);
/// A leader who waits for others may say nothing for a while.
const LEAST_SILENCE: Duration = Duration::from_secs(10);
/// An answer that the leader does not take within this time ends the connection.
const TAKEN: Duration = Duration::from_secs(10);
/// Longest pause between two tries to connect.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Who a follower is.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Her number.
    pub follower: usize,
    /// What she keeps to herself.
    pub private: Private,
    /// Her key.
    pub key: Key,
    /// The leader's public key.
    pub leader: PublicKey,
}

/// What a follower keeps to herself, by mechanism.
#[derive(Clone, Debug)]
pub enum Private {
    /// Dual decomposition: her cost.
    Cost(Arc<Cost>),
    /// Average consensus: where she would like to be, and how neighbours reach her.
    Wish(Wish),
}

impl Private {
    /// The mechanism that it is for.
    pub fn mechanism(&self) -> &'static str {
        match self {
            Self::Cost(_) => "dual-decomposition",
            Self::Wish(_) => "consensus",
        }
    }
}

/// A tax as it arrived.
#[derive(Clone, Debug, PartialEq)]
pub struct Tax {
    /// Money; positive, the follower pays.
    pub payment: f64,
    /// What nobody gains more than by any deviation, if that is certified.
    pub epsilon: Option<f64>,
    /// `converged`, `not_converged`, `fixed_rounds` or `dropped`; in consensus `agreed` or `fined`.
    pub status: String,
    /// What was decided for her, in consensus where she ended; `None` if she was dropped.
    pub decision: Option<Vec<f64>>,
    /// The leader's signed message.
    pub signed: Arc<[u8]>,
}

/// Why a follower ended early.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// She does not take part in what is announced. The leader was told.
    #[error("what the leader announces is refused: {0}")]
    Unacceptable(#[from] Unacceptable),
    /// Her cost does not go with what is announced. The leader was told that, not how.
    #[error("what the leader announces does not go with the private cost: {0}")]
    Unfit(#[from] Unfit),
    /// Her wish is outside of what is announced. The leader was told that it does not go, not how.
    #[error("what the leader announces does not go with the private wish: {0}")]
    Outside(#[from] Outside),
    /// Another mechanism than the one that her private file is for.
    #[error("the leader announces {found}, accepted with this private file is {accepted}")]
    OtherMechanism {
        /// What is announced.
        found: &'static str,
        /// What her file is for.
        accepted: &'static str,
    },
    /// Her number is none of the announced.
    #[error("follower: found number {found}, accepted are the {accepted} that are announced, from 0")]
    Number {
        /// Her number.
        found: usize,
        /// How many there are.
        accepted: usize,
    },
    /// The leader does not accept her.
    #[error("the leader refuses: {0}")]
    Refused(String),
    /// The leader ended the run.
    #[error("the leader ended the run: {0}")]
    Aborted(String),
    /// The leader signed two different letters for one round.
    #[error("the leader signed two different letters for one round; both are kept as evidence")]
    TwoFaced {
        /// The letter that was answered.
        first: Arc<[u8]>,
        /// The other one.
        second: Arc<[u8]>,
    },
    /// The leader's letter cannot be understood.
    #[error("the leader's letter cannot be understood: {0}")]
    Letter(#[from] BadBody),
    /// The leader does not say where all neighbours are.
    #[error("NEIGHBOURS: accepted is a list with follower and address for every neighbour")]
    Neighbours,
    /// The leader was not reached for too long.
    #[error("the leader was not reached for {seconds} s: {last}")]
    Unreachable {
        /// How long.
        seconds: u64,
        /// What happened at the last try.
        last: String,
    },
    /// The file in which she remembers cannot be used.
    #[error("{path}: {why}")]
    Memory {
        /// The file.
        path: String,
        /// Why.
        why: String,
    },
    /// Her side of lines.
    #[error("{0}")]
    Badge(io::Error),
    /// Told to stop.
    #[error("stopped")]
    Stopped,
}

/// What a follower knows of a run.
#[derive(Debug)]
struct Known {
    announce: Sealed,
    side: Box<dyn FollowerSide>,
    terms: Terms,
    last: Option<Last>,
}

/// The last letter that she answered, and her answer.
#[derive(Clone, Debug)]
struct Last {
    letter: Sealed,
    reply: Arc<[u8]>,
}

/// What comes of a letter.
#[derive(Debug)]
pub enum Reply {
    /// Send this.
    Send(Arc<[u8]>),
    /// Send this; the run is over for her.
    Taxed(Arc<[u8]>, Tax),
    /// Nothing now: it is good to know.
    Noted,
    /// Nothing: the letter is old, or for another run.
    Ignored(&'static str),
    /// The bytes are no letter of the leader: the connection cannot be trusted any more.
    Broken(String),
    /// Send this, and end.
    Ended(Arc<[u8]>, FollowError),
}

/// Answers letters. Remembers the run, the last letter and the bytes of the answer to it, and what her side of the mechanism
/// needs to go on.
#[derive(Debug)]
pub struct Clerk {
    who: Identity,
    known: Option<Known>,
    memory: Arc<Memory>,
    /// Whether on this connection she has said what she says without being asked.
    unasked: bool,
}

impl Clerk {
    /// A clerk; with a file in which she remembers, one who was stopped goes on where she was.
    ///
    /// # Errors
    /// The file is there, but is something else or somebody else's.
    pub fn new(who: Identity, memory: Option<PathBuf>) -> Result<Self, FollowError> {
        let mut clerk = Self { who, known: None, memory: Arc::new(Memory::new(memory)), unasked: false };
        let kept = clerk.memory.read().map_err(|why| clerk.memory.wrong(why))?;
        if let Some(value) = kept {
            clerk.recall(&value).map_err(|why| clerk.memory.wrong(why))?;
        }
        Ok(clerk)
    }

    /// HELLO.
    pub fn hello(&mut self) -> Arc<[u8]> {
        self.unasked = false;
        let known = self.known.as_ref();
        let last = known.and_then(|known| known.last.as_ref()).map_or(0, |last| last.letter.message.k);
        let run = known.map(|known| known.announce.message.run.clone());
        self.say(Kind::Hello, (0, 0), json!({ "follower": self.who.follower, "run": run, "last_k": last }))
    }

    /// The times of the run, once they are known.
    pub fn terms(&self) -> Option<Terms> {
        self.known.as_ref().map(|known| known.terms)
    }

    /// What runs beside the connection to the leader, if anything, once she takes part.
    pub fn post(&self) -> Option<Arc<Post>> {
        self.known.as_ref().and_then(|known| known.side.post())
    }

    /// What she says without being asked, once it is so far and if it was not said on this connection.
    ///
    /// # Errors
    /// Something beside the connection to the leader has failed.
    pub fn unasked(&mut self) -> Result<Option<Arc<[u8]>>, FollowError> {
        let said = match &mut self.known {
            Some(known) if !self.unasked => known.side.unasked()?,
            _ => None,
        };
        self.unasked |= said.is_some();
        Ok(said.map(|(seq, (kind, body))| self.say(kind, (0, seq), body)))
    }

    /// What has failed beside the connection to the leader.
    fn failed(&mut self) -> Option<FollowError> {
        self.known.as_mut().and_then(|known| known.side.failed())
    }

    /// What there is to see beside the connection to the leader.
    fn sights(&mut self) -> Vec<Sight> {
        self.known.as_mut().map_or_else(Vec::new, |known| known.side.sights())
    }

    fn say(&self, kind: Kind, (k, seq): (u64, u64), body: Value) -> Arc<[u8]> {
        let known = self.known.as_ref().map(|known| &known.announce.message);
        let (run, inst) = known.map_or_else(Default::default, |m| (m.run.clone(), m.inst.clone()));
        let from = Party::Follower(self.who.follower);
        Message { run, inst, kind, from, to: Party::Leader, k, seq, body }.seal(&self.who.key).bytes
    }

    fn open(&self, bytes: &[u8]) -> Result<Sealed, String> {
        let leader = self.who.leader;
        let sealed = Sealed::open(bytes, &|party| (party == Party::Leader).then_some(leader));
        sealed.map_err(|e| e.to_string())
    }

    /// Answers a letter.
    ///
    /// # Errors
    /// The run is over for her, otherwise than by a tax, and there is nothing to say.
    pub fn handle(&mut self, bytes: &[u8]) -> Result<Reply, FollowError> {
        let letter = match self.open(bytes) {
            Ok(letter) => letter,
            Err(why) => return Ok(Reply::Broken(why)),
        };
        let message = &letter.message;
        if message.to != Party::Follower(self.who.follower) {
            return Ok(Reply::Ignored("it is for somebody else"));
        }
        let ours = self.known.as_ref().map(|known| &known.announce.message);
        // Who remembers another run than the one that is led here is told so, in the words of this one.
        let told = ours.is_some_and(|ours| word(&message.body, "found") == ours.run);
        if message.kind == Kind::Refuse && word(&message.body, "code") == "run" && told {
            return Err(FollowError::Refused(refusal(&message.body)));
        }
        if ours.is_some_and(|ours| (&ours.run, &ours.inst) != (&message.run, &message.inst)) {
            return Ok(Reply::Ignored("it is for another run"));
        }
        match (message.kind, self.known.is_some()) {
            (Kind::Announce, true) => Ok(Reply::Send(self.acknowledge())),
            (Kind::Announce, false) => self.join(letter),
            (Kind::Refuse, _) => Err(FollowError::Refused(refusal(&message.body))),
            (Kind::Abort, _) => Err(FollowError::Aborted(word(&message.body, "reason"))),
            (Kind::Price | Kind::Decision | Kind::Tax, true) => self.answer(letter),
            (kind, true) if self.known.as_ref().is_some_and(|known| known.side.is_notice(kind)) => {
                self.known.iter_mut().try_for_each(|known| known.side.notice(&letter.message))?;
                // Whoever is told this is asked for what she says unasked.
                self.unasked = false;
                Ok(self.unasked()?.map_or(Reply::Noted, Reply::Send))
            }
            _ => Ok(Reply::Ignored("it comes before the announcement, or leaders do not say that")),
        }
    }

    fn acknowledge(&self) -> Arc<[u8]> {
        let known = self.known.as_ref();
        let mut body = known.map_or_else(Default::default, |known| known.side.acknowledgement());
        let inst = known.map(|known| known.announce.message.inst.clone());
        body.insert("announce_hash".into(), inst.into());
        body.insert("accept".into(), true.into());
        self.say(Kind::Ack, (0, 1), body.into())
    }

    /// Her side of what a letter announces, if she takes part.
    fn side(&self, letter: &Message) -> Result<(Box<dyn FollowerSide>, Terms), FollowError> {
        let hash = canonical::hash(canonical::text(&letter.body).as_bytes());
        if hash != letter.inst {
            let (code, field, found) = ("announce", "inst".into(), letter.inst.clone());
            let accepted = "the hash of the announcement".into();
            return Err(Unacceptable { code, field, found, accepted }.into());
        }
        let (announced, terms) = announce::read(&letter.body)?;
        let follower = self.who.follower;
        let accepted = match &announced {
            Announced::Dual(plan) => plan.problem().len(),
            Announced::Consensus(rules) => rules.len(),
        };
        if follower >= accepted {
            return Err(FollowError::Number { found: follower, accepted });
        }
        match (announced, &self.who.private) {
            (Announced::Dual(plan), Private::Cost(cost)) => {
                Ok((Box::new(dual::follow::Side::new(follower, plan, cost.clone())?), terms))
            }
            (Announced::Consensus(rules), Private::Wish(wish)) => {
                same_names(&rules, &wish.enrolment)?;
                fits(&rules, follower, wish.wish)?;
                let (key, run, inst) = (self.who.key.clone(), letter.run.clone(), letter.inst.clone());
                let who = Who { follower, key, run, inst, round: Duration::from_millis(terms.round_ms) };
                let walk = Walk::new(rules, follower, wish.wish);
                let post =
                    Post::new(who, wish.clone(), walk, self.memory.clone()).map_err(FollowError::Badge)?;
                Ok((Box::new(consensus::follow::Side::new(Arc::new(post))), terms))
            }
            (Announced::Dual(_), private) => Err(FollowError::OtherMechanism {
                found: "dual-decomposition",
                accepted: private.mechanism(),
            }),
            (Announced::Consensus(_), private) => {
                Err(FollowError::OtherMechanism { found: "consensus", accepted: private.mechanism() })
            }
        }
    }

    /// Looks at what is announced as if it were her own plan.
    fn join(&mut self, letter: Sealed) -> Result<Reply, FollowError> {
        match self.side(&letter.message) {
            Ok((side, terms)) => {
                self.known = Some(Known { announce: letter, side, terms, last: None });
                self.remember()?;
                Ok(Reply::Send(self.acknowledge()))
            }
            Err(error) => {
                let body = match &error {
                    FollowError::Unacceptable(e) => {
                        json!({ "code": e.code, "field": e.field, "found": e.found, "accepted": e.accepted })
                    }
                    // How what she keeps to herself does not fit is nobody's business.
                    _ => {
                        json!({ "code": "private", "field": "private", "found": null, "accepted": "another announcement" })
                    }
                };
                let message = &letter.message;
                let (run, inst) = (message.run.clone(), message.inst.clone());
                let from = Party::Follower(self.who.follower);
                let refusal =
                    Message { run, inst, kind: Kind::Refuse, from, to: Party::Leader, k: 0, seq: 1, body };
                Ok(Reply::Ended(refusal.seal(&self.who.key).bytes, error))
            }
        }
    }

    /// The rules: a later letter is answered, the last one gets the same bytes again, earlier ones nothing.
    fn answer(&mut self, letter: Sealed) -> Result<Reply, FollowError> {
        let Some(known) = &self.known else { return Ok(Reply::Ignored("it comes before the announcement")) };
        if let Some(last) = &known.last {
            if letter.message.seq < last.letter.message.seq {
                return Ok(Reply::Ignored("it is older than the last one that was answered"));
            }
            if letter.message.seq == last.letter.message.seq {
                if letter.bytes == last.letter.bytes {
                    return Ok(self.reply(&letter, last.reply.clone()));
                }
                let (first, second) = (last.letter.bytes.clone(), letter.bytes.clone());
                let abort =
                    self.say(Kind::Abort, (0, 0), json!({ "reason": "two different letters for one round" }));
                return Ok(Reply::Ended(abort, FollowError::TwoFaced { first, second }));
            }
        }
        let Some(reply) = self.compose(&letter.message)? else {
            return Ok(Reply::Ignored("leaders do not say that in this mechanism"));
        };
        let last = Last { letter: letter.clone(), reply: reply.clone() };
        self.known.iter_mut().for_each(|known| known.last = Some(last.clone()));
        self.remember()?;
        Ok(self.reply(&letter, reply))
    }

    fn reply(&self, letter: &Sealed, reply: Arc<[u8]>) -> Reply {
        if letter.message.kind != Kind::Tax {
            return Reply::Send(reply);
        }
        let body = &letter.message.body;
        let tax = Tax {
            payment: body.get("payment").and_then(Value::as_f64).unwrap_or(f64::NAN),
            epsilon: body.get("epsilon").and_then(Value::as_f64),
            status: word(body, "status"),
            decision: self.known.as_ref().and_then(|known| known.side.decision()),
            signed: letter.bytes.clone(),
        };
        Reply::Taxed(reply, tax)
    }

    fn compose(&mut self, letter: &Message) -> Result<Option<Arc<[u8]>>, FollowError> {
        let answer = match (&mut self.known, letter.kind) {
            (_, Kind::Tax) => {
                let hash = canonical::hash(canonical::text(&letter.body).as_bytes());
                Some((Kind::Receipt, json!({ "tax_hash": hash })))
            }
            (Some(known), _) => known.side.answer(letter)?,
            (None, _) => None,
        };
        Ok(answer.map(|(kind, body)| self.say(kind, (letter.k, letter.seq), body)))
    }

    /// Writes what she remembers, whole or not at all, before the answer leaves.
    fn remember(&self) -> Result<(), FollowError> {
        let Some(known) = &self.known else { return Ok(()) };
        let last = known.last.as_ref().map(|last| {
            let reply: Value = serde_json::from_slice(&last.reply).unwrap_or_default();
            json!({ "letter": last.letter.value(), "reply": reply })
        });
        let own = known.side.remembers().map(|own| ("own", own));
        let parts = [("announce", known.announce.value()), ("last", last.into())];
        self.memory.put(parts.into_iter().chain(own))
    }

    fn recall(&mut self, value: &Value) -> Result<(), String> {
        let message = |value: Option<&Value>| {
            let text = canonical::text(value.unwrap_or(&Value::Null));
            self.open(text.as_bytes()).map_err(|e| format!("found no message of this leader: {e}"))
        };
        let announce = message(value.get("announce"))?;
        if announce.message.to != Party::Follower(self.who.follower) {
            return Err("found what another follower remembers".into());
        }
        let last = match value.get("last") {
            None | Some(Value::Null) => None,
            Some(last) => {
                let reply = canonical::text(last.get("reply").unwrap_or(&Value::Null));
                Some(Last { letter: message(last.get("letter"))?, reply: reply.into_bytes().into() })
            }
        };
        let (mut side, terms) = self.side(&announce.message).map_err(|e| e.to_string())?;
        let own = value.get("own").unwrap_or(&Value::Null);
        if !own.is_null() {
            side.recall(own)?;
        }
        let whole = ["announce", "last", "own"].into_iter();
        self.memory.keep(whole.filter_map(|name| Some((name, value.get(name)?.clone()))));
        self.known = Some(Known { announce, side, terms, last });
        Ok(())
    }
}

fn word(body: &Value, key: &str) -> String {
    let text =
        body.get(key).map_or_else(String::new, |v| v.as_str().map_or_else(|| v.to_string(), String::from));
    text.chars().take(200).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn refusal(body: &Value) -> String {
    format!("{}: found {}, accepted is {}", word(body, "field"), word(body, "found"), word(body, "accepted"))
}

/// Something that the person who runs a follower may want to see.
#[derive(Clone, Debug)]
pub enum Sight {
    /// Connected.
    Connected,
    /// The connection is lost, or there is none yet.
    Disconnected(String),
    /// A letter was answered, for this round (0 outside of rounds).
    Answered(u64),
    /// Something was ignored.
    Ignored(&'static str),
    /// A round between neighbours is over.
    Walked(u64),
    /// A neighbour did not say in a round where she is.
    Missed {
        /// Who.
        neighbour: usize,
        /// The round.
        k: u64,
    },
    /// A neighbour signed two different positions for one round. The first counts; both are evidence.
    TwoStates {
        /// Who.
        neighbour: usize,
        /// The round.
        k: u64,
        /// The message that counts.
        first: Arc<[u8]>,
        /// The other one.
        second: Arc<[u8]>,
    },
}

/// Follows a run to its tax: dials as often as it takes, and gives up after `patience` without a word of the leader.
///
/// # Errors
/// The run ends otherwise, the leader is not reached, or `stop` was set.
pub fn follow(
    clerk: &mut Clerk,
    dial: &dyn Fn() -> io::Result<TcpStream>,
    patience: Duration,
    watch: &mut dyn FnMut(Sight),
    stop: &AtomicBool,
) -> Result<Tax, FollowError> {
    thread::scope(|scope| {
        let mut beside = Beside::default();
        // What was remembered may be under way already.
        beside.start(clerk, scope);
        let ended =
            follow_leader(clerk, dial, patience, watch, &mut |clerk| beside.start(clerk, scope), stop);
        drop(beside);
        clerk.sights().into_iter().for_each(watch);
        ended
    })
}

/// What runs beside the connection to the leader: ended when nobody follows any more, however that comes.
#[derive(Default)]
struct Beside(Option<Arc<Post>>);

impl Beside {
    fn start<'s>(&mut self, clerk: &Clerk, scope: &'s thread::Scope<'s, '_>) {
        if let (None, Some(post)) = (&self.0, clerk.post()) {
            lines::stand(scope, &post);
            self.0 = Some(post);
        }
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        self.0.iter().for_each(|post| post.close());
    }
}

fn follow_leader(
    clerk: &mut Clerk,
    dial: &dyn Fn() -> io::Result<TcpStream>,
    patience: Duration,
    watch: &mut dyn FnMut(Sight),
    start: &mut dyn FnMut(&Clerk),
    stop: &AtomicBool,
) -> Result<Tax, FollowError> {
    let badge = Badge::new(&clerk.who.key, &[clerk.who.leader]).map_err(FollowError::Badge)?;
    let mut heard = Instant::now();
    let (mut pause, mut first_word) = (TICK, FIRST_WORD);
    let mut taxed: Option<Tax> = None;
    loop {
        let lost = match dial() {
            Ok(stream) => {
                let before = heard;
                let mut visit = Visit {
                    badge: &badge,
                    patience,
                    first_word,
                    heard: &mut heard,
                    taxed: &mut taxed,
                    watch,
                    start,
                    stop,
                };
                let ended = match visit.attend(clerk, stream) {
                    Ok(ended) => ended,
                    // What comes after a tax does not undo it.
                    Err(error) => return taxed.ok_or(error),
                };
                if heard > before {
                    (pause, first_word) = (TICK, FIRST_WORD);
                } else {
                    first_word = (first_word * 2).min(LONGEST_FIRST_WORD);
                }
                ended
            }
            Err(error) => error.to_string(),
        };
        // Whether the receipt has arrived cannot be known; the tax stands.
        if let Some(tax) = taxed {
            return Ok(tax);
        }
        if stop.load(Ordering::Relaxed) {
            return Err(FollowError::Stopped);
        }
        if heard.elapsed() > patience {
            return Err(FollowError::Unreachable { seconds: patience.as_secs(), last: lost });
        }
        clerk.sights().into_iter().for_each(&mut *watch);
        if let Some(failed) = clerk.failed() {
            return Err(failed);
        }
        watch(Sight::Disconnected(lost));
        thread::sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// What a connection is watched with.
struct Visit<'a> {
    badge: &'a Badge,
    patience: Duration,
    first_word: Duration,
    heard: &'a mut Instant,
    taxed: &'a mut Option<Tax>,
    watch: &'a mut dyn FnMut(Sight),
    start: &'a mut dyn FnMut(&Clerk),
    stop: &'a AtomicBool,
}

impl Visit<'_> {
    /// One connection; says why it ended.
    fn attend(&mut self, clerk: &mut Clerk, stream: TcpStream) -> Result<String, FollowError> {
        let prepared = stream
            .set_nodelay(true)
            .and_then(|()| stream.set_read_timeout(Some(TICK)))
            .and_then(|()| stream.set_write_timeout(Some(TAKEN)));
        if let Err(error) = prepared {
            return Ok(error.to_string());
        }
        let since = Instant::now();
        let mut wait = || !self.stop.load(Ordering::Relaxed) && since.elapsed() < self.first_word;
        let line = match Line::dial(stream, self.badge, &mut wait) {
            Ok(line) => line,
            Err(error) => return Ok(error.to_string()),
        };
        let ended = self.answer_letters(clerk, &line);
        line.stop_writing();
        ended
    }

    fn answer_letters(&mut self, clerk: &mut Clerk, mut line: &Line) -> Result<String, FollowError> {
        if let Err(error) = frame::write(&mut line, &clerk.hello()) {
            return Ok(error.to_string());
        }
        (self.watch)(Sight::Connected);
        let mut silence = self.first_word;
        let (mut reader, mut since) = (frame::Reader::default(), Instant::now());
        loop {
            let silent = since.elapsed() >= silence || self.heard.elapsed() > self.patience;
            if self.stop.load(Ordering::Relaxed) || silent {
                return Ok(FrameError::Closed.to_string());
            }
            let bytes = match reader.poll(&mut line, frame::LONGEST) {
                Ok(Some(bytes)) => bytes,
                Ok(None) => {
                    clerk.sights().into_iter().for_each(&mut *self.watch);
                    if let Some(Err(error)) = clerk.unasked()?.map(|bytes| frame::write(&mut line, &bytes)) {
                        return Ok(error.to_string());
                    }
                    continue;
                }
                Err(error) => return Ok(error.to_string()),
            };
            since = Instant::now();
            let reply = clerk.handle(&bytes)?;
            (self.start)(clerk);
            if !matches!(reply, Reply::Broken(_)) {
                *self.heard = Instant::now();
                // A leader whose machine went away says nothing more, not even goodbye.
                let usual = |t: Terms| Duration::from_millis(2 * t.round_ms.max(t.value_ms));
                silence = clerk.terms().map_or(silence, |t| usual(t).max(LEAST_SILENCE));
            }
            let bytes = match reply {
                Reply::Send(bytes) => bytes,
                Reply::Taxed(bytes, tax) => {
                    *self.taxed = Some(tax);
                    bytes
                }
                Reply::Noted => continue,
                Reply::Ignored(why) => {
                    (self.watch)(Sight::Ignored(why));
                    continue;
                }
                Reply::Broken(why) => return Ok(why),
                Reply::Ended(bytes, error) => {
                    // If this does not arrive, silence says the same.
                    let _ = frame::write(&mut line, &bytes);
                    return Err(error);
                }
            };
            if let Err(error) = frame::write(&mut line, &bytes) {
                return Ok(error.to_string());
            }
            let last = clerk.known.as_ref().and_then(|known| known.last.as_ref());
            (self.watch)(Sight::Answered(last.map_or(0, |last| last.letter.message.k)));
        }
    }
}
