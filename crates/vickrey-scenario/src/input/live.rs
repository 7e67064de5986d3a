//! Files for live runs: a leader's, without what followers keep to themselves, and a follower's own.

use std::path::Path;
use std::sync::Arc;

use vickrey::faithful::consensus::Rules;
use vickrey::faithful::dual::cost::Cost;
use vickrey::faithful::dual::rules::Plan;

use super::keys::dual::{COST, FOLLOWER_NAME};
use super::keys::{self, consensus::WISH};
use super::list::{self, List};
use super::sheet::{Desk, Sheet};
use super::spot::Spot;
use super::{Context, Timing, Units, consensus, document, dual, head, mechanism, text_of};
use crate::Problem;
use crate::diagnostic::Source;

/// What a leader knows: a scenario without costs or wishes.
#[derive(Clone, Debug)]
pub struct LeaderScenario {
    /// A title for tables.
    pub title: Option<String>,
    /// Labels of quantities, prices and money.
    pub units: Units,
    /// BLAKE3 of the bytes of the scenario and of every table it refers to, in hexadecimal.
    pub hash: String,
    /// What is public, by mechanism.
    pub system: LiveSystem,
    /// Time limits.
    pub timing: Timing,
    /// What is accepted but looks like a mistake.
    pub warnings: Vec<String>,
}

/// What is public of a live run, by mechanism.
#[derive(Clone, Debug)]
pub enum LiveSystem {
    /// `mechanism = "dual-decomposition"`
    Dual {
        /// The problem and the rules.
        plan: Arc<Plan>,
        /// Names of the couplings; where the file has none: their numbers, from 1.
        couplings: Vec<String>,
    },
    /// `mechanism = "consensus"`: graph, ranges, step, rounds, test.
    Consensus(Arc<Rules>),
}

impl LiveSystem {
    /// The followers' names, in the order that numbers them.
    pub fn names(&self) -> Vec<String> {
        match self {
            Self::Dual { plan, .. } => {
                (0..plan.problem().len()).map(|i| plan.problem().name(i).into_owned()).collect()
            }
            Self::Consensus(rules) => {
                (0..rules.len()).map(|i| rules.instance().name(i).into_owned()).collect()
            }
        }
    }
}

/// What a follower keeps to herself.
#[derive(Clone, Debug)]
pub struct PrivateFile {
    /// Her name, as the leader's file has it.
    pub name: String,
    /// The rest, by mechanism.
    pub own: Own,
}

/// What a follower keeps to herself, by mechanism.
#[derive(Clone, Debug)]
pub enum Own {
    /// `dual-decomposition`: her cost.
    Cost(Arc<Cost>),
    /// `consensus`: where she would like to be.
    Wish(f64),
}

/// Reads a leader's file: a scenario of dual decomposition or consensus whose costs or wishes may be missing, and are not
/// looked at if they are there. In dual decomposition every decision must have two limits, so that nobody's answers can blow
/// up what the others pay.
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
    let name = mechanism(&sheet, &mut desk);
    desk.layout = name.and_then(keys::Layout::of);
    let found = match name {
        Some("dual-decomposition") => dual::leading(&sheet, &mut desk, &mut context),
        Some("consensus") => consensus::leading(&sheet, &mut desk, &mut context),
        Some(name) => {
            let accepted = "accepted is \"dual-decomposition\" or \"consensus\"";
            let message = format!("scenario: `mechanism` is \"{name}\", {accepted}");
            desk.at(sheet.place("mechanism"), message, "cannot be led", String::new());
            None
        }
        None => None,
    };
    let (title, _, units) = head(&sheet, &mut desk);
    desk.problems.finish(&desk.source)?;
    let Some((system, timing)) = found else {
        return Err(Problem::new("the scenario could not be read").in_file(path));
    };
    let hash = context.hash.finalize().to_hex().to_string();
    Ok(LeaderScenario { title, units, hash, system, timing, warnings: context.warnings })
}

/// Reads a follower's own file: `name`, and `cost` or `wish` with the same keys as in a scenario. `decisions`: how many she
/// has, if that is known; otherwise her cost has as many as its lists.
///
/// # Errors
/// Everything that is wrong with it, with places.
pub fn private(path: &Path, decisions: Option<usize>) -> Result<PrivateFile, Problem> {
    let text = text_of(path)?;
    let source = Source::new(path.display().to_string(), &text);
    let parsed = document(&text, &source)?;
    let mut sheet = Sheet::new(parsed.get_ref(), 0..0, "private file");
    let mut desk = Desk::new(source);
    sheet.refuse_others([FOLLOWER_NAME.name, COST.name, WISH.name].into_iter(), &mut desk);
    let mut names = List::without("follower", &[]);
    list::heading(&mut sheet, 0, &FOLLOWER_NAME, &mut names, &mut desk);
    let own = match (Spot::of(&sheet, &COST), Spot::of(&sheet, &WISH)) {
        (Some(cost), None) => {
            dual::private_cost(&cost, decisions, &mut desk).map(|cost| Own::Cost(Arc::new(cost)))
        }
        (None, Some(wish)) => consensus::wish(&wish, &mut desk).map(Own::Wish),
        (None, None) => {
            sheet.missing(&COST, "give `cost` (dual decomposition) or `wish` (consensus)", &mut desk);
            None
        }
        (Some(_), Some(wish)) => {
            let message = "private file: both `cost` and `wish` are given".to_owned();
            desk.at(wish.span(), message, "one too many", WISH.about.to_owned());
            None
        }
    };
    desk.problems.finish(&desk.source)?;
    match (names.names.pop(), own) {
        (Some(name), Some(own)) => Ok(PrivateFile { name, own }),
        _ => Err(Problem::new("the file could not be read").in_file(path)),
    }
}
