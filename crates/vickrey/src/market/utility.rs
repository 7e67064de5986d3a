//! Utilities of one agent: concave functions of the quantity that it receives.

use std::fmt;
use std::sync::Arc;

use super::curve::Curve;
use crate::numeric::{gauss, special};

/// Numbers above this size are refused: products of two of them would leave little of double precision.
pub const LARGEST: f64 = 1e15;

/// A parameter of a utility that cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{field}: found {found}, accepted is {accepted}")]
pub struct UtilityError {
    /// The parameter.
    pub field: &'static str,
    /// What was given.
    pub found: f64,
    /// What would be accepted.
    pub accepted: &'static str,
}

impl UtilityError {
    pub(crate) fn new(field: &'static str, found: f64, accepted: &'static str) -> Self {
        Self { field, found, accepted }
    }

    /// Refuses numbers that are not finite or too large to be meaningful.
    pub(crate) fn check_size(field: &'static str, found: f64) -> Result<(), Self> {
        if found.is_finite() && found.abs() <= LARGEST {
            Ok(())
        } else {
            Err(Self::new(field, found, "a finite number of size at most 1e15"))
        }
    }

    fn check_positive(field: &'static str, found: f64) -> Result<(), Self> {
        Self::check_size(field, found)?;
        if found >= 1e-12 { Ok(()) } else { Err(Self::new(field, found, "a number from 1e-12 to 1e15")) }
    }
}

/// A strictly concave utility that a user of the library supplies.
///
/// `demand` must be the maximiser of `value(u) - price * u` inside `limits`, non-increasing in the price.
pub trait ConcaveUtility: fmt::Debug + Send + Sync {
    /// Utility (money) of receiving `quantity`.
    fn value(&self, quantity: f64) -> f64;

    /// The quantity that maximises `value(u) - price * u`.
    fn demand(&self, price: f64) -> f64;

    /// Smallest and largest quantity; infinite if there is none.
    fn limits(&self) -> (f64, f64) {
        (f64::NEG_INFINITY, f64::INFINITY)
    }

    /// Demand grows without bound as the price falls to this floor (for example 0); minus infinity if it has none.
    fn price_floor(&self) -> f64 {
        f64::NEG_INFINITY
    }

    /// Prices at which demand bends (a limit is reached), if known: the solver is faster with them.
    fn kinks(&self) -> Vec<f64> {
        Vec::new()
    }
}

/// The family of a utility. F(0) = 0 for every family; [`Utility::idle_value`] adds a constant.
#[derive(Clone, Debug)]
pub enum Shape {
    /// a u² + b u with a < 0.
    Quadratic {
        /// Coefficient of u², negative.
        a: f64,
        /// Coefficient of u: marginal utility at 0.
        b: f64,
    },
    /// w ln(1 + u/s) + d u, u > -s.
    Log {
        /// Weight w > 0.
        weight: f64,
        /// Shift s > 0.
        shift: f64,
        /// Linear term d >= 0.
        linear: f64,
    },
    /// w ((u + s)^g - s^g) + d u, u > -s.
    Power {
        /// Weight w > 0.
        weight: f64,
        /// Shift s > 0.
        shift: f64,
        /// Exponent g, 0 < g < 1.
        exponent: f64,
        /// Linear term d >= 0.
        linear: f64,
    },
    /// A (1 - exp(-k u)).
    Exponential {
        /// Ceiling A > 0 of the utility.
        ceiling: f64,
        /// Rate k > 0.
        rate: f64,
    },
    /// Piecewise-linear marginal utility: blocks, points, fixed quantities.
    Curve(Arc<Curve>),
    /// Supplied by a user of the library.
    Custom(Arc<dyn ConcaveUtility>),
}

/// One agent's utility: a family, limits on the quantity, and the value of being idle.
#[derive(Clone, Debug)]
pub struct Utility {
    shape: Shape,
    low: f64,
    high: f64,
    /// Price at and above which demand is `low`; infinite if `low` is never reached.
    price_at_low: f64,
    /// Price at and below which demand is `high`; the price floor if `high` is never reached.
    price_at_high: f64,
    idle_value: f64,
}

