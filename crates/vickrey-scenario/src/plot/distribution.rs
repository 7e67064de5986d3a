//! Histograms of samples, one above the other.

use super::axis::{Axis, BOTTOM_ROOM, EDGE, LABEL_SIZE, Panel, Side, padded, range};
use super::data::{Mark, NamedValues};
use super::layout::{Entry, NOTE_SIZE, STRIP, Sign, Tag, header, legend_rows, write_tags};
use super::scene::{Area, GREY, INK, PALETTE, Rgb, SOFT, Scene, Stroke};
use super::text::{self, Anchor};
use super::{PlotError, check};

const CHART: &str = "distribution chart";
/// More samples than this are not drawn.
const MOST_SAMPLES: usize = 6;
const ABOVE: Rgb = PALETTE[0];
const BELOW: Rgb = PALETTE[1];
/// How strongly bars are coloured.
const FILL: f64 = 0.72;
/// Width of the column of notes on the right.
const COLUMN: f64 = 196.0;
/// Height of a line of notes.
const LINE: f64 = 17.0;
/// Values farther than this many interquartile ranges from the quartiles are not shown.
const FAR: f64 = 4.0;

/// Histograms of one or several samples on the same horizontal axis, for example of the budget over
/// seeds, one row per way to pay.
///
/// Every row marks its mean and its quantiles, and says how large the share below zero is. Zero is always
/// an edge between two bars. A few values very far from the rest are left out of the picture and counted
/// in a note; means, quantiles and shares are those of the whole sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Distribution {
    /// Written above the chart.
    pub title: String,
    /// What the values are, for example "budget".
    pub x_label: String,
    /// Their unit, for example "$"; may be empty.
    pub x_unit: String,
    /// What a value stands for, in the plural, for example "runs".
    pub counted: String,
    /// The samples, one row each; the first six are drawn.
    pub samples: Vec<NamedValues>,
    /// Which quantiles are marked, for example 0.05 and 0.95; each between 0 and 1.
    pub quantiles: Vec<f64>,
    /// Further marks, in every row.
    pub marks: Vec<Mark>,
    /// What a value below zero is called, for example "deficit"; when empty, zero is not told apart.
    pub below_zero: String,
    /// Values closer to zero than this, at least 0, count as zero: rounding noise of a balanced budget is
    /// no deficit.
    pub tolerance: f64,
}

/// What is drawn of one sample.
struct Row<'a> {
    name: &'a str,
    /// The values in rising order, those within the tolerance set to zero.
    sorted: Vec<f64>,
    mean: f64,
    deviation: f64,
    /// The share below zero.
    below: f64,
}

/// Bars of equal width over the values shown; the `i`-th starts at (first + i) times the width.
struct Bins {
    width: f64,
    first: f64,
    count: usize,
}

impl Distribution {
    /// The shapes of the chart.
    pub(super) fn scene(&self) -> Result<Scene, PlotError> {
        self.check()?;
        let rows: Vec<Row<'_>> = self.samples.iter().take(MOST_SAMPLES).map(|s| self.row(s)).collect();
        let window = self.window(&rows);
        let mut scene = Scene::new();
        let top = header(&mut scene, &self.title, &self.notes(&rows, window));
        let top = legend_rows(&mut scene, &self.entries(), top) + 2.0;
        let bins = Bins::over(window, &rows);
        let counts: Vec<Vec<f64>> = rows.iter().map(|row| bins.percentages(&row.sorted)).collect();
        let panels = self.panels(&scene, top, &bins, window, &counts);
        for (i, (row, panel)) in rows.iter().zip(&panels).enumerate() {
            panel.draw_grid(&mut scene);
            self.draw_bars(&mut scene, panel, &bins, &counts[i]);
            let x_title = text::with_unit(&self.x_label, &self.x_unit, panel.x.exponent);
            let last = i + 1 == panels.len();
            panel.draw_axes(&mut scene, last.then_some(x_title.as_str()), "");
            self.draw_marks(&mut scene, panel, row);
            self.draw_notes(&mut scene, panel, row);
        }
        if let (Some(first), Some(last)) = (panels.first(), panels.last()) {
            let middle = (first.area.top + last.area.bottom) / 2.0;
            let title = format!("share of {} (%)", self.counted());
            let title = text::fitted(&title, LABEL_SIZE, last.area.bottom - first.area.top + 40.0);
            scene.text_up(&title, (EDGE + 1.4 * LABEL_SIZE, middle), LABEL_SIZE, INK);
        }
        Ok(scene)
    }

