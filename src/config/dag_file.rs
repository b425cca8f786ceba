//! Plain task graphs with a cost for every processor, as JSON.
//!
//! One object: `name`, `seed`, `platform {pes[] {id, name, speed}, latency_us, bandwidth_bytes_per_us}`,
//! `tasks[] {id, kind, work, cost[], dram_bytes}`, `edges[] [source, target, bytes]`, `crossings[] [edge, from, to, us]`, `arrivals_us[]`. `cost[p]` is the execution time in
//! microseconds on processor `p`, `null` where the task cannot run. Tasks may have any topological structure; several
//! sources and sinks are allowed; an instance is complete when all its tasks are.

use super::dag_memory::{self, RawCrossing};
use crate::diagnostics::{Diagnostic, InputError, SourceText, printable};
use crate::engine::Limits;
use crate::graph::dag::Dag;
use crate::physics::{Bound, CostTable, OperatorCost};
use crate::simulation::{Arrivals, Problem, RequestQueue, StreamProblem};
use crate::soc::{Crossing, Dispersion, Executor, Network, Platform, ProcessorKind, Resource, ResourceId};
use crate::strategy::{Granularity, ServiceTarget};
use crate::units::{BytesPerSec, SimDuration, SimTime, Watts};
use serde::Deserialize;
use std::sync::Arc;

/// Largest number of processors: executors are numbered in 16 bits and the scan over them is linear.
const MAX_PROCESSORS: usize = 1024;
/// Largest number of tasks.
const MAX_TASKS: usize = 10_000_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDag {
    #[serde(default)]
    name: String,
    #[serde(default, rename = "seed")]
    _seed: Option<serde_json::Number>,
    platform: RawPlatform,
    tasks: Vec<RawTask>,
    edges: Vec<(u32, u32, f64)>,
    #[serde(default)]
    crossings: Vec<RawCrossing>,
    #[serde(default = "at_zero")]
    arrivals_us: Vec<f64>,
}

