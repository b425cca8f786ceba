//! The rows of the chart: requests, resources, and the transfers between them.

use super::{LABELS, Layout, MARGIN, palette};
use crate::plot::canvas::{Anchor, Canvas, fit};
use crate::plot::palette::{Color, Family, IDLE, INK, MUTED, QUEUED, REQUEST, WHITE};
use crate::record::{RequestRecord, RunRecord};
use crate::simulation::observer::{Activity, Interval};
use crate::soc::ExecutorId;

/// Rows of requests shown at most; more at once only say how many.
const MOST_LANES: usize = 5;
const LANE: f64 = 20.0;
/// Requests above which their ends are not drawn through all rows.
const MANY_REQUESTS: usize = 40;
/// Transfers above which arrows have no head and are fainter.
const MANY_ARROWS: usize = 60;
/// Spans narrower than this many pixels melt into their neighbours.
const FINEST: f64 = 0.25;

/// Colour family of a busy span.
pub(super) fn family(record: &RunRecord, span: &Interval) -> Family {
    span.operator
        .and_then(|o| record.labels.operator(span.work.request.stream, o))
        .map_or(Family::Other, |label| Family::of(label.class))
}

/// Requests in the window, side by side when they overlap.
pub(super) struct RequestLanes {
    lanes: Vec<Vec<usize>>,
    hidden: usize,
}

pub(super) fn request_lanes(record: &RunRecord, window: (f64, f64)) -> RequestLanes {
    let mut free: Vec<f64> = Vec::new();
    let mut result = RequestLanes { lanes: Vec::new(), hidden: 0 };
    for (index, request) in record.requests.iter().enumerate() {
        let (from, to) = span(record, request);
        if to < window.0 || from > window.1 {
            continue;
        }
        let lane = free.iter().position(|&until| until <= from).unwrap_or(free.len());
        if lane >= MOST_LANES {
            result.hidden += 1;
            continue;
        }
        if lane == free.len() {
            free.push(0.0);
            result.lanes.push(Vec::new());
        }
        if let (Some(until), Some(list)) = (free.get_mut(lane), result.lanes.get_mut(lane)) {
            *until = to;
            list.push(index);
        }
    }
    result
}

/// From arrival to finish, drop or the end of the run, in seconds.
fn span(record: &RunRecord, request: &RequestRecord) -> (f64, f64) {
    let over = request.finished.or(request.dropped).unwrap_or(record.end);
    (request.arrived.seconds(), over.seconds())
}

impl RequestLanes {
    pub(super) fn height(&self) -> f64 {
        let note = if self.hidden > 0 { LANE } else { 0.0 };
        self.lanes.len() as f64 * LANE + note + 24.0
    }

    pub(super) fn draw(&self, canvas: &mut Canvas, record: &RunRecord, layout: &Layout, top: f64) {
        let several = record.labels.streams.len() > 1;
        let lines = self.lanes.iter().map(Vec::len).sum::<usize>() <= MANY_REQUESTS;
        if !self.lanes.is_empty() {
            canvas.text(MARGIN, top + 14.0, 13.0, Anchor::Start, false, MUTED, "requests");
        }
        for (lane, requests) in self.lanes.iter().enumerate() {
            let y = top + lane as f64 * LANE;
            for request in requests.iter().filter_map(|&i| record.requests.get(i)) {
                let (from, to) = span(record, request);
                let served = request.admitted.map_or(to, |a| a.seconds());
                let stream = record.labels.stream(request.id.stream);
                let mut name = format!("{}", request.id.number);
                if several {
                    name = format!("{stream} {name}");
                }
                if request.warm_up {
                    name.push_str(" (warm-up)");
                }
                if request.dropped.is_some() {
                    name.push_str(" (dropped)");
                }
                let latency = request.latency().map_or_else(String::new, |l| format!(", latency {l}"));
                let tip = format!("{stream}, request {}{latency}", request.id.number);
                bar(canvas, layout, (from, served), y, LANE - 3.0, QUEUED, Some(&tip));
                let shown = bar(canvas, layout, (served, to), y, LANE - 3.0, REQUEST, Some(&tip))
                    .or(visible(layout, from, served));
                if let Some((x0, x1)) = shown {
                    // Touching requests stay apart.
                    if x1 - x0 > 4.0 {
                        canvas.rectangle(x1 - 1.0, y, 1.0, LANE - 3.0, MUTED);
                    }
                    inscribe(canvas, &name, (x0, x1), y + LANE / 2.0 + 2.5, INK);
                }
                if lines && request.finished.is_some() && to > layout.window.0 && to < layout.window.1 {
                    let x = pixel(layout, to);
                    let bottom = layout.top + layout.row_height * record.labels.resources.len() as f64;
                    canvas.line(vec![(x, y), (x, bottom)], 1.0, MUTED.with_opacity(0.45));
                }
            }
        }
        if self.hidden > 0 {
            let y = top + self.lanes.len() as f64 * LANE + 13.0;
            let text = format!("and {} more requests at the same time, most of them waiting", self.hidden);
            canvas.text(layout.time.to.0, y, 12.0, Anchor::Start, false, MUTED, &text);
        }
    }
}

