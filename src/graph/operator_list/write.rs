//! Lowered graphs as operator lists, where nothing heavy is lost.

use serde_json::{Value, json};

use crate::diagnostics::printable;
use crate::graph::lowered::{Geometry, LoweredGraph, LoweredOperator, OperatorClass, Window};

/// Operators that no row can say, at most so many in one message.
const SHOWN: usize = 8;

/// Writes the heavy kernels of a graph lowered for TensorFlow Lite as an operator list with its header line. Element-wise operators,
/// reshapes and the like are left out, as such lists do.
///
/// # Errors
/// A sentence that names the operators with multiply-accumulates, the concatenations and the poolings that the format cannot state: it knows square
/// feature maps of batch 1, undilated square windows and single-row products.
pub fn write_operator_list(graph: &LoweredGraph, family: &str) -> Result<String, String> {
    let mut refused = Vec::new();
    let mut rows = Vec::new();
    for operator in &graph.operators {
        match row(graph, operator) {
            Ok(Some(row)) => rows.push(row),
            Ok(None) => {}
            Err(reason) => refused.push(format!(
                "{} `{}` ({reason})",
                printable(&operator.op_type),
                printable(&operator.name)
            )),
        }
    }
    if !refused.is_empty() {
        let shown = refused.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
        let more = refused.len().saturating_sub(SHOWN);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        return Err(format!("an operator list cannot state {shown}{more}"));
    }
    if rows.is_empty() {
        return Err("the graph has no operator that such lists hold".to_owned());
    }
    let mut writer = csv::Writer::from_writer(Vec::new());
    let fail = |error: csv::Error| error.to_string();
    writer.write_record(["model", "family", "op_index", "op", "feature_json"]).map_err(fail)?;
    for (index, (op, features)) in rows.iter().enumerate() {
        let index = index.to_string();
        writer.write_record([&graph.name, family, &index, op, &features.to_string()]).map_err(fail)?;
    }
    let bytes = writer.into_inner().map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|error| error.to_string())
}

/// The row of an operator; `None` for one that lists leave out.
fn row(graph: &LoweredGraph, operator: &LoweredOperator) -> Result<Option<(String, Value)>, String> {
    match (operator.class, &operator.geometry) {
        (OperatorClass::TransposedConvolution, _) => Err("a transposed convolution".to_owned()),
        (
            OperatorClass::Convolution
            | OperatorClass::GroupedConvolution
            | OperatorClass::DepthwiseConvolution
            | OperatorClass::Pooling,
            Geometry::Window(window),
        ) => windowed(operator, window).map(Some),
        (OperatorClass::FullyConnected, &Geometry::MatMul { batch: 1, m: 1, n, k }) => Ok(Some((
            "FULLY_CONNECTED".to_owned(),
            features(None, Some(k), None, None, None, Some(n), None, Some(2 * n * k)),
        ))),
        (OperatorClass::Reduction, Geometry::Elements { read, written }) => {
            let Some(side) = global_average(graph, operator) else { return Ok(None) };
            let channels = *written;
            Ok(Some((
                "MEAN".to_owned(),
                features(Some(side), Some(channels), Some(channels), None, None, None, None, Some(*read)),
            )))
        }
        (OperatorClass::DataMovement, Geometry::Elements { .. }) if operator.op_type == "CONCATENATION" => {
            concatenation(graph, operator).map(Some)
        }
        _ if operator.macs > 0 => Err(format!("{} multiply-accumulates", operator.macs)),
        _ => Ok(None),
    }
}

#[expect(clippy::too_many_arguments, reason = "one for each key of the format")]
fn features(
    input: Option<u64>,
    channels: Option<u64>,
    output: Option<u64>,
    stride: Option<u64>,
    kernel: Option<u64>,
    filter: Option<u64>,
    group: Option<u64>,
    flops: Option<u64>,
) -> Value {
    let value = |x: Option<u64>| x.map_or_else(|| json!("-"), |x| json!(x));
    json!({
        "input_shape": value(input), "input_channel": value(channels), "output_shape": value(output), "stride": value(stride),
        "kernel": value(kernel), "filter": value(filter), "group": value(group), "flops": value(flops),
    })
}

