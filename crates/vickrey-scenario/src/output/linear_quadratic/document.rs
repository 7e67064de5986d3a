//! What a document says about a linear-quadratic market.

use serde::Serialize;
use vickrey::accounts::Accounts;
use vickrey::guarantee::Baseline;
use vickrey::mechanism::AgentId;

use super::LqResult;
use super::notes;
use crate::output::document::{AuditReport, Document, Head};
use crate::output::number::finite;
use crate::output::scaling::ScalingAnalysis;
use crate::output::table::{MOST_INLINE, Table};

/// What a linear-quadratic market's document holds besides what all documents do.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LqPart {
    /// The main numbers.
    pub summary: LqSummary,
    /// Which factors c are feasible in expectation, for both baselines.
    pub scaling: ScalingAnalysis,
    /// One row per period.
    pub stages: Vec<StageRow>,
    /// One row per agent; null if there are more than 1000 (see `tables`).
    pub agents: Option<Vec<LqAgentRow>>,
}

/// The main numbers of a linear-quadratic market.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LqSummary {
    /// Number of agents.
    pub agents: usize,
    /// Number of periods.
    pub periods: usize,
    /// `plan`, `layered` or `filtered`.
    pub market: &'static str,
    /// `none`, `constant`, `pure`, `incremental`, `worlds` or `lagrange`.
    pub payment_rule: &'static str,
    /// What agents compare with.
    pub baseline: &'static str,
    /// The factor c.
    pub c: Option<f64>,
    /// Where c came from, in words.
    pub c_origin: Option<&'static str>,
    /// Total utility of this run (in a plan: of the plan).
    pub welfare: f64,
    /// What the operator keeps in this run (negative: pays); null if nothing can be charged.
    pub budget: Option<f64>,
    /// Quantity that changed hands in this run.
    pub volume: f64,
    /// The largest |sum of trades minus net demand| of any period: what rounding left over.
    pub imbalance: f64,
    /// Agents that followed a recorded path instead of drawing one.
    pub replayed: usize,
    /// What can be expected; in a plan: what is certain.
    pub expected: ExpectedSummary,
    /// How the market-power discounts were computed.
    pub discounts: Discounts,
}

/// What can be expected of the whole course.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExpectedSummary {
    /// Total utility.
    pub welfare: f64,
    /// Total utility minus what all would have without trade.
    pub welfare_over_autarky: f64,
    /// What the operator keeps (negative: pays); null if nothing can be charged.
    pub budget: Option<f64>,
    /// What all Lagrange payments add up to.
    pub lagrange: f64,
}

/// How many market-power discounts were computed in which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Discounts {
    /// By a series.
    pub series: usize,
    /// By solving a system of equations.
    pub exact: usize,
    /// Of these, for agents that are nearly all of the market, with the others added up anew.
    pub added_up: usize,
}

/// One period.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StageRow {
    /// The period, from 0.
    pub period: usize,
    /// The price at which it traded.
    pub price: f64,
    /// Its price as planned in period 0.
    pub price_planned: f64,
    /// What the trades add up to.
    pub net_demand: f64,
    /// Quantity that changed hands.
    pub volume: f64,
    /// Sum of the payments that fell due; null in a plan, which is paid at once.
    pub payment: Option<f64>,
    /// Sum of the payments so far.
    pub budget: Option<f64>,
    /// Sum of the agents' utilities of states and trades; null in a plan.
    pub welfare: Option<f64>,
    /// What the trades add up to, minus net demand.
    pub imbalance: f64,
}

/// One agent's row. `expected_…` is before anything has happened (in a plan the same as what happens).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LqAgentRow {
    /// The agent.
    pub name: String,
    /// Components of its state.
    pub states: usize,
    /// Quantity received minus quantity delivered, over all periods.
    pub allocation: f64,
    /// Quantity received plus quantity delivered.
    pub volume: f64,
    /// Its utility of states and trades, before payments.
    pub value: Option<f64>,
    /// What it pays; negative: it is paid.
    pub payment: Option<f64>,
    /// `value` minus `payment`.
    pub utility: Option<f64>,
    /// What its changes of schedule cost at the prices.
    pub lagrange: Option<f64>,
    /// What an incremental payment at c = 1 is less, at least 0.
    pub gap: Option<f64>,
    /// The utility that it can expect, before payments.
    pub expected_value: Option<f64>,
    /// What it can expect to pay.
    pub expected_payment: Option<f64>,
    /// What it can expect to have after paying.
    pub expected_utility: Option<f64>,
    /// What it can expect to pay at the prices.
    pub expected_lagrange: Option<f64>,
    /// Expected Lagrange payment minus expected VCG payment, at least 0.
    pub expected_gap: Option<f64>,
    /// What it can expect without trade.
    pub outside: Option<f64>,
    /// What the others can expect without it, H_i (baseline zero).
    pub without: Option<f64>,
}

