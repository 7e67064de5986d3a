//! The analysis of the factor c for both baselines, side by side.

use std::borrow::Cow;

use serde::Serialize;
use vickrey::accounts::Accounts;
use vickrey::guarantee::Baseline;
use vickrey::mechanism::AgentId;
use vickrey::scaling::{self, Distance, Interval, IntervalVerdict, Range};

use super::charge::why_empty;
use super::number::finite;

/// Most names in any list of a document.
pub(super) const MOST_NAMES: usize = 20;

/// Agents that have names.
pub trait Named: Sync {
    /// An agent's name.
    fn name(&self, agent: AgentId) -> Cow<'_, str>;
}

impl Named for vickrey::market::Market {
    fn name(&self, agent: AgentId) -> Cow<'_, str> {
        self.name(agent)
    }
}

impl Named for vickrey::lq::Market {
    fn name(&self, agent: AgentId) -> Cow<'_, str> {
        self.name(agent)
    }
}

/// Agents by name: all of them counted, the first of them named.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Names {
    /// How many agents.
    pub count: usize,
    /// The first of them, at most 20.
    pub names: Vec<String>,
}

impl Names {
    /// The names of these agents, `count` in all.
    pub(super) fn of(market: &dyn Named, agents: &[AgentId], count: usize) -> Self {
        let names = agents.iter().take(MOST_NAMES).map(|&i| market.name(i).into_owned()).collect();
        Self { count, names }
    }
}

/// A set of numbers between two ends; an end that is null is open to infinity.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Span {
    /// Lower end.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
}

/// Which factors c are feasible, for both baselines.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScalingAnalysis {
    /// Agents compare with utility 0.
    pub zero: BaselineAnalysis,
    /// Agents compare with being idle.
    pub autarky: BaselineAnalysis,
}

/// Which factors c are feasible for one baseline.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BaselineAnalysis {
    /// F, or F minus the outside options.
    pub welfare: f64,
    /// Sum of all H_i; null if one does not exist.
    pub sum_without: Option<f64>,
    /// Sum of all VCG payments (c = 1); null if one does not exist.
    pub sum_vcg: Option<f64>,
    /// `feasible`, `every-c`, `empty` or `pivotal`.
    pub verdict: &'static str,
    /// The feasible c, if there are any.
    pub interval: Option<Span>,
    /// The c that balance the budget; null if there are none.
    pub budget: Option<Span>,
    /// The c at which everybody takes part; null if there are none.
    pub participation: Option<Span>,
    /// The agent that sets the upper end of `participation`.
    pub participation_high_set_by: Option<String>,
    /// The agent that sets the lower end of `participation`.
    pub participation_low_set_by: Option<String>,
    /// In words, why no c is feasible.
    pub violated: Option<String>,
    /// The agents that cause it.
    pub caused_by: Option<Names>,
    /// (N - 1) max H against sum H, where it says something.
    pub market_power_balance: Option<PowerBalance>,
    /// The c nearest to the Lagrange payments, in four measures; empty if there is no feasible c.
    pub min_max: Vec<Nearest>,
    /// The low end, offered as the choice that converges to Lagrange payments.
    pub recommended: Option<Recommended>,
    #[serde(skip)]
    pub(super) source: Interval,
}

/// (N - 1) max H against sum H.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PowerBalance {
    /// Whether it holds.
    pub holds: bool,
    /// (N - 1) max H.
    pub largest: f64,
    /// Sum of H.
    pub sum: f64,
    /// The agent with the largest H, which is the one that matters least.
    pub agent: String,
}

/// The c that keeps payments nearest to the Lagrange payments, in one measure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Nearest {
    /// `absolute` (money) or `ratio` (relative to the Lagrange payment).
    pub measure: &'static str,
    /// `two` (distance) or `one` (only what the operator loses).
    pub sides: &'static str,
    /// The factor.
    pub c: f64,
    /// The largest distance at it.
    pub value: f64,
    /// The agents at that distance.
    pub binding: Names,
    /// Agents left out of a ratio because they hardly trade.
    pub dropped: Names,
}

/// A factor worth choosing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Recommended {
    /// The factor.
    pub c: f64,
    /// Why this one.
    pub why: &'static str,
}

const WHY_LOW: &str = "the low end of the interval: payments converge to Lagrange payments as the market grows, which \
     the high end does not; fix it in advance, because a c computed from the bids is not incentive compatible";

