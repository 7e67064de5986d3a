//! Every chart draws, degenerate data are refused, and names stay valid XML.

use super::*;

const TITLE: &str = "A title of the chart";

fn supply_demand() -> SupplyDemand {
    SupplyDemand {
        title: TITLE.to_owned(),
        quantity_unit: "MW".to_owned(),
        price_unit: "$/MWh".to_owned(),
        supply: vec![(0.0, 10.0), (50.0, 20.0), (50.0, 35.0), (90.0, 60.0)],
        demand: vec![(0.0, 3000.0), (40.0, 90.0), (50.0, 30.0), (80.0, -5.0)],
        clearing: (50.0, 32.5),
        price_low: 30.0,
        price_high: 35.0,
    }
}

fn payments(count: usize) -> Payments {
    let amount = |i: usize| 100.0 * (i as f64 - 2.3);
    Payments {
        title: TITLE.to_owned(),
        money_unit: "$/h".to_owned(),
        names: (0..count).map(|i| format!("agent {i}")).collect(),
        lagrange: (0..count).map(amount).collect(),
        payment: (0..count).map(|i| 0.9 * amount(i) - 7.0).collect(),
    }
}

fn scaling(agents: usize) -> Scaling {
    let c: Vec<f64> = (0..41).map(|i| 0.9 + 0.01 * f64::from(i)).collect();
    let utility = |k: usize| c.iter().map(|c| 10.0 * k as f64 + 1.185 - c).collect();
    Scaling {
        title: TITLE.to_owned(),
        money_unit: "$/h".to_owned(),
        budget: c.iter().map(|c| 100.0 * (c - 1.1276)).collect(),
        names: (0..agents).map(|k| format!("agent {k}")).collect(),
        net_utilities: (0..agents).map(utility).collect(),
        c,
        feasible: Some((1.1276, 1.185)),
        chosen: Some(1.15),
        mark_one: true,
    }
}

fn series(name: &str, points: &[(f64, f64)]) -> Series {
    Series { name: name.to_owned(), points: points.to_vec() }
}

fn log_log() -> LogLog {
    let points = [(4.0, 1.0), (100.0, 0.04), (1e3, 0.0), (1e5, 5e-5)];
    LogLog {
        title: TITLE.to_owned(),
        x_label: "agents".to_owned(),
        y_label: "distance".to_owned(),
        series: vec![series("vcg", &points)],
        references: vec![ReferenceSlope {
            label: "slope −1".to_owned(), through: (10.0, 1.0), slope: -1.0
        }],
    }
}

fn shares() -> Shares {
    Shares {
        title: TITLE.to_owned(),
        x_label: "agents".to_owned(),
        y_label: "share".to_owned(),
        series: vec![series("feasible", &[(4.0, 0.25), (1e4, 1.0)])],
    }
}

fn every_chart() -> Vec<Picture> {
    vec![
        Picture::SupplyDemand(supply_demand()),
        Picture::Payments(payments(6)),
        Picture::Payments(payments(60)),
        Picture::Scaling(scaling(4)),
        Picture::Scaling(scaling(30)),
        Picture::LogLog(log_log()),
        Picture::Shares(shares()),
    ]
}

fn is_empty(picture: &Picture) -> bool {
    matches!(picture.svg(), Err(PlotError::Empty { .. }))
}

#[test]
fn every_chart_becomes_svg_with_its_title() {
    for picture in every_chart() {
        let svg = picture.svg().unwrap();
        assert!(svg.starts_with("<svg width=\"900\" height=\"600\" viewBox=\"0 0 9000 6000\""));
        assert!(svg.contains(TITLE));
        assert!(svg.trim_end().ends_with("</svg>"));
    }
}

#[test]
fn every_chart_becomes_png() {
    for picture in every_chart() {
        let png = picture.png().unwrap();
        assert_eq!(png[..8], *b"\x89PNG\r\n\x1a\n");
        assert_eq!(png[16..24], [0, 0, 7, 8, 0, 0, 4, 176], "1800 by 1200");
        assert!(png.len() > 10_000, "not an empty page");
    }
}

#[test]
fn equal_charts_give_equal_pictures() {
    for (a, b) in every_chart().iter().zip(every_chart()) {
        assert_eq!(a.svg(), b.svg());
    }
}

#[test]
fn text_stays_valid_xml() {
    let mut chart = payments(3);
    chart.title = "<b> & \"c\" \u{1}\u{7f}".to_owned();
    chart.names = vec!["<&>".to_owned(), "a\nb\0".to_owned(), String::new()];
    let svg = Picture::Payments(chart).svg().unwrap();
    assert!(svg.contains("&lt;b&gt; &amp; &quot;c&quot;"));
    assert!(svg.contains("&lt;&amp;&gt;"));
    assert!(svg.contains("a b"));
    assert!(!svg.contains("<b>") && !svg.contains('\0') && !svg.contains('\u{1}'));
}

