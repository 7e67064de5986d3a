//! Figure 2 of paper 003, and five that it does not have: the gap against rounds (3), rounds and bytes by method (4, 4b),
//! consensus (5), what market power is worth (6).

use vickrey::faithful::consensus::{Conduct, Test};
use vickrey::faithful::dual::rules::{Mode, Rules};
use vickrey::faithful::dual::solve::path;
use vickrey_scenario::plot::{
    Across, Areas, Bars, DayCurve, DayPanel, Line, LogLog, NamedValues, Panels, Picture, PriceArea,
    ReferenceSlope, Series,
};

use super::super::Figure;
use super::cases::{Case, alike, ascent, even, quadratic};
use super::consensus::{FIVE, net, path as row, with_share};
use super::failed;
use super::methods::{Instance, NAMES};
use super::motivation::market;
use crate::failure::Failure;

/// All figures and the names of their files.
pub fn all(rounds: &[Instance]) -> Result<Vec<Figure>, Failure> {
    Ok(vec![
        ("2-vcg-tax", Picture::Areas(tax()?)),
        ("3-gap-against-rounds", Picture::Panels(gaps()?)),
        ("4-rounds-by-method", Picture::Bars(methods(rounds))),
        ("4b-bytes-by-method", Picture::Bars(bytes(rounds))),
        ("5-consensus", Picture::Panels(consensus()?)),
        ("6-market-power", Picture::LogLog(power()?)),
    ])
}

/// The tax as an area, with two and with ten followers.
fn tax() -> Result<Areas, Failure> {
    let mut agents = Vec::new();
    for n in [2, 10] {
        let case = alike(n)?;
        let exact = case.exact()?;
        let way = path(&case.problem, &case.costs, &exact, 0, 101).map_err(|error| failed(&error))?;
        let whole = exact.allocation[0];
        agents.push(PriceArea {
            name: format!("N = {n}"),
            // Money per share of the way over the whole way: the price.
            points: way.share.iter().zip(&way.marginal).map(|(t, m)| (t * whole, m / whole)).collect(),
            price: exact.price[0],
            area: way.integral,
            rectangle: way.clearing,
        });
    }
    Ok(Areas {
        title: "Figure 2: the VCG tax is the area under the price of the others".into(),
        notes: vec!["Section II: costs (z - 1)², c = N/2. The more followers, the nearer the area is to the rectangle.".into()],
        x_label: "z of follower 1".into(),
        y_label: "price that clears the others".into(),
        area: "VCG tax".into(),
        rectangle: "clearing-price payment".into(),
        agents,
        ..Areas::default()
    })
}

/// Six followers, two couplings; one decision each, so that the public steepness is that of the costs.
pub fn six() -> Result<Case, Failure> {
    let follower = |i: usize| {
        let x = |k: usize| even(10 * i + k);
        Ok((vec![2.0 * x(0) - 1.0, x(1)], quadratic(&[1.0 + 3.0 * x(2)], &[4.0 * x(3) - 2.0], 0.0)?))
    };
    Case::new(&[1.0, 0.5], (0..6).map(follower).collect::<Result<_, Failure>>()?, None)
}

/// The largest and the smallest eigenvalue of sum R_i Q_i^-1 R_i' with two couplings.
pub fn steepness(case: &Case) -> Result<(f64, f64), Failure> {
    let [mut a, mut b, mut c] = [0.0; 3];
    for follower in case.problem.followers() {
        let (r, bend) = (&follower.coupling, follower.curvature.0);
        let [x, y] = r[..] else { return Err(failed(&"two couplings with one decision each")) };
        a += x * x / bend;
        b += x * y / bend;
        c += y * y / bend;
    }
    let (middle, half) = ((a + c) / 2.0, ((a - c).powi(2) / 4.0 + b * b).sqrt());
    Ok((middle + half, middle - half))
}

/// Cost above the optimum after every number of rounds up to `most`, as long as it is more than rounding.
pub fn course(case: &Case, step: f64, most: usize) -> Result<Vec<(f64, f64)>, Failure> {
    // A step above two over the steepness is refused; it is accepted of costs that are said to bend twice as strongly.
    let bold = case.clone().pretending(|f| (2.0 * f.curvature.0, f64::INFINITY))?;
    let optimum = case.exact()?.optimum;
    let mut points = Vec::new();
    for n in 1..=most {
        let settled = bold.settled(Rules { mode: Mode::Zero, ..ascent(Some(step), n) })?;
        let gap = case.social(&settled) - optimum;
        if gap < 1e-13 {
            break;
        }
        points.push((n as f64, gap));
    }
    Ok(points)
}

