//! Results of dual decomposition for people.

use std::io::{self, Write};

use vickrey_scenario::output::dual::{DualFollowerRow, RoundRow, method_words, status_words};
use vickrey_scenario::output::number::short;
use vickrey_scenario::output::{Document, DualPart, DualResult};

use crate::format::{NONE, amount, column, columns, count, counted, name};
use crate::report_pivot::{shown, titled};
use crate::tables::{self, Column};

/// Up to this many rows a table is shown whole; longer ones from both ends.
const MOST_FOLLOWERS: usize = 24;
const MOST_ROUNDS: usize = 10;
/// Of a longer table, this many rows from its end.
const LAST: usize = 3;
/// With more couplings than this the price of each is not shown round by round.
const MOST_PRICES: usize = 3;
/// With more events than this the first ones are shown.
const MOST_EVENTS: usize = 12;

/// What was run.
pub fn head(out: &mut dyn Write, result: &DualResult<'_>, document: &Document<DualPart>) -> io::Result<()> {
    let title = document.head.title.as_deref().unwrap_or(&document.head.scenario.path);
    let (s, plan) = (&document.part.summary, &result.of.plan);
    writeln!(
        out,
        "{title}\ndual decomposition, {} with {}, {}, payments {}\n{}",
        counted(s.followers, "follower"),
        counted(s.decisions, "decision"),
        counted(document.part.couplings.len(), "coupling"),
        s.mode,
        method_words(plan.rules(), plan.step()),
    )
}

/// What came out.
pub fn numbers(
    out: &mut dyn Write,
    result: &DualResult<'_>,
    document: &Document<DualPart>,
) -> io::Result<()> {
    couplings(out, document)?;
    followers(out, result, document)?;
    totals(out, document)?;
    rounds(out, result, document)?;
    events(out, document)
}

fn couplings(out: &mut dyn Write, document: &Document<DualPart>) -> io::Result<()> {
    let (all, units) = (&document.part.couplings, &document.head.units);
    let numbers = |of: fn(&vickrey_scenario::output::dual::CouplingRow) -> f64| {
        all.iter().map(|row| Some(of(row))).collect::<Vec<_>>()
    };
    let quantities = columns(&[numbers(|row| row.total), numbers(|row| row.used)]);
    let prices = column(&numbers(|row| row.price));
    let heads = [
        Column::Words("coupling".into()),
        titled("total", "", &units.quantity),
        titled("used", "", &units.quantity),
        titled("price", "", &units.price),
    ];
    let rows = all.iter().enumerate().map(|(r, row)| {
        vec![name(&row.name), quantities[0][r].clone(), quantities[1][r].clone(), prices[r].clone()]
    });
    writeln!(out)?;
    tables::print(out, &heads, rows.collect())
}

/// Decisions in a cell.
fn decided(row: &DualFollowerRow) -> String {
    const MOST: usize = 4;
    let first: Vec<String> = column(&row.allocation.iter().take(MOST).map(|x| Some(*x)).collect::<Vec<_>>());
    let more = row.allocation.len().saturating_sub(MOST);
    let dots = if more > 0 { format!(", … {more} more") } else { String::new() };
    format!("{}{dots}", first.join(", "))
}

fn followers(out: &mut dyn Write, result: &DualResult<'_>, document: &Document<DualPart>) -> io::Result<()> {
    let units = &document.head.units;
    let (rows, first, hidden) = shown(result.followers(), MOST_FOLLOWERS, LAST);
    let all: Vec<DualFollowerRow> = rows.iter().map(|&i| result.follower_row(i)).collect();
    let single = all.iter().all(|row| row.allocation.len() == 1);
    // What is rounding of sums of costs is not shown as money.
    let size = 1e-13 * (1.0 + all.iter().map(|row| row.cost.abs() + row.payment.abs()).sum::<f64>());
    let rounded = |x: f64| if x.abs() < size { 0.0 } else { x };
    let of = |number: fn(&DualFollowerRow) -> Option<f64>| {
        all.iter().map(|row| number(row).map(rounded)).collect::<Vec<_>>()
    };
    let mut heads = vec![Column::Words("follower".into()), titled("allocation", "", &units.quantity)];
    let decisions = match single {
        true => column(&of(|row| row.allocation.first().copied())),
        false => all.iter().map(decided).collect(),
    };
    let money = columns(&[
        of(|row| Some(row.cost)),
        of(|row| Some(row.payment)),
        of(|row| Some(row.utility)),
        of(|row| row.outside),
        of(|row| Some(row.clearing_payment)),
    ]);
    let words = ["cost", "payment", "utility", "utility\nif absent", "at clearing\nprice"];
    heads.extend(words.map(|head| titled(head, "", &units.money)));
    let mut lines: Vec<Vec<String>> = Vec::new();
    for (k, row) in all.iter().enumerate() {
        if hidden > 0 && k == first {
            lines.push(dots(heads.len(), hidden));
        }
        let mut line = vec![name(&row.name), decisions[k].clone()];
        line.extend(money.iter().map(|column| column[k].clone()));
        lines.push(line);
    }
    writeln!(out)?;
    tables::print(out, &heads, lines)?;
    writeln!(out, "utility: minus cost and payment; a negative payment is received")
}

