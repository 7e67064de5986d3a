//! What a lie costs, from second moments of the liar's own (true, recorded) states alone.
//!
//! If the others are truthful, an agent's expected net utility is E[welfare of the policy that results] - c H_i, and H_i
//! is free of everything the agent says. A lie makes the recorded state differ from the true one by delta(s), the trades of
//! that period by K_s delta, and the welfare of the rest by
//!
//! ```text
//! -delta' G_s delta,   G_s = -(K_s e_i)'M_s (K_s e_i) = -m kappa'kappa - beta_s'Z_s beta_s + a'beta_{s+1}'Z_{s+1} beta_{s+1} a
//! ```
//!
//! with M_s = R + B'P_{s+1}B < 0 and Z = (-S)^-1: G_s is positive semidefinite, so no bid at all, linear or not, can gain.
//! And delta follows its own law, delta(s) = bid(s) - (w(s) - a delta(s-1)), in which the market does not occur: the
//! expected loss of a linear lie is a sum of T traces.

use rayon::prelude::*;

use super::play::{LinearLie, bid_covariances};
use crate::lq::group::{Group, LANES, Lane};
use crate::lq::model::Market;
use crate::lq::regulator::{Block, Dim, Many, ZERO};
use crate::lq::solve::aggregate::Aggregate;
use crate::mechanism::AgentId;
use crate::numeric::cholesky::Cholesky;

/// The matrices G_s of one agent, and what else its expected losses need.
#[derive(Clone, Debug)]
pub struct Regret {
    agent: AgentId,
    states: usize,
    /// G_s, D x D, by period: money per squared distance between recorded and true state.
    weights: Vec<Vec<f64>>,
    /// The size of the terms that G_s is a difference of.
    sizes: Vec<f64>,
    /// A by period.
    a: Vec<Vec<f64>>,
    start: Vec<f64>,
    /// Covariance of what arrives, by period.
    covariance: Vec<Vec<f64>>,
}

impl Regret {
    /// The regrets of some agents.
    pub fn of(market: &Market, aggregate: &Aggregate, agents: &[AgentId]) -> Vec<Self> {
        agents.par_iter().map(|&agent| Self::new(market, aggregate, agent)).collect()
    }

    /// The regret of one agent, O(D T³).
    pub fn new(market: &Market, aggregate: &Aggregate, agent: AgentId) -> Self {
        let parameters = market.parameters(agent);
        let (d, periods) = (parameters.states, market.periods());
        let (g, index) = market.place(agent);
        let (weights, sizes) = weights(&market.groups()[g], index, aggregate, periods);
        let a = |t: usize| parameters.a.at(t).map_or_else(|| vec![0.0; d * d], <[f64]>::to_vec);
        let mut covariance = bid_covariances(&parameters, periods);
        for row in covariance.iter_mut().skip(1) {
            add_loadings(row, d, &parameters.loadings);
        }
        let start = if parameters.start.is_empty() { vec![0.0; d] } else { parameters.start.clone() };
        Self { agent, states: d, weights, sizes, a: (0..periods).map(a).collect(), start, covariance }
    }

    /// The agent.
    pub fn agent(&self) -> AgentId {
        self.agent
    }

    /// G_s, row by row.
    pub fn weight(&self, s: usize) -> &[f64] {
        &self.weights[s]
    }

    /// Covariance of the truthful bid of a period.
    pub fn bid_covariance(&self, s: usize) -> &[f64] {
        &self.covariance[s]
    }

    /// The standard deviation of its largest bid component over time; 1 if nothing is uncertain.
    pub fn spread(&self) -> f64 {
        let d = self.states;
        let diagonal = |row: &Vec<f64>| (0..d).map(|i| row[i * d + i]).fold(0.0, f64::max);
        let largest = self.covariance.iter().map(diagonal).fold(0.0, f64::max);
        if largest > 0.0 { largest.sqrt() } else { 1.0 }
    }

    /// How far a G_s is from being positive semidefinite, in money per squared state; 0 if all are, up to rounding.
    pub fn defect(&self) -> f64 {
        let d = self.states;
        let mut worst: f64 = 0.0;
        for (weight, &size) in self.weights.iter().zip(&self.sizes).filter(|(_, size)| **size > 0.0) {
            let shifted = |by: f64| {
                let mut shifted = weight.clone();
                (0..d).for_each(|i| shifted[i * d + i] += by * size);
                Cholesky::new(d, &shifted).is_ok()
            };
            // Rounding of differences of terms of this size.
            let needed = [1e-12, 1e-10, 1e-8, 1e-6, 1e-4, 1e-2, 1.0].into_iter().find(|&by| shifted(by));
            match needed {
                Some(by) if by <= 1e-12 => {}
                Some(by) => worst = worst.max(by * size),
                None => worst = f64::INFINITY,
            }
        }
        worst
    }

