//! The tables beside a document: followers, decisions, rounds.

use std::borrow::Cow;

use vickrey::mechanism::AgentId;

use super::{DecisionRow, DualResult};
use crate::output::number::finite;
use crate::output::table::{Cell, Holds, Table};

type Columns = Vec<(Cow<'static, str>, Holds)>;

impl DualResult<'_> {
    /// All tables that stand beside the document.
    pub fn tables(&self) -> Vec<Box<dyn Table + '_>> {
        let mut owners = Vec::with_capacity(self.of.plan.problem().decisions());
        for agent in 0..self.followers() {
            owners.extend((0..self.allocation(agent).len()).map(|k| (agent, k)));
        }
        vec![Box::new(Followers(self)), Box::new(Decisions { result: self, owners }), Box::new(Rounds(self))]
    }

    /// A column for each coupling.
    fn by_coupling(&self, what: &str) -> Columns {
        let names = self.of.couplings.iter();
        names.map(|name| (format!("{what}_{name}").into(), Holds::Numbers)).collect()
    }
}

fn named(names: &[&'static str], holds: Holds) -> Columns {
    names.iter().map(|&name| (name.into(), holds)).collect()
}

/// One row per follower.
struct Followers<'a>(&'a DualResult<'a>);

impl Table for Followers<'_> {
    fn stem(&self) -> &'static str {
        "followers"
    }

    fn columns(&self) -> Columns {
        let mut all = named(&["name"], Holds::Words);
        all.extend(self.0.by_coupling("usage"));
        let numbers = ["cost", "payment", "utility", "outside", "clearing_payment"];
        all.extend(named(&numbers, Holds::Numbers));
        all
    }

    fn rows(&self) -> usize {
        self.0.followers()
    }

    fn put<'a>(&'a self, row: usize, cells: &mut Vec<Cell<'a>>) {
        let row = self.0.follower_row(row);
        cells.push(Cell::Words(row.name.into()));
        cells.extend(row.usage.into_iter().map(|x| Cell::Number(Some(x))));
        let numbers =
            [Some(row.cost), Some(row.payment), Some(row.utility), row.outside, Some(row.clearing_payment)];
        cells.extend(numbers.map(Cell::Number));
    }
}

/// One row per decision.
struct Decisions<'a> {
    result: &'a DualResult<'a>,
    owners: Vec<(AgentId, usize)>,
}

impl Decisions<'_> {
    fn row(&self, row: usize) -> DecisionRow {
        let (agent, k) = self.owners[row];
        let problem = self.result.of.plan.problem();
        DecisionRow {
            follower: problem.name(agent).into_owned(),
            decision: k + 1,
            allocation: self.result.allocation(agent)[k],
            low: finite(problem.follower(agent).low[k]),
            high: finite(problem.follower(agent).high[k]),
        }
    }
}

impl Table for Decisions<'_> {
    fn stem(&self) -> &'static str {
        "decisions"
    }

    fn columns(&self) -> Columns {
        let mut all = named(&["follower"], Holds::Words);
        all.extend(named(&["decision"], Holds::Whole));
        all.extend(named(&["allocation", "low", "high"], Holds::Numbers));
        all
    }

    fn rows(&self) -> usize {
        self.owners.len()
    }

    fn put<'a>(&'a self, row: usize, cells: &mut Vec<Cell<'a>>) {
        let row = self.row(row);
        cells.extend([Cell::Words(row.follower.into()), Cell::Whole(row.decision)]);
        cells.extend([Some(row.allocation), row.low, row.high].map(Cell::Number));
    }
}

/// One row per round of the main problem.
struct Rounds<'a>(&'a DualResult<'a>);

impl Table for Rounds<'_> {
    fn stem(&self) -> &'static str {
        "rounds"
    }

    fn columns(&self) -> Columns {
        let mut all = named(&["round"], Holds::Whole);
        all.extend(self.0.by_coupling("price"));
        all.extend(named(&["residual", "lower", "certificate"], Holds::Numbers));
        all.extend(named(&["momentum_restart"], Holds::Whole));
        all
    }

    fn rows(&self) -> usize {
        self.0.rounds().len()
    }

    fn put<'a>(&'a self, row: usize, cells: &mut Vec<Cell<'a>>) {
        let row = self.0.round_row(row);
        cells.push(Cell::Whole(row.round));
        cells.extend(row.price.into_iter().map(|x| Cell::Number(Some(x))));
        cells.extend([Some(row.residual), row.lower, row.certificate].map(Cell::Number));
        cells.push(Cell::Whole(row.momentum_restart.into()));
    }
}
