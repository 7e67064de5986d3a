//! Results for people: tables and sentences on standard output.

use std::io::{self, Write};

use vickrey::guarantee::{Baseline, Evidence};
use vickrey_scenario::output::number::{list, short};
use vickrey_scenario::output::{
    AgentRow, BaselineAnalysis, Document, MarketPart, MarketResult, Names, ScalingAnalysis, Span, Summary,
};
use vickrey_scenario::{PaymentChoice, Scaling};

use crate::format::{NONE, amount, column, columns, count, counted, name};
use crate::tables::{self, Column};

/// Markets up to this size are shown whole.
const MOST_ROWS: usize = 40;
/// Of larger ones, this many agents from the start and from the end.
const FIRST: usize = 15;
const LAST: usize = 5;

/// What came out of a market.
pub fn numbers(
    out: &mut dyn Write,
    result: &MarketResult<'_>,
    document: &Document<MarketPart>,
) -> io::Result<()> {
    agents(out, result, document)?;
    writeln!(out)?;
    summary(out, document)?;
    scaling(out, &document.part.scaling, "")
}

/// What was run.
pub fn head(out: &mut dyn Write, document: &Document<MarketPart>) -> io::Result<()> {
    let title = document.head.title.as_deref().unwrap_or(&document.head.scenario.path);
    writeln!(out, "{title}")?;
    let summary = &document.part.summary;
    let c = summary
        .c
        .map_or_else(String::new, |c| format!(" with c = {} and baseline {}", short(c), summary.baseline));
    writeln!(out, "{}, payment rule {}{c}", counted(summary.agents, "agent"), summary.payment_rule)
}

/// Head of a column, with its unit on a second line.
fn titled(text: &str, unit: &str) -> String {
    if unit.is_empty() { text.to_owned() } else { format!("{text}\n{unit}") }
}

/// The table of agents; large ones from both ends.
fn agents(out: &mut dyn Write, result: &MarketResult<'_>, document: &Document<MarketPart>) -> io::Result<()> {
    let table = result.table();
    let n = table.len();
    let hidden = if n > MOST_ROWS { n - FIRST - LAST } else { 0 };
    let shown = (0..n).filter(|&i| hidden == 0 || i < FIRST || i >= n - LAST);
    let rows: Vec<AgentRow> = shown.map(|i| table.row(i)).collect();
    let money = &document.head.units.money;
    let of = |number: fn(&AgentRow) -> Option<f64>| rows.iter().map(number).collect::<Vec<_>>();
    let mut cells = vec![column(&of(|row| Some(row.allocation)))];
    cells.extend(columns(&[of(|row| row.payment), of(|row| row.lagrange), of(|row| row.utility)]));
    let mut lines: Vec<Vec<String>> = Vec::with_capacity(rows.len() + 1);
    for (k, row) in rows.iter().enumerate() {
        if hidden > 0 && k == FIRST {
            let more = format!("… {} more", count(hidden));
            lines.push(std::iter::once(more).chain(cells.iter().map(|_| "…".into())).collect());
        }
        lines.push(
            std::iter::once(name(&row.name)).chain(cells.iter().map(|column| column[k].clone())).collect(),
        );
    }
    writeln!(out)?;
    let heads = vec![
        Column::Words("agent".into()),
        Column::Numbers(titled("allocation", &document.head.units.quantity)),
        Column::Numbers(titled("payment", money)),
        Column::Numbers(titled("Lagrange payment", money)),
        Column::Numbers(titled("utility", money)),
    ];
    tables::print(out, &heads, lines)
}

/// The main numbers under each other.
fn summary(out: &mut dyn Write, document: &Document<MarketPart>) -> io::Result<()> {
    let (s, units) = (&document.part.summary, &document.head.units);
    let mut pairs = vec![
        ("price", price(s, &units.price)),
        ("welfare", amount(s.welfare, &units.money)),
        ("budget", budget(s, &units.money)),
        ("volume", amount(s.volume, &units.quantity)),
    ];
    if s.total != 0.0 {
        pairs.push((
            "total",
            format!("{}, which the allocations add up to", amount(s.total, &units.quantity)),
        ));
    }
    if let (Some(c), Some(origin)) = (s.c, s.c_origin) {
        pairs.push(("c", format!("{}, {origin}", short(c))));
    }
    tables::pairs(out, &pairs)
}

