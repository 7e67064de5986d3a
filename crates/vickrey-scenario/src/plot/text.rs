//! Text: the one font, its measures, number formats and label strings.

use super::PlotError;
use super::scene::{Area, Point, Rgb};
use ab_glyph::{Font, FontRef, Glyph, PxScale, point};
use std::sync::OnceLock;

/// The font families an SVG viewer tries; all about as wide as the font measured here.
pub(super) const FAMILY: &str = "DejaVu Sans, Verdana, sans-serif";

static BYTES: &[u8] = include_bytes!("../../assets/DejaVuSans-subset.ttf");

/// The built-in font.
pub(super) fn font() -> Result<&'static FontRef<'static>, PlotError> {
    static FONT: OnceLock<Option<FontRef<'static>>> = OnceLock::new();
    let font = FONT.get_or_init(|| FontRef::try_from_slice(BYTES).ok());
    font.as_ref().ok_or(PlotError::Font)
}

/// Font units per em.
fn units_per_em(font: &FontRef<'_>) -> f32 {
    font.units_per_em().unwrap_or(2048.0)
}

/// The glyphs of a line of text with its baseline starting at the origin, and its width; `em` is the font
/// size in pixels.
pub(super) fn glyphs(font: &FontRef<'_>, text: &str, em: f64) -> (Vec<Glyph>, f64) {
    let per_unit = em as f32 / units_per_em(font);
    let scale = PxScale::from(font.height_unscaled() * per_unit);
    let (mut x, mut before) = (0.0_f32, None);
    let mut out = Vec::new();
    for c in text.chars() {
        let id = font.glyph_id(c);
        if let Some(before) = before {
            x += font.kern_unscaled(before, id) * per_unit;
        }
        out.push(id.with_scale_and_position(scale, point(x, 0.0)));
        x += font.h_advance_unscaled(id) * per_unit;
        before = Some(id);
    }
    (out, f64::from(x))
}

/// Which end of the text sits at its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// A piece of text with its place.
#[derive(Clone, Debug)]
pub(super) struct Label {
    pub(super) text: String,
    pub(super) at: Point,
    pub(super) size: f64,
    pub(super) color: Rgb,
    pub(super) anchor: Anchor,
    pub(super) vertical: bool,
}

impl Label {
    /// A label; characters that XML forbids become spaces.
    pub(super) fn new(text: &str, at: Point, size: f64, color: Rgb, anchor: Anchor, vertical: bool) -> Self {
        Label { text: clean(text), at, size, color, anchor, vertical }
    }
}

/// Control characters and the two non-characters that XML forbids become spaces.
fn clean(text: &str) -> String {
    let bad = |c: char| c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}');
    text.chars().map(|c| if bad(c) { ' ' } else { c }).collect()
}

/// The width of the text in logical pixels at the given font size.
pub(super) fn width(text: &str, size: f64) -> f64 {
    match font() {
        Ok(font) => glyphs(font, &clean(text), size).1,
        Err(_) => 0.6 * size * text.chars().count() as f64,
    }
}

/// The box that text with its baseline at `at` covers.
pub(super) fn extent(text: &str, at: Point, size: f64, anchor: Anchor) -> Area {
    let w = width(text, size);
    let left = match anchor {
        Anchor::Start => at.0,
        Anchor::Middle => at.0 - w / 2.0,
        Anchor::End => at.0 - w,
    };
    Area::new(left, at.1 - 0.78 * size, left + w, at.1 + 0.24 * size)
}

/// The text, shortened with an ellipsis until it is at most `room` wide.
pub(super) fn fitted(text: &str, size: f64, room: f64) -> String {
    if width(text, size) <= room {
        return text.to_owned();
    }
    let chars: Vec<char> = text.chars().take(400).collect();
    let (mut keep, mut too_long) = (0, chars.len());
    while too_long - keep > 1 {
        let half = usize::midpoint(keep, too_long);
        let trial: String = chars[..half].iter().chain(['…'].iter()).collect();
        if width(&trial, size) <= room {
            keep = half;
        } else {
            too_long = half;
        }
    }
    chars[..keep].iter().chain(['…'].iter()).collect()
}

/// A number with a fixed count of decimals, a true minus sign and thin gaps in long integers.
pub(super) fn fixed(value: f64, decimals: usize) -> String {
    let digits = format!("{:.*}", decimals, value.abs());
    let (whole, rest) = match digits.find('.') {
        Some(dot) => digits.split_at(dot),
        None => (digits.as_str(), ""),
    };
    let mut out = String::new();
    let zero = digits.bytes().all(|b| matches!(b, b'0' | b'.'));
    if value < 0.0 && !zero {
        out.push('−');
    }
    for (i, c) in whole.chars().enumerate() {
        if whole.len() > 4 && i > 0 && (whole.len() - i) % 3 == 0 {
            out.push('\u{202F}');
        }
        out.push(c);
    }
    out + rest
}

/// A number with `digits` significant digits, without trailing zeros; very large and very small ones
/// as a power of ten.
pub(super) fn short(value: f64, digits: usize) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let digits = digits.clamp(1, 17);
    let scientific = format!("{:.*e}", digits - 1, value);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..7).contains(&exponent) {
        let decimals = usize::try_from(digits as i32 - 1 - exponent).unwrap_or(0);
        return trimmed(&fixed(value, decimals));
    }
    let mantissa = trimmed(&mantissa.replace('-', "−"));
    format!("{mantissa}·10{}", superscript(exponent))
}

/// Without trailing zeros after the decimal point.
fn trimmed(number: &str) -> String {
    if number.contains('.') {
        let cut = number.trim_end_matches('0').trim_end_matches('.');
        cut.to_owned()
    } else {
        number.to_owned()
    }
}

/// Two numbers with the same decimals and just enough digits to tell them apart.
pub(super) fn pair(low: f64, high: f64) -> (String, String) {
    let mut digits = 5;
    while digits < 15 && low != high && short(low, digits) == short(high, digits) {
        digits += 1;
    }
    let (a, b) = (short(low, digits), short(high, digits));
    if a.contains('·') || b.contains('·') {
        return (a, b);
    }
    let decimals = |s: &str| s.find('.').map_or(0, |dot| s.len() - dot - 1);
    let most = decimals(&a).max(decimals(&b));
    (fixed(low, most), fixed(high, most))
}

/// The exponent in raised digits.
pub(super) fn superscript(exponent: i32) -> String {
    let raised = |c| match c {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        '4' => '⁴',
        '5' => '⁵',
        '6' => '⁶',
        '7' => '⁷',
        '8' => '⁸',
        '9' => '⁹',
        _ => '⁰',
    };
    exponent.to_string().chars().map(raised).collect()
}

/// "name (unit)", with a power of ten before the unit if the axis is counted in one.
pub(super) fn with_unit(name: &str, unit: &str, exponent: i32) -> String {
    match (unit.trim().is_empty(), exponent) {
        (true, 0) => name.to_owned(),
        (true, e) => format!("{name} (×10{})", superscript(e)),
        (false, 0) => format!("{name} ({unit})"),
        (false, e) => format!("{name} (10{} {unit})", superscript(e)),
    }
}

/// A number followed by its unit.
pub(super) fn quantity(number: &str, unit: &str) -> String {
    format!("{number} {}", unit.trim()).trim_end().to_owned()
}
