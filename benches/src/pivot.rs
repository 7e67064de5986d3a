//! Instances of the dynamic pivot mechanism drawn at random, and the same solved with joint kernels.

use rand::{Rng, RngExt};
use serde_json::{Value, json};
use vickrey::numeric::random::{Purpose, stream};
use vickrey::pivot::model::PublicLaw;
use vickrey::pivot::solve::State;
use vickrey::pivot::{Horizon, Kernel, Labels, Model, Moves, Outcomes, Parts, Player, Public, Varying};

use crate::Failure;

/// The random stream of the public and the outcomes; players have those from 0 on.
const PUBLIC: u64 = u64::MAX;

/// What decisions move, which is what the time depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A decision uses one player, who then moves differently; the public state moves by itself. Storage.
    Used,
    /// Every decision moves everybody differently, the public too. Nothing can be shared.
    Every,
    /// No decision moves a player, each moves the public state with certainty. Goods handed out.
    Goods,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Used, Self::Every, Self::Goods];

    /// The name in tables and arguments.
    pub fn name(self) -> &'static str {
        match self {
            Self::Used => "used",
            Self::Every => "every",
            Self::Goods => "goods",
        }
    }

    /// The kind with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// The size of an instance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape {
    /// What decisions move.
    pub kind: Kind,
    /// Number of players.
    pub players: usize,
    /// Types of every player.
    pub types: usize,
    /// Public states.
    pub publics: usize,
    /// Decisions, at least 3: nothing; one player each (in turn, if there are more decisions than players); elsewhere.
    pub decisions: usize,
    /// Outcomes, at least 2: nothing to decide; everything feasible; half of it feasible.
    pub outcomes: usize,
    /// Weight of staying in every law but that of goods; 0 unless chains are to be slow.
    pub stay: f64,
}

impl Shape {
    /// Two outcomes, chains as they are drawn.
    pub fn new(kind: Kind, players: usize, types: usize, publics: usize, decisions: usize) -> Self {
        Self { kind, players, types, publics, decisions, outcomes: 2, stay: 0.0 }
    }

    /// Number of joint states.
    pub fn states(&self) -> usize {
        self.publics * self.types.pow(self.players as u32)
    }

    /// The instance over so many periods.
    ///
    /// # Errors
    /// Fewer than 3 decisions, or a size of 0.
    pub fn finite(&self, periods: usize, seed: u64) -> Result<Model, Failure> {
        self.model(Horizon::Finite(periods), 1.0, seed)
    }

    /// The instance without end.
    ///
    /// # Errors
    /// As for [`finite`](Self::finite), or a discount factor outside (0, 1).
    pub fn stationary(&self, discount: f64, seed: u64) -> Result<Model, Failure> {
        self.model(Horizon::Infinite, discount, seed)
    }

    fn model(&self, horizon: Horizon, discount: f64, seed: u64) -> Result<Model, Failure> {
        if self.decisions < 3 || self.outcomes < 2 {
            return Err("an instance has at least 3 decisions and 2 outcomes".into());
        }
        let finite = horizon != Horizon::Infinite;
        let players = (0..self.players).map(|i| self.player(i, finite, seed)).collect();
        let mut random = stream(seed, Purpose::Instance, PUBLIC);
        Ok(Model::new(Parts {
            horizon,
            discount,
            decisions: self.decisions,
            outcomes: self.outcome(&mut random),
            public: self.public(&mut random),
            players,
            labels: Labels::default(),
        })?)
    }

    /// Whom a decision uses.
    fn used(&self, decision: usize) -> Option<usize> {
        (1..self.decisions - 1).contains(&decision).then(|| (decision - 1) % self.players)
    }

    fn outcome(&self, random: &mut dyn Rng) -> Outcomes {
        let last = self.decisions - 1;
        let half = |z: usize| {
            (1..=last).filter(move |a| z == 1 || (a + z).is_multiple_of(2) || *a == last).collect()
        };
        let feasible = (0..self.outcomes).map(|z| if z == 0 { vec![0] } else { half(z) });
        Outcomes {
            feasible: feasible.collect(),
            probability: Varying::constant(weights(self.outcomes, random)),
        }
    }

