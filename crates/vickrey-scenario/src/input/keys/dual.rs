//! Keys of scenarios with `mechanism = "dual-decomposition"`: followers share what prices split among them.

use super::{Agents, Key, Kind, LABELS, Layout, MECHANISM, MONEY, PRICE, Pair, QUANTITY, SEED, TITLE};

pub(crate) static LAYOUT: Layout =
    Layout { mechanism: "dual-decomposition", file: FILE, agents: &[], families: &[] };

pub(crate) const METHODS: &[&str] = &["ascent", "accelerated", "multipliers", "newton"];
pub(crate) const MODES: &[&str] = &["vcg", "zero", "dual", "clearing-price"];
pub(crate) const MARGINALS: &[&str] = &["cold", "warm"];
pub(crate) const MODULI: &[&str] = &["public", "announced"];
pub(crate) const BOUNDS: &[&str] = &["sound", "naive"];
pub(crate) const FAMILIES: &[&str] = &["quadratic", "log", "power", "piecewise"];
pub(crate) const PLAYS: &[&str] = &["faithful", "garbage"];

/// Larger sizes of numbers are taken for a mistake.
pub(crate) const LARGEST: f64 = 1e15;
/// More rounds than this are taken for a mistake.
pub(crate) const MOST_ROUNDS: u64 = 1_000_000;
/// Rounds where an epsilon is wanted and nothing is said.
pub(crate) const ROUNDS: u64 = 10_000;

const FILE: &[Key] = &[MECHANISM, TITLE, SEED, LABELS, RESOURCE, RULES, TIMING, TABLES, FOLLOWERS];

const RESOURCE: Key =
    Key::new("resource", Kind::Section(RESOURCE_KEYS), "What is split among the followers.").required();
const RULES: Key = Key::new(
    "rules",
    Kind::Section(RULE_KEYS),
    "How prices move, when rounds stop, who pays what: fixed before any follower says a word.",
);
pub(crate) const TIMING: Key =
    Key::new("timing", Kind::Section(TIMING_KEYS), "Time limits of live runs; they change no number.");
const TABLES: Key = Key::new("tables", Kind::Section(TABLE_KEYS), "Followers in a table.");
const FOLLOWERS: Key = Key::new(
    "followers",
    Kind::Agents(Agents::Complete(&[FOLLOWER])),
    "The followers: what is public of each, and her private cost.",
);

const NUMBER: Kind = Kind::Number { low: -LARGEST, high: LARGEST };
/// A number for all decisions, or one for each.
const EACH: Kind = Kind::OneOf(&[NUMBER, Kind::List(&NUMBER)]);

/// Keys of `[resource]`.
pub(crate) const RESOURCE_KEYS: &[Key] = &[TOTAL];
pub(crate) const TOTAL: Key = Key::new(
    "total",
    Kind::OneOf(&[NUMBER, Kind::List(&NUMBER), Kind::ByName(&NUMBER)]),
    "What the decisions of all followers have to add up to, each times its coupling: a number, a list with one for each \
     coupling, or a table from the couplings' names to numbers.",
)
.required()
.in_unit(QUANTITY);

/// Keys of `[rules]`.
pub(crate) const RULE_KEYS: &[Key] = &[
    METHOD,
    STEP,
    FADING,
    RHO,
    RELAXATION,
    EPSILON,
    ROUND_LIMIT,
    MODE,
    START_PRICE,
    STRIKES,
    PENALTY,
    MARGINAL,
    MARGINAL_ROUNDS,
    MODULUS,
    BOUND,
];
pub(crate) const METHOD: Key = Key::new(
    "method",
    Kind::Choice(METHODS),
    "How prices move: ascent (paper 003), accelerated (the same with momentum), multipliers (the method of multipliers; convex \
     costs suffice) or newton (followers report how their answers move with prices).",
)
.or("\"accelerated\"");
pub(crate) const STEP: Key = Key::number(
    "step",
    1e-300,
    1e300,
    "ascent, accelerated: the step of prices, money per unit squared; left out: the safe one that follows from the public \
     curvatures.",
);
pub(crate) const FADING: Key = Key::new(
    "fading",
    Kind::Flag,
    "ascent with a `step`: divide it by the number of the round, which converges without strong convexity.",
)
.or("false");
pub(crate) const RHO: Key = Key::number(
    "rho",
    1e-300,
    1e300,
    "multipliers: weight of the quadratic term; left out: the number of followers over the steepness that follows from the \
     public curvatures, or 1 where none does.",
);
pub(crate) const RELAXATION: Key =
    Key::number("relaxation", 1.0, 1.999_999, "multipliers: over-relaxation, from 1 to below 2.").or("1.6");
