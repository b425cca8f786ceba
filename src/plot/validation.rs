//! Predicted against measured time of one profile, and the errors below.

use super::axis::{Scale, ticks};
use super::canvas::{Anchor, Canvas, fit};
use super::palette::{Color, GRID, IDLE, INK, MUTED};

/// A group of points that share a colour.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// What it is called.
    pub name: String,
    /// (measured, predicted) in milliseconds, above 0.
    pub points: Vec<(f64, f64)>,
    /// What a point says under the pointer.
    pub tips: Vec<String>,
}

const LEFT: f64 = 80.0;
const RIGHT: f64 = 680.0;
const TOP: f64 = 90.0;
const BOTTOM: f64 = 590.0;
const ERRORS: (f64, f64) = (650.0, 850.0);
const LEGEND: f64 = 705.0;
/// Half the side of a point.
const HALF: f64 = 2.5;

/// Okabe and Ito's colours, then greys and mixtures for more groups.
const COLORS: [u32; 10] =
    [0x0072b2, 0xd55e00, 0x009e73, 0xcc79a7, 0xe69f00, 0x56b4e9, 0x6a51a3, 0x7f7f7f, 0x8c510a, 0x1a1a1a];

/// Draws the figure; `heading` names the profile.
#[must_use]
pub fn validation(heading: &str, series: &[Series]) -> Canvas {
    let mut canvas = Canvas::new(1000.0, 920.0, &format!("Predicted against measured: {heading}"));
    let title = fit(&format!("Predicted against measured: {heading}"), 20.0, true, 960.0).unwrap_or_default();
    canvas.text(20.0, 36.0, 20.0, Anchor::Start, true, INK, &title);
    let all: Vec<(f64, f64)> = series.iter().flat_map(|s| s.points.iter().copied()).collect();
    let caption = format!("{} points; the grey band is within 10 % of the measurement", all.len());
    canvas.text(20.0, 58.0, 13.0, Anchor::Start, false, MUTED, &caption);
    let values = all.iter().flat_map(|(m, p)| [*m, *p]).filter(|v| *v > 0.0 && v.is_finite());
    let (low, high) = values.fold((f64::INFINITY, 0.0f64), |(a, b), v| (a.min(v), b.max(v)));
    if low > high {
        canvas.set_height(100.0);
        return canvas;
    }
    let range = (low.log10() - 0.05, high.log10() + 0.05);
    let x = Scale { from: range, to: (LEFT, RIGHT) };
    let y = Scale { from: range, to: (BOTTOM, TOP) };
    band(&mut canvas, &x, &y, range);
    for (value, label) in decades(range) {
        let at = (x.at(value.log10()), y.at(value.log10()));
        for (top, bottom) in [(TOP, BOTTOM), ERRORS] {
            canvas.line(vec![(at.0, top), (at.0, bottom)], 1.0, GRID);
        }
        canvas.line(vec![(LEFT, at.1), (RIGHT, at.1)], 1.0, GRID);
        canvas.text(at.0, ERRORS.1 + 19.0, 12.0, Anchor::Middle, false, MUTED, &label);
        canvas.text(at.0, BOTTOM + 17.0, 12.0, Anchor::Middle, false, MUTED, &label);
        canvas.text(LEFT - 8.0, at.1 + 4.0, 12.0, Anchor::End, false, MUTED, &label);
    }
    canvas.line(vec![(LEFT, BOTTOM), (RIGHT, TOP)], 1.0, MUTED);
    canvas.text(20.0, TOP - 10.0, 13.0, Anchor::Start, false, MUTED, "predicted, ms");
    let middle = (LEFT + RIGHT) / 2.0;
    canvas.text(
        middle,
        ERRORS.1 + 40.0,
        13.0,
        Anchor::Middle,
        false,
        MUTED,
        "measured, ms (both axes are logarithmic)",
    );
    let most = errors(&mut canvas, &x, series);
    for (at, group) in series.iter().enumerate() {
        let color = color(at);
        for (i, (measured, predicted)) in group.points.iter().enumerate() {
            let (px, py) = (x.at(measured.log10()), y.at(predicted.log10()));
            let tip = group.tips.get(i).map_or("", String::as_str);
            point(&mut canvas, px, py, color, tip);
            let error = (100.0 * (predicted / measured - 1.0)).clamp(-most, most);
            let below = Scale { from: (-most, most), to: (ERRORS.1, ERRORS.0) };
            point(&mut canvas, px, below.at(error), color, tip);
        }
    }
    legend(&mut canvas, series);
    canvas
}

