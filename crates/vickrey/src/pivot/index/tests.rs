use proptest::prelude::*;

use super::*;
use crate::pivot::dense::Dense;
use crate::pivot::{Horizon, Kernel, Labels, Moves, Outcomes, Parts, Player, Public, Varying};

const PLENTY: u64 = 1 << 30;

/// An index case in parts: decision k serves player `order[k]`, or nobody.
#[derive(Clone, Debug)]
struct Case {
    discount: f64,
    arms: Vec<(Vec<f64>, Vec<f64>)>,
    order: Vec<Option<usize>>,
    public: f64,
    outside: Vec<f64>,
}

impl Case {
    fn new(discount: f64, arms: Vec<(Vec<f64>, Vec<f64>)>) -> Self {
        let order = (0..arms.len()).map(Some).collect();
        let outside = vec![0.0; arms.len()];
        Self { discount, arms, order, public: 0.0, outside }
    }

    /// All decisions but those that serve a player.
    fn others(&self, player: usize) -> Vec<usize> {
        (0..self.order.len()).filter(|a| self.order[*a] != Some(player)).collect()
    }

    fn player(&self, i: usize, own: bool) -> Player {
        let (values, rows) = &self.arms[i];
        let types = values.len();
        let served = |a: usize| self.order[a] == Some(i);
        let decisions = self.order.len();
        let utility = |a: usize| if served(a) { values.clone() } else { vec![0.0; types] };
        let kernel = |a: usize| {
            if served(a) { Kernel::new(types, rows.clone()) } else { Kernel::identity(types) }
        };
        Player {
            types,
            utility: Varying::by_decision((0..decisions).map(utility).collect()),
            moves: Moves::new(Varying::by_decision((0..decisions).map(kernel).collect())),
            terminal: None,
            prior: vec![1.0 / types as f64; types],
            absent: own.then(|| vec![self.others(i)]),
            outside: Some(Varying::constant((0..types).map(|x| self.outside[i] * x as f64).collect())),
        }
    }

    fn parts(&self, own: bool) -> Parts {
        Parts {
            horizon: Horizon::Infinite,
            discount: self.discount,
            decisions: self.order.len(),
            outcomes: Outcomes {
                feasible: vec![(0..self.order.len()).collect()],
                probability: Varying::constant(vec![1.0]),
            },
            public: Public { utility: Varying::constant(self.public), ..Public::nothing() },
            players: (0..self.arms.len()).map(|i| self.player(i, own)).collect(),
            labels: Labels::default(),
        }
    }

    fn model(&self, mode: Without) -> Model {
        Model::new(self.parts(mode == Without::Own)).unwrap()
    }

    fn solve(&self, mode: Without) -> IndexSolution {
        IndexSolution::new(&self.model(mode), mode, PLENTY).unwrap()
    }
}

/// Worked case E6.
fn licence() -> Case {
    Case::new(
        0.9,
        vec![
            (vec![1.0, 3.0, 0.5], vec![0.2, 0.5, 0.3, 0.1, 0.6, 0.3, 0.0, 0.2, 0.8]),
            (vec![2.0, 2.5, 0.0], vec![0.5, 0.3, 0.2, 0.3, 0.5, 0.2, 0.1, 0.1, 0.8]),
            (vec![1.5, 4.0, 1.0], vec![0.4, 0.2, 0.4, 0.0, 0.7, 0.3, 0.3, 0.1, 0.6]),
        ],
    )
}

/// Worked case E8.
fn fifty() -> Case {
    let arm = |j: usize| {
        let values = (0..4).map(|k| 1.0 + ((7 * j + 3 * k) % 11) as f64 / 10.0).collect();
        let row = |k: usize| {
            let weights: Vec<f64> = (0..4).map(|l| 1.0 + ((j + 2 * k + 3 * l) % 5) as f64).collect();
            let total: f64 = weights.iter().sum();
            weights.into_iter().map(move |w| w / total)
        };
        (values, (0..4).flat_map(row).collect())
    };
    Case::new(0.95, (0..50).map(arm).collect())
}

fn close(found: f64, expected: f64, what: &str) {
    assert!((found - expected).abs() < 1e-9, "{what}: {found} instead of {expected}");
}

