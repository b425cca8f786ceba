//! From profiles and the `[dynamics]` table to what the simulation needs.

use super::dynamics_background::background;
use super::dynamics_thermal::thermal;
use super::hardware::Hardware;
use super::scenario_dynamics::{DynamicsSpec, GovernorSpec};
use crate::diagnostics::{Diagnostic, InputError, nearest, printable};
use crate::graph::lowered::LoweredGraph;
use crate::physics::ScalingTable;
use crate::physics::dvfs::{FULL, Governor, voted_memory_clock};
use crate::physics::scheduler::SliceRule;
use crate::simulation::dynamics::{DomainSetup, DynamicsSetup, ExecutorScaling, MemorySetup};
use crate::soc::{ExecutorId, OppTable, PowerModel, Precision, ProcessorKind, Soc};
use crate::units::{BytesPerSec, Hertz, SimDuration};

/// Time that a change of clock takes unless the scenario says otherwise. Assumed: tens of microseconds are what
/// `clock-latency-ns` of mobile device trees states.
const TRANSITION: SimDuration = SimDuration(50_000_000);

/// The dynamics of a run on `hardware`. `clocks` are those that the scenario fixes, `graphs` the number of
/// operators of each stream and its lowered graph.
///
/// # Errors
/// Governors of unknown processors, limits that no step meets.
pub(super) fn dynamics(
    spec: &DynamicsSpec,
    hardware: &Hardware,
    clocks: &[(String, Hertz)],
    graphs: &[(usize, Option<&LoweredGraph>)],
) -> Result<DynamicsSetup, InputError> {
    let (soc, machine) = (&hardware.soc, &hardware.machine);
    let processors = processors(soc);
    for governor in &spec.governors {
        if !processors.iter().any(|processor| processor.id == governor.of) {
            return Err(unknown(&governor.of, &processors, soc));
        }
        if let Some((_, clock)) = clocks.iter().find(|(of, _)| *of == governor.of) {
            let message = format!(
                "`{}` has a fixed clock of {} MHz and a governor",
                printable(&governor.of),
                clock.0 / 1e6
            );
            return Err(Diagnostic::new("scenario::dynamics", message)
                .help("remove [[clock]], or use the governor `userspace`")
                .into());
        }
    }
    let fastest = processors.iter().filter_map(|p| p.speed).fold(0.0, f64::max);
    let mut domains = Vec::new();
    for processor in &processors {
        domains.push(domain(processor, spec, clocks, fastest)?);
    }
    let mut domain_of = Vec::new();
    for resource in &machine.platform.resources {
        let position = processors.iter().position(|p| p.id == resource.cluster).unwrap_or(0);
        domain_of.push(position as u16);
    }
    let memory = memory(spec, hardware, clocks, &domains);
    let executors = (0..machine.platform.executors.len() as u16).map(|number| {
        let executor = ExecutorId(number);
        ExecutorScaling {
            invocation_domains: machine.invocation_domains(executor),
            memory_anchor: if machine.is_fitted(executor) && !memory.votes.is_empty() {
                anchor(&memory, &domains, &domain_of, machine, executor)
            } else {
                1.0
            },
        }
    });
    Ok(DynamicsSetup {
        executors: executors.collect(),
        scalings: graphs
            .iter()
            .map(|(operators, graph)| match graph {
                Some(graph) => machine.scaling_table(graph, domains.len()),
                None => {
                    let executors = machine.platform.executors.len();
                    ScalingTable::new(*operators, executors, domains.len(), |_, _| None)
                }
            })
            .collect(),
        thermal: match &spec.thermal {
            Some(spec) => Some(thermal(spec, hardware.device.as_ref(), &domains)?),
            None => None,
        },
        background: background(&spec.background, &machine.platform)?,
        caches: if spec.caches {
            super::dynamics_caches::caches(hardware, spec.system_cache_share, graphs)?
        } else {
            None
        },
        idle: if spec.idle_states { Some(super::dynamics_idle::idle(hardware, &domains)?) } else { None },
        spin: spec.spin,
        scheduler: scheduler(spec, soc),
        domain_of,
        memory,
        domains,
    })
}

