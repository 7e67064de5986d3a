//! A run over the periods: what was possible and done as cells, payments as bars, values as lines.

use super::axis::{Axis, BOTTOM_ROOM, EDGE, LABEL_SIZE, Panel, Side, padded, range};
use super::data::{NamedValues, Path};
use super::layout::{Entry, NOTE_SIZE, Sign, header, legend_rows};
use super::scene::{Area, GREY, GRID, INK, PALETTE, Rgb, SOFT, Scene, Stroke, series_color};
use super::text::{self, Anchor};
use super::timeline::places;
use super::{PlotError, check};

const CHART: &str = "course of a run";
/// More rows of cells than this are not drawn.
const MOST_ROWS: usize = 12;
/// Names of rows are shortened to this width.
const WIDEST_NAME: f64 = 150.0;
/// Cells narrower than this stand without gaps.
const NARROW: f64 = 7.0;
/// Periods narrower than this have lines without dots.
const DOTTED: f64 = 16.0;
/// Bars thinner than this are stacked, on a panel about this wide.
const THIN: f64 = 7.0;
const WIDTH: f64 = 740.0;
/// Titles of axes are not written smaller than this.
const SMALL: f64 = 11.0;
/// Room between the panels.
const GAP: f64 = 14.0;

/// How a cell is filled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fill {
    /// Not at all.
    #[default]
    Nothing,
    /// Grey and pale: it was possible.
    Pale,
    /// Grey and strong: it was done.
    Strong,
    /// In the colour of this player: it was done, and she is the one whom it concerns.
    Player(usize),
}

/// What stands in a row in one period.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// Written in the cell where there is room; may be empty.
    pub text: String,
    /// Its filling.
    pub fill: Fill,
}

/// A row of cells, one for each period from 0 on; later periods may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cells {
    /// Written in front of the row.
    pub name: String,
    /// The cells.
    pub cells: Vec<Cell>,
}

/// One run over the periods t = 0, 1, …, in three parts over each other: rows of cells (what turned out, what was
/// decided, what everybody holds), payments as bars, and values as lines. Parts without data are left out.
///
/// Payments and values belong to the players in their order; up to [`Course::MOST_PLAYERS`] have colours, what stands after
/// them (such as all others together) is grey. Where bars side by side would be too thin they are stacked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Course {
    /// Written above the chart.
    pub title: String,
    /// Unit of payments and values; may be empty.
    pub money_unit: String,
    /// Names of the players.
    pub players: Vec<String>,
    /// Rows of cells, from top to bottom; the first twelve are drawn.
    pub rows: Vec<Cells>,
    /// Payments by player and period; positive: the player pays.
    pub payments: Vec<Vec<f64>>,
    /// A value of everybody together by period, drawn as a dark line.
    pub total: Option<NamedValues>,
    /// Values by player and period; may have one entry more than there are periods with payments, for the end.
    pub values: Vec<Vec<f64>>,
}

impl Course {
    /// So many players have a colour of their own.
    pub const MOST_PLAYERS: usize = PALETTE.len() - 1;

    /// The shapes of the chart.
    pub(super) fn scene(&self) -> Result<Scene, PlotError> {
        self.check()?;
        let mut scene = Scene::new();
        let top = header(&mut scene, &self.title, &self.notes());
        let top = legend_rows(&mut scene, &self.entries(), top) + 2.0;
        let frames = self.frames(&scene, top);
        if let Some(panel) = &frames.cells {
            self.draw_cells(&mut scene, panel, frames.values.is_none() && frames.payments.is_none());
        }
        if let Some(panel) = &frames.payments {
            self.draw_payments(&mut scene, panel, frames.values.is_none());
        }
        if let Some(panel) = &frames.values {
            self.draw_values(&mut scene, panel);
        }
        Ok(scene)
    }

