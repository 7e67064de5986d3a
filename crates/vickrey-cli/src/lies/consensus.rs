//! What followers of a consensus do other than the protocol asks.

use std::fmt;

use vickrey::faithful::consensus::{Conduct, Graph};
use vickrey::mechanism::AgentId;

use super::number;

const ACCEPTED: &str = "faithful, stand, garbage, pretend, start:X, mislead:X, silent:ROUND, value:X or best";

/// A conduct as the command line says it.
#[derive(Clone, Debug, PartialEq)]
pub enum Plan {
    /// As the protocol asks.
    Faithful,
    /// Stays where she would like to be.
    Stand,
    /// No numbers.
    Garbage,
    /// Stays, and names the common point.
    Pretend,
    /// Faithful from another point.
    Start(f64),
    /// Neighbours hear shifted positions.
    Mislead(f64),
    /// Silent from this round on, from 1.
    Silent(usize),
    /// Added to the value.
    Value(f64),
    /// The best of all messages and final positions.
    Best,
}

impl Plan {
    /// Reads `stand`, `mislead:0.5`, `silent:3`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (what, rest) = match text.split_once(':') {
            Some((what, rest)) => (what.trim(), Some(rest.trim())),
            None => (text.trim(), None),
        };
        match (what, rest) {
            ("faithful", None) => Ok(Self::Faithful),
            ("stand", None) => Ok(Self::Stand),
            ("garbage", None) => Ok(Self::Garbage),
            ("pretend", None) => Ok(Self::Pretend),
            ("best", None) => Ok(Self::Best),
            ("silent", None) => Ok(Self::Silent(1)),
            ("start", Some(x)) => number("start", x).map(Self::Start),
            ("mislead", Some(x)) => number("mislead", x).map(Self::Mislead),
            ("value", Some(x)) => number("value", x).map(Self::Value),
            ("silent", Some(x)) => {
                let wrong = || format!("silent: found `{x}`, accepted is a round from 1 on");
                x.parse().ok().filter(|k| *k >= 1).map(Self::Silent).ok_or_else(wrong)
            }
            _ => Err(format!("found `{text}`, accepted is {ACCEPTED}")),
        }
    }

    /// The conduct of a follower of a graph; none while the best one is not found.
    pub fn conduct(&self, graph: &Graph, agent: AgentId) -> Option<Conduct> {
        Some(match self {
            Self::Best => return None,
            Self::Faithful => Conduct::Faithful,
            Self::Stand => Conduct::Stand,
            Self::Garbage => Conduct::Garbage,
            Self::Pretend => Conduct::Pretend,
            Self::Start(x) => Conduct::Start(*x),
            Self::Mislead(x) => Conduct::Mislead { shift: *x, targets: graph.neighbours(agent).to_vec() },
            Self::Silent(from) => Conduct::Silent { from: from - 1 },
            Self::Value(x) => Conduct::Value(*x),
        })
    }
}

/// What a scenario says that a follower does, in the same words.
pub fn words(conduct: &Conduct) -> String {
    let plan = match conduct {
        Conduct::Faithful => Plan::Faithful,
        Conduct::Stand => Plan::Stand,
        Conduct::Garbage => Plan::Garbage,
        Conduct::Pretend => Plan::Pretend,
        Conduct::Start(x) => Plan::Start(*x),
        Conduct::Mislead { shift, .. } => Plan::Mislead(*shift),
        Conduct::Silent { from } => Plan::Silent(from + 1),
        Conduct::Value(x) => Plan::Value(*x),
        Conduct::Script { .. } => return "script".into(),
    };
    plan.to_string()
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Faithful => f.write_str("faithful"),
            Self::Stand => f.write_str("stand"),
            Self::Garbage => f.write_str("garbage"),
            Self::Pretend => f.write_str("pretend"),
            Self::Start(x) => write!(f, "start:{x}"),
            Self::Mislead(x) => write!(f, "mislead:{x}"),
            Self::Silent(1) => f.write_str("silent"),
            Self::Silent(from) => write!(f, "silent:{from}"),
            Self::Value(x) => write!(f, "value:{x}"),
            Self::Best => f.write_str("best"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conducts_read_back() {
        for text in [
            "faithful",
            "stand",
            "garbage",
            "pretend",
            "start:0.5",
            "mislead:-2",
            "silent",
            "silent:3",
            "value:1.5",
        ] {
            let plan = Plan::parse(text).unwrap();
            assert_eq!(plan.to_string(), text);
            let graph = Graph::path(3).unwrap();
            assert_eq!(words(&plan.conduct(&graph, 1).unwrap()), text);
        }
        assert_eq!(Plan::parse("best").unwrap(), Plan::Best);
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "run", "start", "start:x", "silent:0", "value:nan", "stand:1", "best:2"] {
            assert!(Plan::parse(text).is_err(), "{text}");
        }
    }
}
