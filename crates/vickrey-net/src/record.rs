//! What the leader records: the messages that counted, when stages closed, and what was said in the end. The rest follows
//! from these by the rules.

use serde_json::{Value, json};

use crate::announce::{self, Unacceptable};
use crate::canonical;
use crate::keys::{Enrolment, KeyError, PublicKey};
use crate::message::{BadMessage, Party, Sealed};

/// How a run begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Begin {
    /// The run's name.
    pub run: String,
    /// The body of ANNOUNCE.
    pub announce: Value,
    /// Who takes part.
    pub enrolment: Enrolment,
}

/// One record.
#[derive(Clone, Debug)]
pub enum Record {
    /// The first.
    Begin(Begin),
    /// A message of a follower that counts.
    Message(Sealed),
    /// A stage was closed, with these followers silent.
    Closed {
        /// The stage, for people and as a check.
        stage: String,
        /// Who was asked and did not answer (ascending).
        silent: Vec<usize>,
    },
    /// Where everybody stands, as it was seen (follower by follower).
    Observed {
        /// Positions.
        positions: Vec<f64>,
    },
    /// What the leader says in the end, for the archive.
    Said(Sealed),
    /// A message that came after its round was closed. It does not count.
    Late {
        /// Whose.
        follower: usize,
        /// Its round.
        k: u64,
    },
    /// A second message for one round that differs from the first, kept as evidence. It does not count.
    Equivocation(Sealed),
}

/// Why a record is none.
#[derive(Debug, thiserror::Error)]
pub enum BadRecord {
    /// It has another shape.
    #[error("found another record, accepted are those of this version")]
    Shape,
    /// The message in it is not authentic.
    #[error(transparent)]
    Message(#[from] BadMessage),
    /// A key in it is none.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The announcement in it is refused.
    #[error(transparent)]
    Announce(#[from] Unacceptable),
}

impl Record {
    /// As it is written.
    pub fn value(&self) -> Value {
        match self {
            Self::Begin(begin) => {
                let followers = &begin.enrolment.followers;
                json!({
                    "record": "begin",
                    "run": begin.run,
                    "announce": begin.announce,
                    "leader": begin.enrolment.leader.to_string(),
                    "followers": followers.iter().map(|(_, key)| key.to_string()).collect::<Vec<_>>(),
                    "names": followers.iter().map(|(name, _)| name).collect::<Vec<_>>(),
                })
            }
            Self::Message(sealed) => json!({ "record": "message", "message": sealed.value() }),
            Self::Closed { stage, silent } => json!({ "record": "closed", "stage": stage, "silent": silent }),
            Self::Said(sealed) => json!({ "record": "said", "message": sealed.value() }),
            Self::Observed { positions } => json!({ "record": "observed", "positions": positions }),
            Self::Late { follower, k } => json!({ "record": "late", "follower": follower, "k": k }),
            Self::Equivocation(sealed) => json!({ "record": "equivocation", "message": sealed.value() }),
        }
    }

    /// Reads a record; messages in it must be signed by who is enrolled. (The first record says who is.)
    ///
    /// # Errors
    /// It has another shape, or a message is not authentic.
    pub fn read(value: &Value, enrolment: Option<&Enrolment>) -> Result<Self, BadRecord> {
        let text = |key: &str| value.get(key).and_then(Value::as_str).ok_or(BadRecord::Shape);
        let number = |value: &Value| value.as_u64().and_then(|x| usize::try_from(x).ok());
        let message = || {
            let message = value.get("message").ok_or(BadRecord::Shape)?;
            let key_of = |party: Party| enrolment.and_then(|e| e.key(party)).copied();
            Ok::<_, BadRecord>(Sealed::open(canonical::text(message).as_bytes(), &key_of)?)
        };
        match text("record")? {
            "begin" => Ok(Self::Begin(begin(value)?)),
            "message" => Ok(Self::Message(message()?)),
            "said" => Ok(Self::Said(message()?)),
            "equivocation" => Ok(Self::Equivocation(message()?)),
            "closed" => {
                let silent = value.get("silent").and_then(Value::as_array).ok_or(BadRecord::Shape)?;
                let silent: Option<Vec<usize>> = silent.iter().map(number).collect();
                Ok(Self::Closed { stage: text("stage")?.into(), silent: silent.ok_or(BadRecord::Shape)? })
            }
            "observed" => {
                let positions = value.get("positions").and_then(Value::as_array).ok_or(BadRecord::Shape)?;
                let positions: Option<Vec<f64>> = positions.iter().map(Value::as_f64).collect();
                Ok(Self::Observed { positions: positions.ok_or(BadRecord::Shape)? })
            }
            "late" => {
                let follower = value.get("follower").and_then(number).ok_or(BadRecord::Shape)?;
                let k = value.get("k").and_then(Value::as_u64).ok_or(BadRecord::Shape)?;
                Ok(Self::Late { follower, k })
            }
            _ => Err(BadRecord::Shape),
        }
    }
}

fn begin(value: &Value) -> Result<Begin, BadRecord> {
    let texts = |key: &str| -> Result<Vec<String>, BadRecord> {
        let list = value.get(key).and_then(Value::as_array).ok_or(BadRecord::Shape)?;
        list.iter().map(|x| x.as_str().map(String::from).ok_or(BadRecord::Shape)).collect()
    };
    let text = |key: &str| value.get(key).and_then(Value::as_str).ok_or(BadRecord::Shape);
    let announce = value.get("announce").cloned().ok_or(BadRecord::Shape)?;
    announce::read(&announce)?;
    let (keys, names) = (texts("followers")?, texts("names")?);
    if keys.len() != names.len() {
        return Err(BadRecord::Shape);
    }
    let followers = names.into_iter().zip(keys).map(|(name, key)| {
        let key = PublicKey::parse(&name, &key)?;
        Ok((name, key))
    });
    let followers = followers.collect::<Result<_, KeyError>>()?;
    let leader = PublicKey::parse("leader", text("leader")?)?;
    Ok(Begin { run: text("run")?.into(), announce, enrolment: Enrolment { leader, followers } })
}
