//! Every structure gives what the product of all types gives.

mod pivot_cases;

use pivot_cases::{licence, model, player, storage};
use vickrey::pivot::solve::approximate::of_values;
use vickrey::pivot::solve::{
    Options, Reason, SolveError, State, Structure, plan, solve, solve_as, solve_product,
};
use vickrey::pivot::{Horizon, Outcomes, Parts, Public, Varying, Without};

/// Three stores that can change places, with outside values and a public state.
fn stores(horizon: Horizon, discount: f64) -> Parts {
    let base = storage(horizon, discount, 10.0);
    let rest = vec![0.9, 0.1, 0.6, 0.4];
    let used = vec![0.3, 0.7, 0.1, 0.9];
    let terminal = matches!(horizon, Horizon::Finite(_)).then(|| vec![0.5, -1.0]);
    let store = |i: usize| {
        let utility = (0..5).map(|a| if a == i + 1 { vec![-1.0, -4.0] } else { vec![0.25; 2] });
        let kernels = (0..5).map(|a| if a == i + 1 { used.clone() } else { rest.clone() });
        let mut player = player(utility.collect(), kernels.collect(), terminal.clone());
        player.absent = Some(vec![vec![0], (1..5).filter(|a| *a != i + 1).collect()]);
        player.outside = Some(Varying::constant(vec![0.5, -0.5]));
        player
    };
    let law = |_: usize, a: usize, s: usize| match (a, s) {
        (4, _) => vec![(0, 1.0)],
        (_, 0) => vec![(0, 0.8), (1, 0.2)],
        _ => vec![(0, 0.5), (1, 0.5)],
    };
    Parts {
        decisions: 5,
        outcomes: Outcomes {
            feasible: vec![vec![0], vec![1, 2, 3, 4]],
            probability: Varying::by_public(vec![vec![0.6, 0.4], vec![0.2, 0.8]]),
        },
        public: Public {
            states: 2,
            utility: Varying::from_fn([1, 5, 2], |_, a, s| if a == 4 { -10.0 - s as f64 } else { 3.0 }),
            moves: vickrey::pivot::Moves::new(Varying::from_fn([1, 5, 2], law)),
            terminal: if terminal.is_some() { vec![0.0, -2.0] } else { Vec::new() },
            ..Public::nothing()
        },
        players: (0..3).map(store).collect(),
        ..base
    }
}

fn compare(parts: Parts, structure: Structure, mode: Without, tolerance: f64) {
    let model = model(parts);
    let options = Options { mode, tolerance: Some(1e-11), ..Options::default() };
    let quiet = |_: f64| {};
    let product = solve_as(Structure::Product, &model, &options, &quiet).expect("solvable");
    let other = solve_as(structure, &model, &options, &quiet).expect("has the structure");
    let space = product.product().expect("solved as a product").space().clone();
    for period in 0..model.periods().unwrap_or(1) {
        for index in 0..space.size() {
            let state: State = space.state(index, model.players());
            let a = product.ruling(period, &state).expect("a state");
            let b = other.ruling(period, &state).expect("a state");
            assert_eq!(a.decision, b.decision, "{mode:?} {period} {state:?}");
            for (x, y) in a.payment.iter().zip(&b.payment) {
                assert!((x - y).abs() <= tolerance, "{mode:?} {period} {state:?}: {a:?} {b:?}");
            }
            for (x, y) in a.contingent.iter().flatten().zip(b.contingent.iter().flatten()) {
                assert!((x - y).abs() <= tolerance, "{mode:?} {period} {state:?}");
            }
            let Some(value) = b.value else { continue };
            assert!((a.value.expect("a product") - value).abs() <= tolerance);
            let references = b.reference.expect("with the value");
            for (x, y) in a.reference.expect("a product").iter().zip(&references) {
                assert!((x - y).abs() <= tolerance, "{mode:?} {period} {state:?}: {x} {y}");
            }
        }
    }
}

#[test]
fn multisets_give_what_the_product_gives() {
    for mode in Without::ALL {
        compare(stores(Horizon::Finite(3), 0.95), Structure::Exchangeable, mode, 1e-12);
        compare(stores(Horizon::Infinite, 0.9), Structure::Exchangeable, mode, 1e-9);
        compare(storage(Horizon::Finite(3), 1.0, 10.0), Structure::Exchangeable, mode, 1e-12);
    }
}

#[test]
fn indices_give_what_the_product_gives() {
    for mode in Without::ALL {
        compare(licence(), Structure::Index, mode, 1e-9);
    }
}

#[test]
fn static_periods_give_what_the_product_gives() {
    let mut parts = storage(Horizon::Finite(3), 0.9, 10.0);
    for player in &mut parts.players {
        player.moves = vickrey::pivot::Moves::constant(player.moves.at(0, 0, 0).clone());
    }
    for mode in [Without::Same, Without::Own] {
        compare(parts.clone(), Structure::Static, mode, 1e-12);
    }
}

