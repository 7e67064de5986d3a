//! Scenarios with `mechanism = "linear-quadratic"`.

mod inline;
mod listed;
mod roster;
mod samples;
mod shape;
mod timed;

use vickrey::guarantee::Baseline;
use vickrey::lq::model::Market;

use self::roster::Roster;
use self::samples::Laws;
use self::shape::Frame;
use super::Context;
use super::keys::linear_quadratic::{
    self as keys, LAYOUT, NUMBERS, RULES, SPREADS, TABLES, number, rule, table,
};
use super::keys::{Kind, Range};
use super::rules::{self, Scaling};
use super::sheet::{Desk, Sheet};
use super::table::Table;
use crate::diagnostic::written;

/// A linear-quadratic market, when its agents learn what, and how it is paid.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LinearQuadraticScenario {
    /// The agents, with names, and the net demand. What `kind` ignores is not in it.
    pub market: Market,
    /// When agents learn what.
    pub kind: MarketKind,
    /// The term h of the payment.
    pub payment: LayerPayment,
    /// The factor c of the term h.
    pub scaling: Scaling,
    /// What an agent has if it stays out.
    pub baseline: Baseline,
    /// Disturbances that were recorded, to be used instead of drawn ones.
    pub replay: Option<Replay>,
    /// Who the agents are, counted.
    pub census: Census,
}

/// How many agents there are of each kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Census {
    /// Number of states, and how many agents have so many.
    pub states: Vec<(usize, usize)>,
    /// Law of noise, and how many agents have it, among those whose state is moved by noise.
    pub laws: Vec<(&'static str, usize)>,
    /// How many agents see their state through a measurement.
    pub observed: usize,
}

/// Recorded disturbances by agent, one for each period s = 0..T-1: at s = 0 x(0) minus its mean, later what arrives
/// at s. None for agents that draw theirs. Only agents with one state have recorded ones.
pub type Replay = Vec<Option<Vec<f64>>>;

/// When agents learn what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarketKind {
    /// Everything is known at the start; one settlement.
    Plan,
    /// In every period each agent bids how its state moved away from the forecast.
    Layered,
    /// The same, but agents see their states through measurements.
    Filtered,
}

/// The term h in the payment c h - (what a layer is worth to the others).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayerPayment {
    /// 0.
    None,
    /// The expectation of what the others could reach without the agent.
    Constant,
    /// What they could reach in this layer alone.
    Pure,
    /// What they could reach from the plan as it stands.
    Incremental,
    /// What they would reach in a world that the agent never joined.
    Worlds,
    /// No such term: price times quantity, which is not incentive compatible.
    Lagrange,
}

const KINDS: [MarketKind; 3] = [MarketKind::Plan, MarketKind::Layered, MarketKind::Filtered];
const PAYMENTS: [LayerPayment; 6] = [
    LayerPayment::None,
    LayerPayment::Constant,
    LayerPayment::Pure,
    LayerPayment::Incremental,
    LayerPayment::Worlds,
    LayerPayment::Lagrange,
];
/// With more agents than this their shadow markets would take too long.
const MOST_WORLDS: usize = 200;

impl MarketKind {
    /// The word for it in scenario files.
    pub fn name(self) -> &'static str {
        keys::MARKETS[self as usize]
    }
}

impl LayerPayment {
    /// The word for it in scenario files.
    pub fn name(self) -> &'static str {
        keys::PAYMENTS[self as usize]
    }
}

/// What the numbers of agents mean.
pub(super) struct Terms {
    /// None if it could not be read.
    periods: Option<usize>,
    kind: MarketKind,
    /// Noise is given as standard deviations, not as variances.
    deviations: bool,
    laws: Laws,
}

impl Terms {
    /// What a number may be as it is written.
    fn range(&self, number: usize) -> &'static Range {
        if self.deviations && SPREADS.contains(&number) { &keys::DEVIATION } else { keys::of(number).range }
    }

    /// The number as the library takes it.
    fn value(&self, number: usize, written: f64) -> f64 {
        if self.deviations && SPREADS.contains(&number) { written * written } else { written }
    }

    /// Whether the kind of market uses a number.
    fn keeps(&self, number: usize) -> bool {
        match self.kind {
            MarketKind::Plan => !NOISE.contains(&number) && !MEASUREMENT.contains(&number),
            MarketKind::Layered => !MEASUREMENT.contains(&number),
            MarketKind::Filtered => true,
        }
    }
}

/// What moves states.
const NOISE: [usize; 3] = [number::START_NOISE, number::NOISE, number::LOADINGS];
/// What agents see of them.
const MEASUREMENT: [usize; 2] = [number::OBSERVATION, number::OBSERVATION_NOISE];

