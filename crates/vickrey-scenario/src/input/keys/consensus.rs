//! Keys of scenarios with `mechanism = "consensus"`: followers on a graph agree on a common point.

use vickrey::faithful::consensus::model::LARGEST;

use super::dual::TIMING;
use super::{Agents, Key, Kind, LABELS, Layout, MECHANISM, MONEY, QUANTITY, SEED, TITLE};

pub(crate) static LAYOUT: Layout = Layout { mechanism: "consensus", file: FILE, agents: &[], families: &[] };

pub(crate) const SHAPES: &[&str] = &["path", "star", "ring", "complete"];
pub(crate) const TESTS: &[&str] = &["corrected", "spectral", "tighter", "printed"];
pub(crate) const WATCHES: &[&str] = &["observed", "reported"];
pub(crate) const CONDUCTS: &[&str] = &["faithful", "stand", "garbage", "pretend"];

/// More rounds than this are taken for a mistake here: every one of them is played and told.
pub(crate) const MOST_ROUNDS: u64 = 10_000_000;

const FILE: &[Key] = &[MECHANISM, TITLE, SEED, LABELS, GRAPH, RULES, TIMING, TABLES, FOLLOWERS];

const GRAPH: Key = Key::new(
    "graph",
    Kind::Section(GRAPH_KEYS),
    "Who hears whom: a connected graph. Left out with a table of edges.",
);
const RULES: Key = Key::new(
    "rules",
    Kind::Section(RULE_KEYS),
    "Step, rounds and test: fixed before any follower says a word.",
)
.required();
const TABLES: Key = Key::new("tables", Kind::Section(TABLE_KEYS), "Followers and edges in tables.");
const FOLLOWERS: Key = Key::new(
    "followers",
    Kind::Agents(Agents::Complete(&[FOLLOWER])),
    "The followers: the public range of each, and where she would like to be.",
);

const NUMBER: Kind = Kind::Number { low: -LARGEST, high: LARGEST };

/// Keys of `[graph]`.
pub(crate) const GRAPH_KEYS: &[Key] = &[EDGES, SHAPE];
pub(crate) const EDGES: Key =
    Key::new("edges", Kind::List(&Kind::Names), "Pairs [name, name] of followers who hear each other.");
pub(crate) const SHAPE: Key = Key::new(
    "shape",
    Kind::Choice(SHAPES),
    "Instead of edges, with the followers in the order of the file: path (each hears the next), star (all hear the first), \
     ring or complete (with cycles: they need test spectral or tighter).",
);

/// Keys of `[rules]`.
pub(crate) const RULE_KEYS: &[Key] = &[ROUNDS, EPSILON, STEP, TEST, WATCH];
pub(crate) const ROUNDS: Key = Key::new(
    "rounds",
    Kind::Whole { low: 1, high: MOST_ROUNDS },
    "How often neighbours tell each other where they are. Instead of `epsilon`.",
);
pub(crate) const EPSILON: Key = Key::number(
    "epsilon",
    1e-300,
    LARGEST,
    "As many rounds as it takes until nobody gains more than this by anything she might send or do, whatever the types.",
)
.in_unit(MONEY);
pub(crate) const STEP: Key = Key::number(
    "step",
    1e-300,
    1.0,
    "How far everybody moves towards each neighbour in a round, as a share; left out: the largest that is allowed, one over \
     the largest eigenvalue of the graph.",
);
pub(crate) const TEST: Key = Key::new(
    "test",
    Kind::Choice(TESTS),
    "What the final disagreement is compared with: corrected (for trees), spectral (for every connected graph), tighter (the \
     smaller of both), or printed (as in paper 003: faithful followers may fail). Left out: corrected on a tree, otherwise \
     spectral.",
);
pub(crate) const WATCH: Key = Key::new(
    "watch",
    Kind::Choice(WATCHES),
    "How the leader learns final positions: observed (it sees them), or reported (it believes what it is told; for comparison: \
     lies pay).",
)
.or("\"observed\"");

/// Keys of `[tables]`.
pub(crate) const TABLE_KEYS: &[Key] = &[FOLLOWERS_TABLE, EDGES_TABLE];
pub(crate) const FOLLOWERS_TABLE: Key = Key::new(
    "followers",
    Kind::Text,
    "CSV or Parquet file, relative to the scenario: one follower per row, columns name, low, high, wish.",
);
pub(crate) const EDGES_TABLE: Key = Key::new(
    "edges",
    Kind::Text,
    "CSV or Parquet file, relative to the scenario: one edge per row, columns from, to.",
);

/// Keys of `[[followers]]`.
pub(crate) const FOLLOWER: &[Key] = &[FOLLOWER_NAME, RANGE, WISH, CONDUCT];
pub(crate) const FOLLOWER_NAME: Key =
    Key::new("name", Kind::Text, "The follower's name; no two followers share one.").required();
pub(crate) const RANGE: Key = Key::new(
    "range",
    Kind::List(&NUMBER),
    "What is public of where she would like to be: it lies between [least, most].",
)
.required()
.in_unit(QUANTITY);
pub(crate) const WISH: Key = Key::new(
    "wish",
    NUMBER,
    "Where she would like to be, private: every other point costs her the squared distance.",
)
.required()
.in_unit(QUANTITY);
pub(crate) const CONDUCT: Key = Key::new(
    "conduct",
    Kind::OneOf(&[Kind::Choice(CONDUCTS), Kind::Section(CONDUCT_KEYS)]),
    "What she does in simulate: \"faithful\", \"stand\" (stays where she would like to be, and says so), \"garbage\" (sends no \
     numbers), \"pretend\" (stays, and names the common point), or a table with one of: start (faithful, from another point), \
     mislead (tells neighbours positions shifted by so much), silent (from this round on), value (so much is added to what she \
     says that her position costs her).",
)
.or("\"faithful\"");

/// Keys of `conduct`.
pub(crate) const CONDUCT_KEYS: &[Key] = &[START, MISLEAD, SILENT, VALUE];
pub(crate) const START: Key =
    Key::new("start", NUMBER, "She begins from this point, and is faithful from there.");
pub(crate) const MISLEAD: Key =
    Key::new("mislead", NUMBER, "All her neighbours hear positions shifted by so much.");
pub(crate) const SILENT: Key = Key::new(
    "silent",
    Kind::Whole { low: 1, high: MOST_ROUNDS },
    "From this round on she sends nothing, stands still, and does not report.",
);
pub(crate) const VALUE: Key =
    Key::new("value", NUMBER, "Added to what she says that her position costs her.");
