//! Family `goods`: items arrive and go to players who value bundles.

use toml::de::DeValue;
use vickrey::pivot::{Horizon, Labels, Moves, Outcomes, Parts, Player, Public, Varying};

use super::Terms;
use super::build::{self, Built};
use super::list::{self, List};
use super::persons::{self, Person, Words};
use super::storage::chances;
use super::tables::named;
use super::tree::{Scope, Time, Value};
use crate::diagnostic::{shorten, written};
use crate::input::keys::pivot::{
    DECAY, DISCARD, FACTOR, FAMILY, FINAL, GOODS_RULES, GOODS_TRANSITION, HOLDS, ITEM, TYPES, VALUES,
};
use crate::input::sheet::{Desk, NestOf, Sheet, Span};

/// Items, and who holds which in a public state.
///
/// Decision 0 gives nothing to anybody; decision 1 + item * players + player gives an item to a player. Outcome 0 is that
/// no item arrives, outcome 1 + item that this one does.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Goods {
    /// Names of the items.
    pub items: Vec<String>,
    /// Number of players.
    pub players: usize,
}

impl Goods {
    /// The items that a player holds in a public state, as bits: item k is bit k.
    pub fn held(&self, public: usize, player: usize) -> usize {
        (public >> (player * self.items.len())) & ((1 << self.items.len()) - 1)
    }

    /// The public state after an item has gone to a player, who may hold it already.
    pub fn with(&self, public: usize, item: usize, player: usize) -> usize {
        public | 1 << (player * self.items.len() + item)
    }

    /// The decision that gives an item to a player.
    pub fn give(&self, item: usize, player: usize) -> usize {
        1 + item * self.players + player
    }

    /// The item and the player of a decision; none if it gives nothing to anybody.
    pub fn given(&self, decision: usize) -> Option<(usize, usize)> {
        let k = decision.checked_sub(1)?;
        Some((k / self.players, k % self.players))
    }

    /// The item that arrives in an outcome.
    pub fn arriving(&self, outcome: usize) -> Option<usize> {
        outcome.checked_sub(1)
    }

    /// A bundle in words: its items joined by +.
    pub fn bundle(&self, mask: usize) -> String {
        let names: Vec<&str> =
            (0..self.items.len()).filter(|k| mask >> k & 1 == 1).map(|k| self.items[k].as_str()).collect();
        if names.is_empty() { "nothing".to_owned() } else { names.join("+") }
    }

    fn decisions(&self) -> usize {
        1 + self.items.len() * self.players
    }

    fn publics(&self) -> usize {
        1 << (self.items.len() * self.players)
    }
}

/// More items than this have more bundles than anybody values one by one.
const MOST_ITEMS: usize = 16;

/// What holds for all items.
struct Rules {
    decay: f64,
    last: f64,
    discard: bool,
}

impl Rules {
    /// decay^0, decay^1, …, by repeated multiplication: the same on every machine.
    fn powers(&self, highest: usize) -> Vec<f64> {
        std::iter::successors(Some(1.0), |power| Some(power * self.decay)).take(highest + 1).collect()
    }
}

pub(super) fn read(sheet: &Sheet<'_, '_>, terms: &Terms, desk: &mut Desk) -> Option<Built> {
    let layout = &FAMILY[1];
    let rules = rules(sheet, terms, desk);
    let (items, sheets) = named(sheet, layout.key("items"), "item", ITEM, desk);
    check_items(&items, desk);
    let probability = chances(terms, &sheets, "item", desk);
    let words = Words::plain(layout, &TYPES, "type", terms.finer);
    let (names, persons) = persons::read(sheet, &words, desk);
    persons::check_somebody(sheet, persons.len(), "accepted: at least one, each in [[players]]", desk);
    if items.len() > MOST_ITEMS || !fits(&items, &persons, terms, desk) {
        return None;
    }
    let drafts: Vec<Option<Draft>> = persons.iter().map(|person| draft(person, &items, desk)).collect();
    if names.len() == 1 && !rules.discard {
        let message = "one player must take every item: nothing is left to decide".to_owned();
        let help = "accepted: discard = true in [goods] (an item may go to nobody), or two players or more";
        desk.at(sheet.place("players"), message, "the only player", help.to_owned());
    }
    if desk.problems.count() > 0 {
        return None;
    }
    let goods = Goods { items: items.names, players: names.len() };
    let feasible = feasible(&goods, &rules);
    let drafts = drafts.into_iter().collect::<Option<Vec<Draft>>>()?;
    let held =
        drafts.iter().enumerate().flat_map(|(i, draft)| draft.holds.iter().map(move |item| (i, *item)));
    let start = held.fold(0, |public, (i, item)| goods.with(public, item, i));
    let players = drafts.into_iter().enumerate();
    let players = players.map(|(i, draft)| draft.player(&goods, i, &rules, &feasible, terms)).collect();
    let nodes = persons::nodes(&persons);
    let types = persons.into_iter().map(|person| person.types.map_or_else(Vec::new, |types| types.names));
    let types: Vec<Vec<String>> = types.collect();
    let parts = Parts {
        horizon: terms.horizon?,
        discount: terms.discount?,
        decisions: goods.decisions(),
        outcomes: Outcomes { feasible, probability: probability? },
        public: public(&goods, start),
        players,
        labels: labels(&goods, names.names, types),
    };
    Some(Built { parts, goods: Some(goods), nodes })
}

