//! `[market]`: what has to be covered, and the reserve.

use vickrey::two_stage::demand::{Lottery, Shortage};
use vickrey::two_stage::discretise::{self, Bins};

use super::Discretised;
use super::season::Signals;
use crate::diagnostic::{suggest, written};
use crate::input::keys::Key;
use crate::input::keys::two_stage::{
    COUNT_OF_TYPES, FAMILIES, FAMILY, FAMILY_KEYS, LOTTERY, LOTTERY_LAW, LOTTERY_VALUES, MEAN, NO_RESERVE,
    TOP, VARIANCE,
};
use crate::input::list;
use crate::input::sheet::{Desk, Sheet, Span};
use crate::input::spot::Spot;

/// Sizes of numbers of which squares and products are taken.
pub(super) const SIZES: (f64, f64) = (1e-70, 1e70);
/// Words that cannot be names of signals here: tables with them are no tables by signal.
pub(super) const RESERVED: &[&str] =
    &["values", "law", "file", "column", "classes", "family", "mean", "variance", "top", "types"];

/// Something by signal, or one for all, and where it stands.
pub(super) struct Located<T> {
    pub what: T,
    pub at: Span,
}

/// The shortages that are not announced as a series.
pub(super) fn shortages(
    spot: Spot<'_, '_, '_>,
    signals: &Signals,
    desk: &mut Desk,
) -> Option<Vec<Located<Shortage>>> {
    let is_plain = |spot: &Spot<'_, '_, '_>| spot.has_one_of(RESERVED.iter().copied());
    signals.each(spot, is_plain, desk, |spot, desk| {
        let at = spot.span();
        let what = match spot.number() {
            Some(d) if d.abs() <= SIZES.1 => Shortage::Certain(d),
            None if is_plain(&spot) => Shortage::AfterBids(lottery(&spot, -SIZES.1, desk)?),
            _ => {
                spot.refuse("a finite number, { values, law }, or a series { file, column, classes }", desk);
                return None;
            }
        };
        Some(Located { what, at })
    })
}

/// The reserve by signal, or one for all; none where there is none.
pub(super) fn reserves(
    spot: Spot<'_, '_, '_>,
    signals: &Signals,
    discretised: &mut Vec<Discretised>,
    desk: &mut Desk,
) -> Option<Vec<Located<Option<Lottery>>>> {
    let is_plain = |spot: &Spot<'_, '_, '_>| spot.has_one_of(RESERVED.iter().copied());
    signals.each(spot, is_plain, desk, |spot, desk| {
        let at = spot.span();
        let what = match (spot.number(), spot.text()) {
            (Some(delta), _) if (SIZES.0..=SIZES.1).contains(&delta) => Some(Lottery::certain(delta)),
            (_, Some(word)) if NO_RESERVE.contains(&word) => None,
            (None, None) if spot.has_one_of([LOTTERY_VALUES.name]) => Some(lottery(&spot, SIZES.0, desk)?),
            (None, None) if is_plain(&spot) => Some(reserve_of_family(&spot, discretised, desk)?),
            _ => {
                let accepted = "a finite number above 0, { values, law }, { family, mean, variance, types }, or \"none\"";
                spot.refuse(accepted, desk);
                return None;
            }
        };
        Some(Located { what, at })
    })
}

/// { values, law }
fn lottery(spot: &Spot<'_, '_, '_>, low: f64, desk: &mut Desk) -> Option<Lottery> {
    let section = spot.section(LOTTERY, desk)?;
    let mut list = |key: &'static Key, low: f64, high: f64, accepted: &str| {
        Spot::required(&section, key, desk).and_then(|spot| spot.numbers(low, high, accepted, desk))
    };
    let accepted = if low > 0.0 { "a finite number above 0" } else { "a finite number" };
    let values = list(&LOTTERY_VALUES, low, SIZES.1, accepted);
    let law = list(&LOTTERY_LAW, 0.0, 1.0, "a probability from 0 to 1");
    match Lottery::new(values?, law?) {
        Ok(lottery) => Some(lottery),
        Err(error) => {
            desk.at(spot.span(), format!("{}: {error}", spot.title()), "", LOTTERY_LAW.about.to_owned());
            None
        }
    }
}

fn reserve_of_family(
    spot: &Spot<'_, '_, '_>,
    discretised: &mut Vec<Discretised>,
    desk: &mut Desk,
) -> Option<Lottery> {
    let section = spot.section(FAMILY_KEYS, desk)?;
    for key in [&FAMILY, &COUNT_OF_TYPES].into_iter().filter(|key| section.value(key.name).is_none()) {
        section.missing(key, key.about, desk);
    }
    let count = section.whole(&COUNT_OF_TYPES, desk);
    let (words, bins) = family(&section, count, desk)?;
    discretised.push(told("reserve".to_owned(), words, &bins));
    Lottery::new(bins.points.clone(), bins.law.probabilities().to_vec()).ok()
}

/// What was asked for, and what came of it.
pub(super) fn told(whose: String, family: String, bins: &Bins) -> Discretised {
    Discretised { whose, family, types: bins.points.len(), asked: bins.asked, obtained: bins.obtained() }
}

/// The law of a section with `family`, `mean`, `variance` and maybe `top`, on so many types; and the family in words.
pub(super) fn family(section: &Sheet<'_, '_>, types: Option<u64>, desk: &mut Desk) -> Option<(String, Bins)> {
    for key in [&MEAN, &VARIANCE].into_iter().filter(|key| section.value(key.name).is_none()) {
        section.missing(key, key.about, desk);
    }
    let kind = section.choice(&FAMILY, FAMILIES.iter().copied(), desk);
    let mean = list::number(section, &MEAN, desk);
    let variance = list::number(section, &VARIANCE, desk);
    let top = list::number(section, &TOP, desk);
    let word = FAMILIES[kind?];
    let has_top = section.value(TOP.name).is_some();
    if has_top != (word == "scaled-beta") {
        if has_top {
            let message = format!("{}: `top` is given, but the family is {word}", section.title);
            desk.at(section.key_place(TOP.name), message, "not accepted here", TOP.about.to_owned());
        } else {
            section.missing(&TOP, TOP.about, desk);
        }
        return None;
    }
    let (mean, variance, types) = (mean?, variance?, usize::try_from(types?).ok()?);
    match named(word, mean, variance, top, types)? {
        Ok(made) => Some(made),
        Err(error) => {
            let message = format!(
                "{}: `{}` is {}, accepted is {}",
                section.title, error.field, error.found, error.accepted
            );
            desk.at(section.place(error.field), message, "no such law", FAMILY.about.to_owned());
            None
        }
    }
}

/// The law of the family with this name and its words; none if there is no such name.
pub(super) fn named(
    word: &str,
    mean: f64,
    variance: f64,
    top: Option<f64>,
    types: usize,
) -> Option<Result<(String, Bins), discretise::BinsError>> {
    use vickrey::two_stage::discretise::Family;
    let family = match (word, top) {
        ("beta-prime", _) => Family::BetaPrime,
        ("scaled-beta", Some(top)) => Family::ScaledBeta { top },
        ("lognormal", _) => Family::Lognormal,
        ("gamma", _) => Family::Gamma,
        _ => return None,
    };
    let to = top.map_or_else(String::new, |top| format!(" up to {}", written(top)));
    let words = format!("{word}{to}, mean {}, variance {}", written(mean), written(variance));
    Some(discretise::family(family, mean, variance, types).map(|bins| (words, bins)))
}

/// "did you mean …?" for the name of a family.
pub(super) fn suggest_family(word: &str) -> String {
    suggest(word, FAMILIES.iter().copied())
}
