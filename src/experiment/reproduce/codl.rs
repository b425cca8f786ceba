//! CoDL (MobiSys 2022), figures 15, 16 and 21: five networks, five ways to run them, on four phones.

use super::runs::{Measured, ReproduceError, simulate_graph};
use crate::config::codl_artifact::{CHIPS, NETWORKS, artifact_network};
use crate::config::{Choice, Hardware, Library, hardware};
use crate::diagnostics::nearest;
use crate::graph::sequence::Sequence;
use crate::physics::Machine;
use crate::predict::SlicePredictor;
use crate::soc::{ExecutorId, ExecutorName, ProcessorKind};
use crate::strategy::co_execution::Pair;
use crate::strategy::codl::Settings;
use crate::strategy::{Codl, Mace, MuLayer, Prescribed, Strategy};
use serde::Serialize;

/// The experiment on one chip.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CodlReport {
    /// Id of the chip.
    pub soc: String,
    /// Networks by strategies by plans.
    pub rows: Vec<CodlRow>,
}

/// One way to run one network.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CodlRow {
    /// The network.
    pub network: &'static str,
    /// `mulayer`, `mace-cpu`, `mace-gpu`, `codl-buffer` or `codl-image`.
    pub strategy: &'static str,
    /// `none`, `published` (the partition plans of CoDL's program) or `searched` (found here).
    pub plan: &'static str,
    /// Simulated latency.
    pub latency_ms: Option<f64>,
    /// Simulated power, where the chip's power is known.
    pub power_w: Option<f64>,
    /// Simulated energy, where the chip's power is known.
    pub energy_j: Option<f64>,
    /// Milliseconds in which tensors were shared and joined.
    pub sharing_ms: Option<f64>,
    /// Published latency, where it is known.
    pub published_latency_ms: Option<f64>,
    /// Simulated over published latency - 1, in per cent.
    pub error_percent: Option<f64>,
    /// Published power, where it is known.
    pub published_power_w: Option<f64>,
    /// Published energy, where it is known.
    pub published_energy_j: Option<f64>,
    /// Why a value is missing, or what a reader must know.
    pub note: Option<String>,
}

/// Published latencies in ms (CoDL, MobiSys 2022, Fig. 15, Snapdragon 855, digitised): network, muLayer-like, CPU, GPU, CoDL with buffers, CoDL with images.
const PUBLISHED: [(&str, [f64; 5]); 5] = [
    ("yolov2", [406.73, 238.28, 213.62, 361.52, 139.63]),
    ("vgg16", [373.86, 221.84, 217.73, 439.61, 135.52]),
    ("posenet", [690.55, 447.83, 345.11, 756.32, 242.39]),
    ("fast-style-transfer", [1064.51, 1023.41, 414.99, 1187.78, 267.02]),
    ("retinaface", [2166.0, 1126.17, 994.64, 2037.0, 678.0]),
];

/// Published power and energy in W and J (CoDL Fig. 21, Xiaomi 9, digitised): network; muLayer-like, CPU, GPU, CoDL.
const PUBLISHED_POWER: [(&str, [(f64, f64); 4]); 2] = [
    ("yolov2", [(5.504, 2.236), (6.614, 1.561), (3.701, 0.780), (8.567, 1.170)]),
    ("vgg16", [(4.603, 1.743), (5.899, 1.326), (3.607, 0.780), (8.492, 1.196)]),
];

fn published_power(soc: &str, network: &str, strategy: &str) -> Option<(f64, f64)> {
    let row =
        PUBLISHED_POWER.iter().find(|(name, _)| *name == network).filter(|_| soc == "snapdragon-855")?;
    let names = ["mulayer", "mace-cpu", "mace-gpu", "codl-image"];
    names.iter().position(|name| *name == strategy).map(|column| row.1[column])
}

/// The strategies, in the order of the published figure.
const STRATEGIES: [&str; 5] = ["mulayer", "mace-cpu", "mace-gpu", "codl-buffer", "codl-image"];

