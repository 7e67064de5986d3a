//! The audit of solutions without a table of joint states finds what the audit of all joint states finds.

mod pivot_cases;

use pivot_cases::{licence, model, player, storage};
use vickrey::audit::{AuditOptions, Effort};
use vickrey::guarantee::{Audit, Balance, Baseline, Guarantee, Property, SolutionConcept, Verdict};
use vickrey::pivot::audit::{audit, audit_of, audit_solution, audit_solution_of, rules};
use vickrey::pivot::solve::product::Product;
use vickrey::pivot::solve::{Options, State, Structure, solve_as, solve_product};
use vickrey::pivot::{
    Horizon, Kernel, Labels, Model, Moves, Outcomes, Parts, PaymentTime, Public, Solution, Varying, Without,
};

const EX_POST: Property = Property::IncentiveCompatibility(SolutionConcept::ExPost);
const ALONE: Property = Property::IndividualRationality(Baseline::Autarky);
const ZERO: Property = Property::IndividualRationality(Baseline::Zero);
const WEAK: Property = Property::BudgetBalance(Balance::Weak);
const QUICK: AuditOptions = AuditOptions { seed: 5, effort: Effort::Quick };

/// Three stores that can change places: stored, half full, empty; what they can do at once is one of them, or two.
fn stores(horizon: Horizon) -> Parts {
    let base = storage(horizon, 0.9, 10.0);
    let terminal = matches!(horizon, Horizon::Finite(_)).then(|| vec![0.5, -0.2, -1.0]);
    let rest = vec![0.9, 0.1, 0.0, 0.5, 0.4, 0.1, 0.1, 0.5, 0.4];
    let used = vec![0.3, 0.5, 0.2, 0.0, 0.4, 0.6, 0.0, 0.1, 0.9];
    // Decisions 0: nobody; 1, 2, 3: one; 4: the operator pays.
    let store = |i: usize| {
        let utility = (0..5).map(|a| if a == i + 1 { vec![-1.0, -2.3, -4.1] } else { vec![0.25, 0.1, 0.0] });
        let kernels = (0..5).map(|a| if a == i + 1 { used.clone() } else { rest.clone() });
        let mut player = player(utility.collect(), kernels.collect(), terminal.clone());
        player.prior = vec![0.5, 0.2, 0.3];
        player.absent = Some(vec![vec![0], (1..5).filter(|a| *a != i + 1).collect()]);
        player.outside = Some(Varying::constant(vec![0.5, 0.0, -0.5]));
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
            utility: Varying::from_fn([1, 5, 2], |_, a, s| if a == 4 { -4.0 - s as f64 } else { 0.5 }),
            moves: Moves::new(Varying::from_fn([1, 5, 2], law)),
            terminal: if terminal.is_some() { vec![0.0, -2.0] } else { Vec::new() },
            ..Public::nothing()
        },
        players: (0..3).map(store).collect(),
        ..base
    }
}

/// Three storage providers whose charge moves by itself.
fn unmoved(horizon: Horizon) -> Parts {
    let mut parts = stores(horizon);
    for (i, player) in parts.players.iter_mut().enumerate() {
        player.moves = Moves::constant(player.moves.at(0, 0, 0).clone());
        player.utility = player.utility.map(|row| row.iter().map(|v| v * (1.0 + 0.1 * i as f64)).collect());
    }
    parts.public.moves = Moves::constant(vec![(0, 0.7), (1, 0.3)]);
    parts
}

/// Projects some of which lose money: without her the others may prefer that she is served.
fn losses() -> Parts {
    let mut parts = licence();
    for (i, player) in parts.players.iter_mut().enumerate() {
        let less = |row: &Vec<f64>| row.iter().map(|v| if *v == 0.0 { 0.0 } else { v - 2.2 }).collect();
        player.utility = player.utility.map(less);
        let others = (0..3).filter(|a| *a != i).collect();
        player.absent = Some(vec![others]);
    }
    parts
}

/// Every structure that is not the product, on instances small enough for both.
fn cases() -> Vec<(&'static str, Structure, Parts, Without)> {
    let mut all = Vec::new();
    for mode in Without::ALL {
        all.push(("stores", Structure::Exchangeable, stores(Horizon::Finite(3)), mode));
        all.push(("stores for ever", Structure::Exchangeable, stores(Horizon::Infinite), mode));
        all.push(("two stores", Structure::Exchangeable, storage(Horizon::Finite(3), 1.0, 10.0), mode));
        all.push(("licence", Structure::Index, losses(), mode));
        if mode != Without::Tight {
            all.push(("unmoved", Structure::Static, unmoved(Horizon::Finite(3)), mode));
            all.push(("unmoved for ever", Structure::Static, unmoved(Horizon::Infinite), mode));
        }
    }
    all.push(("licence", Structure::Index, licence(), Without::Same));
    all
}

