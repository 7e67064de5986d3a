//! Keys: everybody signs with an Ed25519 key of her own; who holds which one is fixed at enrolment, before the run.

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

use crate::canonical::{from_hex, hex};
use crate::message::Party;

/// A secret key.
#[derive(Clone)]
pub struct Key(SigningKey);

/// A public key; as text 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

/// Who takes part, with which key; followers in the order of the scenario, which numbers them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolment {
    /// The leader's key.
    pub leader: PublicKey,
    /// Names and keys of the followers.
    pub followers: Vec<(String, PublicKey)>,
}

/// Why keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// No 64 hexadecimal digits.
    #[error("{field}: found {found:?}, accepted are 64 hexadecimal digits in lower case")]
    Text {
        /// Where.
        field: String,
        /// What stands there (nothing of a secret).
        found: String,
    },
    /// No point of the curve, or a weak one.
    #[error("{field}: found digits that are no public key, accepted is a key as `vickrey keys` prints it")]
    Point {
        /// Where.
        field: String,
    },
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// An enrolment file is no such thing.
    #[error("{path}: {why}")]
    Enrolment {
        /// The file.
        path: String,
        /// What is wrong.
        why: String,
    },
    /// The system gives no random numbers.
    #[error("the system gives no random numbers for a key: {0}")]
    Random(String),
}

impl Key {
    /// A new key from the system's random numbers.
    ///
    /// # Errors
    /// The system has none.
    pub fn generate() -> Result<Self, KeyError> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|e| KeyError::Random(e.to_string()))?;
        Ok(Self::from_seed(&seed))
    }

    /// The key of a seed, for tests and key stores.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// Reads a key file: 64 hexadecimal digits.
    ///
    /// # Errors
    /// The file cannot be read or holds something else.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let text = fs::read_to_string(path).map_err(|source| file(path, source))?;
        match from_hex::<32>(text.trim()) {
            Some(seed) => Ok(Self::from_seed(&seed)),
            // What stands in a secret file is not repeated.
            None => Err(KeyError::Text {
                field: path.display().to_string(),
                found: format!("{} characters", text.trim().len()),
            }),
        }
    }

    /// Writes a new key file that only its owner may read; never over another file.
    ///
    /// # Errors
    /// It cannot be written, or is there already.
    pub fn write(&self, path: &Path) -> Result<(), KeyError> {
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut out = options.open(path).map_err(|source| file(path, source))?;
        writeln!(out, "{}", hex(self.0.as_bytes())).map_err(|source| file(path, source))
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// The 32 secret bytes.
    pub(crate) fn seed(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    pub(crate) fn sign(&self, text: &[u8]) -> [u8; 64] {
        self.0.sign(text).to_bytes()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key of {}", self.public())
    }
}

impl PublicKey {
    /// Reads 64 hexadecimal digits; `field` says in errors where they stand.
    ///
    /// # Errors
    /// They are none, or no key.
    pub fn parse(field: &str, text: &str) -> Result<Self, KeyError> {
        let bytes = from_hex::<32>(text)
            .ok_or_else(|| KeyError::Text { field: field.into(), found: text.chars().take(80).collect() })?;
        Self::from_bytes(&bytes).ok_or_else(|| KeyError::Point { field: field.into() })
    }

    pub(crate) fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        VerifyingKey::from_bytes(bytes).ok().filter(|key| !key.is_weak()).map(Self)
    }

    pub(crate) fn signed(&self, text: &[u8], signature: &[u8; 64]) -> bool {
        self.0.verify_strict(text, &Signature::from_bytes(signature)).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(self.0.as_bytes()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct EnrolmentFile {
    leader: String,
    #[serde(default)]
    follower: Vec<Entry>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    key: String,
}

impl Enrolment {
    /// Reads a file with the leader's key and a table `[[follower]]` with name and key for each follower.
    ///
    /// # Errors
    /// The file cannot be read, is no such thing, or names somebody or a key twice.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let text = fs::read_to_string(path).map_err(|source| file(path, source))?;
        let wrong = |why: String| KeyError::Enrolment { path: path.display().to_string(), why };
        let raw: EnrolmentFile = toml::from_str(&text).map_err(|e| wrong(e.to_string()))?;
        let at = |field: &str| format!("{}, {field}", path.display());
        let leader = PublicKey::parse(&at("leader"), &raw.leader)?;
        let mut followers: Vec<(String, PublicKey)> = Vec::new();
        for entry in raw.follower {
            let key = PublicKey::parse(&at(&entry.name), &entry.key)?;
            if let Some((other, _)) =
                followers.iter().find(|(name, other)| *name == entry.name || *other == key)
            {
                return Err(wrong(format!(
                    "found {other:?} and {:?} with the same name or key, accepted is one name and one key each",
                    entry.name
                )));
            }
            followers.push((entry.name, key));
        }
        Ok(Self { leader, followers })
    }

    /// The text of an enrolment file.
    pub fn text(&self) -> String {
        let mut text = format!("leader = \"{}\"\n", self.leader);
        for (name, key) in &self.followers {
            let name = toml::Value::from(name.as_str());
            text.push_str(&format!("\n[[follower]]\nname = {name}\nkey = \"{key}\"\n"));
        }
        text
    }

    /// The key of somebody, if she is enrolled.
    pub fn key(&self, of: Party) -> Option<&PublicKey> {
        match of {
            Party::Leader => Some(&self.leader),
            Party::Follower(i) => self.followers.get(i).map(|(_, key)| key),
        }
    }
}

fn file(path: &Path, source: io::Error) -> KeyError {
    KeyError::File { path: path.display().to_string(), source }
}
