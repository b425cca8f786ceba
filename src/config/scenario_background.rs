//! The `[[background]]` tables of a scenario: work that competes with the streams.

use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use super::check::{Checker, Rule};
use super::read::read_text;
use super::scenario_file::duration;
use crate::diagnostics::printable;
use crate::simulation::dynamics::{Pattern, Span};
use crate::units::{SimDuration, SimTime};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBackground {
    pub(super) name: Spanned<String>,
    kind: Spanned<RawKind>,
    on: Option<Spanned<String>>,
    count: Option<Spanned<i64>>,
    nice: Option<Spanned<i64>>,
    gb_per_s: Option<Spanned<f64>>,
    weight: Option<Spanned<f64>>,
    first: Option<Spanned<bool>>,
    hz: Option<Spanned<f64>>,
    frame: Option<RawSpan>,
    interrupts: Option<Spanned<RawInterrupts>>,
    bursts: Option<RawBursts>,
    trace: Option<Spanned<String>>,
}

#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum RawKind {
    Thread,
    Render,
    Traffic,
}

#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum RawInterrupts {
    Kernels,
    Immediately,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawBursts {
    gap: RawSpan,
    length: RawSpan,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSpan {
    constant: Option<Spanned<String>>,
    mean: Option<Spanned<String>>,
    median: Option<Spanned<String>>,
    sigma: Option<Spanned<f64>>,
    least: Option<Spanned<String>>,
    shape: Option<Spanned<f64>>,
}

/// Competing work of a scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct BackgroundSpec {
    /// Unique name.
    pub name: String,
    /// What it is.
    pub kind: BackgroundKindSpec,
    /// Bytes per second that it demands of main memory while it runs.
    pub memory_rate: f64,
    /// Weight with which it shares main memory.
    pub memory_weight: f64,
    /// Whether memory serves it before everybody else.
    pub first: bool,
    /// When it is active.
    pub pattern: Pattern,
}

/// What competes.
#[derive(Debug, Clone, PartialEq)]
pub enum BackgroundKindSpec {
    /// Threads.
    Thread {
        /// A core (`cpu4`) or a cluster; `None` lets the scheduler place them anywhere.
        on: Option<String>,
        /// How many.
        count: u32,
        /// Weight of each.
        weight: u64,
    },
    /// Frames on a device.
    Render {
        /// The device.
        on: String,
        /// Time between refreshes.
        period: SimDuration,
        /// Time to draw one at the highest clock.
        frame: Span,
        /// Whether it interrupts a running kernel.
        immediate: bool,
    },
    /// Traffic from outside the simulated processors.
    Traffic,
}

/// Weights of nice values (`sched_prio_to_weight`): each step is a factor of 1.25.
fn weight(nice: i64) -> u64 {
    const WEIGHTS: [u64; 40] = [
        88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916, 9548, 7620, 6100, 4904, 3906,
        3121, 2501, 1991, 1586, 1277, 1024, 820, 655, 526, 423, 335, 272, 215, 172, 137, 110, 87, 70, 56, 45,
        36, 29, 23, 18, 15,
    ];
    WEIGHTS[(nice.clamp(-20, 19) + 20) as usize]
}

/// Checks one table; traces are read from `folder`.
pub(super) fn background(check: &mut Checker<'_>, raw: &RawBackground, folder: &Path) -> BackgroundSpec {
    let kind = *raw.kind.get_ref();
    let (thread, render, traffic) =
        (kind == RawKind::Thread, kind == RawKind::Render, kind == RawKind::Traffic);
    // Keys that a kind does not read are errors, like unknown ones.
    for (key, given, read) in [
        ("on", raw.on.is_some(), thread || render),
        ("count", raw.count.is_some(), thread),
        ("nice", raw.nice.is_some(), thread),
        ("first", raw.first.is_some(), traffic),
        ("hz", raw.hz.is_some(), render),
        ("frame", raw.frame.is_some(), render),
        ("interrupts", raw.interrupts.is_some(), render),
        ("bursts", raw.bursts.is_some(), thread || traffic),
        ("trace", raw.trace.is_some(), thread || traffic),
    ] {
        if given && !read {
            let message = format!("this kind of competing work does not read `{key}`");
            check.error("scenario::background", &raw.kind.span(), message, format!("remove {key}"));
        }
    }
    let missing = |check: &mut Checker<'_>, key: &str, absent: bool| {
        if absent {
            let message = format!("this kind of competing work needs `{key}`");
            check.error("scenario::background", &raw.kind.span(), message, format!("add {key}"));
        }
    };
    missing(check, "on", render && raw.on.is_none());
    missing(check, "hz", render && raw.hz.is_none());
    missing(check, "frame", render && raw.frame.is_none());
    missing(check, "gb_per_s", traffic && raw.gb_per_s.is_none());
    let number = |check: &mut Checker<'_>, value: &Option<Spanned<f64>>, neutral: f64, rule: Rule| {
        value.as_ref().map_or(neutral, |value| check.value(*value.get_ref(), &value.span(), rule))
    };
    let rate = number(check, &raw.gb_per_s, 0.0, Rule::not_negative("gb_per_s").plausible(0.0, 1000.0)) * 1e9;
    let memory_weight = number(check, &raw.weight, 1.0, Rule::within("weight", 1e-3, 1e3));
    let kind = match kind {
        RawKind::Thread => BackgroundKindSpec::Thread {
            on: raw.on.as_ref().map(|on| on.get_ref().clone()),
            count: raw.count.as_ref().map_or(1, |count| {
                let rule = Rule::within("count", 1.0, 1000.0);
                check.value(*count.get_ref() as f64, &count.span(), rule) as u32
            }),
            weight: weight(raw.nice.as_ref().map_or(0, |nice| {
                let rule = Rule::within("nice", -20.0, 19.0);
                check.value(*nice.get_ref() as f64, &nice.span(), rule) as i64
            })),
        },
        RawKind::Render => {
            let hz = number(check, &raw.hz, 60.0, Rule::within("hz", 1.0, 1000.0));
            BackgroundKindSpec::Render {
                on: raw.on.as_ref().map_or_else(String::new, |on| on.get_ref().clone()),
                period: SimDuration::from_seconds(1.0 / hz.max(1.0)),
                frame: raw
                    .frame
                    .as_ref()
                    .map_or(Span::Constant(SimDuration(1)), |frame| span(check, frame, &raw.kind)),
                immediate: raw.interrupts.as_ref().map(|i| *i.get_ref()) == Some(RawInterrupts::Immediately),
            }
        }
        RawKind::Traffic => BackgroundKindSpec::Traffic,
    };
    let pattern = match (&raw.bursts, &raw.trace) {
        (Some(_), Some(trace)) => {
            check.error(
                "scenario::background",
                &trace.span(),
                "bursts and a trace are both given",
                "keep one",
            );
            Pattern::Always
        }
        (Some(bursts), None) => Pattern::Bursts {
            gap: span(check, &bursts.gap, &raw.kind),
            length: span(check, &bursts.length, &raw.kind),
        },
        (None, Some(path)) => trace(check, path, folder, traffic),
        (None, None) => Pattern::Always,
    };
    BackgroundSpec {
        name: check.id(&raw.name),
        kind,
        memory_rate: rate,
        memory_weight,
        first: raw.first.as_ref().is_some_and(|first| *first.get_ref()),
        pattern,
    }
}

