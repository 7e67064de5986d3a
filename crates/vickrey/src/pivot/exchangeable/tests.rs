use proptest::prelude::*;

use super::*;
use crate::pivot::dense::Dense;
use crate::pivot::{Horizon, Kernel, Labels, Moves, Outcomes, Parts, Player, Public};

const PLENTY: u64 = 1 << 30;

/// Worked case E4: two storage providers.
fn storage() -> Parts {
    let provider = |i: usize| {
        let used = |a: usize| a == i + 1;
        let utility = |a: usize| if used(a) { vec![-1.0, -4.0] } else { vec![0.0; 2] };
        let kernel = |a: usize| {
            let rows = if used(a) { [0.3, 0.7, 0.1, 0.9] } else { [0.9, 0.1, 0.6, 0.4] };
            Kernel::new(2, rows.to_vec())
        };
        Player {
            types: 2,
            utility: Varying::by_decision((0..4).map(utility).collect()),
            moves: Moves::new(Varying::by_decision((0..4).map(kernel).collect())),
            terminal: Some(Varying::constant(vec![0.0, -1.0])),
            prior: vec![0.25, 0.75],
            absent: Some(vec![vec![0], (1..4).filter(|a| !used(*a)).collect()]),
            outside: None,
        }
    };
    Parts {
        horizon: Horizon::Finite(3),
        discount: 1.0,
        decisions: 4,
        outcomes: Outcomes {
            feasible: vec![vec![0], vec![1, 2, 3]],
            probability: Varying::constant(vec![0.4, 0.6]),
        },
        public: Public { utility: Varying::by_decision(vec![0.0, 0.0, 0.0, -10.0]), ..Public::nothing() },
        players: vec![provider(0), provider(1)],
        labels: Labels::default(),
    }
}

fn found(spoil: impl FnOnce(&mut Parts)) -> Vec<Vec<usize>> {
    let mut parts = storage();
    spoil(&mut parts);
    groups(&Model::new(parts).unwrap())
}

#[test]
fn worked_case_e4_lumped() {
    let lumped = Lumped::new(&Model::new(storage()).unwrap(), PLENTY).unwrap();
    assert_eq!((lumped.groups(), lumped.model().player(0).types), (&[vec![0, 1]][..], 3));
    assert_eq!(lumped.model().player(0).prior, [0.0625, 0.375, 0.5625]);
    assert_eq!(lumped.model().labels().players, ["player 0, player 1"]);
    assert_eq!(lumped.model().labels().types[0][1], "type 0, type 1");
    let dense = Dense::new(lumped.model());
    let values = &dense.backward()[0];
    for (types, expected) in
        [([0, 0], -2.871_517_52), ([0, 1], -3.206_384_48), ([1, 0], -3.206_384_48), ([1, 1], -5.249_669_6)]
    {
        let at = dense.place(&[vec![0], lumped.state(&types)].concat());
        assert!((values[at] - expected).abs() < 1e-12, "{types:?}: {}", values[at]);
    }
    assert_eq!(lumped.representative(&[1]), [0, 1]);
}

#[test]
fn one_decision_for_each_type_that_may_be_served() {
    let mut parts = storage();
    let (first, count) = (parts.players[0].clone(), 6);
    let store = |i: usize| {
        let of = |a: usize| if a == i + 1 { 1 } else { 0 };
        let utility = (0..count + 2).map(|a| first.utility.at(0, of(a), 0).clone());
        let kernels = (0..count + 2).map(|a| first.moves.at(0, of(a), 0).clone());
        Player {
            utility: Varying::by_decision(utility.collect()),
            moves: Moves::new(Varying::by_decision(kernels.collect())),
            absent: None,
            ..first.clone()
        }
    };
    parts.decisions = count + 2;
    parts.outcomes.feasible = vec![vec![0], (1..count + 2).collect()];
    parts.public.utility = Varying::by_decision([vec![0.0; count + 1], vec![-10.0]].concat());
    parts.players = (0..count).map(store).collect();
    let model = Model::new(parts).unwrap();
    let lumped = Lumped::new(&model, PLENTY).unwrap();
    // Nobody, a store of either type, and curtailing, which moves the stores as nobody does.
    let small = lumped.model();
    assert_eq!((small.decisions(), small.player(0).types, small.player(0).moves.laws().len()), (4, 7, 3));
    assert_eq!(small.feasible(1), [1, 2, 3]);
    let labels = &small.labels().decisions;
    assert_eq!(labels[2], "decision 1 or alike (type 1)");
    let (whole, dense) = (Dense::new(&model), Dense::new(small));
    let values = &dense.backward()[0];
    for (state, value) in whole.states.iter().zip(&whole.backward()[0]) {
        let at = dense.place(&[vec![0], lumped.state(&state[1..])].concat());
        assert!((values[at] - value).abs() < 1e-12, "{state:?}");
    }
}

