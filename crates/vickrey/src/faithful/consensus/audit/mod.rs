//! What consensus promises, and the search for violations on the instance at hand.
//!
//! | promise | condition | how it is checked |
//! |---|---|---|
//! | faithful followers pass the test | a proved bound | these types, extreme types, random ones |
//! | nobody gains more than epsilon | a proved bound, observed positions | the exact best deviation of each follower |
//! | all positions are within the limit of one point | faithful followers | the final positions |
//! | the social cost is at most the optimum's | faithful followers | cost against ||th - mean||² |
//! | net costs are the social cost, each | faithful followers | sums |
//! | the leader does not pay | true values | sum of taxes |
//!
//! Participation is not promised: every follower bears the social cost, and alone it would have none.

mod deviation;
mod steering;

use std::sync::atomic::{AtomicUsize, Ordering};

use rand::RngExt;
use rayon::prelude::*;

use super::solve::{Played, Rules, Test, Watch, disagreement, optimum};
use crate::audit::{AuditOptions, Progress, Worst, judge, money, row};
use crate::guarantee::{
    Audit, Balance, Baseline, Evidence, Finding, Guarantee, Property, SolutionConcept, Verdict,
};
use crate::mechanism::AgentId;
use crate::numeric::random::{Purpose, stream};
use crate::numeric::sum::compensated;

pub use deviation::{Case, Deviation, best, size};
pub use steering::dimension;

/// Programs of one follower above so many numbers are not solved, whatever the effort: their matrix would not fit.
const MOST_NUMBERS: usize = 20_000_000;

/// The table of guarantees, and what it rests on.
#[derive(Clone, Debug, PartialEq)]
pub struct Audited {
    /// Promises and findings.
    pub audit: Audit,
    /// What nobody gains more than, whatever the types; none where that is not proved.
    pub epsilon: Option<f64>,
    /// The same for these types: 2 ||th - mean|| times the limit, or the sharper bound; none as above.
    pub epsilon_here: Option<f64>,
    /// The best deviations of the followers that were looked at, positions being observed.
    pub deviations: Vec<Deviation>,
    /// The faithful run.
    pub faithful: Played,
}

struct Subject<'a> {
    rules: &'a Rules,
    types: &'a [f64],
    options: AuditOptions,
    faithful: Played,
    /// Money: what rounding is relative to.
    scale: f64,
}

/// Audits the rules with faithful followers of these types.
///
/// # Panics
/// Not one type for each follower.
pub fn audit(rules: &Rules, types: &[f64], options: &AuditOptions, progress: Progress<'_>) -> Audited {
    let faithful = rules.play(types);
    let scale = 1.0 + faithful.social_cost() + rules.fine();
    let subject = Subject { rules, types, options: *options, faithful, scale };
    let passes = subject.faithful_passes();
    progress(0.2);
    let deviations = subject.deviations(&|done| progress(0.2 + 0.7 * done));
    let guarantees = vec![
        passes,
        subject.incentives(&deviations),
        subject.agreement(),
        subject.efficiency(),
        subject.accounts(),
        subject.participation(),
        subject.balance(Balance::Weak),
        subject.balance(Balance::Strong),
    ];
    let mut findings = vec![subject.pretence(), subject.spoiler()];
    findings.extend(subject.steering(&deviations));
    findings.extend(subject.printed());
    progress(1.0);
    let epsilon_here = rules.epsilon().and_then(|_| deviations.first()?.bound);
    let audit = Audit { guarantees, findings };
    Audited { audit, epsilon: rules.epsilon(), epsilon_here, deviations, faithful: subject.faithful }
}

/// The condition under which theory promises that faithful followers pass.
const PROVED: &str = "a test with rho = alpha lambda_2 (the printed one holds for alpha = 1/lambda_max only)";

