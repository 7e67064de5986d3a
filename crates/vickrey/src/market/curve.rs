//! Piecewise-linear marginal utility: blocks, decreasing points, fixed quantities.

use super::utility::UtilityError;

/// A non-increasing polyline in the plane (quantity, marginal utility).
///
/// A horizontal piece is a block (any quantity in it is worth the same per unit), a vertical piece is a quantity at
/// which the price may jump, a sloping piece is linear demand. Outside its first and last quantity the agent cannot
/// trade. A single knot is a fixed quantity.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    quantity: Box<[f64]>,
    marginal: Box<[f64]>,
    /// Utility at each knot, zero at the anchor (quantity 0, or the end nearest to it).
    value: Box<[f64]>,
}

impl Curve {
    /// Builds the polyline from knots (quantity, marginal utility per unit).
    ///
    /// # Errors
    /// Quantities must not decrease, marginal utilities must not increase, all numbers must be finite.
    pub fn from_knots(knots: &[(f64, f64)]) -> Result<Self, UtilityError> {
        if knots.is_empty() {
            return Err(UtilityError::new("points", 0.0, "at least one point"));
        }
        let mut kept: Vec<(f64, f64)> = Vec::with_capacity(knots.len());
        for &(u, m) in knots {
            UtilityError::check_size("quantity", u)?;
            UtilityError::check_size("price", m)?;
            if let Some(&(u0, m0)) = kept.last() {
                if u < u0 {
                    return Err(UtilityError::new("quantity", u, "a quantity not below the one before it"));
                }
                if m > m0 {
                    return Err(UtilityError::new(
                        "price",
                        m,
                        "a price not above the one before it (concave utility)",
                    ));
                }
                if (u, m) == (u0, m0) {
                    continue;
                }
            }
            kept.push((u, m));
        }
        Ok(Self::with_values(&kept))
    }

    /// Bids to buy and offers to sell, each a block (size > 0, price per unit), in any order.
    ///
    /// # Errors
    /// Sizes must be positive, and no bid may be priced above an offer (the agent would trade with itself).
    pub fn from_blocks(bids: &[(f64, f64)], offers: &[(f64, f64)]) -> Result<Self, UtilityError> {
        if bids.is_empty() && offers.is_empty() {
            return Err(UtilityError::new("blocks", 0.0, "at least one block"));
        }
        for &(size, price) in bids.iter().chain(offers) {
            UtilityError::check_size("price", price)?;
            UtilityError::check_size("quantity", size)?;
            if size <= 0.0 {
                return Err(UtilityError::new("quantity", size, "a positive block size"));
            }
        }
        let sort = |blocks: &[(f64, f64)]| {
            let mut sorted = blocks.to_vec();
            sorted.sort_by(|x, y| x.1.total_cmp(&y.1));
            sorted
        };
        let (mut bids, offers) = (sort(bids), sort(offers));
        bids.reverse();
        if let (Some(bid), Some(offer)) = (bids.first(), offers.first())
            && bid.1 > offer.1
        {
            return Err(UtilityError::new("bids", bid.1, "a bid price not above the lowest offer price"));
        }
        let mut knots = Vec::with_capacity(2 * (bids.len() + offers.len()));
        let mut sold = 0.0;
        for &(size, price) in &offers {
            knots.push((-sold, price));
            sold += size;
            knots.push((-sold, price));
        }
        knots.reverse();
        let mut bought = 0.0;
        for &(size, price) in &bids {
            knots.push((bought, price));
            bought += size;
            knots.push((bought, price));
        }
        for knot in &mut knots {
            knot.0 += 0.0; // -0.0 becomes 0.0
        }
        Self::from_knots(&knots)
    }

