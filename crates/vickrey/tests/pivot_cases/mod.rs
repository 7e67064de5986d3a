//! The worked cases of paper 002 as instances.
#![allow(dead_code)]

use vickrey::pivot::{Horizon, Kernel, Labels, Model, Moves, Outcomes, Parts, Player, Public, Varying};

/// A player whose kernels depend on the decision alone.
pub fn player(utility: Vec<Vec<f64>>, kernels: Vec<Vec<f64>>, terminal: Option<Vec<f64>>) -> Player {
    let types = utility[0].len();
    let kernels = kernels.into_iter().map(|rows| Kernel::new(types, rows)).collect();
    let mut prior = vec![0.0; types];
    prior[0] = 1.0;
    Player {
        types,
        utility: Varying::by_decision(utility),
        moves: Moves::new(Varying::by_decision(kernels)),
        terminal: terminal.map(Varying::constant),
        prior,
        absent: None,
        outside: None,
    }
}

/// E1: an item comes with probability 0.4; types 0 and 5 against a fixed 3.
pub fn item() -> Parts {
    let first = player(
        vec![vec![0.0; 2], vec![0.0, 5.0], vec![0.0; 2]],
        vec![vec![1.0, 0.0, 0.0, 1.0]; 3],
        Some(vec![0.0; 2]),
    );
    let second = player(vec![vec![0.0], vec![0.0], vec![3.0]], vec![vec![1.0]; 3], Some(vec![0.0]));
    Parts {
        horizon: Horizon::Finite(1),
        discount: 1.0,
        decisions: 3,
        outcomes: Outcomes {
            feasible: vec![vec![0], vec![1, 2]],
            probability: Varying::constant(vec![0.6, 0.4]),
        },
        public: Public::nothing(),
        players: vec![first, second],
        labels: Labels::default(),
    }
}

/// E3: cost 1 and value 3 of a trade, fixed set {no, trade}; without anybody only "no" if `own`.
pub fn trade(own: bool) -> Parts {
    let one = |value: f64| {
        let mut player = player(vec![vec![0.0], vec![value]], vec![vec![1.0]; 2], Some(vec![0.0]));
        player.absent = own.then(|| vec![vec![0]]);
        player
    };
    Parts {
        horizon: Horizon::Finite(1),
        discount: 1.0,
        decisions: 2,
        outcomes: Outcomes { feasible: vec![vec![0, 1]], probability: Varying::constant(vec![1.0]) },
        public: Public::nothing(),
        players: vec![one(-1.0), one(3.0)],
        labels: Labels::default(),
    }
}

/// E4: two storage providers; idle, use the first, use the second, curtail at `cost`.
pub fn storage(horizon: Horizon, discount: f64, cost: f64) -> Parts {
    let rest = vec![0.9, 0.1, 0.6, 0.4];
    let used = vec![0.3, 0.7, 0.1, 0.9];
    let terminal = matches!(horizon, Horizon::Finite(_)).then(|| vec![0.0, -1.0]);
    let provider = |use_her: usize| {
        let utility = (0..4).map(|a| if a == use_her { vec![-1.0, -4.0] } else { vec![0.0; 2] });
        let kernels = (0..4).map(|a| if a == use_her { used.clone() } else { rest.clone() });
        let mut player = player(utility.collect(), kernels.collect(), terminal.clone());
        let others: Vec<usize> = (1..4).filter(|a| *a != use_her).collect();
        player.absent = Some(vec![vec![0], others]);
        player
    };
    Parts {
        horizon,
        discount,
        decisions: 4,
        outcomes: Outcomes {
            feasible: vec![vec![0], vec![1, 2, 3]],
            probability: Varying::constant(vec![0.4, 0.6]),
        },
        public: Public { utility: Varying::by_decision(vec![0.0, 0.0, 0.0, -cost]), ..Public::nothing() },
        players: vec![provider(1), provider(2)],
        labels: Labels::default(),
    }
}

