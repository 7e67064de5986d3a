//! Lies in linear-quadratic markets.

use std::fmt;
use std::sync::Arc;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use vickrey::lq::simulate::Maker;
use vickrey::lq::strategies::{Lie, Player, Quiet};
use vickrey::lq::{Agent, FieldError, Parameters, Series};
use vickrey::mechanism::AgentId;
use vickrey::numeric::random::{Purpose, stream};

use super::number;

/// What an agent does instead of telling the truth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// What it bids.
    pub bids: Bids,
    /// What it reports about its parameters before the start.
    pub factors: Factors,
}

/// How bids depart from the truth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bids {
    /// The same lie in every run.
    Fixed(Lie),
    /// No bid, with this probability in every period.
    Silent(f64),
    /// Another lie in every run.
    Random,
    /// The lie that gains most.
    Best,
}

/// Factors on the parameters that are reported.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Factors {
    /// On q, at least 0.
    pub q: f64,
    /// On r, above 0.
    pub r: f64,
    /// On a.
    pub a: f64,
    /// On b.
    pub b: f64,
}

/// The lies, in words.
const ACCEPTED: &str = "scale:X, bias:X, noise:X, delay, forgetful, only:FROM-TO, silent, silent:P, q:X, r:X, a:X, b:X, \
                        random or best";

impl Factors {
    /// The true parameters.
    pub const TRUTH: Self = Self { q: 1.0, r: 1.0, a: 1.0, b: 1.0 };

    /// The agent as it is reported.
    pub fn apply(self, true_one: &Parameters) -> Result<Agent, Vec<FieldError>> {
        let times = |series: &Series, factor: f64| {
            if factor == 1.0 {
                return series.clone();
            }
            let rows = series.rows().iter().map(|row| row.iter().map(|x| factor * x).collect());
            Series::varying(rows.collect())
        };
        Agent::new(Parameters {
            q: times(&true_one.q, self.q),
            r: times(&true_one.r, self.r),
            a: times(&true_one.a, self.a),
            b: times(&true_one.b, self.b),
            ..true_one.clone()
        })
    }
}

impl Plan {
    /// Reads `scale:1.2,bias:-3,only:0-5`, `q:1.2,silent`, `random` or `best`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (mut lie, mut silent, mut alone) = (Lie::TRUTH, None, None);
        let mut factors = Factors::TRUTH;
        let parts: Vec<&str> = text.split(',').map(str::trim).collect();
        for part in &parts {
            match part.split_once(':').map_or((*part, None), |(what, x)| (what.trim(), Some(x.trim()))) {
                ("random", None) => alone = Some(Bids::Random),
                ("best", None) => alone = Some(Bids::Best),
                ("delay", None) => lie.delayed = true,
                ("forgetful", None) => lie.forgetful = true,
                ("silent", None) => silent = Some(1.0),
                ("silent", Some(p)) => silent = Some(probability(p)?),
                ("only", Some(span)) => lie.only = Some(periods(span)?),
                ("scale", Some(x)) => lie.scale = number("scale", x)?,
                ("bias", Some(x)) => lie.bias = number("bias", x)?,
                ("noise", Some(x)) => lie.noise = at_least("noise", x, 0.0)?,
                ("q", Some(x)) => factors.q = at_least("q", x, 0.0)?,
                ("r", Some(x)) => factors.r = above_zero("r", x)?,
                ("a", Some(x)) => factors.a = number("a", x)?,
                ("b", Some(x)) => factors.b = number("b", x)?,
                _ => return Err(format!("found `{part}`, accepted is {ACCEPTED}")),
            }
        }
        let bids = match (alone, silent) {
            (Some(_), _) if parts.len() > 1 => {
                return Err("`random` and `best` choose a lie by themselves and stand alone".into());
            }
            (Some(bids), _) => bids,
            (None, Some(_)) if lie != Lie::TRUTH => {
                return Err("`silent` says nothing; only q, r, a and b can stand beside it".into());
            }
            (None, Some(p)) => Bids::Silent(p),
            (None, None) => Bids::Fixed(lie),
        };
        Ok(Self { bids, factors })
    }

    /// Whether there is something in it that a plan, with its one report, has no room for.
    pub fn needs_periods(&self) -> bool {
        match self.bids {
            Bids::Fixed(lie) => lie != Lie { scale: lie.scale, bias: lie.bias, ..Lie::TRUTH },
            Bids::Silent(p) => p < 1.0,
            Bids::Random | Bids::Best => false,
        }
    }

    /// The last period that it names.
    pub fn last_period(&self) -> Option<usize> {
        match self.bids {
            Bids::Fixed(lie) => lie.only.map(|(_, last)| last),
            _ => None,
        }
    }

    /// The strategy of an agent of the layered market; none while its best lie is not found.
    pub fn maker(&self, agent: AgentId, parameters: &Arc<Parameters>) -> Option<Maker> {
        let parameters = Arc::clone(parameters);
        Some(match self.bids {
            Bids::Fixed(lie) => player(lie, &parameters),
            Bids::Silent(p) => Arc::new(move |_| Box::new(Quiet::sometimes(Arc::clone(&parameters), p))),
            Bids::Random => Arc::new(move |seed| {
                let lie = random(&parameters, &mut lots(agent, seed));
                Box::new(Player::new(Arc::clone(&parameters), lie))
            }),
            Bids::Best => return None,
        })
    }
}

