//! Can anybody gain by sending something else? Deviations of every follower looked at, others faithful or lying.

use rayon::prelude::*;

use super::play::{Table, describe};
use super::script;
use super::{Honest, Subject};
use crate::audit::search::{self, Space};
use crate::audit::{Progress, Worst};
use crate::faithful::dual::leader::{Letter, Phase, Report};
use crate::faithful::dual::rules::{Mode, Moduli};
use crate::faithful::dual::strategies::Play;
use crate::mechanism::AgentId;
use crate::numeric::random::{Purpose, stream};

/// What the search for gains found.
pub(super) struct Gains {
    pub worst: Worst,
    /// Followers whose best script was computed exactly, and whether all their rounds were in it.
    pub exact: usize,
    pub complete: bool,
    /// Whether some gain has no bound.
    pub unbounded: bool,
    /// Followers looked at.
    pub followers: usize,
}

/// The same for one follower, and her best deviation: faithful play, if nothing leaves her with more.
pub(super) struct Found {
    pub gains: Gains,
    pub gain: f64,
    pub play: Play,
}

impl Found {
    fn see(&mut self, name: &str, gain: f64, play: &Play) {
        if gain > self.gain {
            (self.gain, self.play) = (gain, play.clone());
        }
        self.gains.worst.see(gain, || format!("{name}: {}", describe(play)));
    }
}

/// Searches for the best deviation of every follower looked at.
pub(super) fn search(subject: &Subject<'_>, honest: &Honest, progress: Progress<'_>) -> Gains {
    let followers = subject.sample();
    let done = std::sync::atomic::AtomicUsize::new(0);
    let found: Vec<Gains> = followers
        .par_iter()
        .map(|agent| {
            let gains = of_one(subject, honest, *agent).gains;
            let count = 1 + done.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            progress(count as f64 / followers.len() as f64);
            gains
        })
        .collect();
    found.into_iter().fold(
        Gains { worst: Worst::default(), exact: 0, complete: true, unbounded: false, followers: 0 },
        |a, b| Gains {
            worst: a.worst.join(b.worst),
            exact: a.exact + b.exact,
            complete: a.complete && b.complete,
            unbounded: a.unbounded || b.unbounded,
            followers: a.followers + b.followers,
        },
    )
}

/// Searches for the best deviation of one follower.
pub(super) fn of_one(subject: &Subject<'_>, honest: &Honest, agent: AgentId) -> Found {
    let gains = Gains { worst: Worst::default(), exact: 0, complete: true, unbounded: false, followers: 1 };
    let mut all = Found { gains, gain: 0.0, play: Play::Faithful };
    let Some(table) = subject.table.for_gains(honest.settled.undefined.is_empty()) else { return all };
    let Ok(base) = table.run(&[]) else { return all };
    let Some(faithful) = base.settled().map(|s| table.net(s, agent)) else { return all };
    let name = subject.table.plan.problem().name(agent).into_owned();
    let gain = |play: &Play| -> f64 {
        let state = table.run(&[(agent, play)]);
        let net = state.ok().and_then(|s| s.settled().map(|s| table.net(s, agent)));
        // A run that ends without a decision is worth nothing to anybody; a net cost that is no number as well.
        net.filter(|x| x.is_finite()).map_or(f64::NEG_INFINITY, |net| faithful - net)
    };
    for play in structured(subject, honest, agent) {
        all.see(&name, gain(&play), &play);
    }
    local(subject, honest, agent, &mut |play| {
        let found = gain(play);
        all.see(&name, found, play);
        found
    });
    if script::applies(&table) {
        scripts(&table, agent, faithful, &name, &mut all);
    }
    all
}

/// Exact best scripts, after every announcement worth a look.
fn scripts(table: &Table<'_>, agent: AgentId, faithful: f64, name: &str, all: &mut Found) {
    let mut claims = vec![None];
    if table.plan.rules().moduli == Moduli::Announced {
        let follower = table.plan.problem().follower(agent);
        let true_one = table.costs[agent].curvature(&follower.low, &follower.high).0;
        claims.extend([0.01, 0.025, 0.1, 10.0, 100.0].map(|f| Some(f * true_one)));
    }
    for claim in claims {
        let wrap = move |play: Play| match claim {
            Some(modulus) => Play::Announce { modulus, then: Box::new(play) },
            None => play,
        };
        let Some(honest) = answers(table, agent, &wrap(Play::Faithful)) else { continue };
        let Ok(best) = script::best(table, agent, &honest, &wrap) else { continue };
        all.gains.exact = 1;
        all.gains.complete &= best.complete;
        all.gains.unbounded |= best.unbounded;
        all.gains.worst.tries += best.tries;
        all.see(name, faithful - best.net, &best.play);
    }
}

