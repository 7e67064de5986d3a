//! Payments against Lagrange payments.

use super::PlotError;
use super::axis::{Axis, BOTTOM_ROOM, EDGE, Panel, Side, padded, range};
use super::check;
use super::layout::{Clutter, Entry, NOTE_SIZE, Sign, around, header, legend_column};
use super::scene::{Area, GREY, INK, Marker, PALETTE, Point, Rgb, SOFT, Scene, Stroke};
use super::text::{self, Anchor};

const CHART: &str = "payments chart";
const CONSUMER: Rgb = PALETTE[0];
const PRODUCER: Rgb = PALETTE[1];
/// Beyond this many agents no names are written.
const MOST_NAMED: usize = 40;
/// Radius of a point, and of one among many.
const DOT: f64 = 4.6;
const SMALL_DOT: f64 = 3.2;
/// Distances at which a name is tried; beyond the first a thin line leads to it.
const RINGS: [f64; 3] = [DOT + 3.5, 17.0, 28.0];
const NAME_SIZE: f64 = 11.5;

/// What every agent pays against what it would pay at the Lagrange multipliers (market prices).
///
/// An agent with a positive Lagrange payment counts as a consumer, one with a negative one as a
/// producer; at zero the payment decides. Names are written beside the points when there are at most 40
/// agents and room is left.
#[derive(Clone, Debug, PartialEq)]
pub struct Payments {
    /// Written above the chart.
    pub title: String,
    /// Unit of payments, for example "$/h"; may be empty.
    pub money_unit: String,
    /// Names of the agents.
    pub names: Vec<String>,
    /// Lagrange payment of each agent; negative when the agent is paid.
    pub lagrange: Vec<f64>,
    /// Payment of each agent under the mechanism; negative when the agent is paid.
    pub payment: Vec<f64>,
}

impl Payments {
    /// The shapes of the chart.
    pub(super) fn scene(&self) -> Result<Scene, PlotError> {
        self.check()?;
        let mut scene = Scene::new();
        let top = header(&mut scene, &self.title, &[]) + 4.0;
        let values = self.lagrange.iter().chain(&self.payment).copied();
        let shown = padded(range(values).unwrap_or((0.0, 1.0)), 0.07);
        let bottom = scene.height - 8.0 - BOTTOM_ROOM;
        let side = bottom - top;
        let axis = Axis::linear(shown, side, Side::Bottom);
        let left = EDGE + axis.left_room();
        let panel = Panel { area: Area::new(left, top, left + side, bottom), x: axis.clone(), y: axis };
        panel.draw_grid(&mut scene);
        panel.draw_zero(&mut scene);
        let zero = panel.px_x(0.0);
        if zero > panel.area.left && zero < panel.area.right {
            let upright = [(zero, panel.area.top), (zero, panel.area.bottom)];
            scene.line(&upright, Stroke::full(GREY, 1.1));
        }
        let title = |name| text::with_unit(name, &self.money_unit, panel.x.exponent);
        panel.draw_axes(&mut scene, Some(&title("Lagrange payment")), &title("payment"));
        let unnamed = self.draw(&mut scene, &panel, shown);
        self.draw_legend(&mut scene, &panel, unnamed);
        Ok(scene)
    }

    /// Refuses what cannot be drawn.
    fn check(&self) -> Result<(), PlotError> {
        check::some(CHART, "payment", self.payment.len())?;
        let count = self.payment.len();
        check::length(CHART, "Lagrange payment", self.lagrange.len(), count)?;
        check::length(CHART, "names", self.names.len(), count)?;
        check::drawable(CHART, "Lagrange payment", self.lagrange.iter().copied())?;
        check::drawable(CHART, "payment", self.payment.iter().copied())
    }

    /// Whether agent `i` is drawn as a producer.
    fn is_producer(&self, i: usize) -> bool {
        self.lagrange[i] < 0.0 || (self.lagrange[i] == 0.0 && self.payment[i] < 0.0)
    }

