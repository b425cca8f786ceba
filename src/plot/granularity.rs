//! Time for each inference against the size of the placed unit, a line for each number of competing processes.

use super::axis::{Scale, ticks};
use super::canvas::{Anchor, Canvas};
use super::palette::{Color, GRID, INK, MUTED};
use crate::experiment::reproduce::granularity::{Dial, GranularityReport, GranularityRow};

const WIDTH: f64 = 1000.0;
const PANEL: f64 = 300.0;
const TOP: f64 = 110.0;
/// Few competitors are light, many are dark.
const LIGHT: (f64, f64, f64) = (158.0, 202.0, 225.0);
const DARK: (f64, f64, f64) = (8.0, 48.0, 107.0);

fn shade(share: f64) -> Color {
    let mix = |a: f64, b: f64| (a + (b - a) * share).round() as u32;
    Color::new(mix(LIGHT.0, DARK.0) << 16 | mix(LIGHT.1, DARK.1) << 8 | mix(LIGHT.2, DARK.2))
}

/// Draws the study: a panel for each dial.
#[must_use]
pub fn granularity(report: &GranularityReport) -> Canvas {
    let title = format!("Time for each inference of {} against the size of the placed unit", report.network);
    let turned = |dial: &Dial| report.rows.iter().any(|row| row.dial == *dial);
    let dials: Vec<Dial> = Dial::ALL.into_iter().filter(turned).collect();
    let mut canvas = Canvas::new(WIDTH, TOP + dials.len() as f64 * (PANEL + 110.0), &title);
    canvas.text(20.0, 40.0, 20.0, Anchor::Start, true, INK, &title);
    let caption = "Each line: another number of competing processes. Circle: the least of the line.";
    canvas.text(20.0, 62.0, 13.0, Anchor::Start, false, MUTED, caption);
    for (number, dial) in dials.into_iter().enumerate() {
        panel(&mut canvas, report, dial, TOP + number as f64 * (PANEL + 110.0));
    }
    canvas
}

fn panel(canvas: &mut Canvas, report: &GranularityReport, dial: Dial, top: f64) {
    let rows: Vec<&GranularityRow> = report.rows.iter().filter(|row| row.dial == dial).collect();
    let operators = "operators placed together at least";
    let (heading, axis) = match dial {
        Dial::Operators => ("Whole operators, three requests in flight".to_owned(), operators),
        Dial::Slices => (
            "Slices, one request at a time".to_owned(),
            "10^6 multiply-accumulates from which an operator is cut",
        ),
        Dial::Burst => (
            format!("Whole operators, bursts of {} frames, time of a burst / frames", report.burst),
            operators,
        ),
    };
    canvas.text(20.0, top - 14.0, 14.0, Anchor::Start, true, INK, &heading);
    let mut settings: Vec<u32> = rows.iter().map(|row| row.min_unit).collect();
    settings.sort_unstable();
    settings.dedup();
    let most = rows
        .iter()
        .filter_map(|row| row.throughput_per_s)
        .map(|rate| 1e3 / rate)
        .fold(0.0, f64::max)
        .max(1e-9);
    let y = Scale { from: (0.0, most * 1.05), to: (top + PANEL, top) };
    let x = Scale { from: (0.0, settings.len().max(2) as f64 - 1.0), to: (90.0, WIDTH - 150.0) };
    for (value, label) in ticks(0.0, most * 1.05, 6.0) {
        canvas.line(vec![(x.to.0 - 10.0, y.at(value)), (x.to.1 + 10.0, y.at(value))], 1.0, GRID);
        canvas.text(x.to.0 - 16.0, y.at(value) + 4.0, 12.0, Anchor::End, false, MUTED, &label);
    }
    for (number, setting) in settings.iter().enumerate() {
        let last = number + 1 == settings.len();
        let label = if last { "all in one piece".to_owned() } else { setting.to_string() };
        let place = (x.at(number as f64), top + PANEL + 20.0);
        canvas.text(place.0, place.1, 12.0, Anchor::Middle, false, MUTED, &label);
    }
    canvas.text((x.to.0 + x.to.1) / 2.0, top + PANEL + 42.0, 13.0, Anchor::Middle, false, MUTED, axis);
    canvas.text(20.0, top + 4.0, 13.0, Anchor::Start, false, MUTED, "ms");
    let competitors: Vec<u32> = {
        let mut all: Vec<u32> = rows.iter().map(|row| row.competitors).collect();
        all.dedup();
        all
    };
    // Labels at the end of lines keep a distance from one another.
    let mut free = f64::INFINITY;
    let mut labels: Vec<(f64, u32, Color)> = Vec::new();
    for (number, count) in competitors.iter().enumerate() {
        let color = shade(number as f64 / (competitors.len().max(2) - 1) as f64);
        let own = rows.iter().filter(|row| row.competitors == *count);
        let points: Vec<(f64, f64)> = own
            .filter_map(|row| {
                let at = settings.iter().position(|setting| *setting == row.min_unit)?;
                Some((x.at(at as f64), y.at(1e3 / row.throughput_per_s?)))
            })
            .collect();
        if let Some(best) = points.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1)) {
            canvas.polygon(circle(best, 5.0), color);
        }
        if let Some(end) = points.last() {
            labels.push((end.1, *count, color));
        }
        canvas.line(points, 2.0, color);
    }
    labels.sort_by(|a, b| b.0.total_cmp(&a.0));
    for (height, count, color) in labels {
        let height = height.min(free - 15.0);
        free = height;
        let text = if count == 1 { "1 competitor".to_owned() } else { format!("{count} competitors") };
        canvas.text(x.to.1 + 14.0, height + 4.0, 12.0, Anchor::Start, false, color, &text);
    }
}

fn circle((x, y): (f64, f64), radius: f64) -> Vec<(f64, f64)> {
    (0..16)
        .map(|step| f64::from(step) * std::f64::consts::TAU / 16.0)
        .map(|angle| (x + radius * angle.cos(), y + radius * angle.sin()))
        .collect()
}
