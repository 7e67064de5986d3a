//! A picture as a list of shapes in logical pixels, before any backend sees it.
//!
//! Charts build a [`Scene`]; `paint` turns it into SVG text or PNG bytes. Keeping the two apart means
//! that label placement and clipping are done once, in floating point, for both formats.

use super::text::{self, Anchor};

/// A point in logical pixels; y grows downwards.
pub(super) type Point = (f64, f64);

/// An opaque colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rgb(pub(super) u8, pub(super) u8, pub(super) u8);

impl Rgb {
    /// This colour thinned with white: `strength` 1 keeps it, 0 gives white.
    pub(super) fn tint(self, strength: f64) -> Self {
        let mix = |c: u8| (255.0 - (255.0 - f64::from(c)) * strength.clamp(0.0, 1.0)).round() as u8;
        Rgb(mix(self.0), mix(self.1), mix(self.2))
    }
}

/// Text and strong lines.
pub(super) const INK: Rgb = Rgb(0x22, 0x22, 0x22);
/// Notes and tick labels.
pub(super) const SOFT: Rgb = Rgb(0x55, 0x55, 0x55);
/// Reference lines.
pub(super) const GREY: Rgb = Rgb(0x80, 0x80, 0x80);
/// Grid lines.
pub(super) const GRID: Rgb = Rgb(0xE4, 0xE4, 0xE4);
/// Background.
pub(super) const WHITE: Rgb = Rgb(0xFF, 0xFF, 0xFF);
/// Series colours after Okabe and Ito, told apart by colour-blind readers (their yellow is left out:
/// too faint on white).
pub(super) const PALETTE: [Rgb; 7] = [
    Rgb(0x00, 0x72, 0xB2),
    Rgb(0xD5, 0x5E, 0x00),
    Rgb(0x00, 0x9E, 0x73),
    Rgb(0xCC, 0x79, 0xA7),
    Rgb(0xE6, 0x9F, 0x00),
    Rgb(0x56, 0xB4, 0xE9),
    Rgb(0x44, 0x44, 0x44),
];

/// The colour of the `i`-th series.
pub(super) fn series_color(i: usize) -> Rgb {
    PALETTE[i % PALETTE.len()]
}

/// An axis-parallel rectangle in logical pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Area {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

impl Area {
    /// A rectangle from its four sides.
    pub(super) fn new(left: f64, top: f64, right: f64, bottom: f64) -> Self {
        Area { left, top, right, bottom }
    }

    /// Its width.
    pub(super) fn width(&self) -> f64 {
        self.right - self.left
    }

    /// Its height.
    pub(super) fn height(&self) -> f64 {
        self.bottom - self.top
    }

    /// The rectangle grown by `by` on every side.
    pub(super) fn grown(&self, by: f64) -> Self {
        Area::new(self.left - by, self.top - by, self.right + by, self.bottom + by)
    }

    /// Whether the point lies inside or on the border.
    pub(super) fn holds(&self, (x, y): Point) -> bool {
        x >= self.left && x <= self.right && y >= self.top && y <= self.bottom
    }

    /// The point of the rectangle nearest to the given one.
    pub(super) fn nearest(&self, (x, y): Point) -> Point {
        (x.max(self.left).min(self.right), y.max(self.top).min(self.bottom))
    }

    /// Whether the other rectangle lies wholly inside.
    pub(super) fn encloses(&self, other: &Area) -> bool {
        self.holds((other.left, other.top)) && self.holds((other.right, other.bottom))
    }

