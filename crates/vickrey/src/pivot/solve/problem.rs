//! One dynamic program: the public with all players, or without one of them.
//!
//! Given the public state and the decision, components move independently, so an expectation over the next joint state is
//! taken one component at a time and a joint kernel never exists. Decisions that lead to the same future share all of
//! it, those that move the first few players alike share that part.

use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use super::axes::Axis;
use super::contract::{Matrix, Nested, apply, combine, combine_twice, fold, stretches};
use super::space::{Space, State};
use super::stage::Stage;
use crate::pivot::model::Model;

/// Below this many states times decisions a pass stays on one thread: handing out work would take longer.
const SMALL: usize = 1 << 14;
/// Below this many products the expectations at one state stay on one thread.
const ALONE: usize = 1 << 18;

/// The public and some of the players.
#[derive(Clone, Debug)]
pub struct Problem {
    pub(super) model: Arc<Model>,
    pub(super) stage: Arc<Stage>,
    matrices: Arc<Vec<Vec<Matrix>>>,
    pub(super) space: Space,
    /// Behind the first member.
    axes: Arc<Vec<Axis>>,
}

/// A stretch of states that share the public state and the first member's type.
#[derive(Clone, Copy, Debug)]
pub struct Slab {
    /// Number among all slabs.
    pub number: usize,
    /// The public state.
    pub public: usize,
    /// The first member's type; 0 if there are no members.
    pub first: usize,
}

/// What every decision leads to, over a slab or at one state.
#[derive(Debug)]
pub struct Futures<'a> {
    of: &'a [usize],
    expected: &'a [Vec<f64>],
}

impl Futures<'_> {
    /// Expected next value under a decision, one number for each state of the slab.
    pub fn after(&self, decision: usize) -> &[f64] {
        &self.expected[self.of[decision]]
    }
}

/// What happens in one period and public state: the distinct futures, and to which of them a decision leads.
struct Branches {
    /// Law of the public state, kernel of the first member, what moves every axis behind; ascending.
    futures: Vec<Vec<usize>>,
    of: Vec<usize>,
}

/// Memory that a pass needs beside what it reads and writes.
#[derive(Default)]
struct Scratch {
    mixed: Vec<Vec<f64>>,
    levels: Vec<Vec<f64>>,
    expected: Vec<Vec<f64>>,
}

/// Memory that tasks hand on to each other, so that it is not made anew for every slab.
struct Pool<T>(Mutex<Vec<T>>);

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Default> Pool<T> {
    fn take(&self) -> T {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    fn give(&self, memory: T) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(memory);
    }
}

impl Problem {
    /// The public with all players.
    pub fn whole(model: Arc<Model>) -> Self {
        let matrices = (0..model.players()).map(|i| {
            let laws = model.player(i).moves.laws();
            laws.iter().map(|kernel| Matrix::new(kernel.types(), &kernel.rows)).collect()
        });
        let matrices: Arc<Vec<Vec<Matrix>>> = Arc::new(matrices.collect());
        let stage = Arc::new(Stage::new(&model));
        let space = Space::of(&model);
        let axes = Arc::new(Axis::behind_first(&model, &space, &matrices));
        Self { model, stage, matrices, space, axes }
    }

    /// The same without one player.
    pub fn without(&self, player: usize) -> Self {
        let space = self.space.without(player);
        let axes = Arc::new(Axis::behind_first(&self.model, &space, &self.matrices));
        Self { space, axes, ..self.clone() }
    }

    /// The joint states.
    pub fn space(&self) -> &Space {
        &self.space
    }

    /// Number of slabs.
    pub fn slabs(&self) -> usize {
        self.space.publics * self.space.types.first().copied().unwrap_or(1)
    }

    /// Bytes that a pass allocates at most for its own use, on `threads` threads.
    pub fn scratch_bytes(&self, threads: usize) -> u128 {
        let (block, slab) = (self.space.block() as u128, self.space.slab() as u128);
        let decisions = self.model.decisions() as u128;
        let levels = self.space.members.len() as u128 + decisions.min(64) + decisions;
        8 * (block * self.mixtures() as u128 + slab * levels * threads as u128)
    }

