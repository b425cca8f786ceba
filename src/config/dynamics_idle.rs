//! From the idle states of a SoC to what the simulation needs.

use super::hardware::Hardware;
use crate::diagnostics::{Diagnostic, InputError, printable};
use crate::physics::dvfs::IdleState;
use crate::simulation::dynamics::{DomainSetup, IdleSetup, NamedIdleState, SharedIdleSetup};
use crate::soc::IdleStateProfile;

/// The idle states of a run; clock domains are clusters, then devices.
///
/// # Errors
/// A SoC whose profile has no idle state.
pub(super) fn idle(hardware: &Hardware, domains: &[DomainSetup]) -> Result<IdleSetup, InputError> {
    let soc = &hardware.soc;
    let of = |states: &[IdleStateProfile]| states.iter().map(named).collect::<Vec<_>>();
    let states: Vec<Vec<NamedIdleState>> = soc
        .clusters
        .iter()
        .map(|cluster| of(&cluster.idle_states))
        .chain(soc.devices.iter().map(|device| of(&device.idle_states)))
        .collect();
    if states.iter().all(Vec::is_empty) {
        let message = format!("{} has no idle state", printable(&soc.id));
        return Err(Diagnostic::new("scenario::dynamics", message)
            .help("add [[cluster.idle_state]] tables to its profile, or remove `idle_states`")
            .into());
    }
    let shared = soc.idle_states.iter().map(|shared| SharedIdleSetup {
        state: named(&shared.state),
        domains: domains
            .iter()
            .enumerate()
            .filter(|(_, domain)| shared.of.contains(&domain.id))
            .fold(0, |bits, (number, _)| bits | 1 << number),
    });
    let limit = |device: &crate::soc::Accelerator| device.cpu_exit_limit.as_ref().map(|limit| limit.value);
    Ok(IdleSetup {
        shared: shared.collect(),
        exit_limits: soc.clusters.iter().map(|_| None).chain(soc.devices.iter().map(limit)).collect(),
        states,
    })
}

fn named(profile: &IdleStateProfile) -> NamedIdleState {
    NamedIdleState {
        name: profile.name.clone(),
        state: IdleState {
            entry: profile.entry.value,
            exit: profile.exit.value,
            residency: profile.residency.value,
            power_share: profile.power_share.value,
        },
    }
}