    /// Whether the two rectangles share more than a border.
    pub(super) fn overlaps(&self, other: &Area) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }

    /// The part of the segment inside, by clipping against the four sides in turn.
    pub(super) fn clip(&self, a: Point, b: Point) -> Option<(Point, Point)> {
        let (dx, dy) = (b.0 - a.0, b.1 - a.1);
        let sides =
            [(-dx, a.0 - self.left), (dx, self.right - a.0), (-dy, a.1 - self.top), (dy, self.bottom - a.1)];
        let (mut from, mut to) = (0.0_f64, 1.0_f64);
        for (slope, room) in sides {
            if slope == 0.0 {
                if room < 0.0 {
                    return None;
                }
            } else if slope < 0.0 {
                from = from.max(room / slope);
            } else {
                to = to.min(room / slope);
            }
        }
        let at = |t: f64| self.nearest((a.0 + t * dx, a.1 + t * dy));
        (from <= to).then(|| (at(from), at(to)))
    }

    /// The pieces of a line inside; neighbours closer than a twentieth of a pixel are merged.
    pub(super) fn clip_line(&self, line: &[Point]) -> Vec<Vec<Point>> {
        let mut pieces: Vec<Vec<Point>> = Vec::new();
        for pair in line.windows(2) {
            let Some((a, b)) = self.clip(pair[0], pair[1]) else {
                continue;
            };
            match pieces.last_mut() {
                Some(piece) if piece.last().is_some_and(|&end| near(end, a)) => {
                    if piece.last().is_some_and(|&end| !near(end, b)) {
                        piece.push(b);
                    }
                }
                _ => pieces.push(vec![a, b]),
            }
        }
        pieces
    }
}

/// Whether two points fall on the same spot of the picture.
fn near(a: Point, b: Point) -> bool {
    (a.0 - b.0).abs() < 0.05 && (a.1 - b.1).abs() < 0.05
}

/// How a line is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stroke {
    pub(super) color: Rgb,
    pub(super) width: f64,
    /// Lengths drawn and left out in turn; empty for a full line.
    pub(super) dash: &'static [f64],
}

impl Stroke {
    /// A full line.
    pub(super) fn full(color: Rgb, width: f64) -> Self {
        Stroke { color, width, dash: &[] }
    }

    /// A dashed line.
    pub(super) fn dashed(color: Rgb, width: f64) -> Self {
        Stroke { color, width, dash: &[7.0, 5.0] }
    }

    /// A dotted line.
    pub(super) fn dotted(color: Rgb, width: f64) -> Self {
        Stroke { color, width, dash: &[1.5, 3.0] }
    }
}

/// The sign drawn at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marker {
    Disc,
    Square,
    Triangle,
    Diamond,
    Cross,
}

/// The marker of the `i`-th series.
pub(super) fn series_marker(i: usize) -> Marker {
    const ALL: [Marker; 5] = [Marker::Disc, Marker::Square, Marker::Triangle, Marker::Diamond, Marker::Cross];
    ALL[i % ALL.len()]
}

/// One thing to draw.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    Line {
        points: Vec<Point>,
        color: Rgb,
        width: f64,
    },
    Fill {
        points: Vec<Point>,
        color: Rgb,
    },
    /// What lies between two lines over the same columns, from left to right: column, upper, lower row.
    Ribbon {
        edges: Vec<(f64, f64, f64)>,
        color: Rgb,
    },
    Disc {
        center: Point,
        radius: f64,
        color: Rgb,
    },
    Text(text::Label),
}

/// Everything to draw, in drawing order.
#[derive(Clone, Debug)]
pub(super) struct Scene {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) shapes: Vec<Shape>,
}

impl Scene {
    /// An empty picture of 900 by 600 logical pixels.
    pub(super) fn new() -> Self {
        Scene { width: 900.0, height: 600.0, shapes: Vec::new() }
    }

    /// A line through the points; fewer than two points draw nothing.
    pub(super) fn line(&mut self, points: &[Point], stroke: Stroke) {
        let pieces = if stroke.dash.is_empty() { vec![points.to_vec()] } else { dashes(points, stroke.dash) };
        for points in pieces.into_iter().filter(|p| p.len() > 1) {
            self.shapes.push(Shape::Line { points, color: stroke.color, width: stroke.width });
        }
    }

    /// The part of a line inside `area`.
    pub(super) fn line_in(&mut self, area: &Area, points: &[Point], stroke: Stroke) {
        for piece in area.clip_line(points) {
            self.line(&piece, stroke);
        }
    }

    /// A filled convex polygon.
    pub(super) fn fill(&mut self, points: Vec<Point>, color: Rgb) {
        self.shapes.push(Shape::Fill { points, color });
    }

