//! Closing a round: answers are checked, what is missing is held from before, and all problems' sums are taken in one
//! pass over what arrived.
//!
//! Sums run over followers in their order, problem by problem, so that the bits are those of solving the problems one
//! after the other; and nothing is ever subtracted from a sum, so that nobody's garbage can reach a problem that she is
//! absent from.

use std::ops::Range;
use std::sync::Arc;

use multiversion::multiversion;
use rayon::prelude::*;

use super::iterate::Sums;
use super::letters::{Answer, Question, Round};
use super::model::{Follower, Problem};
use super::sensitivity::Class;
use crate::mechanism::AgentId;
use crate::numeric::sum::Sum;

/// Problems per task of a pass over all answers. Fixed, though no sum crosses a task.
const TASK: usize = 512;

/// Followers whose answers are read side by side: memory delivers many streams at once faster than one after the other.
const BLOCK: usize = 8;

/// Where everybody's numbers stand in the answers of a round.
#[derive(Clone, Debug)]
pub(super) struct Places {
    /// Trials before each question, and of all.
    rows: Vec<usize>,
    /// Probed questions before each question, and of all.
    probes: Vec<usize>,
    /// The questions that each follower is absent from (ascending).
    skipped: Vec<Vec<usize>>,
}

impl Places {
    pub fn new(round: &Round, agents: usize) -> Self {
        let mut places = Self { rows: vec![0], probes: vec![0], skipped: vec![Vec::new(); agents] };
        for (q, question) in round.questions.iter().enumerate() {
            places.rows.push(places.rows[q] + question.trials);
            places.probes.push(places.probes[q] + usize::from(question.probed));
            question.absent.iter().for_each(|&i| places.skipped[i].push(q));
        }
        places
    }

    fn before(&self, of: &[usize], agent: AgentId, q: usize) -> usize {
        let skipped = self.skipped[agent].iter().take_while(|s| **s < q);
        of[q] - skipped.map(|&s| of[s + 1] - of[s]).sum::<usize>()
    }

    /// Trials in a follower's answer before a question.
    pub fn row(&self, agent: AgentId, q: usize) -> usize {
        self.before(&self.rows, agent, q)
    }

    /// Whether the answers to these questions have the same places as those to some others.
    pub fn same(before: &[Question], now: &[Question]) -> bool {
        let key = |q: &Question| (q.problem, q.trials, q.probed);
        before.len() == now.len() && before.iter().zip(now).all(|(a, b)| key(a) == key(b))
    }

    /// Whether a follower is absent from a question.
    fn skips(&self, agent: AgentId, q: usize) -> bool {
        self.skipped[agent].binary_search(&q).is_ok()
    }

    fn probe(&self, agent: AgentId, q: usize) -> usize {
        self.before(&self.probes, agent, q)
    }

    /// Trials in the whole answer, and probed questions.
    pub fn size(&self, agent: AgentId) -> (usize, usize) {
        let end = self.rows.len() - 1;
        (self.row(agent, end), self.probe(agent, end))
    }
}

/// The answers of the last round, every gap filled: what a follower holds.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub round: Arc<Round>,
    pub places: Arc<Places>,
    pub answers: Vec<Answer>,
    /// The trial that counts, question by question.
    pub choice: Vec<usize>,
}

impl Held {
    fn find(&self, agent: AgentId, problem: usize) -> Option<usize> {
        let q = self.round.questions.binary_search_by_key(&problem, |q| q.problem).ok()?;
        Some(self.places.row(agent, q) + self.choice[q])
    }

    /// Her last usable part of a problem.
    pub fn z(&self, agent: AgentId, problem: usize, n: usize) -> Option<&[f64]> {
        let row = self.find(agent, problem)?;
        self.answers[agent].z.get(row * n..(row + 1) * n)
    }

