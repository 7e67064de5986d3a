//! Many seasons of a market that repeats every day.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};

use vickrey::mechanism::AgentId;
use vickrey::simulate::run_seed;
use vickrey::two_stage::strategies::Bidding;
use vickrey_scenario::output::number::short;
use vickrey_scenario::output::two_stage::{Promise, bidding_words, is_honest, mechanism_words};
use vickrey_scenario::output::{
    Both, Document, Gain, Repeated, SeasonPlan, SeasonPlayerRuns, SeasonRun, SeasonRuns, SeasonRunsPart,
    Spread, play_seasons,
};
use vickrey_scenario::{Problem, Scenario};

use super::layered::{percent, runs_needed, table};
use super::{MOST_HONEST, Simulate, Target};
use crate::args::Common;
use crate::failure::Failure;
use crate::format::{NONE, columns, count, counted, name};
use crate::lies::by_agent;
use crate::lies::two_stage::{Plan, Players};
use crate::tables::{self, Column};
use crate::{progress, report, report_two_stage};

/// Seasons where none are asked for.
const RUNS: u32 = 100;

/// Plays all seasons, each with everybody honest and with the lies.
pub fn run<R: Repeated>(
    scenario: &Scenario,
    of: &R,
    args: &Simulate,
    to: &Target<'_>,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let spec = of.season();
    let plans = by_agent(&args.liars, &Players(spec), spec.players.len(), Plan::parse)?;
    let (lies, said) = lies(of, &plans)?;
    let asked = u64::from(args.runs.unwrap_or(RUNS));
    let seeds: Vec<u64> = (0..asked).map(|k| run_seed(scenario.seed, k)).collect();
    let honesty =
        SeasonPlan { reports: spec.truth.clone(), bidding: vec![Bidding::Honest; spec.players.len()] };
    let (honest, promise) = play(of, &honesty, &seeds, "playing honest seasons", to.common)?;
    let lying = match said.is_empty() {
        true => None,
        false => Some(play(of, &lies, &seeds, "playing with the lies", to.common)?.0),
    };
    let runs = SeasonRuns { scenario, of, said, seeds, honest, lying, promise };
    let document = runs.document();
    let draw = || runs.picture_files().map_err(|error| Failure::run(format!("cannot draw: {error}")));
    to.finish(&document, &runs.tables(), draw, out, |out| Ok(print(&runs, &document, out)?))
}

/// What is reported and bid: as in the scenario, and as the command line says; and in words, for those who are not honest.
fn lies<R: Repeated>(
    of: &R,
    plans: &BTreeMap<AgentId, Plan>,
) -> Result<(SeasonPlan, BTreeMap<AgentId, String>), Failure> {
    let spec = of.season();
    let mut lies = SeasonPlan { reports: spec.reports.clone(), bidding: spec.bidding.clone() };
    let others = (0..spec.players.len()).filter(|i| !plans.contains_key(i) && !is_honest(of, *i));
    let words = |i: AgentId| match spec.bidding[i] {
        Bidding::Honest => "another law".to_owned(),
        _ => bidding_words(spec, i),
    };
    let mut said: BTreeMap<AgentId, String> = others.map(|i| (i, words(i))).collect();
    for (&i, plan) in plans {
        let (bidding, laws) = plan.of(spec, i).map_err(|message| {
            Failure::input(Problem::new(format!("--liars `{}={plan}`: {message}", spec.players[i])))
        })?;
        lies.bidding[i] = bidding;
        if let Some(laws) = laws {
            lies.reports = lies.reports.with(i, laws);
        }
        said.insert(i, plan.to_string());
    }
    Ok((lies, said))
}

fn play<R: Repeated>(
    of: &R,
    plan: &SeasonPlan,
    seeds: &[u64],
    what: &'static str,
    common: &Common,
) -> Result<(Vec<SeasonRun>, Promise), Failure> {
    let bar = progress::bar(common, what);
    let done = AtomicUsize::new(0);
    let told = || {
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        progress::at(&bar, done as f64 / seeds.len() as f64);
    };
    let runs = play_seasons(of, plan, seeds, &told);
    bar.finish_and_clear();
    Ok(runs?)
}

