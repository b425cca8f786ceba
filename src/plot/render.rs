//! Draws the shapes of a figure on a backend of plotters.

use std::io;

use plotters::coord::Shift;
use plotters::prelude::{DrawingArea, DrawingBackend, PathElement, Polygon, RGBAColor, Rectangle, TextStyle};
use plotters::style::Color as _;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::canvas::{Anchor, Canvas, Shape};
use super::font;
use super::palette::Color;

/// How a backend measures. plotters has whole coordinates only, so that figures are drawn several units to a pixel.
#[derive(Debug, Clone, Copy)]
pub(super) struct Units {
    /// Units in a pixel of the figure.
    pub(super) per_pixel: f64,
    /// What the backend takes for the size of a font whose em is 1.
    pub(super) em: f64,
    /// From the position of a text, anchored at the top, to its baseline, in ems.
    pub(super) rise: f64,
    /// How much further left than asked for the backend draws a usual letter, in ems.
    pub(super) bearing: f64,
    /// Whether to draw lines through several points as one path (else piece by piece).
    pub(super) paths: bool,
}

impl Units {
    /// The nearest unit. The bound keeps differences within 32 bits.
    fn at(&self, pixels: f64) -> i32 {
        (pixels * self.per_pixel).round().clamp(-1e9, 1e9) as i32
    }

    fn points(&self, points: &[(f64, f64)]) -> Vec<(i32, i32)> {
        points.iter().map(|&(x, y)| (self.at(x), self.at(y))).collect()
    }
}

/// Draws all shapes and returns the tip of each rectangle in the order in which they were drawn.
pub(super) fn draw<'a, B: DrawingBackend>(
    canvas: &'a Canvas,
    area: &DrawingArea<B, Shift>,
    units: &Units,
) -> io::Result<Vec<Option<&'a str>>>
where
    B::ErrorType: 'static,
{
    let mut pen = Pen { area, units, tips: Vec::new() };
    pen.rectangle((0.0, 0.0), (canvas.width, canvas.height), super::palette::WHITE, None)?;
    for shape in &canvas.shapes {
        match shape {
            Shape::Rectangle { x, y, width, height, color, tip } => {
                pen.rectangle((*x, *y), (x + width, y + height), *color, tip.as_deref())?;
            }
            Shape::Line { points, width, color } => pen.line(points, *width, *color)?,
            Shape::Polygon { points, color } => {
                let polygon = Polygon::new(units.points(points), paint(*color));
                area.draw(&polygon).map_err(io::Error::other)?;
            }
            Shape::Text { x, y, size, anchor, bold, color, text } => {
                let horizontal = match anchor {
                    Anchor::Start => HPos::Left,
                    Anchor::Middle => HPos::Center,
                    Anchor::End => HPos::Right,
                };
                let color = paint(*color);
                let style = TextStyle::from(font::description(size * units.per_pixel * units.em, *bold))
                    .color(&color)
                    .pos(Pos::new(horizontal, VPos::Top));
                let at = (units.at(x + size * units.bearing), units.at(y - size * units.rise));
                area.draw_text(text, &style, at).map_err(io::Error::other)?;
            }
        }
    }
    area.present().map_err(io::Error::other)?;
    Ok(pen.tips)
}

struct Pen<'a, 'b, B: DrawingBackend> {
    area: &'b DrawingArea<B, Shift>,
    units: &'b Units,
    tips: Vec<Option<&'a str>>,
}

impl<'a, B: DrawingBackend> Pen<'a, '_, B>
where
    B::ErrorType: 'static,
{
    /// A filled rectangle, at least a unit wide and high.
    fn rectangle(
        &mut self,
        (x0, y0): (f64, f64),
        (x1, y1): (f64, f64),
        color: Color,
        tip: Option<&'a str>,
    ) -> io::Result<()> {
        let (left, top) = (self.units.at(x0), self.units.at(y0));
        let corner = (self.units.at(x1).max(left + 1), self.units.at(y1).max(top + 1));
        self.tips.push(tip);
        self.area
            .draw(&Rectangle::new([(left, top), corner], paint(color).filled()))
            .map_err(io::Error::other)
    }

    fn line(&mut self, points: &[(f64, f64)], width: f64, color: Color) -> io::Result<()> {
        if points.len() > 2 && self.units.paths {
            return self.path(points, width, color);
        }
        let half = width / 2.0;
        for pair in points.windows(2) {
            let &[a, b] = pair else { continue };
            let (low, high) = ((a.0.min(b.0), a.1.min(b.1)), (a.0.max(b.0), a.1.max(b.1)));
            // Backends draw the ends of upright and level lines best when these are rectangles.
            if low.0 == high.0 {
                self.rectangle((low.0 - half, low.1), (low.0 + half, high.1), color, None)?;
            } else if low.1 == high.1 {
                self.rectangle((low.0, low.1 - half), (high.0, low.1 + half), color, None)?;
            } else {
                self.path(pair, width, color)?;
            }
        }
        // Where pieces meet, the corner is filled.
        for &(x, y) in points.iter().skip(1).take(points.len().saturating_sub(2)) {
            self.rectangle((x - half, y - half), (x + half, y + half), color, None)?;
        }
        Ok(())
    }

    fn path(&self, points: &[(f64, f64)], width: f64, color: Color) -> io::Result<()> {
        let stroke = self.units.at(width).max(1) as u32;
        let path = PathElement::new(self.units.points(points), paint(color).stroke_width(stroke));
        self.area.draw(&path).map_err(io::Error::other)
    }
}

/// The colour as plotters has it.
fn paint(color: Color) -> RGBAColor {
    let [red, green, blue] = color.rgb;
    RGBAColor(red, green, blue, color.opacity)
}
