//! The instance: players with private Markov types, a public state, random feasible sets.
//!
//! What may not influence what has no place in these types: a player's utility and kernel are tables over the period,
//! the decision, the public state and *her own* type; feasible sets are tables over the outcome alone, and the law of
//! the outcome knows the period and the public state.

use super::check;
use super::varying::Varying;
use crate::mechanism::AgentId;

/// How long the game lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Horizon {
    /// So many periods with decisions, and a terminal utility after the last.
    Finite(usize),
    /// For ever; every table is stationary and there is no terminal utility.
    Infinite,
}

/// Row-stochastic matrix of a player's type: row = type now, column = type in the next period.
#[derive(Clone, Debug, PartialEq)]
pub struct Kernel {
    pub(super) types: usize,
    pub(super) rows: Vec<f64>,
}

impl Kernel {
    /// From `types` rows of `types` probabilities, in C order. Checked by [`Model::new`].
    pub fn new(types: usize, rows: Vec<f64>) -> Self {
        Self { types, rows }
    }

    /// The type stays.
    pub fn identity(types: usize) -> Self {
        let rows = (0..types * types).map(|k| if k / types == k % types { 1.0 } else { 0.0 });
        Self { types, rows: rows.collect() }
    }

    /// Number of types.
    pub fn types(&self) -> usize {
        self.types
    }

    /// All rows, in C order.
    pub fn rows(&self) -> &[f64] {
        &self.rows
    }

    /// Probabilities of the next type.
    pub fn row(&self, from: usize) -> &[f64] {
        &self.rows[from * self.types..(from + 1) * self.types]
    }
}

/// How something moves: the distinct laws, and which of them holds when.
///
/// Equal laws are kept once, so that the solver sees which decisions lead to the same future.
#[derive(Clone, Debug, PartialEq)]
pub struct Moves<L> {
    pub(super) laws: Vec<L>,
    pub(super) which: Varying<usize>,
}

impl<L: PartialEq> Moves<L> {
    /// The same law always.
    pub fn constant(law: L) -> Self {
        Self { laws: vec![law], which: Varying::constant(0) }
    }

    /// From a table of laws; equal ones are merged.
    pub fn new(table: Varying<L>) -> Self {
        let shape = table.shape();
        let mut laws: Vec<L> = Vec::new();
        let mut which = Vec::new();
        for law in table.into_entries() {
            let known = laws.iter().position(|l| *l == law);
            which.push(known.unwrap_or(laws.len()));
            if known.is_none() {
                laws.push(law);
            }
        }
        let mut which = which.into_iter();
        Self { laws, which: Varying::from_fn(shape, |_, _, _| which.next().unwrap_or(0)) }
    }

    /// From distinct laws and the number of the one that holds. Numbers are checked by [`Model::new`].
    pub fn of(laws: Vec<L>, which: Varying<usize>) -> Self {
        Self { laws, which }
    }

    /// The law that holds.
    pub fn at(&self, period: usize, decision: usize, public: usize) -> &L {
        &self.laws[*self.which.at(period, decision, public)]
    }

    /// The number of the law that holds.
    pub fn id(&self, period: usize, decision: usize, public: usize) -> usize {
        *self.which.at(period, decision, public)
    }

    /// The distinct laws.
    pub fn laws(&self) -> &[L] {
        &self.laws
    }

    /// Which law holds when.
    pub fn which(&self) -> &Varying<usize> {
        &self.which
    }
}

/// Law of the next public state: states and their probabilities, states that cannot follow left out.
pub type PublicLaw = Vec<(usize, f64)>;

/// The public: what everybody sees, and what it is worth to those who do not report.
#[derive(Clone, Debug, PartialEq)]
pub struct Public {
    /// Number of public states, at least 1.
    pub states: usize,
    /// State at t = 0; used for simulation and totals only.
    pub start: usize,
    /// Utility w of the public by period, decision and public state.
    pub utility: Varying<f64>,
    /// How the public state moves.
    pub moves: Moves<PublicLaw>,
    /// Utility of the public at the end, by public state; empty: none.
    pub terminal: Vec<f64>,
}

