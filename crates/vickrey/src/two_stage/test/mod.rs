//! The tests that bind what a player reports about her law to what she bids day after day (paper 001, (6) to (9)).
//!
//! All of them compare counts with a law, cell by cell: `C - law * M`, C how often a cell was seen, M how often its group
//! was. They differ in what makes a group:
//!
//! | test | a group is | sees |
//! |---|---|---|
//! | frequency | all days; with public signals also all days with the same signal | bids that do not have the reported law |
//! | joint | the others' bids and the signal | any dependence on the others, after very many days |
//! | pairwise | the bid of one other player and the signal | copying another player, soon |
//! | binned | a coarse sum over the others' bids and the signal | answers to what the others add up to |
//!
//! A player is flagged on a day if the numerator of any cell of any of her own tests is at least `l r(l)`; cells that were
//! never seen count. Every cell of every test in use is counted in the bound on false alarms.

mod groups;
mod joint;
mod record;
#[cfg(test)]
mod tests;
mod window;

use self::groups::{Groups, Yardstick};
use self::joint::{Joint, KEPT};
pub use self::record::Record;
pub use self::window::{Penalty, TermsError, Threshold, Window};
use super::law::Supertypes;
use crate::mechanism::AgentId;

/// Longest season: days are counted in 32 bits.
pub const MOST_DAYS: u64 = u32::MAX as u64 - 1;
/// Most types of one player: bids are recorded in 16 bits.
pub const MOST_TYPES: usize = 1 << 16;

/// Which tests are made, and what they cost who fails them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Terms {
    /// How far counts may be from the law.
    pub window: Window,
    /// What a flagged day costs.
    pub penalty: Penalty,
    /// On the first so many days nobody is flagged; counts run from day 1.
    pub burn_in: u64,
    /// Whether every pair of players is tested.
    pub pairwise: bool,
    /// Bins of the others' sum, if it is tested.
    pub bins: Option<usize>,
}

impl Default for Terms {
    fn default() -> Self {
        let window = Window::UnionBound { gamma: 0.5, false_alarm: 0.01 };
        Self { window, penalty: Penalty::default(), burn_in: 0, pairwise: true, bins: None }
    }
}

impl Terms {
    /// The tests of the paper alone: frequency and joint, printed window.
    pub fn printed(gamma: f64, burn_in: u64) -> Self {
        Self { window: Window::Printed { gamma }, burn_in, pairwise: false, bins: None, ..Self::default() }
    }

    /// Whether the numbers are acceptable.
    ///
    /// # Errors
    /// A parameter of the window or of the penalty is out of range, or there are fewer than 2 bins.
    pub fn check(&self) -> Result<(), TermsError> {
        self.window.check()?;
        self.penalty.check()?;
        match self.bins {
            Some(bins) if !(2..=1024).contains(&bins) => {
                Err(TermsError { field: "bins", found: bins.to_string(), accepted: "2 to 1024" })
            }
            _ => Ok(()),
        }
    }
}

/// Which of a player's tests fail on a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Flags {
    /// Of her own bids.
    pub frequency: bool,
    /// Against all others together.
    pub joint: bool,
    /// Against one other.
    pub pairwise: bool,
    /// Against the others' sum.
    pub binned: bool,
}

impl Flags {
    /// Whether any fails.
    pub fn any(self) -> bool {
        self.frequency || self.joint || self.pairwise || self.binned
    }
}

/// The largest numerators of a player's cells, by test. Divided by the days they are what the window is for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Statistics {
    /// Of her own bids, over all days and by signal.
    pub frequency: f64,
    /// Against all others together; none if there were too many profiles to count all of them.
    pub joint: Option<f64>,
    /// Against one other, if that is tested.
    pub pairwise: Option<f64>,
    /// Against the others' sum, if that is tested.
    pub binned: Option<f64>,
}

/// The tests of all players, and the days they have seen.
#[derive(Clone, Debug)]
pub struct Tests {
    terms: Terms,
    reports: Supertypes,
    types: Vec<usize>,
    signals: usize,
    thresholds: Vec<Threshold>,
    record: Record,
    frequency: Vec<Frequency>,
    joint: Joint,
    pairwise: Vec<Groups>,
    binned: Option<Binned>,
    flags: Vec<Flags>,
}

