//! Closing a round: answers are checked, what is missing is held from before, and all problems' sums are taken in one
//! pass over what arrived.
//!
//! Sums run over followers in their order, problem by problem, so that the bits are those of solving the problems one
//! after the other; and nothing is ever subtracted from a sum, so that nobody's garbage can reach a problem that she is
//! absent from.

use std::sync::Arc;

use multiversion::multiversion;
use rayon::prelude::*;

use super::iterate::Sums;
use super::letters::{Answer, Round};
use super::model::Problem;
use super::sensitivity::Class;
use crate::mechanism::AgentId;
use crate::numeric::sum::Sum;

/// Problems per task of a pass over all answers. Fixed, though no sum crosses a task.
const TASK: usize = 256;

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

/// R_i of every follower, column by column, padded to whole groups of four numbers: as the pass reads it.
#[derive(Clone, Debug)]
pub(super) struct Columns {
    groups: usize,
    lanes: Vec<Vec<[f64; 4]>>,
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
        Self { groups, lanes }
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
    let tasks: Vec<std::ops::Range<usize>> =
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
    task: std::ops::Range<usize>,
    packed: usize,
}

impl Task<'_> {
    fn run(&self, mut pieces: Vec<Piece<'_>>) -> Pass {
        let mut missing = Vec::new();
        // Looking at every number before it is used would take a third of the time. What is no number or infinite shows in
        // the sums as well: then all is looked at, filled, and summed again.
        let mut totals = self.add(&mut pieces, false, &mut missing);
        if !finite(totals.used.as_flattened()) || !finite(&totals.sensitivity) {
            totals = self.add(&mut pieces, true, &mut missing);
        }
        Pass { sums: self.sums(&totals), missing }
    }

    fn add(&self, pieces: &mut [Piece<'_>], look: bool, missing: &mut Vec<(usize, AgentId)>) -> Totals {
        let first = self.places.rows[self.task.start];
        let groups = self.columns.groups;
        let mut totals =
            Totals::new(self.places.rows[self.task.end] - first, groups, self.packed, self.task.len());
        for piece in pieces {
            self.fill(piece, look, missing);
            let n = self.problem.follower(piece.agent).decisions();
            let lanes = &self.columns.lanes[piece.agent];
            let (mut at, mut probe) = (0, 0);
            for range in self.segments(piece.agent) {
                let count = self.places.rows[range.end] - self.places.rows[range.start];
                let from = self.places.rows[range.start] - first;
                let rows = from..from + count;
                let used = &mut totals.used[rows.start * groups..rows.end * groups];
                add_used(&piece.z[at * n..(at + count) * n], n, lanes, groups, used);
                let (value, lost) = (&mut totals.value[rows.clone()], &mut totals.lost[rows]);
                add_values(&piece.value[at..at + count], value, lost);
                let own = &piece.sensitivity[at * self.packed..(at + count) * self.packed];
                totals.sensitivity[from * self.packed..].iter_mut().zip(own).for_each(|(s, x)| *s += x);
                if self.places.probes[range.end] > self.places.probes[range.start] {
                    for q in range.filter(|&q| self.round.questions[q].probed) {
                        totals.probed[q - self.task.start].add(piece.probed[probe]);
                        probe += 1;
                    }
                }
                at += count;
            }
        }
        totals
    }

    /// The task's questions that a follower is not absent from.
    fn segments(&self, agent: AgentId) -> impl Iterator<Item = std::ops::Range<usize>> {
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

    /// Puts what is within the limits, and what was held before in place of what is no number. Without limits numbers are
    /// looked at on demand only; with limits always: an infinite one would be moved to a limit and look usable.
    fn fill(&self, piece: &mut Piece<'_>, look: bool, missing: &mut Vec<(usize, AgentId)>) {
        let follower = self.problem.follower(piece.agent);
        let look = look || follower.limited() || self.packed > 0;
        if look && !(finite(piece.z) && finite(piece.sensitivity)) {
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

/// One more value for every compensated sum ([`Sum`], many at a time).
#[multiversion(targets("x86_64+avx2+fma"))]
fn add_values(values: &[f64], total: &mut [f64], lost: &mut [f64]) {
    for ((x, total), lost) in values.iter().zip(total).zip(lost) {
        let next = *total + x;
        let added = next - *total;
        *lost += (*total - (next - added)) + (x - added);
        *total = next;
    }
}

/// used += R z for many z of one follower, in whole groups of four couplings.
#[multiversion(targets("x86_64+avx2+fma"))]
fn add_used(z: &[f64], n: usize, lanes: &[[f64; 4]], groups: usize, used: &mut [[f64; 4]]) {
    match groups {
        1 => add_groups::<1>(z, n, lanes, used),
        2 => add_groups::<2>(z, n, lanes, used),
        3 => add_groups::<3>(z, n, lanes, used),
        4 => add_groups::<4>(z, n, lanes, used),
        _ => {
            for (z, used) in z.chunks_exact(n).zip(used.chunks_exact_mut(groups)) {
                for (x, column) in z.iter().zip(lanes.chunks_exact(groups)) {
                    for (u, r) in used.iter_mut().zip(column) {
                        (0..4).for_each(|l| u[l] += r[l] * x);
                    }
                }
            }
        }
    }
}

/// Two rows at a time share what is read of R.
#[inline(always)]
fn add_groups<const G: usize>(z: &[f64], n: usize, lanes: &[[f64; 4]], used: &mut [[f64; 4]]) {
    let (mut pairs, mut sums) = (z.chunks_exact(2 * n), used.chunks_exact_mut(2 * G));
    for (pair, used) in pairs.by_ref().zip(sums.by_ref()) {
        let (one, other) = pair.split_at(n);
        let mut first: [[f64; 4]; G] = std::array::from_fn(|g| used[g]);
        let mut second: [[f64; 4]; G] = std::array::from_fn(|g| used[G + g]);
        for ((x, y), column) in one.iter().zip(other).zip(lanes.chunks_exact(G)) {
            for g in 0..G {
                for l in 0..4 {
                    first[g][l] += column[g][l] * x;
                    second[g][l] += column[g][l] * y;
                }
            }
        }
        used[..G].copy_from_slice(&first);
        used[G..].copy_from_slice(&second);
    }
    let last = sums.into_remainder();
    for (x, column) in pairs.remainder().iter().zip(lanes.chunks_exact(G)) {
        for (u, r) in last.iter_mut().zip(column) {
            (0..4).for_each(|l| u[l] += r[l] * x);
        }
    }
}
