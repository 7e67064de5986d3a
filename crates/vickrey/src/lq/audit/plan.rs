//! The audit of a plan: everything is reported once, truth is dominant under VCG with a fixed c.

use rand::RngExt;
use rayon::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::efficiency::{self, Paths};
use super::shares::{self, Shares, nearness};
use crate::accounts::Accounts;
use crate::audit::search::{self, Space};
use crate::audit::{AuditOptions, Progress, Worst, judge, money, row};
use crate::guarantee::{Audit, Baseline, Evidence, Finding, Guarantee, Property, SolutionConcept, Verdict};
use crate::lq::model::{Agent, Market, Parameters, Series};
use crate::lq::protocol::PlanRule;
use crate::lq::solve::aggregate::Aggregate;
use crate::lq::solve::ledger::Member;
use crate::lq::solve::plan::Plan;
use crate::lq::solve::trade::{Bids, Record, Trade};
use crate::mechanism::AgentId;
use crate::numeric::random::{self, Purpose};
use crate::numeric::sum::compensated;
use crate::scaling::FactorChoice;

/// How payments are asked for.
#[derive(Clone, Copy)]
enum Asked {
    /// A rule that does not look at the reports for its factor.
    Rule(PlanRule),
    /// Scaled VCG with a factor computed from the reports.
    FromReports(FactorChoice, Baseline),
}

impl Asked {
    /// The rule with a number for c; none if no c is feasible.
    fn resolve(self, accounts: &impl Accounts) -> Option<PlanRule> {
        match self {
            Self::Rule(rule) => Some(rule),
            Self::FromReports(choice, baseline) => {
                choice.factor(accounts, baseline).map(|c| PlanRule::ScaledVcg { c, baseline })
            }
        }
    }
}

/// What the parts of the audit share.
struct PlanSubject<'a> {
    market: &'a Market,
    plan: &'a Plan,
    asked: Asked,
    options: AuditOptions,
    scale: f64,
}

/// Audits the plan of this market with truthful reports under a rule of payment.
///
/// A market that cannot be solved gives a table in which nothing was checked.
pub fn audit_plan(market: &Market, rule: PlanRule, options: AuditOptions, progress: Progress<'_>) -> Audit {
    run(market, Asked::Rule(rule), options, progress)
}

/// As [`audit_plan`], for scaled VCG whose factor is computed from the reports: not incentive compatible.
pub fn audit_plan_from_reports(
    market: &Market,
    choice: FactorChoice,
    baseline: Baseline,
    options: AuditOptions,
    progress: Progress<'_>,
) -> Audit {
    run(market, Asked::FromReports(choice, baseline), options, progress)
}

fn run(market: &Market, asked: Asked, options: AuditOptions, progress: Progress<'_>) -> Audit {
    let solved = Aggregate::new(market).and_then(|aggregate| Ok((Plan::new(market, &aggregate)?, aggregate)));
    let (plan, aggregate) = match solved {
        Ok(solved) => solved,
        Err(error) => return super::unsolved(TRUTH, &error.to_string()),
    };
    let subject = PlanSubject { market, plan: &plan, asked, options, scale: shares::scale(&plan.ledger) };
    let paths = Paths { market, aggregate: &aggregate, options };
    let mut guarantees = vec![feasibility(&subject), efficiency::efficiency(&paths, Some(&plan))];
    progress(0.1);
    guarantees.push(incentive_compatibility(&subject, &|done| progress(0.1 + 0.7 * done)));
    guarantees.extend(shares_of(&subject));
    progress(0.85);
    let findings = lagrange_counterexample(&subject).into_iter().collect();
    progress(1.0);
    Audit { guarantees, findings }
}

const TRUTH: Property = Property::IncentiveCompatibility(SolutionConcept::DominantStrategy);

/// Quantities of every period add up to net demand.
fn feasibility(subject: &PlanSubject<'_>) -> Guarantee {
    let market = subject.market;
    let mut worst = Worst::default();
    if market.len() > 20_000 {
        let turnover: f64 = subject.plan.trade.allocation.iter().map(|u| u.abs()).sum();
        worst.see(subject.plan.trade.imbalance.abs() / turnover.max(f64::MIN_POSITIVE), || "period 0".into());
    } else {
        let paths: Vec<Vec<f64>> =
            (0..market.len()).into_par_iter().map(|i| subject.plan.path(market, i).allocation).collect();
        let all: f64 = paths.iter().flatten().map(|u| u.abs()).fold(0.0, f64::max);
        let unit = if all > 0.0 { all * market.len() as f64 } else { 1.0 };
        for (t, d) in market.net_demand().iter().enumerate() {
            let sum = compensated(paths.iter().map(|path| path[t]).chain([-d]));
            worst.see(sum.abs() / unit, || format!("period {t}"));
        }
    }
    let tolerance = 1e-10;
    let verdict = judge(&worst, tolerance, true);
    let mut row = row(Property::Feasibility, true, verdict, "none", worst, tolerance);
    if let Some(evidence) = &mut row.evidence {
        evidence.unit = "relative";
    }
    row.note = "quantities add up to net demand in every period".into();
    row
}

