//! The local search: Newton steps for the balance-coupled problem, from one start to one local optimum.

use rand::RngExt;

use super::group::{Fault, Group, Support};
use super::noise;
use super::quadratic::{self, Working};
use super::{Options, Stop};
use crate::numeric::dense;
use crate::numeric::random::{self, Purpose};
use crate::numeric::sum::compensated;

/// Controls beyond this are on the way to infinity.
const FARTHEST: f64 = 1e12;

/// Where a search ended.
#[derive(Clone, Debug)]
pub(super) struct Ended {
    pub u: Vec<f64>,
    pub own: Vec<f64>,
    pub support: Vec<Support>,
    pub stop: Stop,
    pub residual: f64,
    pub iterations: usize,
    /// The last second derivatives used; empty if none were needed.
    pub bends: Vec<Vec<f64>>,
}

impl Ended {
    pub fn welfare(&self) -> f64 {
        compensated(self.own.iter().copied())
    }
}

/// A balanced point with its values.
struct Point {
    u: Vec<f64>,
    own: Vec<f64>,
    welfare: f64,
}

impl Point {
    fn new(group: &Group<'_>, u: Vec<f64>) -> Result<Self, Fault> {
        let own = group.values(&u)?;
        let welfare = compensated(own.iter().copied());
        Ok(Self { u, own, welfare })
    }

    /// Rounding of the welfare, in money.
    fn grain(&self) -> f64 {
        1e-15 * (1.0 + self.own.iter().map(|v| v.abs()).sum::<f64>())
    }
}

/// First-order information at a point.
struct Slopes {
    gradient: Vec<f64>,
    support: Vec<Support>,
    residual: f64,
    size: f64,
}

impl Slopes {
    fn new(group: &Group<'_>, u: &[f64]) -> Result<Self, Fault> {
        let gradient = group.gradient(u)?;
        let support = Support::all(group, u, &gradient);
        let residual = support.iter().map(|s| s.residual()).fold(0.0, f64::max);
        let size = gradient.iter().fold(1.0_f64, |s, g| s.max(g.abs()));
        Ok(Self { gradient, support, residual, size })
    }

    fn price(&self) -> Vec<f64> {
        self.support.iter().map(|s| s.price()).collect()
    }
}

/// Second derivatives are computed anew after a step that did not divide the residual by this.
const BRISK: f64 = 10.0;

/// Marginal utilities that scatter by more than this, relative to the largest, are not noisy but wrong.
const ROUGHEST: f64 = 1e-5;

/// Climbs from a balanced start, with second derivatives of a similar problem to begin with, if there are any.
pub(super) fn climb(
    group: &Group<'_>,
    start: Vec<f64>,
    similar: Option<Vec<Vec<f64>>>,
    options: &Options,
) -> Result<Ended, Fault> {
    let point = Point::new(group, start)?;
    let slopes = Slopes::new(group, &point.u)?;
    let mut search = Search { group, options, point, slopes, bends: similar, steps: 0 };
    let stop = loop {
        if search.steps == options.iterations {
            break Stop::IterationLimit;
        }
        if let Some(stop) = search.step() {
            break stop;
        }
    };
    let Search { point, slopes: Slopes { support, residual, .. }, steps, bends, .. } = search;
    let bends = bends.unwrap_or_default();
    Ok(Ended { u: point.u, own: point.own, support, stop, residual, iterations: steps, bends })
}

struct Search<'a> {
    group: &'a Group<'a>,
    options: &'a Options,
    point: Point,
    slopes: Slopes,
    /// Second derivatives, perhaps of an earlier point: they are dear, and a step needs them only roughly.
    bends: Option<Vec<Vec<f64>>>,
    steps: usize,
}

