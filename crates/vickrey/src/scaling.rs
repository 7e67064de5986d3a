//! Choosing the factor c of scaled VCG: which c balance the budget, which keep everybody, which is nearest to the
//! Lagrange payments.
//!
//! Everything is written in x = c - 1, in which payments are vcg_i + x H_i. The budget is balanced if
//! sum vcg + x sum H >= 0, agent i stays if net_i - x H_i >= 0 (paper 000, Theorem 1, with the signs kept: a condition
//! is divided by H only together with its sign). Market power balance is (N - 1) max H <= sum H.
//!
//! A c that is computed from the reports at hand is a diagnostic: used for payments it is not incentive compatible,
//! because reports then move c. The low end tends to the Lagrange payments as N grows, the high end does not.

use rayon::prelude::*;

use crate::accounts::Accounts;
use crate::guarantee::Baseline;
use crate::mechanism::AgentId;
use crate::numeric::lines::{Line, lowest_envelope};
use crate::numeric::sum::{self, CHUNK};

/// A closed set of numbers; empty if `low > high`, unbounded where an end is infinite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Range {
    const ALL: Self = Self { low: f64::NEG_INFINITY, high: f64::INFINITY };
    const NONE: Self = Self { low: f64::INFINITY, high: f64::NEG_INFINITY };

    /// Whether no number is inside.
    pub fn is_empty(self) -> bool {
        self.low > self.high
    }

    /// Whether a number is inside.
    pub fn contains(self, x: f64) -> bool {
        self.low <= x && x <= self.high
    }

    fn meet(self, other: Self) -> Self {
        Self { low: self.low.max(other.low), high: self.high.min(other.high) }
    }

    fn shifted(self, by: f64) -> Self {
        Self { low: self.low + by, high: self.high + by }
    }

    /// All x with `constant + slope * x >= 0`.
    fn where_non_negative(constant: f64, slope: f64) -> Self {
        match slope {
            s if s > 0.0 => Self { low: -constant / s, high: f64::INFINITY },
            s if s < 0.0 => Self { low: f64::NEG_INFINITY, high: -constant / s },
            _ if constant >= 0.0 => Self::ALL,
            _ => Self::NONE,
        }
    }
}

/// Which factors c are feasible for one baseline.
#[derive(Clone, Debug, PartialEq)]
pub struct Interval {
    /// What agents compare with.
    pub baseline: Baseline,
    /// F (baseline zero) or F minus the outside options (autarky), rounded to 0 if it is rounding.
    pub welfare: f64,
    /// Sum of all H_i.
    pub sum_without: f64,
    /// Sum of the VCG payments (c = 1): the total minus the gaps.
    pub sum_vcg: f64,
    /// The c at which the operator does not pay on balance.
    pub budget: Range,
    /// The c at which nobody is worse off than with the outside option.
    pub participation: Range,
    /// The agent that sets the upper end of `participation`, and the one that sets its lower end.
    pub participation_set_by: (Option<AgentId>, Option<AgentId>),
    /// Agents that no c keeps (H_i = 0 and a loss).
    pub never_kept: Vec<AgentId>,
    /// Both conditions together, or the pair that excludes each other.
    pub verdict: IntervalVerdict,
    /// (N - 1) max H <= sum H, where F and all H are positive; otherwise it says nothing.
    pub market_power_balance: Option<MarketPowerBalance>,
}

/// The outcome of putting both conditions together.
#[derive(Clone, Debug, PartialEq)]
pub enum IntervalVerdict {
    /// Nobody gains anything from anybody: every c pays zero.
    EveryC,
    /// The feasible c.
    Feasible(Range),
    /// No c is feasible.
    Empty {
        /// The pair of conditions that exclude each other, in words.
        violated: String,
        /// The agents that cause it: each alone excludes every c that balances the budget (or the budget alone
        /// cannot be balanced and the list is empty). At most 20, the worst first.
        agents: Vec<AgentId>,
        /// How many agents cause it.
        agents_in_all: usize,
    },
    /// Some H_i does not exist: the market is infeasible without these agents.
    Pivotal(Vec<AgentId>),
}

