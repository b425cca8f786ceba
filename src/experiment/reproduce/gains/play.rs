//! One run of an alternative.

use super::super::runs::play_graph;
use super::ceiling::longest_way;
use super::claims::{Alternative, Place};
use crate::config::nn_stretch_artifact::nn_stretch_network;
use crate::config::{AssembleError, Assembled, Choice, assemble, hardware, scenario_text};
use crate::diagnostics::SourceText;
use crate::experiment::reproduce::ReproduceError;
use crate::experiment::{RunOptions, run_scenario};
use crate::physics::Machine;
use crate::record::summary::RunSummary;
use crate::simulation::SimulationError;
use crate::soc::{Crossing, ExecutorName, Network, Platform};
use crate::strategy::{NnStretch, Strategy, StrategySpec};
use crate::units::SimDuration;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

/// What a stream of a run is.
pub(super) struct Stream<'a> {
    pub network: &'a str,
    /// In the words of scenario files.
    pub arrivals: String,
    pub in_flight: u32,
    pub deadline_ms: Option<f64>,
}

/// Where the time of the processors went, as shares that add up to 1, and what was moved.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Shares {
    /// Executing operators.
    pub busy: f64,
    /// Dispatch, invocation, conversion.
    pub overhead: f64,
    /// Holding work that waits for data, a partner core or memory.
    pub blocked: f64,
    /// Nothing to do.
    pub idle: f64,
    /// Tensors moved for each request, host inputs and outputs included.
    pub transfers: f64,
    /// Milliseconds under way for each request, summed over its tensors.
    pub transfer_ms: f64,
    /// Milliseconds of converting for each request.
    pub conversion_ms: f64,
}

impl Shares {
    /// Adds `weight` times another.
    pub(super) fn add(&mut self, other: &Self, weight: f64) {
        self.busy += weight * other.busy;
        self.overhead += weight * other.overhead;
        self.blocked += weight * other.blocked;
        self.idle += weight * other.idle;
        self.transfers += weight * other.transfers;
        self.transfer_ms += weight * other.transfer_ms;
        self.conversion_ms += weight * other.conversion_ms;
    }
}

/// What one run came to.
pub(super) struct Played {
    pub summary: RunSummary,
    /// Of the resources behind the executors.
    pub shares: Shares,
}

/// Takes away what it costs to move, convert and invoke.
pub(super) fn make_free(platform: &mut Platform) {
    platform.crossings.fill(Crossing::NONE);
    platform.host_in.fill(Crossing::NONE);
    platform.host_out.fill(Crossing::NONE);
    platform.network = Network::ContentionFree;
    platform.executors.iter_mut().for_each(|executor| executor.invocation = SimDuration::ZERO);
}