/// What a follower answers to the main problem in every round when she plays `play`.
fn answers(table: &Table<'_>, agent: AgentId, play: &Play) -> Option<Vec<Vec<f64>>> {
    let n = table.plan.problem().follower(agent).decisions();
    let mut state = table.leader.start();
    let mut all = Vec::new();
    let player = crate::faithful::dual::strategies::Player { plan: table.plan.clone(), play: play.clone() };
    let mut rng = stream(table.seed, Purpose::Audit, agent as u64);
    while matches!(state.phase(), Phase::Moduli | Phase::Rounds) {
        let reports: Vec<Option<Report>> = (0..table.costs.len())
            .map(|i| {
                let letter = table.leader.letter(&state, i)?;
                if i != agent {
                    let truth = crate::faithful::dual::strategies::Player {
                        plan: table.plan.clone(),
                        play: Play::Faithful,
                    };
                    return truth.respond(i, &table.costs[i], &letter, &mut rng.clone());
                }
                let report = player.respond(i, &table.costs[i], &letter, &mut rng);
                if let (Letter::Prices(letter), Some(Report::Answer(answer))) = (&letter, &report)
                    && letter.round.questions.first().is_some_and(|q| q.absent.is_empty())
                {
                    all.push(answer.z[..n].to_vec());
                }
                report
            })
            .collect();
        table.leader.close(&mut state, reports).ok()?;
    }
    (!all.is_empty()).then_some(all)
}

/// Deviations that people would try.
fn structured(subject: &Subject<'_>, honest: &Honest, agent: AgentId) -> Vec<Play> {
    let range = subject.table.plan.problem().range(agent);
    let own = &honest.settled.allocation[range.clone()];
    let n = range.len();
    let mut plays = Vec::new();
    for factor in [0.0, 0.5, 0.8, 0.95, 1.05, 1.25, 2.0] {
        plays.push(Play::Constant(own.iter().map(|z| factor * z).collect()));
    }
    if let Some(exact) = &honest.exact {
        plays.push(Play::Constant(exact.allocation[range].to_vec()));
    }
    for scale in [0.5, 0.9, 1.1, 2.0, 10.0] {
        plays.push(Play::Tilt { scale, shift: vec![0.0; n], true_values: false });
    }
    for share in [-0.5, -0.1, 0.1, 0.5] {
        let shift = subject.charge(honest, agent).iter().map(|g| share * g).collect();
        plays.push(Play::Tilt { scale: 1.0, shift, true_values: false });
    }
    let rounds = honest.rounds;
    for (from, to) in [(1, 2), (1, usize::MAX), (2, 3), (rounds, rounds + 1), (rounds, usize::MAX)] {
        plays.push(Play::Silent { from, to });
    }
    plays.extend([0.0, 0.5, 2.0, -1.0, 1e6, f64::NAN].map(Play::Values));
    plays.push(Play::Garbage);
    if subject.table.plan.rules().moduli == Moduli::Announced {
        for modulus in [1e-3, 1e-1, 1e1, 1e3] {
            plays.push(Play::Announce { modulus, then: Box::new(Play::Faithful) });
        }
    }
    plays
}

