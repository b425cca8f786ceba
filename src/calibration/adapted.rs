//! The runtime profile of one SoC put on another: the start of a few-shot calibration.

use super::executors::kinds;
use super::priors::is_in_order;
use crate::soc::{ProcessorKind, RuntimeProfile, Soc};

/// A fitted profile with the SoC that it is for.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The silicon that was measured.
    pub soc: &'a Soc,
    /// Its profile with fitted models.
    pub runtime: &'a RuntimeProfile,
}

/// Whether all clusters of a kind issue in order.
pub(super) fn kind_in_order(soc: &Soc, kind: &str) -> bool {
    let mut clusters = soc.clusters.iter().filter(|cluster| cluster.core_kind == kind).peekable();
    clusters.peek().is_some() && clusters.all(|cluster| is_in_order(&cluster.core_type))
}

/// The profile of `source` for `soc`: its first estimates serve the kinds of core and the devices that are nearest, and no fitted model
/// is left. `core_sets` are those to be offered.
#[must_use]
pub fn adapted(source: &Source<'_>, soc: &Soc, core_sets: Vec<String>) -> RuntimeProfile {
    let there = kinds(source.soc);
    let here = kinds(soc);
    let nearest = |kind: &str| {
        let same = there.iter().find(|(known, _)| known == kind);
        let alike = || {
            let order = kind_in_order(soc, kind);
            // Among equals the fastest stands for the fastest, the slowest for the others.
            let mut fitting = there.iter().filter(|(known, _)| kind_in_order(source.soc, known) == order);
            let fastest = here.first().is_some_and(|(first, _)| first == kind);
            if fastest { fitting.next() } else { fitting.next_back() }
        };
        same.or_else(alike).or(there.first()).map(|(known, _)| known.clone())
    };
    let cores: Vec<(String, String)> =
        here.iter().filter_map(|(kind, _)| Some((kind.clone(), nearest(kind)?))).collect();
    let class = |id: &str| source.soc.devices.iter().find(|device| device.id == id).map(|device| device.kind);
    let devices = |kind: ProcessorKind| soc.devices.iter().filter(move |device| device.kind == kind);
    let mut runtime = source.runtime.clone();
    runtime.soc.clone_from(&soc.id);
    runtime.fitted.clear();
    runtime.core_sets = core_sets;
    for performance in &mut runtime.performances {
        let mut on: Vec<String> = Vec::new();
        for known in &performance.on {
            on.extend(cores.iter().filter(|(_, from)| from == known).map(|(kind, _)| kind.clone()));
            on.extend(class(known).into_iter().flat_map(devices).map(|device| device.id.clone()));
        }
        if on.is_empty() {
            // Nothing here is like it. It has to name something; entries before it go first.
            on.extend(here.last().map(|(kind, _)| kind.clone()));
        }
        performance.on = on;
    }
    runtime
}
