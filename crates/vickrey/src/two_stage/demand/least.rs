//! The first-stage decision with limits: how much to buy the day before.
//!
//! Buying G at price q leaves `J(G) = q G + E cost(d - G)`, convex in G. The cost of a surplus is the reserve's alone; that
//! of a shortage is [bracketed](super::bracket). J is made small by following the sign of its slope, and what no G goes
//! below follows from brackets of J at three points: on either side of the middle one, a convex function is above the line
//! through the two others. Problems without a player are solved from the others' data, each by itself.

use super::bracket::{Accuracy, Bracket, Setting, Task, Unreached, likely, solved};
use super::model::Lottery;
use crate::mechanism::AgentId;

/// The best purchase of a problem.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Best {
    pub bought: f64,
    /// J there.
    pub cost: f64,
    /// What the least J may be away from that.
    pub doubt: f64,
}

/// The search stops where the slope of J is this part of q, or G is known to this part of the largest shortage.
const NEAR: f64 = 1e-3;
/// Slopes are taken over this part of the largest shortage.
const SLOPE: f64 = 1e-2;
/// Steps of a search at most.
const STEPS: usize = 60;
/// How exact J is while it is searched.
const SEARCH: f64 = 1e-5;

struct Market<'a> {
    setting: &'a Setting<'a>,
    shortage: &'a Lottery,
    q: f64,
}

/// A search for one problem: the slope of J is below 0 at the lower end and above at the upper one.
#[derive(Clone, Copy)]
struct Search {
    without: Option<AgentId>,
    ends: [(f64, f64); 2],
    /// Which end was moved last, for the Illinois rule.
    moved: Option<usize>,
    found: Option<f64>,
}

/// Best purchases with everybody, then without each player.
///
/// # Errors
/// The work is done before they are known.
pub(super) fn purchases(
    setting: &Setting<'_>,
    shortage: &Lottery,
    q: f64,
    accuracy: Accuracy,
    work: &mut f64,
) -> Result<Vec<Best>, Unreached> {
    if setting.most <= 0.0 {
        // Nothing is ever short.
        return Ok(vec![Best::default(); 1 + setting.types.len()]);
    }
    let market = Market { setting, shortage, q };
    let found = market.search(accuracy, work)?;
    let mut best = vec![Best::default(); found.len()];
    // Wide enough for J to rise by more than the brackets are wide; doubled where that was not enough.
    let mut step = 3.0 * accuracy.relative.sqrt() * setting.most;
    let mut open: Vec<usize> = (0..found.len()).collect();
    while !open.is_empty() {
        let points = |k: &usize| {
            let (without, at) = found[*k];
            let middle = at.max(step);
            [middle - step, middle, middle + step, at].map(|g| (without, g))
        };
        let asked: Vec<_> = open.iter().flat_map(points).collect();
        let costs = market.costs(&asked, accuracy, work)?;
        let mut still = Vec::new();
        for ((k, costs), asked) in open.iter().zip(costs.chunks_exact(4)).zip(asked.chunks_exact(4)) {
            let (at, cost) = (asked[3].1, costs[3]);
            let places = [asked[0].1, asked[1].1, asked[2].1];
            match market.not_below(places, [costs[0], costs[1], costs[2]]) {
                Some(low) => {
                    let low = low.min(cost.low).max(0.0);
                    let middle = cost.middle();
                    let doubt = (cost.high - middle).max(middle - low);
                    best[*k] = Best { bought: at, cost: middle, doubt };
                }
                None => still.push(*k),
            }
        }
        open = still;
        step *= 2.0;
    }
    Ok(best)
}

