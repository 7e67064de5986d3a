//! Who can curtail: in the file and in a table.

use vickrey::two_stage::Law;
use vickrey::two_stage::discretise::{self, Bins};
use vickrey::two_stage::strategies::Bidding;

use super::Discretised;
use super::market::{self, SIZES};
use super::players::{self, Surroundings, Types};
use super::season::Signals;
use super::series;
use crate::diagnostic::{Problem, Problems, shorten, written};
use crate::input::Context;
use crate::input::keys::two_stage::{
    BIDDING_KEYS, COLUMN_KEYS, COUNT, COUNT_OF_TYPES, DELTAS, FAMILY, LAW, LIMIT, MEAN, MOST_TYPES,
    PLAYER_NAME, PROVIDER, SAMPLES, TOP, TRUE_LAW, VARIANCE,
};
use crate::input::list::{self, List};
use crate::input::names;
use crate::input::pivot::function;
use crate::input::sheet::{Desk, Sheet};
use crate::input::spot::Spot;
use crate::input::table::{Column, Row, Table};

/// Everybody, in the order of the file and then of the table.
pub(super) struct Providers {
    pub names: List,
    pub all: Vec<Provider>,
    pub discretised: Vec<Discretised>,
}

/// What is known of one provider.
#[derive(Clone)]
pub(super) struct Provider {
    pub deltas: Vec<f64>,
    pub labels: Vec<String>,
    pub reports: Vec<Law>,
    pub truth: Vec<Law>,
    /// The most that she can curtail, if there is a limit.
    pub limit: Option<f64>,
    pub bidding: Bidding,
    /// The type that counts if her bid is missing, if that is said.
    pub default: Option<usize>,
}

/// A section of the file, and the numbers of the providers that it stands for.
struct Group<'a, 'i> {
    sheet: Sheet<'a, 'i>,
    players: std::ops::Range<usize>,
}

/// The providers of the file; ways of bidding may refer to providers of the table.
pub(super) fn read(
    sections: Vec<Sheet<'_, '_>>,
    table: Option<&Table>,
    signals: &Signals,
    sealed: bool,
    desk: &mut Desk,
    context: &mut Context<'_>,
) -> Option<Providers> {
    let mut names = List::without("player", &[]);
    let groups: Vec<Group<'_, '_>> =
        sections.into_iter().enumerate().map(|(k, sheet)| group(sheet, k, &mut names, desk)).collect();
    let mut discretised = Vec::new();
    let listed = table.map_or_else(Vec::new, |table| rows(table, &mut names, &mut discretised, desk));
    let around = Surroundings { names: &names, signals, sealed };
    let mut told = Vec::new();
    let mut all: Vec<Option<Provider>> = Vec::with_capacity(names.len());
    for group in groups {
        let one = provider(&group, &around, &mut told, desk, context);
        all.extend(std::iter::repeat_n(one, group.players.len()));
    }
    told.append(&mut discretised);
    all.extend(listed);
    Some(Providers { all: all.into_iter().collect::<Option<_>>()?, names, discretised: told })
}

/// Names the providers of a section.
fn group<'a, 'i>(mut sheet: Sheet<'a, 'i>, index: usize, names: &mut List, desk: &mut Desk) -> Group<'a, 'i> {
    let first = names.len();
    let own = PROVIDER.iter().chain(BIDDING_KEYS);
    sheet.title = format!("player number {}", index + 1);
    let count = sheet.whole(&COUNT, desk).unwrap_or(1);
    if count == 1 {
        list::heading(&mut sheet, index, &PLAYER_NAME, names, desk);
    } else {
        if sheet.value(PLAYER_NAME.name).is_none() {
            sheet.missing(&PLAYER_NAME, PLAYER_NAME.about, desk);
        }
        if let Some(name) = sheet.text(&PLAYER_NAME, desk) {
            let before = desk.problems.count();
            for k in 1..=count {
                names.add(&sheet.title, &format!("{name} {k}"), sheet.place(PLAYER_NAME.name), desk);
                if desk.problems.count() > before {
                    break; // all of them would say the same
                }
            }
            sheet.title = format!("player `{}`", shorten(name));
        }
    }
    sheet.refuse_others(own.map(|key| key.name), desk);
    Group { sheet, players: first..names.len() }
}

