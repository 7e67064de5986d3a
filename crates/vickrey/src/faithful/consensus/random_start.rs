//! A lower bound on the second eigenvalue of a Laplacian from products with it alone, for graphs that elimination fills up
//! (expanders): it holds except for starts that are drawn with a probability below 1e-16.
//!
//! **Why it is a bound.** Let c be at least the largest eigenvalue, 0 < a < c, and X = ((c + a) I - 2 L)/(c - a): eigenvalues
//! in [a, c] go to [-1, 1], l < a goes to x(l) > 1. For a unit vector q without mean let y = T_k(X) q, by the three-term
//! recurrence of the Chebyshev polynomials. If l is the second eigenvalue and v its unit vector, then |v'y| = T_k(x(l)) |v'q|.
//! So l <= mu < a would imply
//!
//! |v'q| <= ||y||/T_k(x(mu)) <= t,
//!
//! for the mu chosen below; and for q uniform on the sphere |v'q| <= t has a probability of at most t sqrt(2 N/pi) (the
//! density of one coordinate of a point of the sphere in N - 1 dimensions is at most sqrt((N - 1)/(2 pi))). With three
//! independent starts this has to happen three times. v depends on the graph alone, which does not know the draws.
//!
//! **Rounding.** Step j of the recurrence makes an error e_j, which the later steps multiply by U_(k-j)(X). Along v that is
//! at most e sum of U_i(x), i < k, = e (U_k - U_(k-1) - 1)/(2 (x - 1)) <= e T_k(x)/(x - 1), because with x = cosh p the
//! difference is cosh((k + 1/2) p)/cosh(p/2) <= 2 T_k(x). So the implication above holds with t = ||y||/T_k + e/(x - 1).
//! For e: every entry of a product is a sum of degree + 2 terms, so that e <= eps (d + 8) (2 (c + a + 4 d)/(c - a) + 2)
//! max_j ||y_j||, d the largest degree (the norm of |L| is at most 2 d). Taking the mean out after every step moves nothing
//! along v but by rounding, which the 8 covers (the mean is summed with compensation).
//!
//! Nothing has to be known of l beforehand: where a is above it, ||y|| is large and mu small.

use rand::RngExt;

use super::model::Graph;
use crate::numeric::random::{Purpose, stream};
use crate::numeric::sum::compensated;

const STARTS: usize = 3;

/// Allowed to have the probability that all starts are bad.
const CHANCE: f64 = 1e-16;

/// Products with L, times followers and neighbours: some seconds.
const EFFORT: f64 = 4e9;

/// The certified lower bound, and an upper one (a Rayleigh quotient); `most` is an upper bound on the largest eigenvalue.
pub(super) fn second(graph: &Graph, known: (f64, f64), most: f64) -> (f64, f64) {
    let steps = EFFORT / (2 * graph.edges().len() + 4 * graph.len()) as f64;
    let high = quotient(graph, known.1, most, 0.2 * steps);
    // The bound lies two shares below the quotient, if that is near the eigenvalue: as sharp as the effort allows.
    let share = (1..=40)
        .map(|k| 0.0125 * f64::from(k))
        .find(|share| STARTS as f64 * needed(graph, high, *share, most) <= 0.8 * steps);
    let share = share.unwrap_or(0.5);
    let chebyshev = Chebyshev { graph, a: (1.0 - share) * high, c: most };
    let count = needed(graph, high, share, most).min(0.8 * steps / STARTS as f64).ceil() as usize;
    let runs = (0..STARTS).map(|s| chebyshev.run(start(graph.len(), s as u64 + 1), count));
    let (mut size, mut largest) = (0.0_f64, 0.0_f64);
    for run in runs {
        (size, largest) = (size.max(norm(&run.0)), largest.max(run.1));
    }
    let low = chebyshev.bound(size * (1.0 + 1e-12), largest * (1.0 + 1e-12), count);
    (low.max(known.0).min(high), high)
}

/// t: as small as every start's part of the chance asks.
fn unlikely(n: usize) -> f64 {
    libm::pow(CHANCE, 1.0 / STARTS as f64) / (2.0 * n as f64 / std::f64::consts::PI).sqrt()
}

/// Steps after which T_k is 2/t two shares below an upper bound.
fn needed(graph: &Graph, high: f64, share: f64, most: f64) -> f64 {
    let a = (1.0 - share) * high;
    let x = 1.0 + 2.0 * share * high / (most - a);
    libm::log(4.0 / unlikely(graph.len())) / libm::acosh(x)
}

