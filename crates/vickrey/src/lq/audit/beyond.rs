//! Where the promise ends: later bids of others that are biased, and parameters that are private, too.

use rayon::prelude::*;

use super::Subject;
use super::enumerate::{expected_net, relative_net};
use super::incentives::suspects;
use super::play::{self, Layout, LinearLie, Rows};
use crate::audit::search::{self, Space};
use crate::audit::{Worst, money};
use crate::guarantee::{Evidence, Finding};
use crate::lq::model::{Agent, Market, Parameters, Series};
use crate::lq::protocol::LayeredMechanism;
use crate::lq::solve::payments::LayerRule;
use crate::mechanism::AgentId;
use crate::numeric::random::{Purpose, stream};

/// The best constant for an agent to add to its first bid if `other` adds `shift[s]` to what arrives in every period s, and
/// what it gains by it. Exact: the gain is quadratic in the constant.
pub fn best_shift(mechanism: &LayeredMechanism, agent: AgentId, other: AgentId, shift: &[f64]) -> (f64, f64) {
    let market = mechanism.market();
    let layout = Layout::new(market);
    best_shift_from(mechanism, &layout, play::means(market, &layout), agent, (other, shift))
}

fn best_shift_from(
    mechanism: &LayeredMechanism,
    layout: &Layout,
    mut base: Rows,
    agent: AgentId,
    (other, shift): (AgentId, &[f64]),
) -> (f64, f64) {
    let market = mechanism.market();
    for (row, by) in base.iter_mut().zip(shift) {
        row.resize(layout.size(), 0.0);
        for x in &mut row[layout.range(other)] {
            *x += by;
        }
    }
    let net = |first: f64| {
        let lie = LinearLie::truth(market.periods()).biased(&[first]);
        relative_net(mechanism, layout, &base, &[], (agent, &lie))
    };
    let (left, still, right) = (net(-1.0), net(0.0), net(1.0));
    let (slope, bend) = (0.5 * (right - left), 0.5 * (right + left) - still);
    if bend < 0.0 { (-0.5 * slope / bend, -0.25 * slope * slope / bend) } else { (0.0, 0.0) }
}

/// The largest gain over truth if one of the others adds a constant to all its later bids.
pub(super) fn biased_future(subject: &Subject<'_>) -> Option<Finding> {
    let market = subject.mechanism.market();
    if market.periods() < 2 {
        return None;
    }
    let agents = suspects(subject, 4);
    let pairs: Vec<(AgentId, AgentId)> = agents
        .iter()
        .flat_map(|&i| agents.iter().map(move |&j| (i, j)))
        .filter(|(i, j)| i != j)
        .take((subject.runs(0.05) / 3).max(1))
        .collect();
    let found: Vec<(f64, f64, f64)> = pairs
        .par_iter()
        .map(|&(agent, other)| {
            let size = typical(market, other);
            let shift: Vec<f64> = (0..market.periods()).map(|s| if s == 0 { 0.0 } else { size }).collect();
            let base = subject.base.clone();
            let (by, gain) =
                best_shift_from(subject.mechanism, &subject.layout, base, agent, (other, &shift));
            (by, gain, size)
        })
        .collect();
    let mut worst = Worst::default();
    for ((agent, other), (by, gain, size)) in pairs.into_iter().zip(found) {
        worst.see(gain, || {
            let (agent, other) = (market.name(agent), market.name(other));
            format!("`{agent}` adds {by:+.4} to its first bid, `{other}` bids {size:+.4} more than what arrives later on")
        });
    }
    let pairs = worst.tries;
    let note = format!(
        "gain of {} found ({pairs} pairs, best first bid exactly): truth is promised to be best only if the later bids of \
         others have conditional mean zero",
        money(worst.value)
    );
    Some(finding(subject, "others whose later bids are biased", worst, note))
}