fn options(mode: Without) -> Options {
    Options { mode, tolerance: Some(1e-11), ..Options::default() }
}

fn solved(structure: Structure, model: &Model, mode: Without) -> Solution {
    solve_as(structure, model, &options(mode), &|_| ()).expect("has the structure")
}

fn row(audit: &Audit, property: Property) -> &Guarantee {
    audit.find(property).expect("a row")
}

fn worst(audit: &Audit, property: Property) -> f64 {
    row(audit, property).evidence.as_ref().map_or(f64::NAN, |evidence| evidence.worst)
}

/// Verdicts are the same, and the worst cases are equal up to rounding; values of infinite horizons are known to 1e-11,
/// and programs of audits to about 1e-11 of their size.
#[track_caller]
fn same(name: &str, one: &Audit, all: &Audit) {
    for property in [EX_POST, ALONE, ZERO, Property::StatedOutside, WEAK, Property::Efficiency] {
        let (Some(a), Some(b)) = (one.find(property), all.find(property)) else {
            assert!(one.find(property).is_none() && all.find(property).is_none());
            continue;
        };
        assert_eq!((a.promised, a.verdict), (b.promised, b.verdict), "{name}: {a:#?}\n{b:#?}");
        let (x, y) = (worst(one, property), worst(all, property));
        assert!((x - y).abs() <= 1e-8, "{name}, {property:?}: {x} instead of {y}\n{a:#?}\n{b:#?}");
    }
    for (a, b) in one.findings.iter().zip(&all.findings) {
        let (x, y) = (a.evidence.worst, b.evidence.worst);
        assert!((x - y).abs() <= 1e-8, "{name}, {}: {x} instead of {y}", a.title);
    }
    let accounts = (row(one, Property::Accounts), row(all, Property::Accounts));
    assert_eq!(accounts.0.verdict, accounts.1.verdict, "{name}: {accounts:#?}");
}

#[test]
fn every_structure_is_audited_like_the_product() {
    for (name, structure, parts, mode) in cases() {
        let model = model(parts);
        let solution = solved(structure, &model, mode);
        let product = solve_product(&model, &options(mode), &|_| ()).expect("solvable");
        for time in PaymentTime::ALL {
            let one = audit_solution(&solution, &QUICK, time, &|_| ());
            let all = audit(&product, &QUICK, time, &|_| ());
            assert!(one.passed() && all.passed(), "{name}: {one:#?}");
            same(&format!("{name}, {mode:?}, {time:?}"), &one, &all);
            assert!(
                one.guarantees
                    .iter()
                    .all(|row| row.note.contains("players who can change places taken together")),
                "{one:#?}"
            );
        }
    }
}

/// What the first player pays depends on what she says: less for every higher number of a type.
fn bribed(solution: &Solution, time: PaymentTime) -> Audit {
    let rule = |period: usize, state: &State| {
        let mut ruling = solution.ruling(period, state).expect("a state");
        let less = 0.3 * state.types[0] as f64;
        ruling.payment[0] -= less;
        ruling.contingent.iter_mut().for_each(|all| all[0] -= less);
        ruling
    };
    audit_solution_of(solution, &rule, &QUICK, time, &|_| ())
}

fn bribed_product(product: &Product, time: PaymentTime) -> Audit {
    let tables = |period| {
        let mut rules = rules(product, period);
        for k in 0..product.space().size() {
            let less = 0.3 * product.space().state(k, product.model().players()).types[0] as f64;
            rules.payment[0][k] -= less;
            rules.contingent[0].iter_mut().for_each(|all| all[k] -= less);
        }
        rules
    };
    audit_of(product, &tables, &QUICK, time, &|_| ())
}

#[test]
fn lies_that_pay_are_found_in_every_structure() {
    for (name, structure, parts, mode) in cases() {
        let model = model(parts);
        let solution = solved(structure, &model, mode);
        let product = solve_product(&model, &options(mode), &|_| ()).expect("solvable");
        for time in PaymentTime::ALL {
            let (one, all) = (bribed(&solution, time), bribed_product(&product, time));
            assert_eq!(row(&one, EX_POST).verdict, Verdict::Violated, "{name}: {one:#?}");
            assert!(worst(&one, EX_POST) > 0.29, "{name}: {one:#?}");
            let (x, y) = (worst(&one, EX_POST), worst(&all, EX_POST));
            assert!((x - y).abs() <= 1e-8, "{name}, {mode:?}: {x} instead of {y}");
            assert!(
                row(&one, EX_POST).evidence.as_ref().expect("searched").at.contains("`player 0` reports")
            );
        }
    }
}

