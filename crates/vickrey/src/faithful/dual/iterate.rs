//! The prices of one problem from round to round. Nothing but the answers of its members enters here.

use std::sync::Arc;

use super::model::{Follower, Problem};
use super::rules::{Bound, Method, Rules, Stop};
use crate::mechanism::AgentId;
use crate::numeric::dense;

/// What the answers of one round add up to, for one problem.
#[derive(Clone, Debug)]
pub(super) struct Sums {
    /// sum R_i z_i - c, m numbers for every trial.
    pub residual: Vec<f64>,
    /// sum v_i for every trial; no number if some value is missing.
    pub value: Vec<f64>,
    /// sum S_i, m x m for every trial; empty if not asked.
    pub sensitivity: Vec<f64>,
    /// sum of the costs of the candidate; no number if some is missing.
    pub probed: f64,
}

/// A member's answer as the multiplier method needs it.
pub(super) struct Part<'a> {
    pub agent: AgentId,
    pub follower: &'a Follower,
    pub z: &'a [f64],
}

/// An allocation that meets the couplings, and a bound on the optimum that belongs to it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Candidate {
    pub allocation: Vec<f64>,
    /// Whether it is the nearest to everybody's absence, not to the answers.
    pub fallback: bool,
    pub lower: Option<f64>,
}

/// How a problem ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Finish {
    /// z, the decisions of all followers; absent ones have their absent allocation.
    pub allocation: Vec<f64>,
    /// A lower bound on the optimum: the dual value at the price that the last answers belong to; none if some answer or
    /// value was missing, or the method has no bound there.
    pub lower: Option<f64>,
    /// The last bound that there was, in the last round or before; what counts in the mode `dual`.
    pub held: Option<f64>,
    /// The price that the last answers belong to.
    pub price: Vec<f64>,
    /// Rounds that this problem took.
    pub rounds: usize,
    /// Whether a certificate stopped it.
    pub certified: bool,
    /// Whether the last answers were so large that nothing of the couplings was left in them, so that the allocation is the
    /// nearest to everybody's absence.
    pub fallback: bool,
}

#[derive(Clone, Debug)]
enum Memory {
    Ascent,
    Accelerated { last: Vec<f64>, weight: f64 },
    Multipliers { shares: Vec<f64> },
    Newton { base: Option<Base> },
}

impl Memory {
    fn new(method: Method, agents: usize, members: usize, left: &[f64], start: &[f64]) -> Self {
        match method {
            Method::Ascent { .. } => Self::Ascent,
            Method::Accelerated { .. } => Self::Accelerated { last: start.to_vec(), weight: 1.0 },
            Method::Multipliers { .. } => {
                let even = left.iter().map(|c| c / members.max(1) as f64);
                Self::Multipliers { shares: (0..agents).flat_map(|_| even.clone()).collect() }
            }
            Method::Newton => Self::Newton { base: None },
        }
    }
}

/// The point that Newton's method steps from.
#[derive(Clone, Debug)]
struct Base {
    price: Vec<f64>,
    /// Whether its dual value is known.
    known: bool,
    direction: Vec<f64>,
    residual: Vec<f64>,
}

/// One problem on its way.
#[derive(Clone, Debug)]
pub(super) struct Iteration {
    /// Its number.
    pub number: usize,
    pub absent: Arc<[AgentId]>,
    pub members: usize,
    /// c minus what the absent ones use.
    pub left: Vec<f64>,
    /// Rounds closed.
    pub k: usize,
    /// Prices asked in the coming round, trials x m.
    pub prices: Vec<f64>,
    /// A round without the quadratic term, to bound the optimum in the multiplier method.
    pub pure: bool,
    /// Its cost is asked in the coming round.
    pub candidate: Option<Candidate>,
    /// The price of the last answers and the bound there.
    pub price: Vec<f64>,
    pub lower: Option<f64>,
    /// The prices that each member's last answer belongs to, member by member, where the multiplier method asked: its
    /// quadratic term is part of them. Empty where all answered `price`.
    pub personal: Vec<Vec<f64>>,
    /// The last bound that there was.
    pub held: Option<f64>,
    /// lam^0 of this problem.
    start: Arc<[f64]>,
    /// Rounds allowed (its own, so that warm starts can differ).
    pub cap: usize,
    memory: Memory,
    /// Rounds since the last candidate, and its residual.
    probe: (usize, f64),
    /// What the last round did to the prices beside moving them.
    pub turn: Turn,
}

/// What a round can do to the prices of a problem beside moving them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Turn {
    /// The accelerated method gave up its momentum, which had begun to lead downhill.
    pub slowed: bool,
    /// Prices began anew at lam^0: answers were beyond all sense.
    pub anew: bool,
}

