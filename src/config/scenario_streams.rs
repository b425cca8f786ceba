//! The streams of a scenario: graphs, arrivals, queues.

use std::path::{Component, Path, PathBuf};

use toml::Spanned;

use super::check::{Checker, Rule};
use super::scenario::{GraphSource, StreamSpec};
use super::scenario_draws::cpu_time;
use super::scenario_file::{deadline, duration};
use super::scenario_raw::{RawArrivalKind, RawArrivals, RawFile, RawPolicy, RawQueue, RawStream};
use super::scenario_stages::{expand, on, unique_names};
use super::trace_file::trace;
use crate::diagnostics::printable;
use crate::record::chains::ChainLabels;
use crate::simulation::{Arrivals, QueuePolicy, RequestQueue, Stage, Work};
use crate::strategy::ServiceTarget;
use crate::units::{SimDuration, SimTime};

pub(super) fn streams(
    check: &mut Checker<'_>,
    raw: &RawFile,
    folder: &Path,
) -> (Vec<StreamSpec>, Vec<ChainLabels>) {
    if raw.stream.get_ref().is_empty() {
        check.error("scenario::graph", &raw.stream.span(), "the scenario has no stream", "add a [[stream]]");
    }
    check.unique("stream", raw.stream.get_ref().iter().filter_map(|s| s.name.as_ref()));
    let (mut streams, mut chains) = (Vec::new(), Vec::new());
    for (i, own) in raw.stream.get_ref().iter().enumerate() {
        let alone = stream(check, own, i, folder);
        let mut expanded = expand(check, own, alone, streams.len(), folder);
        for stream in &mut expanded.streams {
            stream.declared = i;
        }
        streams.append(&mut expanded.streams);
        chains.extend(expanded.chain);
    }
    unique_names(check, &streams, &raw.stream.span());
    (streams, chains)
}

/// A model by id, or by a path inside the scenario's folder.
pub(super) fn model_source(check: &mut Checker<'_>, model: &Spanned<String>, folder: &Path) -> GraphSource {
    let name = model.get_ref();
    let is_file = name.contains(['/', '\\'])
        || Path::new(name).extension().is_some_and(|e| MODEL_FILES.contains(&e.to_string_lossy().as_ref()));
    if is_file {
        GraphSource::Model(inside(check, model, folder))
    } else {
        GraphSource::Library(name.clone())
    }
}

fn stream(check: &mut Checker<'_>, raw: &RawStream, index: usize, folder: &Path) -> StreamSpec {
    let places = [
        raw.model.as_ref().map(Spanned::span),
        raw.dag.as_ref().map(Spanned::span),
        raw.cpu_time.as_ref().map(Spanned::span),
        raw.generate.as_ref().map(Spanned::span),
    ];
    let mut work = Work::Plain;
    let graph = if places.iter().flatten().count() > 1 {
        let place = places.iter().flatten().last().cloned().unwrap_or_default();
        let message = if raw.model.is_some() && raw.dag.is_some() {
            "model and dag are both given"
        } else {
            "a stream runs one of model, dag, cpu_time and generate"
        };
        check.error("scenario::graph", &place, message, "keep one of the two");
        GraphSource::Library(String::new())
    } else if let Some(model) = &raw.model {
        model_source(check, model, folder)
    } else if let Some(dag) = &raw.dag {
        GraphSource::TaskGraph(inside(check, dag, folder))
    } else if let Some(time) = &raw.cpu_time {
        let (graph, drawn) = cpu_time(check, time);
        work = drawn;
        graph
    } else {
        if raw.generate.is_none() {
            let help = "write model = \"resnet50\" (`hetsoc list models`), a path, or dag = \"file.json\"";
            check.error(
                "scenario::graph",
                &raw.arrivals.span(),
                "the stream has neither model nor dag",
                help,
            );
        }
        GraphSource::Library(String::new())
    };
    let default_name = match &graph {
        GraphSource::Library(id) if raw.generate.is_none() => id.clone(),
        GraphSource::Model(path) | GraphSource::TaskGraph(path) => {
            path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned())
        }
        _ if raw.generate.is_some() => "generate".to_owned(),
        _ => "processing".to_owned(),
    };
    let name = raw
        .name
        .as_ref()
        .map(|n| check.id(n))
        .unwrap_or_else(|| if index == 0 { default_name } else { format!("{default_name}-{index}") });
    StreamSpec {
        name,
        graph,
        arrivals: arrivals(check, &raw.arrivals, folder),
        queue: queue(check, &raw.queue, raw.max_in_flight.as_ref()),
        service: ServiceTarget {
            deadline: raw.deadline.as_ref().map(|text| deadline(check, text)),
            priority: raw.priority.as_ref().map_or(0, |number| {
                let rule = Rule::within("priority", 0.0, f64::from(u32::MAX));
                check.value(*number.get_ref() as f64, &number.span(), rule) as u32
            }),
        },
        stage: Stage { work, ..Stage::default() },
        on: on(check, raw.on.as_ref(), raw.cpu_time.is_some()),
        declared: index,
    }
}