impl Utility {
    /// a u² + b u, `a` from -1e15 to -1e-12.
    ///
    /// # Errors
    /// Names the parameter that is not accepted.
    pub fn quadratic(a: f64, b: f64) -> Result<Self, UtilityError> {
        UtilityError::check_size("a", a)?;
        if a > -1e-12 {
            return Err(UtilityError::new(
                "a",
                a,
                "a negative number from -1e15 to -1e-12 (strict concavity)",
            ));
        }
        UtilityError::check_size("b", b)?;
        Ok(Self::unlimited(Shape::Quadratic { a, b }, f64::NEG_INFINITY, f64::NEG_INFINITY))
    }

    /// w ln(1 + u/s) + d u on u > -s, with w, s > 0, d >= 0.
    ///
    /// # Errors
    /// Names the parameter that is not accepted.
    pub fn log(weight: f64, shift: f64, linear: f64) -> Result<Self, UtilityError> {
        UtilityError::check_positive("weight", weight)?;
        UtilityError::check_positive("shift", shift)?;
        Self::check_linear(linear)?;
        Ok(Self::unlimited(Shape::Log { weight, shift, linear }, -shift, linear))
    }

    /// w ((u + s)^g - s^g) + d u on u > -s, with w, s > 0, 0 < g < 1, d >= 0.
    ///
    /// # Errors
    /// Names the parameter that is not accepted.
    pub fn power(weight: f64, shift: f64, exponent: f64, linear: f64) -> Result<Self, UtilityError> {
        UtilityError::check_positive("weight", weight)?;
        UtilityError::check_positive("shift", shift)?;
        if !(1e-6..=1.0 - 1e-6).contains(&exponent) {
            return Err(UtilityError::new(
                "exponent",
                exponent,
                "a number strictly between 0 and 1 (by 1e-6)",
            ));
        }
        Self::check_linear(linear)?;
        Ok(Self::unlimited(Shape::Power { weight, shift, exponent, linear }, -shift, linear))
    }

    /// A (1 - exp(-k u)) with A, k > 0.
    ///
    /// # Errors
    /// Names the parameter that is not accepted.
    pub fn exponential(ceiling: f64, rate: f64) -> Result<Self, UtilityError> {
        UtilityError::check_positive("ceiling", ceiling)?;
        UtilityError::check_positive("rate", rate)?;
        Ok(Self::unlimited(Shape::Exponential { ceiling, rate }, f64::NEG_INFINITY, 0.0))
    }

    /// Blocks (size, price): `bids` to buy, `offers` to sell, each in any order.
    ///
    /// # Errors
    /// See [`Curve::from_blocks`].
    pub fn blocks(bids: &[(f64, f64)], offers: &[(f64, f64)]) -> Result<Self, UtilityError> {
        Ok(Self::curve(Curve::from_blocks(bids, offers)?))
    }

    /// Points (quantity, marginal utility) of a decreasing, piecewise-linear marginal utility.
    ///
    /// # Errors
    /// See [`Curve::from_knots`].
    pub fn points(points: &[(f64, f64)]) -> Result<Self, UtilityError> {
        Ok(Self::curve(Curve::from_knots(points)?))
    }

    /// A quantity that does not answer to the price (inelastic load > 0, inelastic injection < 0).
    ///
    /// # Errors
    /// The quantity must be finite and of size at most 1e15.
    pub fn fixed(quantity: f64) -> Result<Self, UtilityError> {
        Self::points(&[(quantity, 0.0)])
    }

    /// A piecewise-linear marginal utility.
    pub fn curve(curve: Curve) -> Self {
        let (low, high) = (curve.low(), curve.high());
        Self {
            shape: Shape::Curve(Arc::new(curve)),
            low,
            high,
            price_at_low: f64::INFINITY,
            price_at_high: f64::NEG_INFINITY,
            idle_value: 0.0,
        }
    }

    /// A function that the user supplies; its limits are its own.
    ///
    /// # Errors
    /// The limits must be in order and the values at finite limits must be finite.
    pub fn custom(function: Arc<dyn ConcaveUtility>) -> Result<Self, UtilityError> {
        let (low, high) = function.limits();
        if low.is_nan() || high.is_nan() || low > high || low == f64::INFINITY || high == f64::NEG_INFINITY {
            return Err(UtilityError::new("limits", low, "a lower limit not above the upper one"));
        }
        let floor = function.price_floor();
        let mut utility = Self::unlimited(Shape::Custom(function), low, floor);
        utility.high = high;
        Ok(utility)
    }

