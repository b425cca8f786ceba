//! From shape features to sizes.

use serde_json::Value;

use crate::diagnostics::{nearest, printable};
use crate::graph::lowered::{Geometry, OperatorClass, Window};

/// Operators that such lists hold.
pub(super) const OPERATORS: [&str; 8] = [
    "CONV_2D",
    "CONV_2D_GROUP",
    "DEPTHWISE_CONV_2D",
    "MAX_POOL_2D",
    "AVERAGE_POOL_2D",
    "MEAN",
    "FULLY_CONNECTED",
    "CONCATENATION",
];

const NAMES: [&str; 12] = [
    "input_shape",
    "input_channel",
    "output_shape",
    "stride",
    "kernel",
    "filter",
    "group",
    "flops",
    "input_width",
    "output_width",
    "kernel_width",
    "rows",
];

/// Largest accepted feature except `flops`: far above any real layer, and small enough that products fit.
const MAX_FEATURE: u64 = 1 << 20;

/// Largest accepted `flops`, and largest number of multiply-accumulates of one operator.
const MAX_FLOPS: u64 = 1 << 60;

/// The features of one row; `None` where a key does not apply.
#[derive(Debug, Default)]
pub(super) struct Features {
    values: [Option<u64>; 12],
}

impl Features {
    /// Parses the JSON object of a row.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(text).map_err(|e| format!("not a JSON object: {e}"))?;
        let Value::Object(map) = value else { return Err("not a JSON object".to_owned()) };
        let mut features = Self::default();
        for (key, value) in &map {
            let Some(slot) = NAMES.iter().position(|n| n == key) else {
                let hint = nearest(key, NAMES).map_or_else(String::new, |n| format!(", did you mean `{n}`?"));
                return Err(format!("unknown feature `{}`{hint}", printable(key)));
            };
            let limit = if NAMES[slot] == "flops" { MAX_FLOPS } else { MAX_FEATURE };
            features.values[slot] = match value {
                Value::String(s) if s == "-" => None,
                other => Some(other.as_u64().filter(|&n| n <= limit).ok_or_else(|| {
                    format!("feature `{key}` is {other}, not a whole number from 0 to {limit} or \"-\"")
                })?),
            };
        }
        Ok(features)
    }

    fn get(&self, name: &str) -> Option<u64> {
        NAMES.iter().position(|n| *n == name).and_then(|i| self.values[i])
    }

    /// Height and width; without a width the map is square.
    fn sides(&self, height: &str, width: &str) -> Result<(u64, u64), KernelError> {
        let height = self.need(height)?;
        let width = if self.get(width).is_some() { self.need(width)? } else { height };
        Ok((height, width))
    }

    fn need(&self, name: &str) -> Result<u64, KernelError> {
        match self.get(name) {
            Some(0) | None => {
                Err(KernelError::Feature(format!("feature `{name}` is missing, it must be at least 1")))
            }
            Some(value) => Ok(value),
        }
    }
}

/// Why a row is no kernel.
pub(super) enum KernelError {
    /// The operator is not one of [`OPERATORS`].
    UnknownOperator,
    /// A feature is missing or contradicts the others.
    Feature(String),
}

/// A feature map; `side` is its height, and its width too unless the row states one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Map {
    pub(super) side: u64,
    pub(super) width: u64,
    pub(super) channels: u64,
}

impl Map {
    /// Whether both have the same height and width.
    pub(super) const fn same_plane(self, other: Self) -> bool {
        self.side == other.side && self.width == other.width
    }

    pub(super) const fn elements(self) -> u64 {
        self.side.saturating_mul(self.width).saturating_mul(self.channels)
    }
}

/// A kernel without its tensors.
#[derive(Debug)]
pub(super) struct Kernel {
    pub(super) op_type: &'static str,
    pub(super) class: OperatorClass,
    pub(super) geometry: Geometry,
    pub(super) macs: u64,
    /// Constant elements: weights and bias.
    pub(super) weights: u64,
    pub(super) input: Map,
    /// Number of results read (above 1 for a concatenation).
    pub(super) inputs: u64,
    pub(super) output: Map,
}

