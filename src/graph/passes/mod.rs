//! Rewrites of operator graphs. So far: lowering, from a graph as read to what one runtime executes.
//!
//! [`lower`] reads a graph of either vocabulary (ONNX, TFLite) into a draft whose nodes carry a
//! vocabulary-neutral [`Kind`], applies the passes that the runtime's [`LoweringRules`] ask for, one file each,
//! and names what is left in the runtime's own words. Nothing depends on a model's name.

mod attention;
mod constants;
mod draft;
mod emit;
mod expansion;
mod fold_weights;
mod fusion;
mod gates;
mod gelu;
mod import;
mod import_onnx;
mod import_tflite;
mod kind;
mod layout;
mod norms;
mod padding;
#[cfg(test)]
mod pattern_tests;
mod products;
mod quantization;
#[cfg(test)]
mod robustness_tests;
mod rules;
#[cfg(test)]
mod testing;
mod unbundle;
mod views;
mod vocabulary;

use super::lowered::LoweredGraph;
use super::model::Graph;

pub use kind::Kind;
pub use rules::{
    ALL, BatchNormForm, Fusion, LoweringRules, MACE, NCNN, NONE, ONNXRUNTIME, TFLITE, TFLITE_GPU, rules,
};
pub use vocabulary::Vocabulary;

/// Why a graph could not be lowered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoweringError {
    /// An operator names a tensor that the graph does not have.
    #[error(
        "an operator refers to tensor {tensor}, but the graph has {tensors} tensors; read the file again"
    )]
    DanglingTensor {
        /// The number given.
        tensor: u32,
        /// Number of tensors.
        tensors: usize,
    },
    /// The operators of the graph depend on each other in a circle.
    #[error("the operators of {name:?} depend on each other in a circle, so they cannot be executed")]
    Cycle {
        /// The model.
        name: String,
    },
}

/// What the runtime with `rules` executes for `graph`.
///
/// Multiply-accumulates are kept: the sum over the lowered operators equals that over the source's, except for
/// operators on constants alone, which a converter computes beforehand.
///
/// # Errors
/// [`LoweringError`] for a graph whose references or order are broken; graphs from the readers have neither.
pub fn lower(graph: &Graph, rules: &LoweringRules) -> Result<LoweredGraph, LoweringError> {
    let mut draft = import::import(graph)?;
    if rules.unbundle {
        unbundle::take_apart(&mut draft, graph);
    }
    if rules.fold_quantization {
        quantization::keep_stored_weights(&mut draft);
    }
    if rules.fold_constants {
        constants::fold(&mut draft);
    }
    if rules.channels_last {
        layout::to_channels_last(&mut draft);
    }
    products::choose_form(&mut draft, rules);
    views::remove(&mut draft, rules);
    if rules.dense_from_convolution {
        products::dense_from_convolution(&mut draft);
    }
    fold_weights::fold(&mut draft, rules);
    if rules.gates {
        gates::recognise(&mut draft, rules);
    }
    if rules.gelu {
        gelu::recognise(&mut draft);
    }
    norms::recognise(&mut draft, rules);
    if rules.attention {
        attention::recognise(&mut draft);
    }
    expansion::expand(&mut draft, rules);
    if rules.fused_matmul {
        products::fuse_scaling(&mut draft);
    }
    fusion::fuse(&mut draft, rules);
    if rules.fold_quantization {
        quantization::fold(&mut draft);
    }
    if rules.explicit_pad {
        padding::make_explicit(&mut draft);
    }
    if !draft.sort() {
        return Err(LoweringError::Cycle { name: graph.name.clone() });
    }
    Ok(emit::emit(&draft, rules))
}