impl Public {
    /// One public state and no utility.
    pub fn nothing() -> Self {
        Self {
            states: 1,
            start: 0,
            utility: Varying::constant(0.0),
            moves: Moves::constant(vec![(0, 1.0)]),
            terminal: Vec::new(),
        }
    }
}

/// What can turn out, and which decisions are then feasible.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcomes {
    /// Feasible decisions of every outcome, ascending.
    pub feasible: Vec<Vec<usize>>,
    /// Probabilities of the outcomes by period and public state (the decision axis has length 1).
    pub probability: Varying<Vec<f64>>,
}

/// A player.
#[derive(Clone, Debug, PartialEq)]
pub struct Player {
    /// Number of types, at least 1.
    pub types: usize,
    /// Utility v by period, decision and public state: one number for each type.
    pub utility: Varying<Vec<f64>>,
    /// How her type moves.
    pub moves: Moves<Kernel>,
    /// Terminal utility by public state: one number for each type (only the axis of public states may be longer than
    /// 1). None for an infinite horizon.
    pub terminal: Option<Varying<Vec<f64>>>,
    /// Law of her type at t = 0; used for simulation and totals only.
    pub prior: Vec<f64>,
    /// Decisions that are possible without her, for every outcome; none: all that are feasible.
    pub absent: Option<Vec<Vec<usize>>>,
    /// What she has if she walks away, by period and public state: one number for each type; none: 0.
    pub outside: Option<Varying<Vec<f64>>>,
}

/// Words for people; nothing is computed with them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    /// Players.
    pub players: Vec<String>,
    /// Types of every player.
    pub types: Vec<Vec<String>>,
    /// Public states.
    pub publics: Vec<String>,
    /// Outcomes.
    pub outcomes: Vec<String>,
    /// Decisions.
    pub decisions: Vec<String>,
}

/// All parts of an instance.
#[derive(Clone, Debug, PartialEq)]
pub struct Parts {
    /// Number of periods.
    pub horizon: Horizon,
    /// Discount factor per period: in (0, 1), or in (0, 1] for a finite horizon.
    pub discount: f64,
    /// Number of decisions, feasible or not.
    pub decisions: usize,
    /// What can turn out.
    pub outcomes: Outcomes,
    /// The public.
    pub public: Public,
    /// The players.
    pub players: Vec<Player>,
    /// Words; lists that are empty are filled with numbers.
    pub labels: Labels,
}

/// An instance that has been checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    parts: Parts,
}

/// Which part of an instance is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The game as a whole.
    Game,
    /// The public.
    Public,
    /// What can turn out.
    Outcomes,
    /// A player.
    Player(AgentId),
}

/// One thing that is wrong with an instance.
#[derive(Clone, Debug, PartialEq)]
pub struct Flaw {
    /// Where.
    pub place: Place,
    /// Which field.
    pub field: &'static str,
    /// Where in the field: period, decision, public state, row; may be empty.
    pub at: String,
    /// What was found.
    pub found: String,
    /// What is accepted.
    pub accepted: String,
}

impl std::fmt::Display for Flaw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.place {
            Place::Game => {}
            Place::Public => write!(f, "public, ")?,
            Place::Outcomes => write!(f, "outcomes, ")?,
            Place::Player(i) => write!(f, "player {i}, ")?,
        }
        let Self { field, at, found, accepted, .. } = self;
        let comma = if at.is_empty() { "" } else { ", " };
        write!(f, "{field}{comma}{at}: found {found}, accepted is {accepted}")
    }
}

/// Why an instance cannot be used: everything that is wrong with it (after twenty flaws the rest is not listed).
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{}", .flaws.iter().map(Flaw::to_string).collect::<Vec<_>>().join("\n"))]
pub struct ModelError {
    /// What is wrong, at least one.
    pub flaws: Vec<Flaw>,
}