fn print<R: Repeated>(
    runs: &SeasonRuns<'_, R>,
    document: &Document<SeasonRunsPart>,
    out: &mut dyn Write,
) -> io::Result<()> {
    head(runs, document, out)?;
    let honest = (0..runs.players()).filter(|i| !runs.said.contains_key(i)).take(MOST_HONEST);
    let shown: Vec<SeasonPlayerRuns> =
        runs.said.keys().copied().chain(honest).map(|i| runs.player(i)).collect();
    if !runs.said.is_empty() {
        gains(&shown, out)?;
        effect(document, out)?;
    }
    totals(&document.part, out)?;
    flags(&shown, out)?;
    let hidden = runs.players() - shown.len();
    if hidden > 0 {
        writeln!(out, "{} more players are not shown", count(hidden))?;
    }
    if let Some(z) = document.part.summary.largest_z {
        writeln!(
            out,
            "honest means differ from the expected ones by at most {:.1} standard errors ({} numbers)",
            z.abs(),
            count(document.part.summary.compared)
        )?;
    }
    report::remarks(out, document)
}

fn head<R: Repeated>(
    runs: &SeasonRuns<'_, R>,
    document: &Document<SeasonRunsPart>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let title = document.head.title.as_deref().unwrap_or(&document.head.scenario.path);
    let s = &document.part.summary;
    let liars = match runs.said.len() {
        0 => "everybody honest".to_owned(),
        liars => counted(liars, "liar"),
    };
    writeln!(
        out,
        "{title}\n{}, {}, {}\n{}\n{liars}, {}, seed {}; amounts are averages of a day\n",
        mechanism_words(document.head.mechanism),
        counted(s.players, "player"),
        counted(s.days as usize, "day"),
        report_two_stage::terms(&s.terms, &document.head.units.money),
        counted(document.part.runs, "season"),
        document.head.seed,
    )
}

/// What lies are worth, with penalties and without.
fn gains(shown: &[SeasonPlayerRuns], out: &mut dyn Write) -> io::Result<()> {
    let rows = shown.iter().map(|row| {
        let gain = row.gain_before_penalties.as_ref();
        let numbers = vec![
            row.before_penalties.truthful.mean,
            row.before_penalties.strategic.as_ref().and_then(|spread| spread.mean),
            gain.and_then(|gain| gain.mean),
            gain.and_then(|gain| gain.standard_error),
        ];
        let needed = gain.and_then(|gain| gain.runs_needed).map_or_else(|| NONE.to_owned(), runs_needed);
        let lie = row.lie.clone().unwrap_or_else(|| "honest".to_owned());
        (vec![name(&row.name), name(&lie)], numbers, Some(needed))
    });
    writeln!(out, "penalties not counted")?;
    let heads = ["honest utility", "utility with lies", "mean gain", "standard error"];
    table(["player", "bids"], &heads, Some("seasons for its sign"), rows.collect(), out)?;
    if shown.iter().all(|row| row.gain == row.gain_before_penalties) {
        return writeln!(out, "nobody is penalised\n");
    }
    let rows = shown.iter().map(|row| {
        let gain = row.gain.as_ref();
        let lie = row.lie.clone().unwrap_or_else(|| "honest".to_owned());
        let number = |x: Option<f64>| x.map_or_else(|| NONE.to_owned(), short);
        vec![
            name(&row.name),
            name(&lie),
            number(row.utility.truthful.mean),
            number(row.utility.strategic.as_ref().and_then(|spread| spread.mean)),
            number(gain.and_then(|gain| gain.mean)),
            number(gain.and_then(|gain| gain.standard_error)),
        ]
    });
    let words = ["player", "bids"].map(|head| Column::Words(head.into()));
    let heads: Vec<Column> =
        words.into_iter().chain(heads.map(|head| Column::Numbers(head.into()))).collect();
    writeln!(out, "penalties taken off")?;
    tables::print(out, &heads, rows.collect())?;
    writeln!(out)
}

