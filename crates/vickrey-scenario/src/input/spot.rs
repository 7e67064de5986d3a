//! A value of a key, or a part of it, with words for its place.

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use crate::diagnostic::shorten;
use crate::input::keys::Key;
use crate::input::list::List;
use crate::input::sheet::{Desk, Sheet, Span, describe, number};

/// Where something stands, and how messages call the place.
pub(in crate::input) struct Spot<'s, 'a, 'i> {
    pub sheet: &'s Sheet<'a, 'i>,
    pub key: &'static Key,
    pub value: &'a Spanned<DeValue<'i>>,
    /// What part of the key's value it is; nothing for all of it.
    within: String,
}

impl<'s, 'a, 'i> Spot<'s, 'a, 'i> {
    /// The value of a key, if it is there.
    pub fn of(sheet: &'s Sheet<'a, 'i>, key: &'static Key) -> Option<Self> {
        Some(Self { sheet, key, value: sheet.value(key.name)?, within: String::new() })
    }

    /// The value of a key that has to be there.
    pub fn required(sheet: &'s Sheet<'a, 'i>, key: &'static Key, desk: &mut Desk) -> Option<Self> {
        let found = Self::of(sheet, key);
        if found.is_none() {
            sheet.missing(key, key.about, desk);
        }
        found
    }

    /// A part of it.
    pub fn part(&self, value: &'a Spanned<DeValue<'i>>, what: &str) -> Self {
        Self { sheet: self.sheet, key: self.key, value, within: format!("{}, {what}", self.within) }
    }

    pub fn span(&self) -> Span {
        self.value.span()
    }

    /// "player `Ann`: `law`, type `low`".
    pub fn title(&self) -> String {
        format!("{}: `{}`{}", self.sheet.title, self.key.name, self.within)
    }

    /// Reports what it is, and what is accepted.
    pub fn refuse(&self, accepted: &str, desk: &mut Desk) {
        self.refuse_as(&describe(self.value.get_ref()), accepted, desk);
    }

    pub fn refuse_as(&self, found: &str, accepted: &str, desk: &mut Desk) {
        let comma = if self.within.is_empty() { "" } else { "," };
        let message = format!("{}{comma} is {found}, accepted is {accepted}", self.title());
        desk.at(self.span(), message, &format!("accepted is {accepted}"), self.key.about.to_owned());
    }

    pub fn array(&self) -> Option<&'a DeArray<'i>> {
        match self.value.get_ref() {
            DeValue::Array(items) => Some(items),
            _ => None,
        }
    }

    pub fn table(&self) -> Option<&'a DeTable<'i>> {
        match self.value.get_ref() {
            DeValue::Table(table) => Some(table),
            _ => None,
        }
    }

    pub fn text(&self) -> Option<&'a str> {
        match self.value.get_ref() {
            DeValue::String(text) => Some(text),
            _ => None,
        }
    }

    /// The finite number that it is, if it is one.
    pub fn number(&self) -> Option<f64> {
        number(self.value.get_ref())
    }

    /// A number between two others.
    pub fn number_from(&self, low: f64, high: f64, accepted: &str, desk: &mut Desk) -> Option<f64> {
        let found = self.number().filter(|x| (low..=high).contains(x));
        if found.is_none() {
            self.refuse(accepted, desk);
        }
        found
    }

    /// Numbers in a list, at least one.
    pub fn numbers(&self, low: f64, high: f64, accepted: &str, desk: &mut Desk) -> Option<Vec<f64>> {
        let Some(items) = self.array().filter(|items| !items.is_empty()) else {
            self.refuse("a list of numbers, at least one", desk);
            return None;
        };
        let found = items.iter().enumerate().map(|(k, item)| {
            self.part(item, &format!("number {}", k + 1)).number_from(low, high, accepted, desk)
        });
        // All of them are looked at before the first that is none ends it.
        found.collect::<Vec<_>>().into_iter().collect()
    }

    /// The entries of a table by name, in the order of the names; unknown and missing ones are reported.
    pub fn by_name(&self, names: &List, desk: &mut Desk) -> Option<Vec<Self>> {
        let table = self.table()?;
        let before = desk.problems.count();
        let mut found: Vec<Option<Self>> = (0..names.len()).map(|_| None).collect();
        for (name, value) in table.iter() {
            let title = &self.sheet.title;
            if let Some(k) = names.find(title, self.key, name.get_ref(), name.span(), desk) {
                found[k] = Some(self.part(value, &format!("{} `{}`", names.what, shorten(name.get_ref()))));
            }
        }
        if desk.problems.count() == before
            && let Some(k) = found.iter().position(Option::is_none)
        {
            let message =
                format!("{}: nothing for {} `{}`", self.title(), names.what, shorten(&names.names[k]));
            let help = format!("accepted: an entry for every {}", names.what);
            desk.at(self.span(), message, "one is missing", help);
        }
        found.into_iter().collect()
    }

    /// Whether it is a table with one of these names.
    pub fn has_one_of<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> bool {
        self.table().is_some_and(|table| names.into_iter().any(|name| table.contains_key(name)))
    }

    /// The table as a section whose keys these are.
    pub fn section(&self, keys: &'static [Key], desk: &mut Desk) -> Option<Sheet<'a, 'i>> {
        let section = Sheet::new(self.table()?, self.span(), self.title());
        section.refuse_others(keys.iter().map(|key| key.name), desk);
        Some(section)
    }
}
