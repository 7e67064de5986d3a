//! Section V of paper 000: Examples 2 and 3, and how the layered market behaves as it grows.

use std::sync::Arc;

use rand::RngExt;
use vickrey::accounts::Accounts;
use vickrey::guarantee::Baseline::{Autarky, Zero};
use vickrey::lq::strategies::{Lie, LqWorld, Player, Replay, Sight};
use vickrey::lq::{
    Agent, Aggregate, Expected, LayerRule, LayeredMechanism, Ledger, Market, Pivot, ScalarColumns,
};
use vickrey::mechanism::AgentId;
use vickrey::numeric::random::{Purpose, stream};
use vickrey::scaling::{Distance, MinMax, Range, interval, min_max};
use vickrey::simulate::{Profile, run};
use vickrey_scenario::plot::{LogLog, Picture, ReferenceSlope, Series};

use super::super::Figure;
use super::{Row, failed, ours, row, unexplained};
use crate::failure::Failure;

const PERIODS: usize = 4;
/// r as we read it: the printed list is damaged.
const R: [f64; 4] = [-1.0, -1.1, -1.2, -1.1];
const START: [f64; 4] = [0.3, 0.32, 0.31, 0.3];
const NOISE: [f64; 4] = [0.1, 0.11, 0.11, 0.12];
/// What agent 1 reports instead of -1 in Example 2.
const LIE: f64 = -1.3;

/// Sizes of the random markets in figure (c), and how many of each size.
const FAMILY: [(usize, u64); 7] = [(3, 200), (4, 200), (6, 100), (10, 60), (30, 60), (100, 20), (300, 10)];
const SEED: u64 = 1;

/// Whether the printed moments are variances or standard deviations.
#[derive(Clone, Copy)]
enum Reading {
    Variance,
    Deviation,
}

impl Reading {
    const BOTH: [Self; 2] = [Self::Variance, Self::Deviation];

    fn variance(self, printed: f64) -> f64 {
        match self {
            Self::Variance => printed,
            Self::Deviation => printed * printed,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Variance => "moments as variances",
            Self::Deviation => "moments as standard deviations",
        }
    }
}

/// Examples 2 and 3.
pub fn rows() -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    for reading in Reading::BOTH {
        rows.extend(example_2(reading)?);
    }
    for reading in Reading::BOTH {
        rows.extend(example_3(reading)?);
    }
    Ok(rows)
}

/// The market of both examples; agent 1 (number 0 here) with this q.
fn example(reading: Reading, q: f64) -> Result<Market, Failure> {
    let agent = |i: usize| {
        Agent::scalar(1.0, 1.0, if i == 0 { q } else { -1.0 }, R[i]).and_then(|agent| {
            agent.with(|p| {
                p.start_noise = vec![reading.variance(START[i])];
                p.noise = reading.variance(NOISE[i]).into();
            })
        })
    };
    let agents: Result<Vec<Agent>, _> = (0..4).map(agent).collect();
    let agents = agents.map_err(|errors| failed(&errors[0]))?;
    Market::new(PERIODS, Vec::new(), agents).map_err(|e| failed(&e))
}

fn expected(market: &Market) -> Result<Ledger, Failure> {
    let aggregate = Aggregate::new(market).map_err(|e| failed(&e))?;
    Ok(Expected::new(market, &aggregate, false).map_err(|e| failed(&e))?.ledger)
}

fn example_2(reading: Reading) -> Result<Vec<Row>, Failure> {
    let ledger = expected(&example(reading, -1.0)?)?;
    let truthful = ledger.net(0, Zero);
    let lying = net_of_lie(reading)?;
    let tried = "no combination of T = 1..6, terminal term, variance or deviation, noise timing, known or silent x(0), \
                 sign and payment convention gives the printed pair (about 4600 readings); r is damaged in print and \
                 read as (-1, -1.1, -1.2, -1.1)";
    let cannot = "the lie costs: with these payments E net = E[true welfare of the resulting policy] - c H_1, which \
                  truth maximises when the others are truthful, so no reading of the payments as defined makes it gain";
    let what = |who: &str| format!("Example 2, net utility of agent 1, {who} ({})", reading.words());
    Ok(vec![
        unexplained(&what("all truthful"), 0.629, truthful, 0.001, tried),
        unexplained(&what("reporting q = -1.3 and no noise"), 0.631, lying, 0.001, cannot),
        ours(
            &format!("Example 2, what that lie gains ({})", reading.words()),
            lying - truthful,
            "printed: 0.002. What does fail with unknown parameters is dominance: truth is a best reply to truth only",
        ),
    ])
}