fn rules(sheet: &Sheet<'_, '_>, terms: &Terms, desk: &mut Desk) -> Rules {
    let mut rules = Rules { decay: 1.0, last: 1.0, discard: false };
    let Some(section) = sheet.section(FAMILY[1].key("goods"), desk) else { return rules };
    section.refuse_others(GOODS_RULES.iter().map(|key| key.name), desk);
    rules.decay = list::number(&section, &DECAY, desk).unwrap_or(1.0);
    rules.last = list::number(&section, &FINAL, desk).unwrap_or(1.0);
    rules.discard = section.flag(&DISCARD, desk).unwrap_or(false);
    if terms.is_infinite() {
        if rules.decay != 1.0 {
            let message = format!(
                "[goods]: `decay` is {}, accepted is 1 for an infinite horizon",
                written(rules.decay)
            );
            let help =
                "values that fade over an infinite horizon are a discount: write it into [pivot]".to_owned();
            desk.at(section.place(DECAY.name), message, "accepted is 1", help);
        }
        if section.value(FINAL.name).is_some() {
            let message = "[goods]: `final` is given, but the horizon is infinite".to_owned();
            desk.at(section.key_place(FINAL.name), message, "not accepted here", FINAL.about.to_owned());
        }
    }
    rules
}

fn check_items(items: &List, desk: &mut Desk) {
    for (k, name) in items.names.iter().enumerate().filter(|(_, name)| name.contains('+')) {
        let message = format!("item `{}`: a name with +", shorten(name));
        let help = "accepted: names without +, which joins items to bundles".to_owned();
        desk.at(items.span(k).unwrap_or(0..0), message, "not a name of an item", help);
    }
    if items.len() > MOST_ITEMS {
        let message = format!("there are {} items, accepted are at most {MOST_ITEMS}", items.len());
        desk.at(
            items.span(MOST_ITEMS).unwrap_or(0..0),
            message,
            "too many",
            "k items make 2^k bundles".to_owned(),
        );
    }
}

/// Whether who holds what, and what follows from it, may be written down; reports that it may not.
fn fits(items: &List, persons: &[Person<'_, '_>], terms: &Terms, desk: &mut Desk) -> bool {
    let bits = items.len() * persons.len();
    let publics = 2f64.powi(i32::try_from(bits).unwrap_or(i32::MAX));
    let types = || persons.iter().map(|person| person.types.as_ref().map_or(1, List::len));
    let joint = types().fold(publics, |product, n| product * n as f64);
    let periods = terms.time().length() as f64 + 1.0;
    let utilities: f64 = types().map(|n| 24.0 + 8.0 * n as f64).sum::<f64>() * publics * periods;
    let moves = publics * (8.0 * (1.0 + bits as f64) + 64.0);
    let labels = publics * (24.0 + 16.0 * persons.len() as f64);
    let what = || {
        format!(
            "{} items and {} players make 2^{bits} = {} public states (who holds what) and {} joint states; they",
            items.len(),
            persons.len(),
            super::size::count(publics),
            super::size::count(joint)
        )
    };
    super::size::enough(16.0 * joint + utilities + moves + labels, what, terms, desk)
        && check_index(bits, desk)
}

/// States are counted in the machine's words.
fn check_index(bits: usize, desk: &mut Desk) -> bool {
    if bits < 48 {
        return true;
    }
    desk.at(
        0..0,
        format!("2^{bits} public states are too many"),
        "",
        "fewer items or fewer players".to_owned(),
    );
    false
}

fn feasible(goods: &Goods, rules: &Rules) -> Vec<Vec<usize>> {
    let of = |item: usize| {
        let to = (0..goods.players).map(|player| goods.give(item, player));
        rules.discard.then_some(0).into_iter().chain(to).collect()
    };
    std::iter::once(vec![0]).chain((0..goods.items.len()).map(of)).collect()
}