#[test]
fn worked_case_e6() {
    let solution = licence().solve(Without::Same);
    let indices = [
        [1.989_010_989_0, 3.0, 1.253_446_553_4],
        [2.164_634_146_3, 2.5, 0.880_434_782_6],
        [2.318_181_818_2, 4.0, 1.832_129_148_8],
    ];
    for (i, expected) in indices.iter().enumerate() {
        for (found, expected) in solution.indices(i).iter().zip(expected) {
            close(*found, *expected, "index");
        }
    }
    close(solution.value(&[0, 0, 0]), 20.571_180_761_5, "value");
    let mut without = [0.0; 3];
    solution.values_without(&[0, 0, 0], &mut without);
    for (i, expected) in [20.361_915_275_9, 19.775_738_584_0, 17.066_714_644_2].into_iter().enumerate() {
        close(without[i], expected, "value without one");
        close(solution.value_without(i, &[0, 0, 0]), expected, "value without one");
    }
    let (decision, payments) = solution.ruling(&[0, 0, 0]);
    assert_eq!((decision, payments[0], payments[1]), (2, 0.0, 0.0));
    close(payments[2], 1.706_671_464_4, "payment");
    for mode in [Without::Same, Without::Own, Without::Tight] {
        agrees(&licence(), mode).unwrap();
    }
}

#[test]
fn worked_case_e8() {
    let solution = fifty().solve(Without::Same);
    let spread: Vec<usize> = (0..50).map(|j| j % 4).collect();
    for (state, value, winner, price) in
        [(spread, 37.068_818_011_4, 1, 1.843_275_906_1), (vec![0; 50], 37.041_086_967_4, 3, 1.836_454_777_0)]
    {
        close(solution.value(&state), value, "value");
        let (decision, payments) = solution.ruling(&state);
        assert_eq!(decision, winner);
        close(payments[winner], price, "price");
        assert!((0..50).all(|i| i == winner || payments[i] == 0.0));
    }
}

#[test]
fn losers_pay_when_everything_costs() {
    let case = Case::new(0.9, vec![(vec![-1.0], vec![1.0]), (vec![-2.0], vec![1.0])]);
    let (decision, payments) = case.solve(Without::Same).ruling(&[0, 0]);
    assert_eq!((decision, payments[0]), (0, 0.0));
    close(payments[1], 1.0, "payment of the loser");
    let (_, payments) = case.solve(Without::Own).ruling(&[0, 0]);
    assert_eq!(payments, [-2.0, 0.0]);
}

#[test]
fn losers_pay_less_if_the_cost_may_lead_to_gains() {
    // Player 0 costs 3 until, with probability 1/4, she earns 1 for ever, worth 2: without player 1 nobody would ask
    // her, so player 1 pays 3 - 1/2 (1/4) 2.
    let hopeful = (vec![-3.0, 1.0], vec![0.75, 0.25, 0.0, 1.0]);
    let case = Case::new(0.5, vec![hopeful, (vec![-5.0], vec![1.0])]);
    let (decision, payments) = case.solve(Without::Same).ruling(&[0, 0]);
    assert_eq!((decision, payments[0]), (0, 0.0));
    close(payments[1], 2.75, "payment of the loser");
    agrees(&case, Without::Same).unwrap();
}

#[test]
fn equal_players_are_served_by_the_lowest_decision() {
    let arm = licence().arms[0].clone();
    let mut case = Case::new(0.9, vec![arm.clone(), arm.clone(), arm]);
    case.order = vec![None, Some(2), Some(0), Some(1)];
    let (decision, payments) = case.solve(Without::Same).ruling(&[1, 1, 0]);
    assert_eq!((decision, payments[1], payments[2]), (2, 0.0, 0.0));
    let (decision, _) = case.solve(Without::Same).ruling(&[1, 1, 1]);
    assert_eq!(decision, 1);
}

#[test]
fn public_utility_moves_values_and_nothing_else() {
    let mut case = licence();
    case.public = 1e9;
    for mode in [Without::Same, Without::Own, Without::Tight] {
        let (with, bare) = (case.solve(mode), licence().solve(mode));
        for state in [[0, 0, 0], [2, 1, 0], [1, 1, 2]] {
            assert_eq!(with.ruling(&state), bare.ruling(&state));
            assert!((with.value(&state) - bare.value(&state) - 1e10).abs() < 1e-5);
        }
    }
}

