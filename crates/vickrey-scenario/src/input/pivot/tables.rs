//! Family `tables`: decisions, outcomes, utilities and transitions as numbers.

use vickrey::pivot::{Horizon, Kernel, Labels, Moves, Outcomes, Parts, Player, Public, Varying};

use super::Terms;
use super::build::{self, Built};
use super::list::{self, List};
use super::listed::{self, Listed};
use super::persons::{self, Person, Words};
use super::tree::{Node, ROW_SUM, Scope, Time, rounded};
use crate::diagnostic::{Problem, shorten};
use crate::input::Context;
use crate::input::keys::Key;
use crate::input::keys::pivot::{
    CHAIN, DECISION, FAMILY, FEASIBLE, NEEDS, OUTCOME, OUTCOME_CHANCE, OUTSIDE, PUBLIC_KEYS, PUBLIC_START,
    PUBLIC_TERMINAL, PUBLIC_TRANSITION, STATES, TABLES, TERMINAL, TRANSITION, TRANSITIONS, TYPES, UTILITIES,
    UTILITY, WORTH,
};
use crate::input::sheet::{Desk, Sheet};
use crate::input::table::Table;

/// What names there are, and how far things may differ.
pub(super) struct Frame<'t> {
    pub terms: &'t Terms,
    pub decisions: List,
    pub outcomes: List,
    pub publics: List,
    /// Decisions that are feasible in each outcome.
    pub feasible: Vec<Vec<usize>>,
}

impl Frame<'_> {
    /// Lengths of the axes of things that differ everywhere.
    pub fn full(&self) -> [usize; 3] {
        [self.terms.time().length(), self.decisions.len(), self.publics.len()]
    }

    fn scope<'s, 'a, 'i>(&'s self, sheet: &'s Sheet<'a, 'i>, key: &'static Key) -> Scope<'s, 'a, 'i> {
        Scope {
            sheet,
            key,
            decisions: Some(&self.decisions),
            publics: Some(&self.publics),
            time: self.terms.time(),
        }
    }

    fn scope_by_state<'s, 'a, 'i>(
        &'s self,
        sheet: &'s Sheet<'a, 'i>,
        key: &'static Key,
    ) -> Scope<'s, 'a, 'i> {
        Scope { decisions: None, ..self.scope(sheet, key) }
    }
}

pub(super) fn read(
    sheet: &Sheet<'_, '_>,
    terms: &Terms,
    desk: &mut Desk,
    context: &mut Context<'_>,
    notes: &mut Vec<String>,
) -> Option<Built> {
    let layout = &FAMILY[0];
    let public = sheet.section(layout.key("public"), desk);
    let publics = publics(public.as_ref(), desk);
    let (decisions, decision_sheets) = named(sheet, layout.key("decisions"), "decision", DECISION, desk);
    check_apart(&decisions, &publics, desk);
    let (outcomes, outcome_sheets) = named(sheet, layout.key("outcomes"), "outcome", OUTCOME, desk);
    let mut frame = Frame { terms, decisions, outcomes, publics, feasible: Vec::new() };
    let worth = worth(&frame, &decision_sheets, desk);
    let probability = probability(&frame, &outcome_sheets, desk);
    frame.feasible = feasible(&frame, &outcome_sheets, desk);
    let state = public_state(&frame, public.as_ref(), worth, desk);
    let words = Words::plain(layout, &TYPES, "type", terms.finer);
    let (names, persons) = persons::read(sheet, &words, desk);
    persons::check_somebody(sheet, persons.len(), "accepted: at least one, each in [[players]]", desk);
    let listed = tables(sheet, &frame, &names, &persons, desk, context);
    let players: Vec<Option<Player>> =
        persons.iter().enumerate().map(|(i, person)| player(&frame, i, person, &listed, desk)).collect();
    note_terminal(terms, &persons, notes);
    if desk.problems.count() > 0 {
        return None;
    }
    let nodes = persons::nodes(&persons);
    let types = persons.into_iter().map(|person| person.types.map_or_else(Vec::new, |types| types.names));
    let labels = Labels {
        types: types.collect(),
        players: names.names,
        publics: public.map_or_else(Vec::new, |_| frame.publics.names.clone()),
        outcomes: frame.outcomes.names.clone(),
        decisions: frame.decisions.names.clone(),
    };
    let parts = Parts {
        horizon: terms.horizon?,
        discount: terms.discount?,
        decisions: frame.decisions.len(),
        outcomes: Outcomes { feasible: frame.feasible, probability: probability? },
        public: state?,
        players: players.into_iter().collect::<Option<_>>()?,
        labels,
    };
    Some(Built { parts, goods: None, nodes })
}