    fn with_values(knots: &[(f64, f64)]) -> Self {
        let quantity: Box<[f64]> = knots.iter().map(|k| k.0).collect();
        let marginal: Box<[f64]> = knots.iter().map(|k| k.1).collect();
        let mut value = vec![0.0; quantity.len()].into_boxed_slice();
        for k in 1..quantity.len() {
            value[k] = value[k - 1] + 0.5 * (quantity[k] - quantity[k - 1]) * (marginal[k] + marginal[k - 1]);
        }
        let mut curve = Self { quantity, marginal, value };
        let at_anchor = curve.value(0.0_f64.clamp(curve.low(), curve.high()));
        for v in &mut curve.value {
            *v -= at_anchor;
        }
        curve
    }

    /// The smallest quantity that the agent can take (negative: sell).
    pub fn low(&self) -> f64 {
        self.quantity[0]
    }

    /// The largest quantity that the agent can take.
    pub fn high(&self) -> f64 {
        self.quantity[self.quantity.len() - 1]
    }

    /// The knots as (quantity, marginal utility).
    pub fn knots(&self) -> impl DoubleEndedIterator<Item = (f64, f64)> + '_ {
        self.quantity.iter().copied().zip(self.marginal.iter().copied())
    }

    /// Utility at a quantity inside the limits, zero at the anchor.
    pub fn value(&self, quantity: f64) -> f64 {
        let k = self.quantity.partition_point(|&u| u <= quantity).saturating_sub(1);
        let du = quantity - self.quantity[k];
        if du == 0.0 || k + 1 == self.quantity.len() {
            return self.value[k];
        }
        let slope = (self.marginal[k + 1] - self.marginal[k]) / (self.quantity[k + 1] - self.quantity[k]);
        self.value[k] + du * (self.marginal[k] + 0.5 * slope * du)
    }

    /// The smallest and the largest quantity that maximise `value(u) - price * u`.
    pub fn demand(&self, price: f64) -> (f64, f64) {
        let low = self.marginal.partition_point(|&m| m > price);
        let high = low + self.marginal[low..].partition_point(|&m| m >= price);
        (self.between(low, price), self.between(high, price))
    }

    /// Quantity at `price` on the piece that ends in knot `k`.
    fn between(&self, k: usize, price: f64) -> f64 {
        let last = self.quantity.len() - 1;
        if k == 0 {
            return self.quantity[0];
        }
        if k > last {
            return self.quantity[last];
        }
        let (u0, u1, m0, m1) =
            (self.quantity[k - 1], self.quantity[k], self.marginal[k - 1], self.marginal[k]);
        if u0 == u1 || price == m0 {
            return u0;
        }
        if price == m1 {
            return u1;
        }
        // From the nearer end, so that the ends are met exactly.
        let share = (m0 - price) / (m0 - m1);
        if share < 0.5 { u0 + (u1 - u0) * share } else { u1 - (u1 - u0) * ((price - m1) / (m0 - m1)) }
    }

    /// Slope of demand just above (`up`) or just below a price; zero on vertical pieces and outside the curve.
    pub fn demand_slope(&self, price: f64, up: bool) -> f64 {
        let k = if up {
            self.marginal.partition_point(|&m| m > price)
        } else {
            self.marginal.partition_point(|&m| m >= price)
        };
        if k == 0 || k == self.quantity.len() {
            return 0.0;
        }
        (self.quantity[k] - self.quantity[k - 1]) / (self.marginal[k] - self.marginal[k - 1])
    }

    /// Marginal utility just above (`right`) or just below a quantity; infinite beyond the limits.
    pub fn marginal(&self, quantity: f64, right: bool) -> f64 {
        if right {
            let k = self.quantity.partition_point(|&u| u <= quantity);
            self.marginal_between(k, quantity, f64::NEG_INFINITY)
        } else {
            let k = self.quantity.partition_point(|&u| u < quantity);
            self.marginal_between(k, quantity, f64::INFINITY)
        }
    }

    fn marginal_between(&self, k: usize, quantity: f64, beyond: f64) -> f64 {
        if k == 0 || k == self.quantity.len() {
            return beyond;
        }
        let share = (quantity - self.quantity[k - 1]) / (self.quantity[k] - self.quantity[k - 1]);
        self.marginal[k - 1] + share * (self.marginal[k] - self.marginal[k - 1])
    }

    /// Integral over t from 0 to `step` of demand(price + t) - `from`.
    pub fn change_integral(&self, price: f64, from: f64, step: f64) -> f64 {
        let (low, high) = if step < 0.0 { (price + step, price) } else { (price, price + step) };
        let first = self.marginal.partition_point(|&m| m >= high);
        let last = self.marginal.partition_point(|&m| m > low);
        // Prices descend along the knots: walk from `high` down to `low`.
        let mut area = 0.0;
        let (mut at, mut u) = (high, self.demand(high).1);
        for k in first..last {
            let (m, before) = (self.marginal[k], self.quantity[k]);
            area += (at - m) * (0.5 * (u + before) - from);
            (at, u) = (m, self.quantity[k]);
        }
        area += (at - low) * (0.5 * (u + self.demand(low).0) - from);
        if step < 0.0 { -area } else { area }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_and_their_demand() {
        let c = Curve::from_blocks(&[(2.0, 30.0), (1.0, 50.0)], &[(4.0, 60.0), (1.0, 55.0)]).unwrap();
        assert_eq!((c.low(), c.high()), (-5.0, 3.0));
        assert_eq!(c.demand(52.0), (0.0, 0.0));
        assert_eq!(c.demand(50.0), (0.0, 1.0));
        assert_eq!(c.demand(40.0), (1.0, 1.0));
        assert_eq!(c.demand(60.0), (-5.0, -1.0));
        assert_eq!(c.demand(61.0), (-5.0, -5.0));
        assert_eq!(c.value(3.0), 110.0);
        assert_eq!(c.value(-5.0), -55.0 - 240.0);
        assert_eq!(c.marginal(0.0, true), 50.0);
        assert_eq!(c.marginal(0.0, false), 55.0);
        assert_eq!(c.marginal(-5.0, false), f64::INFINITY);
    }

    #[test]
    fn integral_of_demand_matches_the_dual() {
        // conj(l) = max F(u) - l u has derivative -u(l), so the integral of u is a difference of conj.
        let c = Curve::from_knots(&[(-3.0, 9.0), (-1.0, 7.0), (-1.0, 5.0), (2.0, 5.0), (4.0, 1.0)]).unwrap();
        let conj = |l: f64| c.value(c.demand(l).0) - l * c.demand(l).0;
        for (l0, step) in
            [(4.0, 4.5), (6.0, -3.0), (5.0, 2.0), (5.0, -2.0), (0.5, 10.0), (9.5, -9.3), (3.0, 0.5)]
        {
            let from = c.demand(l0).0;
            let direct = conj(l0) - conj(l0 + step) - from * step;
            assert!((c.change_integral(l0, from, step) - direct).abs() < 1e-12, "{l0} {step}");
        }
    }

    #[test]
    fn a_single_knot_is_a_fixed_quantity() {
        let c = Curve::from_knots(&[(7.0, 0.0)]).unwrap();
        assert_eq!(c.demand(-1e9), (7.0, 7.0));
        assert_eq!(c.demand(1e9), (7.0, 7.0));
        assert_eq!(c.change_integral(3.0, 7.0, 5.0), 0.0);
        assert_eq!(c.value(7.0), 0.0);
    }

    #[test]
    fn convex_pieces_are_refused() {
        assert!(Curve::from_knots(&[(0.0, 1.0), (1.0, 2.0)]).is_err());
        assert!(Curve::from_blocks(&[(1.0, 60.0)], &[(1.0, 50.0)]).is_err());
        assert!(Curve::from_blocks(&[(0.0, 60.0)], &[]).is_err());
    }
}