pub(super) fn read(
    sheet: &Sheet<'_, '_>,
    desk: &mut Desk,
    context: &mut Context<'_>,
) -> Option<LinearQuadraticScenario> {
    sheet.refuse_others(keys::FILE.iter().map(|key| key.name), desk);
    let empty = toml::de::DeTable::new();
    let section = LAYOUT.key("linear-quadratic");
    let found = sheet.section(section, desk);
    if sheet.value(section.name).is_none() {
        let accepted = "begin it with [linear-quadratic] and periods = (how many)";
        sheet.missing(section, accepted, desk);
    }
    let is_there = found.is_some();
    let rules = found.unwrap_or_else(|| Sheet::new(&empty, 0..0, "[linear-quadratic]"));
    rules.refuse_others(RULES.iter().map(|key| key.name), desk);
    let periods = if is_there { periods(&rules, desk) } else { None };
    let kind = rules.choice(&RULES[rule::MARKET], keys::MARKETS.iter().copied(), desk);
    let kind = kind.map_or(MarketKind::Layered, |index| KINDS[index]);
    let payment = rules.choice(&RULES[rule::PAYMENT], keys::PAYMENTS.iter().copied(), desk);
    let payment = payment.map_or(LayerPayment::Incremental, |index| PAYMENTS[index]);
    let net_demand = net_demand(&rules, periods, desk);
    let scaling = scaling(&rules, payment, desk, &mut context.warnings);
    let baseline = rules::baseline(&rules, &RULES[rule::BASELINE], desk);
    let deviations = rules.choice(&RULES[rule::NOISE_AS], keys::NOISE_AS.iter().copied(), desk) == Some(1);
    let terms = Terms { periods, kind, deviations, laws: Laws::default() };
    let Gathered { terms, roster, agents, replay } = gather(sheet, terms, desk, context);
    check_noise(&rules, &roster, desk);
    check_worlds(&rules, payment, &roster, desk);
    if desk.problems.count() > 0 {
        return None;
    }
    warn(&terms, &roster, replay.is_some(), &mut context.warnings);
    let replay = replay.filter(|_| kind != MarketKind::Plan);
    let census = roster.census(&terms);
    let market = roster.market(&terms, periods?, net_demand, agents.as_ref(), desk)?;
    Some(LinearQuadraticScenario { market, kind, payment, scaling, baseline, replay, census })
}

fn periods(rules: &Sheet<'_, '_>, desk: &mut Desk) -> Option<usize> {
    let key = &RULES[rule::PERIODS];
    if rules.value(key.name).is_none() {
        rules.missing(key, key.about, desk);
    }
    rules.whole(key, desk).and_then(|periods| usize::try_from(periods).ok())
}

/// One number per period, or none at all.
fn net_demand(rules: &Sheet<'_, '_>, periods: Option<usize>, desk: &mut Desk) -> Vec<f64> {
    let key = &RULES[rule::NET_DEMAND];
    let Kind::Numbers(kind) = key.kind else { return Vec::new() };
    let Some(nest) = rules.nest(key, desk) else { return Vec::new() };
    let frame = Frame { block: kind.block, states: 1, over_time: Some(periods), deviations: false };
    let mut wrong = |at, found: String, accepted: &str| {
        let message = format!("{}: `{}`: found {found}, accepted is {accepted}", rules.title, key.name);
        desk.at(at, message, &format!("accepted is {accepted}"), key.about.to_owned());
    };
    match shape::read(&nest, &frame) {
        Err(misshapen) => wrong(misshapen.span, misshapen.found, &misshapen.accepted),
        Ok(given) => {
            let numbers: Vec<f64> = given.rows.iter().map(|row| row[0]).collect();
            match numbers.iter().position(|x| !kind.range.takes(*x)) {
                Some(t) => wrong(given.place(Some(t)), written(numbers[t]), kind.range.words),
                None if given.over_time => return numbers,
                None => return vec![numbers[0]; periods.unwrap_or(1)],
            }
        }
    }
    Vec::new()
}

fn scaling(
    rules: &Sheet<'_, '_>,
    payment: LayerPayment,
    desk: &mut Desk,
    warnings: &mut Vec<String>,
) -> Scaling {
    let key = &RULES[rule::SCALING];
    let given = rules::scaling(rules, key, desk, warnings);
    if given.is_some() && matches!(payment, LayerPayment::None | LayerPayment::Lagrange) {
        warnings.push(format!(
            "[linear-quadratic]: payment = \"{}\" has no term h, so that `scaling` changes nothing",
            payment.name()
        ));
    }
    given.unwrap_or(Scaling::Fixed(1.0))
}

/// What the file and its tables say about agents.
struct Gathered {
    terms: Terms,
    roster: Roster,
    /// The table of agents.
    agents: Option<Table>,
    replay: Option<Replay>,
}

