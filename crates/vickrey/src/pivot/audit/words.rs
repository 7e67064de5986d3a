//! Where something was found, in words.

use super::turn::Spot;
use crate::mechanism::AgentId;
use crate::pivot::model::{Horizon, Model};
use crate::pivot::solve::space::{Space, State};

/// A joint state: the public state if there are several, then everybody's type.
pub(super) fn state(model: &Model, state: &State) -> String {
    let labels = model.labels();
    let types: Vec<String> = state
        .types
        .iter()
        .enumerate()
        .map(|(i, &own)| format!("`{}` {}", labels.players[i], labels.types[i][own]))
        .collect();
    let public =
        if model.public().states > 1 { format!("{}; ", labels.publics[state.public]) } else { String::new() };
    format!("{public}{}", types.join(", "))
}

/// A period, unless all are alike.
pub(super) fn period(model: &Model, period: usize) -> String {
    match model.horizon() {
        Horizon::Infinite => String::new(),
        Horizon::Finite(_) => format!("period {period}, "),
    }
}

/// A spot: period, state, and what is known and said there.
pub(super) fn spot(model: &Model, space: &Space, at: usize, spot: &Spot, player: Option<AgentId>) -> String {
    case(model, at, &space.state(spot.state, model.players()), spot, player)
}

/// The same for a state that is given.
pub(super) fn case(model: &Model, at: usize, here: &State, spot: &Spot, player: Option<AgentId>) -> String {
    let labels = model.labels();
    let mut text = format!("{}{}", period(model, at), state(model, here));
    if let Some(z) = spot.outcome {
        text.push_str(&format!(", when {} comes", labels.outcomes[z]));
    }
    if let (Some(i), Some(r)) = (player, spot.report) {
        text.push_str(&format!(": `{}` reports {}", labels.players[i], labels.types[i][r]));
    } else if let Some(i) = player {
        text.push_str(&format!(": `{}`", labels.players[i]));
    }
    text
}
