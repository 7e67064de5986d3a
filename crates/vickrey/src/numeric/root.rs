//! Root of a decreasing function that may jump.

/// Why a search ended without a root.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum NoRoot {
    /// The function is not a number at this point.
    #[error("the function is not a number at {0}")]
    NotANumber(f64),
    /// The function keeps its sign up to this point.
    #[error("the function keeps its sign up to {0}")]
    NoSignChange(f64),
}

/// Iterations of the safeguarded Newton method: bisection alone needs about 60 to exhaust double precision, twice
/// that if every second step is a Newton step.
const LIMIT: usize = 200;

/// The point where the decreasing function `f` (value, slope) changes sign, to rounding: at a jump its upper side.
///
/// `start` lies strictly inside `low..high`. The ends may be infinite; they are never evaluated.
///
/// # Errors
/// The function is not a number somewhere, or does not change sign.
pub fn decreasing(f: impl Fn(f64) -> (f64, f64), start: f64, low: f64, high: f64) -> Result<f64, NoRoot> {
    let (value, slope) = evaluate(&f, start)?;
    if value == 0.0 {
        return Ok(start);
    }
    let (mut inner, mut outer) = (start, start);
    let outward = if value > 0.0 { 1.0 } else { -1.0 };
    let end = if value > 0.0 { high } else { low };
    let newton = -1.5 * value / slope;
    let mut step = if newton.is_finite() { newton.abs() } else { 0.0 }.max(1e-3 * start.abs()).max(1e-9);
    let mut last = (value, slope);
    while last.0 * outward > 0.0 {
        inner = outer;
        let beyond = outer + outward * step;
        // An end is approached by halves: the function may be infinite there.
        let inside = (beyond - end) * outward < 0.0;
        outer = if inside { beyond } else { 0.5 * (outer + end) };
        step *= 4.0;
        if outer == inner || outer.abs() > 1e200 {
            return Err(NoRoot::NoSignChange(outer));
        }
        last = evaluate(&f, outer)?;
    }
    let (a, b) = if outward > 0.0 { (inner, outer) } else { (outer, inner) };
    between(f, a, b, (outer, last))
}

/// The sign change of a decreasing function in `a..=b`, where f(a) >= 0 >= f(b); `known` is one point and what `f`
/// returns there, used for the first Newton step.
///
/// # Errors
/// The function is not a number somewhere.
pub fn between(
    f: impl Fn(f64) -> (f64, f64),
    mut a: f64,
    mut b: f64,
    known: (f64, (f64, f64)),
) -> Result<f64, NoRoot> {
    let (mut x, (mut value, mut slope)) = known;
    let mut before = f64::INFINITY;
    for iteration in 0..LIMIT {
        let newton = x - value / slope;
        // Every Newton step must halve the residual; otherwise the bracket is halved.
        let good = newton > a && newton < b && (value.abs() < 0.5 * before || iteration < 2);
        before = value.abs();
        let next = if good { newton } else { 0.5 * (a + b) };
        if next == x || next <= a || next >= b {
            return Ok(if good { x } else { b });
        }
        let moved = (next - x).abs();
        x = next;
        (value, slope) = evaluate(&f, x)?;
        if value == 0.0 || (good && moved <= 1e-16 * x.abs()) {
            return Ok(x);
        }
        if value > 0.0 { a = x } else { b = x }
    }
    Ok(b)
}

fn evaluate(f: &impl Fn(f64) -> (f64, f64), x: f64) -> Result<(f64, f64), NoRoot> {
    let (value, slope) = f(x);
    if value.is_nan() { Err(NoRoot::NotANumber(x)) } else { Ok((value, slope)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smooth_jumping_and_flat_functions() {
        let log = |x: f64| (1.0 / x - 3.0, -1.0 / (x * x));
        assert!((decreasing(log, 50.0, 0.0, f64::INFINITY).unwrap() - 1.0 / 3.0).abs() < 1e-16);
        let jump = |x: f64| (if x < 0.7 { 1.0 } else { -1.0 }, 0.0);
        assert!((decreasing(jump, -3.0, f64::NEG_INFINITY, f64::INFINITY).unwrap() - 0.7).abs() < 1e-15);
        let cubic = |x: f64| (-(x - 2.0).powi(3), -3.0 * (x - 2.0).powi(2));
        assert!((decreasing(cubic, 100.0, f64::NEG_INFINITY, f64::INFINITY).unwrap() - 2.0).abs() < 1e-4);
    }

    #[test]
    fn says_when_there_is_none() {
        assert!(matches!(
            decreasing(|_| (1.0, 0.0), 0.0, f64::NEG_INFINITY, f64::INFINITY),
            Err(NoRoot::NoSignChange(_))
        ));
        assert!(matches!(decreasing(|_| (f64::NAN, 0.0), 1.0, 0.0, 2.0), Err(NoRoot::NotANumber(_))));
    }
}
