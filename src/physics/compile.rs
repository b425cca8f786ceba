//! Builds a [`Machine`]: resolves names between the profiles, fixes clocks, lays out resources.

use super::core_set::Worker;
use super::latency::Level;
use super::machine::{Arrangement, ExecutorModel, Machine, Parts};
use super::numbers::Numbers;
use crate::diagnostics::{Diagnostic, InputError, nearest, printable};
use crate::soc::{
    Cluster, Crossing, Dispersion, Executor, ExecutorName, Network, Opp, OppTable, Performance, Platform,
    PowerModel, Precision, PrivateCache, ProcessorKind, Quantity, Resource, ResourceId, Soc, Target,
};
use crate::units::{BytesPerSec, Hertz, SimDuration, Watts};

/// Puts a machine together.
///
/// # Errors
/// Executors that the SoC or the runtime does not have, precisions without a peak rate, missing crossings,
/// clocks of unknown processors.
pub fn compile(parts: &Parts<'_>) -> Result<Machine, InputError> {
    let mut builder =
        Builder { parts, numbers: Numbers::default(), warnings: Vec::new(), memory: BytesPerSec(0.0) };
    builder.check_clocks()?;
    builder.memory = builder.memory_bandwidth()?;
    builder.build()
}

struct Builder<'a> {
    parts: &'a Parts<'a>,
    numbers: Numbers,
    warnings: Vec<String>,
    memory: BytesPerSec,
}

/// A core or device with the name of what it belongs to.
struct Member {
    resource: u16,
    /// Core kind, or device id.
    performs_as: String,
}

/// Standard deviation of the logarithm of a log-normal factor with this coefficient of variation.
fn log_deviation(variation: f64) -> f64 {
    (variation * variation).ln_1p().sqrt()
}

fn fault(code: &'static str, message: String, help: String) -> InputError {
    Diagnostic::new(code, message).help(help).into()
}

