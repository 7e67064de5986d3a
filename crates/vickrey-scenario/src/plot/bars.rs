//! Grouped horizontal bars, one group per agent.

use super::axis::{Axis, BOTTOM_ROOM, EDGE, Panel, Side, range};
use super::data::NamedValues;
use super::layout::{Entry, Sign, header, legend_rows};
use super::scene::{Area, GRID, INK, Rgb, SOFT, Scene, Stroke, series_color};
use super::text::{self, Anchor};
use super::{PlotError, check};

const CHART: &str = "bar chart";
/// More agents than this are not drawn.
const MOST_AGENTS: usize = 40;
/// A bar is at most this thick.
const THICKEST: f64 = 22.0;
/// Bars at least this thick have their value written at the end.
const WRITTEN: f64 = 8.5;
/// Groups lower than this are told apart by stripes.
const CLOSE: f64 = 26.0;
/// Names are shortened to this width.
const WIDEST_NAME: f64 = 170.0;

/// A few named values per agent as horizontal bars, for example expected, realised and Lagrange payment.
///
/// The first 40 agents are drawn, and a note says so when there are more. Values are written at the bars
/// where there is room.
#[derive(Clone, Debug, PartialEq)]
pub struct Bars {
    /// Written above the chart.
    pub title: String,
    /// What the values are, for example "payment".
    pub x_label: String,
    /// Their unit, for example "$"; may be empty.
    pub x_unit: String,
    /// Names of the agents, from top to bottom.
    pub agents: Vec<String>,
    /// The values: one list per kind, one value per agent.
    pub values: Vec<NamedValues>,
}

impl Bars {
    /// The shapes of the chart.
    pub(super) fn scene(&self) -> Result<Scene, PlotError> {
        self.check()?;
        let mut scene = Scene::new();
        let top = header(&mut scene, &self.title, &self.note());
        let top = legend_rows(&mut scene, &self.entries(), top);
        let panel = self.panel(&scene, top + 4.0);
        let row = panel.area.height() / self.shown() as f64;
        self.draw_stripes(&mut scene, &panel, row);
        panel.draw_columns(&mut scene);
        for agent in 0..self.shown() {
            let middle = panel.area.top + (agent as f64 + 0.5) * row;
            self.draw_group(&mut scene, &panel, agent, middle, row);
        }
        let zero = panel.px_x(0.0);
        let upright = [(zero, panel.area.top), (zero, panel.area.bottom)];
        scene.line(&upright, Stroke::full(INK, 0.9));
        let x_title = text::with_unit(&self.x_label, &self.x_unit, panel.x.exponent);
        panel.draw_axes(&mut scene, Some(&x_title), "");
        Ok(scene)
    }

    /// Refuses what cannot be drawn.
    fn check(&self) -> Result<(), PlotError> {
        check::some(CHART, "the list of agents", self.agents.len())?;
        check::some(CHART, "the list of values", self.values.len())?;
        for kind in &self.values {
            check::length(CHART, &kind.name, kind.values.len(), self.agents.len())?;
            check::drawable(CHART, &kind.name, kind.values.iter().copied())?;
        }
        Ok(())
    }

    /// How many agents are drawn.
    fn shown(&self) -> usize {
        self.agents.len().min(MOST_AGENTS)
    }

    /// What is said when agents are left out.
    fn note(&self) -> Vec<String> {
        let all = self.agents.len();
        let left_out = all > self.shown();
        left_out.then(|| format!("The first {} of {all} agents.", self.shown())).into_iter().collect()
    }

    /// The legend; a single kind of values without a name needs none.
    fn entries(&self) -> Vec<Entry> {
        let named = self.values.iter().enumerate().filter(|(_, kind)| !kind.name.is_empty());
        named.map(|(i, kind)| Entry::new(Sign::Patch(color(i)), kind.name.as_str())).collect()
    }

    /// The font size of names: no larger than a row.
    fn name_size(row: f64) -> f64 {
        (0.86 * row).clamp(8.0, 12.5)
    }

