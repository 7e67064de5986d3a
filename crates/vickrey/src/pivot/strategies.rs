//! What players do, and the world they live in.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::model::Model;
use super::protocol::{
    Draw, Notice, Phase, PivotMechanism, PivotOutcome, Report, Salt, seal_outcome, seal_report,
};
use super::varying::Varying;
use crate::mechanism::{AgentId, Strategy, Turn, World};
use crate::numeric::random::{Purpose, stream_at};

/// What a player knows when she reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sight {
    /// Her type.
    pub own: usize,
    /// The outcome, if it has leaked.
    pub outcome: Option<usize>,
}

/// How a player departs from the truth.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lie {
    /// What she reports by true type; empty: the truth.
    pub report: Vec<usize>,
    /// What she reports if she knows the outcome: by period, outcome (on the axis of decisions) and public state, one
    /// report for each true type. None: as if she did not know it.
    pub informed: Option<Varying<Vec<usize>>>,
    /// Stays silent from this period on.
    pub silent_from: Option<usize>,
    /// Lies in these periods only, first and last; otherwise in all.
    pub only: Option<(usize, usize)>,
}

impl Lie {
    /// The report in a period and a public state.
    pub fn report(&self, period: usize, public: usize, sight: Sight) -> Option<usize> {
        if self.silent_from.is_some_and(|from| period >= from) {
            return None;
        }
        if self.only.is_some_and(|(first, last)| !(first..=last).contains(&period)) {
            return Some(sight.own);
        }
        let told = match (&self.informed, sight.outcome) {
            (Some(table), Some(outcome)) => table.at(period, outcome, public),
            _ => &self.report,
        };
        Some(told.get(sight.own).copied().unwrap_or(sight.own))
    }

    /// Whether it is the truth.
    pub fn is_truth(&self) -> bool {
        *self == Self::default()
    }
}

/// A player who reports by a [`Lie`]; by default the truth.
#[derive(Clone, Debug, Default)]
pub struct Player {
    lie: Lie,
    sealed: Option<(usize, Salt)>,
}

impl Player {
    /// A player with a lie.
    pub fn new(lie: Lie) -> Self {
        Self { lie, sealed: None }
    }
}

impl Strategy<PivotMechanism, Sight> for Player {
    fn report(&mut self, turn: Turn<'_, Sight, Notice>) -> Option<Report> {
        let Notice { period, phase, public, .. } = *turn.announcement;
        match phase {
            Phase::Seal => {
                let own = self.lie.report(period, public, *turn.signal)?;
                let salt: Salt = turn.rng.random();
                self.sealed = Some((own, salt));
                Some(Report::Seal(seal_report(period, turn.agent, own, &salt)))
            }
            _ => match self.sealed.take() {
                Some((own, salt)) => Some(Report::Type { own, salt: Some(salt) }),
                None => {
                    Some(Report::Type { own: self.lie.report(period, public, *turn.signal)?, salt: None })
                }
            },
        }
    }
}

/// The draw with cumulated probabilities: the first entry whose sum passes `u`.
pub(super) fn pick(probabilities: impl IntoIterator<Item = f64>, u: f64) -> usize {
    let (mut sum, mut last) = (0.0, 0);
    for (k, p) in probabilities.into_iter().enumerate() {
        if p > 0.0 {
            last = k;
        }
        sum += p;
        if u < sum {
            return last;
        }
    }
    // Rounding: the sum stayed below u.
    last
}

/// Numbers of nature's streams beside those of the players.
const OUTCOME: u64 = u64::MAX;
const PUBLIC: u64 = u64::MAX - 1;
const SALT: u64 = u64::MAX - 2;

/// One number of nature for a player, by period; period 0 is the start.
pub(super) fn uniform(seed: u64, stream: u64, period: usize) -> f64 {
    let mut rng: ChaCha8Rng = stream_at(seed, Purpose::Nature, stream, period as u64);
    rng.random()
}

/// True types and what nature draws, one game long.
#[derive(Clone, Debug)]
pub struct Nature {
    seed: u64,
    /// The public state.
    pub public: usize,
    /// The true type of every player.
    pub types: Vec<usize>,
    /// The period.
    pub period: usize,
}

impl Nature {
    /// The start: types from their priors.
    pub fn new(model: &Model, seed: u64) -> Self {
        let own = |i: AgentId| pick(model.player(i).prior.iter().copied(), uniform(seed, i as u64, 0));
        let types = (0..model.players()).map(own).collect();
        Self { seed, public: model.public().start, types, period: 0 }
    }

