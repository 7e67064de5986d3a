//! A payment as the area under a marginal price, beside the rectangle of a uniform price: one small chart for each agent.

use super::axis::{Axis, BOTTOM_ROOM, EDGE, LABEL_SIZE, Panel, Side, TICK_SIZE, padded, range};
use super::layout::{Entry, Sign, header, legend_rows};
use super::scene::{Area, GREY, INK, PALETTE, Point, Rgb, Scene, Stroke};
use super::text::{self, Anchor};
use super::{PlotError, check};

const CHART: &str = "area chart";
const CURVE: Rgb = PALETTE[0];
/// Room between charts, for the axis of the next.
const GAP: f64 = 14.0;
/// So many charts side by side.
const COLUMNS: usize = 3;

/// One agent's way from nothing to what it gets.
#[derive(Clone, Debug, PartialEq)]
pub struct PriceArea {
    /// The agent.
    pub name: String,
    /// Quantity and marginal price, quantities ascending or descending.
    pub points: Vec<(f64, f64)>,
    /// The uniform price.
    pub price: f64,
    /// The area under the curve.
    pub area: f64,
    /// The area of the rectangle.
    pub rectangle: f64,
}

/// Areas under marginal prices, shaded, and rectangles of uniform prices, dashed.
#[derive(Clone, Debug, PartialEq)]
pub struct Areas {
    /// Written above the chart.
    pub title: String,
    /// What x is.
    pub x_label: String,
    /// Its unit; may be empty.
    pub x_unit: String,
    /// What y is.
    pub y_label: String,
    /// Its unit; may be empty.
    pub y_unit: String,
    /// What the shaded area is.
    pub area: String,
    /// What the rectangle is.
    pub rectangle: String,
    /// The agents; at most [`Areas::MOST`] are drawn.
    pub agents: Vec<PriceArea>,
}

impl Areas {
    /// More agents than this are not drawn.
    pub const MOST: usize = 6;

    /// The shapes of the chart.
    pub(super) fn scene(&self) -> Result<Scene, PlotError> {
        self.check()?;
        let mut scene = Scene::new();
        let more = self.agents.len().saturating_sub(Self::MOST);
        let notes: Vec<String> = (more > 0)
            .then(|| format!("{} of {} agents.", Self::MOST, self.agents.len()))
            .into_iter()
            .collect();
        let top = header(&mut scene, &self.title, &notes);
        let top = legend_rows(&mut scene, &self.entries(), top);
        let shown = self.agents.len().min(Self::MOST);
        let columns = shown.min(COLUMNS);
        let rows = shown.div_ceil(columns);
        let left = EDGE + 1.6 * LABEL_SIZE;
        let (wide, high) =
            ((scene.width - 20.0 - left) / columns as f64, (scene.height - 30.0 - top) / rows as f64);
        for (k, agent) in self.agents.iter().take(shown).enumerate() {
            let (column, row) = (k % columns, k / columns);
            let corner = (left + column as f64 * wide, top + row as f64 * high);
            let cell = Area::new(corner.0, corner.1, corner.0 + wide - GAP, corner.1 + high - GAP);
            draw(&mut scene, agent, cell);
        }
        let middle = (left + scene.width) / 2.0;
        let x_title = text::with_unit(&self.x_label, &self.x_unit, 0);
        scene.text(&x_title, (middle, scene.height - 12.0), LABEL_SIZE, INK, Anchor::Middle);
        let y_title = text::with_unit(&self.y_label, &self.y_unit, 0);
        let y_middle = (top + scene.height - 30.0) / 2.0;
        scene.text_up(&y_title, (EDGE + 1.2 * LABEL_SIZE, y_middle), LABEL_SIZE, INK);
        Ok(scene)
    }

    fn check(&self) -> Result<(), PlotError> {
        check::some(CHART, "the list of agents", self.agents.len())?;
        for agent in &self.agents {
            check::some(CHART, &agent.name, agent.points.len())?;
            let values = agent.points.iter().flat_map(|p| [p.0, p.1]).chain([agent.price]);
            check::drawable(CHART, &agent.name, values)?;
        }
        Ok(())
    }

    fn entries(&self) -> Vec<Entry> {
        vec![
            Entry::new(Sign::Patch(CURVE.tint(0.3)), self.area.as_str()),
            Entry::new(Sign::Line(Stroke::dashed(GREY, 1.4)), self.rectangle.as_str()),
        ]
    }
}

/// One small chart.
fn draw(scene: &mut Scene, agent: &PriceArea, cell: Area) {
    let name_room = 2.6 * LABEL_SIZE;
    let xs = agent.points.iter().map(|p| p.0).chain([0.0]);
    let ys = agent.points.iter().map(|p| p.1).chain([0.0, agent.price]);
    let across = padded(range(xs).unwrap_or((0.0, 1.0)), 0.04);
    let up = padded(range(ys).unwrap_or((0.0, 1.0)), 0.06);
    // The titles of the axes stand once, beside all charts.
    let bottom = cell.bottom - (BOTTOM_ROOM - 1.9 * LABEL_SIZE);
    let y = Axis::linear(up, bottom - cell.top - name_room, Side::Left);
    let left = cell.left + y.left_room() - 1.6 * LABEL_SIZE;
    let area = Area::new(left, cell.top + name_room, cell.right, bottom);
    let panel = Panel { area, x: Axis::linear(across, area.width(), Side::Bottom), y };
    let trace: Vec<Point> = panel.trace(&agent.points);
    let zero = panel.px_y(0.0);
    scene.ribbon(trace.iter().map(|&(x, y)| (x, y.min(zero), y.max(zero))).collect(), CURVE.tint(0.3));
    panel.draw_grid(scene);
    panel.draw_zero(scene);
    panel.draw_axes(scene, Some(""), "");
    scene.line(&trace, Stroke::full(CURVE, 2.1));
    if let (Some(first), Some(last)) = (trace.first(), trace.last()) {
        let height = panel.px_y(agent.price);
        let corners = [(first.0, zero), (first.0, height), (last.0, height), (last.0, zero)];
        scene.line(&corners, Stroke::dashed(GREY, 1.4));
    }
    let name = text::fitted(&agent.name, LABEL_SIZE, cell.width());
    scene.text(&name, (area.left, cell.top + LABEL_SIZE), LABEL_SIZE, INK, Anchor::Start);
    let numbers =
        format!("area {}, rectangle {}", text::short(agent.area, 4), text::short(agent.rectangle, 4));
    let numbers = text::fitted(&numbers, TICK_SIZE, cell.width());
    scene.text(&numbers, (area.left, cell.top + 2.2 * LABEL_SIZE), TICK_SIZE, INK, Anchor::Start);
}