/// Says that what nothing is said about the end is worth nothing.
pub(super) fn note_terminal(terms: &Terms, persons: &[Person<'_, '_>], notes: &mut Vec<String>) {
    let without = persons.iter().filter(|person| person.sheet.value("terminal").is_none()).count();
    if terms.is_infinite() || without == 0 {
        return;
    }
    let who = match persons.iter().find(|person| person.sheet.value("terminal").is_none()) {
        Some(person) if without < persons.len() => match without {
            1 => person.sheet.title.clone(),
            n => format!("{} and {} more", person.sheet.title, n - 1),
        },
        _ => "all players".to_owned(),
    };
    notes.push(format!("terminal utility: 0 for {who}, as no `terminal` is given"));
}

/// Sections of a list, with their names.
pub(super) fn named<'a, 'i>(
    sheet: &Sheet<'a, 'i>,
    key: &'static Key,
    what: &'static str,
    keys: &'static [Key],
    desk: &mut Desk,
) -> (List, Vec<Sheet<'a, 'i>>) {
    let mut names = List::new(what);
    let mut sections = sheet.sections(key, desk);
    for (index, section) in sections.iter_mut().enumerate() {
        list::heading(section, index, &keys[0], &mut names, desk);
        section.refuse_others(keys.iter().map(|key| key.name), desk);
    }
    let is_list = sheet.value(key.name).is_none_or(|value| value.get_ref().is_array());
    if sections.is_empty() && is_list {
        let help = format!("accepted: at least one, each in [[{}]]: {}", key.name, key.about);
        desk.at(sheet.place(key.name), format!("there are no {what}s"), "", help);
    }
    (names, sections)
}

/// The public states; one without a name if there is no section.
fn publics(public: Option<&Sheet<'_, '_>>, desk: &mut Desk) -> List {
    let one = || List::of("public state", ["the only state".to_owned()]);
    let Some(public) = public else { return one() };
    public.refuse_others(PUBLIC_KEYS.iter().map(|key| key.name), desk);
    if public.value(STATES.name).is_none() {
        public.missing(&STATES, STATES.about, desk);
    }
    List::read("public state", public, &STATES, |k, _| k.to_string(), desk).unwrap_or_else(one)
}

/// Reports names that are those of a decision and of a public state: tables by name could not be told apart.
fn check_apart(decisions: &List, publics: &List, desk: &mut Desk) {
    for (index, name) in decisions.names.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
        let Some(state) = publics.index(name) else { continue };
        let message = format!("a decision and a public state have the name `{}`", shorten(name));
        let source = &desk.source;
        let mut problem = Problem::new(message)
            .at(source, decisions.span(index).unwrap_or(0..0), "the decision")
            .with_help("accepted: different names, as utilities can be given by either");
        if let Some(at) = publics.span(state) {
            problem = problem.at(source, at, "the public state");
        }
        desk.problems.push(problem);
    }
}

/// What decisions are worth to the public.
fn worth(frame: &Frame<'_>, sheets: &[Sheet<'_, '_>], desk: &mut Desk) -> Option<Varying<f64>> {
    let nodes: Vec<Option<Node<f64>>> = sheets
        .iter()
        .map(|sheet| {
            let scope = frame.scope_by_state(sheet, &WORTH);
            Node::read(&scope, scope.value()?, &|value, desk| scope.numbers(value, desk), desk)
        })
        .collect();
    let mut shape = [1, 1, 1];
    for node in nodes.iter().flatten() {
        let inner = node.shape(frame.full());
        shape = [shape[0].max(inner[0]), frame.decisions.len(), shape[2].max(inner[2])];
    }
    let at = |t, a: usize, s| nodes.get(a)?.as_ref()?.at(t, a, s).copied();
    frame.fits(shape, 8.0, "what decisions are worth to the public", desk)?;
    Some(Varying::from_fn(shape, |t, a, s| at(t, a, s).unwrap_or(0.0)))
}