/// Twelve stores with four levels: 4^12 joint states, 455 multisets.
fn many_stores() -> Parts {
    let (n, count) = (4, 12);
    let levels = |stay: f64| -> Vec<f64> {
        (0..n * n)
            .map(|k| match (k / n, k % n) {
                (i, j) if i == j => {
                    if i == 0 {
                        1.0
                    } else {
                        stay
                    }
                }
                (i, j) if i == j + 1 => 1.0 - stay,
                _ => 0.0,
            })
            .collect()
    };
    let store = |i: usize| {
        let cost: Vec<f64> = (0..n).map(|k| -1.0 - (n - 1 - k) as f64).collect();
        let utility = (0..count + 1).map(|a| if a == i { cost.clone() } else { vec![0.0; n] });
        let kernels = (0..count + 1).map(|a| if a == i { levels(0.2) } else { levels(0.9) });
        player(utility.collect(), kernels.collect(), Some(vec![0.0; n]))
    };
    Parts {
        horizon: Horizon::Finite(3),
        discount: 1.0,
        decisions: count + 1,
        outcomes: Outcomes {
            feasible: vec![(0..count + 1).collect()],
            probability: Varying::constant(vec![1.0]),
        },
        public: Public {
            utility: Varying::by_decision([vec![0.0; count], vec![-9.0]].concat()),
            ..Public::nothing()
        },
        players: (0..count).map(store).collect(),
        labels: vickrey::pivot::Labels::default(),
    }
}

#[test]
fn many_exchangeable_stores() {
    let model = model(many_stores());
    let options = Options { memory: 1 << 29, ..Options::default() };
    let solution = solve(&model, &options, &|_| {}).expect("solvable");
    assert_eq!(solution.structure(), Structure::Exchangeable);
    let planned = plan(&model, &options).expect("solvable");
    assert_eq!((planned.structure, planned.reason), (Structure::Exchangeable, Reason::Smaller));
    assert_eq!(planned.states, 455.0);
    assert!(
        matches!(planned.refused[..], [(Structure::Index, SolveError::Index(_))]),
        "{:?}",
        planned.refused
    );
    let types: Vec<usize> = (0..12).map(|i| i % 4).collect();
    let ruling = solution.ruling(0, &State { public: 0, types }).expect("a state");
    assert_eq!(ruling.decision, [3], "the first of the full stores");
    assert!(ruling.payment.iter().all(|p| *p >= 0.0), "{:?}", ruling.payment);
}