/// Local search over constant answers and over tilted costs.
fn local(subject: &Subject<'_>, honest: &Honest, agent: AgentId, see: &mut dyn FnMut(&Play) -> f64) {
    let follower = subject.table.plan.problem().follower(agent);
    let n = follower.decisions();
    let range = subject.table.plan.problem().range(agent);
    let own = &honest.settled.allocation[range];
    let effort = subject.options.effort;
    let (random, steps) = (effort.pick(3, 10, 60), effort.pick(20, 80, 400));
    let reach = own.iter().fold(0.1_f64, |s, z| s.max(2.0 * z.abs()));
    let low: Vec<f64> = (0..n).map(|k| (own[k] - reach).max(follower.low[k])).collect();
    let high: Vec<f64> = (0..n).map(|k| (own[k] + reach).min(follower.high[k])).collect();
    let mut rng = stream(subject.options.seed, Purpose::Audit, 1_000_000 + agent as u64);
    let space = Space { low: &low, high: &high, starts: &[own.to_vec()], random, local: steps * n };
    search::maximise(&space, &mut rng, |z| see(&Play::Constant(z.to_vec())));
    let charge = subject.charge(honest, agent);
    let scale = charge.iter().fold(1e-3_f64, |s, g| s.max(g.abs()));
    let (mut low, mut high) = (vec![-1.5; n + 1], vec![1.5; n + 1]);
    (low[0], high[0]) = (-2.0, 2.0);
    let space = Space { low: &low, high: &high, starts: &[vec![0.0; n + 1]], random, local: steps * (n + 1) };
    search::maximise(&space, &mut rng, |x| {
        let shift = x[1..].iter().map(|s| s * scale).collect();
        see(&Play::Tilt { scale: x[0].exp(), shift, true_values: false })
    });
}

/// Gains against one rival who answers for another cost but values the decision truthfully: dominance, which no
/// mechanism of this kind has.
pub(super) fn against_liars(subject: &Subject<'_>, honest: &Honest) -> Worst {
    let agents = subject.table.plan.problem().len();
    let followers: Vec<AgentId> = subject.sample().into_iter().take(4).collect();
    let mut worst = Worst::default();
    let table = subject.table.for_gains(honest.settled.undefined.is_empty());
    let Some(table) = table.filter(|t| t.plan.rules().mode != Mode::ClearingPrice) else { return worst };
    for (agent, rival) in followers.iter().flat_map(|i| (0..agents.min(4)).map(move |j| (*i, j))) {
        if agent == rival {
            continue;
        }
        let size = subject.charge(honest, rival).iter().fold(1.0_f64, |s, g| s.max(g.abs()));
        for lie in [-2.0, -1.0, 1.0, 2.0] {
            let n = table.plan.problem().follower(rival).decisions();
            let rivals = Play::Tilt { scale: 1.0, shift: vec![lie * size; n], true_values: true };
            let net = |play: &Play| -> Option<f64> {
                let state = table.run(&[(agent, play), (rival, &rivals)]).ok()?;
                state.settled().map(|s| table.net(s, agent)).filter(|x| x.is_finite())
            };
            let Some(faithful) = net(&Play::Faithful) else { continue };
            let own = table.plan.problem().follower(agent).decisions();
            for share in [-2.0, -1.0, -0.5, -0.25, 0.25, 0.5, 1.0, 2.0] {
                let play = Play::Tilt { scale: 1.0, shift: vec![share * size; own], true_values: false };
                if let Some(net) = net(&play) {
                    worst.see(faithful - net, || {
                        let problem = table.plan.problem();
                        format!(
                            "{}: {}, while {} {}",
                            problem.name(agent),
                            describe(&play),
                            problem.name(rival),
                            describe(&rivals)
                        )
                    });
                }
            }
        }
    }
    worst
}

/// The largest change of anything that a follower's tax compares with, over deviations of hers: 0 means not one bit.
pub(super) fn independence(subject: &Subject<'_>, honest: &Honest) -> Worst {
    let mut worst = Worst::default();
    if !subject.table.plan.rules().mode.has_marginals() {
        return worst;
    }
    let few = subject.options.effort.pick(2, 4, 12);
    let budget = if subject.table.costs.len() > 60 { 1 } else { few };
    for agent in subject.sample().into_iter().take(budget) {
        let name = subject.table.plan.problem().name(agent).into_owned();
        let Some(before) = honest.state.compared_with(agent) else { continue };
        let mut plays = structured(subject, honest, agent);
        if subject.table.costs.len() > 60 {
            plays.truncate(3);
        }
        for play in plays {
            let Ok(state) = subject.table.run(&[(agent, &play)]) else { continue };
            let Some(after) = state.compared_with(agent) else { continue };
            let apart = before
                .allocation
                .iter()
                .zip(&after.allocation)
                .map(
                    |(x, y)| {
                        if x.to_bits() == y.to_bits() { 0.0 } else { (x - y).abs().max(f64::MIN_POSITIVE) }
                    },
                )
                .fold(0.0, f64::max);
            let rounds = if before.rounds == after.rounds { 0.0 } else { f64::MIN_POSITIVE };
            worst.see(apart.max(rounds), || format!("{name}: {}", describe(&play)));
        }
    }
    worst
}
