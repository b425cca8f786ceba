//! Axes with round numbers.

use super::canvas::{Anchor, Canvas};
use super::palette::{GRID, MUTED};

/// Distance between ticks that gives at most `most` steps over `range`: 1, 2 or 5 times a power of ten.
#[must_use]
pub fn step(range: f64, most: f64) -> f64 {
    let raw = (range / most.max(1.0)).max(f64::MIN_POSITIVE);
    let power = 10f64.powf(raw.log10().floor());
    [1.0, 2.0, 5.0, 10.0].iter().map(|m| m * power).find(|&s| s >= raw * (1.0 - 1e-9)).unwrap_or(10.0 * power)
}

/// Multiples of the step within `low..=high`, with labels of no more digits than needed.
#[must_use]
pub fn ticks(low: f64, high: f64, most: f64) -> Vec<(f64, String)> {
    if !(low.is_finite() && high.is_finite()) || high <= low {
        return Vec::new();
    }
    let step = step(high - low, most);
    let decimals = (-(step.log10() + 1e-9).floor()).clamp(0.0, 9.0) as usize;
    let first = (low / step - 1e-9).ceil() as i64;
    let last = (high / step + 1e-9).floor() as i64;
    (first..=last)
        .map(|i| {
            let value = i as f64 * step;
            (value, format!("{:.decimals$}", if i == 0 { 0.0 } else { value }))
        })
        .collect()
}

/// Unit in which `seconds` reads well, and how many of it a second has.
#[must_use]
pub fn time_unit(seconds: f64) -> (&'static str, f64) {
    match seconds {
        s if s >= 2.0 => ("s", 1.0),
        s if s >= 2e-3 => ("ms", 1e3),
        s if s >= 2e-6 => ("µs", 1e6),
        _ => ("ns", 1e9),
    }
}

/// Draws grid lines, numbers and the title of a horizontal axis below `bottom`.
pub fn horizontal(canvas: &mut Canvas, scale: &Scale, (top, bottom): (f64, f64), title: &str) {
    let pixels = scale.to.1 - scale.to.0;
    for (value, label) in ticks(scale.from.0, scale.from.1, (pixels / 90.0).floor()) {
        let x = scale.at(value);
        canvas.line(vec![(x, top), (x, bottom + 5.0)], 1.0, GRID);
        canvas.text(x, bottom + 19.0, 12.0, Anchor::Middle, false, MUTED, &label);
    }
    canvas.text((scale.to.0 + scale.to.1) / 2.0, bottom + 38.0, 13.0, Anchor::Middle, false, MUTED, title);
}

/// Maps values to pixels.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Scale {
    pub from: (f64, f64),
    pub to: (f64, f64),
}

impl Scale {
    /// The pixel of a value.
    #[must_use]
    pub fn at(&self, value: f64) -> f64 {
        self.to.0 + (value - self.from.0) / (self.from.1 - self.from.0) * (self.to.1 - self.to.0)
    }
}
