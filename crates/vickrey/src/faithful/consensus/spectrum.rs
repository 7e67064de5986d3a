//! How fast a graph agrees: the second smallest and the largest eigenvalue of its Laplacian L = B B', each between two
//! bounds.
//!
//! The test of Algorithm 2 must never fail a faithful follower, so the second eigenvalue counts by its lower bound and
//! the largest by its upper one. On a tree the nonzero eigenvalues of B B' are those of B' B, which the paper uses.

use super::inertia::{self, Elimination};
use super::model::{Graph, Rooted};
use super::random_start;
use crate::numeric::eigen::Tridiagonal;

/// Above this many followers a graph with cycles is not reduced to three diagonals any more, which takes 4 N³/3 operations, a
/// second or so at this size.
const MOST_DENSE: usize = 800;

/// Products of one elimination up to which signs of pivots are counted, a fraction of a second; some ten are needed.
const MOST_PRODUCTS: usize = 400_000_000;

/// How the bounds were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Signs of pivots along the tree: both eigenvalues to rounding.
    Tree,
    /// All of the matrix: both eigenvalues to rounding.
    Dense,
    /// Signs of pivots of sparse elimination: the second to six digits or so; the largest by degrees, up to twice too large.
    Elimination,
    /// Polynomials on three random starts: the second within a few per cent where it is not very small, from below except
    /// for starts that have a probability of less than 1e-16; the largest by degrees.
    RandomStart,
}

/// Two eigenvalues of the Laplacian, each as an interval that contains it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spectrum {
    /// The second smallest: what disagreement falls by. Positive, as the graph is connected.
    pub second: (f64, f64),
    /// The largest: what limits the step.
    pub largest: (f64, f64),
    /// How they were found.
    pub method: Method,
}

impl Spectrum {
    /// The eigenvalues of a connected graph.
    pub fn of(graph: &Graph) -> Self {
        if graph.is_tree() {
            return Sturm::new(graph).spectrum();
        }
        let bounds = degrees(graph);
        let spanning = Sturm::new(graph).second();
        if graph.len() > MOST_DENSE {
            // An edge more never lowers an eigenvalue: a spanning tree bounds it from below.
            let known = (spanning.0.min(bounds.second), bounds.second);
            let (second, method) = match Elimination::plan(graph, MOST_PRODUCTS) {
                Some(plan) => (inertia::second(graph, &plan, known), Method::Elimination),
                None => (random_start::second(graph, known, bounds.largest.1), Method::RandomStart),
            };
            return Self { second, largest: bounds.largest, method };
        }
        let n = graph.len();
        let three = Tridiagonal::new(n, laplacian(graph));
        let (second, largest) = (three.eigenvalue(1), three.eigenvalue(n - 1));
        Self {
            second: (second.0.max(spanning.0), second.1.min(bounds.second)),
            largest: (largest.0.max(bounds.largest.0), largest.1.min(bounds.largest.1)),
            method: Method::Dense,
        }
    }

    /// The middles of the two intervals, for what is printed and not relied on.
    pub fn middle(&self) -> (f64, f64) {
        (0.5 * (self.second.0 + self.second.1), 0.5 * (self.largest.0 + self.largest.1))
    }
}

struct Degrees {
    /// Upper bound on the second eigenvalue: N/(N-1) times the smallest degree (Fiedler).
    second: f64,
    /// Bounds on the largest one: the largest degree plus one (Grone and Merris), the largest sum of the degrees of two
    /// neighbours (Anderson and Morley).
    largest: (f64, f64),
}

fn degrees(graph: &Graph) -> Degrees {
    let n = graph.len();
    let degree = |i: usize| graph.degree(i) as f64;
    let (least, most) =
        (0..n).fold((f64::INFINITY, 0.0_f64), |(l, m), i| (l.min(degree(i)), m.max(degree(i))));
    let pair = graph.edges().iter().map(|&(a, b)| degree(a) + degree(b)).fold(0.0, f64::max);
    Degrees { second: least * n as f64 / (n as f64 - 1.0), largest: (most + 1.0, pair) }
}

fn laplacian(graph: &Graph) -> Vec<f64> {
    let n = graph.len();
    let mut matrix = vec![0.0; n * n];
    for i in 0..n {
        matrix[i * n + i] = graph.degree(i) as f64;
        for &j in graph.neighbours(i) {
            matrix[i * n + j] = -1.0;
        }
    }
    matrix
}

