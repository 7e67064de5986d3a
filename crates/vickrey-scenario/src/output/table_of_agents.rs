//! A market's table of agents.

use std::borrow::Cow;

use serde::Serialize;
use vickrey::accounts::Accounts;
use vickrey::guarantee::Baseline;
use vickrey::market::{Market, Settlement};
use vickrey::mechanism::AgentId;

use super::charge::Charge;
use super::number::finite;
use super::table::{Cell, Holds, MOST_INLINE, Table};

/// The columns of numbers, in the order of the files.
pub const COLUMNS: [&str; 9] =
    ["allocation", "value", "payment", "lagrange", "vcg", "gap", "utility", "outside", "without"];

/// One agent's row. Null: the number does not exist, because the market is infeasible without this agent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AgentRow {
    /// The agent.
    pub name: String,
    /// Quantity received; negative: produced.
    pub allocation: f64,
    /// Its own utility of the allocation, before payment.
    pub value: Option<f64>,
    /// What it pays under the rule; negative: it is paid.
    pub payment: Option<f64>,
    /// What it would pay at the price.
    pub lagrange: Option<f64>,
    /// What it would pay under plain VCG.
    pub vcg: Option<f64>,
    /// `lagrange` minus `vcg`, at least 0.
    pub gap: Option<f64>,
    /// `value` minus `payment`.
    pub utility: Option<f64>,
    /// What it has if it does not take part.
    pub outside: Option<f64>,
    /// What the others can reach without it, H_i (baseline zero).
    pub without: Option<f64>,
}

/// The table of agents, computed row by row from a settlement.
#[derive(Clone, Copy, Debug)]
pub struct AgentTable<'a> {
    market: &'a Market,
    settlement: &'a Settlement,
    charge: &'a Charge,
}

impl<'a> AgentTable<'a> {
    /// The table of this settlement under this rule.
    pub fn new(market: &'a Market, settlement: &'a Settlement, charge: &'a Charge) -> Self {
        Self { market, settlement, charge }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.settlement.agents()
    }

    /// Whether there are no rows (never: a market has two agents).
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One row.
    pub fn row(&self, agent: AgentId) -> AgentRow {
        let [allocation, value, payment, lagrange, vcg, gap, utility, outside, without] = self.numbers(agent);
        AgentRow {
            name: self.market.name(agent).into_owned(),
            allocation: allocation.unwrap_or(0.0),
            value,
            payment,
            lagrange,
            vcg,
            gap,
            utility,
            outside,
            without,
        }
    }

    /// The numbers of one row in the order of [`COLUMNS`].
    fn numbers(&self, agent: AgentId) -> [Option<f64>; COLUMNS.len()] {
        let (s, i) = (self.settlement, agent);
        [
            finite(s.allocation(i)),
            finite(s.own_utility(i)),
            self.charge.payment(s, i),
            finite(s.lagrange(i)),
            finite(s.vcg(i)),
            finite(s.gap(i)),
            self.charge.utility(s, i),
            finite(s.outside[i]),
            finite(s.without(i, Baseline::Zero)),
        ]
    }

    /// All rows, if the table is small enough to be part of a document.
    pub fn inline(&self) -> Option<Vec<AgentRow>> {
        (self.len() <= MOST_INLINE).then(|| (0..self.len()).map(|i| self.row(i)).collect())
    }
}

impl Table for AgentTable<'_> {
    fn stem(&self) -> &'static str {
        "agents"
    }

    fn columns(&self) -> Vec<(Cow<'static, str>, Holds)> {
        let numbers = COLUMNS.iter().map(|&name| (name.into(), Holds::Numbers));
        std::iter::once(("name".into(), Holds::Words)).chain(numbers).collect()
    }

    fn rows(&self) -> usize {
        self.len()
    }

    fn put<'a>(&'a self, row: usize, cells: &mut Vec<Cell<'a>>) {
        cells.push(Cell::Words(self.market.name(row)));
        cells.extend(self.numbers(row).map(Cell::Number));
    }
}
