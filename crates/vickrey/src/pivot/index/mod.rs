//! The index case: every decision serves one player, and only she moves and is paid by it.
//!
//! A licence, a machine or a research budget that one of many projects may use. Efficient is whoever has the highest
//! Gittins index (Gittins 1979), and the values without each player, which payments need, follow from Whittle's
//! formula (Whittle 1980): nothing is ever computed on the product of the type spaces, so hundreds of players are no
//! more trouble than three. Payments are the general ones of paper 002 (equation 21), evaluated in this case.
//!
//! What a player has while she is not served, b(x) per period in type x, is no obstacle: with B(x) = b(x) / (1 - delta)
//! all she will ever have is B(x) now plus, in every period in which she is served and moves from x to y, what this
//! brings beyond: v(x) - b(x) + delta E[B(y) - B(x)]. So an arm has that for its utility, the B are added to values, and
//! they drop out of payments, which are differences in which a player who does not move has b(x) = B(x) - delta B(x).

mod arm;
mod detect;
mod levels;

pub use detect::NotIndexable;

use super::mode::Without;
use super::model::Model;
use crate::mechanism::AgentId;
use arm::Arm;
use detect::Structure;
use levels::Levels;

/// Indices within this share of the largest are taken to be equal.
const TIE: f64 = 1e-10;

/// Why an instance is not solved by indices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// It is not an index case.
    #[error(transparent)]
    NotIndexable(#[from] NotIndexable),
    /// Tables would be too large.
    #[error("the tables need {needed} bytes, {allowed} are allowed")]
    TooLarge {
        /// Bytes that are needed.
        needed: u128,
        /// Bytes that are allowed.
        allowed: u64,
    },
}

/// Solution of an index case: tables of single players, from which values and payments follow in any state.
///
/// A state is a slice with the type of every player.
#[derive(Clone, Debug)]
pub struct IndexSolution {
    mode: Without,
    discount: f64,
    structure: Structure,
    arms: Vec<Arm>,
    levels: Levels,
    /// Outside values by player and type, for mode tight, beyond what she has while she is not served.
    outside: Vec<Vec<f64>>,
    /// What each player has if she is never served, by type; without the constant of the next field.
    resting: Vec<Vec<f64>>,
    /// What all types of a player have in common of that, for ever.
    constants: Vec<f64>,
    /// The unit of the tie band: the largest half range of a player's utility, at most 1.
    unit: f64,
    /// What the constants have cost the tables: rounding of the largest of them.
    resolution: f64,
}

impl IndexSolution {
    /// Makes the tables: for a player with n types n³ operations and about 16 n² bytes.
    ///
    /// The index case is: an infinite horizon, one possible outcome, one public state, the same public utility for
    /// all feasible decisions; every player has exactly one feasible decision that serves her, that is, moves her or pays
    /// her otherwise than all others do, and it serves nobody else. Further feasible decisions serve nobody. What a
    /// player has while she is not served may depend on her type. In mode own, what is possible without a player is
    /// everything or everything but her decision.
    ///
    /// # Errors
    /// It is not an index case (the condition that fails is named), or the tables and what a question takes need more
    /// than `allowed` bytes.
    pub fn new(model: &Model, mode: Without, allowed: u64) -> Result<Self, IndexError> {
        Self::needs(model, mode, allowed)?;
        let structure = detect::detect(model, mode)?;
        let discount = model.discount();
        let arms: Vec<Arm> = (0..model.players()).map(|i| arm_of(model, &structure, i)).collect();
        let levels = Levels::new(&arms);
        let scale = 1.0 - discount;
        let parts = structure.resting.iter();
        let resting: Vec<Vec<f64>> =
            parts.map(|rest| rest.by_type.iter().map(|b| b / scale).collect()).collect();
        let constants: Vec<f64> = structure.resting.iter().map(|rest| rest.constant / scale).collect();
        let outside = |i: AgentId| {
            let beyond = |own: usize| model.outside(i, 0, 0, own) - constants[i] - resting[i][own];
            (0..model.player(i).types).map(beyond).collect()
        };
        let outside = (0..model.players()).map(outside).collect();
        let unit = arms.iter().map(half_range).fold(0.0, f64::max).min(1.0);
        let largest = structure.resting.iter().fold(0.0, |m: f64, rest| m.max(rest.constant.abs()));
        let resolution = 8.0 * f64::EPSILON * largest;
        Ok(Self { mode, discount, structure, arms, levels, outside, resting, constants, unit, resolution })
    }

    /// Most by which the index of a decision that is taken may fall short of the highest.
    pub(in crate::pivot) fn band(&self) -> f64 {
        let indices = self.arms.iter().flat_map(|arm| &arm.indices);
        self.band_at(indices.fold(0.0, |m: f64, index| m.max(index.abs())))
    }

    /// Indices within this of the highest are equal to it.
    pub(in crate::pivot) fn band_at(&self, highest: f64) -> f64 {
        TIE * (self.unit + highest.abs()) + self.resolution
    }

