//! Can anybody gain by bidding something else? The certificate for every linear lie, and lies played through the payments.

use rayon::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Subject;
use super::covariance::Regret;
use super::enumerate::{mean, relative_net};
use super::play::{self, LinearLie, Play, Rows, Step};
use crate::accounts::Accounts;
use crate::audit::search::{self, Space};
use crate::audit::{Progress, Worst, judge, money, row};
use crate::guarantee::{Guarantee, Property, SolutionConcept, Verdict};
use crate::lq::solve::payments::LayerRule;
use crate::lq::strategies::Lie;
use crate::mechanism::AgentId;
use crate::numeric::law::Law;
use crate::numeric::random::{self, Purpose};

/// Lies as people would try them, for an agent whose bids have this size, with names.
pub(super) fn catalogue(periods: usize, size: f64) -> Vec<(String, LinearLie)> {
    let lie = |lie: Lie| LinearLie::of(lie, periods);
    let mut all = Vec::new();
    for bias in [-0.5 * size, 0.5 * size] {
        all.push((format!("adds {bias:+.4} to every bid"), lie(Lie { bias, ..Lie::TRUTH })));
    }
    let once = Lie { bias: size, only: Some((0, 0)), ..Lie::TRUTH };
    all.push((format!("adds {size:+.4} to its first bid, then catches up"), lie(once)));
    let forgetful = Lie { forgetful: true, ..once };
    all.push((format!("adds {size:+.4} to its first bid, then bids its news"), lie(forgetful)));
    for scale in [0.5, 0.9, 1.1, 1.3] {
        all.push((format!("bids {scale} of the truth"), lie(Lie { scale, ..Lie::TRUTH })));
    }
    all.push(("is silent".into(), lie(Lie { scale: 0.0, ..Lie::TRUTH })));
    all.push(("bids one period late".into(), lie(Lie { delayed: true, ..Lie::TRUTH })));
    let noise = 0.5 * size;
    all.push((format!("adds noise of deviation {noise:.4}"), lie(Lie { noise, ..Lie::TRUTH })));
    all
}

/// Whether a lie differs from the truth by constants alone: then what it gains does not depend on the noise.
fn only_bias(lie: &LinearLie) -> bool {
    lie.steps().iter().all(|s| s.catch_up == 1.0 && s.news == 0.0 && s.late == 0.0 && s.noise == 0.0)
}

/// The agents to look at: those that gain most by trading, and an even sample of the rest.
pub(super) fn suspects(subject: &Subject<'_>, most: usize) -> Vec<AgentId> {
    let ledger = subject.ledger;
    let mut agents: Vec<AgentId> = (0..ledger.agents()).collect();
    if agents.len() <= most {
        return agents;
    }
    agents.sort_by(|&i, &j| ledger.surplus(j).total_cmp(&ledger.surplus(i)).then(i.cmp(&j)));
    let large = most.div_ceil(2);
    let rest = agents.split_off(large);
    let stride = rest.len().div_ceil((most - large).max(1));
    agents.extend(rest.into_iter().step_by(stride).take(most - large));
    agents
}

/// What was found about lies.
#[derive(Default)]
struct Found {
    worst: Worst,
    /// Largest difference between a gain as played and as the certificate has it.
    difference: f64,
    /// Largest number met: what rounding is relative to.
    size: f64,
    played: u64,
}

impl Found {
    fn join(mut self, other: Self) -> Self {
        self.worst = self.worst.join(other.worst);
        self.difference = self.difference.max(other.difference);
        self.size = self.size.max(other.size);
        self.played += other.played;
        self
    }
}

/// Truth against every linear lie by the certificate, and against some through the payments.
pub(super) fn incentive_compatibility(subject: &Subject<'_>, progress: Progress<'_>) -> Guarantee {
    let market = subject.mechanism.market();
    let promise = promise(subject);
    let certified = !matches!(subject.mechanism.rule(), LayerRule::Lagrange);
    let cube = (market.periods() as f64).powi(3);
    let most = (subject.options.effort.pick(1.5e8, 3e9, 1e11) / (cube + 3e4)) as usize;
    let agents = suspects(subject, most.max(2));
    let regrets = Regret::of(market, subject.mechanism.aggregate(), &agents);
    let mut found = Found::default();
    if certified {
        found = by_second_moments(subject, &regrets);
    }
    progress(0.3);
    let played = played(subject, &regrets, certified, &|done| progress(0.3 + 0.7 * done));
    found = found.join(played);
    let welfare = subject.ledger.welfare().abs();
    let tolerance = 1e-9 * subject.scale.max(found.size) + 1e-11 * welfare;
    let verdict = match judge(&found.worst, tolerance, promise.is_ok()) {
        // The certificate speaks for all lies only if it is right.
        Verdict::Holds if certified && found.difference > 10.0 * tolerance => Verdict::Violated,
        verdict => verdict,
    };
    let note = note(subject, &found, &promise, verdict, (agents.len(), certified));
    let property = Property::IncentiveCompatibility(concept(subject));
    let mut row = row(property, promise.is_ok(), verdict, &condition(subject), found.worst, tolerance);
    row.note = note;
    row
}