/// E5: items with bits 1, 2, 4 for two or three players; public state = who holds what.
pub fn goods(periods: usize, players: usize) -> Parts {
    let base: [[f64; 8]; 3] = [
        [0.0, 1.0, 1.0, 4.0, 1.0, 3.0, 2.0, 12.0],
        [0.0, 2.0, 1.0, 5.0, 0.0, 2.0, 1.0, 9.0],
        [0.0, 1.0, 2.0, 4.0, 2.0, 4.0, 5.0, 10.0],
    ];
    let factor = [[0.5, 1.5], [0.75, 1.25], [0.5, 1.0]];
    let kernel = [[0.7, 0.3, 0.4, 0.6], [0.6, 0.4, 0.2, 0.8], [0.5, 0.5, 0.5, 0.5]];
    let publics = 8_usize.pow(players as u32);
    let mask = |s: usize, i: usize| (s / 8_usize.pow((players - 1 - i) as u32)) % 8;
    let value = |i: usize, t: usize, s: usize| -> Vec<f64> {
        let worth = 0.9_f64.powi(t as i32) * base[i][mask(s, i)];
        factor[i].iter().map(|f| f * worth).collect()
    };
    let all = (0..players).map(|i| Player {
        types: 2,
        utility: Varying::from_fn([periods, 1, publics], |t, _, s| value(i, t, s)),
        moves: Moves::constant(Kernel::new(2, kernel[i].to_vec())),
        terminal: Some(Varying::from_fn([1, 1, publics], |_, _, s| value(i, periods, s))),
        prior: vec![0.5, 0.5],
        absent: None,
        outside: None,
    });
    let decisions = 1 + 3 * players;
    let next = |a: usize, s: usize| {
        if a == 0 {
            return s;
        }
        let (item, to) = ((a - 1) / players, (a - 1) % players);
        let weight = 8_usize.pow((players - 1 - to) as u32);
        s + ((mask(s, to) | 1 << item) - mask(s, to)) * weight
    };
    let laws = (0..publics).map(|s| vec![(s, 1.0)]).collect();
    let give = |item: usize| (0..players).map(|i| 1 + item * players + i).collect();
    Parts {
        horizon: Horizon::Finite(periods),
        discount: 1.0,
        decisions,
        outcomes: Outcomes {
            feasible: vec![vec![0], give(0), give(1), give(2)],
            probability: Varying::constant(vec![0.1, 0.3, 0.3, 0.3]),
        },
        public: Public {
            states: publics,
            moves: Moves::of(laws, Varying::from_fn([1, decisions, publics], |_, a, s| next(a, s))),
            ..Public::nothing()
        },
        players: all.collect(),
        labels: Labels::default(),
    }
}

/// E6: three projects, one of which gets the licence.
pub fn licence() -> Parts {
    let values = [[1.0, 3.0, 0.5], [2.0, 2.5, 0.0], [1.5, 4.0, 1.0]];
    let kernels = [
        [0.2, 0.5, 0.3, 0.1, 0.6, 0.3, 0.0, 0.2, 0.8],
        [0.5, 0.3, 0.2, 0.3, 0.5, 0.2, 0.1, 0.1, 0.8],
        [0.4, 0.2, 0.4, 0.0, 0.7, 0.3, 0.3, 0.1, 0.6],
    ];
    let identity = vec![1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
    let project = |i: usize| {
        let utility = (0..3).map(|a| if a == i { values[i].to_vec() } else { vec![0.0; 3] });
        let moves = (0..3).map(|a| if a == i { kernels[i].to_vec() } else { identity.clone() });
        player(utility.collect(), moves.collect(), None)
    };
    Parts {
        horizon: Horizon::Infinite,
        discount: 0.9,
        decisions: 3,
        outcomes: Outcomes { feasible: vec![vec![0, 1, 2]], probability: Varying::constant(vec![1.0]) },
        public: Public::nothing(),
        players: (0..3).map(project).collect(),
        labels: Labels::default(),
    }
}

/// E7: two players with logarithmic AR(1) values and a stock of two units, with any chain of types.
pub fn stock(nodes: &[f64], kernel: &[f64]) -> Parts {
    let n = nodes.len();
    let player = |i: usize| Player {
        types: n,
        utility: Varying::from_fn([1, 3, 3], |_, a, s| {
            let value = |x: &f64| if a == i + 1 && s > 0 { (x + 0.1 * i as f64).exp() } else { 0.0 };
            nodes.iter().map(value).collect()
        }),
        moves: Moves::constant(Kernel::new(n, kernel.to_vec())),
        terminal: Some(Varying::constant(vec![0.0; n])),
        prior: vec![1.0 / n as f64; n],
        absent: None,
        outside: None,
    };
    let law = |_: usize, a: usize, s: usize| vec![(if a == 0 { s } else { s.saturating_sub(1) }, 1.0)];
    Parts {
        horizon: Horizon::Finite(4),
        discount: 1.0,
        decisions: 3,
        outcomes: Outcomes {
            feasible: vec![vec![0], vec![0, 1, 2]],
            probability: Varying::constant(vec![0.3, 0.7]),
        },
        public: Public {
            states: 3,
            start: 2,
            moves: Moves::new(Varying::from_fn([1, 3, 3], law)),
            ..Public::nothing()
        },
        players: vec![player(0), player(1)],
        labels: Labels::default(),
    }
}

/// The instance, checked.
pub fn model(parts: Parts) -> Model {
    Model::new(parts).expect("a sound instance")
}
