//! From a validated scenario to everything that a run needs.

use super::dag_file::{DagNetwork, read_dag};
use super::external::ExternalProcess;
use super::hardware::{Choice, Hardware, hardware};
use super::memory_type;
use super::model_file::{ModelGraph, load_model, unwrap_loaded};
use super::plan_file::{StoredPlans, read_plans};
use super::read::read_text;
use super::scenario::{GraphSource, NetworkSpec, ScenarioSpec, TargetSpec};
use super::scenario_file::is_profile_override;
use super::scenario_memory;
use super::stage_graphs::{host, pass, processing};
use crate::diagnostics::{Diagnostic, InputError, printable};
use crate::engine::Limits;
use crate::graph::lowered::{LoweredGraph, LoweredOperator, OperatorClass};
use crate::graph::partition::Split;
use crate::physics::Machine;
use crate::predict::PredictorSpec;
use crate::record::chains::ChainLabels;
use crate::record::labels::{RunLabels, StreamLabels};
use crate::record::summary::{ModelError, RunSetup, input_hash};
use crate::simulation::{Arrivals, Problem, RequestQueue, StreamProblem, slice};
use crate::soc::{Network, Precision};
use crate::strategy::{Granularity, Replay, Strategy, TransferStart};
use crate::units::{SimDuration, SimTime};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A scenario that is ready to run.
pub struct Assembled {
    /// The inputs of the simulation.
    pub problem: Problem,
    /// The same before the strategy cut operators into slices; `None` when it cut none.
    pub whole: Option<Problem>,
    /// For each stream the number of its whole operators and what of them is cut; empty when nothing is.
    pub cuts: Vec<(usize, Vec<Split>)>,
    /// What it believes.
    pub predictor: PredictorSpec,
    /// Who decides.
    pub strategy: Box<dyn Strategy>,
    /// The strategy as text.
    pub strategy_spec: String,
    /// Names for the record.
    pub labels: RunLabels,
    /// Hashes of the inputs, by role.
    pub input_hashes: BTreeMap<String, String>,
    /// What the person should know.
    pub warnings: Vec<String>,
    /// The machine; `None` for plain task graphs.
    pub machine: Option<Machine>,
    /// Measured errors of the cost models, for executors whose models were fitted.
    pub model_errors: Vec<ModelError>,
    /// Device, runtime and clocks, for the summary; the run adds the rest.
    pub setup: RunSetup,
}

