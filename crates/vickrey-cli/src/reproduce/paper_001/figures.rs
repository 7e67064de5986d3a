//! Figures 2 to 4 with the adopted readings on them, and two more: average utilities, and test statistics.

use vickrey::two_stage::discretise::Family;
use vickrey::two_stage::simulate::{Nature, Setting, play};
use vickrey::two_stage::strategies::Bidding;
use vickrey::two_stage::{Demand, Law, Supertypes, Terms};
use vickrey_scenario::plot::{
    Across, CurveMark, Curves, DayCurve, DayPanel, Line, LogLog, Panels, Picture, ReferenceSlope, Series,
};

use super::super::Figure;
use super::cases::{Market, every_day};
use super::curves::{PLAYERS, TYPES, payment, price, social_cost};
use super::failed;
use crate::failure::Failure;

/// All figures and the names of their files.
pub fn all() -> Result<Vec<Figure>, Failure> {
    let (utilities, statistics) = seasons()?;
    Ok(vec![
        ("2-social-cost", Picture::LogLog(costs()?)),
        ("3-payment-against-mean", Picture::Curves(payments()?)),
        ("4-posted-price", Picture::Curves(prices()?)),
        ("5-utilities", Picture::Panels(utilities)),
        ("6-test-statistics", Picture::Panels(statistics)),
    ])
}

fn costs() -> Result<LogLog, Failure> {
    let counts = [1, 2, 3, 4, 5, 7, 10, 14, 20, 30, 50, 70, 100];
    let points =
        counts.iter().map(|&n| Ok((n as f64, social_cost(n)?))).collect::<Result<Vec<_>, Failure>>()?;
    let last = points[points.len() - 1];
    Ok(LogLog {
        title: format!(
            "Figure 2: social cost against providers (beta prime, mean 1, variance 2, m = {TYPES}, d = 1)"
        ),
        x_label: "number of providers".into(),
        y_label: "expected social cost".into(),
        series: vec![Series { name: "mechanism".into(), points }],
        references: vec![ReferenceSlope {
            label: "slope -1".into(),
            through: (last.0, 1.5 * last.1),
            slope: -1.0,
        }],
    })
}

fn payments() -> Result<Curves, Failure> {
    let means: Vec<f64> = (1..=32).map(|k| f64::from(k) / 4.0).collect();
    let curve = |name: &str, of: &dyn Fn(f64) -> Result<f64, Failure>, least: f64| {
        let points = means.iter().filter(|mean| **mean >= least).map(|&mean| Ok((mean, of(mean)?)));
        Ok::<_, Failure>(Series { name: name.into(), points: points.collect::<Result<_, Failure>>()? })
    };
    Ok(Curves {
        title: format!(
            "Figure 3: payment to a provider with delta = 4 (d = 1, n = {PLAYERS}, m = {TYPES}, variance 2)"
        ),
        x_label: "mean of the nine others' delta".into(),
        x_unit: String::new(),
        y_label: "average payment received".into(),
        y_unit: String::new(),
        curves: vec![
            curve(
                "beta prime, reserve at mean 1 (adopted)",
                &|mean| payment(Family::BetaPrime, mean, 1.0),
                0.0,
            )?,
            // On 0 to 10 a mean M has variance 2 only if M (10 - M) > 2.
            curve(
                "beta on 0 to 10, reserve at mean 1",
                &|mean| payment(Family::ScaledBeta { top: 10.0 }, mean, 1.0),
                0.25,
            )?,
        ],
        marks: Vec::new(),
    })
}

fn prices() -> Result<Curves, Failure> {
    let known = price(TYPES)?;
    let points = (0..=60).map(|k| f64::from(k) * 2.0 * known.price / 60.0).map(|p| (p, known.at(p)));
    let mechanism = social_cost(PLAYERS)?;
    Ok(Curves {
        title: format!(
            "Figure 4: a posted price against the mechanism (beta prime, m = {TYPES}, d = 1, n = {PLAYERS})"
        ),
        x_label: "posted price".into(),
        x_unit: String::new(),
        y_label: "expected social cost".into(),
        y_unit: String::new(),
        curves: vec![
            Series { name: format!("posted price, m = {TYPES} types"), points: points.collect() },
            Series {
                name: format!("mechanism: {mechanism:.4}"),
                points: vec![(0.0, mechanism), (2.0 * known.price, mechanism)],
            },
        ],
        marks: vec![CurveMark::Point {
            at: (known.price, known.cost),
            label: format!("p* = {:.4}, cost {:.4}", known.price, known.cost),
        }],
    })
}

/// A way of not being honest, in a season of its own.
struct Story {
    name: &'static str,
    /// The law that player 1 reports.
    told: Law,
    bidding: Bidding,
}