    /// The outcome of this period.
    pub fn outcome(&self, model: &Model) -> usize {
        let probabilities = model.probabilities(self.period, self.public);
        pick(probabilities.iter().copied(), uniform(self.seed, OUTCOME, self.period))
    }

    /// What a decision is worth to a player in this period.
    pub fn valuation(&self, model: &Model, i: AgentId, decision: usize) -> f64 {
        model.player(i).utility.at(self.period, decision, self.public)[self.types[i]]
    }

    /// What the end is worth to a player.
    pub fn terminal(&self, model: &Model, i: AgentId) -> f64 {
        model.player(i).terminal.as_ref().map_or(0.0, |g| g.at(0, 0, self.public)[self.types[i]])
    }

    /// The next public state under a decision.
    pub fn next_public(&self, model: &Model, decision: usize) -> usize {
        let law = model.public().moves.at(self.period, decision, self.public);
        law[pick(law.iter().map(|(_, p)| *p), uniform(self.seed, PUBLIC, self.period))].0
    }

    /// Everything moves on.
    pub fn advance(&mut self, model: &Model, decision: usize) {
        let public = self.next_public(model, decision);
        for (i, own) in self.types.iter_mut().enumerate() {
            let row = model.player(i).moves.at(self.period, decision, self.public).row(*own);
            *own = pick(row.iter().copied(), uniform(self.seed, i as u64, self.period + 1));
        }
        self.public = public;
        self.period += 1;
    }

    fn salt(&self) -> Salt {
        stream_at(self.seed, Purpose::Nature, SALT, self.period as u64).random()
    }
}

/// The world of a game: true types, and whether the outcome leaks to the players before they report.
#[derive(Clone, Debug)]
pub struct PivotWorld {
    model: Model,
    nature: Nature,
    leaks: bool,
    phase: Phase,
    decision: usize,
    sealed: bool,
    periods: usize,
}

impl PivotWorld {
    /// The world of a mechanism.
    pub fn new(mechanism: &PivotMechanism, seed: u64) -> Self {
        let model = mechanism.solution().model().clone();
        let terms = mechanism.terms();
        let phase = if terms.sealed { Phase::Seal } else { Phase::Report };
        let nature = Nature::new(&model, seed);
        Self { model, nature, leaks: false, phase, decision: 0, sealed: terms.sealed, periods: terms.periods }
    }

    /// The same with players who know the outcome before they report.
    pub fn leaking(self) -> Self {
        Self { leaks: true, ..self }
    }

    /// The same with other types at the start.
    pub fn from_types(mut self, types: Vec<usize>) -> Self {
        self.nature.types = types;
        self
    }

    /// The true state.
    pub fn nature(&self) -> &Nature {
        &self.nature
    }
}

impl World<PivotMechanism> for PivotWorld {
    type Signal = Sight;

    fn signal(&mut self, _: usize, agent: AgentId) -> Sight {
        let outcome = self.leaks.then(|| self.nature.outcome(&self.model));
        Sight { own: self.nature.types[agent], outcome }
    }

    fn shock(&mut self, _: usize) -> Draw {
        let (period, outcome) = (self.nature.period, self.nature.outcome(&self.model));
        match self.phase {
            Phase::Seal => Draw::Seal(seal_outcome(period, outcome, &self.nature.salt())),
            Phase::Report => Draw::Outcome { outcome, salt: self.sealed.then(|| self.nature.salt()) },
            Phase::Observe => Draw::Public(self.nature.next_public(&self.model, self.decision)),
        }
    }

    fn valuations(&mut self, _: usize, outcome: &PivotOutcome) -> Vec<f64> {
        let players = 0..self.model.players();
        match outcome.phase {
            Phase::Seal => {
                self.phase = Phase::Report;
                vec![0.0; players.len()]
            }
            Phase::Report => {
                self.phase = Phase::Observe;
                self.decision = outcome.decision.map_or(0, |(_, a)| a);
                players.map(|i| self.nature.valuation(&self.model, i, self.decision)).collect()
            }
            Phase::Observe => {
                self.phase = if self.sealed { Phase::Seal } else { Phase::Report };
                self.nature.advance(&self.model, self.decision);
                let over = Some(self.periods) == self.model.periods() && self.nature.period == self.periods;
                let end = |i| if over { self.nature.terminal(&self.model, i) } else { 0.0 };
                players.map(end).collect()
            }
        }
    }
}
