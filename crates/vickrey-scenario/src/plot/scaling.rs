//! Budget and net utilities against the scaling constant c.

use super::PlotError;
use super::axis::{Axis, BOTTOM_ROOM, EDGE, Panel, Side, padded, range};
use super::check;
use super::layout::{Entry, NOTE_SIZE, Sign, header, legend_column, series_stroke};
use super::scene::{Area, GREY, INK, PALETTE, Point, Rgb, Scene, Stroke, WHITE};
use super::text::{self, Anchor};

const CHART: &str = "scaling chart";
/// Beyond this many agents only the lowest net utility is drawn strongly.
const MOST_NAMED: usize = 12;
/// Beyond this many agents only some of the thin lines are drawn.
const MOST_THIN: usize = 200;
const BUDGET: Rgb = INK;
const FEASIBLE: Rgb = Rgb(0xD9, 0xEF, 0xE6);
const CHOSEN: Rgb = INK;
const FEASIBLE_EDGE: Rgb = Rgb(0x8C, 0xCB, 0xB3);
const GREEN: Rgb = Rgb(0x00, 0x6B, 0x4E);
const THIN: Rgb = Rgb(0xB4, 0xB4, 0xB4);
/// Height of the strip above the upper panel that holds the labels of interval and marks.
const STRIP: f64 = 40.0;
/// Width of the legend column.
const COLUMN: f64 = 190.0;

/// Budget surplus and net utilities of the agents as functions of the scaling constant c.
#[derive(Clone, Debug, PartialEq)]
pub struct Scaling {
    /// Written above the chart.
    pub title: String,
    /// Unit of money, for example "$/h"; may be empty.
    pub money_unit: String,
    /// Values of c, in any order.
    pub c: Vec<f64>,
    /// Budget surplus at each c.
    pub budget: Vec<f64>,
    /// Names of the agents.
    pub names: Vec<String>,
    /// Net utilities: one list per agent, one value per c.
    pub net_utilities: Vec<Vec<f64>>,
    /// Ends of the interval of feasible c, shaded when given.
    pub feasible: Option<(f64, f64)>,
    /// The chosen c, marked when given.
    pub chosen: Option<f64>,
    /// Whether c = 1 is marked.
    pub mark_one: bool,
}

impl Scaling {
    /// The shapes of the chart.
    pub(super) fn scene(&self) -> Result<Scene, PlotError> {
        self.check()?;
        let mut scene = Scene::new();
        let top = header(&mut scene, &self.title, &[]);
        let order = self.order();
        let (above, below) = self.panels(&scene, top + self.strip());
        for panel in [&above, &below] {
            self.shade(&mut scene, panel);
            panel.draw_grid(&mut scene);
            panel.draw_zero(&mut scene);
        }
        let unit = |name, panel: &Panel| text::with_unit(name, &self.money_unit, panel.y.exponent);
        above.draw_axes(&mut scene, None, &unit("budget", &above));
        let x_title = text::with_unit("scaling constant c", "", below.x.exponent);
        below.draw_axes(&mut scene, Some(&x_title), &unit("net utility", &below));
        self.draw_marks(&mut scene, &above, &below);
        let budget: Vec<Point> = order.iter().map(|&i| (self.c[i], self.budget[i])).collect();
        above.draw_curve(&mut scene, &budget, Stroke::full(BUDGET, 2.2));
        let entries = self.draw_utilities(&mut scene, &below, &order);
        let x = above.area.right + 24.0;
        legend_column(&mut scene, &self.top_entries(), (x, above.area.top + 12.0), COLUMN);
        legend_column(&mut scene, &entries, (x, below.area.top + 12.0), COLUMN);
        Ok(scene)
    }

    /// Refuses what cannot be drawn.
    fn check(&self) -> Result<(), PlotError> {
        let count = self.c.len();
        check::some(CHART, "c", count)?;
        check::drawable(CHART, "c", self.c.iter().copied())?;
        check::length(CHART, "budget", self.budget.len(), count)?;
        check::drawable(CHART, "budget", self.budget.iter().copied())?;
        check::length(CHART, "names", self.names.len(), self.net_utilities.len())?;
        for (name, line) in self.names.iter().zip(&self.net_utilities) {
            let series = format!("net utility of {name}");
            check::length(CHART, &series, line.len(), count)?;
            check::drawable(CHART, &series, line.iter().copied())?;
        }
        check::drawable(CHART, "the chosen c", self.chosen)?;
        let (low, high) = self.feasible.unwrap_or((0.0, 0.0));
        let number = |v: f64| !v.is_nan();
        check::within(CHART, "the feasible interval", [low, high], "a number", number)?;
        let ordered = |v: f64| v >= low;
        check::within(CHART, "the feasible interval", [low, high], "in rising order", ordered)
    }