impl Market<'_> {
    /// What J is nowhere below, given brackets of it at three places; none if it could be lower beyond them.
    fn not_below(&self, [a, b, c]: [f64; 3], [at_a, at_b, at_c]: [Bracket; 3]) -> Option<f64> {
        // Beyond the largest shortage J rises: every further unit is a surplus. Nothing is below 0.
        let left = a <= 0.0 || at_a.low >= at_b.high;
        let right = c >= self.setting.most || at_c.low >= at_b.high;
        if !(left && right) {
            return None;
        }
        let drop = |beyond: Bracket, far: f64, near: f64| (beyond.high - at_b.low).max(0.0) * near / far;
        Some(at_b.low - drop(at_c, c - b, b - a).max(drop(at_a, b - a, c - b)))
    }

    /// J at purchases of problems.
    fn costs(
        &self,
        asked: &[(Option<AgentId>, f64)],
        accuracy: Accuracy,
        work: &mut f64,
    ) -> Result<Vec<Bracket>, Unreached> {
        let left = |g: &f64| -> Vec<(f64, f64)> {
            likely(self.shortage.values(), self.shortage.law()).map(|(d, p)| (d - g, p)).collect()
        };
        let task = |(without, g): &(Option<AgentId>, f64)| Task {
            without: *without,
            shortages: left(g).into_iter().filter(|(y, _)| *y > 0.0).collect(),
        };
        let tasks: Vec<Task> = asked.iter().map(task).collect();
        let reserve = self.setting.reserve.mean(|delta| delta);
        let all = solved(self.setting, &tasks, accuracy, work)?;
        let whole = asked.iter().zip(&all).map(|((without, g), one)| {
            let surplus: f64 = left(g).iter().filter(|(y, _)| *y < 0.0).map(|(y, p)| p * y * y / 2.0).sum();
            let others = (0..self.setting.laws.len()).filter(|i| Some(*i) != *without);
            let mass: f64 = others.map(|i| self.setting.laws[i].sum()).product();
            let rest = self.q * g + mass * reserve * surplus;
            Bracket { low: rest + one.found.low, high: rest + one.found.high }
        });
        Ok(whole.collect())
    }

    /// Slopes of J, from differences.
    fn slopes(
        &self,
        asked: &[(Option<AgentId>, f64)],
        accuracy: Accuracy,
        work: &mut f64,
    ) -> Result<Vec<f64>, Unreached> {
        let step = SLOPE * self.setting.most;
        let ends = |(without, g): &(Option<AgentId>, f64)| {
            [(*without, (g - step).max(0.0)), (*without, (g - step).max(0.0) + 2.0 * step)]
        };
        let ends: Vec<_> = asked.iter().flat_map(ends).collect();
        let costs = self.costs(&ends, accuracy, work)?;
        let slope = |pair: &[Bracket]| (pair[1].middle() - pair[0].middle()) / (2.0 * step);
        Ok(costs.chunks_exact(2).map(slope).collect())
    }

    /// Purchases near the best ones, by problem.
    fn search(&self, accuracy: Accuracy, work: &mut f64) -> Result<Vec<(Option<AgentId>, f64)>, Unreached> {
        let accuracy = Accuracy { relative: accuracy.relative.max(SEARCH), ..accuracy };
        let who = || std::iter::once(None).chain((0..self.setting.types.len()).map(Some));
        let most = self.setting.most;
        let starts = |g: f64| who().map(|without| (without, g)).collect::<Vec<_>>();
        let lows = self.slopes(&starts(0.0), accuracy, work)?;
        let highs = self.slopes(&starts(most), accuracy, work)?;
        let begin = |((without, low), high): ((Option<AgentId>, f64), f64)| Search {
            without,
            ends: [(0.0, low), (most, high)],
            moved: None,
            found: if low >= 0.0 { Some(0.0) } else { (high <= 0.0).then_some(most) },
        };
        let mut all: Vec<Search> = who().zip(lows).zip(highs).map(begin).collect();
        for _ in 0..STEPS {
            let open: Vec<usize> = (0..all.len()).filter(|k| all[*k].found.is_none()).collect();
            if open.is_empty() {
                break;
            }
            let asked: Vec<_> = open.iter().map(|k| (all[*k].without, all[*k].next())).collect();
            for ((k, (_, g)), slope) in open.iter().zip(&asked).zip(self.slopes(&asked, accuracy, work)?) {
                all[*k].narrow(*g, slope, NEAR * self.q, NEAR * most);
            }
        }
        // Wherever a search ends, what is there is bracketed.
        Ok(all.iter().map(|one| (one.without, one.found.unwrap_or_else(|| one.next()))).collect())
    }
}

impl Search {
    /// Where a straight line between the ends has no slope.
    fn next(&self) -> f64 {
        let [(a, low), (b, high)] = self.ends;
        a + (b - a) * (-low / (high - low))
    }

    fn narrow(&mut self, at: f64, slope: f64, flat: f64, close: f64) {
        let end = usize::from(slope > 0.0);
        if self.moved == Some(end) {
            self.ends[1 - end].1 /= 2.0;
        }
        self.ends[end] = (at, slope);
        self.moved = Some(end);
        if slope.abs() <= flat || self.ends[1].0 - self.ends[0].0 <= close {
            self.found = Some(at);
        }
    }
}
