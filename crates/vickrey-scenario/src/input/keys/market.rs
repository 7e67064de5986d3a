//! Keys of scenarios with `mechanism = "market"`.

use vickrey::market::utility::LARGEST;

use super::{
    Agents, BASELINES, Key, Kind, LABELS, Layout, MECHANISM, MONEY, NAME, PRICE, Pair, QUANTITY, SCALINGS,
    SEED, TITLE,
};

pub(crate) static LAYOUT: Layout =
    Layout { mechanism: "market", file: FILE, agents: &[HEAD, &PARAMETERS, &LISTS], families: &[] };

/// Smallest positive parameter that the library takes.
const SMALLEST: f64 = 1e-12;

pub(crate) const PAYMENTS: &[&str] = &["vcg", "groves", "scaled-vcg", "lagrange"];
/// Keys at the top of the file.
pub(crate) const FILE: &[Key] = &[
    MECHANISM,
    TITLE,
    SEED,
    LABELS,
    Key::new("market", Kind::Section(MARKET), "What is cleared, and how it is paid."),
    Key::new(
        "tables",
        Kind::Section(TABLES),
        "Agents in tables, for more of them than one wants to write here.",
    ),
    Key::new(
        "agents",
        Kind::Agents(Agents::OfFamilies),
        "The agents: consumers, producers, and those that are both.",
    ),
];

/// Keys of `[market]`.
pub(crate) const MARKET: &[Key] = &[
    Key::number(
        "total",
        -LARGEST,
        LARGEST,
        "What the quantities of all agents add up to: 0 if they trade among themselves, negative if they deliver to \
         somebody outside, positive if they receive from outside.",
    )
    .or("0.0")
    .in_unit(QUANTITY),
    Key::new(
        "payment",
        Kind::Choice(PAYMENTS),
        "How payments follow from the reports: vcg (what an agent's presence costs the others), groves (handed the \
         utility of all others), scaled-vcg (VCG with the others' optimum times a constant c), lagrange (price times \
         quantity, not incentive compatible).",
    )
    .or("\"vcg\""),
    Key::new(
        "scaling",
        Kind::NumberOr(SCALINGS),
        "The factor c of scaled-vcg: a number fixed in advance, or a rule that computes it from these bids (which is \
         then not incentive compatible). Required for scaled-vcg, not accepted otherwise.",
    ),
    Key::new(
        "baseline",
        Kind::Choice(BASELINES),
        "What an agent has if it stays out: autarky (its own utility of being idle) or zero.",
    )
    .or("\"autarky\""),
];

/// Keys of `[tables]`.
pub(crate) const TABLES: &[Key] = &[
    Key::new(
        "agents",
        Kind::Text,
        "CSV or Parquet file, relative to the scenario: one row per agent, columns name, utility, and the parameters \
         of the utilities; an empty cell is a parameter that is not given.",
    ),
    Key::new(
        "blocks",
        Kind::Text,
        "CSV or Parquet file, relative to the scenario: one row per block, columns agent, side (buy or sell), \
         quantity, price. An agent that appears only here is created.",
    ),
];

/// Which family its utility is of; the choices are [`crate::input::market::family::FAMILIES`].
pub(crate) const UTILITY: Key =
    Key::new("utility", Kind::Text, "The family of the agent's utility; it decides which parameters follow.")
        .required();

/// What every agent has.
const HEAD: &[Key] = &[NAME, UTILITY];

/// Numbers that utilities are made of. Their order is that of the indices in [`parameter`].
pub(crate) const PARAMETERS: [Key; parameter::COUNT] = [
    Key::number(
        "a",
        -LARGEST,
        -SMALLEST,
        "Coefficient of u², negative: marginal utility falls by 2|a| per unit.",
    ),
    Key::number("b", -LARGEST, LARGEST, "Coefficient of u: marginal utility at 0.").in_unit(PRICE),
    Key::number("weight", SMALLEST, LARGEST, "Factor of the logarithm or the power.").in_unit(MONEY),
    Key::number("shift", SMALLEST, LARGEST, "The quantity stays above minus this.").in_unit(QUANTITY),
    Key::number("linear", 0.0, LARGEST, "Added marginal utility, not negative.").or("0.0").in_unit(PRICE),
    Key::number("exponent", 1e-6, 1.0 - 1e-6, "Exponent of the power, between 0 and 1."),
    Key::number("ceiling", SMALLEST, LARGEST, "The utility that is approached for large quantities.")
        .in_unit(MONEY),
    Key::number("rate", SMALLEST, LARGEST, "How fast it is approached, per unit of quantity."),
    Key::number("quantity", -LARGEST, LARGEST, "Taken at any price; negative: delivered at any price.")
        .in_unit(QUANTITY),
    Key::number("low", -LARGEST, LARGEST, "Smallest quantity, negative for production; left out: no limit.")
        .in_unit(QUANTITY),
    Key::number("high", -LARGEST, LARGEST, "Largest quantity; left out: no limit.").in_unit(QUANTITY),
    Key::number("idle-value", -LARGEST, LARGEST, "Utility of being idle, for example minus a standing cost.")
        .or("0.0")
        .in_unit(MONEY),
];

/// Indices into [`PARAMETERS`].
pub(crate) mod parameter {
    pub const A: usize = 0;
    pub const B: usize = 1;
    pub const WEIGHT: usize = 2;
    pub const SHIFT: usize = 3;
    pub const LINEAR: usize = 4;
    pub const EXPONENT: usize = 5;
    pub const CEILING: usize = 6;
    pub const RATE: usize = 7;
    pub const QUANTITY: usize = 8;
    pub const LOW: usize = 9;
    pub const HIGH: usize = 10;
    pub const IDLE_VALUE: usize = 11;
    pub const COUNT: usize = 12;
}

/// Lists of pairs that utilities are made of. Their order is that of the indices in [`pairs`].
pub(crate) const LISTS: [Key; 3] = [
    Key::new(
        "bids",
        Kind::Pairs(&BLOCK),
        "Blocks to buy, each [quantity, price]: up to this much at up to this price.",
    ),
    Key::new(
        "offers",
        Kind::Pairs(&BLOCK),
        "Blocks to sell, each [quantity, price]: up to this much at no less than this price. Sizes are positive here.",
    ),
    Key::new(
        "points",
        Kind::Pairs(&POINT),
        "Corners of the marginal utility, each [quantity, marginal utility]: quantities rise, marginal utilities fall.",
    ),
];

const BLOCK: Pair = Pair { names: [QUANTITY, PRICE], above: Some(0.0) };
const POINT: Pair = Pair { names: [QUANTITY, "marginal"], above: None };

/// Indices into [`LISTS`].
pub(crate) mod pairs {
    pub const BIDS: usize = 0;
    pub const OFFERS: usize = 1;
    pub const POINTS: usize = 2;
}
