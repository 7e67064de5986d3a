//! What agents do in the market: the truthful one, and the lies that the theory is about.

use std::sync::Arc;

use super::curve::Curve;
use super::model::Market;
use super::protocol::{MarketMechanism, MarketOutcome};
use super::utility::{ConcaveUtility, Shape, Utility};
use crate::mechanism::{AgentId, Strategy, Turn, World};

/// A lie: the utility `scale * F(u) + shift * u` with trade limited to `cap`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lie {
    /// Factor on the utility, > 0. Producers that exaggerate their cost use a factor above 1.
    pub scale: f64,
    /// Added to the marginal utility. Producers that ask for more add, consumers that shade their bid subtract.
    pub shift: f64,
    /// Largest quantity that it admits to trade (hidden capacity); infinite for none.
    pub cap: f64,
}

impl Lie {
    /// The truth.
    pub const TRUTH: Self = Self { scale: 1.0, shift: 0.0, cap: f64::INFINITY };

    /// The reported utility; `None` if the cap leaves nothing that the limits allow.
    pub fn report(self, truth: &Utility) -> Option<Utility> {
        if self == Self::TRUTH {
            return Some(truth.clone());
        }
        let (low, high) = (truth.low().max(-self.cap), truth.high().min(self.cap));
        if low > high || !(self.scale > 0.0 && self.shift.is_finite()) {
            return None;
        }
        self.in_family(truth, low, high).or_else(|| {
            Utility::custom(Arc::new(Distorted { truth: truth.clone(), lie: self, low, high })).ok()
        })
    }

    /// The lie as a member of the same family, where that exists.
    fn in_family(self, truth: &Utility, low: f64, high: f64) -> Option<Utility> {
        let Self { scale, shift, .. } = self;
        let plain = match truth.shape() {
            Shape::Quadratic { a, b } => Utility::quadratic(a * scale, b * scale + shift),
            Shape::Log { weight, shift: s, linear } => {
                Utility::log(weight * scale, *s, linear * scale + shift)
            }
            Shape::Power { weight, shift: s, exponent, linear } => {
                Utility::power(weight * scale, *s, *exponent, linear * scale + shift)
            }
            Shape::Exponential { ceiling, rate } if shift == 0.0 => {
                Utility::exponential(ceiling * scale, *rate)
            }
            Shape::Curve(curve) => return self.curve(curve, low, high),
            _ => return None,
        };
        let plain = plain.ok()?.with_idle_value(truth.idle_value()).ok()?;
        let (natural_low, natural_high) = (plain.low(), plain.high());
        if low <= natural_low && high >= natural_high {
            return Some(plain);
        }
        plain.limited(if low <= natural_low { f64::NEG_INFINITY } else { low }, high).ok()
    }

    fn curve(self, curve: &Curve, low: f64, high: f64) -> Option<Utility> {
        let price = |m: f64| self.scale * m + self.shift;
        let mut knots: Vec<(f64, f64)> = Vec::new();
        if low > curve.low() {
            knots.push((low, price(curve.marginal(low, true))));
        }
        knots.extend(curve.knots().filter(|k| k.0 >= low && k.0 <= high).map(|(u, m)| (u, price(m))));
        if high < curve.high() {
            knots.push((high, price(curve.marginal(high, false))));
        }
        knots.retain(|k| k.1.is_finite());
        if knots.is_empty() {
            knots.push((low, 0.0));
        }
        Curve::from_knots(&knots).ok().map(Utility::curve)
    }
}

/// A lie about a family that has no member for it.
#[derive(Clone, Debug)]
struct Distorted {
    truth: Utility,
    lie: Lie,
    low: f64,
    high: f64,
}

impl Distorted {
    fn price(&self, price: f64) -> f64 {
        (price - self.lie.shift) / self.lie.scale
    }
}

impl ConcaveUtility for Distorted {
    fn value(&self, quantity: f64) -> f64 {
        self.lie.scale * self.truth.value(quantity) + self.lie.shift * quantity
    }

    fn demand(&self, price: f64) -> f64 {
        let price = self.price(price);
        if price <= self.truth.price_floor() {
            return self.high;
        }
        self.truth.demand(price).0.clamp(self.low, self.high)
    }

    fn limits(&self) -> (f64, f64) {
        (self.low, self.high)
    }

    fn price_floor(&self) -> f64 {
        if self.high.is_finite() {
            f64::NEG_INFINITY
        } else {
            self.lie.scale * self.truth.price_floor() + self.lie.shift
        }
    }

    fn kinks(&self) -> Vec<f64> {
        let mut kinks = Vec::new();
        self.truth.push_kinks(&mut kinks);
        for limit in [self.low, self.high] {
            if limit.is_finite() {
                kinks.extend([true, false].map(|right| self.truth.marginal(limit, right)));
            }
        }
        kinks.retain(|k| k.is_finite());
        kinks.iter().map(|k| self.lie.scale * k + self.lie.shift).collect()
    }
}

/// Reports what it knows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Truthful;

/// Reports a distorted utility.
#[derive(Clone, Copy, Debug)]
pub struct Liar(pub Lie);

/// Reports nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Strategy<MarketMechanism, Utility> for Truthful {
    fn report(&mut self, turn: Turn<'_, Utility, f64>) -> Option<Utility> {
        Some(turn.signal.clone())
    }
}

impl Strategy<MarketMechanism, Utility> for Liar {
    fn report(&mut self, turn: Turn<'_, Utility, f64>) -> Option<Utility> {
        self.0.report(turn.signal)
    }
}

impl Strategy<MarketMechanism, Utility> for Silent {
    fn report(&mut self, _: Turn<'_, Utility, f64>) -> Option<Utility> {
        None
    }
}

/// The world of the static market: everybody knows its own utility, nature draws nothing.
#[derive(Clone, Debug)]
pub struct MarketWorld {
    truth: Market,
}

impl MarketWorld {
    /// The world in which these utilities are the true ones.
    pub fn new(truth: Market) -> Self {
        Self { truth }
    }
}

impl World<MarketMechanism> for MarketWorld {
    type Signal = Utility;

    fn signal(&mut self, _: usize, agent: AgentId) -> Utility {
        self.truth.utility(agent).clone()
    }

    fn shock(&mut self, _: usize) {}

    /// F_i(u_i); minus infinity outside the agent's true limits, the outside option for an absent agent.
    fn valuations(&mut self, _: usize, outcome: &MarketOutcome) -> Vec<f64> {
        let mut valuations: Vec<f64> = self.truth.utilities().iter().map(Utility::outside_option).collect();
        for &agent in &outcome.present {
            valuations[agent] = self.truth.utility(agent).value(outcome.allocation[agent]);
        }
        valuations
    }
}