#[test]
fn many_levels_are_taken_in_several_chunks() {
    // Sixty arms of forty types have more levels than a chunk; the products of each are compared with those of all
    // other arms one by one.
    let arm = |j: usize| {
        let values = (0..40).map(|k| ((j * 37 + k * 61) % 101) as f64 / 50.0 - 0.7).collect();
        let row = |k: usize| (0..40).map(move |l| if (k * 7 + j + 1) % 40 == l { 0.75 } else { 0.25 / 39.0 });
        (values, (0..40).flat_map(row).collect())
    };
    let case = Case::new(0.97, (0..60).map(arm).collect());
    for mode in [Without::Same, Without::Own] {
        let solution = case.solve(mode);
        let state: Vec<usize> = (0..60).map(|j| (11 * j) % 40).collect();
        let mut all = vec![0.0; 60];
        solution.values_without(&state, &mut all);
        for (i, together) in all.iter().enumerate() {
            let alone = solution.value_without(i, &state);
            assert!((together / alone - 1.0).abs() < 1e-13, "player {i}: {together} and {alone}");
            assert!(alone <= solution.value(&state) * (1.0 + 1e-13));
        }
    }
    let tight = case.solve(Without::Tight);
    let state = vec![0; 60];
    let least = |state: &[usize]| {
        let with = |x: usize| tight.value(&[&[x], &state[1..]].concat());
        (0..40).map(with).fold(f64::INFINITY, f64::min)
    };
    assert!((tight.value_without(0, &state) / least(&state) - 1.0).abs() < 1e-13);
    let (winner, payments) = tight.ruling(&state);
    assert_ne!(winner, 0);
    let (values, rows) = &case.arms[winner];
    let next = |x: usize| {
        let mut next = state.clone();
        next[winner] = x;
        rows[x] * least(&next)
    };
    let price = least(&state) - values[0] - 0.97 * (0..40).map(next).sum::<f64>();
    assert!((payments[0] - price).abs() < 1e-11, "{} {price}", payments[0]);
}

#[test]
fn memory_is_counted_before_it_is_taken() {
    let refused = IndexSolution::new(&licence().model(Without::Same), Without::Same, 1000).unwrap_err();
    let IndexError::TooLarge { needed, allowed: 1000 } = refused else { panic!("{refused}") };
    assert!(refused.to_string().ends_with("1000 are allowed"));
    let enough = u64::try_from(needed).unwrap();
    assert!(IndexSolution::new(&licence().model(Without::Same), Without::Same, enough).is_ok());
}

fn refused(mode: Without, spoil: impl FnOnce(&mut Parts)) -> String {
    let mut parts = licence().parts(mode == Without::Own);
    spoil(&mut parts);
    IndexSolution::new(&Model::new(parts).unwrap(), mode, PLENTY).unwrap_err().to_string()
}

#[test]
fn own_decisions_may_be_given_for_some_players_only() {
    let costly = || {
        let mut case = licence();
        case.arms.iter_mut().flat_map(|(values, _)| values).for_each(|v| *v -= 2.5);
        case
    };
    let mut parts = costly().parts(true);
    parts.players[0].absent = None;
    let mixed = IndexSolution::new(&Model::new(parts).unwrap(), Without::Own, PLENTY).unwrap();
    let (same, own) = (costly().solve(Without::Same), costly().solve(Without::Own));
    for state in [[0, 0, 0], [2, 1, 0], [2, 2, 2]] {
        assert_eq!(mixed.value_without(0, &state), same.value_without(0, &state));
        assert_eq!(mixed.value_without(1, &state), own.value_without(1, &state));
        assert_ne!(mixed.value_without(1, &state), same.value_without(1, &state));
        let (decision, payments) = mixed.ruling(&state);
        let expected = [same.ruling(&state).1[0], own.ruling(&state).1[1], own.ruling(&state).1[2]];
        assert_eq!(decision, own.ruling(&state).0);
        for (found, expected) in payments.iter().zip(expected) {
            close(*found, expected, "payment");
        }
    }
}

/// The utility or kernels of a player, replaced for one decision.
fn replaced<T: Clone>(table: &Varying<T>, decision: usize, entry: T) -> Varying<T> {
    Varying::from_fn(
        [1, 3, 1],
        |_, a, _| if a == decision { entry.clone() } else { table.at(0, a, 0).clone() },
    )
}

