//! What is known about the promises of an instance that has no table of all its joint states.

use serde::Serialize;
use vickrey::guarantee::{Audit, Balance, Baseline, Evidence, Guarantee, Property, SolutionConcept, Verdict};
use vickrey::pivot::audit::Low;
use vickrey::pivot::protocol::PivotError;
use vickrey::pivot::simulate::{Game, Step};
use vickrey::pivot::{Model, Solution, Without};

use super::tables::state_words;

/// So many truthful runs are looked at.
const RUNS: u64 = 20;

/// What was seen in a few runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Unchecked {
    /// Why not all states were looked at.
    pub why: String,
    /// States that were met in truthful runs.
    pub states: u64,
    /// The smallest payment there.
    pub payment: Low,
    /// The least that a player could expect there; none without values.
    pub truthful: Option<Low>,
}

impl Unchecked {
    /// Plays a few truthful games and looks at the states they meet.
    pub(super) fn of(game: &Game, seed: u64) -> Result<Self, PivotError> {
        let solution = game.mechanism().solution();
        let model = solution.model();
        let nothing = || Low { value: f64::INFINITY, at: String::new() };
        let (mut payment, mut truthful, mut states) = (nothing(), nothing(), 0);
        for k in 0..RUNS {
            for step in game.trace(&[], seed.wrapping_add(k))? {
                states += 1;
                for i in 0..model.players() {
                    lower(&mut payment, step.payment[i], model, &step, i);
                    if let Some(value) = step.truthful[i] {
                        lower(&mut truthful, value, model, &step, i);
                    }
                }
            }
        }
        let truthful = truthful.value.is_finite().then_some(truthful);
        Ok(Self { why: why(solution), states, payment, truthful })
    }
}

fn lower(low: &mut Low, value: f64, model: &Model, step: &Step, player: usize) {
    if value < low.value {
        let name = &model.labels().players[player];
        let state = state_words(model, &step.state);
        *low = Low { value, at: format!("period {}, {state}: `{name}`", step.period) };
    }
}

fn why(solution: &Solution) -> String {
    format!(
        "the instance is solved {} and has no table of all joint states to search",
        match solution.structure() {
            vickrey::pivot::solve::Structure::Index => "by Gittins indices",
            vickrey::pivot::solve::Structure::Exchangeable => "on multisets of types",
            vickrey::pivot::solve::Structure::Static => "period by period",
            vickrey::pivot::solve::Structure::Product => "on all joint states",
        }
    )
}

/// The table of guarantees of such an instance: what was seen in a few runs, and what was not checked.
pub fn audit_in_part(solution: &Solution, seen: &Unchecked) -> Audit {
    let mode = solution.mode();
    let bound = solution.certificate().bound;
    let certificate = format!("certificate: no lie gains more than {bound:.1e}; not searched: {}", seen.why);
    let unchecked = |property, promised, condition: &str, note: &str| Guarantee {
        property,
        promised,
        verdict: Verdict::NotChecked,
        condition: condition.to_owned(),
        evidence: None,
        note: note.to_owned(),
    };
    let not_tight = mode != Without::Tight;
    let ex_post = Property::IncentiveCompatibility(SolutionConcept::ExPost);
    let guarantees = vec![
        unchecked(Property::Efficiency, true, "reports are truthful", &format!("not searched: {}", seen.why)),
        unchecked(
            ex_post,
            true,
            "the others are truthful; nobody's type moves or concerns another; kernels and outcome probabilities are \
             right and known; nobody knows the outcome when she reports",
            &certificate,
        ),
        unchecked(
            Property::IndividualRationality(Baseline::Autarky),
            not_tight,
            "modes same and own",
            &format!("not computed: {}", seen.why),
        ),
        against_zero(mode, seen, bound),
        weak_balance(mode, seen, bound),
    ];
    Audit { guarantees, findings: Vec::new() }
}

fn evidence(low: &Low, seen: &Unchecked, tolerance: f64) -> Evidence {
    // Plus 0, so that no minus stands before a zero.
    Evidence { worst: 0.0 - low.value, unit: "money", at: low.at.clone(), tries: seen.states, tolerance }
}

fn verdict(evidence: &Evidence, promised: bool) -> Verdict {
    match (evidence.worst <= evidence.tolerance, promised) {
        (true, _) => Verdict::Holds,
        (false, true) => Verdict::Violated,
        (false, false) => Verdict::ConditionNotMet,
    }
}

fn where_seen(mode: Without, seen: &Unchecked) -> String {
    format!("mode {}, {} states met in {RUNS} truthful runs ({})", mode.name(), seen.states, seen.why)
}

fn against_zero(mode: Without, seen: &Unchecked, bound: f64) -> Guarantee {
    let evidence = seen.truthful.as_ref().map(|low| evidence(low, seen, bound));
    // Whether opting out is worth at least 0 is not known here, and mode tight may have outside values below 0.
    let verdict = evidence.as_ref().map_or(Verdict::NotChecked, |evidence| verdict(evidence, false));
    Guarantee {
        property: Property::IndividualRationality(Baseline::Zero),
        promised: false,
        verdict,
        condition: "modes same and own: what happens without her is never worth less than 0 to a player; mode tight: \
                    outside values that are stated are at least 0"
            .to_owned(),
        evidence,
        note: where_seen(mode, seen),
    }
}

fn weak_balance(mode: Without, seen: &Unchecked, bound: f64) -> Guarantee {
    let promised = mode == Without::Same;
    let evidence = evidence(&seen.payment, seen, if promised { 0.0 } else { bound });
    Guarantee {
        property: Property::BudgetBalance(Balance::Weak),
        promised,
        verdict: verdict(&evidence, promised),
        condition:
            "mode same; mode own if the efficient decision is always possible without her; never in mode tight"
                .to_owned(),
        evidence: Some(evidence),
        note: where_seen(mode, seen),
    }
}