fn shares_of(subject: &PlanSubject<'_>) -> Vec<Guarantee> {
    let ledger = &subject.plan.ledger;
    let Some(rule) = subject.asked.resolve(ledger) else {
        let mut rows =
            super::unsolved(TRUTH, "no factor c is feasible for these reports: no payments").guarantees;
        rows.retain(|row| {
            !matches!(
                row.property,
                Property::Feasibility | Property::Efficiency | Property::IncentiveCompatibility(_)
            )
        });
        return rows;
    };
    let payment = (0..ledger.agents()).map(|i| rule.payment(ledger, i)).collect();
    let shares =
        Shares { market: subject.market, ledger, rule, payment, expected: false, scale: subject.scale };
    let affordable = subject.market.len() * subject.market.periods() <= 50_000;
    let solve = |market: &Market| Some(Plan::new(market, &Aggregate::new(market).ok()?).ok()?.ledger);
    shares.rows(nearness(&shares, affordable, solve))
}

/// What an agent has when the operator sees `reports`; minus infinity if that cannot be settled.
fn net_utility(reports: &Market, asked: Asked, agent: AgentId, truth: &Market) -> f64 {
    let settled = || {
        let aggregate = Aggregate::new(reports).ok()?;
        let member = Member::new(truth, agent);
        let worth = |trade: &Trade| member.worth(&member.start(), &trade.plan(reports, agent).allocation);
        // Where no welfare of others is needed, nor are their shares.
        let direct = match asked {
            Asked::Rule(PlanRule::Lagrange) => Some(0.0),
            Asked::Rule(PlanRule::ScaledVcg { c: 1.0, .. }) => Some(1.0),
            _ => None,
        };
        if let Some(discount) = direct {
            let trade = Record::new(reports).trade(reports, &aggregate, &Bids::starts(reports));
            return Some(worth(&trade) - (trade.lagrange[agent] - discount * trade.gap[agent]));
        }
        let plan = Plan::new(reports, &aggregate).ok()?;
        Some(worth(&plan.trade) - asked.resolve(&plan.ledger)?.payment(&plan.ledger, agent))
    };
    settled().filter(|x| x.is_finite()).unwrap_or(f64::NEG_INFINITY)
}

/// Coordinates of a misreport: ln of the factors on q and r, factors on a and b minus one, shifts of start and of the
/// linear utility in units of the instance.
const LOW: [f64; 6] = [-1.5, -1.5, -0.5, -0.5, -1.0, -1.0];
/// Upper corner of the space of misreports.
const HIGH: [f64; 6] = [1.5, 1.5, 0.5, 0.5, 1.0, 1.0];

/// The units in which starts and linear utilities are shifted.
#[derive(Clone, Copy)]
struct Units {
    start: f64,
    price: f64,
}

impl Units {
    fn new(subject: &PlanSubject<'_>) -> Self {
        let price = subject.plan.prices().iter().map(|x| x.abs()).fold(0.0, f64::max);
        let most = subject
            .market
            .groups()
            .iter()
            .flat_map(|g| (0..g.size().min(1_000)).map(|k| g.start.get(0, 0, k).abs()));
        let start = most.fold(0.0, f64::max);
        let or_one = |x: f64| if x > 0.0 { x } else { 1.0 };
        Self { start: or_one(start), price: or_one(price) }
    }

    /// The report at a point; none if it is not accepted.
    fn report(self, truth: &Parameters, x: &[f64]) -> Option<Agent> {
        let scaled = |series: &Series, by: f64| {
            Series::varying(series.rows().iter().map(|row| row.iter().map(|x| by * x).collect()).collect())
        };
        let mut told = truth.clone();
        (told.q, told.r) = (scaled(&truth.q, x[0].exp()), scaled(&truth.r, x[1].exp()));
        told.terminal_q = truth.terminal_q.iter().map(|q| x[0].exp() * q).collect();
        (told.a, told.b) = (scaled(&truth.a, 1.0 + x[2]), scaled(&truth.b, 1.0 + x[3]));
        if x[4] != 0.0 {
            told.start.resize(told.states, 0.0);
            told.start.iter_mut().for_each(|s| *s += x[4] * self.start);
        }
        if x[5] != 0.0 {
            let rows = if truth.linear.is_absent() { vec![vec![0.0]] } else { truth.linear.rows().to_vec() };
            let shifted = |row: Vec<f64>| row.into_iter().map(|l| l + x[5] * self.price).collect();
            told.linear = Series::varying(rows.into_iter().map(shifted).collect());
        }
        Agent::new(told).ok()
    }

