//! Convolutions and poolings.

use super::node::{Facts, Node, RuleError, invalid, size};
use crate::graph::fact::Fact;
use crate::graph::model::ElementType;

/// Window attributes of one spatial dimension.
struct Side {
    kernel: i128,
    stride: i128,
    dilation: i128,
    before: i128,
    after: i128,
}

/// Window attributes of all spatial dimensions.
fn sides(node: &Node, kernel: &[u64]) -> Result<Vec<Side>, RuleError> {
    let rank = kernel.len();
    let list = |name: &str, length: usize, default: i64| match node.operator.ints(name) {
        Some(values) if values.len() == length => Ok(values.to_vec()),
        Some(values) if !values.is_empty() => {
            invalid(format!("attribute `{name}` has {} entries for {length} expected", values.len()))
        }
        _ => Ok(vec![default; length]),
    };
    let (strides, dilations) = (list("strides", rank, 1)?, list("dilations", rank, 1)?);
    let pads = list("pads", 2 * rank, 0)?;
    if strides.iter().chain(&dilations).any(|&v| v < 1) || kernel.contains(&0) {
        return invalid("kernel, strides and dilations must be at least 1");
    }
    Ok((0..rank)
        .map(|i| Side {
            kernel: i128::from(kernel[i]),
            stride: i128::from(strides[i]),
            dilation: i128::from(dilations[i]),
            before: i128::from(pads[i]),
            after: i128::from(pads[i + rank]),
        })
        .collect())
}

impl Side {
    /// Input elements that one window spans.
    const fn span(&self) -> i128 {
        (self.kernel - 1) * self.dilation + 1
    }

    /// Output size for `input` elements.
    fn output(&self, input: u64, auto_pad: &str, ceil: bool) -> Result<u64, RuleError> {
        let input = i128::from(input);
        let (before, padding) = match auto_pad {
            "SAME_UPPER" | "SAME_LOWER" => return to_size((input + self.stride - 1) / self.stride),
            "VALID" => (0, 0),
            _ => (self.before, self.before + self.after),
        };
        let free = input + padding - self.span();
        if free < 0 {
            return invalid(format!(
                "a window of {} elements does not fit into {input} elements with padding {padding}",
                self.span()
            ));
        }
        if !ceil {
            return to_size(free / self.stride + 1);
        }
        let windows = (free + self.stride - 1) / self.stride + 1;
        // A window that would start in the padding behind the input is left out.
        let beyond = (windows - 1) * self.stride >= input + before;
        to_size(windows - i128::from(beyond))
    }
}

fn to_size(value: i128) -> Result<u64, RuleError> {
    u64::try_from(value).map_or_else(|_| invalid(format!("an output dimension would be {value}")), Ok)
}

/// Batch, channels and spatial sizes.
fn image(x: &Fact) -> Result<(u64, u64, &[u64]), RuleError> {
    match x.shape.as_slice() {
        [batch, channels, spatial @ ..] if !spatial.is_empty() => Ok((*batch, *channels, spatial)),
        other => invalid(format!("the input has shape {other:?}, fewer than 3 dimensions")),
    }
}

/// Kernel size from the attribute or the weights' shape.
fn kernel(node: &Node, weights: &[u64], spatial: usize) -> Result<Vec<u64>, RuleError> {
    let kernel = match node.operator.ints("kernel_shape") {
        Some(values) if !values.is_empty() => {
            values.iter().map(|&v| size(v, "a kernel side")).collect::<Result<_, _>>()?
        }
        _ => weights.get(2..).unwrap_or_default().to_vec(),
    };
    if kernel.len() == spatial {
        Ok(kernel)
    } else {
        invalid(format!("a kernel of {} dimensions on an input of {spatial}", kernel.len()))
    }
}

