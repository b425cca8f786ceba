//! Operators that read feature maps at computed places, and frames of signals.

use super::node::{Facts, Node, invalid, size};
use crate::graph::fact::Fact;

/// `GridSample`: images `[n, c, ...]` at a grid `[n, places..., coordinates]`.
pub(super) fn grid_sample(node: &Node) -> Facts {
    let (x, grid) = (node.input(0)?, node.input(1)?);
    let (&[n, c, ..], [_, places @ .., _]) = (x.shape.as_slice(), grid.shape.as_slice()) else {
        return invalid(format!("shapes {:?} and {:?} are no images and grid", x.shape, grid.shape));
    };
    if places.len() + 2 != x.shape.len() {
        return invalid(format!("a grid {:?} does not fit images {:?}", grid.shape, x.shape));
    }
    Ok(vec![Fact::activation([&[n, c], places].concat(), x.element)])
}

/// `RoiAlign`: one patch per region.
pub(super) fn roi_align(node: &Node) -> Facts {
    let (x, regions) = (node.input(0)?, node.input(1)?);
    let (&[_, c, _, _], &[count, 4]) = (x.shape.as_slice(), regions.shape.as_slice()) else {
        return invalid(format!("shapes {:?} and {:?} are no images and regions", x.shape, regions.shape));
    };
    let side = |name: &str| size(node.int(name, 1), name);
    Ok(vec![Fact::activation(vec![count, c, side("output_height")?, side("output_width")?], x.element)])
}

/// `DeformConv`: the offsets have the plane of the result.
pub(super) fn deformable_convolution(node: &Node) -> Facts {
    let (x, weights, offsets) = (node.input(0)?, node.input(1)?, node.input(2)?);
    let (&[n, ..], &[out, ..], [_, _, plane @ ..]) =
        (x.shape.as_slice(), weights.shape.as_slice(), offsets.shape.as_slice())
    else {
        return invalid("images, weights and offsets need three dimensions or more");
    };
    Ok(vec![Fact::activation([&[n, out], plane].concat(), x.element)])
}

/// `Col2Im`: columns `[n, channels x block, blocks]` to images.
pub(super) fn columns_to_image(node: &Node) -> Facts {
    let (x, image, block) = (node.input(0)?, node.integers(1)?, node.integers(2)?);
    let &[n, rows, _] = x.shape.as_slice() else {
        return invalid(format!("shape {:?} is no batch of columns", x.shape));
    };
    let mut window = 1u64;
    for &side in block {
        window = window.saturating_mul(size(side, "a side of the block")?);
    }
    let channels = rows.checked_div(window).filter(|channels| channels * window == rows);
    let Some(channels) = channels else {
        return invalid(format!("{rows} rows are not a multiple of the block {block:?}"));
    };
    let image = image.iter().map(|&d| size(d, "a side of the image")).collect::<Result<Vec<_>, _>>()?;
    Ok(vec![Fact::activation([vec![n, channels], image].concat(), x.element)])
}

/// `STFT`: frames of a signal `[batch, length, 1 or 2]` as `[batch, frames, bins, 2]`.
pub(super) fn short_time_fourier(node: &Node) -> Facts {
    let x = node.input(0)?;
    let (Some(&batch), Some(&length)) = (x.shape.first(), x.shape.get(1)) else {
        return invalid(format!("shape {:?} is no batch of signals", x.shape));
    };
    let step = node.integers(1)?.first().copied().unwrap_or(0);
    let frame = match (node.optional_integers(3)?.and_then(|v| v.first()), node.optional(2)) {
        (Some(&frame), _) => size(frame, "frame_length")?,
        (None, Some(window)) => window.elements(),
        (None, None) => return invalid("neither a window nor a frame length is given"),
    };
    let step = size(step, "frame_step")?;
    if step == 0 || frame == 0 || frame > length {
        return invalid(format!("frames of {frame} every {step} do not fit a signal of {length}"));
    }
    let bins = if node.int("onesided", 1) != 0 { frame / 2 + 1 } else { frame };
    Ok(vec![Fact::activation(vec![batch, (length - frame) / step + 1, bins, 2], x.element)])
}