    fn public(&self, random: &mut dyn Rng) -> Public {
        let n = self.publics;
        let last = self.decisions - 1;
        // To dispatch somebody is work; what is bought elsewhere is dear.
        let utility = Varying::from_fn([1, self.decisions, n], |_, a, _| match a {
            0 => 0.0,
            _ if a == last => -random.random_range(5.0..8.0),
            _ => -random.random_range(0.1..0.6),
        });
        let drawn = |random: &mut dyn Rng, s: usize| -> PublicLaw {
            self.law(n, s, random).into_iter().enumerate().collect()
        };
        let moves = match self.kind {
            Kind::Used => Moves::new(Varying::from_fn([1, 1, n], |_, _, s| drawn(random, s))),
            Kind::Every => Moves::new(Varying::from_fn([1, self.decisions, n], |_, _, s| drawn(random, s))),
            Kind::Goods => {
                Moves::new(Varying::from_fn([1, self.decisions, n], |_, a, s| vec![((s + a) % n, 1.0)]))
            }
        };
        Public { states: n, start: 0, utility, moves, terminal: Vec::new() }
    }

    fn player(&self, i: usize, finite: bool, seed: u64) -> Player {
        let mut random = stream(seed, Purpose::Instance, i as u64);
        let (n, decisions) = (self.types, self.decisions);
        let first: f64 = random.random_range(0.5..1.5);
        let slope: f64 = random.random_range(2.0..4.0) / n as f64;
        let utility = Varying::from_fn([1, decisions, 1], |_, a, _| {
            let used = self.used(a) == Some(i);
            (0..n).map(|k| if used { -first - slope * k as f64 } else { 0.0 }).collect()
        });
        let still = self.kernel(&mut random);
        let moves = match self.kind {
            Kind::Goods => Moves::constant(still),
            Kind::Used => {
                let moved = self.kernel(&mut random);
                let at = |_, a, _| (if self.used(a) == Some(i) { &moved } else { &still }).clone();
                Moves::new(Varying::from_fn([1, decisions, 1], at))
            }
            Kind::Every => {
                let at = |_, _, _| self.kernel(&mut random);
                Moves::new(Varying::from_fn([1, decisions, 1], at))
            }
        };
        let own = |set: Vec<usize>| set.into_iter().filter(|&a| self.used(a) != Some(i)).collect();
        let all = self.outcome(&mut random).feasible;
        Player {
            types: n,
            utility,
            moves,
            terminal: finite.then(|| Varying::constant((0..n).map(|k| -slope * k as f64).collect())),
            prior: vec![1.0 / n as f64; n],
            absent: Some(all.into_iter().map(own).collect()),
            outside: None,
        }
    }

    fn kernel(&self, random: &mut dyn Rng) -> Kernel {
        let n = self.types;
        Kernel::new(n, (0..n).flat_map(|k| self.law(n, k, random)).collect())
    }

    /// Probabilities of what follows one of so many.
    fn law(&self, count: usize, from: usize, random: &mut dyn Rng) -> Vec<f64> {
        let mut law = weights(count, random);
        law.iter_mut().for_each(|p| *p *= 1.0 - self.stay);
        law[from] += self.stay;
        law
    }
}

/// Positive probabilities.
fn weights(count: usize, random: &mut dyn Rng) -> Vec<f64> {
    let raw: Vec<f64> = (0..count).map(|_| random.random_range(0.1..1.0)).collect();
    let sum: f64 = raw.iter().sum();
    raw.iter().map(|w| w / sum).collect()
}

