//! Scenarios with `mechanism = "demand-response"`.

use vickrey::two_stage::demand::{Condition, Day, Lottery, Shortage};
use vickrey::two_stage::market::Market;
use vickrey::two_stage::simulate::Calendar;
use vickrey::two_stage::{Demand, Supertypes};

use super::market::{self, Located};
use super::providers::{self, Provider, Providers};
use super::season::{self, Signals};
use super::series::{self, Announced};
use super::{DemandScenario, Discretised, SeasonScenario, finish, warn};
use crate::diagnostic::{shorten, written};
use crate::input::Context;
use crate::input::keys::two_stage::{
    DEMAND_LAYOUT, LIMIT, MARKET_KEYS, PLAYERS_TABLE, PURCHASE, RESERVE, SHORTAGE, TABLE_KEYS,
};
use crate::input::list;
use crate::input::sheet::{Desk, Sheet};
use crate::input::spot::Spot;
use crate::input::table::Table;

/// What `[market]` says.
struct Conditions {
    /// By signal, or one for all; none where they are announced.
    shortages: Vec<Located<Shortage>>,
    announced: Option<Announced>,
    reserves: Vec<Located<Option<Lottery>>>,
    purchase: Option<f64>,
}

pub(in crate::input) fn read(
    sheet: &Sheet<'_, '_>,
    desk: &mut Desk,
    context: &mut Context<'_>,
) -> Option<DemandScenario> {
    let layout = &DEMAND_LAYOUT;
    sheet.refuse_others(layout.file.iter().map(|key| key.name), desk);
    let section = sheet.section(layout.key("season"), desk);
    let days = season::days(section.as_ref(), desk);
    let terms = season::tests(sheet.section(layout.key("tests"), desk).as_ref(), desk);
    let mut discretised = Vec::new();
    let (signals, conditions) = conditions(sheet, section.as_ref(), &mut discretised, desk, context);
    let is_series = conditions.as_ref().is_some_and(|found| found.announced.is_some());
    if !is_series {
        season::require_days(sheet, section.as_ref(), desk);
    }
    let table = table(sheet, desk, context);
    let sections = sheet.sections(layout.key("players"), desk);
    let providers = providers::read(sections, table.as_ref(), &signals, days.sealed, desk, context);
    if let Some(providers) = &providers
        && sheet.value("tables").is_none()
    {
        super::check_somebody(sheet, providers.all.len(), desk);
    }
    if let (Some(conditions), Some(providers)) = (&conditions, &providers) {
        check(sheet, conditions, providers, &signals, desk);
    }
    if desk.problems.count() > 0 {
        return None;
    }
    let (conditions, mut providers) = (conditions?, providers?);
    discretised.append(&mut providers.discretised);
    let market = market(&conditions, &providers.all, &signals, sheet, desk)?;
    let spread = conditions.announced.as_ref().map(|announced| spread(announced, &providers.all));
    let count = match (&conditions.announced, days.count) {
        (Some(announced), None) => announced.days.len() as u64,
        (_, count) => count?,
    };
    let season = SeasonScenario {
        signals: signals.list.names.clone(),
        days: count,
        sealed: days.sealed,
        terms: terms.terms,
        discretised,
        ..season_of(providers, &market, &signals)?
    };
    let season = finish(season, &terms, &market, spread, desk)?;
    super::check_size(market.check_size(&season.reports), sheet, desk)?;
    warn::all(&season, &market, &mut context.warnings);
    let calendar = calendar(conditions.announced, signals.calendar, count, &mut context.warnings);
    Some(DemandScenario { season, market, calendar })
}