/// Expected net utility of agent 1 when it reports another q before the start, its true x(0), and no noise later.
///
/// All strategies are linear, so net utility is a quadratic form of the noise, and its expectation is the sum of what
/// every single disturbance of the size of its standard deviation yields alone.
fn net_of_lie(reading: Reading) -> Result<f64, Failure> {
    let truth = Arc::new(example(reading, -1.0)?);
    let reported = Arc::new(example(reading, LIE)?);
    let rule = LayerRule::Groves { pivot: Pivot::Incremental, c: 1.0, baseline: Zero };
    let mechanism = LayeredMechanism::new(reported, rule).map_err(|e| failed(&e))?;
    let mut sum = 0.0;
    for source in 0..4 {
        for s in 0..PERIODS {
            let variance = reading.variance(if s == 0 { START[source] } else { NOISE[source] });
            let path = |i: usize| {
                let size = |t: usize| if (i, t) == (source, s) { variance.sqrt() } else { 0.0 };
                Some((0..PERIODS).map(size).collect())
            };
            let replay = Arc::new(Replay::new((0..4).map(path).collect()));
            sum += net_utility(&mechanism, &truth, replay)?;
        }
    }
    Ok(sum)
}

/// Agent 1's net utility on one path of noise, when it is silent about everything after its start.
fn net_utility(
    mechanism: &LayeredMechanism,
    truth: &Arc<Market>,
    replay: Arc<Replay>,
) -> Result<f64, Failure> {
    let silent = Lie { scale: 0.0, only: Some((1, PERIODS)), ..Lie::TRUTH };
    let player = |i: AgentId| {
        let lie = if i == 0 { silent } else { Lie::TRUTH };
        Box::new(Player::new(Arc::new(truth.parameters(i)), lie)) as _
    };
    let mut profile: Profile<LayeredMechanism, Sight> = (0..4).map(player).collect();
    let mut world = LqWorld::new(Arc::clone(truth), 0, replay);
    let totals = run(mechanism, &mut world, &mut profile, 0, |_| ()).map_err(|e| failed(&e))?;
    Ok(totals.utility(0))
}

fn example_3(reading: Reading) -> Result<Vec<Row>, Failure> {
    let ledger = expected(&example(reading, -1.0)?)?;
    let (f, h): (f64, Vec<f64>) = (ledger.welfare(), (0..4).map(|i| ledger.without(i, Zero)).collect());
    // The printed quotients; for negative F and H they bound c from the wrong side.
    let quotients =
        Range { low: 3.0 * f / h.iter().sum::<f64>(), high: f / h.iter().fold(f64::MIN, |a, &b| a.max(b)) };
    let nearest = |ledger: &Ledger, baseline, ratio, range| -> Result<MinMax, Failure> {
        let distance = Distance { ratio, one_sided: false };
        min_max(ledger, baseline, distance, range).ok_or_else(|| failed(&"Example 3 has no MinMax"))
    };
    let printed = nearest(&ledger, Zero, true, quotients)?;
    let best = nearest(&ledger, Zero, true, Range { low: f64::NEG_INFINITY, high: f64::INFINITY })?;
    let autarky = interval(&ledger, Autarky);
    let range = autarky.feasible().ok_or_else(|| failed(&"Example 3 has no feasible c over autarky"))?;
    let absolute = nearest(&ledger, Autarky, false, range)?;
    let what = |of: &str| format!("Example 3, {of} ({})", reading.words());
    let vacuous = "F and all H_i are negative here, so Theorem 7's conditions fail and its quotients bound c from the \
                   wrong side: no c balances the budget and keeps everybody over zero";
    let out_of_reach = "out of reach: the agents are nearly equal, so expected Lagrange payments are nearly 0 beside \
                        the gaps; the next row is the least ratio over all real c";
    Ok(vec![
        unexplained(&what("MinMax c with the printed quotients"), 0.96, printed.c, 0.01, vacuous),
        unexplained(&what("MinMax Z with the printed quotients"), 0.21, printed.value, 0.01, out_of_reach),
        ours(&what("least Z over all real c"), best.value, "the printed 21 % cannot be met by any c"),
        row(
            &what("expected budget at c = 0.96 (printed: balanced)"),
            0.0,
            (0..4).map(|i| ledger.scaled_vcg(i, 0.96, Zero)).sum(),
            0.001,
            "a subsidy: c = 0.96 does not balance the budget",
        ),
        ours(&what("lowest c that balances the budget, baseline autarky"), range.low, "what does hold"),
        ours(&what("highest c that keeps everybody, baseline autarky"), range.high, "what does hold"),
        ours(
            &what("MinMax Z in money at that baseline"),
            absolute.value,
            &format!("at c = {:.7}", absolute.c),
        ),
    ])
}

