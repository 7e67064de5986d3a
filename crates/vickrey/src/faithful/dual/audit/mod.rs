//! What distributed VCG promises, and the search for violations on the problem at hand (paper 003).
//!
//! | promise | condition | how it is checked |
//! |---|---|---|
//! | nobody gains more than epsilon, the others faithful | what taxes compare with is free of one's own doing; the others value the decision truthfully | exact best answers round by round where net costs are quadratic in them; constant answers, other costs, silence, garbage, false values elsewhere |
//! | what taxes compare with is free of one's own doing | cold starts, public bounds | bit by bit, under deviations |
//! | the certificate covers the gap | a bound that holds | against an optimum found by other means, after every number of rounds |
//! | decision feasible, taxes finite, whatever one follower sends | none (limits for sizes) | runs with garbage and silence |
//! | nobody is worse off than absent, up to epsilon | taxes compare with the problem without her | net costs |
//!
//! What is not promised is computed as well: dominance, budget balance, the gains under clearing prices.

mod efficiency;
mod gains;
mod play;
mod script;

use std::sync::Arc;

use self::play::{Table, describe};
use super::cost::Cost;
use super::leader::{LeaderError, State};
use super::rules::{Bound, Mode, Plan, Stop};
use super::solve::{self, Exact};
use super::strategies::Play;
use super::tax::{Settled, Status};
use crate::audit::{AuditOptions, Progress, Worst, judge, money, row};
use crate::guarantee::{
    Audit, Balance, Baseline, Evidence, Finding, Guarantee, Property, SolutionConcept, Verdict,
};
use crate::mechanism::AgentId;

/// What is audited.
pub(super) struct Subject<'a> {
    table: Table<'a>,
    options: AuditOptions,
}

/// The faithful run.
pub(super) struct Honest {
    state: State,
    settled: Settled,
    /// Rounds of the main problem.
    rounds: usize,
    exact: Option<Exact>,
    /// Money below this is rounding.
    rounding: f64,
}

/// Why nothing can be audited.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum AuditError {
    /// One cost for each follower.
    #[error("found {found} costs, accepted is one for each of the {wanted} followers")]
    Costs {
        /// How many.
        found: usize,
        /// How many are needed.
        wanted: usize,
    },
    /// The faithful run fails.
    #[error(transparent)]
    Run(#[from] LeaderError),
    /// The faithful run ends without a decision.
    #[error("the faithful run ended without a decision")]
    NoDecision,
}

/// Followers whose deviations are searched at most, by effort.
const FOLLOWERS: (usize, usize, usize) = (4, 12, 200);
/// Part of the money in a run that rounding of projections and sums may move: gains below it are none.
const ROUNDING: f64 = 1e-10;

impl Subject<'_> {
    /// The followers looked at: all, or evenly spread ones.
    fn sample(&self) -> Vec<AgentId> {
        let agents = self.table.costs.len();
        let effort = self.options.effort;
        let most = effort.pick(FOLLOWERS.0, FOLLOWERS.1, FOLLOWERS.2).min(agents);
        (0..most).map(|k| k * agents / most).collect()
    }

    /// R_i'lam at the end of the faithful run: what a unit of her decisions is worth.
    fn charge(&self, honest: &Honest, agent: AgentId) -> Vec<f64> {
        self.table.plan.problem().follower(agent).charge(&honest.settled.price)
    }

    fn name(&self, agent: AgentId) -> String {
        self.table.plan.problem().name(agent).into_owned()
    }
}

impl Honest {
    fn new(subject: &Subject<'_>) -> Result<Self, AuditError> {
        let table = &subject.table;
        let state = table.run(&[])?;
        let settled = state.settled().cloned().ok_or(AuditError::NoDecision)?;
        let rounds = state.solved(state.main_problem()).map_or(1, |s| s.finish.rounds.max(1));
        let exact = solve::exact(table.plan.problem(), table.costs, &|_| ()).ok();
        let rounding = ROUNDING * (1e-3 + table.size(&settled));
        Ok(Self { state, settled, rounds, exact, rounding })
    }
}

/// The best deviation of one follower that a search found.
#[derive(Clone, Debug)]
pub struct BestPlay {
    /// What she does: faithful, if nothing that was tried gains more than rounding.
    pub play: Play,
    /// The same in words.
    pub words: String,
    /// What it gains her over faithful play, money; 0 for faithful play.
    pub gain: f64,
    /// Deviations tried.
    pub tries: u64,
    /// Whether the best answers round by round were among them, for all of her rounds: then there is no better one.
    pub exact: bool,
    /// Whether gains have no bound: the play is one of ever better ones.
    pub unbounded: bool,
}

