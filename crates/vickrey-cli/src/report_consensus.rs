//! Results of consensus for people.

use std::io::{self, Write};

use vickrey_scenario::output::consensus::{ConsensusFollowerRow, CourseRow};
use vickrey_scenario::output::number::short;
use vickrey_scenario::output::{ConsensusPart, ConsensusResult, Document};

use crate::format::{NONE, amount, columns, count, counted, name};
use crate::report_pivot::{shown, titled};
use crate::tables::{self, Column};

/// Up to this many rows a table is shown whole; longer ones from both ends.
const MOST_FOLLOWERS: usize = 24;
const MOST_ROUNDS: usize = 10;
/// Of a longer table, this many rows from its end.
const LAST: usize = 3;

/// What was run.
pub fn head(out: &mut dyn Write, document: &Document<ConsensusPart>) -> io::Result<()> {
    let title = document.head.title.as_deref().unwrap_or(&document.head.scenario.path);
    let s = &document.part.summary;
    writeln!(
        out,
        "{title}\nconsensus, {}, {}, {}, step {}; test {}, positions {}",
        counted(s.followers, "follower"),
        counted(s.edges, "edge"),
        counted(s.rounds, "round"),
        short(s.step),
        s.test,
        s.watch,
    )
}

/// What came out.
pub fn numbers(
    out: &mut dyn Write,
    result: &ConsensusResult<'_>,
    document: &Document<ConsensusPart>,
) -> io::Result<()> {
    followers(out, result, document)?;
    totals(out, document)?;
    rounds(out, document)
}

fn followers(
    out: &mut dyn Write,
    result: &ConsensusResult<'_>,
    document: &Document<ConsensusPart>,
) -> io::Result<()> {
    let units = &document.head.units;
    let (rows, first, hidden) = shown(result.followers(), MOST_FOLLOWERS, LAST);
    let all: Vec<ConsensusFollowerRow> = rows.iter().map(|&i| result.follower_row(i)).collect();
    let of = |number: fn(&ConsensusFollowerRow) -> f64| {
        all.iter().map(|row| Some(number(row))).collect::<Vec<_>>()
    };
    let mut cells = columns(&[of(|row| row.wish), of(|row| row.allocation)]);
    cells.extend(columns(&[
        of(|row| row.cost),
        of(|row| row.payment),
        of(|row| row.utility),
        of(|row| row.vcg_payment),
    ]));
    let mut heads = vec![Column::Words("follower".into())];
    heads.extend(["wish", "ends at"].map(|head| titled(head, "", &units.quantity)));
    heads.extend(
        ["cost", "payment", "utility", "payment,\nexact vcg"].map(|head| titled(head, "", &units.money)),
    );
    let mut lines: Vec<Vec<String>> = Vec::new();
    for (k, row) in all.iter().enumerate() {
        if hidden > 0 && k == first {
            lines.push(dots(heads.len(), hidden));
        }
        let line = std::iter::once(name(&row.name)).chain(cells.iter().map(|column| column[k].clone()));
        lines.push(line.collect());
    }
    writeln!(out)?;
    tables::print(out, &heads, lines)?;
    writeln!(out, "utility: minus cost and payment")
}

/// A row that stands for others.
fn dots(columns: usize, hidden: usize) -> Vec<String> {
    let more = format!("… {} more", count(hidden));
    std::iter::once(more).chain((1..columns).map(|_| "…".to_owned())).collect()
}

fn totals(out: &mut dyn Write, document: &Document<ConsensusPart>) -> io::Result<()> {
    let s = &document.part.summary;
    let (money, quantity) = (&document.head.units.money, &document.head.units.quantity);
    let verdict = if s.passed { "passed" } else { "FAILED: everybody pays the fine" };
    let pairs = [
        ("common point", format!("{}, the mean of the wishes", amount(s.mean, quantity))),
        (
            "cost of all",
            format!("{}; agreement at the mean costs {}", amount(s.cost, money), short(s.optimum)),
        ),
        ("payments", format!("{} (the leader keeps them)", amount(s.payment, money))),
        ("test", format!("{verdict}; distance {}, limit {}", short(s.disagreement), short(s.limit))),
        ("fine", format!("{} each, if the test fails", amount(s.fine, money))),
        ("epsilon", s.epsilon.map_or_else(|| "not proved".to_owned(), |epsilon| amount(epsilon, money))),
        ("messages", count(s.messages as usize)),
    ];
    writeln!(out)?;
    tables::pairs(out, &pairs)
}

fn rounds(out: &mut dyn Write, document: &Document<ConsensusPart>) -> io::Result<()> {
    let all: &[CourseRow] = &document.part.rounds;
    let (rows, first, hidden) = shown(all.len(), MOST_ROUNDS, LAST);
    let heads = [
        Column::Numbers("round".into()),
        Column::Numbers("distance from\nagreement".into()),
        Column::Numbers("beta: the test\nafter so many".into()),
    ];
    let number = |x: Option<f64>| x.map_or_else(|| NONE.to_owned(), |x| format!("{x:.4e}"));
    let mut lines: Vec<Vec<String>> = Vec::new();
    for (k, &row) in rows.iter().enumerate() {
        if hidden > 0 && k == first {
            lines.push(dots(heads.len(), hidden));
        }
        let of = &all[row];
        lines.push(vec![count(of.round), number(Some(of.disagreement)), number(of.beta)]);
    }
    writeln!(out)?;
    tables::print(out, &heads, lines)
}
