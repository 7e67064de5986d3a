//! What the mechanism needs to know of a market that repeats every day.

use std::fmt::Debug;

use rand_chacha::ChaCha8Rng;

use super::law::Supertypes;
use crate::mechanism::AgentId;

/// A market that repeats every day; the mechanism around it is the same for all.
///
/// On every day something public is known before the bids ([`Day`](Self::Day), with a signal that laws may depend on and
/// that the tests look at), types are bid, nature adds what comes after the bids ([`Draw`](Self::Draw)), and a decision
/// follows.
pub trait Market: Send + Sync {
    /// What is publicly known before the bids.
    type Day: Clone + Debug + PartialEq + Send + Sync;
    /// What nature adds after the bids.
    type Draw: Clone + Debug + PartialEq + Send + Sync;
    /// What is decided.
    type Decision: Clone + Debug + Default + PartialEq + Send;
    /// The market solved for reported laws.
    type Plan: Clone + Debug + Send + Sync;
    /// Why it cannot be solved.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Number of types by player.
    fn types(&self) -> &[usize];

    /// Number of public signals.
    fn signals(&self) -> usize;

    /// Solves the first stage for reported laws.
    ///
    /// # Errors
    /// It is too large, or not possible.
    fn plan(&self, reports: &Supertypes) -> Result<Self::Plan, Self::Error>;

    /// The signal of a day.
    fn signal(&self, day: &Self::Day) -> usize;

    /// Whether nature may say this before the bids, and this after them.
    ///
    /// # Errors
    /// What is wrong.
    fn check(&self, day: &Self::Day, draw: Option<&Self::Draw>) -> Result<(), Unusable>;

    /// What nature adds to a day, drawn by its public laws.
    fn draw(&self, day: &Self::Day, rng: &mut ChaCha8Rng) -> Self::Draw;

    /// Decides a day. `settled` has the right lengths and is written over.
    fn settle(
        &self,
        plan: &Self::Plan,
        day: &Self::Day,
        draw: &Self::Draw,
        bids: &[usize],
        settled: &mut Settled<Self::Decision>,
    );

    /// What a decision is truly worth to a player of some type, money; negative for a cost.
    fn value(&self, day: &Self::Day, player: AgentId, own: usize, decision: &Self::Decision) -> f64;

    /// What a type adds to the sum over the others that the binned test looks at.
    fn score(&self, player: AgentId, own: usize) -> f64;

    /// R: the largest difference that a type makes to any player on a day, money, if it is finite and known.
    fn spread(&self) -> Option<f64>;

    /// The signals' long-run frequencies, if what is promised counts on them.
    fn frequencies(&self) -> Option<&[f64]> {
        None
    }

    /// The type that counts if a bid is missing.
    fn default_type(&self, player: AgentId) -> usize;
}

/// Something nature said that cannot be.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{field}: found {found}, accepted is {accepted}")]
pub struct Unusable {
    /// Which part.
    pub field: &'static str,
    /// What was found.
    pub found: String,
    /// What is accepted.
    pub accepted: String,
}

/// A day as decided: before penalties.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settled<Decision> {
    /// What is done.
    pub decision: Decision,
    /// What it is worth to every player by her bid, money.
    pub reported: Vec<f64>,
    /// W* - W*_{-i} of the day by player: what she is given for her law.
    pub contribution: Vec<f64>,
    /// nu_i of the day by player: what the decision was expected to be worth to her by the reported laws.
    pub expected: Vec<f64>,
    /// The planner's cost of the day, money.
    pub cost: f64,
}

impl<D: Default> Settled<D> {
    /// Memory for so many players.
    pub fn new(players: usize) -> Self {
        let zero = || vec![0.0; players];
        Self { decision: D::default(), reported: zero(), contribution: zero(), expected: zero(), cost: 0.0 }
    }

    /// First-stage payment of a player for this day (paper 001, (5)), positive if she pays.
    pub fn first_payment(&self, player: AgentId) -> f64 {
        self.expected[player] - self.contribution[player]
    }

    /// Second-stage payment before penalties (paper 001, (14)).
    pub fn second_payment(&self, player: AgentId) -> f64 {
        self.reported[player] - self.expected[player]
    }

    /// Both together, in which the expectation cancels: the value of the bid, less a fixed contribution.
    pub fn payment(&self, player: AgentId) -> f64 {
        self.reported[player] - self.contribution[player]
    }
}