    /// Most laws of the public state that are mixtures, over periods and public states.
    fn mixtures(&self) -> usize {
        let laws = self.model.public().moves.laws();
        laws.iter().filter(|law| law.len() > 1).count().min(self.model.decisions())
    }

    /// Value at the end, without constants.
    pub fn terminal(&self) -> Vec<f64> {
        let mut values = Vec::with_capacity(self.space.size());
        for public in 0..self.space.publics {
            let base = self.stage.terminal_public.get(public).copied().unwrap_or(0.0);
            let tables = self.space.members.iter().map(|&i| self.stage.terminals[i].as_ref());
            let rows = tables.zip(&self.space.types).map(|(table, &n)| match table {
                Some(table) => table.at(0, 0, public).clone(),
                None => vec![0.0; n],
            });
            values.extend(sums(base, rows));
        }
        values
    }

    /// Walks over all states. For every slab `visit` gets what each of the decisions leads to, given the next period's
    /// values, and the part of the `outputs` that belongs to the slab.
    pub fn pass<O: Send>(
        &self,
        period: usize,
        next: &[f64],
        outputs: Vec<O>,
        visit: impl Fn(Slab, &Futures<'_>, O) + Sync,
    ) {
        self.pass_with(period, next, outputs, |slab, futures, _: &mut (), output| {
            visit(slab, futures, output)
        });
    }

    /// As [`pass`](Self::pass), with memory that a thread uses again from slab to slab.
    pub(super) fn pass_with<O: Send, W: Default + Send>(
        &self,
        period: usize,
        next: &[f64],
        outputs: Vec<O>,
        visit: impl Fn(Slab, &Futures<'_>, &mut W, O) + Sync,
    ) {
        let (block, firsts) = (self.space.block(), self.space.types.first().copied().unwrap_or(1));
        assert_eq!(next.len(), self.space.size(), "one value for each state");
        assert_eq!(outputs.len(), self.slabs(), "one output for each slab");
        let mut outputs = outputs.into_iter();
        let pool: Pool<(Scratch, W)> = Pool::default();
        let work = block * self.model.decisions();
        if work >= SMALL {
            // Large blocks one after the other, the slabs of each in parallel.
            let mut mixed = Vec::new();
            for public in 0..self.space.publics {
                let branches = self.branches(period, public);
                let sources = self.mix(&branches, next, block, &mut mixed);
                let slabs: Vec<(usize, O)> = (0..firsts).zip(outputs.by_ref()).collect();
                slabs.into_par_iter().with_max_len(1).for_each(|(first, output)| {
                    let (mut scratch, mut memory) = pool.take();
                    let source = |law| source(&sources, &mixed, next, block, law);
                    self.futures(&branches, first, &source, &mut scratch);
                    let futures = Futures { of: &branches.of, expected: &scratch.expected };
                    let slab = Slab { number: public * firsts + first, public, first };
                    visit(slab, &futures, &mut memory, output);
                    pool.give((scratch, memory));
                });
            }
            return;
        }
        // Small blocks side by side.
        let one = |(public, outputs): (usize, Vec<O>)| {
            let (mut scratch, mut memory) = pool.take();
            let mut mixed = std::mem::take(&mut scratch.mixed);
            let branches = self.branches(period, public);
            let sources = self.mix(&branches, next, block, &mut mixed);
            let source = |law| source(&sources, &mixed, next, block, law);
            for (first, output) in outputs.into_iter().enumerate() {
                self.futures(&branches, first, &source, &mut scratch);
                let futures = Futures { of: &branches.of, expected: &scratch.expected };
                let slab = Slab { number: public * firsts + first, public, first };
                visit(slab, &futures, &mut memory, output);
            }
            scratch.mixed = mixed;
            pool.give((scratch, memory));
        };
        let publics: Vec<(usize, Vec<O>)> =
            (0..self.space.publics).map(|public| (public, outputs.by_ref().take(firsts).collect())).collect();
        if work * self.space.publics < SMALL {
            publics.into_iter().for_each(one);
        } else {
            publics.into_par_iter().with_min_len((SMALL / work).max(1)).for_each(one);
        }
    }

    /// What every decision leads to at one state: the same numbers as in a pass.
    pub fn at<R>(
        &self,
        period: usize,
        next: &[f64],
        state: &State,
        visit: impl FnOnce(&Futures<'_>) -> R,
    ) -> R {
        let block = self.space.block();
        let branches = self.branches(period, state.public);
        let futures = &branches.futures;
        let mut expected = vec![Vec::new(); futures.len()];
        let mut levels = vec![Vec::new(); self.axes.len()];
        let walk = Walk { problem: self, futures, types: Some(&state.types) };
        let laws = runs(futures, 0, 0..futures.len());
        let Some(&first) = self.space.members.first() else {
            for (law, range) in laws {
                let mut one = [0.0];
                combine(next, &self.terms(law, block), &mut one);
                walk.emit(&one, range, &mut expected);
            }
            return visit(&Futures { of: &branches.of, expected: &expected });
        };
        // The public state and the first member at once, for all laws and kernels that occur.
        let slab = self.space.slab();
        let (mut pairs, mut ranges) = (Vec::new(), Vec::new());
        for (law, range) in laws {
            for (kernel, range) in runs(futures, 1, range) {
                let row = self.matrices[first][kernel].row(state.types[first]);
                pairs.push((self.terms(law, block), stretches(row, slab)));
                ranges.push(range);
            }
        }
        let mut outs = vec![vec![0.0; slab]; pairs.len()];
        nested(next, &pairs, &mut outs);
        for (out, range) in outs.iter().zip(ranges) {
            walk.down(0, out, range, &mut levels, &mut expected);
        }
        visit(&Futures { of: &branches.of, expected: &expected })
    }

    /// Where the next public states begin, and their probabilities.
    fn terms(&self, law: usize, block: usize) -> Vec<(usize, f64)> {
        self.model.public().moves.laws()[law].iter().map(|(state, p)| (state * block, *p)).collect()
    }

    /// Stage utility of the public and the members under a decision plus `delta` times what `follows`, without constants,
    /// for every state of a slab.
    pub(super) fn choice(
        &self,
        period: usize,
        slab: Slab,
        decision: usize,
        (delta, follows): (f64, &[f64]),
        out: &mut Vec<f64>,
    ) {
        let (members, public) = (&self.space.members, slab.public);
        let mut base = *self.stage.public.at(period, decision, public);
        if let Some(&first) = members.first() {
            base += self.stage.players[first].at(period, decision, public)[slab.first];
        }
        let own = |i: usize| self.stage.players[i].at(period, decision, public);
        let later = members.get(1..).unwrap_or_default();
        let moved = later.iter().rposition(|&i| own(i).iter().any(|v| *v != 0.0)).map_or(0, |last| last + 1);
        // Stage utilities over the types of the players up to the last one whom the decision concerns.
        let stage = sums(base, later[..moved].iter().map(|&i| own(i)));
        out.resize(follows.len(), 0.0);
        if stage.len() == follows.len() {
            let all = out.iter_mut().zip(&stage).zip(follows);
            all.for_each(|((out, stage), next)| *out = stage + delta * next);
            return;
        }
        let width = follows.len() / stage.len();
        for ((out, stage), next) in out.chunks_mut(width).zip(&stage).zip(follows.chunks(width)) {
            out.iter_mut().zip(next).for_each(|(out, next)| *out = stage + delta * next);
        }
    }

    /// Stage utility of the public and the members under a decision at one state, without constants.
    pub fn stage_at(&self, period: usize, state: &State, decision: usize) -> f64 {
        let base = *self.stage.public.at(period, decision, state.public);
        let own = |i: usize| self.stage.players[i].at(period, decision, state.public)[state.types[i]];
        self.space.members.iter().fold(base, |sum, &i| sum + own(i))
    }

    /// The distinct futures of the decisions, in ascending order, so that those with a common beginning are neighbours.
    fn branches(&self, period: usize, public: usize) -> Branches {
        let signature = |a: usize| {
            let law = self.model.public().moves.id(period, a, public);
            let first = self.space.members.first().map(|&i| self.model.player(i).moves.id(period, a, public));
            let behind = self.axes.iter().map(|axis| axis.number(&self.model, period, a, public));
            std::iter::once(law).chain(first).chain(behind).collect::<Vec<usize>>()
        };
        let all: Vec<Vec<usize>> = (0..self.model.decisions()).map(signature).collect();
        let mut futures = all.clone();
        futures.sort_unstable();
        futures.dedup();
        let of = all.iter().map(|s| futures.partition_point(|f| f < s)).collect();
        Branches { futures, of }
    }

    /// Expectation over the next public state, for every law that occurs.
    fn mix(
        &self,
        branches: &Branches,
        next: &[f64],
        block: usize,
        mixed: &mut Vec<Vec<f64>>,
    ) -> Vec<(usize, Source)> {
        let mut sources = Vec::new();
        let mut used = 0;
        for (id, _) in runs(&branches.futures, 0, 0..branches.futures.len()) {
            let law = &self.model.public().moves.laws()[id];
            if let [(state, p)] = law[..]
                && p == 1.0
            {
                sources.push((id, Source::Slice(state * block)));
                continue;
            }
            if used == mixed.len() {
                mixed.push(Vec::new());
            }
            let out = &mut mixed[used];
            out.resize(block, 0.0);
            let terms = self.terms(id, block);
            let fill = |(chunk, out): (usize, &mut [f64])| combine(&next[chunk * MIX..], &terms, out);
            if block < SMALL {
                out.chunks_mut(MIX).enumerate().for_each(fill);
            } else {
                out.par_chunks_mut(MIX).enumerate().for_each(fill);
            }
            sources.push((id, Source::Mixed(used)));
            used += 1;
        }
        sources
    }

    /// Expected values of all futures over one slab.
    fn futures<'n>(
        &self,
        branches: &Branches,
        first: usize,
        source: &impl Fn(usize) -> &'n [f64],
        scratch: &mut Scratch,
    ) {
        scratch.levels.resize(self.axes.len() + 1, Vec::new());
        scratch.expected.resize(branches.futures.len(), Vec::new());
        let walk = Walk { problem: self, futures: &branches.futures, types: None };
        for (law, range) in runs(&branches.futures, 0, 0..branches.futures.len()) {
            let input = source(law);
            if self.space.members.is_empty() {
                walk.emit(input, range, &mut scratch.expected);
                continue;
            }
            let slab = self.space.slab();
            for (kernel, range) in runs(&branches.futures, 1, range) {
                let matrix = &self.matrices[self.space.members[0]][kernel];
                let (level, rest) = scratch.levels.split_at_mut(1);
                level[0].resize(slab, 0.0);
                fold(input, matrix.row(first), &mut level[0]);
                walk.down(0, &level[0], range, rest, &mut scratch.expected);
            }
        }
    }
}

/// [`combine_twice`], on several threads if there is enough to do.
fn nested(next: &[f64], pairs: &[Nested], outs: &mut [Vec<f64>]) {
    let length = outs.first().map_or(0, Vec::len);
    let work: usize = pairs.iter().map(|(inner, outer)| inner.len() * outer.len() * length).sum();
    let stretch = if work < ALONE { length } else { length.div_ceil(4) };
    let mut parts: Vec<Vec<&mut [f64]>> = Vec::new();
    for out in outs {
        for (k, part) in out.chunks_mut(stretch.max(1)).enumerate() {
            if parts.len() == k {
                parts.push(Vec::new());
            }
            parts[k].push(part);
        }
    }
    let one = |(k, outs): (usize, &mut Vec<&mut [f64]>)| combine_twice(next, k * stretch, pairs, outs);
    if parts.len() == 1 {
        parts.iter_mut().enumerate().for_each(one);
    } else {
        parts.par_iter_mut().enumerate().for_each(one);
    }
}

/// `base` plus one entry of every row, for all choices of entries in C order.
fn sums(base: f64, rows: impl Iterator<Item = impl AsRef<[f64]>>) -> Vec<f64> {
    rows.fold(vec![base], |sums, row| {
        sums.iter().flat_map(|so_far| row.as_ref().iter().map(move |v| so_far + v)).collect()
    })
}

/// Where the values of the next period, averaged over the public state, are.
enum Source {
    /// There is only one next public state: its block begins here.
    Slice(usize),
    Mixed(usize),
}

/// The values of the next period under a law of the public state.
fn source<'n>(
    sources: &[(usize, Source)],
    mixed: &'n [Vec<f64>],
    next: &'n [f64],
    block: usize,
    law: usize,
) -> &'n [f64] {
    match sources.iter().find(|s| s.0 == law) {
        Some((_, Source::Slice(from))) => &next[*from..from + block],
        Some((_, Source::Mixed(k))) => &mixed[*k],
        None => unreachable!("every law of a branch has a source"),
    }
}

