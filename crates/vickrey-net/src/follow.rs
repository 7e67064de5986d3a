//! The follower's side: a clerk who answers the leader's letters by the rules, and the connection.

use std::io;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vickrey::faithful::dual::cost::Cost;
use vickrey::faithful::dual::follower::Faithful;
use vickrey::faithful::dual::rules::{Plan, Unfit};

use crate::announce::{self, Terms, Unacceptable};
use crate::canonical;
use crate::frame;
use crate::keys::{Key, PublicKey};
use crate::letters::{self, BadBody};
use crate::message::{Kind, Message, Party, Sealed};

/// How often a waiting follower looks up.
const TICK: Duration = Duration::from_millis(50);
/// A connection on which nothing is heard for so long after HELLO is tried again, with twice the time at every try.
const FIRST_WORD: Duration = Duration::from_secs(1);
const LONGEST_FIRST_WORD: Duration = Duration::from_secs(60);
/// An answer that the leader does not take within this time ends the connection.
const TAKEN: Duration = Duration::from_secs(10);
/// Longest pause between two tries to connect.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Who a follower is.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Her number.
    pub follower: usize,
    /// Her private cost.
    pub cost: Arc<Cost>,
    /// Her key.
    pub key: Key,
    /// The leader's public key.
    pub leader: PublicKey,
}

/// A tax as it arrived.
#[derive(Clone, Debug, PartialEq)]
pub struct Tax {
    /// Money; positive, the follower pays.
    pub payment: f64,
    /// What nobody gains more than by any deviation, if that is certified.
    pub epsilon: Option<f64>,
    /// `converged`, `not_converged`, `fixed_rounds` or `dropped`.
    pub status: String,
    /// What was decided for her; `None` if she was dropped.
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
    /// Told to stop.
    #[error("stopped")]
    Stopped,
}

/// What a follower knows of a run.
#[derive(Debug)]
struct Known {
    announce: Sealed,
    plan: Plan,
    terms: Terms,
    last: Option<Last>,
    decision: Option<Vec<f64>>,
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
    /// Nothing: the letter is old, or for another run.
    Ignored(&'static str),
    /// The bytes are no letter of the leader: the connection cannot be trusted any more.
    Broken(String),
    /// Send this, and end.
    Ended(Arc<[u8]>, FollowError),
}

/// Answers letters. Remembers the run, the last letter and the bytes of the answer to it, nothing else.
#[derive(Debug)]
pub struct Clerk {
    who: Identity,
    known: Option<Known>,
    memory: Option<PathBuf>,
}

impl Clerk {
    /// A clerk; with a file in which she remembers, one who was stopped goes on where she was.
    ///
    /// # Errors
    /// The file is there, but is something else or somebody else's.
    pub fn new(who: Identity, memory: Option<PathBuf>) -> Result<Self, FollowError> {
        let mut clerk = Self { who, known: None, memory };
        if let Some(path) = clerk.memory.clone().filter(|path| path.exists()) {
            clerk
                .recall(&path)
                .map_err(|why| FollowError::Memory { path: path.display().to_string(), why })?;
        }
        Ok(clerk)
    }

    /// HELLO.
    pub fn hello(&self) -> Arc<[u8]> {
        let known = self.known.as_ref();
        let last = known.and_then(|known| known.last.as_ref()).map_or(0, |last| last.letter.message.k);
        let run = known.map(|known| known.announce.message.run.clone());
        self.say(Kind::Hello, (0, 0), json!({ "follower": self.who.follower, "run": run, "last_k": last }))
    }

    /// The times of the run, once they are known.
    pub fn terms(&self) -> Option<Terms> {
        self.known.as_ref().map(|known| known.terms)
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
        if ours.is_some_and(|ours| (&ours.run, &ours.inst) != (&message.run, &message.inst)) {
            return Ok(Reply::Ignored("it is for another run"));
        }
        match (message.kind, self.known.is_some()) {
            (Kind::Announce, true) => Ok(Reply::Send(self.acknowledge())),
            (Kind::Announce, false) => self.join(letter),
            (Kind::Refuse, _) => Err(FollowError::Refused(refusal(&message.body))),
            (Kind::Abort, _) => Err(FollowError::Aborted(word(&message.body, "reason"))),
            (Kind::Price | Kind::Decision | Kind::Tax, true) => self.answer(letter),
            _ => Ok(Reply::Ignored("it comes before the announcement, or leaders do not say that")),
        }
    }

