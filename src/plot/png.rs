//! Draws a figure into a PNG.

use std::io;

use super::canvas::{Anchor, Canvas, Shape};
use super::font::Face;
use super::palette::Color;

/// Largest side of a picture in pixels.
const LARGEST: f64 = 16_384.0;

pub(super) fn draw(canvas: &Canvas, scale: f64) -> io::Result<Vec<u8>> {
    let (width, height) = ((canvas.width * scale).ceil(), (canvas.height * scale).ceil());
    if !(1.0..=LARGEST).contains(&width) || !(1.0..=LARGEST).contains(&height) {
        return Err(io::Error::other(format!(
            "a picture of {width} x {height} pixels is outside 1 to {LARGEST} pixels on a side"
        )));
    }
    let mut picture = Picture {
        width: width as usize,
        height: height as usize,
        rgb: vec![255; width as usize * height as usize * 3],
    };
    for shape in &canvas.shapes {
        match shape {
            Shape::Rectangle { x, y, width, height, color, .. } => {
                let (x0, y0, x1, y1) = (x * scale, y * scale, (x + width) * scale, (y + height) * scale);
                picture.polygon(&[(x0, y0), (x1, y0), (x1, y1), (x0, y1)], *color);
            }
            Shape::Polygon { points, color } => {
                let points: Vec<_> = points.iter().map(|&(x, y)| (x * scale, y * scale)).collect();
                picture.polygon(&points, *color);
            }
            Shape::Line { points, width, color } => {
                for pair in points.windows(2) {
                    picture.polygon(&stroke(pair[0], pair[1], width / 2.0, scale), *color);
                }
            }
            Shape::Text { x, y, size, anchor, bold, color, text } => {
                let face = Face::new(size * scale, *bold);
                let shift = match anchor {
                    Anchor::Start => 0.0,
                    Anchor::Middle => 0.5,
                    Anchor::End => 1.0,
                };
                let left = x * scale - face.width(text) * shift;
                face.draw(text, left, y * scale, |x, y, coverage| picture.blend(x, y, coverage, *color));
            }
        }
    }
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width as u32, height as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(io::Error::other)?;
    writer.write_image_data(&picture.rgb).map_err(io::Error::other)?;
    writer.finish().map_err(io::Error::other)?;
    Ok(bytes)
}

/// The four corners of a segment that is `2 half` wide.
fn stroke(a: (f64, f64), b: (f64, f64), half: f64, scale: f64) -> [(f64, f64); 4] {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let length = dx.hypot(dy).max(1e-9);
    let (nx, ny) = (-dy / length * half, dx / length * half);
    [(a.0 + nx, a.1 + ny), (b.0 + nx, b.1 + ny), (b.0 - nx, b.1 - ny), (a.0 - nx, a.1 - ny)]
        .map(|(x, y)| (x * scale, y * scale))
}

struct Picture {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

impl Picture {
    fn blend(&mut self, x: i64, y: i64, coverage: f64, color: Color) {
        let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else { return };
        if x >= self.width || y >= self.height {
            return;
        }
        let share = (coverage * color.opacity).clamp(0.0, 1.0);
        let at = (y * self.width + x) * 3;
        if let Some(pixel) = self.rgb.get_mut(at..at + 3) {
            for (old, new) in pixel.iter_mut().zip(color.rgb) {
                *old = (f64::from(*old) * (1.0 - share) + f64::from(new) * share).round() as u8;
            }
        }
    }

    /// Fills by the even-odd rule: four scan lines per pixel, exact coverage along each.
    fn polygon(&mut self, points: &[(f64, f64)], color: Color) {
        const LINES: usize = 4;
        let (top, bottom) =
            points.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), p| (a.min(p.1), b.max(p.1)));
        if !(top.is_finite() && bottom.is_finite()) {
            return;
        }
        let first = top.floor().max(0.0) as usize;
        let last = (bottom.ceil().max(0.0) as usize).min(self.height);
        let mut coverage = vec![0.0; self.width];
        for row in first..last {
            let mut touched = (self.width, 0);
            for line in 0..LINES {
                let y = row as f64 + (line as f64 + 0.5) / LINES as f64;
                let mut crossings: Vec<f64> = Vec::with_capacity(4);
                for (i, &a) in points.iter().enumerate() {
                    let b = points.get(i + 1).or(points.first()).copied().unwrap_or(a);
                    if (a.1 <= y) != (b.1 <= y) {
                        crossings.push(a.0 + (y - a.1) / (b.1 - a.1) * (b.0 - a.0));
                    }
                }
                crossings.sort_by(f64::total_cmp);
                for span in crossings.chunks_exact(2) {
                    let (from, to) = (span[0].max(0.0), span[1].min(self.width as f64));
                    if from >= to {
                        continue;
                    }
                    let range = from.floor() as usize..(to.ceil() as usize).min(self.width);
                    touched = (touched.0.min(range.start), touched.1.max(range.end));
                    for (x, cell) in coverage.iter_mut().enumerate().take(range.end).skip(range.start) {
                        let x = x as f64;
                        *cell += (to.min(x + 1.0) - from.max(x)) / LINES as f64;
                    }
                }
            }
            for (x, cell) in coverage.iter_mut().enumerate().take(touched.1).skip(touched.0) {
                self.blend(x as i64, row as i64, std::mem::take(cell), color);
            }
        }
    }
}
