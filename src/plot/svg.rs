//! Writes a figure as SVG.

use std::fmt::Write;

use super::canvas::{Anchor, Canvas, Shape};
use super::font;
use super::palette::Color;

/// The whole document. Coordinates have at most two decimals.
pub(super) fn write(canvas: &Canvas) -> String {
    let (width, height) = (number(canvas.width), number(canvas.height));
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} \
         {height}\" role=\"img\" font-family=\"'{}','DejaVu Sans',Verdana,sans-serif\">\n<title>{}</title>\n",
        font::FAMILY,
        escape(&canvas.title)
    );
    out.push_str("<style>\n");
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
    let mut out = format!(
        "<rect width=\"{}\" height=\"{}\" fill=\"#fff\"/>\n",
        number(canvas.width),
        number(canvas.height)
    );
    for shape in &canvas.shapes {
        // Writing to a String cannot fail.
        let _ = match shape {
            Shape::Rectangle { x, y, width, height, color, tip } => {
                let _ = write!(
                    out,
                    "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" {}",
                    number(*x),
                    number(*y),
                    number(*width),
                    number(*height),
                    paint("fill", *color)
                );
                match tip {
                    Some(tip) => writeln!(out, "><title>{}</title></rect>", escape(tip)),
                    None => writeln!(out, "/>"),
                }
            }
            Shape::Line { points, width, color } => writeln!(
                out,
                "<polyline points=\"{}\" fill=\"none\" stroke-width=\"{}\" {}/>",
                list(points),
                number(*width),
                paint("stroke", *color)
            ),
            Shape::Polygon { points, color } => {
                writeln!(out, "<polygon points=\"{}\" {}/>", list(points), paint("fill", *color))
            }
            Shape::Text { x, y, size, anchor, bold, color, text } => writeln!(
                out,
                "<text x=\"{}\" y=\"{}\" font-size=\"{}\"{}{} {}>{}</text>",
                number(*x),
                number(*y),
                number(*size),
                match anchor {
                    Anchor::Start => "",
                    Anchor::Middle => " text-anchor=\"middle\"",
                    Anchor::End => " text-anchor=\"end\"",
                },
                if *bold { " font-weight=\"700\"" } else { "" },
                paint("fill", *color),
                escape(text)
            ),
        };
    }
    out
}

fn number(value: f64) -> String {
    let mut text = format!("{value:.2}");
    if text.contains('.') {
        text.truncate(text.trim_end_matches('0').trim_end_matches('.').len());
    }
    if text == "-0" { "0".to_owned() } else { text }
}

fn list(points: &[(f64, f64)]) -> String {
    points.iter().map(|&(x, y)| format!("{},{}", number(x), number(y))).collect::<Vec<_>>().join(" ")
}

fn paint(property: &str, color: Color) -> String {
    let [r, g, b] = color.rgb;
    if color.opacity < 1.0 {
        format!("{property}=\"#{r:02x}{g:02x}{b:02x}\" {property}-opacity=\"{}\"", number(color.opacity))
    } else {
        format!("{property}=\"#{r:02x}{g:02x}{b:02x}\"")
    }
}

/// Text for XML; control characters have become visible escapes before.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // Not characters of XML at all.
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
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