pub(crate) const EPSILON: Key = Key::number(
    "epsilon",
    1e-300,
    LARGEST,
    "Stop when nobody can gain more than this by anything she might send, as the certificate shows. Left out without `rounds`: \
     1e-6.",
)
.in_unit(MONEY);
pub(crate) const ROUND_LIMIT: Key = Key::new(
    "rounds",
    Kind::Whole { low: 1, high: MOST_ROUNDS },
    "With `epsilon`: so many rounds at most (10000 if left out). Alone: exactly so many rounds, whatever the certificate.",
);
pub(crate) const MODE: Key = Key::new(
    "mode",
    Kind::Choice(MODES),
    "What a follower pays beside the others' costs: vcg (less their cost without her), dual (less the dual value without her: \
     never taxes less), zero (nothing; taking part is not voluntary), or clearing-price (no such tax, price times use; lies \
     pay).",
)
.or("\"vcg\"");
pub(crate) const START_PRICE: Key = Key::new(
    "start-price",
    EACH,
    "Where prices begin, in every problem: a number for all couplings, or one for each.",
)
.or("0.0")
.in_unit(PRICE);
pub(crate) const STRIKES: Key = Key::new(
    "strikes",
    Kind::Whole { low: 1, high: MOST_ROUNDS },
    "A follower is dropped after so many rounds in a row without a usable answer.",
)
.or("3");
pub(crate) const PENALTY: Key = Key::number(
    "penalty",
    0.0,
    LARGEST,
    "Added to the tax of a follower who is dropped, or who does not say what the decision costs her.",
)
.or("0.0")
.in_unit(MONEY);
pub(crate) const MARGINAL: Key = Key::new(
    "marginals",
    Kind::Choice(MARGINALS),
    "Where the problems without a follower begin: cold (at `start-price`, as incentives need it), or warm (where the main \
     problem ended, `marginal-rounds` long; for comparisons: lies may pay).",
)
.or("\"cold\"");
pub(crate) const MARGINAL_ROUNDS: Key = Key::new(
    "marginal-rounds",
    Kind::Whole { low: 0, high: MOST_ROUNDS },
    "marginals warm: rounds of the problems without a follower; 0: the answers to the last main price are taken.",
);
pub(crate) const MODULUS: Key = Key::new(
    "moduli",
    Kind::Choice(MODULI),
    "Where the bounds on curvature that safe steps rest on come from: public (the followers' `curvature`, as incentives need \
     it), or announced (each says her own before the first round; for comparisons: lies may pay).",
)
.or("\"public\"");
pub(crate) const BOUND: Key = Key::new(
    "bound",
    Kind::Choice(BOUNDS),
    "multipliers: how the optimum is bounded: sound, or naive (no bound at all; for comparisons).",
)
.or("\"sound\"");

/// Keys of `[timing]`.
pub(crate) const TIMING_KEYS: &[Key] = &[ROUND_MS, VALUE_MS];
pub(crate) const ROUND_MS: Key = Key::new(
    "round-ms",
    Kind::Whole { low: 1, high: 86_400_000 },
    "A round lasts so long at most, in milliseconds; less if all have answered.",
)
.or("2000");
pub(crate) const VALUE_MS: Key = Key::new(
    "value-ms",
    Kind::Whole { low: 1, high: 86_400_000 },
    "When rounds are over, followers say what the decision costs them, and confirm their taxes, within so many milliseconds \
     each; how long they have to join is said to `vickrey lead`.",
)
.or("10000");

