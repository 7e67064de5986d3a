//! Counts of one test of one player, in groups of cells that share everything but her own bid.

use crate::two_stage::law::Supertypes;

/// Whose cells are compared with which laws.
#[derive(Clone, Copy)]
pub(super) struct Yardstick<'a> {
    pub reports: &'a Supertypes,
    pub player: usize,
    pub signals: usize,
    /// `l r(l)` of the day.
    pub threshold: f64,
}

impl Yardstick<'_> {
    /// What the player reported for a signal.
    pub fn law(&self, signal: u32) -> &[f64] {
        self.reports.law(self.player, signal as usize).probabilities()
    }
}

/// Groups of cells: a group is what the others did (or a part of it) under a public signal, its cells are her own types.
///
/// The numerator of a cell is `C - law * M`: how often the cell was seen less how often it should have been, given how
/// often its group was. It changes only on days on which the group is seen, and then by at most 1. So a group whose
/// largest numerator is `d` below the threshold (which never falls) cannot reach it before it was seen `d` times more,
/// and is not looked at until then.
#[derive(Clone, Debug, Default)]
pub(super) struct Groups {
    types: usize,
    /// By group: days on which it may be seen before it is looked at again, then C by own bid. Side by side, so that a day
    /// touches one place of memory for each group.
    cells: Vec<u32>,
    signals: Vec<u32>,
    /// Groups whose largest numerator was at the threshold when it was last looked at.
    hot: Vec<u32>,
}

impl Groups {
    pub fn new(types: usize) -> Self {
        Self { types, ..Self::default() }
    }

    /// Own types.
    pub fn types(&self) -> usize {
        self.types
    }

    pub fn len(&self) -> usize {
        self.signals.len()
    }

    fn start(&self, group: usize) -> usize {
        group * (self.types + 1)
    }

    fn counts(&self, group: usize) -> &[u32] {
        let start = self.start(group);
        &self.cells[start + 1..=start + self.types]
    }

    /// A group that was never seen; its number.
    pub fn add(&mut self, signal: usize) -> usize {
        let start = self.cells.len();
        self.cells.resize(start + self.types + 1, 0);
        self.cells[start] = 1;
        self.signals.push(signal as u32);
        self.signals.len() - 1
    }

    /// Enters what was counted elsewhere.
    pub fn enter(&mut self, group: usize, counts: &[u32], yardstick: Yardstick<'_>) {
        let start = self.start(group);
        self.cells[start + 1..=start + self.types].copy_from_slice(counts);
        self.look(group, yardstick);
    }

    /// Counts a day on which a group was seen.
    #[inline]
    pub fn see(&mut self, group: usize, bid: usize, yardstick: Yardstick<'_>) {
        let start = self.start(group);
        let cells = &mut self.cells[start..=start + self.types];
        cells[1 + bid] += 1;
        cells[0] -= 1;
        if cells[0] == 0 {
            self.look(group, yardstick);
        }
    }

    #[cold]
    fn look(&mut self, group: usize, yardstick: Yardstick<'_>) {
        let slack = yardstick.threshold - self.numerator(group, yardstick);
        if slack <= 0.0 {
            self.hot.push(group as u32);
            // Longer than any season.
            let start = self.start(group);
            self.cells[start] = u32::MAX;
        } else {
            self.wait(group, slack);
        }
    }

    /// Rounding of a numerator is far below 1, so one day less is waited for than the slack allows.
    fn wait(&mut self, group: usize, slack: f64) {
        let start = self.start(group);
        self.cells[start] = (slack - 1.0).max(1.0) as u32;
    }

    /// Whether any cell is at the threshold today. To be asked once a day, after it was counted.
    pub fn flagged(&mut self, yardstick: Yardstick<'_>) -> bool {
        let mut hot = std::mem::take(&mut self.hot);
        hot.retain(|&group| {
            let slack = yardstick.threshold - self.numerator(group as usize, yardstick);
            if slack > 0.0 {
                self.wait(group as usize, slack);
            }
            slack <= 0.0
        });
        self.hot = hot;
        !self.hot.is_empty()
    }

    /// The largest numerator of the cells of a group, seen or not.
    fn numerator(&self, group: usize, yardstick: Yardstick<'_>) -> f64 {
        let counts = self.counts(group);
        let seen = f64::from(counts.iter().sum::<u32>());
        let law = yardstick.law(self.signals[group]);
        let of = |(count, p): (&u32, &f64)| (f64::from(*count) - p * seen).abs();
        counts.iter().zip(law).map(of).fold(0.0, f64::max)
    }

    /// The largest numerator of all cells.
    pub fn largest(&self, yardstick: Yardstick<'_>) -> f64 {
        (0..self.len()).map(|group| self.numerator(group, yardstick)).fold(0.0, f64::max)
    }

    /// How often an own bid was seen in a group.
    pub fn count(&self, group: usize, bid: usize) -> u32 {
        self.counts(group)[bid]
    }

    /// How often a group was seen.
    pub fn seen(&self, group: usize) -> u32 {
        self.counts(group).iter().sum()
    }
}
