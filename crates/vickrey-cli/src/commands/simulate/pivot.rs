//! Dynamic pivot mechanisms.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use vickrey::mechanism::AgentId;
use vickrey::pivot::protocol::PivotError;
use vickrey::pivot::simulate::{Game, Run, informed};
use vickrey::pivot::strategies::Lie;
use vickrey::pivot::{Model, PivotMechanism, Solution, mode::PaymentTime, solve};
use vickrey::simulate::run_seed;
use vickrey_scenario::output::number::short;
use vickrey_scenario::output::{
    Document, Gain, Often, PivotExpectation, PivotRunError, PivotRuns, PivotRunsPart, PlayerRuns, Quantiles,
    Spread,
};
use vickrey_scenario::{PivotScenario, Problem, Scenario};

use super::layered::{percent, runs_needed, table};
use super::{MOST_HONEST, Simulate, Target};
use crate::args::Common;
use crate::failure::Failure;
use crate::format::{NONE, amount, columns, count, counted, name};
use crate::lies::by_agent;
use crate::lies::pivot::{Plan, Players, Reports};
use crate::tables::{self, Column};
use crate::{progress, report};

/// Runs where none are asked for.
const RUNS: u32 = 200;

/// Plays all games, each truthfully and with the lies.
pub fn run(
    scenario: &Scenario,
    pivot: &PivotScenario,
    args: &Simulate,
    to: &Target<'_>,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let model = &pivot.model;
    let plans = by_agent(&args.liars, &Players(model), model.players(), Plan::parse)?;
    let mut lies = lies(&plans, pivot, args.leak)?;
    let solution = solution(pivot, to.common)?;
    let mechanism = PivotMechanism::new(solution.clone(), pivot.options(), pivot.terms())
        .map_err(|error| failed(&error, model))?;
    let game = Game::new(mechanism, args.leak);
    let remarks = inform(&mut lies, &plans, &game, scenario.seed)?;
    let asked = u64::from(args.runs.unwrap_or(RUNS));
    let seeds: Vec<u64> = (0..asked).map(|k| run_seed(scenario.seed, k)).collect();
    let honest = play(&game, &[], &seeds, "playing truthfully", to.common)?;
    let lying = match plans.is_empty() {
        true => None,
        false => Some(play(&game, &lies, &seeds, "playing with the lies", to.common)?),
    };
    let runs = PivotRuns {
        scenario,
        pivot,
        solution: &solution,
        periods: pivot.terms().periods,
        leak: args.leak,
        said: plans.iter().map(|(&i, plan)| (i, plan.to_string())).collect(),
        remarks,
        seeds,
        honest,
        lying,
        expectation: PivotExpectation::new(&solution, pivot.payment),
    };
    let document = runs.document();
    let draw = || runs.picture_files().map_err(|error| Failure::run(format!("cannot draw: {error}")));
    to.finish(&document, &runs.tables(), draw, out, |out| Ok(print(&runs, &document, out)?))
}

fn solution(pivot: &PivotScenario, common: &Common) -> Result<Arc<Solution>, Failure> {
    let bar = progress::bar(common, "solving");
    let solved = solve(&pivot.model, &pivot.options(), &|share| progress::at(&bar, share));
    bar.finish_and_clear();
    Ok(Arc::new(solved.map_err(PivotRunError::from)?))
}

/// One lie for each player.
fn lies(plans: &BTreeMap<AgentId, Plan>, pivot: &PivotScenario, leak: bool) -> Result<Vec<Lie>, Failure> {
    let model = &pivot.model;
    let mut lies = vec![Lie::default(); model.players()];
    for (&i, plan) in plans {
        let wrong = |message: String| {
            Problem::new(format!("--liars `{}={plan}`: {message}", model.labels().players[i]))
        };
        if plan.reports == Reports::Informed && !leak {
            let problem = wrong("nobody knows the outcome before the reports".into());
            return Err(Failure::input(problem.with_help("add --leak: players then know it")));
        }
        lies[i] = plan.lie(model, i, pivot.terms().periods).map_err(|error| Failure::input(wrong(error)))?;
    }
    Ok(lies)
}

