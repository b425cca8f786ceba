//! CoDL's ablations on the Snapdragon 855 (MobiSys 2022, figures 10, 13, 18, 20), and what the constant of synchronisation does.

use super::codl::{Bench, SEARCHED, bench, codl};
use super::runs::{Measured, ReproduceError};
use crate::config::codl_artifact::{ArtifactNetwork, NETWORKS, artifact_network};
use crate::graph::partition::Dimension;
use crate::graph::sequence::{Sequence, SequenceOperator, Sizes, sequence};
use crate::predict::{SlicePredictor, Trained};
use crate::soc::ExecutorId;
use crate::strategy::co_execution::Chain;
use crate::strategy::codl::{ChainSearch, Settings};
use crate::strategy::{Codl, Mace, Prescribed, Strategy};
use serde::Serialize;

/// The chip that the ablations were measured on.
const SOC: &str = "snapdragon-855";

/// One published figure against its simulation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ablation {
    /// Figure of the paper.
    pub figure: &'static str,
    /// Network or operator.
    pub subject: String,
    /// What was varied.
    pub variant: String,
    /// Unit of the values.
    pub unit: &'static str,
    /// Simulated value.
    pub simulated: Option<f64>,
    /// Published value, digitised.
    pub published: f64,
    /// Simulated over published - 1, in per cent.
    pub error_percent: Option<f64>,
}

fn ablation(
    figure: &'static str,
    subject: &str,
    variant: impl Into<String>,
    unit: &'static str,
    simulated: Option<f64>,
    published: f64,
) -> Ablation {
    let error_percent = simulated.map(|own| 100.0 * (own / published - 1.0));
    Ablation {
        figure,
        subject: subject.to_owned(),
        variant: variant.into(),
        unit,
        simulated,
        published,
        error_percent,
    }
}

/// Fig. 18: ms without chains, cut by height, by channels, by either.
const DIMENSIONS: [(&str, [f64; 3]); 5] = [
    ("yolov2", [222.73, 207.375, 188.136]),
    ("vgg16", [175.092, 179.698, 158.202]),
    ("posenet", [301.783, 372.4, 264.94]),
    ("fast-style-transfer", [560.0, 457.0, 384.676]),
    ("retinaface", [844.0, 856.0, 767.0]),
];
/// Fig. 20: ms of sharing without and with chains.
const SHARING: [(&str, [f64; 2]); 5] = [
    ("yolov2", [30.122, 7.357]),
    ("vgg16", [23.078, 7.675]),
    ("posenet", [37.482, 15.035]),
    ("fast-style-transfer", [28.849, 13.128]),
    ("retinaface", [118.275, 64.744]),
];
/// Fig. 10: side, channels in and out, window, speed-up over the CPU at half and half by channels and by height.
const HALVES: [([u64; 4], [f64; 2]); 4] = [
    ([416, 3, 32, 3], [1.69, 1.891]),
    ([208, 32, 64, 3], [1.45, 1.861]),
    ([104, 64, 128, 3], [1.331, 1.891]),
    ([13, 1024, 1024, 3], [1.82, 1.43]),
];
/// Fig. 13: length, ms of computing and sharing without a chain, and with one.
const LENGTHS: [(usize, [f64; 4]); 8] = [
    (2, [7.084, 4.248, 7.334, 2.082]),
    (3, [13.08, 6.33, 13.08, 2.083]),
    (4, [13.497, 8.584, 13.997, 1.916]),
    (5, [18.078, 10.499, 19.993, 2.088]),
    (6, [18.661, 12.497, 20.909, 2.004]),
    (7, [23.664, 14.491, 26.162, 1.915]),
    (8, [23.913, 16.574, 26.662, 1.915]),
    (9, [29.41, 18.661, 47.321, 1.749]),
];