fn probability(frame: &Frame<'_>, sheets: &[Sheet<'_, '_>], desk: &mut Desk) -> Option<Varying<Vec<f64>>> {
    let before = desk.problems.count();
    let mut nodes = Vec::new();
    for sheet in sheets {
        let scope = frame.scope_by_state(sheet, &OUTCOME_CHANCE);
        let Some(value) = scope.value() else {
            sheet.missing(&OUTCOME_CHANCE, OUTCOME_CHANCE.about, desk);
            continue;
        };
        let Some(node) = Node::read(&scope, value, &|value, desk| scope.numbers(value, desk), desk) else {
            continue;
        };
        if let Some([_, _, s]) = node.gap(frame.full()) {
            let accepted = "a probability for every public state (or `else`)";
            let found = format!("nothing for public state `{}`", shorten(&frame.publics.names[s]));
            scope.refuse(value.span(), "", &found, accepted, desk);
        }
        nodes.push(node);
    }
    if desk.problems.count() > before || nodes.is_empty() {
        return None;
    }
    let shape = nodes
        .iter()
        .map(|node| node.shape(frame.full()))
        .fold([1; 3], |all, one| [all[0].max(one[0]), 1, all[2].max(one[2])]);
    frame.fits(shape, 24.0 + 8.0 * nodes.len() as f64, "probabilities of outcomes", desk)?;
    let row = |t, s| nodes.iter().map(|node| node.at(t, 0, s).copied().unwrap_or(0.0)).collect::<Vec<f64>>();
    let table = Varying::from_fn(shape, |t, _, s| row(t, s));
    let wrong = |row: &Vec<f64>| (row.iter().sum::<f64>() - 1.0).abs() > ROW_SUM;
    if let Some(k) = table.entries().iter().position(wrong) {
        let sum = rounded(table.entries()[k].iter().sum());
        let mut when = String::new();
        if shape[0] > 1 {
            when.push_str(&format!(" in period {}", k / shape[2]));
        }
        if shape[2] > 1 {
            when.push_str(&format!(" in public state `{}`", shorten(&frame.publics.names[k % shape[2]])));
        }
        let message =
            format!("the probabilities of all outcomes add up to {sum}{when}, accepted is a sum of 1");
        let last = sheets.last()?;
        desk.at(last.place(OUTCOME_CHANCE.name), message, "the last of them", OUTCOME_CHANCE.about.into());
        return None;
    }
    Some(table)
}

fn feasible(frame: &Frame<'_>, sheets: &[Sheet<'_, '_>], desk: &mut Desk) -> Vec<Vec<usize>> {
    let mut all = Vec::new();
    for sheet in sheets {
        if sheet.value(FEASIBLE.name).is_none() {
            sheet.missing(&FEASIBLE, FEASIBLE.about, desk);
        }
        let set = frame.decisions.several(sheet, &FEASIBLE, desk);
        if set.as_ref().is_some_and(Vec::is_empty) {
            let message = format!("{}: `decisions` is empty, accepted is at least one decision", sheet.title);
            let help =
                "if nothing can be done, that is a decision as well: add one named \"nothing\", for example";
            desk.at(sheet.place(FEASIBLE.name), message, "nothing is feasible", help.into());
        }
        all.push(set.unwrap_or_default());
    }
    all
}

fn public_state(
    frame: &Frame<'_>,
    public: Option<&Sheet<'_, '_>>,
    worth: Option<Varying<f64>>,
    desk: &mut Desk,
) -> Option<Public> {
    let mut state = Public { states: frame.publics.len(), ..Public::nothing() };
    let [_, decisions, _] = frame.full();
    let scope = |sheet, key| Scope { publics: None, ..frame.scope(sheet, key) };
    let node = match public.and_then(|sheet| Some((sheet, sheet.value(PUBLIC_TRANSITION.name)?))) {
        Some((sheet, value)) => {
            let scope = scope(sheet, &PUBLIC_TRANSITION);
            let leaf = |value: super::tree::Value<'_, '_>, desk: &mut Desk| {
                scope.kernels(value, &frame.publics, desk)
            };
            let node = Node::read(&scope, value, &leaf, desk);
            if let Some([_, a, _]) = node.as_ref().and_then(|node| node.gap([1, decisions, 1])) {
                let found = format!("nothing for decision `{}`", shorten(&frame.decisions.names[a]));
                scope.refuse(value.span(), "", &found, "a matrix for every decision (or `else`)", desk);
                return None;
            }
            node
        }
        None => Some(Node::Leaf(vec![Kernel::identity(frame.publics.len())])),
    };
    if let Some(sheet) = public {
        state.start = public_start(frame, sheet, desk).unwrap_or(0);
        state.terminal = public_terminal(frame, sheet, desk).unwrap_or_default();
    }
    let node = node?;
    let shape = node.shape(frame.full());
    frame.fits([shape[0], shape[1], frame.publics.len()], 8.0, "transitions of the public state", desk)?;
    state.moves = build::public_moves(&node, frame.full());
    state.utility = worth?;
    Some(state)
}

