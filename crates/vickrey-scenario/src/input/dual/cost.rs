//! Private costs: by family, for all decisions or one by one.

use vickrey::faithful::dual::cost::{Cost, CostError};
use vickrey::faithful::dual::curve::{Curve, CurveError};

use super::numbers::{ANY, each, rows};
use crate::diagnostic::suggest;
use crate::input::keys::Key;
use crate::input::keys::dual::{
    BEND, CONSTANT, COST_KEYS, CURVE_KEYS, CURVES, EXPONENT, FAMILIES, FAMILY, LARGEST, LINE, LINEAR, LINES,
    MATRIX, SHIFT, SLOPE, TARGET, WEIGHT,
};
use crate::input::sheet::{Desk, Sheet};
use crate::input::spot::Spot;

/// A family of costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Quadratic,
    Log,
    Power,
    Piecewise,
}

/// Numbers of a curve, by the name of their key.
type Numbers<'n> = &'n dyn Fn(&Key) -> f64;

impl Family {
    const ALL: [Self; 4] = [Self::Quadratic, Self::Log, Self::Power, Self::Piecewise];

    pub fn word(self) -> &'static str {
        FAMILIES[Self::ALL.iter().position(|f| *f == self).unwrap_or(0)]
    }

    /// The family of a word, if there is one.
    pub fn of(word: &str) -> Option<Self> {
        FAMILIES.iter().position(|name| *name == word).map(|k| Self::ALL[k])
    }

    /// Its parameters: those that it needs, then the others.
    pub fn takes(self) -> (&'static [&'static Key], &'static [&'static Key]) {
        match self {
            Self::Quadratic => (&[&MATRIX], &[&LINEAR]),
            Self::Log => (&[&WEIGHT], &[&SHIFT, &SLOPE]),
            Self::Power => (&[&WEIGHT], &[&TARGET, &EXPONENT, &BEND]),
            Self::Piecewise => (&[&LINES], &[&BEND]),
        }
    }

    fn has(self, key: &Key) -> bool {
        let (needed, others) = self.takes();
        needed.iter().chain(others).any(|own| own.name == key.name)
    }

    /// One decision's cost.
    fn curve(self, of: Numbers<'_>, lines: &[(f64, f64)]) -> Result<Curve, CurveError> {
        match self {
            Self::Quadratic => Curve::pieces(of(&MATRIX), &[(of(&LINEAR), 0.0)]),
            Self::Log => Curve::log(of(&WEIGHT), of(&SHIFT), of(&SLOPE)),
            Self::Power => Curve::power(of(&WEIGHT), of(&TARGET), of(&EXPONENT), of(&BEND)),
            Self::Piecewise => Curve::pieces(of(&BEND), lines),
        }
    }

    /// The cost of a follower with one decision; `of` has what is given.
    pub fn of_one(
        self,
        of: &dyn Fn(&Key) -> Option<f64>,
        constant: f64,
    ) -> Result<Cost, (&'static str, String)> {
        let number = |key: &Key| of(key).unwrap_or_else(|| default(key));
        if self == Self::Quadratic {
            return Cost::quadratic(vec![number(&MATRIX)], vec![number(&LINEAR)], constant)
                .map_err(|error| (key_of(&error), error.to_string()));
        }
        let curve = self.curve(&number, &[]).map_err(|error| (parameter(&error), error.to_string()))?;
        Cost::separable(vec![curve], constant).map_err(|error| (CONSTANT.name, error.to_string()))
    }
}

/// What a parameter is if it is left out.
fn default(key: &Key) -> f64 {
    key.default.and_then(|text| text.parse().ok()).unwrap_or(0.0)
}