fn public(goods: &Goods, start: usize) -> Public {
    let next = |a: usize, s: usize| goods.given(a).map_or(s, |(item, player)| goods.with(s, item, player));
    let laws = (0..goods.publics()).map(|s| vec![(s, 1.0)]).collect();
    let which = Varying::from_fn([1, goods.decisions(), goods.publics()], |_, a, s| next(a, s));
    Public { states: goods.publics(), start, moves: Moves::of(laws, which), ..Public::nothing() }
}

fn labels(goods: &Goods, players: Vec<String>, types: Vec<Vec<String>>) -> Labels {
    let publics = (0..goods.publics()).map(|s| {
        let of = |i: usize| match goods.held(s, i) {
            0 => None,
            mask => Some(format!("{}: {}", players[i], goods.bundle(mask))),
        };
        let holders: Vec<String> = (0..goods.players).filter_map(of).collect();
        if holders.is_empty() { "nobody holds anything".to_owned() } else { holders.join(", ") }
    });
    let decisions = (0..goods.decisions()).map(|a| match goods.given(a) {
        Some((item, player)) => format!("{} to {}", goods.items[item], players[player]),
        None => "nothing".to_owned(),
    });
    Labels {
        publics: publics.collect(),
        decisions: decisions.collect(),
        outcomes: std::iter::once("none".to_owned()).chain(goods.items.iter().cloned()).collect(),
        players,
        types,
    }
}

/// A player before it is known that the states fit into memory.
struct Draft {
    types: usize,
    /// Value of every bundle, by type.
    values: Vec<Vec<f64>>,
    moves: Moves<vickrey::pivot::Kernel>,
    prior: Vec<f64>,
    /// Items that she has from the start.
    holds: Vec<usize>,
}

fn draft(person: &Person<'_, '_>, items: &List, desk: &mut Desk) -> Option<Draft> {
    let sheet = &person.sheet;
    let holds = match sheet.value(HOLDS.name) {
        Some(_) => items.several(sheet, &HOLDS, desk),
        None => Some(Vec::new()),
    };
    let types = person.types.as_ref()?;
    let scope = |key| Scope { sheet, key, decisions: None, publics: None, time: Time::Never };
    let moves = match sheet.value(GOODS_TRANSITION.name) {
        Some(value) => {
            scope(&GOODS_TRANSITION).kernels(value, types, desk).and_then(|k| k.into_iter().next())
        }
        None if person.chain.is_some() => person.chain.clone(),
        None if types.len() == 1 => Some(vickrey::pivot::Kernel::identity(1)),
        None => {
            sheet.missing(&GOODS_TRANSITION, GOODS_TRANSITION.about, desk);
            None
        }
    };
    let factor = match sheet.value(FACTOR.name) {
        Some(value) => scope(&FACTOR).by_type(value, types, desk).and_then(|rows| rows.into_iter().next()),
        None => Some(vec![1.0; types.len()]),
    };
    let values = match sheet.value(VALUES.name) {
        Some(value) => Bundles { scope: scope(&VALUES), items, types }.read(value, desk),
        None => {
            sheet.missing(&VALUES, VALUES.about, desk);
            None
        }
    };
    let mut values = values?;
    for (row, factor) in values.iter_mut().zip(factor?) {
        row.iter_mut().for_each(|x| *x *= factor);
    }
    Some(Draft {
        types: types.len(),
        values,
        moves: Moves::constant(moves?),
        prior: person.prior.clone()?,
        holds: holds?,
    })
}

impl Draft {
    fn player(
        self,
        goods: &Goods,
        i: usize,
        rules: &Rules,
        feasible: &[Vec<usize>],
        terms: &Terms,
    ) -> Player {
        let (publics, n) = (goods.publics(), self.types);
        let row = |s: usize, factor: f64| -> Vec<f64> {
            (0..n).map(|k| factor * self.values[k][goods.held(s, i)]).collect()
        };
        let powers = rules.powers(terms.time().length());
        let (periods, terminal) = match terms.horizon {
            Some(Horizon::Finite(periods)) => {
                let factor = rules.last * powers[periods];
                let table = Varying::from_fn([1, 1, publics], |_, _, s| row(s, factor));
                (if rules.decay == 1.0 { 1 } else { periods }, Some(table))
            }
            _ => (1, None),
        };
        let utility = Varying::from_fn([periods, 1, publics], |t, _, s| row(s, powers[t]));
        let absent = build::absent(feasible, |a| goods.given(a).is_some_and(|(_, player)| player == i));
        Player {
            types: n,
            utility,
            moves: self.moves,
            terminal,
            prior: self.prior,
            absent: Some(absent),
            outside: None,
        }
    }
}

