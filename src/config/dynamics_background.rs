//! From `[[background]]` tables to what the simulation needs.

use super::scenario_background::{BackgroundKindSpec, BackgroundSpec};
use crate::diagnostics::{Diagnostic, InputError, nearest, printable};
use crate::simulation::dynamics::{BackgroundKind, BackgroundSetup};
use crate::soc::{Platform, ProcessorKind, ResourceId};

/// Competing work on the resources of `platform`.
///
/// # Errors
/// Cores, clusters or devices that it does not have.
pub(super) fn background(
    specs: &[BackgroundSpec],
    platform: &Platform,
) -> Result<Vec<BackgroundSetup>, InputError> {
    let mut setups = Vec::new();
    for spec in specs {
        let (count, kind) = match &spec.kind {
            BackgroundKindSpec::Thread { on, count, weight } => {
                let cores = find(platform, &spec.name, on.as_deref(), true)?;
                (*count, BackgroundKind::Thread { cores, weight: *weight })
            }
            BackgroundKindSpec::Render { on, period, frame, immediate } => {
                let devices = find(platform, &spec.name, Some(on), false)?;
                let device = devices.first().copied().unwrap_or(ResourceId(0));
                (1, BackgroundKind::Render { device, period: *period, frame: *frame, immediate: *immediate })
            }
            BackgroundKindSpec::Traffic => (1, BackgroundKind::Traffic),
        };
        for number in 0..count {
            setups.push(BackgroundSetup {
                name: if count > 1 { format!("{}-{}", spec.name, number + 1) } else { spec.name.clone() },
                kind: kind.clone(),
                memory_rate: spec.memory_rate,
                memory_weight: spec.memory_weight,
                first: spec.first,
                pattern: spec.pattern.clone(),
            });
        }
    }
    Ok(setups)
}

/// The resources behind the name of a core, cluster or device; all of the kind without a name.
fn find(platform: &Platform, of: &str, on: Option<&str>, cores: bool) -> Result<Vec<ResourceId>, InputError> {
    let fits = |kind: ProcessorKind| (kind == ProcessorKind::Cpu) == cores;
    let all = platform.resources.iter().enumerate().filter(|(_, resource)| fits(resource.kind));
    let named =
        all.clone().filter(|(_, resource)| on.is_none_or(|on| resource.name == on || resource.cluster == on));
    let found: Vec<ResourceId> = named.map(|(number, _)| ResourceId(number as u16)).collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let mut known: Vec<&str> = all.flat_map(|(_, r)| [r.name.as_str(), r.cluster.as_str()]).collect();
    known.dedup();
    known.sort_unstable();
    known.dedup();
    let on = on.unwrap_or_default();
    let near = nearest(on, known.iter().copied()).map(|near| format!("did you mean `{near}`? "));
    let what = if cores { "core or cluster" } else { "device" };
    let message = format!("competing work `{}` is on `{}`, which is no {what}", printable(of), printable(on));
    Err(Diagnostic::new("soc::unknown-reference", message)
        .help(format!("{}known: {}", near.unwrap_or_default(), known.join(", ")))
        .into())
}