fn gaps() -> Result<Panels, Failure> {
    let case = six()?;
    let (large, small) = steepness(&case)?;
    let mut steps: Vec<(String, f64)> =
        [0.25, 0.5, 1.0, 1.9, 2.05].map(|share| (format!("{share}/L"), share / large)).into();
    steps.push(("2/(L + mu)".into(), 2.0 / (large + small)));
    let mut curves = Vec::new();
    for (k, (_, step)) in steps.iter().enumerate() {
        curves.push(DayCurve { line: Line::Player(k), points: course(&case, *step, 60)? });
    }
    Ok(Panels {
        title: "Cost of the decision above the optimum after n rounds of Algorithm 1, by price step".into(),
        notes: vec![format!(
            "Six followers, two couplings; L = {large:.4}, mu = {small:.4}. Steps of 2/L and more are refused otherwise."
        )],
        players: steps.into_iter().map(|step| step.0).collect(),
        across: Across::Rounds,
        panels: vec![DayPanel { label: "epsilon of M^n".into(), log: true, curves, ..DayPanel::default() }],
        ..Panels::default()
    })
}

fn bars(rounds: &[Instance], title: &str, x_label: &str, of: impl Fn(&super::methods::Run) -> f64) -> Bars {
    let values = rounds.iter().map(|instance| NamedValues {
        name: instance.name.into(),
        values: instance.runs.iter().map(&of).collect(),
    });
    Bars {
        title: title.into(),
        x_label: x_label.into(),
        x_unit: String::new(),
        agents: NAMES.map(str::to_owned).into(),
        values: values.collect(),
    }
}

fn methods(rounds: &[Instance]) -> Bars {
    let title = "Rounds to a certified gap of 1e-8, all problems together, by method";
    bars(rounds, title, "rounds", |run| run.traffic.rounds as f64)
}

fn bytes(rounds: &[Instance]) -> Bars {
    let title = "Numbers sent in these rounds, eight bytes each: Newton steps try eight prices a round";
    bars(rounds, title, "kilobytes", |run| run.bytes() as f64 / 1e3)
}

/// Disagreement against both bounds, and what faithful followers and one who stands still bear.
fn consensus() -> Result<Panels, Failure> {
    const ROUNDS: usize = 120;
    let graph = row(5)?;
    let rules = |test, n| with_share(&graph, 0.5, n, test);
    let (print, good) = (rules(Test::Printed, ROUNDS)?, rules(Test::Corrected, ROUNDS)?);
    let beta = |test| -> Vec<(f64, f64)> {
        (1..=ROUNDS).filter_map(|n| Some((n as f64, good.beta(test, n)?))).collect()
    };
    let apart = good.course(&FIVE).into_iter().enumerate().skip(1).map(|(n, d)| (n as f64, d)).collect();
    let curve = |k, points| DayCurve { line: Line::Player(k), points };
    let (mut printed, mut corrected, mut standing) = (Vec::new(), Vec::new(), Vec::new());
    for n in 1..=ROUNDS {
        let at = |rules: &vickrey::faithful::consensus::Rules| {
            rules.clone().with_rounds(n).map_err(|error| failed(&error))
        };
        let (print, good) = (at(&print)?, at(&good)?);
        let x = n as f64;
        printed.push((x, print.play(&FIVE).net[0]));
        corrected.push((x, good.play(&FIVE).net[0]));
        standing.push((x, net(&print, &FIVE, 0, &Conduct::Stand)?));
    }
    Ok(Panels {
        title: "Algorithm 2 on a path of five: the printed test fines faithful followers".into(),
        notes: vec![
            "Wishes 0, 1, 0.2, 0.7, 0.4; alpha = 0.5/lambda_max. Below: what follower 1 bears.".into(),
        ],
        players: ["disagreement, faithful", "corrected rho", "printed rho", "standing still, printed rho"]
            .map(str::to_owned)
            .into(),
        across: Across::Rounds,
        panels: vec![
            DayPanel {
                label: "disagreement; beta(n)".into(),
                log: true,
                curves: vec![curve(0, apart), curve(1, beta(Test::Corrected)), curve(2, beta(Test::Printed))],
                ..DayPanel::default()
            },
            DayPanel {
                label: "net cost".into(),
                curves: vec![curve(1, corrected), curve(2, printed), curve(3, standing)],
                ..DayPanel::default()
            },
        ],
        ..Panels::default()
    })
}

/// How fast clearing prices come near VCG taxes.
fn power() -> Result<LogLog, Failure> {
    let (mut difference, mut gain) = (Vec::new(), Vec::new());
    for n in [2, 3, 5, 10, 20, 50, 100, 200, 500, 1000] {
        let ours = market(n)?;
        difference.push((n as f64, ours.difference));
        gain.push((n as f64, ours.gain));
    }
    let slope = |slope: f64, points: &[(f64, f64)]| {
        let (x, y) = points[points.len() - 1];
        let label = format!("slope {slope}");
        ReferenceSlope { label, through: (x, 0.5 * y), slope }
    };
    Ok(LogLog {
        title: "Section II with N followers: what clearing prices leave to gain".into(),
        x_label: "number of followers".into(),
        y_label: "money".into(),
        references: vec![slope(-1.0, &difference), slope(-2.0, &gain)],
        series: vec![
            Series { name: "clearing-price payment less VCG tax".into(), points: difference },
            Series { name: "gain of the best constant bid".into(), points: gain },
        ],
    })
}
