//! Cost curves of generators.

use super::LARGEST;

/// Cost of a generator's output in $/h as a function of the output in MW.
#[derive(Debug, Clone, PartialEq)]
pub enum Cost {
    /// Coefficients of a polynomial, highest power first.
    Polynomial(Vec<f64>),
    /// Points (MW, $/h) with increasing MW, joined by straight lines; the
    /// first and the last line go on beyond the points.
    Piecewise(Vec<(f64, f64)>),
}

/// Shape of a cost curve.
///
/// Where the marginal cost falls, `at` is the output in MW at or from which it
/// falls the most, and `drop` is by how many $/MWh it falls there. A drop of a
/// millionth of the marginal cost comes from rounded numbers in the file; a
/// drop of the size of the marginal cost itself is a feature of the plant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Convexity {
    /// The marginal cost is the same everywhere.
    Linear,
    /// The marginal cost rises and never falls.
    Convex,
    /// The marginal cost falls and never rises.
    Concave {
        /// Output in MW.
        at: f64,
        /// Fall of the marginal cost in $/MWh.
        drop: f64,
    },
    /// The marginal cost rises in some places and falls in others.
    Nonconvex {
        /// Output in MW.
        at: f64,
        /// Fall of the marginal cost in $/MWh.
        drop: f64,
    },
}

/// A stretch of output and the change of the marginal cost over it.
struct Change {
    at: f64,
    rise: f64,
}

impl Cost {
    /// Cost in $/h of an output in MW.
    ///
    /// Not a number for a piecewise linear cost without any point.
    #[must_use]
    pub fn value(&self, p: f64) -> f64 {
        match self {
            Cost::Polynomial(coefficients) => evaluate(coefficients, p),
            Cost::Piecewise(points) => match segment(points, p) {
                Some((start, slope)) => start.1 + slope * (p - start.0),
                None => points.first().map_or(f64::NAN, |point| point.1),
            },
        }
    }

    /// Marginal cost in $/MWh at an output in MW. Where two lines meet it is
    /// that of the next unit, except at the last point, which has no next.
    #[must_use]
    pub fn marginal(&self, p: f64) -> f64 {
        match self {
            Cost::Polynomial(coefficients) => evaluate(&derivative(coefficients), p),
            Cost::Piecewise(points) => segment(points, p).map_or(0.0, |(_, slope)| slope),
        }
    }

    /// Shape of the whole curve: of all points, or of a polynomial over every
    /// output that a case can name.
    #[must_use]
    pub fn convexity(&self) -> Convexity {
        self.convexity_on(-LARGEST, LARGEST)
    }

    /// Shape of the curve between two outputs in MW, which is what counts for
    /// a generator with these limits.
    #[must_use]
    pub fn convexity_on(&self, p_min: f64, p_max: f64) -> Convexity {
        let (p_min, p_max) = (p_min.max(-LARGEST), p_max.min(LARGEST));
        let changes = match self {
            Cost::Polynomial(coefficients) => polynomial_changes(coefficients, p_min, p_max),
            Cost::Piecewise(points) => piecewise_changes(points, p_min, p_max),
        };
        let rises = changes.iter().any(|change| change.rise > 0.0);
        let falls = changes.iter().filter(|change| change.rise < 0.0);
        match falls.min_by(|a, b| a.rise.total_cmp(&b.rise)) {
            None if rises => Convexity::Convex,
            None => Convexity::Linear,
            Some(&Change { at, rise }) if rises => Convexity::Nonconvex { at, drop: -rise },
            Some(&Change { at, rise }) => Convexity::Concave { at, drop: -rise },
        }
    }
}

/// The line that holds at an output: its first point and its slope.
fn segment(points: &[(f64, f64)], p: f64) -> Option<((f64, f64), f64)> {
    let after = points.partition_point(|point| point.0 <= p);
    let last = points.len().checked_sub(2)?;
    let first = after.saturating_sub(1).min(last);
    let (start, end) = (points[first], points[first + 1]);
    Some((start, slope(start, end)))
}

fn slope(start: (f64, f64), end: (f64, f64)) -> f64 {
    (end.1 - start.1) / (end.0 - start.0)
}

