//! Replaying plans that somebody else made.

use super::{Granularity, Plan, PlanningView, SlicingView, Strategy, StrategyError};
use crate::graph::partition::Split;

/// Executes given plans as they stand, one for each stream.
///
/// Granularity: whatever the plans contain. Decision point: none. Reads: nothing. A plan that does not fit the graph
/// is refused, never padded.
#[derive(Debug, Clone)]
pub struct Replay {
    plans: Vec<Plan>,
    splits: Vec<Vec<Split>>,
}

impl Replay {
    /// Replays these plans.
    #[must_use]
    pub const fn new(plans: Vec<Plan>) -> Self {
        Self { plans, splits: Vec::new() }
    }

    /// Replays plans of graphs that are cut first, one list of splits for each stream.
    #[must_use]
    pub const fn with_splits(plans: Vec<Plan>, splits: Vec<Vec<Split>>) -> Self {
        Self { plans, splits }
    }
}

impl Strategy for Replay {
    fn id(&self) -> &'static str {
        "replay"
    }

    fn prescribes(&self) -> bool {
        true
    }

    fn default_granularity(&self) -> Granularity {
        if self.slices() { Granularity::Slice } else { Granularity::SubGraph }
    }

    fn slices(&self) -> bool {
        self.splits.iter().any(|splits| !splits.is_empty())
    }

    fn slice(&mut self, _streams: &[SlicingView<'_>]) -> Result<Vec<Vec<Split>>, StrategyError> {
        Ok(self.splits.clone())
    }

    fn plan(&mut self, streams: &[PlanningView<'_>]) -> Result<Vec<Plan>, StrategyError> {
        if streams.len() != self.plans.len() {
            let message = format!("there are {} plans for {} streams", self.plans.len(), streams.len());
            return Err(StrategyError::InvalidPlan(message));
        }
        for plan in &self.plans {
            if let Some(unit) = plan.units().position(|unit| unit.executor.is_none()) {
                return Err(StrategyError::InvalidPlan(format!(
                    "unit {unit} has no executor; a plan to replay places them all"
                )));
            }
        }
        Ok(self.plans.clone())
    }
}