fn published(soc: &str, network: &str, strategy: &str) -> Option<f64> {
    let row = PUBLISHED.iter().find(|(name, _)| *name == network).filter(|_| soc == "snapdragon-855")?;
    STRATEGIES.iter().position(|name| *name == strategy).map(|column| row.1[column])
}

/// The chip that a person means: `snapdragon-855`, or `855` for short.
///
/// # Errors
/// [`ReproduceError::Unknown`] for chips without plans.
pub fn chip(name: &str) -> Result<(&'static str, &'static str), ReproduceError> {
    let meant = |id: &str| id == name || id.rsplit('-').next() == Some(name);
    CHIPS.into_iter().find(|(id, _)| meant(id)).ok_or_else(|| {
        let ids = CHIPS.map(|(id, _)| id);
        let hint = nearest(name, ids).map(|n| format!("did you mean `{n}`? ")).unwrap_or_default();
        ReproduceError::Unknown(format!(
            "CoDL was not measured on `{}`; {hint}there are {}",
            crate::diagnostics::printable(name),
            ids.join(", ")
        ))
    })
}

/// A chip with one way to store tensors on its GPU.
pub struct Bench {
    /// Platform and costs.
    pub machine: Machine,
    /// The two that work together.
    pub pair: Pair,
    /// Whether figures of power mean something.
    pub has_power: bool,
}

/// Sets a chip up with MACE: four threads on the large cores and the GPU. `storage` is `image` or `buffer`; `None` when the chip has none such.
/// `overrides` change profiles, as on the command line.
///
/// # Errors
/// Faults of the profiles.
pub fn bench(soc: &str, storage: &str, overrides: &[String]) -> Result<Option<Bench>, ReproduceError> {
    let Some(runtime) = crate::config::memory_type::runtime_with(soc, "mace", storage) else {
        return Ok(None);
    };
    let profile = Library.soc(soc, &[])?.value;
    // The large cores: all clusters but the one of the slowest cores.
    let mut parts: Vec<String> = Vec::new();
    for cluster in &profile.clusters {
        if cluster.core_kind != "small" {
            parts.insert(0, format!("{}{}", cluster.cores, cluster.core_kind));
        }
    }
    let cores = format!("cpu-{}", parts.concat());
    let executors: Vec<ExecutorName> =
        [cores.as_str(), "gpu"].into_iter().filter_map(|name| name.parse().ok()).collect();
    let device = Library
        .ids(crate::config::library::ProfileKind::Device)
        .into_iter()
        .find(|id| soc == "snapdragon-855" && *id == "xiaomi-9");
    let choice =
        Choice { device, soc: Some(soc), runtime: &runtime, executors: &executors, clocks: &[], overrides };
    let Hardware { machine, .. } = hardware(&choice)?.value;
    let of_kind =
        |kind| machine.platform.executors.iter().position(|e| e.kind == kind).map(|i| ExecutorId(i as u16));
    let (Some(cpu), Some(gpu)) = (of_kind(ProcessorKind::Cpu), of_kind(ProcessorKind::Gpu)) else {
        return Err(ReproduceError::Unknown(format!("`{soc}` lacks a CPU or a GPU")));
    };
    Ok(Some(Bench { machine, pair: Pair { cpu, gpu }, has_power: device.is_some() }))
}

impl Bench {
    /// Simulates one way to run a sequence of operators.
    ///
    /// # Errors
    /// [`ReproduceError`].
    pub fn run(&self, operators: &Sequence, strategy: Box<dyn Strategy>) -> Result<Measured, ReproduceError> {
        simulate_graph(&self.machine, &self.machine, &operators.graph, strategy)
    }
}

/// How plans are searched that are compared with published ones: those were found by profiling every alternative on the phone.
pub const SEARCHED: Settings = Settings {
    search: crate::strategy::codl::ChainSearch::Greedy,
    baseline: crate::strategy::codl::Baseline::Serial,
    dimensions: &crate::graph::partition::Dimension::ALL,
    ratios: crate::strategy::codl::Ratios::Grid,
    predictor: SlicePredictor::Oracle,
    faithful_bug: false,
};

