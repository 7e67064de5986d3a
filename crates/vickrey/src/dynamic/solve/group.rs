//! The problem of a group of agents (everybody, or everybody but one) as the local search sees it: controls as one
//! array, agent by agent, `u[k * T + t]`.

use rand::RngExt;

use super::super::model::{Market, Plant};
use super::super::sweep::{self, NotFinite};
use super::Options;
use crate::mechanism::AgentId;
use crate::numeric::random::{self, Purpose};

/// Some agents of a market, who meet its net demand among themselves.
pub(super) struct Group<'a> {
    pub agents: Vec<AgentId>,
    pub plants: Vec<&'a dyn Plant>,
    pub demand: &'a [f64],
    pub low: Vec<f64>,
    pub high: Vec<f64>,
}

/// A number that is not finite, and whose (position in the group).
pub(super) type Fault = (usize, NotFinite);

impl<'a> Group<'a> {
    pub fn new(market: &'a Market, without: Option<AgentId>) -> Self {
        let agents: Vec<AgentId> = (0..market.len()).filter(|&i| without != Some(i)).collect();
        let plants: Vec<&dyn Plant> = agents.iter().map(|&i| market.plant(i)).collect();
        let (low, high) = agents.iter().flat_map(|&i| market.bounds(i)).copied().unzip();
        Self { agents, demand: market.net_demand(), low, high, plants }
    }

    pub fn periods(&self) -> usize {
        self.demand.len()
    }

    pub fn len(&self) -> usize {
        self.plants.len()
    }

    /// Every agent's utility.
    pub fn values(&self, u: &[f64]) -> Result<Vec<f64>, Fault> {
        let paths = self.plants.iter().zip(u.chunks_exact(self.periods()));
        paths.enumerate().map(|(k, (p, path))| sweep::value(*p, path).map_err(|fault| (k, fault))).collect()
    }

    /// dJ_k/du_k(t) for all.
    pub fn gradient(&self, u: &[f64]) -> Result<Vec<f64>, Fault> {
        let (mut all, mut states) = (vec![0.0; u.len()], Vec::new());
        let slots = all.chunks_exact_mut(self.periods()).zip(u.chunks_exact(self.periods()));
        for (k, (slot, path)) in slots.enumerate() {
            let plant = self.plants[k];
            sweep::roll(plant, path, &mut states)
                .and_then(|_| sweep::gradient(plant, path, &states, 0, slot))
                .map_err(|fault| (k, fault))?;
        }
        Ok(all)
    }

    /// Every agent's second derivatives.
    pub fn hessians(&self, u: &[f64]) -> Result<Vec<Vec<f64>>, Fault> {
        let paths = self.plants.iter().zip(u.chunks_exact(self.periods()));
        paths.enumerate().map(|(k, (p, path))| sweep::hessian(*p, path).map_err(|fault| (k, fault))).collect()
    }

    /// Moves controls into their bounds and onto the balance: what is missing in a period is shared equally among
    /// those who have room, until nothing is missing.
    pub fn balance(&self, u: &mut [f64]) {
        for ((x, low), high) in u.iter_mut().zip(&self.low).zip(&self.high) {
            *x = x.clamp(*low, *high);
        }
        (0..self.periods()).for_each(|t| self.balance_period(u, t));
    }

    fn balance_period(&self, u: &mut [f64], t: usize) {
        let places = || (0..self.len()).map(|k| k * self.periods() + t);
        for _ in 0..=self.len() {
            let missing = self.missing(u, t);
            if missing == 0.0 {
                break;
            }
            let has_room =
                |u: &[f64], j: usize| if missing > 0.0 { u[j] < self.high[j] } else { u[j] > self.low[j] };
            let room = places().filter(|&j| has_room(u, j)).count();
            for j in places() {
                if has_room(u, j) {
                    u[j] = (u[j] + missing / room as f64).clamp(self.low[j], self.high[j]);
                }
            }
        }
    }

