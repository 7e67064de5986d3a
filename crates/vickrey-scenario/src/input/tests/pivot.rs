//! Scenarios with `mechanism = "pivot"`: the worked cases as files, against instances built by hand.

use vickrey::pivot::{
    Horizon, Kernel, Labels, Model, Moves, Outcomes, Parts, Player, Public, Varying, Without,
};

use super::*;
use crate::{PivotFamily, PivotScenario};
use vickrey::pivot::PaymentTime;

pub(super) fn of(scenario: Scenario) -> PivotScenario {
    let System::Pivot(scenario) = scenario.system else { panic!("another mechanism") };
    scenario
}

pub(super) fn good(rest: &str) -> PivotScenario {
    of(read(&text(rest)).unwrap_or_else(|problem| panic!("{}", shown(&problem))))
}

/// A scenario with this below `[pivot]`, which is line 2.
pub(super) fn text(rest: &str) -> String {
    format!("mechanism = \"pivot\"\n[pivot]\n{rest}")
}

/// Without words, which are compared on their own.
fn same(found: &Model, mut by_hand: Parts) {
    by_hand.labels = found.labels().clone();
    let by_hand = Model::new(by_hand).unwrap();
    let (a, b) = (found.parts(), by_hand.parts());
    assert_eq!((a.horizon, a.discount, a.decisions), (b.horizon, b.discount, b.decisions));
    assert_eq!(a.outcomes.feasible, b.outcomes.feasible);
    let full = [a.outcomes.probability.shape(), b.outcomes.probability.shape()];
    for (t, s) in (0..full[0][0].max(full[1][0])).flat_map(|t| (0..a.public.states).map(move |s| (t, s))) {
        for (x, y) in a.outcomes.probability.at(t, 0, s).iter().zip(b.outcomes.probability.at(t, 0, s)) {
            assert!((x - y).abs() < 1e-15);
        }
    }
    assert_eq!((a.public.states, a.public.start), (b.public.states, b.public.start));
    assert_eq!(a.public.terminal, b.public.terminal);
    let periods = if let Horizon::Finite(periods) = a.horizon { periods } else { 1 };
    for t in 0..periods {
        for d in 0..a.decisions {
            for s in 0..a.public.states {
                assert_eq!(a.public.utility.at(t, d, s), b.public.utility.at(t, d, s));
                assert_eq!(a.public.moves.at(t, d, s), b.public.moves.at(t, d, s));
                for (p, q) in a.players.iter().zip(&b.players) {
                    assert_eq!(p.utility.at(t, d, s), q.utility.at(t, d, s));
                    assert_eq!(p.moves.at(t, d, s), q.moves.at(t, d, s));
                }
            }
        }
    }
    for (p, q) in a.players.iter().zip(&b.players) {
        assert_eq!((p.types, &p.prior, &p.absent, &p.outside), (q.types, &q.prior, &q.absent, &q.outside));
        assert_eq!(p.terminal.is_some(), q.terminal.is_some());
        for s in 0..a.public.states {
            assert_eq!(
                p.terminal.as_ref().map(|table| table.at(0, 0, s)),
                q.terminal.as_ref().map(|table| table.at(0, 0, s))
            );
        }
    }
}

/// One period or more, one public state, no terminal utility, types that stay.
fn plain(periods: usize, decisions: usize, outcomes: Outcomes, players: Vec<Player>) -> Parts {
    Parts {
        horizon: Horizon::Finite(periods),
        discount: 1.0,
        decisions,
        outcomes,
        public: Public::nothing(),
        players,
        labels: Labels::default(),
    }
}

fn staying(utility: Vec<Vec<f64>>, start: usize) -> Player {
    let types = utility[0].len();
    Player {
        types,
        utility: Varying::by_decision(utility),
        moves: Moves::constant(Kernel::identity(types)),
        terminal: Some(Varying::constant(vec![0.0; types])),
        prior: (0..types).map(|k| f64::from(u8::from(k == start))).collect(),
        absent: None,
        outside: None,
    }
}

