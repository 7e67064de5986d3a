//! The tables and pictures beside many games of the dynamic pivot mechanism.

use std::borrow::Cow;

use vickrey::pivot::simulate::Run;

use super::document::{Both, Spread};
use super::pivot::{PivotRuns, PlayerRuns};
use super::tables::MOST_CSV;
use super::{PICTURES, TABLE};
use crate::output::document::PictureFile;
use crate::output::kinds::chart_title;
use crate::output::table::{Cell, Holds, Table};
use crate::plot::{Distribution, Mark, NamedValues, PlotError};

/// A picture beside those of all simulations: what the lies are worth.
pub const GAINS: &str = "gains";

/// More rows are not drawn.
const MOST_ROWS: usize = 6;

const PLAYER_NUMBERS: [&str; 17] = [
    "utility",
    "utility_error",
    "utility_deviation",
    "utility_p5",
    "utility_p50",
    "utility_p95",
    "utility_expected",
    "utility_with_what_follows",
    "expected_with_what_follows",
    "payment",
    "payment_error",
    "payment_deviation",
    "below_zero",
    "strategic_utility",
    "strategic_payment",
    "gain",
    "gain_error",
];

impl PivotRuns<'_> {
    /// All tables that stand beside the document.
    pub fn tables(&self) -> Vec<Box<dyn Table + '_>> {
        vec![Box::new(ByRun(self)), Box::new(ByPlayer(self))]
    }

    /// The files of all pictures.
    ///
    /// # Errors
    /// A chart could not be drawn.
    pub fn picture_files(&self) -> Result<Vec<PictureFile>, PlotError> {
        let charts = [
            (PICTURES[0], Some(self.budget_distribution())),
            (PICTURES[2], self.utilities()),
            (GAINS, self.gains_of_liars()),
        ];
        super::distribution_files(charts)
    }

    fn chart(&self, what: &str, x_label: &str, below_zero: &str, samples: Vec<NamedValues>) -> Distribution {
        let size = samples.iter().flat_map(|s| &s.values).map(|x| x.abs()).fold(0.0, f64::max);
        Distribution {
            title: chart_title(self.scenario.title.as_deref(), what),
            x_label: x_label.to_owned(),
            x_unit: self.scenario.units.money.clone(),
            counted: "games".to_owned(),
            samples,
            quantiles: vec![0.05, 0.95],
            marks: Vec::new(),
            below_zero: below_zero.to_owned(),
            tolerance: 1e-11 * size,
        }
    }

    fn budget_distribution(&self) -> Distribution {
        let row = |name: &str, runs: &[Run]| NamedValues {
            name: name.to_owned(),
            values: runs.iter().map(Run::budget).collect(),
        };
        let mut samples = vec![row("everybody truthful", &self.honest)];
        samples.extend(self.lying.as_ref().map(|runs| row("with the lies", runs)));
        let mut chart = self.chart("what the operator keeps, over games", "budget", "deficit", samples);
        let expected = self.budget().truthful.expected;
        chart.marks.extend(expected.map(|at| Mark { at, label: "expected if truthful".to_owned() }));
        chart
    }

    /// Net utilities of the first players.
    fn utilities(&self) -> Option<Distribution> {
        let row = |i: usize| NamedValues {
            name: self.name(i).to_owned(),
            values: self.honest.iter().map(|run| run.utility(i)).collect(),
        };
        let samples: Vec<NamedValues> = (0..self.players().min(MOST_ROWS)).map(row).collect();
        let what = match self.players().saturating_sub(MOST_ROWS) {
            0 => "net utility, everybody truthful".to_owned(),
            more => format!("net utility, everybody truthful ({more} more players are not shown)"),
        };
        (!samples.is_empty()).then(|| self.chart(&what, "net utility in a game", "loss", samples))
    }

    /// What every liar gains in a game.
    fn gains_of_liars(&self) -> Option<Distribution> {
        let row = |(&i, lie): (&usize, &String)| {
            Some(NamedValues { name: format!("{}: {lie}", self.name(i)), values: self.gains(i)? })
        };
        let samples: Vec<NamedValues> = self.said.iter().take(MOST_ROWS).filter_map(row).collect();
        let what = "what the lies gain in a game";
        (!samples.is_empty()).then(|| self.chart(what, "gain", "loses", samples))
    }
}

/// One row per game.
struct ByRun<'a>(&'a PivotRuns<'a>);

impl Table for ByRun<'_> {
    fn stem(&self) -> &'static str {
        TABLE
    }

    fn columns(&self) -> Vec<(Cow<'static, str>, Holds)> {
        // A seed may have more digits than a number keeps.
        let mut all = vec![("run", Holds::Whole), ("seed", Holds::Words)];
        all.extend(["budget", "welfare", "public"].map(|name| (name, Holds::Numbers)));
        if self.0.lying.is_some() {
            let more = ["strategic_budget", "strategic_welfare", "strategic_public"];
            all.extend(more.map(|name| (name, Holds::Numbers)));
        }
        all.into_iter().map(|(name, holds)| (name.into(), holds)).collect()
    }

    fn rows(&self) -> usize {
        self.0.honest.len()
    }

    fn put<'a>(&'a self, row: usize, cells: &mut Vec<Cell<'a>>) {
        cells.push(Cell::Whole(row));
        cells.push(Cell::Words(self.0.seeds[row].to_string().into()));
        for runs in std::iter::once(&self.0.honest).chain(&self.0.lying) {
            let run = &runs[row];
            cells.extend([run.budget(), run.welfare(), run.public].map(|x| Cell::Number(Some(x))));
        }
    }

    fn most_csv(&self) -> usize {
        MOST_CSV
    }
}

/// One row per player.
struct ByPlayer<'a>(&'a PivotRuns<'a>);

fn numbers(row: &PlayerRuns) -> [Option<f64>; PLAYER_NUMBERS.len()] {
    let (utility, payment) = (&row.utility.truthful, &row.payment.truthful);
    let quantiles = utility.quantiles.as_ref();
    let strategic = |both: &Both<Spread>| both.strategic.as_ref().and_then(|spread| spread.mean);
    let follows = row.with_what_follows.as_ref().map(|both| &both.truthful);
    let gain = row.gain.as_ref();
    [
        utility.mean,
        utility.standard_error,
        utility.deviation,
        quantiles.map(|q| q.p5),
        quantiles.map(|q| q.p50),
        quantiles.map(|q| q.p95),
        utility.expected,
        follows.and_then(|spread| spread.mean),
        follows.and_then(|spread| spread.expected),
        payment.mean,
        payment.standard_error,
        payment.deviation,
        Some(row.below_zero.truthful.share),
        strategic(&row.utility),
        strategic(&row.payment),
        gain.and_then(|gain| gain.mean),
        gain.and_then(|gain| gain.standard_error),
    ]
}

impl Table for ByPlayer<'_> {
    fn stem(&self) -> &'static str {
        "players"
    }

    fn columns(&self) -> Vec<(Cow<'static, str>, Holds)> {
        let words = ["name", "lie"].map(|name| (name.into(), Holds::Words));
        words.into_iter().chain(PLAYER_NUMBERS.map(|name| (name.into(), Holds::Numbers))).collect()
    }

    fn rows(&self) -> usize {
        self.0.players()
    }

    fn put<'a>(&'a self, row: usize, cells: &mut Vec<Cell<'a>>) {
        let player = self.0.player(row);
        let numbers = numbers(&player);
        cells.extend([player.name, player.lie.unwrap_or_default()].map(|text| Cell::Words(text.into())));
        cells.extend(numbers.map(Cell::Number));
    }
}