impl Search<'_> {
    /// One step; the reason if there is none.
    fn step(&mut self) -> Option<Stop> {
        if self.slopes.residual <= self.options.tolerance * self.slopes.size {
            return self.top();
        }
        if let Some(bends) = &self.bends
            && let Some(next) = advance(self.group, &self.point, &self.slopes, bends)
        {
            return self.take(next);
        }
        let Ok(bends) = self.group.hessians(&self.point.u) else { return Some(Stop::NotFinite) };
        let next = advance(self.group, &self.point, &self.slopes, &bends);
        self.bends = Some(bends);
        match next {
            Some(next) => self.take(next),
            None if self.drowned() => self.top(),
            None => Some(Stop::Stalled),
        }
    }

    /// Whether all that is left of the residual is the noise of the derivatives: it is a difference of two of them, the
    /// extremes of all, at a point that was found with others as noisy. Three standard deviations for each of the four.
    fn drowned(&self) -> bool {
        let noise = noise::of_gradient(self.group, &self.point.u);
        noise.is_some_and(|n| self.slopes.residual <= (6.0 * n).min(ROUGHEST * self.slopes.size))
    }

    /// At a stationary point: done, or away from it.
    fn top(&mut self) -> Option<Stop> {
        if self.group.plants.iter().all(|p| p.concave()) {
            return Some(Stop::Converged);
        }
        let Ok(bends) = self.group.hessians(&self.point.u) else { return Some(Stop::NotFinite) };
        let found = escape(self.group, &self.point, &self.slopes, &bends, self.options);
        self.bends = Some(bends);
        match found {
            Flat::Maximum => Some(Stop::Converged),
            Flat::Saddle => Some(Stop::Saddle),
            Flat::Left(next) => self.take(next),
        }
    }

    fn take(&mut self, next: Point) -> Option<Stop> {
        self.steps += 1;
        if next.u.iter().any(|u| u.abs() > FARTHEST) {
            self.point = next;
            return Some(Stop::Unbounded);
        }
        let Ok(slopes) = Slopes::new(self.group, &next.u) else { return Some(Stop::NotFinite) };
        if slopes.residual * BRISK > self.slopes.residual {
            self.bends = None;
        }
        (self.point, self.slopes) = (next, slopes);
        None
    }
}

/// One step of the search; `None` if nothing helps any more.
fn advance(group: &Group<'_>, point: &Point, slopes: &Slopes, hessians: &[Vec<f64>]) -> Option<Point> {
    let periods = group.periods();
    let negated: Vec<Vec<f64>> = hessians.iter().map(|h| h.iter().map(|x| -x).collect()).collect();
    let bend = negated.iter().flatten().fold(0.0_f64, |s, x| s.max(x.abs()));
    // Linear plants have no curvature: a little of it turns the step into one of proximal points.
    let floor = 1e-8 * bend.max(if bend > 0.0 { 0.0 } else { slopes.size });
    let mut all_definite = true;
    let model: Vec<Vec<f64>> = negated
        .iter()
        .map(|m| {
            let (m, definite) = dense::definite(m.clone(), periods, floor);
            all_definite &= definite;
            m
        })
        .collect();
    let working = Working::at(group, &point.u, &slopes.gradient, &slopes.price());
    if !all_definite {
        let exact = newton(group, slopes, &negated, &working.free);
        if let Some(next) = exact.and_then(|step| polished(group, point, slopes, &step, 0.1)) {
            return Some(next);
        }
    }
    let best = quadratic::best_move(group, &point.u, &slopes.gradient, &model, working)?;
    search_line(group, point, slopes, &best.step, &best.free)
        .or_else(|| polished(group, point, slopes, &best.step, 0.5))
}

/// Backtracks along a step until the welfare rises by a share of what the slope promises.
fn search_line(
    group: &Group<'_>,
    point: &Point,
    slopes: &Slopes,
    step: &[f64],
    free: &[bool],
) -> Option<Point> {
    let promised: f64 = slopes.gradient.iter().zip(step).map(|(g, d)| g * d).sum();
    if promised.is_nan() || promised <= 8.0 * point.grain() {
        return None;
    }
    let mut length = 1.0;
    for halvings in 0..50 {
        // A shorter step promises less than welfare can tell: any would pass, also one that does not move.
        if halvings > 0 && length * promised <= 8.0 * point.grain() {
            return None;
        }
        let mut u = shifted(group, &point.u, step, length);
        if halvings == 0 {
            hold(group, &mut u, step, free);
        }
        group.trim(&mut u);
        if let Ok(next) = Point::new(group, u)
            && next.welfare >= point.welfare + 1e-4 * length * promised
        {
            // A quadratic rises by half of the promise. Much more: there is less curvature than the model has.
            let straight = halvings == 0 && next.welfare >= point.welfare + 0.9 * promised;
            return Some(if straight { stretch(group, point, step, next) } else { next });
        }
        length *= 0.5;
    }
    None
}

