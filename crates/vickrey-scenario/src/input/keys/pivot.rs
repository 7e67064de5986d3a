//! Keys of scenarios with `mechanism = "pivot"`.
//!
//! `family` decides how the instance is written, and with it which keys follow: every family has a [`Layout`] of its own.

use super::{Agents, Key, Kind, LABELS, Layout, MECHANISM, MONEY, Named, Range, SEED, TITLE};

/// All keys of all families: where does a misplaced one belong?
pub(crate) static LAYOUT: Layout = Layout { mechanism: "pivot", file: FILE, agents: &[], families: &FAMILY };

/// The files of each family, in the order of [`FAMILIES`].
pub(crate) static FAMILY: [Layout; 4] = [
    Layout { mechanism: "pivot", file: TABLES_FILE, agents: &[], families: &[] },
    Layout { mechanism: "pivot", file: GOODS_FILE, agents: &[], families: &[] },
    Layout { mechanism: "pivot", file: STORAGE_FILE, agents: &[], families: &[] },
    Layout { mechanism: "pivot", file: LICENCE_FILE, agents: &[], families: &[] },
];

pub(crate) const FAMILIES: &[&str] = &["tables", "goods", "storage", "licence"];
pub(crate) const WITHOUT: &[&str] = &["same", "own", "tight"];
pub(crate) const PAYMENTS: &[&str] = &["before-outcome", "outcome-contingent"];
pub(crate) const INFINITE: &[&str] = &["infinite"];
/// The law of a type that does not move.
pub(crate) const STAYS: &str = "stays";
/// In tables by name: all names that are not there.
pub(crate) const ELSE: &str = "else";

/// More periods than this are taken for a mistake.
const MOST_PERIODS: u64 = 100_000;
/// More types than this, counted and not named, are taken for a mistake.
pub(crate) const MOST_TYPES: u64 = 1000;
/// What a model and its solution may take if nothing is said, in MiB.
pub(crate) const USUAL_MEMORY: u64 = 8192;
const MOST_MEMORY: u64 = 1 << 30;

/// Keys at the top of the files of all families together.
pub(crate) const FILE: &[Key] = &[
    MECHANISM,
    TITLE,
    SEED,
    LABELS,
    PIVOT,
    GOODS,
    LICENCE,
    Key::new("tables", Kind::Section(&[UTILITIES, TRANSITIONS, PROJECTS]), "Numbers in tables."),
    DECISIONS,
    OUTCOMES,
    ITEMS,
    IMBALANCES,
    PUBLIC,
    Key::new(
        "players",
        Kind::Agents(Agents::Complete(&[TABLES_PLAYER, GOODS_PLAYER, STORAGE_PLAYER, LICENCE_PLAYER])),
        "The players.",
    ),
];
const TABLES_FILE: &[Key] = &[
    MECHANISM,
    TITLE,
    SEED,
    LABELS,
    PIVOT,
    Key::new(
        "tables",
        Kind::Section(TABLES),
        "Utilities and transitions in tables, beside or instead of those of the players below.",
    ),
    DECISIONS,
    OUTCOMES,
    PUBLIC,
    Key::new(
        "players",
        Kind::Agents(Agents::Complete(&[TABLES_PLAYER])),
        "The players: each has a type that she alone knows, and that moves.",
    )
    .required(),
];
const GOODS_FILE: &[Key] = &[
    MECHANISM,
    TITLE,
    SEED,
    LABELS,
    PIVOT,
    GOODS,
    ITEMS,
    Key::new(
        "players",
        Kind::Agents(Agents::Complete(&[GOODS_PLAYER])),
        "The players: what bundles are worth to each, and how that moves.",
    )
    .required(),
];
const STORAGE_FILE: &[Key] = &[
    MECHANISM,
    TITLE,
    SEED,
    LABELS,
    PIVOT,
    IMBALANCES,
    Key::new(
        "players",
        Kind::Agents(Agents::Complete(&[STORAGE_PLAYER])),
        "The providers: each has a state of charge that she alone knows.",
    )
    .required(),
];
const LICENCE_FILE: &[Key] = &[
    MECHANISM,
    TITLE,
    SEED,
    LABELS,
    PIVOT,
    LICENCE,
    Key::new(
        "tables",
        Kind::Section(LICENCE_TABLES),
        "Projects in a table, beside or instead of the players below.",
    ),
    Key::new(
        "players",
        Kind::Agents(Agents::Complete(&[LICENCE_PLAYER])),
        "The players: projects that can each use the one licence (machine, channel, researcher).",
    ),
];