#[test]
fn any_difference_keeps_players_apart() {
    let apart = [vec![0], vec![1]];
    assert_eq!(found(|_| {}), [vec![0, 1]]);
    assert_eq!(found(|p| p.players[1].prior = vec![1.0, 0.0]), [vec![0, 1]]);
    assert_eq!(found(|p| p.players[1].absent = None), apart);
    assert_eq!(found(|p| p.players[1].terminal = Some(Varying::constant(vec![0.0, -1.5]))), apart);
    assert_eq!(found(|p| p.players[1].outside = Some(Varying::constant(vec![0.0, 1.0]))), apart);
    assert_eq!(found(|p| p.outcomes.feasible[0] = vec![0, 1]), apart);
    assert_eq!(found(|p| p.public.utility = Varying::by_decision(vec![0.0, -0.1, 0.0, -10.0])), apart);
    assert_eq!(
        found(|p| {
            let zero = vec![0.0; 2];
            let cheaper = vec![-1.0, -3.0];
            p.players[1].utility = Varying::by_decision(vec![zero.clone(), zero.clone(), cheaper, zero]);
        }),
        apart
    );
    assert_eq!(
        found(|p| {
            let kernel = |a: usize| if a == 2 { 0.5 } else { 0.9 };
            let kernel = |a: usize| Kernel::new(2, vec![kernel(a), 1.0 - kernel(a), 0.6, 0.4]);
            p.players[1].moves = Moves::new(Varying::by_decision((0..4).map(kernel).collect()));
        }),
        apart
    );
}

#[test]
fn a_third_party_who_tells_two_apart_keeps_them_apart() {
    let with_third = |paid: [f64; 4]| {
        found(|p| {
            let mut third = p.players[0].clone();
            third.utility = Varying::by_decision(paid.map(|v| vec![v; 2]).to_vec());
            third.moves = Moves::constant(Kernel::identity(2));
            third.absent = None;
            p.players.push(third);
        })
    };
    assert_eq!(with_third([0.0, 2.0, 2.0, 0.0]), [vec![0, 1], vec![2]]);
    assert_eq!(with_third([0.0, 2.0, 3.0, 0.0]), [vec![0], vec![1], vec![2]]);
}

#[test]
fn memory_is_counted_before_it_is_taken() {
    let mut parts = storage();
    // Forty players of twelve types whom nothing distinguishes: 10^10 multisets.
    let player = Player {
        types: 12,
        utility: Varying::constant(vec![0.0; 12]),
        moves: Moves::constant(Kernel::identity(12)),
        terminal: Some(Varying::constant(vec![0.0; 12])),
        prior: vec![1.0 / 12.0; 12],
        absent: None,
        outside: None,
    };
    parts.players = vec![player; 40];
    let model = Model::new(parts).unwrap();
    assert_eq!(groups(&model).len(), 1);
    let LumpError::TooLarge { needed, .. } = Lumped::new(&model, PLENTY).unwrap_err() else {
        panic!("too large")
    };
    // C(51, 11)^2 doubles and more.
    assert!(needed > 8 * 47_626_016_970_u128.pow(2));
}

/// Numbers from which a symmetric game is made: players 0 and 2 (and 3) are alike, player 1 is not.
#[derive(Clone, Debug)]
struct Numbers {
    players: usize,
    /// By role, public state, type.
    utility: Vec<f64>,
    weights: Vec<u8>,
    public: Vec<f64>,
    turn: usize,
}

