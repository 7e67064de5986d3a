//! The static market beside the solvers.

use serde_json::{Value, json};
use vickrey::accounts::Accounts;
use vickrey::market::{Market, settle};
use vickrey_benches::{Failure, Family, block_agents, fastest, quadratic_arrays};

use super::peer::{Peer, Way, difference};
use super::{Options, SEED, rounded};

pub const SCRIPT: &str = "peers.py";
const SIZES: [usize; 4] = [10, 30, 100, 300];
/// Which solver is asked in which way.
const PEERS: [(Family, &str, &str); 8] = [
    (Family::Quadratic, "CLARABEL", "naive"),
    (Family::Quadratic, "CLARABEL", "parametrised"),
    (Family::Quadratic, "CLARABEL", "direct"),
    (Family::Quadratic, "OSQP", "direct"),
    (Family::Blocks, "HIGHS", "naive"),
    (Family::Blocks, "HIGHS", "parametrised"),
    (Family::Blocks, "HIGHS", "direct"),
    (Family::Blocks, "CLARABEL", "direct"),
];

pub fn compare(options: &Options) -> Result<(), Failure> {
    println!(
        "| market | agents | solver, way | ours s | theirs s | of that: building s | solving s | theirs / ours | \
         solving / ours | largest difference of a payment |"
    );
    println!("| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for family in [Family::Quadratic, Family::Blocks] {
        for &agents in options.sizes.as_deref().unwrap_or(&SIZES) {
            let market = family.market(agents, SEED)?;
            let text = as_json(family, agents);
            let seconds = fastest(20, 0.5, || payments(&market));
            let ours = payments(&market)?;
            for (_, solver, mode) in PEERS.into_iter().filter(|peer| peer.0 == family) {
                let way = Way { script: SCRIPT, solver, mode, max_seconds: options.max_seconds };
                let theirs = Peer::fastest(options, way, &text)?;
                println!(
                    "| {} | {agents} | {solver}, {mode} | {seconds:.7} | {theirs} | {} | {} | {} |",
                    family.name(),
                    rounded(theirs.total / seconds),
                    rounded(theirs.solve / seconds),
                    difference(&theirs.answer["payment"], &ours)
                );
            }
        }
    }
    println!();
    Ok(())
}

/// All VCG payments, from the market in memory.
fn payments(market: &Market) -> Result<Vec<f64>, Failure> {
    let settlement = settle(market)?;
    Ok((0..market.len()).map(|i| settlement.vcg(i)).collect())
}

fn as_json(family: Family, agents: usize) -> String {
    if family == Family::Quadratic {
        let (a, b) = quadratic_arrays(agents, SEED);
        return json!({"kind": "quadratic", "a": a, "b": b}).to_string();
    }
    let agents: Vec<Value> = block_agents(agents, SEED)
        .iter()
        .map(|agent| json!({"side": if agent.sells { "sell" } else { "buy" }, "blocks": agent.blocks}))
        .collect();
    json!({"kind": "blocks", "agents": agents}).to_string()
}
