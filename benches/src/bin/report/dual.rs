//! Dual decomposition: all taxes from known costs, a live round of all problems, rounds and messages of every method.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use vickrey::faithful::dual::follower::Faithful;
use vickrey::faithful::dual::leader::{Leader, Letter, Report};
use vickrey::faithful::dual::rules::{Method, Mode, Plan, Rules, Stop};
use vickrey::faithful::dual::solve::exact;
use vickrey::faithful::dual::strategies::faithful_run;
use vickrey_benches::dual::{Instance, limited, quadratics};
use vickrey_benches::{Failure, fastest};

use super::{SEED, mark, pool};

/// Followers, couplings, decisions each.
const OFFLINE: [[usize; 3]; 7] = [
    [10, 2, 2],
    [100, 10, 5],
    [1_000, 1, 1],
    [1_000, 10, 5],
    [10_000, 10, 5],
    [100_000, 1, 1],
    [100_000, 10, 5],
];
const LIVE: [[usize; 3]; 4] = [[10, 2, 2], [100, 10, 5], [300, 10, 5], [1_000, 10, 5]];
/// The sizes that aims are set for, on two threads: milliseconds of all taxes and of a live round.
const AIMED: [usize; 3] = [1_000, 10, 5];
const AIMS: [f64; 2] = [20.0, 5.0];

const TAXES: &str = "\
## Dual decomposition: all taxes from known costs

Milliseconds, fastest of several runs: decision, price and every follower's tax (paper 003), from costs that are known.

| followers | couplings | decisions | limits | solved | threads | ms |
| ---: | ---: | ---: | --- | --- | ---: | ---: |";

const ROUND: &str = "\
## Dual decomposition: a live round

Milliseconds of the leader's own time between the last answer and the next prices, median over rounds: answers checked,
summed, all N + 1 problems moved, letters written. MB: numbers that followers send in a round, 8 bytes each.

| followers | couplings | decisions | limits | method | threads | ms | MB |
| ---: | ---: | ---: | --- | --- | ---: | ---: | ---: |";

const ROUNDS: &str = "\
## Dual decomposition: rounds and messages

Until the gap of every one of the N + 1 problems is certified to be at most 1e-8 of the cost at stake. Numbers are 8 bytes.

| followers | couplings | decisions | limits | method | rounds | messages | MB down | MB up | certificate |
| ---: | ---: | ---: | --- | --- | ---: | ---: | ---: | ---: | ---: |";

/// All tables of this mechanism.
pub fn all() -> Result<(), Failure> {
    offline()?;
    live()?;
    rounds()
}

/// All taxes of problems whose costs are known.
pub fn offline() -> Result<(), Failure> {
    println!("{TAXES}");
    for size in OFFLINE {
        taxes(size, "none", quadratics(size[0], size[1], size[2], SEED)?)?;
    }
    for size in [[100, 2, 2], [1_000, 1, 1], [100_000, 1, 1]] {
        taxes(size, "all", limited(size[0], size[1], size[2], SEED)?)?;
    }
    println!("\nAim with {AIMED:?} on two threads: {} ms.\n", AIMS[0]);
    Ok(())
}

fn taxes([followers, m, n]: [usize; 3], limits: &str, (problem, costs): Instance) -> Result<(), Failure> {
    for threads in [1, 2] {
        let mut route = None;
        let ms = pool(threads)?.install(|| {
            fastest(3, 0.4, || {
                let solved = exact(&problem, &costs, &|_| ());
                route = solved.as_ref().ok().map(|s| s.route);
                solved
            })
        }) * 1e3;
        let aimed = [followers, m, n] == AIMED && threads == 2;
        let route = route.map_or("failed".into(), |r| format!("{r:?}"));
        println!(
            "| {followers} | {m} | {n} | {limits} | {route} | {threads} | {ms:.3}{} |",
            mark(aimed, ms, AIMS[0])
        );
    }
    Ok(())
}

/// The leader's time in a round of all problems.
pub fn live() -> Result<(), Failure> {
    println!("{ROUND}");
    for size @ [followers, m, n] in LIVE {
        rounds_of(size, "none", quadratics(followers, m, n, SEED)?)?;
        rounds_of(size, "all", limited(followers, m, n, SEED)?)?;
    }
    println!("\nAim with {AIMED:?} on two threads: {} ms.\n", AIMS[1]);
    Ok(())
}

