//! One step backward in time: the best decision for every outcome, in every state.

use super::problem::{Futures, Problem, Slab};
use crate::pivot::model::Model;

/// Which decisions are possible.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sets {
    /// All that are feasible.
    Feasible,
    /// Those on this player's own list.
    Absent(usize),
}

impl Sets {
    pub fn of(self, model: &Model, outcome: usize) -> &[usize] {
        match self {
            Self::Feasible => model.feasible(outcome),
            Self::Absent(i) => model.absent(i, outcome),
        }
    }
}

/// What a sweep is to keep besides values.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wants {
    /// The decision for every outcome and state.
    pub policy: bool,
    /// The value of every decision, and of the best one for every outcome.
    pub choices: bool,
}

/// What a sweep found, all in states of the problem and without constants.
#[derive(Debug, Default)]
pub(super) struct Swept {
    /// Value averaged over outcomes.
    pub value: Vec<f64>,
    /// Decision by outcome and state.
    pub policy: Vec<Vec<u16>>,
    /// Value of a decision by decision and state; empty for decisions that are never feasible.
    pub choices: Vec<Vec<f64>>,
    /// Value of the best decision by outcome and state.
    pub best: Vec<Vec<f64>>,
    /// Most that the tie rule gives away in a state.
    pub loss: f64,
}

/// A slab's part of what is kept.
#[derive(Default)]
struct Out<'a> {
    value: &'a mut [f64],
    policy: Vec<&'a mut [u16]>,
    choices: Vec<&'a mut [f64]>,
    best: Vec<&'a mut [f64]>,
    loss: Option<&'a mut f64>,
}

/// One step of backward induction. `error`: what `next` is known to (values closer than that are ties).
pub(super) fn sweep(
    problem: &Problem,
    period: usize,
    next: &[f64],
    sets: Sets,
    error: f64,
    wants: Wants,
) -> Swept {
    let model = &problem.model;
    let (size, slabs, slab) = (problem.space.size(), problem.slabs(), problem.space.slab());
    let used = used(model);
    let mut swept = Swept { value: vec![0.0; size], ..Swept::default() };
    if wants.policy {
        swept.policy = vec![vec![0; size]; model.outcomes()];
    }
    if wants.choices {
        swept.choices = used.iter().map(|used| vec![0.0; if *used { size } else { 0 }]).collect();
        swept.best = vec![vec![0.0; size]; model.outcomes()];
    }
    let mut losses = vec![0.0; slabs];
    let mut outs: Vec<Out<'_>> =
        swept.value.chunks_mut(slab).map(|value| Out { value, ..Out::default() }).collect();
    for list in &mut swept.policy {
        outs.iter_mut().zip(list.chunks_mut(slab)).for_each(|(out, part)| out.policy.push(part));
    }
    for list in &mut swept.choices {
        if list.is_empty() {
            outs.iter_mut().for_each(|out| out.choices.push(&mut []));
        }
        outs.iter_mut().zip(list.chunks_mut(slab)).for_each(|(out, part)| out.choices.push(part));
    }
    for list in &mut swept.best {
        outs.iter_mut().zip(list.chunks_mut(slab)).for_each(|(out, part)| out.best.push(part));
    }
    outs.iter_mut().zip(&mut losses).for_each(|(out, loss)| out.loss = Some(loss));
    let task = Task { problem, period, sets, error, used: &used };
    problem.pass(period, next, outs, |slab, futures, out| task.slab(slab, futures, out));
    swept.loss = losses.into_iter().fold(0.0, f64::max);
    swept
}

/// Whether a decision is feasible in any outcome.
fn used(model: &Model) -> Vec<bool> {
    let mut used = vec![false; model.decisions()];
    for z in 0..model.outcomes() {
        model.feasible(z).iter().for_each(|&a| used[a] = true);
    }
    used
}

struct Task<'a> {
    problem: &'a Problem,
    period: usize,
    sets: Sets,
    error: f64,
    used: &'a [bool],
}

impl Task<'_> {
    fn slab(&self, slab: Slab, futures: &Futures<'_>, mut out: Out<'_>) {
        let choices = self.choices(slab, futures);
        let model = &self.problem.model;
        out.value.fill(0.0);
        let mut worst = 0.0_f64;
        let (mut best, mut taken) = (Vec::new(), Vec::new());
        for (z, mu) in model.probabilities(self.period, slab.public).iter().enumerate() {
            let set = self.sets.of(model, z);
            best.clear();
            best.extend_from_slice(&choices[set[0]]);
            for &a in &set[1..] {
                best.iter_mut().zip(&choices[a]).for_each(|(b, q)| *b = if *q > *b { *q } else { *b });
            }
            out.value.iter_mut().zip(&best).for_each(|(v, b)| *v += mu * b);
            let loss = self.pick(set, &choices, &best, &mut taken);
            if *mu > 0.0 {
                worst = worst.max(loss);
            }
            if let Some(policy) = out.policy.get_mut(z) {
                policy.copy_from_slice(&taken);
            }
            if let Some(kept) = out.best.get_mut(z) {
                kept.copy_from_slice(&best);
            }
        }
        for (kept, choice) in out.choices.iter_mut().zip(&choices) {
            kept.copy_from_slice(choice);
        }
        if let Some(loss) = out.loss {
            *loss = worst;
        }
    }

    /// Value of every decision that is ever feasible: stage utility and what follows.
    fn choices(&self, slab: Slab, futures: &Futures<'_>) -> Vec<Vec<f64>> {
        let delta = self.problem.model.discount();
        let mut choices = vec![Vec::new(); self.used.len()];
        for (a, choice) in choices.iter_mut().enumerate().filter(|(a, _)| self.used[*a]) {
            self.problem.stage(self.period, slab, a, choice);
            choice.iter_mut().zip(futures.after(a)).for_each(|(q, next)| *q += delta * next);
        }
        choices
    }

    /// The first decision within the tie band of the best, in every state, and the most that this loses.
    fn pick(&self, set: &[usize], choices: &[Vec<f64>], best: &[f64], taken: &mut Vec<u16>) -> f64 {
        const OPEN: u16 = u16::MAX;
        taken.clear();
        taken.resize(best.len(), OPEN);
        let mut loss = 0.0_f64;
        let stage = &self.problem.stage;
        for &a in set {
            for ((taken, q), best) in taken.iter_mut().zip(&choices[a]).zip(best) {
                if *taken == OPEN && *q >= best - stage.band(*best, self.error) {
                    *taken = a as u16;
                    loss = loss.max(best - q);
                }
            }
        }
        loss
    }
}
