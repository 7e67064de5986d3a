//! Every structure gives what the product of all types gives.

mod pivot_cases;

use pivot_cases::{licence, model, player, storage};
use proptest::prelude::*;
use vickrey::pivot::audit::{JointModel, dependence};
use vickrey::pivot::solve::approximate::of_values;
use vickrey::pivot::solve::{
    Options, Reason, Solution, SolveError, State, Structure, plan, solution, solve, solve_as, solve_product,
    solve_tables,
};
use vickrey::pivot::{Horizon, Labels, Model, Moves, Outcomes, Parts, Public, Varying, Without};

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
            // Values carry the constants, and have no more digits than these leave.
            let near = |x: f64, y: f64| (x - y).abs() <= tolerance + 1e-14 * x.abs();
            assert!(near(a.value.expect("a product"), value));
            let references = b.reference.expect("with the value");
            for (x, y) in a.reference.expect("a product").iter().zip(&references) {
                assert!(near(*x, *y), "{mode:?} {period} {state:?}: {x} {y}");
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

/// With a constant for everybody, in every period and at the end, and what it is worth added to outside values.
fn lifted(parts: &Parts, constant: f64) -> Parts {
    let mut parts = parts.clone();
    let delta = parts.discount;
    let more = |row: &Vec<f64>| row.iter().map(|v| v + constant).collect::<Vec<f64>>();
    let rest = |t: usize| match parts.horizon {
        Horizon::Finite(periods) => (t..=periods).rev().fold(0.0, |later, _| constant + delta * later),
        Horizon::Infinite => constant / (1.0 - delta),
    };
    let periods = if let Horizon::Finite(periods) = parts.horizon { periods } else { 1 };
    for player in &mut parts.players {
        player.utility = player.utility.map(more);
        player.terminal = player.terminal.as_ref().map(|g| g.map(more));
        let zeros = Varying::constant(vec![0.0; player.types]);
        let outside = player.outside.take().unwrap_or(zeros);
        let publics = outside.shape()[2];
        player.outside = Some(Varying::from_fn([periods, 1, publics], |t, _, s| {
            outside.at(t, 0, s).iter().map(|u| u + rest(t)).collect()
        }));
    }
    parts.public.utility = parts.public.utility.map(|w| w + constant);
    parts
}

/// Decisions and payments of two instances agree in every state, by one structure each.
fn agree(first: (&Parts, Structure), second: (&Parts, Structure), mode: Without, tolerance: f64) {
    let options = Options { mode, tolerance: Some(1e-11), ..Options::default() };
    let solved = |(parts, structure): (&Parts, Structure)| {
        solve_as(structure, &model(parts.clone()), &options, &|_| {}).expect("has the structure")
    };
    let (one, other) = (solved(first), solved(second));
    for period in 0..one.model().periods().unwrap_or(1) {
        for state in states(one.model()) {
            let a = one.ruling(period, &state).expect("a state");
            let b = other.ruling(period, &state).expect("a state");
            assert_eq!(a.decision, b.decision, "{mode:?} {period} {state:?}");
            for (x, y) in a.payment.iter().zip(&b.payment) {
                assert!((x - y).abs() <= tolerance, "{mode:?} {period} {state:?}: {a:?} {b:?}");
            }
        }
    }
}

fn states(model: &Model) -> Vec<State> {
    let space = vickrey::pivot::solve::space::Space::of(model);
    (0..space.size()).map(|k| space.state(k, model.players())).collect()
}

/// Projects that are paid while they wait, each in its own way.
fn waiting() -> Parts {
    let mut parts = licence();
    let waits = [[0.25, 0.75, -0.5], [1.0, 1.0, 1.0], [-2.0, 0.0, 0.5]];
    for (i, (player, wait)) in parts.players.iter_mut().zip(waits).enumerate() {
        let served = |a: usize| player.utility.at(0, a, 0).iter().any(|v| *v != 0.0);
        let row = |a: usize| if served(a) { player.utility.at(0, a, 0).clone() } else { wait.to_vec() };
        player.utility = Varying::by_decision((0..parts.decisions).map(row).collect());
        player.outside = Some(Varying::constant(vec![0.5 * i as f64, -1.0, 0.25]));
    }
    parts
}

#[test]
fn what_players_have_anyway_hides_no_indices() {
    for mode in Without::ALL {
        compare(waiting(), Structure::Index, mode, 1e-8);
        for constant in [1e3, 1e9] {
            let high = lifted(&waiting(), constant);
            compare(high.clone(), Structure::Index, mode, 1e-6);
            agree((&waiting(), Structure::Index), (&high, Structure::Index), mode, 1e-6);
            agree(
                (&licence(), Structure::Index),
                (&lifted(&licence(), constant), Structure::Index),
                mode,
                1e-6,
            );
        }
    }
    // What no lie gains more than does not grow with it either.
    let bound = |parts: Parts| {
        let solution = solve_as(Structure::Index, &model(parts), &Options::default(), &|_| {});
        solution.expect("an index case").certificate().bound
    };
    assert!(bound(lifted(&licence(), 1e9)) < 1e-3 && bound(licence()) < 1e-6);
}

#[test]
fn two_decisions_and_players_who_never_move() {
    // Who is served, and who loses by the other decision, is the same.
    let one = |utility: [f64; 2]| player(utility.map(|v| vec![v]).to_vec(), vec![vec![1.0]; 2], None);
    for (first, second) in [([5.0, 0.0], [0.0, 3.0]), ([0.0, 5.0], [3.0, 0.0]), ([7.0, 4.0], [-2.0, 0.0])] {
        let mut parts = licence();
        parts.decisions = 2;
        parts.outcomes.feasible = vec![vec![0, 1]];
        parts.public.utility = Varying::constant(0.0);
        parts.players = vec![one(first), one(second)];
        parts.labels = Labels::default();
        for mode in Without::ALL {
            compare(parts.clone(), Structure::Index, mode, 1e-8);
            compare(lifted(&parts, 4096.0), Structure::Index, mode, 1e-8);
        }
    }
}

#[test]
fn constants_cost_multisets_no_digits() {
    let finite = stores(Horizon::Finite(3), 1.0);
    let infinite = stores(Horizon::Infinite, 0.875);
    for mode in Without::ALL {
        for constant in [1e6, 1e9] {
            let high = lifted(&finite, constant);
            agree((&finite, Structure::Exchangeable), (&high, Structure::Exchangeable), mode, 1e-9);
            compare(high, Structure::Exchangeable, mode, 1e-9);
            let high = lifted(&infinite, constant);
            agree((&infinite, Structure::Exchangeable), (&high, Structure::Exchangeable), mode, 1e-6);
        }
    }
}

/// Probabilities with ten digits: the rows of twelve players together miss 1 by more than a row may.
#[test]
fn rounded_probabilities_of_many_players_are_accepted() {
    let count = 12;
    let rows = |a: usize, i: usize| {
        if a == i {
            vec![0.333_333_333_3, 0.666_666_666_6, 0.142_857_142_8, 0.857_142_857_1]
        } else {
            vec![0.666_666_666_6, 0.333_333_333_3, 0.571_428_571_4, 0.428_571_428_5]
        }
    };
    let store = |i: usize| {
        let utility = (0..=count).map(|a| if a == i { vec![-1.0, -4.0] } else { vec![0.0; 2] });
        let kernels = (0..=count).map(|a| rows(a, i));
        player(utility.collect(), kernels.collect(), Some(vec![0.0, -0.5]))
    };
    let mut parts = storage(Horizon::Finite(2), 1.0, 10.0);
    parts.decisions = count + 1;
    parts.outcomes =
        Outcomes { feasible: vec![(0..=count).collect()], probability: Varying::constant(vec![1.0]) };
    parts.public.utility = Varying::by_decision([vec![0.0; count], vec![-3.0]].concat());
    parts.players = (0..count).map(store).collect();
    for mode in [Without::Same, Without::Tight] {
        compare(parts.clone(), Structure::Exchangeable, mode, 1e-12);
    }
    let solution = solve_as(Structure::Exchangeable, &model(parts), &Options::default(), &|_| {});
    let certificate = solution.expect("accepted").certificate().clone();
    // Twelve players who miss 1 by 1e-10 each, times what is at stake, which is at least 1.
    assert!(certificate.rounding > 1.2e-9 && certificate.bound < 1e-6, "{certificate:?}");
}

/// Types that move each other: the second player's by that of the first.
fn joined(parts: &Parts) -> JointModel {
    let kernel = |a: usize| {
        let row = |k: usize| {
            let (x, y) = (k / 2, k % 2);
            let at = |i: usize, own: usize| parts.players[i].moves.at(0, a, 0).row(own);
            let second = match (x, a) {
                (0, _) => [at(1, y)[0], at(1, y)[1]],
                (_, 2) => [0.125, 0.875],
                _ => [1.0, 0.0],
            };
            at(0, x).iter().flat_map(|p| second.map(|q| p * q)).collect::<Vec<f64>>()
        };
        (0..4).flat_map(row).collect()
    };
    let kernels = (0..parts.decisions).map(kernel).collect();
    JointModel::new(model(parts.clone()), kernels).expect("distributions")
}

#[test]
fn constants_change_nothing_about_dependent_types() {
    for horizon in [Horizon::Finite(3), Horizon::Infinite] {
        let parts = storage(horizon, 0.875, 10.0);
        let plain = dependence(&joined(&parts));
        // For ever, lies happen to gain nothing here.
        let gains = horizon == Horizon::Infinite || plain.gain.iter().any(|gain| *gain > 1e-3);
        assert!(gains, "{plain:?}");
        for constant in [1e6, 1e9] {
            let high = dependence(&joined(&lifted(&parts, constant)));
            for (x, y) in plain.gain.iter().zip(&high.gain) {
                assert!((x - y).abs() < 1e-8, "{plain:?} {high:?}");
            }
        }
    }
}

#[test]
fn tables_of_a_period_are_counted_before_they_are_made() {
    let model = model(stores(Horizon::Finite(3), 0.95));
    let options = Options::default();
    let values = solution::memory(&model, &options);
    let all = values.with_tables(&model);
    // Decisions twice, payments of three players, and values of five decisions without one player.
    let least = 2.0 * 2.0 * 2.0 * 16.0 + 8.0 * 3.0 * 16.0 + 8.0 * 5.0 * 8.0;
    assert!(all.least() >= values.least() + least, "{values:?} {all:?}");
    let with = |memory: f64| {
        let options = Options { memory: memory as u64, ..options };
        solve_tables(&model, &options, &|_| {}, |_, _| {})
    };
    let SolveError::Memory { memory, limit, .. } = with(all.least() - 1.0).expect_err("no room") else {
        panic!("no room")
    };
    assert!(memory.least() > limit as f64 && memory == all);
    with(all.least() + 1.0).expect("room");
    solve_as(Structure::Product, &model, &Options { memory: values.least() as u64 + 1, ..options }, &|_| {})
        .expect("room for values");
}

/// What a ruling is made of, in all states of a period: decisions by outcome, and payments.
type Rulings = Vec<(Vec<usize>, Vec<f64>)>;

/// Expected next value from a state, all types moving alone.
fn expected(model: &Model, period: usize, decision: usize, state: &State, next: &[f64]) -> f64 {
    let laws = model.public().moves.at(period, decision, state.public);
    let space = vickrey::pivot::solve::space::Space::of(model);
    let mut sum = 0.0;
    for to in states(model) {
        let Some((_, mut p)) = laws.iter().find(|law| law.0 == to.public).copied() else { continue };
        for (i, (from, to)) in state.types.iter().zip(&to.types).enumerate() {
            p *= model.player(i).moves.at(period, decision, state.public).row(*from)[*to];
        }
        sum += p * next[space.index(&to)];
    }
    sum
}

/// What any strategy of a player gains over truth at most, from any period and state of a finite game on, computed from
/// nothing but the rulings.
fn best_gain(model: &Model, rulings: &[Rulings], i: usize) -> f64 {
    let space = vickrey::pivot::solve::space::Space::of(model);
    let end = |state: &State| {
        model.player(i).terminal.as_ref().map_or(0.0, |g| g.at(0, 0, state.public)[state.types[i]])
    };
    let mut truth: Vec<f64> = states(model).iter().map(end).collect();
    let mut best = truth.clone();
    let mut gain = 0.0_f64;
    for (t, rulings) in rulings.iter().enumerate().rev() {
        let worth = |state: &State, told: usize, next: &[f64]| {
            let mut report = state.clone();
            report.types[i] = told;
            let (decisions, payments) = &rulings[space.index(&report)];
            let mu = model.probabilities(t, state.public);
            let of = |(p, &a): (&f64, &usize)| {
                let now = model.player(i).utility.at(t, a, state.public)[state.types[i]];
                p * (now + model.discount() * expected(model, t, a, state, next))
            };
            mu.iter().zip(decisions).map(of).sum::<f64>() - payments[i]
        };
        let all = states(model);
        let honest: Vec<f64> = all.iter().map(|s| worth(s, s.types[i], &truth)).collect();
        let lie = |s: &State| {
            let reports = (0..model.player(i).types).map(|r| worth(s, r, &best));
            reports.fold(f64::NEG_INFINITY, f64::max)
        };
        let most: Vec<f64> = all.iter().map(lie).collect();
        gain = most.iter().zip(&honest).fold(gain, |gain, (b, v)| gain.max(b - v));
        (truth, best) = (honest, most);
    }
    gain
}

fn all_rulings(solution: &Solution) -> Vec<Rulings> {
    let of = |period: usize| {
        let one = |state: &State| {
            let ruling = solution.ruling(period, state).expect("a state");
            (ruling.decision, ruling.payment)
        };
        states(solution.model()).iter().map(one).collect()
    };
    (0..solution.model().periods().unwrap_or(1)).map(of).collect()
}

/// A game of players who can change places: one of them is served, or nobody.
#[derive(Clone, Debug)]
struct Alike {
    players: usize,
    periods: usize,
    /// Of who is served, by type; of the others; at the end.
    utility: [Vec<f64>; 3],
    /// Of who is served, and of the others: probability of the first type.
    kernels: [Vec<f64>; 2],
    idle_first: bool,
}

impl Alike {
    fn parts(&self) -> Parts {
        let decisions = self.players + 1;
        let serves = |a: usize| if self.idle_first { a.checked_sub(1) } else { Some(a) };
        let one = |i: usize| {
            let served = |a: usize| serves(a) == Some(i);
            let utility = (0..decisions).map(|a| self.utility[usize::from(!served(a))].clone());
            let rows = |a: usize| {
                let first = &self.kernels[usize::from(!served(a))];
                first.iter().flat_map(|p| [*p, 1.0 - p]).collect()
            };
            let kernels = (0..decisions).map(rows);
            player(utility.collect(), kernels.collect(), Some(self.utility[2].clone()))
        };
        Parts {
            horizon: Horizon::Finite(self.periods),
            discount: 1.0,
            decisions,
            outcomes: Outcomes {
                feasible: vec![(0..decisions).collect()],
                probability: Varying::constant(vec![1.0]),
            },
            public: Public::nothing(),
            players: (0..self.players).map(one).collect(),
            labels: Labels::default(),
        }
    }
}

/// `steps`: numbers are whole multiples of one of these, up to three times.
fn alike(steps: &'static [f64]) -> impl Strategy<Value = Alike> {
    let number = || {
        let part = |step: f64| (-3..=3_i8).prop_map(move |k| f64::from(k) * step);
        let parts: Vec<_> = steps.iter().map(|step| part(*step)).collect();
        parts.prop_map(|parts| parts.iter().sum::<f64>())
    };
    let two = move || prop::collection::vec(number(), 2);
    let law = || prop::collection::vec((1..8_u8).prop_map(|k| f64::from(k) / 8.0), 2);
    (2..=3_usize, 1..=3_usize, [two(), two(), two()], [law(), law()], any::<bool>()).prop_map(
        |(players, periods, utility, kernels, idle_first)| Alike {
            players,
            periods,
            utility,
            kernels,
            idle_first,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Utilities that differ by less than what counts as a tie: what a lie gains, found by dynamic programming on all joint
    /// states, is within what the certificate says.
    #[test]
    fn no_lie_gains_more_than_multisets_say(game in alike(&[1.0, 2e-11])) {
        let mut still = game.parts();
        for player in &mut still.players {
            player.moves = Moves::constant(player.moves.at(0, 0, 0).clone());
        }
        let (game, still) = (model(game.parts()), model(still));
        let options = Options::default();
        let cases =
            [(Structure::Exchangeable, &game), (Structure::Product, &game), (Structure::Static, &still)];
        for (structure, game) in cases {
            let solution = solve_as(structure, game, &options, &|_| {}).expect("has the structure");
            let rulings = all_rulings(&solution);
            let bound = solution.certificate().bound;
            for i in 0..game.players() {
                let gain = best_gain(game, &rulings, i);
                prop_assert!(gain <= bound + 1e-14, "{structure:?}: {gain:e} {:?}", solution.certificate());
            }
        }
    }

    /// Near ties may be broken otherwise. Then payments of the period differ, as between the two decisions, but the decision
    /// that is taken is worth what the best one is, and so is what every player can expect, within the band.
    #[test]
    fn near_ties_cost_no_more_than_the_band(game in alike(&[1.0, 0.9e-10])) {
        let mut still = game.parts();
        for player in &mut still.players {
            player.moves = Moves::constant(player.moves.at(0, 0, 0).clone());
        }
        // Nine utilities of size 3.5 at most, in bands of 1e-10 of it.
        let band = 1e-10 * (1.0 + 9.0 * 3.5);
        for (structure, parts) in [(Structure::Exchangeable, game.parts()), (Structure::Static, still)] {
            let model = model(parts);
            let solved = |structure| {
                solve_as(structure, &model, &Options::default(), &|_| {}).expect("has the structure")
            };
            let (all, other) = (solved(Structure::Product), solved(structure));
            let product = all.product().expect("solved as a product");
            for (period, state) in
                (0..model.periods().unwrap_or(1)).flat_map(|t| states(&model).into_iter().map(move |s| (t, s)))
            {
                let (a, b) = (all.ruling(period, &state).unwrap(), other.ruling(period, &state).unwrap());
                let worth = product.worth_of_decisions(period, &state);
                let best = worth[0].iter().copied().fold(f64::NEG_INFINITY, f64::max);
                prop_assert!(worth[0][a.decision[0]] >= best - band && worth[0][b.decision[0]] >= best - band);
                for i in 0..model.players() {
                    // What she has by the decision and what it costs: the value of all minus that of the others.
                    let net = |decision: usize, paid: f64| worth[0][decision] - worth[i + 1][decision] - paid;
                    let apart = net(a.decision[0], a.payment[i]) - net(b.decision[0], b.payment[i]);
                    prop_assert!(apart.abs() <= 2.0 * band, "{structure:?} {apart:e} {a:?} {b:?}");
                }
            }
        }
    }

    /// Projects that are paid while they wait, with constants, in all modes.
    #[test]
    fn indices_agree_whatever_players_have_anyway(
        arms in prop::collection::vec((alike(&[1.0, 0.37, 0.011]), -2..=2_i8), 2..=3),
        mode in prop::sample::select(Without::ALL.to_vec()),
        idle in any::<bool>(),
        constant in prop::sample::select(vec![0.0, 4096.0, 1e9]),
    ) {
        let mut parts = licence();
        let count = arms.len();
        parts.decisions = count + usize::from(idle);
        parts.outcomes.feasible = vec![(0..parts.decisions).collect()];
        parts.public.utility = Varying::constant(0.5);
        parts.labels = Labels::default();
        let decisions = parts.decisions;
        let one = |(i, (arm, lift)): (usize, &(Alike, i8))| {
            let waits: Vec<f64> = arm.utility[1].iter().map(|v| v + 64.0 * f64::from(*lift)).collect();
            let served: Vec<f64> = arm.utility[0].iter().zip(&waits).map(|(v, w)| v + w).collect();
            let utility = (0..decisions).map(|a| if a == i { served.clone() } else { waits.clone() });
            let rows: Vec<f64> = arm.kernels[0].iter().flat_map(|p| [*p, 1.0 - p]).collect();
            let stays = vec![1.0, 0.0, 0.0, 1.0];
            let kernels = (0..decisions).map(|a| if a == i { rows.clone() } else { stays.clone() });
            let mut player = player(utility.collect(), kernels.collect(), None);
            player.outside = Some(Varying::constant(arm.utility[2].clone()));
            player.absent = (mode == Without::Own).then(|| vec![(0..decisions).filter(|a| *a != i).collect()]);
            player
        };
        parts.players = arms.iter().enumerate().map(one).collect();
        compare(parts.clone(), Structure::Index, mode, 1e-7);
        compare(lifted(&parts, constant), Structure::Index, mode, 1e-5);
    }

    /// Without near ties all structures decide alike, and take the same payments.
    #[test]
    fn structures_decide_alike_without_near_ties(game in alike(&[1.0, 0.37, 0.011])) {
        compare(game.parts(), Structure::Exchangeable, Without::Same, 1e-12);
        let mut parts = game.parts();
        for player in &mut parts.players {
            player.moves = Moves::constant(player.moves.at(0, 0, 0).clone());
        }
        compare(parts, Structure::Static, Without::Same, 1e-12);
    }
}
