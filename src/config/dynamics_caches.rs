//! From the `[[cache]]` tables of a SoC to what the simulation needs.

use super::hardware::Hardware;
use crate::diagnostics::{Diagnostic, InputError, printable};
use crate::graph::lowered::LoweredGraph;
use crate::physics::CacheUseTable;
use crate::simulation::dynamics::{CacheLevel, CacheSetup};
use crate::soc::ExecutorId;

/// The shared caches of a run, smaller ones nearer to the processors; of the largest, which is the system cache where there
/// is one, `share` is left.
///
/// # Errors
/// A SoC without `[[cache]]` tables.
pub(super) fn caches(
    hardware: &Hardware,
    share: f64,
    graphs: &[(usize, Option<&LoweredGraph>)],
) -> Result<Option<CacheSetup>, InputError> {
    let (soc, machine) = (&hardware.soc, &hardware.machine);
    if soc.caches.is_empty() {
        let message = format!("{} has no [[cache]] table", printable(&soc.id));
        return Err(Diagnostic::new("scenario::dynamics", message)
            .help("add one to its profile, or remove `caches`")
            .into());
    }
    let resources = &machine.platform.resources;
    let mut caches: Vec<CacheLevel> = Vec::new();
    for cache in &soc.caches {
        let of = |cluster: &str| cache.users.iter().find(|(user, _)| user == cluster);
        let size = cache.size.value.0;
        let most = |r: &crate::soc::Resource| of(&r.cluster).map_or(0.0, |(_, most)| most.value.0.min(size));
        let most: Vec<f64> = resources.iter().map(most).collect();
        caches.push(CacheLevel { id: cache.id.clone(), size, alone: most.clone(), most });
    }
    caches.sort_by(|a, b| a.size.total_cmp(&b.size));
    if let Some(last) = caches.last_mut() {
        last.size *= share;
        let size = last.size;
        last.most.iter_mut().for_each(|most| *most = most.min(size));
    }
    let executors = 0..machine.platform.executors.len() as u16;
    Ok(Some(CacheSetup {
        caches,
        uses: graphs
            .iter()
            .map(|(_, graph)| graph.map_or_else(CacheUseTable::default, |graph| machine.cache_table(graph)))
            .collect(),
        miss_seconds: executors.map(|e| machine.miss_seconds_per_byte(ExecutorId(e))).collect(),
    }))
}