    /// The same with the cost that she said it has; no number where she said none.
    pub fn priced(&self, agent: AgentId, problem: usize, n: usize) -> Option<(&[f64], f64)> {
        let row = self.find(agent, problem)?;
        Some((self.z(agent, problem, n)?, *self.answers[agent].value.get(row)?))
    }

    fn sensitivity(&self, agent: AgentId, problem: usize, size: usize) -> Option<&[f64]> {
        let row = self.find(agent, problem)?;
        self.answers[agent].sensitivity.get(row * size..(row + 1) * size)
    }
}

/// What a pass found.
pub(super) struct Pass {
    /// Question by question.
    pub sums: Vec<Sums>,
    /// Whose part of which question was missing or no number (by question, then follower).
    pub missing: Vec<(usize, AgentId)>,
}

/// R_i of every follower, column by column, padded to whole groups of four numbers, and the limits on her decisions: as the
/// pass reads them.
#[derive(Clone, Debug)]
pub(super) struct Columns {
    groups: usize,
    lanes: Vec<Vec<[f64; 4]>>,
    /// Whether anybody has limits.
    limited: bool,
    /// Lower and upper limit of every decision, four times over; infinite where there is none.
    limits: Vec<Vec<[[f64; 4]; 2]>>,
}

impl Columns {
    pub fn new(problem: &Problem) -> Self {
        let m = problem.couplings();
        let groups = m.div_ceil(4);
        let lanes = problem
            .followers()
            .iter()
            .map(|f| {
                let n = f.decisions();
                let entry = |k: usize, r: usize| if r < m { f.coupling[r * n + k] } else { 0.0 };
                (0..n)
                    .flat_map(|k| (0..groups).map(move |g| std::array::from_fn(|l| entry(k, 4 * g + l))))
                    .collect()
            })
            .collect();
        // Zeros signed so that zero less a limit of zero is +0, whichever zero a follower sends.
        let pair = |(low, high): (&f64, &f64)| [[-(0.0 - low); 4], [high + 0.0; 4]];
        let limits = problem.followers().iter().map(|f| f.low.iter().zip(&f.high).map(pair).collect());
        let limited = problem.followers().iter().any(Follower::limited);
        Self { groups, lanes, limited, limits: limits.collect() }
    }
}

/// The task's part of one follower's answer.
struct Piece<'a> {
    agent: AgentId,
    z: &'a mut [f64],
    value: &'a mut [f64],
    sensitivity: &'a mut [f64],
    probed: &'a [f64],
}

/// Brings an answer to the size that was asked; what does not fit is missing altogether.
pub(super) fn sized(
    answer: Option<Answer>,
    (rows, probes): (usize, usize),
    n: usize,
    packed: usize,
) -> Answer {
    let mut answer = answer.unwrap_or_default();
    let fit = |x: &mut Vec<f64>, size: usize| {
        if x.len() != size {
            *x = vec![f64::NAN; size];
        }
    };
    fit(&mut answer.z, rows * n);
    fit(&mut answer.value, rows);
    fit(&mut answer.sensitivity, rows * packed);
    fit(&mut answer.probed, probes);
    answer
}