/// The deviation of an agent's later bids; 1 if they are certain.
fn typical(market: &Market, agent: AgentId) -> f64 {
    let parameters = market.parameters(agent);
    let d = parameters.states;
    let all = play::bid_covariances(&parameters, market.periods());
    let largest = all[1..].iter().flat_map(|row| (0..d).map(|c| row[c * d + c])).fold(0.0, f64::max);
    if largest > 0.0 { largest.sqrt() } else { 1.0 }
}

fn finding(subject: &Subject<'_>, title: &str, worst: Worst, note: String) -> Finding {
    let tolerance = 1e-9 * subject.scale;
    let evidence =
        Evidence { worst: worst.value, unit: "money", at: worst.at, tries: worst.tries, tolerance };
    Finding { title: title.into(), evidence, note }
}

/// A report of wrong parameters: factors on q, r, a and b.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WrongParameters {
    /// Factor on q and terminal q.
    pub q: f64,
    /// Factor on r.
    pub r: f64,
    /// Factor on a.
    pub a: f64,
    /// Factor on b.
    pub b: f64,
}

impl WrongParameters {
    /// The truth.
    pub const NONE: Self = Self { q: 1.0, r: 1.0, a: 1.0, b: 1.0 };

    /// What is reported of these parameters; none if it is not accepted.
    pub fn report(self, truth: &Parameters) -> Option<Agent> {
        let scaled = |series: &Series, by: f64| {
            Series::varying(series.rows().iter().map(|row| row.iter().map(|x| by * x).collect()).collect())
        };
        let mut told = truth.clone();
        (told.q, told.r) = (scaled(&truth.q, self.q), scaled(&truth.r, self.r));
        (told.a, told.b) = (scaled(&truth.a, self.a), scaled(&truth.b, self.b));
        told.terminal_q = truth.terminal_q.iter().map(|x| self.q * x).collect();
        Agent::new(told).ok()
    }

    fn words(self) -> String {
        let named = [("q", self.q), ("r", self.r), ("a", self.a), ("b", self.b)];
        let all: Vec<String> = named
            .into_iter()
            .filter(|(_, by)| *by != 1.0)
            .map(|(name, by)| format!("{by:.3} {name}"))
            .collect();
        if all.is_empty() { "the truth".into() } else { all.join(", ") }
    }
}

/// What an agent gains by reporting wrong parameters before the start, if everybody then bids the true state minus the
/// forecast, and `others` have reported wrong parameters as well. None if a report is not accepted.
pub fn gain_by_wrong_parameters(
    mechanism: &LayeredMechanism,
    agent: AgentId,
    report: WrongParameters,
    others: &[(AgentId, WrongParameters)],
) -> Option<f64> {
    let truth = mechanism.market();
    let net = |own: WrongParameters| {
        let mut told = Market::clone(truth);
        for &(i, wrong) in others.iter().chain([&(agent, own)]) {
            told = told.with_agent(i, wrong.report(&truth.parameters(i))?).ok()?;
        }
        let told = LayeredMechanism::new(told.into(), mechanism.rule()).ok()?;
        let net = expected_net(&told, truth, agent);
        net.is_finite().then_some(net)
    };
    Some(net(report)? - net(WrongParameters::NONE)?)
}

/// Single wrong parameters that people would try.
fn simple_reports() -> Vec<WrongParameters> {
    let truth = WrongParameters::NONE;
    vec![
        WrongParameters { q: 1.6, ..truth },
        WrongParameters { r: 1.6, ..truth },
        WrongParameters { a: 0.9, ..truth },
        WrongParameters { b: 1.2, ..truth },
        WrongParameters { q: 0.6, ..truth },
        WrongParameters { r: 0.6, ..truth },
        WrongParameters { a: 1.1, ..truth },
        WrongParameters { b: 0.8, ..truth },
    ]
}

/// Wrong parameters against truthful others, and against one who reports wrong dynamics.
pub(super) fn private_parameters(subject: &Subject<'_>) -> Vec<Finding> {
    let market = subject.mechanism.market();
    let noisy = play::shocks(market, &(0..market.len().min(64)).collect::<Vec<_>>()).len()
        * market.len().div_ceil(64);
    // Two expected values a report, each with two runs for every noisy number and a set-up of its own.
    let set_up = 3 * market.periods();
    let affordable = subject.runs(0.2) / (2 * (2 * noisy + 1 + set_up));
    if affordable < 4 {
        return Vec::new();
    }
    let half = affordable / 2;
    [against_truth(subject, half), against_liars(subject, half)].into_iter().flatten().collect()
}