fn provider(
    group: &Group<'_, '_>,
    around: &Surroundings<'_>,
    told: &mut Vec<Discretised>,
    desk: &mut Desk,
    context: &mut Context<'_>,
) -> Option<Provider> {
    let sheet = &group.sheet;
    let (deltas, labels, equal) = deltas(group, around.names, told, desk, context)?;
    let types = Types { list: List::of("type", labels.clone()), deltas };
    if equal.is_none() && sheet.value(LAW.name).is_none() {
        sheet.missing(&LAW, LAW.about, desk);
    }
    let given = |key, desk: &mut Desk| players::laws(sheet, key, &types, around.signals, desk);
    let reports = match sheet.value(LAW.name) {
        Some(_) => given(&LAW, desk),
        None => equal.map(|law| vec![law]),
    };
    let truth = if sheet.value(TRUE_LAW.name).is_some() { given(&TRUE_LAW, desk) } else { reports.clone() };
    let limit = list::number(sheet, &LIMIT, desk);
    let default = players::missing(sheet, &types, desk);
    // A rival must be another player: the first of the section stands for all of them.
    let bidding = players::bidding(sheet, group.players.start, &types, around, desk);
    Some(Provider {
        labels,
        deltas: types.deltas,
        reports: reports?,
        truth: truth?,
        limit,
        bidding: bidding?,
        default,
    })
}

/// The types, their names, and the law if it follows from a family or from data.
fn deltas(
    group: &Group<'_, '_>,
    names: &List,
    told: &mut Vec<Discretised>,
    desk: &mut Desk,
    context: &mut Context<'_>,
) -> Option<(Vec<f64>, Vec<String>, Option<Law>)> {
    let sheet = &group.sheet;
    let [family, samples] = [&FAMILY, &SAMPLES].map(|key| sheet.value(key.name).is_some());
    if family && samples {
        let message = format!("{}: both `family` and `samples` are given", sheet.title);
        desk.at(sheet.key_place(SAMPLES.name), message, "one too many", SAMPLES.about.to_owned());
        return None;
    }
    for key in [&MEAN, &VARIANCE, &TOP].into_iter().filter(|key| !family && sheet.value(key.name).is_some()) {
        let message = format!("{}: `{}` is given, but no `family`", sheet.title, key.name);
        desk.at(sheet.key_place(key.name), message, "not accepted here", key.about.to_owned());
    }
    if sheet.value(DELTAS.name).is_none() {
        sheet.missing(&DELTAS, DELTAS.about, desk);
    }
    if !family && !samples {
        return listed(sheet, desk);
    }
    let count = sheet.whole(&COUNT_OF_TYPES, desk);
    let (words, bins) = match family {
        true => market::family(sheet, count, desk)?,
        false => empirical(sheet, usize::try_from(count?).ok()?, desk, context)?,
    };
    let whose = match (names.names.get(group.players.start), names.names.get(group.players.end - 1)) {
        (Some(first), Some(last)) if first != last => format!("{first} to {last}"),
        (Some(first), _) => first.clone(),
        _ => String::new(),
    };
    told.push(market::told(whose, words, &bins));
    let labels = function::names(&bins.points);
    Some((bins.points, labels, Some(bins.law)))
}

/// Types that stand in the file.
fn listed(sheet: &Sheet<'_, '_>, desk: &mut Desk) -> Option<(Vec<f64>, Vec<String>, Option<Law>)> {
    let spot = Spot::of(sheet, &DELTAS)?;
    if spot.array().is_none() {
        spot.refuse("a list of numbers above 0 (or with family or samples how many)", desk);
        return None;
    }
    let deltas = spot.numbers(SIZES.0, SIZES.1, "a finite number above 0", desk)?;
    let items = spot.array()?;
    let before = desk.problems.count();
    for (t, delta) in deltas.iter().enumerate() {
        let Some(first) = deltas[..t].iter().position(|other| other == delta) else { continue };
        let message = format!("{}: {} appears twice", spot.title(), written(*delta));
        let problem = Problem::new(message)
            .at(&desk.source, items.get(t).map_or(spot.span(), toml::Spanned::span), "again here")
            .at(&desk.source, items.get(first).map_or(spot.span(), toml::Spanned::span), "first here")
            .with_help("accepted: different types; give one of them the probability of both");
        desk.problems.push(problem);
    }
    let labels = deltas.iter().map(|delta| written(*delta)).collect();
    (desk.problems.count() == before).then_some((deltas, labels, None))
}

/// Types from data.
fn empirical(
    sheet: &Sheet<'_, '_>,
    types: usize,
    desk: &mut Desk,
    context: &mut Context<'_>,
) -> Option<(String, Bins)> {
    let spot = Spot::of(sheet, &SAMPLES)?;
    let accepted = "a finite number above 0";
    let data = if spot.table().is_some() {
        let section = spot.section(COLUMN_KEYS, desk)?;
        let numbers = series::numbers(&section, desk, context)?;
        let before = desk.problems.count();
        let bad = |x: &f64| !(SIZES.0..=SIZES.1).contains(x);
        for at in (0..numbers.values.len()).filter(|at| bad(&numbers.values[*at])) {
            numbers.refuse(at, accepted, desk);
        }
        if desk.problems.count() > before {
            return None;
        }
        numbers.values
    } else {
        spot.numbers(SIZES.0, SIZES.1, accepted, desk)?
    };
    match discretise::empirical(&data, types) {
        Ok(bins) => Some((format!("{} data", data.len()), bins)),
        Err(error) => {
            let message = format!(
                "{}: `{}` is {}, accepted is {}",
                sheet.title, error.field, error.found, error.accepted
            );
            desk.at(sheet.place(error.field), message, "too few", SAMPLES.about.to_owned());
            None
        }
    }
}