/// Checks, fills and sums all answers of a round.
pub(super) fn pass(
    problem: &Problem,
    columns: &Columns,
    (round, places): (&Round, &Places),
    answers: &mut [Answer],
    held: Option<&Held>,
) -> Pass {
    let m = problem.couplings();
    let packed = if round.sensitivities { m * (m + 1) / 2 } else { 0 };
    let tasks: Vec<Range<usize>> =
        (0..round.questions.len()).step_by(TASK).map(|a| a..(a + TASK).min(round.questions.len())).collect();
    let mut pieces: Vec<Vec<Piece<'_>>> = tasks.iter().map(|_| Vec::with_capacity(answers.len())).collect();
    for (agent, answer) in answers.iter_mut().enumerate() {
        let n = problem.follower(agent).decisions();
        let mut rest =
            (&mut answer.z[..], &mut answer.value[..], &mut answer.sensitivity[..], &answer.probed[..]);
        for (task, pieces) in tasks.iter().zip(&mut pieces) {
            let rows = places.row(agent, task.end) - places.row(agent, task.start);
            let probes = places.probe(agent, task.end) - places.probe(agent, task.start);
            let (z, later_z) = std::mem::take(&mut rest.0).split_at_mut(rows * n);
            let (value, later_value) = std::mem::take(&mut rest.1).split_at_mut(rows);
            let (sensitivity, later_sensitivity) = std::mem::take(&mut rest.2).split_at_mut(rows * packed);
            let (probed, later_probed) = rest.3.split_at(probes);
            rest = (later_z, later_value, later_sensitivity, later_probed);
            if rows == 0 {
                continue;
            }
            pieces.push(Piece { agent, z, value, sensitivity, probed });
        }
    }
    let parts: Vec<Pass> = tasks
        .into_par_iter()
        .zip(pieces)
        .map(|(task, pieces)| Task { problem, columns, round, places, held, task, packed }.run(pieces))
        .collect();
    let mut all = Pass { sums: Vec::with_capacity(round.questions.len()), missing: Vec::new() };
    for part in parts {
        all.sums.extend(part.sums);
        all.missing.extend(part.missing);
    }
    all.missing.sort_unstable();
    all
}

/// What a task sums: row by row uses, costs (compensated) and sensitivities, question by question costs of candidates.
struct Totals {
    used: Vec<[f64; 4]>,
    value: Vec<f64>,
    lost: Vec<f64>,
    sensitivity: Vec<f64>,
    probed: Vec<Sum>,
}

impl Totals {
    fn new(rows: usize, groups: usize, packed: usize, questions: usize) -> Self {
        Self {
            used: vec![[0.0; 4]; rows * groups],
            value: vec![0.0; rows],
            lost: vec![0.0; rows],
            sensitivity: vec![0.0; rows * packed],
            probed: vec![Sum::default(); questions],
        }
    }
}

struct Task<'a> {
    problem: &'a Problem,
    columns: &'a Columns,
    round: &'a Round,
    places: &'a Places,
    held: Option<&'a Held>,
    task: Range<usize>,
    packed: usize,
}

