//! Reading one table of a TOML document, with every value's place at hand.
//!
//! Not serde: it stops at the first mistake, and a person who starts from somebody's file has several.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::{Key, Kind, Layout, Pair};
use crate::diagnostic::{Problem, Problems, Source, list, nearest, shorten, suggest, written};

pub(crate) type Span = Range<usize>;

/// The text that is read, and the problems found in it.
pub(crate) struct Desk {
    pub source: Source,
    pub problems: Problems,
    /// The keys of the file, once the mechanism is known: where does a misplaced one belong?
    pub layout: Option<&'static Layout>,
}

impl Desk {
    pub fn new(source: Source) -> Self {
        Self { source, problems: Problems::default(), layout: None }
    }

    /// Where in the file a key belongs, if there is one of this name.
    fn section_of(&self, key: &str) -> Option<String> {
        self.layout.and_then(|layout| layout.section_of(key))
    }

    /// Reports a problem at a place of the text.
    pub fn at(&mut self, span: Span, message: String, label: &str, help: String) {
        let source = &self.source;
        self.problems.push_with(|| Problem::new(message).at(source, span, label).with_help(help));
    }
}

/// A table of the document.
pub(crate) struct Sheet<'a, 'i> {
    table: &'a DeTable<'i>,
    /// The header, or the braces of an inline table.
    pub span: Span,
    /// How messages call it.
    pub title: String,
}

/// A list of pairs and where each of its numbers stands.
#[derive(Default)]
pub(crate) struct PairList {
    pub values: Vec<(f64, f64)>,
    pub spans: Vec<[Span; 2]>,
    pub span: Span,
}

/// A number, or a list of such things, and where it stands.
pub(crate) struct Nest {
    pub span: Span,
    pub of: NestOf,
}

pub(crate) enum NestOf {
    Number(f64),
    List(Vec<Nest>),
}

/// Lists that are nested deeper than this hold nothing that is accepted anywhere: a matrix for each period has three.
const DEEPEST: usize = 3;

impl Nest {
    /// What was found, in words.
    pub fn describe(&self) -> String {
        match &self.of {
            NestOf::Number(number) => format!("the number {}", written(*number)),
            NestOf::List(items) => {
                let lists = items.first().is_some_and(|item| matches!(item.of, NestOf::List(_)));
                let what = if lists { "list" } else { "number" };
                format!("a list of {} {what}{}", items.len(), if items.len() == 1 { "" } else { "s" })
            }
        }
    }
}

impl<'a, 'i> Sheet<'a, 'i> {
    pub fn new(table: &'a DeTable<'i>, span: Span, title: impl Into<String>) -> Self {
        Self { table, span, title: title.into() }
    }

    /// The value of a key.
    pub fn value(&self, key: &str) -> Option<&'a Spanned<DeValue<'i>>> {
        self.table.get(key)
    }

    /// Where the value of a key stands, or else the table itself.
    pub fn place(&self, key: &str) -> Span {
        self.value(key).map_or_else(|| self.span.clone(), Spanned::span)
    }

    /// Where a key is written, or else the table itself.
    pub fn key_place(&self, key: &str) -> Span {
        self.table.get_key_value(key).map_or_else(|| self.span.clone(), |(name, _)| name.span())
    }

    /// The keys as they are written, with their places.
    pub fn keys(&self) -> impl Iterator<Item = (&'a str, Span)> {
        self.table.iter().map(|(key, _)| (key.get_ref().as_ref(), key.span()))
    }

