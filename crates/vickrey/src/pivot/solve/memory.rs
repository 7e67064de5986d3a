//! What a solution will take, computed before anything is allocated.

use super::infinite::HISTORY;
use super::space::Space;
use super::{Keep, Options};
use crate::pivot::mode::Without;
use crate::pivot::model::{Horizon, Model};

/// Bytes by purpose; as numbers that do not overflow, for models that nobody could solve on the product space.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Memory {
    /// Values that stay: of all players together and without each of them.
    pub kept: f64,
    /// What the passes need while they run.
    pub working: f64,
    /// History of accelerated iterations, at most; it is given up if there is no room.
    pub history: f64,
}

impl Memory {
    /// Everything but the history.
    pub fn least(&self) -> f64 {
        self.kept + self.working
    }

    /// With decisions and payments of one period for all states on the way: for every outcome the decision (twice, as one
    /// set is handed out while the next is made), for every player the payment, and without one player at a time the
    /// value of every decision, and of the best one in every outcome.
    pub fn with_tables(self, model: &Model) -> Self {
        let whole = Space::of(model);
        let all = whole.size_in_words();
        let largest = (0..model.players()).map(|i| whole.without(i).size_in_words()).fold(0.0, f64::max);
        let (outcomes, decisions) = (model.outcomes() as f64, model.decisions() as f64);
        let decided = 2.0 * size_of::<u16>() as f64 * outcomes * all;
        let paid = 8.0 * model.players() as f64 * all;
        // The others' values of this period are in a list of their own until they are kept.
        let others = 8.0 * (decisions + outcomes + 1.0) * largest;
        Self { working: self.working + decided + paid + others, ..self }
    }

    /// What solving a model takes.
    pub fn of(model: &Model, mode: Without, keep: Keep, threads: usize) -> Self {
        let whole = Space::of(model);
        let rest: Vec<f64> = (0..model.players()).map(|i| whole.without(i).size_in_words()).collect();
        let largest = match mode {
            Without::Tight => 0.0,
            Without::Same | Without::Own => rest.iter().copied().fold(0.0, f64::max),
        };
        Self::count(model, &whole, (rest.iter().sum(), largest), keep, threads)
    }

    /// What the values of everybody together take, over types that may stand for several players of the model.
    pub(super) fn of_whole(model: &Model, space: &Space, options: &Options) -> Self {
        Self::count(model, space, (0.0, 0.0), options.keep, rayon::current_num_threads())
    }

    /// For the states of everybody, those of all problems without a player, and the largest of these that is iterated.
    fn count(model: &Model, whole: &Space, (rest, largest): (f64, f64), keep: Keep, threads: usize) -> Self {
        let all = whole.size_in_words();
        let slices = match (model.horizon(), keep) {
            (Horizon::Infinite, _) => 1.0,
            (Horizon::Finite(periods), Keep::All) => periods as f64 + 1.0,
            (Horizon::Finite(_), Keep::First) => 2.0,
        };
        let kept = 8.0 * slices * (all + rest);
        // The next iterate if there is no end to begin from, one public state mixed for every law, and on every thread a
        // slab for every decision (its future and its value), every level of the walk and every outcome at a time.
        let block = all / whole.publics as f64;
        let slab = block / whole.types.first().map_or(1.0, |&n| n as f64);
        let mixed = model.public().moves.laws().iter().filter(|law| law.len() > 1).count();
        let per_thread = (2 * model.decisions() + whole.members.len() + 2) as f64;
        let next = if model.horizon() == Horizon::Infinite { all } else { 0.0 };
        let working =
            8.0 * (next + block * mixed.min(model.decisions()) as f64 + slab * per_thread * threads as f64);
        Self { kept, working, history: 8.0 * HISTORY as f64 * largest.max(all) }
    }
}

/// Bytes in the largest unit that leaves a number of at least 1.
pub fn bytes(count: f64) -> String {
    let units = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut size = count;
    let mut unit = 0;
    while size >= 1024.0 && unit + 1 < units.len() {
        size /= 1024.0;
        unit += 1;
    }
    match unit {
        0 => format!("{count} bytes"),
        _ if size < 1e6 => format!("{size:.1} {}", units[unit]),
        _ => format!("{size:.1e} {}", units[unit]),
    }
}