fn concept(subject: &Subject<'_>) -> SolutionConcept {
    if subject.mechanism.market().factors() > 0 {
        SolutionConcept::Bayesian
    } else {
        SolutionConcept::CurrentReports
    }
}

/// Whether truth is promised to be a best reply here; otherwise why not.
fn promise(subject: &Subject<'_>) -> Result<(), String> {
    if subject.mechanism.rule() == LayerRule::Lagrange {
        return Err("prices move with the bid".into());
    }
    let market = subject.mechanism.market();
    let bent = |g: &crate::lq::group::Group| {
        (0..g.size()).find(|&k| g.observation(k).is_some() && *g.law(k) != Law::Gaussian).map(|k| g.agent(k))
    };
    match market.groups().iter().find_map(bent) {
        Some(agent) => Err(format!(
            "`{}` measures its state, and its noise is not Gaussian: a nonlinear filter knows more than the Kalman bid",
            market.name(agent)
        )),
        None => Ok(()),
    }
}

fn condition(subject: &Subject<'_>) -> String {
    let market = subject.mechanism.market();
    let mut text = "payments by layers with a c fixed before any bid; dynamics and utilities public; the bids of others \
                    in later periods have conditional mean zero, as truthful bids have if noise has conditional mean \
                    zero (uncorrelated is not enough)"
        .to_owned();
    if market.is_observed() {
        text.push_str("; Gaussian noise, because states are measured");
    }
    if market.factors() > 0 {
        text.push_str("; with common factors truth is promised to be a best reply to truth only");
    }
    text
}

fn note(
    subject: &Subject<'_>,
    found: &Found,
    promise: &Result<(), String>,
    verdict: Verdict,
    (agents, certified): (usize, bool),
) -> String {
    let of = subject.mechanism.market().len();
    let searched = if certified {
        format!(
            "{agents} of {of} agents by second moments of their own states, which covers every linear lie; {} lies played \
             through the payments, largest difference from the second moments {:.1e}",
            found.played, found.difference
        )
    } else {
        format!("{} lies played through the payments", found.played)
    };
    match (verdict, promise) {
        (Verdict::Violated, _) if found.difference > 0.0 && found.worst.value <= 0.0 => {
            format!("what is paid differs from the theory; {searched}")
        }
        (Verdict::Holds, Ok(())) => format!("no lie pays; {searched}"),
        (Verdict::Holds, Err(why)) => format!("not promised ({why}); no linear lie pays; {searched}"),
        (_, Err(why)) => format!("a lie gains {}: {why}; {searched}", money(found.worst.value)),
        (_, Ok(())) => format!("a lie gains {}; {searched}", money(found.worst.value)),
    }
}

/// Listed lies of all agents, and the best linear lie of some, from second moments.
fn by_second_moments(subject: &Subject<'_>, regrets: &[Regret]) -> Found {
    let market = subject.mechanism.market();
    let searched = subject.options.effort.pick(100, 1_000, 20_000).max(2);
    let parts: Vec<Found> = regrets
        .par_iter()
        .enumerate()
        .map(|(k, regret)| {
            let mut found = Found::default();
            let name = || market.name(regret.agent());
            let size = regret.spread();
            found.worst.see(regret.defect() * size * size, || {
                format!("`{}`: a distance between recorded and true state that raises welfare", name())
            });
            if found.worst.value == 0.0 {
                // Nothing can gain; what comes nearest is more telling.
                found.worst = Worst { tries: 1, ..Worst::default() };
            }
            for (words, lie) in catalogue(market.periods(), size) {
                found.worst.see(-regret.loss(&lie), || format!("`{}` {words}", name()));
            }
            if k < searched {
                let (best, words) = best_lie(subject, regret);
                found.worst.see(-regret.loss(&best), || format!("`{}` {words}", name()));
                found.worst.tries += tries(subject) as u64;
            }
            found
        })
        .collect();
    parts.into_iter().fold(Found::default(), Found::join)
}