/// Prices beyond this size come from answers that make no sense; the costs of answers to them would overflow.
const FARTHEST: f64 = 1e100;
/// Dual values beyond this size are not used: their difference to the largest cost could overflow.
pub(super) const LARGEST: f64 = 1e300;

/// Shares of the Newton step that are tried at once; the eighth trial is the safe gradient step.
const SHARES: [f64; 7] = [1.0, 0.5, 0.25, 0.1, 0.03, 0.01, 0.001];
/// A candidate is looked at when the residual has halved since the last, and at least this often.
const PROBE: usize = 8;

impl Iteration {
    pub fn new(problem: &Problem, rules: &Rules, number: usize, absent: Vec<AgentId>, start: &[f64]) -> Self {
        let m = problem.couplings();
        let left = problem.left(&absent);
        let members = problem.len() - absent.len();
        let memory = Memory::new(rules.method, problem.len(), members, &left, start);
        Self {
            number,
            absent: absent.into(),
            members,
            left,
            k: 0,
            prices: start.to_vec(),
            pure: false,
            candidate: None,
            price: vec![0.0; m],
            lower: None,
            personal: Vec::new(),
            held: None,
            start: start.into(),
            cap: rules.stop.rounds(),
            memory,
            probe: (0, f64::INFINITY),
            turn: Turn::default(),
        }
    }

    pub fn trials(&self) -> usize {
        self.prices.len() / self.left.len()
    }

    /// s_i of a member, in the multiplier method outside of pure rounds.
    pub fn share(&self, agent: AgentId) -> Option<&[f64]> {
        let m = self.left.len();
        match &self.memory {
            Memory::Multipliers { shares } if !self.pure => Some(&shares[agent * m..(agent + 1) * m]),
            _ => None,
        }
    }

    /// Whether the optimum can be bounded from the answers of this round as they are.
    pub fn bounds(&self, boxes: bool) -> bool {
        !matches!(self.memory, Memory::Multipliers { .. }) || self.pure || boxes
    }

