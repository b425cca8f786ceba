//! From a [`Draft`] to a [`Graph`]: shapes inferred, constants folded, identities removed.

use super::draft::{Draft, DraftOperator, DraftTensor, label};
use super::error::GraphError;
use super::fact::Fact;
use super::model::{Graph, Operator, Tensor, TensorId, TensorRole};
use super::onnx::tensors::check_shape;
use super::shape_inference::{RuleError, infer};
use crate::diagnostics::printable;

/// Operators whose result is not fixed although their inputs are, or that must stay visible: lowering
/// needs to see how constant weights are quantised.
const NEVER_FOLDED: [&str; 8] = [
    "RandomNormal",
    "RandomNormalLike",
    "RandomUniform",
    "RandomUniformLike",
    "Multinomial",
    "Bernoulli",
    "QuantizeLinear",
    "DequantizeLinear",
];

/// Operators whose output size depends on the data; only a stated shape can fix it.
const DATA_DEPENDENT: [&str; 4] = ["NonZero", "NonMaxSuppression", "Unique", "Compress"];

/// Infers, folds and compacts.
pub(crate) fn fold(draft: Draft) -> Result<Graph, GraphError> {
    let Draft { name, opset, inputs, mut outputs, mut tensors, operators, .. } = draft;
    let mut used = vec![false; tensors.len()];
    for id in operators.iter().flat_map(|o| o.operator.inputs.iter().flatten()).chain(&outputs) {
        used[id.0 as usize] = true;
    }
    let mut alias: Vec<TensorId> = (0..tensors.len() as u32).map(TensorId).collect();
    let mut kept = Vec::with_capacity(operators.len());
    for (position, mut draft_operator) in operators.into_iter().enumerate() {
        let operator = &mut draft_operator.operator;
        for id in operator.inputs.iter_mut().flatten() {
            *id = alias[id.0 as usize];
        }
        if let Some((from, to)) = passes_through(operator, &tensors, &used) {
            alias[to.0 as usize] = from;
            continue;
        }
        if !evaluate(&draft_operator, &mut tensors, opset, position)? {
            kept.push(draft_operator.operator);
        }
    }
    for id in &mut outputs {
        *id = alias[id.0 as usize];
    }
    remove_dead(&mut kept, &outputs, &used);
    compact(name, opset, inputs, outputs, tensors, kept)
}

/// The source and target of an operator that only renames its input.
fn passes_through(
    operator: &Operator,
    tensors: &[DraftTensor],
    used: &[bool],
) -> Option<(TensorId, TensorId)> {
    let (from, to) = ((*operator.inputs.first()?)?, (*operator.outputs.first()?)?);
    let unused = |output: &Option<TensorId>| output.is_none_or(|id| !used[id.0 as usize]);
    let training = || {
        let id = operator.inputs.get(2).copied().flatten()?;
        let fact = tensors[id.0 as usize].fact.as_ref()?;
        Some(!fact.constant || fact.integers() != Some(&[0]))
    };
    let renames = operator.domain.is_empty()
        && match operator.op_type.as_str() {
            "Identity" => true,
            "Dropout" => operator.outputs.iter().skip(1).all(unused) && !training().unwrap_or(false),
            _ => false,
        };
    renames.then_some((from, to))
}

/// Infers what an operator produces; `true` if all of it is constant, so that the operator goes away.
fn evaluate(
    draft: &DraftOperator,
    tensors: &mut [DraftTensor],
    opset: i64,
    position: usize,
) -> Result<bool, GraphError> {
    let operator = &draft.operator;
    let inputs: Vec<Option<&Fact>> =
        operator.inputs.iter().map(|id| id.and_then(|id| tensors[id.0 as usize].fact.as_ref())).collect();
    let all_constant = inputs.iter().flatten().all(|f| f.constant);
    let who = || label(&operator.name, &operator.op_type, position);
    let inferred = match infer(operator, draft.tensor.as_ref(), &inputs, opset) {
        Some(Ok(facts)) => facts,
        Some(Err(RuleError::Unknown(reason))) if !all_stated(operator, tensors) => {
            return Err(GraphError::Shape { operator: who(), op_type: operator.op_type.clone(), reason });
        }
        Some(Err(RuleError::Invalid(reason))) => {
            return Err(GraphError::Shape { operator: who(), op_type: operator.op_type.clone(), reason });
        }
        None | Some(Err(RuleError::Unknown(_))) => Vec::new(),
    };
    let folds = !(operator.domain.is_empty() && NEVER_FOLDED.contains(&operator.op_type.as_str()))
        && (all_constant || (!inferred.is_empty() && inferred.iter().all(|f| f.data.is_some())));
    for (index, id) in operator.outputs.iter().enumerate() {
        let Some(id) = id else { continue };
        let tensor = &mut tensors[id.0 as usize];
        let stated = tensor.stated_shape.clone().zip(tensor.stated_element);
        let mut fact = match (inferred.get(index), stated) {
            (Some(fact), _) => {
                check_stated(tensor, fact, &who)?;
                fact.clone()
            }
            (None, Some((shape, element))) => Fact::activation(shape, element),
            (None, None) if DATA_DEPENDENT.contains(&operator.op_type.as_str()) => {
                let reason = "its output size depends on the data; end the graph before it, or state a \
                              fixed shape for its output in the file"
                    .to_owned();
                return Err(GraphError::Shape { operator: who(), op_type: operator.op_type.clone(), reason });
            }
            (None, None) => {
                let domain = if operator.domain.is_empty() { "" } else { "." };
                let op_type =
                    format!("{}{domain}{}", printable(&operator.domain), printable(&operator.op_type));
                return Err(GraphError::NoRule { op_type, operator: who() });
            }
        };
        check_shape(&tensor.name, &fact.shape)?;
        fact.constant = folds;
        tensor.fact = Some(fact);
    }
    Ok(folds)
}

