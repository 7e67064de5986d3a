//! The follower's side of consensus towards the leader: she says where she is reached, hears where her neighbours are, and
//! says in the end what her position costs her. The rounds are at her [`Post`].

use std::fmt;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, Value};
use vickrey::faithful::consensus::Rules;

use super::letters;
use super::post::Post;
use crate::announce::{Unacceptable, wrong};
use crate::follow::{FollowError, Sight};
use crate::keys::Enrolment;
use crate::mechanism::{Answer, FollowerSide};
use crate::message::{Kind, Message};

/// What a follower of consensus has for herself.
#[derive(Clone)]
pub struct Wish {
    /// th_i: where she would like to be.
    pub wish: f64,
    /// Who takes part: her neighbours' keys are in it.
    pub enrolment: Arc<Enrolment>,
    /// Where neighbours dial; none: nobody is answered (for followers without sockets).
    pub listener: Option<Arc<TcpListener>>,
    /// How neighbours reach that: a host and a port.
    pub address: String,
    /// Where she writes where she goes.
    pub place: Option<PathBuf>,
}

impl fmt::Debug for Wish {
    /// Without the wish: it is private.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wish")
            .field("address", &self.address)
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

/// A wish outside of the range that is announced.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("wish: found {found}, accepted is a number from {low} to {high}, the announced range")]
pub struct Outside {
    /// The wish.
    pub found: f64,
    /// The range's lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// Whether a follower may take part with her wish.
///
/// # Errors
/// It is outside of her range.
pub fn fits(rules: &Rules, follower: usize, wish: f64) -> Result<(), Outside> {
    let instance = rules.instance();
    let (low, high) = (instance.low()[follower], instance.high()[follower]);
    if (low..=high).contains(&wish) { Ok(()) } else { Err(Outside { found: wish, low, high }) }
}

/// Whether followers are announced by the names under which their keys are enrolled: a follower talks to her neighbours
/// by these keys.
///
/// # Errors
/// A name differs.
pub fn same_names(rules: &Rules, enrolment: &Enrolment) -> Result<(), Unacceptable> {
    let announced: Vec<String> = (0..rules.len()).map(|i| rules.instance().name(i).into_owned()).collect();
    let enrolled: Vec<&String> = enrolment.followers.iter().map(|(name, _)| name).collect();
    if announced.iter().eq(enrolled.iter().copied()) {
        return Ok(());
    }
    Err(wrong("plan", "names", announced.join(", "), "the names of the enrolment, in its order"))
}

/// The follower's side.
#[derive(Debug)]
pub struct Side {
    post: Arc<Post>,
}

impl Side {
    /// At her post.
    pub fn new(post: Arc<Post>) -> Self {
        Self { post }
    }
}

impl FollowerSide for Side {
    fn acknowledgement(&self) -> Map<String, Value> {
        Map::from_iter([("address".to_owned(), self.post.address().into())])
    }

    fn answer(&mut self, _: &Message) -> Result<Option<Answer>, FollowError> {
        Ok(None)
    }

    fn is_notice(&self, kind: Kind) -> bool {
        kind == Kind::Neighbours
    }

    fn notice(&mut self, letter: &Message) -> Result<(), FollowError> {
        let addresses = letters::read_neighbours(&letter.body, self.post.neighbours());
        let addresses = addresses.ok_or(FollowError::Neighbours)?;
        self.post.begin(addresses);
        Ok(())
    }

    fn unasked(&mut self) -> Result<Option<(u64, Answer)>, FollowError> {
        // It answers NEIGHBOURS, the leader's second letter.
        Ok(self.post.report()?.map(|report| (2, (Kind::Value, letters::value(report)))))
    }

    fn decision(&self) -> Option<Vec<f64>> {
        Some(vec![self.post.position()])
    }

    fn failed(&mut self) -> Option<FollowError> {
        self.post.failed()
    }

    fn sights(&mut self) -> Vec<Sight> {
        self.post.sights()
    }

    fn remembers(&self) -> Option<Value> {
        None
    }

    fn recall(&mut self, value: &Value) -> Result<(), String> {
        self.post.recall(value)
    }

    fn post(&self) -> Option<Arc<Post>> {
        Some(self.post.clone())
    }
}