/// States mixed at a time.
const MIX: usize = 4096;

/// Neighbours in `futures[range]` with the same entry at `level`: the entry, and their range.
fn runs(
    futures: &[Vec<usize>],
    level: usize,
    range: std::ops::Range<usize>,
) -> impl Iterator<Item = (usize, std::ops::Range<usize>)> + '_ {
    let mut from = range.start;
    std::iter::from_fn(move || {
        if from == range.end {
            return None;
        }
        let id = futures[from][level];
        let count = futures[from..range.end].iter().take_while(|f| f[level] == id).count();
        let run = from..from + count;
        from = run.end;
        Some((id, run))
    })
}

/// Averages over one axis after the other; common beginnings are done once.
struct Walk<'a> {
    problem: &'a Problem,
    futures: &'a [Vec<usize>],
    /// Only this state; else all states of a slab.
    types: Option<&'a [usize]>,
}

impl Walk<'_> {
    /// Averages `input` over the axes from number `level` on. `levels` has a buffer for each of them.
    fn down(
        &self,
        level: usize,
        input: &[f64],
        range: std::ops::Range<usize>,
        levels: &mut [Vec<f64>],
        expected: &mut [Vec<f64>],
    ) {
        let Some((mine, rest)) = levels.split_first_mut() else {
            return self.emit(input, range, expected);
        };
        let axis = &self.problem.axes[level];
        for (kernel, run) in runs(self.futures, level + 2, range) {
            let matrix = axis.matrix(kernel, &self.problem.matrices);
            // Distinct futures differ somewhere, so behind the last axis there is exactly one: it is written in place.
            let last = rest.is_empty();
            let out = if last { &mut expected[run.start] } else { &mut *mine };
            match self.types {
                None if matrix.is_identity() => {
                    self.down(level + 1, input, run, rest, expected);
                    continue;
                }
                None => {
                    out.resize(input.len(), 0.0);
                    apply(input, matrix, axis.inner, out);
                }
                Some(types) => {
                    out.resize(axis.inner, 0.0);
                    fold(input, matrix.row(axis.place(types)), out);
                }
            }
            if !last {
                self.down(level + 1, mine, run, rest, expected);
            }
        }
    }

    fn emit(&self, input: &[f64], range: std::ops::Range<usize>, expected: &mut [Vec<f64>]) {
        let out = &mut expected[range.start];
        out.clear();
        out.extend_from_slice(input);
    }
}