/// Fills in what informed players report; answers what should be said about it.
fn inform(
    lies: &mut [Lie],
    plans: &BTreeMap<AgentId, Plan>,
    game: &Game,
    seed: u64,
) -> Result<Vec<String>, Failure> {
    let mut remarks = Vec::new();
    for (&i, _) in plans.iter().filter(|(_, plan)| plan.reports == Reports::Informed) {
        let found = informed(game, i, seed).ok_or_else(|| {
            Failure::run(
                "`informed` needs the values of all joint states, and this instance is too large for them",
            )
        })?;
        lies[i].informed = found.informed;
        remarks.push(format!(
            "`{}` knows the outcome and reports what is best for her on average over what the others reported in 200 other \
             games, with truth from the next period on",
            game.mechanism().solution().model().labels().players[i]
        ));
    }
    if plans.values().any(|plan| plan.silent_from.is_some()) {
        remarks.push(
            "who stays silent has left for good: she pays and gets nothing any more, and the mechanism for the others \
             takes over. Decisions that need her are then impossible, unless without = \"same\""
                .into(),
        );
    }
    Ok(remarks)
}

fn play(
    game: &Game,
    lies: &[Lie],
    seeds: &[u64],
    what: &'static str,
    common: &Common,
) -> Result<Vec<Run>, Failure> {
    let bar = progress::bar(common, what);
    let done = AtomicUsize::new(0);
    let told = || {
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        progress::at(&bar, done as f64 / seeds.len() as f64);
    };
    let runs = game.play_many(lies, seeds, &told);
    bar.finish_and_clear();
    runs.map_err(|error| failed(&error, game.mechanism().solution().model()))
}

/// Why games cannot be played, with the players' names.
fn failed(error: &PivotError, model: &Model) -> Failure {
    let PivotError::Alone { player, source } = error else { return Failure::run(error.to_string()) };
    let left = &model.labels().players[*player];
    let why = source.flaws.first().map_or_else(String::new, |flaw| match flaw.place {
        vickrey::pivot::Place::Player(i) => {
            format!(
                ": for `{}`, {} in {} would be {}",
                model.labels().players[i],
                flaw.field,
                flaw.at,
                flaw.found
            )
        }
        _ => format!(": {flaw}"),
    });
    let help =
        "decisions that stay possible without several players (an \"idle\", a \"discard\") let a game go on";
    Failure::run_with_help(format!("`{left}` has left, and the others cannot go on{why}"), help)
}

fn print(runs: &PivotRuns<'_>, document: &Document<PivotRunsPart>, out: &mut dyn Write) -> io::Result<()> {
    head(runs, document, out)?;
    let honest = (0..runs.players()).filter(|i| !runs.said.contains_key(i)).take(MOST_HONEST);
    let shown: Vec<PlayerRuns> = runs.said.keys().copied().chain(honest).map(|i| runs.player(i)).collect();
    if !runs.said.is_empty() {
        gains(&shown, out)?;
        effect(document, out)?;
    }
    let money = Clean::new(&document.part);
    totals(&document.part, &money, out)?;
    utilities(&shown, &money, out)?;
    let hidden = runs.players() - shown.len();
    if hidden > 0 {
        writeln!(out, "{} more players are not shown", count(hidden))?;
    }
    summary(document, out)?;
    report::remarks(out, document)
}

fn head(runs: &PivotRuns<'_>, document: &Document<PivotRunsPart>, out: &mut dyn Write) -> io::Result<()> {
    let title = document.head.title.as_deref().unwrap_or(&document.head.scenario.path);
    let s = &document.part.summary;
    let end = if s.without_end { " of a game without end" } else { "" };
    let liars = match runs.said.len() {
        0 => "everybody truthful".to_owned(),
        liars => counted(liars, "liar"),
    };
    let leak = if s.leak { ", outcomes leak before the reports" } else { "" };
    let when = match s.payment {
        PaymentTime::BeforeOutcome => "payments fixed before the outcome",
        PaymentTime::OutcomeContingent => "payments with the outcome",
    };
    writeln!(
        out,
        "{title}\n{}, {}{end}, without a player: {}, {when}\n{liars}, {}, seed {}{leak}\n",
        counted(s.players, "player"),
        counted(s.periods, "period"),
        s.without.name(),
        counted(document.part.runs, "run"),
        document.head.seed,
    )
}

