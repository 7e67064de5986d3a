//! What the leader and the followers write to each other.

use std::sync::Arc;

use crate::mechanism::AgentId;

/// One problem in one round.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// Its number in this run: 0 is the first main problem.
    pub problem: usize,
    /// Who is absent from it (ascending).
    pub absent: Arc<[AgentId]>,
    /// Number of prices.
    pub trials: usize,
    /// Whether the answer is to contain the quadratic term of the multiplier method.
    pub shared: bool,
    /// Whether the cost of a candidate allocation is asked.
    pub probed: bool,
}

/// What all followers are asked in one round.
#[derive(Clone, Debug, PartialEq)]
pub struct Round {
    /// The number of the round, from 1.
    pub k: usize,
    /// The problems that still run, by number.
    pub questions: Vec<Question>,
    /// The prices of all questions: trials x m numbers each.
    pub prices: Vec<f64>,
    /// Weight of the quadratic term, if some question is `shared`.
    pub rho: f64,
    /// Whether sensitivities are asked.
    pub sensitivities: bool,
    /// m.
    pub couplings: usize,
}

impl Round {
    /// The questions for a follower with the first of their prices.
    pub fn asked(&self, agent: AgentId) -> impl Iterator<Item = (&Question, &[f64])> {
        let mut at = 0;
        self.questions.iter().filter_map(move |q| {
            let prices = &self.prices[at..at + q.trials * self.couplings];
            at += prices.len();
            (!q.absent.contains(&agent)).then_some((q, prices))
        })
    }
}

/// What one follower is told in a round.
#[derive(Clone, Debug, PartialEq)]
pub struct Prices {
    /// The same for everybody.
    pub round: Arc<Round>,
    /// Her s_i, m numbers for every shared question that is hers.
    pub shares: Vec<f64>,
    /// Her part of the candidate allocations, n numbers for every probed question that is hers.
    pub probes: Vec<f64>,
}

/// What a follower answers, question by question of those that are hers. What is no number counts as missing.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Answer {
    /// Allocations: trials x n numbers.
    pub z: Vec<f64>,
    /// Their costs: one for every trial.
    pub value: Vec<f64>,
    /// R_i J_i R_i' if sensitivities are asked: the lower triangle row by row, m(m+1)/2 numbers for every trial.
    pub sensitivity: Vec<f64>,
    /// The cost of the candidate, one for every probed question.
    pub probed: Vec<f64>,
}

/// A follower's part of what was decided.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// z_i.
    pub z: Vec<f64>,
    /// Her part of the allocations in the problems without somebody else: who is absent, and n numbers.
    pub without: Vec<(Arc<[AgentId]>, Vec<f64>)>,
}

/// What a follower says that the decision costs her. What is no number counts as missing.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Values {
    /// v_i(z_i).
    pub value: f64,
    /// v_i of her part in the problems without somebody else, in the order of the decision.
    pub without: Vec<f64>,
}