impl Model {
    /// Checks an instance. Nothing is repaired or rescaled.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(mut parts: Parts) -> Result<Self, ModelError> {
        if parts.players.is_empty() {
            let flaw = check::flaw(Place::Game, "players", "", "none".into(), "at least one");
            return Err(ModelError { flaws: vec![flaw] });
        }
        check::all(&parts)?;
        check::label(&mut parts);
        Ok(Self { parts })
    }

    /// As [`new`](Self::new), where a player may stand for so many of an instance that was accepted.
    pub(super) fn of_groups(mut parts: Parts, members: usize) -> Result<Self, ModelError> {
        check::all_of(&parts, members)?;
        check::label(&mut parts);
        Ok(Self { parts })
    }

    /// The game that is left when a player walks away for good: the others with the decisions that are possible
    /// without her (all that are feasible, if `own` is false); who walks away next leaves the decisions that are possible
    /// without both.
    ///
    /// # Errors
    /// There is no such player, or an outcome is left without any decision.
    pub fn left_by(&self, player: AgentId, own: bool) -> Result<Self, ModelError> {
        let mut parts = self.parts.clone();
        if player >= parts.players.len() {
            let accepted = format!("a number below {}", parts.players.len());
            let flaw = check::flaw(Place::Game, "player who leaves", "", player.to_string(), accepted);
            return Err(ModelError { flaws: vec![flaw] });
        }
        let left = parts.players.remove(player);
        parts.labels.players.remove(player);
        parts.labels.types.remove(player);
        if let Some(sets) = left.absent.filter(|_| own) {
            for other in &mut parts.players {
                let alone = other.absent.as_ref().unwrap_or(&parts.outcomes.feasible);
                let both = alone.iter().zip(&sets).map(|(a, b)| intersection(a, b)).collect();
                other.absent = Some(both);
            }
            parts.outcomes.feasible = sets;
        }
        check::all(&parts)?;
        Ok(Self { parts })
    }

    /// The parts of the instance.
    pub fn parts(&self) -> &Parts {
        &self.parts
    }

    /// Number of players.
    pub fn players(&self) -> usize {
        self.parts.players.len()
    }

    /// A player.
    pub fn player(&self, i: AgentId) -> &Player {
        &self.parts.players[i]
    }

    /// The public.
    pub fn public(&self) -> &Public {
        &self.parts.public
    }

    /// Number of decisions, feasible or not.
    pub fn decisions(&self) -> usize {
        self.parts.decisions
    }

    /// Number of outcomes.
    pub fn outcomes(&self) -> usize {
        self.parts.outcomes.feasible.len()
    }

    /// Probabilities of the outcomes.
    pub fn probabilities(&self, period: usize, public: usize) -> &[f64] {
        self.parts.outcomes.probability.at(period, 0, public)
    }

    /// Decisions that are feasible in an outcome, ascending.
    pub fn feasible(&self, outcome: usize) -> &[usize] {
        &self.parts.outcomes.feasible[outcome]
    }

    /// Decisions that are possible without a player: her own list, or all that are feasible.
    pub fn absent(&self, player: AgentId, outcome: usize) -> &[usize] {
        match &self.player(player).absent {
            Some(sets) => &sets[outcome],
            None => self.feasible(outcome),
        }
    }

    /// Discount factor per period.
    pub fn discount(&self) -> f64 {
        self.parts.discount
    }

    /// How long the game lasts.
    pub fn horizon(&self) -> Horizon {
        self.parts.horizon
    }

    /// Number of periods, none for an infinite horizon.
    pub fn periods(&self) -> Option<usize> {
        match self.parts.horizon {
            Horizon::Finite(periods) => Some(periods),
            Horizon::Infinite => None,
        }
    }

    /// Words for people.
    pub fn labels(&self) -> &Labels {
        &self.parts.labels
    }

    /// What a player has if she walks away before the decision of a period.
    pub fn outside(&self, player: AgentId, period: usize, public: usize, own: usize) -> f64 {
        self.player(player).outside.as_ref().map_or(0.0, |u| u.at(period, 0, public)[own])
    }
}

/// Of two ascending lists.
fn intersection(a: &[usize], b: &[usize]) -> Vec<usize> {
    a.iter().copied().filter(|x| b.binary_search(x).is_ok()).collect()
}
