//! The tables beside a document: followers, rounds.

use std::borrow::Cow;

use super::ConsensusResult;
use crate::output::table::{Cell, Holds, Table};

type Columns = Vec<(Cow<'static, str>, Holds)>;

/// Rounds have a column for the position of each of so many followers at most.
const MOST_POSITIONS: usize = 50;

impl ConsensusResult<'_> {
    /// All tables that stand beside the document.
    pub fn tables(&self) -> Vec<Box<dyn Table + '_>> {
        vec![Box::new(Followers(self)), Box::new(Rounds(self))]
    }
}

/// One row per follower.
struct Followers<'a>(&'a ConsensusResult<'a>);

impl Table for Followers<'_> {
    fn stem(&self) -> &'static str {
        "followers"
    }

    fn columns(&self) -> Columns {
        let numbers = ["low", "high", "wish", "allocation", "cost", "payment", "utility", "vcg_payment"];
        let numbers = numbers.map(|name| (name.into(), Holds::Numbers));
        std::iter::once(("name".into(), Holds::Words)).chain(numbers).collect()
    }

    fn rows(&self) -> usize {
        self.0.followers()
    }

    fn put<'a>(&'a self, row: usize, cells: &mut Vec<Cell<'a>>) {
        let row = self.0.follower_row(row);
        cells.push(Cell::Words(row.name.into()));
        let [low, high] = row.range;
        let numbers =
            [low, high, row.wish, row.allocation, row.cost, row.payment, row.utility, row.vcg_payment];
        cells.extend(numbers.map(|x| Cell::Number(Some(x))));
    }
}

/// One row per round that is kept.
struct Rounds<'a>(&'a ConsensusResult<'a>);

impl Table for Rounds<'_> {
    fn stem(&self) -> &'static str {
        "rounds"
    }

    fn columns(&self) -> Columns {
        let instance = self.0.of.rules.instance();
        let mut all: Columns = vec![
            ("round".into(), Holds::Whole),
            ("disagreement".into(), Holds::Numbers),
            ("beta".into(), Holds::Numbers),
        ];
        if self.0.followers() <= MOST_POSITIONS {
            let names = (0..self.0.followers()).map(|i| format!("position_{}", instance.name(i)));
            all.extend(names.map(|name| (name.into(), Holds::Numbers)));
        }
        all
    }

    fn rows(&self) -> usize {
        self.0.course.len()
    }

    fn put<'a>(&'a self, row: usize, cells: &mut Vec<Cell<'a>>) {
        let of = self.0.course_row(row);
        cells.extend([Cell::Whole(of.round), Cell::Number(Some(of.disagreement)), Cell::Number(of.beta)]);
        if self.0.followers() <= MOST_POSITIONS {
            cells.extend(self.0.course[row].1.iter().map(|z| Cell::Number(Some(*z))));
        }
    }
}
