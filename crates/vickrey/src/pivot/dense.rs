//! Dynamic programming state by state, with no structure used: what tests of small instances compare with.

use super::model::{Horizon, Model};
use crate::mechanism::AgentId;

/// All joint states of a model: the public state and the type of every player, in C order.
pub(super) struct Dense<'a> {
    model: &'a Model,
    pub states: Vec<Vec<usize>>,
}

impl<'a> Dense<'a> {
    pub fn new(model: &'a Model) -> Self {
        let sizes =
            std::iter::once(model.public().states).chain((0..model.players()).map(|i| model.player(i).types));
        let mut states = vec![Vec::new()];
        for size in sizes {
            let longer = |state: Vec<usize>| (0..size).map(move |k| [state.clone(), vec![k]].concat());
            states = states.into_iter().flat_map(longer).collect();
        }
        Self { model, states }
    }

    /// Number of a state.
    pub fn place(&self, state: &[usize]) -> usize {
        self.states.binary_search_by(|s| s.as_slice().cmp(state)).expect("a state of the model")
    }

    /// Utility of the period of all but perhaps one player, and discounted value of what follows.
    pub fn q(&self, t: usize, a: usize, state: &[usize], next: &[f64], but: Option<AgentId>) -> f64 {
        let model = self.model;
        let paid = |i: AgentId| model.player(i).utility.at(t, a, state[0])[state[i + 1]];
        let players: f64 = (0..model.players()).filter(|i| Some(*i) != but).map(paid).sum();
        let ahead = self.expected(t, a, state, next);
        model.public().utility.at(t, a, state[0]) + players + model.discount() * ahead
    }

    /// Expected value of the next state.
    pub fn expected(&self, t: usize, a: usize, state: &[usize], next: &[f64]) -> f64 {
        let mut reached = vec![(0, 1.0)];
        let laws = std::iter::once(self.model.public().moves.at(t, a, state[0]).clone()).chain(
            (0..self.model.players()).map(|i| {
                let kernel = self.model.player(i).moves.at(t, a, state[0]);
                kernel.row(state[i + 1]).iter().copied().enumerate().collect()
            }),
        );
        let sizes = std::iter::once(self.model.public().states)
            .chain((0..self.model.players()).map(|i| self.model.player(i).types));
        for (law, size) in laws.zip(sizes) {
            reached = reached
                .iter()
                .flat_map(|&(at, p)| {
                    law.iter().filter(|(_, q)| *q > 0.0).map(move |&(k, q)| (at * size + k, p * q))
                })
                .collect();
        }
        reached.iter().map(|&(at, p)| p * next[at]).sum()
    }

    /// One step back: the best feasible decision in every outcome.
    pub fn step(
        &self,
        t: usize,
        next: &[f64],
        but: Option<AgentId>,
        sets: &dyn Fn(usize) -> Vec<usize>,
    ) -> Vec<f64> {
        let value = |state: &Vec<usize>| -> f64 {
            let q: Vec<f64> = (0..self.model.decisions()).map(|a| self.q(t, a, state, next, but)).collect();
            let best = |z: usize| sets(z).iter().map(|a| q[*a]).fold(f64::NEG_INFINITY, f64::max);
            let law = self.model.probabilities(t, state[0]);
            law.iter().enumerate().filter(|(_, p)| **p > 0.0).map(|(z, p)| p * best(z)).sum()
        };
        self.states.iter().map(value).collect()
    }

    /// Value of an infinite horizon without perhaps one player, with these feasible sets.
    pub fn stationary(&self, but: Option<AgentId>, sets: &dyn Fn(usize) -> Vec<usize>) -> Vec<f64> {
        let mut value = vec![0.0; self.states.len()];
        loop {
            let next = self.step(0, &value, but, sets);
            let change = value.iter().zip(&next).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            value = next;
            if change < 1e-14 {
                return value;
            }
        }
    }

    /// Values of all periods of a finite horizon, the terminal one last.
    pub fn backward(&self) -> Vec<Vec<f64>> {
        let Horizon::Finite(periods) = self.model.horizon() else { panic!("a finite horizon") };
        let end = |i: AgentId, state: &[usize]| {
            let terminal = self.model.player(i).terminal.as_ref();
            terminal.map_or(0.0, |g| g.at(0, 0, state[0])[state[i + 1]])
        };
        let last = |state: &Vec<usize>| -> f64 {
            let public = self.model.public().terminal.get(state[0]).copied().unwrap_or(0.0);
            public + (0..self.model.players()).map(|i| end(i, state)).sum::<f64>()
        };
        let mut values = vec![self.states.iter().map(last).collect::<Vec<f64>>()];
        for t in (0..periods).rev() {
            values.push(self.step(t, &values[values.len() - 1], None, &|z| self.model.feasible(z).to_vec()));
        }
        values.reverse();
        values
    }
}
