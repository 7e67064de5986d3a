//! What followers do: the faithful one, those that the theory is about, and the world they move in.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rand_chacha::ChaCha8Rng;

use super::protocol::{Agreement, Consensus, Notice, Report};
use super::solve::{Rules, Watch};
use crate::mechanism::{AgentId, Strategy, Turn, World};

/// What a follower does, by name and numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Conduct {
    /// What the protocol asks.
    #[default]
    Faithful,
    /// Stays where it would like to be, and says so.
    Stand,
    /// Faithful, but from another starting point.
    Start(f64),
    /// Faithful, but some neighbours are told positions shifted by so much.
    Mislead {
        /// Added to what is true.
        shift: f64,
        /// Who is misled; neighbours that are not listed hear the truth.
        targets: Vec<AgentId>,
    },
    /// From this round on (0: from the first) it sends nothing, moves no more, and does not report.
    Silent {
        /// Rounds that it still takes part in.
        from: usize,
    },
    /// Messages and reports that are no numbers, standing still.
    Garbage,
    /// Faithful, but so much is added to the value it reports.
    Value(f64),
    /// Stays where it would like to be and names the point that faithful play would have led it to. Pays only where the
    /// leader believes reported positions.
    Pretend,
    /// Sends what is written down, and goes to a given point in the end.
    Script {
        /// For every round one message for each neighbour, in the neighbours' order; none: nothing.
        messages: Vec<Vec<Option<f64>>>,
        /// Where it ends.
        finish: f64,
    },
}

impl Conduct {
    /// A follower of this kind, before the first round.
    pub fn follower(self, rules: &Arc<Rules>, agent: AgentId) -> Box<dyn Strategy<Consensus, Private>> {
        Box::new(Follower::new(Arc::clone(rules), agent, self))
    }
}

/// Where everybody is. Shared between the world, which sees all, and the followers, each of which moves itself.
#[derive(Debug)]
struct Ground(Vec<AtomicU64>);

/// A follower's own place on the ground: it can go somewhere, and not move anybody else.
#[derive(Clone, Debug)]
pub struct Body {
    ground: Arc<Ground>,
    agent: AgentId,
}

impl Body {
    /// Where it is.
    pub fn position(&self) -> f64 {
        f64::from_bits(self.ground.0[self.agent].load(Ordering::Relaxed))
    }

    /// Goes to a point; what is no finite number is no point, and it stays.
    pub fn go(&self, to: f64) {
        if to.is_finite() {
            self.ground.0[self.agent].store(to.to_bits(), Ordering::Relaxed);
        }
    }
}

/// What a follower has for itself.
#[derive(Clone, Debug)]
pub struct Private {
    /// th_i: where it would like to be; every other place costs it the squared distance.
    pub wish: f64,
    /// Its body.
    pub body: Body,
}

/// A follower of the protocol.
#[derive(Debug)]
pub struct Follower {
    rules: Arc<Rules>,
    agent: AgentId,
    conduct: Conduct,
    /// Where averaging has led so far; none before the first round.
    position: Option<f64>,
    /// The last valid message of every neighbour.
    heard: Vec<Option<f64>>,
    /// Messages of a round have come in and are not used yet.
    pending: bool,
    /// Rounds begun.
    rounds: usize,
    /// Neighbours written to in this round.
    written: usize,
}

impl Follower {
    /// Before the first round.
    pub fn new(rules: Arc<Rules>, agent: AgentId, conduct: Conduct) -> Self {
        let heard = vec![None; rules.instance().graph().degree(agent)];
        Self { rules, agent, conduct, position: None, heard, pending: false, rounds: 0, written: 0 }
    }

    /// Uses what came in, at most once a round: nobody reads before everybody has written.
    fn average(&mut self, wish: f64) -> f64 {
        let start = if let Conduct::Start(start) = self.conduct { start } else { wish };
        let own = self.position.unwrap_or(start);
        let heard = self.heard.iter().copied().flatten();
        let now = if self.pending { self.rules.step_from(own, heard) } else { own };
        self.pending = false;
        self.position = Some(now);
        now
    }

