use proptest::prelude::*;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::numeric::random::{Purpose, stream};
use crate::pivot::dense::Dense;
use crate::pivot::model::{Kernel, Labels, Moves, Outcomes, Parts, Player, Public};
use crate::pivot::varying::Varying;

/// Any small instance: everything may depend on everything it may depend on.
pub(in crate::pivot) fn random_instance(seed: u64, infinite: bool) -> Model {
    let rng = &mut stream(seed, Purpose::Instance, 0);
    let periods = if infinite { 1 } else { rng.random_range(1..=3) };
    let (decisions, publics) = (rng.random_range(1..=4), rng.random_range(1..=3));
    let outcomes = rng.random_range(1..=3);
    let shape = [periods, decisions, publics];
    let feasible: Vec<Vec<usize>> =
        (0..outcomes).map(|_| subset(rng, &(0..decisions).collect::<Vec<_>>())).collect();
    let probability = axes(rng, [periods, 1, publics], |rng| law(rng, outcomes));
    let players = rng.random_range(1..=3);
    let player = |rng: &mut ChaCha8Rng| {
        let types = rng.random_range(1..=4);
        let kernel = |rng: &mut ChaCha8Rng| {
            if rng.random_bool(0.2) {
                return Kernel::identity(types);
            }
            Kernel::new(types, (0..types).flat_map(|_| law(rng, types)).collect())
        };
        Player {
            types,
            utility: axes(rng, shape, |rng| numbers(rng, types)),
            moves: Moves::new(axes(rng, shape, kernel)),
            terminal: (!infinite).then(|| axes(rng, [1, 1, publics], |rng| numbers(rng, types))),
            prior: law(rng, types),
            absent: rng.random_bool(0.7).then(|| feasible.iter().map(|set| subset(rng, set)).collect()),
            outside: rng
                .random_bool(0.5)
                .then(|| axes(rng, [periods, 1, publics], |rng| numbers(rng, types))),
        }
    };
    let players: Vec<Player> = (0..players).map(|_| player(rng)).collect();
    let moves = axes(rng, shape, |rng| law(rng, publics).into_iter().enumerate().collect());
    let public = Public {
        states: publics,
        start: 0,
        utility: axes(rng, shape, |rng| rng.random_range(-3.0..3.0)),
        moves: Moves::new(moves),
        terminal: if infinite || rng.random_bool(0.5) { Vec::new() } else { numbers(rng, publics) },
    };
    let horizon = if infinite { Horizon::Infinite } else { Horizon::Finite(periods) };
    let discount = if infinite { 0.8 } else { rng.random_range(0.5..=1.0) };
    let outcomes = Outcomes { feasible, probability };
    Model::new(Parts { horizon, discount, decisions, outcomes, public, players, labels: Labels::default() })
        .expect("a sound instance")
}

fn numbers(rng: &mut ChaCha8Rng, count: usize) -> Vec<f64> {
    (0..count).map(|_| rng.random_range(-5.0..5.0)).collect()
}

/// Probabilities, some of them zero.
fn law(rng: &mut ChaCha8Rng, count: usize) -> Vec<f64> {
    let mut weights: Vec<f64> =
        (0..count).map(|_| if rng.random_bool(0.25) { 0.0 } else { rng.random_range(0.1..1.0) }).collect();
    if weights.iter().all(|w| *w == 0.0) {
        weights[0] = 1.0;
    }
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|w| w / sum).collect()
}

fn subset(rng: &mut ChaCha8Rng, of: &[usize]) -> Vec<usize> {
    let mut set: Vec<usize> = of.iter().copied().filter(|_| rng.random_bool(0.7)).collect();
    if set.is_empty() {
        set.push(of[rng.random_range(0..of.len())]);
    }
    set
}

/// A table of which each axis is there or not.
fn axes<T>(
    rng: &mut ChaCha8Rng,
    full: [usize; 3],
    mut entry: impl FnMut(&mut ChaCha8Rng) -> T,
) -> Varying<T> {
    let shape = full.map(|n| if rng.random_bool(0.6) { n } else { 1 });
    Varying::from_fn(shape, |_, _, _| entry(rng))
}

fn sets(model: &Model, mode: Without, i: usize, z: usize) -> Vec<usize> {
    if mode == Without::Own { model.absent(i, z).to_vec() } else { model.feasible(z).to_vec() }
}