/// Pixel of a time in seconds.
fn pixel(layout: &Layout, seconds: f64) -> f64 {
    let share = (seconds - layout.window.0) / (layout.window.1 - layout.window.0);
    layout.time.to.0 + share * (layout.time.to.1 - layout.time.to.0)
}

/// The pixels of a span as far as the window shows it.
fn visible(layout: &Layout, from: f64, to: f64) -> Option<(f64, f64)> {
    let (low, high) = (from.max(layout.window.0), to.min(layout.window.1));
    (low < high).then(|| (pixel(layout, low), pixel(layout, high)))
}

fn bar(
    canvas: &mut Canvas,
    layout: &Layout,
    (from, to): (f64, f64),
    y: f64,
    height: f64,
    color: Color,
    tip: Option<&str>,
) -> Option<(f64, f64)> {
    let (x0, x1) = visible(layout, from, to)?;
    match tip {
        Some(tip) => canvas.rectangle_with_tip(x0, y, x1 - x0, height, color, tip),
        None => canvas.rectangle(x0, y, x1 - x0, height, color),
    }
    Some((x0, x1))
}

/// Writes a name into a bar if there is room for a readable part of it.
fn inscribe(canvas: &mut Canvas, name: &str, (x0, x1): (f64, f64), baseline: f64, ink: Color) {
    const SIZE: f64 = 11.0;
    if let Some(text) = fit(name, SIZE, false, x1 - x0 - 6.0) {
        canvas.text((x0 + x1) / 2.0, baseline, SIZE, Anchor::Middle, false, ink, &text);
    }
}