/// Puts a scenario together. Nothing varies from run to run but arrivals that are random.
pub(super) fn prepare(
    place: &Place,
    (strategy, executors): (&str, &[&str]),
    streams: &[Stream<'_>],
    seed: u64,
) -> Result<Assembled, ReproduceError> {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let on = match place.device {
        Some(device) => format!("device = {}", quoted(device)),
        None => format!("soc = {}", quoted(place.soc)),
    };
    let executors: Vec<String> = executors.iter().map(|name| quoted(name)).collect();
    let mut text = format!(
        "schema = 1\n{on}\nruntime = {}\nexecutors = [{}]\nnoise = false\n[scenario]\nname = \"gains\"\nseed = {seed}\n\
         [strategy]\nname = \"single\"\n",
        quoted(place.runtime),
        executors.join(", "),
    );
    for (number, stream) in streams.iter().enumerate() {
        let _ = writeln!(
            text,
            "[[stream]]\nname = \"network-{number}\"\nmodel = {}\narrivals = {}\nmax_in_flight = {}",
            quoted(stream.network),
            stream.arrivals,
            stream.in_flight
        );
        if let Some(deadline) = stream.deadline_ms {
            let _ = writeln!(text, "deadline = \"{deadline:.6}ms\"");
        }
    }
    let mut spec = scenario_text(&SourceText::new("<claim>", text), Path::new(""), &[])?.value;
    spec.strategy = strategy.parse().map_err(SimulationError::from)?;
    assemble(&spec, &[], &[], None).map_err(|error| match error {
        AssembleError::Input(error) => error.into(),
        AssembleError::Strategy(error) => SimulationError::from(error).into(),
        AssembleError::Slicing(error) => error.into(),
    })
}

/// Plays what was put together; `free` takes away what moving, converting and invoking cost.
pub(super) fn play(mut assembled: Assembled, free: bool) -> Result<Played, ReproduceError> {
    if free {
        make_free(&mut assembled.problem.platform);
    }
    let options = RunOptions { record: false, baseline: false };
    let summary = run_scenario(&mut assembled, options, &mut |_| ())?.summary;
    let shares = shares(&summary, &assembled.problem.platform);
    Ok(Played { summary, shares })
}

/// Adds up the resources behind the executors.
fn shares(summary: &RunSummary, platform: &Platform) -> Shares {
    let numbers: BTreeSet<usize> =
        platform.executors.iter().flat_map(|e| &e.resources).map(|r| r.0 as usize).collect();
    let used: Vec<_> = numbers.iter().filter_map(|&number| summary.resources.get(number)).collect();
    let all = used.len().max(1) as f64 * summary.simulated_ms.max(f64::MIN_POSITIVE);
    let of = |part: fn(&crate::record::summary::ResourceSummary) -> f64| {
        used.iter().map(|resource| part(resource)).sum::<f64>() / all
    };
    let requests = summary.requests.completed.max(1) as f64;
    Shares {
        busy: of(|r| r.busy_ms),
        overhead: of(|r| r.overhead_ms),
        blocked: of(|r| r.blocked_ms + r.suspended_ms),
        idle: of(|r| r.idle_ms),
        transfers: summary.transfers.count as f64 / requests,
        transfer_ms: summary.transfers.time_ms / requests,
        conversion_ms: summary.transfers.conversion_ms / requests,
    }
}

/// One inference of a network as NN-Stretch's artifact configures it.
pub(super) struct Stretched {
    pub latency_ms: f64,
    pub shares: Shares,
    /// Milliseconds of the longest way through it.
    pub longest_way_ms: f64,
}

/// Plays the configuration `<stem>-<suffix>`.
pub(super) fn stretched(
    place: &Place,
    alternative: &Alternative,
    (stem, suffix): (&str, &str),
    free: bool,
) -> Result<Stretched, ReproduceError> {
    let executors: Vec<ExecutorName> =
        alternative.executors.iter().filter_map(|name| name.parse().ok()).collect();
    let choice = Choice {
        device: place.device,
        soc: None,
        runtime: place.runtime,
        executors: &executors,
        clocks: &[],
        overrides: &[],
    };
    let mut machine: Machine = hardware(&choice)?.value.machine;
    if free {
        make_free(&mut machine.platform);
    }
    let (built, devices) = nn_stretch_network("mi", &format!("{stem}-{suffix}"), None)?;
    let graph = built
        .graph()
        .ok_or_else(|| ReproduceError::Unknown(format!("{stem}-{suffix} has impossible sizes")))?;
    let named = |name: &str| {
        let found = machine.platform.executor_named(name);
        found.ok_or_else(|| ReproduceError::Unknown(format!("the runtime has no executor `{name}`")))
    };
    let cpu = alternative.executors.first().copied().unwrap_or_default();
    let strategy: Box<dyn Strategy> = if alternative.strategy == "nn-stretch" {
        let own = devices.iter().map(|device| named(if device == "cpu" { cpu } else { device }));
        Box::new(NnStretch::new(own.collect::<Result<_, _>>()?))
    } else {
        let spec: StrategySpec = alternative.strategy.parse().map_err(SimulationError::from)?;
        spec.build(&machine.platform).map_err(SimulationError::from)?
    };
    let longest_way_ms = 1e3 * longest_way(&graph.dag(), &machine.cost_table(&graph)?);
    let (measured, summary) = play_graph(&machine, &machine, &graph, strategy)?;
    Ok(Stretched {
        latency_ms: measured.latency_ms,
        shares: shares(&summary, &machine.platform),
        longest_way_ms,
    })
}
