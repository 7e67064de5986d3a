//! Keys of scenarios with `mechanism = "two-stage"` and `mechanism = "demand-response"`: the same market every day.

use super::{
    Agents, Key, Kind, LABELS, Layout, MECHANISM, MONEY, Named, PRICE, QUANTITY, Range, SEED, TITLE,
};

/// Any finite game, repeated.
pub(crate) static GAME_LAYOUT: Layout =
    Layout { mechanism: "two-stage", file: GAME_FILE, agents: &[], families: &[] };
/// The demand-response market, repeated.
pub(crate) static DEMAND_LAYOUT: Layout =
    Layout { mechanism: "demand-response", file: DEMAND_FILE, agents: &[], families: &[] };

pub(crate) const WINDOWS: &[&str] = &["union-bound", "printed", "iterated-logarithm"];
pub(crate) const AUTO: &[&str] = &["auto"];
pub(crate) const UNIFORM: &[&str] = &["uniform"];
pub(crate) const KNOWN: &[&str] = &["before-first-stage", "before-bids"];
pub(crate) const FAMILIES: &[&str] = &["beta-prime", "scaled-beta", "lognormal", "gamma"];
pub(crate) const NO_RESERVE: &[&str] = &["none"];
pub(crate) const BIDDINGS: &[&str] =
    &["honest", "mimic", "common-coin", "exaggerate", "follow", "copy", "ride-window", "by-signal"];
/// Words for types that are numbers.
pub(crate) const ENDS: [&str; 2] = ["cheapest", "dearest"];

/// More days than this are taken for a mistake.
pub(crate) const MOST_DAYS: u64 = 10_000_000;
/// More players than this, counted and not named, are taken for a mistake.
pub(crate) const MOST_PLAYERS: u64 = 10_000;
/// More types than this are taken for a mistake.
pub(crate) const MOST_TYPES: u64 = 1000;

const GAME_FILE: &[Key] = &[MECHANISM, TITLE, SEED, LABELS, SEASON, TESTS, SIGNALS, GAME, GAME_PLAYERS];
const DEMAND_FILE: &[Key] =
    &[MECHANISM, TITLE, SEED, LABELS, SEASON, TESTS, SIGNALS, MARKET, TABLES, PROVIDERS];

const SEASON: Key =
    Key::new("season", Kind::Section(SEASON_KEYS), "How many days, and how bids are collected.");
const TESTS: Key =
    Key::new("tests", Kind::Section(TEST_KEYS), "The tests that bids have to pass, and what failing costs.");
const SIGNALS: Key = Key::new(
    "signals",
    Kind::Agents(Agents::Complete(&[SIGNAL])),
    "Public signals (weather, weekday): every day has one, which everybody knows before bidding.",
);
const GAME: Key =
    Key::new("game", Kind::Section(GAME_KEYS), "What can be decided, and what it costs.").required();
const GAME_PLAYERS: Key =
    Key::new("players", Kind::Agents(Agents::Complete(&[GAME_PLAYER, BIDDING_KEYS])), "The players.")
        .required();
const MARKET: Key =
    Key::new("market", Kind::Section(MARKET_KEYS), "What has to be covered, and the reserve.").required();
const TABLES: Key = Key::new("tables", Kind::Section(TABLE_KEYS), "Providers in a table.");
const PROVIDERS: Key = Key::new(
    "players",
    Kind::Agents(Agents::Complete(&[PROVIDER, BIDDING_KEYS])),
    "The providers: what curtailing costs each.",
);

/// Keys of `[season]`. Their order is that of the indices in [`season`].
pub(crate) const SEASON_KEYS: &[Key] = &[
    Key::new(
        "days",
        Kind::Whole { low: 1, high: MOST_DAYS },
        "Days of a season; left out with a series of shortages: as many as it has.",
    ),
    Key::new(
        "sealed",
        Kind::Flag,
        "Whether bids are committed to before any is opened. Without that the promises do not hold.",
    )
    .or("true"),
    Key::new(
        "calendar",
        Kind::Names,
        "The signals of the days in turn, again and again; instead of [[signals]].",
    ),
];
/// Indices into [`SEASON_KEYS`].
pub(crate) mod season {
    pub const DAYS: usize = 0;
    pub const SEALED: usize = 1;
    pub const CALENDAR: usize = 2;
}