/// One player's own bids: a group for every signal, and all of them together.
#[derive(Clone, Debug)]
struct Frequency {
    by_signal: Groups,
    /// With more than one signal, `l r(l)` is also compared with the sum over signals.
    signals: usize,
}

/// The others' sums: a number for every player and type, and where bins end. Whole numbers, so that a player's own bid,
/// added and taken away again, leaves no trace in the sum of the others.
#[derive(Clone, Debug)]
struct Binned {
    scores: Vec<Vec<i64>>,
    /// By player and signal: ascending ends of all bins but the last.
    edges: Vec<Vec<Vec<i64>>>,
    groups: Vec<Groups>,
}

impl Tests {
    /// Before the first day. `scores`: what a type adds to the sum that the binned test looks at, by player and type.
    ///
    /// # Errors
    /// The terms are not acceptable.
    ///
    /// # Panics
    /// The reports do not fit the types and signals, or a player has more than [`MOST_TYPES`] types.
    pub fn new(
        reports: Supertypes,
        types: &[usize],
        signals: usize,
        terms: Terms,
        scores: &dyn Fn(AgentId, usize) -> f64,
    ) -> Result<Self, TermsError> {
        terms.check()?;
        assert!(reports.fit(types, signals).is_ok(), "reports fit the players");
        assert!(types.iter().all(|m| *m <= MOST_TYPES), "at most {MOST_TYPES} types");
        let bytes = pair_bytes(types, signals);
        if terms.pairwise && bytes > MOST_PAIR_BYTES {
            let found =
                format!("on, which takes {:.1} GiB for these players, types and signals", bytes / GIB);
            return Err(TermsError {
                field: "pairwise",
                found,
                accepted: "off, or what takes at most 8 GiB",
            });
        }
        let frequency = types.iter().map(|m| Frequency { by_signal: groups(*m, 1, signals), signals });
        let all = types.iter().sum::<usize>();
        let paired = types.iter().map(|m| groups(*m, all - m, signals));
        let thresholds =
            (0..types.len()).map(|i| terms.window.threshold(ln_cells(types, signals, i, &terms)));
        Ok(Self {
            frequency: frequency.collect(),
            pairwise: if terms.pairwise { paired.collect() } else { Vec::new() },
            binned: terms.bins.map(|bins| Binned::new(&reports, types, signals, bins, scores)),
            joint: Joint::new(types, signals, KEPT, true),
            thresholds: thresholds.collect(),
            record: Record::new(types.len()),
            flags: vec![Flags::default(); types.len()],
            types: types.to_vec(),
            signals,
            reports,
            terms,
        })
    }

    /// Counts a day: all bids and the public signal.
    ///
    /// # Panics
    /// A bid or the signal does not exist, or it is day [`MOST_DAYS`] + 1.
    pub fn see(&mut self, bids: &[usize], signal: usize) {
        let day = self.record.days() as u64 + 1;
        assert!(day <= MOST_DAYS, "at most {MOST_DAYS} days");
        assert!(
            bids.len() == self.types.len() && bids.iter().zip(&self.types).all(|(b, m)| b < m),
            "bids exist"
        );
        self.record.push(bids, signal);
        self.joint.open(self.types.iter().sum(), bids, signal);
        let speaks = day > self.terms.burn_in && day >= self.terms.window.first_day();
        let sum = self.binned.as_ref().map(|binned| binned.sum(bids));
        for (player, &bid) in bids.iter().enumerate() {
            let threshold = self.thresholds[player].at(day);
            let yardstick = Yardstick { reports: &self.reports, player, signals: self.signals, threshold };
            let flags = &mut self.flags[player];
            *flags = Flags::default();
            flags.frequency = self.frequency[player].see(bid, signal, yardstick);
            self.joint.see(&self.record, bid, yardstick);
            flags.joint = self.joint.flagged(yardstick);
            if let Some(groups) = self.pairwise.get_mut(player) {
                pairs(groups, (bids, &self.types), signal, yardstick);
                flags.pairwise = groups.flagged(yardstick);
            }
            if let (Some(binned), Some(sum)) = (&mut self.binned, sum) {
                flags.binned = binned.see(sum, bid, signal, yardstick);
            }
            if !speaks {
                *flags = Flags::default();
            }
        }
    }