/// Makes sense of a row; `existing` are the earlier results of the same model.
pub(super) fn kernel(op: &str, f: &Features, existing: &[Map]) -> Result<Kernel, KernelError> {
    let kernel = match op {
        "CONV_2D" | "CONV_2D_GROUP" | "DEPTHWISE_CONV_2D" => convolution(op, f, existing)?,
        "MAX_POOL_2D" | "AVERAGE_POOL_2D" => pool(op, f, existing)?,
        "MEAN" => mean(f)?,
        "FULLY_CONNECTED" => fully_connected(f)?,
        "CONCATENATION" => concatenation(f)?,
        _ => return Err(KernelError::UnknownOperator),
    };
    if kernel.macs > MAX_FLOPS / 2 {
        return Err(KernelError::Feature("more than 2^59 multiply-accumulates".to_owned()));
    }
    // The stated count is twice the multiply-accumulates, or the elements that a pooling reads.
    let expected = match kernel.geometry {
        _ if kernel.macs > 0 => Some(2 * kernel.macs),
        Geometry::Window(w) => Some(kernel.output.elements() * w.kernel_height * w.kernel_width),
        Geometry::Elements { read, .. } if op == "MEAN" => Some(read),
        _ => None,
    };
    match (f.get("flops"), expected) {
        (Some(stated), Some(expected)) if stated != expected => {
            Err(KernelError::Feature(format!("`flops` is {stated}, but the other features give {expected}")))
        }
        _ => Ok(kernel),
    }
}

/// The input without explicit padding.
fn input_map(f: &Features, existing: &[Map]) -> Result<Map, KernelError> {
    let channels = f.need("input_channel")?;
    let (height, width) = f.sides("input_shape", "input_width")?;
    let (out_height, out_width) = f.sides("output_shape", "output_width")?;
    let stride = f.need("stride")?;
    let stated = Map { side: height, width, channels };
    if existing.contains(&stated) {
        return Ok(stated);
    }
    let strided = |stated: u64, out: u64| stated.min(out.saturating_mul(stride));
    Ok(Map { side: strided(height, out_height), width: strided(width, out_width), channels })
}

/// The window as stated: its input side keeps explicit padding, which a cost model counts.
fn window(input: Map, output: Map, f: &Features, groups: u64) -> Result<Window, KernelError> {
    let (height, width) = f.sides("input_shape", "input_width")?;
    let ((kernel, kernel_width), stride) = (f.sides("kernel", "kernel_width")?, f.need("stride")?);
    if kernel.max(kernel_width) > 1 << 12 {
        let side = kernel.max(kernel_width);
        return Err(KernelError::Feature(format!("feature `kernel` is {side}, above 4096")));
    }
    Ok(Window {
        in_height: height,
        in_width: width,
        in_channels: input.channels,
        out_height: output.side,
        out_width: output.width,
        out_channels: output.channels,
        kernel_height: kernel,
        kernel_width,
        stride_height: stride,
        stride_width: stride,
        dilation_height: 1,
        dilation_width: 1,
        groups,
    })
}