/// Loads profiles and models of a scenario and puts a run together. `overrides` are those of the command line; the ones
/// meant for profiles are applied here. `plan` is the file that strategy `replay` reads.
///
/// # Errors
/// [`AssembleError`]: faults of inputs, or a strategy that does not exist.
pub fn assemble(
    spec: &ScenarioSpec,
    overrides: &[String],
    dims: &[(String, u64)],
    plan: Option<&Path>,
) -> Result<Assembled, AssembleError> {
    let mut warnings = Vec::new();
    let mut input_hashes = BTreeMap::new();
    input_hashes
        .insert("scenario".to_owned(), input_hash(format!("{spec:?} {overrides:?} {dims:?}").as_bytes()));
    let mut setup = RunSetup::default();
    let mut model_errors = Vec::new();
    let (mut problem, mut labels, machine) = match &spec.target {
        TargetSpec::Profiles { device, runtime, clocks, .. } => {
            setup.device.clone_from(device);
            setup.runtime = Some(runtime.clone());
            setup.condition.clone_from(&spec.condition);
            setup.fixed_clocks = clocks.iter().map(|(id, clock)| format!("{id} at {clock}")).collect();
            profiles(spec, overrides, dims, &mut warnings, &mut input_hashes, &mut model_errors)?
        }
        TargetSpec::TaskGraph => {
            if let Some(profile) = overrides.iter().find(|text| is_profile_override(text)) {
                let message =
                    format!("--set {} changes a profile, but a task graph has none", printable(profile));
                return Err(InputError::from(Diagnostic::new("scenario::target", message)).into());
            }
            if !dims.is_empty() {
                let message = "--dim is for ONNX files; a task graph has none";
                return Err(InputError::from(Diagnostic::new("model::dim", message)).into());
            }
            task_graph(spec, &mut input_hashes)?
        }
    };
    if plan.is_some() && spec.strategy.name != "replay" {
        let message =
            format!("a plan is given, but strategy `{}` makes its own", printable(&spec.strategy.name));
        return Err(InputError::from(
            Diagnostic::new("scenario::plan", message).help("use strategy `replay`, or leave --plan out"),
        )
        .into());
    }
    let strategy_spec = &spec.strategy;
    let mut strategy: Box<dyn Strategy> = if strategy_spec.name == "replay" {
        let path = plan.map(PathBuf::from).ok_or_else(|| {
            InputError::from(
                Diagnostic::new("scenario::plan", "strategy `replay` needs a plan")
                    .help("give one with --plan FILE"),
            )
        })?;
        let operators: Vec<usize> = problem.streams.iter().map(|stream| stream.dag.len()).collect();
        let text = read_text(&path, 256 * 1024 * 1024)?;
        input_hashes.insert("plan".to_owned(), input_hash(text.text.as_bytes()));
        let StoredPlans { plans, splits } = read_plans(&text, &problem.platform, &operators)?;
        Box::new(Replay::with_splits(plans, splits))
    } else if strategy_spec.name == "external" {
        Box::new(ExternalProcess::new(strategy_spec)?)
    } else {
        strategy_spec.build(&problem.platform)?
    };
    let on_bus = matches!(problem.platform.network, Network::SharedBus(_));
    if on_bus && strategy_spec.name == "eft" && spec.transfer_start == Some(TransferStart::ProducerFinish) {
        let message = "eft decides when an operator is ready; a shared bus cannot have moved its data before";
        return Err(InputError::from(
            Diagnostic::new("scenario::transfer-start", message)
                .help("use transfer_start = \"assignment\", or a contention-free network"),
        )
        .into());
    }
    if let Some(start) = spec.transfer_start {
        if strategy_spec.parameters.contains_key("transfer-start") {
            let message = "transfer_start and the strategy's own transfer-start are both given";
            return Err(InputError::from(
                Diagnostic::new("scenario::transfer-start", message).help("keep one of them"),
            )
            .into());
        }
        if strategy_spec.name == "eft" {
            let mut spec = strategy_spec.clone();
            spec.parameters.insert("transfer-start".to_owned(), start.id().to_owned());
            strategy = spec.build(&problem.platform)?;
        }
        problem.transfer_start = Some(start);
    }
    problem.granularity = spec.granularity.unwrap_or_else(|| strategy.default_granularity());
    let mut whole = None;
    let mut cuts = Vec::new();
    if strategy.slices() {
        let machine = machine.as_ref().ok_or_else(|| {
            InputError::from(
                Diagnostic::new(
                    "scenario::strategy",
                    format!("`{strategy_spec}` cuts operators, but a task graph has none"),
                )
                .help("give a model and profiles"),
            )
        })?;
        if let Some(sliced) = slice(&problem, machine, machine, &mut *strategy)? {
            let operators = problem.streams.iter().map(|stream| stream.dag.len());
            cuts = operators.zip(sliced.splits).collect();
            let sliced = sliced.problem;
            for (stream, labels) in sliced.streams.iter().zip(&mut labels.streams) {
                if let Some(graph) = &stream.operators {
                    *labels = StreamLabels::of_graph(labels.name.clone(), graph, labels.warm_up);
                }
            }
            whole = Some(std::mem::replace(&mut problem, sliced));
        }
    }
    if let Some(machine) = &machine {
        warnings.extend(machine.warnings.iter().cloned());
        warnings.extend(machine.numbers.warning());
    }
    Ok(Assembled {
        problem,
        whole,
        cuts,
        predictor: spec.predictor.clone(),
        strategy,
        strategy_spec: strategy_spec.to_string(),
        labels,
        input_hashes,
        warnings,
        machine,
        setup,
        model_errors,
    })
}