fn color(at: usize) -> Color {
    Color::new(COLORS.get(at).copied().unwrap_or(0xbdbdbd)).with_opacity(0.75)
}

fn point(canvas: &mut Canvas, x: f64, y: f64, color: Color, tip: &str) {
    canvas.rectangle_with_tip(x - HALF, y - HALF, 2.0 * HALF, 2.0 * HALF, color, tip);
}

/// What is within 10 %.
fn band(canvas: &mut Canvas, x: &Scale, y: &Scale, (low, high): (f64, f64)) {
    let (up, down) = (1.1f64.log10(), 0.9f64.log10());
    let inside = |value: f64| value.clamp(low, high);
    let corner = |measured: f64, shift: f64| (x.at(inside(measured)), y.at(inside(measured + shift)));
    let points = vec![
        corner(low, up),
        corner(high - up, up),
        (x.at(high), y.at(high)),
        corner(high, down),
        corner(low - down, down),
        (x.at(low), y.at(low)),
    ];
    canvas.polygon(points, IDLE);
}

/// The frame of the errors; returns what its axis reaches, in per cent.
fn errors(canvas: &mut Canvas, x: &Scale, series: &[Series]) -> f64 {
    let mut sizes: Vec<f64> = series
        .iter()
        .flat_map(|s| s.points.iter().map(|(m, p)| 100.0 * (p / m - 1.0).abs()))
        .filter(|e| e.is_finite())
        .collect();
    sizes.sort_unstable_by(f64::total_cmp);
    // A few points far off would press all others onto the line.
    let most = crate::statistics::quantile(&sizes, 0.99).unwrap_or(10.0).clamp(12.0, 100.0) * 1.1;
    let y = Scale { from: (-most, most), to: (ERRORS.1, ERRORS.0) };
    canvas.rectangle(x.to.0, y.at(10.0), x.to.1 - x.to.0, y.at(-10.0) - y.at(10.0), IDLE);
    for (value, label) in ticks(-most, most, 6.0) {
        canvas.line(vec![(LEFT, y.at(value)), (RIGHT, y.at(value))], 1.0, GRID);
        canvas.text(LEFT - 8.0, y.at(value) + 4.0, 12.0, Anchor::End, false, MUTED, &label);
    }
    canvas.line(vec![(LEFT, y.at(0.0)), (RIGHT, y.at(0.0))], 1.0, MUTED);
    let beyond = sizes.iter().filter(|size| **size > most).count();
    let title = match beyond {
        0 => "predicted / measured - 1, per cent".to_owned(),
        count => {
            format!("predicted / measured - 1, per cent; {count} points beyond the axis lie on its edge")
        }
    };
    canvas.text(20.0, ERRORS.0 - 12.0, 13.0, Anchor::Start, false, MUTED, &title);
    most
}

/// 1, 2 and 5 times powers of ten within a range of logarithms; powers alone when there are many.
fn decades((low, high): (f64, f64)) -> Vec<(f64, String)> {
    let multiples: &[f64] = if high - low > 3.0 { &[1.0] } else { &[1.0, 2.0, 5.0] };
    let powers = low.floor() as i32..=high.ceil() as i32;
    powers
        .flat_map(|power| multiples.iter().map(move |m| (m * 10f64.powi(power), power)))
        .filter(|(value, _)| (low..=high).contains(&value.log10()))
        .map(|(value, power)| (value, format!("{value:.*}", (-power).max(0) as usize)))
        .collect()
}

fn legend(canvas: &mut Canvas, series: &[Series]) {
    for (at, group) in series.iter().enumerate() {
        let y = TOP + 10.0 + 40.0 * at as f64;
        canvas.rectangle(LEGEND, y - 9.0, 10.0, 10.0, color(at));
        let name = fit(&group.name, 13.0, false, 265.0).unwrap_or_default();
        canvas.text(LEGEND + 18.0, y, 13.0, Anchor::Start, false, INK, &name);
        let count = group.points.len().max(1) as f64;
        let sizes = || group.points.iter().map(|(m, p)| (p / m - 1.0).abs());
        let within = 100.0 * sizes().filter(|e| *e <= 0.1).count() as f64 / count;
        let text = format!("MAPE {:.1} %, {within:.0} % within 10 %", 100.0 * sizes().sum::<f64>() / count);
        canvas.text(LEGEND + 18.0, y + 16.0, 12.0, Anchor::Start, false, MUTED, &text);
    }
}
