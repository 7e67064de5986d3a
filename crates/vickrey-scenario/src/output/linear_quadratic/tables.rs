//! The tables beside a document: agents, stages, trades, and the prices that every stage planned.

use std::borrow::Cow;

use super::document::{LqAgentRow, StageRow};
use super::{Layer, LqResult};
use crate::output::table::{Cell, Holds, Table};

/// Up to this many rows tables of trades and plans are CSV.
const MOST_CSV: usize = 20_000;

/// The columns of numbers of the table of agents, after `name` and `states`.
pub const AGENT_COLUMNS: [&str; 14] = [
    "allocation",
    "volume",
    "value",
    "payment",
    "utility",
    "lagrange",
    "gap",
    "expected_value",
    "expected_payment",
    "expected_utility",
    "expected_lagrange",
    "expected_gap",
    "outside",
    "without",
];

/// The columns of numbers of the table of stages, after `period`.
pub const STAGE_COLUMNS: [&str; 8] =
    ["price", "price_planned", "net_demand", "volume", "payment", "budget", "welfare", "imbalance"];

type Columns = Vec<(Cow<'static, str>, Holds)>;

fn columns(first: &[(&'static str, Holds)], numbers: &[&'static str]) -> Columns {
    let numbers = numbers.iter().map(|&name| (name.into(), Holds::Numbers));
    first.iter().map(|&(name, holds)| (name.into(), holds)).chain(numbers).collect()
}

impl LqResult<'_> {
    /// All tables that stand beside the document.
    pub fn tables(&self) -> Vec<Box<dyn Table + '_>> {
        let mut all: Vec<Box<dyn Table + '_>> = vec![Box::new(self.agent_table())];
        all.push(Box::new(Stages(self.stage_rows())));
        if let Some(layers) = &self.course.layers {
            all.push(Box::new(Trades { result: self, layers }));
        }
        if !self.is_plan() {
            all.push(Box::new(Plans { result: self }));
        }
        all
    }

    pub(super) fn agent_table(&self) -> Agents<'_> {
        Agents { result: self }
    }
}

/// One row per agent.
pub(super) struct Agents<'a> {
    result: &'a LqResult<'a>,
}

impl LqAgentRow {
    /// The numbers in the order of [`AGENT_COLUMNS`].
    fn numbers(&self) -> [Option<f64>; AGENT_COLUMNS.len()] {
        [
            Some(self.allocation),
            Some(self.volume),
            self.value,
            self.payment,
            self.utility,
            self.lagrange,
            self.gap,
            self.expected_value,
            self.expected_payment,
            self.expected_utility,
            self.expected_lagrange,
            self.expected_gap,
            self.outside,
            self.without,
        ]
    }
}

impl Table for Agents<'_> {
    fn stem(&self) -> &'static str {
        "agents"
    }

    fn columns(&self) -> Columns {
        columns(&[("name", Holds::Words), ("states", Holds::Whole)], &AGENT_COLUMNS)
    }

    fn rows(&self) -> usize {
        self.result.agents()
    }

    fn put<'a>(&'a self, row: usize, cells: &mut Vec<Cell<'a>>) {
        let row = self.result.agent_row(row);
        let numbers = row.numbers();
        cells.push(Cell::Words(row.name.into()));
        cells.push(Cell::Whole(row.states));
        cells.extend(numbers.map(Cell::Number));
    }
}

/// One row per period.
struct Stages(Vec<StageRow>);

impl Table for Stages {
    fn stem(&self) -> &'static str {
        "stages"
    }

    fn columns(&self) -> Columns {
        columns(&[("period", Holds::Whole)], &STAGE_COLUMNS)
    }

    fn rows(&self) -> usize {
        self.0.len()
    }

    fn put<'a>(&'a self, row: usize, cells: &mut Vec<Cell<'a>>) {
        let s = &self.0[row];
        cells.push(Cell::Whole(s.period));
        let given = [s.price, s.price_planned, s.net_demand, s.volume].map(Some);
        let numbers = given.into_iter().chain([s.payment, s.budget, s.welfare, Some(s.imbalance)]);
        cells.extend(numbers.map(Cell::Number));
    }
}

/// One row per agent and period: all periods of the first agent, then those of the next.
struct Trades<'a> {
    result: &'a LqResult<'a>,
    layers: &'a [Layer],
}

impl Trades<'_> {
    fn width(&self) -> usize {
        self.layers.first().map_or(1, |layer| layer.width)
    }

    /// `state`, or `state_0`, `state_1`, … where some agent has several.
    fn each(&self, name: &'static str) -> impl Iterator<Item = (Cow<'static, str>, Holds)> {
        let width = self.width();
        (0..width).map(move |k| {
            (if width == 1 { name.into() } else { format!("{name}_{k}").into() }, Holds::Numbers)
        })
    }
}

impl Table for Trades<'_> {
    fn stem(&self) -> &'static str {
        "trades"
    }

    fn columns(&self) -> Columns {
        let mut all = columns(&[("agent", Holds::Words), ("period", Holds::Whole)], &["allocation"]);
        if !self.result.is_plan() {
            all.push(("payment".into(), Holds::Numbers));
        }
        all.extend(self.each("state"));
        if !self.result.is_plan() {
            all.extend(self.each("forecast"));
            all.extend(self.each("bid"));
        }
        all
    }

    fn rows(&self) -> usize {
        self.result.agents() * self.layers.len()
    }

    fn put<'a>(&'a self, row: usize, cells: &mut Vec<Cell<'a>>) {
        let (agent, period) = (row / self.layers.len(), row % self.layers.len());
        let layer = &self.layers[period];
        let number = |x: f64| Cell::Number(x.is_finite().then_some(x));
        let states =
            |of: &'a [f64]| of[agent * layer.width..(agent + 1) * layer.width].iter().map(|&x| number(x));
        cells.push(Cell::Words(self.result.market.name(agent)));
        cells.push(Cell::Whole(period));
        cells.push(number(layer.allocation[agent]));
        if self.result.is_plan() {
            cells.extend(states(&layer.state));
            return;
        }
        cells.push(Cell::Number(layer.payment.get(agent).copied()));
        cells.extend(states(&layer.state).chain(states(&layer.forecast)).chain(states(&layer.bid)));
    }

    fn most_csv(&self) -> usize {
        MOST_CSV
    }
}

/// The prices that every stage planned for itself and all later periods.
struct Plans<'a> {
    result: &'a LqResult<'a>,
}

impl Plans<'_> {
    /// Stage and period of a row: stage 0 has T rows, stage 1 one less.
    fn place(&self, row: usize) -> (usize, usize) {
        let (mut stage, mut rest) = (0, row);
        for prices in self.result.course.stages.iter().map(|stage| stage.prices.len()) {
            if rest < prices {
                break;
            }
            rest -= prices;
            stage += 1;
        }
        (stage, stage + rest)
    }
}

impl Table for Plans<'_> {
    fn stem(&self) -> &'static str {
        "plans"
    }

    fn columns(&self) -> Columns {
        columns(&[("stage", Holds::Whole), ("period", Holds::Whole)], &["price"])
    }

    fn rows(&self) -> usize {
        let periods = self.result.course.stages.len();
        periods * (periods + 1) / 2
    }

    fn put<'a>(&'a self, row: usize, cells: &mut Vec<Cell<'a>>) {
        let (stage, period) = self.place(row);
        let price = self.result.course.stages[stage].prices[period - stage];
        cells.extend([Cell::Whole(stage), Cell::Whole(period), Cell::Number(Some(price))]);
    }

    fn most_csv(&self) -> usize {
        MOST_CSV
    }
}
