//! Solutions against an independent dense program: joint kernels, one problem after the other.

mod pivot_cases;
mod pivot_instances;

use pivot_instances::{Instance, count, instance, instances, list, number, numbers, read};
use serde_json::Value;
use vickrey::pivot::index::IndexSolution;
use vickrey::pivot::solve::approximate::of_values;
use vickrey::pivot::solve::{Options, Solution, State, Structure, solve_as, solve_product};
use vickrey::pivot::{
    Horizon, Kernel, Labels, Model, Moves, Outcomes, Parts, Player, Public, Varying, Without,
};

/// Rounding of some hundred operations, relative to the size of the numbers; infinite horizons are solved to 1e-11.
fn close(found: f64, answer: f64, infinite: bool, what: &str) {
    let tolerance = if infinite { 1e-9 } else { 1e-12 } * answer.abs().max(1.0);
    assert!((found - answer).abs() <= tolerance, "{what}: found {found}, the dense program has {answer}");
}

fn solved(case: &Instance, structure: Structure) -> Solution {
    let model = Model::new(case.parts.clone()).expect("a sound instance");
    let options = Options { mode: case.mode, tolerance: Some(1e-11), ..Options::default() };
    solve_as(structure, &model, &options, &|_| {}).expect("solvable")
}

/// Everything that is printed about one state.
fn compare(case: &Instance, solution: &Solution, period: usize, index: usize, state: &State) {
    let infinite = case.parts.horizon == Horizon::Infinite;
    let what = format!("{} {:?} period {period} {state:?}", case.name, case.mode);
    let ruling = solution.ruling(period, state).expect("a state");
    let answers = &case.answers;
    close(ruling.value.expect("values"), number(&answers["value"][period][index]), infinite, &what);
    let decision: Vec<usize> = list(&answers["decision"][period]).iter().map(|z| count(&z[index])).collect();
    let probability = solution.model().probabilities(period, state.public);
    for (z, a) in decision.iter().enumerate().filter(|(z, _)| probability[*z] > 0.0) {
        assert_eq!(ruling.decision[z], *a, "{what} outcome {z}");
    }
    let references = ruling.reference.as_ref().expect("values");
    for i in 0..state.types.len() {
        close(ruling.payment[i], number(&answers["payment"][period][i][index]), infinite, &what);
        let others = without(case, state, i);
        close(references[i], number(&answers["reference"][period][i][others]), infinite, &what);
        if let Some(contingent) = answers["contingent"].get(period) {
            for (z, list) in list(contingent).iter().enumerate().filter(|(z, _)| probability[*z] > 0.0) {
                close(ruling.contingent[z][i], number(&list[i][index]), infinite, &what);
            }
        }
    }
}

/// Number of a state without a player.
fn without(case: &Instance, state: &State, player: usize) -> usize {
    let others = (0..state.types.len()).filter(|&i| i != player);
    others.fold(state.public, |at, i| at * case.parts.players[i].types + state.types[i])
}

#[test]
fn values_decisions_and_payments_of_random_instances() {
    for case in instances() {
        let solution = solved(&case, Structure::Product);
        let space = solution.product().expect("solved as a product").space().clone();
        for period in 0..solution.model().periods().unwrap_or(1) {
            for index in 0..space.size() {
                let state = space.state(index, case.parts.players.len());
                compare(&case, &solution, period, index, &state);
            }
        }
    }
}

#[test]
fn exchangeable_stores_by_product_and_by_multisets() {
    for entry in read(include_str!("data/pivot_exchangeable.json")) {
        let case = instance(&entry);
        for structure in [Structure::Product, Structure::Exchangeable] {
            let solution = solved(&case, structure);
            let product = solved(&case, Structure::Product);
            let space = product.product().expect("solved as a product").space().clone();
            for period in 0..solution.model().periods().unwrap_or(1) {
                for index in 0..space.size() {
                    let state = space.state(index, case.parts.players.len());
                    compare(&case, &solution, period, index, &state);
                }
            }
        }
    }
}

