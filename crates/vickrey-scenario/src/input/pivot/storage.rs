//! Family `storage`: providers take up imbalances.

use vickrey::pivot::{Horizon, Kernel, Labels, Moves, Outcomes, Parts, Player, Public, Varying};

use super::Terms;
use super::build::{self, Built, Laws};
use super::list::{self, List};
use super::persons::{self, Person, Words};
use super::size;
use super::tables::{named, note_terminal, refuse_end};
use super::tree::{Node, Scope, Time, Value};
use crate::diagnostic::shorten;
use crate::input::keys::Key;
use crate::input::keys::pivot::{
    CHANCE_OF, CHARGE, COST, CURTAILMENT, DRIFT, FAMILY, IMBALANCE, LEVEL_NAMES, LEVEL_TERMINAL,
    OUTSIDE_CHARGE, REST, UNUSED, USED,
};
use crate::input::sheet::{Desk, Sheet};

/// The imbalances, and what can be done about them.
struct Frame<'t> {
    terms: &'t Terms,
    imbalances: List,
    /// By imbalance: whether it has one, and which, if that could be read.
    charge: Vec<(bool, Option<i64>)>,
    curtailment: Vec<f64>,
    players: usize,
}

impl Frame<'_> {
    /// Decisions: 0 nothing; then for every imbalance who takes it, and that nobody does.
    fn taken(&self, imbalance: usize, player: usize) -> usize {
        1 + imbalance * (self.players + 1) + player
    }

    fn curtailed(&self, imbalance: usize) -> usize {
        self.taken(imbalance, self.players)
    }

    fn decisions(&self) -> usize {
        1 + self.imbalances.len() * (self.players + 1)
    }

    /// By decision: the imbalance that a player takes with it.
    fn by(&self, player: usize) -> impl Iterator<Item = Option<usize>> {
        (0..self.decisions()).map(move |a| {
            let k = a.checked_sub(1)?;
            (k % (self.players + 1) == player).then_some(k / (self.players + 1))
        })
    }

    fn scope<'s, 'a, 'i>(
        &'s self,
        sheet: &'s Sheet<'a, 'i>,
        key: &'static Key,
        by_name: bool,
    ) -> Scope<'s, 'a, 'i> {
        let decisions = by_name.then_some(&self.imbalances);
        Scope { sheet, key, decisions, publics: None, time: Time::Never }
    }
}

pub(super) fn read(
    sheet: &Sheet<'_, '_>,
    terms: &Terms,
    desk: &mut Desk,
    notes: &mut Vec<String>,
) -> Option<Built> {
    let layout = &FAMILY[2];
    let (imbalances, sheets) = named(sheet, layout.key("imbalances"), "imbalance", IMBALANCE, desk);
    let probability = chances(terms, &sheets, "imbalance", desk);
    let curtailment = sheets.iter().map(|sheet| needed(sheet, &CURTAILMENT, desk).unwrap_or(0.0)).collect();
    let charge =
        sheets.iter().map(|sheet| (sheet.value(CHARGE.name).is_some(), charge(sheet, desk))).collect();
    let words = Words { layout, key: &LEVEL_NAMES, one: "level", numbered: percent, finer: 1 };
    let (names, persons) = persons::read(sheet, &words, desk);
    persons::check_somebody(
        sheet,
        persons.len(),
        "accepted: at least one provider, each in [[players]]",
        desk,
    );
    let frame = Frame { terms, imbalances, charge, curtailment, players: persons.len() };
    let types = persons.iter().filter_map(|person| person.types.as_ref()).map(List::len);
    if !size::by_decision("providers", frame.decisions(), types, terms, desk) {
        return None;
    }
    let feasible = feasible(&frame);
    let players: Vec<Option<Player>> =
        persons.iter().enumerate().map(|(i, person)| player(&frame, i, person, &feasible, desk)).collect();
    note_terminal(terms, &persons, notes);
    if desk.problems.count() > 0 {
        return None;
    }
    let types = persons.into_iter().map(|person| person.types.map_or_else(Vec::new, |types| types.names));
    let labels = Labels {
        types: types.collect(),
        publics: Vec::new(),
        outcomes: std::iter::once("none".to_owned()).chain(frame.imbalances.names.iter().cloned()).collect(),
        decisions: decisions(&frame, &names),
        players: names.names,
    };
    let mut public = Public::nothing();
    public.utility = Varying::by_decision(
        (0..frame.decisions())
            .map(|a| {
                (0..frame.imbalances.len())
                    .find(|m| frame.curtailed(*m) == a)
                    .map_or(0.0, |m| -frame.curtailment[m])
            })
            .collect(),
    );
    let parts = Parts {
        horizon: terms.horizon?,
        discount: terms.discount?,
        decisions: frame.decisions(),
        outcomes: Outcomes { feasible, probability: probability? },
        public,
        players: players.into_iter().collect::<Option<_>>()?,
        labels,
    };
    Some(Built { parts, goods: None, nodes: Vec::new() })
}

