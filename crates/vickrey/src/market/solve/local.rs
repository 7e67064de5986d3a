//! One agent's demand seen from the clearing price: the formulas of [`Utility`] with everything that does not depend on
//! the distance taken out once.
//!
//! The leave-one-out problems evaluate every agent at some twenty distances; a power utility then needs one power
//! instead of twenty. [`Local::given`] is minus the sign times [`Utility::change`], and so on (tests compare them).

use super::Clearing;
use crate::market::utility::{Shape, Utility};
use crate::numeric::special;

/// How agent i answers when the price moves by a distance t >= 0 in one direction: what it gives up (price up) or
/// takes (price down).
#[derive(Clone, Copy, Debug)]
pub struct Local<'a> {
    utility: &'a Utility,
    price: f64,
    quantity: f64,
    /// +1: the price rises; -1: it falls.
    sign: f64,
    kind: Kind,
}

/// The formula, where demand moves all the way.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// At a limit that it only gets further into.
    Still,
    Quadratic {
        slope: f64,
    },
    /// `m` is the price minus the linear term.
    Log {
        weight: f64,
        m: f64,
    },
    /// Power `p` of demand in the price; demand plus shift is `base`.
    Power {
        base: f64,
        m: f64,
        p: f64,
    },
    Exponential {
        scale: f64,
    },
    /// No formula, or a limit is met on the way.
    General,
}

impl<'a> Local<'a> {
    /// The agent's answer up to the distance `until`.
    #[inline]
    pub fn new(utility: &'a Utility, clearing: &Clearing, agent: usize, sign: f64, until: f64) -> Self {
        let price = clearing.price;
        let kind = kind(utility, price, sign, price + sign * until);
        Self { utility, price, quantity: clearing.allocation[agent], sign, kind }
    }

    /// a_i(t).
    #[inline]
    pub fn given(&self, t: f64) -> f64 {
        let step = self.sign * t;
        match self.kind {
            Kind::Still => 0.0,
            Kind::Quadratic { slope } => slope * t,
            Kind::Log { weight, m } => weight * t / (m * (m + step)),
            Kind::Power { base, m, p } => -self.sign * base * special::power_minus_one(p, step / m),
            Kind::Exponential { scale } => self.sign * (step / self.price).ln_1p() * scale,
            Kind::General => -self.sign * self.utility.change(self.price, self.quantity, step),
        }
    }

    /// Slope of a_i behind t.
    #[inline]
    pub fn slope(&self, t: f64) -> f64 {
        let step = self.sign * t;
        match self.kind {
            Kind::Still => 0.0,
            Kind::Quadratic { slope } => slope,
            Kind::Log { weight, m } => weight / ((m + step) * (m + step)),
            Kind::Power { base, m, p } => {
                -p * base * (1.0 + special::power_minus_one(p, step / m)) / (m + step)
            }
            Kind::Exponential { scale } => scale / (self.price + step),
            Kind::General => -self.utility.demand_slope(self.price + step, self.sign > 0.0),
        }
    }

    /// Integral of a_i from 0 to t.
    #[inline]
    pub fn integral(&self, t: f64) -> f64 {
        let step = self.sign * t;
        match self.kind {
            Kind::Still => 0.0,
            Kind::Quadratic { slope } => 0.5 * slope * t * t,
            Kind::Log { weight, m } => -weight * special::ln_1p_minus(step / m),
            Kind::Power { base, m, p } => -base * m * special::power_minus_one_integral(p, step / m),
            Kind::Exponential { scale } => self.price * scale * special::ln_1p_integral(step / self.price),
            Kind::General => -self.utility.change_integral(self.price, self.quantity, step),
        }
    }

    /// Adds a_i(t)/t at several distances, the last of which is covered; `logs` holds sign ln(1 + sign t/price) / t,
    /// which all exponential utilities share.
    #[inline]
    pub fn add_mean_slopes<const K: usize>(&self, points: &[f64; K], logs: &[f64; K], sums: &mut [f64; K]) {
        match self.kind {
            Kind::Still => {}
            Kind::Log { weight, m } => {
                let weight = weight / m;
                for k in 0..K {
                    sums[k] += weight / (m + self.sign * points[k]);
                }
            }
            Kind::Exponential { scale } => {
                for k in 0..K {
                    sums[k] += scale * logs[k];
                }
            }
            _ => {
                for k in 0..K {
                    sums[k] += self.given(points[k]) / points[k];
                }
            }
        }
    }
}