impl Subject<'_> {
    fn name(&self, follower: AgentId) -> String {
        self.rules.instance().name(follower).into_owned()
    }

    /// Additions that the effort pays for.
    fn work(&self) -> f64 {
        self.options.effort.pick(2e8, 2e9, 1e11)
    }

    /// Faithful followers of these types, of extreme ones, and of random ones at ends of their ranges.
    fn faithful_passes(&self) -> Guarantee {
        let (rules, n) = (self.rules, self.rules.len());
        let mut worst = Worst::default();
        let mut see = |types: &[f64], at: &dyn Fn() -> String| {
            let settlement = rules.play(types).settlement;
            worst.see(settlement.disagreement - settlement.limit, at);
        };
        see(self.types, &|| "the given positions".into());
        see(&rules.spread().types, &|| "positions far from their mean".into());
        if let Some(extreme) = rules.edge_spread() {
            see(&extreme.types, &|| "neighbours far apart".into());
        }
        let a_run = rules.rounds() as f64 * (n + rules.instance().graph().edges().len()) as f64;
        let wanted = self.options.effort.pick(20, 100, 1000);
        for index in 0..wanted.min((0.3 * self.work() / a_run) as u64) {
            let mut rng = stream(self.options.seed, Purpose::Audit, index);
            let ends = |i: usize| [rules.instance().low()[i], rules.instance().high()[i]];
            let types: Vec<f64> = (0..n).map(|i| ends(i)[usize::from(rng.random::<bool>())]).collect();
            see(&types, &|| format!("random ends of ranges, draw {index}"));
        }
        // Promised by the mechanism whatever its test: a test that fines faithful followers breaks the promise.
        let verdict = judge(&worst, 0.0, true);
        let (by, at) = (worst.value, worst.at.clone());
        let mut row = row(Property::HonestPass, true, verdict, PROVED, worst, 0.0);
        if let Some(evidence) = &mut row.evidence {
            evidence.unit = "distance";
        }
        row.note = match verdict {
            Verdict::Holds => {
                format!("the nearest run stays {} below the limit {}", money(-by), money(rules.limit()))
            }
            _ => format!(
                "with {at} faithful followers are {} above the limit {}, and all are fined",
                money(by),
                money(rules.limit())
            ),
        };
        row
    }

    /// The best deviations of as many followers as the effort pays for, those farthest from the mean first.
    fn deviations(&self, progress: Progress<'_>) -> Vec<Deviation> {
        let mean = optimum(self.types).0;
        let mut order: Vec<AgentId> = (0..self.types.len()).collect();
        let far = |i: AgentId| (self.types[i] - mean).abs();
        order.sort_by(|&i, &j| far(j).total_cmp(&far(i)));
        order.truncate(self.looked_at(&order));
        let most = self.options.effort.pick(100_000, 1_000_000, MOST_NUMBERS);
        let case = Case { rules: self.rules, types: self.types, faithful: &self.faithful };
        let done = AtomicUsize::new(0);
        let one = |&follower: &AgentId| {
            let found = best(case, follower, most);
            progress((done.fetch_add(1, Ordering::Relaxed) + 1) as f64 / order.len() as f64);
            found
        };
        order.par_iter().map(one).collect()
    }

    /// How many followers, in this order, the effort pays for: about 40 steps of an interior point method with sparse
    /// factors each, and a few runs.
    fn looked_at(&self, order: &[AgentId]) -> usize {
        let runs = 6.0 * self.rules.rounds() as f64 * self.types.len() as f64;
        let cost = |i: AgentId| {
            let numbers = size(self.rules, i) as f64;
            let solved = numbers <= self.options.effort.pick(1e5, 1e6, MOST_NUMBERS as f64);
            runs + if solved { 40.0 * numbers * self.types.len() as f64 } else { 0.0 }
        };
        let mut left = 10.0 * self.work();
        let most = self.options.effort.pick(20, 200, usize::MAX);
        let paid = order.iter().take(most).take_while(|&&i| {
            left -= cost(i);
            left > 0.0
        });
        paid.count().max(1)
    }

    /// Nobody gains more than epsilon.
    fn incentives(&self, deviations: &[Deviation]) -> Guarantee {
        let mut worst = Worst::default();
        for d in deviations {
            worst.see(self.gain(d), || self.name(d.follower));
        }
        // What the rule claims: the printed test claims its own bound, proved or not.
        let claim = 2.0 * self.rules.spread().bound * self.rules.limit();
        let tolerance = claim + 1e-9 * self.scale;
        let promised = self.rules.watch() == Watch::Observed;
        let verdict = judge(&worst, tolerance, promised);
        let (gain, who) = (worst.value, worst.at.clone());
        let property = Property::IncentiveCompatibility(SolutionConcept::Approximate);
        let condition = format!("{PROVED}, and final positions that the leader observes");
        let mut row = row(property, promised, verdict, &condition, worst, tolerance);
        row.note = match (self.rules.epsilon(), promised) {
            (Some(epsilon), _) => {
                format!("{}, at most {} whatever the types", self.best_words(deviations), money(epsilon))
            }
            (None, true) => format!(
                "no certificate; `{who}` gains {} where the printed test claims {}",
                money(gain),
                money(claim)
            ),
            (None, false) => {
                format!("no certificate; `{who}` gains {} by naming a point where it is not", money(gain))
            }
        };
        row
    }

    /// A follower's gain under the rule at hand: with reported positions it may also stay where it likes.
    fn gain(&self, deviation: &Deviation) -> f64 {
        let i = deviation.follower;
        let passed = self.faithful.settlement.passed;
        let pretends = self.rules.watch() == Watch::Reported && passed;
        deviation.found.max(if pretends { self.faithful.value[i] } else { 0.0 })
    }

    fn best_words(&self, deviations: &[Deviation]) -> String {
        let exact: Vec<&Deviation> = deviations.iter().filter(|d| d.exact).collect();
        let most = |pick: fn(&Deviation) -> f64| exact.iter().map(|d| pick(d)).fold(0.0, f64::max);
        let of = format!("{} of {} followers", exact.len(), self.types.len());
        match exact.len() {
            0 => "programs too large to solve: simple deviations tried".into(),
            _ => format!(
                "the best of {of} gains {} to {}",
                money(most(|d| d.found)),
                money(most(|d| d.certified))
            ),
        }
    }

    /// All positions are near one point.
    fn agreement(&self) -> Guarantee {
        let settlement = &self.faithful.settlement;
        let mut worst = Worst::default();
        worst.see(settlement.disagreement, String::new);
        let verdict = judge(&worst, settlement.limit, true);
        let condition = "faithful followers; the decision is where they end, not a projection";
        let mut row = row(Property::Convergence, true, verdict, condition, worst, settlement.limit);
        if let Some(evidence) = &mut row.evidence {
            evidence.unit = "distance";
        }
        let before = disagreement(self.types);
        row.note = format!("from {} apart to {}", money(before), money(settlement.disagreement));
        row
    }

    fn efficiency(&self) -> Guarantee {
        let (mean, cost) = optimum(self.types);
        let mut worst = Worst::default();
        worst.see(self.faithful.social_cost() - cost, String::new);
        let moved = (optimum(&self.faithful.positions).0 - mean).abs();
        let tolerance = 1e-12 * self.scale;
        let verdict = judge(&worst, tolerance, true);
        let condition = "faithful followers; positions within the limit of one point, not at it";
        let mut row = row(Property::Efficiency, true, verdict, condition, worst, tolerance);
        row.note = format!(
            "cost {} against {} for agreement on the mean, which the rounds moved by {moved:.1e}",
            money(self.faithful.social_cost()),
            money(cost)
        );
        row
    }

    /// What each follower bears is what all of them bear.
    fn accounts(&self) -> Guarantee {
        let total = self.faithful.social_cost();
        let mut worst = Worst::default();
        for (i, net) in self.faithful.net.iter().enumerate() {
            worst.see((net - total).abs(), || self.name(i));
        }
        let passed = self.faithful.settlement.passed;
        let tolerance = 1e-12 * self.scale;
        let verdict = judge(&worst, tolerance, passed);
        let condition = "faithful followers pass: tax = the others' costs";
        row(Property::Accounts, passed, verdict, condition, worst, tolerance)
    }

    fn participation(&self) -> Guarantee {
        let mut worst = Worst::default();
        for (i, &net) in self.faithful.net.iter().enumerate() {
            worst.see(net, || self.name(i));
        }
        let tolerance = 1e-12 * self.scale;
        let verdict = judge(&worst, tolerance, false);
        let property = Property::IndividualRationality(Baseline::Zero);
        let mut row = row(property, false, verdict, "not promised: taxes only add", worst, tolerance);
        row.note = "everybody bears the social cost, and would have none alone at its own wish".into();
        row
    }

    fn balance(&self, kind: Balance) -> Guarantee {
        let sum = compensated(self.faithful.settlement.payment.iter().copied());
        let mut worst = Worst::default();
        let (against, promised, condition) = match kind {
            Balance::Weak => (-sum, true, "true values, which are squares"),
            Balance::Strong => (sum.abs(), false, "not promised"),
        };
        worst.see(against, String::new);
        let tolerance = 1e-12 * self.scale;
        let verdict = judge(&worst, tolerance, promised);
        let mut row = row(Property::BudgetBalance(kind), promised, verdict, condition, worst, tolerance);
        row.note = format!("the leader keeps {}", money(sum));
        row
    }

    /// What naming a point where one is not would pay if the leader believed it.
    fn pretence(&self) -> Finding {
        let mut worst = Worst::default();
        if self.faithful.settlement.passed {
            for (i, &value) in self.faithful.value.iter().enumerate() {
                worst.see(value, || self.name(i));
            }
        }
        let note = match self.rules.watch() {
            Watch::Observed => {
                "a leader that believed reported positions would lose this much truth: staying at one's wish and naming the agreed point saves its cost"
            }
            Watch::Reported => {
                "positions are reported: staying at one's wish and naming the agreed point saves its cost"
            }
        };
        finding("gain if final positions are reported, not seen", worst, note.into())
    }

    /// What one silent follower costs the others.
    fn spoiler(&self) -> Finding {
        let mut worst = Worst::default();
        let n = self.types.len();
        let a_run = self.rules.rounds() as f64 * n as f64;
        let tried =
            self.options.effort.pick(5, 20, 200).min((0.1 * self.work() / a_run) as usize).clamp(1, n);
        for follower in (0..n).step_by(n.div_ceil(tried)) {
            let degree = self.rules.instance().graph().degree(follower);
            let silence = vec![vec![None; degree]; self.rules.rounds()];
            let ends = self.rules.iterate_against(self.types, follower, &silence, self.types[follower]);
            let values: Vec<Option<f64>> =
                (0..n).map(|j| (j != follower).then(|| (ends[j] - self.types[j]).powi(2))).collect();
            let settled = self.rules.settle(&ends.iter().copied().map(Some).collect::<Vec<_>>(), &values);
            let loss = |j: usize| values[j].map(|v| v + settled.payment[j] - self.faithful.net[j]);
            let most = (0..n).filter_map(loss).fold(f64::NEG_INFINITY, f64::max);
            worst.see(most, || self.name(follower));
        }
        let note = "what another follower loses if this one sends nothing and stays: one silent follower can have all of them fined";
        finding("damage by one silent follower", worst, note.into())
    }

    /// Whose messages reach everywhere.
    fn steering(&self, deviations: &[Deviation]) -> Option<Finding> {
        let (graph, rounds) = (self.rules.instance().graph(), self.rules.rounds());
        let others = self.types.len() - 1;
        let mut worst = Worst::default();
        let mut full = 0;
        for d in deviations {
            let reached = dimension(graph, d.follower, rounds)?;
            full += usize::from(reached == others);
            worst.see(reached as f64, || self.name(d.follower));
        }
        let mut finding = finding(
            "how far one follower steers the others",
            worst,
            format!(
                "{full} of {} followers could move all others anywhere if messages were not clipped",
                deviations.len()
            ),
        );
        finding.evidence.unit = "dimensions";
        Some(finding)
    }

    /// From which round on the printed test would fine these faithful followers.
    fn printed(&self) -> Option<Finding> {
        if self.rules.test() == Test::Printed
            || self.rules.rounds() as f64 * self.types.len() as f64 > 0.1 * self.work()
        {
            return None;
        }
        let beta = |rounds| self.rules.beta(Test::Printed, rounds);
        beta(1)?;
        let room = self.rules.limit() - self.rules.beta(self.rules.test(), self.rules.rounds())?;
        let course = self.rules.course(self.types);
        let mut worst = Worst::default();
        for (round, apart) in course.iter().enumerate().skip(1) {
            worst.see(apart - beta(round)? - room, || format!("round {round}"));
        }
        let first = (1..course.len()).find(|&k| beta(k).is_some_and(|b| course[k] > b + room));
        let note = match first {
            Some(k) => {
                format!("with rho as printed, faithful followers of these types would be fined at n = {k}")
            }
            None => format!(
                "with rho as printed, these types would still pass for every n up to {}",
                self.rules.rounds()
            ),
        };
        let mut finding = finding("the printed test", worst, note);
        finding.evidence.unit = "distance";
        Some(finding)
    }
}

fn finding(title: &str, worst: Worst, note: String) -> Finding {
    let evidence = Evidence {
        worst: if worst.tries > 0 { worst.value } else { 0.0 },
        unit: "money",
        at: worst.at,
        tries: worst.tries,
        tolerance: 0.0,
    };
    Finding { title: title.into(), evidence, note }
}
