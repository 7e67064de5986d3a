//! Scenarios with `mechanism = "dual-decomposition"`: followers share what prices split among them.

mod cost;
mod files;
mod followers;
mod numbers;
mod play;
mod rules;
mod table;

use std::sync::Arc;

use toml::de::DeValue;
use vickrey::faithful::dual::cost::{Cost, Local};
use vickrey::faithful::dual::model::{Follower, Problem as Shared, ProblemError};
use vickrey::faithful::dual::projection::Infeasible;
use vickrey::faithful::dual::rules::{Method, Plan, PlanError, Rules, Unfit};
use vickrey::faithful::dual::strategies::Play;
use vickrey::mechanism::AgentId;

use self::followers::Read;
use self::numbers::{ANY, each};
use super::Context;
use super::keys::Key;
use super::keys::dual::{
    ABSENT, COST, CURVATURE, FOLLOWERS_TABLE, HIGH, LARGEST, LAYOUT, LOW, RESOURCE_KEYS, ROUND_MS,
    TABLE_KEYS, TIMING, TIMING_KEYS, TOTAL, VALUE_MS,
};
use super::list::List;
use super::sheet::{Desk, Sheet, Span};
use super::spot::Spot;
use super::table::Table;
use crate::diagnostic::{shorten, written};
use crate::output::number::{list, short};

pub(super) use self::files::{leading, private_cost};

/// What a file about dual decomposition says, checked.
#[derive(Clone, Debug)]
pub struct DualScenario {
    /// What is public: the problem and the rules.
    pub plan: Arc<Plan>,
    /// Names of the couplings; where the file has none: their numbers, from 1.
    pub couplings: Vec<String>,
    /// The private costs.
    pub costs: Vec<Arc<Cost>>,
    /// What the followers do in `run` and `simulate` if nothing else is said.
    pub plays: Vec<Play>,
    /// Time limits of live runs.
    pub timing: Timing,
}

impl DualScenario {
    /// How sentences name followers.
    pub fn named(&self) -> impl Fn(AgentId) -> String {
        |agent| format!("`{}`", self.plan.problem().name(agent))
    }
}

/// Time limits of live runs, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Of a round of prices and answers.
    pub round_ms: u64,
    /// For saying what the decision costs, and for confirming taxes.
    pub value_ms: u64,
}

/// What a file says, with or without costs.
struct Contents {
    plan: Arc<Plan>,
    couplings: Vec<String>,
    costs: Vec<Option<Cost>>,
    plays: Vec<Play>,
    timing: Timing,
}

pub(super) fn read(
    sheet: &Sheet<'_, '_>,
    desk: &mut Desk,
    context: &mut Context<'_>,
) -> Option<DualScenario> {
    let found = contents(sheet, true, desk, context)?;
    let costs: Vec<Cost> = found.costs.into_iter().collect::<Option<_>>()?;
    let costs = costs.into_iter().map(Arc::new).collect();
    Some(DualScenario {
        plan: found.plan,
        couplings: found.couplings,
        costs,
        plays: found.plays,
        timing: found.timing,
    })
}

/// Reads a file; `costs`: whether every follower's cost has to be there.
fn contents(
    sheet: &Sheet<'_, '_>,
    costs: bool,
    desk: &mut Desk,
    context: &mut Context<'_>,
) -> Option<Contents> {
    sheet.refuse_others(LAYOUT.file.iter().map(|key| key.name), desk);
    let total = total(sheet, desk);
    let rule_sheet = sheet.section(LAYOUT.key("rules"), desk);
    let couplings = total.as_ref().map(|(names, _)| names);
    let rules = rules::read(rule_sheet.as_ref(), couplings.map_or(1, List::len), desk);
    let timing = timing(sheet, desk);
    let table = followers_table(sheet, desk, context);
    let (couplings, total) = total?;
    let mut names = List::without("follower", &[]);
    let mut sheets = sheet.sections(LAYOUT.key("followers"), desk);
    let mut all: Vec<Option<Read>> = sheets
        .iter_mut()
        .enumerate()
        .map(|(k, sheet)| followers::inline(sheet, k, (&mut names, &couplings), costs, desk))
        .collect();
    let rows = table
        .as_ref()
        .map_or_else(Vec::new, |table| table::rows(table, (&mut names, &couplings), costs, desk));
    let mut places = Places { sheet, sheets, table: table.as_ref(), rows: Vec::new(), names };
    for (row, read) in rows {
        places.rows.push(row);
        all.push(read);
    }
    if all.is_empty() && sheet.value("followers").is_none() && sheet.value("tables").is_none() {
        let help = "accepted: at least one, each in [[followers]]".to_owned();
        desk.at(sheet.span.clone(), "there are no followers".to_owned(), "", help);
    }
    if desk.problems.count() > 0 {
        return None;
    }
    let all: Vec<Read> = all.into_iter().collect::<Option<_>>()?;
    let (mut public, mut private, mut plays) = (Vec::new(), Vec::new(), Vec::new());
    for read in all {
        public.push(read.public);
        private.push(read.cost);
        plays.push(read.play);
    }
    let problem = problem(total, public, &couplings, &places, desk)?;
    let rules = rules?.of(&problem);
    let plan = plan(problem, rules, &private, (rule_sheet.as_ref(), &couplings), &places, desk)?;
    check_costs(&plan, &private, &places, desk);
    warn(&plan, &couplings, &places, &mut context.warnings);
    (desk.problems.count() == 0).then(|| Contents {
        plan: Arc::new(plan),
        couplings: couplings.names.clone(),
        costs: private,
        plays,
        timing,
    })
}