/// The stream from which an agent draws its lie of a run; what it draws while it plays comes from the lower ones.
pub fn lots(agent: AgentId, seed: u64) -> ChaCha8Rng {
    stream(seed, Purpose::Strategy, (1 << 40) + agent as u64)
}

/// An agent that bids by this lie.
pub fn player(lie: Lie, parameters: &Arc<Parameters>) -> Maker {
    let parameters = Arc::clone(parameters);
    Arc::new(move |_| Box::new(Player::new(Arc::clone(&parameters), lie)))
}

/// Half to twice the truth, evenly on a logarithmic scale, and sometimes a shift or noise of the size of its own noise.
fn random(parameters: &Parameters, rng: &mut ChaCha8Rng) -> Lie {
    let first = |row: Option<&[f64]>| row.and_then(|row| row.first().copied()).unwrap_or(0.0);
    let variance = first(Some(&parameters.start_noise)).max(first(parameters.noise.at(1)));
    let size = if variance > 0.0 { variance.sqrt() } else { 1.0 };
    let scale = 2.0_f64.powf(rng.random_range(-1.0..1.0));
    let bias = if rng.random_bool(0.5) { size * rng.random_range(-1.0..1.0) } else { 0.0 };
    let noise = if rng.random_bool(0.25) { size * rng.random_range(0.0..1.0) } else { 0.0 };
    Lie { scale, bias, noise, ..Lie::TRUTH }
}

fn probability(text: &str) -> Result<f64, String> {
    let p = number("silent", text)?;
    let accepted = "accepted is a probability from 0 to 1";
    if (0.0..=1.0).contains(&p) { Ok(p) } else { Err(format!("silent: found {p}, {accepted}")) }
}

fn at_least(what: &str, text: &str, least: f64) -> Result<f64, String> {
    let x = number(what, text)?;
    if x >= least {
        Ok(x)
    } else {
        Err(format!("{what}: found {x}, accepted is a number of at least {least}"))
    }
}

fn above_zero(what: &str, text: &str) -> Result<f64, String> {
    let x = number(what, text)?;
    if x > 0.0 { Ok(x) } else { Err(format!("{what}: found {x}, accepted is a number above 0")) }
}

fn periods(text: &str) -> Result<(usize, usize), String> {
    let wrong = || format!("only: found `{text}`, accepted is FROM-TO, for example only:0-5");
    let (first, last) = text.split_once('-').ok_or_else(wrong)?;
    let whole = |x: &str| x.trim().parse::<usize>().map_err(|_| wrong());
    let (first, last) = (whole(first)?, whole(last)?);
    if first <= last { Ok((first, last)) } else { Err(wrong()) }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = match self.bids {
            Bids::Random => vec!["random".to_owned()],
            Bids::Best => vec!["best".to_owned()],
            Bids::Silent(p) => vec![if p == 1.0 { "silent".to_owned() } else { format!("silent:{p}") }],
            Bids::Fixed(lie) => of_lie(lie),
        };
        let Factors { q, r, a, b } = self.factors;
        let factors = [("q", q), ("r", r), ("a", a), ("b", b)];
        said.extend(factors.iter().filter(|(_, x)| *x != 1.0).map(|(what, x)| format!("{what}:{x}")));
        f.write_str(if said.is_empty() { "truth".to_owned() } else { said.join(",") }.as_str())
    }
}

fn of_lie(lie: Lie) -> Vec<String> {
    let numbers = [("scale", lie.scale, 1.0), ("bias", lie.bias, 0.0), ("noise", lie.noise, 0.0)];
    let numbers = numbers.iter().filter(|(_, x, truth)| x != truth);
    let mut said: Vec<String> = numbers.map(|(what, x, _)| format!("{what}:{x}")).collect();
    said.extend(lie.delayed.then(|| "delay".to_owned()));
    said.extend(lie.forgetful.then(|| "forgetful".to_owned()));
    said.extend(lie.only.map(|(first, last)| format!("only:{first}-{last}")));
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lies_read_back() {
        for text in [
            "scale:1.2",
            "scale:-1,bias:0.5,noise:2,delay,forgetful,only:0-5",
            "silent",
            "silent:0.3,q:1.2",
            "q:2,r:0.5,a:1.1,b:-1",
            "random",
            "best",
            "truth",
        ] {
            let plan = Plan::parse(if text == "truth" { "scale:1" } else { text }).unwrap();
            assert_eq!(plan.to_string(), text);
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "scale",
            "scale:",
            "bias:nan",
            "noise:-1",
            "silent:2",
            "silent,scale:2",
            "best,q:2",
            "random,best",
            "only:3",
            "only:5-2",
            "r:0",
            "q:-1",
            "delay:1",
            "grab:1",
        ] {
            assert!(Plan::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn reported_parameters_are_checked() {
        let true_one = Agent::scalar(1.0, 1.0, -1.0, -1.0).unwrap();
        let factors = Factors { q: 1.6, ..Factors::TRUTH };
        let reported = factors.apply(true_one.parameters()).unwrap();
        assert_eq!(reported.parameters().q.at(0), Some(&[-1.6][..]));
        let huge = Factors { r: 1e14, ..Factors::TRUTH };
        assert!(huge.apply(true_one.parameters()).is_err());
    }
}