/// Values with and without everybody, decisions and payments, state by state from the definitions.
fn compare(seed: u64, infinite: bool, mode: Without) -> Result<(), TestCaseError> {
    let model = random_instance(seed, infinite);
    let options = Options { mode, tolerance: Some(1e-12), ..Options::default() };
    let product = solve_product(&model, &options, &|_| {}).expect("solvable");
    let dense = Dense::new(&model);
    let tolerance = if infinite { 1e-9 } else { 1e-11 };
    let periods = model.periods().unwrap_or(1);
    let feasible = |z: usize| model.feasible(z).to_vec();
    let whole: Vec<Vec<f64>> =
        if infinite { vec![dense.stationary(None, &feasible)] } else { dense.backward() };
    for i in 0..model.players() {
        let absent = |z: usize| sets(&model, mode, i, z);
        let mut others: Vec<Vec<f64>> = Vec::new();
        if infinite {
            others.push(dense.stationary(Some(i), &absent));
        } else {
            let last = |(k, state): (usize, &Vec<usize>)| {
                let terminal = model.player(i).terminal.as_ref().expect("finite");
                whole[periods][k] - terminal.at(0, 0, state[0])[state[i + 1]]
            };
            others.push(dense.states.iter().enumerate().map(last).collect());
            for t in (0..periods).rev() {
                others.push(dense.step(t, &others[others.len() - 1], Some(i), &absent));
            }
            others.reverse();
        }
        for t in 0..periods {
            let next = if infinite { 0 } else { t + 1 };
            let tables = product.tables(t);
            for (k, state) in dense.states.iter().enumerate() {
                let joint = State { public: state[0], types: state[1..].to_vec() };
                let ruling = product.ruling(t, &joint);
                prop_assert!((product.value(t, &joint) - whole[t][k]).abs() < tolerance);
                prop_assert!((product.reference(t, &joint)[i] - others[t][k]).abs() < tolerance);
                let mut payment = 0.0;
                for (z, p) in model.probabilities(t, state[0]).iter().enumerate() {
                    let q = |a: usize| dense.q(t, a, state, &others[next], Some(i));
                    let best = absent(z).into_iter().map(q).fold(f64::NEG_INFINITY, f64::max);
                    let taken = ruling.decision[z];
                    prop_assert_eq!(taken, usize::from(tables.decision[z][k]));
                    let value = |a: usize| dense.q(t, a, state, &whole[next], None);
                    let top = feasible(z).into_iter().map(value).fold(f64::NEG_INFINITY, f64::max);
                    prop_assert!(value(taken) > top - 1e-8);
                    prop_assert!((ruling.contingent[z][i] - (best - q(taken))).abs() < tolerance);
                    payment += p * (best - q(taken));
                }
                prop_assert!((ruling.payment[i] - payment).abs() < tolerance);
                prop_assert_eq!(ruling.payment[i].to_bits(), tables.payment[i][k].to_bits());
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn finite_games_state_by_state(seed in any::<u64>(), own in any::<bool>()) {
        compare(seed, false, if own { Without::Own } else { Without::Same })?;
    }

    #[test]
    fn tight_payments_leave_everybody_her_outside_value(seed in any::<u64>(), infinite in any::<bool>()) {
        let model = random_instance(seed, infinite);
        let options = Options { mode: Without::Tight, tolerance: Some(1e-12), ..Options::default() };
        let product = solve_product(&model, &options, &|_| {}).expect("solvable");
        for t in 0..model.periods().unwrap_or(1) {
            for index in 0..product.space().size() {
                let state = product.space().state(index, model.players());
                let ruling = product.ruling(t, &state);
                for i in 0..model.players() {
                    let outside = model.outside(i, t, state.public, state.types[i]);
                    let truthful = ruling.truthful(i).expect("values");
                    prop_assert!(truthful > outside - 1e-9);
                    // The least favourable type gets exactly that.
                    let least = (0..model.player(i).types).map(|own| {
                        let mut other = state.clone();
                        other.types[i] = own;
                        product.value(t, &other) - product.reference(t, &other)[i]
                            - model.outside(i, t, state.public, own)
                    });
                    prop_assert!(least.fold(f64::INFINITY, f64::min).abs() < 1e-9);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn infinite_games_state_by_state(seed in any::<u64>(), own in any::<bool>()) {
        compare(seed, true, if own { Without::Own } else { Without::Same })?;
    }
}

#[test]
fn too_large_is_refused_in_bytes_before_anything_is_allocated() {
    let player = Player {
        types: 8,
        utility: Varying::constant(vec![0.0; 8]),
        moves: Moves::new(Varying::by_decision(vec![Kernel::identity(8), shift()])),
        terminal: Some(Varying::constant(vec![0.0; 8])),
        prior: [vec![1.0], vec![0.0; 7]].concat(),
        absent: None,
        outside: None,
    };
    let mut players = vec![player; 20];
    // Nobody can change places with anybody.
    for (i, player) in players.iter_mut().enumerate() {
        player.utility = Varying::constant((0..8).map(|k| (k * (i + 1)) as f64).collect());
    }
    let outcomes = Outcomes { feasible: vec![vec![0, 1]], probability: Varying::constant(vec![1.0]) };
    let parts = Parts {
        horizon: Horizon::Finite(2),
        discount: 1.0,
        decisions: 2,
        outcomes,
        public: Public::nothing(),
        players,
        labels: Labels::default(),
    };
    let model = Model::new(parts).expect("a sound instance");
    let error = solve(&model, &Options::default(), &|_| {}).expect_err("8^20 states").to_string();
    assert!(error.contains("found 1.152922e18 joint states"), "{error}");
    assert!(error.contains("accepted is 8.0 GiB in all"), "{error}");
}

/// Everybody moves one type on.
fn shift() -> Kernel {
    Kernel::new(8, (0..64).map(|k| if k % 8 == (k / 8 + 1) % 8 { 1.0 } else { 0.0 }).collect())
}
