//! What the coordinator collects against what the worst-off player can expect, mode by mode.

use super::axis::{Axis, EDGE, Panel, Side, padded, range};
use super::layout::{Block, Clutter, NOTE_SIZE, header};
use super::scene::{Area, GREY, INK, PALETTE, Point, SOFT, Scene, Stroke, series_color, series_marker};
use super::text::{self, Anchor};
use super::{PlotError, check};

const CHART: &str = "chart of modes";

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
        let top = header(&mut scene, &self.title, &[]);
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
        self.draw_regions(&mut scene, &panel, &mut clutter);
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

    /// The shaded region, and words at the edges for what is beyond the lines through zero.
    fn draw_regions(&self, scene: &mut Scene, panel: &Panel, clutter: &mut Clutter) {
        let (area, zero) = (panel.area, panel.px((0.0, 0.0)));
        scene.rect(&Area::new(zero.0, area.top, area.right, zero.1), PALETTE[2].tint(0.13));
        let size = 11.5;
        let mut write = |words: &str, at: Point, anchor: Anchor| {
            let extent = text::extent(words, at, size, anchor);
            scene.text(words, at, size, SOFT, anchor);
            clutter.add_box(extent.grown(3.0));
        };
        let (up, down) = (area.top + 15.0, area.bottom - 8.0);
        let (left, right) = (area.left + 8.0, area.right - 8.0);
        write("players may be worse off than with 0", (left, up), Anchor::Start);
        write("everybody has at least 0, and the coordinator", (right, up), Anchor::End);
        write("does not pay on balance", (right, up + 15.0), Anchor::End);
        write("players may be worse off, and the coordinator pays", (left, down), Anchor::Start);
        write("the coordinator pays", (right, down), Anchor::End);
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