/// Keys of `[tables]`.
pub(crate) const TABLE_KEYS: &[Key] = &[FOLLOWERS_TABLE];
pub(crate) const FOLLOWERS_TABLE: Key = Key::new(
    "followers",
    Kind::Text,
    "CSV or Parquet file, relative to the scenario: one follower with one decision per row, columns name, coupling (with \
     several couplings: one column for each, coupling-NAME), low, high, absent, curvature-low, curvature-high, family, and the \
     parameters of the cost (not piecewise); an empty cell is one that is not given. Followers with several decisions stand in \
     the scenario file.",
);

/// Keys of `[[followers]]`.
pub(crate) const FOLLOWER: &[Key] = &[FOLLOWER_NAME, COUPLING, LOW, HIGH, ABSENT, CURVATURE, COST, PLAY];
pub(crate) const FOLLOWER_NAME: Key =
    Key::new("name", Kind::Text, "The follower's name; no two followers share one.").required();
pub(crate) const COUPLING: Key = Key::new(
    "coupling",
    Kind::OneOf(&[NUMBER, Kind::List(&NUMBER), Kind::List(&Kind::List(&NUMBER)), Kind::ByName(&EACH)]),
    "How much of every coupling one unit of a decision uses: a number; with one coupling a list over decisions; with several \
     a list over couplings (of one decision), a list of lists (a row for each coupling, a number for each decision), or a \
     table from couplings to rows (not named: 0).",
)
.or("1.0");
pub(crate) const LOW: Key =
    Key::new("low", EACH, "Lower limits: a number for all decisions, or a list. Left out: none.")
        .in_unit(QUANTITY);
pub(crate) const HIGH: Key =
    Key::new("high", EACH, "Upper limits: a number for all decisions, or a list. Left out: none.")
        .in_unit(QUANTITY);
pub(crate) const ABSENT: Key =
    Key::new("absent", EACH, "What her decisions count as if she is absent, within the limits.")
        .or("0.0")
        .in_unit(QUANTITY);
pub(crate) const CURVATURE: Key = Key::new(
    "curvature",
    Kind::OneOf(&[NOT_NEGATIVE, Kind::List(&NOT_NEGATIVE)]),
    "What is public of her cost: its second derivatives lie between [least, most]; a number: they are no less. Left out: \
     nothing is known, and no fixed step of prices is safe.",
);
const NOT_NEGATIVE: Kind = Kind::Number { low: 0.0, high: 1e300 };
pub(crate) const COST: Key = Key::new(
    "cost",
    Kind::Section(COST_KEYS),
    "Her private cost v(z) of her decisions z, convex; what she values is -v. Quadratic unless `family` says something else.",
)
.required();
pub(crate) const PLAY: Key = Key::new(
    "play",
    Kind::OneOf(&[Kind::Choice(PLAYS), Kind::Section(PLAY_KEYS)]),
    "What she does in simulate: \"faithful\", \"garbage\" (sends no numbers), or a table with one of: pretend (another \
     cost), scale (her cost times a factor), shift (added per unit), constant (the same answer to every price), script (answers round by round), \
     values (a factor on what she says that the decision costs), silent ([from, to] in rounds), announce (a curvature).",
)
.or("\"faithful\"");

/// Keys of a cost.
pub(crate) const COST_KEYS: &[Key] =
    &[FAMILY, MATRIX, LINEAR, WEIGHT, SHIFT, SLOPE, TARGET, EXPONENT, BEND, LINES, CURVES, CONSTANT];
/// Keys of a curve: the same for one decision.
pub(crate) const CURVE_KEYS: &[Key] =
    &[FAMILY, MATRIX, LINEAR, WEIGHT, SHIFT, SLOPE, TARGET, EXPONENT, BEND, LINES];