    /// A filled band between two lines; fewer than two columns draw nothing.
    pub(super) fn ribbon(&mut self, edges: Vec<(f64, f64, f64)>, color: Rgb) {
        if edges.len() > 1 {
            self.shapes.push(Shape::Ribbon { edges, color });
        }
    }

    /// A filled rectangle.
    pub(super) fn rect(&mut self, a: &Area, color: Rgb) {
        let corners = vec![(a.left, a.top), (a.right, a.top), (a.right, a.bottom), (a.left, a.bottom)];
        self.fill(corners, color);
    }

    /// A filled circle.
    pub(super) fn disc(&mut self, center: Point, radius: f64, color: Rgb) {
        self.shapes.push(Shape::Disc { center, radius, color });
    }

    /// A marker of about the given radius with a thin white rim.
    pub(super) fn marker(&mut self, kind: Marker, at: Point, radius: f64, color: Rgb) {
        if kind == Marker::Cross {
            let r = radius * 0.95;
            let arm = |s: f64| [(at.0 - r, at.1 - s * r), (at.0 + r, at.1 + s * r)];
            self.line(&arm(1.0), Stroke::full(color, 2.0));
            self.line(&arm(-1.0), Stroke::full(color, 2.0));
            return;
        }
        for (r, color) in [(radius + 0.9, WHITE), (radius, color)] {
            match marker_outline(kind, at, r) {
                Some(outline) => self.fill(outline, color),
                None => self.disc(at, r, color),
            }
        }
    }

    /// Text with its baseline at `at`.
    pub(super) fn text(&mut self, text: &str, at: Point, size: f64, color: Rgb, anchor: Anchor) {
        self.shapes.push(Shape::Text(text::Label::new(text, at, size, color, anchor, false)));
    }

    /// Text turned a quarter to the left, centred on `at`.
    pub(super) fn text_up(&mut self, text: &str, at: Point, size: f64, color: Rgb) {
        self.shapes.push(Shape::Text(text::Label::new(text, at, size, color, Anchor::Middle, true)));
    }
}

/// The corners of a marker; none for a disc.
fn marker_outline(kind: Marker, (x, y): Point, r: f64) -> Option<Vec<Point>> {
    match kind {
        Marker::Disc | Marker::Cross => None,
        Marker::Square => {
            let s = r * 0.9;
            Some(vec![(x - s, y - s), (x + s, y - s), (x + s, y + s), (x - s, y + s)])
        }
        Marker::Triangle => {
            let s = r * 1.2;
            Some(vec![(x, y - s), (x + s * 0.95, y + s * 0.7), (x - s * 0.95, y + s * 0.7)])
        }
        Marker::Diamond => {
            let s = r * 1.25;
            Some(vec![(x, y - s), (x + s, y), (x, y + s), (x - s, y)])
        }
    }
}

/// Cuts a line into dashes; `pattern` holds lengths drawn and left out in turn.
fn dashes(points: &[Point], pattern: &[f64]) -> Vec<Vec<Point>> {
    let mut out: Vec<Vec<Point>> = Vec::new();
    if !points.iter().all(|p| (p.0 + p.1).is_finite()) {
        return out;
    }
    let (mut slot, mut left) = (0_usize, pattern[0]);
    let mut current: Vec<Point> = points.first().copied().into_iter().collect();
    for pair in points.windows(2) {
        let (mut a, b) = (pair[0], pair[1]);
        loop {
            let length = (b.0 - a.0).hypot(b.1 - a.1);
            if length < left {
                left -= length;
                if slot % 2 == 0 {
                    current.push(b);
                }
                break;
            }
            let t = left / length;
            a = (a.0 + t * (b.0 - a.0), a.1 + t * (b.1 - a.1));
            if slot % 2 == 0 {
                current.push(a);
                out.push(std::mem::take(&mut current));
            } else {
                current = vec![a];
            }
            slot = (slot + 1) % pattern.len();
            left = pattern[slot].max(0.5);
        }
    }
    out.push(current);
    out
}