    /// Refuses what cannot be drawn.
    fn check(&self) -> Result<(), PlotError> {
        check::some(CHART, "the list of samples", self.samples.len())?;
        for sample in &self.samples {
            check::some(CHART, &sample.name, sample.values.len())?;
            check::drawable(CHART, &sample.name, sample.values.iter().copied())?;
        }
        let share = |v: f64| (0.0..=1.0).contains(&v);
        check::within(CHART, "quantiles", self.quantiles.iter().copied(), "between 0 and 1", share)?;
        check::drawable(CHART, "marks", self.marks.iter().map(|m| m.at))?;
        check::drawable(CHART, "tolerance", [self.tolerance])?;
        check::within(CHART, "tolerance", [self.tolerance], "at least 0", |v| v >= 0.0)
    }

    /// What a value stands for.
    fn counted(&self) -> &str {
        if self.counted.trim().is_empty() { "values" } else { self.counted.trim() }
    }

    /// Whether values below zero are told apart.
    fn splits(&self) -> bool {
        !self.below_zero.trim().is_empty()
    }

    /// Orders and measures a sample.
    fn row<'a>(&self, sample: &'a NamedValues) -> Row<'a> {
        let snapped = |&v: &f64| if v.abs() <= self.tolerance { 0.0 } else { v };
        let mut sorted: Vec<f64> = sample.values.iter().map(snapped).collect();
        sorted.sort_by(f64::total_cmp);
        let count = sorted.len() as f64;
        // Rounding must not carry the mean of equal values away from them.
        let mean = sorted.iter().map(|v| v / count).sum::<f64>();
        let mean = mean.max(sorted[0]).min(sorted[sorted.len() - 1]);
        let spread = sorted.iter().map(|v| (v - mean).powi(2) / (count - 1.0).max(1.0));
        let below = sorted.iter().filter(|&&v| v < 0.0).count() as f64 / count;
        Row { name: &sample.name, deviation: spread.sum::<f64>().sqrt(), sorted, mean, below }
    }

    /// The values shown: those not far from the middle of any sample, the marks, and zero if it is near.
    fn window(&self, rows: &[Row<'_>]) -> (f64, f64) {
        let ends = rows.iter().flat_map(|row| row.near());
        let means = rows.iter().map(|row| row.mean);
        let marks = self.marks.iter().map(|m| m.at);
        let (low, high) = range(ends.chain(means).chain(marks)).unwrap_or((0.0, 1.0));
        let zero = self.splits() && low.max(-high) <= 0.4 * (high - low);
        range([low, high].into_iter().chain(zero.then_some(0.0))).unwrap_or((low, high))
    }

    /// What is said about samples and values left out.
    fn notes(&self, rows: &[Row<'_>], (low, high): (f64, f64)) -> Vec<String> {
        let mut notes = Vec::new();
        if self.samples.len() > rows.len() {
            notes.push(format!("The first {} of {} samples.", rows.len(), self.samples.len()));
        }
        let all: usize = rows.iter().map(|row| row.sorted.len()).sum();
        let far = rows.iter().flat_map(|row| &row.sorted).filter(|&&v| v < low || v > high).count();
        if far > 0 {
            let verbs = if far == 1 { ("lies", "is") } else { ("lie", "are") };
            let all = text::fixed(all as f64, 0);
            notes.push(format!("{far} of {all} values {} far outside and {} not shown.", verbs.0, verbs.1));
        }
        notes
    }

    /// The legend.
    fn entries(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        if self.splits() {
            let label = format!("{} (below zero)", self.below_zero.trim());
            entries.push(Entry::new(Sign::Patch(BELOW.tint(FILL)), label));
            entries.push(Entry::new(Sign::Patch(ABOVE.tint(FILL)), "zero or more"));
        }
        entries.push(Entry::new(Sign::Line(mean_stroke()), "mean"));
        if !self.quantiles.is_empty() {
            entries.push(Entry::new(Sign::Line(quantile_stroke()), "quantiles"));
        }
        entries
    }

    /// The frames, one above the other with the same horizontal axis.
    fn panels(
        &self,
        scene: &Scene,
        top: f64,
        bins: &Bins,
        window: (f64, f64),
        counts: &[Vec<f64>],
    ) -> Vec<Panel> {
        let bottom = scene.height - 8.0 - BOTTOM_ROOM;
        let high = (bottom - top) / counts.len() as f64;
        let length = high - STRIP - 6.0;
        let most = |row: &Vec<f64>| row.iter().copied().fold(0.0, f64::max);
        let axes: Vec<Axis> =
            counts.iter().map(|row| Axis::linear((0.0, 1.06 * most(row)), length, Side::Left)).collect();
        let left = EDGE + axes.iter().map(Axis::left_room).fold(0.0, f64::max);
        let right = scene.width - 16.0 - COLUMN - 22.0;
        let ends = [bins.edge(0), bins.edge(bins.count), window.0, window.1];
        let across = padded(range(ends).unwrap_or(window), 0.015);
        let x = Axis::linear(across, right - left, Side::Bottom);
        let place = |(i, y): (usize, Axis)| {
            let foot = bottom - (counts.len() - 1 - i) as f64 * high;
            Panel { area: Area::new(left, foot - length, right, foot), x: x.clone(), y }
        };
        axes.into_iter().enumerate().map(place).collect()
    }

    /// The histogram.
    fn draw_bars(&self, scene: &mut Scene, panel: &Panel, bins: &Bins, shares: &[f64]) {
        let floor = panel.area.bottom;
        for (i, &share) in shares.iter().enumerate().filter(|(_, share)| **share > 0.0) {
            let (from, to) = (panel.px_x(bins.edge(i)), panel.px_x(bins.edge(i + 1)));
            let gap = if to - from > 6.0 { 0.5 } else { 0.0 };
            let color = if self.splits() && bins.first + (i as f64) < -0.5 { BELOW } else { ABOVE };
            // Less than a pixel would not be seen.
            let head = panel.px_y(share).min(floor - 1.0);
            scene.rect(&Area::new(from + gap, head, to - gap, floor), color.tint(FILL));
        }
        let zero = panel.px_x(0.0);
        if zero >= panel.area.left && zero <= panel.area.right {
            scene.line(&[(zero, panel.area.top), (zero, floor)], Stroke::full(INK, 1.2));
        }
    }

    /// Upright lines at the mean, the quantiles and the further marks, with their labels.
    fn draw_marks(&self, scene: &mut Scene, panel: &Panel, row: &Row<'_>) {
        let mut tags: Vec<(f64, String, Stroke)> = Vec::new();
        for &q in &self.quantiles {
            tags.push((row.quantile(q), percent(q), quantile_stroke()));
        }
        for mark in &self.marks {
            tags.push((mark.at, mark.label.clone(), Stroke::dashed(GREY, 1.3)));
        }
        tags.push((row.mean, "mean".to_owned(), mean_stroke()));
        let area = panel.area;
        let mut placed = Vec::new();
        for (at, label, stroke) in tags {
            let x = panel.px_x(at);
            if x >= area.left - 0.5 && x <= area.right + 0.5 {
                scene.line(&[(x, area.top), (x, area.bottom)], stroke);
                let color = if stroke == mean_stroke() { INK } else { SOFT };
                placed.push(Tag { x, label, color });
            }
        }
        write_tags(scene, &placed, &area);
    }

    /// Name and figures of a sample beside its row, the most telling first, as many as there is room for.
    fn draw_notes(&self, scene: &mut Scene, panel: &Panel, row: &Row<'_>) {
        let mut lines = vec![(row.name.to_owned(), INK)];
        if self.splits() {
            let share = text::quantity(&rounded_share(row.below), &format!("of {}", self.counted()));
            lines.push((format!("{} in {share}", self.below_zero.trim()), BELOW));
        }
        let amount = |v: f64| text::quantity(&text::short(v, 4), &self.x_unit);
        lines.push((format!("mean {}", amount(row.mean)), SOFT));
        lines.push((format!("std. deviation {}", amount(row.deviation)), SOFT));
        for &q in &self.quantiles {
            lines.push((format!("{} quantile {}", percent(q), amount(row.quantile(q))), SOFT));
        }
        lines.push((format!("{} {}", text::fixed(row.sorted.len() as f64, 0), self.counted()), SOFT));
        let x = panel.area.right + 22.0;
        let room = ((panel.area.height() + 20.0) / LINE).floor().max(2.0) as usize;
        for (i, (line, color)) in lines.iter().filter(|(line, _)| !line.is_empty()).take(room).enumerate() {
            let line = text::fitted(line, NOTE_SIZE, COLUMN);
            let at = (x, panel.area.top - 8.0 + LINE * i as f64);
            scene.text(&line, at, NOTE_SIZE, *color, Anchor::Start);
        }
    }
}

impl Row<'_> {
    /// The value below which the share `q` of the sample lies, interpolated between neighbours.
    fn quantile(&self, q: f64) -> f64 {
        let last = self.sorted.len() - 1;
        let place = q * last as f64;
        let below = (place.floor() as usize).min(last);
        let (a, b) = (self.sorted[below], self.sorted[(below + 1).min(last)]);
        a + (place - below as f64) * (b - a)
    }

    /// The distance between the quartiles.
    fn quartile_range(&self) -> f64 {
        self.quantile(0.75) - self.quantile(0.25)
    }

    /// The smallest and the largest value that are not far from the quartiles.
    fn near(&self) -> [f64; 2] {
        let reach = FAR * self.quartile_range();
        let (low, high) = (self.sorted[0], self.sorted[self.sorted.len() - 1]);
        if reach <= 0.0 {
            return [low, high];
        }
        let (from, to) = (self.quantile(0.25) - reach, self.quantile(0.75) + reach);
        let first = self.sorted.partition_point(|&v| v < from);
        let after = self.sorted.partition_point(|&v| v <= to);
        [self.sorted[first], self.sorted[after - 1]]
    }
}

