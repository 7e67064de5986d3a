//! What expectations do not say: budget and participation on single paths of the noise.

use std::sync::Arc;

use rayon::prelude::*;

use super::Subject;
use crate::audit::{Progress, money};
use crate::guarantee::{Evidence, Finding};
use crate::lq::model::Parameters;
use crate::lq::strategies::{LqWorld, Player};
use crate::mechanism::AgentId;
use crate::simulate::truthful;

/// Agents beyond which paths are not simulated by an audit.
const MOST_AGENTS: usize = 20_000;

/// One simulated path.
struct Path {
    budget: f64,
    /// Net utility minus that of being idle on the same path, by agent.
    gain: Vec<f64>,
}

/// How often the operator pays on balance, and how often an agent would rather have been idle, on simulated paths.
pub(super) fn single_paths(subject: &Subject<'_>, progress: Progress<'_>) -> Vec<Finding> {
    let market = subject.mechanism.market();
    let wanted: usize = subject.options.effort.pick(200, 2_000, 20_000);
    // Players with filters and worlds cost about as much as the trades.
    let runs = wanted.min(subject.runs(0.25) / 2);
    if market.is_deterministic() || market.len() > MOST_AGENTS || runs < 20 {
        return Vec::new();
    }
    let parameters: Vec<Arc<Parameters>> =
        (0..market.len()).map(|i| Arc::new(market.parameters(i))).collect();
    let done = std::sync::atomic::AtomicUsize::new(0);
    let paths: Vec<Path> = (0..runs as u64)
        .into_par_iter()
        .filter_map(|k| {
            let path = simulate(subject, &parameters, subject.options.seed.wrapping_add(k));
            let finished = done.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            progress(finished as f64 / runs as f64);
            path
        })
        .collect();
    if paths.is_empty() {
        return Vec::new();
    }
    vec![budget(subject, &paths), participation(subject, &paths)]
}

fn simulate(subject: &Subject<'_>, parameters: &[Arc<Parameters>], seed: u64) -> Option<Path> {
    let market = subject.mechanism.market();
    let new = || LqWorld::new(Arc::clone(market), seed, Arc::default());
    let honest = |i: AgentId| Box::new(Player::truthful(Arc::clone(&parameters[i]))) as _;
    let totals = truthful(subject.mechanism, &mut new(), honest, seed).ok()?;
    let mut idle = vec![0.0; market.len()];
    let (mut world, nothing) = (new(), vec![0.0; market.len()]);
    for s in 0..market.periods() {
        if s == 0 {
            world.arrive(0);
        }
        for (sum, x) in idle.iter_mut().zip(world.live(s, &nothing)) {
            *sum += x;
        }
        if s + 1 < market.periods() {
            world.arrive(s + 1);
        }
    }
    let gain = idle.iter().enumerate().map(|(i, idle)| totals.utility(i) - idle).collect();
    Some(Path { budget: totals.budget(), gain })
}

fn budget(subject: &Subject<'_>, paths: &[Path]) -> Finding {
    let count = paths.len() as f64;
    let mean = paths.iter().map(|p| p.budget).sum::<f64>() / count;
    let variance = paths.iter().map(|p| (p.budget - mean).powi(2)).sum::<f64>() / count;
    let small = 1e-9 * subject.scale;
    let deficits = paths.iter().filter(|p| p.budget < -small).count() as f64 / count;
    let note = format!(
        "the operator pays on balance on {:.1} % of {} simulated paths; its mean receipts are {} +- {} (standard error; \
         {} in expectation), with a standard deviation of {}; balance is a statement about expectations only",
        100.0 * deficits,
        paths.len(),
        money(mean),
        money((variance / count).sqrt()),
        money(subject.expected_budget),
        money(variance.sqrt())
    );
    finding("budget on single paths", deficits, String::new(), paths.len(), note)
}

fn participation(subject: &Subject<'_>, paths: &[Path]) -> Finding {
    let small = 1e-9 * subject.scale;
    let share = |i: AgentId| paths.iter().filter(|p| p.gain[i] < -small).count() as f64 / paths.len() as f64;
    let agents = 0..subject.mechanism.market().len();
    let (who, worst) =
        agents.map(|i| (i, share(i))).fold((0, -1.0), |best, x| if x.1 > best.1 { x } else { best });
    let name = subject.mechanism.market().name(who).into_owned();
    let note = format!(
        "`{name}` would rather have been idle on {:.1} % of {} simulated paths, more often than anybody else; \
         participation is a statement about expectations only",
        100.0 * worst,
        paths.len()
    );
    finding("participation on single paths", worst, name, paths.len(), note)
}

fn finding(title: &str, worst: f64, at: String, tries: usize, note: String) -> Finding {
    let evidence = Evidence { worst, unit: "probability", at, tries: tries as u64, tolerance: 0.0 };
    Finding { title: title.into(), evidence, note }
}
