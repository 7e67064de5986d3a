//! States met and drawn, on instances so small that all of them are: what is found there is what is found in all states.

use std::sync::Arc;

use super::measure::Measures;
use super::structured::Case;
use super::{Subject, left, met, rules, whole};
use crate::audit::{AuditOptions, Effort};
use crate::pivot::audit::measure::Seat;
use crate::pivot::solve::problem::Problem;
use crate::pivot::solve::{Options, Solution, State, Structure, solve_as, solve_product};
use crate::pivot::{
    Horizon, Kernel, Labels, Model, Moves, Outcomes, Parts, PaymentTime, Player, Public, Varying, Without,
};

const QUICK: AuditOptions = AuditOptions { seed: 3, effort: Effort::Quick };

fn player(utility: Vec<Vec<f64>>, kernels: Vec<Vec<f64>>, ends: Option<Vec<f64>>) -> Player {
    let n = utility[0].len();
    Player {
        types: n,
        utility: Varying::by_decision(utility),
        moves: Moves::new(Varying::by_decision(kernels.into_iter().map(|k| Kernel::new(n, k)).collect())),
        terminal: ends.map(Varying::constant),
        prior: vec![1.0 / n as f64; n],
        absent: None,
        outside: Some(Varying::constant((0..n).map(|x| -0.1 * x as f64).collect())),
    }
}

fn parts(horizon: Horizon, feasible: Vec<Vec<usize>>, mu: Vec<f64>, players: Vec<Player>) -> Parts {
    let decisions = feasible.iter().flatten().max().map_or(1, |a| a + 1);
    Parts {
        horizon,
        discount: 0.9,
        decisions,
        outcomes: Outcomes { feasible, probability: Varying::constant(mu) },
        public: Public::nothing(),
        players,
        labels: Labels::default(),
    }
}

/// Three projects that may lose; an idle decision before, among or after those that serve them, or none.
fn projects(idle: Option<usize>) -> Parts {
    let values = [[-1.0, 1.2, -0.5], [0.4, -0.7, -2.0], [-0.3, 0.9, 0.0]];
    let kernels = [
        [0.2, 0.5, 0.3, 0.1, 0.6, 0.3, 0.0, 0.2, 0.8],
        [0.5, 0.3, 0.2, 0.3, 0.5, 0.2, 0.1, 0.1, 0.8],
        [0.4, 0.2, 0.4, 0.0, 0.7, 0.3, 0.0, 0.0, 1.0],
    ];
    let order: Vec<Option<usize>> = match idle {
        None => (0..3).map(Some).collect(),
        Some(at) => {
            let mut all: Vec<Option<usize>> = (0..3).map(Some).collect();
            all.insert(at, None);
            all
        }
    };
    let still = Kernel::identity(3).rows().to_vec();
    let project = |i: usize| {
        let served = |served: &Option<usize>| *served == Some(i);
        let utility = order.iter().map(|a| if served(a) { values[i].to_vec() } else { vec![0.0; 3] });
        let moves = order.iter().map(|a| if served(a) { kernels[i].to_vec() } else { still.clone() });
        let mut player = player(utility.collect(), moves.collect(), None);
        player.absent = Some(vec![(0..order.len()).filter(|a| order[*a] != Some(i)).collect()]);
        player
    };
    parts(Horizon::Infinite, vec![(0..order.len()).collect()], vec![1.0], (0..3).map(project).collect())
}

/// Two players who get something that comes or does not, and are moved by it or not.
fn takers(alike: bool, moved: bool) -> Parts {
    let taker = |i: usize| {
        let worth = |x: usize| 1.0 + x as f64 * if alike { 1.0 } else { 1.0 + 0.5 * i as f64 };
        let gets = |a: usize| a == i + 1;
        let utility = (0..3).map(|a| (0..3).map(|x| if gets(a) { worth(x) } else { -0.1 }).collect());
        let rest = vec![0.7, 0.2, 0.1, 0.1, 0.8, 0.1, 0.1, 0.2, 0.7];
        let used = vec![0.9, 0.1, 0.0, 0.6, 0.3, 0.1, 0.3, 0.3, 0.4];
        let kernels = (0..3).map(|a| if moved && gets(a) { used.clone() } else { rest.clone() });
        player(utility.collect(), kernels.collect(), Some(vec![0.0, 0.1, 0.3]))
    };
    parts(Horizon::Finite(2), vec![vec![0], vec![0, 1, 2]], vec![0.3, 0.7], (0..2).map(taker).collect())
}

