//! The keys of scenario files, as data.
//!
//! The reader, its error messages, the columns of agent tables and the JSON Schema all follow from these tables, so
//! that none of them can say something else than the others. What belongs to one mechanism is in a file of its own;
//! its [`Layout`] is all that the rest needs to know.

pub(crate) mod consensus;
pub(crate) mod dual;
pub(crate) mod linear_quadratic;
pub(crate) mod market;
pub(crate) mod pivot;
pub(crate) mod two_stage;

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
    /// A whole number from `low` to `high`.
    Whole {
        low: u64,
        high: u64,
    },
    /// A finite number from `low` to `high`.
    Number {
        low: f64,
        high: f64,
    },
    /// A number, or lists of numbers.
    Numbers(Numbers),
    /// A whole number from `low` to `high`, or a word.
    WholeOr {
        low: u64,
        high: u64,
        words: &'static [&'static str],
    },
    Choice(&'static [&'static str]),
    /// true or false.
    Flag,
    /// A list of names.
    Names,
    /// A list of names, or how many there are.
    NamesOrCount,
    /// Numbers that may differ by name.
    Named(&'static Named),
    NumberOr(&'static [&'static str]),
    /// Any of these.
    OneOf(&'static [Kind]),
    /// A list of these.
    List(&'static Kind),
    /// A table from names to these.
    ByName(&'static Kind),
    /// A list of pairs of numbers.
    Pairs(&'static Pair),
    Section(&'static [Key]),
    /// A list of agents, or of anything else that has a name.
    Agents(Agents),
}

/// The two numbers of a pair.
#[derive(Debug)]
pub(crate) struct Pair {
    pub names: [&'static str; 2],
    /// The first number is above this, if there is a bound.
    pub above: Option<f64>,
}

/// Which keys an agent takes.
#[derive(Debug)]
pub(crate) enum Agents {
    /// What the family of its utility takes (see [`super::market::family`]).
    OfFamilies,
    /// These; what is required can come from a table, except the name.
    Of(&'static [&'static [Key]]),
    /// These; what is required must stand in the file.
    Complete(&'static [&'static [Key]]),
}

/// Numbers that may differ by decision or public state, or whatever has names.
#[derive(Debug)]
pub(crate) struct Named {
    /// What a single number may be.
    pub range: &'static Range,
    /// How deep lists of them may be nested.
    pub depths: &'static [usize],
    /// Words that stand for numbers.
    pub words: &'static [&'static str],
    /// How many tables by name may stand around them.
    pub levels: usize,
    /// Functions of a type that is a number, by name, with their parameters.
    pub functions: &'static [(&'static str, &'static [Key])],
}

/// Numbers of one parameter, alone or in lists.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Numbers {
    /// What a single number may be. (What a matrix may be, the library knows.)
    pub range: &'static Range,
    pub block: Block,
    /// Whether there may be one block for each period, in a list.
    pub over_time: bool,
}

/// What the numbers of one period are, for an agent with D states; for D = 1 most are one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Block {
    /// One number, whatever D.
    Number,
    /// D numbers.
    Vector,
    /// D lists of D numbers.
    Matrix,
    /// D numbers, those on the diagonal, or D lists of D numbers.
    Spread,
    /// For each state a list with one number for each common factor; for D = 1 that list itself.
    Factors,
}

/// What a number may be.
#[derive(Debug)]
pub(crate) struct Range {
    pub low: f64,
    pub high: f64,
    /// One of the ends, if it is not accepted itself.
    pub except: Option<f64>,
    pub words: &'static str,
}

impl Range {
    pub fn takes(&self, x: f64) -> bool {
        self.low <= x && x <= self.high && self.except != Some(x)
    }
}

impl Block {
    /// How deep lists may be nested, over all D.
    pub fn depths(self) -> &'static [usize] {
        match self {
            Self::Number => &[0],
            Self::Vector => &[0, 1],
            Self::Matrix => &[0, 2],
            Self::Spread => &[0, 1, 2],
            Self::Factors => &[1, 2],
        }
    }
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