/// Names of the couplings, and c.
fn total(sheet: &Sheet<'_, '_>, desk: &mut Desk) -> Option<(List, Vec<f64>)> {
    let key = LAYOUT.key("resource");
    let Some(section) = sheet.section(key, desk) else {
        if sheet.value(key.name).is_none() {
            let help = "begin it with [resource] and total = (what the decisions have to add up to)";
            sheet.missing(key, help, desk);
        }
        return None;
    };
    section.refuse_others(RESOURCE_KEYS.iter().map(|key| key.name), desk);
    let spot = Spot::required(&section, &TOTAL, desk)?;
    let numbered = |m: usize| List::of("coupling", (1..=m).map(|k| k.to_string()));
    match spot.value.get_ref() {
        DeValue::Table(table) if !table.is_empty() => {
            let mut list = List::without("coupling", &[]);
            let mut entries: Vec<_> = table.iter().collect();
            // As they stand in the file.
            entries.sort_by_key(|(name, _)| name.span().start);
            let before = desk.problems.count();
            let mut total = Vec::new();
            for (name, value) in entries {
                list.add(&section.title, name.get_ref(), name.span(), desk);
                let part = spot.part(value, &format!("coupling `{}`", shorten(name.get_ref())));
                total.extend(part.number_from(-LARGEST, LARGEST, ANY, desk));
            }
            (desk.problems.count() == before).then_some((list, total))
        }
        DeValue::Array(items) if !items.is_empty() => {
            each(&spot, items.len(), desk).map(|total| (numbered(total.len()), total))
        }
        _ if spot.number().is_some() => each(&spot, 1, desk).map(|total| (numbered(1), total)),
        _ => {
            spot.refuse("a number, a list of numbers, or a table from couplings to numbers", desk);
            None
        }
    }
}

/// `[timing]`, in every mechanism that can be led.
pub(super) fn timing(sheet: &Sheet<'_, '_>, desk: &mut Desk) -> Timing {
    let section = sheet.section(&TIMING, desk);
    let mut number = |key: &Key| {
        let given = section.as_ref().and_then(|section| section.whole(key, desk));
        given.or_else(|| key.default?.parse().ok()).unwrap_or(1)
    };
    let timing = Timing { round_ms: number(&ROUND_MS), value_ms: number(&VALUE_MS) };
    if let Some(section) = &section {
        section.refuse_others(TIMING_KEYS.iter().map(|key| key.name), desk);
    }
    timing
}

fn followers_table(sheet: &Sheet<'_, '_>, desk: &mut Desk, context: &mut Context<'_>) -> Option<Table> {
    let section = sheet.section(LAYOUT.key("tables"), desk)?;
    section.refuse_others(TABLE_KEYS.iter().map(|key| key.name), desk);
    Table::asked(&section, &FOLLOWERS_TABLE, desk, context)
}

/// Where followers stand: first those of the file, then those of the table.
struct Places<'s, 'a, 'i> {
    sheet: &'s Sheet<'a, 'i>,
    sheets: Vec<Sheet<'a, 'i>>,
    table: Option<&'s Table>,
    rows: Vec<u64>,
    names: List,
}

impl Places<'_, '_, '_> {
    /// Reports something about a follower's key.
    fn report(&self, agent: usize, key: &Key, what: &str, help: String, desk: &mut Desk) {
        if let Some(sheet) = self.sheets.get(agent) {
            desk.at(sheet.place(key.name), format!("{}: {what}", sheet.title), "", help);
            return;
        }
        let row = self.rows.get(agent - self.sheets.len());
        if let (Some(table), Some(row)) = (self.table, row) {
            let what = format!("follower `{}`: {what}", shorten(&self.names.names[agent]));
            desk.problems.push_with(|| table.problem(*row, None, what, "").with_help(help));
        }
    }

    fn agent(&self, name: &str) -> usize {
        self.names.index(name).unwrap_or(0)
    }
}

