//! The tables beside a simulation's document: runs and agents.

use std::borrow::Cow;

use super::document::{AgentRuns, Spread};
use super::{Runs, TABLE};
use crate::output::table::{Cell, Holds, Table};

/// Up to this many runs their table is CSV.
pub(super) const MOST_CSV: usize = 100_000;

const AGENT_NUMBERS: [&str; 20] = [
    "utility",
    "utility_error",
    "utility_deviation",
    "utility_p5",
    "utility_p25",
    "utility_p50",
    "utility_p75",
    "utility_p95",
    "utility_expected",
    "payment",
    "payment_error",
    "payment_deviation",
    "payment_expected",
    "outside",
    "worse_off",
    "strategic_utility",
    "strategic_payment",
    "gain",
    "gain_error",
    "runs_needed",
];

impl Runs<'_> {
    /// All tables that stand beside the document.
    pub fn tables(&self) -> Vec<Box<dyn Table + '_>> {
        vec![Box::new(ByRun(self)), Box::new(ByAgent(self))]
    }
}

/// One row per run.
struct ByRun<'a>(&'a Runs<'a>);

impl Table for ByRun<'_> {
    fn stem(&self) -> &'static str {
        TABLE
    }

    fn columns(&self) -> Vec<(Cow<'static, str>, Holds)> {
        // A seed may have more digits than a number keeps.
        let mut all = vec![("run", Holds::Whole), ("seed", Holds::Words)];
        all.extend(["budget", "welfare"].map(|name| (name, Holds::Numbers)));
        if self.0.days.lying.is_some() {
            all.extend(["strategic_budget", "strategic_welfare"].map(|name| (name, Holds::Numbers)));
        }
        all.into_iter().map(|(name, holds)| (name.into(), holds)).collect()
    }

    fn rows(&self) -> usize {
        self.0.days.seeds.len()
    }

    fn put<'a>(&'a self, row: usize, cells: &mut Vec<Cell<'a>>) {
        let days = &self.0.days;
        cells.push(Cell::Whole(row));
        cells.push(Cell::Words(days.seeds[row].to_string().into()));
        for tally in std::iter::once(&days.honest).chain(&days.lying) {
            cells.extend([tally.budget[row], tally.welfare[row]].map(|x| Cell::Number(Some(x))));
        }
    }

    fn most_csv(&self) -> usize {
        MOST_CSV
    }
}

/// One row per agent.
struct ByAgent<'a>(&'a Runs<'a>);

fn numbers(row: &AgentRuns) -> [Option<f64>; AGENT_NUMBERS.len()] {
    let (utility, payment) = (&row.utility.truthful, &row.payment.truthful);
    let quantile = |pick: fn(&super::Quantiles) -> f64| utility.quantiles.as_ref().map(pick);
    let strategic = |both: &super::Both<Spread>| both.strategic.as_ref().and_then(|spread| spread.mean);
    let gain = row.gain.as_ref();
    [
        utility.mean,
        utility.standard_error,
        utility.deviation,
        quantile(|q| q.p5),
        quantile(|q| q.p25),
        quantile(|q| q.p50),
        quantile(|q| q.p75),
        quantile(|q| q.p95),
        utility.expected,
        payment.mean,
        payment.standard_error,
        payment.deviation,
        payment.expected,
        row.outside.mean,
        Some(row.worse_off.truthful.share),
        strategic(&row.utility),
        strategic(&row.payment),
        gain.and_then(|gain| gain.mean),
        gain.and_then(|gain| gain.standard_error),
        gain.and_then(|gain| gain.runs_needed),
    ]
}

impl Table for ByAgent<'_> {
    fn stem(&self) -> &'static str {
        "agents"
    }

    fn columns(&self) -> Vec<(Cow<'static, str>, Holds)> {
        let words = ["name", "lie"].map(|name| (name.into(), Holds::Words));
        words.into_iter().chain(AGENT_NUMBERS.map(|name| (name.into(), Holds::Numbers))).collect()
    }

    fn rows(&self) -> usize {
        self.0.prepared.lq.market.len()
    }

    fn put<'a>(&'a self, row: usize, cells: &mut Vec<Cell<'a>>) {
        let agent = self.0.agent(row);
        cells.extend(numbers(&agent).map(Cell::Number));
        let words = [agent.name, agent.lie.unwrap_or_default()].map(|text| Cell::Words(text.into()));
        cells.splice(cells.len() - AGENT_NUMBERS.len()..cells.len() - AGENT_NUMBERS.len(), words);
    }
}
