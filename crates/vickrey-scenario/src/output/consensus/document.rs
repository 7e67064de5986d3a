//! What a document says about consensus.

use serde::Serialize;
use vickrey::faithful::consensus::{Test, Watch};
use vickrey::mechanism::AgentId;

use super::{ConsensusResult, notes};
use crate::output::document::{AuditReport, Document, Head};
use crate::output::number::finite;
use crate::output::table::MOST_INLINE;

/// Bytes of a number in a message.
const BYTES: u64 = 8;

/// What the document of consensus holds besides what all documents do.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ConsensusPart {
    /// The main numbers.
    pub summary: ConsensusSummary,
    /// One row per follower; null if there are more than 1000 (see `tables`).
    pub followers: Option<Vec<ConsensusFollowerRow>>,
    /// One row per round, of long runs every so many.
    pub rounds: Vec<CourseRow>,
}

/// The main numbers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ConsensusSummary {
    /// Number of followers.
    pub followers: usize,
    /// Number of edges.
    pub edges: usize,
    /// Rounds.
    pub rounds: usize,
    /// alpha.
    pub step: f64,
    /// rho: disagreement shrinks by one minus this in every round at least.
    pub rate: f64,
    /// `corrected`, `spectral`, `tighter` or `printed`.
    pub test: &'static str,
    /// `observed` or `reported`.
    pub watch: &'static str,
    /// Distance of the final positions from agreement.
    pub disagreement: f64,
    /// What it is compared with.
    pub limit: f64,
    /// Whether the test is passed.
    pub passed: bool,
    /// What everybody pays if it is not.
    pub fine: f64,
    /// The common point that costs least together: the mean of the wishes.
    pub mean: f64,
    /// What all positions cost together.
    pub cost: f64,
    /// What agreement at the mean would cost.
    pub optimum: f64,
    /// Minus the cost.
    pub welfare: f64,
    /// What all followers pay together.
    pub payment: f64,
    /// What the leader keeps: the same.
    pub budget: f64,
    /// Nobody gains more than this by any deviation, whatever the types; null where that is not proved.
    pub epsilon: Option<f64>,
    /// Messages between neighbours and to the leader.
    pub messages: u64,
    /// Bytes of numbers in them.
    pub bytes: u64,
}

/// One follower.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ConsensusFollowerRow {
    /// The follower.
    pub name: String,
    /// The public range.
    pub range: [f64; 2],
    /// Where she would like to be.
    pub wish: f64,
    /// Where she ends.
    pub allocation: f64,
    /// The squared distance between the two.
    pub cost: f64,
    /// What she pays.
    pub payment: f64,
    /// Minus cost and payment.
    pub utility: f64,
    /// What she would pay under exact VCG.
    pub vcg_payment: f64,
}

/// One round.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CourseRow {
    /// The round; 0: the wishes.
    pub round: usize,
    /// Distance from agreement.
    pub disagreement: f64,
    /// What the test would compare with after so many rounds; null if it is too small for a number.
    pub beta: Option<f64>,
}

/// The test as scenarios write it.
pub fn test_name(test: Test) -> &'static str {
    match test {
        Test::Corrected => "corrected",
        Test::Spectral => "spectral",
        Test::Tighter => "tighter",
        Test::Printed => "printed",
    }
}

impl ConsensusResult<'_> {
    /// The document, with what an audit found if there was one.
    pub fn document(&self, audit: Option<AuditReport>) -> Document<ConsensusPart> {
        let rows = 0..self.followers();
        Document {
            head: Head::of(self.scenario, "consensus", self.scenario.seed),
            part: ConsensusPart {
                summary: self.summary(),
                followers: (rows.len() <= MOST_INLINE).then(|| rows.map(|i| self.follower_row(i)).collect()),
                rounds: (0..self.course.len()).map(|k| self.course_row(k)).collect(),
            },
            tables: Vec::new(),
            pictures: Vec::new(),
            notes: notes::sentences(self),
            audit,
            warnings: notes::warnings(self),
        }
    }

    /// The main numbers.
    pub fn summary(&self) -> ConsensusSummary {
        let (rules, settled) = (&self.of.rules, &self.played.settlement);
        let edges = rules.instance().graph().edges().len();
        let payment = settled.payment.iter().sum();
        let cost = self.played.social_cost();
        // Along every edge one number each way and round; in the end everybody's value, and her tax.
        let messages = 2 * (edges as u64 * rules.rounds() as u64 + self.followers() as u64);
        ConsensusSummary {
            followers: self.followers(),
            edges,
            rounds: rules.rounds(),
            step: rules.step(),
            rate: rules.rate(),
            test: test_name(rules.test()),
            watch: if rules.watch() == Watch::Observed { "observed" } else { "reported" },
            disagreement: settled.disagreement,
            limit: settled.limit,
            passed: settled.passed,
            fine: rules.fine(),
            mean: self.optimum.0,
            cost,
            optimum: self.optimum.1,
            welfare: -cost,
            payment,
            budget: payment,
            epsilon: rules.epsilon().and_then(finite),
            messages,
            bytes: BYTES * messages,
        }
    }

    /// The row of a follower.
    pub fn follower_row(&self, agent: AgentId) -> ConsensusFollowerRow {
        let instance = self.of.rules.instance();
        ConsensusFollowerRow {
            name: instance.name(agent).into_owned(),
            range: [instance.low()[agent], instance.high()[agent]],
            wish: self.of.wishes[agent],
            allocation: self.played.positions[agent],
            cost: self.played.value[agent],
            payment: self.played.settlement.payment[agent],
            utility: self.utility(agent),
            vcg_payment: self.vcg[agent],
        }
    }

    /// The row of a round that is kept.
    pub fn course_row(&self, kept: usize) -> CourseRow {
        let (round, _, disagreement) = &self.course[kept];
        let rules = &self.of.rules;
        CourseRow {
            round: *round,
            disagreement: *disagreement,
            beta: (*round > 0).then(|| rules.limit_after(*round)).and_then(finite),
        }
    }
}