    fn unlimited(shape: Shape, low: f64, price_floor: f64) -> Self {
        Self {
            shape,
            low,
            high: f64::INFINITY,
            price_at_low: f64::INFINITY,
            price_at_high: price_floor,
            idle_value: 0.0,
        }
    }

    fn check_linear(linear: f64) -> Result<(), UtilityError> {
        UtilityError::check_size("linear", linear)?;
        if linear >= 0.0 {
            Ok(())
        } else {
            Err(UtilityError::new("linear", linear, "a number from 0 to 1e15"))
        }
    }

    /// Restricts the quantity to `low..=high`; infinite means no limit.
    ///
    /// # Errors
    /// The limits must be in order and inside the domain. Curves and custom functions carry their own limits.
    pub fn limited(mut self, low: f64, high: f64) -> Result<Self, UtilityError> {
        if matches!(self.shape, Shape::Curve(_) | Shape::Custom(_)) {
            return Err(UtilityError::new("low", low, "no limits here: the points or blocks carry them"));
        }
        for (field, limit) in [("low", low), ("high", high)] {
            if limit.is_nan() || (limit.is_finite() && limit.abs() > LARGEST) {
                return Err(UtilityError::new(
                    field,
                    limit,
                    "a number of size at most 1e15, or nothing for no limit",
                ));
            }
        }
        if low > high || low == f64::INFINITY || high == f64::NEG_INFINITY {
            return Err(UtilityError::new("low", low, "a lower limit not above the upper limit"));
        }
        if low.is_finite() && low <= self.low {
            return Err(UtilityError::new(
                "low",
                low,
                "a lower limit inside the domain (above minus the shift)",
            ));
        }
        if high <= self.low {
            return Err(UtilityError::new(
                "high",
                high,
                "an upper limit inside the domain (above minus the shift)",
            ));
        }
        if low.is_finite() {
            self.low = low;
            self.price_at_low = self.raw_marginal(low);
        }
        if high.is_finite() {
            self.high = high;
            self.price_at_high = self.raw_marginal(high);
        }
        Ok(self)
    }

    /// Adds a constant: the utility of being idle, F(0) (for example minus a no-load cost).
    ///
    /// # Errors
    /// The constant must be finite and of size at most 1e15.
    pub fn with_idle_value(mut self, value: f64) -> Result<Self, UtilityError> {
        UtilityError::check_size("idle-value", value)?;
        self.idle_value = value;
        Ok(self)
    }

    /// The part `share` of the agent: share * F(u / share). Parts that add up to 1 can do together what the whole
    /// can, with the same utility (an agent that appears under several names).
    ///
    /// # Errors
    /// `share` must lie strictly between 0 and 1, and leave the parameters in their ranges. Custom functions cannot be
    /// split.
    pub fn part(&self, share: f64) -> Result<Self, UtilityError> {
        if !(share > 0.0 && share < 1.0) {
            return Err(UtilityError::new("share", share, "a number strictly between 0 and 1"));
        }
        let plain = match &self.shape {
            Shape::Quadratic { a, b } => Self::quadratic(a / share, *b)?,
            Shape::Log { weight, shift, linear } => Self::log(weight * share, shift * share, *linear)?,
            Shape::Power { weight, shift, exponent, linear } => {
                Self::power(weight * share.powf(1.0 - exponent), shift * share, *exponent, *linear)?
            }
            Shape::Exponential { ceiling, rate } => Self::exponential(ceiling * share, rate / share)?,
            Shape::Curve(curve) => {
                let knots: Vec<(f64, f64)> = curve.knots().map(|(u, m)| (u * share, m)).collect();
                Self::curve(Curve::from_knots(&knots)?)
            }
            Shape::Custom(_) => return Err(UtilityError::new("share", share, "a utility with a formula")),
        };
        let plain = plain.with_idle_value(self.idle_value * share)?;
        if matches!(self.shape, Shape::Curve(_)) {
            return Ok(plain);
        }
        let low = if self.price_at_low.is_finite() { self.low * share } else { f64::NEG_INFINITY };
        plain.limited(low, self.high * share)
    }

