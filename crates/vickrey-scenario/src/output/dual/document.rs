//! What a document says about dual decomposition.

use serde::Serialize;
use vickrey::faithful::dual::rules::{Marginals, Method, Mode, Moduli, Rules, Stop};
use vickrey::faithful::dual::tax::Status;
use vickrey::mechanism::AgentId;

use super::{DualResult, notes};
use crate::output::document::{AuditReport, Document, Head};
use crate::output::number::finite;
use crate::output::table::MOST_INLINE;

/// Runs of up to so many rounds are part of the document.
const MOST_ROUNDS: usize = 400;
/// Bytes of a number in a message.
const BYTES: u64 = 8;

/// What the document of dual decomposition holds besides what all documents do.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DualPart {
    /// The main numbers.
    pub summary: DualSummary,
    /// One row per coupling.
    pub couplings: Vec<CouplingRow>,
    /// One row per follower; null if there are more than 1000 (see `tables`).
    pub followers: Option<Vec<DualFollowerRow>>,
    /// One row per round of the main problem; null if there are more than 400 (see `tables`).
    pub rounds: Option<Vec<RoundRow>>,
    /// What went other than the protocol asks, in order, in words.
    pub events: Vec<String>,
}

/// The main numbers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DualSummary {
    /// Number of followers.
    pub followers: usize,
    /// Number of decisions of all together.
    pub decisions: usize,
    /// `ascent`, `accelerated`, `multipliers` or `newton`.
    pub method: &'static str,
    /// `vcg`, `dual`, `zero` or `clearing-price`.
    pub mode: &'static str,
    /// What the decision costs all followers.
    pub cost: f64,
    /// Minus that.
    pub welfare: f64,
    /// What all followers pay together.
    pub payment: f64,
    /// What the leader keeps: the same; negative: it pays.
    pub budget: f64,
    /// What they would pay together at the clearing price.
    pub clearing_payment: f64,
    /// Nobody gains more than this by any deviation; null if nothing is certified, or the rules promise nothing.
    pub epsilon: Option<f64>,
    /// Cost less the lower bound, as it was computed: may be negative by rounding. Null without a bound that holds.
    pub certificate: Option<f64>,
    /// A lower bound on the cost of any decision that meets the couplings.
    pub lower: Option<f64>,
    /// `converged`, `not-converged` or `fixed-rounds`.
    pub status: Status,
    /// The largest amount by which the decision misses a coupling.
    pub imbalance: f64,
    /// Rounds until all problems had ended.
    pub rounds: usize,
    /// Rounds of the main problem.
    pub main_rounds: usize,
    /// Rounds of the main problem after which the accelerated method gave up its momentum.
    pub momentum_restarts: usize,
    /// Problems that were solved, the main one included.
    pub problems: usize,
    /// Messages, both ways.
    pub messages: u64,
    /// Bytes of numbers from the leader to followers.
    pub bytes_down: u64,
    /// Bytes of numbers from followers to the leader.
    pub bytes_up: u64,
    /// Whether nobody is worse off than absent.
    pub individually_rational: bool,
}

/// One coupling.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CouplingRow {
    /// Its name.
    pub name: String,
    /// What has to be met.
    pub total: f64,
    /// What the decision uses.
    pub used: f64,
    /// Its price in the last round.
    pub price: f64,
}

/// One follower.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DualFollowerRow {
    /// The follower.
    pub name: String,
    /// Her decisions.
    pub allocation: Vec<f64>,
    /// What of each coupling she uses.
    pub usage: Vec<f64>,
    /// What the decision costs her.
    pub cost: f64,
    /// What she pays; negative: she receives.
    pub payment: f64,
    /// Minus cost and payment.
    pub utility: f64,
    /// Her utility if she were absent.
    pub outside: Option<f64>,
    /// What she would pay at the clearing price.
    pub clearing_payment: f64,
    /// Whether the others cannot meet the couplings without her.
    pub essential: bool,
}

/// One decision.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DecisionRow {
    /// Whose.
    pub follower: String,
    /// Which of hers, from 1.
    pub decision: usize,
    /// What is decided.
    pub allocation: f64,
    /// Limits; null: none.
    pub low: Option<f64>,
    /// The upper one.
    pub high: Option<f64>,
}

/// One round of the main problem.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RoundRow {
    /// The round, from 1.
    pub round: usize,
    /// The prices that were answered.
    pub price: Vec<f64>,
    /// How far the answers miss the couplings.
    pub residual: f64,
    /// The lower bound on the optimum that they give.
    pub lower: Option<f64>,
    /// Cost of the decision that these answers lead to, less the lower bound.
    pub certificate: Option<f64>,
    /// Whether the accelerated method gave up its momentum after this round: it led away from the optimum.
    pub momentum_restart: bool,
}

/// The method as scenarios write it.
fn method_name(method: Method) -> &'static str {
    match method {
        Method::Ascent { .. } => "ascent",
        Method::Accelerated { .. } => "accelerated",
        Method::Multipliers { .. } => "multipliers",
        Method::Newton => "newton",
    }
}

/// The mode as scenarios write it.
pub fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Vcg => "vcg",
        Mode::Zero => "zero",
        Mode::Dual => "dual",
        Mode::ClearingPrice => "clearing-price",
    }
}

