//! Results of pivot mechanisms for people.

use std::io::{self, Write};

use vickrey::guarantee::Verdict;
use vickrey::pivot::PaymentTime;
use vickrey::pivot::audit::{Low, ModeSummary};
use vickrey::pivot::solve::memory::bytes;
use vickrey_scenario::output::number::short;
use vickrey_scenario::output::pivot::{PivotSummary, PlayerRow, TraceRow, Unchecked};
use vickrey_scenario::output::{Document, PivotPart, PivotResult};

use crate::format::{NONE, amount, column, columns, count, counted, name};
use crate::tables::{self, Column};

/// Up to this many rows a table is shown whole; longer ones from both ends.
const MOST_PLAYERS: usize = 24;
const MOST_PERIODS: usize = 12;
/// Of a longer run, this many periods from its end.
const LAST: usize = 3;
/// With more players than this the run shows only those who get or pay something.
const MOST_COLUMNS: usize = 4;

/// What was run.
pub fn head(out: &mut dyn Write, result: &PivotResult<'_>, document: &Document<PivotPart>) -> io::Result<()> {
    let title = document.head.title.as_deref().unwrap_or(&document.head.scenario.path);
    let s = &document.part.summary;
    writeln!(out, "{title}")?;
    writeln!(out, "pivot mechanism, family {}, {}; {}", s.family, mode_words(s.without), payment_words(s))?;
    let discount =
        if s.discount == 1.0 { String::new() } else { format!(", discount {}", short(s.discount)) };
    writeln!(
        out,
        "{} with {}, {}, {}, {}, {}{discount}",
        counted(s.players, "player"),
        types(&s.types),
        counted(s.public_states, "public state"),
        counted(s.decisions, "decision"),
        counted(s.outcomes, "outcome"),
        result.horizon(),
    )?;
    writeln!(out, "{}", solved(s, &document.head.units.money))
}

fn mode_words(mode: &str) -> String {
    let means = match mode {
        "same" => "without a player everything feasible stays possible",
        "own" => "without a player only what does not need her is possible",
        _ => "players pay the most that leaves each of them her outside value",
    };
    format!("mode {mode} ({means})")
}

fn payment_words(s: &PivotSummary) -> String {
    let time = match s.payment_rule {
        "outcome-contingent" => "payments wait for the outcome",
        _ => "payments are fixed before the outcome",
    };
    let sealed = if s.sealed { ", reports are sealed" } else { "" };
    format!("{time}{sealed}")
}

/// Of which payments the modes are compared.
fn side_by_side(rule: &str) -> &'static str {
    match rule {
        "outcome-contingent" => "payments that wait for the outcome",
        _ => "payments fixed before the outcome",
    }
}

/// What the promises say about, where it is not the usual: every payment, and not the mean over outcomes.
fn counted_payments(time: PaymentTime) -> &'static str {
    match time {
        PaymentTime::BeforeOutcome => "",
        PaymentTime::OutcomeContingent => "; payments in every outcome that is possible",
    }
}

/// How many types players have.
pub fn types(types: &[usize]) -> String {
    match types.split_first() {
        Some((first, rest)) if rest.iter().all(|n| n == first) => counted(*first, "type"),
        _ if types.len() <= 6 => {
            let list: Vec<String> = types.iter().map(ToString::to_string).collect();
            format!("{} types", list.join(", "))
        }
        _ => "different numbers of types".into(),
    }
}

/// How it was solved.
fn solved(s: &PivotSummary, money: &str) -> String {
    let states = match s.joint_states {
        n if n < 1e9 => count(n as usize),
        n => format!("{n:.1e}"),
    };
    let memory = s.memory.map_or_else(String::new, |n| format!(", {}", bytes(n)));
    let mut text = format!("solved by {}: {states} joint states{memory}", way(s));
    if !s.convergence.is_empty() {
        let sweeps: Vec<String> = s.convergence.iter().map(|c| c.sweeps.to_string()).collect();
        let error = s.convergence.iter().map(|c| c.error).fold(0.0, f64::max);
        text.push_str(&format!(
            "; {} sweeps, values certified to {}",
            sweeps.join(" + "),
            amount(rounded(error), money)
        ));
    }
    text
}

