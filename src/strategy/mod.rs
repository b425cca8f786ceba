//! Scheduling strategies: pure decision makers behind one trait.
//!
//! A strategy plans before the run ([`Strategy::plan`]) and may decide placements during it
//! ([`Strategy::react`]). It sees a read-only view and estimates, never the ground truth, and it returns decisions
//! that the simulation validates and applies; so a strategy can never corrupt a run.

mod catalogue;
pub mod co_execution;
pub mod codl;
mod delegate;
mod eft;
mod exact;
mod host;
mod ids;
mod list;
mod mace;
mod mulayer;
mod nn_stretch;
mod partition;
mod plan;
mod plan_check;
mod registry;
mod replay;
mod single;
mod sub_graph;
mod task;
mod unit_graph;
mod view;

pub use codl::{Codl, Prescribed};
pub use delegate::Delegate;
pub use eft::EarliestFinishTime;
pub use host::HostTransfer;
pub use ids::{PlacedUnit, RequestId};
pub use mace::Mace;
pub use mulayer::MuLayer;
pub use nn_stretch::NnStretch;
pub use plan::{Dispatch, Plan, PlanUnit, QueueOrder, TransferStart};
pub use registry::{STRATEGIES, StrategyEntry, StrategySpec};
pub use replay::Replay;
pub use single::Single;
pub use unit_graph::{UnitGraph, UnitLink};
pub use view::{
    Decision, Occasion, Placements, PlanningView, Progress, ReadyUnit, RunView, ServiceTarget, SlicingView,
};

use crate::graph::partition::Split;
use crate::predict::SlicePredictor;
use crate::soc::ExecutorId;

/// The unit that a strategy places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Granularity {
    /// The whole model.
    Task,
    /// Maximal groups of operators that stay on one executor.
    SubGraph,
    /// Single operators.
    Operator,
    /// Parts of single operators.
    Slice,
}

impl Granularity {
    /// Name used in files and reports.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Task => "task",
            Self::SubGraph => "sub-graph",
            Self::Operator => "operator",
            Self::Slice => "slice",
        }
    }
}

/// Why a strategy cannot plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StrategyError {
    /// No executor can run these operators.
    #[error("{strategy}: {} cannot run on {wanted}: {}", plural(.operators.len()), .operators.join(", "))]
    Unsupported {
        /// The strategy.
        strategy: &'static str,
        /// The executor, or "any executor".
        wanted: String,
        /// Names of the operators, at most a dozen.
        operators: Vec<String>,
    },
    /// An executor that is not on the platform.
    #[error("{strategy}: there is no executor `{}`; this platform has {available}", crate::diagnostics::printable(.name))]
    UnknownExecutor {
        /// The strategy.
        strategy: String,
        /// The name asked for.
        name: String,
        /// The names there are.
        available: String,
    },
    /// An unknown strategy, or a parameter that is unknown or of the wrong kind.
    #[error("strategy `{}`: {problem}", crate::diagnostics::printable(.strategy))]
    Parameter {
        /// The strategy.
        strategy: String,
        /// What is wrong and what is possible.
        problem: String,
    },
    /// A plan that cannot be executed on this graph and platform.
    #[error("the plan does not fit: {0}")]
    InvalidPlan(String),
    /// A strategy outside of the program failed, or said what makes no sense.
    #[error("strategy `external`: {0}")]
    Process(String),
    /// The strategy cannot work at the granularity asked for.
    #[error("{strategy} cannot work at granularity `{granularity}`; it offers {offered}")]
    Granularity {
        /// The strategy.
        strategy: &'static str,
        /// What was asked for.
        granularity: &'static str,
        /// What it offers.
        offered: &'static str,
    },
}

fn plural(n: usize) -> String {
    if n == 1 { "one operator".to_owned() } else { format!("{n} operators") }
}

/// A scheduling strategy.
pub trait Strategy {
    /// Kebab-case name.
    fn id(&self) -> &'static str;

    /// The granularity at which it works unless told otherwise.
    fn default_granularity(&self) -> Granularity;

    /// The executor that it prefers; operators placed elsewhere are its fallbacks. `None`: it has no preference.
    fn target(&self) -> Option<ExecutorId> {
        None
    }

    /// Whether it cuts operators into slices, and has to be asked for them by [`Strategy::slice`] first.
    fn slices(&self) -> bool {
        false
    }

    /// How it knows what slices take.
    fn slice_predictor(&self) -> SlicePredictor {
        SlicePredictor::Oracle
    }

    /// Decides which operators of each stream to cut, before it plans. Then [`Strategy::plan`] sees the graphs of slices, with
    /// [`PlanningView::roles`] saying what each operator is.
    ///
    /// # Errors
    /// [`StrategyError`] when it cannot.
    fn slice(&mut self, streams: &[SlicingView<'_>]) -> Result<Vec<Vec<Split>>, StrategyError> {
        Ok(streams.iter().map(|_| Vec::new()).collect())
    }

    /// Cuts every stream's graph into units and places those whose executor is known beforehand. One plan
    /// for each view, in order.
    ///
    /// # Errors
    /// [`StrategyError`] when no plan exists.
    fn plan(&mut self, streams: &[PlanningView<'_>]) -> Result<Vec<Plan>, StrategyError>;

    /// What it has to say about its last plan, such as how far from the optimum it can be; a line each.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    /// Called when a unit without an executor becomes ready, and when one has finished. Every unit must be placed by a [`Decision`]
    /// sooner or later; the run stalls otherwise, and says so.
    fn react(&mut self, _occasion: Occasion, _view: &RunView<'_>, _decisions: &mut Vec<Decision>) {}

    /// Why it could not react, asked after every [`Strategy::react`]; ends the run. For decision makers outside of the program, which can fail.
    fn fault(&mut self) -> Option<StrategyError> {
        None
    }
}
