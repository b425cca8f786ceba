//! From names of executors to cores, devices and performances.

use super::builder::{Builder, Member, fault};
use crate::diagnostics::InputError;
use crate::soc::{Cluster, ExecutorName, ExecutorNameError, Performance, Precision, Target};

impl<'a> Builder<'a> {
    /// The executors asked for, or all that the runtime offers.
    pub(super) fn wanted(&self) -> Result<Vec<ExecutorName>, InputError> {
        if !self.parts.executors.is_empty() {
            return Ok(self.parts.executors.to_vec());
        }
        let runtime = self.parts.runtime;
        let sets = runtime.core_sets.iter().map(|set| format!("cpu-{set}"));
        let performed = |id: &str| runtime.performances.iter().any(|p| p.on.iter().any(|on| on == id));
        let devices = self.soc().devices.iter().map(|d| d.id.clone()).filter(|id| performed(id));
        sets.chain(devices)
            .map(|name| {
                name.parse().map_err(|error: ExecutorNameError| {
                    fault(
                        "soc::executor-name",
                        error.to_string(),
                        format!("correct runtime `{}`", runtime.id),
                    )
                })
            })
            .collect()
    }

    /// The cores or the device behind a name.
    pub(super) fn members(&self, name: &ExecutorName) -> Result<Vec<Member>, InputError> {
        let soc = self.soc();
        match &name.target {
            Target::Device(id) => {
                let cores: u32 = soc.clusters.iter().map(|c| c.cores).sum();
                let Some(position) = soc.devices.iter().position(|d| d.id == *id) else {
                    let devices: Vec<&str> = soc.devices.iter().map(|d| d.id.as_str()).collect();
                    let help = format!(
                        "devices: {}; cores: cpu-<count><kind>, kinds {}",
                        devices.join(", "),
                        self.kinds().join(", ")
                    );
                    return Err(fault("soc::unknown-reference", format!("{} has no `{id}`", soc.id), help));
                };
                Ok(vec![Member { resource: cores as u16 + position as u16, performs_as: id.clone() }])
            }
            Target::Cores(groups) => {
                let mut members = Vec::new();
                for (count, kind) in groups {
                    let mut first = 0u16;
                    let mut available = Vec::new();
                    for cluster in &soc.clusters {
                        if cluster.core_kind == *kind {
                            available.extend((0..cluster.cores as u16).map(|core| first + core));
                        }
                        first += cluster.cores as u16;
                    }
                    if available.len() < *count as usize {
                        let message = format!(
                            "`{name}` asks for {count} {kind} cores, {} has {}",
                            soc.id,
                            available.len()
                        );
                        return Err(fault(
                            "soc::core-set",
                            message,
                            format!("kinds: {}", self.kinds().join(", ")),
                        ));
                    }
                    let taken = available.into_iter().take(*count as usize);
                    members.extend(taken.map(|resource| Member { resource, performs_as: kind.clone() }));
                }
                Ok(members)
            }
        }
    }

    pub(super) fn kinds(&self) -> Vec<String> {
        let mut kinds: Vec<String> = Vec::new();
        for cluster in &self.soc().clusters {
            if !kinds.contains(&cluster.core_kind) {
                kinds.push(cluster.core_kind.clone());
            }
        }
        kinds
    }

    pub(super) fn performance(&self, member: &Member, precision: Precision) -> Option<&'a Performance> {
        let on = |p: &&Performance| p.precision == precision && p.on.contains(&member.performs_as);
        self.parts.runtime.performances.iter().find(on)
    }

    /// The first precision of the runtime that all members have.
    pub(super) fn default_precision(&self, members: &[Member]) -> Option<Precision> {
        let runtime = self.parts.runtime;
        let first = members.first()?;
        let own = runtime.performances.iter().filter(|p| p.on.contains(&first.performs_as));
        own.map(|p| p.precision).find(|&p| members.iter().all(|m| self.performance(m, p).is_some()))
    }

    pub(super) fn cluster_of(&self, resource: u16) -> Option<&'a Cluster> {
        let mut first = 0u32;
        self.soc().clusters.iter().find(|cluster| {
            first += cluster.cores;
            u32::from(resource) < first
        })
    }
}