#[test]
fn every_condition_names_what_fails() {
    let same = |spoil: &dyn Fn(&mut Parts)| refused(Without::Same, spoil);
    let finite = same(&|p| {
        p.horizon = Horizon::Finite(2);
        for player in &mut p.players {
            player.terminal = Some(Varying::constant(vec![0.0; 3]));
        }
    });
    assert!(finite.contains("finite"), "{finite}");
    let two = same(&|p| {
        p.outcomes.feasible = vec![vec![0, 1, 2]; 3];
        p.outcomes.probability = Varying::constant(vec![0.5, 0.0, 0.5]);
    });
    assert!(two.starts_with("outcomes 0 and 2 are both possible"), "{two}");
    let public = same(&|p| {
        p.public.states = 2;
        p.public.moves = Moves::constant(vec![(1, 1.0)]);
    });
    assert!(public.starts_with("there are 2 public states"), "{public}");
    let cares = same(&|p| p.public.utility = Varying::by_decision(vec![1.0, 1.0, 0.0]));
    assert!(cares.starts_with("the public utility of decision 2 differs"), "{cares}");
    let paid = same(&|p| {
        p.players[1].utility = replaced(&p.players[1].utility, 2, vec![0.0, 0.0, 0.1]);
    });
    assert!(
        paid.starts_with("player 1 is moved, or paid otherwise than by the rest, by decisions 1 and 2"),
        "{paid}"
    );
    let shared = same(&|p| {
        p.players[2].utility = replaced(&p.players[2].utility, 2, vec![0.0; 3]);
        p.players[2].moves = Moves::constant(Kernel::identity(3));
        p.players[2].utility = replaced(&p.players[2].utility, 1, vec![1.0; 3]);
    });
    assert!(
        shared.starts_with(
            "decision 1 concerns (moves, or pays otherwise than the rest) both player 1 and player 2"
        ),
        "{shared}"
    );
    let never = same(&|p| {
        p.players[2].utility = Varying::constant(vec![0.0; 3]);
        p.players[2].moves = Moves::constant(Kernel::identity(3));
    });
    assert!(
        never.starts_with("no feasible decision moves player 2 or pays her otherwise than the rest"),
        "{never}"
    );
    let absent = refused(Without::Own, |p| p.players[1].absent = Some(vec![vec![0]]));
    assert!(
        absent.contains("without player 1 must be all feasible ones but her own, decision 1"),
        "{absent}"
    );
    let leak = same(&|p| {
        p.discount = 1.0 - 1e-12;
        let rows = [vec![0.2, 0.5, 0.3 + 9e-10], vec![0.1, 0.6, 0.3], vec![0.0, 0.2, 0.8]].concat();
        let laws = Varying::by_decision(vec![Kernel::new(3, rows), Kernel::identity(3), Kernel::identity(3)]);
        p.players[0].moves = Moves::new(laws);
    });
    assert!(leak.starts_with("player 0, transition, row 0"), "{leak}");
}

#[test]
fn impossible_outcomes_and_infeasible_decisions_do_not_matter() {
    let mut parts = licence().parts(false);
    parts.outcomes.feasible = vec![vec![0], vec![0, 1]];
    parts.outcomes.probability = Varying::constant(vec![0.0, 1.0]);
    parts.players.pop();
    let solution = IndexSolution::new(&Model::new(parts).unwrap(), Without::Same, PLENTY).unwrap();
    assert_eq!(solution.decision_for(1), 1);
    close(solution.value(&[0, 0]), 17.066_714_644_2, "value of the first two");
}

/// Decisions without a player in the problem that stands for her absence.
fn sets(case: &Case, mode: Without, player: usize) -> Vec<usize> {
    if mode == Without::Own { case.others(player) } else { (0..case.order.len()).collect() }
}