fn gather(sheet: &Sheet<'_, '_>, mut terms: Terms, desk: &mut Desk, context: &mut Context<'_>) -> Gathered {
    let (mut opened, promised) = tables(sheet, desk, context);
    if let Some(table) = &opened[table::SAMPLES] {
        terms.laws = Laws::read(table, desk);
    }
    let mut roster = Roster::default();
    inline::read(sheet, &terms, desk, &mut roster);
    let agents = opened[table::AGENTS].take();
    if let Some(agents) = &agents {
        listed::read(agents, &terms, promised[table::SERIES], desk, &mut roster);
    }
    roster.names.check(agents.as_ref(), desk);
    let mut replay = None;
    // Without the names of the table of agents, everybody would seem unknown.
    let are_known = !promised[table::AGENTS] || roster.listed.rows > 0;
    let are_complete = match (terms.periods, &opened[table::SERIES]) {
        (Some(periods), Some(series)) if are_known => {
            timed::read_series(series, &terms, periods, desk, &mut roster);
            true
        }
        _ => !promised[table::SERIES],
    };
    if let (Some(periods), Some(path), true) = (terms.periods, &opened[table::PATH], are_known) {
        replay = Some(timed::read_path(path, periods, &roster, desk));
    }
    if are_complete {
        roster.check_needs(agents.as_ref(), desk);
        roster.check_drafts(&terms, desk);
    }
    Gathered { terms, roster, agents, replay }
}

/// Opens the tables, in the order in which they enter the hash; and which the scenario names, readable or not.
fn tables(
    sheet: &Sheet<'_, '_>,
    desk: &mut Desk,
    context: &mut Context<'_>,
) -> ([Option<Table>; table::COUNT], [bool; table::COUNT]) {
    let mut opened = [const { None }; table::COUNT];
    let mut promised = [false; table::COUNT];
    let Some(section) = sheet.section(LAYOUT.key("tables"), desk) else { return (opened, promised) };
    section.refuse_others(TABLES.iter().map(|key| key.name), desk);
    for (k, key) in TABLES.iter().enumerate() {
        promised[k] = section.value(key.name).is_some();
        opened[k] = Table::asked(&section, key, desk, context);
    }
    (opened, promised)
}

/// Reports that it is not said what numbers of noise are.
fn check_noise(rules: &Sheet<'_, '_>, roster: &Roster, desk: &mut Desk) {
    let key = &RULES[rule::NOISE_AS];
    if rules.value(key.name).is_some() {
        return;
    }
    let Some((k, agents)) = SPREADS.into_iter().find_map(|k| Some((k, roster.mentioning(&[k])?))) else {
        return;
    };
    let message =
        format!("{}: `{}` is missing: `{}` is given for {agents}", rules.title, key.name, NUMBERS[k].name);
    let help = "accepted: noise-as = \"variance\" or noise-as = \"std\" (standard deviation); there is no default, as \
                the two are easily mistaken for each other";
    desk.at(rules.span.clone(), message, "`noise-as` is missing", help.to_owned());
}

fn check_worlds(rules: &Sheet<'_, '_>, payment: LayerPayment, roster: &Roster, desk: &mut Desk) {
    if payment != LayerPayment::Worlds || roster.len() <= MOST_WORLDS {
        return;
    }
    let message = format!(
        "{}: payment = \"worlds\" with {} agents, accepted is at most {MOST_WORLDS}",
        rules.title,
        roster.len()
    );
    let help =
        "it needs a shadow market for every agent; \"incremental\" has the same expectation and no limit";
    let at = rules.place(RULES[rule::PAYMENT].name);
    desk.at(at, message, "too many agents for this payment", help.to_owned());
}

/// What is accepted but looks like a mistake.
fn warn(terms: &Terms, roster: &Roster, has_path: bool, warnings: &mut Vec<String>) {
    let idle = |agent: &usize| roster.is_zero(*agent, number::B, 0);
    if let Some(agents) = roster.some((0..roster.len()).filter(idle)) {
        warnings.push(format!("{agents}: b = 0 in all periods, so that trade does not move the state"));
    }
    let given = |numbers: &[usize]| roster.mentioning(numbers);
    let ignored = |agents: roster::Few, what: &str, market: &str| {
        format!("market = \"{market}\" ignores the {what} of {agents}")
    };
    match terms.kind {
        MarketKind::Plan => {
            if let Some(agents) = given(&[NOISE.as_slice(), &MEASUREMENT].concat()) {
                warnings.push(ignored(agents, "noise or measurement", terms.kind.name()));
            }
            if has_path {
                warnings.push("[tables]: `path` is ignored in market = \"plan\"".to_owned());
            }
        }
        MarketKind::Layered => {
            if let Some(agents) = given(&MEASUREMENT) {
                warnings.push(ignored(agents, "measurement", terms.kind.name()));
            }
        }
        MarketKind::Filtered if given(&MEASUREMENT).is_none() => warnings.push(
            "market = \"filtered\", but no agent has an `observation`: all see their states, as in \"layered\"".into(),
        ),
        MarketKind::Filtered => {}
    }
    if let Some(why) = nothing_to_move(terms, roster) {
        warnings.push(format!("{why}: what agents learn about their states changes no trade"));
    }
}

/// Why no disturbance changes a trade, if none does.
fn nothing_to_move(terms: &Terms, roster: &Roster) -> Option<&'static str> {
    let zero =
        |number: usize, first: usize| (0..roster.len()).all(|agent| roster.is_zero(agent, number, first));
    if !zero(number::TERMINAL_Q, 0) {
        return None;
    }
    if terms.periods == Some(1) {
        return Some("there is one period and no terminal-q");
    }
    // The state of period 0 is there before the first trade.
    zero(number::Q, 1).then_some("q and terminal-q are 0 for every agent")
}
