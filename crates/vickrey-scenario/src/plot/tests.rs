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

fn named(name: &str, values: &[f64]) -> NamedValues {
    NamedValues { name: name.to_owned(), values: values.to_vec() }
}

fn wave(count: usize, lift: f64) -> Vec<f64> {
    (0..count).map(|t| lift + 3.0 * (0.7 * t as f64).sin()).collect()
}

fn timeline(periods: usize) -> Timeline {
    let path = |name: &str, path| TimeSeries { name: name.to_owned(), values: wave(periods, 1.0), path };
    let band = |label: &str, half: f64, path| Band {
        label: label.to_owned(),
        low: wave(periods, 1.0 - half),
        high: wave(periods, 1.0 + half),
        path,
    };
    Timeline {
        title: TITLE.to_owned(),
        y_label: "price".to_owned(),
        y_unit: "$/MWh".to_owned(),
        series: vec![path("median", Path::Steps), path("one run", Path::Lines)],
        bands: vec![band("5 % to 95 %", 2.0, Path::Steps), band("25 % to 75 %", 0.7, Path::Lines)],
        zero: true,
    }
}

fn stacked(periods: usize, count: usize) -> Stacked {
    let values = |i: usize| wave(periods, i as f64 - 1.0);
    Stacked {
        title: TITLE.to_owned(),
        y_label: "quantity".to_owned(),
        y_unit: "MW".to_owned(),
        series: (0..count).map(|i| named(&format!("agent {i}"), &values(i))).collect(),
        line: Some(TimeSeries { name: "net".to_owned(), values: wave(periods, 0.0), path: Path::Steps }),
    }
}

fn distribution(rows: usize) -> Distribution {
    let sample = |i: usize| wave(40, i as f64);
    Distribution {
        title: TITLE.to_owned(),
        x_label: "budget".to_owned(),
        x_unit: "$".to_owned(),
        counted: "runs".to_owned(),
        samples: (0..rows).map(|i| named(&format!("payment {i}"), &sample(i))).collect(),
        quantiles: vec![0.05, 0.95],
        marks: vec![Mark { at: 1.0, label: "bound".to_owned() }],
        below_zero: "deficit".to_owned(),
        tolerance: 1e-9,
    }
}

fn bars(agents: usize) -> Bars {
    Bars {
        title: TITLE.to_owned(),
        x_label: "payment".to_owned(),
        x_unit: "$".to_owned(),
        agents: (0..agents).map(|i| format!("agent {i}")).collect(),
        values: vec![named("expected", &wave(agents, 0.0)), named("realised", &wave(agents, 1.0))],
    }
}

fn curves() -> Curves {
    let points = |shift: f64| -> Vec<(f64, f64)> {
        (-10..=10).map(f64::from).map(|x| (x, shift - (x - shift).powi(2))).collect()
    };
    Curves {
        title: TITLE.to_owned(),
        x_label: "size k of the lie".to_owned(),
        x_unit: "MW".to_owned(),
        y_label: "gain".to_owned(),
        y_unit: "$".to_owned(),
        curves: vec![series("worlds", &points(0.0)), series("pure", &points(2.0))],
        marks: vec![
            CurveMark::Vertical(Mark { at: 0.0, label: "truth".to_owned() }),
            CurveMark::Horizontal(Mark { at: -50.0, label: "floor".to_owned() }),
            CurveMark::Point { at: (2.0, 2.0), label: "best lie".to_owned() },
        ],
    }
}

fn course(periods: usize, players: usize) -> Course {
    let cell = |t: usize| Cell {
        text: format!("lot {}", t % 3),
        fill: [Fill::Nothing, Fill::Pale, Fill::Strong, Fill::Player(t % players)][t % 4],
    };
    let row = |k: usize| Cells { name: format!("row {k}"), cells: (k..periods + k).map(cell).collect() };
    Course {
        title: TITLE.to_owned(),
        money_unit: "EUR".to_owned(),
        players: (0..players).map(|i| format!("player {i}")).collect(),
        rows: (0..4).map(row).collect(),
        payments: (0..players).map(|i| wave(periods, i as f64 - 1.0)).collect(),
        total: Some(named("everybody", &wave(periods + 1, 9.0))),
        values: (0..players).map(|i| wave(periods + 1, 2.0 * i as f64)).collect(),
    }
}

/// However low a panel is, its axis says in which unit it is.
#[test]
fn low_panels_keep_their_unit() {
    for (unit, lines) in [("EUR", false), ("thousand EUR", false), ("thousand EUR of 2020", true)] {
        let svg = Picture::Course(Course { money_unit: unit.to_owned(), ..course(5, 3) }).svg().unwrap();
        let written = |text: String| svg.lines().any(|line| line == text);
        for what in ["payment", "value"] {
            let whole = written(format!("{what} ({unit})"));
            let apart = written(what.to_owned()) && written(format!("({unit})"));
            assert!(whole || (lines && apart), "{what} ({unit})");
        }
    }
}

