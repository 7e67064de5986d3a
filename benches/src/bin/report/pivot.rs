//! The dynamic pivot mechanism: time, memory, infinite horizons, structures, accuracy.

use std::hint::black_box;
use std::time::Instant;

use vickrey::pivot::mode::Without;
use vickrey::pivot::solve::infinite::Iteration;
use vickrey::pivot::solve::memory::Memory;
use vickrey::pivot::solve::product::{Product, Tables};
use vickrey::pivot::solve::solution::{Solution, memory};
use vickrey::pivot::solve::{Keep, Options, Structure, solve_as, solve_product, solve_tables};
use vickrey::pivot::{Horizon, Model};
use vickrey_benches::lq::fingerprint;
use vickrey_benches::pivot::{Joint, Kind, Shape, alike, index_case, some_states};
use vickrey_benches::{Failure, fastest};

use super::{SEED, child, pool, resident};

/// Players, types, public states, decisions: more states, then players at as many states, then decisions.
const SHAPES: [[usize; 4]; 9] = [
    [5, 2, 4, 7],
    [5, 4, 4, 7],
    AIM,
    [5, 12, 4, 7],
    [3, 32, 4, 7],
    [15, 2, 4, 7],
    [5, 8, 4, 3],
    [5, 8, 4, 14],
    [5, 8, 4, 28],
];
/// The size for which there are aims on two threads, in milliseconds: a period with all payments, a ruling.
const AIM: [usize; 4] = [5, 8, 4, 7];
const AIMS: [f64; 2] = [15.0, 0.2];
const PERIODS: usize = 5;
/// Reports that a ruling is asked for.
const REPORTS: usize = 20;
/// Repeated until so many seconds have gone by.
const PATIENCE: f64 = 0.4;

const TIME: &str = "\
## The dynamic pivot mechanism: time

Milliseconds, fastest of several runs. `values`: of everybody together and without each player, for a period.
`with payments`: the same with every decision and payment in all states. `ruling`: decisions and all payments for one
report, mean over twenty. `used`: a decision uses one player, who moves differently. `every`: each decision moves
everybody differently. `goods`: decisions move the public state alone. ns: of `with payments`, per state and decision.

| instances | players | types | public | decisions | states | threads | values | with payments | ns | ruling |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |";

const MEMORY: &str = "\
## The dynamic pivot mechanism: memory

Bytes per joint state. `kept` and `working` are what the solver computes before it allocates, `peak` is the largest
growth of a process that solves the instance. `period` and `ruling` are seconds, one run, on all threads.

| instances | players | types | public | decisions | states | periods | values kept | kept | working | peak | period | ruling |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: |";

const INFINITE: &str = "\
## The dynamic pivot mechanism: infinite horizon

Until the certified error is 1e-8; in every law staying has the weight 0.98. Sweeps of the problem of everybody together,
and milliseconds for all N + 1 problems. `plain`: until the largest change bounds the error. `span`: until the span
does. `Anderson`: extrapolated; `thrown away` counts extrapolations of all problems. `apart`: largest difference of two
methods in any value.

| instances | states | discount | seed | plain | ms | span | ms | Anderson | ms | thrown away | certified | apart |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |";

const STRUCTURE: &str = "\
## The dynamic pivot mechanism: special structure

Discount 0.95 without end, but for `static` (six periods). `tables`: until rulings can be given, seconds. `ruling`:
milliseconds, mean over twenty reports. `apart`: largest difference of a payment or a value to dynamic programming on
all joint states, relative to the largest, where those are few.

| structure | players | types | joint states | tables | ruling | apart |
| --- | ---: | ---: | ---: | ---: | ---: | ---: |";

const ACCURACY: &str = "\
## The dynamic pivot mechanism: accuracy

Against dynamic programming with a joint kernel for every decision, for all players and for the game without each of
them: largest difference, relative to the largest. Four periods, or without end with discount 0.95 to a certified 1e-10.

| instances | without a player | horizon | states | seeds | values | without players | payments |
| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |";

/// All tables but those of the largest instances.
pub fn all() -> Result<(), Failure> {
    for part in [time, memory_table, infinite, structure, accuracy] {
        part()?;
    }
    Ok(())
}

