//! The protocol: announce, report, settle.
//!
//! Every system of this library is the same loop between a coordinator and N agents. [`Mechanism`] is the
//! coordinator's side, [`Strategy`] an agent's, [`World`] is everything that neither of them decides: who knows what,
//! what nature draws after the reports, and what an outcome is truly worth to whom. A driver (see
//! [`crate::simulate`]) moves between the three and looks inside none of them.

use rand_chacha::ChaCha8Rng;

/// An agent's number, 0-based.
pub type AgentId = usize;

/// What a mechanism wants next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Reports from agents to the coordinator.
    Collect,
    /// One round of messages between neighbours that the coordinator does not see.
    Exchange,
    /// Nothing: the mechanism is at its end.
    Finished,
}

/// What arrived from one agent in one stage.
#[derive(Clone, Debug, PartialEq)]
pub enum Arrival<R> {
    /// The mechanism did not ask this agent in this stage.
    NotAsked,
    /// Nothing arrived in time.
    Silent,
    /// Something arrived that cannot be used.
    Refused(Rejection),
    /// A usable report.
    Admitted(R),
}

impl<R> Arrival<R> {
    /// The report, if there is a usable one.
    pub fn report(&self) -> Option<&R> {
        match self {
            Self::Admitted(report) => Some(report),
            _ => None,
        }
    }
}

/// Why a report cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("report of agent {agent}, {field}: found {found}, accepted is {accepted}")]
pub struct Rejection {
    /// Who sent it.
    pub agent: AgentId,
    /// Which part of it.
    pub field: String,
    /// What was found.
    pub found: String,
    /// What would be accepted.
    pub accepted: String,
}

/// The coordinator's side of a mechanism.
///
/// One stage is: [`next`](Self::next) says what is wanted; [`announce`](Self::announce) tells each agent what it may
/// know; reports are [`admit`](Self::admit)ted one by one; [`close`](Self::close) takes them all and fixes what must
/// be fixed before nature speaks (in the dynamic pivot mechanism: the payments); [`settle`](Self::settle) takes
/// nature's draw and produces the outcome. Peer-to-peer rounds use [`neighbours`](Self::neighbours) and
/// [`relay`](Self::relay) instead. A mechanism whose stages ask for different things makes `Report` an enum and
/// refuses the wrong kind in `admit`. Sealed bids are two stages: commitments, then openings.
pub trait Mechanism: Sync {
    /// All that the coordinator remembers. A value: cloning it forks the run.
    type State: Clone + Send;
    /// What one agent is told before it reports: the public record and its own private letter.
    type Announcement: Clone + Send;
    /// What an agent sends to the coordinator.
    type Report: Clone + Send;
    /// What an agent sends to a neighbour; [`std::convert::Infallible`] if there are no peer rounds.
    type Message: Clone + Send;
    /// What nature draws after the reports are in; `()` if nothing.
    type Shock: Send;
    /// What a stage decides: allocations and payments.
    type Outcome: Clone + Send;
    /// Why a stage cannot be settled.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Number of agents.
    fn agents(&self) -> usize;

    /// The state before the first stage.
    fn start(&self) -> Self::State;

    /// What is wanted next.
    fn next(&self, state: &Self::State) -> Next;

    /// What `agent` is told before it reports; `None` if it is not asked in this stage.
    fn announce(&self, state: &Self::State, agent: AgentId) -> Option<Self::Announcement>;

    /// Whether a report can be used in this stage.
    ///
    /// # Errors
    /// The reason why not; the report then counts as [`Arrival::Refused`], and `close` answers that by its own rule.
    fn admit(&self, state: &Self::State, agent: AgentId, report: &Self::Report) -> Result<(), Rejection>;

    /// Takes all reports of a stage and fixes what must not depend on nature's draw.
    ///
    /// # Errors
    /// The stage cannot be settled with these reports.
    fn close(&self, state: &mut Self::State, arrivals: Vec<Arrival<Self::Report>>)
    -> Result<(), Self::Error>;

    /// Takes nature's draw, ends the stage.
    ///
    /// # Errors
    /// The draw is impossible.
    fn settle(&self, state: &mut Self::State, shock: Self::Shock) -> Result<Self::Outcome, Self::Error>;

    /// Payment of every agent in this outcome: positive, the agent pays; negative, it is paid.
    fn payments<'a>(&self, outcome: &'a Self::Outcome) -> &'a [f64];

    /// To whom `agent` may write in a peer round.
    fn neighbours(&self, state: &Self::State, agent: AgentId) -> &[AgentId] {
        let _ = (state, agent);
        &[]
    }

    /// Ends a peer round. The coordinator counts it and sees nothing.
    fn relay(&self, state: &mut Self::State) {
        let _ = state;
    }
}