#[test]
fn wrong_decisions_are_found_in_every_structure() {
    for (name, structure, parts, mode) in cases() {
        let solution = solved(structure, &model(parts), mode);
        let outcome = solution.model().outcomes() - 1;
        let feasible = solution.model().feasible(outcome).to_vec();
        let last = |period: usize, state: &State| {
            let mut ruling = solution.ruling(period, state).expect("a state");
            ruling.decision[outcome] = feasible[feasible.len() - 1];
            ruling
        };
        let audit = audit_solution_of(&solution, &last, &QUICK, PaymentTime::BeforeOutcome, &|_| ());
        assert_eq!(row(&audit, Property::Efficiency).verdict, Verdict::Violated, "{name}: {audit:#?}");
        let dear = |period: usize, state: &State| {
            let mut ruling = solution.ruling(period, state).expect("a state");
            ruling.payment.iter_mut().for_each(|p| *p += 3.0);
            ruling
        };
        let audit = audit_solution_of(&solution, &dear, &QUICK, PaymentTime::BeforeOutcome, &|_| ());
        if mode != Without::Tight {
            assert_eq!(row(&audit, ALONE).verdict, Verdict::Violated, "{name}: {audit:#?}");
        }
        assert_eq!(row(&audit, Property::Accounts).verdict, Verdict::Violated, "{name}: {audit:#?}");
    }
}

/// Many projects: more states than can be looked at.
fn many(count: usize) -> Parts {
    let project = |j: usize| {
        let values: Vec<f64> = (0..4).map(|k| 1.0 + ((7 * j + 3 * k) % 11) as f64 / 10.0).collect();
        let row = |k: usize| {
            let weights: Vec<f64> = (0..4).map(|l| 1.0 + ((j + 2 * k + 3 * l) % 5) as f64).collect();
            let total: f64 = weights.iter().sum();
            weights.into_iter().map(move |w| w / total)
        };
        let used = Kernel::new(4, (0..4).flat_map(row).collect());
        let utility = (0..count).map(|a| if a == j { values.clone() } else { vec![0.0; 4] });
        let mut player = player(utility.collect(), vec![vec![1.0]], None);
        let which = Varying::from_fn([1, count, 1], |_, a, _| usize::from(a == j));
        player.moves = Moves::of(vec![Kernel::identity(4), used], which);
        player.prior = vec![0.25; 4];
        player
    };
    Parts {
        horizon: Horizon::Infinite,
        discount: 0.95,
        decisions: count,
        outcomes: Outcomes {
            feasible: vec![(0..count).collect()],
            probability: Varying::constant(vec![1.0]),
        },
        public: Public::nothing(),
        players: (0..count).map(project).collect(),
        labels: Labels::default(),
    }
}

#[test]
fn many_projects_are_looked_at_where_they_come_by() {
    let solution = solved(Structure::Index, &model(many(12)), Without::Same);
    let audit = audit_solution(&solution, &QUICK, PaymentTime::BeforeOutcome, &|_| ());
    assert!(audit.passed(), "{audit:#?}");
    for property in [EX_POST, ALONE, ZERO, WEAK, Property::Accounts, Property::Efficiency] {
        let row = row(&audit, property);
        assert_eq!((row.promised, row.verdict), (true, Verdict::Holds), "{row:#?}");
        assert!(row.note.contains("states, met in truthful runs or drawn at random (all "), "{}", row.note);
    }
    let note = &row(&audit, EX_POST).note;
    assert!(note.contains("every single lie of every player") && note.contains("periods in a row"), "{note}");
    assert_eq!(row(&bribed(&solution, PaymentTime::BeforeOutcome), EX_POST).verdict, Verdict::Violated);
}

/// What one lie brings can be had again in the next period.
#[test]
fn lies_in_a_row_are_found_by_looking_ahead() {
    let solution = solved(Structure::Index, &model(many(12)), Without::Same);
    let rule = |period: usize, state: &State| {
        let mut ruling = solution.ruling(period, state).expect("a state");
        ruling.payment[0] += if state.types[0] == 3 { -0.5 } else { 0.25 };
        ruling
    };
    let audit = audit_solution_of(&solution, &rule, &QUICK, PaymentTime::BeforeOutcome, &|_| ());
    let row = row(&audit, EX_POST);
    assert_eq!(row.verdict, Verdict::Violated);
    // One lie brings 0.75 at most where it changes nothing else; several in a row bring more.
    assert!(worst(&audit, EX_POST) > 0.75 * 1.5, "{row:#?}");
}

