//! Results of linear-quadratic markets for people.

use std::io::{self, Write};

use vickrey::accounts::Accounts;
use vickrey::scaling::factor_words;
use vickrey_scenario::output::{Document, LqAgentRow, LqPart, LqResult, LqSummary, StageRow};

use crate::format::{NONE, amount, column, columns, count, counted, name};
use crate::report;
use crate::tables::{self, Column};

/// Up to this many rows a table is shown whole; longer ones from both ends.
const MOST_ROWS: usize = 30;
const FIRST: usize = 20;
const LAST: usize = 6;

/// What was run.
pub fn head(out: &mut dyn Write, document: &Document<LqPart>) -> io::Result<()> {
    let title = document.head.title.as_deref().unwrap_or(&document.head.scenario.path);
    writeln!(out, "{title}")?;
    let s = &document.part.summary;
    let c = s
        .c
        .map_or_else(String::new, |c| format!(" with c = {} and baseline {}", factor_words(c), s.baseline));
    writeln!(
        out,
        "{} market, {}, {}, payment rule {}{c}",
        s.market,
        counted(s.agents, "agent"),
        counted(s.periods, "period"),
        s.payment_rule
    )
}

/// What came out.
pub fn numbers(out: &mut dyn Write, result: &LqResult<'_>, document: &Document<LqPart>) -> io::Result<()> {
    agents(out, result, document)?;
    stages(out, result, document)?;
    summary(out, result, document)?;
    let what = if result.is_plan() { "" } else { " in expectation" };
    report::scaling(out, &document.part.scaling, what)
}

/// The rows that are shown of so many, and how many are left out in the middle.
fn shown(rows: usize) -> (Vec<usize>, usize) {
    let hidden = if rows > MOST_ROWS { rows - FIRST - LAST } else { 0 };
    ((0..rows).filter(|&i| hidden == 0 || i < FIRST || i >= rows - LAST).collect(), hidden)
}

/// Rows of words and cells, with a line for what is left out.
fn lines(words: impl Iterator<Item = String>, cells: &[Vec<String>], hidden: usize) -> Vec<Vec<String>> {
    let mut lines = Vec::new();
    for (k, word) in words.enumerate() {
        if hidden > 0 && k == FIRST {
            let more = format!("… {} more", count(hidden));
            lines.push(std::iter::once(more).chain(cells.iter().map(|_| "…".into())).collect());
        }
        lines.push(std::iter::once(word).chain(cells.iter().map(|column| column[k].clone())).collect());
    }
    lines
}

/// Head of a column over two or three lines: what, in which sense, in which unit.
fn titled(what: &str, sense: &str, unit: &str) -> Column {
    let parts: Vec<&str> = [what, sense, unit].into_iter().filter(|part| !part.is_empty()).collect();
    Column::Numbers(parts.join("\n"))
}

fn agents(out: &mut dyn Write, result: &LqResult<'_>, document: &Document<LqPart>) -> io::Result<()> {
    let (shown, hidden) = shown(result.agents());
    let rows: Vec<LqAgentRow> = shown.into_iter().map(|i| result.agent_row(i)).collect();
    let of = |number: fn(&LqAgentRow) -> Option<f64>| rows.iter().map(number).collect::<Vec<_>>();
    let units = &document.head.units;
    let (quantity, money) = (units.quantity.as_str(), units.money.as_str());
    let mut cells = columns(&[of(|row| Some(row.allocation)), of(|row| Some(row.volume))]);
    let mut heads = vec![
        Column::Words("agent".into()),
        titled("received", "net", quantity),
        titled("volume", "", quantity),
    ];
    if result.is_plan() {
        cells.extend(columns(&[of(|row| row.payment), of(|row| row.lagrange), of(|row| row.utility)]));
        heads.extend(["payment", "Lagrange payment", "utility"].map(|what| titled(what, "", money)));
    } else {
        cells.extend(columns(&[
            of(|row| row.payment),
            of(|row| row.expected_payment),
            of(|row| row.expected_lagrange),
            of(|row| row.utility),
            of(|row| row.expected_utility),
            of(|row| row.outside),
        ]));
        let (run, expected) = ("this run", "expected");
        let kinds = [
            ("payment", run),
            ("payment", expected),
            ("Lagrange", expected),
            ("utility", run),
            ("utility", expected),
            ("no trade", expected),
        ];
        heads.extend(kinds.map(|(what, sense)| titled(what, sense, money)));
    }
    writeln!(out)?;
    tables::print(out, &heads, lines(rows.iter().map(|row| name(&row.name)), &cells, hidden))
}

