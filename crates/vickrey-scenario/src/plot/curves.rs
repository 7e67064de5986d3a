//! Curves on linear axes with marks.

use super::axis::{Axis, EDGE, Panel, Side, padded, range};
use super::data::Mark;
use super::layout::{
    Block, Clutter, Entry, NOTE_SIZE, STRIP, Sign, Tag, header, label_along, legend_rows, series_stroke,
    write_tags,
};
use super::loglog::Series;
use super::scene::{Area, GREY, INK, Point, SOFT, Scene, Stroke, WHITE};
use super::{PlotError, check, text};

const CHART: &str = "curve chart";
const WIDTH: f64 = 2.1;
/// How much wider a curve is drawn for every curve that hides it.
const RIM: f64 = 2.6;

/// A place worth knowing on a chart of curves.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum CurveMark {
    /// An upright line at a value of x.
    Vertical(Mark),
    /// A lying line at a value of y.
    Horizontal(Mark),
    /// A dot with a label.
    Point {
        /// Where the dot is.
        at: (f64, f64),
        /// Written near it.
        label: String,
    },
}

/// Several curves y(x) on linear axes, for example what an agent gains against the size of its lie.
///
/// A curve that coincides with an earlier one is drawn wider, so that its colour shows on both sides.
#[derive(Clone, Debug, PartialEq)]
pub struct Curves {
    /// Written above the chart.
    pub title: String,
    /// What x is.
    pub x_label: String,
    /// Unit of x; may be empty.
    pub x_unit: String,
    /// What y is.
    pub y_label: String,
    /// Unit of y; may be empty.
    pub y_unit: String,
    /// The curves; their points are joined in the order given. The first is drawn on top.
    pub curves: Vec<Series>,
    /// Marked places; the chart reaches to all of them.
    pub marks: Vec<CurveMark>,
}

impl Curves {
    /// The shapes of the chart.
    pub(super) fn scene(&self) -> Result<Scene, PlotError> {
        self.check()?;
        let mut scene = Scene::new();
        let top = header(&mut scene, &self.title, &[]);
        let top = legend_rows(&mut scene, &self.entries(), top);
        let strip = if self.upright().next().is_some() { STRIP } else { 0.0 };
        let outer = Area::new(EDGE, top + 4.0 + strip, scene.width - 30.0, scene.height - 8.0);
        let (across, up) = self.ranges();
        let panel = Panel::within(
            outer,
            |length| Axis::linear(across, length, Side::Bottom),
            |length| Axis::linear(up, length, Side::Left),
        );
        panel.draw_grid(&mut scene);
        panel.draw_zero(&mut scene);
        let x_title = text::with_unit(&self.x_label, &self.x_unit, panel.x.exponent);
        let y_title = text::with_unit(&self.y_label, &self.y_unit, panel.y.exponent);
        panel.draw_axes(&mut scene, Some(&x_title), &y_title);
        let mut clutter = Clutter::new();
        self.draw_upright(&mut scene, &panel, &mut clutter);
        let zero = panel.px_y(0.0);
        clutter.add_line(&[(panel.area.left, zero), (panel.area.right, zero)]);
        let traces: Vec<Vec<Point>> = self.curves.iter().map(|c| panel.trace(&c.points)).collect();
        traces.iter().for_each(|trace| clutter.add_line(trace));
        self.draw_lying(&mut scene, &panel, &mut clutter);
        for (i, curve) in self.curves.iter().enumerate().rev() {
            let hidden = traces[..i].iter().filter(|above| coincide(above, &traces[i])).count();
            let stroke = series_stroke(i, WIDTH + RIM * hidden as f64);
            panel.draw_curve(&mut scene, &curve.points, stroke);
        }
        self.draw_points(&mut scene, &panel, &mut clutter);
        Ok(scene)
    }

