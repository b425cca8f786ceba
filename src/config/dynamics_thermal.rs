//! From the thermal side of a device profile to what the simulation needs.

use super::scenario_dynamics::{ThermalGovernor, ThermalSpec};
use crate::diagnostics::{Diagnostic, InputError, nearest, printable};
use crate::physics::power::Leakage;
use crate::physics::thermal::{
    AllocatorSettings, CASE, DIE, HardwareLimit, SKIN, StepWise, millidegrees, network, throttle_table,
};
use crate::simulation::dynamics::{DomainSetup, RuleKind, RuleSetup, TableRow, ThermalSetup};
use crate::soc::{Device, VendorStep};
use crate::units::{Celsius, SimDuration};

/// Thermal governors read the die each 250 ms on Qualcomm (`polling-delay-passive`), the hardware limit acts within 10 ms.
const POLLING: SimDuration = SimDuration(250_000_000_000);
const HARDWARE: SimDuration = SimDuration(10_000_000_000);
/// Sensors of the kernel report 0.1 K, those that vendors' tables read as well.
const RESOLUTION: f64 = 0.1;
/// Hysteresis of the hardware limit. Assumed.
const HARDWARE_HYSTERESIS: f64 = 5.0;

fn fault(message: String, help: &str) -> InputError {
    Diagnostic::new("scenario::dynamics", message).help(help).into()
}

/// The thermal side of a run on `device`.
///
/// # Errors
/// A device without a thermal profile, or whose table names processors that the SoC does not have.
pub(super) fn thermal(
    spec: &ThermalSpec,
    device: Option<&Device>,
    domains: &[DomainSetup],
) -> Result<ThermalSetup, InputError> {
    let Some(device) = device else {
        let help = "choose a device such as xiaomi-9";
        return Err(fault("heat needs a device, but only a SoC is given".to_owned(), help));
    };
    let Some(body) = &device.thermal else {
        let message = format!("device `{}` has no [thermal] table", printable(&device.id));
        return Err(fault(message, "add one to its profile, or remove [dynamics.thermal]"));
    };
    let network = network(body).map_err(|error| fault(error.to_string(), "correct the profile"))?;
    let ambient = spec.ambient.unwrap_or(body.ambient.value);
    let mut rules = Vec::new();
    if let Some(governor) = &spec.governor {
        rules.push(RuleSetup {
            node: DIE,
            period: spec.period.unwrap_or(POLLING),
            resolution: RESOLUTION,
            kind: governor_rule(governor, domains),
        });
    }
    if let Some(throttling) = body.throttling.as_ref().filter(|_| spec.vendor_table) {
        for step in &throttling.steps {
            known(device, step, domains)?;
        }
        rules.push(RuleSetup {
            node: SKIN,
            period: throttling.period,
            resolution: RESOLUTION,
            kind: RuleKind::Table {
                table: throttle_table(throttling),
                rows: throttling.steps.iter().map(|step| row(step, domains)).collect(),
            },
        });
    }
    let limit = HardwareLimit::new(body.hardware_limit.value, HARDWARE_HYSTERESIS);
    rules.push(RuleSetup {
        node: DIE,
        period: HARDWARE,
        resolution: 0.0,
        kind: RuleKind::HardwareLimit { limit },
    });
    Ok(ThermalSetup {
        nodes: ["die", "case", "skin"].map(str::to_owned).to_vec(),
        initial: vec![spec.start.unwrap_or(ambient); network.nodes()],
        network,
        ambient,
        domain_nodes: vec![DIE; domains.len()],
        memory_node: Some(DIE),
        base_node: Some((CASE, 1.0)),
        leakage: domains.iter().map(|domain| Leakage::of(&domain.power)).collect(),
        rules,
        balance: false,
    })
}

/// Every processor that a row names exists.
fn known(device: &Device, step: &VendorStep, domains: &[DomainSetup]) -> Result<(), InputError> {
    let named = step.clocks.iter().map(|(id, _)| id).chain(step.offline.iter().map(|(id, _)| id));
    let Some(id) = named.into_iter().find(|id| !domains.iter().any(|domain| domain.id == **id)) else {
        return Ok(());
    };
    let known: Vec<&str> = domains.iter().map(|domain| domain.id.as_str()).collect();
    let near = nearest(id, known.iter().copied()).map(|near| format!("did you mean `{near}`? "));
    let help = format!("{}known: {}", near.unwrap_or_default(), known.join(", "));
    let message = format!("the throttling table of `{}` names `{}`", printable(&device.id), printable(id));
    Err(Diagnostic::new("soc::unknown-reference", message).help(help).into())
}

fn top(domain: &DomainSetup) -> usize {
    domain.opps.points.len().saturating_sub(1)
}

fn governor_rule(governor: &ThermalGovernor, domains: &[DomainSetup]) -> RuleKind {
    match *governor {
        ThermalGovernor::StepWise { trip, hysteresis } => {
            let width = (hysteresis * 1e3).round() as i32;
            let of = |(number, domain): (usize, &DomainSetup)| {
                (number, StepWise::new(millidegrees(trip), width, 0, top(domain)))
            };
            RuleKind::StepWise { trips: domains.iter().enumerate().map(of).collect() }
        }
        ThermalGovernor::PowerAllocator { sustainable, switch_on, control } => RuleKind::PowerAllocator {
            domains: (0..domains.len()).collect(),
            settings: AllocatorSettings {
                sustainable: (sustainable.0 * 1e3).round() as i64,
                switch_on: i64::from(millidegrees(switch_on)),
                control: i64::from(millidegrees(control)),
                integral_cutoff: 0,
            },
        },
    }
}

/// The limits of a row: the fastest step at or below its clocks, the slowest when all are above.
fn row(step: &VendorStep, domains: &[DomainSetup]) -> TableRow {
    let cap = |domain: &DomainSetup| match step.clocks.iter().find(|(id, _)| *id == domain.id) {
        Some((_, limit)) => {
            domain.opps.points.iter().rposition(|opp| opp.clock.0 <= limit.0 + 0.5e6).unwrap_or(0)
        }
        None => top(domain),
    };
    let offline = |domain: &DomainSetup| {
        step.offline.iter().find(|(id, _)| *id == domain.id).map_or(0, |(_, cores)| *cores)
    };
    TableRow { caps: domains.iter().map(cap).collect(), offline: domains.iter().map(offline).collect() }
}

/// The temperatures at which the thermal governor of a run acts unless the scenario says otherwise.
pub(super) const TRIP: Celsius = Celsius(90.0);
