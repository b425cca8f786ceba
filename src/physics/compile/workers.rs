//! Cores and devices as workers: peak rates, memory levels, performances.

use super::super::arrangement::{Arrangement, WorkerClock};
use super::super::core_set::Worker;
use super::super::latency::Level;
use super::super::tflite_cpu::Setting;
use super::builder::{Builder, Member, fault};
use crate::diagnostics::InputError;
use crate::soc::{Cluster, ExecutorName, Performance, Precision, PrivateCache, Quantity};
use crate::units::Hertz;

impl<'a> Builder<'a> {
    /// One arrangement for each precision, the asked-for or default one first.
    pub(super) fn arrangements(
        &mut self,
        name: &ExecutorName,
        members: &[Member],
    ) -> Result<Vec<Arrangement>, InputError> {
        let runtime = self.parts.runtime;
        let Some(own) = name.precision.or_else(|| self.default_precision(members)) else {
            let message = format!("runtime `{}` has no performance for `{name}`", runtime.id);
            let on: Vec<&str> =
                runtime.performances.iter().flat_map(|p| p.on.iter().map(String::as_str)).collect();
            return Err(fault(
                "soc::unknown-reference",
                message,
                format!("it performs on {}", on.join(", ")),
            ));
        };
        let mut arrangements = Vec::new();
        for precision in [own].into_iter().chain(Precision::ALL.into_iter().filter(|p| *p != own)) {
            let performances: Option<Vec<&Performance>> =
                members.iter().map(|m| self.performance(m, precision)).collect();
            let Some(performances) = performances else {
                if precision == own {
                    let message = format!(
                        "runtime `{}` has no {} performance for `{}`",
                        runtime.id,
                        own.id(),
                        name.base()
                    );
                    return Err(fault(
                        "soc::unknown-reference",
                        message,
                        "leave out the @precision".to_owned(),
                    ));
                }
                continue;
            };
            // Other precisions matter only for quantised tensors.
            if precision == own || precision == Precision::Int8 {
                let mut arrangement = self.arrangement(members, &performances, precision)?;
                arrangement.setting = self.setting(members, &arrangement)?;
                arrangement.fitted = self.fitted(name, members, &arrangement)?;
                arrangements.push(arrangement);
            }
        }
        Ok(arrangements)
    }

    pub(super) fn arrangement(
        &mut self,
        members: &[Member],
        performances: &[&Performance],
        precision: Precision,
    ) -> Result<Arrangement, InputError> {
        let soc = self.soc();
        let mut workers = Vec::new();
        let mut clocking = Vec::new();
        let (mut units, mut wave) = (1.0, 1.0);
        for (member, &performance) in members.iter().zip(performances) {
            self.note_performance(performance);
            let share = performance.bandwidth_share.value;
            let worker = match self.cluster_of(member.resource) {
                Some(cluster) => {
                    let beside = members
                        .iter()
                        .filter(|m| self.cluster_of(m.resource).is_some_and(|c| c.id == cluster.id))
                        .count() as f64;
                    self.core(cluster, precision, members.len() as f64, beside, share)?
                }
                None => {
                    let Some(device) = soc.devices.iter().find(|d| d.id == member.performs_as) else {
                        continue;
                    };
                    let id = &device.id;
                    units = self.numbers.take(format!("{id}.compute_units"), &device.compute_units);
                    wave = self.numbers.take(format!("{id}.wave_width"), &device.wave_width);
                    let most = self.numbers.take(format!("{id}.max_workgroup"), &device.max_workgroup);
                    if let Some(kernel) = performance.kernels.iter().find(|k| k.workgroup.value > most) {
                        return Err(fault(
                            "soc::out-of-range",
                            format!(
                                "kernel `{}` has work-groups of {}, `{id}` takes {most}",
                                kernel.id, kernel.workgroup.value
                            ),
                            "reduce `workgroup`".to_owned(),
                        ));
                    }
                    let clock = self.opp(id, &device.opps).clock;
                    self.numbers.note(format!("{id}.opps"), &device.opps.clocks);
                    let limit = self.numbers.take(format!("{id}.max_gb_per_s"), &device.bandwidth);
                    let peak = self.peak(id, device.ops_per_cycle.get(&precision), precision, clock)?;
                    let levels = self.levels(id, &device.private_caches, clock, limit.0, limit.0, 1.0, share);
                    Worker { peak, levels }
                }
            };
            clocking.push(self.worker_clock(member, members));
            workers.push((worker, performance.clone()));
        }
        Ok(Arrangement {
            precision,
            workers,
            units,
            wave,
            setting: Setting::default(),
            fitted: None,
            clocking,
        })
    }

    /// What drives a member of a set.
    fn worker_clock(&self, member: &Member, members: &[Member]) -> WorkerClock {
        let soc = self.soc();
        let scale = self.clock_scale(member);
        let supply = self.memory.0 / members.len() as f64;
        match self.cluster_of(member.resource) {
            Some(cluster) => {
                let domain = soc.clusters.iter().position(|c| c.id == cluster.id).unwrap_or(0);
                let beside = members
                    .iter()
                    .filter(|m| self.cluster_of(m.resource).is_some_and(|c| c.id == cluster.id));
                let all = cluster.cluster_bandwidth.value.0 / (beside.count() as f64).max(1.0);
                let limit = cluster.core_bandwidth.value.0.min(all);
                WorkerClock { domain: domain as u32, is_core: true, scale, headroom: supply / limit }
            }
            None => {
                let device = soc.devices.iter().position(|d| d.id == member.performs_as).unwrap_or(0);
                let limit = soc.devices.get(device).map_or(supply, |d| d.bandwidth.value.0);
                let domain = soc.clusters.len() + device;
                WorkerClock { domain: domain as u32, is_core: false, scale, headroom: supply / limit }
            }
        }
    }