    /// Which of a player's tests fail after the days seen so far.
    pub fn flags(&self, player: AgentId) -> Flags {
        self.flags[player]
    }

    /// What the day costs a player beyond her payments: the penalty if she is flagged.
    pub fn penalty(&self, player: AgentId) -> f64 {
        if self.flags[player].any() { self.terms.penalty.at(self.record.days() as u64) } else { 0.0 }
    }

    /// What was seen.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// The window of a player.
    pub fn threshold(&self, player: AgentId) -> Threshold {
        self.thresholds[player]
    }

    /// The terms.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// The laws that bids are compared with.
    pub fn reports(&self) -> &Supertypes {
        &self.reports
    }

    /// The largest numerators of a player after the days seen so far. Looks at all cells that are kept.
    pub fn statistics(&self, player: AgentId) -> Statistics {
        let yardstick = Yardstick { reports: &self.reports, player, signals: self.signals, threshold: 0.0 };
        let frequency = &self.frequency[player];
        let largest = |groups: &Groups| groups.largest(yardstick);
        Statistics {
            frequency: frequency.pooled(yardstick).max(largest(&frequency.by_signal)),
            joint: self.joint.largest(yardstick),
            pairwise: self.pairwise.get(player).map(largest),
            binned: self.binned.as_ref().map(|binned| largest(&binned.groups[player])),
        }
    }

    /// How often bids of types with reported probability 0 were made, by player.
    pub fn impossible(&self) -> Vec<u64> {
        let of = |(i, frequency): (usize, &Frequency)| {
            let cells = (0..frequency.signals).flat_map(|w| {
                let law = self.reports.law(i, w).probabilities();
                law.iter().enumerate().filter(|(_, p)| **p == 0.0).map(move |(t, _)| (w, t))
            });
            cells.map(|(w, t)| u64::from(frequency.by_signal.count(w, t))).sum()
        };
        self.frequency.iter().enumerate().map(of).collect()
    }
}

/// Groups for every one of `others` things under every signal.
fn groups(types: usize, others: usize, signals: usize) -> Groups {
    let mut groups = Groups::new(types);
    (0..others * signals).for_each(|k| {
        groups.add(k % signals);
    });
    groups
}

const GIB: f64 = (1_u64 << 30) as f64;
/// Most bytes that counts of pairs may take.
const MOST_PAIR_BYTES: f64 = 8.0 * GIB;

/// Bytes that counts of all pairs take.
fn pair_bytes(types: &[usize], signals: usize) -> f64 {
    let all = types.iter().sum::<usize>();
    let own = |m: &usize| (all - m) as f64 * (*m as f64 + 2.0);
    4.0 * signals as f64 * types.iter().map(own).sum::<f64>()
}

/// The pairwise test of a player: one group for each other player's bid.
#[inline]
fn pairs(groups: &mut Groups, (bids, types): (&[usize], &[usize]), signal: usize, yardstick: Yardstick<'_>) {
    let signals = yardstick.signals;
    let mut start = 0;
    let own = bids[yardstick.player];
    for (j, (bid, m)) in bids.iter().zip(types).enumerate() {
        if j != yardstick.player {
            groups.see((start + bid) * signals + signal, own, yardstick);
            start += m;
        }
    }
}

impl Frequency {
    fn see(&mut self, bid: usize, signal: usize, yardstick: Yardstick<'_>) -> bool {
        self.by_signal.see(signal, bid, yardstick);
        let by_signal = self.by_signal.flagged(yardstick);
        by_signal || self.signals > 1 && self.pooled(yardstick) >= yardstick.threshold
    }