fn tries(subject: &Subject<'_>) -> usize {
    subject.options.effort.pick(150, 600, 4_000)
}

/// Periods with a factor of their own in the search.
const OWN_FACTORS: usize = 6;

/// The best linear lie that the search finds: factors on catch-up, news and what is one period old, a bias, and factors of
/// their own in the first periods.
fn best_lie(subject: &Subject<'_>, regret: &Regret) -> (LinearLie, String) {
    let periods = subject.mechanism.market().periods();
    let (size, own) = (regret.spread(), periods.min(OWN_FACTORS));
    let lie = |x: &[f64]| {
        let step = |s: usize| Step {
            catch_up: x[0] + if s < own { x[4 + s] } else { 0.0 },
            news: x[1],
            late: x[2],
            bias: x[3] * size,
            noise: 0.0,
        };
        LinearLie::new((0..periods).map(step).collect())
    };
    let dim = 4 + own;
    let (mut low, mut high) = (vec![-1.0; dim], vec![1.0; dim]);
    (low[0], high[0]) = (-1.0, 2.0);
    let start = |at: usize, by: f64| {
        let mut x = vec![0.0; dim];
        x[0] = 1.0;
        x[at] += by;
        x
    };
    let starts: Vec<Vec<f64>> = (0..dim).flat_map(|at| [start(at, -0.05), start(at, 0.05)]).collect();
    let total = tries(subject);
    let space = Space { low: &low, high: &high, starts: &starts, random: total / 3, local: total / 2 };
    let mut rng = random::stream(subject.options.seed, Purpose::Audit, regret.agent() as u64);
    let best = search::maximise(&space, &mut rng, |x| -regret.loss(&lie(x)));
    let x = &best.at;
    let words = format!(
        "bids {:.4} catch-up {:+.4} news {:+.4} late news {:+.4} (the best of a search)",
        x[0],
        x[1],
        x[2],
        x[3] * size
    );
    (lie(x), words)
}

/// How many agents and lies the effort pays for.
struct Plan {
    /// Agents that add constants: one run per lie.
    biased: usize,
    /// Agents that try everything, and how many lies each.
    full: usize,
    lies: usize,
}

/// Random current bids of the others that every agent is played against.
const CURRENT: usize = 3;

fn plan(subject: &Subject<'_>, agents: usize, listed: usize) -> Plan {
    let market = subject.mechanism.market();
    let budget = subject.runs(0.45);
    let wanted: usize = subject.options.effort.pick(30, 200, 5_000);
    let biased = (budget / 2 / (5 + 2 * CURRENT)).clamp(1, wanted).min(agents);
    let runs = 2 * market.periods() * market.states(0) + 1;
    let full = (budget / 2 / (runs * (listed + 2))).min(wanted).min(agents);
    if full > 0 {
        return Plan { biased, full, lies: listed };
    }
    let lies = (budget / 2 / runs).saturating_sub(2).min(listed);
    Plan { biased, full: usize::from(lies > 0), lies }
}

/// Lies played through the payments.
fn played(subject: &Subject<'_>, regrets: &[Regret], certified: bool, progress: Progress<'_>) -> Found {
    let listed = catalogue(subject.mechanism.market().periods(), 1.0).len();
    let plan = plan(subject, regrets.len(), listed);
    let done = AtomicUsize::new(0);
    let count = plan.biased.max(plan.full);
    let parts: Vec<Found> = regrets[..count]
        .par_iter()
        .enumerate()
        .map(|(k, regret)| {
            let mut found = Found::default();
            if k < plan.biased {
                biased(subject, regret, certified, &mut found);
            }
            if k < plan.full {
                full(subject, regret, (certified, plan.lies), &mut found);
            }
            progress(done.fetch_add(1, Ordering::Relaxed) as f64 / count as f64);
            found
        })
        .collect();
    parts.into_iter().fold(Found::default(), Found::join)
}

impl Found {
    /// Takes in one lie that was played: net utilities of lie and truth.
    fn take(&mut self, (lied, honest): (f64, f64), loss: Option<f64>, at: impl FnOnce() -> String) {
        let gain = lied - honest;
        self.played += 1;
        self.size = self.size.max(lied.abs()).max(honest.abs());
        self.worst.see(gain, at);
        if let Some(loss) = loss {
            self.difference = self.difference.max((gain + loss).abs());
        }
    }
}

