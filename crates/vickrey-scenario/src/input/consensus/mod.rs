//! Scenarios with `mechanism = "consensus"`: followers on a graph agree on a common point.

mod followers;
mod graph;

use std::sync::Arc;

use vickrey::faithful::consensus::{
    Conduct, ConsensusError, Graph, Instance, Place, Rules, Terms, Test, Watch,
};

pub(super) use self::followers::wish;
use self::followers::{Places, Read};
use self::graph::Links;
use super::keys::Key;
use super::keys::consensus::{
    EDGES, EDGES_TABLE, EPSILON, FOLLOWERS_TABLE, LAYOUT, MOST_ROUNDS, RANGE, ROUNDS, RULE_KEYS, STEP,
    TABLE_KEYS, TEST, TESTS, WATCH, WATCHES, WISH,
};
use super::list::{self, List};
use super::live::LiveSystem;
use super::sheet::{Desk, Sheet};
use super::table::Table;
use super::{Context, Timing, dual};
use crate::diagnostic::written;

/// What a file about consensus says, checked.
#[derive(Clone, Debug)]
pub struct ConsensusScenario {
    /// What is public: graph, ranges, step, rounds, test.
    pub rules: Arc<Rules>,
    /// Where everybody would like to be.
    pub wishes: Vec<f64>,
    /// What the followers do in `simulate` if nothing else is said.
    pub conducts: Vec<Conduct>,
    /// Whether the number of rounds follows from an epsilon.
    pub by_epsilon: Option<f64>,
}

/// What a file says, with or without wishes.
struct Contents {
    rules: Arc<Rules>,
    all: Vec<Read>,
    epsilon: Option<f64>,
    timing: Timing,
}

/// What `[rules]` says.
struct Wanted {
    rounds: Option<usize>,
    epsilon: Option<f64>,
    step: Option<f64>,
    /// None: it follows from the graph.
    test: Option<Test>,
    watch: Watch,
}

pub(super) fn read(
    sheet: &Sheet<'_, '_>,
    desk: &mut Desk,
    context: &mut Context<'_>,
) -> Option<ConsensusScenario> {
    let Contents { rules, all, epsilon, .. } = contents(sheet, true, desk, context)?;
    let (wishes, conducts): (Vec<Option<f64>>, Vec<Conduct>) = all
        .into_iter()
        .enumerate()
        .map(|(i, read)| (read.wish, read.act.of(rules.instance().graph(), i)))
        .unzip();
    let wishes = wishes.into_iter().collect::<Option<_>>()?;
    Some(ConsensusScenario { rules, wishes, conducts, by_epsilon: epsilon })
}

/// What a leader reads: wishes may be missing, and are not looked at if they are there.
pub(super) fn leading(
    sheet: &Sheet<'_, '_>,
    desk: &mut Desk,
    context: &mut Context<'_>,
) -> Option<(LiveSystem, Timing)> {
    let Contents { rules, timing, .. } = contents(sheet, false, desk, context)?;
    let stand = sheet.sections(LAYOUT.key("followers"), desk);
    if stand.iter().any(|follower| follower.value(WISH.name).is_some()) {
        context
            .warnings
            .push("wishes stand in the file: a leader has no use for them, followers keep theirs".into());
    }
    Some((LiveSystem::Consensus(rules), timing))
}

/// Reads a file; `wishes`: whether every follower's wish has to be there.
fn contents(
    sheet: &Sheet<'_, '_>,
    wishes: bool,
    desk: &mut Desk,
    context: &mut Context<'_>,
) -> Option<Contents> {
    sheet.refuse_others(LAYOUT.file.iter().map(|key| key.name), desk);
    let rule_sheet = sheet.section(LAYOUT.key("rules"), desk);
    let wanted = wanted(sheet, rule_sheet.as_ref(), desk);
    let timing = dual::timing(sheet, desk);
    let tables = sheet.section(LAYOUT.key("tables"), desk);
    if let Some(tables) = &tables {
        tables.refuse_others(TABLE_KEYS.iter().map(|key| key.name), desk);
    }
    let mut open =
        |key: &Key, desk: &mut Desk| tables.as_ref().and_then(|t| Table::asked(t, key, desk, context));
    let (listed, edges) = (open(&FOLLOWERS_TABLE, desk), open(&EDGES_TABLE, desk));
    let mut names = List::without("follower", &[]);
    let mut sheets = sheet.sections(LAYOUT.key("followers"), desk);
    let mut all: Vec<Option<Read>> = Vec::new();
    for (k, sheet) in sheets.iter_mut().enumerate() {
        all.push(followers::inline(sheet, k, &mut names, wishes, desk));
    }
    let mut rows = Vec::new();
    if let Some(table) = &listed {
        for (row, read) in followers::rows(table, &mut names, wishes, desk) {
            rows.push(row);
            all.push(read);
        }
    }
    let places = Places { sheet, sheets, table: listed.as_ref(), rows, names };
    let links = graph::read(sheet, edges.as_ref(), &places, desk);
    if desk.problems.count() > 0 {
        return None;
    }
    let all: Vec<Read> = all.into_iter().collect::<Option<_>>()?;
    let links = links?;
    let graph = graph::build(&links, all.len(), &places, desk)?;
    let wanted = wanted?;
    let rules = rules((graph, &links), &all, &wanted, rule_sheet.as_ref(), &places, desk)?;
    warn(&rules, &mut context.warnings);
    Some(Contents { rules: Arc::new(rules), all, epsilon: wanted.epsilon, timing })
}

