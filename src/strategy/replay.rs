//! Replaying plans that somebody else made.

use super::{Granularity, Plan, PlanningView, Strategy, StrategyError};

/// Executes given plans as they stand, one for each stream.
///
/// Granularity: whatever the plans contain. Decision point: none. Reads: nothing. A plan that does not fit the graph
/// is refused, never padded.
#[derive(Debug, Clone)]
pub struct Replay {
    plans: Vec<Plan>,
}

impl Replay {
    /// Replays these plans.
    #[must_use]
    pub const fn new(plans: Vec<Plan>) -> Self {
        Self { plans }
    }
}

impl Strategy for Replay {
    fn id(&self) -> &'static str {
        "replay"
    }

    fn default_granularity(&self) -> Granularity {
        Granularity::SubGraph
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
