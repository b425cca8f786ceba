//! Asking the strategy how a request runs, where it has a say.

use super::observer::Observer;
use super::problem::SimulationError;
use super::run::Simulation;
use crate::strategy::RequestId;
use crate::units::SimTime;

impl<O: Observer> Simulation<'_, O> {
    /// Lets the strategy choose the version that a request runs, and notes what choosing took.
    pub(super) fn choose_version(
        &mut self,
        now: SimTime,
        request: RequestId,
        slot: u32,
    ) -> Result<(), SimulationError> {
        let stream = usize::from(request.stream);
        if self.problem.streams[stream].stage.fixed.is_some() {
            return Ok(());
        }
        let admission = self.ask(now, |strategy, view| strategy.admit(request, slot, view));
        let Some(range) = self.graphs[stream].range(admission.version) else {
            let what = format!(
                "request {} is to run version {}, but stream {stream} has {}",
                request.number,
                admission.version,
                self.graphs[stream].versions()
            );
            return Err(SimulationError::Decision { strategy: self.strategy.id(), what });
        };
        let slot = &mut self.streams[stream].slots[slot as usize];
        slot.range = range;
        slot.units_left = range.1 - range.0;
        slot.next_unit = range.0;
        slot.debt = admission.overhead;
        Ok(())
    }
}
