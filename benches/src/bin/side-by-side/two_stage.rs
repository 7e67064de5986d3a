//! Payments of the demand-response market beside what one would write with numpy.

use serde_json::json;
use vickrey::two_stage::{Demand, Market, Supertypes};
use vickrey_benches::two_stage::demand;
use vickrey_benches::{Failure, fastest};

use super::peer::{Peer, Way};
use super::{Options, SEED, rounded};

pub const SCRIPT: &str = "two_stage_peers.py";
const SIZES: [usize; 5] = [3, 5, 10, 50, 200];
const TYPES: usize = 10;
/// Seconds that a Monte Carlo draws for unless another limit is given.
const PATIENCE: f64 = 2.0;
/// Relative accuracy that both are compared at.
const ACCURACY: f64 = 1e-4;

pub fn compare(options: &Options) -> Result<(), Failure> {
    println!(
        "| providers | types | way | ours s | theirs s | profiles | largest difference of a payment | in standard errors | \
         theirs at {ACCURACY:e} s | that / ours |"
    );
    println!("| ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for players in options.sizes.clone().unwrap_or(SIZES.to_vec()) {
        compare_market(options, players)?;
    }
    println!();
    println!(
        "Ours: all expectations that payments follow from, exact to rounding. Theirs: what everybody adds, from all type"
    );
    println!(
        "profiles or from as many draws as fit in the time; time at equal accuracy is extrapolated, errors falling with the"
    );
    println!("square root of the draws.");
    Ok(())
}

fn compare_market(options: &Options, players: usize) -> Result<(), Failure> {
    let (market, reports) = demand(players, TYPES, SEED)?;
    let seconds = fastest(5, 0.2, || market.plan(&reports));
    let plan = market.plan(&reports)?.remove(0);
    let expected = plan.on(None).ok_or("a shortage is announced")?;
    let ours: Vec<f64> = (0..players).map(|i| expected.marginal(i)).collect();
    let text = as_json(&market, &reports).to_string();
    for mode in ["enumerate", "monte-carlo"] {
        let head = format!("| {players} | {TYPES} | NUMPY, {mode} |");
        let max_seconds = options.max_seconds.or(Some(PATIENCE));
        let way = Way { script: SCRIPT, solver: "NUMPY", mode, max_seconds };
        let theirs = match Peer::fastest(options, way, &text) {
            Ok(theirs) => theirs,
            Err(reason) => {
                println!("{head} none: {reason} | | | | | | |");
                continue;
            }
        };
        let list = |name: &str| -> Vec<f64> {
            theirs.answer[name]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(serde_json::Value::as_f64)
                .collect()
        };
        let (marginal, error) = (list("marginal"), list("error"));
        if marginal.len() != players || error.len() != players {
            return Err(format!("{mode}: found {} payments, wanted are {players}", marginal.len()).into());
        }
        let apart = |i: usize| (marginal[i] - ours[i]).abs();
        let most = |of: &dyn Fn(usize) -> f64| (0..players).map(of).fold(0.0, f64::max);
        let (difference, sure) = (most(&|i| apart(i) / ours[i]), most(&|i| error[i] / ours[i]));
        let sigmas = if sure > 0.0 { format!("{:.1}", most(&|i| apart(i) / error[i])) } else { "-".into() };
        let equal = theirs.total * if sure > 0.0 { (sure / ACCURACY).powi(2) } else { 1.0 };
        println!(
            "{head} {seconds:.7} | {:.4} | {} | {difference:.1e} | {sigmas} | {} | {} |",
            theirs.total,
            theirs.answer["samples"],
            if equal < 1.0 { format!("{equal:.4}") } else { rounded(equal) },
            rounded(equal / seconds)
        );
    }
    Ok(())
}

fn as_json(market: &Demand, reports: &Supertypes) -> serde_json::Value {
    let players = 0..market.players();
    let types: Vec<&[f64]> = players.clone().map(|i| market.types(i)).collect();
    let laws: Vec<&[f64]> = players.map(|i| reports.law(i, 0).probabilities()).collect();
    let reserve = market.conditions()[0].reserve.as_ref();
    let reserve = reserve.map(|r| json!({"types": r.values(), "law": r.law().probabilities()}));
    json!({"kind": "demand", "types": types, "laws": laws, "reserve": reserve})
}