fn stories() -> Result<Vec<Story>, Failure> {
    let truth = Law::uniform(2);
    let dear = Law::new(vec![0.2, 0.8]).map_err(|error| failed(&error))?;
    let story = |name, told: &Law, bidding| Story { name, told: told.clone(), bidding };
    Ok(vec![
        story("honest", &truth, Bidding::Honest),
        story("mis-scaled: reports 3 more likely", &dear, Bidding::Honest),
        story("mimic: bids by the law, not the type", &truth, Bidding::Mimic),
        story("exaggerating: always 3", &truth, Bidding::Exaggerate(1)),
    ])
}

const DAYS: u64 = 10_000;

/// Four seasons of player 1 of B, each with another behaviour: average utilities, penalties, test statistics.
fn seasons() -> Result<(Panels, Panels), Failure> {
    let market = Market::b()?.repeated()?;
    let stories = stories()?;
    let marks: Vec<u64> = days_on_a_log_scale();
    let mut utility = DayPanel { label: "mean utility, no penalties".into(), ..DayPanel::default() };
    let mut penalty = DayPanel { label: "mean penalty".into(), log: true, ..DayPanel::default() };
    let mut own = DayPanel { label: "own bids, max |f|".into(), log: true, ..DayPanel::default() };
    let mut joint = DayPanel { label: "all others, max |h|".into(), log: true, ..DayPanel::default() };
    let mut window = Vec::new();
    for (k, story) in stories.iter().enumerate() {
        let seen = watch(&market, story, &marks)?;
        let curve = |pick: fn(&Seen) -> f64| {
            let points = seen.iter().map(|seen| (seen.day, pick(seen))).filter(|(_, y)| y.is_finite());
            DayCurve { line: Line::Player(k), points: points.collect() }
        };
        utility.curves.push(curve(|seen| seen.utility));
        penalty.curves.push(curve(|seen| if seen.penalty > 0.0 { seen.penalty } else { f64::NAN }));
        own.curves.push(curve(|seen| seen.frequency));
        joint.curves.push(curve(|seen| seen.joint));
        window = seen.iter().map(|seen| (seen.day, seen.window)).collect();
    }
    penalty.curves.retain(|curve| !curve.points.is_empty());
    for panel in [&mut own, &mut joint] {
        panel.curves.push(DayCurve { line: Line::Limit, points: window.clone() });
    }
    let chart = |title: &str, limit: &str, panels| {
        Panels {
        title: title.into(),
        notes: vec![
            "Player 1 of market B (types 1, 3 equally likely), window by the union bound, false alarm 0.01, J = l^1.5."
                .into(),
        ],
        players: stories.iter().map(|story| story.name.to_owned()).collect(),
        mark: String::new(),
        limit: limit.into(),
        across: Across::Days,
        panels,
    }
    };
    Ok((
        chart("Average utility of a day, so far: honest and otherwise", "", vec![utility, penalty]),
        chart("Test statistics against the window", "window", vec![own, joint]),
    ))
}

/// What is seen of player 1 on a day.
struct Seen {
    day: f64,
    utility: f64,
    penalty: f64,
    frequency: f64,
    joint: f64,
    window: f64,
}

fn watch(market: &Demand, story: &Story, marks: &[u64]) -> Result<Vec<Seen>, Failure> {
    let b = Market::b()?;
    let truth = Supertypes::constant(b.laws.clone());
    let reports = truth.with(0, vec![story.told.clone()]);
    let mut nature = Nature::new(truth, every_day(), 1);
    let mut bidders = vec![story.bidding.bidder(), Bidding::Honest.bidder()];
    let terms = Terms { pairwise: false, ..Terms::default() };
    let setting = Setting { market, reports, terms, days: DAYS, seed: 1 };
    let (mut seen, mut utility, mut penalty) = (Vec::new(), 0.0, 0.0);
    play(setting, &mut nature, &mut bidders, |step| {
        utility += step.valuation[0] - step.view.settled.payment(0);
        penalty += step.view.penalty[0];
        let (number, day) = (step.view.day, step.view.day as f64);
        if marks.binary_search(&number).is_ok() {
            let found = step.view.tests.statistics(0);
            seen.push(Seen {
                day,
                utility: utility / day,
                penalty: penalty / day,
                frequency: found.frequency / day,
                joint: found.joint.map_or(f64::NAN, |h| h / day),
                window: step.view.tests.threshold(0).window(number),
            });
        }
        true
    })
    .map_err(|error| failed(&error))?;
    Ok(seen)
}

/// About 150 days, ever further apart.
fn days_on_a_log_scale() -> Vec<u64> {
    let mut days = vec![1];
    while let Some(&last) = days.last()
        && last < DAYS
    {
        days.push(((last as f64 * 1.06).ceil() as u64).max(last + 1).min(DAYS));
    }
    days
}
