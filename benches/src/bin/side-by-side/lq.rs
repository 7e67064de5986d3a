//! The linear-quadratic market beside the solvers: the plan, and for Riccati equations the expected payments too.

use serde_json::json;
use vickrey::accounts::Accounts;
use vickrey::lq::{Aggregate, Expected, Ledger, Market, Plan};
use vickrey_benches::lq::{Drawn, columns};
use vickrey_benches::{Failure, fastest};

use super::peer::{Peer, Way, difference};
use super::{Options, SEED, rounded};

pub const SCRIPT: &str = "lq_peers.py";
const SIZES: [usize; 5] = [3, 10, 30, 100, 300];
/// Which tool is asked in which way.
const PEERS: [(&str, &str); 8] = [
    ("CLARABEL", "naive"),
    ("CLARABEL", "parametrised"),
    ("CLARABEL", "direct"),
    ("OSQP", "naive"),
    ("OSQP", "parametrised"),
    ("OSQP", "direct"),
    ("SPLU", "direct"),
    ("RICCATI", "direct"),
];
/// Unless another limit is given, a run starts no further program after so many seconds.
const PATIENCE: f64 = 10.0;
/// The programs know no noise; this one does.
const WITH_NOISE: &str = "RICCATI";

pub fn compare(options: &Options) -> Result<(), Failure> {
    println!(
        "| agents | periods | solver, way | ours s | theirs s | of that: building s | solving s | theirs / ours | \
         solving / ours | largest difference of a payment: plan | expected |"
    );
    println!("| ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for &agents in options.sizes.as_deref().unwrap_or(&SIZES) {
        for &periods in &options.periods {
            compare_market(options, agents, periods)?;
        }
    }
    println!();
    println!(
        "Ours is the set-up and the plan with all payments; beside RICCATI also what everybody can expect."
    );
    Ok(())
}

fn compare_market(options: &Options, agents: usize, periods: usize) -> Result<(), Failure> {
    let market = Drawn::new(agents, periods, SEED)?.market;
    let text = as_json(agents, periods);
    let plan_seconds = fastest(10, 0.3, || plan(&market));
    let all_seconds = fastest(10, 0.3, || expected(&market));
    let (planned, ahead) = (plan(&market)?, expected(&market)?);
    for (solver, mode) in PEERS {
        let head = format!("| {agents} | {periods} | {solver}, {mode} |");
        let max_seconds = options.max_seconds.or(Some(PATIENCE));
        let way = Way { script: SCRIPT, solver, mode, max_seconds };
        // A tool that fails on one market says so in its row; the others go on.
        let theirs = match Peer::fastest(options, way, &text) {
            Ok(theirs) => theirs,
            Err(reason) => {
                println!("{head} none: {reason} | | | | | | | |");
                continue;
            }
        };
        let seconds = if solver == WITH_NOISE { all_seconds } else { plan_seconds };
        println!(
            "{head} {seconds:.7} | {theirs} | {} | {} | {} | {} |",
            rounded(theirs.total / seconds),
            rounded(theirs.solve / seconds),
            difference(&theirs.answer["plan"]["payment"], &planned),
            difference(&theirs.answer["expected"]["payment"], &ahead)
        );
    }
    Ok(())
}

/// All VCG payments of the plan, from the market in memory.
fn plan(market: &Market) -> Result<Vec<f64>, Failure> {
    Ok(vcg(&Plan::new(market, &Aggregate::new(market)?)?.ledger))
}

/// All expected VCG payments; the plan is made on the way.
fn expected(market: &Market) -> Result<Vec<f64>, Failure> {
    Ok(vcg(&Expected::new(market, &Aggregate::new(market)?, false)?.ledger))
}

fn vcg(ledger: &Ledger) -> Vec<f64> {
    (0..ledger.agents()).map(|i| ledger.vcg(i)).collect()
}

fn as_json(agents: usize, periods: usize) -> String {
    let c = columns(agents, SEED);
    json!({
        "kind": "linear-quadratic", "periods": periods, "a": c.a, "b": c.b, "q": c.q, "r": c.r,
        "start": c.start, "start_variance": c.start_noise, "noise_variance": c.noise
    })
    .to_string()
}
