//! The file as written.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use crate::graph::description::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct RawGraph {
    pub(super) schema: Spanned<i64>,
    pub(super) name: Option<String>,
    #[serde(default)]
    pub(super) vocabulary: RawVocabulary,
    pub(super) opset: Option<Spanned<i64>>,
    pub(super) inputs: Vec<RawTensor>,
    #[serde(default)]
    pub(super) variables: Vec<RawTensor>,
    #[serde(default)]
    pub(super) constants: Vec<RawConstant>,
    #[serde(default)]
    pub(super) quantization: Vec<RawQuantization>,
    pub(super) outputs: Vec<Spanned<String>>,
    pub(super) operator: Vec<RawOperator>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Default)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RawVocabulary {
    #[default]
    Onnx,
    Tflite,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTensor {
    pub(super) name: Spanned<String>,
    pub(super) shape: Vec<u64>,
    pub(super) element: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawConstant {
    pub(super) name: Spanned<String>,
    pub(super) shape: Vec<u64>,
    pub(super) element: Option<Spanned<String>>,
    pub(super) values: Option<Spanned<Vec<Value>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawQuantization {
    pub(super) tensor: Spanned<String>,
    pub(super) scales: Vec<f64>,
    #[serde(default)]
    pub(super) zero_points: Vec<i64>,
    #[serde(default)]
    pub(super) axis: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawOperator {
    pub(super) r#type: Spanned<String>,
    pub(super) name: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) domain: String,
    pub(super) inputs: Vec<String>,
    pub(super) outputs: Option<Vec<String>>,
    #[serde(default)]
    pub(super) attributes: BTreeMap<String, Spanned<Value>>,
    pub(super) shapes: Option<Spanned<Vec<Vec<u64>>>>,
    pub(super) elements: Option<Spanned<Vec<Spanned<String>>>>,
}
