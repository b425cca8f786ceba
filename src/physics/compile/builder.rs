//! Builds a [`Machine`]: resolves names between the profiles, fixes clocks, lays out resources.

use super::super::arrangement::ExecutorModel;
use super::super::machine::{Machine, Parts};
use super::super::numbers::Numbers;
use crate::diagnostics::{Diagnostic, InputError, nearest, printable};
use crate::soc::{
    Crossing, Dispersion, Executor, Network, Opp, OppTable, Performance, Platform, Precision, ProcessorKind,
    ResourceId, Soc,
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
    builder.check_runtime()?;
    builder.memory = builder.memory_bandwidth()?;
    builder.build()
}

pub(super) struct Builder<'a> {
    pub(super) parts: &'a Parts<'a>,
    pub(super) numbers: Numbers,
    warnings: Vec<String>,
    pub(super) memory: BytesPerSec,
}

/// A core or device with the name of what it belongs to.
pub(super) struct Member {
    pub(super) resource: u16,
    /// Core kind, or device id.
    pub(super) performs_as: String,
}

/// Standard deviation of the logarithm of a log-normal factor with this coefficient of variation.
fn log_deviation(variation: f64) -> f64 {
    (variation * variation).ln_1p().sqrt()
}

fn table_highest(table: &OppTable) -> Opp {
    table.highest()
}

pub(super) fn fault(code: &'static str, message: String, help: String) -> InputError {
    Diagnostic::new(code, message).help(help).into()
}

impl<'a> Builder<'a> {
    pub(super) const fn soc(&self) -> &'a Soc {
        self.parts.soc
    }

    pub(super) fn processor_ids(&self) -> Vec<&'a str> {
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
        let soc = self.soc();
        for (id, clock) in &self.parts.clocks.processors {
            let cluster = soc.clusters.iter().find(|c| c.id == *id).map(|c| &c.opps);
            let table = cluster.or(soc.devices.iter().find(|d| d.id == *id).map(|d| &d.opps));
            let steps: Vec<Hertz> =
                table.map_or(Vec::new(), |t| t.points.iter().map(|opp| opp.clock).collect());
            check_step(id, *clock, &steps)?;
        }
        self.parts.clocks.memory.map_or(Ok(()), |clock| check_step("memory", clock, &soc.memory.clocks))
    }

    /// Everything that the runtime performs on exists.
    fn check_runtime(&self) -> Result<(), InputError> {
        let (soc, runtime) = (self.soc(), self.parts.runtime);
        let kinds = self.kinds();
        let known: Vec<&str> =
            kinds.iter().map(String::as_str).chain(soc.devices.iter().map(|d| d.id.as_str())).collect();
        let unknown =
            runtime.performances.iter().flat_map(|p| &p.on).find(|on| !known.contains(&on.as_str()));
        match unknown {
            None => Ok(()),
            Some(on) => Err(fault(
                "soc::unknown-reference",
                format!(
                    "runtime `{}` performs on `{}`, which {} does not have",
                    runtime.id,
                    printable(on),
                    soc.id
                ),
                format!("core kinds and devices: {}", known.join(", ")),
            )),
        }
    }

    /// The operating point of a cluster or device in this run.
    pub(super) fn opp(&self, id: &str, table: &OppTable) -> Opp {
        match self.parts.clocks.processors.iter().find(|(of, _)| of == id) {
            Some((_, clock)) => table.at_least(*clock),
            None => table.highest(),
        }
    }

    /// The rate of main memory at the clock that is fixed or voted for.
    fn memory_bandwidth(&mut self) -> Result<BytesPerSec, InputError> {
        self.memory_bandwidth_at(false)
    }

    /// The same, at the highest clocks if asked for.
    pub(super) fn memory_bandwidth_at(&mut self, highest_clocks: bool) -> Result<BytesPerSec, InputError> {
        let memory = &self.soc().memory;
        self.numbers.take("memory.achievable_gb_per_s", &memory.achievable);
        self.numbers.note("memory.clocks", &memory.clock_provenance);
        let clock = match self.parts.clocks.memory {
            Some(clock) if !highest_clocks => clock,
            _ => {
                let mut highest = Hertz(0.0);
                for vote in &memory.votes {
                    self.numbers.note(format!("memory.vote.{}", vote.of), &vote.provenance);
                    let cluster = self.soc().clusters.iter().find(|c| c.id == vote.of).map(|c| &c.opps);
                    let device = self.soc().devices.iter().find(|d| d.id == vote.of).map(|d| &d.opps);
                    let opp =
                        |table| if highest_clocks { table_highest(table) } else { self.opp(&vote.of, table) };
                    if let Some(own) = cluster.or(device).map(opp)
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
        Ok(memory.bandwidth(step.or(memory.clocks.last().copied()).unwrap_or(clock)))
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
            let invocation = match &own.fitted {
                Some(fitted) => SimDuration::from_seconds(fitted.inference_overhead()),
                None => {
                    let invocations = own.workers.iter().zip(&own.clocking).map(|((_, p), clock)| {
                        let scale = clock.dispatch_scale();
                        // Scaling by 1 must not round.
                        if scale == 1.0 {
                            p.invocation.value
                        } else {
                            SimDuration::from_seconds(p.invocation.value.seconds() * scale)
                        }
                    });
                    invocations.max().unwrap_or(SimDuration::ZERO)
                }
            };
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
                busy_shares: self.fitted_shares(name, &members, own).unwrap_or_else(|| own.busy_shares()),
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
}

/// A clock that a person fixes must be one that the hardware has: another one would be replaced in silence.
fn check_step(id: &str, clock: Hertz, steps: &[Hertz]) -> Result<(), InputError> {
    // Half a megahertz of slack: tables round to 0.1 MHz, people to 1 MHz.
    if steps.iter().any(|step| (step.0 - clock.0).abs() <= 0.5e6) {
        return Ok(());
    }
    let list: Vec<String> = steps.iter().map(|step| format!("{}", step.0 / 1e6)).collect();
    let message = format!("`{}` has no step at {} MHz", printable(id), clock.0 / 1e6);
    Err(fault("soc::clock-step", message, format!("its steps are {} MHz", list.join(", "))))
}