impl<'a> Builder<'a> {
    const fn soc(&self) -> &'a Soc {
        self.parts.soc
    }

    fn processor_ids(&self) -> Vec<&'a str> {
        let soc = self.soc();
        soc.clusters.iter().map(|c| c.id.as_str()).chain(soc.devices.iter().map(|d| d.id.as_str())).collect()
    }

    fn check_clocks(&self) -> Result<(), InputError> {
        let known = self.processor_ids();
        for (id, _) in &self.parts.clocks.processors {
            if !known.contains(&id.as_str()) {
                let help = match nearest(id, known.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`? known: memory, {}", known.join(", ")),
                    None => format!("known: memory, {}", known.join(", ")),
                };
                let message = format!(
                    "a clock is given for `{}`, which {} does not have",
                    printable(id),
                    self.soc().id
                );
                return Err(fault("soc::unknown-reference", message, help));
            }
        }
        Ok(())
    }

    /// The operating point of a cluster or device in this run.
    fn opp(&self, id: &str, table: &OppTable) -> Opp {
        match self.parts.clocks.processors.iter().find(|(of, _)| of == id) {
            Some((_, clock)) => table.at_least(*clock),
            None => table.highest(),
        }
    }

    /// The rate of main memory at the clock that is fixed or voted for.
    fn memory_bandwidth(&mut self) -> Result<BytesPerSec, InputError> {
        let memory = &self.soc().memory;
        self.numbers.take("memory.achievable_gb_per_s", &memory.achievable);
        self.numbers.note("memory.clocks", &memory.clock_provenance);
        let clock = match self.parts.clocks.memory {
            Some(clock) => clock,
            None => {
                let mut highest = Hertz(0.0);
                for vote in &memory.votes {
                    self.numbers.note(format!("memory.vote.{}", vote.of), &vote.provenance);
                    let cluster = self.soc().clusters.iter().find(|c| c.id == vote.of).map(|c| &c.opps);
                    let device = self.soc().devices.iter().find(|d| d.id == vote.of).map(|d| &d.opps);
                    if let Some(own) = cluster.or(device).map(|table| self.opp(&vote.of, table))
                        && let Some(asked) = vote.memory_clock(own.clock)
                        && asked.0 > highest.0
                    {
                        highest = asked;
                    }
                }
                if highest.0 > 0.0 { highest } else { memory.clocks.last().copied().unwrap_or(highest) }
            }
        };
        let step = memory.clocks.iter().copied().find(|c| c.0 + 500.0 >= clock.0);
        step.map(|clock| memory.bandwidth(clock)).ok_or_else(|| {
            let top = memory.clocks.last().map_or(0.0, |c| c.0 / 1e6);
            fault(
                "soc::out-of-range",
                format!("memory clock {} MHz is above the highest step, {top} MHz", clock.0 / 1e6),
                "choose a step of the SoC profile".to_owned(),
            )
        })
    }

    fn build(mut self) -> Result<Machine, InputError> {
        let soc = self.soc();
        let resources = self.resources();
        let names = self.wanted()?;
        let mut executors = Vec::new();
        let mut models: Vec<ExecutorModel> = Vec::new();
        let mut domains: Vec<(String, Precision)> = Vec::new();
        for name in &names {
            let members = self.members(name)?;
            let arrangements = self.arrangements(name, &members)?;
            let Some(own) = arrangements.first() else { continue };
            let base = name.base();
            let is_default = self.default_precision(&members) == Some(own.precision);
            let shown = if is_default { base } else { format!("{base}@{}", own.precision.id()) };
            if models.iter().any(|m| m.name == shown) {
                return Err(fault(
                    "soc::duplicate-id",
                    format!("executor `{shown}` is asked for twice"),
                    "name each executor once".to_owned(),
                ));
            }
            let kind = resources[members[0].resource as usize].kind;
            // Cores see the same memory; each device and each precision has its own representation.
            let place =
                if kind == ProcessorKind::Cpu { "cpu".to_owned() } else { members[0].performs_as.clone() };
            let key = (place, own.precision);
            let domain = domains.iter().position(|d| *d == key).unwrap_or_else(|| {
                domains.push(key);
                domains.len() - 1
            });
            let invocation =
                own.workers.iter().map(|(_, p)| p.invocation.value).max().unwrap_or(SimDuration::ZERO);
            let largest = |variation: fn(&Performance) -> f64| {
                log_deviation(own.workers.iter().map(|(_, p)| variation(p)).fold(0.0, f64::max))
            };
            let dispersion = Dispersion {
                inference: largest(|p| p.inference_variation.value),
                operator: largest(|p| p.operator_variation.value),
            };
            executors.push(Executor {
                name: shown.clone(),
                kind,
                resources: members.iter().map(|m| ResourceId(m.resource)).collect(),
                busy_shares: own.busy_shares(),
                invocation,
                domain: domain as u16,
                dispersion,
                tensor_scale: own.precision.bytes() / Precision::Fp32.bytes(),
            });
            models.push(ExecutorModel { name: shown, arrangements });
        }
        let mut crossings = Vec::with_capacity(executors.len() * executors.len());
        for from in &executors {
            for to in &executors {
                crossings.push(self.crossing(from.kind, from.domain, to.kind, to.domain)?);
            }
        }
        // The caller's tensors lie in the memory of the CPU.
        let mut host_in = Vec::new();
        let mut host_out = Vec::new();
        for executor in &executors {
            let cpu = executor.kind == ProcessorKind::Cpu;
            let there =
                if cpu { Crossing::NONE } else { self.crossing_of(ProcessorKind::Cpu, executor.kind)? };
            let back =
                if cpu { Crossing::NONE } else { self.crossing_of(executor.kind, ProcessorKind::Cpu)? };
            host_in.push(there);
            host_out.push(back);
        }
        let base_power = match self.parts.device {
            Some(device) => self.numbers.take("device.base_power_mw", &device.base_power),
            None => {
                self.warnings.push(
                    "no device is given, so the power of its display and the like counts as 0".to_owned(),
                );
                Watts(0.0)
            }
        };
        let platform = Platform {
            resources,
            executors,
            crossings,
            host_in,
            host_out,
            network: Network::ContentionFree,
            memory_bandwidth: Some(self.memory),
            base_power,
            dram_joules_per_byte: self.numbers.take("memory.dram_pj_per_byte", &soc.memory.joules_per_byte),
        };
        Ok(Machine { platform, numbers: self.numbers, warnings: self.warnings, models })
    }

    /// One resource for each core and device, cores in the order of the operating system.
    fn resources(&mut self) -> Vec<Resource> {
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

    fn resource(
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
        Resource {
            name,
            kind,
            cluster: cluster.to_owned(),
            idle_power,
            busy_power: power.at(opp, 1.0, awake_share),
            blocked_power: power.at(opp, blocked, awake_share),
        }
    }

    /// The executors asked for, or all that the runtime offers.
    fn wanted(&self) -> Result<Vec<ExecutorName>, InputError> {
        if !self.parts.executors.is_empty() {
            return Ok(self.parts.executors.to_vec());
        }
        let runtime = self.parts.runtime;
        let sets = runtime.core_sets.iter().map(|set| format!("cpu-{set}"));
        let performed = |id: &str| runtime.performances.iter().any(|p| p.on.iter().any(|on| on == id));
        let devices = self.soc().devices.iter().map(|d| d.id.clone()).filter(|id| performed(id));
        sets.chain(devices)
            .map(|name| {
                name.parse().map_err(|error: crate::soc::ExecutorNameError| {
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
    fn members(&self, name: &ExecutorName) -> Result<Vec<Member>, InputError> {
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

    fn kinds(&self) -> Vec<String> {
        let mut kinds: Vec<String> = Vec::new();
        for cluster in &self.soc().clusters {
            if !kinds.contains(&cluster.core_kind) {
                kinds.push(cluster.core_kind.clone());
            }
        }
        kinds
    }

    fn performance(&self, member: &Member, precision: Precision) -> Option<&'a Performance> {
        let on = |p: &&Performance| p.precision == precision && p.on.contains(&member.performs_as);
        self.parts.runtime.performances.iter().find(on)
    }

    /// The first precision of the runtime that all members have.
    fn default_precision(&self, members: &[Member]) -> Option<Precision> {
        let runtime = self.parts.runtime;
        let first = members.first()?;
        let own = runtime.performances.iter().filter(|p| p.on.contains(&first.performs_as));
        own.map(|p| p.precision).find(|&p| members.iter().all(|m| self.performance(m, p).is_some()))
    }

    /// One arrangement for each precision, the asked-for or default one first.
    fn arrangements(
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
                arrangements.push(self.arrangement(members, &performances, precision)?);
            }
        }
        Ok(arrangements)
    }

    fn arrangement(
        &mut self,
        members: &[Member],
        performances: &[&Performance],
        precision: Precision,
    ) -> Result<Arrangement, InputError> {
        let soc = self.soc();
        let mut workers = Vec::new();
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
            workers.push((worker, performance.clone()));
        }
        Ok(Arrangement { precision, workers, units, wave })
    }

    fn cluster_of(&self, resource: u16) -> Option<&'a Cluster> {
        let mut first = 0u32;
        self.soc().clusters.iter().find(|cluster| {
            first += cluster.cores;
            u32::from(resource) < first
        })
    }

    /// One core among `workers`, of which `beside` are in its cluster.
    fn core(
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

    fn peak(
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
    fn levels(
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

    fn note_performance(&mut self, p: &Performance) {
        let name = format!("{}.{}.{}", self.parts.runtime.id, p.on.join("+"), p.precision.id());
        self.numbers.take(format!("{name}.invocation_us"), &p.invocation);
        self.numbers.take(format!("{name}.kernel_overhead_us"), &p.kernel_overhead);
        self.numbers.take(format!("{name}.thread_overhead_us"), &p.thread_overhead);
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

    fn crossing(
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

    fn crossing_of(&mut self, from: ProcessorKind, to: ProcessorKind) -> Result<Crossing, InputError> {
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
