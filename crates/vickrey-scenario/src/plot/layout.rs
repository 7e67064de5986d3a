//! Title, notes, legends and collision-free labels.

use super::scene::{Area, GREY, INK, Marker, PALETTE, Point, Rgb, SOFT, Scene, Stroke, WHITE, series_color};
use super::text::{self, Anchor};

/// Font size of legends and notes.
pub(super) const NOTE_SIZE: f64 = 12.5;
const TITLE_SIZE: f64 = 17.0;
const SIDE: f64 = 24.0;
const ROW: f64 = 20.0;
const GLYPH: f64 = 30.0;
/// More legend entries than this are not written.
const MOST_ENTRIES: usize = 24;

/// Writes the title and the notes under it; answers the first free row below.
pub(super) fn header(scene: &mut Scene, title: &str, notes: &[String]) -> f64 {
    let room = scene.width - 2.0 * SIDE;
    let natural = text::width(title, TITLE_SIZE).max(1.0);
    let size = (TITLE_SIZE * room / natural).clamp(11.5, TITLE_SIZE);
    let title = text::fitted(title, size, room);
    scene.text(&title, (SIDE, 34.0), size, INK, Anchor::Start);
    let mut y = 34.0;
    for note in notes {
        y += 19.0;
        let note = text::fitted(note, NOTE_SIZE, room);
        scene.text(&note, (SIDE, y), NOTE_SIZE, SOFT, Anchor::Start);
    }
    y + 14.0
}

/// The sign before a legend entry.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Sign {
    Line(Stroke),
    Marked(Stroke, Marker),
    Marker(Marker, Rgb),
    Patch(Rgb),
    Nothing,
}

/// A legend entry.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) sign: Sign,
    pub(super) label: String,
}

impl Entry {
    /// An entry from its sign and text.
    pub(super) fn new(sign: Sign, label: impl Into<String>) -> Self {
        Entry { sign, label: label.into() }
    }
}

/// Draws one entry with its text starting `GLYPH` to the right of `x`.
fn draw_entry(scene: &mut Scene, entry: &Entry, (x, y): Point, room: f64) {
    let middle = (x + 11.0, y - 0.34 * NOTE_SIZE);
    let bar = [(x, middle.1), (x + 22.0, middle.1)];
    match entry.sign {
        Sign::Line(stroke) => scene.line(&bar, stroke),
        Sign::Marked(stroke, marker) => {
            scene.line(&bar, stroke);
            scene.marker(marker, middle, 4.0, stroke.color);
        }
        Sign::Marker(marker, color) => scene.marker(marker, middle, 4.5, color),
        Sign::Nothing => {}
        Sign::Patch(color) => {
            let patch = Area::new(x, middle.1 - 6.0, x + 22.0, middle.1 + 6.0);
            scene.rect(&patch, color);
        }
    }
    let label = text::fitted(&entry.label, NOTE_SIZE, room);
    scene.text(&label, (x + GLYPH, y), NOTE_SIZE, INK, Anchor::Start);
}

/// A legend in rows across the page, starting below `top`; answers the first free row below it. When one
/// row is not enough the entries stand in columns; beyond `MOST_ENTRIES` the rest is only counted.
pub(super) fn legend_rows(scene: &mut Scene, entries: &[Entry], top: f64) -> f64 {
    let mut shown: Vec<Entry> = entries.iter().take(MOST_ENTRIES).cloned().collect();
    if entries.len() > shown.len() {
        let rest = format!("and {} more", entries.len() - shown.len());
        shown.push(Entry::new(Sign::Nothing, rest));
    }
    if shown.is_empty() {
        return top;
    }
    let (most, gap) = (260.0, 26.0);
    let widths: Vec<f64> =
        shown.iter().map(|e| GLYPH + text::width(&e.label, NOTE_SIZE).min(most) + gap).collect();
    let right = scene.width - SIDE + gap;
    let one_row = SIDE + widths.iter().sum::<f64>() <= right;
    let widest = widths.iter().copied().fold(0.0, f64::max);
    let (mut x, mut y) = (SIDE, top + 13.0);
    for (entry, width) in shown.iter().zip(widths) {
        let cell = if one_row { width } else { widest };
        if x > SIDE && x + cell > right + 0.1 {
            x = SIDE;
            y += ROW;
        }
        draw_entry(scene, entry, (x, y), most);
        x += cell;
    }
    y + 12.0
}

