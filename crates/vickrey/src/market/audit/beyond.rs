//! What VCG does not promise: pairs that collude, and agents that appear under two names.

use rayon::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Subject;
use super::incentives::{HIGH, LOW, Lies, net_utility, suspects, words};
use crate::audit::search::{self, Space};
use crate::audit::{Progress, Worst};
use crate::guarantee::{Evidence, Finding};
use crate::market::model::Market;
use crate::market::protocol::payment_of;
use crate::market::utility::Utility;
use crate::mechanism::AgentId;
use crate::numeric::random::{self, Purpose};

/// Clearings that one case takes, by effort: two for every try, one for each of the two payments.
struct Clearings(usize, usize, usize);

impl Clearings {
    fn of(&self, subject: &Subject<'_>) -> usize {
        subject.options.effort.pick(self.0, self.1, self.2)
    }
}

const PAIR: Clearings = Clearings(2 * 76, 2 * 246, 2 * 1306);
const SPLIT: Clearings = Clearings(2 * 63, 2 * 193, 2 * 1103);

/// What is said instead of a search that the effort does not pay for.
fn too_large(title: &str) -> Finding {
    let evidence = Evidence { worst: 0.0, unit: "money", at: String::new(), tries: 0, tolerance: 0.0 };
    let note = "not searched: too many agents for this effort".to_owned();
    Finding { title: title.to_owned(), evidence, note }
}

/// The largest joint gain of two agents that lie together and share what they get.
pub fn collusion(subject: &Subject<'_>, progress: Progress<'_>) -> Option<Finding> {
    let title = "two agents that collude";
    if subject.share(PAIR.of(subject)) < 1.0 {
        return Some(too_large(title));
    }
    let pairs = pairs(subject);
    let done = AtomicUsize::new(0);
    let found: Vec<Worst> = pairs
        .par_iter()
        .map(|&pair| {
            let worst = pair_gain(subject, pair);
            progress(done.fetch_add(1, Ordering::Relaxed) as f64 / pairs.len() as f64);
            worst
        })
        .collect();
    let worst = found.into_iter().fold(Worst::default(), Worst::join);
    finding(subject, worst, title, pairs.len(), "pairs")
}

/// Pairs among the largest traders, as many as the effort allows.
fn pairs(subject: &Subject<'_>) -> Vec<(AgentId, AgentId)> {
    let effort = subject.options.effort;
    let wanted: usize = effort.pick(8, 16, 40).min(subject.market.len());
    // Every try clears the market twice, once for each of the pair.
    let most = subject.affordable(wanted * wanted / 2, PAIR.of(subject));
    let agents = suspects(subject, wanted.min(2 * most.isqrt()));
    let mut pairs = Vec::new();
    for (k, &i) in agents.iter().enumerate() {
        pairs.extend(agents[..k].iter().map(|&j| (j, i)));
    }
    pairs
}

fn pair_gain(subject: &Subject<'_>, (i, j): (AgentId, AgentId)) -> Worst {
    let market = subject.market;
    let (ui, uj) = (market.utility(i), market.utility(j));
    let both = |reports: &Market| {
        net_utility(reports, subject.rule, i, ui) + net_utility(reports, subject.rule, j, uj)
    };
    let honest = both(market);
    let mut worst = Worst::default();
    if !honest.is_finite() {
        return worst;
    }
    let lies = Lies::new(subject);
    let (qi, qj) = (subject.settlement.allocation(i), subject.settlement.allocation(j));
    let joint = |x: &[f64]| {
        let reports = (lies.at(&x[..3], qi).report(ui), lies.at(&x[3..], qj).report(uj));
        match reports {
            (Some(a), Some(b)) => both(&market.with_utility(i, a).with_utility(j, b)) - honest,
            _ => f64::NEG_INFINITY,
        }
    };
    let effort = subject.options.effort;
    let (low, high) = ([LOW, LOW].concat(), [HIGH, HIGH].concat());
    let starts: Vec<Vec<f64>> =
        [(0.1, 0.1), (-0.1, -0.1), (0.1, -0.1), (-0.1, 0.1), (0.3, 0.3), (-0.3, -0.3)]
            .iter()
            .map(|&(a, b)| vec![0.0, a, 1.0, 0.0, b, 1.0])
            .collect();
    let space = Space {
        low: &low,
        high: &high,
        starts: &starts,
        random: effort.pick(10, 40, 300),
        local: effort.pick(60, 200, 1000),
    };
    let mut rng = random::stream_at(subject.options.seed, Purpose::Audit, i as u64, (1 << 20) + j as u64);
    let best = search::maximise(&space, &mut rng, joint);
    let at = |x: &[f64]| (lies.at(&x[..3], qi), lies.at(&x[3..], qj));
    worst.see(best.value, || {
        let (a, b) = at(&best.at);
        format!("`{}` reports {}, `{}` reports {}", market.name(i), words(a), market.name(j), words(b))
    });
    worst.tries = best.tries;
    worst
}