    /// Removes rounding after a step: controls a few units in the last place from a bound are put there, and what is
    /// missing is shared among those inside, so that no bound is left by rounding. A step that was cut at bounds misses
    /// more than rounding; then everybody with room shares it.
    pub fn trim(&self, u: &mut [f64]) {
        let periods = self.periods();
        for t in 0..periods {
            let size = (0..self.len()).map(|k| u[k * periods + t].abs()).sum::<f64>();
            if self.missing(u, t).abs() > 1e-11 * size {
                self.balance_period(u, t);
            }
            let places = || (0..self.len()).map(|k| k * periods + t);
            let grain = 1e-14 * places().map(|j| u[j].abs()).sum::<f64>();
            for j in places() {
                if u[j] - self.low[j] <= grain {
                    u[j] = self.low[j];
                } else if self.high[j] - u[j] <= grain {
                    u[j] = self.high[j];
                }
            }
            let missing = self.missing(u, t);
            let inside = |u: &[f64], j: usize| self.low[j] < u[j] && u[j] < self.high[j];
            let count = places().filter(|&j| inside(u, j)).count();
            for j in places() {
                if inside(u, j) {
                    u[j] = (u[j] + missing / count as f64).clamp(self.low[j], self.high[j]);
                }
            }
        }
    }

    /// What is missing to the net demand in a period.
    fn missing(&self, u: &[f64], t: usize) -> f64 {
        let periods = self.periods();
        self.demand[t] - crate::numeric::sum::compensated((0..self.len()).map(|k| u[k * periods + t]))
    }

    /// Largest amount by which the balance fails.
    pub fn imbalance(&self, u: &[f64]) -> f64 {
        (0..self.periods()).map(|t| self.missing(u, t).abs()).fold(0.0, f64::max)
    }

    /// Start 0 is the balanced point next to idle. Start s > 0 is random, the same for an agent in every group. Odd ones
    /// are half a level that the agent keeps over all periods, because states sum controls up and independent draws
    /// cancel; on sides without bound every second pair of starts reaches three times as far.
    pub fn start(&self, s: usize, options: &Options) -> Vec<f64> {
        let mut u = vec![0.0; self.low.len()];
        if s > 0 {
            let spread = if s % 4 < 2 { options.spread } else { 3.0 * options.spread };
            let kept = if s % 2 == 1 { 0.5 } else { 0.0 };
            for (k, path) in u.chunks_exact_mut(self.periods()).enumerate() {
                let index = ((s as u64) << 32) | self.agents[k] as u64;
                let mut rng = random::stream(options.seed, Purpose::Instance, index);
                let level = rng.random::<f64>();
                for (t, x) in path.iter_mut().enumerate() {
                    let j = k * self.demand.len() + t;
                    let (low, high) = reach(self.low[j], self.high[j], spread);
                    *x = low + (high - low) * (kept * level + (1.0 - kept) * rng.random::<f64>());
                }
            }
        }
        self.balance(&mut u);
        u
    }
}

/// The range of random starts: the bounds where there are two, `spread` to the open sides otherwise.
pub(super) fn reach(low: f64, high: f64, spread: f64) -> (f64, f64) {
    match (low.is_finite(), high.is_finite()) {
        (true, true) => (low, high),
        (true, false) => (low, low.max(0.0) + spread),
        (false, true) => (high.min(0.0) - spread, high),
        (false, false) => (-spread, spread),
    }
}

/// What the gradients say about the price of a period: it must be at least `rise`, the largest marginal utility of
/// those who can take more, and at most `fall`, the smallest of those who can take less. Their difference is the
/// stationarity residual.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Support {
    pub rise: f64,
    pub fall: f64,
}

impl Support {
    /// The support in every period.
    pub fn all(group: &Group<'_>, u: &[f64], gradient: &[f64]) -> Vec<Self> {
        let periods = group.periods();
        let mut all = vec![Self { rise: f64::NEG_INFINITY, fall: f64::INFINITY }; periods];
        for (j, &g) in gradient.iter().enumerate() {
            let support = &mut all[j % periods];
            if u[j] < group.high[j] {
                support.rise = support.rise.max(g);
            }
            if u[j] > group.low[j] {
                support.fall = support.fall.min(g);
            }
        }
        all
    }

    /// Half of what a unit moved between two agents would gain; 0 at an optimum.
    pub fn residual(self) -> f64 {
        (0.5 * (self.rise - self.fall)).max(0.0)
    }

    /// The middle of the prices, or the finite end; 0 if every price will do.
    pub fn price(self) -> f64 {
        match (self.rise.is_finite(), self.fall.is_finite()) {
            (true, true) => self.rise + 0.5 * (self.fall - self.rise),
            (true, false) => self.rise,
            (false, true) => self.fall,
            (false, false) => 0.0,
        }
    }
}