/// An index case: every decision serves one player, and only she moves and is paid by it.
///
/// # Errors
/// No players or types.
pub fn index_case(players: usize, types: usize, discount: f64, seed: u64) -> Result<Model, Failure> {
    let shape = Shape::new(Kind::Used, players, types, 1, players.max(3));
    let player = |i: usize| {
        let mut random = stream(seed, Purpose::Instance, i as u64);
        let values: Vec<f64> = (0..types).map(|_| random.random_range(0.0..2.0)).collect();
        let served = shape.kernel(&mut random);
        let worth = |_, a, _| if a == i { values.clone() } else { vec![0.0; types] };
        let law = |_, a, _| if a == i { served.clone() } else { Kernel::identity(types) };
        Player {
            types,
            utility: Varying::from_fn([1, players, 1], worth),
            moves: Moves::new(Varying::from_fn([1, players, 1], law)),
            terminal: None,
            prior: vec![1.0 / types as f64; types],
            absent: None,
            outside: None,
        }
    };
    Ok(Model::new(Parts {
        horizon: Horizon::Infinite,
        discount,
        decisions: players,
        outcomes: Outcomes {
            feasible: vec![(0..players).collect()],
            probability: Varying::constant(vec![1.0]),
        },
        public: Public::nothing(),
        players: (0..players).map(player).collect(),
        labels: Labels::default(),
    })?)
}

/// Players who can change places: a decision uses one of them, and all are alike.
///
/// # Errors
/// No players or types.
pub fn alike(
    players: usize,
    types: usize,
    horizon: Horizon,
    discount: f64,
    seed: u64,
) -> Result<Model, Failure> {
    let shape = Shape::new(Kind::Used, players, types, 2, players + 2);
    let mut random = stream(seed, Purpose::Instance, PUBLIC);
    let mut first = shape.player(0, horizon != Horizon::Infinite, seed);
    first.absent = None;
    let [still, moved] = [0, 1].map(|a| first.moves.at(0, a, 0).clone());
    let [idle, used] = [0, 1].map(|a| first.utility.at(0, a, 0).clone());
    let outcomes = shape.outcome(&mut random);
    let mut public = shape.public(&mut random);
    public.utility = Varying::from_fn([1, players + 2, 1], |_, a, _| match a {
        0 => 0.0,
        _ if a == players + 1 => -6.0,
        _ => -0.3,
    });
    let player = |i: usize| {
        let uses = |a: usize| shape.used(a) == Some(i);
        Player {
            utility: Varying::from_fn([1, players + 2, 1], |_, a, _| {
                (if uses(a) { &used } else { &idle }).clone()
            }),
            moves: Moves::new(Varying::from_fn([1, players + 2, 1], |_, a, _| {
                (if uses(a) { &moved } else { &still }).clone()
            })),
            ..first.clone()
        }
    };
    Ok(Model::new(Parts {
        horizon,
        discount,
        decisions: players + 2,
        outcomes,
        public,
        players: (0..players).map(player).collect(),
        labels: Labels::default(),
    })?)
}

/// States spread evenly over the joint states.
pub fn some_states(model: &Model, count: usize) -> Vec<State> {
    let publics = model.public().states;
    let types = |k: usize| (0..model.players()).map(move |i| (k * (i + 3) + i) % model.player(i).types);
    (0..count).map(|k| State { public: k % publics, types: types(k).collect() }).collect()
}

/// A stationary instance as the programs beside it read it.
pub fn as_json(model: &Model) -> Value {
    let (decisions, publics) = (model.decisions(), model.public().states);
    let public = model.public();
    let law = |a: usize, s: usize| {
        let mut row = vec![0.0; publics];
        public.moves.at(0, a, s).iter().for_each(|&(next, p)| row[next] += p);
        row
    };
    let player = |i: usize| {
        let player = model.player(i);
        let rows = |a, s| {
            let kernel = player.moves.at(0, a, s);
            (0..player.types).map(|k| kernel.row(k).to_vec()).collect::<Vec<_>>()
        };
        json!({
            "utility": table(decisions, publics, |a, s| player.utility.at(0, a, s).clone()),
            "kernel": table(decisions, publics, rows),
        })
    };
    json!({
        "kind": "pivot",
        "discount": model.discount(),
        "probability": model.probabilities(0, 0),
        "feasible": (0..model.outcomes()).map(|z| model.feasible(z)).collect::<Vec<_>>(),
        "public": {
            "utility": table(decisions, publics, |a, s| *public.utility.at(0, a, s)),
            "kernel": table(decisions, publics, law),
        },
        "players": (0..model.players()).map(player).collect::<Vec<_>>(),
    })
}