impl ScalingAnalysis {
    /// Analyses both baselines. `balanced`: the quantities add up to zero, so that nothing is sold to outside.
    pub fn of(market: &dyn Named, accounts: &impl Accounts, balanced: bool) -> Self {
        let (zero, autarky) = rayon::join(
            || BaselineAnalysis::of(market, accounts, balanced, Baseline::Zero),
            || BaselineAnalysis::of(market, accounts, balanced, Baseline::Autarky),
        );
        Self { zero, autarky }
    }

    /// The analysis of one baseline.
    pub fn baseline(&self, baseline: Baseline) -> &BaselineAnalysis {
        match baseline {
            Baseline::Zero => &self.zero,
            Baseline::Autarky => &self.autarky,
        }
    }
}

impl BaselineAnalysis {
    fn of(market: &dyn Named, s: &impl Accounts, balanced: bool, baseline: Baseline) -> Self {
        let interval = scaling::interval(s, baseline);
        let name = |agent: Option<AgentId>| agent.map(|i| market.name(i).into_owned());
        let existing = |x: f64| if s.pivotal().is_empty() { finite(x) } else { None };
        let feasible = interval.feasible();
        let proper = matches!(interval.verdict, IntervalVerdict::Feasible(_));
        let (high_by, low_by) = interval.participation_set_by;
        Self {
            welfare: interval.welfare,
            sum_without: existing(interval.sum_without),
            sum_vcg: existing(interval.sum_vcg),
            verdict: verdict(&interval.verdict),
            interval: feasible.map(Span::of),
            budget: span_if(interval.budget, s),
            participation: span_if(interval.participation, s),
            participation_high_set_by: name(high_by),
            participation_low_set_by: name(low_by),
            violated: feasible.is_none().then(|| why_empty(market, &interval)),
            caused_by: causes(market, &interval),
            market_power_balance: interval.market_power_balance.map(|balance| PowerBalance {
                holds: balance.holds,
                largest: balance.largest,
                sum: balance.sum,
                agent: market.name(balance.agent).into_owned(),
            }),
            min_max: feasible
                .filter(|_| proper)
                .map_or_else(Vec::new, |range| nearest(market, s, baseline, range)),
            // The limit is a theorem for balanced markets in which everybody's absence leaves gains from trade.
            recommended: feasible
                .filter(|_| proper && balanced && interval.market_power_balance.is_some())
                .map(|range| Recommended { c: range.low, why: WHY_LOW }),
            source: interval,
        }
    }

    /// The feasible c, in full precision and with infinite ends.
    pub fn feasible(&self) -> Option<Range> {
        self.source.feasible()
    }
}

impl Span {
    fn of(range: Range) -> Self {
        Self { low: finite(range.low), high: finite(range.high) }
    }
}

/// The range, unless it is empty or says nothing because some H_i does not exist.
fn span_if(range: Range, s: &impl Accounts) -> Option<Span> {
    (s.pivotal().is_empty() && !range.is_empty()).then(|| Span::of(range))
}

fn verdict(verdict: &IntervalVerdict) -> &'static str {
    match verdict {
        IntervalVerdict::EveryC => "every-c",
        IntervalVerdict::Feasible(_) => "feasible",
        IntervalVerdict::Empty { .. } => "empty",
        IntervalVerdict::Pivotal(_) => "pivotal",
    }
}

fn causes(market: &dyn Named, interval: &Interval) -> Option<Names> {
    match &interval.verdict {
        IntervalVerdict::Empty { agents, agents_in_all, .. } => {
            Some(Names::of(market, agents, *agents_in_all))
        }
        IntervalVerdict::Pivotal(agents) => Some(Names::of(market, agents, agents.len())),
        _ => None,
    }
}

/// The four measures of nearness, each with its best c.
fn nearest(market: &dyn Named, s: &impl Accounts, baseline: Baseline, range: Range) -> Vec<Nearest> {
    let measures = [(false, false), (false, true), (true, false), (true, true)];
    let best = |(ratio, one_sided)| {
        let found = scaling::min_max(s, baseline, Distance { ratio, one_sided }, range)?;
        // An envelope without a lowest point (all lines flat on an unbounded interval) names no c.
        (found.c.is_finite() && found.value.is_finite()).then(|| Nearest {
            measure: if ratio { "ratio" } else { "absolute" },
            sides: if one_sided { "one" } else { "two" },
            c: found.c,
            value: found.value,
            binding: Names::of(market, &found.binding, found.binding.len()),
            dropped: Names::of(market, &found.dropped, found.dropped.len()),
        })
    };
    measures.into_iter().filter_map(best).collect()
}
