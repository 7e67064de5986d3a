//! One step backward in time: the best decision for every outcome, in every state.

use super::problem::{Futures, Problem, Slab};
use crate::mechanism::AgentId;
use crate::pivot::mode::Without;
use crate::pivot::model::Model;

/// Which decisions are possible.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sets {
    /// All that are feasible.
    Feasible,
    /// The same, where it does not count which comes first: the loss by ties is that of the worst within the band, whichever
    /// is taken. No policy can be kept.
    Unordered,
    /// Those on this player's own list.
    Absent(usize),
}

impl Sets {
    /// What is possible without a player in a mode.
    pub fn without(mode: Without, player: AgentId) -> Self {
        match mode {
            Without::Own => Self::Absent(player),
            Without::Same | Without::Tight => Self::Feasible,
        }
    }

    pub fn of(self, model: &Model, outcome: usize) -> &[usize] {
        match self {
            Self::Feasible | Self::Unordered => model.feasible(outcome),
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
    /// Value of a decision by decision and state, in C order; meaningless for decisions that are never feasible.
    pub choices: Vec<f64>,
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
    let mut swept = Swept::default();
    sweep_into(problem, period, next, sets, error, wants, &mut swept);
    swept
}

/// As [`sweep`], into memory that is there.
pub(super) fn sweep_into(
    problem: &Problem,
    period: usize,
    next: &[f64],
    sets: Sets,
    error: f64,
    wants: Wants,
    swept: &mut Swept,
) {
    let model = &problem.model;
    let (size, slab) = (problem.space.size(), problem.space.slab());
    let used = used(model);
    swept.value.resize(size, 0.0);
    let outcomes = model.outcomes();
    swept.policy.resize(if wants.policy { outcomes } else { 0 }, Vec::new());
    swept.policy.iter_mut().for_each(|list| list.resize(size, 0));
    swept.best.resize(if wants.choices { outcomes } else { 0 }, Vec::new());
    swept.best.iter_mut().for_each(|list| list.resize(size, 0.0));
    swept.choices.resize(if wants.choices { used.len() * size } else { 0 }, 0.0);
    let mut losses = vec![0.0; problem.slabs()];
    let mut outs: Vec<Out<'_>> =
        swept.value.chunks_mut(slab).map(|value| Out { value, ..Out::default() }).collect();
    for list in &mut swept.policy {
        outs.iter_mut().zip(list.chunks_mut(slab)).for_each(|(out, part)| out.policy.push(part));
    }
    for list in swept.choices.chunks_mut(size) {
        outs.iter_mut().zip(list.chunks_mut(slab)).for_each(|(out, part)| out.choices.push(part));
    }
    for list in &mut swept.best {
        outs.iter_mut().zip(list.chunks_mut(slab)).for_each(|(out, part)| out.best.push(part));
    }
    outs.iter_mut().zip(&mut losses).for_each(|(out, loss)| out.loss = Some(loss));
    let level = model.discount() * next[0];
    let task = Task { problem, period, sets, error, level, used: &used };
    problem.pass_with(period, next, outs, |slab, futures, work, out| task.slab(slab, futures, work, out));
    swept.loss = losses.into_iter().fold(0.0, f64::max);
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
    level: f64,
    used: &'a [bool],
}

/// Memory of a thread.
#[derive(Default)]
struct Work {
    choices: Vec<Vec<f64>>,
    best: Vec<f64>,
    limit: Vec<f64>,
    taken: Vec<u16>,
    value: Vec<f64>,
}

/// States compared at a time: what belongs to them stays in the first cache.
const TILE: usize = 512;

impl Task<'_> {
    fn slab(&self, slab: Slab, futures: &Futures<'_>, work: &mut Work, mut out: Out<'_>) {
        let model = &self.problem.model;
        let mut choices = std::mem::take(&mut work.choices);
        choices.resize(self.used.len(), Vec::new());
        for (a, choice) in choices.iter_mut().enumerate().filter(|(a, _)| self.used[*a]) {
            let follows = (model.discount(), futures.after(a));
            self.problem.choice(self.period, slab, a, follows, choice);
        }
        let probabilities = model.probabilities(self.period, slab.public);
        let mut worst = 0.0_f64;
        for from in (0..out.value.len()).step_by(TILE) {
            let to = (from + TILE).min(out.value.len());
            out.value[from..to].fill(0.0);
            for (z, mu) in probabilities.iter().enumerate() {
                let set = self.sets.of(model, z);
                let loss = match self.sets {
                    Sets::Unordered => self.lose(set, &choices, from..to, work),
                    Sets::Feasible | Sets::Absent(_) => self.pick(set, &choices, from..to, work),
                };
                out.value[from..to].iter_mut().zip(&work.best).for_each(|(v, b)| *v += mu * b);
                if *mu > 0.0 {
                    worst = worst.max(loss);
                }
                if let Some(policy) = out.policy.get_mut(z) {
                    policy[from..to].copy_from_slice(&work.taken);
                }
                if let Some(kept) = out.best.get_mut(z) {
                    kept[from..to].copy_from_slice(&work.best);
                }
            }
        }
        for (kept, choice) in out.choices.iter_mut().zip(&choices).filter(|(_, choice)| !choice.is_empty()) {
            kept.copy_from_slice(choice);
        }
        work.choices = choices;
        if let Some(loss) = out.loss {
            *loss = worst;
        }
    }

    /// The best value in every state of a tile, and the first decision within the tie band of it; returns the most that
    /// this loses.
    fn pick(
        &self,
        set: &[usize],
        choices: &[Vec<f64>],
        tile: std::ops::Range<usize>,
        work: &mut Work,
    ) -> f64 {
        highest(set, choices, tile.clone(), work);
        let Work { best, limit, taken, value, .. } = work;
        taken.clear();
        taken.resize(best.len(), set[0] as u16);
        if set.len() == 1 {
            return 0.0;
        }
        limit.clear();
        limit.extend(best.iter().map(|b| b - self.problem.stage.band(*b, self.level, self.error)));
        value.clear();
        value.extend_from_slice(best);
        // From the last to the first, so that the first stays.
        for &a in set.iter().rev() {
            let all = taken.iter_mut().zip(&mut *value).zip(&*limit).zip(&choices[a][tile.clone()]);
            for (((taken, value), limit), q) in all {
                let fits = q >= limit;
                *taken = if fits { a as u16 } else { *taken };
                *value = if fits { *q } else { *value };
            }
        }
        best.iter().zip(&*value).fold(0.0, |loss, (b, v)| loss.max(b - v))
    }

    /// The best value in every state of a tile, and the most that any decision within the tie band of it loses.
    fn lose(
        &self,
        set: &[usize],
        choices: &[Vec<f64>],
        tile: std::ops::Range<usize>,
        work: &mut Work,
    ) -> f64 {
        highest(set, choices, tile.clone(), work);
        let mut worst = 0.0_f64;
        for (k, b) in work.best.iter().enumerate() {
            // A little more than the band: in another order sums are rounded otherwise.
            let band = (1.0 + 1e-3) * self.problem.stage.band(*b, self.level, self.error);
            let short = set.iter().map(|&a| b - choices[a][tile.start + k]);
            worst = short.filter(|short| *short <= band).fold(worst, f64::max);
        }
        worst
    }
}

/// The best value in every state of a tile.
fn highest(set: &[usize], choices: &[Vec<f64>], tile: std::ops::Range<usize>, work: &mut Work) {
    let best = &mut work.best;
    best.clear();
    best.extend_from_slice(&choices[set[0]][tile.clone()]);
    for &a in &set[1..] {
        let all = best.iter_mut().zip(&choices[a][tile.clone()]);
        all.for_each(|(b, q)| *b = if *q > *b { *q } else { *b });
    }
}
