//! Files for live runs: a leader's, without costs, and a follower's own.

use std::path::Path;
use std::sync::Arc;

use vickrey::faithful::dual::cost::Cost;
use vickrey::faithful::dual::rules::Plan;

use super::{Places, Timing, contents, cost};
use crate::Problem;
use crate::diagnostic::{Source, shorten};
use crate::input::keys::dual::{COST, FOLLOWER_NAME, HIGH, LAYOUT, LOW, PRIVATE};
use crate::input::list::{self, List};
use crate::input::sheet::{Desk, Sheet};
use crate::input::spot::Spot;
use crate::input::{Context, Units, document, head, mechanism, text_of};

/// What a leader knows: a scenario of dual decomposition without costs.
#[derive(Clone, Debug)]
pub struct LeaderScenario {
    /// A title for tables.
    pub title: Option<String>,
    /// Labels of quantities, prices and money.
    pub units: Units,
    /// BLAKE3 of the bytes of the scenario and of every table it refers to, in hexadecimal.
    pub hash: String,
    /// The problem and the rules.
    pub plan: Arc<Plan>,
    /// Names of the couplings; where the file has none: their numbers, from 1.
    pub couplings: Vec<String>,
    /// Time limits.
    pub timing: Timing,
    /// What is accepted but looks like a mistake.
    pub warnings: Vec<String>,
}

/// What a follower keeps to herself.
#[derive(Clone, Debug)]
pub struct PrivateCost {
    /// Her name, as the leader's file has it.
    pub name: String,
    /// Her cost.
    pub cost: Arc<Cost>,
}

/// Reads a leader's file: a scenario of dual decomposition whose costs may be missing, and are not looked at if they are
/// there. Every decision must have two limits, so that nobody's answers can blow up what the others pay.
///
/// # Errors
/// Everything that is wrong with it, with places.
pub fn leader(path: &Path) -> Result<LeaderScenario, Problem> {
    let text = text_of(path)?;
    let source = Source::new(path.display().to_string(), &text);
    let parsed = document(&text, &source)?;
    let sheet = Sheet::new(parsed.get_ref(), 0..0, "scenario");
    let mut desk = Desk::new(source);
    let mut context = Context::new(path, &text);
    let found = match mechanism(&sheet, &mut desk) {
        Some(name) if name == LAYOUT.mechanism => {
            desk.layout = Some(&LAYOUT);
            contents(&sheet, false, &mut desk, &mut context)
        }
        Some(name) => {
            let message =
                format!("scenario: `mechanism` is \"{name}\", accepted is \"{}\"", LAYOUT.mechanism);
            desk.at(sheet.place("mechanism"), message, "cannot be led", String::new());
            None
        }
        None => None,
    };
    if let Some(found) = &found {
        check_limits(&found.plan, &sheet, &mut desk);
        if found.costs.iter().any(Option::is_some) {
            context
                .warnings
                .push("costs stand in the file: a leader has no use for them, followers keep theirs".into());
        }
    }
    let (title, _, units) = head(&sheet, &mut desk);
    desk.problems.finish(&desk.source)?;
    let Some(found) = found else { return Err(Problem::new("the scenario could not be read").in_file(path)) };
    Ok(LeaderScenario {
        title,
        units,
        hash: context.hash.finalize().to_hex().to_string(),
        plan: found.plan,
        couplings: found.couplings,
        timing: found.timing,
        warnings: context.warnings,
    })
}

/// A live run needs two limits for every decision.
fn check_limits(plan: &Plan, sheet: &Sheet<'_, '_>, desk: &mut Desk) {
    let sheets = sheet.sections(LAYOUT.key("followers"), desk);
    let places =
        Places { sheet, sheets, table: None, rows: Vec::new(), names: List::without("follower", &[]) };
    for (agent, follower) in plan.problem().followers().iter().enumerate() {
        if follower.bounded() {
            continue;
        }
        let open = if follower.low.iter().all(|x| x.is_finite()) { &HIGH } else { &LOW };
        let what =
            format!("follower `{}`: a live run needs `low` and `high`", shorten(&plan.problem().name(agent)));
        let help = "accepted: two limits for every decision; without them one follower's garbage moves what the others pay";
        let span = places.sheets.get(agent).map_or(sheet.place("tables"), |own| own.place(open.name));
        desk.at(span, what, &format!("`{}` is missing", open.name), help.to_owned());
    }
}

/// Reads a follower's own file: `name`, and `cost` with the same keys as in a scenario. `decisions`: how many she has, if
/// that is known; otherwise her cost has as many as its lists.
///
/// # Errors
/// Everything that is wrong with it, with places.
pub fn private(path: &Path, decisions: Option<usize>) -> Result<PrivateCost, Problem> {
    let text = text_of(path)?;
    let source = Source::new(path.display().to_string(), &text);
    let parsed = document(&text, &source)?;
    let mut sheet = Sheet::new(parsed.get_ref(), 0..0, "private file");
    let mut desk = Desk::new(source);
    sheet.refuse_others(PRIVATE.iter().map(|key| key.name), &mut desk);
    let mut names = List::without("follower", &[]);
    list::heading(&mut sheet, 0, &FOLLOWER_NAME, &mut names, &mut desk);
    let cost = match Spot::required(&sheet, &COST, &mut desk) {
        Some(spot) => cost::cost(&spot, decisions, &mut desk),
        None => None,
    };
    desk.problems.finish(&desk.source)?;
    match (names.names.pop(), cost) {
        (Some(name), Some(cost)) => Ok(PrivateCost { name, cost: Arc::new(cost) }),
        _ => Err(Problem::new("the file could not be read").in_file(path)),
    }
}