    /// One core among `workers`, of which `beside` are in its cluster.
    pub(super) fn core(
        &mut self,
        cluster: &Cluster,
        precision: Precision,
        workers: f64,
        beside: f64,
        share: f64,
    ) -> Result<Worker, InputError> {
        let id = &cluster.id;
        let clock = self.opp(id, &cluster.opps).clock;
        self.numbers.note(format!("{id}.opps"), &cluster.opps.clocks);
        self.numbers.note(format!("{id}.opps.volt"), &cluster.opps.voltages);
        let own = self.numbers.take(format!("{id}.core_gb_per_s"), &cluster.core_bandwidth);
        let all = self.numbers.take(format!("{id}.cluster_gb_per_s"), &cluster.cluster_bandwidth);
        let peak = self.peak(id, cluster.ops_per_cycle.get(&precision), precision, clock)?;
        let limit = own.0.min(all.0 / beside.max(1.0));
        let levels = self.levels(id, &cluster.private_caches, clock, limit, own.0, workers, share);
        Ok(Worker { peak, levels })
    }

    pub(super) fn peak(
        &mut self,
        id: &str,
        rate: Option<&Quantity>,
        precision: Precision,
        clock: Hertz,
    ) -> Result<f64, InputError> {
        let rate = rate.ok_or_else(|| {
            fault(
                "soc::missing-rate",
                format!("`{id}` has no {} rate, but the runtime uses it", precision.id()),
                format!("add ops_per_cycle.{} to the SoC profile", precision.id()),
            )
        })?;
        Ok(self.numbers.take(format!("{id}.ops_per_cycle.{}", precision.id()), rate) * clock.0)
    }

    /// Memory levels of one worker, nearest first. Shared rates are divided evenly among `workers`;
    /// `limit` bounds what one worker draws from main memory, `own` what it draws from shared caches.
    #[expect(clippy::too_many_arguments, reason = "one call for cores, one for devices")]
    pub(super) fn levels(
        &mut self,
        id: &str,
        private: &[PrivateCache],
        clock: Hertz,
        limit: f64,
        own: f64,
        workers: f64,
        share: f64,
    ) -> Vec<Level> {
        let mut levels = Vec::new();
        for (i, cache) in private.iter().enumerate() {
            let capacity = self.numbers.take(format!("{id}.private_cache.{i}.size_kib"), &cache.size).0;
            let per_cycle =
                self.numbers.take(format!("{id}.private_cache.{i}.bytes_per_cycle"), &cache.bytes_per_cycle);
            levels.push(Level { capacity, rate: per_cycle * clock.0 * share, private: true, is_dram: false });
        }
        let mut shared: Vec<(f64, f64)> = Vec::new();
        for cache in &self.soc().caches {
            let Some((_, most)) = cache.users.iter().find(|(of, _)| of == id) else { continue };
            let capacity = self.numbers.take(format!("{}.user.{id}.most_kib", cache.id), most).0;
            let rate = self.numbers.take(format!("{}.max_gb_per_s", cache.id), &cache.bandwidth).0;
            shared.push((capacity, own.min(rate / workers)));
        }
        shared.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (capacity, rate) in shared {
            levels.push(Level { capacity, rate: rate * share, private: false, is_dram: false });
        }
        let dram = limit.min(self.memory.0 / workers) * share;
        levels.push(Level { capacity: f64::INFINITY, rate: dram, private: false, is_dram: true });
        levels
    }

    pub(super) fn note_performance(&mut self, p: &Performance) {
        let name = format!("{}.{}.{}", self.parts.runtime.id, p.on.join("+"), p.precision.id());
        self.numbers.take(format!("{name}.invocation_us"), &p.invocation);
        self.numbers.take(format!("{name}.kernel_overhead_us"), &p.kernel_overhead);
        self.numbers.take(format!("{name}.thread_overhead_us"), &p.thread_overhead);
        if let Some(sharing) = &p.sharing {
            self.numbers.take(format!("{name}.sharing.transform_ns_per_element"), &sharing.transform);
            self.numbers.take(format!("{name}.sharing.map_ns_per_element"), &sharing.map);
            self.numbers.take(format!("{name}.sharing.synchronization_us"), &sharing.synchronization);
            self.numbers.take(format!("{name}.sharing.release_us"), &sharing.release);
            if let Some(enqueue) = &sharing.enqueue {
                self.numbers.take(format!("{name}.sharing.enqueue_us"), enqueue);
            }
        }
        self.numbers.take(format!("{name}.combination_exponent"), &p.combination);
        self.numbers.take(format!("{name}.bandwidth_share"), &p.bandwidth_share);
        self.numbers.take(format!("{name}.inference_variation"), &p.inference_variation);
        self.numbers.take(format!("{name}.operator_variation"), &p.operator_variation);
        for k in &p.kernels {
            let numbers = [
                ("efficiency", &k.efficiency),
                ("arithmetic_saving", &k.arithmetic_saving),
                ("channel_block", &k.channel_block),
                ("pixel_block", &k.pixel_block),
                ("width_block", &k.width_block),
                ("depth_block", &k.depth_block),
                ("depth_half", &k.depth_half),
                ("workgroup", &k.workgroup),
            ];
            for (key, quantity) in numbers {
                self.numbers.take(format!("{name}.{}.{key}", k.id), quantity);
            }
        }
    }
}