/// A legend in a column of the given width; answers the first free row below it.
pub(super) fn legend_column(scene: &mut Scene, entries: &[Entry], at: Point, wide: f64) -> f64 {
    let mut y = at.1;
    for entry in entries {
        draw_entry(scene, entry, (at.0, y), wide - GLYPH);
        y += ROW;
    }
    y
}

/// What labels must not cover.
#[derive(Clone, Debug, Default)]
pub(super) struct Clutter {
    boxes: Vec<Area>,
    lines: Vec<(Point, Point)>,
    labels: Vec<Area>,
    leads: Vec<(Point, Point)>,
}

impl Clutter {
    /// Nothing yet.
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Adds a rectangle.
    pub(super) fn add_box(&mut self, area: Area) {
        self.boxes.push(area);
    }

    /// Adds a marker.
    pub(super) fn add_dot(&mut self, (x, y): Point, r: f64) {
        self.boxes.push(Area::new(x - r, y - r, x + r, y + r));
    }

    /// Adds a line.
    pub(super) fn add_line(&mut self, points: &[Point]) {
        self.lines.extend(points.windows(2).map(|p| (p[0], p[1])));
    }

    /// Adds a label that lines leading to other labels must not cross either.
    pub(super) fn add_label(&mut self, area: Area) {
        self.boxes.push(area);
        self.labels.push(area);
    }

    /// Adds a line leading to a label.
    pub(super) fn add_lead(&mut self, from: Point, to: Point) {
        self.leads.push((from, to));
    }

    /// Whether a label on this rectangle, with a line leading to it, touches neither boxes nor other
    /// labels and their lines.
    pub(super) fn free(&self, area: &Area, lead: (Point, Point)) -> bool {
        let on_box = self.boxes.iter().any(|b| b.overlaps(area));
        let over = self.labels.iter().any(|l| l.clip(lead.0, lead.1).is_some());
        let under = self.leads.iter().any(|l| area.clip(l.0, l.1).is_some());
        !on_box && !over && !under
    }

    /// How bad a label on this rectangle would be; 0 when it covers nothing.
    pub(super) fn cost(&self, area: &Area) -> f64 {
        let covered = self.boxes.iter().filter(|b| b.overlaps(area)).count() as f64;
        let crossed: f64 = self
            .lines
            .iter()
            .filter_map(|&(a, b)| area.clip(a, b))
            .map(|(a, b)| (b.0 - a.0).hypot(b.1 - a.1) + 4.0)
            .sum();
        200.0 * covered + crossed
    }
}

/// Places around a point, the best liked first: the offset of the text's baseline point and its anchor.
pub(super) fn around(at: Point, gap: f64, size: f64) -> Vec<(Point, Anchor)> {
    let (x, y) = at;
    let (up, mid, down) = (y - gap, y + 0.34 * size, y + gap + 0.76 * size);
    let slant = 0.7 * gap;
    vec![
        ((x + gap, mid), Anchor::Start),
        ((x - gap, mid), Anchor::End),
        ((x, up), Anchor::Middle),
        ((x, down), Anchor::Middle),
        ((x + slant, y - slant), Anchor::Start),
        ((x - slant, y - slant), Anchor::End),
        ((x + slant, y + slant + 0.76 * size), Anchor::Start),
        ((x - slant, y + slant + 0.76 * size), Anchor::End),
    ]
}