impl Task<'_> {
    fn run(&self, mut pieces: Vec<Piece<'_>>) -> Pass {
        let mut missing = Vec::new();
        // Looking at every number before it is used would take a third of the time. What is no number or infinite shows in
        // the sums as well, and what lies outside of limits is seen on the way: then all is looked at, filled, and summed
        // again.
        let (mut totals, within) = self.add(&mut pieces, false, &mut missing);
        if !within || !finite(totals.used.as_flattened()) || !finite(&totals.sensitivity) {
            totals = self.add(&mut pieces, true, &mut missing).0;
        }
        Pass { sums: self.sums(&totals), missing }
    }

    /// The sums, and whether all that was added is within its limits.
    fn add(
        &self,
        pieces: &mut [Piece<'_>],
        look: bool,
        missing: &mut Vec<(usize, AgentId)>,
    ) -> (Totals, bool) {
        let mut within = true;
        let first = self.places.rows[self.task.start];
        let groups = self.columns.groups;
        let mut totals =
            Totals::new(self.places.rows[self.task.end] - first, groups, self.packed, self.task.len());
        for block in pieces.chunks_mut(BLOCK) {
            block.iter_mut().for_each(|piece| self.fill(piece, look, missing));
            let mut at = vec![0; block.len()];
            let (mut strands, mut values) = (Vec::with_capacity(BLOCK), Vec::with_capacity(BLOCK));
            for range in self.stretches(block) {
                let count = self.places.rows[range.end] - self.places.rows[range.start];
                let from = self.places.rows[range.start] - first;
                strands.clear();
                values.clear();
                for (piece, at) in block.iter().zip(&mut at) {
                    if self.places.skips(piece.agent, range.start) {
                        continue;
                    }
                    let n = self.problem.follower(piece.agent).decisions();
                    let z = &piece.z[*at * n..(*at + count) * n];
                    let Columns { lanes, limits, .. } = self.columns;
                    strands.push(Strand { z, n, lanes: &lanes[piece.agent], limits: &limits[piece.agent] });
                    values.push(&piece.value[*at..*at + count]);
                    let own = &piece.sensitivity[*at * self.packed..(*at + count) * self.packed];
                    totals.sensitivity[from * self.packed..].iter_mut().zip(own).for_each(|(s, x)| *s += x);
                    *at += count;
                }
                let rows = from..from + count;
                let used = &mut totals.used[rows.start * groups..rows.end * groups];
                within &= add_used(&strands, groups, self.columns.limited, used);
                add_values(&values, &mut totals.value[rows.clone()], &mut totals.lost[rows]);
            }
            block.iter().for_each(|piece| self.add_probed(piece, &mut totals));
        }
        (totals, within)
    }

    fn add_probed(&self, piece: &Piece<'_>, totals: &mut Totals) {
        let probed = |q: &usize| self.round.questions[*q].probed;
        if piece.probed.is_empty() {
            return;
        }
        for (q, cost) in self.segments(piece.agent).flatten().filter(probed).zip(piece.probed) {
            totals.probed[q - self.task.start].add(*cost);
        }
    }

    /// The task's questions in stretches that each of these followers is either absent from or in, throughout.
    fn stretches(&self, block: &[Piece<'_>]) -> Vec<Range<usize>> {
        let inside = |piece: &Piece<'_>| {
            let skipped = &self.places.skipped[piece.agent];
            let from = skipped.partition_point(|s| *s < self.task.start);
            skipped[from..].iter().copied().take_while(|s| *s < self.task.end)
        };
        let mut bounds = vec![self.task.start, self.task.end];
        bounds.extend(block.iter().flat_map(inside).flat_map(|skipped| [skipped, skipped + 1]));
        bounds.sort_unstable();
        bounds.dedup();
        bounds.windows(2).map(|pair| pair[0]..pair[1]).collect()
    }

    /// The task's questions that a follower is not absent from.
    fn segments(&self, agent: AgentId) -> impl Iterator<Item = Range<usize>> {
        let mut from = self.task.start;
        let end = self.task.end;
        let skipped = &self.places.skipped[agent];
        let inside = skipped.partition_point(|s| *s < from)..skipped.partition_point(|s| *s < end);
        skipped[inside].iter().copied().chain([end]).filter_map(move |stop| {
            let range = from..stop;
            from = stop + 1;
            (!range.is_empty()).then_some(range)
        })
    }

    /// On demand, and where sensitivities are asked: puts what was held before in place of what is no number (first, for an
    /// infinite one would be moved to a limit and look usable), and moves the rest to the limits.
    fn fill(&self, piece: &mut Piece<'_>, look: bool, missing: &mut Vec<(usize, AgentId)>) {
        let follower = self.problem.follower(piece.agent);
        if !(look || self.packed > 0) {
            return;
        }
        if !(finite(piece.z) && finite(piece.sensitivity)) {
            self.repair(piece, missing);
        }
        if follower.limited() {
            for z in piece.z.chunks_exact_mut(follower.decisions()) {
                for ((x, low), high) in z.iter_mut().zip(&follower.low).zip(&follower.high) {
                    *x = x.clamp(*low, *high);
                }
            }
        }
        if self.packed > 0 {
            Class::new(follower).tame(piece.sensitivity);
        }
    }

    fn repair(&self, piece: &mut Piece<'_>, missing: &mut Vec<(usize, AgentId)>) {
        let agent = piece.agent;
        let follower = self.problem.follower(agent);
        let n = follower.decisions();
        let mut at = 0;
        for q in self.segments(agent).flatten() {
            let question = &self.round.questions[q];
            let mut gap = false;
            for row in at..at + question.trials {
                let z = &mut piece.z[row * n..(row + 1) * n];
                if z.iter().any(|x| !x.is_finite()) {
                    let before = self.held.and_then(|h| h.z(agent, question.problem, n));
                    z.copy_from_slice(before.unwrap_or(&follower.absent));
                    piece.value[row] = f64::NAN;
                    gap = true;
                }
                let s = &mut piece.sensitivity[row * self.packed..(row + 1) * self.packed];
                if s.iter().any(|x| !x.is_finite()) {
                    match self.held.and_then(|h| h.sensitivity(agent, question.problem, self.packed)) {
                        Some(before) => s.copy_from_slice(before),
                        None => s.fill(0.0),
                    }
                }
            }
            if gap {
                missing.push((q, agent));
            }
            at += question.trials;
        }
    }

    fn sums(&self, totals: &Totals) -> Vec<Sums> {
        let Totals { used, value, lost, sensitivity: packed, probed } = totals;
        let m = self.problem.couplings();
        let groups = self.columns.groups;
        let first = self.places.rows[self.task.start];
        self.task
            .clone()
            .map(|q| {
                let rows = self.places.rows[q] - first..self.places.rows[q + 1] - first;
                let left = self.problem.left(&self.round.questions[q].absent);
                let mut sums = Sums {
                    residual: Vec::with_capacity(rows.len() * m),
                    value: rows.clone().map(|row| value[row] + lost[row]).collect(),
                    sensitivity: Vec::new(),
                    probed: probed[q - self.task.start].get(),
                };
                for row in rows {
                    let flat = used[row * groups..(row + 1) * groups].as_flattened();
                    sums.residual.extend(flat.iter().zip(&left).map(|(u, c)| u - c));
                    if self.packed > 0 {
                        let own = &packed[row * self.packed..(row + 1) * self.packed];
                        let at = |r: usize, c: usize| own[r.max(c) * (r.max(c) + 1) / 2 + r.min(c)];
                        sums.sensitivity.extend((0..m * m).map(|k| at(k / m, k % m)));
                    }
                }
                sums
            })
            .collect()
    }
}

