//! Shares in percent against a logarithmic axis.

use super::PlotError;
use super::axis::{Axis, EDGE, Panel, Side, range};
use super::check::{self, LARGEST};
use super::layout::{header, legend_rows};
use super::loglog::{Series, draw_series, series_entries, stretched};
use super::scene::{Area, Point, Scene};

const CHART: &str = "shares chart";

/// Shares between 0 and 1, drawn in percent against a logarithmic x axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Shares {
    /// Written above the chart.
    pub title: String,
    /// Title of the horizontal axis, with its unit.
    pub x_label: String,
    /// What the shares are of; " (%)" is added.
    pub y_label: String,
    /// The series; x is positive, y between 0 and 1.
    pub series: Vec<Series>,
}

impl Shares {
    /// The shapes of the chart.
    pub(super) fn scene(&self) -> Result<Scene, PlotError> {
        self.check()?;
        let percent = |s: &Series| -> Vec<Point> { s.points.iter().map(|&(x, y)| (x, 100.0 * y)).collect() };
        let lines: Vec<Vec<Point>> = self.series.iter().map(percent).collect();
        let mut scene = Scene::new();
        let top = header(&mut scene, &self.title, &[]);
        let names: Vec<&str> = self.series.iter().map(|s| s.name.as_str()).collect();
        let top = legend_rows(&mut scene, &series_entries(&names), top);
        let outer = Area::new(EDGE, top + 4.0, scene.width - 30.0, scene.height - 8.0);
        let all = || lines.iter().flatten();
        let across = stretched(range(all().map(|p| p.0)).unwrap_or((1.0, 10.0)));
        let (_, most) = range(all().map(|p| p.1)).unwrap_or((0.0, 100.0));
        let most = if most > 0.0 { (1.08 * most).min(100.0) } else { 100.0 };
        let panel = Panel::within(
            outer,
            |length| Axis::log(across, length, Side::Bottom),
            |length| Axis::linear((0.0, most), length, Side::Left),
        );
        panel.draw_grid(&mut scene);
        let y_title = super::text::with_unit(&self.y_label, "%", panel.y.exponent);
        panel.draw_axes(&mut scene, Some(&self.x_label), &y_title);
        for (i, line) in lines.iter().enumerate() {
            draw_series(&mut scene, &panel, i, line);
        }
        Ok(scene)
    }

    /// Refuses what cannot be drawn.
    fn check(&self) -> Result<(), PlotError> {
        let count = self.series.iter().map(|s| s.points.len()).sum();
        check::some(CHART, "the list of series", count)?;
        for series in &self.series {
            let x = format!("x of {}", series.name);
            let xs = || series.points.iter().map(|p| p.0);
            check::drawable(CHART, &x, xs())?;
            check::within(CHART, &x, xs(), "positive", |v| v >= 1.0 / LARGEST)?;
            let y = format!("the share of {}", series.name);
            let ys = || series.points.iter().map(|p| p.1);
            check::drawable(CHART, &y, ys())?;
            let share = |v: f64| (-1e-9..=1.0 + 1e-9).contains(&v);
            check::within(CHART, &y, ys(), "between 0 and 1", share)?;
        }
        Ok(())
    }
}