    /// Refuses what cannot be drawn.
    fn check(&self) -> Result<(), PlotError> {
        check::some(CHART, "the list of curves", self.curves.len())?;
        for curve in &self.curves {
            check::some(CHART, &curve.name, curve.points.len())?;
            check::drawable(CHART, &format!("x of {}", curve.name), curve.points.iter().map(|p| p.0))?;
            check::drawable(CHART, &format!("y of {}", curve.name), curve.points.iter().map(|p| p.1))?;
        }
        for mark in &self.marks {
            let (label, values) = match mark {
                CurveMark::Vertical(Mark { at, label }) | CurveMark::Horizontal(Mark { at, label }) => {
                    (label, vec![*at])
                }
                CurveMark::Point { at, label } => (label, vec![at.0, at.1]),
            };
            check::drawable(CHART, &format!("the mark {label}"), values)?;
        }
        Ok(())
    }

    /// The legend; a curve without a name has no entry.
    fn entries(&self) -> Vec<Entry> {
        let named = self.curves.iter().enumerate().filter(|(_, curve)| !curve.name.is_empty());
        named.map(|(i, curve)| Entry::new(Sign::Line(series_stroke(i, WIDTH)), curve.name.as_str())).collect()
    }

    /// The upright marks.
    fn upright(&self) -> impl Iterator<Item = &Mark> {
        self.marks.iter().filter_map(|mark| match mark {
            CurveMark::Vertical(mark) => Some(mark),
            _ => None,
        })
    }

    /// The lying marks.
    fn lying(&self) -> impl Iterator<Item = &Mark> {
        self.marks.iter().filter_map(|mark| match mark {
            CurveMark::Horizontal(mark) => Some(mark),
            _ => None,
        })
    }

    /// The marked points and their labels.
    fn points(&self) -> impl Iterator<Item = (Point, &String)> {
        self.marks.iter().filter_map(|mark| match mark {
            CurveMark::Point { at, label } => Some((*at, label)),
            _ => None,
        })
    }

    /// The values of x and y shown.
    fn ranges(&self) -> ((f64, f64), (f64, f64)) {
        let all = || self.curves.iter().flat_map(|c| c.points.iter().copied());
        let dots = || self.points().map(|(at, _)| at);
        let x = all().chain(dots()).map(|p| p.0).chain(self.upright().map(|m| m.at));
        let y = all().chain(dots()).map(|p| p.1).chain(self.lying().map(|m| m.at));
        let x = range(x).unwrap_or((0.0, 1.0));
        (padded(x, 0.02), padded(range(y).unwrap_or((0.0, 1.0)), 0.07))
    }

    /// Upright lines with their labels above the frame.
    fn draw_upright(&self, scene: &mut Scene, panel: &Panel, clutter: &mut Clutter) {
        let area = panel.area;
        let mut tags = Vec::new();
        for mark in self.upright() {
            let x = panel.px_x(mark.at);
            let line = [(x, area.top), (x, area.bottom)];
            scene.line(&line, Stroke::dashed(GREY, 1.3));
            clutter.add_line(&line);
            tags.push(Tag { x, label: mark.label.clone(), color: SOFT });
        }
        write_tags(scene, &tags, &area);
    }

    /// Lying lines with their labels beside them.
    fn draw_lying(&self, scene: &mut Scene, panel: &Panel, clutter: &mut Clutter) {
        let area = panel.area;
        for mark in self.lying() {
            let y = panel.px_y(mark.at);
            let ends = [(area.left, y), (area.right, y)];
            scene.line(&ends, Stroke::dashed(GREY, 1.3));
            label_along(scene, clutter, &area.grown(-3.0), ends, &mark.label);
        }
    }

    /// Dots with their labels.
    fn draw_points(&self, scene: &mut Scene, panel: &Panel, clutter: &mut Clutter) {
        for (at, _) in self.points() {
            let at = panel.px(at);
            scene.disc(at, 5.6, WHITE);
            scene.disc(at, 4.4, INK);
            clutter.add_dot(at, 6.0);
        }
        for (at, label) in self.points() {
            let line = text::fitted(label, NOTE_SIZE, 0.45 * panel.area.width());
            let block = Block { lines: &[line], color: INK, size: NOTE_SIZE };
            block.place(scene, clutter, &panel.area.grown(-6.0), panel.px(at));
        }
    }
}

/// Whether two traces run over the same pixels.
fn coincide(a: &[Point], b: &[Point]) -> bool {
    let near = |(p, q): (&Point, &Point)| (p.0 - q.0).abs() < 1.0 && (p.1 - q.1).abs() < 1.0;
    a.len() == b.len() && a.iter().zip(b).all(near)
}
