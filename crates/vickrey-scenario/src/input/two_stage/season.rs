//! What all repeated markets have: days, public signals, tests.

use vickrey::two_stage::simulate::Calendar;
use vickrey::two_stage::{Law, Penalty, Terms, Window, law};

use crate::diagnostic::{shorten, written};
use crate::input::keys::two_stage::{
    SEASON_KEYS, SHARE_OF_DAYS, SIGNAL, SIGNAL_NAME, TEST_KEYS, WINDOWS, season, test,
};
use crate::input::keys::{Key, Layout};
use crate::input::list::{self, List};
use crate::input::sheet::{Desk, Sheet, Span};
use crate::input::spot::Spot;

/// What `[season]` says.
pub(super) struct Days {
    /// How many, if that is said.
    pub count: Option<u64>,
    pub sealed: bool,
}

/// The public signals, and which of them a day has.
pub(super) struct Signals {
    pub list: List,
    pub calendar: Calendar<usize>,
    /// Whether the file has any; otherwise there is one for all days.
    pub declared: bool,
}

impl Signals {
    /// One for all days.
    pub fn none() -> Self {
        let list = List::of("signal", ["every day".to_owned()]);
        Self { list, calendar: Calendar::Listed(vec![0]), declared: false }
    }

    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// How often each comes in the long run.
    pub fn frequencies(&self) -> Vec<f64> {
        match &self.calendar {
            Calendar::Drawn { law, .. } => law.probabilities().to_vec(),
            Calendar::Listed(days) => {
                let mut counts = vec![0.0; self.len()];
                days.iter().for_each(|signal| counts[*signal] += 1.0);
                counts.iter().map(|count| count / days.len() as f64).collect()
            }
        }
    }

    /// One for all signals, or one for each if it is a table by signal; `is_plain` tells tables that are none.
    pub fn each<'s, 'a, 'i, T>(
        &self,
        spot: Spot<'s, 'a, 'i>,
        is_plain: impl Fn(&Spot<'s, 'a, 'i>) -> bool,
        desk: &mut Desk,
        mut read: impl FnMut(Spot<'s, 'a, 'i>, &mut Desk) -> Option<T>,
    ) -> Option<Vec<T>> {
        if spot.table().is_none() || is_plain(&spot) {
            return Some(vec![read(spot, desk)?]);
        }
        if !self.declared {
            let message = format!("{}: a table by signal, but there are no signals", spot.title());
            let help = "accepted: [[signals]] or a calendar in [season], and then an entry for every signal";
            desk.at(spot.span(), message, "which signals?", help.to_owned());
            return None;
        }
        let parts = spot.by_name(&self.list, desk)?;
        let found: Vec<Option<T>> = parts.into_iter().map(|part| read(part, desk)).collect();
        found.into_iter().collect()
    }
}

/// `[season]`.
pub(super) fn days(section: Option<&Sheet<'_, '_>>, desk: &mut Desk) -> Days {
    let Some(section) = section else { return Days { count: None, sealed: true } };
    section.refuse_others(SEASON_KEYS.iter().map(|key| key.name), desk);
    let count = section.whole(&SEASON_KEYS[season::DAYS], desk);
    Days { count, sealed: section.flag(&SEASON_KEYS[season::SEALED], desk).unwrap_or(true) }
}

/// Reports that nobody says how many days there are.
pub(super) fn require_days(sheet: &Sheet<'_, '_>, section: Option<&Sheet<'_, '_>>, desk: &mut Desk) {
    let key = &SEASON_KEYS[season::DAYS];
    match section {
        Some(section) if section.value(key.name).is_none() => section.missing(key, key.about, desk),
        None if sheet.value("season").is_none() => {
            let help = "accepted: [season] with days = (how many)".to_owned();
            desk.at(sheet.span.clone(), "`days` is missing".to_owned(), "[season] is missing", help);
        }
        _ => (),
    }
}

/// `[[signals]]`, or the calendar of `[season]`. `reserved` words cannot be names of signals.
pub(super) fn signals(
    sheet: &Sheet<'_, '_>,
    layout: &'static Layout,
    season: Option<&Sheet<'_, '_>>,
    reserved: &'static [&'static str],
    desk: &mut Desk,
) -> Signals {
    let calendar = season.and_then(|section| Spot::of(section, &SEASON_KEYS[season::CALENDAR]));
    let listed = sheet.value("signals").is_some();
    match calendar {
        Some(calendar) if listed => {
            let message = "both [[signals]] and a `calendar` in [season] are given".to_owned();
            let help =
                "accepted: one of the two: signals drawn by their shares, or in turn as listed".to_owned();
            desk.at(calendar.span(), message, "one too many", help);
            Signals::none()
        }
        Some(calendar) => in_turn(&calendar, reserved, desk).unwrap_or_else(Signals::none),
        None if listed => drawn(sheet, layout, reserved, desk).unwrap_or_else(Signals::none),
        None => Signals::none(),
    }
}