const PIVOT: Key = Key::new(
    "pivot",
    Kind::Section(RULES),
    "How long the game lasts, how the instance is written, and how payments are made.",
)
.required();
const GOODS: Key = Key::new("goods", Kind::Section(GOODS_RULES), "What holds for all items.");
const LICENCE: Key = Key::new("licence", Kind::Section(LICENCE_RULES), "What holds for the licence.");
const DECISIONS: Key =
    Key::new("decisions", Kind::Agents(Agents::Complete(&[DECISION])), "What can be decided in a period.")
        .required();
const OUTCOMES: Key = Key::new(
    "outcomes",
    Kind::Agents(Agents::Complete(&[OUTCOME])),
    "What can turn out after the reports, and which decisions are then feasible.",
)
.required();
const ITEMS: Key = Key::new(
    "items",
    Kind::Agents(Agents::Complete(&[ITEM])),
    "The kinds of items. In a period at most one item arrives, and goes to one of the players.",
)
.required();
const IMBALANCES: Key = Key::new(
    "imbalances",
    Kind::Agents(Agents::Complete(&[IMBALANCE])),
    "The kinds of imbalances. In a period there is at most one, and one provider takes it or it is curtailed.",
)
.required();
const PUBLIC: Key = Key::new(
    "public",
    Kind::Section(PUBLIC_KEYS),
    "The public state, which everybody sees. Without this section there is one public state.",
);

/// Keys of `[pivot]`. Their order is that of the indices in [`rule`].
pub(crate) const RULES: &[Key] = &[
    Key::new(
        "family",
        Kind::Choice(FAMILIES),
        "How the instance is written: tables (decisions, outcomes, utilities and transitions as numbers), goods (items \
         arrive and go to players who value bundles), storage (providers take up imbalances), licence (one of several \
         projects may use a licence in each period).",
    )
    .or("\"tables\""),
    Key::new(
        "horizon",
        Kind::WholeOr { low: 1, high: MOST_PERIODS, words: INFINITE },
        "Number T of periods with decisions, 0 to T-1, or infinite.",
    )
    .required(),
    Key::number(
        "discount",
        1e-12,
        1.0,
        "What a unit of money a period later is worth now: above 0 and at most 1 (1 if left out); required for an infinite \
         horizon, and there below 1.",
    ),
    Key::new(
        "without",
        Kind::Choice(WITHOUT),
        "Which decisions count as possible without a player: same (all that are feasible), own (not those that need her), \
         or tight (no such problem is solved: payments are the largest that leave everybody what walking away brings).",
    )
    .or("\"same\""),
    Key::new(
        "payment",
        Kind::Choice(PAYMENTS),
        "Whether payments are fixed before-outcome, or differ by outcome (outcome-contingent), which keeps truth optimal \
         even if players foresee the outcome.",
    )
    .or("\"before-outcome\""),
    Key::new(
        "sealed",
        Kind::Flag,
        "Whether reports are committed to before they are opened, so that nobody reports after having seen others.",
    )
    .or("false"),
    Key::new(
        "periods",
        Kind::Whole { low: 1, high: MOST_PERIODS },
        "Infinite horizon: how many periods a simulation plays.",
    ),
    Key::number(
        "tolerance",
        1e-14,
        1e12,
        "Infinite horizon: how far values may be from the true ones; the result certifies it.",
    )
    .in_unit(MONEY),
    Key::new(
        "memory",
        Kind::Whole { low: 1, high: MOST_MEMORY },
        "What the instance and its solution may take at most, in MiB; more is refused before it is begun.",
    )
    .or("8192"),
    Key::new(
        "finer",
        Kind::Whole { low: 2, high: 64 },
        "For types on a grid (`chain`): the solution is tried on grids so many times as fine, and the result says what no \
         lie gains more than there. Numbers by type have to be functions then.",
    ),
];

/// Indices into [`RULES`].
pub(crate) mod rule {
    pub const FAMILY: usize = 0;
    pub const HORIZON: usize = 1;
    pub const DISCOUNT: usize = 2;
    pub const WITHOUT: usize = 3;
    pub const PAYMENT: usize = 4;
    pub const SEALED: usize = 5;
    pub const PERIODS: usize = 6;
    pub const TOLERANCE: usize = 7;
    pub const MEMORY: usize = 8;
    pub const FINER: usize = 9;
}