/// Counts eigenvalues of a tree's Laplacian by the signs of pivots, from the leaves to the root.
///
/// With s subtracted on the diagonal, what is left of a subtree at its top is 1 + r with
/// r = -s + sum over children of r_c / (1 + r_c). The 1 (the edge to the parent) is never mixed with r, so that a small s
/// keeps all its digits: eigenvalues are found to a relative error of roundings times depth, however small.
struct Sturm {
    tree: Rooted,
    degrees: Degrees,
    margin: f64,
}

impl Sturm {
    /// For a tree, or for a spanning tree of a graph.
    fn new(graph: &Graph) -> Self {
        let root = (0..graph.len()).max_by_key(|&i| graph.degree(i)).unwrap_or(0);
        let tree = graph.rooted(root);
        let mut children = vec![0_usize; graph.len()];
        for &i in &tree.order[1..] {
            children[tree.parent[i]] += 1;
        }
        let mut roundings = vec![0_usize; graph.len()];
        for &i in &tree.order {
            roundings[i] = roundings[tree.parent[i]] + children[i] + 4;
        }
        // Each rounding scales a subtree's part of numerator and denominator of the Rayleigh quotient alike, but not
        // the rest's: they add up from a leaf to the root.
        let margin = 2.0 * f64::EPSILON * roundings.into_iter().max().unwrap_or(0) as f64;
        Self { tree, degrees: degrees(graph), margin }
    }

    /// How many eigenvalues lie below s; `rest` is scratch, one number for each follower.
    fn below(&self, s: f64, rest: &mut [f64]) -> usize {
        rest.fill(-s);
        let mut count = 0;
        for &i in self.tree.order[1..].iter().rev() {
            let mut pivot = 1.0 + rest[i];
            if pivot == 0.0 {
                pivot = -1e-300; // counts as negative: the second eigenvalue is bounded from below
            }
            count += usize::from(pivot < 0.0);
            rest[self.tree.parent[i]] += rest[i] / pivot;
        }
        count + usize::from(rest[self.tree.order[0]] < 0.0)
    }

    /// The second smallest eigenvalue of the tree.
    fn second(&self) -> (f64, f64) {
        let n = self.tree.order.len() as f64;
        let mut rest = vec![0.0; self.tree.order.len()];
        // A tree has a leaf; 4/(N diameter) bounds the eigenvalue from below (Mohar).
        let (mut low, mut high) = (4.0 / (n * n), n / (n - 1.0));
        while high > low * (1.0 + 2.0 * f64::EPSILON) {
            let middle = if high > 2.0 * low { (low * high).sqrt() } else { 0.5 * (low + high) };
            if middle <= low || middle >= high {
                break;
            }
            if self.below(middle, &mut rest) <= 1 { low = middle } else { high = middle }
        }
        (low * (1.0 - self.margin), high * (1.0 + self.margin))
    }

    fn largest(&self) -> (f64, f64) {
        let all = self.tree.order.len();
        let mut rest = vec![0.0; all];
        let (mut low, mut high) = self.degrees.largest;
        while high > low * (1.0 + 2.0 * f64::EPSILON) {
            let middle = 0.5 * (low + high);
            if middle <= low || middle >= high {
                break;
            }
            if self.below(middle, &mut rest) == all { high = middle } else { low = middle }
        }
        (low * (1.0 - self.margin), high * (1.0 + self.margin))
    }

