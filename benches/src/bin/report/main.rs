//! Prints what this crate measures as one Markdown document: `cargo run --release -p vickrey-benches --bin report`.
//!
//! `report time` (or `memory`, `accuracy`, `lq`, `lq-accuracy`, `pivot`, `pivot-time`, `pivot-memory`, `pivot-infinite`,
//! `pivot-structure`, `pivot-accuracy`, `two-stage` and its parts, `dual` and its
//! parts) prints one part only; `report lq-long` and `report pivot-large` what takes too
//! long for the whole. Memory is measured in processes of its own, one per market: this program calls itself with
//! `memory-of FAMILY AGENTS`.

mod dual;
mod lq;
mod pivot;
mod two_stage;
mod wire;

use std::hint::black_box;
use std::mem::size_of;
use std::process::{Command, ExitCode};
use vickrey::accounts::Accounts;

use rayon::prelude::*;
use vickrey::guarantee::Baseline;
use vickrey::market::scaling::{Distance, interval, min_max};
use vickrey::market::solve::gap_one_by_one;
use vickrey::market::solve::quadratic::{QuadraticSettlement, settle_arrays, settle_arrays_into};
use vickrey::market::{Market, Utility, settle};
use vickrey_benches::{BLOCKS, Failure, Family, fastest, quadratic_arrays};

const SEED: u64 = 1;
/// Sizes of the table of times.
const SIZES: [usize; 6] = [10, 100, 1_000, 10_000, 100_000, 1_000_000];

const TIME: &str = "\
## Time

Fastest of several runs. `settle`: price, allocation and all leave-one-out gaps of a `Market`.

| family | agents | threads | clear s | settle s | settle ns/agent | interval s | MinMax s | solved |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |";

const ARRAYS: &str = "
## Quadratic markets as arrays, against a plain sum

Prices, allocations, all VCG payments, interval and MinMax from two arrays, and the time to add up the same two arrays
in the same run: `simple sum` as one writes it, `iter().sum()` on one thread; `lane sum` by vector registers on all
threads, as fast as memory or cache deliver. `reused` writes into earlier results, `allocating` asks for memory every
time (the allocator may return what the run before gave back). The ratios are those of `reused`.

| agents | threads | reused s | ns/agent | allocating s | simple sum s | lane sum s | ratio to simple | ratio to lanes |
| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |";

const MEMORY: &str = "\
## Memory

Bytes per agent. `computed` from the sizes of the types; `seen` is the growth of the resident size of a process that
does nothing else; `peak` is its largest growth until everything is settled: market, results and working memory.

| family | agents | market, computed | market, seen | settlement, computed | peak, seen |
| --- | ---: | ---: | ---: | ---: | ---: |";

const ACCURACY: &str = "\
## Accuracy

Largest relative error of a gap against `gap_one_by_one`, which solves the problem of every agent over all others, over
five seeds (wanted: below 1e-9). From 1000 agents on every fifth agent is compared.

| family | agents | gaps compared | largest relative error | on the shared curve | one by one |
| --- | ---: | ---: | ---: | ---: | ---: |";

const USAGE: &str = "usage: report [time|memory|accuracy|lq|lq-accuracy|lq-long|pivot|pivot-time|pivot-memory|\
                     pivot-infinite|pivot-structure|pivot-accuracy|pivot-large|two-stage|two-stage-payments|\
                     two-stage-days|two-stage-games|two-stage-long|dual|dual-offline|dual-live|dual-wire|dual-rounds]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words[..] {
        [] => whole(),
        ["time"] => time(),
        ["memory"] => memory(),
        ["accuracy"] => accuracy(),
        ["memory-of", family, agents] => memory_of(family, agents),
        ["lq"] => lq::time().and_then(|()| lq::memory()),
        ["lq-accuracy"] => lq::accuracy(),
        ["lq-long"] => lq::long(),
        ["lq-memory-of", agents, periods] => lq::memory_of(agents, periods),
        ["pivot"] => pivot::all(),
        ["pivot-time"] => pivot::time(),
        ["pivot-memory"] => pivot::memory_table(),
        ["pivot-infinite"] => pivot::infinite(),
        ["pivot-structure"] => pivot::structure(),
        ["pivot-accuracy"] => pivot::accuracy(),
        ["pivot-large"] => pivot::large(),
        ["pivot-memory-of", kind, keep, ref numbers @ ..] => pivot::memory_of(kind, keep, numbers),
        ["two-stage"] => two_stage::all(),
        ["two-stage-payments"] => two_stage::payments(),
        ["two-stage-days"] => two_stage::days(),
        ["two-stage-games"] => two_stage::games(),
        ["two-stage-long"] => two_stage::long(),
        ["two-stage-memory-of", players, types, days] => two_stage::memory_of(players, types, days),
        ["dual"] => dual::all(),
        ["dual-offline"] => dual::offline(),
        ["dual-live"] => dual::live(),
        ["dual-wire"] => wire::rounds(),
        ["dual-rounds"] => dual::rounds(),
        _ => Err(USAGE.into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("report: {error}");
            ExitCode::FAILURE
        }
    }
}

