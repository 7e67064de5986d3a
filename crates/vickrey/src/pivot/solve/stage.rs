//! Utilities of one period, freed of their constants.
//!
//! A constant added to a utility moves no decision and no payment, but it would move what counts as a tie and cost
//! digits. From every table its lower median is taken, so that a typical entry is exactly zero; the constants are added
//! back, discounted, to the values that are reported. (The middle of the range would do worse: a penalty of -1e9 that an
//! efficient decision never pays would make every other value 5e8.)

use crate::mechanism::AgentId;
use crate::pivot::model::{Horizon, Model};
use crate::pivot::varying::Varying;

/// Ties: relative to the values compared.
const BAND: f64 = 1e-10;

/// Stage and terminal utilities without constants, and the constants.
#[derive(Clone, Debug)]
pub(super) struct Stage {
    pub public: Varying<f64>,
    pub players: Vec<Varying<Vec<f64>>>,
    pub terminal_public: Vec<f64>,
    pub terminals: Vec<Option<Varying<Vec<f64>>>>,
    /// Taken from the public's utility and from every player's, by period (one entry if it is always the same); the
    /// last entry of finite games belongs to the end.
    constants_public: Vec<f64>,
    constants: Vec<Vec<f64>>,
    /// Largest half range of a table.
    half: f64,
    /// Least size that counts as a size of money: min(1, largest half range of a table).
    scale: f64,
    /// What adding the constants has cost the tables: rounding of the largest of them.
    resolution: f64,
}

impl Stage {
    pub fn new(model: &Model) -> Self {
        let public = &model.public().utility;
        let (public, constants_public, mut half) = centre(public, std::slice::from_ref, |w, c| w - c);
        let mut players = Vec::new();
        let mut constants = Vec::new();
        let mut terminals = Vec::new();
        for i in 0..model.players() {
            let player = model.player(i);
            let (table, taken, range) = centre(&player.utility, rows, shifted);
            half = half.max(range);
            let last = player.terminal.as_ref().map(|g| centre(g, rows, shifted));
            half = half.max(last.as_ref().map_or(0.0, |last| last.2));
            players.push(table);
            constants.push(with_end(model, taken, last.as_ref().map_or(0.0, |last| last.1[0])));
            terminals.push(last.map(|last| last.0));
        }
        let mut terminal_public = model.public().terminal.clone();
        let end = lower_median(terminal_public.clone());
        half = half.max(range(&terminal_public));
        terminal_public.iter_mut().for_each(|g| *g -= end);
        let constants_public = with_end(model, constants_public, end);
        let largest =
            constants.iter().chain([&constants_public]).flatten().fold(0.0, |m: f64, c| m.max(c.abs()));
        let scale = half.min(1.0);
        let resolution = 8.0 * f64::EPSILON * largest;
        Self {
            public,
            players,
            terminal_public,
            terminals,
            constants_public,
            constants,
            half,
            scale,
            resolution,
        }
    }

    /// Values within this of the largest, `best`, are ties. `error`: what the values are known to.
    #[inline]
    pub fn band(&self, best: f64, error: f64) -> f64 {
        (BAND * (self.scale + best.abs())).max(4.0 * error) + self.resolution
    }

    /// At most the size of a stage utility of everybody together.
    pub fn largest(&self) -> f64 {
        let public = self.public.entries().iter().fold(0.0, |m: f64, w| m.max(w.abs()));
        let player =
            |v: &Varying<Vec<f64>>| v.entries().iter().flatten().fold(0.0, |m: f64, v| m.max(v.abs()));
        public + self.players.iter().map(player).sum::<f64>()
    }

    /// Largest half range of a table, or 1 if nothing varies: what an error of values is compared with.
    pub fn scale_of_money(&self) -> f64 {
        if self.half > 0.0 { self.half } else { 1.0 }
    }

    /// What has to be added to a value of `members` at the beginning of a period: the public's constants and theirs.
    pub fn constant(&self, model: &Model, members: &[AgentId], period: usize) -> f64 {
        let lists = members.iter().map(|&i| &self.constants[i]).chain([&self.constants_public]);
        lists.map(|list| discounted(model, list, period)).sum()
    }

    /// What has to be added to a value of one player alone.
    pub fn constant_of(&self, model: &Model, player: AgentId, period: usize) -> f64 {
        discounted(model, &self.constants[player], period)
    }
}

/// Sum over the periods from `period` on, discounted to it.
fn discounted(model: &Model, constants: &[f64], period: usize) -> f64 {
    let delta = model.discount();
    match model.horizon() {
        Horizon::Infinite => constants[0] / (1.0 - delta),
        Horizon::Finite(periods) => {
            (period..=periods).rev().fold(0.0, |later, t| constants[t] + delta * later)
        }
    }
}

/// One constant per period, and the one of the end.
fn with_end(model: &Model, taken: Vec<f64>, end: f64) -> Vec<f64> {
    match model.horizon() {
        Horizon::Infinite => taken,
        Horizon::Finite(periods) => {
            (0..periods).map(|t| taken[if taken.len() == 1 { 0 } else { t }]).chain([end]).collect()
        }
    }
}

fn rows(row: &Vec<f64>) -> &[f64] {
    row
}

#[expect(clippy::ptr_arg, reason = "an entry of a table of lists")]
fn shifted(row: &Vec<f64>, constant: f64) -> Vec<f64> {
    row.iter().map(|x| x - constant).collect()
}

/// The table without the median of every period, the medians, and the largest half range.
fn centre<T>(
    table: &Varying<T>,
    numbers: impl Fn(&T) -> &[f64],
    shift: impl Fn(&T, f64) -> T,
) -> (Varying<T>, Vec<f64>, f64) {
    let [periods, decisions, publics] = table.shape();
    let mut taken = Vec::with_capacity(periods);
    let mut half = 0.0_f64;
    for period in table.entries().chunks(decisions * publics) {
        let all: Vec<f64> = period.iter().flat_map(|entry| numbers(entry).iter().copied()).collect();
        half = half.max(range(&all));
        taken.push(lower_median(all));
    }
    let entry = |t, a, s| shift(table.at(t, a, s), taken[t]);
    let centred = Varying::from_fn(table.shape(), entry);
    (centred, taken, half)
}

/// Half the range.
fn range(all: &[f64]) -> f64 {
    let (low, high) = all.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(*x), h.max(*x)));
    if all.is_empty() { 0.0 } else { (high - low) / 2.0 }
}

/// An entry with at least as many entries at or above it as below; 0 for none.
fn lower_median(mut all: Vec<f64>) -> f64 {
    if all.is_empty() {
        return 0.0;
    }
    let middle = (all.len() - 1) / 2;
    let (_, median, _) = all.select_nth_unstable_by(middle, f64::total_cmp);
    *median
}