/// Keys of `[tests]`. Their order is that of the indices in [`test`].
pub(crate) const TEST_KEYS: &[Key] = &[
    Key::new(
        "window",
        Kind::Choice(WINDOWS),
        "How far frequencies of bids may be from the reported law: union-bound (an honest player is ever flagged with \
         probability false-alarm at most), printed (as in paper 001: honest players are flagged on the first days), or \
         iterated-logarithm (the narrowest).",
    )
    .or("\"union-bound\""),
    Key::number("gamma", 1e-3, 100.0, "How fast the window closes: the larger, the slower. Not for iterated-logarithm.")
        .or("0.5"),
    Key::number(
        "false-alarm",
        1e-300,
        0.999_999,
        "Probability that an honest player is ever flagged, for each player. Not for printed.",
    )
    .or("0.01"),
    Key::new("burn-in", Kind::Whole { low: 0, high: MOST_DAYS }, "First days on which nobody is flagged.").or("0"),
    Key::new(
        "penalty-scale",
        Kind::NumberOr(AUTO),
        "A flagged day costs penalty-scale times day^penalty-power. auto: twice the largest difference that a type makes.",
    )
    .or("\"auto\"")
    .in_unit(MONEY),
    Key::number("penalty-power", 1.0, 10.0, "Above 1, so that penalties outgrow what a lie can bring.").or("1.5"),
    Key::new("pairwise", Kind::Flag, "Whether every pair of players is tested as well.").or("true"),
    Key::new(
        "bins",
        Kind::Whole { low: 0, high: 1024 },
        "Bins of a sum over the others' types against which bids are tested as well; 0: no such test.",
    )
    .or("0"),
];
/// Indices into [`TEST_KEYS`].
pub(crate) mod test {
    pub const WINDOW: usize = 0;
    pub const GAMMA: usize = 1;
    pub const FALSE_ALARM: usize = 2;
    pub const BURN_IN: usize = 3;
    pub const SCALE: usize = 4;
    pub const POWER: usize = 5;
    pub const PAIRWISE: usize = 6;
    pub const BINS: usize = 7;
}

/// Keys of `[[signals]]`.
pub(crate) const SIGNAL: &[Key] = &[SIGNAL_NAME, SHARE_OF_DAYS];
pub(crate) const SIGNAL_NAME: Key =
    Key::new("name", Kind::Text, "The signal's name; no two signals share one.").required();
pub(crate) const SHARE_OF_DAYS: Key =
    Key::number("share", 0.0, 1.0, "Share of the days that have it; all shares together: 1.").required();

const ANY: Range =
    Range { low: -1e100, high: 1e100, except: None, words: "a finite number of size at most 1e100" };
const PROBABILITY: Range = Range { low: 0.0, high: 1.0, except: None, words: "a probability from 0 to 1" };
/// Probabilities by type, or that by signal.
static LAW_OF: Named = Named { range: &PROBABILITY, depths: &[1], words: UNIFORM, levels: 1, functions: &[] };
/// By first and second outcome, or that by first outcome or signal.
static COST_OF: Named = Named { range: &ANY, depths: &[0, 1, 2], words: &[], levels: 2, functions: &[] };
/// By type, first and second outcome, or that by type, first outcome or signal.
static VALUES_OF: Named = Named { range: &ANY, depths: &[1, 2, 3], words: &[], levels: 3, functions: &[] };

/// Keys of `[game]`.
pub(crate) const GAME_KEYS: &[Key] = &[FIRST, SECOND, COST, SIGNAL_KNOWN];
pub(crate) const FIRST: Key = Key::new(
    "first",
    Kind::Names,
    "What can be decided before types are known. Left out: nothing is decided then.",
);
pub(crate) const SECOND: Key =
    Key::new("second", Kind::Names, "What can be decided when types have been bid.").required();
pub(crate) const COST: Key = Key::new(
    "cost",
    Kind::Named(&COST_OF),
    "What decisions cost the planner: a list over the second decisions for each first one (a list of lists, or a table by \
     first decision), one list if it is the same for all first ones, or a number; or any of these by signal.",
)
.or("0.0")
.in_unit(MONEY);
pub(crate) const SIGNAL_KNOWN: Key = Key::new(
    "signal-known",
    Kind::Choice(KNOWN),
    "Whether a day's signal is known before-first-stage (everything is settled for the signal of the day) or only \
     before-bids (one first decision for all days).",
)
.or("\"before-first-stage\"");

/// Keys of `[[players]]` of any finite game.
pub(crate) const GAME_PLAYER: &[Key] = &[PLAYER_NAME, TYPE_NAMES, LAW, TRUE_LAW, VALUES, NEEDS];
pub(crate) const PLAYER_NAME: Key =
    Key::new("name", Kind::Text, "The player's name; no two players share one.").required();
