//! From the thermal side of a device profile to what the simulation needs.

use super::scenario_dynamics::ThermalSpec;
use crate::diagnostics::{Diagnostic, InputError, nearest, printable};
use crate::physics::power::Leakage;
use crate::physics::thermal::{
    AllocatorSettings, Caps, HardwareLimit, Link, Network, Node, StepWise, ThrottleStep, ThrottleTable,
    millidegrees,
};
use crate::simulation::dynamics::{DomainSetup, RuleKind, RuleSetup, TableRow, ThermalSetup};
use crate::soc::{Device, ThermalAction, ThermalProfile, ThermalRow};

fn fault(message: String, help: &str) -> InputError {
    Diagnostic::new("scenario::dynamics", message).help(help).into()
}

/// The thermal side of a run on `device`.
///
/// # Errors
/// A device without a thermal profile, or one that names processors that the SoC does not have.
pub(super) fn thermal(
    spec: &ThermalSpec,
    device: Option<&Device>,
    domains: &[DomainSetup],
) -> Result<ThermalSetup, InputError> {
    let Some(device) = device else {
        return Err(fault(
            "heat needs a device, but only a SoC is given".to_owned(),
            "choose a device such as xiaomi-9",
        ));
    };
    let Some(profile) = &device.thermal else {
        let message = format!("device `{}` has no [thermal] table", printable(&device.id));
        return Err(fault(message, "add one to its profile, or remove [dynamics.thermal]"));
    };
    let nodes: Vec<Node> = profile
        .nodes
        .iter()
        .map(|node| Node { capacity: node.capacity.value, to_ambient: node.to_ambient.value })
        .collect();
    let links: Vec<Link> = profile
        .links
        .iter()
        .map(|link| Link { from: link.from, to: link.to, conductance: link.conductance.value })
        .collect();
    let network =
        Network::new(&nodes, &links).map_err(|error| fault(error.to_string(), "correct the profile"))?;
    if !network.is_stable() {
        let message = format!("heat cannot leave `{}`", printable(&device.id));
        return Err(fault(message, "give every part of the network a way to the surroundings"));
    }
    for id in names(profile) {
        if id != "memory" && id != "base" && !domains.iter().any(|domain| domain.id == id) {
            let known: Vec<&str> = domains.iter().map(|domain| domain.id.as_str()).collect();
            let near = nearest(id, known.iter().copied()).map(|near| format!("did you mean `{near}`? "));
            let help = format!("{}known: {}, memory, base", near.unwrap_or_default(), known.join(", "));
            let message =
                format!("the thermal profile of `{}` names `{}`", printable(&device.id), printable(id));
            return Err(Diagnostic::new("soc::unknown-reference", message).help(help).into());
        }
    }
    let heats = |id: &str| profile.heat.iter().find(|heat| heat.of == id);
    let leakage = domains.iter().map(|domain| {
        let own = profile.leakage.iter().find(|leakage| leakage.of == domain.id);
        own.map_or(Leakage::NONE, |own| Leakage {
            at_reference: own.at_reference.value,
            per_kelvin: own.per_kelvin.value,
            reference: own.reference,
        })
    });
    let start = spec.start.unwrap_or(spec.ambient);
    let rules = if spec.throttling { profile.rules.as_slice() } else { &[] };
    Ok(ThermalSetup {
        nodes: profile.nodes.iter().map(|node| node.id.clone()).collect(),
        network,
        initial: vec![start; nodes.len()],
        ambient: spec.ambient,
        domain_nodes: domains.iter().map(|domain| heats(&domain.id).map_or(0, |heat| heat.node)).collect(),
        memory_node: heats("memory").map(|heat| heat.node),
        base_node: heats("base").map(|heat| (heat.node, heat.share.value)),
        leakage: leakage.collect(),
        rules: rules
            .iter()
            .map(|rule| RuleSetup {
                node: rule.node,
                period: rule.period,
                resolution: rule.resolution,
                kind: kind(&rule.action, domains),
            })
            .collect(),
        balance: false,
    })
}

/// Every processor that a profile names.
fn names(profile: &ThermalProfile) -> impl Iterator<Item = &str> {
    let heat = profile.heat.iter().map(|heat| heat.of.as_str());
    let leakage = profile.leakage.iter().map(|leakage| leakage.of.as_str());
    let rules = profile.rules.iter().flat_map(|rule| -> Vec<&str> {
        match &rule.action {
            ThermalAction::StepWise { of, .. } | ThermalAction::PowerAllocator { of, .. } => {
                of.iter().map(String::as_str).collect()
            }
            ThermalAction::Table { rows } => rows
                .iter()
                .flat_map(|row| {
                    let clocks = row.caps.iter().map(|(id, _)| id.as_str());
                    clocks.chain(row.offline.iter().map(|(id, _)| id.as_str()))
                })
                .collect(),
            ThermalAction::HardwareLimit { .. } => Vec::new(),
        }
    });
    heat.chain(leakage).chain(rules)
}

fn kind(action: &ThermalAction, domains: &[DomainSetup]) -> RuleKind {
    let numbers = |of: &[String]| -> Vec<usize> {
        of.iter().filter_map(|id| domains.iter().position(|domain| domain.id == *id)).collect()
    };
    match action {
        ThermalAction::StepWise { of, trip, hysteresis } => RuleKind::StepWise {
            trips: numbers(of)
                .into_iter()
                .map(|domain| {
                    let top = domains[domain].opps.points.len().saturating_sub(1);
                    let width = (hysteresis * 1e3).round() as i32;
                    (domain, StepWise::new(millidegrees(*trip), width, 0, top))
                })
                .collect(),
        },
        ThermalAction::PowerAllocator { of, sustainable, switch_on, control } => RuleKind::PowerAllocator {
            domains: numbers(of),
            settings: AllocatorSettings {
                sustainable: (sustainable.0 * 1e3).round() as i64,
                switch_on: i64::from(millidegrees(*switch_on)),
                control: i64::from(millidegrees(*control)),
                integral_cutoff: 0,
            },
        },
        ThermalAction::Table { rows } => {
            let mut rows: Vec<&ThermalRow> = rows.iter().collect();
            rows.sort_by(|a, b| a.trip.0.total_cmp(&b.trip.0));
            let step = |row: &&ThermalRow| ThrottleStep {
                trip: row.trip,
                clear: row.clear,
                caps: Caps { clocks: row.caps.clone(), offline: row.offline.clone() },
            };
            let limits = |row: &&ThermalRow| TableRow {
                caps: domains.iter().map(|domain| cap(row, domain)).collect(),
                offline: domains
                    .iter()
                    .map(|d| row.offline.iter().find(|(id, _)| *id == d.id).map_or(0, |(_, cores)| *cores))
                    .collect(),
            };
            RuleKind::Table {
                table: ThrottleTable::new(rows.iter().map(step).collect()),
                rows: rows.iter().map(limits).collect(),
            }
        }
        ThermalAction::HardwareLimit { trip, hysteresis } => {
            RuleKind::HardwareLimit { limit: HardwareLimit::new(*trip, *hysteresis) }
        }
    }
}

/// The fastest step at or below the clock of a row; the slowest step when all are above.
fn cap(row: &ThermalRow, domain: &DomainSetup) -> usize {
    let top = domain.opps.points.len().saturating_sub(1);
    row.caps.iter().find(|(id, _)| *id == domain.id).map_or(top, |(_, limit)| {
        domain.opps.points.iter().rposition(|opp| opp.clock.0 <= limit.0 + 0.5e6).unwrap_or(0)
    })
}
