//! What a reader should know about a pivot result, in sentences.

use vickrey::guarantee::Verdict;
use vickrey::pivot::solve::Structure;
use vickrey::pivot::{PaymentTime, Without};

use super::PivotResult;

/// Facts about the result that the numbers do not say by themselves.
pub(super) fn sentences(result: &PivotResult<'_>) -> Vec<String> {
    [
        start(result),
        run(result),
        truth(result),
        coerced(result),
        tight(result),
        drawn(result),
        no_forecast(result),
        static_case(result),
        no_rulings(result),
        not_compared(result),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn start(result: &PivotResult<'_>) -> Option<String> {
    if result.start.certain().is_some() {
        return None;
    }
    let states = result.start.states.len();
    Some(match result.start.complete {
        true => format!("types at the start are uncertain: numbers are averages over {states} joint types"),
        false => {
            format!("too many joint types at the start: numbers are averages over {states} that were drawn")
        }
    })
}

fn run(result: &PivotResult<'_>) -> Option<String> {
    let periods = result.run.len();
    let infinite = result.model().periods().is_none();
    let cut = if infinite { format!(", cut off after {periods} periods") } else { String::new() };
    Some(format!(
        "the run is one draw of all types and outcomes (seed {}) with truthful players{cut}; other seeds give other runs",
        result.scenario.seed
    ))
}

fn truth(result: &PivotResult<'_>) -> Option<String> {
    (result.pivot.payment == PaymentTime::BeforeOutcome && result.model().outcomes() > 1).then(|| {
        "payments are fixed before the outcome: truth is best as long as nobody knows the outcome when she reports; \
         payment = \"outcome-contingent\" holds also for those who do"
            .to_owned()
    })
}

/// Mode same: O is no voluntary alternative.
fn coerced(result: &PivotResult<'_>) -> Option<String> {
    let found = result.promises.as_ref().ok()?;
    let fails = found.against_zero != Verdict::Holds && found.against_zero != Verdict::NotChecked;
    (found.mode == Without::Same && fails).then(|| {
        "in mode same what a player has if the others decide without her includes decisions that use what is hers: she \
         may be worse off than at home; see modes own and tight"
            .to_owned()
    })
}

fn tight(result: &PivotResult<'_>) -> Option<String> {
    (result.solution.mode() == Without::Tight).then(|| {
        "mode tight collects the most that leaves every player her outside value in every state".to_owned()
    })
}

fn drawn(result: &PivotResult<'_>) -> Option<String> {
    match &result.promises {
        Ok(found) => found.drawn.map(|states| {
            format!(
                "the promises were looked at in {states} states drawn at random, since there are too many"
            )
        }),
        Err(seen) => Some(format!(
            "the promises were not searched with the result (`vickrey audit` does): {}; what a run shows was seen in {} \
             states of truthful runs",
            seen.why, seen.states
        )),
    }
}

fn no_forecast(result: &PivotResult<'_>) -> Option<String> {
    result.forecast.is_none().then(|| {
        "what every player can expect to pay over the whole game is not computed for an instance of this size; `vickrey \
         simulate` estimates it"
            .to_owned()
    })
}

fn static_case(result: &PivotResult<'_>) -> Option<String> {
    (result.solution.structure() == Structure::Static).then(|| {
        "no decision moves anything, and there are too many joint states: each period is settled by itself, and what \
         players can expect in all is not computed"
            .to_owned()
    })
}

fn not_compared(result: &PivotResult<'_>) -> Option<String> {
    (result.joint_states() > PivotResult::MOST_COMPARED).then(|| {
        format!("the three modes are compared for up to {:e} joint states", PivotResult::MOST_COMPARED)
    })
}

fn no_rulings(result: &PivotResult<'_>) -> Option<String> {
    let table = result.rulings_table();
    (table.is_none()).then(|| "there is no table of all rulings: too many joint states".to_owned())
}
