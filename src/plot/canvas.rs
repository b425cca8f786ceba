//! A figure as a list of shapes. Coordinates are pixels from the top left corner, `y` downwards.

use super::font;
use super::palette::Color;
use crate::diagnostics::printable;

/// Which point of a text its position names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Anchor {
    Start,
    Middle,
    End,
}

/// A shape, later ones above earlier ones.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    Rectangle { x: f64, y: f64, width: f64, height: f64, color: Color, tip: Option<String> },
    Line { points: Vec<(f64, f64)>, width: f64, color: Color },
    Polygon { points: Vec<(f64, f64)>, color: Color },
    Text { x: f64, y: f64, size: f64, anchor: Anchor, bold: bool, color: Color, text: String },
}

/// A figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Canvas {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) title: String,
    pub(super) shapes: Vec<Shape>,
}

impl Canvas {
    /// An empty white figure; `title` is for those who cannot see it.
    #[must_use]
    pub fn new(width: f64, height: f64, title: &str) -> Self {
        Self { width, height, title: characters(title), shapes: Vec::new() }
    }

    /// Sets the height once the content is known.
    pub fn set_height(&mut self, height: f64) {
        self.height = height;
    }

    /// A filled rectangle.
    pub fn rectangle(&mut self, x: f64, y: f64, width: f64, height: f64, color: Color) {
        self.shapes.push(Shape::Rectangle { x, y, width, height, color, tip: None });
    }

    /// A filled rectangle that shows `tip` under the pointer (in SVG).
    pub fn rectangle_with_tip(&mut self, x: f64, y: f64, width: f64, height: f64, color: Color, tip: &str) {
        let tip = Some(characters(tip));
        self.shapes.push(Shape::Rectangle { x, y, width, height, color, tip });
    }

    /// A line through points.
    pub fn line(&mut self, points: Vec<(f64, f64)>, width: f64, color: Color) {
        self.shapes.push(Shape::Line { points, width, color });
    }

    /// A filled polygon.
    pub fn polygon(&mut self, points: Vec<(f64, f64)>, color: Color) {
        self.shapes.push(Shape::Polygon { points, color });
    }

    /// A text with its baseline at `y`.
    #[expect(clippy::too_many_arguments, reason = "a text has that many properties")]
    pub fn text(&mut self, x: f64, y: f64, size: f64, anchor: Anchor, bold: bool, color: Color, text: &str) {
        let text = characters(text);
        self.shapes.push(Shape::Text { x, y, size, anchor, bold, color, text });
    }

    /// The figure as SVG with the fonts inside.
    #[must_use]
    pub fn to_svg(&self) -> String {
        super::svg::write(self)
    }

    /// The figure as PNG, `scale` pixels per pixel (2 is usual).
    ///
    /// # Errors
    /// When the size is not representable as a picture.
    pub fn to_png(&self, scale: f64) -> std::io::Result<Vec<u8>> {
        super::png::draw(self, scale)
    }
}

/// The text with control characters as visible escapes, and without what is no character of XML at all.
fn characters(text: &str) -> String {
    printable(text).replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}

/// `text`, cut in the middle with an ellipsis so that it is at most `width` pixels wide: names of operators
/// differ at either end. `None` when not even four characters fit.
#[must_use]
pub fn fit(text: &str, size: f64, bold: bool, width: f64) -> Option<String> {
    let text = printable(text);
    if font::width(&text, size, bold) <= width {
        return Some(text);
    }
    let characters: Vec<char> = text.chars().collect();
    // The widest possible number of kept characters bounds the search for very long names.
    let most = characters.len().min((width / (size * 0.2)) as usize + 1);
    (4..most).rev().find_map(|kept| {
        let (front, back) = (kept - kept / 2, kept / 2);
        let mut short: String = characters.iter().take(front).collect();
        short.push('…');
        short.extend(characters.iter().skip(characters.len() - back));
        (font::width(&short, size, bold) <= width).then_some(short)
    })
}