fn kind(utility: &Utility, price: f64, sign: f64, end: f64) -> Kind {
    let (low, high) = utility.active_prices();
    let formula = !matches!(utility.shape(), Shape::Curve(_) | Shape::Custom(_));
    if formula && ((sign > 0.0 && price >= high) || (sign < 0.0 && price <= low)) {
        return Kind::Still;
    }
    if !(price >= low && price <= high && end >= low && end <= high) {
        return Kind::General;
    }
    match *utility.shape() {
        Shape::Quadratic { a, .. } => Kind::Quadratic { slope: -0.5 / a },
        Shape::Log { weight, linear, .. } => Kind::Log { weight, m: price - linear },
        Shape::Power { weight, exponent, linear, .. } => {
            let (m, p) = (price - linear, 1.0 / (exponent - 1.0));
            Kind::Power { base: (m / (weight * exponent)).powf(p), m, p }
        }
        Shape::Exponential { rate, .. } => Kind::Exponential { scale: 1.0 / rate },
        Shape::Curve(_) | Shape::Custom(_) => Kind::General,
    }
}

/// Largest and smallest maximiser of F(u) - price u, slope of demand just above and just below the price: what the
/// search for the price asks, with one power or logarithm for all four.
#[inline]
pub fn respond(utility: &Utility, price: f64) -> [f64; 4] {
    let (low, high) = utility.demand(price);
    let (active_low, active_high) = utility.active_prices();
    if price > active_low && price < active_high {
        let slope = match *utility.shape() {
            Shape::Quadratic { a, .. } => Some(0.5 / a),
            Shape::Log { shift, linear, .. } => Some(-(low + shift) / (price - linear)),
            Shape::Power { shift, exponent, linear, .. } => {
                Some((low + shift) / ((exponent - 1.0) * (price - linear)))
            }
            Shape::Exponential { rate, .. } => Some(-1.0 / (rate * price)),
            Shape::Curve(_) | Shape::Custom(_) => None,
        };
        if let Some(slope) = slope {
            return [low, high, slope, slope];
        }
    }
    [low, high, utility.demand_slope(price, true), utility.demand_slope(price, false)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn families() -> Vec<Utility> {
        let log = Utility::log(2.0, 1.5, 0.3).unwrap();
        vec![
            Utility::quadratic(-1.3, 2.0).unwrap(),
            Utility::quadratic(-1.3, 2.0).unwrap().limited(-0.1, 0.2).unwrap(),
            log.clone(),
            log.limited(-0.2, 0.1).unwrap(),
            Utility::power(2.0, 0.7, 0.4, 0.1).unwrap(),
            Utility::power(2.0, 0.7, 0.95, 0.1).unwrap(),
            Utility::exponential(3.0, 0.8).unwrap(),
            Utility::blocks(&[(1.0, 2.0), (1.0, 1.5)], &[]).unwrap(),
        ]
    }

    fn close(x: f64, y: f64) -> bool {
        (x - y).abs() <= 4e-14 * y.abs()
    }

    #[test]
    fn equal_to_the_formulas_of_the_utility() {
        for utility in families() {
            for price in [1.1, 1.3, 1.6, 1.9] {
                let quantity = utility.demand(price).0;
                let clearing = Clearing {
                    price,
                    price_low: price,
                    price_high: price,
                    allocation: vec![quantity],
                    imbalance: 0.0,
                };
                for (sign, t) in
                    [(1.0, 1e-7), (-1.0, 1e-7), (1.0, 1e-3), (-1.0, 0.1), (1.0, 0.7), (-1.0, 0.5)]
                {
                    let local = Local::new(&utility, &clearing, 0, sign, t);
                    let step = sign * t;
                    let given = -sign * utility.change(price, quantity, step);
                    assert!(close(local.given(t), given), "{utility:?} {price} {step}");
                    // Slopes serve Newton's method: what counts is their error against the slope at the start.
                    let slope = |step: f64| -utility.demand_slope(price + step, sign > 0.0);
                    let missed = (local.slope(t) - slope(step)).abs();
                    assert!(
                        missed <= 1e-13 * slope(0.0).max(slope(step)),
                        "{utility:?} {price} {step}: {missed}"
                    );
                    let integral = -utility.change_integral(price, quantity, step);
                    assert!(close(local.integral(t), integral), "{utility:?} {price} {step}");
                    let (mut sums, logs) = ([0.0], [sign * (step / price).ln_1p() / t]);
                    local.add_mean_slopes(&[t], &logs, &mut sums);
                    assert!(close(sums[0], given / t), "{utility:?} {price} {step}");
                }
            }
        }
    }

    #[test]
    fn responses_equal_demand_and_slopes() {
        for utility in families() {
            for price in [0.9, 1.3, 1.5, 1.62, 2.0, 2.26, 5.0] {
                let [low, high, above, below] = respond(&utility, price);
                assert_eq!((low, high), utility.demand(price));
                // Relative to a slope at a price at which agents trade.
                for (slope, up) in [(above, true), (below, false)] {
                    assert!((slope - utility.demand_slope(price, up)).abs() <= 1e-12, "{utility:?} {price}");
                }
            }
        }
    }
}
