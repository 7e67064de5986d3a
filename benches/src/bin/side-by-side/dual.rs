//! Taxes of a resource shared by prices beside general solvers of quadratic programs.

use serde_json::{Value, json};
use vickrey::faithful::dual::cost::Cost;
use vickrey::faithful::dual::solve::exact;
use vickrey_benches::dual::{Instance, quadratics};
use vickrey_benches::{Failure, fastest};

use super::peer::{Peer, Way, difference};
use super::{Options, SEED, rounded};

pub const SCRIPT: &str = "dual_peers.py";
const SIZES: [usize; 4] = [10, 30, 100, 1000];
const COUPLINGS: usize = 10;
const DECISIONS: usize = 5;
/// Which tool is asked in which way.
const PEERS: [(&str, &str); 5] = [
    ("CLARABEL", "parametrised"),
    ("OSQP", "parametrised"),
    ("CLARABEL", "direct"),
    ("OSQP", "direct"),
    ("NUMPY", "direct"),
];
/// Unless another limit is given, a run starts no further program after so many seconds.
const PATIENCE: f64 = 20.0;

pub fn compare(options: &Options) -> Result<(), Failure> {
    println!(
        "| followers | couplings | decisions each | solver, way | ours s | theirs s | of that: building s | solving s | \
         theirs / ours | solving / ours | largest difference of a tax |"
    );
    println!("| ---: | ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for &followers in options.sizes.as_deref().unwrap_or(&SIZES) {
        compare_problem(options, followers)?;
    }
    println!();
    println!(
        "Ours: the optimum and all taxes, exact to rounding. Theirs: one program with everybody and one without each"
    );
    println!("follower, accuracy 1e-9.");
    Ok(())
}

fn compare_problem(options: &Options, followers: usize) -> Result<(), Failure> {
    let instance = quadratics(followers, COUPLINGS, DECISIONS, SEED)?;
    let text = as_json(&instance)?.to_string();
    let (problem, costs) = &instance;
    let seconds = fastest(10, 0.3, || exact(problem, costs, &|_| ()));
    let solved = exact(problem, costs, &|_| ())?;
    let ours: Vec<f64> = (0..followers).map(|i| solved.payment(i)).collect();
    for (solver, mode) in PEERS {
        let head = format!("| {followers} | {COUPLINGS} | {DECISIONS} | {solver}, {mode} |");
        let max_seconds = options.max_seconds.or(Some(PATIENCE));
        // A tool that fails on one problem says so in its row; the others go on.
        let theirs = match Peer::fastest(options, Way { script: SCRIPT, solver, mode, max_seconds }, &text) {
            Ok(theirs) => theirs,
            Err(reason) => {
                println!("{head} none: {reason} | | | | | | |");
                continue;
            }
        };
        println!(
            "{head} {seconds:.7} | {theirs} | {} | {} | {} |",
            rounded(theirs.total / seconds),
            rounded(theirs.solve / seconds),
            difference(&theirs.answer["payment"], &ours)
        );
    }
    Ok(())
}

fn as_json((problem, costs): &Instance) -> Result<Value, Failure> {
    let rows = |numbers: &[f64], n: usize| numbers.chunks_exact(n).map(<[f64]>::to_vec).collect::<Vec<_>>();
    let follower = |i: usize| -> Result<Value, Failure> {
        let Cost::Quadratic(cost) = &*costs[i] else {
            return Err(format!("follower {i}: found another cost, accepted are quadratic ones").into());
        };
        let public = problem.follower(i);
        if public.limited() || public.absent.iter().any(|a| *a != 0.0) {
            return Err(
                format!("follower {i}: accepted are followers without limits who are absent at 0").into()
            );
        }
        let n = public.decisions();
        Ok(json!({"Q": rows(cost.matrix(), n), "q": cost.linear(), "R": rows(&public.coupling, n)}))
    };
    let followers = (0..problem.len()).map(follower).collect::<Result<Vec<_>, _>>()?;
    Ok(json!({"kind": "dual", "total": problem.total(), "followers": followers}))
}
