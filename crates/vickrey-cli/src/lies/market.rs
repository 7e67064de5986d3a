//! Lies in markets.

use std::fmt;

use rand::RngExt;
use vickrey::market::strategies::{Liar, Lie, Silent};
use vickrey::market::{MarketMechanism, Utility};
use vickrey::mechanism::{Strategy, Turn};

/// What an agent does instead of telling the truth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Plan {
    /// The same lie in every run.
    Fixed(Lie),
    /// Another lie in every run.
    Random,
    /// No report at all.
    Silent,
}

/// Draws a lie whenever it is asked.
#[derive(Clone, Copy, Debug)]
struct RandomLiar;

impl Plan {
    /// Reads `scale:1.2,shift:-3,cap:40`, `random` or `silent`.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text {
            "random" => return Ok(Self::Random),
            "silent" => return Ok(Self::Silent),
            _ => {}
        }
        let mut lie = Lie::TRUTH;
        for part in text.split(',') {
            let (what, number) = part.split_once(':').ok_or_else(|| {
                format!("found `{part}`, accepted is scale:X, shift:X, cap:X, random or silent")
            })?;
            let number = super::number(what, number)?;
            match what.trim() {
                "scale" if number > 0.0 => lie.scale = number,
                "scale" => return Err(format!("scale: found {number}, accepted is a number above 0")),
                "shift" => lie.shift = number,
                "cap" if number >= 0.0 => lie.cap = number,
                "cap" => return Err(format!("cap: found {number}, accepted is a number of at least 0")),
                other => return Err(format!("found `{other}`, accepted is scale, shift or cap")),
            }
        }
        Ok(Self::Fixed(lie))
    }

    /// The strategy.
    pub fn strategy(&self) -> Box<dyn Strategy<MarketMechanism, Utility>> {
        match *self {
            Self::Fixed(lie) => Box::new(Liar(lie)),
            Self::Random => Box::new(RandomLiar),
            Self::Silent => Box::new(Silent),
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lie = match self {
            Self::Random => return f.write_str("random"),
            Self::Silent => return f.write_str("silent"),
            Self::Fixed(lie) => lie,
        };
        let parts = [("scale", lie.scale, 1.0), ("shift", lie.shift, 0.0), ("cap", lie.cap, f64::INFINITY)];
        let said: Vec<String> = parts
            .iter()
            .filter(|(_, x, truth)| x != truth)
            .map(|(what, x, _)| format!("{what}:{x}"))
            .collect();
        f.write_str(if said.is_empty() { "truth".to_owned() } else { said.join(",") }.as_str())
    }
}

impl Strategy<MarketMechanism, Utility> for RandomLiar {
    fn report(&mut self, turn: Turn<'_, Utility, f64>) -> Option<Utility> {
        // From half to twice the truth, evenly on a logarithmic scale; sometimes with less capacity.
        let scale = 2.0_f64.powf(turn.rng.random_range(-1.0..1.0));
        let limits = turn.signal.low().abs().min(turn.signal.high().abs().max(turn.signal.low().abs()));
        let hides = limits.is_finite() && limits > 0.0 && turn.rng.random_range(0.0..1.0) < 0.3;
        let cap = if hides { limits * turn.rng.random_range(0.2..1.0) } else { f64::INFINITY };
        // The marginal utility of the first unit, or of the nearest one that it can take, is what prices are like here.
        let first = 0.0_f64.clamp(turn.signal.low(), turn.signal.high());
        let price = turn.signal.marginal(first, true);
        let price = if price.is_finite() { price } else { turn.signal.marginal(first, false) };
        let shift =
            if price.is_finite() { 0.2 * price.abs() * turn.rng.random_range(-1.0..1.0) } else { 0.0 };
        Lie { scale, shift, cap }.report(turn.signal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lies_read_back() {
        for text in ["scale:1.2", "shift:-3", "scale:0.5,cap:40", "random", "silent"] {
            assert_eq!(Plan::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "scale", "scale:", "scale:0", "scale:nan", "cap:-1", "shift:1e99", "grab:1"] {
            assert!(Plan::parse(text).is_err(), "{text}");
        }
    }
}
