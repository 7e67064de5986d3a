//! Minimum over an interval of the upper envelope of many lines.

use rayon::prelude::*;

use super::sum::CHUNK;

/// The line `at_zero + slope * x`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Value at x = 0.
    pub at_zero: f64,
    /// Slope.
    pub slope: f64,
}

impl Line {
    /// Value at x.
    pub fn at(self, x: f64) -> f64 {
        self.at_zero + self.slope * x
    }
}

/// Where the envelope is lowest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lowest {
    /// The point.
    pub x: f64,
    /// The largest of the lines there.
    pub value: f64,
}

/// Minimises max_i line(i) over x in `low..=high` exactly (up to rounding); an end may be infinite.
///
/// Two passes over the lines find what is highest at both ends and throw away every line that lies below those two
/// throughout; the few that remain are solved by intersecting the active falling and rising line until nothing lies
/// above. Returns `None` if there is no line, or if the envelope falls without end on an infinite interval.
pub fn lowest_envelope(
    count: usize,
    line: impl Fn(usize) -> Option<Line> + Sync,
    low: f64,
    high: f64,
) -> Option<Lowest> {
    let low = finite_end(count, &line, low, high, -1.0)?;
    let high = finite_end(count, &line, high, low, 1.0)?;
    let (left, right) = (highest(count, &line, low, 1.0)?, highest(count, &line, high, -1.0)?);
    if left.slope >= 0.0 {
        return Some(Lowest { x: low, value: left.at(low) });
    }
    if right.slope <= 0.0 {
        return Some(Lowest { x: high, value: right.at(high) });
    }
    let cross = crossing(left, right).clamp(low, high);
    let bound = [low, cross, high].map(|x| (x, left.at(x).max(right.at(x))));
    let kept: Vec<Line> = chunks(count)
        .map(|range| {
            range.filter_map(&line).filter(|l| bound.iter().any(|&(x, y)| l.at(x) >= y)).collect::<Vec<_>>()
        })
        .collect::<Vec<_>>()
        .concat();
    Some(descend(&kept, left, right, low, high))
}

fn chunks(count: usize) -> impl IndexedParallelIterator<Item = std::ops::Range<usize>> {
    (0..count.div_ceil(CHUNK)).into_par_iter().map(move |c| c * CHUNK..((c + 1) * CHUNK).min(count))
}

/// An infinite end is replaced by a point beyond which the envelope only rises.
fn finite_end(
    count: usize,
    line: &(impl Fn(usize) -> Option<Line> + Sync),
    end: f64,
    other: f64,
    outward: f64,
) -> Option<f64> {
    if end.is_finite() {
        return Some(end);
    }
    let start = if other.is_finite() { other } else { 0.0 };
    let mut reach = 1.0;
    while reach < 1e200 {
        let x = start + outward * reach;
        if highest(count, line, x, outward)?.slope * outward >= 0.0 {
            return Some(x);
        }
        reach *= 16.0;
    }
    None
}

/// The highest line at x; among equals the one with the largest `prefer * slope`.
fn highest(
    count: usize,
    line: &(impl Fn(usize) -> Option<Line> + Sync),
    x: f64,
    prefer: f64,
) -> Option<Line> {
    let better = |a: Line, b: Line| {
        let (va, vb) = (a.at(x), b.at(x));
        if vb > va || (vb == va && prefer * b.slope > prefer * a.slope) { b } else { a }
    };
    let parts: Vec<Option<Line>> = chunks(count).map(|range| range.filter_map(line).reduce(better)).collect();
    parts.into_iter().flatten().reduce(better)
}

fn crossing(a: Line, b: Line) -> f64 {
    (a.at_zero - b.at_zero) / (b.slope - a.slope)
}

/// `left` falls and is highest at `low`, `right` rises and is highest at `high`.
fn descend(lines: &[Line], mut left: Line, mut right: Line, low: f64, high: f64) -> Lowest {
    loop {
        let x = crossing(left, right).clamp(low, high);
        let value = left.at(x).max(right.at(x));
        let above = lines
            .iter()
            .copied()
            .filter(|l| l.at(x) > value + 1e-15 * value.abs())
            .reduce(|a, b| if b.at(x) > a.at(x) { b } else { a });
        match above {
            Some(l) if l.slope > 0.0 && l.slope < right.slope => right = l,
            Some(l) if l.slope < 0.0 && l.slope > left.slope => left = l,
            Some(l) => return Lowest { x, value: l.at(x) },
            None => return Lowest { x, value },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn by_scan(lines: &[Line], low: f64, high: f64) -> Lowest {
        let top = |x: f64| lines.iter().map(|l| l.at(x)).fold(f64::NEG_INFINITY, f64::max);
        let mut points = vec![low, high];
        for a in lines {
            for b in lines {
                let x = crossing(*a, *b);
                if x > low && x < high {
                    points.push(x);
                }
            }
        }
        let x = points.into_iter().min_by(|a, b| top(*a).total_cmp(&top(*b))).unwrap();
        Lowest { x, value: top(x) }
    }

    proptest! {
        #[test]
        fn equals_the_scan_over_all_crossings(
            raw in prop::collection::vec((-5.0..5.0_f64, -5.0..5.0_f64), 1..40),
            low in -3.0..0.0_f64,
            width in 0.0..4.0_f64,
        ) {
            let lines: Vec<Line> = raw.iter().map(|&(at_zero, slope)| Line { at_zero, slope }).collect();
            let found = lowest_envelope(lines.len(), |i| Some(lines[i]), low, low + width).unwrap();
            let scan = by_scan(&lines, low, low + width);
            prop_assert!((found.value - scan.value).abs() < 1e-12 * (1.0 + scan.value.abs()));
        }
    }

    #[test]
    fn infinite_ends_and_missing_lines() {
        let lines = [Line { at_zero: 1.0, slope: -1.0 }, Line { at_zero: -3.0, slope: 1.0 }];
        let all = lowest_envelope(2, |i| Some(lines[i]), f64::NEG_INFINITY, f64::INFINITY).unwrap();
        assert_eq!((all.x, all.value), (2.0, -1.0));
        assert_eq!(lowest_envelope(2, |i| (i == 0).then_some(lines[0]), 0.0, f64::INFINITY), None);
        assert_eq!(lowest_envelope(0, |_| None, 0.0, 1.0), None);
    }
}