/// The cost of a follower with so many decisions, or with as many as its lists have.
pub(super) fn cost(spot: &Spot<'_, '_, '_>, decisions: Option<usize>, desk: &mut Desk) -> Option<Cost> {
    let Some(sheet) = spot.section(COST_KEYS, desk) else {
        spot.refuse("a table, for example { matrix = 2, linear = -1 }", desk);
        return None;
    };
    let count = decisions.unwrap_or_else(|| listed(&sheet));
    let constant = match Spot::of(&sheet, &CONSTANT) {
        Some(spot) => spot.number_from(-LARGEST, LARGEST, ANY, desk),
        None => Some(0.0),
    };
    if let Some(list) = Spot::of(&sheet, &CURVES) {
        let curves = curves(&sheet, &list, count, desk);
        return finish(&sheet, Cost::separable(curves?, constant?), desk);
    }
    let family = family(&sheet, COST_KEYS, desk)?;
    if family == Family::Quadratic {
        let matrix = Spot::of(&sheet, &MATRIX).map(|spot| matrix(&spot, count, desk));
        let linear = match Spot::of(&sheet, &LINEAR) {
            Some(spot) => each(&spot, count, desk),
            None => Some(vec![0.0; count]),
        };
        return finish(&sheet, Cost::quadratic(matrix??, linear?, constant?), desk);
    }
    let curves = alike(&sheet, family, count, desk)?;
    finish(&sheet, Cost::separable(curves, constant?), desk)
}

/// The family of a section; keys that it does not take, and needed ones that are missing, are reported.
fn family(sheet: &Sheet<'_, '_>, keys: &[Key], desk: &mut Desk) -> Option<Family> {
    let family = match sheet.value(FAMILY.name) {
        Some(_) => Family::ALL[sheet.choice(&FAMILY, FAMILIES.iter().copied(), desk)?],
        None => Family::Quadratic,
    };
    let before = desk.problems.count();
    let common = [FAMILY.name, CONSTANT.name];
    for key in keys.iter().filter(|key| !common.contains(&key.name) && !family.has(key)) {
        if sheet.value(key.name).is_some() {
            let message =
                format!("{}: `{}` is given, but the family is {}", sheet.title, key.name, family.word());
            desk.at(sheet.key_place(key.name), message, "not accepted here", FAMILY.about.to_owned());
        }
    }
    for key in family.takes().0.iter().filter(|key| sheet.value(key.name).is_none()) {
        sheet.missing(key, key.about, desk);
    }
    (desk.problems.count() == before).then_some(family)
}

/// As many decisions as the longest list has.
fn listed(sheet: &Sheet<'_, '_>) -> usize {
    let length = |key: &Key| {
        let list = sheet.value(key.name).and_then(|value| value.get_ref().as_array());
        list.filter(|_| key.name != LINES.name).map_or(0, |items| items.len())
    };
    COST_KEYS.iter().map(length).max().unwrap_or(1).max(1)
}

fn matrix(spot: &Spot<'_, '_, '_>, count: usize, desk: &mut Desk) -> Option<Vec<f64>> {
    let nested = spot.array().is_some_and(|items| items.iter().any(|item| item.get_ref().is_array()));
    if nested {
        return rows(spot, count, Some(count), desk).map(|rows| rows.concat());
    }
    let diagonal = each(spot, count, desk)?;
    let mut matrix = vec![0.0; count * count];
    diagonal.iter().enumerate().for_each(|(k, x)| matrix[k * count + k] = *x);
    Some(matrix)
}