/// What lies are worth.
fn gains(shown: &[PlayerRuns], out: &mut dyn Write) -> io::Result<()> {
    let rows = shown.iter().map(|row| {
        let gain = row.gain.as_ref();
        let both =
            row.with_what_follows.as_ref().filter(|both| both.strategic.is_some()).unwrap_or(&row.utility);
        let numbers = vec![
            both.truthful.mean,
            both.strategic.as_ref().and_then(|spread| spread.mean),
            gain.and_then(|gain| gain.mean),
            gain.and_then(|gain| gain.standard_error),
        ];
        let needed = gain.and_then(|gain| gain.runs_needed).map_or_else(|| NONE.to_owned(), runs_needed);
        let lie = row.lie.clone().unwrap_or_else(|| "truth".to_owned());
        (vec![name(&row.name), name(&lie)], numbers, Some(needed))
    });
    let heads = ["truthful utility", "utility with lies", "mean gain", "standard error"];
    table(["player", "reports"], &heads, Some("runs for its sign"), rows.collect(), out)
}

/// Who bears what the lies do.
fn effect(document: &Document<PivotRunsPart>, out: &mut dyn Write) -> io::Result<()> {
    let Some(effect) = &document.part.effect else { return Ok(()) };
    let money = &document.head.units.money;
    let said = |gain: &Gain| {
        let error = gain.standard_error.map_or_else(String::new, |e| format!(" ± {}", short(e)));
        gain.mean
            .map_or_else(|| NONE.to_owned(), |x| format!("{}{error} {money}", short(x)).trim_end().to_owned())
    };
    let mut pairs = vec![("  the liars", said(&effect.liars)), ("  the other players", said(&effect.others))];
    pairs.push(("  the operator", said(&effect.operator)));
    // Nothing at all: the public has no utility of its own.
    if effect.public.least != Some(0.0) || effect.public.largest != Some(0.0) {
        pairs.push(("  the public", said(&effect.public)));
    }
    pairs.push(("  everybody", said(&effect.welfare)));
    writeln!(out, "what the lies change, on average:")?;
    tables::pairs(out, &pairs)?;
    writeln!(out)
}

const SPREAD: [&str; 7] = ["mean", "±", "expected", "deviation", "5 %", "median", "95 %"];

/// The numbers of a spread in the order of [`SPREAD`].
fn spread(spread: &Spread) -> Vec<Option<f64>> {
    let q = spread.quantiles.as_ref();
    vec![
        spread.mean,
        spread.standard_error,
        spread.expected,
        spread.deviation,
        q.map(|q| q.p5),
        q.map(|q| q.p50),
        q.map(|q| q.p95),
    ]
}

fn z(spread: &Spread) -> String {
    // Plus 0: a zero has no sign.
    spread.z.map_or_else(|| NONE.to_owned(), |z| format!("{:.1}", (10.0 * z).round() / 10.0 + 0.0))
}

/// Budget and welfare.
fn totals(part: &PivotRunsPart, money: &Clean, out: &mut dyn Write) -> io::Result<()> {
    let mut rows = Vec::new();
    for (what, both) in [("budget", &part.budget), ("welfare", &part.welfare)] {
        let row = |what: String, s: &Spread| {
            (vec![what], spread(s).into_iter().map(|x| money.of(x)).collect(), Some(z(s)))
        };
        rows.push(row(what.to_owned(), &both.truthful));
        rows.extend(both.strategic.as_ref().map(|s| row("  with lies".to_owned(), s)));
    }
    table(["over runs", ""], &SPREAD, Some("z"), rows, out)
}

