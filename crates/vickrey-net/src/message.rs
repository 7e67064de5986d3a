//! Messages: who says what to whom, in which run and round, signed.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::canonical::{self, NotCanonical};
use crate::keys::{Key, PublicKey};

/// The version of the wire.
pub const VERSION: u64 = 1;

/// Names of runs are at most so long, bytes.
pub const LONGEST_RUN: usize = 64;

/// The kinds of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A follower opens a connection.
    Hello,
    /// A follower takes part in what was announced.
    Ack,
    /// Something is not accepted.
    Refuse,
    /// The leader fixes everything that is public.
    Announce,
    /// Prices of a round.
    Price,
    /// Answers to them.
    Report,
    /// Where a follower's neighbours are reached.
    Neighbours,
    /// Where a follower is, said to a neighbour.
    State,
    /// What was decided.
    Decision,
    /// What it costs.
    Value,
    /// Who pays what.
    Tax,
    /// The tax has arrived.
    Receipt,
    /// The sender leaves the run.
    Abort,
}

const KINDS: [(Kind, &str); 13] = [
    (Kind::Hello, "HELLO"),
    (Kind::Ack, "ACK"),
    (Kind::Refuse, "REFUSE"),
    (Kind::Announce, "ANNOUNCE"),
    (Kind::Price, "PRICE"),
    (Kind::Report, "REPORT"),
    (Kind::Neighbours, "NEIGHBOURS"),
    (Kind::State, "STATE"),
    (Kind::Decision, "DECISION"),
    (Kind::Value, "VALUE"),
    (Kind::Tax, "TAX"),
    (Kind::Receipt, "RECEIPT"),
    (Kind::Abort, "ABORT"),
];

impl Kind {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        KINDS.iter().find(|(kind, _)| *kind == self).map_or("", |(_, word)| word)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A sender or receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Party {
    /// The leader, `"L"`.
    Leader,
    /// A follower by number, from 0.
    Follower(usize),
}

impl Party {
    fn value(self) -> Value {
        match self {
            Self::Leader => "L".into(),
            Self::Follower(i) => i.into(),
        }
    }

    fn read(value: &Value) -> Option<Self> {
        match value {
            Value::String(word) if word == "L" => Some(Self::Leader),
            _ => value.as_u64().and_then(|i| usize::try_from(i).ok()).map(Self::Follower),
        }
    }
}

/// What is said.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// The run; empty where a follower does not know it yet.
    pub run: String,
    /// SHA-256 of the canonical body of ANNOUNCE; empty where it is not known yet.
    pub inst: String,
    /// What kind.
    pub kind: Kind,
    /// Who says it.
    pub from: Party,
    /// To whom.
    pub to: Party,
    /// The round, from 1; 0 outside of rounds.
    pub k: u64,
    /// The leader's letters to a follower in this run are numbered from 1 (ANNOUNCE); an answer has the number of its
    /// letter. 0 for all else. A message that is sent again keeps its number, so its bytes are the same.
    pub seq: u64,
    /// The content.
    pub body: Value,
}

/// A message with its bytes, signature included.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// What it says.
    pub message: Message,
    /// The frame's content.
    pub bytes: Arc<[u8]>,
}

/// Why bytes are no message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadMessage {
    /// The text.
    #[error(transparent)]
    Text(#[from] NotCanonical),
    /// A field.
    #[error("{field}: found {found}, accepted is {accepted}")]
    Field {
        /// Which.
        field: &'static str,
        /// What stands there.
        found: String,
        /// What should.
        accepted: &'static str,
    },
    /// Signed by nobody who is enrolled as its sender.
    #[error("sig: found no signature of the sender that is enrolled")]
    Signature,
}

