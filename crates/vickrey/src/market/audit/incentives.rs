//! Can anybody gain by reporting something else? Lies of every agent, against honest and against lying others.

use crate::accounts::Accounts;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Subject, TRUTH, dominant_by_theory};
use crate::audit::search::{self, Space};
use crate::audit::{Progress, Worst, judge, row};
use crate::guarantee::{Guarantee, Verdict};
use crate::market::model::Market;
use crate::market::protocol::{PaymentRule, payment_of};
use crate::market::strategies::Lie;
use crate::market::utility::{Shape, Utility};
use crate::mechanism::AgentId;
use crate::numeric::random::{self, Purpose};

/// ln(scale), shift in units of the price, share of the capacity that is admitted (1: all).
pub const LOW: [f64; 3] = [-2.0, -2.0, 0.0];
/// Upper corner of the space of lies.
pub const HIGH: [f64; 3] = [2.0, 2.0, 1.0];

/// Random lies of an agent, by effort.
const RANDOM: (usize, usize, usize) = (10, 60, 600);
/// Steps of the local search for a better lie, by effort.
const LOCAL: (usize, usize, usize) = (30, 120, 1200);

/// The space of lies around a market: how its coordinates become reports.
pub struct Lies {
    /// A price to measure shifts in.
    price: f64,
}

impl Lies {
    pub fn new(subject: &Subject<'_>) -> Self {
        let price = subject.settlement.price().abs();
        let spread = subject.settlement.clearing.price_high - subject.settlement.clearing.price_low;
        Self { price: price.max(if spread.is_finite() { spread } else { 0.0 }).max(1e-6) }
    }

    /// The lie at a point of the space, for an agent that truthfully trades `quantity`.
    pub fn at(&self, x: &[f64], quantity: f64) -> Lie {
        let cap = if x[2] >= 1.0 { f64::INFINITY } else { 1.5 * quantity.abs() * x[2] };
        Lie { scale: x[0].exp(), shift: x[1] * self.price, cap }
    }

    /// Lies that people would try: exaggerate, shade, ask for more, hide capacity, withhold.
    pub fn structured() -> Vec<Vec<f64>> {
        let mut starts = Vec::new();
        for scale in [0.5_f64, 0.8, 0.95, 1.05, 1.25, 2.0] {
            starts.push(vec![scale.ln(), 0.0, 1.0]);
        }
        for shift in [-0.5, -0.1, -0.01, 0.01, 0.1, 0.5] {
            starts.push(vec![0.0, shift, 1.0]);
        }
        for cap in [0.0, 0.3, 0.6] {
            starts.push(vec![0.0, 0.0, cap]);
        }
        starts
    }
}

/// The net utility of `agent` with true utility `truth` when the market sees `reports`; minus infinity if the reports
/// cannot be settled or the allocation is outside its true limits.
pub fn net_utility(reports: &Market, rule: PaymentRule, agent: AgentId, truth: &Utility) -> f64 {
    match payment_of(reports, rule, agent) {
        Ok((quantity, payment)) => truth.value(quantity) - payment,
        Err(_) => f64::NEG_INFINITY,
    }
}

/// Which of the agents that have a payment to search: all, or the largest traders and an even sample of the rest.
pub fn suspects(subject: &Subject<'_>, most: usize) -> Vec<AgentId> {
    let s = subject.settlement;
    let mut agents: Vec<AgentId> = (0..s.agents()).filter(|&i| subject.payment(i).is_some()).collect();
    if agents.len() <= most {
        return agents;
    }
    agents.sort_by(|&i, &j| s.allocation(j).abs().total_cmp(&s.allocation(i).abs()).then(i.cmp(&j)));
    let large = most / 2;
    let stride = (agents.len() - large).div_ceil(most - large);
    let rest: Vec<AgentId> = agents[large..].iter().copied().step_by(stride).collect();
    agents.truncate(large);
    agents.extend(rest);
    agents
}

/// Truth against every lie that the search can think of.
pub fn incentive_compatibility(subject: &Subject<'_>, progress: Progress<'_>) -> Guarantee {
    let effort = subject.options.effort;
    let count = effort.pick(1, 3, 8);
    let agents =
        suspects(subject, subject.affordable(effort.pick(30, 120, 2000), count * clearings(subject)));
    let profiles: Vec<Market> = profiles(subject, count);
    let done = AtomicUsize::new(0);
    let found: Vec<Worst> = agents
        .par_iter()
        .map(|&agent| {
            let worst = profiles
                .iter()
                .enumerate()
                .map(|(k, others)| lies_of(subject, agent, others, k))
                .fold(Worst::default(), Worst::join);
            progress(done.fetch_add(1, Ordering::Relaxed) as f64 / agents.len() as f64);
            worst
        })
        .collect();
    let worst = found.into_iter().fold(Worst::default(), Worst::join);
    let tolerance = tolerance(subject);
    let theory = dominant_by_theory(subject.rule);
    let verdict = judge(&worst, tolerance, theory.is_ok());
    let condition = "VCG, Groves or scaled VCG with a c fixed before the reports; concave utilities";
    let gain = worst.value;
    let mut row = row(TRUTH, theory.is_ok(), verdict, condition, worst, tolerance);
    let searched = format!(
        "{} of {} agents, against {} of the others",
        agents.len(),
        subject.market.len(),
        counted(profiles.len(), "profile")
    );
    let skipped: Vec<AgentId> = (0..subject.market.len()).filter(|&i| subject.payment(i).is_none()).collect();
    let searched = if skipped.is_empty() {
        searched
    } else {
        format!("{searched}; without {}, pivotal: no payment", subject.names(&skipped))
    };
    row.note = match (verdict, theory) {
        (Verdict::Holds, Ok(())) => format!("no lie pays; {searched}"),
        (Verdict::Holds, Err(why)) => format!("not promised ({why}), and no lie found that pays; {searched}"),
        (Verdict::NotChecked, _) => format!("nobody can lie: fixed quantities, or no payment; {searched}"),
        (_, Err(why)) => format!("a lie gains {}: {why}; {searched}", subject.money(gain)),
        (_, Ok(())) => format!("a lie gains {}; {searched}", subject.money(gain)),
    };
    row
}