    /// Height of the strip above the upper panel: little without anything to write in it.
    fn strip(&self) -> f64 {
        if self.feasible.is_some() || !self.marks().is_empty() { STRIP } else { 6.0 }
    }

    /// Positions of c in rising order.
    fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.c.len()).collect();
        order.sort_by(|&a, &b| self.c[a].total_cmp(&self.c[b]));
        order
    }

    /// The lowest net utility at each c; none without agents.
    fn envelope(&self) -> Option<Vec<f64>> {
        let lowest = |i: usize| {
            let values = self.net_utilities.iter().map(|line| line[i]);
            values.fold(f64::INFINITY, f64::min)
        };
        (!self.net_utilities.is_empty()).then(|| (0..self.c.len()).map(lowest).collect())
    }

    /// The two panels, sharing left and right edges.
    fn panels(&self, scene: &Scene, top: f64) -> (Panel, Panel) {
        let bottom = scene.height - 8.0 - BOTTOM_ROOM;
        let split = top + 0.4 * (bottom - top);
        let budget = padded(range(self.budget.iter().copied().chain([0.0])).unwrap_or((0.0, 1.0)), 0.06);
        let upper = Axis::linear(budget, split - 12.0 - top, Side::Left);
        let lower = Axis::linear(self.utility_range(), bottom - split - 12.0, Side::Left);
        let left = EDGE + upper.left_room().max(lower.left_room());
        let right = scene.width - 16.0 - COLUMN - 24.0;
        let ends = self.feasible.into_iter().flat_map(|(low, high)| [low, high]);
        let extra = ends.filter(|v| v.abs() <= check::LARGEST).chain(self.chosen);
        let one = self.mark_one.then_some(1.0);
        let c = range(self.c.iter().copied().chain(extra).chain(one)).unwrap_or((0.0, 2.0));
        let x = Axis::linear(padded(c, 0.0), right - left, Side::Bottom);
        let above = Panel { area: Area::new(left, top, right, split - 12.0), x: x.clone(), y: upper };
        let below = Panel { area: Area::new(left, split + 12.0, right, bottom), x, y: lower };
        (above, below)
    }

    /// The net utilities shown: all of few agents; of many, the neighbourhood of the lowest and of zero.
    fn utility_range(&self) -> (f64, f64) {
        let all = self.net_utilities.iter().flatten().copied();
        let (low, high) = range(all.chain([0.0])).unwrap_or((0.0, 1.0));
        if self.net_utilities.len() <= MOST_NAMED {
            return padded((low, high), 0.06);
        }
        let lowest = self.envelope().unwrap_or_default();
        let (_, crest) = range(lowest.into_iter().chain([0.0])).unwrap_or((low, high));
        padded((low, high.min(crest + 3.0 * (crest - low))), 0.06)
    }

    /// Shades the feasible interval; in the upper panel the shade reaches up to its label.
    fn shade(&self, scene: &mut Scene, panel: &Panel) {
        if let Some((left, right)) = self.shaded(panel) {
            let area = Area::new(left, panel.area.top, right, panel.area.bottom);
            shade_box(scene, &area, &panel.area);
        }
    }

    /// The pixel columns of the feasible interval.
    fn shaded(&self, panel: &Panel) -> Option<(f64, f64)> {
        let (low, high) = self.feasible?;
        let column = |v: f64| {
            let v = v.clamp(-check::LARGEST, check::LARGEST);
            panel.px_x(v).clamp(panel.area.left, panel.area.right)
        };
        Some((column(low), column(high)))
    }

    /// Upright lines at c = 1 and at the chosen c with their labels, and the labels of the interval's ends
    /// beside a tab on the shade.
    fn draw_marks(&self, scene: &mut Scene, above: &Panel, below: &Panel) {
        let top = above.area.top;
        let shaded = self.shaded(above);
        if let Some((left, right)) = shaded {
            let tab = Area::new(left, top - 0.5 * STRIP, right, top);
            shade_box(scene, &tab, &above.area);
        }
        let marks = self.marks();
        let columns: Vec<f64> = marks.iter().map(|m| above.px_x(m.at)).collect();
        let widths = marks.iter().map(|m| text::width(&m.label, NOTE_SIZE));
        let crowded = match columns[..] {
            [a, b] => (a - b).abs() < widths.sum::<f64>() / 2.0 + 10.0,
            _ => false,
        };
        for (i, (mark, &x)) in marks.iter().zip(&columns).enumerate() {
            let high = (x, top - 0.5 * STRIP - 2.0);
            scene.line(&[high, (x, above.area.bottom)], mark.stroke);
            scene.line(&[(x, below.area.top), (x, below.area.bottom)], mark.stroke);
            let (anchor, aside) = match (crowded, i) {
                (false, _) => (Anchor::Middle, 0.0),
                (true, 0) => (Anchor::End, -4.0),
                (true, _) => (Anchor::Start, 4.0),
            };
            let at = (x + aside, high.1 - 4.0);
            scene.text(&mark.label, at, NOTE_SIZE, mark.stroke.color, anchor);
        }
        if let (Some(columns), Some(ends)) = (shaded, self.feasible) {
            write_ends(scene, columns, ends, top - 6.0);
        }
    }

    /// The upright lines, from left to right.
    fn marks(&self) -> Vec<Mark> {
        let mut marks = Vec::new();
        let chosen_one = self.mark_one && self.chosen == Some(1.0);
        if let Some(at) = self.chosen {
            marks.push(Mark {
                at,
                label: format!("chosen c = {}", text::short(at, 6)),
                stroke: Stroke::full(CHOSEN, 1.3),
            });
        }
        if self.mark_one && !chosen_one {
            marks.push(Mark { at: 1.0, label: "c = 1".to_owned(), stroke: Stroke::dashed(GREY, 1.3) });
        }
        marks.sort_by(|a, b| a.at.total_cmp(&b.at));
        marks
    }

    /// Net utility curves; answers their legend.
    fn draw_utilities(&self, scene: &mut Scene, panel: &Panel, order: &[usize]) -> Vec<Entry> {
        let curve = |line: &[f64]| -> Vec<Point> { order.iter().map(|&i| (self.c[i], line[i])).collect() };
        let count = self.net_utilities.len();
        if count > MOST_NAMED {
            let stride = count.div_ceil(MOST_THIN);
            let thin = Stroke::full(THIN, 0.8);
            for line in self.net_utilities.iter().step_by(stride) {
                panel.draw_curve(scene, &curve(line), thin);
            }
            let strong = Stroke::full(PALETTE[0], 2.4);
            let lowest = self.envelope().unwrap_or_default();
            panel.draw_curve(scene, &curve(&lowest), strong);
            let drawn = count.div_ceil(stride);
            let label = if drawn < count {
                format!("{drawn} of {count} agents")
            } else {
                format!("each of {count} agents")
            };
            return vec![
                Entry::new(Sign::Line(strong), "lowest of all agents"),
                Entry::new(Sign::Line(thin), label),
            ];
        }
        let mut entries = Vec::new();
        for (i, (name, line)) in self.names.iter().zip(&self.net_utilities).enumerate() {
            let stroke = series_stroke(i, 1.9);
            panel.draw_curve(scene, &curve(line), stroke);
            entries.push(Entry::new(Sign::Line(stroke), name.as_str()));
        }
        entries
    }

    /// The legend beside the upper panel.
    fn top_entries(&self) -> Vec<Entry> {
        let mut entries = vec![Entry::new(Sign::Line(Stroke::full(BUDGET, 2.2)), "budget")];
        if self.feasible.is_some() {
            entries.push(Entry::new(Sign::Patch(FEASIBLE), "feasible c"));
        }
        entries
    }
}

/// A shaded rectangle with lines at the sides that lie inside the panel.
fn shade_box(scene: &mut Scene, area: &Area, panel: &Area) {
    scene.rect(area, FEASIBLE);
    for x in [area.left, area.right] {
        if x > panel.left && x < panel.right {
            let side = [(x, area.top), (x, area.bottom)];
            scene.line(&side, Stroke::full(FEASIBLE_EDGE, 1.0));
        }
    }
}

/// The ends of the feasible interval, written on either side of its tab.
fn write_ends(scene: &mut Scene, columns: (f64, f64), (low, high): (f64, f64), row: f64) {
    let (from, to) = text::pair(low, high);
    let left = (format!("feasible from {from}"), columns.0 - 6.0, Anchor::End);
    let right = (format!("to {to}"), columns.1 + 6.0, Anchor::Start);
    for ((label, x, anchor), end) in [(left, low), (right, high)] {
        if end.is_finite() {
            let back = text::extent(&label, (x, row), NOTE_SIZE, anchor);
            scene.rect(&back, WHITE);
            scene.text(&label, (x, row), NOTE_SIZE, GREEN, anchor);
        }
    }
}

/// An upright line with a label.
struct Mark {
    at: f64,
    label: String,
    stroke: Stroke,
}
