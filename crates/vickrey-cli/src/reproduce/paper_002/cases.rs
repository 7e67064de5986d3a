//! Instances for what paper 002 says: it prints none of its own.

use std::path::Path;

use vickrey::pivot::discretise::rouwenhorst;
use vickrey::pivot::solve::product::Product;
use vickrey::pivot::solve::{State, solve_product};
use vickrey::pivot::{
    Horizon, Kernel, Labels, Model, Moves, Options, Outcomes, Parts, Player, Public, Varying, Without,
};
use vickrey_scenario::{System, parse};

use super::failed;
use crate::failure::Failure;

/// The instance of a scenario that is written here.
fn read(name: &str, text: &str) -> Result<Model, Failure> {
    let scenario = parse(&format!("mechanism = \"pivot\"\n[pivot]\n{text}"), Path::new(name))?;
    match scenario.system {
        System::Pivot(pivot) => Ok(pivot.model),
        _ => Err(failed(&"another mechanism")),
    }
}

/// Values of all joint states, also of games without end to twelve digits.
pub fn solved(model: &Model, mode: Without) -> Result<Product, Failure> {
    let options = Options { mode, tolerance: Some(1e-11), ..Options::default() };
    solve_product(model, &options, &|_| {}).map_err(|error| failed(&error))
}

/// A joint state.
pub fn at(public: usize, types: &[usize]) -> State {
    State { public, types: types.to_vec() }
}

/// E1: an item arrives with probability 0.4; it is worth 0 or 5 to the first, 3 to the second player.
pub fn item() -> Result<Model, Failure> {
    read("E1", &format!("horizon = 1\n{}", include_str!("worked/item.toml")))
}

/// E3: a trade that costs the seller 1 and is worth 3 to the buyer; both are needed for it.
pub fn trade() -> Result<Model, Failure> {
    read(
        "E3",
        r#"horizon = 1
[[decisions]]
name = "no"
[[decisions]]
name = "trade"
[[outcomes]]
name = "meeting"
probability = 1
decisions = ["no", "trade"]
[[players]]
name = "seller"
utility = { trade = -1 }
needs = ["trade"]
[[players]]
name = "buyer"
utility = { trade = 3 }
needs = ["trade"]
"#,
    )
}

/// E4: two storage providers and an imbalance with probability 0.6; curtailing load costs `cost`.
pub fn storage(horizon: Horizon, cost: f64) -> Result<Model, Failure> {
    let (head, end) = match horizon {
        Horizon::Finite(periods) => (format!("horizon = {periods}"), "terminal = [0, -1]"),
        Horizon::Infinite => ("horizon = \"infinite\"\ndiscount = 0.9".to_owned(), ""),
    };
    let providers = include_str!("worked/storage.toml").replace("\nEND", &format!("\n{end}"));
    let providers = providers.replace("= COST", &format!("= {cost:?}"));
    read("E4", &format!("family = \"storage\"\n{head}\n{providers}"))
}

/// E5: barley, yeast and hops for two or three producers (section VII).
pub fn goods(players: usize, periods: usize) -> Result<Model, Failure> {
    let producers = [
        ("[0.5, 1.5]", "[[0.7, 0.3], [0.4, 0.6]]", "[0, 1, 1, 4, 1, 3, 2, 12]"),
        ("[0.75, 1.25]", "[[0.6, 0.4], [0.2, 0.8]]", "[0, 2, 1, 5, 0, 2, 1, 9]"),
        ("[0.5, 1.0]", "[[0.5, 0.5], [0.5, 0.5]]", "[0, 1, 2, 4, 2, 4, 5, 10]"),
    ];
    let items = ["B", "Y", "H"].map(|item| format!("[[items]]\nname = \"{item}\"\nprobability = 0.3\n"));
    let producer = |(k, (factor, transition, values)): (usize, &(&str, &str, &str))| {
        format!(
            "[[players]]\nname = \"{}\"\ntypes = [\"low\", \"high\"]\nstart = \"low\"\nfactor = {factor}\n\
             transition = {transition}\nvalues = {values}\n",
            k + 1
        )
    };
    let producers: String = producers[..players].iter().enumerate().map(producer).collect();
    read(
        "E5",
        &format!(
            "family = \"goods\"\nhorizon = {periods}\n[goods]\ndecay = 0.9\nfinal = 1.0\n{}{producers}",
            items.concat()
        ),
    )
}

/// The public state of E5 in which two producers hold these items (bits 1, 2, 4: B, Y, H).
pub fn hands(held: [usize; 2]) -> usize {
    held[0] + 8 * held[1]
}