/// The best deviation of `agent` against faithful others, as [`audit`] searches for it.
///
/// # Errors
/// The faithful run fails.
pub fn best_play(
    plan: &Arc<Plan>,
    costs: &[Arc<Cost>],
    agent: AgentId,
    options: AuditOptions,
) -> Result<BestPlay, AuditError> {
    if costs.len() != plan.problem().len() {
        return Err(AuditError::Costs { found: costs.len(), wanted: plan.problem().len() });
    }
    let subject = Subject { table: Table::new(plan.clone(), costs, options.seed), options };
    let honest = Honest::new(&subject)?;
    let found = gains::of_one(&subject, &honest, agent);
    let pays = found.gain > honest.rounding;
    let play = if pays { found.play } else { Play::Faithful };
    Ok(BestPlay {
        words: describe(&play),
        play,
        gain: if pays { found.gain } else { 0.0 },
        tries: found.gains.worst.tries,
        exact: found.gains.exact > 0 && found.gains.complete,
        unbounded: found.gains.unbounded,
    })
}

/// Audits a plan on the true costs of all followers.
///
/// # Errors
/// The faithful run fails.
pub fn audit(
    plan: &Arc<Plan>,
    costs: &[Arc<Cost>],
    options: AuditOptions,
    progress: Progress<'_>,
) -> Result<Audit, AuditError> {
    if costs.len() != plan.problem().len() {
        return Err(AuditError::Costs { found: costs.len(), wanted: plan.problem().len() });
    }
    let subject = Subject { table: Table::new(plan.clone(), costs, options.seed), options };
    let honest = Honest::new(&subject)?;
    progress(0.1);
    let gains = gains::search(&subject, &honest, &|x| progress(0.1 + 0.6 * x));
    let mut guarantees = vec![incentives(&subject, &honest, &gains)];
    guarantees.push(independence(&subject, &honest));
    progress(0.8);
    guarantees.push(efficiency::row_of(&subject, &honest));
    guarantees.push(efficiency::certificates(&subject, &honest));
    guarantees.push(feasibility(&subject));
    guarantees.push(participation(&subject, &honest));
    guarantees.push(budget(&subject, &honest));
    guarantees.push(dominance(&subject, &honest));
    progress(1.0);
    Ok(Audit { guarantees, findings: findings(&subject, &honest, &gains) })
}

/// Epsilon as the mechanism states it.
fn epsilon(honest: &Honest) -> Option<f64> {
    honest.settled.epsilon
}

fn incentives(subject: &Subject<'_>, honest: &Honest, gains: &gains::Gains) -> Guarantee {
    let promised = subject.table.bounded() && epsilon(honest).is_some();
    let gap = efficiency::gap(subject, honest).unwrap_or(0.0).max(0.0);
    let bound = epsilon(honest).unwrap_or(gap);
    let tolerance = bound + honest.rounding;
    let verdict = judge(&gains.worst, tolerance, promised);
    let mut row = row(
        Property::IncentiveCompatibility(SolutionConcept::Approximate),
        promised,
        verdict,
        "the others faithful, marginal problems started cold, step sizes from public bounds only",
        gains.worst.clone(),
        tolerance,
    );
    let none = if !subject.table.bounded() {
        "none (these rules promise none)".to_owned()
    } else if honest.settled.undefined.is_empty() {
        "none (no certificate)".to_owned()
    } else {
        let names: Vec<String> = honest.settled.undefined.iter().map(|&j| subject.name(j)).collect();
        format!("none (no bound without {}: a tax of 0)", listed(&names))
    };
    let stated = epsilon(honest).map_or(none, |e| format!("{e:.3e}"));
    let how = if gains.exact > 0 {
        let all = if gains.complete { "all rounds" } else { "the last rounds" };
        format!("best answers of {} followers in {all} computed exactly, others searched", gains.exact)
    } else {
        format!("deviations of {} of {} followers searched", gains.followers, subject.table.costs.len())
    };
    let endless = if gains.unbounded {
        "; gains have no bound: net cost falls without end along the answers named"
    } else {
        ""
    };
    row.note = format!("epsilon is {stated}; {how}{endless}");
    row
}