/// An agent's side: what it does with what it may know.
///
/// `Signal` is its private information in this stage, as the [`World`] hands it out.
pub trait Strategy<M: Mechanism, Signal>: Send {
    /// The report to the coordinator; `None` stays silent.
    fn report(&mut self, turn: Turn<'_, Signal, M::Announcement>) -> Option<M::Report>;

    /// The message to one neighbour in a peer round; `None` sends nothing.
    fn write(&mut self, to: AgentId, signal: &Signal, rng: &mut ChaCha8Rng) -> Option<M::Message> {
        let _ = (to, signal, rng);
        None
    }

    /// What each neighbour sent in this peer round (`None`: nothing arrived).
    fn read(&mut self, from: AgentId, message: Option<&M::Message>) {
        let _ = (from, message);
    }
}

/// What an agent sees when it is asked.
#[derive(Debug)]
pub struct Turn<'a, Signal, Announcement> {
    /// Its own number.
    pub agent: AgentId,
    /// The stage, counted from 0; peer rounds count.
    pub stage: usize,
    /// Its private information.
    pub signal: &'a Signal,
    /// What it was told.
    pub announcement: &'a Announcement,
    /// Its own random numbers, independent of nature's and of every other agent's.
    pub rng: &'a mut ChaCha8Rng,
}

/// Everything that neither the coordinator nor the agents decide.
pub trait World<M: Mechanism> {
    /// What an agent knows privately in a stage.
    type Signal;

    /// The private information of `agent` in this stage.
    fn signal(&mut self, stage: usize, agent: AgentId) -> Self::Signal;

    /// What nature draws once the reports of this stage are in.
    fn shock(&mut self, stage: usize) -> M::Shock;

    /// What the outcome of this stage is truly worth to every agent, before payments; moves hidden states along.
    fn valuations(&mut self, stage: usize, outcome: &M::Outcome) -> Vec<f64>;
}

/// Collects the reports of one stage as they come in: the first usable one of each agent counts.
///
/// For drivers that receive reports one by one, in any order: a second report, or one from somebody who was not asked,
/// is refused and changes nothing.
#[derive(Debug)]
pub struct Inbox<'a, M: Mechanism> {
    mechanism: &'a M,
    state: &'a M::State,
    arrivals: Vec<Arrival<M::Report>>,
}

impl<'a, M: Mechanism> Inbox<'a, M> {
    /// An empty inbox for the stage that `state` is in.
    pub fn new(mechanism: &'a M, state: &'a M::State) -> Self {
        let asked = |agent| mechanism.announce(state, agent).is_some();
        let empty = |agent| if asked(agent) { Arrival::Silent } else { Arrival::NotAsked };
        Self { mechanism, state, arrivals: (0..mechanism.agents()).map(empty).collect() }
    }

    /// Takes a report. A refused one is remembered until a usable one follows.
    ///
    /// # Errors
    /// Why it does not count: there is no such agent, it was not asked, it has reported before, or the mechanism cannot
    /// use it.
    pub fn offer(&mut self, agent: AgentId, report: M::Report) -> Result<(), Rejection> {
        let agents = self.arrivals.len();
        let refuse = |found: &str, accepted: String| Rejection {
            agent,
            field: "report".into(),
            found: found.into(),
            accepted,
        };
        let slot = self
            .arrivals
            .get_mut(agent)
            .ok_or_else(|| refuse("an unknown agent", format!("agents 0 to {}", agents.saturating_sub(1))))?;
        match slot {
            Arrival::NotAsked => {
                return Err(refuse("a report that was not asked for", "none in this stage".into()));
            }
            Arrival::Admitted(_) => {
                return Err(refuse(
                    "a second report",
                    "one report per agent and stage; the first counts".into(),
                ));
            }
            Arrival::Silent | Arrival::Refused(_) => {}
        }
        match self.mechanism.admit(self.state, agent, &report) {
            Ok(()) => *slot = Arrival::Admitted(report),
            Err(rejection) => {
                *slot = Arrival::Refused(rejection.clone());
                return Err(rejection);
            }
        }
        Ok(())
    }

    /// What arrived, for [`Mechanism::close`].
    pub fn close(self) -> Vec<Arrival<M::Report>> {
        self.arrivals
    }
}