    /// Moves the prices by the answers of one round; says which trial counts as the answer.
    pub fn step(
        &mut self,
        rules: &Rules,
        step: f64,
        safe: Option<&[f64]>,
        sums: &Sums,
        parts: &[Part<'_>],
    ) -> usize {
        self.turn = Turn::default();
        let choice = self.moved(rules, step, safe, sums, parts);
        self.held = self.lower.or(self.held);
        if !self.prices.iter().all(|p| p.abs() <= FARTHEST) {
            self.restart(rules.method);
        }
        choice
    }

    /// Back to lam^0, the one price that is known to make sense. Answers of one follower that are far beyond all sense
    /// (there are no limits to clip them at) would otherwise make the answers of all others no numbers, and get them
    /// dropped.
    fn restart(&mut self, method: Method) {
        self.turn.anew = true;
        let agents = match &self.memory {
            Memory::Multipliers { shares } => shares.len() / self.left.len(),
            _ => 0,
        };
        self.memory = Memory::new(method, agents, self.members, &self.left, &self.start);
        self.prices = self.start.to_vec();
        if !self.price.iter().all(|p| p.abs() <= FARTHEST) {
            self.price = self.start.to_vec();
        }
        self.probe = (0, f64::INFINITY);
    }

    fn moved(
        &mut self,
        rules: &Rules,
        step: f64,
        safe: Option<&[f64]>,
        sums: &Sums,
        parts: &[Part<'_>],
    ) -> usize {
        self.k += 1;
        self.personal.clear();
        if self.pure {
            // The price stays: this round only bounds the optimum.
            self.lower = dual(&self.prices, sums, 0);
            return 0;
        }
        match &mut self.memory {
            Memory::Ascent => {
                let fading = matches!(rules.method, Method::Ascent { fading: true, .. });
                let step = if fading { step / self.k as f64 } else { step };
                self.lower = dual(&self.prices, sums, 0);
                self.price.clone_from(&self.prices);
                add(&mut self.prices, step, &sums.residual);
                0
            }
            Memory::Accelerated { last, weight } => {
                self.lower = dual(&self.prices, sums, 0);
                self.price.clone_from(&self.prices);
                let mut next = self.prices.clone();
                add(&mut next, step, &sums.residual);
                let uphill: f64 =
                    sums.residual.iter().zip(next.iter().zip(&*last)).map(|(r, (a, b))| r * (a - b)).sum();
                self.turn.slowed = uphill < 0.0 && *weight > 1.0;
                let grown =
                    if uphill < 0.0 { 1.0 } else { 0.5 * (1.0 + (1.0 + 4.0 * *weight * *weight).sqrt()) };
                let push = if uphill < 0.0 { 0.0 } else { (*weight - 1.0) / grown };
                self.prices = next.iter().zip(&*last).map(|(a, b)| a + push * (a - b)).collect();
                *last = next;
                *weight = grown;
                0
            }
            Memory::Multipliers { .. } => {
                self.multipliers(rules, sums, parts);
                0
            }
            Memory::Newton { .. } => self.newton(sums, safe),
        }
    }

    fn multipliers(&mut self, rules: &Rules, sums: &Sums, parts: &[Part<'_>]) {
        let (Method::Multipliers { rho, relaxation }, Memory::Multipliers { shares }) =
            (rules.method, &mut self.memory)
        else {
            return;
        };
        let m = self.left.len();
        let mean: Vec<f64> = sums.residual.iter().map(|r| r / self.members.max(1) as f64).collect();
        let personal: Vec<Vec<f64>> = parts
            .iter()
            .map(|part| {
                let share = &shares[part.agent * m..(part.agent + 1) * m];
                let mut personal = vec![0.0; m];
                part.follower.add_use(part.z, 1.0, &mut personal);
                (0..m).for_each(|r| personal[r] = self.prices[r] + rho * (personal[r] - share[r]));
                personal
            })
            .collect();
        let sent = self.prices.clone();
        for part in parts {
            let share = &mut shares[part.agent * m..(part.agent + 1) * m];
            let mut used = vec![0.0; m];
            part.follower.add_use(part.z, 1.0, &mut used);
            for r in 0..m {
                share[r] = relaxation * used[r] + (1.0 - relaxation) * share[r] - relaxation * mean[r];
            }
        }
        add(&mut self.prices, rho * relaxation, &mean);
        self.price.clone_from(&self.prices);
        self.lower = match rules.bound {
            Bound::Naive => dual(&sent, sums, 0),
            Bound::Sound => {
                let middle: Vec<f64> = (0..m)
                    .map(|r| personal.iter().map(|p| p[r]).sum::<f64>() / personal.len().max(1) as f64)
                    .collect();
                let at = |nu: &[f64]| self.personal_bound(nu, sums, parts, &personal);
                match (at(&middle), at(&self.prices)) {
                    (Some(a), Some(b)) => Some(a.max(b)),
                    (a, b) => a.or(b),
                }
            }
        };
        self.personal = personal;
    }

    /// sum [v_i + mu_i'R_i z_i + min over the box of (nu - mu_i)'R_i z] - nu'c: a bound for every nu because z_i answers
    /// the personal price mu_i. None without finite limits where they are needed.
    fn personal_bound(
        &self,
        nu: &[f64],
        sums: &Sums,
        parts: &[Part<'_>],
        personal: &[Vec<f64>],
    ) -> Option<f64> {
        let mut bound = sums.value[0] - nu.iter().zip(&self.left).map(|(a, b)| a * b).sum::<f64>();
        for (part, own) in parts.iter().zip(personal) {
            let charge = part.follower.charge(own);
            bound += charge.iter().zip(part.z).map(|(g, z)| g * z).sum::<f64>();
            let apart: Vec<f64> = nu.iter().zip(own).map(|(a, b)| a - b).collect();
            for (k, g) in part.follower.charge(&apart).into_iter().enumerate() {
                if g != 0.0 {
                    bound += (g * part.follower.low[k]).min(g * part.follower.high[k]);
                }
            }
        }
        (bound.abs() <= LARGEST).then_some(bound)
    }

    fn newton(&mut self, sums: &Sums, safe: Option<&[f64]>) -> usize {
        let m = self.left.len();
        let Memory::Newton { base } = &mut self.memory else { return 0 };
        let size = |t: usize| sums.residual[t * m..(t + 1) * m].iter().map(|r| r * r).sum::<f64>();
        let best = (0..self.prices.len() / m).map(|t| (t, dual(&self.prices, sums, t))).fold(
            None,
            |best: Option<(usize, f64)>, (t, d)| {
                // Without a dual value (somebody's value is missing) the smaller residual counts.
                let d = d.unwrap_or(f64::NEG_INFINITY);
                let Some((s, top)) = best else { return Some((t, d)) };
                if higher((d, size(t)), (top, size(s))) { Some((t, d)) } else { Some((s, top)) }
            },
        );
        let (t, top) = best.unwrap_or((0, f64::NEG_INFINITY));
        let price = self.prices[t * m..(t + 1) * m].to_vec();
        let residual = sums.residual[t * m..(t + 1) * m].to_vec();
        self.price.clone_from(&price);
        self.lower = top.is_finite().then_some(top);
        // While values are missing nothing is known of these trials: they are asked again. Otherwise the best one counts,
        // even below the last price: the gradient step among them rises by itself unless the last dual value was false.
        let known = top.is_finite();
        if known || base.as_ref().is_none_or(|b| !b.known) {
            let matrix = &sums.sensitivity[t * m * m..(t + 1) * m * m];
            let direction = direction(matrix, &residual, safe);
            *base = Some(Base { price, known, direction, residual });
        }
        if let Some(base) = base {
            let mut next = Vec::with_capacity((SHARES.len() + 1) * m);
            for share in SHARES {
                next.extend(base.price.iter().zip(&base.direction).map(|(p, d)| p + share * d));
            }
            let gentle = gentle(&base.residual, safe);
            next.extend(base.price.iter().zip(gentle).map(|(p, d)| p + d));
            self.prices = next;
        }
        t
    }

    /// Whether the allocation of this round is worth a look.
    pub fn promising(&mut self, stop: Stop, sums: &Sums, trial: usize) -> bool {
        let Stop::Gap { .. } = stop else { return false };
        let m = self.left.len();
        let size = sums.residual[trial * m..(trial + 1) * m].iter().map(|r| r * r).sum::<f64>().sqrt();
        self.probe.0 += 1;
        let look = size <= 0.5 * self.probe.1 || self.probe.0 >= PROBE;
        if look {
            self.probe = (0, size);
        }
        look
    }
}

/// d(lam) = sum [v_i + lam'R_i z_i] - lam'c at one trial; none if a value is missing.
fn dual(prices: &[f64], sums: &Sums, trial: usize) -> Option<f64> {
    let m = prices.len() / sums.value.len();
    let price = &prices[trial * m..(trial + 1) * m];
    let residual = &sums.residual[trial * m..(trial + 1) * m];
    let value = sums.value[trial] + price.iter().zip(residual).map(|(p, r)| p * r).sum::<f64>();
    (value.abs() <= LARGEST).then_some(value)
}

/// Whether a trial is better than another, by dual value and square of the residual: near the optimum dual values are
/// equal to rounding long before residuals are, and with limits the gap grows with the residual itself.
fn higher((dual, square): (f64, f64), (known, known_square): (f64, f64)) -> bool {
    if dual.is_finite() && known.is_finite() && (dual - known).abs() > 1e-13 * (dual.abs() + known.abs()) {
        return dual > known;
    }
    // Equal to rounding, or one of them or both are not known.
    let (some, other) = (dual.is_finite(), known.is_finite());
    if some == other { square < known_square } else { some }
}

fn add(x: &mut [f64], factor: f64, y: &[f64]) {
    x.iter_mut().zip(y).for_each(|(x, y)| *x += factor * y);
}

/// The gradient step that never falls: the residual over a diagonal bound on how steeply it answers.
fn gentle(residual: &[f64], safe: Option<&[f64]>) -> Vec<f64> {
    match safe {
        Some(bound) => residual.iter().zip(bound).map(|(r, b)| r / b).collect(),
        None => residual.to_vec(),
    }
}

/// (sum S)^-1 residual; shifted if nearly singular, the gradient step if it is no ascent direction. In units in which
/// the bound is one, so that it does not matter what couplings are counted in.
fn direction(matrix: &[f64], residual: &[f64], safe: Option<&[f64]>) -> Vec<f64> {
    let m = residual.len();
    let unit: Vec<f64> = safe.map_or_else(|| vec![1.0; m], |bound| bound.iter().map(|b| b.sqrt()).collect());
    let mut scaled: Vec<f64> = (0..m * m).map(|k| matrix[k] / (unit[k / m] * unit[k % m])).collect();
    let lower = dense::cholesky(&scaled, m, 1e-10).or_else(|| {
        (0..m).for_each(|r| scaled[r * m + r] += 1e-3);
        dense::cholesky(&scaled, m, 0.0)
    });
    let mut direction: Vec<f64> = residual.iter().zip(&unit).map(|(r, u)| r / u).collect();
    if let Some(lower) = lower {
        dense::substitute(&lower, m, &mut direction);
    }
    direction.iter_mut().zip(&unit).for_each(|(d, u)| *d /= u);
    let ascent = direction.iter().zip(residual).map(|(d, r)| d * r).sum::<f64>() > 0.0;
    if ascent && direction.iter().all(|x| x.is_finite()) { direction } else { gentle(residual, safe) }
}
