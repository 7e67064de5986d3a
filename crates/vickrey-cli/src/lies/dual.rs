//! What followers do other than the protocol asks.

use std::fmt;

use vickrey::faithful::dual::cost::Cost;
use vickrey::faithful::dual::strategies::Play;

use super::number;

const ACCEPTED: &str = "faithful, scale:X, shift:Z, constant:Z, script:Z;Z;..., values:X, silent:FROM-TO, garbage, announce:M or best, \
                        where Z are decisions joined by `/`";

/// A play as the command line says it.
#[derive(Clone, Debug, PartialEq)]
pub enum Plan {
    /// As the protocol asks.
    Faithful,
    /// As if her cost were so many times what it is.
    Scale(f64),
    /// As if a unit of each decision cost so much more.
    Shift(Vec<f64>),
    /// The same answer to every price.
    Constant(Vec<f64>),
    /// Answers round by round.
    Script(Vec<Vec<f64>>),
    /// A factor on the final values.
    Values(f64),
    /// No messages in these rounds, both included; without an end: from then on.
    Silent(usize, Option<usize>),
    /// No numbers.
    Garbage,
    /// Another curvature.
    Announce(f64),
    /// What a search finds to gain most.
    Best,
}

impl Plan {
    /// Reads `constant:0.5/1`, `script:100;-9.7`, `silent:3-5`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (what, rest) = match text.split_once(':') {
            Some((what, rest)) => (what.trim(), Some(rest.trim())),
            None => (text.trim(), None),
        };
        match (what, rest) {
            ("faithful", None) => Ok(Self::Faithful),
            ("garbage", None) => Ok(Self::Garbage),
            ("best", None) => Ok(Self::Best),
            ("scale", Some(x)) => positive("scale", x).map(Self::Scale),
            ("announce", Some(x)) => positive("announce", x).map(Self::Announce),
            ("values", Some(x)) => number("values", x).map(Self::Values),
            ("shift", Some(z)) => decisions("shift", z).map(Self::Shift),
            ("constant", Some(z)) => decisions("constant", z).map(Self::Constant),
            ("script", Some(all)) => {
                all.split(';').map(|z| decisions("script", z)).collect::<Result<_, _>>().map(Self::Script)
            }
            ("silent", rest) => silent(rest),
            _ => Err(format!("found `{text}`, accepted is {ACCEPTED}")),
        }
    }

    /// The play of a follower with this cost; none while her best one is not found.
    pub fn play(&self, own: &Cost) -> Result<Option<Play>, String> {
        let wanted = own.decisions();
        let fits = |z: &Vec<f64>| {
            if z.len() == wanted {
                Ok(z.clone())
            } else {
                Err(format!("found {} decisions, accepted are {wanted}, joined by `/`", z.len()))
            }
        };
        let tilt = |scale: f64, shift: Vec<f64>| Play::Tilt { scale, shift, true_values: false };
        Ok(Some(match self {
            Self::Best => return Ok(None),
            Self::Faithful => Play::Faithful,
            Self::Scale(scale) => tilt(*scale, vec![0.0; wanted]),
            Self::Shift(z) => tilt(1.0, fits(z)?),
            Self::Constant(z) => Play::Constant(fits(z)?),
            Self::Script(all) => Play::Script(all.iter().map(fits).collect::<Result<_, _>>()?),
            Self::Values(factor) => Play::Values(*factor),
            Self::Silent(from, to) => Play::Silent { from: *from, to: to.map_or(usize::MAX, |to| to + 1) },
            Self::Garbage => Play::Garbage,
            Self::Announce(m) => Play::Announce { modulus: *m, then: Box::new(Play::Faithful) },
        }))
    }
}