fn public_start(frame: &Frame<'_>, sheet: &Sheet<'_, '_>, desk: &mut Desk) -> Option<usize> {
    if sheet.value(PUBLIC_START.name).is_none() {
        if frame.publics.len() > 1 {
            sheet.missing(&PUBLIC_START, PUBLIC_START.about, desk);
        }
        return None;
    }
    let name = sheet.text(&PUBLIC_START, desk)?;
    frame.publics.find(&sheet.title, &PUBLIC_START, name, sheet.place(PUBLIC_START.name), desk)
}

fn public_terminal(frame: &Frame<'_>, sheet: &Sheet<'_, '_>, desk: &mut Desk) -> Option<Vec<f64>> {
    let scope = Scope { time: Time::Never, ..frame.scope_by_state(sheet, &PUBLIC_TERMINAL) };
    let value = scope.value()?;
    refuse_end(frame.terms, &scope, desk)?;
    let n = frame.publics.len();
    if value.get_ref().is_table() {
        let node = Node::read(&scope, value, &|value, desk| scope.numbers(value, desk), desk)?;
        return Some((0..n).map(|s| node.at(0, 0, s).copied().unwrap_or(0.0)).collect());
    }
    scope.by_type(value, &frame.publics, desk)?.into_iter().next()
}

/// Reports a terminal utility where there is no end.
pub(super) fn refuse_end(terms: &Terms, scope: &Scope<'_, '_, '_>, desk: &mut Desk) -> Option<()> {
    if !terms.is_infinite() {
        return Some(());
    }
    let message =
        format!("{}: `{}` is given, but the horizon is infinite", scope.sheet.title, scope.key.name);
    let help = "accepted for a finite horizon only: what never ends is worth nothing at the end".to_owned();
    desk.at(scope.sheet.key_place(scope.key.name), message, "not accepted here", help);
    None
}

/// Utilities and transitions of players in tables.
fn tables(
    sheet: &Sheet<'_, '_>,
    frame: &Frame<'_>,
    names: &List,
    persons: &[Person<'_, '_>],
    desk: &mut Desk,
    context: &mut Context<'_>,
) -> (Listed, Listed) {
    let (mut utilities, mut transitions) = (Listed::default(), Listed::default());
    let Some(section) = sheet.section(FAMILY[0].key("tables"), desk) else { return (utilities, transitions) };
    section.refuse_others(TABLES.iter().map(|key| key.name), desk);
    if let Some(table) = Table::asked(&section, &UTILITIES, desk, context) {
        utilities = listed::utilities(&table, frame, names, persons, desk);
    }
    match Table::asked(&section, &TRANSITIONS, desk, context) {
        Some(table) => transitions = listed::transitions(&table, frame, names, persons, desk),
        None => transitions.is_refused = section.value(TRANSITIONS.name).is_some(),
    }
    (utilities, transitions)
}

fn player(
    frame: &Frame<'_>,
    i: usize,
    person: &Person<'_, '_>,
    listed: &(Listed, Listed),
    desk: &mut Desk,
) -> Option<Player> {
    let sheet = &person.sheet;
    let absent = needs(frame, sheet, desk);
    let types = person.types.as_ref()?;
    let (utilities, transitions) = listed;
    let utility = match (sheet.value(UTILITY.name), utilities.get(i)) {
        (Some(_), Some(rows)) => rows.refuse_second(sheet, &UTILITY, desk),
        (None, Some(rows)) => Some(rows.utility(frame.full(), types.len())),
        _ => utility(frame, &frame.scope(sheet, &UTILITY), types, desk),
    };
    let moves = match (sheet.value(TRANSITION.name), transitions.get(i)) {
        (Some(_), Some(rows)) => rows.refuse_second(sheet, &TRANSITION, desk),
        (None, Some(rows)) if person.chain.is_some() => rows.refuse_second(sheet, &CHAIN, desk),
        (None, Some(rows)) => rows.moves(frame, types, desk),
        (None, None) if transitions.is_refused => None,
        (None, None) if person.chain.is_some() => person.chain.clone().map(Moves::constant),
        _ => moves(frame, sheet, types, desk),
    };
    let terminal = terminal(frame, sheet, types, desk);
    let outside = outside(frame, sheet, types, desk);
    Some(Player {
        types: types.len(),
        utility: utility?,
        moves: moves?,
        terminal: terminal?,
        prior: person.prior.clone()?,
        absent,
        outside,
    })
}

