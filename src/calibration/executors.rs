//! From the names of tables to executors: core sets in whatever words, devices, precisions.

use super::tables::GroupKey;
use crate::diagnostics::printable;
use crate::soc::{Cluster, ExecutorName, Precision, ProcessorKind, Soc, Target};

/// Words for the fastest, a middle, and the slowest kind of core.
const FAST: [&str; 6] = ["large", "big", "prime", "ultra", "performance", "perf"];
const MIDDLE: [&str; 5] = ["med", "mid", "medium", "middle", "gold"];
const SLOW: [&str; 5] = ["small", "little", "silver", "efficiency", "lit"];

/// Peak fp32 operations per second of a core at its highest clock; the clock alone where the peak is unknown.
#[must_use]
pub fn core_speed(cluster: &Cluster) -> f64 {
    let operations = cluster.ops_per_cycle.get(&Precision::Fp32).map_or(1.0, |quantity| quantity.value);
    operations * cluster.opps.highest().clock.0
}

/// The kinds of core of a SoC with the number of cores, fastest first.
#[must_use]
pub fn kinds(soc: &Soc) -> Vec<(String, u32)> {
    let mut kinds: Vec<(String, u32, f64)> = Vec::new();
    for cluster in &soc.clusters {
        match kinds.iter_mut().find(|(kind, _, _)| *kind == cluster.core_kind) {
            Some((_, count, speed)) => {
                *count += cluster.cores;
                *speed = speed.max(core_speed(cluster));
            }
            None => kinds.push((cluster.core_kind.clone(), cluster.cores, core_speed(cluster))),
        }
    }
    kinds.sort_by(|a, b| b.2.total_cmp(&a.2));
    kinds.into_iter().map(|(kind, count, _)| (kind, count)).collect()
}

/// The executor that a group of a table means on a SoC, precision included.
///
/// Core sets are `<count><kind>...` (`1large`, `1large3med`) or, as the ncnn and Paddle-Lite tables write, `<threads>t/big`, `/little`, `/all`,
/// `/nobind`. A kind that the SoC profile does not name is matched by meaning: words for the fastest, a middle, the slowest kind. Threads
/// beyond the cores of a kind count as that many cores. A device is matched by id, then by its class.
///
/// # Errors
/// What is not known, with what there is.
pub fn resolve(key: &GroupKey, soc: &Soc) -> Result<ExecutorName, String> {
    let target = if key.processor == "cpu" {
        Target::Cores(core_set(&key.cores, &kinds(soc))?)
    } else {
        Target::Device(device(&key.processor, soc)?)
    };
    Ok(ExecutorName { precision: Some(precision(key, soc, &target)?), target })
}

fn core_set(text: &str, kinds: &[(String, u32)]) -> Result<Vec<(u32, String)>, String> {
    let known = || kinds.iter().map(|(kind, n)| format!("{n} {kind}")).collect::<Vec<_>>().join(", ");
    let fault = |why: &str| format!("core set `{}` {why}; the SoC has {}", printable(text), known());
    if let Some((threads, which)) = text.split_once("t/") {
        let threads: u32 =
            threads.parse().ok().filter(|&n| n > 0).ok_or_else(|| fault("has no number of threads"))?;
        return threaded(threads, which, kinds).ok_or_else(|| fault("is not big, little, all or nobind"));
    }
    let lower = text.to_lowercase();
    let mut groups: Vec<(u32, String)> = Vec::new();
    let mut rest = lower.as_str();
    while !rest.is_empty() {
        rest = rest.trim_start_matches(['+', '_', '-', ' ', ',']);
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (count, tail) = rest.split_at(digits);
        let letters = tail.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(tail.len());
        let (word, tail) = tail.split_at(letters);
        let count: u32 = count.parse().ok().filter(|&n| n > 0).ok_or_else(|| fault("has no count"))?;
        let (kind, most) = kind_of(word, kinds).ok_or_else(|| fault("names no kind of core"))?;
        let taken: u32 = groups.iter().filter(|(_, known)| known == kind).map(|(n, _)| n).sum();
        if count + taken > *most {
            return Err(fault("asks for more cores than there are"));
        }
        match groups.iter_mut().find(|(_, known)| known == kind) {
            Some((known, _)) => *known += count,
            None => groups.push((count, kind.clone())),
        }
        rest = tail;
    }
    if groups.is_empty() { Err(fault("is empty")) } else { Ok(groups) }
}