    fn words(self, x: &[f64]) -> String {
        format!(
            "{:.3} q, {:.3} r, {:.3} a, {:.3} b, start {:+.4}, linear {:+.4}",
            x[0].exp(),
            x[1].exp(),
            1.0 + x[2],
            1.0 + x[3],
            x[4] * self.start,
            x[5] * self.price
        )
    }
}

/// Misreports that people would try: one thing at a time.
fn structured() -> Vec<Vec<f64>> {
    let sizes = [0.5, 0.5, 0.1, 0.2, 0.3, 0.2];
    let one = |k: usize, by: f64| {
        let mut x = vec![0.0; LOW.len()];
        x[k] = by;
        x
    };
    (0..LOW.len()).flat_map(|k| [one(k, sizes[k]), one(k, -sizes[k]), one(k, 0.1 * sizes[k])]).collect()
}

impl PlanSubject<'_> {
    /// How many plans the effort pays for. One takes about so many seconds.
    fn plans(&self, share: f64) -> usize {
        let (n, t) = (self.market.len() as f64, self.market.periods() as f64);
        let shares = match self.asked {
            Asked::Rule(PlanRule::Lagrange | PlanRule::ScaledVcg { c: 1.0, .. }) => 0.0,
            _ => t * t * 3e-8 + t * 5e-7,
        };
        let one = 1e-4 + 3e-5 * t + t.powi(3) * 1e-7 + n * (2e-6 + t.powi(3) * 1e-9 + t * t * 3e-8 + shares);
        (self.options.effort.pick(4.0, 40.0, 1000.0) * share / one) as usize
    }

    /// Agents with the largest surplus first, then an even sample.
    fn suspects(&self, most: usize) -> Vec<AgentId> {
        let ledger = &self.plan.ledger;
        let mut agents: Vec<AgentId> = (0..ledger.agents()).collect();
        agents.sort_by(|&i, &j| ledger.surplus(j).total_cmp(&ledger.surplus(i)).then(i.cmp(&j)));
        agents.truncate(most.max(1));
        agents
    }
}

/// Truth against misreports, while the others are truthful and while they lie.
fn incentive_compatibility(subject: &PlanSubject<'_>, progress: Progress<'_>) -> Guarantee {
    let promise = match subject.asked {
        Asked::Rule(PlanRule::Lagrange) => Err("prices move with the report"),
        Asked::FromReports(..) => Err("c is computed from these reports, so reports move it"),
        Asked::Rule(_) => Ok(()),
    };
    let effort = subject.options.effort;
    let wanted = effort.pick(40, 200, 2_000);
    let plans = subject.plans(0.7);
    let profiles = profiles(subject, effort.pick(1, 3, 8));
    let tries = (plans / profiles.len()).clamp(8, wanted);
    let most = effort.pick(20, 100, 2_000);
    let agents = subject.suspects((plans / (tries * profiles.len())).clamp(1, most));
    let done = AtomicUsize::new(0);
    let parts: Vec<Worst> = agents
        .par_iter()
        .map(|&agent| {
            let all = profiles.iter().enumerate();
            let worst = all
                .map(|(k, others)| misreports(subject, subject.asked, (agent, k), others, tries))
                .fold(Worst::default(), Worst::join);
            progress(done.fetch_add(1, Ordering::Relaxed) as f64 / agents.len() as f64);
            worst
        })
        .collect();
    let worst = parts.into_iter().fold(Worst::default(), Worst::join);
    let tolerance = 1e-9 * subject.scale + 1e-11 * subject.plan.ledger.welfare().abs();
    let verdict = if worst.value == f64::NEG_INFINITY {
        Verdict::NotChecked
    } else {
        judge(&worst, tolerance, promise.is_ok())
    };
    let gain = money(worst.value);
    let searched = format!(
        "{} of {} agents, {tries} reports each, against {} of the others",
        agents.len(),
        subject.market.len(),
        if profiles.len() == 1 { "the truth".into() } else { format!("{} profiles", profiles.len()) }
    );
    let condition = "VCG, Groves or scaled VCG with a c fixed before the reports; no noise; the plan is carried out as made";
    let worst = if verdict == Verdict::NotChecked { Worst::default() } else { worst };
    let mut row = row(TRUTH, promise.is_ok(), verdict, condition, worst, tolerance);
    row.note = match (verdict, promise) {
        (Verdict::NotChecked, _) => "there are no payments under this rule".into(),
        (Verdict::Holds, Ok(())) => format!("no report pays; {searched}"),
        (Verdict::Holds, Err(why)) => {
            format!("not promised ({why}), and no report found that pays; {searched}")
        }
        (_, Err(why)) => format!("a report gains {gain}: {why}; {searched}"),
        (_, Ok(())) => format!("a report gains {gain}; {searched}"),
    };
    row
}