fn problem(
    total: Vec<f64>,
    public: Vec<vickrey::faithful::dual::model::Follower>,
    couplings: &List,
    places: &Places<'_, '_, '_>,
    desk: &mut Desk,
) -> Option<Shared> {
    let names = places.names.names.iter().map(|name| name.as_str().into()).collect();
    let place = total_place(places.sheet);
    let uses = squares(&public, couplings.len());
    match Shared::with_names(total, public, names) {
        Ok(problem) => Some(problem),
        Err(ProblemError::Infeasible(why)) => {
            let message = format!(
                "[resource]: the totals cannot be met within the limits: {}",
                missed(couplings, &why, &uses, None)
            );
            let help = "accepted: totals that some decisions within all limits add up to".to_owned();
            desk.at(place, message, "cannot be met", help);
            None
        }
        Err(other) => {
            desk.at(place, other.to_string(), "", String::new());
            None
        }
    }
}

/// Where the totals stand.
fn total_place(sheet: &Sheet<'_, '_>) -> Span {
    let table = sheet.value("resource").and_then(|value| value.get_ref().as_table());
    table.and_then(|table| table.get(TOTAL.name)).map_or(sheet.place("resource"), toml::Spanned::span)
}

/// Follower by follower the squared length of her part of every coupling's row.
fn squares(followers: &[Follower], couplings: usize) -> Vec<Vec<f64>> {
    let own = |follower: &Follower| {
        let rows = follower.coupling.chunks_exact((follower.coupling.len() / couplings).max(1));
        rows.map(|row| row.iter().map(|r| r * r).sum()).collect()
    };
    followers.iter().map(own).collect()
}

/// Which coupling is missed, and by about how much of it, without whom.
fn missed(couplings: &List, why: &Infeasible, uses: &[Vec<f64>], without: Option<usize>) -> String {
    let others = uses.iter().enumerate().filter(|(i, _)| Some(*i) != without);
    let length = others.map(|(_, own)| own[why.coupling]).sum::<f64>().sqrt();
    // A row without any use is not scaled.
    let miss = why.residual * if length > 0.0 { length } else { 1.0 };
    match couplings.len() {
        1 => format!("{} is missing or too much", short(miss)),
        _ => {
            let name = shorten(&couplings.names[why.coupling]);
            format!("coupling `{name}` is missed by {}", short(miss))
        }
    }
}

fn plan(
    problem: Shared,
    rules: Rules,
    costs: &[Option<Cost>],
    (sheet, couplings): (Option<&Sheet<'_, '_>>, &List),
    places: &Places<'_, '_, '_>,
    desk: &mut Desk,
) -> Option<Plan> {
    let (bare, limits) = (lacking(&problem), limits_of(&problem));
    let uses = squares(problem.followers(), couplings.len());
    let error = match Plan::new(problem, rules) {
        Ok(plan) => return Some(plan),
        Err(error) => error,
    };
    if let Some((span, message, help)) = rules::place(sheet, &error) {
        desk.at(span, message, "", help);
        return None;
    }
    match error {
        PlanError::NoCurvature(_) => {
            for agent in bare {
                let (low, high) = &limits[agent];
                let own = costs[agent].as_ref().map(|cost| cost.curvature(low, high));
                no_curvature(agent, own, places, desk);
            }
        }
        PlanError::NoDual(who) => {
            let what = "nothing bounds her cost from below at every price, so that mode dual may not exist";
            let help =
                "accepted: two limits, a public curvature that begins above 0, or mode = \"vcg\" in [rules]";
            places.report(places.agent(&who), &CURVATURE, what, help.to_owned(), desk);
        }
        PlanError::Essential { who } => {
            let help = "accepted: another `absent` of hers, a follower of the leader's own that fills the gap, or mode = \"zero\" in [rules]";
            for (who, why) in who {
                let agent = places.agent(&who);
                let why = missed(couplings, &why, &uses, Some(agent));
                let what = format!("the totals cannot be met without her: {why}");
                places.report(agent, &ABSENT, &what, help.to_owned(), desk);
            }
        }
        other => desk.at(places.sheet.place("followers"), other.to_string(), "", String::new()),
    }
    None
}

/// Followers about whose curvature nothing is known.
fn lacking(problem: &Shared) -> Vec<usize> {
    (0..problem.len()).filter(|&i| problem.follower(i).curvature.0 <= 0.0).collect()
}

fn limits_of(problem: &Shared) -> Vec<(Vec<f64>, Vec<f64>)> {
    problem.followers().iter().map(|f| (f.low.clone(), f.high.clone())).collect()
}

