//! Layered and filtered linear-quadratic markets.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

use vickrey::lq::simulate::{Lies, best_lie, simulate};
use vickrey::mechanism::AgentId;
use vickrey_scenario::output::number::short;
use vickrey_scenario::output::{
    AgentRuns, Both, Document, Found, Gain, Often, Prepared, Reported, Runs, RunsPart, Spread,
};
use vickrey_scenario::{LinearQuadraticScenario, Problem, Scenario};

use super::{MOST_HONEST, Simulate, Target};
use crate::failure::Failure;
use crate::format::{NONE, amount, columns, count, counted, name};
use crate::lies::by_agent;
use crate::lies::linear_quadratic::{Bids, Factors, Plan, player};
use crate::report;
use crate::tables::{self, Column};
use crate::{args::Common, progress};

/// Runs where none are asked for.
const RUNS: u32 = 200;

/// Plays all runs, each truthfully and with the lies.
pub fn run(
    scenario: &Scenario,
    lq: &LinearQuadraticScenario,
    args: &Simulate,
    to: &Target<'_>,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let plans = by_agent(&args.liars, &lq.market, lq.market.len(), Plan::parse)?;
    check(&plans, lq)?;
    let prepared = Prepared::new(scenario, lq)?;
    if let Some(missing) = &prepared.charge.missing {
        return Err(missing.into());
    }
    let reported = reported(&prepared, &plans)?;
    let (lies, found) = lies(&prepared, reported.as_ref(), &plans, to.common);
    let asked = u64::from(args.runs.unwrap_or(RUNS));
    let bar = progress::bar(to.common, "playing");
    let with = (!plans.is_empty()).then_some(&lies);
    let days = simulate(&prepared.game, with, scenario.seed, asked, &|share| progress::at(&bar, share));
    bar.finish_and_clear();
    if days.runs() == 0 {
        return Err(Failure::run(
            "every run left the range of numbers: states grow without bound; nearer to 0 are a, and the lies",
        ));
    }
    let said = plans.iter().map(|(&agent, plan)| (agent, plan.to_string())).collect();
    let runs = Runs { prepared: &prepared, reported: reported.as_ref(), said, found, days, asked };
    let document = runs.document();
    let draw = || runs.picture_files().map_err(|error| Failure::run(format!("cannot draw: {error}")));
    to.finish(&document, &runs.tables(), draw, out, |out| Ok(print(&runs, &document, out)?))
}

/// Lies must fit the market.
fn check(plans: &BTreeMap<AgentId, Plan>, lq: &LinearQuadraticScenario) -> Result<(), Failure> {
    for (&agent, plan) in plans {
        if let Some(last) = plan.last_period().filter(|&last| last >= lq.market.periods()) {
            return Err(Failure::input(Problem::new(format!(
                "--liars `{}`: only: found period {last}, accepted are 0 to {}",
                lq.market.name(agent),
                lq.market.periods() - 1
            ))));
        }
    }
    Ok(())
}