fn table<T>(decisions: usize, publics: usize, entry: impl Fn(usize, usize) -> T) -> Vec<Vec<T>> {
    (0..decisions).map(|a| (0..publics).map(|s| entry(a, s)).collect()).collect()
}

/// Dynamic programming with a joint kernel for every decision: what is compared with, and nothing that the solver uses.
pub struct Joint<'a> {
    model: &'a Model,
    states: Vec<State>,
    /// Utility by decision and state.
    stage: Vec<Vec<f64>>,
    /// Kernel by decision, in C order.
    kernel: Vec<Vec<f64>>,
}

impl<'a> Joint<'a> {
    /// Tables of the size of the squared number of states, for a model whose tables do not change over time.
    pub fn new(model: &'a Model) -> Self {
        let states = all_states(model);
        let decisions = 0..model.decisions();
        let stage = decisions.clone().map(|a| states.iter().map(|s| utility(model, a, s)).collect());
        let (stage, of) = (stage.collect(), &states);
        let row = |a: usize, from: &State| -> Vec<f64> {
            let (from, model) = (from.clone(), model);
            of.iter().map(move |to| transition(model, a, &from, to)).collect()
        };
        let kernel = decisions.map(|a| of.iter().flat_map(|from| row(a, from)).collect()).collect();
        Self { model, stage, kernel, states }
    }

    /// All states, in C order.
    pub fn states(&self) -> &[State] {
        &self.states
    }

    /// Value of every decision in every state.
    pub fn choices(&self, next: &[f64]) -> Vec<Vec<f64>> {
        let (delta, size) = (self.model.discount(), self.states.len());
        let mean = |row: &[f64]| row.iter().zip(next).map(|(p, v)| p * v).sum::<f64>();
        let of = |(stage, kernel): (&Vec<f64>, &Vec<f64>)| {
            stage.iter().zip(kernel.chunks_exact(size)).map(|(v, row)| v + delta * mean(row)).collect()
        };
        self.stage.iter().zip(&self.kernel).map(of).collect()
    }

    /// One step back.
    pub fn step(&self, next: &[f64]) -> Vec<f64> {
        let choices = self.choices(next);
        let best = |z: usize, s: usize| {
            self.model.feasible(z).iter().map(|&a| choices[a][s]).fold(f64::NEG_INFINITY, f64::max)
        };
        let of = |s: usize| {
            let law = self.model.probabilities(0, self.states[s].public);
            law.iter().enumerate().map(|(z, p)| p * best(z, s)).sum()
        };
        (0..self.states.len()).map(of).collect()
    }

    /// Values of all periods, the end last; of a stationary game one slice, its fixed point.
    pub fn values(&self) -> Vec<Vec<f64>> {
        let Some(periods) = self.model.periods() else {
            return vec![self.fixed_point()];
        };
        let mut slices = vec![self.states.iter().map(|s| terminal(self.model, s)).collect::<Vec<f64>>()];
        for _ in 0..periods {
            slices.push(self.step(&slices[slices.len() - 1]));
        }
        slices.reverse();
        slices
    }

    fn fixed_point(&self) -> Vec<f64> {
        let mut value = vec![0.0; self.states.len()];
        let mut least = f64::INFINITY;
        loop {
            let next = self.step(&value);
            let change = value.iter().zip(&next).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            value = next;
            if change >= least || change == 0.0 {
                return value;
            }
            least = change;
        }
    }
}