/// Twelve different projects with three states for one licence: 3^12 joint states.
fn many_projects() -> Parts {
    let count = 12;
    let moves = vec![0.2, 0.5, 0.3, 0.1, 0.6, 0.3, 0.0, 0.2, 0.8];
    let still = vec![1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
    let project = |i: usize| {
        let worth = |a: usize| if a == i { vec![1.0, 3.0 + 0.1 * i as f64, 0.5] } else { vec![0.0; 3] };
        let kernel = |a: usize| if a == i { moves.clone() } else { still.clone() };
        player((0..count).map(worth).collect(), (0..count).map(kernel).collect(), None)
    };
    Parts {
        decisions: count,
        outcomes: Outcomes {
            feasible: vec![(0..count).collect()],
            probability: Varying::constant(vec![1.0]),
        },
        players: (0..count).map(project).collect(),
        ..licence()
    }
}

/// With any memory the plan is what is done, and where there is no plan there is no solution.
#[test]
fn what_is_planned_is_done() {
    let still = {
        let mut parts = storage(Horizon::Finite(3), 0.9, 10.0);
        for player in &mut parts.players {
            player.moves = vickrey::pivot::Moves::constant(player.moves.at(0, 0, 0).clone());
        }
        parts
    };
    let cases = [
        stores(Horizon::Finite(3), 0.95),
        stores(Horizon::Infinite, 0.9),
        many_projects(),
        still,
        many_stores(),
    ];
    let mut met = Vec::new();
    for model in cases.map(model) {
        for mode in Without::ALL {
            for memory in (0..30).map(|k| 1_u64 << k) {
                let options = Options { mode, memory, ..Options::default() };
                let planned = plan(&model, &options).map(|plan| {
                    assert!(plan.memory.least() <= memory as f64, "{plan:?}");
                    plan.structure
                });
                let solved = solve(&model, &options, &|_| {}).map(|solution| solution.structure());
                assert_eq!(planned, solved, "{mode:?} {memory}");
                met.extend(planned);
            }
        }
    }
    for structure in [Structure::Product, Structure::Exchangeable, Structure::Index, Structure::Static] {
        assert!(met.contains(&structure), "{structure:?} was never planned");
    }
    let few = plan(&model(licence()), &Options::default()).expect("solvable");
    assert_eq!((few.structure, few.reason, few.states), (Structure::Product, Reason::Few, 27.0));
}

/// Values from elsewhere: the exact ones give the exact mechanism, and lists of a wrong length are refused.
#[test]
fn values_from_elsewhere() {
    let model = model(storage(Horizon::Finite(3), 1.0, 10.0));
    for mode in Without::ALL {
        let options = Options { mode, ..Options::default() };
        let exact = solve_product(&model, &options, &|_| {}).expect("solvable");
        let plus = |list: &[f64], constant: f64| list.iter().map(|v| v + constant).collect::<Vec<f64>>();
        let values: Vec<Vec<f64>> = (0..=3).map(|t| plus(exact.values(t), exact.constant(t))).collect();
        let without = |i: usize| -> Vec<Vec<f64>> {
            (0..=3).map(|t| plus(exact.references(i, t), exact.reference_constant(i, t))).collect()
        };
        let tight = mode == Without::Tight;
        let references: Vec<_> = (0..if tight { 0 } else { 2 }).map(without).collect();
        let taken =
            of_values(&model, &options, values.clone(), references.clone()).expect("they belong to it");
        assert!(taken.certificate().bound < 1e-9, "{mode:?} {:?}", taken.certificate());
        let state = State { public: 0, types: vec![0, 1] };
        let (a, b) = (exact.ruling(0, &state), taken.ruling(0, &state));
        assert_eq!(a.decision, b.decision);
        for (p, q) in a.payment.iter().zip(&b.payment) {
            assert!((p - q).abs() < 1e-12, "{mode:?} {a:?} {b:?}");
        }
        let refused = |values: Vec<Vec<f64>>, references: Vec<Vec<Vec<f64>>>| {
            of_values(&model, &options, values, references).expect_err("do not belong to it").to_string()
        };
        let more = [references.clone(), vec![without(0)]].concat();
        let accepted =
            if tight { "none, since they follow from the values" } else { "2, one for each player" };
        let said = format!("values without each player: found {} lists, accepted is {accepted}", more.len());
        assert!(refused(values.clone(), more).starts_with(&said), "{mode:?}");
        if !tight {
            let said = refused(values.clone(), references[..1].to_vec());
            assert!(said.contains("found 1 lists, accepted is 2"), "{said}");
            let mut short = references.clone();
            short[1].pop();
            let said = refused(values.clone(), short);
            assert!(said.starts_with("values without player 1: found lists of [2, 2, 2] numbers"), "{said}");
        }
        let said = refused(values[..3].to_vec(), references);
        assert!(
            said.contains("values: found lists of [4, 4, 4] numbers, accepted is 4 lists of 4"),
            "{said}"
        );
    }
}

/// Decisions that nobody can take change nothing: not what counts as a tie, not the tolerance of an infinite horizon.
#[test]
fn what_never_happens_does_not_matter() {
    let quiet = |_: f64| {};
    for horizon in [Horizon::Finite(3), Horizon::Infinite] {
        let discount = if horizon == Horizon::Infinite { 0.9 } else { 1.0 };
        let plain = model(storage(horizon, discount, 10.0));
        let mut parts = storage(horizon, discount, 10.0);
        // Six more decisions, feasible only in an outcome without a chance, and worth 1e12.
        parts.decisions = 10;
        parts.outcomes.feasible.push((4..10).collect());
        parts.outcomes.probability = Varying::constant(vec![0.4, 0.6, 0.0]);
        let more = |a: usize| if a < 4 { *parts.public.utility.at(0, a, 0) } else { 1e12 };
        parts.public.utility = Varying::by_decision((0..10).map(more).collect());
        for player in &mut parts.players {
            let old = |a: usize| if a < 4 { a } else { 0 };
            let (utility, moves) = (player.utility.clone(), player.moves.clone());
            player.utility =
                Varying::by_decision((0..10).map(|a| utility.at(0, old(a), 0).clone()).collect());
            let kernels = (0..10).map(|a| moves.at(0, old(a), 0).clone()).collect();
            player.moves = vickrey::pivot::Moves::new(Varying::by_decision(kernels));
            player.absent = None;
        }
        let wild = model(parts);
        let options = Options::default();
        let a = solve_as(Structure::Product, &plain, &options, &quiet).expect("solvable");
        let b = solve_as(Structure::Product, &wild, &options, &quiet).expect("solvable");
        for types in [[0, 0], [0, 1], [1, 0], [1, 1]] {
            let state = State { public: 0, types: types.to_vec() };
            let (x, y) = (a.ruling(0, &state).expect("a state"), b.ruling(0, &state).expect("a state"));
            assert_eq!(x.decision, y.decision[..2]);
            for (p, q) in x.payment.iter().zip(&y.payment) {
                assert!((p - q).abs() < 1e-8, "{x:?} {y:?}");
            }
        }
    }
}

/// A penalty that nobody pays makes no ties, however large.
#[test]
fn large_penalties_make_no_ties() {
    let quiet = |_: f64| {};
    for cost in [10.0, 1e9, 1e12] {
        let product = solve_as(
            Structure::Product,
            &model(storage(Horizon::Infinite, 0.9, cost)),
            &Options { mode: Without::Same, ..Options::default() },
            &quiet,
        )
        .expect("solvable");
        let ruling = product.ruling(0, &State { public: 0, types: vec![1, 0] }).expect("a state");
        assert_eq!(ruling.decision, [0, 2], "cost {cost}");
        assert!((ruling.payment[0] - 0.6).abs() < 1e-6, "cost {cost}: {ruling:?}");
        assert!(product.certificate().bound < 1e-2, "cost {cost}: {:?}", product.certificate());
    }
}