fn span(check: &mut Checker<'_>, raw: &RawSpan, place: &Spanned<RawKind>) -> Span {
    let mut time = |text: &Spanned<String>, key| duration(check, text, key);
    let shape = match (&raw.constant, &raw.mean, (&raw.median, &raw.sigma), (&raw.least, &raw.shape)) {
        (Some(span), None, (None, None), (None, None)) => Some(Span::Constant(time(span, "constant"))),
        (None, Some(mean), (None, None), (None, None)) => Some(Span::Exponential(time(mean, "mean"))),
        (None, None, (Some(median), Some(sigma)), (None, None)) => {
            let median = time(median, "median");
            let rule = Rule::within("sigma", 0.0, 5.0);
            Some(Span::LogNormal(median, check.value(*sigma.get_ref(), &sigma.span(), rule)))
        }
        (None, None, (None, None), (Some(least), Some(shape))) => {
            let least = time(least, "least");
            let rule = Rule::within("shape", 0.1, 100.0);
            Some(Span::Pareto(least, check.value(*shape.get_ref(), &shape.span(), rule)))
        }
        _ => None,
    };
    shape.unwrap_or_else(|| {
        check.error(
            "scenario::background",
            &place.span(),
            "a span of time is one of four distributions",
            "write { constant = \"4ms\" }, { mean = \"4ms\" }, { median = \"4ms\", sigma = 0.3 } or { least = \"1ms\", shape = 1.5 }",
        );
        Span::Constant(SimDuration(1_000_000))
    })
}

/// Reads `time_ms,value` rows: the share of the rate for traffic, whether there is work (above 0) for threads.
fn trace(check: &mut Checker<'_>, path: &Spanned<String>, folder: &Path, traffic: bool) -> Pattern {
    let fault = |check: &mut Checker<'_>, message: String| {
        check.error(
            "scenario::background",
            &path.span(),
            message,
            "write a CSV file with the columns time_ms,value",
        );
        Pattern::Always
    };
    let relative = Path::new(path.get_ref());
    let inside = relative.components().all(|part| matches!(part, std::path::Component::Normal(_)));
    if !inside {
        let message = format!("the path `{}` leaves the scenario's folder", printable(path.get_ref()));
        check.error("scenario::path", &path.span(), message, "put the trace beside the scenario");
        return Pattern::Always;
    }
    let text = match read_text(&folder.join(relative), 64 * 1024 * 1024) {
        Ok(text) => text,
        Err(_) => return fault(check, format!("the trace `{}` cannot be read", printable(path.get_ref()))),
    };
    let mut points: Vec<(SimTime, f64)> = Vec::new();
    for (number, line) in text.text.lines().enumerate() {
        if line.trim().is_empty() || (number == 0 && line.trim() == "time_ms,value") {
            continue;
        }
        let parsed = line.split_once(',').and_then(|(time, value)| {
            let (time, value) = (time.trim().parse::<f64>().ok()?, value.trim().parse::<f64>().ok()?);
            let fits = time >= 0.0 && value >= 0.0 && (!traffic || value <= 1.0);
            fits.then_some((SimDuration::try_from_seconds(time * 1e-3).ok()?, value))
        });
        let Some((time, value)) = parsed else {
            let range = if traffic { "a share from 0 to 1" } else { "at least 0" };
            return fault(check, format!("line {} of the trace is not a time and {range}", number + 1));
        };
        let time = SimTime(time.0);
        if points.last().is_some_and(|(last, _)| *last >= time) {
            return fault(
                check,
                format!("line {} of the trace does not come after the one before", number + 1),
            );
        }
        points.push((time, value));
    }
    if points.is_empty() { fault(check, "the trace has no rows".to_owned()) } else { Pattern::Trace(points) }
}