fn numbers() -> impl Strategy<Value = Numbers> {
    let utility = prop::collection::vec((-6..=6i8).prop_map(f64::from), 24);
    let weights = prop::collection::vec(1..5u8, 48);
    let public = prop::collection::vec((-6..=6i8).prop_map(f64::from), 6);
    (2..=4usize, utility, weights, public, 0..100usize).prop_map(
        |(players, utility, weights, public, turn)| Numbers { players, utility, weights, public, turn },
    )
}

/// Decisions serve nobody, one player or two; which public state follows depends on how many are served.
fn symmetric(n: &Numbers) -> Model {
    let mut served: Vec<Vec<usize>> = vec![Vec::new()];
    served.extend((0..n.players).map(|i| vec![i]));
    served.extend((0..n.players).flat_map(|i| (0..i).map(move |j| vec![j, i])));
    let count = served.len();
    served.rotate_left(n.turn % count);
    let up_to = |most: usize| (0..count).filter(|a| served[*a].len() <= most).collect();
    // 0: idle, 1: alone, 2: with another one; player 1 has numbers of her own.
    let role = |i: usize, a: usize| {
        let role = if served[a].contains(&i) { served[a].len() } else { 0 };
        role + if i == 1 { 3 } else { 0 }
    };
    let player = |i: usize| {
        let utility = |a: usize, s: usize| (0..2).map(|x| n.utility[(role(i, a) * 2 + s) * 2 + x]).collect();
        let kernel = |a: usize, s: usize| {
            let row = |x: usize| {
                let at = ((role(i, a) * 2 + s) * 2 + x) * 2;
                let total = f64::from(n.weights[at]) + f64::from(n.weights[at + 1]);
                [f64::from(n.weights[at]) / total, f64::from(n.weights[at + 1]) / total]
            };
            Kernel::new(2, [row(0), row(1)].concat())
        };
        let own = if i == 1 { 3 } else { 0 };
        Player {
            types: 2,
            utility: Varying::from_fn([1, count, 2], |_, a, s| utility(a, s)),
            moves: Moves::new(Varying::from_fn([1, count, 2], |_, a, s| kernel(a, s))),
            terminal: Some(Varying::constant(n.utility[own..own + 2].to_vec())),
            prior: vec![0.5; 2],
            absent: None,
            outside: None,
        }
    };
    let stay =
        |a: usize| vec![(0, 0.25 + 0.25 * served[a].len() as f64), (1, 0.75 - 0.25 * served[a].len() as f64)];
    let parts = Parts {
        horizon: Horizon::Finite(3),
        discount: 0.9,
        decisions: count,
        outcomes: Outcomes {
            feasible: vec![up_to(0), up_to(1), up_to(2)],
            probability: Varying::constant(vec![0.2, 0.4, 0.4]),
        },
        public: Public {
            states: 2,
            start: 0,
            utility: Varying::from_fn([1, count, 2], |_, a, s| n.public[2 * served[a].len() + s]),
            moves: Moves::new(Varying::by_decision((0..count).map(stay).collect())),
            terminal: vec![0.0, 1.0],
        },
        players: (0..n.players).map(player).collect(),
        labels: Labels::default(),
    };
    Model::new(parts).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn values_are_those_of_the_original(numbers in numbers()) {
        let model = symmetric(&numbers);
        let lumped = Lumped::new(&model, PLENTY).unwrap();
        // Numbers may happen to make player 1 like the others.
        let apart = 1 + usize::from(numbers.players > 1);
        prop_assert!(lumped.groups().len() <= apart);
        let (whole, small) = (Dense::new(&model), Dense::new(lumped.model()));
        for (value, lumped_value) in whole.backward().iter().zip(small.backward()) {
            for (state, expected) in whole.states.iter().zip(value) {
                let own = [vec![state[0]], lumped.state(&state[1..])].concat();
                let found = lumped_value[small.place(&own)];
                prop_assert!((found - expected).abs() < 1e-12 * (1.0 + expected.abs()), "{state:?}");
            }
        }
        for k in 0..lumped.model().player(0).types {
            let state: Vec<usize> = std::iter::once(k).chain(vec![0; lumped.groups().len() - 1]).collect();
            prop_assert_eq!(lumped.state(&lumped.representative(&state)), state);
        }
    }
}