/// Lies by constants: noise does not matter for them, so one run each is exact. Also against random current bids.
fn biased(subject: &Subject<'_>, regret: &Regret, certified: bool, found: &mut Found) {
    let market = subject.mechanism.market();
    let agent = regret.agent();
    let name = || market.name(agent);
    let net = |base: &Rows, lie: &LinearLie| {
        relative_net(subject.mechanism, &subject.layout, base, &[], (agent, lie))
    };
    let truth = LinearLie::truth(market.periods());
    let honest = net(&subject.base, &truth);
    let lies = catalogue(market.periods(), regret.spread());
    for (words, lie) in lies.into_iter().filter(|(_, lie)| only_bias(lie)) {
        let loss = certified.then(|| regret.loss(&lie));
        found.take((net(&subject.base, &lie), honest), loss, || format!("`{}` {words}", name()));
    }
    if market.factors() > 0 {
        return;
    }
    for k in 0..CURRENT {
        let mut rng =
            random::stream_at(subject.options.seed, Purpose::Audit, (1 << 44) + agent as u64, k as u64);
        // Everybody bids anything up to this period, the others what arrives (with mean zero) after it.
        let period = k * market.periods() / CURRENT;
        let mut base = subject.base.clone();
        for row in &mut base[..=period] {
            row.resize(subject.layout.size(), 0.0);
            for x in row.iter_mut() {
                *x += 2.0 * regret.spread() * Law::Gaussian.draw(&mut rng);
            }
        }
        let mut bias = vec![0.0; market.periods()];
        bias[period] = regret.spread() * Law::Gaussian.draw(&mut rng);
        let lie = LinearLie::truth(market.periods()).biased(&bias);
        let loss = certified.then(|| regret.loss(&lie));
        found.take((net(&base, &lie), net(&base, &truth)), loss, || {
            format!(
                "`{}` adds {:+.4} in period {period}, against arbitrary bids of the others",
                name(),
                bias[period]
            )
        });
    }
}

/// All kinds of lies, with the agent's own noise.
fn full(subject: &Subject<'_>, regret: &Regret, (certified, most): (bool, usize), found: &mut Found) {
    let market = subject.mechanism.market();
    let agent = regret.agent();
    let own = play::shocks(market, &[agent]);
    let net =
        |lie: &LinearLie| relative_net(subject.mechanism, &subject.layout, &subject.base, &own, (agent, lie));
    let honest = net(&LinearLie::truth(market.periods()));
    let mut lies = catalogue(market.periods(), regret.spread());
    // Those that the cheap runs have not played come first.
    lies.sort_by_key(|(_, lie)| only_bias(lie));
    lies.truncate(most);
    if certified {
        let (best, words) = best_lie(subject, regret);
        lies.push((words, best));
    }
    for (words, lie) in lies {
        let loss = certified.then(|| regret.loss(&lie));
        found.take((net(&lie), honest), loss, || format!("`{}` {words}", market.name(agent)));
    }
    if !certified {
        let play = |lie: LinearLie| Play {
            mechanism: subject.mechanism,
            truth: market,
            layout: &subject.layout,
            players: vec![(agent, lie)],
        };
        search_scale(subject, regret, &own, honest, play, found);
    }
}

/// The best factor and bias that can be found through the payments alone.
fn search_scale<'a>(
    subject: &Subject<'_>,
    regret: &Regret,
    own: &[play::Shock],
    honest: f64,
    play: impl Fn(LinearLie) -> Play<'a>,
    found: &mut Found,
) {
    let market = subject.mechanism.market();
    let size = regret.spread();
    let lie =
        |x: &[f64]| LinearLie::of(Lie { scale: x[0], bias: x[1] * size, ..Lie::TRUTH }, market.periods());
    let space = Space {
        low: &[0.0, -1.0],
        high: &[2.0, 1.0],
        starts: &[vec![0.95, 0.0], vec![1.05, 0.0], vec![0.8, 0.0], vec![1.2, 0.0]],
        random: 0,
        local: subject.options.effort.pick(12, 40, 200),
    };
    let mut rng = random::stream(subject.options.seed, Purpose::Audit, (1 << 45) + regret.agent() as u64);
    let best = search::maximise(&space, &mut rng, |x| {
        let play = play(lie(x));
        mean(&play, &subject.base, own, |outcome| outcome.net(&play, 0)) - honest
    });
    found.played += best.tries;
    found.worst.tries += best.tries - 1;
    found.worst.see(best.value, || {
        format!(
            "`{}` bids {:.4} of the truth {:+.4}",
            market.name(regret.agent()),
            best.at[0],
            best.at[1] * size
        )
    });
}