impl Message {
    /// The text without signature, cut where the signature belongs.
    fn halves(&self) -> (String, String) {
        let mut head = String::from("{\"body\":");
        canonical::write(&self.body, &mut head);
        for (key, value) in [
            ("from", self.from.value()),
            ("inst", self.inst.as_str().into()),
            ("k", self.k.into()),
            ("run", self.run.as_str().into()),
            ("seq", self.seq.into()),
        ] {
            head.push_str(&format!(",\"{key}\":"));
            canonical::write(&value, &mut head);
        }
        let to = canonical::text(&self.to.value());
        (head, format!(",\"to\":{to},\"type\":\"{}\",\"v\":{VERSION}}}", self.kind))
    }

    /// Signs it.
    pub fn seal(self, key: &Key) -> Sealed {
        let (head, tail) = self.halves();
        let signature = key.sign(format!("{head}{tail}").as_bytes());
        let text = format!("{head},\"sig\":\"{}\"{tail}", canonical::hex(&signature));
        Sealed { message: self, bytes: text.into_bytes().into() }
    }
}

impl Sealed {
    /// Reads a message and checks that it is canonical, whole, and signed by the key that `key_of` has for its sender.
    ///
    /// # Errors
    /// Any of it fails.
    pub fn open(bytes: &[u8], key_of: &dyn Fn(Party) -> Option<PublicKey>) -> Result<Self, BadMessage> {
        let Value::Object(mut map) = canonical::read(bytes)? else {
            return Err(field("message", &Value::Null, "an object"));
        };
        let signature = map.remove("sig").unwrap_or_default();
        let signature =
            signature.as_str().and_then(canonical::from_hex::<64>).ok_or(BadMessage::Signature)?;
        let message = parse(map)?;
        let key = key_of(message.from).ok_or(BadMessage::Signature)?;
        // In canonical form the signature stands at one place only.
        let (head, tail) = message.halves();
        if !key.signed(format!("{head}{tail}").as_bytes(), &signature) {
            return Err(BadMessage::Signature);
        }
        Ok(Self { message, bytes: bytes.into() })
    }

    /// The whole message as a value, signature included, for records.
    pub fn value(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_default()
    }
}

fn field(field: &'static str, found: &Value, accepted: &'static str) -> BadMessage {
    let found = if found.is_null() { "nothing".into() } else { found.to_string().chars().take(80).collect() };
    BadMessage::Field { field, found, accepted }
}

fn parse(mut map: serde_json::Map<String, Value>) -> Result<Message, BadMessage> {
    let mut take = |key: &str| map.remove(key).unwrap_or_default();
    let v = take("v");
    if v.as_u64() != Some(VERSION) {
        return Err(field("v", &v, "1"));
    }
    let word = take("type");
    let kind = KINDS.iter().find(|(_, w)| word.as_str() == Some(w)).map(|(kind, _)| *kind);
    let kind = kind.ok_or_else(|| field("type", &word, "a kind of message, for example REPORT"))?;
    let party = |key, value: Value| {
        Party::read(&value).ok_or_else(|| field(key, &value, "\"L\" or a follower's number, from 0"))
    };
    let (from, to) = (party("from", take("from"))?, party("to", take("to"))?);
    let count = |key, value: Value| value.as_u64().ok_or_else(|| field(key, &value, "a whole number from 0"));
    let (k, seq) = (count("k", take("k"))?, count("seq", take("seq"))?);
    let name = |key, value: Value, longest: usize| match value {
        Value::String(text) if text.len() <= longest => Ok(text),
        other => Err(field(key, &other, "a short text")),
    };
    let (run, inst) = (name("run", take("run"), LONGEST_RUN)?, name("inst", take("inst"), 64)?);
    let body = take("body");
    if !body.is_object() {
        return Err(field("body", &body, "an object"));
    }
    match map.into_iter().next() {
        Some((key, _)) => Err(BadMessage::Field {
            field: "message",
            found: format!("the key {:?}", key.chars().take(80).collect::<String>()),
            accepted: "body, from, inst, k, run, seq, sig, to, type and v",
        }),
        None => Ok(Message { run, inst, kind, from, to, k, seq, body }),
    }
}
