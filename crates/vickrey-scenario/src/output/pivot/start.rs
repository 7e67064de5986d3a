//! Who may have which type at the start.

use vickrey::pivot::Model;
use vickrey::pivot::solve::State;
use vickrey::pivot::strategies::Nature;

/// Up to so many joint types at the start are all looked at; of more, as many are drawn.
const MOST: usize = 1_000;

/// The states in which a game may begin, and their probabilities.
#[derive(Clone, Debug, PartialEq)]
pub struct Start {
    /// States and their weights, which add up to 1.
    pub states: Vec<(State, f64)>,
    /// Whether these are all of them; otherwise they were drawn at random.
    pub complete: bool,
}

impl Start {
    /// Of an instance; `seed` is for what has to be drawn.
    pub fn of(model: &Model, seed: u64) -> Self {
        match all(model, MOST) {
            Some(states) => Self { states, complete: true },
            None => Self { states: drawn(model, seed), complete: false },
        }
    }

    /// The state, if there is no doubt about it.
    pub fn certain(&self) -> Option<&State> {
        match &self.states[..] {
            [(state, _)] => Some(state),
            _ => None,
        }
    }

    /// The most likely state, the first among equals.
    pub fn likeliest(&self) -> &State {
        let first = &self.states[0];
        &self.states.iter().fold(first, |best, now| if now.1 > best.1 { now } else { best }).0
    }
}

/// All states in which a game may begin, and their probabilities; none if they are more than `most`.
pub(crate) fn all(model: &Model, most: usize) -> Option<Vec<(State, f64)>> {
    let public = model.public().start;
    let mut all = vec![(State { public, types: Vec::new() }, 1.0)];
    for i in 0..model.players() {
        let prior = model.player(i).prior.iter().copied().enumerate();
        let likely: Vec<(usize, f64)> = prior.filter(|(_, p)| *p > 0.0).collect();
        if all.len().saturating_mul(likely.len()) > most {
            return None;
        }
        let with = |(state, weight): &(State, f64)| {
            let next = |&(own, p): &(usize, f64)| {
                let mut state = state.clone();
                state.types.push(own);
                (state, weight * p)
            };
            likely.iter().map(next).collect::<Vec<_>>()
        };
        all = all.iter().flat_map(with).collect();
    }
    Some(all)
}

fn drawn(model: &Model, seed: u64) -> Vec<(State, f64)> {
    let state = |k: u64| {
        let Nature { public, types, .. } = Nature::new(model, seed.wrapping_add(k));
        State { public, types }
    };
    (0..MOST as u64).map(|k| (state(k), 1.0 / MOST as f64)).collect()
}