fn quiet(_: f64) {}

fn roomy(keep: Keep) -> Options {
    Options { keep, memory: 20 << 30, ..Options::default() }
}

fn shape(kind: Kind, [players, types, publics, decisions]: [usize; 4]) -> Shape {
    Shape::new(kind, players, types, publics, decisions)
}

/// The table of times.
pub fn time() -> Result<(), Failure> {
    println!("{TIME}");
    for kind in Kind::ALL {
        for size in SHAPES {
            let shape = shape(kind, size);
            let model = shape.finite(PERIODS, SEED)?;
            let run = |threads| {
                pool(threads)?.install(|| time_threads(&shape, &model, threads, size == AIM && threads == 2))
            };
            if run(1)? != run(2)? {
                return Err(format!(
                    "{}, {} states: one and two threads differ",
                    kind.name(),
                    shape.states()
                )
                .into());
            }
        }
    }
    println!("\nResults of one and two threads are bit-identical: values, decisions, payments, rulings.");
    println!(
        "Aims at {} states on two threads: {} ms with payments, {} ms for a ruling (+ met, - missed).\n",
        shape(Kind::Used, AIM).states(),
        AIMS[0],
        AIMS[1]
    );
    Ok(())
}

/// Prints a row; returns the fingerprint of all results.
fn time_threads(shape: &Shape, model: &Model, threads: usize, aimed: bool) -> Result<u64, Failure> {
    let options = roomy(Keep::All);
    let per_period = |seconds: f64| seconds * 1e3 / PERIODS as f64;
    let values = per_period(fastest(3, PATIENCE, || solve_product(model, &options, &quiet)));
    let paid = per_period(fastest(3, PATIENCE, || solve_tables(model, &options, &quiet, |_, _| {})));
    let mut print = 0;
    let product = solve_tables(model, &options, &quiet, |_, tables| print = of_tables(print, tables))?;
    let states = some_states(model, REPORTS);
    let rule = || states.iter().map(|state| product.ruling(0, state)).collect::<Vec<_>>();
    let ruling = fastest(3, PATIENCE / 2.0, rule) * 1e3 / REPORTS as f64;
    for ruled in rule() {
        print = fingerprint(print, &ruled.payment);
    }
    let mark = |found: f64, aim: f64| match aimed {
        true if found <= aim => " +",
        true => " -",
        false => "",
    };
    let Shape { players, types, publics, decisions, .. } = shape;
    println!(
        "| {} | {players} | {types} | {publics} | {decisions} | {} | {threads} | {values:.3} | {paid:.3}{} | {:.1} | {ruling:.4}{} |",
        shape.kind.name(),
        shape.states(),
        mark(paid, AIMS[0]),
        paid * 1e6 / (shape.states() * decisions) as f64,
        mark(ruling, AIMS[1]),
    );
    Ok(of_values(print, &product))
}

fn of_tables(mut print: u64, tables: &Tables) -> u64 {
    for decided in &tables.decision {
        let numbers: Vec<f64> = decided.iter().map(|&a| f64::from(a)).collect();
        print = fingerprint(print, &numbers);
    }
    tables.payment.iter().fold(print, |print, paid| fingerprint(print, paid))
}

fn of_values(mut print: u64, product: &Product) -> u64 {
    for t in 0..=product.periods() {
        print = fingerprint(print, product.values(t));
        for i in 0..product.model().players() {
            print = fingerprint(print, product.references(i, t));
        }
    }
    print
}

/// The table of memory.
pub fn memory_table() -> Result<(), Failure> {
    println!("{MEMORY}");
    for (kind, size) in [
        (Kind::Used, AIM),
        (Kind::Used, [7, 8, 1, 9]),
        (Kind::Used, [7, 8, 4, 9]),
        (Kind::Every, [7, 8, 4, 9]),
        (Kind::Goods, [7, 8, 4, 9]),
    ] {
        for keep in [Keep::First, Keep::All] {
            print!("{}", memory_of_child(kind, size, PERIODS, keep)?);
        }
    }
    println!();
    Ok(())
}