fn find<'a, T, K: PartialEq + ?Sized>(rows: &'a [(&'static K, T)], key: &K) -> Option<&'a T> {
    rows.iter().find(|(name, _)| *name == key).map(|(_, row)| row)
}

/// Repeats all ablations.
///
/// # Errors
/// [`ReproduceError`].
pub fn codl_ablations() -> Result<Vec<Ablation>, ReproduceError> {
    let Some(bench) = bench(SOC, "image", &[])? else {
        return Err(ReproduceError::Unknown(format!("`{SOC}` has no image kernels")));
    };
    let mut rows = Vec::new();
    for (name, in_artifact) in NETWORKS {
        let network = artifact_network(in_artifact)?;
        networks(&bench, name, &network, &mut rows)?;
    }
    halves(&bench, &mut rows)?;
    lengths(&bench, &mut rows)?;
    Ok(rows)
}

fn networks(
    bench: &Bench,
    name: &str,
    network: &ArtifactNetwork,
    rows: &mut Vec<Ablation>,
) -> Result<(), ReproduceError> {
    let searched = |settings: Settings| -> Result<Measured, ReproduceError> {
        bench.run(&network.sequence, Box::new(Codl::new(bench.pair, settings)))
    };
    let serial = Settings { search: ChainSearch::Serial, ..SEARCHED };
    let by: [(&str, &'static [Dimension]); 3] = [
        ("height", &[Dimension::Height]),
        ("output channels", &[Dimension::OutputChannels]),
        ("either", &Dimension::ALL),
    ];
    if let Some(published) = find(&DIMENSIONS, name) {
        for ((variant, dimensions), published) in by.into_iter().zip(published) {
            let own = searched(Settings { dimensions, ..serial })?.latency_ms;
            rows.push(ablation(
                "18",
                name,
                format!("cut by {variant}, no chains"),
                "ms",
                Some(own),
                *published,
            ));
        }
    }
    if let Some(published) = find(&SHARING, name) {
        // The published plans where they can be replayed, else those found here.
        for (chained, published) in [false, true].into_iter().zip(published) {
            let search = if chained { SEARCHED } else { serial };
            let (own, plan) = match network.plan("Snapdragon855", chained) {
                Ok(plan) => {
                    let own = Prescribed::new(bench.pair, vec![plan.chains]);
                    (bench.run(&network.sequence, Box::new(own))?, "published plan")
                }
                Err(_) => (searched(search)?, "searched plan"),
            };
            let variant = format!("sharing, {}chains, {plan}", if chained { "" } else { "no " });
            rows.push(ablation("20", name, variant, "ms", Some(own.sharing_ms), *published));
        }
    }
    Ok(())
}

fn square(side: u64, inputs: u64, outputs: u64, kernel: u64) -> SequenceOperator {
    SequenceOperator::Convolution(Sizes {
        height: side + kernel - 1,
        width: side + kernel - 1,
        in_channels: inputs,
        out_channels: outputs,
        kernel_height: kernel,
        kernel_width: kernel,
        stride_height: 1,
        stride_width: 1,
    })
}

fn built(operators: &[SequenceOperator]) -> Result<Sequence, ReproduceError> {
    sequence("operators", operators)
        .map_err(|number| ReproduceError::Unknown(format!("operator {number} has impossible sizes")))
}

/// Computing only: half on each, against all of it on the CPU.
fn halves(bench: &Bench, rows: &mut Vec<Ablation>) -> Result<(), ReproduceError> {
    for ([side, inputs, outputs, kernel], published) in HALVES {
        let operator = built(&[square(side, inputs, outputs, kernel)])?;
        let alone = bench.run(&operator, Box::new(Mace::new(bench.pair.cpu, bench.pair.cpu)))?.latency_ms;
        let dimensions = [Dimension::OutputChannels, Dimension::Height];
        for (dimension, published) in dimensions.into_iter().zip(published) {
            let chain = Chain { operators: operator.positions.clone(), dimension, share: 0.5 };
            let both = bench.run(&operator, prescribed(bench, vec![chain]))?;
            let speedup = alone / (both.latency_ms - both.sharing_ms);
            let subject = format!("{side}x{side} {inputs} to {outputs}");
            rows.push(ablation(
                "10",
                &subject,
                format!("half by {}", dimension.id()),
                "x",
                Some(speedup),
                published,
            ));
        }
    }
    Ok(())
}

fn prescribed(bench: &Bench, chains: Vec<Chain>) -> Box<dyn Strategy> {
    Box::new(Prescribed::new(bench.pair, vec![chains]))
}

/// Convolutions of 3x3 and 1x1 in turn, 104 px, 64 and 128 channels, half on each.
fn lengths(bench: &Bench, rows: &mut Vec<Ablation>) -> Result<(), ReproduceError> {
    for (length, published) in LENGTHS {
        let operators: Vec<SequenceOperator> = (0..length)
            .map(|n| if n % 2 == 0 { square(104, 64, 128, 3) } else { square(104, 128, 64, 1) })
            .collect();
        let chain = built(&operators)?;
        let of = |operators: &[u32]| Chain {
            operators: operators.to_vec(),
            dimension: Dimension::Height,
            share: 0.5,
        };
        let one_by_one = chain.positions.iter().map(|&operator| of(&[operator])).collect();
        let without = bench.run(&chain, prescribed(bench, one_by_one))?;
        let with = bench.run(&chain, prescribed(bench, vec![of(&chain.positions)]))?;
        let compute = |m: Measured| m.latency_ms - m.sharing_ms;
        let subject = format!("{length} operators");
        let all = [
            ("computing, no chain", compute(without)),
            ("sharing, no chain", without.sharing_ms),
            ("computing, chain", compute(with)),
            ("sharing, chain", with.sharing_ms),
        ];
        for ((variant, own), published) in all.into_iter().zip(published) {
            rows.push(ablation("13", &subject, variant, "ms", Some(own), published));
        }
    }
    Ok(())
}

/// The error of CoDL with published plans for one constant of synchronisation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CurvePoint {
    /// Microseconds until others may read.
    pub synchronization_us: f64,
    /// Signed errors in per cent by network, images, published plans.
    pub errors: Vec<(&'static str, f64)>,
    /// Mean absolute error in per cent.
    pub mape_percent: f64,
}

/// The constants of the curve, in microseconds.
pub const CURVE: [f64; 8] = [0.0, 200.0, 350.0, 500.0, 850.0, 1000.0, 1400.0, 2000.0];

/// How the error on the Snapdragon 855 depends on the constant of synchronisation. Its value in the profiles was not taken from here.
///
/// # Errors
/// [`ReproduceError`].
pub fn synchronization_curve() -> Result<Vec<CurvePoint>, ReproduceError> {
    CURVE
        .into_iter()
        .map(|synchronization_us| {
            let change = format!("runtime.performance.2.sharing.synchronization_us={synchronization_us}");
            let report = codl(SOC, &[change])?;
            let errors: Vec<(&'static str, f64)> = report
                .rows
                .iter()
                .filter(|row| row.strategy == "codl-image" && row.plan == "published")
                .filter_map(|row| Some((row.network, row.error_percent?)))
                .collect();
            let mape_percent =
                errors.iter().map(|(_, error)| error.abs()).sum::<f64>() / errors.len().max(1) as f64;
            Ok(CurvePoint { synchronization_us, errors, mape_percent })
        })
        .collect()
}

/// How often a predictor is right.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HitRate {
    /// The predictor.
    pub predictor: &'static str,
    /// `cpu` or `gpu`.
    pub processor: &'static str,
    /// Share of the convolutions of the five networks within 10 %, in per cent.
    pub within_10_percent: Option<f64>,
}

/// How often the planners' predictors are right about whole convolutions of the five networks on a chip with images.
///
/// # Errors
/// [`ReproduceError`].
pub fn hit_rates() -> Result<Vec<HitRate>, ReproduceError> {
    let Some(bench) = bench(SOC, "image", &[])? else { return Ok(Vec::new()) };
    let graphs = NETWORKS
        .iter()
        .map(|(_, name)| artifact_network(name).map(|network| network.sequence.graph))
        .collect::<Result<Vec<_>, _>>()?;
    let mut rates = Vec::new();
    for predictor in [SlicePredictor::Tiled, SlicePredictor::Linear] {
        let Some(first) = graphs.first() else { continue };
        let trained = Trained::new(predictor, &bench.machine, &bench.machine, first);
        let of = |executor: ExecutorId| {
            trained.hit_rate(executor, &graphs, &bench.machine, 0.1).map(|share| 100.0 * share)
        };
        for (processor, executor) in [("cpu", bench.pair.cpu), ("gpu", bench.pair.gpu)] {
            rates.push(HitRate { predictor: predictor.id(), processor, within_10_percent: of(executor) });
        }
    }
    Ok(rates)
}
