//! A leader's file, without costs.

use std::sync::Arc;

use vickrey::faithful::dual::cost::Cost;
use vickrey::faithful::dual::rules::Plan;

use super::{Places, Timing, contents, cost};
use crate::diagnostic::shorten;
use crate::input::Context;
use crate::input::keys::dual::{HIGH, LAYOUT, LOW};
use crate::input::list::List;
use crate::input::live::LiveSystem;
use crate::input::sheet::{Desk, Sheet};
use crate::input::spot::Spot;

/// What a leader reads: costs may be missing, and are not looked at if they are there.
pub(in crate::input) fn leading(
    sheet: &Sheet<'_, '_>,
    desk: &mut Desk,
    context: &mut Context<'_>,
) -> Option<(LiveSystem, Timing)> {
    let found = contents(sheet, false, desk, context)?;
    check_limits(&found.plan, sheet, desk);
    if found.costs.iter().any(Option::is_some) {
        context
            .warnings
            .push("costs stand in the file: a leader has no use for them, followers keep theirs".into());
    }
    Some((LiveSystem::Dual { plan: Arc::clone(&found.plan), couplings: found.couplings }, found.timing))
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

/// A follower's own cost.
pub(in crate::input) fn private_cost(
    spot: &Spot<'_, '_, '_>,
    decisions: Option<usize>,
    desk: &mut Desk,
) -> Option<Cost> {
    cost::cost(spot, decisions, desk)
}
