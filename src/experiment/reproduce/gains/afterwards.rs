//! What was tried after the first run, to explain it. Nothing here has a verdict that counts, and no claim was changed for it.

use super::claims::{Claim, Gain};
use super::table::{
    APPLICATIONS, APPLICATIONS_MACE, CLASSICS, EXYNOS, EXYNOS_SINGLE, FRAMES, GALAXY_S10, HETERO2PIPE, KIRIN,
    KIRIN_990, KIRIN_SINGLE, PIPE_ALL, SD855, SD855_SINGLE, XIAOMI_9, claim, on,
};

/// Pipelines of several networks with four frames of each in progress instead of one, and pipelines of one network cut by dynamic programming instead
/// of by moving border layers.
pub const AFTERWARDS: &[Claim] = &[
    claim(
        "hetero2pipe-snapdragon-855-four-in-progress",
        ("Hetero2Pipe", Gain::Between(2.0, 8.0), HETERO2PIPE),
        XIAOMI_9,
        (APPLICATIONS, FRAMES),
        &[on("hetero2pipe-like", SD855)],
        SD855_SINGLE,
    ),
    claim(
        "hetero2pipe-exynos-9820-four-in-progress",
        ("Hetero2Pipe", Gain::Between(2.0, 8.0), HETERO2PIPE),
        GALAXY_S10,
        (APPLICATIONS, FRAMES),
        &[on("hetero2pipe-like", EXYNOS)],
        EXYNOS_SINGLE,
    ),
    claim(
        "hetero2pipe-kirin-990-four-in-progress",
        ("Hetero2Pipe", Gain::Between(2.0, 8.0), HETERO2PIPE),
        KIRIN_990,
        (APPLICATIONS_MACE, FRAMES),
        &[on("hetero2pipe-like", KIRIN)],
        KIRIN_SINGLE,
    ),
    claim(
        "pipe-all-snapdragon-855-least-period",
        ("Pipe-All", Gain::Mean(1.7588), PIPE_ALL),
        XIAOMI_9,
        (CLASSICS, FRAMES),
        &[on("hetero2pipe-like", SD855)],
        SD855_SINGLE,
    ),
    claim(
        "pipe-all-exynos-9820-least-period",
        ("Pipe-All", Gain::Mean(1.7588), PIPE_ALL),
        GALAXY_S10,
        (CLASSICS, FRAMES),
        &[on("hetero2pipe-like", EXYNOS)],
        EXYNOS_SINGLE,
    ),
];
