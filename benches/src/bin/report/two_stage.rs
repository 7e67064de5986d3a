//! The two-stage mechanism: payments of large markets, a day with its tests, long seasons, finite games.

use std::hint::black_box;
use std::time::Instant;

use vickrey::two_stage::demand::{Accuracy, Day, Draw};
use vickrey::two_stage::simulate::{Calendar, Nature, Setting, play};
use vickrey::two_stage::solve::{Scene, Way, solve, way};
use vickrey::two_stage::strategies::Bidding;
use vickrey::two_stage::{Market, Season, Terms};
use vickrey_benches::two_stage::{demand, game, limited};
use vickrey_benches::{Failure, fastest};

use super::{SEED, child, mark, pool, resident};

/// Seconds after which a measurement is not repeated.
const PATIENCE: f64 = 0.4;
/// Players and types of markets whose payments are computed.
const MARKETS: [[usize; 2]; 9] =
    [[3, 5], [10, 20], [100, 5], [100, 20], [100, 80], [1_000, 5], [1_000, 20], [10_000, 20], [100_000, 20]];
/// Players and types of seasons.
const SEASONS: [[usize; 2]; 7] = [[2, 5], [10, 10], [50, 5], [50, 10], [50, 40], [100, 10], [200, 10]];
/// For which there are aims on two threads: milliseconds of all payments, microseconds of a day.
const AIM_MARKET: [usize; 2] = [1_000, 20];
const AIM_SEASON: [usize; 2] = [50, 10];
const AIMS: [f64; 2] = [10.0, 20.0];

const PAYMENTS: &str = "\
## The two-stage mechanism: payments of a demand-response market

Milliseconds, fastest of several runs: all expectations that first-stage payments follow from (everybody together, without
each player, own costs, the reserve). ns: per player and type.

| players | types | threads | ms | ns |
| ---: | ---: | ---: | ---: | ---: |";

const LIMITED: &str = "\
## The two-stage mechanism: payments with curtailment limits

Seconds of one run on two threads, where types are too many to enumerate: brackets of the costs with everybody and without
each player. `cost`, `own`: half the width of the bracket by its middle, of the cost with everybody and, the widest, of an
own cost.

| players | types | asked | seconds | cost | own |
| ---: | ---: | ---: | ---: | ---: | ---: |";

const DAYS: &str = "\
## The two-stage mechanism: days

Microseconds a day, mean over a season of honest bids: dispatch, payments, frequency, joint and pairwise tests with the
union-bound window. `without pairs`: the tests of the paper alone. `drawn`: of the former, with types drawn by nature.

| players | types | days | with pairs | without pairs | drawn |
| ---: | ---: | ---: | ---: | ---: | ---: |";

const LONG: &str = "\
## The two-stage mechanism: long seasons

A process that plays a season of honest bids, all tests on. Bytes are the growth of its resident size at the end, for each
player and day; the record of bids, which replays need, takes 2 of them, and the keys of days 16 for all players together.

| players | types | days | seconds | microseconds a day | bytes | MiB |
| ---: | ---: | ---: | ---: | ---: | ---: | ---: |";

const GAMES: &str = "\
## The two-stage mechanism: finite games

Milliseconds, fastest of several runs: first-stage outcome, W*, all W* without a player, all expected values. `unit`: of
which values are multiples.

| players | types | outcomes | unit | profiles | by | threads | ms |
| ---: | ---: | --- | ---: | ---: | --- | ---: | ---: |";

/// All tables of this mechanism.
pub fn all() -> Result<(), Failure> {
    payments()?;
    days()?;
    games()?;
    long()
}

/// Payments of demand-response markets.
pub fn payments() -> Result<(), Failure> {
    println!("{PAYMENTS}");
    for [players, types] in MARKETS {
        let (market, reports) = demand(players, types, SEED)?;
        for threads in [1, 2] {
            let ms = pool(threads)?.install(|| fastest(3, PATIENCE, || market.plan(&reports))) * 1e3;
            let aimed = [players, types] == AIM_MARKET && threads == 2;
            println!(
                "| {players} | {types} | {threads} | {ms:.3}{} | {:.1} |",
                mark(aimed, ms, AIMS[0]),
                ms * 1e6 / (players * types) as f64
            );
        }
    }
    println!("\nAim with {AIM_MARKET:?} on two threads: {} ms.\n", AIMS[0]);
    with_limits()
}

/// Payments where limits leave no closed form.
fn with_limits() -> Result<(), Failure> {
    println!("{LIMITED}");
    for [players, types] in [[50, 10], [200, 5]] {
        let (market, reports) = limited(players, types, SEED)?;
        for relative in [1e-4, 1e-5, 1e-6] {
            let accuracy = Accuracy { relative, ..Accuracy::default() };
            let start = Instant::now();
            let plan = match pool(2)?.install(|| market.plan_to(&reports, accuracy)) {
                Ok(plan) => plan,
                Err(error) => {
                    println!("| {players} | {types} | {relative:e} | none: {error} | | |");
                    continue;
                }
            };
            let seconds = start.elapsed().as_secs_f64();
            let expected = plan[0].on(None).ok_or("a shortage is announced")?;
            let doubt = expected.doubt().ok_or("types were enumerated")?;
            let own = (0..players).map(|i| doubt.own[i] / expected.own_cost(i)).fold(0.0, f64::max);
            let cost = doubt.cost / expected.cost();
            println!("| {players} | {types} | {relative:e} | {seconds:.1} | {cost:.1e} | {own:.1e} |");
        }
    }
    println!();
    Ok(())
}