/// Whether all are finite: one pass without branches.
#[multiversion(targets("x86_64+avx2+fma"))]
fn finite(xs: &[f64]) -> bool {
    xs.iter().fold(true, |all, x| all & x.is_finite())
}

/// More values for every compensated sum ([`Sum`], many at a time): one from each follower, in their order.
#[multiversion(targets("x86_64+avx2+fma"))]
fn add_values(values: &[&[f64]], total: &mut [f64], lost: &mut [f64]) {
    let (blocks, rest) = values.as_chunks::<BLOCK>();
    for block in blocks {
        add_compensated(block, total, lost);
    }
    for one in rest {
        add_compensated(std::array::from_ref(one), total, lost);
    }
}

#[inline(always)]
fn add_compensated<const F: usize>(values: &[&[f64]; F], total: &mut [f64], lost: &mut [f64]) {
    let count = total.len();
    let values = values.map(|own| &own[..count]);
    let lost = &mut lost[..count];
    for row in 0..count {
        let (mut so_far, mut missed) = (total[row], lost[row]);
        for own in values {
            let next = so_far + own[row];
            let added = next - so_far;
            missed += (so_far - (next - added)) + (own[row] - added);
            so_far = next;
        }
        (total[row], lost[row]) = (so_far, missed);
    }
}

/// Consecutive rows of one follower's answer, n numbers each, the columns of her R, and her limits.
struct Strand<'a> {
    z: &'a [f64],
    n: usize,
    lanes: &'a [[f64; 4]],
    limits: &'a [[[f64; 4]; 2]],
}

