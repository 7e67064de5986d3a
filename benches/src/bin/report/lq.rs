//! The linear-quadratic market: time, memory, accuracy.

use std::hint::black_box;
use std::time::Instant;

use rayon::prelude::*;
use vickrey::accounts::Accounts;
use vickrey::lq::{Aggregate, Bids, Expected, Market, Plan, Record, Trade};
use vickrey_benches::lq::{Drawn, Outcome, fingerprint, payments};
use vickrey_benches::{Failure, fastest};

use super::{SEED, child, cpu_seconds, pool, resident};

/// Sizes at T = 24, then horizons at N = 10000.
const SIZES: [(usize, usize); 11] = [
    (10, 24),
    (100, 24),
    (1_000, 24),
    (10_000, 24),
    (100_000, 24),
    (1_000_000, 24),
    (10_000, 6),
    (10_000, 12),
    (10_000, 48),
    (10_000, 96),
    (10_000, 288),
];
/// A day of five minutes for many: two minutes by itself.
const LONG: (usize, usize) = (100_000, 288);
/// Expectations take about agents times periods^3 (and more for few agents): they are left out above this.
const MOST_EXPECTED: usize = 1_500_000_000;
/// Repeated until so many seconds have gone by.
const PATIENCE: f64 = 1.0;

const TIME: &str = "\
## The linear-quadratic market: time

Seconds. `set-up`: all layers. `day`: all periods one by one, with prices, trades and every payment (incremental, c = 1)
kept; drawing the bids is not counted. `CPU`: of all threads together, where the clock is fine enough for it. `plan`:
everything known at the start, with every payment. `expected`: the same for the day ahead. Fastest of several runs where
they are short.

| agents | periods | threads | set-up | CPU | day | CPU | ns per agent and period | plan | expected | discounts by series | solved exactly | largest imbalance |
| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |";

const MEMORY: &str = "\
## The linear-quadratic market: memory

Megabytes. `market`: with what draws the bids (three numbers per agent). `payments`: of all periods, kept, computed.
`peak`: largest growth of a process that sets up, trades all periods and keeps every payment: all of this and working
memory.

| agents | periods | market | payments | peak |
| ---: | ---: | ---: | ---: | ---: |";

const ACCURACY: &str = "\
## The linear-quadratic market: accuracy

All layers, all agents, against N + 1 separate markets. A gap is half the change of prices that leaving the agent out
makes, times the agent's change of schedule: (lambda - lambda without i)'U_i/2, which loses a factor N to cancellation,
so the reference is off by about N times 1e-16 itself, more where an agent hardly trades. `plan`: payments H_i - (F -
own_i) of N + 1 plans; a difference of sums in which the utility of never trading cancels, and with a = 1.1 that grows as
1.1^(2 T). Each is relative: a gap to itself, a payment to the largest of the plan. Wanted: below 1e-9.

| agents | periods | gaps compared | largest error of a gap | of a payment of the plan | discounts by series | solved exactly |
| ---: | ---: | ---: | ---: | ---: | ---: | ---: |";

/// The table of times.
pub fn time() -> Result<(), Failure> {
    println!("{TIME}");
    for (agents, periods) in SIZES {
        time_market(agents, periods)?;
    }
    println!("\nResults of one and two threads are bit-identical: prices, trades, payments, expectations.\n");
    Ok(())
}

/// A long day of many agents.
pub fn long() -> Result<(), Failure> {
    println!("{TIME}");
    time_market(LONG.0, LONG.1)?;
    println!("\n{MEMORY}");
    print!("{}", memory_of_child(LONG.0, LONG.1)?);
    Ok(())
}

/// The table of memory.
pub fn memory() -> Result<(), Failure> {
    println!("{MEMORY}");
    for (agents, periods) in [(10_000, 24), (100_000, 24), (1_000_000, 24), (10_000, 288)] {
        print!("{}", memory_of_child(agents, periods)?);
    }
    println!();
    Ok(())
}

fn time_market(agents: usize, periods: usize) -> Result<(), Failure> {
    let drawn = Drawn::new(agents, periods, SEED)?;
    let prints: Result<Vec<u64>, Failure> =
        [1, 2].into_iter().map(|threads| pool(threads)?.install(|| time_threads(&drawn, threads))).collect();
    let prints = prints?;
    if prints[0] != prints[1] {
        return Err(format!("{agents} agents, {periods} periods: one and two threads differ").into());
    }
    Ok(())
}

