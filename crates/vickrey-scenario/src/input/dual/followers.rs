//! Followers in the file: what is public of each, what she keeps to herself, and what she does.

use vickrey::faithful::dual::cost::Cost;
use vickrey::faithful::dual::model::Follower;

use super::cost;
use super::numbers::{each, rows};
use vickrey::faithful::dual::strategies::Play;

use super::play::act;
use crate::diagnostic::written;
use crate::input::keys::Key;
use crate::input::keys::dual::{
    ABSENT, COST, COUPLING, CURVATURE, FOLLOWER, FOLLOWER_NAME, HIGH, LARGEST, LOW, PLAY,
};
use crate::input::list::{self, List};
use crate::input::sheet::{Desk, Sheet};
use crate::input::spot::Spot;

/// A follower as she was read.
pub(super) struct Read {
    pub public: Follower,
    /// None if the file does not have it.
    pub cost: Option<Cost>,
    pub play: Play,
}

/// A follower of the file. `costs`: whether her cost has to be there.
pub(super) fn inline(
    sheet: &mut Sheet<'_, '_>,
    index: usize,
    (names, couplings): (&mut List, &List),
    costs: bool,
    desk: &mut Desk,
) -> Option<Read> {
    list::heading(sheet, index, &FOLLOWER_NAME, names, desk);
    sheet.refuse_others(FOLLOWER.iter().map(|key| key.name), desk);
    let before = desk.problems.count();
    let public = public(sheet, couplings, desk);
    let decisions = public.as_ref().map(Follower::decisions);
    let cost = match Spot::of(sheet, &COST) {
        Some(spot) => cost::cost(&spot, decisions, desk),
        None if costs => {
            sheet.missing(&COST, COST.about, desk);
            None
        }
        None => None,
    };
    let act = match Spot::of(sheet, &PLAY) {
        Some(spot) => act(&spot, decisions, desk),
        None => Some(Play::Faithful),
    };
    // What is reported is worth nothing.
    (desk.problems.count() == before).then_some(Read { public: public?, cost, play: act? })
}

fn public(sheet: &Sheet<'_, '_>, couplings: &List, desk: &mut Desk) -> Option<Follower> {
    let coupling = coupling(sheet, couplings, desk);
    let decisions = coupling.as_ref().map_or_else(|| hint(sheet).unwrap_or(1), |(_, n)| *n);
    let numbers = |key: &'static Key, default: f64, desk: &mut Desk| match Spot::of(sheet, key) {
        Some(spot) => each(&spot, decisions, desk),
        None => Some(vec![default; decisions]),
    };
    let low = numbers(&LOW, f64::NEG_INFINITY, desk);
    let high = numbers(&HIGH, f64::INFINITY, desk);
    let absent = numbers(&ABSENT, 0.0, desk);
    let curvature = curvature(sheet, desk);
    let (low, high, absent) = (low?, high?, absent?);
    check(sheet, &low, &high, &absent, desk)?;
    Some(Follower { coupling: coupling?.0, low, high, absent, curvature: curvature? })
}

/// Limits that cross, and an absent allocation beyond them.
fn check(sheet: &Sheet<'_, '_>, low: &[f64], high: &[f64], absent: &[f64], desk: &mut Desk) -> Option<()> {
    let before = desk.problems.count();
    for k in 0..low.len() {
        let which = if low.len() > 1 { format!(", decision {}", k + 1) } else { String::new() };
        if high[k] < low[k] {
            let accepted = format!("at least the lower limit {}", written(low[k]));
            let message =
                format!("{}: `high`{which} is {}, accepted is {accepted}", sheet.title, written(high[k]));
            desk.at(
                sheet.place(HIGH.name),
                message,
                &format!("accepted is {accepted}"),
                HIGH.about.to_owned(),
            );
        } else if !(low[k]..=high[k]).contains(&absent[k]) {
            let given = if sheet.value(ABSENT.name).is_some() { "" } else { " (left out)" };
            let accepted = format!("a number from {} to {}", written(low[k]), written(high[k]));
            let message = format!(
                "{}: `absent`{which} is {}{given}, accepted is {accepted}, within the limits",
                sheet.title,
                written(absent[k])
            );
            desk.at(
                sheet.place(ABSENT.name),
                message,
                &format!("accepted is {accepted}"),
                ABSENT.about.to_owned(),
            );
        }
    }
    (desk.problems.count() == before).then_some(())
}

