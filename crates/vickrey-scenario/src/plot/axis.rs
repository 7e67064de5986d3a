//! Axes: ranges, ticks and the panel they frame.

use super::scene::{Area, GREY, GRID, INK, Point, SOFT, Scene, Stroke};
use super::text::{self, Anchor};

/// Font size of tick labels.
pub(super) const TICK_SIZE: f64 = 12.5;
/// Font size of axis titles.
pub(super) const LABEL_SIZE: f64 = 13.5;

/// A labelled place on an axis.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tick {
    pub(super) at: f64,
    pub(super) label: String,
}

/// A range with ticks.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    low: f64,
    high: f64,
    log: bool,
    pub(super) ticks: Vec<Tick>,
    minor: Vec<f64>,
    /// Tick labels count in this power of ten.
    pub(super) exponent: i32,
}

/// Whether the axis lies or stands: lying tick labels compete for width, standing ones for height.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Bottom,
    Left,
}

/// The smallest and largest value.
pub(super) fn range(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    values.into_iter().fold(None, |seen, v| match seen {
        None => Some((v, v)),
        Some((low, high)) => Some((low.min(v), high.max(v))),
    })
}

/// A range widened if it is too narrow to be told apart.
fn opened((low, high): (f64, f64)) -> (f64, f64) {
    let size = low.abs().max(high.abs());
    if high - low > 1e-9 * size && high - low > 1e-90 {
        return (low, high);
    }
    let pad = if size > 1e-90 { 0.1 * size } else { 1.0 };
    (low - pad, high + pad)
}

/// A range with a share of its width added at both ends.
pub(super) fn padded(range: (f64, f64), share: f64) -> (f64, f64) {
    let (low, high) = opened(range);
    let pad = share * (high - low);
    (low - pad, high + pad)
}

impl Axis {
    /// A linear axis over the range, with ticks that fit into `length` pixels.
    pub(super) fn linear(range: (f64, f64), length: f64, side: Side) -> Self {
        let (low, high) = opened(range);
        let size = low.abs().max(high.abs());
        let exponent = if (1e-2..1e6).contains(&size) { 0 } else { (size.log10() / 3.0).floor() as i32 * 3 };
        let spacing = if side == Side::Bottom { 92.0 } else { 42.0 };
        let mut wanted = (length / spacing).floor().clamp(2.0, 8.0);
        loop {
            let ticks = linear_ticks(low, high, wanted, exponent);
            if wanted <= 2.0 || fits(&ticks, (low, high), length, side) {
                return Axis { low, high, log: false, ticks, minor: Vec::new(), exponent };
            }
            wanted -= 1.0;
        }
    }

    /// An axis over the periods 0 to `count` − 1 and `reach` beyond both ends, with ticks at whole numbers
    /// that fit into `length` pixels. Horizons of whole dozens are mostly days of hours or shorter slots:
    /// they are cut where such days are.
    pub(super) fn periods(count: usize, reach: f64, length: f64) -> Self {
        let last = count.saturating_sub(1) as f64;
        let (low, high) = (-reach, last + reach);
        let dozens = count.is_multiple_of(12) && count <= 31 * 24;
        let multiples: [usize; 6] = if dozens { [1, 2, 3, 4, 6, 12] } else { [1, 2, 5, 10, 20, 50] };
        let round = if dozens { 24 } else { 100 };
        let steps = (0..).flat_map(|level| multiples.map(|m| m * usize::pow(round, level)));
        let ticks = |step: usize| -> Vec<Tick> {
            let at = (0..count).step_by(step).map(|t| t as f64);
            at.map(|at| Tick { at, label: text::fixed(at, 0) }).collect()
        };
        let roomy = |step: usize| step as f64 * length / (high - low) >= 40.0;
        let fitting = steps
            .take_while(|&step| step <= count)
            .find(|&step| roomy(step) && fits(&ticks(step), (low, high), length, Side::Bottom));
        let ticks = ticks(fitting.unwrap_or(count.max(1)));
        Axis { low, high, log: false, ticks, minor: Vec::new(), exponent: 0 }
    }

