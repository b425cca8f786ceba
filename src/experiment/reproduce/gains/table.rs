//! All claims: what is to be seen, named before it was simulated: these values were committed before the first run (as `claims.rs`), and the history of the repository
//! shows it. What was changed later is listed in [`CHANGES`].

use super::claims::{Alternative, Claim, Gain, Place, Workload};

/// Changes of the claims after the first run, each with its reason.
pub const CHANGES: &[&str] = &[];

pub(super) const fn on(strategy: &'static str, executors: &'static [&'static str]) -> Alternative {
    Alternative { strategy, executors }
}

pub(super) const XIAOMI_9: Place =
    Place { device: Some("xiaomi-9"), soc: "snapdragon-855", runtime: "tflite" };
pub(super) const GALAXY_S10: Place =
    Place { device: Some("galaxy-s10"), soc: "exynos-9820", runtime: "tflite" };
const ORANGE_PI_5: Place = Place { device: Some("orange-pi-5"), soc: "rk3588", runtime: "ncnn" };
pub(super) const KIRIN_990: Place = Place { device: None, soc: "kirin-990", runtime: "mace" };
const STRETCH: Place = Place { device: Some("xiaomi-9"), soc: "snapdragon-855", runtime: "nn-stretch" };

/// The fitted executors of the Snapdragon 855 that share no core.
pub(super) const SD855: &[&str] = &["cpu-1large", "cpu-3med", "cpu-4small", "gpu"];
const SD855_CPU: &[&str] = &["cpu-1large", "cpu-3med", "cpu-4small"];
/// The same of the Exynos 9820.
pub(super) const EXYNOS: &[&str] = &["cpu-2large", "cpu-2med", "cpu-4small", "gpu"];
const EXYNOS_CPU: &[&str] = &["cpu-2large", "cpu-2med", "cpu-4small"];
const RK3588_CPU: &[&str] = &["cpu-4large", "cpu-4small"];
pub(super) const KIRIN: &[&str] = &["cpu-2large2med", "gpu"];
const STRETCH_ALL: &[&str] = &["cpu-1large3med", "gpu", "dsp"];

pub(super) const SD855_SINGLE: &[Alternative] = &[
    on("single[executor=gpu]", &["gpu"]),
    on("single[executor=cpu-1large]", &["cpu-1large"]),
    on("single[executor=cpu-3med]", &["cpu-3med"]),
    on("single[executor=cpu-4small]", &["cpu-4small"]),
];
pub(super) const EXYNOS_SINGLE: &[Alternative] = &[
    on("single[executor=gpu]", &["gpu"]),
    on("single[executor=cpu-2large]", &["cpu-2large"]),
    on("single[executor=cpu-2med]", &["cpu-2med"]),
    on("single[executor=cpu-4small]", &["cpu-4small"]),
    on("single[executor=cpu-1large2med]", &["cpu-1large2med"]),
];
const SD855_CPU_SINGLE: &[Alternative] = &[
    on("single[executor=cpu-1large]", &["cpu-1large"]),
    on("single[executor=cpu-3med]", &["cpu-3med"]),
    on("single[executor=cpu-4small]", &["cpu-4small"]),
];
const EXYNOS_CPU_SINGLE: &[Alternative] = &[
    on("single[executor=cpu-2large]", &["cpu-2large"]),
    on("single[executor=cpu-2med]", &["cpu-2med"]),
    on("single[executor=cpu-4small]", &["cpu-4small"]),
    on("single[executor=cpu-1large2med]", &["cpu-1large2med"]),
];
const RK3588_SINGLE: &[Alternative] = &[
    on("single[executor=cpu-4large]", &["cpu-4large"]),
    on("single[executor=cpu-4small]", &["cpu-4small"]),
    on("single[executor=cpu-4large4small]", &["cpu-4large4small"]),
];
pub(super) const KIRIN_SINGLE: &[Alternative] =
    &[on("single[executor=gpu]", &["gpu"]), on("single[executor=cpu-2large2med]", &["cpu-2large2med"])];

/// TFLite: the GPU delegate with what it leaves on the CPU, or all on the CPU.
const SD855_TFLITE: &[Alternative] = &[
    on("delegate[target=gpu,fallback=cpu-3med]", &["gpu", "cpu-3med"]),
    on("single[executor=cpu-3med]", &["cpu-3med"]),
    on("single[executor=cpu-1large]", &["cpu-1large"]),
];
const EXYNOS_TFLITE: &[Alternative] = &[
    on("delegate[target=gpu,fallback=cpu-2large]", &["gpu", "cpu-2large"]),
    on("single[executor=cpu-2large]", &["cpu-2large"]),
    on("single[executor=cpu-1large2med]", &["cpu-1large2med"]),
];
const STRETCH_TFLITE: &[Alternative] = &[
    on("single[executor=gpu]", &["gpu"]),
    on("single[executor=cpu-1large3med]", &["cpu-1large3med"]),
    on("single[executor=dsp]", &["dsp"]),
];

const fn band(executors: &'static [&'static str]) -> [Alternative; 6] {
    [
        on("band[scheduler=fixed]", executors),
        on("band[scheduler=round-robin]", executors),
        on("band[scheduler=sel]", executors),
        on("band[scheduler=heft]", executors),
        on("band[scheduler=heft-reserve]", executors),
        on("band[scheduler=lst]", executors),
    ]
}
const BAND_SD855: &[Alternative] = &band(SD855);
const BAND_EXYNOS: &[Alternative] = &band(EXYNOS);
const BAND_STRETCH: &[Alternative] = &band(STRETCH_ALL);

