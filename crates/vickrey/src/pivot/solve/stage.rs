//! Utilities of one period, freed of their constants.
//!
//! A constant added to a utility moves no decision and no payment, but it would move what counts as a tie and cost
//! digits. From every table the median of what the best decisions bring is taken, so that a typical entry is exactly
//! zero; the constants are added back, discounted, to the values that are reported. (The middle of the range would do
//! worse: a penalty of -1e9 that an efficient decision never pays would make every other value 5e8.)

use crate::mechanism::AgentId;
use crate::pivot::model::{Horizon, Model, ModelError};
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
    /// A typical size of what utilities differ by; 0 if they do not.
    money: f64,
    /// Sum of the largest utilities that best decisions bring.
    reach: f64,
    /// What adding the constants has cost the tables: rounding of the largest of them.
    resolution: f64,
}

impl Stage {
    pub fn new(model: &Model) -> Self {
        let used = used(model);
        let publics = centre(&model.public().utility, &used, std::slice::from_ref, |w, c| w - c);
        let mut sizes = vec![publics.size];
        let mut reach = publics.reach;
        let mut players = Vec::new();
        let mut constants = Vec::new();
        let mut terminals = Vec::new();
        for i in 0..model.players() {
            let player = model.player(i);
            let table = centre(&player.utility, &used, rows, shifted);
            let last = player.terminal.as_ref().map(|g| centre(g, &[true], rows, shifted));
            let end = last.as_ref().map_or(0.0, |last| last.taken[0]);
            sizes.extend([table.size, last.as_ref().map_or(0.0, |last| last.size)]);
            reach += table.reach.max(last.as_ref().map_or(0.0, |last| last.reach));
            players.push(table.table);
            constants.push(with_end(model, table.taken, end));
            terminals.push(last.map(|last| last.table));
        }
        let mut terminal_public = model.public().terminal.clone();
        let end = lower_median(terminal_public.clone());
        terminal_public.iter_mut().for_each(|g| *g -= end);
        sizes.push(typical(terminal_public.iter().copied()));
        let constants_public = with_end(model, publics.taken, end);
        let largest =
            constants.iter().chain([&constants_public]).flatten().fold(0.0, |m: f64, c| m.max(c.abs()));
        let money = typical(sizes.into_iter());
        let resolution = 8.0 * f64::EPSILON * largest;
        let public = publics.table;
        Self {
            public,
            players,
            terminal_public,
            terminals,
            constants_public,
            constants,
            money,
            reach,
            resolution,
        }
    }

    /// Of an instance whose utilities are free of constants already; money counts as in the instance that it stands for.
    pub fn of_centred(model: &Model, like: &Self) -> Self {
        let none = match model.horizon() {
            Horizon::Infinite => vec![0.0],
            Horizon::Finite(periods) => vec![0.0; periods + 1],
        };
        let players = model.parts().players.iter();
        Self {
            public: model.public().utility.clone(),
            players: players.clone().map(|player| player.utility.clone()).collect(),
            terminal_public: model.public().terminal.clone(),
            terminals: players.map(|player| player.terminal.clone()).collect(),
            constants_public: none.clone(),
            constants: vec![none; model.players()],
            ..*like
        }
    }

    /// An instance with these utilities in place of its own.
    ///
    /// # Errors
    /// Numbers are still too large.
    pub fn centred(&self, model: &Model) -> Result<Model, ModelError> {
        let mut parts = model.parts().clone();
        parts.public.utility = self.public.clone();
        parts.public.terminal = self.terminal_public.clone();
        let tables = self.players.iter().zip(&self.terminals);
        for (player, (utility, terminal)) in parts.players.iter_mut().zip(tables) {
            player.utility = utility.clone();
            player.terminal = terminal.clone();
        }
        // Numbers of two signs may be twice as large, seen from one of them.
        Model::of_groups(parts, 2)
    }

    /// Values within this of the largest, `best`, are ties. `level`: what all of them have in common, about; `error`: what
    /// they are known to.
    #[inline]
    pub fn band(&self, best: f64, level: f64, error: f64) -> f64 {
        let size = self.money.min(1.0) + (best - level).abs();
        (BAND * size).max(4.0 * error) + self.resolution
    }

    /// At most the size of a stage utility of everybody together, if each takes what is best for her.
    pub fn largest(&self) -> f64 {
        self.reach
    }

    /// A typical size of utilities, or 1 if nothing varies: what an error of values is compared with.
    pub fn scale_of_money(&self) -> f64 {
        if self.money > 0.0 { self.money } else { 1.0 }
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

/// A table without constants.
struct Centred<T> {
    table: Varying<T>,
    /// What was taken, by period.
    taken: Vec<f64>,
    /// A typical size of what is left.
    size: f64,
    /// The largest size of what the best decisions bring.
    reach: f64,
}

/// Takes from every period the median over public states and types of what the best decision brings. Only decisions that
/// can be taken count, and penalties that a better decision avoids do not.
fn centre<T>(
    table: &Varying<T>,
    used: &[bool],
    numbers: impl Fn(&T) -> &[f64],
    shift: impl Fn(&T, f64) -> T,
) -> Centred<T> {
    let [periods, decisions, publics] = table.shape();
    let counts = |a: &usize| decisions == 1 || used[*a];
    let mut taken = Vec::with_capacity(periods);
    let mut sizes = Vec::new();
    let mut reach = 0.0_f64;
    for t in 0..periods {
        let mut best = Vec::new();
        for s in 0..publics {
            let mut all = (0..decisions).filter(counts).map(|a| numbers(table.at(t, a, s)));
            let mut top = all.next().map_or_else(Vec::new, <[f64]>::to_vec);
            for row in all {
                top.iter_mut().zip(row).for_each(|(top, x)| *top = top.max(*x));
            }
            best.extend(top);
        }
        let constant = lower_median(best.clone());
        reach = best.iter().fold(reach, |m, x| m.max((x - constant).abs()));
        taken.push(constant);
        for s in 0..publics {
            let all = (0..decisions).filter(counts).flat_map(|a| numbers(table.at(t, a, s)));
            sizes.extend(all.map(|x| x - constant));
        }
    }
    let size = typical(sizes.into_iter());
    let table = Varying::from_fn(table.shape(), |t, a, s| shift(table.at(t, a, s), taken[t]));
    Centred { table, taken, size, reach }
}

/// The lower median of the sizes of what is not zero; 0 if everything is.
fn typical(numbers: impl Iterator<Item = f64>) -> f64 {
    lower_median(numbers.map(f64::abs).filter(|x| *x > 0.0).collect())
}

/// Which decisions can be taken: those that are feasible in an outcome that can happen.
pub(in crate::pivot) fn used(model: &Model) -> Vec<bool> {
    let mut used = vec![false; model.decisions()];
    for z in 0..model.outcomes() {
        let happens = model.parts().outcomes.probability.entries().iter().any(|law| law[z] > 0.0);
        if happens {
            model.feasible(z).iter().for_each(|&a| used[a] = true);
        }
    }
    used
}

/// An entry with at least as many entries at or above it as below; 0 for none.
pub(in crate::pivot) fn lower_median(mut all: Vec<f64>) -> f64 {
    if all.is_empty() {
        return 0.0;
    }
    let middle = (all.len() - 1) / 2;
    let (_, median, _) = all.select_nth_unstable_by(middle, f64::total_cmp);
    *median
}