/// Keys of `[goods]`.
pub(crate) const GOODS_RULES: &[Key] = &[DECAY, FINAL, DISCARD];

pub(crate) const DECAY: Key = Key::number(
    "decay",
    1e-9,
    1e9,
    "Values are multiplied by this once a period: in period t they count decay^t times. 1 for an infinite horizon.",
)
.or("1.0");
pub(crate) const FINAL: Key = Key::number(
    "final",
    0.0,
    1e9,
    "How many times the value of a period a bundle is worth after the last period: 1 as in any other, 0 not at all.",
)
.or("1.0");
pub(crate) const DISCARD: Key = Key::new(
    "discard",
    Kind::Flag,
    "Whether an item may go to nobody. Without that it must go to one of the players, who may have it already.",
)
.or("false");

/// Keys of `[licence]`.
pub(crate) const LICENCE_RULES: &[Key] = &[IDLE];

pub(crate) const IDLE: Key =
    Key::new("idle", Kind::Flag, "Whether the licence may be given to nobody in a period.").or("false");

/// Keys of `[tables]` of the family `tables`.
pub(crate) const TABLES: &[Key] = &[UTILITIES, TRANSITIONS];
/// Keys of `[tables]` of the family `licence`.
const LICENCE_TABLES: &[Key] = &[PROJECTS];

pub(crate) const UTILITIES: Key = Key::new(
    "utilities",
    Kind::Text,
    "CSV or Parquet file, relative to the scenario: columns player, decision, type, public, period, utility. A column that \
     is left out and an empty cell mean all. Where several rows fit, the one holds that names the decision, then the public \
     state, the period, the type; where none fits, 0.",
);
pub(crate) const TRANSITIONS: Key = Key::new(
    "transitions",
    Kind::Text,
    "CSV or Parquet file, relative to the scenario: columns player, decision, from, to, probability, public, period. A \
     column that is left out and an empty cell mean all; what has no row has probability 0.",
);
pub(crate) const PROJECTS: Key = Key::new(
    "projects",
    Kind::Text,
    "CSV or Parquet file, relative to the scenario: one row per state of a project, columns player, state, value, prior, \
     and to-1, to-2, …: the probabilities of its states, in the order of its rows, after a period in which it has the \
     licence.",
);

const ANY: Range =
    Range { low: -1e12, high: 1e12, except: None, words: "a finite number of size at most 1e12" };
const NOT_NEGATIVE: Range = Range { low: 0.0, high: 1e12, except: None, words: "a number from 0 to 1e12" };
const PROBABILITY: Range = Range { low: 0.0, high: 1.0, except: None, words: "a probability from 0 to 1" };

/// Functions of a type x on a grid.
pub(crate) const FUNCTIONS: &[(&str, &[Key])] = &[("exp", EXP), ("linear", LINEAR)];

/// scale * exp(x + shift)
pub(crate) const EXP: &[Key] = &[
    Key::number("scale", -1e12, 1e12, "The factor of exp(x + shift).").or("1.0"),
    Key::number("shift", -1e3, 1e3, "What is added to x.").or("0.0"),
];
/// base + slope * x
pub(crate) const LINEAR: &[Key] = &[
    Key::number("base", -1e12, 1e12, "The value for x = 0.").or("0.0"),
    Key::number("slope", -1e12, 1e12, "What a unit of x adds.").or("1.0"),
];

/// One number, or one for each period, or that by public state.
static BY_STATE: Named = Named { range: &ANY, depths: &[0, 1], words: &[], levels: 1, functions: &[] };
static CHANCE: Named = Named { range: &PROBABILITY, depths: &[0, 1], words: &[], levels: 1, functions: &[] };
static CHANCE_OVER_TIME: Named =
    Named { range: &PROBABILITY, depths: &[0, 1], words: &[], levels: 0, functions: &[] };
/// One number for each type, and that for each period, by decision and public state.
static UTILITY_OF: Named =
    Named { range: &ANY, depths: &[0, 1, 2], words: &[], levels: 2, functions: FUNCTIONS };
static OUTSIDE_OF: Named =
    Named { range: &ANY, depths: &[0, 1, 2], words: &[], levels: 1, functions: FUNCTIONS };
static TERMINAL_OF: Named =
    Named { range: &ANY, depths: &[0, 1], words: &[], levels: 1, functions: FUNCTIONS };
