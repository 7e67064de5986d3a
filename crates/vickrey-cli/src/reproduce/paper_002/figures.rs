//! The figures of paper 002: its timing diagram, and pictures of the worked instances.

use vickrey::audit::{AuditOptions, Effort};
use vickrey::pivot::audit::{outlook, summary};
use vickrey::pivot::mode::PaymentTime;
use vickrey::pivot::solve::State;
use vickrey::pivot::solve::product::Product;
use vickrey::pivot::{Horizon, Without};
use vickrey_scenario::plot::{
    Actor, Cell, Cells, Course, Curves, Fill, ModePoint, Modes, NamedValues, Picture, ReportCurve, Reports,
    Series, Timing, TimingSpan, TimingStep,
};

use super::super::Figure;
use super::cases::{PATH, at, goods, hands, solved, stock, storage};
use crate::failure::Failure;

/// All figures and the names of their files.
pub fn all() -> Result<Vec<Figure>, Failure> {
    Ok(vec![
        ("1-timing", Picture::Timing(timing())),
        ("2-goods-path", Picture::Course(path()?)),
        ("3-utility-against-report", Picture::Reports(reports()?)),
        ("4-curtailment-cost", Picture::Curves(curtailment()?)),
        ("4b-modes", Picture::Modes(modes()?)),
    ])
}

/// The paper's only figure: the order of events in a period.
fn timing() -> Timing {
    let step = |actor, what: &str, known: &str| TimingStep { actor, what: what.into(), known: known.into() };
    Timing {
        title: "What happens in a period of the mechanism".into(),
        steps: vec![
            step(Actor::Nature, "the public state moves", "seen by all"),
            step(Actor::Nature, "every player's type moves", "seen by herself"),
            step(Actor::Players, "sealed reports of types", "opened together"),
            step(Actor::Coordinator, "payments are fixed", "they follow from the reports"),
            step(Actor::Nature, "the outcome: what is feasible", "seen by all"),
            step(Actor::Coordinator, "the decision, by the policy", "it follows from outcome and reports"),
        ],
        spans: vec![
            TimingSpan {
                from: 0,
                to: 3,
                label: "nobody knows the outcome: without this, truth need not be best".into(),
            },
            TimingSpan { from: 3, to: 5, label: "the outcome moves the decision, and no payment".into() },
        ],
        next: "the decision moves the public state and types of the next period".into(),
    }
}

/// E5 along the path of the worked numbers: who holds what, payments and values.
fn path() -> Result<Course, Failure> {
    let product = solved(&goods(2, 4)?, Without::Same)?;
    let names = ["producer 1", "producer 2"].map(str::to_owned);
    let mut rows: Vec<Cells> = ["arrives", "goes to", "1 holds", "2 holds", "types 1, 2"]
        .map(|name| Cells { name: name.into(), cells: Vec::new() })
        .into();
    let (mut payments, mut values, mut total) = (vec![Vec::new(); 2], vec![Vec::new(); 2], Vec::new());
    for (t, (masks, types, outcome)) in PATH.into_iter().enumerate() {
        let ruling = product.ruling(t, &at(hands(masks), &types));
        let winner = (ruling.decision[outcome] - 1) % 2;
        let cell = |text: String, fill| Cell { text, fill };
        rows[0].cells.push(cell(item(outcome - 1).into(), Fill::Strong));
        rows[1].cells.push(cell(format!("{}", winner + 1), Fill::Player(winner)));
        for i in 0..2 {
            let fill = if masks[i] == 0 { Fill::Nothing } else { Fill::Pale };
            rows[2 + i].cells.push(cell(held(masks[i]), fill));
            payments[i].push(ruling.payment[i]);
            values[i].push(ruling.truthful(i).unwrap_or(f64::NAN));
        }
        let kind = |own: usize| ["low", "high"][own];
        rows[4].cells.push(cell(format!("{}, {}", kind(types[0]), kind(types[1])), Fill::Nothing));
        total.push(ruling.value.unwrap_or(f64::NAN));
    }
    Ok(Course {
        title: "Barley, yeast and hops (E5, section VII): one course, without i: same".into(),
        money_unit: String::new(),
        players: names.into(),
        rows,
        payments,
        total: Some(NamedValues { name: "W, everybody together".into(), values: total }),
        values,
    })
}

fn item(k: usize) -> &'static str {
    ["B", "Y", "H"][k]
}

fn held(mask: usize) -> String {
    let items: Vec<&str> = (0..3).filter(|k| mask >> k & 1 == 1).map(item).collect();
    if items.is_empty() { "–".into() } else { items.join(" ") }
}