/// used += sum of R_i z_i, row by row, in whole groups of four couplings. Followers are added in their order. Whether all
/// are within their limits, if there are any.
#[multiversion(targets("x86_64+avx2+fma"))]
fn add_used(strands: &[Strand<'_>], groups: usize, limited: bool, used: &mut [[f64; 4]]) -> bool {
    match (groups, limited) {
        (1, false) => add_groups::<1, false>(strands, used),
        (2, false) => add_groups::<2, false>(strands, used),
        (3, false) => add_groups::<3, false>(strands, used),
        (4, false) => add_groups::<4, false>(strands, used),
        (1, true) => add_groups::<1, true>(strands, used),
        (2, true) => add_groups::<2, true>(strands, used),
        (3, true) => add_groups::<3, true>(strands, used),
        (4, true) => add_groups::<4, true>(strands, used),
        _ => {
            let mut outside = [0; 4];
            for Strand { z, n, lanes, limits } in strands {
                for (z, used) in z.chunks_exact(*n).zip(used.chunks_exact_mut(groups)) {
                    for ((x, column), limits) in z.iter().zip(lanes.chunks_exact(groups)).zip(*limits) {
                        look_outside(*x, limits, &mut outside);
                        for (u, r) in used.iter_mut().zip(column) {
                            (0..4).for_each(|l| u[l] += r[l] * x);
                        }
                    }
                }
            }
            outside[0] >> 63 == 0
        }
    }
}

/// Sets the sign of the bits if a number lies outside of its limits, or is none: x - low and high - x are negative there.
/// (All four are the same: as vectors they are cheaper than one alone.)
#[inline(always)]
fn look_outside(x: f64, [low, high]: &[[f64; 4]; 2], outside: &mut [u64; 4]) {
    for l in 0..4 {
        outside[l] |= (x - low[l]).to_bits() | (high[l] - x).to_bits();
    }
}

#[inline(always)]
fn add_groups<const G: usize, const LIMITED: bool>(strands: &[Strand<'_>], used: &mut [[f64; 4]]) -> bool {
    let (blocks, rest) = strands.as_chunks::<BLOCK>();
    let mut within = true;
    // Loops, not closures: a closure would be compiled without the vector instructions of the caller.
    for block in blocks {
        within &= add_block::<G, BLOCK, LIMITED>(block, used);
    }
    for strand in rest {
        within &= add_block::<G, 1, LIMITED>(std::array::from_ref(strand), used);
    }
    within
}

/// Many followers at a time share what is read and written of the sums, two rows at a time what is read of R.
#[inline(always)]
fn add_block<const G: usize, const F: usize, const LIMITED: bool>(
    strands: &[Strand<'_>; F],
    used: &mut [[f64; 4]],
) -> bool {
    let mut outside = [0; 4];
    let mut pairs = used.chunks_exact_mut(2 * G);
    for (pair, used) in pairs.by_ref().enumerate() {
        let mut first: [[f64; 4]; G] = std::array::from_fn(|g| used[g]);
        let mut second: [[f64; 4]; G] = std::array::from_fn(|g| used[G + g]);
        for Strand { z, n, lanes, limits } in strands {
            let (one, other) = z[2 * pair * n..2 * (pair + 1) * n].split_at(*n);
            let rows = one.iter().zip(other).zip(lanes.chunks_exact(G)).zip(*limits);
            for (((x, y), column), limits) in rows {
                if LIMITED {
                    look_outside(*x, limits, &mut outside);
                    look_outside(*y, limits, &mut outside);
                }
                for g in 0..G {
                    for l in 0..4 {
                        first[g][l] += column[g][l] * x;
                        second[g][l] += column[g][l] * y;
                    }
                }
            }
        }
        used[..G].copy_from_slice(&first);
        used[G..].copy_from_slice(&second);
    }
    let last = pairs.into_remainder();
    if !last.is_empty() {
        for Strand { z, n, lanes, limits } in strands {
            for ((x, column), limits) in z[z.len() - n..].iter().zip(lanes.chunks_exact(G)).zip(*limits) {
                look_outside(*x, limits, &mut outside);
                for (u, r) in last.iter_mut().zip(column) {
                    (0..4).for_each(|l| u[l] += r[l] * x);
                }
            }
        }
    }
    outside[0] >> 63 == 0
}