/// Periods that have nothing to do with each other, and too many states.
#[test]
fn many_players_who_move_by_themselves() {
    let player = |i: usize| {
        let worth = |k: usize| ((k * 5 + i * 3) % 7) as f64 + 0.1 * i as f64;
        let utility = (0..13).map(|a| (0..8).map(|k| if a == i + 1 { worth(k) } else { 0.0 }).collect());
        let kernel = (0..64).map(|k| if k / 8 == k % 8 { 0.65 } else { 0.05 }).collect();
        let mut player = player(utility.collect(), vec![kernel; 13], Some(vec![0.0; 8]));
        player.prior = vec![0.125; 8];
        player
    };
    let parts = Parts {
        horizon: Horizon::Finite(4),
        discount: 1.0,
        decisions: 13,
        outcomes: Outcomes {
            feasible: vec![vec![0], (0..13).collect()],
            probability: Varying::constant(vec![0.3, 0.7]),
        },
        public: Public::nothing(),
        players: (0..12).map(player).collect(),
        labels: Labels::default(),
    };
    let solution = solved(Structure::Static, &model(parts), Without::Same);
    let audit = audit_solution(&solution, &QUICK, PaymentTime::BeforeOutcome, &|_| ());
    assert!(audit.passed(), "{audit:#?}");
    for property in [EX_POST, ALONE, ZERO, WEAK, Property::Accounts, Property::Efficiency] {
        assert_eq!(row(&audit, property).verdict, Verdict::Holds, "{audit:#?}");
    }
    assert!(row(&audit, EX_POST).note.contains("best report of every period"));
    assert!(row(&audit, ZERO).note.contains("in a single period or at the end"));
    // The outcome known early is worth a lie.
    assert!(
        audit.findings[0].evidence.worst > 0.1 && audit.findings[1].note.contains("no lie gains"),
        "{audit:#?}"
    );
    assert_eq!(row(&bribed(&solution, PaymentTime::BeforeOutcome), EX_POST).verdict, Verdict::Violated);
}

/// Twelve equal stores with four levels: 4^12 joint states, 1456 as one of them sees them.
#[test]
fn many_equal_stores_are_looked_at_as_one_of_them_sees_them() {
    let (levels, count) = (4, 12);
    let kernel = |stay: f64| -> Vec<f64> {
        let row = |i: usize, j: usize| match (i, j) {
            (0, 0) => 1.0,
            (i, j) if i == j => stay,
            (i, j) if i == j + 1 => 1.0 - stay,
            _ => 0.0,
        };
        (0..levels * levels).map(|k| row(k / levels, k % levels)).collect()
    };
    let store = |i: usize| {
        let cost: Vec<f64> = (0..levels).map(|k| -1.0 - (levels - 1 - k) as f64).collect();
        let utility = (0..=count).map(|a| if a == i { cost.clone() } else { vec![0.0; levels] });
        let kernels = (0..=count).map(|a| if a == i { kernel(0.2) } else { kernel(0.9) });
        player(utility.collect(), kernels.collect(), Some(vec![0.0; levels]))
    };
    let parts = Parts {
        horizon: Horizon::Finite(3),
        discount: 1.0,
        decisions: count + 1,
        outcomes: Outcomes {
            feasible: vec![(0..=count).collect()],
            probability: Varying::constant(vec![1.0]),
        },
        public: Public {
            utility: Varying::by_decision([vec![0.0; count], vec![-9.0]].concat()),
            ..Public::nothing()
        },
        players: (0..count).map(store).collect(),
        labels: Labels::default(),
    };
    let solution = solved(Structure::Exchangeable, &model(parts), Without::Same);
    let audit = audit_solution(&solution, &QUICK, PaymentTime::BeforeOutcome, &|_| ());
    assert!(audit.passed(), "{audit:#?}");
    for property in [EX_POST, ALONE, WEAK, Property::Accounts, Property::Efficiency] {
        assert_eq!(row(&audit, property).verdict, Verdict::Holds, "{audit:#?}");
    }
    let note = &row(&audit, EX_POST).note;
    assert!(note.contains("1456 states of the first player of every group of equals"), "{note}");
}
