//! By which structure an instance is solved, decided before anything large is built.

use serde::Serialize;

use super::memory::Memory;
use super::space::Space;
use super::static_case::Static;
use super::{Options, SolveError, Structure, solution};
use crate::pivot::exchangeable::{Lumped, groups};
use crate::pivot::index::IndexSolution;
use crate::pivot::mode::Without;
use crate::pivot::model::Model;

/// Up to so many joint states all of them are computed, whatever other structure there is: tables of all states are
/// worth having.
pub const FEW: f64 = 1e5;

/// How an instance is going to be solved, and why so.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The structure that is used.
    pub structure: Structure,
    /// The states whose values are computed, of all problems the largest; 0 if values are not computed by state.
    pub states: f64,
    /// Bytes that it takes.
    pub memory: Memory,
    /// Why this structure.
    pub reason: Reason,
    /// The structures that come first but do not serve, with what each lacks.
    pub refused: Vec<(Structure, SolveError)>,
}

/// Why a structure is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// There are few joint states, so all are computed.
    Few,
    /// It needs less than all joint states.
    Smaller,
    /// Nothing smaller was found, and all joint states fit the memory.
    Fits,
}

impl Reason {
    /// The reason in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Few => "joint states are few, and tables of all of them are worth having",
            Self::Smaller => "the instance has this structure, which needs less than all joint states",
            Self::Fits => "no smaller structure serves, and all joint states fit the memory",
        }
    }
}

/// Decides by which structure an instance is solved: all joint states if they are few and fit the memory; otherwise
/// Gittins indices, multisets of players who can change places, all joint states, or period by period, whichever is the
/// first that the instance has and that fits.
///
/// Nothing large is built, and nothing is solved.
///
/// # Errors
/// No structure serves: what all joint states would take.
pub fn plan(model: &Model, options: &Options) -> Result<Plan, SolveError> {
    among(&order(model), model, options)
}

/// The structures of an instance in the order in which they are tried.
pub(super) fn order(model: &Model) -> Vec<Structure> {
    use Structure::{Exchangeable, Index, Product, Static};
    if Space::of(model).size_in_words() <= FEW {
        vec![Product, Index, Exchangeable, Static]
    } else {
        vec![Index, Exchangeable, Product, Static]
    }
}

/// The first of some structures that serves.
pub(super) fn among(order: &[Structure], model: &Model, options: &Options) -> Result<Plan, SolveError> {
    let mut refused = Vec::new();
    for &structure in order {
        match needs(structure, model, options) {
            Ok((states, memory)) => {
                let few = Space::of(model).size_in_words() <= FEW;
                let reason = match structure {
                    Structure::Product if few => Reason::Few,
                    Structure::Product => Reason::Fits,
                    _ => Reason::Smaller,
                };
                return Ok(Plan { structure, states, memory, reason, refused });
            }
            Err(error) => refused.push((structure, error)),
        }
    }
    let product = refused.into_iter().find(|(structure, _)| *structure == Structure::Product);
    Err(product.map_or(SolveError::Structure(Structure::Product), |(_, error)| error))
}

/// States and bytes that a structure takes.
fn needs(structure: Structure, model: &Model, options: &Options) -> Result<(f64, Memory), SolveError> {
    match structure {
        Structure::Product => {
            super::fits(model, options)?;
            Ok((Space::of(model).size_in_words(), solution::memory(model, options)))
        }
        Structure::Index => {
            let needed = IndexSolution::needs(model, options.mode, options.memory)
                .map_err(|error| SolveError::Index(error.to_string()))?;
            Ok((0.0, Memory { kept: needed as f64, ..Memory::default() }))
        }
        Structure::Exchangeable => multisets(model, options),
        Structure::Static if Static::serves(model, options.mode) => Ok((0.0, Memory::default())),
        Structure::Static => Err(SolveError::Structure(structure)),
    }
}

/// The values over multisets of everybody and without one player of every group: all of them stay, so each may take its
/// share of the memory.
fn multisets(model: &Model, options: &Options) -> Result<(f64, Memory), SolveError> {
    let groups = groups(model);
    if groups.len() == model.players() {
        return Err(SolveError::Structure(Structure::Exchangeable));
    }
    let share = share(options, groups.len());
    let mut found = (0.0, Memory::default());
    let mut add = |model: &Model| -> Result<(), SolveError> {
        let (space, tables) =
            Lumped::needs(model, share.memory).map_err(|error| SolveError::Lump(error.to_string()))?;
        let memory = Memory::of_whole(model, &space, &share);
        if memory.least() > share.memory as f64 {
            return Err(SolveError::Memory { states: space.size_in_words(), memory, limit: share.memory });
        }
        found.0 = space.size_in_words().max(found.0);
        found.1.kept += memory.kept + tables as f64;
        found.1.working = memory.working.max(found.1.working);
        found.1.history = memory.history.max(found.1.history);
        Ok(())
    };
    add(model)?;
    for members in &groups {
        add(&model.left_by(members[0], options.mode == Without::Own)?)?;
    }
    Ok(found)
}

/// How each of the problems over multisets is solved, if there are so many groups: values of all, in a share of the memory.
pub(super) fn share(options: &Options, groups: usize) -> Options {
    Options { memory: options.memory / (1 + groups as u64), ..*options }
}
