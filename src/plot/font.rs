//! The embedded font, a subset of DejaVu Sans under its own licence (`assets/LICENSE-HetsocSans.txt`).

use std::sync::Once;

use plotters::style::{FontDesc, FontFamily, FontStyle, register_font};

/// Family name of the embedded font.
pub const FAMILY: &str = "Hetsoc Sans";

/// Families in the order in which viewers of SVG try them; plotters knows the embedded font by the whole list.
const FAMILIES: &str = "Hetsoc Sans, DejaVu Sans, sans-serif";

/// Ascent plus descent in ems (table `hhea` of the font): what plotters calls the size when it draws pixels.
pub(super) const HEIGHT: f64 = (1901.0 + 483.0) / 2048.0;

const REGULAR: &[u8] = include_bytes!("assets/HetsocSans-Regular.ttf");
const BOLD: &[u8] = include_bytes!("assets/HetsocSans-Bold.ttf");

/// The font file of a weight.
#[must_use]
pub const fn file(bold: bool) -> &'static [u8] {
    if bold { BOLD } else { REGULAR }
}

/// The font for plotters, whose `size` is not that of an em.
pub(super) fn description(size: f64, bold: bool) -> FontDesc<'static> {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        // Both files are part of the program and known to be fonts: a test draws with them.
        let _ = register_font(FAMILIES, FontStyle::Normal, REGULAR);
        let _ = register_font(FAMILIES, FontStyle::Bold, BOLD);
    });
    let style = if bold { FontStyle::Bold } else { FontStyle::Normal };
    FontDesc::new(FontFamily::Name(FAMILIES), size, style)
}

/// Width in pixels of a text whose em is `size` pixels.
#[must_use]
pub fn width(text: &str, size: f64, bold: bool) -> f64 {
    // plotters gives whole pixels.
    const FINER: f64 = 64.0;
    let font = description(size * HEIGHT * FINER, bold);
    font.layout_box(text).map_or(0.0, |((left, _), (right, _))| f64::from(right - left) / FINER)
}