/// What a scenario says that a follower does, in the same words where there are such.
pub fn words(play: &Play) -> String {
    let plan = match play {
        Play::Faithful => Plan::Faithful,
        Play::Pretend(_) => return "pretends another cost".into(),
        Play::Constant(z) => Plan::Constant(z.clone()),
        Play::Script(all) => Plan::Script(all.clone()),
        Play::Values(factor) => Plan::Values(*factor),
        Play::Silent { from, to } => Plan::Silent(*from, (*to < usize::MAX).then(|| to - 1)),
        Play::Garbage => Plan::Garbage,
        Play::Tilt { scale, shift, .. } if shift.iter().all(|x| *x == 0.0) => Plan::Scale(*scale),
        Play::Tilt { scale: 1.0, shift, .. } => Plan::Shift(shift.clone()),
        Play::Tilt { .. } => return "pretends another cost".into(),
        Play::Announce { modulus, .. } => Plan::Announce(*modulus),
    };
    plan.to_string()
}

fn positive(what: &str, text: &str) -> Result<f64, String> {
    let x = number(what, text)?;
    if x > 0.0 { Ok(x) } else { Err(format!("{what}: found {x}, accepted is a number above 0")) }
}

fn decisions(what: &str, text: &str) -> Result<Vec<f64>, String> {
    text.split('/').map(|x| number(what, x)).collect()
}

fn silent(rest: Option<&str>) -> Result<Plan, String> {
    let Some(rest) = rest else { return Ok(Plan::Silent(1, None)) };
    let (from, to) = match rest.split_once('-') {
        Some((from, to)) => (from, Some(to)),
        None => (rest, None),
    };
    let whole = |text: &str| text.trim().parse::<usize>().ok().filter(|k| *k >= 1 && *k <= 1_000_000);
    let wrong = || {
        format!("silent: found `{rest}`, accepted is a round from 1 on, or FROM-TO, for example silent:3-5")
    };
    let from = whole(from).ok_or_else(wrong)?;
    let to = to.map(|to| whole(to).filter(|to| *to >= from).ok_or_else(wrong)).transpose()?;
    Ok(Plan::Silent(from, to))
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let join = |z: &[f64]| z.iter().map(ToString::to_string).collect::<Vec<_>>().join("/");
        match self {
            Self::Faithful => f.write_str("faithful"),
            Self::Scale(x) => write!(f, "scale:{x}"),
            Self::Shift(z) => write!(f, "shift:{}", join(z)),
            Self::Constant(z) => write!(f, "constant:{}", join(z)),
            Self::Script(all) => {
                let all: Vec<String> = all.iter().map(|z| join(z)).collect();
                write!(f, "script:{}", all.join(";"))
            }
            Self::Values(x) => write!(f, "values:{x}"),
            Self::Silent(1, None) => f.write_str("silent"),
            Self::Silent(from, None) => write!(f, "silent:{from}"),
            Self::Silent(from, Some(to)) => write!(f, "silent:{from}-{to}"),
            Self::Garbage => f.write_str("garbage"),
            Self::Announce(m) => write!(f, "announce:{m}"),
            Self::Best => f.write_str("best"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plays_read_back() {
        for text in [
            "faithful",
            "garbage",
            "scale:1.5",
            "shift:2/-1",
            "constant:0.5",
            "constant:0.5/-2",
            "script:100;-9.5",
            "script:1/2;3/4",
            "values:2",
            "silent",
            "silent:3",
            "silent:3-5",
            "announce:0.01",
            "best",
        ] {
            assert_eq!(Plan::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "lazy",
            "scale:0",
            "scale",
            "constant:",
            "constant:x",
            "silent:0",
            "silent:3-2",
            "announce:-1",
            "values:nan",
            "best:1",
        ] {
            assert!(Plan::parse(text).is_err(), "{text}");
        }
        let own = Cost::quadratic(vec![1.0], vec![0.0], 0.0).unwrap();
        assert!(Plan::parse("constant:1/2").unwrap().play(&own).is_err());
        assert!(Plan::parse("script:1;1/2").unwrap().play(&own).is_err());
    }
}
