//! Scenarios with `mechanism = "market"`.

pub(crate) mod family;
mod inline;
mod listed;
mod roster;

use vickrey::guarantee::Baseline;
use vickrey::market::{Market, MarketError};

use self::family::FAMILIES;
use self::roster::Roster;
use super::Context;
use super::keys::market as keys;
use super::rules::{self, Scaling};
use super::sheet::{Desk, Sheet, Span};
use super::table::Table;

/// A market and how it is paid.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MarketScenario {
    /// The agents, with names, and the total.
    pub market: Market,
    /// How payments follow from the reports.
    pub payment: PaymentChoice,
    /// What an agent has if it stays out.
    pub baseline: Baseline,
    /// How many agents have a utility of each family that occurs.
    pub families: Vec<(&'static str, usize)>,
}

/// The payment rule that the scenario asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PaymentChoice {
    /// What an agent's presence costs the others.
    Vcg,
    /// The agent is handed the utility of all others.
    Groves,
    /// VCG with the others' optimum times a constant.
    ScaledVcg(Scaling),
    /// Price times quantity.
    Lagrange,
}

impl PaymentChoice {
    /// The word for it in scenario files.
    pub fn name(self) -> &'static str {
        keys::PAYMENTS[match self {
            Self::Vcg => 0,
            Self::Groves => 1,
            Self::ScaledVcg(_) => 2,
            Self::Lagrange => 3,
        }]
    }
}

pub(super) fn read(
    sheet: &Sheet<'_, '_>,
    desk: &mut Desk,
    context: &mut Context<'_>,
) -> Option<MarketScenario> {
    sheet.refuse_others(keys::FILE.iter().map(|key| key.name), desk);
    let empty = toml::de::DeTable::new();
    let rules = sheet
        .section(keys::LAYOUT.key("market"), desk)
        .unwrap_or_else(|| Sheet::new(&empty, 0..0, "[market]"));
    rules.refuse_others(keys::MARKET.iter().map(|key| key.name), desk);
    let total = rules.number(&keys::MARKET[0], desk).unwrap_or(0.0);
    let payment = payment(&rules, desk, &mut context.warnings);
    let baseline = rules::baseline(&rules, &keys::MARKET[3], desk);
    let roster = agents(sheet, desk, context);
    let families = roster.families();
    let market = market(roster, total, rules.place("total"), desk)?;
    Some(MarketScenario { market, payment: payment?, baseline, families })
}

/// Everybody: first those of the scenario, then those of its tables.
fn agents(sheet: &Sheet<'_, '_>, desk: &mut Desk, context: &mut Context<'_>) -> Roster {
    let Tables { agents, blocks, promises_blocks } = tables(sheet, desk, context);
    let mut roster = Roster::default();
    inline::read(sheet, desk, &mut roster, promises_blocks);
    if let Some(table) = &agents {
        listed::read_agents(table, desk, &mut roster, promises_blocks);
    }
    roster.names.check(agents.as_ref(), desk);
    if let Some(table) = &blocks {
        let before = desk.problems.count();
        listed::read_blocks(table, desk, &mut roster);
        if desk.problems.count() == before {
            roster.check_blocks(agents.as_ref(), desk);
        }
    }
    roster
}

fn payment(rules: &Sheet<'_, '_>, desk: &mut Desk, warnings: &mut Vec<String>) -> Option<PaymentChoice> {
    let [key, scaling] = [&keys::MARKET[1], &keys::MARKET[2]];
    let choice = match rules.value(key.name) {
        Some(_) => rules.choice(key, keys::PAYMENTS.iter().copied(), desk)?,
        None => 0,
    };
    if choice == 2 {
        return self::scaling(rules, desk, warnings).map(PaymentChoice::ScaledVcg);
    }
    if rules.value(scaling.name).is_some() {
        let payment = keys::PAYMENTS[choice];
        let message = format!("[market]: `scaling` is given, but the payment is `{payment}`");
        let help = "accepted with payment = \"scaled-vcg\" only; change the payment or leave `scaling` out"
            .to_owned();
        desk.at(rules.key_place(scaling.name), message, "not accepted here", help);
        return None;
    }
    Some([PaymentChoice::Vcg, PaymentChoice::Groves, PaymentChoice::Vcg, PaymentChoice::Lagrange][choice])
}