/// What a player of E7 can expect at t = 0 with two units left, by her report; the other one's value is at the centre.
pub fn utility_by_report(product: &Product, truth: usize) -> Vec<f64> {
    let model = product.model();
    let centre = model.player(1).types / 2;
    let state = |own: usize| State { public: 2, types: vec![own, centre] };
    let worth = product.worth_of_decisions(0, &state(truth));
    let of = |report: usize| {
        let ruling = product.ruling(0, &state(report));
        let gross = |a: usize| worth[0][a] - worth[1][a] + product.own_constant(0, 0);
        let outcomes = model.probabilities(0, 2).iter().zip(&ruling.decision);
        outcomes.map(|(mu, &a)| mu * gross(a)).sum::<f64>() - ruling.payment[0]
    };
    (0..model.player(0).types).map(of).collect()
}

fn reports() -> Result<Reports, Failure> {
    let product = solved(&stock(9)?, Without::Same)?;
    let curve = |truth: usize| ReportCurve {
        name: format!("true type {truth}"),
        utility: utility_by_report(&product, truth),
        truth,
    };
    Ok(Reports {
        title: "Utility against report (E7, nine types, stock 2, t = 0): truth is on the top step".into(),
        x_label: "reported type".into(),
        y_label: "expected utility of player 1".into(),
        y_unit: String::new(),
        reports: (0..9).map(|k| k.to_string()).collect(),
        curves: [2, 4, 6].map(curve).into(),
    })
}

/// E4 without end, both charged, against what curtailment costs.
fn curtailment() -> Result<Curves, Failure> {
    let names = [
        "W; V of provider 1, same",
        "V of provider 1, own",
        "O of provider 1, same",
        "payments of this period, same",
        "payments of this period, own",
    ];
    let mut curves: Vec<Series> =
        names.map(|name| Series { name: name.to_owned(), points: Vec::new() }).into();
    // Nothing changes any more once curtailment costs more than using a depleted storage ever does.
    let costs = (20..=60).map(|k| f64::from(k) / 10.0).chain([8.0, 10.0, 15.0, 20.0]);
    for cost in costs {
        for (k, y) in at_cost(cost)?.into_iter().enumerate() {
            curves[k].points.push((cost, y));
        }
    }
    Ok(Curves {
        title: "Two storage providers without end (E4), both charged".into(),
        x_label: "cost of curtailment".into(),
        x_unit: String::new(),
        y_label: "values from here on; payments of both now".into(),
        y_unit: String::new(),
        curves,
        marks: Vec::new(),
    })
}

/// W = V_1 (same), V_1 (own), O_1 (same), and the payments of both in one period (same, own), at state 00.
pub fn at_cost(cost: f64) -> Result<[f64; 5], Failure> {
    let model = storage(Horizon::Infinite, cost)?;
    let (same, own) = (solved(&model, Without::Same)?, solved(&model, Without::Own)?);
    let start = at(0, &[0, 0]);
    let [ruled, alone] = [&same, &own].map(|product| product.ruling(0, &start));
    let opt_out = outlook(&same, PaymentTime::BeforeOutcome);
    Ok([
        same.value(0, &start),
        alone.truthful(0).unwrap_or(f64::NAN),
        opt_out.first().map_or(f64::NAN, |ahead| ahead.opt_out[0][same.space().index(&start)]),
        ruled.payment.iter().sum(),
        alone.payment.iter().sum(),
    ])
}

/// E4 with three periods: expected payments from both charged, and the least any player can expect in any state.
pub fn by_mode() -> Result<Vec<ModePoint>, Failure> {
    let model = storage(Horizon::Finite(3), 10.0)?;
    let point = |mode: Without| {
        let found = summary(
            &solved(&model, mode)?,
            &AuditOptions { seed: 1, effort: Effort::Normal },
            PaymentTime::BeforeOutcome,
        );
        let worst = found.truthful.iter().map(|low| low.value).fold(f64::INFINITY, f64::min);
        Ok(ModePoint {
            name: mode.name().to_owned(),
            // Rounding is no loss.
            worst: if worst.abs() < 1e-12 { 0.0 } else { worst },
            payments: found.expected_payments.unwrap_or(f64::NAN),
        })
    };
    Without::ALL.into_iter().map(point).collect()
}

fn modes() -> Result<Modes, Failure> {
    Ok(Modes {
        title: "Two storage providers, three periods (E4): what \"without i\" decides".into(),
        x_label: "least that any provider can expect, in any state and period".into(),
        y_label: "expected payments of both in the whole game".into(),
        money_unit: String::new(),
        points: by_mode()?,
    })
}
