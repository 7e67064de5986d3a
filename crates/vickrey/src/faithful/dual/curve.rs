//! Convex costs of one decision: logarithmic, power, piecewise linear and quadratic.

use super::cost::Unbounded;
use crate::numeric::root;

/// A convex cost of one decision, money.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve(Shape);

#[derive(Clone, Debug, PartialEq)]
enum Shape {
    /// -weight ln(z + shift) + slope z.
    Log { weight: f64, shift: f64, slope: f64 },
    /// weight |z - target|^exponent + bend z^2/2.
    Power { weight: f64, target: f64, exponent: f64, bend: f64 },
    /// bend z^2/2 + the largest of some lines: slopes ascending, each the largest somewhere; where each takes over.
    Pieces { bend: f64, lines: Vec<(f64, f64)>, kinks: Vec<f64> },
}

/// Why a curve cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CurveError {
    /// A parameter is out of range.
    #[error("{field}: found {found}, accepted is {accepted}")]
    Parameter {
        /// The parameter.
        field: &'static str,
        /// What was found.
        found: f64,
        /// What is accepted.
        accepted: &'static str,
    },
    /// No line.
    #[error("lines: found none, accepted is at least one")]
    NoLines,
    /// The box reaches beyond the domain.
    #[error(
        "lower limit: found {low}, accepted is more than {least} (the logarithm of z + shift is not defined below)"
    )]
    Domain {
        /// The limit.
        low: f64,
        /// Where the domain begins.
        least: f64,
    },
}

fn check(field: &'static str, found: f64, good: bool, accepted: &'static str) -> Result<(), CurveError> {
    if good && found.is_finite() { Ok(()) } else { Err(CurveError::Parameter { field, found, accepted }) }
}

impl Curve {
    /// -weight ln(z + shift) + slope z.
    ///
    /// # Errors
    /// A parameter is not finite, or the weight is not positive.
    pub fn log(weight: f64, shift: f64, slope: f64) -> Result<Self, CurveError> {
        check("weight", weight, weight > 0.0, "a positive number")?;
        check("shift", shift, true, "a finite number")?;
        check("slope", slope, true, "a finite number")?;
        Ok(Self(Shape::Log { weight, shift, slope }))
    }

    /// weight |z - target|^exponent + bend z^2/2.
    ///
    /// # Errors
    /// A parameter is not finite or negative, or the exponent is not above 1.
    pub fn power(weight: f64, target: f64, exponent: f64, bend: f64) -> Result<Self, CurveError> {
        check("weight", weight, weight > 0.0, "a positive number")?;
        check("target", target, true, "a finite number")?;
        check("exponent", exponent, exponent > 1.0, "a number above 1")?;
        check("bend", bend, bend >= 0.0, "a number of at least 0")?;
        Ok(Self(Shape::Power { weight, target, exponent, bend }))
    }

    /// bend z^2/2 + the largest of `lines` (slope, value at zero).
    ///
    /// # Errors
    /// A number is not finite, the bend is negative, or there is no line.
    pub fn pieces(bend: f64, lines: &[(f64, f64)]) -> Result<Self, CurveError> {
        check("bend", bend, bend >= 0.0, "a number of at least 0")?;
        for (slope, at_zero) in lines {
            check("slope of a line", *slope, true, "a finite number")?;
            check("value of a line at zero", *at_zero, true, "a finite number")?;
        }
        let (lines, kinks) = envelope(lines);
        if lines.is_empty() {
            Err(CurveError::NoLines)
        } else {
            Ok(Self(Shape::Pieces { bend, lines, kinks }))
        }
    }

    /// The cost; plus infinity outside of the domain.
    pub fn value(&self, z: f64) -> f64 {
        match &self.0 {
            Shape::Log { weight, shift, slope } => {
                if z + shift > 0.0 {
                    slope * z - weight * (z + shift).ln()
                } else {
                    f64::INFINITY
                }
            }
            Shape::Power { weight, target, exponent, bend } => {
                weight * (z - target).abs().powf(*exponent) + 0.5 * bend * z * z
            }
            Shape::Pieces { bend, lines, kinks } => {
                let (slope, at_zero) = lines[kinks.partition_point(|k| *k < z)];
                0.5 * bend * z * z + slope * z + at_zero
            }
        }
    }

