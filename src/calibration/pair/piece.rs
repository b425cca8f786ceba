//! Pieces of work on two processors, played by the simulation.

use super::super::simulated::PredictionError;
use crate::config::Library;
use crate::diagnostics::InputError;
use crate::engine::Limits;
use crate::graph::dag::{Dag, DagError};
use crate::physics::co_execution::Constants;
use crate::physics::{Bound, Clocks, CostTable, OperatorCost, Parts, compile};
use crate::simulation::{Arrivals, Problem, QueuePolicy, RequestQueue, StreamProblem, simulate};
use crate::soc::{CoExecution, Crossing, ExecutorId, Platform, RuntimeProfile, Soc};
use crate::strategy::{Dispatch, Granularity, Plan, Replay, TransferStart};
use crate::units::{BytesPerSec, SimDuration};

/// Which of the two processors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Holds the input and puts the parts together.
    First,
    /// Gets a copy and hands its part back.
    Second,
}

impl Side {
    const fn executor(self) -> ExecutorId {
        ExecutorId(self as u16)
    }
}

/// A step of a piece of work.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// Where it runs.
    pub on: Side,
    /// Overhead before it, in microseconds.
    pub overhead_us: f64,
    /// Execution, in microseconds.
    pub run_us: f64,
}

/// Steps with the data between them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Piece {
    /// In an order in which they can run.
    pub steps: Vec<Step>,
    /// From step, to step, bytes.
    pub edges: Vec<(u32, u32, f64)>,
}

impl Piece {
    /// Appends a step that reads `bytes` of each of some earlier steps; returns its number.
    pub fn push(&mut self, step: Step, after: &[(u32, f64)]) -> u32 {
        let number = self.steps.len() as u32;
        self.steps.push(step);
        self.edges.extend(after.iter().map(|&(from, bytes)| (from, number, bytes)));
        number
    }
}

/// What crossing from one processor to the other costs.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Handover {
    /// Until the data begin to move, in microseconds.
    pub latency_us: f64,
    /// For which the data are under way, in microseconds for each byte.
    pub transfer_us_per_byte: f64,
    /// For which the reader is busy with them, in microseconds for each byte.
    pub reader_us_per_byte: f64,
}

impl Handover {
    fn crossing(&self) -> Crossing {
        let rate =
            |us_per_byte: f64| BytesPerSec(if us_per_byte > 0.0 { 1e6 / us_per_byte } else { f64::INFINITY });
        Crossing {
            latency: SimDuration::from_micros(self.latency_us),
            bandwidth: rate(self.transfer_us_per_byte),
            conversion: rate(self.reader_us_per_byte),
        }
    }
}

/// Two processors of a SoC.
#[derive(Debug, Clone)]
pub struct Pair {
    platform: Platform,
}

impl Pair {
    /// The executors that a profile's co-execution names.
    ///
    /// # Errors
    /// Names that the SoC or the runtime does not have.
    pub fn new(soc: &Soc, runtime: &RuntimeProfile, profile: &CoExecution) -> Result<Self, InputError> {
        let executors = [&profile.first, &profile.second].map(|name| name.parse().ok());
        let executors: Vec<_> = executors.into_iter().flatten().collect();
        let clocks = Clocks::default();
        let parts = Parts { soc, device: None, runtime, executors: &executors, clocks: &clocks };
        let mut platform = compile(&parts)?.platform;
        for (domain, executor) in platform.executors.iter_mut().enumerate() {
            // Memory is shared, buffers are not: each processor works on copies of its own.
            executor.domain = domain as u16;
            // The measured parts hold their invocation already.
            executor.invocation = SimDuration::ZERO;
        }
        platform.memory_bandwidth = None;
        Ok(Self { platform })
    }

    /// Loads the SoC and the runtime of a profile named `soc/runtime`, or of a file.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn profiles(soc: &str, runtime: &str) -> Result<(Soc, RuntimeProfile), InputError> {
        let soc = Library.soc(soc, &[])?.value;
        let runtime = Library.runtime(&soc.id, runtime, &[])?.value;
        Ok((soc, runtime))
    }

    /// Time from the start of a piece until all its steps are done, in microseconds.
    ///
    /// # Errors
    /// [`PredictionError`].
    pub fn play(&self, piece: &Piece, there: &Handover, back: &Handover) -> Result<f64, PredictionError> {
        let mut platform = self.platform.clone();
        platform.crossings = vec![Crossing::NONE, there.crossing(), back.crossing(), Crossing::NONE];
        let dag = Dag::new(piece.steps.len(), &piece.edges)?;
        let costs = CostTable::new(piece.steps.len(), 2, |step, executor| {
            let step = piece.steps.get(step).filter(|step| step.on.executor() == executor)?;
            Some(OperatorCost {
                overhead: SimDuration::from_micros(step.overhead_us),
                alone: SimDuration::from_micros(step.run_us),
                dram_bytes: 0.0,
                bound: Bound::Compute,
            })
        });
        let mut plan = Plan::new(Dispatch::AtReady, TransferStart::ProducerFinish);
        for (number, step) in piece.steps.iter().enumerate() {
            plan.push(&[number as u32], Some(step.on.executor()));
        }
        let problem = Problem {
            dynamics: None,
            platform,
            streams: vec![StreamProblem {
                roles: Vec::new(),
                service: crate::strategy::ServiceTarget::default(),
                name: "piece".to_owned(),
                dag,
                operators: None,
                costs,
                arrivals: Arrivals::Single,
                queue: RequestQueue { policy: QueuePolicy::Block, depth: 1, max_in_flight: 1 },
                stage: crate::simulation::Stage::default(),
            }],
            granularity: Granularity::Operator,
            transfer_start: None,
            seed: 0,
            noise: false,
            stop_after: None,
            memory: None,
            limits: Limits::default(),
        };
        let outcome = simulate(&problem, &mut Replay::new(vec![plan]), &mut ())?;
        let latency = outcome.streams.first().and_then(|stream| stream.latencies.first());
        latency.map(|(_, latency)| latency.micros()).ok_or(PredictionError::Incomplete)
    }
}

impl From<DagError> for PredictionError {
    fn from(error: DagError) -> Self {
        Self::Input(crate::diagnostics::Diagnostic::new("graph::cycle", error.to_string()).into())
    }
}

impl Handover {
    /// To the second processor, where the copy has not been measured.
    #[must_use]
    pub fn there(constants: &Constants) -> Self {
        Self {
            latency_us: constants.start_us,
            transfer_us_per_byte: 0.0,
            reader_us_per_byte: constants.copy_in_us(1.0),
        }
    }

    /// Back to the first processor, where the copy has not been measured.
    #[must_use]
    pub fn back(constants: &Constants) -> Self {
        Self {
            latency_us: 0.0,
            transfer_us_per_byte: constants.copy_out_us(1.0),
            reader_us_per_byte: constants.merge_us(1.0),
        }
    }
}