/// Net utilities and payments, everybody truthful.
fn utilities(shown: &[PlayerRuns], money: &Clean, out: &mut dyn Write) -> io::Result<()> {
    let goes_on = shown.iter().all(|row| row.with_what_follows.is_some());
    let whole = |row: &PlayerRuns| {
        row.with_what_follows.as_ref().map(|both| both.truthful.clone()).filter(|_| goes_on)
    };
    let compared = |row: &PlayerRuns| whole(row).unwrap_or_else(|| row.utility.truthful.clone());
    let quantile =
        |row: &PlayerRuns, pick: fn(&Quantiles) -> f64| row.utility.truthful.quantiles.as_ref().map(pick);
    type Pick<'a> = (&'a str, &'a dyn Fn(&PlayerRuns) -> Option<f64>);
    let picks: [Pick<'_>; 7] = [
        ("utility", &|row| row.utility.truthful.mean),
        ("with the rest", &|row| whole(row).and_then(|spread| spread.mean)),
        ("±", &|row| compared(row).standard_error),
        ("expected", &|row| compared(row).expected),
        ("payment", &|row| row.payment.truthful.mean),
        ("5 %", &|row| quantile(row, |q| q.p5)),
        ("95 %", &|row| quantile(row, |q| q.p95)),
    ];
    let picks: Vec<Pick<'_>> =
        picks.into_iter().filter(|(head, _)| goes_on || *head != "with the rest").collect();
    let cells = columns(
        &picks
            .iter()
            .map(|(_, pick)| shown.iter().map(|row| money.of(pick(row))).collect())
            .collect::<Vec<_>>(),
    );
    let heads = picks.iter().map(|(head, _)| *head).chain(["z", "below 0"]);
    let heads: Vec<Column> = std::iter::once(Column::Words("truthful".into()))
        .chain(heads.map(|head| Column::Numbers(head.into())))
        .collect();
    let rows = shown.iter().enumerate().map(|(k, row)| {
        let numbers = cells.iter().map(|column| column[k].clone());
        let share = percent(row.below_zero.truthful.share);
        std::iter::once(name(&row.name)).chain(numbers).chain([z(&compared(row)), share]).collect()
    });
    writeln!(out)?;
    tables::print(out, &heads, rows.collect())
}

/// Numbers without what is rounding beside the largest of them.
struct Clean(f64);

impl Clean {
    fn new(part: &PivotRunsPart) -> Self {
        let sizes = [&part.budget, &part.welfare].map(|both| {
            let ends = [both.truthful.least, both.truthful.largest];
            ends.into_iter().flatten().map(f64::abs).fold(0.0, f64::max)
        });
        Self(1e-12 * sizes[0].max(sizes[1]))
    }

    fn of(&self, x: Option<f64>) -> Option<f64> {
        x.map(|x| if x.abs() < self.0 { 0.0 } else { x })
    }
}

fn often(often: &Often) -> String {
    format!(
        "in {} of the runs ({} to {} with 95 % confidence)",
        percent(often.share),
        percent(often.low),
        percent(often.high)
    )
}

fn summary(document: &Document<PivotRunsPart>, out: &mut dyn Write) -> io::Result<()> {
    let (part, money) = (&document.part, &document.head.units.money);
    let mut pairs = vec![("deficit", often(&part.deficit.truthful))];
    pairs.extend(part.deficit.strategic.as_ref().map(|with| ("deficit with lies", often(with))));
    if let Some(z) = part.summary.largest_z {
        let text = format!(
            "means differ from the expected ones by at most {:.1} standard errors ({} numbers)",
            z.abs(),
            count(part.summary.compared)
        );
        pairs.push(("check", text));
    }
    if !part.summary.leak {
        let bound = amount(part.summary.certificate, money);
        pairs.push((
            "promise",
            format!("no single false report gains more than {bound} on average (certificate)"),
        ));
    }
    tables::pairs(out, &pairs)
}
