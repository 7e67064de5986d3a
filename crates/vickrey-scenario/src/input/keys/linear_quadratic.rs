//! Keys of scenarios with `mechanism = "linear-quadratic"`.

use vickrey::lq::model::{LARGEST, MOST_PERIODS, MOST_STATES};

use super::{
    Agents, BASELINES, Block, Key, Kind, LABELS, Layout, MECHANISM, NAME, Numbers, PRICE, QUANTITY, Range,
    SCALINGS, SEED, TITLE,
};

pub(crate) static LAYOUT: Layout =
    Layout { mechanism: "linear-quadratic", file: FILE, agents: AGENT, families: &[] };

pub(crate) const MARKETS: &[&str] = &["plan", "layered", "filtered"];
pub(crate) const PAYMENTS: &[&str] = &["none", "constant", "pure", "incremental", "worlds", "lagrange"];
pub(crate) const NOISE_AS: &[&str] = &["variance", "std"];
/// Laws with a name of their own; others are named in the table of samples.
pub(crate) const LAWS: &[&str] = &["gaussian", "uniform", "laplace", "two-point", "student-t"];

/// Keys at the top of the file.
pub(crate) const FILE: &[Key] = &[
    MECHANISM,
    TITLE,
    SEED,
    LABELS,
    Key::new(
        "linear-quadratic",
        Kind::Section(RULES),
        "How long the market runs, what is known when, and who pays what.",
    )
    .required(),
    Key::new(
        "tables",
        Kind::Section(TABLES),
        "Agents, parameters over time and recorded disturbances in tables.",
    ),
    Key::new("agents", Kind::Agents(Agents::Of(AGENT)), "The agents: each has a state that its trade moves."),
];

/// Keys of `[linear-quadratic]`. Their order is that of the indices in [`rule`].
pub(crate) const RULES: &[Key] = &[
    Key::new("periods", Kind::Whole { low: 1, high: MOST_PERIODS as u64 }, "Number T of periods, 0 to T-1.").required(),
    Key::new(
        "market",
        Kind::Choice(MARKETS),
        "plan (everything is known at the start, one settlement), layered (in every period each agent bids how its state \
         moved away from the forecast) or filtered (the same, but agents see their states through measurements only).",
    )
    .or("\"layered\""),
    Key::new(
        "net-demand",
        numbers(&ANY, Block::Number, true),
        "What the quantities of all agents add up to, in all periods or as a list over the periods: positive if they \
         receive from outside.",
    )
    .or("0.0")
    .in_unit(QUANTITY),
    Key::new(
        "payment",
        Kind::Choice(PAYMENTS),
        "The term h in the payment c h - (what the agent's bid is worth to the others): incremental (what the others \
         could do without the agent, from the plan as it stands), worlds (the same in a world that the agent never \
         joined), pure (from the others' bids alone), constant (its expectation), none (0: a large subsidy); or lagrange \
         (price times quantity, not incentive compatible).",
    )
    .or("\"incremental\""),
    Key::new(
        "scaling",
        Kind::NumberOr(SCALINGS),
        "The factor c: a number fixed in advance, or a rule that computes it from what is expected of the agents' \
         parameters. In a plan those are bids, so that a rule is not incentive compatible there.",
    )
    .or("1.0"),
    Key::new(
        "baseline",
        Kind::Choice(BASELINES),
        "What an agent has if it stays out: autarky (its own utility without trade) or zero.",
    )
    .or("\"autarky\""),
    Key::new(
        "noise-as",
        Kind::Choice(NOISE_AS),
        "Whether start-noise, noise and observation-noise are variances or standard deviations (std); required with any \
         of them.",
    ),
];

/// Indices into [`RULES`].
pub(crate) mod rule {
    pub const PERIODS: usize = 0;
    pub const MARKET: usize = 1;
    pub const NET_DEMAND: usize = 2;
    pub const PAYMENT: usize = 3;
    pub const SCALING: usize = 4;
    pub const BASELINE: usize = 5;
    pub const NOISE_AS: usize = 6;
}