/// How many decisions the limits speak of.
fn hint(sheet: &Sheet<'_, '_>) -> Option<usize> {
    let length = |key: &Key| sheet.value(key.name)?.get_ref().as_array().map(|items| items.len());
    [&LOW, &HIGH, &ABSENT].into_iter().find_map(length).filter(|n| *n > 0)
}

/// R_i row by row, and the number of decisions.
fn coupling(sheet: &Sheet<'_, '_>, couplings: &List, desk: &mut Desk) -> Option<(Vec<f64>, usize)> {
    let m = couplings.len();
    let Some(spot) = Spot::of(sheet, &COUPLING) else {
        if m == 1 {
            let n = hint(sheet).unwrap_or(1);
            return Some((vec![1.0; n], n));
        }
        sheet.missing(&COUPLING, COUPLING.about, desk);
        return None;
    };
    if spot.table().is_some() {
        return by_name(&spot, couplings, hint(sheet), desk);
    }
    let nested = spot.array().is_some_and(|items| items.iter().any(|item| item.get_ref().is_array()));
    match (spot.array(), m) {
        (Some(_), _) if nested => {
            let rows = rows(&spot, m, None, desk)?;
            let n = rows[0].len();
            Some((rows.concat(), n))
        }
        (Some(items), 1) if !items.is_empty() => each(&spot, items.len(), desk).map(|row| (row, items.len())),
        (Some(items), _) if items.len() == m => each(&spot, m, desk).map(|column| (column, 1)),
        (None, 1) if spot.number().is_some() => {
            let n = hint(sheet).unwrap_or(1);
            each(&spot, n, desk).map(|row| (row, n))
        }
        (_, 1) => {
            spot.refuse("a number, or a list with one for each decision", desk);
            None
        }
        _ => {
            let accepted = format!(
                "a list of {m}, one number or one list for each coupling, or a table from couplings to them"
            );
            spot.refuse(&accepted, desk);
            None
        }
    }
}

/// Rows by the name of their coupling; those not named are zero.
fn by_name(
    spot: &Spot<'_, '_, '_>,
    couplings: &List,
    hint: Option<usize>,
    desk: &mut Desk,
) -> Option<(Vec<f64>, usize)> {
    let table = spot.table()?;
    let length = |value: &toml::Spanned<toml::de::DeValue<'_>>| value.get_ref().as_array().map(|a| a.len());
    let n = table.iter().find_map(|(_, value)| length(value)).or(hint).unwrap_or(1);
    let mut all = vec![0.0; couplings.len() * n];
    let before = desk.problems.count();
    if table.is_empty() {
        spot.refuse_as("an empty table", "a number or a list for some couplings", desk);
    }
    for (name, value) in table.iter() {
        let found = couplings.find(&spot.sheet.title, spot.key, name.get_ref(), name.span(), desk);
        let part = spot.part(value, &format!("coupling `{}`", name.get_ref()));
        if let (Some(r), Some(row)) = (found, each(&part, n, desk)) {
            all[r * n..(r + 1) * n].copy_from_slice(&row);
        }
    }
    (desk.problems.count() == before).then_some((all, n))
}

/// (m, M); nothing is known where it is left out.
fn curvature(sheet: &Sheet<'_, '_>, desk: &mut Desk) -> Option<(f64, f64)> {
    let Some(spot) = Spot::of(sheet, &CURVATURE) else { return Some((0.0, f64::INFINITY)) };
    let accepted = "a number from 0 on, or a list [least, most] of two, least first";
    let found = match (spot.number(), spot.array()) {
        (Some(least), _) => (least, f64::INFINITY),
        (None, Some(items)) if items.len() == 2 => {
            let numbers = spot.numbers(0.0, 1e300, "a finite number from 0 on", desk)?;
            (numbers[0], numbers[1])
        }
        _ => {
            spot.refuse(accepted, desk);
            return None;
        }
    };
    if !(0.0..=LARGEST).contains(&found.0) || found.1 < found.0 {
        let shown = match found.1 {
            most if most.is_finite() => format!("[{}, {}]", written(found.0), written(most)),
            _ => written(found.0),
        };
        spot.refuse_as(&shown, accepted, desk);
        return None;
    }
    Some(found)
}
