//! Processors that slow down beside others' memory traffic before bandwidth runs out.

use super::Dynamics;
use crate::units::BytesPerSec;

impl Dynamics<'_> {
    /// Reduces the demands of resources (the first of `demands`) by what their processors lose to others' traffic, and notes the
    /// relative speeds. `total` is what everybody demands. Returns what everybody demands afterwards.
    ///
    /// A processor knows its own demand (all its resources together) and that of everybody else as they were before anybody
    /// slowed down, as the model was characterised. What is left over is shared as ever.
    pub(super) fn slow_down(&mut self, demands: &mut [f64], total: f64) -> f64 {
        let known = &self.setup.memory.slowdowns;
        let mut left = total;
        for (domain, model) in known.iter().enumerate() {
            let Some(model) = model else { continue };
            let resources = || self.setup.resources(domain).map(|resource| usize::from(resource.0));
            let own: f64 = resources().filter_map(|slot| demands.get(slot)).sum();
            let speed = model.speed(BytesPerSec(own), BytesPerSec((total - own).max(0.0)));
            self.relative[domain] = speed;
            left -= own * (1.0 - speed);
        }
        for (demand, domain) in demands.iter_mut().zip(&self.setup.domain_of) {
            if let Some(speed) = self.relative.get(usize::from(*domain)) {
                *demand *= speed;
            }
        }
        left.max(0.0)
    }
}
