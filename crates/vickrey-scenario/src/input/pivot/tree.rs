//! Numbers that may differ by period, decision and public state: lists, and tables by name around them.

use toml::Spanned;
use toml::de::DeValue;
use vickrey::pivot::{Kernel, Varying};

use super::function;
use super::list::List;
use crate::diagnostic::{list as listed, shorten, written};
use crate::input::keys::pivot::{ELSE, FUNCTIONS, STAYS};
use crate::input::keys::{Key, Kind, Range};
use crate::input::sheet::{Desk, Nest, NestOf, Sheet, Span};

/// A value as it is written.
pub(super) type Value<'a, 'i> = &'a Spanned<DeValue<'i>>;

/// Whether there may be one entry for each period.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Time {
    /// So many periods.
    Periods(usize),
    /// The horizon is infinite: the same in all periods.
    Infinite,
    /// It could not be read.
    Unknown,
    /// Not for this key.
    Never,
}

impl Time {
    /// Length of the axis of periods, where something depends on it.
    pub fn length(self) -> usize {
        match self {
            Self::Periods(periods) => periods,
            _ => 1,
        }
    }

    fn words(self) -> String {
        match self {
            Self::Periods(periods) => format!(", or a list with that for each of the {periods} periods"),
            Self::Unknown => ", or a list with that for each period".into(),
            Self::Infinite | Self::Never => String::new(),
        }
    }

    /// Whether a list of so many can be one over the periods.
    fn takes(self, length: usize) -> bool {
        match self {
            Self::Periods(periods) => periods == length,
            Self::Unknown => true,
            Self::Infinite | Self::Never => false,
        }
    }
}

/// What a value is read for.
pub(super) struct Scope<'s, 'a, 'i> {
    pub sheet: &'s Sheet<'a, 'i>,
    pub key: &'static Key,
    /// Names of decisions, if it may differ by them.
    pub decisions: Option<&'s List>,
    /// Names of public states, if it may differ by them.
    pub publics: Option<&'s List>,
    pub time: Time,
}

impl<'a, 'i> Scope<'_, 'a, 'i> {
    pub fn value(&self) -> Option<Value<'a, 'i>> {
        self.sheet.value(self.key.name)
    }

    /// Reports a value, or a part of one.
    pub fn refuse(&self, at: Span, place: &str, found: &str, accepted: &str, desk: &mut Desk) {
        let comma = if place.is_empty() { "" } else { ", " };
        let message = format!(
            "{}: `{}`{comma}{place}: found {found}, accepted is {accepted}",
            self.sheet.title, self.key.name
        );
        desk.at(at, message, &format!("accepted is {accepted}"), self.key.about.to_owned());
    }

    /// Numbers in lists; what is none is reported.
    pub fn nest(&self, value: Value<'a, 'i>, desk: &mut Desk) -> Option<Nest> {
        let before = desk.problems.count();
        let nest = self.sheet.nested(self.key, value, 0, desk);
        (desk.problems.count() == before).then_some(nest)
    }

    /// What a single number may be.
    pub fn range(&self) -> Option<&'static Range> {
        match self.key.kind {
            Kind::Named(named) => Some(named.range),
            _ => None,
        }
    }

    /// Reports the first number that is out of range.
    fn in_range(&self, nest: &Nest, desk: &mut Desk) -> bool {
        match &nest.of {
            NestOf::Number(x) => match self.range().filter(|range| !range.takes(*x)) {
                None => true,
                Some(range) => {
                    self.refuse(nest.span.clone(), "", &written(*x), range.words, desk);
                    false
                }
            },
            NestOf::List(items) => items.iter().all(|item| self.in_range(item, desk)),
        }
    }
}