    /// Refuses what cannot be drawn.
    fn check(&self) -> Result<(), PlotError> {
        check::some(CHART, "the run", self.periods())?;
        for (what, lists) in [("payments", &self.payments), ("values", &self.values)] {
            if !lists.is_empty() {
                check::length(CHART, &format!("the list of {what}"), lists.len(), self.players.len())?;
            }
            for (name, list) in self.players.iter().zip(lists) {
                check::drawable(CHART, &format!("{what} of {name}"), list.iter().copied())?;
            }
        }
        let ends = self.bars().into_iter().flatten().map(|(_, end)| end);
        check::drawable(CHART, "the stack of payments", ends)?;
        if let Some(total) = &self.total {
            check::drawable(CHART, &total.name, total.values.iter().copied())?;
        }
        Ok(())
    }

    /// What is said when rows are left out.
    fn notes(&self) -> Vec<String> {
        let (all, most) = (self.rows.len(), MOST_ROWS);
        (all > most).then(|| format!("The first {most} of {all} rows.")).into_iter().collect()
    }

    /// Columns of the chart.
    fn periods(&self) -> usize {
        let rows = self.rows.iter().map(|row| row.cells.len());
        let lists = self.payments.iter().chain(&self.values).map(Vec::len);
        let total = self.total.iter().map(|total| total.values.len());
        rows.chain(lists).chain(total).max().unwrap_or(0)
    }

    /// Whether there are numbers of single players.
    fn numbered(&self) -> bool {
        self.payments.iter().chain(&self.values).any(|list| !list.is_empty())
    }

    /// The legend.
    fn entries(&self) -> Vec<Entry> {
        let colored = self.rows.iter().flat_map(|row| &row.cells).any(|c| matches!(c.fill, Fill::Player(_)));
        let shown = if self.numbered() || colored { self.players.len() } else { 0 };
        let players = self.players.iter().take(shown).enumerate();
        let mut entries: Vec<Entry> =
            players.map(|(i, name)| Entry::new(Sign::Patch(color(i)), name.as_str())).collect();
        let total = self.total.iter().filter(|total| !total.name.is_empty());
        entries.extend(total.map(|total| Entry::new(Sign::Line(total_stroke()), total.name.as_str())));
        entries
    }

    /// Where the parts stand.
    fn frames(&self, scene: &Scene, top: f64) -> Frames {
        let bottom = scene.height - 8.0 - BOTTOM_ROOM;
        let shown = self.rows.len().min(MOST_ROWS) as f64;
        let bars = self.payments.iter().any(|list| !list.is_empty());
        let lines = self.total.is_some() || self.values.iter().any(|list| !list.is_empty());
        let parts = f64::from(u8::from(bars)) * 0.45 + f64::from(u8::from(lines)) * 0.55;
        let share = if parts == 0.0 { 1.0 } else { 0.5 };
        let row = if shown > 7.0 { 21.0 } else { 26.0 };
        let high = (row * shown).min(share * (bottom - top));
        let cells_end = top + high;
        let rest = bottom - cells_end - GAP * (f64::from(u8::from(bars)) + f64::from(u8::from(lines)));
        let bars_high = if bars { rest * 0.45 / parts } else { 0.0 };
        let bars_top = cells_end + if shown > 0.0 { GAP } else { 0.0 };
        let (up_bars, up_lines) = (self.range_of_payments(), self.range_of_values());
        let y_bars = low_axis(up_bars, bars_high);
        let lines_top = bars_top + if bars { bars_high + GAP } else { 0.0 };
        let y_lines = low_axis(up_lines, bottom - lines_top);
        let names = self.rows.iter().take(MOST_ROWS).map(|row| text::width(&row.name, NOTE_SIZE));
        let names = EDGE + 12.0 + names.fold(0.0, f64::max).min(WIDEST_NAME);
        let left = [(bars, &y_bars), (lines, &y_lines)].into_iter().filter(|(there, _)| *there);
        let left = left.map(|(_, axis)| EDGE + axis.left_room()).fold(names, f64::max);
        let right = scene.width - 30.0;
        let x = Axis::periods(self.periods(), 0.5, right - left);
        let panel = |top: f64, bottom: f64, y: Axis| Panel {
            area: Area::new(left, top, right, bottom),
            x: x.clone(),
            y,
        };
        Frames {
            cells: (shown > 0.0).then(|| panel(top, cells_end, Axis::empty())),
            payments: bars.then(|| panel(bars_top, bars_top + bars_high, y_bars)),
            values: lines.then(|| panel(lines_top, bottom, y_lines)),
        }
    }