/// Goes on along a step, within the bounds, as long as welfare rises.
fn stretch(group: &Group<'_>, point: &Point, step: &[f64], mut reached: Point) -> Point {
    let room = |(j, &d): (usize, &f64)| {
        let bound = if d > 0.0 { group.high[j] } else { group.low[j] };
        if d == 0.0 { f64::INFINITY } else { (bound - point.u[j]) / d }
    };
    let longest = step.iter().enumerate().map(room).fold(f64::INFINITY, f64::min);
    let mut length = 1.0;
    while length < longest && length < 1e15 {
        length = (4.0 * length).min(longest);
        let mut u = shifted(group, &point.u, step, length);
        group.trim(&mut u);
        let far = u.iter().any(|u| u.abs() > 10.0 * FARTHEST);
        match Point::new(group, u) {
            Ok(next) if next.welfare > reached.welfare && !far => reached = next,
            _ => break,
        }
    }
    reached
}

/// A full step where welfare no longer tells points apart: taken if the residual falls to `share` of what it was.
fn polished(group: &Group<'_>, point: &Point, slopes: &Slopes, step: &[f64], share: f64) -> Option<Point> {
    let mut u = shifted(group, &point.u, step, 1.0);
    group.trim(&mut u);
    let next = Point::new(group, u).ok()?;
    let better = Slopes::new(group, &next.u).ok()?.residual <= share * slopes.residual;
    (better && next.welfare >= point.welfare - 8.0 * point.grain()).then_some(next)
}

fn shifted(group: &Group<'_>, u: &[f64], step: &[f64], length: f64) -> Vec<f64> {
    (0..u.len()).map(|j| (u[j] + length * step[j]).clamp(group.low[j], group.high[j])).collect()
}

/// Puts controls that the step holds at a bound there exactly.
fn hold(group: &Group<'_>, u: &mut [f64], step: &[f64], free: &[bool]) {
    for j in (0..u.len()).filter(|&j| !free[j] && step[j] != 0.0) {
        u[j] = if step[j] > 0.0 { group.high[j] } else { group.low[j] };
    }
}

/// The Newton step with second derivatives as they are: near a maximum at which single agents are not concave it
/// converges fast where the model with sizes of eigenvalues does not. Only [`polished`] steps use it.
fn newton(group: &Group<'_>, slopes: &Slopes, negated: &[Vec<f64>], free: &[bool]) -> Option<Vec<f64>> {
    let periods = group.periods();
    let (mut s, mut wish) = (vec![0.0; periods * periods], vec![0.0; periods]);
    let mut inverses = Vec::with_capacity(group.len());
    for (k, m) in negated.iter().enumerate() {
        let inverse = indefinite_inverse(m, periods, &free[k * periods..(k + 1) * periods])?;
        s.iter_mut().zip(&inverse).for_each(|(s, x)| *s += x);
        let pull = dense::times(&inverse, &slopes.gradient[k * periods..(k + 1) * periods]);
        wish.iter_mut().zip(pull).for_each(|(w, p)| *w += p);
        inverses.push(inverse);
    }
    let mu = dense::eliminate(s, periods, wish, 1)?;
    let mut step = Vec::with_capacity(free.len());
    for (k, inverse) in inverses.iter().enumerate() {
        let pull: Vec<f64> = (0..periods).map(|t| slopes.gradient[k * periods + t] - mu[t]).collect();
        step.extend(dense::times(inverse, &pull));
    }
    step.iter().all(|d| d.is_finite()).then_some(step)
}

/// The inverse of a symmetric matrix on its free rows and columns, zero elsewhere.
fn indefinite_inverse(m: &[f64], n: usize, free: &[bool]) -> Option<Vec<f64>> {
    let rows: Vec<usize> = (0..n).filter(|&t| free[t]).collect();
    let k = rows.len();
    let part: Vec<f64> = rows.iter().flat_map(|&r| rows.iter().map(move |&c| m[r * n + c])).collect();
    let mut unit = vec![0.0; k * k];
    (0..k).for_each(|i| unit[i * k + i] = 1.0);
    let small = dense::eliminate(part, k, unit, k)?;
    let mut inverse = vec![0.0; n * n];
    for (a, &r) in rows.iter().enumerate() {
        for (b, &c) in rows.iter().enumerate() {
            inverse[r * n + c] = small[a * k + b];
        }
    }
    Some(inverse)
}

