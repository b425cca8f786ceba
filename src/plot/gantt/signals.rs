//! Rows of clocks, temperatures, power and memory traffic under the resources.

use super::super::canvas::{Anchor, Canvas, fit};
use super::super::palette::{Family, INK, MUTED};
use super::{LABELS, Layout, MARGIN, UTILIZATION, WIDTH};
use crate::record::RunRecord;
use crate::record::signals::Signal;
use std::collections::BTreeMap;

const HEIGHT: f64 = 64.0;
const GAP: f64 = 14.0;
/// Points that a line may have; beyond, it is thinned out to the extremes of equal spans.
const POINTS: usize = 4000;

/// Steps of one quantity: from each time on (seconds), the value.
type Steps = Vec<(f64, f64)>;

struct Row {
    title: &'static str,
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
    let holder =
        |(cache, client): (u16, u16)| format!("{}: {}", name(&labels.caches, cache), labels.client(client));
    let caches = caches.into_iter().map(|(key, steps)| (holder(key), steps)).collect();
    let one = |steps: Steps| vec![(String::new(), steps)];
    [
        Row { title: "clocks", unit: "GHz", from_zero: true, lines: clocks },
        Row { title: "processor power", unit: "W", from_zero: true, lines: one(power) },
        Row { title: "memory traffic", unit: "GB/s", from_zero: true, lines: one(traffic) },
        Row { title: "cache occupancy", unit: "MiB", from_zero: true, lines: caches },
        Row { title: "temperature", unit: "degC", from_zero: false, lines: temperatures },
    ]
    .into_iter()
    .filter(|row| row.lines.iter().any(|(_, steps)| !steps.is_empty()))
    .collect()
}

/// Draws the rows from `top` on; returns where they end.
pub(super) fn draw(canvas: &mut Canvas, record: &RunRecord, layout: &Layout, top: f64) -> f64 {
    let mut y = top;
    for row in rows(record) {
        draw_row(canvas, &row, layout, y + GAP);
        y += HEIGHT + GAP;
    }
    y
}

fn draw_row(canvas: &mut Canvas, row: &Row, layout: &Layout, top: f64) {
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
    let bottom = top + HEIGHT;
    let level = |value: f64| bottom - (value - low) / (high - low) * HEIGHT;
    let (left, right) = layout.time.to;
    canvas.line(vec![(left, bottom), (right, bottom)], 1.0, MUTED);
    let title = format!("{}, {}", row.title, row.unit);
    let title = fit(&title, 12.0, false, LABELS - 10.0).unwrap_or_default();
    canvas.text(MARGIN + LABELS - 8.0, top + 12.0, 12.0, Anchor::End, false, INK, &title);
    canvas.text(left - 4.0, bottom, 10.0, Anchor::End, false, MUTED, &number(low));
    canvas.text(left - 4.0, top + 26.0, 10.0, Anchor::End, false, MUTED, &format!("to {}", number(high)));
    let per_second = (layout.time.from.1 - layout.time.from.0) / (to - from);
    for (at, (name, steps)) in shown.iter().enumerate() {
        let color = Family::ALL[at % Family::ALL.len()].color();
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
            let y = top + 10.0 + 12.0 * at as f64;
            let x = WIDTH - MARGIN - UTILIZATION;
            canvas.rectangle(x, y - 7.0, 10.0, 3.0, color);
            let name = fit(name, 11.0, false, UTILIZATION - 20.0).unwrap_or_default();
            canvas.text(x + 14.0, y, 11.0, Anchor::Start, false, INK, &name);
        }
    }
}

fn number(value: f64) -> String {
    if value.abs() >= 100.0 { format!("{value:.0}") } else { format!("{value:.1}") }
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