impl LqResult<'_> {
    /// The document, with what an audit found if one was run.
    pub fn document(&self, audit: Option<AuditReport>) -> Document<LqPart> {
        let mut warnings = self.scenario.warnings.clone();
        warnings.extend(notes::warnings(self));
        let inline = self.agents() <= MOST_INLINE;
        let mut notes = notes::sentences(self);
        if !inline {
            let file = self.agent_table().file().file;
            notes.push(format!(
                "more than {MOST_INLINE} agents: their table stands beside the document as {file}, which a run with \
                 --out writes"
            ));
        }
        let part = LqPart {
            summary: self.summary(),
            scaling: self.scaling.clone(),
            stages: self.stage_rows(),
            agents: inline.then(|| (0..self.agents()).map(|i| self.agent_row(i)).collect()),
        };
        Document {
            head: Head::of(self.scenario, "linear-quadratic", self.scenario.seed),
            part,
            tables: Vec::new(),
            pictures: Vec::new(),
            notes,
            audit,
            warnings,
        }
    }

    /// The main numbers.
    pub fn summary(&self) -> LqSummary {
        let (ledger, stages, effort) = (self.ledger(), &self.course.stages, self.course.effort);
        LqSummary {
            agents: self.agents(),
            periods: stages.len(),
            market: self.lq.kind.name(),
            payment_rule: self.lq.payment.name(),
            baseline: self.lq.baseline.words(),
            c: self.charge.c,
            c_origin: self.charge.origin_words(),
            welfare: self.welfare(),
            budget: self.budget().and_then(finite),
            volume: stages.iter().map(|stage| stage.volume()).sum(),
            imbalance: stages.iter().map(|stage| stage.imbalance.abs()).fold(0.0, f64::max),
            replayed: self.replayed(),
            expected: ExpectedSummary {
                welfare: ledger.welfare(),
                welfare_over_autarky: ledger.welfare_over(Baseline::Autarky),
                budget: self.charge.expected_budget(&self.outlook),
                lagrange: ledger.lagrange_total(),
            },
            discounts: Discounts { series: effort.series, exact: effort.exact, added_up: effort.added_up },
        }
    }

    /// The periods.
    pub fn stage_rows(&self) -> Vec<StageRow> {
        let planned = self.course.stages.first().map_or(&[][..], |stage| &stage.prices);
        let mut so_far = vickrey::numeric::sum::Sum::default();
        let row = |(period, stage): (usize, &super::Stage)| {
            so_far.add(stage.payment.unwrap_or(0.0));
            StageRow {
                period,
                price: stage.price(),
                price_planned: planned[period],
                net_demand: self.market.net_demand()[period],
                volume: stage.volume(),
                payment: stage.payment,
                budget: stage.payment.map(|_| so_far.get()),
                welfare: stage.welfare,
                imbalance: stage.imbalance,
            }
        };
        self.course.stages.iter().enumerate().map(row).collect()
    }

    /// One agent's row.
    pub fn agent_row(&self, agent: AgentId) -> LqAgentRow {
        let (ledger, sums, i) = (self.ledger(), &self.course.sums, agent);
        let payment = sums.payment.as_ref().map(|paid| paid[i]);
        // In a plan nothing is subtracted that cancels.
        let expected_utility = self.charge.expected_utility(&self.outlook, i);
        let utility =
            if self.is_plan() { expected_utility } else { payment.map(|paid| sums.value[i] - paid) };
        LqAgentRow {
            name: self.market.name(i).into_owned(),
            states: self.market.states(i),
            allocation: sums.allocation[i],
            volume: sums.volume[i],
            value: finite(sums.value[i]),
            payment: payment.and_then(finite),
            utility: utility.and_then(finite),
            lagrange: finite(sums.lagrange[i]),
            gap: finite(sums.gap[i]),
            expected_value: finite(ledger.own_utility(i)),
            expected_payment: self.charge.expected_payment(&self.outlook, i),
            expected_utility,
            expected_lagrange: finite(ledger.lagrange(i)),
            expected_gap: finite(ledger.gap(i)),
            outside: finite(ledger.outside(i)),
            without: finite(ledger.without(i, Baseline::Zero)),
        }
    }
}