fn way(s: &PivotSummary) -> String {
    s.structure.words().replace("period by period", "looking at each period by itself")
}

/// Two digits, for bounds.
fn rounded(x: f64) -> f64 {
    format!("{x:.1e}").parse().unwrap_or(x)
}

/// What came out.
pub fn numbers(out: &mut dyn Write, document: &Document<PivotPart>) -> io::Result<()> {
    start(out, document)?;
    players(out, document)?;
    totals(out, document)?;
    match (&document.part.promises, &document.part.seen) {
        (Some(found), _) => promises(out, found, &document.head.units.money)?,
        (None, Some(seen)) => only_seen(out, seen, document)?,
        (None, None) => {}
    }
    run(out, document)
}

fn start(out: &mut dyn Write, document: &Document<PivotPart>) -> io::Result<()> {
    let (start, s) = (&document.part.start, &document.part.summary);
    writeln!(out)?;
    let shown = 6;
    let named = document.part.players.iter().zip(&start.types).take(shown);
    let mut parts: Vec<String> = named.map(|(row, own)| format!("{} {own}", name(&row.name))).collect();
    if start.types.len() > shown {
        parts.push(format!("and {} more", start.types.len() - shown));
    }
    if s.public_states > 1 {
        parts.insert(0, name(&start.public));
    }
    let first = if start.states == 1 { "start" } else { "most likely start" };
    writeln!(out, "{first}: {}", parts.join(", "))?;
    let decided = start.decision.iter().filter(|row| row.probability > 0.0);
    let decided: Vec<String> = match start.decision.len() {
        1 => decided.map(|row| row.decision.clone()).collect(),
        _ => decided
            .map(|row| format!("{} ({}): {}", row.outcome, short(row.probability), row.decision))
            .collect(),
    };
    writeln!(out, "first decision: {}", decided.join("; "))
}

/// Which rows are shown of so many, and how many are left out.
pub fn shown(rows: usize, most: usize, last: usize) -> (Vec<usize>, usize, usize) {
    if rows <= most {
        return ((0..rows).collect(), rows, 0);
    }
    let first = most - last;
    ((0..rows).filter(|&i| i < first || i >= rows - last).collect(), first, rows - most)
}

/// The head of a column of numbers.
pub fn titled(what: &str, sense: &str, unit: &str) -> Column {
    let parts: Vec<&str> = [what, sense, unit].into_iter().filter(|part| !part.is_empty()).collect();
    Column::Numbers(parts.join("\n"))
}

/// What every player can expect.
fn players(out: &mut dyn Write, document: &Document<PivotPart>) -> io::Result<()> {
    let (all, money) = (&document.part.players, document.head.units.money.as_str());
    let (rows, first, hidden) = shown(all.len(), MOST_PLAYERS, 4);
    let of = |number: fn(&PlayerRow) -> Option<f64>| -> Vec<Option<f64>> {
        rows.iter().map(|&i| number(&all[i])).collect()
    };
    let stated = all.iter().any(|row| row.outside != 0.0);
    let mut kinds: Vec<(Column, Vec<Option<f64>>)> = vec![
        (titled("value of", "decisions", money), of(|row| row.value)),
        (titled("payment", "in all", money), of(|row| row.payment)),
        (titled("utility", "V", money), of(|row| row.utility)),
        (titled("without her", "O", money), of(|row| row.opt_out)),
    ];
    if stated {
        kinds.push((titled("outside", "U", money), of(|row| Some(row.outside))));
    }
    kinds.push((titled("payment", "in period 0", money), of(|row| row.first_payment)));
    kinds.retain(|(_, numbers)| numbers.iter().any(Option::is_some));
    let (heads, numbers): (Vec<Column>, Vec<_>) = kinds.into_iter().unzip();
    let cells = columns(&numbers);
    let heads: Vec<Column> = std::iter::once(Column::Words("player".into())).chain(heads).collect();
    let mut lines = Vec::new();
    for (k, &i) in rows.iter().enumerate() {
        if hidden > 0 && k == first {
            let more = format!("… {} more", count(hidden));
            lines.push(std::iter::once(more).chain(cells.iter().map(|_| "…".into())).collect());
        }
        let numbers = cells.iter().map(|column| column[k].clone());
        lines.push(std::iter::once(name(&all[i].name)).chain(numbers).collect());
    }
    writeln!(out, "\nexpected from the start, over the whole game, if everybody is truthful")?;
    tables::print(out, &heads, lines)
}