/// A hundred million joint states.
pub fn large() -> Result<(), Failure> {
    println!("{MEMORY}");
    print!("{}", memory_of_child(Kind::Used, [8, 8, 6, 10], 3, Keep::First)?);
    Ok(())
}

fn memory_of_child(kind: Kind, size: [usize; 4], periods: usize, keep: Keep) -> Result<String, Failure> {
    let numbers: Vec<String> = size.into_iter().chain([periods]).map(|n| n.to_string()).collect();
    let keep = if keep == Keep::All { "all" } else { "first" };
    let mut words = vec!["pivot-memory-of", kind.name(), keep];
    words.extend(numbers.iter().map(String::as_str));
    child(&words)
}

/// Prints one row of the table of memory.
pub fn memory_of(kind: &str, keep: &str, numbers: &[&str]) -> Result<(), Failure> {
    let kind = Kind::named(kind).ok_or("no such kind of instances")?;
    let keep = if keep == "all" { Keep::All } else { Keep::First };
    let numbers: Result<Vec<usize>, _> = numbers.iter().map(|n| n.parse()).collect();
    let [players, types, publics, decisions, periods] = numbers?[..] else {
        return Err("five numbers are wanted".into());
    };
    let shape = shape(kind, [players, types, publics, decisions]);
    let options = roomy(keep);
    // Threads and what they keep are not the instance's.
    rayon::broadcast(|_| ());
    solve_product(&self::shape(kind, [3, 4, 2, 5]).finite(2, SEED)?, &options, &quiet)?;
    let model = shape.finite(periods, SEED)?;
    let start = resident("VmRSS:");
    let begin = Instant::now();
    let product = solve_product(&model, &options, &quiet)?;
    let period = begin.elapsed().as_secs_f64() / periods as f64;
    let peak = resident("VmHWM:");
    let begin = Instant::now();
    black_box(product.ruling(0, &some_states(&model, 2)[1]));
    let ruling = begin.elapsed().as_secs_f64();
    let states = shape.states() as f64;
    let Memory { kept, working, .. } = memory(&model, &options);
    let peak = start.zip(peak).map_or("not known".into(), |(a, b)| format!("{:.1}", (b - a) / states));
    println!(
        "| {} | {players} | {types} | {publics} | {decisions} | {states} | {periods} | {} | {:.1} | {:.1} | {peak} | {period:.4} | {ruling:.4} |",
        kind.name(),
        if keep == Keep::All { "all" } else { "first two" },
        kept / states,
        working / states,
    );
    Ok(())
}

/// The table of infinite horizons.
pub fn infinite() -> Result<(), Failure> {
    println!("{INFINITE}");
    let small = Shape { outcomes: 3, stay: 0.98, ..Shape::new(Kind::Every, 3, 5, 3, 5) };
    let used = Shape { kind: Kind::Used, ..small };
    let larger = Shape { players: 4, types: 8, publics: 4, decisions: 6, ..small };
    for (shape, seeds) in [(small, 5), (used, 3), (larger, 2)] {
        for discount in [0.9, 0.99, 0.999] {
            for seed in 1..=seeds {
                infinite_of(&shape, discount, seed)?;
            }
        }
    }
    println!();
    Ok(())
}

/// One solution of an infinite horizon: what it is, and milliseconds.
type Run = (Product, f64);

fn infinite_of(shape: &Shape, discount: f64, seed: u64) -> Result<(), Failure> {
    let model = shape.stationary(discount, seed)?;
    // As slow as it is, the plain way is run on small instances, or where few sweeps will do.
    let plain = shape.states() < 1000 || discount < 0.95;
    let run = |iteration: Iteration| -> Result<Run, Failure> {
        let options = Options { iteration, tolerance: Some(1e-8), ..Options::default() };
        let begin = Instant::now();
        let product = solve_product(&model, &options, &quiet)?;
        Ok((product, begin.elapsed().as_secs_f64() * 1e3))
    };
    let plain = plain.then(|| run(Iteration::Plain)).transpose()?;
    let (span, anderson) = (run(Iteration::Span)?, run(Iteration::Anderson)?);
    let apart = [plain.as_ref(), Some(&span)].into_iter().flatten().map(|(p, _)| apart(p, &anderson.0));
    let apart = apart.fold(0.0, f64::max);
    if apart.is_nan() || apart > 2.1e-8 {
        return Err(
            format!("methods differ by {apart:e} at {} states, discount {discount}", shape.states()).into()
        );
    }
    let cells = |(product, ms): &Run| format!("{} | {ms:.1}", product.convergence()[0].sweeps);
    let went = anderson.0.convergence();
    println!(
        "| {} | {} | {discount} | {seed} | {} | {} | {} | {} | {:.1e} | {apart:.1e} |",
        shape.kind.name(),
        shape.states(),
        plain.as_ref().map_or("- | -".into(), cells),
        cells(&span),
        cells(&anderson),
        went.iter().map(|c| c.rejected).sum::<usize>(),
        went.iter().map(|c| c.error).fold(0.0, f64::max),
    );
    Ok(())
}