fn all_stated(operator: &Operator, tensors: &[DraftTensor]) -> bool {
    operator.outputs.iter().flatten().all(|id| {
        let tensor = &tensors[id.0 as usize];
        tensor.stated_shape.is_some() && tensor.stated_element.is_some()
    })
}

fn check_stated(tensor: &DraftTensor, fact: &Fact, who: &dyn Fn() -> String) -> Result<(), GraphError> {
    let conflict = |stated: String, inferred: String| {
        Err(GraphError::Conflict { tensor: printable(&tensor.name), stated, inferred, operator: who() })
    };
    if let Some(stated) = tensor.stated_shape.as_ref().filter(|s| **s != fact.shape) {
        return conflict(format!("shape {stated:?}"), format!("{:?}", fact.shape));
    }
    if let Some(stated) = tensor.stated_element.filter(|&s| s != fact.element) {
        return conflict(format!("element type {stated:?}"), format!("{:?}", fact.element));
    }
    Ok(())
}

/// Removes operators that nobody needs any more because those who read them were folded.
fn remove_dead(operators: &mut Vec<Operator>, outputs: &[TensorId], used_before: &[bool]) {
    let mut used = vec![false; used_before.len()];
    for id in outputs {
        used[id.0 as usize] = true;
    }
    let mut alive = vec![true; operators.len()];
    for (operator, alive) in operators.iter().zip(&mut alive).rev() {
        let produced = || operator.outputs.iter().flatten();
        *alive = produced().any(|id| used[id.0 as usize]) || !produced().any(|id| used_before[id.0 as usize]);
        if *alive {
            for id in operator.inputs.iter().flatten() {
                used[id.0 as usize] = true;
            }
        }
    }
    let mut keep = alive.into_iter();
    operators.retain(|_| keep.next().unwrap_or(true));
}

/// Keeps the tensors that somebody mentions, in the order of first mention.
pub(crate) fn compact(
    name: String,
    opset: i64,
    inputs: Vec<TensorId>,
    outputs: Vec<TensorId>,
    mut drafts: Vec<DraftTensor>,
    mut operators: Vec<Operator>,
) -> Result<Graph, GraphError> {
    let mut renumbered: Vec<Option<TensorId>> = vec![None; drafts.len()];
    let mut tensors = Vec::new();
    let mut renumber = |id: &mut TensorId| -> Result<(), GraphError> {
        let slot = id.0 as usize;
        if renumbered[slot].is_none() {
            let draft = &mut drafts[slot];
            let Some(fact) = draft.fact.take() else {
                let reason = format!("tensor `{}` has no shape", printable(&draft.name));
                return Err(GraphError::Malformed { reason });
            };
            let role = if fact.constant { TensorRole::Constant(fact.data) } else { TensorRole::Activation };
            renumbered[slot] = Some(TensorId(tensors.len() as u32));
            let name = std::mem::take(&mut draft.name);
            tensors.push(Tensor { name, shape: fact.shape, element: fact.element, role, quantization: None });
        }
        *id = renumbered[slot].unwrap_or(*id);
        Ok(())
    };
    let (mut inputs, mut outputs) = (inputs, outputs);
    inputs.iter_mut().try_for_each(&mut renumber)?;
    for operator in &mut operators {
        operator.inputs.iter_mut().chain(&mut operator.outputs).flatten().try_for_each(&mut renumber)?;
    }
    outputs.iter_mut().try_for_each(&mut renumber)?;
    Ok(Graph { name, opset, inputs, outputs, tensors, operators })
}