/// What bundles are worth to one player.
struct Bundles<'s, 'a, 'i> {
    scope: Scope<'s, 'a, 'i>,
    items: &'s List,
    types: &'s List,
}

impl<'a, 'i> Bundles<'_, 'a, 'i> {
    /// The values of all bundles, by type.
    fn read(&self, value: Value<'a, 'i>, desk: &mut Desk) -> Option<Vec<Vec<f64>>> {
        let by_type = match value.get_ref() {
            DeValue::Table(table) => table.iter().any(|(_, inner)| !is_number(inner.get_ref())),
            _ => false,
        };
        if !by_type {
            let row = self.row(value, desk)?;
            return Some(vec![row; self.types.len()]);
        }
        let DeValue::Table(table) = value.get_ref() else { return None };
        let before = desk.problems.count();
        let mut rows = vec![None; self.types.len()];
        for (key, inner) in table.iter() {
            let sheet = self.scope.sheet;
            let found = self.types.find(&sheet.title, self.scope.key, key.get_ref(), key.span(), desk);
            if let Some(k) = found {
                rows[k] = self.row(inner, desk);
            }
        }
        if desk.problems.count() > before {
            return None;
        }
        if let Some(k) = rows.iter().position(Option::is_none) {
            let found = format!("nothing for type `{}`", shorten(&self.types.names[k]));
            self.scope.refuse(value.span(), "", &found, "values of bundles for every type", desk);
        }
        rows.into_iter().collect()
    }

    /// The values of all bundles.
    fn row(&self, value: Value<'a, 'i>, desk: &mut Desk) -> Option<Vec<f64>> {
        let bundles = 1 << self.items.len();
        match value.get_ref() {
            DeValue::Table(_) => self.named(value, desk),
            _ => {
                let scope = &self.scope;
                let nest = scope.nest(value, desk)?;
                let accepted = format!("values by bundle, or a list of the values of all {bundles} bundles");
                let numbers = match &nest.of {
                    NestOf::List(items) if items.len() == bundles => items
                        .iter()
                        .map(|item| match item.of {
                            NestOf::Number(x) if x.abs() <= 1e12 => Some(x),
                            _ => None,
                        })
                        .collect(),
                    _ => None,
                };
                if numbers.is_none() {
                    scope.refuse(nest.span.clone(), "", &nest.describe(), &accepted, desk);
                }
                numbers
            }
        }
    }

    /// The values of the bundles of a table, and what follows for all others.
    fn named(&self, value: Value<'a, 'i>, desk: &mut Desk) -> Option<Vec<f64>> {
        let DeValue::Table(table) = value.get_ref() else { return None };
        let before = desk.problems.count();
        let mut given = vec![None; 1 << self.items.len()];
        for (key, inner) in table.iter() {
            let number = self.scope.numbers(inner, desk).and_then(|numbers| numbers.into_iter().next());
            let Some(mask) = self.mask(key.get_ref(), key.span(), desk) else { continue };
            if given[mask].is_some() {
                let message = format!(
                    "{}: `values`: the bundle `{}` is there already, in another order",
                    self.scope.sheet.title,
                    shorten(key.get_ref())
                );
                desk.at(key.span(), message, "again", "accepted: every bundle once".to_owned());
            }
            given[mask] = Some(number.unwrap_or(0.0));
        }
        (desk.problems.count() == before).then(|| free_disposal(&given))
    }

    /// The items of a bundle.
    fn mask(&self, name: &str, span: Span, desk: &mut Desk) -> Option<usize> {
        let mut mask = 0;
        for item in name.split('+') {
            let sheet = self.scope.sheet;
            let k = self.items.find(&sheet.title, self.scope.key, item.trim(), span.clone(), desk)?;
            mask |= 1 << k;
        }
        Some(mask)
    }
}

fn is_number(value: &DeValue<'_>) -> bool {
    matches!(value, DeValue::Integer(_) | DeValue::Float(_))
}

/// What is not named is worth as much as the best that is and that is within it.
fn free_disposal(given: &[Option<f64>]) -> Vec<f64> {
    let mut values = vec![0.0; given.len()];
    for mask in 0..given.len() {
        values[mask] = given[mask].unwrap_or_else(|| {
            let smaller = (0..usize::BITS).map(|k| mask & !(1 << k)).filter(|smaller| *smaller != mask);
            smaller.map(|smaller| values[smaller]).fold(0.0, f64::max)
        });
    }
    values
}