/// Prints a row; returns the fingerprint of all results.
fn time_threads(drawn: &Drawn, threads: usize) -> Result<u64, Failure> {
    let market = &drawn.market;
    let (agents, periods) = (market.len(), market.periods());
    let (set_up, set_up_cpu, aggregate) = repeated(|| Aggregate::new(market));
    let aggregate = aggregate?;
    let (day, day_cpu, outcome) = fastest_day(drawn, &aggregate);
    let plan = fastest(1, PATIENCE / 4.0, || Plan::new(market, &aggregate));
    let mut print = fingerprint(outcome.fingerprint, &vcg(&Plan::new(market, &aggregate)?.ledger));
    let mut expected = "-".to_owned();
    if agents * periods.pow(3) <= MOST_EXPECTED {
        let (seconds, _, found) = repeated(|| Expected::new(market, &aggregate, false));
        print = fingerprint(print, &vcg(&found?.ledger));
        expected = format!("{seconds:.6}");
    }
    let per_agent = day / (agents * periods) as f64 * 1e9;
    println!(
        "| {agents} | {periods} | {threads} | {set_up:.6} | {} | {day:.6} | {} | {per_agent:.0} | {plan:.6} | {expected} | {} | {} | {:.1e} |",
        cpu_cell(set_up_cpu),
        cpu_cell(day_cpu),
        outcome.effort.series,
        outcome.effort.exact,
        outcome.imbalance
    );
    Ok(print)
}

fn vcg(accounts: &impl Accounts) -> Vec<f64> {
    (0..accounts.agents()).map(|i| accounts.vcg(i)).collect()
}

/// Least time and CPU time of some runs, and the last result.
fn repeated<T>(mut run: impl FnMut() -> T) -> (f64, Option<f64>, T) {
    let begin = Instant::now();
    let (mut best, mut best_cpu) = (f64::INFINITY, None);
    loop {
        let (start, cpu) = (Instant::now(), cpu_seconds());
        let result = black_box(run());
        best = best.min(start.elapsed().as_secs_f64());
        best_cpu = lesser(best_cpu, since(cpu));
        if begin.elapsed().as_secs_f64() >= PATIENCE {
            return (best, best_cpu, result);
        }
    }
}

/// The same for all periods; what the bids take to draw is not counted.
fn fastest_day(drawn: &Drawn, aggregate: &Aggregate) -> (f64, Option<f64>, Outcome) {
    let (mut best, mut best_cpu, mut all) = (f64::INFINITY, None, 0.0);
    loop {
        let mut record = Record::new(&drawn.market);
        let (mut seconds, mut cpu, mut outcome) = (0.0, Some(0.0), Outcome::default());
        let mut kept: Vec<Vec<f64>> = Vec::new();
        for period in 0..drawn.market.periods() {
            let bids = Bids::scalar(&drawn.market, &drawn.bids(period));
            let (start, before) = (Instant::now(), cpu_seconds());
            let trade: Trade = black_box(record.trade(&drawn.market, aggregate, &bids));
            kept.push(payments(&trade));
            seconds += start.elapsed().as_secs_f64();
            cpu = cpu.zip(since(before)).map(|(sum, part)| sum + part);
            outcome.add(&trade, &kept[period]);
        }
        black_box(kept);
        best = best.min(seconds);
        best_cpu = lesser(best_cpu, cpu);
        all += seconds;
        if all >= PATIENCE {
            return (best, best_cpu, outcome);
        }
    }
}

fn since(start: Option<f64>) -> Option<f64> {
    start.zip(cpu_seconds()).map(|(start, end)| end - start)
}

fn lesser(best: Option<f64>, other: Option<f64>) -> Option<f64> {
    match (best, other) {
        (Some(best), Some(other)) => Some(f64::min(best, other)),
        _ => best.or(other),
    }
}

/// The kernel counts in hundredths of a second.
fn cpu_cell(seconds: Option<f64>) -> String {
    seconds.filter(|&s| s >= 0.2).map_or("-".into(), |s| format!("{s:.2}"))
}

fn memory_of_child(agents: usize, periods: usize) -> Result<String, Failure> {
    child(&["lq-memory-of", &agents.to_string(), &periods.to_string()])
}

/// Prints one row of the table of memory.
pub fn memory_of(agents: &str, periods: &str) -> Result<(), Failure> {
    let (agents, periods): (usize, usize) = (agents.parse()?, periods.parse()?);
    rayon::broadcast(|_| ());
    let small = Drawn::new(1000, 4, SEED)?;
    small.play(&Aggregate::new(&small.market)?, |trade| drop(black_box(payments(trade))));
    let start = resident("VmRSS:");
    let drawn = Drawn::new(agents, periods, SEED)?;
    let built = resident("VmRSS:");
    // Forgets the peak of drawing the market; where that is not possible the peak says nothing.
    let forgotten = std::fs::write("/proc/self/clear_refs", "5").is_ok();
    let aggregate = Aggregate::new(&drawn.market)?;
    let mut kept: Vec<Vec<f64>> = Vec::new();
    drawn.play(&aggregate, |trade| kept.push(payments(trade)));
    let peak = resident("VmHWM:").filter(|_| forgotten);
    let grown = |to: Option<f64>| {
        start.zip(to).map_or("not known".into(), |(from, to)| format!("{:.0}", (to - from) / 1e6))
    };
    let payments = (agents * periods * size_of::<f64>()) as f64 / 1e6;
    println!("| {agents} | {periods} | {} | {payments:.0} | {} |", grown(built), grown(peak));
    black_box((drawn, aggregate, kept));
    Ok(())
}

