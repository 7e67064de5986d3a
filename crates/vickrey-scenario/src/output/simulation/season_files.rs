//! The tables and pictures beside many seasons.

use std::borrow::Cow;

use super::document::{Both, Spread};
use super::season::{SeasonPlayerRuns, SeasonRun, SeasonRuns};
use super::tables::MOST_CSV;
use super::{GAINS, PICTURES, TABLE};
use crate::output::document::PictureFile;
use crate::output::kinds::chart_title;
use crate::output::table::{Cell, Holds, Table};
use crate::output::two_stage::Repeated;
use crate::plot::{Distribution, NamedValues, PlotError};

/// More rows are not drawn.
const MOST_ROWS: usize = 6;

const PLAYER_NUMBERS: [&str; 17] = [
    "utility",
    "utility_error",
    "before_penalties",
    "before_penalties_error",
    "before_penalties_expected",
    "payment",
    "flagged",
    "ever_flagged",
    "strategic_utility",
    "strategic_before_penalties",
    "strategic_payment",
    "strategic_flagged",
    "strategic_ever_flagged",
    "gain",
    "gain_error",
    "gain_before_penalties",
    "gain_before_penalties_error",
];

impl<R: Repeated> SeasonRuns<'_, R> {
    /// All tables that stand beside the document.
    pub fn tables(&self) -> Vec<Box<dyn Table + '_>> {
        vec![Box::new(ByRun(self)), Box::new(ByPlayer(self))]
    }

    /// The files of all pictures.
    ///
    /// # Errors
    /// A chart could not be drawn.
    pub fn picture_files(&self) -> Result<Vec<PictureFile>, PlotError> {
        let charts = [(PICTURES[0], Some(self.budget_distribution())), (GAINS, self.gains_of_liars())];
        super::distribution_files(charts)
    }

    fn chart(&self, what: &str, x_label: &str, below_zero: &str, samples: Vec<NamedValues>) -> Distribution {
        let size = samples.iter().flat_map(|s| &s.values).map(|x| x.abs()).fold(0.0, f64::max);
        Distribution {
            title: chart_title(self.scenario.title.as_deref(), what),
            x_label: x_label.to_owned(),
            x_unit: self.scenario.units.money.clone(),
            counted: "seasons".to_owned(),
            samples,
            quantiles: vec![0.05, 0.95],
            marks: Vec::new(),
            below_zero: below_zero.to_owned(),
            tolerance: 1e-11 * size,
        }
    }

    fn budget_distribution(&self) -> Distribution {
        // Penalties would hide everything else.
        let kept = |run: &SeasonRun| run.payment.iter().sum::<f64>() - run.cost;
        let row = |name: &str, runs: &[SeasonRun]| NamedValues {
            name: name.to_owned(),
            values: runs.iter().map(kept).collect(),
        };
        let mut samples = vec![row("everybody honest", &self.honest)];
        samples.extend(self.lying.as_ref().map(|runs| row("with the lies", runs)));
        let what = "what the planner keeps, over seasons, penalties not counted";
        self.chart(what, "budget a day", "deficit", samples)
    }

    /// What every liar gains in a season.
    fn gains_of_liars(&self) -> Option<Distribution> {
        let row = |(&i, lie): (&usize, &String)| {
            Some(NamedValues { name: format!("{}: {lie}", self.name(i)), values: self.gains(i, false)? })
        };
        let samples: Vec<NamedValues> = self.said.iter().take(MOST_ROWS).filter_map(row).collect();
        let what = "what the lies gain, over seasons, penalties not counted";
        (!samples.is_empty()).then(|| self.chart(what, "gain a day", "loses", samples))
    }
}

/// One row per season.
struct ByRun<'a, R: Repeated>(&'a SeasonRuns<'a, R>);

impl<R: Repeated> Table for ByRun<'_, R> {
    fn stem(&self) -> &'static str {
        TABLE
    }

    fn columns(&self) -> Vec<(Cow<'static, str>, Holds)> {
        // A seed may have more digits than a number keeps.
        let mut all = vec![("run", Holds::Whole), ("seed", Holds::Words)];
        all.extend(["budget", "welfare", "penalty"].map(|name| (name, Holds::Numbers)));
        if self.0.lying.is_some() {
            let more = ["strategic_budget", "strategic_welfare", "strategic_penalty"];
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
            let numbers = [run.budget(), run.welfare, run.penalty.iter().sum()];
            cells.extend(numbers.map(|x| Cell::Number(Some(x))));
        }
    }

    fn most_csv(&self) -> usize {
        MOST_CSV
    }
}

/// One row per player.
struct ByPlayer<'a, R: Repeated>(&'a SeasonRuns<'a, R>);

fn numbers(row: &SeasonPlayerRuns) -> [Option<f64>; PLAYER_NUMBERS.len()] {
    let strategic = |both: &Both<Spread>| both.strategic.as_ref().and_then(|spread| spread.mean);
    let (utility, before) = (&row.utility.truthful, &row.before_penalties.truthful);
    let (gain, plain) = (row.gain.as_ref(), row.gain_before_penalties.as_ref());
    [
        utility.mean,
        utility.standard_error,
        before.mean,
        before.standard_error,
        before.expected,
        row.payment.truthful.mean,
        row.flagged.truthful.mean,
        Some(row.ever_flagged.truthful.share),
        strategic(&row.utility),
        strategic(&row.before_penalties),
        strategic(&row.payment),
        strategic(&row.flagged),
        row.ever_flagged.strategic.map(|often| often.share),
        gain.and_then(|gain| gain.mean),
        gain.and_then(|gain| gain.standard_error),
        plain.and_then(|gain| gain.mean),
        plain.and_then(|gain| gain.standard_error),
    ]
}

impl<R: Repeated> Table for ByPlayer<'_, R> {
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
