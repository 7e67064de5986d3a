//! The tables beside a document: players, rulings in all states, and the run.

use std::borrow::Cow;

use vickrey::pivot::Model;
use vickrey::pivot::solve::State;
use vickrey::pivot::solve::product::Product;

use super::document::{PlayerRow, RulingRow};
use super::{PivotResult, Tables};
use crate::output::table::{Cell, Holds, Table};

type Columns = Vec<(Cow<'static, str>, Holds)>;

/// Types of more players than this are not written out in sentences.
const MOST_NAMED: usize = 6;

/// A joint state in words: the public state if there are several, then everybody's type.
pub(super) fn state_words(model: &Model, state: &State) -> String {
    let labels = model.labels();
    let one = |(i, &own): (usize, &usize)| format!("`{}` {}", labels.players[i], labels.types[i][own]);
    let mut parts: Vec<String> = state.types.iter().enumerate().take(MOST_NAMED).map(one).collect();
    if state.types.len() > MOST_NAMED {
        parts.push(format!("and {} more", state.types.len() - MOST_NAMED));
    }
    let public =
        if model.public().states > 1 { format!("{}; ", labels.publics[state.public]) } else { String::new() };
    format!("{public}{}", parts.join(", "))
}

impl PivotResult<'_> {
    /// All tables that stand beside the document.
    pub fn tables(&self) -> Vec<Box<dyn Table + '_>> {
        let mut all: Vec<Box<dyn Table + '_>> = vec![Box::new(Players(self)), Box::new(Trace(self))];
        if let Some(rulings) = self.rulings_table() {
            all.push(Box::new(rulings));
        }
        all
    }

    /// Decisions and payments in all states, if there is a table of them.
    pub(super) fn rulings_table(&self) -> Option<Rulings<'_>> {
        let product = self.solution.product()?;
        (!self.rulings.is_empty()).then_some(Rulings { result: self, product, tables: &self.rulings })
    }

    /// A column for every player.
    fn by_player(&self, what: &str, holds: Holds) -> Columns {
        let names = &self.model().labels().players;
        names.iter().map(|name| (format!("{what} {name}").into(), holds)).collect()
    }
}

/// One row per player.
struct Players<'a>(&'a PivotResult<'a>);

impl Table for Players<'_> {
    fn stem(&self) -> &'static str {
        "players"
    }

    fn columns(&self) -> Columns {
        let numbers = ["value", "payment", "utility", "opt_out", "outside", "first_payment", "reference"];
        let words = [("name", Holds::Words), ("types", Holds::Whole), ("type", Holds::Words)];
        let numbers = numbers.iter().map(|&name| (name, Holds::Numbers));
        words.into_iter().chain(numbers).map(|(name, holds)| (name.into(), holds)).collect()
    }

    fn rows(&self) -> usize {
        self.0.model().players()
    }

    fn put<'a>(&'a self, row: usize, cells: &mut Vec<Cell<'a>>) {
        let PlayerRow {
            name,
            types,
            own,
            value,
            payment,
            utility,
            opt_out,
            outside,
            first_payment,
            reference,
        } = self.0.player_row(row);
        cells.extend([Cell::Words(name.into()), Cell::Whole(types)]);
        cells.push(Cell::Words(own.unwrap_or_default().into()));
        let numbers = [value, payment, utility, opt_out, Some(outside), first_payment, reference];
        cells.extend(numbers.map(Cell::Number));
    }
}

/// One row per period of the run.
struct Trace<'a>(&'a PivotResult<'a>);

impl Table for Trace<'_> {
    fn stem(&self) -> &'static str {
        "trace"
    }

    fn columns(&self) -> Columns {
        let mut all: Columns = vec![("period".into(), Holds::Whole), ("public".into(), Holds::Words)];
        all.extend(self.0.by_player("type", Holds::Words));
        all.extend([("outcome".into(), Holds::Words), ("decision".into(), Holds::Words)]);
        for what in ["payment", "valuation", "utility"] {
            all.extend(self.0.by_player(what, Holds::Numbers));
        }
        all.extend([("public utility".into(), Holds::Numbers), ("value".into(), Holds::Numbers)]);
        all
    }

    fn rows(&self) -> usize {
        self.0.run.len()
    }

    fn put<'a>(&'a self, row: usize, cells: &mut Vec<Cell<'a>>) {
        let (step, labels) = (&self.0.run[row], self.0.model().labels());
        let word = |text: &'a str| Cell::Words(text.into());
        cells.extend([Cell::Whole(step.period), word(&labels.publics[step.state.public])]);
        cells.extend(step.state.types.iter().zip(&labels.types).map(|(&own, words)| word(&words[own])));
        cells.extend([word(&labels.outcomes[step.outcome]), word(&labels.decisions[step.decision])]);
        let known = step.payment.iter().chain(&step.valuation).map(|&x| Some(x));
        cells.extend(known.chain(step.truthful.iter().copied()).map(Cell::Number));
        cells.extend([Cell::Number(Some(step.public)), Cell::Number(step.value)]);
    }
}

/// One row per period and joint state.
pub(super) struct Rulings<'a> {
    result: &'a PivotResult<'a>,
    product: &'a Product,
    tables: &'a [Tables],
}

impl Rulings<'_> {
    /// The rows as part of a document.
    pub fn all(&self) -> Vec<RulingRow> {
        (0..self.rows()).map(|row| self.row(row)).collect()
    }

    fn row(&self, row: usize) -> RulingRow {
        let (period, at) = (row / self.product.space().size(), row % self.product.space().size());
        let (labels, table) = (self.result.model().labels(), &self.tables[period]);
        let state = self.product.space().state(at, self.result.model().players());
        let value = self.product.value(period, &state);
        let reference = self.product.reference(period, &state);
        RulingRow {
            period,
            public: labels.publics[state.public].clone(),
            types: self.result.types(&state),
            decision: table.decision.iter().map(|a| labels.decisions[usize::from(a[at])].clone()).collect(),
            payment: table.payment.iter().map(|p| p[at]).collect(),
            value,
            utility: reference.iter().map(|reference| value - reference).collect(),
        }
    }
}

impl Table for Rulings<'_> {
    fn stem(&self) -> &'static str {
        "rulings"
    }

    fn columns(&self) -> Columns {
        let labels = self.result.model().labels();
        let mut all: Columns = vec![("period".into(), Holds::Whole), ("public".into(), Holds::Words)];
        all.extend(self.result.by_player("type", Holds::Words));
        all.extend(labels.outcomes.iter().map(|z| (format!("decision {z}").into(), Holds::Words)));
        all.extend(self.result.by_player("payment", Holds::Numbers));
        all.push(("value".into(), Holds::Numbers));
        all.extend(self.result.by_player("utility", Holds::Numbers));
        all
    }

    fn rows(&self) -> usize {
        self.product.space().size() * self.tables.len()
    }

    fn put<'a>(&'a self, row: usize, cells: &mut Vec<Cell<'a>>) {
        let RulingRow { period, public, types, decision, payment, value, utility } = self.row(row);
        cells.extend([Cell::Whole(period), Cell::Words(public.into())]);
        cells.extend(types.into_iter().chain(decision).map(|text| Cell::Words(text.into())));
        let numbers = payment.into_iter().chain([value]).chain(utility);
        cells.extend(numbers.map(|x| Cell::Number(Some(x))));
    }
}