/// `Conv`, `ConvInteger`, `QLinearConv`.
pub(super) fn convolution(node: &Node) -> Facts {
    let quantized = node.operator.op_type == "QLinearConv";
    let (x, w) = (node.input(0)?, node.input(if quantized { 3 } else { 1 })?);
    let (batch, channels, spatial) = image(x)?;
    let groups = size(node.int("group", 1), "attribute `group`")?;
    let (Some(&out), Some(&per_group)) = (w.shape.first(), w.shape.get(1)) else {
        return invalid(format!("the weights have shape {:?}", w.shape));
    };
    if groups == 0 || per_group.checked_mul(groups) != Some(channels) || out % groups != 0 {
        return invalid(format!(
            "weights of shape {:?} in {groups} groups do not fit {channels} channels",
            w.shape
        ));
    }
    let sides = sides(node, &kernel(node, &w.shape, spatial.len())?)?;
    let auto_pad = node.text("auto_pad", "NOTSET");
    let mut shape = vec![batch, out];
    for (side, &input) in sides.iter().zip(spatial) {
        shape.push(side.output(input, auto_pad, false)?);
    }
    let element = match node.operator.op_type.as_str() {
        "ConvInteger" => ElementType::I32,
        "QLinearConv" => node.input(7)?.element,
        _ => x.element,
    };
    Ok(vec![Fact::activation(shape, element)])
}

/// `ConvTranspose`.
pub(super) fn transposed_convolution(node: &Node) -> Facts {
    let (x, w) = (node.input(0)?, node.input(1)?);
    let (batch, channels, spatial) = image(x)?;
    let groups = size(node.int("group", 1), "attribute `group`")?;
    let (Some(&into), Some(&per_group)) = (w.shape.first(), w.shape.get(1)) else {
        return invalid(format!("the weights have shape {:?}", w.shape));
    };
    if into != channels {
        return invalid(format!("weights of shape {:?} do not fit {channels} channels", w.shape));
    }
    let sides = sides(node, &kernel(node, &w.shape, spatial.len())?)?;
    let extra = node.operator.ints("output_padding").unwrap_or_default();
    let stated = node.operator.ints("output_shape").unwrap_or_default();
    let auto_pad = node.text("auto_pad", "NOTSET");
    let mut shape = vec![batch, per_group.saturating_mul(groups)];
    // The attribute may list all dimensions or the spatial ones only.
    let skip = if stated.len() == spatial.len() + 2 { 2 } else { 0 };
    for (i, (side, &input)) in sides.iter().zip(spatial).enumerate() {
        if let Some(&value) = stated.get(i + skip) {
            shape.push(size(value, "attribute `output_shape`")?);
            continue;
        }
        let (input, extra) = (i128::from(input), i128::from(extra.get(i).copied().unwrap_or(0)));
        shape.push(to_size(match auto_pad {
            "SAME_UPPER" | "SAME_LOWER" => input * side.stride,
            "VALID" => side.stride * (input - 1) + extra + side.span(),
            _ => side.stride * (input - 1) + extra + side.span() - side.before - side.after,
        })?);
    }
    Ok(vec![Fact::activation(shape, x.element)])
}

/// `MaxPool` (with indices), `AveragePool`, `LpPool`.
pub(super) fn pool(node: &Node) -> Facts {
    let x = node.input(0)?;
    let (batch, channels, spatial) = image(x)?;
    let sides = sides(node, &kernel(node, &[], spatial.len())?)?;
    let auto_pad = node.text("auto_pad", "NOTSET");
    let ceil = node.int("ceil_mode", 0) != 0;
    let mut shape = vec![batch, channels];
    for (side, &input) in sides.iter().zip(spatial) {
        shape.push(side.output(input, auto_pad, ceil)?);
    }
    Ok(vec![Fact::activation(shape.clone(), x.element), Fact::activation(shape, ElementType::I64)])
}

/// Pooling over all spatial dimensions.
pub(super) fn global_pool(node: &Node) -> Facts {
    let x = node.input(0)?;
    let (batch, channels, spatial) = image(x)?;
    let mut shape = vec![batch, channels];
    shape.extend(spatial.iter().map(|_| 1));
    Ok(vec![Fact::activation(shape, x.element)])
}
