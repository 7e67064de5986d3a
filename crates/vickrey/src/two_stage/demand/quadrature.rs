//! All expectations of the unconstrained market in one pass (paper 001, section IV).
//!
//! With a_j = 1 / delta_j and S the sum of all a_j, `1 / S` is the integral of exp(-S t) over t from 0 on, and the
//! expectation of exp(-S t) is the product of `phi_j(t) = E exp(-a_j t)`. So every leave-one-out expectation is an integral
//! of the same product without a factor, and what a player adds is an integral by itself,
//! `E[1/S_-i] - E[1/S] = integral of (1 - phi_i) * product over j != i of phi_j`: nothing is ever subtracted.
//!
//! With t = exp(u) the integrand is a mixture of Gamma kernels of one width, for which the trapezoid rule with step h
//! errs by at most 2 |Gamma(2 + 2 pi i / h)|, whatever the players: far below rounding for h = (ln 2) / 4. With that step t
//! doubles every four nodes, so of all exponentials only the first four of each type have to be computed: the others are
//! squares.

use multiversion::multiversion;
use rayon::prelude::*;

use super::model::Lottery;
use crate::mechanism::AgentId;
use crate::two_stage::law::Law;

/// Nodes until t has doubled.
const CHAINS: usize = 4;
/// Terms of a factor that are computed side by side.
const TERMS: usize = 2;
/// The first node: exp(-40) is below rounding.
const LOW: f64 = -40.0;

/// A factor of the product: the law of one a_j. Zero-probability values are left out.
#[derive(Clone, Debug)]
struct Factor {
    /// 1 / delta and its probability.
    terms: Vec<(f64, f64)>,
}

/// Expectations that all payments follow from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expectations {
    /// kappa = E[1/S].
    pub inverse: f64,
    /// By player: E[1/S_-i] - E[1/S].
    pub marginal: Vec<f64>,
    /// By player: E[a_i / S²].
    pub own: Vec<f64>,
    /// E[a_s / S²] of the reserve; 0 if there is none.
    pub reserve: f64,
}

impl Expectations {
    /// kappa_-i = E[1/S_-i].
    pub fn inverse_without(&self, player: AgentId) -> f64 {
        self.inverse + self.marginal[player]
    }
}

/// By node: phi, 1 - phi and E[a exp(-a t)] of one factor.
struct Transforms {
    phi: Vec<f64>,
    rest: Vec<f64>,
    weighted: Vec<f64>,
}

/// The nodes and the weight h t of each.
struct Nodes {
    at: Vec<f64>,
}

/// Step of the trapezoid rule in u = ln t.
const STEP: f64 = std::f64::consts::LN_2 / CHAINS as f64;

impl Factor {
    fn new(deltas: &[f64], law: &Law) -> Self {
        let likely = deltas.iter().zip(law.probabilities()).filter(|(_, p)| **p > 0.0);
        Self { terms: likely.map(|(delta, p)| (1.0 / delta, *p)).collect() }
    }

    fn mean(&self) -> f64 {
        self.terms.iter().map(|(a, p)| a * p).sum()
    }

    fn least(&self) -> f64 {
        self.terms.iter().map(|(a, _)| *a).fold(f64::INFINITY, f64::min)
    }

    fn transforms(&self, nodes: &Nodes) -> Transforms {
        let count = nodes.at.len();
        let mut all =
            Transforms { phi: vec![0.0; count], rest: vec![0.0; count], weighted: vec![0.0; count] };
        for pair in self.terms.chunks(TERMS) {
            add_terms(pair, &nodes.at, &mut all);
        }
        all
    }
}

/// Adds what one or two values of a_j contribute to the transforms.
///
/// With e = exp(-a t) and m = 1 - e: while m is small it is doubled, m (2 - m), which keeps its relative accuracy; when it
/// is not, e is squared.
#[multiversion(targets("x86_64+avx2+fma"))]
fn add_terms(terms: &[(f64, f64)], nodes: &[f64], all: &mut Transforms) {
    const LANES: usize = CHAINS * TERMS;
    let (mut e, mut m, mut p, mut pa) = ([1.0; LANES], [0.0; LANES], [0.0; LANES], [0.0; LANES]);
    for (k, (a, chance)) in terms.iter().enumerate() {
        for (c, node) in nodes.iter().take(CHAINS).enumerate() {
            let lane = k * CHAINS + c;
            m[lane] = -libm::expm1(-a * node);
            e[lane] = libm::exp(-a * node);
            (p[lane], pa[lane]) = (*chance, chance * a);
        }
    }
    let outs = all.phi.chunks_exact_mut(CHAINS).zip(all.rest.chunks_exact_mut(CHAINS));
    for ((phi, rest), weighted) in outs.zip(all.weighted.chunks_exact_mut(CHAINS)) {
        for (c, ((phi, rest), weighted)) in phi.iter_mut().zip(rest).zip(weighted).enumerate() {
            *phi += p[c] * e[c] + p[CHAINS + c] * e[CHAINS + c];
            *rest += p[c] * m[c] + p[CHAINS + c] * m[CHAINS + c];
            *weighted += pa[c] * e[c] + pa[CHAINS + c] * e[CHAINS + c];
        }
        for lane in 0..LANES {
            let doubled = m[lane] * (2.0 - m[lane]);
            let squared = e[lane] * e[lane];
            let small = doubled < 0.5;
            e[lane] = if small { 1.0 - doubled } else { squared };
            m[lane] = if small { doubled } else { 1.0 - squared };
        }
    }
}

