//! Rows of clocks, temperatures, power and memory traffic under the resources.

use super::super::axis::ticks;
use super::super::canvas::{Anchor, Canvas, fit};
use super::super::palette::{Color, Family, GRID, INK, MUTED};
use super::{LABELS, Layout, MARGIN, UTILIZATION, WIDTH};
use crate::record::RunRecord;
use crate::record::signals::Signal;
use std::collections::BTreeMap;

/// Least height of a row; the names of many lines need more.
const HEIGHT: f64 = 64.0;
/// Height of a name.
const NAME: f64 = 14.0;
const GAP: f64 = 18.0;
/// Colours of lines; the palette's yellow is hard to see on white as a line and comes last.
const COLORS: [Family; 8] = [
    Family::Convolution,
    Family::Matrix,
    Family::Elementwise,
    Family::Movement,
    Family::Depthwise,
    Family::Normalization,
    Family::Other,
    Family::Pooling,
];
/// Points that a line may have; beyond, it is thinned out to the extremes of equal spans.
const POINTS: usize = 4000;

/// Steps of one quantity: from each time on (seconds), the value.
type Steps = Vec<(f64, f64)>;

struct Row {
    title: String,
    unit: &'static str,
    from_zero: bool,
    lines: Vec<(String, Steps)>,
}

/// The rows of a record; none when nothing changed during the run.
fn rows(record: &RunRecord) -> Vec<Row> {
    if record.signals.is_empty() {
        return Vec::new();
    }
    let (mut clocks, mut temperatures) = (BTreeMap::new(), BTreeMap::new());
    let mut caches = BTreeMap::new();
    let mut powers: BTreeMap<Signal, f64> = BTreeMap::new();
    let (mut total, mut power) = (0.0, Steps::new());
    for sample in &record.signals {
        let (time, value) = (sample.time.seconds(), sample.value);
        match sample.signal {
            Signal::Clock(domain) => {
                clocks.entry(domain).or_insert_with(Steps::new).push((time, value / 1e3))
            }
            Signal::Temperature(node) => {
                temperatures.entry(node).or_insert_with(Steps::new).push((time, value))
            }
            Signal::Power(_) => {
                total += value - powers.insert(sample.signal, value).unwrap_or(0.0);
                power.push((time, total));
            }
            Signal::Cache(cache, client) => {
                caches.entry((cache, client)).or_insert_with(Steps::new).push((time, value / 1024.0))
            }
            Signal::Missed(_) => {}
        }
    }
    let name = |names: &[String], number: u16| {
        names.get(usize::from(number)).cloned().unwrap_or_else(|| number.to_string())
    };
    let domains = &record.labels.domains;
    let clocks = clocks.into_iter().map(|(domain, steps)| (name(domains, domain), steps)).collect();
    let nodes = &record.labels.nodes;
    let temperatures = temperatures.into_iter().map(|(node, steps)| (name(nodes, node), steps)).collect();
    let traffic = record.bandwidth.iter().map(|b| (b.time.seconds(), b.bytes_per_second / 1e9)).collect();
    let labels = &record.labels;
    let one = |steps: Steps| vec![(String::new(), steps)];
    let row = |title: &str, unit, from_zero, lines| Row { title: title.to_owned(), unit, from_zero, lines };
    let mut rows = vec![
        row("clocks", "GHz", true, clocks),
        row("processor power", "W", true, one(power)),
        row("memory traffic", "GB/s", true, one(traffic)),
    ];
    // A row for each cache: occupancies of different caches do not add up to anything.
    let mut of_cache: BTreeMap<u16, Vec<(String, Steps)>> = BTreeMap::new();
    for ((cache, client), steps) in caches {
        of_cache.entry(cache).or_default().push((labels.client(client).to_owned(), steps));
    }
    for (cache, lines) in of_cache {
        rows.push(row(&format!("held in {}", name(&labels.caches, cache)), "MiB", true, lines));
    }
    rows.push(row("temperature", "°C", false, temperatures));
    rows.into_iter().filter(|row| row.lines.iter().any(|(_, steps)| !steps.is_empty())).collect()
}

