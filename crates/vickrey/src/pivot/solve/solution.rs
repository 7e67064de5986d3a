//! One answer to all questions, whichever structure of the instance it was found by.

use serde::Serialize;

use super::certificate::Certificate;
use super::infinite::Convergence;
use super::memory::Memory;
use super::multiset::Exchangeable;
use super::plan::{among, order};
use super::product::Product;
use super::ruling::Ruling;
use super::space::State;
use super::static_case::Static;
use super::{Options, Progress, SolveError, solve_product};
use crate::mechanism::AgentId;
use crate::pivot::index::IndexSolution;
use crate::pivot::mode::Without;
use crate::pivot::model::{Horizon, Model};

/// By which structure an instance is solved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Structure {
    /// Dynamic programming on the product of all types.
    Product,
    /// The same on multisets of types of players who can change places.
    Exchangeable,
    /// Gittins indices and Whittle's formula.
    Index,
    /// Decisions move nothing: one static mechanism per period.
    Static,
}

impl Structure {
    /// The structure in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Product => "dynamic programming on all joint states",
            Self::Exchangeable => {
                "dynamic programming on multisets of types of players who can change places"
            }
            Self::Index => "Gittins indices",
            Self::Static => "period by period, since no decision moves anything",
        }
    }
}

/// The mechanism's decisions, payments and values for every report.
#[derive(Clone, Debug)]
pub struct Solution {
    model: Model,
    mode: Without,
    way: Way,
}

#[derive(Clone, Debug)]
enum Way {
    Product(Box<Product>),
    Exchangeable(Box<Exchangeable>),
    Index(Box<IndexSolution>, Certificate),
    Static(Box<Static>),
}

/// Solves an instance by the structure that suits it, which is that of [`plan`](super::plan::plan).
///
/// # Errors
/// No way is open (the memory that was needed is named), or an infinite horizon cannot be solved to the tolerance.
pub fn solve(model: &Model, options: &Options, progress: Progress<'_>) -> Result<Solution, SolveError> {
    let mut order = order(model);
    loop {
        let structure = among(&order, model, options)?.structure;
        match solve_as(structure, model, options, progress) {
            // Sums over a group may turn out to be more than an instance may hold; the rest of the order is still open.
            Err(SolveError::Lump(_)) => order.retain(|other| *other != structure),
            found => return found,
        }
    }
}

/// Solves an instance by one structure.
///
/// # Errors
/// The instance does not have it, it does not fit the memory, or an infinite horizon cannot be solved to the tolerance.
pub fn solve_as(
    structure: Structure,
    model: &Model,
    options: &Options,
    progress: Progress<'_>,
) -> Result<Solution, SolveError> {
    let way = match structure {
        Structure::Product => Way::Product(Box::new(solve_product(model, options, progress)?)),
        Structure::Exchangeable => {
            if crate::pivot::exchangeable::groups(model).len() == model.players() {
                return Err(SolveError::Structure(structure));
            }
            Way::Exchangeable(Box::new(Exchangeable::new(model, options, progress)?))
        }
        Structure::Index => {
            let index = IndexSolution::new(model, options.mode, options.memory)
                .map_err(|error| SolveError::Index(error.to_string()))?;
            let certificate = Certificate::of_indices(model.discount(), index.band());
            Way::Index(Box::new(index), certificate)
        }
        Structure::Static => {
            let found = Static::new(model, options.mode).ok_or(SolveError::Structure(structure))?;
            Way::Static(Box::new(found))
        }
    };
    Ok(Solution { model: model.clone(), mode: options.mode, way })
}

impl Solution {
    /// The instance.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Which reading of "without player i".
    pub fn mode(&self) -> Without {
        self.mode
    }

    /// By which structure it was solved.
    pub fn structure(&self) -> Structure {
        match self.way {
            Way::Product(_) => Structure::Product,
            Way::Exchangeable(_) => Structure::Exchangeable,
            Way::Index(..) => Structure::Index,
            Way::Static(_) => Structure::Static,
        }
    }

    /// The values of all joint states, if it was solved by them.
    pub fn product(&self) -> Option<&Product> {
        match &self.way {
            Way::Product(product) => Some(product),
            _ => None,
        }
    }

    /// The indices, if it was solved by them.
    pub fn index(&self) -> Option<&IndexSolution> {
        match &self.way {
            Way::Index(index, _) => Some(index),
            _ => None,
        }
    }