pub(super) const CLASSICS: &[&[&str]] =
    &[&["alexnet"], &["googlenet"], &["mobilenet-v1"], &["resnet50"], &["squeezenet1-1"]];
/// Applications of several networks: faces and poses, a street, a room.
pub(super) const APPLICATIONS: &[&[&str]] = &[
    &["retinaface-mobilenet025-640", "mobilenet-v2", "posenet-mobilenet-v1-257"],
    &["yolov4-tiny-416", "resnet50", "deeplabv3-mobilenet-v3-large"],
    &["ssdlite320-mobilenet-v3-large", "efficientnet-lite0", "mobilenet-v1", "resnet18"],
];
pub(super) const APPLICATIONS_MACE: &[&[&str]] =
    &[&["yolov2-codl-416", "posenet-codl-256", "vgg16"], &["vgg16", "fast-style-transfer-480x640"]];
/// The networks whose single-processor times the profile was fitted to.
const APPLICATIONS_STRETCH: &[&[&str]] = &[&["resnet34", "resnet50"], &["resnet18", "resnet34", "resnet50"]];
const BRANCHED: &[&[&str]] = &[&["googlenet"], &["inception-v3"], &["squeezenet1-1"]];
const STRETCHED: &[&[&str]] = &[&["R-34"], &["RX-1.6"], &["RX-4"], &["EN-L4"]];

pub(super) const FRAMES: Workload = Workload::Frames { frames: 30, in_flight: 4 };
const ROUNDS: Workload = Workload::Rounds { rounds: 10 };
const DEADLINES: Workload =
    Workload::Deadlines { requests: 40, loads: &[0.5, 0.75, 1.0, 1.25, 1.5], slack: 3.0, seeds: 3 };

const PIPE_IT: &str = "Pipe-it (arXiv 1903.05898), abstract: on average 39 % more throughput than the highest antecedent, big.LITTLE boards; networks \
     not named in what is known, these are ours";
pub(super) const PIPE_ALL: &str = "Pipe-All (TechRxiv 14994885), abstract: on average 75.88 % more throughput than the best single component, big and little cluster and \
     Mali GPU of an Amlogic A311D; networks ours";
pub(super) const HETERO2PIPE: &str = "Hetero2Pipe (ICDCS 2025), abstract: 2 to 8 times the speed of other schemes on three SoCs; networks, SoCs and which schemes are not \
     known: ours, against one processor after the other's work";
const BAND_APP: &str = "Band (MobiSys 2022), abstract: up to 5.04 times TFLite, one application with several networks; networks and devices ours, TFLite as the \
     better of GPU delegate and CPU";
const BAND_SLO: &str = "Band (MobiSys 2022), abstract: up to 3.76 times the rate of requests in time, several applications; arrivals and deadlines ours";
const STRETCH_CG: &str = "NN-Stretch (MobiSys 2023), artifact, sample_output/result.csv: C over C+G of R-34, RX-1.6, RX-4, EN-L4 (1.42, 1.34, 1.17, 1.15), \
     geometric mean 1.26";
const STRETCH_CD: &str = "NN-Stretch (MobiSys 2023), artifact, sample_output/result.csv: C over C+D of R-34, RX-1.6, RX-4, EN-L4 (1.64, 1.61, 1.48, 1.48), \
     geometric mean 1.55";
