//! Operator lists and partition plans of the published CoDL program, embedded (csu-eis/CoDL@0a0c89d1, Apache-2.0; see NOTICE).
//!
//! Plans are read by index, as that program reads its arrays: entry `i` of the dimensions and of the shares belongs to operator `i`, chains follow one another.
//! A plan in which an operator has no entry, or whose chains do not add up to the operators, does not fit and is never padded. Entries behind the last
//! operator are never read.

use crate::diagnostics::{Diagnostic, InputError};
use crate::graph::partition::Dimension;
use crate::graph::sequence::{Sequence, SequenceOperator, Sizes, sequence};
use crate::strategy::co_execution::Chain;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

const TEXT: &str = include_str!("../../workloads/plans/codl.json");

/// The networks with plans: id here, name in the file.
pub const NETWORKS: [(&str, &str); 5] = [
    ("yolov2", "Yolov2"),
    ("vgg16", "Vgg16"),
    ("posenet", "Posenet"),
    ("fast-style-transfer", "FastStyleTransfer"),
    ("retinaface", "RetinaFace"),
];

/// The chips with plans: id here, name in the file.
pub const CHIPS: [(&str, &str); 4] = [
    ("snapdragon-855", "Snapdragon855"),
    ("snapdragon-865", "Snapdragon865"),
    ("snapdragon-888", "Snapdragon888"),
    ("kirin-990", "Kirin990"),
];

#[derive(Deserialize)]
struct RawNetwork {
    ops: Vec<(String, Vec<u64>)>,
    plans: BTreeMap<String, RawPlan>,
}

#[derive(Deserialize, Default)]
struct RawPlan {
    pdims: Option<Value>,
    pratioes: Option<Value>,
    chain_lengths: Option<Value>,
}

/// A network of the artifact.
pub struct ArtifactNetwork {
    /// Its operators.
    pub sequence: Sequence,
    raw: RawNetwork,
}

/// A plan of the artifact on a graph.
#[derive(Debug, Clone, PartialEq)]
pub struct PublishedPlan {
    /// Chains over all operators.
    pub chains: Vec<Chain>,
    /// What a reader must know.
    pub note: Option<String>,
}

fn broken(what: &str) -> InputError {
    Diagnostic::new("plan::artifact", format!("the embedded operator lists are broken: {what}")).into()
}

/// Loads a network by its name in the file.
///
/// # Errors
/// A fault of the embedded file, or an unknown name.
pub fn artifact_network(name: &str) -> Result<ArtifactNetwork, InputError> {
    let mut all: BTreeMap<String, Value> = serde_json::from_str(TEXT).map_err(|e| broken(&e.to_string()))?;
    let own = all.remove(name).ok_or_else(|| broken(&format!("no network `{name}`")))?;
    let raw: RawNetwork = serde_json::from_value(own).map_err(|e| broken(&e.to_string()))?;
    let operators = raw
        .ops
        .iter()
        .map(|(kind, sizes)| operator(kind, sizes).ok_or_else(|| broken(&format!("{kind} {sizes:?}"))))
        .collect::<Result<Vec<_>, _>>()?;
    let sequence =
        sequence(name, &operators).map_err(|number| broken(&format!("sizes of operator {number}")))?;
    Ok(ArtifactNetwork { sequence, raw })
}

fn operator(kind: &str, sizes: &[u64]) -> Option<SequenceOperator> {
    match (kind, sizes) {
        (
            "CONV2D",
            &[height, width, inputs, outputs, kernel_height, kernel_width, stride_height, stride_width],
        ) => Some(SequenceOperator::Convolution(Sizes {
            height,
            width,
            in_channels: inputs,
            out_channels: outputs,
            kernel_height,
            kernel_width,
            stride_height,
            stride_width,
        })),
        (
            "POOLING",
            &[height, width, channels, kernel_height, kernel_width, stride_height, stride_width, _],
        ) => Some(SequenceOperator::Pooling(Sizes {
            height,
            width,
            in_channels: channels,
            out_channels: channels,
            kernel_height,
            kernel_width,
            stride_height,
            stride_width,
        })),
        ("FULLY_CONNECTED", &[height, width, inputs, outputs, _]) => {
            Some(SequenceOperator::FullyConnected { inputs: height * width * inputs, outputs })
        }
        _ => None,
    }
}

