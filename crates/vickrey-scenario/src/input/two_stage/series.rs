//! Columns of numbers in tables, and the shortages of many days.

use vickrey::two_stage::demand::Day;
use vickrey::two_stage::discretise;
use vickrey::two_stage::simulate::Calendar;

use super::season::Signals;
use crate::diagnostic::written;
use crate::input::Context;
use crate::input::keys::two_stage::{CLASSES, COLUMN, FILE, SERIES};
use crate::input::list::List;
use crate::input::sheet::{Desk, FINITE, Sheet};
use crate::input::spot::Spot;
use crate::input::table::{Column, Table};

/// Numbers of a column, with their rows.
pub(super) struct Numbers {
    pub table: Table,
    pub column: String,
    pub values: Vec<f64>,
    rows: Vec<u64>,
}

impl Numbers {
    /// Reports something about one of the numbers.
    pub fn refuse(&self, at: usize, accepted: &str, desk: &mut Desk) {
        let found = format!("found {}", written(self.values[at]));
        desk.problems.push_with(|| self.table.problem(self.rows[at], Some(&self.column), found, accepted));
    }
}

/// The numbers of { file, column }.
pub(super) fn numbers(
    section: &Sheet<'_, '_>,
    desk: &mut Desk,
    context: &mut Context<'_>,
) -> Option<Numbers> {
    for key in [&FILE, &COLUMN].into_iter().filter(|key| section.value(key.name).is_none()) {
        section.missing(key, key.about, desk);
    }
    let column = section.text(&COLUMN, desk)?.to_owned();
    let table = Table::asked(section, &FILE, desk, context)?.wide();
    let columns = [Column { name: &column, number: true, required: true }];
    let (mut values, mut rows) = (Vec::new(), Vec::new());
    let before = desk.problems.count();
    table.read(&columns, |_| None, &mut desk.problems, &mut |row, problems| {
        let found = match row.number(0) {
            Ok(Some(value)) => {
                values.push(value);
                rows.push(row.key);
                return;
            }
            Ok(None) => "empty".to_owned(),
            Err(found) => format!("found {}", found.0),
        };
        problems.push_with(|| table.problem(row.key, Some(&column), found, FINITE));
    });
    if desk.problems.count() > before {
        return None;
    }
    if values.is_empty() {
        let message = format!("{}: `{}` has no rows", section.title, table.name);
        desk.at(section.place(FILE.name), message, "no numbers", "accepted: at least one row".to_owned());
        return None;
    }
    Some(Numbers { table, column, values, rows })
}

/// Announced shortages day by day.
pub(super) struct Announced {
    pub numbers: Numbers,
    /// Classes of like shortages.
    pub signals: Signals,
    pub days: Vec<Day>,
}

/// Whether a shortage is a series.
pub(super) fn is_series(spot: &Spot<'_, '_, '_>) -> bool {
    spot.has_one_of(SERIES.iter().map(|key| key.name))
}

/// The shortages of { file, column, classes }.
pub(super) fn announced(
    spot: &Spot<'_, '_, '_>,
    desk: &mut Desk,
    context: &mut Context<'_>,
) -> Option<Announced> {
    let section = spot.section(SERIES, desk)?;
    let classes = match section.value(CLASSES.name) {
        Some(_) => section.whole(&CLASSES, desk),
        None => Some(4),
    };
    let numbers = numbers(&section, desk, context)?;
    let classes = usize::try_from(classes?).unwrap_or(usize::MAX);
    match discretise::classes(&numbers.values, classes) {
        Ok((of, ends)) => {
            let list = List::of("signal", (1..=ends.len()).map(|k| format!("class-{k}")));
            let day = |(signal, shortage): (usize, f64)| Day { signal, shortage: Some(shortage) };
            let days = of.iter().copied().zip(numbers.values.iter().copied()).map(day).collect();
            let signals = Signals { list, calendar: Calendar::Listed(of), declared: true };
            Some(Announced { numbers, signals, days })
        }
        Err(error) => {
            let message =
                format!("{}: `classes` is {}, accepted is {}", section.title, error.found, error.accepted);
            desk.at(section.place(CLASSES.name), message, "too many", CLASSES.about.to_owned());
            None
        }
    }
}

/// Reports signals in a file whose series makes its own.
pub(super) fn refuse_signals(sheet: &Sheet<'_, '_>, season: Option<&Sheet<'_, '_>>, desk: &mut Desk) {
    let calendar = season.filter(|season| season.value("calendar").is_some());
    let found = [("[[signals]]", sheet.value("signals").map(|_| sheet.key_place("signals")))];
    let calendar = ("`calendar` in [season]", calendar.map(|season| season.key_place("calendar")));
    for (what, at) in found.into_iter().chain([calendar]) {
        let Some(at) = at else { continue };
        let message = format!("{what} is given beside a series of shortages");
        let help =
            "accepted: one of the two; classes of like shortages are the signals of a series".to_owned();
        desk.at(at, message, "one too many", help);
    }
}
