//! What the players of all repeated markets have: laws of types, and a way of bidding.

use vickrey::two_stage::Law;
use vickrey::two_stage::law::{LawError, SUM};
use vickrey::two_stage::strategies::Bidding;

use super::season::Signals;
use crate::diagnostic::{shorten, written};
use crate::input::keys::Key;
use crate::input::keys::two_stage::{
    BIDDING, BIDDING_KEYS, BIDDINGS, BIDS, BY, ENDS, HIDDEN, MISSING, RIVAL, SHARE, SHOWN, UNIFORM,
};
use crate::input::list::{self, List};
use crate::input::sheet::{Desk, Sheet};
use crate::input::spot::Spot;

/// The types of a player.
pub(super) struct Types {
    pub list: List,
    /// Where they are numbers: which.
    pub deltas: Vec<f64>,
}

/// A player's laws under a key, one for all signals or one for each.
pub(super) fn laws(
    sheet: &Sheet<'_, '_>,
    key: &'static Key,
    types: &Types,
    signals: &Signals,
    desk: &mut Desk,
) -> Option<Vec<Law>> {
    signals.each(Spot::of(sheet, key)?, |_| false, desk, |spot, desk| law(&spot, types, desk))
}

fn law(spot: &Spot<'_, '_, '_>, types: &Types, desk: &mut Desk) -> Option<Law> {
    let count = types.list.len();
    if spot.text().is_some_and(|word| UNIFORM.contains(&word)) {
        return Some(Law::uniform(count));
    }
    let Some(items) = spot.array() else {
        spot.refuse("a list with a probability for each type, or \"uniform\"", desk);
        return None;
    };
    if items.len() != count {
        let accepted = format!("a list of {count}, one probability for each type");
        spot.refuse(&accepted, desk);
        return None;
    }
    let before = desk.problems.count();
    let mut probabilities = Vec::with_capacity(count);
    for (item, name) in items.iter().zip(&types.list.names) {
        let part = spot.part(item, &format!("type `{}`", shorten(name)));
        probabilities.extend(part.number_from(0.0, 1.0 + SUM, "a probability from 0 to 1", desk));
    }
    if desk.problems.count() > before {
        return None;
    }
    match Law::new(probabilities) {
        Ok(law) => Some(law),
        Err(LawError::Sum(sum)) => {
            let found = format!("a list that adds up to {}", written(sum));
            spot.refuse_as(&found, &format!("a sum of 1 within {SUM:e} (nothing is renormalised)"), desk);
            None
        }
        Err(other) => {
            spot.refuse_as("no law", &other.to_string(), desk);
            None
        }
    }
}

/// The type that a name, or a number, means.
fn type_of(spot: &Spot<'_, '_, '_>, types: &Types, desk: &mut Desk) -> Option<usize> {
    let name = match (spot.text(), spot.number()) {
        (Some(word), _) if !types.deltas.is_empty() && ENDS.contains(&word) => {
            let order = |a: &usize, b: &usize| types.deltas[*a].total_cmp(&types.deltas[*b]);
            let all = 0..types.deltas.len();
            return if word == ENDS[0] { all.min_by(order) } else { all.max_by(order) };
        }
        (Some(name), _) => name.to_owned(),
        (_, Some(number)) => written(number),
        _ => {
            spot.refuse("the name of a type", desk);
            return None;
        }
    };
    types.list.find(&spot.sheet.title, spot.key, &name, spot.span(), desk)
}

/// The type that counts if a bid is missing, if that is said.
pub(super) fn missing(sheet: &Sheet<'_, '_>, types: &Types, desk: &mut Desk) -> Option<usize> {
    type_of(&Spot::of(sheet, &MISSING)?, types, desk)
}

/// Who bids: what a way of bidding may refer to.
pub(super) struct Surroundings<'t> {
    pub names: &'t List,
    pub signals: &'t Signals,
    pub sealed: bool,
}

