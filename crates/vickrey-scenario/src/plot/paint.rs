//! From a [`Scene`] to SVG text or PNG bytes.

use super::PlotError;
use super::scene::{Point, Rgb, Scene, Shape};
use super::text::{Anchor, FAMILY, Label, font, glyphs};
use ab_glyph::Font;
use plotters::backend::{BitMapBackend, DrawingBackend, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontTransform, IntoFont, RGBColor, ShapeStyle, TextStyle};

/// SVG user units per logical pixel: plotters has whole-number coordinates, so tenths of a pixel count.
const SVG_SCALE: u32 = 10;
/// PNG pixels per logical pixel.
const PNG_SCALE: u32 = 2;
/// The bitmap is drawn this much larger still and averaged down, which smooths every edge.
const SMOOTH: u32 = 2;

/// plotters divides font sizes by this when it writes SVG.
const SVG_FONT: f64 = 1.24;
/// How far below a top anchor plotters puts the baseline in SVG, in em.
const SVG_DROP: f64 = 0.76;

/// How to draw on a backend.
struct Dialect {
    /// Backend units per logical pixel.
    scale: f64,
    /// Whether the backend draws wide lines and text well itself.
    vector: bool,
}

/// The scene as an SVG document.
pub(super) fn svg(scene: &Scene) -> Result<String, PlotError> {
    let (width, height) = (scene.width as u32, scene.height as u32);
    let size = (width * SVG_SCALE, height * SVG_SCALE);
    let mut out = String::new();
    let mut backend = SVGBackend::with_string(&mut out, size);
    let dialect = Dialect { scale: f64::from(SVG_SCALE), vector: true };
    paint(&mut backend, scene, &dialect)?;
    drop(backend);
    let header = format!("<svg width=\"{}\" height=\"{}\"", size.0, size.1);
    let wanted = format!("<svg width=\"{width}\" height=\"{height}\"");
    Ok(out.replacen(&header, &wanted, 1))
}

/// The scene as an encoded PNG, two pixels per logical pixel.
pub(super) fn png(scene: &Scene) -> Result<Vec<u8>, PlotError> {
    let (width, height) = (scene.width as u32 * PNG_SCALE, scene.height as u32 * PNG_SCALE);
    let size = (width * SMOOTH, height * SMOOTH);
    let mut pixels = vec![0xFF_u8; size.0 as usize * size.1 as usize * 3];
    {
        let mut backend = BitMapBackend::with_buffer(&mut pixels, size);
        let dialect = Dialect { scale: f64::from(PNG_SCALE * SMOOTH), vector: false };
        paint(&mut backend, scene, &dialect)?;
    }
    encode(&averaged(&pixels, width as usize), width, height)
}

/// Averages squares of `SMOOTH` by `SMOOTH` pixels; `width` counts the pixels of a finished row.
fn averaged(pixels: &[u8], width: usize) -> Vec<u8> {
    let side = SMOOTH as usize;
    let (row, count) = (width * side * 3, (side * side) as u32);
    let mut out = Vec::with_capacity(pixels.len() / (side * side));
    for rows in pixels.chunks_exact(row * side) {
        for x in 0..width {
            for channel in 0..3 {
                let first = x * side * 3 + channel;
                let cells = (0..side).flat_map(|dy| (0..side).map(move |dx| dy * row + dx * 3));
                let sum: u32 = cells.map(|offset| u32::from(rows[first + offset])).sum();
                out.push(((sum + count / 2) / count) as u8);
            }
        }
    }
    out
}

/// The pixels as a PNG file with its density set so that it prints at the logical size.
fn encode(pixels: &[u8], width: u32, height: u32) -> Result<Vec<u8>, PlotError> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let per_meter = (96.0 * f64::from(PNG_SCALE) / 0.0254).round() as u32;
    encoder.set_pixel_dims(Some(png::PixelDimensions {
        xppu: per_meter,
        yppu: per_meter,
        unit: png::Unit::Meter,
    }));
    let mut writer = encoder.write_header().map_err(draw_error)?;
    writer.write_image_data(pixels).map_err(draw_error)?;
    writer.finish().map_err(draw_error)?;
    Ok(out)
}

/// Any backend failure as ours.
fn draw_error(error: impl std::fmt::Display) -> PlotError {
    PlotError::Draw(error.to_string())
}

/// Draws every shape.
fn paint<B: DrawingBackend>(b: &mut B, scene: &Scene, d: &Dialect) -> Result<(), PlotError> {
    let page = [(0.0, 0.0), (scene.width, 0.0), (scene.width, scene.height), (0.0, scene.height)];
    polygon(b, d, &page, super::scene::WHITE)?;
    for shape in &scene.shapes {
        match shape {
            Shape::Line { points, color, width } => stroke(b, d, points, *color, *width)?,
            Shape::Fill { points, color } => polygon(b, d, points, *color)?,
            Shape::Ribbon { edges, color } => ribbon(b, d, edges, *color)?,
            Shape::Disc { center, radius, color } => disc(b, d, *center, *radius, *color)?,
            Shape::Text(label) if d.vector => text(b, d, label)?,
            Shape::Text(label) => text_pixels(b, d, label)?,
        }
    }
    b.present().map_err(draw_error)
}

/// A point in backend units.
fn unit(d: &Dialect, (x, y): Point) -> (i32, i32) {
    let whole = |v: f64| (v * d.scale).round().clamp(-1e6, 1e6) as i32;
    (whole(x), whole(y))
}

/// Our colour in the backend's terms.
fn paint_color(color: Rgb) -> RGBColor {
    RGBColor(color.0, color.1, color.2)
}