/// Keys of `[tables]`. Their order is that of the indices in [`table`], and that in which tables enter the hash.
pub(crate) const TABLES: &[Key] = &[
    Key::new(
        "agents",
        Kind::Text,
        "CSV or Parquet file, relative to the scenario: one row per agent with one state, columns name, law, and the \
         numbers of [[agents]]; an empty cell is a key that is left out.",
    ),
    Key::new(
        "series",
        Kind::Text,
        "CSV or Parquet file: columns agent, period (0 to T-1), and any of the keys that can change over time; for a \
         column that it fills, an agent needs every period.",
    ),
    Key::new(
        "path",
        Kind::Text,
        "CSV or Parquet file: columns agent, period, disturbance: a recorded path of disturbances, replayed instead of \
         drawn. Period 0 is x(0) minus its mean, period s what arrives at s. Agents that it does not name draw.",
    ),
    Key::new(
        "samples",
        Kind::Text,
        "CSV or Parquet file: columns law, value: samples of laws of noise; only their shape counts, they are moved to \
         mean 0 and scaled to the agent's variance.",
    ),
];

/// Indices into [`TABLES`].
pub(crate) mod table {
    pub const AGENTS: usize = 0;
    pub const SERIES: usize = 1;
    pub const PATH: usize = 2;
    pub const SAMPLES: usize = 3;
    pub const COUNT: usize = 4;
}

/// All keys of an agent.
pub(crate) const AGENT: &[&[Key]] = &[HEAD, &NUMBERS];

/// Keys of an agent that are no parameters.
const HEAD: &[Key] = &[NAME, STATES, LAW];

/// How many components the agent's state has.
pub(crate) const STATES: Key = Key::new(
    "states",
    Kind::Whole { low: 1, high: MOST_STATES as u64 },
    "Number D of components of the agent's state. With several, vectors are lists and matrices are lists of rows.",
)
.or("1");

/// The shape of the agent's noise.
pub(crate) const LAW: Key = Key::new(
    "law",
    Kind::Text,
    "The law of the agent's noise when it is drawn: gaussian, uniform, laplace, two-point, student-t (with degrees), or \
     the name of a law in the table of samples. Only means and variances enter payments.",
)
.or("\"gaussian\"");

