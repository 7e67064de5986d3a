//! A season of a market that repeats every day: quantities and payments as stacked bars, rows of cells below them.

use std::ops::Range;

use super::axis::{Axis, BOTTOM_ROOM, EDGE, LABEL_SIZE, Panel, Side, TICK_SIZE, range};
use super::course::{Cells, Course, color, shade};
use super::data::NamedValues;
use super::layout::{Entry, NOTE_SIZE, Sign, header, legend_rows};
use super::scene::{Area, INK, Rgb, Scene, Stroke};
use super::text::{self, Anchor};
use super::{PlotError, check};

const CHART: &str = "season";
/// Bars narrower than this stand without gaps.
const NARROW: f64 = 6.0;
/// Lines over more columns than this are not joined.
const MOST_JOINED: usize = 120;
/// More rows of cells than this are not drawn.
const MOST_ROWS: usize = 10;
/// Names of rows are shortened to this width.
const WIDEST_NAME: f64 = 130.0;
const ROW: f64 = 19.0;
const GAP: f64 = 16.0;

/// What players do together with others, stacked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stack {
    /// What it is, for example "quantity".
    pub label: String,
    /// Its unit; may be empty.
    pub unit: String,
    /// By player: one value per column. What stands behind the players has the colours of [`Season::others`].
    pub layers: Vec<Vec<f64>>,
    /// A line over the bars, such as what they have to add up to.
    pub line: Option<NamedValues>,
}

/// A season over the days 1, 2, …, in columns of one or more days: stacks of bars, then rows of cells.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Season {
    /// Written above the chart.
    pub title: String,
    /// Written under the title.
    pub notes: Vec<String>,
    /// How many days there are.
    pub days: usize,
    /// How many days a column stands for; the last one may be cut.
    pub width: usize,
    /// Names of the players, in their colours.
    pub players: Vec<String>,
    /// Names of the layers behind the players, in shades of grey.
    pub others: Vec<String>,
    /// The stacks, from top to bottom.
    pub stacks: Vec<Stack>,
    /// Rows of cells, one cell per column; the first ten are drawn.
    pub rows: Vec<Cells>,
}

impl Season {
    /// So many players have a colour of their own.
    pub const MOST_PLAYERS: usize = Course::MOST_PLAYERS;
    /// More columns than this are too narrow to be told apart.
    pub const MOST_COLUMNS: usize = 200;

    /// How many days a column has to stand for.
    pub fn width_for(days: usize) -> usize {
        days.div_ceil(Self::MOST_COLUMNS).max(1)
    }

    fn columns(&self) -> usize {
        self.days.div_ceil(self.width.max(1))
    }

    /// The shapes of the chart.
    pub(super) fn scene(&self) -> Result<Scene, PlotError> {
        self.check()?;
        let mut scene = Scene::new();
        let top = header(&mut scene, &self.title, &self.notes);
        let top = legend_rows(&mut scene, &self.entries(), top) + 4.0;
        let panels = self.panels(&scene, top);
        let last = panels.len() - 1;
        for (k, panel) in panels.iter().enumerate() {
            let under = (k == last).then_some("day");
            match self.stacks.get(k) {
                Some(stack) => self.draw_stack(&mut scene, panel, stack, under),
                None => self.draw_rows(&mut scene, panel, under),
            }
        }
        Ok(scene)
    }

    fn check(&self) -> Result<(), PlotError> {
        check::some(CHART, "the season", self.days)?;
        check::some(CHART, "the list of stacks and rows", self.stacks.len() + self.rows.len())?;
        for stack in &self.stacks {
            for (k, layer) in stack.layers.iter().enumerate() {
                let name = format!("layer {k} of {}", stack.label);
                check::length(CHART, &name, layer.len(), self.columns())?;
                check::drawable(CHART, &name, layer.iter().copied())?;
            }
            if let Some(line) = &stack.line {
                check::length(CHART, &line.name, line.values.len(), self.columns())?;
                check::drawable(CHART, &line.name, line.values.iter().copied())?;
            }
        }
        for row in &self.rows {
            check::length(CHART, &row.name, row.cells.len(), self.columns())?;
        }
        Ok(())
    }