    /// Where its conduct puts it, given where averaging has led.
    fn place(&self, average: f64, private: &Private) -> f64 {
        match &self.conduct {
            Conduct::Stand | Conduct::Garbage | Conduct::Pretend => private.wish,
            Conduct::Silent { from } if self.rounds > *from => private.body.position(),
            Conduct::Script { finish, .. } => *finish,
            _ => average,
        }
    }
}

impl Strategy<Consensus, Private> for Follower {
    fn write(&mut self, to: AgentId, private: &Private, _: &mut ChaCha8Rng) -> Option<f64> {
        let first = self.written == 0;
        self.rounds += usize::from(first);
        let average = self.average(private.wish);
        if first && !matches!(self.conduct, Conduct::Script { .. }) {
            private.body.go(self.place(average, private));
        }
        let at = self.written;
        self.written = (at + 1) % self.heard.len();
        match &self.conduct {
            Conduct::Stand => Some(private.wish),
            Conduct::Garbage => Some(f64::NAN),
            Conduct::Silent { from } if self.rounds > *from => None,
            Conduct::Mislead { shift, targets } if targets.contains(&to) => Some(average + shift),
            Conduct::Script { messages, .. } => messages.get(self.rounds - 1)?.get(at).copied().flatten(),
            _ => Some(average),
        }
    }

    fn read(&mut self, from: AgentId, message: Option<&f64>) {
        let neighbours = self.rules.instance().graph().neighbours(self.agent);
        if let Ok(at) = neighbours.binary_search(&from) {
            let valid = message.copied().filter(|m| m.is_finite());
            self.heard[at] = valid.or(self.heard[at]);
        }
        self.pending = true;
    }

    fn report(&mut self, turn: Turn<'_, Private, Notice>) -> Option<Report> {
        let private = turn.signal;
        let average = self.average(private.wish);
        self.rounds += 1;
        private.body.go(self.place(average, private));
        let position = private.body.position();
        let value = (position - private.wish).powi(2);
        let told = |value, position| {
            let position = (turn.announcement.watch == Watch::Reported).then_some(position);
            Some(Report { value, position })
        };
        match &self.conduct {
            Conduct::Silent { .. } => None,
            Conduct::Garbage => told(f64::NAN, f64::NAN),
            Conduct::Value(more) => told(value + more, position),
            Conduct::Pretend => told(value, average),
            _ => told(value, position),
        }
    }
}

/// The world of consensus: everybody knows its own wish, and where everybody stands is plain to see.
#[derive(Debug)]
pub struct Field {
    wishes: Vec<f64>,
    ground: Arc<Ground>,
}

impl Field {
    /// Followers who would like to be at these points, and stand there.
    pub fn new(wishes: Vec<f64>) -> Self {
        let ground = wishes.iter().map(|th| AtomicU64::new(th.to_bits())).collect();
        Self { wishes, ground: Arc::new(Ground(ground)) }
    }

    /// Where everybody is now.
    pub fn positions(&self) -> Vec<f64> {
        self.ground.0.iter().map(|bits| f64::from_bits(bits.load(Ordering::Relaxed))).collect()
    }
}

impl World<Consensus> for Field {
    type Signal = Private;

    fn signal(&mut self, _: usize, agent: AgentId) -> Private {
        Private { wish: self.wishes[agent], body: Body { ground: Arc::clone(&self.ground), agent } }
    }

    /// Where everybody is, seen once the reports are in.
    fn shock(&mut self, _: usize) -> Vec<f64> {
        self.positions()
    }

    /// -(z_i - th_i)² at the true positions, whatever was reported.
    fn valuations(&mut self, _: usize, _: &Agreement) -> Vec<f64> {
        self.positions().iter().zip(&self.wishes).map(|(z, th)| -(z - th).powi(2)).collect()
    }
}