pub(super) fn resources(canvas: &mut Canvas, record: &RunRecord, layout: &Layout) {
    let (left, right) = layout.time.to;
    for (i, resource) in record.labels.resources.iter().enumerate() {
        let y = layout.top + i as f64 * layout.row_height + 3.0;
        let height = layout.row_height - 6.0;
        let baseline = y + height / 2.0 + 4.5;
        let name = fit(&resource.name, 13.0, true, LABELS - 12.0).unwrap_or_default();
        canvas.text(MARGIN, baseline, 13.0, Anchor::Start, true, INK, &name);
        canvas.rectangle(left, y, right - left, height, IDLE);
        let mut spans: Vec<&Interval> =
            record.intervals.iter().filter(|s| usize::from(s.resource.0) == i).collect();
        spans.sort_by_key(|s| (s.start, s.end));
        // The bar that is being drawn, and grows while spans are too fine to be seen on their own.
        let mut pending: Option<(f64, f64, Color)> = None;
        for span in spans {
            let Some((x0, x1)) = visible(layout, span.start.seconds(), span.end.seconds()) else { continue };
            let color = match span.activity {
                Activity::Busy => family(record, span).color(),
                other => palette::activity(other),
            };
            if x1 - x0 < FINEST {
                match &mut pending {
                    Some((_, end, same)) if x0 - *end < FINEST && (*same == color || x1 - *end < FINEST) => {
                        *end = x1.max(*end);
                    }
                    _ => {
                        flush(canvas, &mut pending, y, height);
                        pending = Some((x0, x1.max(x0 + FINEST), color));
                    }
                }
                continue;
            }
            flush(canvas, &mut pending, y, height);
            canvas.rectangle_with_tip(x0, y, x1 - x0, height, color, &tip(record, span));
            if span.activity == Activity::Busy {
                // A hairline between operators of one colour.
                if x1 - x0 > 3.0 {
                    canvas.rectangle(x1 - 0.8, y, 0.8, height, WHITE.with_opacity(0.8));
                }
                if let Some(operator) = span.operator {
                    let name = record.labels.operator_name(span.work.request.stream, operator);
                    inscribe(canvas, &name, (x0, x1), y + height / 2.0 + 4.0, color.ink());
                }
            }
        }
        flush(canvas, &mut pending, y, height);
    }
}

fn flush(canvas: &mut Canvas, pending: &mut Option<(f64, f64, Color)>, y: f64, height: f64) {
    if let Some((x0, x1, color)) = pending.take() {
        canvas.rectangle(x0, y, x1 - x0, height, color);
    }
}

fn tip(record: &RunRecord, span: &Interval) -> String {
    let request = span.work.request;
    let what = span.operator.map_or_else(
        || format!("unit {}", span.work.unit),
        |operator| {
            let name = record.labels.operator_name(request.stream, operator);
            match record.labels.operator(request.stream, operator) {
                Some(label) => format!("{name} ({})", label.class.id()),
                None => name,
            }
        },
    );
    format!("{what}: {} for {}, request {}", span.activity.id(), span.end.since(span.start), request.number)
}

/// Arrows from the producer's row when a transfer begins to the consumer's row when it ends.
pub(super) fn transfers(canvas: &mut Canvas, record: &RunRecord, layout: &Layout) {
    let inside: Vec<_> = record
        .transfers
        .iter()
        .filter(|t| t.start.seconds() >= layout.window.0 && t.end.seconds() <= layout.window.1)
        .filter_map(|t| Some((row(record, layout, t.from?.1)?, row(record, layout, t.to?.1)?, t)))
        .collect();
    let heads = inside.len() <= MANY_ARROWS;
    for (from, to, transfer) in inside {
        let start = (pixel(layout, transfer.start.seconds()), from);
        let end = (pixel(layout, transfer.end.seconds()), to);
        arrow(canvas, start, end, heads);
    }
}

/// Middle of the row of an executor's first resource.
fn row(record: &RunRecord, layout: &Layout, executor: ExecutorId) -> Option<f64> {
    let resource = record.labels.executors.get(usize::from(executor.0))?.resources.first()?;
    Some(layout.top + (f64::from(resource.0) + 0.5) * layout.row_height)
}

pub(super) fn arrow(canvas: &mut Canvas, from: (f64, f64), to: (f64, f64), head: bool) {
    let color = INK.with_opacity(if head { 0.85 } else { 0.3 });
    // A light edge keeps the arrow visible on dark bars.
    canvas.line(vec![from, to], 2.6, WHITE.with_opacity(if head { 0.8 } else { 0.3 }));
    canvas.line(vec![from, to], 1.1, color);
    if head {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length = dx.hypot(dy).max(1e-9);
        let (ux, uy) = (dx / length, dy / length);
        let back = (to.0 - 7.0 * ux, to.1 - 7.0 * uy);
        canvas.polygon(
            vec![to, (back.0 - 3.2 * uy, back.1 + 3.2 * ux), (back.0 + 3.2 * uy, back.1 - 3.2 * ux)],
            color,
        );
    }
}