/// Writes the label beside the straight line between the two points, where it covers least inside `frame`.
pub(super) fn label_along(
    scene: &mut Scene,
    clutter: &mut Clutter,
    frame: &Area,
    [a, b]: [Point; 2],
    label: &str,
) {
    let label = text::fitted(label, NOTE_SIZE, 0.6 * frame.width());
    let mut best: Option<(f64, Area, Point, Anchor)> = None;
    for t in [0.85, 0.15, 0.75, 0.25, 0.65, 0.5, 0.35, 0.92, 0.08] {
        let on = (a.0 + t * (b.0 - a.0), a.1 + t * (b.1 - a.1));
        for (place, anchor) in around(on, 10.0, NOTE_SIZE) {
            let area = text::extent(&label, place, NOTE_SIZE, anchor);
            let own = if area.grown(2.0).clip(a, b).is_some() { 60.0 } else { 0.0 };
            let outside = if frame.encloses(&area) { 0.0 } else { 1e5 };
            let cost = clutter.cost(&area.grown(3.0)) + own + outside;
            if best.is_none_or(|(least, ..)| cost < least) {
                best = Some((cost, area, place, anchor));
            }
        }
    }
    clutter.add_line(&[a, b]);
    if let Some((_, area, place, anchor)) = best {
        scene.rect(&area.grown(1.0), WHITE);
        scene.text(&label, place, NOTE_SIZE, SOFT, anchor);
        clutter.add_box(area);
    }
}

/// Height of the strip above a frame that holds the labels of upright lines.
pub(super) const STRIP: f64 = 26.0;

/// The label of an upright line.
#[derive(Clone, Debug)]
pub(super) struct Tag {
    /// The pixel column of the line.
    pub(super) x: f64,
    pub(super) label: String,
    pub(super) color: Rgb,
}

/// Writes labels in a row above the frame, each as near to its line as its neighbours allow, with a short
/// line leading down to it. Labels that are too wide together are shortened.
pub(super) fn write_tags(scene: &mut Scene, tags: &[Tag], frame: &Area) {
    const GAP: f64 = 10.0;
    let mut order: Vec<&Tag> = tags.iter().filter(|tag| !tag.label.is_empty()).collect();
    order.sort_by(|a, b| a.x.total_cmp(&b.x));
    let (left, right) = (frame.left - 30.0, frame.right + 14.0);
    let natural: Vec<f64> = order.iter().map(|tag| text::width(&tag.label, NOTE_SIZE)).collect();
    let room = right - left - GAP * order.len() as f64;
    let most = widest_fitting(&natural, room);
    let labels: Vec<String> = order.iter().map(|tag| text::fitted(&tag.label, NOTE_SIZE, most)).collect();
    let cells: Vec<f64> = labels.iter().map(|label| text::width(label, NOTE_SIZE) + GAP).collect();
    let columns: Vec<f64> = order.iter().map(|tag| tag.x).collect();
    let middles = spread(&columns, &cells, (left, right));
    for ((tag, label), middle) in order.iter().zip(&labels).zip(middles) {
        let row = frame.top - 11.0;
        scene.line(&[(middle, row + 3.5), (tag.x, frame.top)], Stroke::full(GREY, 0.8));
        scene.text(label, (middle, row), NOTE_SIZE, tag.color, Anchor::Middle);
    }
}

/// The width to which labels must be cut so that together they take at most `room`.
fn widest_fitting(widths: &[f64], room: f64) -> f64 {
    let mut sorted = widths.to_vec();
    sorted.sort_by(f64::total_cmp);
    let mut left = room;
    for (i, &width) in sorted.iter().enumerate() {
        let share = left / (sorted.len() - i) as f64;
        if width > share {
            return share.max(0.0);
        }
        left -= width;
    }
    f64::INFINITY
}