fn scaling(rules: &Sheet<'_, '_>, desk: &mut Desk, warnings: &mut Vec<String>) -> Option<Scaling> {
    let key = &keys::MARKET[2];
    if rules.value(key.name).is_none() {
        let message = "[market]: payment = \"scaled-vcg\" needs `scaling`".to_owned();
        let help = "accepted: a number fixed in advance, for example scaling = 1.02, or \"low-end\", \"high-end\", \
                    \"min-max\", \"min-max-ratio\" (computed from these bids, so not incentive compatible)";
        desk.at(rules.place("payment"), message, "`scaling` is missing", help.to_owned());
        return None;
    }
    rules::scaling(rules, key, desk, warnings)
}

/// The tables that could be opened.
#[derive(Default)]
struct Tables {
    agents: Option<Table>,
    blocks: Option<Table>,
    /// Whether the scenario names a table of blocks, be it readable or not.
    promises_blocks: bool,
}

/// Opens the tables, in the order in which they enter the hash.
fn tables(sheet: &Sheet<'_, '_>, desk: &mut Desk, context: &mut Context<'_>) -> Tables {
    let Some(section) = sheet.section(keys::LAYOUT.key("tables"), desk) else { return Tables::default() };
    section.refuse_others(keys::TABLES.iter().map(|key| key.name), desk);
    let [agents, blocks] =
        [&keys::TABLES[0], &keys::TABLES[1]].map(|key| Table::asked(&section, key, desk, context));
    Tables { agents, blocks, promises_blocks: section.value(keys::TABLES[1].name).is_some() }
}

/// Puts the market together, once nothing else is wrong with it.
fn market(roster: Roster, total: f64, total_at: Span, desk: &mut Desk) -> Option<Market> {
    if desk.problems.count() > 0 {
        return None;
    }
    let Roster { names, utilities, .. } = roster;
    let names = names.list;
    let utilities: Vec<_> = utilities.into_iter().flatten().collect();
    let made =
        Market::new(utilities, total).and_then(|market| market.with_names(names)).and_then(check_reach);
    made.map_err(|error| {
        let (at, label, help) = match &error {
            MarketError::TooFewAgents { .. } => (0..0, "", "accepted: two or more, in [[agents]] or in a table"),
            MarketError::Infeasible { .. } => (
                total_at,
                "cannot be reached",
                "change `total`, or the limits, fixed quantities and blocks of the agents; production is negative",
            ),
            _ => (total_at, "", "accepted: a finite number of size at most 1e15"),
        };
        desk.at(at, error.to_string(), label, help.to_owned());
    })
    .ok()
}

/// Refuses markets whose limits clearly miss the total; what hangs on the last digits is left to the solver.
fn check_reach(market: Market) -> Result<Market, MarketError> {
    let (mut lowest, mut highest, mut size) = (0.0, 0.0, market.total().abs());
    for utility in market.utilities() {
        let (low, high) = (utility.low(), utility.high());
        lowest += low;
        highest += high;
        size += [low, high].into_iter().filter(|limit| limit.is_finite()).map(f64::abs).sum::<f64>();
    }
    let slack = 1e-9 * size;
    if lowest > market.total() + slack || highest < market.total() - slack {
        return Err(MarketError::Infeasible { total: market.total(), lowest, highest });
    }
    Ok(market)
}

/// The index of a family, or what is wrong with the word for it.
fn family_of(word: &str) -> Option<usize> {
    FAMILIES.iter().position(|family| family.name == word)
}