    /// The 45° line, the points and their names; answers how many names found no room.
    fn draw(&self, scene: &mut Scene, panel: &Panel, shown: (f64, f64)) -> usize {
        let diagonal = panel.trace(&[(shown.0, shown.0), (shown.1, shown.1)]);
        scene.line_in(&panel.area, &diagonal, Stroke::dashed(GREY, 1.3));
        let points: Vec<Point> =
            (0..self.payment.len()).map(|i| panel.px((self.lagrange[i], self.payment[i]))).collect();
        let mut clutter = Clutter::new();
        clutter.add_line(&diagonal);
        let many = points.len() > MOST_NAMED;
        let radius = if many { SMALL_DOT } else { DOT };
        for (i, &at) in points.iter().enumerate() {
            let (kind, color) =
                if self.is_producer(i) { (Marker::Square, PRODUCER) } else { (Marker::Disc, CONSUMER) };
            scene.marker(kind, at, radius, color);
            clutter.add_dot(at, DOT + 1.0);
        }
        if many {
            return 0;
        }
        let names = points.iter().zip(&self.names);
        let placed = names.filter(|&(&at, name)| write_name(scene, &mut clutter, panel, at, name));
        points.len() - placed.count()
    }

    /// Legend and reading aid in the column on the right.
    fn draw_legend(&self, scene: &mut Scene, panel: &Panel, unnamed: usize) {
        let x = panel.area.right + 34.0;
        let wide = scene.width - 16.0 - x;
        let mut entries = Vec::new();
        let count = self.payment.len();
        let producers = (0..count).filter(|&i| self.is_producer(i)).count();
        if producers < count {
            let sign = Sign::Marker(Marker::Disc, CONSUMER);
            entries.push(Entry::new(sign, format!("consumers, who pay ({})", count - producers)));
        }
        if producers > 0 {
            let sign = Sign::Marker(Marker::Square, PRODUCER);
            entries.push(Entry::new(sign, format!("producers, who are paid ({producers})")));
        }
        let line = Sign::Line(Stroke::dashed(GREY, 1.3));
        entries.push(Entry::new(line, "payment = Lagrange payment"));
        let y = legend_column(scene, &entries, (x, panel.area.top + 12.0), wide);
        let mut notes = vec![
            "Above the line: pays more or is".to_owned(),
            "paid less than at Lagrange prices.".to_owned(),
            "Below the line: the reverse.".to_owned(),
        ];
        if unnamed > 0 {
            notes.push(format!("{unnamed} of {count} names left out: no room."));
        }
        for (i, note) in notes.iter().enumerate() {
            let at = (x, y + 14.0 + 18.0 * i as f64);
            scene.text(note, at, NOTE_SIZE, SOFT, Anchor::Start);
        }
    }
}

/// Writes a name where it covers nothing, as near to its point as possible; crossing the 45° line counts
/// as a drawback. Answers whether a place was found.
fn write_name(scene: &mut Scene, clutter: &mut Clutter, panel: &Panel, at: Point, name: &str) -> bool {
    let name = text::fitted(name, NAME_SIZE, 110.0);
    let frame = panel.area.grown(-2.0);
    let mut best: Option<(f64, Area, Point, Anchor)> = None;
    for gap in RINGS {
        for (place, anchor) in around(at, gap, NAME_SIZE) {
            let area = text::extent(&name, place, NAME_SIZE, anchor);
            let lead = (at, area.nearest(at));
            if !frame.encloses(&area) || !clutter.free(&area, lead) {
                continue;
            }
            let cost = clutter.cost(&area) + gap;
            if best.is_none_or(|(least, ..)| cost < least) {
                best = Some((cost, area, place, anchor));
            }
        }
    }
    let Some((_, area, place, anchor)) = best else {
        return false;
    };
    let near = area.nearest(at);
    if (near.0 - at.0).hypot(near.1 - at.1) > RINGS[1] * 0.6 {
        let lead = [at, near];
        scene.line(&lead, Stroke::full(GREY, 0.7));
        clutter.add_lead(at, near);
    }
    scene.text(&name, place, NAME_SIZE, INK, anchor);
    clutter.add_label(area);
    true
}