fn whole() -> Result<(), Failure> {
    for part in
        [time, memory, accuracy, lq::time, lq::memory, lq::accuracy, pivot::all, two_stage::all, dual::all]
    {
        part()?;
    }
    Ok(())
}

/// `+` if an aim is reached, `-` if it is missed.
fn mark(aimed: bool, found: f64, aim: f64) -> &'static str {
    match aimed {
        true if found <= aim => " +",
        true => " -",
        false => "",
    }
}

/// A pool of so many threads.
fn pool(threads: usize) -> Result<rayon::ThreadPool, Failure> {
    Ok(rayon::ThreadPoolBuilder::new().num_threads(threads).build()?)
}

fn time() -> Result<(), Failure> {
    println!("{TIME}");
    for family in Family::ALL {
        for agents in SIZES.into_iter().filter(|&n| n <= family.largest()) {
            let market = family.market(agents, SEED)?;
            for threads in [1, 2] {
                pool(threads)?.install(|| time_market(family, &market, threads))?;
            }
        }
    }
    println!("{ARRAYS}");
    for agents in SIZES {
        let arrays = quadratic_arrays(agents, SEED);
        for threads in [1, 2] {
            pool(threads)?.install(|| time_arrays(&arrays.0, &arrays.1, threads))?;
        }
    }
    println!();
    Ok(())
}

fn time_market(family: Family, market: &Market, threads: usize) -> Result<(), Failure> {
    let n = market.len();
    let (repeats, seconds) = if n >= 100_000 { (5, 1.0) } else { (5, 0.2) };
    let clear = fastest(repeats, seconds, || vickrey::market::clear(market));
    let settled = fastest(repeats, seconds, || settle(market));
    let s = settle(market)?;
    let set = interval(&s, Baseline::Zero);
    let between = fastest(repeats, seconds / 4.0, || interval(&s, Baseline::Zero));
    let distance = Distance { ratio: false, one_sided: false };
    let nearest = set.feasible().map_or("-".into(), |range| {
        format!("{:.6}", fastest(repeats, seconds / 4.0, || min_max(&s, Baseline::Zero, distance, range)))
    });
    let e = s.effort;
    let solved: Vec<String> =
        [(e.closed_form, "in closed form"), (e.shared, "on the shared curve"), (e.one_by_one, "one by one")]
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, how)| format!("{count} {how}"))
            .collect();
    println!(
        "| {} | {n} | {threads} | {clear:.6} | {settled:.6} | {:.0} | {between:.6} | {nearest} | {} |",
        family.name(),
        settled / n as f64 * 1e9,
        solved.join(", ")
    );
    Ok(())
}

fn time_arrays(a: &[f64], b: &[f64], threads: usize) -> Result<(), Failure> {
    let n = a.len();
    let mut kept = settle_arrays(a, b).ok_or("a quadratic market was refused")?;
    let reused = fastest(40, 1.0, || {
        let memory: QuadraticSettlement = std::mem::take(&mut kept);
        kept = settle_arrays_into(black_box(a), black_box(b), memory).unwrap_or_default();
    });
    let allocating = fastest(40, 0.5, || settle_arrays(black_box(a), black_box(b)));
    let simple = fastest(40, 0.5, || black_box(a).iter().sum::<f64>() + black_box(b).iter().sum::<f64>());
    let lanes = fastest(40, 0.5, || lane_sum(black_box(a)) + lane_sum(black_box(b)));
    println!(
        "| {n} | {threads} | {reused:.7} | {:.2} | {allocating:.7} | {simple:.7} | {lanes:.7} | {:.1} | {:.1} |",
        reused / n as f64 * 1e9,
        reused / simple,
        reused / lanes
    );
    Ok(())
}

/// The fastest sum that safe code gets: as fast as the memory (or the cache) delivers.
fn lane_sum(xs: &[f64]) -> f64 {
    let parts: Vec<f64> = xs
        .par_chunks(1 << 16)
        .map(|chunk| {
            let (full, rest) = chunk.as_chunks::<16>();
            let mut lanes = [0.0; 16];
            for x in full {
                for k in 0..16 {
                    lanes[k] += x[k];
                }
            }
            lanes.iter().sum::<f64>() + rest.iter().sum::<f64>()
        })
        .collect();
    parts.iter().sum()
}

