//! The price of the others while one agent goes from absence to its allocation: areas and rectangles.

use super::axis::{Axis, EDGE, Panel, Side, padded, range};
use super::layout::{Entry, NOTE_SIZE, Sign, header, legend_rows};
use super::scene::{Area, INK, Rgb, SOFT, Scene, Stroke, series_color};
use super::text::{self, Anchor};
use super::{PlotError, check};

const CHART: &str = "price paths";
const GAP: f64 = 14.0;
/// Room for the name of a panel.
const NAME: f64 = 24.0;

/// One agent's way.
#[derive(Clone, Debug, PartialEq)]
pub struct PricePath {
    /// Written above the panel.
    pub name: String,
    /// What is used and the price that clears the others' market then, from absence to the allocation.
    pub points: Vec<(f64, f64)>,
}

/// What an agent pays under two rules: the area under the price of the others on the way from its absence to its
/// allocation, and the last price times the whole way. Panels beside each other share the axis of prices.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PricePaths {
    /// Written above the chart.
    pub title: String,
    /// Written under the title.
    pub notes: Vec<String>,
    /// What is used.
    pub x_label: String,
    /// The price.
    pub y_label: String,
    /// What the area is.
    pub area: String,
    /// What the rectangle is.
    pub rectangle: String,
    /// The panels, from left to right.
    pub paths: Vec<PricePath>,
}

impl PricePaths {
    /// The shapes of the chart.
    pub(super) fn scene(&self) -> Result<Scene, PlotError> {
        self.check()?;
        let mut scene = Scene::new();
        let top = header(&mut scene, &self.title, &self.notes);
        let line = Stroke::full(price(), 2.2);
        let entries = [
            Entry::new(Sign::Line(line), self.y_label.as_str()),
            Entry::new(Sign::Patch(strong()), self.area.as_str()),
            Entry::new(Sign::Patch(pale()), self.rectangle.as_str()),
        ];
        let top = legend_rows(&mut scene, &entries, top) + NAME;
        let (right, bottom) = (scene.width - 30.0, scene.height - 8.0);
        let count = self.paths.len() as f64;
        let each = (right - EDGE - GAP * (count - 1.0)) / count;
        let prices = self.paths.iter().flat_map(|path| &path.points).map(|p| p.1);
        let up = with_zero(range(prices));
        for (k, path) in self.paths.iter().enumerate() {
            let left = EDGE + k as f64 * (each + GAP);
            let across = with_zero(range(path.points.iter().map(|p| p.0)));
            let panel = Panel::within(
                Area::new(left, top, left + each, bottom),
                |length| Axis::linear(across, length, Side::Bottom),
                |length| Axis::linear(up, length, Side::Left),
            );
            path.draw(&mut scene, &panel, line);
            let y_label = if k == 0 { self.y_label.as_str() } else { "" };
            panel.draw_axes(&mut scene, Some(&self.x_label), y_label);
            let name = text::fitted(&path.name, NOTE_SIZE, panel.area.width());
            scene.text(&name, (panel.area.left, top - 8.0), NOTE_SIZE, SOFT, Anchor::Start);
        }
        Ok(scene)
    }

    fn check(&self) -> Result<(), PlotError> {
        check::some(CHART, "the list of panels", self.paths.len())?;
        for path in &self.paths {
            check::some(CHART, &path.name, path.points.len())?;
            check::drawable(CHART, &format!("use of {}", path.name), path.points.iter().map(|p| p.0))?;
            check::drawable(CHART, &format!("price of {}", path.name), path.points.iter().map(|p| p.1))?;
        }
        Ok(())
    }
}

impl PricePath {
    fn draw(&self, scene: &mut Scene, panel: &Panel, line: Stroke) {
        panel.draw_grid(scene);
        let (start, end) = (self.points[0], self.points[self.points.len() - 1]);
        let ((x0, zero), (x1, y1)) = (panel.px((start.0, 0.0)), panel.px(end));
        scene.rect(&Area::new(x0.min(x1), zero.min(y1), x0.max(x1), zero.max(y1)), pale());
        let trace = panel.trace(&self.points);
        scene.ribbon(trace.iter().map(|&(x, y)| (x, y.min(zero), y.max(zero))).collect(), strong());
        panel.draw_zero(scene);
        scene.line(&[(x1, zero), (x1, y1), (x0, y1)], Stroke::dashed(INK, 1.1));
        scene.line(&trace, line);
        scene.disc((x1, y1), 4.0, INK);
    }
}

/// A range that reaches to zero, with some room.
fn with_zero(found: Option<(f64, f64)>) -> (f64, f64) {
    let (low, high) = found.unwrap_or((0.0, 1.0));
    padded((low.min(0.0), high.max(0.0)), 0.06)
}

fn price() -> Rgb {
    series_color(0)
}

fn strong() -> Rgb {
    series_color(0).tint(0.45)
}

fn pale() -> Rgb {
    series_color(1).tint(0.22)
}