pub(crate) const TYPE_NAMES: Key = Key::new(
    "types",
    Kind::NamesOrCount,
    "What she learns every day and nobody else: names of her types, or how many (then they are 0, 1, …).",
)
.required();
pub(crate) const LAW: Key = Key::new(
    "law",
    Kind::Named(&LAW_OF),
    "The law that she reports: a probability for each type (together 1; nothing is renormalised), or \"uniform\"; or that \
     by signal. Left out where a family or samples make the types: they are equally likely.",
);
pub(crate) const TRUE_LAW: Key = Key::new(
    "true-law",
    Kind::Named(&LAW_OF),
    "The law that her types really have, in the same form; left out: the one that she reports.",
);
pub(crate) const VALUES: Key = Key::new(
    "values",
    Kind::Named(&VALUES_OF),
    "What decisions are worth to her (negative: a cost): for each type a list over the second decisions for each first one; \
     as lists in lists or tables by name; one list if it is the same for all first ones. Or any of these by signal.",
)
.required()
.in_unit(MONEY);
pub(crate) const NEEDS: Key = Key::new(
    "needs",
    Kind::List(&Kind::OneOf(&[Kind::Text, Kind::Names])),
    "Decisions that are not possible without her: names, or pairs [first, second].",
);

/// Keys of `[[players]]` about how they bid.
pub(crate) const BIDDING_KEYS: &[Key] = &[BIDDING, BY, RIVAL, SHARE, HIDDEN, SHOWN, BIDS, MISSING];
pub(crate) const BIDDING: Key = Key::new(
    "bidding",
    Kind::Choice(BIDDINGS),
    "How she bids: honest, mimic (by her reported law, whatever her type), exaggerate (`by` types away from the truth), \
     follow (a `rival`'s bid of the day before, on a `share` of the days), copy (a `rival`'s bid of the same day, if bids \
     are not sealed), common-coin (a coin that others see too), ride-window (bids `shown` for `hidden` as far as a `share` \
     of the window allows), by-signal (`bids` by signal).",
)
.or("\"honest\"");
pub(crate) const BY: Key =
    Key::number("by", -1000.0, 1000.0, "exaggerate: how many types upwards; negative: downwards.");
pub(crate) const RIVAL: Key = Key::new("rival", Kind::Text, "follow, copy: the name of another player.");
pub(crate) const SHARE: Key = Key::number("share", 0.0, 1.0, "follow, ride-window: a share from 0 to 1.");
const TYPE: Kind = Kind::OneOf(&[Kind::Text, Kind::Number { low: 0.0, high: 1e70 }]);
pub(crate) const HIDDEN: Key = Key::new("hidden", TYPE, "ride-window: the type that is hidden.");
pub(crate) const SHOWN: Key = Key::new("shown", TYPE, "ride-window: the type that is bid for it.");
pub(crate) const BIDS: Key =
    Key::new("bids", Kind::ByName(&TYPE), "by-signal: the type that is bid, by signal.");
pub(crate) const MISSING: Key = Key::new(
    "missing",
    TYPE,
    "The type that counts if her bid does not arrive. Left out: the first; of providers the dearest.",
);

/// A number that nature draws after the bids.
pub(crate) const LOTTERY: &[Key] = &[LOTTERY_VALUES, LOTTERY_LAW];
pub(crate) const LOTTERY_VALUES: Key = Key::new("values", Kind::List(&NUMBER), "What it may be.").required();
pub(crate) const LOTTERY_LAW: Key =
    Key::new("law", Kind::List(&Kind::Number { low: 0.0, high: 1.0 }), "How likely each is.").required();
const NUMBER: Kind = Kind::Number { low: -1e70, high: 1e70 };

/// A column of a table.
pub(crate) const COLUMN_KEYS: &[Key] = &[FILE, COLUMN];
pub(crate) const FILE: Key =
    Key::new("file", Kind::Text, "CSV or Parquet file, relative to the scenario.").required();
pub(crate) const COLUMN: Key = Key::new("column", Kind::Text, "The column with the numbers.").required();

/// A series of shortages.
pub(crate) const SERIES: &[Key] = &[FILE, COLUMN, CLASSES];
pub(crate) const CLASSES: Key = Key::new(
    "classes",
    Kind::Whole { low: 1, high: 1000 },
    "Days of like shortage share a signal, class-1 (least) to class-K, so that the tests see answers to it: how many.",
)
.or("4");

