//! A payment as the area under a marginal price, beside the rectangle of a uniform price: one small chart for each agent.
//! With the price that clears the others' market on the way from absence to an allocation, these are the VCG tax and the
//! clearing-price payment (paper 003, figure 2).

use super::axis::{Axis, BOTTOM_ROOM, EDGE, LABEL_SIZE, Panel, Side, TICK_SIZE, padded, range};
use super::layout::{Entry, Sign, header, legend_rows};
use super::scene::{Area, GREY, INK, PALETTE, Point, Rgb, Scene, Stroke};
use super::text::{self, Anchor};
use super::{PlotError, check};

const CHART: &str = "area chart";
const CURVE: Rgb = PALETTE[0];
/// Drawn below the area.
const RECTANGLE: Rgb = PALETTE[1];
/// Room between charts, for the axis of the next.
const GAP: f64 = 14.0;
/// So many charts side by side.
const COLUMNS: usize = 3;

/// One agent's way from absence to what it gets.
#[derive(Clone, Debug, PartialEq)]
pub struct PriceArea {
    /// The agent.
    pub name: String,
    /// Quantity and marginal price, from absence to the allocation; quantities ascending or descending.
    pub points: Vec<(f64, f64)>,
    /// The uniform price.
    pub price: f64,
    /// The area under the curve.
    pub area: f64,
    /// The area of the rectangle.
    pub rectangle: f64,
}

/// Areas under marginal prices and rectangles of uniform prices, shaded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Areas {
    /// Written above the chart.
    pub title: String,
    /// Written under the title.
    pub notes: Vec<String>,
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
        let mut notes = self.notes.clone();
        if self.agents.len() > Self::MOST {
            notes.push(format!("{} of {} agents.", Self::MOST, self.agents.len()));
        }
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
            Entry::new(Sign::Patch(strong()), self.area.as_str()),
            // Its frame shows where the area covers it, too.
            Entry::new(Sign::Line(frame()), self.rectangle.as_str()),
        ]
    }
}

fn strong() -> Rgb {
    CURVE.tint(0.4)
}

fn pale() -> Rgb {
    RECTANGLE.tint(0.22)
}

fn frame() -> Stroke {
    Stroke::dashed(GREY, 1.4)
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
    panel.draw_grid(scene);
    let zero = panel.px_y(0.0);
    let (begin, end) = (panel.px((agent.points[0].0, 0.0)), trace[trace.len() - 1]);
    let price = (end.0, panel.px_y(agent.price));
    let rectangle = Area::new(begin.0.min(end.0), zero.min(price.1), begin.0.max(end.0), zero.max(price.1));
    scene.rect(&rectangle, pale());
    scene.ribbon(trace.iter().map(|&(x, y)| (x, y.min(zero), y.max(zero))).collect(), strong());
    panel.draw_zero(scene);
    panel.draw_axes(scene, Some(""), "");
    scene.line(&[begin, (begin.0, price.1), price, (price.0, zero)], frame());
    scene.line(&trace, Stroke::full(CURVE, 2.1));
    scene.disc(price, 3.5, INK);
    let name = text::fitted(&agent.name, LABEL_SIZE, cell.width());
    scene.text(&name, (area.left, cell.top + LABEL_SIZE), LABEL_SIZE, INK, Anchor::Start);
    let numbers =
        format!("area {}, rectangle {}", text::short(agent.area, 4), text::short(agent.rectangle, 4));
    let numbers = text::fitted(&numbers, TICK_SIZE, cell.width());
    scene.text(&numbers, (area.left, cell.top + 2.2 * LABEL_SIZE), TICK_SIZE, INK, Anchor::Start);
}