pub(crate) const FAMILY: Key = Key::new(
    "family",
    Kind::Choice(FAMILIES),
    "quadratic: z'matrix z/2 + linear'z; log: -weight ln(z + shift) + slope z; power: weight |z - target|^exponent + bend \
     z²/2; piecewise: bend z²/2 + the largest of some lines. Parameters of the last three are numbers for all decisions, or \
     lists with one for each.",
)
.or("\"quadratic\"");
pub(crate) const MATRIX: Key = Key::new(
    "matrix",
    Kind::OneOf(&[NUMBER, Kind::List(&NUMBER), Kind::List(&Kind::List(&NUMBER))]),
    "quadratic: second derivatives, positive: a number, a list (the diagonal), or a list of rows, symmetric.",
);
pub(crate) const LINEAR: Key = Key::new("linear", EACH, "quadratic: slope at zero.").or("0.0").in_unit(PRICE);
pub(crate) const WEIGHT: Key = Key::new("weight", EACH, "log, power: a factor above 0.").in_unit(MONEY);
pub(crate) const SHIFT: Key =
    Key::new("shift", EACH, "log: decisions stay above minus this.").or("0.0").in_unit(QUANTITY);
pub(crate) const SLOPE: Key = Key::new("slope", EACH, "log: added slope.").or("0.0").in_unit(PRICE);
pub(crate) const TARGET: Key =
    Key::new("target", EACH, "power: where it is cheapest.").or("0.0").in_unit(QUANTITY);
pub(crate) const EXPONENT: Key = Key::new("exponent", EACH, "power: above 1.").or("2.0");
pub(crate) const BEND: Key =
    Key::new("bend", EACH, "power, piecewise: added second derivative, not negative.").or("0.0");
pub(crate) const LINES: Key = Key::new(
    "lines",
    Kind::Pairs(&LINE),
    "piecewise: the lines, each [slope, value at zero]; the same for all decisions.",
);
pub(crate) const LINE: Pair = Pair { names: ["slope", "value at zero"], above: None };
pub(crate) const CURVES: Key = Key::new(
    "curves",
    Kind::List(&Kind::Section(CURVE_KEYS)),
    "A cost for each decision, added up, instead of one family for all; each with the keys of its family.",
);
pub(crate) const CONSTANT: Key =
    Key::new("constant", NUMBER, "Added, whatever she decides.").or("0.0").in_unit(MONEY);

/// Keys of `play`.
pub(crate) const PLAY_KEYS: &[Key] = &[PRETEND, SCALE, TILT, ANSWER, SCRIPT, VALUES, SILENT, ANNOUNCE];
pub(crate) const PRETEND: Key =
    Key::new("pretend", Kind::Section(COST_KEYS), "She acts as if this were her cost, to the end.");
pub(crate) const SCALE: Key =
    Key::number("scale", 1e-9, 1e9, "She acts as if her cost were so many times what it is, to the end.");
pub(crate) const TILT: Key = Key::new(
    "shift",
    EACH,
    "She acts as if a unit of a decision cost her so much more than it does, to the end.",
)
.in_unit(PRICE);
pub(crate) const ANSWER: Key = Key::new(
    "constant",
    EACH,
    "She answers this to every price of the main problem; for the rest she is faithful.",
);
pub(crate) const SCRIPT: Key = Key::new(
    "script",
    Kind::List(&EACH),
    "Her answers in the main problem round by round, the last one for all further rounds; for the rest she is faithful.",
);
pub(crate) const VALUES: Key = Key::number(
    "values",
    -LARGEST,
    LARGEST,
    "Her answers are faithful; what she says at the end that decisions cost her is so many times the truth.",
);
pub(crate) const SILENT: Key = Key::new(
    "silent",
    Kind::List(&Kind::Whole { low: 1, high: MOST_ROUNDS }),
    "She is silent in the rounds [from, to] (from 1, both ends included); one number: from this round on.",
);
pub(crate) const ANNOUNCE: Key = Key::number(
    "announce",
    1e-300,
    1e300,
    "moduli announced: she says that this is the least second derivative of her cost.",
);