fn price(s: &Summary, unit: &str) -> String {
    let price = amount(s.price, unit);
    let end = |x: Option<f64>, missing: &str| x.map_or_else(|| missing.to_owned(), short);
    match (s.price_low, s.price_high) {
        (Some(low), Some(high)) if low >= high => price,
        (low, high) => {
            format!("{price} (clears from {} to {})", end(low, "minus infinity"), end(high, "infinity"))
        }
    }
}

fn budget(s: &Summary, money: &str) -> String {
    match s.budget {
        None if s.pivotal.count > 0 => "does not exist: the payment of a pivotal agent does not".into(),
        None => "does not exist: these bids give no factor c".into(),
        Some(0.0) => amount(0.0, money),
        Some(x) if x < 0.0 => format!("{} (the operator pays)", amount(x, money)),
        Some(x) => format!("{} (the operator keeps)", amount(x, money)),
    }
}

/// The payment rule of a scenario in words.
pub fn rule(payment: &PaymentChoice, baseline: Baseline) -> String {
    let scaling = match payment {
        PaymentChoice::Vcg => return "vcg".into(),
        PaymentChoice::Groves => return "groves".into(),
        PaymentChoice::Lagrange => return "lagrange".into(),
        PaymentChoice::ScaledVcg(scaling) => scaling,
    };
    let c = match scaling {
        Scaling::Fixed(c) => {
            return format!("scaled-vcg with c = {}, baseline {}", short(*c), baseline.words());
        }
        Scaling::LowEnd => "the low end of the interval",
        Scaling::HighEnd => "the high end of the interval",
        Scaling::MinMax => "MinMax",
        Scaling::MinMaxRatio => "MinMax ratio",
    };
    format!("scaled-vcg with c from the bids ({c}), baseline {}", baseline.words())
}

/// The feasible factors, both baselines side by side; `sense` says in which sense they are.
pub fn scaling(out: &mut dyn Write, analysis: &ScalingAnalysis, sense: &str) -> io::Result<()> {
    let both = [("zero", &analysis.zero), ("autarky", &analysis.autarky)];
    writeln!(out, "\nFactors c that balance the budget and keep every agent{sense}")?;
    let rows = both.iter().map(|(baseline, analysis)| {
        vec![
            (*baseline).to_owned(),
            feasible(analysis),
            span(analysis.budget),
            span(analysis.participation),
            match &analysis.market_power_balance {
                None => NONE.into(),
                Some(balance) if balance.holds => "holds".into(),
                Some(_) => "violated".into(),
            },
        ]
    });
    let heads = ["baseline", "feasible c", "budget needs", "participation needs", "market power balance"];
    tables::print(out, &heads.map(|head| Column::Words(head.into())), rows.collect())?;
    let why = both.map(|(_, analysis)| analysis.violated.as_deref());
    match why {
        [Some(zero), Some(autarky)] if zero == autarky => writeln!(out, "no c is feasible: {zero}")?,
        _ => {
            for (why, (baseline, _)) in why.iter().zip(&both).filter_map(|(why, both)| Some(((*why)?, both)))
            {
                writeln!(out, "{baseline}: no c is feasible: {why}")?;
            }
        }
    }
    nearest(out, &both)
}

fn feasible(analysis: &BaselineAnalysis) -> String {
    match analysis.verdict {
        "every-c" => "every c".into(),
        "pivotal" => "does not exist".into(),
        _ => analysis.interval.map_or_else(|| "none".into(), |range| span(Some(range))),
    }
}

