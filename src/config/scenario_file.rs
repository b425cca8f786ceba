//! Scenarios: TOML to [`ScenarioSpec`].

use std::path::{Component, Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{Deserializer, Visitor};
use toml::Spanned;

use super::check::{Checker, Rule};
use super::document::Document;
use super::library::Loaded;
use super::read::{DEFAULT_SIZE_CAP, read_text};
use super::scenario::{
    ArrivalSpec, GranularitySpec, GraphSource, NetworkSpec, ParameterValue, QueuePolicy, ScenarioSpec,
    StopSpec, StrategySpec, StreamSpec, TargetSpec, TransferStart,
};
use crate::diagnostics::{Diagnostic, InputError, SourceText, nearest, printable};
use crate::soc::ExecutorName;
use crate::units::{BytesPerSec, Hertz, SimDuration, SimTime};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    schema: Spanned<i64>,
    scenario: RawScenario,
    device: Option<Spanned<String>>,
    soc: Option<Spanned<String>>,
    runtime: Option<Spanned<String>>,
    #[serde(default)]
    executors: Vec<Spanned<String>>,
    #[serde(default)]
    clock: Vec<RawClock>,
    stream: Spanned<Vec<RawStream>>,
    strategy: RawStrategy,
    network: Option<RawNetwork>,
    transfer_start: Option<RawTransferStart>,
    noise: Option<bool>,
    #[serde(default)]
    stop: RawStop,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawScenario {
    name: Spanned<String>,
    #[serde(default)]
    seed: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawClock {
    of: Spanned<String>,
    mhz: Spanned<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStream {
    name: Option<Spanned<String>>,
    model: Option<Spanned<String>>,
    dag: Option<Spanned<String>>,
    arrivals: Spanned<RawArrivals>,
    #[serde(default)]
    queue: RawQueue,
    max_in_flight: Option<Spanned<i64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawArrivals {
    kind: RawArrivalKind,
    period: Option<Spanned<String>>,
    rate_per_second: Option<Spanned<f64>>,
    count: Option<Spanned<i64>>,
    times_ms: Option<Spanned<Vec<Spanned<f64>>>>,
}

#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum RawArrivalKind {
    Single,
    BackToBack,
    Periodic,
    Poisson,
    Trace,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawQueue {
    depth: Option<Spanned<i64>>,
    policy: Option<Spanned<RawPolicy>>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
enum RawPolicy {
    Block,
    DropOldest,
    DropNewest,
    LatestOnly,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStrategy {
    name: Spanned<String>,
    granularity: Option<RawGranularity>,
    #[serde(default)]
    parameters: std::collections::BTreeMap<String, Value>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
enum RawGranularity {
    Task,
    Subgraph,
    Operator,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawNetwork {
    kind: RawNetworkKind,
    bus_gb_per_s: Option<Spanned<f64>>,
}

#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum RawNetworkKind {
    ContentionFree,
    SharedBus,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
enum RawTransferStart {
    Assignment,
    ProducerFinish,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawStop {
    requests: Option<Spanned<i64>>,
    warmup: Option<Spanned<i64>>,
    until: Option<Spanned<String>>,
}

/// A strategy parameter: flag, number or text.
struct Value(ParameterValue);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Scalar;
        impl Visitor<'_> for Scalar {
            type Value = ParameterValue;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a flag, a number or a text")
            }
            fn visit_bool<E>(self, value: bool) -> Result<ParameterValue, E> {
                Ok(ParameterValue::Flag(value))
            }
            fn visit_i64<E>(self, value: i64) -> Result<ParameterValue, E> {
                Ok(ParameterValue::Number(value as f64))
            }
            fn visit_f64<E>(self, value: f64) -> Result<ParameterValue, E> {
                Ok(ParameterValue::Number(value))
            }
            fn visit_str<E>(self, value: &str) -> Result<ParameterValue, E> {
                Ok(ParameterValue::Text(value.to_owned()))
            }
        }
        deserializer.deserialize_any(Scalar).map(Self)
    }
}

/// Reads a scenario file. Overrides are `path=value` within it; those for a profile
/// ([`profile_overrides`]) are passed over.
///
/// # Errors
/// What is wrong with the file, all faults of the first stage that finds any.
pub fn scenario(path: &Path, overrides: &[String]) -> Result<Loaded<ScenarioSpec>, InputError> {
    let text = read_text(path, DEFAULT_SIZE_CAP)?;
    scenario_text(&text, path.parent().unwrap_or(Path::new("")), overrides)
}

/// Reads a scenario from a text; paths in it are resolved against `folder`.
///
/// # Errors
/// As [`scenario`].
pub fn scenario_text(
    text: &Arc<SourceText>,
    folder: &Path,
    overrides: &[String],
) -> Result<Loaded<ScenarioSpec>, InputError> {
    let overrides: Vec<Arc<SourceText>> = overrides
        .iter()
        .filter(|text| overridden_profile(text).is_none())
        .map(|text| SourceText::new("<--set>", text.as_str()))
        .collect();
    let mut document = Document::parse(text)?;
    for text in &overrides {
        document.set(text)?;
    }
    let (raw, origins) = document.read::<RawFile>()?;
    let mut check = Checker::new(&origins);
    check.schema(&raw.schema);
    check.id(&raw.scenario.name);
    let streams = streams(&mut check, &raw, folder);
    let target = target(&mut check, &raw, &streams);
    let stop = stop(&mut check, &raw.stop);
    if stop.requests.is_none() && stop.until.is_none() {
        for (stream, raw) in streams.iter().zip(raw.stream.get_ref()) {
            if !stream.arrivals.is_finite() {
                let message =
                    format!("stream `{}` never ends and there is no stop rule", printable(&stream.name));
                check.error(
                    "scenario::stop",
                    &raw.arrivals.span(),
                    message,
                    "give the arrivals a `count`, or add [stop] requests = ... or until = \"...\"",
                );
            }
        }
    }
    let network = network(&mut check, raw.network.as_ref());
    let strategy = strategy(&mut check, raw.strategy);
    let spec = ScenarioSpec {
        name: raw.scenario.name.into_inner(),
        seed: raw.scenario.seed,
        target,
        streams,
        strategy,
        network,
        transfer_start: raw.transfer_start.map(|start| match start {
            RawTransferStart::Assignment => TransferStart::Assignment,
            RawTransferStart::ProducerFinish => TransferStart::ProducerFinish,
        }),
        noise: raw.noise.unwrap_or(true),
        stop,
    };
    let (value, warnings) = check.finish(spec)?;
    Ok(Loaded { value, warnings })
}

/// The overrides for a profile (`soc`, `device` or `runtime`), with that first word taken off:
/// `soc.memory.dram_pj_per_byte=30` is meant for the SoC, `soc=rk3588` for the scenario.
#[must_use]
pub fn profile_overrides(overrides: &[String], profile: &str) -> Vec<String> {
    overrides
        .iter()
        .filter(|text| overridden_profile(text) == Some(profile))
        .filter_map(|text| text.trim_start().split_once('.').map(|(_, rest)| rest.to_owned()))
        .collect()
}

/// The profile that an override is for, if it is for one.
fn overridden_profile(text: &str) -> Option<&str> {
    let path = text.split('=').next().unwrap_or(text).trim();
    let (first, _) = path.split_once('.')?;
    ["soc", "device", "runtime"].contains(&first).then_some(first)
}

fn target(check: &mut Checker<'_>, raw: &RawFile, streams: &[StreamSpec]) -> TargetSpec {
    let graphs = streams.iter().filter(|s| matches!(s.graph, GraphSource::TaskGraph(_))).count();
    let profiles = [raw.device.as_ref(), raw.soc.as_ref(), raw.runtime.as_ref()].into_iter().flatten().next();
    if graphs > 0 {
        if graphs < streams.len() {
            check.error(
                "scenario::graph",
                &raw.stream.span(),
                "task graphs and models do not run together",
                "give every stream a `dag`, or every stream a `model`",
            );
        }
        if let Some(profile) = profiles {
            let message = format!(
                "`{}` has no use: a task-graph file brings its own processors",
                printable(profile.get_ref())
            );
            check.error("scenario::target", &profile.span(), message, "remove device, soc and runtime");
        }
        return TargetSpec::TaskGraph;
    }
    let help = "write device = \"xiaomi-9\" or soc = \"snapdragon-855\"; `hetsoc list` prints the known ones";
    match (&raw.device, &raw.soc) {
        (Some(_), Some(soc)) => {
            check.error(
                "scenario::target",
                &soc.span(),
                "device and soc are both given; a device has its SoC",
                help,
            );
        }
        (None, None) => {
            check.error(
                "scenario::target",
                &raw.scenario.name.span(),
                "neither a device nor a soc is given",
                help,
            );
        }
        _ => {}
    }
    let runtime = raw.runtime.as_ref().map(|r| r.get_ref().clone()).unwrap_or_else(|| {
        let span = raw.scenario.name.span();
        check.error("scenario::target", &span, "no runtime is given", "write runtime = \"tflite\"");
        String::new()
    });
    let executors = raw.executors.iter().filter_map(|name| {
        let parsed = ExecutorName::from_str(name.get_ref());
        if let Err(error) = &parsed {
            let message = printable(&error.text);
            check.error(
                "soc::executor-name",
                &name.span(),
                format!("`{message}` does not name an executor"),
                "write cpu-1large3med, cpu-4small@int8 or gpu",
            );
        }
        parsed.ok()
    });
    let executors = executors.collect();
    check.unique("clock", raw.clock.iter().map(|c| &c.of));
    let clocks = raw.clock.iter().map(|c| {
        let rule = Rule::positive("mhz").plausible(1.0, 10_000.0);
        (c.of.get_ref().clone(), Hertz(check.value(*c.mhz.get_ref(), &c.mhz.span(), rule) * 1e6))
    });
    TargetSpec::Profiles {
        clocks: clocks.collect(),
        device: raw.device.as_ref().map(|d| d.get_ref().clone()),
        soc: raw.soc.as_ref().map(|s| s.get_ref().clone()),
        runtime,
        executors,
    }
}

fn streams(check: &mut Checker<'_>, raw: &RawFile, folder: &Path) -> Vec<StreamSpec> {
    if raw.stream.get_ref().is_empty() {
        check.error("scenario::graph", &raw.stream.span(), "the scenario has no stream", "add a [[stream]]");
    }
    check.unique("stream", raw.stream.get_ref().iter().filter_map(|s| s.name.as_ref()));
    raw.stream.get_ref().iter().enumerate().map(|(i, s)| stream(check, s, i, folder)).collect()
}

fn stream(check: &mut Checker<'_>, raw: &RawStream, index: usize, folder: &Path) -> StreamSpec {
    let graph = match (&raw.model, &raw.dag) {
        (Some(model), None) => {
            let name = model.get_ref();
            let is_file = name.contains(['/', '\\'])
                || Path::new(name)
                    .extension()
                    .is_some_and(|e| MODEL_FILES.contains(&e.to_string_lossy().as_ref()));
            if is_file {
                GraphSource::Model(inside(check, model, folder))
            } else {
                GraphSource::Library(name.clone())
            }
        }
        (None, Some(dag)) => GraphSource::TaskGraph(inside(check, dag, folder)),
        (Some(_), Some(dag)) => {
            check.error(
                "scenario::graph",
                &dag.span(),
                "model and dag are both given",
                "keep one of the two",
            );
            GraphSource::Library(String::new())
        }
        (None, None) => {
            let help = "write model = \"resnet50\" (`hetsoc list models`), a path, or dag = \"file.json\"";
            check.error(
                "scenario::graph",
                &raw.arrivals.span(),
                "the stream has neither model nor dag",
                help,
            );
            GraphSource::Library(String::new())
        }
    };
    let default_name = match &graph {
        GraphSource::Library(id) => id.clone(),
        GraphSource::Model(path) | GraphSource::TaskGraph(path) => {
            path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned())
        }
    };
    let name = raw
        .name
        .as_ref()
        .map(|n| check.id(n))
        .unwrap_or_else(|| if index == 0 { default_name } else { format!("{default_name}-{index}") });
    let count = |check: &mut Checker<'_>, number: Option<&Spanned<i64>>, key| {
        let number = number?;
        let rule = Rule::within(key, 1.0, f64::from(u32::MAX));
        Some(check.value(*number.get_ref() as f64, &number.span(), rule) as u32)
    };
    let queue_depth = count(check, raw.queue.depth.as_ref(), "queue.depth");
    if let (None, Some(policy)) = (queue_depth, &raw.queue.policy) {
        check.error(
            "scenario::queue",
            &policy.span(),
            "a queue policy has no effect without a depth",
            "add depth = ... to the queue, or remove the policy",
        );
    }
    StreamSpec {
        name,
        graph,
        arrivals: arrivals(check, &raw.arrivals),
        queue_depth,
        policy: raw.queue.policy.as_ref().map_or(QueuePolicy::Block, |policy| match policy.get_ref() {
            RawPolicy::Block => QueuePolicy::Block,
            RawPolicy::DropOldest => QueuePolicy::DropOldest,
            RawPolicy::DropNewest => QueuePolicy::DropNewest,
            RawPolicy::LatestOnly => QueuePolicy::LatestOnly,
        }),
        max_in_flight: count(check, raw.max_in_flight.as_ref(), "max_in_flight").unwrap_or(1),
    }
}

/// Extensions that make a model name a file.
const MODEL_FILES: [&str; 4] = ["onnx", "tflite", "csv", "json"];

/// A path that stays inside the scenario's folder.
fn inside(check: &mut Checker<'_>, name: &Spanned<String>, folder: &Path) -> PathBuf {
    let path = Path::new(name.get_ref());
    let reason = if name.get_ref().contains('\0') {
        Some("contains a NUL byte")
    } else if path.components().any(|c| matches!(c, Component::RootDir | Component::Prefix(_))) {
        Some("is absolute")
    } else if path.components().any(|c| c == Component::ParentDir) {
        Some("leaves the folder of the scenario")
    } else {
        // A symbolic link may lead out where the text does not.
        match (folder.canonicalize(), folder.join(path).canonicalize()) {
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

fn arrivals(check: &mut Checker<'_>, raw: &Spanned<RawArrivals>) -> ArrivalSpec {
    let own = raw.get_ref();
    let span = raw.span();
    let kind = own.kind;
    let given = [
        ("period", own.period.as_ref().map(Spanned::span)),
        ("rate_per_second", own.rate_per_second.as_ref().map(Spanned::span)),
        ("count", own.count.as_ref().map(Spanned::span)),
        ("times_ms", own.times_ms.as_ref().map(Spanned::span)),
    ];
    let (name, allowed, required): (&str, &[&str], Option<&str>) = match kind {
        RawArrivalKind::Single => ("single", &[], None),
        RawArrivalKind::BackToBack => ("back-to-back", &["count"], None),
        RawArrivalKind::Periodic => ("periodic", &["period", "count"], Some("period")),
        RawArrivalKind::Poisson => ("poisson", &["rate_per_second", "count"], Some("rate_per_second")),
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
        RawArrivalKind::Single => ArrivalSpec::Single,
        RawArrivalKind::BackToBack => ArrivalSpec::BackToBack { count },
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
            ArrivalSpec::Periodic { period, count }
        }
        RawArrivalKind::Poisson => {
            let rule = Rule::positive("rate_per_second").plausible(1e-3, 1e6);
            let rate_per_second =
                own.rate_per_second.as_ref().map_or(1.0, |r| check.value(*r.get_ref(), &r.span(), rule));
            ArrivalSpec::Poisson { rate_per_second, count }
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
            let rule = Rule::within("times_ms", 0.0, 1e12);
            let times = listed.iter().map(|t| {
                SimTime(SimDuration::from_seconds(check.value(*t.get_ref(), &t.span(), rule) * 1e-3).0)
            });
            ArrivalSpec::Trace { times: times.collect() }
        }
    }
}

fn duration(check: &mut Checker<'_>, text: &Spanned<String>, key: &str) -> SimDuration {
    text.get_ref().parse().unwrap_or_else(|error: crate::units::QuantityError| {
        let message = format!("{key}: {}", printable(&error.to_string()));
        check.error("scenario::unit", &text.span(), message, "write a number with its unit, like \"33.3ms\"");
        SimDuration(1)
    })
}

fn stop(check: &mut Checker<'_>, raw: &RawStop) -> StopSpec {
    let mut number = |number: &Option<Spanned<i64>>, key, low| {
        let number = number.as_ref()?;
        Some(check.value(*number.get_ref() as f64, &number.span(), Rule::within(key, low, 1e12)) as u64)
    };
    let requests = number(&raw.requests, "stop.requests", 1.0);
    let warmup = number(&raw.warmup, "stop.warmup", 0.0).unwrap_or(0);
    if let (Some(requests), Some(place)) = (requests, &raw.warmup)
        && warmup >= requests
    {
        let message = format!("warmup = {warmup} leaves nothing of {requests} requests to count");
        check.error("scenario::stop", &place.span(), message, "raise requests or lower warmup");
    }
    let until = raw.until.as_ref().map(|text| SimTime(duration(check, text, "stop.until").0));
    StopSpec { requests, warmup, until }
}

fn network(check: &mut Checker<'_>, raw: Option<&RawNetwork>) -> NetworkSpec {
    let Some(raw) = raw else { return NetworkSpec::ContentionFree };
    let rate = raw.bus_gb_per_s.as_ref().map(|rate| {
        let rule = Rule::positive("bus_gb_per_s").plausible(0.01, 1000.0);
        BytesPerSec(check.value(*rate.get_ref(), &rate.span(), rule) * 1e9)
    });
    if raw.kind == RawNetworkKind::SharedBus {
        return NetworkSpec::SharedBus(rate);
    }
    if let Some(rate) = &raw.bus_gb_per_s {
        let help = "set kind = \"shared-bus\", or remove the rate";
        check.error("config::unknown-value", &rate.span(), "a contention-free network has no bus", help);
    }
    NetworkSpec::ContentionFree
}

fn strategy(check: &mut Checker<'_>, raw: RawStrategy) -> StrategySpec {
    check.id(&raw.name);
    for (name, value) in &raw.parameters {
        if let ParameterValue::Number(number) = value.0
            && !number.is_finite()
        {
            let message = format!("parameter {} = {number} is not finite", printable(name));
            check.error("soc::not-finite", &raw.name.span(), message, "write a number");
        }
    }
    StrategySpec {
        name: raw.name.into_inner(),
        parameters: raw.parameters.into_iter().map(|(name, value)| (name, value.0)).collect(),
        granularity: raw.granularity.map(|granularity| match granularity {
            RawGranularity::Task => GranularitySpec::Task,
            RawGranularity::Subgraph => GranularitySpec::Subgraph,
            RawGranularity::Operator => GranularitySpec::Operator,
        }),
    }
}

/// An error for a strategy or model that is not known, with the nearest known one.
#[must_use]
pub fn unknown_name(what: &str, name: &str, known: &[&str]) -> InputError {
    let mut help = format!("known: {}", known.join(", "));
    if let Some(near) = nearest(name, known.iter().copied()) {
        help = format!("did you mean `{near}`? {help}");
    }
    Diagnostic::new("config::unknown-value", format!("there is no {what} `{}`", printable(name)))
        .help(help)
        .into()
}