fn convolution(op: &str, f: &Features, existing: &[Map]) -> Result<Kernel, KernelError> {
    let input = input_map(f, existing)?;
    let (filter, stated_groups) = (f.need("filter")?, f.need("group")?);
    let depthwise = op == "DEPTHWISE_CONV_2D";
    // For a depthwise convolution `filter` is the multiplier and `group` is always 1.
    let (channels, groups) =
        if depthwise { (input.channels * filter, input.channels) } else { (filter, stated_groups) };
    if !input.channels.is_multiple_of(groups) || !channels.is_multiple_of(groups) {
        return Err(KernelError::Feature(format!(
            "{groups} groups do not divide {} and {channels} channels",
            input.channels
        )));
    }
    let (side, width) = f.sides("output_shape", "output_width")?;
    let output = Map { side, width, channels };
    let window = window(input, output, f, groups)?;
    let per_output = (input.channels / groups) * window.kernel_height * window.kernel_width;
    let (op_type, class) = if depthwise {
        ("DEPTHWISE_CONV_2D", OperatorClass::DepthwiseConvolution)
    } else if groups > 1 {
        ("CONV_2D", OperatorClass::GroupedConvolution)
    } else {
        ("CONV_2D", OperatorClass::Convolution)
    };
    Ok(Kernel {
        op_type,
        class,
        geometry: Geometry::Window(window),
        macs: output.elements().saturating_mul(per_output),
        weights: channels.saturating_mul(per_output).saturating_add(channels),
        input,
        inputs: 1,
        output,
    })
}

fn pool(op: &str, f: &Features, existing: &[Map]) -> Result<Kernel, KernelError> {
    let input = input_map(f, existing)?;
    let (side, width) = f.sides("output_shape", "output_width")?;
    let output = Map { side, width, channels: input.channels };
    Ok(Kernel {
        op_type: if op == "MAX_POOL_2D" { "MAX_POOL_2D" } else { "AVERAGE_POOL_2D" },
        class: OperatorClass::Pooling,
        geometry: Geometry::Window(window(input, output, f, 1)?),
        macs: 0,
        weights: 0,
        input,
        inputs: 1,
        output,
    })
}

/// Global average: `output_shape` is the number of output elements, not a side.
fn mean(f: &Features) -> Result<Kernel, KernelError> {
    let (side, width) = f.sides("input_shape", "input_width")?;
    let input = Map { side, width, channels: f.need("input_channel")? };
    let output = Map { side: 1, width: 1, channels: f.need("output_shape")? };
    if output.channels != input.channels {
        return Err(KernelError::Feature(format!(
            "`output_shape` of a global average is its number of elements, {} for {} channels",
            output.channels, input.channels
        )));
    }
    Ok(Kernel {
        op_type: "MEAN",
        class: OperatorClass::Reduction,
        geometry: Geometry::Elements { read: input.elements(), written: output.elements() },
        macs: 0,
        weights: 0,
        input,
        inputs: 1,
        output,
    })
}

fn fully_connected(f: &Features) -> Result<Kernel, KernelError> {
    let (k, n) = (f.need("input_channel")?, f.need("filter")?);
    // Matrix operators have several rows; the lists that are published have one.
    let m = if f.get("rows").is_some() { f.need("rows")? } else { 1 };
    Ok(Kernel {
        op_type: "FULLY_CONNECTED",
        class: OperatorClass::FullyConnected,
        geometry: Geometry::MatMul { batch: 1, m, n, k },
        macs: n.saturating_mul(k).saturating_mul(m),
        weights: n * k + n,
        input: Map { side: m, width: 1, channels: k },
        inputs: 1,
        output: Map { side: m, width: 1, channels: n },
    })
}

/// `kernel` is the number of inputs, `filter` all channels, `input_channel` those of the first input.
fn concatenation(f: &Features) -> Result<Kernel, KernelError> {
    let (side, width) = f.sides("input_shape", "input_width")?;
    let output = Map { side, width, channels: f.need("filter")? };
    if f.sides("output_shape", "output_width")? != (side, width) {
        return Err(KernelError::Feature(
            "`output_shape` of a concatenation equals `input_shape`".to_owned(),
        ));
    }
    Ok(Kernel {
        op_type: "CONCATENATION",
        class: OperatorClass::DataMovement,
        geometry: Geometry::Elements { read: output.elements(), written: output.elements() },
        macs: 0,
        weights: 0,
        input: Map { side, width, channels: f.need("input_channel")? },
        inputs: f.need("kernel")?,
        output,
    })
}
