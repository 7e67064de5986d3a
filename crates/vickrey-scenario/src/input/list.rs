//! Names of decisions, outcomes, public states, types, items: where they stand, and what an unknown one was meant to be.

use std::collections::HashMap;

use toml::de::DeValue;

use crate::diagnostic::{Problem, list as listed, nearest, shorten};
use crate::input::keys::pivot::{ELSE, MOST_TYPES};
use crate::input::keys::{Key, Kind};
use crate::input::names::refused;
use crate::input::sheet::{Desk, Sheet, Span};

/// Words with a meaning of their own where names stand in scenarios of the dynamic pivot mechanism.
const RESERVED: &[&str] = &[ELSE, "exp", "linear"];
/// Among so many names the nearest is looked for.
const MOST_CANDIDATES: usize = 10_000;

/// Things of one kind that have names.
#[derive(Default)]
pub(in crate::input) struct List {
    /// What they are, in the singular.
    pub what: &'static str,
    /// A name that has been refused is empty.
    pub names: Vec<String>,
    /// Where types are nodes of a grid: their values.
    pub nodes: Vec<f64>,
    /// Words with a meaning of their own where these names stand.
    reserved: &'static [&'static str],
    spans: Vec<Span>,
    known: HashMap<String, usize>,
}

impl List {
    pub fn new(what: &'static str) -> Self {
        Self { what, reserved: RESERVED, ..Self::default() }
    }

