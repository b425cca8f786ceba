//! Gantt chart of a run: a row per resource, requests above, utilisation of the whole run at the right.

mod rows;
mod signals;

use std::collections::BTreeSet;

use super::axis::{Scale, horizontal, time_unit};
use super::canvas::{Anchor, Canvas, fit};
use super::font;
use super::palette::{self, Family, IDLE, INK, MUTED, QUEUED, REQUEST};
use crate::record::RunRecord;
use crate::simulation::observer::Activity;
use crate::units::SimTime;

/// What to draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GanttOptions {
    /// Span of simulated time to show. `None`: the whole run when it has at most 400 spans of work, else
    /// from arrival to finish of the first request after the warm-up that finished (and the title says so).
    pub window: Option<(SimTime, SimTime)>,
}

const WIDTH: f64 = 1400.0;
const MARGIN: f64 = 20.0;
const LABELS: f64 = 150.0;
const UTILIZATION: f64 = 190.0;
/// Spans of work up to which the whole run is shown.
const WHOLE_RUN: usize = 400;

/// Where things are.
struct Layout {
    time: Scale,
    /// Simulated seconds shown.
    window: (f64, f64),
    row_height: f64,
    /// Top of the first row of resources.
    top: f64,
}

/// Draws the chart.
#[must_use]
pub fn gantt(record: &RunRecord, options: GanttOptions) -> Canvas {
    let labels = &record.labels;
    let name = if labels.scenario.is_empty() { "Run" } else { labels.scenario.as_str() };
    let heading = if labels.soc.is_empty() { name.to_owned() } else { format!("{name} on {}", labels.soc) };
    let mut canvas = Canvas::new(WIDTH, 400.0, &format!("Gantt chart of {heading}"));
    let ((from, to), chosen) = window(record, options);
    let (unit, per_second) = time_unit(to.since(from).seconds());
    let window = (from.seconds(), to.seconds().max(from.seconds() + 1e-12));

    let mut y = MARGIN + 20.0;
    let heading = fit(&heading, 20.0, true, WIDTH - 2.0 * MARGIN).unwrap_or_default();
    canvas.text(MARGIN, y, 20.0, Anchor::Start, true, INK, &heading);
    y += 22.0;
    canvas.text(MARGIN, y, 13.0, Anchor::Start, false, MUTED, &subtitle(record, &chosen));
    y = legend(&mut canvas, record, window, y + 26.0);

    let lanes = rows::request_lanes(record, window);
    let many = labels.resources.len() > 16;
    let row_height = if many { 20.0 } else { 30.0 };
    let time = Scale {
        from: (window.0 * per_second, window.1 * per_second),
        to: (MARGIN + LABELS, WIDTH - MARGIN - UTILIZATION - 20.0),
    };
    let top = y + 10.0;
    let request_height = lanes.height();
    let rows_top = top + request_height;
    let bottom = rows_top + row_height * labels.resources.len() as f64;
    let title =
        if labels.resources.is_empty() { "no resources".to_owned() } else { format!("time in {unit}") };
    horizontal(&mut canvas, &time, (top, bottom), &title);

    let layout = Layout { time, window, row_height, top: rows_top };
    lanes.draw(&mut canvas, record, &layout, top);
    rows::resources(&mut canvas, record, &layout);
    rows::transfers(&mut canvas, record, &layout);
    utilization(&mut canvas, record, &layout);
    let end = signals::draw(&mut canvas, record, &layout, bottom + 38.0);
    canvas.set_height(end + MARGIN);
    canvas
}

/// The span to show and how it was chosen, for the subtitle.
fn window(record: &RunRecord, options: GanttOptions) -> ((SimTime, SimTime), String) {
    let whole = (SimTime::ZERO, record.end);
    if let Some((from, to)) = options.window.filter(|(from, to)| from < to) {
        return ((from, to), format!("{from} to {to} of {}", record.end));
    }
    if record.intervals.len() <= WHOLE_RUN {
        return (whole, format!("whole run, {}", record.end));
    }
    let finished = || record.requests.iter().filter(|r| r.finished.is_some());
    let request = finished().find(|r| !r.warm_up).or_else(|| finished().next());
    match request.and_then(|r| r.finished.map(|f| (r, r.admitted.unwrap_or(r.arrived), f))) {
        Some((r, from, to)) if from < to => {
            // A little room on either side.
            let room = to.since(from).0 / 50;
            let window = (SimTime(from.0.saturating_sub(room)), SimTime(to.0.saturating_add(room)));
            let which = if r.warm_up { "a warm-up request" } else { "the first request after the warm-up" };
            (window, format!("zoom on {which} (number {}) of a run of {}", r.id.number, record.end))
        }
        _ => (whole, format!("whole run, {}", record.end)),
    }
}

