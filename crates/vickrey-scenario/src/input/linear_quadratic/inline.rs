//! Agents written in the scenario file, as `[[agents]]`.

use vickrey::numeric::law::Law;

use super::Terms;
use super::roster::{Draft, Roster};
use super::samples::Named;
use super::shape::{self, Frame, Given};
use crate::diagnostic::{shorten, suggest, written};
use crate::input::keys::linear_quadratic::{self as keys, LAW, LAYOUT, NUMBERS, SPREADS, STATES, number};
use crate::input::keys::{Key, NAME};
use crate::input::names;
use crate::input::sheet::{Desk, Sheet};

pub(super) fn read(sheet: &Sheet<'_, '_>, terms: &Terms, desk: &mut Desk, roster: &mut Roster) {
    for (index, mut agent) in sheet.sections(LAYOUT.key("agents"), desk).into_iter().enumerate() {
        let name = names::inline(&mut agent, index, desk);
        let accepted = keys::AGENT.iter().copied().flatten().map(|key| key.name);
        agent.refuse_others(accepted, desk);
        let draft = draft(&agent, terms, desk);
        roster.add_inline(name, agent.place(NAME.name), draft);
    }
}

fn draft(agent: &Sheet<'_, '_>, terms: &Terms, desk: &mut Desk) -> Draft {
    let mut draft = Draft::new(agent.title.clone(), agent.span.clone());
    if agent.value(STATES.name).is_some() {
        draft.states = agent.whole(&STATES, desk).and_then(|states| usize::try_from(states).ok());
    }
    for (k, key) in NUMBERS.iter().enumerate().filter(|(_, key)| agent.value(key.name).is_some()) {
        draft.mention(k, agent.key_place(key.name));
        let before = desk.problems.count();
        let given = numbers(agent, k, key, draft.states, terms, desk);
        if desk.problems.count() == before {
            draft.values[k] = given;
        }
    }
    if !draft.mentions(number::OBSERVATION) && draft.mentions(number::OBSERVATION_NOISE) {
        let message = format!("{}: `observation-noise` is given without `observation`", agent.title);
        let help = "an agent without `observation` sees its state: leave both out, or give both";
        desk.at(agent.key_place("observation-noise"), message, "`observation` is missing", help.into());
    }
    draft.law = law(agent, &draft, terms, desk);
    draft
}

/// The numbers of a key, if they have the shape that the agent's states and the periods ask for.
fn numbers(
    agent: &Sheet<'_, '_>,
    k: usize,
    key: &Key,
    states: Option<usize>,
    terms: &Terms,
    desk: &mut Desk,
) -> Option<Given> {
    let nest = agent.nest(key, desk)?;
    let kind = keys::of(k);
    let deviations = terms.deviations && SPREADS.contains(&k);
    let frame = Frame {
        block: kind.block,
        states: states?,
        over_time: kind.over_time.then_some(terms.periods),
        deviations,
    };
    let mut given = match shape::read(&nest, &frame) {
        Ok(given) => given,
        Err(wrong) => {
            let message =
                format!("{}: `{}` is {}, accepted is {}", agent.title, key.name, wrong.found, wrong.accepted);
            desk.at(wrong.span, message, &format!("accepted is {}", wrong.accepted), key.about.into());
            return None;
        }
    };
    if deviations {
        // The library sees squares, and would not notice a sign.
        let range = terms.range(k);
        for (t, row) in given.rows.iter().enumerate() {
            let Some(x) = row.iter().find(|x| !range.takes(**x)) else { continue };
            let found = written(*x);
            let message =
                format!("{}: `{}`: found {found}, accepted is {}", agent.title, key.name, range.words);
            let place = given.place(given.over_time.then_some(t));
            desk.at(place, message, &format!("accepted is {}", range.words), key.about.into());
            return None;
        }
        given.rows.iter_mut().flatten().for_each(|x| *x *= *x);
    }
    Some(given)
}

fn law(agent: &Sheet<'_, '_>, draft: &Draft, terms: &Terms, desk: &mut Desk) -> Option<Law> {
    let degrees_key = &NUMBERS[number::DEGREES];
    let word = match agent.value(LAW.name) {
        Some(_) => agent.text(&LAW, desk)?,
        None => "gaussian",
    };
    let named = terms.laws.named(word);
    if !matches!(named, Named::StudentT) && draft.mentions(number::DEGREES) {
        let message = format!("{}: `degrees` is given, but the law is `{}`", agent.title, shorten(word));
        let help = "accepted with law = \"student-t\" only; change the law or leave `degrees` out".to_owned();
        desk.at(agent.key_place(degrees_key.name), message, "not accepted here", help);
    }
    match named {
        Named::Law(law) => law,
        Named::StudentT if !draft.mentions(number::DEGREES) => {
            let message = format!("{}: law = \"student-t\" needs `degrees`", agent.title);
            desk.at(agent.place(LAW.name), message, "`degrees` is missing", degrees_key.about.into());
            None
        }
        Named::StudentT => {
            let degrees = draft.values[number::DEGREES].as_ref()?.rows[0][0];
            let law = Law::student_t(degrees);
            let refuse = |error: vickrey::numeric::law::LawError| {
                let message = format!(
                    "{}: `degrees`: found {}, accepted is {}",
                    agent.title,
                    shorten(&error.found),
                    error.accepted
                );
                let label = format!("accepted is {}", error.accepted);
                desk.at(agent.place(degrees_key.name), message, &label, degrees_key.about.into());
            };
            law.map_err(refuse).ok()
        }
        Named::Unknown => {
            let message = format!("{}: `law` is \"{}\"", agent.title, shorten(word));
            let mut help = suggest(word, terms.laws.words());
            if terms.laws.words().count() == keys::LAWS.len() {
                help.push_str("; further names come from `samples` in [tables]");
            }
            desk.at(agent.place(LAW.name), message, "not a known law", help);
            None
        }
    }
}
