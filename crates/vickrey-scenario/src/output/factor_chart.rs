//! The chart of the choice of c: budget and net utilities, whatever the mechanism.

use rayon::prelude::*;
use vickrey::accounts::Accounts;
use vickrey::guarantee::Baseline;
use vickrey::mechanism::AgentId;
use vickrey::scaling::{self, Interval};

use super::scaling::Named;
use crate::plot::Scaling;

/// Most lines of a chart.
const MOST_LINES: usize = 200;
/// Values of c at which lines are computed.
const FACTORS: usize = 61;

/// What the chart shows besides the accounts.
pub(super) struct FactorChart<'a> {
    pub title: String,
    pub money_unit: &'a str,
    pub market: &'a dyn Named,
    pub interval: &'a Interval,
    /// The factor that payments use.
    pub chosen: Option<f64>,
}

/// Budget and net utilities of agents, none of them pivotal, against c.
pub(super) fn factor_chart(about: FactorChart<'_>, s: &impl Accounts) -> Scaling {
    let baseline = about.interval.baseline;
    let (low, high) = factor_range(about.interval, about.chosen);
    let c: Vec<f64> = (0..FACTORS).map(|k| low + (high - low) * k as f64 / (FACTORS - 1) as f64).collect();
    let agents = lines(s, baseline);
    let line = |i: AgentId| {
        let (net, h) = (s.net(i, baseline), s.without(i, baseline));
        c.iter().map(|c| net - (c - 1.0) * h).collect()
    };
    Scaling {
        title: about.title,
        money_unit: about.money_unit.to_owned(),
        budget: c.iter().map(|&c| scaling::budget(about.interval, c)).collect(),
        names: agents.iter().map(|&i| about.market.name(i).into_owned()).collect(),
        net_utilities: agents.iter().map(|&i| line(i)).collect(),
        feasible: about.interval.feasible().map(|range| (range.low, range.high)),
        chosen: about.chosen,
        mark_one: true,
        c,
    }
}

/// A range of c that shows where both conditions begin and end.
fn factor_range(source: &Interval, chosen: Option<f64>) -> (f64, f64) {
    let ends = [source.budget.low, source.budget.high, source.participation.low, source.participation.high];
    let ends = ends.into_iter().chain(chosen).filter(|c| c.is_finite());
    let (low, high) = ends.fold((1.0_f64, 1.0_f64), |(low, high), c| (low.min(c), high.max(c)));
    let margin = if high > low { 0.35 * (high - low).max(1e-6) } else { 0.1 };
    (low - margin, high + margin)
}

/// The agents whose lines are drawn: those that leave first, and an even sample of the others.
fn lines(s: &impl Accounts, baseline: Baseline) -> Vec<AgentId> {
    let n = s.agents();
    if n <= MOST_LINES {
        return (0..n).collect();
    }
    let leaves_at = |i: AgentId| match s.without(i, baseline) {
        h if h > 0.0 => s.net(i, baseline) / h,
        _ => f64::INFINITY,
    };
    let mut first: Vec<(f64, AgentId)> = (0..n).into_par_iter().map(|i| (leaves_at(i), i)).collect();
    let half = MOST_LINES / 2;
    first.select_nth_unstable_by(half, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let early = first[..half].iter().map(|&(_, i)| i);
    let mut shown: Vec<AgentId> = early.chain((0..n).step_by(n.div_ceil(half))).collect();
    shown.sort_unstable();
    shown.dedup();
    shown
}
