//! NN-Stretch (MobiSys 2023): six networks on single processors and stretched over several.

use super::runs::{ReproduceError, simulate_graph};
use crate::config::nn_stretch_artifact::nn_stretch_network;
use crate::config::{Choice, hardware};
use crate::soc::ExecutorName;
use crate::strategy::NnStretch;
use serde::Serialize;

/// The experiment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NnStretchReport {
    /// Networks by processors.
    pub rows: Vec<NnStretchRow>,
}

/// One network on some processors.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NnStretchRow {
    /// The network.
    pub network: &'static str,
    /// `C`, `G`, `D` (the network as it was) or `C+G`, `C+D`, `D+G`, `C+D+G` (stretched).
    pub processors: &'static str,
    /// Simulated latency.
    pub latency_ms: f64,
    /// Published latency, where it is known.
    pub published_latency_ms: Option<f64>,
    /// Simulated over published - 1, in per cent.
    pub error_percent: Option<f64>,
}

/// Network, its name among the configurations, side of the image where it is not the stated one, and published milliseconds of C, G, D, C+G, C+D
/// (artifact, `sample_output/result.csv`; 0 where nothing is known here). Single processors were used for the fit of the runtime profile, C+G and C+D were not.
///
/// EN-B5's configuration says 456 px: 10 GMAC in 27 ms, twice the rate of every other network. 260 px agrees best with the others.
const NETWORKS: [(&str, &str, Option<u64>, [f64; 5]); 6] = [
    ("ResNet-34", "R-34", None, [21.692, 36.517, 24.377, 15.315, 13.255]),
    ("ResNet-50", "R-50", None, [28.825, 37.406, 30.399, 0.0, 0.0]),
    ("RX-1.6", "RX-1.6", None, [27.450, 45.078, 32.626, 20.531, 16.999]),
    ("RX-4", "RX-4", None, [37.060, 74.512, 48.878, 31.690, 24.971]),
    ("EN-B5", "EN-B5", Some(260), [26.674, 32.156, 29.782, 0.0, 0.0]),
    ("EN-L4", "EN-L4", None, [16.264, 18.497, 16.283, 14.114, 10.995]),
];

/// Processors, and how configurations name them.
const PROCESSORS: [(&str, &str); 7] =
    [("C", "C"), ("G", "G"), ("D", "D"), ("C+G", "CG"), ("C+D", "CD"), ("D+G", "DG"), ("C+D+G", "CDG")];

/// Configurations that exist for two branches only.
const TWO_BRANCHES: [&str; 2] = ["EN-B5", "EN-L4"];

/// Repeats the experiment.
///
/// # Errors
/// [`ReproduceError`].
pub fn nn_stretch() -> Result<NnStretchReport, ReproduceError> {
    let executors: Vec<ExecutorName> =
        ["cpu-1large3med", "gpu", "dsp"].into_iter().filter_map(|name| name.parse().ok()).collect();
    let choice = Choice {
        device: Some("xiaomi-9"),
        soc: None,
        runtime: "nn-stretch",
        executors: &executors,
        clocks: &[],
        overrides: &[],
    };
    let machine = hardware(&choice)?.value.machine;
    let mut rows = Vec::new();
    for (network, stem, image, published) in NETWORKS {
        for (position, (processors, suffix)) in PROCESSORS.into_iter().enumerate() {
            if suffix == "CDG" && TWO_BRANCHES.contains(&stem) {
                continue;
            }
            let (built, devices) = nn_stretch_network("mi", &format!("{stem}-{suffix}"), image)?;
            let graph = built.graph().ok_or_else(|| {
                ReproduceError::Unknown(format!("{network} on {processors} has impossible sizes"))
            })?;
            let mut places = Vec::new();
            for device in &devices {
                let name = if device == "cpu" { "cpu-1large3med" } else { device.as_str() };
                places.push(machine.platform.executor_named(name).ok_or_else(|| {
                    ReproduceError::Unknown(format!("the runtime has no executor `{name}`"))
                })?);
            }
            // Stem, merging and head belong to the CPU unless one other processor has everything.
            if let (Some(cpu), true) = (machine.platform.executor_named("cpu-1large3med"), places.len() > 1)
                && places.first() != Some(&cpu)
            {
                places.insert(0, cpu);
            }
            let offset = places.len() - devices.len();
            let latency_ms =
                simulate_graph(&machine, &machine, &graph, Box::new(NnStretch::with_host(places, offset)))?
                    .latency_ms;
            let published_latency_ms = published.get(position).copied().filter(|&ms| ms > 0.0);
            rows.push(NnStretchRow {
                network,
                processors,
                latency_ms,
                published_latency_ms,
                error_percent: published_latency_ms.map(|theirs| 100.0 * (latency_ms / theirs - 1.0)),
            });
        }
    }
    Ok(NnStretchReport { rows })
}
