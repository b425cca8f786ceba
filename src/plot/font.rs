//! The embedded font, a subset of DejaVu Sans under its own licence (`assets/LICENSE-HetsocSans.txt`).

use ab_glyph::{Font, FontRef, PxScale, ScaleFont, point};

/// Family name of the embedded font.
pub const FAMILY: &str = "Hetsoc Sans";

const REGULAR: &[u8] = include_bytes!("assets/HetsocSans-Regular.ttf");
const BOLD: &[u8] = include_bytes!("assets/HetsocSans-Bold.ttf");

/// The font file of a weight.
#[must_use]
pub const fn file(bold: bool) -> &'static [u8] {
    if bold { BOLD } else { REGULAR }
}

/// The font in one weight and size.
pub struct Face {
    font: Option<(FontRef<'static>, PxScale)>,
}

impl Face {
    /// The face whose em is `size` pixels.
    #[must_use]
    pub fn new(size: f64, bold: bool) -> Self {
        let font = FontRef::try_from_slice(file(bold)).ok().map(|font| {
            // ab_glyph scales by ascent plus descent, everybody else by the em.
            let em = font.units_per_em().unwrap_or(2048.0);
            let scale = PxScale::from(size as f32 * font.height_unscaled() / em);
            (font, scale)
        });
        Self { font }
    }

    /// Width of a text in pixels.
    #[must_use]
    pub fn width(&self, text: &str) -> f64 {
        let Some((font, scale)) = &self.font else { return 0.0 };
        let font = font.as_scaled(*scale);
        let mut previous = None;
        let mut width = 0.0;
        for c in text.chars() {
            let glyph = font.glyph_id(c);
            width += previous.map_or(0.0, |p| font.kern(p, glyph)) + font.h_advance(glyph);
            previous = Some(glyph);
        }
        f64::from(width)
    }

    /// Calls `draw(x, y, coverage)` for the pixels of a text whose baseline begins at `(x, y)`.
    pub fn draw(&self, text: &str, x: f64, y: f64, mut draw: impl FnMut(i64, i64, f64)) {
        let Some((font, scale)) = &self.font else { return };
        let scaled = font.as_scaled(*scale);
        let mut previous = None;
        let mut pen = x as f32;
        for c in text.chars() {
            let id = scaled.glyph_id(c);
            pen += previous.map_or(0.0, |p| scaled.kern(p, id));
            previous = Some(id);
            let glyph = id.with_scale_and_position(*scale, point(pen, y as f32));
            pen += scaled.h_advance(id);
            if let Some(outline) = scaled.outline_glyph(glyph) {
                let corner = outline.px_bounds().min;
                outline.draw(|dx, dy, coverage| {
                    draw(
                        corner.x as i64 + i64::from(dx),
                        corner.y as i64 + i64::from(dy),
                        f64::from(coverage),
                    );
                });
            }
        }
    }
}
