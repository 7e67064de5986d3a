//! Types that are numbers on a grid: how they move, and functions of them.

use toml::de::DeValue;
use vickrey::pivot::Kernel;
use vickrey::pivot::discretise::{Chain, rouwenhorst, tauchen};

use super::list::{self, List};
use super::persons::Words;
use super::tree::{Scope, Value};
use crate::diagnostic::{list as listed, shorten, written};
use crate::input::keys::pivot::{CHAIN, CHAIN_KEYS, FUNCTIONS, chain};
use crate::input::sheet::{Desk, Sheet};

/// The value of a function at each node.
pub(super) fn values(
    scope: &Scope<'_, '_, '_>,
    value: Value<'_, '_>,
    types: &List,
    desk: &mut Desk,
) -> Option<Vec<f64>> {
    let DeValue::Table(table) = value.get_ref() else { return None };
    let (title, key) = (&scope.sheet.title, scope.key);
    let accepted = "{ exp = { scale = …, shift = … } } or { linear = { base = …, slope = … } }";
    let found = table.iter().next().filter(|_| table.len() == 1);
    let known = found.and_then(|(name, inner)| {
        let (_, keys) = FUNCTIONS.iter().find(|(known, _)| name.get_ref() == known)?;
        Some((name.get_ref(), *keys, inner))
    });
    let Some((name, keys, inner)) = known else {
        let names = listed(table.iter().take(5).map(|(name, _)| name.get_ref().as_ref()));
        let found = format!("a table with {}", shorten(&names));
        scope.refuse(value.span(), "", &found, &format!("numbers, or {accepted}"), desk);
        return None;
    };
    if types.nodes.is_empty() {
        let message = format!(
            "{title}: `{}`: `{name}` is a function of a number, and {title} has no `chain`",
            key.name
        );
        let help =
            "accepted: chain = { rouwenhorst = (how many nodes), persistence = …, sd = … }, or numbers here";
        desk.at(value.span(), message, "of which number?", help.to_owned());
        return None;
    }
    let DeValue::Table(inner_table) = inner.get_ref() else {
        scope.refuse(inner.span(), name, "no table", accepted, desk);
        return None;
    };
    let sheet = Sheet::new(inner_table, inner.span(), format!("{title}, `{}`, `{name}`", key.name));
    sheet.refuse_others(keys.iter().map(|key| key.name), desk);
    let before = desk.problems.count();
    let parameter =
        |k: usize, default: f64, desk: &mut Desk| list::number(&sheet, &keys[k], desk).unwrap_or(default);
    let exp = name == FUNCTIONS[0].0;
    let (first, second) = if exp { (1.0, 0.0) } else { (0.0, 1.0) };
    let (first, second) = (parameter(0, first, desk), parameter(1, second, desk));
    if desk.problems.count() > before {
        return None;
    }
    let at = |x: &f64| if exp { first * (x + second).exp() } else { first + second * x };
    let row: Vec<f64> = types.nodes.iter().map(at).collect();
    if let Some((x, range)) =
        scope.range().and_then(|range| Some((row.iter().find(|x| !range.takes(**x))?, range)))
    {
        scope.refuse(value.span(), "at a node", &written(*x), range.words, desk);
        return None;
    }
    Some(row)
}

/// The nodes as types, how they move, and the law in the long run.
pub(super) fn chain(
    sheet: &Sheet<'_, '_>,
    words: &Words,
    desk: &mut Desk,
) -> Option<(List, Kernel, Vec<f64>)> {
    let value = sheet.value(CHAIN.name)?;
    let DeValue::Table(table) = value.get_ref() else {
        let accepted = "a table, for example { rouwenhorst = 9, persistence = 0.8, sd = 0.5 }";
        sheet.wrong(CHAIN.name, value, accepted, CHAIN.about, desk);
        return None;
    };
    let inner = Sheet::new(table, value.span(), format!("{}, `chain`", sheet.title));
    inner.refuse_others(CHAIN_KEYS.iter().map(|key| key.name), desk);
    let keys = |k: usize| &CHAIN_KEYS[k];
    let is_there = |k: usize| inner.value(keys(k).name).is_some();
    for k in [chain::PERSISTENCE, chain::SD].into_iter().filter(|&k| !is_there(k)) {
        inner.missing(keys(k), keys(k).about, desk);
    }
    if is_there(chain::ROUWENHORST) == is_there(chain::TAUCHEN) {
        let message = format!("{}: one of `rouwenhorst` and `tauchen` is needed", inner.title);
        let help =
            "accepted: either, with the number of nodes; rouwenhorst for persistent numbers".to_owned();
        desk.at(value.span(), message, "how many nodes, and which?", help);
        return None;
    }
    // A grid that is twice as fine has all the nodes of a Tauchen grid and as many between them.
    let finer = |n: usize| n.saturating_sub(1).saturating_mul(words.finer).saturating_add(1);
    let count = |k: usize, desk: &mut Desk| {
        inner.whole(keys(k), desk).and_then(|n| usize::try_from(n).ok()).map(finer)
    };
    let persistence = list::number(&inner, keys(chain::PERSISTENCE), desk);
    let sd = list::number(&inner, keys(chain::SD), desk);
    let made = if is_there(chain::TAUCHEN) {
        let width =
            if is_there(chain::WIDTH) { list::number(&inner, keys(chain::WIDTH), desk) } else { Some(3.0) };
        tauchen(count(chain::TAUCHEN, desk)?, persistence?, sd?, width?)
    } else {
        if is_there(chain::WIDTH) {
            let message = format!("{}: `width` is given with `rouwenhorst`", inner.title);
            desk.at(
                inner.key_place("width"),
                message,
                "not accepted here",
                "accepted with `tauchen` only".into(),
            );
        }
        rouwenhorst(count(chain::ROUWENHORST, desk)?, persistence?, sd?)
    };
    match made {
        Ok(Chain { nodes, kernel, stationary }) => {
            let mut types = List::of(words.one, names(&nodes));
            types.nodes = nodes;
            Some((types, kernel, stationary))
        }
        Err(error) => {
            // The library counts and names its parameters in its own way.
            let key = match error.field {
                "rho" => "persistence",
                "n" => {
                    if is_there(chain::TAUCHEN) {
                        "tauchen"
                    } else {
                        "rouwenhorst"
                    }
                }
                field => field,
            };
            let message =
                format!("{}: `{key}`: found {}, accepted is {}", inner.title, error.found, error.accepted);
            desk.at(
                inner.place(key),
                message,
                &format!("accepted is {}", error.accepted),
                CHAIN.about.to_owned(),
            );
            None
        }
    }
}

/// Nodes with as many digits as tell them apart.
pub(in crate::input) fn names(nodes: &[f64]) -> Vec<String> {
    let step = nodes.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::INFINITY, f64::min);
    let digits = if step.is_finite() { (2.0 - step.log10().floor()).clamp(0.0, 15.0) as i32 } else { 0 };
    let scale = 10f64.powi(digits);
    // Adding 0 takes the sign from -0.
    nodes.iter().map(|x| written((x * scale).round() / scale + 0.0)).collect()
}