    /// An axis without ticks, for groups that are labelled by name.
    pub(super) fn empty() -> Self {
        Axis { low: 0.0, high: 1.0, log: false, ticks: Vec::new(), minor: Vec::new(), exponent: 0 }
    }

    /// A logarithmic axis over a positive range, with ticks that fit into `length` pixels.
    pub(super) fn log(range: (f64, f64), length: f64, side: Side) -> Self {
        let (low, high) = (range.0.log10(), range.1.log10());
        let (low, high) = if high - low < 0.02 { (low - 0.35, high + 0.35) } else { (low, high) };
        let (ticks, minor) = log_ticks(low, high, length, side);
        Axis { low, high, log: true, ticks, minor, exponent: 0 }
    }

    /// Where a value lies, 0 at the low end and 1 at the high end.
    pub(super) fn unit(&self, value: f64) -> f64 {
        let v = if self.log { value.log10() } else { value };
        (v - self.low) / (self.high - self.low)
    }

    /// The width of the widest tick label.
    fn label_width(&self) -> f64 {
        let widths = self.ticks.iter().map(|t| text::width(&t.label, TICK_SIZE));
        widths.fold(0.0, f64::max)
    }

    /// The room needed left of a standing axis with this one's labels.
    pub(super) fn left_room(&self) -> f64 {
        self.label_width() + 12.0 + 1.9 * LABEL_SIZE
    }
}

/// The room needed below a lying axis.
pub(super) const BOTTOM_ROOM: f64 = 52.0;

/// Ticks at round numbers, about `wanted` of them.
fn linear_ticks(low: f64, high: f64, wanted: f64, exponent: i32) -> Vec<Tick> {
    let raw = (high - low) / wanted;
    let power = raw.log10().floor() as i32;
    let choices = [(1.0, 0), (2.0, 0), (2.5, 1), (5.0, 0), (10.0, -1)];
    let base = 10.0_f64.powi(power);
    let fitting = choices.iter().find(|(m, _)| m * base >= raw * 0.8);
    let (multiple, extra) = fitting.copied().unwrap_or((10.0, -1));
    let step = multiple * base;
    let decimals = usize::try_from(exponent - power + extra).unwrap_or(0).min(17);
    let count = ((high - low) / step).ceil() as i64 + 1;
    let first = (low / step - 1e-6).ceil();
    (0..count.clamp(0, 50))
        .map(|i| (first + i as f64) * step)
        .filter(|&at| at <= high + 1e-6 * step)
        .map(|at| Tick { at, label: text::fixed(at / 10.0_f64.powi(exponent), decimals) })
        .collect()
}

/// Whether neighbouring labels keep a distance.
fn fits(ticks: &[Tick], (low, high): (f64, f64), length: f64, side: Side) -> bool {
    let place = |t: &Tick| (t.at - low) / (high - low) * length;
    ticks.windows(2).all(|pair| {
        let gap = place(&pair[1]) - place(&pair[0]);
        let need = match side {
            Side::Left => 1.6 * TICK_SIZE,
            Side::Bottom => {
                let both = text::width(&pair[0].label, TICK_SIZE) + text::width(&pair[1].label, TICK_SIZE);
                both / 2.0 + 14.0
            }
        };
        gap >= need
    })
}

