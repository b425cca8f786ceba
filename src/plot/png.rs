//! Draws a figure into a PNG.

use std::io;

use plotters::prelude::{BitMapBackend, IntoDrawingArea};

use super::canvas::Canvas;
use super::font::HEIGHT;
use super::render::{self, Units};

/// Largest side of a picture in pixels.
const LARGEST: f64 = 16_384.0;
/// Pixels of the finest picture that is made on the way to the final one.
const MOST_PIXELS: usize = 25_000_000;
/// Typical left bearing of the font in ems; the rasteriser draws every glyph from its leftmost point.
const BEARING: f64 = 0.07;

pub(super) fn draw(canvas: &Canvas, scale: f64) -> io::Result<Vec<u8>> {
    let (width, height) = ((canvas.width * scale).ceil(), (canvas.height * scale).ceil());
    if !(1.0..=LARGEST).contains(&width) || !(1.0..=LARGEST).contains(&height) {
        return Err(io::Error::other(format!(
            "a picture of {width} x {height} pixels is outside 1 to {LARGEST} pixels on a side"
        )));
    }
    let (width, height) = (width as usize, height as usize);
    // plotters draws edges and places glyphs at whole pixels; the mean of several is smooth.
    let finer = [3, 2].into_iter().find(|n| width * height * n * n <= MOST_PIXELS).unwrap_or(1);
    let mut fine = vec![255; width * height * finer * finer * 3];
    let size = ((width * finer) as u32, (height * finer) as u32);
    let area = BitMapBackend::with_buffer(&mut fine, size).into_drawing_area();
    let units = Units {
        per_pixel: scale * finer as f64,
        em: HEIGHT,
        // The rasteriser puts the baseline half a line below the top.
        rise: HEIGHT / 2.0,
        bearing: BEARING,
        paths: false,
    };
    render::draw(canvas, &area, &units)?;
    drop(area);
    encode(&average(&fine, width, finer), width as u32, height as u32)
}

/// The mean of each square of `finer` times `finer` pixels.
fn average(fine: &[u8], width: usize, finer: usize) -> Vec<u8> {
    let count = (finer * finer) as u32;
    let line = width * finer * 3;
    let mut picture = Vec::with_capacity(fine.len() / (finer * finer));
    for lines in fine.chunks_exact(line * finer) {
        let mut sums = vec![0u32; width * 3];
        for line in lines.chunks_exact(line) {
            for (sum, square) in sums.chunks_exact_mut(3).zip(line.chunks_exact(3 * finer)) {
                for pixel in square.chunks_exact(3) {
                    sum.iter_mut().zip(pixel).for_each(|(sum, &value)| *sum += u32::from(value));
                }
            }
        }
        picture.extend(sums.iter().map(|sum| ((sum + count / 2) / count) as u8));
    }
    picture
}

fn encode(rgb: &[u8], width: u32, height: u32) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(io::Error::other)?;
    writer.write_image_data(rgb).map_err(io::Error::other)?;
    writer.finish().map_err(io::Error::other)?;
    Ok(bytes)
}
