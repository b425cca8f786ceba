//! From names of profiles to a machine.

use super::library::{Library, Loaded};
use super::scenario_file::profile_overrides;
use crate::diagnostics::{Diagnostic, InputError, printable};
use crate::physics::{Clocks, Machine, Parts, compile};
use crate::soc::{Device, ExecutorName, RuntimeProfile, Soc};
use crate::units::Hertz;

/// The hardware side of a run: profiles, and the machine that they make.
#[derive(Debug, Clone)]
pub struct Hardware {
    /// The silicon.
    pub soc: Soc,
    /// The body around it, if one is given.
    pub device: Option<Device>,
    /// The runtime; its `lowering` says how to lower models.
    pub runtime: RuntimeProfile,
    /// Platform and cost model.
    pub machine: Machine,
}

/// What a person chooses.
#[derive(Debug, Clone, Copy)]
pub struct Choice<'a> {
    /// Id or path of a device; it brings its SoC.
    pub device: Option<&'a str>,
    /// Id or path of a SoC, when there is no device, or when the device's SoC is described by a file.
    pub soc: Option<&'a str>,
    /// Id or path of a runtime.
    pub runtime: &'a str,
    /// Executors; empty takes all that the runtime offers.
    pub executors: &'a [ExecutorName],
    /// Fixed clocks by processor, or `memory`.
    pub clocks: &'a [(String, Hertz)],
    /// All overrides of the run; those for profiles are picked out.
    pub overrides: &'a [String],
}

/// Loads the profiles and builds the machine.
///
/// # Errors
/// Faults of the profiles, or between them.
pub fn hardware(choice: &Choice<'_>) -> Result<Loaded<Hardware>, InputError> {
    let overrides = |profile| profile_overrides(choice.overrides, profile);
    let mut warnings = Vec::new();
    let mut keep = |found: Vec<Diagnostic>| warnings.extend(found);
    let device = match choice.device {
        Some(name) => {
            let loaded = Library.device(name, &overrides("device"))?;
            keep(loaded.warnings);
            Some(loaded.value)
        }
        None => None,
    };
    let soc_name = choice.soc.or(device.as_ref().map(|d| d.soc.as_str())).ok_or_else(|| {
        Diagnostic::new("scenario::target", "neither a device nor a soc is given")
            .help("choose a device such as xiaomi-9; `hetsoc list` prints the known ones")
    })?;
    let soc = Library.soc(soc_name, &overrides("soc"))?;
    keep(soc.warnings);
    let soc = soc.value;
    if let Some(device) = device.as_ref().filter(|device| device.soc != soc.id) {
        let message = format!("device `{}` has the SoC `{}`, not `{}`", device.id, device.soc, soc.id);
        return Err(Diagnostic::new("scenario::target", message)
            .help("leave out the SoC, or give the file that describes the device's")
            .into());
    }
    if let Some(device) = &device {
        known_names(device, &soc)?;
    }
    let runtime = Library.runtime(&soc.id, choice.runtime, &overrides("runtime"))?;
    keep(runtime.warnings);
    let runtime = runtime.value;
    let clocks = Clocks::of(choice.clocks);
    let machine = compile(&Parts {
        soc: &soc,
        device: device.as_ref(),
        runtime: &runtime,
        executors: choice.executors,
        clocks: &clocks,
    })?;
    Ok(Loaded { value: Hardware { soc, device, runtime, machine }, warnings })
}

/// A throttling table limits clusters and devices that the SoC has.
fn known_names(device: &Device, soc: &Soc) -> Result<(), InputError> {
    let clusters = || soc.clusters.iter().map(|cluster| cluster.id.as_str());
    let processors = || clusters().chain(soc.devices.iter().map(|device| device.id.as_str()));
    let steps = device.thermal.iter().flat_map(|body| &body.throttling).flat_map(|table| &table.steps);
    for step in steps {
        let clock =
            step.clocks.iter().map(|(id, _)| id).find(|id| processors().all(|known| known != id.as_str()));
        let core =
            step.offline.iter().map(|(id, _)| id).find(|id| clusters().all(|known| known != id.as_str()));
        if let Some(id) = clock.or(core) {
            let message = format!("the throttling table of `{}` names `{}`", device.id, printable(id));
            return Err(Diagnostic::new("soc::unknown-reference", message)
                .help(format!("`{}` has {}", soc.id, processors().collect::<Vec<_>>().join(", ")))
                .into());
        }
    }
    Ok(())
}
