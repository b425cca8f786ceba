//! The trait behind which all predictors stand, and what they may know.

use crate::soc::ExecutorId;
use crate::units::SimDuration;
use std::fmt::Debug;

/// What a runtime can read of the machine at one time, as it concerns one executor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct State {
    /// Laboratory clock / present clock, of the slowest processor of the executor; 1 in the laboratory.
    pub clock: f64,
    /// Laboratory rate / present rate of main memory; 1 in the laboratory.
    pub memory: f64,
    /// Temperature of its processors in degrees Celsius; 25 when heat is not simulated.
    pub celsius: f64,
    /// Competing threads or frames that want the most wanted of its cores or the device; 0 in the laboratory.
    pub load: f64,
    /// Bytes per second that others demand of main memory / its present rate; 0 in the laboratory.
    pub bandwidth: f64,
}

impl State {
    /// The state that offline profiles are taken in.
    pub const LABORATORY: Self = Self { clock: 1.0, memory: 1.0, celsius: 25.0, load: 0.0, bandwidth: 0.0 };
}

/// An operator on an executor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Work {
    /// The stream.
    pub stream: u16,
    /// The operator in the stream's graph.
    pub operator: u32,
    /// Where it runs.
    pub executor: ExecutorId,
}

/// Estimates execution times of operators, dispatch overhead included.
pub trait Predictor: Debug {
    /// Kebab-case name.
    fn id(&self) -> &'static str;

    /// What `work` is believed to take in `state`; `None` when the operator cannot run there.
    fn estimate(&self, work: Work, state: &State) -> Option<SimDuration>;

    /// `work` has ended after `actual` (above 0); `state` was read at its end.
    fn observe(&mut self, _work: Work, _state: &State, _actual: SimDuration) {}

    /// Whether it wants to hear of operators that end, and each costs time.
    fn learns(&self) -> bool {
        false
    }

    /// Whether the simulation answers for it with what the operator really takes in the present state.
    fn knows_truth(&self) -> bool {
        false
    }

    /// Whether its estimates change during a run. If not they are looked up once.
    fn changes(&self) -> bool {
        self.learns() || self.knows_truth()
    }

    /// A copy in the same state.
    fn boxed(&self) -> Box<dyn Predictor>;
}

/// What is believed at the present time of a run.
pub trait Beliefs {
    /// Believed time of an operator on an executor; `None` when it cannot run there.
    fn operator(&self, work: Work) -> Option<SimDuration>;
}