fn at_zero() -> Vec<f64> {
    vec![0.0]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPlatform {
    pes: Vec<RawProcessor>,
    latency_us: f64,
    bandwidth_bytes_per_us: f64,
    #[serde(default)]
    memory_bytes_per_us: Option<f64>,
    #[serde(default, rename = "semantics")]
    _semantics: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawProcessor {
    id: u32,
    name: String,
    #[serde(default, rename = "speed")]
    _speed: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTask {
    id: u32,
    #[serde(default, rename = "kind")]
    _kind: Option<u32>,
    #[serde(default, rename = "work")]
    _work: Option<f64>,
    cost: Vec<Option<f64>>,
    #[serde(default)]
    dram_bytes: Option<f64>,
}

/// How the transfers of a plain task graph share the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DagNetwork {
    /// Each transfer takes latency + bytes / bandwidth, whatever else moves.
    ContentionFree,
    /// After its latency each transfer shares one bus with the others.
    SharedBus,
}

/// Reads a task graph into a problem that any strategy can play at operator granularity.
///
/// # Errors
/// [`InputError`] naming line and column, or the task, edge or processor at fault.
pub fn read_dag(source: &Arc<SourceText>, network: DagNetwork) -> Result<Problem, InputError> {
    read(source, network).map_err(|mut error| {
        // Faults of meaning name the task or edge; they lack the file.
        for diagnostic in error.diagnostics.iter_mut().filter(|d| d.location.is_none()) {
            diagnostic.message = format!("{}: {}", source.name, diagnostic.message);
        }
        error
    })
}

fn read(source: &Arc<SourceText>, network: DagNetwork) -> Result<Problem, InputError> {
    let raw: RawDag = serde_json::from_str(&source.text)
        .map_err(|error| super::json::syntax("dag::syntax", source, &error, "Plain task graphs"))?;
    let platform = platform(&raw, network)?;
    let processors = platform.executors.len();
    check_tasks(&raw, processors)?;
    let dag = Dag::new(raw.tasks.len(), &raw.edges).map_err(|error| {
        Diagnostic::new("dag::structure", error.to_string())
            .help("edges are [source task, target task, bytes]; tasks are numbered from 0, and no task may depend on itself")
    })?;
    if let Some((number, edge)) = raw.edges.iter().enumerate().find(|(_, e)| !(0.0..=1e18).contains(&e.2)) {
        return Err(Diagnostic::new(
            "dag::bytes",
            format!("edge {number} ({} -> {}) carries {} bytes", edge.0, edge.1, edge.2),
        )
        .help("bytes must be a finite number from 0 to 1e18")
        .into());
    }
    let memory = dag_memory::memory(
        raw.platform.memory_bytes_per_us,
        raw.tasks.iter().map(|task| (task.dram_bytes, task.cost.as_slice())),
    )?;
    let dag = match dag_memory::given(&raw.crossings, raw.edges.len(), processors, network)? {
        given if given.is_empty() => dag,
        given => dag.with_given(given),
    };
    let platform = Platform { memory_bandwidth: memory, ..platform };
    let costs = CostTable::new(raw.tasks.len(), processors, |task, executor| {
        raw.tasks[task].cost[executor.0 as usize].map(|micros| OperatorCost {
            overhead: SimDuration::ZERO,
            alone: SimDuration::from_micros(micros),
            dram_bytes: raw.tasks[task].dram_bytes.unwrap_or(0.0),
            bound: Bound::Compute,
        })
    });
    let arrivals = arrivals(&raw.arrivals_us)?;
    let stream = StreamProblem {
        name: printable(&raw.name),
        roles: Vec::new(),
        dag,
        operators: None,
        costs,
        arrivals: Arrivals::Listed(arrivals),
        queue: RequestQueue::UNLIMITED,
        service: ServiceTarget::default(),
        stage: crate::simulation::Stage::default(),
    };
    Ok(Problem {
        platform,
        streams: vec![stream],
        granularity: Granularity::Operator,
        transfer_start: None,
        seed: 0,
        noise: false,
        stop_after: None,
        memory: None,
        limits: Limits::default(),
        dynamics: None,
    })
}

fn platform(raw: &RawDag, network: DagNetwork) -> Result<Platform, InputError> {
    let pes = &raw.platform.pes;
    if pes.is_empty() || pes.len() > MAX_PROCESSORS {
        let message =
            format!("platform.pes has {} processors; between 1 and {MAX_PROCESSORS} are possible", pes.len());
        return Err(Diagnostic::new("dag::processors", message).into());
    }
    for (position, pe) in pes.iter().enumerate() {
        if pe.id as usize != position {
            let message = format!("platform.pes[{position}] has id {}", pe.id);
            return Err(Diagnostic::new("dag::processor-id", message)
                .help("ids count from 0 in listed order")
                .into());
        }
        if let Some(first) = pes[..position].iter().position(|other| other.name == pe.name) {
            let message =
                format!("processors {first} and {position} are both called `{}`", printable(&pe.name));
            return Err(Diagnostic::new("dag::processor-name", message)
                .help("give each processor a name of its own")
                .into());
        }
    }
    let (latency, bandwidth) = (raw.platform.latency_us, raw.platform.bandwidth_bytes_per_us);
    if !(0.0..=1e12).contains(&latency) {
        return Err(Diagnostic::new(
            "dag::latency",
            format!("platform.latency_us is {latency}; it must lie between 0 and 1e12"),
        )
        .into());
    }
    if !(bandwidth > 0.0 && bandwidth <= 1e12) {
        let message =
            format!("platform.bandwidth_bytes_per_us is {bandwidth}; it must be positive and at most 1e12");
        return Err(Diagnostic::new("dag::bandwidth", message).into());
    }
    let crossing = Crossing {
        latency: SimDuration::from_micros(latency),
        bandwidth: BytesPerSec(bandwidth * 1e6),
        conversion: BytesPerSec(f64::INFINITY),
    };
    let crossings = (0..pes.len() * pes.len())
        .map(|pair| if pair / pes.len() == pair % pes.len() { Crossing::NONE } else { crossing })
        .collect();
    Ok(Platform {
        resources: pes
            .iter()
            .map(|pe| Resource {
                name: printable(&pe.name),
                kind: ProcessorKind::Cpu,
                cluster: printable(&pe.name),
                idle_power: Watts(0.0),
                busy_power: Watts(0.0),
                blocked_power: Watts(0.0),
            })
            .collect(),
        executors: pes
            .iter()
            .enumerate()
            .map(|(number, pe)| Executor {
                name: printable(&pe.name),
                kind: ProcessorKind::Cpu,
                resources: vec![ResourceId(number as u16)],
                busy_shares: vec![1.0],
                invocation: SimDuration::ZERO,
                domain: number as u16,
                dispersion: Dispersion::default(),
                tensor_scale: 1.0,
            })
            .collect(),
        crossings,
        host_in: vec![Crossing::NONE; pes.len()],
        host_out: vec![Crossing::NONE; pes.len()],
        network: match network {
            DagNetwork::ContentionFree => Network::ContentionFree,
            DagNetwork::SharedBus => Network::SharedBus(crossing.bandwidth),
        },
        memory_bandwidth: None,
        base_power: Watts(0.0),
        dram_joules_per_byte: 0.0,
    })
}

fn check_tasks(raw: &RawDag, processors: usize) -> Result<(), InputError> {
    if raw.tasks.is_empty() || raw.tasks.len() > MAX_TASKS {
        let message = format!("there are {} tasks; between 1 and {MAX_TASKS} are possible", raw.tasks.len());
        return Err(Diagnostic::new("dag::tasks", message).into());
    }
    for (position, task) in raw.tasks.iter().enumerate() {
        if task.id as usize != position {
            let message = format!("tasks[{position}] has id {}", task.id);
            return Err(Diagnostic::new("dag::task-id", message)
                .help("ids count from 0 in listed order")
                .into());
        }
        if task.cost.len() != processors {
            let message =
                format!("task {position} has {} costs for {processors} processors", task.cost.len());
            return Err(Diagnostic::new("dag::cost-count", message)
                .help("`cost` needs one entry for each processor, null where the task cannot run")
                .into());
        }
        if let Some(bad) = task.cost.iter().flatten().find(|cost| !(0.0..=1e12).contains(*cost)) {
            return Err(Diagnostic::new("dag::cost", format!("task {position} has a cost of {bad} us"))
                .help("costs must be finite, between 0 and 1e12 us")
                .into());
        }
        if task.cost.iter().all(Option::is_none) {
            return Err(Diagnostic::new(
                "dag::unsupported",
                format!("task {position} can run on no processor"),
            )
            .help("give it a cost on at least one processor")
            .into());
        }
    }
    Ok(())
}

fn arrivals(micros: &[f64]) -> Result<Vec<SimTime>, InputError> {
    if micros.is_empty() {
        return Err(Diagnostic::new("dag::arrivals", "arrivals_us is empty")
            .help("[0.0] releases the graph once, at the start")
            .into());
    }
    if let Some(number) = micros.iter().position(|t| !(0.0..=1e13).contains(t)) {
        let message = format!("arrivals_us[{number}] is {}; it must lie between 0 and 1e13", micros[number]);
        return Err(Diagnostic::new("dag::arrival", message).into());
    }
    if let Some(number) = micros.windows(2).position(|pair| pair[1] < pair[0]) {
        let message = format!(
            "arrivals_us[{}] is {}, before the one in front of it ({})",
            number + 1,
            micros[number + 1],
            micros[number]
        );
        return Err(Diagnostic::new("dag::arrival-order", message)
            .help("list arrivals in order of time")
            .into());
    }
    Ok(micros.iter().map(|&t| SimTime(SimDuration::from_micros(t).0)).collect())
}
