//! Scenarios with `mechanism = "two-stage"`: any finite game.

use vickrey::two_stage::finite::Timing;
use vickrey::two_stage::{Finite, Game, Supertypes};

use super::players::{self, Surroundings, Types};
use super::season::{self, Signals};
use super::{SeasonScenario, TwoStageScenario, finish, warn};
use crate::diagnostic::shorten;
use crate::input::Context;
use crate::input::keys::two_stage::{
    BIDDING_KEYS, COST, FIRST, GAME_KEYS, GAME_LAYOUT, GAME_PLAYER, KNOWN, LAW, NEEDS, PLAYER_NAME, SECOND,
    SIGNAL_KNOWN, TRUE_LAW, TYPE_NAMES, VALUES,
};
use crate::input::list::{self, List};
use crate::input::sheet::{Desk, Sheet};
use crate::input::spot::Spot;

/// The decisions of both stages.
struct Outcomes {
    first: List,
    second: List,
}

impl Outcomes {
    fn pairs(&self) -> usize {
        self.first.len() * self.second.len()
    }
}

/// What a player's section says.
struct Player {
    types: Types,
    reports: Vec<vickrey::two_stage::Law>,
    truth: Vec<vickrey::two_stage::Law>,
    /// By signal, or one for all.
    values: Vec<Vec<f64>>,
    /// By pair of outcomes.
    available: Vec<bool>,
    default: usize,
}

const LARGEST: f64 = 1e100;

pub(in crate::input) fn read(
    sheet: &Sheet<'_, '_>,
    desk: &mut Desk,
    context: &mut Context<'_>,
) -> Option<TwoStageScenario> {
    let layout = &GAME_LAYOUT;
    sheet.refuse_others(layout.file.iter().map(|key| key.name), desk);
    let section = sheet.section(layout.key("season"), desk);
    let days = season::days(section.as_ref(), desk);
    season::require_days(sheet, section.as_ref(), desk);
    let signals = season::signals(sheet, layout, section.as_ref(), &[], desk);
    let terms = season::tests(sheet.section(layout.key("tests"), desk).as_ref(), desk);
    let empty = toml::de::DeTable::new();
    let game = sheet.section(layout.key("game"), desk);
    if sheet.value("game").is_none() {
        sheet.missing(
            layout.key("game"),
            "begin it with [game] and second = [names of what can be decided]",
            desk,
        );
    }
    let is_there = game.is_some();
    let game = game.unwrap_or_else(|| Sheet::new(&empty, 0..0, "[game]"));
    game.refuse_others(GAME_KEYS.iter().map(|key| key.name), desk);
    let outcomes = is_there.then(|| outcomes(&game, desk)).flatten();
    let known = game.choice(&SIGNAL_KNOWN, KNOWN.iter().copied(), desk);
    let cost = outcomes.as_ref().and_then(|outcomes| cost(&game, outcomes, &signals, desk));
    let mut names = List::without("player", &[]);
    let mut sections = sheet.sections(layout.key("players"), desk);
    let own = || GAME_PLAYER.iter().chain(BIDDING_KEYS).map(|key| key.name);
    for (index, section) in sections.iter_mut().enumerate() {
        list::heading(section, index, &PLAYER_NAME, &mut names, desk);
        section.refuse_others(own(), desk);
    }
    super::check_somebody(sheet, sections.len(), desk);
    let players: Vec<Option<Player>> =
        sections.iter().map(|section| player(section, outcomes.as_ref(), &signals, desk)).collect();
    let around = Surroundings { names: &names, signals: &signals, sealed: days.sealed };
    let bidding: Vec<_> = sections
        .iter()
        .zip(&players)
        .enumerate()
        .map(|(i, (section, player))| players::bidding(section, i, &player.as_ref()?.types, &around, desk))
        .collect();
    if desk.problems.count() > 0 {
        return None;
    }
    let (outcomes, cost) = (outcomes?, cost?);
    let players: Vec<Player> = players.into_iter().collect::<Option<_>>()?;
    let timing = match known {
        Some(1) => Timing::BeforeBids(signals.frequencies()),
        _ => Timing::BeforeFirstStage,
    };
    let market = market(&players, &outcomes, &cost, &signals, timing, sheet, desk)?;
    let mut reports = Vec::new();
    let mut truth = Vec::new();
    let mut types = Vec::new();
    let mut defaults = Vec::new();
    for player in players {
        reports.push(player.reports);
        truth.push(player.truth);
        types.push(player.types.list.names);
        defaults.push(player.default);
    }
    let season = SeasonScenario {
        players: names.names,
        types,
        signals: signals.list.names.clone(),
        reports: Supertypes::new(signals.len(), reports).ok()?,
        truth: Supertypes::new(signals.len(), truth).ok()?,
        bidding: bidding.into_iter().collect::<Option<_>>()?,
        terms: terms.terms,
        days: days.count?,
        sealed: days.sealed,
        defaults,
        discretised: Vec::new(),
    };
    let season = finish(season, &terms, &market, None, desk)?;
    super::check_size(market.check_size(&season.reports), sheet, desk)?;
    warn::all(&season, &market, &mut context.warnings);
    let Outcomes { first, second } = outcomes;
    let calendar = signals.calendar;
    Some(TwoStageScenario { season, market, first: first.names, second: second.names, calendar })
}