/// Repeats the experiment on a chip; `overrides` change profiles, as on the command line.
///
/// # Errors
/// [`ReproduceError`].
pub fn codl(soc: &str, overrides: &[String]) -> Result<CodlReport, ReproduceError> {
    let (id, artifact) = chip(soc)?;
    let (image, buffer) = (bench(id, "image", overrides)?, bench(id, "buffer", overrides)?);
    let mut rows = Vec::new();
    for (name, in_artifact) in NETWORKS {
        let network = artifact_network(in_artifact)?;
        let mut push = |strategy: &'static str, plan: &'static str, outcome: Outcome, has_power: bool| {
            let (measured, note) = match outcome {
                Ok((measured, note)) => (Some(measured), note),
                Err(note) => (None, Some(note)),
            };
            let latency = measured.map(|m| m.latency_ms);
            let published = published(id, name, strategy);
            rows.push(CodlRow {
                network: name,
                strategy,
                plan,
                latency_ms: latency,
                power_w: measured.filter(|_| has_power).map(|m| m.power_w),
                energy_j: measured.filter(|_| has_power).map(|m| m.energy_j),
                sharing_ms: measured.map(|m| m.sharing_ms),
                published_latency_ms: published,
                error_percent: latency.zip(published).map(|(own, theirs)| 100.0 * (own / theirs - 1.0)),
                published_power_w: published_power(id, name, strategy).map(|(watts, _)| watts),
                published_energy_j: published_power(id, name, strategy).map(|(_, joules)| joules),
                note,
            });
        };
        // MACE takes images where the chip has them.
        let plain = image.as_ref().or(buffer.as_ref());
        for strategy in STRATEGIES {
            let bench = match strategy {
                "mulayer" | "codl-buffer" => buffer.as_ref(),
                "codl-image" => image.as_ref(),
                _ => plain,
            };
            let Some(bench) = bench else {
                let plans: &[&'static str] =
                    if strategy == "codl-image" { &["published", "searched"] } else { &["none"] };
                for plan in plans {
                    push(strategy, plan, Err("this GPU has no image kernels in MACE".to_owned()), false);
                }
                continue;
            };
            let pair = bench.pair;
            let alone = |own: Box<dyn Strategy>| -> Result<Outcome, ReproduceError> {
                bench.run(&network.sequence, own).map(|measured| Ok((measured, None)))
            };
            match strategy {
                "mulayer" => {
                    // Its regression knows MACE's usual kernels, not those of the storage that it runs with.
                    let own = MuLayer::new(pair, SlicePredictor::Linear);
                    let profiled = &plain.unwrap_or(bench).machine;
                    let graph = &network.sequence.graph;
                    let measured = simulate_graph(&bench.machine, profiled, graph, Box::new(own))?;
                    push(strategy, "none", Ok((measured, None)), bench.has_power);
                }
                "mace-cpu" => {
                    push(strategy, "none", alone(Box::new(Mace::new(pair.cpu, pair.cpu)))?, bench.has_power)
                }
                "mace-gpu" => {
                    push(strategy, "none", alone(Box::new(Mace::new(pair.gpu, pair.cpu)))?, bench.has_power)
                }
                _ => {
                    let published = match network.plan(artifact, true) {
                        Ok(plan) => {
                            let own = Prescribed::new(pair, vec![plan.chains]);
                            Ok((bench.run(&network.sequence, Box::new(own))?, plan.note))
                        }
                        Err(why) => Err(why),
                    };
                    push(strategy, "published", published, bench.has_power);
                    push(strategy, "searched", alone(Box::new(Codl::new(pair, SEARCHED)))?, bench.has_power);
                }
            }
        }
    }
    Ok(CodlReport { soc: id.to_owned(), rows })
}

/// A simulated inference with what a reader must know, or why there is none.
type Outcome = Result<(Measured, Option<String>), String>;