fn memory() -> Result<(), Failure> {
    println!("{MEMORY}");
    for family in Family::ALL {
        print!("{}", child(&["memory-of", family.name(), &family.largest().to_string()])?);
    }
    println!();
    Ok(())
}

/// What this program prints when it is called with these arguments.
fn child(arguments: &[&str]) -> Result<String, Failure> {
    let child = Command::new(std::env::current_exe()?).args(arguments).output()?;
    if !child.status.success() {
        return Err(
            format!("{}: {}", arguments.join(" "), String::from_utf8_lossy(&child.stderr).trim()).into()
        );
    }
    Ok(String::from_utf8(child.stdout)?)
}

/// Prints one row of the table of memory.
fn memory_of(family: &str, agents: &str) -> Result<(), Failure> {
    let family = Family::named(family).ok_or("no such family")?;
    let agents: usize = agents.parse()?;
    // Threads and their stacks are not the market's.
    rayon::broadcast(|_| ());
    settle(&family.market(1000, SEED)?)?;
    let start = resident("VmRSS:");
    let market = family.market(agents, SEED)?;
    let built = resident("VmRSS:");
    // Forgets the peak of drawing the market; where that is not possible the peak says nothing.
    let forgotten = std::fs::write("/proc/self/clear_refs", "5").is_ok();
    let s = settle(&market)?;
    let peak = resident("VmHWM:").filter(|_| forgotten);
    let per_agent = |from: Option<f64>, to: Option<f64>| match (from, to) {
        (Some(from), Some(to)) => format!("{:.0}", (to - from) / agents as f64),
        _ => "not known".into(),
    };
    println!(
        "| {} | {agents} | {} | {} | {} | {} |",
        family.name(),
        market_bytes(family),
        per_agent(start, built),
        4 * size_of::<f64>(),
        per_agent(start, peak)
    );
    black_box((market, s));
    Ok(())
}

/// Bytes of one agent: the utility, and what a curve keeps beside it (three numbers per knot, two knots per block but
/// the inner ends of neighbouring blocks are different knots, and the counters and lengths of its four allocations).
fn market_bytes(family: Family) -> usize {
    let curve = 2 * size_of::<usize>() + 3 * (size_of::<usize>() * 2) + 3 * 2 * BLOCKS * size_of::<f64>();
    size_of::<Utility>() + if family == Family::Blocks { curve } else { 0 }
}

/// A line of /proc/self/status in bytes, where there is such a thing.
fn resident(line: &str) -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let found = status.lines().find(|l| l.starts_with(line))?;
    found.split_whitespace().nth(1)?.parse::<f64>().ok().map(|kb| kb * 1024.0)
}

/// CPU time of this process, all threads together, where the system tells it (in hundredths of a second).
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name, in brackets, may contain blanks; user and system time are the 12th and 13th words after it.
    let words: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |k: usize| words.get(k)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / 100.0)
}

fn accuracy() -> Result<(), Failure> {
    println!("{ACCURACY}");
    for family in Family::ALL {
        for agents in [30, 100, 300, 1_000, 2_000] {
            accuracy_of(family, agents)?;
        }
    }
    Ok(())
}

fn accuracy_of(family: Family, agents: usize) -> Result<(), Failure> {
    // One gap alone costs as much as all together; every fifth agent still meets every kind of agent.
    let step = if agents >= 1_000 { 5 } else { 1 };
    let (mut worst, mut compared, mut shared, mut alone) = (0.0_f64, 0, 0, 0);
    for seed in 1..=5 {
        let market = family.market(agents, seed)?;
        let s = settle(&market)?;
        let errors: Vec<f64> = (0..agents)
            .into_par_iter()
            .step_by(step)
            .map(|i| {
                let exact = gap_one_by_one(&market, &s.clearing, i);
                if exact == s.gap(i) { 0.0 } else { (s.gap(i) / exact - 1.0).abs() }
            })
            .collect();
        // A comparison that is not a number must be seen.
        worst = errors.iter().fold(worst, |a, &b| if b > a || b.is_nan() { b } else { a });
        compared += errors.len();
        shared += s.effort.shared;
        alone += s.effort.one_by_one;
    }
    println!("| {} | {agents} | {compared} | {worst:.1e} | {shared} | {alone} |", family.name());
    Ok(())
}