fn percent(k: u64, count: u64) -> String {
    let share = if count > 1 { 100.0 * k as f64 / (count - 1) as f64 } else { 100.0 };
    format!("{} %", (share * 100.0).round() / 100.0)
}

/// Probabilities of none and of each, by period if any differs.
pub(super) fn chances(
    terms: &Terms,
    sheets: &[Sheet<'_, '_>],
    what: &str,
    desk: &mut Desk,
) -> Option<Varying<Vec<f64>>> {
    let mut all = Vec::new();
    for sheet in sheets {
        let scope = Scope { sheet, key: &CHANCE_OF, decisions: None, publics: None, time: terms.time() };
        match scope.value() {
            Some(value) => all.push(scope.numbers(value, desk)),
            None => {
                sheet.missing(&CHANCE_OF, CHANCE_OF.about, desk);
                all.push(None);
            }
        }
    }
    let all: Vec<Vec<f64>> = all.into_iter().collect::<Option<_>>()?;
    let periods = all.iter().map(Vec::len).max().unwrap_or(1);
    let at = |numbers: &Vec<f64>, t: usize| numbers[if numbers.len() == 1 { 0 } else { t }];
    let mut rows = Vec::with_capacity(periods);
    for t in 0..periods {
        let sum: f64 = all.iter().map(|numbers| at(numbers, t)).sum();
        if sum > 1.0 + super::tree::ROW_SUM {
            let when = if periods > 1 { format!(" in period {t}") } else { String::new() };
            let message = format!(
                "the probabilities of all {what}s add up to {}{when}, accepted is at most 1",
                super::tree::rounded(sum)
            );
            let last = sheets.last()?;
            desk.at(last.place(CHANCE_OF.name), message, "the last of them", CHANCE_OF.about.into());
            return None;
        }
        // What rounding leaves is no chance of nothing.
        let none = if 1.0 - sum < 1e-12 { 0.0 } else { 1.0 - sum };
        rows.push(std::iter::once(none).chain(all.iter().map(|numbers| at(numbers, t))).collect());
    }
    let mut rows = rows.into_iter();
    Some(Varying::from_fn([periods, 1, 1], |_, _, _| rows.next().unwrap_or_default()))
}

/// A number that is required.
fn needed(sheet: &Sheet<'_, '_>, key: &'static Key, desk: &mut Desk) -> Option<f64> {
    if sheet.value(key.name).is_none() {
        sheet.missing(key, key.about, desk);
    }
    list::number(sheet, key, desk)
}

fn charge(sheet: &Sheet<'_, '_>, desk: &mut Desk) -> Option<i64> {
    let steps = list::number(sheet, &CHARGE, desk)?;
    if steps.fract() == 0.0 {
        return Some(steps as i64);
    }
    sheet.wrong(CHARGE.name, sheet.value(CHARGE.name)?, "a whole number of levels", CHARGE.about, desk);
    None
}