/// Largest difference of two solutions in any value.
fn apart(a: &Product, b: &Product) -> f64 {
    let players = a.model().players();
    let references = (0..players).map(|i| largest_difference(a.references(i, 0), b.references(i, 0)));
    references.fold(largest_difference(a.values(0), b.values(0)), worse)
}

/// A comparison that is not a number must be seen.
fn worse(a: f64, b: f64) -> f64 {
    if b > a || b.is_nan() { b } else { a }
}

fn largest_difference(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, worse)
}

fn largest(numbers: &[f64]) -> f64 {
    numbers.iter().fold(0.0, |m, v| m.max(v.abs()))
}

/// The table of structures.
pub fn structure() -> Result<(), Failure> {
    println!("{STRUCTURE}");
    for (players, types) in [(5, 4), (50, 8), (200, 8), (50, 32)] {
        structure_of(Structure::Index, &index_case(players, types, 0.95, SEED)?)?;
    }
    for (players, types) in [(5, 4), (10, 4), (20, 4), (40, 2)] {
        structure_of(Structure::Exchangeable, &alike(players, types, Horizon::Infinite, 0.95, SEED)?)?;
    }
    for players in [5, 50] {
        let model = Shape::new(Kind::Goods, players, 4, 1, players + 2).finite(6, SEED)?;
        structure_of(Structure::Static, &model)?;
    }
    println!();
    Ok(())
}

fn structure_of(structure: Structure, model: &Model) -> Result<(), Failure> {
    let options = Options { tolerance: Some(1e-8), ..roomy(Keep::All) };
    let begin = Instant::now();
    let solution = solve_as(structure, model, &options, &quiet)?;
    let tables = begin.elapsed().as_secs_f64();
    let states = some_states(model, REPORTS);
    let rule = || states.iter().map(|state| solution.ruling(0, state)).collect::<Vec<_>>();
    let ruling = fastest(1, PATIENCE, rule) * 1e3 / REPORTS as f64;
    let (players, types) = (model.players(), model.player(0).types);
    let joint = (types as f64).powi(players as i32) * model.public().states as f64;
    let apart = if joint < 1e5 { format!("{:.1e}", apart_from_product(&solution)?) } else { "-".into() };
    let name = match structure {
        Structure::Product => "product",
        Structure::Exchangeable => "exchangeable",
        Structure::Index => "index",
        Structure::Static => "static",
    };
    let count = if joint < 1e7 { format!("{joint}") } else { format!("{joint:.1e}") };
    println!("| {name} | {players} | {types} | {count} | {tables:.6} | {ruling:.4} | {apart} |");
    Ok(())
}

fn apart_from_product(solution: &Solution) -> Result<f64, Failure> {
    let model = solution.model();
    let product = solve_product(model, &Options { tolerance: Some(1e-10), ..Options::default() }, &quiet)?;
    let mut worst = 0.0;
    for state in some_states(model, 200) {
        let (ours, all) = (solution.ruling(0, &state)?, product.ruling(0, &state));
        let paid = largest_difference(&ours.payment, &all.payment) / largest(&all.payment).max(1.0);
        worst = worse(worst, paid);
        if let (Some(a), Some(b)) = (ours.value, all.value) {
            worst = worse(worst, (a - b).abs() / b.abs().max(1.0));
        }
    }
    Ok(worst)
}