const QUANTITY: &str = "quantity";
const PRICE: &str = "price";
const MONEY: &str = "money";

/// All keys of the files of one mechanism.
#[derive(Debug)]
pub(crate) struct Layout {
    pub mechanism: &'static str,
    /// Keys at the top of the file.
    pub file: &'static [Key],
    /// All keys that agents can have.
    pub agents: &'static [&'static [Key]],
    /// Where a word decides which keys follow: the files of each choice.
    pub families: &'static [Layout],
}

/// The mechanisms that a scenario can describe, in the order of [`MECHANISMS`].
pub(crate) static LAYOUTS: [&Layout; MECHANISMS.len()] = [
    &market::LAYOUT,
    &linear_quadratic::LAYOUT,
    &pivot::LAYOUT,
    &two_stage::GAME_LAYOUT,
    &two_stage::DEMAND_LAYOUT,
    &dual::LAYOUT,
    &consensus::LAYOUT,
];

/// Their names.
pub(crate) const MECHANISMS: &[&str] = &[
    "market",
    "linear-quadratic",
    "pivot",
    "two-stage",
    "demand-response",
    "dual-decomposition",
    "consensus",
];

pub(crate) const SCALINGS: &[&str] = &["low-end", "high-end", "min-max", "min-max-ratio"];
pub(crate) const BASELINES: &[&str] = &["autarky", "zero"];

/// Keys that every file begins with.
pub(crate) const MECHANISM: Key =
    Key::new("mechanism", Kind::Choice(MECHANISMS), "The mechanism; it decides which keys follow.")
        .required();
pub(crate) const TITLE: Key = Key::new("title", Kind::Text, "A title for tables and pictures.");
pub(crate) const SEED: Key = Key::new(
    "seed",
    Kind::Whole { low: 0, high: u64::MAX },
    "Seed of every random draw (audits, simulations).",
)
.or("0");
pub(crate) const LABELS: Key =
    Key::new("units", Kind::Section(UNITS), "Labels for tables and pictures; they change no number.");

/// Keys of `[units]`.
pub(crate) const UNITS: &[Key] = &[
    Key::new("quantity", Kind::Text, "What is traded, for example MW."),
    Key::new("price", Kind::Text, "Money per quantity, for example $/MWh."),
    Key::new("money", Kind::Text, "What utilities and payments count, for example $/h."),
];

/// The agent's name.
pub(crate) const NAME: Key =
    Key::new("name", Kind::Text, "The agent's name; no two agents share one.").required();

impl Layout {
    /// The layout of a mechanism.
    pub fn of(mechanism: &str) -> Option<&'static Self> {
        LAYOUTS.iter().copied().find(|layout| layout.mechanism == mechanism)
    }

    /// A key at the top of the file.
    pub fn key(&self, name: &str) -> &'static Key {
        self.file.iter().find(|key| key.name == name).unwrap_or(&self.file[0])
    }

    /// Where in the file a key belongs, if there is one of this name.
    pub fn section_of(&self, name: &str) -> Option<String> {
        let within = |keys: &[Key]| keys.iter().any(|key| key.name == name);
        let section = self.file.iter().find_map(|key| match key.kind {
            Kind::Section(keys) if within(keys) => Some(format!("[{}]", key.name)),
            Kind::Agents(Agents::Of(lists) | Agents::Complete(lists))
                if lists.iter().any(|keys| within(keys)) =>
            {
                Some(format!("[[{}]]", key.name))
            }
            _ => None,
        });
        section
            .or_else(|| within(self.file).then(|| "the top of the file, before the first [section]".into()))
            .or_else(|| self.agents.iter().any(|keys| within(keys)).then(|| "[[agents]]".into()))
    }
}