/// Draws the rows from `top` on; returns where they end.
pub(super) fn draw(canvas: &mut Canvas, record: &RunRecord, layout: &Layout, top: f64) -> f64 {
    let mut y = top;
    for row in rows(record) {
        let names = row.lines.iter().filter(|(name, _)| !name.is_empty()).count();
        let height = HEIGHT.max(NAME * names as f64);
        draw_row(canvas, &row, layout, y + GAP, height);
        y += height + GAP;
    }
    y
}

fn draw_row(canvas: &mut Canvas, row: &Row, layout: &Layout, top: f64, height: f64) {
    let (from, to) = layout.window;
    let shown: Vec<(&str, Steps)> =
        row.lines.iter().map(|(name, steps)| (name.as_str(), cut(steps, from, to))).collect();
    let values = shown.iter().flat_map(|(_, steps)| steps.iter().map(|step| step.1));
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    if low > high {
        return;
    }
    let low = if row.from_zero { 0.0 } else { low.floor() };
    let high = if high > low { high * 1.02 } else { low + 1.0 };
    let bottom = top + height;
    let level = |value: f64| bottom - (value - low) / (high - low) * height;
    let (left, right) = layout.time.to;
    // The grid of the chart above goes on, so that times can be read here, too.
    for (value, _) in ticks(layout.time.from.0, layout.time.from.1, ((right - left) / 90.0).floor()) {
        let x = layout.time.at(value);
        canvas.line(vec![(x, top), (x, bottom)], 1.0, GRID);
    }
    for (value, label) in ticks(low, high, 3.0) {
        let y = level(value);
        canvas.line(vec![(left, y), (right, y)], 1.0, if value == low { MUTED } else { GRID });
        canvas.text(left - 6.0, y + 3.5, 10.0, Anchor::End, false, MUTED, &label);
    }
    let title = fit(&row.title, 12.0, false, LABELS - 34.0).unwrap_or_default();
    canvas.text(MARGIN, top + 12.0, 12.0, Anchor::Start, false, INK, &title);
    canvas.text(MARGIN, top + 27.0, 11.0, Anchor::Start, false, MUTED, &format!("in {}", row.unit));
    let per_second = (layout.time.from.1 - layout.time.from.0) / (to - from);
    for (at, (name, steps)) in shown.iter().enumerate() {
        let color: Color = COLORS[at % COLORS.len()].color();
        let mut points: Vec<(f64, f64)> = Vec::with_capacity(2 * steps.len());
        for (i, &(time, value)) in steps.iter().enumerate() {
            let x = layout.time.at(time * per_second);
            if let Some(&(_, before)) = i.checked_sub(1).and_then(|i| steps.get(i)) {
                points.push((x, level(before)));
            }
            points.push((x, level(value)));
        }
        if let Some(&(_, last)) = steps.last() {
            points.push((right, level(last)));
        }
        canvas.line(points, 1.5, color);
        if !name.is_empty() {
            let y = top + 10.0 + NAME * at as f64;
            let x = WIDTH - MARGIN - UTILIZATION;
            canvas.rectangle(x, y - 7.0, 10.0, 3.0, color);
            let name = fit(name, 11.0, false, UTILIZATION - 20.0).unwrap_or_default();
            canvas.text(x + 14.0, y, 11.0, Anchor::Start, false, INK, &name);
        }
    }
}

/// The steps within a window, beginning with the value that held before it; thinned out to the extremes.
fn cut(steps: &Steps, from: f64, to: f64) -> Steps {
    let first = steps.partition_point(|step| step.0 <= from);
    let end = steps.partition_point(|step| step.0 < to);
    let mut within = Steps::new();
    if let Some(&(_, value)) = first.checked_sub(1).and_then(|i| steps.get(i)) {
        within.push((from, value));
    }
    within.extend_from_slice(steps.get(first..end.max(first)).unwrap_or_default());
    if within.len() <= POINTS {
        return within;
    }
    let chunk = within.len().div_ceil(POINTS / 2);
    let mut thin = Steps::new();
    for part in within.chunks(chunk) {
        let least = part.iter().copied().reduce(|a, b| if b.1 < a.1 { b } else { a });
        let most = part.iter().copied().reduce(|a, b| if b.1 > a.1 { b } else { a });
        let (Some(a), Some(b)) = (least, most) else { continue };
        let (first, second) = if a.0 <= b.0 { (a, b) } else { (b, a) };
        thin.push(first);
        if second != first {
            thin.push(second);
        }
    }
    thin
}