/// No safe step is known: says what would make one.
fn no_curvature(agent: usize, own: Option<(f64, f64)>, places: &Places<'_, '_, '_>, desk: &mut Desk) {
    let what = "`curvature` begins at 0 or is left out, so that no fixed step of prices is safe";
    let hers = match own {
        Some((least, _)) if least <= 0.0 => {
            "; her cost bends by as little as 0, so that the method has to change, or limits have to be added"
                .to_owned()
        }
        Some((least, most)) if most.is_finite() => {
            format!("; her cost bends from {} to {}", written(least), written(most))
        }
        Some((least, _)) => format!("; her cost bends by at least {}", written(least)),
        None => String::new(),
    };
    let help = format!(
        "accepted: curvature = [least, most] with least above 0, method = \"multipliers\", or ascent with a fading step{hers}"
    );
    places.report(agent, &CURVATURE, what, help, desk);
}

/// Costs that are not of the public class, or fall without end.
fn check_costs(plan: &Plan, costs: &[Option<Cost>], places: &Places<'_, '_, '_>, desk: &mut Desk) {
    for (agent, cost) in costs.iter().enumerate() {
        let Some(cost) = cost else { continue };
        let public = plan.problem().follower(agent);
        match plan.fits(agent, cost) {
            Ok(()) => {}
            Err(Unfit::Curvature { found, accepted }) => {
                let what = format!(
                    "`cost` bends from {} to {}, accepted is from {} to {}, as her public `curvature` says",
                    written(found.0),
                    written(found.1),
                    written(accepted.0),
                    written(accepted.1)
                );
                places.report(agent, &COST, &what, CURVATURE.about.to_owned(), desk);
                continue;
            }
            Err(Unfit::Domain(error)) => {
                places.report(agent, &LOW, &format!("`cost`: {error}"), LOW.about.to_owned(), desk);
                continue;
            }
            Err(other) => {
                places.report(agent, &COST, &other.to_string(), COST.about.to_owned(), desk);
                continue;
            }
        }
        let quadratic_term = matches!(plan.rules().method, Method::Multipliers { .. });
        if !quadratic_term && falls_without_end(cost, &public.low, &public.high) {
            let what = "at some prices her cost falls without end: it has no best answer";
            let help = "accepted: two limits, a cost that is strongly convex, or method = \"multipliers\"";
            places.report(agent, &HIGH, what, help.to_owned(), desk);
        }
    }
}

/// Whether a cost has no minimiser at some price.
fn falls_without_end(cost: &Cost, low: &[f64], high: &[f64]) -> bool {
    let n = low.len();
    (0..n).any(|k| {
        [LARGEST, -LARGEST].into_iter().any(|size| {
            let mut slope = vec![0.0; n];
            slope[k] = size;
            cost.answer(Local { slope: &slope, curvature: None, low, high }).is_err()
        })
    })
}

/// What is accepted but looks like a mistake.
fn warn(plan: &Plan, couplings: &List, places: &Places<'_, '_, '_>, warnings: &mut Vec<String>) {
    for r in dependent(plan.problem()) {
        warnings.push(format!(
            "[resource]: coupling `{}` follows from those before it: prices are not unique (decisions and taxes are)",
            shorten(&couplings.names[r])
        ));
    }
    if !plan.essential().is_empty() {
        let names: Vec<String> =
            plan.essential().iter().map(|&i| shorten(&places.names.names[i]).to_string()).collect();
        warnings.push(format!(
            "the totals cannot be met without {}: who is needed cannot be dropped, and can hold the others up by refusing to \
             take part",
            list(&names, names.len(), 40)
        ));
    }
}

/// Couplings whose rows follow from those before them, by orthogonalisation of the rows of R.
fn dependent(problem: &Shared) -> Vec<usize> {
    let m = problem.couplings();
    let row = |r: usize| -> Vec<f64> {
        let of = problem.followers().iter();
        of.flat_map(|f| f.coupling[r * f.decisions()..(r + 1) * f.decisions()].iter().copied()).collect()
    };
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    let mut basis: Vec<Vec<f64>> = Vec::new();
    (0..m)
        .filter(|&r| {
            let mut v = row(r);
            let length = dot(&v, &v).sqrt();
            // Twice: once leaves what rounding made of nearly parallel rows.
            for own in basis.iter().chain(&basis) {
                let part = dot(&v, own);
                v.iter_mut().zip(own).for_each(|(x, b)| *x -= part * b);
            }
            let rest = dot(&v, &v).sqrt();
            if rest <= 1e-10 * length {
                return true;
            }
            v.iter_mut().for_each(|x| *x /= rest);
            basis.push(v);
            false
        })
        .collect()
}