/// Figure (c).
pub fn figures() -> Result<Vec<Figure>, Failure> {
    Ok(vec![("c-layered-convergence", Picture::LogLog(figure_c()?))])
}

/// What figure (c) shows of one market.
struct Measures {
    gap: f64,
    lagrange: f64,
    /// 1 - F (N - 1)/sum H, over zero.
    quotient: f64,
    low: f64,
    high: f64,
}

fn measure(agents: usize, draw: u64) -> Result<Measures, Failure> {
    let mut rng = stream(SEED, Purpose::Instance, (agents as u64) << 20 | draw);
    let mut uniform = |low: f64, high: f64| low + (high - low) * rng.random::<f64>();
    let mut columns = ScalarColumns::default();
    for _ in 0..agents {
        columns.a.push(uniform(0.6, 1.1));
        columns.b.push(uniform(0.5, 1.5));
        columns.q.push(-uniform(0.2, 2.0));
        columns.r.push(-uniform(0.5, 2.0));
        columns.start_noise.push(uniform(0.1, 1.0));
        columns.noise.push(uniform(0.05, 0.5));
    }
    let ledger = expected(&Market::from_columns(PERIODS, Vec::new(), columns).map_err(|e| failed(&e))?)?;
    let largest = |f: &dyn Fn(AgentId) -> f64| (0..agents).map(|i| f(i).abs()).fold(0.0, f64::max);
    let (zero, over_autarky) = (interval(&ledger, Zero), interval(&ledger, Autarky));
    Ok(Measures {
        gap: largest(&|i| ledger.gap(i)),
        lagrange: largest(&|i| ledger.lagrange(i)),
        quotient: 1.0 - ledger.welfare() * (agents - 1) as f64 / zero.sum_without,
        low: over_autarky.budget.low - 1.0,
        high: over_autarky.participation.high - 1.0,
    })
}

/// How random layered markets behave as they grow (medians over the draws).
fn figure_c() -> Result<LogLog, Failure> {
    let mut all: Vec<(f64, Vec<Measures>)> = Vec::new();
    for (agents, draws) in FAMILY {
        let measured: Result<Vec<Measures>, Failure> = (0..draws).map(|k| measure(agents, k)).collect();
        all.push((agents as f64, measured?));
    }
    let median = |of: &[Measures], pick: &dyn Fn(&Measures) -> f64| {
        let mut values: Vec<f64> = of.iter().map(pick).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let series = |name: &str, pick: &dyn Fn(&Measures) -> f64| Series {
        name: name.to_owned(),
        points: all.iter().map(|(n, of)| (*n, median(of, pick))).collect(),
    };
    Ok(LogLog {
        title: "Random layered markets, T = 4: medians against N".into(),
        x_label: "agents N".into(),
        y_label: "expected money, excess of c over 1".into(),
        series: vec![
            series("largest gap", &|m| m.gap),
            series("largest |Lagrange payment|", &|m| m.lagrange),
            series("1 - F (N-1)/sum H", &|m| m.quotient),
            series("c low - 1 (autarky)", &|m| m.low),
            series("c high - 1 (autarky)", &|m| m.high),
        ],
        references: vec![
            ReferenceSlope { label: "slope −1".into(), through: (300.0, 5.1 / 300.0), slope: -1.0 },
            ReferenceSlope { label: "slope −2".into(), through: (300.0, 0.71 / 9e4), slope: -2.0 },
        ],
    })
}