fn against_truth(subject: &Subject<'_>, affordable: usize) -> Option<Finding> {
    let market = subject.mechanism.market();
    let reports = simple_reports();
    let agents = suspects(subject, affordable.div_ceil(reports.len()));
    let cases: Vec<(AgentId, WrongParameters)> = reports
        .iter()
        .flat_map(|&report| agents.iter().map(move |&i| (i, report)))
        .take(affordable)
        .collect();
    let gains: Vec<Option<f64>> = cases
        .par_iter()
        .map(|&(agent, report)| gain_by_wrong_parameters(subject.mechanism, agent, report, &[]))
        .collect();
    let mut worst = Worst::default();
    for ((agent, report), gain) in cases.into_iter().zip(gains) {
        if let Some(gain) = gain {
            worst.see(gain, || format!("`{}` reports {}", market.name(agent), report.words()));
        }
    }
    if worst.tries == 0 {
        return None;
    }
    let result = if worst.value <= 1e-9 * subject.scale {
        format!("no gain found ({} reports, exact expectations)", worst.tries)
    } else {
        format!("gain of {} found", money(worst.value))
    };
    let promise = match subject.mechanism.rule() {
        LayerRule::Lagrange => "paying prices times quantities rewards it",
        LayerRule::Groves { .. } => {
            "with truthful others truth is a best reply about one's own parameters as well"
        }
    };
    let note = format!("{result}: {promise}");
    Some(finding(subject, "wrong own parameters, the others truthful", worst, note))
}

fn against_liars(subject: &Subject<'_>, affordable: usize) -> Option<Finding> {
    let market = subject.mechanism.market();
    let agents = suspects(subject, 2);
    let &[first, second] = agents.as_slice() else { return None };
    let (agent, other) = (first, second);
    // Wrong dynamics make the liar's later bids biased: it corrects itself every period.
    let theirs = WrongParameters { a: 0.7, ..WrongParameters::NONE };
    let at = |x: &[f64]| WrongParameters { q: x[0].exp(), r: x[1].exp(), a: x[2], b: x[3] };
    let starts: Vec<Vec<f64>> =
        simple_reports().iter().map(|w| vec![w.q.ln(), w.r.ln(), w.a, w.b]).take(affordable).collect();
    let rest = affordable.saturating_sub(starts.len()).min(subject.options.effort.pick(40, 200, 2_000));
    let space = Space {
        low: &[-1.0, -1.0, 0.5, 0.5],
        high: &[1.0, 1.0, 1.5, 1.5],
        starts: &starts,
        random: rest / 3,
        local: rest - rest / 3,
    };
    let mut rng = stream(subject.options.seed, Purpose::Audit, 1 << 46);
    let best = search::maximise(&space, &mut rng, |x| {
        gain_by_wrong_parameters(subject.mechanism, agent, at(x), &[(other, theirs)])
            .unwrap_or(f64::NEG_INFINITY)
    });
    if best.value == f64::NEG_INFINITY {
        return None;
    }
    let mut worst = Worst::default();
    let (agent, other) = (market.name(agent), market.name(other));
    worst.see(best.value, || {
        format!("`{agent}` reports {}, `{other}` reports {}", at(&best.at).words(), theirs.words())
    });
    worst.tries = best.tries;
    let result = if worst.value > 1e-9 * subject.scale {
        format!("gain of {} found", money(worst.value))
    } else {
        "no gain found".into()
    };
    let note = format!(
        "{result} ({} reports searched): where dynamics and utilities are private, truth is not promised to be dominant",
        worst.tries
    );
    Some(finding(subject, "wrong own parameters, another agent lying as well", worst, note))
}