/// The rules of a queue.
pub(super) fn queue(
    check: &mut Checker<'_>,
    raw: &RawQueue,
    max_in_flight: Option<&Spanned<i64>>,
) -> RequestQueue {
    let count = |check: &mut Checker<'_>, number: Option<&Spanned<i64>>, key, least| {
        let number = number?;
        let rule = Rule::within(key, least, f64::from(u32::MAX));
        Some(check.value(*number.get_ref() as f64, &number.span(), rule) as u32)
    };
    let queue_depth = count(check, raw.depth.as_ref(), "queue.depth", 0.0);
    if let Some(policy) = &raw.policy {
        let drops = matches!(policy.get_ref(), RawPolicy::DropOldest | RawPolicy::DropNewest);
        if drops && queue_depth.is_none() {
            let help = "add depth = ... to the queue, or remove the policy";
            check.error("scenario::queue", &policy.span(), "a queue without a depth never drops", help);
        }
        if let (RawPolicy::LatestOnly, Some(depth)) = (policy.get_ref(), &raw.depth) {
            let help = "remove the depth, or choose drop-oldest";
            check.error(
                "scenario::queue",
                &depth.span(),
                "latest-only keeps one request, whatever the depth",
                help,
            );
        }
    }
    RequestQueue {
        depth: queue_depth.unwrap_or(u32::MAX),
        policy: raw.policy.as_ref().map_or(QueuePolicy::Block, |policy| match policy.get_ref() {
            RawPolicy::Block => QueuePolicy::Block,
            RawPolicy::DropOldest => QueuePolicy::DropOldest,
            RawPolicy::DropNewest => QueuePolicy::DropNewest,
            RawPolicy::LatestOnly => QueuePolicy::LatestOnly,
        }),
        max_in_flight: count(check, max_in_flight, "max_in_flight", 1.0).unwrap_or(1),
    }
}

/// Extensions that make a model name a file.
const MODEL_FILES: [&str; 5] = ["onnx", "tflite", "csv", "json", "toml"];

/// A path that stays inside the scenario's folder.
pub(super) fn inside(check: &mut Checker<'_>, name: &Spanned<String>, folder: &Path) -> PathBuf {
    let path = Path::new(name.get_ref());
    let reason = if name.get_ref().contains('\0') {
        Some("contains a NUL byte")
    } else if path.components().any(|c| matches!(c, Component::RootDir | Component::Prefix(_))) {
        Some("is absolute")
    } else if path.components().any(|c| c == Component::ParentDir) {
        Some("leaves the folder of the scenario")
    } else {
        // A symbolic link may lead out where the text does not.
        let root = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        match (root.canonicalize(), root.join(path).canonicalize()) {
            (Ok(root), Ok(real)) if !real.starts_with(&root) => {
                Some("leads out of the folder of the scenario")
            }
            _ => None,
        }
    };
    if let Some(reason) = reason {
        check.error(
            "scenario::path",
            &name.span(),
            format!("path `{}` {reason}", printable(name.get_ref())),
            "put the file beside the scenario or below it",
        );
    }
    folder.join(path)
}