fn reports(types: usize) -> Reports {
    let curve = |k: usize| ReportCurve {
        name: format!("true type {k}"),
        utility: (0..types).map(|r| k as f64 - (r as f64 - k as f64).abs().floor()).collect(),
        truth: k,
    };
    Reports {
        title: TITLE.to_owned(),
        x_label: "reported type".to_owned(),
        y_label: "expected utility".to_owned(),
        y_unit: "EUR".to_owned(),
        reports: (0..types).map(|r| format!("type {r}")).collect(),
        curves: (0..types.min(3)).map(curve).collect(),
    }
}

fn modes() -> Modes {
    let point = |name: &str, worst, payments| ModePoint { name: name.to_owned(), worst, payments };
    Modes {
        title: TITLE.to_owned(),
        x_label: "least value of any player".to_owned(),
        y_label: "expected payments".to_owned(),
        money_unit: "EUR".to_owned(),
        points: vec![
            point("same", -5.0837, 2.5935),
            point("own", -0.4, -5.6317),
            point("tight", 0.0, -3.5413),
        ],
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
        Picture::Timeline(timeline(24)),
        Picture::Timeline(timeline(288)),
        Picture::Stacked(stacked(3, 3)),
        Picture::Stacked(stacked(288, 12)),
        Picture::Distribution(distribution(1)),
        Picture::Distribution(distribution(7)),
        Picture::Bars(bars(3)),
        Picture::Bars(bars(50)),
        Picture::Curves(curves()),
        Picture::Course(course(5, 3)),
        Picture::Course(course(300, 9)),
        Picture::Reports(reports(5)),
        Picture::Reports(reports(60)),
        Picture::Modes(modes()),
        Picture::Areas(areas(2)),
        Picture::Areas(areas(6)),
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
fn empty_series_over_periods_samples_and_agents_are_refused() {
    let mut chart = timeline(3);
    chart.series[1].values.clear();
    let error = Picture::Timeline(chart).svg().unwrap_err();
    assert_eq!(error.to_string(), "timeline: one run has no points to draw");
    let mut chart = timeline(3);
    (chart.series, chart.bands) = (Vec::new(), Vec::new());
    assert!(is_empty(&Picture::Timeline(chart)));
    assert!(is_empty(&Picture::Stacked(stacked(3, 0))));
    assert!(is_empty(&Picture::Stacked(stacked(0, 3))));
    assert!(is_empty(&Picture::Distribution(distribution(0))));
    let mut chart = distribution(2);
    chart.samples[1].values.clear();
    assert!(is_empty(&Picture::Distribution(chart)));
    assert!(is_empty(&Picture::Bars(bars(0))));
    let mut chart = bars(2);
    chart.values.clear();
    assert!(is_empty(&Picture::Bars(chart)));
    let mut chart = curves();
    chart.curves[0].points.clear();
    assert!(is_empty(&Picture::Curves(chart)));
    assert!(is_empty(&Picture::Course(Course::default())));
    assert!(is_empty(&Picture::Reports(reports(0))));
    assert!(is_empty(&Picture::Modes(Modes { points: Vec::new(), ..modes() })));
    assert!(is_empty(&Picture::Areas(areas(0))));
    let mut chart = areas(2);
    chart.agents[1].points.clear();
    assert!(is_empty(&Picture::Areas(chart)));
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

/// The series and the position that a value without a place is reported for.
fn blamed(picture: &Picture) -> (String, usize) {
    match picture.svg() {
        Err(PlotError::NotDrawable { series, position, .. }) => (series, position),
        other => panic!("{other:?}"),
    }
}

#[test]
fn values_without_a_place_over_periods_samples_and_agents_are_refused_by_name() {
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e200] {
        let mut chart = timeline(5);
        chart.bands[1].high[3] = bad;
        let upper = "the upper edge of the band 25 % to 75 %".to_owned();
        assert_eq!(blamed(&Picture::Timeline(chart)), (upper, 3));
        let mut chart = stacked(5, 2);
        chart.series[1].values[4] = bad;
        assert_eq!(blamed(&Picture::Stacked(chart)), ("agent 1".to_owned(), 4));
        let mut chart = distribution(2);
        chart.samples[1].values[9] = bad;
        assert_eq!(blamed(&Picture::Distribution(chart)), ("payment 1".to_owned(), 9));
        let mut chart = bars(4);
        chart.values[1].values[2] = bad;
        assert_eq!(blamed(&Picture::Bars(chart)), ("realised".to_owned(), 2));
        let mut chart = curves();
        chart.curves[0].points[5].1 = bad;
        assert_eq!(blamed(&Picture::Curves(chart)), ("y of worlds".to_owned(), 5));
        let mut chart = course(4, 2);
        chart.payments[1][3] = bad;
        assert_eq!(blamed(&Picture::Course(chart)), ("payments of player 1".to_owned(), 3));
        let mut chart = reports(3);
        chart.curves[2].utility[1] = bad;
        assert_eq!(blamed(&Picture::Reports(chart)), ("true type 2".to_owned(), 1));
        let mut chart = modes();
        chart.points[1].worst = bad;
        assert_eq!(blamed(&Picture::Modes(chart)), ("own".to_owned(), 0));
        let mut chart = curves();
        chart.marks[2] = CurveMark::Point { at: (0.0, bad), label: "best lie".to_owned() };
        assert_eq!(blamed(&Picture::Curves(chart)), ("the mark best lie".to_owned(), 1));
    }
    let mut chart = stacked(2, 2);
    chart.series.iter_mut().for_each(|series| series.values.fill(0.9e100));
    assert_eq!(blamed(&Picture::Stacked(chart)), ("the stack up to agent 1".to_owned(), 2));
}

#[test]
fn lengths_and_ranges_of_bands_stacks_and_quantiles_are_checked() {
    let mut chart = timeline(4);
    chart.bands[0].high[2] = -100.0;
    let message = Picture::Timeline(chart).svg().unwrap_err().to_string();
    let wanted = "timeline: the band 5 % to 95 % has the value -100 at position 2, but it must be at least \
                  the lower edge there";
    assert_eq!(message, wanted);
    let mut chart = timeline(4);
    chart.bands[0].high.pop();
    assert!(matches!(Picture::Timeline(chart).svg(), Err(PlotError::Length { found: 3, expected: 4, .. })));
    let mut chart = stacked(4, 2);
    chart.series[1].values.pop();
    assert!(matches!(Picture::Stacked(chart).svg(), Err(PlotError::Length { found: 3, expected: 4, .. })));
    let mut chart = bars(4);
    chart.agents.pop();
    assert!(matches!(Picture::Bars(chart).svg(), Err(PlotError::Length { found: 4, expected: 3, .. })));
    let mut chart = course(4, 2);
    chart.values.pop();
    assert!(matches!(Picture::Course(chart).svg(), Err(PlotError::Length { found: 1, expected: 2, .. })));
    let mut chart = reports(3);
    chart.curves[0].truth = 3;
    assert!(matches!(Picture::Reports(chart).svg(), Err(PlotError::OutOfRange { .. })));
    let mut chart = distribution(1);
    chart.quantiles = vec![0.5, 5.0];
    assert!(matches!(Picture::Distribution(chart).svg(), Err(PlotError::OutOfRange { position: 1, .. })));
    let mut chart = distribution(1);
    chart.tolerance = -1.0;
    assert!(matches!(Picture::Distribution(chart).svg(), Err(PlotError::OutOfRange { .. })));
}

#[test]
fn the_share_below_zero_is_written_and_noise_is_no_deficit() {
    let mut chart = distribution(1);
    chart.samples[0].values = vec![-1.0, -1e-12, 0.0, 2.0, 1.0, 3.0, 4.0, 0.5];
    let svg = Picture::Distribution(chart.clone()).svg().unwrap();
    assert!(svg.contains("deficit in 12.5 % of runs"));
    chart.tolerance = 0.0;
    let svg = Picture::Distribution(chart.clone()).svg().unwrap();
    assert!(svg.contains("deficit in 25 % of runs"));
    chart.samples[0].values = (0..5000).map(|i| f64::from(i) - 0.5).collect();
    let svg = Picture::Distribution(chart.clone()).svg().unwrap();
    assert!(svg.contains("deficit in under 0.1 % of runs"));
    chart.below_zero.clear();
    assert!(!Picture::Distribution(chart).svg().unwrap().contains("deficit"));
}

#[test]
fn a_hidden_curve_shows_on_both_sides_of_the_one_over_it() {
    let mut chart = curves();
    let wide = "stroke-width=\"47\"";
    assert!(!Picture::Curves(chart.clone()).svg().unwrap().contains(wide));
    chart.curves[1].points = chart.curves[0].points.clone();
    assert!(Picture::Curves(chart).svg().unwrap().contains(wide));
}

#[test]
fn what_is_left_out_is_said() {
    let svg = Picture::Bars(bars(50)).svg().unwrap();
    assert!(svg.contains("The first 40 of 50 agents."));
    let mut chart = distribution(7);
    chart.samples[0].values[0] = 1e6;
    let svg = Picture::Distribution(chart).svg().unwrap();
    assert!(svg.contains("The first 6 of 7 samples."));
    assert!(svg.contains("1 of 240 values lies far outside and is not shown."));
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
fn flat_and_single_data_over_periods_samples_and_agents_draw() {
    for value in [0.0, 1e-300, -3.0, 1e99, -1e99] {
        for periods in [1, 3, 400] {
            let mut chart = timeline(periods);
            chart.series.iter_mut().for_each(|series| series.values.fill(value));
            chart.bands.iter_mut().for_each(|band| (band.low, band.high) = (vec![value], vec![value]));
            for zero in [false, true] {
                chart.zero = zero;
                assert!(Picture::Timeline(chart.clone()).svg().is_ok());
            }
            let mut chart = stacked(periods, 3);
            chart.series.iter_mut().for_each(|series| series.values.fill(value));
            assert!(Picture::Stacked(chart).svg().is_ok());
            let mut chart = bars(periods);
            chart.values.iter_mut().for_each(|kind| kind.values.fill(value));
            assert!(Picture::Bars(chart).svg().is_ok());
            let mut chart = course(periods, 2);
            chart.payments.iter_mut().chain(&mut chart.values).for_each(|list| list.fill(value));
            assert!(Picture::Course(chart).svg().is_ok());
            let mut chart = reports(periods);
            chart.curves.iter_mut().for_each(|curve| curve.utility.fill(value));
            assert!(Picture::Reports(chart).svg().is_ok());
            let mut chart = distribution(2);
            chart.samples.iter_mut().for_each(|sample| sample.values = vec![value; periods]);
            assert!(Picture::Distribution(chart).png().is_ok());
        }
        let mut chart = curves();
        chart.curves.iter_mut().for_each(|curve| curve.points = vec![(value, value); 2]);
        assert!(Picture::Curves(chart.clone()).png().is_ok());
        chart.curves.iter_mut().for_each(|curve| curve.points.truncate(1));
        chart.marks.clear();
        assert!(Picture::Curves(chart).svg().is_ok());
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
fn period_ticks_are_whole_and_cut_days_where_they_can() {
    let labels = |count, length| -> Vec<String> {
        let axis = super::axis::Axis::periods(count, 0.5, length);
        axis.ticks.into_iter().map(|t| t.label).collect()
    };
    assert_eq!(labels(1, 800.0), ["0"]);
    assert_eq!(labels(3, 800.0), ["0", "1", "2"]);
    assert_eq!(labels(24, 300.0), ["0", "4", "8", "12", "16", "20"]);
    assert_eq!(labels(288, 800.0)[..3], ["0", "24", "48"]);
    assert_eq!(labels(1000, 300.0), ["0", "200", "400", "600", "800"]);
}

#[test]
fn tags_side_by_side_keep_their_order_and_stay_inside() {
    let middles = super::layout::spread(&[10.0, 12.0, 90.0], &[30.0, 30.0, 40.0], (0.0, 100.0));
    assert_eq!(middles, [15.0, 45.0, 80.0]);
    let middles = super::layout::spread(&[50.0, 50.0], &[20.0, 20.0], (0.0, 100.0));
    assert_eq!(middles, [40.0, 60.0]);
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

/// One agent on her way to 0.5 at the price 2x; the rectangle at the price 1.
fn areas(agents: usize) -> Areas {
    let points: Vec<(f64, f64)> = (0..11).map(|k| (0.05 * f64::from(k), 0.1 * f64::from(k))).collect();
    let agent = |i: usize| PriceArea {
        name: format!("agent {i}"),
        points: points.clone(),
        price: 1.0,
        area: 0.25,
        rectangle: 0.5,
    };
    Areas {
        title: TITLE.to_owned(),
        x_label: "use".to_owned(),
        x_unit: "MW".to_owned(),
        y_label: "price".to_owned(),
        y_unit: "$/MW".to_owned(),
        area: "tax".to_owned(),
        rectangle: "at the clearing price".to_owned(),
        agents: (0..agents).map(agent).collect(),
        ..Areas::default()
    }
}

#[test]
fn areas_are_drawn_for_some_agents_and_counted() {
    for agents in [1, 2, 4, 6] {
        let svg = Picture::Areas(areas(agents)).svg().unwrap();
        assert_eq!(svg.matches("area 0.25, rectangle 0.5").count(), agents);
    }
    let mut many = areas(9);
    many.notes = vec!["A remark.".to_owned()];
    let svg = Picture::Areas(many).svg().unwrap();
    assert!(svg.contains("A remark.") && svg.contains("6 of 9 agents."));
    assert!(svg.matches("area 0.25").count() == Areas::MOST);
    let mut broken = areas(1);
    broken.agents[0].points[3].1 = f64::NAN;
    let error = Picture::Areas(broken).svg().unwrap_err();
    assert!(error.to_string().contains("agent 0"), "{error}");
}