    /// How thick a bar is.
    fn thickness(&self, row: f64) -> f64 {
        (0.8 * row / self.values.len() as f64).min(THICKEST)
    }

    /// The frame, with room for the names on the left and for the written values beyond the bars.
    fn panel(&self, scene: &Scene, top: f64) -> Panel {
        let bottom = scene.height - 8.0 - BOTTOM_ROOM;
        let right = scene.width - 30.0;
        let row = (bottom - top) / self.shown() as f64;
        let names = self.agents.iter().take(self.shown());
        let widths = names.map(|name| text::width(name, Self::name_size(row)).min(WIDEST_NAME));
        let left = EDGE + 12.0 + widths.fold(30.0, f64::max);
        let values = || self.values.iter().flat_map(|kind| &kind.values[..self.shown()]).copied();
        let (low, high) = range(values().chain([0.0])).unwrap_or((0.0, 1.0));
        let written = self.thickness(row) >= WRITTEN;
        let widest = values().map(|v| text::width(&label(v), value_size(self.thickness(row))));
        let room = if written { widest.fold(0.0, f64::max) + 10.0 } else { 10.0 };
        // The share of the frame that the room at one end takes, set apart from the bars' own width.
        let ends = f64::from(u8::from(low < 0.0) + u8::from(high > 0.0));
        let share = room / (right - left - ends * room).max(80.0);
        let pad = share * (high - low);
        let across = (if low < 0.0 { low - pad } else { 0.0 }, if high > 0.0 { high + pad } else { 0.0 });
        Panel {
            area: Area::new(left, top, right, bottom),
            x: Axis::linear(across, right - left, Side::Bottom),
            y: Axis::empty(),
        }
    }

    /// A pale stripe behind every other agent where the groups stand close.
    fn draw_stripes(&self, scene: &mut Scene, panel: &Panel, row: f64) {
        if self.values.len() < 2 || row > CLOSE {
            return;
        }
        for agent in (1..self.shown()).step_by(2) {
            let top = panel.area.top + agent as f64 * row;
            let stripe = Area::new(panel.area.left, top, panel.area.right, top + row);
            scene.rect(&stripe, GRID.tint(0.5));
        }
    }

    /// The bars of an agent and its name.
    fn draw_group(&self, scene: &mut Scene, panel: &Panel, agent: usize, middle: f64, row: f64) {
        let size = Self::name_size(row);
        let name = text::fitted(&self.agents[agent], size, WIDEST_NAME);
        let at = (panel.area.left - 8.0, middle + 0.36 * size);
        scene.text(&name, at, size, SOFT, Anchor::End);
        let thick = self.thickness(row);
        let first = middle - thick * self.values.len() as f64 / 2.0;
        let zero = panel.px_x(0.0);
        for (i, kind) in self.values.iter().enumerate() {
            let value = kind.values[agent];
            let end = panel.px_x(value);
            let top = first + i as f64 * thick;
            let gap = if thick > 4.0 { 0.6 } else { 0.0 };
            if (end - zero).abs() > 0.05 {
                let bar = Area::new(end.min(zero), top + gap, end.max(zero), top + thick - gap);
                scene.rect(&bar, color(i));
            }
            if thick >= WRITTEN {
                let size = value_size(thick);
                let (x, anchor) =
                    if value < 0.0 { (end - 4.0, Anchor::End) } else { (end + 4.0, Anchor::Start) };
                let at = (x, top + thick / 2.0 + 0.36 * size);
                scene.text(&label(value), at, size, SOFT, anchor);
            }
        }
    }
}

/// The colour of the `i`-th kind of values.
fn color(i: usize) -> Rgb {
    series_color(i).tint(0.85)
}

/// The font size of the values at bars of the given thickness.
fn value_size(thick: f64) -> f64 {
    (0.95 * thick).clamp(7.5, 11.0)
}

/// A value as written at its bar.
fn label(value: f64) -> String {
    text::short(value, 4)
}