fn rounds_of(size: [usize; 3], limits: &str, (problem, costs): Instance) -> Result<(), Failure> {
    let [followers, m, n] = size;
    for method in [Method::Ascent { step: None, fading: false }, Method::Accelerated { step: None }] {
        let rules = Rules { method, stop: Stop::Rounds(12), ..Rules::default() };
        let leader = Leader::new(Arc::new(Plan::new(problem.clone(), rules)?));
        for threads in [1, 2] {
            let (ms, mb) = pool(threads)?.install(|| one_round(&leader, &costs))?;
            let mark = mark(size == AIMED && threads == 2, ms, AIMS[1]);
            let method = name(method);
            println!(
                "| {followers} | {m} | {n} | {limits} | {method} | {threads} | {ms:.3}{mark} | {mb:.2} |"
            );
        }
    }
    Ok(())
}

fn one_round(
    leader: &Leader,
    costs: &[Arc<vickrey::faithful::dual::cost::Cost>],
) -> Result<(f64, f64), Failure> {
    use rayon::prelude::*;
    let problem = leader.plan().problem();
    let mut state = leader.start();
    let mut seconds = Vec::new();
    let mut numbers = 0;
    // The last of the twelve rounds projects as well; it is not looked at.
    for _ in 0..11 {
        let reports: Vec<Option<Report>> = (0..costs.len())
            .into_par_iter()
            .map(|agent| match leader.letter(&state, agent)? {
                Letter::Prices(letter) => {
                    let faithful = Faithful { agent, public: problem.follower(agent), cost: &costs[agent] };
                    Some(Report::Answer(faithful.answer(&letter)))
                }
                _ => None,
            })
            .collect();
        numbers = reports
            .iter()
            .flatten()
            .map(|r| if let Report::Answer(a) = r { a.z.len() + a.value.len() } else { 0 })
            .sum();
        let start = Instant::now();
        leader.close(&mut state, reports)?;
        let letters: Vec<Option<Letter>> = (0..costs.len()).map(|i| leader.letter(&state, i)).collect();
        seconds.push(start.elapsed().as_secs_f64());
        drop(black_box(letters));
    }
    seconds.sort_by(f64::total_cmp);
    Ok((seconds[seconds.len() / 2] * 1e3, numbers as f64 * 8e-6))
}

fn name(method: Method) -> String {
    match method {
        Method::Ascent { .. } => "ascent".into(),
        Method::Accelerated { .. } => "accelerated".into(),
        Method::Multipliers { relaxation, .. } => format!("multipliers, {relaxation}"),
        Method::Newton => "Newton".into(),
    }
}

/// Rounds, messages and bytes of every method.
pub fn rounds() -> Result<(), Failure> {
    println!("{ROUNDS}");
    for (size, limits) in [([10, 2, 2], false), ([10, 2, 2], true), ([100, 4, 3], false), ([100, 4, 3], true)]
    {
        let make = if limits { limited } else { quadratics };
        let (problem, costs) = make(size[0], size[1], size[2], SEED)?;
        let exact = exact(&problem, &costs, &|_| ())?;
        let stake: f64 = exact.optimum.abs();
        let steepness = problem.steepness().unwrap_or(1.0);
        let rho = size[0] as f64 / steepness;
        for method in [
            Method::Ascent { step: None, fading: false },
            Method::Accelerated { step: None },
            Method::Multipliers { rho, relaxation: 1.0 },
            Method::Multipliers { rho, relaxation: 1.6 },
            Method::Newton,
        ] {
            let stop = Stop::Gap { epsilon: 1e-8 * stake, cap: 20_000 };
            let rules = Rules { method, stop, mode: Mode::Vcg, ..Rules::default() };
            let leader = Leader::new(Arc::new(Plan::new(problem.clone(), rules)?));
            let state = faithful_run(&leader, &costs)?;
            let traffic = state.traffic();
            let certificate = state.settled().and_then(|s| s.certificate);
            println!(
                "| {} | {} | {} | {} | {} | {} | {} | {:.3} | {:.3} | {} |",
                size[0],
                size[1],
                size[2],
                if limits { "all" } else { "none" },
                name(method),
                traffic.rounds,
                traffic.messages,
                traffic.down as f64 * 8e-6,
                traffic.up as f64 * 8e-6,
                certificate.map_or("none".into(), |c| format!("{c:.1e}"))
            );
        }
    }
    println!();
    Ok(())
}