impl Nodes {
    /// From where the integrand is nothing yet to where it is nothing any more.
    fn new(factors: &[Factor], players: usize) -> Self {
        let mean: f64 = factors.iter().map(Factor::mean).sum();
        // The smallest sum without one player: without the one whose least is largest.
        let leasts: Vec<f64> = factors.iter().map(Factor::least).collect();
        let largest = (0..players).max_by(|i, j| leasts[*i].total_cmp(&leasts[*j]));
        let others = leasts.iter().enumerate().filter(|(j, _)| Some(*j) != largest);
        let smallest: f64 = others.map(|(_, a)| a).sum();
        let start = libm::exp(LOW) / mean;
        let ratio = mean / smallest;
        let high = libm::log(ratio) + libm::log(45.0 + libm::log(ratio));
        let count = (((high - LOW) / STEP).ceil() as usize + 1).next_multiple_of(CHAINS);
        let root = std::f64::consts::SQRT_2.sqrt();
        let roots = [1.0, root, std::f64::consts::SQRT_2, std::f64::consts::SQRT_2 * root];
        let mut at = Vec::with_capacity(count);
        for k in 0..count {
            at.push(if k < CHAINS { start * roots[k] } else { 2.0 * at[k - CHAINS] });
        }
        Self { at }
    }
}

/// Expectations over the types of all players, by their laws, and over the reserve's cost.
///
/// # Panics
/// There is one player and no reserve (checked when a market is built).
pub fn expectations(types: &[&[f64]], laws: &[&Law], reserve: Option<&Lottery>) -> Expectations {
    assert!(types.len() + usize::from(reserve.is_some()) > 1, "somebody is left without a player");
    let players = types.len();
    let mut factors: Vec<Factor> = types.iter().zip(laws).map(|(t, law)| Factor::new(t, law)).collect();
    factors.extend(reserve.map(|lottery| Factor::new(lottery.values(), lottery.law())));
    let nodes = Nodes::new(&factors, players);
    let transforms: Vec<Transforms> =
        factors.par_iter().with_min_len(16).map(|f| f.transforms(&nodes)).collect();
    let mut found = products(&transforms, &nodes);
    let reserve = if reserve.is_some() { found.own.pop().unwrap_or(0.0) } else { 0.0 };
    found.marginal.truncate(players);
    Expectations { reserve, ..found }
}

/// Integrals of products that leave one factor out: products of all factors before it, and of all behind it.
fn products(transforms: &[Transforms], nodes: &Nodes) -> Expectations {
    let count = nodes.at.len();
    let mut before = vec![vec![1.0; count]];
    for transform in transforms {
        let last = &before[before.len() - 1];
        let next = last.iter().zip(&transform.phi).map(|(product, phi)| product * phi).collect();
        before.push(next);
    }
    let total = before.pop().unwrap_or_default();
    let inverse = integral(&total, nodes);
    let mut behind = vec![1.0; count];
    let (mut marginal, mut own) = (vec![0.0; transforms.len()], vec![0.0; transforms.len()]);
    let mut sums = vec![[0.0; 2]; count];
    for (j, transform) in transforms.iter().enumerate().rev() {
        for (k, sums) in sums.iter_mut().enumerate() {
            let others = before[j][k] * behind[k] * nodes.at[k];
            *sums = [transform.rest[k] * others, transform.weighted[k] * others * nodes.at[k]];
            behind[k] *= transform.phi[k];
        }
        let [a, b] = sums.iter().fold([0.0; 2], |[a, b], [x, y]| [a + x, b + y]);
        (marginal[j], own[j]) = (STEP * a, STEP * b);
    }
    Expectations { inverse, marginal, own, reserve: 0.0 }
}

fn integral(product: &[f64], nodes: &Nodes) -> f64 {
    STEP * product.iter().zip(&nodes.at).map(|(p, t)| p * t).sum::<f64>()
}