fn windowed(operator: &LoweredOperator, w: &Window) -> Result<(String, Value), String> {
    let square = w.in_height == w.in_width
        && w.out_height == w.out_width
        && w.kernel_height == w.kernel_width
        && w.stride_height == w.stride_width;
    if !square {
        return Err(format!(
            "not square: {}x{} to {}x{} by {}x{}",
            w.in_height, w.in_width, w.out_height, w.out_width, w.kernel_height, w.kernel_width
        ));
    }
    if (w.dilation_height, w.dilation_width) != (1, 1) {
        return Err(format!("dilated by {}x{}", w.dilation_height, w.dilation_width));
    }
    let outputs = w.out_height * w.out_width * w.out_channels;
    let window = w.kernel_height * w.kernel_width;
    let (op, filter, group, flops) = match operator.class {
        OperatorClass::DepthwiseConvolution => {
            ("DEPTHWISE_CONV_2D", Some(w.out_channels / w.in_channels.max(1)), Some(1), 2 * operator.macs)
        }
        OperatorClass::GroupedConvolution => {
            ("CONV_2D_GROUP", Some(w.out_channels), Some(w.groups), 2 * operator.macs)
        }
        OperatorClass::Pooling => {
            let op = if operator.op_type.contains("MAX") { "MAX_POOL_2D" } else { "AVERAGE_POOL_2D" };
            (op, None, None, outputs * window)
        }
        _ => ("CONV_2D", Some(w.out_channels), Some(1), 2 * operator.macs),
    };
    let per_output = if operator.macs > 0 { operator.macs / outputs.max(1) } else { 0 };
    if operator.macs > 0 && per_output * outputs != operator.macs {
        return Err("more than one batch".to_owned());
    }
    let features = features(
        Some(w.in_height),
        Some(w.in_channels),
        Some(w.out_height),
        Some(w.stride_height),
        Some(w.kernel_height),
        filter,
        group,
        Some(flops),
    );
    Ok((op.to_owned(), features))
}

/// The side of the feature map that a global average reads; `None` for any other reduction, which lists leave out.
fn global_average(graph: &LoweredGraph, operator: &LoweredOperator) -> Option<u64> {
    let tensor = graph.tensors.get(*operator.inputs.first()? as usize)?;
    match tensor.shape.as_slice() {
        &[1, channels, height, width] => {
            let written = graph.tensors.get(*operator.outputs.first()? as usize)?.elements;
            (height == width && written == channels).then_some(height)
        }
        _ => None,
    }
}

fn concatenation(graph: &LoweredGraph, operator: &LoweredOperator) -> Result<(String, Value), String> {
    let shape = |id: &u32| graph.tensors.get(*id as usize).map(|t| t.shape.clone()).unwrap_or_default();
    let output = operator.outputs.first().map(shape).unwrap_or_default();
    let &[1, channels, height, width] = output.as_slice() else {
        return Err("not a feature map".to_owned());
    };
    let inputs: Vec<Vec<u64>> = operator.inputs.iter().map(shape).collect();
    let along_channels =
        inputs.iter().all(|s| matches!(s.as_slice(), &[1, _, h, w] if (h, w) == (height, width)));
    if height != width || !along_channels {
        return Err("not along the channels of square feature maps".to_owned());
    }
    let first = inputs.first().and_then(|s| s.get(1)).copied();
    let features = features(
        Some(height),
        first,
        Some(height),
        None,
        Some(inputs.len() as u64),
        Some(channels),
        None,
        None,
    );
    Ok(("CONCATENATION".to_owned(), features))
}