/// The market as it is reported before the start, if an agent misreports its parameters.
fn reported(prepared: &Prepared<'_>, plans: &BTreeMap<AgentId, Plan>) -> Result<Option<Reported>, Failure> {
    let truth = &prepared.lq.market;
    let mut market = None;
    for (&agent, plan) in plans.iter().filter(|(_, plan)| plan.factors != Factors::TRUTH) {
        let wrong = |error: String| {
            Failure::input(Problem::new(format!("--liars `{}={plan}`: {error}", truth.name(agent))))
        };
        let other = plan.factors.apply(&truth.parameters(agent));
        let other = other
            .map_err(|errors| wrong(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")))?;
        let changed = market.as_ref().unwrap_or(truth).with_agent(agent, other);
        market = Some(changed.map_err(|error| wrong(error.to_string()))?);
    }
    let Some(market) = market else { return Ok(None) };
    let reported = prepared.reported(market)?;
    match &reported.charge.missing {
        Some(missing) => Err(missing.into()),
        None => Ok(Some(reported)),
    }
}

/// All liars; those that look for their best lie search one by one, against those that have theirs already.
fn lies(
    prepared: &Prepared<'_>,
    reported: Option<&Reported>,
    plans: &BTreeMap<AgentId, Plan>,
    common: &Common,
) -> (Lies, BTreeMap<AgentId, Found>) {
    let market = &prepared.lq.market;
    let parameters = |agent| Arc::new(market.parameters(agent));
    let fixed = plans.iter().filter_map(|(&i, plan)| plan.maker(i, &parameters(i)).map(|maker| (i, maker)));
    let mut lies =
        Lies { reported: reported.map(|reported| reported.mechanism.clone()), liars: fixed.collect() };
    let others = lies.clone();
    let mut found = BTreeMap::new();
    let bar = progress::bar(common, "searching");
    let searching = plans.iter().filter(|(_, plan)| plan.bids == Bids::Best);
    let all = searching.clone().count();
    for (k, (&agent, _)) in searching.enumerate() {
        let best = best_lie(&prepared.game, agent, &others, prepared.scenario.seed);
        let lie = Plan { bids: Bids::Fixed(best.lie), factors: Factors::TRUTH }.to_string();
        let (in_sample, runs) = (Gain::of(&best.gain), best.gain.count);
        found.insert(agent, Found { lie, in_sample, runs, tries: best.tries });
        lies.liars.push((agent, player(best.lie, &parameters(agent))));
        progress::at(&bar, (k + 1) as f64 / all as f64);
    }
    bar.finish_and_clear();
    (lies, found)
}

fn print(runs: &Runs<'_>, document: &Document<RunsPart>, out: &mut dyn Write) -> io::Result<()> {
    head(runs, document, out)?;
    let agents = runs.prepared.lq.market.len();
    let honest = (0..agents).filter(|i| !runs.said.contains_key(i)).take(MOST_HONEST);
    let shown: Vec<AgentRuns> = runs.said.keys().copied().chain(honest).map(|i| runs.agent(i)).collect();
    if !runs.said.is_empty() {
        gains(&shown, out)?;
    }
    totals(&document.part, out)?;
    net_utilities(&shown, out)?;
    let hidden = agents - shown.len();
    if hidden > 0 {
        writeln!(out, "{} more agents are not shown", count(hidden))?;
    }
    summary(runs, document, out)?;
    report::remarks(out, document)
}

fn head(runs: &Runs<'_>, document: &Document<RunsPart>, out: &mut dyn Write) -> io::Result<()> {
    let title = document.head.title.as_deref().unwrap_or(&document.head.scenario.path);
    let s = &document.part.summary;
    let c = s.c.map_or_else(String::new, |c| format!(" with c = {}", short(c)));
    let other = s.c_with_lies.filter(|_| s.c != s.c_with_lies);
    let other = other.map_or_else(String::new, |c| format!(" ({} with the lies)", short(c)));
    let liars = match runs.said.len() {
        0 => "everybody truthful".to_owned(),
        liars => counted(liars, "liar"),
    };
    writeln!(
        out,
        "{title}\n{} market, {}, {}, payment {}{c}{other}\n{liars}, {}, seed {}\n",
        s.market,
        counted(s.agents, "agent"),
        counted(s.periods, "period"),
        s.payment_rule,
        counted(usize::try_from(document.part.runs).unwrap_or(usize::MAX), "run"),
        document.head.seed
    )
}

/// Words, numbers of one unit, and words at the end.
pub(super) type Row = (Vec<String>, Vec<Option<f64>>, Option<String>);

/// A table of one unit, with columns of words at both ends.
pub(super) fn table(
    first: [&str; 2],
    heads: &[&str],
    last: Option<&str>,
    rows: Vec<Row>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let column = |k: usize| rows.iter().map(|row| row.1[k]).collect::<Vec<_>>();
    let cells = columns(&(0..heads.len()).map(column).collect::<Vec<_>>());
    let words = first.iter().filter(|head| !head.is_empty()).map(|head| Column::Words((*head).into()));
    let numbers = heads.iter().copied().chain(last).map(|head| Column::Numbers(head.into()));
    let lines = rows.iter().enumerate().map(|(k, (words, _, last))| {
        let numbers = cells.iter().map(|column| column[k].clone());
        words.iter().cloned().chain(numbers).chain(last.clone()).collect()
    });
    tables::print(out, &words.chain(numbers).collect::<Vec<_>>(), lines.collect())
}

/// What lies are worth.
fn gains(shown: &[AgentRuns], out: &mut dyn Write) -> io::Result<()> {
    let rows = shown.iter().map(|row| {
        let gain = row.gain.as_ref();
        let lie = match (&row.found, &row.lie) {
            (Some(found), _) => format!("best: {}", found.lie),
            (None, Some(lie)) => lie.clone(),
            (None, None) => "truth".to_owned(),
        };
        let mean = |spread: Option<&Spread>| spread.and_then(|spread| spread.mean);
        let numbers = vec![
            row.utility.truthful.mean,
            mean(row.utility.strategic.as_ref()),
            gain.and_then(|gain| gain.mean),
            gain.and_then(|gain| gain.standard_error),
        ];
        let needed = gain.and_then(|gain| gain.runs_needed).map_or_else(|| NONE.to_owned(), runs_needed);
        (vec![name(&row.name), lie], numbers, Some(needed))
    });
    let heads = ["truthful utility", "utility with lies", "mean gain", "standard error"];
    table(["agent", "bids"], &heads, Some("runs for its sign"), rows.collect(), out)?;
    writeln!(out)
}

pub(super) fn runs_needed(runs: f64) -> String {
    if runs < 1e9 { count(runs as usize) } else { short(runs) }
}

const SPREAD: [&str; 8] = ["mean", "expected", "deviation", "5 %", "25 %", "median", "75 %", "95 %"];

/// The numbers of a spread in the order of [`SPREAD`].
fn spread(spread: &Spread) -> Vec<Option<f64>> {
    let q = spread.quantiles.as_ref();
    vec![
        spread.mean,
        spread.expected,
        spread.deviation,
        q.map(|q| q.p5),
        q.map(|q| q.p25),
        q.map(|q| q.p50),
        q.map(|q| q.p75),
        q.map(|q| q.p95),
    ]
}

fn z(spread: &Spread) -> String {
    spread.z.map_or_else(|| NONE.to_owned(), |z| format!("{z:.1}"))
}

/// Budget and welfare.
fn totals(part: &RunsPart, out: &mut dyn Write) -> io::Result<()> {
    let mut rows = Vec::new();
    for (what, both) in [("budget", &part.budget), ("welfare", &part.welfare)] {
        let row = |what: String, s: &Spread| (vec![what], spread(s), Some(z(s)));
        rows.push(row(what.to_owned(), &both.truthful));
        rows.extend(both.strategic.as_ref().map(|s| row("  with lies".to_owned(), s)));
    }
    table(["over runs", ""], &SPREAD, Some("z"), rows, out)
}

/// Net utilities, everybody truthful.
fn net_utilities(shown: &[AgentRuns], out: &mut dyn Write) -> io::Result<()> {
    let rows = shown.iter().map(|row| {
        let s = &row.utility.truthful;
        let mut numbers = spread(s);
        // The quartiles give way to how often the agent had better stayed away.
        numbers.remove(6);
        numbers.remove(4);
        (vec![name(&row.name)], numbers, Some(percent(row.worse_off.truthful.share)))
    });
    let heads = ["mean", "expected", "deviation", "5 %", "median", "95 %"];
    writeln!(out)?;
    table(["net utility", ""], &heads, Some("worse off than idle"), rows.collect(), out)
}

pub(super) fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

fn often(often: &Often) -> String {
    format!(
        "in {} of the runs ({} to {} with 95 % confidence)",
        percent(often.share),
        percent(often.low),
        percent(often.high)
    )
}

fn summary(runs: &Runs<'_>, document: &Document<RunsPart>, out: &mut dyn Write) -> io::Result<()> {
    let part = &document.part;
    let Both { truthful, strategic } = &part.deficit;
    let mut pairs = vec![("deficit", often(truthful))];
    pairs.extend(strategic.as_ref().map(|with| ("deficit with lies", often(with))));
    if let Some(z) = part.summary.largest_z {
        let text = format!(
            "means differ from the expected ones by at most {:.1} standard errors ({} numbers)",
            z.abs(),
            count(part.summary.compared)
        );
        pairs.push(("check", text));
    }
    tables::pairs(out, &pairs)?;
    let money = &document.head.units.money;
    for (&agent, found) in &runs.found {
        let gain = |gain: &Gain| {
            let error = gain.standard_error.map_or_else(String::new, |e| format!(" ± {}", amount(e, money)));
            format!("{}{error}", gain.mean.map_or_else(|| NONE.to_owned(), |x| amount(x, money)))
        };
        let elsewhere =
            runs.days.gain.as_ref().map_or_else(|| NONE.to_owned(), |all| gain(&Gain::of(&all[agent])));
        // Beside other lies the gain above is that of all lies together.
        let elsewhere =
            if runs.said.len() == 1 { format!(", and {elsewhere} in the runs above") } else { String::new() };
        writeln!(
            out,
            "\n{}: the best of {} linear lies is {}. It gains {} in the {} in which it was found{elsewhere}",
            name(&runs.prepared.lq.market.name(agent)),
            found.tries,
            found.lie,
            gain(&found.in_sample),
            counted(usize::try_from(found.runs).unwrap_or(usize::MAX), "run"),
        )?;
    }
    Ok(())
}