fn norm(x: &[f64]) -> f64 {
    compensated(x.iter().map(|x| x * x)).sqrt()
}

/// Uniform on the unit sphere of vectors without mean. Logarithms and cosines of the software library, as everywhere here:
/// leader and followers on different machines must come to the same bits.
fn start(n: usize, index: u64) -> Vec<f64> {
    let mut rng = stream(0, Purpose::Instance, index);
    let mut normal = || {
        let (radius, angle): (f64, f64) = (rng.random(), rng.random());
        (-2.0 * libm::log(1.0 - radius)).sqrt() * libm::cos(std::f64::consts::TAU * angle)
    };
    let mut q: Vec<f64> = (0..n).map(|_| normal()).collect();
    centre(&mut q);
    let size = norm(&q);
    q.iter_mut().for_each(|x| *x /= size);
    q
}

fn centre(x: &mut [f64]) {
    let mean = compensated(x.iter().copied()) / x.len() as f64;
    x.iter_mut().for_each(|x| *x -= mean);
}

struct Chebyshev<'a> {
    graph: &'a Graph,
    a: f64,
    c: f64,
}

impl Chebyshev<'_> {
    /// (factor X y - before), without mean.
    fn step(&self, y: &[f64], factor: f64, before: &mut [f64]) {
        let width = self.c - self.a;
        for (i, slot) in before.iter_mut().enumerate() {
            let around: f64 = self.graph.neighbours(i).iter().map(|&j| y[j]).sum();
            let bent = self.graph.degree(i) as f64 * y[i] - around;
            *slot = factor * ((self.c + self.a) * y[i] - 2.0 * bent) / width - *slot;
        }
        centre(before);
    }

    /// T_k(X) q, and the largest norm on the way.
    fn run(&self, q: Vec<f64>, k: usize) -> (Vec<f64>, f64) {
        let mut largest = norm(&q);
        let (mut y, mut next) = (q, vec![0.0; self.graph.len()]);
        // T_1 = x; afterwards T_(j+1) = 2 x T_j - T_(j-1).
        let mut factor = 1.0;
        for _ in 0..k {
            self.step(&y, factor, &mut next);
            factor = 2.0;
            std::mem::swap(&mut y, &mut next);
            largest = largest.max(norm(&y));
        }
        (y, largest)
    }

    /// mu, the largest for which t is as small as needed.
    fn bound(&self, size: f64, largest: f64, k: usize) -> f64 {
        let d = (0..self.graph.len()).map(|i| self.graph.degree(i)).max().unwrap_or(0) as f64;
        let width = self.c - self.a;
        let error = f64::EPSILON * (d + 8.0) * (2.0 * (self.c + self.a + 4.0 * d) / width + 2.0) * largest;
        let t = unlikely(self.graph.len());
        // T_k(cosh p) >= exp(k p)/2; beyond what exp can hold the first term is zero.
        let small = |x: f64| 2.0 * size * libm::exp(-(k as f64) * libm::acosh(x)) + error / (x - 1.0) <= t;
        let (mut below, mut above) = (1.0, (self.c + self.a) / width);
        if !small(above) {
            return 0.0;
        }
        for _ in 0..60 {
            let middle = 0.5 * (below + above);
            if middle > 1.0 && small(middle) { above = middle } else { below = middle }
        }
        (0.5 * ((self.c + self.a) - above * width)) * (1.0 - 1e-12) - 4.0 * f64::EPSILON * self.c
    }
}

/// An upper bound that is near the second eigenvalue: what polynomials that grow below the last bound leave of a start.
fn quotient(graph: &Graph, known: f64, most: f64, steps: f64) -> f64 {
    let (mut high, mut spent, mut count) = (known, 0.0, 16);
    let mut x = start(graph.len(), 0);
    while spent + f64::from(count) <= steps.max(64.0) {
        let chebyshev = Chebyshev { graph, a: high.min(0.5 * most), c: most };
        (x, _) = chebyshev.run(x, count as usize);
        spent += f64::from(count);
        let size = norm(&x);
        if !(size > 0.0 && size.is_finite()) {
            break;
        }
        x.iter_mut().for_each(|x| *x /= size);
        let edges = graph.edges().iter().map(|&(a, b)| (x[a] - x[b]).powi(2));
        let value = compensated(edges) / compensated(x.iter().map(|x| x * x)) * (1.0 + 1e-12);
        let settled = value >= high * (1.0 - 1e-4);
        high = high.min(value);
        if settled && count >= 64 {
            break;
        }
        count = (count * 3 / 2).min(20_000);
    }
    high
}
