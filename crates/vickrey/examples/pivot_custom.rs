//! The dynamic pivot mechanism from the inside: an instance by hand, what it decides and charges, a game with sealed
//! reports and a player with a strategy of her own, reports that come as messages, and values from elsewhere.
//!
//!     cargo run --release -p vickrey --example pivot_custom

use std::error::Error;
use std::sync::Arc;

use vickrey::audit::{AuditOptions, Effort};
use vickrey::mechanism::{Inbox, Mechanism, Strategy, Turn};
use vickrey::pivot::audit::summary;
use vickrey::pivot::model::PublicLaw;
use vickrey::pivot::protocol::{Draw, Notice, Phase, PivotOutcome, Report, Salt, seal_outcome, seal_report};
use vickrey::pivot::solve::approximate::of_values;
use vickrey::pivot::solve::solve_product;
use vickrey::pivot::strategies::{Lie, PivotWorld, Player as Reporter, Sight};
use vickrey::pivot::{
    Horizon, Kernel, Labels, Model, Moves, Options, Outcomes, Parts, PaymentTime, PivotMechanism, Player,
    Public, Terms, Varying, Without, solve,
};
use vickrey::simulate::{Profile, paired, run};

/// One berth in each of two weeks, for one of two ships. Ann's cargo is worth 2 in the first week and 5 in the second, if
/// she has any (type 1). Bob's is worth 0, 1 or 4 in either week (types 0, 1, 2). Who was let in first, everybody sees.
fn berths() -> Result<Model, Box<dyn Error>> {
    let types = |n: usize| Moves::constant(Kernel::identity(n));
    let ann = Player {
        types: 2,
        // Period, decision, public state: decision 0 lets Ann in.
        utility: Varying::from_fn([2, 2, 1], |week, decision, _| match (decision, week) {
            (0, 0) => vec![0.0, 2.0],
            (0, _) => vec![0.0, 5.0],
            _ => vec![0.0, 0.0],
        }),
        moves: types(2),
        terminal: Some(Varying::constant(vec![0.0; 2])),
        prior: vec![0.0, 1.0],
        absent: None,
        outside: None,
    };
    let bob = Player {
        types: 3,
        utility: Varying::by_decision(vec![vec![0.0; 3], vec![0.0, 1.0, 4.0]]),
        moves: types(3),
        terminal: Some(Varying::constant(vec![0.0; 3])),
        prior: vec![0.0, 1.0, 0.0],
        absent: None,
        outside: None,
    };
    // Public states: nobody yet, Ann was first, Bob was first.
    let after = |decision: usize| -> PublicLaw { vec![(1 + decision, 1.0)] };
    let public = Public {
        states: 3,
        moves: Moves::new(Varying::by_decision(vec![after(0), after(1)])),
        ..Public::nothing()
    };
    let labels = Labels { players: vec!["Ann".into(), "Bob".into()], ..Labels::default() };
    Ok(Model::new(Parts {
        horizon: Horizon::Finite(2),
        discount: 1.0,
        decisions: 2,
        outcomes: Outcomes { feasible: vec![vec![0, 1]], probability: Varying::constant(vec![1.0]) },
        public,
        players: vec![ann, bob],
        labels,
    })?)
}

/// Says 1 in the first week; then 4 if Ann was let in first, and 0 otherwise. Whatever Bob's type is.
#[derive(Default)]
struct Grudge {
    sealed: Option<(usize, Salt)>,
}

impl Strategy<PivotMechanism, Sight> for Grudge {
    fn report(&mut self, turn: Turn<'_, Sight, Notice>) -> Option<Report> {
        use rand::RngExt;
        let notice = turn.announcement;
        if notice.phase == Phase::Seal {
            let own = match notice.public {
                0 => 1,
                1 => 2,
                _ => 0,
            };
            let salt: Salt = turn.rng.random();
            self.sealed = Some((own, salt));
            return Some(Report::Seal(seal_report(notice.period, turn.agent, own, &salt)));
        }
        let (own, salt) = self.sealed.take()?;
        Some(Report::Type { own, salt: Some(salt) })
    }
}

fn honest(_: usize) -> Box<dyn Strategy<PivotMechanism, Sight>> {
    Box::new(Reporter::default())
}

/// Says in the first week that she has no cargo, then the truth.
fn holds_back() -> Box<dyn Strategy<PivotMechanism, Sight>> {
    Box::new(Reporter::new(Lie { report: vec![0, 0], only: Some((0, 0)), ..Lie::default() }))
}

/// One game in full.
fn told(mechanism: &PivotMechanism) -> Result<(), Box<dyn Error>> {
    let mut world = PivotWorld::new(mechanism, 1);
    let mut profile: Profile<PivotMechanism, Sight> = vec![honest(0), honest(1)];
    let totals = run(mechanism, &mut world, &mut profile, 1, |stage| {
        let PivotOutcome { period, phase, reports, decision, .. } = stage.outcome;
        if *phase == Phase::Report {
            println!(
                "period {period}: reports {reports:?}, outcome and decision {decision:?}, payments {:?}",
                stage.payment
            );
        }
    })?;
    println!("Ann has {}, Bob has {}", totals.utility(0), totals.utility(1));
    Ok(())
}