/// Signals and what holds under each; signals of a series are its classes.
fn conditions(
    sheet: &Sheet<'_, '_>,
    season: Option<&Sheet<'_, '_>>,
    discretised: &mut Vec<Discretised>,
    desk: &mut Desk,
    context: &mut Context<'_>,
) -> (Signals, Option<Conditions>) {
    let layout = &DEMAND_LAYOUT;
    let section = sheet.section(layout.key("market"), desk);
    if sheet.value("market").is_none() {
        let help = "begin it with [market], shortage = (what has to be covered) and reserve = (its cost)";
        sheet.missing(layout.key("market"), help, desk);
    }
    let from_file = |desk: &mut Desk| season::signals(sheet, layout, season, market::RESERVED, desk);
    let Some(section) = section else { return (from_file(desk), None) };
    section.refuse_others(MARKET_KEYS.iter().map(|key| key.name), desk);
    let shortage = Spot::required(&section, &SHORTAGE, desk);
    let purchase = list::number(&section, &PURCHASE, desk);
    let is_series = shortage.as_ref().is_some_and(series::is_series);
    let (signals, shortages, announced) = match shortage {
        Some(spot) if is_series => {
            series::refuse_signals(sheet, season, desk);
            match series::announced(&spot, desk, context) {
                Some(mut found) => {
                    let signals = std::mem::replace(&mut found.signals, Signals::none());
                    (signals, Some(Vec::new()), Some(found))
                }
                None => (Signals::none(), None, None),
            }
        }
        Some(spot) => {
            let signals = from_file(desk);
            let shortages = market::shortages(spot, &signals, desk);
            (signals, shortages, None)
        }
        None => (from_file(desk), None, None),
    };
    let reserves = Spot::required(&section, &RESERVE, desk)
        .and_then(|spot| market::reserves(spot, &signals, discretised, desk));
    let conditions = shortages.zip(reserves).map(|(shortages, reserves)| Conditions {
        shortages,
        announced,
        reserves,
        purchase,
    });
    (signals, conditions)
}

/// The table of providers.
fn table(sheet: &Sheet<'_, '_>, desk: &mut Desk, context: &mut Context<'_>) -> Option<Table> {
    let section = sheet.section(DEMAND_LAYOUT.key("tables"), desk)?;
    section.refuse_others(TABLE_KEYS.iter().map(|key| key.name), desk);
    Table::asked(&section, &PLAYERS_TABLE, desk, context)
}

/// What only the parts together can get wrong.
fn check(
    sheet: &Sheet<'_, '_>,
    conditions: &Conditions,
    providers: &Providers,
    signals: &Signals,
    desk: &mut Desk,
) {
    let limited = providers.all.iter().any(|provider| provider.limit.is_some());
    for (index, reserve) in conditions.reserves.iter().enumerate().filter(|(_, found)| found.what.is_none()) {
        let alone = providers.all.len() == 1;
        if !(limited || alone) {
            continue;
        }
        let under = match conditions.reserves.len() {
            1 => String::new(),
            _ => format!(", signal `{}`", shorten(&signals.list.names[index])),
        };
        let why = if limited {
            "limits could leave a part of the shortage uncovered"
        } else {
            "without the only provider nothing could cover the shortage"
        };
        let message = format!("[market]: `reserve`{under} is \"none\", accepted is a reserve ({why})");
        desk.at(reserve.at.clone(), message, "accepted is a reserve", RESERVE.about.to_owned());
    }
    let with = match (limited, conditions.purchase.is_some()) {
        (false, false) => return,
        (true, _) => "curtailment limits",
        (false, true) => "a day-ahead purchase",
    };
    if limited {
        refuse_with_limits(sheet, conditions, desk);
    }
    let accepted = format!("a finite number from 0 on (with {with})");
    for shortage in &conditions.shortages {
        let values = match &shortage.what {
            Shortage::Certain(d) => vec![*d],
            Shortage::AfterBids(lottery) => lottery.values().to_vec(),
            Shortage::Announced => Vec::new(),
        };
        if let Some(d) = values.iter().find(|d| **d < 0.0) {
            let message = format!("[market]: `shortage` is {}, accepted is {accepted}", written(*d));
            desk.at(
                shortage.at.clone(),
                message,
                &format!("accepted is {accepted}"),
                SHORTAGE.about.to_owned(),
            );
        }
    }
    if let Some(announced) = &conditions.announced {
        let numbers = &announced.numbers;
        for at in (0..numbers.values.len()).filter(|at| numbers.values[*at] < 0.0) {
            numbers.refuse(at, &accepted, desk);
        }
    }
}