    /// The largest numerator over all days, `N - sum over days of the law of the day`; signals are added in their order.
    fn pooled(&self, yardstick: Yardstick<'_>) -> f64 {
        let types = self.by_signal.types();
        let (mut counts, mut expected) = (vec![0.0; types], vec![0.0; types]);
        for w in 0..self.signals {
            let seen = f64::from(self.by_signal.seen(w));
            for (bid, p) in yardstick.law(w as u32).iter().enumerate() {
                counts[bid] += f64::from(self.by_signal.count(w, bid));
                expected[bid] += p * seen;
            }
        }
        counts.iter().zip(&expected).map(|(count, e)| f64::abs(count - e)).fold(0.0, f64::max)
    }
}

impl Binned {
    fn new(
        reports: &Supertypes,
        types: &[usize],
        signals: usize,
        bins: usize,
        scores: &dyn Fn(AgentId, usize) -> f64,
    ) -> Self {
        let all: Vec<Vec<f64>> =
            types.iter().enumerate().map(|(i, m)| (0..*m).map(|t| scores(i, t)).collect()).collect();
        let largest = all.iter().flatten().fold(f64::MIN_POSITIVE, |most, score| most.max(score.abs()));
        // Sums of up to 2^20 players stay within 62 bits.
        let whole = |score: f64| (score / largest * (1_u64 << 42) as f64).clamp(-9e18, 9e18) as i64;
        let of = |i: AgentId, w: usize| edges(reports, &all, i, w, bins).into_iter().map(whole).collect();
        let edges = (0..types.len()).map(|i| (0..signals).map(|w| of(i, w)).collect()).collect();
        let scores = all.iter().map(|own| own.iter().map(|s| whole(*s)).collect()).collect();
        Self { scores, edges, groups: types.iter().map(|m| groups(*m, bins, signals)).collect() }
    }

    fn sum(&self, bids: &[usize]) -> i64 {
        bids.iter().zip(&self.scores).map(|(b, scores)| scores[*b]).sum()
    }

    fn see(&mut self, sum: i64, bid: usize, signal: usize, yardstick: Yardstick<'_>) -> bool {
        let player = yardstick.player;
        let others = sum - self.scores[player][bid];
        let bin = self.edges[player][signal].partition_point(|edge| *edge <= others);
        let groups = &mut self.groups[player];
        groups.see(bin * yardstick.signals + signal, bid, yardstick);
        groups.flagged(yardstick)
    }
}

/// Ends of bins that the others' sum, were it normal, would fill evenly.
fn edges(reports: &Supertypes, scores: &[Vec<f64>], player: AgentId, signal: usize, bins: usize) -> Vec<f64> {
    let (mut mean, mut variance) = (0.0, 0.0);
    for (j, scores) in scores.iter().enumerate().filter(|(j, _)| *j != player) {
        let law = reports.law(j, signal);
        let own = law.mean(|t| scores[t]);
        mean += own;
        variance += law.mean(|t| (scores[t] - own) * (scores[t] - own));
    }
    let at = |k: usize| mean + variance.sqrt() * normal_quantile(k as f64 / bins as f64);
    (1..bins).map(at).collect()
}

/// Quantile of the standard normal law to about two digits: the bins' ends need no more.
fn normal_quantile(p: f64) -> f64 {
    // The logistic approximation of Shore (1982) for the upper half.
    let upper = |p: f64| 5.5556 * (1.0 - libm::pow((1.0 - p) / p, 0.1186));
    if p >= 0.5 { upper(p) } else { -upper(1.0 - p) }
}

/// Logarithm of the number of cells of all tests of a player: logarithms are added, the number itself may not be finite.
fn ln_cells(types: &[usize], signals: usize, player: AgentId, terms: &Terms) -> f64 {
    let ln = |count: usize| libm::log(count as f64);
    let own = ln(types[player]) + ln(signals);
    let mut cells = vec![own, types.iter().map(|m| ln(*m)).sum::<f64>() + ln(signals)];
    if signals > 1 {
        cells.push(ln(types[player]));
    }
    if terms.pairwise {
        let others = types.iter().sum::<usize>() - types[player];
        cells.push(own + ln(others));
    }
    cells.extend(terms.bins.map(|bins| own + ln(bins)));
    let most = cells.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    most + libm::log(cells.iter().map(|c| libm::exp(c - most)).sum())
}