fn feasible(frame: &Frame<'_>) -> Vec<Vec<usize>> {
    let of = |m: usize| (0..=frame.players).map(|i| frame.taken(m, i)).collect();
    std::iter::once(vec![0]).chain((0..frame.imbalances.len()).map(of)).collect()
}

fn decisions(frame: &Frame<'_>, players: &List) -> Vec<String> {
    let imbalances = &frame.imbalances.names;
    let mut labels = vec!["nothing".to_owned()];
    for imbalance in imbalances {
        labels.extend(players.names.iter().map(|player| match imbalances.len() {
            1 => player.clone(),
            _ => format!("{player} takes {imbalance}"),
        }));
        labels.push(if imbalances.len() == 1 {
            "curtail".to_owned()
        } else {
            format!("curtail {imbalance}")
        });
    }
    labels
}

fn player(
    frame: &Frame<'_>,
    i: usize,
    person: &Person<'_, '_>,
    feasible: &[Vec<usize>],
    desk: &mut Desk,
) -> Option<Player> {
    let levels = person.types.as_ref()?;
    let sheet = &person.sheet;
    let cost = by_imbalance(
        &frame.scope(sheet, &COST, true),
        |scope, value, desk| scope.by_type(value, levels, desk),
        desk,
    );
    let unused = unused(frame, sheet, levels, desk);
    let used = used(frame, sheet, levels, unused.as_ref(), desk);
    let terminal = terminal(frame, sheet, levels, desk);
    let outside = sheet.value(OUTSIDE_CHARGE.name).and_then(|value| {
        frame.scope(sheet, &OUTSIDE_CHARGE, false).by_type(value, levels, desk)?.into_iter().next()
    });
    let (cost, unused, used) = (cost?, unused?, used?);
    let n = levels.len();
    let utility = frame.by(i).map(|taken| match taken {
        Some(m) => cost.at(0, m, 0).map_or_else(|| vec![0.0; n], |row| row.iter().map(|c| 0.0 - c).collect()),
        None => vec![0.0; n],
    });
    let mut laws = Laws::default();
    let which = frame.by(i).map(|taken| match taken {
        Some(m) => laws.kernel(&used[m]),
        None => laws.kernel(&unused),
    });
    let which = Varying::by_decision(which.collect());
    let own: Vec<bool> = frame.by(i).map(|taken| taken.is_some()).collect();
    Some(Player {
        types: n,
        utility: Varying::by_decision(utility.collect()),
        moves: Moves::of(laws.laws, which),
        terminal: terminal?,
        prior: person.prior.clone()?,
        absent: Some(build::absent(feasible, |a| own[a])),
        outside: outside.map(Varying::constant),
    })
}