/// What everybody has together, and whether it adds up.
fn totals(out: &mut dyn Write, document: &Document<PivotPart>) -> io::Result<()> {
    let (s, money) = (&document.part.summary, &document.head.units.money);
    let mut pairs = Vec::new();
    if let Some(welfare) = s.welfare {
        pairs.push(("welfare", amount(welfare, money)));
    }
    if let Some(of) = &s.accounts {
        pairs.push(("  of the players", amount(of.players, money)));
        pairs.push(("  of the public", amount(of.public, money)));
    }
    if let Some(budget) = s.budget {
        let who = match budget {
            x if x < 0.0 => " (the coordinator pays)",
            x if x > 0.0 => " (the coordinator keeps)",
            _ => "",
        };
        pairs.push(("payments in all", format!("{}{who}", amount(budget, money))));
    }
    if let Some(of) = &s.accounts {
        let size = of.payments.abs().max(of.players.abs()).max(of.public.abs()).max(f64::MIN_POSITIVE);
        let off = (of.payments - of.payments_from_values).abs();
        let verdict = format!(
            "payments of all periods are what the values say, to {:.0e} of the amounts",
            (off / size).max(1e-16)
        );
        pairs.push(("accounts", verdict));
    }
    let bound = amount(rounded(s.certificate.bound), money);
    pairs.push(("certificate", format!("no lie gains more than {bound}, from any period and state on")));
    if let Some(finer) = &s.finer {
        let bound = amount(finer.certificate.bound, money);
        let (times, states) = (finer.times, finer.joint_states);
        let words =
            format!("no lie gains more than {bound} on grids {times} times as fine ({states} joint states)");
        pairs.push(("  finer grids", words));
        if let Some(gain) = finer.gain {
            pairs.push(("", format!("the best that was found there gains {}", amount(gain.max(0.0), money))));
        }
    }
    tables::pairs(out, &pairs)
}

fn verdict(verdict: Verdict) -> String {
    match verdict {
        Verdict::Holds => "holds".into(),
        Verdict::Violated => "VIOLATED".into(),
        Verdict::ConditionNotMet => "fails, not promised".into(),
        Verdict::NotChecked => "not checked".into(),
    }
}

fn least(lows: &[Low]) -> Option<&Low> {
    lows.iter().min_by(|a, b| a.value.total_cmp(&b.value))
}

/// An amount of money in which rounding is not told from zero.
fn plain(x: f64, like: &ModeSummary) -> f64 {
    if x.abs() <= like.certificate.max(1e-12) { 0.0 } else { x }
}