/// Middles of cells of the given widths, in the order of their wished-for middles, without overlap and as
/// near to the wishes as possible: neighbours that would overlap form a block around their mean wish.
pub(super) fn spread(wishes: &[f64], widths: &[f64], (left, right): (f64, f64)) -> Vec<f64> {
    // A block: where it begins, how wide it is, how many cells it has, and the sum of the beginnings they
    // want.
    let mut blocks: Vec<(f64, f64, usize, f64)> = Vec::new();
    let begin = |wanted: f64, wide: f64| wanted.min(right - wide).max(left);
    for (wish, width) in wishes.iter().zip(widths) {
        let wanted = wish - width / 2.0;
        let mut block = (begin(wanted, *width), *width, 1, wanted);
        while let Some(before) = blocks.pop_if(|b| b.0 + b.1 > block.0) {
            let count = before.2 + block.2;
            let sum = before.3 + block.3 - block.2 as f64 * before.1;
            let wide = before.1 + block.1;
            block = (begin(sum / count as f64, wide), wide, count, sum);
        }
        blocks.push(block);
    }
    let mut middles = Vec::with_capacity(widths.len());
    let mut rest = widths.iter();
    for (start, _, count, _) in blocks {
        let mut x = start;
        for width in rest.by_ref().take(count) {
            middles.push(x + width / 2.0);
            x += width;
        }
    }
    middles
}

/// The line of the `i`-th of several series: full in every colour, then dashed.
pub(super) fn series_stroke(i: usize, width: f64) -> Stroke {
    let color = series_color(i);
    if i < PALETTE.len() { Stroke::full(color, width) } else { Stroke::dashed(color, width) }
}

/// Lines of text that belong together.
pub(super) struct Block<'a> {
    pub(super) lines: &'a [String],
    pub(super) color: Rgb,
    pub(super) size: f64,
}

impl Block<'_> {
    /// Width and height of the block.
    fn extent(&self) -> (f64, f64) {
        let widths = self.lines.iter().map(|l| text::width(l, self.size));
        let height = self.lines.len() as f64 * 1.35 * self.size;
        (widths.fold(0.0, f64::max), height)
    }

    /// Writes the block near `at`, inside `frame`, where it covers least; a thin line leads to it when it
    /// ends up far away.
    pub(super) fn place(&self, scene: &mut Scene, clutter: &mut Clutter, frame: &Area, at: Point) {
        let (wide, high) = self.extent();
        let mut best: Option<(f64, Area)> = None;
        for gap in [12.0, 22.0, 36.0, 56.0, 84.0, 120.0] {
            for (dx, dy) in COMPASS {
                let middle = (at.0 + dx * (gap + wide / 2.0), at.1 + dy * (gap + high / 2.0));
                let area = Area::new(
                    middle.0 - wide / 2.0,
                    middle.1 - high / 2.0,
                    middle.0 + wide / 2.0,
                    middle.1 + high / 2.0,
                );
                let outside = if frame.encloses(&area) { 0.0 } else { 1e5 };
                let cost = clutter.cost(&area.grown(5.0)) + 0.4 * gap + outside;
                if best.is_none_or(|(least, _)| cost < least) {
                    best = Some((cost, area));
                }
            }
        }
        if let Some((_, area)) = best {
            self.write(scene, &area, at);
            clutter.add_box(area);
        }
    }

    /// Writes the block into its rectangle.
    fn write(&self, scene: &mut Scene, area: &Area, at: Point) {
        let near = area.grown(3.0).nearest(at);
        let away = (near.0 - at.0).hypot(near.1 - at.1);
        if away > 20.0 {
            let t = 7.0 / away;
            let from = (at.0 + t * (near.0 - at.0), at.1 + t * (near.1 - at.1));
            scene.line(&[from, near], Stroke::full(SOFT, 0.8));
        }
        scene.rect(&area.grown(2.0), WHITE);
        for (i, line) in self.lines.iter().enumerate() {
            let baseline = area.top + (1.35 * i as f64 + 1.0) * self.size;
            let at = (area.left, baseline);
            scene.text(line, at, self.size, self.color, Anchor::Start);
        }
    }
}

/// Directions in which a block is tried, the best liked first.
const COMPASS: [(f64, f64); 8] =
    [(1.0, 0.0), (-1.0, 0.0), (1.0, -1.0), (1.0, 1.0), (-1.0, -1.0), (-1.0, 1.0), (0.0, -1.0), (0.0, 1.0)];