fn all_states(model: &Model) -> Vec<State> {
    let mut all: Vec<State> =
        (0..model.public().states).map(|public| State { public, types: Vec::new() }).collect();
    for i in 0..model.players() {
        let longer = |state: State| {
            (0..model.player(i).types)
                .map(move |k| State { public: state.public, types: [&state.types[..], &[k]].concat() })
        };
        all = all.into_iter().flat_map(longer).collect();
    }
    all
}

fn utility(model: &Model, decision: usize, state: &State) -> f64 {
    let own = |(i, &k): (usize, &usize)| model.player(i).utility.at(0, decision, state.public)[k];
    model.public().utility.at(0, decision, state.public)
        + state.types.iter().enumerate().map(own).sum::<f64>()
}

fn terminal(model: &Model, state: &State) -> f64 {
    let own = |(i, &k): (usize, &usize)| {
        model.player(i).terminal.as_ref().map_or(0.0, |g| g.at(0, 0, state.public)[k])
    };
    state.types.iter().enumerate().map(own).sum()
}

fn transition(model: &Model, decision: usize, from: &State, to: &State) -> f64 {
    let public = model.public().moves.at(0, decision, from.public);
    let first: f64 = public.iter().filter(|(s, _)| *s == to.public).map(|(_, p)| p).sum();
    let own = |(i, (&k, &l)): (usize, (&usize, &usize))| {
        model.player(i).moves.at(0, decision, from.public).row(k)[l]
    };
    first * from.types.iter().zip(&to.types).enumerate().map(own).product::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use vickrey::pivot::solve::{Options, Structure, solve_as, solve_product};

    #[test]
    fn every_kind_uses_players_and_has_payments() {
        for kind in Kind::ALL {
            assert_eq!(Kind::named(kind.name()), Some(kind));
            let shape = Shape { outcomes: 3, ..Shape::new(kind, 3, 4, 2, 5) };
            let product = solve_product(&shape.finite(4, 1).unwrap(), &Options::default(), &|_| {}).unwrap();
            let tables = product.tables(0);
            assert_eq!(tables.payment[0].len(), shape.states());
            let taken = |a: u16| tables.decision[1].contains(&a);
            assert!((1..4).filter(|&a| taken(a)).count() >= 2, "{kind:?}");
            assert!(tables.payment.iter().flatten().any(|p| *p > 0.1), "{kind:?}");
        }
    }

    #[test]
    fn structures_are_what_they_are_meant_to_be() {
        let options = Options::default();
        let index = index_case(6, 3, 0.9, 1).unwrap();
        assert!(solve_as(Structure::Index, &index, &options, &|_| {}).is_ok());
        let alike = alike(6, 3, Horizon::Infinite, 0.9, 1).unwrap();
        let solved = solve_as(Structure::Exchangeable, &alike, &options, &|_| {}).unwrap();
        assert_eq!(solved.exchangeable().unwrap().groups().len(), 1);
    }

    #[test]
    fn joint_kernels_are_kernels_and_agree() {
        let shape = Shape { outcomes: 3, stay: 0.9, ..Shape::new(Kind::Every, 2, 3, 2, 4) };
        let model = shape.stationary(0.9, 2).unwrap();
        let joint = Joint::new(&model);
        let size = shape.states();
        for row in joint.kernel.iter().flat_map(|kernel| kernel.chunks_exact(size)) {
            assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-14);
        }
        let product = solve_product(&model, &Options::default(), &|_| {}).unwrap();
        for (state, value) in joint.states().iter().zip(&joint.values()[0]) {
            assert!((product.value(0, state) - value).abs() < 1e-7);
        }
    }

    #[test]
    fn exported_rows_add_up() {
        let model = Shape::new(Kind::Goods, 2, 3, 4, 4).stationary(0.9, 1).unwrap();
        let text = as_json(&model);
        let row = text["players"][1]["kernel"][2][3][1].as_array().unwrap();
        assert!((row.iter().filter_map(Value::as_f64).sum::<f64>() - 1.0).abs() < 1e-14);
        assert_eq!(text["public"]["kernel"][2][3], json!([0.0, 1.0, 0.0, 0.0]));
    }
}