/// A filled convex polygon.
fn polygon<B: DrawingBackend>(b: &mut B, d: &Dialect, points: &[Point], color: Rgb) -> Result<(), PlotError> {
    let corners: Vec<(i32, i32)> = points.iter().map(|&p| unit(d, p)).collect();
    let style = ShapeStyle::from(&paint_color(color)).filled();
    b.fill_polygon(corners, &style).map_err(draw_error)
}

/// A filled band. The bitmap backend fills only convex shapes well: there the band is put together from
/// pieces between neighbouring columns. In SVG these would show seams.
fn ribbon<B: DrawingBackend>(
    b: &mut B,
    d: &Dialect,
    edges: &[(f64, f64, f64)],
    color: Rgb,
) -> Result<(), PlotError> {
    let outline = |edges: &[(f64, f64, f64)]| -> Vec<Point> {
        let lower = edges.iter().rev().map(|e| (e.0, e.2));
        edges.iter().map(|e| (e.0, e.1)).chain(lower).collect()
    };
    if d.vector {
        return polygon(b, d, &outline(edges), color);
    }
    for pair in edges.windows(2).filter(|pair| pair[0].0 < pair[1].0) {
        polygon(b, d, &outline(pair), color)?;
    }
    Ok(())
}

/// A filled circle.
fn disc<B: DrawingBackend>(
    b: &mut B,
    d: &Dialect,
    center: Point,
    radius: f64,
    color: Rgb,
) -> Result<(), PlotError> {
    let radius = (radius * d.scale).round().clamp(1.0, 1e4) as u32;
    let style = ShapeStyle::from(&paint_color(color)).filled();
    b.draw_circle(unit(d, center), radius, &style, true).map_err(draw_error)
}

/// A line of the given width. Where the backend has no good wide lines it is put together from
/// rectangles and, for round joints, circles.
fn stroke<B: DrawingBackend>(
    b: &mut B,
    d: &Dialect,
    points: &[Point],
    color: Rgb,
    width: f64,
) -> Result<(), PlotError> {
    if d.vector {
        let path: Vec<(i32, i32)> = points.iter().map(|&p| unit(d, p)).collect();
        let width = (width * d.scale).round().max(1.0) as u32;
        let style = paint_color(color).stroke_width(width);
        return b.draw_path(path, &style).map_err(draw_error);
    }
    for pair in points.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length = dx.hypot(dy);
        if length < 1e-9 {
            continue;
        }
        let (nx, ny) = (-dy / length * width / 2.0, dx / length * width / 2.0);
        let quad = [
            (from.0 + nx, from.1 + ny),
            (to.0 + nx, to.1 + ny),
            (to.0 - nx, to.1 - ny),
            (from.0 - nx, from.1 - ny),
        ];
        polygon(b, d, &quad, color)?;
    }
    let joints = points.get(1..points.len().saturating_sub(1));
    if width * d.scale >= 4.0 {
        for &joint in joints.unwrap_or_default() {
            disc(b, d, joint, width / 2.0, color)?;
        }
    }
    Ok(())
}

/// A piece of text as a text element.
fn text<B: DrawingBackend>(b: &mut B, d: &Dialect, label: &Label) -> Result<(), PlotError> {
    let h_pos = match label.anchor {
        Anchor::Start => HPos::Left,
        Anchor::Middle => HPos::Center,
        Anchor::End => HPos::Right,
    };
    let drop = SVG_DROP * label.size;
    let (at, turn) = if label.vertical {
        ((label.at.0 - drop, label.at.1), FontTransform::Rotate270)
    } else {
        ((label.at.0, label.at.1 - drop), FontTransform::None)
    };
    let font = (FAMILY, label.size * d.scale * SVG_FONT).into_font();
    let color = paint_color(label.color);
    let style = TextStyle::from(font).color(&color).transform(turn).pos(Pos::new(h_pos, VPos::Top));
    b.draw_text(&label.text, &style, unit(d, at)).map_err(draw_error)
}

/// A piece of text pixel by pixel. plotters would do it too, but it drops the space left of each glyph,
/// which makes the letters stand unevenly.
fn text_pixels<B: DrawingBackend>(b: &mut B, d: &Dialect, label: &Label) -> Result<(), PlotError> {
    let font = font()?;
    let (glyphs, width) = glyphs(font, &label.text, label.size * d.scale);
    let start = match label.anchor {
        Anchor::Start => 0.0,
        Anchor::Middle => width / 2.0,
        Anchor::End => width,
    };
    let (left, base) = unit(d, label.at);
    let start = start.round() as i32;
    let (page_x, page_y) = b.get_size();
    let color = paint_color(label.color);
    for glyph in glyphs {
        let Some(outline) = font.outline_glyph(glyph) else {
            continue;
        };
        let corner = outline.px_bounds().min;
        let (corner_x, corner_y) = (corner.x as i32 - start, corner.y as i32);
        let mut spots = Vec::new();
        outline.draw(|x, y, cover| spots.push((x as i32, y as i32, cover)));
        for (x, y, cover) in spots {
            let (x, y) = (corner_x + x, corner_y + y);
            let (x, y) = if label.vertical { (left + y, base - x) } else { (left + x, base + y) };
            let on_page = x >= 0 && y >= 0 && x < page_x as i32 && y < page_y as i32;
            if on_page && cover > 0.0 {
                let paint = color.mix(f64::from(cover.min(1.0))).to_backend_color();
                b.draw_pixel((x, y), paint).map_err(draw_error)?;
            }
        }
    }
    Ok(())
}