    fn entries(&self) -> Vec<Entry> {
        let players = self.players.iter().enumerate().map(|(i, name)| (color(i), name));
        let others = self.others.iter().enumerate().map(|(k, name)| (grey(k), name));
        let patches = players.chain(others).map(|(fill, name)| Entry::new(Sign::Patch(fill), name.as_str()));
        let lines = self.stacks.iter().filter_map(|stack| stack.line.as_ref());
        let lines = lines.map(|line| Entry::new(Sign::Line(Stroke::full(INK, 1.6)), line.name.as_str()));
        patches.chain(lines).collect()
    }

    /// One panel for each stack, and one for the rows.
    fn panels(&self, scene: &Scene, top: f64) -> Vec<Panel> {
        let bottom = scene.height - 8.0 - BOTTOM_ROOM;
        let rows = self.rows.len().min(MOST_ROWS) as f64;
        let high = if self.stacks.is_empty() { bottom - top } else { ROW * rows };
        let stacked = bottom - top - high - if rows > 0.0 { GAP } else { 0.0 };
        let gaps = GAP * self.stacks.len().saturating_sub(1) as f64;
        let each = (stacked - gaps) / self.stacks.len().max(1) as f64;
        let axes: Vec<Axis> = self
            .stacks
            .iter()
            .map(|stack| Axis::linear(self.range(stack), 1.3 * each.max(1.0), Side::Left))
            .collect();
        let names = self.rows.iter().take(MOST_ROWS).map(|row| text::width(&row.name, NOTE_SIZE));
        let names = EDGE + 12.0 + names.fold(0.0, f64::max).min(WIDEST_NAME);
        let left = axes.iter().map(|axis| EDGE + axis.left_room()).fold(names, f64::max);
        let right = scene.width - 30.0;
        let x = Axis::linear((0.5, self.days as f64 + 0.5), right - left, Side::Bottom);
        let mut from = top;
        let mut panels: Vec<Panel> = Vec::new();
        for y in axes {
            panels.push(Panel { area: Area::new(left, from, right, from + each), x: x.clone(), y });
            from += each + GAP;
        }
        if rows > 0.0 {
            panels.push(Panel { area: Area::new(left, bottom - high, right, bottom), x, y: Axis::empty() });
        }
        panels
    }

    /// First and last edge of a column on the axis.
    fn edges(&self, column: usize) -> (f64, f64) {
        let width = self.width.max(1);
        let end = ((column + 1) * width).min(self.days);
        ((column * width) as f64 + 0.5, end as f64 + 0.5)
    }

    /// For every layer the far ends of its bars below and above zero.
    fn ends(&self, stack: &Stack) -> Vec<Vec<[f64; 2]>> {
        let mut ends = vec![[0.0_f64; 2]; self.columns()];
        let mut all = Vec::with_capacity(stack.layers.len());
        for layer in &stack.layers {
            for (end, x) in ends.iter_mut().zip(layer) {
                end[usize::from(*x > 0.0)] += x;
            }
            all.push(ends.clone());
        }
        all
    }

    fn range(&self, stack: &Stack) -> (f64, f64) {
        let ends = self.ends(stack).last().cloned().unwrap_or_default();
        let line = stack.line.iter().flat_map(|line| line.values.iter().copied());
        let (low, high) = range(ends.into_iter().flatten().chain(line).chain([0.0])).unwrap_or((0.0, 1.0));
        let pad = 0.06 * (high - low);
        match (low < 0.0, high > 0.0) {
            (false, false) => (0.0, 1.0),
            (below, above) => (if below { low - pad } else { 0.0 }, if above { high + pad } else { 0.0 }),
        }
    }

    /// The colour of a layer: players first, then greys.
    fn fill(&self, layer: usize) -> Rgb {
        if layer < self.players.len() { color(layer) } else { grey(layer - self.players.len()) }
    }

