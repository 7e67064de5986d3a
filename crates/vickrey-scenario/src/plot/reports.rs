//! What a player has against what she reports.

use super::axis::{Axis, EDGE, LABEL_SIZE, Panel, Side, TICK_SIZE, padded, range};
use super::layout::{Entry, Sign, header, legend_rows, series_stroke};
use super::scene::{Area, INK, Marker, Point, SOFT, Scene, Stroke, WHITE};
use super::text::{self, Anchor};
use super::{PlotError, check};

const CHART: &str = "utility against report";

/// What a player of one true type has for each of her reports.
#[derive(Clone, Debug, PartialEq)]
pub struct ReportCurve {
    /// Shown in the legend, for example "true type 2".
    pub name: String,
    /// Utility by report.
    pub utility: Vec<f64>,
    /// The report that is true.
    pub truth: usize,
}

/// Utility against report as steps, one curve for each true type; the truth is marked on its curve.
#[derive(Clone, Debug, PartialEq)]
pub struct Reports {
    /// Written above the chart.
    pub title: String,
    /// What is reported, for example "reported type".
    pub x_label: String,
    /// What the values are, for example "expected utility".
    pub y_label: String,
    /// Their unit; may be empty.
    pub y_unit: String,
    /// Names of the reports, in order.
    pub reports: Vec<String>,
    /// The curves.
    pub curves: Vec<ReportCurve>,
}

impl Reports {
    /// The shapes of the chart.
    pub(super) fn scene(&self) -> Result<Scene, PlotError> {
        self.check()?;
        let mut scene = Scene::new();
        let top = header(&mut scene, &self.title, &[]);
        let top = legend_rows(&mut scene, &self.entries(), top);
        let outer = Area::new(EDGE, top + 4.0, scene.width - 30.0, scene.height - 8.0);
        let values = self.curves.iter().flat_map(|curve| &curve.utility).copied();
        let up = padded(range(values).unwrap_or((0.0, 1.0)), 0.09);
        let count = self.reports.len();
        let panel = Panel::within(
            outer,
            |length| Axis::periods(count, 0.5, length),
            |length| Axis::linear(up, length, Side::Left),
        );
        panel.draw_rows(&mut scene);
        panel.draw_zero(&mut scene);
        let y_title = text::with_unit(&self.y_label, &self.y_unit, panel.y.exponent);
        panel.draw_axes(&mut scene, None, &y_title);
        self.draw_reports(&mut scene, &panel);
        for (i, curve) in self.curves.iter().enumerate().rev() {
            // Curves that share a level stand side by side.
            let shift = 2.4 * (i as f64 - 0.5 * (self.curves.len() as f64 - 1.0));
            draw_steps(&mut scene, &panel, &curve.utility, self.stroke(i), shift);
        }
        for (i, curve) in self.curves.iter().enumerate() {
            let (x, y) = panel.px((curve.truth as f64, curve.utility[curve.truth]));
            scene.disc((x, y), 8.2, WHITE);
            scene.disc((x, y), 7.0, self.stroke(i).color);
            scene.disc((x, y), 3.4, WHITE);
        }
        Ok(scene)
    }

    /// Refuses what cannot be drawn.
    fn check(&self) -> Result<(), PlotError> {
        check::some(CHART, "the list of reports", self.reports.len())?;
        check::some(CHART, "the list of curves", self.curves.len())?;
        for curve in &self.curves {
            let name = &curve.name;
            check::length(CHART, name, curve.utility.len(), self.reports.len())?;
            check::drawable(CHART, name, curve.utility.iter().copied())?;
            let known = |truth: f64| truth < self.reports.len() as f64;
            let wanted = "the number of a report";
            check::within(CHART, &format!("the truth of {name}"), [curve.truth as f64], wanted, known)?;
        }
        Ok(())
    }

    fn stroke(&self, i: usize) -> Stroke {
        series_stroke(i, 2.1)
    }

    /// The legend.
    fn entries(&self) -> Vec<Entry> {
        let curves = self.curves.iter().enumerate();
        let mut entries: Vec<Entry> =
            curves.map(|(i, c)| Entry::new(Sign::Line(self.stroke(i)), c.name.as_str())).collect();
        entries.push(Entry::new(Sign::Marker(Marker::Disc, SOFT), "the truth"));
        entries
    }

    /// Names of the reports below the axis: all of them if they fit, else every so many.
    fn draw_reports(&self, scene: &mut Scene, panel: &Panel) {
        let wide = panel.px_x(1.0) - panel.px_x(0.0);
        let widths = self.reports.iter().map(|name| text::width(name, TICK_SIZE));
        let widest = widths.fold(0.0, f64::max).min(110.0) + 10.0;
        let step = (widest / wide).ceil().max(1.0) as usize;
        let area = panel.area;
        for (i, name) in self.reports.iter().enumerate().step_by(step) {
            let at = (panel.px_x(i as f64), area.bottom + 8.0 + TICK_SIZE);
            let name = text::fitted(name, TICK_SIZE, (step as f64 * wide - 6.0).max(20.0));
            scene.text(&name, at, TICK_SIZE, SOFT, Anchor::Middle);
        }
        let title = text::fitted(&self.x_label, LABEL_SIZE, area.width());
        let at = ((area.left + area.right) / 2.0, area.bottom + 43.0);
        scene.text(&title, at, LABEL_SIZE, INK, Anchor::Middle);
    }
}

/// A step for every report; thin upright lines join them, moved by `shift` pixels.
fn draw_steps(scene: &mut Scene, panel: &Panel, values: &[f64], stroke: Stroke, shift: f64) {
    let row = |value: f64| panel.px_y(value);
    for (r, &value) in values.iter().enumerate() {
        let ends = [r as f64 - 0.5, r as f64 + 0.5].map(|x| (panel.px_x(x) + shift, row(value)));
        let ends: [Point; 2] = ends.map(|(x, y)| (x.clamp(panel.area.left, panel.area.right), y));
        scene.line(&ends, stroke);
        if let Some(&next) = values.get(r + 1) {
            let x = ends[1].0;
            scene.line(&[(x, row(value)), (x, row(next))], Stroke { width: 1.0, ..stroke });
        }
    }
}
