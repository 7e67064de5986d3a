//! What followers do, as scenarios say it.

use std::sync::Arc;

use vickrey::faithful::dual::strategies::Play;

use super::cost;
use super::numbers::each;
use crate::input::keys::Key;
use crate::input::keys::dual::{
    ANNOUNCE, ANSWER, MOST_ROUNDS, PLAY_KEYS, PLAYS, PRETEND, SCALE, SCRIPT, SILENT, TILT, VALUES,
};
use crate::input::list;
use crate::input::sheet::{Desk, Sheet};
use crate::input::spot::Spot;

/// What `play` says.
pub(super) fn act(spot: &Spot<'_, '_, '_>, decisions: Option<usize>, desk: &mut Desk) -> Option<Play> {
    if spot.text().is_some() {
        let word = spot.sheet.choice(spot.key, PLAYS.iter().copied(), desk)?;
        return Some(if word == 0 { Play::Faithful } else { Play::Garbage });
    }
    let Some(section) = spot.section(PLAY_KEYS, desk) else {
        spot.refuse(
            "a word, or a table with one of pretend, scale, shift, constant, script, values, silent, announce",
            desk,
        );
        return None;
    };
    let given: Vec<&'static Key> = PLAY_KEYS.iter().filter(|key| section.value(key.name).is_some()).collect();
    let [key] = given[..] else {
        let words: Vec<&str> = PLAY_KEYS.iter().map(|key| key.name).collect();
        let found = format!("a table with {} of these keys", given.len());
        spot.refuse_as(&found, &format!("one of {}", words.join(", ")), desk);
        return None;
    };
    one(&section, key, decisions.unwrap_or(1), desk)
}

fn one(section: &Sheet<'_, '_>, key: &'static Key, decisions: usize, desk: &mut Desk) -> Option<Play> {
    let value = Spot::of(section, key)?;
    let number = |desk: &mut Desk| list::number(section, key, desk);
    let tilt = |scale: f64, shift: Vec<f64>| Play::Tilt { scale, shift, true_values: false };
    let play = match key.name {
        name if name == PRETEND.name => Play::Pretend(Arc::new(cost::cost(&value, Some(decisions), desk)?)),
        name if name == SCALE.name => tilt(number(desk)?, vec![0.0; decisions]),
        name if name == TILT.name => tilt(1.0, each(&value, decisions, desk)?),
        name if name == ANSWER.name => Play::Constant(each(&value, decisions, desk)?),
        name if name == SCRIPT.name => Play::Script(script(&value, decisions, desk)?),
        name if name == VALUES.name => Play::Values(number(desk)?),
        name if name == SILENT.name => silent(&value, desk)?,
        name if name == ANNOUNCE.name => {
            Play::Announce { modulus: number(desk)?, then: Box::new(Play::Faithful) }
        }
        _ => return None,
    };
    Some(play)
}

fn script(value: &Spot<'_, '_, '_>, decisions: usize, desk: &mut Desk) -> Option<Vec<Vec<f64>>> {
    let Some(items) = value.array().filter(|items| !items.is_empty()) else {
        value.refuse("a list with an answer for each round", desk);
        return None;
    };
    let rounds = items.iter().enumerate();
    let all: Vec<Option<Vec<f64>>> = rounds
        .map(|(k, item)| each(&value.part(item, &format!("round {}", k + 1)), decisions, desk))
        .collect();
    all.into_iter().collect()
}

fn silent(value: &Spot<'_, '_, '_>, desk: &mut Desk) -> Option<Play> {
    let most = MOST_ROUNDS as f64;
    let whole = |x: f64| (x.fract() == 0.0 && (1.0..=most).contains(&x)).then_some(x as usize);
    let items = value.array().map_or(0, |items| items.len());
    let found = match (value.number(), items) {
        (Some(from), _) => whole(from).map(|from| (from, usize::MAX)),
        (None, 1 | 2) => {
            let numbers = value.numbers(1.0, most, "a whole number from 1 to 1000000", desk)?;
            let from = whole(numbers[0]);
            let to = numbers.get(1).map_or(Some(usize::MAX), |to| whole(*to).map(|to| to + 1));
            from.zip(to)
        }
        _ => None,
    };
    let accepted = "a round from 1 on, or a list [from, to] of two, the first not after the second";
    match found {
        Some((from, to)) if from < to => return Some(Play::Silent { from, to }),
        Some((from, to)) => value.refuse_as(&format!("[{from}, {}]", to - 1), accepted, desk),
        None => value.refuse(accepted, desk),
    }
    None
}