impl Bins {
    /// Bars over the window, as wide as Freedman and Diaconis propose for the sample that needs the finest
    /// ones, rounded to a round number, at least a few and not too many.
    fn over(window: (f64, f64), rows: &[Row<'_>]) -> Self {
        let (low, high) = padded(window, 0.0);
        let proposed = rows.iter().map(|row| {
            let wide = 2.0 * row.quartile_range() / (row.sorted.len() as f64).cbrt();
            if wide > 0.0 { wide } else { f64::INFINITY }
        });
        let finest = proposed.fold(f64::INFINITY, f64::min);
        let width = rounded(finest.clamp((high - low) / 100.0, (high - low) / 12.0));
        let first = (window.0 / width + 1e-9).floor();
        let last = (window.1 / width + 1e-9).floor();
        Bins { width, first, count: (last - first).clamp(0.0, 500.0) as usize + 1 }
    }

    /// The lower edge of the `i`-th bar.
    fn edge(&self, i: usize) -> f64 {
        (self.first + i as f64) * self.width
    }

    /// The share of the values in every bar, in percent of all values.
    fn percentages(&self, values: &[f64]) -> Vec<f64> {
        let mut shares = vec![0.0; self.count];
        for value in values {
            // A value on an edge, up to rounding, belongs above it; what is below zero stays below.
            let slot = (value / self.width + 1e-9).floor();
            let slot = if *value < 0.0 { slot.min(-1.0) } else { slot } - self.first;
            if slot >= 0.0 && slot < self.count as f64 {
                shares[slot as usize] += 100.0 / values.len() as f64;
            }
        }
        shares
    }
}

/// The next round number, from 1, 2, 2.5 and 5 times powers of ten.
fn rounded(width: f64) -> f64 {
    let base = 10.0_f64.powf(width.log10().floor());
    let fitting = [1.0, 2.0, 2.5, 5.0].into_iter().find(|m| m * base >= 0.999 * width);
    fitting.unwrap_or(10.0) * base
}

/// A number in percent.
fn percent(share: f64) -> String {
    format!("{} %", text::short(100.0 * share, 4))
}

/// A share in percent, never rounded to none or all of something.
fn rounded_share(share: f64) -> String {
    match share {
        s if s > 0.0 && s < 0.001 => "under 0.1 %".to_owned(),
        s if s > 0.999 && s < 1.0 => "over 99.9 %".to_owned(),
        s => format!("{} %", text::short(100.0 * s, 3)),
    }
}

/// The line at the mean.
fn mean_stroke() -> Stroke {
    Stroke::full(INK, 1.9)
}

/// The line at a quantile.
fn quantile_stroke() -> Stroke {
    Stroke::dotted(INK, 1.3)
}