/// (N - 1) max H against sum H.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MarketPowerBalance {
    /// (N - 1) max_i H_i.
    pub largest: f64,
    /// sum_i H_i.
    pub sum: f64,
    /// The agent with the largest H_i, which is the one that matters least.
    pub agent: AgentId,
    /// Whether `largest <= sum`.
    pub holds: bool,
}

impl Interval {
    /// The feasible c, if there are any (all numbers in the degenerate market without gains).
    pub fn feasible(&self) -> Option<Range> {
        match self.verdict {
            IntervalVerdict::EveryC => Some(Range::ALL),
            IntervalVerdict::Feasible(range) => Some(range),
            _ => None,
        }
    }
}

/// What one pass over the agents collects.
#[derive(Clone, Copy)]
struct Bounds {
    high: (f64, Option<AgentId>),
    low: (f64, Option<AgentId>),
    largest: (f64, AgentId),
    smallest: f64,
    all_zero: bool,
}

impl Bounds {
    const EMPTY: Self = Self {
        high: (f64::INFINITY, None),
        low: (f64::NEG_INFINITY, None),
        largest: (f64::NEG_INFINITY, 0),
        smallest: f64::INFINITY,
        all_zero: true,
    };

    fn add(&mut self, agent: AgentId, h: f64, net: f64) {
        if h > self.largest.0 {
            self.largest = (h, agent);
        }
        self.smallest = self.smallest.min(h);
        self.all_zero &= h == 0.0;
        if h > 0.0 && net / h < self.high.0 {
            self.high = (net / h, Some(agent));
        } else if h < 0.0 && net / h > self.low.0 {
            self.low = (net / h, Some(agent));
        }
    }

    fn join(mut self, other: Self) -> Self {
        if other.largest.0 > self.largest.0 {
            self.largest = other.largest;
        }
        self.smallest = self.smallest.min(other.smallest);
        self.all_zero &= other.all_zero;
        if other.high.0 < self.high.0 {
            self.high = other.high;
        }
        if other.low.0 > self.low.0 {
            self.low = other.low;
        }
        self
    }
}

/// The factors c that balance the budget and keep every agent.
pub fn interval(settlement: &impl Accounts, baseline: Baseline) -> Interval {
    let s = settlement;
    let n = s.agents();
    let parts: Vec<Bounds> = (0..n.div_ceil(CHUNK))
        .into_par_iter()
        .map(|c| {
            let mut bounds = Bounds::EMPTY;
            for i in (c * CHUNK..((c + 1) * CHUNK).min(n)).filter(|&i| s.gap(i).is_finite()) {
                bounds.add(i, s.without(i, baseline), s.net(i, baseline));
            }
            bounds
        })
        .collect();
    let bounds = parts.into_iter().fold(Bounds::EMPTY, Bounds::join);
    let [sum_without, sum_gap] =
        sum::parallel(
            n,
            |i| if s.gap(i).is_finite() { [s.without(i, baseline), s.gap(i)] } else { [0.0; 2] },
        );
    let sum_vcg = s.lagrange_total() - sum_gap;
    let never_kept: Vec<AgentId> = (0..n)
        .filter(|&i| {
            s.gap(i).is_finite() && s.without(i, baseline) == 0.0 && s.snap(s.net(i, baseline)) < 0.0
        })
        .collect();
    let welfare = s.snap(s.welfare_over(baseline));
    let budget = Range::where_non_negative(sum_vcg, sum_without).shifted(1.0);
    let participation = if never_kept.is_empty() {
        Range { low: bounds.low.0, high: bounds.high.0 }.shifted(1.0)
    } else {
        Range::NONE
    };
    let mut result = Interval {
        baseline,
        welfare,
        sum_without,
        sum_vcg,
        budget,
        participation,
        participation_set_by: (bounds.high.1, bounds.low.1),
        never_kept,
        verdict: IntervalVerdict::EveryC,
        market_power_balance: None,
    };
    if s.pivotal().is_empty() && welfare > 0.0 && bounds.smallest > 0.0 {
        let largest = (n - 1) as f64 * bounds.largest.0;
        // The same condition in the form in which nothing cancels: it is how the interval is decided.
        let holds = budget.low <= participation.high;
        result.market_power_balance =
            Some(MarketPowerBalance { largest, sum: sum_without, agent: bounds.largest.1, holds });
    }
    result.verdict = verdict(s, &result, bounds.all_zero);
    result
}