    /// Whether bars side by side would be too thin.
    fn is_stacked(&self) -> bool {
        WIDTH / (self.periods() * self.payments.len()).max(1) as f64 <= THIN
    }

    /// Ends of every bar, by player and period.
    fn bars(&self) -> Vec<Vec<(f64, f64)>> {
        let mut ends = vec![[0.0_f64; 2]; self.periods()];
        let stacked = self.is_stacked();
        let mut bar = |t: usize, p: f64| {
            if !stacked {
                return (0.0, p);
            }
            let end = &mut ends[t][usize::from(p < 0.0)];
            let from = *end;
            *end += p;
            (from, *end)
        };
        let all = self.payments.iter();
        all.map(|list| list.iter().enumerate().map(|(t, &p)| bar(t, p)).collect()).collect()
    }

    fn range_of_payments(&self) -> (f64, f64) {
        let ends = self.bars().into_iter().flatten().map(|(_, end)| end);
        let (low, high) = range(ends.chain([0.0])).unwrap_or((0.0, 1.0));
        let pad = 0.08 * (high - low);
        match (low < 0.0, high > 0.0) {
            (false, false) => (0.0, 1.0),
            (below, above) => (if below { low - pad } else { 0.0 }, if above { high + pad } else { 0.0 }),
        }
    }

    fn range_of_values(&self) -> (f64, f64) {
        let all = self.values.iter().flatten().chain(self.total.iter().flat_map(|total| &total.values));
        padded(range(all.copied().chain([0.0])).unwrap_or((0.0, 1.0)), 0.07)
    }

    /// The rows of cells, and the axis below them if nothing else follows.
    fn draw_cells(&self, scene: &mut Scene, panel: &Panel, last: bool) {
        let rows = &self.rows[..self.rows.len().min(MOST_ROWS)];
        let area = panel.area;
        let high = area.height() / rows.len() as f64;
        let wide = panel.px_x(1.0) - panel.px_x(0.0);
        let gap = if wide >= NARROW { 1.0 } else { -0.2 };
        let size = (0.62 * high).clamp(7.0, 12.0);
        for (number, row) in rows.iter().enumerate() {
            let top = area.top + number as f64 * high;
            let name = text::fitted(&row.name, size.max(9.0), area.left - EDGE - 10.0);
            let base = top + high / 2.0 + 0.36 * size;
            scene.text(&name, (area.left - 8.0, base), size.max(9.0), SOFT, Anchor::End);
            for (t, cell) in row.cells.iter().enumerate() {
                let middle = panel.px_x(t as f64);
                if let Some(fill) = shade(cell.fill) {
                    let half = wide / 2.0 - gap;
                    scene.rect(&Area::new(middle - half, top + 1.0, middle + half, top + high - 1.0), fill);
                }
                let room = wide - 6.0;
                let readable = text::width(&cell.text, size) <= room || room > 34.0;
                if !cell.text.is_empty() && readable {
                    let words = text::fitted(&cell.text, size, room);
                    scene.text(&words, (middle, base), size, INK, Anchor::Middle);
                }
            }
        }
        if last {
            panel.draw_axes(scene, Some("period"), "");
        }
    }