/// An array of the file, or one number for every operator ("const 1").
fn numbers(value: Option<&Value>, operators: usize) -> Result<Vec<f64>, String> {
    match value {
        Some(Value::Array(values)) => Ok(values.iter().filter_map(Value::as_f64).collect()),
        Some(Value::String(text)) => {
            let number = text.strip_prefix("const ").and_then(|n| n.trim().parse().ok());
            number.map(|n| vec![n; operators]).ok_or_else(|| format!("`{text}` is no constant"))
        }
        _ => Err("the program has no such plan".to_owned()),
    }
}

impl ArtifactNetwork {
    /// The plan for a chip (name in the file), with or without chains.
    ///
    /// # Errors
    /// Why the plan cannot be replayed.
    pub fn plan(&self, chip: &str, chained: bool) -> Result<PublishedPlan, String> {
        let name = format!("{chip}/{}", if chained { "chain" } else { "no-chain" });
        let raw = self.raw.plans.get(&name).ok_or("the program has no such plan")?;
        let operators = self.raw.ops.len();
        let (dimensions, shares) =
            (numbers(raw.pdims.as_ref(), operators)?, numbers(raw.pratioes.as_ref(), operators)?);
        let lengths = match (&raw.chain_lengths, chained) {
            (None, false) => vec![1.0; operators],
            (value, _) => numbers(value.as_ref(), operators)?,
        };
        let covered: f64 = lengths.iter().sum();
        if dimensions.len() < operators || shares.len() < operators || covered != operators as f64 {
            return Err(format!(
                "not replayable: the plan has {} dimensions, {} shares and chains of {covered} operators in all; the network has {operators} operators",
                dimensions.len(),
                shares.len(),
            ));
        }
        if dimensions.len() != operators && shares.len() != operators {
            return Err(format!(
                "not replayable: dimensions and shares have {} and {} entries for {operators} operators, so that the plan belongs to another list",
                dimensions.len(),
                shares.len(),
            ));
        }
        let mut chains = Vec::with_capacity(lengths.len());
        let mut first = 0;
        for length in lengths {
            let last = first + length as usize - 1;
            let same = |values: &[f64]| values[first..=last].iter().all(|v| *v == values[first]);
            let dimension = match dimensions[first] as u32 {
                1 => Dimension::Height,
                4 => Dimension::OutputChannels,
                other => return Err(format!("not replayable: operator {first} has dimension {other}")),
            };
            if !same(&dimensions) || !same(&shares) {
                return Err(format!(
                    "not replayable: the chain of operators {first} to {last} has several shares"
                ));
            }
            let positions = &self.sequence.positions;
            chains.push(Chain {
                operators: (positions[first]..=positions[last]).collect(),
                dimension,
                share: shares[first],
            });
            first = last + 1;
        }
        let surplus = dimensions.len().max(shares.len()) - operators;
        let note = (surplus > 0).then(|| {
            format!("the plan has {} dimensions for {operators} operators; read by index, the last {surplus} are unused", dimensions.len())
        });
        Ok(PublishedPlan { chains, note })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_fit_or_say_why_not() {
        let (mut fit, mut refused) = (0, Vec::new());
        for (_, network) in NETWORKS {
            let loaded = artifact_network(network).unwrap();
            for (_, chip) in CHIPS {
                for chained in [true, false] {
                    match loaded.plan(chip, chained) {
                        Ok(plan) => {
                            let all: usize = plan.chains.iter().map(|chain| chain.operators.len()).sum();
                            assert!(all <= loaded.sequence.graph.operators.len());
                            fit += 1;
                        }
                        Err(why) => refused.push(format!("{network} {chip} {chained}: {why}")),
                    }
                }
            }
        }
        // VGG-16 has too few entries; RetinaFace without chains has a list of another length throughout.
        assert_eq!((fit, refused.len()), (37, 3), "{refused:?}");
        assert!(refused.iter().all(|why| why.contains("Snapdragon855") && why.contains("not replayable")));
    }
}