fn outcomes(game: &Sheet<'_, '_>, desk: &mut Desk) -> Option<Outcomes> {
    let list = |key: &'static crate::input::keys::Key, what, desk: &mut Desk| {
        let spot = Spot::of(game, key)?;
        if spot.array().is_none_or(|items| items.is_empty()) {
            spot.refuse("a list of names in quotes, at least one", desk);
            return None;
        }
        List::without(what, &[]).filled(game, key, |k, _| k.to_string(), desk)
    };
    if game.value(SECOND.name).is_none() {
        game.missing(&SECOND, SECOND.about, desk);
    }
    let first = match game.value(FIRST.name) {
        Some(_) => list(&FIRST, "first decision", desk),
        None => Some(List::of("first decision", ["nothing".to_owned()])),
    };
    let second = list(&SECOND, "second decision", desk);
    Some(Outcomes { first: first?, second: second? })
}

/// By signal, or one for all: by first and second outcome.
fn cost(
    game: &Sheet<'_, '_>,
    outcomes: &Outcomes,
    signals: &Signals,
    desk: &mut Desk,
) -> Option<Vec<Vec<f64>>> {
    let Some(spot) = Spot::of(game, &COST) else { return Some(vec![vec![0.0; outcomes.pairs()]]) };
    let by_decision = by_signal_or(&spot, signals, &outcomes.first, desk)?;
    signals.each(
        spot,
        |_| by_decision,
        desk,
        |spot, desk| match spot.number() {
            Some(number) if number.abs() <= LARGEST => Some(vec![number; outcomes.pairs()]),
            _ => rows(&spot, outcomes, desk),
        },
    )
}

/// Whether a table is by other names than those of signals; reports names that are both.
fn by_signal_or(spot: &Spot<'_, '_, '_>, signals: &Signals, others: &List, desk: &mut Desk) -> Option<bool> {
    if !signals.declared {
        return Some(true);
    }
    if let Some(name) = signals.list.names.iter().find(|name| others.index(name).is_some()) {
        let message =
            format!("{}: a signal and a {} have the name `{}`", spot.title(), others.what, shorten(name));
        desk.at(spot.span(), message, "which of them?", "accepted: different names".to_owned());
        return None;
    }
    Some(!spot.has_one_of(signals.list.names.iter().map(String::as_str)))
}