/// Why a scenario cannot be put together.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AssembleError {
    /// Faults of files.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The strategy does not exist or refuses its parameters.
    #[error(transparent)]
    Strategy(#[from] crate::strategy::StrategyError),
    /// Operators cannot be cut as the strategy wants.
    #[error(transparent)]
    Slicing(#[from] crate::simulation::SimulationError),
}

type Target = (Problem, RunLabels, Option<Machine>);

fn profiles(
    spec: &ScenarioSpec,
    overrides: &[String],
    dims: &[(String, u64)],
    warnings: &mut Vec<String>,
    hashes: &mut BTreeMap<String, String>,
    errors: &mut Vec<ModelError>,
) -> Result<Target, InputError> {
    let TargetSpec::Profiles { device, soc, runtime, executors, clocks } = &spec.target else {
        return task_graph(spec, hashes);
    };
    let choice =
        Choice { device: device.as_deref(), soc: soc.as_deref(), runtime, executors, clocks, overrides };
    let mut loaded = hardware(&choice)?;
    let stored = spec.strategy.parameters.get("memory");
    if let Some(sibling) = memory_type::sibling(&loaded.value, stored.map(String::as_str))? {
        loaded = hardware(&Choice { runtime: &sibling, ..choice })?;
        warnings.push(format!(
            "the strategy wants tensors stored otherwise on the GPU: runtime `{sibling}` took part"
        ));
    }
    let hardware = unwrap_loaded(loaded, warnings);
    let Hardware { soc, device, runtime, machine } = &hardware;
    for executor in &machine.platform.executors {
        let base = executor.name.split('@').next().unwrap_or_default();
        let fits =
            |precision: Precision| precision.bytes() / Precision::Fp32.bytes() == executor.tensor_scale;
        errors.extend(
            runtime.fitted.iter().find(|model| model.executor == base && fits(model.precision)).and_then(
                |model| {
                    let (mape_percent, (interval_low, interval_high)) = model.measured_error()?;
                    Some(ModelError {
                        executor: executor.name.clone(),
                        mape_percent,
                        interval_low,
                        interval_high,
                        networks: model.networks,
                        measured_with: model.measured_with.clone(),
                    })
                },
            ),
        );
    }
    // A profile is known by what was understood of it, so that comments and spacing do not change a hash.
    hashes.insert("soc".to_owned(), input_hash(format!("{soc:?}").as_bytes()));
    hashes.insert("runtime".to_owned(), input_hash(format!("{runtime:?}").as_bytes()));
    if let Some(device) = device {
        hashes.insert("device".to_owned(), input_hash(format!("{device:?}").as_bytes()));
    }
    let mut streams = Vec::new();
    let mut labels = Vec::new();
    for stream in &spec.streams {
        let mut stage = stream.stage.clone();
        let reference = match &stream.graph {
            GraphSource::Library(id) => id.clone(),
            GraphSource::Model(path) | GraphSource::TaskGraph(path) => path.to_string_lossy().into_owned(),
            own @ (GraphSource::CpuTime(_) | GraphSource::Load { .. } | GraphSource::Pass { .. }) => {
                let made = match pass(own, &stage.work, machine)? {
                    Some((made, text)) => {
                        hashes.insert(format!("model {}", stream.name), input_hash(text.text.as_bytes()));
                        stage.work = made.work.clone();
                        made
                    }
                    None => {
                        let host = host(stream, &machine.platform)?;
                        let time = match own {
                            GraphSource::CpuTime(time) => *time,
                            // Known when the model behind it has been read.
                            _ => SimDuration::ZERO,
                        };
                        processing(&stream.name, time, host, &machine.platform)
                    }
                };
                stage.fixed = made.fixed;
                warnings.extend(strangers(&made.graph, &stream.name).filter(|_| !errors.is_empty()));
                labels.push(StreamLabels::of_graph(stream.name.clone(), &made.graph, warm_up(spec)));
                streams.push(StreamProblem {
                    name: stream.name.clone(),
                    dag: made.graph.dag(),
                    operators: Some(made.graph),
                    roles: Vec::new(),
                    costs: made.costs,
                    arrivals: stream.arrivals.clone(),
                    queue: stream.queue,
                    service: stream.service,
                    stage,
                });
                continue;
            }
        };
        let model = load_model(&reference, dims)?;
        hashes.insert(format!("model {}", stream.name), input_hash(&model.bytes));
        if matches!(model.graph, ModelGraph::List(_)) {
            warnings.push(format!(
                "`{}` is an operator list: element-wise operators are missing from it, and so is their time",
                stream.name
            ));
        }
        let lowered = model.lowered(&runtime.lowering)?;
        warnings.extend(strangers(&lowered, &stream.name).filter(|_| !errors.is_empty()));
        let costs = machine.cost_table(&lowered)?;
        warnings.extend(unchecked(machine, &lowered, &stream.name));
        labels.push(StreamLabels::of_graph(stream.name.clone(), &lowered, warm_up(spec)));
        streams.push(StreamProblem {
            name: stream.name.clone(),
            roles: Vec::new(),
            dag: lowered.dag(),
            operators: Some(lowered),
            costs,
            arrivals: stream.arrivals.clone(),
            queue: stream.queue,
            service: stream.service,
            stage,
        });
    }
    for (i, stream) in spec.streams.iter().enumerate() {
        if let GraphSource::Load { rate, of } = stream.graph {
            let graph: Option<&LoweredGraph> =
                streams.get(of).and_then(|s: &StreamProblem| s.operators.as_ref());
            let bytes: f64 = graph.map_or(0.0, |g| g.operators.iter().map(|o| o.weight_bytes as f64).sum());
            let time = SimDuration::try_from_seconds(bytes / rate.0)
                .map_err(|error| Diagnostic::new("scenario::stage", format!("loading: {error}")))?;
            let host = host(stream, &machine.platform)?;
            streams[i].costs = processing(&stream.name, time, host, &machine.platform).costs;
        }
    }
    let mut platform = machine.platform.clone();
    match spec.network {
        NetworkSpec::SharedBus(Some(rate)) => platform.network = Network::SharedBus(rate),
        NetworkSpec::SharedBus(None) => {
            return Err(Diagnostic::new("scenario::network", "the shared bus has no rate")
                .help("add bus_gb_per_s = ...; only task-graph files bring a rate of their own")
                .into());
        }
        NetworkSpec::ContentionFree => {}
    }
    let mut labels = RunLabels::new(spec.name.clone(), soc.id.clone(), spec.seed, &platform, labels);
    labels.chains = chains(spec);
    let dynamics = match &spec.dynamics {
        Some(dynamics) => {
            // Streams of a given time have no graph: nothing of them follows a clock.
            let graphs: Vec<(usize, Option<&LoweredGraph>)> =
                streams.iter().map(|s| (s.dag.len(), s.operators.as_ref())).collect();
            Some(Box::new(super::dynamics::dynamics(dynamics, &hardware, clocks, &graphs)?))
        }
        None => None,
    };
    let labels = match &dynamics {
        Some(dynamics) => labels.with_dynamics(dynamics),
        None => labels,
    };
    let memory = spec.memory.as_ref().map(|own| scenario_memory::limits(own, &platform)).transpose()?;
    let problem = Problem {
        platform,
        streams,
        granularity: Granularity::Task,
        transfer_start: None,
        seed: spec.seed,
        noise: spec.noise,
        stop_after: spec.stop.requests,
        memory,
        limits: limits(spec),
        dynamics,
    };
    Ok((problem, labels, Some(hardware.machine)))
}

/// What the fitted models did not see in a graph.
fn strangers(graph: &LoweredGraph, stream: &str) -> Option<String> {
    let unlike =
        |op: &&LoweredOperator| matches!(op.class, OperatorClass::MatMul | OperatorClass::Normalization);
    let strangers = graph.operators.iter().filter(unlike).count();
    (strangers > 0).then(|| {
        format!(
            "`{stream}` has {strangers} matrix products and normalisations; the fitted models saw convolutional networks, so their \
             measured error does not speak for it"
        )
    })
}

/// Operators whose support depends on conditions that the graph does not tell.
fn unchecked(machine: &Machine, graph: &LoweredGraph, stream: &str) -> Option<String> {
    let types: std::collections::BTreeSet<String> = machine
        .unchecked(graph)
        .into_iter()
        .map(|(op, _)| printable(&graph.operators[op as usize].op_type))
        .collect();
    (!types.is_empty()).then(|| {
        let types: Vec<String> = types.into_iter().collect();
        format!(
            "`{stream}`: support of {} has conditions that were not checked and count as met",
            types.join(", ")
        )
    })
}

fn task_graph(spec: &ScenarioSpec, hashes: &mut BTreeMap<String, String>) -> Result<Target, InputError> {
    let network = match spec.network {
        NetworkSpec::ContentionFree => DagNetwork::ContentionFree,
        NetworkSpec::SharedBus(_) => DagNetwork::SharedBus,
    };
    let mut whole: Option<Problem> = None;
    let mut labels = Vec::new();
    for stream in &spec.streams {
        let GraphSource::TaskGraph(path) = &stream.graph else { continue };
        let text = read_text(path, 1024 * 1024 * 1024)?;
        hashes.insert(format!("dag {}", stream.name), input_hash(text.text.as_bytes()));
        let mut problem = read_dag(&text, network)?;
        if let NetworkSpec::SharedBus(Some(rate)) = spec.network {
            problem.platform.network = Network::SharedBus(rate);
        }
        for own in &mut problem.streams {
            own.name.clone_from(&stream.name);
            // The file's own releases stand where the scenario asks for a single arrival.
            if stream.arrivals == Arrivals::Single && stream.queue != RequestQueue::ONE_AT_A_TIME {
                let message = format!(
                    "stream `{}` has a queue, but the task graph's own releases know none",
                    stream.name
                );
                return Err(Diagnostic::new("scenario::queue", message)
                    .help("give the stream arrivals of its own, or remove queue and max_in_flight")
                    .into());
            }
            if stream.arrivals != Arrivals::Single {
                own.arrivals = stream.arrivals.clone();
                own.queue = stream.queue;
            }
            own.stage = stream.stage.clone();
            labels.push(StreamLabels::of_dag(stream.name.clone(), &own.dag, &[], warm_up(spec)));
        }
        match &mut whole {
            None => whole = Some(problem),
            Some(whole) if whole.platform == problem.platform => whole.streams.append(&mut problem.streams),
            Some(_) => {
                let message =
                    format!("`{}` describes other processors than the first task graph", stream.name);
                return Err(Diagnostic::new("scenario::graph", message)
                    .help("task graphs that run together need the same `platform`")
                    .into());
            }
        }
    }
    let mut problem =
        whole.ok_or_else(|| Diagnostic::new("scenario::graph", "there is no task graph to run"))?;
    problem.seed = spec.seed;
    problem.stop_after = spec.stop.requests;
    problem.limits = limits(spec);
    let mut labels = RunLabels::new(spec.name.clone(), "", spec.seed, &problem.platform, labels);
    labels.chains = chains(spec);
    Ok((problem, labels, None))
}

/// The chains, with the warm-up of the stop rule or of their cold start.
fn chains(spec: &ScenarioSpec) -> Vec<ChainLabels> {
    let own =
        |chain: &ChainLabels| ChainLabels { warm_up: chain.warm_up.max(warm_up(spec)), ..chain.clone() };
    spec.chains.iter().map(own).collect()
}

fn warm_up(spec: &ScenarioSpec) -> u32 {
    u32::try_from(spec.stop.warmup).unwrap_or(u32::MAX)
}

fn limits(spec: &ScenarioSpec) -> Limits {
    Limits { until: spec.stop.until.unwrap_or(SimTime::NEVER), ..Limits::default() }
}