/// The same everywhere, or different by name. Entries are one for all periods, or one for each.
pub(super) enum Node<L> {
    Leaf(Vec<L>),
    Branch { axis: Axis, of: Vec<Option<Self>>, other: Option<Box<Self>> },
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Axis {
    Decision,
    Public,
}

impl<L> Node<L> {
    /// Reads a value; `leaf` reads what is no table by name. None: something has been reported.
    pub fn read<'a, 'i>(
        scope: &Scope<'_, 'a, 'i>,
        value: Value<'a, 'i>,
        leaf: &dyn Fn(Value<'a, 'i>, &mut Desk) -> Option<Vec<L>>,
        desk: &mut Desk,
    ) -> Option<Self> {
        Self::below(scope, value, [scope.decisions, scope.publics], leaf, desk)
    }

    fn below<'a, 'i>(
        scope: &Scope<'_, 'a, 'i>,
        value: Value<'a, 'i>,
        names: [Option<&List>; 2],
        leaf: &dyn Fn(Value<'a, 'i>, &mut Desk) -> Option<Vec<L>>,
        desk: &mut Desk,
    ) -> Option<Self> {
        let DeValue::Table(table) = value.get_ref() else { return leaf(value, desk).map(Self::Leaf) };
        let is_function =
            table.iter().all(|(key, _)| FUNCTIONS.iter().any(|(name, _)| key.get_ref() == name));
        if (is_function && !table.is_empty()) || names.iter().all(Option::is_none) {
            return leaf(value, desk).map(Self::Leaf);
        }
        let before = desk.problems.count();
        let mut found = [false, false];
        for (key, _) in table.iter() {
            for (found, names) in found.iter_mut().zip(names) {
                *found |= names.is_some_and(|names| names.index(key.get_ref()).is_some());
            }
        }
        // Where nothing is known, one of the lists is needed for the suggestions.
        let first = usize::from(names[0].is_none() || (!found[0] && found[1]));
        let (axis, list) = ([Axis::Decision, Axis::Public][first], names[first]?);
        let mut rest = names;
        rest[first] = None;
        let mut of: Vec<Option<Self>> = (0..list.len()).map(|_| None).collect();
        let mut other = None;
        for (key, inner) in table.iter() {
            if key.get_ref() == ELSE {
                other = Self::below(scope, inner, rest, leaf, desk).map(Box::new);
            } else if let Some(index) = scope.named(list, rest[1 - first], key, desk) {
                of[index] = Self::below(scope, inner, rest, leaf, desk);
            }
        }
        (desk.problems.count() == before).then_some(Self::Branch { axis, of, other })
    }

    /// Axes on which something depends, as long as they are, the others 1.
    pub fn shape(&self, full: [usize; 3]) -> [usize; 3] {
        match self {
            Self::Leaf(rows) => [rows.len(), 1, 1],
            Self::Branch { axis, of, other } => {
                let mut shape = [1; 3];
                for node in of.iter().flatten().chain(other.as_deref()) {
                    let inner = node.shape(full);
                    (0..3).for_each(|k| shape[k] = shape[k].max(inner[k]));
                }
                let k = if *axis == Axis::Decision { 1 } else { 2 };
                shape[k] = full[k];
                shape
            }
        }
    }

    /// What holds in a period, for a decision, in a public state; none if nothing is said.
    pub fn at(&self, period: usize, decision: usize, public: usize) -> Option<&L> {
        match self {
            Self::Leaf(rows) => rows.get(if rows.len() == 1 { 0 } else { period }),
            Self::Branch { axis, of, other } => {
                let k = if *axis == Axis::Decision { decision } else { public };
                let node = of.get(k).and_then(Option::as_ref).or(other.as_deref())?;
                node.at(period, decision, public)
            }
        }
    }

    /// All entries.
    pub fn table<U>(&self, full: [usize; 3], mut entry: impl FnMut(Option<&L>) -> U) -> Varying<U> {
        Varying::from_fn(self.shape(full), |t, a, s| entry(self.at(t, a, s)))
    }

