//! Matrix products, contractions and recurrent layers.

use std::collections::BTreeMap;

use super::node::{Facts, Node, RuleError, broadcast, invalid, size};
use crate::graph::fact::Fact;
use crate::graph::model::ElementType;

/// `MatMul`, `MatMulInteger`, `QLinearMatMul`: numpy's rules.
pub(super) fn matmul(node: &Node) -> Facts {
    let quantized = node.operator.op_type == "QLinearMatMul";
    let (a, b) = (node.input(0)?, node.input(if quantized { 3 } else { 1 })?);
    let element = match node.operator.op_type.as_str() {
        "MatMulInteger" => ElementType::I32,
        "QLinearMatMul" => node.input(7)?.element,
        _ => a.element,
    };
    Ok(vec![Fact::activation(product(&a.shape, &b.shape)?, element)])
}

pub(super) fn product(a: &[u64], b: &[u64]) -> Result<Vec<u64>, RuleError> {
    let mismatch = || invalid(format!("shapes {a:?} and {b:?} cannot be multiplied"));
    let (rows, inner_a, batch_a) = match a {
        [k] => (None, *k, &a[..0]),
        [batch @ .., m, k] => (Some(*m), *k, batch),
        [] => return mismatch(),
    };
    let (columns, inner_b, batch_b) = match b {
        [k] => (None, *k, &b[..0]),
        [batch @ .., k, n] => (Some(*n), *k, batch),
        [] => return mismatch(),
    };
    if inner_a != inner_b {
        return mismatch();
    }
    let mut shape = broadcast(batch_a, batch_b)?;
    shape.extend(rows);
    shape.extend(columns);
    Ok(shape)
}

/// `Gemm`.
pub(super) fn gemm(node: &Node) -> Facts {
    let (a, b) = (node.input(0)?, node.input(1)?);
    let (&[a0, a1], &[b0, b1]) = (a.shape.as_slice(), b.shape.as_slice()) else {
        return invalid(format!("shapes {:?} and {:?} are not matrices", a.shape, b.shape));
    };
    let (m, k) = if node.int("transA", 0) != 0 { (a1, a0) } else { (a0, a1) };
    let (inner, n) = if node.int("transB", 0) != 0 { (b1, b0) } else { (b0, b1) };
    if k != inner {
        return invalid(format!("shapes {:?} and {:?} cannot be multiplied", a.shape, b.shape));
    }
    if let Some(c) = node.optional(2)
        && broadcast(&c.shape, &[m, n])? != [m, n]
    {
        return invalid(format!("the bias of shape {:?} does not fit {m} x {n}", c.shape));
    }
    Ok(vec![Fact::activation(vec![m, n], a.element)])
}

/// The sizes of an equation's letters, and the letters of each input and of the output. Dimensions
/// under an ellipsis get the private letters `0`, `1`, ... counted from the last.
pub(crate) struct Contraction {
    pub(crate) sizes: BTreeMap<char, u64>,
    pub(crate) output: Vec<char>,
}

/// Resolves an `Einsum` equation for input shapes.
pub(crate) fn contraction(equation: &str, shapes: &[&[u64]]) -> Result<Contraction, String> {
    let equation: String = equation.chars().filter(|c| !c.is_whitespace()).collect();
    let (left, right) = match equation.split_once("->") {
        Some((left, right)) => (left, Some(right)),
        None => (equation.as_str(), None),
    };
    let terms: Vec<&str> = left.split(',').collect();
    if terms.len() != shapes.len() {
        return Err(format!("equation `{equation}` has {} terms for {} inputs", terms.len(), shapes.len()));
    }
    let private = |n: usize| -> Result<Vec<char>, String> {
        if n > 10 {
            return Err("more than 10 dimensions under an ellipsis".to_owned());
        }
        Ok((0..n as u32).rev().filter_map(|i| char::from_digit(i, 10)).collect())
    };
    let expand = |term: &str, covered: usize| -> Result<Vec<char>, String> {
        match term.split_once("...") {
            Some((before, after)) => {
                Ok(before.chars().chain(private(covered)?).chain(after.chars()).collect())
            }
            None => Ok(term.chars().collect()),
        }
    };
    let mut sizes = BTreeMap::new();
    let mut widest = 0;
    let mut count: BTreeMap<char, usize> = BTreeMap::new();
    for (term, shape) in terms.iter().zip(shapes) {
        let named = term.chars().filter(|&c| c != '.').count();
        let covered = if term.contains("...") { shape.len().saturating_sub(named) } else { 0 };
        widest = widest.max(covered);
        let letters = expand(term, covered)?;
        if letters.len() != shape.len() {
            return Err(format!("term `{term}` does not fit shape {shape:?}"));
        }
        for (&letter, &dim) in letters.iter().zip(*shape) {
            *count.entry(letter).or_insert(0) += 1;
            let known = sizes.entry(letter).or_insert(dim);
            if *known == 1 {
                *known = dim;
            } else if dim != *known && dim != 1 {
                return Err(format!("`{letter}` is {known} and {dim} in equation `{equation}`"));
            }
        }
    }
    let output = match right {
        Some(right) => expand(right, widest)?,
        // The classical form: letters that occur once, in alphabetical order, behind the ellipsis.
        None => {
            let once = count.iter().filter(|&(c, &n)| n == 1 && !c.is_ascii_digit()).map(|(&c, _)| c);
            private(widest)?.into_iter().chain(once).collect()
        }
    };
    match output.iter().find(|c| !sizes.contains_key(c)) {
        Some(letter) => Err(format!("`{letter}` of the output is in no term of equation `{equation}`")),
        None => Ok(Contraction { sizes, output }),
    }
}

/// `Einsum`.
pub(super) fn einsum(node: &Node) -> Facts {
    let first = node.input(0)?;
    let shapes: Vec<&[u64]> = node.inputs.iter().flatten().map(|f| f.shape.as_slice()).collect();
    let contraction = contraction(node.text("equation", ""), &shapes).map_err(RuleError::Invalid)?;
    let shape = contraction.output.iter().filter_map(|c| contraction.sizes.get(c)).copied().collect();
    Ok(vec![Fact::activation(shape, first.element)])
}

/// `LSTM`, `GRU`, `RNN`: sequence, last state and for LSTM last cell.
pub(super) fn recurrent(node: &Node) -> Facts {
    let (x, r) = (node.input(0)?, node.input(2)?);
    let (&[a, b, _], &[directions, _, hidden]) = (x.shape.as_slice(), r.shape.as_slice()) else {
        return invalid(format!("input {:?} and recurrence {:?} need 3 dimensions", x.shape, r.shape));
    };
    let hidden = node.operator.int("hidden_size").map_or(Ok(hidden), |h| size(h, "hidden_size"))?;
    let batch_first = node.int("layout", 0) == 1;
    let (steps, batch) = if batch_first { (b, a) } else { (a, b) };
    let (sequence, state) = if batch_first {
        (vec![batch, steps, directions, hidden], vec![batch, directions, hidden])
    } else {
        (vec![steps, directions, batch, hidden], vec![directions, batch, hidden])
    };
    Ok([sequence, state.clone(), state].map(|shape| Fact::activation(shape, x.element)).into())
}