    /// Payments as bars, side by side or stacked.
    fn draw_payments(&self, scene: &mut Scene, panel: &Panel, last: bool) {
        panel.draw_rows(scene);
        let zero = panel.px_y(0.0);
        let wide = 0.8 * (panel.px_x(1.0) - panel.px_x(0.0));
        let beside = if self.is_stacked() { 1 } else { self.payments.len() };
        let each = (wide / beside as f64).min(26.0);
        let first = -0.5 * each * beside as f64;
        for (i, list) in self.bars().iter().enumerate() {
            let shift = first + (i % beside) as f64 * each;
            for (t, &(from, to)) in list.iter().enumerate() {
                let left = panel.px_x(t as f64) + shift;
                let (from, to) = (panel.px_y(from), panel.px_y(to));
                if (from - to).abs() > 0.05 {
                    scene.rect(&Area::new(left, from.min(to), left + each, from.max(to)), color(i));
                }
            }
        }
        scene.line(&[(panel.area.left, zero), (panel.area.right, zero)], Stroke::full(INK, 0.9));
        let title = text::with_unit("payment", &self.money_unit, panel.y.exponent);
        self.draw_axes(scene, panel, last, &title);
    }

    /// Values as lines.
    fn draw_values(&self, scene: &mut Scene, panel: &Panel) {
        panel.draw_rows(scene);
        panel.draw_zero(scene);
        let wide = panel.px_x(1.0) - panel.px_x(0.0);
        let dots = wide >= DOTTED;
        let mut draw = |values: &[f64], stroke: Stroke| {
            let points = places(values, Path::Lines);
            panel.draw_curve(scene, &points, stroke);
            for &point in points.iter().filter(|_| dots) {
                scene.disc(panel.px(point), 1.5 * stroke.width, stroke.color);
            }
        };
        for (i, list) in self.values.iter().enumerate().rev() {
            draw(list, Stroke::full(color(i), if dots { 2.1 } else { 1.4 }));
        }
        if let Some(total) = &self.total {
            draw(&total.values, total_stroke());
        }
        let title = text::with_unit("value", &self.money_unit, panel.y.exponent);
        self.draw_axes(scene, panel, true, &title);
    }

    /// The axes; a title that does not fit beside a low panel is written smaller, or its unit on a second line.
    fn draw_axes(&self, scene: &mut Scene, panel: &Panel, last: bool, title: &str) {
        let (area, room) = (panel.area, panel.area.height() + 8.0);
        // A little less than would just fit, so that rounding cuts nothing off.
        let size = 0.99 * LABEL_SIZE * room / text::width(title, LABEL_SIZE);
        if size >= LABEL_SIZE {
            return panel.draw_axes(scene, last.then_some("period"), title);
        }
        panel.draw_axes(scene, last.then_some("period"), "");
        let middle = (area.top + area.bottom) / 2.0;
        let parts = title.split_once(" (").filter(|_| size < SMALL);
        let Some((what, unit)) = parts else {
            let title = text::fitted(title, size.max(SMALL), room);
            return scene.text_up(&title, (EDGE + 1.4 * LABEL_SIZE, middle), size.max(SMALL), INK);
        };
        for (line, column) in [(what.to_owned(), 0.8), (format!("({unit}"), 2.05)] {
            let line = text::fitted(&line, SMALL, room);
            scene.text_up(&line, (EDGE + column * SMALL, middle), SMALL, INK);
        }
    }
}

/// The parts of the chart that are there.
struct Frames {
    cells: Option<Panel>,
    payments: Option<Panel>,
    values: Option<Panel>,
}

/// A standing axis with ticks a little closer than usual, because the panels are low.
fn low_axis(range: (f64, f64), length: f64) -> Axis {
    Axis::linear(range, 1.5 * length.max(1.0), Side::Left)
}

/// The colour of a player.
pub(super) fn color(i: usize) -> Rgb {
    if i < Course::MOST_PLAYERS { series_color(i).tint(0.85) } else { GREY.tint(0.7) }
}

/// What a cell is filled with.
pub(super) fn shade(fill: Fill) -> Option<Rgb> {
    match fill {
        Fill::Nothing => None,
        Fill::Pale => Some(GRID.tint(0.75)),
        Fill::Strong => Some(GREY.tint(0.6)),
        Fill::Player(i) if i < Course::MOST_PLAYERS => Some(series_color(i).tint(0.55)),
        Fill::Player(_) => Some(GREY.tint(0.6)),
    }
}

fn total_stroke() -> Stroke {
    Stroke::full(INK, 2.1)
}
