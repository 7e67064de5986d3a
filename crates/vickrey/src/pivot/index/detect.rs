//! Whether an instance is an index case, read off its tables.

use super::super::mode::Without;
use super::super::model::{Horizon, Kernel, Model};
use super::arm;
use crate::mechanism::AgentId;

/// Why an instance is not an index case: the first condition that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotIndexable {
    /// Indices are for ever.
    #[error("the horizon is finite; indices need an infinite one")]
    Finite,
    /// Random availability destroys the optimality of indices.
    #[error(
        "outcomes {first} and {second} are both possible; indices need one and the same set of decisions always"
    )]
    Outcomes {
        /// A possible outcome.
        first: usize,
        /// Another.
        second: usize,
    },
    /// A public state would have to stand still.
    #[error("there are {states} public states; indices need one")]
    PublicStates {
        /// Number of public states.
        states: usize,
    },
    /// The public must not care.
    #[error(
        "the public utility of decision {decision} differs from that of decision {first}; it must be the same"
    )]
    PublicUtility {
        /// The first feasible decision.
        first: usize,
        /// A feasible decision with another utility.
        decision: usize,
    },
    /// A decision may concern one player only.
    #[error(
        "decision {decision} moves or pays both player {first} and player {second}; it may concern one only"
    )]
    TwoPlayers {
        /// The decision.
        decision: usize,
        /// A player whom it concerns.
        first: AgentId,
        /// Another.
        second: AgentId,
    },
    /// A player may be chosen in one way only.
    #[error(
        "player {player} moves or is paid by decisions {first} and {second}; there may be one such decision only"
    )]
    TwoDecisions {
        /// The player.
        player: AgentId,
        /// A decision that concerns her.
        first: usize,
        /// Another.
        second: usize,
    },
    /// A player who is never chosen.
    #[error("no feasible decision moves or pays player {player}; there must be one")]
    NoDecision {
        /// The player.
        player: AgentId,
    },
    /// Decisions possible without a player are neither all nor all but her own.
    #[error(
        "the decisions possible without player {player} must be all feasible ones but her own, decision {decision}"
    )]
    Absent {
        /// The player.
        player: AgentId,
        /// The decision that concerns her.
        decision: usize,
    },
    /// Rounded probabilities outweigh the discount.
    #[error("player {player}, transition, row {row}: its sum times the discount factor must stay below 1")]
    Leak {
        /// The player.
        player: AgentId,
        /// Type from which she moves.
        row: usize,
    },
}

/// What was found: who is chosen by which decision.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Structure {
    /// Public utility per period.
    pub public: f64,
    /// The decision that concerns each player.
    pub chosen_by: Vec<usize>,
    /// The lowest decision that concerns nobody.
    pub idle: Option<usize>,
    /// Whether, without each player, something worth 0 remains possible: her own decision, or an idle one.
    pub zero: Vec<bool>,
}

/// Checks the conditions of the index case (one after the other, on feasible decisions only).
pub(super) fn detect(model: &Model, mode: Without) -> Result<Structure, NotIndexable> {
    if model.horizon() != Horizon::Infinite {
        return Err(NotIndexable::Finite);
    }
    let states = model.public().states;
    if states != 1 {
        return Err(NotIndexable::PublicStates { states });
    }
    let outcome = only_outcome(model)?;
    let public = public_utility(model, outcome)?;
    let (chosen_by, idle) = concerned(model, outcome)?;
    leaks(model, &chosen_by)?;
    let zero = zero_without(model, mode, outcome, &chosen_by, idle.is_some())?;
    Ok(Structure { public, chosen_by, idle, zero })
}

fn only_outcome(model: &Model) -> Result<usize, NotIndexable> {
    let mut possible =
        model.probabilities(0, 0).iter().enumerate().filter(|(_, p)| **p > 0.0).map(|(z, _)| z);
    // Probabilities add up to 1, so one of them is positive.
    let first = possible.next().unwrap_or(0);
    possible.next().map_or(Ok(first), |second| Err(NotIndexable::Outcomes { first, second }))
}

fn public_utility(model: &Model, outcome: usize) -> Result<f64, NotIndexable> {
    let feasible = model.feasible(outcome);
    let utility = |a: usize| *model.public().utility.at(0, a, 0);
    let first = feasible[0];
    match feasible.iter().find(|a| utility(**a) != utility(first)) {
        Some(&decision) => Err(NotIndexable::PublicUtility { first, decision }),
        None => Ok(utility(first)),
    }
}

/// The decision of every player, and the lowest that concerns nobody.
fn concerned(model: &Model, outcome: usize) -> Result<(Vec<usize>, Option<usize>), NotIndexable> {
    let mut owner: Vec<Option<AgentId>> = vec![None; model.decisions()];
    let mut chosen_by = Vec::with_capacity(model.players());
    for player in 0..model.players() {
        let mut own = None;
        let stays: Vec<bool> = model.player(player).moves.laws().iter().map(is_identity).collect();
        for &decision in model.feasible(outcome) {
            if !concerns(model, player, decision, &stays) {
                continue;
            }
            if let Some(first) = own {
                return Err(NotIndexable::TwoDecisions { player, first, second: decision });
            }
            if let Some(first) = owner[decision] {
                return Err(NotIndexable::TwoPlayers { decision, first, second: player });
            }
            owner[decision] = Some(player);
            own = Some(decision);
        }
        chosen_by.push(own.ok_or(NotIndexable::NoDecision { player })?);
    }
    let idle = model.feasible(outcome).iter().copied().find(|a| owner[*a].is_none());
    Ok((chosen_by, idle))
}

/// Whether a decision moves or pays a player.
fn concerns(model: &Model, player: AgentId, decision: usize, stays: &[bool]) -> bool {
    let player = model.player(player);
    !stays[player.moves.id(0, decision, 0)] || player.utility.at(0, decision, 0).iter().any(|v| *v != 0.0)
}

fn is_identity(kernel: &Kernel) -> bool {
    (0..kernel.types()).all(|x| (0..kernel.types()).all(|y| kernel.row(x)[y] == f64::from(u8::from(x == y))))
}

fn leaks(model: &Model, chosen_by: &[usize]) -> Result<(), NotIndexable> {
    for (player, decision) in chosen_by.iter().enumerate() {
        let kernel = model.player(player).moves.at(0, *decision, 0);
        let positive = |row: &usize| arm::leak(kernel, *row, model.discount()) > 0.0;
        if let Some(row) = (0..kernel.types()).find(|row| !positive(row)) {
            return Err(NotIndexable::Leak { player, row });
        }
    }
    Ok(())
}

fn zero_without(
    model: &Model,
    mode: Without,
    outcome: usize,
    chosen_by: &[usize],
    idle: bool,
) -> Result<Vec<bool>, NotIndexable> {
    let feasible = model.feasible(outcome);
    let of = |(player, &decision): (AgentId, &usize)| {
        if mode != Without::Own {
            return Ok(true);
        }
        let absent = model.absent(player, outcome);
        if absent == feasible {
            return Ok(true);
        }
        let others = feasible.iter().filter(|a| **a != decision);
        if absent.iter().eq(others) { Ok(idle) } else { Err(NotIndexable::Absent { player, decision }) }
    };
    chosen_by.iter().enumerate().map(of).collect()
}