fn stages(out: &mut dyn Write, result: &LqResult<'_>, document: &Document<LqPart>) -> io::Result<()> {
    let all = &document.part.stages;
    let (shown, hidden) = shown(all.len());
    let rows: Vec<&StageRow> = shown.into_iter().map(|t| &all[t]).collect();
    let of = |number: fn(&StageRow) -> Option<f64>| rows.iter().map(|row| number(row)).collect::<Vec<_>>();
    let units = &document.head.units;
    let (quantity, price, money) = (units.quantity.as_str(), units.price.as_str(), units.money.as_str());
    let mut heads = vec![Column::Words("period".into()), titled("price", "", price)];
    let mut cells;
    if result.is_plan() {
        cells = vec![column(&of(|row| Some(row.price)))];
    } else {
        cells = columns(&[of(|row| Some(row.price)), of(|row| Some(row.price_planned))]);
        heads.push(titled("planned", "in period 0", price));
    }
    cells.push(column(&of(|row| Some(row.volume))));
    heads.push(titled("volume", "", quantity));
    if all.iter().any(|row| row.net_demand != 0.0) {
        cells.push(column(&of(|row| Some(row.net_demand))));
        heads.push(titled("net demand", "", quantity));
    }
    if !result.is_plan() {
        cells.extend(columns(&[of(|row| row.payment), of(|row| row.budget)]));
        heads.push(titled("payments", "in all", money));
        heads.push(titled("budget", "so far", money));
    }
    writeln!(out)?;
    tables::print(out, &heads, lines(rows.iter().map(|row| row.period.to_string()), &cells, hidden))
}

/// The main numbers; expected ones beside those of the run.
fn summary(out: &mut dyn Write, result: &LqResult<'_>, document: &Document<LqPart>) -> io::Result<()> {
    let (s, units) = (&document.part.summary, &document.head.units);
    let money = &units.money;
    writeln!(out)?;
    if result.is_plan() {
        tables::pairs(
            out,
            &[
                ("welfare", amount(s.welfare, money)),
                ("  over no trade", amount(s.expected.welfare_over_autarky, money)),
                ("budget", budget(s.budget, money)),
            ],
        )?;
    } else {
        let over = s.welfare - outside(result);
        let numbers = columns(&[
            vec![Some(s.expected.welfare), Some(s.expected.welfare_over_autarky), s.expected.budget],
            vec![Some(s.welfare), Some(over), s.budget],
        ]);
        let rows = ["welfare", "welfare over expected no trade", "budget (negative: the operator pays)"];
        let rows = rows
            .iter()
            .enumerate()
            .map(|(k, what)| vec![(*what).to_owned(), numbers[0][k].clone(), numbers[1][k].clone()]);
        let heads =
            [Column::Words(String::new()), titled("expected", "", money), titled("this run", "", money)];
        tables::print(out, &heads, rows.collect())?;
    }
    let mut pairs = vec![("volume", amount(s.volume, &units.quantity))];
    if let (Some(c), Some(origin)) = (s.c, s.c_origin) {
        pairs.push(("c", format!("{}, {origin}", factor_words(c))));
    }
    pairs.extend(replayed(s));
    tables::pairs(out, &pairs)
}

/// What all would have without trade.
fn outside(result: &LqResult<'_>) -> f64 {
    result.ledger().outside_total()
}

fn replayed(s: &LqSummary) -> Option<(&'static str, String)> {
    (s.replayed > 0).then(|| {
        ("recorded", format!("the disturbances of {} of {}", count(s.replayed), counted(s.agents, "agent")))
    })
}

fn budget(budget: Option<f64>, money: &str) -> String {
    match budget {
        None => format!("{NONE} (these bids give no factor c)"),
        Some(0.0) => amount(0.0, money),
        Some(x) if x < 0.0 => format!("{} (the operator pays)", amount(x, money)),
        Some(x) => format!("{} (the operator keeps)", amount(x, money)),
    }
}
