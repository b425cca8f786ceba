//! The builtin options that decide sizes and fusion, as attributes with the schema's field names.

use super::super::error::GraphError;
use super::super::model::Attribute;
use super::builtin::activation;
use super::flatbuffer::Table;

/// One field of an options table.
enum Field {
    /// `SAME` or `VALID`.
    Padding,
    /// A whole number with its default.
    Int(&'static str, i32),
    /// A switch.
    Flag(&'static str),
    /// A fused activation.
    Activation,
    /// A real number with its default.
    Real(&'static str, f32),
    /// A list of whole numbers.
    Ints(&'static str),
    /// A field that nothing here depends on.
    Skip,
}

/// Fields by slot for each operator whose options matter.
fn layout(op_type: &str) -> &'static [Field] {
    use Field::{Activation, Flag, Int, Ints, Padding, Real, Skip};
    match op_type {
        "CONV_2D" => &[
            Padding,
            Int("stride_w", 0),
            Int("stride_h", 0),
            Activation,
            Int("dilation_w_factor", 1),
            Int("dilation_h_factor", 1),
        ],
        "DEPTHWISE_CONV_2D" => &[
            Padding,
            Int("stride_w", 0),
            Int("stride_h", 0),
            Int("depth_multiplier", 0),
            Activation,
            Int("dilation_w_factor", 1),
            Int("dilation_h_factor", 1),
        ],
        "TRANSPOSE_CONV" => &[Padding, Int("stride_w", 0), Int("stride_h", 0), Activation],
        "MAX_POOL_2D" | "AVERAGE_POOL_2D" | "L2_POOL_2D" => &[
            Padding,
            Int("stride_w", 0),
            Int("stride_h", 0),
            Int("filter_width", 0),
            Int("filter_height", 0),
            Activation,
        ],
        "FULLY_CONNECTED" => &[Activation, Skip, Flag("keep_num_dims")],
        "ADD" | "SUB" | "MUL" | "DIV" | "L2_NORMALIZATION" => &[Activation],
        "CONCATENATION" => &[Int("axis", 0), Activation],
        "PACK" => &[Int("values_count", 0), Int("axis", 0)],
        "UNPACK" => &[Int("num", 0), Int("axis", 0)],
        "SPLIT" | "SPLIT_V" => &[Int("num_splits", 0)],
        "BATCH_MATMUL" => &[Flag("adj_x"), Flag("adj_y")],
        "MEAN" | "SUM" | "REDUCE_MAX" | "REDUCE_MIN" | "REDUCE_PROD" | "REDUCE_ANY" | "REDUCE_ALL" => {
            &[Flag("keep_dims")]
        }
        "GATHER" => &[Int("axis", 0), Int("batch_dims", 0)],
        "RESHAPE" => &[Ints("new_shape")],
        "SQUEEZE" => &[Ints("squeeze_dims")],
        "SOFTMAX" => &[Real("beta", 0.0)],
        "LEAKY_RELU" => &[Real("alpha", 0.0)],
        _ => &[],
    }
}

/// Reads the options of an operator; the schema's defaults stand in for what the file leaves out.
pub(super) fn attributes(
    op_type: &str,
    options: Option<Table<'_>>,
) -> Result<Vec<(String, Attribute)>, GraphError> {
    let Some(options) = options else { return Ok(Vec::new()) };
    let mut attributes = Vec::new();
    for (slot, field) in layout(op_type).iter().enumerate() {
        let (name, value) = match *field {
            Field::Padding => {
                let padding = match options.scalar::<i8>(slot, 0)? {
                    0 => "SAME",
                    1 => "VALID",
                    other => {
                        return Err(GraphError::Malformed {
                            reason: format!("{op_type} has padding {other}"),
                        });
                    }
                };
                ("padding", Attribute::Text(padding.to_owned()))
            }
            Field::Int(name, default) => (name, Attribute::Int(options.scalar::<i32>(slot, default)?.into())),
            Field::Flag(name) => (name, Attribute::Int((options.scalar::<u8>(slot, 0)? != 0).into())),
            Field::Activation => {
                let code = options.scalar::<i8>(slot, 0)?;
                ("fused_activation_function", Attribute::Text(activation(code).to_owned()))
            }
            Field::Real(name, default) => {
                (name, Attribute::Float(options.scalar::<f32>(slot, default)?.into()))
            }
            Field::Ints(name) => {
                (name, Attribute::Ints(options.numbers::<i32>(slot)?.into_iter().map(i64::from).collect()))
            }
            Field::Skip => continue,
        };
        attributes.push((name.to_owned(), value));
    }
    Ok(attributes)
}