const STRETCH_CDG: &str = "NN-Stretch (MobiSys 2023), abstract: up to 3.85 times one processor";
const BRANCHES: &str = "Parallax (arXiv 2512.11532), abstract: up to 46 % less latency by running branches beside each other, five networks with fallbacks on three phones; \
     networks ours";

/// A claim with the best of the baselines.
pub(super) const fn claim(
    id: &'static str,
    (system, published, source): (&'static str, Gain, &'static str),
    place: Place,
    (networks, workload): (&'static [&'static [&'static str]], Workload),
    strategies: &'static [Alternative],
    baselines: &'static [Alternative],
) -> Claim {
    Claim { id, system, published, source, place, networks, workload, strategies, baselines, worst: false }
}

/// All claims.
pub const CLAIMS: &[Claim] = &[
    claim(
        "pipe-it-rk3588",
        ("Pipe-it", Gain::Mean(1.39), PIPE_IT),
        ORANGE_PI_5,
        (CLASSICS, FRAMES),
        &[on("pipe-it-like", RK3588_CPU)],
        RK3588_SINGLE,
    ),
    claim(
        "pipe-it-snapdragon-855",
        ("Pipe-it", Gain::Mean(1.39), PIPE_IT),
        XIAOMI_9,
        (CLASSICS, FRAMES),
        &[on("pipe-it-like", SD855_CPU)],
        SD855_CPU_SINGLE,
    ),
    claim(
        "pipe-it-exynos-9820",
        ("Pipe-it", Gain::Mean(1.39), PIPE_IT),
        GALAXY_S10,
        (CLASSICS, FRAMES),
        &[on("pipe-it-like", EXYNOS_CPU)],
        EXYNOS_CPU_SINGLE,
    ),
    claim(
        "pipe-all-snapdragon-855",
        ("Pipe-All", Gain::Mean(1.7588), PIPE_ALL),
        XIAOMI_9,
        (CLASSICS, FRAMES),
        &[on("pipe-it-like", SD855)],
        SD855_SINGLE,
    ),
    claim(
        "pipe-all-exynos-9820",
        ("Pipe-All", Gain::Mean(1.7588), PIPE_ALL),
        GALAXY_S10,
        (CLASSICS, FRAMES),
        &[on("pipe-it-like", EXYNOS)],
        EXYNOS_SINGLE,
    ),
    claim(
        "hetero2pipe-snapdragon-855",
        ("Hetero2Pipe", Gain::Between(2.0, 8.0), HETERO2PIPE),
        XIAOMI_9,
        (APPLICATIONS, ROUNDS),
        &[on("hetero2pipe-like", SD855)],
        SD855_SINGLE,
    ),
    claim(
        "hetero2pipe-exynos-9820",
        ("Hetero2Pipe", Gain::Between(2.0, 8.0), HETERO2PIPE),
        GALAXY_S10,
        (APPLICATIONS, ROUNDS),
        &[on("hetero2pipe-like", EXYNOS)],
        EXYNOS_SINGLE,
    ),
    claim(
        "hetero2pipe-kirin-990",
        ("Hetero2Pipe", Gain::Between(2.0, 8.0), HETERO2PIPE),
        KIRIN_990,
        (APPLICATIONS_MACE, ROUNDS),
        &[on("hetero2pipe-like", KIRIN)],
        KIRIN_SINGLE,
    ),
    claim(
        "band-app-snapdragon-855",
        ("Band", Gain::UpTo(5.04), BAND_APP),
        XIAOMI_9,
        (APPLICATIONS, ROUNDS),
        BAND_SD855,
        SD855_TFLITE,
    ),
    claim(
        "band-app-exynos-9820",
        ("Band", Gain::UpTo(5.04), BAND_APP),
        GALAXY_S10,
        (APPLICATIONS, ROUNDS),
        BAND_EXYNOS,
        EXYNOS_TFLITE,
    ),
    claim(
        "band-app-with-dsp",
        ("Band", Gain::UpTo(5.04), BAND_APP),
        STRETCH,
        (APPLICATIONS_STRETCH, ROUNDS),
        BAND_STRETCH,
        STRETCH_TFLITE,
    ),
    claim(
        "band-slo-snapdragon-855",
        ("Band", Gain::UpTo(3.76), BAND_SLO),
        XIAOMI_9,
        (APPLICATIONS, DEADLINES),
        BAND_SD855,
        SD855_TFLITE,
    ),
    claim(
        "band-slo-exynos-9820",
        ("Band", Gain::UpTo(3.76), BAND_SLO),
        GALAXY_S10,
        (APPLICATIONS, DEADLINES),
        BAND_EXYNOS,
        EXYNOS_TFLITE,
    ),
    claim(
        "branches-stretched-cpu-gpu",
        ("branch parallelism", Gain::Mean(1.2642), STRETCH_CG),
        STRETCH,
        (STRETCHED, Workload::Stretched { processors: "CG" }),
        &[on("branch-parallel", &["cpu-1large3med", "gpu"]), on("nn-stretch", &["cpu-1large3med", "gpu"])],
        &[on("single", &["cpu-1large3med"])],
    ),
    claim(
        "branches-stretched-cpu-dsp",
        ("branch parallelism", Gain::Mean(1.5515), STRETCH_CD),
        STRETCH,
        (STRETCHED, Workload::Stretched { processors: "CD" }),
        &[on("branch-parallel", &["cpu-1large3med", "dsp"]), on("nn-stretch", &["cpu-1large3med", "dsp"])],
        &[on("single", &["cpu-1large3med"])],
    ),
    Claim {
        id: "branches-stretched-all",
        system: "branch parallelism",
        published: Gain::UpTo(3.85),
        source: STRETCH_CDG,
        place: STRETCH,
        networks: &[&["R-34"], &["RX-1.6"], &["RX-4"]],
        workload: Workload::Stretched { processors: "CDG" },
        strategies: &[on("branch-parallel", STRETCH_ALL), on("nn-stretch", STRETCH_ALL)],
        baselines: &[on("single", &["cpu-1large3med"]), on("single", &["gpu"]), on("single", &["dsp"])],
        // "One processor" of the abstract: the largest gain is over the slowest.
        worst: true,
    },
    claim(
        "branches-snapdragon-855-cpu-gpu",
        ("branch parallelism", Gain::UpTo(1.85), BRANCHES),
        XIAOMI_9,
        (BRANCHED, Workload::Single),
        &[on("branch-parallel", &["cpu-3med", "gpu"]), on("branch-parallel[by=heft]", &["cpu-3med", "gpu"])],
        &[on("single[executor=gpu]", &["gpu"]), on("single[executor=cpu-3med]", &["cpu-3med"])],
    ),
    claim(
        "branches-exynos-9820-clusters",
        ("branch parallelism", Gain::UpTo(1.85), BRANCHES),
        GALAXY_S10,
        (BRANCHED, Workload::Single),
        &[
            on("branch-parallel", &["cpu-2large", "cpu-2med"]),
            on("branch-parallel[by=heft]", &["cpu-2large", "cpu-2med"]),
        ],
        &[on("single[executor=cpu-2large]", &["cpu-2large"]), on("single[executor=cpu-2med]", &["cpu-2med"])],
    ),
    claim(
        "branches-rk3588-clusters",
        ("branch parallelism", Gain::UpTo(1.85), BRANCHES),
        ORANGE_PI_5,
        (BRANCHED, Workload::Single),
        &[on("branch-parallel", RK3588_CPU), on("branch-parallel[by=heft]", RK3588_CPU)],
        RK3588_SINGLE,
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Would catch a range that was widened for one claim, or a sum that hides a loss.
    #[test]
    fn ranges_follow_from_the_published_gain_alone() {
        for claim in CLAIMS {
            let [least, most] = claim.published.expected();
            let gain = match claim.published {
                Gain::Between(low, high) => {
                    assert!((least, most) == (low, high));
                    continue;
                }
                Gain::Mean(gain) | Gain::UpTo(gain) => gain,
            };
            assert!((gain - 1.0) / (least - 1.0) - 2.0 < 1e-9 && (most - 1.0) / (gain - 1.0) - 2.0 < 1e-9);
            assert!(least > 1.02, "{}: nothing would count as direction only", claim.id);
        }
        assert_eq!(Gain::Mean(2.0).of_cells(&[1.0, 4.0]), Some(2.0));
        assert_eq!(Gain::UpTo(2.0).of_cells(&[0.5, 3.0]), Some(3.0));
        assert_eq!(Gain::UpTo(2.0).of_cells(&[]), None);
    }

    #[test]
    fn claims_have_names_of_their_own_and_something_to_compare() {
        let mut names: Vec<&str> = CLAIMS.iter().map(|claim| claim.id).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), CLAIMS.len());
        for claim in CLAIMS {
            assert!(
                !claim.strategies.is_empty() && !claim.baselines.is_empty() && !claim.networks.is_empty()
            );
        }
    }
}