/// What does not go together with curtailment limits.
fn refuse_with_limits(sheet: &Sheet<'_, '_>, conditions: &Conditions, desk: &mut Desk) {
    let mut silent = Desk::new(crate::diagnostic::Source::new("", ""));
    let Some(section) = sheet.section(DEMAND_LAYOUT.key("market"), &mut silent) else { return };
    for (wrong, key, why) in [
        (
            conditions.announced.is_some(),
            &SHORTAGE,
            "expectations would have to be taken anew for the number of every day",
        ),
        (
            conditions.purchase.is_some(),
            &PURCHASE,
            "what is left to curtail would have to be optimised over all types",
        ),
    ] {
        if wrong {
            let what =
                if key.name == SHORTAGE.name { "a series of shortages" } else { "a day-ahead purchase" };
            let message = format!("[market]: {what} together with curtailment limits");
            let help = format!("accepted: one of the two, as {why}; {}", LIMIT.about);
            desk.at(section.place(key.name), message, "not possible with limits", help);
        }
    }
}

fn market(
    found: &Conditions,
    providers: &[Provider],
    signals: &Signals,
    sheet: &Sheet<'_, '_>,
    desk: &mut Desk,
) -> Option<Demand> {
    let condition = |w: usize| Condition {
        shortage: match &found.announced {
            Some(_) => Shortage::Announced,
            None => found.shortages.get(w).unwrap_or(&found.shortages[0]).what.clone(),
        },
        reserve: found.reserves.get(w).unwrap_or(&found.reserves[0]).what.clone(),
    };
    let limited = providers.iter().any(|provider| provider.limit.is_some());
    let limits = || providers.iter().map(|provider| provider.limit.unwrap_or(f64::INFINITY)).collect();
    let types = providers.iter().map(|provider| provider.deltas.clone()).collect();
    let conditions = (0..signals.len()).map(condition).collect();
    // Everything was looked at before, with its place; this is what the library sees besides.
    Demand::new(types, limited.then(limits), conditions, found.purchase)
        .map_err(|error| desk.at(sheet.place("market"), format!("[market]: {error}"), "", String::new()))
        .ok()
}

/// The largest difference that a type makes on any day of the series.
fn spread(announced: &Announced, providers: &[Provider]) -> f64 {
    let most = announced.numbers.values.iter().fold(0.0_f64, |most, d| most.max(d.abs()));
    let of = |provider: &Provider| {
        let low = provider.deltas.iter().fold(f64::INFINITY, |low, x| low.min(*x));
        let high = provider.deltas.iter().fold(0.0_f64, |high, x| high.max(*x));
        (high - low) / 2.0
    };
    providers.iter().map(of).fold(0.0, f64::max) * most * most
}

/// The part of the season that follows from the providers.
fn season_of(providers: Providers, market: &Demand, signals: &Signals) -> Option<SeasonScenario> {
    let count = providers.all.len();
    let (mut reports, mut truth, mut types) = (Vec::with_capacity(count), Vec::new(), Vec::new());
    let (mut bidding, mut defaults) = (Vec::new(), Vec::new());
    for (i, provider) in providers.all.into_iter().enumerate() {
        reports.push(provider.reports);
        truth.push(provider.truth);
        types.push(provider.labels);
        bidding.push(provider.bidding);
        defaults.push(provider.default.unwrap_or_else(|| market.default_type(i)));
    }
    Some(SeasonScenario {
        players: providers.names.names,
        types,
        signals: Vec::new(),
        reports: Supertypes::new(signals.len(), reports).ok()?,
        truth: Supertypes::new(signals.len(), truth).ok()?,
        bidding,
        terms: vickrey::two_stage::Terms::default(),
        days: 0,
        sealed: true,
        defaults,
        discretised: Vec::new(),
    })
}

/// What is known of every day before the bids.
fn calendar(
    announced: Option<Announced>,
    signals: Calendar<usize>,
    days: u64,
    warnings: &mut Vec<String>,
) -> Calendar<Day> {
    let day = |signal: &usize| Day { signal: *signal, shortage: None };
    match (announced, signals) {
        (Some(announced), _) => {
            let length = announced.days.len() as u64;
            if days > length {
                warnings.push(format!(
                    "[season]: {days} days, and the series of shortages has {length}: it begins again after its end"
                ));
            }
            Calendar::Listed(announced.days)
        }
        (None, Calendar::Listed(days)) => Calendar::Listed(days.iter().map(day).collect()),
        (None, Calendar::Drawn { days, law }) => {
            Calendar::Drawn { days: days.iter().map(day).collect(), law }
        }
    }
}
