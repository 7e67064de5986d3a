//! Series over the periods, with shaded bands.

use super::axis::{Axis, EDGE, Panel, Side, padded, range};
use super::data::{Path, TimeSeries};
use super::layout::{Entry, Sign, header, legend_rows, series_stroke};
use super::scene::{Area, PALETTE, Point, Rgb, Scene, Stroke};
use super::{PlotError, check, text};

const CHART: &str = "timeline";
/// Up to this many periods the values of a line are marked by dots.
const MOST_DOTTED: usize = 40;

/// A shaded band between two values per period, for example between two quantiles over seeds.
#[derive(Clone, Debug, PartialEq)]
pub struct Band {
    /// Shown in the legend, for example "5 % to 95 %".
    pub label: String,
    /// Lower edge, one value per period.
    pub low: Vec<f64>,
    /// Upper edge, one value per period; nowhere below the lower edge.
    pub high: Vec<f64>,
    /// How the edges are joined.
    pub path: Path,
}

/// One or more series over the periods t = 0, 1, …, with shaded bands behind them.
///
/// A step covers the period's number half a period to each side. Series may differ in length: a state
/// has one value more than the decisions that lead to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Timeline {
    /// Written above the chart.
    pub title: String,
    /// What the values are, for example "price".
    pub y_label: String,
    /// Their unit, for example "$/MWh"; may be empty.
    pub y_unit: String,
    /// The series, the first drawn on top.
    pub series: Vec<TimeSeries>,
    /// The bands, the widest first: every later one is shaded more strongly. Their colour is that of the
    /// first series.
    pub bands: Vec<Band>,
    /// Whether the chart reaches to zero even if no value does.
    pub zero: bool,
}

impl Timeline {
    /// The shapes of the chart.
    pub(super) fn scene(&self) -> Result<Scene, PlotError> {
        self.check()?;
        let mut scene = Scene::new();
        let top = header(&mut scene, &self.title, &[]);
        let top = legend_rows(&mut scene, &self.entries(), top);
        let outer = Area::new(EDGE, top + 4.0, scene.width - 30.0, scene.height - 8.0);
        let up = padded(self.range(), 0.06);
        let periods = self.periods();
        let reach = self.reach(periods);
        let panel = Panel::within(
            outer,
            |length| Axis::periods(periods, reach, length),
            |length| Axis::linear(up, length, Side::Left),
        );
        for (i, band) in self.bands.iter().enumerate() {
            let edge = edges(&panel, band);
            scene.ribbon(edge, self.band_color(i));
        }
        panel.draw_grid(&mut scene);
        panel.draw_zero(&mut scene);
        let y_title = text::with_unit(&self.y_label, &self.y_unit, panel.y.exponent);
        panel.draw_axes(&mut scene, Some("period"), &y_title);
        for (i, series) in self.series.iter().enumerate().rev() {
            draw_series(&mut scene, &panel, series, self.stroke(i));
        }
        Ok(scene)
    }

    /// Refuses what cannot be drawn.
    fn check(&self) -> Result<(), PlotError> {
        check::some(CHART, "the list of series and bands", self.series.len() + self.bands.len())?;
        for series in &self.series {
            check::some(CHART, &series.name, series.values.len())?;
            check::drawable(CHART, &series.name, series.values.iter().copied())?;
        }
        for band in &self.bands {
            let name = format!("the band {}", band.label);
            check::some(CHART, &name, band.low.len())?;
            check::length(CHART, &format!("the upper edge of {name}"), band.high.len(), band.low.len())?;
            check::drawable(CHART, &format!("the lower edge of {name}"), band.low.iter().copied())?;
            check::drawable(CHART, &format!("the upper edge of {name}"), band.high.iter().copied())?;
            check::ordered(CHART, &name, &band.low, &band.high)?;
        }
        Ok(())
    }

    /// The number of periods of the longest series or band.
    fn periods(&self) -> usize {
        let series = self.series.iter().map(|s| s.values.len());
        series.chain(self.bands.iter().map(|b| b.low.len())).max().unwrap_or(1)
    }

    /// How far the axis reaches beyond the first and the last period's number: to the ends of the steps.
    fn reach(&self, periods: usize) -> f64 {
        let paths = self.series.iter().map(|s| s.path).chain(self.bands.iter().map(|b| b.path));
        let steps = paths.into_iter().any(|path| path == Path::Steps);
        if steps || periods == 1 { 0.5 } else { (0.02 * (periods as f64 - 1.0)).min(0.5) }
    }

    /// The values shown.
    fn range(&self) -> (f64, f64) {
        let series = self.series.iter().flat_map(|s| &s.values);
        let bands = self.bands.iter().flat_map(|b| b.low.iter().chain(&b.high));
        let zero = self.zero.then_some(0.0);
        range(series.chain(bands).copied().chain(zero)).unwrap_or((0.0, 1.0))
    }

    /// The line of the `i`-th series: the more values there are, the thinner.
    fn stroke(&self, i: usize) -> Stroke {
        let width = if self.periods() > 400 { 1.4 } else { 2.1 };
        series_stroke(i, width)
    }

    /// The tint of the `i`-th band.
    fn band_color(&self, i: usize) -> Rgb {
        let depth = (i + 1) as f64 / (self.bands.len() + 1) as f64;
        PALETTE[0].tint(0.06 + 0.44 * depth)
    }

    /// The legend.
    fn entries(&self) -> Vec<Entry> {
        let named = self.series.iter().enumerate().filter(|(_, s)| !s.name.is_empty());
        let lines = named.map(|(i, s)| Entry::new(Sign::Line(self.stroke(i)), s.name.as_str()));
        let bands = self.bands.iter().enumerate();
        let patches = bands.map(|(i, b)| Entry::new(Sign::Patch(self.band_color(i)), b.label.as_str()));
        lines.chain(patches).collect()
    }
}

/// The places in data coordinates at which values over periods are drawn.
pub(super) fn places(values: &[f64], path: Path) -> Vec<Point> {
    let numbered = values.iter().enumerate().map(|(t, &v)| (t as f64, v));
    match path {
        Path::Lines => numbered.collect(),
        Path::Steps => numbered.flat_map(|(t, v)| [(t - 0.5, v), (t + 0.5, v)]).collect(),
    }
}

/// The edges of a band in pixels: column, upper row and lower row. A band of a single value joined by
/// lines gets the width of a step, since it would have none.
fn edges(panel: &Panel, band: &Band) -> Vec<(f64, f64, f64)> {
    let path = if band.low.len() == 1 { Path::Steps } else { band.path };
    let (low, high) = (places(&band.low, path), places(&band.high, path));
    let pairs = high.into_iter().zip(low);
    pairs.map(|((x, high), (_, low))| (panel.px_x(x), panel.px_y(high), panel.px_y(low))).collect()
}

/// A series over periods; the few values of a short line get dots.
pub(super) fn draw_series(scene: &mut Scene, panel: &Panel, series: &TimeSeries, stroke: Stroke) {
    let points = places(&series.values, series.path);
    panel.draw_curve(scene, &points, stroke);
    if series.path == Path::Lines && points.len() <= MOST_DOTTED {
        for &point in points.iter().filter(|&&p| panel.shows(p)) {
            scene.disc(panel.px(point), 1.4 * stroke.width, stroke.color);
        }
    }
}