    fn acknowledge(&self) -> Arc<[u8]> {
        let inst = self.known.as_ref().map(|known| known.announce.message.inst.clone());
        self.say(Kind::Ack, (0, 1), json!({ "announce_hash": inst, "accept": true }))
    }

    /// Looks at what is announced as if it were her own plan.
    fn join(&mut self, letter: Sealed) -> Result<Reply, FollowError> {
        let message = &letter.message;
        let hash = canonical::hash(canonical::text(&message.body).as_bytes());
        let looked = if hash == message.inst {
            announce::read(&message.body).map_err(FollowError::from)
        } else {
            let accepted = "the hash of the announcement".into();
            Err(Unacceptable {
                code: "announce",
                field: "inst".into(),
                found: message.inst.clone(),
                accepted,
            }
            .into())
        };
        let looked = looked.and_then(|(plan, terms)| {
            let accepted = plan.problem().len();
            if self.who.follower >= accepted {
                return Err(FollowError::Number { found: self.who.follower, accepted });
            }
            plan.fits(self.who.follower, &self.who.cost)?;
            Ok((plan, terms))
        });
        match looked {
            Ok((plan, terms)) => {
                self.known = Some(Known { announce: letter, plan, terms, last: None, decision: None });
                self.remember()?;
                Ok(Reply::Send(self.acknowledge()))
            }
            Err(error) => {
                let body = match &error {
                    FollowError::Unacceptable(e) => {
                        json!({ "code": e.code, "field": e.field, "found": e.found, "accepted": e.accepted })
                    }
                    // How her cost does not fit is nobody's business.
                    _ => {
                        json!({ "code": "cost", "field": "cost", "found": null, "accepted": "another announcement" })
                    }
                };
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
        let reply = self.compose(known, &letter.message)?;
        if letter.message.kind == Kind::Decision {
            let n = known.plan.problem().follower(self.who.follower).decisions();
            let decision = letters::read_decision(&letter.message.body, n)?.z;
            self.known.iter_mut().for_each(|known| known.decision = Some(decision.clone()));
        }
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
            decision: self.known.as_ref().and_then(|known| known.decision.clone()),
            signed: letter.bytes.clone(),
        };
        Reply::Taxed(reply, tax)
    }

    fn compose(&self, known: &Known, letter: &Message) -> Result<Arc<[u8]>, FollowError> {
        let agent = self.who.follower;
        let public = known.plan.problem().follower(agent);
        let n = public.decisions();
        let faithful = Faithful { agent, public, cost: &self.who.cost };
        let at = (letter.k, letter.seq);
        Ok(match letter.kind {
            Kind::Price => {
                let prices = letters::read_price(&letter.body, &known.plan, agent, letter.k)?;
                self.say(Kind::Report, at, letters::report(&prices, &faithful.answer(&prices), agent, n))
            }
            Kind::Decision => {
                let decision = letters::read_decision(&letter.body, n)?;
                self.say(Kind::Value, at, letters::values(&decision, &faithful.values(&decision)))
            }
            _ => {
                let hash = canonical::hash(canonical::text(&letter.body).as_bytes());
                self.say(Kind::Receipt, at, json!({ "tax_hash": hash }))
            }
        })
    }

    /// Writes what she remembers, whole or not at all, before the answer leaves.
    fn remember(&self) -> Result<(), FollowError> {
        let (Some(path), Some(known)) = (&self.memory, &self.known) else { return Ok(()) };
        let last = known.last.as_ref().map(|last| {
            let reply: Value = serde_json::from_slice(&last.reply).unwrap_or_default();
            json!({ "letter": last.letter.value(), "reply": reply })
        });
        let text = canonical::text(&json!({
            "announce": known.announce.value(),
            "last": last,
            "decision": known.decision,
        }));
        let failed =
            |e: io::Error| FollowError::Memory { path: path.display().to_string(), why: e.to_string() };
        let beside = path.with_extension("new");
        std::fs::write(&beside, text).map_err(failed)?;
        std::fs::rename(&beside, path).map_err(failed)
    }

    fn recall(&mut self, path: &Path) -> Result<(), String> {
        let bytes = std::fs::read(path).map_err(|e| e.to_string())?;
        let value = canonical::read(&bytes).map_err(|e| e.to_string())?;
        let message = |value: Option<&Value>| {
            let text = canonical::text(value.unwrap_or(&Value::Null));
            self.open(text.as_bytes()).map_err(|e| format!("found no message of this leader: {e}"))
        };
        let announce = message(value.get("announce"))?;
        if announce.message.to != Party::Follower(self.who.follower) {
            return Err("found what another follower remembers".into());
        }
        let (plan, terms) = announce::read(&announce.message.body).map_err(|e| e.to_string())?;
        let last = match value.get("last") {
            None | Some(Value::Null) => None,
            Some(last) => {
                let reply = canonical::text(last.get("reply").unwrap_or(&Value::Null));
                Some(Last { letter: message(last.get("letter"))?, reply: reply.into_bytes().into() })
            }
        };
        let decision = value.get("decision").and_then(Value::as_array);
        let decision = decision.map(|list| list.iter().filter_map(Value::as_f64).collect());
        self.known = Some(Known { announce, plan, terms, last, decision });
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
    let mut heard = Instant::now();
    let (mut pause, mut first_word) = (TICK, FIRST_WORD);
    let mut taxed: Option<Tax> = None;
    loop {
        let lost = match dial() {
            Ok(stream) => {
                let before = heard;
                let mut line = Line { first_word, heard: &mut heard, taxed: &mut taxed, watch, stop };
                let ended = line.attend(clerk, stream)?;
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
        watch(Sight::Disconnected(lost));
        thread::sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// What a connection is watched with.
struct Line<'a> {
    first_word: Duration,
    heard: &'a mut Instant,
    taxed: &'a mut Option<Tax>,
    watch: &'a mut dyn FnMut(Sight),
    stop: &'a AtomicBool,
}

impl Line<'_> {
    /// One connection; says why it ended.
    fn attend(&mut self, clerk: &mut Clerk, mut stream: TcpStream) -> Result<String, FollowError> {
        let prepared = stream
            .set_nodelay(true)
            .and_then(|()| stream.set_read_timeout(Some(TICK)))
            .and_then(|()| stream.set_write_timeout(Some(TAKEN)));
        if let Err(error) = prepared {
            return Ok(error.to_string());
        }
        if let Err(error) = frame::write(&mut stream, &clerk.hello()) {
            return Ok(error.to_string());
        }
        (self.watch)(Sight::Connected);
        let mut silence = self.first_word;
        loop {
            let since = Instant::now();
            let mut wait = || !self.stop.load(Ordering::Relaxed) && since.elapsed() < silence;
            let bytes = match frame::read(&mut stream, frame::LONGEST, &mut wait) {
                Ok(bytes) => bytes,
                Err(error) => return Ok(error.to_string()),
            };
            let reply = clerk.handle(&bytes)?;
            if !matches!(reply, Reply::Broken(_)) {
                *self.heard = Instant::now();
                // A leader whose machine went away says nothing more, not even goodbye.
                let usual = |t: Terms| Duration::from_millis(2 * t.round_ms.max(t.value_ms));
                silence = clerk.terms().map_or(silence, usual);
            }
            let bytes = match reply {
                Reply::Send(bytes) => bytes,
                Reply::Taxed(bytes, tax) => {
                    *self.taxed = Some(tax);
                    bytes
                }
                Reply::Ignored(why) => {
                    (self.watch)(Sight::Ignored(why));
                    continue;
                }
                Reply::Broken(why) => return Ok(why),
                Reply::Ended(bytes, error) => {
                    // If this does not arrive, silence says the same.
                    let _ = frame::write(&mut stream, &bytes);
                    return Err(error);
                }
            };
            if let Err(error) = frame::write(&mut stream, &bytes) {
                return Ok(error.to_string());
            }
            let last = clerk.known.as_ref().and_then(|known| known.last.as_ref());
            (self.watch)(Sight::Answered(last.map_or(0, |last| last.letter.message.k)));
        }
    }
}