#[test]
fn an_item_that_may_not_arrive() {
    let scenario = good(
        "horizon = 1\n[[decisions]]\nname = \"keep\"\n[[decisions]]\nname = \"to 1\"\n[[decisions]]\nname = \"to 2\"\n\
         [[outcomes]]\nname = \"none\"\nprobability = 0.6\ndecisions = [\"keep\"]\n\
         [[outcomes]]\nname = \"item\"\nprobability = 0.4\ndecisions = [\"to 2\", \"to 1\"]\n\
         [[players]]\nname = \"one\"\ntypes = [\"low\", \"high\"]\nstart = \"high\"\ntransition = \"stays\"\n\
         utility = { \"to 1\" = [0, 5] }\n[[players]]\nname = \"two\"\nutility = { \"to 2\" = 3 }\n",
    );
    let outcomes =
        Outcomes { feasible: vec![vec![0], vec![1, 2]], probability: Varying::constant(vec![0.6, 0.4]) };
    let one = staying(vec![vec![0.0, 0.0], vec![0.0, 5.0], vec![0.0, 0.0]], 1);
    let two = staying(vec![vec![0.0], vec![0.0], vec![3.0]], 0);
    same(&scenario.model, plain(1, 3, outcomes, vec![one, two]));
    let labels = scenario.model.labels();
    assert_eq!(labels.decisions, ["keep", "to 1", "to 2"]);
    assert_eq!(labels.outcomes, ["none", "item"]);
    assert_eq!(labels.players, ["one", "two"]);
    assert_eq!(labels.types, [vec!["low", "high"], vec!["0"]]);
    assert_eq!((scenario.family, scenario.without), (PivotFamily::Tables, Without::Same));
    assert_eq!((scenario.payment, scenario.sealed), (PaymentTime::BeforeOutcome, false));
    assert_eq!((scenario.tolerance, scenario.periods, scenario.memory), (None, None, 8192 << 20));
    assert_eq!(scenario.notes, ["terminal utility: 0 for all players, as no `terminal` is given"]);
}