/// The four promises: name, verdict, number, where.
fn four(found: &ModeSummary, money: &str) -> Vec<[String; 4]> {
    let low = |what: &str, of: Verdict, lows: &[Low], sense: &str| {
        let low = least(lows);
        let number = low.map_or_else(
            || NONE.to_owned(),
            |low| format!("{sense}: {}", amount(plain(low.value, found), money)),
        );
        let at = match (low, of) {
            (Some(low), Verdict::Violated | Verdict::ConditionNotMet) => low.at.replace('`', ""),
            _ => String::new(),
        };
        [what.to_owned(), verdict(of), number, at]
    };
    let gain = match plain(found.gain, found) {
        0.0 => "no lie gains".to_owned(),
        gain => format!("a lie gains {}", amount(gain, money)),
    };
    vec![
        ["truth is best (IC)".into(), verdict(found.truth), gain, String::new()],
        low("V >= O, left out", found.against_opt_out, &found.over_opt_out, "least V - O"),
        low("V >= 0, walking away", found.against_zero, &found.truthful, "least V"),
        low("p >= 0, nobody is paid", found.no_negative_payment, &found.payment, "least p"),
    ]
}

/// What is promised in the scenario's mode, and whether it holds.
fn promises(out: &mut dyn Write, found: &ModeSummary, money: &str) -> io::Result<()> {
    let scope = match found.drawn {
        None => "all states and periods".to_owned(),
        Some(states) => format!("{} states drawn at random", count(states)),
    };
    writeln!(out, "\nmode {}: what holds, in {scope}{}", found.mode.name(), counted_payments(found.time))?;
    let rows = four(found, money).into_iter().map(Vec::from).collect();
    let heads = ["promise", "verdict", "worst", "where"].map(|head| Column::Words(head.into()));
    tables::print(out, &heads, rows)
}

/// What was seen of an instance without a table of all states.
fn only_seen(out: &mut dyn Write, seen: &Unchecked, document: &Document<PivotPart>) -> io::Result<()> {
    let (s, money) = (&document.part.summary, &document.head.units.money);
    let states = usize::try_from(seen.states).unwrap_or(usize::MAX);
    writeln!(out, "\nmode {}: what was seen in {} of truthful runs", s.without, counted(states, "state"))?;
    let row = |what: &str, verdict: &str, number: String| vec![what.into(), verdict.into(), number];
    let clean = |x: f64| if x.abs() <= s.certificate.bound { 0.0 } else { x };
    let judged = |x: f64| if x >= -s.certificate.bound { "holds there" } else { "fails there" };
    let bound = amount(rounded(s.certificate.bound), money);
    let truthful = seen.truthful.as_ref();
    let rows = vec![
        row("truth is best (IC)", "not searched", format!("certificate: no lie gains more than {bound}")),
        row("V >= O, left out", "not computed", NONE.into()),
        row(
            "V >= 0, walking away",
            truthful.map_or("not computed", |low| judged(low.value)),
            truthful
                .map_or_else(|| NONE.into(), |low| format!("least V: {}", amount(clean(low.value), money))),
        ),
        row(
            "p >= 0, nobody is paid",
            judged(seen.payment.value),
            format!("least p: {}", amount(clean(seen.payment.value), money)),
        ),
    ];
    let heads = ["promise", "verdict", "worst"].map(|head| Column::Words(head.into()));
    tables::print(out, &heads, rows)
}

