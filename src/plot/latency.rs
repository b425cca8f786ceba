//! Distribution of latencies: a histogram above the share of requests that were at least as fast.

use super::axis::{Scale, horizontal, ticks, time_unit};
use super::canvas::{Anchor, Canvas, fit};
use super::palette::{BUSY, Color, GRID, INK, MUTED};
use crate::statistics::{Summary, quantile, summarize};

const WIDTH: f64 = 1000.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 960.0;
/// Line colours of streams; more streams than that are drawn in the last one.
const STREAMS: [Color; 6] = [
    BUSY,
    Color::new(0xd55e00),
    Color::new(0x009e73),
    Color::new(0xcc79a7),
    Color::new(0xe69f00),
    Color::new(0x404040),
];

/// Draws the distribution of latencies in milliseconds; `streams` are name and latencies of each stream.
/// `heading` names the scenario, the SoC and the seed.
#[must_use]
pub fn latency(heading: &str, streams: &[(String, Vec<f64>)]) -> Canvas {
    let mut canvas = Canvas::new(WIDTH, 660.0, &format!("Latency of {heading}"));
    let title = fit(&format!("Latency of {heading}"), 20.0, true, WIDTH - 40.0).unwrap_or_default();
    canvas.text(20.0, 40.0, 20.0, Anchor::Start, true, INK, &title);
    let all: Vec<f64> = streams.iter().flat_map(|(_, values)| values.iter().copied()).collect();
    let Some(summary) = summarize(&all) else {
        canvas.text(20.0, 70.0, 14.0, Anchor::Start, false, MUTED, "No request finished after the warm-up.");
        canvas.set_height(100.0);
        return canvas;
    };
    let (unit, per_second) = time_unit(summary.max * 1e-3);
    let factor = per_second * 1e-3;
    canvas.text(20.0, 62.0, 13.0, Anchor::Start, false, MUTED, &caption(&summary, unit, factor));
    let spread = summary.max - summary.min;
    // Equal latencies get a range, too.
    let margin = if spread > 0.0 { spread * 0.03 } else { summary.max.abs().max(1e-9) * 0.05 };
    let range = ((summary.min - margin).max(0.0) * factor, (summary.max + margin) * factor);
    let x = Scale { from: range, to: (LEFT, RIGHT) };
    let mut y = 84.0;
    if streams.len() > 1 {
        y = legend(&mut canvas, streams, y);
    }
    let upper = (y + 40.0, y + 220.0);
    let lower = (upper.1 + 66.0, upper.1 + 306.0);
    let (bars, title) = match streams.len() {
        1 => (BUSY, "number of requests"),
        _ => (MUTED, "number of requests, all streams together"),
    };
    canvas.text(20.0, upper.0 - 26.0, 13.0, Anchor::Start, false, MUTED, title);
    histogram(&mut canvas, &x, upper, &all, &summary, factor, bars);
    distribution(&mut canvas, &x, lower, streams, factor);
    marks(&mut canvas, &x, (upper, lower), &summary, factor);
    horizontal(&mut canvas, &x, (lower.1, lower.1), &format!("latency in {unit}"));
    canvas.set_height(lower.1 + 58.0);
    canvas
}

fn caption(s: &Summary, unit: &str, factor: f64) -> String {
    format!(
        "{} requests after the warm-up · mean {:.3} · median {:.3} · p90 {:.3} · p99 {:.3} · maximum {:.3} {unit}",
        s.count,
        s.mean * factor,
        s.median * factor,
        s.p90 * factor,
        s.p99 * factor,
        s.max * factor
    )
}

fn legend(canvas: &mut Canvas, streams: &[(String, Vec<f64>)], y: f64) -> f64 {
    let mut at = (20.0, y);
    for (i, (name, values)) in streams.iter().enumerate() {
        let text = fit(&format!("{name} ({})", values.len()), 12.0, false, 250.0).unwrap_or_default();
        if at.0 + 280.0 > WIDTH {
            at = (20.0, at.1 + 18.0);
        }
        canvas.rectangle(at.0, at.1 - 5.0, 16.0, 3.0, color(i));
        canvas.text(at.0 + 22.0, at.1, 12.0, Anchor::Start, false, INK, &text);
        at.0 += 290.0;
    }
    at.1 + 8.0
}

fn color(stream: usize) -> Color {
    STREAMS[stream.min(STREAMS.len() - 1)]
}

/// Bins by Freedman and Diaconis (1981), 1 to 60.
fn bins(sample: &[f64], s: &Summary) -> usize {
    let mut ascending = sample.to_vec();
    ascending.sort_unstable_by(f64::total_cmp);
    let quartile = |p| quantile(&ascending, p).unwrap_or(s.median);
    let width = 2.0 * (quartile(0.75) - quartile(0.25)) / (s.count as f64).cbrt();
    let range = s.max - s.min;
    if range <= 0.0 {
        1
    } else if width > 0.0 {
        ((range / width).ceil() as usize).clamp(5, 60)
    } else {
        30
    }
}