fn wanted(sheet: &Sheet<'_, '_>, rules: Option<&Sheet<'_, '_>>, desk: &mut Desk) -> Option<Wanted> {
    let Some(rules) = rules else {
        if sheet.value("rules").is_none() {
            let help = "begin it with [rules] and rounds = (how many), or epsilon = (what nobody may gain more than)";
            sheet.missing(LAYOUT.key("rules"), help, desk);
        }
        return None;
    };
    rules.refuse_others(RULE_KEYS.iter().map(|key| key.name), desk);
    let before = desk.problems.count();
    let rounds = rules.whole(&ROUNDS, desk).and_then(|n| usize::try_from(n).ok());
    let epsilon = list::number(rules, &EPSILON, desk);
    match (rules.value(ROUNDS.name).is_some(), rules.value(EPSILON.name).is_some()) {
        (false, false) => rules.missing(&ROUNDS, "give `rounds`, or `epsilon`", desk),
        (true, true) => {
            let message = "[rules]: both `rounds` and `epsilon` are given".to_owned();
            desk.at(rules.key_place(EPSILON.name), message, "one too many", EPSILON.about.to_owned());
        }
        _ => {}
    }
    let step = list::number(rules, &STEP, desk);
    let all = [Test::Corrected, Test::Spectral, Test::Tighter, Test::Printed];
    let test = rules.value(TEST.name).and_then(|_| rules.choice(&TEST, TESTS.iter().copied(), desk));
    let watch = rules.choice(&WATCH, WATCHES.iter().copied(), desk).unwrap_or(0);
    let wanted = Wanted {
        rounds,
        epsilon,
        step,
        test: test.map(|k| all[k]),
        watch: [Watch::Observed, Watch::Reported][watch],
    };
    (desk.problems.count() == before).then_some(wanted)
}

/// The rules; what the library refuses is reported where it stands.
fn rules(
    (graph, links): (Graph, &Links),
    all: &[Read],
    wanted: &Wanted,
    sheet: Option<&Sheet<'_, '_>>,
    places: &Places<'_, '_, '_>,
    desk: &mut Desk,
) -> Option<Rules> {
    let ranges: Vec<(f64, f64)> = all.iter().map(|read| read.range).collect();
    let names = places.names.names.iter().map(|name| name.as_str().into()).collect();
    let default = if graph.is_tree() { Test::Corrected } else { Test::Spectral };
    let terms = Terms {
        step: wanted.step,
        rounds: wanted.rounds.unwrap_or(1),
        test: wanted.test.unwrap_or(default),
        watch: wanted.watch,
    };
    let made = Instance::new(graph, &ranges)
        .and_then(|instance| instance.with_names(names))
        .and_then(|instance| Rules::new(instance, terms))
        .and_then(|rules| match wanted.epsilon {
            Some(epsilon) => {
                let rounds = rules.rounds_for(epsilon)?;
                rules.with_rounds(rounds)
            }
            None => Ok(rules),
        });
    let rules = made.map_err(|error| refuse(&error, links, sheet, places, desk)).ok()?;
    if rules.rounds() as u64 > MOST_ROUNDS {
        let message = format!(
            "[rules]: `epsilon` takes {} rounds, accepted is one that takes {MOST_ROUNDS} at most",
            rules.rounds()
        );
        let place = sheet.map_or(0..0, |sheet| sheet.place(EPSILON.name));
        desk.at(place, message, "too small", EPSILON.about.to_owned());
        return None;
    }
    Some(rules)
}

/// Reports an error of the library at its place.
fn refuse(
    error: &ConsensusError,
    links: &Links,
    sheet: Option<&Sheet<'_, '_>>,
    places: &Places<'_, '_, '_>,
    desk: &mut Desk,
) {
    let ConsensusError::Refused { field, place, found, accepted } = error else {
        desk.at(places.sheet.place("followers"), error.to_string(), "", String::new());
        return;
    };
    let found = found.parse().map_or_else(|_| found.clone(), written);
    let what = format!("`{field}`: found {found}, accepted is {accepted}");
    match (place, RULE_KEYS.iter().find(|key| key.name == *field)) {
        (_, Some(key)) => {
            let at = sheet.map_or(0..0, |sheet| sheet.place(key.name));
            desk.at(at, format!("[rules]: {what}"), "", key.about.to_owned());
        }
        (Place::Follower(i), None) => {
            let key = if *field == "range" { &RANGE } else { &WISH };
            places.report(*i, key, &what, key.about.to_owned(), desk);
        }
        (Place::Edge(edge), None) => {
            links.refuse(*edge, &format!(", {found}"), accepted, TEST.about, places, desk);
        }
        (Place::Whole, None) => {
            desk.at(places.sheet.place("graph"), format!("[graph]: {what}"), "", EDGES.about.to_owned());
        }
    }
}

/// What is accepted but looks like a mistake.
fn warn(rules: &Rules, warnings: &mut Vec<String>) {
    if rules.test() == Test::Printed && !rules.certified() {
        warnings.push(
            "[rules]: test printed with this step is no test: after enough rounds faithful followers fail it, and are fined"
                .into(),
        );
    }
    if rules.watch() == Watch::Reported {
        warnings
            .push("[rules]: positions are only reported: who stays and names the common point gains".into());
    }
}
