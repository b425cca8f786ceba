//! Strategies side by side: one row for each, one column for each setting, latency against the fastest.

use super::canvas::{Anchor, Canvas, fit};
use super::palette::{Color, GRID, IDLE, INK, MUTED};
use crate::experiment::compare::{Comparison, ComparisonRow};

const LEFT: f64 = 300.0;
const TOP: f64 = 190.0;
const ROW: f64 = 26.0;

/// Draws a comparison as a table of slowdowns: latency / latency of the fastest in the same setting.
#[must_use]
pub fn comparison(comparison: &Comparison) -> Canvas {
    let settings = &comparison.settings;
    let column = (900.0 / settings.len().max(1) as f64).clamp(46.0, 120.0);
    let width = (LEFT + column * settings.len() as f64 + 30.0).max(760.0);
    let title = "Latency against the fastest strategy of each setting";
    let mut canvas = Canvas::new(width, 400.0, title);
    canvas.text(20.0, 36.0, 20.0, Anchor::Start, true, INK, title);
    let caption = format!(
        "{} replications with common random numbers, seeds from {}. Bold: fastest, or not to be told apart from it (paired t, Holm, 5 %).",
        comparison.replications, comparison.seed
    );
    canvas.text(
        20.0,
        58.0,
        12.0,
        Anchor::Start,
        false,
        MUTED,
        &fit(&caption, 12.0, false, width - 40.0).unwrap_or_default(),
    );
    let caption = "Dot: nothing is better in latency and in energy. Top row: latency of the fastest in ms.";
    canvas.text(20.0, 75.0, 12.0, Anchor::Start, false, MUTED, caption);
    for (at, setting) in settings.iter().enumerate() {
        let x = LEFT + column * (at as f64 + 0.5);
        let names = [&setting.network, &setting.device, &setting.runtime, &setting.condition];
        for (line, name) in names.iter().enumerate() {
            let same = at > 0 && previous(comparison, at).is_some_and(|before| before[line] == name.as_str());
            // A name stands once for neighbours that share it; the network always stands.
            if let Some(text) = fit(name, 11.0, line == 0, column - 6.0).filter(|_| line == 0 || !same) {
                canvas.text(x, 104.0 + 16.0 * line as f64, 11.0, Anchor::Middle, line == 0, INK, &text);
            }
        }
        let own = comparison.rows.iter().filter(|row| row.key.setting() == names.map(String::as_str));
        let least =
            own.clone().filter_map(|row| row.latency_ms.map(|l| l.mean)).fold(f64::INFINITY, f64::min);
        if least.is_finite() {
            canvas.text(x, TOP - 12.0, 11.0, Anchor::Middle, false, MUTED, &three_digits(least));
        }
        for (line, standing) in comparison.standings.iter().enumerate() {
            let row = own.clone().find(|row| row.key.alternative() == standing.alternative);
            cell(&mut canvas, (LEFT + column * at as f64, TOP + ROW * line as f64), column, row, least);
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

fn previous(comparison: &Comparison, at: usize) -> Option<[&str; 4]> {
    let setting = comparison.settings.get(at.checked_sub(1)?)?;
    Some([&setting.network, &setting.device, &setting.runtime, &setting.condition])
}

fn cell(canvas: &mut Canvas, (x, y): (f64, f64), width: f64, row: Option<&ComparisonRow>, least: f64) {
    let (w, h) = (width - 2.0, ROW - 2.0);
    let Some((row, latency)) = row.and_then(|row| Some((row, row.latency_ms?.mean))) else {
        canvas.rectangle(x + 1.0, y + 1.0, w, h, IDLE);
        canvas.text(x + width / 2.0, y + ROW / 2.0 + 4.0, 11.0, Anchor::Middle, false, MUTED, "-");
        return;
    };
    let slowdown = latency / least;
    let color = shade(slowdown);
    let tip = format!(
        "{} in {}, {}: {latency:.3} ms, {slowdown:.3} times the fastest",
        row.key.alternative(),
        row.key.network,
        row.key.device
    );
    canvas.rectangle_with_tip(x + 1.0, y + 1.0, w, h, color, &tip);
    let text = format!("{slowdown:.2}");
    canvas.text(x + width / 2.0, y + ROW / 2.0 + 4.0, 11.0, Anchor::Middle, row.winner, color.ink(), &text);
    if row.pareto {
        canvas.rectangle(x + width - 8.0, y + 4.0, 4.0, 4.0, color.ink());
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
