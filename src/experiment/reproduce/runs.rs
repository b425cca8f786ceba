//! One inference of a graph under a strategy, through the engine.

use crate::config::Assembled;
use crate::diagnostics::InputError;
use crate::engine::Limits;
use crate::experiment::{RunError, RunOptions, run_scenario};
use crate::graph::lowered::LoweredGraph;
use crate::graph::partition::Role;
use crate::physics::Machine;
use crate::record::labels::{RunLabels, StreamLabels};
use crate::record::summary::{RunSetup, RunSummary};
use crate::simulation::{
    Arrivals, Problem, QueuePolicy, RequestQueue, SimulationError, StreamProblem, slice,
};
use crate::strategy::Strategy;
use std::collections::BTreeMap;

/// Why an experiment cannot be repeated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReproduceError {
    /// Faults of profiles or embedded data.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The simulation failed.
    #[error(transparent)]
    Simulation(#[from] SimulationError),
    /// The run failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The request did not complete.
    #[error("the simulated request did not complete")]
    Incomplete,
    /// Something that does not exist.
    #[error("{0}")]
    Unknown(String),
}

/// What one simulated inference took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// Milliseconds.
    pub latency_ms: f64,
    /// Average power in W.
    pub power_w: f64,
    /// Joules.
    pub energy_j: f64,
    /// Milliseconds in which the owner shared and joined tensors.
    pub sharing_ms: f64,
    /// Operators, or chains of them, that were cut.
    pub splits: usize,
}

/// Simulates one inference, alone, without run-to-run variation. `strategy` may cut operators; predictors are trained on `profiled`.
///
/// # Errors
/// [`ReproduceError`].
pub fn simulate_graph(
    machine: &Machine,
    profiled: &Machine,
    graph: &LoweredGraph,
    strategy: Box<dyn Strategy>,
) -> Result<Measured, ReproduceError> {
    play_graph(machine, profiled, graph, strategy).map(|(measured, _)| measured)
}

/// As [`simulate_graph`], with the whole summary of the run.
pub(super) fn play_graph(
    machine: &Machine,
    profiled: &Machine,
    graph: &LoweredGraph,
    mut strategy: Box<dyn Strategy>,
) -> Result<(Measured, RunSummary), ReproduceError> {
    let stream = StreamProblem {
        service: crate::strategy::ServiceTarget::default(),
        stage: crate::simulation::Stage::default(),
        name: graph.name.clone(),
        roles: Vec::new(),
        dag: graph.dag(),
        operators: Some(graph.clone()),
        costs: machine.cost_table(graph)?,
        arrivals: Arrivals::Single,
        queue: RequestQueue { policy: QueuePolicy::Block, depth: 1, max_in_flight: 1 },
    };
    let mut problem = Problem {
        platform: machine.platform.clone(),
        streams: vec![stream],
        granularity: strategy.default_granularity(),
        transfer_start: None,
        seed: 0,
        noise: false,
        stop_after: None,
        limits: Limits::default(),
        dynamics: None,
    };
    if let Some(sliced) = slice(&problem, machine, profiled, &mut *strategy)? {
        problem = sliced.problem;
    }
    let (mut sharing_ms, mut splits) = (0.0, 0);
    for stream in &problem.streams {
        for (operator, role) in stream.roles.iter().enumerate() {
            let (Role::Share(_) | Role::Join(_)) = role else { continue };
            splits += usize::from(matches!(role, Role::Share(_)));
            let times = (0..problem.platform.executors.len() as u16)
                .filter_map(|e| stream.costs.get(operator as u32, crate::soc::ExecutorId(e)));
            sharing_ms += times.map(|cost| (cost.overhead + cost.alone).millis()).fold(0.0, f64::max);
        }
    }
    let labels = problem
        .streams
        .iter()
        .filter_map(|stream| Some(StreamLabels::of_graph(stream.name.clone(), stream.operators.as_ref()?, 0)))
        .collect();
    let labels = RunLabels::new(graph.name.clone(), "", 0, &problem.platform, labels);
    let mut assembled = Assembled {
        predictor: crate::predict::PredictorSpec::default(),
        problem,
        whole: None,
        cuts: Vec::new(),
        strategy_spec: strategy.id().to_owned(),
        strategy,
        labels,
        input_hashes: BTreeMap::new(),
        warnings: Vec::new(),
        machine: None,
        model_errors: Vec::new(),
        setup: RunSetup::default(),
    };
    let options = RunOptions { record: false, baseline: false };
    let result = run_scenario(&mut assembled, options, &mut |_| ())?;
    let latency = result.outcome.streams.first().and_then(|stream| stream.latencies.first());
    let (_, latency) = latency.ok_or(ReproduceError::Incomplete)?;
    let measured = Measured {
        latency_ms: latency.millis(),
        power_w: result.summary.average_power_w,
        energy_j: result.summary.energy_mj / 1000.0,
        sharing_ms,
        splits,
    };
    Ok((measured, result.summary))
}