/// The largest gain of an agent that takes part as two: with shares of its utility, each reported truly or not.
pub fn split_identities(subject: &Subject<'_>, progress: Progress<'_>) -> Option<Finding> {
    let title = "an agent that appears under two names";
    if subject.share(SPLIT.of(subject)) < 1.0 {
        return Some(too_large(title));
    }
    let effort = subject.options.effort;
    let agents = suspects(subject, subject.affordable(effort.pick(10, 40, 200), SPLIT.of(subject)));
    let done = AtomicUsize::new(0);
    let found: Vec<Worst> = agents
        .par_iter()
        .map(|&agent| {
            let worst = split_gain(subject, agent);
            progress(done.fetch_add(1, Ordering::Relaxed) as f64 / agents.len() as f64);
            worst
        })
        .collect();
    let worst = found.into_iter().fold(Worst::default(), Worst::join);
    finding(subject, worst, title, agents.len(), "agents")
}

fn split_gain(subject: &Subject<'_>, agent: AgentId) -> Worst {
    let market = subject.market;
    let truth = market.utility(agent);
    let honest = net_utility(market, subject.rule, agent, truth);
    let mut worst = Worst::default();
    if !honest.is_finite() {
        return worst;
    }
    let lies = Lies::new(subject);
    let quantity = subject.settlement.allocation(agent);
    // Coordinates: the share of the first name, then scale and shift of each report.
    let (low, high) = ([0.05, LOW[0], LOW[1], LOW[0], LOW[1]], [0.95, HIGH[0], HIGH[1], HIGH[0], HIGH[1]]);
    let gain = |x: &[f64]| {
        let part = |share: f64, y: &[f64]| -> Option<Utility> {
            lies.at(&[y[0], y[1], 1.0], quantity).report(&truth.part(share).ok()?)
        };
        let (Some(first), Some(second)) = (part(x[0], &x[1..3]), part(1.0 - x[0], &x[3..5])) else {
            return f64::NEG_INFINITY;
        };
        two_names(subject, agent, truth, first, second).map_or(f64::NEG_INFINITY, |utility| utility - honest)
    };
    let starts: Vec<Vec<f64>> = [0.5, 0.2, 0.8].iter().map(|&s| vec![s, 0.0, 0.0, 0.0, 0.0]).collect();
    let effort = subject.options.effort;
    let space = Space {
        low: &low,
        high: &high,
        starts: &starts,
        random: effort.pick(10, 40, 300),
        local: effort.pick(50, 150, 800),
    };
    let mut rng = random::stream_at(subject.options.seed, Purpose::Audit, agent as u64, 1 << 21);
    let best = search::maximise(&space, &mut rng, gain);
    worst.see(best.value, || {
        format!(
            "`{}`: {:.0} % as {:.3} F {:+.3} P u, the rest as {:.3} F {:+.3} P u (P the price)",
            market.name(agent),
            100.0 * best.at[0],
            best.at[1].exp(),
            best.at[2],
            best.at[3].exp(),
            best.at[4]
        )
    });
    worst.tries = best.tries;
    worst
}

/// What the agent has when its two names report these utilities.
fn two_names(
    subject: &Subject<'_>,
    agent: AgentId,
    truth: &Utility,
    first: Utility,
    second: Utility,
) -> Option<f64> {
    let mut utilities = subject.market.utilities().to_vec();
    utilities[agent] = first;
    utilities.push(second);
    let last = utilities.len() - 1;
    let market = Market::new(utilities, subject.market.total()).ok()?;
    let (q1, p1) = payment_of(&market, subject.rule, agent).ok()?;
    let (q2, p2) = payment_of(&market, subject.rule, last).ok()?;
    Some(truth.value(q1 + q2) - p1 - p2)
}

fn finding(subject: &Subject<'_>, worst: Worst, title: &str, cases: usize, what: &str) -> Option<Finding> {
    if worst.tries == 0 || worst.value == f64::NEG_INFINITY {
        return None;
    }
    let tolerance = 1e-9 * subject.scale;
    let note = if worst.value > tolerance {
        format!(
            "gain of {} found ({cases} {what} searched); VCG does not promise otherwise",
            subject.money(worst.value)
        )
    } else {
        format!("no gain found ({cases} {what} searched); VCG does not promise that there is none")
    };
    let evidence =
        Evidence { worst: worst.value, unit: "money", at: worst.at, tries: worst.tries, tolerance };
    Some(Finding { title: title.to_owned(), evidence, note })
}