/// Parameters. Their order is that of the indices in [`number`].
pub(crate) const NUMBERS: [Key; number::COUNT] = [
    Key::new("a", numbers(&ANY, Block::Matrix, true), "How the state moves on its own: x(t+1) = a x(t) + b u(t) + noise.")
        .required(),
    Key::new("b", numbers(&ANY, Block::Vector, true), "How far a unit received (u > 0; delivered: u < 0) moves the state.")
        .required(),
    Key::new(
        "q",
        numbers(&NOT_POSITIVE, Block::Matrix, true),
        "Money per squared distance of the state from its reference, not positive (a matrix: symmetric, no positive \
         eigenvalue).",
    )
    .or("0.0"),
    Key::new("r", numbers(&NEGATIVE, Block::Number, true), "Money per squared unit traded, negative.").required(),
    Key::new("reference", numbers(&ANY, Block::Vector, true), "Where the agent would like its state to be.").or("0.0"),
    Key::new("linear", numbers(&ANY, Block::Number, true), "Money per unit received.").or("0.0").in_unit(PRICE),
    Key::new("state-linear", numbers(&ANY, Block::Vector, true), "Money per unit of the state.").or("0.0"),
    Key::new("terminal-q", numbers(&NOT_POSITIVE, Block::Matrix, false), "As q, for the state after the last period.")
        .or("0.0"),
    Key::new(
        "terminal-reference",
        numbers(&ANY, Block::Vector, false),
        "Where the agent would like its state to be after the last period.",
    )
    .or("0.0"),
    Key::new("start", numbers(&ANY, Block::Vector, false), "Mean of the state in period 0.").or("0.0"),
    Key::new(
        "start-noise",
        numbers(&SPREAD, Block::Spread, false),
        "Variance (or standard deviation, see noise-as) of the state in period 0; a matrix is its covariance.",
    )
    .or("0.0"),
    Key::new(
        "noise",
        numbers(&SPREAD, Block::Spread, true),
        "Variance (or standard deviation, see noise-as) of the disturbance that arrives in periods 1, 2, …; a matrix is \
         its covariance. In a list over the periods the entry of period 0 is not used.",
    )
    .or("0.0"),
    Key::new(
        "observation",
        numbers(&ANY, Block::Vector, false),
        "Filtered markets: what a unit of the state adds to the agent's measurement; left out: it sees its state.",
    ),
    Key::new(
        "observation-noise",
        numbers(&SPREAD, Block::Number, false),
        "Filtered markets: variance (or standard deviation, see noise-as) of the error of the measurement.",
    )
    .or("0.0"),
    Key::new("degrees", numbers(&DEGREES, Block::Number, false), "Degrees of freedom of law = \"student-t\", above 2."),
    Key::new(
        "loadings",
        numbers(&ANY, Block::Factors, false),
        "How strongly common factors of standard deviation 1 enter the agent's disturbances, one number for each factor \
         (several states: one list for each). All agents with loadings have equally many.",
    ),
];

/// Indices into [`NUMBERS`].
pub(crate) mod number {
    pub const A: usize = 0;
    pub const B: usize = 1;
    pub const Q: usize = 2;
    pub const R: usize = 3;
    pub const REFERENCE: usize = 4;
    pub const LINEAR: usize = 5;
    pub const STATE_LINEAR: usize = 6;
    pub const TERMINAL_Q: usize = 7;
    pub const TERMINAL_REFERENCE: usize = 8;
    pub const START: usize = 9;
    pub const START_NOISE: usize = 10;
    pub const NOISE: usize = 11;
    pub const OBSERVATION: usize = 12;
    pub const OBSERVATION_NOISE: usize = 13;
    pub const DEGREES: usize = 14;
    pub const LOADINGS: usize = 15;
    pub const COUNT: usize = 16;
}

/// Variances or standard deviations, as `noise-as` says.
pub(crate) const SPREADS: [usize; 3] = [number::START_NOISE, number::NOISE, number::OBSERVATION_NOISE];

const fn numbers(range: &'static Range, block: Block, over_time: bool) -> Kind {
    Kind::Numbers(Numbers { range, block, over_time })
}

const ANY: Range =
    Range { low: -LARGEST, high: LARGEST, except: None, words: "a finite number of size at most 1e12" };
const NEGATIVE: Range =
    Range { low: -LARGEST, high: 0.0, except: Some(0.0), words: "a negative number of size at most 1e12" };
const NOT_POSITIVE: Range =
    Range { low: -LARGEST, high: 0.0, except: None, words: "a number from -1e12 to 0" };
const SPREAD: Range = Range { low: 0.0, high: LARGEST, except: None, words: "a variance from 0 to 1e12" };
/// Standard deviations: their squares are the variances that the library takes.
pub(crate) static DEVIATION: Range =
    Range { low: 0.0, high: 1e6, except: None, words: "a standard deviation from 0 to 1e6" };
const DEGREES: Range =
    Range { low: 2.0, high: LARGEST, except: Some(2.0), words: "a number above 2, at most 1e12" };

/// What the numbers of a parameter may be.
pub(crate) fn of(number: usize) -> Numbers {
    match NUMBERS[number].kind {
        Kind::Numbers(numbers) => numbers,
        // Every entry of the table is of that kind.
        _ => Numbers { range: &ANY, block: Block::Number, over_time: false },
    }
}