#[test]
fn projects_by_indices() {
    for entry in read(include_str!("data/pivot_bandits.json")) {
        let own = entry["mode"] == "own";
        let model = projects(&entry, own);
        let mode = if own { Without::Own } else { Without::Same };
        let solution = IndexSolution::new(&model, mode, 1 << 20).expect("an index case");
        let name = entry["name"].as_str().expect("a name");
        for (k, state) in list(&entry["states"]).iter().enumerate() {
            let state: Vec<usize> = list(state).iter().map(count).collect();
            close(solution.value(&state), number(&entry["value"][k]), true, name);
            let (decision, payment) = solution.ruling(&state);
            assert_eq!(decision, count(&entry["winner"][k]), "{name} {state:?}");
            for (i, p) in payment.iter().enumerate() {
                close(*p, number(&entry["payment"][k][i]), true, name);
                close(solution.value_without(i, &state), number(&entry["without"][k][i]), true, name);
            }
        }
    }
}

fn projects(entry: &Value, own: bool) -> Model {
    let arms = list(&entry["arms"]);
    let project = |(i, arm): (usize, &Value)| {
        let values = numbers(&arm["values"]);
        let types = values.len();
        let kernel = Kernel::new(types, numbers(&arm["kernel"]));
        let utility = Varying::by_decision(
            (0..arms.len()).map(|a| if a == i { values.clone() } else { vec![0.0; types] }).collect(),
        );
        let moves = Varying::by_decision(
            (0..arms.len()).map(|a| if a == i { kernel.clone() } else { Kernel::identity(types) }).collect(),
        );
        let mut prior = vec![0.0; types];
        prior[0] = 1.0;
        Player {
            types,
            utility,
            moves: Moves::new(moves),
            terminal: None,
            prior,
            absent: own.then(|| vec![(0..arms.len()).filter(|a| *a != i).collect()]),
            outside: None,
        }
    };
    Model::new(Parts {
        horizon: Horizon::Infinite,
        discount: number(&entry["discount"]),
        decisions: arms.len(),
        outcomes: Outcomes {
            feasible: vec![(0..arms.len()).collect()],
            probability: Varying::constant(vec![1.0]),
        },
        public: Public::nothing(),
        players: arms.iter().enumerate().map(project).collect(),
        labels: Labels::default(),
    })
    .expect("a sound instance")
}

/// Values with errors: the certificate is the dense program's, and payments are what it computes from them.
#[test]
fn certificates_of_values_with_errors() {
    let all = instances();
    for entry in read(include_str!("data/pivot_certificates.json")) {
        let name = entry["instance"].as_str().expect("a name");
        let case = all.iter().find(|case| case.name == name).expect("an instance of that name");
        let model = Model::new(case.parts.clone()).expect("a sound instance");
        let values: Vec<Vec<f64>> = list(&entry["value"]).iter().map(numbers).collect();
        let by_period = list(&entry["without"]);
        let references = (0..model.players())
            .map(|i| by_period.iter().map(|slices| numbers(&slices[i])).collect())
            .collect();
        let options = Options { mode: case.mode, ..Options::default() };
        let product = of_values(&model, &options, values, references).expect("values that fit");
        let printed = list(&entry["L"]["bound"]).iter().flat_map(numbers).fold(0.0, f64::max);
        close(product.certificate().bound, printed, false, name);
        for t in 0..model.periods().unwrap_or(1) {
            let tables = product.tables(t);
            for (i, list) in tables.payment.iter().enumerate() {
                let printed = numbers(&entry["L"]["payment"][t][i]);
                list.iter().zip(&printed).for_each(|(p, q)| close(*p, *q, false, name));
            }
        }
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let model = pivot_cases::model(pivot_cases::goods(3, 3));
    let solve = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| {
            let product = solve_product(&model, &Options::default(), &|_| {}).expect("solvable");
            (product.values(0).to_vec(), product.tables(0).payment)
        })
    };
    assert_eq!(solve(1), solve(3));
}