/// Changes of slope at the points strictly inside the range. Lines that the
/// file means to be one straight line differ by rounding; that is no change.
fn piecewise_changes(points: &[(f64, f64)], p_min: f64, p_max: f64) -> Vec<Change> {
    const ROUNDING: f64 = 1e-9;
    points
        .windows(3)
        .filter(|three| p_min < three[1].0 && three[1].0 < p_max)
        .map(|three| {
            let (left, right) = (slope(three[0], three[1]), slope(three[1], three[2]));
            let rise = right - left;
            let negligible = rise.abs() <= ROUNDING * left.abs().max(right.abs());
            Change { at: three[1].0, rise: if negligible { 0.0 } else { rise } }
        })
        .collect()
}

/// Changes of the marginal cost over the stretches between the places where
/// the second derivative vanishes.
fn polynomial_changes(coefficients: &[f64], p_min: f64, p_max: f64) -> Vec<Change> {
    let marginal = derivative(coefficients);
    let second = derivative(&marginal);
    let mut ends = vec![p_min];
    ends.extend(roots(&second, p_min, p_max));
    ends.push(p_max);
    ends.windows(2)
        .filter(|pair| pair[0] < pair[1])
        .map(|pair| {
            let rise = evaluate(&marginal, pair[1]) - evaluate(&marginal, pair[0]);
            let curvature = sign(&second, pair[0], pair[1]);
            Change {
                at: place(pair[0], pair[1]),
                // The sign of the curvature decides: the difference of two
                // large marginal costs may have lost it.
                rise: if curvature == 0.0 {
                    0.0
                } else {
                    rise.abs().max(f64::MIN_POSITIVE).copysign(curvature)
                },
            }
        })
        .collect()
}

/// Start of a stretch. A stretch without a start is named by its end, and
/// one without both by 0.
fn place(start: f64, end: f64) -> f64 {
    match (start > -LARGEST, end < LARGEST) {
        (true, _) => start,
        (false, true) => end,
        (false, false) => 0.0,
    }
}

fn evaluate(coefficients: &[f64], x: f64) -> f64 {
    coefficients.iter().fold(0.0, |sum, c| sum * x + c)
}

/// The sign of a polynomial that does not change it between the bounds. Three
/// places are tried, as one may be where the curve touches zero.
fn sign(coefficients: &[f64], low: f64, high: f64) -> f64 {
    [0.5, 0.29, 0.83]
        .iter()
        .map(|part| significant(coefficients, low + part * (high - low)))
        .find(|value| *value != 0.0)
        .unwrap_or(0.0)
}

/// Value of a polynomial, or 0 where rounding leaves no digit of it.
fn significant(coefficients: &[f64], x: f64) -> f64 {
    const ROUNDING: f64 = 1e-12;
    let value = evaluate(coefficients, x);
    let size = coefficients.iter().fold(0.0, |sum, c| sum * x.abs() + c.abs());
    if value.abs() <= ROUNDING * size { 0.0 } else { value }
}

fn derivative(coefficients: &[f64]) -> Vec<f64> {
    let degree = coefficients.len().saturating_sub(1);
    coefficients[..degree].iter().zip((1..=degree).rev()).map(|(c, power)| c * power as f64).collect()
}

/// Places between the bounds where a polynomial changes its sign.
///
/// Between two neighbouring extremes a polynomial is monotone and a change of
/// sign is found by bisection; the extremes are the changes of sign of the
/// derivative, so the work begins at the derivative that is a straight line.
fn roots(coefficients: &[f64], low: f64, high: f64) -> Vec<f64> {
    let mut chain = vec![coefficients.to_vec()];
    while let Some(next) = chain.last().map(|last| derivative(last))
        && next.len() > 1
    {
        chain.push(next);
    }
    let mut found: Vec<f64> = Vec::new();
    for polynomial in chain.iter().rev() {
        let mut ends = vec![low];
        ends.append(&mut found);
        ends.push(high);
        found = ends.windows(2).filter_map(|pair| crossing(polynomial, pair[0], pair[1])).collect();
        found.dedup();
    }
    found
}

/// The change of sign of a polynomial that is monotone between the bounds.
fn crossing(coefficients: &[f64], mut low: f64, mut high: f64) -> Option<f64> {
    let start = evaluate(coefficients, low);
    if !(start < 0.0 && evaluate(coefficients, high) > 0.0
        || start > 0.0 && evaluate(coefficients, high) < 0.0)
    {
        return None;
    }
    loop {
        let middle = low + (high - low) / 2.0;
        if middle <= low || middle >= high {
            return Some(middle);
        }
        let value = evaluate(coefficients, middle);
        if value == 0.0 {
            return Some(middle);
        }
        if (value > 0.0) == (start > 0.0) {
            low = middle;
        } else {
            high = middle;
        }
    }
}