fn in_turn(
    calendar: &Spot<'_, '_, '_>,
    reserved: &'static [&'static str],
    desk: &mut Desk,
) -> Option<Signals> {
    let texts = calendar.sheet.texts(calendar.key, desk)?;
    if texts.is_empty() {
        calendar.refuse("a list of names in quotes, at least one", desk);
        return None;
    }
    let mut list = List::without("signal", reserved);
    let before = desk.problems.count();
    let mut days = Vec::with_capacity(texts.len());
    for (name, span) in texts {
        let known = list.index(name);
        if known.is_none() {
            list.add(&calendar.title(), name, span, desk);
        }
        days.push(known.unwrap_or(list.len() - 1));
    }
    let fine = desk.problems.count() == before;
    fine.then_some(Signals { list, calendar: Calendar::Listed(days), declared: true })
}

fn drawn(
    sheet: &Sheet<'_, '_>,
    layout: &'static Layout,
    reserved: &'static [&'static str],
    desk: &mut Desk,
) -> Option<Signals> {
    let before = desk.problems.count();
    let mut list = List::without("signal", reserved);
    let mut shares = Vec::new();
    for (index, mut section) in sheet.sections(layout.key("signals"), desk).into_iter().enumerate() {
        list::heading(&mut section, index, &SIGNAL_NAME, &mut list, desk);
        section.refuse_others(SIGNAL.iter().map(|key| key.name), desk);
        if Spot::required(&section, &SHARE_OF_DAYS, desk).is_some() {
            shares.extend(list::number(&section, &SHARE_OF_DAYS, desk));
        }
    }
    if desk.problems.count() > before {
        return None;
    }
    let days = (0..list.len()).collect();
    match Law::new(shares) {
        Ok(law) => Some(Signals { list, calendar: Calendar::Drawn { days, law }, declared: true }),
        Err(error) => {
            let message = match error {
                law::LawError::Sum(sum) => {
                    format!("[[signals]]: the shares add up to {}, accepted is 1", written(sum))
                }
                other => format!("[[signals]]: {other}"),
            };
            let help = format!("accepted: shares that add up to 1 within {:e}", law::SUM);
            desk.at(sheet.place("signals"), message, "all signals together", help);
            None
        }
    }
}

/// What `[tests]` says; the scale of the penalty is to be taken from the market if it is not said.
pub(super) struct TestTerms {
    pub terms: Terms,
    /// None: automatic.
    pub scale: Option<f64>,
    /// Where the scale stands, or should.
    pub at: Span,
}

/// `[tests]`.
pub(super) fn tests(section: Option<&Sheet<'_, '_>>, desk: &mut Desk) -> TestTerms {
    let mut read = TestTerms { terms: Terms::default(), scale: None, at: 0..0 };
    let Some(section) = section else { return read };
    let key = |k: usize| -> &'static Key { &TEST_KEYS[k] };
    section.refuse_others(TEST_KEYS.iter().map(|key| key.name), desk);
    read.at = section.place(key(test::SCALE).name);
    read.terms.window = window(section, desk);
    read.terms.burn_in = section.whole(key(test::BURN_IN), desk).unwrap_or(0);
    read.terms.pairwise = section.flag(key(test::PAIRWISE), desk).unwrap_or(true);
    read.terms.bins = section.whole(key(test::BINS), desk).filter(|bins| *bins > 0).and_then(|bins| {
        if bins == 1 {
            let spot = Spot::of(section, key(test::BINS));
            spot.inspect(|spot| spot.refuse("0 (no such test), or a whole number from 2 to 1024", desk));
        }
        usize::try_from(bins).ok()
    });
    if let Some(spot) = Spot::of(section, key(test::SCALE)) {
        match (spot.number(), spot.text()) {
            (Some(scale), _) if scale > 0.0 => read.scale = Some(scale),
            (_, Some("auto")) => (),
            _ => spot.refuse("a finite number above 0, or \"auto\"", desk),
        }
    }
    if let Some(spot) = Spot::of(section, key(test::POWER)) {
        let accepted = "a number above 1 and at most 10 (penalties must grow faster than the days)";
        if let Some(power) = spot.number_from(1.0_f64.next_up(), 10.0, accepted, desk) {
            read.terms.penalty = Penalty { power, ..read.terms.penalty };
        }
    }
    read
}

fn window(section: &Sheet<'_, '_>, desk: &mut Desk) -> Window {
    let key = |k: usize| -> &'static Key { &TEST_KEYS[k] };
    let kind = section.choice(key(test::WINDOW), WINDOWS.iter().copied(), desk).unwrap_or(0);
    let gamma = list::number(section, key(test::GAMMA), desk).unwrap_or(0.5);
    let false_alarm = list::number(section, key(test::FALSE_ALARM), desk).unwrap_or(0.01);
    let (window, idle) = match kind {
        1 => (Window::Printed { gamma }, Some((test::FALSE_ALARM, "promises no such probability"))),
        2 => (Window::IteratedLogarithm { false_alarm }, Some((test::GAMMA, "has no such parameter"))),
        _ => (Window::UnionBound { gamma, false_alarm }, None),
    };
    if let Some((k, why)) = idle
        && section.value(key(k).name).is_some()
    {
        let message = format!("[tests]: `{}` is given, but the window is {}", key(k).name, WINDOWS[kind]);
        let help = format!("the window {} {why}; accepted with the others", shorten(WINDOWS[kind]));
        desk.at(section.key_place(key(k).name), message, "not accepted here", help);
    }
    window
}