/// Clearings that the lies of one agent against one profile take.
fn clearings(subject: &Subject<'_>) -> usize {
    let effort = subject.options.effort;
    Lies::structured().len() + effort.pick(RANDOM.0 + LOCAL.0, RANDOM.1 + LOCAL.1, RANDOM.2 + LOCAL.2)
}

/// A gain up to this is rounding. Groves payments are differences of welfares, all others of an agent's own size.
fn tolerance(subject: &Subject<'_>) -> f64 {
    let welfare = match subject.rule {
        PaymentRule::Vcg | PaymentRule::Lagrange => 0.0,
        _ => subject.settlement.welfare().abs(),
    };
    1e-9 * subject.scale + 1e-11 * welfare
}

/// Reports of everybody to hold against: the truth, then random lies.
fn profiles(subject: &Subject<'_>, count: usize) -> Vec<Market> {
    let mut profiles = vec![subject.market.clone()];
    let lies = Lies::new(subject);
    for k in 1..count {
        let mut rng = random::stream(subject.options.seed, Purpose::Audit, (1 << 40) + k as u64);
        let mut reports = subject.market.clone();
        for i in 0..reports.len() {
            let x = [0.5 * (rng.random::<f64>() - 0.5), 0.2 * (rng.random::<f64>() - 0.5), 1.0];
            if let Some(report) =
                lies.at(&x, subject.settlement.allocation(i)).report(subject.market.utility(i))
            {
                reports = reports.into_with_utility(i, report);
            }
        }
        profiles.push(reports);
    }
    profiles
}

/// The most that one agent gains over truth against one profile of the others.
fn lies_of(subject: &Subject<'_>, agent: AgentId, others: &Market, profile: usize) -> Worst {
    let truth = subject.market.utility(agent);
    if truth.low() == truth.high() {
        // A fixed quantity leaves nothing to lie about but being there at all.
        return absence(subject, agent, others);
    }
    let honest_market = others.with_utility(agent, truth.clone());
    let honest = net_utility(&honest_market, subject.rule, agent, truth);
    let mut worst = Worst::default();
    if !honest.is_finite() {
        return worst;
    }
    let lies = Lies::new(subject);
    let quantity = subject.settlement.allocation(agent);
    let name = || subject.market.name(agent).into_owned();
    let try_report = |report: Option<Utility>| match report {
        Some(report) => net_utility(&others.with_utility(agent, report), subject.rule, agent, truth) - honest,
        None => f64::NEG_INFINITY,
    };
    let effort = subject.options.effort;
    let starts = Lies::structured();
    let part = |n: usize| (n as f64 * subject.share(clearings(subject))) as usize;
    let random = part(effort.pick(RANDOM.0, RANDOM.1, RANDOM.2));
    let local = part(effort.pick(LOCAL.0, LOCAL.1, LOCAL.2));
    let space = Space { low: &LOW, high: &HIGH, starts: &starts, random, local };
    let mut rng = rng(subject, agent, profile);
    let best = search::maximise(&space, &mut rng, |x| try_report(lies.at(x, quantity).report(truth)));
    if best.value > f64::NEG_INFINITY {
        let lie = lies.at(&best.at, quantity);
        worst.see(best.value, || format!("`{}` reports {}", name(), words(lie)));
    }
    worst.tries = best.tries;
    worst.see(try_report(overclaimed(truth)), || {
        format!("`{}` claims capacity that it does not have", name())
    });
    worst
}

fn counted(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

/// A lie in words: what it reports in place of its utility F.
pub fn words(lie: Lie) -> String {
    let cap = if lie.cap.is_finite() { format!(", trading at most {:.4}", lie.cap) } else { String::new() };
    format!("{:.4} F {:+.4} u{cap}", lie.scale, lie.shift)
}

fn rng(subject: &Subject<'_>, agent: AgentId, profile: usize) -> ChaCha8Rng {
    random::stream_at(subject.options.seed, Purpose::Audit, agent as u64, profile as u64)
}

/// What an agent with a fixed quantity gains by staying away.
fn absence(subject: &Subject<'_>, agent: AgentId, others: &Market) -> Worst {
    let truth = subject.market.utility(agent);
    let mut worst = Worst::default();
    let honest = net_utility(&others.with_utility(agent, truth.clone()), subject.rule, agent, truth);
    if truth.can_idle() && honest.is_finite() {
        worst.see(truth.outside_option() - honest, || format!("`{}` stays away", subject.market.name(agent)));
    }
    worst
}

/// A report with wider limits than the true ones.
fn overclaimed(truth: &Utility) -> Option<Utility> {
    let wider = |x: f64| x + 0.2 * x.abs();
    match truth.shape() {
        Shape::Quadratic { a, b } if truth.low().is_finite() || truth.high().is_finite() => {
            Utility::quadratic(*a, *b).ok()?.limited(-wider(-truth.low()), wider(truth.high())).ok()
        }
        Shape::Curve(curve) if curve.low() < curve.high() => {
            let mut knots: Vec<(f64, f64)> = curve.knots().collect();
            let last = knots.len() - 1;
            knots[0].0 = -wider(-knots[0].0);
            knots[last].0 = wider(knots[last].0);
            Utility::points(&knots).ok()
        }
        _ => None,
    }
}
