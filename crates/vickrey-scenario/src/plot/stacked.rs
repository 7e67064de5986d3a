//! Stacked bars over the periods.

use super::axis::{Axis, EDGE, Panel, Side, range};
use super::data::{NamedValues, TimeSeries};
use super::layout::{Entry, Sign, header, legend_rows};
use super::scene::{Area, INK, PALETTE, Rgb, Scene, Stroke, WHITE};
use super::timeline::{draw_series, places};
use super::{PlotError, check, text};

const CHART: &str = "stacked bar chart";
/// Bars narrower than this many pixels stand without gaps.
const NARROW: f64 = 7.0;
/// Colours told apart as areas; beyond them they repeat paler.
const FILLS: [Rgb; 8] = [
    PALETTE[0],
    PALETTE[4],
    PALETTE[2],
    PALETTE[3],
    PALETTE[5],
    PALETTE[1],
    Rgb(0xF0, 0xE4, 0x42),
    Rgb(0x9A, 0x9A, 0x9A),
];

/// Bars over the periods t = 0, 1, …: in every period the positive values are stacked upwards from zero
/// and the negative ones downwards, for example who consumes and who delivers.
///
/// Up to [`Stacked::MOST_SERIES`] series are told apart well; merge the rest into one before.
#[derive(Clone, Debug, PartialEq)]
pub struct Stacked {
    /// Written above the chart.
    pub title: String,
    /// What the values are, for example "quantity".
    pub y_label: String,
    /// Their unit, for example "MW"; may be empty.
    pub y_unit: String,
    /// The series, all of the same length; the first lies next to zero.
    pub series: Vec<NamedValues>,
    /// A line over the bars, such as their sum.
    pub line: Option<TimeSeries>,
}

impl Stacked {
    /// With more series than this colours repeat.
    pub const MOST_SERIES: usize = FILLS.len();

    /// The shapes of the chart.
    pub(super) fn scene(&self) -> Result<Scene, PlotError> {
        self.check()?;
        let mut scene = Scene::new();
        let top = header(&mut scene, &self.title, &[]);
        let top = legend_rows(&mut scene, &self.entries(), top);
        let outer = Area::new(EDGE, top + 4.0, scene.width - 30.0, scene.height - 8.0);
        let layers = self.layers();
        let up = self.range(&layers);
        let periods = self.periods();
        let panel = Panel::within(
            outer,
            |length| Axis::periods(periods, 0.5, length),
            |length| Axis::linear(up, length, Side::Left),
        );
        panel.draw_rows(&mut scene);
        // The outermost layer first: every layer reaches to zero and is covered by the ones inside it.
        for (i, (down, up)) in layers.iter().enumerate().rev() {
            for ends in [down, up] {
                draw_layer(&mut scene, &panel, ends, fill(i));
            }
        }
        let zero = panel.px_y(0.0);
        let across = [(panel.area.left, zero), (panel.area.right, zero)];
        scene.line(&across, Stroke::full(INK, 0.9));
        if let Some(line) = &self.line {
            let halo = Stroke::full(WHITE, 2.0 * self.stroke().width);
            panel.draw_curve(&mut scene, &places(&line.values, line.path), halo);
            draw_series(&mut scene, &panel, line, self.stroke());
        }
        let y_title = text::with_unit(&self.y_label, &self.y_unit, panel.y.exponent);
        panel.draw_axes(&mut scene, Some("period"), &y_title);
        Ok(scene)
    }

    /// Refuses what cannot be drawn.
    fn check(&self) -> Result<(), PlotError> {
        check::some(CHART, "the list of series", self.series.len())?;
        let periods = self.periods();
        check::some(CHART, &self.series[0].name, periods)?;
        for series in &self.series {
            check::length(CHART, &series.name, series.values.len(), periods)?;
            check::drawable(CHART, &series.name, series.values.iter().copied())?;
        }
        for (i, (down, up)) in self.layers().iter().enumerate() {
            let name = format!("the stack up to {}", self.series[i].name);
            check::drawable(CHART, &name, down.iter().chain(up).copied())?;
        }
        if let Some(line) = &self.line {
            check::length(CHART, &line.name, line.values.len(), periods)?;
            check::drawable(CHART, &line.name, line.values.iter().copied())?;
        }
        Ok(())
    }

    /// The number of periods.
    fn periods(&self) -> usize {
        self.series.first().map_or(0, |s| s.values.len())
    }

    /// For every series, the far ends of its pieces below and above zero in every period.
    fn layers(&self) -> Vec<(Vec<f64>, Vec<f64>)> {
        let mut down = vec![0.0; self.periods()];
        let mut up = down.clone();
        let mut layers = Vec::with_capacity(self.series.len());
        for series in &self.series {
            for (t, &value) in series.values.iter().enumerate() {
                down[t] += value.min(0.0);
                up[t] += value.max(0.0);
            }
            layers.push((down.clone(), up.clone()));
        }
        layers
    }

    /// The values shown: zero and the ends of the stacks, with a little room where something ends.
    fn range(&self, layers: &[(Vec<f64>, Vec<f64>)]) -> (f64, f64) {
        let stacks = layers.last().into_iter().flat_map(|(down, up)| down.iter().chain(up));
        let line = self.line.iter().flat_map(|line| &line.values);
        let (low, high) = range(stacks.chain(line).copied().chain([0.0])).unwrap_or((0.0, 1.0));
        let pad = 0.05 * (high - low);
        (if low < 0.0 { low - pad } else { 0.0 }, if high > 0.0 { high + pad } else { 0.0 })
    }

    /// The line over the bars.
    fn stroke(&self) -> Stroke {
        let width = match self.periods() {
            0..=100 => 2.0,
            101..=400 => 1.3,
            _ => 0.9,
        };
        Stroke::full(INK, width)
    }

    /// The legend.
    fn entries(&self) -> Vec<Entry> {
        let patches = self.series.iter().enumerate();
        let patches = patches.map(|(i, s)| Entry::new(Sign::Patch(fill(i)), s.name.as_str()));
        let line = self.line.iter().filter(|line| !line.name.is_empty());
        let line = line.map(|line| Entry::new(Sign::Line(self.stroke()), line.name.as_str()));
        patches.chain(line).collect()
    }
}

/// The colour of the `i`-th series.
fn fill(i: usize) -> Rgb {
    let round = i / FILLS.len();
    FILLS[i % FILLS.len()].tint(0.88 * 0.55_f64.powi(round.min(4) as i32))
}

/// The bars from zero to the given ends: with gaps, or as one area when there is no room for gaps.
fn draw_layer(scene: &mut Scene, panel: &Panel, ends: &[f64], color: Rgb) {
    let zero = panel.px_y(0.0);
    let wide = panel.px_x(1.0) - panel.px_x(0.0);
    let bars = ends.iter().enumerate().map(|(t, &end)| (panel.px_x(t as f64), panel.px_y(end)));
    if wide >= NARROW {
        let half = 0.41 * wide;
        for (x, row) in bars.filter(|(_, row)| (row - zero).abs() > 0.05) {
            scene.rect(&Area::new(x - half, row.min(zero), x + half, row.max(zero)), color);
        }
        return;
    }
    let mut run: Vec<(f64, f64, f64)> = Vec::new();
    for (x, row) in bars {
        if (row - zero).abs() > 0.05 {
            let (top, bottom) = (row.min(zero), row.max(zero));
            run.extend([(x - wide / 2.0, top, bottom), (x + wide / 2.0, top, bottom)]);
        } else {
            scene.ribbon(std::mem::take(&mut run), color);
        }
    }
    scene.ribbon(run, color);
}