    /// The family and its parameters.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Smallest quantity (minus infinity if there is none).
    pub fn low(&self) -> f64 {
        self.low
    }

    /// Largest quantity (infinity if there is none).
    pub fn high(&self) -> f64 {
        self.high
    }

    /// The constant of the function: F(0) where 0 is inside the limits.
    pub fn idle_value(&self) -> f64 {
        self.idle_value
    }

    /// Whether `low` is a limit that is only approached (u > -s of the logarithm and the power).
    pub(crate) fn is_low_open(&self) -> bool {
        matches!(self.shape, Shape::Log { .. } | Shape::Power { .. }) && self.price_at_low == f64::INFINITY
    }

    /// The prices between which demand moves, for families with a formula.
    pub(crate) fn active_prices(&self) -> (f64, f64) {
        (self.price_at_high, self.price_at_low)
    }

    /// Demand is infinite at and below this price; minus infinity if it is finite everywhere.
    pub(crate) fn price_floor(&self) -> f64 {
        if self.high == f64::INFINITY { self.price_at_high } else { f64::NEG_INFINITY }
    }

    /// Whether the agent can take part without trading.
    pub fn can_idle(&self) -> bool {
        self.low <= 0.0 && self.high >= 0.0
    }

    /// Outside option: F(0) if the agent can be idle, otherwise 0 (it can only be absent).
    pub fn outside_option(&self) -> f64 {
        if !self.can_idle() {
            return 0.0;
        }
        match &self.shape {
            Shape::Custom(f) => f.value(0.0) + self.idle_value,
            _ => self.idle_value,
        }
    }

    /// Whether demand is piecewise linear in the price (quadratics and curves).
    pub(crate) fn is_piecewise_linear(&self) -> bool {
        matches!(self.shape, Shape::Quadratic { .. } | Shape::Curve(_))
    }

    /// Coefficients (a, b) of a quadratic without limits.
    pub(crate) fn as_plain_quadratic(&self) -> Option<(f64, f64)> {
        match self.shape {
            Shape::Quadratic { a, b } if self.low == f64::NEG_INFINITY && self.high == f64::INFINITY => {
                Some((a, b))
            }
            _ => None,
        }
    }

    /// Utility (money) of receiving `quantity`; minus infinity outside the limits.
    pub fn value(&self, quantity: f64) -> f64 {
        let u = quantity;
        if !(self.low..=self.high).contains(&u) || (self.is_low_open() && u <= self.low) {
            return f64::NEG_INFINITY;
        }
        self.idle_value
            + match &self.shape {
                Shape::Quadratic { a, b } => (a * u + b) * u,
                Shape::Log { weight, shift, linear } => weight * (u / shift).ln_1p() + linear * u,
                Shape::Power { weight, shift, exponent, linear } => {
                    weight * shift.powf(*exponent) * (exponent * (u / shift).ln_1p()).exp_m1() + linear * u
                }
                Shape::Exponential { ceiling, rate } => -ceiling * (-rate * u).exp_m1(),
                Shape::Curve(curve) => curve.value(u),
                Shape::Custom(f) => f.value(u),
            }
    }

    /// Smallest and largest maximiser of F(u) - price * u (they differ on blocks only).
    #[inline]
    pub fn demand(&self, price: f64) -> (f64, f64) {
        if let Shape::Curve(curve) = &self.shape {
            return curve.demand(price);
        }
        let u = if price >= self.price_at_low {
            self.low
        } else if price <= self.price_at_high {
            self.high
        } else {
            self.raw_demand(price).clamp(self.low, self.high)
        };
        (u, u)
    }

    /// Marginal utility at a quantity, from the right or from the left (they differ at kinks); infinite at limits.
    pub fn marginal(&self, quantity: f64, right: bool) -> f64 {
        match &self.shape {
            Shape::Curve(curve) => curve.marginal(quantity, right),
            _ if right && quantity >= self.high => f64::NEG_INFINITY,
            _ if !right && quantity <= self.low => f64::INFINITY,
            Shape::Custom(f) => {
                let h = 1e-6 * quantity.abs().max(1e-3) * if right { 1.0 } else { -1.0 };
                (f.value(quantity + h) - f.value(quantity)) / h
            }
            _ => self.raw_marginal(quantity),
        }
    }