/// The three modes side by side.
pub fn modes(out: &mut dyn Write, document: &Document<PivotPart>) -> io::Result<()> {
    let Some(all) = &document.part.modes else { return Ok(()) };
    let money = &document.head.units.money;
    writeln!(out, "\nThe three modes side by side, {}", side_by_side(document.part.summary.payment_rule))?;
    let both = |of: Verdict, x: Option<f64>, found: &ModeSummary| {
        let verdict = verdict(of).replace(", not promised", "");
        x.map_or_else(|| verdict.clone(), |x| format!("{verdict}\n{}", short(plain(x, found))))
    };
    let value = |lows: &[Low]| least(lows).map(|low| low.value);
    let rows = all.iter().map(|found| {
        let own = if found.mode.name() == document.part.summary.without { " *" } else { "" };
        vec![
            format!("{}{own}", found.mode.name()),
            both(found.truth, Some(found.gain), found),
            both(found.against_opt_out, value(&found.over_opt_out), found),
            both(found.against_zero, value(&found.truthful), found),
            both(found.no_negative_payment, value(&found.payment), found),
            found.expected_payments.map_or_else(|| NONE.into(), short),
            short(plain(found.leak[found.time as usize], found)),
        ]
    });
    let unit = |text: &str| if money.is_empty() { text.to_owned() } else { format!("{text}\n{money}") };
    let heads = [
        Column::Words("mode".into()),
        Column::Words(unit("truth is best,\nmost gained")),
        Column::Words(unit("V >= O,\nleast V - O")),
        Column::Words(unit("V >= 0,\nleast V")),
        Column::Words(unit("p >= 0,\nleast p")),
        Column::Numbers(unit("expected\npayments")),
        Column::Numbers(unit("gain if outcome\nis known early")),
    ];
    tables::print(out, &heads, rows.collect())?;
    writeln!(
        out,
        "* the scenario's mode. fails: here, and not promised in this mode. V: what a player can expect; O: the same if the others decide without her; \
                   p: payment of one period"
    )
}

/// Everybody's type: in a line if that is short, else under each other.
fn types_of(row: &TraceRow) -> String {
    let line = row.types.join(", ");
    if line.chars().count() <= 24 { line } else { row.types.join("\n") }
}

/// One run, period by period.
fn run(out: &mut dyn Write, document: &Document<PivotPart>) -> io::Result<()> {
    let (all, s) = (&document.part.trace, &document.part.summary);
    let (rows, first, hidden) = shown(all.len(), MOST_PERIODS, LAST);
    let money = document.head.units.money.as_str();
    let mut heads = vec![Column::Words("period".into())];
    let mut words: Vec<Vec<String>> = vec![rows.iter().map(|&t| all[t].period.to_string()).collect()];
    let mut add = |heads: &mut Vec<Column>, head: &str, of: &dyn Fn(&TraceRow) -> String| {
        heads.push(Column::Words(head.into()));
        words.push(rows.iter().map(|&t| of(&all[t])).collect());
    };
    if s.public_states > 1 {
        add(&mut heads, "public state", &|row| row.public.clone());
    }
    let few = s.players <= MOST_COLUMNS;
    if few {
        add(&mut heads, "types", &|row| types_of(row));
    }
    if s.outcomes > 1 {
        add(&mut heads, "outcome", &|row| row.outcome.clone());
    }
    add(&mut heads, "decision", &|row| row.decision.clone());
    let mut numbers: Vec<Vec<Option<f64>>> = Vec::new();
    if few {
        for (i, player) in document.part.players.iter().enumerate() {
            heads.push(titled("payment", &name(&player.name), ""));
            numbers.push(rows.iter().map(|&t| Some(all[t].payment[i])).collect());
        }
    } else {
        heads.push(titled("payments", "of all", ""));
        numbers.push(rows.iter().map(|&t| Some(all[t].payment.iter().sum())).collect());
    }
    let mut cells = columns(&numbers);
    let values: Vec<Option<f64>> = rows.iter().map(|&t| all[t].value).collect();
    if values.iter().any(Option::is_some) {
        heads.push(titled("value", "everybody", ""));
        cells.push(column(&values));
    }
    let mut lines: Vec<Vec<String>> = Vec::new();
    for k in 0..rows.len() {
        if hidden > 0 && k == first {
            let more = format!("… {}", count(hidden));
            lines.push(std::iter::once(more).chain(heads.iter().skip(1).map(|_| "…".into())).collect());
        }
        lines.push(words.iter().chain(&cells).map(|column| column[k].clone()).collect());
    }
    let unit = if money.is_empty() { String::new() } else { format!("; amounts in {money}") };
    writeln!(out, "\none run, seed {}{unit}", document.head.seed)?;
    tables::print(out, &heads, lines)
}