/// Ticks of a logarithmic axis between the decimal logarithms `low` and `high`, and its minor places.
fn log_ticks(low: f64, high: f64, length: f64, side: Side) -> (Vec<Tick>, Vec<f64>) {
    let (first, last) = (low.floor() as i32, high.ceil() as i32);
    let inside = |v: f64| (low - 1e-9..=high + 1e-9).contains(&v.log10());
    let powers = |steps: &[f64]| -> Vec<f64> {
        let all = (first..=last).flat_map(|e| steps.iter().map(move |m| m * 10.0_f64.powi(e)));
        all.filter(|&v| inside(v)).collect()
    };
    let digits: Vec<f64> = (1..10).map(f64::from).collect();
    let minor = if last - first <= 8 { powers(&digits) } else { Vec::new() };
    let plain = low >= -3.001 && high <= 4.001;
    let label = |v: f64| log_label(v, plain);
    let as_ticks = |values: Vec<f64>| -> Vec<Tick> {
        let logs = values.into_iter();
        logs.map(|at| Tick { at, label: label(at) }).collect()
    };
    let in_logs = |ticks: &[Tick]| {
        let moved = ticks.iter().map(|t| Tick { at: t.at.log10(), label: t.label.clone() });
        fits(&moved.collect::<Vec<_>>(), (low, high), length, side)
    };
    let decades = powers(&[1.0]);
    if decades.len() < 3 {
        for steps in [&[1.0, 2.0, 3.0, 4.0, 6.0, 8.0][..], &[1.0, 2.0, 5.0], &[1.0, 3.0]] {
            let ticks = as_ticks(powers(steps));
            if ticks.len() >= 2 && in_logs(&ticks) {
                return (ticks, minor);
            }
        }
        if decades.len() < 2 {
            let linear = linear_ticks(10.0_f64.powf(low), 10.0_f64.powf(high), 4.0, 0);
            let ticks = linear.into_iter().filter(|t| t.at > 0.0);
            return (ticks.collect(), Vec::new());
        }
    }
    let mut stride = 1;
    loop {
        let kept = decades.iter().copied();
        let kept = kept.filter(|v| v.log10().round() as i32 % stride == 0);
        let ticks = as_ticks(kept.collect());
        if ticks.len() <= 2 || in_logs(&ticks) {
            return (ticks, minor);
        }
        stride += 1;
    }
}

/// A label on a logarithmic axis: plain numbers on short axes, else powers of ten.
fn log_label(value: f64, plain: bool) -> String {
    let exponent = value.log10().round();
    let is_power = (value.log10() - exponent).abs() < 1e-9;
    if is_power && !plain {
        return format!("10{}", text::superscript(exponent as i32));
    }
    text::short(value, 6)
}

/// The line at a minor place of an axis.
fn faint() -> Stroke {
    Stroke::full(GRID.tint(0.55), 0.7)
}

/// The line at a tick.
fn light() -> Stroke {
    Stroke::full(GRID, 0.9)
}

/// The left edge of every chart's outer frame.
pub(super) const EDGE: f64 = 16.0;

/// A frame with a horizontal and a vertical axis.
#[derive(Clone, Debug)]
pub(super) struct Panel {
    pub(super) area: Area,
    pub(super) x: Axis,
    pub(super) y: Axis,
}

impl Panel {
    /// A panel filling `outer` after room for tick labels and axis titles is taken off. The axes are
    /// built by the callers' functions, which get the length in pixels.
    pub(super) fn within(outer: Area, x: impl Fn(f64) -> Axis, y: impl Fn(f64) -> Axis) -> Self {
        let bottom = outer.bottom - BOTTOM_ROOM;
        let y = y(bottom - outer.top);
        let left = outer.left + y.left_room();
        Panel { area: Area::new(left, outer.top, outer.right, bottom), x: x(outer.right - left), y }
    }

    /// The pixel of a data point.
    pub(super) fn px(&self, (x, y): Point) -> Point {
        (self.px_x(x), self.px_y(y))
    }

    /// The pixel column of a value.
    pub(super) fn px_x(&self, x: f64) -> f64 {
        self.area.left + self.x.unit(x) * self.area.width()
    }

    /// The pixel row of a value.
    pub(super) fn px_y(&self, y: f64) -> f64 {
        self.area.bottom - self.y.unit(y) * self.area.height()
    }

