//! A follower's rounds without clock, connections and files: where she is, what she has heard, what counts.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde_json::{Value, json};
use vickrey::faithful::consensus::Rules;
use vickrey::faithful::consensus::protocol::Report;

/// So many of her last positions a follower says again to neighbours who are behind.
const KEPT: usize = 16;
/// Positions that neighbours say for later rounds are kept for so many rounds; further ones are ignored, and said again
/// when it is time.
const AHEAD: u64 = 16;

/// What a position that a neighbour says is worth.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// It counts in its round.
    Counts,
    /// It is the one that counts, once more.
    Repeat,
    /// It differs from the one that counts, which is kept: both are evidence.
    Equivocation {
        /// The message that counts.
        first: Arc<[u8]>,
    },
    /// Its round is over here. `behind`: there for all that is known it is not.
    Old {
        /// Whether she needs to hear again what was said since.
        behind: bool,
    },
    /// It is for no round, or one that is too far away.
    Ignored,
}

/// A position for a round, as it arrived; none: no number.
#[derive(Clone, Debug)]
struct Said {
    z: Option<f64>,
    bytes: Arc<[u8]>,
}

/// A follower on her way.
#[derive(Clone, Debug)]
pub struct Walk {
    rules: Arc<Rules>,
    follower: usize,
    wish: f64,
    /// The open round, from 1; n + 1: she has arrived.
    k: u64,
    z: f64,
    /// Her last positions by the round in which they are said.
    recent: VecDeque<(u64, f64)>,
    /// The last valid position of every neighbour in rounds that are over.
    heard: Vec<Option<f64>>,
    /// What neighbours say for the open round and later ones.
    inbox: Vec<BTreeMap<u64, Said>>,
    /// The last round in which each neighbour is known to have been.
    latest: Vec<u64>,
}

impl Walk {
    /// Before the first round, at what she wishes.
    pub fn new(rules: Arc<Rules>, follower: usize, wish: f64) -> Self {
        let neighbours = rules.instance().graph().degree(follower);
        Self {
            rules,
            follower,
            wish,
            k: 1,
            z: wish,
            recent: VecDeque::from([(1, wish)]),
            heard: vec![None; neighbours],
            inbox: vec![BTreeMap::new(); neighbours],
            latest: vec![0; neighbours],
        }
    }

    /// Her neighbours, ascending. Elsewhere they are named by their place in this list.
    pub fn neighbours(&self) -> &[usize] {
        self.rules.instance().graph().neighbours(self.follower)
    }

    /// The open round, from 1; one more than there are rounds once she has arrived.
    pub fn k(&self) -> u64 {
        self.k
    }

    /// Where she is.
    pub fn position(&self) -> f64 {
        self.z
    }

    /// Whether all rounds are over.
    pub fn arrived(&self) -> bool {
        self.k > self.rules.rounds() as u64
    }

    /// Positions that she has said lately from round `from` on, newest first: who is behind learns at once how far she is.
    pub fn said(&self, from: u64) -> impl Iterator<Item = (u64, f64)> {
        self.recent.iter().rev().copied().take_while(move |(k, _)| *k >= from)
    }

    /// Neighbours who have not said where they are in the open round.
    pub fn silent(&self) -> Vec<usize> {
        let waits = |at: &usize| !self.arrived() && !self.inbox[*at].contains_key(&self.k);
        (0..self.inbox.len()).filter(waits).collect()
    }

    /// Takes what a neighbour says for round `k`. What is no number (`z` none) is an answer and no position.
    pub fn hear(&mut self, at: usize, k: u64, z: Option<f64>, bytes: &Arc<[u8]>) -> Heard {
        if k == 0 || k > self.rules.rounds() as u64 {
            return Heard::Ignored;
        }
        let newest = k >= self.latest[at];
        self.latest[at] = self.latest[at].max(k);
        if k < self.k {
            return Heard::Old { behind: newest };
        }
        if k > self.k + AHEAD {
            return Heard::Ignored;
        }
        match self.inbox[at].get(&k) {
            Some(first) if first.bytes == *bytes => Heard::Repeat,
            Some(first) => Heard::Equivocation { first: first.bytes.clone() },
            None => {
                self.inbox[at].insert(k, Said { z, bytes: bytes.clone() });
                Heard::Counts
            }
        }
    }

    /// Closes the open round with what was heard: a neighbour of whom there is nothing counts as where she was last, and
    /// before that not at all.
    pub fn step(&mut self) {
        if self.arrived() {
            return;
        }
        for (said, heard) in self.inbox.iter_mut().zip(&mut self.heard) {
            *heard = said.remove(&self.k).and_then(|said| said.z).or(*heard);
        }
        self.z = self.rules.step_from(self.z, self.heard.iter().copied().flatten());
        self.k += 1;
        if !self.arrived() {
            self.recent.push_back((self.k, self.z));
            if self.recent.len() > KEPT {
                self.recent.pop_front();
            }
        }
    }

    /// What she tells the leader in the end.
    pub fn report(&self) -> Report {
        Report { value: (self.z - self.wish).powi(2), position: Some(self.z) }
    }

    /// What she has to remember to go on here.
    pub fn remembers(&self) -> Value {
        json!({ "k": self.k, "z": self.z, "said": self.recent, "heard": self.heard })
    }

    /// Goes on from there.
    ///
    /// # Errors
    /// It is something else.
    pub fn recall(&mut self, value: &Value) -> Result<(), String> {
        let wrong =
            || "found another form of rounds, accepted is what `vickrey follow` has written".to_owned();
        let number = |value: &Value| value.as_f64();
        let k = value.get("k").and_then(Value::as_u64).ok_or_else(wrong)?;
        let z = value.get("z").and_then(number).ok_or_else(wrong)?;
        let heard = value.get("heard").and_then(Value::as_array).ok_or_else(wrong)?;
        let said = value.get("said").and_then(Value::as_array).ok_or_else(wrong)?;
        let said: Option<VecDeque<(u64, f64)>> =
            said.iter().map(|pair| Some((pair.get(0)?.as_u64()?, number(pair.get(1)?)?))).collect();
        let said = said.filter(|said| said.len() <= KEPT && said.iter().is_sorted_by(|a, b| a.0 < b.0));
        let rounds = self.rules.rounds() as u64;
        if !(1..=rounds + 1).contains(&k) || heard.len() != self.heard.len() {
            return Err(wrong());
        }
        (self.k, self.z) = (k, z);
        self.recent = said.ok_or_else(wrong)?;
        self.heard = heard.iter().map(number).collect();
        Ok(())
    }
}