fn verdict(s: &impl Accounts, interval: &Interval, all_zero: bool) -> IntervalVerdict {
    if !s.pivotal().is_empty() {
        return IntervalVerdict::Pivotal(s.pivotal().to_vec());
    }
    if interval.welfare == 0.0 && all_zero && s.snap(interval.sum_vcg) == 0.0 {
        return IntervalVerdict::EveryC;
    }
    let both = interval.budget.meet(interval.participation);
    if !both.is_empty() {
        return IntervalVerdict::Feasible(both);
    }
    explain_empty(s, interval)
}

/// Says which pair of conditions excludes each other, and who causes it.
fn explain_empty(s: &impl Accounts, interval: &Interval) -> IntervalVerdict {
    let (budget, participation, baseline) = (interval.budget, interval.participation, interval.baseline);
    let empty = |violated: String, agents: Vec<AgentId>, agents_in_all: usize| IntervalVerdict::Empty {
        violated,
        agents,
        agents_in_all,
    };
    if budget.is_empty() {
        let why = format!(
            "the budget cannot be balanced by any c: the H_i add up to 0 and the VCG payments to {:.6}",
            interval.sum_vcg
        );
        return empty(why, Vec::new(), 0);
    }
    if !interval.never_kept.is_empty() {
        let worst = interval.never_kept.iter().copied().take(20).collect();
        let why = "no c keeps an agent that loses and without whom the others gain nothing".to_owned();
        return empty(why, worst, interval.never_kept.len());
    }
    if participation.is_empty() {
        let agents: Vec<AgentId> = [interval.participation_set_by.0, interval.participation_set_by.1]
            .into_iter()
            .flatten()
            .collect();
        let why = format!(
            "participation excludes itself: one agent needs c <= {}, another c >= {}",
            factor_words(participation.high),
            factor_words(participation.low)
        );
        let count = agents.len();
        return empty(why, agents, count);
    }
    let from_below = budget.low > participation.high;
    let (b, p) = if from_below { (budget.low, participation.high) } else { (budget.high, participation.low) };
    let (need, have) = if from_below { (">=", "<=") } else { ("<=", ">=") };
    let mut causes: Vec<(f64, AgentId)> = (0..s.agents())
        .filter_map(|i| {
            let (h, net) = (s.without(i, baseline), s.net(i, baseline));
            let excess = net - (b - 1.0) * h;
            (h != 0.0 && excess < 0.0).then_some((excess, i))
        })
        .collect();
    causes.sort_by(|x, y| x.0.total_cmp(&y.0).then(x.1.cmp(&y.1)));
    let why = format!(
        "budget balance needs c {need} {}, participation needs c {have} {}",
        factor_words(b),
        factor_words(p)
    );
    let count = causes.len();
    empty(why, causes.into_iter().take(20).map(|c| c.1).collect(), count)
}

/// A factor in words: near 1, where large markets have it, the distance from 1 says more than digits.
pub fn factor_words(c: f64) -> String {
    let x = c - 1.0;
    if x == 0.0 || x.abs() >= 1e-3 || !x.is_finite() {
        format!("{}", (c * 1e6).round() / 1e6)
    } else {
        format!("1 {} {:.4e}", if x > 0.0 { '+' } else { '-' }, x.abs())
    }
}