    /// The expected loss of a lie while the others are truthful: E sum_s delta'G_s delta, O(D³ T).
    pub fn loss(&self, lie: &LinearLie) -> f64 {
        let d = self.states;
        let none = vec![0.0; d * d];
        let (mut mean, mut spread, mut cross) = (vec![0.0; d], none.clone(), none);
        let mut total = 0.0;
        for (s, step) in lie.steps().iter().enumerate() {
            let news = step.catch_up + step.news - 1.0;
            let keep = 1.0 - step.catch_up;
            let start = |c: usize, at: usize| if at == 0 { self.start[c] } else { 0.0 };
            let covariance = &self.covariance[s];
            let (mut next, mut second) = (vec![0.0; d], vec![0.0; d * d]);
            for c in 0..d {
                next[c] = news * start(c, s) + step.bias;
                if s > 0 {
                    let a = &self.a[s - 1];
                    next[c] += keep * (0..d).map(|j| a[c * d + j] * mean[j]).sum::<f64>();
                    next[c] += step.late * start(c, s - 1);
                }
            }
            if s > 0 {
                let a: Vec<f64> = self.a[s - 1].iter().map(|x| keep * x).collect();
                let carried = product(d, &a, &spread);
                let moved = product(d, &a, &cross);
                for i in 0..d {
                    for j in 0..d {
                        let e = i * d + j;
                        second[e] = (0..d).map(|l| carried[i * d + l] * a[j * d + l]).sum::<f64>();
                        second[e] += step.late * (moved[e] + moved[j * d + i]);
                        second[e] += step.late * step.late * self.covariance[s - 1][e];
                    }
                }
            }
            for e in 0..d * d {
                second[e] += news * news * covariance[e];
                if e / d == e % d {
                    second[e] += step.noise * step.noise;
                }
                total += self.weights[s][e] * (second[e] + next[e / d] * next[e % d]);
            }
            cross = covariance.iter().map(|x| news * x).collect();
            (mean, spread) = (next, second);
        }
        total
    }
}

fn product(d: usize, x: &[f64], y: &[f64]) -> Vec<f64> {
    (0..d * d).map(|e| (0..d).map(|l| x[e / d * d + l] * y[l * d + e % d]).sum()).collect()
}

fn add_loadings(covariance: &mut [f64], d: usize, loadings: &[f64]) {
    let k = loadings.len() / d;
    for (e, x) in covariance.iter_mut().enumerate() {
        *x += (0..k).map(|f| loadings[e / d * k + f] * loadings[e % d * k + f]).sum::<f64>();
    }
}

/// G_s of one agent, and the size of its terms.
fn weights(group: &Group, index: usize, aggregate: &Aggregate, periods: usize) -> (Vec<Vec<f64>>, Vec<f64>) {
    let (dim, first, lane) = (Many(group.states()), index / LANES * LANES, index % LANES);
    let d = dim.get();
    let mut block = Block::new(d, periods);
    block.fill(dim, group, first, 0);
    // a'beta'Z beta a of the period after.
    let mut later = vec![0.0; d * d];
    let mut found: Vec<(Vec<f64>, f64)> = Vec::with_capacity(periods);
    for s in (0..periods).rev() {
        let own = response_form(&block, aggregate, s, lane);
        let m = 1.0 / block.inverse[s][lane];
        let kappa = |i: usize| block.kappa[s * d + i][lane];
        let entry = |e: usize| -m * kappa(e / d) * kappa(e % d) - own[e] + later[e];
        let size =
            (0..d).map(|i| -m * kappa(i) * kappa(i) + own[i * d + i] + later[i * d + i]).fold(0.0, f64::max);
        found.push(((0..d * d).map(entry).collect(), size));
        if s > 0 {
            let a: Vec<f64> = (0..d * d).map(|e| group.a.get(s - 1, e, index)).collect();
            let moved = product(d, &own, &a);
            later =
                (0..d * d).map(|e| (0..d).map(|l| a[l * d + e / d] * moved[l * d + e % d]).sum()).collect();
        }
    }
    found.reverse();
    found.into_iter().unzip()
}

/// beta_s'Z_s beta_s.
fn response_form(block: &Block, aggregate: &Aggregate, s: usize, lane: usize) -> Vec<f64> {
    let d = block.kappa.len() / block.end;
    let n = block.end - s;
    let mut lanes: Vec<Lane> = vec![ZERO; n * d];
    block.unit_responses(Many(d), s, &mut lanes);
    let factor = &aggregate.layer(s).factor;
    // x'x with L x = beta.
    let halves: Vec<Vec<f64>> = (0..d)
        .map(|c| {
            let mut beta: Vec<f64> = lanes[c * n..(c + 1) * n].iter().map(|x| x[lane]).collect();
            factor.solve_lower(&mut beta);
            beta
        })
        .collect();
    (0..d * d).map(|e| crate::numeric::cholesky::dot(&halves[e / d], &halves[e % d])).collect()
}
