//! Scenarios: TOML to [`ScenarioSpec`].

use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use toml::Spanned;

use super::check::{Checker, Rule};
use super::condition_file::{OVERLAID, condition_text, read_condition};
use super::document::Document;
use super::library::Loaded;
use super::read::{DEFAULT_SIZE_CAP, read_text};
use super::scenario::{GraphSource, NetworkSpec, ScenarioSpec, StopSpec, StreamSpec, TargetSpec};
use super::scenario_background::background;
use super::scenario_dynamics::dynamics;
use super::scenario_memory::memory;
use super::scenario_raw::{
    RawFile, RawGranularity, RawNetwork, RawNetworkKind, RawPredictor, RawStop, RawStrategy, RawTransferStart,
};
use super::scenario_streams::streams;
use crate::diagnostics::{Diagnostic, InputError, SourceText, printable};
use crate::predict::PredictorSpec;
use crate::simulation::Trigger;
use crate::soc::ExecutorName;
use crate::strategy::{Granularity, StrategySpec, TransferStart};
use crate::units::{BytesPerSec, Hertz, SimDuration, SimTime};

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
    let chosen = overrides.iter().rev().filter_map(|text| text.text.split_once('='));
    let chosen =
        chosen.filter(|(path, _)| path.trim() == "condition").map(|(_, name)| name.trim().trim_matches('"'));
    let named =
        chosen.map(str::to_owned).next().or_else(|| document.string("condition").map(|c| c.0.to_owned()));
    let laid_over = match &named {
        Some(name) => {
            let text = condition_text(name).map_err(|fault| placed(fault, &document))?;
            Some((read_condition(&text)?.id, text))
        }
        None => None,
    };
    if let Some((_, text)) = &laid_over {
        let mut overlay = Document::parse(text)?;
        overlay.keep(&OVERLAID);
        document = overlay.inherit(document);
    }
    for text in &overrides {
        document.set(text)?;
    }
    let (raw, origins) = document.read::<RawFile>()?;
    let mut check = Checker::new(&origins);
    check.schema(&raw.schema);
    check.id(&raw.scenario.name);
    let (streams, chains) = streams(&mut check, &raw, folder);
    let target = target(&mut check, &raw, &streams);
    let stop = stop(&mut check, &raw.stop);
    if stop.requests.is_none() && stop.until.is_none() {
        for stream in streams.iter().filter(|stream| stream.stage.trigger == Trigger::Arrivals) {
            let Some(raw) = raw.stream.get_ref().get(stream.declared) else { continue };
            if stream.arrivals.count().is_none() {
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
    for stream in streams.iter().filter(|stream| stream.stage.trigger == Trigger::Arrivals) {
        if let (Some(count), Some(place)) = (stream.arrivals.count(), &raw.stop.warmup)
            && stop.warmup >= count
            && count > 0
        {
            let message = format!(
                "warmup = {} leaves nothing of the {count} requests of `{}` to count",
                stop.warmup,
                printable(&stream.name)
            );
            check.error("scenario::stop", &place.span(), message, "raise the count or lower warmup");
        }
    }
    let network = network(&mut check, raw.network.as_ref());
    let mut dynamics = raw.dynamics.as_ref().map(|raw| dynamics(&mut check, raw.get_ref()));
    check.unique("competing work", raw.background.iter().map(|b| &b.name));
    let background: Vec<_> = raw.background.iter().map(|b| background(&mut check, b, folder)).collect();
    match (&mut dynamics, raw.background.first()) {
        (Some(dynamics), _) => dynamics.background = background,
        (None, Some(first)) => {
            let message = "competing work needs clocks and a scheduler";
            check.error("scenario::background", &first.name.span(), message, "add a [dynamics] table");
        }
        (None, None) => {}
    }
    if let Some(place) = raw.dynamics.as_ref().filter(|_| target == TargetSpec::TaskGraph) {
        let message = "a task graph has no clocks: dynamics need a SoC profile";
        check.error("scenario::dynamics", &place.span(), message, "remove [dynamics]");
    }
    let memory = raw.memory.as_ref().map(|raw| memory(&mut check, raw));
    if let Some(place) = raw.memory.as_ref().filter(|_| target == TargetSpec::TaskGraph) {
        let message = "a task graph has neither weights nor tensors that memory could hold";
        check.error("scenario::memory", &place.span(), message, "remove [memory]");
    }
    let granularity = raw.strategy.granularity.map(|granularity| match granularity {
        RawGranularity::Task => Granularity::Task,
        RawGranularity::Subgraph => Granularity::SubGraph,
        RawGranularity::Operator => Granularity::Operator,
    });
    let strategy = strategy(&mut check, raw.strategy);
    let predictor = predictor(&mut check, raw.predictor);
    let spec = ScenarioSpec {
        name: raw.scenario.name.into_inner(),
        seed: raw.scenario.seed,
        target,
        streams,
        chains,
        strategy,
        granularity,
        network,
        transfer_start: raw.transfer_start.map(|start| match start {
            RawTransferStart::Assignment => TransferStart::Assignment,
            RawTransferStart::ProducerFinish => TransferStart::ProducerFinish,
        }),
        noise: raw.noise.unwrap_or(true),
        condition: laid_over.zip(raw.condition).map(|((id, _), _)| id),
        predictor,
        dynamics,
        memory,
        stop,
    };
    let (value, warnings) = check.finish(spec)?;
    Ok(Loaded { value, warnings })
}

/// Says where an unknown condition is named.
fn placed(fault: InputError, document: &Document<'_>) -> InputError {
    let Some((_, span)) = document.string("condition") else { return fault };
    let place = |diagnostic: Diagnostic| document.origins().place(diagnostic, &span);
    InputError { diagnostics: fault.diagnostics.into_iter().map(place).collect() }
}

fn predictor(check: &mut Checker<'_>, raw: Option<RawPredictor>) -> PredictorSpec {
    let Some(raw) = raw else { return PredictorSpec::default() };
    let span = raw.name.span();
    let parameters = raw.parameters.into_iter().map(|(name, value)| (name, value.0)).collect();
    let spec = PredictorSpec { name: raw.name.into_inner(), parameters };
    if let Err(error) = spec.check() {
        let help = "`hetsoc list predictors` prints names and parameters";
        check.error("scenario::predictor", &span, error.to_string(), help);
    }
    spec
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

/// Whether an override is for a profile.
pub(super) fn is_profile_override(text: &str) -> bool {
    overridden_profile(text).is_some()
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
        (Some(_), Some(soc)) if !soc.get_ref().ends_with(".toml") => {
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

pub(super) fn duration(check: &mut Checker<'_>, text: &Spanned<String>, key: &str) -> SimDuration {
    text.get_ref().parse().unwrap_or_else(|error: crate::units::QuantityError| {
        let message = format!("{key}: {}", printable(&error.to_string()));
        check.error("scenario::unit", &text.span(), message, "write a number with its unit, like \"33.3ms\"");
        SimDuration(1)
    })
}

/// A deadline; one of no length could not be met by anything.
pub(super) fn deadline(check: &mut Checker<'_>, text: &Spanned<String>) -> SimDuration {
    let time = duration(check, text, "deadline");
    if time == SimDuration::ZERO {
        let message = format!("deadline: `{}` leaves no time at all", printable(text.get_ref()));
        check.error(
            "scenario::deadline",
            &text.span(),
            message,
            "write a time above 0 from arrival to completion, or leave the key out",
        );
    }
    time
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
        // Numbers reach the strategy as text; it checks names and values.
        if value.0.parse::<f64>().is_ok_and(|number| !number.is_finite()) {
            let message = format!("parameter {} = {} is not finite", printable(name), value.0);
            check.error("soc::not-finite", &raw.name.span(), message, "write a number");
        }
    }
    StrategySpec {
        name: raw.name.into_inner(),
        parameters: raw.parameters.into_iter().map(|(name, value)| (name, value.0)).collect(),
    }
}
