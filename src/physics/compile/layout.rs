//! Resources with their powers, and crossings.

use super::builder::{Builder, fault};
use crate::diagnostics::InputError;
use crate::soc::{Crossing, Opp, PowerModel, ProcessorKind, Resource};
use crate::units::BytesPerSec;

impl<'a> Builder<'a> {
    /// One resource for each core and device, cores in the order of the operating system.
    pub(super) fn resources(&mut self) -> Vec<Resource> {
        let soc = self.soc();
        let mut resources = Vec::new();
        for cluster in &soc.clusters {
            let opp = self.opp(&cluster.id, &cluster.opps);
            for _ in 0..cluster.cores {
                let name = format!("cpu{}", resources.len());
                let share = 1.0 / f64::from(cluster.cores);
                resources.push(self.resource(
                    name,
                    ProcessorKind::Cpu,
                    &cluster.id,
                    &cluster.power,
                    opp,
                    share,
                ));
            }
        }
        for device in &soc.devices {
            let opp = self.opp(&device.id, &device.opps);
            resources.push(self.resource(
                device.id.clone(),
                device.kind,
                &device.id,
                &device.power,
                opp,
                1.0,
            ));
        }
        resources
    }

    pub(super) fn resource(
        &mut self,
        name: String,
        kind: ProcessorKind,
        cluster: &str,
        power: &PowerModel,
        opp: Opp,
        awake_share: f64,
    ) -> Resource {
        self.numbers.take(format!("{cluster}.power.dynamic_uw_per_mhz_v2"), &power.dynamic);
        self.numbers.take(format!("{cluster}.power.awake_mw"), &power.awake);
        let idle_power = self.numbers.take(format!("{cluster}.power.idle_mw"), &power.idle);
        let blocked = self.numbers.take(format!("{cluster}.power.blocked_activity"), &power.blocked_activity);
        let busy = self.numbers.take(format!("{cluster}.power.busy_activity"), &power.busy_activity);
        Resource {
            name,
            kind,
            cluster: cluster.to_owned(),
            idle_power,
            busy_power: power.at(opp, busy, awake_share),
            blocked_power: power.at(opp, blocked, awake_share),
        }
    }

    pub(super) fn crossing(
        &mut self,
        from: ProcessorKind,
        from_domain: u16,
        to: ProcessorKind,
        to_domain: u16,
    ) -> Result<Crossing, InputError> {
        if from_domain == to_domain {
            return Ok(Crossing::NONE);
        }
        if from == to && from == ProcessorKind::Cpu {
            // Same memory, other element type: the consumer converts while it streams.
            let cores = self.soc().clusters.iter().map(|c| c.core_bandwidth.value.0).fold(0.0, f64::max);
            return Ok(Crossing { conversion: BytesPerSec(cores), ..Crossing::NONE });
        }
        self.crossing_of(from, to)
    }

    pub(super) fn crossing_of(
        &mut self,
        from: ProcessorKind,
        to: ProcessorKind,
    ) -> Result<Crossing, InputError> {
        let runtime = self.parts.runtime;
        let name = format!("{}.crossing.{}-{}", runtime.id, from.id(), to.id());
        let Some(c) = runtime.crossings.iter().find(|c| c.from == from && c.to == to) else {
            return Err(fault(
                "soc::no-crossing",
                format!(
                    "runtime `{}` does not say what crossing from {} to {} costs",
                    runtime.id,
                    from.id(),
                    to.id()
                ),
                "add a [[crossing]] to the runtime profile".to_owned(),
            ));
        };
        let latency = self.numbers.take(format!("{name}.map_us"), &c.map)
            + self.numbers.take(format!("{name}.synchronization_us"), &c.synchronization)
            + self.numbers.take(format!("{name}.remote_call_us"), &c.remote_call)
            + self.numbers.take(format!("{name}.wake_up_us"), &c.wake_up);
        Ok(Crossing {
            latency,
            bandwidth: self.numbers.take(format!("{name}.copy_gb_per_s"), &c.copy),
            conversion: self.numbers.take(format!("{name}.layout_gb_per_s"), &c.layout),
        })
    }
}