/// Numbers by first and second outcome.
fn rows(spot: &Spot<'_, '_, '_>, outcomes: &Outcomes, desk: &mut Desk) -> Option<Vec<f64>> {
    let (first, second) = (&outcomes.first, outcomes.second.len());
    let row = |spot: &Spot<'_, '_, '_>, desk: &mut Desk| {
        let is_right = spot.array().is_some_and(|items| items.len() == second);
        if !is_right {
            spot.refuse(&format!("a list of {second} numbers, one for each second decision"), desk);
            return None;
        }
        spot.numbers(-LARGEST, LARGEST, "a finite number of size at most 1e100", desk)
    };
    if spot.table().is_some() {
        let parts = spot.by_name(first, desk)?;
        let found: Vec<_> = parts.iter().map(|part| row(part, desk)).collect();
        return Some(found.into_iter().collect::<Option<Vec<_>>>()?.concat());
    }
    let Some(items) = spot.array() else {
        let accepted = format!(
            "a list of {second} numbers, one for each second decision; a list of {} such lists, one for each first \
             decision; or a table of such lists by first decision",
            first.len()
        );
        spot.refuse(&accepted, desk);
        return None;
    };
    let nested = items.iter().any(|item| item.get_ref().is_array());
    if !nested {
        return Some(row(spot, desk)?.repeat(first.len()));
    }
    if items.len() != first.len() {
        spot.refuse(&format!("a list of {} lists, one for each first decision", first.len()), desk);
        return None;
    }
    let parts = items.iter().zip(&first.names);
    let found: Vec<_> = parts
        .map(|(item, name)| row(&spot.part(item, &format!("first decision `{}`", shorten(name))), desk))
        .collect();
    Some(found.into_iter().collect::<Option<Vec<_>>>()?.concat())
}

fn player(
    section: &Sheet<'_, '_>,
    outcomes: Option<&Outcomes>,
    signals: &Signals,
    desk: &mut Desk,
) -> Option<Player> {
    let list = match section.value(TYPE_NAMES.name) {
        Some(_) => List::without("type", &[]).filled(section, &TYPE_NAMES, |k, _| k.to_string(), desk),
        None => {
            section.missing(&TYPE_NAMES, TYPE_NAMES.about, desk);
            None
        }
    };
    let types = Types { list: list?, deltas: Vec::new() };
    if section.value(LAW.name).is_none() {
        section.missing(&LAW, LAW.about, desk);
    }
    let reports = players::laws(section, &LAW, &types, signals, desk);
    let truth = match section.value(TRUE_LAW.name) {
        Some(_) => players::laws(section, &TRUE_LAW, &types, signals, desk),
        None => reports.clone(),
    };
    let default = players::missing(section, &types, desk).unwrap_or(0);
    let outcomes = outcomes?;
    let values = Spot::required(section, &VALUES, desk)
        .and_then(|spot| values(spot, &types.list, outcomes, signals, desk));
    let available = available(section, outcomes, desk);
    Some(Player { types, reports: reports?, truth: truth?, values: values?, available: available?, default })
}

/// By signal, or one for all: by type, first and second outcome.
fn values(
    spot: Spot<'_, '_, '_>,
    types: &List,
    outcomes: &Outcomes,
    signals: &Signals,
    desk: &mut Desk,
) -> Option<Vec<Vec<f64>>> {
    let by_type = by_signal_or(&spot, signals, types, desk)?;
    signals.each(
        spot,
        |_| by_type,
        desk,
        |spot, desk| {
            let parts = if spot.table().is_some() {
                spot.by_name(types, desk)?
            } else {
                let items = spot.array().filter(|items| items.len() == types.len());
                let Some(items) = items else {
                    let accepted = format!(
                        "a list with an entry for each of the {} types, or a table by type",
                        types.len()
                    );
                    spot.refuse(&accepted, desk);
                    return None;
                };
                let part = |(item, name): (_, &String)| spot.part(item, &format!("type `{}`", shorten(name)));
                items.iter().zip(&types.names).map(part).collect()
            };
            let found: Vec<_> = parts.iter().map(|part| rows(part, outcomes, desk)).collect();
            Some(found.into_iter().collect::<Option<Vec<_>>>()?.concat())
        },
    )
}