/// What two producers hold, their types, and what arrives (1 to 3: B, Y, H) in the four periods of a course of E5.
pub const PATH: [([usize; 2], [usize; 2], usize); 4] =
    [([0, 0], [0, 0], 1), ([0, 1], [1, 0], 2), ([0, 3], [1, 1], 3), ([0, 7], [0, 1], 2)];

/// E6: three projects, one of which may go on in a period.
pub fn licence() -> Result<Model, Failure> {
    let projects = [
        ("[1, 3, 0.5]", "[[0.2, 0.5, 0.3], [0.1, 0.6, 0.3], [0, 0.2, 0.8]]"),
        ("[2, 2.5, 0]", "[[0.5, 0.3, 0.2], [0.3, 0.5, 0.2], [0.1, 0.1, 0.8]]"),
        ("[1.5, 4, 1]", "[[0.4, 0.2, 0.4], [0, 0.7, 0.3], [0.3, 0.1, 0.6]]"),
    ];
    let project = |(k, (value, transition)): (usize, &(&str, &str))| {
        format!(
            "[[players]]\nname = \"{}\"\nstates = [\"0\", \"1\", \"2\"]\nstart = \"0\"\nvalue = {value}\n\
             transition = {transition}\n",
            k + 1
        )
    };
    let projects: String = projects.iter().enumerate().map(project).collect();
    let head = "family = \"licence\"\nhorizon = \"infinite\"\ndiscount = 0.9\n[licence]\nidle = false\n";
    read("E6", &format!("{head}{projects}"))
}

/// A model from its parts.
fn checked(parts: Parts) -> Result<Model, Failure> {
    Model::new(parts).map_err(|error| failed(&error))
}

/// E7: logarithmic values on Rouwenhorst's chain (correlation 0.8, standard deviation 0.5) with `n` nodes, a stock of two
/// units, four periods, in each of which a unit can be given with probability 0.7.
pub fn stock(n: usize) -> Result<Model, Failure> {
    let chain = rouwenhorst(n, 0.8, 0.5).map_err(|error| failed(&error))?;
    let player = |i: usize| Player {
        types: n,
        utility: Varying::from_fn([1, 3, 3], |_, a, left| {
            let value = |x: &f64| if a == i + 1 && left > 0 { (x + 0.1 * i as f64).exp() } else { 0.0 };
            chain.nodes.iter().map(value).collect()
        }),
        moves: Moves::constant(chain.kernel.clone()),
        terminal: Some(Varying::constant(vec![0.0; n])),
        prior: chain.stationary.clone(),
        absent: None,
        outside: None,
    };
    let law =
        |_: usize, a: usize, left: usize| vec![(if a == 0 { left } else { left.saturating_sub(1) }, 1.0)];
    let feasible = vec![vec![0], vec![0, 1, 2]];
    checked(Parts {
        horizon: Horizon::Finite(4),
        discount: 1.0,
        decisions: 3,
        outcomes: Outcomes { feasible, probability: Varying::constant(vec![0.3, 0.7]) },
        public: Public {
            states: 3,
            start: 2,
            moves: Moves::new(Varying::from_fn([1, 3, 3], law)),
            ..Public::nothing()
        },
        players: vec![player(0), player(1)],
        labels: Labels::default(),
    })
}

/// E8: fifty projects with four states each.
pub fn fifty() -> Result<Model, Failure> {
    let players = 50;
    let project = |j: usize| {
        let value: Vec<f64> = (0..4).map(|k| 1.0 + ((7 * j + 3 * k) % 11) as f64 / 10.0).collect();
        let row = |k: usize| -> Vec<f64> {
            let weights: Vec<f64> = (0..4).map(|l| 1.0 + ((j + 2 * k + 3 * l) % 5) as f64).collect();
            let sum: f64 = weights.iter().sum();
            weights.iter().map(|w| w / sum).collect()
        };
        let moves = Kernel::new(4, (0..4).flat_map(row).collect());
        let which = (0..players).map(|a| usize::from(a == j)).collect();
        let utilities = (0..players).map(|a| if a == j { value.clone() } else { vec![0.0; 4] }).collect();
        Player {
            types: 4,
            utility: Varying::by_decision(utilities),
            moves: Moves::of(vec![Kernel::identity(4), moves], Varying::by_decision(which)),
            terminal: None,
            prior: vec![1.0, 0.0, 0.0, 0.0],
            absent: None,
            outside: None,
        }
    };
    checked(Parts {
        horizon: Horizon::Infinite,
        discount: 0.95,
        decisions: players,
        outcomes: Outcomes {
            feasible: vec![(0..players).collect()],
            probability: Varying::constant(vec![1.0]),
        },
        public: Public::nothing(),
        players: (0..players).map(project).collect(),
        labels: Labels::default(),
    })
}
