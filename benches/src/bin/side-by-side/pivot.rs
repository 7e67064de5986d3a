//! The dynamic pivot mechanism beside general solvers of Markov decision problems.

use serde_json::Value;
use vickrey::pivot::Model;
use vickrey::pivot::solve::product::{Product, Tables};
use vickrey::pivot::solve::{Options as Solving, solve_product};
use vickrey_benches::pivot::{Kind, Shape, as_json};
use vickrey_benches::{Failure, fastest};

use super::peer::{Peer, Way, difference};
use super::{Options, SEED, rounded};

pub const SCRIPT: &str = "pivot_peers.py";
/// Types of each of three players, and public states.
const SIZES: [(usize, usize); 4] = [(3, 1), (4, 2), (5, 2), (7, 2)];
const DISCOUNT: f64 = 0.95;
/// Certified error of ours, asked of theirs.
const TOLERANCE: f64 = 1e-8;
/// Which tool is asked in which way.
const PEERS: [(&str, &str); 11] = [
    ("NUMPY", "vi"),
    ("NUMPY", "pi"),
    ("QUANTECON", "vi"),
    ("QUANTECON", "pi"),
    ("QUANTECON", "mpi"),
    ("QUANTECON", "mpi-sparse"),
    ("MDPSOLVER", "vi"),
    ("MDPSOLVER", "mpi"),
    ("TOOLBOX", "vi"),
    ("TOOLBOX", "pi"),
    ("TOOLBOX", "mpi"),
];
/// Unless another limit is given, a run starts no further program after so many seconds.
const PATIENCE: f64 = 20.0;

pub fn compare(options: &Options) -> Result<(), Failure> {
    println!(
        "| instances | states | discount | solver, way | ours s | theirs s | of that: building s | solving s | \
         theirs / ours | solving / ours | largest difference of a value |"
    );
    println!("| --- | ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    let given = options.sizes.as_ref().map(|sizes| sizes.iter().map(|&types| (types, 2)).collect());
    let sizes: Vec<(usize, usize)> = given.unwrap_or(SIZES.to_vec());
    for kind in [Kind::Used, Kind::Every] {
        for &(types, publics) in &sizes {
            let shape = Shape { outcomes: 3, ..Shape::new(kind, 3, types, publics, 4) };
            compare_game(options, &shape)?;
        }
    }
    println!();
    println!(
        "Ours: values of everybody together and without each player to a certified {TOLERANCE:e}, and all"
    );
    println!(
        "decisions and payments in all states. Theirs: the values. Differences are relative to the largest value."
    );
    Ok(())
}

fn compare_game(options: &Options, shape: &Shape) -> Result<(), Failure> {
    let model = shape.stationary(DISCOUNT, SEED)?;
    let text = as_json(&model).to_string();
    let seconds = fastest(10, 0.3, || solved(&model));
    let ours = values(&solved(&model)?.0);
    for (solver, mode) in PEERS {
        let head = format!("| {} | {} | {DISCOUNT} | {solver}, {mode} |", shape.kind.name(), shape.states());
        let max_seconds = options.max_seconds.or(Some(PATIENCE));
        // A tool that fails on one game says so in its row; the others go on.
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
            difference(&flat(&theirs.answer, &model), &ours)
        );
    }
    Ok(())
}

fn solved(model: &Model) -> Result<(Product, Tables), Failure> {
    let solving = Solving { tolerance: Some(TOLERANCE), ..Solving::default() };
    let product = solve_product(model, &solving, &|_| {})?;
    let tables = product.tables(0);
    Ok((product, tables))
}

/// All values, then those without each player.
fn values(product: &Product) -> Vec<f64> {
    let whole = product.constant(0);
    let mut all: Vec<f64> = product.values(0).iter().map(|v| v + whole).collect();
    for i in 0..product.model().players() {
        let constant = product.reference_constant(i, 0);
        all.extend(product.references(i, 0).iter().map(|v| v + constant));
    }
    all
}

/// The same of theirs; nulls where a program was not solved.
fn flat(answer: &Value, model: &Model) -> Value {
    let mut all = answer["value"].as_array().cloned().unwrap_or_default();
    let states = all.len();
    for i in 0..model.players() {
        match answer["without"][i].as_array() {
            Some(values) => all.extend(values.iter().cloned()),
            None => all.resize(all.len() + states / model.player(i).types, Value::Null),
        }
    }
    Value::Array(all)
}
