//! From a market scenario to everything that is reported about it.

use vickrey::accounts::Accounts;
use vickrey::guarantee::Baseline;
use vickrey::market::{Market, MarketError, Settlement, settle};
use vickrey::numeric::sum;

use super::charge::Charge;
use super::document::{AuditReport, Document, EffortCounts, Head, MarketPart, Summary};
use super::notes;
use super::number::finite;
use super::scaling::{Names, ScalingAnalysis};
use super::table::{MOST_INLINE, Table};
use super::table_of_agents::AgentTable;
use crate::{MarketScenario, Scenario};

/// A market scenario, cleared and paid.
#[derive(Clone, Debug)]
pub struct MarketResult<'a> {
    /// The file's head.
    pub scenario: &'a Scenario,
    /// The agents.
    pub market: &'a Market,
    /// What agents compare with.
    pub baseline: Baseline,
    /// The trade and all that payments need.
    pub settlement: Settlement,
    /// The payment rule with its factor.
    pub charge: Charge,
    /// Which factors are feasible, for both baselines.
    pub scaling: ScalingAnalysis,
}

impl<'a> MarketResult<'a> {
    /// Clears the market and computes every payment.
    ///
    /// # Errors
    /// The market cannot be cleared. (A c that these bids do not give is no error: see [`Charge::missing`].)
    pub fn solve(scenario: &'a Scenario, market: &'a MarketScenario) -> Result<Self, MarketError> {
        let settlement = settle(&market.market)?;
        let charge = Charge::resolve(&market.payment, market.baseline, &market.market, &settlement);
        let scaling = ScalingAnalysis::of(&market.market, &settlement, settlement.total == 0.0);
        Ok(Self { scenario, market: &market.market, baseline: market.baseline, settlement, charge, scaling })
    }

    /// The table of agents.
    pub fn table(&self) -> AgentTable<'_> {
        AgentTable::new(self.market, &self.settlement, &self.charge)
    }

    /// The document, with what an audit found if one was run.
    pub fn document(&self, seed: u64, audit: Option<AuditReport>) -> Document<MarketPart> {
        let mut warnings = self.scenario.warnings.clone();
        warnings.extend(notes::warnings(self));
        let table = self.table();
        let agents = table.inline();
        let mut notes = notes::sentences(self);
        if agents.is_none() {
            let file = table.file().file;
            notes.push(format!(
                "more than {MOST_INLINE} agents: their table stands beside the document as {file}, which a run with \
                 --out writes"
            ));
        }
        Document {
            head: Head::of(self.scenario, "market", seed),
            part: MarketPart { summary: self.summary(), scaling: self.scaling.clone(), agents },
            tables: Vec::new(),
            pictures: Vec::new(),
            notes,
            audit,
            warnings,
        }
    }

    /// The main numbers.
    pub fn summary(&self) -> Summary {
        let s = &self.settlement;
        let [consumed, produced] = self.quantities();
        Summary {
            agents: s.agents(),
            welfare: s.welfare(),
            price: s.price(),
            price_low: finite(s.clearing.price_low),
            price_high: finite(s.clearing.price_high),
            budget: self.charge.budget(s),
            payment_rule: self.charge.name(),
            baseline: self.baseline.words(),
            c: self.charge.factor(),
            c_origin: self.charge.origin.map(|origin| origin.words()),
            total: s.total,
            imbalance: s.clearing.imbalance,
            volume: consumed.max(produced),
            consumed,
            produced,
            pivotal: Names::of(self.market, &s.pivotal, s.pivotal.len()),
            forced: Names::of(self.market, &s.forced, s.forced.len()),
            effort: EffortCounts {
                closed_form: s.effort.closed_form,
                shared: s.effort.shared,
                one_by_one: s.effort.one_by_one,
            },
        }
    }

    /// What agents receive and what they deliver.
    pub fn quantities(&self) -> [f64; 2] {
        let s = &self.settlement;
        sum::parallel(s.agents(), |i| [s.allocation(i).max(0.0), (-s.allocation(i)).max(0.0)])
    }
}