/// A few names, and how many more there are.
fn listed(names: &[String]) -> String {
    let more = if names.len() > 4 { format!(" and {} more", names.len() - 4) } else { String::new() };
    format!("{}{more}", names[..names.len().min(4)].join(", "))
}

fn independence(subject: &Subject<'_>, honest: &Honest) -> Guarantee {
    let worst = gains::independence(subject, honest);
    let promised = subject.table.independent() && subject.table.plan.rules().mode.has_marginals();
    let verdict = judge(&worst, 0.0, promised);
    let mut row = row(Property::Independence, promised, verdict, "cold starts, public bounds", worst, 0.0);
    if let Some(evidence) = &mut row.evidence {
        evidence.unit = "units of an allocation";
    }
    row.note = if subject.table.plan.rules().mode.has_marginals() {
        "the problem without a follower, compared bit by bit while she deviates".into()
    } else {
        "taxes compare with nothing in this mode".into()
    };
    row
}

fn feasibility(subject: &Subject<'_>) -> Guarantee {
    let mut worst = Worst::default();
    let problem = subject.table.plan.problem();
    let scripts =
        [Play::Faithful, Play::Garbage, Play::Silent { from: 1, to: usize::MAX }, Play::Values(f64::NAN)];
    for agent in subject.sample().into_iter().take(subject.options.effort.pick(2, 4, 12)) {
        for play in &scripts {
            let at = || format!("{}: {}", problem.name(agent), describe(play));
            match subject.table.run(&[(agent, play)]) {
                Err(error) => worst.see(f64::INFINITY, || format!("{}: {error}", at())),
                Ok(state) => {
                    let Some(settled) = state.settled() else { continue };
                    let finite = settled.payment.iter().all(|p| p.is_finite());
                    worst.see(if finite { missed(problem, settled) } else { f64::INFINITY }, at);
                }
            }
        }
    }
    // Projections are accepted up to this part of the right-hand side.
    let tolerance = 1e-8;
    let boxes = problem.followers().iter().all(super::model::Follower::bounded);
    // Without limits one sender of huge numbers can blow the others' answers up beyond what numbers can hold.
    let verdict = judge(&worst, tolerance, boxes);
    let mut row = row(
        Property::Feasibility,
        boxes,
        verdict,
        "limits for every decision; whatever one follower sends",
        worst,
        tolerance,
    );
    if let Some(evidence) = &mut row.evidence {
        evidence.unit = "relative";
    }
    row.note = "couplings met, limits kept, taxes finite".into();
    row
}

/// How far a decision misses couplings and limits, relative to what is coupled.
fn missed(problem: &super::model::Problem, settled: &Settled) -> f64 {
    let mut residual: Vec<f64> = problem.total().iter().map(|c| -c).collect();
    let mut size: Vec<f64> = problem.total().iter().map(|c| c.abs() + 1.0).collect();
    let mut outside = 0.0_f64;
    for (i, follower) in problem.followers().iter().enumerate() {
        let z = &settled.allocation[problem.range(i)];
        follower.add_use(z, 1.0, &mut residual);
        for (row, s) in follower.coupling.chunks_exact(z.len()).zip(&mut size) {
            *s += row.iter().zip(z).map(|(r, x)| (r * x).abs()).sum::<f64>();
        }
        for (x, (low, high)) in z.iter().zip(follower.low.iter().zip(&follower.high)) {
            outside = outside.max(low - x).max(x - high);
        }
    }
    residual.iter().zip(&size).map(|(r, s)| r.abs() / s).fold(outside, f64::max)
}

fn participation(subject: &Subject<'_>, honest: &Honest) -> Guarantee {
    let rules = subject.table.plan.rules();
    let problem = subject.table.plan.problem();
    let mut worst = Worst::default();
    for (i, cost) in subject.table.costs.iter().enumerate() {
        let away = cost.value(&problem.follower(i).absent);
        let loss = subject.table.net(&honest.settled, i) - away;
        worst.see(loss, || {
            format!("{}: {} with the others, {} absent", problem.name(i), money(loss + away), money(away))
        });
    }
    let promised = rules.mode == Mode::Vcg && subject.table.independent() && epsilon(honest).is_some();
    let tolerance = epsilon(honest).unwrap_or(0.0) + honest.rounding;
    let verdict = judge(&worst, tolerance, promised);
    let condition = match rules.mode {
        Mode::Vcg => "taxes compare with the problem without the follower; up to epsilon",
        Mode::Dual => "up to epsilon and how far the dual value without the follower is below its optimum",
        Mode::Zero => "none: without a part that compares, taxes hand everybody the costs of all others",
        Mode::ClearingPrice => "at the clearing price itself",
    };
    let mut row = row(
        Property::IndividualRationality(Baseline::Autarky),
        promised,
        verdict,
        condition,
        worst,
        tolerance,
    );
    row.note = "net cost against the cost of the absent allocation: a loss is a reason to stay away".into();
    row
}