/// What Ann gains by holding back, against a truthful Bob and against one who answers to what she does.
fn strategies(mechanism: &PivotMechanism) -> Result<(), Box<dyn Error>> {
    let world = |seed| PivotWorld::new(mechanism, seed);
    let against_truth: Profile<PivotMechanism, Sight> = vec![holds_back(), honest(1)];
    println!("against the truth: {:+}", paired(mechanism, world, honest, against_truth, 1)?.gain(0));

    let grudging = |mut profile: Profile<PivotMechanism, Sight>| {
        profile[1] = Box::new(Grudge::default());
        run(mechanism, &mut world(1), &mut profile, 1, |_| ())
    };
    let (truth, lie) = (grudging(vec![honest(0), honest(1)])?, grudging(vec![holds_back(), honest(1)])?);
    println!("against a grudge: {} by truth, {} by holding back", truth.utility(0), lie.utility(0));
    Ok(())
}

/// Reports that come one by one: whoever opens another report than the sealed one has left.
fn messages(mechanism: &PivotMechanism) -> Result<(), Box<dyn Error>> {
    let mut state = mechanism.start();
    let salt = [7; 32];
    let mut inbox = Inbox::new(mechanism, &state);
    for agent in 0..2 {
        inbox.offer(agent, Report::Seal(seal_report(0, agent, 1, &salt)))?;
    }
    let arrivals = inbox.close();
    mechanism.close(&mut state, arrivals)?;
    mechanism.settle(&mut state, Draw::Seal(seal_outcome(0, 0, &salt)))?;

    let mut inbox = Inbox::new(mechanism, &state);
    inbox.offer(0, Report::Type { own: 1, salt: Some(salt) })?;
    if let Err(refused) = inbox.offer(1, Report::Type { own: 2, salt: Some(salt) }) {
        println!("refused: {refused}");
    }
    let arrivals = inbox.close();
    mechanism.close(&mut state, arrivals)?;
    let outcome = mechanism.settle(&mut state, Draw::Outcome { outcome: 0, salt: Some(salt) })?;
    println!("left: {:?}, payments {:?}", outcome.left, outcome.payment);
    Ok(())
}

/// Two storages, each charged or depleted, and an imbalance with probability 0.6.
fn storage(horizon: Horizon) -> Result<Model, Box<dyn Error>> {
    let kernel = |used: bool| {
        let rows = if used { [0.3, 0.7, 0.1, 0.9] } else { [0.9, 0.1, 0.6, 0.4] };
        Kernel::new(2, rows.to_vec())
    };
    let provider = |own: usize| Player {
        types: 2,
        utility: Varying::from_fn(
            [1, 4, 1],
            |_, a, _| if a == own { vec![-1.0, -4.0] } else { vec![0.0; 2] },
        ),
        moves: Moves::new(Varying::from_fn([1, 4, 1], |_, a, _| kernel(a == own))),
        terminal: (horizon != Horizon::Infinite).then(|| Varying::constant(vec![0.0; 2])),
        prior: vec![1.0, 0.0],
        absent: Some(vec![vec![0], (1..4).filter(|a| *a != own).collect()]),
        outside: None,
    };
    Ok(Model::new(Parts {
        horizon,
        discount: 0.9,
        decisions: 4, // idle, use the first, use the second, curtail
        outcomes: Outcomes {
            feasible: vec![vec![0], vec![1, 2, 3]],
            probability: Varying::constant(vec![0.4, 0.6]),
        },
        public: Public { utility: Varying::by_decision(vec![0.0, 0.0, 0.0, -10.0]), ..Public::nothing() },
        players: vec![provider(1), provider(2)],
        labels: Labels::default(),
    })?)
}

/// A game for ever, decided by looking a few periods ahead: what that may cost, and what it does cost.
fn rolling() -> Result<(), Box<dyn Error>> {
    let options = Options { mode: Without::Own, ..Options::default() };
    let forever = storage(Horizon::Infinite)?;
    for ahead in [1, 2, 4, 8, 16] {
        let near = solve_product(&storage(Horizon::Finite(ahead))?, &options, &|_| {})?;
        let with = |list: &[f64], constant: f64| vec![list.iter().map(|v| v + constant).collect::<Vec<_>>()];
        let values = with(near.values(0), near.constant(0));
        let references = (0..2).map(|i| with(near.references(i, 0), near.reference_constant(i, 0))).collect();
        let product = of_values(&forever, &options, values, references)?;
        let effort = AuditOptions { seed: 1, effort: Effort::Normal };
        let found = summary(&product, &effort, PaymentTime::BeforeOutcome);
        println!(
            "{ahead} ahead: no lie gains more than {:.1e}; the best one gains {:.1e}",
            product.certificate().bound,
            found.gain
        );
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let model = berths()?;
    let options = Options::default();
    let solution = Arc::new(solve(&model, &options, &|_| {})?);
    let start = vickrey::pivot::solve::State { public: 0, types: vec![1, 1] };
    let ruling = solution.ruling(0, &start)?;
    println!("decision {:?}, payments {:?}, value {:?}", ruling.decision, ruling.payment, ruling.value);
    println!("Ann can expect {:?}", ruling.truthful(0));

    let terms = Terms { payment: PaymentTime::BeforeOutcome, sealed: true, periods: 2 };
    let mechanism = PivotMechanism::new(solution, options, terms)?;
    told(&mechanism)?;
    strategies(&mechanism)?;
    messages(&mechanism)?;
    rolling()
}
