//! Whether an instance is an index case, read off its tables.
//!
//! What a player has while she is not served is no matter of decisions alone: a constant moves nothing, and so does a
//! number that depends on her type as long as it is the same whoever else is served. It is taken from her utility before
//! anything is looked at.

use super::super::mode::Without;
use super::super::model::{Horizon, Kernel, Model};
use super::super::solve::stage::lower_median;
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
        "decision {decision} concerns (moves, or pays otherwise than the rest) both player {first} and player {second}; it may concern one only"
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
        "player {player} is moved, or paid otherwise than by the rest, by decisions {first} and {second}; there may be one such decision only"
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
    #[error(
        "no feasible decision moves player {player} or pays her otherwise than the rest; there must be one"
    )]
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
    /// What each player has per period under all other decisions.
    pub resting: Vec<Resting>,
    /// The lowest decision that concerns nobody.
    pub idle: Option<usize>,
    /// Whether, without each player, something worth 0 remains possible: her own decision, or an idle one.
    pub zero: Vec<bool>,
}

/// Utility per period of a player who is not served.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Resting {
    /// What all types have in common, about.
    pub constant: f64,
    /// The rest of it, by type.
    pub by_type: Vec<f64>,
}

impl Resting {
    fn new(row: &[f64]) -> Self {
        let constant = lower_median(row.to_vec());
        Self { constant, by_type: row.iter().map(|v| v - constant).collect() }
    }
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
    let chosen_by = concerned(model, mode, outcome)?;
    let idle = model.feasible(outcome).iter().copied().find(|a| !chosen_by.contains(a));
    leaks(model, &chosen_by)?;
    let zero = zero_without(model, mode, outcome, &chosen_by, idle.is_some())?;
    let resting = |(player, &own): (AgentId, &usize)| {
        let other = model.feasible(outcome).iter().find(|a| **a != own);
        Resting::new(model.player(player).utility.at(0, *other.unwrap_or(&own), 0))
    };
    let resting = chosen_by.iter().enumerate().map(resting).collect();
    Ok(Structure { public, chosen_by, resting, idle, zero })
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

/// The decision of every player: the one that moves her, or pays her otherwise than all others do.
fn concerned(model: &Model, mode: Without, outcome: usize) -> Result<Vec<usize>, NotIndexable> {
    let candidates: Vec<Vec<usize>> =
        (0..model.players()).map(|i| candidates(model, mode, outcome, i)).collect::<Result<_, _>>()?;
    let mut owner: Vec<Option<AgentId>> = vec![None; model.decisions()];
    let mut chosen_by = vec![0; model.players()];
    // Who has no choice comes first.
    let mut order: Vec<AgentId> = (0..model.players()).collect();
    order.sort_by_key(|i| candidates[*i].len());
    for player in order {
        let free = candidates[player].iter().find(|a| owner[**a].is_none());
        let Some(&decision) = free else {
            let decision = candidates[player][0];
            let other = owner[decision].unwrap_or(player);
            let (first, second) = (player.min(other), player.max(other));
            return Err(NotIndexable::TwoPlayers { decision, first, second });
        };
        owner[decision] = Some(player);
        chosen_by[player] = decision;
    }
    Ok(chosen_by)
}

/// Decisions that may be the one that serves a player, the likeliest first. There are two only if she never moves and
/// there are two decisions in all: then serving her is as much to take something away by the other.
fn candidates(
    model: &Model,
    mode: Without,
    outcome: usize,
    player: AgentId,
) -> Result<Vec<usize>, NotIndexable> {
    let feasible = model.feasible(outcome);
    let of = model.player(player);
    let stays: Vec<bool> = of.moves.laws().iter().map(is_identity).collect();
    let still: Vec<usize> = feasible.iter().copied().filter(|a| stays[of.moves.id(0, *a, 0)]).collect();
    let row = |a: usize| of.utility.at(0, a, 0);
    // At most one of those that leave her in place may pay otherwise than the rest, so three tell what the rest pay.
    let odd = still.len() > 2 && still[1..3].iter().all(|a| row(*a) != row(still[0]));
    let common = still.get(usize::from(odd)).map(|a| row(*a));
    let concerns = |a: &usize| !stays[of.moves.id(0, *a, 0)] || Some(row(*a)) != common;
    let found: Vec<usize> = feasible.iter().copied().filter(concerns).collect();
    match found[..] {
        [] if feasible.len() == 1 => Ok(feasible.to_vec()),
        [] => Err(NotIndexable::NoDecision { player }),
        [_] if still.len() == 2 && feasible.len() == 2 => {
            let absent = |a: usize| mode == Without::Own && !model.absent(player, outcome).contains(&a);
            let nothing = |a: usize| row(a).iter().all(|v| *v == 0.0);
            let mut both = feasible.to_vec();
            both.sort_by_key(|a| (!absent(*a), nothing(*a)));
            Ok(both)
        }
        [_] => Ok(found),
        [first, second, ..] => Err(NotIndexable::TwoDecisions { player, first, second }),
    }
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