/// How far payments are from Lagrange payments: in which unit, and on which side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Distance {
    /// Divide by |lambda u_i| (agents that hardly trade are dropped), instead of money.
    pub ratio: bool,
    /// Count only d_i = lambda u_i - p_i > 0 (the operator's loss), instead of |d_i|.
    pub one_sided: bool,
}

/// The c that keeps all payments nearest to the Lagrange payments.
#[derive(Clone, Debug, PartialEq)]
pub struct MinMax {
    /// The factor.
    pub c: f64,
    /// The largest distance at that c.
    pub value: f64,
    /// The agents at that distance (at most 20).
    pub binding: Vec<AgentId>,
    /// Agents left out of a ratio because they hardly trade.
    pub dropped: Vec<AgentId>,
}

/// Minimises over c in `range` the largest distance between scaled-VCG and Lagrange payments.
///
/// None if there are pivotal agents, or nothing to compare (nobody trades under a ratio), or `range` is empty.
pub fn min_max(
    settlement: &impl Accounts,
    baseline: Baseline,
    distance: Distance,
    range: Range,
) -> Option<MinMax> {
    let s = settlement;
    if range.is_empty() || !s.pivotal().is_empty() {
        return None;
    }
    let n = s.agents();
    let largest =
        (0..n).into_par_iter().with_min_len(CHUNK).map(|i| s.lagrange(i).abs()).reduce(|| 0.0, f64::max);
    let unit = |i: AgentId| {
        if !distance.ratio {
            return Some(1.0);
        }
        let trade = s.lagrange(i).abs();
        (trade > 0.0 && trade >= 1e-9 * largest).then_some(trade)
    };
    // Line 2i is d_i(x) / D_i, line 2i + 1 its mirror image.
    let sides = if distance.one_sided { 1 } else { 2 };
    let line = |k: usize| {
        let i = k / sides;
        let sign = if k.is_multiple_of(sides) { 1.0 } else { -1.0 };
        let d = unit(i)? * sign;
        Some(Line { at_zero: s.gap(i) / d, slope: -s.without(i, baseline) / d })
    };
    let at = lowest_envelope(sides * n, line, range.low - 1.0, range.high - 1.0)?;
    let near = 1e-9 * at.value.abs() + 1e-15;
    let binding = (0..sides * n).filter(|&k| line(k).is_some_and(|l| l.at(at.x) >= at.value - near));
    let mut binding: Vec<AgentId> = binding.map(|k| k / sides).collect();
    binding.dedup();
    binding.truncate(20);
    let dropped = if distance.ratio { (0..n).filter(|&i| unit(i).is_none()).collect() } else { Vec::new() };
    Some(MinMax { c: 1.0 + at.x, value: at.value, binding, dropped })
}

/// A rule that computes c from the reports at hand. Convenient, and not incentive compatible: reports then move c.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactorChoice {
    /// The low end of the interval, which tends to Lagrange payments as the market grows.
    LowEnd,
    /// The high end, which does not.
    HighEnd,
    /// The absolute, two-sided MinMax.
    MinMax,
    /// The two-sided MinMax relative to |lambda u_i|.
    MinMaxRatio,
}

impl FactorChoice {
    /// The factor for these reports; `None` if no c is feasible. In the market in which every c is feasible it is 1.
    pub fn factor(self, settlement: &impl Accounts, baseline: Baseline) -> Option<f64> {
        let range = interval(settlement, baseline).feasible()?;
        let nearest = |ratio| {
            min_max(settlement, baseline, Distance { ratio, one_sided: false }, range).map(|found| found.c)
        };
        let factor = match self {
            Self::LowEnd => Some(range.low),
            Self::HighEnd => Some(range.high),
            Self::MinMax => nearest(false),
            Self::MinMaxRatio => nearest(true),
        };
        Some(factor.filter(|c| c.is_finite()).unwrap_or(1.0))
    }
}

/// Sum of all scaled-VCG payments at factor c: what the operator keeps (negative: pays).
pub fn budget(interval: &Interval, c: f64) -> f64 {
    interval.sum_vcg + (c - 1.0) * interval.sum_without
}
