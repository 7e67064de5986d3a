//! Agents written in the scenario file, as `[[agents]]`.

use vickrey::market::{Utility, UtilityError};

use super::family::{self, BLOCKS, FAMILIES, Family, POINTS, Parameters, Spot};
use super::family_of;
use super::roster::{Entry, Roster};
use crate::diagnostic::{list, nearest, shorten, suggest};
use crate::input::keys::market::{LAYOUT, LISTS, PARAMETERS, UTILITY, pairs, parameter};
use crate::input::keys::{Key, Kind, NAME};
use crate::input::names;
use crate::input::sheet::{Desk, PairList, Sheet, Span};

pub(super) fn read(sheet: &Sheet<'_, '_>, desk: &mut Desk, roster: &mut Roster, has_blocks_table: bool) {
    for (index, mut agent) in sheet.sections(LAYOUT.key("agents"), desk).into_iter().enumerate() {
        let name = names::inline(&mut agent, index, desk);
        let entry = entry(&agent, desk, name, has_blocks_table);
        roster.add_inline(entry, agent.place(NAME.name));
    }
}

fn entry(agent: &Sheet<'_, '_>, desk: &mut Desk, name: Box<str>, has_blocks_table: bool) -> Entry {
    let mut entry = Entry { name, family: None, utility: None, waiting: None };
    if agent.value(UTILITY.name).is_none() {
        agent.missing(&UTILITY, &format!("accepted: {}", list(family::names())), desk);
    }
    let word =
        agent.choice(&UTILITY, family::names(), desk).and_then(|index| family_of(FAMILIES[index].name));
    let Some(index) = word else {
        // The family is unknown, so every key of any family may be right.
        let all = PARAMETERS.iter().chain(&LISTS).chain([&NAME, &UTILITY]).map(|key| key.name);
        agent.refuse_others(all, desk);
        return entry;
    };
    entry.family = Some(index);
    let family = &FAMILIES[index];
    refuse_foreign(agent, family, desk);
    let mut with = Parameters::default();
    for p in family.parameters().filter(|&p| agent.value(PARAMETERS[p].name).is_some()) {
        match agent.number(&PARAMETERS[p], desk) {
            Some(value) => with.set(p, value),
            None => with.refuse(p),
        }
    }
    for p in with.missing(family) {
        agent.missing(&PARAMETERS[p], &needs(family), desk);
    }
    if family.lists.is_empty() {
        entry.utility = from_numbers(agent, index, &with, desk);
    } else {
        let is_waiting = index == BLOCKS && has_blocks_table && lists_in(agent, family).next().is_none();
        entry.waiting = is_waiting.then(|| with.get(parameter::IDLE_VALUE).unwrap_or(0.0));
        entry.utility = if is_waiting { None } else { from_lists(agent, index, &with, desk) };
    }
    entry
}

/// The family's lists that are given.
fn lists_in<'a>(agent: &'a Sheet<'_, '_>, family: &Family) -> impl Iterator<Item = usize> + use<'a> {
    family.lists.iter().copied().filter(|&list| agent.value(LISTS[list].name).is_some())
}

fn from_numbers(agent: &Sheet<'_, '_>, index: usize, with: &Parameters, desk: &mut Desk) -> Option<Utility> {
    if with.missing(&FAMILIES[index]).next().is_none()
        && let Ok(utility) = family::utility(index, with)
    {
        return Some(utility);
    }
    for error in family::errors(index, with) {
        refused(agent, agent.place(error.field), error.field, &error, desk);
    }
    None
}