fn span(span: Option<Span>) -> String {
    match span {
        None => "none".into(),
        Some(Span { low: None, high: None }) => "every c".into(),
        Some(Span { low: Some(low), high: None }) => format!("c >= {}", inward(low, 1.0)),
        Some(Span { low: None, high: Some(high) }) => format!("c <= {}", inward(high, -1.0)),
        Some(Span { low: Some(low), high: Some(high) }) => {
            format!("{} to {}", inward(low, 1.0), inward(high, -1.0))
        }
    }
}

/// As many decimals as tell a factor from 1; none for a factor that is 1, or far from it.
fn decimals(c: f64) -> Option<usize> {
    let away = (c - 1.0).abs();
    (1e-15..1e3).contains(&away).then(|| (4 - away.log10().floor() as i32).clamp(6, 15) as usize)
}

/// A factor with as many digits as tell it from 1.
fn factor(c: f64) -> String {
    decimals(c).map_or_else(|| short(c), |digits| format!("{c:.digits$}"))
}

/// The end of a range, rounded into it: `up` is 1 for a lower end and -1 for an upper one.
fn inward(c: f64, up: f64) -> String {
    let Some(digits) = decimals(c) else { return short(c) };
    let text = format!("{c:.digits$}");
    match text.parse::<f64>() {
        Ok(shown) if up * shown < up * c => format!("{:.digits$}", shown + up * 0.1_f64.powi(digits as i32)),
        _ => text,
    }
}

/// The factors nearest to the Lagrange payments.
fn nearest(out: &mut dyn Write, both: &[(&str, &BaselineAnalysis)]) -> io::Result<()> {
    if both.iter().all(|(_, analysis)| analysis.min_max.is_empty()) {
        return Ok(());
    }
    writeln!(out, "\nFactors c nearest to the Lagrange payments (MinMax)")?;
    let both = &either(both);
    let mut rows = Vec::new();
    for (baseline, analysis) in both {
        for found in &analysis.min_max {
            let sided = if found.sides == "one" { "one-sided" } else { "two-sided" };
            rows.push(vec![
                (*baseline).to_owned(),
                format!("{}, {sided}", found.measure),
                factor(found.c),
                short(found.value),
                some(&found.binding),
            ]);
        }
    }
    let heads = [
        Column::Words("baseline".into()),
        Column::Words("distance".into()),
        Column::Numbers("c".into()),
        Column::Numbers("largest distance".into()),
        Column::Words("binding agents".into()),
    ];
    tables::print(out, &heads, rows)?;
    let dropped =
        both.iter().flat_map(|(_, a)| &a.min_max).map(|found| &found.dropped).max_by_key(|d| d.count);
    if let Some(dropped) = dropped.filter(|dropped| dropped.count > 0) {
        writeln!(
            out,
            "ratios leave out {} that hardly trade: {}",
            counted(dropped.count, "agent"),
            some(dropped)
        )?;
    }
    recommended(out, both)
}

/// Both baselines, or one line for both where they say the same (nobody has a value of being idle).
fn either<'a>(both: &[(&'a str, &'a BaselineAnalysis)]) -> Vec<(&'a str, &'a BaselineAnalysis)> {
    match both {
        [(_, zero), (_, autarky)] if zero.min_max == autarky.min_max => vec![("both", *zero)],
        _ => both.to_vec(),
    }
}

/// The low ends, written so that the number can be copied into a scenario.
fn recommended(out: &mut dyn Write, both: &[(&str, &BaselineAnalysis)]) -> io::Result<()> {
    let choices =
        both.iter().filter_map(|(baseline, analysis)| Some((baseline, analysis.recommended.as_ref()?)));
    let (mut numbers, mut why) = (Vec::new(), "");
    for (baseline, choice) in choices {
        let whose =
            if *baseline == "both" { "both baselines".into() } else { format!("baseline {baseline}") };
        numbers.push(format!("{} ({whose})", rounded_up(choice.c)));
        why = choice.why;
    }
    if numbers.is_empty() { Ok(()) } else { writeln!(out, "recommended c: {}; {why}", numbers.join(", ")) }
}