/// The table of accuracy.
pub fn accuracy() -> Result<(), Failure> {
    println!("{ACCURACY}");
    for kind in Kind::ALL {
        for mode in [Without::Same, Without::Own] {
            for end in [true, false] {
                let shape = Shape { outcomes: 3, ..Shape::new(kind, 3, 4, 3, 5) };
                accuracy_of(&shape, mode, end)?;
            }
        }
    }
    println!();
    Ok(())
}

fn accuracy_of(shape: &Shape, mode: Without, end: bool) -> Result<(), Failure> {
    let seeds = 3;
    let mut worst = [0.0; 3];
    for seed in 1..=seeds {
        let model = if end { shape.finite(4, seed)? } else { shape.stationary(0.95, seed)? };
        for (worst, error) in worst.iter_mut().zip(errors(&model, mode)?) {
            *worst = worse(*worst, error);
        }
    }
    println!(
        "| {} | {} | {} | {} | {seeds} | {:.1e} | {:.1e} | {:.1e} |",
        shape.kind.name(),
        mode.name(),
        if end { "four periods" } else { "infinite" },
        shape.states(),
        worst[0],
        worst[1],
        worst[2],
    );
    Ok(())
}

/// Relative errors of values, of values without a player, of payments; in all states of the first period.
fn errors(model: &Model, mode: Without) -> Result<[f64; 3], Failure> {
    let options = Options { mode, tolerance: Some(1e-10), ..Options::default() };
    let product = solve_product(model, &options, &quiet)?;
    let paid = product.tables(0).payment;
    let joint = Joint::new(model);
    let values = joint.values();
    let (now, next) = (&values[0], &values[1.min(values.len() - 1)]);
    let ours: Vec<f64> = joint.states().iter().map(|state| product.value(0, state)).collect();
    let mut found = [largest_difference(&ours, now) / largest(now).max(1.0), 0.0, 0.0];
    let taken = decisions(model, &joint.choices(next));
    for (i, paid) in paid.iter().enumerate() {
        let without = model.left_by(i, mode == Without::Own)?;
        let others = Joint::new(&without);
        let values = others.values();
        let (now, next) = (&values[0], &values[1.min(values.len() - 1)]);
        let constant = product.reference_constant(i, 0);
        let ours: Vec<f64> = product.references(i, 0).iter().map(|v| v + constant).collect();
        found[1] = worse(found[1], largest_difference(&ours, now) / largest(now).max(1.0));
        let choices = others.choices(next);
        let expected = payments(model, &joint, i, &taken, (&without, &choices));
        found[2] = worse(found[2], largest_difference(paid, &expected) / largest(&expected).max(1e-3));
    }
    Ok(found)
}

/// The best decision by state and outcome; instances drawn at random have no ties.
fn decisions(model: &Model, choices: &[Vec<f64>]) -> Vec<Vec<usize>> {
    let best = |z: usize, s: usize| {
        let better = |a: usize, b: usize| if choices[b][s] > choices[a][s] { b } else { a };
        model.feasible(z).iter().copied().reduce(better).unwrap_or(0)
    };
    (0..choices[0].len()).map(|s| (0..model.outcomes()).map(|z| best(z, s)).collect()).collect()
}

/// What player `i` pays in all states: paper 002, (21).
fn payments(
    model: &Model,
    joint: &Joint<'_>,
    i: usize,
    taken: &[Vec<usize>],
    (without, choices): (&Model, &[Vec<f64>]),
) -> Vec<f64> {
    let of = |(state, taken): (&vickrey::pivot::solve::State, &Vec<usize>)| {
        let others = (0..model.players()).filter(|&j| j != i);
        let s = others.fold(state.public, |at, j| at * model.player(j).types + state.types[j]);
        let harm = |(z, mu): (usize, &f64)| {
            let best = without.feasible(z).iter().map(|&a| choices[a][s]).fold(f64::NEG_INFINITY, f64::max);
            mu * (best - choices[taken[z]][s])
        };
        model.probabilities(0, state.public).iter().enumerate().map(harm).sum()
    };
    joint.states().iter().zip(taken).map(of).collect()
}