fn arrivals(check: &mut Checker<'_>, raw: &Spanned<RawArrivals>, folder: &Path) -> Arrivals {
    let own = raw.get_ref();
    let span = raw.span();
    let kind = own.kind;
    let given = [
        ("period", own.period.as_ref().map(Spanned::span)),
        ("rate_per_second", own.rate_per_second.as_ref().map(Spanned::span)),
        ("count", own.count.as_ref().map(Spanned::span)),
        ("times_ms", own.times_ms.as_ref().map(Spanned::span)),
        ("file", own.file.as_ref().map(Spanned::span)),
    ];
    let (name, allowed, required): (&str, &[&str], Option<&str>) = match kind {
        RawArrivalKind::Single => ("single", &[], None),
        RawArrivalKind::BackToBack => ("back-to-back", &["count"], None),
        RawArrivalKind::Periodic => ("periodic", &["period", "count"], Some("period")),
        RawArrivalKind::Poisson => ("poisson", &["rate_per_second", "count"], Some("rate_per_second")),
        RawArrivalKind::Trace if own.file.is_some() => ("trace", &["file"], None),
        RawArrivalKind::Trace => ("trace", &["times_ms"], Some("times_ms")),
    };
    for (key, place) in &given {
        if let Some(place) = place
            && !allowed.contains(key)
        {
            let known =
                if allowed.is_empty() { "no key besides kind".to_owned() } else { allowed.join(", ") };
            check.error(
                "scenario::arrivals",
                place,
                format!("`{key}` has no meaning for {name} arrivals"),
                format!("{name} arrivals take {known}"),
            );
        }
        if required == Some(key) && place.is_none() {
            check.error(
                "scenario::arrivals",
                &span,
                format!("{name} arrivals need `{key}`"),
                format!("add {key} = ..."),
            );
        }
    }
    let count = own
        .count
        .as_ref()
        .map(|n| check.value(*n.get_ref() as f64, &n.span(), Rule::within("count", 1.0, 1e12)) as u64);
    match kind {
        RawArrivalKind::Single => Arrivals::Single,
        RawArrivalKind::BackToBack => Arrivals::BackToBack { count },
        RawArrivalKind::Periodic => {
            let period = own.period.as_ref().map_or(SimDuration(1), |text| duration(check, text, "period"));
            if period.0 == 0
                && let Some(text) = &own.period
            {
                check.error(
                    "soc::out-of-range",
                    &text.span(),
                    "a period of 0 is endless work at one time",
                    "give a period above 0",
                );
            }
            Arrivals::Periodic { period, offset: SimDuration::ZERO, count }
        }
        RawArrivalKind::Poisson => {
            let rule = Rule::positive("rate_per_second").plausible(1e-3, 1e6);
            let rate_per_second =
                own.rate_per_second.as_ref().map_or(1.0, |r| check.value(*r.get_ref(), &r.span(), rule));
            Arrivals::Poisson { mean_gap: SimDuration::from_seconds(1.0 / rate_per_second), count }
        }
        RawArrivalKind::Trace if own.file.is_some() => {
            let Some(file) = &own.file else { return Arrivals::Single };
            let path = inside(check, file, folder);
            if check.errors.is_empty() {
                match trace(&path) {
                    Ok(times) => return Arrivals::Listed(times),
                    Err(error) => check.errors.extend(error.diagnostics),
                }
            }
            Arrivals::Single
        }
        RawArrivalKind::Trace => {
            let listed = own.times_ms.as_ref().map_or(&[][..], |times| times.get_ref().as_slice());
            if let (true, Some(times)) = (listed.is_empty(), &own.times_ms) {
                check.error(
                    "scenario::arrivals",
                    &times.span(),
                    "the trace is empty",
                    "list at least one time",
                );
            }
            for pair in listed.windows(2) {
                if pair[1].get_ref() < pair[0].get_ref() {
                    let message =
                        format!("arrival at {} ms comes after {} ms", pair[1].get_ref(), pair[0].get_ref());
                    check.error("scenario::arrivals", &pair[1].span(), message, "sort the times upwards");
                }
            }
            let rule = Rule::within("times_ms", 0.0, 1e10);
            let times = listed.iter().map(|t| {
                SimTime(SimDuration::from_seconds(check.value(*t.get_ref(), &t.span(), rule) * 1e-3).0)
            });
            Arrivals::Listed(times.collect())
        }
    }
}