/// Everything the tables say, in all states, against dynamic programming on the product of the types.
fn agrees(case: &Case, mode: Without) -> Result<(), TestCaseError> {
    let model = case.model(mode);
    let solution = IndexSolution::new(&model, mode, PLENTY).expect("an index case");
    let dense = Dense::new(&model);
    let n = case.arms.len();
    let whole = dense.stationary(None, &|_| (0..case.order.len()).collect());
    let without: Vec<Vec<f64>> = (0..n)
        .map(|i| match mode {
            Without::Tight => least(case, &dense, &whole, i),
            _ => dense.stationary(Some(i), &|_| sets(case, mode, i)),
        })
        .collect();
    let mut values = vec![0.0; n];
    for (at, state) in dense.states.iter().enumerate() {
        let types = &state[1..];
        let near = |a: f64, b: f64| (a - b).abs() < 2e-11 * (1.0 + b.abs());
        prop_assert!(near(solution.value(types), whole[at]), "{} {}", solution.value(types), whole[at]);
        solution.values_without(types, &mut values);
        let (decision, payments) = solution.ruling(types);
        let q: Vec<f64> = (0..case.order.len()).map(|a| dense.q(0, a, state, &whole, None)).collect();
        prop_assert!(near(q[decision], whole[at]), "decision {decision} in {state:?}: {q:?}");
        prop_assert!(q[..decision].iter().all(|q| q + 1e-10 < whole[at]), "not the lowest in {state:?}");
        for i in 0..n {
            prop_assert!(near(values[i], without[i][at]), "without {i} in {state:?}");
            prop_assert!(near(solution.value_without(i, types), without[i][at]));
            let price = without[i][at] - dense.q(0, decision, state, &without[i], Some(i));
            prop_assert!((payments[i] - price).abs() < 1e-10, "{i} in {state:?}: {} {price}", payments[i]);
        }
    }
    Ok(())
}

/// What stands for the value without a player in mode tight.
fn least(case: &Case, dense: &Dense<'_>, whole: &[f64], player: usize) -> Vec<f64> {
    let of = |state: &Vec<usize>| {
        let left = |x: usize| {
            let mut other = state.clone();
            other[player + 1] = x;
            whole[dense.place(&other)] - case.outside[player] * x as f64
        };
        (0..case.arms[player].0.len()).map(left).fold(f64::INFINITY, f64::min)
    };
    dense.states.iter().map(of).collect()
}

/// Small cases: values that repeat, kernels with zeros, sometimes copies of a player and an idle decision.
fn cases() -> impl Strategy<Value = Case> {
    let arm = (1..=3usize).prop_flat_map(|types| {
        let values = prop::collection::vec((-4..=3i8).prop_map(f64::from), types);
        let weights = prop::collection::vec(0..4u8, types * types);
        (values, weights).prop_map(move |(values, weights)| {
            let rows = (0..types).flat_map(|k| {
                let row: Vec<f64> =
                    weights[k * types..(k + 1) * types].iter().map(|w| f64::from(*w)).collect();
                let total: f64 = row.iter().sum();
                let stays = move |l: usize| f64::from(u8::from(l == k));
                row.into_iter().enumerate().map(move |(l, w)| if total > 0.0 { w / total } else { stays(l) })
            });
            // A player whom no decision moves or pays is no index case.
            let mut values = values;
            if values.iter().all(|v| *v == 0.0) {
                values[0] = -1.0;
            }
            (values, rows.collect())
        })
    });
    let arms = prop::collection::vec(arm, 1..=3);
    let sign = prop::sample::select(vec![-1.0, 0.0, 1.0]);
    (arms, any::<bool>(), 0..8usize, any::<bool>(), prop::sample::select(vec![0.5, 0.8, 0.9]), sign).prop_map(
        |(mut arms, copy, idle, turned, discount, shift)| {
            if copy {
                let last = arms.len() - 1;
                arms[last] = arms[0].clone();
            }
            for value in arms.iter_mut().flat_map(|(values, _)| values) {
                *value += 3.0 * shift;
            }
            let mut case = Case::new(discount, arms);
            if turned {
                case.order.reverse();
            }
            if idle <= case.order.len() {
                case.order.insert(idle, None);
            }
            case.public = shift;
            case.outside = (0..case.arms.len()).map(|i| i as f64 - 0.5).collect();
            case
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn agrees_with_dynamic_programming(
        case in cases(),
        mode in prop::sample::select(vec![Without::Same, Without::Own, Without::Tight]),
    ) {
        let lonely = case.order.len() == 1 && mode == Without::Own;
        prop_assume!(!lonely && case.arms.iter().all(|(v, _)| v.iter().any(|v| *v != 0.0)));
        agrees(&case, mode)?;
    }
}