/// Reports of everybody to hold against: the truth, then random lies.
fn profiles(subject: &PlanSubject<'_>, count: usize) -> Vec<Market> {
    let units = Units::new(subject);
    let mut profiles = vec![subject.market.clone()];
    for k in 1..count {
        let mut rng = random::stream(subject.options.seed, Purpose::Audit, (1 << 40) + k as u64);
        let agents: Vec<Agent> = (0..subject.market.len())
            .filter_map(|i| {
                let truth = subject.market.parameters(i);
                let x: Vec<f64> =
                    (0..LOW.len()).map(|d| 0.2 * (rng.random::<f64>() - 0.5) * HIGH[d]).collect();
                units.report(&truth, &x).or_else(|| Agent::new(truth).ok())
            })
            .collect();
        let demand = subject.market.net_demand().to_vec();
        profiles.extend(Market::new(subject.market.periods(), demand, agents));
    }
    profiles
}

/// The most that one agent gains over truth against one profile of the others.
fn misreports(
    subject: &PlanSubject<'_>,
    asked: Asked,
    (agent, profile): (AgentId, usize),
    others: &Market,
    tries: usize,
) -> Worst {
    let truth = subject.market.parameters(agent);
    let units = Units::new(subject);
    let net = |report: Option<Agent>| match report.and_then(|report| others.with_agent(agent, report).ok()) {
        Some(reports) => net_utility(&reports, asked, agent, subject.market),
        None => f64::NEG_INFINITY,
    };
    let honest = net(Agent::new(truth.clone()).ok());
    let mut worst = Worst::default();
    if !honest.is_finite() {
        return worst;
    }
    let mut starts = structured();
    starts.truncate(tries);
    let rest = tries - starts.len();
    let space = Space { low: &LOW, high: &HIGH, starts: &starts, random: rest / 3, local: rest - rest / 3 };
    let mut rng = random::stream_at(subject.options.seed, Purpose::Audit, agent as u64, profile as u64);
    let best = search::maximise(&space, &mut rng, |x| net(units.report(&truth, x)) - honest);
    worst.see(best.value, || format!("`{}` reports {}", subject.market.name(agent), units.words(&best.at)));
    worst.tries = best.tries;
    worst
}

/// What a lie would gain at Lagrange payments, for comparison.
fn lagrange_counterexample(subject: &PlanSubject<'_>) -> Option<Finding> {
    if matches!(subject.asked, Asked::Rule(PlanRule::Lagrange)) {
        return None;
    }
    let plans = subject.plans(0.2);
    let tries = plans.min(subject.options.effort.pick(60, 300, 2_000));
    if tries < 8 {
        return None;
    }
    let agents = subject.suspects((plans / tries).min(5));
    let asked = Asked::Rule(PlanRule::Lagrange);
    let parts: Vec<Worst> = agents
        .par_iter()
        .map(|&agent| misreports(subject, asked, (agent, 0), subject.market, tries))
        .collect();
    let worst = parts.into_iter().fold(Worst::default(), Worst::join);
    if worst.value == f64::NEG_INFINITY {
        return None;
    }
    let tolerance = 1e-9 * subject.scale;
    let note = if worst.value > tolerance {
        format!(
            "if everybody just paid prices times quantities, a lie would gain {} ({} of {} agents searched)",
            money(worst.value),
            agents.len(),
            subject.market.len()
        )
    } else {
        format!("no gain found at prices times quantities ({} agents searched)", agents.len())
    };
    let evidence =
        Evidence { worst: worst.value, unit: "money", at: worst.at, tries: worst.tries, tolerance };
    Some(Finding { title: "the same plan at Lagrange payments".into(), evidence, note })
}