/// A factor with ten decimals, not below the exact one: below the low end the budget would not be balanced.
fn rounded_up(c: f64) -> String {
    let text = format!("{c:.10}");
    match text.parse::<f64>() {
        Ok(shown) if shown >= c => text,
        _ => format!("{:.10}", c + 0.5e-10),
    }
}

fn some(names: &Names) -> String {
    let short: Vec<String> = names.names.iter().map(|text| name(text)).collect();
    list(&short, names.count, 3).replace('`', "")
}

/// The audit's verdicts, then what they rest on, then what nobody promises.
pub fn audit<P>(out: &mut dyn Write, document: &Document<P>) -> io::Result<()> {
    let Some(report) = &document.audit else { return Ok(()) };
    let money = &document.head.units.money;
    writeln!(out, "\nAudit (effort {}, seed {})", report.effort, document.head.seed)?;
    let rows = report.audit.guarantees.iter().map(|guarantee| {
        let evidence = guarantee.evidence.as_ref();
        vec![
            guarantee.property.words(),
            if guarantee.promised { "yes".into() } else { "no".into() },
            guarantee.verdict.words().to_owned(),
            evidence.map_or_else(|| NONE.into(), |evidence| worst(evidence, money)),
            evidence.map_or_else(|| NONE.into(), |evidence| tries(evidence.tries)),
        ]
    });
    let heads = [
        Column::Words("property".into()),
        Column::Words("promised".into()),
        Column::Words("verdict".into()),
        Column::Numbers("worst found".into()),
        Column::Numbers("tries".into()),
    ];
    tables::print(out, &heads, rows.collect())?;
    writeln!(out, "worst found: what is above 0 and above rounding speaks against the property")?;
    for guarantee in &report.audit.guarantees {
        let at = guarantee.evidence.as_ref().map_or("", |evidence| &evidence.at);
        remark(out, &guarantee.property.words(), &[&guarantee.note, at])?;
    }
    writeln!(out, "\nConditions under which the theory promises it")?;
    for guarantee in &report.audit.guarantees {
        remark(out, &guarantee.property.words(), &[&guarantee.condition])?;
    }
    if !report.audit.findings.is_empty() {
        writeln!(out, "\nBeyond the promises")?;
    }
    for finding in &report.audit.findings {
        let evidence = &finding.evidence;
        let found = match evidence.tries {
            0 => String::new(),
            n => format!("{} at worst in {} tries", worst(evidence, money), tries(n)),
        };
        remark(out, &finding.title, &[&finding.note, &found, &evidence.at])?;
    }
    let verdict =
        if report.passed { "nothing that is promised was found violated" } else { "a promise is violated" };
    writeln!(out, "\nVerdict: {verdict}")
}

/// A line with what there is to say; nothing if there is nothing.
fn remark(out: &mut dyn Write, about: &str, parts: &[&str]) -> io::Result<()> {
    let said: Vec<&str> = parts.iter().copied().filter(|part| !part.is_empty()).collect();
    if said.is_empty() { Ok(()) } else { writeln!(out, "- {about}: {}", said.join("; ")) }
}

fn tries(n: u64) -> String {
    usize::try_from(n).map_or_else(|_| n.to_string(), count)
}

/// The worst case in the scenario's own unit of money; what is rounding looks like it.
fn worst(evidence: &Evidence, money: &str) -> String {
    let unit = if evidence.unit == "money" && !money.is_empty() { money } else { evidence.unit };
    let rounding = evidence.worst != 0.0 && evidence.worst.abs() <= evidence.tolerance;
    let size = if rounding { format!("{:.0e}", evidence.worst) } else { short(evidence.worst) };
    format!("{size} {unit}")
}

/// Notes and warnings.
pub fn remarks<P>(out: &mut dyn Write, document: &Document<P>) -> io::Result<()> {
    if !document.notes.is_empty() || !document.warnings.is_empty() {
        writeln!(out)?;
    }
    for note in &document.notes {
        writeln!(out, "note: {note}")?;
    }
    for warning in &document.warnings {
        writeln!(out, "warning: {warning}")?;
    }
    Ok(())
}