/// What periods are worth to a player; 0 where nothing is said.
fn utility(
    frame: &Frame<'_>,
    scope: &Scope<'_, '_, '_>,
    types: &List,
    desk: &mut Desk,
) -> Option<Varying<Vec<f64>>> {
    let Some(value) = scope.value() else { return Some(Varying::constant(vec![0.0; types.len()])) };
    let leaf = |value: super::tree::Value<'_, '_>, desk: &mut Desk| scope.by_type(value, types, desk);
    let node = Node::read(scope, value, &leaf, desk)?;
    let bytes = 24.0 + 8.0 * types.len() as f64;
    frame.fits(node.shape(frame.full()), bytes, &format!("utilities of {}", scope.sheet.title), desk)?;
    Some(node.table(frame.full(), |row| row.cloned().unwrap_or_else(|| vec![0.0; types.len()])))
}

fn moves(frame: &Frame<'_>, sheet: &Sheet<'_, '_>, types: &List, desk: &mut Desk) -> Option<Moves<Kernel>> {
    let scope = frame.scope(sheet, &TRANSITION);
    let Some(value) = scope.value() else {
        if types.len() == 1 {
            return Some(Moves::constant(Kernel::identity(1)));
        }
        sheet.missing(&TRANSITION, TRANSITION.about, desk);
        return None;
    };
    let leaf = |value: super::tree::Value<'_, '_>, desk: &mut Desk| scope.kernels(value, types, desk);
    let node = Node::read(&scope, value, &leaf, desk)?;
    frame.fits(node.shape(frame.full()), 8.0, &format!("transitions of {}", sheet.title), desk)?;
    if let Some([_, a, s]) = node.gap(frame.full()) {
        let [_, decisions, publics] = node.shape(frame.full());
        let found = frame.words("nothing", (decisions > 1).then_some(a), (publics > 1).then_some(s));
        scope.refuse(
            value.span(),
            "",
            &found,
            "a matrix for every decision and public state (or `else`)",
            desk,
        );
        return None;
    }
    Some(build::moves(&node, frame.full()))
}

fn terminal(
    frame: &Frame<'_>,
    sheet: &Sheet<'_, '_>,
    types: &List,
    desk: &mut Desk,
) -> Option<Option<Varying<Vec<f64>>>> {
    let scope = Scope { time: Time::Never, ..frame.scope_by_state(sheet, &TERMINAL) };
    if scope.value().is_some() {
        refuse_end(frame.terms, &scope, desk)?;
    } else if frame.terms.horizon == Some(Horizon::Infinite) {
        return Some(None);
    }
    utility(frame, &scope, types, desk).map(Some)
}

fn outside(
    frame: &Frame<'_>,
    sheet: &Sheet<'_, '_>,
    types: &List,
    desk: &mut Desk,
) -> Option<Varying<Vec<f64>>> {
    let scope = frame.scope_by_state(sheet, &OUTSIDE);
    scope.value()?;
    utility(frame, &scope, types, desk)
}

/// Decisions that are possible without a player, if it is said which need her.
fn needs(frame: &Frame<'_>, sheet: &Sheet<'_, '_>, desk: &mut Desk) -> Option<Vec<Vec<usize>>> {
    let needs = frame.decisions.several(sheet, &NEEDS, desk)?;
    let absent = build::absent(&frame.feasible, |a| needs.contains(&a));
    let stranded =
        absent.iter().zip(&frame.feasible).position(|(left, all)| left.is_empty() && !all.is_empty());
    if let Some(z) = stranded {
        let outcome = shorten(&frame.outcomes.names[z]);
        let message = format!("{}: `needs`: outcome `{outcome}` is left without any decision", sheet.title);
        let help =
            "accepted: in every outcome at least one feasible decision that does not need her".to_owned();
        desk.at(sheet.place(NEEDS.name), message, "nothing is possible without her", help);
        return None;
    }
    Some(absent)
}

impl Frame<'_> {
    /// Whether a table of this shape may be built; reports that it may not.
    pub fn fits(&self, shape: [usize; 3], bytes: f64, what: &str, desk: &mut Desk) -> Option<()> {
        let entries = shape.iter().fold(1.0, |product, n| product * *n as f64);
        let of = || {
            let [periods, decisions, publics] = shape;
            format!("{what}, for {periods} periods x {decisions} decisions x {publics} public states,")
        };
        super::size::enough(entries * bytes, of, self.terms, desk).then_some(())
    }

    /// "nothing for decision `x` in public state `y`"
    pub fn words(&self, what: &str, decision: Option<usize>, public: Option<usize>) -> String {
        let decision = decision
            .map_or_else(String::new, |a| format!(" for decision `{}`", shorten(&self.decisions.names[a])));
        let public = public
            .map_or_else(String::new, |s| format!(" in public state `{}`", shorten(&self.publics.names[s])));
        format!("{what}{decision}{public}")
    }
}