/// Which pairs of outcomes remain without a player.
fn available(section: &Sheet<'_, '_>, outcomes: &Outcomes, desk: &mut Desk) -> Option<Vec<bool>> {
    let mut mask = vec![true; outcomes.pairs()];
    let Some(spot) = Spot::of(section, &NEEDS) else { return Some(mask) };
    let Some(items) = spot.array().filter(|items| !items.is_empty()) else {
        spot.refuse("a list of decisions or pairs [first, second], at least one", desk);
        return None;
    };
    let before = desk.problems.count();
    let wide = outcomes.second.len();
    for (k, item) in items.iter().enumerate() {
        let part = spot.part(item, &format!("number {}", k + 1));
        match needed(&part, outcomes, desk) {
            Some((first, second)) => {
                for (pair, free) in mask.iter_mut().enumerate() {
                    let hit =
                        first.is_none_or(|a| a == pair / wide) && second.is_none_or(|b| b == pair % wide);
                    *free &= !hit;
                }
            }
            None => continue,
        }
    }
    if desk.problems.count() == before && !mask.contains(&true) {
        let help = "accepted: at least one pair of decisions that does not need her".to_owned();
        desk.at(spot.span(), format!("{}: nothing is possible without her", spot.title()), "all pairs", help);
    }
    (desk.problems.count() == before).then_some(mask)
}

/// A first outcome, a second one, or both.
fn needed(
    part: &Spot<'_, '_, '_>,
    outcomes: &Outcomes,
    desk: &mut Desk,
) -> Option<(Option<usize>, Option<usize>)> {
    let (first, second) = (&outcomes.first, &outcomes.second);
    let title = part.title();
    if let Some(name) = part.text() {
        return match (first.index(name), second.index(name)) {
            (Some(_), Some(_)) => {
                let message = format!("{title}: `{}` is a first and a second decision", shorten(name));
                desk.at(
                    part.span(),
                    message,
                    "which of them?",
                    "accepted: a pair [first, second]".to_owned(),
                );
                None
            }
            (Some(a), None) => Some((Some(a), None)),
            _ => Some((None, Some(second.find(&part.sheet.title, part.key, name, part.span(), desk)?))),
        };
    }
    let names = part.array().filter(|items| items.len() == 2).and_then(|items| {
        let mut names = items.iter().map(|item| item.get_ref().as_str());
        Some((names.next()??, names.next()??))
    });
    let Some((a, b)) = names else {
        part.refuse("the name of a decision, or a pair [first, second] of names", desk);
        return None;
    };
    let a = first.find(&part.sheet.title, part.key, a, part.span(), desk);
    let b = second.find(&part.sheet.title, part.key, b, part.span(), desk);
    Some((Some(a?), Some(b?)))
}

fn market(
    players: &[Player],
    outcomes: &Outcomes,
    cost: &[Vec<f64>],
    signals: &Signals,
    timing: Timing,
    sheet: &Sheet<'_, '_>,
    desk: &mut Desk,
) -> Option<Finite> {
    let types: Vec<usize> = players.iter().map(|player| player.types.list.len()).collect();
    let under = |of: &[Vec<f64>], w: usize| of.get(w).unwrap_or(&of[0]).clone();
    let game = |w: usize| {
        Game::new(
            types.clone(),
            [outcomes.first.len(), outcomes.second.len()],
            players.iter().map(|player| under(&player.values, w)).collect(),
            under(cost, w),
            Some(players.iter().map(|player| player.available.clone()).collect()),
        )
    };
    let made = (0..signals.len()).map(game).collect::<Result<Vec<_>, _>>();
    let market = match made {
        Ok(games) => Finite::by_signal(games, timing).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    // Everything was looked at above, with its place; this is what the library sees besides.
    market.map_err(|error| desk.at(sheet.place("game"), format!("[game]: {error}"), "", String::new())).ok()
}
