//! ONNX files, with or without weights: shapes and types are read or inferred, weights never loaded.

mod attributes;
pub mod messages;
mod options;
mod reader;
pub(crate) mod tensors;
#[cfg(test)]
mod tests;
mod write;

pub use options::{
    HIGHEST_OPSET, LOWEST_OPSET, MAX_ELEMENTS, MAX_FILE_BYTES, MAX_NODES, MAX_RANK, OnnxOptions,
};

pub use write::{OnnxWriteError, write_onnx};

use prost::Message;

use super::error::GraphError;
use super::fold::fold;
use super::model::Graph;
use messages::ModelProto;

/// Reads an ONNX file as the graph called `name`.
///
/// `Constant`, `Identity` and inference-time `Dropout` nodes disappear, nodes whose inputs are all
/// constant become constants, shapes that the file leaves out are inferred. Operators keep their
/// listed order unless it is not topological.
///
/// # Errors
/// [`GraphError`] for everything that is not one static operator graph of operator set 9 to 21.
pub fn read_onnx(bytes: &[u8], name: &str, options: &OnnxOptions) -> Result<Graph, GraphError> {
    fold(reader::draft(decode(bytes)?, name, options)?)
}

/// The metadata of an ONNX file as pairs of key and value, in the file's order.
///
/// # Errors
/// [`GraphError::Decode`] and [`GraphError::Limit`] for what is no ONNX file.
pub fn read_metadata(bytes: &[u8]) -> Result<Vec<(String, String)>, GraphError> {
    Ok(decode(bytes)?.metadata_props.into_iter().map(|entry| (entry.key, entry.value)).collect())
}

fn decode(bytes: &[u8]) -> Result<ModelProto, GraphError> {
    if bytes.len() as u64 > MAX_FILE_BYTES {
        let (what, value) = ("the size of the file in bytes".to_owned(), bytes.len() as u64);
        return Err(GraphError::Limit { what, value, limit: MAX_FILE_BYTES });
    }
    ModelProto::decode(bytes)
        .map_err(|error| GraphError::Decode { format: "ONNX", reason: error.to_string() })
}
