//! What the players of all families have: a name, types, and a type to start from.

use vickrey::pivot::Kernel;

use super::function;
use super::list::{self, List};
use super::tree::{Scope, Time};
use crate::diagnostic::shorten;
use crate::input::keys::pivot::{CHAIN, PLAYER_NAME, PRIOR, START};
use crate::input::keys::{Agents, Key, Kind, Layout};
use crate::input::sheet::{Desk, Sheet};

/// A player as she stands in the file.
pub(super) struct Person<'a, 'i> {
    pub sheet: Sheet<'a, 'i>,
    /// None if they could not be read.
    pub types: Option<List>,
    /// None if it could not be read.
    pub prior: Option<Vec<f64>>,
    /// How her type moves, if it is a number on a grid.
    pub chain: Option<Kernel>,
}

/// How a family calls types.
pub(super) struct Words {
    pub layout: &'static Layout,
    pub key: &'static Key,
    /// One of them.
    pub one: &'static str,
    /// Their names where they are counted: from the number of one and of all.
    pub numbered: fn(u64, u64) -> String,
    /// How many times as fine as they are written grids are made.
    pub finer: usize,
}

impl Words {
    pub fn plain(layout: &'static Layout, key: &'static Key, one: &'static str, finer: usize) -> Self {
        Self { layout, key, one, numbered: |k, _| k.to_string(), finer }
    }
}

/// Where the types of every player lie, if they are numbers on a grid; nothing for the others.
pub(super) fn nodes(persons: &[Person<'_, '_>]) -> Vec<Vec<f64>> {
    let of =
        |person: &Person<'_, '_>| person.types.as_ref().map_or_else(Vec::new, |types| types.nodes.clone());
    persons.iter().map(of).collect()
}

/// All players of the file, and their names.
pub(super) fn read<'a, 'i>(
    sheet: &Sheet<'a, 'i>,
    words: &Words,
    desk: &mut Desk,
) -> (List, Vec<Person<'a, 'i>>) {
    let mut names = List::new("player");
    let key = words.layout.key("players");
    let accepted: &[&[Key]] = match key.kind {
        Kind::Agents(Agents::Complete(keys)) => keys,
        _ => &[],
    };
    let mut persons = Vec::new();
    for (index, mut sheet) in sheet.sections(key, desk).into_iter().enumerate() {
        list::heading(&mut sheet, index, &PLAYER_NAME, &mut names, desk);
        sheet.refuse_others(accepted.iter().copied().flatten().map(|key| key.name), desk);
        persons.push(if sheet.value(CHAIN.name).is_some() && takes_chain(accepted) {
            on_grid(sheet, words, desk)
        } else {
            let types = types(&sheet, words, desk);
            let prior = types.as_ref().and_then(|types| prior(&sheet, types, desk));
            Person { sheet, types, prior, chain: None }
        });
    }
    (names, persons)
}

fn takes_chain(accepted: &[&[Key]]) -> bool {
    accepted.iter().copied().flatten().any(|key| key.name == CHAIN.name)
}

fn types(sheet: &Sheet<'_, '_>, words: &Words, desk: &mut Desk) -> Option<List> {
    match sheet.value(words.key.name) {
        Some(_) => List::read(words.one, sheet, words.key, words.numbered, desk),
        None if words.key.required => {
            sheet.missing(words.key, words.key.about, desk);
            None
        }
        None => Some(List::of(words.one, [(words.numbered)(0, 1)])),
    }
}

/// A player whose types are nodes of a grid.
fn on_grid<'a, 'i>(sheet: Sheet<'a, 'i>, words: &Words, desk: &mut Desk) -> Person<'a, 'i> {
    for key in [words.key.name, "transition"].into_iter().filter(|key| sheet.value(key).is_some()) {
        let message = format!("{}: both `chain` and `{key}` are given", sheet.title);
        desk.at(sheet.key_place(key), message, "one too many", CHAIN.about.to_owned());
    }
    let (types, chain, stationary) = match function::chain(&sheet, words, desk) {
        Some((types, chain, stationary)) => (Some(types), Some(chain), Some(stationary)),
        None => (None, None, None),
    };
    // Finer grids are for checking results, which no start enters; and nodes have other names there.
    let is_said = words.finer == 1 && [&START, &PRIOR].iter().any(|key| sheet.value(key.name).is_some());
    let prior = match &types {
        Some(types) if is_said => prior(&sheet, types, desk),
        _ => stationary,
    };
    Person { sheet, types, prior, chain }
}

/// Reports that there is nobody.
pub(super) fn check_somebody(sheet: &Sheet<'_, '_>, count: usize, help: &str, desk: &mut Desk) {
    if count == 0 && sheet.value("players").is_none_or(|value| value.get_ref().is_array()) {
        desk.at(sheet.place("players"), "there are no players".to_owned(), "", help.to_owned());
    }
}

fn prior(sheet: &Sheet<'_, '_>, types: &List, desk: &mut Desk) -> Option<Vec<f64>> {
    let given = [&START, &PRIOR].map(|key| sheet.value(key.name).is_some());
    match given {
        [true, true] => {
            let message = format!("{}: both `start` and `prior` are given", sheet.title);
            desk.at(sheet.key_place("prior"), message, "one too many", "accepted: one of the two".into());
            None
        }
        [true, false] => {
            let name = sheet.text(&START, desk)?;
            let start = types.find(&sheet.title, &START, name, sheet.place("start"), desk)?;
            Some((0..types.len()).map(|k| f64::from(u8::from(k == start))).collect())
        }
        [false, true] => {
            let scope = Scope { sheet, key: &PRIOR, decisions: None, publics: None, time: Time::Never };
            let nest = scope.nest(scope.value()?, desk)?;
            scope.distribution(&nest, types.len(), "", desk)
        }
        [false, false] if types.len() == 1 => Some(vec![1.0]),
        [false, false] => {
            let first = types.names.first().map_or("…", String::as_str);
            let help = format!(
                "accepted: start = \"{}\" (or another of her {}s), or prior = [a probability for each of the {}]",
                shorten(first),
                types.what,
                types.len()
            );
            sheet.missing(&START, &help, desk);
            None
        }
    }
}