    /// Bytes that the tables and what a question takes need; nothing is made.
    ///
    /// # Errors
    /// As for [`Self::new`].
    pub fn needs(model: &Model, mode: Without, allowed: u64) -> Result<u128, IndexError> {
        detect::detect(model, mode)?;
        let needed = bytes(model, mode);
        if needed > u128::from(allowed) { Err(IndexError::TooLarge { needed, allowed }) } else { Ok(needed) }
    }

    /// What "without player i" means here.
    pub fn mode(&self) -> Without {
        self.mode
    }

    /// Number of players.
    pub fn players(&self) -> usize {
        self.arms.len()
    }

    /// The decision that serves a player.
    pub fn decision_for(&self, player: AgentId) -> usize {
        self.structure.chosen_by[player]
    }

    /// Gittins index of a player by type: the constant utility per period that is as good as the right to choose her
    /// as long as one likes, beyond what she has while she is not served. The public utility is left out.
    pub fn indices(&self, player: AgentId) -> &[f64] {
        &self.arms[player].indices
    }

    /// Value W of a state: expected discounted utility of all players and the public.
    ///
    /// # Panics
    /// The state has a wrong length or a type out of range; so do the functions below.
    pub fn value(&self, state: &[usize]) -> f64 {
        self.check(state);
        let idle = self.structure.idle.is_some();
        self.total(self.levels.value(&self.arms, state, None, idle)) + self.at_rest(state, None)
    }

    /// Value W without a player; in mode tight what stands in its place, the least over her own types of the value of
    /// all minus her outside value. Her own entry of the state is not used.
    pub fn value_without(&self, player: AgentId, state: &[usize]) -> f64 {
        self.check(state);
        if self.mode == Without::Tight {
            return self.total(self.tight(state)[player]) + self.at_rest(state, Some(player));
        }
        let zero = self.structure.zero[player];
        let flow = self.levels.value(&self.arms, state, Some(player), zero);
        self.total(flow) + self.at_rest(state, Some(player))
    }

    /// [`Self::value_without`] for all players at once, for little more than the price of one.
    pub fn values_without(&self, state: &[usize], out: &mut [f64]) {
        self.check(state);
        assert_eq!(out.len(), self.players(), "one number for each player");
        out.copy_from_slice(&self.flows_without(state));
        for (i, value) in out.iter_mut().enumerate() {
            *value = self.total(*value) + self.at_rest(state, Some(i));
        }
    }

    /// The efficient decision, and what every player pays in this period.
    ///
    /// The decision serves the highest index; indices within 1e-10 (s + |highest|) of it are equal (s = 1, or the
    /// largest half range of a player's utility if that is less; with large constants, also within their rounding), and
    /// the lowest decision is taken among equals. An idle decision has the index 0.
    pub fn ruling(&self, state: &[usize]) -> (usize, Vec<f64>) {
        self.check(state);
        let (decision, winner) = self.efficient(state);
        let Some(winner) = winner else {
            // Nobody moves or is paid: W_{-i} - w - delta W_{-i}.
            return (decision, self.flows_without(state));
        };
        let index = self.arms[winner].indices[state[winner]];
        let below_zero = |i: AgentId| index < 0.0 && self.structure.zero[i];
        if self.mode == Without::Tight || (0..self.players()).any(|i| i != winner && below_zero(i)) {
            return (decision, self.payments_by_values(state, winner));
        }
        // Without the winner nothing moves or is earned in this period: W_{-i} - w - delta W_{-i}. Without a loser the
        // winner is still the right choice, so losers pay nothing.
        let mut payments = vec![0.0; self.players()];
        let zero = self.structure.zero[winner];
        payments[winner] = self.levels.value(&self.arms, state, Some(winner), zero);
        (decision, payments)
    }

    /// The decision, and whom it serves.
    fn efficient(&self, state: &[usize]) -> (usize, Option<AgentId>) {
        let served = self.arms.iter().zip(state).enumerate();
        let served = served.map(|(i, (arm, x))| (self.structure.chosen_by[i], Some(i), arm.indices[*x]));
        let candidates = || served.clone().chain(self.structure.idle.map(|a| (a, None, 0.0)));
        let highest = candidates().map(|(_, _, index)| index).fold(f64::NEG_INFINITY, f64::max);
        let enough = highest - self.band_at(highest);
        let chosen = candidates().filter(|(_, _, index)| *index >= enough).min_by_key(|(a, _, _)| *a);
        // There is at least one player, and the highest index is enough.
        chosen.map_or((0, None), |(decision, winner, _)| (decision, winner))
    }

    /// W_{-i} - w - v_winner - delta E W_{-i}(next), and for the winner the same without her utility and move.
    fn payments_by_values(&self, state: &[usize], winner: AgentId) -> Vec<f64> {
        let arm = &self.arms[winner];
        let now = self.flows_without(state);
        let next = self.next_flows(state, winner);
        let earned = arm.values[state[winner]];
        let of = |i: AgentId| {
            if i == winner {
                now[i]
            } else {
                (now[i] - self.discount * next[i]) / (1.0 - self.discount) - earned
            }
        };
        (0..self.players()).map(of).collect()
    }