/// The table of accuracy.
pub fn accuracy() -> Result<(), Failure> {
    println!("{ACCURACY}");
    let grid = [3, 5, 10, 30, 100, 200].into_iter().flat_map(|n| [1, 2, 6, 24, 48].map(|t| (n, t)));
    for (agents, periods) in grid.chain([(10, 144)]) {
        accuracy_of(agents, periods)?;
    }
    println!();
    Ok(())
}

fn accuracy_of(agents: usize, periods: usize) -> Result<(), Failure> {
    let drawn = Drawn::new(agents, periods, SEED)?;
    let market = &drawn.market;
    let aggregate = Aggregate::new(market)?;
    let mut outcome = Outcome::default();
    let mut trades: Vec<Trade> = Vec::new();
    drawn.play(&aggregate, |trade| {
        outcome.add(trade, &payments(trade));
        trades.push(trade.clone());
    });
    let schedules = schedules(&drawn)?;
    let plan = Plan::new(market, &aggregate)?;
    let largest = (0..agents).map(|i| plan.ledger.vcg(i).abs()).fold(0.0, f64::max);
    let errors: Result<Vec<[f64; 2]>, Failure> = (0..agents)
        .into_par_iter()
        .map(|i| {
            let others = market.without(i)?;
            let theirs = Aggregate::new(&others)?;
            let gap = gap_error(&drawn, &others, &theirs, i, &trades, &schedules);
            let without = Plan::new(&others, &theirs)?.ledger.welfare();
            let paid = without - (plan.ledger.welfare() - plan.ledger.own_utility(i));
            Ok([gap, relative((paid - plan.ledger.vcg(i)).abs(), largest)])
        })
        .collect();
    // A comparison that is not a number must be seen.
    let worst = |k: usize, errors: &[[f64; 2]]| {
        errors.iter().map(|e| e[k]).fold(0.0_f64, |a, b| if b > a || b.is_nan() { b } else { a })
    };
    let errors = errors?;
    let (effort, compared) = (outcome.effort, agents * periods);
    println!(
        "| {agents} | {periods} | {compared} | {:.1e} | {} | {} | {} |",
        worst(0, &errors),
        if largest == 0.0 { "no trade".into() } else { format!("{:.1e}", worst(1, &errors)) },
        effort.series,
        effort.exact
    );
    Ok(())
}

fn relative(difference: f64, size: f64) -> f64 {
    if difference == 0.0 { 0.0 } else { difference / size }
}

/// U_i(s) by layer and agent. As parameters do not change, layer s is the first layer of a market of T - s periods.
fn schedules(drawn: &Drawn) -> Result<Vec<Vec<Vec<f64>>>, Failure> {
    let (agents, periods) = (drawn.market.len(), drawn.market.periods());
    (0..periods)
        .into_par_iter()
        .map(|s| {
            let shorter = Drawn::new(agents, periods - s, SEED)?.market;
            let bids = Bids::scalar(&shorter, &drawn.bids(s));
            let trade = Record::new(&shorter).trade(&shorter, &Aggregate::new(&shorter)?, &bids);
            Ok((0..agents).map(|i| trade.plan(&shorter, i).allocation).collect())
        })
        .collect()
}

/// Largest relative error of a gap of one agent in any layer, against the market of the others.
fn gap_error(
    drawn: &Drawn,
    others: &Market,
    theirs: &Aggregate,
    agent: usize,
    trades: &[Trade],
    schedules: &[Vec<Vec<f64>>],
) -> f64 {
    let mut record = Record::new(others);
    let mut worst = 0.0_f64;
    for (s, trade) in trades.iter().enumerate() {
        let mut bids = drawn.bids(s);
        bids.remove(agent);
        let without = record.trade(others, theirs, &Bids::scalar(others, &bids));
        let moved = trade.change.iter().zip(&without.change).map(|(with, without)| with - without);
        let gap = moved.zip(&schedules[s][agent]).map(|(by, u)| by * u).sum::<f64>() / 2.0;
        let error = relative((trade.gap[agent] - gap).abs(), gap.abs());
        worst = if error > worst || error.is_nan() { error } else { worst };
    }
    worst
}
