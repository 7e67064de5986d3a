//! `[rules]`: how prices move, when rounds stop, who pays what.

use vickrey::faithful::dual::model::Problem as Shared;
use vickrey::faithful::dual::rules::{Bound, Marginals, Method, Mode, Moduli, PlanError, Rules, Stop};

use super::numbers::each;
use crate::diagnostic::written;
use crate::input::keys::Key;
use crate::input::keys::dual::{
    BOUND, BOUNDS, EPSILON, FADING, MARGINAL, MARGINAL_ROUNDS, MARGINALS, METHOD, METHODS, MODE, MODES,
    MODULI, MODULUS, PENALTY, RELAXATION, RHO, ROUND_LIMIT, ROUNDS, RULE_KEYS, START_PRICE, STEP, STRIKES,
};
use crate::input::list;
use crate::input::sheet::{Desk, Sheet, Span};
use crate::input::spot::Spot;

/// The rules, and whether the weight of the method of multipliers still has to be chosen.
pub(super) struct Read {
    pub rules: Rules,
    free_rho: bool,
}

/// What `[rules]` says; without the section, what holds then.
pub(super) fn read(sheet: Option<&Sheet<'_, '_>>, couplings: usize, desk: &mut Desk) -> Option<Read> {
    let rules = Rules::default();
    let Some(sheet) = sheet else { return Some(Read { rules, free_rho: false }) };
    sheet.refuse_others(RULE_KEYS.iter().map(|key| key.name), desk);
    let before = desk.problems.count();
    let (method, free_rho) = method(sheet, desk);
    let start = Spot::of(sheet, &START_PRICE).and_then(|spot| each(&spot, couplings, desk));
    let choose = |key: &'static Key, words: &'static [&'static str], desk: &mut Desk| {
        sheet.choice(key, words.iter().copied(), desk).unwrap_or(0)
    };
    let mode = [Mode::Vcg, Mode::Zero, Mode::Dual, Mode::ClearingPrice][choose(&MODE, MODES, desk)];
    let moduli = [Moduli::Public, Moduli::Announced][choose(&MODULUS, MODULI, desk)];
    let bound = [Bound::Sound, Bound::Naive][choose(&BOUND, BOUNDS, desk)];
    let warm = choose(&MARGINAL, MARGINALS, desk) == 1;
    let read = Rules {
        method,
        stop: stop(sheet, desk),
        mode,
        start: start.unwrap_or_default(),
        strikes: whole(sheet, &STRIKES, desk).unwrap_or(rules.strikes),
        penalty: list::number(sheet, &PENALTY, desk).unwrap_or(rules.penalty),
        marginals: marginals(sheet, warm, desk),
        moduli,
        bound,
    };
    refuse_idle(sheet, &read, desk);
    (desk.problems.count() == before).then_some(Read { rules: read, free_rho })
}

fn whole(sheet: &Sheet<'_, '_>, key: &Key, desk: &mut Desk) -> Option<usize> {
    sheet.whole(key, desk).and_then(|n| usize::try_from(n).ok())
}

fn method(sheet: &Sheet<'_, '_>, desk: &mut Desk) -> (Method, bool) {
    let word = match sheet.value(METHOD.name) {
        Some(_) => sheet.choice(&METHOD, METHODS.iter().copied(), desk),
        None => Some(1),
    };
    let step = list::number(sheet, &STEP, desk);
    let fading = sheet.flag(&FADING, desk).unwrap_or(false);
    let rho = list::number(sheet, &RHO, desk);
    let relaxation = list::number(sheet, &RELAXATION, desk).unwrap_or(1.6);
    match word.map(|k| METHODS[k]) {
        Some("ascent") => (Method::Ascent { step, fading }, false),
        Some("multipliers") => (Method::Multipliers { rho: rho.unwrap_or(1.0), relaxation }, rho.is_none()),
        Some("newton") => (Method::Newton, false),
        _ => (Method::Accelerated { step }, false),
    }
}

