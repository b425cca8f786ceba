//! Predictions as simulated inferences: one request on one executor, alone, without run-to-run variation.

use crate::diagnostics::InputError;
use crate::engine::Limits;
use crate::graph::lowered::LoweredGraph;
use crate::physics::Machine;
use crate::simulation::{
    Arrivals, Problem, QueuePolicy, RequestQueue, SimulationError, StreamProblem, simulate,
};
use crate::soc::ExecutorId;
use crate::strategy::{Granularity, Single};

/// Why there is no prediction.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PredictionError {
    /// The executor cannot run an operator of the network.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The simulation failed.
    #[error(transparent)]
    Simulation(#[from] SimulationError),
    /// The request did not complete.
    #[error("the simulated request did not complete")]
    Incomplete,
}

/// Latency of one inference in milliseconds.
///
/// # Errors
/// [`PredictionError`].
pub fn inference_ms(
    machine: &Machine,
    executor: ExecutorId,
    graph: &LoweredGraph,
) -> Result<f64, PredictionError> {
    let problem = Problem {
        platform: machine.platform.clone(),
        streams: vec![StreamProblem {
            name: graph.name.clone(),
            roles: Vec::new(),
            dag: graph.dag(),
            operators: Some(graph.clone()),
            costs: machine.cost_table(graph)?,
            arrivals: Arrivals::Single,
            queue: RequestQueue { policy: QueuePolicy::Block, depth: 1, max_in_flight: 1 },
            service: crate::strategy::ServiceTarget::default(),
            stage: crate::simulation::Stage::default(),
        }],
        granularity: Granularity::Task,
        transfer_start: None,
        seed: 0,
        noise: false,
        stop_after: None,
        memory: None,
        limits: Limits::default(),
        dynamics: None,
    };
    let outcome = simulate(&problem, &mut Single::new(Some(executor)), &mut ())?;
    let latency = outcome.streams.first().and_then(|stream| stream.latencies.first());
    latency.map(|(_, latency)| latency.millis()).ok_or(PredictionError::Incomplete)
}
