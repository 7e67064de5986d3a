//! The tables beside a document: players, days, and every player's bids by day.

use std::borrow::Cow;

use super::{Repeated, SeasonResult};
use crate::output::table::{Cell, Holds, Table};

type Columns = Vec<(Cow<'static, str>, Holds)>;

impl<R: Repeated> SeasonResult<'_, R> {
    /// All tables that stand beside the document.
    pub fn tables(&self) -> Vec<Box<dyn Table + '_>> {
        let mut all: Vec<Box<dyn Table + '_>> = vec![Box::new(Players(self)), Box::new(Days(self))];
        if self.course.detailed() {
            all.push(Box::new(Bids(self)));
        }
        all
    }

    fn has_signals(&self) -> bool {
        self.of.season().signals.len() > 1
    }
}

fn named(columns: &[(&'static str, Holds)]) -> Columns {
    columns.iter().map(|&(name, holds)| (name.into(), holds)).collect()
}

/// A count in a cell.
fn whole<'a>(n: u64) -> Cell<'a> {
    Cell::Whole(usize::try_from(n).unwrap_or(usize::MAX))
}

/// One row per player.
struct Players<'a, R: Repeated>(&'a SeasonResult<'a, R>);

impl<R: Repeated> Table for Players<'_, R> {
    fn stem(&self) -> &'static str {
        "players"
    }

    fn columns(&self) -> Columns {
        let mut all = named(&[("name", Holds::Words), ("bidding", Holds::Words), ("types", Holds::Whole)]);
        let numbers = [
            "law_mean",
            "law_variance",
            "contribution",
            "expected_value",
            "first_payment",
            "valuation",
            "payment",
            "penalty",
            "utility",
            "honest_utility",
            "window",
        ];
        all.extend(numbers.map(|name| (name.into(), Holds::Numbers)));
        let counts = ["lies", "flagged", "flagged_frequency", "flagged_joint", "flagged_pairwise"];
        all.extend(counts.map(|name| (name.into(), Holds::Whole)));
        all.extend(named(&[("flagged_binned", Holds::Whole), ("impossible_bids", Holds::Whole)]));
        // Nothing if she is never flagged.
        all.push(("first_flagged".into(), Holds::Numbers));
        all
    }

    fn rows(&self) -> usize {
        self.0.players()
    }

    fn put<'a>(&'a self, row: usize, cells: &mut Vec<Cell<'a>>) {
        let player = self.0.player_row(row);
        cells.extend([player.name, player.bidding].map(|text| Cell::Words(text.into())));
        cells.push(Cell::Whole(player.law.types.len()));
        let numbers = [
            player.law.mean,
            player.law.variance,
            Some(player.contribution),
            Some(player.expected_value),
            Some(player.first_payment),
            Some(player.valuation),
            Some(player.payment),
            Some(player.penalty),
            Some(player.utility),
            Some(player.honest_utility),
            player.windows.last().map(|window| window.width),
        ];
        cells.extend(numbers.map(Cell::Number));
        let by = player.flagged_by;
        let counts = [player.lies, player.flagged, by.frequency, by.joint, by.pairwise, by.binned];
        cells.extend(counts.map(whole));
        cells.push(whole(player.impossible_bids));
        cells.push(Cell::Number(player.first_flagged.map(|day| day as f64)));
    }
}

/// One row per day.
struct Days<'a, R: Repeated>(&'a SeasonResult<'a, R>);

impl<R: Repeated> Table for Days<'_, R> {
    fn stem(&self) -> &'static str {
        "days"
    }

    fn columns(&self) -> Columns {
        let mut all = named(&[("day", Holds::Whole)]);
        if self.0.has_signals() {
            all.push(("signal".into(), Holds::Words));
        }
        all.extend(named(self.0.of.columns()));
        let numbers = ["welfare", "cost", "payment", "penalty"];
        all.extend(numbers.map(|name| (name.into(), Holds::Numbers)));
        all.push(("flagged".into(), Holds::Whole));
        all
    }

    fn rows(&self) -> usize {
        self.0.course.days.len()
    }

    fn put<'a>(&'a self, row: usize, cells: &mut Vec<Cell<'a>>) {
        let day = &self.0.course.days[row];
        cells.push(Cell::Whole(row + 1));
        if self.0.has_signals() {
            cells.push(Cell::Words(self.0.of.season().signals[day.signal].as_str().into()));
        }
        self.0.of.put(&day.facts, cells);
        let numbers = [day.valuation - day.cost, day.cost, day.payment, day.penalty];
        cells.extend(numbers.map(|x| Cell::Number(Some(x))));
        cells.push(Cell::Whole(day.flagged));
    }
}

/// One row per day and player.
struct Bids<'a, R: Repeated>(&'a SeasonResult<'a, R>);

impl<R: Repeated> Table for Bids<'_, R> {
    fn stem(&self) -> &'static str {
        "bids"
    }

    fn columns(&self) -> Columns {
        let words = ["player", "type", "bid"].map(|name| (name.into(), Holds::Words));
        let numbers =
            ["allocation", "valuation", "payment", "penalty"].map(|name| (name.into(), Holds::Numbers));
        let mut all = named(&[("day", Holds::Whole)]);
        all.extend(words.into_iter().chain(numbers));
        all.push(("flags".into(), Holds::Words));
        all
    }

    fn rows(&self) -> usize {
        self.0.course.days.len() * self.0.players()
    }

    fn put<'a>(&'a self, row: usize, cells: &mut Vec<Cell<'a>>) {
        let (day, player) = (row / self.0.players(), row % self.0.players());
        let spec = self.0.of.season();
        // The table exists only if everything is remembered.
        let Some(of) = self.0.course.detail(day, player) else { return };
        cells.push(Cell::Whole(day + 1));
        let types = &spec.types[player];
        let words = [&spec.players[player], &types[usize::from(of.own)], &types[usize::from(of.bid)]];
        cells.extend(words.map(|text| Cell::Words(text.as_str().into())));
        let numbers = [of.share, Some(of.valuation), Some(of.payment), Some(of.penalty)];
        cells.extend(numbers.map(Cell::Number));
        let tests = [
            (of.flags.frequency, "frequency"),
            (of.flags.joint, "joint"),
            (of.flags.pairwise, "pairwise"),
            (of.flags.binned, "binned"),
        ];
        let failed: Vec<&str> = tests.iter().filter(|(fails, _)| *fails).map(|(_, name)| *name).collect();
        cells.push(Cell::Words(failed.join("+").into()));
    }
}
