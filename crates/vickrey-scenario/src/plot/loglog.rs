//! Series on two logarithmic axes.

use super::PlotError;
use super::axis::{Axis, EDGE, Panel, Side, range};
use super::check::{self, LARGEST};
use super::layout::{Clutter, Entry, Sign, header, label_along, legend_rows};
use super::scene::{Area, GREY, Point, Scene, Stroke, series_color, series_marker};

const CHART: &str = "log-log chart";

/// A named series of points (x, y).
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Shown in the legend.
    pub name: String,
    /// The points, in the order in which they are joined.
    pub points: Vec<(f64, f64)>,
}

/// A dashed line of a given slope on logarithmic axes: y = y₀ (x / x₀)^slope.
#[derive(Clone, Debug, PartialEq)]
pub struct ReferenceSlope {
    /// Written along the line, for example "slope −1".
    pub label: String,
    /// The point (x₀, y₀) it goes through; both positive.
    pub through: (f64, f64),
    /// Its slope.
    pub slope: f64,
}

/// Series of positive points on two logarithmic axes.
///
/// Points with a coordinate that is not positive are left out and counted in a note.
#[derive(Clone, Debug, PartialEq)]
pub struct LogLog {
    /// Written above the chart.
    pub title: String,
    /// Title of the horizontal axis, with its unit.
    pub x_label: String,
    /// Title of the vertical axis, with its unit.
    pub y_label: String,
    /// The series.
    pub series: Vec<Series>,
    /// Lines to compare slopes with.
    pub references: Vec<ReferenceSlope>,
}

impl LogLog {
    /// The shapes of the chart.
    pub(super) fn scene(&self) -> Result<Scene, PlotError> {
        self.check()?;
        let kept: Vec<Vec<Point>> = self.series.iter().map(|s| positive(&s.points)).collect();
        check::some(CHART, "the set of positive points", kept.iter().map(Vec::len).sum())?;
        let total: usize = self.series.iter().map(|s| s.points.len()).sum();
        let left_out = total - kept.iter().map(Vec::len).sum::<usize>();
        let mut scene = Scene::new();
        let top = header(&mut scene, &self.title, &left_out_note(left_out));
        let names: Vec<&str> = self.series.iter().map(|s| s.name.as_str()).collect();
        let top = legend_rows(&mut scene, &series_entries(&names), top);
        let outer = Area::new(EDGE, top + 4.0, scene.width - 30.0, scene.height - 8.0);
        let all = || kept.iter().flatten();
        let across = stretched(range(all().map(|p| p.0)).unwrap_or((1.0, 10.0)));
        let up = stretched(range(all().map(|p| p.1)).unwrap_or((1.0, 10.0)));
        let panel = Panel::within(
            outer,
            |length| Axis::log(across, length, Side::Bottom),
            |length| Axis::log(up, length, Side::Left),
        );
        panel.draw_grid(&mut scene);
        panel.draw_axes(&mut scene, Some(&self.x_label), &self.y_label);
        let mut clutter = Clutter::new();
        for points in &kept {
            let trace = panel.trace(points);
            clutter.add_line(&trace);
            trace.iter().for_each(|&at| clutter.add_dot(at, 5.0));
        }
        for reference in &self.references {
            draw_reference(&mut scene, &panel, &mut clutter, reference, across);
        }
        for (i, points) in kept.iter().enumerate() {
            draw_series(&mut scene, &panel, i, points);
        }
        Ok(scene)
    }

    /// Refuses what cannot be drawn.
    fn check(&self) -> Result<(), PlotError> {
        check::some(CHART, "the list of series", self.series.len())?;
        for series in &self.series {
            let name = &series.name;
            check::drawable(CHART, &format!("x of {name}"), series.points.iter().map(|p| p.0))?;
            check::drawable(CHART, &format!("y of {name}"), series.points.iter().map(|p| p.1))?;
        }
        for line in &self.references {
            let name = format!("the reference line {}", line.label);
            check::drawable(CHART, &name, [line.through.0, line.through.1, line.slope])?;
            let point = [line.through.0, line.through.1];
            check::within(CHART, &name, point, "positive", |v| v >= 1.0 / LARGEST)?;
        }
        Ok(())
    }
}

/// The points with two positive coordinates.
fn positive(points: &[Point]) -> Vec<Point> {
    let good = |v: f64| v >= 1.0 / LARGEST;
    let kept = points.iter().filter(|p| good(p.0) && good(p.1));
    kept.copied().collect()
}

/// What is said about points left out.
fn left_out_note(count: usize) -> Vec<String> {
    match count {
        0 => Vec::new(),
        1 => vec!["1 point with a value that is not positive is left out.".to_owned()],
        n => vec![format!("{n} points with a value that is not positive are left out.")],
    }
}

/// A positive range stretched a little at both ends, evenly on a logarithmic axis.
pub(super) fn stretched((low, high): (f64, f64)) -> (f64, f64) {
    let factor = (high / low).powf(0.04).max(1.02);
    (low / factor, high * factor)
}

/// Legend entries with the line and marker of each series.
pub(super) fn series_entries(names: &[&str]) -> Vec<Entry> {
    let entry = |(i, name): (usize, &&str)| {
        let stroke = Stroke::full(series_color(i), 1.4);
        Entry::new(Sign::Marked(stroke, series_marker(i)), *name)
    };
    names.iter().enumerate().map(entry).collect()
}

/// The thin line and the markers of the `i`-th series.
pub(super) fn draw_series(scene: &mut Scene, panel: &Panel, i: usize, points: &[Point]) {
    let color = series_color(i);
    scene.line_in(&panel.area, &panel.trace(points), Stroke::full(color, 1.4));
    for &point in points.iter().filter(|&&p| panel.shows(p)) {
        scene.marker(series_marker(i), panel.px(point), 4.0, color);
    }
}

/// A reference line across the panel with its label beside it where there is room.
fn draw_reference(
    scene: &mut Scene,
    panel: &Panel,
    clutter: &mut Clutter,
    reference: &ReferenceSlope,
    (left, right): (f64, f64),
) {
    // On logarithmic axes the line is straight: two pixels fix it, without computing huge powers.
    let (x, y) = reference.through;
    let at = panel.px((x, y));
    let rise = panel.px_y(y) - panel.px_y(y * 10.0);
    let run = panel.px_x(x * 10.0) - panel.px_x(x);
    let row = |column: f64| at.1 - reference.slope * rise / run * (column - at.0);
    let ends = [left, right].map(|x| panel.px_x(x));
    let line = ends.map(|column| (column, row(column)));
    let Some((a, b)) = panel.area.clip(line[0], line[1]) else {
        return;
    };
    scene.line(&[a, b], Stroke::dashed(GREY, 1.3));
    label_along(scene, clutter, &panel.area.grown(-3.0), [a, b], &reference.label);
}