    /// The same with other words that cannot be names.
    pub fn without(what: &'static str, reserved: &'static [&'static str]) -> Self {
        Self { what, reserved, ..Self::default() }
    }

    /// Names without a place in the file.
    pub fn of(what: &'static str, names: impl IntoIterator<Item = String>) -> Self {
        let mut list = Self::new(what);
        for name in names {
            list.known.insert(name.clone(), list.names.len());
            list.names.push(name);
        }
        list
    }

    /// Adds a name that is known to be usable and new.
    pub fn append(&mut self, name: String) {
        self.known.insert(name.clone(), self.names.len());
        self.names.push(name);
    }

    pub fn len(&self) -> usize {
        self.names.len()
    }

    pub fn index(&self, name: &str) -> Option<usize> {
        self.known.get(name).copied()
    }

    /// Adds a name, and reports one that cannot be used.
    pub fn add(&mut self, title: &str, name: &str, span: Span, desk: &mut Desk) {
        let what = self.what;
        let mut wrong = |accepted: &str| {
            let message = format!("{title}: \"{}\" as the name of a {what}", shorten(name));
            desk.at(span.clone(), message, "not a name", format!("accepted: {accepted}"));
        };
        let mut kept = String::new();
        if let Some(accepted) = refused(name) {
            wrong(accepted);
        } else if self.reserved.contains(&name) {
            let words = listed(self.reserved.iter().copied());
            wrong(&format!("a name other than {words}, which have a meaning of their own"));
        } else if let Some(&first) = self.known.get(name) {
            let message = format!("two {what}s have the name `{}`", shorten(name));
            let source = &desk.source;
            let problem = Problem::new(message)
                .at(source, span.clone(), "used again here")
                .with_help("accepted: every name once");
            let problem = match self.spans.get(first) {
                Some(at) => problem.at(source, at.clone(), "first used here"),
                None => problem,
            };
            desk.problems.push(problem);
        } else {
            kept = name.to_owned();
            self.known.insert(kept.clone(), self.names.len());
        }
        self.names.push(kept);
        self.spans.push(span);
    }

    /// The names of a list or a count; none if the key is not there, or cannot be read.
    pub fn read(
        what: &'static str,
        sheet: &Sheet<'_, '_>,
        key: &Key,
        numbered: impl Fn(u64, u64) -> String,
        desk: &mut Desk,
    ) -> Option<Self> {
        Self::new(what).filled(sheet, key, numbered, desk)
    }

    /// The same for a list that has no names yet.
    pub fn filled(
        self,
        sheet: &Sheet<'_, '_>,
        key: &Key,
        numbered: impl Fn(u64, u64) -> String,
        desk: &mut Desk,
    ) -> Option<Self> {
        let value = sheet.value(key.name)?;
        let accepted = format!("a list of names, or a whole number from 1 to {MOST_TYPES}");
        match value.get_ref() {
            DeValue::Array(items) if !items.is_empty() => {
                let mut list = self;
                for (name, span) in sheet.texts(key, desk)? {
                    list.add(&sheet.title, name, span, desk);
                }
                Some(list)
            }
            DeValue::Integer(digits) => {
                let count = u64::from_str_radix(digits.as_str(), digits.radix()).ok();
                let Some(count) = count.filter(|count| (1..=MOST_TYPES).contains(count)) else {
                    sheet.wrong(key.name, value, &accepted, key.about, desk);
                    return None;
                };
                Some(Self::of(self.what, (0..count).map(|k| numbered(k, count))))
            }
            _ => {
                sheet.wrong(key.name, value, &accepted, key.about, desk);
                None
            }
        }
    }

    /// Where a name stands, if it stands in the file.
    pub fn span(&self, index: usize) -> Option<Span> {
        self.spans.get(index).cloned()
    }

    /// The thing that a name means; one that is not known is reported.
    pub fn find(&self, title: &str, key: &Key, name: &str, span: Span, desk: &mut Desk) -> Option<usize> {
        let found = self.index(name);
        if found.is_none() {
            let message = format!("{title}: `{}`: there is no {} `{}`", key.name, self.what, shorten(name));
            desk.at(span, message, &format!("no {} of this name", self.what), self.suggest(name));
        }
        found
    }

    /// "did you mean …?", and what is accepted.
    pub fn suggest(&self, name: &str) -> String {
        const MOST_LISTED: usize = 12;
        let names = || self.names.iter().filter(|name| !name.is_empty()).map(String::as_str);
        let near = nearest(name, names().take(MOST_CANDIDATES))
            .map_or_else(String::new, |near| format!("did you mean `{}`? ", shorten(near)));
        let listed: Vec<String> =
            names().take(MOST_LISTED).map(|name| format!("`{}`", shorten(name))).collect();
        let more = if names().count() > MOST_LISTED { ", …" } else { "" };
        match listed.is_empty() {
            true => format!("there are no {}s", self.what),
            false => format!("{near}accepted: {}{more}", listed.join(", ")),
        }
    }

    /// The things that a list of names means, ascending; those unknown or named twice are reported.
    pub fn several(&self, sheet: &Sheet<'_, '_>, key: &Key, desk: &mut Desk) -> Option<Vec<usize>> {
        let before = desk.problems.count();
        let mut found = Vec::new();
        for (name, span) in sheet.texts(key, desk)? {
            let Some(index) = self.find(&sheet.title, key, name, span.clone(), desk) else { continue };
            if found.contains(&index) {
                let message = format!("{}: `{}` names `{}` twice", sheet.title, key.name, shorten(name));
                desk.at(span, message, "named before", "accepted: every name once".to_owned());
            }
            found.push(index);
        }
        found.sort_unstable();
        (desk.problems.count() == before).then_some(found)
    }
}

/// The name of a section of a list, empty if it cannot be used; messages call the section by it.
pub(in crate::input) fn heading(
    section: &mut Sheet<'_, '_>,
    index: usize,
    key: &Key,
    list: &mut List,
    desk: &mut Desk,
) {
    section.title = format!("{} number {}", list.what, index + 1);
    if section.value(key.name).is_none() {
        section.missing(key, key.about, desk);
    }
    match section.text(key, desk) {
        Some(name) => {
            list.add(&section.title, name, section.place(key.name), desk);
            if list.names.last().is_some_and(|name| !name.is_empty()) {
                section.title = format!("{} `{}`", list.what, shorten(name));
            }
        }
        None => {
            list.names.push(String::new());
            list.spans.push(section.span.clone());
        }
    }
}

/// A number of the range that the key has, if the key is there.
pub(in crate::input) fn number(sheet: &Sheet<'_, '_>, key: &Key, desk: &mut Desk) -> Option<f64> {
    let number = sheet.number(key, desk)?;
    let Kind::Number { low, high } = key.kind else { return Some(number) };
    if (low..=high).contains(&number) {
        return Some(number);
    }
    let value = sheet.value(key.name)?;
    let accepted = format!("a number from {} to {}", short(low), short(high));
    sheet.wrong(key.name, value, &accepted, key.about, desk);
    None
}

fn short(x: f64) -> String {
    crate::diagnostic::written(x)
}