    /// A decision or public state for which nothing is said.
    pub fn gap(&self, full: [usize; 3]) -> Option<[usize; 3]> {
        let [periods, decisions, publics] = self.shape(full);
        let at = |k: usize| [k / (decisions * publics), k / publics % decisions, k % publics];
        (0..periods * decisions * publics).map(at).find(|&[t, a, s]| self.at(t, a, s).is_none())
    }
}

impl Scope<'_, '_, '_> {
    /// The index of a name in a table by name.
    fn named(
        &self,
        list: &List,
        other: Option<&List>,
        key: &Spanned<std::borrow::Cow<'_, str>>,
        desk: &mut Desk,
    ) -> Option<usize> {
        let name = key.get_ref().as_ref();
        if let Some(index) = list.index(name) {
            return Some(index);
        }
        if let Some(other) = other.filter(|other| other.index(name).is_some()) {
            let message = format!(
                "{}: `{}`: `{}` is a {}, beside names of {}s",
                self.sheet.title,
                self.key.name,
                shorten(name),
                other.what,
                list.what
            );
            let help = format!(
                "accepted: {0}s, and in each of them a table by {1}; or the other way round",
                list.what, other.what
            );
            desk.at(key.span(), message, "of another kind", help);
            return None;
        }
        let message = format!(
            "{}: `{}`: there is no {} `{}`",
            self.sheet.title,
            self.key.name,
            list.what,
            shorten(name)
        );
        let mut help = list.suggest(name);
        if let Some(other) = other {
            help.push_str(&format!(
                "; or by {}: {}",
                other.what,
                listed(other.names.iter().take(12).map(String::as_str))
            ));
        }
        desk.at(key.span(), message, &format!("no {} of this name", list.what), help);
        None
    }

    /// One number, or one for each period.
    pub fn numbers(&self, value: Value<'_, '_>, desk: &mut Desk) -> Option<Vec<f64>> {
        let nest = self.checked(value, desk)?;
        let numbers = match &nest.of {
            NestOf::Number(x) => Some(vec![*x]),
            NestOf::List(items) if self.time.takes(items.len()) => plain(&nest),
            NestOf::List(_) => None,
        };
        if numbers.is_none() {
            let accepted = format!("a number{}", self.time.words());
            self.refuse(nest.span.clone(), "", &nest.describe(), &accepted, desk);
        }
        numbers
    }

    /// One number for each type, or that for each period.
    pub fn by_type(&self, value: Value<'_, '_>, types: &List, desk: &mut Desk) -> Option<Vec<Vec<f64>>> {
        if let DeValue::Table(_) = value.get_ref()
            && matches!(&self.key.kind, Kind::Named(named) if !named.functions.is_empty())
        {
            return function::values(self, value, types, desk).map(|row| vec![row]);
        }
        let nest = self.checked(value, desk)?;
        let n = types.len();
        let row = |nest: &Nest| match &nest.of {
            NestOf::Number(x) => Some(vec![*x; n]),
            NestOf::List(items) if items.len() == n => plain(nest),
            NestOf::List(_) => None,
        };
        if let Some(row) = row(&nest) {
            return Some(vec![row]);
        }
        if let NestOf::List(items) = &nest.of {
            let deep = items.iter().any(|item| matches!(item.of, NestOf::List(_)));
            // Without private types a list can only be one over the periods.
            if self.time.takes(items.len()) && (deep || n == 1) {
                let rows: Option<Vec<Vec<f64>>> = items.iter().map(row).collect();
                if let Some(rows) = rows {
                    return Some(rows);
                }
                if let Some(item) = items.iter().find(|item| row(item).is_none()) {
                    let accepted =
                        format!("a number, or a list with one for each of the {n} {}s", types.what);
                    self.refuse(item.span.clone(), "", &item.describe(), &accepted, desk);
                    return None;
                }
            }
        }
        let accepted =
            format!("a number, or a list with one for each of the {n} {}s{}", types.what, self.time.words());
        self.refuse(nest.span.clone(), "", &nest.describe(), &accepted, desk);
        None
    }

