//! Operators of domain `com.microsoft`, which ONNX Runtime's optimizer and quantizer write.
//!
//! Definitions: <https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md>.

use super::elementwise::like_first;
use super::linear::{gemm, product};
use super::node::{Facts, Node, axis, broadcast, invalid};
use super::window::convolution;
use crate::graph::fact::Fact;

/// The rule for an operator type of this domain.
pub(super) fn rule(op_type: &str) -> Option<fn(&Node) -> Facts> {
    Some(match op_type {
        "FusedConv" => convolution,
        "FusedGemm" => gemm,
        "FusedMatMul" => fused_matmul,
        "QGemm" => quantized_gemm,
        "Gelu" | "FastGelu" | "BiasGelu" | "QuickGelu" | "QLinearSigmoid" | "QLinearLeakyRelu" => like_first,
        "SkipLayerNormalization" | "SkipSimplifiedLayerNormalization" => skip_normalization,
        "QLinearAdd" | "QLinearMul" => quantized_broadcast,
        "QLinearGlobalAveragePool" => quantized_global_pool,
        "QLinearConcat" => quantized_concat,
        _ => return None,
    })
}

/// A product whose operands may be transposed in their last two dimensions.
fn fused_matmul(node: &Node) -> Facts {
    if node.int("transBatchA", 0) != 0 || node.int("transBatchB", 0) != 0 {
        return invalid("transBatchA and transBatchB are not supported");
    }
    let turned = |fact: &Fact, flag: &str| {
        let mut shape = fact.shape.clone();
        let rank = shape.len();
        if node.int(flag, 0) != 0 && rank >= 2 {
            shape.swap(rank - 2, rank - 1);
        }
        shape
    };
    let (a, b) = (node.input(0)?, node.input(1)?);
    Ok(vec![Fact::activation(product(&turned(a, "transA"), &turned(b, "transB"))?, a.element)])
}

/// Inputs are A, its scale and zero point, B, its scale and zero point, C, and those of the result.
fn quantized_gemm(node: &Node) -> Facts {
    let (a, b) = (node.input(0)?, node.input(3)?);
    let (&[a0, a1], &[b0, b1]) = (a.shape.as_slice(), b.shape.as_slice()) else {
        return invalid(format!("shapes {:?} and {:?} are not two matrices", a.shape, b.shape));
    };
    let (rows, inner_a) = if node.int("transA", 0) == 0 { (a0, a1) } else { (a1, a0) };
    let (inner_b, columns) = if node.int("transB", 0) == 0 { (b0, b1) } else { (b1, b0) };
    if inner_a != inner_b {
        return invalid(format!("shapes {:?} and {:?} cannot be multiplied", a.shape, b.shape));
    }
    let element = node.optional(8).map_or(crate::graph::model::ElementType::F32, |zero| zero.element);
    Ok(vec![Fact::activation(vec![rows, columns], element)])
}

/// The normalised sum, two statistics that nobody reads in inference, and the sum itself.
fn skip_normalization(node: &Node) -> Facts {
    let x = node.input(0)?;
    let same = Fact::activation(x.shape.clone(), x.element);
    let mut rows = x.shape.clone();
    if let Some(last) = rows.last_mut() {
        *last = 1;
    }
    let statistic = Fact::activation(rows, crate::graph::model::ElementType::F32);
    Ok(vec![same.clone(), statistic.clone(), statistic, same])
}

fn quantized_broadcast(node: &Node) -> Facts {
    let (a, b) = (node.input(0)?, node.input(3)?);
    Ok(vec![Fact::activation(broadcast(&a.shape, &b.shape)?, a.element)])
}

fn quantized_global_pool(node: &Node) -> Facts {
    let x = node.input(0)?;
    if node.int("channels_last", 0) != 0 {
        return invalid("channels_last is not supported");
    }
    let shape = x.shape.iter().enumerate().map(|(i, &d)| if i < 2 { d } else { 1 }).collect();
    Ok(vec![Fact::activation(shape, x.element)])
}

/// Inputs are the scale and zero point of the result, then (tensor, scale, zero point) of each part.
fn quantized_concat(node: &Node) -> Facts {
    let parts: Vec<&Fact> = (2..node.inputs.len()).step_by(3).filter_map(|i| node.optional(i)).collect();
    let Some(first) = parts.first() else { return invalid("there is nothing to concatenate") };
    let along = axis(node.int("axis", 0), first.shape.len())?;
    let mut shape = first.shape.clone();
    let mut total = 0u64;
    for part in &parts {
        let fits = part.shape.len() == shape.len()
            && part.shape.iter().zip(&shape).enumerate().all(|(i, (x, y))| i == along || x == y);
        if !fits {
            return invalid(format!("shapes {:?} and {:?} do not fit side by side", first.shape, part.shape));
        }
        total = total.saturating_add(part.shape.get(along).copied().unwrap_or(0));
    }
    if let Some(slot) = shape.get_mut(along) {
        *slot = total;
    }
    Ok(vec![Fact::activation(shape, first.element)])
}
