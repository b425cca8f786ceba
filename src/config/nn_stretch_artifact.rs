//! Branch configurations of NN-Stretch (caoting-dotcom/multiBranchModel@88ad0b7b, values only), embedded.

use crate::diagnostics::{Diagnostic, InputError};
use crate::graph::multi_branch::{BlockKind, Branch, MultiBranch, Stage};
use serde::Deserialize;

const TEXT: &str = include_str!("../../workloads/plans/nn_stretch.json");

#[derive(Deserialize)]
struct RawFile {
    configs: Vec<RawConfig>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(f64),
    More(Vec<f64>),
}

#[derive(Deserialize)]
struct RawConfig {
    phone: String,
    name: String,
    image: u64,
    stem_type: String,
    stem_w: u64,
    #[serde(default = "seven")]
    stem_k: u64,
    block_type: String,
    strides: Vec<Vec<u64>>,
    depths: Vec<Vec<u64>>,
    widths: Vec<Vec<u64>>,
    bot_muls: Vec<OneOrMore>,
    #[serde(default)]
    kernels: Vec<u64>,
    #[serde(default)]
    group_ws: Vec<Vec<u64>>,
    #[serde(default)]
    head_w: u64,
    devices: Vec<String>,
    original_widths: Vec<u64>,
    #[serde(default)]
    se_on: bool,
}

const fn seven() -> u64 {
    7
}

/// The network of a configuration, and the processors of its branches (`cpu`, `gpu`, `dsp`). `image` replaces the side of the
/// image that the configuration states.
///
/// # Errors
/// [`InputError`] when there is no such configuration, or the embedded file is broken.
pub fn nn_stretch_network(
    phone: &str,
    name: &str,
    image: Option<u64>,
) -> Result<(MultiBranch, Vec<String>), InputError> {
    let broken = |what: String| InputError::from(Diagnostic::new("plan::artifact", what));
    let file: RawFile = serde_json::from_str(TEXT)
        .map_err(|e| broken(format!("the embedded branch configurations are broken: {e}")))?;
    let raw = file
        .configs
        .into_iter()
        .find(|config| config.phone == phone && config.name == name)
        .ok_or_else(|| broken(format!("there is no branch configuration `{name}` for `{phone}`")))?;
    let block = match raw.block_type.as_str() {
        "res_basic_block" => BlockKind::Basic,
        "res_bottleneck_block" => BlockKind::Bottleneck,
        "mbconv" => BlockKind::Inverted,
        other => return Err(broken(format!("`{name}` has blocks `{other}`"))),
    };
    let stages = (0..raw.depths.len())
        .map(|stage| {
            let branches = (0..raw.depths[stage].len())
                .map(|branch| {
                    let width = *raw.widths.get(stage)?.get(branch)?;
                    let ratio = match raw.bot_muls.get(stage)? {
                        OneOrMore::One(ratio) => *ratio,
                        OneOrMore::More(ratios) => *ratios.get(branch)?,
                    };
                    let device = raw.devices.get(branch).map_or("cpu", String::as_str);
                    Some(Branch {
                        depth: raw.depths[stage][branch],
                        width,
                        stride: *raw.strides.get(stage)?.get(branch)?,
                        ratio,
                        group_width: raw
                            .group_ws
                            .get(stage)
                            .and_then(|g| g.get(branch))
                            .copied()
                            .unwrap_or(width),
                        enqueued: device == "gpu",
                    })
                })
                .collect::<Option<Vec<_>>>()?;
            let kernel = raw.kernels.get(stage).copied().unwrap_or(3);
            Some(Stage { kernel, original_width: *raw.original_widths.get(stage)?, branches })
        })
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| broken(format!("`{name}` lacks sizes of a branch")))?;
    let network = MultiBranch {
        name: raw.name,
        image: image.unwrap_or(raw.image),
        stem: (raw.stem_w, raw.stem_k),
        stem_pooling: raw.stem_type == "res_stem_in",
        block,
        squeeze: raw.se_on,
        stages,
        head: raw.head_w,
        classes: 1000,
    };
    Ok((network, raw.devices))
}