static PER_TYPE: Named = Named { range: &ANY, depths: &[0, 1], words: &[], levels: 0, functions: &[] };
static PER_TYPE_AND_NAME: Named =
    Named { range: &ANY, depths: &[0, 1], words: &[], levels: 1, functions: &[] };
static VALUE_OF: Named = Named { range: &ANY, depths: &[0, 1], words: &[], levels: 0, functions: FUNCTIONS };
static FACTORS: Named =
    Named { range: &NOT_NEGATIVE, depths: &[0, 1], words: &[], levels: 0, functions: FUNCTIONS };
static PRIOR_OF: Named = Named { range: &PROBABILITY, depths: &[1], words: &[], levels: 0, functions: &[] };
static KERNEL: Named =
    Named { range: &PROBABILITY, depths: &[2], words: &[STAYS], levels: 0, functions: &[] };
static KERNEL_BY_NAME: Named =
    Named { range: &PROBABILITY, depths: &[2], words: &[STAYS], levels: 1, functions: &[] };
static KERNELS: Named =
    Named { range: &PROBABILITY, depths: &[2, 3], words: &[STAYS], levels: 2, functions: &[] };
static PUBLIC_KERNELS: Named =
    Named { range: &PROBABILITY, depths: &[2, 3], words: &[STAYS], levels: 1, functions: &[] };
/// By bundle, and that by type.
static BUNDLES: Named = Named { range: &ANY, depths: &[0, 1], words: &[], levels: 2, functions: &[] };

const fn name(about: &'static str) -> Key {
    Key::new("name", Kind::Text, about).required()
}

/// Keys of `[[decisions]]`.
pub(crate) const DECISION: &[Key] =
    &[name("The decision's name; no two share one, nor one with a public state."), WORTH];
pub(crate) const WORTH: Key = Key::new(
    "public",
    Kind::Named(&BY_STATE),
    "What the decision is worth to the public: a number, a list over the periods, or either by public state.",
)
.or("0.0")
.in_unit(MONEY);

/// Keys of `[[outcomes]]`.
pub(crate) const OUTCOME: &[Key] =
    &[name("The outcome's name; no two outcomes share one."), OUTCOME_CHANCE, FEASIBLE];
pub(crate) const OUTCOME_CHANCE: Key = Key::new(
    "probability",
    Kind::Named(&CHANCE),
    "Its probability: a number, a list over the periods, or either by public state. All outcomes together: 1.",
)
.required();
pub(crate) const FEASIBLE: Key =
    Key::new("decisions", Kind::Names, "The decisions that are feasible in it, at least one.").required();

/// Keys of `[public]`.
pub(crate) const PUBLIC_KEYS: &[Key] = &[STATES, PUBLIC_START, PUBLIC_TRANSITION, PUBLIC_TERMINAL];
pub(crate) const STATES: Key = Key::new(
    "states",
    Kind::NamesOrCount,
    "The public states: their names, or how many (then they are 0, 1, …).",
)
.required();
pub(crate) const PUBLIC_START: Key = Key::new(
    "start",
    Kind::Text,
    "The public state in period 0, for simulations and totals; required if there are several.",
);
pub(crate) const PUBLIC_TRANSITION: Key = Key::new(
    "transition",
    Kind::Named(&PUBLIC_KERNELS),
    "How it moves: a matrix (row: state now, column: next state), \"stays\", a list of matrices over the periods, or any \
     of these by decision (`else` for those not named).",
)
.or("\"stays\"");
pub(crate) const PUBLIC_TERMINAL: Key = Key::new(
    "terminal",
    Kind::Named(&PER_TYPE_AND_NAME),
    "What the public state after the last period is worth to the public: a number for each state.",
)
.or("0.0")
.in_unit(MONEY);

/// Keys of `[[players]]` of the family `tables`.
pub(crate) const TABLES_PLAYER: &[Key] =
    &[PLAYER_NAME, TYPES, CHAIN, START, PRIOR, UTILITY, TRANSITION, TERMINAL, OUTSIDE, NEEDS];