/// Days of seasons of several sizes.
pub fn days() -> Result<(), Failure> {
    println!("{DAYS}");
    for [players, types] in SEASONS {
        let count = if players > 50 { 2_000 } else { 10_000 };
        let (market, reports) = demand(players, types, SEED)?;
        let today = Day { signal: 0, shortage: None };
        let mut nature = Nature::new(reports.clone(), Calendar::Listed(vec![today]), SEED);
        let drawn: Vec<(Vec<usize>, Draw)> = (1..=count)
            .map(|day| nature.next(&market, day))
            .map(|natural| (natural.types, natural.draw))
            .collect();
        let season = |pairwise: bool| -> Result<f64, Failure> {
            let terms = Terms { pairwise, ..Terms::default() };
            let mut season = Season::open(&market, reports.clone(), terms)?;
            let start = Instant::now();
            for (bids, draw) in &drawn {
                black_box(season.day(&today, bids, draw)?.payment);
            }
            Ok(start.elapsed().as_secs_f64() * 1e6 / count as f64)
        };
        let best = |pairwise| -> Result<f64, Failure> {
            Ok(season(pairwise)?.min(season(pairwise)?).min(season(pairwise)?))
        };
        let (with, without) = (best(true)?, best(false)?);
        let start = Instant::now();
        played(players, types, count)?;
        let all = start.elapsed().as_secs_f64() * 1e6 / count as f64;
        let aimed = [players, types] == AIM_SEASON;
        println!(
            "| {players} | {types} | {count} | {with:.2}{} | {without:.2} | {all:.2} |",
            mark(aimed, with, AIMS[1])
        );
    }
    println!("\nAim with {AIM_SEASON:?}: {} microseconds.\n", AIMS[1]);
    Ok(())
}

/// Plays a season of honest bids, all tests on; on how many days anybody was flagged.
fn played(players: usize, types: usize, days: u64) -> Result<u64, Failure> {
    let (market, reports) = demand(players, types, SEED)?;
    let today = Day { signal: 0, shortage: None };
    let mut nature = Nature::new(reports.clone(), Calendar::Listed(vec![today]), SEED);
    let mut bidders: Vec<_> = (0..players).map(|_| Bidding::Honest.bidder()).collect();
    let setting = Setting { market: &market, reports, terms: Terms::default(), days, seed: SEED };
    let played = play(setting, &mut nature, &mut bidders, |_| true)?;
    Ok(played.totals().flagged.iter().sum())
}

/// Seasons in processes of their own.
pub fn long() -> Result<(), Failure> {
    println!("{LONG}");
    for [players, days] in [[10, 1_000_000], [100, 100_000], [100, 1_000_000]] {
        let [players, types, days] = [players, 10, days].map(|n: u64| n.to_string());
        print!("{}", child(&["two-stage-memory-of", &players, &types, &days])?);
    }
    println!();
    Ok(())
}

/// One row of the table of long seasons, for the process that is told to.
pub fn memory_of(players: &str, types: &str, days: &str) -> Result<(), Failure> {
    let (players, types, days): (usize, usize, u64) = (players.parse()?, types.parse()?, days.parse()?);
    played(players, types, 100)?;
    let start = resident("VmRSS:");
    let begin = Instant::now();
    let flagged = played(players, types, days)?;
    let seconds = begin.elapsed().as_secs_f64();
    let grown = start.zip(resident("VmHWM:")).map(|(a, b)| b - a);
    let cells = (players as u64 * days) as f64;
    let known = |x: Option<f64>| x.map_or("not known".into(), |x| format!("{x:.2}"));
    println!(
        "| {players} | {types} | {days} | {seconds:.1} | {:.1} | {} | {} |",
        seconds * 1e6 / days as f64,
        known(grown.map(|g| g / cells)),
        known(grown.map(|g| g / 1024.0 / 1024.0))
    );
    if flagged > 0 {
        eprintln!("report: honest players were flagged on {flagged} days, {players} players, {days} days");
    }
    Ok(())
}

/// Finite games.
pub fn games() -> Result<(), Failure> {
    println!("{GAMES}");
    for (players, types, outcomes, unit) in [
        (4, 5, [2, 3], None),
        (6, 5, [2, 3], None),
        (8, 5, [2, 3], None),
        (10, 3, [2, 3], None),
        (4, 20, [2, 3], None),
        (6, 5, [2, 12], None),
        (16, 2, [2, 3], None),
        (8, 5, [2, 2], None),
        (16, 2, [2, 2], None),
        (16, 5, [2, 2], None),
        (30, 2, [2, 2], None),
        (36, 2, [2, 2], None),
        (50, 5, [2, 2], Some(0.125)),
        (200, 5, [2, 2], Some(0.125)),
    ] {
        let (game, laws) = game(players, types, outcomes, unit, SEED)?;
        let laws: Vec<_> = laws.iter().collect();
        let profiles = (types as f64).powi(players as i32);
        let by = match way(&[Scene { weight: 1.0, game: &game, laws: laws.clone() }])? {
            Way::Profiles(_) => "profiles".to_owned(),
            Way::Sums(count) => format!("{count:.3e} sums"),
        };
        let unit = unit.map_or("none".to_owned(), |unit| unit.to_string());
        for threads in [1, 2] {
            let ms = pool(threads)?.install(|| fastest(3, PATIENCE, || solve(&game, &laws))) * 1e3;
            println!(
                "| {players} | {types} | {} and {} | {unit} | {profiles:.3e} | {by} | {threads} | {ms:.2} |",
                outcomes[0], outcomes[1],
            );
        }
    }
    println!();
    Ok(())
}
