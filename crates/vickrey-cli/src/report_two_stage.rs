//! Results of repeated markets for people.

use std::io::{self, Write};

use vickrey_scenario::output::number::short;
use vickrey_scenario::output::two_stage::{
    Costs, FirstStage, SeasonPart, SeasonPlayerRow, SeasonSummary, TermsRow, mechanism_words,
};
use vickrey_scenario::output::{Cell, Document, Holds, Repeated, SeasonResult};

use crate::format::{NONE, amount, column, columns, count, counted, name};
use crate::report_pivot::{shown, titled, types};
use crate::tables::{self, Column};

/// Up to this many rows a table is shown whole; longer ones from both ends.
const MOST_PLAYERS: usize = 24;
const MOST_DAYS: usize = 10;
/// Of a longer season, this many days from its end.
const LAST: usize = 3;

/// What a market says about days in its own words.
pub trait Told {
    /// Name and value pairs about an average day.
    fn pairs(&self, units: &vickrey_scenario::Units) -> Vec<(&'static str, String)>;

    /// Columns of a table by signal: name, unit, number.
    fn numbers(&self, units: &vickrey_scenario::Units) -> Vec<(&'static str, String, Option<f64>)>;
}

impl Told for FirstStage {
    fn pairs(&self, _: &vickrey_scenario::Units) -> Vec<(&'static str, String)> {
        let first = self.first.clone().unwrap_or_else(|| "depends on the signal".into());
        vec![("first stage", first)]
    }

    fn numbers(&self, _: &vickrey_scenario::Units) -> Vec<(&'static str, String, Option<f64>)> {
        Vec::new()
    }
}

impl Told for Costs {
    fn pairs(&self, units: &vickrey_scenario::Units) -> Vec<(&'static str, String)> {
        let money = |x: f64| amount(x, &units.money);
        let mut pairs = vec![
            ("shortage", format!("{} on average", amount(self.shortage, &units.quantity))),
            ("cost of all together", money(self.cost)),
        ];
        if self.bought > 0.0 {
            pairs.push(("bought the day before", amount(self.bought, &units.quantity)));
        }
        let outlay = format!(
            "{} (own cost {}, providers receive {})",
            money(self.outlay),
            short(self.operator_cost),
            short(self.received)
        );
        pairs.push(("outlay of the operator", outlay));
        if let Some(alone) = self.reserve_only {
            let share = 100.0 * (1.0 - self.outlay / alone);
            let saved = match alone > 0.0 {
                true if share >= 0.0 => format!("; the market saves {share:.1} % of that"),
                // Nothing rules that out where a part is bought the day before.
                true => format!("; the market costs {:.1} % more than that", -share),
                false => String::new(),
            };
            pairs.push(("  without providers", format!("{}{saved}", money(alone))));
        }
        if let Some(posted) = self.posted_cost {
            let price = match self.posted_price {
                Some(price) => format!("at {}, ", amount(price, &units.price)),
                None => String::new(),
            };
            let worse = 100.0 * (posted / self.cost - 1.0);
            let text = format!("{price}cost of all together {} ({worse:.1} % more)", money(posted));
            pairs.push(("cheapest posted price", text));
        }
        pairs
    }

    fn numbers(&self, units: &vickrey_scenario::Units) -> Vec<(&'static str, String, Option<f64>)> {
        let (money, quantity) = (&units.money, &units.quantity);
        vec![
            ("shortage", quantity.clone(), Some(self.shortage)),
            ("outlay", money.clone(), Some(self.outlay)),
            ("without\nproviders", money.clone(), self.reserve_only),
            ("cost at a\nposted price", money.clone(), self.posted_cost),
        ]
    }
}

/// What was run.
pub fn head<F: serde::Serialize, C>(
    out: &mut dyn Write,
    document: &Document<SeasonPart<F, C>>,
) -> io::Result<()> {
    let title = document.head.title.as_deref().unwrap_or(&document.head.scenario.path);
    let s = &document.part.summary;
    let signals = match s.signals {
        1 => String::new(),
        n => format!(", {n} public signals"),
    };
    let sealed = if s.sealed { "sealed bids" } else { "bids not sealed" };
    writeln!(out, "{title}")?;
    writeln!(
        out,
        "{}, {} with {}, {}{signals}, {sealed}",
        mechanism_words(document.head.mechanism),
        counted(s.players, "player"),
        types(&s.types),
        counted(s.days as usize, "day"),
    )?;
    writeln!(out, "{}", terms(&s.terms, &document.head.units.money))
}

/// The tests in words.
pub fn terms(terms: &TermsRow, money: &str) -> String {
    let mut tests = vec!["own bids", "all others together"];
    tests.extend(terms.pairwise.then_some("every other"));
    let mut text = format!("tests: {}", tests.join(", "));
    if let Some(bins) = terms.bins {
        text.push_str(&format!(", the others' sum in {bins} bins"));
    }
    let promise = match terms.false_alarm {
        Some(p) => format!("an honest player is ever flagged with probability at most {}", short(p)),
        None => "honest players are flagged on some of the first days".into(),
    };
    text.push_str(&format!("; window {}: {promise}", terms.window));
    if terms.burn_in > 0 {
        text.push_str(&format!("; nobody on the first {}", counted(terms.burn_in as usize, "day")));
    }
    let scale = amount(terms.penalty_scale, money);
    text.push_str(&format!(
        "\na flagged day costs {scale} times its number to the power {}",
        short(terms.penalty_power)
    ));
    text
}

/// What came out; `players` are all rows.
pub fn numbers<F: serde::Serialize, C: Told>(
    out: &mut dyn Write,
    players: &[SeasonPlayerRow],
    document: &Document<SeasonPart<F, C>>,
) -> io::Result<()> {
    expected(out, document)?;
    signals(out, document)?;
    promised(out, players, document)?;
    unseen(out, players)?;
    season(out, players, document)
}

fn expected<F, C: Told>(out: &mut dyn Write, document: &Document<SeasonPart<F, C>>) -> io::Result<()> {
    let (s, units) = (&document.part.summary, &document.head.units);
    writeln!(out, "\nexpected of a day, everybody honest, by the reported laws")?;
    let mut pairs = document.part.expected.as_ref().map_or_else(Vec::new, |told| told.pairs(units));
    let keeps = if s.surplus < 0.0 { "(it pays)" } else { "(it keeps)" };
    pairs.push(("welfare W*", amount(s.welfare, &units.money)));
    pairs.push(("given for laws", format!("{}, the sum of W* - W*_-i", amount(s.given, &units.money))));
    pairs.push(("planner's surplus", format!("{} {keeps}", amount(s.surplus, &units.money))));
    tables::pairs(out, &pairs)
}

/// One row per public signal, if there are several.
fn signals<F, C: Told>(out: &mut dyn Write, document: &Document<SeasonPart<F, C>>) -> io::Result<()> {
    let (all, units) = (&document.part.signals, &document.head.units);
    if all.len() < 2 {
        return Ok(());
    }
    let mut heads = vec![Column::Words("signal".into()), Column::Numbers("share of\ndays".into())];
    let mut cells = vec![column(&all.iter().map(|row| Some(row.share)).collect::<Vec<_>>())];
    let mut add = |head: &str, unit: &str, values: Vec<Option<f64>>| {
        if values.iter().any(Option::is_some) {
            heads.push(titled(head, "", unit));
            cells.push(column(&values));
        }
    };
    add("welfare\nW*", &units.money, all.iter().map(|row| Some(row.welfare)).collect());
    add("given\nfor laws", &units.money, all.iter().map(|row| Some(row.given)).collect());
    let told: Vec<_> = all.iter().map(|row| row.expected.as_ref().map(|told| told.numbers(units))).collect();
    if let Some(first) = told.iter().flatten().next() {
        for (k, (head, unit, _)) in first.iter().enumerate() {
            add(head, unit, told.iter().map(|row| row.as_ref().and_then(|row| row[k].2)).collect());
        }
    }
    let rows = all.iter().enumerate().map(|(w, row)| {
        std::iter::once(name(&row.name)).chain(cells.iter().map(|column| column[w].clone())).collect()
    });
    writeln!(out)?;
    tables::print(out, &heads, rows.collect())
}

type Row<'a> = &'a SeasonPlayerRow;
type Number = fn(&SeasonPlayerRow) -> Option<f64>;

/// A table with one row per player: words, then numbers of one unit, then counts.
struct PlayerTable<'a> {
    players: &'a [SeasonPlayerRow],
    heads: Vec<Column>,
    cells: Vec<Vec<String>>,
    rows: Vec<usize>,
    first: usize,
    hidden: usize,
}

impl<'a> PlayerTable<'a> {
    fn new(players: &'a [SeasonPlayerRow]) -> Self {
        let (rows, first, hidden) = shown(players.len(), MOST_PLAYERS, 4);
        let cells = vec![rows.iter().map(|&i| name(&players[i].name)).collect()];
        Self { players, heads: vec![Column::Words("player".into())], cells, rows, first, hidden }
    }

