//! Draws a figure into a PNG.

use std::io;

use plotters::prelude::{BitMapBackend, IntoDrawingArea};

use super::canvas::Canvas;
use super::font::HEIGHT;
use super::render::{self, Units};

/// Largest side of a picture in pixels.
const LARGEST: f64 = 16_384.0;
/// plotters draws edges and places glyphs at whole pixels; the average of this many each way is smooth.
const FINER: usize = 2;

pub(super) fn draw(canvas: &Canvas, scale: f64) -> io::Result<Vec<u8>> {
    let (width, height) = ((canvas.width * scale).ceil(), (canvas.height * scale).ceil());
    if !(1.0..=LARGEST).contains(&width) || !(1.0..=LARGEST).contains(&height) {
        return Err(io::Error::other(format!(
            "a picture of {width} x {height} pixels is outside 1 to {LARGEST} pixels on a side"
        )));
    }
    let (width, height) = (width as usize, height as usize);
    let mut fine = vec![255; width * height * FINER * FINER * 3];
    let backend = BitMapBackend::with_buffer(&mut fine, ((width * FINER) as u32, (height * FINER) as u32));
    // The rasteriser puts the baseline half a line below the top.
    let units = Units { per_pixel: scale * FINER as f64, em: HEIGHT, rise: HEIGHT / 2.0, paths: false };
    let area = backend.into_drawing_area();
    render::draw(canvas, &area, &units)?;
    drop(area);
    encode(&average(&fine, width), width as u32, height as u32)
}

/// The mean of each square of `FINER` times `FINER` pixels.
fn average(fine: &[u8], width: usize) -> Vec<u8> {
    let line = width * FINER * 3;
    let mut picture = Vec::with_capacity(fine.len() / (FINER * FINER));
    for lines in fine.chunks_exact(line * FINER) {
        let mut sums = vec![0u32; width * 3];
        for line in lines.chunks_exact(line) {
            for (sum, square) in sums.chunks_exact_mut(3).zip(line.chunks_exact(3 * FINER)) {
                for pixel in square.chunks_exact(3) {
                    sum.iter_mut().zip(pixel).for_each(|(sum, &value)| *sum += u32::from(value));
                }
            }
        }
        let count = (FINER * FINER) as u32;
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
