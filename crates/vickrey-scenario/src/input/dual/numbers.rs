//! Numbers for all decisions of a follower, or one for each.

use crate::input::keys::dual::LARGEST;
use crate::input::sheet::Desk;
use crate::input::spot::Spot;

pub(super) const ANY: &str = "a finite number of size at most 1e15";

/// One number for each of `count` places: a list, or one number for all of them.
pub(super) fn each(spot: &Spot<'_, '_, '_>, count: usize, desk: &mut Desk) -> Option<Vec<f64>> {
    let fits = |items: usize| items == count;
    match spot.array() {
        Some(items) if fits(items.len()) => spot.numbers(-LARGEST, LARGEST, ANY, desk),
        None if spot.number().is_some() => {
            spot.number_from(-LARGEST, LARGEST, ANY, desk).map(|x| vec![x; count])
        }
        _ => {
            spot.refuse(&wanted(count), desk);
            None
        }
    }
}

fn wanted(count: usize) -> String {
    match count {
        1 => "a finite number".to_owned(),
        n => format!("a number, or a list of {n}"),
    }
}

/// Rows of equal length: `rows` of them, with `columns` numbers each where that is known.
pub(super) fn rows(
    spot: &Spot<'_, '_, '_>,
    rows: usize,
    columns: Option<usize>,
    desk: &mut Desk,
) -> Option<Vec<Vec<f64>>> {
    let items = spot.array()?;
    let columns = columns.or_else(|| Some(items.first()?.get_ref().as_array()?.len())).filter(|n| *n > 0);
    let (true, Some(columns)) = (items.len() == rows, columns) else {
        spot.refuse(&format!("a list of {rows} rows, each a list of numbers"), desk);
        return None;
    };
    let all: Vec<Option<Vec<f64>>> = items
        .iter()
        .enumerate()
        .map(|(r, item)| {
            let row = spot.part(item, &format!("row {}", r + 1));
            match row.array() {
                Some(numbers) if numbers.len() == columns => row.numbers(-LARGEST, LARGEST, ANY, desk),
                _ => {
                    row.refuse(&format!("a list of {columns}, one number for each decision"), desk);
                    None
                }
            }
        })
        .collect();
    all.into_iter().collect()
}