fn histogram(
    canvas: &mut Canvas,
    x: &Scale,
    (top, bottom): (f64, f64),
    sample: &[f64],
    s: &Summary,
    factor: f64,
    bars: Color,
) {
    let count = bins(sample, s);
    let width = (s.max - s.min) / count as f64;
    let mut heights = vec![0usize; count];
    for value in sample {
        let bin = if width > 0.0 { ((value - s.min) / width) as usize } else { 0 };
        if let Some(height) = heights.get_mut(bin.min(count - 1)) {
            *height += 1;
        }
    }
    let most = heights.iter().copied().max().unwrap_or(1).max(1) as f64;
    let y = Scale { from: (0.0, most * 1.08), to: (bottom, top) };
    for (value, label) in ticks(0.0, most, 4.0) {
        if value.fract() == 0.0 {
            canvas.line(vec![(LEFT, y.at(value)), (RIGHT, y.at(value))], 1.0, GRID);
            canvas.text(LEFT - 8.0, y.at(value) + 4.0, 12.0, Anchor::End, false, MUTED, &label);
        }
    }
    for (i, &height) in heights.iter().enumerate().filter(|(_, height)| **height > 0) {
        let (low, high) = if width > 0.0 {
            (s.min + i as f64 * width, s.min + (i + 1) as f64 * width)
        } else {
            (s.min * 0.995, s.min * 1.005)
        };
        let (x0, x1) = (x.at(low * factor), x.at(high * factor));
        let tip = format!("{:.4} to {:.4}: {height} requests", low * factor, high * factor);
        let h = y.at(0.0) - y.at(height as f64);
        canvas.rectangle_with_tip(
            x0 + 0.5,
            bottom - h,
            (x1 - x0 - 1.0).max(0.5),
            h,
            bars.with_opacity(0.75),
            &tip,
        );
    }
    canvas.line(vec![(LEFT, bottom), (RIGHT, bottom)], 1.0, MUTED);
}

fn distribution(
    canvas: &mut Canvas,
    x: &Scale,
    (top, bottom): (f64, f64),
    streams: &[(String, Vec<f64>)],
    factor: f64,
) {
    let y = Scale { from: (0.0, 1.0), to: (bottom, top) };
    for percent in [0, 25, 50, 75, 90, 100] {
        let at = y.at(f64::from(percent) / 100.0);
        canvas.line(vec![(LEFT, at), (RIGHT, at)], 1.0, GRID);
        canvas.text(LEFT - 8.0, at + 4.0, 12.0, Anchor::End, false, MUTED, &format!("{percent} %"));
    }
    canvas.text(20.0, top - 14.0, 13.0, Anchor::Start, false, MUTED, "share of requests at most this slow");
    for (i, (_, values)) in streams.iter().enumerate() {
        let mut ascending = values.clone();
        ascending.sort_unstable_by(f64::total_cmp);
        let n = ascending.len() as f64;
        let mut points = vec![(LEFT, y.at(0.0))];
        let mut level = y.at(0.0);
        // Steps that are finer than a quarter of a pixel melt together.
        let mut last = f64::NEG_INFINITY;
        for (rank, value) in ascending.iter().enumerate() {
            let at = x.at(value * factor);
            let next = y.at((rank + 1) as f64 / n);
            if at - last >= 0.25 {
                points.extend([(at, level), (at, next)]);
                last = at;
            } else if let Some(point) = points.last_mut() {
                point.1 = next;
            }
            level = next;
        }
        points.push((RIGHT, level));
        canvas.line(points, 2.0, color(i));
    }
    canvas.line(vec![(LEFT, bottom), (RIGHT, bottom)], 1.0, MUTED);
}

/// Vertical lines at the median, p90 and p99, unless they would lie on one another.
fn marks(
    canvas: &mut Canvas,
    x: &Scale,
    ((top, upper), (lower, bottom)): ((f64, f64), (f64, f64)),
    s: &Summary,
    factor: f64,
) {
    let mut taken: Vec<f64> = Vec::new();
    for (value, label) in [(s.median, "median"), (s.p99, "p99"), (s.p90, "p90")] {
        let at = x.at(value * factor);
        if taken.iter().any(|other| (other - at).abs() < 52.0) {
            continue;
        }
        taken.push(at);
        canvas.line(vec![(at, top - 4.0), (at, upper)], 1.2, INK.with_opacity(0.6));
        canvas.line(vec![(at, lower), (at, bottom)], 1.2, INK.with_opacity(0.6));
        canvas.text(at, top - 8.0, 12.0, Anchor::Middle, true, INK, label);
    }
}