    /// The minimiser of the cost plus slope z + bend z^2/2 between two limits; the one nearest to zero if there are
    /// several.
    ///
    /// # Errors
    /// It falls without end.
    pub fn answer(&self, slope: f64, bend: f64, low: f64, high: f64) -> Result<f64, Unbounded> {
        let inner = match &self.0 {
            Shape::Log { weight, shift, slope: own } => log_answer(*weight, *shift, own + slope, bend, high)?,
            Shape::Power { weight, target, exponent, bend: own } => {
                power_answer(*weight, *target, *exponent, (slope, own + bend))
            }
            Shape::Pieces { bend: own, lines, kinks } => {
                return pieces_answer((lines, kinks), slope, own + bend, low, high);
            }
        };
        Ok(inner.clamp(low, high))
    }

    /// How an answer moves with the slope, dz = -J dslope: the inverse second derivative; 0 at a kink.
    pub fn sensitivity(&self, z: f64) -> f64 {
        let bend = match &self.0 {
            Shape::Log { weight, shift, .. } => weight / (z + shift).powi(2),
            Shape::Power { weight, target, exponent, bend } => {
                power_bend(*weight, *exponent, (z - target).abs()) + bend
            }
            Shape::Pieces { bend, kinks, .. } => {
                // A minimiser at a kink is the kink itself, bit for bit.
                if kinks.contains(&z) {
                    return 0.0;
                }
                *bend
            }
        };
        let inverse = 1.0 / bend;
        if inverse.is_finite() { inverse } else { 0.0 }
    }

    /// Which smooth piece of the curve a point is on: the same number as long as all derivatives are continuous. Kinks are
    /// pieces of their own, as is everything on one side of the target of a power.
    pub fn branch(&self, z: f64) -> usize {
        match &self.0 {
            Shape::Log { .. } => 0,
            Shape::Power { target, .. } => usize::from(z > *target),
            Shape::Pieces { kinks, .. } => {
                let piece = kinks.partition_point(|k| *k < z);
                2 * piece + usize::from(kinks.get(piece) == Some(&z))
            }
        }
    }

    /// Bounds on the second derivative between two limits; infinite at kinks.
    pub fn curvature(&self, low: f64, high: f64) -> (f64, f64) {
        match &self.0 {
            Shape::Log { weight, shift, .. } => {
                let at = |z: f64| if z.is_finite() { weight / (z + shift).powi(2) } else { 0.0 };
                let most = if low + shift > 0.0 { at(low) } else { f64::INFINITY };
                (at(high), most)
            }
            Shape::Power { weight, target, exponent, bend } => {
                let nearest = (target.clamp(low, high) - target).abs();
                let farthest = (low - target).abs().max((high - target).abs());
                let ends = [nearest, farthest].map(|d| power_bend(*weight, *exponent, d));
                (ends[0].min(ends[1]) + bend, ends[0].max(ends[1]) + bend)
            }
            Shape::Pieces { bend, kinks, .. } => {
                let kinked = kinks.iter().any(|k| *k > low && *k < high);
                (*bend, if kinked { f64::INFINITY } else { *bend })
            }
        }
    }

    /// Whether there is a best answer between the limits whatever the slope.
    pub fn answers(&self, low: f64, high: f64) -> bool {
        match &self.0 {
            Shape::Log { .. } => high.is_finite(),
            Shape::Power { .. } => true,
            Shape::Pieces { bend, .. } => *bend > 0.0 || (low.is_finite() && high.is_finite()),
        }
    }

    /// Whether the curve is defined between the limits.
    ///
    /// # Errors
    /// Where the domain begins.
    pub fn fits(&self, low: f64, _high: f64) -> Result<(), CurveError> {
        match self.0 {
            Shape::Log { shift, .. } if low + shift <= 0.0 => Err(CurveError::Domain { low, least: -shift }),
            _ => Ok(()),
        }
    }
}

