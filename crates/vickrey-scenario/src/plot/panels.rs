//! Curves over days or rounds in panels under each other: days on a logarithmic axis, rounds on a plain one.

use super::axis::{Axis, BOTTOM_ROOM, EDGE, LABEL_SIZE, Panel, Side, range};
use super::check::{self, LARGEST};
use super::course::Course;
use super::layout::{Entry, Sign, header, legend_rows};
use super::scene::{Area, GREY, INK, Point, Scene, Stroke, series_color};
use super::{PlotError, text};

const CHART: &str = "panels";
const GAP: f64 = 18.0;

/// How a curve is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// In the colour of this player.
    Player(usize),
    /// In the colour of this player, dashed: a mark for her.
    Mark(usize),
    /// Dark and dashed: a mark for everybody.
    Limit,
}

/// A curve over the days or rounds.
#[derive(Clone, Debug, PartialEq)]
pub struct DayCurve {
    /// How it is drawn.
    pub line: Line,
    /// Day or round and value, from 1 on.
    pub points: Vec<(f64, f64)>,
}

/// One of the panels.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DayPanel {
    /// What the values are.
    pub label: String,
    /// Their unit; may be empty.
    pub unit: String,
    /// Whether values are on a logarithmic axis: what is not positive is not drawn then.
    pub log: bool,
    /// Its curves.
    pub curves: Vec<DayCurve>,
}

/// What panels run over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Across {
    /// Days, on a logarithmic axis.
    #[default]
    Days,
    /// Rounds, on a plain axis: what shrinks by the same factor in every round is a straight line on a logarithmic height.
    Rounds,
}

/// Panels under each other over the same days or rounds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Panels {
    /// Written above the chart.
    pub title: String,
    /// Written under the title.
    pub notes: Vec<String>,
    /// Names of the players.
    pub players: Vec<String>,
    /// What dashed lines in a player's colour are; empty: there are none.
    pub mark: String,
    /// What the dark dashed line is; empty: there is none.
    pub limit: String,
    /// What they run over.
    pub across: Across,
    /// The panels, from top to bottom.
    pub panels: Vec<DayPanel>,
}

impl Panels {
    /// The shapes of the chart.
    pub(super) fn scene(&self) -> Result<Scene, PlotError> {
        self.check()?;
        let mut scene = Scene::new();
        let top = header(&mut scene, &self.title, &self.notes);
        let top = legend_rows(&mut scene, &self.entries(), top) + 4.0;
        let bottom = scene.height - 8.0 - BOTTOM_ROOM;
        let count = self.panels.len() as f64;
        let each = (bottom - top - GAP * (count - 1.0)) / count;
        let axes: Vec<Axis> = self.panels.iter().map(|panel| panel.axis(each)).collect();
        let left = axes.iter().map(|axis| EDGE + axis.left_room()).fold(0.0, f64::max);
        let right = scene.width - 30.0;
        let days = self.panels.iter().flat_map(|p| &p.curves).flat_map(|c| &c.points).map(|p| p.0);
        let (low, high) = range(days).unwrap_or((1.0, 10.0));
        let x = match self.across {
            Across::Days => Axis::log((low, high.max(low * 1.1)), right - left, Side::Bottom),
            Across::Rounds => Axis::periods(high as usize + 1, 0.0, right - left),
        };
        for (k, (panel, y)) in self.panels.iter().zip(axes).enumerate() {
            let from = top + k as f64 * (each + GAP);
            let frame = Panel { area: Area::new(left, from, right, from + each), x: x.clone(), y };
            let title = (k + 1 == self.panels.len()).then_some(self.across.title());
            panel.draw(&mut scene, &frame, title);
        }
        Ok(scene)
    }

    fn check(&self) -> Result<(), PlotError> {
        check::some(CHART, "the list of panels", self.panels.len())?;
        for panel in &self.panels {
            check::some(CHART, &panel.label, panel.curves.iter().map(|c| c.points.len()).sum())?;
            for curve in &panel.curves {
                check::drawable(CHART, &panel.label, curve.points.iter().map(|p| p.1))?;
                let days = curve.points.iter().map(|p| p.0);
                check::within(CHART, &panel.label, days, "a day from 1 on", |day| {
                    (1.0..LARGEST).contains(&day)
                })?;
            }
        }
        Ok(())
    }

    fn entries(&self) -> Vec<Entry> {
        let players = self.players.iter().enumerate();
        let mut entries: Vec<Entry> =
            players.map(|(i, name)| Entry::new(Sign::Line(stroke(Line::Player(i))), name.as_str())).collect();
        if !self.mark.is_empty() {
            entries.push(Entry::new(Sign::Line(Stroke::dashed(GREY, 1.4)), self.mark.as_str()));
        }
        if !self.limit.is_empty() {
            entries.push(Entry::new(Sign::Line(stroke(Line::Limit)), self.limit.as_str()));
        }
        entries
    }
}

impl Across {
    fn title(self) -> &'static str {
        match self {
            Self::Days => "day",
            Self::Rounds => "round",
        }
    }
}

impl DayPanel {
    /// The points that can be drawn.
    fn kept(&self, curve: &DayCurve) -> Vec<Point> {
        curve.points.iter().copied().filter(|p| !self.log || p.1 >= 1.0 / LARGEST).collect()
    }

    fn axis(&self, length: f64) -> Axis {
        let values = self.curves.iter().flat_map(|curve| self.kept(curve)).map(|p| p.1);
        let length = 1.2 * length.max(1.0);
        if self.log {
            let (low, high) = range(values).unwrap_or((0.1, 1.0));
            let room = (high / low).powf(0.05).max(1.05);
            return Axis::log((low / room, high * room), length, Side::Left);
        }
        let (low, high) = super::axis::padded(range(values).unwrap_or((0.0, 1.0)), 0.08);
        Axis::linear((low, high), length, Side::Left)
    }

    fn draw(&self, scene: &mut Scene, frame: &Panel, x_title: Option<&str>) {
        frame.draw_grid(scene);
        if !self.log {
            frame.draw_zero(scene);
        }
        for curve in self.curves.iter().rev() {
            frame.draw_curve(scene, &self.kept(curve), stroke(curve.line));
        }
        frame.draw_axes(scene, x_title, "");
        let title = text::with_unit(&self.label, &self.unit, frame.y.exponent);
        let (room, middle) = (frame.area.height() + 14.0, (frame.area.top + frame.area.bottom) / 2.0);
        let size = (0.99 * LABEL_SIZE * room / text::width(&title, LABEL_SIZE)).clamp(10.5, LABEL_SIZE);
        let title = text::fitted(&title, size, room);
        scene.text_up(&title, (EDGE + 1.4 * LABEL_SIZE, middle), size, INK);
    }
}

fn stroke(line: Line) -> Stroke {
    let hue = |i: usize| if i < Course::MOST_PLAYERS { series_color(i) } else { GREY };
    match line {
        Line::Player(i) => Stroke::full(hue(i), 2.0),
        Line::Mark(i) => Stroke::dashed(hue(i), 1.2),
        Line::Limit => Stroke::dashed(INK, 1.6),
    }
}
