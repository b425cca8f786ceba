//! Strategies side by side: one row for each, one column for each setting, latency against the fastest.

use super::canvas::{Anchor, Canvas, fit};
use super::palette::{Color, GRID, IDLE, INK, MUTED};
use crate::experiment::compare::{Comparison, ComparisonRow, SettingComparison};

const LEFT: f64 = 300.0;
const TOP: f64 = 206.0;
const ROW: f64 = 36.0;

/// Draws a comparison as a table of slowdowns: latency / latency of the fastest in the same setting, and energy likewise.
#[must_use]
pub fn comparison(comparison: &Comparison) -> Canvas {
    let settings = &comparison.settings;
    let column = (900.0 / settings.len().max(1) as f64).clamp(46.0, 120.0);
    let width = (LEFT + column * settings.len() as f64 + 30.0).max(800.0);
    let title = "Latency against the fastest strategy of each setting";
    let mut canvas = Canvas::new(width, 400.0, title);
    canvas.text(20.0, 36.0, 20.0, Anchor::Start, true, INK, title);
    let captions = [
        format!(
            "{} replications with common random numbers, seeds from {}. Bold: fastest, or not to be told apart from it (paired t, Holm, 5 %).",
            comparison.replications, comparison.seed
        ),
        "Darker: slower, up to four times. E: energy of an inference against the least of the setting. Square: nothing is better in both.".to_owned(),
        "Late: share of requests behind their deadline. Top row: latency of the fastest in ms.".to_owned(),
    ];
    for (line, caption) in captions.iter().enumerate() {
        let text = fit(caption, 12.0, false, width - 40.0).unwrap_or_default();
        canvas.text(20.0, 58.0 + 16.0 * line as f64, 12.0, Anchor::Start, false, MUTED, &text);
    }
    header(&mut canvas, comparison, column);
    for (at, setting) in settings.iter().enumerate() {
        let x = LEFT + column * (at as f64 + 0.5);
        let names = names(setting);
        let own = comparison.rows.iter().filter(|row| row.key.setting() == names);
        let least = |value: fn(&ComparisonRow) -> Option<f64>| {
            own.clone().filter_map(value).fold(f64::INFINITY, f64::min)
        };
        let fastest = least(|row| row.latency_ms.map(|l| l.mean));
        if fastest.is_finite() {
            canvas.text(x, TOP - 12.0, 11.0, Anchor::Middle, false, MUTED, &three_digits(fastest));
        }
        let best = (fastest, least(|row| row.energy_per_inference_mj.map(|e| e.mean)));
        for (line, standing) in comparison.standings.iter().enumerate() {
            let row = own.clone().find(|row| row.key.alternative() == standing.alternative);
            cell(&mut canvas, (LEFT + column * at as f64, TOP + ROW * line as f64), column, row, best);
        }
    }
    for (line, standing) in comparison.standings.iter().enumerate() {
        let y = TOP + ROW * (line as f64 + 0.5) + 4.0;
        let text = fit(&standing.alternative, 12.0, false, LEFT - 40.0).unwrap_or_default();
        canvas.text(LEFT - 10.0, y, 12.0, Anchor::End, false, INK, &text);
    }
    canvas.set_height(TOP + ROW * comparison.standings.len() as f64 + 30.0);
    canvas
}

fn names(setting: &SettingComparison) -> [&str; 4] {
    [&setting.network, &setting.device, &setting.runtime, &setting.condition]
}

/// What the columns are: neighbours that share a name, and those above it, have it once, over all of them.
fn header(canvas: &mut Canvas, comparison: &Comparison, column: f64) {
    // In the order in which settings vary, the slowest first.
    let lines: Vec<Vec<&str>> = comparison
        .settings
        .iter()
        .map(names)
        .map(|[network, device, runtime, condition]| vec![network, condition, device, runtime])
        .collect();
    let said = |line: usize| lines.iter().any(|names| !names[line].is_empty());
    for (height, line) in (0..4).filter(|line| said(*line)).enumerate() {
        let y = 116.0 + 18.0 * height as f64;
        let mut from = 0;
        while from < lines.len() {
            let same = |names: &&Vec<&str>| names[..=line] == lines[from][..=line];
            let count = lines[from..].iter().take_while(same).count();
            let (left, wide) = (LEFT + column * from as f64, column * count as f64);
            let name = if lines[from][line].is_empty() { "own condition" } else { lines[from][line] };
            if let Some(text) = fit(name, 11.0, height == 0, wide - 6.0) {
                canvas.text(left + wide / 2.0, y, 11.0, Anchor::Middle, height == 0, INK, &text);
            }
            canvas.line(vec![(left + 4.0, y + 4.0), (left + wide - 4.0, y + 4.0)], 0.7, GRID);
            from += count;
        }
    }
}

fn cell(
    canvas: &mut Canvas,
    (x, y): (f64, f64),
    width: f64,
    row: Option<&ComparisonRow>,
    (fastest, thriftiest): (f64, f64),
) {
    let (w, h) = (width - 2.0, ROW - 2.0);
    let Some((row, latency)) = row.and_then(|row| Some((row, row.latency_ms?.mean))) else {
        let why = row.and_then(|row| row.failure.as_deref()).unwrap_or("not asked for");
        canvas.rectangle_with_tip(x + 1.0, y + 1.0, w, h, IDLE, why);
        canvas.text(x + width / 2.0, y + ROW / 2.0 + 4.0, 11.0, Anchor::Middle, false, MUTED, "-");
        return;
    };
    let slowdown = latency / fastest;
    let color = shade(slowdown);
    let tip = format!(
        "{} in {}, {}: {latency:.3} ms, {slowdown:.3} times the fastest",
        row.key.alternative(),
        row.key.network,
        row.key.device
    );
    canvas.rectangle_with_tip(x + 1.0, y + 1.0, w, h, color, &tip);
    let text = format!("{slowdown:.2}");
    let ink = color.ink();
    canvas.text(x + width / 2.0, y + 16.0, 11.0, Anchor::Middle, row.winner, ink, &text);
    let energy = row.energy_per_inference_mj.filter(|_| thriftiest.is_finite() && thriftiest > 0.0);
    let mut below = energy.map_or_else(String::new, |e| format!("E {:.2}", e.mean / thriftiest));
    if let Some(ratio) = row.deadline_miss_ratio {
        let late = format!("late {:.0} %", 100.0 * ratio);
        // Where both do not fit, being late matters more.
        below = if width >= 100.0 && !below.is_empty() { format!("{below}, {late}") } else { late };
    }
    if let Some(text) = fit(&below, 9.0, false, width - 4.0) {
        canvas.text(x + width / 2.0, y + 29.0, 9.0, Anchor::Middle, false, ink, &text);
    }
    if row.pareto {
        canvas.rectangle(x + width - 8.0, y + 4.0, 4.0, 4.0, ink);
    }
    canvas.line(vec![(x + 1.0, y + ROW), (x + width - 1.0, y + ROW)], 0.5, GRID);
}

/// From white (the fastest) to dark blue (four times as slow and more), even in the logarithm.
fn shade(slowdown: f64) -> Color {
    let depth = (slowdown.max(1.0).ln() / 4f64.ln()).clamp(0.0, 1.0);
    let mix = |from: f64, to: f64| (from + (to - from) * depth).round() as u32;
    Color::new((mix(243.0, 8.0) << 16) | (mix(248.0, 64.0) << 8) | mix(253.0, 120.0))
}

fn three_digits(value: f64) -> String {
    let decimals = (2.0 - value.abs().max(1e-9).log10().floor()).clamp(0.0, 6.0) as usize;
    format!("{value:.decimals$}")
}