#[test]
fn empty_data_are_refused() {
    let mut chart = supply_demand();
    chart.demand.clear();
    let error = Picture::SupplyDemand(chart).svg().unwrap_err();
    assert_eq!(error.to_string(), "supply and demand chart: demand has no points to draw");
    assert!(is_empty(&Picture::Payments(payments(0))));
    let mut chart = scaling(2);
    chart.c.clear();
    assert!(is_empty(&Picture::Scaling(chart)));
    let mut chart = log_log();
    chart.series = vec![series("none", &[(0.0, 1.0), (1.0, -2.0)])];
    assert!(is_empty(&Picture::LogLog(chart)));
    let mut chart = shares();
    chart.series.clear();
    assert!(is_empty(&Picture::Shares(chart)));
}

#[test]
fn values_without_a_place_are_refused_by_name() {
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e200] {
        let mut chart = supply_demand();
        chart.supply[2].1 = bad;
        let error = Picture::SupplyDemand(chart).png().unwrap_err();
        let PlotError::NotDrawable { series, position, .. } = &error else {
            panic!("{error}");
        };
        assert_eq!((series.as_str(), *position), ("price of supply", 2));
        let mut chart = payments(4);
        chart.lagrange[1] = bad;
        assert!(Picture::Payments(chart).svg().is_err());
        let mut chart = scaling(4);
        chart.net_utilities[3][7] = bad;
        let message = Picture::Scaling(chart).svg().unwrap_err().to_string();
        assert!(message.contains("net utility of agent 3"), "{message}");
        let mut chart = log_log();
        chart.series[0].points[0].0 = bad;
        assert!(Picture::LogLog(chart).svg().is_err());
        let mut chart = shares();
        chart.series[0].points[0].1 = bad;
        assert!(Picture::Shares(chart).svg().is_err());
    }
}

#[test]
fn lengths_and_ranges_are_checked() {
    let mut chart = payments(4);
    chart.names.pop();
    assert!(matches!(Picture::Payments(chart).svg(), Err(PlotError::Length { found: 3, expected: 4, .. })));
    let mut chart = scaling(2);
    chart.feasible = Some((1.2, 1.1));
    assert!(matches!(Picture::Scaling(chart).svg(), Err(PlotError::OutOfRange { .. })));
    let mut chart = shares();
    chart.series[0].points[0] = (4.0, 1.5);
    let message = Picture::Shares(chart).svg().unwrap_err().to_string();
    assert!(message.ends_with("the value 1.5 at position 0, but it must be between 0 and 1"));
}

#[test]
fn points_left_out_are_counted() {
    let svg = Picture::LogLog(log_log()).svg().unwrap();
    assert!(svg.contains("1 point with a value that is not positive is left out."));
}

#[test]
fn flat_and_single_data_draw() {
    for value in [0.0, 1e-300, -3.0, 1e99, -1e99] {
        let mut chart = supply_demand();
        chart.supply = vec![(value, value)];
        chart.demand = vec![(value, value); 3];
        chart.clearing = (value, value);
        (chart.price_low, chart.price_high) = (f64::NEG_INFINITY, f64::INFINITY);
        assert!(Picture::SupplyDemand(chart).png().is_ok());
        let mut chart = payments(40);
        chart.lagrange.fill(value);
        chart.payment.fill(value);
        assert!(Picture::Payments(chart).svg().is_ok());
        let mut chart = scaling(13);
        chart.c.fill(value);
        chart.budget.fill(value);
        (chart.chosen, chart.feasible) = (Some(value), Some((value, f64::INFINITY)));
        assert!(Picture::Scaling(chart).svg().is_ok());
        let mut chart = log_log();
        chart.series[0].points = vec![(value.abs().max(1e-99), value.abs().max(1e-99)); 2];
        assert!(Picture::LogLog(chart).svg().is_ok());
    }
}

#[test]
fn numbers_are_written_without_noise() {
    assert_eq!(text::short(0.1 + 0.2, 5), "0.3");
    assert_eq!(text::short(-12_345.678, 7), "−12\u{202F}345.68");
    assert_eq!(text::short(1.5e-9, 5), "1.5·10⁻⁹");
    assert_eq!(text::short(f64::MAX, 3), "1.8·10³⁰⁸");
    assert_eq!(text::fixed(-0.001, 2), "0.00");
    assert_eq!(text::pair(1.1276, 1.185), ("1.1276".to_owned(), "1.1850".to_owned()));
    assert_eq!(text::with_unit("price", "$/MWh", 6), "price (10⁶ $/MWh)");
}

#[test]
fn ticks_are_round_and_inside() {
    use super::axis::{Axis, Side};
    let labels = |axis: Axis| -> Vec<String> { axis.ticks.into_iter().map(|t| t.label).collect() };
    let axis = Axis::linear((0.0, 0.3), 400.0, Side::Bottom);
    assert_eq!(labels(axis), ["0.0", "0.1", "0.2", "0.3"]);
    let axis = Axis::log((4.0, 1e5), 700.0, Side::Bottom);
    assert_eq!(labels(axis), ["10¹", "10²", "10³", "10⁴", "10⁵"]);
    let axis = Axis::linear((-2e9, 2e9), 200.0, Side::Left);
    assert_eq!(axis.exponent, 9);
    assert_eq!(labels(axis), ["−2", "−1", "0", "1", "2"]);
}
