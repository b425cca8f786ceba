//! The document as serde reads it.

use std::collections::BTreeMap;

use crate::graph::description::Value as Plain;
use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the keys must exist, some carry provenance or repeat what others say")]
pub(crate) struct Document {
    pub(super) schema: String,
    pub(super) name: String,
    source: String,
    exporter: String,
    batch: u64,
    pub(super) opset: i64,
    pub(super) inputs: Vec<TensorEntry>,
    pub(super) outputs: Vec<TensorEntry>,
    pub(super) totals: Totals,
    mac_rule: String,
    pub(super) nodes: Vec<Node>,
    edges: Vec<Value>,
    /// Schema 2: every constant that a node reads.
    #[serde(default)]
    pub(super) constants: Option<Vec<ConstantEntry>>,
    /// Schema 2: tensors that keep their content from run to run.
    #[serde(default)]
    pub(super) variables: Vec<TensorEntry>,
    /// Schema 2: affine quantisation by tensor.
    #[serde(default)]
    pub(super) quantization: BTreeMap<String, QuantizationEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConstantEntry {
    pub(super) name: String,
    pub(super) shape: Vec<u64>,
    pub(super) dtype: String,
    pub(super) values: Option<Vec<Plain>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct QuantizationEntry {
    pub(super) scales: Vec<f32>,
    pub(super) zero_points: Vec<i64>,
    #[serde(default)]
    pub(super) axis: usize,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TensorEntry {
    pub(super) name: String,
    pub(super) shape: Vec<u64>,
    pub(super) dtype: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Totals {
    pub(super) nodes: u64,
    pub(super) edges: u64,
    pub(super) params: u64,
    pub(super) macs: u64,
    pub(super) weight_bytes: u64,
    pub(super) activation_bytes: u64,
    pub(super) peak_live_activation_bytes: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "counts are recounted; the keys must exist")]
pub(super) struct Node {
    id: u64,
    pub(super) name: String,
    pub(super) op_type: String,
    pub(super) domain: String,
    pub(super) attrs: Map<String, Value>,
    pub(super) inputs: Vec<String>,
    pub(super) outputs: Vec<String>,
    pub(super) in_shapes: Vec<Vec<u64>>,
    pub(super) out_shapes: Vec<Vec<u64>>,
    macs: u64,
    out_elems: u64,
    bytes_in: u64,
    bytes_out: u64,
    pub(super) weight_bytes: u64,
    pub(super) dtype: String,
    /// Schema 2: element type of each output.
    #[serde(default)]
    pub(super) out_dtypes: Option<Vec<String>>,
}