    fn words(&mut self, head: &str, of: impl Fn(Row<'_>) -> String) {
        self.heads.push(Column::Words(head.into()));
        self.cells.push(self.rows.iter().map(|&i| of(&self.players[i])).collect());
    }

    fn right(&mut self, head: &str, of: impl Fn(Row<'_>) -> String) {
        self.heads.push(Column::Numbers(head.into()));
        self.cells.push(self.rows.iter().map(|&i| of(&self.players[i])).collect());
    }

    /// Columns that share their decimals.
    fn numbers(&mut self, unit: &str, of: &[(&str, Number)]) {
        let values: Vec<Vec<Option<f64>>> = of
            .iter()
            .map(|(_, number)| self.rows.iter().map(|&i| number(&self.players[i])).collect())
            .collect();
        let cells = columns(&values);
        for (((head, _), values), cells) in of.iter().zip(&values).zip(cells) {
            if values.iter().any(Option::is_some) {
                self.heads.push(titled(head, "", unit));
                self.cells.push(cells);
            }
        }
    }

    fn print(self, out: &mut dyn Write) -> io::Result<()> {
        let mut lines: Vec<Vec<String>> = Vec::new();
        for k in 0..self.rows.len() {
            if self.hidden > 0 && k == self.first {
                let more = format!("… {} more", count(self.hidden));
                let dots = self.heads.iter().skip(1).map(|_| "…".to_owned());
                lines.push(std::iter::once(more).chain(dots).collect());
            }
            lines.push(self.cells.iter().map(|column| column[k].clone()).collect());
        }
        tables::print(out, &self.heads, lines)
    }
}

/// What every player can expect.
fn promised<F, C>(
    out: &mut dyn Write,
    players: &[SeasonPlayerRow],
    document: &Document<SeasonPart<F, C>>,
) -> io::Result<()> {
    let money = document.head.units.money.as_str();
    let mut table = PlayerTable::new(players);
    table.numbers("", &[("law: mean", |row| row.law.mean)]);
    table.numbers("", &[("variance", |row| row.law.variance)]);
    table.numbers(
        money,
        &[
            ("contribution\nW* - W*_-i", |row| Some(row.contribution)),
            ("value of\ndecisions", |row| Some(row.expected_value)),
            ("first-stage\npayment", |row| Some(row.first_payment)),
            ("receives\non average", |row| Some(-row.first_payment)),
        ],
    );
    table.words("takes part", |row| if row.individually_rational { "gladly" } else { "at a LOSS" }.into());
    writeln!(out)?;
    table.print(out)
}

/// The window, and how long lies stay unseen.
fn unseen(out: &mut dyn Write, players: &[SeasonPlayerRow]) -> io::Result<()> {
    let Some(first) = players.first() else { return Ok(()) };
    let days: Vec<String> = first.windows.iter().map(|window| count(window.day as usize)).collect();
    let offs: Vec<String> = first.detection.iter().map(|lie| short(lie.off)).collect();
    writeln!(
        out,
        "\nthe window, a frequency, on days {}; days until bids whose frequency is off by {} are flagged",
        days.join(", "),
        offs.join(", ")
    )?;
    let mut table = PlayerTable::new(players);
    for (k, day) in days.iter().enumerate() {
        table.right(&format!("day\n{day}"), |row| format!("{:.4}", row.windows[k].width));
    }
    for (k, off) in offs.iter().enumerate() {
        let never = || "never".to_owned();
        table.right(&format!("off by\n{off}"), |row| {
            row.detection[k].day.map_or_else(never, |day| count(day as usize))
        });
    }
    table.print(out)
}

/// One season.
fn season<F, C>(
    out: &mut dyn Write,
    players: &[SeasonPlayerRow],
    document: &Document<SeasonPart<F, C>>,
) -> io::Result<()> {
    let (s, money) = (&document.part.summary, document.head.units.money.as_str());
    let unit = if money.is_empty() { String::new() } else { format!("; {money} a day") };
    writeln!(out, "\none season, seed {}{unit}", document.head.seed)?;
    let mut table = PlayerTable::new(players);
    if !s.season.honest {
        table.words("bids", |row| row.bidding.clone());
    }
    let penalised = players.iter().any(|row| row.penalty > 0.0);
    let numbers: [(&str, Number); 4] = [
        ("value of\ndecisions", |row| Some(row.valuation)),
        ("payment", |row| Some(row.payment)),
        ("utility*", |row| Some(row.utility + row.penalty)),
        ("if\nhonest", |row| Some(row.honest_utility)),
    ];
    // With penalties there is no room for all; value is utility and payment together.
    table.numbers("", &numbers[usize::from(penalised)..]);
    if penalised {
        table.right("penalty", |row| short(row.penalty));
    }
    table.right("flagged\ndays", |row| count(row.flagged as usize));
    if penalised {
        table.right("first", |row| row.first_flagged.map_or_else(|| NONE.into(), |day| count(day as usize)));
        table.words("tests", |row| row.flagged_by.words());
    }
    table.print(out)?;
    writeln!(out, "* without penalties")?;
    totals(out, s, money)
}

fn totals(out: &mut dyn Write, s: &SeasonSummary, money: &str) -> io::Result<()> {
    let season = &s.season;
    let (paid, keeps) = (season.payment, season.budget);
    let who = if paid < 0.0 { "(the players receive)" } else { "(the players pay)" };
    let mut pairs = vec![
        ("welfare", format!("{}, expected {}", amount(season.welfare, money), short(s.welfare))),
        ("payments", format!("{} {who}", amount(paid, money))),
        ("planner's own cost", amount(season.cost, money)),
    ];
    if season.penalty > 0.0 {
        let flagged = counted(season.flagged_players, "player");
        pairs.push((
            "penalties",
            format!(
                "{} of {flagged} on {} in all",
                amount(season.penalty, money),
                counted(season.flagged_days as usize, "day")
            ),
        ));
    }
    pairs.push(("budget", format!("{} (payments and penalties less the cost)", amount(keeps, money))));
    tables::pairs(out, &pairs)
}

/// The first and the last days of the season.
pub fn days<R: Repeated>(out: &mut dyn Write, result: &SeasonResult<'_, R>, money: &str) -> io::Result<()> {
    let all = result.course.days.len();
    let (rows, first, hidden) = shown(all, MOST_DAYS, LAST);
    let spec = result.of.season();
    let mut heads = vec![Column::Words("day".into())];
    let mut cells: Vec<Vec<String>> = vec![rows.iter().map(|&day| count(day + 1)).collect()];
    if spec.signals.len() > 1 {
        heads.push(Column::Words("signal".into()));
        let signal = |&day: &usize| name(&spec.signals[result.course.days[day].signal]);
        cells.push(rows.iter().map(signal).collect());
    }
    let mut facts: Vec<Vec<Cell<'_>>> = Vec::new();
    for &day in &rows {
        let mut row = Vec::new();
        result.of.put(&result.course.days[day].facts, &mut row);
        facts.push(row);
    }
    for (k, (head, holds)) in result.of.columns().iter().enumerate() {
        let word = |cell: &Cell<'_>| match cell {
            Cell::Words(text) => name(text),
            Cell::Whole(n) => count(*n),
            Cell::Number(_) => String::new(),
        };
        let number = |cell: &Cell<'_>| if let Cell::Number(x) = cell { *x } else { None };
        if *holds == Holds::Numbers {
            let values: Vec<Option<f64>> = facts.iter().map(|row| number(&row[k])).collect();
            // Nothing is ever bought where nothing can be.
            if *head == "bought" && values.iter().all(|x| *x == Some(0.0)) {
                continue;
            }
            heads.push(Column::Numbers((*head).into()));
            cells.push(column(&values));
        } else {
            heads.push(Column::Words((*head).into()));
            cells.push(facts.iter().map(|row| word(&row[k])).collect());
        }
    }
    let of = |number: fn(&vickrey_scenario::output::two_stage::DayFacts<R::Facts>) -> f64| {
        rows.iter().map(|&day| Some(number(&result.course.days[day]))).collect::<Vec<_>>()
    };
    let numbers = columns(&[of(|day| day.valuation - day.cost), of(|day| day.payment)]);
    for (head, numbers) in ["welfare", "payments"].into_iter().zip(numbers) {
        heads.push(titled(head, "", money));
        cells.push(numbers);
    }
    heads.push(Column::Numbers("flagged".into()));
    cells.push(rows.iter().map(|&day| count(result.course.days[day].flagged)).collect());
    let mut lines: Vec<Vec<String>> = Vec::new();
    for k in 0..rows.len() {
        if hidden > 0 && k == first {
            let more = format!("… {}", count(hidden));
            lines.push(std::iter::once(more).chain(heads.iter().skip(1).map(|_| "…".into())).collect());
        }
        lines.push(cells.iter().map(|column| column[k].clone()).collect());
    }
    writeln!(out)?;
    tables::print(out, &heads, lines)
}