#[test]
fn two_periods_with_different_values() {
    let scenario = good(
        "horizon = 2\n[[decisions]]\nname = \"to 1\"\n[[decisions]]\nname = \"to 2\"\n\
         [[outcomes]]\nname = \"item\"\nprobability = 1\ndecisions = [\"to 1\", \"to 2\"]\n\
         [[players]]\nname = \"one\"\nutility = { \"to 1\" = [2, 5] }\n\
         [[players]]\nname = \"two\"\ntypes = 3\nprior = [0.25, 0.5, 0.25]\nutility = { \"to 2\" = [[0, 1, 2], [0, 2, 4]] }\n\
         transition = [[[1, 0, 0], [0, 1, 0], [0, 0, 1]], [[0.5, 0.5, 0], [0, 1, 0], [0, 0, 1]]]\n",
    );
    let outcomes = Outcomes { feasible: vec![vec![0, 1]], probability: Varying::constant(vec![1.0]) };
    let values = [[0.0, 1.0, 2.0], [0.0, 2.0, 4.0]];
    let one = Player {
        utility: Varying::from_fn([2, 2, 1], |t, a, _| vec![if a == 0 { [2.0, 5.0][t] } else { 0.0 }]),
        ..staying(vec![vec![0.0]], 0)
    };
    let second = Kernel::new(3, vec![0.5, 0.5, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
    let two = Player {
        utility: Varying::from_fn(
            [2, 2, 1],
            |t, a, _| if a == 1 { values[t].to_vec() } else { vec![0.0; 3] },
        ),
        moves: Moves::of(vec![Kernel::identity(3), second], Varying::from_fn([2, 1, 1], |t, _, _| t)),
        prior: vec![0.25, 0.5, 0.25],
        ..staying(vec![vec![0.0; 3]], 0)
    };
    same(&scenario.model, plain(2, 2, outcomes, vec![one, two]));
}

#[test]
fn a_trade_that_needs_both() {
    let scenario = good(
        "horizon = 1\nwithout = \"own\"\n[[decisions]]\nname = \"no\"\n[[decisions]]\nname = \"trade\"\n\
         [[outcomes]]\nname = \"meeting\"\nprobability = 1\ndecisions = [\"no\", \"trade\"]\n\
         [[players]]\nname = \"seller\"\nutility = { trade = -1 }\nneeds = [\"trade\"]\n\
         [[players]]\nname = \"buyer\"\nutility = { trade = 3 }\nneeds = [\"trade\"]\n",
    );
    let outcomes = Outcomes { feasible: vec![vec![0, 1]], probability: Varying::constant(vec![1.0]) };
    let player = |v: f64| Player { absent: Some(vec![vec![0]]), ..staying(vec![vec![0.0], vec![v]], 0) };
    same(&scenario.model, plain(1, 2, outcomes, vec![player(-1.0), player(3.0)]));
    assert_eq!(scenario.without, Without::Own);
}

/// Two providers of storage, as worked case E4.
fn two_providers(horizon: Horizon) -> Parts {
    let outcomes =
        Outcomes { feasible: vec![vec![0], vec![1, 2, 3]], probability: Varying::constant(vec![0.4, 0.6]) };
    let (used, unused) = (Kernel::new(2, vec![0.3, 0.7, 0.1, 0.9]), Kernel::new(2, vec![0.9, 0.1, 0.6, 0.4]));
    let player = |own: usize| Player {
        types: 2,
        utility: Varying::by_decision(
            (0..4).map(|a| if a == own { vec![-1.0, -4.0] } else { vec![0.0; 2] }).collect(),
        ),
        moves: Moves::of(
            vec![used.clone(), unused.clone()],
            Varying::by_decision((0..4).map(|a| usize::from(a != own)).collect()),
        ),
        terminal: matches!(horizon, Horizon::Finite(_)).then(|| Varying::constant(vec![0.0, -1.0])),
        prior: vec![1.0, 0.0],
        absent: Some(vec![vec![0], [1, 2, 3].into_iter().filter(|a| *a != own).collect()]),
        outside: None,
    };
    let mut public = Public::nothing();
    public.utility = Varying::by_decision(vec![0.0, 0.0, 0.0, -10.0]);
    let discount = if horizon == Horizon::Infinite { 0.9 } else { 1.0 };
    Parts { horizon, discount, public, ..plain(3, 4, outcomes, vec![player(1), player(2)]) }
}

#[test]
fn two_providers_of_storage_by_their_family() {
    let player = |name: &str, end: &str| {
        format!(
            "[[players]]\nname = \"{name}\"\nlevels = [\"charged\", \"depleted\"]\nstart = \"charged\"\ncost = [1, 4]\n\
             used = [[0.3, 0.7], [0.1, 0.9]]\nunused = [[0.9, 0.1], [0.6, 0.4]]\n{end}\n"
        )
    };
    let imbalance = "[[imbalances]]\nname = \"imbalance\"\nprobability = 0.6\ncurtailment = 10\n";
    for (head, end, horizon) in [
        ("horizon = 3", "terminal = [0, -1]", Horizon::Finite(3)),
        ("horizon = \"infinite\"\ndiscount = 0.9", "", Horizon::Infinite),
    ] {
        let players = format!("{}{}", player("P1", end), player("P2", end));
        let scenario = good(&format!("family = \"storage\"\n{head}\n{imbalance}{players}"));
        same(&scenario.model, two_providers(horizon));
        assert_eq!(scenario.model.labels().decisions, ["nothing", "P1", "P2", "curtail"]);
        assert_eq!(scenario.model.labels().outcomes, ["none", "imbalance"]);
        assert_eq!(scenario.notes.len(), 0);
        assert_eq!(scenario.joint_states(), 4.0);
    }
}

#[test]
fn two_providers_of_storage_as_tables() {
    let player = |name: &str| {
        format!(
            "[[players]]\nname = \"{name}\"\ntypes = [\"charged\", \"depleted\"]\nstart = \"charged\"\n\
             utility = {{ \"use {name}\" = [-1, -4] }}\nneeds = [\"use {name}\"]\nterminal = [0, -1]\n\
             transition = {{ \"use {name}\" = [[0.3, 0.7], [0.1, 0.9]], else = [[0.9, 0.1], [0.6, 0.4]] }}\n"
        )
    };
    let scenario = good(&format!(
        "horizon = 3\n[[decisions]]\nname = \"idle\"\n[[decisions]]\nname = \"use P1\"\n[[decisions]]\nname = \"use P2\"\n\
         [[decisions]]\nname = \"curtail\"\npublic = -10\n[[outcomes]]\nname = \"none\"\nprobability = 0.4\n\
         decisions = [\"idle\"]\n[[outcomes]]\nname = \"imbalance\"\nprobability = 0.6\n\
         decisions = [\"use P1\", \"use P2\", \"curtail\"]\n{}{}",
        player("P1"),
        player("P2")
    ));
    same(&scenario.model, two_providers(Horizon::Finite(3)));
}

/// Values of bundles, factors of types and kernels of worked case E5.
const BREWERS: [([f64; 8], [f64; 2], [f64; 4]); 3] = [
    ([0.0, 1.0, 1.0, 4.0, 1.0, 3.0, 2.0, 12.0], [0.5, 1.5], [0.7, 0.3, 0.4, 0.6]),
    ([0.0, 2.0, 1.0, 5.0, 0.0, 2.0, 1.0, 9.0], [0.75, 1.25], [0.6, 0.4, 0.2, 0.8]),
    ([0.0, 1.0, 2.0, 4.0, 2.0, 4.0, 5.0, 10.0], [0.5, 1.0], [0.5, 0.5, 0.5, 0.5]),
];

fn brewers(n: usize, periods: usize) -> Parts {
    let publics = 1 << (3 * n);
    let give = |item: usize, player: usize| 1 + item * n + player;
    let decisions = 1 + 3 * n;
    let feasible: Vec<Vec<usize>> = std::iter::once(vec![0])
        .chain((0..3).map(|item| (0..n).map(|player| give(item, player)).collect()))
        .collect();
    let outcomes = Outcomes {
        feasible: feasible.clone(),
        probability: Varying::constant(vec![1.0 - (0.3 + 0.3 + 0.3), 0.3, 0.3, 0.3]),
    };
    let next = |a: usize, s: usize| match a {
        0 => s,
        a => s | 1 << (3 * ((a - 1) % n) + (a - 1) / n),
    };
    let public = Public {
        states: publics,
        moves: Moves::of(
            (0..publics).map(|s| vec![(s, 1.0)]).collect(),
            Varying::from_fn([1, decisions, publics], |_, a, s| next(a, s)),
        ),
        ..Public::nothing()
    };
    let player = |i: usize| {
        let (base, scale, rows) = &BREWERS[i];
        let value = |t: usize, s: usize| {
            let decay = (0..t).fold(1.0, |x, _| x * 0.9);
            scale.iter().map(|scale| decay * (scale * base[s >> (3 * i) & 7])).collect::<Vec<f64>>()
        };
        let without =
            |set: &Vec<usize>| set.iter().copied().filter(|a| *a == 0 || (a - 1) % n != i).collect();
        Player {
            types: 2,
            utility: Varying::from_fn([periods, 1, publics], |t, _, s| value(t, s)),
            moves: Moves::constant(Kernel::new(2, rows.to_vec())),
            terminal: Some(Varying::from_fn([1, 1, publics], |_, _, s| value(periods, s))),
            prior: vec![1.0, 0.0],
            absent: Some(feasible.iter().map(without).collect()),
            outside: None,
        }
    };
    Parts { public, ..plain(periods, decisions, outcomes, (0..n).map(player).collect()) }
}

#[test]
fn goods_for_brewers() {
    for (n, periods) in [(2, 4), (3, 5)] {
        let players: String = (0..n)
            .map(|i| {
                let (base, scale, k) = &BREWERS[i];
                format!(
                    "[[players]]\nname = \"{i}\"\ntypes = [\"low\", \"high\"]\nstart = \"low\"\nvalues = {base:?}\n\
                     factor = {scale:?}\ntransition = [[{:?}, {:?}], [{:?}, {:?}]]\n",
                    k[0], k[1], k[2], k[3]
                )
            })
            .collect();
        let item = |name: &str| format!("[[items]]\nname = \"{name}\"\nprobability = 0.3\n");
        let scenario = good(&format!(
            "family = \"goods\"\nhorizon = {periods}\n[goods]\ndecay = 0.9\n{}{}{}{players}",
            item("Barley"),
            item("Yeast"),
            item("Hops")
        ));
        same(&scenario.model, brewers(n, periods));
        let goods = scenario.goods.as_ref().unwrap();
        assert_eq!(goods.given(goods.give(2, 1)), Some((2, 1)));
        assert_eq!((goods.given(0), goods.arriving(0), goods.arriving(3)), (None, None, Some(2)));
        let state = goods.with(goods.with(0, 0, 1), 2, 1);
        assert_eq!((goods.held(state, 0), goods.held(state, 1)), (0, 5));
        assert_eq!(goods.bundle(5), "Barley+Hops");
        let labels = scenario.model.labels();
        assert_eq!(labels.publics[state], "1: Barley+Hops");
        assert_eq!(labels.decisions[goods.give(2, 1)], "Hops to 1");
        assert_eq!(labels.publics[0], "nobody holds anything");
    }
}

#[test]
fn bundles_by_name_type_and_what_they_hold() {
    let scenario = good(
        "family = \"goods\"\nhorizon = 2\n[goods]\ndiscard = true\nfinal = 0\n[[items]]\nname = \"A\"\nprobability = [0.5, 0.25]\n\
         [[items]]\nname = \"B\"\nprobability = 0.5\n[[players]]\nname = \"x\"\nholds = [\"B\"]\n\
         values = { B = 2, \"B+A\" = 5 }\n[[players]]\nname = \"y\"\ntypes = [\"low\", \"high\"]\nstart = \"high\"\n\
         transition = \"stays\"\nvalues = { low = { A = 1 }, high = [0, 1, 2, 1] }\nfactor = 2\n",
    );
    let parts = scenario.model.parts();
    assert_eq!(parts.public.start, 2);
    assert_eq!(parts.outcomes.feasible, [vec![0], vec![0, 1, 2], vec![0, 3, 4]]);
    assert_eq!(parts.outcomes.probability.entries(), [[0.0, 0.5, 0.5], [0.25, 0.25, 0.5]]);
    let x = |s: usize| parts.players[0].utility.at(1, 0, s)[0];
    assert_eq!([0, 1, 2, 3].map(x), [0.0, 0.0, 2.0, 5.0]);
    let y = |s: usize| parts.players[1].utility.at(1, 0, s << 2).clone();
    assert_eq!([0, 1, 2, 3].map(y), [[0.0, 0.0], [2.0, 2.0], [0.0, 4.0], [2.0, 2.0]]);
    assert_eq!(parts.players[1].terminal.as_ref().unwrap().at(0, 0, 4), &[0.0, 0.0]);
    assert_eq!(parts.players[0].absent.as_ref().unwrap()[1], [0, 2]);
}

/// Values and kernels of worked case E6.
const PROJECTS: [([f64; 3], [[f64; 3]; 3]); 3] = [
    ([1.0, 3.0, 0.5], [[0.2, 0.5, 0.3], [0.1, 0.6, 0.3], [0.0, 0.2, 0.8]]),
    ([2.0, 2.5, 0.0], [[0.5, 0.3, 0.2], [0.3, 0.5, 0.2], [0.1, 0.1, 0.8]]),
    ([1.5, 4.0, 1.0], [[0.4, 0.2, 0.4], [0.0, 0.7, 0.3], [0.3, 0.1, 0.6]]),
];

fn projects() -> Parts {
    let player = |i: usize| {
        let (value, rows) = &PROJECTS[i];
        Player {
            types: 3,
            utility: Varying::by_decision(
                (0..3).map(|a| if a == i { value.to_vec() } else { vec![0.0; 3] }).collect(),
            ),
            moves: Moves::of(
                vec![Kernel::new(3, rows.concat()), Kernel::identity(3)],
                Varying::by_decision((0..3).map(|a| usize::from(a != i)).collect()),
            ),
            terminal: None,
            prior: vec![1.0, 0.0, 0.0],
            absent: Some(vec![(0..3).filter(|a| *a != i).collect()]),
            outside: None,
        }
    };
    let outcomes = Outcomes { feasible: vec![vec![0, 1, 2]], probability: Varying::constant(vec![1.0]) };
    let parts = plain(1, 3, outcomes, (0..3).map(player).collect());
    Parts { horizon: Horizon::Infinite, discount: 0.9, ..parts }
}

const LICENCE: &str = "family = \"licence\"\nhorizon = \"infinite\"\ndiscount = 0.9\n";

#[test]
fn one_licence_for_three_projects() {
    let players: String = PROJECTS
        .iter()
        .enumerate()
        .map(|(i, (value, rows))| {
            format!(
                "[[players]]\nname = \"{i}\"\nstates = 3\nstart = \"0\"\nvalue = {value:?}\ntransition = {rows:?}\n"
            )
        })
        .collect();
    let scenario = good(&format!("{LICENCE}{players}"));
    same(&scenario.model, projects());
    let idle = good(&format!("{LICENCE}[licence]\nidle = true\n{players}"));
    assert_eq!(idle.model.feasible(0), [0, 1, 2, 3]);
    assert_eq!(idle.model.labels().decisions[3], "to nobody");
    // The same from a table.
    let mut csv = "player,state,value,prior,to-1,to-2,to-3\n".to_owned();
    for (i, (value, rows)) in PROJECTS.iter().enumerate() {
        for k in 0..3 {
            let [a, b, c] = rows[k];
            csv.push_str(&format!("{i},s{k},{},{},{a},{b},{c}\n", value[k], u8::from(k == 0)));
        }
    }
    let scenario = format!("{}[tables]\nprojects = \"p.csv\"\n", text(LICENCE));
    let files: [(&str, &[u8]); 2] = [("scenario.toml", scenario.as_bytes()), ("p.csv", csv.as_bytes())];
    let loaded = of(load_files(&files).unwrap_or_else(|problem| panic!("{}", shown(&problem))));
    same(&loaded.model, projects());
    assert_eq!(loaded.model.labels().types[1], ["s0", "s1", "s2"]);
}

/// A scenario of two periods whose player `Ann` has numbers in tables.
const LISTED: &str = "horizon = 2
[tables]
utilities = \"u.csv\"
transitions = \"k.csv\"
[[decisions]]
name = \"keep\"
[[decisions]]
name = \"sell\"
[[outcomes]]
name = \"z\"
probability = 1
decisions = [\"keep\", \"sell\"]
[public]
states = [\"dry\", \"wet\"]
start = \"dry\"
[[players]]
name = \"Ann\"
types = [\"low\", \"high\"]
start = \"low\"
[[players]]
name = \"Bob\"
utility = 1
";

fn listed(utilities: &str, transitions: &str) -> Result<Scenario, Problem> {
    let scenario = text(LISTED);
    load_files(&[
        ("scenario.toml", scenario.as_bytes()),
        ("u.csv", utilities.as_bytes()),
        ("k.csv", transitions.as_bytes()),
    ])
}

const UTILITIES: &str = "player,decision,type,public,period,utility\n";
const TRANSITIONS: &str = "player,decision,from,to,probability,public,period\n";
const STAYING: &str = "Ann,,low,low,1,,\nAnn,,high,high,1,,\n";

#[test]
fn rows_that_say_more_go_before_others() {
    let scenario = listed(
        &format!(
            "{UTILITIES}Ann,,,,,1\nAnn,,high,,,2\nAnn,,,,1,3\nAnn,,,wet,,4\nAnn,sell,,,,5\nAnn,sell,low,wet,1,6\n"
        ),
        &format!(
            "{TRANSITIONS}{STAYING}Ann,sell,low,low,0.25,,\nAnn,sell,low,high,0.75,,\nAnn,sell,low,high,1,wet,1\n"
        ),
    );
    let scenario = of(scenario.unwrap_or_else(|problem| panic!("{}", shown(&problem))));
    let ann = scenario.model.player(0);
    assert_eq!(ann.utility.at(0, 0, 0), &[1.0, 2.0]);
    assert_eq!(ann.utility.at(1, 0, 0), &[3.0, 3.0]);
    assert_eq!(ann.utility.at(1, 0, 1), &[4.0, 4.0]);
    assert_eq!(ann.utility.at(0, 1, 1), &[5.0, 5.0]);
    assert_eq!(ann.utility.at(1, 1, 1), &[6.0, 5.0]);
    assert_eq!(*ann.moves.at(0, 0, 1), Kernel::identity(2));
    assert_eq!(*ann.moves.at(1, 1, 0), Kernel::new(2, vec![0.25, 0.75, 0.0, 1.0]));
    assert_eq!(*ann.moves.at(1, 1, 1), Kernel::new(2, vec![0.0, 1.0, 0.0, 1.0]));
    assert_eq!(ann.moves.laws().len(), 3);
    // Tables without the columns that they do not need.
    let scenario =
        listed("player,utility\nAnn,2\n", "player,from,to,probability\nAnn,low,high,1\nAnn,high,low,1\n");
    let scenario = of(scenario.unwrap_or_else(|problem| panic!("{}", shown(&problem))));
    assert_eq!(scenario.model.player(0).utility, Varying::constant(vec![2.0, 2.0]));
    assert_eq!(scenario.model.player(0).moves, Moves::constant(Kernel::new(2, vec![0.0, 1.0, 1.0, 0.0])));
}

#[test]
fn rows_that_cannot_be_used() {
    let said = |utilities: &str, transitions: &str| -> Vec<String> {
        let problem =
            listed(&format!("{UTILITIES}{utilities}"), &format!("{TRANSITIONS}{transitions}")).unwrap_err();
        let file = problem.file().unwrap().to_owned();
        let folder = Path::new(&file).parent().unwrap().display().to_string() + "/";
        lines(&problem).iter().map(|line| line.split(" | ").next().unwrap().replace(&folder, "")).collect()
    };
    assert_eq!(
        said(
            "Anne,,,,,1\nAnn,sel,,,,1\nAnn,,lo,,,1\nAnn,,,,2,1\nAnn,,,,,x\nAnn,,,,,1e13\nAnn,,,,,1\nAnn,,,,,2\n",
            STAYING
        ),
        [
            "2:1 u.csv, line 2, column `player`: there is no player `Anne`",
            "3:5 u.csv, line 3, column `decision`: there is no decision `sel`",
            "4:6 u.csv, line 4, column `type`: there is no type `lo`",
            "5:8 u.csv, line 5, column `period`: found 2, accepted is a whole number from 0 to 1",
            "6:9 u.csv, line 6, column `utility`: found `x`, accepted is a finite number of size at most 1e12",
            "7:9 u.csv, line 7, column `utility`: found 1e13, accepted is a finite number of size at most 1e12",
            "9:9 u.csv, line 9, column `utility`: player `Ann` has this utility twice",
        ]
    );
    assert_eq!(
        said("", "Ann,,low,low,0.5,,\nAnn,,low,high,0.25,,\nAnn,,high,high,1,,\n"),
        [
            "2:14 k.csv, line 2, column `probability`: player `Ann`, from `low`: probabilities that add up to 0.75, accepted \
          is a sum of 1"
        ]
    );
    assert_eq!(
        said("", "Ann,,low,low,1,,\nAnn,sell,high,high,1,,\n"),
        [
            "2:1 k.csv, line 2, column `player`: rows of this player begin here",
            "no transition from type `high` for decision `keep`",
        ]
    );
    assert_eq!(
        said("Bob,,,,,1\n", STAYING),
        [
            "24:1 player `Bob`: `utility` is given here and in a table",
            "2:1 u.csv, line 2, column `player`: rows of this player begin here"
        ]
    );
    assert_eq!(
        said("", "Ann,,low,low,-1,,\nAnn,,low,,1,,\n"),
        [
            "2:14 k.csv, line 2, column `probability`: found -1, accepted is a probability from 0 to 1",
            "3:10 k.csv, line 3, column `to`: empty, accepted is the name of a type",
        ]
    );
}

#[test]
fn projects_that_cannot_be_used() {
    let scenario =
        format!("{}[tables]\nprojects = \"p.csv\"\n[[players]]\nname = \"x\"\nvalue = 1\n", text(LICENCE));
    let said = |rows: &str| -> Vec<String> {
        let csv = format!("player,state,value,prior,to-1,to-2,to-3\n{rows}");
        let found = said_of(&[("scenario.toml", scenario.as_bytes()), ("p.csv", csv.as_bytes())]);
        found.iter().map(|line| line.split(" | ").next().unwrap().to_owned()).collect()
    };
    assert_eq!(
        said("y,a,1,1,0.5,0.4,\ny,b,1,0,0,1,0.5\nz,a,1,0.5,1,,\n"),
        [
            "2:9 p.csv, line 2, column `to-1`: player `y`, state `a`: probabilities that add up to 0.9, accepted is a sum \
             of 1",
            "3:13 p.csv, line 3, column `to-3`: a probability, but player `y` has 2 states, accepted is an empty cell",
            "4:7 p.csv, line 4, column `prior`: player `z`: priors that add up to 0.5, accepted is a sum of 1 over her \
             states",
        ]
    );
    assert_eq!(
        said("y,a,1,1,1,,\ny,a,1,0,1,,\nx,a,1,1,1,,\nz,a,,1,1,,\n"),
        [
            "3:3 p.csv, line 3, column `state`: player `y` has state `a` twice",
            "4:1 p.csv, line 4, column `player`: player `x` is in the scenario as well",
            "5:5 p.csv, line 5, column `value`: empty, accepted is a finite number of size at most 1e12",
        ]
    );
}

#[test]
fn numbers_on_a_grid() {
    let player = |name: &str, shift: f64| {
        format!(
            "[[players]]\nname = \"{name}\"\nchain = {{ rouwenhorst = 3, persistence = 0.8, sd = 0.5 }}\n\
             utility = {{ \"to {name}\" = {{ \"0\" = 0, else = {{ exp = {{ shift = {shift} }} }} }} }}\nterminal = 0\n"
        )
    };
    let scenario = good(&format!(
        "horizon = 4\n[[decisions]]\nname = \"keep\"\n[[decisions]]\nname = \"to 1\"\n[[decisions]]\nname = \"to 2\"\n\
         [[outcomes]]\nname = \"closed\"\nprobability = 0.3\ndecisions = [\"keep\"]\n[[outcomes]]\nname = \"open\"\n\
         probability = 0.7\ndecisions = [\"keep\", \"to 1\", \"to 2\"]\n[public]\nstates = 3\nstart = \"2\"\n\
         transition = {{ keep = \"stays\", else = [[1, 0, 0], [1, 0, 0], [0, 1, 0]] }}\n{}{}",
        player("1", 0.0),
        player("2", 0.1)
    ));
    let parts = scenario.model.parts();
    assert_eq!(parts.labels.types[0], ["-0.707", "0", "0.707"]);
    let edge = 0.5f64.sqrt();
    for (i, shift) in [(0, 0.0), (1, 0.1)] {
        let player = &parts.players[i];
        assert_eq!(player.utility.at(0, i + 1, 0), &[0.0; 3]);
        assert_eq!(player.utility.at(3, 2 - i, 2), &[0.0; 3]);
        for (found, x) in player.utility.at(2, i + 1, 1).iter().zip([-edge, 0.0, edge]) {
            assert!((found - (x + shift).exp()).abs() < 1e-12);
        }
        let kernel = [0.81, 0.18, 0.01, 0.09, 0.82, 0.09, 0.01, 0.18, 0.81];
        let law = player.moves.at(0, 0, 0);
        for (found, p) in (0..3).flat_map(|k| law.row(k)).zip(kernel) {
            assert!((found - p).abs() < 1e-15);
        }
        for (found, p) in player.prior.iter().zip([0.25, 0.5, 0.25]) {
            assert!((found - p).abs() < 1e-15);
        }
    }
    assert_eq!(*parts.public.moves.at(0, 1, 2), vec![(1, 1.0)]);
    assert_eq!(scenario.notes.len(), 0);
    // For projects, with a start that is said.
    let project = "chain = { tauchen = 5, persistence = 0.5, sd = 1, width = 2 }\nstart = \"-1\"\nvalue = { linear = { base = 3 } }\n";
    let scenario =
        good(&format!("{LICENCE}[[players]]\nname = \"x\"\n{project}[[players]]\nname = \"y\"\nvalue = 1\n"));
    let x = scenario.model.player(0);
    assert_eq!(x.utility.at(0, 0, 0), &[1.0, 2.0, 3.0, 4.0, 5.0]);
    assert_eq!(x.prior, [0.0, 1.0, 0.0, 0.0, 0.0]);
    assert_eq!(*x.moves.at(0, 1, 0), Kernel::identity(5));
}

/// The fifty projects of worked case E8.
#[test]
fn many_projects_from_a_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/licence-many.toml");
    let scenario = of(load(&path).unwrap());
    let player = |j: usize| {
        let row = |k: usize| {
            let weights: Vec<f64> = (0..4).map(|l| (1 + (j + 2 * k + 3 * l) % 5) as f64).collect();
            let sum: f64 = weights.iter().sum();
            weights.into_iter().map(move |w| w / sum)
        };
        let value: Vec<f64> = (0..4).map(|k| (10 + (7 * j + 3 * k) % 11) as f64 / 10.0).collect();
        Player {
            types: 4,
            utility: Varying::by_decision(
                (0..50).map(|a| if a == j { value.clone() } else { vec![0.0; 4] }).collect(),
            ),
            moves: Moves::of(
                vec![Kernel::new(4, (0..4).flat_map(row).collect()), Kernel::identity(4)],
                Varying::by_decision((0..50).map(|a| usize::from(a != j)).collect()),
            ),
            terminal: None,
            prior: (0..4).map(|k| f64::from(u8::from(k == j % 4))).collect(),
            absent: Some(vec![(0..50).filter(|a| *a != j).collect()]),
            outside: None,
        }
    };
    let outcomes = Outcomes { feasible: vec![(0..50).collect()], probability: Varying::constant(vec![1.0]) };
    let parts = plain(1, 50, outcomes, (0..50).map(player).collect());
    same(&scenario.model, Parts { horizon: Horizon::Infinite, discount: 0.95, ..parts });
    assert_eq!((scenario.periods, scenario.joint_states()), (Some(60), 4f64.powi(50)));
}

#[test]
fn finer_grids_are_for_chains_and_functions() {
    let text = include_str!("../../../../../examples/spare-parts.toml");
    let read = |text: &str| crate::parse(text, Path::new("a.toml"));
    let Ok(Scenario { system: System::Pivot(fine), .. }) = read(text) else { panic!("a pivot scenario") };
    let finer = fine.finer.as_ref().expect("finer grids");
    assert_eq!((finer.times, finer.model.player(0).types, fine.model.player(0).types), (2, 17, 9));
    let options = fine.options();
    let coarse = vickrey::pivot::solve::solve_product(&fine.model, &options, &|_| {}).expect("solvable");
    let bound = finer.solution(&coarse).expect("solvable").certificate().bound;
    assert!(bound > 0.0 && bound.is_finite());
    let plain = include_str!("../../../../../examples/storage.toml");
    let none = plain.replacen("[pivot]", "[pivot]\nfiner = 2", 1);
    let problem = read(&none).expect_err("no chain");
    assert!(format!("{problem:?}").contains("no player has a `chain`"), "{problem:?}");
}