const NAME_COLUMN: usize = 0;
const FAMILY_COLUMN: usize = 1;
const FIRST_NUMBER: usize = 2;
/// The columns with numbers, in their order.
const NUMBERS: [(&str, bool); 5] =
    [(MEAN.name, true), (VARIANCE.name, true), (DELTAS.name, true), (TOP.name, false), (LIMIT.name, false)];

/// Providers in a table, one per row, all of them honest.
fn rows(
    table: &Table,
    names: &mut List,
    told: &mut Vec<Discretised>,
    desk: &mut Desk,
) -> Vec<Option<Provider>> {
    let text = |name| Column { name, number: false, required: true };
    let numbers = NUMBERS.iter().map(|&(name, required)| Column { name, number: true, required });
    let columns: Vec<Column<'_>> =
        [text(PLAYER_NAME.name), text(FAMILY.name)].into_iter().chain(numbers).collect();
    let mut all = Vec::new();
    table.read(&columns, |_| None, &mut desk.problems, &mut |row, problems| {
        let name = names::listed(table, row, NAME_COLUMN, PLAYER_NAME.name, problems);
        if let Some(name) = name.filter(|name| names.index(name).is_some()) {
            let what = format!("another player has the name `{}`", shorten(name));
            problems.push_with(|| table.problem(row.key, Some(PLAYER_NAME.name), what, "every name once"));
        }
        names.append(name.unwrap_or_default().to_owned());
        let found = of_row(table, row, problems).map(|(provider, words, bins)| {
            told.push(market::told(name.unwrap_or_default().to_owned(), words, &bins));
            provider
        });
        all.push(found);
    });
    all
}

fn of_row(table: &Table, row: &Row<'_>, problems: &mut Problems) -> Option<(Provider, String, Bins)> {
    let mut found = [None; NUMBERS.len()];
    let mut fine = true;
    for (k, (name, required)) in NUMBERS.iter().enumerate() {
        let what = match row.number(FIRST_NUMBER + k) {
            Ok(Some(x)) if x >= 0.0 => {
                found[k] = Some(x);
                continue;
            }
            Ok(None) if !required => continue,
            Ok(Some(x)) => format!("found {}", written(x)),
            Ok(None) => "empty".to_owned(),
            Err(found) => format!("found {}", found.0),
        };
        fine = false;
        problems.push_with(|| table.problem(row.key, Some(name), what, "a finite number, not negative"));
    }
    let [Some(mean), Some(variance), Some(types), top, limit] = found else { return None };
    if !(types.fract() == 0.0 && (1.0..=MOST_TYPES as f64).contains(&types)) {
        let (what, accepted) =
            (format!("found {}", written(types)), format!("a whole number from 1 to {MOST_TYPES}"));
        problems.push_with(|| table.problem(row.key, Some(DELTAS.name), what, &accepted));
        return None;
    }
    let word = match row.text(FAMILY_COLUMN) {
        Ok(word) => word.unwrap_or_default(),
        Err(found) => {
            problems.push_with(|| {
                table.problem(row.key, Some(FAMILY.name), format!("found {}", found.0), "a name")
            });
            return None;
        }
    };
    if (word == "scaled-beta") != top.is_some() {
        let what = if top.is_some() {
            "a value, but the family takes none"
        } else {
            "empty, but scaled-beta needs it"
        };
        let accepted = "the largest number for scaled-beta, an empty cell for the others";
        problems.push_with(|| table.problem(row.key, Some(TOP.name), what, accepted));
        return None;
    }
    let (words, bins) = match market::named(word, mean, variance, top, types as usize) {
        Some(Ok(made)) => made,
        Some(Err(error)) => {
            let what = format!("found {}", error.found);
            problems.push_with(|| table.problem(row.key, Some(error.field), what, &error.accepted));
            return None;
        }
        None => {
            let what = format!("found `{}`", shorten(word));
            problems.push_with(|| {
                let help = market::suggest_family(word);
                table.problem(row.key, Some(FAMILY.name), what, "the name of a family").with_help(help)
            });
            return None;
        }
    };
    let provider = Provider {
        labels: function::names(&bins.points),
        deltas: bins.points.clone(),
        reports: vec![bins.law.clone()],
        truth: vec![bins.law.clone()],
        limit,
        bidding: Bidding::Honest,
        default: None,
    };
    fine.then_some((provider, words, bins))
}