    #[inline]
    fn raw_demand(&self, price: f64) -> f64 {
        match &self.shape {
            Shape::Quadratic { a, b } => (price - b) / (2.0 * a),
            Shape::Log { weight, shift, linear } => weight / (price - linear) - shift,
            Shape::Power { weight, shift, exponent, linear } => {
                ((price - linear) / (weight * exponent)).powf(1.0 / (exponent - 1.0)) - shift
            }
            Shape::Exponential { ceiling, rate } => -(price / (ceiling * rate)).ln() / rate,
            Shape::Curve(curve) => curve.demand(price).0,
            Shape::Custom(f) => f.demand(price),
        }
    }

    fn raw_marginal(&self, u: f64) -> f64 {
        match &self.shape {
            Shape::Quadratic { a, b } => 2.0 * a * u + b,
            Shape::Log { weight, shift, linear } => weight / (u + shift) + linear,
            Shape::Power { weight, shift, exponent, linear } => {
                weight * exponent * (u + shift).powf(exponent - 1.0) + linear
            }
            Shape::Exponential { ceiling, rate } => ceiling * rate * (-rate * u).exp(),
            Shape::Curve(curve) => curve.marginal(u, true),
            Shape::Custom(_) => f64::NAN,
        }
    }

    /// Slope of demand just above (`up`) or just below a price (at most 0).
    #[inline]
    pub fn demand_slope(&self, price: f64, up: bool) -> f64 {
        if let Shape::Curve(curve) = &self.shape {
            return curve.demand_slope(price, up);
        }
        let (low, high) = (self.price_at_high, self.price_at_low);
        let active = if up { price >= low && price < high } else { price > low && price <= high };
        if !active {
            return 0.0;
        }
        match &self.shape {
            Shape::Quadratic { a, .. } => 0.5 / a,
            Shape::Log { weight, linear, .. } => -weight / ((price - linear) * (price - linear)),
            Shape::Power { weight, exponent, linear, .. } => {
                let p = 1.0 / (exponent - 1.0);
                ((price - linear) / (weight * exponent)).powf(p) * p / (price - linear)
            }
            Shape::Exponential { rate, .. } => -1.0 / (rate * price),
            Shape::Curve(curve) => curve.demand_slope(price, up),
            Shape::Custom(f) => {
                let h = price.abs().max(1e-3) * if up { 1e-6 } else { -1e-6 };
                ((f.demand(price + h) - f.demand(price)) / h).min(0.0)
            }
        }
    }

    /// Demand at `price + step` minus `from`, the quantity taken at `price`, without cancellation for small steps.
    #[inline]
    pub fn change(&self, price: f64, from: f64, step: f64) -> f64 {
        match &self.shape {
            Shape::Curve(curve) => curve_change(curve, price, from, step),
            Shape::Custom(f) => f.demand(price + step) - from,
            _ => {
                // At a limit the quantity is the limit, exactly: what others must absorb may depend on its last digit.
                if step > 0.0 && price + step >= self.price_at_low {
                    return self.low - from;
                }
                if step < 0.0 && price + step <= self.price_at_high && self.high < f64::INFINITY {
                    return self.high - from;
                }
                let (start, inside) = self.active_step(price, step);
                if inside == 0.0 { 0.0 } else { self.raw_change(start, inside) }
            }
        }
    }

    /// Integral over t from 0 to `step` of `change(price, from, t)`.
    pub fn change_integral(&self, price: f64, from: f64, step: f64) -> f64 {
        match &self.shape {
            Shape::Curve(curve) => curve.change_integral(price, from, step),
            Shape::Custom(f) => gauss::adaptive(&f.kinks(), price, step, &|p| f.demand(p) - from),
            _ => {
                let (start, inside) = self.active_step(price, step);
                if inside == 0.0 {
                    return 0.0;
                }
                let beyond = (price + step) - (start + inside);
                let tail = if beyond * step > 0.0 { beyond * self.change(price, from, step) } else { 0.0 };
                self.raw_change_integral(start, inside) + tail
            }
        }
    }