fn subtitle(record: &RunRecord, chosen: &str) -> String {
    let finished = record.requests.iter().filter(|r| r.finished.is_some()).count();
    let dropped = record.requests.iter().filter(|r| r.dropped.is_some()).count();
    let noun = if finished == 1 { "request" } else { "requests" };
    let mut text = format!("{chosen} · {finished} {noun} finished");
    if dropped > 0 {
        text.push_str(&format!(", {dropped} dropped"));
    }
    text.push_str(&format!(" · seed {}", record.labels.seed));
    if record.is_truncated() {
        text.push_str(" · later events are missing: the record was full");
    }
    text
}

/// Explains the colours that occur in the window; returns the `y` below.
fn legend(canvas: &mut Canvas, record: &RunRecord, window: (f64, f64), y: f64) -> f64 {
    let visible =
        || record.intervals.iter().filter(|s| s.end.seconds() > window.0 && s.start.seconds() < window.1);
    let families: BTreeSet<Family> =
        visible().filter(|s| s.activity == Activity::Busy).map(|s| rows::family(record, s)).collect();
    let mut entries: Vec<(palette::Color, &str)> = families.iter().map(|f| (f.color(), f.label())).collect();
    for (activity, text) in [
        (Activity::Overhead, "overhead (dispatch, conversion)"),
        (Activity::Blocked, "blocked (holds work that waits)"),
        (Activity::Suspended, "suspended"),
    ] {
        if visible().any(|s| s.activity == activity) {
            entries.push((palette::activity(activity), text));
        }
    }
    entries.push((IDLE, "idle"));
    if record.requests.iter().any(|r| r.admitted.is_some()) {
        entries.push((REQUEST, "request in service"));
    }
    if record.requests.iter().any(|r| r.admitted.is_none_or(|a| a > r.arrived)) {
        entries.push((QUEUED, "request in queue"));
    }
    let (mut x, mut y) = (MARGIN, y);
    let mut place = |width: f64| {
        if x + width > WIDTH - MARGIN {
            x = MARGIN;
            y += 20.0;
        }
        let at = (x, y);
        x += width + 20.0;
        at
    };
    for (color, text) in entries {
        let (x, y) = place(18.0 + font::width(text, 12.0, false));
        canvas.rectangle(x, y - 10.0, 13.0, 12.0, palette::MUTED);
        canvas.rectangle(x + 0.7, y - 9.3, 11.6, 10.6, color);
        canvas.text(x + 18.0, y, 12.0, Anchor::Start, false, INK, text);
    }
    let mut arrows = record.transfers.iter().filter(|t| t.from.is_some() && t.to.is_some());
    if arrows.any(|t| t.end.seconds() > window.0 && t.start.seconds() < window.1) {
        let (x, y) = place(34.0 + font::width("tensor crosses", 12.0, false));
        rows::arrow(canvas, (x, y - 8.0), (x + 26.0, y - 1.0), true);
        canvas.text(x + 32.0, y, 12.0, Anchor::Start, false, INK, "tensor crosses");
    }
    y + 12.0
}

/// Bars of the whole run at the right.
fn utilization(canvas: &mut Canvas, record: &RunRecord, layout: &Layout) {
    let left = WIDTH - MARGIN - UTILIZATION;
    let bar = UTILIZATION - 48.0;
    let horizon = record.end.0.max(1) as f64;
    canvas.text(left, layout.top - 6.0, 12.0, Anchor::Start, false, MUTED, "busy + overhead, whole run");
    for (i, resource) in record.labels.resources.iter().enumerate() {
        let y = layout.top + i as f64 * layout.row_height + 3.0;
        let height = layout.row_height - 6.0;
        canvas.rectangle(left, y, bar, height, IDLE);
        let mut x = left;
        let mut computing = 0.0;
        for (color, what, working, time) in shares(record, i) {
            let share = time as f64 / horizon;
            if working {
                computing += share;
            }
            if share > 0.0 {
                let tip = format!("{}: {what} {:.1} %", resource.name, share * 100.0);
                canvas.rectangle_with_tip(x, y, share * bar, height, color, &tip);
                x += share * bar;
            }
        }
        let percent = format!("{:.0} %", computing * 100.0);
        let baseline = y + height / 2.0 + 4.5;
        canvas.text(WIDTH - MARGIN, baseline, 12.0, Anchor::End, true, INK, &percent);
    }
}

/// Picoseconds of a resource by class of work, then by activity: colour, name, and whether it counts as
/// utilisation.
fn shares(record: &RunRecord, resource: usize) -> Vec<(palette::Color, &'static str, bool, u64)> {
    let mut shares: Vec<_> = Family::ALL.iter().map(|f| (f.color(), f.label(), true, 0)).collect();
    for activity in [Activity::Overhead, Activity::Blocked, Activity::Suspended] {
        let working = activity == Activity::Overhead;
        shares.push((palette::activity(activity), activity.id(), working, 0));
    }
    for span in record.intervals.iter().filter(|s| usize::from(s.resource.0) == resource) {
        let label = match span.activity {
            Activity::Busy => rows::family(record, span).label(),
            other => other.id(),
        };
        if let Some(share) = shares.iter_mut().find(|share| share.1 == label) {
            share.3 += span.end.since(span.start).0;
        }
    }
    shares
}