/// Who bears what the lies do.
fn effect(document: &Document<SeasonRunsPart>, out: &mut dyn Write) -> io::Result<()> {
    let Some(effect) = &document.part.effect else { return Ok(()) };
    let money = &document.head.units.money;
    let said = |gain: &Gain| {
        let error = gain.standard_error.map_or_else(String::new, |e| format!(" ± {}", short(e)));
        gain.mean
            .map_or_else(|| NONE.to_owned(), |x| format!("{}{error} {money}", short(x)).trim_end().to_owned())
    };
    let pairs = [
        ("  the liars", said(&effect.liars)),
        ("  without penalties", said(&effect.liars_before_penalties)),
        ("  the other players", said(&effect.others)),
        ("  the planner", said(&effect.operator)),
        ("  everybody", said(&effect.welfare)),
    ];
    writeln!(out, "what the lies change, on average of a day:")?;
    tables::pairs(out, &pairs)?;
    writeln!(out)
}

/// Budget and welfare.
fn totals(part: &SeasonRunsPart, out: &mut dyn Write) -> io::Result<()> {
    let mut rows = Vec::new();
    for (what, both) in [("budget", &part.budget), ("welfare", &part.welfare)] {
        let row = |what: String, s: &Spread| {
            let q = s.quantiles.as_ref();
            let numbers =
                vec![s.mean, s.standard_error, s.expected, s.deviation, q.map(|q| q.p5), q.map(|q| q.p95)];
            (vec![what], numbers, None)
        };
        rows.push(row(what.to_owned(), &both.truthful));
        rows.extend(both.strategic.as_ref().map(|s| row("  with lies".to_owned(), s)));
    }
    let heads = ["mean", "±", "expected", "deviation", "5 %", "95 %"];
    table(["over seasons", ""], &heads, None, rows, out)
}

/// Utilities of honest seasons, and who is flagged.
fn flags(shown: &[SeasonPlayerRuns], out: &mut dyn Write) -> io::Result<()> {
    let with = shown.iter().any(|row| row.utility.strategic.is_some());
    let means = |pick: &dyn Fn(&SeasonPlayerRuns) -> Option<f64>| shown.iter().map(pick).collect::<Vec<_>>();
    let cells = columns(&[
        means(&|row| row.before_penalties.truthful.mean),
        means(&|row| row.before_penalties.truthful.expected),
        means(&|row| row.payment.truthful.mean),
    ]);
    let mut heads = vec![Column::Words("player".into())];
    heads.extend(
        ["utility,\nhonest", "expected", "payment,\nhonest", "ever flagged,\nhonest"]
            .map(|head| Column::Numbers(head.into())),
    );
    if with {
        let more = ["ever flagged,\nwith lies", "days flagged,\nwith lies", "first day,\nwith lies"];
        heads.extend(more.map(|head| Column::Numbers(head.into())));
    }
    let mean = |both: &Both<Spread>| both.strategic.as_ref().and_then(|spread| spread.mean);
    let number = |x: Option<f64>| x.map_or_else(|| NONE.to_owned(), |x| format!("{x:.1}"));
    let rows = shown.iter().enumerate().map(|(k, row)| {
        let mut line = vec![name(&row.name)];
        line.extend(cells.iter().map(|column| column[k].clone()));
        line.push(percent(row.ever_flagged.truthful.share));
        if with {
            let ever = row.ever_flagged.strategic.as_ref();
            line.push(ever.map_or_else(|| NONE.to_owned(), |often| percent(often.share)));
            line.push(number(mean(&row.flagged)));
            line.push(number(row.first_flagged.strategic.flatten()));
        }
        line
    });
    writeln!(out)?;
    tables::print(out, &heads, rows.collect())
}