/// A law with infinitely many types, on finitely many.
pub(crate) const FAMILY_KEYS: &[Key] = &[FAMILY, MEAN, VARIANCE, TOP, COUNT_OF_TYPES];
pub(crate) const FAMILY: Key = Key::new(
    "family",
    Kind::Choice(FAMILIES),
    "A law with infinitely many types: beta-prime (beta of the second kind), scaled-beta (on the numbers from 0 to `top`), \
     lognormal or gamma, brought onto `types` equally likely types, each the mean of its bin.",
);
pub(crate) const MEAN: Key = Key::number("mean", 1e-100, 1e100, "family: its mean.");
pub(crate) const VARIANCE: Key = Key::number("variance", 1e-100, 1e100, "family: its variance.");
pub(crate) const TOP: Key = Key::number("top", 1e-100, 1e100, "scaled-beta: the largest number.");
pub(crate) const COUNT_OF_TYPES: Key = Key::new(
    "types",
    Kind::Whole { low: 1, high: MOST_TYPES },
    "family, samples: how many types (equally likely) they are brought onto.",
);

/// Keys of `[market]`.
pub(crate) const MARKET_KEYS: &[Key] = &[SHORTAGE, RESERVE, PURCHASE];
pub(crate) const SHORTAGE: Key = Key::new(
    "shortage",
    Kind::OneOf(&[
        NUMBER,
        Kind::Section(LOTTERY),
        Kind::Section(SERIES),
        Kind::ByName(&Kind::OneOf(&[NUMBER, Kind::Section(LOTTERY)])),
    ]),
    "What has to be covered every day (negative: a surplus): a number; { values, law } (drawn after the bids); either by \
     signal; or a series { file, column, classes } that is announced day by day before the bids.",
)
.required()
.in_unit(QUANTITY);
pub(crate) const RESERVE: Key = Key::new(
    "reserve",
    Kind::OneOf(&[
        NUMBER,
        Kind::Choice(NO_RESERVE),
        Kind::Section(LOTTERY),
        Kind::Section(FAMILY_KEYS),
        Kind::ByName(&Kind::OneOf(&[NUMBER, Kind::Choice(NO_RESERVE), Kind::Section(LOTTERY), Kind::Section(FAMILY_KEYS)])),
    ]),
    "The reserve covers what is left: g costs reserve g²/2. A number; { values, law } or { family, mean, variance, types } \
     (drawn after the bids); \"none\"; or any of these by signal (a number by signal is known before the bids).",
)
.required();
pub(crate) const PURCHASE: Key = Key::number(
    "purchase-price",
    0.0,
    1e70,
    "Price of a unit bought the day before; left out: nothing can be bought.",
)
.in_unit(PRICE);

/// Keys of `[tables]`.
pub(crate) const TABLE_KEYS: &[Key] = &[PLAYERS_TABLE];
pub(crate) const PLAYERS_TABLE: Key = Key::new(
    "players",
    Kind::Text,
    "CSV or Parquet file, relative to the scenario: one provider per row, columns name, family, mean, variance, top, types, \
     limit.",
);

/// Keys of `[[players]]` of demand response.
pub(crate) const PROVIDER: &[Key] =
    &[PLAYER_NAME, COUNT, DELTAS, LAW, TRUE_LAW, FAMILY, MEAN, VARIANCE, TOP, SAMPLES, LIMIT];
pub(crate) const COUNT: Key = Key::new(
    "count",
    Kind::Whole { low: 1, high: MOST_PLAYERS },
    "So many providers alike; their names get a number.",
)
.or("1");
pub(crate) const DELTAS: Key = Key::new(
    "types",
    Kind::OneOf(&[
        Kind::List(&Kind::Number { low: 1e-70, high: 1e70 }),
        Kind::Whole { low: 1, high: MOST_TYPES },
    ]),
    "What she learns every day and nobody else: her delta, where curtailing x costs delta x²/2. The numbers that it may be; \
     or with family or samples how many.",
)
.required();
pub(crate) const SAMPLES: Key = Key::new(
    "samples",
    Kind::OneOf(&[Kind::List(&NUMBER), Kind::Section(COLUMN_KEYS)]),
    "Data on her delta, as a list or { file, column }, brought onto `types` equally likely types.",
);
pub(crate) const LIMIT: Key = Key::number(
    "limit",
    0.0,
    1e70,
    "The most that she can curtail. If anybody has a limit, nobody curtails less than nothing.",
)
.in_unit(QUANTITY);
