//! What the coordinator collects against what the worst-off player can expect, mode by mode.

use super::axis::{Axis, EDGE, Panel, Side, padded, range};
use super::layout::{Block, Clutter, NOTE_SIZE, header};
use super::scene::{Area, GREY, INK, PALETTE, Point, Scene, Stroke, series_color, series_marker};
use super::{PlotError, check, text};

const CHART: &str = "chart of modes";
const SHADED: &str = "Shaded: every player has at least 0, and the coordinator does not pay on balance.";

/// A named point.
#[derive(Clone, Debug, PartialEq)]
pub struct ModePoint {
    /// Written near it.
    pub name: String,
    /// The least that any player can expect.
    pub worst: f64,
    /// Expected payments of all players.
    pub payments: f64,
}

/// Points on the plane of participation (to the right: nobody can expect less) and receipts of the coordinator
/// (upwards: the players pay more). The region in which every player has at least 0 and the coordinator does not pay
/// on balance is shaded.
#[derive(Clone, Debug, PartialEq)]
pub struct Modes {
    /// Written above the chart.
    pub title: String,
    /// What `worst` is, for example "least value of any player in any period and state".
    pub x_label: String,
    /// What `payments` are, for example "expected payments of all players".
    pub y_label: String,
    /// Unit of both; may be empty.
    pub money_unit: String,
    /// The points.
    pub points: Vec<ModePoint>,
}

impl Modes {
    /// The shapes of the chart.
    pub(super) fn scene(&self) -> Result<Scene, PlotError> {
        self.check()?;
        let mut scene = Scene::new();
        let top = header(&mut scene, &self.title, &[SHADED.to_owned()]);
        let outer = Area::new(EDGE, top + 4.0, scene.width - 30.0, scene.height - 8.0);
        let span = |of: fn(&ModePoint) -> f64| {
            padded(range(self.points.iter().map(of).chain([0.0])).unwrap_or((0.0, 1.0)), 0.18)
        };
        let (across, up) = (span(|p| p.worst), span(|p| p.payments));
        let panel = Panel::within(
            outer,
            |length| Axis::linear(across, length, Side::Bottom),
            |length| Axis::linear(up, length, Side::Left),
        );
        let mut clutter = Clutter::new();
        self.draw_region(&mut scene, &panel);
        panel.draw_grid(&mut scene);
        let zero = panel.px((0.0, 0.0));
        let area = panel.area;
        for line in [[(area.left, zero.1), (area.right, zero.1)], [(zero.0, area.top), (zero.0, area.bottom)]]
        {
            scene.line(&line, Stroke::full(GREY, 1.1));
            clutter.add_line(&line);
        }
        let x_title = text::with_unit(&self.x_label, &self.money_unit, panel.x.exponent);
        let y_title = text::with_unit(&self.y_label, &self.money_unit, panel.y.exponent);
        panel.draw_axes(&mut scene, Some(&x_title), &y_title);
        self.draw_points(&mut scene, &panel, &mut clutter);
        Ok(scene)
    }

    /// Refuses what cannot be drawn.
    fn check(&self) -> Result<(), PlotError> {
        check::some(CHART, "the list of modes", self.points.len())?;
        for point in &self.points {
            check::drawable(CHART, &point.name, [point.worst, point.payments])?;
        }
        Ok(())
    }

    /// The shaded region.
    fn draw_region(&self, scene: &mut Scene, panel: &Panel) {
        let (area, zero) = (panel.area, panel.px((0.0, 0.0)));
        scene.rect(&Area::new(zero.0, area.top, area.right, zero.1), PALETTE[2].tint(0.13));
    }

    /// The points with their names and numbers.
    fn draw_points(&self, scene: &mut Scene, panel: &Panel, clutter: &mut Clutter) {
        let places: Vec<Point> = self.points.iter().map(|p| panel.px((p.worst, p.payments))).collect();
        for (i, &at) in places.iter().enumerate() {
            scene.marker(series_marker(i), at, 7.5, series_color(i));
            clutter.add_dot(at, 9.0);
        }
        for (point, &at) in self.points.iter().zip(&places) {
            let numbers = format!(
                "{} paid, worst value {}",
                text::short(point.payments, 5),
                text::short(point.worst, 5)
            );
            let lines = [text::fitted(&point.name, NOTE_SIZE, 0.45 * panel.area.width()), numbers];
            let block = Block { lines: &lines, color: INK, size: NOTE_SIZE };
            block.place(scene, clutter, &panel.area.grown(-6.0), at);
        }
    }
}
