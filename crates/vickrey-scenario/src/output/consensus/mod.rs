//! From a scenario of consensus to everything that is reported about it: one run with everybody faithful.

mod document;
mod notes;
mod pictures;
mod tables;

use vickrey::faithful::consensus::solve::{Played, disagreement, optimum, vcg};
use vickrey::mechanism::AgentId;

pub use document::{ConsensusFollowerRow, ConsensusPart, ConsensusSummary, CourseRow, test_name};

use crate::{ConsensusScenario, Scenario};

/// Positions are kept of so many rounds at most: of longer runs of every second, third, ... one.
const MOST_KEPT: usize = 400;

/// One run with everybody faithful.
#[derive(Debug)]
pub struct ConsensusResult<'a> {
    /// The file's head.
    pub scenario: &'a Scenario,
    /// Its instance as it was read.
    pub of: &'a ConsensusScenario,
    /// What it came to.
    pub played: Played,
    /// Rounds, from 0, positions after each, and how far they are from agreement.
    pub course: Vec<(usize, Vec<f64>, f64)>,
    /// The common point that costs least together, and what it costs.
    pub optimum: (f64, f64),
    /// What everybody would pay under exact VCG, for comparison.
    pub vcg: Vec<f64>,
}

impl<'a> ConsensusResult<'a> {
    /// Plays one run.
    pub fn solve(scenario: &'a Scenario, of: &'a ConsensusScenario) -> Self {
        let rules = &of.rules;
        let every = (rules.rounds() / MOST_KEPT).max(1);
        let mut course = Vec::new();
        let mut round = 0;
        rules.each_round(&of.wishes, |positions| {
            if round % every == 0 || round == rules.rounds() {
                course.push((round, positions.to_vec(), disagreement(positions)));
            }
            round += 1;
        });
        Self {
            scenario,
            of,
            played: rules.play(&of.wishes),
            course,
            optimum: optimum(&of.wishes),
            vcg: vcg(&of.wishes),
        }
    }

    /// Number of followers.
    pub fn followers(&self) -> usize {
        self.of.wishes.len()
    }

    /// Minus cost and payment.
    pub fn utility(&self, agent: AgentId) -> f64 {
        -self.played.net[agent]
    }
}