fn found_in_met(solution: &Solution) -> Measures {
    let rule = |period: usize, state: &State| solution.ruling(period, state).unwrap();
    let world = Problem::whole(Arc::new(solution.model().clone()));
    let case = Case { solution, rule: &rule, time: PaymentTime::BeforeOutcome, options: QUICK, world };
    met::look(&case, "a test".into(), &|_| ())
}

fn found_in_all(model: &Model, options: &Options) -> Measures {
    let product = solve_product(model, options, &|_| ()).unwrap();
    let tables = |period| rules(&product, period);
    let subject = Subject {
        product: &product,
        rules: &tables,
        time: PaymentTime::BeforeOutcome,
        options: QUICK,
        left: left(&product),
    };
    whole(&subject, &mut |_, _| (), &|_| ())
}

/// Numbers of each player that are compared: where they come from, and whether the structure computes them.
type Part = (&'static str, fn(&Seat) -> f64);

fn compare(name: &str, parts: Parts, structure: Structure, mode: Without, numbers: &[Part]) {
    let model = Model::new(parts).unwrap();
    let options = Options { mode, tolerance: Some(1e-11), ..Options::default() };
    let solution = solve_as(structure, &model, &options, &|_| ()).unwrap();
    let (met, all) = (found_in_met(&solution), found_in_all(&model, &options));
    for (i, (a, b)) in met.seats.iter().zip(&all.seats).enumerate() {
        for (what, of) in numbers {
            let (x, y) = (of(a), of(b));
            assert!((x - y).abs() < 1e-8, "{name}, {mode:?}, player {i}, {what}: {x} instead of {y}");
        }
    }
    for (x, y) in met.leak.iter().zip(&all.leak) {
        assert!(
            (x.value - y.value).abs() < 1e-8,
            "{name}, {mode:?}, leak: {} instead of {}",
            x.value,
            y.value
        );
    }
    assert!(met.better.value < 1e-8 && met.infeasible.value == 0.0);
    assert!(met.difference.value < 1e-8 && met.accounts.value < 1e-8, "{met:#?}");
}

const EVERYWHERE: [Part; 2] = [("one lie", |seat| seat.once.value), ("payment", |seat| seat.payment.value)];
const VALUES: [Part; 2] = [("value", |seat| seat.zero.value), ("stated", |seat| seat.over_stated.value)];
const LEFT: [Part; 2] = [("alone", |seat| seat.alone.value), ("over alone", |seat| seat.over_alone.value)];

#[test]
fn indices_say_what_programs_over_all_states_say() {
    let all = [EVERYWHERE, VALUES, LEFT].concat();
    for idle in [None, Some(0), Some(2), Some(3)] {
        for mode in Without::ALL {
            compare("projects", projects(idle), Structure::Index, mode, &all);
        }
    }
}

#[test]
fn multisets_say_what_programs_over_all_states_say() {
    for mode in Without::ALL {
        let numbers = [EVERYWHERE, VALUES].concat();
        compare("takers", takers(true, true), Structure::Exchangeable, mode, &numbers);
    }
}

/// Periods are looked at one by one: lies and payments are those of the whole game, and so is what is left alone in the
/// last of them.
#[test]
fn single_periods_say_what_programs_over_all_states_say() {
    for mode in [Without::Same, Without::Own] {
        compare("takers", takers(false, false), Structure::Static, mode, &EVERYWHERE);
        let mut last = takers(false, false);
        last.horizon = Horizon::Finite(1);
        last.players.iter_mut().for_each(|player| player.terminal = Some(Varying::constant(vec![0.0; 3])));
        // At the end nothing is left, and that counts as a value where periods are looked at one by one.
        compare("last period", last, Structure::Static, mode, &[EVERYWHERE[0], EVERYWHERE[1], LEFT[1]]);
    }
}

/// A bribe for one report can be taken in every period: who looks ahead finds more.
#[test]
fn several_lies_in_a_row_are_found() {
    let model = Model::new(projects(Some(0))).unwrap();
    let solution = solve_as(Structure::Index, &model, &Options::default(), &|_| ()).unwrap();
    let lowest = |state: &State| state.types[2] == 2;
    let rule = |period: usize, state: &State| {
        let mut ruling = solution.ruling(period, state).unwrap();
        ruling.payment[2] -= if lowest(state) { 0.4 } else { 0.0 };
        ruling
    };
    let world = Problem::whole(Arc::new(model.clone()));
    let case =
        Case { solution: &solution, rule: &rule, time: PaymentTime::BeforeOutcome, options: QUICK, world };
    let found = met::look(&case, "a test".into(), &|_| ());
    let seat = &found.seats[2];
    assert!(seat.once.value > 0.1 && seat.best.value > 1.5 * seat.once.value, "{seat:#?}");
    assert!(seat.best.at.contains("`player 2` reports type 2"), "{seat:#?}");
}