    /// A row-stochastic matrix, or one for each period.
    pub fn kernels(&self, value: Value<'_, '_>, types: &List, desk: &mut Desk) -> Option<Vec<Kernel>> {
        let n = types.len();
        if let DeValue::String(word) = value.get_ref() {
            if word == STAYS {
                return Some(vec![Kernel::identity(n)]);
            }
            let found = format!("the word \"{}\"", shorten(word));
            self.refuse(
                value.span(),
                "",
                &found,
                &format!("`{STAYS}`, or {n} lists of {n} probabilities"),
                desk,
            );
            return None;
        }
        let nest = self.nest(value, desk)?;
        let matrices: Vec<&Nest> = match &nest.of {
            NestOf::List(items) if depth(&nest) == 3 && self.time.takes(items.len()) => {
                items.iter().collect()
            }
            _ => vec![&nest],
        };
        let over_time = matrices.len() != 1 || depth(&nest) == 3;
        let mut kernels = Vec::with_capacity(matrices.len());
        for matrix in matrices {
            let time = if over_time { String::new() } else { self.time.words() };
            kernels.push(self.kernel(matrix, types, &time, desk)?);
        }
        Some(kernels)
    }

    fn kernel(&self, nest: &Nest, types: &List, time: &str, desk: &mut Desk) -> Option<Kernel> {
        let n = types.len();
        let rows = match &nest.of {
            NestOf::List(rows) if rows.len() == n && depth(nest) == 2 => rows,
            _ => {
                let accepted = format!("{n} lists of {n} probabilities, or \"{STAYS}\"{time}");
                self.refuse(nest.span.clone(), "", &nest.describe(), &accepted, desk);
                return None;
            }
        };
        let before = desk.problems.count();
        let mut entries = Vec::with_capacity(n * n);
        for (row, name) in rows.iter().zip(&types.names) {
            entries.extend(
                self.distribution(row, n, &format!("row `{}`", shorten(name)), desk).unwrap_or_default(),
            );
        }
        (desk.problems.count() == before).then(|| Kernel::new(n, entries))
    }

    /// Probabilities that add up to 1.
    pub fn distribution(&self, row: &Nest, n: usize, place: &str, desk: &mut Desk) -> Option<Vec<f64>> {
        let Some(numbers) = plain(row).filter(|numbers| numbers.len() == n) else {
            self.refuse(
                row.span.clone(),
                place,
                &row.describe(),
                &format!("a list of {n} probabilities"),
                desk,
            );
            return None;
        };
        if let NestOf::List(items) = &row.of
            && let Some(k) = numbers.iter().position(|p| !(0.0..=1.0).contains(p))
        {
            self.refuse(
                items[k].span.clone(),
                place,
                &written(numbers[k]),
                "a probability from 0 to 1",
                desk,
            );
            return None;
        }
        let sum: f64 = numbers.iter().sum();
        if (sum - 1.0).abs() > ROW_SUM {
            let found = format!("probabilities that add up to {}", rounded(sum));
            self.refuse(row.span.clone(), place, &found, "a sum of 1", desk);
            return None;
        }
        Some(numbers)
    }

    fn checked(&self, value: Value<'_, '_>, desk: &mut Desk) -> Option<Nest> {
        let before = desk.problems.count();
        let nest = self.sheet.nested(self.key, value, 0, desk);
        if desk.problems.count() > before || !self.in_range(&nest, desk) {
            return None;
        }
        Some(nest)
    }
}

/// A sum of probabilities may miss 1 by this much, as in the library.
pub(super) const ROW_SUM: f64 = 1e-9;

/// A sum without the digits that only rounding has made.
pub(super) fn rounded(x: f64) -> String {
    written((x * 1e12).round() / 1e12)
}

/// A list of numbers.
fn plain(nest: &Nest) -> Option<Vec<f64>> {
    let NestOf::List(items) = &nest.of else { return None };
    items
        .iter()
        .map(|item| match item.of {
            NestOf::Number(x) => Some(x),
            NestOf::List(_) => None,
        })
        .collect()
}

/// How deep lists are nested, along their first items.
fn depth(nest: &Nest) -> usize {
    match &nest.of {
        NestOf::Number(_) => 0,
        NestOf::List(items) => 1 + items.first().map_or(0, depth),
    }
}