/// How a player bids.
pub(super) fn bidding(
    sheet: &Sheet<'_, '_>,
    player: usize,
    types: &Types,
    around: &Surroundings<'_>,
    desk: &mut Desk,
) -> Option<Bidding> {
    let word = match sheet.value(BIDDING.name) {
        Some(_) => sheet.choice(&BIDDING, BIDDINGS.iter().copied(), desk)?,
        None => 0,
    };
    let takes: &[&'static Key] = match BIDDINGS[word] {
        "exaggerate" => &[&BY],
        "follow" => &[&RIVAL, &SHARE],
        "copy" => &[&RIVAL],
        "ride-window" => &[&HIDDEN, &SHOWN, &SHARE],
        "by-signal" => &[&BIDS],
        _ => &[],
    };
    refuse_idle(sheet, takes, BIDDINGS[word], desk);
    let before = desk.problems.count();
    for key in takes.iter().filter(|key| key.name != BY.name && sheet.value(key.name).is_none()) {
        sheet.missing(key, key.about, desk);
    }
    let typed = |key: &'static Key, desk: &mut Desk| type_of(&Spot::of(sheet, key)?, types, desk);
    let bidding = match BIDDINGS[word] {
        "mimic" => Some(Bidding::Mimic),
        "common-coin" => Some(Bidding::CommonCoin),
        "exaggerate" => exaggerate(sheet, desk),
        "follow" => {
            let (rival, share) = (rival(sheet, player, around, desk), list::number(sheet, &SHARE, desk));
            rival.zip(share).map(|(rival, share)| Bidding::Follow { rival, share })
        }
        "copy" => copy(sheet, player, around, desk),
        "ride-window" => {
            let (hidden, shown) = (typed(&HIDDEN, desk), typed(&SHOWN, desk));
            let share = list::number(sheet, &SHARE, desk);
            hidden.zip(shown).zip(share).map(|((hidden, shown), share)| Bidding::RideWindow {
                hidden,
                shown,
                share,
            })
        }
        "by-signal" => by_signal(sheet, types, around.signals, desk),
        _ => Some(Bidding::Honest),
    };
    bidding.filter(|_| desk.problems.count() == before)
}

/// Reports keys that the way of bidding does not take.
fn refuse_idle(sheet: &Sheet<'_, '_>, takes: &[&'static Key], word: &str, desk: &mut Desk) {
    let fixed = [BIDDING.name, MISSING.name];
    for key in BIDDING_KEYS.iter().filter(|key| !fixed.contains(&key.name)) {
        if sheet.value(key.name).is_none() || takes.iter().any(|taken| taken.name == key.name) {
            continue;
        }
        let message = format!("{}: `{}` is given, but bidding is {word}", sheet.title, key.name);
        desk.at(sheet.key_place(key.name), message, "not accepted here", key.about.to_owned());
    }
}

fn exaggerate(sheet: &Sheet<'_, '_>, desk: &mut Desk) -> Option<Bidding> {
    let Some(spot) = Spot::of(sheet, &BY) else { return Some(Bidding::Exaggerate(1)) };
    match spot.number().filter(|by| by.fract() == 0.0 && *by != 0.0 && by.abs() <= 1000.0) {
        Some(by) => Some(Bidding::Exaggerate(by as isize)),
        None => {
            spot.refuse("a whole number from -1000 to 1000 other than 0", desk);
            None
        }
    }
}

fn rival(sheet: &Sheet<'_, '_>, player: usize, around: &Surroundings<'_>, desk: &mut Desk) -> Option<usize> {
    let name = sheet.text(&RIVAL, desk)?;
    let rival = around.names.find(&sheet.title, &RIVAL, name, sheet.place(RIVAL.name), desk)?;
    if rival == player {
        let message = format!("{}: `rival` is herself", sheet.title);
        desk.at(sheet.place(RIVAL.name), message, "not another player", RIVAL.about.to_owned());
        return None;
    }
    Some(rival)
}

fn copy(sheet: &Sheet<'_, '_>, player: usize, around: &Surroundings<'_>, desk: &mut Desk) -> Option<Bidding> {
    let rival = rival(sheet, player, around, desk)?;
    let (found, help) = if around.sealed {
        (
            "bids are sealed",
            "accepted with sealed = false in [season]: sealed bids cannot be copied on the same day",
        )
    } else if rival > player {
        (
            "her rival bids after her",
            "accepted: a rival who stands before her in the file, as players bid in that order",
        )
    } else {
        return Some(Bidding::Copy { rival });
    };
    let message = format!("{}: `bidding` is copy, but {found}", sheet.title);
    desk.at(sheet.place(BIDDING.name), message, "not possible", help.to_owned());
    None
}

fn by_signal(sheet: &Sheet<'_, '_>, types: &Types, signals: &Signals, desk: &mut Desk) -> Option<Bidding> {
    let spot = Spot::of(sheet, &BIDS)?;
    if spot.table().is_none() {
        spot.refuse("a table from signals to types", desk);
        return None;
    }
    let found = signals.each(spot, |_| false, desk, |spot, desk| type_of(&spot, types, desk))?;
    Some(Bidding::BySignal(found))
}