fn budget(subject: &Subject<'_>, honest: &Honest) -> Guarantee {
    let income: f64 = honest.settled.payment.iter().sum();
    let mut worst = Worst::default();
    worst.see(-income, || format!("the leader receives {}", money(income)));
    let verdict = judge(&worst, honest.rounding, false);
    let mut row = row(
        Property::BudgetBalance(Balance::Weak),
        false,
        verdict,
        "not promised: taxes are at most what clearing prices would collect",
        worst,
        honest.rounding,
    );
    let collected: f64 =
        super::tax::clearing(subject.table.plan.problem(), &honest.settled.price, &honest.settled.allocation)
            .iter()
            .sum();
    row.note = format!("clearing prices would collect {}", money(collected));
    row
}

fn dominance(subject: &Subject<'_>, honest: &Honest) -> Guarantee {
    let worst = gains::against_liars(subject, honest);
    let tolerance = epsilon(honest).unwrap_or(0.0) + honest.rounding;
    let verdict = judge(&worst, tolerance, false);
    let mut row = row(
        Property::IncentiveCompatibility(SolutionConcept::DominantStrategy),
        false,
        verdict,
        "never promised: faithful play is best against faithful others, not against everybody",
        worst,
        tolerance,
    );
    row.note = "one rival answers for another cost and values the decision truthfully".into();
    row
}

fn findings(subject: &Subject<'_>, honest: &Honest, gains: &gains::Gains) -> Vec<Finding> {
    let mut all = Vec::new();
    let essential = subject.table.plan.essential();
    if !essential.is_empty() {
        let names: Vec<String> = essential.iter().map(|i| subject.name(*i)).collect();
        all.push(Finding {
            title: "essential followers".into(),
            evidence: Evidence {
                worst: essential.len() as f64,
                unit: "followers",
                at: names.join(", "),
                tries: subject.table.costs.len() as u64,
                tolerance: 0.0,
            },
            note:
                "the couplings cannot be met without them: they cannot be dropped, and can hold the others up"
                    .into(),
        });
    }
    if let Some(exact) = &honest.exact {
        let margin = exact.gap.iter().copied().filter(|g| g.is_finite()).fold(0.0_f64, f64::max);
        all.push(Finding {
            title: "market power".into(),
            evidence: Evidence {
                worst: margin,
                unit: "money",
                at: "the largest clearing-price payment above a tax".into(),
                tries: exact.gap.len() as u64,
                tolerance: 0.0,
            },
            note: format!("solved {:?}; what a follower's part moves the price against herself", exact.route),
        });
    }
    if gains.unbounded {
        all.push(Finding {
            title: "gains without a bound".into(),
            evidence: Evidence {
                worst: gains.worst.value,
                unit: "money",
                at: gains.worst.at.clone(),
                tries: gains.worst.tries,
                tolerance: 0.0,
            },
            note: "the net cost is a quadratic form with a negative direction in the follower's answers"
                .into(),
        });
    }
    if honest.settled.status == Status::NotConverged
        && let Stop::Gap { epsilon, cap } = subject.table.plan.rules().stop
    {
        all.push(Finding {
            title: "rounds ran out".into(),
            evidence: Evidence {
                worst: honest.settled.certificate.unwrap_or(f64::INFINITY).min(f64::MAX),
                unit: "money",
                at: format!("after {} rounds of at most {cap}", honest.rounds),
                tries: 1,
                tolerance: epsilon,
            },
            note: "the decision stands with its certificate, not with the epsilon that was asked for".into(),
        });
    }
    all
}

/// Whether the certificate in use bounds anything.
fn sound(subject: &Subject<'_>) -> bool {
    subject.table.plan.rules().bound == Bound::Sound
}

/// Keeps the verdict words of this module in one place.
fn unchecked(property: Property, condition: &str, note: String) -> Guarantee {
    Guarantee {
        property,
        promised: false,
        verdict: Verdict::NotChecked,
        condition: condition.into(),
        evidence: None,
        note,
    }
}