    /// The groups of players who can change places, if it was solved by them.
    pub fn exchangeable(&self) -> Option<&Exchangeable> {
        match &self.way {
            Way::Exchangeable(exchangeable) => Some(exchangeable),
            _ => None,
        }
    }

    /// What no lie gains more than.
    pub fn certificate(&self) -> &Certificate {
        match &self.way {
            Way::Product(product) => product.certificate(),
            Way::Exchangeable(exchangeable) => exchangeable.certificate(),
            Way::Index(_, certificate) => certificate,
            Way::Static(found) => found.certificate(),
        }
    }

    /// How the fixed points of an infinite horizon were found.
    pub fn convergence(&self) -> &[Convergence] {
        self.product().map_or(&[], Product::convergence)
    }

    /// Decisions and payments for a report of every player.
    ///
    /// # Errors
    /// The state is not one of the instance, or the period is not one in which rulings can be given.
    pub fn ruling(&self, period: usize, state: &State) -> Result<Ruling, StateError> {
        self.check(period, state)?;
        Ok(match &self.way {
            Way::Product(product) => product.ruling(period, state),
            Way::Exchangeable(exchangeable) => exchangeable.ruling(period, state),
            Way::Static(found) => found.ruling(period, state),
            Way::Index(index, _) => self.by_index(index, state),
        })
    }

    fn by_index(&self, index: &IndexSolution, state: &State) -> Ruling {
        let (decision, payment) = index.ruling(&state.types);
        let mut reference = vec![0.0; self.model.players()];
        index.values_without(&state.types, &mut reference);
        // All other outcomes have probability zero; whatever is feasible in them will do.
        let one = |z: usize| {
            let set = self.model.feasible(z);
            if set.contains(&decision) { decision } else { set[0] }
        };
        let outcomes = self.model.outcomes();
        Ruling {
            decision: (0..outcomes).map(one).collect(),
            contingent: vec![payment.clone(); outcomes],
            payment,
            value: Some(index.value(&state.types)),
            reference: Some(reference),
        }
    }

    /// The periods in which rulings can be given: all, or those whose next values were kept; none if there is no end.
    pub fn periods(&self) -> Option<usize> {
        match (&self.way, self.model.horizon()) {
            (_, Horizon::Infinite) => None,
            (Way::Product(product), _) => Some(product.periods()),
            (Way::Exchangeable(exchangeable), _) => Some(exchangeable.periods()),
            (_, Horizon::Finite(periods)) => Some(periods),
        }
    }

    /// Whether a state belongs to the instance and a period can be ruled in.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self, period: usize, state: &State) -> Result<(), StateError> {
        let periods = self.periods().unwrap_or(usize::MAX);
        if period >= periods {
            return Err(StateError::Period { found: period, periods });
        }
        check_state(&self.model, state)
    }
}

/// Whether a state belongs to an instance.
///
/// # Errors
/// What is wrong.
pub fn check_state(model: &Model, state: &State) -> Result<(), StateError> {
    let publics = model.public().states;
    if state.public >= publics {
        return Err(StateError::Public { found: state.public, publics });
    }
    if state.types.len() != model.players() {
        return Err(StateError::Count { found: state.types.len(), players: model.players() });
    }
    for (player, &found) in state.types.iter().enumerate() {
        let types = model.player(player).types;
        if found >= types {
            return Err(StateError::Type { player, found, types });
        }
    }
    Ok(())
}

/// Why a state cannot be asked about.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// The period.
    #[error("period: found {found}, accepted is a number below {periods}")]
    Period {
        /// What was asked for.
        found: usize,
        /// How many there are.
        periods: usize,
    },
    /// The public state.
    #[error("public state: found {found}, accepted is a number below {publics}")]
    Public {
        /// What was given.
        found: usize,
        /// How many there are.
        publics: usize,
    },
    /// The number of types.
    #[error("types: found {found}, accepted is one for each of the {players} players")]
    Count {
        /// How many were given.
        found: usize,
        /// How many players there are.
        players: usize,
    },
    /// A type.
    #[error("type of player {player}: found {found}, accepted is a number below {types}")]
    Type {
        /// Whose.
        player: AgentId,
        /// What was given.
        found: usize,
        /// How many there are.
        types: usize,
    },
}

/// What solving on all joint states would take.
pub fn memory(model: &Model, options: &Options) -> Memory {
    Memory::of(model, options.mode, options.keep, rayon::current_num_threads())
}
