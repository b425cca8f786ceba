//! Writes a figure as SVG: plotters draws the shapes; fonts, titles and tips are added to its document.

use plotters::prelude::{IntoDrawingArea, SVGBackend};

use super::canvas::{Canvas, Shape};
use super::font;
use super::render::{self, Units};

/// Units of the document in a pixel: what is drawn is exact to a tenth of a pixel.
const FINER: f64 = 10.0;

/// The whole document.
pub(super) fn write(canvas: &Canvas) -> String {
    let (width, height) = (canvas.width.ceil(), canvas.height.ceil());
    let mut out = format!(
        "<svg width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {} {}\" xmlns=\"http://www.w3.org/2000/svg\" \
         role=\"img\">\n<title>{}</title>\n<style>\n",
        width * FINER,
        height * FINER,
        escape(&canvas.title)
    );
    for (bold, weight) in [(false, 400), (true, 700)] {
        let used = canvas.shapes.iter().any(|s| matches!(s, Shape::Text { bold: b, .. } if *b == bold));
        if used {
            out.push_str(&format!(
                "@font-face{{font-family:'{}';font-weight:{weight};src:url(data:font/ttf;base64,{})}}\n",
                font::FAMILY,
                base64(font::file(bold))
            ));
        }
    }
    out.push_str("</style>\n");
    out.push_str(&body(canvas));
    out.push_str("</svg>\n");
    out
}

/// The shapes alone, without the document around them and the fonts.
pub(super) fn body(canvas: &Canvas) -> String {
    let size = ((canvas.width * FINER).ceil() as u32, (canvas.height * FINER).ceil() as u32);
    let mut document = String::new();
    let area = SVGBackend::with_string(&mut document, size).into_drawing_area();
    // The factor between sizes and ems, and where the baseline is, are those of this backend.
    let units = Units { per_pixel: FINER, em: 1.24, rise: 0.76, bearing: 0.0, paths: true };
    // Writing to a string cannot fail.
    let tips = render::draw(canvas, &area, &units).unwrap_or_default();
    drop(area);
    let mut tips = tips.into_iter();
    let mut out = String::with_capacity(document.len());
    // An element begins a line, and no text does with a `<`. Text gets a line of its own between its tags, which
    // some viewers take for a space.
    for line in document.lines().filter(|line| !line.starts_with("<svg ") && *line != "</svg>") {
        let tip = if line.starts_with("<rect ") { tips.next().flatten() } else { None };
        match (tip, line.strip_suffix("/>")) {
            (Some(tip), Some(open)) => {
                out.push_str(&format!("{open}><title>{}</title></rect>\n", escape(tip)))
            }
            _ => {
                out.push_str(line);
                if line.starts_with("</") || line.ends_with("/>") {
                    out.push('\n');
                }
            }
        }
    }
    out
}

/// Text for XML; the canvas has replaced what is no character of XML before.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}

/// Base64 with padding (RFC 4648).
pub(super) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let word = three.iter().enumerate().fold(0u32, |w, (i, &b)| w | u32::from(b) << (16 - 8 * i));
        for i in 0..4 {
            let symbol = ALPHABET[(word >> (18 - 6 * i)) as usize & 63];
            out.push(if i <= three.len() { char::from(symbol) } else { '=' });
        }
    }
    out
}