pub(crate) const PLAYER_NAME: Key = name("The player's name; no two players share one.");
pub(crate) const TYPES: Key = Key::new(
    "types",
    Kind::NamesOrCount,
    "What she alone knows: names of her types, or how many (then they are 0, 1, …). Left out: one type.",
);
pub(crate) const CHAIN: Key = Key::new(
    "chain",
    Kind::Section(CHAIN_KEYS),
    "Instead of types and transition: a number x that moves by x' = persistence x + noise, brought onto a grid. Its types \
     are the nodes; numbers by type can then be { exp = { scale, shift } }, which is scale * exp(x + shift), or { linear = { \
     base, slope } }. Without start or prior it begins with the law that it has in the long run.",
);
/// Keys of `chain`. Their order is that of the indices in [`chain`].
pub(crate) const CHAIN_KEYS: &[Key] = &[
    Key::new(
        "rouwenhorst",
        Kind::Whole { low: 1, high: MOST_TYPES },
        "Number of nodes of Rouwenhorst's chain, whose conditional means and variances are exact.",
    ),
    Key::new(
        "tauchen",
        Kind::Whole { low: 1, high: MOST_TYPES },
        "Number of nodes of Tauchen's chain, in which every node stands for the values around it.",
    ),
    Key::number("persistence", -1.0, 1.0, "What is left of x after a period, above -1 and below 1.")
        .required(),
    Key::number("sd", 1e-12, 1e6, "Standard deviation of x in the long run.").required(),
    Key::number("width", 1e-3, 1e3, "Tauchen: how many standard deviations the grid reaches to either side.")
        .or("3.0"),
];
/// Indices into [`CHAIN_KEYS`].
pub(crate) mod chain {
    pub const ROUWENHORST: usize = 0;
    pub const TAUCHEN: usize = 1;
    pub const PERSISTENCE: usize = 2;
    pub const SD: usize = 3;
    pub const WIDTH: usize = 4;
}
pub(crate) const START: Key = Key::new(
    "start",
    Kind::Text,
    "Her type in period 0, for simulations and totals; this or prior is required.",
);
pub(crate) const PRIOR: Key = Key::new(
    "prior",
    Kind::Named(&PRIOR_OF),
    "Probabilities of her types in period 0, for simulations and totals; instead of start.",
);
pub(crate) const UTILITY: Key = Key::new(
    "utility",
    Kind::Named(&UTILITY_OF),
    "What a period is worth to her: a number, a list with one for each type, or a list of such lists over the periods; by \
     decision, by public state, or both. Decisions that are not named: 0.",
)
.or("0.0")
.in_unit(MONEY);
pub(crate) const TRANSITION: Key = Key::new(
    "transition",
    Kind::Named(&KERNELS),
    "How her type moves: a matrix (row: type now, column: next type), \"stays\", or a list of matrices over the periods; by \
     decision, by public state, or both (`else` for those not named). Required if she has several types.",
);
pub(crate) const TERMINAL: Key = Key::new(
    "terminal",
    Kind::Named(&TERMINAL_OF),
    "What her type after the last period is worth to her: a number, or one for each type; or that by public state. 0 if \
     left out; not accepted for an infinite horizon.",
)
.in_unit(MONEY);
pub(crate) const OUTSIDE: Key = Key::new(
    "outside",
    Kind::Named(&OUTSIDE_OF),
    "What she has from a period on if she walks away: a number, one for each type, or a list of such lists over the \
     periods; or that by public state.",
)
.or("0.0")
.in_unit(MONEY);
pub(crate) const NEEDS: Key = Key::new(
    "needs",
    Kind::Names,
    "Decisions that need her, and are not possible without her; for without = \"own\", and for what she has if she leaves.",
);

/// Keys of `[[items]]`.
pub(crate) const ITEM: &[Key] = &[name("The item's name; no two items share one."), CHANCE_OF];
/// Of an item or an imbalance.
pub(crate) const CHANCE_OF: Key = Key::new(
    "probability",
    Kind::Named(&CHANCE_OVER_TIME),
    "The probability that it is this one in a period: a number, or a list over the periods. What all leave to 1 is the \
     probability of none.",
)
.required();

/// Keys of `[[players]]` of the family `goods`.
pub(crate) const GOODS_PLAYER: &[Key] =
    &[PLAYER_NAME, TYPES, CHAIN, START, PRIOR, VALUES, FACTOR, GOODS_TRANSITION, HOLDS];
pub(crate) const VALUES: Key = Key::new(
    "values",
    Kind::Named(&BUNDLES),
    "What a bundle is worth to her per period, by bundle (items joined by +), the same by type, or a list of all 2^k \
     numbers in the order nothing, first item, second, first + second, third, …. A bundle that is not named is worth as \
     much as the best one within it that is.",
)
.required()
.in_unit(MONEY);
pub(crate) const FACTOR: Key = Key::new(
    "factor",
    Kind::Named(&FACTORS),
    "What all her values are multiplied by: a number, or one for each type.",
)
.or("1.0");
pub(crate) const GOODS_TRANSITION: Key = Key::new(
    "transition",
    Kind::Named(&KERNEL),
    "How her type moves: a matrix (row: type now, column: next type), or \"stays\". Required if she has several types.",
);
pub(crate) const HOLDS: Key = Key::new("holds", Kind::Names, "Items that she has from the start.").or("[]");