/// What a stationary point turned out to be.
enum Flat {
    Maximum,
    Saddle,
    Left(Point),
}

/// Looks for a feasible direction along which welfare curves upwards, and leaves along it.
fn escape(
    group: &Group<'_>,
    point: &Point,
    slopes: &Slopes,
    hessians: &[Vec<f64>],
    options: &Options,
) -> Flat {
    let periods = group.periods();
    let bend = hessians.iter().flatten().fold(0.0_f64, |s, x| s.max(x.abs()));
    let concave = |h: &Vec<f64>| {
        let negated: Vec<f64> = h.iter().map(|x| -x).collect();
        dense::cholesky(&negated, periods, 1e-12 * bend).is_some()
    };
    if bend == 0.0 || hessians.iter().all(concave) {
        return Flat::Maximum;
    }
    let free = Working::at(group, &point.u, &slopes.gradient, &slopes.price()).free;
    let (curvature, direction) = steepest_curvature(group, hessians, &free, options);
    // Second derivatives are differences: what is below their accuracy is no evidence.
    if curvature <= 1e-5 * bend {
        return Flat::Maximum;
    }
    let largest = direction.iter().fold(0.0_f64, |s, d| s.max(d.abs()));
    for shrink in 0..12 {
        for sign in [1.0, -1.0] {
            let length = sign * options.spread / largest * 0.25_f64.powi(shrink);
            let mut u = shifted(group, &point.u, &direction, length);
            group.balance(&mut u);
            if let Ok(next) = Point::new(group, u)
                && next.welfare > point.welfare + 64.0 * point.grain()
            {
                return Flat::Left(next);
            }
        }
    }
    Flat::Saddle
}

/// The largest curvature of welfare over moves of free controls that keep the balance, by power iteration from below:
/// never more than the true one.
fn steepest_curvature(
    group: &Group<'_>,
    hessians: &[Vec<f64>],
    free: &[bool],
    options: &Options,
) -> (f64, Vec<f64>) {
    let periods = group.periods();
    let row_sums = hessians.iter().flat_map(|h| h.chunks_exact(periods));
    let shift = row_sums.map(|row| row.iter().map(|x| x.abs()).sum()).fold(0.0_f64, f64::max);
    let mut rng = random::stream(options.seed, Purpose::Instance, u64::MAX);
    let mut v: Vec<f64> = free.iter().map(|_| rng.random::<f64>() - 0.5).collect();
    let mut curvature = f64::NEG_INFINITY;
    for _ in 0..300 {
        tangent(group, free, &mut v);
        let norm = v.iter().map(|x| x * x).sum::<f64>().sqrt();
        if norm == 0.0 {
            return (f64::NEG_INFINITY, v);
        }
        v.iter_mut().for_each(|x| *x /= norm);
        let bent: Vec<f64> = hessians
            .iter()
            .enumerate()
            .flat_map(|(k, h)| dense::times(h, &v[k * periods..(k + 1) * periods]))
            .collect();
        let next = v.iter().zip(&bent).map(|(x, y)| x * y).sum::<f64>();
        let settled = (next - curvature).abs() <= 1e-6 * shift && next > 1e-5 * shift;
        curvature = next;
        if settled {
            break;
        }
        v.iter_mut().zip(&bent).for_each(|(x, y)| *x = shift * *x + y);
    }
    tangent(group, free, &mut v);
    (curvature, v)
}

/// Drops what moves held controls or breaks the balance.
fn tangent(group: &Group<'_>, free: &[bool], v: &mut [f64]) {
    let periods = group.periods();
    for t in 0..periods {
        let places = || (0..group.len()).map(|k| k * periods + t);
        let count = places().filter(|&j| free[j]).count();
        let mean = places().filter(|&j| free[j]).map(|j| v[j]).sum::<f64>() / count.max(1) as f64;
        for j in places() {
            v[j] = if free[j] { v[j] - mean } else { 0.0 };
        }
    }
}