    fn draw_stack(&self, scene: &mut Scene, panel: &Panel, stack: &Stack, under: Option<&str>) {
        panel.draw_rows(scene);
        // The outermost layer first: every layer reaches to zero and is covered by the ones inside it.
        for (k, ends) in self.ends(stack).iter().enumerate().rev() {
            for side in [0, 1] {
                self.draw_layer(scene, panel, ends, side, self.fill(k));
            }
        }
        let zero = panel.px_y(0.0);
        scene.line(&[(panel.area.left, zero), (panel.area.right, zero)], Stroke::full(INK, 0.9));
        if let Some(line) = &stack.line {
            // Among many columns the rises between them would hide the bars.
            let joined = self.columns() <= MOST_JOINED;
            let width = if joined { 1.6 } else { 1.2 };
            let level = |run: Range<usize>| {
                let (value, (from, _), (_, to)) =
                    (line.values[run.start], self.edges(run.start), self.edges(run.end - 1));
                vec![(from, value), (to, value)]
            };
            let levels: Vec<Vec<(f64, f64)>> =
                runs(self.columns(), |one, other| line.values[one] == line.values[other])
                    .map(level)
                    .collect();
            let lines = if joined { vec![levels.concat()] } else { levels };
            for points in lines {
                panel.draw_curve(scene, &points, Stroke::full(INK, width));
            }
        }
        panel.draw_axes(scene, under, "");
        let title = text::with_unit(&stack.label, &stack.unit, panel.y.exponent);
        let (room, middle) = (panel.area.height() + 10.0, (panel.area.top + panel.area.bottom) / 2.0);
        let size = (0.99 * LABEL_SIZE * room / text::width(&title, LABEL_SIZE)).clamp(10.5, LABEL_SIZE);
        let title = text::fitted(&title, size, room);
        scene.text_up(&title, (EDGE + 1.4 * LABEL_SIZE, middle), size, INK);
    }

    /// Bars from zero to one side's ends: with gaps, or as areas where there is no room for gaps.
    fn draw_layer(&self, scene: &mut Scene, panel: &Panel, ends: &[[f64; 2]], side: usize, fill: Rgb) {
        let zero = panel.px_y(0.0);
        let mut run: Vec<(f64, f64, f64)> = Vec::new();
        for (k, end) in ends.iter().enumerate() {
            let (from, to) = self.edges(k);
            let (left, right, row) = (panel.px_x(from), panel.px_x(to), panel.px_y(end[side]));
            let (top, bottom) = (row.min(zero), row.max(zero));
            if bottom - top <= 0.05 {
                scene.ribbon(std::mem::take(&mut run), fill);
            } else if right - left >= NARROW {
                let gap = 0.09 * (right - left);
                scene.rect(&Area::new(left + gap, top, right - gap, bottom), fill);
            } else {
                run.extend([(left, top, bottom), (right, top, bottom)]);
            }
        }
        scene.ribbon(run, fill);
    }

    fn draw_rows(&self, scene: &mut Scene, panel: &Panel, under: Option<&str>) {
        let rows = &self.rows[..self.rows.len().min(MOST_ROWS)];
        let area = panel.area;
        let high = area.height() / rows.len() as f64;
        for (k, row) in rows.iter().enumerate() {
            let top = area.top + k as f64 * high;
            let base = top + high / 2.0 + 0.36 * TICK_SIZE;
            let name = text::fitted(&row.name, NOTE_SIZE, area.left - EDGE - 8.0);
            scene.text(&name, (area.left - 8.0, base), NOTE_SIZE, INK, Anchor::End);
            let same = |one: usize, other: usize| {
                row.cells[one] == row.cells[other] && row.cells[one].text.is_empty()
            };
            let narrow = |one, other| {
                panel.px_x(self.edges(one).1) - panel.px_x(self.edges(one).0) < NARROW && same(one, other)
            };
            for run in runs(row.cells.len(), narrow) {
                let (cell, (from, _), (_, to)) =
                    (&row.cells[run.start], self.edges(run.start), self.edges(run.end - 1));
                let (left, right) = (panel.px_x(from), panel.px_x(to));
                let gap = if right - left >= NARROW * run.len() as f64 { 1.0 } else { -0.2 };
                if let Some(fill) = shade(cell.fill) {
                    scene.rect(&Area::new(left + gap, top + 1.5, right - gap, top + high - 1.5), fill);
                }
                let room = right - left - 4.0;
                if !cell.text.is_empty() && text::width(&cell.text, TICK_SIZE) <= room {
                    let at = ((left + right) / 2.0, base);
                    scene.text(&cell.text, at, TICK_SIZE, INK, Anchor::Middle);
                }
            }
        }
        panel.draw_axes(scene, under, "");
    }
}

/// Neighbours of which something is the same, as few shapes as that takes.
fn runs(count: usize, same: impl Fn(usize, usize) -> bool) -> impl Iterator<Item = Range<usize>> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let to = (from + 1..count).find(|k| !same(from, *k)).unwrap_or(count);
        let run = from..to;
        from = to;
        (!run.is_empty()).then_some(run)
    })
}

/// The colour of what stands behind the players.
fn grey(k: usize) -> Rgb {
    super::scene::GREY.tint([0.55, 0.3, 0.85][k % 3])
}