    /// Reports every key that is none of these.
    pub fn refuse_others<'k>(&self, accepted: impl Iterator<Item = &'k str> + Clone, desk: &mut Desk) {
        for (key, _) in self.table.iter() {
            let name = key.get_ref().as_ref();
            if accepted.clone().any(|accepted| accepted == name) {
                continue;
            }
            let message = format!("{}: `{}` is not a key here", self.title, shorten(name));
            let help = match desk.section_of(name) {
                Some(section) if nearest(name, accepted.clone()).is_none() => {
                    format!("`{name}` belongs to {section}; accepted here: {}", list(accepted.clone()))
                }
                _ => suggest(name, accepted.clone()),
            };
            desk.at(key.span(), message, "unknown key", help);
        }
    }

    /// Reports that a key is missing, unless it is there with a slip of the pen, which is reported anyway.
    pub fn missing(&self, key: &Key, accepted: &str, desk: &mut Desk) {
        if self
            .keys()
            .any(|(found, _)| desk.section_of(found).is_none() && nearest(found, [key.name]).is_some())
        {
            return;
        }
        let message = format!("{}: `{}` is missing", self.title, key.name);
        desk.at(self.span.clone(), message, &format!("`{}` is missing", key.name), accepted.to_owned());
    }

    /// Reports a value that is not what the key takes.
    pub fn wrong(
        &self,
        key: &str,
        value: &Spanned<DeValue<'_>>,
        accepted: &str,
        help: &str,
        desk: &mut Desk,
    ) {
        let message =
            format!("{}: `{key}` is {}, accepted is {accepted}", self.title, describe(value.get_ref()));
        desk.at(value.span(), message, &format!("accepted is {accepted}"), help.to_owned());
    }

    /// A text, if the key is there and holds one.
    pub fn text(&self, key: &Key, desk: &mut Desk) -> Option<&'a str> {
        let value = self.value(key.name)?;
        let DeValue::String(text) = value.get_ref() else {
            self.wrong(key.name, value, "a text in quotes", key.about, desk);
            return None;
        };
        Some(text.as_ref())
    }

    /// One of some words, if the key is there and holds one of them.
    pub fn choice<'k>(
        &self,
        key: &Key,
        words: impl Iterator<Item = &'k str> + Clone,
        desk: &mut Desk,
    ) -> Option<usize> {
        let value = self.value(key.name)?;
        let DeValue::String(text) = value.get_ref() else {
            let accepted = format!("one of {}", list(words));
            self.wrong(key.name, value, &accepted, key.about, desk);
            return None;
        };
        let found = words.clone().position(|word| word == text.as_ref());
        if found.is_none() {
            let message = format!("{}: `{}` is \"{}\"", self.title, key.name, shorten(text));
            desk.at(value.span(), message, "not one of the accepted words", suggest(text, words));
        }
        found
    }

    /// A finite number, if the key is there and holds one.
    pub fn number(&self, key: &Key, desk: &mut Desk) -> Option<f64> {
        let value = self.value(key.name)?;
        let number = number(value.get_ref());
        if number.is_none() {
            self.wrong(key.name, value, FINITE, key.about, desk);
        }
        number
    }

    /// A whole number in the range of the key.
    pub fn whole(&self, key: &Key, desk: &mut Desk) -> Option<u64> {
        let value = self.value(key.name)?;
        let (low, high) = match key.kind {
            Kind::Whole { low, high } => (low, high),
            _ => (0, u64::MAX),
        };
        let whole = match value.get_ref() {
            DeValue::Integer(digits) => u64::from_str_radix(digits.as_str(), digits.radix()).ok(),
            _ => None,
        };
        let whole = whole.filter(|whole| (low..=high).contains(whole));
        if whole.is_none() {
            self.wrong(key.name, value, &format!("a whole number from {low} to {high}"), key.about, desk);
        }
        whole
    }

    /// A whole number in the range of the key, or none for one of its words.
    pub fn whole_or_word(&self, key: &Key, desk: &mut Desk) -> Option<Option<u64>> {
        let value = self.value(key.name)?;
        let Kind::WholeOr { low, high, words } = key.kind else { return None };
        let found = match value.get_ref() {
            DeValue::String(text) if words.contains(&text.as_ref()) => Some(None),
            DeValue::Integer(digits) => u64::from_str_radix(digits.as_str(), digits.radix())
                .ok()
                .filter(|whole| (low..=high).contains(whole))
                .map(Some),
            _ => None,
        };
        if found.is_none() {
            let accepted = format!("a whole number from {low} to {high}, or {}", list(words.iter().copied()));
            self.wrong(key.name, value, &accepted, key.about, desk);
        }
        found
    }

    /// true or false, if the key is there and holds one of them.
    pub fn flag(&self, key: &Key, desk: &mut Desk) -> Option<bool> {
        let value = self.value(key.name)?;
        if let DeValue::Boolean(flag) = value.get_ref() {
            return Some(*flag);
        }
        self.wrong(key.name, value, "true or false", key.about, desk);
        None
    }

    /// A list of texts with their places, if the key is there and holds nothing else.
    pub fn texts(&self, key: &Key, desk: &mut Desk) -> Option<Vec<(&'a str, Span)>> {
        let value = self.value(key.name)?;
        let DeValue::Array(items) = value.get_ref() else {
            self.wrong(key.name, value, "a list of names in quotes", key.about, desk);
            return None;
        };
        let mut texts = Vec::with_capacity(items.len());
        for item in items.iter() {
            match item.get_ref() {
                DeValue::String(text) => texts.push((text.as_ref(), item.span())),
                _ => self.wrong(key.name, item, "a name in quotes", key.about, desk),
            }
        }
        (texts.len() == items.len()).then_some(texts)
    }

    /// Numbers, alone or in nested lists, if the key is there and holds nothing else.
    pub fn nest(&self, key: &Key, desk: &mut Desk) -> Option<Nest> {
        let value = self.value(key.name)?;
        let before = desk.problems.count();
        let nest = self.nested(key, value, 0, desk);
        (desk.problems.count() == before).then_some(nest)
    }

    /// Numbers of a value, alone or in nested lists; what is none is reported.
    pub fn nested(&self, key: &Key, value: &Spanned<DeValue<'_>>, depth: usize, desk: &mut Desk) -> Nest {
        let mut nest = Nest { span: value.span(), of: NestOf::List(Vec::new()) };
        match (value.get_ref(), number(value.get_ref())) {
            (_, Some(number)) => nest.of = NestOf::Number(number),
            (DeValue::Array(items), _) if depth < DEEPEST => {
                let items = items.iter().map(|item| self.nested(key, item, depth + 1, desk));
                nest.of = NestOf::List(items.collect());
            }
            (DeValue::Array(_) | DeValue::Integer(_) | DeValue::Float(_), _) => {
                self.wrong(key.name, value, FINITE, key.about, desk);
            }
            _ if depth == 0 => {
                self.wrong(key.name, value, "a finite number, or lists of numbers", key.about, desk);
            }
            _ => self.wrong(key.name, value, FINITE, key.about, desk),
        }
        nest
    }

    /// A section of the document.
    pub fn section(&self, key: &Key, desk: &mut Desk) -> Option<Sheet<'a, 'i>> {
        let value = self.value(key.name)?;
        let DeValue::Table(table) = value.get_ref() else {
            self.wrong(key.name, value, &format!("a section, written [{}]", key.name), key.about, desk);
            return None;
        };
        Some(Sheet::new(table, value.span(), format!("[{}]", key.name)))
    }

    /// The tables of a list of tables.
    pub fn sections(&self, key: &Key, desk: &mut Desk) -> Vec<Sheet<'a, 'i>> {
        let accepted = format!("a list of tables, each written [[{}]]", key.name);
        let Some(value) = self.value(key.name) else { return Vec::new() };
        let DeValue::Array(items) = value.get_ref() else {
            self.wrong(key.name, value, &accepted, key.about, desk);
            return Vec::new();
        };
        let mut sheets = Vec::with_capacity(items.len());
        for item in items.iter() {
            match item.get_ref() {
                DeValue::Table(table) => {
                    sheets.push(Sheet::new(table, item.span(), format!("[[{}]]", key.name)))
                }
                _ => self.wrong(key.name, item, &accepted, key.about, desk),
            }
        }
        sheets
    }

    /// A list of pairs of numbers, if the key is there and holds one.
    pub fn pairs(&self, key: &Key, pair: &Pair, desk: &mut Desk) -> Option<PairList> {
        let value = self.value(key.name)?;
        let [first, second] = pair.names;
        let accepted = format!("a list of pairs [{first}, {second}]");
        let DeValue::Array(items) = value.get_ref() else {
            self.wrong(key.name, value, &accepted, key.about, desk);
            return None;
        };
        let before = desk.problems.count();
        let mut pairs = PairList { span: value.span(), ..PairList::default() };
        for item in items.iter() {
            let parts = match item.get_ref() {
                DeValue::Array(parts) if parts.len() == 2 => parts,
                _ => {
                    self.wrong(key.name, item, &format!("a pair [{first}, {second}]"), key.about, desk);
                    continue;
                }
            };
            for part in parts.iter().filter(|part| number(part.get_ref()).is_none()) {
                self.wrong(key.name, part, FINITE, key.about, desk);
            }
            if let (Some(x), Some(y)) = (number(parts[0].get_ref()), number(parts[1].get_ref())) {
                pairs.values.push((x, y));
                pairs.spans.push([parts[0].span(), parts[1].span()]);
            }
        }
        (desk.problems.count() == before).then_some(pairs)
    }
}

pub(crate) const FINITE: &str = "a finite number";

/// The value as a finite number, if it is one.
pub(crate) fn number(value: &DeValue<'_>) -> Option<f64> {
    let number: f64 = match value {
        DeValue::Float(digits) => digits.as_str().parse().ok()?,
        DeValue::Integer(digits) if digits.radix() == 10 => digits.as_str().parse().ok()?,
        // The conversion of larger ones would round; none is of a size that anything here accepts.
        DeValue::Integer(digits) => u64::from_str_radix(digits.as_str(), digits.radix()).ok()? as f64,
        _ => return None,
    };
    number.is_finite().then_some(number)
}

/// What was found, in words.
pub(crate) fn describe(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("the text \"{}\"", shorten(text)),
        DeValue::Integer(digits) => format!("the number {}", shorten(&digits.to_string())),
        DeValue::Float(digits) => format!("the number {}", shorten(digits.as_str())),
        DeValue::Boolean(value) => value.to_string(),
        DeValue::Datetime(date) => format!("the date {date}"),
        DeValue::Array(items) => format!("a list of {}", items.len()),
        DeValue::Table(_) => "a table".to_owned(),
    }
}