fn from_lists(agent: &Sheet<'_, '_>, index: usize, with: &Parameters, desk: &mut Desk) -> Option<Utility> {
    let family = &FAMILIES[index];
    let Some(given) = lists_in(agent, family).next() else {
        agent.missing(&LISTS[family.lists[0]], &needs(family), desk);
        return None;
    };
    let before = desk.problems.count();
    let lists = [pairs::BIDS, pairs::OFFERS, pairs::POINTS]
        .map(|list| pair_list(agent, family, list, desk).unwrap_or_default());
    if desk.problems.count() > before {
        return None;
    }
    let idle_value = with.get(parameter::IDLE_VALUE).unwrap_or(0.0);
    let [bids, offers, points] = &lists;
    let made = match index {
        POINTS => family::from_points(&points.values, idle_value),
        _ => family::from_blocks(&bids.values, &offers.values, idle_value),
    };
    let (spot, error) = match made {
        Ok(utility) => return Some(utility),
        Err(refused) => refused,
    };
    let (at, key) = match spot {
        Spot::Pair { list, index, second } => {
            let at = lists[list].spans.get(index).map(|pair| pair[usize::from(second)].clone());
            (at.unwrap_or_else(|| lists[list].span.clone()), LISTS[list].name)
        }
        Spot::Idle => {
            (agent.place(PARAMETERS[parameter::IDLE_VALUE].name), PARAMETERS[parameter::IDLE_VALUE].name)
        }
        Spot::Agent => {
            let key = &LISTS[given];
            let message = format!("{}: `{}` is empty, accepted is {}", agent.title, key.name, error.accepted);
            desk.at(agent.place(key.name), message, "empty", key.about.to_owned());
            return None;
        }
    };
    refused(agent, at, key, &error, desk);
    None
}

fn pair_list(agent: &Sheet<'_, '_>, family: &Family, list: usize, desk: &mut Desk) -> Option<PairList> {
    match &LISTS[list].kind {
        Kind::Pairs(pair) if family.lists.contains(&list) => agent.pairs(&LISTS[list], pair, desk),
        _ => None,
    }
}

/// What the family needs and takes, in words.
fn needs(family: &Family) -> String {
    let names = |keys: &[usize]| list(keys.iter().map(|&p| PARAMETERS[p].name));
    let lists = list(family.lists.iter().map(|&l| LISTS[l].name));
    match (family.required.is_empty(), family.lists.is_empty()) {
        (false, _) => {
            format!(
                "`{}` needs {}, and takes {}",
                family.name,
                names(family.required),
                names(family.optional)
            )
        }
        (true, false) => format!("`{}` needs {lists}, and takes {}", family.name, names(family.optional)),
        (true, true) => format!("`{}` takes {}", family.name, names(family.optional)),
    }
}

/// Reports keys that the family does not take.
fn refuse_foreign(agent: &Sheet<'_, '_>, family: &Family, desk: &mut Desk) {
    let accepted = || [&NAME, &UTILITY].into_iter().chain(family.keys()).map(|key: &Key| key.name);
    for (key, span) in agent.keys().filter(|(key, _)| !accepted().any(|accepted| accepted == *key)) {
        let message =
            format!("{}: `{}` is not a key of utility `{}`", agent.title, shorten(key), family.name);
        let (others, near) = (Family::with_key(key), nearest(key, accepted()));
        let help = if !others.is_empty() {
            format!("`{key}` belongs to {}; accepted: {}", list(others), list(accepted()))
        } else if let (None, Some(section)) = (near, LAYOUT.section_of(key)) {
            format!("`{key}` belongs to {section}; accepted: {}", list(accepted()))
        } else {
            suggest(key, accepted())
        };
        desk.at(span, message, "unknown key", help);
    }
}

/// Reports a number that the library does not take, at its place.
fn refused(agent: &Sheet<'_, '_>, at: Span, key: &str, error: &UtilityError, desk: &mut Desk) {
    let about =
        PARAMETERS.iter().chain(&LISTS).find(|known| known.name == key).map_or("", |known| known.about);
    let message = format!("{}: `{key}`: found {}, accepted is {}", agent.title, error.found, error.accepted);
    desk.at(at, message, &format!("accepted is {}", error.accepted), format!("{key}: {about}"));
}