/// The rules in words.
pub fn method_words(rules: &Rules, step: f64) -> String {
    use crate::output::number::short;
    let method = match rules.method {
        Method::Ascent { fading: true, .. } => format!("ascent, step {} over the round", short(step)),
        Method::Ascent { .. } => format!("ascent, step {}", short(step)),
        Method::Accelerated { .. } => format!("accelerated ascent, step {}", short(step)),
        Method::Multipliers { rho, relaxation } => {
            format!("method of multipliers, rho {}, relaxation {}", short(rho), short(relaxation))
        }
        Method::Newton => "newton steps, eight trial prices a round".to_owned(),
    };
    let stop = match rules.stop {
        Stop::Rounds(n) => format!("exactly {n} rounds"),
        Stop::Gap { epsilon, cap } => {
            format!("until epsilon is {} at most, {cap} rounds at most", short(epsilon))
        }
    };
    let mut words = format!("{method}; {stop}");
    if let Marginals::Warm { rounds } = rules.marginals {
        words.push_str(&format!("; problems without a follower start warm, {rounds} rounds"));
    }
    if rules.moduli == Moduli::Announced {
        words.push_str("; curvatures announced by the followers");
    }
    words
}

/// How a run ended, in words.
pub fn status_words(status: Status) -> &'static str {
    match status {
        Status::Converged => "converged",
        Status::NotConverged => "NOT converged: the rounds ran out",
        Status::FixedRounds => "a fixed number of rounds",
    }
}

impl DualResult<'_> {
    /// The document, with what an audit found if there was one.
    pub fn document(&self, audit: Option<AuditReport>) -> Document<DualPart> {
        Document {
            head: Head::of(self.scenario, "dual-decomposition", self.scenario.seed),
            part: self.part(),
            tables: Vec::new(),
            pictures: Vec::new(),
            notes: notes::sentences(self),
            audit,
            warnings: notes::warnings(self),
        }
    }

    fn part(&self) -> DualPart {
        let rows = 0..self.followers();
        let rounds = self.rounds().len();
        DualPart {
            summary: self.summary(),
            couplings: self.coupling_rows(),
            followers: (rows.len() <= MOST_INLINE).then(|| rows.map(|i| self.follower_row(i)).collect()),
            rounds: (rounds <= MOST_ROUNDS).then(|| (0..rounds).map(|k| self.round_row(k)).collect()),
            events: notes::told(self.events(), &self.of.named()),
        }
    }

    /// The main numbers.
    pub fn summary(&self) -> DualSummary {
        let (plan, traffic) = (&self.of.plan, self.state.traffic());
        let cost: f64 = (0..self.followers()).map(|i| self.cost(i)).sum();
        let payment: f64 = self.settled.payment.iter().sum();
        let misses = self.used().into_iter().zip(plan.problem().total()).map(|(u, c)| (u - c).abs());
        let main = self.state.solved(self.state.main_problem());
        DualSummary {
            followers: self.followers(),
            decisions: plan.problem().decisions(),
            method: method_name(plan.rules().method),
            mode: mode_name(plan.rules().mode),
            cost,
            welfare: -cost,
            payment,
            budget: payment,
            clearing_payment: self.clearing.iter().sum(),
            epsilon: self.settled.epsilon,
            certificate: self.settled.certificate.filter(|_| self.bounds_hold()),
            lower: main.and_then(|main| main.finish.lower).filter(|_| self.bounds_hold()),
            status: self.settled.status,
            imbalance: misses.fold(0.0, f64::max),
            rounds: traffic.rounds,
            main_rounds: self.rounds().len(),
            momentum_restarts: self.rounds().iter().filter(|glance| glance.slowed).count(),
            problems: self.state.solved_problems().len(),
            messages: traffic.messages,
            bytes_down: BYTES * traffic.down,
            bytes_up: BYTES * traffic.up,
            individually_rational: (0..self.followers()).all(|i| self.takes_part_gladly(i)),
        }
    }

    /// Whether a follower is not worse off than absent, within what is certified.
    pub fn takes_part_gladly(&self, agent: AgentId) -> bool {
        let (utility, outside) = (self.utility(agent), -self.absent_cost(agent));
        let rounding = 1e-9 * (1.0 + utility.abs() + self.cost(agent).abs());
        utility >= outside - self.settled.epsilon.unwrap_or(0.0) - rounding
    }

    /// Minus cost and payment.
    pub fn utility(&self, agent: AgentId) -> f64 {
        -self.cost(agent) - self.settled.payment[agent]
    }

    /// One row per coupling.
    pub fn coupling_rows(&self) -> Vec<CouplingRow> {
        let used = self.used();
        let total = self.of.plan.problem().total();
        let row = |(r, name): (usize, &String)| CouplingRow {
            name: name.clone(),
            total: total[r],
            used: used[r],
            price: self.settled.price[r],
        };
        self.of.couplings.iter().enumerate().map(row).collect()
    }

    /// The row of a follower.
    pub fn follower_row(&self, agent: AgentId) -> DualFollowerRow {
        DualFollowerRow {
            name: self.of.plan.problem().name(agent).into_owned(),
            allocation: self.allocation(agent).to_vec(),
            usage: self.usage(agent),
            cost: self.cost(agent),
            payment: self.settled.payment[agent],
            utility: self.utility(agent),
            outside: finite(-self.absent_cost(agent)),
            clearing_payment: self.clearing[agent],
            essential: self.of.plan.essential().contains(&agent),
        }
    }

    /// The row of a round, from 0.
    pub fn round_row(&self, round: usize) -> RoundRow {
        let glance = &self.rounds()[round];
        RoundRow {
            round: glance.round,
            price: glance.price.clone(),
            residual: glance.residual,
            lower: glance.lower.and_then(finite).filter(|_| self.bounds_hold()),
            certificate: self.certificate(round),
            momentum_restart: glance.slowed,
        }
    }
}