/// A value that may differ by imbalance, with something for each of them.
fn by_imbalance<L>(
    scope: &Scope<'_, '_, '_>,
    leaf: impl Fn(&Scope<'_, '_, '_>, Value<'_, '_>, &mut Desk) -> Option<Vec<L>>,
    desk: &mut Desk,
) -> Option<Node<L>> {
    let Some(value) = scope.value() else {
        scope.sheet.missing(scope.key, scope.key.about, desk);
        return None;
    };
    let node = Node::read(scope, value, &|value, desk| leaf(scope, value, desk), desk)?;
    let imbalances = scope.decisions?;
    if let Some([_, m, _]) = node.gap([1, imbalances.len(), 1]) {
        let found = format!("nothing for imbalance `{}`", shorten(&imbalances.names[m]));
        scope.refuse(value.span(), "", &found, "something for every imbalance (or `else`)", desk);
        return None;
    }
    Some(node)
}

/// How charge moves by itself.
fn unused(frame: &Frame<'_>, sheet: &Sheet<'_, '_>, levels: &List, desk: &mut Desk) -> Option<Kernel> {
    let given = [&UNUSED, &DRIFT].map(|key| sheet.value(key.name));
    let scope = frame.scope(sheet, &UNUSED, false);
    if given[1].is_none() && sheet.value(REST.name).is_some() {
        let message = format!("{}: `rest` is given without `drift`", sheet.title);
        let help = "accepted: both, or none of them and `unused`".to_owned();
        desk.at(sheet.key_place(REST.name), message, "`drift` is missing", help);
        return None;
    }
    match given {
        [Some(_), Some(_)] => {
            let message = format!("{}: both `unused` and `drift` are given", sheet.title);
            desk.at(sheet.key_place(DRIFT.name), message, "one too many", "accepted: one of the two".into());
            None
        }
        [Some(value), None] => scope.kernels(value, levels, desk)?.into_iter().next(),
        [None, Some(_)] => drift(sheet, levels, desk),
        [None, None] if levels.len() == 1 => Some(Kernel::identity(1)),
        [None, None] => {
            let help =
                "accepted: unused = a matrix or \"stays\", or drift = a probability and rest = a level";
            sheet.missing(&UNUSED, help, desk);
            None
        }
    }
}

/// With a probability one level nearer to that of rest.
fn drift(sheet: &Sheet<'_, '_>, levels: &List, desk: &mut Desk) -> Option<Kernel> {
    let p = list::number(sheet, &DRIFT, desk);
    if sheet.value(REST.name).is_none() {
        sheet.missing(&REST, REST.about, desk);
    }
    let rest = levels.find(&sheet.title, &REST, sheet.text(&REST, desk)?, sheet.place(REST.name), desk);
    let (p, rest, n) = (p?, rest?, levels.len());
    let mut rows = vec![0.0; n * n];
    for from in 0..n {
        let to = match from.cmp(&rest) {
            std::cmp::Ordering::Less => from + 1,
            std::cmp::Ordering::Equal => from,
            std::cmp::Ordering::Greater => from - 1,
        };
        rows[from * n + from] += 1.0 - p;
        rows[from * n + to] += p;
    }
    if p > 0.0 {
        rows[rest * n + rest] = 1.0;
    }
    Some(Kernel::new(n, rows))
}

/// How charge moves with each imbalance that is taken.
fn used(
    frame: &Frame<'_>,
    sheet: &Sheet<'_, '_>,
    levels: &List,
    unused: Option<&Kernel>,
    desk: &mut Desk,
) -> Option<Vec<Kernel>> {
    let scope = frame.scope(sheet, &USED, true);
    if scope.value().is_some() {
        let node = by_imbalance(&scope, |scope, value, desk| scope.kernels(value, levels, desk), desk)?;
        return (0..frame.imbalances.len()).map(|m| node.at(0, m, 0).cloned()).collect();
    }
    if let Some(m) = frame.charge.iter().position(|(given, _)| !given) {
        let imbalance = shorten(&frame.imbalances.names[m]);
        let help = format!(
            "accepted: used = a matrix, or `charge` of imbalance `{imbalance}` = by how many levels it moves her charge"
        );
        sheet.missing(&USED, &help, desk);
        return None;
    }
    let unused = unused?;
    let n = levels.len();
    let moved = |steps: i64| {
        let rows = (0..n).flat_map(|from| {
            let to = (from as i64 + steps).clamp(0, n as i64 - 1);
            unused.row(usize::try_from(to).unwrap_or(0)).to_vec()
        });
        Kernel::new(n, rows.collect())
    };
    frame.charge.iter().map(|(_, steps)| steps.map(moved)).collect()
}

fn terminal(
    frame: &Frame<'_>,
    sheet: &Sheet<'_, '_>,
    levels: &List,
    desk: &mut Desk,
) -> Option<Option<Varying<Vec<f64>>>> {
    let scope = frame.scope(sheet, &LEVEL_TERMINAL, false);
    if let Some(value) = scope.value() {
        refuse_end(frame.terms, &scope, desk)?;
        return Some(scope.by_type(value, levels, desk)?.into_iter().next().map(Varying::constant));
    }
    match frame.terms.horizon {
        Some(Horizon::Infinite) => Some(None),
        _ => Some(Some(Varying::constant(vec![0.0; levels.len()]))),
    }
}