/// Second derivative of weight |y|^exponent at a distance.
fn power_bend(weight: f64, exponent: f64, distance: f64) -> f64 {
    if exponent == 2.0 {
        2.0 * weight
    } else if distance.is_infinite() {
        if exponent > 2.0 { f64::INFINITY } else { 0.0 }
    } else {
        weight * exponent * (exponent - 1.0) * distance.powf(exponent - 2.0)
    }
}

/// Zero of -w/(z + shift) + slope + bend z.
fn log_answer(weight: f64, shift: f64, slope: f64, bend: f64, high: f64) -> Result<f64, Unbounded> {
    // In y = z + shift: bend y^2 + b y - w = 0 with one positive root.
    let b = slope - bend * shift;
    if bend == 0.0 && b <= 0.0 {
        return if high.is_finite() { Ok(high) } else { Err(Unbounded) };
    }
    let root = (b * b + 4.0 * bend * weight).sqrt();
    let y = if b > 0.0 { 2.0 * weight / (b + root) } else { (root - b) / (2.0 * bend) };
    Ok(y - shift)
}

/// Zero of w p sgn(z - t) |z - t|^(p-1) + bend z + slope.
fn power_answer(weight: f64, target: f64, exponent: f64, (slope, bend): (f64, f64)) -> f64 {
    let pull = slope + bend * target;
    let steep = weight * exponent;
    // Without the bend; with it the answer lies nearer to the target.
    let far = (pull.abs() / steep).powf(1.0 / (exponent - 1.0));
    let distance = if bend == 0.0 || far == 0.0 {
        far
    } else {
        let most = far.min(pull.abs() / bend);
        let f = |y: f64| {
            let power = steep * y.powf(exponent - 1.0);
            (pull.abs() - power - bend * y, -(exponent - 1.0) * power / y - bend)
        };
        root::between(f, 0.0, most, (most, f(most))).unwrap_or(most)
    };
    target - pull.signum() * distance
}

/// Zero of the subgradient: bend z + slope + (slope of the largest line).
fn pieces_answer(
    (lines, kinks): (&[(f64, f64)], &[f64]),
    slope: f64,
    bend: f64,
    low: f64,
    high: f64,
) -> Result<f64, Unbounded> {
    for (j, (own, _)) in lines.iter().enumerate() {
        let left = if j == 0 { f64::NEG_INFINITY } else { kinks[j - 1] }.max(low);
        let right = kinks.get(j).copied().unwrap_or(f64::INFINITY).min(high);
        if left > right {
            continue;
        }
        let total = own + slope;
        let z = if bend > 0.0 {
            -total / bend
        } else if total == 0.0 {
            // Flat from here to the right end of the piece.
            0.0
        } else {
            -total * f64::INFINITY
        };
        // Beyond the right end the next piece has the answer, at its left end at least.
        if z <= right || j + 1 == lines.len() || right == high {
            let z = z.clamp(left, right);
            return if z.is_finite() { Ok(z) } else { Err(Unbounded) };
        }
    }
    // The box lies beside all pieces only if it is empty, which the model refuses.
    Err(Unbounded)
}

/// The lines that are the largest somewhere, by slope, and where each next one takes over.
fn envelope(lines: &[(f64, f64)]) -> (Vec<(f64, f64)>, Vec<f64>) {
    let mut sorted = lines.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let mut kept: Vec<(f64, f64)> = Vec::new();
    let mut kinks: Vec<f64> = Vec::new();
    for line in sorted {
        if kept.last().is_some_and(|last| last.0 == line.0) {
            kept.pop();
            kinks.pop();
        }
        while let Some(last) = kept.last() {
            let cross = (last.1 - line.1) / (line.0 - last.0);
            if kinks.last().is_some_and(|k| cross <= *k) {
                kept.pop();
                kinks.pop();
            } else {
                kinks.push(cross);
                break;
            }
        }
        kept.push(line);
    }
    (kept, kinks)
}
