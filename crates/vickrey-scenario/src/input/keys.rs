//! The keys of scenario files, as data.
//!
//! The reader, its error messages, the columns of agent tables and the JSON Schema all follow from these tables, so
//! that none of them can say something else than the others.

use vickrey::market::utility::LARGEST;

/// A key: its name, what it may hold, and what it means.
#[derive(Debug)]
pub(crate) struct Key {
    pub name: &'static str,
    pub kind: Kind,
    pub required: bool,
    /// What holds if the key is left out, as JSON.
    pub default: Option<&'static str>,
    pub about: &'static str,
    /// What a number counts, in the labels of `[units]`.
    pub unit: Option<&'static str>,
}

/// What a key may hold.
#[derive(Debug)]
pub(crate) enum Kind {
    Text,
    /// A whole number, not negative.
    Whole,
    /// A finite number from `low` to `high`.
    Number {
        low: f64,
        high: f64,
    },
    Choice(&'static [&'static str]),
    NumberOr(&'static [&'static str]),
    /// A list of pairs of numbers.
    Pairs(&'static Pair),
    Section(&'static [Key]),
    /// The list of agents.
    Agents,
}

/// The two numbers of a pair.
#[derive(Debug)]
pub(crate) struct Pair {
    pub names: [&'static str; 2],
    /// The first number is above this, if there is a bound.
    pub above: Option<f64>,
}

impl Key {
    const fn new(name: &'static str, kind: Kind, about: &'static str) -> Self {
        Self { name, kind, required: false, default: None, about, unit: None }
    }

    const fn number(name: &'static str, low: f64, high: f64, about: &'static str) -> Self {
        Self::new(name, Kind::Number { low, high }, about)
    }

    const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    const fn or(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self
    }

    const fn in_unit(mut self, unit: &'static str) -> Self {
        self.unit = Some(unit);
        self
    }
}

/// Smallest positive parameter that the library takes.
const SMALLEST: f64 = 1e-12;

const QUANTITY: &str = "quantity";
const PRICE: &str = "price";
const MONEY: &str = "money";

/// The mechanisms that a scenario can describe.
pub(crate) const MECHANISMS: &[&str] = &["market"];

pub(crate) const PAYMENTS: &[&str] = &["vcg", "groves", "scaled-vcg", "lagrange"];
pub(crate) const SCALINGS: &[&str] = &["low-end", "high-end", "min-max", "min-max-ratio"];
pub(crate) const BASELINES: &[&str] = &["autarky", "zero"];

/// Keys of a scenario with `mechanism = "market"`.
pub(crate) const MARKET_FILE: &[Key] = &[
    Key::new("mechanism", Kind::Choice(MECHANISMS), "The mechanism; it decides which keys follow.")
        .required(),
    Key::new("title", Kind::Text, "A title for tables and pictures."),
    Key::new("seed", Kind::Whole, "Seed of every random draw (audits, simulations).").or("0"),
    Key::new("units", Kind::Section(UNITS), "Labels for tables and pictures; they change no number."),
    Key::new("market", Kind::Section(MARKET), "What is cleared, and how it is paid."),
    Key::new(
        "tables",
        Kind::Section(TABLES),
        "Agents in tables, for more of them than one wants to write here.",
    ),
    Key::new("agents", Kind::Agents, "The agents: consumers, producers, and those that are both."),
];

/// Keys of `[units]`.
pub(crate) const UNITS: &[Key] = &[
    Key::new("quantity", Kind::Text, "What is traded, for example MW."),
    Key::new("price", Kind::Text, "Money per quantity, for example $/MWh."),
    Key::new("money", Kind::Text, "What utilities and payments count, for example $/h."),
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

/// The agent's name.
pub(crate) const NAME: Key =
    Key::new("name", Kind::Text, "The agent's name; no two agents share one.").required();
/// Which family its utility is of; the choices are [`super::market::family::FAMILIES`].
pub(crate) const UTILITY: Key =
    Key::new("utility", Kind::Text, "The family of the agent's utility; it decides which parameters follow.")
        .required();

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

/// The key of this name, wherever in the file it belongs.
pub(crate) fn section_of(name: &str) -> Option<&'static str> {
    let within = |keys: &[Key]| keys.iter().any(|key| key.name == name);
    [("[units]", UNITS), ("[market]", MARKET), ("[tables]", TABLES)]
        .into_iter()
        .find(|(_, keys)| within(keys))
        .map(|(section, _)| section)
        .or_else(|| within(MARKET_FILE).then_some("the top of the file, before the first [section]"))
        .or_else(|| {
            let mut all = PARAMETERS.iter().chain(&LISTS).chain([&NAME, &UTILITY]);
            all.any(|key| key.name == name).then_some("[[agents]]")
        })
}