    fn spectrum(&self) -> Spectrum {
        Spectrum { second: self.second(), largest: self.largest(), method: Method::Tree }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::random::{Purpose, stream};
    use proptest::prelude::*;
    use rand::RngExt;
    use std::f64::consts::PI;

    fn known(graph: &Graph, second: f64, largest: f64) {
        let found = Spectrum::of(graph);
        for ((low, high), known) in [(found.second, second), (found.largest, largest)] {
            assert!(low <= known * (1.0 + 1e-15) && known * (1.0 - 1e-15) <= high, "{low} {known} {high}");
            assert!(high / low - 1.0 < 1e-9, "{low} {high}");
        }
    }

    #[test]
    fn paths_and_stars() {
        for n in [2, 3, 5, 100, 100_000] {
            let half = PI / (2 * n) as f64;
            known(&Graph::path(n).unwrap(), 4.0 * half.sin().powi(2), 4.0 * half.cos().powi(2));
        }
        known(&Graph::star(6).unwrap(), 1.0, 6.0);
        known(&Graph::star(10_000).unwrap(), 1.0, 10_000.0);
    }

    /// Signs along a tree against the reduction of the whole matrix.
    #[test]
    fn random_trees_two_ways() {
        for seed in 0..40 {
            let mut rng = stream(seed, Purpose::Instance, 0);
            let n = 2 + seed as usize;
            let graph = Graph::new(n, (1..n).map(|i| (rng.random_range(0..i), i)).collect()).unwrap();
            let three = Tridiagonal::new(n, laplacian(&graph));
            let (low, high) = three.eigenvalue(1);
            let found = Spectrum::of(&graph);
            assert!(found.second.0 <= high && low <= found.second.1, "{seed}: {found:?} {low} {high}");
            let (low, high) = three.eigenvalue(n - 1);
            assert!(found.largest.0 <= high && low <= found.largest.1, "{seed}: {found:?} {low} {high}");
        }
    }

    fn cycle(n: usize) -> Graph {
        Graph::new(n, (0..n).map(|i| (i, (i + 1) % n)).collect()).unwrap()
    }

    /// Random edges beside those of a random tree.
    fn scattered(n: usize, more: usize, seed: u64) -> Graph {
        let mut rng = stream(seed, Purpose::Instance, 7);
        let mut edges: Vec<(usize, usize)> = (1..n).map(|i| (rng.random_range(0..i), i)).collect();
        edges.extend((0..more).map(|_| (rng.random_range(0..n), rng.random_range(0..n))));
        edges.iter_mut().for_each(|e| *e = (e.0.min(e.1), e.0.max(e.1)));
        edges.sort_unstable();
        edges.dedup();
        edges.retain(|e| e.0 != e.1);
        Graph::new(n, edges).unwrap()
    }

    #[test]
    fn cycles_small_and_large() {
        known(&cycle(8), 4.0 * (PI / 8.0).sin().powi(2), 4.0);
        for n in [801, 3000, 100_000] {
            let found = Spectrum::of(&cycle(n));
            let second = 4.0 * (PI / n as f64).sin().powi(2);
            assert_eq!(found.method, Method::Elimination);
            assert!(found.second.0 <= second && second <= found.second.1, "{found:?} {second}");
            // The root of rounding, relative to a small eigenvalue that there is twice.
            assert!(found.second.1 / found.second.0 - 1.0 < 1e-6 + 1e-11 / second, "{found:?} {second}");
            assert!(found.largest.0 <= 4.0 && 4.0 <= found.largest.1);
        }
    }

    /// 60 000 edges in the plane: known, and elimination stays sparse.
    #[test]
    fn a_large_grid() {
        let (rows, columns) = (150, 200);
        let at = |r: usize, c: usize| r * columns + c;
        let mut edges: Vec<(usize, usize)> =
            (0..rows).flat_map(|r| (1..columns).map(move |c| (at(r, c - 1), at(r, c)))).collect();
        edges.extend((1..rows).flat_map(|r| (0..columns).map(move |c| (at(r - 1, c), at(r, c)))));
        let found = Spectrum::of(&Graph::new(rows * columns, edges).unwrap());
        let second = 4.0 * (PI / (2 * columns) as f64).sin().powi(2);
        assert_eq!(found.method, Method::Elimination);
        assert!(found.second.0 <= second && second <= found.second.1, "{found:?} {second}");
        assert!(found.second.1 / found.second.0 - 1.0 < 1e-5, "{found:?} {second}");
    }

    /// 40 000 random edges: elimination would fill up.
    #[test]
    fn a_large_random_graph() {
        let found = Spectrum::of(&scattered(8000, 32_000, 1));
        assert_eq!(found.method, Method::RandomStart);
        assert!(found.second.0 > 0.9 * found.second.1 && found.second.1 < 1.0, "{found:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Both ways of large graphs against all of the matrix, on small ones.
        #[test]
        fn small_graphs_three_ways(n in 2..60_usize, more in 0..200_usize, seed in any::<u64>()) {
            let graph = scattered(n, more, seed);
            let three = Tridiagonal::new(n, laplacian(&graph));
            let (low, high) = three.eigenvalue(1);
            let bounds = degrees(&graph);
            let known = (Sturm::new(&graph).second().0.min(bounds.second), bounds.second);
            let plan = Elimination::plan(&graph, usize::MAX).unwrap();
            let counted = inertia::second(&graph, &plan, known);
            prop_assert!(counted.0 <= high && low <= counted.1, "{:?} {} {}", counted, low, high);
            prop_assert!(counted.1 / counted.0 - 1.0 < 1e-5, "{:?} {} {}", counted, low, high);
            let drawn = random_start::second(&graph, known, bounds.largest.1);
            prop_assert!(drawn.0 <= high && low <= drawn.1, "{:?} {} {}", drawn, low, high);
            prop_assert!(drawn.1 / drawn.0 - 1.0 < 0.06, "{:?} {} {}", drawn, low, high);
        }
    }
}