fn stop(sheet: &Sheet<'_, '_>, desk: &mut Desk) -> Stop {
    let rounds = whole(sheet, &ROUND_LIMIT, desk);
    let epsilon = list::number(sheet, &EPSILON, desk);
    match (epsilon, rounds) {
        (None, Some(rounds)) if sheet.value(EPSILON.name).is_none() => Stop::Rounds(rounds),
        (epsilon, rounds) => {
            Stop::Gap { epsilon: epsilon.unwrap_or(1e-6), cap: rounds.unwrap_or(ROUNDS as usize) }
        }
    }
}

fn marginals(sheet: &Sheet<'_, '_>, warm: bool, desk: &mut Desk) -> Marginals {
    let rounds = whole(sheet, &MARGINAL_ROUNDS, desk);
    if !warm {
        return Marginals::Cold;
    }
    if sheet.value(MARGINAL_ROUNDS.name).is_none() {
        sheet.missing(&MARGINAL_ROUNDS, MARGINAL_ROUNDS.about, desk);
    }
    Marginals::Warm { rounds: rounds.unwrap_or(0) }
}

/// Keys that the method, or the other keys, have no use for.
fn refuse_idle(sheet: &Sheet<'_, '_>, rules: &Rules, desk: &mut Desk) {
    let (word, takes): (&str, &[&Key]) = match rules.method {
        Method::Ascent { .. } => ("ascent", &[&STEP, &FADING]),
        Method::Accelerated { .. } => ("accelerated", &[&STEP]),
        Method::Multipliers { .. } => ("multipliers", &[&RHO, &RELAXATION, &BOUND]),
        Method::Newton => ("newton", &[]),
    };
    for key in [&STEP, &FADING, &RHO, &RELAXATION, &BOUND] {
        if sheet.value(key.name).is_some() && !takes.iter().any(|taken| taken.name == key.name) {
            let message = format!("[rules]: `{}` is given, but the method is {word}", key.name);
            desk.at(sheet.key_place(key.name), message, "not accepted here", key.about.to_owned());
        }
    }
    if sheet.value(MARGINAL_ROUNDS.name).is_some() && rules.marginals == Marginals::Cold {
        let message = "[rules]: `marginal-rounds` is given, but marginals are cold".to_owned();
        let help = MARGINAL_ROUNDS.about.to_owned();
        desk.at(sheet.key_place(MARGINAL_ROUNDS.name), message, "not accepted here", help);
    }
    if let Method::Ascent { step: None, fading: true } = rules.method {
        let message = "[rules]: `fading` is given, but no `step`".to_owned();
        desk.at(sheet.key_place(FADING.name), message, "`step` is missing", FADING.about.to_owned());
    }
}

impl Read {
    /// The rules for a problem: a weight of the method of multipliers that is left out follows from what is public.
    pub fn of(self, problem: &Shared) -> Rules {
        let mut rules = self.rules;
        if let (Method::Multipliers { rho, .. }, true) = (&mut rules.method, self.free_rho) {
            *rho = problem
                .steepness()
                .map(|steepness| problem.len() as f64 / steepness)
                .filter(|rho| *rho > 0.0 && rho.is_finite())
                .unwrap_or(1.0);
        }
        rules
    }
}

/// The key of `[rules]` that an error is about, if one is, and what to say.
pub(super) fn place(sheet: Option<&Sheet<'_, '_>>, error: &PlanError) -> Option<(Span, String, String)> {
    let (key, what): (&Key, String) = match error {
        PlanError::Number { field, found, accepted } => {
            let key = RULE_KEYS.iter().find(|key| key.name == *field).unwrap_or(&START_PRICE);
            (key, format!("is {}, accepted is {accepted}", written(*found)))
        }
        PlanError::Step { found, limit } => (
            &STEP,
            format!(
                "is {}, accepted are numbers above 0 and below {} (larger ones may diverge)",
                written(*found),
                written(*limit)
            ),
        ),
        PlanError::Start { found, wanted } => {
            (&START_PRICE, format!("is a list of {found}, accepted is one of {wanted}"))
        }
        PlanError::NoCurvature(_)
        | PlanError::NoDual(_)
        | PlanError::TooFew(_)
        | PlanError::Essential { .. } => return None,
    };
    let span = sheet.map_or(0..0, |sheet| sheet.place(key.name));
    Some((span, format!("[rules]: `{}` {what}", key.name), key.about.to_owned()))
}