/// The kind that a word means: its own name, else by meaning.
fn kind_of<'a>(word: &str, kinds: &'a [(String, u32)]) -> Option<&'a (String, u32)> {
    if let Some(exact) = kinds.iter().find(|(kind, _)| kind == word) {
        return Some(exact);
    }
    if FAST.contains(&word) {
        kinds.first()
    } else if SLOW.contains(&word) {
        kinds.last()
    } else if MIDDLE.contains(&word) {
        // Of two kinds, the faster one: little cores are never called middle.
        kinds.get(usize::from(kinds.len() > 2))
    } else {
        None
    }
}

/// So many threads on big, little or all cores, the fastest first.
fn threaded(threads: u32, which: &str, kinds: &[(String, u32)]) -> Option<Vec<(u32, String)>> {
    let allowed = match which {
        "big" if kinds.len() > 1 => kinds.get(..kinds.len() - 1)?,
        "little" => kinds.get(kinds.len().checked_sub(1)?..)?,
        "big" | "all" | "nobind" => kinds,
        _ => return None,
    };
    let mut left = threads;
    let mut groups = Vec::new();
    for (kind, count) in allowed {
        let taken = left.min(*count);
        if taken > 0 {
            groups.push((taken, kind.clone()));
        }
        left -= taken;
    }
    Some(groups)
}

fn device(processor: &str, soc: &Soc) -> Result<String, String> {
    if let Some(exact) = soc.devices.iter().find(|device| device.id == processor) {
        return Ok(exact.id.clone());
    }
    let class = [("gpu", ProcessorKind::Gpu), ("dsp", ProcessorKind::Dsp), ("npu", ProcessorKind::Npu)]
        .into_iter()
        .find_map(|(word, kind)| (word == processor).then_some(kind));
    let found = soc.devices.iter().find(|device| Some(device.kind) == class);
    found.map(|device| device.id.clone()).ok_or_else(|| {
        let known: Vec<&str> = soc.devices.iter().map(|device| device.id.as_str()).collect();
        format!("{} has no device `{}`; devices: {}", soc.id, printable(processor), known.join(", "))
    })
}

/// A precision of the simulator; `default(fp16 if supported)` is what the cores can do.
fn precision(key: &GroupKey, soc: &Soc, target: &Target) -> Result<Precision, String> {
    if key.precision.starts_with("default(fp16") {
        let half = match target {
            Target::Cores(groups) => soc
                .clusters
                .iter()
                .filter(|cluster| groups.iter().any(|(_, kind)| *kind == cluster.core_kind))
                .all(|cluster| cluster.ops_per_cycle.contains_key(&Precision::Fp16)),
            Target::Device(_) => true,
        };
        return Ok(if half { Precision::Fp16 } else { Precision::Fp32 });
    }
    key.own_precision()
        .ok_or_else(|| format!("no precision `{}`; there are fp32, fp16, int8", printable(&key.precision)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds_of(text: &[(&str, u32)]) -> Vec<(String, u32)> {
        text.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect()
    }

    fn set(text: &str, kinds: &[(&str, u32)]) -> Result<String, String> {
        let found = core_set(text, &kinds_of(kinds))?;
        Ok(found.iter().map(|(n, kind)| format!("{n}{kind}")).collect())
    }

    #[test]
    fn core_sets_are_found_whatever_their_words() {
        let three = [("large", 1), ("med", 3), ("small", 4)];
        assert_eq!(set("1large1med", &three).unwrap(), "1large1med");
        assert_eq!(set("4t/big", &three).unwrap(), "1large3med");
        assert_eq!(set("8t/big", &three).unwrap(), "1large3med");
        assert_eq!(set("8t/all", &three).unwrap(), "1large3med4small");
        assert_eq!(set("4t/little", &three).unwrap(), "4small");
        let two = [("gold", 2), ("silver", 6)];
        assert_eq!(set("1large", &two).unwrap(), "1gold");
        assert_eq!(set("2Big+2little", &two).unwrap(), "2gold2silver");
        assert_eq!(set("1med", &two).unwrap(), "1gold");
        assert_eq!(set("2t/big", &[("large", 12)]).unwrap(), "2large");
    }

    #[test]
    fn sets_that_cannot_be_are_refused() {
        let two = [("large", 2), ("small", 6)];
        assert!(set("3large", &two).unwrap_err().contains("more cores than there are; the SoC has 2 large"));
        assert!(set("1huge", &two).unwrap_err().contains("names no kind"));
        assert!(set("large", &two).unwrap_err().contains("has no count"));
        assert!(set("4t/huge", &two).unwrap_err().contains("big, little, all or nobind"));
        assert!(set("", &two).unwrap_err().contains("is empty"));
        assert!(set("1", &two).unwrap_err().contains("names no kind"));
    }
}