/// A row that stands for others.
fn dots(columns: usize, hidden: usize) -> Vec<String> {
    let more = format!("… {} more", count(hidden));
    std::iter::once(more).chain((1..columns).map(|_| "…".to_owned())).collect()
}

fn totals(out: &mut dyn Write, document: &Document<DualPart>) -> io::Result<()> {
    let (s, money) = (&document.part.summary, &document.head.units.money);
    let keeps = if s.budget < 0.0 { "the leader pays" } else { "the leader keeps" };
    let certified = match (s.epsilon, s.certificate) {
        (Some(epsilon), Some(certificate)) if certificate < 0.0 => {
            format!(
                "{} (the certificate is {}, which is rounding)",
                amount(epsilon, money),
                short(certificate)
            )
        }
        (Some(epsilon), _) => amount(epsilon, money),
        (None, Some(certificate)) => {
            format!("none promised; the decision is within {} of the best", amount(certificate, money))
        }
        (None, None) => "not certified".to_owned(),
    };
    let mut pairs = vec![
        ("cost of all", amount(s.cost, money)),
        ("welfare", amount(s.welfare, money)),
        (
            "payments",
            format!(
                "{} ({keeps}); {} at the clearing price",
                amount(s.payment, money),
                short(s.clearing_payment)
            ),
        ),
        ("epsilon", certified),
        ("status", status_words(s.status).to_owned()),
    ];
    let problems = counted(s.problems, "problem");
    pairs.push((
        "rounds",
        format!(
            "{} for {problems} side by side, {} of them for the main one{}",
            count(s.rounds),
            count(s.main_rounds),
            match s.momentum_restarts {
                0 => String::new(),
                1 => ", which gave up momentum once".to_owned(),
                n => format!(", which gave up momentum {} times", count(n)),
            }
        ),
    ));
    let bytes = |n: u64| match n {
        n if n < 10_000 => format!("{n} bytes"),
        n if n < 10_000_000 => format!("{:.1} kB", n as f64 / 1e3),
        n => format!("{:.1} MB", n as f64 / 1e6),
    };
    pairs.push((
        "messages",
        format!(
            "{}, numbers in them {} down and {} up",
            count(s.messages as usize),
            bytes(s.bytes_down),
            bytes(s.bytes_up)
        ),
    ));
    if !s.individually_rational {
        pairs.push(("taking part", "some are worse off than absent".to_owned()));
    }
    writeln!(out)?;
    tables::pairs(out, &pairs)
}

fn rounds(out: &mut dyn Write, result: &DualResult<'_>, document: &Document<DualPart>) -> io::Result<()> {
    let units = &document.head.units;
    let (rows, first, hidden) = shown(result.rounds().len(), MOST_ROUNDS, LAST);
    let all: Vec<RoundRow> = rows.iter().map(|&k| result.round_row(k)).collect();
    let mut heads = vec![Column::Numbers("round".into())];
    let mut cells: Vec<Vec<String>> = vec![all.iter().map(|row| count(row.round)).collect()];
    let several = result.of.couplings.len();
    for (r, coupling) in result.of.couplings.iter().enumerate().take(MOST_PRICES) {
        let head = if several > 1 { format!("price\n{}", name(coupling)) } else { "price".to_owned() };
        heads.push(titled(&head, "", &units.price));
        cells.push(column(&all.iter().map(|row| Some(row.price[r])).collect::<Vec<_>>()));
    }
    let number = |x: Option<f64>| x.map_or_else(|| NONE.to_owned(), |x| format!("{x:.3e}"));
    heads.push(titled("answers miss\nthe total by", "", &units.quantity));
    cells.push(all.iter().map(|row| number(Some(row.residual))).collect());
    heads.push(titled("certificate", "", &units.money));
    cells.push(all.iter().map(|row| number(row.certificate)).collect());
    let mut lines: Vec<Vec<String>> = Vec::new();
    for k in 0..all.len() {
        if hidden > 0 && k == first {
            lines.push(dots(heads.len(), hidden));
        }
        lines.push(cells.iter().map(|column| column[k].clone()).collect());
    }
    writeln!(out)?;
    tables::print(out, &heads, lines)
}

fn events(out: &mut dyn Write, document: &Document<DualPart>) -> io::Result<()> {
    let all = &document.part.events;
    for event in all.iter().take(MOST_EVENTS) {
        writeln!(out, "{event}")?;
    }
    match all.len() {
        n if n > MOST_EVENTS => writeln!(out, "… {} more events", count(n - MOST_EVENTS)),
        _ => Ok(()),
    }
}