    /// Expected values without each player but the winner in the next period, as constant payments per period.
    fn next_flows(&self, state: &[usize], winner: AgentId) -> Vec<f64> {
        let law = self.arms[winner].kernel.row(state[winner]);
        if self.mode == Without::Tight {
            let idle = self.structure.idle.is_some();
            let values = self.levels.by_two_types(&self.arms, state, winner, idle);
            let expected = |(values, outside): (&Vec<f64>, &Vec<f64>)| {
                let rows = values.chunks_exact(outside.len());
                law.iter().zip(rows).map(|(p, row)| p * self.least(row, outside)).sum()
            };
            return values.iter().zip(&self.outside).map(expected).collect();
        }
        let mut next = vec![0.0; self.players()];
        let mut moved = state.to_vec();
        for (to, p) in law.iter().enumerate().filter(|(_, p)| **p > 0.0) {
            moved[winner] = to;
            for (sum, flow) in next.iter_mut().zip(self.flows_without(&moved)) {
                *sum += p * flow;
            }
        }
        next
    }

    /// Values without each player as constant payments per period, the public left out.
    fn flows_without(&self, state: &[usize]) -> Vec<f64> {
        if self.mode == Without::Tight {
            return self.tight(state);
        }
        let mut flows = vec![0.0; self.players()];
        self.levels.without_each(&self.arms, state, &self.structure.zero, &mut flows);
        flows
    }

    fn tight(&self, state: &[usize]) -> Vec<f64> {
        let idle = self.structure.idle.is_some();
        let values = self.levels.by_own_type(&self.arms, state, idle);
        values.iter().zip(&self.outside).map(|(values, outside)| self.least(values, outside)).collect()
    }

    /// The least over a player's types of the value of all minus her outside value.
    fn least(&self, values: &[f64], outside: &[f64]) -> f64 {
        let left = values.iter().zip(outside).map(|(flow, u)| flow - (1.0 - self.discount) * u);
        left.fold(f64::INFINITY, f64::min)
    }

    /// What players have if they are never served, all but one perhaps.
    fn at_rest(&self, state: &[usize], but: Option<AgentId>) -> f64 {
        (0..self.players()).filter(|i| Some(*i) != but).map(|i| self.rest_of(i, state)).sum()
    }

    fn rest_of(&self, player: AgentId, state: &[usize]) -> f64 {
        self.resting[player][state[player]] + self.constants[player]
    }

    /// A constant payment per period, and the public, for ever.
    fn total(&self, flow: f64) -> f64 {
        (flow + self.structure.public) / (1.0 - self.discount)
    }

    fn check(&self, state: &[usize]) {
        assert_eq!(state.len(), self.players(), "one type for each player");
        let fits = state.iter().zip(&self.arms).all(|(x, arm)| *x < arm.values.len());
        assert!(fits, "types out of range: {state:?}");
    }
}

/// The arm of a player: what serving her brings beyond what she has at rest.
fn arm_of(model: &Model, structure: &Structure, i: AgentId) -> Arm {
    let (player, decision, delta) = (model.player(i), structure.chosen_by[i], model.discount());
    let (kernel, resting) = (player.moves.at(0, decision, 0), &structure.resting[i]);
    let rest = &resting.by_type;
    let beyond = |(x, v): (usize, &f64)| {
        let now = v - resting.constant - rest[x];
        let gains: f64 = kernel.row(x).iter().zip(rest).map(|(p, y)| p * (y - rest[x])).sum();
        // A row that adds up to 1 only nearly loses as much of what she has as of everything else.
        let lost = if rest[x] == 0.0 { 0.0 } else { (1.0 - kernel.row(x).iter().sum::<f64>()) * rest[x] };
        now + delta / (1.0 - delta) * (gains - lost)
    };
    let values = player.utility.at(0, decision, 0).iter().enumerate().map(beyond).collect();
    Arm::new(values, kernel.clone(), delta)
}

/// Half the range of a player's utility, which is 0 if she is not chosen.
fn half_range(arm: &Arm) -> f64 {
    let end = |pick: fn(f64, f64) -> f64| arm.values.iter().copied().fold(0.0, pick);
    0.5 * (end(f64::max) - end(f64::min))
}

/// Bytes of all tables, and of what is needed to make and to use them.
fn bytes(model: &Model, mode: Without) -> u128 {
    let types = || (0..model.players()).map(|i| model.player(i).types);
    let kept: u128 = types().map(|n| Arm::bytes(n).0 + 24 * n as u128).sum();
    let making = types().map(|n| Arm::bytes(n).1).max().unwrap_or(0);
    let indices: u128 = types().map(|n| n as u128).sum();
    let pairs = indices * types().max().unwrap_or(0) as u128;
    let using = if mode == Without::Tight { Levels::scratch_of_pairs(pairs) } else { 0 };
    kept + making + using + Levels::bytes(indices) + Levels::scratch(model.players() as u128)
}

#[cfg(test)]
mod tests;