/// A curve of the same family for every decision.
fn alike(sheet: &Sheet<'_, '_>, family: Family, count: usize, desk: &mut Desk) -> Option<Vec<Curve>> {
    let before = desk.problems.count();
    let lines = lines(sheet, family, desk);
    let (needed, others) = family.takes();
    let numbers = |desk: &mut Desk, key: &'static Key| match Spot::of(sheet, key) {
        Some(spot) if key.name != LINES.name => each(&spot, count, desk),
        _ => Some(vec![default(key); count]),
    };
    let given: Vec<(&Key, Option<Vec<f64>>)> =
        needed.iter().chain(others).map(|key| (*key, numbers(desk, key))).collect();
    if desk.problems.count() > before {
        return None;
    }
    let curves = (0..count).map(|k| {
        let number = |key: &Key| {
            let own = given.iter().find(|(own, _)| own.name == key.name);
            own.and_then(|(_, numbers)| numbers.as_ref()).map_or(0.0, |numbers| numbers[k])
        };
        match family.curve(&number, &lines) {
            Ok(curve) => Some(curve),
            Err(error) => {
                let which = if count > 1 { format!(", decision {}", k + 1) } else { String::new() };
                refuse(sheet, parameter(&error), &format!("{which}: {error}"), desk);
                None
            }
        }
    });
    curves.collect()
}

fn lines(sheet: &Sheet<'_, '_>, family: Family, desk: &mut Desk) -> Vec<(f64, f64)> {
    if family != Family::Piecewise {
        return Vec::new();
    }
    sheet.pairs(&LINES, &LINE, desk).map_or_else(Vec::new, |pairs| pairs.values)
}

/// The curves of a list, one for each decision.
fn curves(
    sheet: &Sheet<'_, '_>,
    list: &Spot<'_, '_, '_>,
    count: usize,
    desk: &mut Desk,
) -> Option<Vec<Curve>> {
    let before = desk.problems.count();
    for key in CURVE_KEYS.iter().filter(|key| sheet.value(key.name).is_some()) {
        let message = format!("{}: both `{}` and `curves` are given", sheet.title, key.name);
        desk.at(sheet.key_place(key.name), message, "one too many", CURVES.about.to_owned());
    }
    let Some(items) = list.array().filter(|items| items.len() == count) else {
        list.refuse(&format!("a list of {count}, one cost for each decision"), desk);
        return None;
    };
    let mut all = Vec::with_capacity(count);
    for (k, item) in items.iter().enumerate() {
        let spot = list.part(item, &format!("decision {}", k + 1));
        let Some(section) = spot.section(CURVE_KEYS, desk) else {
            spot.refuse("a table, for example { family = \"log\", weight = 1 }", desk);
            continue;
        };
        if let Some(family) = family(&section, CURVE_KEYS, desk) {
            all.extend(alike(&section, family, 1, desk).unwrap_or_default());
        }
    }
    (desk.problems.count() == before).then_some(all)
}

/// The parameter that an error of a curve is about.
fn parameter(error: &CurveError) -> &'static str {
    match error {
        CurveError::Parameter { field, .. } => match *field {
            "slope of a line" | "value of a line at zero" => LINES.name,
            field => field,
        },
        CurveError::NoLines => LINES.name,
        CurveError::Domain { .. } => SHIFT.name,
    }
}

/// The key that an error of a cost is about.
fn key_of(error: &CostError) -> &'static str {
    match error {
        CostError::Size { field, .. } | CostError::NotFinite { field, .. } => field,
        CostError::NotSymmetric { .. } | CostError::NotConvex(_) | CostError::Empty => MATRIX.name,
        CostError::Curve { .. } => CURVES.name,
    }
}

fn finish(sheet: &Sheet<'_, '_>, made: Result<Cost, CostError>, desk: &mut Desk) -> Option<Cost> {
    made.map_err(|error| refuse(sheet, key_of(&error), &format!(": {error}"), desk)).ok()
}

/// `what` begins with what follows the name of the section.
fn refuse(sheet: &Sheet<'_, '_>, key: &str, what: &str, desk: &mut Desk) {
    let help = COST_KEYS.iter().find(|own| own.name == key).map_or(FAMILY.about, |own| own.about);
    desk.at(sheet.place(key), format!("{}{what}", sheet.title), "", help.to_owned());
}

/// "did you mean …?" for the name of a family.
pub(super) fn suggest_family(word: &str) -> String {
    suggest(word, FAMILIES.iter().copied())
}