/// Keys of `[[imbalances]]`.
pub(crate) const IMBALANCE: &[Key] =
    &[name("The imbalance's name; no two imbalances share one."), CHANCE_OF, CURTAILMENT, CHARGE];
pub(crate) const CURTAILMENT: Key =
    Key::number("curtailment", -1e12, 1e12, "What it costs the public if no provider takes it.")
        .required()
        .in_unit(MONEY);
pub(crate) const CHARGE: Key = Key::new(
    "charge",
    Kind::Number { low: -1e4, high: 1e4 },
    "By how many levels it moves the charge of who takes it: negative takes charge out, positive puts it in. Charge stops at \
     the lowest and highest level. Needed for providers without used.",
);

/// Keys of `[[players]]` of the family `storage`.
pub(crate) const STORAGE_PLAYER: &[Key] = &[
    PLAYER_NAME,
    LEVEL_NAMES,
    START,
    PRIOR,
    COST,
    DRIFT,
    REST,
    UNUSED,
    USED,
    LEVEL_TERMINAL,
    OUTSIDE_CHARGE,
];
pub(crate) const LEVEL_NAMES: Key = Key::new(
    "levels",
    Kind::NamesOrCount,
    "Her levels of charge: names, or how many (then they are 0 %, …, 100 %). For charge and drift they go from low to high.",
)
.required();
pub(crate) const COST: Key = Key::new(
    "cost",
    Kind::Named(&PER_TYPE_AND_NAME),
    "What taking an imbalance costs her: a number, or one for each level; or that by imbalance.",
)
.required()
.in_unit(MONEY);
pub(crate) const DRIFT: Key = Key::number(
    "drift",
    0.0,
    1.0,
    "With this probability her charge moves by one level towards rest at the end of a period, after an imbalance that she \
     has taken; instead of unused.",
);
pub(crate) const REST: Key =
    Key::new("rest", Kind::Text, "The level to which her charge drifts; required with drift.");
pub(crate) const UNUSED: Key = Key::new(
    "unused",
    Kind::Named(&KERNEL),
    "How her charge moves in a period in which she takes nothing: a matrix (row: level now, column: next level), or \
     \"stays\". This or drift is required if she has several levels.",
);
pub(crate) const USED: Key = Key::new(
    "used",
    Kind::Named(&KERNEL_BY_NAME),
    "How her charge moves in a period in which she takes an imbalance: a matrix, or one by imbalance. Left out: by the \
     charge of the imbalance, and then as if unused.",
);
pub(crate) const LEVEL_TERMINAL: Key = Key::new(
    "terminal",
    Kind::Named(&PER_TYPE),
    "What her charge after the last period is worth to her: a number, or one for each level. 0 if left out; not accepted for \
     an infinite horizon.",
)
.in_unit(MONEY);
pub(crate) const OUTSIDE_CHARGE: Key = Key::new(
    "outside",
    Kind::Named(&PER_TYPE),
    "What she has from a period on if she walks away: a number, or one for each level.",
)
.or("0.0")
.in_unit(MONEY);

/// Keys of `[[players]]` of the family `licence`.
pub(crate) const LICENCE_PLAYER: &[Key] =
    &[PLAYER_NAME, PROJECT_STATES, CHAIN, START, PRIOR, VALUE, PROJECT_TRANSITION];
pub(crate) const PROJECT_STATES: Key = Key::new(
    "states",
    Kind::NamesOrCount,
    "States of her project: names, or how many (then they are 0, 1, …). Left out: one state.",
);
pub(crate) const VALUE: Key = Key::new(
    "value",
    Kind::Named(&VALUE_OF),
    "What a period with the licence is worth to her: a number, or one for each state. A period without is worth 0.",
)
.required()
.in_unit(MONEY);
pub(crate) const PROJECT_TRANSITION: Key = Key::new(
    "transition",
    Kind::Named(&KERNEL),
    "How her project moves in a period in which it has the licence: a matrix (row: state now, column: next state), or \
     \"stays\". Otherwise it stays. Required if it has several states.",
);