struct Processor<'a> {
    id: &'a str,
    kind: ProcessorKind,
    title: &'a str,
    opps: &'a OppTable,
    power: &'a PowerModel,
    /// Operations per second of one core at its fastest clock; `None` for devices.
    speed: Option<f64>,
}

fn processors(soc: &Soc) -> Vec<Processor<'_>> {
    let clusters = soc.clusters.iter().map(|cluster| {
        let rate = cluster.ops_per_cycle.get(&Precision::Fp32).or(cluster.ops_per_cycle.values().next());
        let per_cycle = rate.map_or(1.0, |rate| rate.value);
        Processor {
            id: &cluster.id,
            kind: ProcessorKind::Cpu,
            title: &cluster.core_type,
            opps: &cluster.opps,
            power: &cluster.power,
            speed: Some(cluster.opps.highest().clock.0 * per_cycle),
        }
    });
    let devices = soc.devices.iter().map(|device| Processor {
        id: &device.id,
        kind: device.kind,
        title: &device.title,
        opps: &device.opps,
        power: &device.power,
        speed: None,
    });
    clusters.chain(devices).collect()
}

fn unknown(id: &str, processors: &[Processor<'_>], soc: &Soc) -> InputError {
    let known: Vec<&str> = processors.iter().map(|p| p.id).collect();
    let help = match nearest(id, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`? known: {}", known.join(", ")),
        None => format!("known: {}", known.join(", ")),
    };
    let message = format!("there is a governor of `{}`, which {} does not have", printable(id), soc.id);
    Diagnostic::new("soc::unknown-reference", message).help(help).into()
}

fn domain(
    processor: &Processor<'_>,
    spec: &DynamicsSpec,
    clocks: &[(String, Hertz)],
    fastest: f64,
) -> Result<DomainSetup, InputError> {
    let opps = processor.opps;
    let none = GovernorSpec {
        of: processor.id.to_owned(),
        name: None,
        clock: None,
        lowest: None,
        highest: None,
        transition: None,
    };
    let own = spec.governors.iter().find(|governor| governor.of == processor.id).unwrap_or(&none);
    let fixed =
        clocks.iter().find(|(of, _)| of == processor.id).map(|(_, clock)| opps.at_least(*clock).clock);
    let id = match (&own.name, processor.kind) {
        _ if fixed.is_some() => "userspace",
        (Some(name), _) => name,
        (None, ProcessorKind::Cpu) => &spec.cpu_governor,
        (None, _) => spec.device_governor.as_deref().unwrap_or_else(|| usual(processor)),
    };
    if let Some(clock) = own.clock
        && !opps.points.iter().any(|opp| (opp.clock.0 - clock.0).abs() <= 0.5e6)
    {
        let steps: Vec<String> = opps.points.iter().map(|opp| format!("{}", opp.clock.0 / 1e6)).collect();
        let message = format!("`{}` has no step at {} MHz", printable(processor.id), clock.0 / 1e6);
        return Err(Diagnostic::new("soc::clock-step", message)
            .help(format!("its steps are {} MHz", steps.join(", ")))
            .into());
    }
    let at_least = |clock: Hertz| opps.points.iter().position(|opp| opp.clock.0 + 0.5e6 >= clock.0);
    let at_most = |clock: Hertz| opps.points.iter().rposition(|opp| opp.clock.0 - 0.5e6 <= clock.0);
    let (lowest, highest) = (
        own.lowest.map_or(Some(0), at_least),
        own.highest.map_or(Some(opps.points.len().saturating_sub(1)), at_most),
    );
    let (Some(lowest), Some(highest)) = (lowest, highest) else {
        let message = format!("no step of `{}` lies within min_mhz and max_mhz", printable(processor.id));
        return Err(Diagnostic::new("scenario::dynamics", message).help("widen the limits").into());
    };
    if lowest > highest {
        let message = format!("no step of `{}` lies within min_mhz and max_mhz", printable(processor.id));
        return Err(Diagnostic::new("scenario::dynamics", message).help("widen the limits").into());
    }
    let clock = fixed.or(own.clock);
    let governor = Governor::named(id, clock).ok_or_else(|| {
        InputError::from(Diagnostic::new("config::unknown-value", format!("there is no governor `{id}`")))
    })?;
    let share = processor.speed.map_or(1.0, |speed| speed / fastest);
    Ok(DomainSetup {
        id: processor.id.to_owned(),
        is_cpu: processor.kind == ProcessorKind::Cpu,
        opps: opps.clone(),
        reference: fixed.unwrap_or(opps.highest().clock),
        governor,
        settable: fixed.is_none() && own.name.is_none(),
        transition: own.transition.unwrap_or(TRANSITION),
        lowest,
        highest,
        capacity: ((share * FULL as f64) as u64).clamp(1, FULL),
        power: processor.power.clone(),
    })
}

/// The defaults of the kernel for this number of cores, or what the scenario says.
fn scheduler(spec: &DynamicsSpec, soc: &Soc) -> SliceRule {
    let own = &spec.scheduler;
    let usual = SliceRule::for_cores(soc.clusters.iter().map(|cluster| cluster.cores).sum());
    SliceRule {
        latency: own.latency.unwrap_or(usual.latency),
        granularity: own.granularity.unwrap_or(usual.granularity),
        wakeup: own.wakeup.unwrap_or(usual.wakeup),
        tick: own.tick.unwrap_or(usual.tick),
        migration_cost: own.migration_cost.unwrap_or(usual.migration_cost),
    }
}

/// The governor that phones with this device use.
fn usual(processor: &Processor<'_>) -> &'static str {
    if processor.title.starts_with("Adreno") { "msm-simple-ondemand" } else { "simple-ondemand" }
}

fn memory(
    spec: &DynamicsSpec,
    hardware: &Hardware,
    clocks: &[(String, Hertz)],
    domains: &[DomainSetup],
) -> MemorySetup {
    let memory = &hardware.soc.memory;
    let reference = hardware.machine.platform.memory_bandwidth.unwrap_or(memory.achievable.value);
    let fixed = !spec.memory_follows_votes || clocks.iter().any(|(of, _)| of == "memory");
    let votes = if fixed || memory.votes.is_empty() {
        Vec::new()
    } else {
        let rate = |domain: &DomainSetup, clock| {
            memory.bandwidth(voted_memory_clock(memory, [(domain.id.as_str(), clock)]))
        };
        let of = |domain: &DomainSetup| -> Vec<BytesPerSec> {
            domain.opps.points.iter().map(|opp| rate(domain, opp.clock)).collect()
        };
        domains.iter().map(of).collect()
    };
    let least = memory.bandwidth(voted_memory_clock(memory, []));
    MemorySetup {
        reference,
        least,
        votes,
        interference: memory.interference.as_ref().map(|interference| interference.value),
        slowdowns: super::soc_slowdown::by_domain(memory, domains),
    }
}

/// The rate that an executor alone votes for at its fastest clocks / the reference rate.
fn anchor(
    memory: &MemorySetup,
    domains: &[DomainSetup],
    domain_of: &[u16],
    machine: &crate::physics::Machine,
    executor: ExecutorId,
) -> f64 {
    let resources = &machine.platform.executor(executor).resources;
    let alone = resources.iter().filter_map(|resource| {
        let domain = usize::from(*domain_of.get(usize::from(resource.0))?);
        let step = domains.get(domain)?.opps.points.len().checked_sub(1)?;
        Some(memory.votes.get(domain)?.get(step)?.0)
    });
    alone.fold(memory.least.0, f64::max) / memory.reference.0
}