    /// The part of the way from `price` to `price + step` on which demand moves: its start and its signed length.
    #[inline]
    fn active_step(&self, price: f64, step: f64) -> (f64, f64) {
        let end = price + step;
        let (low, high) = (self.price_at_high, self.price_at_low);
        if price >= low && price <= high && end >= low && end <= high {
            return (price, step);
        }
        let start = price.clamp(low, high);
        (start, end.clamp(low, high) - start)
    }

    #[inline]
    fn raw_change(&self, price: f64, step: f64) -> f64 {
        match &self.shape {
            Shape::Quadratic { a, .. } => 0.5 * step / a,
            Shape::Log { weight, linear, .. } => {
                let m = price - linear;
                -weight * step / (m * (m + step))
            }
            Shape::Power { weight, exponent, linear, .. } => {
                let (m, p) = (price - linear, 1.0 / (exponent - 1.0));
                (m / (weight * exponent)).powf(p) * (p * (step / m).ln_1p()).exp_m1()
            }
            Shape::Exponential { rate, .. } => -(step / price).ln_1p() / rate,
            Shape::Curve(_) | Shape::Custom(_) => self.change(price, self.demand(price).0, step),
        }
    }

    fn raw_change_integral(&self, price: f64, step: f64) -> f64 {
        match &self.shape {
            Shape::Quadratic { a, .. } => 0.25 * step * step / a,
            Shape::Log { weight, linear, .. } => weight * special::ln_1p_minus(step / (price - linear)),
            Shape::Power { weight, exponent, linear, .. } => {
                let (m, p) = (price - linear, 1.0 / (exponent - 1.0));
                (m / (weight * exponent)).powf(p) * m * special::power_minus_one_integral(p, step / m)
            }
            Shape::Exponential { rate, .. } => -price / rate * special::ln_1p_integral(step / price),
            Shape::Curve(_) | Shape::Custom(_) => self.change_integral(price, self.demand(price).0, step),
        }
    }

    /// max over u of F(u) - price * u, minus the outside option: what the agent gains by trading at `price`.
    ///
    /// Non-negative whenever the agent can be idle. `quantity` is its demand at that price.
    pub fn surplus(&self, price: f64, quantity: f64) -> f64 {
        let choke = match &self.shape {
            Shape::Custom(_) => return self.value(quantity) - price * quantity - self.outside_option(),
            _ if !self.can_idle() => return self.value(quantity) - price * quantity,
            Shape::Curve(curve) => price.clamp(curve.marginal(0.0, true), curve.marginal(0.0, false)),
            _ => self.raw_marginal(0.0),
        };
        // F(u) - price u - F(0) is the area between demand and the price, from the price at which demand is 0.
        (-self.change_integral(choke, 0.0, price - choke)).max(0.0)
    }

    /// Prices at which demand is not smooth, appended to `into`.
    pub(crate) fn push_kinks(&self, into: &mut Vec<f64>) {
        match &self.shape {
            Shape::Curve(curve) => {
                into.extend(curve.knots().filter(|_| curve.low() < curve.high()).map(|k| k.1))
            }
            Shape::Custom(f) => into.extend(f.kinks()),
            _ => {
                if self.high < f64::INFINITY {
                    into.push(self.price_at_high);
                }
                if self.price_at_low < f64::INFINITY {
                    into.push(self.price_at_low);
                }
            }
        }
    }
}

/// Change of demand along a curve; on one piece it is slope times step, so nothing cancels.
fn curve_change(curve: &Curve, price: f64, from: f64, step: f64) -> f64 {
    let up = step > 0.0;
    let (low, high) = curve.demand(price);
    let start = if up { low } else { high };
    let slope = curve.demand_slope(price, up);
    let (end_low, end_high) = curve.demand(price + step);
    let end = if up { end_low } else { end_high };
    if start == from
        && slope == curve.demand_slope(price + step, !up)
        && (end - start - slope * step).abs() <= 1e-9 * slope.abs() * step.abs()
    {
        return slope * step;
    }
    end - from
}