    /// Whether a data point falls inside the frame.
    pub(super) fn shows(&self, at: Point) -> bool {
        self.area.grown(0.5).holds(self.px(at))
    }

    /// A data line in pixels.
    pub(super) fn trace(&self, points: &[Point]) -> Vec<Point> {
        points.iter().map(|&p| self.px(p)).collect()
    }

    /// A data line, or a dot when it has a single point.
    pub(super) fn draw_curve(&self, scene: &mut Scene, points: &[Point], stroke: Stroke) {
        if let [only] = points {
            if self.shows(*only) {
                scene.disc(self.px(*only), 3.5, stroke.color);
            }
            return;
        }
        scene.line_in(&self.area, &self.trace(points), stroke);
    }

    /// Light lines at the ticks.
    pub(super) fn draw_grid(&self, scene: &mut Scene) {
        self.draw_rows(scene);
        self.draw_columns(scene);
    }

    /// Light lying lines at the ticks.
    pub(super) fn draw_rows(&self, scene: &mut Scene) {
        let a = self.area;
        let rows = self.y.minor.iter().map(|&y| (y, faint()));
        for (y, stroke) in rows.chain(self.y.ticks.iter().map(|t| (t.at, light()))) {
            let y = self.px_y(y);
            scene.line(&[(a.left, y), (a.right, y)], stroke);
        }
    }

    /// Light upright lines at the ticks.
    pub(super) fn draw_columns(&self, scene: &mut Scene) {
        let a = self.area;
        let columns = self.x.minor.iter().map(|&x| (x, faint()));
        for (x, stroke) in columns.chain(self.x.ticks.iter().map(|t| (t.at, light()))) {
            let x = self.px_x(x);
            scene.line(&[(x, a.top), (x, a.bottom)], stroke);
        }
    }

    /// A line at y = 0 when that is inside the range.
    pub(super) fn draw_zero(&self, scene: &mut Scene) {
        let y = self.px_y(0.0);
        if y >= self.area.top && y <= self.area.bottom {
            let ends = [(self.area.left, y), (self.area.right, y)];
            scene.line(&ends, Stroke::full(GREY, 1.1));
        }
    }

    /// Frame lines, tick marks and labels; without an x title the x labels are left out too. An empty y
    /// title is not written.
    pub(super) fn draw_axes(&self, scene: &mut Scene, x_title: Option<&str>, y_title: &str) {
        let a = self.area;
        let thin = Stroke::full(INK, 0.9);
        scene.line(&[(a.left, a.top), (a.left, a.bottom), (a.right, a.bottom)], thin);
        for tick in &self.y.ticks {
            let y = self.px_y(tick.at);
            scene.line(&[(a.left - 4.0, y), (a.left, y)], thin);
            let at = (a.left - 8.0, y + 0.36 * TICK_SIZE);
            scene.text(&tick.label, at, TICK_SIZE, SOFT, Anchor::End);
        }
        if !y_title.is_empty() {
            let column = EDGE + 1.4 * LABEL_SIZE;
            let title = text::fitted(y_title, LABEL_SIZE, a.height() + 40.0);
            scene.text_up(&title, (column, (a.top + a.bottom) / 2.0), LABEL_SIZE, INK);
        }
        for tick in &self.x.ticks {
            let x = self.px_x(tick.at);
            scene.line(&[(x, a.bottom), (x, a.bottom + 4.0)], thin);
            if x_title.is_some() {
                let at = (x, a.bottom + 8.0 + TICK_SIZE);
                scene.text(&tick.label, at, TICK_SIZE, SOFT, Anchor::Middle);
            }
        }
        if let Some(title) = x_title {
            let title = text::fitted(title, LABEL_SIZE, a.width() + 60.0);
            let at = ((a.left + a.right) / 2.0, a.bottom + 43.0);
            scene.text(&title, at, LABEL_SIZE, INK, Anchor::Middle);
        }
    }
}
